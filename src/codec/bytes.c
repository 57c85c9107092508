/* codec/bytes: see bytes.h. */
#include "codec/bytes.h"

/* Castagnoli polynomial 0x1EDC6F41, reflected 0x82F63B78 (RFC 3720, appendix B.4); half a byte. */
static const uint32_t crc_of_nibble[16] = {
    0x00000000, 0x105EC76F, 0x20BD8EDE, 0x30E349B1, 0x417B1DBC, 0x5125DAD3, 0x61C69362, 0x7198540D,
    0x82F63B78, 0x92A8FC17, 0xA24BB5A6, 0xB21572C9, 0xC38D26C4, 0xD3D3E1AB, 0xE330A81A, 0xF36E6F75,
};

static uint32_t crc_plain(uint32_t crc, const unsigned char *at, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        crc ^= at[i];
        crc = crc >> 4 ^ crc_of_nibble[crc & 15];
        crc = crc >> 4 ^ crc_of_nibble[crc & 15];
    }
    return crc;
}

#ifdef __x86_64__
__attribute__((target("sse4.2"))) static uint32_t crc_sse42(uint32_t crc, const unsigned char *at,
                                                            size_t len)
{
    uint64_t wide = crc;
    for (; len >= 8; at += 8, len -= 8) {
        uint64_t word;
        memcpy(&word, at, sizeof word);
        wide = __builtin_ia32_crc32di(wide, word);
    }
    return crc_plain((uint32_t)wide, at, len); /* so the plain way is tested everywhere */
}
#endif

uint32_t crc32c(uint32_t crc, const void *bytes, size_t len)
{
#ifdef __x86_64__
    if (LIKELY(__builtin_cpu_supports("sse4.2")))
        return ~crc_sse42(~crc, bytes, len);
#endif
    return ~crc_plain(~crc, bytes, len);
}

void varint_put(struct buf *out, uint64_t v)
{
    char *at = buf_reserve(out, 10);
    size_t len = 0;
    for (; v >= 0x80; v >>= 7)
        at[len++] = (char)(v | 0x80);
    at[len++] = (char)v;
    out->len += len;
}

bool varint_get(struct str *rest, uint64_t *v)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < 10 && i < rest->len; i++) {
        unsigned char byte = (unsigned char)rest->at[i];
        if (i == 9 && byte > 1)
            return false; /* more than 64 bits */
        sum |= (uint64_t)(byte & 0x7F) << (7 * i);
        if (byte < 0x80) {
            if (byte == 0 && i > 0)
                return false; /* overlong: one number, one form */
            *v = sum;
            *rest = str_sub(*rest, i + 1, rest->len);
            return true;
        }
    }
    return false;
}

void varint_put_text(struct buf *out, struct str s)
{
    varint_put(out, s.len);
    buf_add(out, s);
}

bool varint_get_text(struct str *rest, struct str *s)
{
    struct str left = *rest;
    uint64_t len;
    if (!varint_get(&left, &len) || len > left.len)
        return false;
    *s = str_sub(left, 0, len);
    *rest = str_sub(left, len, left.len);
    return true;
}

void base64_put(struct buf *out, struct str bytes)
{
    static const char letters[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < bytes.len; i += 3) {
        size_t count = MIN(bytes.len - i, 3);
        uint32_t bits = 0;
        for (size_t j = 0; j < 3; j++)
            bits = bits << 8 | (j < count ? (unsigned char)bytes.at[i + j] : 0);
        for (size_t j = 0; j < 4; j++)
            buf_add_char(out, j <= count ? letters[bits >> (18 - 6 * j) & 63] : '=');
    }
}

/* 0…63, or -1 */
static int base64_digit(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    if (c == '+' || c == '-')
        return 62;
    return c == '/' || c == '_' ? 63 : -1;
}

bool base64_get(struct str text, struct buf *out)
{
    if (text.len % 4 == 0)
        for (int i = 0; i < 2 && text.len && text.at[text.len - 1] == '='; i++)
            text.len--;
    if (text.len % 4 == 1)
        return false;
    size_t before = out->len;
    uint32_t bits = 0;
    for (size_t i = 0; i < text.len; i++) {
        int digit = base64_digit(text.at[i]);
        if (digit < 0) {
            out->len = before;
            return false;
        }
        bits = bits << 6 | (uint32_t)digit;
        if (i % 4 == 3) {
            buf_add_char(out, (char)(bits >> 16));
            buf_add_char(out, (char)(bits >> 8));
            buf_add_char(out, (char)bits);
        }
    }
    size_t left = text.len % 4;
    uint32_t unused = left == 2 ? bits & 15 : left == 3 ? bits & 3 : 0;
    if (unused) { /* bits that no byte takes must be 0, or two texts would mean the same bytes */
        out->len = before;
        return false;
    }
    if (left == 2) {
        buf_add_char(out, (char)(bits >> 4));
    } else if (left == 3) {
        buf_add_char(out, (char)(bits >> 10));
        buf_add_char(out, (char)(bits >> 2));
    }
    return true;
}

void hex_put(struct buf *out, struct str bytes)
{
    static const char letters[] = "0123456789abcdef";
    for (size_t i = 0; i < bytes.len; i++) {
        buf_add_char(out, letters[(unsigned char)bytes.at[i] >> 4]);
        buf_add_char(out, letters[bytes.at[i] & 15]);
    }
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* The byte that two hexadecimal digits at `at` stand for, or -1. */
static int hex_byte(struct str text, size_t at)
{
    if (at + 2 > text.len)
        return -1;
    int high = hex_digit(text.at[at]), low = hex_digit(text.at[at + 1]);
    return high < 0 || low < 0 ? -1 : high * 16 + low;
}

bool hex_get(struct str text, struct buf *out)
{
    size_t before = out->len;
    for (size_t i = 0; i < text.len; i += 2) {
        int byte = hex_byte(text, i);
        if (byte < 0) {
            out->len = before;
            return false;
        }
        buf_add_char(out, (char)byte);
    }
    return true;
}

bool percent_get(struct str text, bool plus_is_space, struct buf *out)
{
    size_t before = out->len;
    for (size_t i = 0; i < text.len; i++) {
        if (text.at[i] == '%') {
            int byte = hex_byte(text, i + 1);
            if (byte < 0) {
                out->len = before;
                return false;
            }
            buf_add_char(out, (char)byte);
            i += 2;
        } else {
            buf_add_char(out, plus_is_space && text.at[i] == '+' ? ' ' : text.at[i]);
        }
    }
    return true;
}
