/*
 * plain: the plainest model of a store, and a digest in which a store and a model can be compared.
 *
 * Event k follows from its number: an even k has an id, an odd one is known by its content; all of
 * it but `variant` (a property; another variant under the same id is a conflict) is a function of
 * k. People are PLAIN_PEOPLE names. The model keeps counts in arrays and walks them; it shares no
 * code with the store. A digest sums over all rows (number, variant, time, name, present person),
 * and over all people (root, newest level, earliest creation): order does not matter, anything else
 * does.
 */
#pragma once
#include <inttypes.h>
#include <stdio.h>

#include "base/arena.h"
#include "base/hash.h"
#include "store/scan.h"
#include "store/store.h"

enum { PLAIN_EVENTS_MAX = 2048, PLAIN_PEOPLE = 12, PLAIN_NAMES = 5, PLAIN_NOBODY = 255 };
enum { PLAIN_LOG_MAX = 2048 };
#define PLAIN_START INT64_C(1767225600000) /* 2026-01-01 */
#define PLAIN_SPAN INT64_C(7776000000)     /* 90 days: three or four months of segments */

struct plain {
    uint32_t events_end; /* numbers from here on were never sent */
    uint64_t rows;
    uint8_t held[PLAIN_EVENTS_MAX];            /* rows of this number */
    uint8_t variant[PLAIN_EVENTS_MAX];         /* of the one that was first */
    uint8_t parent[PLAIN_PEOPLE];              /* PLAIN_NOBODY: a root */
    uint8_t words[PLAIN_PEOPLE][PLAIN_PEOPLE]; /* merges of this one that stand, the newest last */
    uint8_t word_count[PLAIN_PEOPLE];
    struct plain_word { /* merges and unmerges that changed something, the oldest first */
        bool is_part;
        uint8_t subject, other;
    } log[PLAIN_LOG_MAX];
    uint32_t log_count;
    int64_t level[PLAIN_PEOPLE]; /* 0: none */
    uint64_t level_order[PLAIN_PEOPLE];
    int64_t created[PLAIN_PEOPLE]; /* FACT_CREATED_NONE */
    uint64_t facts;                /* so far: orders the levels */
};

struct plain_digest {
    uint64_t rows, events, people;
};

static inline void plain_init(struct plain *m)
{
    *m = (struct plain){0};
    for (int i = 0; i < PLAIN_PEOPLE; i++) {
        m->parent[i] = PLAIN_NOBODY;
        m->created[i] = (int64_t)FACT_CREATED_NONE;
    }
}

/* ---- events ---- */

static inline unsigned plain_person(uint32_t k)
{
    return (unsigned)(hash_mix(k) % PLAIN_PEOPLE);
}

static inline unsigned plain_name(uint32_t k)
{
    return (unsigned)(hash_mix(k) >> 8) % PLAIN_NAMES;
}

static inline int64_t plain_time(uint32_t k)
{
    return PLAIN_START + (int64_t)(hash_mix(~(uint64_t)k) % (uint64_t)PLAIN_SPAN);
}

static inline bool plain_has_id(uint32_t k)
{
    return k % 2 == 0;
}

static inline struct event plain_event(struct arena *arena, uint32_t k, unsigned variant,
                                       uint32_t copy, int64_t received)
{
    struct property *p = arena_array(arena, 3, sizeof *p);
    p[0] = (struct property){STR("k"), {.type = VALUE_INT, .integer = k}};
    p[1] = (struct property){STR("variant"), {.type = VALUE_INT, .integer = variant}};
    p[2] = (struct property){STR("country"),
                             {.type = VALUE_TEXT, .text = arena_printf(arena, "c%u", k % 5)}};
    return (struct event){
        .id = plain_has_id(k) ? arena_printf(arena, "id-%u", k) : STR(""),
        .copy = plain_has_id(k) ? 0 : copy,
        .time = plain_time(k),
        .received = received,
        .sequence = k % 3,
        .name = arena_printf(arena, "n%u", plain_name(k)),
        .person = arena_printf(arena, "p%u", plain_person(k)),
        .properties = p,
        .property_count = k % 4 ? 3 : 2,
    };
}

