/* api/identity: who is one person, since when, by whose word: as JSON. */
#include "api/route.h"
#include "calendar/calendar.h"
#include "codec/bytes.h"
#include "codec/json.h"

static const char *const standings[] = {[IDENTITY_STANDS] = "stands",
                                        [IDENTITY_BEHIND] = "behind",
                                        [IDENTITY_UNDONE] = "undone",
                                        [IDENTITY_UNMERGE] = "unmerge"};

static void write_change(struct jwrite *w, const struct identity_change *c)
{
    char room[INSTANT_TEXT_BYTES];

    jwrite_object(w);
    jwrite_pair_string(w, "at", instant_text(c->at, room));
    jwrite_pair_string(w, "change", c->kind == FACT_MERGE ? STR("merge") : STR("unmerge"));
    jwrite_pair_string(w, "person", c->subject);
    jwrite_pair_string(w, "other", c->other);
    jwrite_pair_string(w, "by", c->by);
    jwrite_pair_string(w, "reason", c->reason);
    if (c->kind == FACT_MERGE)
        jwrite_pair_string(w, "standing", str_of(standings[c->standing]));
    jwrite_end(w);
}

void api_identity_write(const struct person_identity *who, int64_t as_of, struct jwrite *w)
{
    char room[INSTANT_TEXT_BYTES];

    jwrite_object(w);
    jwrite_pair_string(w, "person", who->person);
    jwrite_key(w, STR("ids"));
    jwrite_array(w);
    for (size_t i = 0; i < who->id_count; i++)
        jwrite_string(w, who->ids[i]);
    jwrite_end(w);
    jwrite_key(w, STR("as_of"));
    if (as_of == IDENTITY_NOW)
        jwrite_null(w);
    else
        jwrite_string(w, instant_text(as_of, room));
    jwrite_key(w, STR("changes"));
    jwrite_array(w);
    for (size_t i = 0; i < who->change_count; i++)
        write_change(w, &who->changes[i]);
    jwrite_end(w);
    jwrite_end(w);
}

bool api_identity_moment(struct str text, struct str timezone, int64_t *as_of, struct err *e)
{
    int year, month, day, offset;
    struct err ignored = {0};

    *as_of = IDENTITY_NOW;
    if (!text.len)
        return true;
    if (!date_parse(text, &year, &month, &day, &ignored))
        return instant_parse(text, as_of, &offset, e);
    AUTO(zone) *zone = NULL;
    int64_t start;
    if (!zone_open(timezone, &zone, e))
        return false;
    if (!zone_date(zone, year, month, day, &start))
        return err_set(e, ERR_INVALID, "there is no %.*s", STR_ARG(text));
    *as_of = interval_step(zone, INTERVAL_DAY, WEEK_MONDAY, start, 1) - 1; /* when it ended */
    return true;
}

bool get_identity(void *context, struct http_request *q, struct http_reply *r, struct err *e)
{
    struct api *api = context;
    AUTO(snapshot) *snapshot = NULL;
    struct project_settings settings;
    struct person_identity who;
    struct store *store = NULL;
    int64_t as_of;
    BUF_AUTO id = {0}, out = {0};
    struct jwrite w = jwrite_to(&out);

    if (!percent_get(q->rest, false, &id))
        return err_set(e, ERR_INVALID, "the person's id in the path is not percent-encoded text");
    if (!project_find(api->options.projects, q->name, q->arena, &settings, e))
        return false;
    if (!api_identity_moment(http_argument(q, STR("at")), settings.timezone, &as_of, e))
        return err_at(e, "at");
    if (!project_store(api->options.projects, q->name, false, &store, e) ||
        !store_snapshot(store, &snapshot, e) ||
        !snapshot_identity(snapshot, buf_str(&id), as_of, q->arena, &who, e))
        return false;
    api_identity_write(&who, as_of, &w);
    r->body = arena_copy(q->arena, buf_str(&out));
    return true;
}
