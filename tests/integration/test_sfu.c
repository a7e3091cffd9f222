/* SPDX-License-Identifier: Apache-2.0 */
/* The media plane from outside: real sockets, threads, ICE, DTLS and SRTP. */
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
#include "base/mailbox.h"
#include "tests/integration/world.h"

enum { WAIT_MS = 10000, ROOM = 7, ALICE = 1, BOB = 2 };

/* Alice publishes, Bob watches her in one video slot and hears her in one. */
struct call {
        struct world world;
        struct client *alice, *bob;
        uint64_t alice_peer, bob_peer;
        uint16_t next; /* frame and packet number */
        size_t want;   /* packets Bob should have got in all */
};

/* Whoever is the DTLS server is connected a flight before the other. */
static bool events_say_connected(struct world *world, void *user)
{
        struct call *call = user;

        return world_event(world, SFU_EV_CONNECTED, call->alice_peer) &&
               world_event(world, SFU_EV_CONNECTED, call->bob_peer);
}

static void call_init(struct call *call, const struct client_params *bob, int64_t silence_us)
{
        const struct sfu_slot_view views[] = {
                { .slot = 0, .participant = ALICE, .kind = SFU_CAMERA, .max_height = 720 },
                { .audio = true, .slot = 0, .participant = ALICE },
        };

        memset(call, 0, sizeof(*call));
        world_init(&call->world, 2, silence_us);
        call->alice = client_new(&(struct client_params){ .mic = true, .camera = true });
        call->bob = client_new(bob);
        call->alice_peer = world_open(&call->world, call->alice, ROOM, ALICE);
        call->bob_peer = world_open(&call->world, call->bob, ROOM, BOB);
        sfu_peer_view(call->world.sfu, call->bob_peer, views, ARRAY_LEN(views));
        assert_true(world_wait(&call->world, world_connected, call->alice, WAIT_MS));
        assert_true(world_wait(&call->world, world_connected, call->bob, WAIT_MS));
        assert_true(world_wait(&call->world, events_say_connected, call, WAIT_MS));
}

static void call_done(struct call *call)
{
        world_done(&call->world);
        client_free(call->alice);
        client_free(call->bob);
}

static bool bob_has_enough(struct world *world, void *user)
{
        struct call *call = user;

        (void)world;
        return call->bob->n_packets >= call->want;
}

static void alice_sends_one_of_each(struct call *call)
{
        uint8_t payload[1400];
        uint16_t n = call->next++;
        size_t len = client_vp8_payload(payload, n, n == 0);

        client_send_rtp(call->alice, CLIENT_CAMERA_SSRC, CLIENT_VP8_PT, n, n * 3000u, true, payload,
                        len);
        len = client_opus_payload(payload, n);
        client_send_rtp(call->alice, CLIENT_MIC_SSRC, CLIENT_OPUS_PT, n, n * 960u, false, payload,
                        len);
}

/* One round trip per frame, so that loopback buffers lose nothing. */
static void exchange(struct call *call, unsigned n_frames)
{
        for (unsigned i = 0; i < n_frames; i++) {
                call->want = call->bob->n_packets + 2;
                alice_sends_one_of_each(call);
                assert_true(world_wait(&call->world, bob_has_enough, call, WAIT_MS));
        }
}

static void assert_stream(const struct call *call, uint32_t ssrc, bool video, size_t n_expected)
{
        const struct client_packet *before = NULL;
        size_t n = 0;

        for (size_t i = 0; i < call->bob->n_packets; i++) {
                const struct client_packet *got = &call->bob->packets[i];
                uint8_t sent[1400];
                size_t len = video ? client_vp8_payload(sent, (uint16_t)n, n == 0)
                                   : client_opus_payload(sent, (uint16_t)n);
                size_t skip = video ? 4 : 0; /* picture ids are the slot's own */

                if (got->ssrc != ssrc)
                        continue;
                assert_int_equal(got->pt, video ? CLIENT_VP8_PT : CLIENT_OPUS_PT);
                assert_int_equal(got->len, len);
                assert_memory_equal(got->payload + skip, sent + skip, len - skip);
                if (before) {
                        assert_int_equal((uint16_t)(got->seq - before->seq), 1);
                        assert_int_equal(got->ts - before->ts, video ? 3000 : 960);
                }
                before = got;
                n++;
        }
        assert_int_equal(n, n_expected);
}

