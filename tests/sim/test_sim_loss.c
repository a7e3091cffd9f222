/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "sfu/wire/red.h"
#include "tests/sim/sim.h"
#include "tests/sim/sim_priv.h"

enum { S = 1000000, RED_EARLIER = 4 /* bytes of an earlier block's header */ };

static const struct sim_offer all = {
        .mic = true, .cam = true, .rids = true, .n_layers = 3, .n_audio = 3, .n_video = 4
};
static const struct sim_offer voice = { .mic = true, .n_audio = 3 };

/* Everything recovered, but what is still under way at the end. */
static void assert_recovered(const struct sim_rx *rx)
{
        assert_true(rx->started);
        assert_true(rx->n_lost * 200 <= rx->n_packets);
        assert_int_equal(rx->n_ts_back, 0);
}

static void nack_recovers_5_percent_loss(void **state)
{
        struct sim sim;
        struct sim_peer *a, *b;

        (void)state;
        sim_init(&sim, 1);
        a = sim_join(&sim, 1, &all);
        b = sim_join(&sim, 2, &all);
        a->up.loss_permille = b->down.loss_permille = 50;
        sim_watch(b, 0, 1, SFU_CAMERA, 720, 1);
        sim_run(&sim, 30 * S);
        assert_true(a->cam[2].n_nacked > 50);
        assert_true(sim_video(b, 0)->n_rtx > 100);
        assert_true(sim_video(b, 0)->n_packets > 3000);
        assert_recovered(sim_video(b, 0));
        assert_true(sim_video(b, 0)->n_duplicates * 50 < sim_video(b, 0)->n_packets);
        sim_done(&sim);
}

/* A second of a large picture was lost, and all of it is asked for at once. */
static void a_request_for_very_much_is_answered_as_far_as_it_goes(void **state)
{
        static const struct sim_offer watcher = { .n_audio = 3, .n_video = 4, .reports = true };
        uint8_t data[1400];
        uint16_t seqs[300];
        struct wr w = wr_init(data, sizeof(data));
        struct sfu_counters counters = { 0 };
        struct sim sim;
        struct sim_peer *b;
        uint32_t last;

        (void)state;
        sim_init(&sim, 1);
        sim_join(&sim, 1, &all);
        b = sim_join(&sim, 2, &watcher);
        sim_watch(b, 0, 1, SFU_CAMERA, 720, 1);
        sim_run(&sim, 20 * S);
        last = sim_video(b, 0)->highest_ext;
        for (size_t i = 0; i < ARRAY_LEN(seqs); i++)
                seqs[i] = (uint16_t)(last - ARRAY_LEN(seqs) + 1 + i);
        rtcp_write_nack(&w, &(struct rtcp_fb){ 1, b->sdp.video_slots[0].ssrc }, seqs,
                        ARRAY_LEN(seqs));
        assert_false(w.bad);
        sim_send_rtcp(b, data, wr_len(&w));
        sim_run(&sim, S / 5);
        sim_counters(&sim, &counters);
        print_message("figure: repeated of %zu: %llu\n", ARRAY_LEN(seqs),
                      (unsigned long long)counters.rtx_out);
        assert_true(counters.rtx_out > 150);
        sim_done(&sim);
}

static void audio_nack_is_answered_with_the_same_packet(void **state)
{
        struct sim sim;
        struct sim_peer *a, *b;
        struct sfu_counters counters = { 0 };

        (void)state;
        sim_init(&sim, 2);
        a = sim_join(&sim, 1, &voice);
        b = sim_join(&sim, 2, &voice);
        a->mic.level = 30;
        a->up.loss_permille = b->down.loss_permille = 100;
        sim_run(&sim, 20 * S);
        assert_recovered(&b->rx[0]);
        assert_true(b->rx[0].n_packets > 950);
        assert_int_equal(b->n_changed_repeats, 0);
        sim_counters(&sim, &counters);
        assert_true(counters.rtx_out > 80);
        sim_done(&sim);
}

