/* store/merges: see merges.h. */
#include "store/merges.h"

#include <stdlib.h>

#include "store/numbers.h"
#include "store/radix.h"

enum { LEAF_ENTRIES = 128, MID_LEAVES = 512, MID_ENTRIES = LEAF_ENTRIES * MID_LEAVES };

/* One that takes part. Numbers of nodes; 0 is nobody. */
struct node {
    uint32_t ordinal;
    uint32_t parent, first, next, before; /* the forest itself: first child, its brothers */
    uint32_t up, left, right; /* the link-cut tree: paths as splay trees, keyed by depth */
    uint32_t rebuilt;         /* version of the look that listed this root's unit last */
    uint32_t word_count;      /* subjects said of it that stand, the newest last */
    union {
        uint32_t one;
        uint32_t *many;
    } words;
};

/* All of one unit. */
struct group {
    uint32_t count;
    uint32_t members[];
};

/* What an ordinal is: 0 alone; a group, if others hang under it; else its unit * 2 + 1. */
struct leaf {
    uint32_t version; /* of the look that made it */
    uint64_t entries[LEAF_ENTRIES];
};

struct mid {
    uint32_t version;
    struct leaf *leaves[MID_LEAVES];
};

struct merges_view {
    size_t mid_count;
    struct mid *mids[];
};

struct retired {
    void *memory;
    uint32_t until; /* views of this version or newer do not need it */
};

struct merges {
    struct node *nodes; /* [0] is nobody */
    uint32_t node_count;
    size_t node_room;
    struct numbers of_ordinal; /* ordinal -> node */
    size_t linked;             /* nodes with a parent */
    uint32_t *marks;           /* nodes whose trees changed since the last look */
    size_t mark_count, mark_room;
    uint32_t ordinal_end;
    uint32_t looked; /* version of the last look that made something */
    struct merges_view *view;
    struct retired *retired; /* oldest first, from retired_from on */
    size_t retired_from, retired_count, retired_room;
};

struct merges *merges_create(void)
{
    struct merges *m = mem_zero(sizeof *m);
    m->node_room = 16;
    m->nodes = mem_array(m->node_room, sizeof *m->nodes);
    m->node_count = 1;
    return m;
}

static uint64_t entry_of(const struct merges_view *v, uint32_t ordinal)
{
    uint32_t at = ordinal / MID_ENTRIES;
    const struct mid *mid = at < v->mid_count ? v->mids[at] : NULL;
    const struct leaf *leaf = mid ? mid->leaves[ordinal % MID_ENTRIES / LEAF_ENTRIES] : NULL;
    return leaf ? leaf->entries[ordinal % LEAF_ENTRIES] : 0;
}

static bool is_group(uint64_t entry)
{
    return entry && !(entry & 1);
}

static struct group *group_of(uint64_t entry)
{
    return (struct group *)(uintptr_t)entry;
}

static void view_destroy(struct merges_view *v)
{
    for (size_t i = 0; v && i < v->mid_count; i++) {
        struct mid *mid = v->mids[i];
        for (size_t k = 0; mid && k < MID_LEAVES; k++) {
            struct leaf *leaf = mid->leaves[k];
            for (size_t n = 0; leaf && n < LEAF_ENTRIES; n++)
                if (is_group(leaf->entries[n]))
                    mem_free(group_of(leaf->entries[n]));
            mem_free(leaf);
        }
        mem_free(mid);
    }
    mem_free(v);
}

void merges_destroy(struct merges *m)
{
    if (!m)
        return;
    merges_forget(m, UINT32_MAX);
    view_destroy(m->view);
    for (uint32_t i = 1; i < m->node_count; i++)
        if (m->nodes[i].word_count > 1)
            mem_free(m->nodes[i].words.many);
    mem_free(m->nodes);
    mem_free(m->marks);
    mem_free(m->retired);
    numbers_free(&m->of_ordinal);
    mem_free(m);
}

/* ---- link-cut trees: each path of a tree is a splay tree, shallow nodes left ---- */

static bool heads_path(const struct node *n, uint32_t x)
{
    uint32_t up = n[x].up;
    return !up || (n[up].left != x && n[up].right != x);
}

