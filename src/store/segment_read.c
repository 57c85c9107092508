/*
 * store/segment_read: from bytes to struct segment. Every offset, count and alignment is checked
 * before it is used, since a file may hold anything; what is inside lanes and dictionaries is
 * checked when it is pinned (segment.c).
 */
#include <stdarg.h>
#include <stdio.h>

#include "base/limits.h"
#include "store/chunk.h"
#include "store/segment_file.h"

static bool skips_sums(const struct segment *g)
{
    return ((const struct segment_own *)g->own)->skips_sums;
}

struct reader {
    struct segment *g;
    struct str bytes;
    const struct segment_header *header;
    const char *directory;
    uint64_t directory_bytes;
    struct err *e;
};

bool segment_damaged(const struct segment *g, struct err *e, const char *format, ...)
{
    char what[160];
    va_list args;

    va_start(args, format);
    vsnprintf(what, sizeof what, format, args);
    va_end(args);
    if (g->path.len)
        err_set(e, ERR_CORRUPT, "segment file %.*s is damaged: %s", STR_ARG(g->path), what);
    else
        err_set(e, ERR_CORRUPT, "a segment in memory is damaged: %s", what);
    err_code(e, "store.damaged");
    return err_hint(e, "restore it from a backup; tenure check lists all damage");
}

/* The area [at, at + bytes) of the file, or NULL when it does not lie between header and directory.
 */
static const void *area(const struct reader *r, uint64_t at, uint64_t bytes)
{
    uint64_t end = r->header->directory_at;

    if (bytes == 0)
        return r->bytes.at;
    if (at % SEGMENT_ALIGN || at < sizeof *r->header || at > end || bytes > end - at)
        return NULL;
    return r->bytes.at + at;
}

/* The same inside the directory, at a multiple of 8. */
static const void *entry(const struct reader *r, uint64_t at, uint64_t bytes)
{
    if (bytes == 0)
        return r->directory;
    if (at % 8 || at > r->directory_bytes || bytes > r->directory_bytes - at)
        return NULL;
    return r->directory + at;
}

static bool is_zero(const void *bytes, size_t count)
{
    const char *at = bytes;
    for (size_t i = 0; i < count; i++)
        if (at[i])
            return false;
    return true;
}

static bool check_version(const struct reader *r)
{
    const struct segment_header *h = r->header;

    if (r->bytes.len < sizeof *h)
        return segment_damaged(r->g, r->e, "it is only %zu bytes long", r->bytes.len);
    if (memcmp(h->magic, SEGMENT_MAGIC, sizeof h->magic))
        return segment_damaged(r->g, r->e, "it does not begin as a segment does");
    if (h->version > SEGMENT_VERSION) {
        err_set(
            r->e, ERR_UNSUPPORTED,
            "segment file %.*s has format %u, written by a newer Tenure; this one reads up to %d",
            STR_ARG(r->g->path), h->version, SEGMENT_VERSION);
        err_code(r->e, "store.newer_version");
        return err_hint(r->e, "use the newer Tenure with this data directory");
    }
    return true;
}

static bool read_header(struct reader *r)
{
    struct segment *g = r->g;
    const struct segment_header *h = r->header;
    /* Far beyond any calendar, so that sums of times cannot overflow. */
    const int64_t time_limit = (int64_t)1 << 53;

    if (!check_version(r))
        return false;
    struct str summed = {r->bytes.at, offsetof(struct segment_header, sum)};
    if (!skips_sums(g) && hash64(summed, 0) != h->sum)
        return segment_damaged(g, r->e, "the checksum of its header is wrong");
    if (h->version != SEGMENT_VERSION || h->header_bytes != sizeof *h ||
        h->project_bytes > sizeof h->project || !is_zero(h->zero, sizeof h->zero))
        return segment_damaged(g, r->e, "its header is not of format %d", SEGMENT_VERSION);
    if (h->file_bytes != r->bytes.len)
        return segment_damaged(g, r->e, "it is %zu bytes long and should be %llu", r->bytes.len,
                               (unsigned long long)h->file_bytes);
    if (h->rows == 0 || h->rows > SEGMENT_ROWS_MAX || h->person_count == 0 ||
        h->person_count > h->rows || h->id_count > h->rows)
        return segment_damaged(g, r->e, "its counts of rows and persons cannot be");
    if (h->month_start > time_limit || h->month_start < -time_limit ||
        month_start(h->month_start) != h->month_start || h->time_min < h->month_start ||
        h->time_max < h->time_min || h->time_max >= month_next(h->month_start))
        return segment_damaged(g, r->e, "its times do not lie in its month");
    if (h->directory_at % SEGMENT_ALIGN || h->directory_at < sizeof *h ||
        h->directory_at > h->file_bytes || h->directory_bytes != h->file_bytes - h->directory_at ||
        h->directory_bytes < sizeof(struct segment_front))
        return segment_damaged(g, r->e, "its directory is not where it should be");
    g->project = (struct str){h->project, h->project_bytes};
    g->number = h->number;
    g->age = h->age;
    g->month_start = h->month_start;
    g->time_min = h->time_min;
    g->time_max = h->time_max;
    g->rows = h->rows;
    g->person_count = h->person_count;
    g->id_count = h->id_count;
    g->bytes = h->file_bytes;
    return true;
}

