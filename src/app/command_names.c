/* app/command_names: a project's own names: segments, and definitions of events and properties. */
#include "api/api.h"
#include "app/command.h"
#include "app/site.h"
#include "base/limits.h"
#include "codec/csv.h"
#include "codec/json.h"
#include "flow/asking.h"

enum { PAGE = 256 };

static struct str project_of(const struct run *run)
{
    return run_value_or(run, "--project", STR("main"));
}

/* Names come from strangers: no control characters reach a terminal. */
static void put(FILE *out, struct str text)
{
    for (size_t i = 0; i < text.len; i++)
        fputc((unsigned char)text.at[i] < ' ' || text.at[i] == 0x7F ? '?' : text.at[i], out);
}

/* JSON, @FILE or - for standard input. */
static bool json_argument(struct run *run, struct str arg, struct str *out, struct err *e)
{
    BUF_AUTO text = {0};

    *out = arg;
    if (arg.len && arg.at[0] == '@') {
        struct str path = run_path(run, str_sub(arg, 1, arg.len));
        return os_read_whole(run->site->os, path, run->arena, out, e);
    }
    if (!str_equal(arg, STR("-")))
        return true;
    for (size_t got = 1; got > 0;) {
        got = fread(buf_reserve(&text, 16 << 10), 1, 16 << 10, run->in);
        text.len += got;
        if (text.len > LIMIT_BODY_BYTES)
            return err_set(e, ERR_TOO_LARGE,
                           "what stands in standard input is larger than %d bytes",
                           LIMIT_BODY_BYTES);
    }
    *out = arena_copy(run->arena, buf_str(&text));
    return true;
}

static bool open_asking(struct run *run, bool names_only, struct asking *asking, struct err *e)
{
    struct asking_room room = run_asking(run);

    return asking_open(&room, project_of(run), names_only, run->arena, asking, e);
}

/* ---- segments ---- */

static bool segment_find(struct run *run, struct document *out, struct err *e)
{
    return document_find_name(run->site->record, project_of(run), STR("segment"), run->args[0],
                              run->arena, out, e);
}

static bool say(struct run *run, bool was_there, const struct document *d, struct err *e)
{
    AUTO(json_parser) *parser = json_parser_create();
    BUF_AUTO out = {0};
    struct jwrite w = jwrite_to(&out);
    struct json root;
    int64_t count;

    if (run_flag(run, "--json")) {
        jwrite_object(&w);
        saved_write(d, &w);
        jwrite_end(&w);
        fprintf(run->out, "%.*s\n", STR_ARG(buf_str(&out)));
        return true;
    }
    fputs(was_there ? "changed " : "made ", run->out);
    put(run->out, d->name);
    if (json_parse(parser, d->body, &root, e) && json_int(json_member(root, STR("count")), &count))
        fprintf(run->out, ": a list of %lld people", (long long)count);
    fputc('\n', run->out);
    return e->kind == ERR_NONE;
}

static bool say_removed(struct run *run)
{
    fputs(run_flag(run, "--json") ? "{\"removed\":true}\n" : "removed\n", run->out);
    return true;
}

/* Makes or replaces the segment of that name. `what` is the member with its value. */
static bool segment_put(struct run *run, const char *member, struct str value, struct err *e)
{
    ASKING_AUTO asking = {0};
    struct saved_sent sent;
    struct document old;
    struct err why = {0};
    BUF_AUTO body = {0};
    struct jwrite w = jwrite_to(&body);
    bool made;

    if (!open_asking(run, false, &asking, e))
        return false;
    jwrite_object(&w);
    jwrite_pair_string(&w, "name", run->args[0]);
    jwrite_key(&w, str_of(member));
    jwrite_raw(&w, value);
    jwrite_end(&w);
    if (!saved_read(&asking.project, SAVED_SEGMENT, buf_str(&body), &sent, e))
        return false;
    unsigned char bits[8];
    os_random(run->site->os, bits, sizeof bits);
    struct document d = {.project = asking.settings.name,
                         .kind = STR("segment"),
                         .id = document_id(bits, run->arena),
                         .name = sent.name,
                         .body = sent.body};
    bool is_there = segment_find(run, &old, &why);
    if (!is_there && why.kind != ERR_NOT_FOUND) {
        *e = why;
        return false;
    }
    if (is_there)
        d.id = old.id;
    int64_t now_ms = asking.context.now_ms;
    bool ok = is_there ? document_replace(run->site->record, now_ms, 0, &d, e)
                       : document_create(run->site->record, now_ms, &d, &made, e);
    if (!ok || !saved_lists_sweep(run->site->record, asking.settings.name, now_ms, e))
        return false;
    return say(run, is_there, &d, e);
}
bool command_segment_set(struct run *run, struct err *e)
{
    AUTO(json_parser) *parser = json_parser_create();
    struct json root;
    struct str text;

    return json_argument(run, run->args[1], &text, e) && json_parse(parser, text, &root, e) &&
           segment_put(run, "filter", text, e);
}