static void redundancy_goes_to_those_who_take_it(void **state)
{
        static const struct sim_offer red = { .mic = true, .n_audio = 3, .red = true };
        struct sim sim;
        struct sim_peer *a, *takes, *plain;

        (void)state;
        sim_init(&sim, 3);
        a = sim_join(&sim, 1, &red);
        takes = sim_join(&sim, 2, &red);
        plain = sim_join(&sim, 3, &voice);
        a->mic.level = 30;
        takes->down.loss_permille = plain->down.loss_permille = 100;
        sim_run(&sim, 10 * S);
        assert_recovered(&takes->rx[0]);
        assert_recovered(&plain->rx[0]);
        assert_true(plain->rx[0].n_packets > 450 && takes->rx[0].n_packets > 450);
        assert_true(takes->rx[0].n_red > 400);
        assert_int_equal(plain->rx[0].n_red, 0);
        assert_int_equal(plain->rx[0].source, 1);
        assert_int_equal(takes->n_changed_repeats + plain->n_changed_repeats, 0);
        sim_done(&sim);
}

/* The header of the newest frame stands behind the one of the frame before. */
static void call_it_red_again(struct sim *sim, uint8_t *data, uint16_t *len)
{
        struct rtp_pkt rtp;

        (void)sim;
        if (rtp_parse(&rtp, data, *len) == 0 && rtp.pt == SIM_PT_RED)
                data[rtp.payload_offset + RED_EARLIER] = SIM_PT_RED;
}

static void redundancy_within_redundancy_is_as_good_as_lost(void **state)
{
        static const struct sim_offer red = { .mic = true, .n_audio = 3, .red = true };
        struct sim sim;
        struct sim_peer *a, *plain;

        (void)state;
        sim_init(&sim, 3);
        a = sim_join(&sim, 1, &red);
        plain = sim_join(&sim, 3, &voice);
        a->mic.level = 30;
        a->hostile = true; /* every other packet is damaged */
        sim.damage = call_it_red_again;
        sim_run(&sim, 10 * S);
        assert_true(a->mic_tx.n_nacked > 200);
        assert_recovered(&plain->rx[0]);
        sim_done(&sim);
}

static void lossy_line_gets_redundant_sound_by_itself(void **state)
{
        static const struct sim_offer red = {
                .n_audio = 3, .n_video = 1, .red = true, .reports = true
        };
        struct sim sim;
        struct sim_peer *a, *lossy, *clean;
        uint32_t n, n_red;

        (void)state;
        sim_init(&sim, 4);
        a = sim_join(&sim, 1, &all);
        lossy = sim_join(&sim, 2, &red);
        clean = sim_join(&sim, 3, &red);
        a->mic.level = 30;
        sim_watch(lossy, 0, 1, SFU_CAMERA, 720, 1);
        sim_watch(clean, 0, 1, SFU_CAMERA, 720, 1);
        sim_run(&sim, 5 * S);
        assert_int_equal(lossy->rx[0].n_red, 0);
        lossy->down.loss_permille = 150;
        sim_run(&sim, 10 * S);
        n = lossy->rx[0].n_packets, n_red = lossy->rx[0].n_red;
        sim_run(&sim, 5 * S);
        assert_true(lossy->rx[0].n_red - n_red > (lossy->rx[0].n_packets - n) * 8 / 10);
        assert_int_equal(clean->rx[0].n_red, 0);
        assert_int_equal(lossy->n_changed_repeats, 0);
        lossy->down.loss_permille = 0;
        sim_run(&sim, 20 * S);
        n_red = lossy->rx[0].n_red;
        sim_run(&sim, 5 * S);
        assert_int_equal(lossy->rx[0].n_red, n_red);
        sim_done(&sim);
}

