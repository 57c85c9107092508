/* query/operator: reading and running the operators of a property condition. Texts are searched
 * with PCRE2 (its caseless and literal modes), so case means Unicode's. */
#define PCRE2_CODE_UNIT_WIDTH 8
#include "query/operator.h"

#include <math.h>
#include <pcre2.h>
#include <stdlib.h>

enum {
    MATCH_LIMIT = 200000,
    HEAP_LIMIT_KIB = 4096,
    PATTERN_BYTES_MAX = 4096,
    REPLACED_BYTES_MAX = 8 << 20
};

struct pattern {
    pcre2_code *code;
    pcre2_match_context *limits;
    const struct ask *place;
    const struct question *question;
    _Atomic uint32_t searches;
    _Atomic bool has_failed;   /* ran into a limit */
    _Atomic bool has_bad_text; /* what should stand in for it is wrong */
};

/* ---- patterns ---- */

static bool pattern_make(struct question *q, const struct ask *a, struct str text, uint32_t options,
                         struct pattern **out, struct err *e)
{
    int code;
    PCRE2_SIZE at;
    struct pattern *p = arena_alloc(q->arena, sizeof *p);

    if (text.len > PATTERN_BYTES_MAX)
        return ask_fail(a, e, "query.limit", "a text to search for has %zu bytes; the limit is %d",
                        text.len, PATTERN_BYTES_MAX);
    p->place = a;
    p->question = q;
    p->code = pcre2_compile((PCRE2_SPTR)(text.at ? text.at : ""), text.len,
                            options | PCRE2_UTF | PCRE2_MATCH_INVALID_UTF, &code, &at, NULL);
    if (!p->code) {
        PCRE2_UCHAR why[120];
        pcre2_get_error_message(code, why, sizeof why);
        return ask_fail(a, e, "query.unknown_value", "the pattern is wrong at character %zu: %s",
                        (size_t)at + 1, (const char *)why);
    }
    pcre2_jit_compile(p->code, PCRE2_JIT_COMPLETE); /* slower without; the same answer */
    p->limits = pcre2_match_context_create(NULL);
    pcre2_set_match_limit(p->limits, MATCH_LIMIT);
    pcre2_set_depth_limit(p->limits, MATCH_LIMIT);
    pcre2_set_heap_limit(p->limits, HEAP_LIMIT_KIB);
    ARRAY_PUSH(q->patterns, q->pattern_count, q->pattern_room) = p;
    *out = p;
    return true;
}

/* A question that fails anyhow, or is past its time, need not search the rest of its values: each
 * may take as long as the limits let it. */
static bool is_in_vain(struct pattern *p)
{
    enum { LOOK_EVERY = 64 };
    const volatile bool *cancel = p->question->context->cancel;

    if (atomic_load_explicit(&p->has_failed, memory_order_relaxed))
        return true;
    if (atomic_fetch_add_explicit(&p->searches, 1, memory_order_relaxed) % LOOK_EVERY)
        return false;
    if (!question_is_late(p->question) && !(cancel && *cancel))
        return false;
    atomic_store(&p->has_failed, true);
    return true;
}

static bool pattern_finds(struct pattern *p, struct str text)
{
    if (is_in_vain(p))
        return false;
    pcre2_match_data *data = pcre2_match_data_create(1, NULL);
    int found =
        pcre2_match(p->code, (PCRE2_SPTR)(text.at ? text.at : ""), text.len, 0, 0, data, p->limits);

    pcre2_match_data_free(data);
    if (found < 0 && found != PCRE2_ERROR_NOMATCH)
        atomic_store(&p->has_failed, true);
    return found >= 0;
}

bool patterns_check(const struct question *q, struct err *e)
{
    for (size_t i = 0; i < q->pattern_count; i++) {
        if (atomic_load(&q->patterns[i]->has_bad_text)) {
            ask_fail(q->patterns[i]->place, e, "query.unknown_value",
                     "the text that replaces this pattern is wrong");
            return err_hint(e, "a group is $1 or ${1}; write $$ for a dollar sign");
        }
        if (atomic_load(&q->patterns[i]->has_failed)) {
            ask_fail(q->patterns[i]->place, e, "query.limit",
                     "the pattern takes too long on a value of this property");
            return err_hint(e, "nested repetitions such as (a+)+ cause it; make them simpler");
        }
    }
    return true;
}

bool pattern_read(struct question *q, const struct ask *a, struct pattern **out, struct err *e)
{
    struct str text;
    return ask_text(a, &text, e) && pattern_make(q, a, text, 0, out, e);
}

