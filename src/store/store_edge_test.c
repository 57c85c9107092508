/* The store at its edges: limits, closing while somebody waits, handles that may only read. */
#include <unistd.h>

#include "base/limits.h"
#include "store/store_inner.h"
#include "store/store_sample.h"

#define DAY INT64_C(86400000)

struct world {
    struct os *os;
    struct store *s;
    struct arena *arena;
    struct err e;
};

static void open_with(struct world *w, struct store_options o)
{
    o.project = STR("main");
    assert_works(store_open(w->os, STR("/data"), &o, &w->s, &w->e), w->e);
}

static struct world *world_create(bool has_threads)
{
    struct world *w = mem_zero(sizeof *w);
    w->os = os_sim_create((struct os_sim_plan){.seed = 1});
    w->arena = arena_create(0);
    open_with(w, (struct store_options){
                     .no_background = !has_threads, .chunk_rows = 20, .seal_rows = 60});
    return w;
}

static void world_destroy(struct world *w)
{
    store_close(w->s);
    os_destroy(w->os);
    arena_destroy(w->arena);
    mem_free(w);
}
AUTO_DEFINE(world, world_destroy)

static bool append(struct world *w, uint32_t from, uint32_t count, struct err *e)
{
    struct event *list = arena_array(w->arena, count, sizeof *list);
    struct store_receipt r;
    for (uint32_t i = 0; i < count; i++)
        list[i] = sample_event(w->arena, from + i);
    return store_append(w->s, &(struct store_batch){.events = list, .event_count = count}, &r, e);
}

static uint64_t events_of(struct world *w)
{
    struct store_state now;
    store_state(w->s, &now);
    return now.events;
}

static void assert_refused(struct world *w, bool ok, enum err_kind kind, const char *words)
{
    assert_false(ok);
    assert_int_equal(w->e.kind, kind);
    if (!strstr(w->e.text, words))
        fail_msg("\"%s\" lacks \"%s\"", w->e.text, words);
    w->e = (struct err){0};
}

/* ---- opening ---- */

static void directories_have_limits(void **state)
{
    (void)state;
    AUTO(world) *w = world_create(false);
    struct store_options o = {.project = STR("main"), .no_background = true};
    struct store *s = NULL;
    assert_refused(w, store_open(w->os, STR(""), &o, &s, &w->e), ERR_INVALID, "0 bytes");
    struct str far = arena_printf(w->arena, "/%0*d", OS_PATH_BYTES - 20, 0);
    assert_refused(w, store_open(w->os, far, &o, &s, &w->e), ERR_INVALID, "the limit is");
    assert_refused(w, store_open(w->os, STR("/no/way"), &o, &s, &w->e), ERR_NOT_FOUND, "/no/way");
    static const struct str names[] = {STR("/other//"), STR("here"), STR("//there")};
    for (size_t i = 0; i < COUNT(names); i++) {
        assert_works(store_open(w->os, names[i], &o, &s, &w->e), w->e);
        store_close(TAKE(s));
        assert_works(store_open(w->os, names[i], &o, &s, &w->e), w->e);
        store_close(TAKE(s));
    }
    o.read_only = true;
    assert_works(os_dir_make(w->os, STR("/empty"), &w->e), w->e);
    assert_refused(w, store_open(w->os, STR("/empty"), &o, &s, &w->e), ERR_NOT_FOUND,
                   "holds no store");
}

