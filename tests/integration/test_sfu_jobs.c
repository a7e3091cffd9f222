/* SPDX-License-Identifier: Apache-2.0 */
/* Taps and feeds, through real sockets and workers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "sfu/wire/rtp.h"
#include "tests/integration/job_end.h"
#include "tests/integration/world.h"

enum { WAIT_MS = 20000, ROOM = 1, ALICE = 1, BOB = 2, FILM = 9, N_PACKETS = 100 };

/* Two who publish, each on a worker of her own, and a job. */
struct hall {
        struct world world;
        struct client *clients[2]; /* ALICE, BOB */
        uint64_t peers[2];
        struct job_end job;
        uint64_t tap;
        uint16_t next;
        size_t want;
};

static void hall_init(struct hall *hall, unsigned n_workers)
{
        const struct sfu_tuning tuning = { .silence_us = SFU_SILENCE_US, .spread_peers = 1 };

        memset(hall, 0, sizeof(*hall));
        hall->job.fd = -1;
        world_init_tuned(&hall->world, n_workers, &tuning);
}

static void hall_done(struct hall *hall)
{
        world_done(&hall->world);
        job_end_close(&hall->job);
        for (size_t i = 0; i < ARRAY_LEN(hall->clients); i++)
                client_free(hall->clients[i]);
}

static void join_as(struct hall *hall, size_t i, const struct client_params *params)
{
        client_free(hall->clients[i]);
        hall->clients[i] = client_new(params);
        hall->peers[i] = world_open(&hall->world, hall->clients[i], ROOM, (uint32_t)i + 1);
        assert_true(world_wait(&hall->world, world_connected, hall->clients[i], WAIT_MS));
}

static void join(struct hall *hall, size_t i)
{
        join_as(hall, i,
                &(struct client_params){ .mic = true, .camera = true, .n_audio = 2, .n_video = 2 });
}

static void tap(struct hall *hall, enum sfu_tap_mode mode)
{
        const struct sfu_tap_params params = { .room = ROOM,
                                               .mode = mode,
                                               .fd = job_end_open(&hall->job) };

        assert_int_equal(sfu_tap_open(hall->world.sfu, &params, &hall->tap), 0);
        assert_true(hall->tap != 0);
}

/* Of each who is here: a picture and a sound. */
static void send_all(struct hall *hall, bool key)
{
        uint8_t payload[1400];
        uint16_t n = hall->next++;

        for (size_t i = 0; i < ARRAY_LEN(hall->clients); i++) {
                size_t len;

                if (!hall->clients[i] || hall->clients[i]->closed)
                        continue;
                len = client_vp8_payload(payload, n, key);
                client_send_rtp(hall->clients[i], CLIENT_CAMERA_SSRC, CLIENT_VP8_PT, n, n * 3000u,
                                true, payload, len);
                len = client_opus_payload(payload, n);
                client_send_rtp(hall->clients[i], CLIENT_MIC_SSRC, CLIENT_OPUS_PT, n, n * 960u,
                                false, payload, len);
        }
}

static bool has(struct hall *hall, uint32_t participant, size_t n)
{
        struct job_track *mic = job_end_track(&hall->job, participant, SFU_MIC);
        struct job_track *camera = job_end_track(&hall->job, participant, SFU_CAMERA);

        return mic && camera && mic->n >= n && camera->n >= n;
}

static bool job_has_all(struct world *world, void *user)
{
        struct hall *hall = user;

        (void)world;
        job_end_read(&hall->job);
        return has(hall, ALICE, hall->want) && (!hall->clients[1] || has(hall, BOB, hall->want));
}

/* Until something of all has come. */
static void warm_up(struct hall *hall)
{
        int i = 0;

        hall->want = 1;
        do {
                assert_true(i++ < 500);
                send_all(hall, true);
        } while (!world_wait(&hall->world, job_has_all, hall, 20));
}

static void assert_whole(struct hall *hall, uint32_t participant, bool key)
{
        for (int kind = SFU_MIC; kind <= SFU_CAMERA; kind++) {
                struct job_track *track = job_end_track(&hall->job, participant,
                                                        (enum sfu_kind)kind);
                uint8_t sent[1400];
                struct rtp_pkt rtp;
                size_t len;

                assert_non_null(track);
                assert_int_equal(track->n_lost + track->n_twice + track->n_broken + track->n_gaps,
                                 0);
                assert_int_equal(rtp_parse(&rtp, track->last, track->len), 0);
                len = kind == SFU_MIC ? client_opus_payload(sent, rtp.seq)
                                      : client_vp8_payload(sent, rtp.seq, key);
                assert_int_equal(rtp.payload.len, len);
                assert_memory_equal(rtp.payload.data, sent, len);
        }
}

