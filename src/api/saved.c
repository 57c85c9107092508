/* api/saved: insights, dashboards, annotations, alerts and segments: made, listed, read, replaced,
 * removed, asked. */
#include <stdio.h>

#include "api/route.h"
#include "base/hash.h"
#include "base/limits.h"
#include "codec/bytes.h"
#include "codec/json.h"
#include "flow/alerts.h"
#include "saved/saved.h"

enum { PAGE = 100, PAGE_MAX = 1000 };

static bool open_project(struct api *api, struct http_request *q, bool names_only, struct asking *o,
                         struct err *e)
{
    struct asking_room room = api_asking(api, q);

    return asking_open(&room, q->name, names_only, q->arena, o, e);
}

/* By what follows {project}/ in the route. */
static enum saved_kind kind_of(const struct http_request *q)
{
    struct str path = str_of(strstr(q->route->path, "{project}/") + strlen("{project}/")), word;

    REQUIRE(str_cut(&path, '/', &word));
    for (size_t kind = 0; kind < SAVED_KINDS; kind++)
        if (str_equal(word, str_of(saved_plurals[kind])))
            return (enum saved_kind)kind;
    REQUIRE(!"a route of saved documents");
    return SAVED_INSIGHT;
}

static struct str kind_name(const struct http_request *q)
{
    return str_of(saved_names[kind_of(q)]);
}

static struct document_key key_of(struct http_request *q)
{
    BUF_AUTO id = {0};

    if (!percent_get(q->rest, false, &id)) /* then nothing has it */
        return (struct document_key){q->name, kind_name(q), q->rest};
    return (struct document_key){q->name, kind_name(q), arena_copy(q->arena, buf_str(&id))};
}

/* ---- replies ---- */

static bool write_state(struct api *api, const struct document *d, struct arena *arena,
                        struct jwrite *w, struct err *e)
{
    struct document_key key = {d->project, d->kind, d->id};
    struct finding *last = NULL;
    size_t count = 0;

    if (!str_equal(d->kind, str_of(saved_names[SAVED_ALERT])))
        return true;
    if (!finding_list(api->options.record, &key, INT64_MAX, 1, arena, &last, &count, e))
        return false;
    jwrite_key(w, STR("latest"));
    if (count)
        alerts_finding_write(last, w);
    else
        jwrite_null(w);
    return true;
}

static bool write_document(struct api *api, const struct document *d, struct arena *arena,
                           struct jwrite *w, struct err *e)
{
    jwrite_object(w);
    saved_write(d, w);
    if (!write_state(api, d, arena, w, e))
        return false;
    jwrite_end(w);
    return true;
}

static bool reply_document(struct api *api, struct http_request *q, const struct document *d,
                           struct http_reply *r, struct err *e)
{
    BUF_AUTO out = {0};
    struct jwrite w = jwrite_to(&out);

    if (!write_document(api, d, q->arena, &w, e))
        return false;
    http_reply_header(r, "ETag", arena_printf(q->arena, "\"%lld\"", (long long)d->version));
    r->body = arena_copy(q->arena, buf_str(&out));
    return true;
}

static bool page_size(struct http_request *q, size_t *limit, struct err *e)
{
    struct str given = http_argument(q, STR("limit"));
    int64_t n;

    *limit = PAGE;
    if (!given.at)
        return true;
    if (str_to_i64(given, &n) && n >= 1 && n <= PAGE_MAX) {
        *limit = (size_t)n;
        return true;
    }
    err_set(e, ERR_INVALID, "limit must be a whole number from 1 to %d", PAGE_MAX);
    return err_at(e, "limit");
}

bool list_saved(void *context, struct http_request *q, struct http_reply *r, struct err *e)
{
    struct api *api = context;
    struct project_settings settings;
    struct document_page page;
    BUF_AUTO out = {0};
    struct jwrite w = jwrite_to(&out);
    size_t limit;

    if (!page_size(q, &limit, e) ||
        !project_find(api->options.projects, q->name, q->arena, &settings, e) ||
        !document_list(api->options.record, q->name, kind_name(q), http_argument(q, STR("cursor")),
                       limit, q->arena, &page, e))
        return false;
    jwrite_object(&w);
    jwrite_key(&w, str_of(saved_plurals[kind_of(q)]));
    jwrite_array(&w);
    for (size_t i = 0; i < page.count; i++)
        if (!write_document(api, &page.list[i], q->arena, &w, e))
            return false;
    jwrite_end(&w);
    jwrite_key(&w, STR("cursor"));
    if (page.has_more)
        jwrite_string(&w, document_cursor(&page.list[page.count - 1], q->arena));
    else
        jwrite_null(&w);
    jwrite_end(&w);
    r->body = arena_copy(q->arena, buf_str(&out));
    return true;
}

