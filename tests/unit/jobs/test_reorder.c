/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/wire/wire_test.h"

#include "sfu/jobs/core/reorder.h"

enum { HOLD_US = 500000, START_US = 100000, MAX_PACKETS = 64, NEVER_US = 1000000000 };

static struct reorder *new_reorder(bool pictures)
{
        const struct reorder_config config = {
                .hold_us = HOLD_US,
                .start_us = START_US,
                .max_packets = MAX_PACKETS,
                .pictures = pictures,
        };
        struct reorder *reorder = NULL;

        assert_int_equal(reorder_new(&reorder, &config), 0);
        return reorder;
}

/* One byte of content, so that a mix-up shows. */
static int put_key(struct reorder *reorder, uint32_t generation, uint32_t ext, int64_t arrival_us,
                   bool key)
{
        uint8_t byte = (uint8_t)(ext * 7 + generation);
        const struct job_record record = {
                .type = JOB_RTP,
                .generation = generation,
                .ext = ext,
                .arrival_us = arrival_us,
                .starts_keyframe = key,
                .bytes = { &byte, 1 },
        };

        return reorder_put(reorder, &record);
}

static int put(struct reorder *reorder, uint32_t generation, uint32_t ext, int64_t arrival_us)
{
        return put_key(reorder, generation, ext, arrival_us, false);
}

/* Takes the next one, which is ext with `lost` missing before it. */
static void expect(struct reorder *reorder, int64_t now_us, uint32_t generation, uint32_t ext,
                   uint32_t lost)
{
        struct reorder_packet packet;

        assert_true(reorder_take(reorder, now_us, &packet));
        assert_int_equal(packet.record.generation, generation);
        assert_int_equal(packet.record.ext, ext);
        assert_int_equal(packet.lost, lost);
        assert_int_equal(packet.record.bytes.len, 1);
        assert_int_equal(packet.record.bytes.data[0], (uint8_t)(ext * 7 + generation));
}

static void expect_none(struct reorder *reorder, int64_t now_us)
{
        struct reorder_packet packet;

        assert_false(reorder_take(reorder, now_us, &packet));
}

static void a_late_packet_finds_its_place(void **state)
{
        cleanup(reorder_freep) struct reorder *reorder = new_reorder(false);

        (void)state;
        assert_int_equal(put(reorder, 1, 10, 0), 0);
        expect_none(reorder, START_US - 1);
        expect(reorder, START_US, 1, 10, 0);
        assert_int_equal(put(reorder, 1, 12, 200000), 0);
        assert_int_equal(put(reorder, 1, 13, 220000), 0);
        expect_none(reorder, 220000);
        assert_int_equal(put(reorder, 1, 11, 300000), 0);
        expect(reorder, 300000, 1, 11, 0);
        expect(reorder, 300000, 1, 12, 0);
        expect(reorder, 300000, 1, 13, 0);
        expect_none(reorder, INT64_MAX / 2);
        assert_true(reorder_deadline_us(reorder) == INT64_MAX);
}

static void what_does_not_come_is_told(void **state)
{
        cleanup(reorder_freep) struct reorder *reorder = new_reorder(false);

        (void)state;
        assert_int_equal(put(reorder, 1, 1, 0), 0);
        expect(reorder, START_US, 1, 1, 0);
        assert_int_equal(put(reorder, 1, 4, 200000), 0);
        assert_int_equal(put(reorder, 1, 6, 250000), 0);
        assert_true(reorder_deadline_us(reorder) == 200000 + HOLD_US);
        expect_none(reorder, 200000 + HOLD_US - 1);
        expect(reorder, 200000 + HOLD_US, 1, 4, 2);
        expect_none(reorder, 250000 + HOLD_US - 1);
        expect(reorder, 250000 + HOLD_US, 1, 6, 1);
        assert_int_equal(put(reorder, 1, 5, 900000), REORDER_E_LATE);
}

