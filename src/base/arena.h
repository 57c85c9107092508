/*
 * base/arena: memory of one unit of work (a request, a question, a batch), released at once.
 *
 * Pieces are zeroed and aligned to 16 bytes; they live until arena_reset or arena_destroy.
 * Thread: one at a time. Never returns NULL.
 */
#pragma once
#include "base/base.h"

struct arena;

struct arena *arena_create(size_t block_bytes); /* 0 = 64 KiB */
void arena_destroy(struct arena *arena);        /* NULL is fine */
void arena_reset(struct arena *arena);          /* frees the pieces, keeps the first block */
void *arena_alloc(struct arena *arena, size_t bytes);
void *arena_array(struct arena *arena, size_t count, size_t item_bytes);
struct str arena_copy(struct arena *arena, struct str s); /* NUL follows the copy */
struct str arena_printf(struct arena *arena, const char *format, ...) PRINTF(2, 3);
size_t arena_bytes(const struct arena *arena); /* handed out since the last reset */

AUTO_DEFINE(arena, arena_destroy)
