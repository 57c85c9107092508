/* os/sim_disk: see sim_disk.h. */
#include "os/sim_disk.h"

#include <errno.h>
#include <stdatomic.h>

#include "base/hash.h"

void sim_disk_init(struct sim_disk *d, uint64_t seed)
{
    *d = (struct sim_disk){.dice = hash_mix(seed)};
    d->root = mem_zero(sizeof *d->root);
    d->root->is_dir = true;
    ARRAY_PUSH(d->nodes, d->node_count, d->node_room) = d->root;
}

uint64_t sim_throw(struct sim_disk *d)
{
    return hash_mix(d->dice++);
}

static bool coin(struct sim_disk *d)
{
    return sim_throw(d) & 1;
}

static void names_clear(struct sim_names *names)
{
    for (size_t i = 0; i < names->count; i++)
        mem_free(names->list[i].name);
    mem_free(names->list);
    *names = (struct sim_names){0};
}

static void blob_release(struct sim_blob *b)
{
    if (b && atomic_fetch_sub_explicit(&b->references, 1, memory_order_acq_rel) == 1)
        mem_free(b);
}

static void changes_clear(struct sim_node *file)
{
    for (size_t i = 0; i < file->change_count; i++)
        blob_release(file->changes[i].bytes);
    file->change_count = 0;
}

static void node_destroy(struct sim_node *node)
{
    names_clear(&node->live_names);
    names_clear(&node->durable_names);
    sim_bytes_clear(&node->live);
    sim_bytes_clear(&node->durable);
    changes_clear(node);
    mem_free(node->changes);
    mem_free(node);
}

static void name_change_clear(struct sim_name_change *change)
{
    for (size_t i = 0; i < change->part_count; i++)
        mem_free(change->parts[i].name);
}

void sim_disk_clear(struct sim_disk *d)
{
    for (size_t i = 0; i < d->node_count; i++)
        node_destroy(d->nodes[i]);
    for (size_t i = 0; i < d->name_change_count; i++)
        name_change_clear(&d->name_changes[i]);
    mem_free(d->nodes);
    mem_free(d->name_changes);
}

static void mark(struct sim_node *node, bool with_durable)
{
    if (node->is_marked)
        return;
    node->is_marked = true;
    for (size_t i = 0; i < node->live_names.count; i++)
        mark(node->live_names.list[i].node, with_durable);
    for (size_t i = 0; with_durable && i < node->durable_names.count; i++)
        mark(node->durable_names.list[i].node, with_durable);
}

static void unmark(struct sim_disk *d)
{
    for (size_t i = 0; i < d->node_count; i++)
        d->nodes[i]->is_marked = false;
}

static void mark_changed_names(struct sim_disk *d)
{
    for (size_t i = 0; i < d->name_change_count; i++)
        for (size_t j = 0; j < d->name_changes[i].part_count; j++) {
            mark(d->name_changes[i].parts[j].dir, true);
            if (d->name_changes[i].parts[j].node)
                mark(d->name_changes[i].parts[j].node, true);
        }
}

static void mark_open(struct sim_disk *d, bool with_durable)
{
    for (size_t i = 0; i < d->node_count; i++)
        if (d->nodes[i]->handles)
            mark(d->nodes[i], with_durable);
}

/* Lets go of nodes that no name, handle or pending change leads to. */
static void sweep(struct sim_disk *d)
{
    if (d->node_count < 2 * d->node_count_kept + 64)
        return;
    unmark(d);
    mark(d->root, true);
    mark_open(d, true);
    mark_changed_names(d);
    size_t kept = 0;
    for (size_t i = 0; i < d->node_count; i++) {
        if (d->nodes[i]->is_marked)
            d->nodes[kept++] = d->nodes[i];
        else
            node_destroy(d->nodes[i]);
    }
    d->node_count = d->node_count_kept = kept;
}

uint64_t sim_used_bytes(struct sim_disk *d)
{
    unmark(d);
    mark(d->root, false);
    mark_open(d, false);
    uint64_t bytes = 0;
    for (size_t i = 0; i < d->node_count; i++)
        bytes += d->nodes[i]->is_marked ? d->nodes[i]->live.len : 0;
    return bytes;
}

