#include "store/scan_plan.h"

#include <math.h>

#include "base/buf.h"
#include "base/limits.h"
#include "store/chunk.h"
#include "store/people.h"
#include "store/snapshot.h"

static const struct column *column_of_kind(const struct segment *g, enum column_kind kind)
{
    for (size_t i = 0; i < g->column_count; i++)
        if (g->columns[i].kind == kind)
            return &g->columns[i];
    return NULL;
}

/* The columns that hold a subject in this segment: none, one, or one a value type. */
static size_t subject_columns(const struct segment *g, enum scan_subject subject,
                              struct str property, const struct column **list)
{
    static const struct {
        enum scan_subject subject;
        enum column_kind kind;
    } kinds[] = {
        {SCAN_NAME, COLUMN_NAME},
        {SCAN_ID, COLUMN_ID},
        {SCAN_ACCOUNT, COLUMN_ACCOUNT},
        {SCAN_SESSION, COLUMN_SESSION},
    };

    if (subject == SCAN_PROPERTY)
        return segment_property(g, property, list);
    for (size_t i = 0; i < COUNT(kinds); i++) {
        const struct column *c =
            kinds[i].subject == subject ? column_of_kind(g, kinds[i].kind) : NULL;
        if (c) {
            list[0] = c;
            return 1;
        }
    }
    return 0;
}

static void touch(struct segment_plan *s, const struct column *c)
{
    for (size_t i = 0; i < s->touched_count; i++)
        if (s->touched[i] == c)
            return;
    REQUIRE(s->touched_count < s->segment->column_count);
    s->touched[s->touched_count++] = c;
    if (!c->is_sparse)
        s->row_bits += c->lane_bits;
}

/* Pins the dictionary of a column (no rows), so that its values may be read while planning. */
static bool pin_dictionary(struct segment *g, const struct column *c, struct err *e)
{
    return segment_pin(g, c, 0, 0, e);
}

/* Fills `parts` with the non-null columns of a subject. */
static bool parts_find(struct segment_plan *s, enum scan_subject subject, struct str property,
                       struct parts *parts, struct err *e)
{
    const struct column *list[VALUE_TYPE_COUNT];
    size_t count = subject_columns(s->segment, subject, property, list);

    for (size_t i = 0; i < count; i++) {
        if (list[i]->type == VALUE_NULL)
            continue;
        if (!pin_dictionary(s->segment, list[i], e))
            return false;
        touch(s, list[i]);
        parts->list[parts->count++] = (struct part){.column = list[i]};
    }
    return true;
}

/* ---- conditions ---- */

static const struct node node_true = {.kind = NODE_TRUE};
static const struct node node_false = {.kind = NODE_FALSE};

static bool node_make(const struct segment_context *c, struct segment_plan *s,
                      const struct scan_condition *condition, const struct node **out,
                      struct err *e);

static const uint8_t *test_table(const struct segment_context *c,
                                 const struct scan_condition *condition,
                                 const struct column *column, bool missing_passes)
{
    uint32_t shift = column->is_optional;
    uint8_t *pass = arena_alloc(c->arena, (size_t)column->dictionary_count + 1);

    if (shift)
        pass[0] = missing_passes;
    for (uint32_t code = 0; code < column->dictionary_count; code++)
        pass[code + shift] = computed_passes(condition, column_dictionary_value(column, code));
    return pass;
}

/* Where the inputs of a computed value stand; *parts: of its only one. */
static bool computed_make(const struct segment_context *c, struct segment_plan *s,
                          const struct scan_computed *what, struct parts *parts,
                          const struct computed_plan **out, struct err *e)
{
    struct computed_plan *p = arena_alloc(c->arena, sizeof *p);
    size_t found = 0;

    p->what = what;
    p->inputs = arena_array(c->arena, what->input_count, sizeof *p->inputs);
    for (size_t i = 0; i < what->input_count; i++) {
        if (!parts_find(s, SCAN_PROPERTY, what->inputs[i], &p->inputs[i], e))
            return false;
        found += p->inputs[i].count > 0;
    }
    if (what->input_count == 1)
        *parts = p->inputs[0];
    else if (found) /* else all rows have the value of nothing */
        *out = p;
    return true;
}

