#include "access/projects.h"

#include <pthread.h>

#include "base/limits.h"
#include "query/segment_cache.h"

enum { SEGMENT_SETS_BYTES = 32 << 20 };

/* A project whose store is open, or being opened. */
struct entry {
    struct str name;
    pthread_mutex_t opening;
    struct store *store;
    struct store_health told; /* what projects_news has said */
    bool was_told;
    struct entry *next;
};

struct projects {
    struct os *os;
    struct record *record;
    struct arena *arena;
    struct str dir;
    size_t seal_rows;
    bool is_read_only;
    struct segment_cache *segments;
    pthread_mutex_t mutex; /* of the list and the arena */
    struct entry *first;
};

struct projects *projects_create(struct os *os, struct record *record, struct str dir)
{
    struct projects *p = mem_zero(sizeof *p);

    p->os = os;
    p->record = record;
    p->arena = arena_create(1 << 10);
    p->dir = arena_copy(p->arena, dir);
    p->segments = segment_cache_create(SEGMENT_SETS_BYTES);
    pthread_mutex_init(&p->mutex, NULL);
    return p;
}

struct segment_cache *projects_segments(struct projects *p)
{
    return p->segments;
}

void projects_seal_rows(struct projects *p, size_t rows)
{
    p->seal_rows = rows;
}

void projects_read_only(struct projects *p)
{
    p->is_read_only = true;
}

void projects_destroy(struct projects *p)
{
    if (!p)
        return;
    for (struct entry *entry = p->first; entry; entry = entry->next) {
        store_close(entry->store);
        pthread_mutex_destroy(&entry->opening);
    }
    pthread_mutex_destroy(&p->mutex);
    segment_cache_destroy(p->segments);
    arena_destroy(p->arena);
    mem_free(p);
}

bool project_name_check(struct str name, struct err *e)
{
    bool good = name.len > 0 && name.len <= LIMIT_PROJECT_BYTES;

    for (size_t i = 0; i < name.len && good; i++) {
        char c = name.at[i];
        bool is_plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
        good = is_plain || (i > 0 && (c == '-' || c == '_'));
    }
    if (good)
        return true;
    err_set(e, ERR_USAGE, "\"%.*s\" cannot be a project's name", (int)MIN(name.len, 80), name.at);
    return err_hint(e, "use 1 to %d of a-z, 0-9, - and _, beginning with a letter or digit",
                    LIMIT_PROJECT_BYTES);
}

static struct str week_name(enum week_start w)
{
    return w == WEEK_SUNDAY ? STR("sunday") : STR("monday");
}

static bool check_settings(const struct project_settings *s, struct err *e)
{
    AUTO(zone) *zone = NULL;

    if (!project_name_check(s->name, e))
        return false;
    if (s->timezone.len && !zone_open(s->timezone, &zone, e)) {
        e->kind = ERR_USAGE;
        return false;
    }
    return true;
}

bool project_create(struct projects *p, const struct project_settings *s, struct err *e)
{
    if (!check_settings(s, e))
        return false;
    struct record_value values[] = {RECORD_T(s->name), RECORD_I(os_now_ms(p->os)),
                                    RECORD_T(s->timezone.len ? s->timezone : STR("UTC")),
                                    RECORD_T(week_name(s->week_start)), RECORD_I(s->is_simulated)};
    if (record_run(p->record,
                   "INSERT INTO project(name, created, timezone, week_start, is_simulated) "
                   "VALUES ($1, $2, $3, $4, $5)",
                   values, COUNT(values), NULL, e))
        return true;
    if (e->kind != ERR_CONFLICT)
        return err_while(e, "making project \"%.*s\"", STR_ARG(s->name));
    err_set(e, ERR_CONFLICT, "there is a project \"%.*s\" already", STR_ARG(s->name));
    err_code(e, "project.taken");
    return err_hint(e, "`tenure key create --project %.*s` makes new keys for it",
                    STR_ARG(s->name));
}

bool project_change(struct projects *p, const struct project_settings *s, struct err *e)
{
    if (!check_settings(s, e))
        return false;
    struct record_value values[] = {RECORD_T(s->timezone.len ? s->timezone : STR("UTC")),
                                    RECORD_T(week_name(s->week_start)), RECORD_I(s->is_simulated),
                                    RECORD_T(s->name)};
    return record_run(p->record,
                      "UPDATE project SET timezone = $1, week_start = $2, is_simulated = $3 "
                      "WHERE name = $4",
                      values, COUNT(values), NULL, e);
}

