/* store/people_facts: see people_facts.h. */
#include "store/people_facts.h"

#include <stdatomic.h>

#include "store/store.h"

enum { FIRST_PIECE_BITS = 10, PIECES = 23, NAME_BITS = 24 };

struct trait {
    uint32_t name_and_type; /* name | type << NAME_BITS */
    uint32_t version;       /* when it was set */
    union {
        int64_t integer;
        double number;
        struct {
            uint32_t at, len; /* behind the list */
        } text;
    };
};
_Static_assert(sizeof(struct trait) == 16, "a trait takes 16 bytes and its text");

struct trait_set {
    const struct trait_set *older; /* not to be followed by views of this version or newer */
    uint32_t version;
    uint32_t count;
    int64_t created;
    struct trait list[]; /* then the texts */
};

typedef _Atomic(struct trait_set *) head;

struct retired {
    struct trait_set *set;
    uint32_t until; /* views of this version or newer do not need it */
};

struct traits {
    _Atomic(head *) pieces[PIECES]; /* piece k holds 1024 << k heads; made when first needed */
    struct retired *retired;        /* oldest first, from retired_from on */
    size_t retired_from, retired_count, retired_room;
};

static void place_of(uint32_t ordinal, unsigned *piece, uint32_t *at)
{
    uint64_t shifted = ((uint64_t)ordinal >> FIRST_PIECE_BITS) + 1;
    *piece = 63u - (unsigned)__builtin_clzll(shifted);
    *at = (uint32_t)(ordinal - (((1ull << *piece) - 1) << FIRST_PIECE_BITS));
}

struct traits *traits_create(void)
{
    return mem_zero(sizeof(struct traits));
}

void traits_destroy(struct traits *t)
{
    if (!t)
        return;
    for (unsigned piece = 0; piece < PIECES; piece++) {
        head *heads = atomic_load_explicit(&t->pieces[piece], memory_order_relaxed);
        for (size_t i = 0; heads && i < (size_t)1 << (piece + FIRST_PIECE_BITS); i++)
            mem_free(atomic_load_explicit(&heads[i], memory_order_relaxed));
        mem_free(heads);
    }
    traits_forget(t, UINT32_MAX);
    mem_free(t->retired);
    mem_free(t);
}

void traits_forget(struct traits *t, uint32_t version)
{
    while (t->retired_from < t->retired_count && t->retired[t->retired_from].until <= version)
        mem_free(t->retired[t->retired_from++].set);
    if (t->retired_from == t->retired_count)
        t->retired_from = t->retired_count = 0;
}

static head *head_of(struct traits *t, uint32_t ordinal)
{
    unsigned piece;
    uint32_t at;
    place_of(ordinal, &piece, &at);
    head *heads = atomic_load_explicit(&t->pieces[piece], memory_order_relaxed);
    if (!heads) {
        heads = mem_array((size_t)1 << (piece + FIRST_PIECE_BITS), sizeof *heads);
        atomic_store_explicit(&t->pieces[piece], heads, memory_order_release);
    }
    return &heads[at];
}

static struct value trait_value(const struct trait_set *s, const struct trait *t)
{
    struct value v = {.type = (enum value_type)(t->name_and_type >> NAME_BITS)};
    switch (v.type) {
    case VALUE_BOOL:
        v.boolean = t->integer != 0;
        break;
    case VALUE_INT:
        v.integer = t->integer;
        break;
    case VALUE_DOUBLE:
        v.number = t->number;
        break;
    case VALUE_TEXT:
    case VALUE_LIST:
        v.text = (struct str){(const char *)(s->list + s->count) + t->text.at, t->text.len};
        break;
    default:
        break;
    }
    return v;
}

static const struct trait *find_trait(const struct trait_set *s, uint32_t name)
{
    for (uint32_t i = 0; s && i < s->count; i++)
        if ((s->list[i].name_and_type & ((1u << NAME_BITS) - 1)) == name)
            return &s->list[i];
    return NULL;
}

static bool changes(const struct trait_set *old, const struct trait_change *c)
{
    const struct trait *t = find_trait(old, c->name);
    if (!t) /* a null where nothing was says nothing new */
        return c->value.type != VALUE_NULL;
    return !value_same(trait_value(old, t), c->value);
}

static size_t text_bytes(struct value v)
{
    return v.type == VALUE_TEXT || v.type == VALUE_LIST ? v.text.len : 0;
}

static void add_trait(struct trait_set *s, char *texts, size_t *text_end, uint32_t name,
                      uint32_t version, struct value v)
{
    REQUIRE(name < 1u << NAME_BITS);
    struct trait *t = &s->list[s->count++];
    t->name_and_type = name | (uint32_t)v.type << NAME_BITS;
    t->version = version;
    if (v.type == VALUE_DOUBLE) {
        t->number = v.number;
    } else if (v.type == VALUE_TEXT || v.type == VALUE_LIST) {
        t->text.at = (uint32_t)*text_end;
        t->text.len = (uint32_t)v.text.len;
        if (v.text.len)
            memcpy(texts + *text_end, v.text.at, v.text.len);
        *text_end += v.text.len;
    } else {
        t->integer = v.type == VALUE_BOOL ? v.boolean : v.type == VALUE_INT ? v.integer : 0;
    }
}

