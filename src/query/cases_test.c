/*
 * The golden cases of ../shared/cases/measure.json, asked through query_answer over the plain
 * source. What is compared, and how, follows the file's own note. Skipped (77) where the file is
 * missing.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/test.h"
#include "codec/json.h"
#include "query/case_data.h"
#include "query/query.h"

static const char *const case_file = "../shared/cases/measure.json";

struct failure {
    char text[400];
};

static struct json at(struct json j, const char *key)
{
    return json_member(j, str_of(key));
}

static struct json item(struct json list, size_t index)
{
    struct json_each it = json_each(list);

    for (size_t i = 0; json_next(&it); i++)
        if (i == index)
            return it.value;
    return (struct json){0};
}

static bool is_near(double a, double b)
{
    return fabs(a - b) <= 1e-6 * fmax(1, fabs(a));
}

static void print_into(struct json j, char *room, size_t size)
{
    BUF_AUTO text = {0};

    json_print(j, &text);
    snprintf(room, size, "%.*s", (int)MIN(text.len, size - 1), text.at ? text.at : "");
}

static bool differ(struct failure *f, const char *where, struct json expected, struct json got)
{
    char a[160], b[160];

    print_into(expected, a, sizeof a);
    print_into(got, b, sizeof b);
    snprintf(f->text, sizeof f->text, "%s: %s, not %s", where, b, a);
    return false;
}

/* Members and items of `expected` stand in `got`; others are ignored. */
static bool holds(struct json expected, struct json got, const char *where, struct failure *f)
{
    double a, b;
    struct str x, y;
    char place[120];

    switch (json_type(expected)) {
    case JSON_OBJECT: {
        struct json_each it = json_each(expected);
        while (json_next(&it)) {
            snprintf(place, sizeof place, "%s/%.*s", where, STR_ARG(it.key));
            if (!holds(it.value, json_member(got, it.key), place, f))
                return false;
        }
        return true;
    }
    case JSON_ARRAY: {
        if (json_type(got) != JSON_ARRAY || json_count(got) != json_count(expected))
            return differ(f, where, expected, got);
        struct json_each it = json_each(expected);
        for (size_t i = 0; json_next(&it); i++) {
            snprintf(place, sizeof place, "%s/%zu", where, i);
            if (!holds(it.value, item(got, i), place, f))
                return false;
        }
        return true;
    }
    case JSON_STRING:
        return (json_string(expected, &x) && json_string(got, &y) && str_equal(x, y)) ||
               differ(f, where, expected, got);
    case JSON_INT:
    case JSON_DOUBLE:
        return (json_number(expected, &a) && json_number(got, &b) && is_near(a, b)) ||
               differ(f, where, expected, got);
    default:
        return json_type(expected) == json_type(got) || differ(f, where, expected, got);
    }
}

/* ---- asking ---- */

struct asked {
    struct json_parser *parser;
    struct buf text;
    struct json root;
};

static void asked_free(struct asked *a)
{
    json_parser_destroy(a->parser);
    buf_free(&a->text);
}

static bool ask(struct source *source, struct str question, struct asked *out, struct failure *f)
{
    struct query_context context = {.now_ms = INT64_C(1790000000000)};
    struct err e = {0};

    out->parser = json_parser_create();
    out->text = (struct buf){0};
    if (!query_answer(source, &context, question, &out->text, &e)) {
        snprintf(f->text, sizeof f->text, "%s at %s: %s (%s)", e.code, e.at, e.text, e.hint);
        return false;
    }
    assert_works(json_parse(out->parser, buf_str(&out->text), &out->root, &e), e);
    return true;
}

/* ---- what each insight's cases compare ---- */

static bool group_is(struct json group, struct json wanted)
{
    struct json values = at(group, "value");
    struct str a, b;

    if (json_count(values) != json_count(wanted))
        return false;
    for (size_t i = 0; i < json_count(wanted); i++) {
        if (!json_string(item(values, i), &a))
            a = STR("");
        if (!json_string(item(wanted, i), &b) || !str_equal(a, b))
            return false;
    }
    return true;
}

