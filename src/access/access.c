#include "access/access.h"

#include <pthread.h>
#include <sodium.h>
#include <stdio.h>

#include "access/secret.h"
#include "record/finding.h"

const struct record_migration access_migrations[] = {
    {1, "CREATE TABLE project("
        "  name TEXT PRIMARY KEY, created INTEGER NOT NULL, timezone TEXT NOT NULL,"
        "  week_start TEXT NOT NULL, is_simulated INTEGER NOT NULL) STRICT;"
        "CREATE TABLE access_key("
        "  prefix TEXT PRIMARY KEY, project TEXT NOT NULL REFERENCES project(name),"
        "  scope TEXT NOT NULL, hash BLOB NOT NULL, created INTEGER NOT NULL,"
        "  revoked INTEGER) STRICT;"
        "CREATE TABLE signin_link("
        "  hash BLOB PRIMARY KEY, created INTEGER NOT NULL, expires INTEGER NOT NULL) STRICT;"
        "CREATE TABLE browser_session("
        "  hash BLOB PRIMARY KEY, created INTEGER NOT NULL, seen INTEGER NOT NULL) STRICT"},
    {2, DOCUMENT_SCHEMA},
    {3, FINDING_SCHEMA},
};
const size_t access_migration_count = COUNT(access_migrations);

const char *const access_scope_names[ACCESS_SCOPE_COUNT] = {"write", "read", "admin"};
static const char scope_letters[ACCESS_SCOPE_COUNT] = {'w', 'r', 'a'};

struct key {
    char prefix[ACCESS_PREFIX_BYTES + 1];
    unsigned char hash[SECRET_HASH_BYTES];
    struct str project; /* owned by the arena */
    enum access_scope scope;
    int64_t created;
};

struct access {
    struct os *os;
    struct record *record;
    pthread_rwlock_t lock; /* of the keys */
    struct arena *arena;
    struct key *keys; /* in force, oldest first */
    size_t key_count, key_room;
};

bool access_scope_from(struct str name, enum access_scope *out, struct err *e)
{
    for (size_t i = 0; i < ACCESS_SCOPE_COUNT; i++) {
        if (str_equal(name, str_of(access_scope_names[i]))) {
            *out = (enum access_scope)i;
            return true;
        }
    }
    err_set(e, ERR_USAGE, "there is no scope \"%.*s\"", STR_ARG(name));
    return err_hint(e, "the scopes are write, read and admin");
}

bool access_scope_allows(enum access_scope has, enum access_scope needs)
{
    return has == needs || has == ACCESS_ADMIN;
}

static bool load_key(void *context, const struct record_value *cells, size_t count, struct err *e)
{
    struct access *a = context;
    struct key key = {.created = cells[4].integer};

    REQUIRE(count == 5);
    if (cells[0].text.len != ACCESS_PREFIX_BYTES || cells[3].text.len != SECRET_HASH_BYTES)
        return err_set(e, ERR_CORRUPT, "the key %.*s in the records is damaged",
                       STR_ARG(cells[0].text));
    if (!access_scope_from(cells[2].text, &key.scope, e))
        return false;
    memcpy(key.prefix, cells[0].text.at, ACCESS_PREFIX_BYTES);
    memcpy(key.hash, cells[3].text.at, SECRET_HASH_BYTES);
    key.project = arena_copy(a->arena, cells[1].text);
    ARRAY_PUSH(a->keys, a->key_count, a->key_room) = key;
    return true;
}

bool access_open(struct os *os, struct record *record, struct access **out, struct err *e)
{
    AUTO(access) *a = mem_zero(sizeof *a);

    REQUIRE(sodium_init() >= 0);
    a->os = os;
    a->record = record;
    a->arena = arena_create(4 << 10);
    pthread_rwlock_init(&a->lock, NULL);
    if (!record_each(record,
                     "SELECT prefix, project, scope, hash, created FROM access_key "
                     "WHERE revoked IS NULL ORDER BY created, prefix",
                     NULL, 0, load_key, a, e))
        return err_while(e, "reading the keys");
    *out = TAKE(a);
    return true;
}

void access_close(struct access *a)
{
    if (!a)
        return;
    pthread_rwlock_destroy(&a->lock);
    arena_destroy(a->arena);
    mem_free(a->keys);
    mem_free(a);
}