static bool test_make(const struct segment_context *c, struct segment_plan *s,
                      const struct scan_condition *condition, const struct node **out,
                      struct err *e)
{
    struct node *n = arena_alloc(c->arena, sizeof *n);
    struct value missing = {.type = VALUE_MISSING};

    n->kind = NODE_TEST;
    n->condition = condition;
    *out = n;
    if (condition->subject == SCAN_UNIT || condition->subject == SCAN_TIME)
        return true;
    n->missing_passes = computed_passes(condition, missing);
    bool ok = condition->subject == SCAN_COMPUTED
                  ? computed_make(c, s, condition->computed, &n->parts, &n->computed, e)
                  : parts_find(s, condition->subject, condition->property, &n->parts, e);
    if (!ok)
        return false;
    if (!n->parts.count && !n->computed)
        *out = n->missing_passes ? &node_true : &node_false;
    for (size_t i = 0; i < n->parts.count; i++) {
        struct part *p = &n->parts.list[i];
        if (p->column->form == FORM_DICTIONARY)
            p->pass = test_table(c, condition, p->column, n->missing_passes);
    }
    return true;
}

static bool list_make(const struct segment_context *c, struct segment_plan *s,
                      const struct scan_condition *condition, const struct node **out,
                      struct err *e)
{
    bool is_all = condition->kind == SCAN_ALL;
    struct node *n = arena_alloc(c->arena, sizeof *n);

    n->kind = is_all ? NODE_ALL : NODE_ANY;
    n->children = arena_array(c->arena, condition->child_count + 1, sizeof *n->children);
    for (size_t i = 0; i < condition->child_count; i++) {
        const struct node *child;
        if (!node_make(c, s, condition->children[i], &child, e))
            return false;
        if (child->kind == (is_all ? NODE_FALSE : NODE_TRUE)) {
            *out = child; /* decides the whole list */
            return true;
        }
        if (child->kind != NODE_TRUE && child->kind != NODE_FALSE)
            n->children[n->child_count++] = child;
    }
    *out = n->child_count ? n : is_all ? &node_true : &node_false;
    return true;
}

static bool node_make(const struct segment_context *c, struct segment_plan *s,
                      const struct scan_condition *condition, const struct node **out,
                      struct err *e)
{
    if (condition->kind == SCAN_TEST)
        return test_make(c, s, condition, out, e);
    if (condition->kind != SCAN_NOT)
        return list_make(c, s, condition, out, e);

    const struct node *child;
    REQUIRE(condition->child_count == 1);
    if (!node_make(c, s, condition->children[0], &child, e))
        return false;
    if (child->kind == NODE_TRUE || child->kind == NODE_FALSE) {
        *out = child->kind == NODE_TRUE ? &node_false : &node_true;
        return true;
    }
    struct node *n = arena_alloc(c->arena, sizeof *n);
    n->kind = NODE_NOT;
    n->children = arena_array(c->arena, 1, sizeof *n->children);
    n->children[0] = child;
    n->child_count = 1;
    *out = n;
    return true;
}

