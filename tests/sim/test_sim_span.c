/* SPDX-License-Identifier: Apache-2.0 */
/* What only a room over several workers can do, and do wrong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/sim/sim.h"

enum {
        S = 1000000,
        N_CAMERAS = 20,
        LOWEST = 3 /* slot of the first picture, behind three of sound */
};

static const struct sim_offer all = { .mic = true,
                                      .cam = true,
                                      .screen = true,
                                      .rids = true,
                                      .n_layers = 3,
                                      .n_audio = 3,
                                      .n_video = 4 };
static const struct sim_offer watcher = { .n_audio = 3, .n_video = 2 };
static const struct sim_offer voice = { .mic = true, .n_audio = 3 };

static void assert_watches(struct sim *sim, struct sim_peer *peer, uint32_t participant)
{
        assert_int_equal(sim_video(peer, 0)->source, participant);
        assert_true(sim->now_us - sim_video(peer, 0)->last_us < S / 5);
        assert_false(sim_video(peer, 0)->broken);
}

static void only_what_is_watched_is_handed_over(void **state)
{
        struct sfu_counters before, after;
        struct sim sim;
        struct sim_peer *a, *b, *c;

        (void)state;
        sim_init_workers(&sim, 1, 2);
        a = sim_join_on(&sim, 0, 1, &all);
        b = sim_join_on(&sim, 0, 2, &watcher);
        c = sim_join_on(&sim, 1, 3, &(struct sim_offer){ .n_video = 2 });
        a->mic.on = false;
        sim_watch(b, 0, 1, SFU_CAMERA, 720, 1);
        sim_run(&sim, 5 * S);
        sim_counters(&sim, &before);
        assert_int_equal(before.relayed, 0);
        sim_watch(c, 0, 1, SFU_CAMERA, 180, 1);
        sim_run(&sim, 5 * S);
        assert_watches(&sim, c, 1);
        sim_counters(&sim, &before);
        sim_run(&sim, 4 * S);
        sim_counters(&sim, &after);
        /* The lowest layer's packets, once. */
        assert_in_range(after.relayed - before.relayed,
                        (uint64_t)4 * 25 * (uint64_t)a->cam[0].packets_per_frame - 10,
                        (uint64_t)4 * 25 * (uint64_t)a->cam[0].packets_per_frame + 10);
        sim_done(&sim);
}

static void voices_are_ranked_on_all_workers_and_heard_only_if_chosen(void **state)
{
        struct sfu_counters before, after;
        struct sim sim;
        struct sim_peer *p[8], *c;

        (void)state;
        sim_init_workers(&sim, 2, 2);
        for (uint32_t i = 0; i < 8; i++) {
                p[i] = sim_join_on(&sim, 0, i + 1, &voice);
                p[i]->mic.level = i < 3 ? 30 + (int)i : 90;
        }
        c = sim_join_on(&sim, 1, 9, &voice);
        c->mic.on = false;
        sim_run(&sim, 5 * S);
        for (uint32_t i = 0; i < 8; i++)
                assert_int_equal(sim_hears(c, i + 1), i < 3);
        sim_counters(&sim, &before);
        sim_run(&sim, 4 * S);
        sim_counters(&sim, &after);
        assert_in_range(after.relayed - before.relayed, 3 * 4 * 50 - 20, 4 * 4 * 50 + 20);
        p[0]->mic.level = 90;
        p[7]->mic.level = 30;
        sim_run(&sim, 5 * S);
        assert_true(sim_hears(c, 8));
        assert_false(sim_hears(c, 1));
        sim_done(&sim);
}

