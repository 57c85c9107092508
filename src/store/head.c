/* store/head: see head.h. */
#include "store/head.h"

#include "base/limits.h"
#include "codec/bytes.h"

enum {
    AT_MAGIC = 0,
    AT_VERSION = 8,
    AT_BYTES = 12,
    AT_STORE = 16,
    AT_NUMBER = 24,
    AT_FIRST = 32,
    AT_SALT = 40,
    AT_PROJECT_BYTES = 44,
    AT_PROJECT = 48,
    AT_CHECKSUM = 124,
};
_Static_assert(AT_PROJECT + LIMIT_PROJECT_BYTES <= AT_CHECKSUM, "a project's name fits the head");

static const struct kind_row {
    char magic[9];
    const char *what;
} kinds[] = {
    [HEAD_LOG] = {"TENURElg", "log"},
    [HEAD_PEOPLE] = {"TENUREpe", "people"},
    [HEAD_FACTS] = {"TENUREfa", "facts"},
    [HEAD_MANIFEST] = {"TENUREmf", "manifest"},
    [HEAD_ERASED] = {"TENUREer", "erased"},
};

static void put32(char *at, uint32_t v)
{
    memcpy(at, &v, sizeof v);
}

static void put64(char *at, uint64_t v)
{
    memcpy(at, &v, sizeof v);
}

static uint32_t get32(const char *at)
{
    uint32_t v;
    memcpy(&v, at, sizeof v);
    return v;
}

static uint64_t get64(const char *at)
{
    uint64_t v;
    memcpy(&v, at, sizeof v);
    return v;
}

void head_put(struct buf *into, const struct head *head)
{
    REQUIRE(head->project.len <= LIMIT_PROJECT_BYTES);
    char *at = buf_reserve(into, HEAD_BYTES);
    memset(at, 0, HEAD_BYTES);
    memcpy(at + AT_MAGIC, kinds[head->kind].magic, 8);
    put32(at + AT_VERSION, HEAD_VERSION);
    put32(at + AT_BYTES, HEAD_BYTES);
    put64(at + AT_STORE, head->store);
    put64(at + AT_NUMBER, head->number);
    put64(at + AT_FIRST, head->first);
    put32(at + AT_SALT, head->salt);
    put32(at + AT_PROJECT_BYTES, (uint32_t)head->project.len);
    if (head->project.len)
        memcpy(at + AT_PROJECT, head->project.at, head->project.len);
    put32(at + AT_CHECKSUM, crc32c(0, at, AT_CHECKSUM));
    into->len += HEAD_BYTES;
}

static bool check_owner(const struct head *head, struct str path, const struct identity *want,
                        struct err *e)
{
    const char *what = kinds[head->kind].what;
    if (!str_equal(head->project, want->project))
        return err_set(e, ERR_CORRUPT, "%.*s is the %s file of project \"%.*s\", not of \"%.*s\"",
                       STR_ARG(path), what, STR_ARG(head->project), STR_ARG(want->project));
    if (head->store != want->store)
        return err_set(e, ERR_CORRUPT,
                       "%.*s is the %s file of another store of the same project name",
                       STR_ARG(path), what);
    return true;
}

bool head_read(struct str bytes, struct str path, enum head_kind kind, const struct identity *want,
               struct head *out, struct err *e)
{
    const char *what = kinds[kind].what;
    if (bytes.len < HEAD_BYTES)
        return err_set(e, ERR_CORRUPT, "%.*s is cut: a %s file has at least %d bytes, this has %zu",
                       STR_ARG(path), what, HEAD_BYTES, bytes.len);
    if (memcmp(bytes.at + AT_MAGIC, kinds[kind].magic, 8) != 0)
        return err_set(e, ERR_CORRUPT, "%.*s is not a %s file, or its first bytes are damaged",
                       STR_ARG(path), what);
    if (get32(bytes.at + AT_CHECKSUM) != crc32c(0, bytes.at, AT_CHECKSUM))
        return err_set(e, ERR_CORRUPT, "the head of %.*s is damaged (checksum)", STR_ARG(path));
    uint32_t version = get32(bytes.at + AT_VERSION);
    if (version != HEAD_VERSION) {
        err_set(e, ERR_UNSUPPORTED,
                "%.*s was written by a newer Tenure (format %u; this one reads format %d)",
                STR_ARG(path), version, HEAD_VERSION);
        return err_hint(e, "open it with the newer Tenure; nothing was changed");
    }
    uint32_t project_bytes = get32(bytes.at + AT_PROJECT_BYTES);
    if (project_bytes > LIMIT_PROJECT_BYTES)
        return err_set(e, ERR_CORRUPT, "the head of %.*s is damaged (name)", STR_ARG(path));
    *out = (struct head){
        .kind = kind,
        .salt = get32(bytes.at + AT_SALT),
        .number = get64(bytes.at + AT_NUMBER),
        .first = get64(bytes.at + AT_FIRST),
        .store = get64(bytes.at + AT_STORE),
        .project = {bytes.at + AT_PROJECT, project_bytes},
    };
    return !want || check_owner(out, path, want, e);
}

uint32_t head_salt(struct os *os)
{
    uint32_t salt;
    os_random(os, &salt, sizeof salt);
    return salt;
}

bool head_is_filled(struct str bytes, uint64_t from, uint64_t to)
{
    enum { SECTOR_BYTES = 512 };
    for (uint64_t at = from, end; at < to; at = end) {
        end = MIN((at / SECTOR_BYTES + 1) * SECTOR_BYTES, to);
        while (at < end && bytes.at[at] == 0)
            at++;
        if (at == end)
            return false;
    }
    return bytes.at[to - 1] != 0;
}