/* Workers publish their counters every quarter of a second. */
static bool counters_agree(struct world *world, void *user)
{
        struct sfu_counters counters;

        (void)user;
        sfu_counters(world->sfu, &counters);
        assert_int_equal(counters.srtp_bad + counters.rtp_bad + counters.dtls_bad, 0);
        return counters.peers == 2 && counters.rooms == 1 && counters.rtp_in == 100 &&
               counters.rtp_out == 100 && counters.stun_ok >= 2;
}

static void what_one_publishes_another_receives(void **state)
{
        struct call call;

        (void)state;
        call_init(&call, &(struct client_params){ .n_audio = 1, .n_video = 1 }, 0);
        assert_string_equal(call.bob->profile, "SRTP_AEAD_AES_128_GCM");
        exchange(&call, 50);
        assert_stream(&call, call.bob->video_ssrcs[0], true, 50);
        assert_stream(&call, call.bob->audio_ssrcs[0], false, 50);
        assert_int_equal(call.bob->n_bad, 0);
        assert_true(world_wait(&call.world, counters_agree, NULL, WAIT_MS));
        call_done(&call);
}

static bool alice_is_asked_for_a_key_frame(struct world *world, void *user)
{
        struct call *call = user;

        (void)world;
        return call->alice->n_pli > 0;
}

static bool got_video(struct world *world, void *client)
{
        (void)world;
        return ((struct client *)client)->n_packets > 0;
}

static void latecomer_starts_with_a_key_frame_asked_for(void **state)
{
        const struct sfu_slot_view view = { .participant = ALICE,
                                            .kind = SFU_CAMERA,
                                            .max_height = 720 };
        uint8_t payload[1400];
        struct client *carol;
        struct call call;
        uint64_t peer;
        size_t len;

        (void)state;
        call_init(&call, &(struct client_params){ .n_audio = 1, .n_video = 1 }, 0);
        exchange(&call, 5);
        carol = client_new(&(struct client_params){ .n_video = 1 });
        peer = world_open(&call.world, carol, ROOM, 3);
        sfu_peer_view(call.world.sfu, peer, &view, 1);
        assert_true(world_wait(&call.world, alice_is_asked_for_a_key_frame, &call, WAIT_MS));
        exchange(&call, 2);
        assert_int_equal(carol->n_packets, 0); /* nothing she could decode */
        len = client_vp8_payload(payload, call.next, true);
        client_send_rtp(call.alice, CLIENT_CAMERA_SSRC, CLIENT_VP8_PT, call.next, call.next * 3000u,
                        true, payload, len);
        assert_true(world_wait(&call.world, got_video, carol, WAIT_MS));
        assert_memory_equal(carol->packets[0].payload + 4, payload + 4, len - 4);
        call_done(&call);
        client_free(carol);
}

static void client_that_misses_the_last_flight_again_and_again_connects(void **state)
{
        const struct sfu_tuning tuning = { .silence_us = SFU_SILENCE_US,
                                           .spread_peers = SFU_SPREAD_PEERS,
                                           .settle_us = 2 * 1000 * 1000 };
        struct client *client = client_new(
                &(struct client_params){ .n_audio = 1, .lost_flights = 8 });
        struct world world;
        uint64_t peer;

        (void)state;
        world_init_tuned(&world, 1, &tuning);
        peer = world_open(&world, client, ROOM, BOB);
        assert_true(world_wait(&world, world_connected, client, WAIT_MS));
        assert_int_equal(client->n_lost, 8);
        assert_non_null(world_event(&world, SFU_EV_CONNECTED, peer));
        world_done(&world);
        client_free(client);
}

static void server_can_be_the_dtls_client(void **state)
{
        struct call call;

        (void)state;
        call_init(&call, &(struct client_params){ .n_audio = 1, .n_video = 1, .dtls_server = true },
                  0);
        exchange(&call, 10);
        assert_stream(&call, call.bob->video_ssrcs[0], true, 10);
        call_done(&call);
}

static void client_without_gcm_gets_cm_sha1(void **state)
{
        struct call call;

        (void)state;
        call_init(&call,
                  &(struct client_params){
                          .n_audio = 1, .n_video = 1, .srtp_profiles = "SRTP_AES128_CM_SHA1_80" },
                  0);
        assert_string_equal(call.bob->profile, "SRTP_AES128_CM_SHA1_80");
        exchange(&call, 10);
        assert_stream(&call, call.bob->audio_ssrcs[0], false, 10);
        call_done(&call);
}

