/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How a room distributes what came: subscriber by subscriber, in steps, sound
 * first, with anything happening between two steps. Time is virtual: each packet
 * that leaves costs PACKET_US.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "sfu/core/media_room.h"
#include "sfu/wire/rtp.h"
#include "sfu/wire/vp8.h"

enum {
        PT_OPUS = 111,
        PT_VP8 = 96,
        SSRC_MIC = 1000, /* of publisher p: SSRC_MIC + p */
        SSRC_CAM = 2000,
        SLOT_AUDIO = 500,
        SLOT_VIDEO = 600, /* two of them */
        MAX_PEERS = 1100,
        MAX_LOG = 200000,
        PACKET_US = 3,
        S = 1000000,
        POOL = 4096,
};

struct sent {
        uint32_t peer; /* index */
        uint32_t ssrc;
        uint16_t seq, number; /* number: the publisher's, from the payload */
};

struct peer {
        struct media_peer *media;
        uint8_t *seen[3]; /* bit per sequence number of its slots */
};

struct world {
        struct media_room *room;
        struct pkt_pool *pool;
        int64_t now_us;
        uint8_t buf[2048];
        size_t n_sent;
        struct sent sent[MAX_LOG];
        struct peer peers[MAX_PEERS];
        size_t n_peers;
        uint32_t random;
};

static struct world *world;

static uint8_t *reserve(void *user, void *tag, size_t max_len)
{
        (void)user;
        (void)tag;
        assert_true(max_len <= sizeof(world->buf));
        return world->buf;
}

static void commit_rtp(void *user, void *tag, size_t len, uint32_t ext)
{
        struct peer *peer = tag;
        struct rtp_pkt rtp;
        struct sent *sent = &world->sent[world->n_sent++ % MAX_LOG];
        size_t slot;
        uint8_t *byte, bit;

        (void)user;
        assert_int_equal(rtp_parse(&rtp, world->buf, len), 0);
        assert_int_equal((uint16_t)ext, rtp.seq);
        *sent = (struct sent){ .peer = (uint32_t)(peer - world->peers),
                               .ssrc = rtp.ssrc,
                               .seq = rtp.seq };
        if (rtp.payload.len >= 2)
                sent->number = (uint16_t)(rtp.payload.data[rtp.payload.len - 2] << 8 |
                                          rtp.payload.data[rtp.payload.len - 1]);
        slot = rtp.ssrc == SLOT_AUDIO ? 0 : rtp.ssrc - SLOT_VIDEO + 1;
        assert_true(slot < 3);
        if (!peer->seen[slot])
                peer->seen[slot] = calloc(1, 65536 / 8);
        byte = &peer->seen[slot][rtp.seq / 8];
        bit = (uint8_t)(1 << rtp.seq % 8);
        /* A number that goes out twice is a nonce used twice. */
        assert_false(*byte & bit);
        *byte |= bit;
        peer->seen[slot][(uint16_t)(rtp.seq + 32768) / 8] = 0; /* half a cycle on: forgotten */
        world->now_us += PACKET_US;
}

static void commit_rtcp(void *user, void *tag, size_t len)
{
        (void)user;
        (void)tag;
        (void)len;
}

static void on_event(void *user, void *tag, const struct sfu_event *event)
{
        (void)user;
        (void)tag;
        (void)event;
}

static int set_up(void **state)
{
        const struct media_out out = { .reserve = reserve,
                                       .commit_rtp = commit_rtp,
                                       .commit_rtcp = commit_rtcp,
                                       .event = on_event };

        (void)state;
        world = calloc(1, sizeof(*world));
        assert_non_null(world);
        world->now_us = S;
        world->random = 1;
        assert_int_equal(pkt_pool_new(&world->pool, POOL), 0);
        assert_int_equal(media_room_new(&world->room, &out, 1), 0);
        return 0;
}

static int tear_down(void **state)
{
        (void)state;
        for (size_t i = 0; i < MAX_PEERS; i++)
                for (size_t k = 0; k < 3; k++)
                        free(world->peers[i].seen[k]);
        media_room_free(world->room);
        assert_int_equal(pkt_pool_available(world->pool), POOL);
        pkt_pool_free(world->pool);
        free(world);
        return 0;
}