static void job_gets_every_packet(void **state)
{
        unsigned n_workers = *(unsigned *)*state;
        struct sfu_counters counters;
        struct hall hall;

        hall_init(&hall, n_workers);
        join(&hall, 0);
        join(&hall, 1);
        if (n_workers > 1)
                assert_int_not_equal(hall.clients[0]->server_port, hall.clients[1]->server_port);
        tap(&hall, SFU_TAP_ALL);
        warm_up(&hall);
        for (int i = 0; i < N_PACKETS; i++) {
                hall.want++;
                send_all(&hall, false);
                assert_true(world_wait(&hall.world, job_has_all, &hall, WAIT_MS));
        }
        assert_whole(&hall, ALICE, false);
        assert_whole(&hall, BOB, false);
        sfu_counters(hall.world.sfu, &counters);
        assert_int_equal(counters.taps, 1);
        assert_int_equal(counters.tap_dropped, 0);
        sfu_tap_close(hall.world.sfu, hall.tap);
        hall_done(&hall);
}

static bool alice_was_asked_for_a_key_frame(struct world *world, void *user)
{
        (void)world;
        return ((struct hall *)user)->clients[0]->n_pli > 0;
}

static void tap_asks_for_a_key_frame(void **state)
{
        struct hall hall;
        int i = 0;

        hall_init(&hall, *(unsigned *)*state);
        join(&hall, 0);
        send_all(&hall, true);
        tap(&hall, SFU_TAP_ALL);
        do {
                assert_true(i++ < 500);
                send_all(&hall, false);
        } while (!world_wait(&hall.world, alice_was_asked_for_a_key_frame, &hall, 20));
        warm_up(&hall);
        assert_whole(&hall, ALICE, true);
        hall_done(&hall);
}

static bool job_read_the_end(struct world *world, void *user)
{
        (void)world;
        job_end_read(user);
        return ((struct job_end *)user)->ended;
}

static void closed_tap_ends_the_jobs_stream(void **state)
{
        struct hall hall;

        hall_init(&hall, *(unsigned *)*state);
        join(&hall, 0);
        tap(&hall, SFU_TAP_PROGRAM);
        sfu_tap_close(hall.world.sfu, hall.tap + 1); /* there is none */
        sfu_tap_close(hall.world.sfu, hall.tap);
        assert_true(world_wait(&hall.world, job_read_the_end, &hall.job, WAIT_MS));
        sfu_tap_close(hall.world.sfu, hall.tap);
        hall_done(&hall);
}

static void server_that_stops_ends_the_jobs_stream(void **state)
{
        struct hall hall;

        hall_init(&hall, *(unsigned *)*state);
        join(&hall, 0);
        tap(&hall, SFU_TAP_ALL);
        hall.world.sfu = sfu_free(hall.world.sfu);
        job_end_read(&hall.job);
        assert_true(hall.job.ended);
        hall_done(&hall);
}

static bool alice_has_ended(struct world *world, void *user)
{
        struct hall *hall = user;

        (void)world;
        job_end_read(&hall->job);
        return !job_end_track(&hall->job, ALICE, SFU_CAMERA)->live &&
               !job_end_track(&hall->job, ALICE, SFU_MIC)->live;
}

static void room_that_comes_later_or_again_is_tapped(void **state)
{
        struct hall hall;

        hall_init(&hall, *(unsigned *)*state);
        tap(&hall, SFU_TAP_ALL); /* nobody is there */
        for (size_t life = 1; life <= 2; life++) {
                join(&hall, 0);
                hall.want = life * 1000; /* does not come */
                warm_up(&hall);
                hall.want = job_end_track(&hall.job, ALICE, SFU_CAMERA)->n + 10;
                while (!world_wait(&hall.world, job_has_all, &hall, 20))
                        send_all(&hall, true);
                sfu_peer_close(hall.world.sfu, hall.peers[0]); /* and with her the room */
                assert_true(world_wait(&hall.world, alice_has_ended, &hall, WAIT_MS));
                assert_int_equal(job_end_track(&hall.job, ALICE, SFU_CAMERA)->n_ends, life);
                assert_int_equal(job_end_track(&hall.job, ALICE, SFU_CAMERA)->n_generations, life);
        }
        hall_done(&hall);
}

