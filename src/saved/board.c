/* saved/board: dashboards: tiles under a common range and filter, and their answers. */
#include <stdio.h>

#include "saved/inner.h"

static const char *const frame_members[] = {"last", "from", "to", "filter"};

static bool is_framed(struct str member, const struct saved_frame *f)
{
    bool has_range = f->last.len || f->from.len || f->to.len;

    for (size_t i = 0; i < 3; i++)
        if (has_range && str_equal(member, str_of(frame_members[i])))
            return true;
    return json_type(f->filter) != JSON_ABSENT && str_equal(member, STR("filter"));
}

/* A list means all of: so the conditions of both follow each other. */
static void put_conditions(struct json filter, struct jwrite *w)
{
    BUF_AUTO text = {0};

    if (json_type(filter) == JSON_ABSENT || json_type(filter) == JSON_NULL)
        return;
    if (json_type(filter) != JSON_ARRAY) {
        json_print(filter, &text);
        jwrite_raw(w, buf_str(&text));
        return;
    }
    struct json_each it = json_each(filter);
    while (json_next(&it)) {
        buf_clear(&text);
        json_print(it.value, &text);
        jwrite_raw(w, buf_str(&text));
    }
}

bool saved_frame_question(struct json question, const struct saved_frame *f, struct buf *out,
                          struct err *e)
{
    struct jwrite w = jwrite_to(out);
    BUF_AUTO text = {0};

    if (json_type(question) != JSON_OBJECT)
        return err_set(e, ERR_INVALID, "a question is an object");
    jwrite_object(&w);
    struct json_each it = json_each(question);
    while (json_next(&it)) {
        if (is_framed(it.key, f))
            continue;
        buf_clear(&text);
        json_print(it.value, &text);
        jwrite_key(&w, it.key);
        jwrite_raw(&w, buf_str(&text));
    }
    if (f->last.len)
        jwrite_pair_string(&w, "last", f->last);
    if (f->from.len)
        jwrite_pair_string(&w, "from", f->from);
    if (f->to.len)
        jwrite_pair_string(&w, "to", f->to);
    if (json_type(f->filter) != JSON_ABSENT) {
        jwrite_key(&w, STR("filter"));
        jwrite_array(&w);
        put_conditions(json_member(question, STR("filter")), &w);
        put_conditions(f->filter, &w);
        jwrite_end(&w);
    }
    jwrite_end(&w);
    return true;
}

/* Absent members stay empty. */
static struct saved_frame frame_of(struct json board)
{
    struct saved_frame f = {.filter = json_member(board, STR("filter"))};
    struct json range = json_member(board, STR("range"));

    if (!json_string(json_member(range, STR("last")), &f.last))
        f.last = STR_NONE;
    if (!json_string(json_member(range, STR("from")), &f.from))
        f.from = STR_NONE;
    if (!json_string(json_member(range, STR("to")), &f.to))
        f.to = STR_NONE;
    return f;
}

/* ---- checks ---- */

/* The frame alone, as a question: so it is refused in a question's words. */
static bool frame_check(const struct saved_project *p, const struct ask *root, struct err *e)
{
    static const char *const known[] = {"last", "from", "to"};
    struct ask range = ask_member(root, "range"), filter = ask_member(root, "filter");
    struct saved_frame f = {0};
    AUTO(json_parser) *parser = json_parser_create();
    BUF_AUTO text = {0}, answer = {0};
    struct json plain;

    for (size_t i = 0; ask_is_there(&range) && i < COUNT(known); i++) {
        struct ask member = ask_member(&range, known[i]);
        struct str *into = i == 0 ? &f.last : i == 1 ? &f.from : &f.to;
        if (!ask_members(&range, known, COUNT(known), e) ||
            (ask_is_there(&member) && !ask_text(&member, into, e)))
            return false;
    }
    f.filter = ask_is_there(&filter) ? filter.json : json_member(root->json, STR_NONE);
    if (!json_parse(parser, STR("{\"insight\":\"trends\",\"series\":[{\"event\":null}]}"), &plain,
                    e) ||
        !saved_frame_question(plain, &f, &text, e))
        return false;
    if (query_answer(p->source, p->query, buf_str(&text), &answer, e))
        return true;
    char at[sizeof e->at];
    memcpy(at, e->at, sizeof at);
    bool is_range = strncmp(at, "/filter", 7) != 0;
    return err_at(e, "%s%s", is_range ? "/range" : "", at);
}

