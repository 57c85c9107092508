/*
 * Conditions on what people did, against references written from the contract's words: a sequence
 * is searched for among all choices of events, in every order of events of one instant.
 */
#include <stdio.h>

#include "query/reference.h"

enum { ROUNDS = 4000, STEPS_MAX = 4 };

static const int64_t start_ms = INT64_C(1772323200000); /* 2026-03-01T00:00:00Z */
static const int64_t hour_ms = 3600000, day_ms = 86400000;

struct spec {
    enum { DID, DID_NOT, FIRST_DID, SEQUENCE } kind;
    char names[STEPS_MAX];
    size_t steps;
    bool has_filter; /* plan is p1 */
    int64_t low, high;
    int64_t within_hours, after_hours, before_hours; /* 0 = none; since the start */
    int64_t as_of;
};

static void name_write(char name, struct buf *out)
{
    if (name == '*')
        buf_add(out, STR("null"));
    else
        buf_printf(out, "\"%c\"", name);
}

static void instant_write(const char *key, int64_t hours, struct buf *out)
{
    if (hours)
        buf_printf(out, ",\"%s\":\"2026-03-%02dT%02d:00:00Z\"", key, (int)(hours / 24 + 1),
                   (int)(hours % 24));
}

static void condition_write(const struct spec *s, struct buf *out)
{
    static const char *const kinds[] = {"did", "did_not", "first_did", "sequence"};

    buf_printf(out, "{\"%s\":", kinds[s->kind]);
    if (s->kind == SEQUENCE) {
        for (size_t i = 0; i < s->steps; i++) {
            buf_add(out, i ? STR(",") : STR("["));
            name_write(s->names[i], out);
        }
        buf_add(out, STR("]"));
    } else {
        name_write(s->names[0], out);
    }
    if (s->has_filter)
        buf_add(out, STR(",\"filter\":[{\"property\":\"plan\",\"is\":\"p1\"}]"));
    if (s->low > 1 || s->high < 100)
        buf_printf(out, ",\"times\":{\"gte\":%d,\"lt\":%d}", (int)s->low, (int)s->high + 1);
    if (s->within_hours)
        buf_printf(out, ",\"within\":\"%dh\"", (int)s->within_hours);
    instant_write("after", s->after_hours, out);
    instant_write("before", s->before_hours, out);
    buf_add(out, STR("}"));
}

/* ---- the references ---- */

static bool is_match(const struct spec *s, const struct event *e, size_t step)
{
    char room[VALUE_TEXT_BYTES];

    return ref_matches(e, s->names[step]) &&
           (!s->has_filter || str_equal(ref_property(e, "plan", room), STR("p1")));
}

static bool is_in_span(const struct spec *s, const struct event *e)
{
    int64_t at = e->time - start_ms;

    if (s->kind != SEQUENCE && s->within_hours && e->time < s->as_of - s->within_hours * hour_ms)
        return false;
    return (!s->after_hours || at > s->after_hours * hour_ms) &&
           (!s->before_hours || at < s->before_hours * hour_ms);
}

/* Any events for the steps from `step` on: each at another event, none before the one before. */
static bool search(const struct spec *s, const struct ref_person *p, size_t step, uint64_t used[4],
                   int64_t first, int64_t last)
{
    if (step == s->steps)
        return true;
    for (size_t i = 0; i < p->count; i++) {
        const struct event *e = p->events[i];
        bool is_used = used[i / 64] >> (i % 64) & 1;
        if (is_used || e->time > s->as_of || !is_in_span(s, e) || !is_match(s, e, step) ||
            (step &&
             (e->time < last || (s->within_hours && e->time - first > s->within_hours * hour_ms))))
            continue;
        used[i / 64] |= (uint64_t)1 << (i % 64);
        bool found = search(s, p, step + 1, used, step ? first : e->time, e->time);
        used[i / 64] &= ~((uint64_t)1 << (i % 64));
        if (found)
            return true;
    }
    return false;
}

static bool expected(const struct spec *s, const struct ref_person *p)
{
    uint64_t used[4] = {0};
    int64_t count = 0;

    if (s->kind == SEQUENCE)
        return search(s, p, 0, used, 0, 0);
    for (size_t i = 0; i < p->count; i++) {
        if (p->events[i]->time > s->as_of || !is_match(s, p->events[i], 0))
            continue;
        if (s->kind == FIRST_DID)
            return is_in_span(s, p->events[i]);
        count += is_in_span(s, p->events[i]);
    }
    if (s->kind == FIRST_DID)
        return false;
    return (count >= s->low && count <= s->high) == (s->kind == DID);
}

/* ---- random conditions ---- */

/* A name that nobody has is refused, which is not what this is about. */
static bool has_all_names(const struct ref_world *w)
{
    uint32_t seen = 0;
    char room[VALUE_TEXT_BYTES];

    for (size_t i = 0; i < w->world.event_count; i++) {
        const struct event *e = &w->world.events[i];
        seen |= (uint32_t)1 << (e->name.at[0] - 'A');
        seen |= (uint32_t)(ref_property(e, "plan", room).len > 0) << 8;
    }
    return (seen & 0x10f) == 0x10f;
}

