/* base/value: how values read and compare. */
#include "base/value.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* Shortest decimal text that reads back as the same double. */
static struct str double_text(double v, char *room)
{
    if (v == 0) /* -0 reads as 0 */
        v = 0;
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
        return (struct str){room,
                            (size_t)snprintf(room, VALUE_TEXT_BYTES, "%lld", (long long)v.integer)};
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