static bool tile_insight(const struct saved_project *p, const struct ask *insight, struct jwrite *w,
                         struct err *e)
{
    struct document found;
    struct str id;

    if (!ask_text(insight, &id, e))
        return false;
    struct document_key key = {p->name, str_of(saved_names[SAVED_INSIGHT]), id};
    struct err why = {0};
    if (!document_find(p->record, &key, p->arena, &found, &why)) {
        if (why.kind != ERR_NOT_FOUND) {
            *e = why;
            return false;
        }
        ask_fail(insight, e, "document.unknown", "%s", why.text);
        return err_hint(e, "save the insight first, or put the question itself into the tile");
    }
    jwrite_pair_string(w, "insight", id);
    return true;
}

static bool tile_content(const struct saved_project *p, const struct ask *tile, struct jwrite *w,
                         struct err *e)
{
    struct ask insight = ask_member(tile, "insight"), question = ask_member(tile, "question"),
               text = ask_member(tile, "text");
    int contents = ask_is_there(&insight) + ask_is_there(&question) + ask_is_there(&text);
    struct str words;

    if (contents != 1) {
        ask_fail(tile, e, contents ? "query.unknown_value" : "query.missing_member",
                 "a tile holds one of insight, question and text%s",
                 contents ? ""
                          : ": all are "
                            "missing");
        return err_hint(e, "for example {\"insight\":\"ID\",\"w\":6}");
    }
    if (ask_is_there(&insight))
        return tile_insight(p, &insight, w, e);
    if (ask_is_there(&text)) {
        if (!saved_text(&text, SAVED_TEXT_BYTES, &words, e))
            return false;
        jwrite_pair_string(w, "text", words);
        return true;
    }
    if (!saved_question(p, &question, &words, NULL, e))
        return false;
    jwrite_key(w, STR("question"));
    jwrite_raw(w, words);
    return true;
}

/* Tiles without an id get the next free of t1, t2, …. */
static struct str free_id(const struct ask *tiles, size_t *last, char room[24])
{
    for (;;) {
        snprintf(room, 24, "t%zu", ++*last);
        bool is_used = false;
        struct json_each it = json_each(tiles->json);
        while (json_next(&it)) {
            struct str id;
            is_used |=
                json_string(json_member(it.value, STR("id")), &id) && str_equal(id, str_of(room));
        }
        if (!is_used)
            return str_of(room);
    }
}

static bool tile_id(const struct ask *tiles, const struct ask *tile, size_t *last, struct jwrite *w,
                    struct err *e)
{
    struct ask id = ask_member(tile, "id");
    char room[24];
    struct str text;

    if (!ask_is_there(&id)) {
        jwrite_pair_string(w, "id", free_id(tiles, last, room));
        return true;
    }
    struct err why = {0};
    if (!ask_text(&id, &text, e))
        return false;
    if (!saved_id_check(text, &why)) {
        ask_fail(&id, e, why.code, "%s", why.text);
        return err_hint(e, "%s", why.hint);
    }
    struct json_each it = json_each(tiles->json);
    for (size_t i = 0; i < tile->index && json_next(&it); i++) {
        struct str other;
        if (json_string(json_member(it.value, STR("id")), &other) && str_equal(other, text))
            return ask_fail(&id, e, "query.unknown_value", "tile %zu has this id, too", i + 1);
    }
    jwrite_pair_string(w, "id", text);
    return true;
}

