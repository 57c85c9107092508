/*
 * The store on a disk that fails: for n = 1, 2, 3…: the n-th call that changes the disk fails
 * (once, or it and all later ones), or the power goes there. Then the store is opened again (and
 * the power may go during that, several times over), and what it holds is compared with the
 * plainest model: every acknowledged batch is there, whole and once; one that was not is there
 * whole or not at all.
 *
 * TENURE_SEEDS sets how many seeds are run (default 2), TENURE_SEED the first one.
 */
#include <sched.h>
#include <stdlib.h>

#include "store/store_sample.h"

enum { STEPS = 24, BATCH_MAX = 12, RECOVERY_CUTS = 3 };

struct trial {
    uint64_t seed, dice;
    struct os *os;
    struct store *s;
    struct model model;
    uint32_t next_event;
    int64_t next_level;
    char where[96];
};

static uint64_t dice(struct trial *t, uint64_t limit)
{
    return hash_mix(t->seed ^ (t->dice++ << 20)) % limit;
}

static bool try_open(struct trial *t, struct err *e)
{
    struct store_options options = {
        .project = STR("main"), .no_background = true, .chunk_rows = 24, .seal_rows = 96};
    return store_open(t->os, STR("/data"), &options, &t->s, e);
}

/* ---- the steps ---- */

/* New events, and some that were sent before: in the model those change nothing. */
static struct store_batch make_batch(struct trial *t, struct arena *arena, uint32_t *fresh)
{
    size_t count = 1 + dice(t, BATCH_MAX);
    struct event *list = arena_array(arena, count, sizeof *list);
    *fresh = 0;
    for (size_t i = 0; i < count; i++) {
        bool is_old = t->next_event && dice(t, 4) == 0;
        uint32_t k = is_old ? (uint32_t)dice(t, t->next_event) : t->next_event + (*fresh)++;
        list[i] = sample_event(arena, k);
    }
    return (struct store_batch){.events = list, .event_count = count};
}

static uint32_t number_of(const struct event *ev)
{
    return (uint32_t)ev->properties[0].value.integer;
}

/* After an answer: all of the batch is in. Without one: what was not in before may be. */
static void note_batch(struct trial *t, const struct store_batch *batch, uint32_t fresh, bool ok)
{
    uint32_t maybe = t->model.next_batch++;
    for (size_t i = 0; i < batch->event_count; i++) {
        uint32_t *state = &t->model.state[number_of(&batch->events[i])];
        if (ok)
            *state = MODEL_IN;
        else if (*state == MODEL_OUT) /* else it stands or falls with an earlier batch */
            *state = maybe;
    }
    t->next_event += fresh;
}

static bool step_append(struct trial *t, struct arena *arena, struct err *e)
{
    uint32_t fresh;
    struct store_batch batch = make_batch(t, arena, &fresh);
    struct store_receipt r;
    bool ok = store_append(t->s, &batch, &r, e);
    note_batch(t, &batch, fresh, ok);
    if (ok)
        assert_int_equal(r.accepted + r.duplicates, batch.event_count);
    return ok;
}

static bool step_import(struct trial *t, struct arena *arena, struct err *e)
{
    struct store_import *i = NULL;
    if (!store_import_begin(t->s, &i, e))
        return false;
    enum { BATCHES = 3 };
    struct store_batch batches[BATCHES];
    uint32_t fresh[BATCHES];
    struct store_receipt r;
    size_t added = 0;
    bool ok = true;
    while (ok && added < BATCHES) {
        batches[added] = make_batch(t, arena, &fresh[added]);
        t->next_event += fresh[added]; /* so that the next batch of it has other numbers */
        ok = store_import_add(i, &batches[added++], e);
    }
    ok = ok && store_import_finish(i, &r, e);
    store_import_close(i);
    for (size_t b = 0; b < added; b++)
        note_batch(t, &batches[b], 0, ok);
    return ok;
}

static bool step_trait(struct trial *t, struct arena *arena, struct err *e)
{
    uint32_t person = (uint32_t)dice(t, SAMPLE_PEOPLE);
    struct property level = {STR("level"), {.type = VALUE_INT, .integer = ++t->next_level}};
    struct fact f = {.kind = FACT_PERSON_TRAITS,
                     .subject = arena_printf(arena, "person %u", person),
                     .created = (int64_t)FACT_CREATED_NONE,
                     .properties = &level,
                     .property_count = 1};
    struct store_batch batch = {.facts = &f, .fact_count = 1};
    struct store_receipt r;
    bool ok = store_append(t->s, &batch, &r, e);
    *(ok ? &t->model.trait[person] : &t->model.trait_maybe[person]) = t->next_level;
    return ok;
}

