#include "app/demo_findings.h"

#include <stdarg.h>

#include "app/site.h"
#include "base/buf.h"
#include "codec/json.h"
#include "query/query.h"

#define DAY_MS INT64_C(86400000)
#define OWNER "{\"property\":\"source\",\"is_not\":\"invite\"}"

enum { FOUR_INVOICES_DAYS = 120, QUESTION_BYTES = 2000 };

/* What the questions share. */
struct demo {
    struct run *run;
    struct store_source room;
    struct source *source;
    struct zone *zone;
    struct json_parser *parser;
    struct buf answer;
    int64_t end_ms;
};

static struct str date(struct demo *d, int64_t at)
{
    char room[INSTANT_TEXT_BYTES];

    return arena_copy(d->run->arena, interval_label(d->zone, INTERVAL_DAY, at, room));
}

/* Asks; the answer is in d->answer. */
static bool ask(struct demo *d, struct err *e, const char *format, ...) PRINTF(3, 4);
static bool ask(struct demo *d, struct err *e, const char *format, ...)
{
    struct query_context context = {
        .timezone = STR("Asia/Bangkok"), .now_ms = d->end_ms, .cancel = &d->run->cancel->flag};
    char question[QUESTION_BYTES];
    va_list args;

    va_start(args, format);
    int len = vsnprintf(question, sizeof question, format, args);
    va_end(args);
    REQUIRE(len > 0 && len < QUESTION_BYTES);
    buf_clear(&d->answer);
    return query_answer(d->source, &context, (struct str){question, (size_t)len}, &d->answer, e) ||
           err_while(e, "asking about the simulated company");
}

static bool show(struct demo *d, const char *title, struct err *e)
{
    const struct terminal *t = &d->run->terminal;
    struct query_text_options options = {.width = t->width,
                                         .colour = t->colour,
                                         .language = t->is_thai ? QUERY_THAI : QUERY_ENGLISH};
    BUF_AUTO text = {0};

    if (!query_render_text(buf_str(&d->answer), &options, &text, e))
        return false;
    fprintf(d->run->out, "\n%s\n\n", title);
    fwrite(text.at, 1, text.len, d->run->out);
    return true;
}

static bool parse(struct demo *d, struct json *root, struct err *e)
{
    return json_parse(d->parser, buf_str(&d->answer), root, e);
}

/* How many reached step `number` (from 0) of the funnel just answered. */
static bool step_count(struct demo *d, size_t number, double *out, struct err *e)
{
    struct json root;

    if (!parse(d, &root, e))
        return false;
    struct json_each it = json_each(json_member(root, STR("steps")));
    for (size_t i = 0; json_next(&it); i++) {
        if (i == number && json_number(json_member(it.value, STR("count")), out))
            return true;
    }
    return err_set(e, ERR_CORRUPT, "the answer has no step %zu", number + 1);
}

/* The total of the series of a group; 0 where the group is not there. An empty name: the first. */
static bool group_total(struct demo *d, struct str group, double *out, struct err *e)
{
    struct json root;

    *out = 0;
    if (!parse(d, &root, e))
        return false;
    struct json_each it = json_each(json_member(root, STR("series")));
    while (json_next(&it)) {
        struct json_each name = json_each(json_member(it.value, STR("breakdown")));
        struct str text = STR_NONE;
        if (group.len && (!json_next(&name) || !json_string(name.value, &text)))
            continue;
        if (!group.len || str_equal(group, text))
            return json_number(json_member(it.value, STR("total")), out) ||
                   err_set(e, ERR_CORRUPT, "the answer has no total");
    }
    return true;
}

static double percent(double part, double whole)
{
    return whole > 0 ? 100 * part / whole : 0;
}

static bool retention_grid(struct demo *d, struct err *e)
{
    struct str from = date(d, d->end_ms - 12 * 7 * DAY_MS), to = date(d, d->end_ms - DAY_MS);

    return ask(d, e,
               "{\"insight\":\"retention\",\"start\":{\"event\":\"Signed Up\"},"
               "\"return\":{\"event\":\"Session Started\"},\"interval\":\"week\",\"periods\":12,"
               "\"from\":\"%.*s\",\"to\":\"%.*s\"}",
               STR_ARG(from), STR_ARG(to)) &&
           show(d, "Who comes back, by week of signing up:", e);
}

