/* collect/import_csv: rows of CSV as events, by a map of columns. */
#include <stdlib.h>

#include "calendar/calendar.h"
#include "codec/csv.h"
#include "collect/import.h"

enum target { PERSON, EVENT, TIME, ACCOUNT, ID, SESSION, TARGET_COUNT, TARGET_PROPERTY };
static const char *const target_names[TARGET_COUNT] = {"person",  "event", "time",
                                                       "account", "id",    "session"};

enum column_type { TYPE_AUTO, TYPE_NUMBER, TYPE_TEXT, TYPE_BOOL, TYPE_COUNT };
static const char *const type_names[TYPE_COUNT] = {NULL, "number", "text", "bool"};

struct column_type_of {
    struct str column;
    enum column_type type;
};

struct csv_map {
    struct str column[TARGET_COUNT]; /* .len == 0: not mapped */
    struct str constant[TARGET_COUNT];
    struct column_type_of *types;
    size_t type_count;
};

struct csv_column {
    enum target target;
    enum column_type type;
    struct str name; /* of a property */
};

struct csv_reader {
    struct import *import; /* NULL: only the header and the first row are looked at */
    const struct import_options *options;
    const struct csv_map *map;
    struct csv *csv;
    struct arena *arena; /* names, as long as the reader */
    struct csv_column *columns;
    size_t column_count; /* 0: the header has not come yet */
    bool is_first_seen;
};

static bool map_target(struct csv_map *map, struct str name, struct str value, struct arena *arena,
                       struct err *e)
{
    size_t t = 0;
    while (t < TARGET_COUNT && !str_equal(name, str_of(target_names[t])))
        t++;
    if (t == TARGET_COUNT) {
        err_set(e, ERR_USAGE, "the map names \"%.*s\", which is no part of an event",
                STR_ARG(name));
        return err_hint(e, "known are person, event, time, account, id and session; other columns "
                           "become properties by themselves");
    }
    if (map->column[t].len || map->constant[t].len)
        return err_set(e, ERR_USAGE, "the map names %s twice", target_names[t]);
    bool is_constant = value.len && value.at[0] == '=';
    value = arena_copy(arena, is_constant ? str_sub(value, 1, value.len) : value);
    if (value.len == 0)
        return err_set(e, ERR_USAGE, "the map gives no column for %s", target_names[t]);
    if (is_constant && t != EVENT && t != ACCOUNT)
        return err_set(e, ERR_USAGE,
                       "the map can give a fixed text (==) to event and account only");
    *(is_constant ? &map->constant[t] : &map->column[t]) = value;
    return true;
}

static bool map_type(struct csv_map *map, struct str column, struct str type, struct arena *arena,
                     struct err *e)
{
    for (size_t t = TYPE_NUMBER; t < TYPE_COUNT; t++)
        if (str_equal(type, str_of(type_names[t]))) {
            map->types[map->type_count++] =
                (struct column_type_of){arena_copy(arena, column), (enum column_type)t};
            return true;
        }
    err_set(e, ERR_USAGE, "\"%.*s\" is no type of the column %.*s", STR_ARG(type), STR_ARG(column));
    return err_hint(e, "known are number, text and bool");
}

/* "a=b,c=d": each pair to its place. */
static bool pairs(struct csv_map *map, struct str list, bool is_types, struct arena *arena,
                  struct err *e)
{
    while (list.len) {
        size_t end = str_find(list, ',');
        struct str pair = str_sub(list, 0, end);
        list = end < list.len ? str_sub(list, end + 1, list.len) : STR_NONE;
        size_t equals = str_find(pair, '=');
        if (equals == 0 || equals == pair.len) {
            err_set(e, ERR_USAGE, "\"%.*s\" is not of the form name=column", STR_ARG(pair));
            return err_hint(e, is_types ? "such as --types mrr=number,zip=text"
                                        : "such as --map person=user_id,event=action,time=ts");
        }
        struct str name = str_trim(str_sub(pair, 0, equals));
        struct str value = str_trim(str_sub(pair, equals + 1, pair.len));
        if (is_types ? !map_type(map, name, value, arena, e)
                     : !map_target(map, name, value, arena, e))
            return false;
    }
    return true;
}

