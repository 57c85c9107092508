/* query/paint: the strokes that text answers are drawn with. */
#include "query/paint.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>

static const struct words english = {
    .total = "total",
    .people = "people",
    .average = "average",
    .size = "size",
    .cohort = "cohort",
    .step = "step",
    .dropped = "dropped",
    .stopped = "stopped by exclusion",
    .of_first = "of step 1",
    .of_previous = "of previous",
    .typical = "median time",
    .other = "Other",
    .none = "(none)",
    .previous = "before",
    .unfinished = "* not over yet",
    .partial = "~ over fewer intervals than asked",
    .more_columns = "more columns in --json and --csv",
    .more_people = "more; next cursor",
    .no_people = "nobody",
    .range_to = "to",
    .as_of = "as of",
    .unseen = "no event yet has the name",
    .entered = "entered",
    .converted = "converted",
    .rate = "rate",
    .group = "group",
    .samples = "samples",
    .median = "median",
    .active = "active",
    .is_new = "new",
    .returning = "returning",
    .resurrecting = "resurrecting",
    .dormant = "dormant",
    .intervals = "intervals",
    .exactly = "exactly",
    .at_least = "at least",
    .of = "of",
    .left = "left here",
    .more_edges = "more steps; ask with a higher limit",
    .no_events = "no such event in this range; ask for an earlier one with from and to, or last",
    .reached_it = "reached it",
    .too_new = "too new to say",
    .too_early = "reached it too early to compare",
    .cut_short = "with less time than asked",
    .did_it = "did it",
    .of_them = "of them",
    .of_others = "of others",
    .less = "< less likely",
    .more = "more likely >",
    .more_rows = "more rows in --json and --csv",
    .is_in = "is in",
    .is_not_in = "is not in",
    .interval = "interval",
    .the_list = "the list",
    .goes_with = "What goes with the goal, not what causes it.",
    .warnings = {"too few to say", "nearly everybody does it", "hardly anybody does it",
                 "is the start itself", "is the goal itself", "began only lately"},
};
static const struct words thai = {
    .total = "รวม",
    .people = "คน",
    .average = "เฉลี่ย",
    .size = "จำนวน",
    .cohort = "กลุ่มเริ่ม",
    .step = "ขั้น",
    .dropped = "หลุดไป",
    .stopped = "หยุดเพราะข้อยกเว้น",
    .of_first = "ของขั้นที่ 1",
    .of_previous = "ของขั้นก่อน",
    .typical = "เวลามัธยฐาน",
    .other = "อื่น ๆ",
    .none = "(ไม่มี)",
    .previous = "ก่อนหน้า",
    .unfinished = "* ยังไม่จบช่วง",
    .partial = "~ เฉลี่ยจากช่วงที่น้อยกว่าที่ขอ",
    .more_columns = "คอลัมน์ที่เหลืออยู่ใน --json และ --csv",
    .more_people = "ยังมีอีก ต่อด้วย cursor",
    .no_people = "ไม่มีใคร",
    .range_to = "ถึง",
    .as_of = "ข้อมูล ณ",
    .unseen = "ยังไม่มีเหตุการณ์ชื่อ",
    .entered = "เข้า",
    .converted = "สำเร็จ",
    .rate = "อัตรา",
    .group = "กลุ่ม",
    .samples = "ตัวอย่าง",
    .median = "มัธยฐาน",
    .active = "ใช้งาน",
    .is_new = "ใหม่",
    .returning = "ต่อเนื่อง",
    .resurrecting = "กลับมา",
    .dormant = "หายไป",
    .intervals = "จำนวนช่วง",
    .exactly = "พอดี",
    .at_least = "อย่างน้อย",
    .of = "จาก",
    .left = "ออกที่นี่",
    .more_edges = "เส้นทางที่เหลือ เพิ่ม limit เพื่อดู",
    .no_events = "ไม่มีเหตุการณ์นี้ในช่วงที่เลือก ลองช่วงที่เก่ากว่าด้วย from และ to หรือ last",
    .reached_it = "ถึงเป้าหมาย",
    .too_new = "คนยังใหม่เกินกว่าจะบอกได้",
    .too_early = "คนถึงเป้าหมายเร็วเกินกว่าจะเทียบ",
    .cut_short = "คนมีเวลาน้อยกว่าที่ขอ",
    .did_it = "ทำ",
    .of_them = "ของกลุ่มนี้",
    .of_others = "คนอื่น",
    .less = "< โอกาสน้อยกว่า",
    .more = "โอกาสมากกว่า >",
    .more_rows = "แถวที่เหลืออยู่ใน --json และ --csv",
    .is_in = "อยู่ใน",
    .is_not_in = "ไม่อยู่ใน",
    .interval = "ช่วงที่",
    .the_list = "รายชื่อ",
    .goes_with = "บอกว่าสิ่งใดเกิดไปด้วยกันกับเป้าหมาย ไม่ได้บอกว่าเป็นสาเหตุ",
    .warnings =
        {
            "จำนวนน้อยเกินไป",
            "เกือบทุกคนทำ",
            "แทบไม่มีใครทำ",
            "คือจุดเริ่มเอง",
            "คือเป้าหมายเอง",
            "เพิ่งเริ่มมี",
        },
};