void pattern_replace(struct pattern *p, struct str text, struct str with, struct buf *out)
{
    const uint32_t options =
        PCRE2_SUBSTITUTE_GLOBAL | PCRE2_SUBSTITUTE_UNKNOWN_UNSET | PCRE2_SUBSTITUTE_UNSET_EMPTY;
    size_t room = text.len * 2 + with.len + 64;

    for (;; room *= 2) {
        PCRE2_SIZE len = room;
        char *result = mem_zero(room);
        int done = pcre2_substitute(p->code, (PCRE2_SPTR)(text.at ? text.at : ""), text.len, 0,
                                    options, NULL, p->limits, (PCRE2_SPTR)(with.at ? with.at : ""),
                                    with.len, (PCRE2_UCHAR *)result, &len);
        bool is_cut = done == PCRE2_ERROR_NOMEMORY && room < REPLACED_BYTES_MAX;
        if (!is_cut)
            buf_add(out, done >= 0 ? (struct str){result, len} : text);
        mem_free(result);
        if (is_cut)
            continue;
        bool is_bad = done == PCRE2_ERROR_BADREPLACEMENT || done == PCRE2_ERROR_REPMISSINGBRACE ||
                      done == PCRE2_ERROR_BADREPESCAPE || done == PCRE2_ERROR_BADSUBSTITUTION;
        if (done < 0)
            atomic_store(is_bad ? &p->has_bad_text : &p->has_failed, true);
        return;
    }
}

void patterns_free(struct question *q)
{
    for (size_t i = 0; i < q->pattern_count; i++) {
        pcre2_code_free(q->patterns[i]->code);
        pcre2_match_context_free(q->patterns[i]->limits);
    }
    mem_free(q->patterns);
}

/* ---- reading ---- */

static bool value_read(const struct ask *a, struct value *out, struct err *e)
{
    *out = (struct value){0};
    switch (json_type(a->json)) {
    case JSON_STRING:
        out->type = VALUE_TEXT;
        return json_string(a->json, &out->text);
    case JSON_BOOL:
        out->type = VALUE_BOOL;
        return json_bool(a->json, &out->boolean);
    case JSON_INT:
        out->type = VALUE_INT;
        return json_int(a->json, &out->integer);
    case JSON_DOUBLE:
        out->type = VALUE_DOUBLE;
        return json_number(a->json, &out->number);
    default:
        return ask_wrong_type(a, "a text, a number, true or false", e);
    }
}

/* One value or a list of them. */
static bool values_read(struct question *q, const struct ask *a, struct value **list, size_t *count,
                        struct err *e)
{
    if (json_type(a->json) != JSON_ARRAY) {
        *count = 1;
        *list = arena_array(q->arena, 1, sizeof **list);
        return value_read(a, *list, e);
    }
    if (!ask_list(a, 1, LIMIT_LIST_ITEMS, count, e))
        return false;
    *list = arena_array(q->arena, *count, sizeof **list);
    struct json_each it = json_each(a->json);
    for (size_t i = 0; json_next(&it); i++) {
        struct ask item = ask_item(a, it.value, i);
        if (!value_read(&item, &(*list)[i], e))
            return false;
    }
    return true;
}

static const char *const weekdays[] = {"monday", "tuesday",  "wednesday", "thursday",
                                       "friday", "saturday", "sunday"};

/* "friday" -> 5 */
static void weekdays_read(struct leaf_test *t)
{
    for (size_t i = 0; i < t->value_count; i++)
        for (size_t day = 0; day < COUNT(weekdays); day++)
            if (t->values[i].type == VALUE_TEXT &&
                str_equal_fold(t->values[i].text, str_of(weekdays[day])))
                t->values[i] = (struct value){VALUE_INT, .integer = (int64_t)day + 1};
}

/* A time operand as the half-open range of instants it stands for: a date is its whole day. */
static bool span_read(struct question *q, const struct ask *a, int64_t *from, int64_t *to,
                      struct err *e)
{
    if (!moment_read(q, a, false, from, e) || !moment_read(q, a, true, to, e))
        return false;
    if (*from == *to)
        *to += 1; /* an instant */
    return true;
}

static bool time_test_read(struct question *q, const struct ask *a, struct leaf_test *t,
                           struct err *e)
{
    int64_t from, to;

