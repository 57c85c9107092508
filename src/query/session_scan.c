/* query/session_scan: batches of events in, batches that know sessions out. */
#include "query/session_scan.h"

#include <math.h>
#include <stdatomic.h>

#include "query/page.h"
#include "query/session_plan.h"

enum { CODE_UNKNOWN = UINT32_MAX - 1, MEMO_UNKNOWN = 0, MEMO_NO, MEMO_YES };
enum { NAME_PAGE = 1, NAME_OWN = 2 };

/* What is known of a session beside its times; texts as codes of the plan's. */
struct facts {
    uint64_t leaves; /* conditions that hold */
    uint32_t pages, acts;
    uint32_t entry_page, exit_page, entry_event, exit_event;
};

/* A session's value of one column. */
union cell {
    double number;
    uint32_t code;
};

struct layer {
    const struct session_plan *plan;
    scan_sink *sink;
    atomic_uint next_unit; /* of scans by session */
    bool keeps_records;
};

/* One thread. */
struct worker {
    struct layer *layer;
    void *context; /* the kernel's */
    struct session_cutter cutter;
    /* of the unit's sessions */
    struct facts *facts;
    union cell *cells; /* by session, then column */
    uint32_t *places;  /* by session: events kept, then where they go */
    size_t session_room, facts_count;
    bool is_mixed; /* a session went on after another had begun */
    /* of the unit's events */
    uint32_t *session_of, *position_of, *kept; /* kept: the mask that the kernel sees; 0 = not */
    size_t event_room;
    /* what is remembered of texts */
    uint8_t *leaf_memo[SESSION_LEAVES_MAX];
    uint8_t *name_kinds; /* by name: a page was seen; sent by the SDK on its own */
    uint32_t *code_memo[SCAN_COLUMNS_MAX];
    /* the batch that the kernel gets */
    uint32_t *mask;
    int64_t *time;
    uint16_t *interval;
    uint32_t *codes[SCAN_COLUMNS_MAX];
    double *numbers[SCAN_COLUMNS_MAX];
    uint32_t *units, *persons, *starts;
    size_t out_room, out_units_room, count, unit_count;
    struct session_records records;
};

/* ---- texts ---- */

static const struct intern *texts_of(const struct session_plan *p, enum session_fact_kind kind)
{
    return kind == SESSION_ENTRY_PAGE || kind == SESSION_EXIT_PAGE ? p->pages : p->names;
}

static uint32_t text_code(const struct facts *f, enum session_fact_kind kind)
{
    return kind == SESSION_ENTRY_PAGE    ? f->entry_page
           : kind == SESSION_EXIT_PAGE   ? f->exit_page
           : kind == SESSION_ENTRY_EVENT ? f->entry_event
                                         : f->exit_event;
}

static struct str text_at(const struct session_plan *p, enum session_fact_kind kind, uint32_t code)
{
    struct str text = intern_at(texts_of(p, kind), code);
    return texts_of(p, kind) == p->pages ? page_of(text) : text;
}

/* ---- values ---- */

static struct value fact_value(const struct worker *w, const struct session_fact *fact, size_t at,
                               uint32_t position)
{
    const struct session *s = &w->cutter.list[at];
    const struct facts *f = &w->facts[at];
    struct value v = {.type = VALUE_INT};

    switch (fact->kind) {
    case SESSION_LENGTH:
        return (struct value){VALUE_DOUBLE, .number = (double)(s->last - s->start) / 1000};
    case SESSION_EVENTS:
        v.integer = s->events;
        return v;
    case SESSION_PAGES:
        v.integer = f->pages;
        return v;
    case SESSION_BOUNCE:
        return (struct value){VALUE_BOOL, .boolean = f->acts <= 1};
    case SESSION_START:
        v.integer = s->start;
        return v;
    case SESSION_END:
        v.integer = s->last;
        return v;
    case SESSION_POSITION:
        v.integer = position;
        return v;
    default:
        if (text_code(f, fact->kind) == SCAN_CODE_NONE)
            return (struct value){.type = VALUE_MISSING};
        return (struct value){
            VALUE_TEXT, .text = text_at(w->layer->plan, fact->kind, text_code(f, fact->kind))};
    }
}

