/* Paths against a reference written from the contract's words; and by hand. */
#include <stdio.h>

#include "query/case_data.h"
#include "query/reference.h"

enum { ROUNDS = 3000, WALKS_MAX = REF_EVENTS_MAX * 4, TEXT = 24 };

static const int64_t start_ms = INT64_C(1772323200000); /* 2026-03-01T00:00:00Z */
static const int64_t hour_ms = 3600000;

struct spec {
    bool by_plan_nodes, by_traversals, by_team, has_filter;
    const char *start, *end; /* NULL = none */
    size_t steps, limit;
    int64_t gap_hours;
};

static struct spec spec_roll(struct dice *d)
{
    static const char *const names[] = {"A", "B", "C"}, *const plans[] = {"p0", "p1", "p2"};
    struct spec s = {.by_plan_nodes = chance(d, 40)};
    const char *const *points = s.by_plan_nodes ? plans : names;

    s.by_traversals = chance(d, 50);
    s.by_team = chance(d, 30);
    s.has_filter = chance(d, 30);
    s.start = chance(d, 40) ? points[roll(d, 3)] : NULL;
    s.end = chance(d, 40) ? points[roll(d, 3)] : NULL;
    s.steps = (s.start && s.end ? 3 : 2) + roll(d, 5);
    s.limit = chance(d, 20) ? 1 + roll(d, 4) : 1000;
    s.gap_hours = 1 + roll(d, 30);
    return s;
}

static void question_write(const struct spec *s, struct buf *out)
{
    buf_printf(out, "{\"insight\":\"paths\",\"from\":\"2026-03-02\",\"to\":\"2026-03-09\"");
    buf_add(out, s->by_plan_nodes ? STR(",\"nodes\":{\"property\":\"plan\"}") : STR(""));
    buf_add(out, s->by_traversals ? STR(",\"count\":\"traversals\"") : STR(""));
    buf_add(out, s->by_team ? STR(",\"breakdown\":[{\"property\":\"mixed\"}]") : STR(""));
    buf_add(out, s->has_filter ? STR(",\"filter\":[{\"property\":\"n\",\"gte\":2}]") : STR(""));
    if (s->start)
        buf_printf(out, ",\"start\":\"%s\"", s->start);
    if (s->end)
        buf_printf(out, ",\"end\":\"%s\"", s->end);
    buf_printf(out, ",\"steps\":%zu,\"limit\":%zu,\"session_gap\":\"%lldh\"}", s->steps, s->limit,
               (long long)s->gap_hours);
}

/* ---- the reference ---- */

/* One thing that a path did: went from a node to the next, got to one, ended at one. */
struct walk {
    size_t person;
    size_t position; /* 0: the path itself */
    char from[TEXT], to[TEXT], group[TEXT];
    char kind; /* e: edge, n: node, d: drop-off, p: path */
    double seconds;
};
struct walks {
    struct walk list[WALKS_MAX];
    size_t count;
};

struct node {
    char text[TEXT], group[TEXT];
    int64_t time;
};

static void walk_add(struct walks *w, const struct walk *of)
{
    assert_true(w->count < WALKS_MAX);
    w->list[w->count++] = *of;
}

static void path_walk(const struct spec *s, struct walks *w, size_t person, struct node *n,
                      size_t count)
{
    size_t from = 0, to = count;

    for (; s->start && from < count && strcmp(n[from].text, s->start) != 0; from++)
        ;
    if (s->end) {
        size_t i = from + (s->start != NULL);
        while (i < count && strcmp(n[i].text, s->end) != 0)
            i++;
        to = i < count ? i + 1 : 0;
    }
    if (from >= to)
        return;
    char group[TEXT];
    snprintf(group, sizeof group, "%s", n[from].group);
    bool is_cut = to - from > s->steps;
    if (is_cut && s->start && s->end) { /* the middle becomes one node of its last one's time */
        size_t tail = s->steps - 1 - s->steps / 2;
        struct node middle = n[to - tail - 1];
        snprintf(middle.text, sizeof middle.text, "...");
        n[from + s->steps / 2] = middle;
        memmove(&n[from + s->steps / 2 + 1], &n[to - tail], tail * sizeof *n);
        to = from + s->steps;
    } else if (is_cut && s->end) {
        from = to - s->steps;
    } else if (is_cut) {
        to = from + s->steps;
    }
    struct walk one = {.person = person, .kind = 'p'};
    snprintf(one.group, sizeof one.group, "%s", group);
    walk_add(w, &one);
    for (size_t i = from; i < to; i++) {
        one.position = i - from + 1;
        one.kind = 'n';
        one.seconds = 0;
        snprintf(one.from, sizeof one.from, "%s", n[i].text);
        one.to[0] = 0;
        walk_add(w, &one);
        if (i + 1 < to) {
            one.kind = 'e';
            one.seconds = (double)(n[i + 1].time - n[i].time) / 1000;
            snprintf(one.to, sizeof one.to, "%s", n[i + 1].text);
            walk_add(w, &one);
        } else if (!s->end && !is_cut) {
            one.kind = 'd';
            walk_add(w, &one);
        }
    }
}

