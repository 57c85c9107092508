/*
 * The manifest's reader. An even first byte: the rest is a whole file. An odd one: the rest is the
 * items of its first record, with a checksum that is right.
 */
#include "codec/bytes.h"
#include "store/manifest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { SALT = 11 };

static void add_record(struct buf *file, struct str items)
{
    BUF_AUTO checked = {0};
    buf_add_u64(&checked, 0);
    buf_add(&checked, items);
    buf_add_u32(file, (uint32_t)items.len);
    buf_add_u32(file, crc32c(SALT, checked.at, checked.len));
    buf_add(file, buf_str(&checked));
    buf_add_u32(file, (uint32_t)items.len);
    buf_add_u32(file, 0x444E454D);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0 || size > 1 << 20)
        return 0;
    struct str rest = {(const char *)data + 1, size - 1};
    BUF_AUTO file = {0};
    if (data[0] & 1) {
        head_put(&file,
                 &(struct head){.kind = HEAD_MANIFEST, .salt = SALT, .project = STR("main")});
        add_record(&file, rest);
    } else {
        buf_add(&file, rest);
    }
    struct manifest_content c;
    struct err e = {0};
    bool ok = manifest_read(buf_str(&file), STR("manifest"), &c, &e);
    REQUIRE(ok || e.kind == ERR_CORRUPT || e.kind == ERR_UNSUPPORTED);
    for (size_t i = 1; ok && i < c.segment_count; i++)
        REQUIRE(c.segments[i - 1].number < c.segments[i].number);
    REQUIRE(!ok || (c.records && c.bytes + c.torn_bytes == file.len));
    manifest_content_free(&c);
    return 0;
}
