/*
 * Funnels against references written from the contract's words: runs as objects that each look at
 * every event, and, for equal time stamps, a search through every order of events.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "query/reference.h"

enum { ROUNDS = 3000, STEPS = 4 };

static const int64_t start_ms = INT64_C(1772323200000); /* 2026-03-01T00:00:00Z */
static const int64_t hour_ms = 3600000;

struct spec {
    size_t steps;
    char names[STEPS];
    int64_t window_ms;
    const char *order, *entry, *count;
    bool has_exclusion, drops, holds;
    char excluded;
    size_t from, to; /* of the exclusion, from 1 */
    size_t never;    /* so many events more are excluded that nobody has done */
    bool has_filters;
};

/* A run of the references. */
struct walk {
    size_t depth;
    bool is_excluded;
    bool is_fixed[STEPS];      /* by step: an exclusion came after it, it is not repeated */
    size_t start;              /* index of its first event */
    size_t path[STEPS][STEPS]; /* by depth: the event of each step, the newest that led there */
    size_t at[STEPS];          /* of the depth it reports */
};

static const char own_filter[] = ",\"filter\":[{\"property\":\"n\",\"gte\":2}]";

static void question_write(const struct spec *s, struct buf *out)
{
    buf_printf(out,
               "{\"insight\":\"funnel\",\"from\":\"2026-03-01\",\"to\":\"2026-03-30\","
               "\"order\":\"%s\",\"entry\":\"%s\",\"count\":\"%s\",\"window\":\"%llds\","
               "\"steps\":[",
               s->order, s->entry, s->count, (long long)s->window_ms / 1000);
    for (size_t i = 0; i < s->steps; i++)
        if (s->names[i] == '*')
            buf_printf(out, "%s{\"event\":null}", i ? "," : "");
        else
            buf_printf(out, "%s{\"event\":\"%c\"%s}", i ? "," : "", s->names[i],
                       s->has_filters && i % 2 ? own_filter : "");
    buf_add(out, s->has_exclusion || s->never ? STR("],\"exclude\":[") : STR("]"));
    if (s->has_exclusion)
        buf_printf(out, "{\"event\":\"%c\",\"between\":[%zu,%zu]}", s->excluded, s->from, s->to);
    for (size_t i = 0; i < s->never; i++)
        buf_printf(out, "%s%s{\"event\":\"never done by anybody, %zu\"}",
                   i % 32             ? ","
                   : i                ? "]},"
                   : s->has_exclusion ? ","
                                      : "",
                   i % 32 ? "" : "{\"any_of\":[", i);
    buf_add(out, s->never ? STR("]}]") : s->has_exclusion ? STR("]") : STR(""));
    if (s->has_filters)
        buf_add(out, STR(",\"filter\":[{\"property\":\"plan\",\"is_not\":\"p2\"}]"));
    buf_printf(out, ",\"on_exclude\":\"%s\"%s}", s->drops ? "drop" : "stop",
               s->holds ? ",\"hold\":[\"plan\"]" : "");
}

/* ---- ordered, newest entry, no two events at one time ---- */

static void path_take(struct walk *w, size_t depth)
{
    memcpy(w->at, w->path[depth - 1], sizeof w->at);
}

static bool blocks(const struct spec *s, size_t depth)
{
    return s->has_exclusion && depth >= s->from && depth < s->to;
}

/* All runs at once, each on its own; one that is still at step 1 ends when a newer step 1 comes. */
static struct walk latest(const struct spec *s, const struct ref_person *p)
{
    struct walk runs[REF_EVENTS_MAX], best = {0};
    size_t count = 0;

