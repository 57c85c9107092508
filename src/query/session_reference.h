/*
 * query/session_reference: sessions cut slowly, from the words of docs/query-rules.md and apart
 * from the kernel's cutter. For tests.
 */
#pragma once
#include "calendar/calendar.h"
#include "query/reference.h"

struct ref_session_rules {
    int64_t gap, longest;
    bool cuts_midnight;
    char ids; /* 'o'verride, only 'n'amed, 'i'gnore */
    struct zone *zone;
    int64_t from, to; /* events in [from, to) are cut */
};

struct ref_session {
    size_t person;
    int64_t start, last;
    struct str id;
    size_t events, pages, acts;
    struct str entry_page, exit_page, entry_event, exit_event;
};

enum { REF_NO_SESSION = 9999 };
struct ref_sessions {
    struct ref_session list[REF_EVENTS_MAX];
    size_t count;
    size_t of[REF_EVENTS_MAX]; /* by event of the world; REF_NO_SESSION */
    size_t position[REF_EVENTS_MAX];
};

void ref_sessions_cut(const struct ref_world *w, const struct ref_session_rules *rules,
                      struct ref_sessions *out);
/* The fact as the value that questions compare and count; missing where there is none. */
struct value ref_session_fact(const struct ref_session *s, const struct zone *zone,
                              const char *fact);
