/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>

#include "sfu/core/media_priv.h"
#include "tests/sim/sim.h"
#include "tests/sim/sim_priv.h"

enum { S = 1000000, N_MICS = 960 };

static const struct sim_offer all = { .mic = true,
                                      .cam = true,
                                      .screen = true,
                                      .rids = true,
                                      .n_layers = 3,
                                      .n_audio = 3,
                                      .n_video = 4 };
static const struct sim_offer delegate = { .mic = true, .cam = true, .n_audio = 3, .n_video = 1 };

static struct sim_peer *random_peer(struct sim *sim)
{
        for (;;) {
                struct sim_peer *peer = sim->peers[sim_random(sim) % sim->n_peers];

                if (!peer->gone)
                        return peer;
        }
}

static void do_something(struct sim *sim)
{
        struct sim_peer *a = random_peer(sim), *b = random_peer(sim);
        uint32_t what = sim_random(sim) % 12;

        if (what < 6) {
                uint32_t whom = what == 5 ? SFU_ACTIVE_SPEAKER : b->participant;

                sim_watch(a, (uint8_t)(sim_random(sim) % 5), whom,
                          sim_random(sim) % 4 ? SFU_CAMERA : SFU_SCREEN,
                          (uint16_t)(sim_random(sim) % 800), (uint8_t)(sim_random(sim) % 4));
        } else if (what < 8) {
                media_peer_set_muted(a->media, (enum sfu_kind)(sim_random(sim) % 3),
                                     sim_random(sim) % 2, sim->now_us);
        } else if (what == 8) {
                a->mic.level = 20 + (int)(sim_random(sim) % 80);
                a->mic.swing = 8;
        } else if (what == 9) {
                a->cam[sim_random(sim) % 3].on ^= true;
        } else if (what == 10 && sim->n_peers < 50) {
                sim_join(sim, (uint32_t)sim->n_peers + 1, &all);
        } else if (what == 11 && sim->n_peers > 20 && sim_random(sim) % 4 == 0) {
                sim_leave(sim, a);
        }
}

static void check_everybody(struct sim *sim)
{
        for (size_t i = 0; i < sim->n_peers; i++) {
                struct sim_peer *peer = sim->peers[i];

                for (size_t k = 0; k < SFU_MAX_SLOTS; k++) {
                        const struct sim_rx *rx = &peer->rx[k];

                        assert_false(rx->broken);
                        assert_int_equal(rx->n_lost, 0);
                        assert_int_equal(rx->n_ts_back, 0);
                        assert_int_equal(rx->n_pid_jumps, 0);
                }
                assert_false(sim_hears(peer, peer->participant));
        }
}

static void check_counts(const struct media_room *room)
{
        for (size_t kind = 0; kind < SFU_N_KINDS; kind++) {
                size_t n = 0;

                for (size_t i = 0; i < room->n_peers; i++)
                        n += pub_available(room->peers[i]->pubs[kind]);
                assert_int_equal(room->n_available[kind], n);
        }
}

/* No loss on the way: whatever people do, every slot's stream stays whole. */
static void fifty_peers_come_and_go(void **state)
{
        struct sim sim;

        (void)state;
        sim_init(&sim, 1);
        for (uint32_t i = 0; i < 12; i++)
                sim_join(&sim, i + 1, &all);
        for (int i = 0; i < 250; i++) {
                do_something(&sim);
                sim_run(&sim, S / 20);
                check_everybody(&sim);
                check_counts(sim.room);
        }
        sim_done(&sim);
}

static void damage(struct sim *sim, uint8_t *data, uint16_t *len)
{
        for (uint32_t n = sim_random(sim) % 4; n > 0 && *len > 0; n--)
                data[sim_random(sim) % *len] = (uint8_t)sim_random(sim);
        if (sim_random(sim) % 8 == 0 && *len > 0)
                *len = (uint16_t)(sim_random(sim) % *len);
}

/* Half of everything on its way up arrives damaged (a peer may send anything). */
static void hostile_packets_do_no_harm(void **state)
{
        struct sim sim;
        struct sim_peer *a, *b;

        (void)state;
        sim_init(&sim, 2);
        for (uint32_t i = 0; i < 4; i++) {
                struct sim_peer *peer = sim_join(&sim, i + 1, &all);

                peer->hostile = i < 2;
                for (uint8_t k = 0; k < 4; k++)
                        sim_watch(peer, k, k + 1u, SFU_CAMERA, 720, k);
        }
        sim.damage = damage;
        for (int i = 0; i < 200; i++) {
                do_something(&sim);
                sim_run(&sim, S / 20);
        }
        /* Those who behave see each other. */
        a = sim_join(&sim, 101, &all);
        b = sim_join(&sim, 102, &all);
        sim_watch(a, 0, 102, SFU_CAMERA, 180, 9);
        sim_watch(b, 0, 101, SFU_CAMERA, 180, 9);
        sim_run(&sim, 3 * S);
        assert_int_equal(sim_video(a, 0)->source, 102);
        assert_int_equal(sim_video(b, 0)->source, 101);
        assert_true(sim.now_us - sim_video(a, 0)->last_us < S / 5);
        sim_done(&sim);
}

