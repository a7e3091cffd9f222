/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sfu/jobs/core/rtsp_url.h"

static void only_plain_addresses_of_cameras_are_taken(void **state)
{
        static const struct {
                const char *url;
                bool good;
        } cases[] = {
                { "rtsp://10.1.2.3/stream", true },
                { "RTSPS://hall-camera.so.gov.vn:322/Streaming/Channels/101?a=b&c=%20", true },
                { "rtsp://[fd00::1]:8554/", true },
                { "rtsp://camera", true },
                { "rtsp://camera?profile=1", true },
                { "http://camera/", false },
                { "rtspu://camera/", false },
                { "rtsp:/camera", false },
                { "rtsp://", false },
                { "rtsp:///path", false },
                { "rtsp://-x/", false },
                { "rtsp://user@camera/", false },
                { "rtsp://user:word@camera/", false },
                { "rtsp://camera:0/", false },
                { "rtsp://camera:65536/", false },
                { "rtsp://camera:/", false },
                { "rtsp://camera:8554x/", false },
                { "rtsp://[fd00::1/", false },
                { "rtsp://[]/", false },
                { "rtsp://camera/a b", false },
                { "rtsp://camera/a\nb", false },
                { "rtsp://camera/#x", false },
                { "rtsp://camera/\xc3\xa9", false },
                { "rtsp://cam\xc3\xa9ra/", false },
                { "", false },
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                char *copy = strdup(cases[i].url); /* an over-read is seen */
                bool good = rtsp_url_is_good(copy);

                if (good != cases[i].good)
                        print_error("%s\n", cases[i].url);
                assert_int_equal(good, cases[i].good);
                free(copy);
        }
}

static void length_is_bounded(void **state)
{
        char url[RTSP_URL_MAX + 2];

        (void)state;
        memset(url, 'a', sizeof(url));
        memcpy(url, "rtsp://camera/", 14);
        url[RTSP_URL_MAX] = '\0';
        assert_true(rtsp_url_is_good(url));
        url[RTSP_URL_MAX] = 'a';
        url[RTSP_URL_MAX + 1] = '\0';
        assert_false(rtsp_url_is_good(url));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(only_plain_addresses_of_cameras_are_taken),
                cmocka_unit_test(length_is_bounded),
        };

        return cmocka_run_group_tests_name("rtsp_url", tests, NULL, NULL);
}
