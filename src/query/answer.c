/* query/answer: what every answer echoes, and lists of people. */
#include <stdio.h>
#include <stdlib.h>

#include "query/question.h"

void answer_time(const struct question *q, struct jwrite *w, const char *key, int64_t ms)
{
    char room[INSTANT_TEXT_BYTES];

    jwrite_pair_string(w, key, instant_local_text(q->zone, ms, room));
}

struct str answer_label(const struct question *q, enum interval i, int64_t start)
{
    char room[INSTANT_TEXT_BYTES];

    return arena_copy(q->arena, interval_label(q->zone, i, start, room));
}

void answer_count_or_null(struct jwrite *w, const char *key, bool is_there, double value)
{
    jwrite_key(w, str_of(key));
    if (is_there)
        jwrite_double(w, value);
    else
        jwrite_null(w);
}

void answer_begin(struct question *q, struct jwrite *w)
{
    jwrite_object(w);
    jwrite_pair_string(w, "insight", str_of(q->insight->name));
    answer_time(q, w, "from", q->from);
    answer_time(q, w, "to", q->to);
    answer_time(q, w, "as_of", q->as_of);
    jwrite_pair_string(w, "timezone", zone_name(q->zone));
    jwrite_pair_string(w, "week_start",
                       q->week_start == WEEK_MONDAY ? STR("monday") : STR("sunday"));
    jwrite_pair_string(w, "interval", str_of(interval_names[q->interval]));
    jwrite_pair_string(w, "tz_version", str_of(zone_database_version()));
    jwrite_key(w, STR("rules"));
    jwrite_raw(w, arena_printf(q->arena, "{%.*s}", STR_ARG(buf_str(&q->rules))));
    if (!q->unseen_count)
        return;
    jwrite_key(w, STR("unseen"));
    jwrite_array(w);
    for (size_t i = 0; i < q->unseen_count; i++)
        jwrite_string(w, q->unseen[i]);
    jwrite_end(w);
}

/* ---- people ---- */

void people_free(struct people *p)
{
    mem_free(p->units);
    *p = (struct people){0};
}

static int ascending(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

bool answer_people(struct question *q, struct people *p, struct buf *out, struct err *e)
{
    enum { PAGE = 1000, PAGE_MAX = 10000 };
    struct ask page = ask_member(&q->people_of, "page"),
               cursor = ask_member(&q->people_of, "cursor");
    int64_t count = PAGE, after = -1;
    struct str text;
    char room[24];

    if (ask_is_there(&page) && !ask_int(&page, 1, PAGE_MAX, &count, e))
        return false;
    if (ask_is_there(&cursor)) {
        if (!ask_text(&cursor, &text, e))
            return false;
        if (!str_to_i64(text, &after) || after < 0)
            return ask_fail(&cursor, e, "query.unknown_value",
                            "this is no cursor that an answer gave");
    }
    if (p->count)
        qsort(p->units, p->count, sizeof *p->units, ascending);
    struct jwrite w = jwrite_to(out);
    answer_begin(q, &w);
    jwrite_key(&w, STR("people"));
    jwrite_array(&w);
    size_t i = 0;
    while (i < p->count && (int64_t)p->units[i] <= after)
        i++;
    size_t end = MIN(p->count, i + (size_t)count);
    for (; i < end; i++) {
        jwrite_object(&w);
        jwrite_pair_string(&w, "id", q->source->does->unit_id(q->source, p->units[i]));
        jwrite_end(&w);
    }
    jwrite_end(&w);
    jwrite_pair_int(&w, "total", (int64_t)p->count);
    jwrite_key(&w, STR("cursor"));
    if (end && end < p->count) {
        snprintf(room, sizeof room, "%u", p->units[end - 1]);
        jwrite_string(&w, str_of(room));
    } else {
        jwrite_null(&w);
    }
    jwrite_end(&w);
    return true;
}

/* ---- coordinates ---- */

bool coordinate_interval(struct question *q, const char *member, const struct edges *edges,
                         size_t *out, struct err *e)
{
    struct ask a = ask_member(&q->people_of, member);
    struct str text;
    struct err why = {0};
    int64_t at;

    if (!ask_is_there(&a))
        return ask_missing(&q->people_of, member, "name the start of an interval of the answer", e);
    if (!ask_text(&a, &text, e))
        return false;
    for (*out = 0; *out < edges->count; (*out)++) {
        char room[INSTANT_TEXT_BYTES];
        if (str_equal(text, interval_label(q->zone, q->interval, edges->at[*out], room)))
            return true;
    }
    if (moment_parse(q, text, false, &at, &why))
        for (*out = 0; *out < edges->count; (*out)++)
            if (at >= edges->at[*out] && at < edges->at[*out + 1])
                return true;
    ask_fail(&a, e, "query.unknown_value", "the answer has no interval that starts at \"%.*s\"",
             (int)MIN(text.len, (size_t)60), text.at);
    return err_hint(e, "take a start as the answer names it, such as %.*s",
                    STR_ARG(answer_label(q, q->interval, edges->at[0])));
}

bool coordinate_int(struct question *q, const char *member, int64_t low, int64_t high, int64_t *out,
                    struct err *e)
{
    struct ask a = ask_member(&q->people_of, member);

    if (!ask_is_there(&a))
        return ask_missing(&q->people_of, member, "it is a coordinate of the number", e);
    return ask_int(&a, low, high, out, e);
}