static bool read_people(struct reader *r, const struct segment_front *f)
{
    struct segment *g = r->g;
    uint64_t persons_bytes = (uint64_t)g->person_count * 4;
    uint64_t starts_bytes = persons_bytes + 4;

    g->persons = area(r, f->persons_at, persons_bytes);
    g->starts = area(r, f->starts_at, starts_bytes);
    if (!g->persons || !g->starts)
        return segment_damaged(g, r->e, "its list of persons lies outside of it");
    struct str persons = {(const char *)g->persons, persons_bytes};
    struct str starts = {(const char *)g->starts, starts_bytes};
    if (!skips_sums(g) && hash64(starts, hash64(persons, 0)) != f->people_sum)
        return segment_damaged(g, r->e, "the checksum of its list of persons is wrong");
    bool is_good = g->starts[0] == 0 && g->starts[g->person_count] == g->rows;
    is_good &= g->persons[g->person_count - 1] != UINT32_MAX; /* never an ordinal */
    for (uint32_t i = 0; i < g->person_count; i++) {
        is_good &= g->starts[i] < g->starts[i + 1];
        is_good &= i == 0 || g->persons[i - 1] < g->persons[i];
    }
    if (!is_good)
        return segment_damaged(g, r->e, "its list of persons is out of order");
    return true;
}

/* Which forms a value type may have. */
static bool form_fits(enum column_form form, enum value_type type)
{
    static const uint8_t fits[VALUE_TYPE_COUNT] = {
        [VALUE_NULL] = 1 << FORM_INTEGER | 1 << FORM_PRESENCE,
        [VALUE_BOOL] = 1 << FORM_INTEGER | 1 << FORM_PRESENCE,
        [VALUE_INT] = 1 << FORM_INTEGER | 1 << FORM_DICTIONARY,
        [VALUE_DOUBLE] = 1 << FORM_DOUBLE | 1 << FORM_DICTIONARY,
        [VALUE_TEXT] = 1 << FORM_TEXT | 1 << FORM_DICTIONARY,
        [VALUE_LIST] = 1 << FORM_TEXT | 1 << FORM_DICTIONARY,
    };
    return fits[type] >> form & 1;
}

static bool kind_fits(const struct column_record *d)
{
    bool is_plain = !(d->flags & (COLUMN_OPTIONAL | COLUMN_SPARSE));

    switch ((enum column_kind)d->kind) {
    case COLUMN_TIME: /* the scan reads these lanes as u32 */
        return d->type == VALUE_INT && d->form == FORM_INTEGER && d->lane_bits == 32 && is_plain &&
               d->base == 0 && d->scale == 1;
    case COLUMN_NAME: /* and these as bytes, if they are */
        return d->type == VALUE_TEXT && d->form == FORM_DICTIONARY && d->lane_bits >= 8 && is_plain;
    case COLUMN_ACCOUNT:
    case COLUMN_SESSION:
        return d->type == VALUE_TEXT;
    case COLUMN_RECEIVED:
    case COLUMN_OFFSET:
    case COLUMN_SEQUENCE:
        return d->type == VALUE_INT && d->form == FORM_INTEGER && is_plain;
    case COLUMN_ID:
        return d->type == VALUE_TEXT && d->form == FORM_TEXT && !(d->flags & COLUMN_OPTIONAL);
    case COLUMN_PROPERTY:
        break;
    }
    return true;
}

static bool width_fits(const struct column_record *d)
{
    static const uint64_t widths =
        1 << 0 | 1 << 1 | 1 << 2 | 1 << 4 | 1 << 8 | 1 << 16 | (uint64_t)1 << 32;

    if (d->lane_bits != 64 && (d->lane_bits > 32 || !(widths >> d->lane_bits & 1)))
        return false;
    switch ((enum column_form)d->form) {
    case FORM_INTEGER:
        break;
    case FORM_DICTIONARY:
        return d->lane_bits <= 32;
    case FORM_DOUBLE:
        return d->lane_bits == 64;
    case FORM_TEXT:
        return d->lane_bits == (d->kind == COLUMN_ID ? 0 : 32);
    case FORM_PRESENCE:
        return d->lane_bits == 0;
    }
    return true;
}

