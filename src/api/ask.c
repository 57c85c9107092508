#include "api/route.h"
#include "base/limits.h"
#include "codec/json.h"

struct asking_room api_asking(struct api *api, struct http_request *q)
{
    return (struct asking_room){.os = api->options.os,
                                .record = api->options.record,
                                .projects = api->options.projects,
                                .pool = api->options.pool,
                                .cancel = http_gone(q)};
}

bool post_query(void *context, struct http_request *q, struct http_reply *r, struct err *e)
{
    struct api *api = context;
    struct os *os = api->options.os;
    struct asking_room room = api_asking(api, q);
    ASKING_AUTO asking = {0};
    BUF_AUTO answer = {0};
    uint64_t began_ns = os_monotonic_ns(os);

    atomic_fetch_add(&api->questions, 1);
    if (!asking_open(&room, q->name, false, q->arena, &asking, e) ||
        !query_answer(asking.source, &asking.context, q->body, &answer, e))
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
