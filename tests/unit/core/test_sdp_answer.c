/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/core/test_sdp.h"

#include <gst/sdp/gstsdpmessage.h>

static const char *data_dir;

/* An answer, what it told the media core, and gstreamer's reading of it. */
struct answered {
        char *text;
        struct sdp_media media;
        GstSDPMessage *message;
};

static uint32_t next_ssrc(void *user)
{
        return ++*(uint32_t *)user;
}

static struct sdp_answer_params test_params(uint32_t *counter)
{
        static const uint8_t fingerprint[32] = { 0xab, 0xcd };
        static const struct sdp_candidate candidates[] = { { "192.0.2.1", 7000, false },
                                                           { "2001:db8::1", 7000, false } };

        return (struct sdp_answer_params){
                .ufrag = "ourufrag",
                .pwd = "ourpasswordourpassword",
                .fingerprint = fingerprint,
                .candidates = candidates,
                .n_candidates = ARRAY_LEN(candidates),
                .may_publish = true,
                .video_codecs = SDP_CODEC_BIT(SDP_VP8),
                .session_id = UINT64_MAX,
                .session_version = 1,
                .random_u32 = next_ssrc,
                .random_user = counter,
        };
}

static void answer_text(struct answered *ret, const char *text, size_t len,
                        const struct sdp_answer_params *params)
{
        struct sdp_offer *offer = NULL;

        *ret = (struct answered){ 0 };
        assert_int_equal(parse_copy(&offer, text, len), 0);
        assert_int_equal(sdp_answer_write(offer, params, &ret->text, &ret->media), 0);
        (void)sdp_offer_free(offer);
        assert_int_equal(gst_sdp_message_new(&ret->message), GST_SDP_OK);
        assert_int_equal(gst_sdp_message_parse_buffer((const guint8 *)ret->text,
                                                      (guint)strlen(ret->text), ret->message),
                         GST_SDP_OK);
}

static void answered_done(struct answered *answered)
{
        (void)gst_sdp_message_free(answered->message);
        free(answered->text);
}

static void answer_edit(struct answered *ret, const char *find, const char *replace,
                        bool may_publish, unsigned video_codecs)
{
        uint32_t counter = 1000;
        struct sdp_answer_params params = test_params(&counter);
        char *text = edited(TEST_OFFER, find, replace);

        params.may_publish = may_publish;
        params.video_codecs = video_codecs;
        answer_text(ret, text, strlen(text), &params);
        free(text);
}

static const GstSDPMedia *line_of(const struct answered *answered, guint i)
{
        assert_true(i < gst_sdp_message_medias_len(answered->message));
        return gst_sdp_message_get_media(answered->message, i);
}

static const char *attr_of(const struct answered *answered, guint i, const char *key)
{
        return gst_sdp_media_get_attribute_val(line_of(answered, i), key);
}

static bool has_line(const struct answered *answered, const char *line)
{
        char needle[256];

        (void)snprintf(needle, sizeof(needle), "\r\n%s\r\n", line);
        return strstr(answered->text, needle) != NULL;
}

