/* app/command_keep: how long events of a name are kept. */
#include <inttypes.h>

#include "app/command.h"
#include "app/site.h"
#include "base/limits.h"
#include "codec/json.h"

#define DAY_MS INT64_C(86400000)
enum { YEARS_MAX = 200 };

static bool open_store(struct run *run, struct store **store, struct err *e)
{
    struct str name = run_value_or(run, "--project", STR("main"));

    return project_store(run->site->projects, name, false, store, e);
}

/* 90d, 12w, 6mo, 2y: whole days, as a run removes whole days. */
static bool period_from(struct str text, int64_t *ms, struct err *e)
{
    static const struct {
        const char *unit;
        int days;
    } units[] = {{"mo", 30}, {"d", 1}, {"w", 7}, {"y", 365}};
    int64_t n;

    for (size_t i = 0; i < COUNT(units); i++) {
        struct str unit = str_of(units[i].unit);
        if (!str_ends(text, unit) || !str_to_i64(str_sub(text, 0, text.len - unit.len), &n) ||
            n < 1)
            continue;
        if (n > (int64_t)YEARS_MAX * 365 / units[i].days)
            return err_set(e, ERR_USAGE, "a period is at most %d years", YEARS_MAX);
        *ms = n * units[i].days * DAY_MS;
        return true;
    }
    err_set(e, ERR_USAGE, "\"%.*s\" is no period", STR_ARG(str_sub(text, 0, 40)));
    return err_hint(e, "write it as 90d, 12w, 6mo (of 30 days) or 2y (of 365)");
}

static bool check_name(struct str name, struct err *e)
{
    if (name.len && name.len <= LIMIT_NAME_BYTES && str_is_utf8(name))
        return true;
    return err_set(e, ERR_USAGE, "an event's name is text of 1 to %d bytes", LIMIT_NAME_BYTES);
}

static bool count_now(struct run *run, struct store *store, struct keep_rule rule, uint64_t *rows,
                      struct err *e)
{
    AUTO(snapshot) *v = NULL;

    return store_snapshot(store, &v, e) &&
           store_keep_count(v, rule, os_now_ms(run->site->os), rows, e);
}

bool command_keep_set(struct run *run, struct err *e)
{
    struct keep_rule rule = {.name = run->args[0]};
    bool is_dry = run_flag(run, "--dry-run");
    struct store *store = NULL;
    uint64_t rows = 0;

    if (!check_name(rule.name, e) || !period_from(run->args[1], &rule.period_ms, e) ||
        !open_store(run, &store, e) || !count_now(run, store, rule, &rows, e))
        return false;
    if (!is_dry && !store_keep_set(store, rule, e))
        return false;
    if (run_flag(run, "--json"))
        fprintf(run->out, "{\"days\":%" PRId64 ",\"older_events\":%" PRIu64 ",\"dry_run\":%s}\n",
                rule.period_ms / DAY_MS, rows, is_dry ? "true" : "false");
    else if (is_dry)
        fprintf(run->out,
                "%" PRIu64 " events \"%.*s\" are older than %" PRId64
                " days and would be removed; nothing was changed\n",
                rows, STR_ARG(rule.name), rule.period_ms / DAY_MS);
    else
        fprintf(run->out,
                "events \"%.*s\" are kept for %" PRId64 " days; %" PRIu64
                " older ones go in the next run (`tenure keep apply` runs it now)\n",
                STR_ARG(rule.name), rule.period_ms / DAY_MS, rows);
    return true;
}

bool command_keep_remove(struct run *run, struct err *e)
{
    struct store *store = NULL;

    if (!check_name(run->args[0], e) || !open_store(run, &store, e) ||
        !store_keep_set(store, (struct keep_rule){run->args[0], 0}, e))
        return false;
    fprintf(run->out, "events \"%.*s\" are kept for ever from now on\n", STR_ARG(run->args[0]));
    return true;
}

bool command_keep_list(struct run *run, struct err *e)
{
    struct store *store = NULL;
    struct keep_rule *list;
    size_t count;
    uint64_t rows;
    BUF_AUTO out = {0};
    struct jwrite w = jwrite_to(&out);

    if (!open_store(run, &store, e))
        return false;
    store_keep_list(store, run->arena, &list, &count);
    jwrite_array(&w);
    for (size_t i = 0; i < count; i++) {
        if (!count_now(run, store, list[i], &rows, e))
            return false;
        jwrite_object(&w);
        jwrite_pair_string(&w, "event", list[i].name);
        jwrite_pair_int(&w, "days", list[i].period_ms / DAY_MS);
        jwrite_pair_int(&w, "older_events", (int64_t)rows);
        jwrite_end(&w);
        if (!run_flag(run, "--json"))
            fprintf(run->out, "%-32.*s %6" PRId64 " days %12" PRIu64 " older events\n",
                    STR_ARG(list[i].name), list[i].period_ms / DAY_MS, rows);
    }
    jwrite_end(&w);
    if (run_flag(run, "--json"))
        fprintf(run->out, "%.*s\n", STR_ARG(buf_str(&out)));
    else if (count == 0)
        fprintf(run->out, "all events are kept for ever\n");
    return true;
}

bool command_keep_apply(struct run *run, struct err *e)
{
    struct store *store = NULL;
    struct keep_report r;

    if (!open_store(run, &store, e) || !store_keep_apply(store, os_now_ms(run->site->os), &r, e))
        return false;
    fprintf(run->out,
            run_flag(run, "--json")
                ? "{\"removed\":%" PRIu64 ",\"dropped\":%" PRIu64 ",\"rewritten\":%" PRIu64 "}\n"
                : "%" PRIu64 " events removed; %" PRIu64 " segments dropped, %" PRIu64
                  " written anew\n",
            r.rows, r.dropped, r.rewritten);
    return true;
}