static void repeats_are_refused(void **state)
{
        cleanup(reorder_freep) struct reorder *reorder = new_reorder(false);

        (void)state;
        assert_int_equal(put(reorder, 1, 1, 0), 0);
        assert_int_equal(put(reorder, 1, 3, 0), 0);
        assert_int_equal(put(reorder, 1, 3, 0), REORDER_E_TWICE);
        expect(reorder, START_US, 1, 1, 0);
        assert_int_equal(put(reorder, 1, 1, 0), REORDER_E_LATE);
}

static void what_waits_is_bounded(void **state)
{
        cleanup(reorder_freep) struct reorder *reorder = new_reorder(false);

        (void)state;
        assert_int_equal(put(reorder, 1, 0, 0), 0);
        expect(reorder, START_US, 1, 0, 0);
        for (uint32_t i = 0; i < MAX_PACKETS; i++)
                assert_int_equal(put(reorder, 1, 2 + i, START_US), 0);
        assert_int_equal(put(reorder, 1, 2 + MAX_PACKETS, START_US), REORDER_E_FULL);
        expect(reorder, START_US, 1, 2, 1);
        expect(reorder, START_US, 1, 3, 0);
}

static void pictures_begin_at_a_key_frame(void **state)
{
        cleanup(reorder_freep) struct reorder *reorder = new_reorder(true);

        (void)state;
        assert_int_equal(put(reorder, 1, 5, 0), 0);
        assert_int_equal(put(reorder, 1, 6, 0), 0);
        expect_none(reorder, 10000);
        assert_int_equal(put_key(reorder, 1, 7, 20000, true), 0);
        assert_int_equal(put(reorder, 1, 8, 20000), 0);
        expect_none(reorder, 20000);
        expect(reorder, 20000 + START_US, 1, 7, 0);
        expect(reorder, 20000 + START_US, 1, 8, 0);
}

static void a_key_frame_whose_beginning_was_lost_is_waited_for(void **state)
{
        cleanup(reorder_freep) struct reorder *reorder = new_reorder(true);

        (void)state;
        assert_int_equal(put(reorder, 1, 5, 0), 0);
        assert_int_equal(put(reorder, 1, 6, 0), 0);
        expect_none(reorder, START_US);
        assert_int_equal(put_key(reorder, 1, 4, 120000, true), 0);
        expect(reorder, 120000 + START_US, 1, 4, 0);
        expect(reorder, 120000 + START_US, 1, 5, 0);
        expect(reorder, 120000 + START_US, 1, 6, 0);
}

static void pictures_without_a_key_frame_are_thrown_away(void **state)
{
        cleanup(reorder_freep) struct reorder *reorder = new_reorder(true);

        (void)state;
        for (uint32_t i = 0; i < 10 * MAX_PACKETS; i++) {
                assert_int_equal(put(reorder, 1, i, 1000 * i), 0);
                expect_none(reorder, 1000 * i);
        }
        expect_none(reorder, 10000000);
        assert_true(reorder_deadline_us(reorder) == INT64_MAX);
}

static void a_newer_generation_ends_the_waiting(void **state)
{
        cleanup(reorder_freep) struct reorder *reorder = new_reorder(true);

        (void)state;
        assert_int_equal(put_key(reorder, 1, 100, 0, true), 0);
        expect(reorder, START_US, 1, 100, 0);
        assert_int_equal(put(reorder, 1, 102, START_US), 0);
        expect_none(reorder, START_US);
        assert_int_equal(put_key(reorder, 2, 7, START_US, true), 0);
        expect(reorder, START_US, 1, 102, 1);
        assert_int_equal(put(reorder, 1, 103, START_US), 0);
        expect(reorder, START_US, 1, 103, 0);
        expect(reorder, 2 * START_US, 2, 7, 0);
        assert_int_equal(put(reorder, 1, 104, 2 * START_US), REORDER_E_LATE);
}

