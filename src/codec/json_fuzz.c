/* Whatever is parsed prints to a text that parses to the same print; whatever is refused is blamed.
 */
#include "codec/json.h"
#include "codec/json_blame.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO(json_parser) *p = json_parser_create();
    struct str text = {(const char *)data, size};
    struct json root;
    struct err e = {0};
    if (!json_parse(p, text, &root, &e)) {
        REQUIRE(e.kind == ERR_INVALID && e.code[0] && str_is_utf8(str_of(e.text)));
        REQUIRE(!str_starts(str_of(e.text), STR("the text is not JSON"))); /* not blamed */
        return 0;
    }
    REQUIRE(!json_blame(text, &e));
    BUF_AUTO once = {0};
    json_print(root, &once);
    BUF_AUTO twice = {0};
    REQUIRE(json_parse(p, buf_str(&once), &root, &e));
    json_print(root, &twice);
    REQUIRE(str_equal(buf_str(&once), buf_str(&twice)));
    return 0;
}