/* As Firefox: it neither takes redundancy nor asks for sound again. */
static void voice_without_redundancy_is_said_again_on_a_lossy_line(void **state)
{
        static const struct sim_offer fox = { .n_audio = 3, .n_video = 1, .reports = true };
        struct sim sim;
        struct sim_peer *a, *lossy, *clean;
        uint32_t n, n_lost;

        (void)state;
        sim_init(&sim, 4);
        a = sim_join(&sim, 1, &all);
        lossy = sim_join(&sim, 2, &fox);
        clean = sim_join(&sim, 3, &fox);
        lossy->no_audio_nack = clean->no_audio_nack = true;
        a->mic.level = 30;
        sim_watch(lossy, 0, 1, SFU_CAMERA, 720, 1);
        sim_watch(clean, 0, 1, SFU_CAMERA, 720, 1);
        sim_run(&sim, 5 * S);
        lossy->down.loss_permille = 50;
        sim_run(&sim, 5 * S);
        n = lossy->rx[0].n_packets, n_lost = lossy->rx[0].n_lost;
        sim_run(&sim, 60 * S);
        n = lossy->rx[0].n_packets - n, n_lost = lossy->rx[0].n_lost - n_lost;
        print_message("figure: 5 %% loss, each frame sent twice: %u of %u lost\n", n_lost,
                      n + n_lost);
        assert_true(n > 2900);
        assert_true(n_lost * 200 < n);
        assert_int_equal(clean->rx[0].n_duplicates, 0);
        assert_int_equal(lossy->n_changed_repeats, 0);
        lossy->down.loss_permille = 0;
        sim_run(&sim, 80 * S);
        n = lossy->rx[0].n_duplicates;
        sim_run(&sim, 5 * S);
        assert_int_equal(lossy->rx[0].n_duplicates, n);
        sim_done(&sim);
}

static void audio_is_not_repeated_over_a_long_way(void **state)
{
        struct sim sim;
        struct sim_peer *a, *b;
        struct sfu_counters counters = { 0 };

        (void)state;
        sim_init(&sim, 2);
        a = sim_join(&sim, 1, &voice);
        b = sim_join(&sim, 2, &voice);
        a->mic.level = 30;
        b->down.delay_us = b->up.delay_us = 120 * 1000;
        sim_run(&sim, 5 * S);
        b->down.loss_permille = 100;
        sim_run(&sim, 10 * S);
        sim_counters(&sim, &counters);
        assert_true(counters.nack_in > 20);
        assert_int_equal(counters.rtx_out, 0);
        sim_done(&sim);
}

/* SRTP repeats the nonce with the number: the bytes must not differ, also when
 * source, MID or talk spurt changed in between. */
static void repeated_audio_is_byte_identical_across_switches(void **state)
{
        struct sim sim;
        struct sim_peer *p[6];

        (void)state;
        sim_init(&sim, 3);
        for (uint32_t i = 0; i < 6; i++) {
                p[i] = sim_join(&sim, i + 1, &voice);
                p[i]->up.loss_permille = p[i]->down.loss_permille = 150;
                p[i]->up.reorder_permille = p[i]->down.reorder_permille = 50;
                p[i]->down.jitter_us = 30000;
        }
        for (int round = 0; round < 40; round++) {
                for (int i = 0; i < 6; i++)
                        p[i]->mic.level = (round + i) % 6 < 3 ? 30 : 80;
                sim_run(&sim, S / 2);
        }
        for (int i = 0; i < 6; i++) {
                assert_int_equal(p[i]->n_changed_repeats, 0);
                assert_true(p[i]->rx[0].n_switches > 3);
        }
        sim_done(&sim);
}

static void reordered_upstream_loses_nothing(void **state)
{
        struct sim sim;
        struct sim_peer *a, *b;

        (void)state;
        sim_init(&sim, 4);
        a = sim_join(&sim, 1, &all);
        b = sim_join(&sim, 2, &all);
        b->reacts = false;
        sim_watch(b, 0, 1, SFU_CAMERA, 720, 1);
        /* The tail of a layer that is left counts for nothing: first the switch. */
        sim_run(&sim, 2 * S);
        a->up.reorder_permille = 100;
        a->up.jitter_us = 3000;
        sim_run(&sim, 10 * S);
        a->up.reorder_permille = 0; /* what is late arrives */
        sim_run(&sim, S);
        assert_int_equal(sim_video(b, 0)->n_lost, 0);
        assert_int_equal(sim_video(b, 0)->n_duplicates, 0);
        sim_done(&sim);
}

