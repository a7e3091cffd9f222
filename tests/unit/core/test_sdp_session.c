/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/core/test_sdp.h"

#include "sfu/core/sdp_session.h"

static const char *data_dir;

static struct sdp_answer_params params_with(const char *ufrag, const char *pwd)
{
        static const uint8_t fingerprint[32] = { 0xab, 0xcd };
        static const struct sdp_candidate candidates[] = { { "192.0.2.1", 7000, false } };

        return (struct sdp_answer_params){
                .ufrag = ufrag,
                .pwd = pwd,
                .fingerprint = fingerprint,
                .candidates = candidates,
                .n_candidates = ARRAY_LEN(candidates),
                .may_publish = true,
                .video_codecs = SDP_CODEC_BIT(SDP_VP8),
        };
}

static void begin(struct sdp_session *ret_session, const char *text, size_t len, uint64_t seed,
                  char **ret_answer)
{
        struct sdp_answer_params params = params_with("firstufrag", "firstpasswordfirstpass");
        struct sdp_offer *offer = NULL;
        struct sdp_media media;

        assert_int_equal(parse_copy(&offer, text, len), 0);
        assert_int_equal(sdp_session_begin(ret_session, offer, &params, seed, ret_answer, &media),
                         0);
        (void)sdp_offer_free(offer);
}

/* With arguments that the session must not follow: they are the first answer's. */
static int again(struct sdp_session *session, const char *text, size_t len, char **ret_answer)
{
        struct sdp_answer_params params = params_with("secondufrag", "secondpasswordsecondpa");
        struct sdp_offer *offer = NULL;
        int r;

        params.may_publish = false;
        params.video_codecs = SDP_CODEC_BIT(SDP_H264);
        assert_int_equal(parse_copy(&offer, text, len), 0);
        r = sdp_session_again(session, offer, &params, ret_answer);
        (void)sdp_offer_free(offer);
        return r;
}

/* Line by line; returns how many differ. */
static size_t count_changes(const char *a, const char *b)
{
        size_t n = 0;

        while (*a || *b) {
                size_t a_len = strcspn(a, "\n"), b_len = strcspn(b, "\n");

                n += a_len != b_len || memcmp(a, b, a_len) != 0;
                a += a_len + (a[a_len] == '\n');
                b += b_len + (b[b_len] == '\n');
        }
        return n;
}

static void assert_answered_alike(const char *text, size_t len)
{
        struct sdp_session session;
        char *first = NULL, *second = NULL;

        begin(&session, text, len, 1, &first);
        assert_int_equal(again(&session, text, len, &second), 0);
        assert_int_equal(count_changes(first, second), 4); /* o=, ufrag, pwd, the candidate */
        assert_non_null(strstr(second, " 2 IN IP4 127.0.0.1\r\n"));
        assert_non_null(strstr(second, "a=ice-ufrag:secondufrag\r\na=ice-pwd:secondpassword"));
        free(first);
        free(second);
}

static void later_answer_differs_in_credentials_only(void **state)
{
        static const char *const names[] = { "chromium_slots9_prefs", "firefox_slots9_prefs",
                                             "webrtcbin_publish" };

        (void)state;
        assert_answered_alike(TEST_OFFER, strlen(TEST_OFFER));
        for (size_t i = 0; i < ARRAY_LEN(names); i++) {
                size_t len;
                char *text = file_text(data_dir, names[i], &len);

                assert_answered_alike(text, len);
                free(text);
        }
}

static void sessions_differ_by_their_seed(void **state)
{
        struct sdp_session session;
        char *first = NULL, *second = NULL;

        (void)state;
        begin(&session, TEST_OFFER, strlen(TEST_OFFER), 1, &first);
        begin(&session, TEST_OFFER, strlen(TEST_OFFER), 2, &second);
        assert_true(count_changes(first, second) > 3); /* o= and the SSRCs */
        free(first);
        free(second);
}

static void offer_of_something_else_is_refused(void **state)
{
        static const struct {
                const char *name, *find, *replace;
        } cases[] = {
                { "another certificate", "a=fingerprint:sha-256 00:", "a=fingerprint:sha-256 FF:" },
                { "the other DTLS role", "a=setup:actpass", "a=setup:passive" },
                { "another mid", "eye", "nose" },
                { "another direction", "a=mid:mic\r\na=sendonly", "a=mid:mic\r\na=inactive" },
                { "other payload types", "VP8/90000", "VP9/90000" },
                { "fewer layers", "q;h;f", "q;h" },
        };
        struct sdp_session session;
        char *first = NULL;

        (void)state;
        begin(&session, TEST_OFFER, strlen(TEST_OFFER), 1, &first);
        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                char *text = edited(TEST_OFFER, cases[i].find, cases[i].replace);
                struct sdp_session before = session;
                char *answer = NULL;

                if (again(&session, text, strlen(text), &answer) != SFU_OFFER_CHANGED)
                        fail_msg("%s", cases[i].name);
                assert_null(answer);
                assert_int_equal(session.version, before.version);
                free(text);
        }
        free(first);
}

