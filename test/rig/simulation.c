/*
 * simulation: one seed, one thread, one life of a store. A scheduler throws dice for who moves
 * next: writers, imports that interleave, readers that hold their snapshots while the world goes
 * on, sealing and compaction, erasures, backups, restarts, power cuts (between calls and within
 * one), a failing or full disk, a clock that jumps by a day back or ten years ahead. After each
 * step the store is asked, and every answer must be the plain model's: all rows and people in a
 * digest; counts by event, person and day under random ranges and filters; names, span and totals.
 * What was acknowledged is there; what was not is there whole, in order, or not at all. One trial
 * is one seed.
 */
#include "rig.h"

#include "os/os_sim.h"
#include "teller.h"

enum {
    STEPS = 80,
    IMPORTS = 2,
    HELD = 4,
    PENDING_MAX = 24, /* batches that were sent and not acknowledged */
    DAYS = 93,
    TRACE = 12,
};
#define DAY_MS INT64_C(86400000)

struct import {
    struct store_import *handle;
    struct teller_file file;
    struct store_receipt want;
};

struct held {
    struct snapshot *view;
    struct plain_digest digest;
};

struct life {
    struct rig *rig;
    struct pool *pool;
    struct os *os;
    struct store *store;
    struct teller teller;
    /* What the store may hold: after the last acknowledgement, and after each batch sent since. */
    struct plain models[PENDING_MAX + 1];
    struct plain_digest digests[PENDING_MAX + 1];
    size_t pending;
    bool is_unsettled; /* a call failed, and only a restart tells which of them it is */
    struct import imports[IMPORTS];
    struct held held[HELD];
    uint64_t backups;
    const char *trace[TRACE];
    size_t moves;
    struct err err;
};

static uint64_t dice(struct life *l, uint64_t limit)
{
    return teller_dice(&l->teller, limit);
}

static bool wrong(struct life *l, const char *what)
{
    return err_set(&l->err, ERR_CORRUPT, "%s", what);
}

static bool is_stopped(struct life *l)
{
    struct store_state state;
    store_state(l->store, &state);
    return state.is_stopped;
}

/* ---- what the store may hold ---- */

static void remember(struct life *l)
{
    REQUIRE(l->pending < PENDING_MAX);
    l->pending++;
    l->models[l->pending] = l->teller.model;
    l->digests[l->pending] = plain_digest(&l->teller.model);
}

static void acknowledge(struct life *l)
{
    l->models[0] = l->models[l->pending];
    l->digests[0] = l->digests[l->pending];
    l->pending = 0;
}

static void go_back_to(struct life *l, size_t n)
{
    l->pending = n;
    l->teller.model = l->models[n];
}

/* Which of the states that may be there is there? -1: none of them. */
static int find_state(struct life *l, struct plain_digest d)
{
    for (size_t n = 0; n <= l->pending; n++)
        if (plain_equal(d, l->digests[n]))
            return (int)n;
    return -1;
}

static bool settle(struct life *l)
{
    struct plain_digest d;
    if (!plain_ask_store(l->store, l->pool, &d, &l->err))
        return false;
    int n = find_state(l, d);
    if (n < 0) {
        plain_explain(&l->models[l->pending], l->store, l->pool);
        return wrong(l, "after a restart other batches are there than were sent");
    }
    go_back_to(l, (size_t)n);
    l->is_unsettled = false;
    return true;
}

/* A call that may write has failed: is that a failure that the world explains, and what may be in
 * the store now? `sent`: it was to bring one batch. */
static bool take_failure(struct life *l, const struct err *e, bool sent)
{
    if (e->kind != ERR_IO && e->kind != ERR_BUSY && e->kind != ERR_NO_SPACE) {
        l->err = *e;
        return false;
    }
    if (is_stopped(l))
        l->is_unsettled = true;
    else if (e->kind != ERR_NO_SPACE)
        return err_while(&l->err, "%s, but the store goes on", e->text) || wrong(l, e->text);
    else if (sent)
        go_back_to(l, l->pending - 1); /* nothing of it was stored */
    return true;
}

/* ---- writers ---- */

