/*
 * history: what was acknowledged is seen at once, and a question sees one moment. Writers and
 * readers work on one store that seals and compacts in the background; each writer's n-th batch
 *   adds one event in each of two months (a set, and batches are whole or absent),
 *   sets a trait to n (a register),
 *   and merges, or takes back the merge of, two people in turn (who else would say how many
 *   there are).
 * A reader notes how many batches were acknowledged before it takes its snapshot and how many had
 * been sent after. All that it reads, by questions and by the snapshot's own functions, must be the
 * state behind one number n of batches between these two for each writer, no smaller than what the
 * same reader saw before, and the same when it is read again later.
 *
 * A trial is a snapshot that was read so. Seeds choose sizes and how the disk acts; the order of
 * threads is the machine's.
 */
#include "rig.h"

#include <pthread.h>
#include <stdatomic.h>

#include "base/hash.h"
#include "os/os_sim.h"
#include "query/query.h"
#include "store/people.h"
#include "store/snapshot.h"

enum { WRITERS = 3, READERS = 2, STORY_SNAPSHOTS = 250 };
#define START_MS INT64_C(1767225600000) /* 2026-01-01 */
#define MONTH_MS INT64_C(2678400000)

struct story {
    struct rig *rig;
    uint64_t seed, snapshots_wanted;
    struct os *os;
    struct store *store;
    _Atomic uint64_t sent[WRITERS], acknowledged[WRITERS];
    _Atomic uint64_t snapshots;
    _Atomic bool is_over;
    pthread_mutex_t lock; /* of the rig */
};

struct worker {
    struct story *story;
    unsigned number;
    pthread_t thread;
};

struct seen {
    uint64_t batches[WRITERS];
};

static PRINTF(2, 3) void wrong(struct story *s, const char *format, ...)
{
    char room[200];
    va_list more;
    va_start(more, format);
    vsnprintf(room, sizeof room, format, more);
    va_end(more);
    pthread_mutex_lock(&s->lock);
    if (!atomic_exchange(&s->is_over, true))
        rig_fail(s->rig, s->seed, "%s", room);
    pthread_mutex_unlock(&s->lock);
}

/* After n batches: merged by every fourth, taken apart by the one two later. */
static bool is_merged(uint64_t n)
{
    return n % 4 == 1 || n % 4 == 2;
}

/* ---- writing ---- */

static struct event plain_event(const char *name, const char *person, int64_t time)
{
    return (struct event){
        .time = time, .received = time, .name = str_of(name), .person = str_of(person)};
}

static bool append(struct story *s, const struct store_batch *b, uint64_t wanted)
{
    struct store_receipt r;
    struct err e = {0};
    if (!store_append(s->store, b, &r, &e))
        wrong(s, "appending: %s", e.text);
    else if (r.accepted != wanted || r.duplicates)
        wrong(s, "accepted %llu and %llu duplicates, not %llu", (unsigned long long)r.accepted,
              (unsigned long long)r.duplicates, (unsigned long long)wanted);
    else
        return true;
    return false;
}

static bool write_batch(struct story *s, unsigned w, uint64_t n)
{
    char name[16], one[16], two[16], device[16], ids[2][40];
    snprintf(name, sizeof name, "w%u", w);
    snprintf(one, sizeof one, "a%u", w);
    snprintf(two, sizeof two, "b%u", w);
    snprintf(device, sizeof device, "d%u", w);
    struct event events[2] = {
        plain_event(name, one, START_MS + (int64_t)(hash_mix(n) % (uint64_t)MONTH_MS)),
        plain_event(name, two, START_MS + MONTH_MS + (int64_t)(n % 1000000))};
    for (int i = 0; i < 2; i++)
        events[i].id = (struct str){ids[i], (size_t)snprintf(ids[i], sizeof ids[i], "%u-%d-%llu", w,
                                                             i, (unsigned long long)n)};
    struct property level = {STR("level"), {.type = VALUE_INT, .integer = (int64_t)n}};
    struct fact facts[2] = {{.kind = FACT_PERSON_TRAITS,
                             .subject = str_of(one),
                             .created = (int64_t)FACT_CREATED_NONE,
                             .properties = &level,
                             .property_count = 1},
                            {.kind = n % 4 == 1 ? FACT_MERGE : FACT_UNMERGE,
                             .subject = str_of(two),
                             .other = str_of(device),
                             .created = (int64_t)FACT_CREATED_NONE}};
    struct store_batch b = {
        .events = events, .event_count = 2, .facts = facts, .fact_count = 1 + n % 2};
    return append(s, &b, 3 + n % 2);
}

