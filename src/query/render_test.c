/* Answers as text and as CSV: whole pictures, and what must not happen to a terminal or a sheet. */
#include <stdio.h>

#include "base/test.h"
#include "query/paint.h"

#define ECHO                                                                                       \
    "\"from\":\"2026-03-01T00:00:00+00:00\",\"to\":\"2026-03-03T00:00:00+00:00\","                 \
    "\"as_of\":\"2026-03-02T12:00:00+00:00\",\"timezone\":\"UTC\",\"week_start\":\"monday\","      \
    "\"interval\":\"day\",\"tz_version\":\"2025b\",\"rules\":{\"semantics\":\"tenure\"}"

#define ECHO_LINE                                                                                  \
    "2026-03-01 to 2026-03-03 | as of 2026-03-02T12:00:00+00:00 | UTC | tz 2025b\n"                \
    "semantics tenure\n"

static const char trend[] =
    "{\"insight\":\"trends\"," ECHO ",\"intervals\":[\"2026-03-01\",\"2026-03-02\"],"
    "\"series\":[{\"name\":\"A\",\"math\":\"people\",\"values\":[1234,617.5],\"total\":1500,"
    "\"final\":[true,false]}]}";
static const char lines[] =
    "{\"insight\":\"trends\"," ECHO ",\"intervals\":[\"2026-03-01\",\"2026-03-02\"],"
    "\"series\":[{\"name\":\"A\",\"breakdown\":[\"pro\"],\"values\":[1,4],\"total\":5,"
    "\"final\":[true,true]},{\"name\":\"A\",\"breakdown\":[null],\"values\":[null,2],\"total\":2,"
    "\"final\":[true,true]}]}";
static const char empty[] =
    "{\"insight\":\"trends\"," ECHO ",\"intervals\":[\"2026-03-01\"],\"series\":[]}";
static const char funnel[] =
    "{\"insight\":\"funnel\"," ECHO ",\"steps\":[{\"name\":\"=A\",\"count\":200,\"conversion\":1,"
    "\"from_previous\":1,\"average_seconds\":null,\"median_seconds\":null,\"p90_seconds\":null,"
    "\"stopped\":0},{\"name\":\"B\",\"count\":50,\"conversion\":0.25,\"from_previous\":0.25,"
    "\"average_seconds\":90,\"median_seconds\":3725,\"p90_seconds\":90,\"stopped\":3}]}";
static const char retention[] =
    "{\"insight\":\"retention\"," ECHO ",\"columns\":[\"0\",\"1\"],\"cohorts\":["
    "{\"start\":\"2026-03-01\",\"size\":8,\"counts\":[8,3],\"final\":1},"
    "{\"start\":\"2026-03-02\",\"size\":0,\"counts\":[0,null],\"final\":0}],"
    "\"average\":{\"pooled\":[1,null],\"weighted\":[1,null],\"cohorts\":[1,0]}}";
static const char lifecycle[] =
    "{\"insight\":\"lifecycle\"," ECHO ",\"intervals\":[\"2026-03-01\",\"2026-03-02\"],"
    "\"new\":[10,2],\"returning\":[0,6],\"resurrecting\":[0,1],\"dormant\":[0,-4],"
    "\"active\":[10,9],\"final\":[true,false],\"groups\":[{\"value\":[\"pro\"],\"new\":[1,0],"
    "\"returning\":[0,1],\"resurrecting\":[0,0],\"dormant\":[0,0],\"active\":[1,1],"
    "\"final\":[true,false]}]}";
static const char stickiness[] =
    "{\"insight\":\"stickiness\"," ECHO ",\"intervals\":[\"2026-03-01\",\"2026-03-02\"],"
    "\"active\":8,\"counts\":[6,2],\"cumulative\":[8,2],\"final\":false,\"ratio\":{\"name\":"
    "\"dau/mau\",\"intervals\":[\"2026-03-01\",\"2026-03-02\"],\"active\":[2,null],"
    "\"of\":[4,null],\"values\":[0.5,null],\"average\":0.5,\"final\":[true,false]}}";
