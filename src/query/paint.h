/*
 * query/paint (private to the room): drawing for the terminal: widths, numbers, bars, shades.
 *
 * Colour mode writes 24-bit colours and block characters; otherwise everything is plain ASCII but
 * for the texts themselves.
 */
#pragma once
#include "codec/json.h"
#include "query/query.h"

struct paint {
    struct buf *out;
    unsigned width;
    bool colour;
    const struct words *words;
};

/* Words of the reader's language. */
struct words {
    const char *total, *people, *average, *size, *cohort, *step, *dropped, *stopped, *of_first,
        *no_events, *of_previous, *typical, *other, *none, *previous, *unfinished, *partial,
        *more_columns, *more_people, *no_people, *range_to, *as_of, *unseen, *entered, *converted,
        *rate, *group, *samples, *median, *active, *is_new, *returning, *resurrecting, *dormant,
        *intervals, *exactly, *at_least, *of, *left, *more_edges;
    const char *reached_it, *too_new, *too_early, *cut_short, *did_it, *of_them, *of_others, *less,
        *more, *more_rows, *goes_with, *warnings[6];     /* of impact */
    const char *is_in, *is_not_in, *interval, *the_list; /* of why not */
};
enum { WARNINGS = 6 };
extern const char *const impact_warnings[WARNINGS]; /* as the answer names them */
const struct words *words_of(enum query_language language);

enum paint_style { PAINT_PLAIN, PAINT_BOLD, PAINT_DIM, PAINT_ACCENT, PAINT_WARN };

size_t text_columns(struct str text); /* terminal columns; combining marks take none */
void paint_text(struct paint *p, enum paint_style style, struct str text);
void paint_printf(struct paint *p, enum paint_style style, const char *format, ...) PRINTF(3, 4);
/* Padded or cut (with …) to `columns`. */
void paint_cell(struct paint *p, enum paint_style style, struct str text, size_t columns,
                bool to_right);
void paint_spaces(struct paint *p, size_t count);
void paint_line(struct paint *p); /* ends the line */
/* A bar of `part` of `columns`, part in 0…1. */
void paint_bar(struct paint *p, double part, size_t columns, bool is_dim);
/* One character of a sparkline, part in 0…1. */
void paint_spark(struct paint *p, double part, bool is_dim);
/* A cell on a ground whose strength is `part`. */
void paint_shaded(struct paint *p, double part, bool is_open, const char *text, size_t columns);

enum { NUMBER_BYTES = 48 };
/* 1,234,567 or 12.5 or 0.0421; null is "-" */
struct str number_text(struct json number, char *room);
struct str number_of_double(double v, char *room);
struct str percent_text(double ratio, char *room);   /* 61.2 % */
struct str seconds_text(double seconds, char *room); /* 54d 10h, 3h 05m, 12s */

/* ---- members of answers ---- */
struct json member(struct json object, const char *key);
double member_number(struct json object, const char *key); /* NaN if none */
struct str member_text(struct json object, const char *key);
bool member_is_true(struct json object, const char *key);
struct json list_item(struct json list, size_t index);
/* "pro · TH"; lives in `room` */
struct str group_label(const struct paint *p, struct json values, struct buf *room);

void paint_trends(struct paint *p, struct json answer);
void paint_funnel(struct paint *p, struct json answer);
void paint_retention(struct paint *p, struct json answer);
void paint_lifecycle(struct paint *p, struct json answer);
void paint_stickiness(struct paint *p, struct json answer);
void paint_paths(struct paint *p, struct json answer);
void paint_impact(struct paint *p, struct json answer);
void paint_why(struct paint *p, struct json answer);
