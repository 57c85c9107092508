/* store/people: see people.h and people_write.h. */
#include "store/people_write.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>

#include "codec/bytes.h"
#include "store/head.h"
#include "store/identity_log.h"
#include "store/merges.h"
#include "store/people_facts.h"
#include "store/people_read.h"
#include "store/textmap.h"

struct people {
    _Atomic uint32_t references; /* the writer and each view */
    struct textmap *ids, *accounts, *trait_names;
    struct merges *merges;
    struct identity_log *log; /* what made the merges what they are */
    struct traits *traits, *account_traits;
    uint32_t version;         /* counts the facts that changed something */
    struct people_view *view; /* of the present state, or NULL */
    pthread_mutex_t lock;     /* of the list of views, nothing else */
    struct people_view *oldest, *newest;
    struct os *os; /* of the map */
    struct os_map map;
};

struct people_view {
    _Atomic uint32_t references;
    struct people *people;
    struct people_view *older, *newer; /* by the people's lock */
    struct textmap_view ids, accounts, trait_names;
    const struct merges_view *merges; /* NULL: nobody is merged */
    uint32_t log_count;
    uint32_t version;
};

struct people *people_create(uint64_t seed)
{
    struct people *p = mem_zero(sizeof *p);
    atomic_init(&p->references, 1);
    p->ids = textmap_create(seed);
    p->accounts = textmap_create(seed);
    p->trait_names = textmap_create(seed);
    p->merges = merges_create();
    p->log = identity_log_create();
    p->traits = traits_create();
    p->account_traits = traits_create();
    REQUIRE(pthread_mutex_init(&p->lock, NULL) == 0);
    return p;
}

static void release(struct people *p)
{
    if (atomic_fetch_sub_explicit(&p->references, 1, memory_order_acq_rel) != 1)
        return;
    textmap_destroy(p->ids);
    textmap_destroy(p->accounts);
    textmap_destroy(p->trait_names);
    merges_destroy(p->merges);
    identity_log_destroy(p->log);
    traits_destroy(p->traits);
    traits_destroy(p->account_traits);
    pthread_mutex_destroy(&p->lock);
    if (p->os)
        os_unmap(p->os, &p->map);
    mem_free(p);
}

void people_own_map(struct people *p, struct os *os, struct os_map map)
{
    REQUIRE(!p->os);
    p->os = os;
    p->map = map;
}

void people_destroy(struct people *p)
{
    if (!p)
        return;
    people_view_release(p->view);
    p->view = NULL;
    release(p);
}

uint32_t people_put(struct people *p, struct str id)
{
    return textmap_put(p->ids, id, NULL);
}

void people_find_many(const struct people *p, const struct str *ids, size_t count,
                      uint32_t *ordinals)
{
    textmap_find_many(p->ids, ids, count, ordinals);
}

uint32_t people_ordinals(const struct people *p)
{
    return textmap_count(p->ids);
}

struct str people_id_at(const struct people *p, uint32_t ordinal)
{
    return textmap_at(p->ids, ordinal);
}

/* ---- facts ---- */

static bool apply_traits(struct people *p, const struct fact *f, struct traits *traits,
                         uint32_t ordinal)
{
    enum { ON_STACK = 32 };
    struct trait_change few[ON_STACK] = {0};
    struct trait_change *list =
        f->property_count > ON_STACK ? mem_array(f->property_count, sizeof *list) : few;
    for (size_t i = 0; i < f->property_count; i++)
        list[i] = (struct trait_change){textmap_put(p->trait_names, f->properties[i].name, NULL),
                                        f->properties[i].value};
    bool changed = traits_set(traits, ordinal, p->version + 1, f->created, list, f->property_count);
    if (list != few)
        mem_free(list);
    return changed;
}

static uint32_t find_now(struct textmap *m, struct str text)
{
    struct textmap_view v = textmap_look(m);
    uint32_t found = textmap_find(&v, text);
    textmap_drop(&v);
    return found;
}

