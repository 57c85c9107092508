/* query/text_words: cutting a line into words, and reading them with errors that point at them. */
#include "query/text_words.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>

#include "query/ask.h"

/* ---- cutting ---- */

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static bool is_sign(char c)
{
    return c && strchr("()[],<>=!;", c) != NULL;
}

static bool quoted_cut(struct text *t, size_t from, struct text_token *k)
{
    struct str line = t->out->line;
    char quote = line.at[from];
    size_t i = from + 1, len = 0;
    char *room = arena_alloc(t->arena, line.len - from);

    for (; i < line.len && line.at[i] != quote; i++) {
        /* A backslash stands for itself but before a quote or another one: patterns stay legible.
         */
        if (line.at[i] == '\\' && i + 1 < line.len &&
            (line.at[i + 1] == quote || line.at[i + 1] == '\\'))
            i++;
        room[len++] = line.at[i];
    }
    *k = (struct text_token){TEXT_QUOTED, {room, len}, from, MIN(i + 1, line.len), false};
    return i < line.len || text_wrong(t, k, "the quote that begins here is not closed");
}

static struct text_token sign_cut(struct str line, size_t i)
{
    bool is_double = strchr("<>!", line.at[i]) != NULL && i + 1 < line.len && line.at[i + 1] == '=';
    size_t to = i + 1 + is_double;

    return (struct text_token){TEXT_SIGN, str_sub(line, i, to - i), i, to, false};
}

static struct text_token word_cut(struct str line, size_t i)
{
    size_t to = i;

    while (to < line.len && !is_space(line.at[to]) && !is_sign(line.at[to]) && line.at[to] != '"')
        to++;
    return (struct text_token){TEXT_WORD, str_sub(line, i, to - i), i, to, false};
}

bool text_split(struct text *t)
{
    struct str line = t->out->line;
    size_t count = 0, before = SIZE_MAX;

    t->tokens = arena_array(t->arena, line.len + 1, sizeof *t->tokens);
    for (size_t i = 0; i < line.len; i = t->tokens[count++].to) {
        while (i < line.len && is_space(line.at[i]))
            i++;
        if (i == line.len)
            break;
        struct text_token *k = &t->tokens[count];
        if (line.at[i] == '"' || line.at[i] == '\'') {
            if (!quoted_cut(t, i, k))
                return false;
        } else {
            *k = is_sign(line.at[i]) ? sign_cut(line, i) : word_cut(line, i);
        }
        k->joins_before = before == k->from;
        before = k->to;
    }
    t->tokens[count] = (struct text_token){TEXT_END, STR_NONE, line.len, line.len, false};
    return true;
}

/* ---- looking ---- */

const struct text_token *text_now(const struct text *t)
{
    return &t->tokens[t->at];
}

const struct text_token *text_ahead(const struct text *t, size_t by)
{
    const struct text_token *k = &t->tokens[t->at];

    while (by-- && k->kind != TEXT_END)
        k++;
    return k;
}

bool text_token_is(const struct text_token *k, const char *word)
{
    return (k->kind == TEXT_WORD || k->kind == TEXT_SIGN) && str_equal_fold(k->text, str_of(word));
}

size_t text_spells(const struct text *t, size_t by, const char *words)
{
    struct str rest = str_of(words), part;
    size_t taken = 0;

    if (text_token_is(text_ahead(t, by), words))
        return 1;
    while (rest.len) {
        size_t cut = MIN(str_find(rest, ' '), str_find(rest, '_'));
        const struct text_token *k = text_ahead(t, by + taken);
        part = str_sub(rest, 0, cut);
        if ((k->kind != TEXT_WORD && k->kind != TEXT_SIGN) || !str_equal_fold(k->text, part))
            return 0;
        rest = str_sub(rest, cut + 1, rest.len);
        taken++;
    }
    return taken;
}

bool text_take(struct text *t, const char *words)
{
    size_t taken = text_spells(t, 0, words);

    t->at += taken;
    return taken > 0;
}

/* ---- errors ---- */

static size_t character_of(struct str line, size_t byte)
{
    size_t count = 1;

    for (size_t i = 0; i < byte && i < line.len; i++)
        count += (line.at[i] & 0xC0) != 0x80;
    /* Continuation bytes belong to the character that was counted with their first byte. */
    return count;
}

bool text_wrong(struct text *t, const struct text_token *k, const char *format, ...)
{
    char text[sizeof t->e->text];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    err_set(t->e, ERR_INVALID, "%s", text);
    err_code(t->e, "query.text");
    return err_at(t->e, "character %zu", character_of(t->out->line, k->from));
}

void text_blame(const struct text_question *t, struct err *e)
{
    struct str at = str_of(e->at);
    size_t best = SIZE_MAX, best_len = 0;

    if (at.len && at.at[0] != '/')
        return;
    for (size_t i = 0; i < t->spot_count; i++) {
        struct str p = t->spots[i].pointer;
        if (p.len >= best_len && str_starts(at, p) && (p.len == at.len || at.at[p.len] == '/')) {
            best = t->spots[i].at;
            best_len = p.len;
        }
    }
    if (best != SIZE_MAX)
        err_at(e, "character %zu", character_of(t->line, best));
    else
        err_at(e, "character 1");
}

