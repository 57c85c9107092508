/* codec/json_simd: the only C++ of this program: simdjson's parser behind four C functions. */
#include "codec/json_simd.h"

#include <new>

#define SIMDJSON_EXCEPTIONS 0
#include <simdjson.h>

namespace
{
/* A parser keeps room for the largest text it has seen, 13 bytes for each of its bytes. */
constexpr size_t kept_bytes_max = size_t(1) << 20;
} // namespace

struct simd_parser {
    simdjson::dom::parser dom;
};

struct simd_parser *simd_parser_create(void)
{
    return new (std::nothrow) simd_parser();
}

void simd_parser_destroy(struct simd_parser *p)
{
    delete p;
}

const char *simd_parse(struct simd_parser *p, const char *text, size_t len, const uint64_t **tape,
                       const uint8_t **strings)
{
    if (p->dom.capacity() > kept_bytes_max && len <= kept_bytes_max)
        p->dom = simdjson::dom::parser();
    simdjson::dom::element root;
    simdjson::error_code error = p->dom.parse(text, len).get(root);
    if (error)
        return simdjson::error_message(error);
    *tape = p->dom.doc.tape.get();
    *strings = p->dom.doc.string_buf.get();
    return nullptr;
}