static struct sim_entry *entry_of(struct sim_names *names, struct str name)
{
    for (size_t i = 0; i < names->count; i++)
        if (str_equal(str_of(names->list[i].name), name))
            return &names->list[i];
    return NULL;
}

static char *copy_name(struct str name)
{
    char *copy = mem_zero(name.len + 1);
    memcpy(copy, name.at, name.len);
    return copy;
}

/* Sets a name, or takes it away when there is no node. */
static void names_set(struct sim_names *names, struct str name, struct sim_node *node)
{
    struct sim_entry *entry = entry_of(names, name);
    if (node && entry) {
        entry->node = node;
    } else if (node) {
        ARRAY_PUSH(names->list, names->count, names->room) =
            (struct sim_entry){copy_name(name), node};
    } else if (entry) {
        mem_free(entry->name);
        *entry = names->list[--names->count];
    }
}

/* Walks to the directory of a path's last part; `name` is empty when the path means the root. */
static int walk(struct sim_disk *d, const char *path, struct sim_node **dir, struct str *name)
{
    struct str rest = str_of(path), part;
    *dir = d->root;
    *name = STR("");
    while (str_cut(&rest, '/', &part)) {
        if (part.len == 0 || str_equal(part, STR(".")))
            continue;
        if (str_equal(part, STR("..")))
            return EINVAL; /* nobody needs it; better loud than wrong */
        if (name->len) {
            struct sim_entry *entry = entry_of(&(*dir)->live_names, *name);
            if (!entry)
                return ENOENT;
            if (!entry->node->is_dir)
                return ENOTDIR;
            *dir = entry->node;
        }
        *name = part;
    }
    return 0;
}

int sim_find(struct sim_disk *d, const char *path, struct sim_node **out)
{
    struct sim_node *dir;
    struct str name;
    int problem = walk(d, path, &dir, &name);
    if (problem)
        return problem;
    struct sim_entry *entry = name.len ? entry_of(&dir->live_names, name) : NULL;
    if (name.len && !entry)
        return ENOENT;
    *out = entry ? entry->node : d->root;
    return 0;
}

/* Makes a naming visible and remembers that it is not durable. */
static void name_now(struct sim_name_change *change, struct sim_node *dir, struct str name,
                     struct sim_node *node)
{
    change->parts[change->part_count++] = (struct sim_naming){dir, copy_name(name), node};
    names_set(&dir->live_names, name, node);
}

static struct sim_name_change *new_name_change(struct sim_disk *d)
{
    struct sim_name_change *change =
        &ARRAY_PUSH(d->name_changes, d->name_change_count, d->name_change_room);
    *change = (struct sim_name_change){.order = d->order++};
    return change;
}

int sim_make(struct sim_disk *d, const char *path, bool is_dir, struct sim_node **out)
{
    struct sim_node *dir;
    struct str name;
    int problem = walk(d, path, &dir, &name);
    if (problem)
        return problem;
    if (name.len == 0 || entry_of(&dir->live_names, name))
        return EEXIST;
    sweep(d);
    struct sim_node *node = mem_zero(sizeof *node);
    node->is_dir = is_dir;
    ARRAY_PUSH(d->nodes, d->node_count, d->node_room) = node;
    name_now(new_name_change(d), dir, name, node);
    *out = node;
    return 0;
}

int sim_remove(struct sim_disk *d, const char *path)
{
    struct sim_node *dir;
    struct str name;
    int problem = walk(d, path, &dir, &name);
    if (problem)
        return problem;
    struct sim_entry *entry = name.len ? entry_of(&dir->live_names, name) : NULL;
    if (!entry)
        return name.len ? ENOENT : EBUSY;
    if (entry->node->is_dir && entry->node->live_names.count)
        return ENOTEMPTY;
    name_now(new_name_change(d), dir, name, NULL);
    return 0;
}

/* Is `node` the directory `dir` or below it? */
static bool is_within(const struct sim_node *node, const struct sim_node *dir)
{
    if (node == dir)
        return true;
    for (size_t i = 0; i < dir->live_names.count; i++)
        if (is_within(node, dir->live_names.list[i].node))
            return true;
    return false;
}

