/*
 * Every operation of a store, on a disk whose n-th call fails, and on files with a changed byte.
 * The other fault tests (store_fault_test.c, the rigs) run a life of many steps; here each
 * operation is alone, on a store that has something of everything: segments of three months, facts,
 * merges, rules, an erased person, and events that are only in the log.
 *
 * A failing call: the operation works, or says why; and the store, opened anew, has all of its
 * events, and its check finds nothing. A changed byte: the operation works, or names the damage.
 */
#include "store/store_inner.h"
#include "store/store_sample.h"

enum { SEALED = 180, UNSEALED = 260, ADDED = 20, EVENTS_MAX = SEALED + UNSEALED + ADDED };
#define DAY INT64_C(86400000)

struct world {
    struct os *os;
    struct store *s;
    struct arena *arena;
    struct err e;
    bool is_lazy; /* makes no images before somebody asks */
};

static const struct store_options options = {.project = {"main", 4},
                                             .no_background = true,
                                             .chunk_rows = 20,
                                             .seal_rows = 100000,
                                             .seen_segments = 2};

static bool open_as(struct world *w, bool read_only, struct err *e)
{
    struct store_options o = options;
    o.read_only = read_only;
    if (w->is_lazy)
        o.chunk_rows = 100000;
    return store_open(w->os, STR("/data"), &o, &w->s, e);
}

static bool append(struct world *w, uint32_t from, uint32_t count, struct err *e)
{
    struct event *list = arena_array(w->arena, count, sizeof *list);
    struct store_receipt r;
    for (uint32_t i = 0; i < count; i++)
        list[i] = sample_event(w->arena, from + i);
    return store_append(w->s, &(struct store_batch){.events = list, .event_count = count}, &r, e);
}

static bool say(struct world *w, enum fact_kind kind, const char *subject, const char *other,
                struct err *e)
{
    bool is_trait = kind == FACT_PERSON_TRAITS || kind == FACT_ACCOUNT_TRAITS;
    struct property p[] = {{STR("plan"), {.type = VALUE_TEXT, .text = str_of(other)}},
                           {STR("seats"), {.type = VALUE_INT, .integer = 4}}};
    struct fact f = {.kind = kind,
                     .subject = str_of(subject),
                     .other = is_trait ? STR_NONE : str_of(other),
                     .created = is_trait ? SAMPLE_START : (int64_t)FACT_CREATED_NONE,
                     .received = SAMPLE_START,
                     .properties = p,
                     .property_count = is_trait ? COUNT(p) : 0};
    struct store_receipt r;
    return store_append(w->s, &(struct store_batch){.facts = &f, .fact_count = 1}, &r, e);
}

/* ---- the operations ---- */

struct damage {
    char text[300];
    unsigned count;
};

static void note(void *context, struct str file, struct str what)
{
    struct damage *d = context;
    if (!d->count++)
        snprintf(d->text, sizeof d->text, "%.*s: %.*s", STR_ARG(file), STR_ARG(what));
}

static bool say_found(const struct damage *d, struct err *e)
{
    return !d->count || err_set(e, ERR_CORRUPT, "/data: %s", d->text);
}

static bool check_open(struct world *w, struct err *e)
{
    struct damage found = {0};
    struct store_check_options o = {.found = note, .context = &found};
    struct store_check_report report;
    return store_check(w->s, &o, &report, e) && say_found(&found, e);
}

static bool run_open(struct world *w, struct err *e)
{
    store_close(TAKE(w->s));
    return open_as(w, false, e);
}

static bool run_read_only(struct world *w, struct err *e)
{
    store_close(TAKE(w->s));
    return open_as(w, true, e) && check_open(w, e);
}

static bool run_append(struct world *w, struct err *e)
{
    return append(w, SEALED / 2, 4, e) && append(w, SEALED + UNSEALED, ADDED, e) &&
           say(w, FACT_MERGE, "person 8", "person 9", e);
}

static bool run_import(struct world *w, struct err *e)
{
    AUTO(store_import) *i = NULL;
    struct event list[ADDED];
    struct store_receipt r;
    for (uint32_t k = 0; k < ADDED; k++)
        list[k] = sample_event(w->arena, SEALED + UNSEALED + k);
    struct store_batch first = {.events = list, .event_count = ADDED / 2};
    struct store_batch second = {.events = list + ADDED / 2, .event_count = ADDED / 2};
    return store_import_begin(w->s, &i, e) && store_import_add(i, &first, e) &&
           store_import_add(i, &second, e) && store_import_finish(i, &r, e);
}