    t->is_time = true;
    t->from = INT64_MIN;
    t->to = INT64_MAX;
    if (t->op == OPERATOR_BETWEEN) {
        size_t count, i = 0;
        int64_t bound[2][2];
        if (!ask_list(a, 2, 2, &count, e))
            return false;
        struct json_each it = json_each(a->json);
        for (; json_next(&it); i++) {
            const struct ask *item = question_keep(q, ask_item(a, it.value, i));
            if (!span_read(q, item, &bound[i][0], &bound[i][1], e))
                return false;
        }
        t->from = bound[0][0];
        t->to = bound[1][1];
        return true;
    }
    if (!span_read(q, a, &from, &to, e))
        return false;
    if (t->op == OPERATOR_BEFORE || t->op == OPERATOR_LT)
        t->to = from;
    else if (t->op == OPERATOR_LTE)
        t->to = to;
    else if (t->op == OPERATOR_AFTER || t->op == OPERATOR_GT)
        t->from = to;
    else if (t->op == OPERATOR_GTE)
        t->from = from;
    else { /* is, is_not */
        t->from = from;
        t->to = to;
    }
    return true;
}

static bool number_read(const struct ask *a, double *out, struct err *e)
{
    struct str text;

    if (json_number(a->json, out) || (json_string(a->json, &text) && str_to_f64(text, out)))
        return true;
    return ask_wrong_type(a, "a number", e);
}

static bool number_test_read(const struct ask *a, struct leaf_test *t, struct err *e)
{
    double bound[2];
    size_t count;

    t->low = -INFINITY;
    t->high = INFINITY;
    if (t->op == OPERATOR_BETWEEN) {
        if (!ask_list(a, 2, 2, &count, e))
            return false;
        struct json_each it = json_each(a->json);
        for (size_t i = 0; json_next(&it); i++) {
            struct ask item = ask_item(a, it.value, i);
            if (!number_read(&item, &bound[i], e))
                return false;
        }
        t->low = bound[0];
        t->high = bound[1];
        return true;
    }
    if (!number_read(a, &bound[0], e))
        return false;
    if (t->op == OPERATOR_GT || t->op == OPERATOR_GTE)
        t->low = bound[0];
    else
        t->high = bound[0];
    t->low_is_open = t->op == OPERATOR_GT;
    t->high_is_open = t->op == OPERATOR_LT;
    return true;
}

static bool text_test_read(struct question *q, const struct ask *a, struct leaf_test *t,
                           struct err *e)
{
    static const uint32_t options[OPERATOR_COUNT] = {
        [OPERATOR_CONTAINS] = PCRE2_LITERAL | PCRE2_CASELESS,
        [OPERATOR_NOT_CONTAINS] = PCRE2_LITERAL | PCRE2_CASELESS,
        [OPERATOR_STARTS_WITH] = PCRE2_LITERAL | PCRE2_CASELESS | PCRE2_ANCHORED,
        [OPERATOR_ENDS_WITH] = PCRE2_LITERAL | PCRE2_CASELESS | PCRE2_ENDANCHORED,
        [OPERATOR_MATCHES] = PCRE2_NEVER_BACKSLASH_C,
    };
    struct value *values;
    char room[VALUE_TEXT_BYTES];

    if (!values_read(q, a, &values, &t->pattern_count, e))
        return false;
    t->patterns = arena_array(q->arena, t->pattern_count, sizeof *t->patterns);
    for (size_t i = 0; i < t->pattern_count; i++)
        if (!pattern_make(q, a, value_text(values[i], room), options[t->op], &t->patterns[i], e))
            return false;
    return true;
}

static bool test_read(struct question *q, const struct ask *a, const struct leaf *l,
                      struct leaf_test *t, struct err *e)
{
    bool is_time_view = l->view == VIEW_TIME;

    switch (t->op) {
    case OPERATOR_IS:
    case OPERATOR_IS_NOT:
        if (is_time_view && json_type(a->json) != JSON_ARRAY)
            return time_test_read(q, a, t, e);
        if (!values_read(q, a, &t->values, &t->value_count, e))
            return false;
        if (l->view == VIEW_WEEKDAY)
            weekdays_read(t);
        return true;
    case OPERATOR_BEFORE:
    case OPERATOR_AFTER:
        return time_test_read(q, a, t, e);
    case OPERATOR_GT:
    case OPERATOR_GTE:
    case OPERATOR_LT:
    case OPERATOR_LTE:
    case OPERATOR_BETWEEN:
        return is_time_view ? time_test_read(q, a, t, e) : number_test_read(a, t, e);
    case OPERATOR_EXISTS:
        return ask_bool(a, &t->wanted, e);
    default:
        return text_test_read(q, a, t, e);
    }
}