static void who_may_only_read_changes_nothing(void **state)
{
    (void)state;
    AUTO(world) *w = world_create(false);
    struct store_receipt r;
    struct store_erasure x;
    struct store_forgotten f;
    struct keep_report report;
    struct store_import *i;
    struct event ev = sample_event(w->arena, 1);
    assert_works(append(w, 0, 50, &w->e), w->e);
    store_close(TAKE(w->s));
    open_with(w, (struct store_options){.read_only = true});
    const char *words = "for reading only";
    assert_refused(w, store_append(w->s, &(struct store_batch){&ev, 1, NULL, 0}, &r, &w->e),
                   ERR_INVALID, words);
    assert_refused(w, store_import_begin(w->s, &i, &w->e), ERR_INVALID, words);
    assert_refused(w, store_erase(w->s, STR("person 1"), &x, &w->e), ERR_INVALID, words);
    assert_refused(w, store_forget(w->s, &f, &w->e), ERR_INVALID, words);
    assert_refused(w, store_keep_set(w->s, (struct keep_rule){STR("event 1"), DAY}, &w->e),
                   ERR_INVALID, words);
    assert_refused(w, store_keep_apply(w->s, SAMPLE_START, &report, &w->e), ERR_INVALID, words);
    assert_int_equal(events_of(w), 50);
}

/* ---- limits ---- */

static void a_batch_has_a_limit(void **state)
{
    (void)state;
    AUTO(world) *w = world_create(false);
    struct item item = {.payload = {"", (size_t)STORE_BATCH_BYTES_MAX + 1}};
    assert_refused(w, store_enqueue(w->s, &item, &w->e), ERR_TOO_LARGE, "the limit is 536870912");
}

static void ids_of_erasures_have_limits(void **state)
{
    (void)state;
    AUTO(world) *w = world_create(false);
    struct store_erasure x;
    struct str far = arena_printf(w->arena, "%0*d", LIMIT_ID_BYTES + 1, 0);
    assert_refused(w, store_erase(w->s, STR(""), &x, &w->e), ERR_INVALID, "0 bytes");
    assert_refused(w, store_erase(w->s, far, &x, &w->e), ERR_INVALID, "it has 1 to");
}

/* Periods longer than time itself keep everything; days before 1970 are days, too. */
static void periods_have_no_limit(void **state)
{
    (void)state;
    AUTO(world) *w = world_create(false);
    AUTO(snapshot) *v = NULL;
    struct keep_report report;
    uint64_t rows = 1;
    assert_works(append(w, 0, 100, &w->e), w->e);
    assert_works(store_snapshot(w->s, &v, &w->e), w->e);
    struct keep_rule rule = {STR("event 1"), INT64_MAX};
    assert_works(store_keep_count(v, rule, -5 * DAY - 1, &rows, &w->e), w->e);
    assert_int_equal(rows, 0);
    assert_works(store_keep_set(w->s, rule, &w->e), w->e);
    assert_works(store_keep_apply(w->s, -5 * DAY - 1, &report, &w->e), w->e);
    assert_int_equal(report.rows, 0);
    assert_int_equal(events_of(w), 100);
}

static void nothing_to_append_is_fine(void **state)
{
    (void)state;
    AUTO(world) *w = world_create(false);
    struct store_receipt r = {.accepted = 7};
    assert_works(store_append(w->s, &(struct store_batch){0}, &r, &w->e), w->e);
    assert_int_equal(r.accepted, 0);
    assert_int_equal(events_of(w), 0);
}

/* Nothing to learn of them, and nothing that could be in twice. */
static void segments_without_ids(void **state)
{
    (void)state;
    AUTO(world) *w = world_create(false);
    struct store_check_report report;
    store_close(TAKE(w->s));
    open_with(w, (struct store_options){.no_background = true, .seen_segments = 1});
    for (uint32_t k = 1; k < 40; k += 2)
        assert_works(append(w, k, 1, &w->e), w->e);
    assert_works(store_maintain(w->s, &w->e), w->e);
    assert_non_null(w->s->seen_old);
    assert_works(append(w, 1, 40, &w->e), w->e);
    assert_int_equal(events_of(w), 40);
    assert_works(store_check(w->s, &(struct store_check_options){0}, &report, &w->e), w->e);
    assert_int_equal(report.events, 20);
    assert_int_equal(report.damaged, 0);
}

