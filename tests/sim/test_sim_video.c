/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/sim/sim.h"

enum { S = 1000000 };

static const struct sim_offer all = {
        .mic = true, .cam = true, .rids = true, .n_layers = 3, .n_audio = 3, .n_video = 4
};

static void assert_clean(const struct sim_rx *rx)
{
        assert_true(rx->started);
        assert_int_equal(rx->n_lost, 0);
        assert_int_equal(rx->n_duplicates, 0);
        assert_int_equal(rx->n_ts_back, 0);
        assert_int_equal(rx->n_pid_jumps, 0);
        assert_false(rx->broken);
}

/* What the events say that the first video slot shows. */
static uint32_t shown(const struct sim_peer *peer)
{
        const struct sfu_event *event = sim_last_slot_event(peer, false, 0);

        return event ? event->slot.source : 0;
}

static void two_peers_see_each_other(void **state)
{
        struct sim sim;
        struct sim_peer *a, *b;

        (void)state;
        sim_init(&sim, 1);
        a = sim_join(&sim, 1, &all);
        b = sim_join(&sim, 2, &all);
        sim_watch(a, 0, 2, SFU_CAMERA, 180, 1);
        sim_watch(b, 0, 1, SFU_CAMERA, 720, 1);
        sim_run(&sim, 5 * S);
        assert_clean(sim_video(a, 0));
        assert_clean(sim_video(b, 0));
        assert_int_equal(sim_video(a, 0)->source, 2);
        assert_int_equal(sim_video(b, 0)->source, 1);
        assert_int_equal(sim_video(a, 0)->layer, 0);
        assert_int_equal(sim_video(b, 0)->layer, 2);
        assert_true(sim_video(a, 0)->n_packets > 100);
        sim_done(&sim);
}

static void slot_seq_is_contiguous_across_source_switch(void **state)
{
        struct sim sim;
        struct sim_peer *a;

        (void)state;
        sim_init(&sim, 2);
        a = sim_join(&sim, 1, &all);
        for (uint32_t p = 2; p <= 4; p++)
                sim_join(&sim, p, &all);
        for (uint32_t i = 0; i < 12; i++) {
                sim_watch(a, 0, 2 + i % 3, SFU_CAMERA, 180 << (i % 2) * 2, 1);
                sim_run(&sim, S);
                assert_int_equal(sim_video(a, 0)->source, 2 + i % 3);
        }
        assert_clean(sim_video(a, 0));
        assert_true(sim_video(a, 0)->n_switches >= 12);
        sim_done(&sim);
}

static void picture_id_continuous(void **state)
{
        struct sim sim;
        struct sim_peer *a;

        (void)state;
        sim_init(&sim, 3);
        a = sim_join(&sim, 1, &all);
        sim_join(&sim, 2, &all);
        for (uint32_t i = 0; i < 20; i++) {
                sim_watch(a, 0, 2, SFU_CAMERA, (uint16_t)(180 << i % 3), 1);
                sim_run(&sim, S);
        }
        assert_clean(sim_video(a, 0));
        assert_true(sim_video(a, 0)->n_switches >= 15);
        sim_done(&sim);
}

static void layer_switch_waits_for_key_frame(void **state)
{
        struct sim sim;
        struct sim_peer *a, *b;

        (void)state;
        sim_init(&sim, 4);
        a = sim_join(&sim, 1, &all);
        b = sim_join(&sim, 2, &all);
        sim_watch(a, 0, 2, SFU_CAMERA, 180, 1);
        sim_run(&sim, 2 * S);
        assert_int_equal(sim_video(a, 0)->layer, 0);
        b->deaf = true;
        sim_watch(a, 0, 2, SFU_CAMERA, 720, 1);
        sim_run(&sim, 5 * S);
        /* No key frame came: the old layer goes on. */
        assert_int_equal(sim_video(a, 0)->layer, 0);
        assert_true(sim_video(a, 0)->max_gap_us < S / 5);
        b->deaf = false;
        sim_run(&sim, S);
        assert_int_equal(sim_video(a, 0)->layer, 2);
        assert_true(sim_video(a, 0)->max_gap_us < S / 5);
        assert_clean(sim_video(a, 0));
        sim_done(&sim);
}

