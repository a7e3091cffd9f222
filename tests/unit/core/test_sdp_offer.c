/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/core/test_sdp.h"

static const char *data_dir;

static int parse_result(const char *text, size_t len)
{
        struct sdp_offer *offer = NULL;
        int r = parse_copy(&offer, text, len);

        assert_true((r == 0) == (offer != NULL));
        (void)sdp_offer_free(offer);
        return r;
}

static void small_offer_is_accepted(void **state)
{
        (void)state;
        assert_int_equal(parse_result(TEST_OFFER, strlen(TEST_OFFER)), 0);
}

static void unix_line_ends_are_accepted(void **state)
{
        char *text = edited(TEST_OFFER, "\r\n", "\n");

        (void)state;
        assert_int_equal(parse_result(text, strlen(text)), 0);
        free(text);
}

static void real_offers_are_accepted(void **state)
{
        static const char *const names[] = {
                "chromium_plain",         "chromium_slots9",     "chromium_slots9_prefs",
                "chromium_slots25_prefs", "firefox_plain",       "firefox_slots9_prefs",
                "webrtcbin_publish",      "webrtcbin_subscribe",
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(names); i++) {
                size_t len;
                char *text = file_text(data_dir, names[i], &len);

                assert_int_equal(parse_result(text, len), 0);
                free(text);
        }
}

/* Each row edits the small offer everywhere the text occurs. */
static void a_bad_offer_gets_its_own_error(void **state)
{
        static const struct {
                const char *name, *find, *replace;
                int result;
        } rows[] = {
                { "no version", "v=0", "v=1", SFU_OFFER_MALFORMED },
                { "no origin", "o=- 1 1 IN IP4 127.0.0.1\r\n", "", SFU_OFFER_MALFORMED },
                { "key line", "s=-", "k=prompt\r\ns=-", SFU_OFFER_MALFORMED },
                { "repeat line", "t=0 0", "r=7d 1h 0\r\nt=0 0", SFU_OFFER_MALFORMED },
                { "line without =", "s=-", "s=-\r\nhello", SFU_OFFER_MALFORMED },
                { "control character", "s=-", "s=\x01", SFU_OFFER_MALFORMED },
                { "not UTF-8", "s=-", "s=\xff\xfe", SFU_OFFER_MALFORMED },
                { "bare CR", "s=-", "s=a\rb", SFU_OFFER_MALFORMED },
                { "same mid twice", "mid:ear", "mid:mic", SFU_OFFER_MALFORMED },
                { "mid too long", "mid:ear", "mid:abcdefghijklmnopq", SFU_OFFER_MALFORMED },
                { "mid of markup", "mid:ear", "mid:<b>", SFU_OFFER_MALFORMED },
                { "two ids for the mid extension",
                  "a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid"
                  "\r\na=rtpmap:111",
                  "a=extmap:5 urn:ietf:params:rtp-hdrext:sdes:mid"
                  "\r\na=rtpmap:111",
                  SFU_OFFER_MALFORMED },
                { "rtpmap of no number", "a=rtpmap:96 ", "a=rtpmap:x ", SFU_OFFER_MALFORMED },
                { "payload type over 127", "SAVPF 111", "SAVPF 128", SFU_OFFER_MALFORMED },
                { "payload type of letters", "SAVPF 111", "SAVPF abc", SFU_OFFER_MALFORMED },
                { "no payload type", "SAVPF 111", "SAVPF", SFU_OFFER_MALFORMED },
                { "extension without id", "a=extmap:1 ", "a=extmap: ", SFU_OFFER_MALFORMED },
                { "extension of no direction", "a=extmap:1 ", "a=extmap:1/up ",
                  SFU_OFFER_MALFORMED },
                { "rid of markup", "a=rid:q send", "a=rid:<q> send", SFU_OFFER_MALFORMED },
                { "simulcast of markup", "send q;h;f", "send <q>;h;f", SFU_OFFER_MALFORMED },
                { "ssrc over 32 bits", "a=ssrc:1234", "a=ssrc:4294967296", SFU_OFFER_MALFORMED },
                { "no bundle", "a=group:BUNDLE mic cam ear eye\r\n", "", SFU_OFFER_NO_BUNDLE },
                { "a line outside the bundle", "mic cam ear eye", "mic cam ear",
                  SFU_OFFER_NO_BUNDLE },
                { "other group", "a=group:BUNDLE", "a=group:LS", SFU_OFFER_NO_BUNDLE },
                { "no mids", "a=mid:", "a=label:", SFU_OFFER_NO_BUNDLE },
                { "no rtcp-mux", "a=rtcp-mux\r\n", "", SFU_OFFER_NO_RTCP_MUX },
                { "no ufrag", "a=ice-ufrag:abcd\r\n", "", SFU_OFFER_NO_ICE },
                { "short ufrag", "a=ice-ufrag:abcd", "a=ice-ufrag:abc", SFU_OFFER_NO_ICE },
                { "ufrag of spaces", "a=ice-ufrag:abcd", "a=ice-ufrag:ab cd", SFU_OFFER_NO_ICE },
                { "no password", "a=ice-pwd:abcdefghijklmnopqrstuv\r\n", "", SFU_OFFER_NO_ICE },
                { "short password", "ijklmnopqrstuv", "ijklmnopqrstu", SFU_OFFER_NO_ICE },
                { "no fingerprint", "a=fingerprint:sha-256 " TEST_FINGERPRINT "\r\n", "",
                  SFU_OFFER_NO_DTLS },
                { "other hash", "sha-256", "sha-1", SFU_OFFER_NO_DTLS },
                { "31 bytes", ":1E:1F", ":1E", SFU_OFFER_NO_DTLS },
                { "33 bytes", ":1E:1F", ":1E:1F:20", SFU_OFFER_NO_DTLS },
                { "no hex", ":1E:1F", ":1E:1G", SFU_OFFER_NO_DTLS },
                { "no colons", "00:01:02", "00-01-02", SFU_OFFER_NO_DTLS },
                { "no setup", "a=setup:actpass\r\n", "", SFU_OFFER_NO_DTLS },
                { "held setup", "a=setup:actpass", "a=setup:holdconn", SFU_OFFER_NO_DTLS },
                { "no RTP", "UDP/TLS/RTP/SAVPF", "UDP/TLS/UDPTL", SFU_OFFER_NO_DTLS },
                { "unknown codecs only", "a=rtpmap:", "a=comment:", SFU_OFFER_NO_CODEC },
                { "all lines off", " 9 UDP", " 0 UDP", SFU_OFFER_NO_CODEC },
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                char *text = edited(TEST_OFFER, rows[i].find, rows[i].replace);
                int r = parse_result(text, strlen(text));

                if (r != rows[i].result)
                        fail_msg("%s: %d", rows[i].name, r);
                free(text);
        }
}

