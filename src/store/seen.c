/* store/seen: see seen.h. Filters one behind the other, each for twice as many as the one before.
 */
#include "store/seen.h"

#include "store/segment_file.h"

enum { EXPECTED_MIN = 4096, EXPECTED_MAX = 1 << 30, LEVELS_MAX = 32 };

struct level {
    uint64_t *filter;
    uint64_t words, count, room;
};

struct seen {
    struct level levels[LEVELS_MAX]; /* the last one takes what comes */
    size_t level_count;
};

static void add_level(struct seen *s, uint64_t room)
{
    REQUIRE(s->level_count < LEVELS_MAX);
    struct level *l = &s->levels[s->level_count++];
    l->room = MIN(MAX(room, EXPECTED_MIN), EXPECTED_MAX);
    l->words = id_filter_words_for((uint32_t)(l->room + l->room / 5)); /* 10 bits each, so 12 */
    l->filter = mem_array(l->words, sizeof *l->filter);
}

struct seen *seen_create(uint64_t expected)
{
    struct seen *s = mem_zero(sizeof *s);
    add_level(s, expected);
    return s;
}

void seen_destroy(struct seen *s)
{
    for (size_t i = 0; s && i < s->level_count; i++)
        mem_free(s->levels[i].filter);
    mem_free(s);
}

void seen_add(struct seen *s, struct hash128 id)
{
    struct level *l = &s->levels[s->level_count - 1];
    if (l->count == l->room) {
        add_level(s, l->room * 2);
        l++;
    }
    id_filter_set(l->filter, l->words, id);
    l->count++;
}

bool seen_may_have(const struct seen *s, struct hash128 id)
{
    for (size_t i = 0; i < s->level_count; i++)
        if (id_filter_has(s->levels[i].filter, s->levels[i].words, id))
            return true;
    return false;
}

uint64_t seen_bytes(const struct seen *s)
{
    uint64_t bytes = 0;
    for (size_t i = 0; i < s->level_count; i++)
        bytes += s->levels[i].words * sizeof *s->levels[i].filter;
    return bytes;
}