/* As docs/format and store.h say: an id counts once, an equal record as often as its copy says. */
static inline void plain_add(struct plain *m, uint32_t k, unsigned variant, uint32_t copy,
                             struct store_receipt *r)
{
    m->events_end = MAX(m->events_end, k + 1);
    bool is_new = plain_has_id(k) ? m->held[k] == 0 : m->held[k] <= copy;
    if (is_new) {
        m->variant[k] = m->held[k] ? m->variant[k] : (uint8_t)variant;
        m->held[k]++;
        m->rows++;
        r->accepted++;
        return;
    }
    r->duplicates++;
    r->conflicts += plain_has_id(k) && m->variant[k] != variant;
}

/* ---- people ---- */

static inline unsigned plain_root(const struct plain *m, unsigned person)
{
    while (m->parent[person] != PLAIN_NOBODY)
        person = m->parent[person];
    return person;
}

/* Whether "other is subject" stood; it does no longer. */
static inline bool plain_unsay(struct plain *m, unsigned subject, unsigned other)
{
    uint8_t *words = m->words[other], kept = 0, count = m->word_count[other];
    for (uint8_t i = 0; i < count; i++)
        if (words[i] != subject)
            words[kept++] = words[i];
    m->word_count[other] = kept;
    return kept < count;
}

/* Whose merge is taken back: the newest before it that makes no circle counts again. */
static inline bool plain_unmerge(struct plain *m, unsigned *subject, unsigned other)
{
    if (*subject == other)
        return false;
    if (!plain_unsay(m, *subject, other)) {
        if (m->parent[other] == PLAIN_NOBODY || plain_root(m, *subject) != plain_root(m, other))
            return false;
        *subject = m->parent[other];
        plain_unsay(m, *subject, other);
    }
    if (m->parent[other] != *subject)
        return true;
    m->parent[other] = PLAIN_NOBODY;
    for (unsigned i = m->word_count[other]; i-- > 0;)
        if (plain_root(m, m->words[other][i]) != other) {
            m->parent[other] = m->words[other][i];
            break;
        }
    return true;
}

static inline bool plain_merge(struct plain *m, unsigned subject, unsigned other)
{
    if (plain_root(m, subject) == plain_root(m, other))
        return false;
    m->parent[other] = (uint8_t)subject;
    plain_unsay(m, subject, other);
    m->words[other][m->word_count[other]++] = (uint8_t)subject;
    return true;
}

static inline bool plain_log(struct plain *m, bool is_part, unsigned subject, unsigned other)
{
    REQUIRE(m->log_count < PLAIN_LOG_MAX);
    m->log[m->log_count++] = (struct plain_word){is_part, (uint8_t)subject, (uint8_t)other};
    return true;
}

/* As if what names these people had never been said. */
static inline void plain_replay_without(struct plain *m, const bool *is_gone)
{
    uint32_t kept = 0;
    for (unsigned i = 0; i < PLAIN_PEOPLE; i++) {
        m->parent[i] = PLAIN_NOBODY;
        m->word_count[i] = 0;
    }
    for (uint32_t i = 0; i < m->log_count; i++) {
        struct plain_word w = m->log[i];
        unsigned subject = w.subject;
        if (is_gone[w.subject] || is_gone[w.other])
            continue;
        m->log[kept++] = w;
        if (w.is_part)
            plain_unmerge(m, &subject, w.other);
        else
            plain_merge(m, subject, w.other);
    }
    m->log_count = kept;
}

static inline bool plain_fact(struct plain *m, enum fact_kind kind, unsigned subject,
                              unsigned other, int64_t level, int64_t created)
{
    m->facts++;
    switch (kind) {
    case FACT_MERGE:
        return plain_merge(m, subject, other) && plain_log(m, false, subject, other);
    case FACT_UNMERGE:
        return plain_unmerge(m, &subject, other) && plain_log(m, true, subject, other);
    default:
        m->level[subject] = level;
        m->level_order[subject] = m->facts;
        if (created != (int64_t)FACT_CREATED_NONE &&
            (m->created[subject] == (int64_t)FACT_CREATED_NONE || created < m->created[subject]))
            m->created[subject] = created;
        return true;
    }
}

/* Erases a person with all who are the same: how many events went.
 */
static inline uint64_t plain_erase(struct plain *m, unsigned person)
{
    bool is_gone[PLAIN_PEOPLE];
    uint64_t events = 0;
    unsigned root = plain_root(m, person);
    for (unsigned i = 0; i < PLAIN_PEOPLE; i++)
        is_gone[i] = plain_root(m, i) == root;
    for (uint32_t k = 0; k < m->events_end; k++)
        if (is_gone[plain_person(k)]) {
            events += m->held[k];
            m->held[k] = 0;
        }
    m->rows -= events;
    for (unsigned i = 0; i < PLAIN_PEOPLE; i++) {
        if (is_gone[i]) {
            m->level[i] = 0;
            m->level_order[i] = 0;
            m->created[i] = (int64_t)FACT_CREATED_NONE;
        }
    }
    plain_replay_without(m, is_gone);
    return events;
}

