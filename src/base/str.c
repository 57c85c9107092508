/* base/str: slices of bytes; see base.h. */
#include "base/base.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

struct str str_of(const char *text)
{
    return text ? (struct str){text, strlen(text)} : STR_NONE;
}

bool str_equal(struct str a, struct str b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.at, b.at, a.len) == 0);
}

static unsigned char lower(char c)
{
    return (unsigned char)(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
}

bool str_equal_fold(struct str a, struct str b)
{
    if (a.len != b.len)
        return false;
    for (size_t i = 0; i < a.len; i++)
        if (lower(a.at[i]) != lower(b.at[i]))
            return false;
    return true;
}

int str_compare(struct str a, struct str b)
{
    size_t len = MIN(a.len, b.len);
    int order = len ? memcmp(a.at, b.at, len) : 0;
    if (order)
        return order;
    return (a.len > b.len) - (a.len < b.len);
}

bool str_starts(struct str s, struct str prefix)
{
    return s.len >= prefix.len && str_equal((struct str){s.at, prefix.len}, prefix);
}

bool str_ends(struct str s, struct str suffix)
{
    return s.len >= suffix.len && str_equal(str_sub(s, s.len - suffix.len, suffix.len), suffix);
}

size_t str_find(struct str s, char c)
{
    const char *found = s.len ? memchr(s.at, c, s.len) : NULL;
    return found ? (size_t)(found - s.at) : s.len;
}

struct str str_sub(struct str s, size_t from, size_t len)
{
    from = MIN(from, s.len);
    if (!s.at)
        return s;
    return (struct str){s.at + from, MIN(len, s.len - from)};
}

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

struct str str_trim(struct str s)
{
    while (s.len && is_space(s.at[0]))
        s = str_sub(s, 1, s.len);
    while (s.len && is_space(s.at[s.len - 1]))
        s.len--;
    return s;
}

bool str_cut(struct str *rest, char c, struct str *part)
{
    if (!rest->at)
        return false;
    size_t at = str_find(*rest, c);
    *part = str_sub(*rest, 0, at);
    /* A rest without bytes is still there ("a," has two parts); after the last part it is gone. */
    *rest = at < rest->len ? str_sub(*rest, at + 1, rest->len) : STR_NONE;
    return true;
}

bool str_to_i64(struct str s, int64_t *out)
{
    bool is_negative = s.len && s.at[0] == '-';
    size_t i = is_negative;
    if (i == s.len)
        return false;
    int64_t v = 0;
    for (; i < s.len; i++) {
        int digit = s.at[i] - '0';
        if (digit < 0 || digit > 9)
            return false;
        /* Counts below zero, whose range is one longer. */
        if (__builtin_mul_overflow(v, 10, &v) || __builtin_sub_overflow(v, digit, &v))
            return false;
    }
    if (!is_negative && v == INT64_MIN)
        return false;
    *out = is_negative ? v : -v;
    return true;
}

static size_t digits(struct str s, size_t from)
{
    size_t i = from;
    while (i < s.len && s.at[i] >= '0' && s.at[i] <= '9')
        i++;
    return i - from;
}

/* [+-] digits [. digits] [e [+-] digits], with a digit on at least one side of the point */
static bool looks_decimal(struct str s)
{
    size_t i = s.len && (s.at[0] == '-' || s.at[0] == '+');
    size_t whole = digits(s, i);
    i += whole;
    size_t fraction = 0;
    if (i < s.len && s.at[i] == '.') {
        fraction = digits(s, i + 1);
        i += 1 + fraction;
    }
    if (whole + fraction == 0)
        return false;
    if (i < s.len && (s.at[i] == 'e' || s.at[i] == 'E')) {
        i++;
        i += i < s.len && (s.at[i] == '-' || s.at[i] == '+');
        size_t exponent = digits(s, i);
        if (exponent == 0)
            return false;
        i += exponent;
    }
    return i == s.len;
}

bool str_to_f64(struct str s, double *out)
{
    enum { SHORT = 64 };
    if (!looks_decimal(s))
        return false;
    char room[SHORT];
    char *text = s.len < SHORT ? room : mem_zero(s.len + 1);
    memcpy(text, s.at, s.len);
    text[s.len] = 0;
    double v = strtod(text, NULL); /* the process stays in the C locale */
    if (text != room)
        mem_free(text);
    if (!isfinite(v))
        return false;
    *out = v;
    return true;
}

/* Length of the UTF-8 letter at `at`, or 0. Table 3-7 of the Unicode Standard. */
static size_t letter(const unsigned char *at, size_t left)
{
    unsigned char c = at[0];
    if (c < 0x80)
        return 1;
    size_t len = c < 0xC2 ? 0 : c < 0xE0 ? 2 : c < 0xF0 ? 3 : c < 0xF5 ? 4 : 0;
    if (len == 0 || left < len)
        return 0;
    unsigned char low = 0x80, high = 0xBF;
    if (c == 0xE0)
        low = 0xA0; /* overlong */
    if (c == 0xED)
        high = 0x9F; /* surrogates */
    if (c == 0xF0)
        low = 0x90; /* overlong */
    if (c == 0xF4)
        high = 0x8F; /* past U+10FFFF */
    if (at[1] < low || at[1] > high)
        return 0;
    for (size_t i = 2; i < len; i++)
        if ((at[i] & 0xC0) != 0x80)
            return 0;
    return len;
}

bool str_is_utf8(struct str s)
{
    const unsigned char *at = (const unsigned char *)s.at;
    size_t i = 0;
    while (i < s.len) {
        uint64_t word;
        if (s.len - i >= sizeof word) {
            memcpy(&word, at + i, sizeof word);
            if ((word & 0x8080808080808080u) == 0) {
                i += sizeof word;
                continue;
            }
        }
        size_t len = letter(at + i, s.len - i);
        if (len == 0)
            return false;
        i += len;
    }
    return true;
}

/* Optimal string alignment over three rows; names are short, so the square is small. */
size_t str_distance(struct str a, struct str b, size_t limit)
{
    enum { LONGEST = 127 };
    size_t gap = a.len > b.len ? a.len - b.len : b.len - a.len;
    if (gap > limit || a.len > LONGEST || b.len > LONGEST)
        return limit + 1;
    uint8_t rows[3][LONGEST + 1];
    uint8_t *older = rows[0], *old = rows[1], *now = rows[2];
    for (size_t j = 0; j <= b.len; j++)
        old[j] = (uint8_t)j;
    for (size_t i = 1; i <= a.len; i++) {
        now[0] = (uint8_t)i;
        for (size_t j = 1; j <= b.len; j++) {
            bool same = a.at[i - 1] == b.at[j - 1];
            int best = MIN(old[j] + 1, now[j - 1] + 1);
            best = MIN(best, old[j - 1] + !same);
            if (i > 1 && j > 1 && a.at[i - 1] == b.at[j - 2] && a.at[i - 2] == b.at[j - 1])
                best = MIN(best, older[j - 2] + 1);
            now[j] = (uint8_t)best;
        }
        uint8_t *spare = older;
        older = old;
        old = now;
        now = spare;
    }
    return MIN((size_t)old[b.len], limit + 1);
}
