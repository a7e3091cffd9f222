/* SPDX-License-Identifier: Apache-2.0 */
/* Rooms over two workers, through real sockets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "tests/integration/world.h"

enum { WAIT_MS = 20000, ROOM = 1, ALICE = 1, N_VIEWERS = 4 };

struct viewer {
        struct client *client;
        uint64_t peer;
        bool with_alice; /* on her worker */
};

/* Alice publishes; viewers on either worker see and hear her. */
struct hall {
        struct world world;
        struct client *alice;
        uint64_t alice_peer;
        unsigned alice_worker;
        struct viewer viewers[N_VIEWERS];
        uint16_t next; /* frame and packet number */
        size_t want;   /* packets that each awaited viewer should have */
};

/* One worker at a time stands still in its turn. */
static struct {
        unsigned worker; /* + 1; 0: none. Atomic. */
        sem_t entered, go_on;
} stall;

static void on_turn(void *user, unsigned worker)
{
        (void)user;
        if (__atomic_load_n(&stall.worker, __ATOMIC_ACQUIRE) != worker + 1)
                return;
        __atomic_store_n(&stall.worker, 0, __ATOMIC_RELEASE);
        sem_post(&stall.entered);
        while (sem_wait(&stall.go_on) < 0)
                ;
}

static unsigned worker_of(const struct hall *hall, const struct client *client)
{
        return client->server_port == sfu_port(hall->world.sfu, 0) ? 0 : 1;
}

static bool all_connected(struct world *world, void *user)
{
        const struct hall *hall = user;
        bool all = hall->alice->connected && world_event(world, SFU_EV_CONNECTED, hall->alice_peer);

        for (int i = 0; i < N_VIEWERS; i++)
                all &= hall->viewers[i].client->connected;
        return all;
}

static bool have_enough(const struct hall *hall, bool here, bool there)
{
        for (int i = 0; i < N_VIEWERS; i++) {
                const struct viewer *viewer = &hall->viewers[i];

                if ((viewer->with_alice ? here : there) && viewer->client->n_packets < hall->want)
                        return false;
        }
        return true;
}

static bool all_have_enough(struct world *world, void *user)
{
        (void)world;
        return have_enough(user, true, true);
}

static bool those_with_alice_have_enough(struct world *world, void *user)
{
        (void)world;
        return have_enough(user, true, false);
}

static void send_picture(struct hall *hall, bool key)
{
        uint8_t payload[1400];
        uint16_t n = hall->next;
        size_t len = client_vp8_payload(payload, n, key);

        client_send_rtp(hall->alice, CLIENT_CAMERA_SSRC, CLIENT_VP8_PT, n, n * 3000u, true, payload,
                        len);
}

static void send_sound(struct hall *hall)
{
        uint8_t payload[1400];
        uint16_t n = hall->next;
        size_t len = client_opus_payload(payload, n);

        client_send_rtp(hall->alice, CLIENT_MIC_SSRC, CLIENT_OPUS_PT, n, n * 960u, false, payload,
                        len);
}

static void send_both(struct hall *hall, bool key)
{
        send_picture(hall, key);
        send_sound(hall);
        hall->next++;
}

static bool got_both(const struct client *client)
{
        bool sound = false, picture = false;

        for (size_t i = 0; i < client->n_packets && i < CLIENT_MAX_PACKETS; i++) {
                sound |= client->packets[i].ssrc == client->audio_ssrcs[0];
                picture |= client->packets[i].ssrc == client->video_ssrcs[0];
        }
        return sound && picture;
}

static bool all_got_both(struct world *world, void *user)
{
        const struct hall *hall = user;
        bool all = true;

        (void)world;
        for (int i = 0; i < N_VIEWERS; i++)
                all &= got_both(hall->viewers[i].client);
        return all;
}

static void forget_packets(struct hall *hall)
{
        for (int i = 0; i < N_VIEWERS; i++)
                hall->viewers[i].client->n_packets = 0;
        hall->want = 0;
}

