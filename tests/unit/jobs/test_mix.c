/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/wire/wire_test.h"

#include <errno.h>

#include <math.h>

#include "sfu/jobs/core/mix.h"

enum { CHUNK = 960, CHUNK_US = 20000 };

/* A sender whose crystal is off by ppm, who says a tone or beeps at whole seconds of real time. */
struct sender {
        size_t voice;
        double ppm, hz, level;
        bool beeps;
        int64_t taken; /* samples made */
};

static double sender_time_s(const struct sender *sender, int64_t sample)
{
        return (double)sample / MIX_RATE * (1 + sender->ppm / 1e6);
}

static float sender_sample(const struct sender *sender, int64_t sample)
{
        double t = sender_time_s(sender, sample);

        if (sender->beeps && t - floor(t) > 0.05)
                return 0;
        return (float)(sender->level * sin(2 * M_PI * sender->hz * t));
}

static void send_chunk(struct mix *mix, struct sender *sender, int64_t wavers_us)
{
        float frames[2 * CHUNK];
        int64_t time_us = (int64_t)llround(sender_time_s(sender, sender->taken) * 1e6) + wavers_us;

        for (int64_t i = 0; i < CHUNK; i++)
                frames[2 * i] = frames[2 * i + 1] = sender_sample(sender, sender->taken + i);
        mix_put(mix, sender->voice, time_us, frames, CHUNK);
        sender->taken += CHUNK;
}

/* Sends what begins less than 100 ms ahead, reads a block. */
static void run_block(struct mix *mix, struct sender *sender, float *ret_block)
{
        while (sender_time_s(sender, sender->taken) * 1e6 < (double)mix_position_us(mix) + 100000)
                send_chunk(mix, sender, 0);
        mix_read(mix, ret_block);
}

static struct mix *new_mix(struct sender *sender)
{
        struct mix *mix;

        assert_int_equal(mix_new(&mix, 0), 0);
        assert_int_equal(mix_add(mix, &sender->voice), 0);
        return mix;
}

static void samples_of_a_true_sender_pass_unchanged_at_their_place(void **state)
{
        struct sender sender = { .hz = 440, .level = 0.5 };
        struct mix *mix = new_mix(&sender);
        float block[2 * MIX_BLOCK];

        (void)state;
        for (int64_t b = 0; b < 500; b++) {
                run_block(mix, &sender, block);
                for (int64_t i = 0; b > 0 && i < MIX_BLOCK; i++) {
                        float want = sender_sample(&sender, b * MIX_BLOCK + i);

                        assert_true(fabsf(block[2 * i] - want) < 1e-4F);
                        assert_true(block[2 * i + 1] == block[2 * i]);
                }
        }
        mix_free(mix);
}

/* The beeps stay on their seconds, and nothing clicks. */
static void drift_over(double ppm, int64_t seconds)
{
        struct sender sender = { .ppm = ppm, .hz = 1000, .level = 0.5, .beeps = true };
        struct mix *mix = new_mix(&sender);
        float block[2 * MIX_BLOCK], before = 0;
        int64_t worst = 0, n_beeps = 0;
        bool silent = true;
        int64_t quiet_since = 0;

        for (int64_t b = 0; b < seconds * MIX_RATE / MIX_BLOCK; b++) {
                run_block(mix, &sender, block);
                for (int64_t i = 0; i < MIX_BLOCK; i++) {
                        int64_t at = b * MIX_BLOCK + i;
                        float now = block[2 * i];

                        assert_true(fabsf(now - before) < 0.08F); /* 1 kHz at 0.5: 0.066 */
                        before = now;
                        if (fabsf(now) < 0.01F) {
                                silent = silent || at - quiet_since > MIX_RATE / 10;
                                continue;
                        }
                        if (silent && at > MIX_RATE / 2) {
                                int64_t off = at % MIX_RATE;

                                off = off > MIX_RATE / 2 ? MIX_RATE - off : off;
                                worst = off > worst ? off : worst;
                                n_beeps++;
                        }
                        silent = false;
                        quiet_since = at;
                }
        }
        assert_in_range(n_beeps, seconds - 1, seconds);
        assert_true(worst < MIX_RATE / 1000); /* within a millisecond */
        mix_free(mix);
}

static void drift_of_100_ppm_over_an_hour_moves_no_beep(void **state)
{
        (void)state;
        drift_over(100, 3600);
        drift_over(-100, 600);
}