static bool test_passes(const struct node *n, const struct segment_plan *s, uint32_t row,
                        uint32_t unit)
{
    const struct scan_condition *c = n->condition;

    if (c->subject == SCAN_UNIT)
        return c->test_unit(c->context, unit);
    if (c->subject == SCAN_TIME)
        return c->test(
            c->context,
            (struct value){.type = VALUE_INT, .integer = s->segment->month_start + s->time[row]});
    if (n->computed)
        return computed_row_passes(n->computed, c, row);
    for (size_t i = 0; i < n->parts.count; i++) {
        const struct part *p = &n->parts.list[i];
        uint64_t place;
        if (p->pass) {
            if (!column_place(p->column, row, &place))
                continue;
            uint64_t lane = column_lane(p->column, place);
            if (!lane_is_missing(p->column, lane))
                return p->pass[lane];
        } else {
            struct value v = column_value(p->column, row);
            if (!value_is_absent(v))
                return computed_passes(c, v);
        }
    }
    return n->missing_passes;
}

bool node_passes(const struct node *n, const struct segment_plan *s, uint32_t row, uint32_t unit)
{
    if (n->kind == NODE_TEST)
        return test_passes(n, s, row, unit);
    if (n->kind == NODE_NOT)
        return !node_passes(n->children[0], s, row, unit);
    /* A list: what is true or false for the whole segment was settled while it was made. */
    for (size_t i = 0; i < n->child_count; i++)
        if (node_passes(n->children[i], s, row, unit) != (n->kind == NODE_ALL))
            return n->kind == NODE_ANY;
    return n->kind == NODE_ALL;
}

bool node_wants_unit(const struct node *n)
{
    if (n->kind == NODE_TEST)
        return n->condition->subject == SCAN_UNIT;
    for (size_t i = 0; i < n->child_count; i++)
        if (node_wants_unit(n->children[i]))
            return true;
    return false;
}

/* ---- wanted columns ---- */

static uint32_t code_of(struct intern *codes, struct value v)
{
    char room[VALUE_TEXT_BYTES];
    struct str text = value_text(v, room);

    return text.len ? intern_put(codes, text) : SCAN_CODE_NONE;
}

/* The value of a column that was asked for, made of one that is there. */
static struct value wanted_value(const struct scan_column *column, struct value v, struct buf *room)
{
    return column->subject == SCAN_COMPUTED ? computed_of_one(column->computed, v, room) : v;
}

static bool too_many_values(const struct scan_column *column, struct err *e)
{
    err_set(e, ERR_INVALID, "%.*s has too many different values to break down by",
            STR_ARG(column->property));
    err_code(e, "query.too_many_values");
    return err_hint(e, "give numeric buckets, or filter first");
}

/* Values outside dictionaries get their codes before the scan, so that lookups need no lock. */
static bool codes_prepare(struct segment *g, const struct column *c,
                          const struct scan_column *column, struct err *e)
{
    enum { STEP = 65536 };
    BUF_AUTO room = {0};
    uint32_t known = intern_count(column->codes);

    for (uint32_t from = 0; from < g->rows; from += STEP) {
        uint32_t to = MIN(g->rows, from + STEP);
        if (!segment_pin(g, c, from, to, e))
            return false;
        for (uint32_t row = from; row < to; row++) {
            struct value v = column_value(c, row);
            if (!value_is_absent(v))
                code_of(column->codes, wanted_value(column, v, &room));
        }
        if (intern_count(column->codes) > known && intern_bytes(column->codes) > (32U << 20))
            return too_many_values(column, e);
    }
    return true;
}

static bool codes_make(const struct segment_context *c, struct segment_plan *s,
                       const struct wanted *w, struct part *p, struct err *e)
{
    const struct scan_column *column = w->column;
    const struct column *d = p->column;
    BUF_AUTO room = {0};

    if (d->form != FORM_DICTIONARY)
        return codes_prepare(s->segment, d, column, e);
    uint32_t shift = d->is_optional;
    uint32_t *codes = arena_array(c->arena, (size_t)d->dictionary_count + 1, sizeof *codes);
    if (shift)
        codes[0] = w->missing_code;
    for (uint32_t i = 0; i < d->dictionary_count; i++)
        codes[i + shift] =
            code_of(column->codes, wanted_value(column, column_dictionary_value(d, i), &room));
    p->codes = codes;
    return true;
}

