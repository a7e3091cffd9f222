/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/core/allocator.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

enum { S = 1000 * 1000, TICK = 200 * 1000 };

/* A room of slots with one line, asked again every TICK. */
struct room {
        struct alloc_demand d[28];
        struct alloc_memory memory[28];
        size_t n;
        int64_t now_us;
        struct alloc_sum sum;
        unsigned changes[28];
};

static struct alloc_demand *add(struct room *room, enum alloc_kind kind, uint8_t priority,
                                uint16_t height)
{
        struct alloc_demand *d = &room->d[room->n];

        *d = (struct alloc_demand){ .kind = kind, .priority = priority, .height = height };
        d->memory = &room->memory[room->n++];
        return d;
}

static void add_point(struct alloc_demand *d, uint8_t layer, uint8_t temporal, uint32_t bps)
{
        const struct alloc_point point = { layer, 0, temporal, bps };

        alloc_add_point(d, &point);
}

static struct alloc_demand *add_voice(struct room *room, uint8_t priority)
{
        struct alloc_demand *d = add(room, ALLOC_SOUND, priority, 0);

        add_point(d, 0, 0, 50000);
        return d;
}

/* 100 kbit/s, 400, 1200. */
static struct alloc_demand *add_picture(struct room *room, enum alloc_kind kind, uint8_t priority,
                                        uint16_t height)
{
        struct alloc_demand *d = add(room, kind, priority, height);

        add_point(d, 0, 0, 100000);
        add_point(d, 1, 0, 400000);
        add_point(d, 2, 0, 1200000);
        return d;
}

static void spend(struct room *room, uint64_t budget_bps)
{
        int before[28];

        for (size_t i = 0; i < room->n; i++)
                before[i] = room->d[i].granted;
        room->now_us += TICK;
        allocate(room->d, room->n, budget_bps, false, room->now_us, &room->sum);
        for (size_t i = 0; i < room->n; i++)
                room->changes[i] += before[i] != room->d[i].granted;
}

static void spend_for(struct room *room, uint64_t budget_bps, int64_t for_us)
{
        for (int64_t t = 0; t < for_us; t += TICK)
                spend(room, budget_bps);
}

static void a_point_that_is_no_bargain_is_left_out(void **state)
{
        struct alloc_demand d = { 0 };

        (void)state;
        add_point(&d, 0, 0, 100);
        add_point(&d, 0, 2, 300);
        add_point(&d, 1, 0, 200);
        assert_int_equal(d.n_points, 2);
        assert_int_equal(d.points[1].layer, 1);
        for (uint32_t i = 0; i < 2 * ALLOC_MAX_POINTS; i++)
                add_point(&d, 2, 0, 1000 + i);
        assert_int_equal(d.n_points, ALLOC_MAX_POINTS);
        assert_int_equal(d.points[ALLOC_MAX_POINTS - 1].bps, 999 + 2 * ALLOC_MAX_POINTS);
}

static void a_wide_line_carries_all(void **state)
{
        struct room room = { 0 };

        (void)state;
        add_voice(&room, 1);
        add_picture(&room, ALLOC_PICTURE, 0, 180);
        add_picture(&room, ALLOC_SPEAKER, 0, 720);
        spend(&room, UINT64_MAX);
        assert_int_equal(room.d[0].granted, 0);
        assert_int_equal(room.d[1].granted, 2);
        assert_int_equal(room.d[2].granted, 2);
        assert_int_equal(room.sum.granted_bps, 2450000);
        assert_int_equal(room.sum.n_paused + room.sum.n_reduced + room.sum.n_silenced, 0);
}

