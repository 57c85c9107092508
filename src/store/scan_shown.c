/* store/scan_shown: see scan_shown.h. */
#include "store/scan_shown.h"

/* Is the row hidden? Rows are asked for in ascending order. */
static bool passes_hidden(const struct row_range *hidden, size_t count, size_t *next, uint32_t row)
{
    while (*next < count && hidden[*next].to <= row)
        (*next)++;
    return *next < count && hidden[*next].from <= row;
}

bool shown_names(struct segment *g, const struct row_range *hidden, size_t hidden_count,
                 struct arena *arena, struct shown_names *out, struct err *e)
{
    uint32_t codes = g->name->dictionary_count;
    const uint32_t *time = g->time->lanes;

    if (!segment_pin(g, g->name, 0, g->rows, e) || !segment_pin(g, g->time, 0, g->rows, e))
        return false;
    out->counts = arena_array(arena, codes, sizeof *out->counts);
    out->first = arena_array(arena, codes, sizeof *out->first);
    out->last = arena_array(arena, codes, sizeof *out->last);
    for (uint32_t i = 0; i < codes; i++) {
        out->first[i] = INT64_MAX;
        out->last[i] = INT64_MIN;
    }
    size_t next = 0;
    for (uint32_t row = 0; row < g->rows; row++) {
        if (passes_hidden(hidden, hidden_count, &next, row))
            continue;
        uint64_t code = column_lane(g->name, row);
        int64_t at = g->month_start + time[row];
        out->counts[code]++;
        out->first[code] = MIN(out->first[code], at);
        out->last[code] = MAX(out->last[code], at);
    }
    return true;
}

/* Does the column hold a value at this place, and which code of its dictionary is it? */
static bool place_code(const struct column *c, uint64_t place, uint64_t *code)
{
    uint64_t lane = c->form == FORM_PRESENCE ? 0 : column_lane(c, place);
    *code = lane - c->is_optional;
    return !c->is_optional || lane;
}

/* What hidden rows have: how many values, and which codes. */
static uint64_t hidden_values(const struct column *c, const struct row_range *hidden, size_t count,
                              bool *codes, uint64_t *code_count)
{
    uint64_t places = c->is_sparse ? c->row_count : c->lane_count, values = 0, code;

    for (size_t i = 0; i < count; i++) {
        uint64_t place = hidden[i].from;
        if (c->is_sparse && !column_place(c, hidden[i].from, &place) && place == places)
            break;
        for (; place < places && (c->is_sparse ? c->rows[place] : place) < hidden[i].to; place++) {
            if (!place_code(c, place, &code))
                continue;
            values++;
            if (codes && !codes[code]) {
                codes[code] = true;
                ++*code_count;
            }
        }
    }
    return values;
}

bool shown_column(struct segment *g, const struct column *c, const struct row_range *hidden,
                  size_t hidden_count, struct arena *arena, struct shown_column *out, struct err *e)
{
    uint64_t places = c->is_sparse ? c->row_count : g->rows, doubtful = 0, code;
    bool has_codes = c->form == FORM_DICTIONARY;

    *out = (struct shown_column){0};
    if (!segment_pin(g, c, 0, g->rows, e))
        return false;
    if (has_codes)
        out->is_gone = arena_array(arena, c->dictionary_count, sizeof *out->is_gone);
    uint64_t values = hidden_values(c, hidden, hidden_count, out->is_gone, &doubtful);
    bool has_any = false;
    size_t next = 0;
    for (uint64_t place = 0; place < places && (doubtful || !has_any); place++) {
        uint32_t row = c->is_sparse ? c->rows[place] : (uint32_t)place;
        if (passes_hidden(hidden, hidden_count, &next, row) || !place_code(c, place, &code))
            continue;
        has_any = true;
        if (has_codes && out->is_gone[code]) {
            out->is_gone[code] = false;
            doubtful--;
        }
    }
    if (has_any)
        out->rows = places - values;
    return true;
}

bool shown_span(struct segment *g, const struct row_range *hidden, size_t hidden_count,
                int64_t *first, int64_t *last, struct err *e)
{
    const uint32_t *time = g->time->lanes;
    size_t next = 0;
    bool has_any = false;

    if (!segment_pin(g, g->time, 0, g->rows, e))
        return false;
    for (uint32_t row = 0; row < g->rows; row++) {
        if (passes_hidden(hidden, hidden_count, &next, row))
            continue;
        int64_t at = g->month_start + time[row];
        *first = has_any ? MIN(*first, at) : at;
        *last = has_any ? MAX(*last, at) : at;
        has_any = true;
    }
    return has_any;
}