/* A merge of more ids than are erased together after a restore; at each call it may fail. */
static void a_long_list_of_erased_ids(void **state)
{
    (void)state;
    enum { IDS = 1500 };
    AUTO(world) *w = world_create(false);
    struct store_erasure x;
    struct store_receipt r;
    struct str list;
    struct fact *facts = arena_array(w->arena, IDS, sizeof *facts);
    for (size_t i = 0; i < IDS; i++)
        facts[i] = (struct fact){.kind = FACT_MERGE,
                                 .subject = STR("one"),
                                 .other = arena_printf(w->arena, "id %zu", i),
                                 .created = (int64_t)FACT_CREATED_NONE};
    assert_works(store_append(w->s, &(struct store_batch){NULL, 0, facts, IDS}, &r, &w->e), w->e);
    store_close(TAKE(w->s));
    struct os *older = os_sim_copy(w->os);
    open_with(w, (struct store_options){.no_background = true});
    assert_works(store_erase(w->s, STR("one"), &x, &w->e), w->e);
    assert_int_equal(x.ids, IDS + 1);
    store_close(TAKE(w->s));
    struct str path = STR("/data/" STORE_ERASURES_FILE);
    assert_works(os_read_whole(w->os, path, w->arena, &list, &w->e), w->e);
    os_destroy(w->os);
    w->os = older;
    assert_works(os_write_whole(w->os, STR("/list"), list, &w->e), w->e);
    open_with(w, (struct store_options){.no_background = true});
    os_sim_set_plan(w->os, (struct os_sim_plan){.seed = 1, .fail_at = 1});
    assert_refused(w, store_erasures_apply(w->s, STR("/list"), &x, &w->e), ERR_BUSY,
                   "a write failed");
    os_sim_set_plan(w->os, (struct os_sim_plan){.seed = 1});
    assert_works(store_restart(w->s, &w->e), w->e);
    assert_works(store_erasures_apply(w->s, STR("/list"), &x, &w->e), w->e);
    assert_works(store_erasures_apply(w->s, STR("/list"), &x, &w->e), w->e); /* and again */
    assert_int_equal(x.ids, 0);
    /* a store of its own: the list is not of it */
    struct store_options o = {.project = STR("main"), .no_background = true};
    AUTO(store) *other = NULL;
    assert_works(store_open(w->os, STR("/other"), &o, &other, &w->e), w->e);
    assert_refused(w, store_erasures_apply(other, STR("/list"), &x, &w->e), ERR_CONFLICT,
                   "the list of another store");
}

/* Facts that are kept when somebody is taken out of the files, in several blocks. */
static void forgetting_among_many_facts(void **state)
{
    (void)state;
    enum { FACTS = 40, BYTES = 1 << 19 };
    AUTO(world) *w = world_create(false);
    struct store_erasure x;
    struct store_forgotten f;
    struct store_receipt r;
    char *text = arena_alloc(w->arena, BYTES);
    memset(text, 'x', BYTES);
    for (size_t i = 0; i < FACTS; i++) {
        struct property p = {STR("note"), {.type = VALUE_TEXT, .text = {text, BYTES}}};
        struct fact fact = {.kind = FACT_PERSON_TRAITS,
                            .subject = arena_printf(w->arena, "person %zu", i % 10),
                            .created = (int64_t)FACT_CREATED_NONE,
                            .properties = &p,
                            .property_count = 1};
        text[0] = (char)('0' + i);
        assert_works(store_append(w->s, &(struct store_batch){NULL, 0, &fact, 1}, &r, &w->e), w->e);
    }
    assert_works(store_erase(w->s, STR("person 3"), &x, &w->e), w->e);
    assert_works(store_forget(w->s, &f, &w->e), w->e);
    store_close(TAKE(w->s));
    open_with(w, (struct store_options){.no_background = true});
    AUTO(snapshot) *v = NULL;
    assert_works(store_snapshot(w->s, &v, &w->e), w->e);
    for (uint32_t i = 0; i < 10; i++) {
        uint32_t unit;
        bool is_there = sample_unit(v, i, &unit);
        assert_int_equal(is_there, i != 3);
        if (is_there)
            assert_int_equal(snapshot_trait(v, unit, STR("note")).text.at[0], '0' + 30 + i);
    }
}

