/*
 * app/command_bench: makes a simulated company in a directory of its own, asks a few questions of
 * it, and says how long everything took. The directory is removed again.
 */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "app/command.h"
#include "app/interrupt.h"
#include "base/buf.h"
#include "codec/json.h"
#include "collect/company.h"
#include "os/thread.h"
#include "query/query.h"

enum { REPEATS = 5, EVENTS = 1000000, EVENTS_MAX = 100000000 };

/* What is asked: the two years of the company end a week or less ago. */
static const struct bench_question {
    const char *title, *line;
} questions[] = {
    {"people of one event, by day", "trend people of \"Session Started\" daily last 24mo"},
    {"people of any event, by day", "trend people of any event daily last 24mo"},
    {"events by day and plan", "trend any event daily last 24mo by plan"},
    {"funnel of four steps",
     "funnel \"Signed Up\" > \"Project Created\" > \"Teammate Invited\" > \"Subscription Started\" "
     "within 30d last 24mo"},
    {"weekly retention", "retention of \"Signed Up\" then \"Session Started\" weekly 12"},
};

struct bench {
    struct run *run;
    struct os *os;
    struct str dir;
    struct store *store;
    struct pool *pool;
    int64_t end_ms;
    uint64_t events;
    double import_seconds;
    struct store_state state;
    struct asked {
        double first, median; /* ms */
        uint64_t rows;
    } asked[COUNT(questions)];
};

static double ms_since(struct bench *b, uint64_t began)
{
    return (double)(os_monotonic_ns(b->os) - began) / 1e6;
}

static bool events_asked(const struct run *run, int64_t *out, struct err *e)
{
    struct str text = run_value_or(run, "--events", STR_NONE);

    *out = EVENTS;
    if (!text.at || (str_to_i64(text, out) && *out > 0 && *out <= EVENTS_MAX))
        return true;
    return err_set(e, ERR_USAGE, "--events is a whole number from 1 to %d, not \"%.*s\"",
                   EVENTS_MAX, STR_ARG(text));
}

static bool make_dir(struct bench *b, struct err *e)
{
    const char *base = getenv("TMPDIR");
    struct str path =
        arena_printf(b->run->arena, "%s/tenure-bench-XXXXXX", base && *base ? base : "/tmp");
    char *room = arena_alloc(b->run->arena, path.len + 1);

    memcpy(room, path.at, path.len);
    room[path.len] = '\0';
    if (!mkdtemp(room)) {
        err_set(e, ERR_IO, "no directory for the bench in %s: %s", base && *base ? base : "/tmp",
                strerror(errno));
        return err_hint(e, "name another one with TMPDIR");
    }
    b->dir = (struct str){room, path.len};
    return true;
}

static bool make_events(struct bench *b, int64_t events, struct err *e)
{
    int64_t now = os_now_ms(b->os);
    struct company_options options = {.events = (uint64_t)events,
                                      .accounts = (uint32_t)MAX(events / 1000, 10),
                                      .people = (uint32_t)MAX(events / 125, 80),
                                      .end_ms = company_end(now),
                                      .now_ms = now};
    struct store_options store_options = {.project = STR("bench")};
    AUTO(store_import) *import = NULL;
    struct company_report report = {0};
    uint64_t began = os_monotonic_ns(b->os);

    fprintf(b->run->err, "Making %lld events …\n", (long long)events);
    if (!store_open(b->os, b->dir, &store_options, &b->store, e) ||
        !store_import_begin(b->store, &import, e) ||
        !company_generate(&options, collect_store_sink(import), NULL, NULL, &report, e))
        return false;
    b->import_seconds = ms_since(b, began) / 1000;
    b->events = report.events;
    b->end_ms = options.end_ms;
    return store_maintain(b->store, e);
}

static int by_size(const void *a, const void *b)
{
    double left = *(const double *)a, right = *(const double *)b;
    return (left > right) - (left < right);
}

static bool ask(struct bench *b, size_t number, struct snapshot *v, struct err *e)
{
    struct store_source room;
    struct source *source = source_of_snapshot(&room, v, b->pool);
    struct query_stats stats;
    struct query_context context = {
        .now_ms = b->end_ms, .cancel = &b->run->cancel->flag, .os = b->os, .stats = &stats};
    double times[REPEATS];
    BUF_AUTO answer = {0};

    for (size_t i = 0; i <= REPEATS; i++) {
        uint64_t began = os_monotonic_ns(b->os);
        buf_clear(&answer);
        if (!query_answer(source, &context, str_of(questions[number].line), &answer, e))
            return false;
        if (i == 0)
            b->asked[number].first = ms_since(b, began);
        else
            times[i - 1] = ms_since(b, began);
    }
    qsort(times, REPEATS, sizeof *times, by_size);
    b->asked[number].median = times[REPEATS / 2];
    b->asked[number].rows = stats.rows;
    return true;
}