static void *writer_main(void *context)
{
    struct worker *me = context;
    struct story *s = me->story;
    for (uint64_t n = 1; !atomic_load(&s->is_over); n++) {
        atomic_store(&s->sent[me->number], n);
        if (!write_batch(s, me->number, n))
            break;
        atomic_store(&s->acknowledged[me->number], n);
    }
    return NULL;
}

/* ---- reading ---- */

/* The totals of a question's series, in order. */
static bool ask(struct story *s, struct snapshot *v, struct pool *pool, uint64_t *totals,
                size_t count)
{
    static const char question[] =
        "{\"insight\":\"trends\",\"interval\":\"month\",\"from\":\"2026-01-01\","
        "\"to\":\"2026-12-31\",\"series\":[{\"event\":\"w0\"},{\"event\":\"w1\"},"
        "{\"event\":\"w2\"},{\"event\":\"first\",\"math\":\"people\"}]}";
    struct store_source room;
    struct query_context context = {.now_ms = START_MS + 11 * MONTH_MS};
    struct err e = {0};
    BUF_AUTO answer = {0};
    if (!query_answer(source_of_snapshot(&room, v, pool), &context, str_of(question), &answer,
                      &e)) {
        wrong(s, "asking: %s", e.text);
        return false;
    }
    buf_add_char(&answer, '\0');
    const char *at = answer.at;
    for (size_t i = 0; i < count; i++) {
        at = strstr(at, "\"total\":");
        if (!at) {
            wrong(s, "an answer without total %zu", i);
            return false;
        }
        at += strlen("\"total\":");
        totals[i] = strtoull(at, NULL, 10);
    }
    return true;
}

/* The number of batches of each writer that explains all that the snapshot shows. */
static bool read_all(struct story *s, struct snapshot *v, struct pool *pool, struct seen *out)
{
    uint64_t totals[WRITERS + 1], merged = 0;
    if (!ask(s, v, pool, totals, COUNT(totals)))
        return false;
    for (unsigned w = 0; w < WRITERS; w++) {
        char one[16], two[16], device[16];
        uint32_t a, b, d;
        snprintf(one, sizeof one, "a%u", w);
        snprintf(two, sizeof two, "b%u", w);
        snprintf(device, sizeof device, "d%u", w);
        uint64_t n = out->batches[w] = totals[w] / 2;
        if (totals[w] % 2) {
            wrong(s, "half a batch of writer %u: %llu events", w, (unsigned long long)totals[w]);
            return false;
        }
        if (!snapshot_unit_find(v, str_of(one), &a) || !snapshot_unit_find(v, str_of(two), &b) ||
            !snapshot_unit_find(v, str_of(device), &d)) {
            wrong(s, "writer %u's people are not there", w);
            return false;
        }
        struct value level = people_trait(v->people, a, STR("level"));
        uint64_t set = level.type == VALUE_INT ? (uint64_t)level.integer : 0;
        if (set != n || (b == d) != is_merged(n)) {
            wrong(s, "writer %u: %llu batches of events, but level %llu, and %smerged", w,
                  (unsigned long long)n, (unsigned long long)set, b == d ? "" : "not ");
            return false;
        }
        merged += b == d;
    }
    if (totals[WRITERS] + merged == 2 * WRITERS)
        return true;
    wrong(s, "%llu people by the question, %llu merged by the snapshot",
          (unsigned long long)totals[WRITERS], (unsigned long long)merged);
    return false;
}

