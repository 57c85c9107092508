/*
 * fault: each call of an operation that changes the disk fails in turn: with an I/O error or for
 * lack of space, once and for ever. A trial is one operation on a store with a past; each of its
 * calls is a point.
 *
 * At a point: the operation either works or says what went wrong; what was acknowledged can be read
 * the moment after; the store starts anew (in place, or closed and opened) while the disk still
 * fails, which changes nothing, and again when it works, which must succeed; new events are
 * acknowledged; then the power goes, and after it all that was ever acknowledged is there, whole
 * and once. The power cut is what finds a sync that was tried again: the bytes that a failed sync
 * left in memory look well until then.
 *
 * --fault eio|space chooses one kind; --op NAME one operation. The control takes a failed sync for
 * a success; the rig must see what that loses.
 */
#include "world.h"

static bool seal_then_append(struct world *w, struct err *e)
{
    return world_fill(w, e) && world_maintain(w, e) && world_append(w, e);
}

static bool all_in_a_row(struct world *w, struct err *e)
{
    return world_append(w, e) && world_merge(w, e) && world_import(w, e) && world_maintain(w, e) &&
           world_append(w, e) && world_reopen(w, e) && world_append(w, e);
}

static bool erase_and_forget(struct world *w, struct err *e)
{
    struct property trait = {.name = STR("plan"),
                             .value = {.type = VALUE_TEXT, .text = STR("pro")}};
    struct fact f = {.kind = FACT_PERSON_TRAITS,
                     .subject = STR("leaver"),
                     .received = SAMPLE_START,
                     .created = (int64_t)FACT_CREATED_NONE,
                     .properties = &trait,
                     .property_count = 1};
    struct store_receipt r;
    struct store_erasure erased;
    struct store_forgotten forgotten;
    if (!store_append(w->s, &(struct store_batch){.facts = &f, .fact_count = 1}, &r, e) ||
        !store_erase(w->s, f.subject, &erased, e))
        return false;
    w->is_erased = true;
    return store_forget(w->s, &forgotten, e);
}

static bool keep_and_apply(struct world *w, struct err *e)
{
    struct keep_report report;
    struct keep_rule rule = {STR("of this name is none"), INT64_C(86400000)};
    if (!store_keep_set(w->s, rule, e))
        return false;
    w->has_rule = true;
    return world_append(w, e) && store_keep_apply(w->s, os_now_ms(w->os), &report, e);
}

static bool back_up(struct world *w, struct err *e)
{
    struct store_backup_options options = {0};
    struct store_backup_receipt receipt;
    return world_append(w, e) &&
           store_backup(w->s, STR("/copy"), &options, w->arena, &receipt, e) && world_append(w, e);
}

/* A copy, and the erasures since put into it: what `tenure restore` does to a store. */
static bool restore_a_copy(struct world *w, struct err *e)
{
    struct store_options options = {.project = STR("main"), .no_background = true};
    struct store_erasure erased;
    struct store *copy = NULL;
    bool ok = back_up(w, e) && erase_and_forget(w, e) &&
              store_open(w->os, STR("/copy"), &options, &copy, e) &&
              store_erasures_apply(copy, STR("/data/" STORE_ERASURES_FILE), &erased, e);
    store_close(copy);
    return ok;
}

static bool open_new(struct world *w, struct err *e);

static const struct operation {
    const char *name;
    bool (*run)(struct world *w, struct err *e);
} operations[] = {
    {"append", world_append},   {"fill", world_fill},         {"import", world_import},
    {"merge", world_merge},     {"maintain", world_maintain}, {"reopen", world_reopen},
    {"recover", world_recover}, {"seal", seal_then_append},   {"all", all_in_a_row},
    {"new", open_new},          {"erase", erase_and_forget},  {"keep", keep_and_apply},
    {"backup", back_up},        {"restore", restore_a_copy},
};

static bool open_new(struct world *w, struct err *e)
{
    return (w->s || world_open(w, e)) && world_append(w, e);
}

/* ---- a trial ---- */

/* The same world once more, with the store open. */
static bool copy_world(const struct world *past, struct world *out, bool opens, struct err *e)
{
    *out = *past;
    out->os = os_sim_copy(past->os);
    out->s = NULL;
    out->arena = arena_create(0);
    return !opens || world_open(out, e);
}

struct fault {
    bool is_full, for_ever;
};