static void key_frame_asked_for_on_all_workers_is_asked_for_once(void **state)
{
        struct sim sim;
        struct sim_peer *a, *b[6];

        (void)state;
        sim_init_workers(&sim, 3, 3);
        a = sim_join_on(&sim, 0, 1, &all);
        for (uint32_t i = 0; i < 6; i++) {
                b[i] = sim_join_on(&sim, i % 3, 2 + i, &all);
                sim_watch(b[i], 0, 1, SFU_CAMERA, 180, 1);
        }
        sim_run(&sim, 2 * S);
        for (int round = 0; round < 100; round++) {
                for (int i = 0; i < 6; i++)
                        sim_send_pli(b[i], LOWEST);
                sim_run(&sim, S / 50);
        }
        for (uint32_t i = 1; i < a->cam[0].n_pli; i++)
                assert_true(a->cam[0].pli_times[i] - a->cam[0].pli_times[i - 1] >= S / 2);
        assert_in_range(a->cam[0].n_pli, 3, 9);
        sim_done(&sim);
}

static void camera_watched_elsewhere_is_wanted(void **state)
{
        struct sim sim;
        struct sim_peer *a, *b;

        (void)state;
        sim_init_workers(&sim, 4, 2);
        a = sim_join_on(&sim, 0, 1, &all);
        b = sim_join_on(&sim, 1, 2, &watcher);
        sim_run(&sim, S);
        assert_false(a->wanted[SFU_CAMERA]);
        sim_watch(b, 0, 1, SFU_CAMERA, 720, 1);
        sim_run(&sim, S);
        assert_true(a->wanted[SFU_CAMERA]);
        assert_watches(&sim, b, 1);
        assert_int_equal(sim_video(b, 0)->layer, 2);
        sim_run(&sim, 7 * S);
        assert_int_equal(a->layers, 5); /* the lowest stays, for who comes */
        sim_watch(b, 0, 1, SFU_CAMERA, 360, 1);
        sim_run(&sim, S);
        assert_int_equal(sim_video(b, 0)->layer, 1); /* it was started again */
        sim_leave(&sim, b);
        sim_run(&sim, 10 * S);
        assert_false(a->wanted[SFU_CAMERA]);
        sim_done(&sim);
}

static void worker_that_empties_and_fills_again_sees_everybody(void **state)
{
        struct sim sim;
        struct sim_peer *a, *b;

        (void)state;
        sim_init_workers(&sim, 5, 2);
        a = sim_join_on(&sim, 0, 1, &all);
        for (uint32_t life = 0; life < 5; life++) {
                b = sim_join_on(&sim, 1, 2, &all);
                sim_watch(b, 0, 1, SFU_CAMERA, 360, 1);
                sim_watch(a, 0, 2, SFU_CAMERA, 360, 1);
                sim_run(&sim, 3 * S);
                assert_watches(&sim, a, 2);
                assert_watches(&sim, b, 1);
                sim_leave(&sim, b);
                if (life % 2)
                        sim_run(&sim, S);
        }
        sim_run(&sim, S);
        assert_int_equal(sim_last_slot_event(a, false, 0)->slot.source, 0);
        sim_done(&sim);
}

/* Her new connection is on another worker before the old one's end is known there. */
static void participant_who_changes_workers_is_shown_from_the_new_one(void **state)
{
        struct sim sim;
        struct sim_peer *a, *b, *again;

        (void)state;
        sim_init_workers(&sim, 6, 3);
        a = sim_join_on(&sim, 0, 1, &all);
        b = sim_join_on(&sim, 1, 2, &all);
        sim_watch(a, 0, 2, SFU_CAMERA, 360, 1);
        sim_run(&sim, 2 * S);
        assert_watches(&sim, a, 2);
        again = sim_join_on(&sim, 2, 2, &all);
        sim_run(&sim, S / 10);
        sim_leave(&sim, b);
        sim_run(&sim, 2 * S);
        assert_watches(&sim, a, 2);
        assert_true(again->wanted[SFU_CAMERA]);
        assert_true(again->cam[0].n_sent > 0);
        sim_done(&sim);
}

/* Standing still. */