static bool leaf_holds(struct worker *w, size_t leaf, size_t at, uint32_t position)
{
    const struct session_leaf *l = &w->layer->plan->leaves[leaf];
    uint32_t code = SCAN_CODE_NONE;

    if (l->fact->type == SESSION_TEXT)
        code = text_code(&w->facts[at], l->fact->kind);
    if (code != SCAN_CODE_NONE && w->leaf_memo[leaf][code] != MEMO_UNKNOWN)
        return w->leaf_memo[leaf][code] == MEMO_YES;
    bool holds = l->condition->test(l->condition->context, fact_value(w, l->fact, at, position));
    if (code != SCAN_CODE_NONE)
        w->leaf_memo[leaf][code] = holds ? MEMO_YES : MEMO_NO;
    return holds;
}

/* A text as a code of the kernel's: empty is none, as in a scan. */
static uint32_t kernel_code(const struct session_plan *p, struct intern *codes, struct str text)
{
    pthread_mutex_t *lock = (pthread_mutex_t *)(uintptr_t)&p->lock;
    uint32_t code = SCAN_CODE_NONE;

    if (!text.len)
        return code;
    pthread_mutex_lock(lock);
    code = intern_put(codes, text);
    pthread_mutex_unlock(lock);
    return code;
}

static union cell column_cell(struct worker *w, size_t column, size_t at, uint32_t position)
{
    const struct session_plan *p = w->layer->plan;
    const struct session_column *c = &p->columns[column];
    char room[VALUE_TEXT_BYTES];
    union cell cell = {.number = NAN};

    if (c->fact->type == SESSION_TEXT && !c->is_number) {
        uint32_t code = text_code(&w->facts[at], c->fact->kind);
        cell.code = SCAN_CODE_NONE;
        if (code == SCAN_CODE_NONE)
            return cell;
        uint32_t *memo = &w->code_memo[column][code];
        if (*memo == CODE_UNKNOWN)
            *memo = kernel_code(p, c->codes, text_at(p, c->fact->kind, code));
        cell.code = *memo;
        return cell;
    }
    struct value v = fact_value(w, c->fact, at, position);
    v = session_fact_shown(c->fact, p->q->zone, v);
    if (!c->is_number)
        cell.code = kernel_code(p, c->codes, value_text(v, room));
    else if (v.type == VALUE_BOOL)
        cell.number = v.boolean;
    else if (!value_number(v, &cell.number))
        cell.number = NAN;
    return cell;
}

/* ---- the sessions of a unit ---- */

static void session_room(struct worker *w, size_t count)
{
    size_t columns = w->layer->plan->outer->plan.column_count;

    if (count <= w->session_room)
        return;
    w->session_room = count * 2;
    w->facts = mem_grow(w->facts, w->session_room, sizeof *w->facts);
    w->cells = mem_grow(w->cells, w->session_room * columns + 1, sizeof *w->cells);
    w->places = mem_grow(w->places, w->session_room, sizeof *w->places);
}

static uint32_t event_page(const struct session_plan *p, const struct scan_batch *b, size_t i)
{
    for (size_t c = 0; c < p->page_column_count; c++)
        if (b->codes[p->page_columns[c]][i] != SCAN_CODE_NONE)
            return b->codes[p->page_columns[c]][i];
    return SCAN_CODE_NONE;
}

static void facts_add(struct worker *w, const struct scan_batch *b, size_t i, size_t at)
{
    const struct session_plan *p = w->layer->plan;
    struct facts *f = &w->facts[at];

    if (!p->has_names)
        return;
    uint32_t name = b->codes[p->name_column][i];
    uint8_t kind = name == SCAN_CODE_NONE ? 0 : w->name_kinds[name];
    f->acts += !(kind & NAME_OWN);
    if ((kind & NAME_PAGE) && p->has_pages) {
        uint32_t page = event_page(p, b, i);
        f->pages++;
        if (f->entry_page == SCAN_CODE_NONE)
            f->entry_page = page;
        if (page != SCAN_CODE_NONE)
            f->exit_page = page;
    }
    f->exit_event = b->codes[p->name_column][i];
    if (f->entry_event == SCAN_CODE_NONE)
        f->entry_event = f->exit_event;
}

