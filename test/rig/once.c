/*
 * once: an id counts once, whatever happens. A story is random traffic in which ids come back at
 * random later times, some with another body, into a store on a simulated disk that is sealed,
 * compacted and opened again at random, whose power goes before or after the acknowledgement, and
 * whose clock jumps by 400 days and back by one. Fifty threads send the same batches at once. Every
 * receipt must be what an array of "seen, with this body" says, the store's count of rows must grow
 * by just what was accepted, and at the end each id must be there once, with its first body.
 *
 * A trial is a duplicate that was sent and counted rightly. Even seeds run without threads of the
 * store's own and repeat exactly; odd ones seal and compact in the background.
 */
#include "rig.h"

#include <pthread.h>

#include "base/hash.h"
#include "os/os_sim.h"
#include "store/segment_event.h"
#include "store/snapshot.h"

enum {
    IDS_MAX = 1 << 15,
    STEPS = 400,
    BATCH_MAX = 64,
    COPIES = 50,
    PEOPLE = 97,
    CHUNK_ROWS = 150,
    SEAL_ROWS = 700,
};
#define DAY_MS INT64_C(86400000)
#define START_MS INT64_C(1767225600000) /* 2026-01-01 */

struct story {
    struct rig *rig;
    uint64_t seed, dice;
    struct os *os;
    struct store *store;
    bool has_threads, is_over;
    uint32_t id_count;
    uint8_t held[IDS_MAX]; /* 0: not in; else its body + 1 */
    uint64_t rows, duplicates, crashes;
};

/* One event to send: which id, which body. */
struct piece {
    uint32_t k;
    uint8_t body;
};

static uint64_t throw_dice(struct story *s, uint64_t sides)
{
    return hash_mix(s->dice++) % sides;
}

static void wrong(struct story *s, const char *what, uint64_t got, uint64_t wanted)
{
    if (!s->is_over)
        rig_fail(s->rig, s->seed, "%s: %llu, not %llu (with %u ids)", what, (unsigned long long)got,
                 (unsigned long long)wanted, s->id_count);
    s->is_over = true;
}

static void broken(struct story *s, const char *what, const struct err *e)
{
    if (!s->is_over)
        rig_fail(s->rig, s->seed, "%s: %s", what, e->text);
    s->is_over = true;
}

/* ---- events ---- */

/* Ids of every kind, neighbours nearly the same: they are compared as bytes. */
static struct str id_of(struct arena *arena, uint32_t k)
{
    uint64_t a = hash_mix(k / 2), b = hash_mix(a);
    switch (k / 2 % 4) {
    case 0: /* a UUID in small letters is kept in 16 bytes; in large ones it is a text */
        return arena_printf(
            arena, k % 2 ? "%08x-%04x-%04x-%04x-%012llx" : "%08X-%04X-%04X-%04X-%012llX",
            (unsigned)a | 0xa0000000u, (unsigned)(a >> 32 & 0xffff), (unsigned)(a >> 48),
            (unsigned)(b & 0xffff), (unsigned long long)(b >> 16));
    case 1:
        return arena_printf(arena, k % 2 ? "id-%u" : "id-%u ", k / 2);
    case 2: /* é in one piece, and in two */
        return arena_printf(arena, k % 2 ? "\xc3\xa9-%u" : "e\xcc\x81-%u", k / 2);
    default:
        return arena_printf(arena, k % 2 ? "%0200u" : "%0201u", k / 2);
    }
}

/* Another body differs in one place: a property, the name, the person, or the month. */
static struct event event_of(struct arena *arena, struct piece p, int64_t received)
{
    uint64_t dice = hash_mix(p.k);
    unsigned which = p.body ? (unsigned)(p.k + p.body) % 4 : 9;
    struct property *property = arena_array(arena, 1, sizeof *property);
    *property = (struct property){
        STR("k"), {.type = VALUE_INT, .integer = which == 0 ? -(int64_t)p.body : p.k}};
    return (struct event){
        .id = id_of(arena, p.k),
        .time = START_MS + (int64_t)(dice % 90) * DAY_MS + (which == 3 ? 31 * DAY_MS * p.body : 0),
        .received = received,
        .name = arena_printf(arena, "n%u", (unsigned)(dice >> 8) % 5 + (which == 1 ? p.body : 0)),
        .person = arena_printf(arena, "p%u",
                               (unsigned)((dice >> 16) + (which == 2 ? p.body : 0)) % PEOPLE),
        .properties = property,
        .property_count = 1,
    };
}

