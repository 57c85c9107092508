/*
 * base/intern: text -> dense code 0, 1, 2… in order of first sight, and back.
 *
 * Used wherever a text becomes a number: dictionaries, group values, names. Texts are copied.
 * Memory: about len + 24 bytes a text. Thread: one writer; readers only while nobody writes.
 */
#pragma once
#include "base/base.h"

struct intern;

enum { INTERN_NONE = UINT32_MAX };

struct intern *intern_create(void);
void intern_destroy(struct intern *t);
uint32_t intern_put(struct intern *t, struct str text);        /* finds or adds */
uint32_t intern_find(const struct intern *t, struct str text); /* INTERN_NONE if absent */
struct str intern_at(const struct intern *t, uint32_t code);   /* lives as long as the table */
uint32_t intern_count(const struct intern *t);
size_t intern_bytes(const struct intern *t);
void intern_clear(struct intern *t);

AUTO_DEFINE(intern, intern_destroy)