static void late_joiner_gets_key_frame(void **state)
{
        struct sim sim;
        struct sim_peer *a, *b, *c;

        (void)state;
        sim_init(&sim, 5);
        a = sim_join(&sim, 1, &all);
        b = sim_join(&sim, 2, &all);
        sim_watch(b, 0, 1, SFU_CAMERA, 180, 1);
        sim_run(&sim, 10 * S);
        c = sim_join(&sim, 3, &all);
        sim_watch(c, 0, 1, SFU_CAMERA, 180, 1);
        sim_run(&sim, S / 4);
        assert_int_equal(sim_video(c, 0)->source, 1);
        assert_clean(sim_video(c, 0));
        assert_true(a->cam[0].n_pli >= 1);
        sim_done(&sim);
}

static void first_key_frame_is_shown_at_once(void **state)
{
        struct sim sim;
        struct sim_peer *a, *b;

        (void)state;
        sim_init(&sim, 20);
        a = sim_join(&sim, 1, &all);
        b = sim_join(&sim, 2, &all);
        sim_watch(b, 0, 1, SFU_CAMERA, 180, 1);
        sim_run(&sim, S / 10); /* a frame interval and the way there */
        assert_int_equal(sim_video(b, 0)->source, 1);
        assert_int_equal(a->cam[0].n_pli, 0); /* it needed no asking */
        assert_int_equal(sim_video(b, 0)->n_keyframes, 1);
        sim_run(&sim, S);
        assert_clean(sim_video(b, 0));
        sim_done(&sim);
}

static void pli_is_coalesced(void **state)
{
        struct sim sim;
        struct sim_peer *a, *b[5];

        (void)state;
        sim_init(&sim, 6);
        a = sim_join(&sim, 1, &all);
        for (uint32_t i = 0; i < 5; i++) {
                b[i] = sim_join(&sim, 2 + i, &all);
                sim_watch(b[i], 0, 1, SFU_CAMERA, 180, 1);
        }
        sim_run(&sim, 2 * S);
        for (int round = 0; round < 100; round++) {
                for (int i = 0; i < 5; i++)
                        sim_send_pli(b[i], 3);
                sim_run(&sim, S / 50);
        }
        for (uint32_t i = 1; i < a->cam[0].n_pli; i++)
                assert_true(a->cam[0].pli_times[i] - a->cam[0].pli_times[i - 1] >= S / 2);
        assert_in_range(a->cam[0].n_pli, 3, 9);
        sim_done(&sim);
}

static void pli_is_repeated_until_key_frame(void **state)
{
        struct sim sim;
        struct sim_peer *a, *b;
        uint32_t n;

        (void)state;
        sim_init(&sim, 7);
        a = sim_join(&sim, 1, &all);
        b = sim_join(&sim, 2, &all);
        sim_watch(b, 0, 1, SFU_CAMERA, 180, 1);
        sim_run(&sim, 2 * S);
        a->deaf = true;
        n = a->cam[0].n_pli;
        sim_send_pli(b, 3);
        sim_run(&sim, 3 * S);
        assert_in_range(a->cam[0].n_pli - n, 5, 7);
        a->deaf = false;
        sim_run(&sim, S);
        n = a->cam[0].n_pli;
        sim_run(&sim, 3 * S);
        assert_int_equal(a->cam[0].n_pli, n);
        sim_done(&sim);
}

static void muted_kind_is_not_forwarded(void **state)
{
        struct sim sim;
        struct sim_peer *a, *b;
        uint32_t n;

        (void)state;
        sim_init(&sim, 8);
        a = sim_join(&sim, 1, &all);
        b = sim_join(&sim, 2, &all);
        sim_watch(b, 0, 1, SFU_CAMERA, 180, 1);
        a->ignores_wanted = true; /* a client that goes on sending */
        sim_run(&sim, 2 * S);
        assert_int_equal(shown(b), 1);
        sim_mute(a, SFU_CAMERA, true);
        assert_int_equal(shown(b), 0);
        sim_run(&sim, S / 10);
        n = sim_video(b, 0)->n_packets;
        sim_run(&sim, 2 * S);
        assert_int_equal(sim_video(b, 0)->n_packets, n);
        sim_mute(a, SFU_CAMERA, false);
        sim_run(&sim, S);
        assert_true(sim_video(b, 0)->n_packets > n);
        assert_int_equal(shown(b), 1);
        assert_clean(sim_video(b, 0));
        sim_done(&sim);
}

