/* SPDX-License-Identifier: Apache-2.0 */
/* What receivers get of a room over lines of their own. */
#include "sfu/core/cc.h"
#include "sfu/wire/rtcp_tcc.h"
#include "tests/sim/sim_priv.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

enum { S = 1000 * 1000, KBIT = 1000, MBIT = 1000 * 1000, BEGIN_US = 1000 * S };

/* Speaks, and sends layers of 200, 600 and 1,200 kbit/s. */
static struct sim_peer *add_sender(struct sim *sim, uint32_t participant)
{
        const struct sim_offer offer = { .mic = true, .cam = true, .n_layers = 3, .rids = true };
        struct sim_peer *peer = sim_join(sim, participant, &offer);

        peer->mic.level = 30;
        peer->voice_bytes = 60;
        peer->picture_bytes = 1000;
        return peer;
}

static struct sim_peer *add_receiver(struct sim *sim, uint32_t participant, int n_video)
{
        const struct sim_offer offer = {
                .mic = true, .n_audio = 3, .n_video = n_video, .reports = true
        };

        return sim_join(sim, participant, &offer);
}

/* A queue of 300 ms and ten packets; two steps of the rate at most. */
static void set_line(struct sim_peer *peer, uint64_t bps, int64_t at_us, uint64_t later_bps)
{
        const struct link_config config = {
                .steps = { { 0, bps, 20 * 1000 }, { at_us, later_bps, 20 * 1000 } },
                .queue_bytes = (uint32_t)((later_bps ? later_bps : bps) / 8 * 3 / 10) + 15000,
        };

        peer->line = link_free(peer->line);
        assert_int_equal(link_new(&peer->line, &config, 1), 0);
}

static uint64_t rate_over(struct sim *sim, struct sim_peer *peer, int64_t for_us)
{
        uint64_t before = peer->n_bytes_sent;

        sim_run(sim, for_us);
        return (peer->n_bytes_sent - before) * 8 * S / (uint64_t)for_us;
}

static bool sees(const struct sim_peer *peer, size_t nth)
{
        const struct sim_rx *rx = sim_video((struct sim_peer *)peer, nth);

        return rx->started && peer->sim->now_us - rx->last_us < S / 2;
}

static int layer_of(struct sim_peer *peer, size_t nth)
{
        return sees(peer, nth) ? sim_video(peer, nth)->layer : -1;
}

static enum sfu_carries told(const struct sim_peer *peer)
{
        const struct sfu_event *event = sim_last_event(peer, SFU_EV_QUALITY);

        return event ? event->quality.carries : SFU_CARRIES_ALL;
}

/* Runs until the slot shows the layer; how long that took, or -1. */
static int64_t until_layer(struct sim *sim, struct sim_peer *peer, size_t nth, int layer,
                           int64_t patience_us)
{
        int64_t since_us = sim->now_us;

        while (layer_of(peer, nth) != layer) {
                if (sim->now_us - since_us > patience_us)
                        return -1;
                sim_run(sim, S / 20);
        }
        return sim->now_us - since_us;
}

static void a_wide_line_is_found_within_seconds(void **state)
{
        struct sim sim;
        struct sim_peer *b;
        int64_t took_us;

        (void)state;
        sim_init(&sim, 1);
        add_sender(&sim, 1);
        sim_run(&sim, 3 * S);
        b = add_receiver(&sim, 2, 4);
        set_line(b, 10 * MBIT, 0, 0);
        sim_watch(b, 0, 1, SFU_CAMERA, 720, 1);
        took_us = until_layer(&sim, b, 0, 2, 5 * S);
        print_message("figure: full picture over 10 Mbit/s after %lld ms\n",
                      (long long)(took_us / 1000));
        assert_true(took_us >= 0);
        sim_run(&sim, 5 * S);
        assert_int_equal(told(b), SFU_CARRIES_ALL);
        assert_int_equal(sim_video(b, 0)->n_lost, 0);
        sim_done(&sim);
}

