/* Any bytes are refused with a sentence, or read, printed, and read again to the same text. */
#include "codec/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO(json_parser) *parser = json_parser_create();
    BUF_AUTO first = {0}, second = {0};
    struct json root;
    struct err e = {0};

    if (json_parse(parser, (struct str){(const char *)data, size}, &root, &e)) {
        json_print(root, &first);
        REQUIRE(json_parse(parser, buf_str(&first), &root, &e));
        json_print(root, &second);
        REQUIRE(str_equal(buf_str(&first), buf_str(&second)));
    } else {
        REQUIRE(e.kind != ERR_NONE && e.text[0]);
    }
    return 0;
}
