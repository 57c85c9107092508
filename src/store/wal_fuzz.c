/*
 * The log's reader and the reader of batches in it. An even first byte: the rest is a whole file.
 * An odd one: the rest is one batch, in a file that is right otherwise, so that its checksum does
 * not keep the search out.
 */
#include "codec/bytes.h"
#include "store/batch.h"
#include "store/wal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct identity owner = {{"main", 4}, 7};
enum { SALT = 11 };

static bool read_rows(void *context, uint64_t sequence, struct str payload, struct err *e)
{
    uint64_t *next = context;
    struct batch_reader r = {0};
    struct event ev;
    struct fact f;
    uint32_t person;
    uint64_t rows = 0;
    struct err inner = {0};
    REQUIRE(sequence == (*next)++);
    if (batch_read(&r, payload, &inner)) {
        while (batch_next_event(&r, &ev, &person, &inner)) {
            REQUIRE(person < r.person_count && str_equal(r.persons[person], ev.person));
            rows++;
        }
        while (!inner.kind && batch_next_fact(&r, &f, &inner))
            rows++;
    }
    REQUIRE(rows <= payload.len);
    REQUIRE(inner.kind == ERR_NONE || inner.kind == ERR_CORRUPT);
    batch_reader_free(&r);
    (void)e;
    return true;
}

static void add_frame(struct buf *file, struct str batch)
{
    BUF_AUTO checked = {0};
    buf_add_u32(&checked, (uint32_t)(batch.len + 4));
    buf_add_u32(&checked, 1);
    for (int i = 0; i < 3; i++) /* sequence, durable, fresh */
        buf_add_u64(&checked, 1);
    buf_add_u32(&checked, (uint32_t)batch.len);
    buf_add(&checked, batch);
    buf_add_u32(file, 0x4D52464C);
    buf_add_u32(file, crc32c(SALT, checked.at, checked.len));
    buf_add(file, buf_str(&checked));
    buf_add_bytes(file, "\0\0\0\0\0\0\0", (8 - batch.len % 8 + 4) % 8);
    buf_add_u32(file, (uint32_t)(batch.len + 4));
    buf_add_u32(file, 0x444E454C);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0 || size > 1 << 20)
        return 0;
    struct str rest = {(const char *)data + 1, size - 1};
    BUF_AUTO file = {0};
    bool is_one_batch = data[0] & 1;
    if (is_one_batch) {
        head_put(&file, &(struct head){.kind = HEAD_LOG,
                                       .salt = SALT,
                                       .number = 1,
                                       .first = 1,
                                       .store = owner.store,
                                       .project = owner.project});
        add_frame(&file, rest);
    } else {
        buf_add(&file, rest);
    }
    struct wal_end end;
    struct err e = {0};
    struct head head;
    uint64_t next = 1;
    if (!is_one_batch && head_read(buf_str(&file), STR("f"), HEAD_LOG, NULL, &head, &e))
        next = head.first;
    e = (struct err){0};
    bool ok = wal_read(buf_str(&file), STR("f"), is_one_batch ? &owner : NULL, true, read_rows,
                       &next, &end, &e);
    REQUIRE(ok || e.kind == ERR_CORRUPT || e.kind == ERR_UNSUPPORTED);
    REQUIRE(!ok || end.sequence == next);
    REQUIRE(!is_one_batch || (ok && next == 2));
    return 0;
}