static void walks_make(const struct spec *s, const struct ref_world *world, struct walks *w)
{
    struct node nodes[REF_EVENTS_MAX];
    char room[VALUE_TEXT_BYTES], other[VALUE_TEXT_BYTES];
    double number;

    w->count = 0;
    for (size_t p = 0; p < world->person_count; p++) {
        size_t count = 0;
        for (size_t i = 0; i < world->people[p].count; i++) {
            const struct event *e = world->people[p].events[i];
            struct str text = s->by_plan_nodes ? ref_property(e, "plan", room) : e->name;
            if (e->time < start_ms + 24 * hour_ms || e->time >= start_ms + 9 * 24 * hour_ms ||
                !text.len ||
                (s->has_filter &&
                 (!str_to_f64(ref_property(e, "n", other), &number) || number < 2)))
                continue;
            if (count && e->time - nodes[count - 1].time >= s->gap_hours * hour_ms) {
                path_walk(s, w, p, nodes, count);
                count = 0;
            }
            if (!count || !str_equal(str_of(nodes[count - 1].text), text))
                count++;
            snprintf(nodes[count - 1].text, TEXT, "%.*s", STR_ARG(text));
            snprintf(nodes[count - 1].group, TEXT, "%.*s",
                     STR_ARG(ref_property(e, "mixed", other)));
            nodes[count - 1].time = e->time;
        }
        path_walk(s, w, p, nodes, count);
    }
}

/* How many people, or paths, did this; in a group, or in all. */
static double number_of(const struct spec *s, const struct walks *w, char kind, struct str from,
                        struct str to, const struct str *group, double *seconds)
{
    bool is_seen[REF_PEOPLE] = {false};
    double paths = 0, people = 0;

    *seconds = 0;
    for (size_t i = 0; i < w->count; i++) {
        const struct walk *o = &w->list[i];
        char a[TEXT + 8], b[TEXT + 8];
        snprintf(a, sizeof a, "%zu:%s", o->position, o->from);
        snprintf(b, sizeof b, "%zu:%s", o->position + 1, o->to);
        if (o->kind != kind || (group && !str_equal(str_of(o->group), *group)) ||
            (kind != 'p' && !str_equal(from, str_of(a))) ||
            (kind == 'e' && !str_equal(to, str_of(b))))
            continue;
        paths++;
        *seconds += o->seconds;
        people += !is_seen[o->person];
        is_seen[o->person] = true;
    }
    *seconds = paths > 0 ? *seconds / paths : 0;
    return s->by_traversals ? paths : people;
}

/* Different places of a kind. */
static size_t places_of(const struct walks *w, char kind, const struct str *group)
{
    size_t count = 0;

    for (size_t i = 0; i < w->count; i++) {
        const struct walk *o = &w->list[i];
        bool is_new = o->kind == kind && (!group || str_equal(str_of(o->group), *group));
        for (size_t k = 0; k < i && is_new; k++) {
            const struct walk *x = &w->list[k];
            is_new = x->kind != kind || x->position != o->position || strcmp(x->from, o->from) ||
                     strcmp(x->to, o->to) || (group && !str_equal(str_of(x->group), *group));
        }
        count += is_new;
    }
    return count;
}

static struct str text_of(struct json j)
{
    struct str text = STR_NONE;
    (void)json_string(j, &text);
    return text;
}

static void list_check(const struct spec *s, const struct walks *w, struct str question,
                       struct json list, char kind, const struct str *group)
{
    struct json_each it = json_each(list);
    double before = 1e9, seconds;

    size_t places = places_of(w, kind, group), shown = json_count(list);
    assert_true(kind == 'e' ? shown == MIN(places, s->limit)
                            : shown >= MIN(places, s->limit) && shown <= places);
    while (json_next(&it)) {
        struct str from = text_of(json_member(it.value, kind == 'e' ? STR("from") : STR("node")));
        struct str to = text_of(json_member(it.value, STR("to")));
        double got = ref_number(json_member(it.value, STR("count")));
        double wanted = number_of(s, w, kind, from, to, group, &seconds);
        if (got != wanted || wanted == 0 || got > before)
            fail_msg("%.*s\n%c %.*s %.*s: %g, not %g", STR_ARG(question), kind, STR_ARG(from),
                     STR_ARG(to), got, wanted);
        if (kind == 'e')
            assert_true(
                ref_is_near(ref_number(json_member(it.value, STR("average_seconds"))), seconds));
        before = got;
    }
}

