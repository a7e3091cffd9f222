/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/wire/wire_test.h"

#include "signaling/wire/stream_url.h"

static int check(enum stream_kind kind, const char *url)
{
        char *copy = (char *)wire_copy(url, strlen(url) + 1);
        int r = stream_url_check(kind, copy);

        free(copy);
        return r;
}

static void what_hosts_type_passes(void **state)
{
        static const char *const rtmp[] = {
                "rtmp://a.rtmp.youtube.com/live2", "rtmps://live-api-s.facebook.com:443/rtmp/",
                "RTMP://127.0.0.1:1935/live",      "rtmp://[2001:db8::1]:1935/app?x=1&y=2",
                "rtmp://may-chu.vn/app/instance",
        };
        static const char *const rtsp[] = {
                "rtsp://192.168.1.64/Streaming/Channels/101",
                "rtsps://camera.hoi-truong.vn:322/",
                "rtsp://[fe80::1]:554",
                "rtsp://10.0.0.5:554/cam/realmonitor?channel=1&subtype=0",
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(rtmp); i++) {
                if (check(STREAM_RTMP, rtmp[i]) != 0)
                        fail_msg("%s", rtmp[i]);
                assert_int_not_equal(check(STREAM_RTSP, rtmp[i]), 0);
        }
        for (size_t i = 0; i < ARRAY_LEN(rtsp); i++) {
                if (check(STREAM_RTSP, rtsp[i]) != 0)
                        fail_msg("%s", rtsp[i]);
                assert_int_not_equal(check(STREAM_RTMP, rtsp[i]), 0);
        }
}

static void what_could_mean_something_else_does_not(void **state)
{
        static const char *const urls[] = {
                "",
                "rtmp:",
                "rtmp://",
                "rtmp:///live",
                "rtmp://host",
                "rtmp://host/",
                "rtmp://host//",
                "rtmp://host/a@b",
                "http://host/live",
                "file:///etc/passwd",
                "rtmpt://host/live",
                " rtmp://host/live",
                "rtmp://host/live x=1",
                "rtmp://host/live\nrtmp://other/x",
                "rtmp://host/li\"ve",
                "rtmp://host/li've",
                "rtmp://host/li\\ve",
                "rtmp://host/live#x",
                "rtmp://user:key@host/live",
                "rtmp://user@host/live",
                "rtmp://-host/live",
                "rtmp://.host/live",
                "rtmp://ho st/live",
                "rtmp://host:/live",
                "rtmp://host:0/live",
                "rtmp://host:65536/live",
                "rtmp://host:999999/live",
                "rtmp://host:1x/live",
                "rtmp://[::1/live",
                "rtmp://[]/live",
                "rtmp://[::g]/live",
                "rtmp://[::1]x/live",
                "rtmp://h\303\266st/live",
                "rtmp://host/{live}",
                "rtmp://host/live|x",
        };
        char longer[STREAM_URL_MAX + 2] = "rtmp://host/";

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(urls); i++) {
                if (check(STREAM_RTMP, urls[i]) == 0)
                        fail_msg("%s", urls[i]);
        }
        memset(longer + strlen(longer), 'a', STREAM_URL_MAX - strlen("rtmp://host/"));
        assert_int_not_equal(check(STREAM_RTMP, longer), 0);
        longer[STREAM_URL_MAX - 1] = '\0';
        assert_int_equal(check(STREAM_RTMP, longer), 0);
}

static void keys_and_names(void **state)
{
        char longer[STREAM_KEY_MAX + 2];

        (void)state;
        assert_true(stream_key_is_good("FB-1234-0-AbCd?s_bl=1&s_ps=1&a=Ab-_x"));
        assert_true(stream_key_is_good("abcd-efgh-ijkl"));
        assert_false(stream_key_is_good(""));
        assert_false(stream_key_is_good("a b"));
        assert_false(stream_key_is_good("a\"b"));
        assert_false(stream_key_is_good("a\nb"));
        memset(longer, 'k', sizeof(longer));
        longer[STREAM_KEY_MAX + 1] = '\0';
        assert_false(stream_key_is_good(longer));
        longer[STREAM_KEY_MAX] = '\0';
        assert_true(stream_key_is_good(longer));
        assert_true(stream_user_is_good(""));
        assert_true(stream_user_is_good("mật khẩu: \"x\" #1"));
        assert_false(stream_user_is_good("a\r\nb"));
        assert_false(stream_user_is_good("\xff"));
        assert_false(stream_user_is_good(longer));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(what_hosts_type_passes),
                cmocka_unit_test(what_could_mean_something_else_does_not),
                cmocka_unit_test(keys_and_names),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