static bool run_maintain(struct world *w, struct err *e)
{
    return store_maintain(w->s, e);
}

static bool run_erase(struct world *w, struct err *e)
{
    struct store_erasure x;
    return store_erase(w->s, STR("person 3"), &x, e) && store_erase(w->s, STR("nobody"), &x, e);
}

static bool run_forget(struct world *w, struct err *e)
{
    struct store_forgotten x;
    return store_forget(w->s, &x, e);
}

static bool run_apply_list(struct world *w, struct err *e)
{
    struct store_erasure x;
    return store_erasures_apply(w->s, STR("/newer"), &x, e);
}

static bool run_keep(struct world *w, struct err *e)
{
    struct keep_report report;
    struct snapshot *v = NULL;
    struct keep_rule rule = {STR("event 4"), 30 * DAY};
    uint64_t rows;
    bool ok = store_keep_set(w->s, rule, e) && store_snapshot(w->s, &v, e) &&
              store_keep_count(v, rule, SAMPLE_START + 60 * DAY, &rows, e);
    snapshot_release(v);
    return ok && store_keep_apply(w->s, SAMPLE_START + 60 * DAY, &report, e);
}

/* All of the first month goes, as whole segments. */
static bool run_keep_nothing(struct world *w, struct err *e)
{
    struct keep_report report;
    for (unsigned i = 0; i < 9; i++) {
        struct keep_rule rule = {arena_printf(w->arena, "event %u", i), 2 * DAY};
        if (!store_keep_set(w->s, rule, e))
            return false;
    }
    return store_keep_apply(w->s, SAMPLE_START + 60 * DAY, &report, e);
}

static bool run_backup(struct world *w, struct err *e)
{
    struct store_backup_receipt r;
    return store_backup(w->s, STR("/copy"), &(struct store_backup_options){0}, w->arena, &r, e);
}

/* With bytes in the log that no sync has covered. */
static bool run_backup_unsynced(struct world *w, struct err *e)
{
    AUTO(store_import) *i = NULL;
    struct event ev = sample_event(w->arena, SEALED + UNSEALED);
    return store_import_begin(w->s, &i, e) &&
           store_import_add(i, &(struct store_batch){&ev, 1, NULL, 0}, e) && run_backup(w, e);
}

static bool run_check_dir(struct world *w, struct err *e)
{
    struct damage found = {0};
    struct store_check_options o = {.found = note, .context = &found};
    struct store_check_report report;
    store_close(TAKE(w->s));
    return store_check_dir(w->os, STR("/data"), &o, &report, e) && say_found(&found, e);
}

static bool run_restart(struct world *w, struct err *e)
{
    struct err why = {0};
    err_set(&why, ERR_IO, "for a test");
    pthread_mutex_lock(&w->s->lock);
    store_stop(w->s, &why);
    pthread_mutex_unlock(&w->s->lock);
    return store_restart(w->s, e);
}

static bool take_event(void *context, const struct event *ev, struct err *e)
{
    (void)e;
    *(size_t *)context += ev->name.len != 0;
    return true;
}

static bool take_fact(void *context, const struct fact *f, struct err *e)
{
    (void)e;
    *(size_t *)context += f->subject.len != 0;
    return true;
}

static bool run_read(struct world *w, struct err *e)
{
    struct snapshot *v = NULL;
    struct read_options all = {.from = INT64_MIN, .to = INT64_MAX}, one = all;
    struct person_identity who;
    size_t count = 0;
    bool ok = store_snapshot(w->s, &v, e) && snapshot_read(v, &all, take_event, &count, e) &&
              snapshot_read_facts(v, &all, take_fact, &count, e);
    one.is_person = true;
    if (ok)
        assert_true(snapshot_unit_find(v, STR("person 1"), &one.unit));
    ok = ok && snapshot_read(v, &one, take_event, &count, e) &&
         snapshot_read_facts(v, &one, take_fact, &count, e) &&
         snapshot_identity(v, STR("person 2"), IDENTITY_NOW, w->arena, &who, e);
    snapshot_release(v);
    return ok;
}

