#include "api/route.h"
#include "base/limits.h"
#include "codec/json.h"
#include "query/query.h"

bool post_query(void *context, struct http_request *q, struct http_reply *r, struct err *e)
{
    struct api *api = context;
    struct os *os = api->options.os;
    AUTO(snapshot) *snapshot = NULL;
    struct project_settings settings;
    struct store_source room;
    struct store *store = NULL;
    BUF_AUTO answer = {0};
    uint64_t began_ns = os_monotonic_ns(os);

    atomic_fetch_add(&api->questions, 1);
    if (!project_find(api->options.projects, q->name, q->arena, &settings, e) ||
        !project_store(api->options.projects, q->name, false, &store, e) ||
        !store_snapshot(store, &snapshot, e))
        return false;
    struct query_context asked = {
        .timezone = settings.timezone,
        .week_start = settings.week_start,
        .now_ms = os_now_ms(os),
        .deadline_ns = began_ns + LIMIT_QUERY_SECONDS * UINT64_C(1000000000),
        .cancel = http_gone(q),
        .os = os,
    };
    struct source *source = source_of_snapshot(&room, snapshot, api->options.pool);
    if (!query_answer(source, &asked, q->body, &answer, e))
        return false;
    r->body = arena_copy(q->arena, buf_str(&answer));
    double took_ms = (double)(os_monotonic_ns(os) - began_ns) / 1e6;
    http_reply_header(r, "Server-Timing", arena_printf(q->arena, "answer;dur=%.3f", took_ms));
    return true;
}

static void instant_or_null(struct jwrite *w, const char *key, bool is_known, int64_t ms)
{
    char room[INSTANT_TEXT_BYTES];

    jwrite_key(w, str_of(key));
    if (is_known)
        jwrite_string(w, instant_text(ms, room));
    else
        jwrite_null(w);
}

static void write_events(struct jwrite *w, const struct snapshot *v, struct arena *arena)
{
    struct event_name_info *list = NULL;
    size_t count = 0;

    snapshot_events(v, arena, &list, &count);
    jwrite_key(w, STR("events"));
    jwrite_array(w);
    for (size_t i = 0; i < count; i++) {
        jwrite_object(w);
        jwrite_pair_string(w, "name", list[i].name);
        jwrite_pair_int(w, "count", (int64_t)list[i].count);
        instant_or_null(w, "first_seen", true, list[i].first);
        instant_or_null(w, "last_seen", true, list[i].last);
        jwrite_end(w);
    }
    jwrite_end(w);
}

static void write_properties(struct jwrite *w, const struct snapshot *v, struct arena *arena)
{
    static const char *const type_names[VALUE_TYPE_COUNT] = {
        [VALUE_NULL] = "null",     [VALUE_BOOL] = "boolean", [VALUE_INT] = "number",
        [VALUE_DOUBLE] = "number", [VALUE_TEXT] = "text",    [VALUE_LIST] = "list"};
    struct property_info *list = NULL;
    size_t count = 0;

    snapshot_properties(v, arena, &list, &count);
    jwrite_key(w, STR("properties"));
    jwrite_array(w);
    for (size_t i = 0; i < count; i++) {
        const char *last = "";
        jwrite_object(w);
        jwrite_pair_string(w, "name", list[i].name);
        jwrite_pair_int(w, "count", (int64_t)list[i].count);
        jwrite_key(w, STR("types"));
        jwrite_array(w);
        for (size_t t = 0; t < VALUE_TYPE_COUNT; t++) {
            /* Whole and other numbers are one type to people, and neighbours in the enum. */
            if (!(list[i].types & (1U << t)) || !type_names[t] || strcmp(last, type_names[t]) == 0)
                continue;
            last = type_names[t];
            jwrite_string(w, str_of(last));
        }
        jwrite_end(w);
        jwrite_key(w, STR("values"));
        jwrite_array(w);
        for (size_t n = 0; n < list[i].example_count; n++)
            jwrite_string(w, list[i].examples[n]);
        jwrite_end(w);
        jwrite_end(w);
    }
    jwrite_end(w);
}

bool get_definitions(void *context, struct http_request *q, struct http_reply *r, struct err *e)
{
    struct api *api = context;
    AUTO(snapshot) *snapshot = NULL;
    struct store *store = NULL;
    BUF_AUTO out = {0};
    struct jwrite w = jwrite_to(&out);

    if (!project_store(api->options.projects, q->name, false, &store, e) ||
        !store_snapshot(store, &snapshot, e))
        return false;
    jwrite_object(&w);
    write_events(&w, snapshot, q->arena);
    write_properties(&w, snapshot, q->arena);
    jwrite_end(&w);
    r->body = arena_copy(q->arena, buf_str(&out));
    return true;
}

static bool write_project(struct api *api, struct jwrite *w, const struct project_settings *s,
                          struct err *e)
{
    AUTO(snapshot) *snapshot = NULL;
    struct store *store = NULL;
    struct store_state state;
    int64_t first = 0, last = 0;

    if (!project_store(api->options.projects, s->name, false, &store, e) ||
        !store_snapshot(store, &snapshot, e))
        return false;
    store_state(store, &state);
    bool has_events = snapshot_span(snapshot, &first, &last);
    jwrite_object(w);
    jwrite_pair_string(w, "name", s->name);
    jwrite_pair_bool(w, "simulated", s->is_simulated);
    jwrite_pair_string(w, "timezone", s->timezone);
    jwrite_pair_string(w, "week_start",
                       s->week_start == WEEK_SUNDAY ? STR("sunday") : STR("monday"));
    instant_or_null(w, "first_event", has_events, first);
    instant_or_null(w, "last_event", has_events, last);
    jwrite_pair_int(w, "events", (int64_t)state.events);
    jwrite_pair_int(w, "people", (int64_t)state.people);
    jwrite_end(w);
    return true;
}

bool get_me(void *context, struct http_request *q, struct http_reply *r, struct err *e)
{
    struct api *api = context;
    struct project_settings *list = NULL;
    size_t count = 0;
    BUF_AUTO out = {0};
    struct jwrite w = jwrite_to(&out);

    if (!project_list(api->options.projects, q->arena, &list, &count, e))
        return false;
    jwrite_object(&w);
    jwrite_key(&w, STR("projects"));
    jwrite_array(&w);
    for (size_t i = 0; i < count; i++) {
        if (!write_project(api, &w, &list[i], e))
            return false;
    }
    jwrite_end(&w);
    jwrite_end(&w);
    r->body = arena_copy(q->arena, buf_str(&out));
    return true;
}
