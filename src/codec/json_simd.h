/*
 * codec/json_simd: private: the border to simdjson's DOM parser, which is C++.
 *
 * After simd_parse the tape and the strings are valid until the next call with the same parser.
 * Tape: https://github.com/simdjson/simdjson/blob/v3.0.1/doc/tape.md. Each word: kind in the top
 * byte, payload in the rest; `l` and `d` have their 64 bits in the word after. A string's payload
 * is where it lies in `strings`: a 4-byte length, the bytes, a NUL.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct simd_parser;

struct simd_parser *simd_parser_create(void); /* NULL when memory ran out */
void simd_parser_destroy(struct simd_parser *p);
/* NULL when the text is well-formed JSON; else simdjson's words for what is wrong. */
const char *simd_parse(struct simd_parser *p, const char *text, size_t len, const uint64_t **tape,
                       const uint8_t **strings);
bool simd_is_no_memory(const char *problem); /* is that what simd_parse said? */

#ifdef __cplusplus
}
#endif