static void fill_video_slot(struct sdp_slot *slot, uint32_t ssrc, const char *mid)
{
        *slot = (struct sdp_slot){ .ssrc = ssrc, .rtx_ssrc = ssrc + 100 };
        strcpy(slot->mid, mid);
        slot->ext.mid = 1;
        slot->ext.abs_send_time = 2;
        slot->pts[SDP_VP8] = (struct sdp_pt){ true, PT_VP8, PT_VP8 + 1 };
}

/* Publishes a microphone and a camera, listens, and watches two. */
static struct peer *join_at(size_t i)
{
        static struct sdp_media media;
        struct peer *peer = &world->peers[i];
        const struct media_peer_params params = { .tag = peer,
                                                  .participant = (uint32_t)i + 1,
                                                  .media = &media };

        media = (struct sdp_media){ .n_audio_slots = 1, .n_video_slots = 2 };
        media.pubs[SFU_MIC] = (struct sdp_publication){ .used = true, .mid = "0" };
        media.pubs[SFU_MIC].ssrc = SSRC_MIC + (uint32_t)i;
        media.pubs[SFU_MIC].pts[SDP_OPUS] = (struct sdp_pt){ true, PT_OPUS, 0 };
        media.pubs[SFU_CAMERA] = (struct sdp_publication){ .used = true, .mid = "1" };
        media.pubs[SFU_CAMERA].pts[SDP_VP8] = (struct sdp_pt){ true, PT_VP8, PT_VP8 + 1 };
        media.audio_slots[0] = (struct sdp_slot){ .mid = "2", .ssrc = SLOT_AUDIO };
        media.audio_slots[0].pts[SDP_OPUS] = (struct sdp_pt){ true, PT_OPUS, 0 };
        for (size_t k = 0; k < 3; k++) { /* new numbers, and new keys */
                free(peer->seen[k]);
                peer->seen[k] = NULL;
        }
        fill_video_slot(&media.video_slots[0], SLOT_VIDEO, "3");
        fill_video_slot(&media.video_slots[1], SLOT_VIDEO + 1, "4");
        assert_int_equal(media_room_add_peer(world->room, &peer->media, &params, world->now_us), 0);
        media_peer_on_connected(peer->media, world->now_us);
        return peer;
}

static struct peer *join(void)
{
        return join_at(world->n_peers++);
}

static void leave(struct peer *peer)
{
        media_room_remove_peer(world->room, peer->media, world->now_us);
        peer->media = NULL;
}

static void view(struct peer *peer, uint8_t slot, bool audio, uint32_t participant)
{
        const struct sfu_slot_view v = { .slot = slot,
                                         .audio = audio,
                                         .participant = participant,
                                         .kind = audio ? SFU_MIC : SFU_CAMERA };

        media_peer_set_view(peer->media, &v, 1, world->now_us);
}

static void give(struct peer *from, const struct rtp_pkt *header, const uint8_t *payload,
                 size_t len)
{
        struct pkt *pkt = pkt_get(world->pool);
        struct wr w;

        assert_non_null(pkt);
        w = wr_init(pkt->data, PKT_CAP);
        rtp_write_header(&w, header, NULL, 0);
        if (len > 0)
                memcpy(wr_take(&w, len), payload, len);
        pkt->len = (uint16_t)wr_len(&w);
        pkt->arrival_us = world->now_us;
        assert_int_equal(media_peer_on_rtp(from->media, pkt, world->now_us), 0);
        pkt_unref(pkt);
}

/* A packet of the camera, numbered seq; key: the first of a key frame. */
static void send_video_as(struct peer *from, uint32_t ssrc, uint16_t seq, bool key)
{
        const struct rtp_pkt header = { .pt = PT_VP8, .seq = seq, .ts = seq * 90u, .ssrc = ssrc };
        uint8_t payload[] = { key ? 0x90 : 0x80,
                              0x80,
                              (uint8_t)(0x80 | seq >> 8),
                              (uint8_t)seq,
                              key ? 0x10 : 0x11,
                              0,
                              0,
                              0x9d,
                              0x01,
                              0x2a,
                              0x40,
                              0x01,
                              0xb4,
                              0x00,
                              (uint8_t)(seq >> 8),
                              (uint8_t)seq };

        give(from, &header, payload, sizeof(payload));
}

