/* api/erase: everything about a person as JSON lines, and erasing that person. */
#include "api/route.h"
#include "calendar/calendar.h"
#include "codec/bytes.h"
#include "codec/json.h"
#include "collect/export.h"
#include "store/scan.h"

static bool put_event(void *context, const struct event *event, struct err *e)
{
    (void)e;
    export_event(event, context);
    return true;
}

static bool put_fact(void *context, const struct fact *fact, struct err *e)
{
    (void)e;
    export_fact(fact, true, context);
    return true;
}

bool api_person_export(const struct snapshot *v, struct str id, struct buf *out, struct err *e)
{
    struct read_options options = {.from = INT64_MIN, .to = INT64_MAX, .is_person = true};

    if (!snapshot_unit_find(v, id, &options.unit)) {
        err_set(e, ERR_NOT_FOUND, "nobody has the id \"%.*s\"", (int)MIN(id.len, 80), id.at);
        err_code(e, "person.unknown");
        return err_hint(e, "ids are compared byte for byte, with upper and lower case");
    }
    return snapshot_read_facts(v, &options, put_fact, out, e) &&
           snapshot_read(v, &options, put_event, out, e);
}

void api_receipt_write(const struct store_erasure *x, const struct store_forgotten *done,
                       struct jwrite *w)
{
    char room[INSTANT_TEXT_BYTES];

    jwrite_object(w);
    jwrite_pair_string(w, "receipt", str_of(x->hash));
    jwrite_pair_bool(w, "known", x->was_known);
    jwrite_pair_int(w, "ids", (int64_t)x->ids);
    jwrite_pair_int(w, "events", (int64_t)x->events);
    jwrite_pair_int(w, "traits", (int64_t)x->traits);
    jwrite_pair_int(w, "merges", (int64_t)x->merges);
    jwrite_pair_string(w, "asked", instant_text(x->asked, room));
    jwrite_key(w, STR("rewritten"));
    if (done) {
        jwrite_object(w);
        jwrite_pair_string(w, "at", instant_text(done->done, room));
        jwrite_pair_int(w, "segments", (int64_t)done->segments);
        jwrite_pair_int(w, "bytes", (int64_t)done->bytes);
        jwrite_end(w);
    } else {
        jwrite_null(w);
    }
    jwrite_pair_string(w, "rewritten_by", instant_text(x->asked + STORE_FORGET_PROMISE_MS, room));
    jwrite_end(w);
}

/* ---- handlers ---- */

static bool person_of(struct http_request *q, struct buf *id, struct err *e)
{
    return percent_get(q->rest, false, id) ||
           err_set(e, ERR_INVALID, "the person's id in the path is not percent-encoded text");
}

bool get_person_export(void *context, struct http_request *q, struct http_reply *r, struct err *e)
{
    struct api *api = context;
    AUTO(snapshot) *snapshot = NULL;
    struct store *store = NULL;
    BUF_AUTO id = {0}, out = {0};

    if (!person_of(q, &id, e) || !project_store(api->options.projects, q->name, false, &store, e) ||
        !store_snapshot(store, &snapshot, e) || !api_person_export(snapshot, buf_str(&id), &out, e))
        return false;
    r->type = "application/x-ndjson";
    r->body = arena_copy(q->arena, buf_str(&out));
    return true;
}

bool delete_person(void *context, struct http_request *q, struct http_reply *r, struct err *e)
{
    struct api *api = context;
    struct store_forgotten done;
    struct store_erasure erasure;
    struct store *store = NULL;
    BUF_AUTO id = {0}, out = {0};
    struct jwrite w = jwrite_to(&out);
    bool is_now = str_equal(http_argument(q, STR("now")), STR("true"));
    struct asking_room room = api_asking(api, q);

    if (!person_of(q, &id, e) || !project_store(api->options.projects, q->name, false, &store, e) ||
        !asking_forget(&room, q->name, buf_str(&id), e) ||
        !store_erase(store, buf_str(&id), &erasure, e) ||
        (is_now && !store_forget(store, &done, e)))
        return false;
    api_receipt_write(&erasure, is_now ? &done : NULL, &w);
    r->body = arena_copy(q->arena, buf_str(&out));
    return true;
}
