/*
 * store/segment_check: every byte and every promise of a segment: checksums, the order of rows,
 * what the directory says of blocks and names, and that each id is found. For `tenure check`.
 */
#include "store/segment_file.h"

#include "store/chunk.h"

static bool order_check(struct segment *g, struct err *e)
{
    const uint32_t *times = g->time->lanes;
    const struct column *sequence = NULL;

    for (size_t i = 0; i < g->column_count; i++)
        if (g->columns[i].kind == COLUMN_SEQUENCE)
            sequence = &g->columns[i];
    for (uint32_t p = 0; p < g->person_count; p++) {
        for (uint32_t row = g->starts[p] + 1; row < g->starts[p + 1]; row++) {
            bool is_tie = times[row - 1] == times[row];
            bool is_good = times[row - 1] <= times[row];
            if (is_tie && sequence)
                is_good =
                    column_value(sequence, row - 1).integer <= column_value(sequence, row).integer;
            if (!is_good)
                return segment_damaged(g, e, "row %u is not in the order of time", row);
        }
    }
    return true;
}

static bool blocks_check(struct segment *g, struct err *e)
{
    const uint32_t *times = g->time->lanes;
    int64_t low = INT64_MAX, high = INT64_MIN;

    for (uint32_t from = 0, b = 0; from < g->rows; from += SEGMENT_BLOCK_ROWS, b++) {
        uint32_t to = MIN(g->rows, from + SEGMENT_BLOCK_ROWS);
        struct block_info seen = {.time_min = UINT32_MAX};
        for (uint32_t row = from; row < to; row++) {
            uint64_t code = column_lane(g->name, row);
            seen.time_min = MIN(seen.time_min, times[row]);
            seen.time_max = MAX(seen.time_max, times[row]);
            seen.names[code >> 6 & 3] |= (uint64_t)1 << (code & 63);
        }
        if (g->name->dictionary_count > 256)
            memset(seen.names, 0xff, sizeof seen.names);
        if (memcmp(&seen, &g->blocks[b], sizeof seen))
            return segment_damaged(g, e, "what is said of block %u is not so", b);
        low = MIN(low, g->month_start + seen.time_min);
        high = MAX(high, g->month_start + seen.time_max);
    }
    if (low != g->time_min || high != g->time_max)
        return segment_damaged(g, e, "its first or last time is not so");
    return true;
}

static bool names_check(struct segment *g, struct err *e)
{
    const uint32_t *times = g->time->lanes;
    uint64_t *counts = mem_array(g->name->dictionary_count, sizeof *counts);
    bool is_good = true;

    for (uint32_t row = 0; row < g->rows; row++) {
        uint64_t code = column_lane(g->name, row);
        int64_t time = g->month_start + times[row];
        counts[code]++;
        is_good &= time >= g->name_first[code] && time <= g->name_last[code];
    }
    is_good &= memcmp(counts, g->name_counts, g->name->dictionary_count * sizeof *counts) == 0;
    mem_free(counts);
    if (!is_good)
        return segment_damaged(g, e, "what is said of its event names is not so");
    return true;
}

static bool ids_check(struct segment *g, struct err *e)
{
    char room[UUID_TEXT_BYTES];
    uint32_t found;

    if (!g->id)
        return true;
    if (!segment_ids_ready(g, e))
        return false;
    for (uint32_t i = 0; i < g->id_count; i++) {
        uint32_t row = g->id->is_sparse ? g->id->rows[i] : i;
        struct id_key key = column_id_key(g->id, i);
        struct str id = key.text;
        if (key.is_uuid) {
            uuid_text(key.uuid, room);
            id = (struct str){room, sizeof room};
        }
        if (!segment_find_id(g, id, &found, e) || found != row)
            return e->kind != ERR_NONE
                       ? false
                       : segment_damaged(g, e, "the id of row %u is not found", row);
    }
    return true;
}

bool segment_check(struct segment *g, struct err *e)
{
    for (size_t i = 0; i < g->column_count; i++)
        if (!segment_pin(g, &g->columns[i], 0, g->rows, e))
            return false;
    return order_check(g, e) && blocks_check(g, e) && names_check(g, e) && ids_check(g, e);
}
