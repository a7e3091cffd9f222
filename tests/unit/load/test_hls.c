/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/wire/wire_test.h"

#include <errno.h>

#include "load/core/hls.h"

static const char playlist[] = "#EXTM3U\r\n#EXT-X-VERSION:7\n#EXT-X-TARGETDURATION:2\n"
                               "#EXT-X-MEDIA-SEQUENCE:41\n#EXT-X-MAP:URI=\"init.mp4\"\n"
                               "#EXT-X-PROGRAM-DATE-TIME:2026-11-22T16:00:00.500+07:00\n"
                               "#EXTINF:2.000,\n41.m4s\n#EXTINF:1.96,\n42.m4s\n"
                               "#EXT-X-DISCONTINUITY\n#EXT-X-MAP:URI=\"init-2.mp4\"\n"
                               "#EXT-X-PROGRAM-DATE-TIME:2026-11-22T09:01:00Z\n"
                               "#EXTINF:2,title\n43.m4s\n";

static void a_media_playlist_is_read(void **state)
{
        /* date -u -d 2026-11-22T09:00:00 +%s */
        const int64_t nine_us = INT64_C(1795338000) * 1000000;
        struct hls_media *media = malloc(sizeof(*media));

        (void)state;
        assert_non_null(media);
        assert_int_equal(hls_media_parse(media, playlist, strlen(playlist)), 0);
        assert_int_equal(media->target_us, 2000000);
        assert_int_equal(media->first, 41);
        assert_int_equal(media->n, 3);
        assert_false(media->ended);
        assert_string_equal(media->segments[0].uri, "41.m4s");
        assert_string_equal(media->segments[1].init, "init.mp4");
        assert_string_equal(media->segments[2].init, "init-2.mp4");
        assert_int_equal(media->segments[1].duration_us, 1960000);
        assert_int_equal(media->segments[0].start_us, nine_us + 500000);
        assert_int_equal(media->segments[1].start_us, nine_us + 2500000);
        assert_int_equal(media->segments[2].start_us, nine_us + 60000000);
        free(media);
}

static void of_too_many_segments_the_newest_stay(void **state)
{
        struct hls_media *media = malloc(sizeof(*media));
        char text[32768] = "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXT-X-MEDIA-SEQUENCE:10\n";

        (void)state;
        for (int i = 0; i < 1000; i++)
                strcat(text, "#EXTINF:2,\na.m4s\n");
        assert_int_equal(hls_media_parse(media, text, strlen(text)), 0);
        assert_int_equal(media->n, HLS_MAX_SEGMENTS);
        assert_int_equal(media->first, 10 + 1000 - HLS_MAX_SEGMENTS);
        free(media);
}

static void what_is_no_playlist_is_refused(void **state)
{
        static const char *const texts[] = { "",
                                             "#EXTM3U",
                                             "<html>",
                                             "#EXTM3U\n1.m4s\n",
                                             "#EXTM3U\n#EXT-X-TARGETDURATION:0\n",
                                             "#EXTM3U\n#EXT-X-TARGETDURATION:99999\n" };
        struct hls_media *media = malloc(sizeof(*media));

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
                char uri[HLS_URI];

                assert_int_equal(hls_media_parse(media, texts[i], strlen(texts[i])), -EBADMSG);
                assert_int_equal(hls_master_choose(uri, texts[i], strlen(texts[i]), ""), -EBADMSG);
        }
        free(media);
}

static void a_rendition_is_chosen_by_its_folder(void **state)
{
        static const char master[] =
                "#EXTM3U\n"
                "#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"a\",URI=\"audio/index.m3u8\"\n"
                "#EXT-X-STREAM-INF:BANDWIDTH=900000\n720/index.m3u8\n"
                "#EXT-X-STREAM-INF:BANDWIDTH=400000\n360/index.m3u8\n";
        char uri[HLS_URI];

        (void)state;
        assert_int_equal(hls_master_choose(uri, master, strlen(master), ""), 0);
        assert_string_equal(uri, "720/index.m3u8");
        assert_int_equal(hls_master_choose(uri, master, strlen(master), "360"), 0);
        assert_string_equal(uri, "360/index.m3u8");
        assert_int_equal(hls_master_choose(uri, master, strlen(master), "audio"), 0);
        assert_string_equal(uri, "audio/index.m3u8");
        assert_int_equal(hls_master_choose(uri, master, strlen(master), "1080"), -ENOENT);
}

static void addresses_are_seen_from_their_playlist(void **state)
{
        char path[64];

        (void)state;
        assert_int_equal(hls_resolve(path, sizeof(path), "/live/K/720/index.m3u8", "1.m4s"), 0);
        assert_string_equal(path, "/live/K/720/1.m4s");
        assert_int_equal(hls_resolve(path, sizeof(path), "/live/K/index.m3u8", "/x/1.m4s"), 0);
        assert_string_equal(path, "/x/1.m4s");
        assert_int_equal(hls_resolve(path, sizeof(path), "/a/b", "http://x/1.m4s"), -EINVAL);
        assert_int_equal(hls_resolve(path, sizeof(path), "/a/b", "//x/1.m4s"), -EINVAL);
        assert_int_equal(hls_resolve(path, sizeof(path), "/a/b", "1 HTTP/1.1\r\n"), -EINVAL);
        assert_int_equal(hls_resolve(path, 8, "/a/b", "1234567.m4s"), -EINVAL);
}

static void an_answers_head_is_read(void **state)
{
        static const char head[] = "HTTP/1.1 200 OK\r\nConnection: close\r\n"
                                   "content-length:  17\r\n\r\nbody";
        struct hls_answer answer;

        (void)state;
        for (size_t len = 0; len < strlen(head) - 4; len++)
                assert_int_equal(hls_answer_parse(&answer, head, len), -EAGAIN);
        assert_int_equal(hls_answer_parse(&answer, head, strlen(head)), 0);
        assert_int_equal(answer.status, 200);
        assert_int_equal(answer.body_len, 17);
        assert_int_equal(answer.head_len, strlen(head) - 4);
        assert_true(answer.close);
        assert_int_equal(hls_answer_parse(&answer, "HTTP/1.1 200 OK\r\n\r\n", 19), -EBADMSG);
        assert_int_equal(hls_answer_parse(&answer, "HTTP/1.1 304 No\r\n\r\n", 19), 0);
        assert_int_equal(hls_answer_parse(&answer, "SSH-2.0-OpenSSH\r\n\r\n", 19), -EBADMSG);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_media_playlist_is_read),
                cmocka_unit_test(of_too_many_segments_the_newest_stay),
                cmocka_unit_test(what_is_no_playlist_is_refused),
                cmocka_unit_test(a_rendition_is_chosen_by_its_folder),
                cmocka_unit_test(addresses_are_seen_from_their_playlist),
                cmocka_unit_test(an_answers_head_is_read),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