/* ---- closing ---- */

static void a_store_that_is_closing_takes_nothing(void **state)
{
    (void)state;
    AUTO(world) *w = world_create(false);
    AUTO(store_import) *i = NULL;
    struct event ev = sample_event(w->arena, 1);
    struct store_batch batch = {&ev, 1, NULL, 0};
    struct store_receipt r;
    struct store_erasure x;
    assert_works(store_import_begin(w->s, &i, &w->e), w->e);
    w->s->queue_is_closing = true;
    assert_refused(w, append(w, 0, 5, &w->e), ERR_BUSY, "being closed");
    assert_refused(w, store_import_add(i, &batch, &w->e), ERR_BUSY, "being closed");
    assert_refused(w, store_import_finish(i, &r, &w->e), ERR_BUSY, "being closed");
    assert_refused(w, store_erase(w->s, STR("person 1"), &x, &w->e), ERR_BUSY, "being closed");
    w->s->queue_is_closing = false;
    assert_works(append(w, 0, 5, &w->e), w->e);
}

static void a_store_that_stopped_takes_nothing(void **state)
{
    (void)state;
    for (int is_damaged = 0; is_damaged < 2; is_damaged++) {
        AUTO(world) *w = world_create(false);
        struct store_import *i = NULL;
        struct err why = {0};
        struct store_backup_receipt r;
        const char *words = is_damaged ? "for a test" : "a write failed: for a test";
        enum err_kind kind = is_damaged ? ERR_CORRUPT : ERR_BUSY;
        err_set(&why, is_damaged ? ERR_CORRUPT : ERR_IO, "for a test");
        pthread_mutex_lock(&w->s->lock);
        store_stop(w->s, &why);
        pthread_mutex_unlock(&w->s->lock);
        struct store_health health;
        store_health(w->s, &health);
        assert_true(health.is_stopped && strstr(health.why.text, "for a test"));
        assert_refused(w, append(w, 0, 5, &w->e), kind, words);
        assert_refused(w, store_import_begin(w->s, &i, &w->e), kind, words);
        assert_refused(w, store_keep_set(w->s, (struct keep_rule){STR("x"), DAY}, &w->e), kind,
                       words);
        assert_refused(
            w,
            store_backup(w->s, STR("/b"), &(struct store_backup_options){0}, w->arena, &r, &w->e),
            kind, words);
    }
}

/* ---- the queue ---- */

/* The disk takes nothing while this is held. */
static void *let_go_later(void *store)
{
    struct store *s = store;
    usleep(30000);
    pthread_mutex_unlock(&s->writer_lock);
    return NULL;
}

static struct event large_event(struct world *w, uint32_t k, size_t bytes)
{
    struct event ev = sample_event(w->arena, k * 2);
    char *text = arena_alloc(w->arena, bytes);
    for (size_t i = 0; i + 8 <= bytes; i += 8) {
        uint64_t noise = hash_mix(k * bytes + i);
        memcpy(text + i, &noise, 8);
    }
    struct property *p = arena_array(w->arena, 1, sizeof *p);
    *p = (struct property){STR("noise"), {.type = VALUE_TEXT, .text = {text, bytes / 8 * 8}}};
    ev.properties = p;
    ev.property_count = 1;
    return ev;
}

static void a_full_queue_waits_for_the_disk(void **state)
{
    (void)state;
    AUTO(world) *w = world_create(true);
    AUTO(store_import) *i = NULL;
    pthread_t other;
    struct store_receipt r;
    struct event events[3];
    for (uint32_t k = 0; k < 3; k++)
        events[k] = large_event(w, k, STORE_QUEUE_BYTES / 5 * 2);
    assert_works(store_import_begin(w->s, &i, &w->e), w->e);
    pthread_mutex_lock(&w->s->writer_lock);
    for (uint32_t k = 0; k < 2; k++)
        assert_works(store_import_add(i, &(struct store_batch){events + k, 1, NULL, 0}, &w->e),
                     w->e);
    assert_int_equal(i->pending, 2);
    assert_int_equal(pthread_create(&other, NULL, let_go_later, w->s), 0);
    assert_works(store_import_add(i, &(struct store_batch){events + 2, 1, NULL, 0}, &w->e), w->e);
    assert_works(store_import_finish(i, &r, &w->e), w->e);
    pthread_join(other, NULL);
    assert_int_equal(r.accepted, 3);
    assert_int_equal(events_of(w), 3);
}

