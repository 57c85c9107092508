/*
 * base/value: one typed value of an event's or a person's property.
 *
 * Texts and lists point into memory that the maker owns. A list is kept as its JSON text.
 * VALUE_NULL was sent as null; VALUE_MISSING was not sent. Questions treat both as missing.
 */
#pragma once
#include "base/base.h"

enum value_type {
    VALUE_MISSING,
    VALUE_NULL,
    VALUE_BOOL,
    VALUE_INT,
    VALUE_DOUBLE,
    VALUE_TEXT,
    VALUE_LIST,
    VALUE_TYPE_COUNT,
};

struct value {
    enum value_type type;
    union {
        bool boolean;
        int64_t integer;
        double number; /* finite */
        struct str text;
    };
};

struct property {
    struct str name;
    struct value value;
};

static inline bool value_is_absent(struct value v)
{
    return v.type == VALUE_MISSING || v.type == VALUE_NULL;
}

/* Longest text that value_text writes for anything but texts and lists. */
enum { VALUE_TEXT_BYTES = 40 };

/* The value as people read it: 12, 0.5, true, the text itself. `room` holds VALUE_TEXT_BYTES. */
struct str value_text(struct value v, char *room);
/* Equal as `is` means it: 1 and "1", true and "true", 1 and 1.0 are equal; absent equals nothing.
 */
bool value_is(struct value a, struct value b);
/* The number it is or, as decimal text, stands for. */
bool value_number(struct value v, double *out);
bool value_same(struct value a, struct value b); /* same type and same content */