static bool move_append(struct life *l, struct arena *arena)
{
    struct teller_file file = {0};
    struct store_receipt want = {0}, got;
    struct err e = {0};
    bool was_stopped = is_stopped(l);
    if (l->pending == PENDING_MAX)
        return true;
    struct store_batch *batch = teller_batch(&l->teller, arena, &file, &want);
    remember(l);
    if (store_append(l->store, batch, &got, &e)) {
        if (was_stopped)
            return wrong(l, "a stopped store took a batch");
        acknowledge(l);
        return teller_receipt(got, want, &l->err);
    }
    if (was_stopped) { /* refused before anything was written */
        go_back_to(l, l->pending - 1);
        return e.kind == ERR_BUSY || wrong(l, e.text);
    }
    return take_failure(l, &e, true);
}

static void close_imports(struct life *l)
{
    for (size_t i = 0; i < IMPORTS; i++)
        store_import_close(TAKE(l->imports[i].handle));
}

static bool move_import(struct life *l, struct arena *arena)
{
    struct import *i = &l->imports[dice(l, IMPORTS)];
    struct err e = {0};
    if (is_stopped(l) || l->pending + 2 > PENDING_MAX)
        return true;
    if (!i->handle) {
        *i = (struct import){0};
        return store_import_begin(l->store, &i->handle, &l->err);
    }
    if (dice(l, 4) && i->file.count + TELLER_EVENTS < TELLER_FILE) {
        struct store_batch *batch = teller_batch(&l->teller, arena, &i->file, &i->want);
        remember(l);
        if (store_import_add(i->handle, batch, &e))
            return true;
        store_import_close(TAKE(i->handle));
        return take_failure(l, &e, true);
    }
    struct store_receipt got;
    bool ok = store_import_finish(i->handle, &got, &e);
    store_import_close(TAKE(i->handle));
    if (!ok)
        return take_failure(l, &e, false);
    acknowledge(l);
    return teller_receipt(got, i->want, &l->err);
}

static bool move_maintain(struct life *l, struct arena *arena)
{
    (void)arena;
    struct err e = {0};
    bool was_stopped = is_stopped(l);
    return store_maintain(l->store, &e) || (was_stopped && e.kind == ERR_BUSY) ||
           take_failure(l, &e, false);
}

/* ---- readers ---- */

static bool move_hold(struct life *l, struct arena *arena)
{
    (void)arena;
    struct held *h = &l->held[dice(l, HELD)];
    struct plain_look look = {0};
    if (!h->view) {
        if (!store_snapshot(l->store, &h->view, &l->err) ||
            !plain_ask(h->view, l->pool, &look, &l->err))
            return false;
        h->digest = look.digest;
        return true;
    }
    if (!plain_ask(h->view, l->pool, &look, &l->err))
        return false;
    if (!plain_equal(look.digest, h->digest))
        return wrong(l, "a snapshot that was held answers otherwise than before");
    if (dice(l, 2))
        snapshot_release(TAKE(h->view));
    return true;
}

static void release_all(struct life *l)
{
    for (size_t i = 0; i < HELD; i++) {
        snapshot_release(l->held[i].view);
        l->held[i].view = NULL;
    }
}

/* ---- the world ---- */

static bool open_store(struct life *l, struct str dir, struct store **out, struct err *e)
{
    struct store_options options = {
        .project = STR("main"), .no_background = true, .chunk_rows = 16, .seal_rows = 64};
    return store_open(l->os, dir, &options, out, e);
}

static void no_faults(struct life *l)
{
    os_sim_set_plan(l->os, (struct os_sim_plan){.seed = dice(l, UINT64_MAX)});
}

static bool close_and_open(struct life *l, bool with_power_cut)
{
    struct err e = {0};
    close_imports(l);
    release_all(l);
    store_close(TAKE(l->store));
    if (with_power_cut)
        os_sim_crash(l->os);
    for (int cut = 0; with_power_cut && cut < 3 && dice(l, 3) == 0; cut++) {
        os_sim_set_plan(
            l->os, (struct os_sim_plan){.seed = dice(l, UINT64_MAX), .stop_at = 1 + dice(l, 10)});
        if (open_store(l, STR("/data"), &l->store, &e))
            store_close(TAKE(l->store));
        os_sim_crash(l->os);
    }
    no_faults(l);
    return open_store(l, STR("/data"), &l->store, &l->err) && settle(l);
}

/* A person is erased, when nothing else is under way; what readers hold would lose the names, too.
 */
