/*
 * Files whose checksums are right and whose content is not: what a broken writer would leave, or
 * somebody who means harm. The open refuses them, and the check names them.
 */
#include "store/store_check.h"
#include "store/store_inner.h"
#include "store/store_sample.h"

static const struct store_options options = {.project = {"main", 4}, .no_background = true};

struct world {
    struct os *os;
    struct store *s;
    struct arena *arena;
    struct err e;
};

static void open_world(struct world *w)
{
    assert_works(store_open(w->os, STR("/data"), &options, &w->s, &w->e), w->e);
}

static void append(struct world *w, const struct event *events, size_t count)
{
    struct fact f = {.kind = FACT_MERGE,
                     .subject = STR("person 1"),
                     .other = arena_printf(w->arena, "person %zu", count),
                     .created = (int64_t)FACT_CREATED_NONE};
    struct store_receipt r;
    assert_works(store_append(w->s, &(struct store_batch){events, count, &f, 1}, &r, &w->e), w->e);
}

/* A segment of each month, people and facts; and a few events that are only in the log. */
static struct world *world_create(void)
{
    enum { EVENTS = 90 };
    struct world *w = mem_zero(sizeof *w);
    w->os = os_sim_create((struct os_sim_plan){.seed = 1});
    w->arena = arena_create(0);
    open_world(w);
    struct event *list = arena_array(w->arena, EVENTS, sizeof *list);
    for (uint32_t k = 0; k < EVENTS; k++)
        list[k] = sample_event(w->arena, k);
    append(w, list, EVENTS - 9);
    assert_works(store_maintain(w->s, &w->e), w->e);
    append(w, list + EVENTS - 9, 9);
    return w;
}

static void world_destroy(struct world *w)
{
    store_close(w->s);
    os_destroy(w->os);
    arena_destroy(w->arena);
    mem_free(w);
}
AUTO_DEFINE(world, world_destroy)

static struct str in_data(struct world *w, struct str name)
{
    return arena_printf(w->arena, "/data/%.*s", STR_ARG(name));
}

static void copy_file(struct world *w, struct str from, struct str to)
{
    struct str bytes;
    assert_works(os_read_whole(w->os, in_data(w, from), w->arena, &bytes, &w->e), w->e);
    assert_works(os_write_whole(w->os, in_data(w, to), bytes, &w->e), w->e);
}

static void edit(struct world *w, const struct manifest_edit *change)
{
    assert_works(manifest_edit(w->s->manifest, change, &w->e), w->e);
}

static struct manifest_marks marks_of(struct world *w)
{
    return manifest_content(w->s->manifest)->marks;
}

/* ---- forgeries ---- */

/* The manifest says something else of the first segment. */
static void replace_entry(struct world *w, struct manifest_segment with)
{
    edit(w,
         &(struct manifest_edit){.removed = &manifest_content(w->s->manifest)->segments[0].number,
                                 .removed_count = 1,
                                 .marks = marks_of(w)});
    edit(w, &(struct manifest_edit){.added = &with, .added_count = 1, .marks = marks_of(w)});
}

static void forge_age(struct world *w)
{
    struct manifest_segment g = manifest_content(w->s->manifest)->segments[0];
    g.age += 7;
    replace_entry(w, g);
}

static void forge_rows(struct world *w)
{
    struct manifest_segment g = manifest_content(w->s->manifest)->segments[0];
    g.rows++;
    replace_entry(w, g);
}

static void forge_bytes(struct world *w)
{
    struct manifest_segment g = manifest_content(w->s->manifest)->segments[0];
    g.bytes--;
    replace_entry(w, g);
}

static void forge_month(struct world *w)
{
    struct manifest_segment g = manifest_content(w->s->manifest)->segments[0];
    g.month_start += INT64_C(31) * 86400000;
    replace_entry(w, g);
}

static void forge_number(struct world *w)
{
    copy_file(w, STR("seg-0000000002.tns"), STR("seg-0000000001.tns"));
}

/* A segment made of the first one, after `change` was made to what is in memory of it. */
static void add_changed(struct world *w, const struct segment *g)
{
    BUF_AUTO bytes = {0};
    struct manifest_marks marks = marks_of(w);
    uint64_t number = marks.next_segment++;
    struct segment *source = (struct segment *)g;
    assert_works(merge_segments(&source, 1, STR("main"), number, NULL, NULL, &bytes, &w->e) &&
                     store_write_segment(w->s, number, buf_str(&bytes), &w->e),
                 w->e);
    struct manifest_segment added = {number, g->age, g->month_start, g->rows, bytes.len};
    edit(w, &(struct manifest_edit){.added = &added, .added_count = 1, .marks = marks});
}

