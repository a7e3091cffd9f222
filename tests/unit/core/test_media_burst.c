/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How a room distributes what came: subscriber by subscriber, in steps, sound
 * first, with anything happening between two steps.
 */
#include "tests/unit/core/burst.h"

static void burst_lies_side_by_side_for_each_subscriber(void **state)
{
        enum { VIEWERS = 10, PACKETS = 8 };
        struct burst_peer *publisher = burst_publisher_and(VIEWERS);

        (void)state;
        for (uint16_t seq = 0; seq < PACKETS; seq++)
                burst_send_video(publisher, seq, seq == 0);
        assert_int_equal(burst->n_sent, 0);
        burst_step_all();
        assert_int_equal(burst->n_sent, VIEWERS * PACKETS);
        for (size_t i = 0; i < burst->n_sent; i++) {
                assert_int_equal(burst->sent[i].peer, burst->sent[i / PACKETS * PACKETS].peer);
                assert_int_equal(burst->sent[i].number, i % PACKETS);
        }
        /* Again, now that all show the layer. */
        for (uint16_t seq = PACKETS; seq < 2 * PACKETS; seq++)
                burst_send_video(publisher, seq, false);
        burst_step_all();
        for (size_t i = VIEWERS * PACKETS; i < burst->n_sent; i++) {
                assert_int_equal(burst->sent[i].peer, burst->sent[i / PACKETS * PACKETS].peer);
                assert_int_equal(burst->sent[i].number, PACKETS + i % PACKETS);
        }
        assert_int_equal(burst->n_sent, 2 * VIEWERS * PACKETS);
}

static void audio_overtakes_video_in_a_burst(void **state)
{
        enum { VIEWERS = 1000, PACKETS = 40 };
        struct burst_peer *publisher = burst_publisher_and(VIEWERS);
        size_t before;

        (void)state;
        burst_send_audio(publisher, 1);
        burst_send_video(publisher, 1, true);
        burst_step_all();
        for (uint16_t seq = 2; seq < 2 + PACKETS; seq++)
                burst_send_video(publisher, seq, false);
        before = burst->n_sent;
        burst_step();
        assert_true(burst_waits());
        assert_true(burst->n_sent > before && burst->n_sent < before + VIEWERS * PACKETS / 10);
        burst_send_audio(publisher, 2);
        before = burst->n_sent;
        while (media_room_waiting(burst->room) == MEDIA_WAITING_AUDIO)
                burst_step();
        assert_int_equal(burst->n_sent, before + VIEWERS); /* the sound, and nothing else */
        for (size_t i = before; i < burst->n_sent; i++)
                assert_int_equal(burst->sent[i].ssrc, BURST_SLOT_AUDIO);
        burst_step_all();
        for (size_t i = 1; i <= VIEWERS; i++) {
                uint16_t numbers[PACKETS + 2];
                size_t n = burst_numbers_of(&burst->peers[i], BURST_SLOT_VIDEO, numbers,
                                            PACKETS + 2);

                assert_int_equal(n, PACKETS + 1);
                for (size_t k = 0; k < n; k++)
                        assert_int_equal(numbers[k], k + 1);
        }
}

/* So the shell, which looks at its sockets between two steps, does it in time. */
static void no_step_lasts_five_milliseconds(void **state)
{
        enum { VIEWERS = 1000, PACKETS = 200 };
        struct burst_peer *publisher = burst_publisher_and(VIEWERS);
        int64_t longest_us = 0;

        (void)state;
        burst_send_audio(publisher, 0);
        for (uint16_t seq = 0; seq < PACKETS; seq++)
                burst_send_video(publisher, seq, seq == 0);
        while (burst_waits()) {
                int64_t start_us = burst->now_us;

                burst_step();
                if (burst->now_us - start_us > longest_us)
                        longest_us = burst->now_us - start_us;
        }
        assert_int_equal(burst->n_sent, VIEWERS * (PACKETS + 1));
        assert_in_range(longest_us, 1, 5000);
}

static void packets_that_come_during_a_walk_follow_it(void **state)
{
        enum { VIEWERS = 300, PACKETS = 20 };
        struct burst_peer *publisher = burst_publisher_and(VIEWERS);
        uint16_t seq = 0;

        (void)state;
        burst_send_video(publisher, seq++, true);
        for (; seq < PACKETS; seq++) {
                burst_send_video(publisher, seq, false);
                burst_step();
        }
        burst_step_all();
        for (size_t i = 1; i <= VIEWERS; i++) {
                uint16_t numbers[PACKETS + 1];

                assert_int_equal(
                        burst_numbers_of(&burst->peers[i], BURST_SLOT_VIDEO, numbers, PACKETS + 1),
                        PACKETS);
                for (uint16_t k = 0; k < PACKETS; k++)
                        assert_int_equal(numbers[k], k);
        }
}

