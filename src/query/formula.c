/* query/formula: recursive descent into postfix steps, and running them. */
#include "query/formula.h"

#include <math.h>
#include <stdlib.h>

enum { NESTING_MAX = 60 };

struct parser {
    struct question *q;
    const struct ask *place;
    const struct str *names;
    size_t name_count;
    struct formula *f;
    size_t at;
    unsigned depth;
    struct err *e;
};

static bool wrong(struct parser *p, const char *what)
{
    ask_fail(p->place, p->e, "query.unknown_value", "the formula is wrong at character %zu: %s",
             p->at + 1, what);
    return err_hint(p->e, "numbers, series as A, B, C…, and + - * / ( )");
}

static char peek(struct parser *p)
{
    while (p->at < p->f->text.len && p->f->text.at[p->at] == ' ')
        p->at++;
    return p->at < p->f->text.len ? p->f->text.at[p->at] : 0;
}

static bool step(struct parser *p, struct formula_step s)
{
    if (p->f->count == FORMULA_STEPS_MAX)
        return wrong(p, "it is too long");
    p->f->steps[p->f->count++] = s;
    return true;
}

static bool number(struct parser *p)
{
    size_t end = p->at;
    double v;

    while (end < p->f->text.len &&
           ((p->f->text.at[end] >= '0' && p->f->text.at[end] <= '9') || p->f->text.at[end] == '.'))
        end++;
    if (!str_to_f64(str_sub(p->f->text, p->at, end - p->at), &v))
        return wrong(p, "this is no number");
    p->at = end;
    return step(p, (struct formula_step){.kind = FORMULA_NUMBER, .number = v});
}

static bool series(struct parser *p)
{
    struct str letter = str_sub(p->f->text, p->at, 1);
    size_t index = (size_t)((letter.at[0] | 32) - 'a');

    for (size_t i = 0; i < p->name_count; i++)
        if (str_equal_fold(p->names[i], letter))
            index = i;
    if (index >= p->name_count)
        return wrong(p, "there is no such series");
    p->at++;
    char next = p->at < p->f->text.len ? (char)(p->f->text.at[p->at] | 32) : 0;
    if (next >= 'a' && next <= 'z')
        return wrong(p, "a series is named by one letter");
    return step(p, (struct formula_step){.kind = FORMULA_SERIES, .series = index});
}

static bool sum(struct parser *p);

static bool factor(struct parser *p)
{
    char c = peek(p);

    if (++p->depth > NESTING_MAX)
        return wrong(p, "it is nested too deep");
    bool ok;
    if (c == '-') {
        p->at++;
        ok = factor(p) && step(p, (struct formula_step){.kind = FORMULA_NEGATE});
    } else if (c == '(') {
        p->at++;
        ok = sum(p) && (peek(p) == ')' || wrong(p, "a bracket is not closed"));
        p->at++;
    } else if ((c >= '0' && c <= '9') || c == '.') {
        ok = number(p);
    } else if ((c | 32) >= 'a' && (c | 32) <= 'z') {
        ok = series(p);
    } else {
        ok = wrong(p, c ? "this character has no meaning" : "it ends too early");
    }
    p->depth--;
    return ok;
}

static bool product(struct parser *p)
{
    if (!factor(p))
        return false;
    for (char c = peek(p); c == '*' || c == '/'; c = peek(p)) {
        p->at++;
        if (!factor(p) ||
            !step(p, (struct formula_step){.kind = c == '*' ? FORMULA_MULTIPLY : FORMULA_DIVIDE}))
            return false;
    }
    return true;
}

static bool sum(struct parser *p)
{
    if (!product(p))
        return false;
    for (char c = peek(p); c == '+' || c == '-'; c = peek(p)) {
        p->at++;
        if (!product(p) ||
            !step(p, (struct formula_step){.kind = c == '+' ? FORMULA_ADD : FORMULA_SUBTRACT}))
            return false;
    }
    return true;
}

bool formula_read(struct question *q, const struct ask *a, const struct str *names,
                  size_t name_count, struct formula *out, struct err *e)
{
    struct parser p = {q, a, names, name_count, out, 0, 0, e};

    if (!ask_text(a, &out->text, e))
        return false;
    out->steps = arena_array(q->arena, FORMULA_STEPS_MAX, sizeof *out->steps);
    return sum(&p) && (!peek(&p) || wrong(&p, "nothing may follow here"));
}

double formula_value(const struct formula *f, const double *series_values)
{
    double stack[FORMULA_STEPS_MAX + 1];
    size_t n = 0;

    for (size_t i = 0; i < f->count; i++) {
        const struct formula_step *s = &f->steps[i];
        if (s->kind <= FORMULA_SERIES) {
            stack[n++] = s->kind == FORMULA_NUMBER ? s->number : series_values[s->series];
            continue;
        }
        if (s->kind == FORMULA_NEGATE) {
            stack[n - 1] = -stack[n - 1];
            continue;
        }
        double b = stack[--n], a = stack[n - 1];
        stack[n - 1] = s->kind == FORMULA_ADD        ? a + b
                       : s->kind == FORMULA_SUBTRACT ? a - b
                       : s->kind == FORMULA_MULTIPLY ? a * b
                       : b == 0                      ? NAN
                                                     : a / b;
    }
    return n == 1 && isfinite(stack[0]) ? stack[0] + 0.0 : NAN;
}
