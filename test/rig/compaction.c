/*
 * compaction: 50 fixed questions are answered alike before, during and after each cycle.
 *
 * A story grows a store on a simulated disk: events of five months in any order, many of them late,
 * events that were sent before (the same, or with another body), traits, merges, unmerges. Now and
 * then somebody is erased, and in every other story events of one name are removed when they are
 * too old; a model of which numbers are there says what each takes, and what may come again. After
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
static const struct keep_rule kept = {{"Exported", 8}, INT64_C(100) * 86400000};
#define KEPT_FROM_MS (RIG_NOW_MS / 86400000 * 86400000 - kept.period_ms)

/* What became of the event of one number. */
struct number {
    bool is_there, is_another;
};

struct story {
    struct rig *rig;
    struct pool *pool;
    uint64_t seed, throws;
    struct os *os;
    struct store *store;
    uint64_t sent;     /* events with numbers below this */
    uint64_t accepted; /* events that are there */
    struct number *numbers;
    size_t number_room;
    bool has_rule, forgets;
    uint64_t crash_call;
    uint64_t *erased, *removed, *steps, *crashes, *asked_meanwhile, *seen;
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

/* Counts the event, if its number is not there. */
static bool note(struct story *s, uint64_t k, const struct event *ev)
{
    while (k >= s->number_room) {
        size_t room = MAX(2 * s->number_room, (size_t)1024);
        s->numbers = mem_grow(s->numbers, room, sizeof *s->numbers);
        memset(s->numbers + s->number_room, 0, (room - s->number_room) * sizeof *s->numbers);
        s->number_room = room;
    }
    if (s->numbers[k].is_there)
        return false;
    s->numbers[k] = (struct number){true, str_equal(ev->name, STR("Another Body"))};
    return true;
}

static bool append_batch(struct story *s, struct err *e)
{
    AUTO(arena) *arena = arena_create(0);
    size_t count = BATCH_MIN + throw(s, BATCH_MORE), facts = throw(s, FACTS_MAX), fresh = 0,
           want = 0;
    struct event *events = arena_array(arena, count, sizeof *events);
    struct fact *list = arena_array(arena, facts + 1, sizeof *list);
    struct store_receipt r;
    for (size_t i = 0; i < count; i++) {
        bool is_new = s->sent == 0 || throw(s, 5) != 0;
        uint64_t k = is_new ? s->sent + fresh : throw(s, s->sent);
        fresh += is_new;
        events[i] = one_event(s, arena, k, is_new);
        want += note(s, k, &events[i]);
    }
    s->sent += fresh;
    for (size_t i = 0; i < facts; i++)
        list[i] = rig_fact(arena, throw(s, UINT32_MAX));
    struct store_batch batch = {events, count, NULL, 0}, more = {NULL, 0, list, facts};
    if (!store_append(s->store, &batch, &r, e))
        return false;
    s->accepted += r.accepted;
    if (r.accepted != want)
        return err_set(e, ERR_CORRUPT, "of %zu new events %llu were accepted", want,
                       (unsigned long long)r.accepted);
    return store_append(s->store, &more, &r, e);
}

/* ---- erasing, and what is kept for a time ---- */

static bool see_number(void *context, const struct event *ev, struct err *e)
{
    struct story *s = context;
    for (size_t i = 0; i < ev->property_count; i++) {
        const struct property *p = &ev->properties[i];
        if (!str_equal(p->name, STR("k")))
            continue;
        uint64_t k = (uint64_t)p->value.integer;
        if (k >= s->sent || s->numbers[k].is_there)
            return err_set(e, ERR_CORRUPT, "event %llu is there twice, or nobody sent it",
                           (unsigned long long)k);
        s->numbers[k].is_there = true;
    }
    return true;
}

/* Must it go by the rule? */
static bool is_too_old(const struct story *s, uint64_t k, const struct event *ev)
{
    return s->has_rule && !s->numbers[k].is_another && str_equal(ev->name, kept.name) &&
           ev->time < KEPT_FROM_MS;
}

/* Looks which numbers are left; what went is `gone` events, all of the persons who lost any, or all
 * that are too old. */
static bool recount(struct story *s, uint64_t gone, bool is_by_rule, struct err *e)
{
    AUTO(snapshot) *v = NULL;
    AUTO(arena) *arena = arena_create(0);
    struct read_options o = {.from = INT64_MIN, .to = INT64_MAX};
    struct number *before = mem_array(s->sent, sizeof *before);
    uint64_t lost_of[RIG_PEOPLE] = {0}, left_of[RIG_PEOPLE] = {0}, lost = 0, wrong = 0, may_go = 0;
    memcpy(before, s->numbers, s->sent * sizeof *before);
    for (uint64_t k = 0; k < s->sent; k++)
        s->numbers[k].is_there = false;
    bool ok = store_snapshot(s->store, &v, e) && snapshot_read(v, &o, see_number, s, e);
    for (uint64_t k = 0; ok && k < s->sent; k++) {
        struct event ev = one_event(s, arena, k, true);
        uint32_t who = 0;
        while (!str_equal(rig_person(arena, who), ev.person))
            who++;
        bool went = before[k].is_there && !s->numbers[k].is_there;
        lost += went;
        lost_of[who] += went;
        left_of[who] += s->numbers[k].is_there;
        wrong += !before[k].is_there && s->numbers[k].is_there;
        if (is_by_rule && before[k].is_there)
            wrong += went != is_too_old(s, k, &ev);
        else if (is_by_rule) /* of the erased: hidden before, and perhaps gone before */
            may_go += is_too_old(s, k, &ev);
        arena_reset(arena);
    }
    for (uint32_t i = 0; !is_by_rule && i < RIG_PEOPLE; i++)
        wrong += lost_of[i] && left_of[i];
    mem_free(before);
    s->accepted -= lost;
    if (ok && (gone < lost || gone > lost + may_go || wrong))
        return err_set(e, ERR_CORRUPT, "%llu events went, %llu should have, and %llu are wrong",
                       (unsigned long long)lost, (unsigned long long)gone,
                       (unsigned long long)wrong);
    return ok;
}

static bool erase_somebody(struct story *s, struct err *e)
{
    AUTO(arena) *arena = arena_create(0);
    struct store_erasure x;
    struct str who = rig_person(arena, (uint32_t) throw(s, RIG_PEOPLE));
    ++*s->erased;
    return store_erase(s->store, who, &x, e) && recount(s, x.events, false, e);
}

static bool remove_old(struct story *s, struct err *e)
{
    struct keep_report r;
    if (!store_keep_apply(s->store, RIG_NOW_MS, &r, e))
        return false;
    *s->removed += r.rows;
    return recount(s, r.rows, true, e);
}

/* A cycle begins with a batch, and with what else changes answers. */
static bool change(struct story *s, struct err *e)
{
    s->forgets = throw(s, 3) == 0;
    return append_batch(s, e) && (throw(s, 6) || erase_somebody(s, e)) &&
           (!s->has_rule || throw(s, 5) || remove_old(s, e));
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

static bool compact_all(struct store *s, bool forgets, bool is_broken, uint64_t *steps,
                        struct err *e)
{
    struct store_forgotten forgotten;
    bool did = true, ok = true;
    pthread_mutex_lock(&s->maintain_lock);
    ok = store_seal(s, e);
    while (ok && did) {
        ok = store_compact(s, false, &did, e);
        *steps += did;
    }
    if (ok && forgets) /* else the erased stay hidden, and merges drop their rows */
        ok = store_forget_step(s, false, &forgotten, e);
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
    if (compact_all(store, s->forgets, false, &steps, &ignored) &&
        os_sim_calls(copy) <= s->crash_call)
        s->crash_call = 0; /* it was over before that: begin again */
    else
        s->crash_call++;
    store_close(TAKE(store));
    os_sim_crash_as(copy, (enum os_sim_damage) throw(s, OS_SIM_DAMAGES));
    os_sim_set_plan(copy, (struct os_sim_plan){.seed = s->seed});
    ++*s->crashes;
    return open_store(copy, &store, e) && same(s, want, store, "after a crash", e) &&
           compact_all(store, s->forgets, false, &steps, e) &&
           same(s, want, store, "compacted after a crash", e);
}

static bool cycle(struct story *s, struct err *e)
{
    struct rig_digest want;
    struct asker asker = {.story = s, .want = &want};
    pthread_t thread;
    if (!change(s, e) || !rig_ask_store(s->store, s->pool, &want, e))
        return false;
    AUTO(os) *copy = s->rig->is_control ? NULL : os_sim_copy(s->os);
    if (!s->rig->is_control)
        REQUIRE(pthread_create(&thread, NULL, ask_on, &asker) == 0);
    bool ok = compact_all(s->store, s->forgets, s->rig->is_control, s->steps, e);
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
    bool ok =
        open_store(s->os, &s->store, &e) && (!s->has_rule || store_keep_set(s->store, kept, &e));
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
    mem_free(s->numbers);
}

int main(int argc, char **argv)
{
    struct rig rig = rig_begin(argc, argv, "compaction", NULL);
    uint64_t erased = 0, removed = 0, steps = 0, crashes = 0, meanwhile = 0, seen = 0, stories = 0;
    struct pool *pool = pool_create(2);
    /* A story of one seed is CYCLES trials, so seeds go on by that. */
    for (uint64_t done = 0; done < rig.trials; done += CYCLES, stories++) {
        struct story s = {.rig = &rig,
                          .pool = pool,
                          .seed = rig.seed + done,
                          .has_rule = stories % 2 == 1,
                          .crash_call = stories % 7,
                          .erased = &erased,
                          .removed = &removed,
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
        printf("%llu merges, %llu crashes, %llu people erased, %llu events too old, asked %llu "
               "times meanwhile\n",
               (unsigned long long)steps, (unsigned long long)crashes, (unsigned long long)erased,
               (unsigned long long)removed, (unsigned long long)meanwhile);
    return rig_end(&rig);
}