/* ---- digests ---- */

static inline uint64_t plain_row_hash(uint64_t k, uint64_t variant, int64_t time, unsigned name,
                                      unsigned person)
{
    return hash_mix(hash_mix(hash_mix(k << 8 | variant) ^ (uint64_t)time) + name * 256 + person);
}

static inline uint64_t plain_person_hash(unsigned person, unsigned root, int64_t level,
                                         int64_t created)
{
    return hash_mix(hash_mix(hash_mix(person * 256 + root) ^ (uint64_t)level) ^ (uint64_t)created);
}

/* What a unit knows: the newest level and the earliest creation of all its people. */
static inline void plain_unit(const struct plain *m, unsigned root, int64_t *level,
                              int64_t *created)
{
    uint64_t newest = 0;
    *level = 0;
    *created = (int64_t)FACT_CREATED_NONE;
    for (unsigned i = 0; i < PLAIN_PEOPLE; i++) {
        if (plain_root(m, i) != root)
            continue;
        if (m->level_order[i] > newest) {
            newest = m->level_order[i];
            *level = m->level[i];
        }
        if (m->created[i] != (int64_t)FACT_CREATED_NONE &&
            (*created == (int64_t)FACT_CREATED_NONE || m->created[i] < *created))
            *created = m->created[i];
    }
}

static inline struct plain_digest plain_digest(const struct plain *m)
{
    struct plain_digest d = {.rows = m->rows};
    for (uint32_t k = 0; k < m->events_end; k++)
        if (m->held[k])
            d.events += m->held[k] * plain_row_hash(k, m->variant[k], plain_time(k), plain_name(k),
                                                    plain_root(m, plain_person(k)));
    for (unsigned i = 0; i < PLAIN_PEOPLE; i++) {
        int64_t level, created;
        unsigned root = plain_root(m, i);
        plain_unit(m, root, &level, &created);
        d.people += plain_person_hash(i, root, level, created);
    }
    return d;
}

static inline bool plain_equal(struct plain_digest a, struct plain_digest b)
{
    return a.rows == b.rows && a.events == b.events && a.people == b.people;
}

/* "p7" -> 7; PLAIN_NOBODY for anything else. */
static inline unsigned plain_number(struct str id, char mark, unsigned limit)
{
    int64_t v;
    if (id.len < 2 || id.at[0] != mark || !str_to_i64(str_sub(id, 1, id.len), &v) || v < 0 ||
        v >= limit)
        return PLAIN_NOBODY;
    return (unsigned)v;
}

/* A view of a store is asked through store/scan.h alone, as every question is. */
struct plain_look {
    const struct snapshot *view;
    struct intern *names;
    struct plain_digest digest;
    bool is_foreign; /* something is there that nobody sent */
    void (*row)(void *context, uint32_t k, unsigned variant, unsigned person, int64_t time);
    void *context;
};

static inline bool plain_batch(void *context, const struct scan_batch *b)
{
    struct plain_look *look = context;
    for (size_t u = 0; u < b->unit_count; u++) {
        unsigned person =
            plain_number(snapshot_unit_id(look->view, b->units[u]), 'p', PLAIN_PEOPLE);
        for (uint32_t i = b->starts[u]; i < b->starts[u + 1]; i++) {
            double k = b->numbers[1][i], variant = b->numbers[2][i];
            unsigned name =
                b->codes[0][i] == SCAN_CODE_NONE
                    ? PLAIN_NOBODY
                    : plain_number(intern_at(look->names, b->codes[0][i]), 'n', PLAIN_NAMES);
            if (!(k >= 0 && k < PLAIN_EVENTS_MAX && variant >= 0 && variant < 256) ||
                person == PLAIN_NOBODY || name == PLAIN_NOBODY) {
                look->is_foreign = true;
                continue;
            }
            look->digest.rows++;
            look->digest.events +=
                plain_row_hash((uint64_t)k, (uint64_t)variant, b->time[i], name, person);
            if (look->row)
                look->row(look->context, (uint32_t)k, (unsigned)variant, person, b->time[i]);
        }
    }
    return true;
}