static void unwatched_camera_is_paused(void **state)
{
        struct sim sim;
        struct sim_peer *a, *b;
        uint32_t n;

        (void)state;
        sim_init(&sim, 9);
        a = sim_join(&sim, 1, &all);
        assert_false(sim_last_event(a, SFU_EV_WANTED)->wanted.wanted);
        sim_run(&sim, S);
        assert_int_equal(a->cam[0].n_frames, 0);
        b = sim_join(&sim, 2, &all);
        sim_watch(b, 0, 1, SFU_CAMERA, 180, 1);
        assert_true(sim_last_event(a, SFU_EV_WANTED)->wanted.wanted);
        sim_run(&sim, S / 2);
        assert_int_equal(sim_video(b, 0)->source, 1);
        sim_watch(b, 0, 0, SFU_CAMERA, 180, 1);
        sim_run(&sim, 4 * S);
        assert_true(sim_last_event(a, SFU_EV_WANTED)->wanted.wanted); /* grace */
        sim_run(&sim, 3 * S);
        assert_false(sim_last_event(a, SFU_EV_WANTED)->wanted.wanted);
        n = a->cam[0].n_frames;
        sim_run(&sim, 2 * S);
        assert_int_equal(a->cam[0].n_frames, n);
        sim_watch(b, 0, 1, SFU_CAMERA, 180, 1);
        assert_true(sim_last_event(a, SFU_EV_WANTED)->wanted.wanted);
        sim_run(&sim, S / 2);
        assert_clean(sim_video(b, 0));
        assert_true(a->cam[0].n_frames > n);
        sim_done(&sim);
}

static void stopped_layer_falls_to_a_flowing_one(void **state)
{
        struct sim sim;
        struct sim_peer *a, *b;

        (void)state;
        sim_init(&sim, 10);
        a = sim_join(&sim, 1, &all);
        b = sim_join(&sim, 2, &all);
        sim_watch(b, 0, 1, SFU_CAMERA, 720, 1);
        sim_run(&sim, 2 * S);
        assert_int_equal(sim_video(b, 0)->layer, 2);
        a->cam[2].on = false;
        sim_run(&sim, 2 * S);
        assert_int_equal(sim_video(b, 0)->layer, 1);
        assert_true(sim_video(b, 0)->max_gap_us < 3 * S / 2);
        a->cam[2].on = a->cam[2].key_due = true;
        sim_run(&sim, 2 * S);
        assert_int_equal(sim_video(b, 0)->layer, 2);
        assert_clean(sim_video(b, 0));
        sim_done(&sim);
}

/* Behind a key frame an encoder may rest; who says goodbye does not. */
static void layer_that_says_goodbye_is_replaced_at_once(void **state)
{
        struct sim sim;
        struct sim_peer *a, *b;
        uint8_t buf[32];
        struct wr w = wr_init(buf, sizeof(buf));

        (void)state;
        sim_init(&sim, 42);
        a = sim_join(&sim, 1, &all);
        b = sim_join(&sim, 2, &all);
        sim_watch(b, 0, 1, SFU_CAMERA, 720, 1);
        sim_run(&sim, 2 * S);
        a->cam[2].key_due = true;
        sim_run(&sim, S / 5);
        assert_int_equal(sim_video(b, 0)->layer, 2);
        a->cam[2].on = false;
        sim_run(&sim, S / 10);
        rtcp_write_bye(&w, &a->cam[2].ssrc, 1);
        sim_send_rtcp(a, buf, wr_len(&w));
        sim_run(&sim, 3 * S / 2);
        assert_int_equal(sim_video(b, 0)->layer, 1);
        assert_clean(sim_video(b, 0));
        sim_done(&sim);
}

