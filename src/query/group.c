/* query/group: breakdown values as keys, keys as slots, slots as groups of the answer. */
#include "query/session.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/hash.h"
#include "query/operator.h"
#include "query/unit_value.h"

/* ---- reading ---- */

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static bool buckets_read(struct question *q, const struct ask *a, struct part *p, struct err *e)
{
    size_t count;

    if (!ask_list(a, 1, LIMIT_LIST_ITEMS, &count, e))
        return false;
    p->is_numeric = true;
    p->edges = arena_array(q->arena, count, sizeof *p->edges);
    struct json_each it = json_each(a->json);
    for (size_t i = 0; json_next(&it); i++) {
        struct ask item = ask_item(a, it.value, i);
        if (!json_number(it.value, &p->edges[i]))
            return ask_wrong_type(&item, "a number", e);
    }
    qsort(p->edges, count, sizeof *p->edges, ascending);
    for (size_t i = 0; i < count; i++)
        if (!i || p->edges[i] != p->edges[i - 1])
            p->edges[p->edge_count++] = p->edges[i];
    return true;
}

static bool session_part_read(struct question *q, const struct ask *property, struct part *p,
                              struct err *e)
{
    const struct session_fact *fact = session_fact_find(p->property);

    if (!fact)
        return session_fact_unknown(property, e);
    if (fact->view == VIEW_TIME) {
        ask_fail(property, e, "query.unsupported", "sessions cannot be grouped by their %s",
                 fact->name);
        return err_hint(e, "by hour or weekday they can");
    }
    if (fact->type == SESSION_TEXT && p->is_numeric)
        return ask_fail(property, e, "query.unknown_value", "buckets are of numbers; %s is a text",
                        fact->name);
    p->subject = SCAN_SESSION_FACT;
    return sessions_use(q, e);
}

enum { OF_EVENT, OF_PERSON, OF_ACCOUNT, OF_SESSION };

/* Which property, of whom. */
static bool subject_read(struct question *q, const struct ask *a, struct part *p, unsigned *subject,
                         struct err *e)
{
    static const char *const subjects[] = {"event", "person", "account", "session"};
    struct ask property = ask_member(a, "property"), of = ask_member(a, "of");
    const struct ask *level = question_keep(q, ask_member(a, "level"));

    *subject = OF_EVENT;
    if (!ask_is_there(&property))
        return ask_missing(a, "property", "a breakdown names the property to group by", e);
    if (!ask_text(&property, &p->property, e))
        return false;
    if (ask_is_there(&of) && !ask_choice(&of, subjects, COUNT(subjects), subject, e))
        return false;
    if (ask_is_there(level) && *subject != OF_ACCOUNT)
        return ask_fail(level, e, "query.unknown_value", "only an account has a level");
    p->of_person = *subject == OF_PERSON;
    p->of_account = *subject == OF_ACCOUNT;
    return !p->of_account || level_read(q, level, &p->level, e);
}

/* "at":"start": the value that the start event carries, of a person's property under its name. */
static bool at_read(const struct question *q, const struct ask *a, struct part *p,
                    unsigned *subject, struct err *e)
{
    static const char *const names[] = {"now", "start"};
    struct ask at = ask_member(a, "at");
    unsigned choice = 0;

    if (!ask_is_there(&at))
        return true;
    if (!ask_choice(&at, names, COUNT(names), &choice, e))
        return false;
    p->at_start = choice == 1;
    if (!p->at_start)
        return true;
    if (q->insight != &insight_retention)
        return ask_fail(&at, e, "query.unsupported", "only a retention has a start event");
    if (*subject > OF_PERSON)
        return ask_fail(&at, e, "query.unsupported",
                        "events carry properties of the event and the person only");
    *subject = OF_EVENT;
    p->of_person = false;
    return true;
}

/* A unit has one value: of itself, or of what stands above it. */
static bool is_of_unit(const struct question *q, const struct part *p)
{
    if (!p->of_account)
        return p->of_person && q->unit == COUNTED_PERSON;
    return q->unit == COUNTED_ACCOUNT && (account_level_same(p->level, q->level) ||
                                          account_level_same(q->level, (struct account_level){0}));
}

