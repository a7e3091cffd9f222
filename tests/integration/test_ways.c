/* SPDX-License-Identifier: Apache-2.0 */
/* Ways in and out of the media plane: restarts, other addresses, TCP. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "tests/integration/world.h"

enum { WAIT_MS = 10000, ROOM = 7, ALICE = 1, BOB = 2 };

/* Alice speaks, Bob hears her in one slot. */
struct talk {
        struct world world;
        struct client *alice, *bob;
        uint64_t alice_peer, bob_peer;
        uint16_t next;
        size_t want;
};

static bool events_say_connected(struct world *world, void *user)
{
        struct talk *talk = user;

        return world_event(world, SFU_EV_CONNECTED, talk->alice_peer) &&
               world_event(world, SFU_EV_CONNECTED, talk->bob_peer);
}

static void talk_init(struct talk *talk, const struct client_params *bob)
{
        const struct sfu_slot_view view = { .audio = true, .participant = ALICE };

        memset(talk, 0, sizeof(*talk));
        world_init(&talk->world, 1, 0);
        talk->alice = client_new(
                &(struct client_params){ .mic = true, .tcp = bob->tcp, .address = bob->address });
        talk->bob = client_new(bob);
        talk->alice_peer = world_open(&talk->world, talk->alice, ROOM, ALICE);
        talk->bob_peer = world_open(&talk->world, talk->bob, ROOM, BOB);
        sfu_peer_view(talk->world.sfu, talk->bob_peer, &view, 1);
        assert_true(world_wait(&talk->world, world_connected, talk->alice, WAIT_MS));
        assert_true(world_wait(&talk->world, world_connected, talk->bob, WAIT_MS));
        assert_true(world_wait(&talk->world, events_say_connected, talk, WAIT_MS));
}

static void talk_done(struct talk *talk)
{
        world_done(&talk->world);
        client_free(talk->alice);
        client_free(talk->bob);
}

static bool bob_has_enough(struct world *world, void *user)
{
        struct talk *talk = user;

        (void)world;
        return talk->bob->n_packets >= talk->want;
}

static void say(struct talk *talk, unsigned n_packets)
{
        for (unsigned i = 0; i < n_packets; i++) {
                uint8_t payload[200];
                uint16_t n = talk->next++;
                size_t len = client_opus_payload(payload, n);

                talk->want = talk->bob->n_packets + 1;
                client_send_rtp(talk->alice, CLIENT_MIC_SSRC, CLIENT_OPUS_PT, n, n * 960u, false,
                                payload, len);
                assert_true(world_wait(&talk->world, bob_has_enough, talk, WAIT_MS));
        }
}

/* All that was said came, in one stream without a gap. */
static void assert_heard_all(const struct talk *talk)
{
        assert_int_equal(talk->bob->n_packets, talk->next);
        for (size_t i = 0; i < talk->bob->n_packets; i++) {
                const struct client_packet *got = &talk->bob->packets[i];

                assert_int_equal(got->ssrc, talk->bob->audio_ssrcs[0]);
                assert_int_equal((uint16_t)(got->seq - talk->bob->packets[0].seq), i);
        }
        assert_int_equal(talk->bob->n_bad, 0);
}

/* Restarts. */

static bool check_answered(struct world *world, void *client)
{
        (void)world;
        return ((struct client *)client)->check_answered;
}

/* Moves Bob. As every client does, he repeats a check that is not answered: the
 * worker may hear of a restart after the check. */
static void move_bob(struct talk *talk)
{
        enum { REPEAT_MS = 100, TRIES = 50 };

        client_move(talk->bob);
        for (unsigned i = 0; i < TRIES; i++) {
                if (world_wait(&talk->world, check_answered, talk->bob, REPEAT_MS))
                        return;
                client_check_again(talk->bob);
        }
        fail_msg("no check is answered");
}

static bool one_bad_check(struct world *world, void *user)
{
        const struct sfu_counters *before = user;
        struct sfu_counters counters;

        sfu_counters(world->sfu, &counters);
        return counters.stun_bad > before->stun_bad;
}

/* With the credentials of remote_ufrag and remote_pwd. */
static void check_with(struct talk *talk, struct client *client, char *ufrag, const char *remote)
{
        char *kept = client->ufrag, kept_remote[64];

        memcpy(kept_remote, client->remote_ufrag, sizeof(kept_remote));
        client->ufrag = ufrag;
        strcpy(client->remote_ufrag, remote);
        client_check_again(client);
        client->ufrag = kept;
        memcpy(client->remote_ufrag, kept_remote, sizeof(kept_remote));
        (void)talk;
}

static void restart(struct talk *talk, struct client *client, uint64_t peer)
{
        char *offer, *answer = NULL;

        client_restart(client);
        offer = client_offer(client);
        assert_int_equal(sfu_peer_restart(talk->world.sfu, peer, offer, strlen(offer), &answer), 0);
        client_accept_answer(client, answer);
        free(offer);
        free(answer);
}

