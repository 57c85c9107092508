#include "saved/inner.h"

const char *const saved_names[SAVED_KINDS] = {"insight", "dashboard", "annotation", "alert",
                                              "segment"};
const char *const saved_plurals[SAVED_KINDS] = {"insights", "dashboards", "annotations", "alerts",
                                                "segments"};

static saved_check *const checks[SAVED_KINDS] = {insight_check, board_check, annotation_check,
                                                 alert_check, saved_segment_check};

bool saved_id_check(struct str id, struct err *e)
{
    bool good = id.len > 0 && id.len <= SAVED_ID_BYTES;

    for (size_t i = 0; i < id.len && good; i++) {
        char c = id.at[i];
        good = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '-' || c == '_';
    }
    if (good)
        return true;
    err_set(e, ERR_INVALID, "\"%.*s\" cannot be an id", (int)MIN(id.len, 80), id.at);
    err_code(e, "document.id");
    err_at(e, "/id");
    return err_hint(e, "use 1 to %d letters, digits, - and _, or send none: one is made",
                    SAVED_ID_BYTES);
}

bool saved_text(const struct ask *a, size_t max, struct str *out, struct err *e)
{
    if (!ask_text(a, out, e))
        return false;
    if (!str_trim(*out).len)
        return ask_fail(a, e, "document.empty", "%.*s is empty", STR_ARG(a->key));
    if (out->len > max)
        return ask_fail(a, e, "document.too_long", "%.*s has %zu bytes; the limit is %zu",
                        STR_ARG(a->key), out->len, max);
    for (size_t i = 0; i < out->len; i++) {
        unsigned char c = (unsigned char)out->at[i];
        if ((c < ' ' && c != '\n' && c != '\t') || c == 0x7F)
            return ask_fail(a, e, "document.control", "%.*s holds a control character",
                            STR_ARG(a->key));
    }
    return true;
}

bool saved_heading(const struct ask *root, struct jwrite *w, struct err *e)
{
    struct ask name = ask_member(root, "name"), about = ask_member(root, "description");
    struct str text;

    if (!ask_is_there(&name))
        return ask_missing(root, "name", "people find it by its name", e);
    if (!saved_text(&name, SAVED_NAME_BYTES, &text, e))
        return false;
    if (str_find(text, '\n') < text.len || str_trim(text).len != text.len) {
        ask_fail(&name, e, "document.name", "a name is one line without spaces around it");
        return err_hint(e, "put more into description");
    }
    jwrite_pair_string(w, "name", text);
    if (!ask_is_there(&about))
        return true;
    if (!saved_text(&about, SAVED_TEXT_BYTES, &text, e))
        return false;
    jwrite_pair_string(w, "description", text);
    return true;
}

static void keep_json(struct json json, struct jwrite *w)
{
    BUF_AUTO text = {0};

    json_print(json, &text);
    jwrite_raw(w, buf_str(&text));
}

void saved_keep(const struct ask *root, const char *member, struct jwrite *w)
{
    struct ask a = ask_member(root, member);

    if (!ask_is_there(&a))
        return;
    jwrite_key(w, str_of(member));
    keep_json(a.json, w);
}

bool saved_blame(const struct ask *place, struct err *e)
{
    struct err outer = {0};
    char inner[sizeof e->at];

    memcpy(inner, e->at, sizeof inner);
    ask_point(place, &outer);
    bool is_pointer = !inner[0] || inner[0] == '/'; /* else: "character 14" */
    return err_at(e, "%s%s%s", outer.at, is_pointer ? "" : ", ", inner);
}

bool saved_question(const struct saved_project *p, const struct ask *place, struct str *json,
                    struct buf *answer, struct err *e)
{
    BUF_AUTO text = {0}, own = {0};
    struct buf *out = answer ? answer : &own;

    if (json_type(place->json) != JSON_OBJECT) {
        ask_wrong_type(place, "a question: an object", e);
        return err_hint(e, "a line of words goes into {\"text\":\"…\"}");
    }
    json_print(place->json, &text);
    if (!query_answer(p->source, p->query, buf_str(&text), out, e))
        return saved_blame(place, e);
    *json = arena_copy(p->arena, buf_str(&text));
    if (json_type(json_member(place->json, STR("text"))) != JSON_STRING)
        return true;
    AUTO(json_parser) *parser = json_parser_create();
    struct json root;
    if (!json_parse(parser, buf_str(out), &root, e))
        return false;
    buf_clear(&text);
    json_print(json_member(root, STR("question")), &text);
    *json = arena_copy(p->arena, buf_str(&text));
    return true;
}

bool insight_check(const struct saved_project *p, const struct ask *root, struct jwrite *w,
                   struct err *e)
{
    static const char *const known[] = {"name", "description", "question", SAVED_OWN};
    struct ask question = ask_member(root, "question");
    struct str json;

    if (!ask_members(root, known, COUNT(known), e) || !saved_heading(root, w, e))
        return false;
    if (!ask_is_there(&question))
        return ask_missing(root, "question", "an insight is a question with a name", e);
    if (!saved_question(p, &question, &json, NULL, e))
        return false;
    jwrite_key(w, STR("question"));
    jwrite_raw(w, json);
    return true;
}