static bool part_read(struct question *q, const struct ask *a, struct part *p, struct err *e)
{
    static const char *const known[] = {"property", "of", "level", "at", "buckets"};
    static const struct {
        const char *name;
        enum scan_subject subject;
    } built_in[] = {{"name", SCAN_NAME}, {"id", SCAN_ID}};
    static const enum scan_subject of[] = {
        [OF_EVENT] = SCAN_PROPERTY,
        [OF_PERSON] = SCAN_UNIT,
        [OF_ACCOUNT] = SCAN_ACCOUNT,
        [OF_SESSION] = SCAN_SESSION,
    };
    struct ask buckets = ask_member(a, "buckets");
    unsigned subject;

    if (!ask_members(a, known, COUNT(known), e) || !subject_read(q, a, p, &subject, e) ||
        !at_read(q, a, p, &subject, e))
        return false;
    if (ask_is_there(&buckets) && !buckets_read(q, &buckets, p, e))
        return false;
    p->subject = of[subject];
    p->of_unit = is_of_unit(q, p);
    if (subject == OF_SESSION && !str_equal(p->property, STR("id")))
        return session_part_read(q, question_keep(q, ask_member(a, "property")), p, e);
    for (size_t i = 0; subject == OF_EVENT && i < COUNT(built_in); i++)
        if (str_equal(p->property, str_of(built_in[i].name)))
            p->subject = built_in[i].subject;
    if (p->subject == SCAN_PROPERTY)
        question_asks_property(q, p->property, question_keep(q, ask_member(a, "property")));
    return true;
}

/* The value's code + 1, 0 for none. A time is named by the interval of the question it lies in. */
static uint32_t code_of(struct question *q, struct part *p, const struct unit_value *of,
                        struct value v)
{
    char room[VALUE_TEXT_BYTES];
    double number;

    if (value_is_absent(v))
        return 0;
    if (unit_value_is_time(of)) {
        int64_t start = interval_floor(q->zone, q->interval, q->week_start, v.integer);
        char label[INSTANT_TEXT_BYTES];
        return intern_put(p->codes, interval_label(q->zone, q->interval, start, label)) + 1;
    }
    if (p->is_numeric) {
        if (!value_number(v, &number))
            return 0;
        size_t i = 0;
        while (i < p->edge_count && number >= p->edges[i])
            i++;
        return (uint32_t)i + 1;
    }
    struct str text = value_text(v, room);
    return text.len ? intern_put(p->codes, text) + 1 : 0;
}

/* Values of persons or accounts, once for each: by unit, and for events by their account. */
static bool unit_codes_find(struct question *q, const struct ask *place, struct part *p,
                            struct err *e)
{
    struct unit_value of;

    if (!unit_value_open(q, p->property, p->of_account, p->level, &of, e))
        return false;
    if (p->is_numeric && unit_value_is_time(&of))
        return ask_fail(place, e, "query.unknown_value",
                        "\"%.*s\" is a time: it has no buckets, the question's interval groups it",
                        STR_ARG(p->property));
    uint32_t *codes = mem_array((size_t)of.units + 1, sizeof *codes);
    for (uint32_t unit = 0; unit < of.units; unit++)
        codes[unit] = code_of(q, p, &of, unit_value_of(&of, unit));
    if (!p->of_account || (p->of_unit && account_level_same(p->level, q->level))) {
        p->unit_codes = codes;
        return true;
    }
    const uint32_t *units = accounts_units(q->accounts, p->level);
    uint32_t *own = mem_array((size_t)of.units + 1, sizeof *own);
    for (uint32_t i = 0; i < of.units; i++)
        own[i] = units[i] == ACCOUNT_NONE ? 0 : codes[units[i]];
    mem_free(codes);
    *(p->of_unit ? &p->unit_codes : &p->account_codes) = own;
    return true;
}

bool grouping_is_one_text(const struct grouping *g)
{
    return g && g->count == 1 && !g->parts[0].of_unit && !g->parts[0].is_numeric &&
           !g->parts[0].account_codes;
}

bool grouping_has_unit_part(const struct grouping *g)
{
    for (size_t i = 0; g && i < g->count; i++)
        if (g->parts[i].of_unit)
            return true;
    return false;
}

/* Either returns share the event's values, or the start alone decides. */
static bool starts_check(struct grouping *g, struct err *e)
{
    size_t starts = 0, others = 0;

    for (size_t i = 0; i < g->count; i++) {
        starts += g->parts[i].at_start;
        others += !g->parts[i].at_start && !g->parts[i].of_unit;
    }
    g->at_start = starts > 0;
    return !starts || !others ||
           ask_fail(g->place, e, "query.unsupported",
                    "\"at\":\"start\" cannot stand beside an event's property without it");
}