/* A question as JSON; a line of words has no people_of. */
bool command_segment_save(struct run *run, struct err *e)
{
    AUTO(json_parser) *parser = json_parser_create();
    struct json root;
    struct str text;

    return json_argument(run, run->args[1], &text, e) && json_parse(parser, text, &root, e) &&
           segment_put(run, "from", text, e);
}

struct column_reading {
    struct str column; /* empty: the first, and no header */
    size_t at;
    bool has_header;
    struct jwrite *ids;
};

static bool take_row(void *context, uint64_t line, const struct str *cells, size_t count,
                     struct err *e)
{
    struct column_reading *c = context;

    (void)line;
    if (c->column.len && !c->has_header) {
        c->has_header = true;
        for (c->at = 0; c->at < count; c->at++)
            if (str_equal(str_trim(cells[c->at]), c->column))
                return true;
        return err_set(e, ERR_INVALID, "the file has no column \"%.*s\"", STR_ARG(c->column));
    }
    if (c->at < count && str_trim(cells[c->at]).len)
        jwrite_string(c->ids, str_trim(cells[c->at]));
    return true;
}

bool command_segment_import(struct run *run, struct err *e)
{
    struct column_reading c = {.column = run_value(run, "--column")};
    BUF_AUTO ids = {0};
    struct jwrite w = jwrite_to(&ids);
    struct str text;

    c.ids = &w;
    if (!os_read_whole(run->site->os, run_path(run, run->args[1]), run->arena, &text, e))
        return err_while(e, "reading the list");
    AUTO(csv) *csv = csv_create(',', take_row, &c);
    jwrite_array(&w);
    if (!csv_feed(csv, text, e) || !csv_finish(csv, e))
        return err_while(e, "reading %.*s", STR_ARG(run->args[1]));
    if (c.column.len && !c.has_header)
        return err_set(e, ERR_INVALID, "%.*s is empty", STR_ARG(run->args[1]));
    jwrite_end(&w);
    return segment_put(run, "people", buf_str(&ids), e);
}

bool command_segment_remove(struct run *run, struct err *e)
{
    ASKING_AUTO asking = {0};
    struct document d;

    if (!open_asking(run, true, &asking, e) || !segment_find(run, &d, e) ||
        !saved_may_go(&asking.project, &d, e))
        return false;
    struct document_key key = {d.project, d.kind, d.id};
    return document_remove(run->site->record, &key, 0, e) &&
           saved_lists_sweep(run->site->record, d.project, asking.context.now_ms, e) &&
           say_removed(run);
}

static bool segment_show(struct run *run, const struct document *d, struct jwrite *w, struct err *e)
{
    AUTO(json_parser) *parser = json_parser_create();
    BUF_AUTO text = {0};
    struct json root;
    int64_t count;

    if (run_flag(run, "--json")) {
        jwrite_object(w);
        saved_write(d, w);
        jwrite_end(w);
        return true;
    }
    if (!json_parse(parser, d->body, &root, e))
        return false;
    put(run->out, d->name);
    if (json_int(json_member(root, STR("count")), &count)) {
        fprintf(run->out, ": a list of %lld people\n", (long long)count);
        return true;
    }
    json_print(json_member(root, STR("filter")), &text);
    fputs(": ", run->out);
    put(run->out, buf_str(&text));
    fputc('\n', run->out);
    return true;
}

