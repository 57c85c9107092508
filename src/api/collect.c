#include "api/route.h"
#include "codec/json.h"

static struct collect_decoder *decoder_take(struct api *api)
{
    struct decoder_shelf *shelf = &api->decoders;
    struct collect_decoder *d = NULL;

    pthread_mutex_lock(&shelf->mutex);
    if (shelf->count)
        d = shelf->list[--shelf->count];
    pthread_mutex_unlock(&shelf->mutex);
    return d ? d : collect_decoder_create(api->options.os);
}

static void decoder_return(struct api *api, struct collect_decoder *d)
{
    struct decoder_shelf *shelf = &api->decoders;

    pthread_mutex_lock(&shelf->mutex);
    bool fits = shelf->count < COUNT(shelf->list);
    if (fits)
        shelf->list[shelf->count++] = d;
    pthread_mutex_unlock(&shelf->mutex);
    if (!fits)
        collect_decoder_destroy(d);
}

/* Who it is that merges, as the identity log keeps it. */
static void name_sender(struct collect_decoder *d, struct http_request *q, struct str key)
{
    collect_decoder_by(d, arena_printf(q->arena, "key %.*s", STR_ARG(key)));
}

static bool store_batch_of(struct api *api, struct str project, const struct store_batch *batch,
                           struct store_receipt *receipt, struct err *e)
{
    struct store *store = NULL;

    if (!project_store(api->options.projects, project, false, &store, e) ||
        !store_append(store, batch, receipt, e))
        return false;
    atomic_fetch_add(&api->events_accepted, receipt->accepted);
    atomic_fetch_add(&api->events_duplicate, receipt->duplicates);
    atomic_fetch_add(&api->events_conflict, receipt->conflicts);
    return true;
}

static void reply_receipt(struct http_request *q, struct http_reply *r,
                          const struct store_receipt *receipt, bool is_segment)
{
    BUF_AUTO out = {0};
    struct jwrite w = jwrite_to(&out);

    jwrite_object(&w);
    if (is_segment)
        jwrite_pair_bool(&w, "success", true);
    jwrite_pair_int(&w, "accepted", (int64_t)receipt->accepted);
    jwrite_pair_int(&w, "duplicates", (int64_t)receipt->duplicates);
    if (receipt->conflicts)
        jwrite_pair_int(&w, "conflicts", (int64_t)receipt->conflicts);
    jwrite_end(&w);
    r->body = arena_copy(q->arena, buf_str(&out));
}

bool post_events(void *context, struct http_request *q, struct http_reply *r, struct err *e)
{
    struct api *api = context;
    const struct caller *caller = q->guarded;
    struct collect_decoder *d = decoder_take(api);
    struct store_receipt receipt = {0};
    struct store_batch batch;

    name_sender(d, q, caller->key);
    bool ok = collect_decode_native(d, q->body, os_now_ms(api->options.os), &batch, e) &&
              store_batch_of(api, caller->project, &batch, &receipt, e);
    decoder_return(api, d);
    if (ok)
        reply_receipt(q, r, &receipt, false);
    else
        atomic_fetch_add(&api->events_refused, 1);
    return ok;
}

/* The key in the body stands in for the Authorization header, which beacons cannot send. */
static bool key_in_body(struct api *api, struct http_request *q, struct collect_decoder *d,
                        struct str *project, struct str *prefix, struct err *e)
{
    struct access_grant found;
    struct str key = STR_NONE;

    if (!collect_segment_write_key(d, q->body, &key, e))
        return false;
    if (!key.len)
        key = http_argument(q, STR("writeKey"));
    if (!key.len) {
        err_set(e, ERR_UNAUTHORIZED, "this needs a project's write key");
        return err_hint(e, "set it as the SDK's write key; `tenure key create` makes one");
    }
    if (!access_key_check(api->options.access, key, q->arena, &found) ||
        !access_scope_allows(found.scope, ACCESS_WRITE)) {
        err_set(e, ERR_UNAUTHORIZED, "this write key is not known, or was revoked");
        err_code(e, "key.unknown");
        return err_hint(e, "`tenure key list` shows the keys in force");
    }
    *project = found.project;
    *prefix = found.prefix;
    return true;
}

bool post_segment(void *context, struct http_request *q, struct http_reply *r, struct err *e)
{
    struct api *api = context;
    const struct caller *caller = q->guarded;
    struct collect_decoder *d = decoder_take(api);
    struct store_receipt receipt = {0};
    struct str project = caller->project, key = caller->key;
    struct str word = str_of(q->route->path), part;
    enum segment_call call = SEGMENT_BATCH;
    struct store_batch batch;

    while (str_cut(&word, '/', &part))
        REQUIRE(word.at || segment_call_from(part, &call));
    bool ok = project.len || key_in_body(api, q, d, &project, &key, e);
    name_sender(d, q, key);
    ok = ok && collect_decode_segment(d, call, q->body, os_now_ms(api->options.os), &batch, e) &&
         store_batch_of(api, project, &batch, &receipt, e);
    decoder_return(api, d);
    if (ok)
        reply_receipt(q, r, &receipt, true);
    else
        atomic_fetch_add(&api->events_refused, 1);
    return ok;
}
