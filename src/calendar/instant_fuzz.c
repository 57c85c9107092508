/* A time that is read is written as one that reads the same. */
#include "calendar/calendar.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = {(const char *)data, size};
    int64_t ms, again;
    int offset, year, month, day;
    struct err e = {0};
    char room[INSTANT_TEXT_BYTES];
    if (instant_parse(text, &ms, &offset, &e)) {
        REQUIRE(offset > -1440 && offset < 1440);
        struct str printed = instant_text(ms, room);
        struct err range = {0};
        if (instant_parse(printed, &again, &offset, &range))
            REQUIRE(again == ms && offset == 0);
        else /* the offset led over the first or the last year */
            REQUIRE(strcmp(range.code, "time.range") == 0);
    } else {
        REQUIRE(e.code[0] && e.hint[0] && str_is_utf8(str_of(e.text)));
    }
    if (date_parse(text, &year, &month, &day, &e))
        REQUIRE(year >= 1900 && year <= 2199 && month >= 1 && month <= 12 && day >= 1 && day <= 31);
    return 0;
}
