/* saved/lists: static lists of people: kept once for each content, and emptied of the erased. */
#include "base/hash.h"
#include "base/limits.h"
#include "saved/names.h"
#include "store/scan.h"

enum { PAGE = 64, SWEEP_AFTER_MS = 3600 * 1000 };

static struct str list_id(struct str body, struct arena *arena)
{
    struct hash128 h = hash128(body, 0);

    return arena_printf(arena, "l%016llx%016llx", (unsigned long long)h.high,
                        (unsigned long long)h.low);
}

static bool document_put(struct record *record, int64_t now_ms, struct document *d, struct err *e)
{
    bool made;
    return document_create(record, now_ms, d, &made, e);
}

bool saved_list_put(const struct saved_project *p, struct json ids, struct str *id, size_t *count,
                    struct err *e)
{
    BUF_AUTO body = {0};
    struct jwrite w = jwrite_to(&body);
    AUTO(intern) *seen = intern_create();
    struct json_each it = json_each(ids);
    struct str person;

    *count = 0;
    jwrite_array(&w);
    while (json_next(&it)) {
        if (!json_string(it.value, &person) || intern_put(seen, person) != *count)
            continue;
        jwrite_string(&w, person);
        ++*count;
    }
    jwrite_end(&w);
    *id = list_id(buf_str(&body), p->arena);
    struct document d = {
        .project = p->name, .kind = STR("list"), .id = *id, .body = buf_str(&body)};
    return document_put(p->record, p->query->now_ms, &d, e);
}

/* ---- walking through all lists ---- */

typedef bool list_visit(void *context, const struct document *d, struct err *e);

static bool lists_each(struct record *record, struct str project, list_visit *visit, void *context,
                       struct err *e)
{
    AUTO(arena) *arena = arena_create(0);
    struct document_page page = {.has_more = true};
    struct str after = STR_NONE;

    while (page.has_more) {
        if (!document_list(record, project, STR("list"), after, PAGE, arena, &page, e))
            return false;
        for (size_t i = 0; i < page.count; i++)
            if (!visit(context, &page.list[i], e))
                return false;
        if (page.has_more)
            after = document_cursor(&page.list[page.count - 1], arena);
    }
    return true;
}

/* ---- erasing ---- */

struct forgetting {
    struct record *record;
    struct str project;
    saved_is_gone *is_gone;
    const void *context;
    int64_t now_ms;
};

/* A person who is about to be erased. */
struct leaving {
    const struct snapshot *snapshot;
    struct str person;
    uint32_t unit;
    bool is_known;
};

static bool is_theirs(const void *context, struct str id)
{
    const struct leaving *l = context;
    uint32_t unit;

    return str_equal(id, l->person) ||
           (l->is_known && snapshot_unit_find(l->snapshot, id, &unit) && unit == l->unit);
}

/* Segments that have the old list get the new one. */
static bool segments_repoint(const struct forgetting *f, struct str old, struct str id,
                             size_t count, struct err *e)
{
    AUTO(arena) *arena = arena_create(0);
    AUTO(json_parser) *parser = json_parser_create();
    struct document_page page = {.has_more = true};
    struct str after = STR_NONE;

    while (page.has_more) {
        if (!document_list(f->record, f->project, STR("segment"), after, PAGE, arena, &page, e))
            return false;
        for (size_t i = 0; i < page.count; i++) {
            struct document *d = &page.list[i];
            struct str list;
            struct json root;
            BUF_AUTO body = {0}, text = {0};
            struct jwrite w = jwrite_to(&body);
            if (!json_parse(parser, d->body, &root, e))
                return false;
            if (!json_string(json_member(root, STR("list")), &list) || !str_equal(list, old))
                continue;
            jwrite_object(&w);
            struct json_each it = json_each(root);
            while (json_next(&it)) {
                buf_clear(&text);
                json_print(it.value, &text);
                if (str_equal(it.key, STR("list"))) {
                    jwrite_pair_string(&w, "list", id);
                } else if (str_equal(it.key, STR("count"))) {
                    jwrite_pair_int(&w, "count", (int64_t)count);
                } else {
                    jwrite_key(&w, it.key);
                    jwrite_raw(&w, buf_str(&text));
                }
            }
            jwrite_end(&w);
            d->body = buf_str(&body);
            if (!document_replace(f->record, f->now_ms, 0, d, e))
                return false;
        }
        if (page.has_more)
            after = document_cursor(&page.list[page.count - 1], arena);
    }
    return true;
}