static void unit_cut(struct worker *w, const struct scan_batch *b, size_t from, size_t to)
{
    const struct session_plan *p = w->layer->plan;
    const uint32_t *ids = p->has_ids ? b->codes[p->id_column] : NULL;

    session_cutter_begin(&w->cutter);
    w->facts_count = 0;
    w->is_mixed = false;
    for (size_t i = from; i < to; i++) {
        uint32_t at = session_cut(&w->cutter, b->time[i], ids ? ids[i] : (uint32_t)SESSION_NONE);
        w->session_of[i - from] = at;
        w->is_mixed = w->is_mixed || (at != SESSION_NONE && at + 1 < w->cutter.count);
        if (at == SESSION_NONE || !p->has_facts)
            continue;
        if (at == w->facts_count) {
            session_room(w, ++w->facts_count);
            w->facts[at] = (struct facts){
                0, 0, 0, SCAN_CODE_NONE, SCAN_CODE_NONE, SCAN_CODE_NONE, SCAN_CODE_NONE};
        }
        facts_add(w, b, i, at);
        if (p->has_position)
            w->position_of[i - from] = w->cutter.list[at].events;
    }
    session_room(w, w->cutter.count);
}

/* What holds for whole sessions; a position is asked of each event. */
static void facts_finish(struct worker *w)
{
    const struct session_plan *p = w->layer->plan;
    size_t columns = p->outer->plan.column_count;

    for (size_t at = 0; at < w->facts_count; at++) {
        for (size_t k = 0; k < p->leaf_count; k++)
            if (p->leaves[k].fact->kind != SESSION_POSITION && leaf_holds(w, k, at, 0))
                w->facts[at].leaves |= (uint64_t)1 << k;
        for (size_t c = 0; c < columns; c++)
            if (p->columns[c].fact && p->columns[c].fact->kind != SESSION_POSITION)
                w->cells[at * columns + c] = column_cell(w, c, at, 0);
    }
}

/* ---- conditions ---- */

struct place {
    uint32_t session, mask, position;
};

static bool node_holds(struct worker *w, const struct session_node *n, struct place at)
{
    switch (n->kind) {
    case NODE_BIT:
        return at.mask >> n->at & 1;
    case NODE_FACT:
        if (at.session == SESSION_NONE) { /* of no session nothing is known */
            const struct scan_condition *c = w->layer->plan->leaves[n->at].condition;
            return c->test(c->context, (struct value){.type = VALUE_MISSING});
        }
        if (w->layer->plan->leaves[n->at].fact->kind == SESSION_POSITION)
            return leaf_holds(w, n->at, at.session, at.position);
        return w->facts[at.session].leaves >> n->at & 1;
    case NODE_NOT:
        return !node_holds(w, n->children[0], at);
    default:
        for (size_t i = 0; i < n->child_count; i++)
            if (node_holds(w, n->children[i], at) != (n->kind == NODE_ALL))
                return n->kind == NODE_ANY;
        return n->kind == NODE_ALL;
    }
}

/* The mask that the kernel sees; 0: the event is not for it. */
static uint32_t event_mask(struct worker *w, uint32_t mask, size_t event)
{
    const struct session_plan *p = w->layer->plan;
    uint32_t kept = mask & p->plain;

    for (size_t i = 0; i < p->late_count; i++)
        if (mask & p->late[i].bit) {
            struct place at = {w->session_of[event], mask,
                               p->has_position ? w->position_of[event] : 0};
            kept |= node_holds(w, p->late[i].tree, at) ? p->late[i].bit : 0;
        }
    return kept;
}

/* ---- the kernel's batch ---- */