/* What is granted at each width of the line, to slots listed in the wrong order. */
static void service_goes_by_kind_then_priority_then_size(void **state)
{
        static const struct {
                uint64_t budget_bps;
                int small, big, first, speaker, screen, voice;
        } rows[] = {
                { 20000, -1, -1, -1, -1, -1, 0 }, /* the first voice whatever it costs */
                { 50000, -1, -1, -1, -1, -1, 0 }, { 160000, -1, -1, -1, -1, 0, 0 },
                { 260000, -1, -1, -1, 0, 0, 0 },  { 360000, -1, -1, 0, 0, 0, 0 },
                { 460000, -1, 0, 0, 0, 0, 0 },    { 560000, 0, 0, 0, 0, 0, 0 },
                { 860000, 0, 0, 0, 0, 1, 0 },     { 1960000, 0, 0, 0, 1, 2, 0 },
                { 2760000, 0, 0, 0, 2, 2, 0 },    { 3060000, 0, 0, 1, 2, 2, 0 },
                { 5000000, 0, 2, 2, 2, 2, 0 },    { 6050000, 2, 2, 2, 2, 2, 0 },
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                struct room room = { 0 };

                add_picture(&room, ALLOC_PICTURE, 0, 180);
                add_picture(&room, ALLOC_PICTURE, 0, 360);
                add_picture(&room, ALLOC_PICTURE, 5, 90);
                add_picture(&room, ALLOC_SPEAKER, 0, 180);
                add_picture(&room, ALLOC_SCREEN, 0, 90);
                add_voice(&room, 0);
                spend(&room, rows[i].budget_bps);
                assert_int_equal(room.d[0].granted, rows[i].small);
                assert_int_equal(room.d[1].granted, rows[i].big);
                assert_int_equal(room.d[2].granted, rows[i].first);
                assert_int_equal(room.d[3].granted, rows[i].speaker);
                assert_int_equal(room.d[4].granted, rows[i].screen);
                assert_int_equal(room.d[5].granted, rows[i].voice);
                assert_true(room.sum.granted_bps <= rows[i].budget_bps || i == 0);
        }
}

static void a_very_narrow_line_keeps_the_loudest_voice(void **state)
{
        struct room room = { 0 };

        (void)state;
        add_voice(&room, 1);
        add_voice(&room, 3);
        add_voice(&room, 2);
        add_picture(&room, ALLOC_SCREEN, 0, 720);
        spend(&room, 64000);
        assert_int_equal(room.d[1].granted, 0);
        assert_int_equal(room.d[0].granted, ALLOC_NONE);
        assert_int_equal(room.d[2].granted, ALLOC_NONE);
        assert_int_equal(room.sum.n_silenced, 2);
        assert_int_equal(room.sum.n_paused, 1);
        spend_for(&room, 120000, S);
        assert_int_equal(room.d[2].granted, 0);
        assert_int_equal(room.d[0].granted, ALLOC_NONE);
}

static void down_at_once_up_when_room_has_lasted(void **state)
{
        struct room room = { 0 };

        (void)state;
        add_picture(&room, ALLOC_SPEAKER, 0, 720);
        spend_for(&room, 3000000, S);
        assert_int_equal(room.d[0].granted, 2);
        spend(&room, 500000);
        assert_int_equal(room.d[0].granted, 1);
        spend(&room, 3000000);
        assert_int_equal(room.d[0].granted, 1); /* not yet */
        spend_for(&room, 3000000, S);
        assert_int_equal(room.d[0].granted, 2);
}

static void what_fell_comes_back_soon_only_to_clear_room(void **state)
{
        struct room room = { 0 };

        (void)state;
        add_picture(&room, ALLOC_SPEAKER, 0, 720);
        spend(&room, 1300000);
        spend(&room, 1000000);
        assert_int_equal(room.d[0].granted, 1);
        spend_for(&room, 1500000, 9 * S);
        assert_int_equal(room.d[0].granted, 1);
        spend_for(&room, 1500000, 2 * S);
        assert_int_equal(room.d[0].granted, 2);
}

static void soon_after_a_fall_no_key_frame_is_spent_on_a_better_layer(void **state)
{
        struct room room = { 0 };

        (void)state;
        add_picture(&room, ALLOC_PICTURE, 0, 360);
        spend_for(&room, 500000, S);
        assert_int_equal(room.d[0].granted, 1);
        spend(&room, 150000);
        assert_int_equal(room.d[0].granted, 0);
        spend_for(&room, 700000, ALLOC_KEY_DOUBT_US - S); /* clear room, but not twice */
        assert_int_equal(room.d[0].granted, 0);
        spend_for(&room, 700000, 3 * S);
        assert_int_equal(room.d[0].granted, 1);
        spend(&room, 150000);
        spend_for(&room, 1100000, 2 * S);
        assert_int_equal(room.d[0].granted, 1);
}