static void ipv6_client_hears_ipv4_client(void **state)
{
        struct call call;

        (void)state;
        call_init(&call, &(struct client_params){ .address = "::1", .n_audio = 1, .n_video = 1 },
                  0);
        exchange(&call, 10);
        assert_stream(&call, call.bob->video_ssrcs[0], true, 10);
        call_done(&call);
}

static bool check_is_answered(struct world *world, void *client)
{
        (void)world;
        return ((struct client *)client)->check_answered;
}

static void media_follows_a_client_to_its_new_address(void **state)
{
        struct call call;

        (void)state;
        call_init(&call, &(struct client_params){ .n_audio = 1, .n_video = 1 }, 0);
        exchange(&call, 5);
        for (int moves = 0; moves < 6; moves++) { /* more than a peer has places for */
                client_move(call.bob);
                assert_true(world_wait(&call.world, check_is_answered, call.bob, WAIT_MS));
                exchange(&call, 5);
                client_move(call.alice);
                assert_true(world_wait(&call.world, check_is_answered, call.alice, WAIT_MS));
                exchange(&call, 5);
        }
        assert_stream(&call, call.bob->video_ssrcs[0], true, 65);
        assert_int_equal(call.bob->n_bad, 0);
        call_done(&call);
}

/* Two clients behind one NAT that gives the first one's port to the second. */
static void address_goes_to_the_client_that_proved_it_last(void **state)
{
        struct call call;

        (void)state;
        call_init(&call, &(struct client_params){ .n_audio = 1, .n_video = 1 }, 0);
        client_move(call.bob);
        assert_true(world_wait(&call.world, check_is_answered, call.bob, WAIT_MS));
        exchange(&call, 3);
        call.bob->check_answered = false;
        call.alice->moved_fd = dup(call.bob->moved_fd); /* Bob's socket reads the answer */
        client_check_again(call.alice);
        assert_true(world_wait(&call.world, check_is_answered, call.bob, WAIT_MS));
        client_move(call.bob);
        assert_true(world_wait(&call.world, check_is_answered, call.bob, WAIT_MS));
        exchange(&call, 3);
        assert_stream(&call, call.bob->video_ssrcs[0], true, 6);
        call_done(&call);
}

/* Hostile datagrams. */

static int stranger(const struct world *world, unsigned worker)
{
        struct sockaddr_in to = { .sin_family = AF_INET,
                                  .sin_port = htons(sfu_port(world->sfu, worker)) };
        int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

        to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
        return fd;
}

static bool counters_show_the_flood(struct world *world, void *user)
{
        struct sfu_counters counters;

        (void)user;
        sfu_counters(world->sfu, &counters);
        return counters.stun_bad >= 200 && counters.unknown_source >= 200 &&
               counters.oversize >= 10;
}

static void flood_from_a_stranger_is_counted_and_changes_nothing(void **state)
{
        static uint8_t junk[4000];
        static const uint8_t firsts[] = { 0, 1, 20, 22, 63, 64, 128, 144, 191, 255 };
        struct call call;
        uint8_t answer[100];

        (void)state;
        call_init(&call, &(struct client_params){ .n_audio = 1, .n_video = 1 }, 0);
        exchange(&call, 2);
        for (unsigned worker = 0; worker < 2; worker++) {
                int fd = stranger(&call.world, worker);

                for (unsigned i = 0; i < 3000; i++) {
                        for (size_t k = 0; k < 64; k++)
                                junk[k] = (uint8_t)(i * 7 + k * (i | 1));
                        junk[0] = firsts[i % ARRAY_LEN(firsts)];
                        (void)!send(fd, junk, i % 97 == 0 ? sizeof(junk) : i % 1400, 0);
                        if (i % 100 == 0)
                                client_pump();
                }
                assert_true(recv(fd, answer, sizeof(answer), MSG_DONTWAIT) < 0); /* no echo */
                close(fd);
        }
        assert_true(world_wait(&call.world, counters_show_the_flood, NULL, WAIT_MS));
        exchange(&call, 5);
        assert_stream(&call, call.bob->video_ssrcs[0], true, 7);
        call_done(&call);
}