static void rotate(struct node *n, uint32_t x)
{
    uint32_t y = n[x].up, z = n[y].up;
    bool is_left = n[y].left == x;
    if (!heads_path(n, y))
        *(n[z].left == y ? &n[z].left : &n[z].right) = x;
    uint32_t *inner = is_left ? &n[x].right : &n[x].left;
    *(is_left ? &n[y].left : &n[y].right) = *inner;
    if (*inner)
        n[*inner].up = y;
    *inner = y;
    n[x].up = z;
    n[y].up = x;
}

static void splay(struct node *n, uint32_t x)
{
    while (!heads_path(n, x)) {
        uint32_t y = n[x].up;
        if (!heads_path(n, y))
            rotate(n, (n[n[y].up].left == y) == (n[y].left == x) ? y : x);
        rotate(n, x);
    }
}

/* Makes the way from the root to x one path, and x the top of its splay tree. */
static void expose(struct node *n, uint32_t x)
{
    uint32_t deeper = 0;
    for (uint32_t at = x; at; at = n[at].up) {
        splay(n, at);
        n[at].right = deeper;
        deeper = at;
    }
    splay(n, x);
}

static uint32_t root_of(struct merges *m, uint32_t x)
{
    struct node *n = m->nodes;
    expose(n, x);
    while (n[x].left)
        x = n[x].left;
    splay(n, x);
    return x;
}

/* ---- the forest ---- */

static uint32_t find(const struct merges *m, uint32_t ordinal)
{
    return numbers_get(&m->of_ordinal, ordinal);
}

static uint32_t take(struct merges *m, uint32_t ordinal)
{
    uint32_t x = find(m, ordinal);
    if (x)
        return x;
    if (m->node_count == m->node_room) {
        m->node_room *= 2;
        m->nodes = mem_grow(m->nodes, m->node_room, sizeof *m->nodes);
    }
    x = m->node_count++;
    m->nodes[x] = (struct node){.ordinal = ordinal};
    numbers_put(&m->of_ordinal, ordinal, x);
    m->ordinal_end = MAX(m->ordinal_end, ordinal + 1);
    return x;
}

static void mark(struct merges *m, uint32_t x)
{
    if (m->mark_count && m->marks[m->mark_count - 1] == x)
        return;
    ARRAY_PUSH(m->marks, m->mark_count, m->mark_room) = x;
}

/* x is a root, and not that of `above`. */
static void hang(struct merges *m, uint32_t x, uint32_t above)
{
    struct node *n = m->nodes;
    expose(n, x);
    n[x].up = above;
    n[x].parent = above;
    n[x].next = n[above].first;
    n[x].before = 0;
    if (n[x].next)
        n[n[x].next].before = x;
    n[above].first = x;
    m->linked++;
    mark(m, above);
}

static void unhang(struct merges *m, uint32_t x)
{
    struct node *n = m->nodes;
    expose(n, x);
    n[n[x].left].up = 0;
    n[0].up = 0;
    n[x].left = 0;
    uint32_t above = n[x].parent;
    *(n[x].before ? &n[n[x].before].next : &n[above].first) = n[x].next;
    if (n[x].next)
        n[n[x].next].before = n[x].before;
    n[x].parent = n[x].next = n[x].before = 0;
    m->linked--;
    mark(m, above);
    mark(m, x);
}

/* ---- words that stand ---- */

static uint32_t *words_of(struct node *n)
{
    return n->word_count > 1 ? n->words.many : &n->words.one;
}

/* True: it stood. */
static bool word_remove(struct node *n, uint32_t subject)
{
    uint32_t *list = words_of(n), at = 0;
    while (at < n->word_count && list[at] != subject)
        at++;
    if (at == n->word_count)
        return false;
    memmove(list + at, list + at + 1, (n->word_count - at - 1) * sizeof *list);
    if (--n->word_count == 1) {
        uint32_t last = list[0];
        mem_free(list);
        n->words.one = last;
    }
    return true;
}