bool get_saved(void *context, struct http_request *q, struct http_reply *r, struct err *e)
{
    struct api *api = context;
    struct document_key key = key_of(q);
    struct project_settings settings;
    struct document d;

    return project_find(api->options.projects, q->name, q->arena, &settings, e) &&
           document_find(api->options.record, &key, q->arena, &d, e) &&
           reply_document(api, q, &d, r, e);
}

/* ---- changes ---- */

/* Whoever sends the same key again, since no reply came, means the same document. */
static struct str id_of_request(struct api *api, struct http_request *q)
{
    struct str key = http_header(q, "Idempotency-Key");
    unsigned char bits[8];

    if (!key.len) {
        os_random(api->options.os, bits, sizeof bits);
        return document_id(bits, q->arena);
    }
    struct hash128 h = hash128(key, 0);
    return arena_printf(q->arena, "k%016llx%016llx", (unsigned long long)h.high,
                        (unsigned long long)h.low);
}

bool create_saved(void *context, struct http_request *q, struct http_reply *r, struct err *e)
{
    struct api *api = context;
    ASKING_AUTO o = {0};
    struct saved_sent sent;
    bool made = false;

    if (!open_project(api, q, kind_of(q) != SAVED_SEGMENT, &o, e) ||
        !saved_read(&o.project, kind_of(q), q->body, &sent, e))
        return false;
    struct document d = {
        .project = o.settings.name,
        .kind = kind_name(q),
        .id = sent.id.len ? sent.id : id_of_request(api, q),
        .name = sent.name,
        .body = sent.body,
    };
    if (!document_create(api->options.record, os_now_ms(api->options.os), &d, &made, e))
        return false;
    r->status = made ? 201 : 200;
    http_reply_header(r, "Location",
                      arena_printf(q->arena, "/api/v1/projects/%.*s/%s/%.*s", STR_ARG(q->name),
                                   saved_plurals[kind_of(q)], STR_ARG(d.id)));
    return reply_document(api, q, &d, r, e);
}

bool api_match(const struct http_request *q, int64_t *version, struct err *e)
{
    struct str tag = str_trim(http_header(q, "If-Match"));

    *version = 0;
    if (!tag.len || str_equal(tag, STR("*")))
        return true;
    if (tag.len > 2 && tag.at[0] == '"' && tag.at[tag.len - 1] == '"' &&
        str_to_i64(str_sub(tag, 1, tag.len - 2), version) && *version > 0)
        return true;
    err_set(e, ERR_STALE, "If-Match is no ETag that this document ever had");
    err_code(e, "document.changed");
    return err_hint(e, "send the ETag of the reply that you read, with its quotes");
}

/* A segment's name is what others refer to. */
static bool may_rename(const struct api *api, const struct asking *o,
                       const struct document_key *key, struct http_request *q, struct err *e)
{
    AUTO(json_parser) *parser = json_parser_create();
    struct document old;
    struct err why = {0};
    struct json root;
    struct str name;

    if (kind_of(q) != SAVED_SEGMENT ||
        !document_find(api->options.record, key, q->arena, &old, &why) ||
        !json_parse(parser, q->body, &root, &why) ||
        !json_string(json_member(root, STR("name")), &name) || str_equal(name, old.name))
        return true;
    return saved_may_go(&o->project, &old, e);
}

/* Lists of people that no segment has any longer. */
static bool sweep(const struct api *api, const struct asking *o, const struct document_key *key,
                  struct err *e)
{
    return !str_equal(key->kind, str_of(saved_names[SAVED_SEGMENT])) ||
           saved_lists_sweep(api->options.record, o->settings.name, o->context.now_ms, e);
}

bool replace_saved(void *context, struct http_request *q, struct http_reply *r, struct err *e)
{
    struct api *api = context;
    struct document_key key = key_of(q);
    ASKING_AUTO o = {0};
    struct saved_sent sent;
    int64_t version;

    if (!api_match(q, &version, e) || !open_project(api, q, kind_of(q) != SAVED_SEGMENT, &o, e) ||
        !may_rename(api, &o, &key, q, e) || !saved_read(&o.project, kind_of(q), q->body, &sent, e))
        return false;
    if (sent.id.len && !str_equal(sent.id, key.id)) {
        err_set(e, ERR_INVALID, "the path names \"%.*s\" and the body \"%.*s\"",
                (int)MIN(key.id.len, 64), key.id.at, STR_ARG(sent.id));
        err_code(e, "document.id");
        return err_at(e, "/id");
    }
    struct document d = {.project = o.settings.name,
                         .kind = key.kind,
                         .id = key.id,
                         .name = sent.name,
                         .body = sent.body};
    return document_replace(api->options.record, os_now_ms(api->options.os),
                            version ? version : sent.version, &d, e) &&
           reply_document(api, q, &d, r, e);
}

