/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/sim/sim.h"

enum { S = 1000000 };

static const struct sim_offer voice = { .mic = true, .n_audio = 3 };
static const struct sim_offer both = { .mic = true, .cam = true, .n_audio = 3, .n_video = 1 };

/* Speech: about -30 dBov with pauses; a quiet room: -75. */
static void talk(struct sim_peer *peer, bool on)
{
        peer->mic.level = on ? 30 : 75;
        peer->mic.swing = on ? 8 : 3;
        peer->mic.dips = on ? 60 : 0;
}

static void join_many(struct sim *sim, struct sim_peer **peers, uint32_t n)
{
        for (uint32_t i = 0; i < n; i++) {
                peers[i] = sim_join(sim, i + 1, &voice);
                talk(peers[i], false);
        }
}

static uint32_t speaker(const struct sim *sim)
{
        return sim->n_room_events
                       ? sim->room_events[(sim->n_room_events - 1) % SIM_MAX_EVENTS].participant
                       : 0;
}

static void nobody_hears_herself(void **state)
{
        struct sim_peer *p[6];
        struct sim sim;

        (void)state;
        sim_init(&sim, 1);
        join_many(&sim, p, 6);
        for (int i = 0; i < 4; i++)
                talk(p[i], true);
        for (int step = 0; step < 50; step++) {
                sim_run(&sim, S / 10);
                for (uint32_t i = 0; i < 6; i++)
                        assert_false(sim_hears(p[i], i + 1));
        }
        /* Each of the four who talk hears the other three. */
        for (uint32_t i = 0; i < 4; i++) {
                for (uint32_t k = 0; k < 4; k++)
                        assert_int_equal(sim_hears(p[i], k + 1), i != k);
        }
        sim_done(&sim);
}

static void loudest_three_are_heard(void **state)
{
        struct sim_peer *p[20];
        struct sim sim;
        uint32_t n_settled[3];

        (void)state;
        sim_init(&sim, 2);
        join_many(&sim, p, 20);
        sim_run(&sim, 2 * S);
        for (int i = 0; i < 3; i++)
                n_settled[i] = p[0]->rx[i].n_switches;
        talk(p[17], true);
        talk(p[11], true);
        talk(p[19], true);
        sim_run(&sim, S / 4);
        assert_true(sim_hears(p[0], 18) && sim_hears(p[0], 12) && sim_hears(p[0], 20));
        sim_run(&sim, 5 * S);
        for (size_t i = 0; i < 3; i++) {
                assert_int_equal(p[0]->rx[i].n_lost, 0);
                assert_int_equal(p[0]->rx[i].n_ts_back, 0);
                assert_int_equal(p[0]->rx[i].n_switches, n_settled[i] + 1);
        }
        sim_done(&sim);
}

/* Four microphones are open: the fourth is one too many for who listens, until it is the
 * second in loudness. */
static void who_speaks_up_beside_the_speaker_is_heard(void **state)
{
        struct sim_peer *p[5];
        struct sim sim;

        (void)state;
        sim_init(&sim, 11);
        join_many(&sim, p, 5);
        p[0]->mic.on = false;
        talk(p[1], true);
        sim_run(&sim, 5 * S);
        for (uint32_t i = 2; i < 5; i++) {
                talk(p[i], true);
                sim_run(&sim, 5 * S);
                assert_true(sim_hears(p[0], 2) && sim_hears(p[0], i + 1));
                talk(p[i], false);
                sim_run(&sim, 5 * S);
        }
        sim_done(&sim);
}

static void speaker_keeps_her_slot(void **state)
{
        struct sim_peer *p[10];
        struct sim sim;
        size_t n;

        (void)state;
        sim_init(&sim, 3);
        join_many(&sim, p, 10);
        talk(p[5], true);
        sim_run(&sim, 2 * S);
        n = sim_count_events(p[0], SFU_EV_SLOT);
        /* Others come and go in the other slots; hers does not move. */
        for (int i = 6; i < 10; i++) {
                talk(p[i], true);
                sim_run(&sim, 2 * S);
                talk(p[i], false);
        }
        for (size_t i = 0; i < 3; i++) {
                if (p[0]->rx[i].source == 6)
                        assert_int_equal(p[0]->rx[i].max_gap_us / 100000, 0);
        }
        assert_true(sim_hears(p[0], 6));
        assert_true(sim_count_events(p[0], SFU_EV_SLOT) - n <= 6);
        sim_done(&sim);
}