static bool step_merge(struct trial *t, struct arena *arena, struct err *e)
{
    uint32_t subject = (uint32_t)dice(t, SAMPLE_PEOPLE), other = (uint32_t)dice(t, SAMPLE_PEOPLE);
    struct fact f = {.kind = FACT_MERGE,
                     .subject = arena_printf(arena, "person %u", subject),
                     .other = arena_printf(arena, "person %u", other),
                     .created = (int64_t)FACT_CREATED_NONE};
    struct store_batch batch = {.facts = &f, .fact_count = 1};
    struct store_receipt r;
    if (!store_append(t->s, &batch, &r, e)) {
        if (subject != other)
            t->model.merge_maybe = subject * SAMPLE_PEOPLE + other;
        return false;
    }
    assert_int_equal(r.accepted, model_merge(&t->model, subject, other));
    return true;
}

static bool step_reopen(struct trial *t, struct arena *arena, struct err *e)
{
    (void)arena;
    store_close(TAKE(t->s));
    return try_open(t, e);
}

static bool step_maintain(struct trial *t, struct arena *arena, struct err *e)
{
    (void)arena;
    return store_maintain(t->s, e);
}

static bool step_look(struct trial *t, struct arena *arena, struct err *e)
{
    (void)arena;
    (void)e;
    model_check(&t->model, t->s, t->where);
    return true;
}

/* Runs until a step fails; true: none did. */
static bool run_steps(struct trial *t, size_t steps, struct err *e)
{
    static bool (*const kinds[])(struct trial *, struct arena *, struct err *) = {
        step_append, step_append, step_append,   step_append, step_import,   step_trait,
        step_merge,  step_look,   step_maintain, step_reopen, step_maintain, step_append,
    };
    AUTO(arena) *arena = arena_create(0);
    for (size_t i = 0; i < steps; i++) {
        arena_reset(arena);
        if (!kinds[dice(t, COUNT(kinds))](t, arena, e))
            return false;
    }
    return true;
}

/* ---- a trial ---- */

enum mode { FAIL_ONCE, FAIL_FOR_EVER, POWER_CUT, MODES };
static const char *const mode_names[MODES] = {"fails once", "fails for ever", "power cut"};

static void start(struct trial *t, uint64_t seed, const char *where, uint64_t n)
{
    *t = (struct trial){.seed = seed};
    model_init(&t->model);
    snprintf(t->where, sizeof t->where, "seed %llu, call %llu: %s", (unsigned long long)seed,
             (unsigned long long)n, where);
    t->os = os_sim_create((struct os_sim_plan){.seed = seed});
}

static void finish(struct trial *t)
{
    store_close(t->s);
    os_destroy(t->os);
}

/* How many calls change the disk when nothing goes wrong. */
static uint64_t count_calls(uint64_t seed)
{
    struct trial t;
    struct err e = {0};
    start(&t, seed, "no fault", 0);
    if (!try_open(&t, &e) || !run_steps(&t, STEPS, &e))
        fail_msg("%s: %s", t.where, e.text);
    model_check(&t.model, t.s, t.where);
    uint64_t calls = os_sim_calls(t.os);
    finish(&t);
    return calls;
}

static struct os_sim_plan plan_of(struct trial *t, enum mode mode, uint64_t n)
{
    struct os_sim_plan plan = {.seed = t->seed * 31 + n};
    if (mode == POWER_CUT)
        plan.stop_at = n;
    else
        plan.fail_at = n;
    plan.fail_for_ever = mode == FAIL_FOR_EVER;
    return plan;
}

/* Opens again, with the power going up to RECOVERY_CUTS times more. */
static void recover(struct trial *t, enum mode mode)
{
    struct err e = {0};
    store_close(TAKE(t->s));
    if (mode == POWER_CUT)
        os_sim_crash(t->os);
    for (int cut = 0; mode == POWER_CUT && cut < RECOVERY_CUTS && dice(t, 2); cut++) {
        os_sim_set_plan(t->os, plan_of(t, POWER_CUT, 1 + dice(t, 12)));
        if (try_open(t, &e))
            store_close(TAKE(t->s));
        os_sim_crash(t->os);
        e = (struct err){0};
    }
    os_sim_set_plan(t->os, (struct os_sim_plan){.seed = t->seed});
    if (!try_open(t, &e))
        fail_msg("%s: recovery: %s", t->where, e.text);
}

static void one_trial(uint64_t seed, enum mode mode, uint64_t n)
{
    struct trial t;
    struct err e = {0};
    start(&t, seed, mode_names[mode], n);
    os_sim_set_plan(t.os, plan_of(&t, mode, n));
    if (try_open(&t, &e))
        (void)!run_steps(&t, STEPS, &e);
    recover(&t, mode);
    model_check(&t.model, t.s, t.where);
    e = (struct err){0};
    if (!run_steps(&t, 4, &e)) /* it works as if nothing had been */
        fail_msg("%s: afterwards: %s", t.where, e.text);
    model_check(&t.model, t.s, t.where);
    finish(&t);
}