    for (size_t i = 0; i < p->count && !(best.depth == s->steps && !best.is_excluded); i++) {
        const struct event *e = p->events[i];
        struct walk moved = {0};
        for (size_t r = 0; s->has_exclusion && ref_matches(e, s->excluded) && r < count; r++) {
            bool is_in = e->time - p->events[runs[r].start]->time <= s->window_ms;
            for (size_t k = 1; is_in && k < runs[r].depth; k++) /* passed, and not to be repeated */
                runs[r].is_fixed[k] = runs[r].is_fixed[k] || blocks(s, k);
            if (is_in && blocks(s, runs[r].depth)) {
                runs[r].is_excluded = true;
                if (best.depth == runs[r].depth && best.start == runs[r].start)
                    best.is_excluded = true;
            }
        }
        for (size_t r = 0; r < count; r++) { /* older runs first: a newer one that moves wins */
            struct walk *w = &runs[r];
            bool is_in = e->time - p->events[w->start]->time <= s->window_ms;
            if (w->is_excluded || !is_in)
                continue;
            size_t before = w->depth, top = 0;
            for (size_t k = MIN(before, s->steps - 1); k >= 1; k--) { /* highest step first */
                if (!ref_matches(e, s->names[k]) || w->is_fixed[k])
                    continue;
                memcpy(w->path[k], w->path[k - 1], sizeof w->path[k]);
                w->path[k][k] = i;
                top = MAX(top, k + 1);
            }
            w->depth = MAX(before, top);
            if (top && top >= moved.depth) { /* the furthest that moved; of equals the newest */
                moved = *w;
                moved.depth = top;
                path_take(&moved, top);
            }
        }
        if (moved.depth > best.depth ||
            (s->drops && moved.depth && moved.depth == best.depth && best.is_excluded))
            best = moved;
        if (ref_matches(e, s->names[0])) {
            size_t kept = 0;
            for (size_t r = 0; r < count; r++)
                if (runs[r].depth > 1)
                    runs[kept++] = runs[r];
            count = kept;
            struct walk fresh = {.depth = 1, .start = i};
            fresh.path[0][0] = i;
            path_take(&fresh, 1);
            runs[count++] = fresh;
            bool is_anchored_anew = best.depth == 1 && !best.is_excluded;
            if (!best.depth || is_anchored_anew ||
                (s->drops && best.depth == 1 && best.is_excluded))
                best = fresh;
        }
    }
    if (s->drops && best.is_excluded)
        best.depth = 0;
    return best;
}

/* ---- one run from one start ---- */

static struct walk greedy(const struct spec *s, const struct ref_person *p, size_t start,
                          size_t *ended)
{
    struct walk w = {.depth = 1, .start = start, .at = {start}};
    size_t i = start + 1;
    bool is_strict = s->order[0] == 's';

    for (; i < p->count && w.depth < s->steps; i++) {
        const struct event *e = p->events[i];
        if (e->time - p->events[start]->time > s->window_ms)
            break;
        if (s->has_exclusion && ref_matches(e, s->excluded) && blocks(s, w.depth)) {
            w.is_excluded = true;
            i++; /* what excludes does not begin */
            break;
        }
        if (ref_matches(e, s->names[w.depth]))
            w.at[w.depth++] = i;
        else if (is_strict)
            break;
    }
    *ended = i;
    return w;
}

static void best_take(const struct spec *s, struct walk *best, const struct walk *w)
{
    if (w->depth > best->depth ||
        (s->drops && w->depth == best->depth && best->is_excluded && !w->is_excluded))
        *best = *w;
}

static struct walk first(const struct spec *s, const struct ref_person *p)
{
    struct walk best = {0};

    for (size_t i = 0; i < p->count;) {
        if (!ref_matches(p->events[i], s->names[0])) {
            i++;
            continue;
        }
        struct walk w = greedy(s, p, i, &i);
        best_take(s, &best, &w);
        if (best.depth == s->steps && !best.is_excluded)
            break;
    }
    if (s->drops && best.is_excluded)
        best.depth = 0;
    return best;
}

static struct walk every(const struct spec *s, const struct ref_person *p)
{
    struct walk best = {0};
    size_t ended;

    for (size_t i = 0; i < p->count; i++) {
        if (!ref_matches(p->events[i], s->names[0]))
            continue;
        struct walk w = greedy(s, p, i, &ended);
        best_take(s, &best, &w);
    }
    if (s->drops && best.is_excluded)
        best.depth = 0;
    return best;
}