static void forge_person(struct world *w)
{
    struct segment changed = *w->s->live[0];
    uint32_t persons[SAMPLE_PEOPLE];
    assert_true(changed.person_count <= SAMPLE_PEOPLE);
    memcpy(persons, changed.persons, changed.person_count * sizeof *persons);
    persons[changed.person_count - 1] = 5000;
    changed.persons = persons;
    add_changed(w, &changed);
}

static void forge_times(struct world *w)
{
    struct segment changed = *w->s->live[0]; /* January has more days than February */
    changed.month_start += INT64_C(31) * 86400000;
    changed.time_min += INT64_C(31) * 86400000;
    changed.time_max += INT64_C(31) * 86400000;
    add_changed(w, &changed);
}

static void forge_next(struct world *w)
{
    struct manifest_marks marks = marks_of(w);
    marks.next_segment = 1;
    edit(w, &(struct manifest_edit){.marks = marks});
}

static void forge_next_age(struct world *w)
{
    struct manifest_marks marks = marks_of(w);
    marks.next_age = 1;
    edit(w, &(struct manifest_edit){.marks = marks});
}

static void forge_people_count(struct world *w)
{
    struct manifest_marks marks = marks_of(w);
    marks.people_count = (uint64_t)1 << 40;
    edit(w, &(struct manifest_edit){.marks = marks});
}

static void forge_people_bytes(struct world *w)
{
    struct manifest_marks marks = marks_of(w);
    marks.people_bytes = 4;
    edit(w, &(struct manifest_edit){.marks = marks});
}

static void forge_facts_number(struct world *w)
{
    struct manifest_marks marks = marks_of(w);
    marks.facts_file += 5;
    copy_file(w, STR("facts-1"), arena_printf(w->arena, "facts-%d", (int)marks.facts_file));
    edit(w, &(struct manifest_edit){.marks = marks});
}

static void forge_log_number(struct world *w)
{
    struct manifest_marks marks = marks_of(w);
    char old[WAL_PATH_BYTES], next[WAL_PATH_BYTES];
    struct str from = wal_path(old, STR("/data"), marks.log_file);
    struct str to = wal_path(next, STR("/data"), ++marks.log_file), bytes;
    assert_works(os_read_whole(w->os, from, w->arena, &bytes, &w->e) &&
                     os_write_whole(w->os, to, bytes, &w->e),
                 w->e);
    edit(w, &(struct manifest_edit){.marks = marks});
}

/* The same file under the next number, too: as if the log went on. */
static void forge_log_twice(struct world *w)
{
    char old[WAL_PATH_BYTES], next[WAL_PATH_BYTES];
    struct str from = wal_path(old, STR("/data"), marks_of(w).log_file), bytes;
    struct str to = wal_path(next, STR("/data"), marks_of(w).log_file + 1);
    assert_works(store_next_log(w->s, &w->e), w->e);
    assert_works(os_read_whole(w->os, from, w->arena, &bytes, &w->e) &&
                     os_write_whole(w->os, to, bytes, &w->e),
                 w->e);
}

static void add_facts(struct world *w, struct str facts)
{
    struct manifest_marks marks = marks_of(w);
    char room[STORE_NAME_BYTES];
    BUF_AUTO block = {0};
    struct str path = store_facts_path(w->s, room, marks.facts_file);
    store_facts_block(&block, w->s->facts_salt, facts);
    assert_works(store_extend_file(w->s, path, HEAD_FACTS, marks.facts_file, &w->s->facts_salt,
                                   buf_str(&block), &marks.facts_bytes, &w->e),
                 w->e);
    edit(w, &(struct manifest_edit){.marks = marks});
}

static void payload_of(struct world *w, bool is_event, struct buf *out)
{
    AUTO(batch_encoder) *b = batch_encoder_create();
    struct event ev = sample_event(w->arena, 500);
    struct property p = {STR("plan"), {.type = VALUE_TEXT, .text = STR("pro")}};
    struct fact f = {.kind = FACT_PERSON_TRAITS,
                     .subject = STR("person 1"),
                     .created = SAMPLE_START,
                     .properties = &p,
                     .property_count = 1};
    struct store_batch batch = {.events = &ev, .event_count = is_event};
    if (!is_event)
        batch = (struct store_batch){.facts = &f, .fact_count = 1};
    batch_encode(b, &batch, out);
}