static bool flags_fit(const struct column_record *d, const struct segment *g)
{
    bool is_sparse = d->flags & COLUMN_SPARSE, is_optional = d->flags & COLUMN_OPTIONAL;
    bool has_dictionary = d->form == FORM_DICTIONARY || d->form == FORM_TEXT;

    if (d->flags & ~COLUMN_FLAGS || (is_sparse && is_optional))
        return false;
    if (is_sparse ? d->row_count == 0 || d->row_count > g->rows : d->row_count != 0)
        return false;
    if (is_optional && (d->lane_bits == 0 || d->form == FORM_DOUBLE))
        return false;
    if (has_dictionary ? d->dictionary_count == 0 : d->dictionary_count || d->values_bytes)
        return false;
    if (d->dictionary_count > (is_sparse ? d->row_count : g->rows))
        return false; /* each value is some row's */
    if (d->kind == COLUMN_ID)
        return d->dictionary_count == g->id_count &&
               (is_sparse ? d->row_count : g->rows) == g->id_count && !(d->flags & COLUMN_PACKED);
    return !(d->flags & COLUMN_UUIDS) && (!(d->flags & COLUMN_PACKED) || d->form == FORM_TEXT);
}

static bool record_fits(const struct column_record *d, const struct segment *g)
{
    if (d->kind > COLUMN_PROPERTY || d->form > FORM_PRESENCE || d->type >= VALUE_TYPE_COUNT)
        return false;
    return form_fits(d->form, d->type) && kind_fits(d) && width_fits(d) && flags_fit(d, g) &&
           is_zero(d->zero, sizeof d->zero) && is_zero(d->zero_end, sizeof d->zero_end) &&
           (d->kind == COLUMN_PROPERTY || d->property_bytes == 0);
}

/* Where a dictionary's parts lie. Texts: offsets and bytes; packed: one frame; numbers: 8 each. */
static bool read_dictionary(struct reader *r, const struct column_record *d, struct column *c,
                            struct column_own *own)
{
    uint64_t count = d->dictionary_count;

    own->values = area(r, d->values_at, d->values_bytes);
    if (!own->values)
        return false;
    if (d->flags & COLUMN_UUIDS)
        return d->values_bytes == count * SEGMENT_ID_BYTES;
    if (c->type == VALUE_INT || c->type == VALUE_DOUBLE) {
        if (c->type == VALUE_INT)
            c->integers = (const int64_t *)(const void *)own->values;
        else
            c->doubles = (const double *)(const void *)own->values;
        return d->values_bytes == count * 8;
    }
    if (d->flags & COLUMN_PACKED)
        return d->values_bytes > 0 && d->plain_bytes <= UINT32_MAX && d->plain_bytes >= count &&
               d->plain_bytes / SEGMENT_PACK_RATIO_MAX <= d->values_bytes;
    c->text_bytes = own->values;
    c->text_at = area(r, d->offsets_at, (count + 1) * 4);
    if (c->kind == COLUMN_ID && !(own->bits = area(r, d->bits_at, (count + 7) / 8)))
        return false;
    return c->text_at != NULL;
}

static bool read_column(struct reader *r, const struct column_record *d, struct column *c)
{
    struct segment *g = r->g;
    unsigned place = (unsigned)(c - g->columns);

    if (!record_fits(d, g))
        return segment_damaged(g, r->e, "column %u is of no known form", place);
    struct column_own *own = c->own = mem_zero(sizeof *own);
    own->record = d;
    c->kind = d->kind;
    c->form = d->form;
    c->type = d->type;
    c->lane_bits = d->lane_bits;
    c->is_optional = d->flags & COLUMN_OPTIONAL;
    c->is_sparse = d->flags & COLUMN_SPARSE;
    c->base = d->base;
    c->scale = d->scale;
    c->row_count = d->row_count;
    c->lane_count = c->is_sparse ? c->row_count : g->rows;
    c->dictionary_count = d->dictionary_count;
    uint64_t bytes = lane_bytes(c->lane_count, c->lane_bits);
    own->block_count = bytes ? (c->lane_count + SEGMENT_BLOCK_ROWS - 1) / SEGMENT_BLOCK_ROWS : 0;
    own->checked = mem_array(own->block_count / 64 + 1, sizeof *own->checked);
    c->property.at = entry(r, d->property_at, d->property_bytes);
    c->property.len = d->property_bytes;
    c->lanes = area(r, d->lanes_at, bytes);
    c->rows = area(r, d->rows_at, (uint64_t)c->row_count * 4);
    own->sums = entry(r, d->sums_at, own->block_count * 8);
    if (!c->property.at || !c->lanes || !c->rows || !own->sums)
        return segment_damaged(g, r->e, "column %u lies outside of it", place);
    bool has_dictionary = c->form == FORM_DICTIONARY || c->form == FORM_TEXT;
    if (has_dictionary && !read_dictionary(r, d, c, own))
        return segment_damaged(g, r->e, "the dictionary of column %u lies outside of it", place);
    if (place > 0 &&
        column_order(c[-1].kind, c[-1].property, c[-1].type, c->kind, c->property, c->type) >= 0)
        return segment_damaged(g, r->e, "column %u is out of order", place);
    return true;
}