static void credentials_alone_are_read_strictly(void **state)
{
        static const struct {
                const char *ufrag, *pwd;
                int expected;
        } cases[] = {
                { "abcd", "abcdefghijklmnopqrstuv", 0 },
                { "abc", "abcdefghijklmnopqrstuv", SFU_OFFER_NO_ICE },
                { "abcd", "abcdefghijklmnopqrstu", SFU_OFFER_NO_ICE },
                { "ab:d", "abcdefghijklmnopqrstuv", SFU_OFFER_NO_ICE },
                { "abcd", "abcdefghijklmnopqrst\r\n", SFU_OFFER_NO_ICE },
                { "", "", SFU_OFFER_NO_ICE },
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                struct sdp_transport transport = { .ufrag = "before" };

                assert_int_equal(sdp_credentials_read(&transport, cases[i].ufrag, cases[i].pwd),
                                 cases[i].expected);
                assert_string_equal(transport.ufrag, cases[i].expected ? "before" : cases[i].ufrag);
        }
}

static void restart_lines_are_credentials_and_candidates(void **state)
{
        static const struct sdp_candidate candidates[] = { { "192.0.2.1", 7000, true },
                                                           { "2001:db8::1", 7000, true } };
        const struct sdp_answer_params params = { .ufrag = "u",
                                                  .pwd = "p",
                                                  .session_version = 3,
                                                  .candidates = candidates,
                                                  .n_candidates = ARRAY_LEN(candidates) };
        char *lines = NULL;

        (void)state;
        assert_int_equal(sdp_restart_write(&params, &lines), 0);
        /* RFC 8445 §5.1.2.1: 80 << 24 | (2 << 8 | 255) << 8 | 255 and so on. */
        assert_string_equal(lines,
                            "a=ice-ufrag:u\r\na=ice-pwd:p\r\n"
                            "a=candidate:1 1 udp 1342373887 192.0.2.1 7000 typ host\r\n"
                            "a=candidate:2 1 udp 1342373631 2001:db8::1 7000 typ host\r\n"
                            "a=candidate:3 1 tcp 1015046143 192.0.2.1 7000 typ host tcptype "
                            "passive\r\n"
                            "a=candidate:4 1 tcp 1015045887 2001:db8::1 7000 typ host tcptype "
                            "passive\r\n"
                            "a=end-of-candidates\r\n");
        free(lines);
}

static void private_addresses_come_first_and_loopback_last(void **state)
{
        static const char *const given[] = { "203.0.113.5", "127.0.0.1",   "2001:db8::1",
                                             "172.32.0.1",  "192.168.1.5", "fd00::1",
                                             "::1",         "172.31.0.1",  "10.0.0.1",
                                             "192.169.0.1" };
        static const char *const expected[] = { "192.168.1.5", "fd00::1",     "172.31.0.1",
                                                "10.0.0.1",    "203.0.113.5", "2001:db8::1",
                                                "172.32.0.1",  "192.169.0.1", "127.0.0.1",
                                                "::1" };
        char *addresses[ARRAY_LEN(given)];

        (void)state;
        memcpy(addresses, given, sizeof(addresses));
        sdp_addresses_sort(addresses, ARRAY_LEN(addresses));
        for (size_t i = 0; i < ARRAY_LEN(addresses); i++)
                assert_string_equal(addresses[i], expected[i]);
}

int main(int argc, char **argv)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(later_answer_differs_in_credentials_only),
                cmocka_unit_test(sessions_differ_by_their_seed),
                cmocka_unit_test(offer_of_something_else_is_refused),
                cmocka_unit_test(credentials_alone_are_read_strictly),
                cmocka_unit_test(private_addresses_come_first_and_loopback_last),
                cmocka_unit_test(restart_lines_are_credentials_and_candidates),
        };

        if (argc != 2)
                return 1;
        data_dir = argv[1];
        return cmocka_run_group_tests(tests, NULL, NULL);
}