static void every_call_may_fail(void **state)
{
    (void)state;
    const char *seeds = getenv("TENURE_SEEDS"), *first = getenv("TENURE_SEED");
    uint64_t from = first ? strtoull(first, NULL, 10) : 1;
    uint64_t to = from + (seeds ? strtoull(seeds, NULL, 10) : 2);
    size_t trials = 0;
    for (uint64_t seed = from; seed < to; seed++) {
        uint64_t calls = count_calls(seed);
        for (enum mode mode = 0; mode < MODES; mode++)
            for (uint64_t n = 1; n <= calls; n++, trials++)
                one_trial(seed, mode, n);
    }
    print_message("%zu trials, seeds %llu to %llu\n", trials, (unsigned long long)from,
                  (unsigned long long)to - 1);
}

/* ---- starting anew ---- */

static struct store *open_with_threads(struct os *os)
{
    struct store_options options = {.project = STR("main"), .chunk_rows = 24, .seal_rows = 96};
    struct store *s = NULL;
    struct err e = {0};
    assert_works(store_open(os, STR("/data"), &options, &s, &e), e);
    return s;
}

/* Appends event k until it is taken; how often it was refused. */
static unsigned append_stubbornly(struct store *s, struct os *os, uint32_t k)
{
    AUTO(arena) *arena = arena_create(0);
    struct event ev = sample_event(arena, k);
    struct store_batch batch = {.events = &ev, .event_count = 1};
    for (unsigned refused = 0;; refused++) {
        struct store_receipt r;
        struct err e = {0};
        if (store_append(s, &batch, &r, &e))
            return refused;
        assert_true(e.kind == ERR_IO || e.kind == ERR_BUSY);
        assert_true(refused < 100000);
        os_sim_set_plan(os, (struct os_sim_plan){.seed = k}); /* the disk works again */
        sched_yield();
    }
}

/* Nobody opens the store again: it does so by itself, as often as the disk fails. */
static void a_stopped_store_starts_anew(void **state)
{
    (void)state;
    AUTO(os) *os = os_sim_create((struct os_sim_plan){.seed = 5});
    AUTO(store) *s = open_with_threads(os);
    struct store_state now = {0};
    unsigned refused = 0;
    uint32_t k = 0;
    for (; k < 400; k++) {
        if (k % 40 == 17)
            os_sim_set_plan(os, (struct os_sim_plan){.seed = k, .fail_at = 1 + k % 3});
        refused += append_stubbornly(s, os, k);
    }
    store_state(s, &now);
    assert_true(refused > 0 && now.restarts > 0 && !now.is_stopped);
    assert_int_equal(now.events, k);
    store_close(TAKE(s));
    os_sim_crash(os); /* what was acknowledged behind a failed sync is on the disk */
    s = open_with_threads(os);
    store_state(s, &now);
    assert_int_equal(now.events, k);
}

/* What an import wrote before may be lost, so it must not say that all is well. */
static void an_import_does_not_outlive_a_restart(void **state)
{
    (void)state;
    AUTO(os) *os = os_sim_create((struct os_sim_plan){.seed = 6});
    struct store_options options = {.project = STR("main"), .no_background = true};
    AUTO(store) *s = NULL;
    AUTO(arena) *arena = arena_create(0);
    struct err e = {0};
    struct store_receipt r;
    struct event list[] = {sample_event(arena, 1), sample_event(arena, 2), sample_event(arena, 3)};
    assert_works(store_open(os, STR("/data"), &options, &s, &e), e);
    for (int adds = 0; adds < 2; adds++) {
        AUTO(store_import) *i = NULL;
        e = (struct err){0};
        assert_works(store_import_begin(s, &i, &e), e);
        assert_works(store_import_add(i, &(struct store_batch){list, 1, NULL, 0}, &e), e);
        os_sim_set_plan(os, (struct os_sim_plan){.seed = 1, .fail_at = 1});
        assert_false(store_append(s, &(struct store_batch){list + 1, 1, NULL, 0}, &r, &e));
        os_sim_set_plan(os, (struct os_sim_plan){.seed = 1});
        e = (struct err){0};
        assert_false(store_append(s, &(struct store_batch){list + 1, 1, NULL, 0}, &r, &e));
        assert_int_equal(e.kind, ERR_BUSY);
        e = (struct err){0};
        assert_works(store_restart(s, &e), e);
        assert_works(store_restart(s, &e), e); /* and again: nothing to do */
        bool added = !adds || store_import_add(i, &(struct store_batch){list + 2, 1, NULL, 0}, &e);
        assert_false(added && store_import_finish(i, &r, &e));
        assert_int_equal(e.kind, ERR_BUSY);
        assert_non_null(strstr(e.text, "started anew"));
        assert_works(store_append(s, &(struct store_batch){list, 3, NULL, 0}, &r, &e), e);
        assert_int_equal(r.accepted + r.duplicates, 3);
    }
}