static size_t choose(struct story *s, struct piece *list)
{
    enum { OTHER_BODY = 12, AGAIN_PERCENT = 25 };
    size_t count = 1 + throw_dice(s, throw_dice(s, 4) ? BATCH_MAX : 3);
    for (size_t i = 0; i < count; i++) {
        bool again = s->id_count && throw_dice(s, 100) < AGAIN_PERCENT;
        if (!again && s->id_count < IDS_MAX) {
            list[i] = (struct piece){.k = s->id_count++};
            continue;
        }
        /* mostly young ones, as retries are, and any at all */
        uint32_t span = throw_dice(s, 3) ? MIN(s->id_count, 200) : s->id_count;
        list[i].k = s->id_count - 1 - (uint32_t)throw_dice(s, span);
        list[i].body = throw_dice(s, OTHER_BODY) ? 0 : (uint8_t)(1 + throw_dice(s, 3));
    }
    return count;
}

/* What the receipt must say, if all of it is new to the store as `held` has it. */
static struct store_receipt expect(uint8_t *held, const struct piece *list, size_t count)
{
    struct store_receipt r = {0};
    for (size_t i = 0; i < count; i++) {
        uint8_t *old = &held[list[i].k];
        if (!*old) {
            *old = (uint8_t)(list[i].body + 1);
            r.accepted++;
            continue;
        }
        r.duplicates++;
        r.conflicts += *old != list[i].body + 1;
    }
    return r;
}

static bool same(const struct store_receipt *a, const struct store_receipt *b)
{
    return a->accepted == b->accepted && a->duplicates == b->duplicates &&
           a->conflicts == b->conflicts;
}

static bool send(struct story *s, const struct piece *list, size_t count,
                 struct store_receipt *receipt, struct err *e)
{
    AUTO(arena) *arena = arena_create(0);
    struct event *events = arena_array(arena, count, sizeof *events);
    for (size_t i = 0; i < count; i++)
        events[i] = event_of(arena, list[i], os_now_ms(s->os));
    struct store_batch b = {.events = events, .event_count = count};
    return store_append(s->store, &b, receipt, e);
}

static uint64_t rows_now(struct story *s)
{
    struct store_state state;
    store_state(s->store, &state);
    return state.events;
}

static void count_rightly(struct story *s, const struct store_receipt *got,
                          const struct store_receipt *want)
{
    if (!same(got, want)) {
        wrong(s, "accepted", got->accepted, want->accepted);
        wrong(s, "duplicates", got->duplicates, want->duplicates);
        wrong(s, "conflicts", got->conflicts, want->conflicts);
    }
    s->rows += want->accepted;
    s->duplicates += want->duplicates;
    if (throw_dice(s, 16) == 0 && rows_now(s) != s->rows)
        wrong(s, "rows in the store", rows_now(s), s->rows);
}

/* ---- steps ---- */

static void step_send(struct story *s)
{
    struct piece list[BATCH_MAX];
    struct store_receipt got;
    struct err e = {0};
    size_t count = choose(s, list);
    struct store_receipt want = expect(s->held, list, count);
    if (!send(s, list, count, &got, &e))
        broken(s, "appending", &e);
    else
        count_rightly(s, &got, &want);
}