static const char paths[] =
    "{\"insight\":\"paths\"," ECHO ",\"total\":10,\"edges\":["
    "{\"from\":\"1:/\",\"to\":\"2:/a\",\"count\":6,\"average_seconds\":75},"
    "{\"from\":\"2:/a\",\"to\":\"3:/b:c\",\"count\":5,\"average_seconds\":5},"
    "{\"from\":\"1:/\",\"to\":\"2:/b\",\"count\":1,\"average_seconds\":1}],\"more\":2,"
    "\"nodes\":[{\"node\":\"1:/\",\"count\":10},{\"node\":\"2:/a\",\"count\":6}],"
    "\"drop_off\":[{\"node\":\"1:/\",\"count\":3}],\"final\":true}";
static const char impact[] =
    "{\"insight\":\"impact\"," ECHO ",\"goal\":\"R in day 2 after S\",\"says\":\"x\",\"units\":{"
    "\"counted\":1300,\"reached\":650,\"rate\":0.5,\"open\":12,\"cut\":0},\"tests\":2,\"rows\":["
    "{\"event\":\"Invite\",\"count\":3,\"did\":{\"units\":300,\"reached\":240,\"rate\":0.8},"
    "\"did_not\":{\"units\":1000,\"reached\":400,\"rate\":0.4},\"lift\":2,\"lift_interval\":[1.8,2."
    "2],"
    "\"odds_ratio\":5.9,\"odds_ratio_interval\":[4.3,8.1],\"phi\":0.34,\"phi_interval\":[0.29,0.39]"
    ","
    "\"p\":1e-20,\"test\":\"chi_square\",\"q\":2e-20,\"best\":true,\"warnings\":[\"began_late\"]},"
    "{\"event\":\"Invite\",\"count\":5,\"did\":{\"units\":2,\"reached\":1,\"rate\":0.5},"
    "\"did_not\":{\"units\":1298,\"reached\":649,\"rate\":0.5},\"lift\":1,\"lift_interval\":null,"
    "\"odds_ratio\":1,\"odds_ratio_interval\":[0.1,10],\"phi\":0,\"phi_interval\":[-0.05,0.05],"
    "\"p\":1,\"test\":\"fisher\",\"q\":1,\"best\":false,\"warnings\":[\"few\",\"nearly_none\"]}],"
    "\"more\":0}";
static const char why[] = "{\"insight\":\"funnel\"," ECHO
                          ",\"why\":{\"person\":\"anon_7\",\"id\":\"u_1\",\"is_in\":false,"
                          "\"step\":2,\"reached\":1,\"steps\":[{\"step\":1,\"name\":\"A\",\"at\":"
                          "\"2026-03-01T10:00:00+00:00\"}"
                          ",{\"step\":2,\"name\":\"Bee\",\"at\":null}],\"reasons\":[{\"rule\":"
                          "\"window\",\"name\":\"Bee\","
                          "\"event\":\"Bee\",\"at\":\"2026-03-02T12:10:00+00:00\",\"other_at\":"
                          "\"2026-03-01T10:00:00+00:00\","
                          "\"by_seconds\":7800,\"message\":\"did Bee "
                          "late\"},{\"rule\":\"filter\",\"name\":\"Bee\",\"event\":"
                          "\"Bee\",\"at\":\"2026-03-01T11:00:00+00:00\",\"conditions\":[{\"at\":\"/"
                          "filter/0\",\"condition\":"
                          "{\"property\":\"plan\",\"is\":\"pro\"},\"must_hold\":true,\"was\":"
                          "\"free\"}],\"message\":\"not "
                          "pro\"}]}}";
static const char people[] =
    "{\"insight\":\"funnel\"," ECHO ",\"people\":[{\"id\":\"u\\u001b[31m1\"},{\"id\":\"@u2\"}],"
    "\"total\":3,\"cursor\":\"1\"}";

static const char sessions[] =
    "{\"insight\":\"trends\"," ECHO ",\"people\":[{\"id\":\"u1\",\"session\":null,\"start\":"
    "\"2026-03-01T10:00:00+00:00\",\"end\":\"2026-03-01T10:05:00+00:00\",\"events\":12},"
    "{\"id\":\"u10\",\"session\":\"=s\",\"start\":\"2026-03-01T11:00:00+00:00\",\"end\":"
    "\"2026-03-01T11:00:00+00:00\",\"events\":1}],\"total\":2,\"cursor\":null}";