static void layer_that_nobody_watches_is_stopped_until_somebody_does(void **state)
{
        struct sim sim;
        struct sim_peer *a, *b;
        uint32_t n;

        (void)state;
        sim_init(&sim, 40);
        a = sim_join(&sim, 1, &all);
        b = sim_join(&sim, 2, &all);
        sim_watch(b, 0, 1, SFU_CAMERA, 180, 1);
        sim_run(&sim, 7 * S);
        assert_int_equal(a->layers, 1);
        n = a->cam[2].n_frames;
        sim_run(&sim, S);
        assert_int_equal(a->cam[2].n_frames, n);
        sim_watch(b, 0, 1, SFU_CAMERA, 720, 1);
        sim_run(&sim, S / 2);
        assert_int_equal(sim_video(b, 0)->layer, 2);
        assert_true(sim_video(b, 0)->max_gap_us < S / 2);
        sim_run(&sim, 6 * S);
        assert_int_equal(a->layers, 5); /* the lowest stays, for who comes */
        assert_clean(sim_video(b, 0));
        sim_done(&sim);
}

/* Her line or her machine is too weak for it. */
static void layer_that_does_not_come_is_not_asked_for_again_at_once(void **state)
{
        struct sim sim;
        struct sim_peer *a, *b;

        (void)state;
        sim_init(&sim, 41);
        a = sim_join(&sim, 1, &all);
        b = sim_join(&sim, 2, &all);
        sim_watch(b, 0, 1, SFU_CAMERA, 180, 1);
        sim_run(&sim, 7 * S);
        a->cam[2].on = false;
        sim_watch(b, 0, 1, SFU_CAMERA, 720, 1);
        sim_run(&sim, S / 10);
        assert_int_equal(a->layers, 5);
        sim_run(&sim, 10 * S);
        assert_int_equal(sim_video(b, 0)->layer, 1);
        assert_int_equal(a->layers, 3);
        for (int i = 0; i < 10; i++) {
                sim_run(&sim, S);
                assert_int_equal(a->layers, 3);
        }
        a->cam[2].on = true;
        sim_run(&sim, 30 * S);
        assert_int_equal(sim_video(b, 0)->layer, 2);
        assert_true(sim_video(b, 0)->max_gap_us < S);
        sim_done(&sim);
}

static void source_that_leaves_frees_the_slot(void **state)
{
        struct sim sim;
        struct sim_peer *a, *b;

        (void)state;
        sim_init(&sim, 11);
        a = sim_join(&sim, 1, &all);
        b = sim_join(&sim, 2, &all);
        sim_watch(b, 0, 1, SFU_CAMERA, 720, 1);
        sim_run(&sim, 2 * S);
        sim_leave(&sim, a);
        assert_int_equal(shown(b), 0);
        sim_run(&sim, S);
        sim_join(&sim, 1, &all); /* the same seat, another connection */
        sim_run(&sim, S);
        assert_int_equal(shown(b), 1);
        assert_clean(sim_video(b, 0));
        sim_done(&sim);
}

/* She mutes her camera and leaves in one go, while a viewer still waits for her key
 * frame and has another target already. */
static void source_that_leaves_while_it_is_waited_for(void **state)
{
        struct sim sim;
        struct sim_peer *x, *viewer, *other;

        (void)state;
        sim_init(&sim, 42);
        x = sim_join(&sim, 1, &all);
        sim_join(&sim, 2, &all);
        viewer = sim_join(&sim, 3, &all);
        other = sim_join(&sim, 4, &all);
        sim_watch(other, 0, 1, SFU_CAMERA, 180, 1);
        sim_run(&sim, 2 * S);
        x->deaf = true;
        sim_watch(viewer, 0, SFU_ACTIVE_SPEAKER, SFU_CAMERA, 180, 1);
        sim_run(&sim, S / 10);
        assert_int_equal(shown(viewer), 0);
        media_peer_set_muted(x->media, SFU_CAMERA, true, sim.now_us);
        sim_leave(&sim, x);
        sim_run(&sim, S);
        assert_true(shown(viewer) == 2 || shown(viewer) == 4); /* whoever is left */
        sim_done(&sim);
}