bool csv_map_parse(const struct import_options *options, struct arena *arena, struct csv_map **out,
                   struct err *e)
{
    struct csv_map *map = arena_alloc(arena, sizeof *map);
    map->types = arena_array(arena, options->types.len + 1, sizeof *map->types);
    if (!pairs(map, options->map, false, arena, e) || !pairs(map, options->types, true, arena, e))
        return false;
    static const enum target needed[] = {PERSON, EVENT, TIME};
    for (size_t i = 0; i < COUNT(needed); i++)
        if (!map->column[needed[i]].len && !map->constant[needed[i]].len) {
            err_set(e, ERR_USAGE, "the map does not say which column is %s",
                    target_names[needed[i]]);
            return err_hint(e, needed[i] == EVENT
                                   ? "event=column, or event==Bought for a fixed name"
                                   : "such as --map person=user_id,event=action,time=ts");
        }
    *out = map;
    return true;
}

/* What is wrong with a row, not with the file: the row is rejected. */
static bool bad_row(struct err *why, const char *code)
{
    return err_code(why, code);
}

static bool column_missing(struct str column, const struct str *header, size_t count, struct err *e)
{
    enum { FAR = 4 };
    struct str nearest = STR_NONE;
    size_t best = FAR;
    BUF_AUTO known = {0};
    for (size_t i = 0; i < count; i++) {
        size_t distance = str_distance(column, header[i], FAR);
        if (distance < best) {
            best = distance;
            nearest = header[i];
        }
        if (known.len < 150)
            buf_printf(&known, "%s%.*s", i ? ", " : "", STR_ARG(header[i]));
    }
    err_set(e, ERR_USAGE, "there is no column %.*s; the header has: %.*s%s", STR_ARG(column),
            STR_ARG(buf_str(&known)), known.len >= 150 ? ", …" : "");
    err_code(e, "csv.header");
    if (nearest.len)
        return err_hint(e, "did you mean %.*s?", STR_ARG(nearest));
    if (count == 1)
        return err_hint(e, "are the cells separated by something other than a comma?");
    return false;
}

static bool check_header(const struct str *cells, size_t count, struct err *e)
{
    for (size_t i = 0; i < count; i++) {
        if (cells[i].len == 0 || cells[i].len > LIMIT_NAME_BYTES) {
            err_set(e, ERR_USAGE,
                    cells[i].len ? "the name of column %zu is longer than %d bytes"
                                 : "column %zu has no name",
                    i + 1, LIMIT_NAME_BYTES);
            return err_code(e, "csv.header");
        }
        if (!str_is_utf8(cells[i]) || str_find(cells[i], 0) < cells[i].len) {
            err_set(e, ERR_USAGE, "the name of column %zu is not UTF-8 text", i + 1);
            err_hint(e, "convert the file first, such as with: iconv -f TIS-620 -t UTF-8");
            return err_code(e, "csv.bad_utf8");
        }
        for (size_t k = 0; k < i; k++)
            if (str_equal(cells[k], cells[i])) {
                err_set(e, ERR_USAGE, "two columns are named %.*s", STR_ARG(cells[i]));
                return err_code(e, "csv.header");
            }
    }
    return true;
}

static bool read_header(struct csv_reader *r, const struct str *cells, size_t count, struct err *e)
{
    if (!check_header(cells, count, e))
        return false;
    r->columns = arena_array(r->arena, count, sizeof *r->columns);
    for (size_t i = 0; i < count; i++)
        r->columns[i] =
            (struct csv_column){TARGET_PROPERTY, TYPE_AUTO, arena_copy(r->arena, cells[i])};
    for (size_t t = 0; t < TARGET_COUNT; t++) {
        size_t i = 0;
        if (!r->map->column[t].len)
            continue;
        while (i < count && !str_equal(cells[i], r->map->column[t]))
            i++;
        if (i == count)
            return column_missing(r->map->column[t], cells, count, e);
        if (r->columns[i].target != TARGET_PROPERTY)
            return err_set(e, ERR_USAGE, "the map uses the column %.*s twice", STR_ARG(cells[i]));
        r->columns[i].target = (enum target)t;
    }
    for (size_t t = 0; t < r->map->type_count; t++) {
        size_t i = 0;
        while (i < count && !str_equal(cells[i], r->map->types[t].column))
            i++;
        if (i == count)
            return column_missing(r->map->types[t].column, cells, count, e);
        r->columns[i].type = r->map->types[t].type;
    }
    r->column_count = count;
    return true;
}