const char *const impact_warnings[WARNINGS] = {"few",      "nearly_all", "nearly_none",
                                               "is_start", "is_goal",    "began_late"};

const struct words *words_of(enum query_language language)
{
    return language == QUERY_THAI ? &thai : &english;
}

/* ---- texts ---- */

static uint32_t code_point(struct str text, size_t *at)
{
    unsigned char c = (unsigned char)text.at[*at];
    size_t more = c < 0x80 ? 0 : c < 0xE0 ? 1 : c < 0xF0 ? 2 : 3;
    uint32_t code = more ? c & (0x3FU >> more) : c;

    (*at)++;
    for (; more && *at < text.len; more--)
        code = code << 6 | ((unsigned char)text.at[(*at)++] & 0x3F);
    return code;
}

static size_t code_columns(uint32_t c)
{
    bool combines = (c >= 0x300 && c <= 0x36F) || c == 0xE31 || (c >= 0xE34 && c <= 0xE3A) ||
                    (c >= 0xE47 && c <= 0xE4E) || c == 0x200B || c == 0x200D || c == 0xFE0F;
    bool is_wide = (c >= 0x1100 && c <= 0x115F) || (c >= 0x2E80 && c <= 0xA4CF) ||
                   (c >= 0xAC00 && c <= 0xD7A3) || (c >= 0xF900 && c <= 0xFAFF) ||
                   (c >= 0xFE30 && c <= 0xFE6F) || (c >= 0xFF00 && c <= 0xFF60) ||
                   (c >= 0x1F300 && c <= 0x1FAFF);
    return combines ? 0 : is_wide ? 2 : 1;
}

size_t text_columns(struct str text)
{
    size_t columns = 0;

    for (size_t at = 0; at < text.len;)
        columns += code_columns(code_point(text, &at));
    return columns;
}

static const char *style_start(enum paint_style style)
{
    static const char *const codes[] = {"", "\033[1m", "\033[2m", "\033[38;2;16;132;121m",
                                        "\033[38;2;190;110;20m"};
    return codes[style];
}

/* Control characters in names must not reach the terminal. */
static void text_add(struct buf *out, struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.at[i];
        bool is_c1 = c == 0xC2 && i + 1 < text.len && (unsigned char)text.at[i + 1] < 0xA0;
        if (is_c1)
            i++;
        buf_add_char(out, c < 0x20 || c == 0x7F || is_c1 ? '?' : (char)c);
    }
}

void paint_text(struct paint *p, enum paint_style style, struct str text)
{
    bool has_style = p->colour && style != PAINT_PLAIN;

    if (has_style)
        buf_add(p->out, str_of(style_start(style)));
    text_add(p->out, text);
    if (has_style)
        buf_add(p->out, STR("\033[0m"));
}