/* Until everybody watches: the other worker hears of a stream when it begins. */
static void warm_up(struct hall *hall)
{
        int i = 0;

        do {
                assert_true(i++ < 500);
                send_both(hall, true);
        } while (!world_wait(&hall->world, all_got_both, hall, 20));
        /* What is under way arrives: one more picture that everybody shows. */
        send_both(hall, false);
        (void)world_wait(&hall->world, all_have_enough, hall, 0);
        for (bool settled = false; !settled;) {
                size_t n = hall->viewers[0].client->n_packets, sum = 0, again = 0;

                for (int k = 0; k < N_VIEWERS; k++)
                        sum += hall->viewers[k].client->n_packets;
                hall->want = n + 1000;
                (void)world_wait(&hall->world, all_have_enough, hall, 50);
                for (int k = 0; k < N_VIEWERS; k++)
                        again += hall->viewers[k].client->n_packets;
                settled = again == sum;
        }
        forget_packets(hall);
}

static void open_viewer(struct hall *hall, int i)
{
        const struct sfu_slot_view views[] = {
                { .slot = 0, .participant = ALICE, .kind = SFU_CAMERA, .max_height = 720 },
                { .audio = true, .slot = 0, .participant = ALICE },
        };
        struct viewer *viewer = &hall->viewers[i];

        viewer->client = client_new(&(struct client_params){ .n_audio = 1, .n_video = 1 });
        viewer->peer = world_open(&hall->world, viewer->client, ROOM, (uint32_t)i + 2);
        sfu_peer_view(hall->world.sfu, viewer->peer, views, ARRAY_LEN(views));
        viewer->with_alice = worker_of(hall, viewer->client) == hall->alice_worker;
}

static void hall_init(struct hall *hall)
{
        const struct sfu_tuning tuning = { .silence_us = SFU_SILENCE_US,
                                           .spread_peers = 1,
                                           .on_turn = on_turn };
        int n_with_alice = 0;

        memset(hall, 0, sizeof(*hall));
        sem_init(&stall.entered, 0, 0);
        sem_init(&stall.go_on, 0, 0);
        world_init_tuned(&hall->world, 2, &tuning);
        hall->alice = client_new(&(struct client_params){ .mic = true, .camera = true });
        hall->alice_peer = world_open(&hall->world, hall->alice, ROOM, ALICE);
        hall->alice_worker = worker_of(hall, hall->alice);
        for (int i = 0; i < N_VIEWERS; i++) {
                open_viewer(hall, i);
                n_with_alice += hall->viewers[i].with_alice;
        }
        assert_int_equal(n_with_alice, N_VIEWERS / 2);
        assert_true(world_wait(&hall->world, all_connected, hall, WAIT_MS));
}

static void hall_done(struct hall *hall)
{
        world_done(&hall->world);
        for (int i = 0; i < N_VIEWERS; i++)
                client_free(hall->viewers[i].client);
        client_free(hall->alice);
}

static struct viewer *viewer_elsewhere(struct hall *hall)
{
        int i = 0;

        while (hall->viewers[i].with_alice)
                i++;
        return &hall->viewers[i];
}

static void assert_whole(const struct client *client, uint32_t ssrc, uint16_t first, size_t n)
{
        bool video = ssrc == client->video_ssrcs[0];
        const struct client_packet *before = NULL;
        size_t k = 0;

        for (size_t i = 0; i < client->n_packets && i < CLIENT_MAX_PACKETS; i++) {
                const struct client_packet *got = &client->packets[i];
                size_t skip = video ? 4 : 0, len; /* picture ids are the slot's own */
                uint16_t number = (uint16_t)(first + k);
                uint8_t sent[1400];

                if (got->ssrc != ssrc)
                        continue;
                len = video ? client_vp8_payload(sent, number, false)
                            : client_opus_payload(sent, number);
                assert_int_equal(got->len, len);
                assert_memory_equal(got->payload + skip, sent + skip, len - skip);
                if (before)
                        assert_int_equal((uint16_t)(got->seq - before->seq), 1);
                before = got;
                k++;
        }
        assert_int_equal(k, n);
}

