/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "sfu/core/nack_gen.h"

enum { RTT_US = 50 * 1000, WAIT = NACK_GEN_REORDER_US };

static void gap_is_asked_until_filled(void **state)
{
        cleanup(nack_gen_freep) struct nack_gen *gen = NULL;
        uint16_t seqs[8];

        (void)state;
        assert_int_equal(nack_gen_new(&gen, 8), 0);
        nack_gen_on_packet(gen, 0xfffe, 0);
        nack_gen_on_packet(gen, 1, 0); /* 0xffff and 0 are lost, across the wrap */
        assert_int_equal(nack_gen_poll(gen, 0, RTT_US, seqs, 8), 0); /* perhaps only late */
        assert_int_equal(nack_gen_deadline_us(gen), WAIT);
        assert_int_equal(nack_gen_poll(gen, WAIT, RTT_US, seqs, 8), 2);
        assert_int_equal(seqs[0], 0xffff);
        assert_int_equal(seqs[1], 0);
        assert_int_equal(nack_gen_poll(gen, WAIT + 1, RTT_US, seqs, 8), 0);
        nack_gen_on_packet(gen, 0xffff, 0);
        assert_int_equal(nack_gen_poll(gen, WAIT + RTT_US, RTT_US, seqs, 8), 1);
        assert_int_equal(seqs[0], 0);
        nack_gen_on_packet(gen, 0, 0);
        assert_int_equal(nack_gen_deadline_us(gen), INT64_MAX);
}

static void reordering_is_not_asked_for(void **state)
{
        cleanup(nack_gen_freep) struct nack_gen *gen = NULL;
        uint16_t seqs[8];

        (void)state;
        assert_int_equal(nack_gen_new(&gen, 8), 0);
        nack_gen_on_packet(gen, 10, 0);
        nack_gen_on_packet(gen, 12, 1000);
        nack_gen_on_packet(gen, 11, 2000);
        assert_int_equal(nack_gen_poll(gen, 100000, RTT_US, seqs, 8), 0);
}

static void oldest_given_up_when_full(void **state)
{
        cleanup(nack_gen_freep) struct nack_gen *gen = NULL;
        uint16_t seqs[8];

        (void)state;
        assert_int_equal(nack_gen_new(&gen, 2), 0);
        nack_gen_on_packet(gen, 10, 0);
        nack_gen_on_packet(gen, 14, 0);
        assert_int_equal(nack_gen_poll(gen, WAIT, RTT_US, seqs, 8), 2);
        assert_int_equal(seqs[0], 12);
        assert_int_equal(seqs[1], 13);
}

static void the_newest_stay_when_it_fills_up(void **state)
{
        cleanup(nack_gen_freep) struct nack_gen *gen = NULL;
        uint16_t seqs[8];

        (void)state;
        assert_int_equal(nack_gen_new(&gen, 4), 0);
        nack_gen_on_packet(gen, 10, 0);
        nack_gen_on_packet(gen, 14, 0); /* without 11, 12, 13 */
        nack_gen_on_packet(gen, 17, 0); /* without 15, 16 */
        assert_int_equal(nack_gen_poll(gen, WAIT, RTT_US, seqs, 8), 4);
        for (uint16_t i = 0; i < 4; i++)
                assert_int_equal(seqs[i], i < 2 ? 12 + i : 13 + i);
}

static void long_jump_is_bounded(void **state)
{
        cleanup(nack_gen_freep) struct nack_gen *gen = NULL;
        uint16_t seqs[8];

        (void)state;
        assert_int_equal(nack_gen_new(&gen, 2), 0);
        nack_gen_on_packet(gen, 10, 0);
        nack_gen_on_packet(gen, 30000, 0);
        assert_int_equal(nack_gen_poll(gen, WAIT, RTT_US, seqs, 8), 2);
        assert_int_equal(seqs[0], 29998);
        assert_int_equal(seqs[1], 29999);
}

static void tries_are_limited(void **state)
{
        cleanup(nack_gen_freep) struct nack_gen *gen = NULL;
        uint16_t seqs[8];
        size_t asked = 0;

        (void)state;
        assert_int_equal(nack_gen_new(&gen, 8), 0);
        nack_gen_on_packet(gen, 1, 0);
        nack_gen_on_packet(gen, 3, 0);
        for (int i = 0; i < 100; i++)
                asked += nack_gen_poll(gen, WAIT + i * RTT_US, RTT_US, seqs, 8);
        assert_int_equal(asked, NACK_GEN_MAX_TRIES);
        assert_int_equal(nack_gen_deadline_us(gen), INT64_MAX);
}

static void reset_forgets(void **state)
{
        cleanup(nack_gen_freep) struct nack_gen *gen = NULL;
        uint16_t seqs[8];

        (void)state;
        assert_int_equal(nack_gen_new(&gen, 8), 0);
        nack_gen_on_packet(gen, 1, 0);
        nack_gen_on_packet(gen, 3, 0);
        nack_gen_reset(gen);
        nack_gen_on_packet(gen, 900, 0);
        assert_int_equal(nack_gen_poll(gen, 100000, RTT_US, seqs, 8), 0);
        nack_gen_reset(NULL);
        assert_null(nack_gen_free(NULL));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(gap_is_asked_until_filled),
                cmocka_unit_test(reordering_is_not_asked_for),
                cmocka_unit_test(oldest_given_up_when_full),
                cmocka_unit_test(the_newest_stay_when_it_fills_up),
                cmocka_unit_test(long_jump_is_bounded),
                cmocka_unit_test(tries_are_limited),
                cmocka_unit_test(reset_forgets),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