static struct project_settings settings_of(const struct record_value *cells, struct arena *arena)
{
    return (struct project_settings){
        .name = arena_copy(arena, cells[0].text),
        .created = cells[1].integer,
        .timezone = arena_copy(arena, cells[2].text),
        .week_start = str_equal(cells[3].text, STR("sunday")) ? WEEK_SUNDAY : WEEK_MONDAY,
        .is_simulated = cells[4].integer != 0,
    };
}

struct listing {
    struct arena *arena;
    struct project_settings *list;
    size_t count, room;
};

static bool list_one(void *context, const struct record_value *cells, size_t count, struct err *e)
{
    struct listing *l = context;

    (void)e;
    REQUIRE(count == 5);
    ARRAY_PUSH(l->list, l->count, l->room) = settings_of(cells, l->arena);
    return true;
}

bool project_list(struct projects *p, struct arena *arena, struct project_settings **list,
                  size_t *count, struct err *e)
{
    struct listing l = {.arena = arena};
    bool ok = record_each(p->record,
                          "SELECT name, created, timezone, week_start, is_simulated FROM project "
                          "ORDER BY name",
                          NULL, 0, list_one, &l, e);

    *count = l.count;
    *list = arena_array(arena, l.count, sizeof *l.list);
    if (l.count)
        memcpy(*list, l.list, l.count * sizeof *l.list);
    mem_free(l.list);
    return ok;
}

static bool unknown_project(struct projects *p, struct str name, struct arena *arena, struct err *e)
{
    struct project_settings *list = NULL;
    struct str nearest = STR_NONE;
    size_t count = 0, best = 3;

    if (!project_list(p, arena, &list, &count, e))
        return false;
    for (size_t i = 0; i < count; i++) {
        size_t distance = str_distance(name, list[i].name, best);
        if (distance < best) {
            best = distance;
            nearest = list[i].name;
        }
    }
    err_set(e, ERR_NOT_FOUND, "there is no project \"%.*s\"", (int)MIN(name.len, 80), name.at);
    err_code(e, "project.unknown");
    if (nearest.len)
        return err_hint(e, "did you mean %.*s?", STR_ARG(nearest));
    return err_hint(e, "`tenure project list` shows the projects; an import makes one");
}

bool project_find(struct projects *p, struct str name, struct arena *arena,
                  struct project_settings *out, struct err *e)
{
    struct record_value value = RECORD_T(name), *cells = NULL;

    if (!record_one(p->record,
                    "SELECT name, created, timezone, week_start, is_simulated FROM project "
                    "WHERE name = $1",
                    &value, 1, arena, &cells, e))
        return err_while(e, "looking up project \"%.*s\"", STR_ARG(name));
    if (!cells)
        return unknown_project(p, name, arena, e);
    *out = settings_of(cells, arena);
    return true;
}

static bool ensure(struct projects *p, struct str name, bool make, struct err *e)
{
    AUTO(arena) *arena = arena_create(1 << 10);
    struct project_settings found;

    if (project_find(p, name, arena, &found, e))
        return true;
    if (!make || e->kind != ERR_NOT_FOUND)
        return false;
    *e = (struct err){0};
    struct project_settings fresh = {.name = name};
    if (project_create(p, &fresh, e))
        return true;
    if (str_equal(str_of(e->code), STR("project.taken"))) { /* another thread was faster */
        *e = (struct err){0};
        return true;
    }
    return false;
}

bool projects_refuse(struct err *e)
{
    err_set(e, ERR_BUSY, "this server was started read-only and takes no changes");
    err_code(e, "server.read_only");
    return err_hint(e, "send it again when the server runs without --read-only");
}

static struct entry *find_locked(struct projects *p, struct str name)
{
    struct entry *entry = p->first;

    while (entry && !str_equal(entry->name, name))
        entry = entry->next;
    return entry;
}

static struct entry *entry_find(struct projects *p, struct str name)
{
    pthread_mutex_lock(&p->mutex);
    struct entry *entry = find_locked(p, name);
    pthread_mutex_unlock(&p->mutex);
    return entry;
}

static struct entry *entry_make(struct projects *p, struct str name)
{
    pthread_mutex_lock(&p->mutex);
    struct entry *entry = find_locked(p, name);
    if (!entry) {
        entry = arena_alloc(p->arena, sizeof *entry);
        entry->name = arena_copy(p->arena, name);
        pthread_mutex_init(&entry->opening, NULL);
        entry->next = p->first;
        p->first = entry;
    }
    pthread_mutex_unlock(&p->mutex);
    return entry;
}

