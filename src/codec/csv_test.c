#include "base/test.h"

#include <stdio.h>

#include "codec/csv.h"

/* Rows as one text: line:cell|cell| and a new line. */
struct sheet {
    struct buf text;
    size_t stop_after;
    size_t rows;
};

static bool note_row(void *context, uint64_t line, const struct str *cells, size_t count,
                     struct err *e)
{
    struct sheet *s = context;
    if (s->stop_after && ++s->rows > s->stop_after)
        return err_set(e, ERR_INVALID, "enough");
    buf_printf(&s->text, "%llu:", (unsigned long long)line);
    for (size_t i = 0; i < count; i++)
        buf_printf(&s->text, "%.*s|", STR_ARG(cells[i]));
    buf_add_char(&s->text, '\n');
    return true;
}

/* Feeds `text` in pieces of `step` bytes. */
static bool read_in_steps(struct str text, char delimiter, size_t step, struct sheet *s,
                          struct err *e)
{
    AUTO(csv) *c = csv_create(delimiter, note_row, s);
    for (size_t at = 0; at < text.len; at += step)
        if (!csv_feed(c, str_sub(text, at, step), e))
            return false;
    return csv_finish(c, e);
}

static void rows_do_not_depend_on_the_pieces(void **state)
{
    (void)state;
    static const struct {
        struct str text, rows;
    } sheets[] = {
        {STR("a,b\r\nc,d\r\n"), STR("1:a|b|\n2:c|d|\n")},
        {STR("a,b\nc,d"), STR("1:a|b|\n2:c|d|\n")},
        {STR("a\rb\rc"), STR("1:a|\n2:b|\n3:c|\n")},
        {STR("\xEF\xBB\xBF"
             "a,b\n"),
         STR("1:a|b|\n")},
        {STR("\xEF\xBB"
             "a\n"),
         STR("1:\xEF\xBB"
             "a|\n")},
        {STR("\xEF\xBB\xBF"), STR("")},
        {STR("\xEF"), STR("1:\xEF|\n")},
        {STR(" a , b \n"), STR("1: a | b |\n")}, /* spaces are part of a cell */
        {STR("\"a,\"\"b\"\"\",c\n"), STR("1:a,\"b\"|c|\n")},
        {STR("\"two\r\nlines\",x\r\nnext\r\n"), STR("1:two\r\nlines|x|\n3:next|\n")},
        {STR("\"\n\n\"\nnext"), STR("1:\n\n|\n4:next|\n")},
        {STR("\n\na\n\n\nb\n"), STR("3:a|\n6:b|\n")}, /* empty lines are no rows */
        {STR("\r\n\r\na"), STR("3:a|\n")},
        {STR(",,\n\"\"\n"), STR("1:|||\n2:|\n")},
        {STR(""), STR("")},
        {STR("ชื่อ,ราคา\n"), STR("1:ชื่อ|ราคา|\n")},
    };
    for (size_t i = 0; i < COUNT(sheets); i++)
        for (size_t step = 1; step <= 8; step++) {
            struct sheet s = {0};
            struct err e = {0};
            assert_works(read_in_steps(sheets[i].text, ',', step, &s, &e), e);

            assert_str(buf_str(&s.text), sheets[i].rows);
            buf_free(&s.text);
        }
}

static void other_delimiters_work(void **state)
{
    (void)state;
    struct sheet s = {0};
    struct err e = {0};
    assert_works(read_in_steps(STR("a;b,c\td\n"), ';', 99, &s, &e), e);
    assert_works(read_in_steps(STR("a;b,c\td\n"), '\t', 99, &s, &e), e);
    assert_str(buf_str(&s.text), STR("1:a|b,c\td|\n1:a;b,c|d|\n"));
    buf_free(&s.text);
}