static void spec_make(struct dice *d, struct spec *s)
{
    static const char names[] = "AABBCD*";

    *s = (struct spec){.kind = roll(d, 4), .low = 1, .high = 100};
    s->steps = s->kind == SEQUENCE ? 2 + roll(d, STEPS_MAX - 1) : 1;
    for (size_t i = 0; i < s->steps; i++)
        s->names[i] = names[roll(d, sizeof names - 1)];
    s->has_filter = s->kind != SEQUENCE && chance(d, 30);
    if (s->kind <= DID_NOT && chance(d, 60)) {
        s->low = roll(d, 4);
        s->high = s->low + roll(d, 5);
    }
    if (chance(d, 50))
        s->within_hours = 1 + roll(d, s->kind == SEQUENCE ? 60 : 400);
    if (chance(d, 25))
        s->after_hours = 1 + roll(d, 300);
    if (chance(d, 25))
        s->before_hours = 100 + roll(d, 400);
    s->as_of = start_ms + (chance(d, 50) ? 25 * day_ms : (int64_t)(200 + roll(d, 200)) * hour_ms);
}

static bool is_listed(struct json people, struct str id)
{
    struct json_each it = json_each(people);
    struct str text;

    while (json_next(&it))
        if (json_string(json_member(it.value, STR("id")), &text) && str_equal(text, id))
            return true;
    return false;
}

static void behaviours_agree_with_the_reference(void **state)
{
    size_t held = 0, not_held = 0;
    struct dice all = {0};

    (void)state;
    for (size_t round = 0; round < random_rounds(ROUNDS); round++) {
        struct dice d = random_dice(round * 2654435761U + 11);
        AUTO(arena) *arena = arena_create(0);
        AUTO(json_parser) *parser = json_parser_create();
        BUF_AUTO question = {0}, text = {0};
        struct world_shape shape = {REF_PEOPLE, 60, start_ms, hour_ms, chance(&d, 50) ? 500 : 20,
                                    false};
        struct ref_world w;
        struct spec s;
        ref_world_make(&w, &d, arena, &shape);
        w.source.threads = 1 + roll(&d, 3);
        w.source.batch_units = roll(&d, 3);
        w.source.part_ms = roll(&d, 3) * 2 * day_ms;
        spec_make(&d, &s);
        if (!has_all_names(&w)) {
            plain_source_free(&w.source);
            continue;
        }
        buf_add(&question, STR("{\"insight\":\"people\",\"filter\":["));
        condition_write(&s, &question);
        buf_add(&question, STR("]}"));
        struct json root = ref_ask(&w, parser, buf_str(&question), s.as_of, &text);
        struct json people = json_member(root, STR("people"));
        for (size_t i = 0; i < w.person_count; i++) {
            bool wanted = expected(&s, &w.people[i]);
            held += wanted;
            not_held += !wanted;
            if (is_listed(people, w.world.people[i].id) != wanted)
                fail_msg("round %zu, %.*s: %s\n%.*s", round, STR_ARG(w.world.people[i].id),
                         wanted ? "is missing" : "is wrongly listed", STR_ARG(buf_str(&question)));
        }
        all.asked += d.asked;
        plain_source_free(&w.source);
    }
    random_report(&all);
    assert_true(held > 1000 || random_rounds(ROUNDS) < ROUNDS);
    assert_true(not_held > 1000 || random_rounds(ROUNDS) < ROUNDS);
}

/* As a filter of a trend, and as a segment, a condition leaves the same people. */
static void filters_and_segments_are_the_list(void **state)
{
    struct dice all = {0};

    (void)state;
    for (size_t round = 0; round < random_rounds(ROUNDS) / 4; round++) {
        struct dice d = random_dice(round * 40503U + 5);
        AUTO(arena) *arena = arena_create(0);
        struct world_shape shape = {REF_PEOPLE, 60, start_ms, hour_ms, 60, false};
        struct ref_world w;
        struct spec s, other;
        double totals[3] = {0};
        ref_world_make(&w, &d, arena, &shape);
        spec_make(&d, &s);
        spec_make(&d, &other);
        for (size_t i = 0; has_all_names(&w) && i < 3; i++) {
            static const char *const heads[] = {
                "{\"insight\":\"people\",\"segment\":[{\"did\":null},{\"any\":[",
                "{\"insight\":\"trends\",\"from\":\"2026-03-01\",\"to\":\"2026-04-30\",\"series\":"
                "[{\"event\":null,\"math\":\"people\"}],\"filter\":[{\"any\":[",
                "{\"insight\":\"trends\",\"from\":\"2026-03-01\",\"to\":\"2026-04-30\",\"series\":"
                "[{\"event\":null,\"math\":\"people\"}],\"segment\":[{\"any\":["};
            AUTO(json_parser) *parser = json_parser_create();
            BUF_AUTO question = {0}, text = {0};
            buf_add(&question, str_of(heads[i]));
            condition_write(&s, &question);
            buf_add(&question, STR(",{\"not\":"));
            condition_write(&other, &question);
            buf_add(&question, STR("}]}]}"));
            struct json root = ref_ask(&w, parser, buf_str(&question), s.as_of, &text);
            struct json holder = i ? ref_item(json_member(root, STR("series")), 0) : root;
            totals[i] = ref_number(json_member(holder, STR("total")));
        }
        if (totals[0] != totals[1] || totals[0] != totals[2])
            fail_msg("round %zu: %g, %g, %g", round, totals[0], totals[1], totals[2]);
        all.asked += d.asked;
        plain_source_free(&w.source);
    }
    random_report(&all);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(behaviours_agree_with_the_reference),
        cmocka_unit_test(filters_and_segments_are_the_list),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