static void an_import_that_is_closed_waits_for_its_batches(void **state)
{
    (void)state;
    AUTO(world) *w = world_create(true);
    struct store_import *i = NULL;
    pthread_t other;
    struct event ev = sample_event(w->arena, 2);
    assert_works(store_import_begin(w->s, &i, &w->e), w->e);
    pthread_mutex_lock(&w->s->writer_lock);
    assert_works(store_import_add(i, &(struct store_batch){&ev, 1, NULL, 0}, &w->e), w->e);
    assert_int_equal(i->pending, 1);
    assert_int_equal(pthread_create(&other, NULL, let_go_later, w->s), 0);
    store_import_close(i);
    assert_int_equal(events_of(w), 1);
    pthread_join(other, NULL);
}

/* Imaging runs without a lock: a restart waits for it, as it works on what the restart takes away.
 */
static void *finish_imaging_later(void *store)
{
    struct store *s = store;
    usleep(30000);
    pthread_mutex_lock(&s->lock);
    s->is_imaging = false;
    pthread_cond_broadcast(&s->changed);
    pthread_mutex_unlock(&s->lock);
    return NULL;
}

static void a_restart_waits_for_imaging(void **state)
{
    (void)state;
    AUTO(world) *w = world_create(false);
    struct err why = {0};
    pthread_t other;
    assert_works(append(w, 0, 15, &w->e), w->e);
    err_set(&why, ERR_IO, "for a test");
    pthread_mutex_lock(&w->s->lock);
    store_stop(w->s, &why);
    w->s->is_imaging = true;
    pthread_mutex_unlock(&w->s->lock);
    assert_int_equal(pthread_create(&other, NULL, finish_imaging_later, w->s), 0);
    assert_works(store_restart(w->s, &w->e), w->e);
    assert_false(w->s->is_imaging);
    pthread_join(other, NULL);
    assert_int_equal(events_of(w), 15);
}

/* ---- long logs and large segments ---- */

/* The log goes on in another file; on a full disk, in the old one, until there is space. */
static void a_long_log_goes_on_in_another_file(void **state)
{
    (void)state;
    enum { EVENTS = 5 };
    AUTO(world) *w = world_create(false);
    struct store_receipt r;
    for (uint32_t k = 0; k < EVENTS; k++) {
        struct event ev = large_event(w, k, STORE_LOG_FILE_BYTES / 4);
        assert_works(store_append(w->s, &(struct store_batch){&ev, 1, NULL, 0}, &r, &w->e), w->e);
        if (k == EVENTS - 2) {
            assert_int_equal(w->s->log_count, 1);
            assert_true(wal_bytes(w->s->wal) >= STORE_LOG_FILE_BYTES);
        }
    }
    assert_int_equal(w->s->log_count, 2);
    store_close(TAKE(w->s));
    open_with(w, (struct store_options){.no_background = true});
    assert_int_equal(events_of(w), EVENTS);
}