static void part_check(const struct spec *s, const struct walks *w, struct str question,
                       struct json part, const struct str *group)
{
    double seconds, total = number_of(s, w, 'p', STR_NONE, STR_NONE, group, &seconds);
    size_t edges = places_of(w, 'e', group);

    assert_true(ref_number(json_member(part, STR("total"))) == total);
    assert_true(ref_number(json_member(part, STR("more"))) ==
                (double)(edges - MIN(edges, s->limit)));
    list_check(s, w, question, json_member(part, STR("edges")), 'e', group);
    list_check(s, w, question, json_member(part, STR("nodes")), 'n', group);
    list_check(s, w, question, json_member(part, STR("drop_off")), 'd', group);
}

static bool is_known(const struct spec *s, const struct ref_world *w)
{
    bool plan = !s->by_plan_nodes, n = !s->has_filter, mixed = !s->by_team;

    for (size_t i = 0; i < w->world.event_count; i++)
        for (size_t k = 0; k < w->world.events[i].property_count; k++) {
            struct str name = w->world.events[i].properties[k].name;
            plan = plan || str_equal(name, STR("plan"));
            n = n || str_equal(name, STR("n"));
            mixed = mixed || str_equal(name, STR("mixed"));
        }
    return plan && n && mixed;
}

static void answers_are_the_reference(void **state)
{
    struct dice d = random_dice(5);

    (void)state;
    for (size_t i = random_rounds(ROUNDS) / 4; i > 0; i--) {
        AUTO(arena) *arena = arena_create(0);
        AUTO(json_parser) *parser = json_parser_create();
        BUF_AUTO question = {0}, text = {0};
        struct ref_world w;
        static struct walks walks;
        struct spec s = spec_roll(&d);
        struct world_shape shape = {.people = REF_PEOPLE,
                                    .events = 120,
                                    .start = start_ms,
                                    .step_ms = hour_ms / 2,
                                    .steps = 48 * 10};
        ref_world_make(&w, &d, arena, &shape);
        w.source.threads = 1 + roll(&d, 3);
        w.source.batch_units = roll(&d, 3);
        if (is_known(&s, &w)) {
            question_write(&s, &question);
            walks_make(&s, &w, &walks);
            struct json answer =
                ref_ask(&w, parser, buf_str(&question), start_ms + 900 * hour_ms, &text);
            part_check(&s, &walks, buf_str(&question), answer, NULL);
            struct json_each it = json_each(json_member(answer, STR("groups")));
            while (json_next(&it)) {
                struct str value = text_of(ref_item(json_member(it.value, STR("value")), 0));
                part_check(&s, &walks, buf_str(&question), it.value, &value);
            }
        }
        plain_source_free(&w.source);
    }
    random_report(&d);
}

/* ---- written out by hand ---- */

#define VIEW(person, minute, url)                                                                  \
    "{\"person\":\"" person "\",\"event\":\"$pageview\",\"time\":\"2026-03-02T10:" minute          \
    ":00Z\",\"properties\":{\"$current_url\":\"" url "\"}}"
#define ASK(more) "{\"insight\":\"paths\",\"from\":\"2026-03-01\",\"to\":\"2026-03-05\"" more "}"
#define PAGES ",\"nodes\":\"page\""

/* a: /, /docs (twice), /pricing; 29 minutes later /docs; b: / and, 30 minutes later, /docs */
static const char views[] = "{\"events\":["
    /* clang-format off */
    VIEW("a", "00", "https://x.io") ","
    VIEW("a", "01", "https://x.io/docs/?q=1") ","
    VIEW("a", "03", "https://x.io/docs#top") ","
    VIEW("a", "05", "https://x.io/pricing") ","
    VIEW("a", "34", "https://x.io/docs") ","
    VIEW("b", "00", "https://x.io/") ","
    VIEW("b", "30", "https://x.io/docs")
    /* clang-format on */
    "]}";

static void answer_is(const char *question, const char *member, const char *wanted)
{
    AUTO(arena) *arena = arena_create(0);
    AUTO(json_parser) *parser = json_parser_create();
    BUF_AUTO text = {0}, list = {0};
    struct plain_source source;
    struct query_context context = {.now_ms = start_ms + 60 * hour_ms};
    struct json root;
    struct err e = {0};

    case_source_parse(views, arena, &source);
    bool ok = query_answer(&source.source, &context, str_of(question), &text, &e);
    if (!member) {
        assert_false(ok);
        assert_str(str_of(e.at), str_of(wanted));
    } else {
        assert_works(ok, e);
        assert_works(json_parse(parser, buf_str(&text), &root, &e), e);
        json_print(json_member(root, str_of(member)), &list);
        assert_str(buf_str(&list), str_of(wanted));
    }
    plain_source_free(&source);
}