bool command_segment_list(struct run *run, struct err *e)
{
    struct document_page page = {.has_more = true};
    struct project_settings settings;
    struct str after = STR_NONE;
    BUF_AUTO out = {0};
    struct jwrite w = jwrite_to(&out);

    if (!project_find(run->site->projects, project_of(run), run->arena, &settings, e))
        return false;
    jwrite_object(&w);
    jwrite_key(&w, STR("segments"));
    jwrite_array(&w);
    while (page.has_more) {
        if (!document_list(run->site->record, settings.name, STR("segment"), after, PAGE,
                           run->arena, &page, e))
            return false;
        for (size_t i = 0; i < page.count; i++)
            if (!segment_show(run, &page.list[i], &w, e))
                return false;
        if (page.has_more)
            after = document_cursor(&page.list[page.count - 1], run->arena);
    }
    jwrite_end(&w);
    jwrite_end(&w);
    if (run_flag(run, "--json"))
        fprintf(run->out, "%.*s\n", STR_ARG(buf_str(&out)));
    return true;
}

/* ---- definitions ---- */

static bool kind_read(struct str text, enum definition_kind *out, struct err *e)
{
    for (size_t i = 0; i < COUNT(definition_kinds); i++)
        if (str_equal(text, str_of(definition_kinds[i]))) {
            *out = (enum definition_kind)i;
            return true;
        }
    return err_set(e, ERR_USAGE, "a definition is of an event or a property, not of \"%.*s\"",
                   (int)MIN(text.len, 60), text.at);
}

bool command_definition_set(struct run *run, struct err *e)
{
    ASKING_AUTO asking = {0};
    enum definition_kind kind;
    struct document d;
    struct str text;

    if (!kind_read(run->args[0], &kind, e) || !json_argument(run, run->args[2], &text, e) ||
        !open_asking(run, true, &asking, e) ||
        !definition_put(&asking.project, kind, run->args[1], text, 0, &d, e))
        return false;
    if (run_flag(run, "--json"))
        return say(run, true, &d, e);
    fprintf(run->out, "%s ", definition_kinds[kind]);
    put(run->out, d.name);
    fputs(": ", run->out);
    put(run->out, d.body);
    fputc('\n', run->out);
    return true;
}

bool command_definition_remove(struct run *run, struct err *e)
{
    ASKING_AUTO asking = {0};
    enum definition_kind kind;

    return kind_read(run->args[0], &kind, e) && open_asking(run, true, &asking, e) &&
           definition_remove(&asking.project, kind, run->args[1], e) && say_removed(run);
}

static struct str member_text(struct json object, const char *name)
{
    struct str text = STR_NONE;

    return json_string(json_member(object, str_of(name)), &text) ? text : STR_NONE;
}

static void definition_show(struct run *run, struct json one)
{
    static const char *const marks[] = {"verified", "hidden"};
    struct str about = member_text(one, "description"), last = member_text(one, "last_seen");
    int64_t count = 0;
    bool is;

    (void)json_int(json_member(one, STR("count")), &count);
    fprintf(run->out, "%12lld  %-10.*s  ", (long long)count, (int)MIN(last.len, 10), last.at);
    put(run->out, member_text(one, "name"));
    if (json_type(json_member(one, STR("any_of"))) != JSON_ABSENT ||
        json_type(json_member(one, STR("expression"))) != JSON_ABSENT)
        fputs("  (made of others)", run->out);
    for (size_t i = 0; i < COUNT(marks); i++)
        if (json_bool(json_member(one, str_of(marks[i])), &is) && is)
            fprintf(run->out, "  (%s)", marks[i]);
    if (about.len) {
        fputs("  ", run->out);
        put(run->out, about);
    }
    fputc('\n', run->out);
}

bool command_definition_list(struct run *run, struct err *e)
{
    static const char *const kinds[] = {"events", "properties"};
    AUTO(json_parser) *parser = json_parser_create();
    ASKING_AUTO asking = {0};
    BUF_AUTO out = {0};
    struct jwrite w = jwrite_to(&out);
    struct json root;

    if (!open_asking(run, false, &asking, e) ||
        !api_definitions_write(&asking, run_flag(run, "--hidden"), run->arena, &w, e))
        return false;
    if (run_flag(run, "--json")) {
        fprintf(run->out, "%.*s\n", STR_ARG(buf_str(&out)));
        return true;
    }
    if (!json_parse(parser, buf_str(&out), &root, e))
        return false;
    for (size_t i = 0; i < COUNT(kinds); i++) {
        fprintf(run->out, "%s%s (how often, last seen)\n", i ? "\n" : "", kinds[i]);
        struct json_each it = json_each(json_member(root, str_of(kinds[i])));
        while (json_next(&it))
            definition_show(run, it.value);
    }
    return true;
}
