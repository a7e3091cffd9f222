/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/jobs/core/rtmp_url.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static const struct {
        const char *text;
        bool good;
        struct rtmp_url url;
} rows[] = {
        { "rtmp://a.rtmp.youtube.com/live2", true, { false, "a.rtmp.youtube.com", 1935, "live2" } },
        { "rtmps://live-api-s.facebook.com:443/rtmp/",
          true,
          { true, "live-api-s.facebook.com", 443, "rtmp" } },
        { "RTMPS://h/app", true, { true, "h", 443, "app" } },
        { "rtmp://h:1/a/b?c=d&e", true, { false, "h", 1, "a/b?c=d&e" } },
        { "rtmp://[2001:db8::1]/a", true, { false, "2001:db8::1", 1935, "a" } },
        { "rtmp://[::1]:65535//a//", true, { false, "::1", 65535, "a" } },
        { "", false, { 0 } },
        { "rtmp://", false, { 0 } },
        { "rtmp://h", false, { 0 } },
        { "rtmp://h/", false, { 0 } },
        { "rtmp:///app", false, { 0 } },
        { "http://h/app", false, { 0 } },
        { "rtmpt://h/app", false, { 0 } },
        { "rtmp://user@h/app", false, { 0 } },
        { "rtmp://user:password@h/app", false, { 0 } },
        { "rtmp://h:/app", false, { 0 } },
        { "rtmp://h:0/app", false, { 0 } },
        { "rtmp://h:65536/app", false, { 0 } },
        { "rtmp://h:+1/app", false, { 0 } },
        { "rtmp://[::1/app", false, { 0 } },
        { "rtmp://[::1]x/app", false, { 0 } },
        { "rtmp://[]/app", false, { 0 } },
        { "rtmp://h/a b", false, { 0 } },
        { "rtmp://h/a\nb", false, { 0 } },
        { "rtmp://h/caf\xc3\xa9", false, { 0 } },
};

static void test_addresses_are_split_or_refused(void **state)
{
        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                struct rtmp_url url = { 0 };
                int r = rtmp_url_parse(&url, rows[i].text);

                if (r != (rows[i].good ? 0 : -EINVAL) || url.tls != rows[i].url.tls ||
                    url.port != rows[i].url.port || strcmp(url.host, rows[i].url.host) != 0 ||
                    strcmp(url.app, rows[i].url.app) != 0)
                        fail_msg("%s: %d, host %s port %d app %s", rows[i].text, r, url.host,
                                 url.port, url.app);
        }
}

static void test_what_is_too_long_is_refused(void **state)
{
        struct rtmp_url url;
        char text[1024] = "rtmp://h/";

        (void)state;
        memset(text + 9, 'a', RTMP_APP);
        assert_int_equal(rtmp_url_parse(&url, text), -EINVAL);
        text[9 + RTMP_APP - 1] = '\0';
        assert_int_equal(rtmp_url_parse(&url, text), 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_addresses_are_split_or_refused),
                cmocka_unit_test(test_what_is_too_long_is_refused),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