static void batch_room(struct worker *w, size_t events)
{
    const struct reading *o = w->layer->plan->outer;

    if (events <= w->out_room)
        return;
    w->out_room = events + events / 2;
    w->mask = mem_grow(w->mask, w->out_room, sizeof *w->mask);
    if (o->plan.want_time)
        w->time = mem_grow(w->time, w->out_room, sizeof *w->time);
    if (o->plan.edges)
        w->interval = mem_grow(w->interval, w->out_room, sizeof *w->interval);
    for (size_t c = 0; c < o->plan.column_count; c++)
        if (w->layer->plan->columns[c].is_number)
            w->numbers[c] = mem_grow(w->numbers[c], w->out_room, sizeof *w->numbers[c]);
        else
            w->codes[c] = mem_grow(w->codes[c], w->out_room, sizeof *w->codes[c]);
    w->units = mem_grow(w->units, w->out_room, sizeof *w->units);
    w->persons = mem_grow(w->persons, w->out_room, sizeof *w->persons);
    w->starts = mem_grow(w->starts, w->out_room + 1, sizeof *w->starts);
}

static void event_put(struct worker *w, const struct scan_batch *b, size_t i, size_t event,
                      size_t to)
{
    const struct session_plan *p = w->layer->plan;
    size_t columns = p->outer->plan.column_count;
    uint32_t session = w->session_of[event];

    w->mask[to] = w->kept[event];
    if (w->time)
        w->time[to] = b->time[i];
    if (b->interval)
        w->interval[to] = b->interval[i];
    for (size_t c = 0; c < columns; c++) {
        const struct session_column *column = &p->columns[c];
        union cell cell = {.number = NAN};
        if (!column->fact) {
            if (column->is_number)
                w->numbers[c][to] = b->numbers[column->at][i];
            else
                w->codes[c][to] = b->codes[column->at][i];
            continue;
        }
        if (session == SESSION_NONE)
            cell.code = column->is_number ? cell.code : (uint32_t)SCAN_CODE_NONE;
        else if (column->fact->kind == SESSION_POSITION)
            cell = column_cell(w, c, session, w->position_of[event]);
        else
            cell = w->cells[session * columns + c];
        if (column->is_number)
            w->numbers[c][to] = cell.number;
        else
            w->codes[c][to] = cell.code;
    }
}

static void unit_begin(struct worker *w, uint32_t unit, uint32_t person, size_t at)
{
    w->units[w->unit_count] = unit;
    w->persons[w->unit_count] = person;
    w->starts[w->unit_count++] = (uint32_t)at;
}

static void emit_unit(struct worker *w, const struct scan_batch *b, size_t u)
{
    size_t from = b->starts[u], to = b->starts[u + 1], was = w->count;

    for (size_t i = from; i < to; i++)
        if (w->kept[i - from])
            event_put(w, b, i, i - from, w->count++);
    if (w->count > was)
        unit_begin(w, b->units[u], b->units[u], was);
}

static void session_begins(struct worker *w, const struct scan_batch *b, size_t u, uint32_t at,
                           size_t event)
{
    const struct session *s = &w->cutter.list[at];

    unit_begin(w, (uint32_t)w->unit_count, b->units[u], event);
    if (w->layer->keeps_records)
        ARRAY_PUSH(w->records.list, w->records.count, w->records.room) =
            (struct session_record){.unit = (uint32_t)w->unit_count - 1,
                                    .person = b->units[u],
                                    .id = s->id,
                                    .events = s->events,
                                    .start = s->start,
                                    .last = s->last};
}

/* Sessions one after the other, as the events come. */
static void emit_in_order(struct worker *w, const struct scan_batch *b, size_t u)
{
    size_t from = b->starts[u], to = b->starts[u + 1];
    uint32_t current = SESSION_NONE;

    for (size_t i = from; i < to; i++) {
        uint32_t at = w->session_of[i - from];
        if (!w->kept[i - from] || at == SESSION_NONE)
            continue;
        if (at != current)
            session_begins(w, b, u, at, w->count);
        current = at;
        event_put(w, b, i, i - from, w->count++);
    }
}

