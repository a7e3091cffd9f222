/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "signaling/wire/sdpfrag.h"

#define UFRAG "a=ice-ufrag:EsAw\r\n"
#define PWD "a=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1\r\n"
#define MEDIA "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\n"
#define HOST "a=candidate:1387637174 1 udp 2122260223 192.0.2.1 61764 typ host generation 0\r\n"
#define MDNS "a=candidate:1 1 UDP 1 4c9ba5f2-6b5d-4b0f-8a2b-7c1f7f1f3a55.local 9 typ host\r\n"
#define REFLEXIVE                                                                                  \
        "a=candidate:3471623853 1 udp 2122194687 2001:db8::7 61765 typ srflx raddr :: rport 9 "    \
        "generation 0 ufrag EsAw network-id 1\r\n"
#define PASSIVE "a=candidate:5 1 tcp 1518280447 192.0.2.1 9 typ host tcptype active\r\n"

/* On a heap copy of the exact size, so that reading on is seen. */
static int parse(struct sdpfrag *ret_frag, const char *text)
{
        size_t len = strlen(text);
        uint8_t *copy = malloc(len ? len : 1);
        int r;

        memcpy(copy, text, len);
        r = sdpfrag_parse(ret_frag, copy, len);
        free(copy);
        return r;
}

static const struct {
        const char *name, *text;
        int result;
        unsigned n_candidates;
        bool end;
} cases[] = {
        { "rfc 9725 trickle",
          "a=group:BUNDLE 0 1\r\n" MEDIA UFRAG PWD HOST REFLEXIVE "a=end-of-candidates\r\n", 0, 2,
          true },
        { "restart", "a=ice-options:trickle ice2\r\na=group:BUNDLE 0\r\n" UFRAG PWD MEDIA, 0, 0,
          false },
        { "credentials alone", UFRAG PWD, 0, 0, false },
        { "the end alone", "a=end-of-candidates", 0, 0, true },
        { "credentials repeated", UFRAG PWD MEDIA UFRAG PWD MDNS, 0, 1, false },
        { "tcp", MEDIA PASSIVE, 0, 1, false },
        { "lf alone", "a=end-of-candidates\nm=video 9 RTP/AVP 0\n", 0, 0, true },
        { "blank line", MEDIA HOST "\r\n", 0, 1, false },
        { "port with count", "m=audio 9/2 RTP/AVP 0\r\n", 0, 0, false },
        { "extension", "a=something-new:1 2\r\n", 0, 0, false },

        { "nothing", "", SDPFRAG_E_SYNTAX, 0, false },
        { "blank lines", "\r\n\r\n", SDPFRAG_E_SYNTAX, 0, false },
        { "whole sdp", "v=0\r\n" UFRAG PWD, SDPFRAG_E_SYNTAX, 0, false },
        { "words", "hello world", SDPFRAG_E_SYNTAX, 0, false },
        { "empty attribute", "a=\r\n", SDPFRAG_E_SYNTAX, 0, false },
        { "control character", "a=x\ty\r\n", SDPFRAG_E_SYNTAX, 0, false },
        { "candidate before media", HOST MEDIA, SDPFRAG_E_SYNTAX, 0, false },
        { "mid before media", "a=mid:0\r\n", SDPFRAG_E_SYNTAX, 0, false },
        { "media without formats", "m=audio 9 RTP/AVP\r\n", SDPFRAG_E_SYNTAX, 0, false },
        { "media port", "m=audio 65536 RTP/AVP 0\r\n", SDPFRAG_E_SYNTAX, 0, false },
        { "short ufrag", "a=ice-ufrag:EsA\r\n" PWD, SDPFRAG_E_SYNTAX, 0, false },
        { "short pwd", UFRAG "a=ice-pwd:P2uYro0UCOQ4zxjKXaWCB\r\n", SDPFRAG_E_SYNTAX, 0, false },
        { "ufrag characters", "a=ice-ufrag:Es\"w\r\n", SDPFRAG_E_SYNTAX, 0, false },
        { "two ufrags", UFRAG MEDIA "a=ice-ufrag:other\r\n", SDPFRAG_E_CONFLICT, 0, false },
        { "cut candidate", MEDIA "a=candidate:1 1 udp 1 192.0.2.1 9 typ\r\n", SDPFRAG_E_SYNTAX, 0,
          false },
        { "candidate port", MEDIA "a=candidate:1 1 udp 1 192.0.2.1 99999 typ host\r\n",
          SDPFRAG_E_SYNTAX, 0, false },
        { "candidate priority", MEDIA "a=candidate:1 1 udp 4294967296 192.0.2.1 9 typ host\r\n",
          SDPFRAG_E_SYNTAX, 0, false },
        { "candidate with two blanks", MEDIA "a=candidate:1 1 udp  1 192.0.2.1 9 typ host\r\n",
          SDPFRAG_E_SYNTAX, 0, false },
        { "odd extension", MEDIA "a=candidate:1 1 udp 1 192.0.2.1 9 typ host generation\r\n",
          SDPFRAG_E_SYNTAX, 0, false },
        { "no candidate", MEDIA "a=candidate:\r\n", SDPFRAG_E_SYNTAX, 0, false },
};