/* Full, or failing: `kind` of all calls in turn with which the next file begins. */
static void a_long_log_meets(enum err_kind kind)
{
    AUTO(world) *w = world_create(false);
    struct store_receipt r;
    uint64_t calls = kind == ERR_NO_SPACE ? 3 : 5;
    for (uint32_t k = 0; k < 4; k++) {
        struct event ev = large_event(w, k, STORE_LOG_FILE_BYTES / 4);
        assert_works(store_append(w->s, &(struct store_batch){&ev, 1, NULL, 0}, &r, &w->e), w->e);
    }
    uint64_t events = 4;
    store_close(TAKE(w->s));
    struct os *full = w->os;
    for (uint64_t n = 1; n <= calls; n++) {
        w->os = os_sim_copy(full);
        open_with(w, (struct store_options){.no_background = true});
        os_sim_set_plan(w->os, (struct os_sim_plan){
                                   .seed = n, .fail_at = n, .fail_full = kind == ERR_NO_SPACE});
        struct err e = {0};
        bool ok = append(w, 11, 1, &e);
        if (!ok)
            assert_true(e.kind == kind || e.kind == ERR_BUSY);
        os_sim_set_plan(w->os, (struct os_sim_plan){.seed = n});
        w->e = (struct err){0};
        assert_works(store_restart(w->s, &w->e), w->e);
        assert_works(append(w, 11, 3, &w->e), w->e);
        assert_int_equal(events_of(w), events + 3);
        store_close(TAKE(w->s));
        os_sim_crash(w->os);
        open_with(w, (struct store_options){.no_background = true});
        assert_int_equal(events_of(w), events + 3);
        store_close(TAKE(w->s));
        os_destroy(w->os);
    }
    w->os = full;
}

static void a_long_log_on_a_bad_disk(void **state)
{
    (void)state;
    a_long_log_meets(ERR_NO_SPACE);
    a_long_log_meets(ERR_IO);
}

/* A large segment goes to the disk in pieces; any of its calls may fail. */
static void large_segments_are_synced_in_pieces(void **state)
{
    (void)state;
    AUTO(world) *w = world_create(false);
    struct store_receipt r;
    uint64_t calls = 4;
    for (uint32_t k = 0; k < 3; k++) {
        struct event ev = large_event(w, k, 20 << 20);
        ev.time = SAMPLE_START + k;
        assert_works(store_append(w->s, &(struct store_batch){&ev, 1, NULL, 0}, &r, &w->e), w->e);
        store_take_maintain_lock(w->s);
        bool ok = store_close_stage(w->s, &w->e) && store_seal(w->s, &w->e);
        pthread_mutex_unlock(&w->s->maintain_lock);
        assert_works(ok, w->e);
    }
    assert_int_equal(w->s->live_count, 3);
    store_close(TAKE(w->s));
    struct os *first = w->os;
    for (uint64_t n = 0; n <= calls; n++) {
        bool did;
        w->os = os_sim_copy(first);
        open_with(w, (struct store_options){.no_background = true});
        os_sim_set_plan(w->os, (struct os_sim_plan){.seed = n, .fail_at = n});
        store_take_maintain_lock(w->s);
        bool ok = store_compact(w->s, true, &did, &w->e);
        pthread_mutex_unlock(&w->s->maintain_lock);
        if (ok == (n != 0))
            fail_msg("call %d: %s", (int)n, ok ? "works" : w->e.text);
        w->e = (struct err){0};
        os_sim_set_plan(w->os, (struct os_sim_plan){.seed = n});
        store_close(TAKE(w->s));
        open_with(w, (struct store_options){.no_background = true});
        assert_int_equal(events_of(w), 3);
        assert_int_equal(w->s->live_count, n ? 3 : 1);
        store_close(TAKE(w->s));
        os_destroy(w->os);
    }
    w->os = first;
}

/* ---- the background ---- */

/* Waits, with a small append now and then to wake it, until `is_there`. */
static void wait_until(struct world *w, bool (*is_there)(const struct store *s))
{
    bool done = false;
    for (uint32_t k = 1000; !done; k += 20) {
        assert_true(k < 400000);
        struct err e = {0};
        (void)!append(w, k, 20, &e);
        usleep(1000);
        pthread_mutex_lock(&w->s->lock);
        done = is_there(w->s);
        pthread_mutex_unlock(&w->s->lock);
    }
}

static bool has_forgotten(const struct store *s)
{
    return s->forget_since == 0;
}

static bool has_kept(const struct store *s)
{
    return s->keep_day != INT64_MIN;
}

static bool is_full(const struct store *s)
{
    return s->is_waiting_for_space;
}

static bool is_sealed(const struct store *s)
{
    return s->live_count > 0;
}