static bool tile_check(const struct saved_project *p, const struct ask *tiles,
                       const struct ask *tile, size_t *last, struct jwrite *w, struct err *e)
{
    static const char *const known[] = {"id", "title", "w", "h", "insight", "question", "text"};
    static const struct {
        const char *name;
        int64_t max;
    } sizes[] = {{"w", SAVED_COLUMNS}, {"h", 12}};
    struct ask title = ask_member(tile, "title");
    struct str text;

    if (!ask_members(tile, known, COUNT(known), e))
        return false;
    jwrite_object(w);
    if (!tile_id(tiles, tile, last, w, e))
        return false;
    if (ask_is_there(&title)) {
        if (!saved_text(&title, SAVED_NAME_BYTES, &text, e))
            return false;
        jwrite_pair_string(w, "title", text);
    }
    for (size_t i = 0; i < COUNT(sizes); i++) {
        struct ask size = ask_member(tile, sizes[i].name);
        int64_t n;
        if (!ask_is_there(&size))
            continue;
        if (!ask_int(&size, 1, sizes[i].max, &n, e))
            return false;
        jwrite_pair_int(w, sizes[i].name, n);
    }
    if (!tile_content(p, tile, w, e))
        return false;
    jwrite_end(w);
    return true;
}

bool board_check(const struct saved_project *p, const struct ask *root, struct jwrite *w,
                 struct err *e)
{
    static const char *const known[] = {"name",   "description", "range",
                                        "filter", "tiles",       SAVED_OWN};
    struct ask tiles = ask_member(root, "tiles");
    size_t count = 0, last = 0, i = 0;

    if (!ask_members(root, known, COUNT(known), e) || !saved_heading(root, w, e) ||
        !frame_check(p, root, e) ||
        (ask_is_there(&tiles) && !ask_list(&tiles, 0, SAVED_TILES, &count, e)))
        return false;
    saved_keep(root, "range", w);
    saved_keep(root, "filter", w);
    jwrite_key(w, STR("tiles"));
    jwrite_array(w);
    struct json_each it = json_each(tiles.json);
    while (count && json_next(&it)) {
        struct ask tile = ask_item(&tiles, it.value, i++);
        if (!tile_check(p, &tiles, &tile, &last, w, e))
            return false;
    }
    jwrite_end(w);
    return true;
}

/* ---- answers ---- */

/* Writes question and answer, or question and error: one wrong tile leaves the others alone. */
static void put_answer(const struct saved_project *p, struct json question,
                       const struct saved_frame *f, struct jwrite *w)
{
    BUF_AUTO text = {0}, answer = {0};
    struct err e = {0};

    bool ok = saved_frame_question(question, f, &text, &e);
    if (ok) {
        jwrite_key(w, STR("question"));
        jwrite_raw(w, buf_str(&text));
    }
    if (ok && query_answer(p->source, p->query, buf_str(&text), &answer, &e)) {
        jwrite_key(w, STR("answer"));
        jwrite_raw(w, buf_str(&answer));
        return;
    }
    buf_clear(&answer);
    query_error_json(&e, &answer);
    jwrite_key(w, STR("error")); /* {"error":…} without its braces */
    jwrite_raw(w, str_sub(buf_str(&answer), 9, answer.len - 10));
}

static bool put_insight(const struct saved_project *p, struct str body, const struct saved_frame *f,
                        struct jwrite *w, struct err *e)
{
    AUTO(json_parser) *parser = json_parser_create();
    struct json root;
    struct str name;

    if (!json_parse(parser, body, &root, e))
        return err_while(e, "reading a saved insight");
    if (json_string(json_member(root, STR("name")), &name))
        jwrite_pair_string(w, "name", name);
    put_answer(p, json_member(root, STR("question")), f, w);
    return true;
}