static bool read_columns(struct reader *r, const struct segment_front *f)
{
    const unsigned needed =
        1 << COLUMN_TIME | 1 << COLUMN_NAME | 1 << COLUMN_RECEIVED | 1 << COLUMN_OFFSET;
    struct segment *g = r->g;
    unsigned kinds = 0;
    uint64_t count = r->header->column_count;
    const struct column_record *records = entry(r, f->columns_at, count * sizeof *records);

    if (!records || count == 0)
        return segment_damaged(g, r->e, "its list of columns lies outside of it");
    g->columns = mem_array(count, sizeof *g->columns);
    for (size_t i = 0; i < count; i++) {
        g->column_count++;
        if (!read_column(r, &records[i], &g->columns[i]))
            return false;
        kinds |= 1U << g->columns[i].kind;
        if (g->columns[i].kind == COLUMN_TIME)
            g->time = &g->columns[i];
        else if (g->columns[i].kind == COLUMN_NAME)
            g->name = &g->columns[i];
        else if (g->columns[i].kind == COLUMN_ID)
            g->id = &g->columns[i];
    }
    if ((kinds & needed) != needed || (g->id_count != 0) != (g->id != NULL))
        return segment_damaged(g, r->e, "it lacks a column that each segment has");
    return true;
}

static bool read_ids(struct reader *r, const struct segment_front *f)
{
    struct segment *g = r->g;

    if (g->id_count == 0)
        return true;
    if (f->id_filter_words == 0 || f->id_filter_words % SEGMENT_FILTER_BLOCK ||
        f->id_filter_words > (uint64_t)1 << 40)
        return segment_damaged(g, r->e, "its id filter cannot have that size");
    g->id_order = area(r, f->id_order_at, (uint64_t)g->id_count * 4);
    g->id_filter = area(r, f->id_filter_at, f->id_filter_words * 8);
    g->id_filter_words = f->id_filter_words;
    if (!g->id_order || !g->id_filter)
        return segment_damaged(g, r->e, "its id index lies outside of it");
    return true;
}

static bool read_statistics(struct reader *r, const struct segment_front *f)
{
    struct segment *g = r->g;
    uint64_t block_count = ((uint64_t)g->rows + SEGMENT_BLOCK_ROWS - 1) / SEGMENT_BLOCK_ROWS;
    uint64_t names = g->name->dictionary_count;
    const char *list = entry(r, f->names_at, names * 24);

    g->blocks = entry(r, f->blocks_at, block_count * sizeof *g->blocks);
    if (!g->blocks || !list)
        return segment_damaged(g, r->e, "its statistics lie outside of it");
    g->name_counts = (const uint64_t *)(const void *)list;
    g->name_first = (const int64_t *)(const void *)(list + names * 8);
    g->name_last = (const int64_t *)(const void *)(list + names * 16);
    return true;
}

struct segment *segment_make(void)
{
    struct segment *g = mem_zero(sizeof *g);

    g->own = mem_zero(sizeof(struct segment_own));
    g->references = 1;
    g->path = STR("");
    pthread_mutex_init(&((struct segment_own *)g->own)->lock, NULL);
    return g;
}

bool segment_read(struct segment *g, struct str bytes, struct err *e)
{
    struct segment_own *own = g->own;
    struct reader r = {.g = g,
                       .bytes = bytes,
                       .header = (const struct segment_header *)(const void *)bytes.at,
                       .e = e};

    REQUIRE(bytes.len == 0 || (uintptr_t)bytes.at % 8 == 0);
    if (!read_header(&r))
        return false;
    r.directory = bytes.at + r.header->directory_at;
    r.directory_bytes = r.header->directory_bytes;
    struct str directory = {r.directory, r.directory_bytes};
    if (!own->skips_sums && hash64(directory, 0) != r.header->directory_sum)
        return segment_damaged(g, e, "the checksum of its directory is wrong");
    const struct segment_front *f = own->front =
        (const struct segment_front *)(const void *)r.directory;
    if (!is_zero(f->zero, sizeof f->zero))
        return segment_damaged(g, e, "its directory is not of format %d", SEGMENT_VERSION);
    if (!read_people(&r, f) || !read_columns(&r, f) || !read_ids(&r, f) || !read_statistics(&r, f))
        return false;
    /* Names are asked for without a pin (what events there are), so they are checked here. */
    return segment_pin(g, g->name, 0, 0, e);
}