static void word_add(struct node *n, uint32_t subject)
{
    if (n->word_count == 0) {
        n->words.one = subject;
        n->word_count = 1;
        return;
    }
    bool is_power = (n->word_count & (n->word_count - 1)) == 0;
    if (n->word_count == 1) {
        uint32_t *many = mem_array(2, sizeof *many);
        many[0] = n->words.one;
        n->words.many = many;
    } else if (is_power) {
        n->words.many = mem_grow(n->words.many, (size_t)n->word_count * 2, sizeof *n->words.many);
    }
    n->words.many[n->word_count++] = subject;
}

bool merges_join(struct merges *m, uint32_t subject, uint32_t other)
{
    if (subject == other)
        return false;
    uint32_t s = take(m, subject), o = take(m, other);
    if (root_of(m, s) == root_of(m, o))
        return false;
    if (m->nodes[o].parent)
        unhang(m, o);
    hang(m, o, s);
    word_remove(&m->nodes[o], s);
    word_add(&m->nodes[o], s);
    return true;
}

static bool is_said(struct node *n, uint32_t by)
{
    for (uint32_t i = 0; i < n->word_count; i++)
        if (words_of(n)[i] == by)
            return true;
    return false;
}

/* Not said in these words: what brought it into the unit is meant. 0: nothing is. */
static uint32_t word_meant(struct merges *m, uint32_t s, uint32_t o)
{
    if (!s || !o || s == o)
        return 0;
    uint32_t parent = m->nodes[o].parent;
    if (is_said(&m->nodes[o], s))
        return s;
    return parent && root_of(m, s) == root_of(m, o) ? parent : 0;
}

uint32_t merges_meant(struct merges *m, uint32_t subject, uint32_t other)
{
    uint32_t s = word_meant(m, find(m, subject), find(m, other));
    return s ? m->nodes[s].ordinal : subject;
}

bool merges_part(struct merges *m, uint32_t subject, uint32_t other)
{
    uint32_t o = find(m, other), s = word_meant(m, find(m, subject), o);
    if (!s)
        return false;
    struct node *n = &m->nodes[o];
    word_remove(n, s);
    if (n->parent != s)
        return true;
    unhang(m, o);
    for (uint32_t i = n->word_count; i-- > 0;) {
        uint32_t older = words_of(n)[i];
        if (root_of(m, older) == o)
            continue;
        hang(m, o, older);
        break;
    }
    return true;
}

void merges_clear(struct merges *m, uint32_t ordinal)
{
    uint32_t x = find(m, ordinal);
    if (!x)
        return;
    if (m->nodes[x].parent)
        unhang(m, x);
    if (m->nodes[x].word_count > 1)
        mem_free(m->nodes[x].words.many);
    m->nodes[x].word_count = 0;
}

uint32_t merges_root(struct merges *m, uint32_t ordinal)
{
    uint32_t x = find(m, ordinal);
    return x ? m->nodes[root_of(m, x)].ordinal : ordinal;
}

bool merges_parent(const struct merges *m, uint32_t ordinal, uint32_t *parent)
{
    uint32_t x = find(m, ordinal);
    if (!x || !m->nodes[x].parent)
        return false;
    *parent = m->nodes[m->nodes[x].parent].ordinal;
    return true;
}

bool merges_stands(struct merges *m, uint32_t subject, uint32_t other)
{
    uint32_t s = find(m, subject), o = find(m, other);
    return s && o && is_said(&m->nodes[o], s);
}

/* ---- views ---- */

static void retire(struct merges *m, void *memory, uint32_t version)
{
    if (memory)
        ARRAY_PUSH(m->retired, m->retired_count, m->retired_room) =
            (struct retired){memory, version};
}

void merges_forget(struct merges *m, uint32_t version)
{
    while (m->retired_from < m->retired_count && m->retired[m->retired_from].until <= version)
        mem_free(m->retired[m->retired_from++].memory);
    if (m->retired_from == m->retired_count)
        m->retired_from = m->retired_count = 0;
}

