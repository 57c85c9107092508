/* collect/import_test: files in the simulated world, batches as text. */
#include <stdio.h>
#include <stdlib.h>

#include "base/limits.h"
#include "base/test.h"
#include "codec/unpack.h"
#include "collect/batch_text.h"
#include "os/os_sim.h"

#define NOW_MS INT64_C(1796083200000) /* 2026-12-01T00:00:00Z */

struct run {
    struct os *os;
    struct text_sink sink;
    struct import_options options;
    struct import_report report;
    struct err e;
    char *messages; /* what was said */
    size_t messages_len;
};

static int setup(void **state)
{
    struct run *r = mem_zero(sizeof *r);
    r->os = os_sim_create((struct os_sim_plan){.seed = 1});
    *state = r;
    return 0;
}

static int teardown(void **state)
{
    struct run *r = *state;
    free(r->messages);
    buf_free(&r->sink.text);
    os_destroy(r->os);
    mem_free(r);
    return 0;
}

static void put_file(struct run *r, const char *path, struct str bytes)
{
    struct err e = {0};
    assert_works(os_write_whole(r->os, str_of(path), bytes, &e), e);
}

static struct str get_file(struct run *r, const char *path, struct arena *arena)
{
    struct err e = {0};
    struct str bytes;
    assert_works(os_read_whole(r->os, str_of(path), arena, &bytes, &e), e);
    return bytes;
}

/* Imports one file with the options as they stand. */
static bool import(struct run *r, const char *path)
{
    struct str file = str_of(path);
    free(r->messages);
    r->messages = NULL;
    r->options.files = &file;
    r->options.file_count = 1;
    r->options.now_ms = NOW_MS;
    r->options.messages = open_memstream(&r->messages, &r->messages_len);
    r->e = (struct err){0};
    buf_clear(&r->sink.text);
    r->sink.events = r->sink.facts = r->sink.batches = r->sink.finishes = 0;
    bool is_good = collect_import(&r->options, text_sink(&r->sink), r->os, &r->report, &r->e);
    fclose(r->options.messages);
    r->options.messages = NULL;
    return is_good;
}

static void takes(struct run *r, const char *path, const char *expected)
{
    if (!import(r, path))
        fail_msg("%s: %s (%s) %s", path, r->e.text, err_code_of(&r->e), r->e.hint);
    assert_str(buf_str(&r->sink.text), str_of(expected));
    assert_int_equal(r->sink.finishes, 1);
}

/* Fails as a whole, and nothing was handed over. */
static void refuses(struct run *r, const char *path, enum err_kind kind, const char *part)
{
    if (import(r, path))
        fail_msg("%s was taken:\n%.*s", path, STR_ARG(buf_str(&r->sink.text)));
    if (r->e.kind != kind || !strstr(r->e.text, part))
        fail_msg("%s gave kind %d: %s (%s)", path, r->e.kind, r->e.text, r->e.hint);
    assert_int_equal(r->sink.batches, 0);
    assert_int_equal(r->sink.finishes, 0);
}

#define LINE_A "{\"event\":\"A\",\"person\":\"u\",\"time\":\"2026-01-01T00:00:00Z\"}"
#define TEXT_A "event \"A\" by u at 2026-01-01T00:00:00Z"

static void lines_and_documents(void **state)
{
    struct run *r = *state;
    static const char two[] = TEXT_A " {}\n" TEXT_A " copy 1 {}\n";
    put_file(r, "a.jsonl", STR(LINE_A "\n\r\n" LINE_A "\r\n"));
    takes(r, "a.jsonl", two);
    put_file(r, "a.jsonl",
             STR("\xEF\xBB\xBF" LINE_A "\n" LINE_A)); /* with a mark, without an end */
    takes(r, "a.jsonl", two);
    put_file(r, "a.json", STR("[" LINE_A ",\n" LINE_A "]\n"));
    takes(r, "a.json", two);
    put_file(r, "a.json", STR("{\n \"events\": [\n  " LINE_A ",\n  " LINE_A "\n ]\n}\n"));
    takes(r, "a.json", two);
    put_file(r, "a.jsonl", STR("{\"events\":[" LINE_A "]}\n{\"events\":[" LINE_A "]}\n"));
    takes(r, "a.jsonl", two);
    put_file(r, "a.json",
             STR("{\n\"event\":\"A\",\"person\":\"u\",\n\"time\":\"2026-01-01T00:00:00Z\"}"));
    takes(r, "a.json", TEXT_A " {}\n");
    put_file(r, "noname", STR(LINE_A "\n"));
    takes(r, "noname", TEXT_A " {}\n");
    put_file(r, "empty.jsonl", STR(""));
    takes(r, "empty.jsonl", "");
    assert_int_equal(r->report.records, 0);
    put_file(r, "facts.jsonl",
             STR("{\"person\":\"u\",\"traits\":{\"x\":1}}\n{\"person\":\"u\",\"merge\":[\"a\"]}"
                 "\n" LINE_A "\n"));
    takes(r, "facts.jsonl",
          TEXT_A " {}\nperson u {x:int=1}\nmerge u with a by import facts.jsonl {}\n");
    assert_int_equal(r->report.events, 1);
    assert_int_equal(r->report.records, 3);
    assert_int_equal(r->report.people, 1);
}