static bool apply_merge(struct people *p, const struct fact *f)
{
    if (str_equal(f->subject, f->other))
        return false;
    uint32_t subject = textmap_put(p->ids, f->subject, NULL);
    uint32_t other = textmap_put(p->ids, f->other, NULL);
    if (!merges_join(p->merges, subject, other))
        return false;
    identity_log_add(p->log, f, subject, other);
    return true;
}

static bool apply_unmerge(struct people *p, struct fact *f)
{
    uint32_t subject = find_now(p->ids, f->subject), other = find_now(p->ids, f->other);
    if (subject == TEXTMAP_NONE || other == TEXTMAP_NONE)
        return false;
    subject = merges_meant(p->merges, subject, other);
    if (!merges_part(p->merges, subject, other))
        return false;
    f->subject = textmap_at(p->ids, subject);
    identity_log_add(p->log, f, subject, other);
    return true;
}

static bool apply(struct people *p, struct fact *f)
{
    bool is_new = false;
    switch (f->kind) {
    case FACT_PERSON_TRAITS: {
        uint32_t ordinal = textmap_put(p->ids, f->subject, &is_new);
        return apply_traits(p, f, p->traits, ordinal) || is_new;
    }
    case FACT_ACCOUNT_TRAITS: {
        uint32_t ordinal = textmap_put(p->accounts, f->subject, &is_new);
        return apply_traits(p, f, p->account_traits, ordinal) || is_new;
    }
    case FACT_MERGE:
        return apply_merge(p, f);
    case FACT_UNMERGE:
        return apply_unmerge(p, f);
    case FACT_ERASE:
    case FACT_ERASE_ID:
        break; /* store_erase.c: more than people's own matter */
    }
    return false;
}

/* Something changed: the present view is old now. Let go of it, or it would keep every replaced
 * trait alive. */
static void changed(struct people *p)
{
    p->version++;
    people_view_release(TAKE(p->view));
    pthread_mutex_lock(&p->lock);
    uint32_t oldest = p->oldest ? p->oldest->version : p->version;
    pthread_mutex_unlock(&p->lock);
    traits_forget(p->traits, oldest);
    traits_forget(p->account_traits, oldest);
    merges_forget(p->merges, oldest);
}

bool people_apply(struct people *p, struct fact *f)
{
    REQUIRE(p->version < UINT32_MAX - 1);
    if (!apply(p, f))
        return false;
    changed(p);
    return true;
}

static void replay_entry(struct people *p, bool is_part, uint32_t subject, uint32_t other)
{
    if (is_part)
        merges_part(p->merges, subject, other);
    else
        merges_join(p->merges, subject, other);
}

void people_load_fact(struct people *p, const struct fact *f)
{
    struct fact own = *f;
    if (f->kind != FACT_MERGE && f->kind != FACT_UNMERGE) {
        people_apply(p, &own);
        return;
    }
    uint32_t subject = textmap_put(p->ids, f->subject, NULL);
    uint32_t other = textmap_put(p->ids, f->other, NULL);
    identity_log_add(p->log, f, subject, other);
    replay_entry(p, f->kind == FACT_UNMERGE, subject, other);
    changed(p);
}

/* ---- erasing ---- */

static uint32_t tied_to(uint32_t *ties, uint32_t x)
{
    while (ties[x]) {
        uint32_t up = ties[x] - 1;
        if (ties[up])
            ties[x] = ties[up]; /* the way is half as long next time */
        x = up;
    }
    return x;
}

static bool names_erased(const struct people *p, const struct identity_entry *n)
{
    return textmap_is_hidden(p->ids, n->subject) || textmap_is_hidden(p->ids, n->other);
}

/*
 * As if the merges that name the erased had never been: whatever the log ties to one of them is
 * taken apart, and put together again by the entries that are left. Reading the facts file, which
 * will lack these entries, comes to the same. Returns how many went.
 */
