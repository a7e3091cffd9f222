/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "tests/unit/wire/wire_test.h"

#include "signaling/wire/http_peer.h"

static void blocks_contain_their_addresses(void **state)
{
        static const struct {
                const char *block, *address;
                bool inside;
        } cases[] = {
                { "10.0.0.0/8", "10.255.1.2", true },
                { "10.0.0.0/8", "11.0.0.1", false },
                { "192.168.4.0/22", "192.168.7.255", true },
                { "192.168.4.0/22", "192.168.8.0", false },
                { "127.0.0.1", "127.0.0.1", true },
                { "127.0.0.1", "127.0.0.2", false },
                { "0.0.0.0/0", "8.8.8.8", true },
                { "0.0.0.0/0", "2001:db8::1", false },
                { "::/0", "2001:db8::1", true },
                { "2001:db8::/32", "2001:db8:ffff::1", true },
                { "2001:db8::/33", "2001:db8:8000::1", false },
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                struct cidr block;
                uint8_t address[16];

                assert_int_equal(cidr_parse(&block, cases[i].block), 0);
                assert_int_equal(peer_parse(address, cases[i].address, strlen(cases[i].address)),
                                 0);
                assert_int_equal(cidr_contains(&block, address), cases[i].inside);
        }
}

static void bad_blocks_are_refused(void **state)
{
        static const char *const bad[] = {
                "",        "x",           "10.0.0.0/33", "10.0.0.0/",   "::/129",
                "1.2.3/8", "10.0.0.0/-1", "10.0.0.0/8x", "1.2.3.4/0008"
        };
        struct cidr block;

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(bad); i++)
                assert_int_equal(cidr_parse(&block, bad[i]), -EINVAL);
}

static void addresses_are_read_with_and_without_ports(void **state)
{
        static const struct {
                const char *text, *plain; /* NULL: refused */
        } cases[] = {
                { "192.0.2.1", "192.0.2.1" },
                { "192.0.2.1:80", "192.0.2.1" },
                { "::1", "::1" },
                { "2001:db8::1", "2001:db8::1" },
                { "[2001:db8::1]:443", "2001:db8::1" },
                { "[::1]", "::1" },
                { "::ffff:192.0.2.1", "192.0.2.1" },
                { "[::1", NULL },
                { "unknown", NULL },
                { "", NULL },
                { "1.2.3.4.5", NULL },
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                size_t len = strlen(cases[i].text);
                cleanup(wire_freep) uint8_t *copy = wire_copy(cases[i].text, len);
                uint8_t address[16];
                char plain[PEER_TEXT];

                assert_int_equal(peer_parse(address, (const char *)copy, len),
                                 cases[i].plain ? 0 : -EINVAL);
                if (!cases[i].plain)
                        continue;
                peer_format(plain, address);
                assert_string_equal(plain, cases[i].plain);
        }
}

static void client_is_the_rightmost_untrusted_address(void **state)
{
        static const struct {
                const char *peer, *forwarded_for, *client;
        } cases[] = {
                { "10.0.0.1", "", "10.0.0.1" },
                { "10.0.0.1", "1.1.1.1", "1.1.1.1" },
                { "10.0.0.1", "9.9.9.9, 1.1.1.1", "1.1.1.1" },
                { "10.0.0.1", "9.9.9.9, 1.1.1.1 , 10.0.0.2", "1.1.1.1" },
                { "10.0.0.1", "10.0.0.3,10.0.0.2", "10.0.0.3" },
                { "10.0.0.1", "9.9.9.9, garbage", "10.0.0.1" },
                { "10.0.0.1", "9.9.9.9, garbage, 10.0.0.2", "10.0.0.2" },
                { "10.0.0.1", ",", "10.0.0.1" },
                { "8.8.8.8", "1.1.1.1", "8.8.8.8" }, /* not our proxy: it may say anything */
        };
        struct cidr trusted;

        (void)state;
        assert_int_equal(cidr_parse(&trusted, "10.0.0.0/8"), 0);
        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                uint8_t peer[16], client[16];
                char text[PEER_TEXT];

                assert_int_equal(peer_parse(peer, cases[i].peer, strlen(cases[i].peer)), 0);
                peer_client(client, peer, &trusted, cases[i].forwarded_for);
                peer_format(text, client);
                assert_string_equal(text, cases[i].client);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(blocks_contain_their_addresses),
                cmocka_unit_test(bad_blocks_are_refused),
                cmocka_unit_test(addresses_are_read_with_and_without_ports),
                cmocka_unit_test(client_is_the_rightmost_untrusted_address),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