static void segment_files(void **state)
{
    struct run *r = *state;
    r->options.format = IMPORT_SEGMENT;
    put_file(r, "s.jsonl",
             STR("{\"type\":\"track\",\"event\":\"A\",\"userId\":\"u\",\"messageId\":\"1\","
                 "\"timestamp\":"
                 "\"2026-01-01T00:00:00Z\",\"sentAt\":\"2026-01-01T05:00:00Z\"}\n"
                 "{\"batch\":[{\"type\":\"identify\",\"userId\":\"u\",\"traits\":{\"x\":1}},{"
                 "\"type\":\"x\"}]}\n"));
    takes(r, "s.jsonl", TEXT_A " id 1 {}\nperson u {x:int=1}\n");
    assert_int_equal(r->report.rejected, 1);
    assert_non_null(strstr(r->messages, "s.jsonl, line 2: the type \"x\" is not known"));
}

static void bad_lines_are_told_and_kept_apart(void **state)
{
    struct run *r = *state;
    AUTO(arena) *arena = arena_create(0);
    r->options.rejects = STR("rejects.jsonl");
    put_file(r, "a.jsonl",
             STR(LINE_A "\n{\"event\":\"B\"}\nnot json\n\xFF\n" LINE_A "\n{\"event\":\"\x1b[2J\n"));
    takes(r, "a.jsonl", TEXT_A " {}\n" TEXT_A " copy 1 {}\n");
    assert_int_equal(r->report.rejected, 4);
    assert_int_equal(r->report.events, 2);
    assert_non_null(strstr(r->messages, "a.jsonl, line 2: an event needs person (at /person)"));
    assert_non_null(strstr(r->messages, "a.jsonl, line 3: "));
    assert_null(strchr(r->messages, 0x1b)); /* nothing drives the terminal */
    struct str rejects = get_file(r, "rejects.jsonl", arena);
    assert_true(str_starts(
        rejects,
        STR("{\"file\":\"a.jsonl\",\"line\":2,\"code\":\"schema.required\",\"reason\":\"an event "
            "needs person\",\"at\":\"/person\",\"text\":\"{\\\"event\\\":\\\"B\\\"}\"}\n")));
    assert_non_null(strstr(rejects.at, "\"base64\":\"/w==\""));

    BUF_AUTO many = {0};
    for (int i = 0; i < 30; i++)
        buf_add(&many, STR("{}\n"));
    put_file(r, "many.jsonl", buf_str(&many));
    takes(r, "many.jsonl", "");
    assert_int_equal(r->report.rejected, 30);
    int shown = 0;
    for (const char *at = r->messages; (at = strstr(at, ", line ")); at++)
        shown++;
    assert_int_equal(shown, IMPORT_SHOWN_REJECTS);
    assert_non_null(strstr(r->messages, "only counted"));
}

/* Many lines over several pieces, one of them longer than a piece: none lost, none cut. */
static void pieces_do_not_show(void **state)
{
    struct run *r = *state;
    enum { LINES = 40000 };
    BUF_AUTO file = {0};
    for (int i = 0; i < LINES; i++) {
        buf_printf(&file,
                   "{\"event\":\"E\",\"person\":\"u%d\",\"time\":%lld,\"properties\":{\"n\":%d}}\n",
                   i % 1000, 1763719200000LL + i, i);
        if (i == LINES / 2) { /* a batch on a line of 1.5 MiB */
            buf_add(&file, STR("{\"events\":[" LINE_A));
            for (int k = 1; k < 25000; k++)
                buf_add(&file, STR("," LINE_A));
            buf_add(&file, STR("]}\n"));
        }
    }
    r->sink.is_quiet = true;
    put_file(r, "big.jsonl", buf_str(&file));
    takes(r, "big.jsonl", "");
    assert_int_equal(r->report.events, LINES + 25000);
    assert_int_equal(r->sink.events, LINES + 25000);
    assert_int_equal(r->report.people, 1001);
    assert_int_equal(r->report.rejected, 0);
    assert_int_equal(r->report.bytes, file.len);
}

