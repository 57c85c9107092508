#include "base/test.h"

#include <stdio.h>

#include "app/command.h"

/* A table of its own: what is tested is how words are read, not which commands there are. */
bool command_query(struct run *run, struct err *e)
{
    (void)run;
    (void)e;
    return true;
}

static bool other(struct run *run, struct err *e)
{
    (void)run;
    (void)e;
    return true;
}

static const struct option options[] = {
    {"--name", "NAME", "a name"}, {"--json", NULL, "JSON"}, {"--number", "N", "a number"}, {0}};

const struct command commands[] = {
    {"import", "FILE…", "Imports.", NULL, "tenure import x", NEED_SITE, 1, 3, options, other},
    {"query", "JSON", "Asks.", NULL, "tenure query x", NEED_SITE, 1, 1, options, command_query},
    {"key create", "", "Makes a key.", NULL, "tenure key create", NEED_SITE, 0, 0, options, other},
    {"key list", "", "Lists keys.", NULL, "tenure key list", NEED_SITE, 0, 0, NULL, other},
    {"key", "WORD", "Of its own.", NULL, "tenure key x", NEED_SITE, 1, 1, NULL, other},
    {"hidden", "", NULL, NULL, NULL, NEED_SITE, 0, 0, NULL, other},
    {0},
};

static bool parse(struct run *run, const char *const *texts, struct err *e)
{
    struct str words[12];
    size_t count = 0;

    while (texts[count]) {
        words[count] = str_of(texts[count]);
        count++;
    }
    *run = (struct run){0};
    *e = (struct err){0};
    return command_parse(run, words, count, e);
}

#define WORDS(...) ((const char *const[]){__VA_ARGS__, NULL})

static void options_and_words_in_any_order(void **state)
{
    struct run run;
    struct err e;

    (void)state;
    assert_works(
        parse(&run, WORDS("import", "--name", "a=b", "f1", "--json", "--number=7", "-"), &e), e);
    assert_string_equal(run.command->name, "import");
    assert_str(run_value(&run, "--name"), STR("a=b"));
    assert_str(run_value(&run, "--number"), STR("7"));
    assert_true(run_flag(&run, "--json"));
    assert_false(run_flag(&run, "--data"));
    assert_null(run_value(&run, "--data").at);
    assert_str(run_value_or(&run, "--data", STR("here")), STR("here"));
    assert_int_equal(run.arg_count, 2);
    assert_str(run.args[0], STR("f1"));
    assert_str(run.args[1], STR("-"));

    assert_works(parse(&run, WORDS("import", "--name=", "--", "--json"), &e), e);
    assert_true(run_value(&run, "--name").at && run_value(&run, "--name").len == 0);
    assert_false(run_flag(&run, "--json"));
    assert_str(run.args[0], STR("--json"));

    assert_works(parse(&run, WORDS("import", "--help"), &e), e); /* no file needed for that */
    assert_true(run.wants_help);
    assert_works(parse(&run, WORDS("import", "-h"), &e), e);
    assert_true(run.wants_help);
}

static void the_longest_name_that_stands_first_wins(void **state)
{
    struct run run;
    struct err e;

    (void)state;
    assert_works(parse(&run, WORDS("key", "create"), &e), e);
    assert_string_equal(run.command->name, "key create");
    assert_works(parse(&run, WORDS("key", "other"), &e), e);
    assert_string_equal(run.command->name, "key");
    assert_str(run.args[0], STR("other"));
}

static void what_is_wrong_is_said(void **state)
{
    static const struct {
        const char *const words[6];
        const char *text, *hint;
    } c[] = {
        {{"imprt"}, "no command \"imprt\"", "did you mean import?"},
        {{"keys", "list"}, "no command \"keys\"", "did you mean key list?"},
        {{"hiden"}, "no command \"hiden\"", "`tenure help`"},
        {{"import", "--nam", "x", "f"}, "no option --nam", "did you mean --name?"},
        {{"import", "--nonsense", "f"}, "no option --nonsense", "`tenure import --help`"},
        {{"import", "f", "--name"}, "--name needs a value: --name NAME", ""},
        {{"import", "--json=yes", "f"}, "--json takes no value", ""},
        {{"import", "--json", "--json", "f"}, "--json is given twice", ""},
        {{"import"}, "import needs FILE…", "--help"},
        {{"query", "a", "b"}, "does not know what to do with \"b\"", "usage: tenure query JSON"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(c); i++) {
        struct run run;
        struct err e;
        assert_false(parse(&run, c[i].words, &e));
        assert_int_equal(e.kind, ERR_USAGE);
        if (!strstr(e.text, c[i].text) || !strstr(e.hint, c[i].hint))
            fail_msg("%s / %s", e.text, e.hint);
    }
}

static void paths_are_relative_to_where_they_were_typed(void **state)
{
    AUTO(arena) *arena = arena_create(0);
    struct run run = {.arena = arena, .cwd = STR("/home/ann")};

    (void)state;
    assert_str(run_path(&run, STR("a/b.csv")), STR("/home/ann/a/b.csv"));
    assert_str(run_path(&run, STR("/a/b.csv")), STR("/a/b.csv"));
    assert_str(run_path(&run, STR("-")), STR("-"));
}

static void exit_codes(void **state)
{
    static const struct {
        enum err_kind kind;
        const char *code;
        int of_query, of_others;
    } c[] = {
        {ERR_USAGE, "", 2, 2},        {ERR_INVALID, "", 2, 1},
        {ERR_UNKNOWN_NAME, "", 2, 1}, {ERR_TOO_LARGE, "", 2, 1},
        {ERR_NOT_FOUND, "", 1, 1},    {ERR_NOT_FOUND, "project.unknown", 2, 2},
        {ERR_IO, "", 1, 1},           {ERR_NO_SPACE, "", 1, 1},
        {ERR_BUSY, "", 1, 1},         {ERR_CORRUPT, "", 1, 1},
    };
    struct run query = {.command = &commands[1]}, import = {.command = &commands[0]}, none = {0};

    (void)state;
    for (size_t i = 0; i < COUNT(c); i++) {
        struct err e = {.kind = c[i].kind};
        err_code(&e, c[i].code);
        assert_int_equal(command_exit(&query, false, &e), c[i].of_query);
        assert_int_equal(command_exit(&import, false, &e), c[i].of_others);
        assert_int_equal(command_exit(&none, false, &e), c[i].of_others);
        assert_int_equal(command_exit(&query, true, &e), 0);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(options_and_words_in_any_order),
        cmocka_unit_test(the_longest_name_that_stands_first_wins),
        cmocka_unit_test(what_is_wrong_is_said),
        cmocka_unit_test(paths_are_relative_to_where_they_were_typed),
        cmocka_unit_test(exit_codes),
    };
    return cmocka_run_group_tests_name("app/command", tests, NULL, NULL);
}
