/* query/formula: recursive descent into postfix steps, and running them. */
#include "query/formula.h"

#include <math.h>
#include <stdlib.h>

enum { NESTING_MAX = 60, INTERVALS_MAX = 1000 };

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
    return err_hint(p->e, "numbers, series as A, B, C…, + - * / ( ), cumulative(A), rolling(A,7), "
                          "previous(A)");
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

/* ", n" of rolling and previous. */
static bool count_read(struct parser *p, size_t *count)
{
    size_t end;
    int64_t n;

    p->at++; /* the comma */
    (void)peek(p);
    for (end = p->at;
         end < p->f->text.len && p->f->text.at[end] >= '0' && p->f->text.at[end] <= '9';)
        end++;
    if (!str_to_i64(str_sub(p->f->text, p->at, end - p->at), &n) || n < 1 || n > INTERVALS_MAX)
        return wrong(p, "a whole number of intervals from 1 to 1000 belongs here");
    p->at = end;
    *count = (size_t)n;
    return true;
}

static const struct function {
    const char *name;
    int kind;
    bool may_count, must_count;
} functions[] = {{"cumulative", FORMULA_CUMULATIVE, false, false},
                 {"rolling", FORMULA_ROLLING, true, true},
                 {"previous", FORMULA_PREVIOUS, true, false}};

static const struct function *function_at(struct parser *p, size_t *len)
{
    char c;

    for (*len = 0; p->at + *len < p->f->text.len; (*len)++)
        if (c = (char)(p->f->text.at[p->at + *len] | 32), c < 'a' || c > 'z')
            break;
    for (size_t i = 0; i < COUNT(functions); i++)
        if (str_equal_fold(str_sub(p->f->text, p->at, *len), str_of(functions[i].name)))
            return &functions[i];
    return NULL;
}

static bool function(struct parser *p, const struct function *f, size_t len)
{
    struct formula_step s = {.kind = f->kind, .series = 1};

    p->at += len;
    if (peek(p) != '(')
        return wrong(p, "the function needs brackets");
    p->at++;
    if (!sum(p))
        return false;
    if (f->must_count && peek(p) != ',')
        return wrong(p, "say over how many intervals, such as rolling(A,7)");
    if (f->may_count && peek(p) == ',' && !count_read(p, &s.series))
        return false;
    if (peek(p) != ')')
        return wrong(p, "a bracket is not closed");
    p->at++;
    return step(p, s);
}

static bool factor(struct parser *p)
{
    const struct function *f;
    size_t len;
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
        f = function_at(p, &len);
        ok = f ? function(p, f, len) : series(p);
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

/* ---- running ---- */

static void cumulate(double *v, size_t count)
{
    double sum = 0;

    for (size_t i = 0; i < count; i++) {
        if (!isnan(v[i]))
            sum += v[i];
        v[i] = sum;
    }
}

void formula_roll(const double *values, size_t count, size_t n, double *out)
{
    for (size_t i = 0; i < count; i++) {
        double sum = 0;
        size_t there = 0;
        for (size_t k = i + 1 > n ? i + 1 - n : 0; k <= i; k++)
            if (!isnan(values[k])) {
                sum += values[k];
                there++;
            }
        out[i] = there ? sum / (double)there : NAN;
    }
}

/* The step's function of v, in place; `room` is as long. */
static void apply(const struct formula_step *s, double *v, size_t intervals, double *room)
{
    if (s->kind == FORMULA_CUMULATIVE) {
        cumulate(v, intervals);
        return;
    }
    memcpy(room, v, intervals * sizeof *v);
    if (s->kind == FORMULA_ROLLING) {
        formula_roll(room, intervals, s->series, v);
        return;
    }
    for (size_t i = 0; i < intervals; i++)
        v[i] = i >= s->series ? room[i - s->series] : NAN;
    v[intervals] = NAN;
}

static double combine(int kind, double a, double b)
{
    return kind == FORMULA_ADD        ? a + b
           : kind == FORMULA_SUBTRACT ? a - b
           : kind == FORMULA_MULTIPLY ? a * b
           : b == 0                   ? NAN
                                      : a / b;
}

static size_t stack_depth(const struct formula *f)
{
    size_t depth = 0, most = 0;

    for (size_t i = 0; i < f->count; i++) {
        depth += f->steps[i].kind <= FORMULA_SERIES;
        depth -= f->steps[i].kind >= FORMULA_ADD && f->steps[i].kind <= FORMULA_DIVIDE;
        most = MAX(most, depth);
    }
    return most;
}

void formula_values(const struct formula *f, const double *series, size_t intervals, double *out)
{
    size_t n = intervals + 1, depth = 0;
    double *stack = mem_array((stack_depth(f) + 2) * n, sizeof *stack);

    for (size_t i = 0; i < f->count; i++) {
        const struct formula_step *s = &f->steps[i];
        double *top = stack + depth * n; /* the next free place */
        if (s->kind <= FORMULA_SERIES) {
            for (size_t k = 0; k < n; k++)
                top[k] = s->kind == FORMULA_NUMBER ? s->number : series[s->series * n + k];
            depth++;
        } else if (s->kind == FORMULA_NEGATE) {
            for (size_t k = 0; k < n; k++)
                top[k - n] = -top[k - n];
        } else if (s->kind >= FORMULA_CUMULATIVE) {
            apply(s, top - n, intervals, top);
        } else {
            double *a = top - 2 * n, *b = top - n;
            for (size_t k = 0; k < n; k++)
                a[k] = combine(s->kind, a[k], b[k]);
            depth--;
        }
    }
    for (size_t k = 0; k < n; k++)
        out[k] = isfinite(stack[k]) ? stack[k] + 0.0 : NAN;
    mem_free(stack);
}
