/* codec/unpack: zlib and zstd behind one stream that looks at the bytes, not at what they are
 * called. */
#include "codec/unpack.h"

#include <zlib.h>
#include <zstd.h>
#include <zstd_errors.h>

#include "base/limits.h"

enum {
    PIECE_BYTES = 64 << 10,      /* what the sink gets at once */
    GZIP_HEADER_MAX = 64 << 10,  /* name and comment of a member; nothing needs more */
    GZIP_HEADER_PIECE = 4 << 10, /* input fed while a header is read, to notice a long one */
    EMPTY_PARTS_MAX = 1000,      /* members or frames in a row that hold nothing */
    WINDOW_LOG_STREAM = 27,      /* zstd's own default: 128 MiB, as --long makes them */
    WINDOW_LOG_BODY = 23,        /* RFC 8878 3.1.1.1.2: 8 MiB is what everybody supports */
    MAGIC_BYTES = 4,
};

static const unsigned char gzip_magic[] = {0x1F, 0x8B};
static const unsigned char zstd_magic[] = {0x28, 0xB5, 0x2F, 0xFD};

struct unpack {
    unpack_sink *sink;
    void *context;
    enum unpack_kind kind;
    unsigned char head[MAGIC_BYTES]; /* while unknown */
    size_t head_len;
    bool is_inside;       /* of a member or frame */
    uint64_t parts;       /* members or frames that ended */
    uint64_t empty_parts; /* the last ones in a row */
    bool has_output;      /* of the current part */
    z_stream gzip;
    gz_header gzip_header;
    ZSTD_DStream *zstd;
    int window_log;
    char *piece;
};

struct unpack *unpack_create(unpack_sink *sink, void *context)
{
    struct unpack *u = mem_zero(sizeof *u);
    u->sink = sink;
    u->context = context;
    u->window_log = WINDOW_LOG_STREAM;
    return u;
}

void unpack_destroy(struct unpack *u)
{
    if (!u)
        return;
    if (u->kind == UNPACK_GZIP)
        inflateEnd(&u->gzip);
    ZSTD_freeDStream(u->zstd);
    mem_free(u->piece);
    mem_free(u);
}

enum unpack_kind unpack_kind(const struct unpack *u)
{
    return u->kind;
}

/* All refusals: a stable code, and "<subject> <sentence>". */
static bool refuse(const struct unpack *u, struct err *e, const char *code, const char *sentence)
{
    err_set(e, ERR_INVALID, "the %s data %s", u->kind == UNPACK_GZIP ? "gzip" : "zstd", sentence);
    return err_code(e, code);
}

/* How much of the magic number stands at the start: all of it, or all that is there so far. */
static bool may_be(const struct unpack *u, const unsigned char *magic, size_t len)
{
    return memcmp(u->head, magic, MIN(len, u->head_len)) == 0;
}

static enum unpack_kind kind_from_head(const struct unpack *u, bool is_end)
{
    if (may_be(u, gzip_magic, sizeof gzip_magic))
        return u->head_len >= sizeof gzip_magic ? UNPACK_GZIP
               : is_end                         ? UNPACK_PLAIN
                                                : UNPACK_UNKNOWN;
    if (may_be(u, zstd_magic, sizeof zstd_magic))
        return u->head_len >= sizeof zstd_magic ? UNPACK_ZSTD
               : is_end                         ? UNPACK_PLAIN
                                                : UNPACK_UNKNOWN;
    return UNPACK_PLAIN;
}

static bool start(struct unpack *u, enum unpack_kind kind, struct err *e)
{
    u->kind = kind;
    if (kind != UNPACK_PLAIN)
        u->piece = mem_zero(PIECE_BYTES);
    if (kind == UNPACK_GZIP) {
        if (inflateInit2(&u->gzip, 15 + 16) != Z_OK)
            return err_no_memory(e, "unpacking");
        REQUIRE(inflateGetHeader(&u->gzip, &u->gzip_header) == Z_OK);
    } else if (kind == UNPACK_ZSTD) {
        u->zstd = ZSTD_createDStream();
        if (!u->zstd)
            return err_no_memory(e, "unpacking");
        size_t done = ZSTD_DCtx_setParameter(u->zstd, ZSTD_d_windowLogMax, u->window_log);
        REQUIRE(!ZSTD_isError(done));
    }
    return true;
}

