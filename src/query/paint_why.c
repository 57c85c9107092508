/* query/paint_why: how far somebody came, and what kept them from going on. */
#include <math.h>

#include "query/paint.h"
#include "query/why.h"

enum { NAME_MAX = 34, ALIKE_MAX = 3 /* reasons of one rule */ };

/* By rule; {x} is the member x of the reason. English ones are in the answer already. */
static const char *const thai[WHY_RULES] = {
    [WHY_NEVER] = "ไม่เคยทำ {name}",
    [WHY_AFTER_AS_OF] = "ทำ {name} เมื่อ {at} หลังเวลาของข้อมูล (as_of)",
    [WHY_BEFORE_RANGE] = "ทำ {name} เมื่อ {at} ก่อนช่วงที่ถาม",
    [WHY_AFTER_RANGE] = "ทำ {name} เมื่อ {at} หลังช่วงที่ถาม",
    [WHY_EVENT_FILTER] = "ทำ {name} เมื่อ {at} แต่ไม่ผ่านเงื่อนไขของเหตุการณ์นี้",
    [WHY_FILTER] = "ทำ {name} เมื่อ {at} แต่ไม่ผ่านตัวกรองของคำถาม",
    [WHY_EARLY] = "ทำ {name} เมื่อ {at} ก่อน {other} เมื่อ {other_at}",
    [WHY_SAME_EVENT] = "{name} เมื่อ {at} นับเป็น {other} ไปแล้ว หนึ่งเหตุการณ์นับได้ขั้นเดียว",
    [WHY_WINDOW] = "ทำ {name} เมื่อ {at} ช้าไป {by_seconds} จากกรอบเวลาที่เริ่ม {other_at}",
    [WHY_HOLD] = "ทำ {name} เมื่อ {at} ด้วยค่า {was} แต่เริ่มด้วยค่า {wanted}",
    [WHY_STRICT] = "ทำ {name} เมื่อ {at} แต่มี {other} คั่นเมื่อ {other_at}",
    [WHY_EXCLUDED] = "หยุดก่อน {name} เพราะ {other} เมื่อ {other_at}",
    [WHY_ENTRY] = "ทำ {name} เมื่อ {at} แต่รอบที่นับเริ่มเมื่อ {other_at}",
    [WHY_OTHER_COHORT] = "เริ่มเมื่อ {at} ในกลุ่ม {other}",
    [WHY_FIRST_EVER] = "{name} ครั้งแรกสุดเมื่อ {at} ไม่ผ่านเงื่อนไข",
    [WHY_OTHER_PERIOD] = "ทำ {name} เมื่อ {at} ในช่วงที่ {number} ไม่ใช่ {of}",
    [WHY_MINIMUM] = "ทำ {name} {number} ครั้ง ต้องอย่างน้อย {of}",
    [WHY_STREAK] = "ไม่ได้ทำ {name} ในช่วงที่ {number} ต้องทำทุกช่วงถึง {of}",
    [WHY_NOT_BEGUN] = "ช่วงที่ {of} ยังไม่มีตัวเลข เพราะอยู่นอกช่วงหรือยังไม่เริ่ม",
    [WHY_CONDITION] = "ไม่ตรงเงื่อนไข",
};

static void member_add(struct json reason, struct str key, struct buf *out)
{
    struct json v = json_member(reason, key);
    char room[NUMBER_BYTES];
    struct str text;
    double number;

    if (json_string(v, &text))
        buf_add(out, text);
    else if (json_number(v, &number))
        buf_add(out, str_equal(key, STR("by_seconds")) ? seconds_text(number, room)
                                                       : number_of_double(number, room));
}

static void template_fill(const char *template, struct json reason, struct buf *out)
{
    struct str rest = str_of(template), part;

    while (str_cut(&rest, '{', &part)) {
        size_t end = str_find(part, '}');
        if (end < part.len) {
            member_add(reason, str_sub(part, 0, end), out);
            part = str_sub(part, end + 1, part.len);
        }
        buf_add(out, part);
    }
}