static bool read_once(struct story *s, struct pool *pool, struct seen *last)
{
    AUTO(snapshot) *v = NULL;
    struct err e = {0};
    struct seen now, again;
    uint64_t least[WRITERS];
    for (unsigned w = 0; w < WRITERS; w++)
        least[w] = MAX(last->batches[w], atomic_load(&s->acknowledged[w]));
    if (!store_snapshot(s->store, &v, &e)) {
        wrong(s, "taking a snapshot: %s", e.text);
        return false;
    }
    uint64_t most[WRITERS];
    for (unsigned w = 0; w < WRITERS; w++)
        most[w] = atomic_load(&s->sent[w]);
    if (!read_all(s, v, pool, &now) || !read_all(s, v, pool, &again))
        return false;
    for (unsigned w = 0; w < WRITERS; w++)
        if (now.batches[w] < least[w] || now.batches[w] > most[w] ||
            now.batches[w] != again.batches[w]) {
            wrong(s, "writer %u: %llu batches, then %llu; %llu acknowledged, %llu sent", w,
                  (unsigned long long)now.batches[w], (unsigned long long)again.batches[w],
                  (unsigned long long)least[w], (unsigned long long)most[w]);
            return false;
        }
    *last = now;
    return true;
}

static void *reader_main(void *context)
{
    struct worker *me = context;
    struct story *s = me->story;
    AUTO(pool) *pool = pool_create(1);
    struct seen last = {0};
    while (!atomic_load(&s->is_over) && read_once(s, pool, &last))
        if (atomic_fetch_add(&s->snapshots, 1) + 1 >= s->snapshots_wanted)
            atomic_store(&s->is_over, true);
    return NULL;
}

/* ---- the whole ---- */

static bool begin(struct story *s)
{
    struct err e = {0};
    struct store_options options = {.project = STR("main"),
                                    .chunk_rows = 40 + hash_mix(s->seed) % 200,
                                    .seal_rows = 200 + hash_mix(s->seed + 1) % 800};
    s->os = os_sim_create((struct os_sim_plan){.seed = s->seed});
    if (!store_open(s->os, STR("/data"), &options, &s->store, &e)) {
        wrong(s, "opening: %s", e.text);
        return false;
    }
    for (unsigned w = 0; w < WRITERS; w++) {
        char names[2][16], one[16];
        snprintf(names[0], sizeof names[0], "b%u", w);
        snprintf(names[1], sizeof names[1], "d%u", w);
        snprintf(one, sizeof one, "a%u", w);
        struct event events[3] = {plain_event("first", names[0], START_MS + w),
                                  plain_event("first", names[1], START_MS + w),
                                  plain_event("zeroth", one, START_MS + w)};
        if (!append(s, &(struct store_batch){.events = events, .event_count = 3}, 3))
            return false;
    }
    return true;
}

static void run_story(struct story *s)
{
    struct worker workers[WRITERS + READERS];
    if (begin(s)) {
        for (unsigned i = 0; i < COUNT(workers); i++) {
            workers[i] = (struct worker){.story = s, .number = i};
            REQUIRE(pthread_create(&workers[i].thread, NULL,
                                   i < WRITERS ? writer_main : reader_main, &workers[i]) == 0);
        }
        for (unsigned i = 0; i < COUNT(workers); i++)
            REQUIRE(pthread_join(workers[i].thread, NULL) == 0);
    }
    store_close(s->store);
    os_destroy(s->os);
}

int main(int argc, char **argv)
{
    struct rig rig = rig_begin(argc, argv, "history", NULL);
    uint64_t batches = 0;
    for (uint64_t story = 0; rig.passed < rig.trials && rig.failed < RIG_FAILURES_SHOWN; story++) {
        struct story s = {.rig = &rig, .seed = rig.seed + story};
        s.snapshots_wanted = MIN(STORY_SNAPSHOTS, rig.trials - rig.passed);
        REQUIRE(pthread_mutex_init(&s.lock, NULL) == 0);
        uint64_t failed = rig.failed;
        run_story(&s);
        pthread_mutex_destroy(&s.lock);
        rig.passed += rig.failed == failed ? s.snapshots_wanted : 0;
        for (unsigned w = 0; w < WRITERS; w++)
            batches += s.acknowledged[w];
    }
    printf("%llu batches were acknowledged meanwhile\n", (unsigned long long)batches);
    return rig_end(&rig);
}