static int64_t cpu_ns(void)
{
        struct timespec ts;

        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
        return ts.tv_sec * 1000000000ll + ts.tv_nsec;
}

static void fill_mic_packet(struct pkt *pkt, uint16_t seq, uint32_t i, bool talks)
{
        uint8_t level = talks ? (uint8_t)(28 + seq % 9) : 90, mid = 'm';
        const struct rtp_ext_item items[] = { { SIM_EXT_MID, { &mid, 1 } },
                                              { SIM_EXT_LEVEL, { &level, 1 } } };
        const struct rtp_pkt header = {
                .pt = SIM_PT_OPUS, .seq = seq, .ts = seq * 960u, .ssrc = 2000
        };
        struct wr w = wr_init(pkt->data, PKT_CAP);

        rtp_write_header(&w, &header, items, 2);
        for (int k = 0; k < 60; k++)
                wr_u8(&w, (uint8_t)i);
        pkt->len = (uint16_t)wr_len(&w);
}

/* The whole province with open microphones: an unselected packet costs the same
 * however many listen, and only the selected are forwarded. Prints the figures. */
static void cost_of_960_microphones(void **state)
{
        static struct sim sim;
        int64_t silent_ns = 0, talk_ns = 0, timer_ns = 0;
        uint64_t n_silent = 0, n_talk = 0, n_out, n_rounds = 100;

        (void)state;
        sim_init_workers(&sim, 3, 1);
        sim.cut = true;
        for (uint32_t i = 0; i < N_MICS; i++) {
                struct sim_peer *peer = sim_join(&sim, i + 1, &delegate);

                peer->mic.on = peer->reacts = false;
        }
        for (uint32_t round = 0; round < n_rounds; round++) {
                for (uint32_t i = 0; i < N_MICS; i++) {
                        bool talks = i % 300 == 17;
                        struct pkt *pkt = pkt_get(sim.pool);
                        int64_t start_ns;

                        fill_mic_packet(pkt, (uint16_t)round, i, talks);
                        start_ns = cpu_ns();
                        assert_int_equal(media_peer_on_rtp(sim.peers[i]->media, pkt, sim.now_us),
                                         0);
                        while (media_room_waiting(sim.room) != MEDIA_WAITING_NONE)
                                media_room_step(sim.room, sim.now_us);
                        *(talks ? &talk_ns : &silent_ns) += cpu_ns() - start_ns;
                        *(talks ? &n_talk : &n_silent) += 1;
                        pkt_unref(pkt);
                }
                timer_ns -= cpu_ns();
                while (media_room_deadline_us(sim.room) <= sim.now_us)
                        media_room_on_timeout(sim.room, sim.now_us, sim.wall_us);
                timer_ns += cpu_ns();
                sim.now_us += 20000;
        }
        n_out = 0;
        for (uint32_t i = 0; i < N_MICS; i++)
                n_out += sim.peers[i]->n_rtp_out;
        print_message("%d microphones: %lld ns a silent packet, %lld ns a forwarded copy, "
                      "%lld us of timers a second; %llu copies of %llu packets\n",
                      N_MICS, (long long)(silent_ns / (int64_t)n_silent),
                      (long long)(talk_ns / (int64_t)n_out),
                      (long long)(timer_ns / 1000 * 50 / (int64_t)n_rounds),
                      (unsigned long long)n_out, (unsigned long long)(n_silent + n_talk));
        assert_true(n_out <= (uint64_t)N_MICS * 3 * n_rounds);
        assert_true(n_out >= (uint64_t)N_MICS * 3 * (n_rounds - 10));
        /* Rings exist for the selected only. */
        assert_true(pkt_pool_available(sim.pool) > 16384 - 2000);
        sim_done(&sim);
}

static void peer_stays_small(void **state)
{
        size_t bytes = sizeof(struct media_peer) + SFU_MAX_SLOTS * sizeof(struct media_slot) +
                       SFU_N_KINDS * sizeof(struct media_pub);

        (void)state;
        print_message("a peer with %d slots and %d publications: %zu bytes (slot %zu, layer %zu)\n",
                      SFU_MAX_SLOTS, SFU_N_KINDS, bytes, sizeof(struct media_slot),
                      sizeof(struct media_layer));
        assert_true(bytes < 26000);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(fifty_peers_come_and_go),
                cmocka_unit_test(hostile_packets_do_no_harm),
                cmocka_unit_test(cost_of_960_microphones),
                cmocka_unit_test(peer_stays_small),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