static struct leaf *own_leaf(struct merges *m, uint32_t ordinal, uint32_t version)
{
    struct mid **mid = &m->view->mids[ordinal / MID_ENTRIES];
    if (!*mid || (*mid)->version != version) {
        struct mid *own = mem_zero(sizeof *own);
        if (*mid)
            *own = **mid;
        own->version = version;
        retire(m, *mid, version);
        *mid = own;
    }
    struct leaf **leaf = &(*mid)->leaves[ordinal % MID_ENTRIES / LEAF_ENTRIES];
    if (!*leaf || (*leaf)->version != version) {
        struct leaf *own = mem_zero(sizeof *own);
        if (*leaf)
            *own = **leaf;
        own->version = version;
        retire(m, *leaf, version);
        *leaf = own;
    }
    return *leaf;
}

static void set_entry(struct merges *m, uint32_t ordinal, uint64_t entry, uint32_t version)
{
    uint64_t old = entry_of(m->view, ordinal);
    if (old == entry)
        return;
    if (is_group(old))
        retire(m, group_of(old), version);
    own_leaf(m, ordinal, version)->entries[ordinal % LEAF_ENTRIES] = entry;
}

/* The next of the tree under `root`, fathers first; 0 at the end. */
static uint32_t next_in_tree(const struct node *n, uint32_t root, uint32_t x)
{
    if (n[x].first)
        return n[x].first;
    while (x != root && !n[x].next)
        x = n[x].parent;
    return x == root ? 0 : n[x].next;
}

static int by_number(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

static void sort_members(struct group *g)
{
    enum { FEW = 256 };
    if (g->count <= FEW) {
        qsort(g->members, g->count, sizeof *g->members, by_number);
        return;
    }
    struct radix_item *items = mem_array((size_t)g->count * 2, sizeof *items);
    for (uint32_t i = 0; i < g->count; i++)
        items[i] = (struct radix_item){.key = g->members[i]};
    radix_sort(items, items + g->count, g->count);
    for (uint32_t i = 0; i < g->count; i++)
        g->members[i] = (uint32_t)items[i].key;
    mem_free(items);
}

static void list_unit(struct merges *m, uint32_t root, uint32_t version)
{
    const struct node *n = m->nodes;
    uint32_t count = 0, unit = n[root].ordinal;
    for (uint32_t x = root; x; x = next_in_tree(n, root, x))
        count++;
    if (count == 1) {
        set_entry(m, unit, 0, version);
        return;
    }
    struct group *g = mem_zero(sizeof *g + (size_t)count * sizeof *g->members);
    for (uint32_t x = root; x; x = next_in_tree(n, root, x)) {
        g->members[g->count++] = n[x].ordinal;
        if (x != root)
            set_entry(m, n[x].ordinal, (uint64_t)unit << 1 | 1, version);
    }
    sort_members(g);
    set_entry(m, unit, (uint64_t)(uintptr_t)g, version);
}

const struct merges_view *merges_look(struct merges *m, uint32_t version)
{
    if (m->mark_count) {
        REQUIRE(version > m->looked);
        m->looked = version;
        size_t mids = ((size_t)m->ordinal_end + MID_ENTRIES - 1) / MID_ENTRIES;
        struct merges_view *old = m->view, *v = mem_zero(sizeof *v + mids * sizeof(struct mid *));
        v->mid_count = mids;
        if (old)
            memcpy(v->mids, old->mids, old->mid_count * sizeof(struct mid *));
        retire(m, old, version);
        m->view = v;
        for (size_t i = 0; i < m->mark_count; i++) {
            uint32_t root = root_of(m, m->marks[i]);
            if (m->nodes[root].rebuilt == version)
                continue;
            m->nodes[root].rebuilt = version;
            list_unit(m, root, version);
        }
        m->mark_count = 0;
    }
    return m->linked ? m->view : NULL;
}

uint32_t merges_unit(const struct merges_view *v, uint32_t ordinal)
{
    uint64_t entry = v ? entry_of(v, ordinal) : 0;
    return entry & 1 ? (uint32_t)(entry >> 1) : ordinal;
}

size_t merges_members(const struct merges_view *v, uint32_t unit, const uint32_t **list)
{
    uint64_t entry = v ? entry_of(v, unit) : 0;
    *list = NULL;
    if (!is_group(entry))
        return 1;
    *list = group_of(entry)->members;
    return group_of(entry)->count;
}