static void numbers_run_over_all_that_leaves(void **state)
{
        struct sim sim;
        struct sim_peer *b;

        (void)state;
        sim_init(&sim, 2);
        for (uint32_t i = 1; i <= 3; i++)
                add_sender(&sim, i);
        b = add_receiver(&sim, 4, 3);
        set_line(b, 20 * MBIT, 0, 0);
        b->down.loss_permille = 20;
        for (uint8_t i = 0; i < 3; i++)
                sim_watch(b, i, i + 1u, SFU_CAMERA, 720, 1);
        sim_run(&sim, 20 * S);
        assert_true(b->n_numbers > 1000);
        assert_int_equal(b->n_number_gaps, 0);
        assert_int_equal(b->n_changed_repeats, 0);
        assert_true(sim_video(b, 0)->n_rtx > 10);
        assert_false(sim_video(b, 0)->with_send_time);
        sim_done(&sim);
}

static void a_step_down_is_followed_and_a_step_up_found(void **state)
{
        struct sim sim;
        struct sim_peer *b;
        struct sim_rx *rx;
        int64_t took_us;
        uint64_t bps;

        (void)state;
        sim_init(&sim, 3);
        add_sender(&sim, 1);
        b = add_receiver(&sim, 2, 4);
        rx = sim_video(b, 0);
        set_line(b, 3 * MBIT, BEGIN_US + 15 * S, 500 * KBIT);
        sim_watch(b, 0, 1, SFU_CAMERA, 720, 1);
        sim_run(&sim, 15 * S);
        assert_int_equal(layer_of(b, 0), 2);
        rx->max_gap_us = 0;
        sim_run(&sim, 3 * S / 2);
        bps = rate_over(&sim, b, S);
        print_message("figure: %llu kbit/s 1.5 to 2.5 s after a step from 3 Mbit/s to 500 kbit/s, "
                      "longest gap %lld ms\n",
                      (unsigned long long)(bps / 1000), (long long)(rx->max_gap_us / 1000));
        assert_true(bps < 500 * KBIT);
        sim_run(&sim, 12 * S);
        assert_true(sees(b, 0));
        assert_true(rx->max_gap_us < S);
        assert_int_equal(told(b), SFU_CARRIES_REDUCED);
        set_line(b, 3 * MBIT, 0, 0);
        took_us = until_layer(&sim, b, 0, 2, 8 * S);
        print_message("figure: full picture %lld ms after the step up\n",
                      (long long)(took_us / 1000));
        assert_true(took_us >= 0);
        sim_done(&sim);
}

/* Her machine stopped the smallest layer, and the next one takes long to start. What flows
 * meanwhile is the biggest, for which the line has no room any more. */
static void a_line_that_falls_waits_for_a_layer_that_was_stopped(void **state)
{
        struct sim sim;
        struct sim_peer *a, *b;
        uint32_t keyframes;

        (void)state;
        sim_init(&sim, 15);
        a = add_sender(&sim, 1);
        b = add_receiver(&sim, 2, 1);
        set_line(b, 3 * MBIT, BEGIN_US + 15 * S, 900 * KBIT);
        sim_watch(b, 0, 1, SFU_CAMERA, 720, 1);
        sim_run(&sim, 10 * S);
        a->cam[0].on = a->cam[1].on = false;
        sim_run(&sim, 5 * S);
        assert_int_equal(layer_of(b, 0), 2);
        keyframes = sim_video(b, 0)->n_keyframes;
        sim_run(&sim, 13 * S / 10);
        a->cam[1].on = a->cam[1].key_due = true;
        sim_run(&sim, 2 * S);
        assert_int_equal(layer_of(b, 0), 1);
        assert_int_equal(sim_video(b, 0)->n_keyframes - keyframes, 1);
        sim_done(&sim);
}

