/* query/render: an answer as text for the terminal. */
#include "query/paint.h"

/* A person, or a session with when it began, when it ended and how many events it had. */
static void paint_row(struct paint *p, struct json row, size_t widest)
{
    char room[NUMBER_BYTES];
    struct str start = member_text(row, "start");

    if (!start.len) {
        paint_text(p, PAINT_PLAIN, member_text(row, "id"));
        paint_line(p);
        return;
    }
    paint_cell(p, PAINT_PLAIN, member_text(row, "id"), widest, false);
    paint_printf(p, PAINT_DIM, "  %.*s  %.*s  ", STR_ARG(start), STR_ARG(member_text(row, "end")));
    paint_cell(p, PAINT_BOLD, number_text(member(row, "events"), room), 6, true);
    if (member_text(row, "session").len)
        paint_text(p, PAINT_DIM, STR("  "));
    paint_text(p, PAINT_DIM, member_text(row, "session"));
    paint_line(p);
}

static void paint_people(struct paint *p, struct json answer)
{
    struct json people = member(answer, "people");
    struct json_each it = json_each(people);
    char room[NUMBER_BYTES];
    struct str cursor;

    size_t widest = 0;
    while (json_next(&it))
        widest = MAX(widest, text_columns(member_text(it.value, "id")));
    it = json_each(people);
    while (json_next(&it))
        paint_row(p, it.value, widest);
    if (!json_count(people)) {
        paint_text(p, PAINT_DIM, str_of(p->words->no_people));
        paint_line(p);
    }
    paint_printf(p, PAINT_BOLD, "%s %.*s", p->words->total,
                 STR_ARG(number_text(member(answer, "total"), room)));
    paint_line(p);
    if (json_string(member(answer, "cursor"), &cursor)) {
        paint_printf(p, PAINT_DIM, "%s \"%.*s\"", p->words->more_people, STR_ARG(cursor));
        paint_line(p);
    }
}

/* One word of the rules line, on a new line where it would not fit. */
static void echo_word(struct paint *p, struct str word, size_t *column)
{
    size_t wide = text_columns(word) + 3;

    if (*column && *column + wide > p->width) {
        paint_line(p);
        *column = 0;
    }
    if (*column)
        paint_text(p, PAINT_DIM, p->colour ? STR(" · ") : STR(" | "));
    paint_text(p, PAINT_DIM, word);
    *column += wide;
}

static struct str day_of(struct str instant)
{
    return str_ends(str_sub(instant, 0, 19), STR("T00:00:00")) ? str_sub(instant, 0, 10) : instant;
}

/* What was applied, in one dim line. */
static void paint_echo(struct paint *p, struct json answer)
{
    BUF_AUTO word = {0}, value = {0};
    size_t column = 0;
    struct json_each it = json_each(member(answer, "rules"));

    buf_printf(&word, "%.*s %s %.*s", STR_ARG(day_of(member_text(answer, "from"))),
               p->words->range_to, STR_ARG(day_of(member_text(answer, "to"))));
    echo_word(p, buf_str(&word), &column);
    buf_clear(&word);
    buf_printf(&word, "%s %.*s", p->words->as_of, STR_ARG(member_text(answer, "as_of")));
    echo_word(p, buf_str(&word), &column);
    echo_word(p, member_text(answer, "timezone"), &column);
    buf_clear(&word);
    buf_printf(&word, "tz %.*s", STR_ARG(member_text(answer, "tz_version")));
    echo_word(p, buf_str(&word), &column);
    while (json_next(&it)) {
        struct str text;
        buf_clear(&value);
        if (json_string(it.value, &text))
            buf_add(&value, text);
        else
            json_print(it.value, &value);
        buf_clear(&word);
        buf_printf(&word, "%.*s %.*s", STR_ARG(it.key), STR_ARG(buf_str(&value)));
        echo_word(p, buf_str(&word), &column);
    }
    paint_line(p);
}

static void paint_unseen(struct paint *p, struct json answer)
{
    struct json_each it = json_each(member(answer, "unseen"));
    struct str name;

    while (json_next(&it)) {
        if (!json_string(it.value, &name))
            continue;
        paint_printf(p, PAINT_WARN, "%s \"%.*s\"", p->words->unseen, STR_ARG(name));
        paint_line(p);
    }
}

bool query_render_text(struct str answer, const struct query_text_options *options, struct buf *out,
                       struct err *e)
{
    static const struct {
        const char *insight;
        void (*paint)(struct paint *, struct json);
    } painters[] = {
        {"trends", paint_trends},         {"funnel", paint_funnel},
        {"retention", paint_retention},   {"lifecycle", paint_lifecycle},
        {"stickiness", paint_stickiness}, {"paths", paint_paths},
        {"impact", paint_impact},
    };
    AUTO(json_parser) *parser = json_parser_create();
    struct paint p = {out, options->width ? options->width : 100, options->colour,
                      words_of(options->language)};
    struct json root;

    if (!json_parse(parser, answer, &root, e))
        return err_while(e, "reading the answer");
    struct str insight = member_text(root, "insight");
    void (*paint)(struct paint *, struct json) = NULL;
    for (size_t i = 0; i < COUNT(painters); i++)
        if (str_equal(insight, str_of(painters[i].insight)))
            paint = painters[i].paint;
    if (json_type(member(root, "people")) == JSON_ARRAY)
        paint = paint_people;
    if (json_type(member(root, "why")) == JSON_OBJECT)
        paint = paint_why;
    if (!paint)
        return err_set(e, ERR_UNSUPPORTED, "no picture is known for the insight \"%.*s\"",
                       STR_ARG(insight));
    paint(&p, root);
    paint_unseen(&p, root);
    paint_echo(&p, root);
    return true;
}
