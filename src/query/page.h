/*
 * query/page (private to the room): what counts as seeing a page, and what the page is called.
 * Used by paths and by the entry and exit pages of sessions.
 */
#pragma once
#include "base/base.h"

enum { PAGE_EVENTS = 3, PAGE_PROPERTIES = 4 };
extern const char *const page_events[PAGE_EVENTS + 1];         /* NULL ends it */
extern const char *const page_properties[PAGE_PROPERTIES + 1]; /* the first with a value counts */

/* "https://example.com/a/?b#c" -> "/a": without host, query, fragment and trailing slash; what is
 * no address stays as it is. A part of `url`, or "/". */
struct str page_of(struct str url);