static size_t replay_merges(struct people *p, const uint32_t *list, size_t count)
{
    uint32_t all = identity_log_count(p->log), ordinals = textmap_count(p->ids);
    uint32_t *ties = mem_array(ordinals, sizeof *ties);
    bool *is_touched = mem_array(ordinals, sizeof *is_touched);
    bool *is_listed = mem_array(ordinals, sizeof *is_listed);
    size_t gone = 0;
    for (uint32_t i = 0; i < all; i++) {
        const struct identity_entry *n = identity_log_at(p->log, i);
        uint32_t a = tied_to(ties, n->subject), b = tied_to(ties, n->other);
        if (a != b)
            ties[a] = b + 1;
    }
    for (size_t i = 0; i < count; i++)
        is_touched[tied_to(ties, list[i])] = is_listed[list[i]] = true;
    for (uint32_t i = 0; i < all; i++) {
        const struct identity_entry *n = identity_log_at(p->log, i);
        if (!is_touched[tied_to(ties, n->other)])
            continue;
        gone += is_listed[n->subject] || is_listed[n->other];
        merges_clear(p->merges, n->subject);
        merges_clear(p->merges, n->other);
    }
    for (uint32_t i = 0; i < all; i++) {
        const struct identity_entry *n = identity_log_at(p->log, i);
        if (!is_touched[tied_to(ties, n->other)] || names_erased(p, n))
            continue;
        replay_entry(p, n->is_part, n->subject, n->other);
    }
    mem_free(ties);
    mem_free(is_touched);
    mem_free(is_listed);
    return gone;
}

void people_erase(struct people *p, const uint32_t *list, size_t count,
                  struct people_erased *counts)
{
    REQUIRE(p->version < UINT32_MAX - 1);
    for (size_t i = 0; i < count; i++) {
        textmap_hide(p->ids, list[i]);
        counts->traits += traits_clear(p->traits, list[i], p->version + 1);
    }
    if (identity_log_count(p->log))
        counts->merges += replay_merges(p, list, count);
    changed(p);
}

void people_blank(struct people *p, uint32_t ordinal)
{
    textmap_blank(p->ids, ordinal);
}

uint32_t people_erased_count(const struct people *p)
{
    return textmap_hidden(p->ids);
}

/* ---- views ---- */

static struct people_view *make_view(struct people *p)
{
    struct people_view *v = mem_zero(sizeof *v);
    atomic_init(&v->references, 1);
    v->people = p;
    atomic_fetch_add_explicit(&p->references, 1, memory_order_relaxed);
    v->ids = textmap_look(p->ids);
    v->accounts = textmap_look(p->accounts);
    v->trait_names = textmap_look(p->trait_names);
    v->merges = merges_look(p->merges, p->version);
    v->log_count = identity_log_count(p->log);
    v->version = p->version;
    pthread_mutex_lock(&p->lock);
    v->older = p->newest;
    if (p->newest)
        p->newest->newer = v;
    else
        p->oldest = v;
    p->newest = v;
    pthread_mutex_unlock(&p->lock);
    return v;
}

struct people_view *people_look(struct people *p)
{
    if (p->view && p->view->ids.count != textmap_count(p->ids))
        people_view_release(TAKE(p->view));
    if (!p->view)
        p->view = make_view(p);
    return people_view_keep(p->view);
}

struct people_view *people_view_keep(struct people_view *v)
{
    atomic_fetch_add_explicit(&v->references, 1, memory_order_relaxed);
    return v;
}

void people_view_release(struct people_view *v)
{
    if (!v || atomic_fetch_sub_explicit(&v->references, 1, memory_order_acq_rel) != 1)
        return;
    struct people *p = v->people;
    pthread_mutex_lock(&p->lock);
    *(v->older ? &v->older->newer : &p->oldest) = v->newer;
    *(v->newer ? &v->newer->older : &p->newest) = v->older;
    pthread_mutex_unlock(&p->lock);
    textmap_drop(&v->ids);
    textmap_drop(&v->accounts);
    textmap_drop(&v->trait_names);
    mem_free(v);
    release(p);
}

uint32_t people_count(const struct people_view *v)
{
    return v->ids.count;
}

struct str people_id(const struct people_view *v, uint32_t ordinal)
{
    REQUIRE(ordinal < v->ids.count);
    return textmap_at(v->ids.map, ordinal);
}

