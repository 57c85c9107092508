/*
 * base/limits: every limit on input, in one place. Each has a test that crosses it.
 * What exceeds one is refused with a sentence that names the member and the limit; nothing is cut.
 */
#pragma once

enum limits {
    LIMIT_JSON_DEPTH = 64,
    LIMIT_OBJECT_KEYS = 1024,
    LIMIT_KEY_BYTES = 256,
    LIMIT_TEXT_BYTES = 32 << 10, /* one property value */
    LIMIT_ID_BYTES = 256,        /* person, account, session, event id */
    LIMIT_NAME_BYTES = 256,      /* event and property names */
    LIMIT_REASON_BYTES = 1000,   /* why two ids were merged */
    LIMIT_PROJECT_BYTES = 64,    /* a project's name: a-z 0-9 - _ */
    LIMIT_EVENT_BYTES = 64 << 10,
    LIMIT_EVENT_PROPERTIES = 1000,
    LIMIT_LIST_ITEMS = 1000,
    LIMIT_BATCH_EVENTS = 2000,   /* over HTTP */
    LIMIT_BODY_BYTES = 10 << 20, /* over HTTP, after decompression */
    LIMIT_BODY_RATIO = 100,      /* decompressed : compressed, after the first 64 KiB */
    LIMIT_HEADER_BYTES = 32 << 10,
    LIMIT_FUTURE_HOURS = 24, /* how far ahead of arrival an event may be */
    LIMIT_PAST_YEARS = 100,  /* and how far behind: imports bring history */
    LIMIT_QUERY_BYTES = 1 << 20,
    LIMIT_SAVED_BYTES = 256 << 10, /* an insight, dashboard, annotation or alert */
    LIMIT_QUERY_BUCKETS = 10000, /* intervals in one answer */
    LIMIT_QUERY_STEPS = 100,     /* of a funnel */
    LIMIT_QUERY_EXCLUSIONS = 28, /* of a funnel */
    LIMIT_QUERY_SERIES = 26,
    LIMIT_QUERY_BREAKDOWNS = 4,
    LIMIT_QUERY_CONDITIONS = 256,
    LIMIT_QUERY_GROUPS = 100000, /* distinct breakdown values held while answering */
    LIMIT_QUERY_SECONDS = 30,
    LIMIT_QUERY_MEMORY_MIB = 512, /* of one question, beside the mapped segments */
    LIMIT_QUERY_ROWS_BYTES = 256 << 20, /* events of accounts put in order at once, or in parts;
                                         * those of one account may take twice as much */
    LIMIT_ACCOUNT_STEPS = 64,           /* how many levels up a question may name by number */
    LIMIT_EVENT_NAMES = 65535, /* distinct event names of a project */
};
