/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "docs-share/core/film_report.h"

/* On an exact-size heap copy, so that an over-read is seen. */
static int parse(struct film_report *report, const char *text)
{
        size_t len = strlen(text);
        char *copy = memcpy(malloc(len + !len), text, len);
        int r = film_report_parse(report, copy, len);

        free(copy);
        return r;
}

#define MEDIA "{\"type\":\"media\",\"duration_ms\":"
#define READY "{\"type\":\"ready\"}\n"

static void first_word_on_the_film_decides(void **state)
{
        static const struct {
                const char *text;
                int result;
                int64_t duration_ms;
                bool has_video;
        } cases[] = {
                { MEDIA "61000,\"video\":\"h264\",\"audio\":\"aac\",\"width\":1280,"
                        "\"height\":720}\n",
                  0, 61000, true },
                { READY "{\"type\":\"progress\",\"t\":1}\n" MEDIA
                        "5,\"video\":null,\"audio\":\"mp3\"}",
                  0, 5, false },
                { MEDIA "null,\"video\":\"vp8\",\"audio\":null}", 0, 0, true },
                { MEDIA "-7,\"video\":\"vp8\"}", 0, 0, true },
                { MEDIA "1,\"video\":null,\"audio\":null}", DOCS_E_UNPLAYABLE, 0, false },
                { MEDIA "21600001,\"audio\":\"mp3\"}", DOCS_E_LONG, 0, false },
                { MEDIA "9e99,\"audio\":\"mp3\"}", 0, 0, false },
                { MEDIA "1,\"video\":\"h265\",\"width\":7680,\"height\":4320}", DOCS_E_PICTURE, 0,
                  false },
                { "{\"type\":\"error\",\"code\":\"unplayable\"}\n" MEDIA "1,\"audio\":\"mp3\"}",
                  DOCS_E_UNPLAYABLE, 0, false },
                { "{\"type\":\"error\",\"code\":\"codec-unsupported\"}", DOCS_E_CODEC, 0, false },
                { "{\"type\":\"error\",\"code\":\"internal\"}", DOCS_E_INTERNAL, 0, false },
                { "{\"type\":\"error\",\"code\":7}", DOCS_E_UNPLAYABLE, 0, false },
                { "{\"type\":\"error\"", DOCS_E_UNPLAYABLE, 0, false },
                { "[1]\n7\n\n\"media\"\n", DOCS_E_UNPLAYABLE, 0, false },
                { "", DOCS_E_UNPLAYABLE, 0, false },
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                struct film_report report = { 0 };

                assert_int_equal(parse(&report, cases[i].text), cases[i].result);
                assert_int_equal(report.duration_ms, cases[i].duration_ms);
                assert_int_equal(report.has_video, cases[i].has_video);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(first_word_on_the_film_decides),
        };

        return cmocka_run_group_tests_name("film_report", tests, NULL, NULL);
}