/* Key frames of the smallest layer are ten packets: half of what the queue takes. */
static void pictures_on_a_line_that_falls_come_back_one_after_the_other(void **state)
{
        struct sim sim;
        struct sim_peer *senders[2], *b;
        uint32_t keyframes[2];

        (void)state;
        sim_init(&sim, 12);
        for (uint32_t i = 0; i < 2; i++) {
                senders[i] = add_sender(&sim, i + 1);
                senders[i]->cam[0].key_packets = 10;
        }
        b = add_receiver(&sim, 3, 2);
        set_line(b, 3500 * KBIT, BEGIN_US + 15 * S, 800 * KBIT);
        for (uint8_t i = 0; i < 2; i++)
                sim_watch(b, i, i + 1u, SFU_CAMERA, 720, i);
        sim_run(&sim, 15 * S);
        assert_true(layer_of(b, 0) > 0 && layer_of(b, 1) > 0);
        for (size_t i = 0; i < 2; i++) {
                sim_video(b, i)->max_gap_us = 0;
                keyframes[i] = sim_video(b, i)->n_keyframes;
        }
        sim_run(&sim, 10 * S);
        print_message(
                "figure: two pictures, 3.5 Mbit/s to 800 kbit/s: pauses of %lld and %lld ms\n",
                (long long)(sim_video(b, 0)->max_gap_us / 1000),
                (long long)(sim_video(b, 1)->max_gap_us / 1000));
        for (size_t i = 0; i < 2; i++) {
                assert_true(sees(b, i));
                assert_int_equal(sim_video(b, i)->n_keyframes - keyframes[i], 1);
                assert_true(sim_video(b, i)->max_gap_us < S);
        }
        assert_true(sim_video(b, 1)->max_gap_us <= sim_video(b, 0)->max_gap_us);
        sim_done(&sim);
}

/* Some of what waits in a full queue is lost, and what follows hangs on it: fewer frames of
 * a large picture would fit, but could not be shown. */
static void a_line_that_falls_goes_on_with_whole_small_pictures(void **state)
{
        struct sim sim;
        struct sim_peer *b;

        (void)state;
        sim_init(&sim, 14);
        for (uint32_t i = 0; i < 2; i++) {
                struct sim_peer *sender = add_sender(&sim, i + 1);

                for (size_t layer = 0; layer < 3; layer++)
                        sender->cam[layer].temporal = true;
        }
        b = add_receiver(&sim, 3, 2);
        set_line(b, 3 * MBIT, BEGIN_US + 15 * S, 1050 * KBIT);
        for (uint8_t i = 0; i < 2; i++)
                sim_watch(b, i, i + 1u, SFU_CAMERA, 720, i);
        sim_run(&sim, 15 * S);
        assert_true(layer_of(b, 0) == 2 && layer_of(b, 1) == 2);
        for (size_t i = 0; i < 2; i++)
                sim_video(b, i)->max_gap_us = 0;
        sim_run(&sim, S);
        for (size_t i = 0; i < 2; i++) {
                print_message("figure: picture %zu: layer %d, pause of %lld ms\n", i + 1,
                              layer_of(b, i), (long long)(sim_video(b, i)->max_gap_us / 1000));
                assert_in_range(layer_of(b, i), 0, 1);
        }
        sim_done(&sim);
}

static void at_64_kbits_the_voice_stays_and_the_picture_comes_back(void **state)
{
        struct sim sim;
        struct sim_peer *a, *b;
        struct sim_rx *voice;
        uint32_t before, lost;
        int64_t took_us;

        (void)state;
        sim_init(&sim, 4);
        a = add_sender(&sim, 1);
        b = add_receiver(&sim, 2, 4);
        voice = &b->rx[0];
        set_line(b, 3 * MBIT, BEGIN_US + 10 * S, 64 * KBIT);
        sim_watch(b, 0, 1, SFU_CAMERA, 720, 1);
        sim_run(&sim, 10 * S);
        sim_run(&sim, 6 * S);
        before = voice->n_packets;
        lost = voice->n_lost;
        sim_run(&sim, 20 * S);
        print_message("figure: at 64 kbit/s %u packets of sound in 20 s, %u lost\n",
                      voice->n_packets - before, voice->n_lost - lost);
        assert_true(voice->n_packets - before > 980);
        assert_false(sees(b, 0));
        assert_int_equal(told(b), SFU_CARRIES_SOUND);
        assert_true(sim_last_event(b, SFU_EV_QUALITY)->quality.line_bps < 80 * KBIT);
        assert_true(a->wanted[SFU_CAMERA]); /* so that it can come back at once */
        set_line(b, 3 * MBIT, 0, 0);
        took_us = until_layer(&sim, b, 0, 2, 20 * S);
        print_message("figure: full picture %lld ms after 64 kbit/s became 3 Mbit/s\n",
                      (long long)(took_us / 1000));
        assert_true(took_us >= 0);
        sim_run(&sim, 5 * S);
        assert_int_equal(told(b), SFU_CARRIES_ALL);
        sim_done(&sim);
}