static void small_offer_gets_the_whole_answer(void **state)
{
        static const char expected[] =
                "v=0\r\no=- 9223372036854775807 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n"
                "a=ice-lite\r\na=group:BUNDLE mic cam ear eye\r\na=msid-semantic: WMS *\r\n"
                "a=fingerprint:sha-256 AB:CD:00:00:00:00:00:00:00:00:00:00:00:00:00:00:"
                "00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00\r\n"
                "a=ice-ufrag:ourufrag\r\na=ice-pwd:ourpasswordourpassword\r\n"
                "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\nc=IN IP4 0.0.0.0\r\na=mid:mic\r\n"
                "a=recvonly\r\na=setup:passive\r\na=rtcp-mux\r\n"
                "a=candidate:1 1 udp 1342242815 192.0.2.1 7000 typ host\r\n"
                "a=candidate:2 1 udp 1342242559 2001:db8::1 7000 typ host\r\n"
                "a=end-of-candidates\r\n"
                "a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid\r\n"
                "a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level\r\n"
                "a=rtpmap:111 opus/48000/2\r\n"
                "a=fmtp:111 minptime=10;useinbandfec=1;usedtx=1\r\na=rtcp-fb:111 nack\r\n"
                "m=video 9 UDP/TLS/RTP/SAVPF 96 97\r\nc=IN IP4 0.0.0.0\r\na=mid:cam\r\n"
                "a=recvonly\r\na=setup:passive\r\na=rtcp-mux\r\n"
                "a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid\r\n"
                "a=extmap:10/recvonly urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id\r\n"
                "a=extmap:11 urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id\r\n"
                "a=extmap:3 http://www.ietf.org/id/"
                "draft-holmer-rmcat-transport-wide-cc-extensions-01\r\n"
                "a=rtpmap:96 VP8/90000\r\na=rtcp-fb:96 nack\r\na=rtcp-fb:96 nack pli\r\n"
                "a=rtcp-fb:96 transport-cc\r\na=rtpmap:97 rtx/90000\r\na=fmtp:97 apt=96\r\n"
                "a=fmtp:96 x-google-start-bitrate=600\r\n"
                "a=rid:q recv\r\na=rid:h recv\r\na=rid:f recv\r\na=simulcast:recv q;h;f\r\n"
                "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\nc=IN IP4 0.0.0.0\r\na=mid:ear\r\n"
                "a=sendonly\r\na=setup:passive\r\na=rtcp-mux\r\n"
                "a=rtpmap:111 opus/48000/2\r\n"
                "a=fmtp:111 minptime=10;useinbandfec=1;usedtx=1\r\na=rtcp-fb:111 nack\r\n"
                "a=msid:audio-0 audio-0\r\na=ssrc:1 cname:dinh\r\n"
                "m=video 9 UDP/TLS/RTP/SAVPF 96 97 98 99\r\nc=IN IP4 0.0.0.0\r\na=mid:eye\r\n"
                "a=sendonly\r\na=setup:passive\r\na=rtcp-mux\r\n"
                "a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid\r\n"
                "a=extmap:3 http://www.ietf.org/id/"
                "draft-holmer-rmcat-transport-wide-cc-extensions-01\r\n"
                "a=rtpmap:96 VP8/90000\r\na=rtcp-fb:96 nack\r\na=rtcp-fb:96 nack pli\r\n"
                "a=rtcp-fb:96 transport-cc\r\na=rtpmap:97 rtx/90000\r\na=fmtp:97 apt=96\r\n"
                "a=rtpmap:98 H264/90000\r\n"
                "a=fmtp:98 packetization-mode=1;profile-level-id=42e01f\r\n"
                "a=rtcp-fb:98 nack\r\na=rtpmap:99 rtx/90000\r\na=fmtp:99 apt=98\r\n"
                "a=msid:video-0 video-0\r\na=ssrc-group:FID 2 3\r\na=ssrc:2 cname:dinh\r\n"
                "a=ssrc:3 cname:dinh\r\n";
        uint32_t counter = 0;
        struct sdp_answer_params params = test_params(&counter);
        struct answered answered;

        (void)state;
        answer_text(&answered, TEST_OFFER, strlen(TEST_OFFER), &params);
        assert_string_equal(answered.text, expected);
        answered_done(&answered);
}