bool text_expected(struct text *t, const char *what)
{
    const struct text_token *k = text_now(t);

    if (k->kind == TEXT_END)
        return text_wrong(t, k, "expected %s, but the line ends here", what);
    return text_wrong(t, k, "expected %s, not \"%.*s\"", what, (int)MIN(k->text.len, (size_t)60),
                      k->text.at);
}

bool text_hint_names(struct text *t, struct str given, const char *const *names, size_t count)
{
    const char *near = given.len ? ask_nearest(given, names, count) : NULL;
    char list[sizeof t->e->hint - 16];
    size_t len = 0;

    if (near)
        return err_hint(t->e, "did you mean %s?", near);
    list[0] = 0;
    for (size_t i = 0; i < count; i++) {
        size_t more = strlen(names[i]) + 2;
        if (len + more + 4 > sizeof list) {
            len += (size_t)snprintf(list + len, sizeof list - len, ", …");
            break;
        }
        len += (size_t)snprintf(list + len, sizeof list - len, "%s%s", i ? ", " : "", names[i]);
    }
    return err_hint(t->e, "one of: %s", list);
}

/* ---- pointers ---- */

static void spot_add(struct text *t, const struct text_token *k)
{
    struct text_question *q = t->out;

    ARRAY_PUSH(q->spots, q->spot_count, q->spot_room) =
        (struct text_spot){arena_copy(t->arena, buf_str(&t->path)), k->from};
}

size_t text_down(struct text *t, const char *key, const struct text_token *k)
{
    size_t was = t->path.len;

    buf_printf(&t->path, "/%s", key);
    spot_add(t, k);
    jwrite_key(&t->w, str_of(key));
    return was;
}

size_t text_down_item(struct text *t, size_t index, const struct text_token *k)
{
    size_t was = t->path.len;

    buf_printf(&t->path, "/%zu", index);
    spot_add(t, k);
    return was;
}

void text_up(struct text *t, size_t was)
{
    t->path.len = was;
}

/* ---- values ---- */

bool text_name(struct text *t, const char *what, struct str *out)
{
    const struct text_token *k = text_now(t);

    if (k->kind != TEXT_WORD && k->kind != TEXT_QUOTED)
        return text_expected(t, what);
    *out = k->text;
    t->at++;
    return true;
}

bool text_property(struct text *t, const char **of, struct str *out)
{
    static const char *const subjects[] = {"event", "person", "account", "session"};
    const struct text_token *k = text_now(t), *next = text_ahead(t, 1);

    *of = "";
    if (!text_name(t, "the name of a property", out))
        return false;
    for (size_t i = 0; i < COUNT(subjects) && k->kind == TEXT_WORD; i++) {
        size_t len = strlen(subjects[i]);
        if (!str_starts(*out, str_of(subjects[i])) || out->len <= len || out->at[len] != '.')
            continue;
        *of = subjects[i];
        *out = str_sub(*out, len + 1, out->len);
        if (out->len)
            return true;
        if (next->kind != TEXT_QUOTED || !next->joins_before)
            return text_expected(t, "the name of a property right after the dot");
        return text_name(t, "the name of a property", out);
    }
    return true;
}

bool text_sign(struct text *t, const char *sign)
{
    char what[8];

    if (text_take(t, sign))
        return true;
    snprintf(what, sizeof what, "\"%s\"", sign);
    return text_expected(t, what);
}

bool text_whole(struct text *t, int64_t *out)
{
    const struct text_token *k = text_now(t);

    if (k->kind != TEXT_WORD || !str_to_i64(k->text, out))
        return text_expected(t, "a whole number");
    t->at++;
    return true;
}

bool text_choice(struct text *t, const char *what, const char *const *names, size_t count,
                 const char **out)
{
    const struct text_token *k = text_now(t);
    size_t best = 0;

    for (size_t i = 0; i < count; i++) {
        size_t taken = text_spells(t, 0, names[i]);
        if (taken > best || (taken == best && taken && strlen(names[i]) > strlen(*out))) {
            best = taken;
            *out = names[i];
        }
    }
    t->at += best;
    if (best)
        return true;
    text_expected(t, what);
    return text_hint_names(t, k->text, names, count);
}

/* As JSON writes numbers, so that 007 and +1 stay text. */
bool text_is_number(struct str word)
{
    size_t i = str_starts(word, STR("-"));
    double v;

    if (i >= word.len || word.at[i] < '0' || word.at[i] > '9' || !str_to_f64(word, &v))
        return false;
    if (word.at[i] == '0' && i + 1 < word.len && word.at[i + 1] >= '0' && word.at[i + 1] <= '9')
        return false;
    return word.at[word.len - 1] >= '0' && word.at[word.len - 1] <= '9';
}

void text_value_write(struct jwrite *w, const struct text_token *k)
{
    double number = 0;
    int64_t whole;

    if (k->kind == TEXT_WORD && text_is_number(k->text)) {
        bool is_whole = str_to_i64(k->text, &whole);
        size_t digits = 0;
        while (digits < k->text.len && strchr("-0123456789", k->text.at[digits]))
            digits++;
        if (is_whole)
            jwrite_int(w, whole);
        else if (digits == k->text.len) /* too large for a whole number: its text compares equal */
            jwrite_string(w, k->text);
        else if (str_to_f64(k->text, &number))
            jwrite_double(w, number);
        return;
    }
    if (text_token_is(k, "true") || text_token_is(k, "false"))
        jwrite_bool(w, text_token_is(k, "true"));
    else
        jwrite_string(w, k->text);
}