static void taps_of_a_room_are_bounded(void **state)
{
        struct job_end ends[SFU_MAX_TAPS_PER_ROOM + 1];
        uint64_t taps[ARRAY_LEN(ends)];
        struct hall hall;

        hall_init(&hall, *(unsigned *)*state);
        for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
                struct sfu_tap_params params = { .room = ROOM, .fd = job_end_open(&ends[i]) };
                int r = sfu_tap_open(hall.world.sfu, &params, &taps[i]);

                assert_int_equal(r, i < SFU_MAX_TAPS_PER_ROOM ? 0 : -EBUSY);
                if (r < 0)
                        close(params.fd);
        }
        for (size_t i = 0; i < ARRAY_LEN(ends); i++)
                job_end_close(&ends[i]);
        hall_done(&hall);
}

static bool bob_has_enough(struct world *world, void *user)
{
        const struct hall *hall = user;

        (void)world;
        return hall->clients[1]->n_packets >= hall->want;
}

static void watch(struct hall *hall, size_t i, uint32_t participant, enum sfu_kind kind)
{
        const struct sfu_slot_view views[] = {
                { .slot = 0, .participant = participant, .kind = kind, .max_height = 720 },
                { .audio = true, .slot = 0, .participant = participant },
        };

        sfu_peer_view(hall->world.sfu, hall->peers[i], views, ARRAY_LEN(views));
}

static void death_of_a_job_does_nothing_to_others(void **state)
{
        struct hall hall;
        size_t before;

        hall_init(&hall, *(unsigned *)*state);
        join(&hall, 0);
        join(&hall, 1);
        watch(&hall, 1, ALICE, SFU_CAMERA);
        tap(&hall, SFU_TAP_ALL);
        warm_up(&hall);
        hall.want = 1;
        while (!world_wait(&hall.world, bob_has_enough, &hall, 20))
                send_all(&hall, true);
        job_end_close(&hall.job);
        before = hall.clients[1]->n_packets;
        for (int i = 0; i < N_PACKETS; i++) {
                hall.want = before + 2 * (size_t)i;
                send_all(&hall, false);
                assert_true(world_wait(&hall.world, bob_has_enough, &hall, WAIT_MS));
        }
        assert_int_equal(hall.clients[1]->n_bad, 0);
        sfu_tap_close(hall.world.sfu, hall.tap);
        tap(&hall, SFU_TAP_ALL); /* the next one, in a new part */
        warm_up(&hall);
        hall_done(&hall);
}

/* Feeds. */

static uint64_t feed(struct hall *hall, struct job_end *end, uint8_t n_layers, bool screen)
{
        const struct sfu_feed_params params = { .room = ROOM,
                                                .participant = FILM,
                                                .fd = job_end_open(end),
                                                .n_layers = n_layers,
                                                .screen = screen };
        uint64_t peer = 0;

        assert_int_equal(sfu_feed_open(hall->world.sfu, &params, &peer), 0);
        return peer;
}

static void send_film(struct hall *hall, struct job_end *end, enum sfu_kind kind, uint8_t n_layers,
                      bool key)
{
        uint8_t payload[1400];
        uint16_t n = hall->next++;

        for (uint8_t i = 0; i < n_layers; i++)
                job_end_send(end, kind, i, n, n * 3000u, payload,
                             end->codec == JOB_H264 ? client_h264_payload(payload, n, key)
                                                    : client_vp8_payload(payload, n, key));
        job_end_send(end, SFU_MIC, 0, n, n * 960u, payload, client_opus_payload(payload, n));
}

static bool got_from(const struct client *client, uint32_t ssrc)
{
        for (size_t i = 0; i < client->n_packets && i < CLIENT_MAX_PACKETS; i++)
                if (client->packets[i].ssrc == ssrc)
                        return true;
        return false;
}

static bool both_see_and_hear(struct world *world, void *user)
{
        const struct hall *hall = user;
        bool all = true;

        (void)world;
        for (size_t i = 0; i < ARRAY_LEN(hall->clients); i++)
                all &= got_from(hall->clients[i], hall->clients[i]->video_ssrcs[0]) &&
                       got_from(hall->clients[i], hall->clients[i]->audio_ssrcs[0]);
        return all;
}

