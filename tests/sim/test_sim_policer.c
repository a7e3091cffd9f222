/* SPDX-License-Identifier: Apache-2.0 */
/* A line that drops what there is too much and queues nothing, with a whole room on it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/sim/sim.h"
#include "tests/sim/sim_priv.h"

enum { S = 1000000, N_SEEDS = 8, N_PICTURES = 2 };

struct outcome {
        uint64_t n_sent, n_lost; /* packets of the last twenty of forty seconds */
        uint32_t n_keyframes;    /* of all forty, as well as: */
        int64_t max_gap_us;
        uint64_t video_packets;
};

static struct sim_peer *join_watcher(struct sim *sim, bool ccfb)
{
        const struct sim_offer sender = {
                .mic = true, .cam = true, .rids = true, .n_layers = 3, .n_audio = 3, .n_video = 4
        };
        const struct sim_offer watcher = {
                .mic = true, .n_audio = 3, .n_video = N_PICTURES, .reports = !ccfb, .ccfb = ccfb
        };
        struct sim_peer *b;

        for (uint32_t i = 1; i <= N_PICTURES; i++) {
                struct sim_peer *a = sim_join(sim, i, &sender);

                a->mic.level = 30;
                a->voice_bytes = 60;
                a->picture_bytes = 1000;
                for (size_t layer = 0; layer < 3; layer++)
                        a->cam[layer].temporal = true;
        }
        b = sim_join(sim, 9, &watcher);
        for (uint8_t i = 0; i < N_PICTURES; i++)
                sim_watch(b, i, i + 1u, SFU_CAMERA, 360, 1);
        return b;
}

static void put_on(struct sim_peer *peer, const struct link_config *line, uint64_t seed)
{
        peer->line = link_free(peer->line);
        assert_int_equal(link_new(&peer->line, line, seed), 0);
}

/* Two cameras and two voices, 1.4 Mbit/s: twelve seconds on a wide line, then forty on this one. */
static struct outcome watch(const struct link_config *line, bool ccfb, uint64_t seed)
{
        const struct link_config wide = { .steps = { { 0, 50 * S, 20 * 1000 } },
                                          .queue_bytes = 127500 };
        struct outcome outcome = { 0 };
        struct sim sim;
        struct sim_peer *b;

        sim_init(&sim, seed);
        b = join_watcher(&sim, ccfb);
        put_on(b, &wide, seed);
        sim_run(&sim, 12 * S);
        put_on(b, line, seed);
        for (size_t i = 0; i < N_PICTURES; i++) {
                sim_video(b, i)->max_gap_us = 0;
                outcome.n_keyframes -= sim_video(b, i)->n_keyframes;
                outcome.video_packets -= sim_video(b, i)->n_packets;
        }
        sim_run(&sim, 20 * S);
        outcome.n_sent = b->n_line_sent;
        outcome.n_lost = b->n_line_lost;
        sim_run(&sim, 20 * S);
        outcome.n_sent = b->n_line_sent - outcome.n_sent;
        outcome.n_lost = b->n_line_lost - outcome.n_lost;
        for (size_t i = 0; i < N_PICTURES; i++) {
                const struct sim_rx *rx = sim_video(b, i);

                outcome.n_keyframes += rx->n_keyframes;
                outcome.video_packets += rx->n_packets;
                if (rx->max_gap_us > outcome.max_gap_us)
                        outcome.max_gap_us = rx->max_gap_us;
        }
        sim_done(&sim);
        return outcome;
}

static struct outcome watch_all(const struct link_config *line, bool ccfb, const char *what)
{
        struct outcome all = { 0 };

        for (uint64_t seed = 1; seed <= N_SEEDS; seed++) {
                struct outcome one = watch(line, ccfb, seed);

                all.n_sent += one.n_sent;
                all.n_lost += one.n_lost;
                all.n_keyframes += one.n_keyframes;
                all.video_packets += one.video_packets;
                if (one.max_gap_us > all.max_gap_us)
                        all.max_gap_us = one.max_gap_us;
        }
        print_message("figure: %s, %s: %.1f %% lost, longest pause %.2f s, %.1f key frames and %u "
                      "packets of pictures in 40 s\n",
                      what, ccfb ? "RFC 8888" : "transport-wide",
                      100.0 * (double)all.n_lost / (double)all.n_sent, (double)all.max_gap_us / S,
                      (double)all.n_keyframes / N_SEEDS, (unsigned)(all.video_packets / N_SEEDS));
        return all;
}

static void a_whole_room_finds_what_a_policer_passes(void **state)
{
        static const struct {
                uint32_t kbps;
                const char *what;
        } policers[] = {
                { 600, "a policer of 600 kbit/s" },
                { 740, "a policer of 740 kbit/s" },
                { 900, "a policer of 900 kbit/s" },
                { 1200, "a policer of 1200 kbit/s" },
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(policers); i++) {
                const struct link_config line = { .steps = { { 0, 50 * S, 20 * 1000 } },
                                                  .queue_bytes = 127500,
                                                  .policer_bps = policers[i].kbps * 1000ull,
                                                  .policer_burst = 15000 };

                for (int ccfb = 0; ccfb < 2; ccfb++) {
                        struct outcome all = watch_all(&line, ccfb, policers[i].what);

                        assert_true(all.n_lost * 100 < all.n_sent * 4);
                        assert_true(all.n_keyframes < 5 * N_SEEDS);
                        assert_true(all.video_packets * 1060 * 8 / N_SEEDS / 40 >
                                    policers[i].kbps * 1000ull / 3);
                }
        }
}

/* Nothing is taken off a line for what it loses anyway. */
static void what_a_radio_loses_costs_no_frames(void **state)
{
        static const uint32_t permille[] = { 0, 50, 200 };
        static const char *const what[] = { "nothing lost", "5 % lost", "20 % lost" };

        (void)state;
        for (int ccfb = 0; ccfb < 2; ccfb++) {
                uint64_t n_whole = 0;

                for (size_t i = 0; i < ARRAY_LEN(permille); i++) {
                        const struct link_config line = { .steps = { { 0, 3 * S, 20 * 1000 } },
                                                          .queue_bytes = 127500,
                                                          .loss_permille = (int)permille[i] };
                        struct outcome all = watch_all(&line, ccfb, what[i]);

                        n_whole = i == 0 ? all.video_packets : n_whole;
                        assert_true(all.video_packets * 100 > n_whole * (i < 2 ? 99 : 85));
                        assert_true(all.n_keyframes <= (i < 2 ? 0 : N_SEEDS));
                }
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_whole_room_finds_what_a_policer_passes),
                cmocka_unit_test(what_a_radio_loses_costs_no_frames),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
