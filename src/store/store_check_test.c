/* The check finds nothing in a good store, and names the file of whatever is damaged. */
#include "store/store_inner.h"
#include "store/store_sample.h"

/* What was found: how often, and the first words. */
struct found {
    unsigned count;
    char file[64], what[400];
    uint64_t stop_after, moved;
};

static void note(void *context, struct str file, struct str what)
{
    struct found *f = context;
    if (f->count++ == 0) {
        snprintf(f->file, sizeof f->file, "%.*s", STR_ARG(file));
        snprintf(f->what, sizeof f->what, "%.*s", STR_ARG(what));
    }
}

static bool count_bytes(void *context, uint64_t bytes)
{
    struct found *f = context;
    f->moved += bytes;
    return !f->stop_after || f->moved < f->stop_after;
}

static struct store_check_options options_for(struct found *f)
{
    *f = (struct found){0};
    return (struct store_check_options){.found = note, .progress = count_bytes, .context = f};
}

struct world {
    struct os *os;
    struct store *s;
    struct arena *arena;
    struct err e;
};

static void append(struct world *w, uint32_t from, uint32_t count)
{
    struct event *list = arena_array(w->arena, count, sizeof *list);
    struct property level = {STR("level"), {.type = VALUE_INT, .integer = from}};
    struct fact fact = {.kind = FACT_PERSON_TRAITS,
                        .subject = STR("person 3"),
                        .created = (int64_t)FACT_CREATED_NONE,
                        .properties = &level,
                        .property_count = 1};
    struct store_receipt r;
    for (uint32_t i = 0; i < count; i++)
        list[i] = sample_event(w->arena, from + i);
    struct store_batch batch = {
        .events = list, .event_count = count, .facts = &fact, .fact_count = 1};
    assert_works(store_append(w->s, &batch, &r, &w->e), w->e);
}

static void open_world(struct world *w)
{
    struct store_options options = {.project = STR("main"), .no_background = true};
    assert_works(store_open(w->os, STR("/d"), &options, &w->s, &w->e), w->e);
}

/* Segments, people, facts, two log files, and rows that are in the log only. */
static struct world *make_world(void)
{
    struct world *w = mem_zero(sizeof *w);
    w->os = os_sim_create((struct os_sim_plan){.seed = 4});
    w->arena = arena_create(0);
    open_world(w);
    append(w, 0, 300);
    assert_works(store_maintain(w->s, &w->e), w->e);
    append(w, 300, 50);
    pthread_mutex_lock(&w->s->writer_lock);
    assert_works(store_next_log(w->s, &w->e), w->e);
    pthread_mutex_unlock(&w->s->writer_lock);
    append(w, 350, 50);
    struct store_erasure erased;
    assert_works(store_erase(w->s, STR("nobody"), &erased, &w->e), w->e);
    return w;
}

static void free_world(struct world *w)
{
    store_close(w->s);
    os_destroy(w->os);
    arena_destroy(w->arena);
    mem_free(w);
}

static void close_world(struct world *w)
{
    store_close(w->s);
    w->s = NULL;
}

static void nothing_is_found_in_a_good_store(void **state)
{
    (void)state;
    struct world *w = make_world();
    struct store_check_report live, closed;
    struct found f;
    struct store_check_options options = options_for(&f);

    assert_works(store_check(w->s, &options, &live, &w->e), w->e);
    if (f.count)
        fail_msg("%s: %s", f.file, f.what);
    close_world(w);
    uint64_t calls = os_sim_calls(w->os);
    assert_works(store_check_dir(w->os, STR("/d"), &options, &closed, &w->e), w->e);
    assert_int_equal(f.count, 0);
    assert_int_equal(os_sim_calls(w->os), calls); /* nothing was changed */
    /* manifest, people, facts, three segments, two log files, erased ids */
    assert_int_equal(closed.files, 9);
    assert_int_equal(live.files, closed.files);
    assert_int_equal(closed.segments, 3);
    assert_int_equal(closed.events, 300);
    assert_int_equal(closed.people, SAMPLE_PEOPLE);
    assert_int_equal(closed.batches, 3);
    assert_int_equal(closed.damaged + live.damaged, 0);
    assert_true(closed.bytes > 10000 && f.moved >= closed.bytes);
    free_world(w);
}

/* Bit rot at a place that matters in each file. Far into a segment there is unread padding. */
static void a_flipped_bit_is_found_in_each_file(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        uint64_t at;
    } cases[] = {
        {"manifest", 3},
        {"manifest", 140},
        {"people-1", 20},
        {"people-1", 150},
        {"facts-1", 126},
        {"facts-1", 140},
        {"seg-0000000001.tns", 9},
        {"seg-0000000001.tns", 100},
        {"seg-0000000003.tns", 260},
        {"wal-0000000002", 50},
        {"wal-0000000002", 200},
        {"wal-0000000003", 60},
        {"wal-0000000003", 200},
        {"erased", 20},
        {"erased", 150},
    };
    struct world *w = make_world();
    close_world(w);
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct str path = arena_printf(w->arena, "/d/%s", cases[i].name);
        struct store_check_report r;
        struct found f;
        struct store_check_options options = options_for(&f);
        assert_true(os_sim_flip(w->os, path, cases[i].at, 1));
        assert_works(store_check_dir(w->os, STR("/d"), &options, &r, &w->e), w->e);
        if (!f.count || strcmp(f.file, cases[i].name) != 0)
            fail_msg("%s at %d: found %u, %s: %s", cases[i].name, (int)cases[i].at, f.count, f.file,
                     f.what);
        assert_int_equal(r.damaged, f.count);
        assert_true(os_sim_flip(w->os, path, cases[i].at, 1));
    }
    free_world(w);
}

