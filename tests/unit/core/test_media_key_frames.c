/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where a subscriber's picture begins in what waits for her, and what is asked for
 * when its key frame is not there.
 */
#include "tests/unit/core/burst.h"

enum { S = 1000000 };

static void who_comes_during_a_key_frame_gets_all_of_it(void **state)
{
        enum { VIEWERS = 100, PACKETS = 40 };
        struct burst_peer *publisher = burst_publisher_and(VIEWERS), *late;
        uint16_t numbers[PACKETS + 1];

        (void)state;
        burst_send_video(publisher, 0, true);
        burst_step_all();
        for (uint16_t seq = 1; seq <= PACKETS; seq++)
                burst_send_video(publisher, seq, seq == 1);
        burst_step();
        assert_true(burst_waits());
        late = burst_join();
        burst_view(late, 0, false, 1);
        burst_step_all();
        assert_int_equal(burst_numbers_of(late, BURST_SLOT_VIDEO, numbers, PACKETS + 1), PACKETS);
        for (uint16_t k = 0; k < PACKETS; k++)
                assert_int_equal(numbers[k], k + 1);
}

static void switch_inside_a_burst_begins_at_the_key_frame(void **state)
{
        struct burst_peer *publisher = burst_publisher_and(1), *viewer = &burst->peers[1];
        uint16_t numbers[10];

        (void)state;
        for (uint16_t seq = 0; seq < 6; seq++)
                burst_send_video(publisher, seq, seq == 3);
        burst_step_all();
        assert_int_equal(burst_numbers_of(viewer, BURST_SLOT_VIDEO, numbers, 10), 3);
        assert_int_equal(numbers[0], 3);
        assert_int_equal(numbers[1], 4);
        assert_int_equal(numbers[2], 5);
}

/* The first packet of the key frame comes late: what came before it is taken from
 * the ring, and what comes behind it in the same burst is not taken twice. */
static void late_key_frame_brings_what_followed_it_once(void **state)
{
        static const uint16_t order[] = { 12, 14, 11, 13, 15 };
        struct burst_peer *publisher = burst_publisher_and(1), *viewer = &burst->peers[1];
        uint16_t numbers[10], sum = 0;

        (void)state;
        burst_send_video(publisher, 10, false);
        for (size_t i = 0; i < ARRAY_LEN(order); i++)
                burst_send_video(publisher, order[i], order[i] == 11);
        burst_step_all();
        assert_int_equal(burst_numbers_of(viewer, BURST_SLOT_VIDEO, numbers, 10), 5);
        assert_int_equal(numbers[0], 11);
        for (size_t i = 0; i < 5; i++)
                sum = (uint16_t)(sum + numbers[i]);
        assert_int_equal(sum, 11 + 12 + 13 + 14 + 15);
}

static void packets_of_a_stream_that_was_replaced_are_not_sent(void **state)
{
        struct burst_peer *publisher = burst_publisher_and(300);
        size_t before;

        (void)state;
        burst_send_video(publisher, 0, true);
        burst_step_all();
        for (uint16_t seq = 1; seq < 30; seq++)
                burst_send_video(publisher, seq, false);
        burst_step();
        before = burst->n_sent;
        burst->now_us += S;
        burst_send_video_as(publisher, 77, 5000, false);
        burst_step_all();
        assert_int_equal(burst->n_sent, before); /* all wait for the new one's key frame */
        burst_send_video_as(publisher, 77, 5001, true);
        burst_step_all();
        assert_int_equal(burst->n_sent, before + 300);
}

/* Key frames asked for so far, when another request would be due. */
static uint64_t keys_asked(void)
{
        struct sfu_counters counters = { 0 };

        burst->now_us += 6 * S / 10; /* no oftener than every half second */
        media_room_on_timeout(burst->room, burst->now_us, burst->now_us);
        media_room_add_counters(burst->room, &counters);
        return counters.pli_out;
}

static void key_frame_that_found_no_place_is_asked_for_again(void **state)
{
        struct burst_peer *publisher = burst_publisher_and(1);
        uint64_t asked;

        (void)state;
        for (uint16_t seq = 0; seq < 300; seq++)
                burst_send_video(publisher, seq, false);
        burst_send_video(publisher, 300, true);
        burst_step_all();
        assert_int_equal(burst->n_sent, 0);
        asked = keys_asked();
        for (uint16_t seq = 301; seq < 305; seq++) {
                burst_send_video(publisher, seq, false);
                assert_true(keys_asked() > asked++);
        }
        burst_send_video(publisher, 305, true);
        burst_step_all();
        assert_int_equal(burst->n_sent, 1);
        assert_int_equal(keys_asked(), asked);
}

static void key_frame_of_a_stream_that_was_replaced_is_asked_for_again(void **state)
{
        struct burst_peer *publisher = burst_publisher_and(1);
        uint64_t asked;

        (void)state;
        burst_send_video(publisher, 0, true);
        burst_send_video_as(publisher, 77, 5000, false); /* before any was distributed */
        burst_step_all();
        assert_int_equal(burst->n_sent, 0);
        asked = keys_asked();
        burst_send_video_as(publisher, 77, 5001, false);
        assert_true(keys_asked() > asked);
}

/* A page on a shared screen: an encoder may have nothing to send until it is asked. */
static void picture_that_stands_still_is_asked_for(void **state)
{
        struct burst_peer *publisher = burst_publisher_and(0), *viewer;

        (void)state;
        burst_send_video(publisher, 0, true);
        burst_step_all();
        burst->now_us += 10 * S;
        viewer = burst_join();
        burst_view(viewer, 0, false, 1);
        assert_int_equal(keys_asked(), 1);
        assert_int_equal(keys_asked(), 2);
        burst_send_video(publisher, 1, true);
        burst_step_all();
        assert_int_equal(burst->n_sent, 1);
        assert_int_equal(keys_asked(), 2);
}
int main(void)
{
#define WORLD_TEST(f) cmocka_unit_test_setup_teardown(f, burst_set_up, burst_tear_down)
        const struct CMUnitTest tests[] = {
                WORLD_TEST(who_comes_during_a_key_frame_gets_all_of_it),
                WORLD_TEST(switch_inside_a_burst_begins_at_the_key_frame),
                WORLD_TEST(late_key_frame_brings_what_followed_it_once),
                WORLD_TEST(packets_of_a_stream_that_was_replaced_are_not_sent),
                WORLD_TEST(key_frame_that_found_no_place_is_asked_for_again),
                WORLD_TEST(key_frame_of_a_stream_that_was_replaced_is_asked_for_again),
                WORLD_TEST(picture_that_stands_still_is_asked_for),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