static void viewers_on_either_worker_get_every_packet(void **state)
{
        struct hall hall;
        uint16_t first;

        (void)state;
        hall_init(&hall);
        warm_up(&hall);
        first = hall.next;
        for (int i = 0; i < 100; i++) {
                hall.want += 2;
                send_both(&hall, false);
                assert_true(world_wait(&hall.world, all_have_enough, &hall, WAIT_MS));
        }
        for (int i = 0; i < N_VIEWERS; i++) {
                const struct client *client = hall.viewers[i].client;

                assert_whole(client, client->video_ssrcs[0], first, 100);
                assert_whole(client, client->audio_ssrcs[0], first, 100);
                assert_int_equal(client->n_bad, 0);
        }
        hall_done(&hall);
}

/* The same bytes once more: the client's own replay check refuses them. */
static bool packet_came_again(struct world *world, void *client)
{
        (void)world;
        return ((struct client *)client)->n_bad > 0;
}

static bool one_was_repeated(struct world *world, void *user)
{
        struct sfu_counters counters;

        (void)user;
        sfu_counters(world->sfu, &counters);
        assert_int_equal(counters.rtx_miss, 0);
        return counters.rtx_out == 1;
}

static void nack_is_answered_by_the_viewers_own_worker(void **state)
{
        struct hall hall;
        struct client *client;

        (void)state;
        hall_init(&hall);
        warm_up(&hall);
        client = viewer_elsewhere(&hall)->client;
        hall.want = 1;
        send_sound(&hall);
        assert_true(world_wait(&hall.world, all_have_enough, &hall, WAIT_MS));
        client_send_nack(client, client->packets[0].ssrc, client->packets[0].seq);
        assert_true(world_wait(&hall.world, packet_came_again, client, WAIT_MS));
        assert_true(world_wait(&hall.world, one_was_repeated, NULL, WAIT_MS));
        hall_done(&hall);
}

static void late_packet_of_the_publisher_reaches_both_workers(void **state)
{
        struct hall hall;

        (void)state;
        hall_init(&hall);
        warm_up(&hall);
        hall.next++;
        send_picture(&hall, false);
        hall.next--;
        send_picture(&hall, false);
        hall.want = 2;
        assert_true(world_wait(&hall.world, all_have_enough, &hall, WAIT_MS));
        for (int i = 0; i < N_VIEWERS; i++) {
                const struct client_packet *got = hall.viewers[i].client->packets;

                assert_int_equal((uint16_t)(got[0].seq - got[1].seq), 1);
        }
        hall_done(&hall);
}

static bool slots_are_empty(struct world *world, void *user)
{
        const struct hall *hall = user;
        int n_empty = 0;

        for (size_t i = 0; i < world->n_events; i++) {
                const struct sfu_event *event = &world->events[i];

                n_empty += event->type == SFU_EV_SLOT && event->slot.source == 0;
        }
        (void)hall;
        return n_empty == 2 * N_VIEWERS;
}

static void publisher_that_leaves_and_comes_back_is_seen_on_both(void **state)
{
        struct hall hall;

        (void)state;
        hall_init(&hall);
        warm_up(&hall);
        hall.world.n_events = 0;
        sfu_peer_close(hall.world.sfu, hall.alice_peer);
        assert_true(world_wait(&hall.world, slots_are_empty, &hall, WAIT_MS));
        client_free(hall.alice);
        hall.alice = client_new(&(struct client_params){ .mic = true, .camera = true });
        hall.alice_peer = world_open(&hall.world, hall.alice, ROOM, ALICE);
        assert_true(world_wait(&hall.world, all_connected, &hall, WAIT_MS));
        warm_up(&hall);
        hall_done(&hall);
}

static size_t n_speakers_told(struct world *world)
{
        size_t n = 0;

        for (size_t i = 0; i < world->n_events; i++)
                n += world->events[i].type == SFU_EV_SPEAKER;
        return n;
}