static void switching_under_loss_leaves_no_hole(void **state)
{
        struct sim sim;
        struct sim_peer *p[4];

        (void)state;
        sim_init(&sim, 5);
        for (uint32_t i = 0; i < 4; i++) {
                p[i] = sim_join(&sim, i + 1, &all);
                p[i]->up.loss_permille = p[i]->down.loss_permille = 30;
                p[i]->up.jitter_us = p[i]->down.jitter_us = 8000;
                p[i]->up.reorder_permille = 20;
        }
        for (uint32_t round = 0; round < 20; round++) {
                sim_watch(p[0], 0, 2 + round % 3, SFU_CAMERA, (uint16_t)(180 << round % 3), 1);
                sim_run(&sim, S);
        }
        sim_run(&sim, S);
        assert_recovered(sim_video(p[0], 0));
        assert_true(sim_video(p[0], 0)->n_switches >= 20);
        assert_true(sim_video(p[0], 0)->max_gap_us < S);
        sim_done(&sim);
}

static void remb_limits_layer(void **state)
{
        struct sim sim;
        struct sim_peer *a, *b;
        uint32_t high_bps;
        struct sfu_peer_stats stats = { 0 };

        (void)state;
        sim_init(&sim, 6);
        a = sim_join(&sim, 1, &all);
        a->fps = 50; /* signature packets are small: this makes layers that count */
        b = sim_join(&sim, 2, &all);
        sim_watch(b, 0, 1, SFU_CAMERA, 720, 1);
        b->remb_bps = 5000000;
        sim_run(&sim, 5 * S);
        assert_int_equal(sim_video(b, 0)->layer, 2);
        media_peer_stats(b->media, sim.now_us, &stats);
        high_bps = stats.streams[stats.n_streams - 4].bitrate_bps;
        assert_true(high_bps > 100000);
        b->remb_bps = high_bps / 4;
        sim_run(&sim, 2 * S);
        assert_int_equal(sim_video(b, 0)->layer, 0);
        sim_run(&sim, 3 * S);
        assert_int_equal(sim_video(b, 0)->layer, 0); /* not up at the first good word */
        b->remb_bps = 5000000;
        sim_run(&sim, 3 * S);
        sim_run(&sim, 25 * S);
        assert_int_equal(sim_video(b, 0)->layer, 2);
        assert_int_equal(sim_video(b, 0)->n_lost, 0);
        sim_done(&sim);
}

static void low_priority_goes_first_when_the_line_is_narrow(void **state)
{
        struct sim sim;
        struct sim_peer *b;

        (void)state;
        sim_init(&sim, 7);
        for (uint32_t i = 1; i <= 3; i++)
                sim_join(&sim, i, &all)->fps = 50;
        b = sim_join(&sim, 4, &all);
        sim_watch(b, 0, 1, SFU_CAMERA, 720, 1);
        sim_watch(b, 1, 2, SFU_CAMERA, 720, 9);
        sim_watch(b, 2, 3, SFU_CAMERA, 720, 5);
        b->remb_bps = 9000000;
        sim_run(&sim, 4 * S);
        b->remb_bps = 250000;
        sim_run(&sim, 3 * S);
        assert_true(sim_video(b, 1)->layer >= sim_video(b, 2)->layer);
        assert_true(sim_video(b, 2)->layer >= sim_video(b, 0)->layer);
        assert_true(sim_video(b, 1)->layer > sim_video(b, 0)->layer);
        b->remb_bps = 30000;
        sim_run(&sim, 6 * S);
        assert_int_equal(sim_video(b, 1)->layer, 0);
        assert_true(sim.now_us - sim_video(b, 1)->last_us < S / 5); /* still alive */
        assert_true(sim.now_us - sim_video(b, 0)->last_us > S);     /* paused, and told so */
        assert_int_equal(sim_last_slot_event(b, false, 0)->slot.source, 0);
        sim_done(&sim);
}

