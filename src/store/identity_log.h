/*
 * store/identity_log (private to the room): every merge and unmerge that changed something, in
 * order: who, when, why. In memory, as facts-<n> has it on disk; nothing is ever taken out.
 *
 * Memory: 32 bytes an entry; the texts of `by` and `reason` once each. Thread: one writer; any
 * thread may read entries below a count that it was given under the writer's lock.
 */
#pragma once
#include "store/store.h"

struct identity_log;

struct identity_entry {
    int64_t at;              /* received */
    uint32_t subject, other; /* ordinals */
    uint32_t by, reason;     /* for identity_log_text */
    bool is_part;            /* an unmerge */
};

struct identity_log *identity_log_create(void);
void identity_log_destroy(struct identity_log *l); /* NULL is fine */
AUTO_DEFINE(identity_log, identity_log_destroy)
void identity_log_add(struct identity_log *l, const struct fact *f, uint32_t subject,
                      uint32_t other);
uint32_t identity_log_count(const struct identity_log *l);
const struct identity_entry *identity_log_at(const struct identity_log *l, uint32_t number);
struct str identity_log_text(const struct identity_log *l, uint32_t text);
