/* collect/batch_text: see batch_text.h. Linked into tests only. */
#include "collect/batch_text.h"

#include "calendar/calendar.h"

static const char *const type_names[VALUE_TYPE_COUNT] = {"missing", "null", "bool", "int",
                                                         "double",  "text", "list"};

static void properties_text(const struct property *list, size_t count, struct buf *out)
{
    buf_add(out, STR(" {"));
    for (size_t i = 0; i < count; i++) {
        char room[VALUE_TEXT_BYTES];
        struct value v = list[i].value;
        struct str text = v.type == VALUE_NULL ? STR("null") : value_text(v, room);
        buf_printf(out, "%s%.*s:%s=", i ? ", " : "", STR_ARG(list[i].name), type_names[v.type]);
        buf_add(out, text);
    }
    buf_add(out, STR("}\n"));
}

static void part(struct buf *out, const char *name, struct str text)
{
    if (text.len) {
        buf_printf(out, " %s ", name);
        buf_add(out, text);
    }
}

static void event_text(const struct event *event, struct buf *out)
{
    char room[INSTANT_TEXT_BYTES];
    buf_printf(out, "event \"%.*s\" by ", STR_ARG(event->name));
    buf_add(out, event->person);
    part(out, "at", instant_text(event->time, room));
    if (event->offset_minutes)
        buf_printf(out, "%+d", event->offset_minutes);
    part(out, "account", event->account);
    part(out, "session", event->session);
    part(out, "id", event->id);
    if (event->copy)
        buf_printf(out, " copy %u", event->copy);
    properties_text(event->properties, event->property_count, out);
}

static void fact_text(const struct fact *fact, struct buf *out)
{
    static const char *const kinds[] = {"person", "account", "merge", "unmerge"};
    char room[INSTANT_TEXT_BYTES];
    buf_printf(out, "%s ", kinds[fact->kind]);
    buf_add(out, fact->subject);
    part(out, "with", fact->other);
    if (fact->created != FACT_CREATED_NONE)
        part(out, "created", instant_text(fact->created, room));
    part(out, "by", fact->by);
    part(out, "because", fact->reason);
    properties_text(fact->properties, fact->property_count, out);
}

void batch_text(const struct store_batch *batch, struct buf *out)
{
    for (size_t i = 0; i < batch->event_count; i++)
        event_text(&batch->events[i], out);
    for (size_t i = 0; i < batch->fact_count; i++)
        fact_text(&batch->facts[i], out);
}

static bool add(void *context, const struct store_batch *batch, struct err *e)
{
    struct text_sink *s = context;
    if (++s->batches == s->fail_at)
        return err_set(e, ERR_NO_SPACE, "the disk is full");
    s->events += batch->event_count;
    s->facts += batch->fact_count;
    if (!s->is_quiet)
        batch_text(batch, &s->text);
    return true;
}

static bool finish(void *context, struct store_receipt *receipt, struct err *e)
{
    struct text_sink *s = context;
    (void)e;
    s->finishes++;
    *receipt = (struct store_receipt){.accepted = s->events + s->facts};
    return true;
}

struct collect_sink text_sink(struct text_sink *s)
{
    return (struct collect_sink){.add = add, .finish = finish, .context = s};
}
