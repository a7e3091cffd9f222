/* SPDX-License-Identifier: Apache-2.0 */
/* What a host types in as an address, a key, a name: the jobs have to take what passes. */
#include "tests/fuzz/fuzz.h"

#include "sfu/jobs/core/rtmp_url.h"
#include "sfu/jobs/core/rtsp_url.h"
#include "signaling/wire/stream_url.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        char *text = malloc(size + 1);

        FUZZ_CHECK(text);
        memcpy(text, data, size);
        text[size] = '\0';
        for (int kind = STREAM_RTMP; kind <= STREAM_RTSP; kind++) {
                if (stream_url_check((enum stream_kind)kind, text) != 0)
                        continue;
                FUZZ_CHECK(strlen(text) < STREAM_URL_MAX && strstr(text, "://"));
                FUZZ_CHECK(kind == STREAM_RTMP ? rtmp_url_parse(&(struct rtmp_url){ 0 }, text) == 0
                                               : rtsp_url_is_good(text));
                FUZZ_CHECK(!strpbrk(text, " \"'\\#<>|\r\n\t`{}^"));
        }
        if (stream_key_is_good(text))
                FUZZ_CHECK(text[0] && !strpbrk(text, " \"'\\#<>|\r\n\t`{}^"));
        if (stream_user_is_good(text))
                FUZZ_CHECK(!strpbrk(text, "\r\n"));
        free(text);
        return 0;
}