static void source_that_never_comes_ends_the_old_one(void **state)
{
        struct sim sim;
        struct sim_peer *a, *c;

        (void)state;
        sim_init(&sim, 12);
        a = sim_join(&sim, 1, &all);
        sim_join(&sim, 2, &all);
        c = sim_join(&sim, 3, &all);
        c->cam[0].on = c->cam[1].on = c->cam[2].on = false;
        sim_watch(a, 0, 2, SFU_CAMERA, 180, 1);
        sim_run(&sim, 2 * S);
        sim_watch(a, 0, 3, SFU_CAMERA, 180, 1);
        sim_run(&sim, 2 * S);
        assert_int_equal(shown(a), 2);
        sim_run(&sim, 2 * S);
        assert_int_equal(shown(a), 0);
        sim_done(&sim);
}

static void h264_is_not_sent_to_who_cannot_decode_it(void **state)
{
        struct sim_offer h264 = all;
        struct sim sim;
        struct sim_peer *a, *b, *c;

        (void)state;
        h264.h264 = true;
        sim_init(&sim, 13);
        a = sim_join(&sim, 1, &h264);
        b = sim_join(&sim, 2, &all);
        c = sim_join(&sim, 3, &h264);
        sim_watch(b, 0, 1, SFU_CAMERA, 180, 1);
        sim_run(&sim, S);
        assert_false(sim_video(b, 0)->started);
        assert_null(sim_last_slot_event(b, false, 0));
        assert_int_equal(a->cam[0].n_frames, 0); /* and nobody asks for it */
        sim_watch(c, 0, 1, SFU_CAMERA, 720, 1);
        sim_run(&sim, S);
        assert_int_equal(sim_video(c, 0)->source, 1);
        assert_clean(sim_video(c, 0));
        sim_done(&sim);
}

static void rtx_probe_without_rid_binds_nothing(void **state)
{
        struct sim sim;
        struct sim_peer *a, *b;
        struct sfu_peer_stats stats = { 0 };

        (void)state;
        sim_init(&sim, 14);
        a = sim_join(&sim, 1, &all);
        b = sim_join(&sim, 2, &all);
        sim_send_rtx_probe(a);
        sim_run(&sim, S / 10);
        sim_watch(b, 0, 1, SFU_CAMERA, 180, 1);
        sim_run(&sim, S);
        sim_send_rtx_probe(a);
        sim_run(&sim, S);
        assert_clean(sim_video(b, 0));
        media_peer_stats(a->media, sim.now_us, &stats);
        for (size_t i = 0; i < stats.n_streams; i++)
                assert_int_not_equal(stats.streams[i].ssrc, 777);
        sim_done(&sim);
}

static void padding_is_dropped_without_a_gap(void **state)
{
        struct sim_offer plain = all;
        struct sim sim;
        struct sim_peer *a, *b;

        (void)state;
        plain.rids = false;
        plain.n_layers = 1;
        sim_init(&sim, 15);
        a = sim_join(&sim, 1, &plain);
        b = sim_join(&sim, 2, &plain);
        sim_watch(b, 0, 1, SFU_CAMERA, 180, 1);
        sim_run(&sim, S);
        for (int i = 0; i < 100; i++) {
                sim_send_padding(a, 0);
                if (i % 3 == 0)
                        sim_send_padding(a, 0);
                sim_run(&sim, S / 20);
        }
        sim_run(&sim, S);
        assert_clean(sim_video(b, 0));
        assert_int_equal(sim_video(b, 0)->n_rtx, 0);
        assert_int_equal(sim_video(b, 0)->n_packets + 134, a->cam[0].n_sent);
        sim_done(&sim);
}

static void mid_is_sent_until_the_first_report(void **state)
{
        struct sim sim;
        struct sim_peer *b;

        (void)state;
        sim_init(&sim, 16);
        sim_join(&sim, 1, &all);
        b = sim_join(&sim, 2, &all);
        b->reacts = false;
        sim_watch(b, 0, 1, SFU_CAMERA, 180, 1);
        sim_run(&sim, 3 * S);
        assert_true(sim_video(b, 0)->with_mid);
        assert_true(sim_video(b, 0)->with_send_time);
        b->reacts = true;
        sim_run(&sim, 3 * S);
        assert_false(sim_video(b, 0)->with_mid);
        assert_true(sim_video(b, 0)->with_send_time);
        sim_done(&sim);
}

