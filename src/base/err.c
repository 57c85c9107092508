/* base/err: see err.h. */
#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>

struct kind_row {
    int status;
    bool may_retry;
    const char *code;
};

static const struct kind_row kinds[] = {[ERR_NONE] = {200, false, ""},
#define X(name, status, retry, code) [ERR_##name] = {status, retry, code},
                                        ERR_KINDS(X)
#undef X
};

/* A sentence that was cut in the middle of a UTF-8 letter would spoil the JSON it travels in. */
static void cut_at_letter(char *text, size_t room, int wanted)
{
    if (wanted < 0 || (size_t)wanted < room)
        return;
    size_t len = room - 1;
    size_t lead = len;
    while (lead > 0 && len - lead < 3 && ((unsigned char)text[lead - 1] & 0xC0) == 0x80)
        lead--;
    if (lead == 0)
        return;
    unsigned char first = (unsigned char)text[lead - 1];
    size_t need = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : first >= 0xC0 ? 2 : 1;
    if (need > len - lead + 1)
        text[lead - 1] = 0;
}

PRINTF(3, 0) static void put(char *room, size_t bytes, const char *format, va_list args)
{
    cut_at_letter(room, bytes, vsnprintf(room, bytes, format, args));
}

bool err_set_at(struct err *e, enum err_kind kind, const char *file, int line, const char *format,
                ...)
{
    e->kind = kind;
    e->file = file;
    e->line = line;
    e->code[0] = e->at[0] = e->hint[0] = 0;
    va_list args;
    va_start(args, format);
    put(e->text, sizeof e->text, format, args);
    va_end(args);
    return false;
}

bool err_while(struct err *e, const char *format, ...)
{
    char old[sizeof e->text];
    memcpy(old, e->text, sizeof old);
    va_list args;
    va_start(args, format);
    put(e->text, sizeof e->text, format, args);
    va_end(args);
    size_t len = strlen(e->text);
    cut_at_letter(e->text + len, sizeof e->text - len,
                  snprintf(e->text + len, sizeof e->text - len, ": %s", old));
    return false;
}

bool err_code(struct err *e, const char *code)
{
    snprintf(e->code, sizeof e->code, "%s", code);
    return false;
}

bool err_at(struct err *e, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    put(e->at, sizeof e->at, format, args);
    va_end(args);
    return false;
}

bool err_hint(struct err *e, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    put(e->hint, sizeof e->hint, format, args);
    va_end(args);
    return false;
}

bool err_no_memory(struct err *e, const char *what)
{
    err_set(e, ERR_NO_MEMORY, "there is no memory for %s", what);
    return err_hint(e, "try again later, or give the server more memory");
}

int err_status(enum err_kind kind)
{
    REQUIRE((size_t)kind < COUNT(kinds));
    return kinds[kind].status;
}

bool err_may_retry(enum err_kind kind)
{
    REQUIRE((size_t)kind < COUNT(kinds));
    return kinds[kind].may_retry;
}

const char *err_code_of(const struct err *e)
{
    return e->code[0] ? e->code : kinds[e->kind].code;
}
