/*
 * Which accounts there are: those that facts speak of, and those that events name, read from the
 * segments' dictionaries where there are any, without touching rows.
 */
#include "store/people_read.h"
#include "store/scan.h"
#include "store/snapshot.h"

enum { STEP = 65536 };

static void value_add(struct intern *names, struct value v)
{
    if (v.type == VALUE_TEXT && v.text.len)
        intern_put(names, v.text);
}

static bool column_add(struct segment *g, const struct column *c, struct intern *names,
                       struct err *e)
{
    if (c->form == FORM_DICTIONARY) {
        if (!segment_pin(g, c, 0, 0, e))
            return false;
        for (uint32_t code = 0; code < c->dictionary_count; code++)
            value_add(names, column_dictionary_value(c, code));
        return true;
    }
    for (uint32_t from = 0; from < g->rows; from += STEP) {
        uint32_t to = MIN(g->rows, from + STEP);
        if (!segment_pin(g, c, from, to, e))
            return false;
        for (uint32_t row = from; row < to; row++)
            value_add(names, column_value(c, row));
    }
    return true;
}

bool snapshot_accounts(const struct snapshot *v, struct intern *names, uint32_t *described,
                       struct err *e)
{
    for (uint32_t i = 0; i < people_accounts(v->people); i++) {
        struct str name = people_account(v->people, i);
        if (name.len) /* one that was erased has none */
            intern_put(names, name);
    }
    *described = intern_count(names);
    for (size_t i = 0; i < v->segment_count; i++)
        for (size_t k = 0; k < v->segments[i]->column_count; k++) {
            const struct column *c = &v->segments[i]->columns[k];
            if (c->kind == COLUMN_ACCOUNT && !column_add(v->segments[i], c, names, e))
                return false;
        }
    return true;
}