static bool speaker_is_told(struct world *world, void *user)
{
        (void)user;
        return n_speakers_told(world) > 0;
}

static void active_speaker_is_told_once(void **state)
{
        struct hall hall;

        (void)state;
        hall_init(&hall);
        for (int i = 0; i < 500 && !world_wait(&hall.world, speaker_is_told, NULL, 20); i++) {
                send_sound(&hall);
                hall.next++;
        }
        warm_up(&hall); /* time enough for the other worker's word */
        assert_int_equal(n_speakers_told(&hall.world), 1);
        assert_int_equal(hall.world.events[hall.world.n_events - 1].room, ROOM);
        hall_done(&hall);
}

/* Standing still. */

static void stop_the_other_worker(struct hall *hall)
{
        const struct viewer *viewer = viewer_elsewhere(hall);

        __atomic_store_n(&stall.worker, worker_of(hall, viewer->client) + 1, __ATOMIC_RELEASE);
        sfu_peer_mute(hall->world.sfu, viewer->peer, SFU_SCREEN, true); /* wakes it */
        while (sem_wait(&stall.entered) < 0)
                ;
}

struct dropped {
        uint64_t at_least;
};

static bool drops_are_counted(struct world *world, void *user)
{
        const struct dropped *dropped = user;
        struct sfu_counters counters;

        sfu_counters(world->sfu, &counters);
        return counters.relay_dropped >= dropped->at_least && counters.relayed > 0;
}

static void worker_that_stands_still_misses_nothing_and_hinders_nobody(void **state)
{
        struct sfu_counters counters;
        struct hall hall;
        uint16_t first;

        (void)state;
        hall_init(&hall);
        warm_up(&hall);
        first = hall.next;
        stop_the_other_worker(&hall);
        for (int i = 0; i < 50; i++) { /* as much as ten cameras send in a tenth of a second */
                hall.want += i % 10 ? 1 : 2;
                send_picture(&hall, false);
                if (i % 10 == 0)
                        send_sound(&hall);
                hall.next++;
                assert_true(world_wait(&hall.world, those_with_alice_have_enough, &hall, WAIT_MS));
        }
        assert_int_equal(viewer_elsewhere(&hall)->client->n_packets, 0);
        sem_post(&stall.go_on);
        assert_true(world_wait(&hall.world, all_have_enough, &hall, WAIT_MS));
        for (int i = 0; i < N_VIEWERS; i++) {
                const struct client *client = hall.viewers[i].client;

                assert_whole(client, client->video_ssrcs[0], first, 50);
                assert_int_equal(client->n_packets, 55);
        }
        assert_true(world_wait(&hall.world, drops_are_counted, &(struct dropped){ 0 }, WAIT_MS));
        sfu_counters(hall.world.sfu, &counters);
        assert_int_equal(counters.relay_dropped, 0);
        hall_done(&hall);
}

static bool alice_is_asked(struct world *world, void *user)
{
        const struct hall *hall = user;

        (void)world;
        return hall->alice->n_pli > 0;
}

static bool got_the_last_picture(struct world *world, void *user)
{
        const struct client *client = viewer_elsewhere(user)->client;
        uint8_t sent[1400];
        size_t len = client_vp8_payload(sent, ((struct hall *)user)->next, true);

        (void)world;
        for (size_t i = 0; i < client->n_packets && i < CLIENT_MAX_PACKETS; i++) {
                const struct client_packet *got = &client->packets[i];

                if (got->len == len && memcmp(got->payload + 4, sent + 4, len - 4) == 0)
                        return true;
        }
        return false;
}