bool people_find(const struct people_view *v, struct str id, uint32_t *ordinal)
{
    *ordinal = textmap_find(&v->ids, id);
    return *ordinal != TEXTMAP_NONE;
}

bool people_has_merges(const struct people_view *v)
{
    return v->merges != NULL;
}

uint32_t people_unit(const struct people_view *v, uint32_t ordinal)
{
    return merges_unit(v->merges, ordinal);
}

size_t people_members(const struct people_view *v, uint32_t unit, const uint32_t **list)
{
    return merges_members(v->merges, unit, list);
}

const struct identity_log *people_log(const struct people_view *v, uint32_t *count)
{
    *count = v->log_count;
    return v->people->log;
}

struct value people_trait(const struct people_view *v, uint32_t unit, struct str name)
{
    uint32_t code = textmap_find(&v->trait_names, name);
    if (code == TEXTMAP_NONE)
        return (struct value){0};
    const uint32_t *members;
    size_t count = people_members(v, unit, &members);
    struct value newest = {0};
    uint32_t newest_version = 0;
    for (size_t i = 0; i < count; i++) {
        uint32_t version = 0;
        const struct trait_set *s =
            traits_at(v->people->traits, members ? members[i] : unit, v->version);
        struct value value = trait_set_value(s, code, &version);
        if (version > newest_version) {
            newest = value;
            newest_version = version;
        }
    }
    return newest;
}

int64_t people_created(const struct people_view *v, uint32_t unit)
{
    const uint32_t *members;
    size_t count = people_members(v, unit, &members);
    int64_t earliest = (int64_t)FACT_CREATED_NONE;
    for (size_t i = 0; i < count; i++) {
        int64_t created = trait_set_created(
            traits_at(v->people->traits, members ? members[i] : unit, v->version));
        if (created != (int64_t)FACT_CREATED_NONE &&
            (earliest == (int64_t)FACT_CREATED_NONE || created < earliest))
            earliest = created;
    }
    return earliest;
}

int64_t people_account_created(const struct people_view *v, struct str account)
{
    uint32_t ordinal = textmap_find(&v->accounts, account);
    if (ordinal == TEXTMAP_NONE)
        return (int64_t)FACT_CREATED_NONE;
    return trait_set_created(traits_at(v->people->account_traits, ordinal, v->version));
}

struct value people_account_trait(const struct people_view *v, struct str account, struct str name)
{
    uint32_t code = textmap_find(&v->trait_names, name);
    uint32_t ordinal = textmap_find(&v->accounts, account);
    if (code == TEXTMAP_NONE || ordinal == TEXTMAP_NONE)
        return (struct value){0};
    uint32_t version;
    return trait_set_value(traits_at(v->people->account_traits, ordinal, v->version), code,
                           &version);
}

static void each_trait(const struct people_view *v, const struct trait_set *s, uint32_t ordinal,
                       trait_fn *visit, void *context)
{
    uint32_t name, count = trait_set_count(s);
    struct trait_item item = {
        .ordinal = ordinal, .version = trait_set_version(s), .created = trait_set_created(s)};
    if (!count && item.created != (int64_t)FACT_CREATED_NONE)
        visit(context, &item);
    for (uint32_t i = 0; i < count; i++) {
        item.value = trait_set_at(s, i, &name, &item.version);
        item.name = textmap_at(v->trait_names.map, name);
        visit(context, &item);
    }
}

void people_each_trait(const struct people_view *v, uint32_t ordinal, trait_fn *visit,
                       void *context)
{
    each_trait(v, traits_at(v->people->traits, ordinal, v->version), ordinal, visit, context);
}

void people_each_account_trait(const struct people_view *v, uint32_t account, trait_fn *visit,
                               void *context)
{
    each_trait(v, traits_at(v->people->account_traits, account, v->version), account, visit,
               context);
}

uint32_t people_accounts(const struct people_view *v)
{
    return v->accounts.count;
}

