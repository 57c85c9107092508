/* saved/names: the vocabulary of a project out of its documents. */
#include "saved/names.h"

#include "base/hash.h"

enum { PAGE = 256 };

static const char *const kinds[] = {[VOCABULARY_SEGMENT] = "segment",
                                    [VOCABULARY_EVENT] = "event",
                                    [VOCABULARY_PROPERTY] = "property"};
const char *const definition_kinds[2] = {"event", "property"};

static bool read_list(void *context, struct str id, struct arena *arena, struct str *json,
                      struct err *e)
{
    const struct saved_vocabulary *v = context;
    struct document_key key = {v->project, STR("list"), id};
    struct document d;

    if (!document_find(v->record, &key, arena, &d, e))
        return err_while(e, "reading the people of a segment");
    *json = d.body;
    return true;
}

struct reading_names {
    struct vocabulary_entry *entries;
    size_t count, room;
    uint64_t revision;
};

static void add(struct reading_names *r, enum vocabulary_kind kind, const struct document *d)
{
    ARRAY_PUSH(r->entries, r->count, r->room) = (struct vocabulary_entry){kind, d->name, d->body};
    r->revision = hash_mix(r->revision ^ hash64(d->name, kind));
    r->revision = hash_mix(r->revision ^ hash64(d->body, 1));
}

bool saved_vocabulary_read(struct record *record, struct str project, struct arena *arena,
                           struct saved_vocabulary *out, struct err *e)
{
    struct reading_names r = {.revision = 1};
    bool ok = true;

    for (size_t kind = 0; ok && kind < COUNT(kinds); kind++) {
        struct document_page page = {.has_more = true};
        struct str after = STR_NONE;
        while (ok && page.has_more) {
            ok = document_list(record, project, str_of(kinds[kind]), after, PAGE, arena, &page, e);
            for (size_t i = 0; ok && i < page.count; i++)
                add(&r, (enum vocabulary_kind)kind, &page.list[i]);
            if (ok && page.has_more)
                after = document_cursor(&page.list[page.count - 1], arena);
        }
    }
    struct vocabulary_entry *entries = arena_array(arena, r.count + 1, sizeof *entries);
    if (r.count)
        memcpy(entries, r.entries, r.count * sizeof *entries);
    mem_free(r.entries);
    *out = (struct saved_vocabulary){
        .vocabulary = {entries, r.count, r.revision, read_list, out},
        .record = record,
        .project = project,
    };
    return ok || err_while(e, "reading the names of project \"%.*s\"", STR_ARG(project));
}

/* ---- who needs what ---- */

/* Is the member one whose texts name things of that kind? */
static bool names_kind(struct str member, enum vocabulary_kind kind)
{
    static const struct {
        const char *member;
        enum vocabulary_kind kind;
    } list[] = {{"in_segment", VOCABULARY_SEGMENT}, {"event", VOCABULARY_EVENT},
                {"did", VOCABULARY_EVENT},          {"did_not", VOCABULARY_EVENT},
                {"first_did", VOCABULARY_EVENT},    {"sequence", VOCABULARY_EVENT},
                {"property", VOCABULARY_PROPERTY}};

    for (size_t i = 0; i < COUNT(list); i++)
        if (list[i].kind == kind && str_equal(member, str_of(list[i].member)))
            return true;
    return false;
}

/* `member` is that of the list an item stands in, too. */
static bool uses(struct json j, struct str member, enum vocabulary_kind kind, struct str name)
{
    struct str text;

    if (json_string(j, &text))
        return names_kind(member, kind) && str_equal(text, name);
    struct json_each it = json_each(j);
    while (json_next(&it))
        if (uses(it.value, it.key.at ? it.key : member, kind, name))
            return true;
    return false;
}

bool saved_may_go(const struct saved_project *p, const struct document *d, struct err *e)
{
    const struct vocabulary *v = p->query->vocabulary;
    AUTO(json_parser) *parser = json_parser_create();
    size_t kind = 0;
    struct json root;
    struct err ignored = {0};

    while (kind < COUNT(kinds) && !str_equal(d->kind, str_of(kinds[kind])))
        kind++;
    for (size_t i = 0; kind < COUNT(kinds) && i < v->count; i++) {
        const struct vocabulary_entry *n = &v->entries[i];
        bool is_own = n->kind == kind && str_equal(n->name, d->name);
        if (is_own || !json_parse(parser, n->body, &root, &ignored) ||
            !uses(root, STR(""), (enum vocabulary_kind)kind, d->name))
            continue;
        err_set(e, ERR_CONFLICT, "%s \"%.*s\" is made of it", kinds[n->kind],
                (int)MIN(n->name.len, 80), n->name.at);
        err_code(e, "document.in_use");
        return err_hint(e, "change or remove that first");
    }
    return true;
}
