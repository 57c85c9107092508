/* query/answer: what every answer echoes, and lists of people. */
#include <stdio.h>
#include <stdlib.h>

#include "query/session_scan.h"

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

void answer_intervals(const struct question *q, struct jwrite *w, const char *key,
                      const struct edges *edges, size_t from)
{
    jwrite_key(w, str_of(key));
    jwrite_array(w);
    for (size_t i = from; i < edges->count; i++)
        jwrite_string(w, answer_label(q, q->interval, edges->at[i]));
    jwrite_end(w);
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
    if (q->said.at) {
        jwrite_key(w, STR("question"));
        jwrite_raw(w, q->said);
    }
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

static int by_text(const void *a, const void *b)
{
    return str_compare(*(const struct str *)a, *(const struct str *)b);
}

/* Ids in the order of the list: persons by number, accounts by name, since their codes depend on
 * how the events lie. */
static struct str *ids_list(const struct question *q, struct people *p)
{
    struct str *ids = arena_array(q->arena, p->count + 1, sizeof *ids);

    if (p->count && !p->names)
        qsort(p->units, p->count, sizeof *p->units, ascending);
    for (size_t i = 0; i < p->count; i++)
        ids[i] = p->names ? intern_at(p->names, p->units[i])
                          : q->source->does->unit_id(q->source, p->units[i]);
    if (p->count && p->names)
        qsort(ids, p->count, sizeof *ids, by_text);
    return ids;
}

/* The cursor is the last person's number, or the last account's name. */
static bool cursor_read(struct question *q, const struct people *p, const struct str *ids,
                        size_t *from, struct err *e)
{
    struct ask cursor = ask_member(&q->people_of, "cursor");
    struct str text;
    int64_t after;

    *from = 0;
    if (!ask_is_there(&cursor))
        return true;
    if (!ask_text(&cursor, &text, e))
        return false;
    if (p->names) {
        while (*from < p->count && str_compare(ids[*from], text) <= 0)
            (*from)++;
        return true;
    }
    if (!str_to_i64(text, &after) || after < 0)
        return ask_fail(&cursor, e, "query.unknown_value", "this is no cursor that an answer gave");
    while (*from < p->count && (int64_t)p->units[*from] <= after)
        (*from)++;
    return true;
}

bool answer_people(struct question *q, struct people *p, struct buf *out, struct err *e)
{
    struct ask page = ask_member(&q->people_of, "page");
    if (q->unit == COUNTED_ACCOUNT)
        p->names = accounts_names(q->accounts);
    const struct str *ids = p->sessions ? NULL : ids_list(q, p);
    int64_t count = PEOPLE_PAGE;
    size_t i;
    char room[24];

    if (p->sessions)
        return answer_sessions(q, p, out, e);
    if (ask_is_there(&page) && !ask_int(&page, 1, PEOPLE_PAGE_MAX, &count, e))
        return false;
    if (!cursor_read(q, p, ids, &i, e))
        return false;
    struct jwrite w = jwrite_to(out);
    answer_begin(q, &w);
    jwrite_key(&w, STR("people"));
    jwrite_array(&w);
    size_t end = MIN(p->count, i + (size_t)count);
    for (; i < end; i++) {
        jwrite_object(&w);
        jwrite_pair_string(&w, "id", ids[i]);
        jwrite_end(&w);
    }
    jwrite_end(&w);
    jwrite_pair_int(&w, "total", (int64_t)p->count);
    jwrite_key(&w, STR("cursor"));
    if (end && end < p->count && p->names) {
        jwrite_string(&w, ids[end - 1]);
    } else if (end && end < p->count) {
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
