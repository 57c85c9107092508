/* codec/json_simd: the only C++ of this program: simdjson's parser behind four C functions. */
#include "codec/json_simd.h"

#include <new>

#define SIMDJSON_EXCEPTIONS 0
#include <simdjson.h>

/* base/base.h, which is C. */
extern "C" {
void *mem_grow(void *old, size_t count, size_t item_bytes);
void *mem_try(size_t bytes);
void mem_free(void *memory);
}

/*
 * For all of the program's C++, libraries included: without memory an exception would fly through C
 * and end in abort(); so `new` ends the process as our own memory does, and the kind of `new` that
 * may say no says no.
 */
#define EVERYWHERE __attribute__((visibility("default")))
EVERYWHERE void *operator new(size_t bytes)
{
    return mem_grow(nullptr, bytes, 1);
}

EVERYWHERE void *operator new[](size_t bytes)
{
    return mem_grow(nullptr, bytes, 1);
}

EVERYWHERE void *operator new(size_t bytes, const std::nothrow_t &) noexcept
{
    return mem_try(bytes);
}

EVERYWHERE void *operator new[](size_t bytes, const std::nothrow_t &) noexcept
{
    return mem_try(bytes);
}

EVERYWHERE void operator delete(void *memory) noexcept
{
    mem_free(memory);
}

EVERYWHERE void operator delete[](void *memory) noexcept
{
    mem_free(memory);
}

EVERYWHERE void operator delete(void *memory, size_t) noexcept
{
    mem_free(memory);
}

EVERYWHERE void operator delete[](void *memory, size_t) noexcept
{
    mem_free(memory);
}

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
    if (error == simdjson::MEMALLOC)
        p->dom = simdjson::dom::parser(); /* it would take what it has got for all it asked for */
    if (error)
        return simdjson::error_message(error);
    *tape = p->dom.doc.tape.get();
    *strings = p->dom.doc.string_buf.get();
    return nullptr;
}

bool simd_is_no_memory(const char *problem)
{
    return problem == simdjson::error_message(simdjson::MEMALLOC);
}