static bool film_is_seen_heard_and_speaks(struct world *world, void *user)
{
        bool speaks = false;

        for (size_t i = 0; i < world->n_events; i++)
                speaks |= world->events[i].type == SFU_EV_SPEAKER &&
                          world->events[i].participant == FILM;
        return speaks && both_see_and_hear(world, user);
}

static void feed_is_seen_and_heard(void **state)
{
        struct job_end film;
        struct hall hall;
        size_t n_keys = 0;
        uint64_t peer;
        int i = 0;

        hall_init(&hall, *(unsigned *)*state);
        join(&hall, 0);
        join(&hall, 1);
        peer = feed(&hall, &film, 3, true);
        for (size_t k = 0; k < 2; k++)
                watch(&hall, k, FILM, SFU_SCREEN);
        do { /* a key frame when it is asked for, and none else */
                assert_true(i++ < 500);
                send_film(&hall, &film, SFU_SCREEN, 3, film.n_pli > n_keys);
                n_keys = film.n_pli;
                job_end_read(&film);
                job_end_report(&film, SFU_SCREEN, 0, (uint64_t)i << 28, hall.next * 3000u);
        } while (!world_wait(&hall.world, film_is_seen_heard_and_speaks, &hall, 20));
        assert_non_null(world_event(&hall.world, SFU_EV_CONNECTED, peer));
        assert_non_null(world_event(&hall.world, SFU_EV_WANTED, peer));
        job_end_close(&film);
        hall_done(&hall);
}

struct seeing {
        struct hall *hall;
        struct job_end *film;
        size_t n_keys;
        size_t i;    /* of the client that is to see it, */
        uint8_t pt;  /* in this, */
        size_t from; /* among what came since */
};

static bool sees(struct world *world, void *user)
{
        const struct seeing *seeing = user;
        const struct client *client = seeing->hall->clients[seeing->i];

        (void)world;
        for (size_t i = seeing->from; i < client->n_packets && i < CLIENT_MAX_PACKETS; i++)
                if (client->packets[i].ssrc == client->video_ssrcs[0] &&
                    client->packets[i].pt == seeing->pt)
                        return true;
        return false;
}

static void wait_seen(struct seeing *seeing, size_t i, uint8_t pt)
{
        seeing->i = i;
        seeing->pt = pt;
        seeing->from = 0;
        seeing->hall->clients[i]->n_packets = 0;
        for (int n = 0; !world_wait(&seeing->hall->world, sees, seeing, 20); n++) {
                assert_true(n < 500);
                job_end_read(seeing->film);
                send_film(seeing->hall, seeing->film, SFU_SCREEN, 3,
                          seeing->film->n_pli > seeing->n_keys);
                seeing->n_keys = seeing->film->n_pli;
        }
}

static bool said(struct world *world, void *user)
{
        struct seeing *seeing = user;

        (void)world;
        job_end_read(seeing->film);
        return seeing->film->n_codecs > 0;
}

static void feed_changes_its_codec_for_who_cannot_decode_it(void **state)
{
        const struct client_params vp8 = { .n_audio = 1, .n_video = 1 };
        const struct client_params h264 = { .n_audio = 1, .n_video = 1, .h264 = true };
        const struct client_params both = { .n_audio = 1, .n_video = 1, .both = true };
        struct seeing seeing;
        struct job_end film;
        struct hall hall;

        hall_init(&hall, *(unsigned *)*state);
        seeing = (struct seeing){ .hall = &hall, .film = &film };
        join_as(&hall, 0, &both);
        (void)feed(&hall, &film, 3, true);
        watch(&hall, 0, FILM, SFU_SCREEN);
        assert_true(world_wait(&hall.world, said, &seeing, WAIT_MS));
        assert_int_equal(film.codec, JOB_VP8);
        wait_seen(&seeing, 0, CLIENT_VP8_PT);

        join_as(&hall, 1, &h264);
        watch(&hall, 1, FILM, SFU_SCREEN);
        wait_seen(&seeing, 1, CLIENT_H264_PT);
        wait_seen(&seeing, 0, CLIENT_H264_PT);
        assert_int_equal(film.n_codecs, 2);

        join_as(&hall, 1, &both); /* who goes changes nothing */
        watch(&hall, 1, FILM, SFU_SCREEN);
        wait_seen(&seeing, 1, CLIENT_H264_PT);
        assert_int_equal(film.n_codecs, 2);

        join_as(&hall, 1, &vp8);
        watch(&hall, 1, FILM, SFU_SCREEN);
        wait_seen(&seeing, 1, CLIENT_VP8_PT);
        wait_seen(&seeing, 0, CLIENT_VP8_PT);
        assert_int_equal(film.n_codecs, 3);
        job_end_close(&film);
        hall_done(&hall);
}