static void send_video(struct peer *from, uint16_t seq, bool key)
{
        send_video_as(from, SSRC_CAM + (uint32_t)(from - world->peers), seq, key);
}

static void send_padding(struct peer *from, uint16_t seq)
{
        const struct rtp_pkt header = { .pt = PT_VP8,
                                        .seq = seq,
                                        .ssrc = SSRC_CAM + (uint32_t)(from - world->peers) };

        give(from, &header, NULL, 0);
}

static void send_audio(struct peer *from, uint16_t seq)
{
        const struct rtp_pkt header = { .pt = PT_OPUS,
                                        .seq = seq,
                                        .ts = seq * 960u,
                                        .ssrc = SSRC_MIC + (uint32_t)(from - world->peers) };
        const uint8_t payload[] = { 1, 2, (uint8_t)(seq >> 8), (uint8_t)seq };

        give(from, &header, payload, sizeof(payload));
}

static bool waits(void)
{
        return media_room_waiting(world->room) != MEDIA_WAITING_NONE;
}

static void step(void)
{
        media_room_step(world->room, world->now_us);
}

static void step_all(void)
{
        while (waits())
                step();
}

/* What one peer was sent since `from`, by number; returns how many. */
static size_t numbers_of(const struct peer *peer, uint32_t ssrc, size_t from, uint16_t *ret,
                         size_t cap)
{
        size_t n = 0;

        for (size_t i = from; i < world->n_sent; i++) {
                const struct sent *sent = &world->sent[i];

                if (&world->peers[sent->peer] == peer && sent->ssrc == ssrc && n < cap)
                        ret[n++] = sent->number;
        }
        return n;
}

static struct peer *publisher_and(size_t n_viewers)
{
        struct peer *publisher = join();

        for (size_t i = 0; i < n_viewers; i++) {
                struct peer *viewer = join();

                view(viewer, 0, false, 1);
                view(viewer, 0, true, 1);
        }
        return publisher;
}

static void burst_lies_side_by_side_for_each_subscriber(void **state)
{
        enum { VIEWERS = 10, PACKETS = 8 };
        struct peer *publisher = publisher_and(VIEWERS);

        (void)state;
        for (uint16_t seq = 0; seq < PACKETS; seq++)
                send_video(publisher, seq, seq == 0);
        assert_int_equal(world->n_sent, 0);
        step_all();
        assert_int_equal(world->n_sent, VIEWERS * PACKETS);
        for (size_t i = 0; i < world->n_sent; i++) {
                assert_int_equal(world->sent[i].peer, world->sent[i / PACKETS * PACKETS].peer);
                assert_int_equal(world->sent[i].number, i % PACKETS);
        }
        /* Again, now that all show the layer. */
        for (uint16_t seq = PACKETS; seq < 2 * PACKETS; seq++)
                send_video(publisher, seq, false);
        step_all();
        for (size_t i = VIEWERS * PACKETS; i < world->n_sent; i++) {
                assert_int_equal(world->sent[i].peer, world->sent[i / PACKETS * PACKETS].peer);
                assert_int_equal(world->sent[i].number, PACKETS + i % PACKETS);
        }
        assert_int_equal(world->n_sent, 2 * VIEWERS * PACKETS);
}

static void audio_overtakes_video_in_a_burst(void **state)
{
        enum { VIEWERS = 1000, PACKETS = 40 };
        struct peer *publisher = publisher_and(VIEWERS);
        size_t before;

        (void)state;
        send_audio(publisher, 1);
        send_video(publisher, 1, true);
        step_all();
        for (uint16_t seq = 2; seq < 2 + PACKETS; seq++)
                send_video(publisher, seq, false);
        before = world->n_sent;
        step();
        assert_true(waits());
        assert_true(world->n_sent > before && world->n_sent < before + VIEWERS * PACKETS / 10);
        send_audio(publisher, 2);
        before = world->n_sent;
        while (media_room_waiting(world->room) == MEDIA_WAITING_AUDIO)
                step();
        assert_int_equal(world->n_sent, before + VIEWERS); /* the sound, and nothing else */
        for (size_t i = before; i < world->n_sent; i++)
                assert_int_equal(world->sent[i].ssrc, SLOT_AUDIO);
        step_all();
        for (size_t i = 1; i <= VIEWERS; i++) {
                uint16_t numbers[PACKETS + 2];
                size_t n = numbers_of(&world->peers[i], SLOT_VIDEO, 0, numbers, PACKETS + 2);

                assert_int_equal(n, PACKETS + 1);
                for (size_t k = 0; k < n; k++)
                        assert_int_equal(numbers[k], k + 1);
        }
}

