/*
 * store/textmap (private to the room): text <-> dense ordinal 0, 1, 2…, with one writer and any
 * number of readers that never wait.
 *
 * Texts only come; nothing moves once it is in: texts lie in blocks, ordinals in a list of growing
 * pieces. Readers hold a view: a count and a counted index. A text found beyond the view's count is
 * not in the view. Memory: 8 bytes and 11 to 21 bytes of index a text, and its bytes + 2.
 * Thread: put, load and look by the writer (or under its lock); a view by any thread.
 */
#pragma once
#include "base/base.h"

enum { TEXTMAP_TEXT_BYTES_MAX = 65535, TEXTMAP_NONE = UINT32_MAX };

struct textmap;
struct textmap_index;

struct textmap *textmap_create(uint64_t seed); /* of the hash: texts come from strangers */
void textmap_destroy(struct textmap *m);       /* no view may be left */
AUTO_DEFINE(textmap, textmap_destroy)

uint32_t textmap_put(struct textmap *m, struct str text, bool *is_new); /* is_new may be NULL */
/* Of many texts at once, memory waited for together; TEXTMAP_NONE if absent. By the writer. */
void textmap_find_many(const struct textmap *m, const struct str *texts, size_t count,
                       uint32_t *ordinals);
uint32_t textmap_count(const struct textmap *m);
/*
 * Erasing. After hide nobody finds the text by itself any more, and the same text put again is a
 * new one with an ordinal of its own; textmap_at still gives it, until blank makes it empty. A text
 * of no bytes that is loaded is one that was blanked before: hide it.
 */
void textmap_hide(struct textmap *m, uint32_t ordinal);
void textmap_blank(struct textmap *m, uint32_t ordinal);
bool textmap_is_hidden(const struct textmap *m, uint32_t ordinal); /* by the writer */
uint32_t textmap_hidden(const struct textmap *m);                  /* how many */
/*
 * Loading: each text is new and lies at `at` (u16 length, bytes) as long as the map; none can be
 * found until textmap_loaded. Only into an empty map.
 */
void textmap_load(struct textmap *m, const char *at);
void textmap_loaded(struct textmap *m);

struct textmap_view {
    const struct textmap *map;
    struct textmap_index *index; /* counted */
    uint32_t count;
};
struct textmap_view textmap_look(struct textmap *m);
void textmap_drop(struct textmap_view *v);
uint32_t textmap_find(const struct textmap_view *v, struct str text); /* TEXTMAP_NONE if absent */
struct str textmap_at(const struct textmap *m, uint32_t ordinal);     /* lives as long as the map */