static void each_failed_try_makes_the_next_wait_longer(void **state)
{
        struct room room = { 0 };
        int64_t last_us = 0;

        (void)state;
        add_picture(&room, ALLOC_SPEAKER, 0, 720);
        spend(&room, 1000000);
        for (int round = 0; round < 3; round++) {
                int64_t began_us = room.now_us, waited_us;

                while (room.d[0].granted != 2)
                        spend(&room, 1500000);
                waited_us = room.now_us - began_us;
                assert_true(round == 0 || waited_us > last_us + last_us / 2);
                last_us = waited_us;
                spend(&room, 1000000);
                assert_int_equal(room.d[0].granted, 1);
        }
}

/* What a delay-based estimate of a steady line looks like: it climbs, finds the
 * limit, falls by a seventh, and trembles all the while. */
static uint64_t steady_estimate(uint64_t line_bps, int64_t now_us, unsigned *seed)
{
        uint64_t phase = (uint64_t)now_us / 1000 % 7300;

        *seed = *seed * 1103515245u + 12345u;
        return line_bps * (880 + phase * 150 / 7300 + (*seed >> 16) % 61) / 1000;
}

static void no_slot_flips_more_than_twice_in_ten_seconds_on_a_steady_line(void **state)
{
        (void)state;
        for (uint64_t line_bps = 60000; line_bps < 8000000; line_bps += line_bps / 7) {
                struct room room = { 0 };
                unsigned seed = 7;

                add_voice(&room, 1);
                for (uint8_t i = 0; i < 9; i++)
                        add_picture(&room, i == 0 ? ALLOC_SPEAKER : ALLOC_PICTURE, i % 2, 180);
                spend_for(&room, line_bps, 2 * S);
                for (int window = 0; window < 30; window++) {
                        for (size_t i = 0; i < room.n; i++)
                                room.changes[i] = 0;
                        for (int64_t t = 0; t < 10 * S; t += TICK)
                                spend(&room, steady_estimate(line_bps, room.now_us, &seed));
                        for (size_t i = 0; i < room.n; i++)
                                assert_in_range(room.changes[i], 0, 2);
                }
        }
}

static void trembling_rates_of_many_do_not_overdraw(void **state)
{
        struct room room = { 0 };

        (void)state;
        for (int i = 0; i < 25; i++)
                add_picture(&room, ALLOC_PICTURE, 0, 180);
        spend_for(&room, 3000000, S);
        for (uint64_t bps = 3000000; bps > 20000; bps -= bps / 50) {
                spend(&room, bps);
                assert_true(room.sum.granted_bps <= bps + bps / ALLOC_SLACK ||
                            room.sum.granted_bps == 100000); /* the last one, for a while */
        }
}

/* A dear screen that does not fit leaves the rest to the others, and takes it
 * back when it does. */
static void what_the_first_cannot_use_the_others_may(void **state)
{
        struct room room = { 0 };
        struct alloc_demand *screen = add(&room, ALLOC_SCREEN, 0, 1080);

        (void)state;
        add_point(screen, 0, 0, 800000);
        add_picture(&room, ALLOC_SPEAKER, 0, 720);
        spend_for(&room, 700000, S);
        assert_int_equal(room.d[0].granted, ALLOC_NONE);
        assert_int_equal(room.d[1].granted, 1);
        spend_for(&room, 1100000, 2 * S);
        assert_int_equal(room.d[0].granted, 0);
        assert_int_equal(room.d[1].granted, 0);
}

static void a_layer_that_stops_is_no_fall(void **state)
{
        struct room room = { 0 };

        (void)state;
        add_picture(&room, ALLOC_SPEAKER, 0, 720);
        spend_for(&room, 2000000, S);
        assert_int_equal(room.d[0].granted, 2);
        room.d[0].n_points = 2;
        spend_for(&room, 2000000, S);
        assert_int_equal(room.d[0].granted, 1);
        add_point(&room.d[0], 2, 0, 1200000);
        spend_for(&room, 2000000, S);
        assert_int_equal(room.d[0].granted, 2);
}