static void packed_files_are_known_by_content(void **state)
{
    struct run *r = *state;
    BUF_AUTO packed = {0};
    zstd_pack(STR(LINE_A "\n" LINE_A "\n"), 3, &packed);
    put_file(r, "a.jsonl", buf_str(&packed));
    takes(r, "a.jsonl", TEXT_A " {}\n" TEXT_A " copy 1 {}\n");
    put_file(r, "cut.jsonl", str_sub(buf_str(&packed), 0, packed.len - 3));
    assert_false(import(r, "cut.jsonl"));
    assert_int_equal(r->sink.batches, 0);
    assert_non_null(strstr(r->e.text, "cut.jsonl"));
}

static void times_and_ids_that_are_missing(void **state)
{
    struct run *r = *state;
    BUF_AUTO first = {0};
    put_file(r, "a.jsonl",
             STR("{\"event\":\"A\",\"person\":\"u\"}\n{\"event\":\"A\",\"person\":\"u\"}\n"
                 "{\"event\":\"B\",\"person\":\"u\",\"id\":\"1\"}\n"));
    assert_true(import(r, "a.jsonl"));
    buf_add(&first, buf_str(&r->sink.text));
    assert_non_null(strstr(first.at, "event \"A\" by u at 2026-12-01T00:00:00Z id file-"));
    assert_non_null(strstr(first.at, "-1 {}\n"));
    assert_non_null(strstr(first.at, "event \"B\" by u at 2026-12-01T00:00:00Z id 1 {}"));
    assert_true(import(r, "a.jsonl")); /* the same ids again */
    assert_str(buf_str(&r->sink.text), buf_str(&first));
}

static void usage_is_told_before_anything_is_stored(void **state)
{
    struct run *r = *state;
    refuses(r, "missing.jsonl", ERR_NOT_FOUND, "missing.jsonl");
    put_file(r, "x.bin", STR("hello"));
    refuses(r, "x.bin", ERR_USAGE, "format");
    put_file(r, "a.csv", STR("user_id,action,ts\nu,A,2026-01-01T00:00:00Z\n"));
    refuses(r, "a.csv", ERR_USAGE, "map");
    static const struct {
        const char *map, *part;
    } maps[] = {
        {"person=user_id,event=action", "which column is time"},
        {"event=action,time=ts", "which column is person"},
        {"person=user_id,time=ts", "which column is event"},
        {"person=user_id,event=action,time=ts,colour=x", "colour"},
        {"person=user_id,event=action,time=ts,person=ts", "person twice"},
        {"person=user_id,event=action,time=user_id", "user_id twice"},
        {"person", "not of the form"},
        {"person=,event=action,time=ts", "no column for person"},
        {"person==u,event=action,time=ts", "fixed text"},
        {"person=user,event=action,time=ts", "no column user; the header has: user_id, action, ts"},
    };
    for (size_t i = 0; i < COUNT(maps); i++) {
        r->options.map = str_of(maps[i].map);
        refuses(r, "a.csv", ERR_USAGE, maps[i].part);
    }
    assert_non_null(strstr(r->e.hint, "user_id"));
    r->options.map = STR("person=user_id,event=action,time=ts");
    r->options.types = STR("mrr=number");
    refuses(r, "a.csv", ERR_USAGE, "no column mrr");
    r->options.types = STR("ts=date");
    refuses(r, "a.csv", ERR_USAGE, "no type");
    r->options.types = STR_NONE;
    put_file(r, "n.csv", STR("user_id,action,ts\nu,A,1763719200\n"));
    refuses(r, "n.csv", ERR_USAGE, "whose unit is not known");
    put_file(r, "d.csv", STR("user_id,plan,plan\nu,a,b\n"));
    refuses(r, "d.csv", ERR_USAGE, "two columns are named plan");
    put_file(r, "e.csv", STR(""));
    refuses(r, "e.csv", ERR_USAGE, "empty");
    put_file(r, "f.csv", STR("user_id,,ts\n"));
    refuses(r, "f.csv", ERR_USAGE, "column 2 has no name");
    put_file(r, "s.csv", STR("sep=;\r\nuser_id;action;ts\r\nu;A;2026-01-01T00:00:00Z\r\n"));
    refuses(r, "s.csv", ERR_USAGE, "no column user_id");
    r->options.rejects = STR("no/such/dir/rejects");
    refuses(r, "a.csv", ERR_NOT_FOUND, "rejected lines");
}