/* Each session's events side by side, the sessions in order of their starts. */
static void emit_sessions(struct worker *w, const struct scan_batch *b, size_t u)
{
    size_t from = b->starts[u], to = b->starts[u + 1];

    memset(w->places, 0, w->cutter.count * sizeof *w->places);
    for (size_t i = 0; i < to - from; i++)
        if (w->kept[i] && w->session_of[i] != SESSION_NONE)
            w->places[w->session_of[i]]++;
    for (size_t s = 0; s < w->cutter.count; s++) {
        uint32_t events = w->places[s];
        w->places[s] = (uint32_t)w->count;
        w->count += events;
        if (events)
            session_begins(w, b, u, (uint32_t)s, w->places[s]);
    }
    for (size_t i = from; i < to; i++)
        if (w->kept[i - from] && w->session_of[i - from] != SESSION_NONE)
            event_put(w, b, i, i - from, w->places[w->session_of[i - from]]++);
}

static void unit_read(struct worker *w, const struct scan_batch *b, size_t u)
{
    const struct session_plan *p = w->layer->plan;
    size_t from = b->starts[u], to = b->starts[u + 1];
    bool is_any = false;

    for (size_t i = from; i < to && !is_any; i++)
        is_any = b->mask[i] & p->selectors;
    if (!is_any)
        return;
    if (to - from > w->event_room) {
        w->event_room = (to - from) * 2;
        w->session_of = mem_grow(w->session_of, w->event_room, sizeof *w->session_of);
        w->position_of = mem_grow(w->position_of, w->event_room, sizeof *w->position_of);
        w->kept = mem_grow(w->kept, w->event_room, sizeof *w->kept);
    }
    unit_cut(w, b, from, to);
    if (p->has_facts)
        facts_finish(w);
    for (size_t i = from; i < to; i++)
        w->kept[i - from] = event_mask(w, b->mask[i], i - from);
    if (p->outer->by_session && w->is_mixed)
        emit_sessions(w, b, u);
    else if (p->outer->by_session)
        emit_in_order(w, b, u);
    else
        emit_unit(w, b, u);
}

/* Sessions get numbers that no other thread gives. */
static void sessions_number(struct worker *w, size_t first_record)
{
    uint32_t base = atomic_fetch_add(&w->layer->next_unit, (unsigned)w->unit_count);

    for (size_t u = 0; u < w->unit_count; u++)
        w->units[u] += base;
    for (size_t i = first_record; i < w->records.count; i++)
        w->records.list[i].unit += base;
}

/* Names with a dollar are what SDKs send by themselves, but for pages and screens. */
static uint8_t name_kind(struct str name)
{
    for (size_t i = 0; i < PAGE_EVENTS; i++)
        if (str_equal(name, str_of(page_events[i])))
            return NAME_PAGE;
    return str_starts(name, STR("$")) && !str_equal(name, STR("$screen")) ? NAME_OWN : 0;
}

/* All texts have their codes before the first batch. */
static void memos_make(struct worker *w)
{
    const struct session_plan *p = w->layer->plan;

    if (p->has_names && !w->name_kinds) {
        uint32_t count = intern_count(p->names);
        w->name_kinds = mem_array((size_t)count + 1, sizeof *w->name_kinds);
        for (uint32_t i = 0; i < count; i++)
            w->name_kinds[i] = name_kind(intern_at(p->names, i));
    }

    for (size_t k = 0; k < p->leaf_count; k++)
        if (p->leaves[k].fact->type == SESSION_TEXT && !w->leaf_memo[k])
            w->leaf_memo[k] =
                mem_array((size_t)intern_count(texts_of(p, p->leaves[k].fact->kind)) + 1, 1);
    for (size_t c = 0; c < p->outer->plan.column_count; c++) {
        const struct session_fact *fact = p->columns[c].fact;
        if (!fact || fact->type != SESSION_TEXT || w->code_memo[c])
            continue;
        size_t count = (size_t)intern_count(texts_of(p, fact->kind)) + 1;
        w->code_memo[c] = mem_array(count, sizeof *w->code_memo[c]);
        for (size_t i = 0; i < count; i++)
            w->code_memo[c][i] = CODE_UNKNOWN;
    }
}

