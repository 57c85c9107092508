/*
 * forget: people whose ids, traits, names of events, accounts, sessions and values hold a word of
 * their own are erased at random moments of a store's life: in memory, sealed, compacted, merged,
 * while the power goes, and with a backup kept from before. A trial is one person.
 *
 * Before each is erased they are exported: the lines are those that were sent, each once. Then the
 * export of everybody is what it was without these lines. After each life every file is searched
 * for the words, raw and with what segments hold packed; so is what the backup is restored to, once
 * the list of erased ids was applied to it; and both answer the 50 questions as a fresh store that
 * never saw the erased. --control: one person of a life is not erased, and must be found.
 */
#include "rig.h"

#include <stdlib.h>

#include "collect/export.h"
#include "questions.h"
#include "store/inventory.h"
#include "store/store_sample.h"

enum { LIFE_PEOPLE = 20, LIFE_STEPS = 120, OTHERS = 10, BATCH = 8 };

struct life {
    struct os *os;
    struct pool *pool;
    struct store *s;
    struct arena *arena;
    uint64_t seed, dice;
    uint32_t sent[LIFE_PEOPLE]; /* events so far */
    uint32_t others;            /* batches of people whom nobody erases */
    bool is_erased[LIFE_PEOPLE];
    struct store_backup_receipt kept;
    struct err e;
    bool has_backup;
    bool spares_first; /* the control: nobody erases person 0 */
};

static uint64_t throw(struct life * l, uint64_t limit)
{
    return hash_mix(l->seed ^ (l->dice++ << 20)) % limit;
}

static bool open_store(struct life *l, struct os *os, const char *dir)
{
    struct store_options o = {
        .project = STR("main"), .no_background = true, .chunk_rows = 32, .seal_rows = 128};
    return store_open(os, str_of(dir), &o, &l->s, &l->e);
}

/* "canary-SEED-N-": longer than what could be there by accident. */
static struct str word_of(struct life *l, uint32_t who)
{
    return arena_printf(l->arena, "canary-%llu-%u-", (unsigned long long)l->seed, who);
}

static struct event event_of(struct life *l, uint32_t who, uint32_t k)
{
    struct str word = word_of(l, who);
    struct property *p = arena_array(l->arena, 2, sizeof *p);
    p[0] = (struct property){
        arena_printf(l->arena, "%.*sproperty", STR_ARG(word)),
        {.type = VALUE_TEXT, .text = arena_printf(l->arena, "%.*sv%u", STR_ARG(word), k)}};
    p[1] = (struct property){STR("plan"), {.type = VALUE_TEXT, .text = STR("pro")}};
    return (struct event){
        .id = k % 2 ? arena_printf(l->arena, "%.*sid%u", STR_ARG(word), k) : STR(""),
        .time = SAMPLE_START + (int64_t)(k % 3) * SAMPLE_MONTH_MS + k,
        .received = SAMPLE_START,
        .name = k % 5 ? STR("Opened") : arena_printf(l->arena, "%.*sname", STR_ARG(word)),
        .person = arena_printf(l->arena, "%.*s%s", STR_ARG(word), k % 4 ? "id" : "phone"),
        .account = arena_printf(l->arena, "%.*saccount", STR_ARG(word)),
        .session = arena_printf(l->arena, "%.*ssession%u", STR_ARG(word), k / 8),
        .properties = p,
        .property_count = 2,
    };
}

enum { FACTS = 2 };

/* Both ids are one person, who has a trait. */
static struct fact *facts_of(struct life *l, uint32_t who)
{
    struct str word = word_of(l, who);
    struct property *p = arena_array(l->arena, 1, sizeof *p);
    struct fact *facts = arena_array(l->arena, FACTS, sizeof *facts);
    struct str id = arena_printf(l->arena, "%.*sid", STR_ARG(word));
    *p = (struct property){
        STR("email"),
        {.type = VALUE_TEXT, .text = arena_printf(l->arena, "%.*s@mail", STR_ARG(word))}};
    facts[0] = (struct fact){.kind = FACT_MERGE,
                             .subject = id,
                             .other = arena_printf(l->arena, "%.*sphone", STR_ARG(word)),
                             .reason = arena_printf(l->arena, "%.*sreason", STR_ARG(word)),
                             .created = (int64_t)FACT_CREATED_NONE};
    facts[1] = (struct fact){.kind = FACT_PERSON_TRAITS,
                             .subject = id,
                             .created = SAMPLE_START,
                             .properties = p,
                             .property_count = 1};
    return facts;
}