static void the_media_core_learns_what_was_agreed(void **state)
{
        struct answered answered;
        const struct sdp_publication *mic, *camera;
        const struct sdp_slot *slot;

        (void)state;
        answer_edit(&answered, "s=-", "s=-", true, SDP_CODEC_BIT(SDP_VP8));
        mic = &answered.media.pubs[SFU_MIC];
        camera = &answered.media.pubs[SFU_CAMERA];
        assert_true(mic->used && mic->nack && camera->used && camera->nack);
        assert_false(answered.media.pubs[SFU_SCREEN].used);
        assert_string_equal(mic->mid, "mic");
        assert_int_equal(mic->ssrc, 1234);
        assert_int_equal(mic->pts[SDP_OPUS].pt, 111);
        assert_int_equal(mic->ext.audio_level, 1);
        assert_false(mic->transport_cc);
        assert_true(camera->transport_cc);
        assert_int_equal(camera->n_rids, 3);
        assert_string_equal(camera->rids[0], "q");
        assert_string_equal(camera->rids[2], "f");
        assert_int_equal(camera->ssrc, 0);
        assert_int_equal(camera->pts[SDP_VP8].rtx_pt, 97);
        assert_false(camera->pts[SDP_H264].used);
        assert_int_equal(answered.media.n_audio_slots, 1);
        assert_int_equal(answered.media.n_video_slots, 1);
        assert_int_equal(answered.media.audio_slots[0].rtx_ssrc, 0);
        assert_int_equal(answered.media.audio_slots[0].ext.mid, 0);
        slot = &answered.media.video_slots[0];
        assert_string_equal(slot->mid, "eye");
        assert_true(slot->ssrc && slot->rtx_ssrc && slot->ssrc != slot->rtx_ssrc);
        assert_int_equal(slot->ext.mid, 4);
        assert_int_equal(slot->ext.transport_cc, 3);
        assert_int_equal(slot->ext.abs_send_time, 0);
        assert_int_equal(slot->pts[SDP_H264].pt, 98);
        assert_int_equal(answered.media.recv_codecs, 7);
        answered_done(&answered);
}

/* The feedback that tells most of what was offered, and only that. */
static void a_slot_gets_one_kind_of_congestion_feedback(void **state)
{
        static const struct {
                const char *find, *replace;
                uint8_t transport_cc, abs_send_time;
                bool ccfb;
                const char *line;
        } rows[] = {
                { "s=-", "s=-", 3, 0, false, "a=rtcp-fb:96 transport-cc" },
                { "a=rtcp-fb:96 transport-cc", "a=rtcp-fb:* transport-cc\r\na=rtcp-fb:* ack ccfb",
                  3, 0, false, "a=rtcp-fb:98 transport-cc" },
                { "a=rtcp-fb:96 transport-cc", "a=rtcp-fb:* ack ccfb", 0, 0, true,
                  "a=rtcp-fb:* ack ccfb" },
                { "a=rtcp-fb:96 transport-cc", "a=rtcp-fb:96 goog-remb", 0, 2, false,
                  "a=rtcp-fb:96 goog-remb" },
                { "draft-holmer-rmcat-transport-wide-cc-extensions-01", "draft-unknown", 0, 2,
                  false,
                  "a=extmap:2/sendonly http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time" },
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                struct answered answered;
                const struct sdp_slot *slot;

                answer_edit(&answered, rows[i].find, rows[i].replace, true, SDP_CODEC_BIT(SDP_VP8));
                slot = &answered.media.video_slots[0];
                assert_int_equal(slot->ext.transport_cc, rows[i].transport_cc);
                assert_int_equal(slot->ext.abs_send_time, rows[i].abs_send_time);
                assert_int_equal(slot->ccfb, rows[i].ccfb);
                assert_true(has_line(&answered, rows[i].line));
                answered_done(&answered);
        }
}