void paint_printf(struct paint *p, enum paint_style style, const char *format, ...)
{
    char text[512];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    paint_text(p, style, str_of(text));
}

void paint_spaces(struct paint *p, size_t count)
{
    while (count--)
        buf_add_char(p->out, ' ');
}

void paint_cell(struct paint *p, enum paint_style style, struct str text, size_t columns,
                bool to_right)
{
    size_t used = text_columns(text);
    bool is_cut = used > columns;

    if (is_cut) {
        struct str mark = p->colour ? STR("…") : STR(".");
        size_t at = 0;
        used = 0;
        while (at < text.len) {
            size_t next = at, wide = code_columns(code_point(text, &next));
            if (used + wide + 1 > columns)
                break;
            used += wide;
            at = next;
        }
        paint_text(p, style, str_sub(text, 0, at));
        paint_text(p, style, mark);
        paint_spaces(p, columns - used - 1);
        return;
    }
    if (to_right)
        paint_spaces(p, columns - used);
    paint_text(p, style, text);
    if (!to_right)
        paint_spaces(p, columns - used);
}

void paint_line(struct paint *p)
{
    while (p->out->len && p->out->at[p->out->len - 1] == ' ')
        p->out->len--;
    buf_add_char(p->out, '\n');
}

/* ---- bars, sparks, shades ---- */

void paint_bar(struct paint *p, double part, size_t columns, bool is_dim)
{
    static const char *const eighths[] = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
    double length = (isfinite(part) ? fmin(fmax(part, 0), 1) : 0) * (double)columns;

    if (!p->colour) {
        size_t marks = (size_t)(length + 0.5);
        if (!marks && length > 0)
            marks = 1;
        for (size_t i = 0; i < columns; i++)
            buf_add_char(p->out, i < marks ? (is_dim ? '-' : '#') : ' ');
        return;
    }
    size_t whole = (size_t)length, rest = (size_t)((length - (double)whole) * 8);
    if (!whole && !rest && length > 0)
        rest = 1;
    buf_add(p->out, is_dim ? STR("\033[38;2;122;178;171m") : STR("\033[38;2;16;132;121m"));
    for (size_t i = 0; i < whole; i++)
        buf_add(p->out, STR("█"));
    buf_add(p->out, str_of(eighths[rest]));
    buf_add(p->out, STR("\033[0m"));
    paint_spaces(p, columns - whole - (rest > 0));
}

void paint_spark(struct paint *p, double part, bool is_dim)
{
    static const char *const blocks[] = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
    static const char *const marks[] = {".", ":", "-", "=", "+", "*", "#", "@"};
    bool is_empty = !isfinite(part) || part <= 0;
    size_t level = is_empty ? 0 : (size_t)fmin(fmax(part, 0) * 7.999, 7);

    if (!p->colour) {
        buf_add(p->out, is_empty ? STR("_") : str_of(marks[level]));
        return;
    }
    paint_text(p, is_empty || is_dim ? PAINT_DIM : PAINT_ACCENT, str_of(blocks[level]));
}

void paint_shaded(struct paint *p, double part, bool is_open, const char *text, size_t columns)
{
    /* From nearly white to a deep green: linear in sRGB, dark text until the ground is dark. */
    static const double pale[] = {236, 246, 243}, deep[] = {8, 92, 84};
    double strength = isfinite(part) ? pow(fmin(fmax(part, 0), 1), 0.6) : 0;
    int rgb[3];

    if (!p->colour) {
        paint_cell(p, PAINT_PLAIN, str_of(text), columns, true);
        return;
    }
    for (size_t i = 0; i < 3; i++)
        rgb[i] = (int)lround(pale[i] + (deep[i] - pale[i]) * strength);
    const char *ink = strength > 0.5 ? "255;255;255" : "20;44;40";
    buf_printf(p->out, "\033[48;2;%d;%d;%dm\033[38;2;%sm%s", rgb[0], rgb[1], rgb[2], ink,
               is_open ? "\033[3m" : "");
    size_t used = text_columns(str_of(text));
    paint_spaces(p, columns - MIN(used + 1, columns));
    buf_add(p->out, str_of(text));
    buf_add(p->out, STR(" \033[0m"));
}