/* Events, and with the first ones what is known of the person. */
static bool send(struct life *l, uint32_t who)
{
    struct store_receipt r;
    struct event events[BATCH];
    size_t count = 1 + throw(l, BATCH);
    for (size_t i = 0; i < count; i++)
        events[i] = event_of(l, who, l->sent[who] + (uint32_t)i);
    struct store_batch batch = {.events = events, .event_count = count};
    if (l->sent[who] == 0) {
        batch.facts = facts_of(l, who);
        batch.fact_count = FACTS;
    }
    if (!store_append(l->s, &batch, &r, &l->e))
        return false;
    l->sent[who] += (uint32_t)count;
    return true;
}

/* Batch n of the others: the world that the questions are about. */
static bool send_others(struct store *s, uint64_t seed, uint32_t n, struct err *e)
{
    AUTO(arena) *arena = arena_create(0);
    struct store_receipt r;
    struct event events[BATCH];
    uint64_t first = seed * 100000 + (uint64_t)n * BATCH;
    for (uint32_t i = 0; i < BATCH; i++)
        events[i] = rig_event(arena, first + i);
    struct fact facts[] = {rig_fact(arena, first), rig_fact(arena, first + 1)};
    struct store_batch batch = {
        .events = events, .event_count = BATCH, .facts = facts, .fact_count = n % 3};
    return store_append(s, &batch, &r, e);
}

/* ---- exports, as lines that can be compared ---- */

struct lines {
    uint64_t *list; /* a hash of each */
    size_t count, room;
    bool without_reasons; /* the export of everybody says what merges come to, not why */
};

static void add_line(struct lines *x, struct buf *line)
{
    ARRAY_PUSH(x->list, x->count, x->room) = hash64(buf_str(line), 0);
    buf_clear(line);
}

static bool put_event(void *context, const struct event *event, struct err *e)
{
    BUF_AUTO line = {0};
    (void)e;
    export_event(event, &line);
    add_line(context, &line);
    return true;
}

static bool put_fact(void *context, const struct fact *fact, struct err *e)
{
    struct lines *x = context;
    struct fact f = *fact;
    BUF_AUTO line = {0};
    (void)e;
    if (x->without_reasons)
        f.reason = STR("");
    export_fact(&f, false, &line);
    add_line(x, &line);
    return true;
}

static int ascending(const void *a, const void *b)
{
    uint64_t x, y;
    memcpy(&x, a, sizeof x);
    memcpy(&y, b, sizeof y);
    return x < y ? -1 : x > y;
}

static void sort_lines(struct lines *x)
{
    if (x->count)
        qsort(x->list, x->count, sizeof *x->list, ascending);
}

static bool equal_lines(const struct lines *a, const struct lines *b)
{
    return a->count == b->count &&
           (!a->count || memcmp(a->list, b->list, a->count * sizeof *a->list) == 0);
}

/* Of one person, or of everybody (`id` empty). Nobody has the id: no lines. */
static bool export_lines(struct life *l, struct str id, struct lines *out)
{
    AUTO(snapshot) *v = NULL;
    struct read_options o = {.from = INT64_MIN, .to = INT64_MAX, .is_person = id.len != 0};
    if (!store_snapshot(l->s, &v, &l->e))
        return false;
    if (id.len && !snapshot_unit_find(v, id, &o.unit))
        return true;
    bool ok = snapshot_read_facts(v, &o, put_fact, out, &l->e) &&
              snapshot_read(v, &o, put_event, out, &l->e);
    sort_lines(out);
    return ok;
}