static size_t digits_at(struct str s, size_t from)
{
    size_t at = from;
    while (at < s.len && s.at[at] >= '0' && s.at[at] <= '9')
        at++;
    return at - from;
}

/* A number as programs write it: no sign but '-', no leading zero, no exponent, and not more digits
 * than it can hold. Codes such as 007, 1e5 or +66 stay texts. */
static bool canonical_number(struct str s, struct value *out)
{
    enum { DIGITS_OF_DOUBLE = 17 };
    size_t sign = s.len && s.at[0] == '-';
    size_t whole = digits_at(s, sign);
    if (whole == 0 || (whole > 1 && s.at[sign] == '0'))
        return false;
    if (sign + whole == s.len) {
        out->type = VALUE_INT;
        return !(sign && s.at[sign] == '0') && str_to_i64(s, &out->integer);
    }
    if (s.at[sign + whole] != '.')
        return false;
    size_t places = digits_at(s, sign + whole + 1);
    if (places == 0 || sign + whole + 1 + places != s.len || whole + places > DIGITS_OF_DOUBLE)
        return false;
    out->type = VALUE_DOUBLE;
    return str_to_f64(s, &out->number);
}

static bool boolean(struct str s, bool *out)
{
    static const char *const yes[] = {"true", "True", "TRUE"};
    static const char *const no[] = {"false", "False", "FALSE"};
    for (size_t i = 0; i < COUNT(yes); i++) {
        if (str_equal(s, str_of(yes[i])) || str_equal(s, str_of(no[i]))) {
            *out = str_equal(s, str_of(yes[i]));
            return true;
        }
    }
    return false;
}

/* An ISO date in the Buddhist era would lie 543 years ahead in every report. */
static bool is_buddhist_date(struct str s)
{
    return s.len >= 10 && s.at[0] == '2' && s.at[1] >= '4' && s.at[1] <= '6' && s.at[4] == '-' &&
           s.at[7] == '-' && digits_at(s, 0) == 4 && digits_at(s, 5) == 2 && digits_at(s, 8) == 2;
}

static bool typed_value(const struct csv_column *c, struct str s, struct value *out,
                        struct err *why)
{
    *out = (struct value){.type = VALUE_TEXT, .text = s};
    if (s.len > LIMIT_TEXT_BYTES) {
        err_set(why, ERR_INVALID, "%.*s is a text of %zu bytes; the limit is %d", STR_ARG(c->name),
                s.len, LIMIT_TEXT_BYTES);
        return bad_row(why, "schema.too_large");
    }
    switch (c->type) {
    case TYPE_NUMBER:
        if (canonical_number(s, out))
            return true;
        *out = (struct value){.type = VALUE_DOUBLE};
        if (str_to_f64(s, &out->number))
            return true;
        err_set(why, ERR_INVALID, "%.*s is no number: %.*s", STR_ARG(c->name), (int)MIN(s.len, 60),
                s.at);
        err_hint(why, "write it as 1234.56, in digits 0-9");
        return bad_row(why, "csv.number");
    case TYPE_BOOL:
        out->type = VALUE_BOOL;
        if (boolean(s, &out->boolean))
            return true;
        out->boolean = str_equal(s, STR("1"));
        if (out->boolean || str_equal(s, STR("0")))
            return true;
        err_set(why, ERR_INVALID, "%.*s is neither true nor false: %.*s", STR_ARG(c->name),
                (int)MIN(s.len, 60), s.at);
        return bad_row(why, "csv.bool");
    case TYPE_TEXT:
        return true;
    default:
        break;
    }
    if (canonical_number(s, out))
        return true;
    bool truth;
    *out = (struct value){.type = VALUE_TEXT, .text = s};
    if (boolean(s, &truth))
        *out = (struct value){.type = VALUE_BOOL, .boolean = truth};
    if (is_buddhist_date(s)) {
        err_set(why, ERR_INVALID, "%.*s is a date of the Buddhist era: %.*s", STR_ARG(c->name),
                (int)MIN(s.len, 40), s.at);
        err_hint(why, "subtract 543 from the year, or keep it as it is with --types %.*s=text",
                 STR_ARG(c->name));
        return bad_row(why, "time.buddhist_era");
    }
    return true;
}

