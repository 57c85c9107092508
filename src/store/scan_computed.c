/* store/scan_computed: values made of several properties, in one segment. */
#include "base/buf.h"
#include "store/scan_plan.h"

struct value parts_value(const struct parts *parts, uint32_t row)
{
    for (size_t i = 0; i < parts->count; i++) {
        struct value v = column_value(parts->list[i].column, row);
        if (!value_is_absent(v))
            return v;
    }
    return (struct value){.type = VALUE_MISSING};
}

struct value computed_at(const struct computed_plan *p, uint32_t row, struct buf *room)
{
    struct value values[SCAN_INPUTS_MAX];

    for (size_t i = 0; i < p->what->input_count; i++)
        values[i] = parts_value(&p->inputs[i], row);
    buf_clear(room);
    return p->what->compute(p->what->context, values, room);
}

struct value computed_of_one(const struct scan_computed *what, struct value v, struct buf *room)
{
    struct value values[SCAN_INPUTS_MAX] = {v};

    if (value_is_absent(v))
        values[0].type = VALUE_MISSING;
    for (size_t i = 1; i < what->input_count; i++)
        values[i].type = VALUE_MISSING;
    buf_clear(room);
    return what->compute(what->context, values, room);
}

bool computed_passes(const struct scan_condition *c, struct value v)
{
    BUF_AUTO room = {0};

    if (c->subject != SCAN_COMPUTED)
        return c->test(c->context, v);
    return c->test(c->context, computed_of_one(c->computed, v, &room));
}

bool computed_row_passes(const struct computed_plan *p, const struct scan_condition *c,
                         uint32_t row)
{
    BUF_AUTO room = {0};

    return c->test(c->context, computed_at(p, row, &room));
}
