/*
 * store/store_check_ids: is every id in once? Each segment lists its ids by the low half of their
 * hashes, so one merge of these lists brings equal ids side by side; nothing is kept in memory.
 */
#include "store/segment_file.h"
#include "store/store_check.h"

/* A list of ids at its next one. */
struct cursor {
    struct segment *segment;
    uint32_t at;   /* in id_order */
    uint64_t hash; /* of the id there: low half */
};

/* The place of a row among those that have an id. */
static uint32_t place_of(const struct segment *g, uint32_t row)
{
    uint64_t place = row;

    return column_place(g->id, row, &place) ? (uint32_t)place : 0;
}

static struct id_key key_at(const struct cursor *k)
{
    return column_id_key(k->segment->id, place_of(k->segment, k->segment->id_order[k->at]));
}

static void look(struct cursor *k)
{
    struct id_key key = key_at(k);
    k->hash = id_key_hash(&key).low;
}

/* A binary heap, the smallest hash on top. */
static void sift(struct cursor *heap, size_t count, size_t at)
{
    for (;;) {
        size_t least = at;
        for (size_t child = 2 * at + 1; child <= 2 * at + 2 && child < count; child++)
            if (heap[child].hash < heap[least].hash)
                least = child;
        if (least == at)
            return;
        struct cursor kept = heap[at];
        heap[at] = heap[least];
        heap[least] = kept;
        at = least;
    }
}

struct run_of_ids {
    struct cursor *list; /* all ids of one hash */
    size_t count, room;
};

static void found_twice(struct check *c, const struct cursor *a, const struct cursor *b)
{
    struct id_key key = key_at(a);
    char room[UUID_TEXT_BYTES];
    struct str id = key.text, path = b->segment->path, name = path, part;

    if (key.is_uuid) {
        uuid_text(key.uuid, room);
        id = (struct str){room, sizeof room};
    }
    while (str_cut(&path, '/', &part))
        name = part;
    check_found(c, name, "the id \"%.*s\" of row %u is in segment %llu, row %u, too",
                (int)MIN(id.len, 80), id.at, b->segment->id_order[b->at],
                (unsigned long long)a->segment->number, a->segment->id_order[a->at]);
}

static void compare_run(struct check *c, const struct run_of_ids *r)
{
    for (size_t i = 0; i < r->count; i++)
        for (size_t k = i + 1; k < r->count; k++) {
            struct id_key a = key_at(&r->list[i]), b = key_at(&r->list[k]);
            if (id_key_equal(&a, &b))
                found_twice(c, &r->list[i], &r->list[k]);
        }
}

static size_t begin(struct check *c, struct cursor *heap)
{
    size_t count = 0;

    for (size_t i = 0; i < c->segment_count; i++) {
        struct segment *g = c->segments[i];
        if (!g->id || !g->id_count)
            continue;
        heap[count] = (struct cursor){.segment = g};
        look(&heap[count++]);
    }
    for (size_t i = count; i-- > 0;)
        sift(heap, count, i);
    return count;
}

void check_ids(struct check *c)
{
    enum { TELL_EVERY = 1 << 16 };
    struct cursor *heap = mem_array(c->segment_count, sizeof *heap);
    struct run_of_ids r = {0};
    size_t count = begin(c, heap);

    for (uint64_t seen = 0; count; seen++) {
        if (r.count && r.list[0].hash != heap[0].hash) {
            compare_run(c, &r);
            r.count = 0;
        }
        ARRAY_PUSH(r.list, r.count, r.room) = heap[0];
        if (++heap[0].at < heap[0].segment->id_count)
            look(&heap[0]);
        else
            heap[0] = heap[--count];
        sift(heap, count, 0);
        if (seen % TELL_EVERY == 0 && !check_moves(c, 0))
            break;
    }
    compare_run(c, &r);
    mem_free(r.list);
    mem_free(heap);
}