static void two_certificates_are_refused(void **state)
{
        const char *at = strstr(TEST_OFFER, "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:ear");
        char *tail = edited(at, "00:01:02", "FF:01:02");
        char *text = calloc(1, strlen(TEST_OFFER) + 1);

        (void)state;
        assert_non_null(text);
        memcpy(text, TEST_OFFER, strlen(TEST_OFFER) - strlen(at));
        strcat(text, tail);
        assert_int_equal(parse_result(text, strlen(text)), SFU_OFFER_NO_DTLS);
        free(text);
        free(tail);
}

static void payload_types_that_read_as_rtcp_are_not_used(void **state)
{
        static const char text[] = TEST_HEAD
                "m=audio 9 UDP/TLS/RTP/SAVPF 72\r\na=mid:mic\r\n" TEST_SECURITY
                "a=rtpmap:72 opus/48000/2\r\n";

        (void)state;
        assert_int_equal(parse_result(text, strlen(text)), SFU_OFFER_NO_CODEC);
}

/* The head, then n copies of line. */
static char *repeated(const char *head, const char *line, size_t n)
{
        char *text = calloc(1, strlen(head) + n * strlen(line) + 1);
        char *at;

        assert_non_null(text);
        at = stpcpy(text, head);
        for (size_t i = 0; i < n; i++)
                at = stpcpy(at, line);
        return text;
}

static void assert_repeated(const char *head, const char *line, size_t n, int result)
{
        char *text = repeated(head, line, n);

        assert_int_equal(parse_result(text, strlen(text)), result);
        free(text);
}

