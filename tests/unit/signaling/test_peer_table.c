/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/wire/wire_test.h"

#include "signaling/io/peer_table.h"
#include "signaling/wire/http_peer.h"

static struct peer_entry *take(struct peer_table *table, const char *text)
{
        struct peer_entry *entry = NULL;
        uint8_t address[16];

        assert_int_equal(peer_parse(address, text, strlen(text)), 0);
        assert_int_equal(peer_table_take(table, address, &entry), 0);
        return entry;
}

static void connections_count_by_address_and_ipv6_network(void **state)
{
        struct peer_table *table;
        struct peer_entry *a, *b, *c;

        (void)state;
        assert_int_equal(peer_table_new(&table), 0);
        a = take(table, "192.0.2.1");
        b = take(table, "192.0.2.2");
        assert_ptr_not_equal(a, b);
        assert_ptr_equal(take(table, "192.0.2.1"), a);
        assert_int_equal(peer_entry_count(a), 2);
        c = take(table, "2001:db8::1");
        assert_ptr_equal(take(table, "2001:db8::ffff:1"), c);
        assert_int_equal(peer_entry_count(c), 2);
        peer_table_release(table, a, false);
        assert_int_equal(peer_entry_count(a), 1);
        peer_table_release(table, a, false);
        peer_table_release(table, b, false);
        peer_table_release(table, NULL, false);
        assert_int_equal(peer_entry_count(take(table, "192.0.2.1")), 1);
        assert_null(peer_table_free(table));
}

static void viewers_are_counted_apart(void **state)
{
        struct peer_table *table;
        struct peer_entry *a;

        (void)state;
        assert_int_equal(peer_table_new(&table), 0);
        a = take(table, "192.0.2.1");
        (void)take(table, "192.0.2.1");
        (void)take(table, "192.0.2.1");
        assert_true(peer_entry_to_viewer(a, 2));
        assert_true(peer_entry_to_viewer(a, 2));
        assert_false(peer_entry_to_viewer(a, 2));
        assert_int_equal(peer_entry_count(a), 1);
        peer_table_release(table, a, false);
        assert_int_equal(peer_entry_count(take(table, "192.0.2.1")), 1);
        peer_table_release(table, a, true);
        peer_table_release(table, a, false);
        assert_true(peer_entry_to_viewer(take(table, "192.0.2.1"), 2));
        peer_table_release(table, a, true);
        peer_table_release(table, a, true);
        assert_int_equal(peer_entry_count(take(table, "192.0.2.1")), 1);
        peer_table_free(table);
}

static void many_addresses_come_and_go(void **state)
{
        struct peer_table *table;
        static struct peer_entry *entries[5000];

        (void)state;
        assert_int_equal(peer_table_new(&table), 0);
        for (size_t i = 0; i < ARRAY_LEN(entries); i++) {
                uint8_t address[16] = { [10] = 0xff,
                                        [11] = 0xff,
                                        [12] = 10,
                                        [14] = (uint8_t)(i >> 8),
                                        [15] = (uint8_t)i };

                assert_int_equal(peer_table_take(table, address, &entries[i]), 0);
                assert_int_equal(peer_entry_count(entries[i]), 1);
        }
        for (size_t i = 0; i < ARRAY_LEN(entries); i += 2)
                peer_table_release(table, entries[i], false);
        peer_table_free(table);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(connections_count_by_address_and_ipv6_network),
                cmocka_unit_test(viewers_are_counted_apart),
                cmocka_unit_test(many_addresses_come_and_go),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