/* ---- held values: everything again for each value, other events only in the way ---- */

static struct walk held(const struct spec *s, const struct ref_person *p)
{
    struct walk best = {0};
    char room[VALUE_TEXT_BYTES], other[VALUE_TEXT_BYTES];

    for (size_t v = 0; v < p->count; v++) {
        struct ref_person part = {.count = 0};
        struct str value = ref_property(p->events[v], "plan", room);
        for (size_t i = 0; i < p->count; i++)
            if (str_equal(ref_property(p->events[i], "plan", other), value))
                part.events[part.count++] = p->events[i];
        struct walk w = latest(s, &part);
        for (size_t k = 0; k < w.depth; k++) /* back to places in the whole list */
            for (size_t i = 0; i < p->count; i++)
                if (p->events[i] == part.events[w.at[k]]) {
                    w.at[k] = i;
                    break;
                }
        if (w.depth > best.depth ||
            (w.depth && w.depth == best.depth && w.at[w.depth - 1] < best.at[best.depth - 1]))
            best = w;
    }
    return best;
}

/* Questions that name only events nobody has done are refused: another test's matter. */
static bool is_refused(const struct spec *s, const struct ref_world *w)
{
    bool is_known = false, has_name = s->has_exclusion, has_plan = false;
    char room[VALUE_TEXT_BYTES];

    for (size_t k = 0; k < w->world.event_count; k++) {
        const struct event *e = &w->world.events[k];
        for (size_t i = 0; i < s->steps; i++)
            is_known = is_known || (s->names[i] != '*' && ref_matches(e, s->names[i]));
        is_known = is_known || (s->has_exclusion && ref_matches(e, s->excluded));
        has_plan = has_plan || ref_property(e, "plan", room).len;
    }
    for (size_t i = 0; i < s->steps; i++)
        has_name = has_name || s->names[i] != '*';
    return (has_name && !is_known) || (s->holds && !has_plan);
}

static void world_print(const struct ref_world *w)
{
    for (size_t p = 0; p < w->person_count; p++) {
        print_error("%.*s:", STR_ARG(w->world.people[p].id));
        for (size_t i = 0; i < w->people[p].count; i++)
            print_error(" %.*s@%lld", STR_ARG(w->people[p].events[i]->name),
                        (long long)((w->people[p].events[i]->time - start_ms) / hour_ms));
        print_error("\n");
    }
}

/* ---- comparing ---- */

struct sums {
    size_t counts[STEPS], stopped[STEPS];
    double seconds[STEPS][REF_EVENTS_MAX];
    size_t times[STEPS];
};

static void sums_add(const struct spec *s, const struct ref_person *p, const struct walk *w,
                     struct sums *out)
{
    (void)s;
    if (w->depth && w->is_excluded)
        out->stopped[w->depth - 1]++;
    for (size_t k = 0; k < w->depth; k++) {
        out->counts[k]++;
        if (k)
            out->seconds[k][out->times[k]++] =
                (double)(p->events[w->at[k]]->time - p->events[w->at[k - 1]]->time) / 1000;
    }
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *list, size_t count)
{
    if (!count)
        return NAN;
    qsort(list, count, sizeof *list, ascending);
    return count % 2 ? list[count / 2] : (list[count / 2 - 1] + list[count / 2]) / 2;
}

static double mean(const double *list, size_t count)
{
    double sum = 0;

    for (size_t i = 0; i < count; i++)
        sum += list[i];
    return count ? sum / (double)count : NAN;
}

static void compare(const struct spec *s, const struct ref_world *w, struct str question,
                    struct json answer, struct sums *sums, bool with_stopped)
{
    struct json_each it = json_each(json_member(answer, STR("steps")));

