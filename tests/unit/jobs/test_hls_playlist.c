/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/wire/wire_test.h"

#include "sfu/jobs/core/hls_playlist.h"

enum { TWO_S = 2000000 };

/* 2026-02-28 23:59:59.040 UTC */
static const int64_t start_us = 1772323199040000;

static void a_list_says_when_and_how_long(void **state)
{
        static const char want[] = "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-TARGETDURATION:2\n"
                                   "#EXT-X-MEDIA-SEQUENCE:0\n#EXT-X-DISCONTINUITY-SEQUENCE:0\n"
                                   "#EXT-X-INDEPENDENT-SEGMENTS\n#EXT-X-MAP:URI=\"init-0.mp4\"\n"
                                   "#EXT-X-PROGRAM-DATE-TIME:2026-02-28T23:59:59.040Z\n"
                                   "#EXTINF:2.000,\n0.m4s\n"
                                   "#EXT-X-PROGRAM-DATE-TIME:2026-03-01T00:00:01.040Z\n"
                                   "#EXTINF:1.960,\n1.m4s\n#EXT-X-ENDLIST\n";
        struct hls_playlist list;
        char text[HLS_TEXT_MAX];

        (void)state;
        hls_playlist_init(&list, 2, 0);
        assert_int_equal(hls_playlist_add(&list, start_us, TWO_S), -1);
        assert_int_equal(hls_playlist_add(&list, start_us + TWO_S, 1960000), -1);
        assert_int_equal(hls_playlist_write(&list, true, text), sizeof(want) - 1);
        assert_string_equal(text, want);
}

static void the_newest_are_listed_and_some_more_kept(void **state)
{
        struct hls_playlist list;
        char text[HLS_TEXT_MAX];

        (void)state;
        hls_playlist_init(&list, 2, 0);
        for (int64_t i = 0; i < 100; i++) {
                int64_t gone = hls_playlist_add(&list, start_us + i * TWO_S, TWO_S);

                assert_int_equal(gone, i < HLS_KEPT ? -1 : i - HLS_KEPT);
        }
        hls_playlist_write(&list, false, text);
        assert_non_null(strstr(text, "#EXT-X-MEDIA-SEQUENCE:90\n"));
        assert_null(strstr(text, "\n89.m4s"));
        assert_non_null(strstr(text, "\n90.m4s"));
        assert_non_null(strstr(text, "\n99.m4s"));
        assert_null(strstr(text, "ENDLIST"));
}

/* Its first number is the time it began: two seconds of media for one second of numbers. */
static void a_job_after_a_crash_goes_on_with_new_names(void **state)
{
        struct hls_playlist before, after;
        char text[HLS_TEXT_MAX], name[HLS_INIT_NAME];

        (void)state;
        hls_playlist_init(&before, 2, 1772323199);
        for (int64_t i = 0; i < 1800; i++)
                (void)hls_playlist_add(&before, start_us + i * TWO_S, TWO_S);
        hls_playlist_init(&after, 2, 1772323199 + 3601);
        assert_true(after.next > before.next);
        assert_int_equal(hls_playlist_add(&after, start_us + 1801 * (int64_t)TWO_S, TWO_S), -1);
        hls_playlist_write(&after, false, text);
        assert_non_null(strstr(text, "#EXT-X-MEDIA-SEQUENCE:1772326800\n"));
        assert_non_null(strstr(text, "#EXT-X-DISCONTINUITY-SEQUENCE:1772326800\n"));
        assert_non_null(strstr(text, "#EXT-X-MAP:URI=\"init-1772326800.mp4\"\n"));
        assert_non_null(strstr(text, "\n1772326800.m4s"));
        hls_playlist_init_name(&after, name);
        assert_string_equal(name, "init-1772326800.mp4");
}

static void a_long_segment_raises_the_target(void **state)
{
        struct hls_playlist list;
        char text[HLS_TEXT_MAX];

        (void)state;
        hls_playlist_init(&list, 2, 0);
        (void)hls_playlist_add(&list, start_us, 2499000);
        (void)hls_playlist_add(&list, start_us, -5);
        hls_playlist_write(&list, false, text);
        assert_non_null(strstr(text, "#EXT-X-TARGETDURATION:2\n"));
        (void)hls_playlist_add(&list, start_us, 4600000);
        hls_playlist_write(&list, false, text);
        assert_non_null(strstr(text, "#EXT-X-TARGETDURATION:5\n"));
}

static void the_master_names_every_rendition(void **state)
{
        static const struct hls_rendition renditions[] = {
                { "720", 1700000, 1280, 720, "avc1.64001f,mp4a.40.2" },
                { "audio", 60000, 0, 0, "mp4a.40.2" },
        };
        static const char want[] =
                "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-INDEPENDENT-SEGMENTS\n"
                "#EXT-X-STREAM-INF:BANDWIDTH=1700000,CODECS=\"avc1.64001f,mp4a.40.2\","
                "RESOLUTION=1280x720,FRAME-RATE=25.000\n720/index.m3u8\n"
                "#EXT-X-STREAM-INF:BANDWIDTH=60000,CODECS=\"mp4a.40.2\"\naudio/index.m3u8\n";
        char text[HLS_TEXT_MAX];

        (void)state;
        assert_int_equal(hls_master_write(renditions, 2, text), sizeof(want) - 1);
        assert_string_equal(text, want);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_list_says_when_and_how_long),
                cmocka_unit_test(the_newest_are_listed_and_some_more_kept),
                cmocka_unit_test(a_job_after_a_crash_goes_on_with_new_names),
                cmocka_unit_test(a_long_segment_raises_the_target),
                cmocka_unit_test(the_master_names_every_rendition),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