static bool move_erase(struct life *l, struct arena *arena)
{
    struct store_erasure receipt;
    struct err e = {0};
    uint64_t events;
    if (l->pending || is_stopped(l))
        return true;
    release_all(l);
    struct str person = teller_erase(&l->teller, arena, &events);
    remember(l);
    if (!store_erase(l->store, person, &receipt, &e)) {
        if (is_stopped(l) || e.kind != ERR_IO)
            return take_failure(l, &e, true);
        no_faults(l); /* the list of the erased could not be written: now or not at all */
        return close_and_open(l, false);
    }
    acknowledge(l);
    return receipt.events == events || wrong(l, "another number of events was erased");
}

static bool move_forget(struct life *l, struct arena *arena)
{
    struct store_forgotten receipt;
    struct err e = {0};
    (void)arena;
    return is_stopped(l) || store_forget(l->store, &receipt, &e) || take_failure(l, &e, false);
}

static bool move_reopen(struct life *l, struct arena *arena)
{
    (void)arena;
    return close_and_open(l, false);
}

static bool move_crash(struct life *l, struct arena *arena)
{
    (void)arena;
    if (!close_and_open(l, true))
        return false;
    acknowledge(l); /* what a power cut left, no later one takes */
    return true;
}

/* The power goes during a call. */
static bool move_crash_within(struct life *l, struct arena *arena)
{
    os_sim_set_plan(l->os,
                    (struct os_sim_plan){.seed = dice(l, UINT64_MAX), .stop_at = 1 + dice(l, 12)});
    bool (*const kinds[])(struct life *, struct arena *) = {move_append, move_import,
                                                            move_maintain};
    for (int i = 0; i < 4; i++)
        if (!kinds[dice(l, COUNT(kinds))](l, arena))
            return false;
    return move_crash(l, arena);
}

static bool move_break_disk(struct life *l, struct arena *arena)
{
    (void)arena;
    os_sim_set_plan(l->os, (struct os_sim_plan){.seed = dice(l, UINT64_MAX),
                                                .fail_at = 1 + dice(l, 20),
                                                .fail_for_ever = dice(l, 2)});
    return true;
}

static bool move_fill_disk(struct life *l, struct arena *arena)
{
    (void)arena;
    uint64_t room = dice(l, 2) ? dice(l, 400) : dice(l, 40000);
    os_sim_set_plan(l->os, (struct os_sim_plan){.seed = dice(l, UINT64_MAX),
                                                .disk_bytes_max = os_sim_used_bytes(l->os) + room});
    return true;
}

static bool move_mend(struct life *l, struct arena *arena)
{
    (void)arena;
    struct err e = {0};
    if (dice(l, 3))
        no_faults(l);
    if (!is_stopped(l))
        return true;
    close_imports(l);
    if (!store_restart(l->store, &e))
        return e.kind == ERR_IO || e.kind == ERR_NO_SPACE || e.kind == ERR_BUSY || wrong(l, e.text);
    return settle(l);
}

static bool move_clock(struct life *l, struct arena *arena)
{
    (void)arena;
    os_sim_advance(l->os, dice(l, 3) ? -(int64_t)dice(l, DAY_MS)
                                     : (int64_t)dice(l, 3652 * (uint64_t)DAY_MS));
    return true;
}

/* A backup opens and answers as the store does. */
static bool move_backup(struct life *l, struct arena *arena)
{
    struct store_backup_options options = {0};
    struct store_backup_receipt receipt;
    struct plain_digest here, there;
    struct err e = {0};
    AUTO(store) *copy = NULL;
    if (is_stopped(l))
        return true;
    struct str dir = arena_printf(arena, "/backup-%" PRIu64, l->backups++);
    if (!store_backup(l->store, dir, &options, arena, &receipt, &e))
        return !is_stopped(l) ? e.kind == ERR_IO || e.kind == ERR_NO_SPACE || wrong(l, e.text)
                              : take_failure(l, &e, false);
    no_faults(l);
    if (!plain_ask_store(l->store, l->pool, &here, &l->err) ||
        !open_store(l, dir, &copy, &l->err) || !plain_ask_store(copy, l->pool, &there, &l->err))
        return false;
    return plain_equal(here, there) || wrong(l, "a backup answers otherwise than its store");
}

/* ---- questions ---- */

struct count {
    uint32_t by_name_person_day[2][PLAIN_PEOPLE][DAYS];
    const struct snapshot *view;
};