static bool expected(const struct fault *f, const struct err *e)
{
    /* A sync that fails for any reason stops the store, and so may what has to be undone. */
    return e->kind == ERR_IO || e->kind == ERR_BUSY || (f->is_full && e->kind == ERR_NO_SPACE);
}

static bool start_anew(struct world *w, bool in_place, struct err *e)
{
    if (w->s && in_place)
        return store_restart(w->s, e);
    store_close(TAKE(w->s));
    return world_open(w, e);
}

/* With the disk back to what it should be: everything works, and a power cut takes nothing. */
static bool afterwards(struct world *w, struct err *e)
{
    struct err ignored = {0};
    bool in_place = throw(w, 2);
    if (!w->s || throw(w, 3) == 0) /* while it still fails */
        (void)!start_anew(w, in_place, &ignored);
    os_sim_set_plan(w->os,
                    (struct os_sim_plan){.seed = w->seed ^ w->dice, .sync_lies = w->sync_lies});
    if (!start_anew(w, in_place, e))
        return err_while(e, "starting anew");
    if (!world_check(w, "after starting anew", e))
        return false;
    if (!world_append(w, e) || !world_merge(w, e) || (throw(w, 2) && !world_maintain(w, e)) ||
        !world_append(w, e))
        return err_while(e, "going on");
    if (!world_check(w, "going on", e))
        return false;
    os_sim_crash_as(w->os, (enum os_sim_damage) throw(w, OS_SIM_DAMAGES));
    store_close(TAKE(w->s));
    if (!world_open(w, e))
        return err_while(e, "opening after the power cut");
    return world_check(w, "after the power cut", e);
}

static bool one_point(const struct world *past, const struct operation *op, struct fault fault,
                      uint64_t n, struct err *e)
{
    struct world w;
    struct err met = {0};
    bool ok = copy_world(past, &w, op->run != open_new, e);
    os_sim_set_plan(w.os, (struct os_sim_plan){.seed = w.seed * 31 + n,
                                               .fail_at = n,
                                               .fail_full = fault.is_full,
                                               .fail_for_ever = fault.for_ever});
    w.dice += n * 1000;
    if (ok && !op->run(&w, &met) && !expected(&fault, &met)) {
        *e = met;
        ok = err_while(e, "an unexpected answer");
    }
    ok = ok && (!w.s || world_check_reading(&w, e)) && afterwards(&w, e);
    world_drop(&w);
    return ok;
}

static uint64_t count_calls(const struct world *past, const struct operation *op, struct err *e)
{
    struct world w;
    bool ok = copy_world(past, &w, op->run != open_new, e);
    os_sim_set_plan(w.os, (struct os_sim_plan){.seed = w.seed});
    ok = ok && op->run(&w, e);
    uint64_t calls = os_sim_calls(w.os);
    world_drop(&w);
    return ok ? calls : 0;
}

static void one_trial(struct rig *r, uint64_t seed, uint64_t *points)
{
    const struct operation *op = &operations[seed % COUNT(operations)];
    struct world past = {.seed = seed, .sync_lies = r->is_control, .arena = arena_create(0)};
    struct err e = {0};
    past.os = os_sim_create((struct os_sim_plan){.seed = seed});
    bool ok = op->run == open_new || world_past(&past, &e);
    uint64_t calls = ok ? count_calls(&past, op, &e) : 0;
    uint64_t failed = 0;
    if (e.kind)
        rig_fail(r, seed, "%s without a fault: %s", op->name, e.text);
    for (unsigned kind = 0; kind < 4; kind++) {
        struct fault fault = {kind & 1, kind & 2};
        for (uint64_t n = 1; n <= calls; n++, ++*points) {
            struct err met = {0};
            if (one_point(&past, op, fault, n, &met))
                continue;
            failed++;
            if (r->is_control)
                continue;
            rig_fail(r, seed, "%s, call %llu %s %s: %s", op->name, (unsigned long long)n,
                     fault.is_full ? "finds no space" : "fails",
                     fault.for_ever ? "for ever" : "once", met.text);
        }
    }
    r->passed += r->is_control ? failed != 0 : !failed && !e.kind;
    world_drop(&past);
}

int main(int argc, char **argv)
{
    struct rig r = rig_begin(argc, argv, "fault", NULL);
    uint64_t points = 0;
    for (uint64_t i = 0; i < r.trials; i++)
        one_trial(&r, r.seed + i, &points);
    printf("%llu points of %llu operations\n", (unsigned long long)points,
           (unsigned long long)r.trials);
    return rig_end(&r);
}