static void forge_event_in_facts(struct world *w)
{
    BUF_AUTO payload = {0};
    BUF_AUTO facts = {0};
    payload_of(w, true, &payload);
    buf_add_u32(&facts, (uint32_t)payload.len);
    buf_add(&facts, buf_str(&payload));
    add_facts(w, buf_str(&facts));
}

static void forge_cut_fact(struct world *w)
{
    add_facts(w, (struct str){"\x20\0\0\0abc", 7});
}

static void forge_short_fact(struct world *w)
{
    add_facts(w, STR("abc"));
}

static void forge_no_fact(struct world *w)
{
    add_facts(w, (struct str){"\x03\0\0\0\xff\xff\xff", 7});
}

static void log_payload(struct world *w, struct str payload)
{
    assert_works(wal_write(w->s->wal, &payload, 1, &w->e) && wal_sync(w->s->wal, &w->e), w->e);
}

static void forge_batch(struct world *w)
{
    log_payload(w, STR("\xff\xff\xff"));
}

/* A batch whose head can be read, and whose fact cannot. */
static void forge_fact_in_log(struct world *w)
{
    BUF_AUTO payload = {0};
    struct batch_reader r = {0};
    bool is_made = false;
    payload_of(w, false, &payload);
    for (size_t at = 0; at < payload.len && !is_made; at++) {
        struct err e = {0};
        struct fact f;
        payload.at[at] = (char)(payload.at[at] ^ 0x7f);
        is_made = batch_read(&r, buf_str(&payload), &e) && !r.event_count && r.facts_left &&
                  !batch_next_fact(&r, &f, &e) && e.kind;
        if (!is_made)
            payload.at[at] = (char)(payload.at[at] ^ 0x7f);
    }
    assert_true(is_made);
    log_payload(w, buf_str(&payload));
    batch_reader_free(&r);
}

static const struct forgery {
    const char *name;
    void (*make)(struct world *w);
    const char *open, *check; /* what they say; NULL: nothing */
} forgeries[] = {
    {"age", forge_age, "is not the segment", "is not the segment"},
    {"rows", forge_rows, "is not the segment", "is not the segment"},
    {"bytes", forge_bytes, "is not the segment", ""},
    {"month", forge_month, "is not the segment", "is not the segment"},
    {"number", forge_number, "is not the segment", ""},
    {"person", forge_person, NULL, "it names person 5000 of"},
    {"times", forge_times, "do not lie in its month", "do not lie in its month"},
    {"next", forge_next, NULL, "not yet given out"},
    {"next age", forge_next_age, NULL, "not yet given out"},
    {"people count", forge_people_count, "counts 1099511627776 people", "counts 1099511627776"},
    {"people bytes", forge_people_bytes, "is cut", ""},
    {"facts number", forge_facts_number, NULL, "it is file 1 under a wrong name"},
    {"log number", forge_log_number, "under a wrong name", "under a wrong name"},
    {"log twice", forge_log_twice, "under a wrong name", "under a wrong name"},
    {"event in facts", forge_event_in_facts, "an event among the facts", "it is damaged at byte"},
    {"cut fact", forge_cut_fact, "a fact is cut", "it is damaged at byte"},
    {"short fact", forge_short_fact, "a fact is cut", "it is damaged at byte"},
    {"no fact", forge_no_fact, "", "it is damaged at byte"},
    {"batch", forge_batch, "", ""},
    {"fact in log", forge_fact_in_log, "", ""},
};

/* ---- what is said ---- */

struct found {
    char text[1000];
    unsigned count;
};

static void note(void *context, struct str file, struct str what)
{
    struct found *f = context;
    size_t len = strlen(f->text);
    f->count++;
    snprintf(f->text + len, sizeof f->text - len, "%.*s: %.*s; ", STR_ARG(file), STR_ARG(what));
}

static void forgeries_are_refused_and_named(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(forgeries); i++) {
        const struct forgery *f = &forgeries[i];
        AUTO(world) *w = world_create();
        struct found found = {0};
        struct store_check_options check = {.found = note, .context = &found};
        struct store_check_report report;
        struct err e = {0};
        f->make(w);
        store_close(TAKE(w->s));
        assert_works(store_check_dir(w->os, STR("/data"), &check, &report, &e), e);
        if (!found.count || !strstr(found.text, f->check))
            fail_msg("%s: the check says: %s", f->name, found.text);
        bool ok = store_open(w->os, STR("/data"), &options, &w->s, &e);
        if (ok == (f->open != NULL))
            fail_msg("%s: opening: %s", f->name, ok ? "works" : e.text);
        if (!ok && (e.kind != ERR_CORRUPT || !strstr(e.text, f->open)))
            fail_msg("%s: opening: %s", f->name, e.text);
    }
}