static void a_publication_gets_one_codec_that_everybody_decodes(void **state)
{
        enum {
                VP8 = SDP_CODEC_BIT(SDP_VP8),
                H264 = SDP_CODEC_BIT(SDP_H264),
                VP9 = SDP_CODEC_BIT(SDP_VP9),
                AV1 = SDP_CODEC_BIT(SDP_AV1),
        };
        static const struct {
                const char *find, *replace, *format;
                unsigned decoded;
        } rows[] = {
                { "s=-", "s=-", "96", VP8 },
                { "s=-", "s=-", "96", VP8 | H264 },
                { "s=-", "s=-", "98", H264 },
                { "s=-", "s=-", "96", 0 },
                { "H264/90000", "H265/90000", "96", H264 },
                { "VP8/90000", "VP7/90000", "98", VP8 },
                /* The client's favourite, where everybody decodes it. */
                { "VP8/90000", "VP9/90000", "96", VP9 | H264 },
                { "VP8/90000", "AV1/90000", "96", AV1 | H264 | VP8 },
                { "VP8/90000", "AV1/90000", "98", VP9 | H264 | VP8 },
                { "H264/90000", "VP9/90000", "96", VP9 | VP8 }, /* not listed first */
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                struct answered answered;

                answer_edit(&answered, rows[i].find, rows[i].replace, true, rows[i].decoded);
                assert_int_equal(gst_sdp_media_formats_len(line_of(&answered, 1)), 2);
                assert_string_equal(gst_sdp_media_get_format(line_of(&answered, 1), 0),
                                    rows[i].format);
                answered_done(&answered);
        }
}

static void only_the_common_profile_of_vp9_and_av1_is_taken(void **state)
{
        static const struct {
                const char *map, *fmtp;
                bool taken;
        } rows[] = {
                { "VP9/90000", "profile-id=0", true },
                { "VP9/90000", "profile-id=2", false },
                { "AV1/90000", "level-idx=5;profile=0;tier=0", true },
                { "AV1/90000", "level-idx=5;profile=1;tier=0", false },
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                struct answered answered;
                char map[128];

                snprintf(map, sizeof(map), "%s\r\na=fmtp:96 %s", rows[i].map, rows[i].fmtp);
                answer_edit(&answered, "VP8/90000", map, true, SDP_VIDEO_CODECS);
                assert_string_equal(gst_sdp_media_get_format(line_of(&answered, 1), 0),
                                    rows[i].taken ? "96" : "98");
                if (rows[i].taken)
                        assert_non_null(strstr(answered.text, i == 0 ? "a=fmtp:96 profile-id=0\r\n"
                                                                     : "a=fmtp:96 profile=0\r\n"));
                answered_done(&answered);
        }
}

static void the_dependency_descriptor_needs_mixed_extension_forms(void **state)
{
#define DESCRIPTOR                                                                                 \
        "a=extmap:12 https://aomediacodec.github.io/av1-rtp-spec/"                                 \
        "#dependency-descriptor-rtp-header-extension"
        static const struct {
                const char *find, *replace;
                uint8_t id;
        } rows[] = {
                { "a=rtcp-mux", "a=rtcp-mux\r\n" DESCRIPTOR, 0 },
                { "a=rtcp-mux", "a=rtcp-mux\r\n" DESCRIPTOR "\r\na=extmap-allow-mixed", 12 },
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                struct answered answered;

                answer_edit(&answered, rows[i].find, rows[i].replace, true,
                            SDP_CODEC_BIT(SDP_H264));
                assert_int_equal(answered.media.pubs[SFU_CAMERA].ext.dependency, rows[i].id);
                assert_int_equal(answered.media.video_slots[0].ext.dependency, rows[i].id);
                assert_int_equal(answered.media.pubs[SFU_MIC].ext.dependency, 0);
                assert_true(!strstr(answered.text, DESCRIPTOR "\r\n") == !rows[i].id);
                assert_true(!strstr(answered.text, "a=extmap-allow-mixed\r\n") == !rows[i].id);
                answered_done(&answered);
        }
}

