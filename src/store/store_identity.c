/*
 * store/store_identity: which ids are one person, at any moment, and how that came about.
 *
 * Merges touch each other only through ids that they share. So the ids that the log ties to the one
 * asked for, directly or through others, are found first (a plain union-find), and only their
 * entries are replayed.
 */
#include "base/arena.h"
#include "store/identity_log.h"
#include "store/merges.h"
#include "store/snapshot.h"

/* Entries that name erased people are passed over, as if they had never been. */
static bool names_erased(const struct snapshot *v, const struct identity_entry *n)
{
    return hidden_has(v->hidden, n->subject) || hidden_has(v->hidden, n->other) ||
           people_id(v->people, n->subject).len == 0 || people_id(v->people, n->other).len == 0;
}

struct replay {
    const struct snapshot *view;
    const struct identity_log *log;
    struct arena *arena;
    int64_t as_of;
    uint32_t person;                       /* asked for */
    const struct identity_entry **entries; /* that touch the person, by the moment asked for */
    bool *is_undone;                       /* of each */
    size_t count;
    struct merges *merges; /* as they were then */
};

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

static void choose_entries(struct replay *r)
{
    uint32_t all, chosen = 0, *ties = mem_array(people_count(r->view->people), sizeof *ties);
    r->log = people_log(r->view->people, &all);
    for (uint32_t i = 0; i < all; i++) {
        const struct identity_entry *n = identity_log_at(r->log, i);
        if (names_erased(r->view, n))
            continue;
        uint32_t a = tied_to(ties, n->subject), b = tied_to(ties, n->other);
        if (a != b)
            ties[a] = b + 1;
    }
    uint32_t mine = tied_to(ties, r->person);
    for (int turn = 0; turn < 2; turn++) { /* counts, then keeps */
        for (uint32_t i = 0; i < all; i++) {
            const struct identity_entry *n = identity_log_at(r->log, i);
            if (n->at > r->as_of || names_erased(r->view, n) || tied_to(ties, n->other) != mine)
                continue;
            if (turn)
                r->entries[r->count++] = n;
            chosen++;
        }
        if (!turn)
            r->entries = arena_array(r->arena, chosen, sizeof *r->entries);
    }
    mem_free(ties);
    r->is_undone = arena_array(r->arena, r->count, sizeof *r->is_undone);
}

/* An unmerge takes back one word, in however many entries it was said. */
static void undo(struct replay *r, size_t unmerge)
{
    const struct identity_entry *n = r->entries[unmerge];
    uint32_t subject = merges_meant(r->merges, n->subject, n->other);
    for (size_t i = 0; i < unmerge; i++)
        if (!r->entries[i]->is_part && r->entries[i]->other == n->other &&
            r->entries[i]->subject == subject)
            r->is_undone[i] = true;
    merges_part(r->merges, n->subject, n->other);
}

static void run(struct replay *r)
{
    for (size_t i = 0; i < r->count; i++) {
        const struct identity_entry *n = r->entries[i];
        if (n->is_part)
            undo(r, i);
        else
            merges_join(r->merges, n->subject, n->other);
    }
}

static enum identity_standing standing_of(const struct replay *r, size_t i)
{
    const struct identity_entry *n = r->entries[i];
    uint32_t parent;
    if (n->is_part)
        return IDENTITY_UNMERGE;
    if (r->is_undone[i])
        return IDENTITY_UNDONE;
    bool counts = merges_parent(r->merges, n->other, &parent) && parent == n->subject;
    return counts ? IDENTITY_STANDS : IDENTITY_BEHIND;
}

static bool is_shown(const struct replay *r, const struct identity_entry *n, uint32_t unit)
{
    return n->subject == r->person || n->other == r->person ||
           merges_root(r->merges, n->subject) == unit || merges_root(r->merges, n->other) == unit;
}

static void list_changes(const struct replay *r, uint32_t unit, struct person_identity *out)
{
    const struct people_view *people = r->view->people;
    struct identity_change *list = arena_array(r->arena, r->count, sizeof *list);
    for (size_t i = 0; i < r->count; i++) {
        const struct identity_entry *n = r->entries[i];
        if (!is_shown(r, n, unit))
            continue;
        list[out->change_count++] = (struct identity_change){
            .kind = n->is_part ? FACT_UNMERGE : FACT_MERGE,
            .subject = people_id(people, n->subject),
            .other = people_id(people, n->other),
            .by = identity_log_text(r->log, n->by),
            .reason = identity_log_text(r->log, n->reason),
            .at = n->at,
            .standing = standing_of(r, i),
        };
    }
    out->changes = list;
}

static void list_ids(const struct replay *r, uint32_t unit, struct person_identity *out)
{
    const struct people_view *people = r->view->people;
    const uint32_t *members;
    out->id_count = merges_members(merges_look(r->merges, 1), unit, &members);
    struct str *ids = arena_array(r->arena, out->id_count, sizeof *ids);
    size_t shown = 0;
    for (size_t i = 0; i < out->id_count; i++) {
        uint32_t member = members ? members[i] : unit;
        if (!hidden_has(r->view->hidden, member))
            ids[shown++] = people_id(people, member);
    }
    out->ids = ids;
    out->id_count = shown;
    out->person = people_id(people, unit);
}

bool snapshot_identity(const struct snapshot *v, struct str id, int64_t as_of, struct arena *arena,
                       struct person_identity *out, struct err *e)
{
    AUTO(merges) *merges = merges_create();
    struct replay r = {.view = v, .arena = arena, .as_of = as_of, .merges = merges};
    *out = (struct person_identity){0};
    if (!people_find(v->people, id, &r.person) || hidden_has(v->hidden, r.person)) {
        err_set(e, ERR_NOT_FOUND, "nobody has the id \"%.*s\"", (int)MIN(id.len, 80), id.at);
        err_code(e, "person.unknown");
        return err_hint(e, "ids are compared byte for byte, with upper and lower case");
    }
    choose_entries(&r);
    run(&r);
    uint32_t unit = merges_root(merges, r.person);
    REQUIRE(as_of != IDENTITY_NOW || unit == people_unit(v->people, r.person));
    list_ids(&r, unit, out);
    list_changes(&r, unit, out);
    return true;
}