static void step_import(struct story *s)
{
    AUTO(arena) *arena = arena_create(0);
    AUTO(store_import) *import = NULL;
    struct store_receipt want = {0}, got;
    struct err e = {0};
    bool ok = store_import_begin(s->store, &import, &e);
    for (int turn = 0; ok && turn < 4; turn++) {
        struct piece list[BATCH_MAX];
        size_t count = choose(s, list);
        struct store_receipt part = expect(s->held, list, count);
        struct event *events = arena_array(arena, count, sizeof *events);
        for (size_t i = 0; i < count; i++)
            events[i] = event_of(arena, list[i], os_now_ms(s->os));
        ok = store_import_add(import, &(struct store_batch){.events = events, .event_count = count},
                              &e);
        want.accepted += part.accepted;
        want.duplicates += part.duplicates;
        want.conflicts += part.conflicts;
    }
    if (!ok || !store_import_finish(import, &got, &e))
        broken(s, "importing", &e);
    else
        count_rightly(s, &got, &want);
}

static void open_store(struct story *s)
{
    struct store_options options = {.project = STR("main"),
                                    .no_background = !s->has_threads,
                                    .chunk_rows = CHUNK_ROWS,
                                    .seal_rows = SEAL_ROWS,
                                    .seen_segments = s->seed % 4 < 3};
    struct err e = {0};
    if (!store_open(s->os, STR("/data"), &options, &s->store, &e))
        broken(s, "opening", &e);
}

static void step_reopen(struct story *s)
{
    store_close(TAKE(s->store));
    open_store(s);
}

static void step_maintain(struct story *s)
{
    struct err e = {0};
    if (!store_maintain(s->store, &e))
        broken(s, "sealing and compacting", &e);
}

/*
 * The power goes some calls later: while the batch is written, or after it was acknowledged. The
 * sender cannot know, and sends it again: then all of it is new, or all of it was there.
 */
static void step_cut(struct story *s)
{
    struct piece list[BATCH_MAX];
    struct store_receipt got;
    struct err e = {0};
    size_t count = choose(s, list);
    struct store_receipt fresh = expect(s->held, list, count), again;
    struct os_sim_plan plan = {.seed = hash_mix(s->dice++), .stop_at = 1 + throw_dice(s, 4)};
    os_sim_set_plan(s->os, plan);
    bool was_told = send(s, list, count, &got, &e);
    if (was_told && !same(&got, &fresh))
        wrong(s, "accepted before the cut", got.accepted, fresh.accepted);
    store_close(TAKE(s->store));
    os_sim_crash_as(s->os, (enum os_sim_damage)throw_dice(s, OS_SIM_DAMAGES));
    os_sim_set_plan(s->os, (struct os_sim_plan){.seed = hash_mix(s->dice++)});
    s->crashes++;
    open_store(s);
    again = expect(s->held, list, count);
    e = (struct err){0};
    if (!s->is_over && !send(s, list, count, &got, &e))
        broken(s, "sending again", &e);
    if (!s->is_over && !same(&got, &again) && (was_told || !same(&got, &fresh)))
        wrong(s, was_told ? "accepted again" : "accepted after the cut", got.accepted,
              again.accepted);
    s->rows += fresh.accepted;
    s->duplicates += s->is_over ? 0 : got.duplicates;
}

struct copy {
    struct story *story;
    const struct piece *list;
    size_t count;
    struct store_receipt receipt;
    struct err err;
    pthread_t thread;
    bool is_sent;
};

static void *copy_main(void *context)
{
    struct copy *c = context;
    c->is_sent = send(c->story, c->list, c->count, &c->receipt, &c->err);
    return NULL;
}

/* Fifty of the same at once: one of them is taken, whichever it is. */
static void step_parallel(struct story *s)
{
    struct piece list[BATCH_MAX];
    struct copy *copies = mem_array(COPIES, sizeof *copies);
    size_t count = MIN(choose(s, list), 8);
    struct store_receipt sum = {0}, want = expect(s->held, list, count), again;
    again = expect(s->held, list, count);
    for (int i = 0; i < COPIES; i++) {
        copies[i] = (struct copy){.story = s, .list = list, .count = count};
        REQUIRE(pthread_create(&copies[i].thread, NULL, copy_main, &copies[i]) == 0);
    }
    for (int i = 0; i < COPIES; i++) {
        REQUIRE(pthread_join(copies[i].thread, NULL) == 0);
        if (!copies[i].is_sent)
            broken(s, "appending at once with others", &copies[i].err);
        sum.accepted += copies[i].receipt.accepted;
        sum.duplicates += copies[i].receipt.duplicates;
        sum.conflicts += copies[i].receipt.conflicts;
    }
    want.duplicates += (COPIES - 1) * again.duplicates;
    want.conflicts += (COPIES - 1) * again.conflicts;
    count_rightly(s, &sum, &want);
    mem_free(copies);
}