/* What was sent of one person. */
static void expected_lines(struct life *l, uint32_t who, struct lines *out)
{
    for (uint32_t k = 0; k < l->sent[who]; k++) {
        struct event ev = event_of(l, who, k);
        REQUIRE(put_event(out, &ev, &l->e));
    }
    const struct fact *facts = facts_of(l, who);
    for (size_t i = 0; l->sent[who] && i < FACTS; i++)
        REQUIRE(put_fact(out, &facts[i], &l->e));
    sort_lines(out);
}

/* `all` without what `some` has, which all of it must be in `all`. */
static bool subtract(struct lines *all, const struct lines *some)
{
    size_t kept = 0, k = 0;
    for (size_t i = 0; i < all->count; i++) {
        if (k < some->count && all->list[i] == some->list[k])
            k++;
        else
            all->list[kept++] = all->list[i];
    }
    all->count = kept;
    return k == some->count;
}

/* ---- erasing ---- */

static bool erase(struct life *l, uint32_t who)
{
    struct store_erasure x;
    struct str word = word_of(l, who);
    const char *which = throw(l, 2) ? "id" : "phone";
    if (!store_erase(l->s, arena_printf(l->arena, "%.*s%s", STR_ARG(word), which), &x, &l->e))
        return false;
    l->is_erased[who] = true;
    if (l->sent[who] && x.events != l->sent[who])
        return err_set(&l->e, ERR_CORRUPT, "%u events were sent, and %u erased", l->sent[who],
                       (unsigned)x.events);
    return true;
}

/* The export of a person is what was sent of them. */
static bool check_export(struct life *l, struct str id, uint32_t who)
{
    struct lines got = {0}, want = {0};
    expected_lines(l, who, &want);
    bool ok = export_lines(l, id, &got);
    if (ok && !equal_lines(&got, &want))
        ok = err_set(&l->e, ERR_CORRUPT,
                     "the export of %.*s has %zu lines, or others than the %zu that were sent",
                     STR_ARG(id), got.count, want.count);
    mem_free(got.list);
    mem_free(want.list);
    return ok;
}

/* Exported, erased; and then everybody's export has lost exactly these lines. */
static bool export_and_erase(struct life *l, uint32_t who)
{
    struct lines before = {.without_reasons = true}, mine = before, after = before;
    struct str id =
        arena_printf(l->arena, "%.*s%s", STR_ARG(word_of(l, who)), throw(l, 2) ? "id" : "phone");
    bool ok =
        check_export(l, id, who) && export_lines(l, id, &mine) && export_lines(l, STR(""), &before);
    if (ok && !subtract(&before, &mine))
        ok = err_set(&l->e, ERR_CORRUPT, "the export of %.*s has what that of all lacks",
                     STR_ARG(id));
    ok = ok && erase(l, who) && export_lines(l, STR(""), &after);
    if (ok && !equal_lines(&before, &after))
        ok = err_set(&l->e, ERR_CORRUPT, "without %.*s the export has %zu lines, not the other %zu",
                     STR_ARG(id), after.count, before.count);
    mem_free(before.list);
    mem_free(mine.list);
    mem_free(after.list);
    return ok;
}

/* The power goes between two calls, or in the middle of one that nobody waits for. */
static bool crash(struct life *l)
{
    struct err cut = {0};
    if (throw(l, 2)) {
        os_sim_set_plan(
            l->os, (struct os_sim_plan){.seed = l->seed + l->dice, .stop_at = 1 + throw(l, 40)});
        if (!store_maintain(l->s, &cut) && cut.kind != ERR_IO && cut.kind != ERR_BUSY) {
            l->e = cut;
            return false;
        }
    }
    os_sim_crash(l->os);
    store_close(TAKE(l->s));
    os_sim_crash(l->os);
    os_sim_set_plan(l->os, (struct os_sim_plan){.seed = l->seed + l->dice});
    return open_store(l, l->os, "/data");
}

/* ---- searching ---- */

static bool has(struct str text, struct str word)
{
    return memmem(text.at, text.len, word.at, word.len) != NULL;
}