static void leaving_during_a_walk_harms_nobody(void **state)
{
        enum { VIEWERS = 200, PACKETS = 10 };
        struct burst_peer *publisher = burst_publisher_and(VIEWERS);
        uint16_t numbers[2 * PACKETS];

        (void)state;
        burst_send_video(publisher, 0, true);
        burst_step_all();
        for (uint16_t seq = 1; seq < PACKETS; seq++)
                burst_send_video(publisher, seq, false);
        burst_step();
        assert_true(burst_waits());
        for (size_t i = 1; i <= VIEWERS; i += 3)
                burst_leave(&burst->peers[i]);
        burst_step_all();
        for (size_t i = 1; i <= VIEWERS; i++) {
                if (burst->peers[i].media)
                        assert_int_equal(burst_numbers_of(&burst->peers[i], BURST_SLOT_VIDEO,
                                                          numbers, 2 * PACKETS),
                                         PACKETS);
        }
}

static void nothing_goes_out_once_the_publisher_is_muted(void **state)
{
        enum { VIEWERS = 300 };
        struct burst_peer *publisher = burst_publisher_and(VIEWERS);
        size_t before;

        (void)state;
        burst_send_video(publisher, 0, true);
        burst_step_all();
        for (uint16_t seq = 1; seq < 30; seq++)
                burst_send_video(publisher, seq, false);
        burst_step();
        before = burst->n_sent;
        media_peer_set_muted(publisher->media, SFU_CAMERA, true, burst->now_us);
        assert_false(burst_waits());
        assert_int_equal(burst->n_sent, before);
}

static void publisher_may_leave_with_packets_waiting(void **state)
{
        struct burst_peer *publisher = burst_publisher_and(300);

        (void)state;
        burst_send_video(publisher, 0, true);
        burst_send_audio(publisher, 0);
        burst_step();
        burst_leave(publisher);
        assert_false(burst_waits());
}

static void what_waits_is_bounded(void **state)
{
        struct burst_peer *publisher = burst_publisher_and(1);
        struct sfu_counters counters = { 0 };

        (void)state;
        for (uint16_t seq = 0; seq < 1000; seq++)
                burst_send_video(publisher, seq, seq == 0);
        media_room_add_counters(burst->room, &counters);
        assert_in_range(counters.overtaken, 500, 900);
        burst_step_all();
        assert_int_equal(burst->n_sent + counters.overtaken, 1000);
}

static uint32_t rnd(uint32_t n)
{
        static uint32_t state = 1;

        state = state * 1664525u + 1013904223u;
        return (state >> 8) % n;
}

/* commit_rtp() says whether a number goes out twice. */
static void anything_may_happen_between_two_steps(void **state)
{
        enum { PEERS = 40, ROUNDS = 30000 };
        static uint16_t video[PEERS], audio[PEERS];

        (void)state;
        for (size_t i = 0; i < PEERS; i++)
                burst_join();
        for (unsigned round = 0; round < ROUNDS; round++) {
                size_t i = rnd(PEERS), p = rnd(4); /* four of them publish */
                struct burst_peer *peer = &burst->peers[i], *from = &burst->peers[p];
                uint32_t what = rnd(100);

                burst->now_us += 100;
                if (what < 40 && from->media) {
                        for (uint32_t n = rnd(8); n > 0; n--, video[p]++) {
                                if (rnd(20) == 0)
                                        burst_send_padding(from, video[p]);
                                else if (rnd(20) > 0) /* else lost */
                                        burst_send_video(from, video[p], rnd(30) == 0);
                                else if (rnd(2) == 0)
                                        burst_send_video(from, (uint16_t)(video[p] - rnd(30)),
                                                         rnd(5) == 0);
                        }
                } else if (what < 60 && from->media) {
                        burst_send_audio(from, audio[p]++);
                } else if (what < 70 && peer->media) {
                        burst_view(peer, (uint8_t)rnd(2), false, rnd(5));
                } else if (what < 75 && peer->media) {
                        burst_view(peer, 0, true, rnd(5));
                } else if (what < 78 && from->media) {
                        media_peer_set_muted(from->media, SFU_CAMERA, rnd(2), burst->now_us);
                } else if (what < 80) {
                        if (peer->media)
                                burst_leave(peer);
                        else
                                burst_join_at(i);
                } else if (burst_waits()) {
                        burst_step();
                }
                if (media_room_deadline_us(burst->room) <= burst->now_us)
                        media_room_on_timeout(burst->room, burst->now_us, burst->now_us);
        }
        assert_true(burst->n_sent > ROUNDS);
}

int main(void)
{
#define WORLD_TEST(f) cmocka_unit_test_setup_teardown(f, burst_set_up, burst_tear_down)
        const struct CMUnitTest tests[] = {
                WORLD_TEST(burst_lies_side_by_side_for_each_subscriber),
                WORLD_TEST(audio_overtakes_video_in_a_burst),
                WORLD_TEST(no_step_lasts_five_milliseconds),
                WORLD_TEST(packets_that_come_during_a_walk_follow_it),
                WORLD_TEST(leaving_during_a_walk_harms_nobody),
                WORLD_TEST(nothing_goes_out_once_the_publisher_is_muted),
                WORLD_TEST(publisher_may_leave_with_packets_waiting),
                WORLD_TEST(what_waits_is_bounded),
                WORLD_TEST(anything_may_happen_between_two_steps),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