static bool moment_check(const struct saved_project *p, const struct ask *a, bool is_end,
                         int64_t *ms, struct err *e)
{
    int year, month, day, offset;
    struct err why = {0};
    struct str text;

    if (!ask_text(a, &text, e))
        return false;
    bool ok;
    if (text.len == 10) {
        AUTO(zone) *zone = NULL;
        ok = date_parse(text, &year, &month, &day, &why) &&
             zone_open(p->query->timezone.len ? p->query->timezone : STR("UTC"), &zone, &why) &&
             (zone_date(zone, year, month, day, ms) ||
              err_set(&why, ERR_INVALID, "there is no %.*s", STR_ARG(text)));
        if (ok && is_end)
            *ms = interval_step(zone, INTERVAL_DAY, WEEK_MONDAY, *ms, 1) - 1;
    } else {
        ok = instant_parse(text, ms, &offset, &why);
    }
    if (ok)
        return true;
    ask_fail(a, e, "query.bad_time", "%s", why.text);
    return err_hint(e, "%s",
                    why.hint[0] ? why.hint
                                : "a date 2026-01-31, or an instant with offset "
                                  "2026-01-31T09:00:00+07:00");
}

bool annotation_check(const struct saved_project *p, const struct ask *root, struct jwrite *w,
                      struct err *e)
{
    static const char *const known[] = {"at", "from", "to", "text", SAVED_OWN};
    struct ask at = ask_member(root, "at"), from = ask_member(root, "from"),
               to = ask_member(root, "to"), text = ask_member(root, "text");
    bool is_range = ask_is_there(&from) || ask_is_there(&to);
    int64_t first, last;
    struct str words;

    if (!ask_members(root, known, COUNT(known), e))
        return false;
    if (!ask_is_there(&text))
        return ask_missing(root, "text", "say what happened", e);
    if (!saved_text(&text, SAVED_TEXT_BYTES, &words, e))
        return false;
    if (!is_range && !ask_is_there(&at))
        return ask_missing(root, "at", "say when: a date, an instant, or from and to", e);
    if (is_range && ask_is_there(&at))
        return ask_fail(&at, e, "query.unknown_value", "at stands instead of from and to");
    if (is_range && !ask_is_there(&from))
        return ask_missing(root, "from", "a range has both ends", e);
    if (is_range && !ask_is_there(&to))
        return ask_missing(root, "to", "a range has both ends", e);
    if (!moment_check(p, is_range ? &from : &at, false, &first, e) ||
        (is_range && !moment_check(p, &to, true, &last, e)))
        return false;
    if (is_range && last < first)
        return ask_fail(&to, e, "query.bad_time", "to is before from");
    saved_keep(root, "at", w);
    saved_keep(root, "from", w);
    saved_keep(root, "to", w);
    jwrite_pair_string(w, "text", words);
    return true;
}

/* ---- in and out ---- */

static bool read_own(const struct ask *root, struct saved_sent *out, struct arena *arena,
                     struct err *e)
{
    struct ask id = ask_member(root, "id"), version = ask_member(root, "version");

    if (ask_is_there(&id)) {
        if (!ask_text(&id, &out->id, e) || !saved_id_check(out->id, e))
            return false;
        out->id = arena_copy(arena, out->id);
    }
    return !ask_is_there(&version) || ask_int(&version, 1, INT64_MAX, &out->version, e);
}

bool saved_read(const struct saved_project *p, enum saved_kind kind, struct str text,
                struct saved_sent *out, struct err *e)
{
    AUTO(json_parser) *parser = json_parser_create();
    struct ask root = {0};
    BUF_AUTO body = {0};
    struct jwrite w = jwrite_to(&body);

    *out = (struct saved_sent){0};
    if (!json_parse(parser, text, &root.json, e))
        return false;
    if (json_type(root.json) != JSON_OBJECT) {
        err_set(e, ERR_INVALID, "%s is a JSON object, not %s", saved_names[kind],
                json_type_name(json_type(root.json)));
        return err_code(e, "query.wrong_type");
    }
    jwrite_object(&w);
    if (!checks[kind](p, &root, &w, e) || !read_own(&root, out, p->arena, e))
        return false;
    jwrite_end(&w);
    struct str name = STR_NONE;
    if (json_string(json_member(root.json, STR("name")), &name))
        out->name = arena_copy(p->arena, name);
    out->body = arena_copy(p->arena, buf_str(&body));
    return true;
}

void saved_write(const struct document *d, struct jwrite *w)
{
    char room[INSTANT_TEXT_BYTES];

    jwrite_pair_string(w, "id", d->id);
    jwrite_pair_int(w, "version", d->version);
    jwrite_pair_string(w, "created", instant_text(d->created, room));
    jwrite_pair_string(w, "changed", instant_text(d->changed, room));
    /* The body is an object that we wrote: its members follow ours. */
    if (d->body.len > 2) {
        buf_add_char(w->out, ',');
        buf_add(w->out, str_sub(d->body, 1, d->body.len - 2));
    }
}