static bool groups_hold(struct json wanted, struct json got, struct failure *f)
{
    int64_t zero;
    struct json_each it = json_each(wanted);

    while (json_next(&it)) {
        struct json last = at(it.value, "last"), found = {0};
        struct json_each each = json_each(got);
        while (json_next(&each))
            if (group_is(each.value, at(it.value, "value")))
                found = each.value;
        if (json_type(found) == JSON_ABSENT) {
            if (json_int(at(last, "count"), &zero) && zero == 0)
                continue;
            return differ(f, "group", at(it.value, "value"), got);
        }
        struct json steps = at(found, "steps");
        if (json_type(at(it.value, "steps")) != JSON_ABSENT &&
            !holds(at(it.value, "steps"), steps, "group steps", f))
            return false;
        if (json_type(last) != JSON_ABSENT &&
            !holds(last, item(steps, json_count(steps) - 1), "group last", f))
            return false;
    }
    return true;
}

static int by_text(const void *a, const void *b)
{
    return str_compare(*(const struct str *)a, *(const struct str *)b);
}

static bool people_hold(struct source *source, struct json query, struct str step,
                        struct json wanted, struct failure *f)
{
    BUF_AUTO question = {0};
    struct asked a;
    struct str names[64], ids[64];
    size_t count = 0, found = 0;

    json_print(query, &question);
    question.len--; /* the last brace */
    buf_printf(&question, ",\"people_of\":{\"step\":%.*s}}", STR_ARG(step));
    bool ok = ask(source, buf_str(&question), &a, f);
    struct json_each it = json_each(wanted);
    while (ok && json_next(&it))
        ok = count < COUNT(names) && json_string(it.value, &names[count++]);
    it = json_each(at(a.root, "people"));
    while (ok && json_next(&it))
        ok = found < COUNT(ids) && json_string(at(it.value, "id"), &ids[found++]);
    qsort(names, count, sizeof *names, by_text);
    qsort(ids, found, sizeof *ids, by_text);
    bool same = ok && count == found;
    for (size_t i = 0; same && i < count; i++)
        same = str_equal(names[i], ids[i]);
    if (ok && !same)
        differ(f, "people", wanted, at(a.root, "people"));
    asked_free(&a);
    return same;
}

static bool bucket_holds(struct json wanted, struct json buckets, struct failure *f)
{
    struct str start, found;

    assert_true(json_string(at(wanted, "start"), &start));
    struct json_each it = json_each(buckets);
    while (json_next(&it))
        if (json_string(at(it.value, "start"), &found) &&
            str_equal(str_sub(found, 0, start.len), start))
            return holds(wanted, it.value, "bucket", f);
    return differ(f, "bucket", wanted, buckets);
}

static bool funnel_holds(struct source *source, struct json query, struct json e, struct json g,
                         struct failure *f)
{
    static const char *const direct[] = {"steps", "buckets", "bars", "average_seconds"};
    struct json steps = at(g, "steps");
    int64_t count;
    bool zero;