static void text_is(const char *answer, unsigned width, const char *wanted)
{
    struct query_text_options options = {.width = width};
    BUF_AUTO out = {0};
    struct err e = {0};

    assert_works(query_render_text(str_of(answer), &options, &out, &e), e);
    assert_str(buf_str(&out), str_of(wanted));
}

static void csv_is(const char *answer, const char *wanted)
{
    BUF_AUTO out = {0};
    struct err e = {0};

    assert_works(query_render_csv(str_of(answer), &out, &e), e);
    assert_str(buf_str(&out), str_of(wanted));
}

static void pictures_are_plain_ascii(void **state)
{
    (void)state;
    text_is(trend, 80,
            "A\n"
            "2026-03-01  1,234  ############################################################\n"
            "2026-03-02  617.5* ------------------------------\n"
            "total       1,500\n"
            "* not over yet\n" ECHO_LINE);
    text_is(sessions, 80,
            "u1   2026-03-01T10:00:00+00:00  2026-03-01T10:05:00+00:00      12\n"
            "u10  2026-03-01T11:00:00+00:00  2026-03-01T11:00:00+00:00       1  =s\n"
            "total 2\n" ECHO_LINE);
    csv_is(sessions, "id,session,start,end,events\r\n"
                     "u1,,2026-03-01T10:00:00+00:00,2026-03-01T10:05:00+00:00,12\r\n"
                     "u10,'=s,2026-03-01T11:00:00+00:00,2026-03-01T11:00:00+00:00,1\r\n");
    text_is(lines, 80,
            "A\n"
            "pro     :@      5\n"
            "(none)  _@      2\n" ECHO_LINE);
    text_is(empty, 80,
            "no such event in this range; ask for an earlier one with from and to, or "
            "last\n" ECHO_LINE);
    text_is(funnel, 80,
            " 1 =A     #########################          200    100%\n"
            "          v 150 dropped (75.0%)\n"
            " 2 B      ######                              50   25.0%   median time 1h 02m   3 "
            "stopped by exclusion\n" ECHO_LINE);
    text_is(retention, 80,
            "cohort         size      0      1\n"
            "2026-03-01        8   100%  37.5%*\n"
            "2026-03-02        0      .\n"
            "average               100%\n"
            "* not over yet\n" ECHO_LINE);
}

static void activity_is_tables(void **state)
{
    (void)state;
    text_is(lifecycle, 80,
            "            active  new  returning  resurrecting  dormant\n"
            "2026-03-01      10   10          0             0        0  ####################\n"
            "2026-03-02       9    2          6             1       -4* ------------------\n"
            "\n"
            "pro\n"
            "            active  new  returning  resurrecting  dormant\n"
            "2026-03-01       1    1          0             0        0  ####################\n"
            "2026-03-02       1    0          1             0        0* --------------------\n"
            "* not over yet\n" ECHO_LINE);
    text_is(stickiness, 60,
            "intervals  exactly  at least\n"
            "        1        6         8    75.0%  ####################\n"
            "        2        2         2    25.0%  #######\n"
            "\n"
            "dau/mau\n"
            "            rate  active  of\n"
            "2026-03-01   0.5       2   4  #############################\n"
            "2026-03-02     -       -   -*\n"
            "average 50.0%\n"
            "* not over yet\n"
            "2026-03-01 to 2026-03-03\n"
            "as of 2026-03-02T12:00:00+00:00 | UTC | tz 2025b\n"
            "semantics tenure\n");
}

static void paths_are_a_flow(void **state)
{
    (void)state;
    text_is(paths, 80,
            " 1 /                    10\n"
            "  -> /a                  6   60.0%  ############          1m 15s\n"
            "  -> /b                  1   10.0%  ##                    1s\n"
            "   x left here           3   30.0%  ------\n"
            " 2 /a                    6\n"
            "  -> /b:c                5   83.3%  #################     5s\n"
            "total 10\n"
            "+ 2 more steps; ask with a higher limit\n" ECHO_LINE);
}