static void rows_become_events(void **state)
{
    struct run *r = *state;
    r->options.map = STR("person=user_id,event=action,time=ts,account=org,id=key,session=sid");
    put_file(
        r, "a.csv",
        STR("\xEF\xBB\xBFkey,user_id,action,ts,org,sid,plan,seats,share,beta,code,note\r\n"
            "k1,u1,Bought,2026-01-01T07:00:00+07:00,acme,s1,pro,4,0.5,true,007,\"a, \"\"b\"\"\"\r\n"
            ",u2,สมัคร,2026-01-01T00:00:00Z,,,,-1,1e5,False,+66,\r\n"));
    takes(r, "a.csv",
          "event \"Bought\" by u1 at 2026-01-01T00:00:00Z+420 account acme session s1 id k1 "
          "{plan:text=pro, seats:int=4, share:double=0.5, beta:bool=true, code:text=007, "
          "note:text=a, \"b\"}\n"
          "event \"สมัคร\" by u2 at 2026-01-01T00:00:00Z {seats:int=-1, share:text=1e5, "
          "beta:bool=false, code:text=+66}\n");
    assert_int_equal(r->report.people, 2);

    r->options.map = STR("person=who,event==Bought,account==shop,time=ts");
    r->options.types = STR("code=text,price=number,flag=bool");
    put_file(r, "b.csv", STR("who,ts,code,price,flag\nu,2026-01-01T00:00:00Z,12,1e2,1\n"));
    takes(r, "b.csv",
          "event \"Bought\" by u at 2026-01-01T00:00:00Z account shop "
          "{code:text=12, price:double=100, flag:bool=true}\n");
    r->options.types = STR_NONE;
    r->options.delimiter = ';';
    put_file(r, "c.csv", STR("who;ts\nu;2026-01-01T00:00:00Z\n"));
    takes(r, "c.csv", "event \"Bought\" by u at 2026-01-01T00:00:00Z account shop {}\n");
}

static void times_of_csv_have_units(void **state)
{
    struct run *r = *state;
    static const struct {
        enum import_time time;
        const char *text, *expected; /* NULL: rejected */
    } cases[] = {
        {IMPORT_TIME_S, "1112911993", "2005-04-07T22:13:13Z"},
        {IMPORT_TIME_S, "1112911993.25", "2005-04-07T22:13:13.250Z"},
        {IMPORT_TIME_S, "0", "1970-01-01T00:00:00Z"},
        {IMPORT_TIME_S, "-1", "1969-12-31T23:59:59Z"},
        {IMPORT_TIME_S, "1112911993000", NULL},
        {IMPORT_TIME_S, "9223372036854775807", NULL},
        {IMPORT_TIME_S, "12.", NULL},
        {IMPORT_TIME_S, "x", NULL},
        {IMPORT_TIME_S, "", NULL},
        {IMPORT_TIME_MS, "1112911993250", "2005-04-07T22:13:13.250Z"},
        {IMPORT_TIME_MS, "1112911993250.9", "2005-04-07T22:13:13.250Z"},
        {IMPORT_TIME_MS, "1112911993", NULL},
        {IMPORT_TIME_US, "1112911993250999", "2005-04-07T22:13:13.250Z"},
        {IMPORT_TIME_US, "-1", "1969-12-31T23:59:59.999Z"},
        {IMPORT_TIME_ISO, "2005-04-07T22:13:13Z", "2005-04-07T22:13:13Z"},
        {IMPORT_TIME_ISO, "2005-04-07T22:13:13", NULL},
        {IMPORT_TIME_ISO, "2566-01-31T00:00:00Z", NULL},
        {IMPORT_TIME_ISO, "1112911993", NULL},
    };
    r->options.map = STR("person=who,event==E,time=ts");
    r->options.time_is_given = true;
    for (size_t i = 0; i < COUNT(cases); i++) {
        BUF_AUTO file = {0}, expected = {0};
        buf_printf(&file, "who,ts\nu,%s\n", cases[i].text);
        put_file(r, "a.csv", buf_str(&file));
        r->options.time = cases[i].time;
        if (cases[i].expected)
            buf_printf(&expected, "event \"E\" by u at %s {}\n", cases[i].expected);
        buf_add_char(&expected, 0);
        takes(r, "a.csv", expected.at);
        assert_int_equal(r->report.rejected, cases[i].expected ? 0 : 1);
    }
}