    for (size_t k = 0; json_next(&it); k++) {
        double count = ref_number(json_member(it.value, STR("count")));
        double average = ref_number(json_member(it.value, STR("average_seconds")));
        double middle = ref_number(json_member(it.value, STR("median_seconds")));
        double stopped = ref_number(json_member(it.value, STR("stopped")));
        assert_true(k < s->steps);
        bool is_same = count == (double)sums->counts[k] &&
                       ref_is_near(mean(sums->seconds[k], sums->times[k]), average) &&
                       ref_is_near(median(sums->seconds[k], sums->times[k]), middle) &&
                       (!with_stopped || stopped == (double)sums->stopped[k]);
        if (!is_same)
            world_print(w);
        if (count != (double)sums->counts[k])
            fail_msg("%.*s\nstep %zu: %g, not %zu", STR_ARG(question), k + 1, count,
                     sums->counts[k]);
        if (!ref_is_near(mean(sums->seconds[k], sums->times[k]), average) ||
            !ref_is_near(median(sums->seconds[k], sums->times[k]), middle))
            fail_msg("%.*s\nstep %zu: %g s on average, not %g", STR_ARG(question), k + 1, average,
                     mean(sums->seconds[k], sums->times[k]));
        if (with_stopped && stopped != (double)sums->stopped[k])
            fail_msg("%.*s\nstep %zu: %g stopped, not %zu", STR_ARG(question), k + 1, stopped,
                     sums->stopped[k]);
    }
}

static struct spec spec_roll(struct dice *d)
{
    static const char *const entries[] = {"latest", "first", "every"};
    struct spec s = {.steps = 1 + roll(d, STEPS), .count = "people", .order = "ordered"};
    static const char letters[] = "ABCD*";

    for (size_t i = 0; i < s.steps; i++)
        s.names[i] = letters[roll(d, chance(d, 20) ? 5 : 4)];
    s.window_ms = (1 + roll(d, 80)) * hour_ms;
    s.entry = entries[roll(d, COUNT(entries))];
    s.has_exclusion = s.steps > 1 && chance(d, 40);
    s.excluded = letters[roll(d, 4)];
    s.from = 1 + (s.steps > 1 ? roll(d, (uint32_t)s.steps - 1) : 0);
    s.to = s.from + 1 + (s.steps > s.from + 1 ? roll(d, (uint32_t)(s.steps - s.from)) : 0);
    s.drops = chance(d, 40);
    return s;
}

static void round_of(struct dice *d, const struct spec *s, bool unique_times,
                     struct walk (*reference)(const struct spec *, const struct ref_person *),
                     bool with_stopped)
{
    AUTO(arena) *arena = arena_create(0);
    AUTO(json_parser) *parser = json_parser_create();
    BUF_AUTO question = {0}, text = {0};
    struct ref_world w;
    struct sums sums = {0};
    struct world_shape shape = {.people = REF_PEOPLE,
                                .events = 60,
                                .start = start_ms,
                                .step_ms = hour_ms,
                                .steps = 24 * 5,
                                .unique_times = unique_times};

    ref_world_make(&w, d, arena, &shape);
    for (size_t p = 0; p < w.person_count; p++) {
        struct walk best = reference(s, &w.people[p]);
        if (best.depth)
            sums_add(s, &w.people[p], &best, &sums);
    }
    question_write(s, &question);
    if (!is_refused(s, &w))
        compare(s, &w, buf_str(&question),
                ref_ask(&w, parser, buf_str(&question), start_ms + 40 * 24 * hour_ms, &text), &sums,
                with_stopped);
    plain_source_free(&w.source);
}

static struct walk by_entry(const struct spec *s, const struct ref_person *p)
{
    return s->entry[0] == 'l' ? latest(s, p) : s->entry[0] == 'f' ? first(s, p) : every(s, p);
}

static void ordered_is_the_reference(void **state)
{
    struct dice d = random_dice(7);

    (void)state;
    for (size_t i = random_rounds(ROUNDS); i > 0; i--) {
        struct spec s = spec_roll(&d);
        if (s.entry[0] != 'l' && s.has_exclusion)
            s.drops = false;
        round_of(&d, &s, true, by_entry, !s.drops);
    }
    random_report(&d);
}