bool grouping_read(struct question *q, const struct ask *a, struct err *e)
{
    size_t count;

    if (!ask_list(a, 1, GROUP_PARTS_MAX, &count, e))
        return false;
    struct grouping *g = arena_alloc(q->arena, sizeof *g);
    struct ask *place = arena_alloc(q->arena, sizeof *place);
    *place = *a;
    g->place = place;
    q->grouping = g;
    struct json_each it = json_each(a->json);
    for (size_t i = 0; json_next(&it); i++) {
        struct ask *item = arena_alloc(q->arena, sizeof *item);
        *item = ask_item(place, it.value, i);
        struct part *p = &g->parts[g->count];
        if (!part_read(q, item, p, e))
            return false;
        g->count++;
        p->codes = intern_create();
        g->has_event_part = g->has_event_part || !p->of_unit;
        if ((p->of_person || p->of_account) && !unit_codes_find(q, item, p, e))
            return false;
    }
    return starts_check(g, e);
}

void grouping_free(struct grouping *g)
{
    for (size_t i = 0; g && i < GROUP_PARTS_MAX; i++) {
        intern_destroy(g->parts[i].codes);
        mem_free(g->parts[i].unit_codes);
        mem_free(g->parts[i].account_codes);
    }
}

static struct scan_column column_of(const struct question *q, const struct part *p)
{
    if (p->of_account)
        return (struct scan_column){
            .kind = SCAN_CODE, .subject = SCAN_ACCOUNT, .codes = accounts_names(q->accounts)};
    if (p->of_person)
        return (struct scan_column){
            .kind = SCAN_CODE, .subject = SCAN_UNIT, .unit_codes = p->unit_codes};
    return (struct scan_column){.kind = p->is_numeric ? SCAN_NUMBER : SCAN_CODE,
                                .subject = p->subject,
                                .property = p->property,
                                .codes = p->is_numeric ? NULL : p->codes};
}

bool grouping_plan(struct question *q, struct reading *r, struct err *e)
{
    for (size_t i = 0; q->grouping && i < q->grouping->count; i++) {
        struct part *p = &q->grouping->parts[i];
        if (!p->of_unit && !reading_column(q, r, column_of(q, p), &p->column, e))
            return false;
    }
    return true;
}

/* ---- a table from key to slot ---- */

static uint32_t *table_place(uint64_t *keys, uint32_t *slots, size_t size, uint64_t key)
{
    size_t at = hash_mix(key) & (size - 1);

    while (slots[at] && keys[at] != key)
        at = (at + 1) & (size - 1);
    keys[at] = key;
    return &slots[at]; /* slot + 1; 0 = free */
}

static void table_grow(uint64_t **keys, uint32_t **slots, size_t *size)
{
    size_t old = *size, grown = old ? old * 2 : 64;
    uint64_t *new_keys = mem_array(grown, sizeof *new_keys);
    uint32_t *new_slots = mem_array(grown, sizeof *new_slots);

    for (size_t i = 0; i < old; i++)
        if ((*slots)[i])
            *table_place(new_keys, new_slots, grown, (*keys)[i]) = (*slots)[i];
    mem_free(*keys);
    mem_free(*slots);
    *keys = new_keys;
    *slots = new_slots;
    *size = grown;
}

uint32_t key_map_put(struct key_map *m, uint64_t key)
{
    if (m->count * 2 >= m->table_size)
        table_grow(&m->table_keys, &m->table_slots, &m->table_size);
    uint32_t *slot = table_place(m->table_keys, m->table_slots, m->table_size, key);
    if (!*slot) {
        ARRAY_PUSH(m->keys, m->count, m->room) = key;
        *slot = (uint32_t)m->count;
    }
    return *slot - 1;
}

void key_map_clear(struct key_map *m)
{
    enum { KEPT = 1024 };

    if (m->table_size > KEPT) {
        key_map_free(m);
        return;
    }
    if (m->count)
        memset(m->table_slots, 0, m->table_size * sizeof *m->table_slots);
    m->count = 0;
}

void key_map_free(struct key_map *m)
{
    mem_free(m->keys);
    mem_free(m->table_keys);
    mem_free(m->table_slots);
    *m = (struct key_map){0};
}

/* ---- keys ---- */

void keyer_init(struct keyer *k, const struct question *q, const struct groups *chosen)
{
    static const unsigned bits[] = {0, 63, 32, 21, 16};

    *k = (struct keyer){.grouping = q->grouping, .chosen = chosen};
    k->bits = bits[q->grouping ? q->grouping->count : 0];
}