static double number_of(struct value v)
{
    double number;
    return value_number(v, &number) ? number : NAN;
}

static void numbers_make(const struct segment_context *c, const struct wanted *w, struct part *p)
{
    const struct column *d = p->column;
    BUF_AUTO room = {0};

    if (d->form != FORM_DICTIONARY)
        return;
    uint32_t shift = d->is_optional;
    double *numbers = arena_array(c->arena, (size_t)d->dictionary_count + 1, sizeof *numbers);
    if (shift)
        numbers[0] = w->missing_number;
    for (uint32_t i = 0; i < d->dictionary_count; i++)
        numbers[i + shift] =
            number_of(wanted_value(w->column, column_dictionary_value(d, i), &room));
    p->numbers = numbers;
}

/* The texts of a value of several inputs, row by row. */
static bool computed_codes_prepare(struct segment_plan *s, const struct wanted *w, struct err *e)
{
    enum { STEP = 65536 };
    struct segment *g = s->segment;
    BUF_AUTO room = {0};

    for (uint32_t from = 0; from < g->rows; from += STEP) {
        uint32_t to = MIN(g->rows, from + STEP);
        for (size_t i = 0; i < w->computed->what->input_count; i++)
            for (size_t k = 0; k < w->computed->inputs[i].count; k++)
                if (!segment_pin(g, w->computed->inputs[i].list[k].column, from, to, e))
                    return false;
        for (uint32_t row = from; row < to; row++)
            code_of(w->column->codes, computed_at(w->computed, row, &room));
        if (intern_bytes(w->column->codes) > (32U << 20))
            return too_many_values(w->column, e);
    }
    return true;
}

static void missing_make(struct wanted *w)
{
    struct value missing = {.type = VALUE_MISSING};
    BUF_AUTO room = {0};

    w->missing_code = SCAN_CODE_NONE;
    w->missing_number = NAN;
    if (w->column->subject != SCAN_COMPUTED)
        return;
    struct value v = computed_of_one(w->column->computed, missing, &room);
    if (w->column->kind == SCAN_NUMBER)
        w->missing_number = number_of(v);
    else
        w->missing_code = code_of(w->column->codes, v);
}

static bool wanted_make(const struct segment_context *c, struct segment_plan *s,
                        const struct scan_column *column, struct wanted *w, struct err *e)
{
    w->column = column;
    missing_make(w);
    bool ok = column->subject == SCAN_COMPUTED
                  ? computed_make(c, s, column->computed, &w->parts, &w->computed, e)
                  : parts_find(s, column->subject, column->property, &w->parts, e);
    if (!ok)
        return false;
    if (w->computed && column->kind == SCAN_CODE)
        return computed_codes_prepare(s, w, e);
    for (size_t i = 0; i < w->parts.count; i++) {
        if (column->kind == SCAN_NUMBER)
            numbers_make(c, w, &w->parts.list[i]);
        else if (!codes_make(c, s, w, &w->parts.list[i], e))
            return false;
    }
    return true;
}

/* ---- names, times, intervals ---- */

/* [from, to) as milliseconds of the month; false when it misses the segment. */
static bool clip(const struct segment *g, int64_t from, int64_t to, uint32_t *low, uint32_t *high)
{
    if (from > g->time_max || to <= g->time_min || from >= to)
        return false;
    *low = from <= g->month_start ? 0 : (uint32_t)(from - g->month_start);
    *high = to - g->month_start > UINT32_MAX ? UINT32_MAX : (uint32_t)(to - g->month_start);
    return true;
}

static bool covers(const struct segment *g, uint32_t low, uint32_t high)
{
    return g->month_start + low <= g->time_min && g->month_start + high > g->time_max;
}

static uint32_t name_code(const struct column *names, struct str name)
{
    for (uint32_t i = 0; i < names->dictionary_count; i++)
        if (str_equal(column_dictionary_value(names, i).text, name))
            return i;
    return UINT32_MAX;
}

