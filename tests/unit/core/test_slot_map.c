/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "sfu/core/slot_map.h"

static void switch_to(struct slot_map *map, uint32_t layer, uint32_t in_first)
{
        const struct slot_seg seg = { .layer_id = layer, .in_first = in_first };

        slot_map_switch(map, &seg);
}

static uint32_t forward(struct slot_map *map, uint32_t in)
{
        const struct slot_seg *seg;
        uint32_t out = 0;

        return slot_map_forward(map, in, &out, &seg) ? out & 0xffff : UINT32_MAX;
}

static uint32_t find(const struct slot_map *map, uint16_t out, uint32_t *ret_layer)
{
        const struct slot_seg *seg;
        uint32_t in = 0, out_ext;

        if (!slot_map_find(map, out, &in, &out_ext, &seg))
                return UINT32_MAX;
        assert_int_equal(out_ext & 0xffff, out);
        *ret_layer = seg->layer_id;
        return in;
}

static void switches_touch_and_gaps_stay(void **state)
{
        struct slot_map map;

        (void)state;
        slot_map_init(&map, 100);
        assert_int_equal(forward(&map, 5), UINT32_MAX); /* no source yet */
        switch_to(&map, 1, 5000);
        assert_int_equal(forward(&map, 5000), 100);
        assert_int_equal(forward(&map, 5003), 103);
        assert_int_equal(forward(&map, 5001), 101); /* reordered */
        switch_to(&map, 2, 90);
        assert_int_equal(forward(&map, 90), 104);
        assert_int_equal(forward(&map, 89), UINT32_MAX); /* from before the switch */
        assert_int_equal(forward(&map, 91), 105);
}

static void back_to_a_source_does_not_revive_its_past(void **state)
{
        struct slot_map map;

        (void)state;
        slot_map_init(&map, 0);
        switch_to(&map, 1, 1000);
        (void)forward(&map, 1000);
        switch_to(&map, 2, 50);
        (void)forward(&map, 50);
        switch_to(&map, 1, 1500);
        assert_int_equal(forward(&map, 1500), 2);
        assert_int_equal(forward(&map, 1001), UINT32_MAX);
        assert_int_equal(forward(&map, 1499), UINT32_MAX);
}

static void skipped_packets_leave_no_gap(void **state)
{
        struct slot_map map;

        (void)state;
        slot_map_init(&map, 10);
        switch_to(&map, 1, 0x10000);
        assert_int_equal(forward(&map, 0x10000), 10);
        assert_true(slot_map_skip(&map, 0x10001));
        assert_true(slot_map_skip(&map, 0x10002));
        assert_int_equal(forward(&map, 0x10003), 11);
        assert_true(slot_map_skip(&map, 0x10006)); /* 4 and 5 are lost, still to come */
        assert_int_equal(forward(&map, 0x10007), 14);
        assert_int_equal(forward(&map, 0x10005), 13);
        assert_int_equal(forward(&map, 0x10004), 12);
        assert_int_equal(forward(&map, 0x10006), UINT32_MAX); /* padding come twice */
        assert_false(slot_map_skip(&map, 0x10005));           /* too late: later ones are out */
}

static void nack_finds_source_and_number(void **state)
{
        struct slot_map map;
        uint32_t layer;

        (void)state;
        slot_map_init(&map, 0xfffe & 0x7fff);
        switch_to(&map, 7, 300);
        for (uint32_t in = 300; in < 310; in++)
                (void)forward(&map, in);
        switch_to(&map, 8, 70000);
        for (uint32_t in = 70000; in < 70005; in++)
                (void)forward(&map, in);
        assert_int_equal(find(&map, 0x7ffe + 3, &layer), 303);
        assert_int_equal(layer, 7);
        assert_int_equal(find(&map, 0x7ffe + 12, &layer), 70002);
        assert_int_equal(layer, 8);
        assert_int_equal(find(&map, 0x7ffe + 15, &layer), UINT32_MAX); /* not sent yet */
        assert_int_equal(find(&map, 0x7ffd, &layer), UINT32_MAX);      /* before the first */
}

static void history_is_bounded(void **state)
{
        struct slot_map map;
        uint32_t layer;

        (void)state;
        slot_map_init(&map, 0);
        for (uint32_t i = 0; i < 20; i++) {
                switch_to(&map, i, 1000 * i);
                (void)forward(&map, 1000 * i);
        }
        assert_int_equal(map.n_segs, SLOT_MAP_SEGMENTS);
        assert_int_equal(find(&map, 19, &layer), 19000);
        assert_int_equal(find(&map, 12, &layer), 12000);
        assert_int_equal(find(&map, 11, &layer), UINT32_MAX);
}

static void long_gap_is_closed(void **state)
{
        struct slot_map map;

        (void)state;
        slot_map_init(&map, 0);
        switch_to(&map, 1, 1000);
        assert_int_equal(forward(&map, 1000), 0);
        assert_int_equal(forward(&map, 1000 + SLOT_MAP_MAX_GAP), SLOT_MAP_MAX_GAP);
        assert_int_equal(forward(&map, 5000), SLOT_MAP_MAX_GAP + 1);
        assert_int_equal(forward(&map, 4999), UINT32_MAX);
}

