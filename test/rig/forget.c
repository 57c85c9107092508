/*
 * forget: people whose ids, traits, names of events, accounts, sessions and values hold a word of
 * their own are erased at random moments of a store's life: in memory, sealed, compacted, merged,
 * while the power goes, and with a copy of the directory kept from before. A trial is one person.
 * After each life every file is searched for the words, raw and with what segments hold packed; the
 * copy too, once the list of erased ids was applied to it; and the events that are left are those
 * of a model that never saw the erased. --control: one person of a life is not erased, and must be
 * found.
 */
#include "rig.h"

#include "store/store_sample.h"

enum { LIFE_PEOPLE = 20, LIFE_STEPS = 120, ALIVE = 10 };

struct life {
    struct os *os, *copy;
    struct store *s;
    struct arena *arena;
    uint64_t seed, dice;
    uint32_t sent[LIFE_PEOPLE + ALIVE]; /* events so far; the last ALIVE are never erased */
    bool is_erased[LIFE_PEOPLE], was_in_copy[LIFE_PEOPLE];
    struct err e;
    bool spares_first; /* the control: nobody erases person 0 */
};

static uint64_t throw(struct life * l, uint64_t limit)
{
    return hash_mix(l->seed ^ (l->dice++ << 20)) % limit;
}

static bool open_store(struct life *l, struct os *os)
{
    struct store_options o = {
        .project = STR("main"), .no_background = true, .chunk_rows = 32, .seal_rows = 128};
    return store_open(os, STR("/data"), &o, &l->s, &l->e);
}

