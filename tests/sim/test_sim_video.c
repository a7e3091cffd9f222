/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/sim/sim.h"

enum { S = 1000000 };

static const struct sim_offer all = {
        .mic = true, .cam = true, .rids = true, .n_layers = 3, .n_audio = 3, .n_video = 4
};

static void assert_clean(const struct sim_rx *rx)
{
        assert_true(rx->started);
        assert_int_equal(rx->n_lost, 0);
        assert_int_equal(rx->n_duplicates, 0);
        assert_int_equal(rx->n_ts_back, 0);
        assert_int_equal(rx->n_pid_jumps, 0);
        assert_false(rx->broken);
}

static void two_peers_see_each_other(void **state)
{
        struct sim sim;
        struct sim_peer *a, *b;

        (void)state;
        sim_init(&sim, 1);
        a = sim_join(&sim, 1, &all);
        b = sim_join(&sim, 2, &all);
        sim_watch(a, 0, 2, SFU_CAMERA, 180, 1);
        sim_watch(b, 0, 1, SFU_CAMERA, 720, 1);
        sim_run(&sim, 5 * S);
        assert_clean(sim_video(a, 0));
        assert_clean(sim_video(b, 0));
        assert_int_equal(sim_video(a, 0)->source, 2);
        assert_int_equal(sim_video(b, 0)->source, 1);
        assert_int_equal(sim_video(a, 0)->layer, 0);
        assert_int_equal(sim_video(b, 0)->layer, 2);
        assert_true(sim_video(a, 0)->n_packets > 100);
        sim_done(&sim);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(two_peers_see_each_other),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