void keyer_free(struct keyer *k)
{
    key_map_free(&k->map);
}

static inline uint64_t part_key(struct keyer *k, size_t part, uint32_t code_plus_1)
{
    uint64_t key = code_plus_1;

    if (UNLIKELY(key >> k->bits)) {
        k->is_full = true;
        return 0;
    }
    return key << (k->bits * part & 63);
}

uint64_t keyer_unit_key(struct keyer *k, uint32_t unit)
{
    uint64_t key = 0;

    for (size_t i = 0; k->grouping && i < k->grouping->count; i++)
        if (k->grouping->parts[i].of_unit)
            key |= part_key(k, i, k->grouping->parts[i].unit_codes[unit]);
    return key;
}

static uint32_t event_code(const struct part *p, const struct scan_batch *b, size_t i)
{
    if (p->account_codes)
        return b->codes[p->column][i] == SCAN_CODE_NONE ? 0
                                                        : p->account_codes[b->codes[p->column][i]];
    if (!p->is_numeric || p->of_person)
        return b->codes[p->column][i] + 1; /* SCAN_CODE_NONE + 1 = 0 */
    double v = b->numbers[p->column][i];
    if (isnan(v))
        return 0;
    size_t bucket = 0;
    while (bucket < p->edge_count && v >= p->edges[bucket])
        bucket++;
    return (uint32_t)bucket + 1;
}

uint64_t keyer_event_key(struct keyer *k, const struct scan_batch *b, size_t i)
{
    uint64_t key = 0;

    for (size_t p = 0; k->grouping && p < k->grouping->count; p++)
        if (!k->grouping->parts[p].of_unit)
            key |= part_key(k, p, event_code(&k->grouping->parts[p], b, i));
    return key;
}

bool keyer_has_value(const struct keyer *k, const struct scan_batch *b, size_t i)
{
    for (size_t p = 0; k->grouping && p < k->grouping->count; p++)
        if (!k->grouping->parts[p].of_unit && event_code(&k->grouping->parts[p], b, i))
            return true;
    return false;
}

uint32_t keyer_slot(struct keyer *k, uint64_t key)
{
    if (!k->grouping)
        return 0;
    if (k->chosen) {
        const struct groups *g = k->chosen;
        size_t at = hash_mix(key) & (g->table_size - 1);
        while (g->table_slots[at]) {
            if (g->table_keys[at] == key)
                return g->table_slots[at] - 1;
            at = (at + 1) & (g->table_size - 1);
        }
        return g->has_other ? (uint32_t)g->count : SLOT_NONE;
    }
    if (k->map.count >= LIMIT_QUERY_GROUPS) {
        k->is_full = true;
        return SLOT_NONE;
    }
    return key_map_put(&k->map, key);
}

size_t keyer_slots(const struct keyer *k)
{
    if (!k->grouping)
        return 1;
    return k->chosen ? k->chosen->count + k->chosen->has_other : k->map.count;
}

bool keyer_check(const struct question *q, const struct keyer *k, struct err *e)
{
    if (!k->is_full)
        return true;
    ask_fail(q->grouping->place, e, "query.limit",
             "this breakdown has more than %d groups, or a property with too many values",
             LIMIT_QUERY_GROUPS);
    return err_hint(e, "filter first, give numeric buckets, or break down by fewer properties");
}

/* ---- groups of the answer ---- */

static struct str bucket_name(const struct question *q, const struct part *p, uint32_t bucket)
{
    char low[VALUE_TEXT_BYTES], high[VALUE_TEXT_BYTES];
    struct value v = {.type = VALUE_DOUBLE};

    v.number = p->edges[bucket ? bucket - 1 : 0];
    struct str from = value_text(v, low);
    if (bucket == 0)
        return arena_printf(q->arena, "< %.*s", STR_ARG(from));
    if (bucket == p->edge_count)
        return arena_printf(q->arena, ">= %.*s", STR_ARG(from));
    v.number = p->edges[bucket];
    struct str to = value_text(v, high);
    return arena_printf(q->arena, "[%.*s, %.*s)", STR_ARG(from), STR_ARG(to));
}

void group_values(const struct question *q, uint64_t key, struct str *values)
{
    struct keyer k;

    keyer_init(&k, q, NULL);
    for (size_t i = 0; i < q->grouping->count; i++) {
        const struct part *p = &q->grouping->parts[i];
        uint64_t code = (key >> (k.bits * i & 63)) & (((uint64_t)1 << k.bits) - 1);
        values[i] = STR_NONE;
        if (code)
            values[i] = p->is_numeric ? bucket_name(q, p, (uint32_t)code - 1)
                                      : intern_at(p->codes, (uint32_t)code - 1);
    }
}