/* "canary-SEED-N-": longer than what could be there by accident. */
static struct str word_of(struct life *l, uint32_t who)
{
    return arena_printf(l->arena, "%s-%llu-%u-", who < LIFE_PEOPLE ? "canary" : "other",
                        (unsigned long long)l->seed, who);
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

/* Events, and now and then traits and the merge of both ids. */
static bool send(struct life *l, uint32_t who)
{
    struct str word = word_of(l, who);
    struct store_receipt r;
    struct event events[8];
    struct property p = {
        STR("email"),
        {.type = VALUE_TEXT, .text = arena_printf(l->arena, "%.*s@mail", STR_ARG(word))}};
    struct str id = arena_printf(l->arena, "%.*sid", STR_ARG(word));
    struct fact facts[2] = {{.kind = FACT_MERGE,
                             .subject = id,
                             .other = arena_printf(l->arena, "%.*sphone", STR_ARG(word)),
                             .reason = arena_printf(l->arena, "%.*sreason", STR_ARG(word)),
                             .created = (int64_t)FACT_CREATED_NONE},
                            {.kind = FACT_PERSON_TRAITS,
                             .subject = id,
                             .created = SAMPLE_START,
                             .properties = &p,
                             .property_count = 1}};
    size_t count = 1 + throw(l, 8);
    for (size_t i = 0; i < count; i++)
        events[i] = event_of(l, who, l->sent[who] + (uint32_t)i);
    struct store_batch batch = {.events = events, .event_count = count, .facts = facts};
    batch.fact_count = l->sent[who] == 0 ? 2 : 0; /* both ids are one person from the start */
    if (!store_append(l->s, &batch, &r, &l->e))
        return false;
    l->sent[who] += (uint32_t)count;
    return true;
}

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
    return open_store(l, l->os);
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

static bool search(struct life *l, struct os *os, struct str word)
{
    struct str *names, bytes;
    size_t count;
    if (!os_dir_list(os, STR("/data"), l->arena, &names, &count, &l->e))
        return false;
    for (size_t i = 0; i < count; i++) {
        struct str path = arena_printf(l->arena, "/data/%.*s", STR_ARG(names[i]));
        if (!os_read_whole(os, path, l->arena, &bytes, &l->e))
            return false;
        if (has(bytes, word))
            return found(l, path, word);
        if (str_ends(path, STR(".tns")) && !search_segment(l, os, path, word))
            return false;
    }
    return true;
}

/* ---- what is left ---- */

static bool count_event(void *context, const struct event *ev, struct err *e)
{
    (void)ev, (void)e;
    ++*(uint64_t *)context;
    return true;
}

static bool check_rest(struct life *l, const uint32_t *sent)
{
    AUTO(snapshot) *v = NULL;
    struct read_options o = {.from = INT64_MIN, .to = INT64_MAX};
    uint64_t want = 0, got = 0;
    for (uint32_t i = 0; i < LIFE_PEOPLE + ALIVE; i++)
        want += i < LIFE_PEOPLE && l->is_erased[i] ? 0 : sent[i];
    if (!store_snapshot(l->s, &v, &l->e) || !snapshot_read(v, &o, count_event, &got, &l->e))
        return false;
    return got == want || err_set(&l->e, ERR_CORRUPT, "%u events are left, and should be %u",
                                  (unsigned)got, (unsigned)want);
}

static bool step(struct life *l, bool may_crash)
{
    struct store_forgotten done;
    uint64_t dice = throw(l, 16);
    uint32_t who = (uint32_t) throw(l, LIFE_PEOPLE + ALIVE);
    if (dice == 0)
        return store_maintain(l->s, &l->e);
    if (dice == 1)
        return store_forget(l->s, &done, &l->e);
    if (dice == 2 && may_crash)
        return crash(l) && check_rest(l, l->sent);
    bool is_gone = who < LIFE_PEOPLE && l->is_erased[who];
    bool is_spared = l->spares_first && who == 0;
    if (dice < 6 && who < LIFE_PEOPLE && !is_gone && !is_spared && l->copy)
        return erase(l, who) && check_rest(l, l->sent);
    return is_gone || send(l, who);
}

static bool live(struct rig *r, struct life *l)
{
    uint32_t in_copy[LIFE_PEOPLE + ALIVE];
    struct store_erasure x;
    struct str list;
    l->spares_first = r->is_control;
    if (l->spares_first && !send(l, 0)) /* there must be something to find */
        return false;
    for (uint32_t i = 0; i < LIFE_STEPS; i++) {
        if (i == LIFE_STEPS / 3) { /* a backup; from here on people are erased */
            if (!store_maintain(l->s, &l->e))
                return false;
            memcpy(in_copy, l->sent, sizeof in_copy);
            l->copy = os_sim_copy(l->os);
        }
        if (!step(l, true))
            return false;
    }
    for (uint32_t i = r->is_control; i < LIFE_PEOPLE; i++)
        if (!l->is_erased[i] && !erase(l, i))
            return false;
    if (!store_maintain(l->s, &l->e) || !check_rest(l, l->sent) ||
        !os_read_whole(l->os, STR("/data/" STORE_ERASURES_FILE), l->arena, &list, &l->e))
        return false;
    store_close(TAKE(l->s));
    for (uint32_t i = 0; i < LIFE_PEOPLE; i++)
        if (!search(l, l->os, word_of(l, i)))
            return false;
    if (!os_write_whole(l->copy, STR("/list"), list, &l->e) || !open_store(l, l->copy) ||
        !store_erasures_apply(l->s, STR("/list"), &x, &l->e) || !check_rest(l, in_copy))
        return false;
    store_close(TAKE(l->s));
    for (uint32_t i = 0; i < LIFE_PEOPLE; i++)
        if (!search(l, l->copy, word_of(l, i)))
            return err_while(&l->e, "after a restore");
    return true;
}

int main(int argc, char **argv)
{
    struct rig r = rig_begin(argc, argv, "forget", NULL);
    for (uint64_t n = 0; n < r.trials; n += LIFE_PEOPLE) {
        struct life l = {.seed = r.seed + n};
        l.os = os_sim_create((struct os_sim_plan){.seed = l.seed});
        l.arena = arena_create(0);
        bool ok = open_store(&l, l.os) && live(&r, &l);
        bool is_seen = !ok && strstr(l.e.text, "holds \"canary");
        if (r.is_control ? is_seen : ok)
            r.passed += LIFE_PEOPLE;
        else
            rig_fail(&r, l.seed, "%s", ok ? "the one who was not erased was not found" : l.e.text);
        store_close(l.s);
        os_destroy(l.os);
        os_destroy(l.copy);
        arena_destroy(l.arena);
    }
    return rig_end(&r);
}
