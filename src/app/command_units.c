/* app/command_units: lists of people and accounts, and the timeline of one. */
#include <stdlib.h>

#include "app/command.h"
#include "app/site.h"
#include "codec/json.h"
#include "flow/asking.h"

enum { ROWS = 50, ROWS_MAX = 10000, LINES_MAX = 1 << 20 };

static struct str project_of(const struct run *run)
{
    return run_value_or(run, "--project", STR("main"));
}

static bool limit_read(const struct run *run, int64_t *out, struct err *e)
{
    struct str text = run_value(run, "--limit");

    *out = ROWS;
    if (!text.at || (str_to_i64(text, out) && *out >= 1 && *out <= ROWS_MAX))
        return true;
    return err_set(e, ERR_USAGE, "--limit must be a number from 1 to %d", ROWS_MAX);
}

/* Ids come from strangers: no control characters reach a terminal. */
static void put(FILE *out, struct str text)
{
    for (size_t i = 0; i < text.len; i++)
        fputc((unsigned char)text.at[i] < ' ' || text.at[i] == 0x7F ? '?' : text.at[i], out);
}

/* ---- lists: the insight of that name ---- */

static void list_show(struct run *run, struct json root)
{
    struct json_each it = json_each(json_member(root, STR("people")));
    int64_t total = 0, shown = 0;
    struct str id;

    for (; json_next(&it); shown++) {
        if (json_string(json_member(it.value, STR("id")), &id))
            put(run->out, id);
        fputc('\n', run->out);
    }
    (void)json_int(json_member(root, STR("total")), &total);
    fprintf(run->err, "%lld of %lld\n", (long long)shown, (long long)total);
}

static bool list(struct run *run, const char *unit, struct err *e)
{
    AUTO(json_parser) *parser = json_parser_create();
    struct asking_room room = run_asking(run);
    struct str filter = run_value(run, "--filter");
    BUF_AUTO question = {0}, answer = {0};
    ASKING_AUTO asking = {0};
    struct json root;
    int64_t limit;

    if (!limit_read(run, &limit, e) ||
        !asking_open(&room, project_of(run), false, run->arena, &asking, e))
        return false;
    buf_printf(&question, "{\"insight\":\"people\",\"unit\":\"%s\",\"page\":%lld", unit,
               (long long)limit);
    if (filter.at)
        buf_printf(&question, ",\"filter\":%.*s", STR_ARG(filter));
    buf_add_char(&question, '}');
    if (!query_answer(asking.source, &asking.context, buf_str(&question), &answer, e)) {
        if (err_status(e->kind) == 400 || e->kind == ERR_UNKNOWN_NAME)
            e->kind = ERR_USAGE; /* a wrong question, as of `tenure query` */
        return false;
    }
    if (run_flag(run, "--json")) {
        fprintf(run->out, "%.*s\n", STR_ARG(buf_str(&answer)));
        return true;
    }
    if (!json_parse(parser, buf_str(&answer), &root, e))
        return false;
    list_show(run, root);
    return true;
}

bool command_people_list(struct run *run, struct err *e)
{
    return list(run, "person", e);
}

bool command_accounts_list(struct run *run, struct err *e)
{
    return list(run, "account", e);
}

/* ---- one timeline ---- */

struct line {
    int64_t time;
    size_t number; /* as they came: of one time stamp, the order stays */
    struct str event, person, account;
};

struct timeline {
    struct run *run;
    struct str account; /* .at == NULL: any */
    struct line *list;
    size_t count, room;
};

static bool line_add(void *context, const struct event *event, struct err *e)
{
    struct timeline *t = context;

    if (t->account.at && !str_equal(event->account, t->account))
        return true;
    if (t->count == LINES_MAX) {
        err_set(e, ERR_TOO_MANY, "there are more than %d events", LINES_MAX);
        return err_hint(e, "`tenure export` writes all of them");
    }
    ARRAY_PUSH(t->list, t->count, t->room) = (struct line){
        event->time, t->count, arena_copy(t->run->arena, event->name),
        arena_copy(t->run->arena, event->person), arena_copy(t->run->arena, event->account)};
    return true;
}

static int by_time(const void *a, const void *b)
{
    const struct line *x = a, *y = b;

    if (x->time != y->time)
        return x->time < y->time ? -1 : 1;
    return (x->number > y->number) - (x->number < y->number);
}

static void line_json(const struct line *l, struct jwrite *w)
{
    char room[INSTANT_TEXT_BYTES];

    jwrite_object(w);
    jwrite_pair_string(w, "time", instant_text(l->time, room));
    jwrite_pair_string(w, "event", l->event);
    jwrite_pair_string(w, "person", l->person);
    if (l->account.len)
        jwrite_pair_string(w, "account", l->account);
    jwrite_end(w);
}

/* The newest of them, oldest first. */
static void timeline_show(struct timeline *t, int64_t limit)
{
    struct run *run = t->run;
    size_t from = t->count > (size_t)limit ? t->count - (size_t)limit : 0;
    BUF_AUTO out = {0};
    struct jwrite w = jwrite_to(&out);

    if (run_flag(run, "--json")) {
        jwrite_object(&w);
        jwrite_pair_string(&w, "id", run->args[0]);
        jwrite_pair_int(&w, "total", (int64_t)t->count);
        jwrite_key(&w, STR("events"));
        jwrite_array(&w);
        for (size_t i = from; i < t->count; i++)
            line_json(&t->list[i], &w);
        jwrite_end(&w);
        jwrite_end(&w);
        fprintf(run->out, "%.*s\n", STR_ARG(buf_str(&out)));
        return;
    }
    for (size_t i = from; i < t->count; i++) {
        char room[INSTANT_TEXT_BYTES];
        fprintf(run->out, "%-24.*s  ", STR_ARG(instant_text(t->list[i].time, room)));
        put(run->out, t->list[i].event);
        fputs("  ", run->out);
        put(run->out, t->account.at ? t->list[i].person : t->list[i].account);
        fputc('\n', run->out);
    }
    fprintf(run->err, "%zu of %zu events\n", t->count - from, t->count);
}

static bool show(struct run *run, bool is_account, struct err *e)
{
    struct asking_room room = run_asking(run);
    struct timeline t = {.run = run, .account = is_account ? run->args[0] : STR_NONE};
    struct read_options options = {
        .from = INT64_MIN, .to = INT64_MAX, .is_person = !is_account, .cancel = &run->cancel->flag};
    ASKING_AUTO asking = {0};
    int64_t limit;

    if (!limit_read(run, &limit, e) ||
        !asking_open(&room, project_of(run), false, run->arena, &asking, e))
        return false;
    if (!is_account && !snapshot_unit_find(asking.snapshot, run->args[0], &options.unit))
        return err_set(e, ERR_NOT_FOUND, "nobody has the id \"%.*s\"", STR_ARG(run->args[0]));
    bool ok = snapshot_read(asking.snapshot, &options, line_add, &t, e);
    if (ok && is_account && !t.count)
        ok =
            err_set(e, ERR_NOT_FOUND, "no event names the account \"%.*s\"", STR_ARG(run->args[0]));
    if (ok && t.count)
        qsort(t.list, t.count, sizeof *t.list, by_time);
    if (ok)
        timeline_show(&t, limit);
    mem_free(t.list);
    return ok;
}

bool command_people_show(struct run *run, struct err *e)
{
    return show(run, false, e);
}

bool command_accounts_show(struct run *run, struct err *e)
{
    return show(run, true, e);
}
