/*
 * Any bytes as a question in words: no crash; JSON that parses, with pointers that its errors find,
 * or an error with a sentence and a place.
 */
#include "query/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    AUTO(arena) *arena = arena_create(0);
    AUTO(json_parser) *parser = json_parser_create();
    struct str line = {(const char *)bytes, size};
    struct text_question t;
    struct json root;
    struct err e = {0};

    if (!text_read(arena, line, &t, &e)) {
        REQUIRE(e.text[0] && e.code[0]);
        REQUIRE(e.at[0] || e.kind == ERR_TOO_LARGE);
    } else {
        REQUIRE(json_parse(parser, t.json, &root, &e));
        REQUIRE(json_type(root) == JSON_OBJECT);
        for (size_t i = 0; i < t.spot_count; i++)
            REQUIRE(t.spots[i].at <= size && t.spots[i].pointer.at[0] == '/');
    }
    text_question_free(&t);
    return 0;
}