static void restart_keeps_keys_and_slots(void **state)
{
        struct client_params bob = { .n_audio = 1 };
        char old_ufrag[64], old_remote[64];
        struct sfu_counters before;
        struct talk talk;

        (void)state;
        talk_init(&talk, &bob);
        say(&talk, 5);
        strcpy(old_ufrag, talk.bob->ufrag);
        strcpy(old_remote, talk.bob->remote_ufrag);
        restart(&talk, talk.alice, talk.alice_peer);
        restart(&talk, talk.bob, talk.bob_peer);
        assert_string_not_equal(talk.bob->remote_ufrag, old_remote);
        say(&talk, 5); /* before and while the new checks run */
        move_bob(&talk);
        say(&talk, 5);
        assert_heard_all(&talk);

        /* She nominated with the new credentials: the old ones are over. */
        sfu_counters(talk.world.sfu, &before);
        check_with(&talk, talk.bob, old_ufrag, old_remote);
        assert_true(world_wait(&talk.world, one_bad_check, &before, WAIT_MS));
        talk_done(&talk);
}

static void old_credentials_serve_until_the_new_are_used(void **state)
{
        struct client_params bob = { .n_audio = 1 };
        struct talk talk;
        char *lines = NULL;

        (void)state;
        talk_init(&talk, &bob);
        for (unsigned i = 0; i < 3; i++) { /* the client changes her mind, too */
                assert_int_equal(sfu_peer_restart_ice(talk.world.sfu, talk.bob_peer, "anew",
                                                      "abcdefghijklmnopqrstuv", &lines),
                                 0);
                assert_int_equal(strncmp(lines, "a=ice-ufrag:", 12), 0);
                free(lines);
        }
        move_bob(&talk);
        say(&talk, 5);
        assert_heard_all(&talk);
        talk_done(&talk);
}

static void restart_whose_answer_is_lost_spoils_nothing(void **state)
{
        struct client_params bob = { .n_audio = 1 };
        struct talk talk;
        char *lines = NULL;

        (void)state;
        talk_init(&talk, &bob);
        restart(&talk, talk.bob, talk.bob_peer);
        assert_int_equal(sfu_peer_restart_ice(talk.world.sfu, talk.bob_peer, "lost",
                                              "abcdefghijklmnopqrstuv", &lines),
                         0);
        free(lines);
        move_bob(&talk); /* with what he knows: the first restart's */
        say(&talk, 5);
        assert_heard_all(&talk);
        talk_done(&talk);
}

static void restart_of_nobody_or_with_other_media_is_refused(void **state)
{
        struct client_params bob = { .n_audio = 1 };
        struct client *other;
        struct talk talk;
        char *offer, *answer = NULL;

        (void)state;
        talk_init(&talk, &bob);
        offer = client_offer(talk.bob);
        assert_int_equal(sfu_peer_restart(talk.world.sfu, 999, offer, strlen(offer), &answer),
                         -ENOENT);
        assert_int_equal(sfu_peer_restart_ice(talk.world.sfu, 999, "anew", "x", &answer), -ENOENT);
        assert_int_equal(sfu_peer_restart_ice(talk.world.sfu, talk.bob_peer, "anew", "x", &answer),
                         SFU_OFFER_NO_ICE);
        assert_int_equal(sfu_peer_restart(talk.world.sfu, talk.bob_peer, "v=0", 3, &answer),
                         SFU_OFFER_MALFORMED);
        free(offer);
        other = client_new(&(struct client_params){ .n_audio = 2 });
        offer = client_offer(other);
        assert_int_equal(
                sfu_peer_restart(talk.world.sfu, talk.bob_peer, offer, strlen(offer), &answer),
                SFU_OFFER_CHANGED);
        assert_null(answer);
        free(offer);
        client_free(other);
        say(&talk, 3);
        assert_heard_all(&talk);
        talk_done(&talk);
}

/* IPv6. */

static void people_meet_over_ipv6(void **state)
{
        struct client_params bob = { .n_audio = 1, .address = "::1" };
        struct client *carol;
        struct talk talk;

        (void)state;
        talk_init(&talk, &bob);
        carol = client_new(&(struct client_params){ .n_audio = 1, .address = "::1", .tcp = true });
        world_open(&talk.world, carol, ROOM, 3);
        assert_true(world_wait(&talk.world, world_connected, carol, WAIT_MS));
        say(&talk, 20);
        assert_heard_all(&talk);
        talk_done(&talk);
        client_free(carol);
}

/* Silence. */

static bool alice_is_silent(struct world *world, void *user)
{
        struct talk *talk = user;

        return world_event(world, SFU_EV_SILENT, talk->alice_peer) != NULL;
}