/* Events that are in are looked for in the segment; it must not lead outside of the people. */
static void nobody_has_that_number(void **state)
{
    (void)state;
    AUTO(world) *w = world_create();
    size_t refused = 0;
    forge_person(w);
    edit(w, &(struct manifest_edit){
                .removed = &w->s->live[0]->number, .removed_count = 1, .marks = marks_of(w)});
    store_close(TAKE(w->s));
    open_world(w);
    for (uint32_t k = 0; k < 80 && !refused; k += 2) {
        struct event ev = sample_event(w->arena, k);
        struct store_receipt r;
        struct err e = {0};
        if (store_append(w->s, &(struct store_batch){&ev, 1, NULL, 0}, &r, &e)) {
            assert_int_equal(r.duplicates, 1);
            continue;
        }
        refused++;
        assert_int_equal(e.kind, ERR_CORRUPT);
        assert_non_null(strstr(e.text, "names person 5000, and there is none"));
        /* It stays as it is: starting anew would not help. */
        assert_false(store_append(w->s, &(struct store_batch){&ev, 1, NULL, 0}, &r, &e));
        assert_int_equal(e.kind, ERR_CORRUPT);
    }
    assert_int_equal(refused, 1);
}

/* Ids that are UUIDs are stored in another way; the check tells them all the same. */
static void an_uuid_that_is_in_twice_is_named(void **state)
{
    (void)state;
    AUTO(world) *w = world_create();
    struct found found = {0};
    struct store_check_options check = {.found = note, .context = &found};
    struct store_check_report report;
    struct event ev = sample_event(w->arena, 700);
    ev.id = STR("0190a8f0-7b1c-7def-8123-456789abcdef");
    append(w, &ev, 1);
    assert_works(store_maintain(w->s, &w->e), w->e);
    struct segment *g = w->s->live[0];
    for (size_t i = 0; i < w->s->live_count; i++)
        if (ev.time >= w->s->live[i]->time_min && ev.time <= w->s->live[i]->time_max)
            g = w->s->live[i];
    add_changed(w, g);
    assert_works(store_check(w->s, &check, &report, &w->e), w->e);
    assert_true(found.count > 1);
    bool is_named = false;
    found = (struct found){0};
    store_close(TAKE(w->s));
    assert_works(store_check_dir(w->os, STR("/data"), &check, &report, &w->e), w->e);
    is_named = strstr(found.text, "the id \"") != NULL;
    assert_true(is_named);
}

/* A period is counted in the names of a segment; a changed byte there is met, or does not matter.
 */
static void counting_meets_damage(void **state)
{
    (void)state;
    AUTO(world) *w = world_create();
    struct keep_rule rule = {STR("event 3"), 86400000};
    struct str bytes, path = STR_NONE;
    uint64_t good = 0, rows;
    size_t refused = 0;
    assert_works(store_maintain(w->s, &w->e), w->e);
    for (size_t at = 0; !at || at < bytes.len; at += 3) {
        struct world c = {.arena = w->arena};
        AUTO(snapshot) *v = NULL;
        struct err e = {0};
        if (w->s) {
            char room[STORE_NAME_BYTES];
            path = arena_copy(w->arena, store_segment_path(w->s, room, w->s->live[0]->number));
            store_close(TAKE(w->s));
        }
        c.os = os_sim_copy(w->os);
        assert_works(os_read_whole(c.os, path, w->arena, &bytes, &e), e);
        if (at)
            assert_true(os_sim_flip(c.os, path, at, 16));
        bool ok = store_open(c.os, STR("/data"), &options, &c.s, &e) &&
                  store_snapshot(c.s, &v, &e) &&
                  store_keep_count(v, rule, SAMPLE_START + 20 * INT64_C(86400000), &rows, &e);
        if (!at)
            good = rows;
        assert_true(ok ? rows == good : e.kind == ERR_CORRUPT || e.kind == ERR_UNSUPPORTED);
        refused += !ok;
        snapshot_release(TAKE(v));
        store_close(c.s);
        os_destroy(c.os);
    }
    assert_true(good > 0 && refused > 20);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(forgeries_are_refused_and_named),
        cmocka_unit_test(nobody_has_that_number),
        cmocka_unit_test(an_uuid_that_is_in_twice_is_named),
        cmocka_unit_test(counting_meets_damage),
    };
    return cmocka_run_group_tests_name("store/store_forged", tests, NULL, NULL);
}