static void held_is_the_reference(void **state)
{
    struct dice d = random_dice(8);

    (void)state;
    for (size_t i = random_rounds(ROUNDS) / 2; i > 0; i--) {
        struct spec s = spec_roll(&d);
        s.entry = "latest";
        s.holds = true;
        s.has_exclusion = s.drops = false;
        round_of(&d, &s, true, held, true);
    }
    random_report(&d);
}

/* ---- strict ---- */

static struct walk strict(const struct spec *s, const struct ref_person *p)
{
    struct walk best = {0};

    for (size_t i = 0; i < p->count; i++) {
        struct walk w = {0};
        while (w.depth < s->steps && i + w.depth < p->count &&
               ref_matches(p->events[i + w.depth], s->names[w.depth]) &&
               p->events[i + w.depth]->time - p->events[i]->time <= s->window_ms) {
            w.at[w.depth] = i + w.depth;
            w.depth++;
        }
        if (w.depth > best.depth)
            best = w;
    }
    return best;
}

static void strict_is_the_reference(void **state)
{
    struct dice d = random_dice(9);

    (void)state;
    for (size_t i = random_rounds(ROUNDS) / 2; i > 0; i--) {
        struct spec s = spec_roll(&d);
        s.order = "strict";
        s.entry = chance(&d, 50) ? "latest" : "every";
        s.has_exclusion = s.drops = false;
        /* of runs that get as far, the first to begin is the first to get there */
        round_of(&d, &s, true, strict, true);
    }
    random_report(&d);
}

/* ---- unordered: no event fits two steps, so distinct steps in a window are just counted ---- */

static struct walk unordered(const struct spec *s, const struct ref_person *p)
{
    struct walk best = {0};

    for (size_t i = 0; i < p->count && best.depth < s->steps; i++) {
        size_t oldest[STEPS], n = 0;
        for (size_t k = 0; k < s->steps; k++)
            for (size_t j = 0; j <= i; j++)
                if (ref_matches(p->events[j], s->names[k]) &&
                    p->events[i]->time - p->events[j]->time <= s->window_ms) {
                    oldest[n++] = j;
                    break;
                }
        if (n <= best.depth)
            continue;
        best.depth = n;
        for (size_t k = 0; k < n; k++) {
            size_t least = k;
            for (size_t j = k + 1; j < n; j++)
                if (oldest[j] < oldest[least])
                    least = j;
            size_t swap = oldest[k];
            oldest[k] = oldest[least];
            oldest[least] = swap;
            best.at[k] = oldest[k];
        }
    }
    return best;
}

static void unordered_is_the_reference(void **state)
{
    struct dice d = random_dice(10);

    (void)state;
    for (size_t i = random_rounds(ROUNDS) / 2; i > 0; i--) {
        struct spec s = spec_roll(&d);
        s.order = "unordered";
        s.entry = "latest";
        s.has_exclusion = s.drops = false;
        for (size_t k = 0; k < s.steps; k++)
            s.names[k] = "ABCD"[k];
        round_of(&d, &s, true, unordered, true);
    }
    random_report(&d);
}

/* ---- equal time stamps: whether any order of events takes a run that far ---- */

static bool chain_exists(const struct spec *s, const struct ref_person *p, size_t depth,
                         size_t target, const size_t *used, int64_t start, int64_t last)
{
    size_t taken[STEPS];

    if (depth == target)
        return true;
    memcpy(taken, used, sizeof taken);
    for (size_t i = 0; i < p->count; i++) {
        const struct event *e = p->events[i];
        bool is_used = false;
        for (size_t k = 0; k < depth; k++)
            is_used = is_used || used[k] == i;
        if (is_used || !ref_matches(e, s->names[depth]) || (depth && e->time < last) ||
            (depth && e->time - start > s->window_ms))
            continue;
        taken[depth] = i;
        if (chain_exists(s, p, depth + 1, target, taken, depth ? start : e->time, e->time))
            return true;
    }
    return false;
}