static bool is_in(const struct trait_change *list, size_t count, uint32_t name)
{
    for (size_t i = 0; i < count; i++)
        if (list[i].name == name)
            return true;
    return false;
}

/* The old set with the changes in it. Values that stay keep the version they were set at. */
static struct trait_set *combined(const struct trait_set *old, uint32_t version, int64_t created,
                                  const struct trait_change *list, size_t count)
{
    size_t old_count = old ? old->count : 0, bytes = 0, kept = 0;
    for (size_t i = 0; i < old_count; i++) {
        if (is_in(list, count, old->list[i].name_and_type & ((1u << NAME_BITS) - 1)))
            continue;
        kept++;
        bytes += text_bytes(trait_value(old, &old->list[i]));
    }
    for (size_t i = 0; i < count; i++)
        bytes += text_bytes(list[i].value);
    REQUIRE(bytes < UINT32_MAX);
    struct trait_set *s = mem_zero(sizeof *s + (kept + count) * sizeof(struct trait) + bytes);
    s->version = version;
    s->created = created;
    char *texts = (char *)(s->list + kept + count);
    size_t text_end = 0;
    for (size_t i = 0; i < old_count; i++) {
        uint32_t name = old->list[i].name_and_type & ((1u << NAME_BITS) - 1);
        if (!is_in(list, count, name))
            add_trait(s, texts, &text_end, name, old->list[i].version,
                      trait_value(old, &old->list[i]));
    }
    for (size_t i = 0; i < count; i++)
        add_trait(s, texts, &text_end, list[i].name, version, list[i].value);
    REQUIRE(s->count == kept + count);
    return s;
}

bool traits_set(struct traits *t, uint32_t ordinal, uint32_t version, int64_t created,
                const struct trait_change *list, size_t count)
{
    head *h = head_of(t, ordinal);
    struct trait_set *old = atomic_load_explicit(h, memory_order_relaxed);
    int64_t created_before = old ? old->created : (int64_t)FACT_CREATED_NONE;
    if (created == (int64_t)FACT_CREATED_NONE ||
        (created_before != (int64_t)FACT_CREATED_NONE && created_before < created))
        created = created_before;
    bool is_new = created != created_before;
    for (size_t i = 0; i < count && !is_new; i++)
        is_new = changes(old, &list[i]);
    if (!is_new)
        return false;
    struct trait_set *s = combined(old, version, created, list, count);
    s->older = old;
    atomic_store_explicit(h, s, memory_order_release);
    if (old)
        ARRAY_PUSH(t->retired, t->retired_count, t->retired_room) = (struct retired){old, version};
    return true;
}

size_t traits_clear(struct traits *t, uint32_t ordinal, uint32_t version)
{
    head *h = head_of(t, ordinal);
    struct trait_set *old = atomic_load_explicit(h, memory_order_relaxed);
    if (!old || (old->count == 0 && old->created == (int64_t)FACT_CREATED_NONE))
        return 0;
    struct trait_set *s = combined(NULL, version, (int64_t)FACT_CREATED_NONE, NULL, 0);
    s->older = old;
    atomic_store_explicit(h, s, memory_order_release);
    ARRAY_PUSH(t->retired, t->retired_count, t->retired_room) = (struct retired){old, version};
    return old->count;
}

const struct trait_set *traits_at(const struct traits *t, uint32_t ordinal, uint32_t version)
{
    unsigned piece;
    uint32_t at;
    place_of(ordinal, &piece, &at);
    head *heads = atomic_load_explicit(&t->pieces[piece], memory_order_acquire);
    if (!heads)
        return NULL;
    const struct trait_set *s = atomic_load_explicit(&heads[at], memory_order_acquire);
    while (s && s->version > version)
        s = s->older;
    return s;
}

struct value trait_set_value(const struct trait_set *s, uint32_t name, uint32_t *version)
{
    const struct trait *t = find_trait(s, name);
    if (!t)
        return (struct value){0};
    *version = t->version;
    return trait_value(s, t);
}

int64_t trait_set_created(const struct trait_set *s)
{
    return s ? s->created : (int64_t)FACT_CREATED_NONE;
}

uint32_t trait_set_count(const struct trait_set *s)
{
    return s ? s->count : 0;
}

struct value trait_set_at(const struct trait_set *s, uint32_t i, uint32_t *name, uint32_t *version)
{
    REQUIRE(i < s->count);
    *name = s->list[i].name_and_type & ((1u << NAME_BITS) - 1);
    *version = s->list[i].version;
    return trait_value(s, &s->list[i]);
}

uint32_t trait_set_version(const struct trait_set *s)
{
    return s ? s->version : 0;
}