static void step_clock(struct story *s)
{
    os_sim_advance(s->os, throw_dice(s, 2) ? 400 * DAY_MS : -DAY_MS);
}

/* ---- the whole ---- */

/* Each id once, with the body that came first. */
static void check_all(struct story *s)
{
    AUTO(arena) *arena = arena_create(0);
    AUTO(snapshot) *v = NULL;
    struct err e = {0};
    if (!store_snapshot(s->store, &v, &e)) {
        broken(s, "taking a snapshot", &e);
        return;
    }
    uint64_t rows = 0, sum = 0, want = 0;
    for (uint32_t k = 0; k < s->id_count; k++) {
        if (!s->held[k])
            continue;
        struct event ev = event_of(arena, (struct piece){k, (uint8_t)(s->held[k] - 1)}, 0);
        want += hash_mix(event_content_hash(&ev) ^ event_id_hash(ev.id).low);
        if (k % 512 == 0)
            arena_reset(arena);
    }
    for (size_t i = 0; i < v->segment_count && !s->is_over; i++) {
        struct segment *g = v->segments[i];
        uint32_t person = 0;
        arena_reset(arena);
        for (uint32_t row = 0; row < g->rows && !s->is_over; row++, rows++) {
            struct event ev;
            if (!segment_event(g, row, arena, &ev, &e)) {
                broken(s, "reading", &e);
                break;
            }
            while (g->starts[person + 1] <= row)
                person++;
            ev.person = people_id(v->people, g->persons[person]);
            sum += hash_mix(event_content_hash(&ev) ^ event_id_hash(ev.id).low);
        }
    }
    if (rows != s->rows)
        wrong(s, "rows read", rows, s->rows);
    if (sum != want)
        wrong(s, "the sum of all events", sum, want);
}

static void run_story(struct story *s)
{
    static const struct {
        unsigned percent;
        void (*run)(struct story *s);
    } steps[] = {{82, step_send}, {4, step_import},   {3, step_maintain}, {3, step_reopen},
                 {4, step_cut},   {2, step_parallel}, {2, step_clock}};
    s->os = os_sim_create((struct os_sim_plan){.seed = s->seed});
    open_store(s);
    for (int n = 0; n < STEPS && !s->is_over; n++) {
        uint64_t die = throw_dice(s, 100);
        for (size_t i = 0; i < COUNT(steps); i++) {
            if (die < steps[i].percent) {
                steps[i].run(s);
                break;
            }
            die -= steps[i].percent;
        }
    }
    if (!s->is_over)
        step_reopen(s);
    if (!s->is_over)
        check_all(s);
    store_close(TAKE(s->store));
    os_destroy(s->os);
}

int main(int argc, char **argv)
{
    struct rig rig = rig_begin(argc, argv, "once", NULL);
    uint64_t stories = 0, crashes = 0, events = 0;
    struct story *s = mem_zero(sizeof *s);
    while (rig.passed < rig.trials && rig.failed < RIG_FAILURES_SHOWN) {
        *s = (struct story){.rig = &rig, .seed = rig.seed + stories++};
        s->dice = hash_mix(s->seed);
        s->has_threads = s->seed % 2;
        run_story(s);
        rig.passed += s->is_over ? 0 : s->duplicates;
        crashes += s->crashes;
        events += s->rows;
    }
    mem_free(s);
    printf("%llu stories, %llu power cuts, %llu events that counted\n", (unsigned long long)stories,
           (unsigned long long)crashes, (unsigned long long)events);
    return rig_end(&rig);
}
