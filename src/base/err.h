/*
 * base/err: errors as values that carry a sentence for the person who reads it.
 *
 * A function that can fail returns bool and takes `struct err *` last. True: the outputs are set.
 * False: `e` is set, and nothing is half done. Who meets the failure says what (err_set); each
 * caller that knows more puts one clause in front (err_while): "opening wal 12: no space left".
 * `at` is a JSON pointer, line or member; `hint` says what to do. Both may be empty.
 */
#pragma once
#include "base/base.h"

/* kind, HTTP status, may the caller retry?, default code in JSON errors */
#define ERR_KINDS(X)                                                                               \
    X(INVALID, 400, false, "bad_request")                                                          \
    X(UNAUTHORIZED, 401, false, "unauthorized")                                                    \
    X(FORBIDDEN, 403, false, "forbidden")                                                          \
    X(NOT_FOUND, 404, false, "not_found")                                                          \
    X(CONFLICT, 409, false, "conflict")                                                            \
    X(STALE, 412, false, "stale")                                                                  \
    X(TOO_LARGE, 413, false, "too_large")                                                          \
    X(UNSUPPORTED, 415, false, "unsupported")                                                      \
    X(UNKNOWN_NAME, 422, false, "unknown_name")                                                    \
    X(TOO_MANY, 429, true, "too_many")                                                             \
    X(IO, 500, false, "io")                                                                        \
    X(CORRUPT, 500, false, "corrupt")                                                              \
    X(BUSY, 503, true, "busy")                                                                     \
    X(NO_MEMORY, 503, true, "no_memory")                                                           \
    X(NO_SPACE, 507, true, "no_space")                                                             \
    X(USAGE, 400, false, "usage")

enum err_kind {
    ERR_NONE,
#define X(name, status, retry, code) ERR_##name,
    ERR_KINDS(X)
#undef X
};

/* Lives in the caller's frame, never allocated. Start with `struct err e = {0};`. */
struct err {
    enum err_kind kind;
    int line; /* where first raised, for developers */
    const char *file;
    char code[40];  /* stable name for programs, e.g. "query.unknown_member"; "" = the kind's */
    char at[120];   /* JSON pointer, member or "line 7"; may be "" */
    char text[280]; /* the sentence */
    char hint[160]; /* what to do; may be "" */
};

/* All return false, so that a caller may write: return err_set(e, ERR_IO, "…"); */
#define err_set(e, kind, ...) err_set_at((e), (kind), __FILE__, __LINE__, __VA_ARGS__)
bool err_set_at(struct err *e, enum err_kind kind, const char *file, int line, const char *format,
                ...) PRINTF(5, 6);
bool err_while(struct err *e, const char *format, ...) PRINTF(2, 3);
bool err_code(struct err *e, const char *code);
bool err_at(struct err *e, const char *format, ...) PRINTF(2, 3);
bool err_hint(struct err *e, const char *format, ...) PRINTF(2, 3);

/* ERR_NO_MEMORY, "there is no memory for <what>", and a hint. */
bool err_no_memory(struct err *e, const char *what);

int err_status(enum err_kind kind); /* HTTP status */
bool err_may_retry(enum err_kind kind);
const char *err_code_of(const struct err *e); /* its code, or the kind's default */