    for (size_t i = 0; i < COUNT(direct); i++)
        if (json_type(at(e, direct[i])) != JSON_ABSENT &&
            !holds(at(e, direct[i]), at(g, direct[i]), direct[i], f))
            return false;
    if (json_bool(at(e, "all_zero"), &zero)) {
        struct json_each it = json_each(steps);
        while (json_next(&it))
            if (!json_int(at(it.value, "count"), &count) || count != 0)
                return differ(f, "all_zero", e, steps);
    }
    if (json_type(at(e, "first")) != JSON_ABSENT &&
        !holds(at(e, "first"), item(steps, 0), "first", f))
        return false;
    if (json_type(at(e, "last")) != JSON_ABSENT &&
        !holds(at(e, "last"), item(steps, json_count(steps) - 1), "last", f))
        return false;
    struct json_each it = json_each(at(e, "at"));
    while (json_next(&it))
        if (!str_to_i64(it.key, &count) ||
            !holds(it.value, item(steps, (size_t)count - 1), "at", f))
            return false;
    it = json_each(at(e, "people"));
    while (json_next(&it))
        if (!people_hold(source, query, it.key, it.value, f))
            return false;
    if (json_type(at(e, "bucket")) != JSON_ABSENT &&
        !bucket_holds(at(e, "bucket"), at(g, "buckets"), f))
        return false;
    if (json_int(at(e, "n_buckets"), &count) && json_count(at(g, "buckets")) != (size_t)count)
        return differ(f, "n_buckets", e, at(g, "buckets"));
    return groups_hold(at(e, "groups"), at(g, "groups"), f);
}

/* Groups of retention cases: {"US":{"matrix":[[…],…]}}: the cells that are there, row by row. */
static bool matrix_holds(struct json matrix, struct json cohorts, struct failure *f)
{
    if (json_count(matrix) != json_count(cohorts))
        return differ(f, "matrix rows", matrix, cohorts);
    for (size_t row = 0; row < json_count(matrix); row++) {
        struct json wanted = item(matrix, row), got = at(item(cohorts, row), "counts");
        for (size_t k = 0; k < json_count(wanted); k++)
            if (!holds(item(wanted, k), item(got, k), "matrix", f))
                return false;
    }
    return true;
}

static bool retention_holds(struct json e, struct json g, struct failure *f)
{
    struct json first_row = at(e, "first_row"), counts = at(item(at(g, "cohorts"), 0), "counts");

    if (json_type(at(e, "cohorts")) != JSON_ABSENT &&
        !holds(at(e, "cohorts"), at(g, "cohorts"), "cohorts", f))
        return false;
    for (size_t i = 0; i < json_count(first_row); i++)
        if (!holds(item(first_row, i), item(counts, i), "first_row", f))
            return false;
    struct json_each it = json_each(at(e, "groups"));
    while (json_next(&it)) {
        struct json_each each = json_each(at(g, "groups"));
        struct json found = {0};
        struct str value;
        while (json_next(&each))
            if (json_string(item(at(each.value, "value"), 0), &value) && str_equal(value, it.key))
                found = each.value;
        if (!matrix_holds(at(it.value, "matrix"), at(found, "cohorts"), f))
            return false;
    }
    return true;
}

static bool trends_hold(struct json query, struct json e, struct json g, struct failure *f)
{
    struct json series = item(at(g, "series"), 0);
    int64_t count;

    if (json_int(at(e, "n_series"), &count))
        return json_count(at(g, "series")) == (size_t)count || differ(f, "n_series", e, g);
    if (!holds(at(e, "values"), at(series, "values"), "values", f))
        return false;
    if (json_type(at(e, "total")) != JSON_ABSENT &&
        json_type(at(query, "formula")) == JSON_ABSENT &&
        !holds(at(e, "total"), at(series, "total"), "total", f))
        return false;
    return json_type(at(e, "previous")) == JSON_ABSENT ||
           holds(at(e, "previous"), at(item(at(g, "previous"), 0), "values"), "previous", f);
}

static bool lifecycle_holds(struct json e, struct json g, struct failure *f)
{
    struct json_each it = json_each(e);

    while (json_next(&it))
        if (!holds(it.value, json_member(g, it.key), "lifecycle", f))
            return false;
    return true;
}

/* counts_at: units active in exactly k intervals; all other counts are 0. */
static bool stickiness_holds(struct json e, struct json g, struct failure *f)
{
    struct json wanted = at(e, "counts_at");
    struct json_each it = json_each(at(g, "counts"));
    char key[24];

    for (size_t k = 1; json_next(&it); k++) {
        int64_t count = 0, hoped = 0;
        snprintf(key, sizeof key, "%zu", k);
        (void)json_int(it.value, &count);
        (void)json_int(at(wanted, key), &hoped);
        if (count != hoped)
            return differ(f, key, wanted, at(g, "counts"));
    }
    return true;
}

