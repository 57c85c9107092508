#include "base/test.h"

#include <zlib.h>
#include <zstd.h>

#include "base/limits.h"
#include "codec/unpack.h"

static bool collect(void *context, struct str bytes, struct err *e)
{
    (void)e;
    buf_add(context, bytes);
    return true;
}

static void gzip_member(struct buf *out, struct str plain, const char *name)
{
    z_stream z = {0};
    assert_int_equal(deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
    gz_header header = {.name = (unsigned char *)name};
    if (name)
        deflateSetHeader(&z, &header);
    z.next_in = (unsigned char *)plain.at;
    z.avail_in = (unsigned)plain.len;
    size_t most = deflateBound(&z, plain.len) + (name ? strlen(name) : 0) + 64;
    z.next_out = (unsigned char *)buf_reserve(out, most);
    z.avail_out = (unsigned)most;
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    out->len += z.total_out;
    deflateEnd(&z);
}

static bool unpack_in_steps(struct str packed, size_t step, struct buf *out, enum unpack_kind *kind,
                            struct err *e)
{
    buf_clear(out);
    AUTO(unpack) *u = unpack_create(collect, out);
    for (size_t at = 0; at < packed.len; at += step)
        if (!unpack_feed(u, str_sub(packed, at, step), e))
            return false;
    bool ok = unpack_finish(u, e);
    *kind = unpack_kind(u);
    return ok;
}

/* Text that packs, but not to nothing. */
static void make_text(struct buf *out, size_t len)
{
    for (uint64_t i = 0; out->len < len; i++)
        buf_printf(out, "%llx,", (unsigned long long)(i * 0x9E3779B97F4A7C15u >> 40));
    out->len = len;
}

static const size_t steps[] = {1, 2, 3, 7, 4096, 1 << 20};

static void content_tells_the_kind(void **state)
{
    (void)state;
    BUF_AUTO text = {0};
    make_text(&text, 200000);
    BUF_AUTO gzip = {0};
    gzip_member(&gzip, buf_str(&text), "events.csv");
    BUF_AUTO zstd = {0};
    zstd_pack(buf_str(&text), 3, &zstd);
    const struct {
        struct str packed;
        enum unpack_kind kind;
    } rows[] = {{buf_str(&text), UNPACK_PLAIN},
                {buf_str(&gzip), UNPACK_GZIP},
                {buf_str(&zstd), UNPACK_ZSTD}};
    for (size_t i = 0; i < COUNT(rows); i++)
        for (size_t j = 0; j < COUNT(steps); j++) {
            BUF_AUTO out = {0};
            enum unpack_kind kind;
            struct err e = {0};
            assert_works(unpack_in_steps(rows[i].packed, steps[j], &out, &kind, &e), e);
            assert_int_equal(kind, rows[i].kind);
            assert_int_equal(out.len, text.len);
            assert_memory_equal(out.at, text.at, text.len);
        }
}

static void short_and_misleading_starts_are_plain(void **state)
{
    (void)state;
    const struct str texts[] = {STR(""),         STR("\x1f"),
                                STR("\x28"),     STR("\x28\xb5\x2f"),
                                STR("\x1f\x8c"), STR("\x28\xb5\x2f\xfe"),
                                STR("(a,b)"),    STR("\x1f\x1f\x8b")};
    for (size_t i = 0; i < COUNT(texts); i++)
        for (size_t step = 1; step <= 4; step++) {
            BUF_AUTO out = {0};
            enum unpack_kind kind;
            struct err e = {0};
            assert_works(unpack_in_steps(texts[i], step, &out, &kind, &e), e);
            assert_int_equal(kind, UNPACK_PLAIN);
            assert_str(buf_str(&out), texts[i]);
        }
}

static void parts_may_follow_one_another(void **state)
{
    (void)state;
    BUF_AUTO gzip = {0};
    gzip_member(&gzip, STR("{\"mes"), NULL);
    gzip_member(&gzip, STR(""), NULL);
    gzip_member(&gzip, STR("sage\":1}"), "b");
    BUF_AUTO zstd = {0};
    zstd_pack(STR("{\"mes"), 1, &zstd);
    buf_add(&zstd, STR("\x50\x2a\x4d\x18\x03\0\0\0abc")); /* a skippable frame */
    zstd_pack(STR(""), 1, &zstd);
    zstd_pack(STR("sage\":1}"), 1, &zstd);
    const struct str packed[] = {buf_str(&gzip), buf_str(&zstd)};
    for (size_t i = 0; i < COUNT(packed); i++)
        for (size_t j = 0; j < COUNT(steps); j++) {
            BUF_AUTO out = {0};
            enum unpack_kind kind;
            struct err e = {0};
            assert_works(unpack_in_steps(packed[i], steps[j], &out, &kind, &e), e);
            assert_str(buf_str(&out), STR("{\"message\":1}"));
        }
}

static void refuses_at_any_step(struct str packed, const char *code)
{
    for (size_t j = 0; j < COUNT(steps); j++) {
        if (packed.len / steps[j] > 100000)
            continue;
        BUF_AUTO out = {0};
        enum unpack_kind kind;
        struct err e = {0};
        if (unpack_in_steps(packed, steps[j], &out, &kind, &e))
            fail_msg("accepted what is %s", code);
        assert_string_equal(e.code, code);
        assert_int_equal(e.kind, ERR_INVALID);
    }
}

/* Family N22 of the shared nasty inputs, and the same for zstd. */
static void damage_is_no_silent_end(void **state)
{
    (void)state;
    BUF_AUTO gzip = {0};
    gzip_member(&gzip, STR("{\"type\":\"track\",\"messageId\":\"m-1\",\"userId\":\"u-1\"}"), NULL);
    size_t len = gzip.len;
    for (size_t cut = 2; cut < len; cut++)
        refuses_at_any_step(str_sub(buf_str(&gzip), 0, cut), "unpack.truncated");
    gzip.at[len - 8] ^= 1;
    refuses_at_any_step(buf_str(&gzip), "unpack.checksum");
    gzip.at[len - 8] ^= 1;
    gzip.at[len - 1] ^= 1;
    refuses_at_any_step(buf_str(&gzip), "unpack.length");
    gzip.at[len - 1] ^= 1;
    buf_add(&gzip, STR("garbage"));
    refuses_at_any_step(buf_str(&gzip), "unpack.trailing");
    gzip.at[2] = 9; /* method */
    refuses_at_any_step(buf_str(&gzip), "unpack.damaged");

    BUF_AUTO zstd = {0};
    zstd_pack(STR("some text, some text, some text, some text"), 3, &zstd);
    len = zstd.len;
    for (size_t cut = 4; cut < len; cut++)
        refuses_at_any_step(str_sub(buf_str(&zstd), 0, cut), "unpack.truncated");
    buf_add(&zstd, STR("garbage"));
    refuses_at_any_step(buf_str(&zstd), "unpack.trailing");
}

/* Family N21: much out of little. */
static void bombs_are_refused(void **state)
{
    (void)state;
    BUF_AUTO empty = {0};
    gzip_member(&empty, STR(""), NULL);
    BUF_AUTO many = {0};
    for (int i = 0; i < 100000; i++)
        buf_add(&many, buf_str(&empty));
    refuses_at_any_step(buf_str(&many), "unpack.members");

    char *name = mem_zero((1 << 20) + 1);
    memset(name, 'n', 1 << 20);
    BUF_AUTO named = {0};
    gzip_member(&named, STR("x"), name);
    mem_free(name);
    refuses_at_any_step(buf_str(&named), "unpack.header");

    char *zeros = mem_zero(4 << 20);
    struct str plain = {zeros, 4 << 20};
    BUF_AUTO gzip = {0};
    gzip_member(&gzip, plain, NULL);
    BUF_AUTO zstd = {0};
    zstd_pack(plain, 3, &zstd);
    mem_free(zeros);
    const struct str bombs[] = {buf_str(&gzip), buf_str(&zstd)};
    for (size_t i = 0; i < COUNT(bombs); i++) {
        BUF_AUTO room = {0};
        struct str out;
        struct err e = {0};
        assert_false(unpack_body(bombs[i], LIMIT_BODY_BYTES, &room, &out, &e));
        assert_int_equal(e.kind, ERR_TOO_LARGE);
        assert_string_equal(e.code, "unpack.ratio");
        assert_true(room.room < 2 << 20); /* stopped early */
        assert_false(unpack_body(bombs[i], 64 << 10, &room, &out, &e));
        assert_string_equal(e.code, "unpack.too_large");
    }
}

static void bodies_come_whole(void **state)
{
    (void)state;
    BUF_AUTO room = {0};
    BUF_AUTO text = {0};
    make_text(&text, 100000);
    BUF_AUTO packed = {0};
    gzip_member(&packed, buf_str(&text), NULL);
    struct str out;
    struct err e = {0};
    assert_works(unpack_body(buf_str(&packed), 100000, &room, &out, &e), e);
    assert_str(out, buf_str(&text));
    assert_false(unpack_body(buf_str(&packed), 99999, &room, &out, &e));
    assert_string_equal(e.code, "unpack.too_large");
    assert_works(unpack_body(buf_str(&text), 100000, &room, &out, &e), e);
    assert_ptr_equal(out.at, text.at); /* not copied */
    assert_false(unpack_body(buf_str(&text), 99999, &room, &out, &e));
    assert_int_equal(e.kind, ERR_TOO_LARGE);
    assert_works(unpack_body(STR(""), 10, &room, &out, &e), e);
    assert_int_equal(out.len, 0);
    assert_false(unpack_body(str_sub(buf_str(&packed), 0, 20), 1000, &room, &out, &e));
    assert_string_equal(e.code, "unpack.truncated");
    /* 100:1 is fine in small bodies */
    buf_clear(&text);
    buf_clear(&packed);
    for (int i = 0; i < 64 << 10; i++)
        buf_add_char(&text, ' ');
    gzip_member(&packed, buf_str(&text), NULL);
    assert_works(unpack_body(buf_str(&packed), LIMIT_BODY_BYTES, &room, &out, &e), e);
    assert_int_equal(out.len, 64 << 10);
}

static bool stop(void *context, struct str bytes, struct err *e)
{
    (void)context;
    (void)bytes;
    return err_set(e, ERR_BUSY, "enough");
}

static void the_sink_may_stop(void **state)
{
    (void)state;
    BUF_AUTO zstd = {0};
    zstd_pack(STR("text"), 3, &zstd);
    BUF_AUTO gzip = {0};
    gzip_member(&gzip, STR("text"), NULL);
    const struct str packed[] = {buf_str(&zstd), buf_str(&gzip), STR("text")};
    for (size_t i = 0; i < COUNT(packed); i++) {
        AUTO(unpack) *u = unpack_create(stop, NULL);
        struct err e = {0};
        assert_false(unpack_feed(u, packed[i], &e));
        assert_string_equal(e.text, "enough");
    }
}

static void blocks_return_or_are_corrupt(void **state)
{
    (void)state;
    BUF_AUTO text = {0};
    make_text(&text, 65536);
    BUF_AUTO packed = {0};
    buf_add(&packed, STR("before"));
    zstd_pack(buf_str(&text), 3, &packed);
    struct str block = str_sub(buf_str(&packed), 6, packed.len);
    assert_true(block.len < text.len);
    char *into = mem_zero(65537);
    struct err e = {0};
    assert_works(zstd_unpack(block, into, 65536, &e), e);
    assert_memory_equal(into, text.at, 65536);
    assert_false(zstd_unpack(block, into, 65535, &e));
    assert_false(zstd_unpack(block, into, 65537, &e));
    assert_int_equal(e.kind, ERR_CORRUPT);
    assert_false(zstd_unpack(str_sub(block, 0, block.len - 1), into, 65536, &e));
    assert_int_equal(e.kind, ERR_CORRUPT);
    mem_free(into);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(content_tells_the_kind),
        cmocka_unit_test(short_and_misleading_starts_are_plain),
        cmocka_unit_test(parts_may_follow_one_another),
        cmocka_unit_test(damage_is_no_silent_end),
        cmocka_unit_test(bombs_are_refused),
        cmocka_unit_test(bodies_come_whole),
        cmocka_unit_test(the_sink_may_stop),
        cmocka_unit_test(blocks_return_or_are_corrupt),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
