/*
 * full: disks of a random small size are filled until they refuse, again and again; then there is
 * space once more.
 *
 * On the full disk: every refusal says that there is no space, nothing of what was refused stays
 * behind as a promise, what was acknowledged can be read, the store does not stop, and it can be
 * closed (or killed) and opened again. With space given back, some of it first and then all, it
 * goes on as it is; then the power goes, and all that was ever acknowledged is there.
 */
#include "world.h"

enum { STEPS_MAX = 120, REFUSALS = 8 };

static bool is_stopped(struct world *w)
{
    struct store_state state;
    store_state(w->s, &state);
    return state.is_stopped;
}

/* Steps until the disk has refused often enough. */
static bool fill(struct world *w, unsigned refusals, struct err *e)
{
    static bool (*const steps[])(struct world *, struct err *) = {
        world_append, world_append, world_fill,     world_import,
        world_merge,  world_append, world_maintain,
    };
    for (unsigned i = 0; i < STEPS_MAX && refusals; i++) {
        struct err met = {0};
        if (steps[throw(w, COUNT(steps))](w, &met))
            continue;
        refusals--;
        if (met.kind != ERR_NO_SPACE) {
            *e = met;
            return err_while(e, "not a full disk");
        }
        if (is_stopped(w))
            return err_set(e, ERR_BUSY, "the store stopped: %s", met.text);
        if (!world_check_reading(w, e))
            return false;
    }
    return true;
}

static bool one_fill(struct world *w, uint64_t room, struct err *e)
{
    uint64_t max = os_sim_used_bytes(w->os) + room;
    struct os_sim_plan plan = {.seed = w->seed, .disk_bytes_max = max};
    os_sim_set_plan(w->os, plan);
    if (!fill(w, REFUSALS, e))
        return false;
    if (throw(w, 2) && !(throw(w, 2) ? world_reopen(w, e) : world_recover(w, e)))
        return err_while(e, "opening on the full disk");
    if (!world_check(w, "on the full disk", e))
        return false;
    if (throw(w, 2)) { /* a little more room, which is filled too */
        plan.disk_bytes_max += throw(w, 40000);
        os_sim_set_plan(w->os, plan);
        if (!fill(w, 2, e))
            return false;
    }
    os_sim_set_plan(w->os, (struct os_sim_plan){.seed = w->seed});
    if (!world_append(w, e) || !world_import(w, e) || !world_maintain(w, e) || !world_append(w, e))
        return err_while(e, "with space again");
    if (!world_check(w, "with space again", e))
        return false;
    os_sim_crash_as(w->os, (enum os_sim_damage) throw(w, OS_SIM_DAMAGES));
    store_close(TAKE(w->s));
    return (world_open(w, e) || err_while(e, "after the power cut")) &&
           world_check(w, "after the power cut", e);
}

int main(int argc, char **argv)
{
    struct rig r = rig_begin(argc, argv, "full", NULL);
    for (uint64_t i = 0; i < r.trials; i++) {
        uint64_t seed = r.seed + i;
        struct world w = {.seed = seed, .arena = arena_create(0)};
        struct err e = {0};
        w.os = os_sim_create((struct os_sim_plan){.seed = seed});
        bool ok = world_past(&w, &e) || err_while(&e, "before");
        /* By turns a few bytes, some log, more than one sealing. */
        static const uint64_t rooms[] = {600, 5000, 60000, 400000, 1500000};
        ok = ok && one_fill(&w, throw(&w, rooms[seed % COUNT(rooms)]), &e);
        r.passed += ok;
        if (!ok)
            rig_fail(&r, seed, "%s", e.text);
        world_drop(&w);
    }
    return rig_end(&r);
}
