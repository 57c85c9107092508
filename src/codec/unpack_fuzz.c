/* A stream gives the same bytes however it is cut, and a body never grows past its limit. */
#include "codec/unpack.h"

enum { BODY_MAX = 1 << 20 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool keep(void *context, struct str bytes, struct err *e)
{
    struct buf *out = context;

    if (out->len + bytes.len > BODY_MAX)
        return err_set(e, ERR_TOO_LARGE, "enough for a fuzzer");
    buf_add(out, bytes);
    return true;
}

static bool unpack_in_pieces(struct str packed, size_t piece, struct buf *out)
{
    AUTO(unpack) *u = unpack_create(keep, out);
    struct err e = {0};

    for (size_t at = 0; at < packed.len; at += piece) {
        if (!unpack_feed(u, str_sub(packed, at, piece), &e))
            return false;
    }
    return unpack_finish(u, &e);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    BUF_AUTO whole = {0}, pieces = {0}, room = {0};
    struct str packed = {(const char *)data, size}, out = STR_NONE;
    struct err e = {0};

    bool is_good = size == 0 || unpack_in_pieces(packed, size, &whole);
    REQUIRE((size == 0 || unpack_in_pieces(packed, 7, &pieces)) == is_good);
    if (is_good)
        REQUIRE(str_equal(buf_str(&whole), buf_str(&pieces)));
    if (unpack_body(packed, BODY_MAX, &room, &out, &e))
        REQUIRE(out.len <= BODY_MAX);
    return 0;
}