int sim_rename(struct sim_disk *d, const char *from, const char *to)
{
    struct sim_node *old_dir, *new_dir;
    struct str old_name, new_name;
    int problem = walk(d, from, &old_dir, &old_name);
    if (!problem)
        problem = walk(d, to, &new_dir, &new_name);
    if (problem)
        return problem;
    struct sim_entry *old = old_name.len ? entry_of(&old_dir->live_names, old_name) : NULL;
    if (!old)
        return ENOENT;
    if (new_name.len == 0 || is_within(new_dir, old->node))
        return EINVAL;
    struct sim_node *node = old->node;
    struct sim_entry *there = entry_of(&new_dir->live_names, new_name);
    if (there && there->node == node)
        return 0;
    if (there && there->node->is_dir != node->is_dir)
        return node->is_dir ? ENOTDIR : EISDIR;
    if (there && there->node->live_names.count)
        return ENOTEMPTY;
    struct sim_name_change *change = new_name_change(d);
    name_now(change, old_dir, old_name, NULL);
    name_now(change, new_dir, new_name, node);
    return 0;
}

void sim_write(struct sim_disk *d, struct sim_node *file, uint64_t at, struct str bytes)
{
    if (bytes.len == 0)
        return;
    sim_bytes_write(&file->live, at, bytes.at, bytes.len);
    struct sim_blob *blob = mem_zero(sizeof *blob + bytes.len);
    atomic_init(&blob->references, 1);
    blob->len = bytes.len;
    memcpy(blob->at, bytes.at, bytes.len);
    ARRAY_PUSH(file->changes, file->change_count, file->change_room) =
        (struct sim_change){at, d->order++, blob};
}

void sim_resize(struct sim_disk *d, struct sim_node *file, uint64_t bytes)
{
    sim_bytes_resize(&file->live, bytes);
    ARRAY_PUSH(file->changes, file->change_count, file->change_room) =
        (struct sim_change){bytes, d->order++, NULL};
}

static void apply_change(struct sim_node *file, const struct sim_change *c)
{
    if (c->bytes)
        sim_bytes_write(&file->durable, c->at, c->bytes->at, c->bytes->len);
    else
        sim_bytes_resize(&file->durable, c->at);
}

/* The file is as long as if the write had happened, but its bytes never came: they read as zeros,
 * or as what was there. */
static void apply_length(struct sim_node *file, const struct sim_change *c)
{
    uint64_t end = c->at + (c->bytes ? c->bytes->len : 0);
    if (end > file->durable.len || !c->bytes)
        sim_bytes_resize(&file->durable, end);
}

/* Some sectors of a write reach the disk, and the new length may do so without its bytes. */
static void apply_torn(struct sim_disk *d, struct sim_node *file, const struct sim_change *c)
{
    if (coin(d))
        apply_length(file, c);
    for (uint64_t from = c->at, end = c->at + c->bytes->len; from < end;) {
        uint64_t to = MIN((from / SIM_SECTOR_BYTES + 1) * SIM_SECTOR_BYTES, end);
        if (coin(d))
            sim_bytes_write(&file->durable, from, c->bytes->at + (from - c->at),
                            (size_t)(to - from));
        from = to;
    }
}

void sim_sync(struct sim_node *file)
{
    for (size_t i = 0; i < file->change_count; i++)
        apply_change(file, &file->changes[i]);
    changes_clear(file);
}

void sim_sync_failed(struct sim_disk *d, struct sim_node *file)
{
    for (size_t i = 0; i < file->change_count; i++)
        if (coin(d))
            apply_change(file, &file->changes[i]);
    changes_clear(file);
}

/* Does damage of this kind leave a change whole? `first`: the order of the first one lost. */
static bool is_lucky(struct sim_disk *d, enum os_sim_damage damage, uint64_t order, uint64_t first)
{
    switch (damage) {
    case OS_SIM_KEEP:
        return true;
    case OS_SIM_FIRST:
        return order < first;
    case OS_SIM_EACH:
        return coin(d);
    default:
        return false;
    }
}