/* A layer that starts is one point until a frame of each part has come. */
static void the_parts_of_a_picture_that_show_later_change_nothing(void **state)
{
        struct room room = { 0 };
        struct alloc_demand *d;

        (void)state;
        d = add(&room, ALLOC_SPEAKER, 0, 720);
        add_point(d, 0, 0, 100000);
        add_point(d, 1, 0, 400000);
        spend_for(&room, 700000, S);
        assert_int_equal(d->granted, 1);
        d->n_points = 1;
        add_point(d, 1, 1, 250000);
        add_point(d, 1, 2, 400000);
        spend(&room, 700000);
        assert_int_equal(d->granted, 2);
        assert_int_equal(room.memory[0].fell_us, 0);
        d->n_points = 1;
        add_point(d, 1, 0, 400000);
        spend(&room, 700000);
        assert_int_equal(d->granted, 1);
}

static void a_dip_does_not_take_the_last_picture(void **state)
{
        struct room room = { 0 };

        (void)state;
        add_picture(&room, ALLOC_SPEAKER, 0, 720);
        spend_for(&room, 450000, S);
        spend_for(&room, 70000, S);
        assert_int_equal(room.d[0].granted, 0);
        spend_for(&room, 110000, S);
        spend_for(&room, 70000, 2 * S); /* no dip */
        assert_int_equal(room.d[0].granted, ALLOC_NONE);
        room = (struct room){ 0 };
        add_picture(&room, ALLOC_SPEAKER, 0, 720);
        spend(&room, 450000);
        spend(&room, 40000);
        assert_int_equal(room.d[0].granted, ALLOC_NONE);
}

static void what_costs_nobody_knows_what_is_judged_when_it_is_known(void **state)
{
        struct room room = { 0 };
        struct alloc_demand *d = add(&room, ALLOC_SPEAKER, 0, 720);

        (void)state;
        add_point(d, 0, 0, 0);
        spend(&room, 600000);
        assert_int_equal(d->granted, 0);
        d->points[0].bps = 1000000;
        spend(&room, 600000);
        assert_int_equal(d->granted, ALLOC_NONE);
        spend_for(&room, 1300000, 3 * TICK); /* no fall: it comes as soon as the line is found */
        assert_int_equal(d->granted, 0);
}

static void without_feedback_worth_the_name_a_picture_stays(void **state)
{
        struct room room = { 0 };

        (void)state;
        add_picture(&room, ALLOC_SPEAKER, 0, 720);
        add_picture(&room, ALLOC_PICTURE, 0, 720);
        allocate(room.d, room.n, 0, true, S, &room.sum);
        assert_int_equal(room.d[0].granted, 0);
        assert_int_equal(room.d[1].granted, ALLOC_NONE);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_point_that_is_no_bargain_is_left_out),
                cmocka_unit_test(a_wide_line_carries_all),
                cmocka_unit_test(service_goes_by_kind_then_priority_then_size),
                cmocka_unit_test(a_very_narrow_line_keeps_the_loudest_voice),
                cmocka_unit_test(down_at_once_up_when_room_has_lasted),
                cmocka_unit_test(what_fell_comes_back_soon_only_to_clear_room),
                cmocka_unit_test(soon_after_a_fall_no_key_frame_is_spent_on_a_better_layer),
                cmocka_unit_test(each_failed_try_makes_the_next_wait_longer),
                cmocka_unit_test(no_slot_flips_more_than_twice_in_ten_seconds_on_a_steady_line),
                cmocka_unit_test(trembling_rates_of_many_do_not_overdraw),
                cmocka_unit_test(what_the_first_cannot_use_the_others_may),
                cmocka_unit_test(a_layer_that_stops_is_no_fall),
                cmocka_unit_test(the_parts_of_a_picture_that_show_later_change_nothing),
                cmocka_unit_test(a_dip_does_not_take_the_last_picture),
                cmocka_unit_test(what_costs_nobody_knows_what_is_judged_when_it_is_known),
                cmocka_unit_test(without_feedback_worth_the_name_a_picture_stays),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