static void all_damage_is_named_not_the_first(void **state)
{
    (void)state;
    struct world *w = make_world();
    struct store_check_report r;
    struct found f;
    struct store_check_options options = options_for(&f);

    close_world(w);
    assert_true(os_sim_flip(w->os, STR("/d/people-1"), 150, 1));
    assert_true(os_sim_flip(w->os, STR("/d/seg-0000000001.tns"), 100, 1));
    assert_works(os_remove(w->os, STR("/d/seg-0000000002.tns"), &w->e), w->e);
    assert_works(store_check_dir(w->os, STR("/d"), &options, &r, &w->e), w->e);
    assert_int_equal(f.count, 3);
    free_world(w);
}

static void missing_cut_and_foreign_files_are_named(void **state)
{
    (void)state;
    static const char *const names[] = {"people-1", "facts-1", "seg-0000000002.tns",
                                        "wal-0000000002"};
    struct world *w = make_world();
    struct store_options other = {.project = STR("other"), .no_background = true};
    struct store *s;

    close_world(w);
    assert_works(store_open(w->os, STR("/o"), &other, &s, &w->e), w->e);
    struct store *mine = w->s;
    w->s = s;
    append(w, 0, 400);
    assert_works(store_maintain(s, &w->e), w->e);
    append(w, 400, 10);
    store_close(s);
    w->s = mine;
    for (size_t i = 0; i < COUNT(names); i++) {
        struct str path = arena_printf(w->arena, "/d/%s", names[i]), whole, foreign;
        struct str from = arena_printf(w->arena, "/o/%s", names[i]);
        assert_works(os_read_whole(w->os, path, w->arena, &whole, &w->e), w->e);
        assert_works(os_read_whole(w->os, from, w->arena, &foreign, &w->e), w->e);
        for (int way = 0; way < 3; way++) {
            struct store_check_report r;
            struct found f;
            struct store_check_options options = options_for(&f);
            if (way == 0)
                assert_works(os_remove(w->os, path, &w->e), w->e);
            else
                assert_works(os_write_whole(w->os, path,
                                            way == 1 ? str_sub(whole, 0, whole.len - 9) : foreign,
                                            &w->e),
                             w->e);
            assert_works(store_check_dir(w->os, STR("/d"), &options, &r, &w->e), w->e);
            if (!f.count || (way && strcmp(f.file, names[i]) != 0))
                fail_msg("%s, way %d: found %u, %s: %s", names[i], way, f.count, f.file, f.what);
        }
        assert_works(os_write_whole(w->os, path, whole, &w->e), w->e);
    }
    free_world(w);
}

/* A segment that holds rows which another one has, too: as a broken compaction would leave it. */
static void an_id_that_is_in_twice_is_named(void **state)
{
    (void)state;
    struct world *w = make_world();
    const struct manifest_content *m = manifest_content(w->s->manifest);
    struct manifest_marks marks = m->marks;
    struct store_check_report r;
    struct found f;
    struct store_check_options options = options_for(&f);
    BUF_AUTO bytes = {0};

    uint64_t number = marks.next_segment++;
    assert_works(
        merge_segments(&w->s->live[1], 1, STR("main"), number, NULL, NULL, &bytes, &w->e) &&
            store_write_segment(w->s, number, buf_str(&bytes), &w->e),
        w->e);
    struct manifest_segment added = {number, w->s->live[1]->age, w->s->live[1]->month_start,
                                     w->s->live[1]->rows, bytes.len};
    struct manifest_edit edit = {.added = &added, .added_count = 1, .marks = marks};
    uint32_t ids = w->s->live[1]->id_count;
    assert_works(manifest_edit(w->s->manifest, &edit, &w->e), w->e);
    assert_works(store_check(w->s, &options, &r, &w->e), w->e);
    assert_int_equal(f.count, ids);
    assert_non_null(strstr(f.what, "the id \"id-"));
    free_world(w);
}

static void it_can_be_stopped_and_no_store_is_an_error(void **state)
{
    (void)state;
    struct world *w = make_world();
    struct store_check_report r;
    struct found f;
    struct store_check_options options = options_for(&f);

    f.stop_after = 1000;
    assert_false(store_check(w->s, &options, &r, &w->e));
    assert_int_equal(w->e.kind, ERR_BUSY);
    w->e = (struct err){0};
    assert_false(store_check_dir(w->os, STR("/nowhere"), &options, &r, &w->e));
    assert_int_equal(w->e.kind, ERR_NOT_FOUND);
    free_world(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_found_in_a_good_store),
        cmocka_unit_test(a_flipped_bit_is_found_in_each_file),
        cmocka_unit_test(all_damage_is_named_not_the_first),
        cmocka_unit_test(missing_cut_and_foreign_files_are_named),
        cmocka_unit_test(an_id_that_is_in_twice_is_named),
        cmocka_unit_test(it_can_be_stopped_and_no_store_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