static void counts_are_bounded(void **state)
{
        (void)state;
        assert_repeated(TEST_OFFER, "m=audio 9 RTP/AVP 0\r\n", 36, 0);
        assert_repeated(TEST_OFFER, "m=audio 9 RTP/AVP 0\r\n", 37, SFU_OFFER_TOO_MANY);
        assert_repeated(TEST_OFFER, "a=extmap:14 urn:x\r\n", 27, 0);
        assert_repeated(TEST_OFFER, "a=extmap:14 urn:x\r\n", 28, SFU_OFFER_TOO_MANY);
        assert_repeated(TEST_OFFER, "a=rid:x send\r\n", 16, 0);
        assert_repeated(TEST_OFFER, "a=rid:x send\r\n", 17, SFU_OFFER_TOO_MANY);
        assert_repeated(TEST_OFFER "a=simulcast:send ", "x;", 16, 0);
        assert_repeated(TEST_OFFER "a=simulcast:send ", "x;", 50, SFU_OFFER_TOO_MANY);
        assert_repeated(TEST_OFFER "m=video 9 UDP/TLS/RTP/SAVPF", " 96", 128, 0);
        assert_repeated(TEST_OFFER "m=video 9 UDP/TLS/RTP/SAVPF", " 96", 300, SFU_OFFER_TOO_MANY);
}

static void sizes_are_bounded(void **state)
{
        const size_t max = SFU_MAX_SDP_BYTES;
        const char pad[] = "a=x\r\n";
        char *text = repeated(TEST_OFFER, pad, max / strlen(pad) + 2);

        (void)state;
        assert_int_equal(parse_result(text, max + 1), SFU_OFFER_TOO_LARGE);
        /* Cut behind a whole line. */
        assert_int_equal(parse_result(text, max - (max - strlen(TEST_OFFER)) % strlen(pad)), 0);
        free(text);
        assert_repeated(TEST_OFFER "a=", "x", 4094, 0);
        assert_repeated(TEST_OFFER "a=", "x", 4095, SFU_OFFER_MALFORMED);
}

static void what_is_no_sdp_is_refused(void **state)
{
        static const char *const texts[] = { "",   "v",          "v=0", "v=0\r\n", "hello world",
                                             "{}", "v=0\n\n\n\n" };
        char binary[512];

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(texts); i++)
                assert_int_equal(parse_result(texts[i], strlen(texts[i])), SFU_OFFER_MALFORMED);
        for (size_t i = 0; i < sizeof(binary); i++)
                binary[i] = (char)(i * 73 + 11);
        assert_int_equal(parse_result(binary, sizeof(binary)), SFU_OFFER_MALFORMED);
        assert_int_equal(parse_result("v=0\r\n\0a=x\r\n", 12), SFU_OFFER_MALFORMED);
}

static void no_truncation_harms(void **state)
{
        size_t len;
        char *text = file_text(data_dir, "chromium_plain", &len);

        (void)state;
        for (size_t i = 0; i < len; i++)
                (void)parse_result(text, i);
        free(text);
        text = file_text(data_dir, "chromium_slots9_prefs", &len);
        for (size_t i = 0; i < len; i += 97)
                (void)parse_result(text, i);
        free(text);
}

static void transport_words_are_taken(void **state)
{
        char *passive = edited(TEST_OFFER, "actpass", "passive");
        struct sdp_offer *offer = NULL;
        const struct sdp_transport *transport;

        (void)state;
        assert_int_equal(parse_copy(&offer, passive, strlen(passive)), 0);
        transport = sdp_offer_transport(offer);
        assert_string_equal(transport->ufrag, "abcd");
        assert_string_equal(transport->pwd, "abcdefghijklmnopqrstuv");
        assert_true(transport->we_are_dtls_client);
        for (uint8_t i = 0; i < 32; i++)
                assert_int_equal(transport->fingerprint[i], i);
        (void)sdp_offer_free(offer);
        free(passive);
}

static void session_level_words_count(void **state)
{
        char *bare = edited(TEST_OFFER, TEST_SECURITY, "a=rtcp-mux\r\n");
        char *text = edited(bare, "t=0 0\r\n", "t=0 0\r\n" TEST_SECURITY);
        struct sdp_offer *offer = NULL;

        (void)state;
        assert_int_equal(parse_copy(&offer, text, strlen(text)), 0);
        assert_string_equal(sdp_offer_transport(offer)->ufrag, "abcd");
        assert_false(sdp_offer_transport(offer)->we_are_dtls_client);
        (void)sdp_offer_free(offer);
        free(text);
        free(bare);
}

/* Bundle-only lines leave the ICE words to the tagged line, here one that we
 * refuse (RFC 8843 §6). */
static void a_refused_tagged_line_still_gives_the_transport(void **state)
{
        static const char text[] =
                "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE d m\r\n"
                "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\na=mid:d\r\n" TEST_SECURITY
                "m=audio 0 UDP/TLS/RTP/SAVPF 111\r\na=bundle-only\r\na=mid:m\r\na=rtcp-mux\r\n"
                "a=rtpmap:111 opus/48000/2\r\n";
        struct sdp_offer *offer = NULL;

        (void)state;
        assert_int_equal(parse_copy(&offer, text, strlen(text)), 0);
        assert_string_equal(sdp_offer_transport(offer)->ufrag, "abcd");
        (void)sdp_offer_free(offer);
}