static void full_batch_is_a_loss_like_any_other(void **state)
{
        struct sim sim;
        struct sim_peer *b;

        (void)state;
        sim_init(&sim, 8);
        sim_join(&sim, 1, &all);
        b = sim_join(&sim, 2, &all);
        sim_watch(b, 0, 1, SFU_CAMERA, 720, 1);
        for (int i = 0; i < 40; i++) {
                sim_run(&sim, S / 5);
                b->refuse = true;
                sim_run(&sim, S / 100);
                b->refuse = false;
        }
        sim_run(&sim, S);
        assert_recovered(sim_video(b, 0));
        sim_done(&sim);
}

/* She sees two cameras for 12 s, and then 5 % of all packets are lost. */
static struct sim_peer *watch_until_losses(struct sim *sim, const struct sim_offer *watcher,
                                           uint32_t seed)
{
        struct link_config line = { .steps = { { 0, 3000 * 1000, 20 * 1000 } },
                                    .queue_bytes = 127500 };
        struct sim_peer *b = sim_join(sim, 3, watcher);

        assert_int_equal(link_new(&b->line, &line, seed), 0);
        for (uint8_t i = 0; i < 2; i++)
                sim_watch(b, i, i + 1u, SFU_CAMERA, 360, 1);
        sim_run(sim, 12 * S);
        b->line = link_free(b->line);
        line.loss_permille = 50;
        assert_int_equal(link_new(&b->line, &line, seed), 0);
        return b;
}

/* Nor does a test of whether it is the rate, where the slices do not tell. Encoders that have just begun
 * send more every second, or not yet all their temporal layers. */
static void losses_of_the_lines_own_take_no_layer(void **state)
{
        static const struct sim_offer watcher = {
                .mic = true, .n_audio = 3, .n_video = 2, .reports = true
        };
        struct sim sim;
        struct sim_peer *senders[2], *b;
        uint32_t keyframes[2];

        (void)state;
        for (uint32_t seed = 1; seed <= 18; seed++) {
                bool grow = seed > 6 && seed <= 12, plain = seed > 12;

                sim_init(&sim, seed);
                for (uint32_t i = 0; i < 2; i++) {
                        senders[i] = sim_join(&sim, i + 1, &all);
                        senders[i]->mic.level = 30;
                        senders[i]->voice_bytes = 60;
                        senders[i]->picture_bytes = grow ? 400 : 1000;
                        for (size_t layer = 0; layer < 3; layer++)
                                senders[i]->cam[layer].temporal = !plain;
                }
                b = watch_until_losses(&sim, &watcher, seed);
                for (size_t i = 0; i < 2; i++)
                        keyframes[i] = sim_video(b, i)->n_keyframes;
                for (int step = 0; step < 200; step++) {
                        for (size_t i = 0; grow && step >= 20 && step < 35 && i < 2; i++)
                                senders[i]->picture_bytes += 40;
                        for (size_t i = 0; plain && step == 30 && i < 2; i++)
                                for (size_t layer = 0; layer < 3; layer++)
                                        senders[i]->cam[layer].temporal = true;
                        sim_run(&sim, S / 10);
                }
                for (size_t i = 0; i < 2; i++) {
                        assert_int_equal(sim_video(b, i)->n_keyframes, keyframes[i]);
                        assert_int_equal(sim_video(b, i)->layer, 1);
                }
                sim_done(&sim);
        }
}