/* Steps that the background takes; each under maintain_lock. */
static bool step(struct world *w, bool (*run)(struct store *s, struct err *e), struct err *e)
{
    store_take_maintain_lock(w->s);
    bool ok = run(w->s, e);
    pthread_mutex_unlock(&w->s->maintain_lock);
    return ok;
}

static bool compact_to_the_end(struct store *s, struct err *e)
{
    for (bool did = true; did;)
        if (!store_compact(s, true, &did, e))
            return false;
    return true;
}

static bool learn_all(struct store *s, struct err *e)
{
    for (bool did = true; did;)
        if (!store_learn(s, &did, e))
            return false;
    return true;
}

static bool run_compact(struct world *w, struct err *e)
{
    return step(w, compact_to_the_end, e);
}

static bool run_learn(struct world *w, struct err *e)
{
    return step(w, learn_all, e);
}

static bool run_fold(struct world *w, struct err *e)
{
    return step(w, store_fold, e);
}

static bool run_seal(struct world *w, struct err *e)
{
    return step(w, store_close_stage, e) && step(w, store_seal, e);
}

static bool run_facts(struct world *w, struct err *e)
{
    return step(w, store_compact_facts, e);
}

static const struct operation {
    const char *name;
    bool (*run)(struct world *w, struct err *e);
    bool loses;  /* events may go */
    bool checks; /* tells of a file that cannot be read as of any damage */
} operations[] = {
    {"open", run_open, false, false},
    {"open to read", run_read_only, false, true},
    {"append", run_append, false, false},
    {"import", run_import, false, false},
    {"maintain", run_maintain, false, false},
    {"erase", run_erase, true, false},
    {"forget", run_forget, false, false},
    {"apply a list", run_apply_list, true, false},
    {"keep", run_keep, true, false},
    {"keep nothing", run_keep_nothing, true, false},
    {"backup", run_backup, false, false},
    {"backup unsynced", run_backup_unsynced, false, false},
    {"check", check_open, false, true},
    {"check closed", run_check_dir, false, true},
    {"restart", run_restart, false, false},
    {"read", run_read, false, false},
    {"compact", run_compact, false, false},
    {"learn", run_learn, false, false},
    {"fold", run_fold, false, false},
    {"seal", run_seal, false, false},
    {"facts", run_facts, false, false},
};

/* ---- the past ---- */

static uint64_t events_of(struct world *w)
{
    struct store_state now;
    store_state(w->s, &now);
    return now.events;
}

/* A store with something of everything, closed; `*events`: it shows so many. */
static void make_past(struct world *w, uint64_t *events)
{
    struct err *e = &w->e;
    struct store_erasure x;
    struct str bytes;
    *w = (struct world){.os = os_sim_create((struct os_sim_plan){.seed = 3}),
                        .arena = arena_create(0)};
    assert_works(open_as(w, false, e), *e);
    for (uint32_t k = 0; k < SEALED; k += 60) {
        assert_works(append(w, k, 60, e), *e);
        assert_works(run_seal(w, e), *e);
    }
    assert_works(say(w, FACT_PERSON_TRAITS, "person 1", "free", e), *e);
    assert_works(say(w, FACT_PERSON_TRAITS, "person 1", "pro", e), *e);
    assert_works(say(w, FACT_ACCOUNT_TRAITS, "acme", "gold", e), *e);
    assert_works(say(w, FACT_MERGE, "person 1", "person 2", e), *e);
    assert_works(say(w, FACT_MERGE, "person 6", "person 7", e), *e);
    assert_works(run_seal(w, e), *e);
    assert_works(store_keep_set(w->s, (struct keep_rule){STR("event 3"), 20 * DAY}, e), *e);
    assert_works(append(w, SEALED, UNSEALED / 2, e), *e);
    /* A list that knows of one more: of a newer backup of the same store. */
    store_close(TAKE(w->s));
    struct world newer = {.os = os_sim_copy(w->os), .arena = w->arena};
    assert_works(open_as(&newer, false, e), *e);
    assert_works(store_erase(newer.s, STR("person 6"), &x, e), *e);
    store_close(newer.s);
    assert_works(os_read_whole(newer.os, STR("/data/" STORE_ERASURES_FILE), w->arena, &bytes, e),
                 *e);
    assert_works(os_write_whole(w->os, STR("/newer"), bytes, e), *e);
    os_destroy(newer.os);
    assert_works(open_as(w, false, e), *e);
    assert_works(say(w, FACT_UNMERGE, "person 6", "person 7", e), *e);
    assert_works(say(w, FACT_PERSON_TRAITS, "person 8", "free", e), *e);
    assert_works(store_erase(w->s, STR("person 5"), &x, e), *e);
    assert_works(append(w, SEALED + UNSEALED / 2, UNSEALED / 2 - 2, e), *e);
    pthread_mutex_lock(&w->s->writer_lock);
    assert_works(store_next_log(w->s, e), *e);
    pthread_mutex_unlock(&w->s->writer_lock);
    assert_works(append(w, SEALED + UNSEALED - 2, 2, e), *e);
    *events = events_of(w);
    store_close(TAKE(w->s));
    assert_works(os_write_whole(w->os, STR("/data/notes"), STR("of the user"), e), *e);
}

