/* SPDX-License-Identifier: Apache-2.0 */
/* What a server may answer a player: heads, playlists, addresses in them. */
#include "tests/fuzz/fuzz.h"

#include "load/core/hls.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static struct hls_media media;
        const char *text = (const char *)data;
        struct hls_answer answer;
        char uri[HLS_URI], path[HLS_URI];

        if (hls_answer_parse(&answer, text, size) == 0)
                FUZZ_CHECK(answer.head_len <= size && answer.status >= -99 && answer.status <= 999);
        if (hls_master_choose(uri, text, size, "720") == 0)
                FUZZ_CHECK(strlen(uri) < sizeof(uri));
        if (hls_media_parse(&media, text, size) != 0)
                return 0;
        FUZZ_CHECK(media.target_us > 0 && media.n <= HLS_MAX_SEGMENTS);
        for (size_t i = 0; i < media.n; i++) {
                FUZZ_CHECK(media.segments[i].uri[0] && media.segments[i].duration_us > 0);
                if (hls_resolve(path, sizeof(path), "/live/K/720/index.m3u8",
                                media.segments[i].uri) == 0)
                        FUZZ_CHECK(path[0] == '/' && !strpbrk(path, "\r\n "));
        }
        return 0;
}