static void numbers_wrap(void **state)
{
        struct slot_map map;
        uint32_t layer;

        (void)state;
        slot_map_init(&map, 0x7fff);
        switch_to(&map, 1, 0x1fff0);
        for (uint32_t i = 0; i < 100000; i++)
                assert_int_equal(forward(&map, 0x1fff0 + i), (0x7fff + i) & 0xffff);
        assert_int_equal(find(&map, (uint16_t)(0x7fff + 99990), &layer), 0x1fff0 + 99990);
}

static bool leave_out(struct slot_map *map, uint32_t in)
{
        return slot_map_skip(map, in);
}

/* As when every second picture is left out, three packets each. */
static void many_skipped_pictures_are_remembered_where_that_was_asked_for(void **state)
{
        enum { PICTURES = 40 };

        (void)state;
        for (int remember = 0; remember < 2; remember++) {
                struct slot_map map;
                uint32_t layer = 0;

                slot_map_init(&map, 100);
                if (remember)
                        assert_int_equal(slot_map_remember(&map), 0);
                switch_to(&map, 1, 0);
                for (uint32_t i = 0; i < PICTURES; i++) {
                        for (uint32_t k = 0; k < 3; k++) {
                                assert_int_equal(forward(&map, i * 6 + k), 100 + i * 3 + k);
                                if (k == 2)
                                        for (uint32_t n = 3; n < 6; n++)
                                                assert_true(leave_out(&map, i * 6 + n));
                        }
                }
                for (uint32_t out = 0; out < PICTURES * 3; out++) {
                        bool known = remember || out >= (PICTURES - 7) * 3;
                        uint32_t in = find(&map, (uint16_t)(100 + out), &layer);

                        if (known)
                                assert_int_equal(in, out / 3 * 6 + out % 3);
                }
                if (!remember)
                        assert_int_equal(find(&map, 100, &layer), UINT32_MAX);
                slot_map_done(&map);
        }
}

static void what_is_split_keeps_its_numbers(void **state)
{
        struct slot_map map;
        struct slot_seg *seg;
        const struct slot_seg *found;
        uint32_t layer = 0, in, out;

        (void)state;
        slot_map_init(&map, 100);
        assert_null(slot_map_split(&map, 5)); /* no source yet */
        switch_to(&map, 1, 5);
        assert_int_equal(forward(&map, 5), 100);
        assert_null(slot_map_split(&map, 5)); /* it went out */
        seg = slot_map_split(&map, 8);
        assert_non_null(seg);
        seg->top_sid = 1;
        assert_int_equal(forward(&map, 8), 103);
        assert_int_equal(forward(&map, 7), 102);
        assert_int_equal(find(&map, 102, &layer), 7);
        assert_true(slot_map_find(&map, 103, &in, &out, &found));
        assert_int_equal(found->top_sid, 1);
        assert_true(slot_map_find(&map, 102, &in, &out, &found));
        assert_int_equal(found->top_sid, 0);
        assert_true(leave_out(&map, 9)); /* at the begin of a segment nothing is to be split */
        assert_ptr_equal(slot_map_split(&map, 10), &map.segs[0]);
        assert_int_equal(forward(&map, 10), 104);
}

static void present_source_is_told_from_the_one_before(void **state)
{
        struct slot_map map;
        const struct slot_seg *seg;
        uint32_t in, out;

        (void)state;
        slot_map_init(&map, 100);
        slot_map_switch(&map, &(struct slot_seg){ .layer_id = 1, .in_first = 10 });
        for (in = 10; in < 20; in++)
                assert_true(slot_map_forward(&map, in, &out, &seg));
        assert_true(slot_map_skip(&map, 20));
        assert_true(slot_map_forward(&map, 21, &out, &seg));
        assert_true(slot_map_find(&map, 105, &in, &out, &seg));
        assert_true(slot_map_is_current(&map, seg)); /* behind a skipped packet, too */
        slot_map_switch(&map, &(struct slot_seg){ .layer_id = 2, .in_first = 500 });
        assert_true(slot_map_forward(&map, 500, &out, &seg));
        assert_true(slot_map_is_current(&map, seg));
        assert_true(slot_map_find(&map, 105, &in, &out, &seg));
        assert_false(slot_map_is_current(&map, seg));
        slot_map_done(&map);
}

static void gaps_have_to_be_earned(void **state)
{
        struct slot_map map;
        const struct slot_seg *seg;
        uint32_t out = 0, in = 1000, first;

        (void)state;
        slot_map_init(&map, 0);
        slot_map_switch(&map, &(struct slot_seg){ .layer_id = 1, .in_first = in });
        assert_true(slot_map_forward(&map, in, &first, &seg));
        for (uint32_t i = 0; i < 10000; i++)
                assert_true(slot_map_forward(&map, in += SLOT_MAP_MAX_GAP, &out, &seg));
        assert_true(out - first < 10000 * 12); /* numbers that a hostile source could spend */
        slot_map_done(&map);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(present_source_is_told_from_the_one_before),
                cmocka_unit_test(gaps_have_to_be_earned),
                cmocka_unit_test(switches_touch_and_gaps_stay),
                cmocka_unit_test(back_to_a_source_does_not_revive_its_past),
                cmocka_unit_test(skipped_packets_leave_no_gap),
                cmocka_unit_test(nack_finds_source_and_number),
                cmocka_unit_test(history_is_bounded),
                cmocka_unit_test(long_gap_is_closed),
                cmocka_unit_test(numbers_wrap),
                cmocka_unit_test(many_skipped_pictures_are_remembered_where_that_was_asked_for),
                cmocka_unit_test(what_is_split_keeps_its_numbers),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
