/* query/explain: what a pass over the events will look at, in words. */
#include "query/question.h"

static void names_write(const struct scan_condition *c, struct buf *out)
{
    static const char *const subjects[] = {
        [SCAN_NAME] = "name",           [SCAN_ID] = "id",           [SCAN_TIME] = "time",
        [SCAN_ACCOUNT] = "account",     [SCAN_SESSION] = "session", [SCAN_UNIT] = "person",
        [SCAN_SESSION_FACT] = "session"};

    for (size_t i = 0; i < c->child_count; i++) {
        if (i)
            buf_add(out, STR(", "));
        names_write(c->children[i], out);
    }
    if (c->kind == SCAN_TEST && (c->subject == SCAN_PROPERTY || c->subject == SCAN_COMPUTED))
        buf_printf(out, "\"%.*s\"", STR_ARG(c->property));
    else if (c->kind == SCAN_TEST)
        buf_add(out, str_of(subjects[c->subject]));
}

static void column_write(const struct scan_column *c, struct buf *out)
{
    struct scan_condition named = {
        .kind = SCAN_TEST, .subject = c->subject, .property = c->property};

    names_write(&named, out);
    buf_add(out, c->kind == SCAN_NUMBER ? STR(" as number") : STR(""));
}

static void selector_write(const struct question *q, const struct scan_selector *s, struct buf *out)
{
    char room[INSTANT_TEXT_BYTES];

    if (s->event.at)
        buf_printf(out, "\"%.*s\"", STR_ARG(s->event));
    else
        buf_add(out, STR("any event"));
    if (s->from > INT64_MIN / 2)
        buf_printf(out, " from %.*s", STR_ARG(instant_local_text(q->zone, s->from, room)));
    else
        buf_add(out, STR(" of all history"));
    if (s->to < INT64_MAX / 2)
        buf_printf(out, " to %.*s", STR_ARG(instant_local_text(q->zone, s->to, room)));
    if (!s->filter)
        return;
    buf_add(out, STR(", where "));
    names_write(s->filter, out);
}

void explain_pass(const struct question *q, const struct scan_plan *plan, struct buf *out)
{
    const char *how = !plan->by_unit ? "by rows" : plan->in_parts ? "by unit, in parts" : "by unit";

    buf_printf(out, "pass %u, %s:\n", q->stats.passes + 1, how);
    for (size_t i = 0; i < plan->selector_count; i++) {
        buf_printf(out, "  selector %zu: ", i + 1);
        selector_write(q, &plan->selectors[i], out);
        buf_add_char(out, '\n');
    }
    for (size_t i = 0; i < plan->column_count; i++) {
        buf_add(out, i ? STR(", ") : STR("  columns: "));
        column_write(&plan->columns[i], out);
    }
    if (plan->column_count)
        buf_add_char(out, '\n');
    if (plan->edge_count)
        buf_printf(out, "  %zu intervals\n", plan->edge_count - 1);
}