bool access_key_create(struct access *a, struct str project, enum access_scope scope,
                       char text[ACCESS_KEY_BYTES + 1], struct err *e)
{
    struct key key = {.scope = scope, .created = os_now_ms(a->os)};
    char secret[ACCESS_SECRET_BYTES + 1];
    uint32_t tag = 0;

    os_random(a->os, &tag, sizeof tag);
    snprintf(key.prefix, sizeof key.prefix, "t%c_%08x", scope_letters[scope], tag);
    secret_create(a->os, secret);
    snprintf(text, ACCESS_KEY_BYTES + 1, "%s_%s", key.prefix, secret);
    secret_hash(str_of(text), key.hash);

    struct record_value values[] = {
        RECORD_T(str_of(key.prefix)), RECORD_T(project),
        RECORD_T(str_of(access_scope_names[scope])),
        RECORD_B(((struct str){(const char *)key.hash, SECRET_HASH_BYTES})), RECORD_I(key.created)};
    if (!record_run(a->record,
                    "INSERT INTO access_key(prefix, project, scope, hash, created) "
                    "VALUES ($1, $2, $3, $4, $5)",
                    values, COUNT(values), NULL, e))
        return err_while(e, "storing a key of project \"%.*s\"", STR_ARG(project));

    pthread_rwlock_wrlock(&a->lock);
    key.project = arena_copy(a->arena, project);
    ARRAY_PUSH(a->keys, a->key_count, a->key_room) = key;
    pthread_rwlock_unlock(&a->lock);
    return true;
}

bool access_key_check(struct access *a, struct str text, struct arena *arena,
                      struct access_grant *out)
{
    unsigned char hash[SECRET_HASH_BYTES];
    bool found = false;

    if (text.len != ACCESS_KEY_BYTES)
        return false;
    secret_hash(text, hash);
    pthread_rwlock_rdlock(&a->lock);
    for (size_t i = 0; i < a->key_count && !found; i++) {
        const struct key *key = &a->keys[i];
        /* The beginning is public: it may be compared the fast way. */
        if (memcmp(key->prefix, text.at, ACCESS_PREFIX_BYTES) != 0)
            continue;
        if (!secret_same(key->hash, hash))
            continue;
        out->project = arena_copy(arena, key->project);
        out->prefix = arena_copy(arena, str_sub(text, 0, ACCESS_PREFIX_BYTES));
        out->scope = key->scope;
        found = true;
    }
    pthread_rwlock_unlock(&a->lock);
    return found;
}

void access_key_list(struct access *a, struct str project, struct arena *arena,
                     struct access_key **list, size_t *count)
{
    pthread_rwlock_rdlock(&a->lock);
    *list = arena_array(arena, a->key_count, sizeof **list);
    *count = 0;
    for (size_t i = 0; i < a->key_count; i++) {
        const struct key *key = &a->keys[i];
        if (project.len && !str_equal(project, key->project))
            continue;
        (*list)[(*count)++] = (struct access_key){
            .prefix = arena_copy(arena, str_of(key->prefix)),
            .project = arena_copy(arena, key->project),
            .scope = key->scope,
            .created = key->created,
        };
    }
    pthread_rwlock_unlock(&a->lock);
}

static void forget_key(struct access *a, struct str prefix)
{
    pthread_rwlock_wrlock(&a->lock);
    for (size_t i = 0; i < a->key_count; i++) {
        if (!str_equal(str_of(a->keys[i].prefix), prefix))
            continue;
        memmove(&a->keys[i], &a->keys[i + 1], (a->key_count - i - 1) * sizeof *a->keys);
        a->key_count--;
        break;
    }
    pthread_rwlock_unlock(&a->lock);
}

bool access_key_revoke(struct access *a, struct str project, struct str prefix, struct err *e)
{
    int64_t changed = 0;

    prefix = str_sub(prefix, 0, ACCESS_PREFIX_BYTES);
    struct record_value values[] = {RECORD_I(os_now_ms(a->os)), RECORD_T(prefix),
                                    RECORD_T(project)};
    if (!record_run(a->record,
                    "UPDATE access_key SET revoked = $1 "
                    "WHERE prefix = $2 AND project = $3 AND revoked IS NULL",
                    values, COUNT(values), &changed, e))
        return err_while(e, "revoking a key");
    if (!changed) {
        err_set(e, ERR_NOT_FOUND, "project \"%.*s\" has no key that begins with \"%.*s\"",
                STR_ARG(project), STR_ARG(prefix));
        return err_hint(e, "`tenure key list` shows the keys in force");
    }
    forget_key(a, prefix);
    return true;
}

struct record *access_record(struct access *a)
{
    return a->record;
}

struct os *access_os(struct access *a)
{
    return a->os;
}