static void drop(struct world *w)
{
    store_close(w->s);
    os_destroy(w->os);
    arena_destroy(w->arena);
}

static bool copy_world(const struct world *past, struct world *out, struct err *e)
{
    *out = (struct world){.os = os_sim_copy(past->os), .arena = arena_create(0)};
    return open_as(out, false, e);
}

/* ---- a call that fails ---- */

/* The disk works again: what does a new process find? */
static void afterwards(struct world *w, const struct operation *op, uint64_t had, const char *where)
{
    struct err e = {0};
    struct damage found = {0};
    struct store_check_options check = {.found = note, .context = &found};
    struct store_check_report report;
    os_sim_set_plan(w->os, (struct os_sim_plan){.seed = 9});
    store_close(TAKE(w->s));
    if (!open_as(w, false, &e))
        fail_msg("%s: opening again: %s", where, e.text);
    uint64_t events = events_of(w);
    if (!op->loses && (events < had || events > had + ADDED))
        fail_msg("%s: %llu events, and there were %llu", where, (unsigned long long)events,
                 (unsigned long long)had);
    if (!run_maintain(w, &e) || !store_check(w->s, &check, &report, &e))
        fail_msg("%s: going on: %s", where, e.text);
    if (found.count)
        fail_msg("%s: %s", where, found.text);
    assert_true(op->loses || events_of(w) == events);
}

enum fault { FAILS_ONCE, FAILS_FOR_EVER, FULL_ONCE, FULL_FOR_EVER, READ_FAILS, FAULTS };
static const char *const fault_names[FAULTS] = {"fails", "fails for ever", "finds no space",
                                                "finds no space for ever", "cannot read"};

static struct os_sim_plan plan_of(enum fault fault, uint64_t n)
{
    struct os_sim_plan plan = {.seed = n};
    *(fault == READ_FAILS ? &plan.read_fail_at : &plan.fail_at) = n;
    plan.fail_for_ever = fault == FAILS_FOR_EVER || fault == FULL_FOR_EVER;
    plan.fail_full = fault == FULL_ONCE || fault == FULL_FOR_EVER;
    return plan;
}

static bool is_expected(const struct operation *op, enum fault fault, enum err_kind kind)
{
    bool may_be_full = fault == FULL_ONCE || fault == FULL_FOR_EVER;
    return kind == ERR_IO || kind == ERR_BUSY || (may_be_full && kind == ERR_NO_SPACE) ||
           (fault == READ_FAILS && op->checks && kind == ERR_CORRUPT);
}

/* How many changing (or reading) calls the operation makes when nothing fails. */
static uint64_t count_calls(const struct world *past, const struct operation *op, bool reading)
{
    struct world w;
    struct err e = {0};
    assert_works(copy_world(past, &w, &e), e);
    os_sim_set_plan(w.os, (struct os_sim_plan){.seed = 1});
    if (!op->run(&w, &e))
        fail_msg("%s: %s", op->name, e.text);
    uint64_t calls = reading ? os_sim_reads(w.os) : os_sim_calls(w.os);
    drop(&w);
    return calls;
}