/* ---- numbers ---- */

static size_t grouped(int64_t v, char *room)
{
    char digits[24];
    size_t n = (size_t)snprintf(digits, sizeof digits, "%lld", (long long)(v < 0 ? -v : v));
    size_t len = 0;

    if (v < 0)
        room[len++] = '-';
    for (size_t i = 0; i < n; i++) {
        if (i && (n - i) % 3 == 0)
            room[len++] = ',';
        room[len++] = digits[i];
    }
    room[len] = 0;
    return len;
}

struct str number_of_double(double v, char *room)
{
    if (!isfinite(v))
        return STR("-");
    if (fabs(v) >= 1e15)
        return (struct str){room, (size_t)snprintf(room, NUMBER_BYTES, "%.4g", v)};
    if (fabs(v) < 1 && v != 0)
        return (struct str){room, (size_t)snprintf(room, NUMBER_BYTES, "%.3g", v)};
    double hundredths = round(v * 100);
    int64_t whole = (int64_t)(hundredths / 100);
    int rest = (int)fabs(hundredths - (double)whole * 100);
    size_t len = grouped(whole, room);
    if (rest)
        len += (size_t)snprintf(room + len, NUMBER_BYTES - len, rest % 10 ? ".%02d" : ".%d",
                                rest % 10 ? rest : rest / 10);
    return (struct str){room, len};
}

struct str number_text(struct json number, char *room)
{
    double v;
    return json_number(number, &v) ? number_of_double(v, room) : STR("-");
}

struct str percent_text(double ratio, char *room)
{
    if (!isfinite(ratio))
        return STR("-");
    double percent = ratio * 100;
    int digits = percent >= 99.95 || percent == 0 ? 0 : percent >= 0.1 ? 1 : 2;
    return (struct str){room, (size_t)snprintf(room, NUMBER_BYTES, "%.*f%%", digits, percent)};
}

struct str seconds_text(double seconds, char *room)
{
    long long s = llround(seconds);

    if (!isfinite(seconds))
        return STR("-");
    int len = seconds < 10 ? snprintf(room, NUMBER_BYTES, "%.3gs", seconds)
              : s < 60     ? snprintf(room, NUMBER_BYTES, "%llds", s)
              : s < 3600   ? snprintf(room, NUMBER_BYTES, "%lldm %02llds", s / 60, s % 60)
              : s < 86400  ? snprintf(room, NUMBER_BYTES, "%lldh %02lldm", s / 3600, s / 60 % 60)
                           : snprintf(room, NUMBER_BYTES, "%lldd %lldh", s / 86400, s / 3600 % 24);
    return (struct str){room, (size_t)len};
}

/* ---- members ---- */

struct json member(struct json object, const char *key)
{
    return json_member(object, str_of(key));
}

double member_number(struct json object, const char *key)
{
    double v;
    return json_number(member(object, key), &v) ? v : NAN;
}

struct str member_text(struct json object, const char *key)
{
    struct str text;
    return json_string(member(object, key), &text) ? text : STR("");
}

bool member_is_true(struct json object, const char *key)
{
    bool v;
    return json_bool(member(object, key), &v) && v;
}

struct json list_item(struct json list, size_t index)
{
    struct json_each it = json_each(list);

    for (size_t i = 0; json_next(&it); i++)
        if (i == index)
            return it.value;
    return (struct json){0};
}

struct str group_label(const struct paint *p, struct json values, struct buf *room)
{
    struct json_each it = json_each(values);
    struct str text;

    buf_clear(room);
    while (json_next(&it)) {
        if (room->len)
            buf_add(room, p->colour ? STR(" · ") : STR(" / "));
        if (!json_string(it.value, &text))
            text = str_of(p->words->none);
        else if (json_count(values) == 1 && str_equal(text, STR("Other")))
            text = str_of(p->words->other);
        buf_add(room, text);
    }
    return buf_str(room);
}