static bool forget_in(void *context, const struct document *d, struct err *e)
{
    const struct forgetting *f = context;
    AUTO(arena) *arena = arena_create(1 << 10);
    AUTO(json_parser) *parser = json_parser_create();
    BUF_AUTO body = {0};
    struct jwrite w = jwrite_to(&body);
    struct json root;
    size_t all = 0, kept = 0;
    struct str id;

    if (!json_parse(parser, d->body, &root, e))
        return err_while(e, "reading a list of people");
    jwrite_array(&w);
    struct json_each it = json_each(root);
    while (json_next(&it)) {
        all++;
        if (!json_string(it.value, &id) || f->is_gone(f->context, id))
            continue;
        jwrite_string(&w, id);
        kept++;
    }
    jwrite_end(&w);
    if (kept == all)
        return true;
    struct document fresh = {.project = f->project,
                             .kind = STR("list"),
                             .id = list_id(buf_str(&body), arena),
                             .body = buf_str(&body)};
    struct document_key old = {f->project, STR("list"), d->id};
    return document_put(f->record, f->now_ms, &fresh, e) &&
           segments_repoint(f, d->id, fresh.id, kept, e) && document_remove(f->record, &old, 0, e);
}

bool saved_lists_drop(struct record *record, struct str project, saved_is_gone *is_gone,
                      const void *context, int64_t now_ms, struct err *e)
{
    struct forgetting f = {record, project, is_gone, context, now_ms};

    return lists_each(record, project, forget_in, &f, e) ||
           err_while(e, "taking people out of saved lists");
}

bool saved_lists_forget(struct record *record, struct str project, const struct snapshot *v,
                        struct str person, int64_t now_ms, struct err *e)
{
    struct leaving l = {.snapshot = v, .person = person};

    l.is_known = snapshot_unit_find(v, person, &l.unit);
    return saved_lists_drop(record, project, is_theirs, &l, now_ms, e);
}

/* ---- sweeping ---- */

struct sweeping {
    struct record *record;
    struct str project;
    int64_t now_ms;
    const struct saved_vocabulary *names;
    struct str *gone;
    size_t gone_count, gone_room;
    struct arena *arena;
};

static bool is_needed(const struct sweeping *s, struct str id)
{
    AUTO(json_parser) *parser = json_parser_create();
    const struct vocabulary *v = &s->names->vocabulary;
    struct json root;
    struct err ignored = {0};
    struct str list;

    for (size_t i = 0; i < v->count; i++)
        if (v->entries[i].kind == VOCABULARY_SEGMENT &&
            json_parse(parser, v->entries[i].body, &root, &ignored) &&
            json_string(json_member(root, STR("list")), &list) && str_equal(list, id))
            return true;
    return false;
}

static bool sweep_one(void *context, const struct document *d, struct err *e)
{
    struct sweeping *s = context;

    (void)e;
    if (d->created < s->now_ms - SWEEP_AFTER_MS && !is_needed(s, d->id))
        ARRAY_PUSH(s->gone, s->gone_count, s->gone_room) = arena_copy(s->arena, d->id);
    return true;
}

bool saved_lists_sweep(struct record *record, struct str project, int64_t now_ms, struct err *e)
{
    AUTO(arena) *arena = arena_create(0);
    struct saved_vocabulary names;
    struct sweeping s = {
        .record = record, .project = project, .now_ms = now_ms, .names = &names, .arena = arena};
    bool ok = saved_vocabulary_read(record, project, arena, &names, e) &&
              lists_each(record, project, sweep_one, &s, e);

    for (size_t i = 0; ok && i < s.gone_count; i++) {
        struct document_key key = {project, STR("list"), s.gone[i]};
        ok = document_remove(record, &key, 0, e);
    }
    mem_free(s.gone);
    return ok;
}