static void each_call_of_each_operation_fails(void **state)
{
    (void)state;
    struct world past;
    uint64_t had;
    size_t points = 0, refused = 0;
    make_past(&past, &had);
    for (size_t i = 0; i < COUNT(operations) * FAULTS; i++) {
        const struct operation *op = &operations[i / FAULTS];
        enum fault fault = (enum fault)(i % FAULTS);
        uint64_t calls = count_calls(&past, op, fault == READ_FAILS);
        bool goes_on = fault == FAILS_FOR_EVER || fault == FULL_FOR_EVER; /* alike at each call */
        for (uint64_t n = 1; n <= calls; n += goes_on ? 3 : 1, points++) {
            struct world w;
            struct err e = {0};
            char where[120];
            snprintf(where, sizeof where, "%s: call %llu %s", op->name, (unsigned long long)n,
                     fault_names[fault]);
            assert_works(copy_world(&past, &w, &e), e);
            os_sim_set_plan(w.os, plan_of(fault, n));
            bool ok = op->run(&w, &e);
            if (!ok && !is_expected(op, fault, e.kind))
                fail_msg("%s: %s", where, e.text);
            refused += !ok;
            afterwards(&w, op, had, where);
            drop(&w);
        }
    }
    print_message("%zu calls failed, %zu operations said so\n", points, refused);
    assert_true(refused > points / 4);
    drop(&past);
}

/* ---- a byte that changed ---- */

/* A changed byte before the open, or after it; or the file is cut there after it. The open writes
 * some files anew, and shorter. */
enum way { FLIP_BEFORE, FLIP_AFTER, CUT_AFTER, WAYS };

static void damage_file(struct world *w, enum way way, struct str path, uint64_t at)
{
    struct str bytes;
    if (way != CUT_AFTER) {
        bool has_byte = os_sim_flip(w->os, path, at, (unsigned char)(1u << at % 8));
        assert_true(has_byte || way == FLIP_AFTER);
        return;
    }
    assert_works(os_read_whole(w->os, path, w->arena, &bytes, &w->e) &&
                     os_write_whole(w->os, path, str_sub(bytes, 0, at), &w->e),
                 w->e);
}

/* Runs the operation; what it says names the damage. */
static bool run_damaged(const struct world *past, const struct operation *op, enum way way,
                        struct str path, uint64_t at, const char *where)
{
    struct world w = {.os = os_sim_copy(past->os), .arena = arena_create(0), .is_lazy = at / 8 % 2};
    struct err e = {0};
    if (way == FLIP_BEFORE)
        damage_file(&w, way, path, at);
    bool ok = open_as(&w, false, &e);
    if (ok && way != FLIP_BEFORE)
        damage_file(&w, way, path, at);
    ok = ok && op->run(&w, &e);
    if (!ok && e.kind != ERR_CORRUPT && e.kind != ERR_UNSUPPORTED)
        fail_msg("%s: %s", where, e.text);
    if (!ok && !strstr(e.text, "/data"))
        fail_msg("%s: which file? %s", where, e.text);
    drop(&w);
    return ok;
}

static void each_operation_meets_damage(void **state)
{
    (void)state;
    enum { FLIPS = 15 };
    struct world past;
    uint64_t had;
    struct str *names;
    size_t count, named = 0, harmless = 0;
    make_past(&past, &had);
    assert_works(os_dir_list(past.os, STR("/data"), past.arena, &names, &count, &past.e), past.e);
    for (size_t i = 0; i < COUNT(operations) * count * FLIPS; i++) {
        const struct operation *op = &operations[i / FLIPS / count];
        struct str name = names[i / FLIPS % count], bytes;
        struct str path = arena_printf(past.arena, "/data/%.*s", STR_ARG(name));
        char where[120];
        assert_works(os_read_whole(past.os, path, past.arena, &bytes, &past.e), past.e);
        if (bytes.len == 0 || str_equal(name, STR("reserve")))
            continue;
        uint64_t at = hash_mix(i) % bytes.len;
        enum way way = (enum way)(i % WAYS);
        snprintf(where, sizeof where, "%s: byte %llu of %.*s, way %d", op->name,
                 (unsigned long long)at, STR_ARG(name), (int)way);
        bool ok = run_damaged(&past, op, way, path, at, where);
        named += !ok;
        harmless += ok;
    }
    print_message("%zu flips named, %zu not met or of padding\n", named, harmless);
    assert_true(named > 100);
    drop(&past);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_call_of_each_operation_fails),
        cmocka_unit_test(each_operation_meets_damage),
    };
    return cmocka_run_group_tests_name("store/store_calls", tests, NULL, NULL);
}
