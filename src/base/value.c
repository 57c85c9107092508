/* base/value: how values read and compare. */
#include "base/value.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* Written from the end of the room; a long answer is mostly numbers. */
static struct str int_text(int64_t v, char *room)
{
    char *at = room + VALUE_TEXT_BYTES;
    uint64_t left = v < 0 ? -(uint64_t)v : (uint64_t)v;
    do {
        *--at = (char)('0' + left % 10);
        left /= 10;
    } while (left);
    if (v < 0)
        *--at = '-';
    return (struct str){at, (size_t)(room + VALUE_TEXT_BYTES - at)};
}

/* Shortest decimal text that reads back as the same double; -0 reads as 0. */
static struct str double_text(double v, char *room)
{
    if (fabs(v) < 1e15 && v == trunc(v))
        return int_text((int64_t)v, room);
    int len = 0;
    for (int digits = 15; digits <= 17; digits++) {
        len = snprintf(room, VALUE_TEXT_BYTES, "%.*g", digits, v);
        if (strtod(room, NULL) == v)
            break;
    }
    return (struct str){room, (size_t)len};
}

struct str value_text(struct value v, char *room)
{
    switch (v.type) {
    case VALUE_BOOL:
        return v.boolean ? STR("true") : STR("false");
    case VALUE_INT:
        return int_text(v.integer, room);
    case VALUE_DOUBLE:
        return double_text(v.number, room);
    case VALUE_TEXT:
    case VALUE_LIST:
        return v.text;
    default:
        return STR("");
    }
}

bool value_number(struct value v, double *out)
{
    switch (v.type) {
    case VALUE_INT:
        *out = (double)v.integer;
        return true;
    case VALUE_DOUBLE:
        *out = v.number;
        return isfinite(v.number);
    case VALUE_TEXT:
        return str_to_f64(v.text, out);
    default:
        return false;
    }
}

static bool is_number(struct value v)
{
    return v.type == VALUE_INT || v.type == VALUE_DOUBLE;
}

/* Does the double stand for exactly this integer? 2^63 is the first double past the range. */
static bool same_number(int64_t integer, double number)
{
    return number >= -0x1p63 && number < 0x1p63 && number == (double)(int64_t)number &&
           (int64_t)number == integer;
}

bool value_is(struct value a, struct value b)
{
    if (value_is_absent(a) || value_is_absent(b))
        return false;
    if (is_number(a) && is_number(b)) {
        if (a.type == b.type)
            return a.type == VALUE_INT ? a.integer == b.integer : a.number == b.number;
        return a.type == VALUE_INT ? same_number(a.integer, b.number)
                                   : same_number(b.integer, a.number);
    }
    char room_a[VALUE_TEXT_BYTES], room_b[VALUE_TEXT_BYTES];
    return str_equal(value_text(a, room_a), value_text(b, room_b));
}

bool value_same(struct value a, struct value b)
{
    if (a.type != b.type)
        return false;
    switch (a.type) {
    case VALUE_BOOL:
        return a.boolean == b.boolean;
    case VALUE_INT:
        return a.integer == b.integer;
    case VALUE_DOUBLE:
        return a.number == b.number;
    case VALUE_TEXT:
    case VALUE_LIST:
        return str_equal(a.text, b.text);
    default:
        return true;
    }
}
