/* record/image: see image.h. */
#include "record/image.h"

enum {
    LOG_HEAD_BYTES = 32,
    FRAME_HEAD_BYTES = 24,
    LOG_MAGIC = 0x377f0682, /* its last bit says that sums are of big-endian words */
    PAGE_BYTES_MIN = 512,
    PAGE_BYTES_MAX = 65536,
    FORMAT_AT = 18, /* of the database: write and read version; 2 asks for a log, 1 does not */
    DB_HEAD_BYTES = 100,
};

static uint32_t big(const char *at)
{
    const unsigned char *b = (const unsigned char *)at;
    return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

static uint32_t little(const char *at)
{
    const unsigned char *b = (const unsigned char *)at;
    return (uint32_t)b[3] << 24 | (uint32_t)b[2] << 16 | (uint32_t)b[1] << 8 | b[0];
}

struct sums {
    bool is_big;
    uint32_t a, b;
};

/* `bytes` is a multiple of 8 long. */
static void sum(struct sums *s, const char *bytes, size_t len)
{
    for (size_t i = 0; i < len; i += 8) {
        s->a += (s->is_big ? big(bytes + i) : little(bytes + i)) + s->b;
        s->b += (s->is_big ? big(bytes + i + 4) : little(bytes + i + 4)) + s->a;
    }
}

static bool fits(const struct sums *s, const char *at)
{
    return s->a == big(at) && s->b == big(at + 4);
}

/* The page size of a log whose head is whole; 0: it holds nothing. */
static size_t read_head(struct str log, struct sums *s)
{
    if (log.len < LOG_HEAD_BYTES || (big(log.at) & ~1U) != LOG_MAGIC)
        return 0;
    *s = (struct sums){.is_big = big(log.at) & 1};
    sum(s, log.at, 24);
    size_t page = big(log.at + 8);
    bool is_size = page >= PAGE_BYTES_MIN && page <= PAGE_BYTES_MAX && (page & (page - 1)) == 0;
    return is_size && fits(s, log.at + 24) ? page : 0;
}

static bool frame_is_whole(struct str log, size_t at, size_t page, struct sums *s)
{
    const char *frame = log.at + at;
    if (log.len - at < FRAME_HEAD_BYTES + page || memcmp(frame + 8, log.at + 16, 8) != 0)
        return false;
    sum(s, frame, 8);
    sum(s, frame + FRAME_HEAD_BYTES, page);
    return big(frame) != 0 && fits(s, frame + 16);
}

/* Where the last finished transaction ends, and how many pages the database has then. */
static size_t finished_end(struct str log, size_t page, struct sums s, uint32_t *pages)
{
    size_t end = LOG_HEAD_BYTES;
    for (size_t at = end; at <= log.len && frame_is_whole(log, at, page, &s);) {
        uint32_t size = big(log.at + at + 4);
        at += FRAME_HEAD_BYTES + page;
        if (!size)
            continue;
        end = at;
        *pages = size;
    }
    return end;
}

static void apply(struct str log, size_t page, size_t end, uint32_t pages, struct buf *out)
{
    size_t bytes = (size_t)pages * page;
    if (out->len < bytes) {
        char *more = buf_reserve(out, bytes - out->len);
        memset(more, 0, bytes - out->len);
    }
    out->len = bytes;
    for (size_t at = LOG_HEAD_BYTES; at < end; at += FRAME_HEAD_BYTES + page) {
        uint32_t number = big(log.at + at);
        if (number <= pages)
            memcpy(out->at + (size_t)(number - 1) * page, log.at + at + FRAME_HEAD_BYTES, page);
    }
}

void record_image(struct str db, struct str log, struct buf *out)
{
    struct sums s;
    uint32_t pages = 0;
    buf_add(out, db);
    size_t page = read_head(log, &s);
    size_t end = page ? finished_end(log, page, s, &pages) : 0;
    /* A frame names its database's size: more pages than database and log hold is no such log. */
    if (pages && pages <= db.len / page + log.len / page)
        apply(log, page, end, pages, out);
    if (out->len >= DB_HEAD_BYTES)
        memset(out->at + FORMAT_AT, 1, 2);
}