static void set_add(struct segment_plan *s, uint32_t code)
{
    if (code > 255)
        return;
    (code < 128 ? s->set_low : s->set_high)[code & 15] |= (uint8_t)(1U << ((code >> 4) & 7));
    s->names[code >> 6] |= (uint64_t)1 << (code & 63);
}

/* Adds a selector to the name table; false when the segment has no such event. */
static bool selector_names(const struct segment_plan *s, struct str event, uint32_t bit,
                           uint32_t *table)
{
    const struct column *names = s->segment->name;

    if (event.at) {
        uint32_t code = name_code(names, event);
        if (code == UINT32_MAX)
            return false;
        table[code] |= bit;
        return true;
    }
    for (uint32_t i = 0; i < names->dictionary_count; i++)
        table[i] |= bit;
    return true;
}

static bool selectors_make(const struct segment_context *c, struct segment_plan *s, struct err *e)
{
    const struct column *names = s->segment->name;
    uint32_t *table = arena_array(c->arena, MAX(names->dictionary_count, 256U), sizeof *table);

    s->selectors = table;
    s->time_from = UINT32_MAX;
    for (size_t i = 0; i < c->plan->selector_count; i++) {
        const struct scan_selector *q = &c->plan->selectors[i];
        const struct node *filter = &node_true;
        uint32_t bit = (uint32_t)1 << i, low, high;

        if (!clip(s->segment, q->from, q->to, &low, &high))
            continue;
        if (q->filter && !node_make(c, s, q->filter, &filter, e))
            return false;
        if (filter->kind == NODE_FALSE || !selector_names(s, q->event, bit, table))
            continue;
        s->check[i].from = low;
        s->check[i].to = high;
        s->check[i].filter = filter->kind == NODE_TRUE ? NULL : filter;
        s->time_from = MIN(s->time_from, low);
        s->time_to = MAX(s->time_to, high);
        s->checked |= bit; /* settled below */
    }
    return true;
}

/* Which selectors need a look at each row, now that the common time range is known. */
static void checks_settle(struct segment_plan *s)
{
    uint32_t live = s->checked;

    s->clips_time = !covers(s->segment, s->time_from, s->time_to);
    for (uint32_t i = 0; i < SCAN_SELECTORS_MAX; i++) {
        bool in_time = (s->check[i].from == s->time_from && s->check[i].to == s->time_to) ||
                       covers(s->segment, s->check[i].from, s->check[i].to);
        if ((live >> i & 1) && in_time && !s->check[i].filter)
            s->checked &= ~((uint32_t)1 << i);
    }
}

uint16_t plan_interval(const struct scan_plan *p, int64_t at)
{
    size_t low = 0, high = p->edge_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (p->edges[middle] <= at)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == 0)
        return SCAN_BEFORE;
    return low == p->edge_count ? SCAN_AFTER : (uint16_t)(low - 1);
}

static bool edges_lie_on(const struct scan_plan *p, int64_t start, int64_t end, int64_t step)
{
    for (size_t i = 0; i < p->edge_count; i++)
        if (p->edges[i] > start && p->edges[i] < end && (p->edges[i] - start) % step)
            return false;
    return true;
}

static void quarters_make(const struct segment_context *c, struct segment_plan *s)
{
    const int64_t quarter = (int64_t)QUARTER_ODD << QUARTER_SHIFT;
    int64_t start = s->segment->month_start, end = start + MONTH_QUARTERS * quarter;

    if (!edges_lie_on(c->plan, start, end, quarter))
        return;
    bool by_hour = edges_lie_on(c->plan, start, end, (int64_t)QUARTER_ODD << HOUR_SHIFT);
    s->quarter_shift = by_hour ? HOUR_SHIFT : QUARTER_SHIFT;
    int64_t step = (int64_t)QUARTER_ODD << s->quarter_shift, count = (end - start) / step + 1;
    uint16_t *table = arena_array(c->arena, (size_t)count, sizeof *table);
    for (int64_t i = 0; i < count; i++)
        table[i] = plan_interval(c->plan, start + i * step);
    s->quarters = table;
}