static void ties_allow_any_order(void **state)
{
    struct dice d = random_dice(11);

    (void)state;
    for (size_t i = random_rounds(ROUNDS) / 3; i > 0; i--) {
        AUTO(arena) *arena = arena_create(0);
        AUTO(json_parser) *parser = json_parser_create();
        BUF_AUTO question = {0}, text = {0};
        struct ref_world w;
        struct world_shape shape = {
            .people = 3, .events = 30, .start = start_ms, .step_ms = 4 * hour_ms, .steps = 6};
        struct spec s = spec_roll(&d);
        s.has_exclusion = s.drops = false;
        s.entry = chance(&d, 50) ? "latest" : "every";
        s.names[0] = 'A'; /* the most frequent, so that the question is never refused */
        ref_world_make(&w, &d, arena, &shape);
        question_write(&s, &question);
        if (!is_refused(&s, &w)) {
            struct json steps = json_member(
                ref_ask(&w, parser, buf_str(&question), start_ms + 900 * hour_ms, &text),
                STR("steps"));
            for (size_t k = 1; k <= s.steps; k++) {
                size_t count = 0, none[STEPS] = {0};
                for (size_t p = 0; p < w.person_count; p++)
                    count += chain_exists(&s, &w.people[p], 0, k, none, 0, 0);
                double got = ref_number(json_member(ref_item(steps, k - 1), STR("count")));
                if (got != (double)count)
                    fail_msg("%.*s\nstep %zu: %g, not %zu", STR_ARG(buf_str(&question)), k, got,
                             count);
            }
        }
        plain_source_free(&w.source);
    }
    random_report(&d);
}

/* The plain kernel answers as the general one: an exclusion that never happens forces the latter.
 */
static void plain_agrees_with_general(void **state)
{
    struct dice d = random_dice(12);

    (void)state;
    for (size_t i = random_rounds(ROUNDS) / 2; i > 0; i--) {
        AUTO(arena) *arena = arena_create(0);
        AUTO(json_parser) *parser = json_parser_create();
        AUTO(json_parser) *parser2 = json_parser_create();
        BUF_AUTO plain = {0}, general = {0}, text = {0}, text2 = {0}, a = {0}, b = {0};
        struct ref_world w;
        struct world_shape shape = {.people = REF_PEOPLE,
                                    .events = 60,
                                    .start = start_ms,
                                    .step_ms = hour_ms * (1 + roll(&d, 6)),
                                    .steps = 40};
        struct spec s = spec_roll(&d);
        s.entry = "latest";
        s.has_exclusion = s.drops = false;
        for (size_t k = 0; k < s.steps; k++)
            s.names[k] = "ABCD"[k];
        ref_world_make(&w, &d, arena, &shape);
        question_write(&s, &plain);
        if (!is_refused(&s, &w)) {
            s.never = 1;
            question_write(&s, &general);
            int64_t now = start_ms + 900 * hour_ms;
            json_print(json_member(ref_ask(&w, parser, buf_str(&plain), now, &text), STR("steps")),
                       &a);
            json_print(
                json_member(ref_ask(&w, parser2, buf_str(&general), now, &text2), STR("steps")),
                &b);
            assert_str(buf_str(&a), buf_str(&b));
        }
        plain_source_free(&w.source);
    }
    random_report(&d);
}