static bool signup_funnel(struct demo *d, struct err *e)
{
    struct str from = date(d, d->end_ms - 364 * DAY_MS), to = date(d, d->end_ms - DAY_MS);

    return ask(d, e,
               "{\"insight\":\"funnel\",\"window\":\"30d\",\"from\":\"%.*s\",\"to\":\"%.*s\","
               "\"steps\":[{\"event\":\"Signed Up\",\"filter\":[" OWNER "]},"
               "{\"event\":\"Project Created\"},{\"event\":\"Teammate Invited\"},"
               "{\"event\":\"Subscription Started\"}]}",
               STR_ARG(from), STR_ARG(to)) &&
           show(d, "From signing up to paying, owners of the last year, within 30 days:", e);
}

/* Owners who have had the time to pay four invoices, and how many did. */
static bool paid_four(struct demo *d, const char *invites, size_t invite_steps, double *owners,
                      double *paid, struct err *e)
{
    char before[INSTANT_TEXT_BYTES];
    struct str limit = instant_text(d->end_ms - FOUR_INVOICES_DAYS * DAY_MS, before);
    struct str from = date(d, d->end_ms - 728 * DAY_MS), to = date(d, d->end_ms - DAY_MS);
    struct str start = arena_printf(d->run->arena,
                                    "{\"event\":\"Signed Up\",\"filter\":[" OWNER
                                    ",{\"property\":\"time\",\"before\":\"%.*s\"}]}%s",
                                    STR_ARG(limit), invites);

    if (!ask(d, e,
             "{\"insight\":\"funnel\",\"window\":\"14d\",\"from\":\"%.*s\",\"to\":\"%.*s\","
             "\"steps\":[%.*s,{\"event\":null}]}",
             STR_ARG(from), STR_ARG(to), STR_ARG(start)) ||
        !step_count(d, invite_steps, owners, e))
        return false;
    return ask(d, e,
               "{\"insight\":\"funnel\",\"window\":\"%dd\",\"from\":\"%.*s\",\"to\":\"%.*s\","
               "\"steps\":[%.*s,{\"event\":\"Subscription Started\"},{\"event\":\"Invoice Paid\"},"
               "{\"event\":\"Invoice Paid\"},{\"event\":\"Invoice Paid\"},"
               "{\"event\":\"Invoice Paid\"}]}",
               FOUR_INVOICES_DAYS, STR_ARG(from), STR_ARG(to), STR_ARG(start)) &&
           step_count(d, invite_steps + 5, paid, e);
}

static bool finding_teammates(struct demo *d, struct err *e)
{
    static const char three[] =
        ",{\"event\":\"Teammate Invited\"},{\"event\":\"Teammate Invited\"},"
        "{\"event\":\"Teammate Invited\"}";
    double all = 0, all_paid = 0, with = 0, with_paid = 0;

    if (!paid_four(d, "", 0, &all, &all_paid, e) || !paid_four(d, three, 3, &with, &with_paid, e))
        return false;
    fprintf(d->run->out,
            "  1. Owners who invite three teammates during the trial: %.0f %% go on to pay four "
            "invoices.\n     The others: %.0f %%.\n",
            percent(with_paid, with), percent(all_paid - with_paid, all - with));
    return true;
}

/* The day of the first cancellation for the price, from which the rise is known. */
static bool price_rise(struct demo *d, int64_t *at, struct err *e)
{
    struct str from = date(d, d->end_ms - 728 * DAY_MS), to = date(d, d->end_ms - DAY_MS);
    int64_t start = d->end_ms - 728 * DAY_MS;
    struct json root;
    double count = 0;

    if (!ask(d, e,
             "{\"insight\":\"trends\",\"interval\":\"day\",\"from\":\"%.*s\",\"to\":\"%.*s\","
             "\"series\":[{\"event\":\"Subscription Cancelled\","
             "\"filter\":[{\"property\":\"reason\",\"is\":\"price\"}]}]}",
             STR_ARG(from), STR_ARG(to)) ||
        !parse(d, &root, e))
        return false;
    struct json_each series = json_each(json_member(root, STR("series")));
    struct json_each days =
        json_each(json_next(&series) ? json_member(series.value, STR("values")) : (struct json){0});
    *at = start;
    while (json_next(&days) && !(json_number(days.value, &count) && count > 0))
        *at += DAY_MS;
    return true;
}