static void refuses_what_is_no_csv(void **state)
{
    (void)state;
    static const struct {
        struct str text;
        const char *code, *at;
    } sheets[] = {
        {STR("a\n\"b\nc\n"), "csv.unclosed", "line 2"},
        {STR("a\n\"b\"c\n"), "csv.quote", "line 2"},
        {STR("a\nb\"c\n"), "csv.quote", "line 2"},
        {STR("\"x\n\n\"y"), "csv.quote", "line 3"},
    };
    for (size_t i = 0; i < COUNT(sheets); i++)
        for (size_t step = 1; step <= 4; step++) {
            struct sheet s = {0};
            struct err e = {0};
            assert_false(read_in_steps(sheets[i].text, ',', step, &s, &e));
            assert_string_equal(e.code, sheets[i].code);
            assert_string_equal(e.at, sheets[i].at);
            assert_int_equal(e.kind, ERR_INVALID);
            buf_free(&s.text);
        }
}

static void rows_have_limits(void **state)
{
    (void)state;
    BUF_AUTO text = {0};
    struct sheet s = {0};
    struct err e = {0};
    for (int i = 0; i < CSV_COLUMNS_MAX - 1; i++)
        buf_add_char(&text, ',');
    assert_works(read_in_steps(buf_str(&text), ',', 1000, &s, &e), e);
    buf_add(&text, STR(",\n"));
    assert_false(read_in_steps(buf_str(&text), ',', 1000, &s, &e));
    assert_string_equal(e.code, "csv.columns");

    buf_clear(&text);
    buf_add(&text, STR("short\n\""));
    for (int i = 0; i < CSV_ROW_BYTES_MAX / 10 + 1; i++)
        buf_add(&text, STR("123456789\n"));
    assert_false(read_in_steps(buf_str(&text), ',', 4096, &s, &e));
    assert_string_equal(e.code, "csv.row_bytes");
    assert_string_equal(e.at, "line 2");
    buf_free(&s.text);
}

static void the_sink_may_stop(void **state)
{
    (void)state;
    struct sheet s = {.stop_after = 2};
    struct err e = {0};
    assert_false(read_in_steps(STR("a\nb\nc\nd\n"), ',', 99, &s, &e));
    assert_string_equal(e.text, "enough");
    assert_str(buf_str(&s.text), STR("1:a|\n2:b|\n"));
    buf_free(&s.text);
    struct sheet last = {.stop_after = 1};
    assert_false(read_in_steps(STR("a\nb"), ',', 99, &last, &e)); /* at the very end too */
    buf_free(&last.text);
}

static void cells_are_safe_in_spreadsheets(void **state)
{
    (void)state;
    static const struct {
        struct str text, cell;
    } cells[] = {
        {STR("plain"), STR("plain")},
        {STR(""), STR("")},
        {STR("a,b"), STR("\"a,b\"")},
        {STR("say \"hi\""), STR("\"say \"\"hi\"\"\"")},
        {STR("=1+1"), STR("'=1+1")},
        {STR("@SUM(A1)"), STR("'@SUM(A1)")},
        {STR("-5"), STR("-5")},
        {STR("+66.5"), STR("+66.5")},
        {STR("-5+cmd"), STR("'-5+cmd")},
        {STR("\t=1"), STR("'\t=1")},
        {STR("\r=1"), STR("\"'\r=1\"")},
        {STR("two\nlines"), STR("\"two\nlines\"")},
        {STR("=A1,B1"), STR("\"'=A1,B1\"")},
    };
    for (size_t i = 0; i < COUNT(cells); i++) {
        BUF_AUTO out = {0};
        csv_cell(&out, cells[i].text, true);
        assert_str(buf_str(&out), cells[i].cell);
        csv_cell(&out, STR("x"), false);
        assert_true(str_ends(buf_str(&out), STR(",x")));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_do_not_depend_on_the_pieces),
        cmocka_unit_test(other_delimiters_work),
        cmocka_unit_test(refuses_what_is_no_csv),
        cmocka_unit_test(rows_have_limits),
        cmocka_unit_test(the_sink_may_stop),
        cmocka_unit_test(cells_are_safe_in_spreadsheets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