static bool found(struct life *l, struct str path, struct str word)
{
    return err_set(&l->e, ERR_CORRUPT, "%.*s holds \"%.*s\"", STR_ARG(path), STR_ARG(word));
}

static bool search_segment(struct life *l, struct os *os, struct str path, struct str word)
{
    AUTO(segment) *g = NULL;
    if (!segment_open(os, path, STR("main"), &g, &l->e))
        return false;
    for (size_t i = 0; i < g->column_count; i++) {
        const struct column *c = &g->columns[i];
        if (!segment_pin(g, c, 0, g->rows, &l->e))
            return false;
        if (has(c->property, word))
            return found(l, path, word);
        bool is_text = c->type == VALUE_TEXT || c->type == VALUE_LIST;
        for (uint32_t k = 0; is_text && c->kind != COLUMN_ID && k < c->dictionary_count; k++)
            if (has(column_dictionary_value(c, k).text, word))
                return found(l, path, word);
    }
    return true;
}

/* Are the words of those whose turn it was in any file? */
static bool search_person(struct life *l, const char *dir, struct str word)
{
    struct str *names, bytes;
    size_t count;
    if (!os_dir_list(l->os, str_of(dir), l->arena, &names, &count, &l->e))
        return false;
    for (size_t i = 0; i < count; i++) {
        struct str path = arena_printf(l->arena, "%s/%.*s", dir, STR_ARG(names[i]));
        if (!os_read_whole(l->os, path, l->arena, &bytes, &l->e))
            return false;
        if (has(bytes, word))
            return found(l, path, word);
        if (str_ends(path, STR(".tns")) && !search_segment(l, l->os, path, word))
            return false;
    }
    return true;
}

static bool search(struct life *l, const char *dir)
{
    for (uint32_t i = 0; i < LIFE_PEOPLE; i++)
        if (!search_person(l, dir, word_of(l, i)))
            return false;
    return true;
}

/* ---- what is left ---- */

static bool count_event(void *context, const struct event *ev, struct err *e)
{
    (void)ev, (void)e;
    ++*(uint64_t *)context;
    return true;
}

static bool check_rest(struct life *l)
{
    AUTO(snapshot) *v = NULL;
    struct read_options o = {.from = INT64_MIN, .to = INT64_MAX};
    uint64_t want = (uint64_t)l->others * BATCH, got = 0;
    for (uint32_t i = 0; i < LIFE_PEOPLE; i++)
        want += l->is_erased[i] ? 0 : l->sent[i];
    if (!store_snapshot(l->s, &v, &l->e) || !snapshot_read(v, &o, count_event, &got, &l->e))
        return false;
    return got == want || err_set(&l->e, ERR_CORRUPT, "%u events are left, and should be %u",
                                  (unsigned)got, (unsigned)want);
}

/* The store answers as a fresh one that was given the others' batches, and nothing else. */
static bool check_answers(struct life *l, uint32_t others, const char *where)
{
    struct rig_digest got, want;
    struct store *fresh = NULL;
    struct store_options o = {.project = STR("main"), .no_background = true};
    struct os *os = os_sim_create((struct os_sim_plan){.seed = 1});
    bool ok = store_open(os, STR("/data"), &o, &fresh, &l->e);
    for (uint32_t n = 0; ok && n < others; n++)
        ok = send_others(fresh, l->seed, n, &l->e);
    ok = ok && rig_ask_store(fresh, l->pool, &want, &l->e) &&
         rig_ask_store(l->s, l->pool, &got, &l->e);
    store_close(fresh);
    os_destroy(os);
    unsigned q = ok ? rig_differs(&want, &got) : RIG_QUESTIONS;
    return q == RIG_QUESTIONS ? ok
                              : err_set(&l->e, ERR_CORRUPT, "%s question %u has another answer: %s",
                                        where, q, rig_questions[q]);
}