static void malformed_csv(void **state)
{
    struct run *r = *state;
    static const struct {
        const char *file, *code;
    } rows[] = {
        {"user_id,plan,mrr\r\nu1,gold\r\n", "csv.columns"},
        {"user_id,plan\r\nu1,gold,9\r\n", "csv.columns"},
        {"user_id,name\r\nu1,\xCA\xC1\xAA\xD2\r\n", "csv.bad_utf8"},
        {"user_id,signed_up\r\nu1,2566-01-31\r\n", "time.buddhist_era"},
        {"user_id,mrr\r\nu1,๑๒๓\r\n", "csv.number"},
        {"user_id,mrr\r\nu1,\"1.234,56\"\r\n", "csv.number"},
        {"user_id,mrr\r\n,5\r\n", "schema.person"},
    };
    AUTO(arena) *arena = arena_create(0);
    r->options.rejects = STR("rejects.jsonl");
    for (size_t i = 0; i < COUNT(rows); i++) {
        BUF_AUTO file = {0}, code = {0};
        struct str text = str_of(rows[i].file), head;
        bool is_number = strstr(rows[i].file, "mrr") && i > 1;
        str_cut(&text, '\n', &head);
        buf_printf(&file, "ts,%.*s\n1763719200,%.*s", STR_ARG(head), STR_ARG(text));
        put_file(r, "a.csv", buf_str(&file));
        r->options.map = STR("person=user_id,event==E,time=ts");
        r->options.types = is_number ? STR("mrr=number") : STR_NONE;
        r->options.time = IMPORT_TIME_S;
        r->options.time_is_given = true;
        takes(r, "a.csv", "");
        assert_int_equal(r->report.rejected, 1);
        buf_printf(&code, "\"line\":2,\"code\":\"%s\"", rows[i].code);
        buf_add_char(&code, 0);
        struct str rejects = get_file(r, "rejects.jsonl", arena);
        if (!memmem(rejects.at, rejects.len, code.at, code.len - 1))
            fail_msg("%s\n is not in %.*s", code.at, STR_ARG(rejects));
    }
    r->options.types = STR_NONE;
    put_file(r, "n.csv", STR("ts,user_id,plan\r\n1763719200,u1,go\0ld\r\n"));
    takes(r, "n.csv", "");
    assert_int_equal(r->report.rejected, 1);
    /* what makes further reading meaningless ends it, and a small file leaves nothing behind */
    static const struct {
        const char *file, *part, *code;
    } files[] = {
        {"ts,user_id,plan\r\n1763719200,u1,\"gold\r\n1763719200,u2,free\r\n", "line 2",
         "csv.unclosed"},
        {"ts,user_id,plan\r\n1763719200,u0,x\r\n1763719200,u1,go\"ld\r\n", "line 3", "csv.quote"},
    };
    for (size_t i = 0; i < COUNT(files); i++) {
        put_file(r, "q.csv", str_of(files[i].file));
        assert_false(import(r, "q.csv"));
        assert_int_equal(r->sink.batches, 0);
        bool is_named = strstr(r->e.text, files[i].part) || strstr(r->e.at, files[i].part);
        if (!is_named)
            fail_msg("%s at %s", r->e.text, r->e.at);
        assert_string_equal(err_code_of(&r->e), files[i].code);
    }
}

static void strict_and_dry_runs(void **state)
{
    struct run *r = *state;
    put_file(r, "bad.jsonl", STR(LINE_A "\n{}\n"));
    put_file(r, "good.jsonl", STR(LINE_A "\n"));
    r->options.strict = true;
    refuses(r, "bad.jsonl", ERR_INVALID, "1 bad line");
    assert_non_null(strstr(r->messages, "line 2"));
    takes(r, "good.jsonl", TEXT_A " {}\n");
    assert_int_equal(r->report.events, 1);
    refuses(r, "-", ERR_USAGE, "read twice");
    r->options.strict = false;
    r->options.dry_run = true;
    assert_true(import(r, "bad.jsonl"));
    assert_int_equal(r->sink.batches + r->sink.finishes, 0);
    assert_int_equal(r->report.events, 1);
    assert_int_equal(r->report.rejected, 1);
    assert_true(r->report.is_dry_run);
}

