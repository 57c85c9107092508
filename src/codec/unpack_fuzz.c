/* Bytes and outcome do not depend on how the input was cut; a body agrees with the stream. */
#include "codec/unpack.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MOST = 1 << 20 };

static bool collect(void *context, struct str bytes, struct err *e)
{
    struct buf *out = context;
    if (out->len + bytes.len > MOST)
        return err_set(e, ERR_TOO_LARGE, "enough");
    buf_add(out, bytes);
    return true;
}

static bool unpack_in_steps(struct str packed, size_t step, struct buf *out, struct err *e)
{
    AUTO(unpack) *u = unpack_create(collect, out);
    for (size_t at = 0; at < packed.len; at += step)
        if (!unpack_feed(u, str_sub(packed, at, step), e))
            return false;
    return unpack_finish(u, e);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str packed = {(const char *)data, size}, body;
    BUF_AUTO whole = {0};
    BUF_AUTO parts = {0};
    BUF_AUTO room = {0};
    struct err a = {0}, b = {0}, c = {0};
    bool first = unpack_in_steps(packed, size + 1, &whole, &a);
    bool second = unpack_in_steps(packed, size ? 1 + data[size - 1] % 31 : 1, &parts, &b);
    REQUIRE(first == second);
    REQUIRE(!first || str_equal(buf_str(&whole), buf_str(&parts)));
    if (unpack_body(packed, MOST, &room, &body, &c))
        REQUIRE(first && str_equal(body, buf_str(&whole)));
    else
        REQUIRE(c.code[0] && str_is_utf8(str_of(c.text)));
    return 0;
}