static bool part_ended(struct unpack *u, struct err *e)
{
    u->is_inside = false;
    u->parts++;
    u->empty_parts = u->has_output ? 0 : u->empty_parts + 1;
    u->has_output = false;
    if (u->empty_parts > EMPTY_PARTS_MAX)
        return refuse(u, e, "unpack.members", "has too many empty parts");
    return true;
}

static bool give(struct unpack *u, size_t len, struct err *e)
{
    if (len == 0)
        return true;
    u->has_output = true;
    return u->sink(u->context, (struct str){u->piece, len}, e);
}

static bool gzip_fault(struct unpack *u, struct err *e)
{
    const char *words = u->gzip.msg ? u->gzip.msg : "";
    if (u->gzip_header.done != 1 && u->parts > 0)
        return refuse(u, e, "unpack.trailing", "is followed by something that is not gzip");
    if (strstr(words, "data check"))
        return refuse(u, e, "unpack.checksum", "is damaged: its checksum is wrong");
    if (strstr(words, "length check"))
        return refuse(u, e, "unpack.length", "is damaged: its length is wrong");
    return refuse(u, e, "unpack.damaged", "is damaged");
}

static bool feed_gzip(struct unpack *u, struct str bytes, struct err *e)
{
    z_stream *z = &u->gzip;
    while (bytes.len > 0) {
        if (!u->is_inside) {
            if (u->parts > 0) {
                inflateReset(z);
                inflateGetHeader(z, &u->gzip_header);
            }
            u->is_inside = true;
        }
        size_t most = u->gzip_header.done == 1 ? (size_t)1 << 30 : GZIP_HEADER_PIECE;
        size_t count = MIN(bytes.len, most);
        z->next_in = (unsigned char *)bytes.at;
        z->avail_in = (unsigned)count;
        int outcome;
        do {
            z->next_out = (unsigned char *)u->piece;
            z->avail_out = PIECE_BYTES;
            outcome = inflate(z, Z_NO_FLUSH);
            if (outcome == Z_MEM_ERROR)
                return err_no_memory(e, "unpacking");
            if (outcome != Z_OK && outcome != Z_STREAM_END && outcome != Z_BUF_ERROR)
                return gzip_fault(u, e);
            if (!give(u, PIECE_BYTES - z->avail_out, e))
                return false;
        } while (outcome != Z_STREAM_END && z->avail_out == 0);
        bytes = str_sub(bytes, count - z->avail_in, bytes.len);
        if (u->gzip_header.done != 1 && z->total_in > GZIP_HEADER_MAX)
            return refuse(u, e, "unpack.header", "has a header longer than 64 KiB");
        if (outcome == Z_STREAM_END && !part_ended(u, e))
            return false;
    }
    return true;
}

static bool zstd_fault(struct unpack *u, size_t outcome, struct err *e)
{
    ZSTD_ErrorCode code = ZSTD_getErrorCode(outcome);
    if (code == ZSTD_error_memory_allocation)
        return err_no_memory(e, "unpacking");
    if (code == ZSTD_error_prefix_unknown && u->parts > 0)
        return refuse(u, e, "unpack.trailing", "is followed by something that is not zstd");
    if (code == ZSTD_error_checksum_wrong)
        return refuse(u, e, "unpack.checksum", "is damaged: its checksum is wrong");
    if (code == ZSTD_error_frameParameter_windowTooLarge)
        return refuse(u, e, "unpack.window", "needs too much memory to unpack");
    return refuse(u, e, "unpack.damaged", "is damaged");
}

static bool feed_zstd(struct unpack *u, struct str bytes, struct err *e)
{
    ZSTD_inBuffer in = {bytes.at, bytes.len, 0};
    bool is_full = false;
    while (in.pos < in.size || is_full) {
        ZSTD_outBuffer out = {u->piece, PIECE_BYTES, 0};
        u->is_inside = true;
        size_t outcome = ZSTD_decompressStream(u->zstd, &out, &in);
        if (ZSTD_isError(outcome))
            return zstd_fault(u, outcome, e);
        if (!give(u, out.pos, e))
            return false;
        is_full = outcome != 0 && out.pos == out.size;
        if (outcome == 0 && !part_ended(u, e))
            return false;
    }
    return true;
}