bool delete_saved(void *context, struct http_request *q, struct http_reply *r, struct err *e)
{
    struct api *api = context;
    struct document_key key = key_of(q);
    ASKING_AUTO o = {0};
    struct document d;
    int64_t version;

    if (!api_match(q, &version, e) || !open_project(api, q, true, &o, e) ||
        !document_find(api->options.record, &key, q->arena, &d, e) ||
        !saved_may_go(&o.project, &d, e) ||
        !document_remove(api->options.record, &key, version, e) || !sweep(api, &o, &key, e))
        return false;
    r->body = STR("{\"removed\":true}");
    return true;
}

/* ---- asking ---- */

static struct saved_frame frame_asked(struct http_request *q)
{
    return (struct saved_frame){.last = http_argument(q, STR("last")),
                                .from = http_argument(q, STR("from")),
                                .to = http_argument(q, STR("to"))};
}

bool get_insight_answer(void *context, struct http_request *q, struct http_reply *r, struct err *e)
{
    struct api *api = context;
    struct document_key key = key_of(q);
    struct saved_frame frame = frame_asked(q);
    ASKING_AUTO o = {0};
    struct document d;
    BUF_AUTO out = {0};

    atomic_fetch_add(&api->questions, 1);
    if (!open_project(api, q, false, &o, e) ||
        !document_find(api->options.record, &key, q->arena, &d, e) ||
        !saved_insight_answer(&o.project, &d, &frame, &out, e))
        return false;
    r->body = arena_copy(q->arena, buf_str(&out));
    return true;
}

bool get_board_answers(void *context, struct http_request *q, struct http_reply *r, struct err *e)
{
    struct api *api = context;
    struct document_key key = key_of(q);
    struct saved_frame frame = frame_asked(q);
    ASKING_AUTO o = {0};
    struct document d;
    BUF_AUTO out = {0};

    atomic_fetch_add(&api->questions, 1);
    if (!open_project(api, q, false, &o, e) ||
        !document_find(api->options.record, &key, q->arena, &d, e) ||
        !saved_board_answer(&o.project, &d, http_argument(q, STR("tile")), &frame, &out, e))
        return false;
    r->body = arena_copy(q->arena, buf_str(&out));
    return true;
}

bool post_alert_try(void *context, struct http_request *q, struct http_reply *r, struct err *e)
{
    struct api *api = context;
    struct alerts_options options = {.os = api->options.os,
                                     .record = api->options.record,
                                     .projects = api->options.projects,
                                     .pool = api->options.pool,
                                     .cancel = http_gone(q)};
    AUTO(alerts) *alerts = alerts_create(&options);
    ASKING_AUTO o = {0};
    struct saved_sent sent;
    struct alert_result result;
    BUF_AUTO out = {0};
    struct jwrite w = jwrite_to(&out);

    atomic_fetch_add(&api->questions, 1);
    if (!open_project(api, q, true, &o, e) ||
        !saved_read(&o.project, SAVED_ALERT, q->body, &sent, e) ||
        !alerts_try(alerts, &o.settings, sent.body, &result, q->arena, e))
        return false;
    alerts_write(&result, &w);
    r->body = arena_copy(q->arena, buf_str(&out));
    return true;
}

/* The cursor is the end of the last interval of the page, in milliseconds. */
bool get_alert_history(void *context, struct http_request *q, struct http_reply *r, struct err *e)
{
    struct api *api = context;
    struct document_key key = key_of(q);
    struct str cursor = http_argument(q, STR("cursor"));
    struct project_settings settings;
    struct finding *list = NULL;
    struct document d;
    int64_t before = INT64_MAX;
    size_t limit, count = 0;
    BUF_AUTO out = {0};
    struct jwrite w = jwrite_to(&out);

    if (cursor.len && !str_to_i64(cursor, &before)) {
        err_set(e, ERR_INVALID, "this is no cursor that a list gave");
        return err_at(e, "cursor");
    }
    if (!page_size(q, &limit, e) ||
        !project_find(api->options.projects, q->name, q->arena, &settings, e) ||
        !document_find(api->options.record, &key, q->arena, &d, e) ||
        !finding_list(api->options.record, &key, before, limit + 1, q->arena, &list, &count, e))
        return false;
    jwrite_object(&w);
    jwrite_key(&w, STR("history"));
    jwrite_array(&w);
    for (size_t i = 0; i < MIN(count, limit); i++)
        alerts_finding_write(&list[i], &w);
    jwrite_end(&w);
    jwrite_key(&w, STR("cursor"));
    if (count > limit)
        jwrite_string(&w, arena_printf(q->arena, "%lld", (long long)list[limit - 1].moment));
    else
        jwrite_null(&w);
    jwrite_end(&w);
    r->body = arena_copy(q->arena, buf_str(&out));
    return true;
}
