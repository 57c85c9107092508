/*
 * compaction: 50 fixed questions are answered alike before, during and after each cycle.
 *
 * A story grows a store on a simulated disk: events of five months in any order, many of them late,
 * events that were sent before (the same, or with another body), traits, merges, unmerges. After
 * each batch the questions are asked; then everything is sealed and compacted as the background
 * does it, while a second thread keeps asking; then they are asked again. Before the compaction the
 * disk is copied: on the copy the power goes at one of the compaction's calls (each cycle takes the
 * next), and what is opened after that must give the same answers. At rest no month has more than
 * six segments, and the rows are those that were accepted. That is one trial.
 *
 * --control: the compaction leaves one person out; that must be seen, or this rig is blind.
 */
#include "rig.h"

#include <pthread.h>
#include <stdatomic.h>

#include "os/os_sim.h"
#include "rig/questions.h"
#include "store/store_inner.h"

enum { CYCLES = 20, BATCH_MIN = 20, BATCH_MORE = 80, FACTS_MAX = 4 };

struct story {
    struct rig *rig;
    struct pool *pool;
    uint64_t seed, throws;
    struct os *os;
    struct store *store;
    uint64_t sent;     /* events with numbers below this */
    uint64_t accepted; /* events */
    uint64_t crash_call;
    uint64_t *steps, *crashes, *asked_meanwhile, *seen;
};

static uint64_t throw(struct story * s, uint64_t limit)
{
    return hash_mix(s->seed << 24 ^ s->throws++) % limit;
}

static bool open_store(struct os *os, struct store **out, struct err *e)
{
    struct store_options options = {
        .project = STR("main"), .no_background = true, .chunk_rows = 24, .seal_rows = 64};
    return store_open(os, STR("/data"), &options, out, e);
}

/* ---- a batch ---- */

static struct event one_event(struct story *s, struct arena *arena, uint64_t k, bool is_new)
{
    /* The month follows from the number, so that the same number is the same event. */
    struct event ev = rig_event_of_month(arena, k, (unsigned)(hash_mix(k ^ 77) % RIG_MONTHS));
    if (!is_new && ev.id.len && throw(s, 4) == 0)
        ev.name = STR("Another Body"); /* a conflict: the first one is kept */
    return ev;
}

static bool append_batch(struct story *s, struct err *e)
{
    AUTO(arena) *arena = arena_create(0);
    size_t count = BATCH_MIN + throw(s, BATCH_MORE), facts = throw(s, FACTS_MAX), fresh = 0;
    struct event *events = arena_array(arena, count, sizeof *events);
    struct fact *list = arena_array(arena, facts + 1, sizeof *list);
    struct store_receipt r;
    for (size_t i = 0; i < count; i++) {
        bool is_new = s->sent == 0 || throw(s, 5) != 0;
        uint64_t k = is_new ? s->sent + fresh : throw(s, s->sent);
        fresh += is_new;
        events[i] = one_event(s, arena, k, is_new);
    }
    s->sent += fresh;
    for (size_t i = 0; i < facts; i++)
        list[i] = rig_fact(arena, throw(s, UINT32_MAX));
    struct store_batch batch = {events, count, NULL, 0}, more = {NULL, 0, list, facts};
    if (!store_append(s->store, &batch, &r, e))
        return false;
    s->accepted += r.accepted;
    if (r.accepted != fresh)
        return err_set(e, ERR_CORRUPT, "of %zu new events %llu were accepted", fresh,
                       (unsigned long long)r.accepted);
    return store_append(s->store, &more, &r, e);
}

/* ---- the steps that the background would take ---- */

static bool leave_one_out(const void *context, uint32_t person)
{
    (void)context;
    return person == 1;
}

static bool break_it(struct store *s, struct err *e)
{
    struct merge_choice choice = {.drop = leave_one_out};
    bool ok = true;
    for (size_t i = s->live_count; ok && i-- > 0;) {
        AUTO(segment) *g = segment_keep(s->live[i]);
        ok = store_rewrite(s, &g, 1, &choice, false, e);
    }
    return ok;
}

static bool compact_all(struct store *s, bool is_broken, uint64_t *steps, struct err *e)
{
    bool did = true, ok = true;
    pthread_mutex_lock(&s->maintain_lock);
    ok = store_seal(s, e);
    while (ok && did) {
        ok = store_compact(s, false, &did, e);
        *steps += did;
    }
    if (ok && is_broken)
        ok = break_it(s, e);
    pthread_mutex_unlock(&s->maintain_lock);
    return ok;
}

/* ---- asking meanwhile ---- */

struct asker {
    struct story *story;
    const struct rig_digest *want;
    _Atomic bool stop;
    uint64_t rounds;
    unsigned differs; /* the question, or RIG_QUESTIONS */
    struct err err;
};

static void *ask_on(void *context)
{
    struct asker *a = context;
    struct rig_digest got;
    a->differs = RIG_QUESTIONS;
    do {
        if (!rig_ask_store(a->story->store, a->story->pool, &got, &a->err))
            return NULL;
        a->rounds++;
        a->differs = rig_differs(a->want, &got);
    } while (a->differs == RIG_QUESTIONS && !a->stop);
    return NULL;
}

/* ---- a cycle ---- */

static bool same(struct story *s, const struct rig_digest *want, struct store *store,
                 const char *when, struct err *e)
{
    struct rig_digest got;
    if (!rig_ask_store(store, s->pool, &got, e))
        return false;
    unsigned q = rig_differs(want, &got);
    return q == RIG_QUESTIONS || err_set(e, ERR_CORRUPT, "%s question %u has another answer: %s",
                                         when, q, rig_questions[q]);
}

