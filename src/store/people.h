/*
 * store/people (private to the room): person ids <-> ordinals, merges and traits.
 *
 * Ordinals are dense and never reused. An ordinal's unit is the ordinal it was merged into
 * (`unit_of`, resolved to the end), or itself. A view is immutable and counted; the writer makes a
 * new one when merges or traits change (ids only grow, and are shared between views).
 */
#pragma once
#include "base/value.h"
#include "store/store.h"

struct people_view;
struct identity_log;

struct people_view *people_view_keep(struct people_view *v);
void people_view_release(struct people_view *v); /* NULL is fine */
AUTO_DEFINE(people_view, people_view_release)
uint32_t people_count(const struct people_view *v);
struct str people_id(const struct people_view *v, uint32_t ordinal);
bool people_find(const struct people_view *v, struct str id, uint32_t *ordinal);
bool people_has_merges(const struct people_view *v);
uint32_t people_unit(const struct people_view *v, uint32_t ordinal); /* itself when not merged */
/* All ordinals of a unit, itself included, ascending; count 1 and NULL list when never merged. */
size_t people_members(const struct people_view *v, uint32_t unit, const uint32_t **list);
struct value people_trait(const struct people_view *v, uint32_t unit, struct str name);
int64_t people_created(const struct people_view *v, uint32_t unit);
/* How the merges came to be (store/identity_log.h): the first `*count` entries. Lives as the view.
 */
const struct identity_log *people_log(const struct people_view *v, uint32_t *count);