/* Without a part of its frames it would stand still. */
static void a_test_of_losses_takes_frames_where_there_are_many(void **state)
{
        static const struct sim_offer watcher = { .n_video = 2, .reports = true };

        (void)state;
        for (uint32_t seed = 1; seed <= 6; seed++) {
                struct sim sim;
                struct sim_peer *b;
                uint32_t slow = 1 + seed % 2;

                sim_init(&sim, seed);
                for (uint32_t i = 1; i <= 2; i++) {
                        struct sim_peer *sender = sim_join(&sim, i, &all);

                        sender->fps = i == slow ? 4 : 25;
                        sender->picture_bytes = 1000;
                        for (size_t layer = 0; layer < 3; layer++) {
                                sender->cam[layer].temporal = true;
                                sender->cam[layer].packets_per_frame *= i == slow ? 5 : 1;
                        }
                }
                b = watch_until_losses(&sim, &watcher, seed);
                sim_video(b, (uint8_t)(slow - 1))->max_gap_us = 0;
                sim_run(&sim, 10 * S);
                assert_true(sim_video(b, (uint8_t)(slow - 1))->max_gap_us < 2 * S / 5);
                sim_done(&sim);
        }
}

/* Two key frames are what that costs: it is put off. Slices that are all alike say nothing. */
static void a_test_of_losses_takes_no_spatial_layer(void **state)
{
        static const struct sim_offer camera = { .cam = true, .vp9 = true };
        static const struct sim_offer watcher = { .vp9 = true, .n_video = 1, .reports = true };
        struct link_config line = { .steps = { { 0, 3000 * 1000, 20 * 1000 } },
                                    .queue_bytes = 127500 };

        (void)state;
        for (uint32_t seed = 1; seed <= 12; seed++) {
                struct sim sim;
                struct sim_peer *a, *b;
                uint32_t n_keyframes;

                sim_init(&sim, seed);
                a = sim_join(&sim, 1, &camera);
                a->fps = 20;
                a->picture_bytes = 1000;
                a->cam[0].height = 720;
                a->cam[0].width = 1280;
                a->cam[0].packets_per_frame = 4;
                b = sim_join(&sim, 3, &watcher);
                line.loss_permille = 0;
                assert_int_equal(link_new(&b->line, &line, seed), 0);
                sim_watch(b, 0, 1, SFU_CAMERA, 720, 1);
                sim_run(&sim, 12 * S);
                n_keyframes = sim_video(b, 0)->n_keyframes;
                b->line = link_free(b->line);
                line.loss_permille = 60;
                assert_int_equal(link_new(&b->line, &line, seed), 0);
                for (int i = 0; i < 50; i++) {
                        sim_run(&sim, S / 10);
                        assert_true(sim.now_us - sim_video(b, 0)->last_upper_us < S / 2);
                }
                assert_int_equal(sim_video(b, 0)->n_keyframes, n_keyframes);
                sim_done(&sim);
        }
}

/* Nothing is left to be tested with: it would be dark, and the test without an end. */
static void a_test_of_losses_takes_no_picture_and_no_voice(void **state)
{
        static const struct sim_offer screen = { .mic = true, .screen = true, .n_audio = 3 };
        static const struct sim_offer watchers[] = {
                { .n_audio = 3, .n_video = 1, .reports = true },
                { .n_audio = 3, .reports = true },
        };
        const struct link_config wide = { .steps = { { 0, 3000 * 1000, 20 * 1000 } },
                                          .queue_bytes = 127500 };
        struct link_config lossy = wide;

        (void)state;
        lossy.loss_permille = 100;
        for (uint32_t seed = 2; seed <= 10; seed++) {
                const struct sim_offer *watcher = &watchers[seed % 2];
                bool with_screen = watcher->n_video > 0 && seed < 8;
                struct sim sim;
                struct sim_peer *b;

                sim_init(&sim, seed);
                for (uint32_t i = 1; i <= 3; i++) {
                        struct sim_peer *sender = sim_join(&sim, i, &screen);

                        sender->picture_bytes = 1000;
                        sender->voice_bytes = 100;
                        sender->screen.packets_per_frame = 12;
                        sender->mic.level = with_screen ? 127 : 20 + (int)i * 3;
                }
                b = sim_join(&sim, 9, watcher);
                assert_int_equal(link_new(&b->line, &wide, seed), 0);
                if (with_screen)
                        sim_watch(b, 0, 1, SFU_SCREEN, 1080, 1);
                sim_run(&sim, 12 * S);
                b->line = link_free(b->line);
                assert_int_equal(link_new(&b->line, &lossy, seed), 0);
                sim_run(&sim, 5 * S / 2);
                for (int i = 0; i < 50; i++) {
                        sim_run(&sim, S / 10);
                        if (with_screen)
                                assert_true(sim.now_us - sim_video(b, 0)->last_us < S);
                        for (uint32_t k = 1; !with_screen && k <= 3; k++)
                                assert_true(sim_hears(b, k));
                }
                sim_done(&sim);
        }
}

