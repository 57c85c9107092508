#include "record/finding.h"

/* All statements on the table. */
static const char insert_one[] =
    "INSERT INTO finding(project, kind, id, moment, state, body, found) "
    "VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT(project, kind, id, moment) DO NOTHING";
static const char find_newest[] =
    "SELECT moment, state, body, found FROM finding "
    "WHERE project = $1 AND kind = $2 AND id = $3 AND moment < $4 ORDER BY moment DESC LIMIT $5";

bool finding_add(struct record *r, const struct document_key *of, const struct finding *f,
                 bool *added, struct err *e)
{
    struct record_value values[] = {
        RECORD_T(of->project), RECORD_T(of->kind), RECORD_T(of->id),   RECORD_I(f->moment),
        RECORD_T(f->state),    RECORD_T(f->body),  RECORD_I(f->found),
    };
    int64_t changed = 0;

    *added = false;
    if (record_run(r, insert_one, values, COUNT(values), &changed, e)) {
        *added = changed > 0;
        return true;
    }
    if (e->kind != ERR_CONFLICT)
        return false;
    *e = (struct err){0}; /* the document was removed meanwhile */
    return true;
}

struct filling {
    struct arena *arena;
    struct finding *list;
    size_t count;
};

static bool take_row(void *context, const struct record_value *cells, size_t count, struct err *e)
{
    struct filling *f = context;

    (void)e;
    REQUIRE(count == 4);
    f->list[f->count++] = (struct finding){
        .moment = cells[0].integer,
        .state = arena_copy(f->arena, cells[1].text),
        .body = arena_copy(f->arena, cells[2].text),
        .found = cells[3].integer,
    };
    return true;
}

bool finding_list(struct record *r, const struct document_key *of, int64_t before, size_t limit,
                  struct arena *arena, struct finding **list, size_t *count, struct err *e)
{
    struct record_value values[] = {RECORD_T(of->project), RECORD_T(of->kind), RECORD_T(of->id),
                                    RECORD_I(before), RECORD_I((int64_t)limit)};
    struct filling f = {arena, arena_array(arena, limit + 1, sizeof *f.list), 0};
    bool ok = record_each(r, find_newest, values, COUNT(values), take_row, &f, e);

    *list = f.list;
    *count = f.count;
    return ok;
}