static void loud_claim_cannot_hold_floor(void **state)
{
        struct sim_peer *p[8];
        struct sim sim;

        (void)state;
        sim_init(&sim, 4);
        join_many(&sim, p, 8);
        for (int i = 1; i < 5; i++) { /* four who claim 0 dBov all the time */
                p[i]->mic.level = 0;
                p[i]->mic.swing = 0;
        }
        sim_run(&sim, 5 * S);
        assert_false(sim_hears(p[0], 7));
        talk(p[6], true);
        sim_run(&sim, 25 * S);
        assert_true(sim_hears(p[0], 7));
        assert_int_equal(speaker(&sim), 7);
        sim_done(&sim);
}

static void speaker_event_waits_for_a_lead(void **state)
{
        struct sim_peer *p[3];
        struct sim sim;
        size_t n;

        (void)state;
        sim_init(&sim, 5);
        join_many(&sim, p, 3);
        talk(p[0], true);
        sim_run(&sim, 2 * S);
        assert_int_equal(speaker(&sim), 1);
        n = sim.n_room_events;
        p[1]->mic.level = 20; /* a cough */
        sim_run(&sim, S / 10);
        p[1]->mic.level = 75;
        sim_run(&sim, 2 * S);
        assert_int_equal(sim.n_room_events, n);
        talk(p[0], false);
        talk(p[1], true);
        sim_run(&sim, S);
        assert_int_equal(speaker(&sim), 2);
        talk(p[1], false);
        sim_run(&sim, 2 * S);
        assert_int_equal(speaker(&sim), 2);
        sim_run(&sim, 2 * S);
        assert_int_equal(speaker(&sim), 0);
        sim_done(&sim);
}

static void muted_microphone_is_not_heard(void **state)
{
        struct sim_peer *p[2];
        struct sim sim;
        uint32_t n;

        (void)state;
        sim_init(&sim, 6);
        join_many(&sim, p, 2);
        talk(p[1], true);
        sim_run(&sim, 2 * S);
        assert_true(sim_hears(p[0], 2));
        sim_mute(p[1], SFU_MIC, true);
        assert_int_equal(sim_last_event(p[0], SFU_EV_SLOT)->slot.source, 0);
        sim_run(&sim, S / 10);
        assert_int_equal(speaker(&sim), 0);
        n = p[0]->n_rtp_out;
        sim_run(&sim, 2 * S);
        assert_int_equal(p[0]->n_rtp_out, n);
        sim_mute(p[1], SFU_MIC, false);
        sim_run(&sim, S / 5);
        assert_true(sim_hears(p[0], 2));
        sim_done(&sim);
}

static void source_without_levels_is_heard_but_gives_way(void **state)
{
        struct sim_peer *p[8];
        struct sim sim;

        (void)state;
        sim_init(&sim, 7);
        join_many(&sim, p, 8);
        for (int i = 1; i < 4; i++)
                p[i]->mic.no_level_ext = true;
        sim_run(&sim, 2 * S);
        assert_true(sim_hears(p[0], 2) && sim_hears(p[0], 3) && sim_hears(p[0], 4));
        for (int i = 5; i < 8; i++)
                talk(p[i], true);
        sim_run(&sim, 20 * S);
        assert_true(sim_hears(p[0], 6) && sim_hears(p[0], 7) && sim_hears(p[0], 8));
        sim_done(&sim);
}

static void pinned_slot_stays_and_is_not_doubled(void **state)
{
        const struct sfu_slot_view pin = { .audio = true, .slot = 1, .participant = 9 };
        const struct sfu_slot_view own = { .audio = true, .slot = 2, .participant = 1 };
        const struct sfu_slot_view unpin = { .audio = true, .slot = 1 };
        struct sim_peer *p[9];
        struct sim sim;
        int n_hers;

        (void)state;
        sim_init(&sim, 8);
        join_many(&sim, p, 9);
        media_peer_set_view(p[0]->media, &pin, 1, sim.now_us);
        for (int i = 1; i < 5; i++)
                talk(p[i], true);
        sim_run(&sim, 2 * S);
        assert_int_equal(p[0]->rx[1].source, 9);
        talk(p[8], true); /* now she is loud as well */
        sim_run(&sim, 2 * S);
        n_hers = 0;
        for (int i = 0; i < 3; i++)
                n_hers += p[0]->rx[i].source == 9;
        assert_int_equal(n_hers, 1);
        media_peer_set_view(p[0]->media, &own, 1, sim.now_us);
        talk(p[0], true);
        sim_run(&sim, 2 * S);
        assert_false(sim_hears(p[0], 1));
        talk(p[8], false);
        media_peer_set_view(p[0]->media, &unpin, 1, sim.now_us);
        sim_run(&sim, 2 * S);
        assert_int_not_equal(p[0]->rx[1].source, 9);
        sim_done(&sim);
}

