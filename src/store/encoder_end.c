/* store/encoder_end: what stands around the columns: header, people, statistics, directory. */
#include "store/encoder_inner.h"

#include <stdlib.h>

enum { IDS_SORTED_AT_ONCE = 1 << 22 };

void encoder_begin(struct encoder *n, struct buf *out, const struct encode_output *output,
                   struct encode_room *work, struct str project, uint32_t rows)
{
    uint64_t at;

    REQUIRE(out->len == 0 && rows > 0 && rows <= SEGMENT_ROWS_MAX);
    REQUIRE(project.len <= sizeof n->header.project);
    *n = (struct encoder){.out = out,
                          .output = output,
                          .work = work,
                          .texts_max = UINT32_MAX,
                          .ids_at_once = IDS_SORTED_AT_ONCE};
    memcpy(n->header.magic, SEGMENT_MAGIC, sizeof n->header.magic);
    n->header.version = SEGMENT_VERSION;
    n->header.header_bytes = sizeof n->header;
    n->header.rows = rows;
    n->header.project_bytes = (uint8_t)project.len;
    if (project.len)
        memcpy(n->header.project, project.at, project.len);
    area_make(n, sizeof n->header, &at);
}

void encoder_people(struct encoder *n, const uint32_t *persons, const uint32_t *starts,
                    uint32_t count)
{
    uint64_t bytes = (uint64_t)count * 4;

    REQUIRE(count > 0 && starts[0] == 0 && starts[count] == n->header.rows);
    n->header.person_count = count;
    uint64_t sum = area_copy(n, persons, bytes, &n->front.persons_at, 0);
    n->front.people_sum = area_copy(n, starts, bytes + 4, &n->front.starts_at, sum);
}

static int by_order(const void *a, const void *b)
{
    const struct encoded_column *x = a, *y = b;

    return column_order(x->record.kind, x->property, x->record.type, y->record.kind, y->property,
                        y->record.type);
}

static uint32_t name_lane(const void *lanes, unsigned bits, uint32_t row)
{
    return bits == 8    ? ((const uint8_t *)lanes)[row]
           : bits == 16 ? ((const uint16_t *)lanes)[row]
                        : ((const uint32_t *)lanes)[row];
}

/* By name code: rows, first and last time, each list name_count long. */
struct name_times {
    uint64_t *counts;
    int64_t *first, *last;
};

static struct block_info block_of(struct encoder *n, uint32_t from, uint32_t to, char *room,
                                  const struct name_times *names)
{
    struct block_info b = {.time_min = UINT32_MAX};
    unsigned bits = n->name_bits;
    enum { TIME_BYTES = SEGMENT_BLOCK_ROWS * 4 };
    const uint32_t *times = (const uint32_t *)(const void *)encoder_look(
        n, n->time_at + (uint64_t)from * 4, (uint64_t)(to - from) * 4, room);
    const void *codes = encoder_look(n, n->name_at + lane_bytes(from, bits),
                                     lane_bytes(to - from, bits), room + TIME_BYTES);

    for (uint32_t i = 0; i < to - from; i++) {
        uint32_t code = name_lane(codes, bits, i);
        int64_t time = times[i];
        b.time_min = MIN(b.time_min, times[i]);
        b.time_max = MAX(b.time_max, times[i]);
        if (UNLIKELY(code >= n->name_count))
            continue; /* what was read back is not what was written: its checksum tells */
        bool is_first = names->counts[code]++ == 0;
        names->first[code] = is_first ? time : MIN(names->first[code], time);
        names->last[code] = is_first ? time : MAX(names->last[code], time);
        b.names[code >> 6 & 3] |= (uint64_t)1 << (code & 63);
    }
    if (n->name_count > 256)
        memset(b.names, 0xff, sizeof b.names);
    return b;
}