/*
 * Edges at equal distances all month (no change of clocks, no months): the interval is a division,
 * which goes many rows at a time. n / step for even steps and n < 2^32 is (n/2 * magic) >> shift
 * with magic = ceil(2^shift / (step/2)), shift = 32 + floor(log2(step/2)): n/2 < 2^31 makes the
 * error less than one part (Granlund and Montgomery, "Division by Invariant Integers",
 * theorem 4.2).
 */
static void even_make(const struct segment_context *c, struct segment_plan *s)
{
    const struct scan_plan *p = c->plan;
    const struct segment *g = s->segment;
    uint16_t first = plan_interval(p, g->time_min), last = plan_interval(p, g->time_max);

    if (first >= SCAN_BEFORE || last >= SCAN_BEFORE)
        return;
    int64_t step = p->edges[first + 1] - p->edges[first];
    for (uint32_t i = first; i <= last; i++)
        if (p->edges[i + 1] - p->edges[i] != step)
            return;
    if (step % 2 || step < 4 || step > INT32_MAX || g->time_max - p->edges[first] > UINT32_MAX)
        return;
    uint32_t half = (uint32_t)(step / 2), log = 31 - (uint32_t)__builtin_clz(half);
    uint64_t magic = (((uint64_t)1 << (32 + log)) + half - 1) / half;
    if (magic > UINT32_MAX)
        return; /* a power of two */
    s->even.is_known = true;
    s->even.first = first;
    s->even.phase = (uint32_t)(g->month_start - p->edges[first]); /* may wrap: so does the sum */
    s->even.magic = (uint32_t)magic;
    s->even.shift = 32 + log;
}

/* All that scan_match.c asks of the machine. */
static bool machine_has_avx2(void)
{
#if defined __x86_64__
    return (__builtin_cpu_supports("avx2") != 0) & (__builtin_cpu_supports("bmi") != 0) &
           (__builtin_cpu_supports("popcnt") != 0);
#else
    return false;
#endif
}

bool segment_plan_make(const struct segment_context *c, struct segment *g, struct segment_plan *out,
                       struct err *e)
{
    struct segment_plan *s = out;
    bool every = true, any = false;
    uint32_t codes = g->name->dictionary_count;

    *s = (struct segment_plan){
        .segment = g,
        .has_avx2 = machine_has_avx2() & !c->plan->is_plain,
        .time = g->time->lanes,
        .always = UINT32_MAX,
        .small_tables = codes <= 64 && c->plan->selector_count <= 8 ? (codes + 15) / 16 : 0,
    };
    s->touched = arena_array(c->arena, g->column_count, sizeof *s->touched);
    touch(s, g->time);
    s->hidden_count = hidden_rows(c->snapshot->hidden, g, c->arena, &s->hidden);
    if (!selectors_make(c, s, e))
        return false;
    for (uint32_t i = 0; i < codes; i++) {
        s->always &= s->selectors[i];
        every = every && s->selectors[i];
        any = any || s->selectors[i];
        if (s->selectors[i])
            set_add(s, i);
    }
    if (!any)
        return false; /* nothing here can match: e is untouched */
    s->every_name = every;
    if (!every || c->plan->selector_count > 1)
        touch(s, g->name);
    checks_settle(s);
    s->always = s->clips_time ? 0 : s->always & ~s->checked;
    for (size_t i = 0; i < c->plan->column_count; i++)
        if (!wanted_make(c, s, &c->plan->columns[i], &s->wanted[i], e))
            return false;
    if (c->plan->edges) {
        quarters_make(c, s);
        even_make(c, s);
    }
    return true;
}