/* Decimal text of a count of 1/scale seconds as milliseconds, rounded down. */
static bool unix_time(struct str s, int64_t scale, int64_t *ms)
{
    int64_t whole;
    double fraction = 0;
    size_t point = str_find(s, '.');
    if (!str_to_i64(str_sub(s, 0, point), &whole))
        return false;
    if (point < s.len) {
        struct str rest = str_sub(s, point, s.len);
        if (digits_at(rest, 1) + 1 != rest.len || rest.len == 1 || s.at[0] == '-')
            return false;
        char room[24] = "0";
        memcpy(room + 1, rest.at, MIN(rest.len, sizeof room - 2));
        if (!str_to_f64(str_of(room), &fraction))
            return false;
    }
    if (scale > 1000) {
        int64_t per = scale / 1000;
        *ms = whole / per - (whole % per < 0);
        return true;
    }
    if (__builtin_mul_overflow(whole, 1000 / scale, ms))
        return false;
    *ms += (int64_t)(fraction * (double)(1000 / scale));
    return true;
}

static bool row_time(const struct csv_reader *r, struct str s, int64_t *ms, int16_t *offset,
                     struct err *why)
{
    static const int64_t scales[] = {
        [IMPORT_TIME_S] = 1, [IMPORT_TIME_MS] = 1000, [IMPORT_TIME_US] = 1000000};
    int64_t now = r->options->now_ms;
    int minutes = 0;
    *offset = 0;
    if (s.len == 0) {
        err_set(why, ERR_INVALID, "the row has no time");
        return bad_row(why, "schema.required");
    }
    if (r->options->time == IMPORT_TIME_ISO) {
        if (!instant_parse(s, ms, &minutes, why))
            return false;
        *offset = (int16_t)minutes;
        return build_time_range(now, *ms, why);
    }
    if (!unix_time(s, scales[r->options->time], ms)) {
        err_set(why, ERR_INVALID, "the time is no number: %.*s", (int)MIN(s.len, 60), s.at);
        return bad_row(why, "time.format");
    }
    return r->options->time == IMPORT_TIME_MS ? build_time_number(now, *ms, why)
                                              : build_time_range(now, *ms, why);
}

static bool check_cells(const struct csv_reader *r, const struct str *cells, size_t count,
                        struct err *why)
{
    if (count != r->column_count) {
        err_set(why, ERR_INVALID, "the row has %zu cells; the header has %zu", count,
                r->column_count);
        return bad_row(why, "csv.columns");
    }
    for (size_t i = 0; i < count; i++) {
        if (UNLIKELY(!str_is_utf8(cells[i]))) {
            err_set(why, ERR_INVALID, "the cell of %.*s is not UTF-8", STR_ARG(r->columns[i].name));
            err_hint(why, "convert the file first, such as with: iconv -f TIS-620 -t UTF-8");
            return bad_row(why, "csv.bad_utf8");
        }
        if (UNLIKELY(cells[i].len && memchr(cells[i].at, 0, cells[i].len))) {
            err_set(why, ERR_INVALID, "the cell of %.*s holds a NUL byte",
                    STR_ARG(r->columns[i].name));
            return bad_row(why, "csv.nul");
        }
    }
    return true;
}

static bool row_event(struct csv_reader *r, const struct str *cells, size_t count, struct err *why)
{
    struct build *b = &r->import->build;
    struct event event = {.received = b->now_ms,
                          .name = r->map->constant[EVENT],
                          .account = r->map->constant[ACCOUNT]};
    struct str *texts[TARGET_COUNT] = {
        [PERSON] = &event.person,   [EVENT] = &event.name, [ACCOUNT] = &event.account,
        [SESSION] = &event.session, [ID] = &event.id,
    };
    if (!check_cells(r, cells, count, why))
        return false;
    build_properties_begin(b);
    for (size_t i = 0; i < count; i++) {
        const struct csv_column *c = &r->columns[i];
        struct str s = cells[i];
        struct value v;
        if (c->target == TIME) {
            if (!row_time(r, s, &event.time, &event.offset_minutes, why))
                return false;
            continue;
        }
        if (c->target != TARGET_PROPERTY) {
            bool is_name = c->target == EVENT, is_needed = is_name || c->target == PERSON;
            if (s.len == 0 && !is_needed)
                continue;
            if (is_name ? !build_name_text(s, "event", why)
                        : !build_id_text(s, target_names[c->target], why))
                return false;
            *texts[c->target] = arena_copy(b->arena, s);
            continue;
        }
        if (s.len == 0)
            continue;
        if (!typed_value(c, s, &v, why))
            return false;
        if (v.type == VALUE_TEXT)
            v.text = arena_copy(b->arena, s);
        if (!build_property(b, arena_copy(b->arena, c->name), v, why))
            return false;
    }
    size_t bytes = b->open_bytes;
    if (!build_take(b, &event.properties, &event.property_count, why) ||
        !build_event_check(&event, bytes, why))
        return false;
    *build_event(b) = event;
    return true;
}