static bool feed_known(struct unpack *u, struct str bytes, struct err *e)
{
    if (bytes.len == 0)
        return true;
    switch (u->kind) {
    case UNPACK_GZIP:
        return feed_gzip(u, bytes, e);
    case UNPACK_ZSTD:
        return feed_zstd(u, bytes, e);
    default:
        return u->sink(u->context, bytes, e);
    }
}

static bool decide(struct unpack *u, struct str *bytes, bool is_end, struct err *e)
{
    size_t taken = MIN(bytes->len, MAGIC_BYTES - u->head_len);
    if (taken)
        memcpy(u->head + u->head_len, bytes->at, taken);
    size_t before = u->head_len;
    u->head_len += taken;
    enum unpack_kind kind = kind_from_head(u, is_end);
    if (kind == UNPACK_UNKNOWN) {
        *bytes = STR_NONE;
        return true;
    }
    if (!start(u, kind, e))
        return false;
    /* Bytes of earlier feeds go first; those of this feed are still in `bytes`. */
    return feed_known(u, (struct str){(const char *)u->head, before}, e);
}

bool unpack_feed(struct unpack *u, struct str bytes, struct err *e)
{
    if (u->kind == UNPACK_UNKNOWN && bytes.len > 0 && !decide(u, &bytes, false, e))
        return false;
    return feed_known(u, bytes, e);
}

bool unpack_finish(struct unpack *u, struct err *e)
{
    struct str none = STR_NONE;
    if (u->kind == UNPACK_UNKNOWN && !decide(u, &none, true, e))
        return false;
    if (u->is_inside)
        return refuse(u, e, "unpack.truncated", "ends too early");
    return true;
}

struct body {
    struct buf *room;
    size_t bytes_max;
    size_t packed_bytes;
};

static bool too_large(size_t bytes_max, struct err *e)
{
    err_set(e, ERR_TOO_LARGE, "the body is larger than %zu bytes", bytes_max);
    err_code(e, "unpack.too_large");
    return err_hint(e, "send it in smaller parts");
}

static bool add_to_body(void *context, struct str bytes, struct err *e)
{
    struct body *b = context;
    size_t total = b->room->len + bytes.len;
    if (total > b->bytes_max)
        return too_large(b->bytes_max, e);
    if (total > PIECE_BYTES && total / LIMIT_BODY_RATIO > b->packed_bytes) {
        err_set(e, ERR_TOO_LARGE, "the body unpacks to more than %d times its size",
                LIMIT_BODY_RATIO);
        return err_code(e, "unpack.ratio");
    }
    if (!buf_try_reserve(b->room, bytes.len))
        return err_no_memory(e, "unpacking");
    buf_add(b->room, bytes);
    return true;
}

bool unpack_body(struct str body, size_t bytes_max, struct buf *room, struct str *out,
                 struct err *e)
{
    struct unpack look = {.head_len = MIN(body.len, MAGIC_BYTES)};
    if (look.head_len)
        memcpy(look.head, body.at, look.head_len);
    if (kind_from_head(&look, true) == UNPACK_PLAIN) {
        if (body.len > bytes_max)
            return too_large(bytes_max, e);
        *out = body;
        return true;
    }
    buf_clear(room);
    struct body context = {room, bytes_max, body.len};
    AUTO(unpack) *u = unpack_create(add_to_body, &context);
    u->window_log = WINDOW_LOG_BODY;
    if (!unpack_feed(u, body, e) || !unpack_finish(u, e))
        return false;
    *out = buf_str(room);
    return true;
}

void zstd_pack(struct str plain, int level, struct buf *out)
{
    size_t most = ZSTD_compressBound(plain.len);
    char *into = buf_reserve(out, most);
    size_t len = ZSTD_compress(into, most, plain.at, plain.len, level);
    REQUIRE(!ZSTD_isError(len));
    out->len += len;
}

bool zstd_unpack(struct str packed, void *into, size_t plain_bytes, struct err *e)
{
    size_t len = ZSTD_decompress(into, plain_bytes, packed.at, packed.len);
    if (ZSTD_isError(len))
        return err_set(e, ERR_CORRUPT, "packed block is damaged: %s", ZSTD_getErrorName(len));
    if (len != plain_bytes)
        return err_set(e, ERR_CORRUPT, "packed block holds %zu bytes where %zu should be", len,
                       plain_bytes);
    return true;
}