/* So the shell, which looks at its sockets between two steps, does it in time. */
static void no_step_lasts_five_milliseconds(void **state)
{
        enum { VIEWERS = 1000, PACKETS = 200 };
        struct peer *publisher = publisher_and(VIEWERS);
        int64_t longest_us = 0;

        (void)state;
        send_audio(publisher, 0);
        for (uint16_t seq = 0; seq < PACKETS; seq++)
                send_video(publisher, seq, seq == 0);
        while (waits()) {
                int64_t start_us = world->now_us;

                step();
                if (world->now_us - start_us > longest_us)
                        longest_us = world->now_us - start_us;
        }
        assert_int_equal(world->n_sent, VIEWERS * (PACKETS + 1));
        assert_in_range(longest_us, 1, 5000);
}

static void packets_that_come_during_a_walk_follow_it(void **state)
{
        enum { VIEWERS = 300, PACKETS = 20 };
        struct peer *publisher = publisher_and(VIEWERS);
        uint16_t seq = 0;

        (void)state;
        send_video(publisher, seq++, true);
        for (; seq < PACKETS; seq++) {
                send_video(publisher, seq, false);
                step();
        }
        step_all();
        for (size_t i = 1; i <= VIEWERS; i++) {
                uint16_t numbers[PACKETS + 1];

                assert_int_equal(numbers_of(&world->peers[i], SLOT_VIDEO, 0, numbers, PACKETS + 1),
                                 PACKETS);
                for (uint16_t k = 0; k < PACKETS; k++)
                        assert_int_equal(numbers[k], k);
        }
}

static void who_comes_during_a_key_frame_gets_all_of_it(void **state)
{
        enum { VIEWERS = 100, PACKETS = 40 };
        struct peer *publisher = publisher_and(VIEWERS), *late;
        uint16_t numbers[PACKETS + 1];

        (void)state;
        send_video(publisher, 0, true);
        step_all();
        for (uint16_t seq = 1; seq <= PACKETS; seq++)
                send_video(publisher, seq, seq == 1);
        step();
        assert_true(waits());
        late = join();
        view(late, 0, false, 1);
        step_all();
        assert_int_equal(numbers_of(late, SLOT_VIDEO, 0, numbers, PACKETS + 1), PACKETS);
        for (uint16_t k = 0; k < PACKETS; k++)
                assert_int_equal(numbers[k], k + 1);
}

static void switch_inside_a_burst_begins_at_the_key_frame(void **state)
{
        struct peer *publisher = publisher_and(1), *viewer = &world->peers[1];
        uint16_t numbers[10];

        (void)state;
        for (uint16_t seq = 0; seq < 6; seq++)
                send_video(publisher, seq, seq == 3);
        step_all();
        assert_int_equal(numbers_of(viewer, SLOT_VIDEO, 0, numbers, 10), 3);
        assert_int_equal(numbers[0], 3);
        assert_int_equal(numbers[1], 4);
        assert_int_equal(numbers[2], 5);
}

/* The first packet of the key frame comes late: what came before it is taken from
 * the ring, and what comes behind it in the same burst is not taken twice. */
static void late_key_frame_brings_what_followed_it_once(void **state)
{
        static const uint16_t order[] = { 12, 14, 11, 13, 15 };
        struct peer *publisher = publisher_and(1), *viewer = &world->peers[1];
        uint16_t numbers[10], sum = 0;

        (void)state;
        send_video(publisher, 10, false);
        for (size_t i = 0; i < ARRAY_LEN(order); i++)
                send_video(publisher, order[i], order[i] == 11);
        step_all();
        assert_int_equal(numbers_of(viewer, SLOT_VIDEO, 0, numbers, 10), 5);
        assert_int_equal(numbers[0], 11);
        for (size_t i = 0; i < 5; i++)
                sum = (uint16_t)(sum + numbers[i]);
        assert_int_equal(sum, 11 + 12 + 13 + 14 + 15);
}