static void pages_by_hand(void **state)
{
    (void)state;
    answer_is(ASK(PAGES), "edges",
              "[{\"from\":\"1:/\",\"to\":\"2:/docs\",\"count\":1,\"average_seconds\":180},"
              "{\"from\":\"2:/docs\",\"to\":\"3:/pricing\",\"count\":1,\"average_seconds\":120},"
              "{\"from\":\"3:/pricing\",\"to\":\"4:/docs\",\"count\":1,\"average_seconds\":1740}]");
    answer_is(ASK(PAGES), "drop_off",
              "[{\"node\":\"1:/\",\"count\":1},{\"node\":\"1:/docs\",\"count\":1},"
              "{\"node\":\"4:/docs\",\"count\":1}]");
    answer_is(ASK(PAGES), "total", "2");
    answer_is(ASK(PAGES ",\"count\":\"traversals\""), "total", "3");
    answer_is(ASK(PAGES ",\"session_gap\":\"31m\""), "edges",
              "[{\"from\":\"1:/\",\"to\":\"2:/docs\",\"count\":2,\"average_seconds\":990},"
              "{\"from\":\"2:/docs\",\"to\":\"3:/pricing\",\"count\":1,\"average_seconds\":120},"
              "{\"from\":\"3:/pricing\",\"to\":\"4:/docs\",\"count\":1,\"average_seconds\":1740}]");
    answer_is(ASK(PAGES ",\"steps\":2"), "drop_off",
              "[{\"node\":\"1:/\",\"count\":1},{\"node\":\"1:/docs\",\"count\":1}]");
    answer_is(
        ASK(PAGES ",\"start\":\"/pricing/\",\"limit\":1"), "edges",
        "[{\"from\":\"1:/pricing\",\"to\":\"2:/docs\",\"count\":1,\"average_seconds\":1740}]");
    answer_is(ASK(PAGES ",\"end\":\"/pricing\",\"steps\":2"), "edges",
              "[{\"from\":\"1:/docs\",\"to\":\"2:/pricing\",\"count\":1,\"average_seconds\":120}]");
    answer_is(ASK(PAGES ",\"end\":\"/pricing\""), "drop_off", "[]");
    answer_is(ASK(PAGES ",\"replace\":[[\"^/(d)ocs\",\"/$1\"]],\"start\":\"/d\",\"steps\":2"),
              "edges",
              "[{\"from\":\"1:/d\",\"to\":\"2:/pricing\",\"count\":1,\"average_seconds\":120}]");
    answer_is(ASK(PAGES ",\"people_of\":{\"from\":\"1:/\",\"to\":\"2:/docs\"}"), "people",
              "[{\"id\":\"a\"}]");
    answer_is(ASK(PAGES ",\"people_of\":{\"node\":\"1:/\",\"dropped\":true}"), "people",
              "[{\"id\":\"b\"}]");
    answer_is(ASK(PAGES ",\"people_of\":{\"node\":\"1:/\"}"), "total", "2");
    answer_is(ASK(""), "edges", "[]"); /* names with $ are no nodes */
}

static void wrong_questions_say_where(void **state)
{
    (void)state;
    answer_is(ASK(",\"nodes\":\"pages\""), NULL, "/nodes");
    answer_is(ASK(",\"nodes\":{\"property\":\"none\"}"), NULL, "/nodes/property");
    answer_is(ASK(",\"nodes\":{}"), NULL, "/nodes/property");
    answer_is(ASK(",\"steps\":1"), NULL, "/steps");
    answer_is(ASK(",\"steps\":2,\"start\":\"a\",\"end\":\"b\""), NULL, "/steps");
    answer_is(ASK(",\"session_gap\":\"30\""), NULL, "/session_gap");
    answer_is(ASK(",\"replace\":[[\"a\"]]"), NULL, "/replace/0");
    answer_is(ASK(",\"replace\":[[\"(\",\"b\"]]"), NULL, "/replace/0/0");
    answer_is(ASK(PAGES ",\"replace\":[[\"d\",\"${\"]]"), NULL, "/replace/0/0");
    answer_is(ASK(",\"people_of\":{\"from\":\"1:/\"}"), NULL, "/people_of/to");
    answer_is(ASK(",\"people_of\":{\"from\":\"1:/\",\"to\":\"3:/\"}"), NULL, "/people_of/to");
    answer_is(ASK(",\"people_of\":{\"node\":\"/\"}"), NULL, "/people_of/node");
    answer_is(ASK(",\"compare\":\"previous\""), NULL, "/compare");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_are_the_reference),
        cmocka_unit_test(pages_by_hand),
        cmocka_unit_test(wrong_questions_say_where),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