/* A line of 64 kbit/s has no room for repeats, nor for reports about what she sends. */
static void a_voice_has_a_narrow_line_to_itself(void **state)
{
        struct sim sim;
        struct sim_peer *b;
        uint32_t packets, lost, duplicates, rtx, tcc;

        (void)state;
        sim_init(&sim, 13);
        for (uint32_t i = 1; i <= 2; i++)
                add_sender(&sim, i);
        b = sim_join(&sim, 3,
                     &(struct sim_offer){ .mic = true,
                                          .cam = true,
                                          .n_audio = 3,
                                          .n_video = 2,
                                          .n_layers = 1,
                                          .reports = true });
        b->reacts = true;
        set_line(b, 30 * MBIT, BEGIN_US + 15 * S, 64 * KBIT); /* nothing is lost before */
        for (uint8_t i = 0; i < 2; i++)
                sim_watch(b, i, i + 1u, SFU_CAMERA, 720, i);
        sim_run(&sim, 15 * S);
        sim_run(&sim, S); /* the queue is full of pictures */
        duplicates = b->rx[0].n_duplicates + b->rx[1].n_duplicates;
        rtx = sim_video(b, 0)->n_rtx + sim_video(b, 1)->n_rtx;
        sim_run(&sim, 3 * S); /* it is gone */
        packets = b->rx[0].n_packets + b->rx[1].n_packets;
        lost = b->rx[0].n_lost + b->rx[1].n_lost;
        tcc = b->n_tcc;
        sim_run(&sim, 3 * S);
        assert_true(b->rx[0].n_packets + b->rx[1].n_packets - packets > 140);
        assert_int_equal(b->rx[0].n_lost + b->rx[1].n_lost, lost);
        assert_int_equal(b->rx[0].n_duplicates + b->rx[1].n_duplicates, duplicates);
        assert_int_equal(sim_video(b, 0)->n_rtx + sim_video(b, 1)->n_rtx, rtx);
        assert_in_range(b->n_tcc - tcc, 6, 16);
        assert_int_equal(told(b), SFU_CARRIES_SOUND);
        sim_done(&sim);
}

/* Encoders that made a key frame of a hard picture send nothing for more than a second. */
static void an_encoder_that_rests_behind_a_key_frame_is_waited_for(void **state)
{
        struct sim sim;
        struct sim_peer *a, *b;
        uint32_t switches;

        (void)state;
        sim_init(&sim, 14);
        a = add_sender(&sim, 1);
        b = add_receiver(&sim, 2, 2);
        set_line(b, 3 * MBIT, BEGIN_US + 15 * S, 500 * KBIT);
        sim_watch(b, 0, 1, SFU_CAMERA, 720, 1);
        sim_run(&sim, 15 * S);
        assert_int_equal(layer_of(b, 0), 2);
        assert_true(until_layer(&sim, b, 0, 0, 2 * S) >= 0);
        sim_run(&sim, S / 10);
        switches = sim_video(b, 0)->n_switches;
        a->cam[0].on = false;
        sim_run(&sim, 3 * S / 2);
        a->cam[0].on = true;
        sim_run(&sim, S / 2);
        assert_int_equal(layer_of(b, 0), 0);
        assert_int_equal(sim_video(b, 0)->n_switches, switches);
        sim_done(&sim);
}

static void the_loudest_is_heard_where_three_are_too_many(void **state)
{
        struct sim sim;
        struct sim_peer *talkers[3], *b;

        (void)state;
        sim_init(&sim, 5);
        for (uint32_t i = 0; i < 3; i++) {
                talkers[i] = add_sender(&sim, i + 1);
                talkers[i]->mic.level = 40;
        }
        talkers[1]->mic.level = 20;
        b = add_receiver(&sim, 4, 4);
        set_line(b, 64 * KBIT, 0, 0);
        sim_run(&sim, 20 * S);
        assert_true(sim_hears(b, 2));
        assert_false(sim_hears(b, 1) && sim_hears(b, 3));
        set_line(b, 2 * MBIT, 0, 0);
        sim_run(&sim, 20 * S);
        assert_true(sim_hears(b, 1) && sim_hears(b, 2) && sim_hears(b, 3));
        sim_done(&sim);
}

