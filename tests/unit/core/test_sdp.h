/* SPDX-License-Identifier: Apache-2.0 */
/* test_sdp — what the SDP tests share: a small offer, edits of it, files. */
#ifndef TESTS_UNIT_CORE_TEST_SDP_H
#define TESTS_UNIT_CORE_TEST_SDP_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sfu/core/sdp.h"

#define TEST_FINGERPRINT                                                                           \
        "00:01:02:03:04:05:06:07:08:09:0A:0B:0C:0D:0E:0F:"                                         \
        "10:11:12:13:14:15:16:17:18:19:1A:1B:1C:1D:1E:1F"

#define TEST_SECURITY                                                                              \
        "a=ice-ufrag:abcd\r\na=ice-pwd:abcdefghijklmnopqrstuv\r\n"                                 \
        "a=fingerprint:sha-256 " TEST_FINGERPRINT "\r\na=setup:actpass\r\na=rtcp-mux\r\n"

#define TEST_VIDEO_CODECS                                                                          \
        "a=rtpmap:96 VP8/90000\r\na=rtcp-fb:96 nack\r\na=rtcp-fb:96 nack pli\r\n"                  \
        "a=rtcp-fb:96 transport-cc\r\na=rtpmap:97 rtx/90000\r\na=fmtp:97 apt=96\r\n"               \
        "a=rtpmap:98 H264/90000\r\na=fmtp:98 packetization-mode=1;profile-level-id=42e01f\r\n"     \
        "a=rtcp-fb:98 nack\r\na=rtpmap:99 rtx/90000\r\na=fmtp:99 apt=98\r\n"

#define TEST_EXTS                                                                                  \
        "a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid\r\n"                                       \
        "a=extmap:2/recvonly http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time\r\n"       \
        "a=extmap:3 http://www.ietf.org/id/"                                                       \
        "draft-holmer-rmcat-transport-wide-cc-extensions-01\r\n"                                   \
        "a=extmap:10/sendonly urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id\r\n"                   \
        "a=extmap:11 urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id\r\n"

#define TEST_HEAD                                                                                  \
        "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE mic cam ear eye\r\n"

/* Microphone, simulcast camera, one audio slot, one video slot. */
#define TEST_OFFER                                                                                 \
        TEST_HEAD                                                                                  \
        "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:mic\r\na=sendonly\r\n" TEST_SECURITY             \
        "a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level\r\n"                               \
        "a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid\r\n"                                       \
        "a=rtpmap:111 opus/48000/2\r\na=ssrc:1234 cname:x\r\n"                                     \
        "m=video 9 UDP/TLS/RTP/SAVPF 96 97 98 99\r\na=mid:cam\r\na=sendonly\r\n" TEST_SECURITY     \
                TEST_EXTS TEST_VIDEO_CODECS                                                        \
        "a=rid:q send\r\na=rid:h send\r\na=rid:f send\r\na=simulcast:send q;h;f\r\n"               \
        "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:ear\r\na=recvonly\r\n" TEST_SECURITY             \
        "a=rtpmap:111 opus/48000/2\r\n"                                                            \
        "m=video 9 UDP/TLS/RTP/SAVPF 96 97 98 99\r\na=mid:eye\r\na=recvonly\r\n" TEST_SECURITY     \
                TEST_EXTS TEST_VIDEO_CODECS

/* Parses an exact-size heap copy, so that ASan sees any over-read. */
static inline int parse_copy(struct sdp_offer **ret_offer, const char *text, size_t len)
{
        char *copy = malloc(len ? len : 1);
        int r;

        assert_non_null(copy);
        memcpy(copy, text, len);
        r = sdp_offer_parse(ret_offer, copy, len);
        free(copy);
        return r;
}

/* text with every `find` replaced; free(). */
static inline char *edited(const char *text, const char *find, const char *replace)
{
        size_t most = strlen(text) / strlen(find);
        char *out = malloc(strlen(text) + most * strlen(replace) + 1), *at = out;

        assert_non_null(out);
        assert_non_null(strstr(text, find));
        for (const char *hit; (hit = strstr(text, find)); text = hit + strlen(find)) {
                at = mempcpy(at, text, (size_t)(hit - text));
                at = stpcpy(at, replace);
        }
        stpcpy(at, text);
        return out;
}

/* A whole file, NUL-terminated; free(). */
static inline char *file_text(const char *folder, const char *name, size_t *ret_len)
{
        char path[4096];
        char *text = calloc(1, SFU_MAX_SDP_BYTES + 1);
        FILE *file;

        (void)snprintf(path, sizeof(path), "%s/%s.sdp", folder, name);
        file = fopen(path, "rb");
        assert_non_null(file);
        assert_non_null(text);
        *ret_len = fread(text, 1, SFU_MAX_SDP_BYTES, file);
        assert_true(*ret_len > 0);
        (void)fclose(file);
        return text;
}

#endif