/* OS_SIM_ANY: each file, and the names, meet a kind of damage of their own. */
static enum os_sim_damage kind_for(struct sim_disk *d, enum os_sim_damage damage)
{
    static const enum os_sim_damage kinds[] = {OS_SIM_DROP, OS_SIM_KEEP, OS_SIM_FIRST, OS_SIM_EACH};
    return damage == OS_SIM_ANY ? kinds[sim_throw(d) % COUNT(kinds)] : damage;
}

static void crash_file(struct sim_disk *d, struct sim_node *file, enum os_sim_damage damage,
                       uint64_t first)
{
    if (damage == OS_SIM_ANY && file->change_count)
        first = file->changes[sim_throw(d) % file->change_count].order;
    damage = damage == OS_SIM_BYTES ? OS_SIM_KEEP : kind_for(d, damage);
    for (size_t i = 0; i < file->change_count; i++) {
        const struct sim_change *c = &file->changes[i];
        if (damage == OS_SIM_LENGTHS)
            apply_length(file, c);
        else if (c->bytes && (damage == OS_SIM_TEAR || (damage == OS_SIM_EACH && coin(d))))
            apply_torn(d, file, c);
        else if (is_lucky(d, damage, c->order, first) || (damage == OS_SIM_TEAR && coin(d)))
            apply_change(file, c);
        else if (damage == OS_SIM_FIRST && c->order == first && c->bytes)
            apply_torn(d, file, c);
    }
    changes_clear(file);
    sim_bytes_copy(&file->live, &file->durable);
}

static void apply_name_change(const struct sim_name_change *change)
{
    for (size_t i = 0; i < change->part_count; i++)
        names_set(&change->parts[i].dir->durable_names, str_of(change->parts[i].name),
                  change->parts[i].node);
}

static bool touches(const struct sim_name_change *change, const struct sim_node *dir)
{
    for (size_t i = 0; i < change->part_count; i++)
        if (change->parts[i].dir == dir)
            return true;
    return false;
}

/*
 * Chooses the changes that become durable with those of `dir`: a rename between two directories
 * takes along what happened before it in the other one, or a later sync would bring it back.
 */
static void choose_names(struct sim_disk *d, const struct sim_node *dir)
{
    for (size_t i = 0; i < d->name_change_count; i++)
        d->name_changes[i].is_chosen = touches(&d->name_changes[i], dir);
    for (bool has_grown = true; has_grown;) {
        has_grown = false;
        for (size_t i = 0; i < d->name_change_count; i++)
            for (size_t j = 0; d->name_changes[i].is_chosen && j < i; j++)
                for (size_t part = 0; part < d->name_changes[i].part_count; part++)
                    if (!d->name_changes[j].is_chosen &&
                        touches(&d->name_changes[j], d->name_changes[i].parts[part].dir))
                        d->name_changes[j].is_chosen = has_grown = true;
    }
}

/* Takes the chosen changes off the list, in order; each is applied unless unlucky. */
static void settle_names(struct sim_disk *d, bool is_sure)
{
    size_t kept = 0;
    for (size_t i = 0; i < d->name_change_count; i++) {
        struct sim_name_change *change = &d->name_changes[i];
        if (!change->is_chosen) {
            d->name_changes[kept++] = *change;
            continue;
        }
        if (is_sure || coin(d))
            apply_name_change(change);
        name_change_clear(change);
    }
    d->name_change_count = kept;
}

void sim_sync_names(struct sim_disk *d, struct sim_node *dir)
{
    choose_names(d, dir);
    settle_names(d, true);
}

void sim_sync_names_failed(struct sim_disk *d, struct sim_node *dir)
{
    choose_names(d, dir);
    settle_names(d, false);
}

static void crash_names(struct sim_disk *d, enum os_sim_damage damage, uint64_t first)
{
    if (damage == OS_SIM_ANY && d->name_change_count)
        first = d->name_changes[sim_throw(d) % d->name_change_count].order;
    if (damage == OS_SIM_NAMES || damage == OS_SIM_LENGTHS)
        damage = OS_SIM_KEEP;
    damage = damage == OS_SIM_TEAR ? OS_SIM_EACH : kind_for(d, damage);
    for (size_t i = 0; i < d->name_change_count; i++) {
        if (is_lucky(d, damage, d->name_changes[i].order, first))
            apply_name_change(&d->name_changes[i]);
        name_change_clear(&d->name_changes[i]);
    }
    d->name_change_count = 0;
}