/* The folder of all projects, under a durable name. */
static bool make_folder(struct projects *p, struct err *e)
{
    size_t slash = p->dir.len;

    if (os_exists(p->os, p->dir))
        return true;
    while (slash > 1 && p->dir.at[slash - 1] != '/')
        slash--;
    return os_dir_make(p->os, p->dir, e) &&
           os_dir_sync(p->os, slash > 1 ? str_sub(p->dir, 0, slash - 1) : STR("."), e);
}

static bool open_store(struct projects *p, struct entry *entry, struct err *e)
{
    AUTO(arena) *arena = arena_create(1 << 10);
    struct str dir = arena_printf(arena, "%.*s/%.*s", STR_ARG(p->dir), STR_ARG(entry->name));
    struct store_options options = {.project = entry->name,
                                    .read_only = p->is_read_only,
                                    .or_empty = p->is_read_only,
                                    .chunk_rows = p->seal_rows ? MAX(p->seal_rows / 3, 1) : 0,
                                    .seal_rows = p->seal_rows};

    if ((!p->is_read_only && !make_folder(p, e)) ||
        !store_open(p->os, dir, &options, &entry->store, e))
        return err_while(e, "opening project \"%.*s\"", STR_ARG(entry->name));
    return true;
}

bool project_store(struct projects *p, struct str name, bool make, struct store **out,
                   struct err *e)
{
    struct entry *entry;

    if (!project_name_check(name, e))
        return false;
    entry = entry_find(p, name);
    if (!entry && !ensure(p, name, make, e))
        return false;
    if (!entry)
        entry = entry_make(p, name); /* of projects that exist only: the list stays short */
    pthread_mutex_lock(&entry->opening);
    bool ok = entry->store || open_store(p, entry, e);
    if (ok)
        *out = entry->store;
    pthread_mutex_unlock(&entry->opening);
    return ok;
}

/* False: the store is not open. */
static bool health_of(struct entry *entry, struct store_health *out)
{
    pthread_mutex_lock(&entry->opening);
    bool is_open = entry->store != NULL;
    if (is_open)
        store_health(entry->store, out);
    pthread_mutex_unlock(&entry->opening);
    return is_open;
}

static void tell(struct entry *entry, const struct store_health *now, struct buf *out)
{
    const struct store_health *told = &entry->told;
    bool is_new = !entry->was_told || now->restarts != told->restarts;

    if (is_new && now->torn_bytes_cut)
        buf_printf(out,
                   "Project \"%.*s\": cut %llu bytes off the end of its log, of a write that was "
                   "never finished or acknowledged.\n",
                   STR_ARG(entry->name), (unsigned long long)now->torn_bytes_cut);
    if (now->restarts != told->restarts)
        buf_printf(out,
                   "Project \"%.*s\" read its log again and takes events, after a write failed: "
                   "%s\n",
                   STR_ARG(entry->name), now->why.text);
    if (now->is_stopped && (is_new || !told->is_stopped))
        buf_printf(out, "Project \"%.*s\" takes no events since a write failed: %s\n",
                   STR_ARG(entry->name), now->why.text);
    entry->told = *now;
    entry->was_told = true;
}

void projects_news(struct projects *p, struct buf *out)
{
    pthread_mutex_lock(&p->mutex);
    struct entry *entry = p->first;
    pthread_mutex_unlock(&p->mutex);
    for (; entry; entry = entry->next) {
        struct store_health now;
        if (health_of(entry, &now))
            tell(entry, &now, out);
    }
}

bool projects_ready(struct projects *p, struct err *e)
{
    if (p->is_read_only)
        return projects_refuse(e);
    pthread_mutex_lock(&p->mutex);
    struct entry *entry = p->first;
    pthread_mutex_unlock(&p->mutex);
    for (; entry; entry = entry->next) { /* entries are only ever added, at the front */
        struct store_health now;
        if (!health_of(entry, &now) || !now.is_stopped)
            continue;
        err_set(e, ERR_BUSY, "project \"%.*s\" takes no events after a failed write",
                STR_ARG(entry->name));
        if (now.why.kind == ERR_CORRUPT)
            return err_hint(e, "%s", now.why.text);
        return err_hint(e, "it reads its log again and goes on by itself when the disk works");
    }
    return true;
}