static void short_stall_loses_nothing(void **state)
{
        struct sfu_counters counters;
        struct sim sim;
        struct sim_peer *a, *here, *there;

        (void)state;
        sim_init_workers(&sim, 7, 2);
        a = sim_join_on(&sim, 0, 1, &all);
        here = sim_join_on(&sim, 0, 2, &watcher);
        there = sim_join_on(&sim, 1, 3, &watcher);
        a->mic.level = 30;
        sim_watch(here, 0, 1, SFU_CAMERA, 720, 1);
        sim_watch(there, 0, 1, SFU_CAMERA, 720, 1);
        sim_run(&sim, 3 * S);
        here->reacts = there->reacts = false; /* no NACK helps */
        for (int i = 0; i < 20; i++) {
                sim.workers[1]->stalled = true;
                sim_run(&sim, S / 10);
                sim.workers[1]->stalled = false;
                sim_run(&sim, S / 3);
        }
        assert_int_equal(sim_video(there, 0)->n_lost, 0);
        assert_int_equal(there->rx[0].n_lost, 0);
        assert_in_range(sim_video(there, 0)->max_gap_us, S / 10, S / 5);
        assert_true(sim_video(here, 0)->max_gap_us < S / 10);
        sim_counters(&sim, &counters);
        assert_int_equal(counters.relay_dropped, 0);
        sim_done(&sim);
}

static void long_stall_is_bounded_and_ends_with_a_key_frame(void **state)
{
        struct sfu_counters counters;
        struct sim sim;
        struct sim_peer *a, *here, *there;
        uint32_t n_pli, n_keyframes;

        (void)state;
        sim_init_workers(&sim, 8, 2);
        a = sim_join_on(&sim, 0, 1, &all);
        here = sim_join_on(&sim, 0, 2, &watcher);
        there = sim_join_on(&sim, 1, 3, &watcher);
        sim_watch(here, 0, 1, SFU_CAMERA, 720, 1);
        sim_watch(there, 0, 1, SFU_CAMERA, 720, 1);
        sim_run(&sim, 3 * S);
        there->reacts = false; /* nobody but we can know of the loss */
        n_pli = a->cam[2].n_pli;
        n_keyframes = sim_video(there, 0)->n_keyframes;
        sim.workers[1]->stalled = true;
        sim_run(&sim, 30 * S);
        sim_counters(&sim, &counters);
        assert_true(counters.relay_dropped > 1000);
        assert_true(pkt_pool_available(sim.pool) > 16384 - 2 * SIM_LINK_CAP - 600);
        assert_true(sim_video(here, 0)->max_gap_us < S / 10); /* nobody else noticed */
        assert_int_equal(a->cam[2].n_pli, n_pli);
        sim.workers[1]->stalled = false;
        sim_run(&sim, S);
        assert_int_equal(a->cam[2].n_pli, n_pli + 1);
        assert_true(sim_video(there, 0)->n_keyframes > n_keyframes);
        assert_watches(&sim, there, 1);
        sim_done(&sim);
}

/* Much more happens than a ring holds; what a worker hears in the end is how it is. */
static void state_is_told_late_but_whole(void **state)
{
        static const struct sim_offer camera = { .cam = true, .n_video = 1 };
        struct sim sim;
        struct sim_peer *there, *p[N_CAMERAS];
        bool was_full = false;

        (void)state;
        sim_init_workers(&sim, 9, 2);
        there = sim_join_on(&sim, 1, 1000, &watcher);
        for (uint32_t i = 0; i < N_CAMERAS; i++) {
                p[i] = sim_join_on(&sim, 0, i + 1, &camera);
                p[i]->fps = 5;
        }
        sim_watch(there, 0, N_CAMERAS, SFU_CAMERA, 180, 1);
        sim_watch(there, 1, N_CAMERAS - 1, SFU_CAMERA, 180, 1);
        sim_run(&sim, 2 * S);
        sim.workers[1]->stalled = true;
        for (uint32_t round = 0; round < 60; round++) {
                for (uint32_t i = 0; i < N_CAMERAS; i++)
                        if (!p[i]->gone)
                                sim_mute(p[i], SFU_CAMERA, (i + round) % 2 == 0);
                if (round % 6 == 0)
                        sim_leave(&sim, p[round / 6]);
                sim_run(&sim, S / 100);
                was_full |= sim.n_untold > 0;
        }
        assert_true(was_full);
        sim.workers[1]->stalled = false;
        sim_run(&sim, 3 * S);
        assert_int_equal(sim.n_untold, 0);
        /* Since the last round every second one is muted, the last one among them. */
        assert_int_equal(sim_video(there, 1)->source, N_CAMERAS - 1);
        assert_true(sim.now_us - sim_video(there, 1)->last_us < S / 2);
        assert_int_equal(sim_last_slot_event(there, false, 0)->slot.source, 0);
        sim_watch(there, 1, 5, SFU_CAMERA, 180, 1); /* who has left */
        sim_run(&sim, 4 * S);
        assert_int_equal(sim_last_slot_event(there, false, 1)->slot.source, 0);
        sim_done(&sim);
}