void group_write(const struct question *q, struct jwrite *w, const struct groups *g, size_t slot)
{
    struct str values[GROUP_PARTS_MAX];

    jwrite_array(w);
    if (slot == g->count)
        jwrite_string(w, STR("Other"));
    else
        group_values(q, g->keys[slot], values);
    for (size_t i = 0; slot < g->count && i < q->grouping->count; i++) {
        if (values[i].at)
            jwrite_string(w, values[i]);
        else
            jwrite_null(w);
    }
    jwrite_end(w);
}

struct ranked {
    uint64_t key, size;
    struct str values[GROUP_PARTS_MAX];
};

/* Larger first, then by value, missing last. */
static int by_rank(const void *a, const void *b)
{
    const struct ranked *x = a, *y = b;

    if (x->size != y->size)
        return x->size < y->size ? 1 : -1;
    for (size_t i = 0; i < GROUP_PARTS_MAX; i++) {
        if (!x->values[i].at != !y->values[i].at)
            return x->values[i].at ? -1 : 1;
        int order = str_compare(x->values[i], y->values[i]);
        if (order)
            return order;
    }
    return 0;
}

void groups_choose(struct question *q, const uint64_t *keys, const uint64_t *sizes, size_t count,
                   struct groups *out, bool *again)
{
    struct ranked *list = mem_array(count + 1, sizeof *list);
    size_t kept = 0;

    for (size_t i = 0; i < count; i++) {
        if (!sizes[i])
            continue;
        list[kept] = (struct ranked){.key = keys[i], .size = sizes[i]};
        group_values(q, keys[i], list[kept].values);
        kept++;
    }
    qsort(list, kept, sizeof *list, by_rank);
    *again = kept > q->limit;
    *out = (struct groups){.count = MIN(kept, q->limit), .has_other = *again && q->other};
    out->keys = arena_array(q->arena, out->count + 1, sizeof *out->keys);
    out->sizes = arena_array(q->arena, out->count + 1, sizeof *out->sizes);
    out->table_size = 64;
    while (out->table_size < out->count * 2)
        out->table_size *= 2;
    out->table_keys = arena_array(q->arena, out->table_size, sizeof *out->table_keys);
    out->table_slots = arena_array(q->arena, out->table_size, sizeof *out->table_slots);
    for (size_t i = 0; i < out->count; i++) {
        out->keys[i] = list[i].key;
        out->sizes[i] = list[i].size;
        *table_place(out->table_keys, out->table_slots, out->table_size, list[i].key) =
            (uint32_t)i + 1;
    }
    mem_free(list);
}

/* Does the list of the coordinate name this group? */
static bool group_is(const struct question *q, uint64_t key, struct json list)
{
    struct str values[GROUP_PARTS_MAX], text;
    size_t i = 0;

    group_values(q, key, values);
    struct json_each it = json_each(list);
    while (json_next(&it) && i < q->grouping->count) {
        bool is_text = json_string(it.value, &text);
        if (values[i].at ? !is_text || !str_equal(text, values[i]) : is_text && text.len)
            return false;
        i++;
    }
    return i == q->grouping->count;
}

bool groups_find(struct question *q, const struct groups *g, size_t *slot, struct err *e)
{
    struct ask a = ask_member(&q->people_of, "breakdown");
    struct str text;
    size_t count;

    *slot = 0;
    if (!q->grouping)
        return !ask_is_there(&a) ||
               ask_fail(&a, e, "query.unknown_value", "the question has no breakdown");
    if (!ask_is_there(&a))
        return ask_missing(&q->people_of, "breakdown",
                           "the question has a breakdown; name the group's values", e);
    if (!ask_list(&a, 1, GROUP_PARTS_MAX, &count, e))
        return false;
    for (*slot = 0; *slot < g->count; (*slot)++)
        if (count == q->grouping->count && group_is(q, g->keys[*slot], a.json))
            return true;
    struct json_each it = json_each(a.json);
    if (g->has_other && count == 1 && json_next(&it) && json_string(it.value, &text) &&
        str_equal(text, STR("Other")))
        return true; /* *slot == g->count */
    return ask_fail(&a, e, "query.unknown_value", "the answer has no group with these values");
}
