/* codec/json_blame: a recursive descent over RFC 8259 that stops at the first fault. */
#include "codec/json_blame.h"

#include "base/limits.h"

struct reader {
    struct str text;
    size_t at;
    int depth;
    struct err *e;
};

/* All of the readers below return false at a fault. */
static bool value(struct reader *r);

static bool fault(struct reader *r, size_t at, const char *code, const char *sentence)
{
    err_set(r->e, ERR_INVALID, "%s", sentence);
    err_code(r->e, code);
    return err_at(r->e, "byte %zu", at);
}

static int peek(const struct reader *r)
{
    return r->at < r->text.len ? (unsigned char)r->text.at[r->at] : -1;
}

static bool syntax(struct reader *r, const char *wanted)
{
    int c = peek(r);
    fault(r, r->at, "json.syntax", "");
    if (c < 0)
        err_set(r->e, ERR_INVALID, "the JSON ends where %s should follow", wanted);
    else if (c > 0x20 && c < 0x7F)
        err_set(r->e, ERR_INVALID, "the JSON has '%c' where %s should stand", c, wanted);
    else
        err_set(r->e, ERR_INVALID, "the JSON has byte 0x%02X where %s should stand", c, wanted);
    err_code(r->e, "json.syntax");
    return err_at(r->e, "byte %zu", r->at);
}

static void skip_space(struct reader *r)
{
    int c;
    while ((c = peek(r)) == ' ' || c == '\t' || c == '\n' || c == '\r')
        r->at++;
}

/* Length of a letter of more than one byte, 0 if it is no UTF-8. */
static size_t wide_letter(struct reader *r)
{
    for (size_t len = 2; len <= 4 && len <= r->text.len - r->at; len++)
        if (str_is_utf8(str_sub(r->text, r->at, len)))
            return len;
    return 0;
}

static bool bad_utf8(struct reader *r)
{
    return fault(r, r->at, "json.utf8", "the text is not valid UTF-8");
}

static bool hex4(struct reader *r, unsigned *out)
{
    *out = 0;
    for (int i = 0; i < 4; i++, r->at++) {
        int c = peek(r);
        int digit = c >= '0' && c <= '9'   ? c - '0'
                    : c >= 'a' && c <= 'f' ? c - 'a' + 10
                    : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                           : -1;
        if (digit < 0)
            return syntax(r, "a hexadecimal digit");
        *out = *out * 16 + (unsigned)digit;
    }
    return true;
}

static bool unicode_escape(struct reader *r, size_t start)
{
    static const char lone[] = "a surrogate stands alone in a \\u escape, which is no letter";
    unsigned high, low;
    if (!hex4(r, &high))
        return false;
    if (high < 0xD800 || high > 0xDFFF)
        return true;
    if (high >= 0xDC00 || r->text.len - r->at < 2 || r->text.at[r->at] != '\\' ||
        r->text.at[r->at + 1] != 'u')
        return fault(r, start, "json.unicode", lone);
    r->at += 2;
    if (!hex4(r, &low))
        return false;
    return (low >= 0xDC00 && low <= 0xDFFF) || fault(r, start, "json.unicode", lone);
}

static bool escape(struct reader *r)
{
    size_t start = r->at++;
    int c = peek(r);
    if (c < 0 || !strchr("\"\\/bfnrtu", c) || c == 0)
        return syntax(r, "one of \" \\ / b f n r t u after a backslash");
    r->at++;
    return c != 'u' || unicode_escape(r, start);
}

static bool string(struct reader *r)
{
    if (peek(r) != '"')
        return syntax(r, "a text in double quotes");
    r->at++;
    for (;;) {
        int c = peek(r);
        if (c < 0)
            return syntax(r, "the closing quote of a text");
        if (c < 0x20)
            return fault(r, r->at, "json.syntax",
                         "a text holds a raw control character; write it as an escape like \\n");
        if (c == '"') {
            r->at++;
            return true;
        }
        if (c == '\\') {
            if (!escape(r))
                return false;
        } else {
            size_t len = c < 0x80 ? 1 : wide_letter(r);
            if (len == 0)
                return bad_utf8(r);
            r->at += len;
        }
    }
}