static void impact_is_a_forest(void **state)
{
    (void)state;
    text_is(
        impact, 90,
        "R in day 2 after S\n"
        "1,300 people, 50.0% reached it; 12 too new to say\n"
        "                 did it  of them  of others                                lift        q\n"
        "Invite 3+           300    80.0%      40.0%              |        --o-    2.00x   <0.001  "
        "began only lately\n"
        "+ 1 more rows in --json and --csv\n"
        "What goes with the goal, not what causes it.\n" ECHO_LINE);
    csv_is(
        impact,
        "breakdown,event,count,did,did_reached,did_rate,did_not,did_not_reached,did_not_rate,lift,"
        "lift_low,lift_high,odds_ratio,odds_ratio_low,odds_ratio_high,phi,phi_low,phi_high,p,test,"
        "q,warnings\r\n"
        ",Invite,3,300,240,0.8,1000,400,0.4,2,1.8,2.2,5.9,4.3,8.1,0.34,0.29,0.39,1e-20,chi_square,"
        "2e-20,began_late\r\n"
        ",Invite,5,2,1,0.5,1298,649,0.5,1,,,1,0.1,10,0,-0.05,0.05,1,fisher,1,few nearly_none\r\n");
}

static void why_not_is_a_way_and_its_end(void **state)
{
    struct query_text_options options = {.width = 200, .language = QUERY_THAI};
    BUF_AUTO out = {0};
    struct err e = {0};

    (void)state;
    text_is(why, 80,
            "anon_7 (u_1) is not in step 2\n"
            " 1 + A     2026-03-01T10:00:00+00:00\n"
            " 2 - Bee\n"
            "-> did Bee late\n"
            "-> not pro\n" ECHO_LINE);
    csv_is(why, "person,rule,name,event,at,message\r\n"
                "anon_7,window,Bee,Bee,2026-03-02T12:10:00+00:00,did Bee late\r\n"
                "anon_7,filter,Bee,Bee,2026-03-01T11:00:00+00:00,not pro\r\n");
    assert_works(query_render_text(str_of(why), &options, &out, &e), e);
    buf_add_char(&out, 0);
    assert_non_null(strstr(out.at, "ทำ Bee เมื่อ 2026-03-02T12:10:00+00:00 ช้าไป 2h 10m "
                                   "จากกรอบเวลาที่เริ่ม "
                                   "2026-03-01T10:00:00+00:00\n"));
    assert_non_null(
        strstr(out.at, "ไม่ผ่านตัวกรองของคำถาม: {\"property\":\"plan\",\"is\":\"pro\"} (free)\n"));
}

static void narrow_grids_say_what_is_left(void **state)
{
    (void)state;
    text_is(retention, 30,
            "cohort         size      0\n"
            "2026-03-01        8   100%\n"
            "2026-03-02        0      .\n"
            "average               100%\n"
            "* not over yet\n"
            "+ 1 more columns in --json and --csv\n"
            "2026-03-01 to 2026-03-03\n"
            "as of 2026-03-02T12:00:00+00:00\n"
            "UTC | tz 2025b\n"
            "semantics tenure\n");
}

static void names_cannot_steer_the_terminal(void **state)
{
    (void)state;
    text_is(people, 80, "u?[31m1\n@u2\ntotal 3\nmore; next cursor \"1\"\n" ECHO_LINE);
}

static void colour_closes_what_it_opens(void **state)
{
    static const char *const answers[] = {trend,      lines, funnel, retention, lifecycle,
                                          stickiness, paths, impact, why,       people};
    struct query_text_options options = {.width = 90, .colour = true, .language = QUERY_THAI};

    (void)state;
    for (size_t i = 0; i < COUNT(answers); i++) {
        BUF_AUTO out = {0};
        struct err e = {0};
        size_t opened = 0;
        assert_works(query_render_text(str_of(answers[i]), &options, &out, &e), e);
        for (size_t k = 0; k + 3 < out.len; k++) {
            if (out.at[k] != '\033')
                continue;
            bool closes = str_starts(str_sub(buf_str(&out), k, 4), STR("\033[0m"));
            assert_true(closes || opened < 3); /* ground, ink, slant */
            opened = closes ? 0 : opened + 1;
        }
        assert_int_equal(opened, 0);
        assert_true(str_is_utf8(buf_str(&out)));
    }
}

static void columns_are_those_of_the_terminal(void **state)
{
    (void)state;
    assert_int_equal(text_columns(STR("abc")), 3);
    assert_int_equal(text_columns(STR("ที่นี่")), 2); /* vowels and tones stand above */
    assert_int_equal(text_columns(STR("日本")), 4);
}