static void receivable_codecs_are_those_of_every_slot(void **state)
{
        static const struct {
                const char *find, *replace;
                unsigned codecs;
        } rows[] = {
                { "s=-", "s=-", SDP_CODEC_BIT(SDP_VP8) | SDP_CODEC_BIT(SDP_H264) },
                { "a=recvonly", "a=inactive", 0 },
                { "H264/90000", "H265/90000", SDP_CODEC_BIT(SDP_VP8) },
                { "VP8/90000", "VP7/90000", SDP_CODEC_BIT(SDP_H264) },
                { "VP8/90000", "VP9/90000", SDP_CODEC_BIT(SDP_VP9) | SDP_CODEC_BIT(SDP_H264) },
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                char *text = edited(TEST_OFFER, rows[i].find, rows[i].replace);
                struct sdp_offer *offer = NULL;

                assert_int_equal(parse_copy(&offer, text, strlen(text)), 0);
                assert_int_equal(sdp_offer_recv_codecs(offer), rows[i].codecs);
                (void)sdp_offer_free(offer);
                free(text);
        }
}

static void an_offer_that_goes_the_wrong_way_is_told_from_one_of_use(void **state)
{
        enum { WRONG = SFU_OFFER_WRONG_WAY };
        static const struct {
                const char *find, *replace;
                int publish, watch;
        } rows[] = {
                { "a=mid:ear", "a=mid:ear", 0, 0 },       { "a=recvonly", "a=inactive", 0, WRONG },
                { "a=recvonly", "a=sendonly", 0, WRONG }, { "a=sendonly", "a=inactive", WRONG, 0 },
                { "a=sendonly", "a=recvonly", WRONG, 0 }, { "a=recvonly", "a=sendrecv", 0, 0 },
                { "a=sendonly", "a=sendrecv", 0, 0 },
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                char *text = edited(TEST_OFFER, rows[i].find, rows[i].replace);
                const int results[] = {
                        [SFU_TO_PUBLISH] = rows[i].publish, [SFU_TO_WATCH] = rows[i].watch
                };

                for (int purpose = SFU_TO_MEET; purpose <= SFU_TO_WATCH; purpose++) {
                        struct sdp_offer *offer = NULL;

                        assert_int_equal(parse_copy(&offer, text, strlen(text)), 0);
                        assert_int_equal(sdp_offer_aim(offer, (enum sfu_purpose)purpose),
                                         results[purpose]);
                        (void)sdp_offer_free(offer);
                }
                free(text);
        }
}

/* The schema lists the words; a client shows its own text for each. */
static void every_error_has_a_word(void **state)
{
        (void)state;
        for (int err = SFU_OFFER_TOO_LARGE; err < SFU_N_OFFER_ERRS; err++)
                assert_memory_equal(sfu_offer_error_code((enum sfu_offer_err)err), "sdp-", 4);
        assert_string_equal(sfu_offer_error_code(SFU_OFFER_NO_CODEC), "sdp-no-codec");
}

int main(int argc, char **argv)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(small_offer_is_accepted),
                cmocka_unit_test(unix_line_ends_are_accepted),
                cmocka_unit_test(real_offers_are_accepted),
                cmocka_unit_test(a_bad_offer_gets_its_own_error),
                cmocka_unit_test(two_certificates_are_refused),
                cmocka_unit_test(payload_types_that_read_as_rtcp_are_not_used),
                cmocka_unit_test(counts_are_bounded),
                cmocka_unit_test(sizes_are_bounded),
                cmocka_unit_test(what_is_no_sdp_is_refused),
                cmocka_unit_test(no_truncation_harms),
                cmocka_unit_test(transport_words_are_taken),
                cmocka_unit_test(session_level_words_count),
                cmocka_unit_test(a_refused_tagged_line_still_gives_the_transport),
                cmocka_unit_test(receivable_codecs_are_those_of_every_slot),
                cmocka_unit_test(an_offer_that_goes_the_wrong_way_is_told_from_one_of_use),
                cmocka_unit_test(every_error_has_a_word),
        };

        if (argc != 2)
                return EXIT_FAILURE;
        data_dir = argv[1];
        return cmocka_run_group_tests(tests, NULL, NULL);
}