/* ---- full disks ---- */

/* The disk is full after so many bytes more: nothing acknowledged is lost, nothing stops, and when
 * there is space again all goes on without opening anew. */
static void a_full_disk_at_any_size(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 60; seed++) {
        struct trial t;
        struct err e = {0};
        start(&t, seed, "full disk", 0);
        if (!try_open(&t, &e) || !run_steps(&t, 6, &e))
            fail_msg("%s: %s", t.where, e.text);
        uint64_t room = seed < 20 ? seed * 37 : seed * seed * 40;
        os_sim_set_plan(t.os, (struct os_sim_plan){
                                  .seed = seed, .disk_bytes_max = os_sim_used_bytes(t.os) + room});
        for (int i = 0; i < 12; i++) {
            e = (struct err){0};
            AUTO(arena) *arena = arena_create(0);
            bool ok = dice(&t, 3) ? step_append(&t, arena, &e) : step_maintain(&t, arena, &e);
            if (!ok)
                assert_int_equal(e.kind, ERR_NO_SPACE);
            model_check(&t.model, t.s, t.where);
        }
        os_sim_set_plan(t.os, (struct os_sim_plan){.seed = seed});
        e = (struct err){0};
        if (!run_steps(&t, 6, &e))
            fail_msg("%s: with space again: %s", t.where, e.text);
        model_check(&t.model, t.s, t.where);
        finish(&t);
    }
}

/* ---- bit rot ---- */

/* Any byte of any file changed: the store says so and names the file, or holds what it must. */
static void a_flipped_byte_is_never_a_wrong_answer(void **state)
{
    (void)state;
    size_t named = 0, harmless = 0;
    for (uint64_t seed = 1; seed <= 400; seed++) {
        struct trial t;
        struct err e = {0};
        start(&t, 1 + seed % 5, "bit rot", seed);
        AUTO(arena) *arena = arena_create(0);
        if (!try_open(&t, &e) || !run_steps(&t, 10, &e) || !step_merge(&t, arena, &e) ||
            !step_maintain(&t, arena, &e) || !step_append(&t, arena, &e))
            fail_msg("%s: %s", t.where, e.text);
        store_close(TAKE(t.s));

        struct str *names, bytes = {0};
        size_t count;
        assert_works(os_dir_list(t.os, STR("/data"), arena, &names, &count, &e), e);
        uint64_t throw = hash_mix(seed);
        struct str name = names[throw % count];
        struct str path = arena_printf(arena, "/data/%.*s", STR_ARG(name));
        assert_works(os_read_whole(t.os, path, arena, &bytes, &e), e);
        uint64_t at = bytes.len ? hash_mix(throw) % bytes.len : 0;
        if (bytes.len && !str_equal(name, STR("reserve"))) {
            assert_true(os_sim_flip(t.os, path, at, (unsigned char)(1u << seed % 8)));
            struct snapshot *v = NULL;
            snprintf(t.where, sizeof t.where, "seed %llu: byte %llu of %.*s",
                     (unsigned long long)seed, (unsigned long long)at, STR_ARG(name));
            bool ok = try_open(&t, &e) && store_snapshot(t.s, &v, &e);
            for (size_t i = 0; ok && i < v->segment_count; i++)
                ok = segment_check(v->segments[i], &e);
            snapshot_release(v);
            if (!ok &&
                (e.kind != ERR_CORRUPT || (!strstr(e.text, name.at) && !strstr(e.hint, name.at))))
                fail_msg("%s: %s", t.where, e.text);
            if (ok)
                model_check(&t.model, t.s, t.where);
            named += !ok;
            harmless += ok;
        }
        finish(&t);
    }
    print_message("%zu flips named, %zu of padding\n", named, harmless);
    assert_true(named > 200 && harmless < named / 2);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_call_may_fail),
        cmocka_unit_test(a_stopped_store_starts_anew),
        cmocka_unit_test(an_import_does_not_outlive_a_restart),
        cmocka_unit_test(a_full_disk_at_any_size),
        cmocka_unit_test(a_flipped_byte_is_never_a_wrong_answer),
    };
    return cmocka_run_group_tests_name("store/store_fault", tests, NULL, NULL);
}