static inline void plain_look_at_people(struct plain_look *look)
{
    for (unsigned i = 0; i < PLAIN_PEOPLE; i++) {
        char room[8];
        int len = snprintf(room, sizeof room, "p%u", i);
        uint32_t unit;
        unsigned root = i;
        int64_t level = 0, created = (int64_t)FACT_CREATED_NONE;
        if (snapshot_unit_find(look->view, (struct str){room, (size_t)len}, &unit)) {
            root = plain_number(snapshot_unit_id(look->view, unit), 'p', PLAIN_PEOPLE);
            struct value v = snapshot_trait(look->view, unit, STR("level"));
            level = v.type == VALUE_INT ? v.integer : 0;
            created = snapshot_created(look->view, unit);
        }
        look->digest.people += plain_person_hash(i, root, level, created);
    }
}

/* Asks a snapshot for all there is. */
static inline bool plain_ask(struct snapshot *v, struct pool *pool, struct plain_look *look,
                             struct err *e)
{
    struct scan_selector all = {.from = INT64_MIN / 2, .to = INT64_MAX / 2};
    look->view = v;
    look->names = intern_create();
    struct scan_column columns[] = {
        {SCAN_CODE, SCAN_NAME, STR_NONE, look->names},
        {SCAN_NUMBER, SCAN_PROPERTY, STR("k"), NULL},
        {SCAN_NUMBER, SCAN_PROPERTY, STR("variant"), NULL},
    };
    struct scan_plan plan = {.selectors = &all,
                             .selector_count = 1,
                             .columns = columns,
                             .column_count = COUNT(columns),
                             .by_unit = true,
                             .want_time = true};
    struct scan_stats stats;
    void *contexts[] = {look};
    bool ok = scan_run(v, &plan, pool, plain_batch, contexts, &stats, e);
    intern_destroy(TAKE(look->names));
    if (ok)
        plain_look_at_people(look);
    if (ok && look->is_foreign)
        return err_set(e, ERR_CORRUPT, "an event that nobody sent");
    return ok;
}

static inline bool plain_ask_store(struct store *s, struct pool *pool, struct plain_digest *out,
                                   struct err *e)
{
    AUTO(snapshot) *v = NULL;
    struct plain_look look = {0};
    if (!store_snapshot(s, &v, e) || !plain_ask(v, pool, &look, e))
        return false;
    *out = look.digest;
    return true;
}

/* ---- what differs, in words ---- */

static inline void plain_note_row(void *context, uint32_t k, unsigned variant, unsigned person,
                                  int64_t time)
{
    struct plain *seen = context;
    (void)person;
    (void)time;
    seen->held[k]++;
    seen->variant[k] = (uint8_t)variant;
    seen->rows++;
}

static inline void plain_explain(const struct plain *m, struct store *s, struct pool *pool)
{
    struct plain seen;
    struct err e = {0};
    AUTO(snapshot) *v = NULL;
    plain_init(&seen);
    struct plain_look look = {.row = plain_note_row, .context = &seen};
    if (!store_snapshot(s, &v, &e) || !plain_ask(v, pool, &look, &e)) {
        printf("  asking: %s\n", e.text);
        return;
    }
    printf("  rows: %" PRIu64 ", must be %" PRIu64 "\n", seen.rows, m->rows);
    for (uint32_t k = 0, shown = 0; k < PLAIN_EVENTS_MAX && shown < 12; k++)
        if (seen.held[k] != m->held[k] || (m->held[k] && seen.variant[k] != m->variant[k])) {
            printf("  event %u: %u times, must be %u (variant %u, %u)\n", k, seen.held[k],
                   m->held[k], seen.variant[k], m->variant[k]);
            shown++;
        }
    for (unsigned i = 0; i < PLAIN_PEOPLE; i++) {
        char room[8];
        int len = snprintf(room, sizeof room, "p%u", i);
        uint32_t unit;
        int64_t level, created;
        if (!snapshot_unit_find(v, (struct str){room, (size_t)len}, &unit))
            continue;
        plain_unit(m, plain_root(m, i), &level, &created);
        printf("  p%u is %.*s with level %" PRId64 ", must be p%u with %" PRId64 "\n", i,
               STR_ARG(snapshot_unit_id(v, unit)), snapshot_trait(v, unit, STR("level")).integer,
               plain_root(m, i), level);
    }
}