static void a_failing_store_is_told(void **state)
{
    struct run *r = *state;
    put_file(r, "good.jsonl", STR(LINE_A "\n"));
    r->sink.fail_at = 1;
    assert_false(import(r, "good.jsonl"));
    assert_int_equal(r->e.kind, ERR_NO_SPACE);
    assert_int_equal(r->sink.finishes, 0);
}

static void cancelling_keeps_what_was_read(void **state)
{
    struct run *r = *state;
    volatile sig_atomic_t cancel = 1;
    put_file(r, "good.jsonl", STR(LINE_A "\n"));
    r->options.cancel = &cancel;
    assert_true(import(r, "good.jsonl"));
    assert_true(r->report.is_cancelled);
    assert_int_equal(r->report.events, 0);
    cancel = 0;
    takes(r, "good.jsonl", TEXT_A " {}\n");
    assert_false(r->report.is_cancelled);
}

static void standard_input_is_a_file_too(void **state)
{
    struct run *r = *state;
    char text[] = LINE_A "\n";
    r->options.standard_input = fmemopen(text, sizeof text - 1, "r");
    takes(r, "-", TEXT_A " {}\n");
    fclose(r->options.standard_input);
    r->options.standard_input = NULL;
    refuses(r, "-", ERR_USAGE, "no standard input");
}

static void the_summary_reads_well(void **state)
{
    (void)state;
    struct import_report report = {
        .records = 157655,
        .events = 157653,
        .people = 3048,
        .rejected = 2,
        .bytes = 632698,
        .seconds = 0.5,
        .receipt = {.accepted = 157653, .duplicates = 1200, .conflicts = 1},
    };
    BUF_AUTO out = {0};
    import_report_print(&report, false, &out);
    assert_str(buf_str(&out),
               STR("events read           157,653\n"
                   "facts read                  2  traits and merges\n"
                   "people                  3,048\n"
                   "new                   157,653\n"
                   "already there           1,200\n"
                   "conflicts                   1  same id, other content: the first "
                   "is kept\n"
                   "rejected                    2\n"
                   "seconds                  0.50  315,306 events a second\n"));
    buf_clear(&out);
    import_report_print(&report, true, &out);
    assert_str(
        buf_str(&out),
        STR("{\"events\":157653,\"facts\":2,\"people\":3048,\"new\":157653,\"already_there\":1200,"
            "\"conflicts\":1,\"rejected\":2,\"bytes\":632698,\"seconds\":0.5,"
            "\"events_per_second\":315306,\"dry_run\":false,\"cancelled\":false}\n"));
}

static void words_of_the_command_line(void **state)
{
    (void)state;
    struct err e = {0};
    enum import_format format;
    enum import_time time;
    assert_true(import_format_from(STR("segment"), &format, &e));
    assert_int_equal(format, IMPORT_SEGMENT);
    assert_true(import_time_from(STR("us"), &time, &e));
    assert_int_equal(time, IMPORT_TIME_US);
    assert_false(import_format_from(STR("xls"), &format, &e));
    assert_int_equal(e.kind, ERR_USAGE);
    assert_non_null(strstr(e.hint, "csv"));
    assert_false(import_time_from(STR("ns"), &time, &e));
}

int main(void)
{
#define EACH(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    static const struct CMUnitTest tests[] = {
        EACH(lines_and_documents),
        EACH(segment_files),
        EACH(bad_lines_are_told_and_kept_apart),
        EACH(pieces_do_not_show),
        EACH(packed_files_are_known_by_content),
        EACH(times_and_ids_that_are_missing),
        EACH(usage_is_told_before_anything_is_stored),
        EACH(rows_become_events),
        EACH(times_of_csv_have_units),
        EACH(malformed_csv),
        EACH(strict_and_dry_runs),
        EACH(a_failing_store_is_told),
        EACH(cancelling_keeps_what_was_read),
        EACH(standard_input_is_a_file_too),
        EACH(the_summary_reads_well),
        EACH(words_of_the_command_line),
    };
    return cmocka_run_group_tests_name("collect/import", tests, NULL, NULL);
}