static void numbers_wrap(void **state)
{
        cleanup(reorder_freep) struct reorder *reorder = new_reorder(false);

        (void)state;
        assert_int_equal(put(reorder, UINT32_MAX, UINT32_MAX, 0), 0);
        expect(reorder, START_US, UINT32_MAX, UINT32_MAX, 0);
        assert_int_equal(put(reorder, UINT32_MAX, 1, START_US), 0);
        assert_int_equal(put(reorder, UINT32_MAX, 0, START_US), 0);
        expect(reorder, START_US, UINT32_MAX, 0, 0);
        expect(reorder, START_US, UINT32_MAX, 1, 0);
        assert_int_equal(put(reorder, 0, 50, START_US), 0);
        expect(reorder, 2 * START_US, 0, 50, 0);
}

static void the_end_lets_all_go(void **state)
{
        cleanup(reorder_freep) struct reorder *reorder = new_reorder(true);

        (void)state;
        assert_int_equal(put_key(reorder, 1, 1, 0, true), 0);
        assert_int_equal(put(reorder, 1, 3, 0), 0);
        reorder_flush(reorder);
        expect(reorder, 0, 1, 1, 0);
        expect(reorder, 0, 1, 3, 1);
        expect_none(reorder, 0);
}

/* Seeded: 5 % lost, of which most come back 20-400 ms later, some packets twice. */
static void loss_with_repeats_comes_out_in_order(void **state)
{
        cleanup(reorder_freep) struct reorder *reorder = new_reorder(true);
        struct reorder_packet packet;
        uint64_t seed = 1;
        int64_t back_at[2000];
        uint32_t expected = 0, lost = 0, never = 0;

        (void)state;
        for (uint32_t i = 0; i < ARRAY_LEN(back_at); i++) {
                seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407;
                back_at[i] = -1;
                if (i > 0 && (seed >> 40) % 20 == 0)
                        back_at[i] = (seed >> 32) % 10 == 0
                                             ? NEVER_US
                                             : 20000 + (int64_t)(seed >> 45) % 380000;
                never += back_at[i] == NEVER_US;
        }
        for (uint32_t i = 0; i < ARRAY_LEN(back_at) + 100; i++) {
                int64_t now_us = 20000 * (int64_t)i;

                for (uint32_t k = i > 30 ? i - 30 : 0; k < i && k < ARRAY_LEN(back_at); k++) {
                        int64_t at_us = 20000 * (int64_t)k + back_at[k];

                        if (back_at[k] > 0 && back_at[k] != NEVER_US && at_us <= now_us &&
                            at_us > now_us - 20000)
                                assert_int_equal(put(reorder, 1, k, now_us), 0);
                }
                if (i < ARRAY_LEN(back_at) && back_at[i] < 0)
                        assert_int_equal(put_key(reorder, 1, i, now_us, i % 50 == 0), 0);
                while (reorder_take(reorder, now_us, &packet)) {
                        assert_int_equal(packet.record.ext, expected + packet.lost);
                        expected = packet.record.ext + 1;
                        lost += packet.lost;
                }
        }
        assert_int_equal(expected, ARRAY_LEN(back_at));
        assert_int_equal(lost, never);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_late_packet_finds_its_place),
                cmocka_unit_test(what_does_not_come_is_told),
                cmocka_unit_test(repeats_are_refused),
                cmocka_unit_test(what_waits_is_bounded),
                cmocka_unit_test(pictures_begin_at_a_key_frame),
                cmocka_unit_test(a_key_frame_whose_beginning_was_lost_is_waited_for),
                cmocka_unit_test(pictures_without_a_key_frame_are_thrown_away),
                cmocka_unit_test(a_newer_generation_ends_the_waiting),
                cmocka_unit_test(numbers_wrap),
                cmocka_unit_test(the_end_lets_all_go),
                cmocka_unit_test(loss_with_repeats_comes_out_in_order),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