static void leaving_during_a_walk_harms_nobody(void **state)
{
        enum { VIEWERS = 200, PACKETS = 10 };
        struct peer *publisher = publisher_and(VIEWERS);
        uint16_t numbers[2 * PACKETS];

        (void)state;
        send_video(publisher, 0, true);
        step_all();
        for (uint16_t seq = 1; seq < PACKETS; seq++)
                send_video(publisher, seq, false);
        step();
        assert_true(waits());
        for (size_t i = 1; i <= VIEWERS; i += 3)
                leave(&world->peers[i]);
        step_all();
        for (size_t i = 1; i <= VIEWERS; i++) {
                if (world->peers[i].media)
                        assert_int_equal(
                                numbers_of(&world->peers[i], SLOT_VIDEO, 0, numbers, 2 * PACKETS),
                                PACKETS);
        }
}

static void nothing_goes_out_once_the_publisher_is_muted(void **state)
{
        enum { VIEWERS = 300 };
        struct peer *publisher = publisher_and(VIEWERS);
        size_t before;

        (void)state;
        send_video(publisher, 0, true);
        step_all();
        for (uint16_t seq = 1; seq < 30; seq++)
                send_video(publisher, seq, false);
        step();
        before = world->n_sent;
        media_peer_set_muted(publisher->media, SFU_CAMERA, true, world->now_us);
        assert_false(waits());
        assert_int_equal(world->n_sent, before);
}

static void publisher_may_leave_with_packets_waiting(void **state)
{
        struct peer *publisher = publisher_and(300);

        (void)state;
        send_video(publisher, 0, true);
        send_audio(publisher, 0);
        step();
        leave(publisher);
        assert_false(waits());
}

static void packets_of_a_stream_that_was_replaced_are_not_sent(void **state)
{
        struct peer *publisher = publisher_and(300);
        size_t before;

        (void)state;
        send_video(publisher, 0, true);
        step_all();
        for (uint16_t seq = 1; seq < 30; seq++)
                send_video(publisher, seq, false);
        step();
        before = world->n_sent;
        world->now_us += S;
        send_video_as(publisher, 77, 5000, false);
        step_all();
        assert_int_equal(world->n_sent, before); /* all wait for the new one's key frame */
        send_video_as(publisher, 77, 5001, true);
        step_all();
        assert_int_equal(world->n_sent, before + 300);
}

static void what_waits_is_bounded(void **state)
{
        struct peer *publisher = publisher_and(1);
        struct sfu_counters counters = { 0 };

        (void)state;
        for (uint16_t seq = 0; seq < 1000; seq++)
                send_video(publisher, seq, seq == 0);
        media_room_add_counters(world->room, &counters);
        assert_in_range(counters.overtaken, 500, 900);
        step_all();
        assert_int_equal(world->n_sent + counters.overtaken, 1000);
}

/* Key frames asked for so far, when another request would be due. */
static uint64_t keys_asked(void)
{
        struct sfu_counters counters = { 0 };

        world->now_us += 6 * S / 10; /* no oftener than every half second */
        media_room_on_timeout(world->room, world->now_us, world->now_us);
        media_room_add_counters(world->room, &counters);
        return counters.pli_out;
}

static void key_frame_that_found_no_place_is_asked_for_again(void **state)
{
        struct peer *publisher = publisher_and(1);
        uint64_t asked;

        (void)state;
        for (uint16_t seq = 0; seq < 300; seq++)
                send_video(publisher, seq, false);
        send_video(publisher, 300, true);
        step_all();
        assert_int_equal(world->n_sent, 0);
        asked = keys_asked();
        for (uint16_t seq = 301; seq < 305; seq++) {
                send_video(publisher, seq, false);
                assert_true(keys_asked() > asked++);
        }
        send_video(publisher, 305, true);
        step_all();
        assert_int_equal(world->n_sent, 1);
        assert_int_equal(keys_asked(), asked);
}