/* A test with pictures in one size takes nothing off, and what is lost then seems the line's own:
 * but never more than half. */
static void a_picture_that_a_policer_halves_is_no_radios(void **state)
{
        static const struct sim_offer screen = { .screen = true };
        static const struct sim_offer watcher = { .n_video = 2, .reports = true };
        const struct link_config wide = { .steps = { { 0, 50 * S, 20 * 1000 } },
                                          .queue_bytes = 127500 };
        struct link_config policed = wide;

        (void)state;
        policed.policer_bps = 800 * 1000;
        policed.policer_burst = 15000;
        for (uint32_t seed = 1; seed <= 4; seed++) {
                struct sim sim;
                struct sim_peer *a, *b;
                uint64_t n_bytes;

                sim_init(&sim, seed);
                a = sim_join(&sim, 1, &screen);
                a->picture_bytes = 1000;
                a->screen.packets_per_frame = 24;
                sim_join(&sim, 2, &all);
                b = sim_join(&sim, 9, &watcher);
                assert_int_equal(link_new(&b->line, &wide, seed), 0);
                sim_watch(b, 0, 1, SFU_SCREEN, 1080, 1);
                sim_watch(b, 1, 2, SFU_CAMERA, 180, 1);
                sim_run(&sim, 12 * S);
                b->line = link_free(b->line);
                assert_int_equal(link_new(&b->line, &policed, seed), 0);
                sim_run(&sim, 20 * S);
                n_bytes = b->n_bytes_sent;
                sim_run(&sim, 20 * S);
                assert_true((b->n_bytes_sent - n_bytes) * 8 < 20 * policed.policer_bps * 3 / 2);
                sim_done(&sim);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(nack_recovers_5_percent_loss),
                cmocka_unit_test(a_request_for_very_much_is_answered_as_far_as_it_goes),
                cmocka_unit_test(audio_nack_is_answered_with_the_same_packet),
                cmocka_unit_test(redundancy_goes_to_those_who_take_it),
                cmocka_unit_test(redundancy_within_redundancy_is_as_good_as_lost),
                cmocka_unit_test(lossy_line_gets_redundant_sound_by_itself),
                cmocka_unit_test(voice_without_redundancy_is_said_again_on_a_lossy_line),
                cmocka_unit_test(audio_is_not_repeated_over_a_long_way),
                cmocka_unit_test(repeated_audio_is_byte_identical_across_switches),
                cmocka_unit_test(reordered_upstream_loses_nothing),
                cmocka_unit_test(switching_under_loss_leaves_no_hole),
                cmocka_unit_test(remb_limits_layer),
                cmocka_unit_test(low_priority_goes_first_when_the_line_is_narrow),
                cmocka_unit_test(full_batch_is_a_loss_like_any_other),
                cmocka_unit_test(losses_of_the_lines_own_take_no_layer),
                cmocka_unit_test(a_test_of_losses_takes_frames_where_there_are_many),
                cmocka_unit_test(a_test_of_losses_takes_no_spatial_layer),
                cmocka_unit_test(a_test_of_losses_takes_no_picture_and_no_voice),
                cmocka_unit_test(a_picture_that_a_policer_halves_is_no_radios),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