bool leaf_tests_read(struct question *q, const struct ask *a, struct leaf *l, struct err *e)
{
    static const char *const names[OPERATOR_COUNT] = {LEAF_OPERATORS};

    l->zone = q->zone;
    l->tests = arena_array(q->arena, OPERATOR_COUNT, sizeof *l->tests);
    for (unsigned i = 0; i < OPERATOR_COUNT; i++) {
        const struct ask *member = question_keep(q, ask_member(a, names[i]));
        if (json_type(member->json) == JSON_ABSENT)
            continue;
        struct leaf_test *t = &l->tests[l->test_count++];
        t->op = (enum leaf_operator)i;
        if (!test_read(q, member, l, t, e))
            return false;
    }
    if (!l->test_count) {
        ask_fail(a, e, "query.missing_member", "the condition on \"%.*s\" has no operator",
                 (int)MIN(l->property.len, (size_t)60), l->property.at);
        return err_hint(e, "for example \"is\":\"pro\" or \"exists\":true");
    }
    return true;
}

/* ---- running ---- */

static bool value_time(const struct leaf *l, struct value v, int64_t *out)
{
    struct err e = {0};
    int offset, year, month, day;

    if (v.type == VALUE_INT) {
        *out = v.integer;
        return true;
    }
    if (v.type != VALUE_TEXT)
        return false;
    if (v.text.len == 10 && date_parse(v.text, &year, &month, &day, &e))
        return zone_date(l->zone, year, month, day, out);
    return instant_parse(v.text, out, &offset, &e);
}

/* The positive form of the test on one value that is there. */
static bool value_holds(const struct leaf *l, const struct leaf_test *t, struct value v)
{
    char room[VALUE_TEXT_BYTES];
    double number;
    int64_t at;

    if (t->is_time)
        return value_time(l, v, &at) && at >= t->from && at < t->to;
    switch (t->op) {
    case OPERATOR_IS:
    case OPERATOR_IS_NOT:
        for (size_t i = 0; i < t->value_count; i++)
            if (value_is(v, t->values[i]))
                return true;
        return false;
    case OPERATOR_CONTAINS:
    case OPERATOR_NOT_CONTAINS:
    case OPERATOR_STARTS_WITH:
    case OPERATOR_ENDS_WITH:
    case OPERATOR_MATCHES:
        for (size_t i = 0; i < t->pattern_count; i++)
            if (pattern_finds(t->patterns[i], value_text(v, room)))
                return true;
        return false;
    default:
        return value_number(v, &number) && (t->low_is_open ? number > t->low : number >= t->low) &&
               (t->high_is_open ? number < t->high : number <= t->high);
    }
}

/* Any item of a list, which values keep as JSON. */
static bool list_holds(const struct leaf *l, const struct leaf_test *t, struct str list)
{
    AUTO(json_parser) *parser = json_parser_create();
    struct json root;
    struct err e = {0};

    if (!json_parse(parser, list, &root, &e))
        return false;
    struct json_each it = json_each(root);
    while (json_next(&it)) {
        struct ask item = {it.value, NULL, STR_NONE, 0};
        struct value v;
        if (value_read(&item, &v, &e) && value_holds(l, t, v))
            return true;
    }
    return false;
}

static bool test_holds(const struct leaf *l, const struct leaf_test *t, struct value v)
{
    bool is_negative = t->op == OPERATOR_IS_NOT || t->op == OPERATOR_NOT_CONTAINS;

    if (t->op == OPERATOR_EXISTS)
        return t->wanted == !value_is_absent(v);
    if (value_is_absent(v))
        return is_negative;
    return is_negative != (v.type == VALUE_LIST ? list_holds(l, t, v.text) : value_holds(l, t, v));
}

static struct value viewed(const struct leaf *l, struct value v)
{
    if (v.type != VALUE_INT || (l->view != VIEW_HOUR && l->view != VIEW_WEEKDAY))
        return v;
    struct local_time local = zone_local(l->zone, v.integer);
    v.integer = l->view == VIEW_HOUR ? local.hour : local.weekday;
    return v;
}

bool leaf_test(const struct leaf *l, struct value v)
{
    v = viewed(l, v);
    for (size_t i = 0; i < l->test_count; i++)
        if (!test_holds(l, &l->tests[i], v))
            return false;
    return true;
}

bool leaf_test_except_is(const struct leaf *l, struct value v)
{
    for (size_t i = 0; i < l->test_count; i++)
        if (l->tests[i].op != OPERATOR_IS && l->tests[i].op != OPERATOR_IS_NOT &&
            !test_holds(l, &l->tests[i], v))
            return false;
    return true;
}
