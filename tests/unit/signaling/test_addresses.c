/* SPDX-License-Identifier: Apache-2.0 */
/* addresses — as the operator gives them. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "signaling/addresses.h"

static void those_of_several_words_add_up(void **state)
{
        struct addresses a = { 0 };
        char wrong[ADDRESS_TEXT];

        (void)state;
        assert_int_equal(addresses_add(&a, "203.0.113.10, 192.168.1.10", wrong), 0);
        assert_int_equal(addresses_add(&a, "2001:DB8::0:1 ,203.0.113.10", wrong), 0);
        assert_int_equal(a.n, 3);
        assert_string_equal(a.list[0], "203.0.113.10");
        assert_string_equal(a.list[1], "192.168.1.10");
        assert_string_equal(a.list[2], "2001:db8::1");
}

static void what_nobody_can_send_to_is_named(void **state)
{
        static const char *const cases[] = {
                "",
                " ",
                "foo",
                "1.2.3.4,",
                "1.2.3",
                "[::1]",
                "0.0.0.0",
                "0.1.2.3",
                "::",
                "239.1.1.1",
                "224.0.0.1",
                "ff02::1",
                "fe80::1",
                "fe80::1%eth0",
                "255.255.255.255",
                "::ffff:1.2.3.4",
                "1.2.3.4:7000",
                "1.2.3.4 1.2.3.5",
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                struct addresses a = { 0 };
                char wrong[ADDRESS_TEXT] = "?";

                assert_int_equal(addresses_add(&a, cases[i], wrong), -EINVAL);
                assert_null(strchr(wrong, ','));
                assert_string_not_equal(wrong, "?");
        }
}

static void loopback_and_a_hall_without_router_are_good(void **state)
{
        struct addresses a = { 0 };
        char wrong[ADDRESS_TEXT];

        (void)state;
        assert_int_equal(addresses_add(&a, "127.0.0.1,::1,169.254.3.4,fd00::2", wrong), 0);
        assert_int_equal(a.n, 4);
}

static void too_many_are_refused(void **state)
{
        struct addresses a = { 0 };
        char wrong[ADDRESS_TEXT], text[ADDRESS_TEXT];

        (void)state;
        for (int i = 0; i < ADDRESSES_MAX; i++) {
                snprintf(text, sizeof(text), "10.0.0.%d", i + 1);
                assert_int_equal(addresses_add(&a, text, wrong), 0);
        }
        assert_int_equal(addresses_add(&a, "10.0.0.1", wrong), 0);
        assert_int_equal(addresses_add(&a, "10.1.0.0", wrong), -ENOSPC);
        assert_int_equal(a.n, ADDRESSES_MAX);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(those_of_several_words_add_up),
                cmocka_unit_test(what_nobody_can_send_to_is_named),
                cmocka_unit_test(loopback_and_a_hall_without_router_are_good),
                cmocka_unit_test(too_many_are_refused),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