static void h264_flavours_are_ranked(void **state)
{
        static const struct {
                const char *first, *second, *chosen;
        } rows[] = {
                { "packetization-mode=0;profile-level-id=42e01f",
                  "packetization-mode=1;profile-level-id=640c1f", "100" },
                { "packetization-mode=1;profile-level-id=640c1f",
                  "packetization-mode=1;profile-level-id=42e034", "100" },
                { "packetization-mode=1;profile-level-id=42e034",
                  "level-asymmetry-allowed=1; packetization-mode=1;profile-level-id=42E01F",
                  "100" },
                { "packetization-mode=2", "packetization-mode=0", "100" },
                { "packetization-mode=1", "packetization-mode=1", "101" },
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                char codecs[512];
                struct answered answered;

                (void)snprintf(codecs, sizeof(codecs),
                               "SAVPF 101 100\r\na=rtpmap:101 H264/90000\r\na=fmtp:101 %s\r\n"
                               "a=rtpmap:100 H264/90000\r\na=fmtp:100 %s\r\na=comment:",
                               rows[i].first, rows[i].second);
                answer_edit(&answered, "SAVPF 96 97 98 99", codecs, true, SDP_CODEC_BIT(SDP_H264));
                assert_string_equal(gst_sdp_media_get_format(line_of(&answered, 1), 0),
                                    rows[i].chosen);
                answered_done(&answered);
        }
}

static void directions_are_mirrored(void **state)
{
        static const struct {
                const char *offered;
                bool may_publish;
                const char *answered;
        } rows[] = {
                { "a=sendonly", true, "recvonly" },  { "a=sendrecv", true, "recvonly" },
                { "a=x", true, "recvonly" },         { "a=inactive", true, "inactive" },
                { "a=recvonly", true, "sendonly" },  { "a=sendonly", false, "inactive" },
                { "a=sendrecv", false, "inactive" },
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                struct answered answered;

                answer_edit(&answered, "a=sendonly", rows[i].offered, rows[i].may_publish,
                            SDP_CODEC_BIT(SDP_VP8));
                for (guint line = 0; line < 2; line++)
                        assert_non_null(attr_of(&answered, line, rows[i].answered));
                assert_int_equal(answered.media.pubs[SFU_MIC].used,
                                 strcmp(rows[i].answered, "recvonly") == 0);
                answered_done(&answered);
        }
}

static void a_second_sendrecv_line_becomes_a_slot(void **state)
{
        struct answered answered;

        (void)state;
        answer_edit(&answered, "a=recvonly", "a=sendrecv", true, SDP_CODEC_BIT(SDP_VP8));
        assert_non_null(attr_of(&answered, 2, "sendonly"));
        assert_int_equal(answered.media.n_audio_slots, 1);
        assert_non_null(attr_of(&answered, 3, "recvonly"));
        assert_true(answered.media.pubs[SFU_SCREEN].used);
        answered_done(&answered);
}

static void a_passive_client_is_answered_active(void **state)
{
        struct answered answered;

        (void)state;
        answer_edit(&answered, "actpass", "passive", true, SDP_CODEC_BIT(SDP_VP8));
        assert_true(has_line(&answered, "a=setup:active"));
        assert_false(has_line(&answered, "a=setup:passive"));
        answered_done(&answered);
}

static void rids_are_bounded_and_must_be_declared(void **state)
{
        static const struct {
                const char *simulcast, *answer;
        } rows[] = {
                { "send q;h;f", "recv q;h;f" },
                { "send ~q,x;h;~f", "recv q;h;f" },
                { "recv z send f;q", "recv f;q" },
                { "send x;q;y;q", "recv q" },
                { "recv q;h;f", NULL },
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                struct answered answered;
                const char *simulcast;

                answer_edit(&answered, "send q;h;f", rows[i].simulcast, true,
                            SDP_CODEC_BIT(SDP_VP8));
                simulcast = attr_of(&answered, 1, "simulcast");
                if (rows[i].answer)
                        assert_string_equal(simulcast, rows[i].answer);
                else
                        assert_null(simulcast);
                assert_int_equal(answered.media.pubs[SFU_CAMERA].n_rids > 0, !!rows[i].answer);
                answered_done(&answered);
        }
}