static void key_frame_of_a_stream_that_was_replaced_is_asked_for_again(void **state)
{
        struct peer *publisher = publisher_and(1);
        uint64_t asked;

        (void)state;
        send_video(publisher, 0, true);
        send_video_as(publisher, 77, 5000, false); /* before any was distributed */
        step_all();
        assert_int_equal(world->n_sent, 0);
        asked = keys_asked();
        send_video_as(publisher, 77, 5001, false);
        assert_true(keys_asked() > asked);
}

/* A page on a shared screen: an encoder may have nothing to send until it is asked. */
static void picture_that_stands_still_is_asked_for(void **state)
{
        struct peer *publisher = publisher_and(0), *viewer;

        (void)state;
        send_video(publisher, 0, true);
        step_all();
        world->now_us += 10 * S;
        viewer = join();
        view(viewer, 0, false, 1);
        assert_int_equal(keys_asked(), 1);
        assert_int_equal(keys_asked(), 2);
        send_video(publisher, 1, true);
        step_all();
        assert_int_equal(world->n_sent, 1);
        assert_int_equal(keys_asked(), 2);
}

static uint32_t rnd(uint32_t n)
{
        world->random = world->random * 1664525u + 1013904223u;
        return (world->random >> 8) % n;
}

/* commit_rtp() says whether a number goes out twice. */
static void anything_may_happen_between_two_steps(void **state)
{
        enum { PEERS = 40, ROUNDS = 30000 };
        static uint16_t video[PEERS], audio[PEERS];

        (void)state;
        for (size_t i = 0; i < PEERS; i++)
                join();
        for (unsigned round = 0; round < ROUNDS; round++) {
                size_t i = rnd(PEERS), p = rnd(4); /* four of them publish */
                struct peer *peer = &world->peers[i], *from = &world->peers[p];
                uint32_t what = rnd(100);

                world->now_us += 100;
                if (what < 40 && from->media) {
                        for (uint32_t n = rnd(8); n > 0; n--, video[p]++) {
                                if (rnd(20) == 0)
                                        send_padding(from, video[p]);
                                else if (rnd(20) > 0) /* else lost */
                                        send_video(from, video[p], rnd(30) == 0);
                                else if (rnd(2) == 0)
                                        send_video(from, (uint16_t)(video[p] - rnd(30)),
                                                   rnd(5) == 0);
                        }
                } else if (what < 60 && from->media) {
                        send_audio(from, audio[p]++);
                } else if (what < 70 && peer->media) {
                        view(peer, (uint8_t)rnd(2), false, rnd(5));
                } else if (what < 75 && peer->media) {
                        view(peer, 0, true, rnd(5));
                } else if (what < 78 && from->media) {
                        media_peer_set_muted(from->media, SFU_CAMERA, rnd(2), world->now_us);
                } else if (what < 80) {
                        if (peer->media)
                                leave(peer);
                        else
                                join_at(i);
                } else if (waits()) {
                        step();
                }
                if (media_room_deadline_us(world->room) <= world->now_us)
                        media_room_on_timeout(world->room, world->now_us, world->now_us);
        }
        assert_true(world->n_sent > ROUNDS);
}

int main(void)
{
#define WORLD_TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
        const struct CMUnitTest tests[] = {
                WORLD_TEST(burst_lies_side_by_side_for_each_subscriber),
                WORLD_TEST(audio_overtakes_video_in_a_burst),
                WORLD_TEST(no_step_lasts_five_milliseconds),
                WORLD_TEST(packets_that_come_during_a_walk_follow_it),
                WORLD_TEST(who_comes_during_a_key_frame_gets_all_of_it),
                WORLD_TEST(switch_inside_a_burst_begins_at_the_key_frame),
                WORLD_TEST(late_key_frame_brings_what_followed_it_once),
                WORLD_TEST(leaving_during_a_walk_harms_nobody),
                WORLD_TEST(nothing_goes_out_once_the_publisher_is_muted),
                WORLD_TEST(publisher_may_leave_with_packets_waiting),
                WORLD_TEST(packets_of_a_stream_that_was_replaced_are_not_sent),
                WORLD_TEST(what_waits_is_bounded),
                WORLD_TEST(key_frame_that_found_no_place_is_asked_for_again),
                WORLD_TEST(key_frame_of_a_stream_that_was_replaced_is_asked_for_again),
                WORLD_TEST(picture_that_stands_still_is_asked_for),
                WORLD_TEST(anything_may_happen_between_two_steps),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