static void feed_is_in_h264_from_its_start_where_that_is_needed(void **state)
{
        const struct client_params h264 = { .n_audio = 1, .n_video = 1, .h264 = true };
        struct seeing seeing;
        struct job_end film;
        struct hall hall;

        hall_init(&hall, *(unsigned *)*state);
        seeing = (struct seeing){ .hall = &hall, .film = &film };
        join_as(&hall, 0, &h264);
        (void)feed(&hall, &film, 3, true);
        watch(&hall, 0, FILM, SFU_SCREEN);
        assert_true(world_wait(&hall.world, said, &seeing, WAIT_MS));
        assert_int_equal(film.codec, JOB_H264);
        wait_seen(&seeing, 0, CLIENT_H264_PT);
        assert_int_equal(film.n_codecs, 1);
        job_end_close(&film);
        hall_done(&hall);
}

static bool pictures_are_dropped(struct world *world, void *user)
{
        struct sfu_counters counters;

        (void)user;
        sfu_counters(world->sfu, &counters);
        return counters.tap_dropped > 0;
}

static bool camera_goes_on(struct world *world, void *user)
{
        struct hall *hall = user;
        struct job_track *camera;

        (void)world;
        job_end_read(&hall->job);
        camera = job_end_track(&hall->job, FILM, SFU_CAMERA);
        return camera && camera->n_gaps > 0 && !camera->after_gap;
}

/* Pictures come faster than it reads, and the sound among them. */
static void slow_job_loses_pictures_and_no_sound(void **state)
{
        struct job_track *mic, *camera;
        struct job_end film;
        struct hall hall;
        size_t n_keys = 0;

        hall_init(&hall, *(unsigned *)*state);
        tap(&hall, SFU_TAP_ALL);
        (void)feed(&hall, &film, 1, false);
        for (int i = 0; !world_wait(&hall.world, pictures_are_dropped, NULL, 20); i++) {
                assert_true(i < 1000);
                for (int k = 0; k < 30; k++)
                        send_film(&hall, &film, SFU_CAMERA, 1, i == 0);
        }
        for (int i = 0; !world_wait(&hall.world, camera_goes_on, &hall, 20); i++) {
                assert_true(i < 1000);
                job_end_read(&film);
                send_film(&hall, &film, SFU_CAMERA, 1, film.n_pli > n_keys);
                n_keys = film.n_pli;
        }
        mic = job_end_track(&hall.job, FILM, SFU_MIC);
        camera = job_end_track(&hall.job, FILM, SFU_CAMERA);
        assert_int_equal(mic->n_lost + mic->n_gaps + mic->n_twice, 0);
        assert_true(mic->n > camera->n);
        assert_int_equal(camera->n_twice + camera->n_broken, 0);
        assert_int_equal(camera->n_gaps, 1);
        job_end_close(&film);
        hall_done(&hall);
}

struct gone {
        uint64_t peer;
        enum sfu_gone reason;
};

static bool is_gone(struct world *world, void *user)
{
        const struct gone *gone = user;
        const struct sfu_event *event = world_event(world, SFU_EV_GONE, gone->peer);

        if (event)
                assert_int_equal(event->gone_reason, gone->reason);
        return event != NULL;
}

static void feed_whose_job_is_gone_is_gone(void **state)
{
        struct gone gone = { .reason = SFU_GONE_CLOSED_BY_PEER };
        struct sfu_counters counters;
        struct job_end film, again;
        struct hall hall;
        char *lines;

        hall_init(&hall, *(unsigned *)*state);
        gone.peer = feed(&hall, &film, 0, false);
        send_film(&hall, &film, SFU_SCREEN, 0, false);
        assert_int_equal(sfu_peer_restart_ice(hall.world.sfu, gone.peer, "abcd",
                                              "abcdefghijklmnopqrstuvwx", &lines),
                         -ENOENT);
        job_end_close(&film);
        assert_true(world_wait(&hall.world, is_gone, &gone, WAIT_MS));
        /* And the next one of the same participant takes the last one's place. */
        gone = (struct gone){ feed(&hall, &film, 1, false), SFU_GONE_REPLACED };
        (void)feed(&hall, &again, 1, false);
        assert_true(world_wait(&hall.world, is_gone, &gone, WAIT_MS));
        assert_true(world_wait(&hall.world, job_read_the_end, &film, WAIT_MS));
        sfu_counters(hall.world.sfu, &counters);
        assert_int_equal(counters.rooms, 1);
        job_end_close(&film);
        job_end_close(&again);
        hall_done(&hall);
}

