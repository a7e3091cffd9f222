/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/wire/wire_test.h"

#include "signaling/wire/http_range.h"

static const struct {
        const char *text;
        uint64_t size;
        enum http_range_kind kind;
        uint64_t first, last;
} cases[] = {
        { "bytes=0-0", 10, HTTP_RANGE_PART, 0, 0 },
        { "bytes=0-", 10, HTTP_RANGE_PART, 0, 9 },
        { "Bytes=3-5", 10, HTTP_RANGE_PART, 3, 5 },
        { "bytes=9-9", 10, HTTP_RANGE_PART, 9, 9 },
        { "bytes=5-99", 10, HTTP_RANGE_PART, 5, 9 },
        { "bytes=5-99999999999999999999999", 10, HTTP_RANGE_PART, 5, 9 },
        { "bytes=-3", 10, HTTP_RANGE_PART, 7, 9 },
        { "bytes=-99", 10, HTTP_RANGE_PART, 0, 9 },
        { "bytes=10-", 10, HTTP_RANGE_OUTSIDE, 0, 0 },
        { "bytes=18446744073709551615-", 10, HTTP_RANGE_OUTSIDE, 0, 0 },
        { "bytes=99999999999999999999999-", 10, HTTP_RANGE_OUTSIDE, 0, 0 },
        { "bytes=-0", 10, HTTP_RANGE_OUTSIDE, 0, 0 },
        { "bytes=0-", 0, HTTP_RANGE_OUTSIDE, 0, 0 },
        { "bytes=-1", 0, HTTP_RANGE_OUTSIDE, 0, 0 },
        { "bytes=5-4", 10, HTTP_RANGE_WHOLE, 0, 0 },
        { "bytes=1-2,4-5", 10, HTTP_RANGE_WHOLE, 0, 0 },
        { "bytes=-", 10, HTTP_RANGE_WHOLE, 0, 0 },
        { "bytes=", 10, HTTP_RANGE_WHOLE, 0, 0 },
        { "bytes=1", 10, HTTP_RANGE_WHOLE, 0, 0 },
        { "bytes=a-b", 10, HTTP_RANGE_WHOLE, 0, 0 },
        { "bytes=1-2x", 10, HTTP_RANGE_WHOLE, 0, 0 },
        { "items=1-2", 10, HTTP_RANGE_WHOLE, 0, 0 },
        { "", 10, HTTP_RANGE_WHOLE, 0, 0 },
};

static void ranges_stay_inside(void **state)
{
        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                uint64_t first = 0, last = 0;
                enum http_range_kind kind = http_range_parse(cases[i].text, cases[i].size, &first,
                                                             &last);

                if (kind != cases[i].kind || first != cases[i].first || last != cases[i].last)
                        fail_msg("%s of %llu: %d %llu-%llu", cases[i].text,
                                 (unsigned long long)cases[i].size, kind, (unsigned long long)first,
                                 (unsigned long long)last);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = { cmocka_unit_test(ranges_stay_inside) };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