static bool put_tile(const struct saved_project *p, struct json tile, const struct saved_frame *f,
                     struct jwrite *w, struct err *e)
{
    struct json question = json_member(tile, STR("question"));
    struct str id = STR_NONE, insight, title;
    struct document found;
    struct err why = {0};
    bool ok = true;

    jwrite_object(w);
    if (json_string(json_member(tile, STR("id")), &id))
        jwrite_pair_string(w, "id", id);
    if (json_string(json_member(tile, STR("title")), &title))
        jwrite_pair_string(w, "title", title);
    if (json_string(json_member(tile, STR("insight")), &insight)) {
        struct document_key key = {p->name, str_of(saved_names[SAVED_INSIGHT]), insight};
        jwrite_pair_string(w, "insight", insight);
        if (document_find(p->record, &key, p->arena, &found, &why)) {
            ok = put_insight(p, found.body, f, w, e);
        } else if (why.kind == ERR_NOT_FOUND) { /* it was removed */
            BUF_AUTO text = {0};
            query_error_json(&why, &text);
            jwrite_key(w, STR("error"));
            jwrite_raw(w, str_sub(buf_str(&text), 9, text.len - 10));
        } else {
            *e = why;
            ok = false;
        }
    } else {
        put_answer(p, question, f, w);
    }
    jwrite_end(w);
    return ok;
}

/* A range over the dashboard's. */
static struct saved_frame frame_over(struct saved_frame f, const struct saved_frame *over)
{
    if (!over || (!over->last.len && !over->from.len && !over->to.len))
        return f;
    f.last = over->last;
    f.from = over->from;
    f.to = over->to;
    return f;
}

bool saved_board_answer(const struct saved_project *p, const struct document *board,
                        struct str wanted, const struct saved_frame *over, struct buf *out,
                        struct err *e)
{
    AUTO(json_parser) *parser = json_parser_create();
    struct jwrite w = jwrite_to(out);
    struct json root;
    bool is_found = false;

    if (!json_parse(parser, board->body, &root, e))
        return err_while(e, "reading a saved dashboard");
    struct saved_frame f = frame_over(frame_of(root), over);
    jwrite_object(&w);
    jwrite_key(&w, STR("tiles"));
    jwrite_array(&w);
    struct json_each it = json_each(json_member(root, STR("tiles")));
    while (json_next(&it)) {
        struct str id = STR_NONE;
        bool has_id = json_string(json_member(it.value, STR("id")), &id);
        if (wanted.len && (!has_id || !str_equal(id, wanted)))
            continue;
        is_found = true;
        if (json_type(json_member(it.value, STR("text"))) == JSON_STRING)
            continue;
        if (!put_tile(p, it.value, &f, &w, e))
            return false;
    }
    jwrite_end(&w);
    jwrite_end(&w);
    if (is_found || !wanted.len)
        return true;
    err_set(e, ERR_NOT_FOUND, "this dashboard has no tile \"%.*s\"", (int)MIN(wanted.len, 80),
            wanted.at);
    return err_code(e, "document.unknown");
}

bool saved_insight_answer(const struct saved_project *p, const struct document *insight,
                          const struct saved_frame *over, struct buf *out, struct err *e)
{
    AUTO(json_parser) *parser = json_parser_create();
    BUF_AUTO text = {0}, answer = {0};
    struct jwrite w = jwrite_to(out);
    struct json root;

    struct saved_frame f = {0};
    if (!json_parse(parser, insight->body, &root, e))
        return err_while(e, "reading a saved insight");
    f = frame_over(f, over);
    if (!saved_frame_question(json_member(root, STR("question")), &f, &text, e) ||
        !query_answer(p->source, p->query, buf_str(&text), &answer, e))
        return false;
    jwrite_object(&w);
    jwrite_key(&w, STR("question"));
    jwrite_raw(&w, buf_str(&text));
    jwrite_key(&w, STR("answer"));
    jwrite_raw(&w, buf_str(&answer));
    jwrite_end(&w);
    return true;
}