static bool finding_price(struct demo *d, struct err *e)
{
    static const char *const plans[] = {"starter", "business"};
    double paying[2], left[2];
    int64_t rise = 0;

    if (!price_rise(d, &rise, e))
        return false;
    struct str before = date(d, rise - 30 * DAY_MS), last = date(d, rise - DAY_MS);
    struct str from = date(d, rise), to = date(d, rise + 60 * DAY_MS);
    if (!ask(d, e,
             "{\"insight\":\"trends\",\"interval\":\"month\",\"from\":\"%.*s\",\"to\":\"%.*s\","
             "\"series\":[{\"event\":\"Invoice Paid\",\"math\":\"people\"}],"
             "\"breakdown\":[{\"property\":\"plan\"}]}",
             STR_ARG(before), STR_ARG(last)))
        return false;
    for (size_t i = 0; i < COUNT(plans); i++) {
        if (!group_total(d, str_of(plans[i]), &paying[i], e))
            return false;
    }
    if (!ask(d, e,
             "{\"insight\":\"trends\",\"interval\":\"month\",\"from\":\"%.*s\",\"to\":\"%.*s\","
             "\"series\":[{\"event\":\"Subscription Cancelled\",\"math\":\"people\","
             "\"filter\":[{\"property\":\"reason\",\"is\":\"price\"}]}],"
             "\"breakdown\":[{\"property\":\"plan\"}]}",
             STR_ARG(from), STR_ARG(to)))
        return false;
    for (size_t i = 0; i < COUNT(plans); i++) {
        if (!group_total(d, str_of(plans[i]), &left[i], e))
            return false;
    }
    fprintf(d->run->out,
            "  2. After the price rise of %.*s, %.0f %% of those who paid for \"starter\" left "
            "for the price.\n     Of those on \"business\": %.0f %%.\n",
            STR_ARG(from), percent(left[0], paying[0]), percent(left[1], paying[1]));
    return true;
}

/* Errors in a hundred sessions of an Android version. */
static bool errors_of(struct demo *d, const char *version, double *out, struct err *e)
{
    struct str from = date(d, d->end_ms - 728 * DAY_MS), to = date(d, d->end_ms - DAY_MS);
    static const char *const events[] = {"App Error", "Session Started"};
    double counts[2];

    for (size_t i = 0; i < COUNT(events); i++) {
        if (!ask(d, e,
                 "{\"insight\":\"trends\",\"interval\":\"year\",\"from\":\"%.*s\",\"to\":\"%.*s\","
                 "\"series\":[{\"event\":\"%s\",\"filter\":["
                 "{\"property\":\"platform\",\"is\":\"android\"},"
                 "{\"property\":\"version\",\"is\":\"%s\"}]}]}",
                 STR_ARG(from), STR_ARG(to), events[i], version) ||
            !group_total(d, STR_NONE, &counts[i], e))
            return false;
    }
    *out = percent(counts[0], counts[1]);
    return true;
}

static bool finding_release(struct demo *d, struct err *e)
{
    double bad = 0, good = 0;

    if (!errors_of(d, "4.2.0", &bad, e) || !errors_of(d, "4.2.1", &good, e))
        return false;
    fprintf(d->run->out,
            "  3. On Android, %.0f of 100 sessions of version 4.2.0 met an error; after 4.2.1, "
            "%.1f of 100.\n",
            bad, good);
    return true;
}

bool demo_findings(struct run *run, int64_t end_ms, struct err *e)
{
    struct demo d = {.run = run, .end_ms = end_ms};
    AUTO(snapshot) *snapshot = NULL;
    AUTO(zone) *zone = NULL;
    AUTO(json_parser) *parser = json_parser_create();
    struct store *store = NULL;

    if (!project_store(run->site->projects, STR("demo"), false, &store, e) ||
        !store_snapshot(store, &snapshot, e) || !zone_open(STR("Asia/Bangkok"), &zone, e))
        return false;
    d.source = source_of_snapshot(&d.room, snapshot, run->site->pool);
    d.zone = zone;
    d.parser = parser;
    bool ok = retention_grid(&d, e) && signup_funnel(&d, e);
    if (ok)
        fprintf(run->out, "\nThree findings (the data is simulated; docs/demo.md says what was "
                          "built into it):\n");
    ok = ok && finding_teammates(&d, e) && finding_price(&d, e) && finding_release(&d, e);
    buf_free(&d.answer);
    return ok;
}