static struct sim_peer *any_peer(struct sim *sim)
{
        for (;;) {
                struct sim_peer *peer = sim->peers[sim_random(sim) % sim->n_peers];

                if (!peer->gone)
                        return peer;
        }
}

static void do_something(struct sim *sim)
{
        struct sim_peer *a = any_peer(sim), *b = any_peer(sim);
        uint32_t what = sim_random(sim) % 10;

        if (what < 5)
                sim_watch(a, (uint8_t)(sim_random(sim) % 4),
                          what == 4 ? SFU_ACTIVE_SPEAKER : b->participant, SFU_CAMERA,
                          (uint16_t)(sim_random(sim) % 800), 1);
        else if (what == 5)
                sim_mute(a, (enum sfu_kind)(sim_random(sim) % 3), sim_random(sim) % 2);
        else if (what == 6)
                sim->workers[sim_random(sim) % sim->n_workers]->stalled ^= true;
        else if (what == 7 && sim->n_peers < 40)
                sim_join_on(sim, sim_random(sim) % sim->n_workers, (uint32_t)sim->n_peers + 1,
                            &all);
        else if (what == 8)
                sim_leave(sim, a);
        if (sim->n_peers < 40 && what > 6) /* there is always somebody */
                sim_join_on(sim, sim_random(sim) % sim->n_workers, (uint32_t)sim->n_peers + 1,
                            &all);
}

/* Workers stand still and go on, rooms on them end and begin, rings run full. */
static void whatever_happens_new_ones_see_each_other(void **state)
{
        struct sim sim;
        struct sim_peer *p[4];

        (void)state;
        sim_init_workers(&sim, 10, 4);
        for (uint32_t i = 0; i < 8; i++)
                sim_join_on(&sim, i % 4, i + 1, &all);
        for (int round = 0; round < 2; round++) {
                for (int i = 0; i < 100; i++) {
                        do_something(&sim);
                        sim_run(&sim, S / 30);
                }
                for (unsigned i = 0; i < 4; i++)
                        sim.workers[i]->stalled = false;
                for (uint32_t i = 0; i < 4; i++)
                        p[i] = sim_join_on(&sim, i, 1000 + 10 * (uint32_t)round + i, &all);
                for (uint32_t i = 0; i < 4; i++)
                        sim_watch(p[i], 0, 1000 + 10 * (uint32_t)round + (i + 1) % 4, SFU_CAMERA,
                                  360, 9);
                sim_run(&sim, 3 * S);
                for (uint32_t i = 0; i < 4; i++)
                        assert_watches(&sim, p[i], 1000 + 10 * (uint32_t)round + (i + 1) % 4);
        }
        sim_done(&sim);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(only_what_is_watched_is_handed_over),
                cmocka_unit_test(voices_are_ranked_on_all_workers_and_heard_only_if_chosen),
                cmocka_unit_test(key_frame_asked_for_on_all_workers_is_asked_for_once),
                cmocka_unit_test(camera_watched_elsewhere_is_wanted),
                cmocka_unit_test(worker_that_empties_and_fills_again_sees_everybody),
                cmocka_unit_test(participant_who_changes_workers_is_shown_from_the_new_one),
                cmocka_unit_test(short_stall_loses_nothing),
                cmocka_unit_test(long_stall_is_bounded_and_ends_with_a_key_frame),
                cmocka_unit_test(state_is_told_late_but_whole),
                cmocka_unit_test(whatever_happens_new_ones_see_each_other),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