static void a_steady_line_does_not_flap(void **state)
{
        (void)state;
        for (uint64_t bps = 300 * KBIT; bps < 5 * MBIT; bps = bps * 8 / 5) {
                struct sim sim;
                struct sim_peer *b;

                sim_init(&sim, 6);
                for (uint32_t i = 1; i <= 4; i++)
                        add_sender(&sim, i);
                b = add_receiver(&sim, 9, 4);
                set_line(b, bps, 0, 0);
                for (uint8_t i = 0; i < 4; i++)
                        sim_watch(b, i, i + 1u, SFU_CAMERA, 720, i);
                sim_run(&sim, 20 * S);
                for (int window = 0; window < 6; window++) {
                        uint32_t switches[4];

                        for (size_t i = 0; i < 4; i++)
                                switches[i] = sim_video(b, i)->n_switches;
                        sim_run(&sim, 10 * S);
                        for (size_t i = 0; i < 4; i++)
                                assert_in_range(sim_video(b, i)->n_switches - switches[i], 0, 2);
                }
                print_message("figure: %llu kbit/s: layers %d %d %d %d\n",
                              (unsigned long long)(bps / 1000), layer_of(b, 0), layer_of(b, 1),
                              layer_of(b, 2), layer_of(b, 3));
                sim_done(&sim);
        }
}

static void one_bad_receiver_lowers_nobody_else(void **state)
{
        struct sim sim;
        struct sim_peer *a, *good, *bad;
        uint32_t switches, pli;

        (void)state;
        sim_init(&sim, 7);
        a = add_sender(&sim, 1);
        good = add_receiver(&sim, 2, 4);
        bad = add_receiver(&sim, 3, 4);
        set_line(good, 10 * MBIT, 0, 0);
        set_line(bad, 10 * MBIT, BEGIN_US + 10 * S, 100 * KBIT);
        sim_watch(good, 0, 1, SFU_CAMERA, 720, 1);
        sim_watch(bad, 0, 1, SFU_CAMERA, 720, 1);
        sim_run(&sim, 9 * S);
        switches = sim_video(good, 0)->n_switches;
        sim_video(good, 0)->max_gap_us = 0;
        pli = a->cam[2].n_pli;
        sim_run(&sim, 30 * S);
        assert_int_equal(layer_of(good, 0), 2);
        assert_int_equal(sim_video(good, 0)->n_switches, switches);
        assert_true(sim_video(good, 0)->max_gap_us < S / 5);
        assert_int_equal(a->cam[2].n_pli, pli);
        assert_true(layer_of(bad, 0) <= 0);
        sim_done(&sim);
}

static void a_line_is_remembered_when_its_owner_comes_back(void **state)
{
        const struct sim_offer view = { .n_audio = 3, .n_video = 4, .reports = true };
        struct sim sim;
        struct sim_peer *b;
        struct sfu_peer_stats stats = { 0 };

        (void)state;
        sim_init(&sim, 8);
        add_sender(&sim, 1);
        b = sim_join_on(&sim, 0, 2, &view);
        set_line(b, 10 * MBIT, 0, 0);
        sim_watch(b, 0, 1, SFU_CAMERA, 720, 1);
        sim_run(&sim, 10 * S);
        sim_leave(&sim, b);
        sim_run(&sim, 20 * S);
        b = sim_join_on(&sim, 0, 2, &view);
        set_line(b, 10 * MBIT, 0, 0);
        sim_run(&sim, S / 20);
        media_peer_stats(b->media, sim.now_us, &stats);
        assert_true(stats.line_bps > MBIT);
        sim_leave(&sim, b);
        sim_run(&sim, 600 * S);
        b = sim_join_on(&sim, 0, 2, &view);
        sim_run(&sim, S / 20);
        media_peer_stats(b->media, sim.now_us, &stats);
        assert_int_equal(stats.line_bps, CC_START_BPS); /* that was too long ago */
        sim_done(&sim);
}

