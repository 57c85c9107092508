/* base/test: what every unit test includes: cmocka in the order it wants, and two shorthands. */
#pragma once
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/base.h"

/* Fails with both texts shown. */
#define assert_str(actual, expected)                                                               \
    do {                                                                                           \
        struct str actual_ = (actual), expected_ = (expected);                                     \
        if (!str_equal(actual_, expected_))                                                        \
            fail_msg("\"%.*s\" is not \"%.*s\"", STR_ARG(actual_), STR_ARG(expected_));            \
    } while (0)

/* The call succeeds, or the test shows its error's sentence. */
#define assert_works(call, e)                                                                      \
    do {                                                                                           \
        if (!(call))                                                                               \
            fail_msg("%s: %s (%s)", #call, (e).text, (e).code);                                    \
    } while (0)