static bool counters_show_bad_media(struct world *world, void *user)
{
        struct sfu_counters counters;

        (void)user;
        sfu_counters(world->sfu, &counters);
        return counters.srtp_bad >= 20 && counters.dtls_bad >= 1 && counters.rate_limited >= 1;
}

static void garbage_of_a_known_client_is_counted_and_changes_nothing(void **state)
{
        uint8_t rtp[200] = { 0x80, CLIENT_VP8_PT }, rtcp[60] = { 0x80, 200, 0, 14 };
        uint8_t short_dtls[] = { 22, 0xfe, 0xfd }, other[] = { 70, 1, 2, 3 };
        uint8_t hello[14] = { 22, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1 };
        struct call call;

        (void)state;
        call_init(&call, &(struct client_params){ .n_audio = 1, .n_video = 1 }, 0);
        for (int i = 0; i < 20; i++) {
                client_send_raw(call.bob, rtp, sizeof(rtp));
                client_send_raw(call.bob, rtp, (size_t)i);
                client_send_raw(call.bob, rtcp, sizeof(rtcp));
                client_send_raw(call.bob, short_dtls, sizeof(short_dtls));
                client_send_raw(call.bob, other, sizeof(other));
        }
        for (int i = 0; i < 2000; i++)
                client_send_raw(call.bob, hello, sizeof(hello));
        assert_true(world_wait(&call.world, counters_show_bad_media, NULL, WAIT_MS));
        exchange(&call, 5);
        assert_stream(&call, call.bob->video_ssrcs[0], true, 5);
        call_done(&call);
}

/* Ends. */

struct ending {
        uint64_t peer;
        const struct sfu_event *event;
};

static bool peer_is_gone(struct world *world, void *user)
{
        struct ending *ending = user;

        ending->event = world_event(world, SFU_EV_GONE, ending->peer);
        return ending->event != NULL;
}

static enum sfu_gone wait_gone(struct world *world, uint64_t peer)
{
        struct ending ending = { .peer = peer };

        assert_true(world_wait(world, peer_is_gone, &ending, WAIT_MS));
        return ending.event->gone_reason;
}

static void silent_client_is_gone_and_garbage_does_not_save_it(void **state)
{
        const uint8_t rtp[100] = { 0x80, CLIENT_VP8_PT };
        struct ending ending = { 0 };
        struct call call;
        int64_t start_us;

        (void)state;
        call_init(&call, &(struct client_params){ .n_audio = 1, .n_video = 1 }, 1500 * 1000);
        start_us = clock_now_us();
        ending.peer = call.bob_peer;
        while (!peer_is_gone(&call.world, &ending)) {
                assert_true(clock_now_us() - start_us < 10 * 1000000);
                client_send_raw(call.bob, rtp, sizeof(rtp));
                alice_sends_one_of_each(&call);
                world_wait(&call.world, peer_is_gone, &ending, 20);
        }
        assert_int_equal(ending.event->gone_reason, SFU_GONE_TIMEOUT);
        assert_null(world_event(&call.world, SFU_EV_GONE, call.alice_peer)); /* she spoke */
        assert_true(clock_now_us() - start_us > 1000 * 1000);
        call_done(&call);
}

static void peer_that_never_connects_is_gone(void **state)
{
        struct world world;
        struct client *client = client_new(&(struct client_params){ .n_audio = 1 });
        const struct sfu_peer_params params = { .room = 1, .participant = 1 };
        char *offer = client_offer(client), *answer = NULL;
        uint64_t peer;

        (void)state;
        world_init(&world, 1, 300 * 1000);
        assert_int_equal(sfu_peer_open(world.sfu, &params, offer, strlen(offer), &answer, &peer),
                         0);
        assert_int_equal(wait_gone(&world, peer), SFU_GONE_TIMEOUT);
        free(offer);
        free(answer);
        world_done(&world);
        client_free(client);
}

static void wrong_certificate_is_refused(void **state)
{
        struct world world;
        struct client *client;
        uint64_t peer;

        (void)state;
        for (int server = 0; server < 2; server++) {
                world_init(&world, 1, 0);
                client = client_new(&(struct client_params){
                        .n_audio = 1, .wrong_fingerprint = true, .dtls_server = server });
                peer = world_open(&world, client, 1, 1);
                assert_int_equal(wait_gone(&world, peer), SFU_GONE_DTLS);
                assert_null(world_event(&world, SFU_EV_CONNECTED, peer));
                world_done(&world);
                client_free(client);
        }
}

