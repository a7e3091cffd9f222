/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/wire/wire_test.h"

#include "sfu/jobs/core/track_clock.h"

enum { FRAME_US = 20000, FRAME_TS = 960 };

/* A sender of sound: each step is one frame later on all clocks; media_us = arrival_us + shift. */
struct sender {
        struct track_clock clock;
        struct track_clock_packet packet;
        int64_t shift_us;
};

static struct sender new_sender(void)
{
        return (struct sender){
                .clock = { .rate = 48000 },
                .packet = { .generation = 1, .ts = UINT32_MAX - 5000, .arrival_us = 7000000 },
        };
}

static int64_t send(struct sender *sender)
{
        sender->packet.ts += FRAME_TS;
        sender->packet.arrival_us += FRAME_US;
        sender->packet.media_us = sender->packet.arrival_us + sender->shift_us;
        return track_clock_on_packet(&sender->clock, &sender->packet);
}

static int64_t apart(const struct sender *sender)
{
        return sender->clock.time_us - sender->packet.media_us;
}

static void steady_media_keeps_its_time(void **state)
{
        struct sender sender = new_sender();

        (void)state;
        for (int i = 0; i < 1000; i++)
                assert_true(send(&sender) == sender.packet.media_us);
}

static void packets_of_one_frame_have_one_time(void **state)
{
        struct sender sender = new_sender();
        int64_t time_us = send(&sender);

        (void)state;
        sender.packet.arrival_us += 3000;
        sender.packet.media_us += 3000;
        assert_true(track_clock_on_packet(&sender.clock, &sender.packet) == time_us);
}

static void a_small_correction_is_not_noticed(void **state)
{
        struct sender sender = new_sender();
        int64_t before = send(&sender);

        (void)state;
        for (int step = 0; step < 2; step++) {
                sender.shift_us += step ? 35000 : -35000;
                for (int i = 0; i < 35; i++) {
                        int64_t now = send(&sender);

                        assert_in_range(now - before, FRAME_US - FRAME_US / 20,
                                        FRAME_US + FRAME_US / 20);
                        before = now;
                }
                assert_true(apart(&sender) == 0);
        }
}

static void a_large_correction_forward_is_a_leap(void **state)
{
        struct sender sender = new_sender();

        (void)state;
        send(&sender);
        sender.shift_us = 150000;
        send(&sender);
        assert_true(apart(&sender) == 0);
}

static void a_large_correction_back_takes_twice_its_length(void **state)
{
        struct sender sender = new_sender();
        int64_t before = send(&sender);

        (void)state;
        sender.shift_us = -400000;
        for (int i = 0; i < 40; i++) {
                int64_t now = send(&sender);

                assert_true(now > before);
                before = now;
        }
        assert_in_range(apart(&sender), 0, TRACK_CLOCK_APART_US);
}

static void a_drifting_clock_is_followed(void **state)
{
        struct sender sender = new_sender();

        (void)state;
        /* 100 ppm for an hour, with a sender report each five seconds. */
        for (int64_t i = 0; i < 180000; i++) {
                sender.packet.arrival_us += i % 10 == 0 ? FRAME_US / 1000 : 0;
                if (i % 250 == 0)
                        sender.shift_us = 0;
                send(&sender);
                sender.shift_us -= i % 10 == 0 ? FRAME_US / 1000 : 0;
                assert_in_range(apart(&sender) + 1000, 0, 2000);
        }
}

static void a_pause_is_as_long_as_it_was(void **state)
{
        struct sender sender = new_sender();
        int64_t before = send(&sender);

        (void)state;
        /* The sender's timestamps go on … */
        sender.packet.arrival_us += 60000000;
        sender.packet.ts += 60 * 48000;
        assert_true(send(&sender) == before + 60000000 + FRAME_US);
        /* … or stand still. */
        sender.packet.arrival_us += 60000000;
        assert_true(send(&sender) == before + 120000000 + 2 * FRAME_US);
}

static void another_generation_goes_on_in_time(void **state)
{
        struct sender sender = new_sender();
        int64_t before = send(&sender);

        (void)state;
        sender.packet.generation++;
        sender.packet.ts = 12345;
        sender.packet.arrival_us += 3000000;
        assert_true(send(&sender) == before + 3000000 + FRAME_US);
        /* One that says it is older than what is there comes after it all the same. */
        before = sender.clock.time_us;
        sender.packet.generation++;
        sender.shift_us = -500000;
        assert_true(send(&sender) == before + 1);
}

static void reports_cannot_make_time(void **state)
{
        static const int64_t shifts[] = { INT64_MIN / 4, -3600000000, 3600000000, INT64_MAX / 4 };
        struct sender sender = new_sender();
        int64_t before = send(&sender);

        (void)state;
        for (int i = 0; i < 1000; i++) {
                sender.shift_us = shifts[i % ARRAY_LEN(shifts)];
                sender.packet.ts += (uint32_t)i * 2654435761u;
                assert_true(send(&sender) > before);
                before = sender.clock.time_us;
                assert_true(before <= sender.packet.arrival_us + TRACK_CLOCK_LATE_US + i);
                assert_true(before >=
                            sender.packet.arrival_us - TRACK_CLOCK_EARLY_US - TRACK_CLOCK_APART_US);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(steady_media_keeps_its_time),
                cmocka_unit_test(packets_of_one_frame_have_one_time),
                cmocka_unit_test(a_small_correction_is_not_noticed),
                cmocka_unit_test(a_large_correction_forward_is_a_leap),
                cmocka_unit_test(a_large_correction_back_takes_twice_its_length),
                cmocka_unit_test(a_drifting_clock_is_followed),
                cmocka_unit_test(a_pause_is_as_long_as_it_was),
                cmocka_unit_test(another_generation_goes_on_in_time),
                cmocka_unit_test(reports_cannot_make_time),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