static bool is_at_rest(struct story *s, struct err *e)
{
    const struct store *store = s->store;
    uint64_t rows = 0;
    size_t of_month = 0;
    for (size_t i = 0; i < store->live_count; i++) {
        bool is_same = i && store->live[i]->month_start == store->live[i - 1]->month_start;
        of_month = is_same ? of_month + 1 : 1;
        rows += store->live[i]->rows;
        if (of_month > STORE_MONTH_SEGMENTS_MAX)
            return err_set(e, ERR_CORRUPT, "a month has %zu segments at rest", of_month);
    }
    struct store_state state;
    store_state(s->store, &state);
    return state.events == s->accepted ||
           err_set(e, ERR_CORRUPT, "%llu events are there, %llu were accepted",
                   (unsigned long long)state.events, (unsigned long long)s->accepted);
}

/* On a copy of the disk the power goes at the next call of the same compaction. */
static bool crash_copy(struct story *s, struct os *copy, const struct rig_digest *want,
                       struct err *e)
{
    AUTO(store) *store = NULL;
    struct err ignored = {0};
    uint64_t steps = 0;
    os_sim_crash_as(copy, OS_SIM_DROP); /* frees the lock; all is synced */
    if (!open_store(copy, &store, e))
        return false;
    os_sim_set_plan(copy, (struct os_sim_plan){.seed = s->seed, .stop_at = 1 + s->crash_call});
    if (compact_all(store, false, &steps, &ignored) && os_sim_calls(copy) <= s->crash_call)
        s->crash_call = 0; /* it was over before that: begin again */
    else
        s->crash_call++;
    store_close(TAKE(store));
    os_sim_crash_as(copy, (enum os_sim_damage) throw(s, OS_SIM_DAMAGES));
    os_sim_set_plan(copy, (struct os_sim_plan){.seed = s->seed});
    ++*s->crashes;
    return open_store(copy, &store, e) && same(s, want, store, "after a crash", e) &&
           compact_all(store, false, &steps, e) &&
           same(s, want, store, "compacted after a crash", e);
}

static bool cycle(struct story *s, struct err *e)
{
    struct rig_digest want;
    struct asker asker = {.story = s, .want = &want};
    pthread_t thread;
    if (!append_batch(s, e) || !rig_ask_store(s->store, s->pool, &want, e))
        return false;
    AUTO(os) *copy = s->rig->is_control ? NULL : os_sim_copy(s->os);
    if (!s->rig->is_control)
        REQUIRE(pthread_create(&thread, NULL, ask_on, &asker) == 0);
    bool ok = compact_all(s->store, s->rig->is_control, s->steps, e);
    asker.stop = true;
    if (!s->rig->is_control)
        REQUIRE(pthread_join(thread, NULL) == 0);
    *s->asked_meanwhile += asker.rounds;
    if (ok && asker.err.kind) {
        *e = asker.err;
        return false;
    }
    if (ok && !s->rig->is_control && asker.differs != RIG_QUESTIONS)
        return err_set(e, ERR_CORRUPT, "meanwhile question %u had another answer: %s",
                       asker.differs, rig_questions[asker.differs]);
    return ok && same(s, &want, s->store, "after compaction", e) && is_at_rest(s, e) &&
           (!copy || crash_copy(s, copy, &want, e));
}

static void story(struct story *s, uint64_t cycles)
{
    struct err e = {0};
    s->os = os_sim_create((struct os_sim_plan){.seed = s->seed});
    bool ok = open_store(s->os, &s->store, &e);
    for (uint64_t i = 0; i < cycles; i++) {
        bool was_ok = ok;
        ok = ok && cycle(s, &e);
        if (was_ok && ok && i % 7 == 6) { /* a cycle also begins with a store just opened */
            store_close(TAKE(s->store));
            ok = open_store(s->os, &s->store, &e);
        }
        if (s->rig->is_control && was_ok && !ok && e.kind == ERR_CORRUPT) {
            ++*s->seen;
            s->rig->passed += cycles - i;
            break;
        }
        if (ok)
            s->rig->passed++;
        else if (was_ok)
            rig_fail(s->rig, s->seed, "cycle %llu: %s", (unsigned long long)i, e.text);
    }
    store_close(s->store);
    os_destroy(s->os);
}

int main(int argc, char **argv)
{
    struct rig rig = rig_begin(argc, argv, "compaction", NULL);
    uint64_t steps = 0, crashes = 0, meanwhile = 0, seen = 0, stories = 0;
    struct pool *pool = pool_create(2);
    /* A story of one seed is CYCLES trials, so seeds go on by that. */
    for (uint64_t done = 0; done < rig.trials; done += CYCLES, stories++) {
        struct story s = {.rig = &rig,
                          .pool = pool,
                          .seed = rig.seed + done,
                          .crash_call = stories % 7,
                          .steps = &steps,
                          .crashes = &crashes,
                          .asked_meanwhile = &meanwhile,
                          .seen = &seen};
        story(&s, MIN((uint64_t)CYCLES, rig.trials - done));
    }
    pool_destroy(pool);
    if (rig.is_control && seen < stories)
        rig.failed += stories - seen;
    if (rig.is_control)
        printf("control: the lost person was seen in %llu of %llu stories\n",
               (unsigned long long)seen, (unsigned long long)stories);
    else
        printf("%llu merges, %llu crashes, asked %llu times meanwhile\n", (unsigned long long)steps,
               (unsigned long long)crashes, (unsigned long long)meanwhile);
    return rig_end(&rig);
}
