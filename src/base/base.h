/*
 * base/base: what every room stands on: byte slices, contract checks, memory that never returns
 * NULL.
 *
 * Pure: no system call besides memory from libc and the end of the process. Thread: any.
 *
 * A `struct str` is a slice by value: it owns nothing, need not end in NUL, and may hold any byte.
 * Its owner is whoever made the bytes; a header that hands one out says how long it lives.
 *
 * REQUIRE states what the caller promised. It stays on in release builds: a broken promise by our
 * own code stops the process (the write-ahead log brings everything acknowledged back).
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define MUST_USE __attribute__((warn_unused_result))
#define PRINTF(format_at, first) __attribute__((format(printf, format_at, first)))
#define LIKELY(x) __builtin_expect(!!(x), 1)
#define UNLIKELY(x) __builtin_expect(!!(x), 0)
#define MIN(a, b) ((a) < (b) ? (a) : (b))
#define MAX(a, b) ((a) > (b) ? (a) : (b))

#define REQUIRE(condition)                                                                         \
    (LIKELY(condition) ? (void)0 : require_failed(#condition, __FILE__, __LINE__))
_Noreturn void require_failed(const char *condition, const char *file, int line);

/* A slice of bytes, by value. */
struct str {
    const char *at;
    size_t len;
};

#define STR(literal) ((struct str){"" literal, sizeof(literal) - 1})
#define STR_NONE ((struct str){NULL, 0})
#define STR_ARG(s) (int)(s).len, (s).at /* for "%.*s" */

struct str str_of(const char *text); /* of a NUL-terminated text */
bool str_equal(struct str a, struct str b);
bool str_equal_fold(struct str a, struct str b); /* ASCII letters without case */
int str_compare(struct str a, struct str b);     /* by bytes, shorter first when one is a prefix */
bool str_starts(struct str s, struct str prefix);
bool str_ends(struct str s, struct str suffix);
/* Where `c` stands in `s`, or s.len. */
size_t str_find(struct str s, char c);
struct str str_sub(struct str s, size_t from, size_t len); /* clipped to s */
struct str str_trim(struct str s);                         /* ASCII white space off both ends */
/* Cuts `*rest` at the first `c`: gives the part before, leaves the part after. False at the end:
 * "a," has the parts "a" and "", "" has one empty part, STR_NONE none. */
bool str_cut(struct str *rest, char c, struct str *part);
/* A whole decimal number, optional '-'; false for anything else or out of range. */
bool str_to_i64(struct str s, int64_t *out);
bool str_to_f64(struct str s, double *out); /* finite decimal numbers only; no hex, inf, nan */
bool str_is_utf8(struct str s);             /* strict: no surrogates, no overlong forms */
/* Damerau-Levenshtein distance, at most `limit`+1; for "did you mean". */
size_t str_distance(struct str a, struct str b, size_t limit);

/*
 * Memory (docs/decisions/0005-out-of-memory.md). When there is none left, the process ends with one
 * line on standard error and the code MEM_EXHAUSTED_EXIT: a half-done answer is worse, and the log
 * brings everything acknowledged back. Limits on input keep that from being an attack. What is
 * large and follows from one request's input asks with mem_try, and fails that request
 * (ERR_NO_MEMORY); so do the libraries.
 */
enum { MEM_EXHAUSTED_EXIT = 71 };
_Noreturn void mem_exhausted(size_t bytes);
void *mem_zero(size_t bytes);
void *mem_try(size_t bytes);                      /* zeroed; NULL when there is not so much */
void *mem_array(size_t count, size_t item_bytes); /* zeroed; count * item_bytes is checked */
void *mem_grow(void *old, size_t count, size_t item_bytes); /* new part is not zeroed */
void mem_free(void *memory);

/*
 * What one piece of work takes, over all its threads: between enter and leave, what the functions
 * above hand out on this thread counts, and what is freed counts back. Nobody is refused by it: the
 * work looks at mem_is_over now and then, and stops. Sizes are those malloc gave, so they are real;
 * a list that doubles may be beyond the limit by as much again before the work looks.
 */
struct mem_budget {
    int64_t limit; /* bytes; 0 = none */
    _Atomic int64_t used, most;
};
struct mem_budget *mem_enter(struct mem_budget *budget); /* gives the one before, for mem_leave */
void mem_leave(struct mem_budget *before);
struct mem_budget *mem_budget(void); /* of this thread; NULL = nobody counts */
bool mem_is_over(const struct mem_budget *budget); /* has been, at any time; NULL: no */

static inline size_t array_room(size_t room)
{
    return room ? room * 2 : 8;
}

/* Makes room for one more in a growing array: ARRAY_PUSH(list, count, room) = value; */
#define ARRAY_PUSH(list, count, room)                                                              \
    (*({                                                                                           \
        if ((count) == (room)) {                                                                   \
            (room) = (typeof(room))array_room(room);                                               \
            (list) = mem_grow((list), (room), sizeof *(list));                                     \
        }                                                                                          \
        &(list)[(count)++];                                                                        \
    }))

/* AUTO(wal) *w = NULL;  closes w when the scope ends.  *out = TAKE(w);  hands it on instead. */
#define AUTO_DEFINE(type, close_fn)                                                                \
    static inline void type##_auto(struct type **p)                                                \
    {                                                                                              \
        close_fn(*p);                                                                              \
    }
#define AUTO(type) __attribute__((cleanup(type##_auto))) struct type
#define TAKE(p)                                                                                    \
    ({                                                                                             \
        __typeof__(p) taken_ = (p);                                                                \
        (p) = NULL;                                                                                \
        taken_;                                                                                    \
    })