static void feedback_of_rfc_8888_does_as_well(void **state)
{
        const struct sim_offer offer = { .n_audio = 3, .n_video = 2, .ccfb = true };
        struct sim sim;
        struct sim_peer *b;

        (void)state;
        sim_init(&sim, 11);
        add_sender(&sim, 1);
        sim_run(&sim, 3 * S);
        b = sim_join(&sim, 2, &offer);
        set_line(b, 3 * MBIT, BEGIN_US + 20 * S, 500 * KBIT);
        sim_watch(b, 0, 1, SFU_CAMERA, 720, 1);
        assert_true(until_layer(&sim, b, 0, 2, 5 * S) >= 0);
        sim_run(&sim, 10 * S);
        assert_int_equal(layer_of(b, 0), 2);
        assert_int_equal(b->n_numbers, 0);
        sim_run(&sim, 10 * S);
        assert_true(sees(b, 0));
        assert_true(rate_over(&sim, b, 5 * S) < 500 * KBIT);
        set_line(b, 3 * MBIT, 0, 0);
        assert_true(until_layer(&sim, b, 0, 2, 8 * S) >= 0);
        sim_done(&sim);
}

/* No RTX, so nothing to probe with: what was asked for is sent until it is too much. */
static void a_receiver_without_rtx_gets_its_picture(void **state)
{
        const struct sim_offer offer = {
                .n_audio = 3, .n_video = 1, .reports = true, .no_rtx = true
        };
        struct sim sim;
        struct sim_peer *b;

        (void)state;
        sim_init(&sim, 9);
        add_sender(&sim, 1);
        b = sim_join(&sim, 2, &offer);
        set_line(b, 5 * MBIT, BEGIN_US + 10 * S, 500 * KBIT);
        sim_watch(b, 0, 1, SFU_CAMERA, 720, 1);
        sim_run(&sim, 5 * S);
        assert_int_equal(layer_of(b, 0), 2);
        sim_run(&sim, 15 * S);
        assert_true(layer_of(b, 0) < 2);
        assert_true(rate_over(&sim, b, 5 * S) < 600 * KBIT);
        sim_done(&sim);
}

/* It promised feedback and sends receiver reports only. */
static void who_never_reports_on_numbers_is_limited_by_remb_or_nothing(void **state)
{
        struct sim sim;
        struct sim_peer *b, *c;
        struct sfu_peer_stats stats = { 0 };

        (void)state;
        sim_init(&sim, 11);
        add_sender(&sim, 1);
        b = add_receiver(&sim, 2, 1);
        c = add_receiver(&sim, 3, 1);
        b->no_feedback = c->no_feedback = true;
        b->down.loss_permille = 20;
        c->remb_bps = 400 * KBIT;
        sim_watch(b, 0, 1, SFU_CAMERA, 720, 1);
        sim_watch(c, 0, 1, SFU_CAMERA, 720, 1);
        sim_run(&sim, 8 * S);
        print_message("figure: picture to who reports on no number: longest gap %lld ms\n",
                      (long long)(sim_video(b, 0)->max_gap_us / 1000));
        assert_int_equal(layer_of(b, 0), 2);
        sim_run(&sim, 30 * S);
        assert_int_equal(layer_of(b, 0), 2);
        assert_int_equal(b->n_changed_repeats, 0);
        assert_int_equal(layer_of(c, 0), 0);
        sim_leave(&sim, b); /* what was never measured is not remembered */
        b = add_receiver(&sim, 2, 1);
        sim_watch(b, 0, 1, SFU_CAMERA, 720, 1);
        sim_run(&sim, S / 20);
        media_peer_stats(b->media, sim.now_us, &stats);
        assert_int_equal(stats.line_bps, CC_START_BPS);
        sim_done(&sim);
}

static void a_line_that_carries_no_reports_at_all_stays_cut(void **state)
{
        struct sim sim;
        struct sim_peer *b;

        (void)state;
        sim_init(&sim, 12);
        add_sender(&sim, 1);
        b = add_receiver(&sim, 2, 1);
        b->reacts = false;
        sim_watch(b, 0, 1, SFU_CAMERA, 720, 1);
        sim_run(&sim, 30 * S);
        assert_true(rate_over(&sim, b, 5 * S) < 200 * KBIT);
        sim_done(&sim);
}