static bool ask_all(struct bench *b, struct err *e)
{
    AUTO(snapshot) *v = NULL;

    if (!store_snapshot(b->store, &v, e))
        return false;
    for (size_t i = 0; i < COUNT(questions); i++)
        if (!ask(b, i, v, e))
            return false;
    store_state(b->store, &b->state);
    return true;
}

static void remove_dir(struct bench *b)
{
    struct err ignored = {0};
    struct str *names;
    size_t count;

    if (!b->dir.at)
        return;
    if (os_dir_list(b->os, b->dir, b->run->arena, &names, &count, &ignored))
        for (size_t i = 0; i < count; i++)
            (void)!os_remove(
                b->os, arena_printf(b->run->arena, "%.*s/%.*s", STR_ARG(b->dir), STR_ARG(names[i])),
                &ignored);
    if (rmdir(b->dir.at) != 0)
        fprintf(b->run->err, "tenure: %.*s could not be removed\n", STR_ARG(b->dir));
}

static void print_json(const struct bench *b)
{
    BUF_AUTO out = {0};
    struct jwrite w = jwrite_to(&out);

    jwrite_object(&w);
    jwrite_pair_int(&w, "events", (int64_t)b->events);
    jwrite_pair_int(&w, "people", (int64_t)b->state.people);
    jwrite_pair_double(&w, "events_per_second", (double)b->events / b->import_seconds);
    jwrite_pair_double(&w, "bytes_per_event", (double)b->state.segment_bytes / (double)b->events);
    jwrite_pair_int(&w, "threads", pool_threads(b->pool));
    jwrite_key(&w, STR("questions"));
    jwrite_array(&w);
    for (size_t i = 0; i < COUNT(questions); i++) {
        jwrite_object(&w);
        jwrite_pair_string(&w, "title", str_of(questions[i].title));
        jwrite_pair_string(&w, "question", str_of(questions[i].line));
        jwrite_pair_double(&w, "first_ms", b->asked[i].first);
        jwrite_pair_double(&w, "median_ms", b->asked[i].median);
        jwrite_pair_int(&w, "rows", (int64_t)b->asked[i].rows);
        jwrite_end(&w);
    }
    jwrite_end(&w);
    jwrite_end(&w);
    buf_add_char(&out, '\n');
    fwrite(out.at, 1, out.len, b->run->out);
}

static void print_text(const struct bench *b)
{
    FILE *out = b->run->out;

    fprintf(out, "%llu events of %llu people, %u threads\n", (unsigned long long)b->events,
            (unsigned long long)b->state.people, pool_threads(b->pool));
    fprintf(out, "made and stored  %10.0f events/s\n", (double)b->events / b->import_seconds);
    fprintf(out, "on disk          %10.2f bytes an event\n\n",
            (double)b->state.segment_bytes / (double)b->events);
    fprintf(out, "%-30s %10s %12s %14s\n", "question", "first", "median of 5", "rows a second");
    for (size_t i = 0; i < COUNT(questions); i++)
        fprintf(out, "%-30s %7.1f ms %9.1f ms %12.0f M\n", questions[i].title, b->asked[i].first,
                b->asked[i].median, (double)b->asked[i].rows / b->asked[i].median / 1000);
}

bool command_bench(struct run *run, struct err *e)
{
    AUTO(os) *os = os_linux_create();
    struct bench b = {.run = run, .os = os};
    struct interrupt interrupt;
    int64_t events;

    if (!events_asked(run, &events, e))
        return false;
    interrupt_block(); /* before the first thread */
    b.pool = pool_create(0);
    interrupt_start(&interrupt, run->cancel);
    bool ok = make_dir(&b, e) && make_events(&b, events, e) && ask_all(&b, e);
    interrupt_stop(&interrupt);
    store_close(b.store);
    remove_dir(&b);
    if (ok && run_flag(run, "--json"))
        print_json(&b);
    else if (ok)
        print_text(&b);
    pool_destroy(b.pool);
    return ok;
}
