/* query: one JSON document in, one out. */
#include "query/query.h"

#include <stdatomic.h>

#include "query/condition.h"
#include "query/group.h"
#include "query/question.h"
#include "query/text.h"

static const struct insight *const insights[] = {
    &insight_trends,     &insight_funnel, &insight_retention, &insight_lifecycle,
    &insight_stickiness, &insight_paths,  &insight_impact,    &insight_people,
};

static bool insight_find(struct question *q, struct err *e)
{
    struct ask a = ask_member(&q->root, "insight");
    const char *names[COUNT(insights)];
    unsigned choice;

    for (size_t i = 0; i < COUNT(insights); i++)
        names[i] = insights[i]->name;
    if (json_type(q->root.json) != JSON_OBJECT)
        return ask_wrong_type(&q->root, "an object", e);
    if (!ask_is_there(&a)) {
        static const char *const known[] = {QUESTION_MEMBERS};
        for (size_t i = 0; i < COUNT(insights); i++) /* "insigt" gets its hint first */
            if (json_count(q->root.json) == 1 && !ask_members(&q->root, known, COUNT(known), e))
                return false;
        ask_missing(&q->root, "insight", "say what is asked", e);
        return err_hint(
            e, "one of: trends, funnel, retention, lifecycle, stickiness, paths, impact, people");
    }
    if (!ask_choice(&a, names, COUNT(names), &choice, e))
        return false;
    q->insight = insights[choice];
    return ask_members(&q->root, q->insight->members, q->insight->member_count, e);
}

static bool question_answer(struct question *q, struct buf *answer, struct err *e)
{
    size_t start = answer->len;

    if (insight_find(q, e) && question_read(q, e) && q->insight->answer(q, answer, e))
        return true;
    answer->len = start;
    return false;
}

/* {"text":"…"}: a line of words where only JSON can be sent. */
static bool line_find(const struct question *q, struct str *line, struct err *e)
{
    static const char *const known[] = {"text"};
    struct ask a = ask_member(&q->root, "text");

    *line = STR_NONE;
    if (json_type(q->root.json) != JSON_OBJECT || json_type(a.json) == JSON_ABSENT)
        return true;
    return ask_members(&q->root, known, COUNT(known), e) && ask_text(&a, line, e);
}

static bool line_answer(struct question *q, struct json_parser *parser, struct str line,
                        struct buf *answer, struct err *e)
{
    struct text_question text;
    bool ok = text_read(q->arena, arena_copy(q->arena, line), &text, e);

    if (ok) {
        q->said = text.json;
        if (q->context->explain)
            buf_printf(q->context->explain, "question: %.*s\n", STR_ARG(text.json));
        ok = json_parse(parser, text.json, &q->root.json, e) && question_answer(q, answer, e);
        if (!ok && (err_status(e->kind) == 400 || e->kind == ERR_UNKNOWN_NAME))
            text_blame(&text, e);
    }
    text_question_free(&text);
    return ok;
}

static bool answer_write(struct question *q, struct str text, struct buf *answer, struct err *e)
{
    AUTO(json_parser) *parser = json_parser_create();
    struct str line;

    if (text.len > LIMIT_QUERY_BYTES)
        return err_set(e, ERR_TOO_LARGE, "the question has %zu bytes; the limit is %d", text.len,
                       LIMIT_QUERY_BYTES);
    if (text_is_line(text))
        return line_answer(q, parser, text, answer, e);
    if (!json_parse(parser, text, &q->root.json, e) || !line_find(q, &line, e))
        return false;
    if (line.at)
        return line_answer(q, parser, line, answer, e);
    if (q->context->explain) {
        buf_add(q->context->explain, STR("question: "));
        json_print(q->root.json, q->context->explain);
        buf_add_char(q->context->explain, '\n');
    }
    return question_answer(q, answer, e);
}

static bool took_too_much(const struct mem_budget *budget, struct err *e)
{
    *e = (struct err){0};
    err_set(e, ERR_NO_MEMORY, "the question was stopped: it needs more than %lld MiB of memory",
            (long long)budget->limit >> 20);
    err_code(e, "query.too_large");
    return err_hint(e, "ask for fewer groups, series or intervals, or for a shorter time range");
}

bool query_answer(struct source *source, const struct query_context *context, struct str question,
                  struct buf *answer, struct err *e)
{
    struct mem_budget budget = {.limit = context->memory_bytes
                                             ? context->memory_bytes
                                             : (int64_t)LIMIT_QUERY_MEMORY_MIB << 20};
    struct mem_budget *before = mem_enter(&budget);
    size_t start_len = answer->len;
    AUTO(arena) *arena = arena_create(0);
    struct question q = {.arena = arena, .source = source, .persons = source, .context = context};
    uint64_t start = context->os ? os_monotonic_ns(context->os) : 0;
    bool ok = answer_write(&q, question, answer, e);

    if (mem_is_over(&budget)) {
        answer->len = start_len;
        ok = took_too_much(&budget, e);
    }
    q.stats.memory_bytes = atomic_load(&budget.most);
    if (context->os)
        q.stats.milliseconds = (double)(os_monotonic_ns(context->os) - start) / 1e6;
    if (context->stats)
        *context->stats = q.stats;
    question_free(&q);
    mem_leave(before);
    return ok;
}

void query_error_json(const struct err *e, struct buf *out)
{
    struct jwrite w = jwrite_to(out);

    jwrite_object(&w);
    jwrite_key(&w, STR("error"));
    jwrite_object(&w);
    jwrite_pair_string(&w, "code", str_of(err_code_of(e)));
    if (e->at[0] || err_status(e->kind) == 400)
        jwrite_pair_string(&w, "at", str_of(e->at));
    jwrite_pair_string(&w, "message", str_of(e->text));
    if (e->hint[0])
        jwrite_pair_string(&w, "hint", str_of(e->hint));
    jwrite_end(&w);
    jwrite_end(&w);
}

void query_render_stats(const struct query_stats *s, struct buf *out)
{
    buf_printf(out,
               "%llu rows looked at, %llu matched, %.1f MB read, %u segments (%u skipped), "
               "%u %s, %.1f MB of memory, %.1f ms\n",
               (unsigned long long)s->rows, (unsigned long long)s->matched,
               (double)s->bytes_read / 1e6, s->segments, s->segments_skipped, s->passes,
               s->passes == 1 ? "pass" : "passes", (double)s->memory_bytes / 1e6, s->milliseconds);
}