static size_t digits(struct reader *r)
{
    size_t from = r->at;
    while (peek(r) >= '0' && peek(r) <= '9')
        r->at++;
    return r->at - from;
}

static bool number(struct reader *r)
{
    size_t start = r->at;
    bool is_whole = true;
    if (peek(r) == '-')
        r->at++;
    bool leads_with_zero = peek(r) == '0';
    size_t whole = digits(r);
    if (whole == 0)
        return syntax(r, "a digit");
    if (leads_with_zero && whole > 1)
        return fault(r, start, "json.syntax", "a number starts with a needless 0");
    if (peek(r) == '.') {
        is_whole = false;
        r->at++;
        if (digits(r) == 0)
            return syntax(r, "a digit after the decimal point");
    }
    if (peek(r) == 'e' || peek(r) == 'E') {
        is_whole = false;
        r->at++;
        if (peek(r) == '+' || peek(r) == '-')
            r->at++;
        if (digits(r) == 0)
            return syntax(r, "a digit of the exponent");
    }
    struct str text = str_sub(r->text, start, r->at - start);
    int64_t integer;
    double real;
    if (is_whole ? str_to_i64(text, &integer) : str_to_f64(text, &real))
        return true;
    fault(r, start, "json.number_range",
          is_whole ? "a whole number is outside -2^63…2^63-1"
                   : "a number is too large for a double");
    return err_hint(r->e, "send it as a text if its digits matter");
}

static bool word(struct reader *r, struct str wanted)
{
    if (!str_starts(str_sub(r->text, r->at, wanted.len), wanted))
        return syntax(r, "a value");
    r->at += wanted.len;
    return true;
}

/* `[` and `{` share commas, closing and depth. */
static bool container(struct reader *r, char close)
{
    if (++r->depth > LIMIT_JSON_DEPTH) {
        err_set(r->e, ERR_INVALID, "the JSON is nested deeper than %d levels", LIMIT_JSON_DEPTH);
        err_code(r->e, "json.depth");
        return err_at(r->e, "byte %zu", r->at);
    }
    r->at++;
    skip_space(r);
    if (peek(r) == close) {
        r->at++;
        r->depth--;
        return true;
    }
    for (;;) {
        skip_space(r);
        if (close == '}') {
            if (!string(r))
                return false;
            skip_space(r);
            if (peek(r) != ':')
                return syntax(r, "a colon");
            r->at++;
        }
        if (!value(r))
            return false;
        skip_space(r);
        int c = peek(r);
        if (c != ',' && c != close)
            return syntax(r, close == '}' ? "a comma or }" : "a comma or ]");
        r->at++;
        if (c == close) {
            r->depth--;
            return true;
        }
    }
}

static bool value(struct reader *r)
{
    skip_space(r);
    int c = peek(r);
    switch (c) {
    case '{':
        return container(r, '}');
    case '[':
        return container(r, ']');
    case '"':
        return string(r);
    case 't':
        return word(r, STR("true"));
    case 'f':
        return word(r, STR("false"));
    case 'n':
        return word(r, STR("null"));
    case '-':
        return number(r);
    default:
        if (c >= '0' && c <= '9')
            return number(r);
        if (c >= 0x80 && !wide_letter(r))
            return bad_utf8(r);
        return syntax(r, "a value");
    }
}

bool json_blame(struct str text, struct err *e)
{
    struct reader r = {.text = text, .e = e};
    if (str_starts(text, STR("\xEF\xBB\xBF"))) {
        fault(&r, 0, "json.bom", "the text starts with a byte order mark, which JSON has not");
        err_hint(e, "send plain UTF-8 without a byte order mark");
        return true;
    }
    skip_space(&r);
    if (r.at == text.len) {
        fault(&r, 0, "json.empty", "the JSON is empty");
        return true;
    }
    if (!value(&r))
        return true;
    skip_space(&r);
    if (r.at == text.len)
        return false;
    fault(&r, r.at, "json.trailing", "something follows the end of the JSON");
    return true;
}