static void flood(struct sim_peer *peer, uint16_t first, bool lies)
{
        uint8_t buf[1200];
        struct wr w = wr_init(buf, sizeof(buf));

        for (int i = 0; lies && i < 12; i++) {
                struct rtcp_tcc tcc = { .base_seq = (uint16_t)(first + i * 1000) };
                int64_t arrivals_us[8];

                for (int k = 0; k < 8; k++)
                        arrivals_us[k] = (int64_t)(sim_random(peer->sim) % 8000000);
                (void)rtcp_write_tcc(&w, &tcc, arrivals_us, 8);
        }
        for (uint32_t slot = 0; slot < 4; slot++) {
                struct rtcp_fb fb = { .sender_ssrc = 1, .media_ssrc = SIM_SLOT_SSRC + slot };
                uint16_t seqs[100];

                for (uint16_t k = 0; k < 100; k++)
                        seqs[k] = (uint16_t)(peer->rx[slot].highest_ext - 99 + k);
                rtcp_write_nack(&w, &fb, seqs, 100);
        }
        assert_false(w.bad);
        sim_send_rtcp(peer, buf, wr_len(&w));
}

static void a_liar_draws_no_more_than_twice_its_share(void **state)
{
        struct sim sim;
        struct sim_peer *honest, *liar;
        struct sfu_counters before = { 0 }, after = { 0 };
        uint32_t n_honest, n_liar;

        (void)state;
        sim_init(&sim, 10);
        for (uint32_t i = 1; i <= 3; i++)
                add_sender(&sim, i);
        honest = add_receiver(&sim, 8, 1);
        liar = add_receiver(&sim, 9, 1);
        set_line(honest, 10 * MBIT, 0, 0);
        set_line(liar, 10 * MBIT, 0, 0);
        sim_watch(honest, 0, 1, SFU_CAMERA, 720, 1);
        sim_watch(liar, 0, 1, SFU_CAMERA, 720, 1);
        sim_run(&sim, 5 * S);
        sim_counters(&sim, &before);
        n_honest = honest->n_rtp_out;
        n_liar = liar->n_rtp_out;
        for (int ms = 0; ms < 20 * 1000; ms += 2) {
                flood(liar, (uint16_t)sim_random(&sim), ms % 4 == 0);
                sim_run(&sim, 2000);
        }
        sim_counters(&sim, &after);
        n_honest = honest->n_rtp_out - n_honest;
        n_liar = liar->n_rtp_out - n_liar;
        print_message(
                "figure: packets to an honest receiver %u, to a liar %u; reports dropped %llu\n",
                n_honest, n_liar,
                (unsigned long long)(after.feedback_dropped - before.feedback_dropped));
        assert_true(n_liar <= 2 * n_honest + 512);
        assert_true(after.feedback_dropped > before.feedback_dropped + 1000);
        assert_int_equal(layer_of(honest, 0), 2);
        sim_done(&sim);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_wide_line_is_found_within_seconds),
                cmocka_unit_test(numbers_run_over_all_that_leaves),
                cmocka_unit_test(a_step_down_is_followed_and_a_step_up_found),
                cmocka_unit_test(a_line_that_falls_waits_for_a_layer_that_was_stopped),
                cmocka_unit_test(pictures_on_a_line_that_falls_come_back_one_after_the_other),
                cmocka_unit_test(a_line_that_falls_goes_on_with_whole_small_pictures),
                cmocka_unit_test(at_64_kbits_the_voice_stays_and_the_picture_comes_back),
                cmocka_unit_test(a_voice_has_a_narrow_line_to_itself),
                cmocka_unit_test(an_encoder_that_rests_behind_a_key_frame_is_waited_for),
                cmocka_unit_test(the_loudest_is_heard_where_three_are_too_many),
                cmocka_unit_test(a_steady_line_does_not_flap),
                cmocka_unit_test(one_bad_receiver_lowers_nobody_else),
                cmocka_unit_test(a_line_is_remembered_when_its_owner_comes_back),
                cmocka_unit_test(feedback_of_rfc_8888_does_as_well),
                cmocka_unit_test(a_receiver_without_rtx_gets_its_picture),
                cmocka_unit_test(who_never_reports_on_numbers_is_limited_by_remb_or_nothing),
                cmocka_unit_test(a_line_that_carries_no_reports_at_all_stays_cut),
                cmocka_unit_test(a_liar_draws_no_more_than_twice_its_share),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