static void numbers_read_well(void **state)
{
    static const struct {
        double value;
        const char *text;
    } numbers[] = {{0, "0"},
                   {7, "7"},
                   {1234567, "1,234,567"},
                   {-1234.5, "-1,234.5"},
                   {0.04213, "0.0421"},
                   {99.999, "100"}};
    static const struct {
        double seconds;
        const char *text;
    } times[] = {{0.25, "0.25s"}, {59, "59s"}, {61, "1m 01s"}, {7260, "2h 01m"}, {90000, "1d 1h"}};
    char room[NUMBER_BYTES];

    (void)state;
    for (size_t i = 0; i < COUNT(numbers); i++)
        assert_str(number_of_double(numbers[i].value, room), str_of(numbers[i].text));
    for (size_t i = 0; i < COUNT(times); i++)
        assert_str(seconds_text(times[i].seconds, room), str_of(times[i].text));
    assert_str(percent_text(0.6125, room), STR("61.3%"));
    assert_str(percent_text(1, room), STR("100%"));
    assert_str(percent_text(0.0004, room), STR("0.04%"));
}

static void tables_are_rows(void **state)
{
    (void)state;
    csv_is(lines, "period,series,breakdown,interval,value,final\r\n"
                  "current,A,pro,2026-03-01,1,true\r\n"
                  "current,A,pro,2026-03-02,4,true\r\n"
                  "current,A,(none),2026-03-01,,true\r\n"
                  "current,A,(none),2026-03-02,2,true\r\n");
    csv_is(retention, "breakdown,cohort,size,final,0,1\r\n"
                      ",2026-03-01,8,1,8,3\r\n"
                      ",2026-03-02,0,0,0,\r\n");
    csv_is(funnel, "breakdown,step,name,count,conversion,from_previous,average_seconds,"
                   "median_seconds,p90_seconds,stopped\r\n"
                   ",1,'=A,200,1,1,,,,0\r\n" /* no formula for a spreadsheet */
                   ",2,B,50,0.25,0.25,90,3725,90,3\r\n");
}

static void activity_is_rows(void **state)
{
    (void)state;
    csv_is(lifecycle,
           "period,breakdown,interval,new,returning,resurrecting,dormant,active,final\r\n"
           "current,,2026-03-01,10,0,0,0,10,true\r\n"
           "current,,2026-03-02,2,6,1,-4,9,false\r\n"
           "current,pro,2026-03-01,1,0,0,0,1,true\r\n"
           "current,pro,2026-03-02,0,1,0,0,1,false\r\n");
    csv_is(paths, "breakdown,from,to,count,average_seconds\r\n"
                  ",1:/,2:/a,6,75\r\n"
                  ",2:/a,3:/b:c,5,5\r\n"
                  ",1:/,2:/b,1,1\r\n"
                  ",1:/,,3,\r\n");
    csv_is(stickiness, "interval,active,of,values,final\r\n"
                       "2026-03-01,2,4,0.5,true\r\n"
                       "2026-03-02,,,,false\r\n");
}

static void what_is_no_answer_is_refused(void **state)
{
    struct query_text_options options = {0};
    BUF_AUTO out = {0};
    struct err e = {0};

    (void)state;
    assert_false(query_render_text(STR("{"), &options, &out, &e));
    assert_false(query_render_text(STR("{\"insight\":\"x\"}"), &options, &out, &e));
    assert_int_equal(e.kind, ERR_UNSUPPORTED);
    assert_false(query_render_csv(STR("[]"), &out, &e));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pictures_are_plain_ascii),
        cmocka_unit_test(activity_is_tables),
        cmocka_unit_test(activity_is_rows),
        cmocka_unit_test(paths_are_a_flow),
        cmocka_unit_test(impact_is_a_forest),
        cmocka_unit_test(why_not_is_a_way_and_its_end),
        cmocka_unit_test(narrow_grids_say_what_is_left),
        cmocka_unit_test(names_cannot_steer_the_terminal),
        cmocka_unit_test(colour_closes_what_it_opens),
        cmocka_unit_test(columns_are_those_of_the_terminal),
        cmocka_unit_test(numbers_read_well),
        cmocka_unit_test(tables_are_rows),
        cmocka_unit_test(what_is_no_answer_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
