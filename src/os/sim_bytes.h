/*
 * os/sim_bytes: private: the bytes of a simulated file, in counted pages of 4 KiB.
 *
 * A page that nobody wrote is not there and reads as zeros; copies share pages until one of them
 * writes. So the two halves of a disk, and a world that was copied, cost little. Pages are counted
 * with atomics: the copy of a world may live in another thread. `struct sim_bytes b = {0};`
 */
#pragma once
#include "base/base.h"

struct sim_page;

struct sim_bytes {
    uint64_t len;
    struct sim_page **pages; /* NULL: zeros; those at and behind `len` are not there */
    size_t page_room;
};

void sim_bytes_clear(struct sim_bytes *b);
void sim_bytes_resize(struct sim_bytes *b, uint64_t len); /* new bytes are zero */
void sim_bytes_write(struct sim_bytes *b, uint64_t at, const char *from, size_t len);
/* Reads what there is of [at, at + len): how many bytes. */
size_t sim_bytes_read(const struct sim_bytes *b, uint64_t at, char *into, size_t len);
/* Makes `into` equal to `from`. */
void sim_bytes_copy(struct sim_bytes *into, const struct sim_bytes *from);
