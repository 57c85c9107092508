/*
 * saved: what people save in a project: insights, dashboards, annotations, alerts, segments. Each
 * is a document (record/document.h) whose body is checked when it is saved, so that what is saved
 * can be asked, drawn and evaluated.
 *
 * A body is the JSON object that was sent, without the members that are Tenure's: id, version,
 * created, changed. Who sends back what was read changes nothing.
 *   insight     name, description, question
 *   dashboard   name, description, range, filter, tiles: [{id, title, w, h, and one of insight,
 *               question, text}]
 *   annotation  at, or from and to; text
 *   alert       name, description, question, number, when, wait, at_least, enabled
 *   segment     name, description, and one of filter (conditions), people (ids), from (a question
 *               with people_of: who is behind that number now) and list (as it was read; count is
 *               how many it holds). The last three become a list of people
 * docs/boards.md says what they mean. A question that is a line of words is kept as its JSON.
 * Errors: ERR_INVALID with the pointer of the member and the codes of query/query.h; those of
 * record/document.h. Thread: any.
 */
#pragma once
#include "query/ask.h"
#include "query/query.h"
#include "record/document.h"

enum saved_kind {
    SAVED_INSIGHT,
    SAVED_DASHBOARD,
    SAVED_ANNOTATION,
    SAVED_ALERT,
    SAVED_SEGMENT,
    SAVED_KINDS
};

enum {
    SAVED_ID_BYTES = 64,
    SAVED_NAME_BYTES = 200,
    SAVED_TEXT_BYTES = 8000, /* descriptions, annotations, tiles of text */
    SAVED_TILES = 60,
    SAVED_COLUMNS = 12, /* of a dashboard */
};

/* "insight", as documents have it, and "insights", as routes have it. */
extern const char *const saved_names[SAVED_KINDS], *const saved_plurals[SAVED_KINDS];

/* A project as it is when something is saved or asked. */
struct saved_project {
    struct record *record;
    struct str name;
    struct source *source; /* source_of_names to save; with events to ask */
    const struct query_context *query;
    struct arena *arena; /* of what is handed out */
};

/* What somebody sent, checked. */
struct saved_sent {
    struct str id;   /* empty: none was named */
    struct str name; /* empty: the kind has none */
    struct str body; /* in the arena */
    int64_t version; /* 0: none was named */
};
MUST_USE bool saved_read(const struct saved_project *p, enum saved_kind kind, struct str text,
                         struct saved_sent *out, struct err *e);
/* Letters, digits, - and _. */
MUST_USE bool saved_id_check(struct str id, struct err *e);

/* The document's members as they are answered, into an open object: id, version, created and
 * changed before the body's. */
void saved_write(const struct document *d, struct jwrite *w);

/* What stands over the questions of a dashboard. Empty members change nothing. */
struct saved_frame {
    struct str last, from, to;
    struct json filter; /* JSON_ABSENT: none */
};
/* The question in that frame: its range instead of the question's, its filter besides. */
MUST_USE bool saved_frame_question(struct json question, const struct saved_frame *frame,
                                   struct buf *out, struct err *e);

/*
 * Answers a dashboard's tiles, or the one with this id, in order:
 *   {"tiles":[{"id":…,"title":…,"question":{…},"answer":{…} or "error":{…}}]}
 * Tiles of text are left out. `over`: a range that stands over the dashboard's.
 */
MUST_USE bool saved_board_answer(const struct saved_project *p, const struct document *board,
                                 struct str tile, const struct saved_frame *over, struct buf *out,
                                 struct err *e);
/* {"question":{…},"answer":{…}} of an insight. */
MUST_USE bool saved_insight_answer(const struct saved_project *p, const struct document *insight,
                                   const struct saved_frame *over, struct buf *out, struct err *e);