static bool batch_send(struct worker *w, unsigned thread)
{
    const struct reading *o = w->layer->plan->outer;
    struct scan_batch b = {.thread = thread,
                           .unit_count = w->unit_count,
                           .units = w->units,
                           .persons = w->persons,
                           .starts = w->starts,
                           .count = w->count,
                           .mask = w->mask,
                           .time = w->time,
                           .interval = o->plan.edges ? w->interval : NULL};

    w->starts[w->unit_count] = (uint32_t)w->count;
    for (size_t c = 0; c < o->plan.column_count; c++) {
        b.codes[c] = w->codes[c];
        b.numbers[c] = w->numbers[c];
    }
    if (!o->plan.in_parts)
        return w->layer->sink(w->context, &b);
    b.low = w->units[0];
    b.high = w->units[w->unit_count - 1] + 1;
    b.is_first = true;
    if (!w->layer->sink(w->context, &b))
        return false;
    b.unit_count = b.count = 0;
    b.is_first = false;
    b.is_last = true;
    return w->layer->sink(w->context, &b);
}

static bool sink(void *context, const struct scan_batch *b)
{
    struct worker *w = context;
    size_t first_record = w->records.count;

    memos_make(w);
    batch_room(w, b->count);
    w->count = w->unit_count = 0;
    for (size_t u = 0; u < b->unit_count; u++)
        unit_read(w, b, u);
    if (!w->unit_count)
        return true;
    if (w->layer->plan->outer->by_session)
        sessions_number(w, first_record);
    return batch_send(w, b->thread);
}

/* ---- a scan ---- */

static void worker_free(struct worker *w)
{
    session_cutter_free(&w->cutter);
    mem_free(w->facts);
    mem_free(w->cells);
    mem_free(w->places);
    mem_free(w->session_of);
    mem_free(w->position_of);
    mem_free(w->kept);
    mem_free(w->name_kinds);
    for (size_t i = 0; i < SESSION_LEAVES_MAX; i++)
        mem_free(w->leaf_memo[i]);
    for (size_t c = 0; c < SCAN_COLUMNS_MAX; c++) {
        mem_free(w->code_memo[c]);
        mem_free(w->codes[c]);
        mem_free(w->numbers[c]);
    }
    mem_free(w->mask);
    mem_free(w->time);
    mem_free(w->interval);
    mem_free(w->units);
    mem_free(w->persons);
    mem_free(w->starts);
    mem_free(w->records.list);
}

void session_records_free(struct session_records *r)
{
    if (!r)
        return;
    mem_free(r->list);
    intern_destroy(r->ids);
    *r = (struct session_records){0};
}

/* For people_of: what the sessions' numbers stand for. */
static void records_keep(struct question *q, struct session_plan *p, const struct worker *workers,
                         unsigned threads)
{
    if (!q->session_records)
        q->session_records = arena_alloc(q->arena, sizeof *q->session_records);
    session_records_free(q->session_records); /* of a pass before */
    struct session_records *all = q->session_records;
    all->ids = p->ids;
    p->ids = NULL;
    for (unsigned i = 0; i < threads; i++)
        for (size_t k = 0; k < workers[i].records.count; k++)
            ARRAY_PUSH(all->list, all->count, all->room) = workers[i].records.list[k];
}

bool session_scan_run(struct question *q, struct reading *r, scan_sink *kernel,
                      void *const *contexts, struct err *e)
{
    unsigned threads = q->source->does->threads(q->source);
    struct session_plan plan;
    struct layer layer = {.plan = &plan, .sink = kernel};
    void **mine = arena_array(q->arena, threads, sizeof *mine);

    r->plan.selectors = r->selectors;
    r->plan.columns = r->columns;
    if (!session_plan_make(q, r, &plan, e)) {
        session_plan_free(&plan);
        return false;
    }
    struct worker *workers = mem_array(threads, sizeof *workers);
    layer.keeps_records = r->by_session && ask_is_there(&q->people_of);
    for (unsigned i = 0; i < threads; i++) {
        workers[i].layer = &layer;
        workers[i].context = contexts[i];
        workers[i].cutter.rules = q->session_rules;
        mine[i] = &workers[i];
    }
    bool ok = reading_scan(q, &plan.inner, sink, mine, e);
    if (ok && layer.keeps_records)
        records_keep(q, &plan, workers, threads);
    for (unsigned i = 0; i < threads; i++)
        worker_free(&workers[i]);
    mem_free(workers);
    session_plan_free(&plan);
    return ok;
}