/* With more kinds of events than a scan has selectors, the answer is the same. */
static void wide_agrees_with_narrow(void **state)
{
    static const char *const orders[] = {"ordered", "strict", "unordered"};
    struct dice d = random_dice(13);

    (void)state;
    for (size_t i = random_rounds(ROUNDS) / 2; i > 0; i--) {
        AUTO(arena) *arena = arena_create(0);
        AUTO(json_parser) *parser = json_parser_create();
        AUTO(json_parser) *parser2 = json_parser_create();
        BUF_AUTO narrow = {0}, wide = {0}, text = {0}, text2 = {0}, a = {0}, b = {0};
        struct ref_world w;
        struct world_shape shape = {.people = REF_PEOPLE,
                                    .events = 60,
                                    .start = start_ms,
                                    .step_ms = hour_ms * (1 + roll(&d, 6)),
                                    .steps = 40};
        struct spec s = spec_roll(&d);
        s.names[0] = 'A'; /* one that is known, mostly */
        s.order = orders[roll(&d, 3)];
        if (s.order[0] == 'u') {
            s.entry = "latest";
            s.has_exclusion = false;
        }
        s.holds = chance(&d, 30);
        s.never = 1; /* so that both are of the general kernel */
        s.has_filters = chance(&d, 40);
        ref_world_make(&w, &d, arena, &shape);
        question_write(&s, &narrow);
        s.never = 40;
        question_write(&s, &wide);
        bool has_n = false;
        for (size_t k = 0; k < w.world.event_count; k++)
            for (size_t p = 0; p < w.world.events[k].property_count; p++)
                has_n = has_n || str_equal(w.world.events[k].properties[p].name, STR("n"));
        s.holds = s.holds || s.has_filters; /* is_refused looks for the plan */
        if (!is_refused(&s, &w) && (has_n || !s.has_filters)) {
            int64_t now = start_ms + 900 * hour_ms;
            json_print(json_member(ref_ask(&w, parser, buf_str(&narrow), now, &text), STR("steps")),
                       &a);
            json_print(json_member(ref_ask(&w, parser2, buf_str(&wide), now, &text2), STR("steps")),
                       &b);
            assert_str(buf_str(&a), buf_str(&b));
        }
        plain_source_free(&w.source);
    }
    random_report(&d);
}

/* One hundred different steps are one funnel, and one more is refused by name. */
static void a_hundred_steps(void **state)
{
    enum { STEPS_MOST = 100 };
    AUTO(arena) *arena = arena_create(0);
    AUTO(json_parser) *parser = json_parser_create();
    struct event *events = arena_array(arena, STEPS_MOST, sizeof *events);
    struct plain_source source;
    struct query_context context = {.now_ms = start_ms + 900 * hour_ms};
    BUF_AUTO question = {0}, text = {0};
    struct json root;
    struct err e = {0};

    (void)state;
    buf_add(&question, STR("{\"insight\":\"funnel\",\"from\":\"2026-03-01\",\"steps\":["));
    for (size_t i = 0; i < STEPS_MOST; i++) {
        events[i] = (struct event){.id = arena_printf(arena, "e%zu", i),
                                   .time = start_ms + (int64_t)i * hour_ms,
                                   .name = arena_printf(arena, "step %zu", i),
                                   .person = i == 60 ? STR("b") : STR("a")};
        buf_printf(&question, "%s{\"event\":\"step %zu\"}", i ? "," : "", i);
    }
    plain_source_init(&source, events, STEPS_MOST, NULL, 0);
    size_t len = question.len;
    buf_add(&question, STR("],\"window\":\"10d\"}"));
    assert_works(query_answer(&source.source, &context, buf_str(&question), &text, &e), e);
    assert_works(json_parse(parser, buf_str(&text), &root, &e), e);
    struct json steps = json_member(root, STR("steps"));
    assert_int_equal(json_count(steps), STEPS_MOST);
    for (size_t i = 0; i < STEPS_MOST; i++)
        assert_true(ref_number(json_member(ref_item(steps, i), STR("count"))) == (i < 60));
    question.len = len;
    buf_add(&question, STR(",{\"event\":\"step 0\"}]}"));
    assert_false(query_answer(&source.source, &context, buf_str(&question), &text, &e));
    assert_int_equal(err_status(e.kind), 400);
    assert_string_equal(e.at, "/steps");
    assert_non_null(strstr(e.text, "100"));
    plain_source_free(&source);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ordered_is_the_reference), cmocka_unit_test(held_is_the_reference),
        cmocka_unit_test(strict_is_the_reference),  cmocka_unit_test(unordered_is_the_reference),
        cmocka_unit_test(ties_allow_any_order),     cmocka_unit_test(plain_agrees_with_general),
        cmocka_unit_test(wide_agrees_with_narrow),  cmocka_unit_test(a_hundred_steps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
