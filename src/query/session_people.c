/* query/session_people: the sessions behind a number, one row each. */
#include <stdio.h>
#include <stdlib.h>

#include "query/session_scan.h"

struct row {
    const struct session_record *of;
    struct str id; /* of the SDK; .at == NULL: none */
};

static int by_unit(const void *a, const void *b)
{
    const struct session_record *x = a, *y = b;
    return (x->unit > y->unit) - (x->unit < y->unit);
}

/* By person, then as they began: numbers of sessions depend on how the events lie. */
static int by_start(const void *a, const void *b)
{
    const struct row *x = a, *y = b;

    if (x->of->person != y->of->person)
        return x->of->person < y->of->person ? -1 : 1;
    if (x->of->start != y->of->start)
        return x->of->start < y->of->start ? -1 : 1;
    if (x->of->last != y->of->last)
        return x->of->last < y->of->last ? -1 : 1;
    return str_compare(x->id, y->id);
}

static const struct session_record *record_find(const struct session_records *r, uint32_t unit)
{
    struct session_record wanted = {.unit = unit};
    return bsearch(&wanted, r->list, r->count, sizeof wanted, by_unit);
}

static struct row *rows_make(const struct question *q, const struct people *p)
{
    const struct session_records *r = p->sessions;
    struct row *rows = arena_array(q->arena, p->count + 1, sizeof *rows);

    if (r->count)
        qsort(r->list, r->count, sizeof *r->list, by_unit);
    for (size_t i = 0; i < p->count; i++) {
        rows[i].of = record_find(r, p->units[i]);
        rows[i].id = rows[i].of->id == SESSION_NONE ? STR_NONE : intern_at(r->ids, rows[i].of->id);
    }
    if (p->count)
        qsort(rows, p->count, sizeof *rows, by_start);
    return rows;
}

static void row_write(const struct question *q, struct jwrite *w, const struct row *row)
{
    jwrite_object(w);
    jwrite_pair_string(w, "id", q->source->does->unit_id(q->source, row->of->person));
    jwrite_key(w, STR("session"));
    if (row->id.at)
        jwrite_string(w, row->id);
    else
        jwrite_null(w);
    answer_time(q, w, "start", row->of->start);
    answer_time(q, w, "end", row->of->last);
    jwrite_pair_int(w, "events", row->of->events);
    jwrite_end(w);
}

bool answer_sessions(struct question *q, const struct people *p, struct buf *out, struct err *e)
{
    struct ask page = ask_member(&q->people_of, "page"),
               cursor = ask_member(&q->people_of, "cursor");
    int64_t count = PEOPLE_PAGE, from = 0;
    struct str text;
    char room[24];

    if (ask_is_there(&page) && !ask_int(&page, 1, PEOPLE_PAGE_MAX, &count, e))
        return false;
    if (ask_is_there(&cursor)) { /* how many were listed so far */
        if (!ask_text(&cursor, &text, e))
            return false;
        if (!str_to_i64(text, &from) || from < 0)
            return ask_fail(&cursor, e, "query.unknown_value",
                            "this is no cursor that an answer gave");
    }
    const struct row *rows = rows_make(q, p);
    struct jwrite w = jwrite_to(out);
    answer_begin(q, &w);
    jwrite_key(&w, STR("people"));
    jwrite_array(&w);
    size_t at = MIN((size_t)from, p->count), end = MIN(p->count, at + (size_t)count);
    for (; at < end; at++)
        row_write(q, &w, &rows[at]);
    jwrite_end(&w);
    jwrite_pair_int(&w, "total", (int64_t)p->count);
    jwrite_key(&w, STR("cursor"));
    if (end < p->count) {
        snprintf(room, sizeof room, "%zu", end);
        jwrite_string(&w, str_of(room));
    } else {
        jwrite_null(&w);
    }
    jwrite_end(&w);
    return true;
}
