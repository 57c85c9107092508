/* store/store_apply: a batch from the log into memory: the same when it is new and when replayed.
 */
#include "store/seen.h"
#include "store/segment_event.h"
#include "store/segment_file.h"
#include "store/store_inner.h"

/* Counts an event whose id is there already; false in `*is_new`. */
static bool check_id(struct store *s, const struct event *ev, struct hash128 hash,
                     uint64_t sequence, struct store_receipt *receipt, bool *is_new, struct err *e)
{
    uint64_t old = 0;
    bool found = ids_find(s->ids, hash, &old);
    if (!found && !store_find_sealed(s, ev, hash, &found, &old, e))
        return err_while(e, "looking for an event's id");
    *is_new = !found;
    if (found) {
        receipt->duplicates++;
        receipt->conflicts += old != event_content_hash(ev);
        /* Also if it is only in memory now: it will be sealed, and this batch replayed. */
        s->fresh_from = sequence + 1;
    }
    return true;
}

static void remember_id(struct store *s, struct hash128 hash, uint64_t content)
{
    ids_put(s->ids, hash, content);
    if (s->seen_young)
        seen_add(s->seen_young, hash);
    s->active->id_count++;
}

/* Looks up all persons of the batch, and hashes all ids: in each, memory is waited for once, not
 * once an event. */
static void prepare(struct store *s)
{
    const struct batch_reader *r = &s->reader;
    if (s->ordinal_room < r->person_count) {
        s->ordinal_room = r->person_count;
        s->ordinals = mem_grow(s->ordinals, s->ordinal_room, sizeof *s->ordinals);
    }
    people_find_many(s->people, r->persons, r->person_count, s->ordinals);
    if (!r->has_ids)
        return;
    if (s->id_room < r->event_count) {
        s->id_room = r->event_count;
        s->id_hashes = mem_grow(s->id_hashes, s->id_room, sizeof *s->id_hashes);
        s->id_keys = mem_grow(s->id_keys, s->id_room, sizeof *s->id_keys);
    }
    for (size_t i = 0; i < r->event_count; i++) {
        s->id_keys[i] = id_key_of(r->ids[i]);
        s->id_hashes[i] = id_key_hash(&s->id_keys[i]);
    }
}

static void look_ahead(const struct store *s, size_t event)
{
    enum { AHEAD = 8 };
    if (event + AHEAD < s->reader.event_count)
        ids_expect(s->ids, s->id_hashes[event + AHEAD]);
}

/* Only an event that counts makes its person known. */
static uint32_t ordinal_of(struct store *s, uint32_t person)
{
    if (s->ordinals[person] == UINT32_MAX)
        s->ordinals[person] = people_put(s->people, s->reader.persons[person]);
    return s->ordinals[person];
}

static bool apply_events(struct store *s, uint64_t sequence, struct tally *tally,
                         struct store_receipt *receipt, struct err *e)
{
    struct event ev;
    struct chunk *chunk = s->active->chunk;
    uint32_t person;
    prepare(s);
    chunk_begin(chunk);
    for (size_t i = 0; batch_next_event(&s->reader, &ev, &person, e); i++) {
        uint32_t origin = 0;
        if (s->reader.has_ids)
            look_ahead(s, i);
        if (ev.id.len) {
            bool is_new = false;
            if (!check_id(s, &ev, s->id_hashes[i], sequence, receipt, &is_new, e))
                return false;
            if (!is_new)
                continue;
        } else if (tally) {
            origin = stage_origin(s->active, tally);
        }
        uint64_t body =
            chunk_put(chunk, &ev, ev.id.len ? &s->id_keys[i] : NULL, ordinal_of(s, person), origin);
        if (ev.id.len)
            remember_id(s, s->id_hashes[i], event_whole_hash(body, ev.person));
        receipt->accepted++;
    }
    chunk_end(chunk);
    return e->kind == ERR_NONE;
}

/* Keeps a fact for the facts file, in the form of a batch of one. */
void store_keep_fact(struct store *s, struct batch_encoder *b, const struct fact *f)
{
    struct buf *facts = &s->active->facts;
    size_t start = facts->len;
    buf_add_u32(facts, 0);
    batch_encode(b, &(struct store_batch){.facts = f, .fact_count = 1}, facts);
    uint32_t bytes = (uint32_t)(facts->len - start - sizeof bytes);
    memcpy(facts->at + start, &bytes, sizeof bytes);
}

static bool apply_facts(struct store *s, struct store_receipt *receipt, struct err *e)
{
    struct fact f;
    if (!s->reader.facts_left)
        return true;
    struct batch_encoder *b = store_take_encoder(s);
    while (batch_next_fact(&s->reader, &f, e)) {
        bool changed;
        if (f.kind != FACT_ERASE && f.kind != FACT_ERASE_ID)
            changed = people_apply(s->people, &f);
        else if (!store_erase_apply(s, &f, &changed, e))
            break;
        receipt->accepted += changed;
        receipt->duplicates += !changed;
        if (changed && f.kind != FACT_ERASE && f.kind != FACT_ERASE_ID)
            store_keep_fact(s, b, &f);
    }
    store_give_encoder(s, b);
    return e->kind == ERR_NONE;
}

bool store_apply(struct store *s, struct str payload, uint64_t sequence, struct tally *tally,
                 struct store_receipt *receipt, struct err *e)
{
    s->changes++;
    if (!batch_read(&s->reader, payload, e) || !apply_events(s, sequence, tally, receipt, e) ||
        !apply_facts(s, receipt, e))
        return false;
    s->active->sequence_end = sequence + 1;
    s->active->log_bytes += payload.len;
    s->active->has_batches = true;
    return true;
}

bool store_stage_is_full(const struct store *s)
{
    return stage_work(s->active) >= s->options.chunk_rows ||
           s->active->log_bytes >= STORE_STAGE_LOG_BYTES;
}