/* Every 20 ms, as far as the machine lets her; returns when she said the last. */
static int64_t talk_steadily(struct talk *talk)
{
        enum { EVERY_US = 20 * 1000, PACKETS = 75 };
        int64_t due_us = clock_now_us();

        for (unsigned i = 0; i < PACKETS; i++) {
                uint8_t payload[200];
                uint16_t n = talk->next++;
                size_t len = client_opus_payload(payload, n);

                client_send_rtp(talk->alice, CLIENT_MIC_SSRC, CLIENT_OPUS_PT, n, n * 960u, false,
                                payload, len);
                due_us += EVERY_US;
                while (clock_now_us() < due_us)
                        client_pump();
        }
        return clock_now_us();
}

static void steady_talker_who_falls_silent_is_told_of(void **state)
{
        enum { TRIES = 5, PAUSE_MS = 1000 };
        struct client_params bob = { .n_audio = 1 };
        int64_t last_us = 0;
        bool told = false;
        struct talk talk;

        (void)state;
        talk_init(&talk, &bob);
        /* On a machine that is busy elsewhere her talk is not steady. */
        for (unsigned i = 0; i < TRIES && !told; i++) {
                last_us = talk_steadily(&talk);
                told = world_wait(&talk.world, alice_is_silent, &talk, PAUSE_MS);
        }
        assert_true(told);
        printf("figure: a silent talker is told of after %d ms\n",
               (int)((clock_now_us() - last_us) / 1000));
        assert_null(world_event(&talk.world, SFU_EV_SILENT, talk.bob_peer));
        talk_done(&talk);
}

/* TCP. */

static bool tcp_open_is(struct world *world, void *user)
{
        struct sfu_counters counters;

        sfu_counters(world->sfu, &counters);
        return counters.tcp_open == *(uint32_t *)user;
}

static void client_without_udp_comes_in_by_tcp(void **state)
{
        struct client_params bob = { .tcp = true, .n_audio = 1 };
        struct sfu_counters counters;
        uint32_t n = 2;
        struct talk talk;

        (void)state;
        talk_init(&talk, &bob);
        say(&talk, 100);
        assert_heard_all(&talk);
        assert_true(world_wait(&talk.world, tcp_open_is, &n, WAIT_MS));
        sfu_counters(talk.world.sfu, &counters);
        assert_int_equal(counters.send_dropped + counters.stun_bad, 0);
        /* Her connection goes with her. */
        sfu_peer_close(talk.world.sfu, talk.bob_peer);
        n = 1;
        assert_true(world_wait(&talk.world, tcp_open_is, &n, WAIT_MS));
        talk_done(&talk);
}

static int dial(const struct talk *talk)
{
        struct sockaddr_in to = { .sin_family = AF_INET,
                                  .sin_port = htons(sfu_port(talk->world.sfu, 0)) };
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

        to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
        return fd;
}

static bool is_closed(struct world *world, void *user)
{
        uint8_t byte;
        ssize_t n = recv(*(int *)user, &byte, 1, MSG_DONTWAIT);

        (void)world;
        return n == 0 || (n < 0 && errno == ECONNRESET);
}

static void stranger_by_tcp_is_cut_off(void **state)
{
        static const struct {
                uint8_t bytes[40];
                size_t len;
        } openings[] = {
                { "GET / HTTP/1.1\r\nHost: dinh\r\n\r\n",
                  30 },                           /* a long frame, cut: goes by time */
                { { 0, 4, 22, 254, 253, 0 }, 6 }, /* DTLS at once */
                { { 0, 4, 0x80, 111, 0, 1 }, 6 }, /* media at once */
                { { 0, 0 }, 2 },                  /* nothing at all */
                { { 0, 20, 0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42 }, 22 }, /* a check of nobody */
        };
        struct client_params bob = { .n_audio = 1 };
        int half_open, fd;
        struct talk talk;

        (void)state;
        talk_init(&talk, &bob);
        half_open = dial(&talk);
        assert_int_equal(send(half_open, openings[0].bytes, openings[0].len, 0), openings[0].len);
        for (size_t i = 1; i < ARRAY_LEN(openings); i++) {
                fd = dial(&talk);
                assert_int_equal(send(fd, openings[i].bytes, openings[i].len, 0), openings[i].len);
                assert_true(world_wait(&talk.world, is_closed, &fd, WAIT_MS));
                close(fd);
        }
        say(&talk, 5);
        assert_heard_all(&talk);
        talk_done(&talk);
        close(half_open);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(people_meet_over_ipv6),
                cmocka_unit_test(steady_talker_who_falls_silent_is_told_of),
                cmocka_unit_test(client_without_udp_comes_in_by_tcp),
                cmocka_unit_test(stranger_by_tcp_is_cut_off),
                cmocka_unit_test(restart_keeps_keys_and_slots),
                cmocka_unit_test(old_credentials_serve_until_the_new_are_used),
                cmocka_unit_test(restart_whose_answer_is_lost_spoils_nothing),
                cmocka_unit_test(restart_of_nobody_or_with_other_media_is_refused),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
