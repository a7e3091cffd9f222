/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "sfu/io/room_spread.h"

enum { N_WORKERS = 3, SPREAD = 4 };

struct fixture {
        struct room_spread spread;
        uint32_t loads[N_WORKERS];
};

static int setup(void **state)
{
        static struct fixture f;

        f = (struct fixture){ 0 };
        assert_int_equal(room_spread_init(&f.spread, N_WORKERS), 0);
        *state = &f;
        return 0;
}

static int teardown(void **state)
{
        struct fixture *f = *state;

        room_spread_done(&f->spread);
        return 0;
}

static unsigned join(struct fixture *f)
{
        unsigned worker = room_spread_pick(&f->spread, f->loads, SPREAD);

        room_spread_add(&f->spread, worker);
        f->loads[worker]++;
        return worker;
}

static void small_room_stays_on_the_worker_it_began_on(void **state)
{
        struct fixture *f = *state;

        f->loads[0] = 3;
        f->loads[2] = 1;
        for (int i = 0; i < SPREAD; i++)
                assert_int_equal(join(f), 1);
}

static void large_room_is_spread_evenly(void **state)
{
        struct fixture *f = *state;

        for (int i = 0; i < 300; i++)
                join(f);
        for (int i = 0; i < N_WORKERS; i++)
                assert_in_range(f->loads[i], 100 - SPREAD, 100 + SPREAD);
}

static void large_room_avoids_a_worker_that_others_load(void **state)
{
        struct fixture *f = *state;

        f->loads[1] = 1000;
        for (int i = 0; i < 100; i++)
                assert_int_not_equal(join(f), 1);
}

static void only_the_voice_is_told(void **state)
{
        struct fixture *f = *state;
        uint32_t speaker = 0;

        room_spread_add(&f->spread, 1);
        room_spread_add(&f->spread, 2);
        room_spread_hear(&f->spread, 2, 7);
        assert_false(room_spread_poll(&f->spread, &speaker));
        room_spread_hear(&f->spread, 1, 8);
        assert_true(room_spread_poll(&f->spread, &speaker));
        assert_int_equal(speaker, 8);
        assert_false(room_spread_poll(&f->spread, &speaker));
        room_spread_hear(&f->spread, 1, 8);
        assert_false(room_spread_poll(&f->spread, &speaker));
        room_spread_hear(&f->spread, 1, 0);
        assert_true(room_spread_poll(&f->spread, &speaker));
        assert_int_equal(speaker, 0);
}

static void another_worker_becomes_the_voice_when_the_last_peer_of_it_leaves(void **state)
{
        struct fixture *f = *state;
        uint32_t speaker = 0;

        room_spread_add(&f->spread, 0);
        room_spread_add(&f->spread, 0);
        room_spread_add(&f->spread, 2);
        room_spread_hear(&f->spread, 0, 5);
        room_spread_hear(&f->spread, 2, 6);
        assert_true(room_spread_poll(&f->spread, &speaker));
        assert_int_equal(speaker, 5);
        room_spread_remove(&f->spread, 0);
        assert_false(room_spread_poll(&f->spread, &speaker));
        room_spread_remove(&f->spread, 0);
        assert_true(room_spread_poll(&f->spread, &speaker));
        assert_int_equal(speaker, 6);
        room_spread_hear(&f->spread, 0, 9); /* a word from before it left */
        room_spread_add(&f->spread, 0);
        room_spread_hear(&f->spread, 0, 4);
        assert_false(room_spread_poll(&f->spread, &speaker));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(small_room_stays_on_the_worker_it_began_on, setup,
                                                teardown),
                cmocka_unit_test_setup_teardown(large_room_is_spread_evenly, setup, teardown),
                cmocka_unit_test_setup_teardown(large_room_avoids_a_worker_that_others_load, setup,
                                                teardown),
                cmocka_unit_test_setup_teardown(only_the_voice_is_told, setup, teardown),
                cmocka_unit_test_setup_teardown(
                        another_worker_becomes_the_voice_when_the_last_peer_of_it_leaves, setup,
                        teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