static void goodbye_of_a_client_is_heard(void **state)
{
        struct call call;

        (void)state;
        call_init(&call, &(struct client_params){ .n_audio = 1, .n_video = 1 }, 0);
        client_close_notify(call.bob);
        assert_int_equal(wait_gone(&call.world, call.bob_peer), SFU_GONE_CLOSED_BY_PEER);
        call_done(&call);
}

static bool bob_heard_goodbye(struct world *world, void *user)
{
        struct call *call = user;

        (void)world;
        return call->bob->n_bye > 0 && call->bob->closed;
}

static void closing_says_goodbye(void **state)
{
        struct call call;

        (void)state;
        call_init(&call, &(struct client_params){ .n_audio = 1, .n_video = 1 }, 0);
        call.world.n_events = 0;
        sfu_peer_close(call.world.sfu, call.bob_peer);
        assert_true(world_wait(&call.world, bob_heard_goodbye, &call, WAIT_MS));
        assert_null(world_event(&call.world, SFU_EV_GONE, call.bob_peer));
        call_done(&call);
}

static void end_of_the_plane_says_goodbye(void **state)
{
        struct call call;

        (void)state;
        call_init(&call, &(struct client_params){ .n_audio = 1, .n_video = 1 }, 0);
        call.world.sfu = sfu_free(call.world.sfu);
        assert_true(world_wait(&call.world, bob_heard_goodbye, &call, WAIT_MS));
        call_done(&call);
}

static void second_connection_replaces_the_first(void **state)
{
        struct call call;
        struct client *again;
        uint64_t peer;

        (void)state;
        call_init(&call, &(struct client_params){ .n_audio = 1, .n_video = 1 }, 0);
        again = client_new(&(struct client_params){ .n_audio = 1, .n_video = 1 });
        peer = world_open(&call.world, again, ROOM, BOB);
        assert_int_not_equal(peer, call.bob_peer);
        assert_int_equal(wait_gone(&call.world, call.bob_peer), SFU_GONE_REPLACED);
        assert_true(world_wait(&call.world, world_connected, again, WAIT_MS));
        assert_null(world_event(&call.world, SFU_EV_GONE, peer));
        call_done(&call);
        client_free(again);
}

/* The rest. */

struct stats_answer {
        bool called;
        struct sfu_peer_stats *stats;
};

static void on_stats(void *user, const struct sfu_peer_stats *stats)
{
        struct stats_answer *answer = user;

        answer->called = true;
        if (!stats)
                return;
        answer->stats = malloc(sizeof(*stats));
        *answer->stats = *stats;
}

static bool stats_came(struct world *world, void *user)
{
        (void)world;
        return ((struct stats_answer *)user)->called;
}

/* For this thread only: workers report into mailboxes too. */
static __thread bool mailboxes_are_full;

int __real_mailbox_put(struct mailbox *box, const void *message);
int __wrap_mailbox_put(struct mailbox *box, const void *message);

int __wrap_mailbox_put(struct mailbox *box, const void *message)
{
        return mailboxes_are_full ? -EAGAIN : __real_mailbox_put(box, message);
}

static bool bobs_video_slot_is_empty(struct world *world, void *user)
{
        const struct call *call = user;
        const struct sfu_event *event = world_event(world, SFU_EV_SLOT, call->bob_peer);

        return event && !event->slot.audio && event->slot.source == 0;
}