static void active_speaker_view_follows_but_never_shows_the_viewer(void **state)
{
        struct sim sim;
        struct sim_peer *p[4];

        (void)state;
        sim_init(&sim, 17);
        for (uint32_t i = 0; i < 3; i++) {
                p[i] = sim_join(&sim, i + 1, &all);
                sim_watch(p[i], 0, SFU_ACTIVE_SPEAKER, SFU_CAMERA, 180, 1);
        }
        for (uint32_t i = 0; i < 3; i++) {
                for (uint32_t k = 0; k < 3; k++) {
                        p[k]->mic.level = i == k ? 30 : 110;
                        p[k]->mic.swing = i == k ? 8 : 0;
                }
                sim_run(&sim, 4 * S);
                for (uint32_t k = 0; k < 3; k++) {
                        assert_int_not_equal(sim_video(p[k], 0)->source, k + 1);
                        if (i != k)
                                assert_int_equal(sim_video(p[k], 0)->source, i + 1);
                        assert_clean(sim_video(p[k], 0));
                }
        }
        sim_done(&sim);
}

static void feedback_reaches_the_publisher(void **state)
{
        struct sim sim;
        struct sim_peer *a, *b;
        struct sfu_peer_stats stats = { 0 };

        (void)state;
        sim_init(&sim, 18);
        a = sim_join(&sim, 1, &all);
        b = sim_join(&sim, 2, &all);
        sim_watch(b, 0, 1, SFU_CAMERA, 720, 1);
        sim_run(&sim, 10 * S);
        assert_in_range(a->n_tcc, 90, 250);
        assert_true(a->max_tcc_gap_us <= 200000);
        assert_in_range(a->n_rr, 8, 12);
        media_peer_stats(b->media, sim.now_us, &stats);
        assert_in_range(stats.rtt_us, 15000, 30000);
        assert_int_equal(sim_last_event(b, SFU_EV_QUALITY)->quality.bars, 4);
        sim_video(b, 0)->report_loss = 80;
        sim_run(&sim, 3 * S);
        assert_int_equal(sim_last_event(b, SFU_EV_QUALITY)->quality.bars, 0);
        sim_done(&sim);
}

static void silent_room_needs_no_timer(void **state)
{
        struct sim sim;
        struct sim_peer *a, *b;

        (void)state;
        sim_init(&sim, 19);
        a = sim_join(&sim, 1, &all);
        b = sim_join(&sim, 2, &all);
        a->mic.on = b->mic.on = a->reacts = b->reacts = false;
        sim_run(&sim, 10 * S);
        assert_true(media_room_deadline_us(sim.room) >= sim.now_us + S);
        sim_done(&sim);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(two_peers_see_each_other),
                cmocka_unit_test(slot_seq_is_contiguous_across_source_switch),
                cmocka_unit_test(picture_id_continuous),
                cmocka_unit_test(layer_switch_waits_for_key_frame),
                cmocka_unit_test(late_joiner_gets_key_frame),
                cmocka_unit_test(first_key_frame_is_shown_at_once),
                cmocka_unit_test(pli_is_coalesced),
                cmocka_unit_test(pli_is_repeated_until_key_frame),
                cmocka_unit_test(muted_kind_is_not_forwarded),
                cmocka_unit_test(unwatched_camera_is_paused),
                cmocka_unit_test(stopped_layer_falls_to_a_flowing_one),
                cmocka_unit_test(layer_that_says_goodbye_is_replaced_at_once),
                cmocka_unit_test(layer_that_nobody_watches_is_stopped_until_somebody_does),
                cmocka_unit_test(layer_that_does_not_come_is_not_asked_for_again_at_once),
                cmocka_unit_test(source_that_leaves_frees_the_slot),
                cmocka_unit_test(source_that_leaves_while_it_is_waited_for),
                cmocka_unit_test(source_that_never_comes_ends_the_old_one),
                cmocka_unit_test(h264_is_not_sent_to_who_cannot_decode_it),
                cmocka_unit_test(rtx_probe_without_rid_binds_nothing),
                cmocka_unit_test(padding_is_dropped_without_a_gap),
                cmocka_unit_test(mid_is_sent_until_the_first_report),
                cmocka_unit_test(active_speaker_view_follows_but_never_shows_the_viewer),
                cmocka_unit_test(feedback_reaches_the_publisher),
                cmocka_unit_test(silent_room_needs_no_timer),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