/* The order of some unsynced change: where OS_SIM_FIRST cuts. */
static uint64_t first_lost(struct sim_disk *d)
{
    size_t count = d->name_change_count;
    for (size_t i = 0; i < d->node_count; i++)
        count += d->nodes[i]->change_count;
    size_t chosen = sim_throw(d) % (count + 1);
    if (chosen < d->name_change_count)
        return d->name_changes[chosen].order;
    chosen -= d->name_change_count;
    for (size_t i = 0; i < d->node_count; chosen -= d->nodes[i++]->change_count)
        if (chosen < d->nodes[i]->change_count)
            return d->nodes[i]->changes[chosen].order;
    return d->order;
}

void sim_crash(struct sim_disk *d, enum os_sim_damage damage)
{
    uint64_t first = first_lost(d);
    crash_names(d, damage, first);
    for (size_t i = 0; i < d->node_count; i++) {
        struct sim_node *node = d->nodes[i];
        node->handles = 0;
        node->is_locked = false;
        node->sharers = 0;
        names_clear(&node->live_names);
        for (size_t j = 0; j < node->durable_names.count; j++)
            names_set(&node->live_names, str_of(node->durable_names.list[j].name),
                      node->durable_names.list[j].node);
        if (!node->is_dir)
            crash_file(d, node, damage, first);
    }
    sweep(d);
}

bool sim_has_changes(const struct sim_disk *d)
{
    for (size_t i = 0; i < d->node_count; i++)
        if (d->nodes[i]->change_count)
            return true;
    return d->name_change_count > 0;
}

/* ---- copies ---- */

static void names_copy(struct sim_names *into, const struct sim_names *from)
{
    into->list = mem_array(from->count, sizeof *into->list);
    into->count = into->room = from->count;
    for (size_t i = 0; i < from->count; i++)
        into->list[i] =
            (struct sim_entry){copy_name(str_of(from->list[i].name)), from->list[i].node->twin};
}

static void node_copy(struct sim_node *into, const struct sim_node *from)
{
    names_copy(&into->live_names, &from->live_names);
    names_copy(&into->durable_names, &from->durable_names);
    sim_bytes_copy(&into->live, &from->live);
    sim_bytes_copy(&into->durable, &from->durable);
    into->changes = mem_array(from->change_count, sizeof *into->changes);
    into->change_count = into->change_room = from->change_count;
    for (size_t i = 0; i < from->change_count; i++) {
        into->changes[i] = from->changes[i];
        if (into->changes[i].bytes)
            atomic_fetch_add_explicit(&into->changes[i].bytes->references, 1, memory_order_relaxed);
    }
}

void sim_disk_copy(struct sim_disk *into, struct sim_disk *from)
{
    *into = (struct sim_disk){.dice = from->dice, .order = from->order};
    unmark(from);
    mark(from->root, true);
    mark_changed_names(from);
    for (size_t i = 0; i < from->node_count; i++) {
        struct sim_node *node = from->nodes[i];
        if (!node->is_marked)
            continue;
        node->twin = mem_zero(sizeof *node->twin);
        node->twin->is_dir = node->is_dir;
        ARRAY_PUSH(into->nodes, into->node_count, into->node_room) = node->twin;
    }
    for (size_t i = 0; i < from->node_count; i++)
        if (from->nodes[i]->is_marked)
            node_copy(from->nodes[i]->twin, from->nodes[i]);
    into->root = from->root->twin;
    into->name_change_count = into->name_change_room = from->name_change_count;
    into->name_changes = mem_array(from->name_change_count, sizeof *into->name_changes);
    for (size_t i = 0; i < from->name_change_count; i++) {
        struct sim_name_change *change = &into->name_changes[i];
        *change = from->name_changes[i];
        for (size_t j = 0; j < change->part_count; j++) {
            struct sim_naming *part = &change->parts[j];
            part->dir = part->dir->twin;
            part->name = copy_name(str_of(part->name));
            part->node = part->node ? part->node->twin : NULL;
        }
    }
}