static void wavering_times_do_not_break_a_tone(void **state)
{
        struct sender sender = { .hz = 440, .level = 0.5 };
        struct mix *mix = new_mix(&sender);
        float block[2 * MIX_BLOCK], before = 0;
        uint32_t seed = 7;

        (void)state;
        for (int64_t b = 0; b < 3000; b++) {
                while (sender.taken * 1000000 / MIX_RATE < mix_position_us(mix) + 150000) {
                        seed = seed * 1664525 + 1013904223;
                        send_chunk(mix, &sender, (int64_t)(seed >> 16) % 10000 - 5000);
                }
                mix_read(mix, block);
                for (size_t i = 0; i < MIX_BLOCK; i++) {
                        assert_true(fabsf(block[2 * i] - before) < 0.032F); /* 440 Hz: 0.029 */
                        before = block[2 * i];
                }
        }
        mix_free(mix);
}

static void a_pause_is_silence_of_its_length_without_clicks(void **state)
{
        struct sender sender = { .hz = 440, .level = 0.5 };
        struct mix *mix = new_mix(&sender);
        float block[2 * MIX_BLOCK], before = 0;
        int64_t first = -1, last = -1, silent = 0;

        (void)state;
        for (int64_t b = 0; b < 150; b++) {
                while (sender.taken * 1000000 / MIX_RATE < mix_position_us(mix) + 100000) {
                        if (sender.taken == MIX_RATE)
                                sender.taken = 2 * MIX_RATE;
                        else
                                send_chunk(mix, &sender, 0);
                }
                mix_read(mix, block);
                for (int64_t i = 0; i < MIX_BLOCK; i++) {
                        int64_t at = b * MIX_BLOCK + i;

                        assert_true(fabsf(block[2 * i] - before) < 0.04F);
                        before = block[2 * i];
                        if (at < MIX_RATE && before != 0)
                                last = at;
                        if (at >= MIX_RATE && at < 2 * MIX_RATE)
                                silent += before == 0;
                        if (at >= 2 * MIX_RATE && before != 0 && first < 0)
                                first = at;
                }
        }
        assert_in_range(MIX_RATE - last, 1, 5);
        assert_in_range(silent, MIX_RATE - 5, MIX_RATE);
        assert_in_range(first, 2 * MIX_RATE, 2 * MIX_RATE + 5);
        mix_free(mix);
}

static void a_sum_stays_within_full_scale(void **state)
{
        struct mix *mix;
        struct sender senders[8];
        float block[2 * MIX_BLOCK], peak = 0;

        (void)state;
        assert_int_equal(mix_new(&mix, 0), 0);
        for (size_t i = 0; i < ARRAY_LEN(senders); i++) {
                senders[i] = (struct sender){ .hz = 100, .level = 0.6 };
                assert_int_equal(mix_add(mix, &senders[i].voice), 0);
        }
        for (int64_t b = 0; b < 50; b++) {
                for (size_t i = 1; i < ARRAY_LEN(senders); i++) {
                        while (senders[i].taken * 1000000 / MIX_RATE <
                               mix_position_us(mix) + 100000)
                                send_chunk(mix, &senders[i], 0);
                }
                run_block(mix, &senders[0], block);
                for (size_t i = 0; i < ARRAY_LEN(block); i++)
                        peak = fmaxf(peak, fabsf(block[i]));
        }
        assert_true(peak > 0.9F && peak <= 1);
        mix_free(mix);
}

static void hostile_input_is_bounded(void **state)
{
        struct sender sender = { .hz = 440, .level = 0.5 };
        struct mix *mix = new_mix(&sender);
        float frames[2 * CHUNK], block[2 * MIX_BLOCK];
        const int64_t times[] = { INT64_MAX / 2, -INT64_MAX / 2, 3600000000, -1, 0, 7, 10000000 };
        size_t extra;

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(frames); i++)
                frames[i] = i % 3 == 0 ? NAN : i % 3 == 1 ? INFINITY : -1e30F;
        for (size_t i = 0; i < ARRAY_LEN(times); i++)
                mix_put(mix, sender.voice, times[i], frames, CHUNK);
        mix_put(mix, 9999, 0, frames, CHUNK);
        mix_remove(mix, 9999);
        for (int b = 0; b < 100; b++) {
                mix_read(mix, block);
                for (size_t i = 0; i < ARRAY_LEN(block); i++)
                        assert_true(fabsf(block[i]) <= 1);
        }
        for (size_t i = 1; i < MIX_VOICES; i++)
                assert_int_equal(mix_add(mix, &extra), 0);
        assert_int_equal(mix_add(mix, &extra), -ENOSPC);
        mix_remove(mix, 5);
        assert_int_equal(mix_add(mix, &extra), 0);
        assert_int_equal(extra, 5);
        mix_free(mix);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(samples_of_a_true_sender_pass_unchanged_at_their_place),
                cmocka_unit_test(drift_of_100_ppm_over_an_hour_moves_no_beep),
                cmocka_unit_test(wavering_times_do_not_break_a_tone),
                cmocka_unit_test(a_pause_is_silence_of_its_length_without_clicks),
                cmocka_unit_test(a_sum_stays_within_full_scale),
                cmocka_unit_test(hostile_input_is_bounded),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