static void more_than_three_rids_are_left_out(void **state)
{
        struct answered answered;

        (void)state;
        answer_edit(&answered, "a=simulcast:send q;h;f", "a=rid:z send\r\na=simulcast:send q;h;f;z",
                    true, SDP_CODEC_BIT(SDP_VP8));
        assert_string_equal(attr_of(&answered, 1, "simulcast"), "recv q;h;f");
        answered_done(&answered);
}

static void rids_need_their_header_extension(void **state)
{
        struct answered answered;

        (void)state;
        answer_edit(&answered, "a=extmap:10/sendonly ", "a=extmap:10/recvonly ", true,
                    SDP_CODEC_BIT(SDP_VP8));
        assert_null(attr_of(&answered, 1, "simulcast"));
        assert_int_equal(answered.media.pubs[SFU_CAMERA].ext.rid, 0);
        answered_done(&answered);
}

static void a_single_encoding_is_known_by_its_ssrcs(void **state)
{
        struct answered answered;

        (void)state;
        answer_edit(&answered, "a=simulcast:send q;h;f",
                    "a=ssrc:7 cname:x\r\na=ssrc-group:FID 8 9\r\na=ssrc-group:FID 1 2", true,
                    SDP_CODEC_BIT(SDP_VP8));
        assert_int_equal(answered.media.pubs[SFU_CAMERA].ssrc, 8);
        assert_int_equal(answered.media.pubs[SFU_CAMERA].rtx_ssrc, 9);
        answered_done(&answered);
}

static void what_we_cannot_do_is_refused_by_port_0(void **state)
{
        static const char data[] =
                "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\na=mid:data\r\n" TEST_SECURITY
                "m=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:pcm\r\na=rtpmap:0 PCMU/8000\r\n"
                "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:second\r\na=sendonly\r\n"
                "a=rtpmap:111 opus/48000/2\r\n"
                "m=text 9 RTP/AVP 98\r\n"
                "m=video 0 UDP/TLS/RTP/SAVPF 96\r\na=mid:off\r\na=rtpmap:96 VP8/90000\r\n";
        char *text = edited(TEST_OFFER, "cam ear eye", "cam ear eye data pcm second off");
        char *whole = calloc(1, strlen(text) + sizeof(data));
        uint32_t counter = 0;
        struct sdp_answer_params params = test_params(&counter);
        struct answered answered;

        (void)state;
        assert_non_null(whole);
        strcat(strcat(whole, text), data);
        answer_text(&answered, whole, strlen(whole), &params);
        assert_int_equal(gst_sdp_message_medias_len(answered.message), 9);
        for (guint i = 0; i < 9; i++)
                assert_int_equal(gst_sdp_media_get_port(line_of(&answered, i)), i < 4 ? 9 : 0);
        assert_true(has_line(&answered, "a=group:BUNDLE mic cam ear eye"));
        assert_true(has_line(&answered, "m=application 0 UDP/DTLS/SCTP webrtc-datachannel"));
        assert_true(has_line(&answered, "m=text 0 RTP/AVP 98"));
        assert_true(has_line(&answered, "a=mid:pcm"));
        answered_done(&answered);
        free(whole);
        free(text);
}

/* RFC 8829 §5.1.2. */
static void every_name_of_the_rtp_profile_is_taken_and_repeated(void **state)
{
        static const char *const names[] = {
                "RTP/AVP",           "RTP/AVPF",           "RTP/SAVP",         "RTP/SAVPF",
                "TCP/DTLS/RTP/SAVP", "TCP/DTLS/RTP/SAVPF", "UDP/TLS/RTP/SAVP", "UDP/TLS/RTP/SAVPF",
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(names); i++) {
                char *text = edited(TEST_OFFER, "UDP/TLS/RTP/SAVPF", names[i]);
                uint32_t counter = 0;
                struct sdp_answer_params params = test_params(&counter);
                struct answered answered;

                answer_text(&answered, text, strlen(text), &params);
                for (guint k = 0; k < 4; k++) {
                        assert_int_equal(gst_sdp_media_get_port(line_of(&answered, k)), 9);
                        assert_string_equal(gst_sdp_media_get_proto(line_of(&answered, k)),
                                            names[i]);
                }
                answered_done(&answered);
                free(text);
        }
}