static void busy_worker_gets_every_command_later_and_in_order(void **state)
{
        const struct sfu_slot_view nobody = { .kind = SFU_CAMERA };
        struct call call;

        (void)state;
        call_init(&call, &(struct client_params){ .n_audio = 1, .n_video = 1 }, 0);
        exchange(&call, 3);
        call.world.n_events = 0;
        mailboxes_are_full = true;
        sfu_peer_view(call.world.sfu, call.bob_peer, &nobody, 1);
        sfu_peer_mute(call.world.sfu, call.alice_peer, SFU_MIC, true);
        mailboxes_are_full = false;
        sfu_peer_mute(call.world.sfu, call.alice_peer, SFU_MIC, false);
        assert_true(world_wait(&call.world, bobs_video_slot_is_empty, &call, WAIT_MS));
        call.want = call.bob->n_packets + 1;
        for (unsigned i = 0; i < 20 && !bob_has_enough(&call.world, &call); i++) {
                alice_sends_one_of_each(&call);
                (void)world_wait(&call.world, bob_has_enough, &call, 100);
        }
        assert_true(bob_has_enough(&call.world, &call)); /* she is heard: muted first */

        mailboxes_are_full = true;
        sfu_peer_close(call.world.sfu, call.bob_peer);
        mailboxes_are_full = false;
        assert_true(world_wait(&call.world, bob_heard_goodbye, &call, WAIT_MS));
        mailboxes_are_full = true;
        sfu_peer_view(call.world.sfu, call.alice_peer, &nobody, 1);
        mailboxes_are_full = false;
        call_done(&call); /* with one still waiting */
}

static void statistics_of_a_peer_and_of_nobody(void **state)
{
        struct stats_answer bob = { 0 }, nobody = { 0 };
        struct call call;
        uint64_t packets = 0;

        (void)state;
        call_init(&call, &(struct client_params){ .n_audio = 1, .n_video = 1 }, 0);
        exchange(&call, 10);
        assert_int_equal(sfu_peer_stats(call.world.sfu, call.bob_peer, on_stats, &bob), 0);
        assert_int_equal(sfu_peer_stats(call.world.sfu, 999, on_stats, &nobody), 0);
        assert_true(world_wait(&call.world, stats_came, &bob, WAIT_MS));
        assert_true(world_wait(&call.world, stats_came, &nobody, WAIT_MS));
        assert_null(nobody.stats);
        assert_non_null(bob.stats);
        assert_int_equal(bob.stats->participant, BOB);
        assert_int_equal(bob.stats->room, ROOM);
        assert_int_equal(bob.stats->peer, call.bob_peer);
        assert_string_equal(bob.stats->srtp_profile, "AEAD_AES_128_GCM");
        for (size_t i = 0; i < bob.stats->n_streams; i++)
                if (bob.stats->streams[i].outgoing)
                        packets += bob.stats->streams[i].packets;
        assert_int_equal(packets, 20);
        free(bob.stats);
        call_done(&call);
}

static void stats_asked_at_the_end_are_answered(void **state)
{
        struct stats_answer answer = { 0 };
        struct world world;

        (void)state;
        world_init(&world, 1, 0);
        assert_int_equal(sfu_peer_stats(world.sfu, 1, on_stats, &answer), 0);
        world_done(&world);
        assert_true(answer.called);
}

/* An argument chooses tests: a pattern with * and ?. */
int main(int argc, char **argv)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(what_one_publishes_another_receives),
                cmocka_unit_test(latecomer_starts_with_a_key_frame_asked_for),
                cmocka_unit_test(client_that_misses_the_last_flight_again_and_again_connects),
                cmocka_unit_test(server_can_be_the_dtls_client),
                cmocka_unit_test(client_without_gcm_gets_cm_sha1),
                cmocka_unit_test(ipv6_client_hears_ipv4_client),
                cmocka_unit_test(media_follows_a_client_to_its_new_address),
                cmocka_unit_test(address_goes_to_the_client_that_proved_it_last),
                cmocka_unit_test(flood_from_a_stranger_is_counted_and_changes_nothing),
                cmocka_unit_test(garbage_of_a_known_client_is_counted_and_changes_nothing),
                cmocka_unit_test(silent_client_is_gone_and_garbage_does_not_save_it),
                cmocka_unit_test(peer_that_never_connects_is_gone),
                cmocka_unit_test(wrong_certificate_is_refused),
                cmocka_unit_test(goodbye_of_a_client_is_heard),
                cmocka_unit_test(closing_says_goodbye),
                cmocka_unit_test(end_of_the_plane_says_goodbye),
                cmocka_unit_test(second_connection_replaces_the_first),
                cmocka_unit_test(busy_worker_gets_every_command_later_and_in_order),
                cmocka_unit_test(statistics_of_a_peer_and_of_nobody),
                cmocka_unit_test(stats_asked_at_the_end_are_answered),
        };

        if (argc > 1)
                cmocka_set_test_filter(argv[1]);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