static bool count_batch(void *context, const struct scan_batch *b)
{
    struct count *c = context;
    for (size_t u = 0; u < b->unit_count; u++) {
        unsigned person = plain_number(snapshot_unit_id(c->view, b->units[u]), 'p', PLAIN_PEOPLE);
        for (uint32_t i = b->starts[u]; i < b->starts[u + 1]; i++)
            for (unsigned s = 0; s < 2; s++)
                if (b->mask[i] >> s & 1 && b->interval[i] < DAYS && person < PLAIN_PEOPLE)
                    c->by_name_person_day[s][person][b->interval[i]]++;
    }
    return true;
}

static bool is_country(const void *context, struct value v)
{
    return v.type == VALUE_TEXT && str_equal(v.text, *(const struct str *)context);
}

struct question {
    unsigned name;
    uint32_t country;
    int64_t from, to;
};

/* The same from the model: an event of the name in the range; any event of the country. */
static void count_plainly(const struct plain *m, const struct question *q, struct count *c)
{
    for (uint32_t k = 0; k < m->events_end; k++) {
        int64_t time = plain_time(k);
        unsigned person = plain_root(m, plain_person(k));
        size_t day = (size_t)((time - PLAIN_START) / DAY_MS);
        if (plain_name(k) == q->name && time >= q->from && time < q->to)
            c->by_name_person_day[0][person][day] += m->held[k];
        if (k % 4 && k % 5 == q->country)
            c->by_name_person_day[1][person][day] += m->held[k];
    }
}

static bool ask_counts(struct life *l, struct snapshot *v, const struct plain *m)
{
    struct question q = {(unsigned)dice(l, PLAIN_NAMES), (uint32_t)dice(l, 5), 0, 0};
    q.from = PLAIN_START + (int64_t)dice(l, (uint64_t)PLAIN_SPAN);
    q.to = q.from + 1 + (int64_t)dice(l, (uint64_t)PLAIN_SPAN);
    char name[8], country[8];
    struct str country_text = {country, 2};
    snprintf(name, sizeof name, "n%u", q.name);
    snprintf(country, sizeof country, "c%u", q.country);
    struct scan_condition filter = {.kind = SCAN_TEST,
                                    .subject = SCAN_PROPERTY,
                                    .property = STR("country"),
                                    .test = is_country,
                                    .context = &country_text};
    struct scan_selector selectors[] = {
        {.event = {name, 2}, .from = q.from, .to = q.to},
        {.from = INT64_MIN / 2, .to = INT64_MAX / 2, .filter = &filter},
    };
    int64_t edges[DAYS + 1];
    for (int i = 0; i <= DAYS; i++)
        edges[i] = PLAIN_START + i * DAY_MS;
    struct scan_plan plan = {.selectors = selectors,
                             .selector_count = COUNT(selectors),
                             .by_unit = true,
                             .edges = edges,
                             .edge_count = COUNT(edges)};
    struct count *counts = mem_array(2, sizeof *counts);
    struct scan_stats stats;
    void *contexts[] = {&counts[0]};
    counts[0].view = counts[1].view = v;
    bool ok = scan_run(v, &plan, l->pool, count_batch, contexts, &stats, &l->err);
    count_plainly(m, &q, &counts[1]);
    if (ok && memcmp(&counts[0], &counts[1], sizeof counts[0]) != 0)
        ok = wrong(l, "counts by event, person and day differ from the model's");
    mem_free(counts);
    return ok;
}

static bool ask_names(struct life *l, struct snapshot *v, const struct plain *m)
{
    AUTO(arena) *arena = arena_create(4096);
    uint64_t counts[PLAIN_NAMES] = {0};
    struct event_name_info *list;
    size_t count;
    int64_t first = INT64_MAX, last = INT64_MIN, got_first, got_last;
    for (uint32_t k = 0; k < m->events_end; k++) {
        counts[plain_name(k)] += m->held[k];
        if (m->held[k]) {
            first = MIN(first, plain_time(k));
            last = MAX(last, plain_time(k));
        }
    }
    snapshot_events(v, arena, &list, &count);
    for (size_t i = 0; i < count; i++) {
        unsigned name = plain_number(list[i].name, 'n', PLAIN_NAMES);
        if (name == PLAIN_NOBODY || counts[name] != list[i].count)
            return wrong(l, "the list of event names differs from the model's");
        counts[name] = 0;
    }
    for (unsigned i = 0; i < PLAIN_NAMES; i++)
        if (counts[i])
            return wrong(l, "an event's name is missing in the list");
    bool is_there = snapshot_span(v, &got_first, &got_last);
    if (is_there != (m->rows > 0) || (is_there && (got_first != first || got_last != last)))
        return wrong(l, "the span of times differs from the model's");
    return true;
}