static void candidates_stand_in_the_first_accepted_line(void **state)
{
        struct answered answered;

        (void)state;
        answer_edit(&answered, "opus/48000/2", "PCMA/8000", true, SDP_CODEC_BIT(SDP_VP8));
        assert_true(has_line(&answered, "a=group:BUNDLE cam eye"));
        assert_null(attr_of(&answered, 0, "candidate"));
        assert_non_null(attr_of(&answered, 1, "candidate"));
        assert_null(attr_of(&answered, 3, "candidate"));
        answered_done(&answered);
}

static void surplus_slots_are_refused(void **state)
{
        char text[16384] = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE";
        const size_t n_audio = 5, n_video = 30, n = n_audio + n_video;
        size_t len = strlen(text);
        uint32_t counter = 0;
        struct sdp_answer_params params = test_params(&counter);
        struct answered answered;

        (void)state;
        for (size_t i = 0; i < n; i++)
                len += (size_t)snprintf(text + len, sizeof(text) - len, " %zu", i);
        len += (size_t)snprintf(text + len, sizeof(text) - len, "\r\n");
        for (size_t i = 0; i < n; i++)
                len += (size_t)snprintf(text + len, sizeof(text) - len,
                                        "m=%s 9 UDP/TLS/RTP/SAVPF 96\r\na=rtpmap:96 %s\r\n"
                                        "a=recvonly\r\na=mid:%zu\r\n" TEST_SECURITY,
                                        i < n_audio ? "audio" : "video",
                                        i < n_audio ? "opus/48000/2" : "VP8/90000", i);
        answer_text(&answered, text, strlen(text), &params);
        assert_int_equal(answered.media.n_audio_slots, SFU_AUDIO_SLOTS);
        assert_int_equal(answered.media.n_video_slots, SFU_MAX_VIDEO_SLOTS);
        for (guint i = 0; i < n; i++)
                assert_int_equal(gst_sdp_media_get_port(line_of(&answered, i)) != 0,
                                 i < n_audio ? i < SFU_AUDIO_SLOTS
                                             : i < n_audio + SFU_MAX_VIDEO_SLOTS);
        answered_done(&answered);
}

static bool is_offered_format(const GstSDPMedia *offered, const char *format)
{
        for (guint i = 0; i < gst_sdp_media_formats_len(offered); i++)
                if (strcmp(gst_sdp_media_get_format(offered, i), format) == 0)
                        return true;
        return false;
}

/* "4/recvonly uri" of the answer is "4/sendonly uri", "4 uri" … of the offer. */
static bool is_offered_extmap(const GstSDPMedia *offered, const char *extmap)
{
        const char *uri = strchr(extmap, ' ');

        for (guint i = 0; i < gst_sdp_media_attributes_len(offered); i++) {
                const GstSDPAttribute *attr = gst_sdp_media_get_attribute(offered, i);

                if (strcmp(attr->key, "extmap") == 0 && strchr(attr->value, ' ') &&
                    strcmp(strchr(attr->value, ' '), uri) == 0)
                        return atoi(attr->value) == atoi(extmap);
        }
        return false;
}

static void assert_line_answers(const GstSDPMedia *offered, const GstSDPMedia *line)
{
        assert_string_equal(line->media, offered->media);
        assert_string_equal(line->proto, offered->proto);
        assert_string_equal(gst_sdp_media_get_attribute_val(line, "mid"),
                            gst_sdp_media_get_attribute_val(offered, "mid"));
        for (guint i = 0; i < gst_sdp_media_formats_len(line); i++)
                assert_true(is_offered_format(offered, gst_sdp_media_get_format(line, i)));
        for (guint i = 0; i < gst_sdp_media_attributes_len(line); i++) {
                const GstSDPAttribute *attr = gst_sdp_media_get_attribute(line, i);

                if (strcmp(attr->key, "extmap") == 0)
                        assert_true(is_offered_extmap(offered, attr->value));
        }
}