static void who_is_pinned_while_she_is_heard_is_not_doubled(void **state)
{
        struct sim_peer *p[2]; /* nobody else wants the slot */
        struct sim sim;

        (void)state;
        sim_init(&sim, 12);
        join_many(&sim, p, 2);
        p[0]->mic.on = false;
        talk(p[1], true);
        sim_run(&sim, 2 * S);
        for (uint8_t k = 0; k < 3; k++) {
                const struct sfu_slot_view pin = { .audio = true, .slot = k, .participant = 2 };
                const struct sfu_slot_view unpin = { .audio = true, .slot = k };
                int n_hers = 0;

                media_peer_set_view(p[0]->media, &pin, 1, sim.now_us);
                sim_run(&sim, S);
                for (int i = 0; i < 3; i++)
                        n_hers += sim.now_us - p[0]->rx[i].last_us < S / 2 &&
                                  p[0]->rx[i].source == 2;
                assert_int_equal(n_hers, 1);
                assert_int_equal(p[0]->rx[k].source, 2);
                media_peer_set_view(p[0]->media, &unpin, 1, sim.now_us);
                sim_run(&sim, S);
                assert_true(sim_hears(p[0], 2));
        }
        sim_done(&sim);
}

static int64_t distance(const struct sim_rx *a, const struct sim_rx *b)
{
        int64_t d = a->capture_offset_us - b->capture_offset_us;

        return d < 0 ? -d : d;
}

/* Her encoder delays the picture by 150 ms, her clock is two hours off, the
 * network jitters; the reports must still tell the moment of capture. */
static void audio_and_video_stay_in_sync(void **state)
{
        struct sim_peer *p[4];
        struct sim sim;

        (void)state;
        sim_init(&sim, 9);
        for (uint32_t i = 0; i < 4; i++) {
                p[i] = sim_join(&sim, i + 1, &both);
                p[i]->video_delay_us = 50000 * (int)i;
                p[i]->audio_delay_us = 5000;
                p[i]->ntp_skew_us = 7200ll * S * (int64_t)i;
                p[i]->up.jitter_us = 10000;
                talk(p[i], false);
        }
        for (uint32_t round = 0; round < 9; round++) {
                uint32_t who = 1 + round % 3;

                for (uint32_t i = 1; i < 4; i++)
                        talk(p[i], i == who);
                sim_watch(p[0], 0, who + 1, SFU_CAMERA, 180, 1);
                sim_run(&sim, 4 * S);
                assert_int_equal(sim_video(p[0], 0)->source, who + 1);
                for (int i = 0; i < 3; i++) {
                        if (p[0]->rx[i].source == who + 1)
                                assert_true(distance(&p[0]->rx[i], sim_video(p[0], 0)) < 3000);
                }
        }
        assert_int_equal(sim_video(p[0], 0)->n_ts_back, 0);
        sim_done(&sim);
}

/* Without a single report from her, arrival times must do. */
static void sync_without_publisher_reports_is_bounded(void **state)
{
        struct sim_peer *p[2];
        struct sim sim;

        (void)state;
        sim_init(&sim, 10);
        for (uint32_t i = 0; i < 2; i++)
                p[i] = sim_join(&sim, i + 1, &both);
        p[1]->no_reports = true;
        p[1]->video_delay_us = 30000;
        p[1]->up.jitter_us = 10000;
        talk(p[1], true);
        sim_watch(p[0], 0, 2, SFU_CAMERA, 180, 1);
        sim_run(&sim, 10 * S);
        assert_true(sim_video(p[0], 0)->has_sr);
        assert_true(distance(&p[0]->rx[0], sim_video(p[0], 0)) < 60000);
        sim_done(&sim);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(nobody_hears_herself),
                cmocka_unit_test(loudest_three_are_heard),
                cmocka_unit_test(who_speaks_up_beside_the_speaker_is_heard),
                cmocka_unit_test(speaker_keeps_her_slot),
                cmocka_unit_test(loud_claim_cannot_hold_floor),
                cmocka_unit_test(speaker_event_waits_for_a_lead),
                cmocka_unit_test(muted_microphone_is_not_heard),
                cmocka_unit_test(source_without_levels_is_heard_but_gives_way),
                cmocka_unit_test(pinned_slot_stays_and_is_not_doubled),
                cmocka_unit_test(who_is_pinned_while_she_is_heard_is_not_doubled),
                cmocka_unit_test(audio_and_video_stay_in_sync),
                cmocka_unit_test(sync_without_publisher_reports_is_bounded),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