static bool step(struct life *l, bool may_crash)
{
    struct store_forgotten done;
    uint64_t dice = throw(l, 16);
    uint32_t who = (uint32_t) throw(l, LIFE_PEOPLE + OTHERS);
    if (dice == 0)
        return store_maintain(l->s, &l->e);
    if (dice == 1)
        return store_forget(l->s, &done, &l->e);
    if (dice == 2 && may_crash)
        return crash(l) && check_rest(l);
    bool is_gone = who < LIFE_PEOPLE && l->is_erased[who];
    bool is_spared = l->spares_first && who == 0;
    if (dice < 6 && who < LIFE_PEOPLE && !is_gone && !is_spared && l->has_backup)
        return export_and_erase(l, who) && check_rest(l);
    if (who < LIFE_PEOPLE)
        return is_gone || send(l, who);
    return send_others(l->s, l->seed, l->others++, &l->e);
}

/* As `tenure backup`: of segments and of the log, as they are at this moment. */
static bool back_up(struct life *l)
{
    struct store_backup_options quietly = {0};
    l->has_backup = true;
    return store_backup(l->s, STR("/kept"), &quietly, l->arena, &l->kept, &l->e) &&
           os_dir_sync(l->os, STR("/"), &l->e);
}

/* As `tenure restore --erasures`: compared with the inventory, and the list applied. */
static bool restore(struct life *l, struct str list)
{
    struct copy_options quietly = {0};
    struct store_erasure x;
    bool ok = os_dir_make(l->os, STR("/restored"), &l->e);
    for (size_t i = 0; ok && i < l->kept.file_count; i++)
        ok = inventory_file_copy(l->os, STR("/kept"), STR("/restored"), &l->kept.files[i], &quietly,
                                 &l->e);
    return ok && os_write_whole(l->os, STR("/list"), list, &l->e) &&
           open_store(l, l->os, "/restored") && store_erasures_apply(l->s, STR("/list"), &x, &l->e);
}

static bool live(struct rig *r, struct life *l)
{
    uint32_t others_kept = 0;
    struct str list;
    l->spares_first = r->is_control;
    if (l->spares_first && !send(l, 0)) /* there must be something to find */
        return false;
    for (uint32_t i = 0; i < LIFE_STEPS; i++) {
        if (i == LIFE_STEPS / 3) { /* from here on people are erased */
            others_kept = l->others;
            if (!back_up(l))
                return false;
        }
        if (!step(l, true))
            return false;
    }
    for (uint32_t i = r->is_control; i < LIFE_PEOPLE; i++)
        if (!l->is_erased[i] && !export_and_erase(l, i))
            return false;
    if (!store_maintain(l->s, &l->e) || !check_rest(l) || !search(l, "/data") ||
        !check_answers(l, l->others, "in the end") ||
        !os_read_whole(l->os, STR("/data/" STORE_ERASURES_FILE), l->arena, &list, &l->e))
        return false;
    store_close(TAKE(l->s));
    if (!search(l, "/data") || !restore(l, list) ||
        !check_answers(l, others_kept, "after a restore"))
        return false;
    store_close(TAKE(l->s));
    return search(l, "/restored") || err_while(&l->e, "after a restore");
}

int main(int argc, char **argv)
{
    struct rig r = rig_begin(argc, argv, "forget", NULL);
    struct pool *pool = pool_create(2);
    for (uint64_t n = 0; n < r.trials; n += LIFE_PEOPLE) {
        struct life l = {.seed = r.seed + n, .pool = pool};
        l.os = os_sim_create((struct os_sim_plan){.seed = l.seed});
        l.arena = arena_create(0);
        bool ok = open_store(&l, l.os, "/data") && live(&r, &l);
        bool is_seen = !ok && strstr(l.e.text, "holds \"canary");
        if (r.is_control ? is_seen : ok)
            r.passed += LIFE_PEOPLE;
        else
            rig_fail(&r, l.seed, "%s", ok ? "the one who was not erased was not found" : l.e.text);
        store_close(l.s);
        os_destroy(l.os);
        arena_destroy(l.arena);
    }
    pool_destroy(pool);
    return rig_end(&r);
}