/* After each step: everything, in a digest; and what was asked otherwise, of the same state. */
static bool ask(struct life *l)
{
    AUTO(snapshot) *v = NULL;
    struct plain_look look = {0};
    struct store_state state;
    if (!store_snapshot(l->store, &v, &l->err) || !plain_ask(v, l->pool, &look, &l->err))
        return false;
    int n = find_state(l, look.digest);
    if (n < 0 || (!l->is_unsettled && (size_t)n != l->pending &&
                  !plain_equal(look.digest, l->digests[l->pending]))) {
        plain_explain(&l->models[l->pending], l->store, l->pool);
        return wrong(l, "the store's rows or people differ from the model's");
    }
    const struct plain *m = &l->models[l->is_unsettled ? (size_t)n : l->pending];
    store_state(l->store, &state);
    if (state.events != m->rows)
        return wrong(l, "the number of events in the store's state differs from the model's");
    return ask_counts(l, v, m) && ask_names(l, v, m);
}

/* ---- the scheduler ---- */

static const struct {
    const char *name;
    bool (*run)(struct life *, struct arena *);
    unsigned weight;
} moves[] = {
    {"append", move_append, 30},
    {"import", move_import, 24},
    {"maintain", move_maintain, 6},
    {"hold", move_hold, 12},
    {"mend", move_mend, 10},
    {"reopen", move_reopen, 2},
    {"crash", move_crash, 2},
    {"crash within", move_crash_within, 4},
    {"break the disk", move_break_disk, 3},
    {"fill the disk", move_fill_disk, 3},
    {"clock", move_clock, 4},
    {"backup", move_backup, 2},
    {"erase", move_erase, 3},
    {"forget", move_forget, 2},
};

static bool move(struct life *l, struct arena *arena)
{
    uint64_t all = 0;
    for (size_t i = 0; i < COUNT(moves); i++)
        all += moves[i].weight;
    uint64_t at = dice(l, all);
    size_t i = 0;
    for (; at >= moves[i].weight; i++)
        at -= moves[i].weight;
    l->trace[l->moves++ % TRACE] = moves[i].name;
    return moves[i].run(l, arena) && ask(l);
}

static void live(struct rig *rig, struct pool *pool, struct life *l, uint64_t seed)
{
    *l = (struct life){.rig = rig, .pool = pool};
    teller_init(&l->teller, seed);
    l->models[0] = l->teller.model;
    l->digests[0] = plain_digest(&l->teller.model);
    l->os = os_sim_create((struct os_sim_plan){.seed = seed});
    AUTO(arena) *arena = arena_create(0);
    bool ok = open_store(l, STR("/data"), &l->store, &l->err);
    for (int i = 0; ok && i < STEPS; i++) {
        arena_reset(arena);
        ok = move(l, arena);
    }
    ok = ok && move_crash(l, arena) && ask(l);
    close_imports(l);
    release_all(l);
    store_close(TAKE(l->store));
    os_destroy(TAKE(l->os));
    if (ok) {
        rig->passed++;
        return;
    }
    printf("the last moves:");
    for (size_t i = l->moves > TRACE ? l->moves - TRACE : 0; i < l->moves; i++)
        printf(" %s%s", l->trace[i % TRACE], i + 1 < l->moves ? "," : "\n");
    rig_fail(rig, seed, "move %zu: %s", l->moves, l->err.text);
}

int main(int argc, char **argv)
{
    struct rig rig = rig_begin(argc, argv, "simulation", NULL);
    AUTO(pool) *pool = pool_create(1);
    struct life *l = mem_zero(sizeof *l);
    for (uint64_t i = 0; i < rig.trials && rig.failed < RIG_FAILURES_SHOWN; i++)
        live(&rig, pool, l, rig.seed + i);
    mem_free(l);
    return rig_end(&rig);
}