struct str people_account(const struct people_view *v, uint32_t account)
{
    return textmap_at(v->accounts.map, account);
}

/* ---- people-<n> ---- */

/* A block: u32 bytes behind its head, u32 crc32c of the rest (starts from the file's salt), u32
 * ordinal of its first id, u32 ids; then each id as u16 length and bytes. */
enum { BLOCK_HEAD_BYTES = 16, BLOCK_BYTES = 256 << 10, CHECKED_FROM = 8 };

static void close_block(struct buf *into, size_t start, uint32_t salt, uint32_t first,
                        uint32_t count)
{
    char *head = into->at + start;
    uint32_t bytes = (uint32_t)(into->len - start - BLOCK_HEAD_BYTES);
    memcpy(head, &bytes, 4);
    memcpy(head + 8, &first, 4);
    memcpy(head + 12, &count, 4);
    uint32_t crc = crc32c(salt, head + CHECKED_FROM, into->len - start - CHECKED_FROM);
    memcpy(head + 4, &crc, 4);
}

void people_encode(const struct people_view *v, uint32_t salt, uint32_t from, uint32_t to,
                   const uint32_t *blank, size_t blank_count, struct buf *into)
{
    size_t next = 0;
    REQUIRE(from <= to && to <= v->ids.count);
    while (from < to) {
        size_t start = into->len;
        memset(buf_reserve(into, BLOCK_HEAD_BYTES), 0, BLOCK_HEAD_BYTES);
        into->len += BLOCK_HEAD_BYTES;
        uint32_t first = from;
        for (; from < to && into->len - start < BLOCK_BYTES; from++) {
            struct str id = textmap_at(v->ids.map, from);
            while (next < blank_count && blank[next] < from)
                next++;
            if (next < blank_count && blank[next] == from)
                id.len = 0;
            buf_add_u16(into, (uint16_t)id.len);
            buf_add(into, id);
        }
        close_block(into, start, salt, first, from - first);
    }
}

static uint32_t get32(const char *at)
{
    uint32_t v;
    memcpy(&v, at, sizeof v);
    return v;
}

static bool damaged(struct str path, uint64_t at, struct err *e)
{
    err_set(e, ERR_CORRUPT, "%.*s is damaged at byte %" PRIu64, STR_ARG(path), at);
    return err_hint(e, "restore the directory from a backup");
}

static bool load_block(struct people *p, struct str ids, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        uint16_t len;
        if (ids.len < sizeof len)
            return false;
        memcpy(&len, ids.at, sizeof len);
        if (len > ids.len - sizeof len)
            return false;
        textmap_load(p->ids, ids.at);
        if (len == 0) /* erased */
            textmap_hide(p->ids, textmap_count(p->ids) - 1);
        ids = str_sub(ids, sizeof len + len, ids.len);
    }
    return ids.len == 0;
}

bool people_load(struct people *p, struct str blocks, struct str path, uint32_t salt,
                 uint32_t count, struct err *e)
{
    REQUIRE(textmap_count(p->ids) == 0);
    for (size_t at = 0; at < blocks.len;) {
        const char *head = blocks.at + at;
        size_t left = blocks.len - at;
        if (left < BLOCK_HEAD_BYTES || get32(head) > left - BLOCK_HEAD_BYTES)
            return damaged(path, HEAD_BYTES + at, e);
        size_t bytes = get32(head);
        struct str ids = {head + BLOCK_HEAD_BYTES, bytes};
        if (get32(head + 4) !=
                crc32c(salt, head + CHECKED_FROM, BLOCK_HEAD_BYTES - CHECKED_FROM + bytes) ||
            get32(head + 8) != textmap_count(p->ids) ||
            get32(head + 12) > count - textmap_count(p->ids) ||
            !load_block(p, ids, get32(head + 12)))
            return damaged(path, HEAD_BYTES + at, e);
        at += BLOCK_HEAD_BYTES + bytes;
    }
    if (textmap_count(p->ids) != count)
        return damaged(path, HEAD_BYTES + blocks.len, e);
    textmap_loaded(p->ids);
    return true;
}