/* What was found where a condition looks, and the condition. */
static void conditions_add(struct json reason, struct buf *out)
{
    struct json_each it = json_each(member(reason, "conditions"));

    while (json_next(&it)) {
        struct str was;
        buf_add(out, member_is_true(it.value, "must_hold") ? STR(": ") : STR(": ไม่ใช่ "));
        json_print(member(it.value, "condition"), out);
        if (json_string(member(it.value, "was"), &was))
            buf_printf(out, " (%.*s)", STR_ARG(was));
    }
}

static void paint_reason(struct paint *p, struct json reason, bool is_first)
{
    struct str rule = member_text(reason, "rule"), message = member_text(reason, "message");
    BUF_AUTO text = {0};
    size_t i = 0;

    while (i < WHY_RULES && !str_equal(rule, str_of(why_rule_names[i])))
        i++;
    if (p->words == words_of(QUERY_THAI) && i < WHY_RULES) {
        template_fill(thai[i], reason, &text);
        conditions_add(reason, &text);
        message = buf_str(&text);
    }
    paint_text(p, is_first ? PAINT_WARN : PAINT_DIM, p->colour ? STR(" → ") : STR("-> "));
    paint_text(p, is_first ? PAINT_BOLD : PAINT_DIM, message);
    paint_line(p);
}

static void paint_steps(struct paint *p, struct json why)
{
    struct json_each it = json_each(member(why, "steps"));
    size_t name = 4;

    while (json_next(&it))
        name = MAX(name, text_columns(member_text(it.value, "name")));
    name = MIN(name, (size_t)NAME_MAX);
    it = json_each(member(why, "steps"));
    while (json_next(&it)) {
        struct str at = member_text(it.value, "at");
        paint_printf(p, PAINT_DIM, "%2.0f ", member_number(it.value, "step"));
        paint_text(p, at.len ? PAINT_ACCENT : PAINT_WARN,
                   at.len ? (p->colour ? STR("✓ ") : STR("+ "))
                          : (p->colour ? STR("× ") : STR("- ")));
        paint_cell(p, at.len ? PAINT_PLAIN : PAINT_DIM, member_text(it.value, "name"), name, false);
        paint_text(p, PAINT_DIM, STR("  "));
        paint_text(p, PAINT_DIM, at);
        paint_line(p);
    }
}

void paint_why(struct paint *p, struct json answer)
{
    struct json why = member(answer, "why");
    struct json_each it = json_each(member(why, "reasons"));
    struct str person = member_text(why, "person"), id = member_text(why, "id"),
               cohort = member_text(why, "cohort"), started = member_text(why, "started");

    paint_text(p, PAINT_BOLD, person);
    if (!str_equal(person, id))
        paint_printf(p, PAINT_DIM, " (%.*s)", STR_ARG(id));
    paint_printf(p, PAINT_BOLD, " %s",
                 member_is_true(why, "is_in") ? p->words->is_in : p->words->is_not_in);
    if (!isnan(member_number(why, "step")))
        paint_printf(p, PAINT_BOLD, " %s %.0f", p->words->step, member_number(why, "step"));
    else if (!isnan(member_number(why, "period")))
        paint_printf(p, PAINT_BOLD, " %s %.0f", p->words->interval, member_number(why, "period"));
    else
        paint_printf(p, PAINT_BOLD, " %s", p->words->the_list);
    if (cohort.len)
        paint_printf(p, PAINT_DIM, "  %s %.*s, %.*s", p->words->cohort, STR_ARG(cohort),
                     STR_ARG(started));
    paint_line(p);
    paint_steps(p, why);
    struct str before = STR("");
    size_t shown = 0, alike = 0, hidden = 0;
    while (json_next(&it)) {
        struct str rule = member_text(it.value, "rule");
        alike = str_equal(rule, before) ? alike + 1 : 0;
        before = rule;
        if (alike >= ALIKE_MAX)
            hidden++;
        else
            paint_reason(p, it.value, shown++ == 0);
    }
    if (!hidden)
        return;
    paint_printf(p, PAINT_DIM, "+ %zu %s", hidden, p->words->more_rows);
    paint_line(p);
}
