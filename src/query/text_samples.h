/*
 * query/text_samples: for the tests of query/text: lines of words and the questions they become.
 * The first part is in docs/query-text.md.
 */
#pragma once

static const struct text_sample {
    const char *line, *json;
} text_samples[] = {
    {"trend \"Signed Up\"", "{\"insight\":\"trends\",\"series\":[{\"event\":\"Signed Up\"}]}"},
    {"trend people of Login daily last 30d by country",
     "{\"insight\":\"trends\",\"series\":[{\"math\":\"people\",\"event\":\"Login\"}],\"interval\":"
     "\"day\",\"last\":\"30d\",\"breakdown\":[{\"property\":\"country\"}]}"},
    {"trend sum(amount) of Paid monthly from 2026-01-01 to 2026-03-31 in Asia/Bangkok",
     "{\"insight\":\"trends\",\"series\":[{\"math\":\"sum\",\"property\":\"amount\",\"event\":"
     "\"Paid\"}],\"interval\":\"month\",\"from\":\"2026-01-01\",\"to\":\"2026-03-31\",\"timezone\":"
     "\"Asia/Bangkok\"}"},
    {"trend people of \"Signed Up\", people of Paid formula B/A*100 with inputs weekly last 12w",
     "{\"insight\":\"trends\",\"series\":[{\"math\":\"people\",\"event\":\"Signed "
     "Up\"},{\"math\":\"people\",\"event\":\"Paid\"}],\"formula\":\"B/"
     "A*100\",\"inputs\":true,\"interval\":\"week\",\"last\":\"12w\"}"},
    {"trend weekly active of any event compare previous rolling 7",
     "{\"insight\":\"trends\",\"series\":[{\"math\":\"weekly_active\",\"event\":null}],\"compare\":"
     "\"previous\",\"rolling\":7}"},
    {"trend Login [plan = pro] as Pro, Login [plan != pro] as Rest where country in (TH, SG)",
     "{\"insight\":\"trends\",\"series\":[{\"event\":\"Login\",\"filter\":[{\"property\":\"plan\","
     "\"is\":\"pro\"}],\"name\":\"Pro\"},{\"event\":\"Login\",\"filter\":[{\"property\":\"plan\","
     "\"is_not\":\"pro\"}],\"name\":\"Rest\"}],\"filter\":[{\"property\":\"country\",\"is\":["
     "\"TH\",\"SG\"]}]}"},
    {"trend people of Login or \"Session Started\" where person.plan is set and not (seats < 3 or "
     "country = TH)",
     "{\"insight\":\"trends\",\"series\":[{\"math\":\"people\",\"any_of\":[{\"event\":\"Login\"},{"
     "\"event\":\"Session "
     "Started\"}]}],\"filter\":[{\"property\":\"plan\",\"of\":\"person\",\"exists\":true},{\"not\":"
     "{\"any\":[{\"property\":\"seats\",\"lt\":3},{\"property\":\"country\",\"is\":\"TH\"}]}}]}"},
    {"trend Paid by amount buckets (0, 10, 100), person.\"home town\" limit 5 without other",
     "{\"insight\":\"trends\",\"series\":[{\"event\":\"Paid\"}],\"breakdown\":[{\"property\":"
     "\"amount\",\"buckets\":[0,10,100]},{\"property\":\"home "
     "town\",\"of\":\"person\"}],\"limit\":5,\"other\":false}"},
    {"trend avg(session.length) of any event, sessions of any event daily last 30d by "
     "session.entry_page where session.bounce = false session gap 10m",
     "{\"insight\":\"trends\",\"series\":[{\"math\":\"avg\",\"property\":\"length\",\"of\":"
     "\"session\",\"event\":null},{\"math\":\"sessions\",\"event\":null}],\"interval\":\"day\","
     "\"last\":\"30d\",\"breakdown\":[{\"property\":\"entry_page\",\"of\":\"session\"}],\"filter\":"
     "[{"
     "\"property\":\"bounce\",\"of\":\"session\",\"is\":false}],\"session_gap\":\"10m\"}"},
    {"funnel \"Signed Up\" > \"Project Created\" > Invited within 14d by plan last 90d",
     "{\"insight\":\"funnel\",\"steps\":[{\"event\":\"Signed Up\"},{\"event\":\"Project "
     "Created\"},{\"event\":\"Invited\"}],\"window\":\"14d\",\"breakdown\":[{\"property\":\"plan\"}"
     "],\"last\":\"90d\"}"},
    {"funnel \"Signed Up\" > optional Invited > Paid [amount >= 10] strict show over time weekly",
     "{\"insight\":\"funnel\",\"steps\":[{\"event\":\"Signed "
     "Up\"},{\"event\":\"Invited\",\"optional\":true},{\"event\":\"Paid\",\"filter\":[{"
     "\"property\":\"amount\",\"gte\":10}]}],\"order\":\"strict\",\"show\":\"over_time\","
     "\"interval\":\"week\"}"},
    {"funnel A > B > C exclude Cancelled between 1 and 2, Refunded on exclude drop hold item, shop "
     "count held",
     "{\"insight\":\"funnel\",\"steps\":[{\"event\":\"A\"},{\"event\":\"B\"},{\"event\":\"C\"}],"
     "\"exclude\":[{\"event\":\"Cancelled\",\"between\":[1,2]},{\"event\":\"Refunded\"}],\"on_"
     "exclude\":\"drop\",\"hold\":[\"item\",\"shop\"],\"count\":\"held\"}"},
    {"funnel A > B show time to convert from step 1 to step 2 bins 20 semantics mixpanel",
     "{\"insight\":\"funnel\",\"steps\":[{\"event\":\"A\"},{\"event\":\"B\"}],\"show\":\"time_to_"
     "convert\",\"from_step\":1,\"to_step\":2,\"bins\":20,\"semantics\":\"mixpanel\"}"},
    {"funnel A > B by source attribution step 2 entry first tie 2s unit person",
     "{\"insight\":\"funnel\",\"steps\":[{\"event\":\"A\"},{\"event\":\"B\"}],\"breakdown\":[{"
     "\"property\":\"source\"}],\"attribution\":\"step\",\"step\":2,\"entry\":\"first\",\"tie\":"
     "\"2s\",\"unit\":\"person\"}"},
    {"retention of \"Signed Up\" weekly 12",
     "{\"insight\":\"retention\",\"start\":{\"event\":\"Signed "
     "Up\"},\"interval\":\"week\",\"periods\":12}"},
    {"retention of \"Signed Up\" then Paid monthly match on or after cohort first ever last 6mo",
     "{\"insight\":\"retention\",\"start\":{\"event\":\"Signed "
     "Up\"},\"return\":{\"event\":\"Paid\"},\"interval\":\"month\",\"match\":\"on_or_after\","
     "\"cohort\":\"first_ever\",\"last\":\"6mo\"}"},
    {"retention of A then B daily brackets 1, 3, 7, 14 window rolling minimum 2 measure "
     "sum(amount) reference previous",
     "{\"insight\":\"retention\",\"start\":{\"event\":\"A\"},\"return\":{\"event\":\"B\"},"
     "\"interval\":\"day\",\"brackets\":[1,3,7,14],\"window\":\"rolling\",\"minimum\":2,"
     "\"measure\":\"sum\",\"property\":\"amount\",\"reference\":\"previous\"}"},
    {"lifecycle of any event monthly last 12mo new by created weeks start sunday",
     "{\"insight\":\"lifecycle\",\"event\":null,\"interval\":\"month\",\"last\":\"12mo\",\"new_"
     "by\":\"created\",\"week_start\":\"sunday\"}"},
    {"stickiness of Login or Opened weekly minimum 2 unit account compare 4w",
     "{\"insight\":\"stickiness\",\"any_of\":[{\"event\":\"Login\"},{\"event\":\"Opened\"}],"
     "\"interval\":\"week\",\"minimum\":2,\"unit\":\"account\",\"compare\":\"-4w\"}"},
    {"stickiness of Login ratio dau/mau as of 2026-03-31 where url matches \"^/app/\\\\d+\" ",
     "{\"insight\":\"stickiness\",\"event\":\"Login\",\"ratio\":\"dau/"
     "mau\",\"as_of\":\"2026-03-31\",\"filter\":[{\"property\":\"url\",\"matches\":\"^/app/"
     "\\\\d+\"}]}"},
    {"paths of pages start / end /pricing steps 4 gap 10m count traversals limit 20 replace "
     "\"/[0-9]+\" with \"/:id\"",
     "{\"insight\":\"paths\",\"nodes\":\"page\",\"start\":\"/\",\"end\":\"/"
     "pricing\",\"steps\":4,\"session_gap\":\"10m\",\"count\":\"traversals\",\"limit\":20,"
     "\"replace\":[[\"/[0-9]+\",\"/:id\"]]}"},
    {"paths of property screen.name last 7d",
     "{\"insight\":\"paths\",\"nodes\":{\"property\":\"screen.name\"},\"last\":\"7d\"}"},
    {"TREND Login WHERE a IS NOT SET AND b is not c and d not in (1, 2.50, true) and e not "
     "contains x and f does not contain y and g exists",
     "{\"insight\":\"trends\",\"series\":[{\"event\":\"Login\"}],\"filter\":[{\"property\":\"a\","
     "\"exists\":false},{\"property\":\"b\",\"is_not\":\"c\"},{\"property\":\"d\",\"is_not\":[1,2."
     "5,true]},{\"property\":\"e\",\"not_contains\":\"x\"},{\"property\":\"f\",\"not_contains\":"
     "\"y\"},{\"property\":\"g\",\"exists\":true}]}"},
    {"trend Login where n between 1 and 5 and t before 2026-01-01 and u after 2025-01-01 and v "
     "ends with z and v starts with (a, b) and n > -1.5 and n <= 1e3 and v = 007 and v = \"7\"",
     "{\"insight\":\"trends\",\"series\":[{\"event\":\"Login\"}],\"filter\":[{\"property\":\"n\","
     "\"between\":[1,5]},{\"property\":\"t\",\"before\":\"2026-01-01\"},{\"property\":\"u\","
     "\"after\":\"2025-01-01\"},{\"property\":\"v\",\"ends_with\":\"z\"},{\"property\":\"v\","
     "\"starts_with\":[\"a\",\"b\"]},{\"property\":\"n\",\"gt\":-1.5},{\"property\":\"n\",\"lte\":"
     "1000},{\"property\":\"v\",\"is\":\"007\"},{\"property\":\"v\",\"is\":\"7\"}]}"},
    {"trend Login where (a = 1 and b = 2)",
     "{\"insight\":\"trends\",\"series\":[{\"event\":\"Login\"}],\"filter\":[{\"all\":[{"
     "\"property\":\"a\",\"is\":1},{\"property\":\"b\",\"is\":2}]}]}"},
    {"trend Login where (a = 1 and b = 2) and (c = 3)",
     "{\"insight\":\"trends\",\"series\":[{\"event\":\"Login\"}],\"filter\":[{\"all\":[{"
     "\"property\":\"a\",\"is\":1},{\"property\":\"b\",\"is\":2}]},{\"property\":\"c\",\"is\":3}]"
     "}"},
    {"trend Login where a = 1 and b = 2 or c = 3",
     "{\"insight\":\"trends\",\"series\":[{\"event\":\"Login\"}],\"filter\":[{\"any\":[{\"all\":[{"
     "\"property\":\"a\",\"is\":1},{\"property\":\"b\",\"is\":2}]},{\"property\":\"c\",\"is\":3}]}]"
     "}"},
    {"trend (A or B [x = 1]) [y = 2], any",
     "{\"insight\":\"trends\",\"series\":[{\"any_of\":[{\"event\":\"A\"},{\"event\":\"B\","
     "\"filter\":[{\"property\":\"x\",\"is\":1}]}],\"filter\":[{\"property\":\"y\",\"is\":2}]},{"
     "\"event\":null}]}"},
    {"trend \"any\", \"optional\" formula \"(A + B) / 2\" cumulative",
     "{\"insight\":\"trends\",\"series\":[{\"event\":\"any\"},{\"event\":\"optional\"}],"
     "\"formula\":\"(A + B) / 2\",\"cumulative\":true}"},
    {"trend A, B formula rolling(A, 7) + (B) rolling 3",
     "{\"insight\":\"trends\",\"series\":[{\"event\":\"A\"},{\"event\":\"B\"}],\"formula\":"
     "\"rolling(A, 7) + (B)\",\"rolling\":3}"},
    {"trend by by by where where = where in in",
     "{\"insight\":\"trends\",\"series\":[{\"event\":\"by\"}],\"breakdown\":[{\"property\":\"by\"}]"
     ",\"filter\":[{\"property\":\"where\",\"is\":\"where\"}],\"timezone\":\"in\"}"},
    {"lifecycle of Login [plan = pro] where x = 1",
     "{\"insight\":\"lifecycle\",\"any_of\":[{\"event\":\"Login\",\"filter\":[{\"property\":"
     "\"plan\",\"is\":\"pro\"}]}],\"filter\":[{\"property\":\"x\",\"is\":1}]}"},
    {"funnel optional > optional optional",
     "{\"insight\":\"funnel\",\"steps\":[{\"event\":\"optional\"},{\"event\":\"optional\","
     "\"optional\":true}]}"},
    {"trend 'it \"is\"' where a = \"say \\\"hi\\\" \\d\" and b = '' and event.c = 1 and account.id "
     "= acme and session.id = s",
     "{\"insight\":\"trends\",\"series\":[{\"event\":\"it "
     "\\\"is\\\"\"}],\"filter\":[{\"property\":\"a\",\"is\":\"say \\\"hi\\\" "
     "\\\\d\"},{\"property\":\"b\",\"is\":\"\"},{\"property\":\"c\",\"of\":\"event\",\"is\":1},{"
     "\"property\":\"id\",\"of\":\"account\",\"is\":\"acme\"},{\"property\":\"id\",\"of\":"
     "\"session\",\"is\":\"s\"}]}"},
    {"trend accounts of Login, people of Login as L by account level company weekly",
     "{\"insight\":\"trends\",\"series\":[{\"event\":\"Login\",\"math\":\"accounts\"},{\"event\":"
     "\"Login\",\"math\":\"people\",\"name\":\"L\"}],\"unit\":\"account\",\"level\":\"company\","
     "\"interval\":\"week\"}"},
    {"retention of Login by account level 1 by account.tier, person.created weekly",
     "{\"insight\":\"retention\",\"start\":{\"event\":\"Login\"},\"unit\":\"account\",\"level\":1,"
     "\"breakdown\":[{\"property\":\"tier\",\"of\":\"account\"},{\"property\":\"created\",\"of\":"
     "\"person\"}],\"interval\":\"week\"}"},
    {"trend Login by \"account\"",
     "{\"insight\":\"trends\",\"series\":[{\"event\":\"Login\"}],\"breakdown\":[{\"property\":"
     "\"account\"}]}"},
    {"retention A then B weekly periods 4 segment \"Power users\"",
     "{\"insight\":\"retention\",\"start\":{\"event\":\"A\"},\"return\":{\"event\":\"B\"},"
     "\"interval\":\"week\",\"periods\":4,\"segment\":\"Power users\"}"},
    {"impact on retention of \"Signed Up\" then Login weekly 4 match on or after minimum 2 within "
     "7d "
     "last 6mo",
     "{\"insight\":\"impact\",\"goal\":{\"retained\":{\"start\":{\"event\":\"Signed Up\"},"
     "\"return\":{\"event\":\"Login\"},\"interval\":\"week\",\"period\":4,\"match\":"
     "\"on_or_after\",\"minimum\":2}},\"within\":\"7d\",\"last\":\"6mo\"}"},
    {"impact on funnel \"Signed Up\" > Paid over 30d candidates Invited, \"Project Created\" "
     "counts 1, 3 "
     "by plan",
     "{\"insight\":\"impact\",\"goal\":{\"converted\":{\"steps\":[{\"event\":\"Signed Up\"},"
     "{\"event\":\"Paid\"}],\"window\":\"30d\"}},\"candidates\":[\"Invited\",\"Project "
     "Created\"],\"counts\":[1,3],\"breakdown\":[{\"property\":\"plan\"}]}"},
    {"trend A [session.position = 1] unit session session max 12h session midnight session ids "
     "only",
     "{\"insight\":\"trends\",\"series\":[{\"event\":\"A\",\"filter\":[{\"property\":\"position\","
     "\"of\":"
     "\"session\",\"is\":1}]}],\"unit\":\"session\",\"session_max\":\"12h\",\"session_midnight\":"
     "true,"
     "\"session_ids\":\"only\"}"},
    {"why not u_17 in funnel \"Signed Up\" > Paid within 14d",
     "{\"insight\":\"funnel\",\"steps\":[{\"event\":\"Signed Up\"},{\"event\":\"Paid\"}],"
     "\"window\":\"14d\",\"why_not\":{\"person\":\"u_17\"}}"},
    {"why not \"u 17\" in period 3 of retention of \"Signed Up\" weekly",
     "{\"insight\":\"retention\",\"start\":{\"event\":\"Signed Up\"},\"interval\":\"week\","
     "\"why_not\":{\"person\":\"u 17\",\"period\":3}}"},
};