/* More than the ring holds: the rest is counted, and the picture begins anew. */
static void worker_that_stands_still_for_long_is_given_a_key_frame(void **state)
{
        struct hall hall;
        int n = 0;

        (void)state;
        hall_init(&hall);
        warm_up(&hall);
        stop_the_other_worker(&hall);
        while (!world_wait(&hall.world, drops_are_counted, &(struct dropped){ 10 }, 0)) {
                assert_true(n++ < 1000);
                for (int i = 0; i < 16; i++, hall.next++)
                        send_picture(&hall, false);
                hall.want += 16;
                assert_true(world_wait(&hall.world, those_with_alice_have_enough, &hall, WAIT_MS));
        }
        hall.alice->n_pli = 0;
        sem_post(&stall.go_on);
        for (n = 0; n < 500 && !world_wait(&hall.world, alice_is_asked, &hall, 20); n++) {
                send_picture(&hall, false);
                hall.next++;
        }
        assert_true(hall.alice->n_pli > 0);
        n = 0;
        do { /* what waited comes first, and more than a socket holds */
                assert_true(n++ < 500);
                forget_packets(&hall);
                hall.next++;
                send_picture(&hall, true);
        } while (!world_wait(&hall.world, got_the_last_picture, &hall, 50));
        hall_done(&hall);
}

/* A worker that dies. */

static unsigned doomed;

static void die(void *user, unsigned worker)
{
        (void)user;
        if (__atomic_load_n(&doomed, __ATOMIC_ACQUIRE) == worker + 1)
                abort(); /* as a failed assertion does */
}

/* In a process of its own, which has no way to go on. */
static void serve_until_a_worker_dies(int port_fd)
{
        const struct sfu_tuning tuning = { .silence_us = SFU_SILENCE_US,
                                           .spread_peers = 1,
                                           .on_turn = die };
        const struct rlimit no_core = { 0, 0 };
        struct client *client;
        struct world world;
        uint16_t port;

        setrlimit(RLIMIT_CORE, &no_core);
        world_init_tuned(&world, 2, &tuning);
        client = client_new(&(struct client_params){ .n_audio = 1 });
        world_open(&world, client, ROOM, ALICE);
        (void)world_wait(&world, world_connected, client, WAIT_MS);
        port = sfu_port(world.sfu, 1);
        (void)!write(port_fd, &port, sizeof(port));
        unlink(world.identity);
        rmdir(world.dir);
        __atomic_store_n(&doomed, 2, __ATOMIC_RELEASE);
        world_open(&world, client_new(&(struct client_params){ .n_audio = 1 }), ROOM, 2);
        for (;;)
                pause();
}

static void worker_that_dies_takes_the_process_along(void **state)
{
        static const char *const addresses[] = { "127.0.0.1" };
        struct sfu_config config = { .n_workers = 1, .addresses = addresses, .n_addresses = 1 };
        struct world world;
        struct sfu *sfu = NULL;
        int pipe_fds[2], status = 0;
        pid_t pid;

        (void)state;
        assert_int_equal(pipe(pipe_fds), 0);
        pid = fork();
        assert_true(pid >= 0);
        if (pid == 0)
                serve_until_a_worker_dies(pipe_fds[1]);
        close(pipe_fds[1]);
        assert_int_equal(read(pipe_fds[0], &config.media_port, 2), 2);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFSIGNALED(status));
        assert_int_equal(WTERMSIG(status), SIGABRT);
        /* Nothing of it is left: the port of the dead worker is free. */
        world_init(&world, 1, 0);
        config.identity_path = world.identity;
        assert_int_equal(sfu_new(&sfu, &config, NULL, 0), 0);
        sfu_free(sfu);
        world_done(&world);
        close(pipe_fds[0]);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(worker_that_dies_takes_the_process_along),
                cmocka_unit_test(viewers_on_either_worker_get_every_packet),
                cmocka_unit_test(nack_is_answered_by_the_viewers_own_worker),
                cmocka_unit_test(late_packet_of_the_publisher_reaches_both_workers),
                cmocka_unit_test(publisher_that_leaves_and_comes_back_is_seen_on_both),
                cmocka_unit_test(active_speaker_is_told_once),
                cmocka_unit_test(worker_that_stands_still_misses_nothing_and_hinders_nobody),
                cmocka_unit_test(worker_that_stands_still_for_long_is_given_a_key_frame),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