static void real_offers_get_mirrored_answers(void **state)
{
        static const struct {
                const char *name;
                size_t n_pubs, n_rids, n_audio_slots, n_video_slots;
        } rows[] = {
                { "chromium_plain", 2, 0, 0, 0 },        { "chromium_slots9", 3, 3, 3, 9 },
                { "chromium_slots9_prefs", 3, 3, 3, 9 }, { "chromium_slots25_prefs", 3, 3, 3, 25 },
                { "firefox_plain", 2, 0, 0, 0 },         { "firefox_slots9_prefs", 3, 3, 3, 9 },
                { "webrtcbin_publish", 2, 0, 0, 0 },     { "webrtcbin_subscribe", 0, 0, 1, 1 },
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                uint32_t counter = 0;
                struct sdp_answer_params params = test_params(&counter);
                struct answered answered;
                GstSDPMessage *offer;
                size_t len, n_pubs = 0;
                char *text = file_text(data_dir, rows[i].name, &len);

                answer_text(&answered, text, len, &params);
                assert_int_equal(gst_sdp_message_new(&offer), GST_SDP_OK);
                assert_int_equal(
                        gst_sdp_message_parse_buffer((const guint8 *)text, (guint)len, offer),
                        GST_SDP_OK);
                assert_int_equal(gst_sdp_message_medias_len(answered.message),
                                 gst_sdp_message_medias_len(offer));
                for (guint k = 0; k < gst_sdp_message_medias_len(offer); k++)
                        assert_line_answers(gst_sdp_message_get_media(offer, k),
                                            line_of(&answered, k));
                for (size_t k = 0; k < SFU_N_KINDS; k++)
                        n_pubs += answered.media.pubs[k].used;
                assert_int_equal(n_pubs, rows[i].n_pubs);
                assert_int_equal(answered.media.pubs[SFU_CAMERA].n_rids, rows[i].n_rids);
                assert_int_equal(answered.media.n_audio_slots, rows[i].n_audio_slots);
                assert_int_equal(answered.media.n_video_slots, rows[i].n_video_slots);
                (void)gst_sdp_message_free(offer);
                answered_done(&answered);
                free(text);
        }
}

int main(int argc, char **argv)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(small_offer_gets_the_whole_answer),
                cmocka_unit_test(the_media_core_learns_what_was_agreed),
                cmocka_unit_test(a_slot_gets_one_kind_of_congestion_feedback),
                cmocka_unit_test(a_publication_gets_one_codec_that_everybody_decodes),
                cmocka_unit_test(only_the_common_profile_of_vp9_and_av1_is_taken),
                cmocka_unit_test(the_dependency_descriptor_needs_mixed_extension_forms),
                cmocka_unit_test(h264_flavours_are_ranked),
                cmocka_unit_test(directions_are_mirrored),
                cmocka_unit_test(a_second_sendrecv_line_becomes_a_slot),
                cmocka_unit_test(a_passive_client_is_answered_active),
                cmocka_unit_test(rids_are_bounded_and_must_be_declared),
                cmocka_unit_test(more_than_three_rids_are_left_out),
                cmocka_unit_test(rids_need_their_header_extension),
                cmocka_unit_test(a_single_encoding_is_known_by_its_ssrcs),
                cmocka_unit_test(what_we_cannot_do_is_refused_by_port_0),
                cmocka_unit_test(every_name_of_the_rtp_profile_is_taken_and_repeated),
                cmocka_unit_test(candidates_stand_in_the_first_accepted_line),
                cmocka_unit_test(surplus_slots_are_refused),
                cmocka_unit_test(real_offers_get_mirrored_answers),
        };

        if (argc != 2)
                return EXIT_FAILURE;
        data_dir = argv[1];
        return cmocka_run_group_tests(tests, NULL, NULL);
}