static void the_background_forgets_in_time(void **state)
{
    (void)state;
    AUTO(world) *w = world_create(true);
    struct store_erasure x;
    assert_works(append(w, 0, 200, &w->e), w->e);
    assert_works(store_erase(w->s, STR("person 1"), &x, &w->e), w->e);
    assert_true(x.events > 0 && w->s->forget_since > 0);
    os_sim_advance(w->os, STORE_FORGET_AFTER_MS + 1);
    wait_until(w, has_forgotten);
    assert_false(w->s->is_stopped);
}

static void the_background_removes_what_is_old(void **state)
{
    (void)state;
    AUTO(world) *w = world_create(true);
    assert_works(append(w, 0, 200, &w->e), w->e);
    assert_works(store_maintain(w->s, &w->e), w->e);
    os_sim_advance(w->os, 24 * 3600 * 1000);
    assert_works(store_keep_set(w->s, (struct keep_rule){STR("event 1"), DAY}, &w->e), w->e);
    wait_until(w, has_kept);
    assert_false(w->s->is_stopped);
}

static bool has_new_facts(const struct store *s)
{
    return s->facts_kept != 0;
}

static void the_background_writes_facts_anew(void **state)
{
    (void)state;
    AUTO(world) *w = world_create(false);
    store_close(TAKE(w->s));
    open_with(w, (struct store_options){.chunk_rows = 20, .seal_rows = 60, .facts_bytes = 1000});
    for (int64_t k = 0; k < 100; k++) {
        struct property p = {STR("level"), {.type = VALUE_INT, .integer = k}};
        struct fact f = {.kind = FACT_PERSON_TRAITS,
                         .subject = STR("person 1"),
                         .created = (int64_t)FACT_CREATED_NONE,
                         .properties = &p,
                         .property_count = 1};
        struct store_receipt r;
        assert_works(store_append(w->s, &(struct store_batch){NULL, 0, &f, 1}, &r, &w->e), w->e);
    }
    wait_until(w, has_new_facts);
    assert_false(w->s->is_stopped);
}

static void the_background_waits_for_space(void **state)
{
    (void)state;
    AUTO(world) *w = world_create(true);
    os_sim_set_plan(
        w->os, (struct os_sim_plan){.seed = 1, .disk_bytes_max = os_sim_used_bytes(w->os) + 20000});
    wait_until(w, is_full);
    os_sim_set_plan(w->os, (struct os_sim_plan){.seed = 1});
    wait_until(w, is_sealed);
    assert_false(w->s->is_stopped);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(directories_have_limits),
        cmocka_unit_test(who_may_only_read_changes_nothing),
        cmocka_unit_test(a_batch_has_a_limit),
        cmocka_unit_test(ids_of_erasures_have_limits),
        cmocka_unit_test(periods_have_no_limit),
        cmocka_unit_test(nothing_to_append_is_fine),
        cmocka_unit_test(segments_without_ids),
        cmocka_unit_test(a_long_list_of_erased_ids),
        cmocka_unit_test(forgetting_among_many_facts),
        cmocka_unit_test(a_store_that_is_closing_takes_nothing),
        cmocka_unit_test(a_store_that_stopped_takes_nothing),
        cmocka_unit_test(a_full_queue_waits_for_the_disk),
        cmocka_unit_test(an_import_that_is_closed_waits_for_its_batches),
        cmocka_unit_test(a_long_log_goes_on_in_another_file),
        cmocka_unit_test(a_long_log_on_a_bad_disk),
        cmocka_unit_test(large_segments_are_synced_in_pieces),
        cmocka_unit_test(the_background_forgets_in_time),
        cmocka_unit_test(the_background_removes_what_is_old),
        cmocka_unit_test(the_background_waits_for_space),
        cmocka_unit_test(the_background_writes_facts_anew),
        cmocka_unit_test(a_restart_waits_for_imaging),
    };
    return cmocka_run_group_tests_name("store/store_edge", tests, NULL, NULL);
}