/* Edges as a set: all that are wanted, and no others. */
static bool paths_hold(struct json e, struct json g, struct failure *f)
{
    struct json wanted = at(e, "edges"), got = at(g, "edges");
    struct json_each it = json_each(wanted);

    if (json_count(wanted) != json_count(got))
        return differ(f, "edges", wanted, got);
    while (json_next(&it)) {
        struct json_each each = json_each(got);
        struct failure other = {""};
        bool is_there = false;
        while (json_next(&each))
            is_there = is_there || holds(it.value, each.value, "edge", &other);
        if (!is_there)
            return differ(f, "edge", it.value, got);
    }
    return true;
}

/* ---- running ---- */

static bool case_holds(struct json c, struct failure *f)
{
    AUTO(arena) *arena = arena_create(0);
    struct plain_source plain;
    BUF_AUTO question = {0};
    struct json query = at(c, "query"), e = at(c, "expected");
    struct asked a;
    struct str insight;
    bool is_error = false;

    case_source_init(c, arena, &plain);
    plain.threads = 3;
    plain.batch_units = 1;
    json_print(query, &question);
    assert_true(json_string(at(query, "insight"), &insight));
    bool ok = ask(&plain.source, buf_str(&question), &a, f);
    if (json_bool(at(e, "error"), &is_error) && is_error) {
        ok = !ok;
        if (!ok)
            snprintf(f->text, sizeof f->text, "accepted");
    } else if (ok && str_equal(insight, STR("funnel"))) {
        ok = funnel_holds(&plain.source, query, e, a.root, f);
    } else if (ok && str_equal(insight, STR("retention"))) {
        ok = retention_holds(e, a.root, f);
    } else if (ok && str_equal(insight, STR("lifecycle"))) {
        ok = lifecycle_holds(e, a.root, f);
    } else if (ok && str_equal(insight, STR("stickiness"))) {
        ok = stickiness_holds(e, a.root, f);
    } else if (ok && str_equal(insight, STR("paths"))) {
        ok = paths_hold(e, a.root, f);
    } else if (ok) {
        ok = trends_hold(query, e, a.root, f);
    }
    asked_free(&a);
    plain_source_free(&plain);
    return ok;
}

static void cases_hold(void **state)
{
    struct json root = *(struct json *)*state;
    const char *only = getenv("CASE");
    size_t ran = 0, failed = 0;
    struct json_each it = json_each(at(root, "cases"));

    while (json_next(&it)) {
        struct failure f = {""};
        struct str id;
        assert_true(json_string(at(it.value, "id"), &id));
        if (only && !str_equal(id, str_of(only)))
            continue;
        ran++;
        if (!case_holds(it.value, &f)) {
            failed++;
            print_error("%.*s: %s\n", STR_ARG(id), f.text);
        }
    }
    print_message("%zu cases hold, %zu do not\n", ran - failed, failed);
    assert_true(ran > 0);
    assert_int_equal(failed, 0);
}

int main(void)
{
    AUTO(arena) *arena = arena_create(0);
    AUTO(os) *os = os_linux_create();
    AUTO(json_parser) *parser = json_parser_create();
    struct str text;
    struct json root;
    struct err e = {0};

    if (!os_exists(os, str_of(case_file))) {
        printf("skipped: %s is not there\n", case_file);
        return 77;
    }
    if (!os_read_whole(os, str_of(case_file), arena, &text, &e) ||
        !json_parse(parser, text, &root, &e)) {
        printf("%s: %s\n", case_file, e.text);
        return 1;
    }
    const struct CMUnitTest tests[] = {cmocka_unit_test_prestate(cases_hold, &root)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
