/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/wire/wire_test.h"

#include "sfu/wire/seq.h"

static void difference_goes_the_shortest_way_round(void **state)
{
        (void)state;
        assert_int_equal(seq16_diff(0, 0), 0);
        assert_int_equal(seq16_diff(0x7fff, 0), 0x7fff);
        assert_int_equal(seq16_diff(0x8000, 0), -0x8000);
        assert_int_equal(seq16_diff(2, 0xfffe), 4);
        assert_int_equal(seq16_diff(0xfffe, 2), -4);
}

static void unwrapped_numbers_go_on_after_65535(void **state)
{
        struct seq16_unwrapper u = { 0 };
        int64_t first = seq16_unwrap(&u, 65534);

        (void)state;
        assert_int_equal(first, 65536 + 65534);
        assert_int_equal(seq16_unwrap(&u, 0), first + 2);
        assert_int_equal(seq16_unwrap(&u, 65535), first + 1);
        assert_int_equal(u.newest, first + 2);
        for (int64_t i = 3; i < 200000; i++)
                assert_int_equal(seq16_unwrap(&u, (uint16_t)(65534 + i)), first + i);
}

static void numbers_before_the_first_stay_positive(void **state)
{
        struct seq16_unwrapper u = { 0 };

        (void)state;
        assert_int_equal(seq16_unwrap(&u, 0), 65536);
        assert_int_equal(seq16_unwrap(&u, 65535), 65535);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(difference_goes_the_shortest_way_round),
                cmocka_unit_test(unwrapped_numbers_go_on_after_65535),
                cmocka_unit_test(numbers_before_the_first_stay_positive),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
