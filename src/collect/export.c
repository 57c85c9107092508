/* collect/export: see export.h. */
#include "collect/export.h"

#include <stdio.h>
#include <stdlib.h>

#include "calendar/calendar.h"
#include "codec/json.h"

enum { TEXT_BYTES = INSTANT_TEXT_BYTES + 8 };

/* In the sender's own offset: "2026-02-03T09:15:00+07:00". */
static struct str time_text(int64_t ms, int offset_minutes, char *room)
{
    struct str text = instant_text(ms + (int64_t)offset_minutes * 60000, room);
    if (!offset_minutes)
        return text;
    int minutes = abs(offset_minutes);
    size_t at = text.len - 1; /* of the Z */
    int len = snprintf(room + at, TEXT_BYTES - at, "%c%02d:%02d", offset_minutes < 0 ? '-' : '+',
                       minutes / 60, minutes % 60);
    return (struct str){room, at + (size_t)len};
}

/* 4.0 stays 4.0: whole numbers are of another type. */
static void put_value(struct jwrite *w, struct value v)
{
    BUF_AUTO text = {0};
    struct jwrite number = jwrite_to(&text);

    if (v.type != VALUE_DOUBLE) {
        jwrite_value(w, v);
        return;
    }
    jwrite_double(&number, v.number);
    struct str s = buf_str(&text);
    if (str_find(s, '.') == s.len && str_find(s, 'e') == s.len)
        buf_add(&text, STR(".0"));
    jwrite_raw(w, buf_str(&text));
}

static void put_properties(struct jwrite *w, const char *member, const struct property *list,
                           size_t count)
{
    jwrite_key(w, str_of(member));
    jwrite_object(w);
    for (size_t i = 0; i < count; i++) {
        jwrite_key(w, list[i].name);
        put_value(w, list[i].value);
    }
    jwrite_end(w);
}

void export_event(const struct event *event, struct buf *into)
{
    struct jwrite w = jwrite_to(into);
    char room[TEXT_BYTES];

    jwrite_object(&w);
    jwrite_pair_string(&w, "event", event->name);
    jwrite_pair_string(&w, "person", event->person);
    jwrite_pair_string(&w, "time", time_text(event->time, event->offset_minutes, room));
    if (event->id.len)
        jwrite_pair_string(&w, "id", event->id);
    if (event->account.len)
        jwrite_pair_string(&w, "account", event->account);
    if (event->session.len)
        jwrite_pair_string(&w, "session", event->session);
    if (event->property_count)
        put_properties(&w, "properties", event->properties, event->property_count);
    jwrite_end(&w);
    buf_add_char(into, '\n');
}

static void put_traits(struct jwrite *w, const struct fact *f)
{
    char room[TEXT_BYTES];

    jwrite_pair_string(w, f->kind == FACT_ACCOUNT_TRAITS ? "account" : "person", f->subject);
    put_properties(w, "traits", f->properties, f->property_count);
    if (f->created != (int64_t)FACT_CREATED_NONE)
        jwrite_pair_string(w, "created", instant_text(f->created, room));
}

static void put_merge(struct jwrite *w, const struct fact *f, bool with_history)
{
    char room[TEXT_BYTES];

    jwrite_pair_string(w, "person", f->subject);
    jwrite_key(w, f->kind == FACT_MERGE ? STR("merge") : STR("unmerge"));
    jwrite_array(w);
    jwrite_string(w, f->other);
    jwrite_end(w);
    if (f->reason.len)
        jwrite_pair_string(w, "reason", f->reason);
    if (!with_history)
        return;
    jwrite_pair_string(w, "at", instant_text(f->received, room));
    jwrite_pair_string(w, "by", f->by);
}

void export_fact(const struct fact *f, bool with_history, struct buf *into)
{
    struct jwrite w = jwrite_to(into);

    jwrite_object(&w);
    if (f->kind == FACT_PERSON_TRAITS || f->kind == FACT_ACCOUNT_TRAITS)
        put_traits(&w, f);
    else
        put_merge(&w, f, with_history);
    jwrite_end(&w);
    buf_add_char(into, '\n');
}