static void row_text(const struct str *cells, size_t count, struct buf *out)
{
    for (size_t i = 0; i < count; i++) {
        struct str s = cells[i];
        bool is_quoted = str_find(s, ',') < s.len || str_find(s, '"') < s.len ||
                         str_find(s, '\n') < s.len || str_find(s, '\r') < s.len;
        if (i)
            buf_add_char(out, ',');
        if (!is_quoted) {
            buf_add(out, s);
            continue;
        }
        buf_add_char(out, '"');
        for (size_t k = 0; k < s.len; k++) {
            if (s.at[k] == '"')
                buf_add_char(out, '"');
            buf_add_char(out, s.at[k]);
        }
        buf_add_char(out, '"');
    }
}

/* Bare numbers where ISO times are expected: better asked than rejected row by row. */
static bool first_row(struct csv_reader *r, const struct str *cells, size_t count, struct err *e)
{
    r->is_first_seen = true;
    for (size_t i = 0; i < count && i < r->column_count; i++)
        if (r->columns[i].target == TIME && !r->options->time_is_given && cells[i].len &&
            digits_at(cells[i], 0) == cells[i].len) {
            err_set(e, ERR_USAGE,
                    "the column %.*s holds numbers such as %.*s, whose unit is not "
                    "known",
                    STR_ARG(r->columns[i].name), (int)MIN(cells[i].len, 40), cells[i].at);
            return err_hint(e, "say --time-format s, ms or us");
        }
    return true;
}

static bool on_row(void *context, uint64_t line, const struct str *cells, size_t count,
                   struct err *e)
{
    struct csv_reader *r = context;
    struct err why = {0};
    if (count == 0 || (count == 1 && cells[0].len == 0)) /* a blank line */
        return true;
    if (!r->column_count)
        return read_header(r, cells, count, e);
    if (!r->is_first_seen && !first_row(r, cells, count, e))
        return false;
    if (!r->import)
        return true;
    if (UNLIKELY(!row_event(r, cells, count, &why))) {
        BUF_AUTO text = {0};
        row_text(cells, count, &text);
        return import_reject(r->import, "line", line, buf_str(&text), &why, e);
    }
    return r->import->build.event_count < IMPORT_BATCH_RECORDS || import_flush(r->import, e);
}

struct csv_reader *csv_reader_create(struct import *i, const struct csv_map *map,
                                     const struct import_options *options)
{
    struct csv_reader *r = mem_zero(sizeof *r);
    r->import = i;
    r->map = map;
    r->options = options;
    r->arena = arena_create(0);
    r->csv = csv_create(options->delimiter ? options->delimiter : ',', on_row, r);
    return r;
}

void csv_reader_destroy(struct csv_reader *r)
{
    if (!r)
        return;
    csv_destroy(r->csv);
    arena_destroy(r->arena);
    mem_free(r);
}

bool csv_reader_is_checked(const struct csv_reader *r)
{
    return r->column_count && r->is_first_seen;
}

bool csv_reader_feed(struct csv_reader *r, struct str piece, struct err *e)
{
    return csv_feed(r->csv, piece, e);
}

bool csv_reader_finish(struct csv_reader *r, struct err *e)
{
    if (!csv_finish(r->csv, e))
        return false;
    if (r->column_count)
        return true;
    err_set(e, ERR_USAGE, "the file is empty; CSV begins with a row of column names");
    return err_code(e, "csv.header");
}