/* Blocks and names: what a scan may skip, and what events there are. */
static void statistics_write(struct encoder *n, struct buf *directory, int64_t month_start)
{
    uint32_t rows = n->header.rows, time_min = UINT32_MAX, time_max = 0;
    uint64_t *counts = mem_array((size_t)n->name_count * 3, sizeof *counts);
    int64_t *first = (int64_t *)counts + n->name_count;
    struct name_times names = {counts, first, first + n->name_count};
    char *room = n->flushed ? mem_zero((size_t)SEGMENT_BLOCK_ROWS * 8) : NULL;

    n->front.blocks_at = directory->len;
    for (uint32_t from = 0; from < rows; from += SEGMENT_BLOCK_ROWS) {
        uint32_t to = MIN(rows, from + SEGMENT_BLOCK_ROWS);
        struct block_info b = block_of(n, from, to, room, &names);
        time_min = MIN(time_min, b.time_min);
        time_max = MAX(time_max, b.time_max);
        buf_add_bytes(directory, &b, sizeof b);
    }
    for (uint32_t i = 0; i < n->name_count; i++) {
        names.first[i] += month_start;
        names.last[i] += month_start;
    }
    n->front.names_at = directory->len;
    buf_add_bytes(directory, counts, (size_t)n->name_count * 24);
    mem_free(counts);
    mem_free(room);
    n->header.time_min = month_start + time_min;
    n->header.time_max = month_start + time_max;
}

static void align8(struct buf *b)
{
    buf_add_bytes(b, "\0\0\0\0\0\0\0", -b->len % 8);
}

static void directory_write(struct encoder *n, struct buf *directory, int64_t month_start)
{
    static const struct segment_front nothing;

    buf_add_bytes(directory, &nothing, sizeof nothing);
    statistics_write(n, directory, month_start);
    for (size_t i = 0; i < n->column_count; i++) {
        struct encoded_column *c = &n->columns[i];
        c->record.sums_at = directory->len;
        buf_add_bytes(directory, c->sums, c->sum_count * sizeof *c->sums);
        if (i > 0 && c->property.len && str_equal(c->property, c[-1].property)) {
            c->record.property_at = c[-1].record.property_at;
        } else {
            REQUIRE(directory->len <= UINT32_MAX);
            c->record.property_at = (uint32_t)directory->len;
            buf_add(directory, c->property);
            align8(directory);
        }
        c->record.property_bytes = (uint32_t)c->property.len;
    }
    n->front.columns_at = directory->len;
    for (size_t i = 0; i < n->column_count; i++)
        buf_add_bytes(directory, &n->columns[i].record, sizeof n->columns[i].record);
    memcpy(directory->at, &n->front, sizeof n->front);
}

void encoder_drop(struct encoder *n)
{
    for (size_t i = 0; i < n->column_count; i++)
        mem_free(n->columns[i].sums);
    mem_free(n->columns);
    n->columns = NULL;
    n->column_count = n->column_room = 0;
}

/* The header is known last and stands first. */
static void header_write(struct encoder *n)
{
    const struct encode_output *o = n->output;
    struct str part = {(const char *)&n->header, sizeof n->header};
    struct err e = {0};

    if (!o) {
        memcpy(n->out->at, part.at, part.len);
        return;
    }
    encoder_flush(n, true);
    if (n->failure.kind == ERR_NONE && !os_file_write_at(o->file, 0, &part, 1, &e))
        encoder_fail(n, &e);
}

bool encoder_finish(struct encoder *n, uint64_t number, uint64_t age, int64_t month_start,
                    struct err *e)
{
    BUF_AUTO directory = {0};
    struct segment_header *h = &n->header;

    if (n->failure.kind == ERR_NONE) {
        REQUIRE(n->time_at && n->name_count && h->person_count);
        qsort(n->columns, n->column_count, sizeof *n->columns, by_order);
        directory_write(n, &directory, month_start);
        h->directory_sum = area_copy(n, directory.at, directory.len, &h->directory_at, 0);
        h->directory_bytes = directory.len;
        h->column_count = (uint32_t)n->column_count;
        h->number = number;
        h->age = age;
        h->month_start = month_start;
        h->file_bytes = n->flushed + n->out->len;
        h->sum = hash64((struct str){(const char *)h, offsetof(struct segment_header, sum)}, 0);
        header_write(n);
    }
    bool ok = n->failure.kind == ERR_NONE;
    if (!ok)
        *e = n->failure;
    encoder_drop(n);
    return ok;
}