static void send_nonsense(int fd, unsigned n)
{
        for (unsigned i = 0; i < n; i++) {
                uint8_t data[JOB_RECORD_MAX + 200] = { 0 };
                size_t len = 1 + (size_t)rand() % sizeof(data);
                struct job_record record = { .type = (uint8_t)(1 + rand() % 5),
                                             .kind = (uint8_t)(rand() % 3),
                                             .layer = (uint8_t)(rand() % 3) };

                for (size_t k = 0; k < len; k++)
                        data[k] = (uint8_t)rand();
                if (i % 4 != 0)
                        job_record_write(data, &record);
                if (i % 2 != 0) {
                        data[JOB_RECORD_HEAD] = 0x80;
                        data[JOB_RECORD_HEAD + 1] = rand() % 2 ? JOB_PT_VP8 : JOB_PT_OPUS;
                        memset(data + JOB_RECORD_HEAD + 8, 0, 3);
                        data[JOB_RECORD_HEAD + 11] = (uint8_t)(rand() % 8);
                }
                assert_int_equal(send(fd, data, len, MSG_NOSIGNAL), (ssize_t)len);
        }
}

static bool took_nonsense(struct world *world, void *user)
{
        struct sfu_counters counters;

        (void)user;
        sfu_counters(world->sfu, &counters);
        return counters.rtp_bad > 1000 && counters.rate_limited > 0;
}

static void hostile_job_harms_nobody(void **state)
{
        struct job_end film;
        struct hall hall;
        size_t before;

        srand(1);
        hall_init(&hall, *(unsigned *)*state);
        join(&hall, 0);
        join(&hall, 1);
        watch(&hall, 1, ALICE, SFU_CAMERA);
        tap(&hall, SFU_TAP_ALL);
        (void)feed(&hall, &film, 3, false);
        warm_up(&hall);
        hall.want = 1;
        while (!world_wait(&hall.world, bob_has_enough, &hall, 20))
                send_all(&hall, true);
        before = hall.clients[1]->n_packets;
        for (int i = 0; i < N_PACKETS; i++) {
                send_nonsense(film.fd, 100);
                hall.want = before + 2 * (size_t)i;
                send_all(&hall, false);
                assert_true(world_wait(&hall.world, bob_has_enough, &hall, WAIT_MS));
                job_end_read(&hall.job);
        }
        assert_true(world_wait(&hall.world, took_nonsense, NULL, WAIT_MS));
        job_end_close(&film);
        hall_done(&hall);
}

int main(void)
{
        static unsigned one = 1, two = 2;
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_prestate(job_gets_every_packet, &one),
                cmocka_unit_test_prestate(job_gets_every_packet, &two),
                cmocka_unit_test_prestate(tap_asks_for_a_key_frame, &one),
                cmocka_unit_test_prestate(closed_tap_ends_the_jobs_stream, &two),
                cmocka_unit_test_prestate(server_that_stops_ends_the_jobs_stream, &two),
                cmocka_unit_test_prestate(room_that_comes_later_or_again_is_tapped, &one),
                cmocka_unit_test_prestate(room_that_comes_later_or_again_is_tapped, &two),
                cmocka_unit_test_prestate(taps_of_a_room_are_bounded, &two),
                cmocka_unit_test_prestate(death_of_a_job_does_nothing_to_others, &one),
                cmocka_unit_test_prestate(death_of_a_job_does_nothing_to_others, &two),
                cmocka_unit_test_prestate(feed_is_seen_and_heard, &one),
                cmocka_unit_test_prestate(feed_is_seen_and_heard, &two),
                cmocka_unit_test_prestate(feed_changes_its_codec_for_who_cannot_decode_it, &one),
                cmocka_unit_test_prestate(feed_changes_its_codec_for_who_cannot_decode_it, &two),
                cmocka_unit_test_prestate(feed_is_in_h264_from_its_start_where_that_is_needed,
                                          &one),
                cmocka_unit_test_prestate(slow_job_loses_pictures_and_no_sound, &one),
                cmocka_unit_test_prestate(feed_whose_job_is_gone_is_gone, &two),
                cmocka_unit_test_prestate(hostile_job_harms_nobody, &one),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