static void fragments_are_judged(void **state)
{
        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                struct sdpfrag frag = { .n_candidates = 77 };
                int r = parse(&frag, cases[i].text);

                if (r != cases[i].result)
                        fail_msg("%s: %d", cases[i].name, r);
                if (r != 0) {
                        assert_int_equal(frag.n_candidates, 77);
                        continue;
                }
                assert_int_equal(frag.n_candidates, cases[i].n_candidates);
                assert_int_equal(frag.end_of_candidates, cases[i].end);
        }
}

static void credentials_are_read(void **state)
{
        struct sdpfrag frag;

        (void)state;
        assert_int_equal(parse(&frag, UFRAG PWD MEDIA UFRAG PWD), 0);
        assert_string_equal(frag.ice.ufrag, "EsAw");
        assert_string_equal(frag.ice.pwd, "P2uYro0UCOQ4zxjKXaWCBui1");
        assert_int_equal(parse(&frag, MEDIA HOST), 0);
        assert_string_equal(frag.ice.ufrag, "");
        assert_string_equal(frag.ice.pwd, "");
}

/* start, then n times more. */
static int parse_repeated(const char *start, const char *more, size_t n)
{
        size_t size = strlen(start) + n * strlen(more) + 1;
        char *text = calloc(1, size);
        struct sdpfrag frag;
        size_t len = (size_t)snprintf(text, size, "%s", start);
        int r;

        for (size_t i = 0; i < n; i++)
                len += (size_t)snprintf(text + len, size - len, "%s", more);
        r = parse(&frag, text);
        free(text);
        return r;
}

static void a_fragment_is_bounded(void **state)
{
        static const char candidate[] = "a=candidate:1 1 udp 1 192.0.2.1 9 typ host\r\n";
        static const char media[] = "m=audio 9 RTP/AVP 0\r\n";

        (void)state;
        assert_int_equal(parse_repeated(MEDIA, candidate, SDPFRAG_MAX_CANDIDATES), 0);
        assert_int_equal(parse_repeated(MEDIA, candidate, SDPFRAG_MAX_CANDIDATES + 1),
                         SDPFRAG_E_TOO_LARGE);
        assert_int_equal(parse_repeated("", media, SDPFRAG_MAX_MEDIA), 0);
        assert_int_equal(parse_repeated("", media, SDPFRAG_MAX_MEDIA + 1), SDPFRAG_E_TOO_LARGE);
        assert_int_equal(parse_repeated("a=x", "x", SDPFRAG_MAX_BYTES), SDPFRAG_E_TOO_LARGE);
        assert_int_equal(parse_repeated("a=ice-ufrag:", "x", 256), 0);
        assert_int_equal(parse_repeated("a=ice-ufrag:", "x", 257), SDPFRAG_E_SYNTAX);
        assert_int_equal(
                parse_repeated(MEDIA "a=candidate:1 1 udp 1 192.0.2.1 9 typ host", " x y", 1000),
                SDPFRAG_E_SYNTAX);
}

static void an_offer_has_its_credentials(void **state)
{
        static const char offer[] = "v=0\r\ns=-\r\n" MEDIA UFRAG PWD "m=video 9 RTP/AVP 0\r\n"
                                    "a=ice-ufrag:other\r\na=ice-pwd:another";
        struct ice_credentials ice;

        (void)state;
        sdpfrag_credentials_of(&ice, offer, strlen(offer));
        assert_string_equal(ice.ufrag, "EsAw");
        assert_string_equal(ice.pwd, "P2uYro0UCOQ4zxjKXaWCBui1");
        sdpfrag_credentials_of(&ice, "v=0", 3);
        assert_string_equal(ice.ufrag, "");
        assert_string_equal(ice.pwd, "");
}

static void our_fragment_begins_as_our_answer(void **state)
{
        static const char answer[] = "v=0\r\na=ice-lite\r\na=group:BUNDLE a b\r\n"
                                     "m=audio 9 UDP/TLS/RTP/SAVPF 97\r\nc=IN IP4 0.0.0.0\r\n"
                                     "a=mid:a\r\nm=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:b\r\n";
        char front[SDPFRAG_FRONT_CAP], small[40], whole[SDPFRAG_FRONT_CAP + 256];
        struct sdpfrag frag;

        (void)state;
        assert_int_equal(sdpfrag_write_front(front, sizeof(front), answer, strlen(answer)), 0);
        assert_string_equal(front, "a=ice-lite\r\na=group:BUNDLE a b\r\n"
                                   "m=audio 9 UDP/TLS/RTP/SAVPF 97\r\na=mid:a\r\n");
        assert_int_equal(sdpfrag_write_front(small, sizeof(small), answer, strlen(answer)),
                         -ENOSPC);
        snprintf(whole, sizeof(whole), "%s" UFRAG PWD HOST "a=end-of-candidates\r\n", front);
        assert_int_equal(parse(&frag, whole), 0);
        assert_int_equal(frag.n_candidates, 1);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(fragments_are_judged),
                cmocka_unit_test(credentials_are_read),
                cmocka_unit_test(a_fragment_is_bounded),
                cmocka_unit_test(an_offer_has_its_credentials),
                cmocka_unit_test(our_fragment_begins_as_our_answer),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
