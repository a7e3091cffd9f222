/* SPDX-License-Identifier: Apache-2.0 */
/* Streams captured from Chromium, with layers in them, in a room on two workers: what a
 * viewer on the other one gets of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "sfu/core/media_priv.h"
#include "sfu/core/media_remote.h"
#include "tests/captured.h"
#include "tests/unit/core/sent.h"

enum {
        PT = 96,
        PT_RTX = 97,
        SLOT = 600,
        SLOT_RTX = 601,
        VIEWER = 9, /* and one more, on the other worker */
        MAX_OUT = 1024,
        QUEUE = 64,
        S = 1000000,
        STEP_US = 10 * 1000,
};

static const char *folder;

struct worker {
        struct worker *other;
        unsigned index;
        struct media_room *room;
        struct media_peer *publisher, *viewer; /* its own */
        uint8_t buf[2048];
        size_t n;
        struct sent out[MAX_OUT];
        size_t n_waiting; /* records of the other one */
        struct media_relay queue[QUEUE];
        unsigned n_keys_asked; /* of the other one */
        unsigned full_of;      /* every n-th record of media finds no place; 0: none */
};

struct world {
        struct pkt_pool *pool;
        enum sdp_codec codec;
        int64_t now_us;
        struct worker workers[2];
};

static const struct stream {
        const char *name;
        enum sdp_codec codec;
} streams[] = {
        { "vp9_l3t3_key", SDP_VP9 },
        { "av1_l3t3_key", SDP_AV1 },
        { "vp9_l1t3", SDP_VP9 },
        { "av1_l1t3", SDP_AV1 },
};
enum { SPATIAL = 2 }; /* the first ones have spatial layers */

static uint8_t *reserve(void *user, void *tag, size_t max_len)
{
        struct worker *worker = user;

        (void)tag;
        assert_true(max_len <= sizeof(worker->buf));
        return worker->buf;
}

static void commit_rtp(void *user, void *tag, size_t len, uint32_t ext)
{
        struct worker *worker = user;
        struct rtp_pkt rtp;

        (void)tag;
        (void)ext;
        assert_int_equal(rtp_parse(&rtp, worker->buf, len), 0);
        if (rtp.ssrc != SLOT)
                return;
        assert_true(worker->n < MAX_OUT && len <= sizeof(worker->out[0].data));
        memcpy(worker->out[worker->n].data, worker->buf, len);
        worker->out[worker->n++].len = len;
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

static bool relay(void *user, unsigned to, struct media_relay *record)
{
        struct worker *worker = user, *other = worker->other;

        assert_int_equal(to, other->index);
        if (worker->full_of && media_relay_is_media(record) && rand() % worker->full_of == 0)
                return false;
        assert_true(other->n_waiting < QUEUE);
        worker->n_keys_asked += record->type == MEDIA_RELAY_WATCH && record->watch.keys;
        other->queue[other->n_waiting++] = *record;
        return true;
}

static void take_in(struct world *world, struct worker *worker)
{
        for (size_t i = 0; i < worker->n_waiting; i++)
                media_room_on_relay(worker->room, worker->other->index, &worker->queue[i],
                                    world->now_us);
        worker->n_waiting = 0;
        while (media_room_waiting(worker->room) != MEDIA_WAITING_NONE)
                media_room_step(worker->room, world->now_us);
}

/* Until nobody has anything to tell. */
static void settle(struct world *world)
{
        for (bool told = false; !told;) {
                told = media_room_relay(world->workers[0].room);
                told &= media_room_relay(world->workers[1].room);
                told &= world->workers[0].n_waiting + world->workers[1].n_waiting == 0;
                take_in(world, &world->workers[0]);
                take_in(world, &world->workers[1]);
        }
}

static void join(struct world *world, struct worker *worker, struct media_peer **ret_peer,
                 uint32_t participant)
{
        struct sdp_media media = { .n_video_slots = 1 };
        struct sdp_publication *pub = &media.pubs[SFU_CAMERA];
        struct sdp_slot *slot = &media.video_slots[0];
        const struct media_peer_params params = { .participant = participant, .media = &media };

        *pub = (struct sdp_publication){ .used = participant < VIEWER, .mid = "0" };
        pub->pts[world->codec] = (struct sdp_pt){ true, PT, PT_RTX };
        pub->ext.dependency = SENT_EXT_DESCRIPTOR;
        *slot = (struct sdp_slot){ .mid = "1", .ssrc = SLOT, .rtx_ssrc = SLOT_RTX };
        slot->pts[world->codec] = (struct sdp_pt){ true, PT, PT_RTX };
        slot->ext.dependency = SENT_EXT_DESCRIPTOR;
        assert_int_equal(media_room_add_peer(worker->room, ret_peer, &params, world->now_us), 0);
        media_peer_on_connected(*ret_peer, world->now_us);
}

/* Publishers 1 and 2 and a viewer on each worker: 1 is on the first. */
static struct world *world_new(enum sdp_codec codec)
{
        struct world *world = calloc(1, sizeof(*world));

        assert_non_null(world);
        world->now_us = S;
        world->codec = codec;
        assert_int_equal(pkt_pool_new(&world->pool, 1024), 0);
        for (unsigned i = 0; i < 2; i++) {
                struct worker *worker = &world->workers[i];
                const struct media_out out = {
                        .user = worker,
                        .reserve = reserve,
                        .commit_rtp = commit_rtp,
                        .commit_rtcp = commit_rtcp,
                        .event = on_event,
                        .relay = relay,
                };

                worker->index = i;
                worker->other = &world->workers[1 - i];
                assert_int_equal(media_room_new(&worker->room, &out, i + 1), 0);
                assert_int_equal(media_room_span(worker->room, i, 2), 0);
        }
        for (unsigned i = 0; i < 2; i++) {
                join(world, &world->workers[i], &world->workers[i].publisher, i + 1);
                join(world, &world->workers[i], &world->workers[i].viewer, VIEWER + i);
        }
        settle(world);
        return world;
}

static void world_free(struct world *world)
{
        for (unsigned i = 0; i < 2; i++)
                media_room_free(world->workers[i].room);
        assert_int_equal(pkt_pool_available(world->pool), 1024);
        pkt_pool_free(world->pool);
        free(world);
}

static void watch(struct world *world, struct worker *worker, uint32_t participant, uint16_t height)
{
        const struct sfu_slot_view view = { .participant = participant,
                                            .kind = SFU_CAMERA,
                                            .max_height = height };

        media_peer_set_view(worker->viewer, &view, 1, world->now_us);
        settle(world);
}

static void limit(struct world *world, struct worker *worker, uint8_t sid, uint8_t tid)
{
        slot_limit(&worker->viewer->slots[0], sid, tid, world->now_us);
}

static void give(struct world *world, struct worker *home, const struct captured_packet *p)
{
        const struct rtp_pkt header = {
                .marker = p->marker, .pt = PT, .seq = p->seq, .ts = p->ts, .ssrc = 100
        };
        const struct rtp_ext_item item = { SENT_EXT_DESCRIPTOR, { p->dd, p->dd_len } };
        struct pkt *pkt = pkt_get(world->pool);
        struct wr w;
        uint8_t *at;

        assert_non_null(pkt);
        w = wr_init(pkt->data, PKT_CAP);
        rtp_write_header(&w, &header, &item, p->dd_len > 0);
        at = wr_take(&w, p->payload_len);
        assert_non_null(at);
        memcpy(at, p->payload, p->payload_len);
        pkt->len = (uint16_t)wr_len(&w);
        pkt->arrival_us = world->now_us;
        assert_int_equal(media_peer_on_rtp(home->publisher, pkt, world->now_us), 0);
        pkt_unref(pkt);
        settle(world);
        world->now_us += STEP_US;
}

/* As time passes on its workers: what their lines carry is spent, too. */
static void tick(struct world *world)
{
        for (unsigned i = 0; i < 2; i++)
                media_room_on_timeout(world->workers[i].room, world->now_us, world->now_us);
        settle(world);
}

static struct media_layer *layer_of(struct worker *worker, uint32_t participant)
{
        for (size_t i = 0; i < worker->room->n_peers; i++) {
                if (worker->room->participants[i] == participant)
                        return &worker->room->peers[i]->pubs[SFU_CAMERA]->layers[0];
        }
        fail_msg("participant %u is not known on worker %u", participant, worker->index);
        return NULL;
}

/* Each viewer takes layers of her own, and changes her mind. */
static void each_worker_leaves_out_what_its_own_viewer_does_not_want(void **state)
{
        (void)state;
        for (unsigned seed = 0; seed < 10 * ARRAY_LEN(streams); seed++) {
                const struct stream *stream = &streams[seed % ARRAY_LEN(streams)];
                struct captured *captured = captured_load(folder, stream->name);
                struct world *world = world_new(stream->codec);

                srand(seed);
                for (unsigned i = 0; i < 2; i++)
                        watch(world, &world->workers[i], 1, 0);
                for (size_t k = 0; k < captured->n; k++) {
                        if (rand() % 10 == 0) { /* one after the other, with any compiler */
                                uint8_t tid = (uint8_t)(rand() % 3), sid = (uint8_t)(rand() % 3);

                                limit(world, &world->workers[rand() % 2], sid, tid);
                        }
                        give(world, &world->workers[0], &captured->packets[k]);
                }
                for (unsigned i = 0; i < 2; i++) {
                        struct worker *worker = &world->workers[i];

                        assert_true(worker->n > captured->n / 20 && worker->n < captured->n);
                        assert_contiguous(worker->out, worker->n);
                        assert_marked(worker->out, worker->n);
                        assert_decodable(worker->out, worker->n);
                }
                world_free(world);
                free(captured);
        }
}

static void the_same_wish_gets_the_same_on_either_worker(void **state)
{
        (void)state;
        for (unsigned k = 0; k < 9 * ARRAY_LEN(streams); k++) {
                const struct stream *stream = &streams[k / 9];
                struct captured *captured = captured_load(folder, stream->name);
                struct world *world = world_new(stream->codec);
                struct worker *here = &world->workers[0], *there = &world->workers[1];

                for (unsigned i = 0; i < 2; i++) {
                        watch(world, &world->workers[i], 1, 0);
                        limit(world, &world->workers[i], k % 3, k / 3 % 3);
                }
                for (size_t i = 0; i < captured->n; i++)
                        give(world, here, &captured->packets[i]);
                assert_true(here->n > 0);
                assert_int_equal(there->n, here->n);
                for (size_t i = 0; i < here->n; i++) {
                        struct rtp_pkt a = sent_parsed(&here->out[i]);
                        struct rtp_pkt b = sent_parsed(&there->out[i]);

                        assert_int_equal(a.payload.len, b.payload.len);
                        assert_int_equal(a.marker, b.marker);
                        assert_int_equal((uint32_t)(a.ts - sent_parsed(here->out).ts),
                                         (uint32_t)(b.ts - sent_parsed(there->out).ts));
                }
                world_free(world);
                free(captured);
        }
}

static void what_is_known_of_the_layers_is_known_on_both(void **state)
{
        (void)state;
        for (unsigned k = 0; k < ARRAY_LEN(streams); k++) {
                struct captured *captured = captured_load(folder, streams[k].name);
                struct world *world = world_new(streams[k].codec);
                const struct media_layer *here, *there;
                int64_t now_us;

                watch(world, &world->workers[1], 1, 0);
                for (size_t i = 0; i < captured->n; i++)
                        give(world, &world->workers[0], &captured->packets[i]);
                here = layer_of(&world->workers[0], 1);
                there = layer_of(&world->workers[1], 1);
                now_us = world->now_us;
                assert_true((layer_n_spatial(there, now_us) > 1) == (k < SPATIAL));
                assert_int_equal(layer_n_spatial(there, now_us), layer_n_spatial(here, now_us));
                assert_int_equal(layer_n_temporal(there, now_us), 3);
                for (uint8_t sid = 0; sid < 3; sid++)
                        for (uint8_t tid = 0; tid < 3; tid++)
                                assert_int_equal(layer_bps_of(there, sid, tid, now_us),
                                                 layer_bps_of(here, sid, tid, now_us));
                for (uint16_t height = 1; height < 1200; height += 7)
                        assert_int_equal(layer_sid_for(there, height, now_us),
                                         layer_sid_for(here, height, now_us));
                world_free(world);
                free(captured);
        }
}

static size_t n_bytes(const struct worker *worker, size_t from)
{
        size_t n = 0;

        for (size_t i = from; i < worker->n; i++)
                n += worker->out[i].len;
        return n;
}

/* The size that a client shows is enough: a small one takes the lowest spatial layer, from the
 * next key frame on, which is asked for. (What was captured of AV1 has no second one.) */
static void small_picture_elsewhere_takes_a_small_layer(void **state)
{
        (void)state;
        for (unsigned k = 0; k < SPATIAL; k++) {
                struct captured *captured = captured_load(folder, streams[k].name);
                struct world *world = world_new(streams[k].codec);
                struct worker *here = &world->workers[0], *there = &world->workers[1];
                size_t n_here = 0, n_there = 0, n_asked = 0;

                watch(world, here, 1, 1080);
                watch(world, there, 1, 90);
                for (size_t i = 0; i < captured->n; i++) {
                        if (i == captured->n / 2) {
                                n_here = here->n;
                                n_there = there->n;
                        }
                        if (i == 60) /* the layers are not known yet, and so all are sent */
                                n_asked = there->n_keys_asked;
                        give(world, here, &captured->packets[i]);
                        world->now_us += STEP_US; /* some seconds in all */
                        tick(world);
                }
                assert_int_equal(there->viewer->slots[0].grant.spatial, 0);
                assert_int_equal(here->viewer->slots[0].grant.spatial,
                                 layer_n_spatial(layer_of(here, 1), world->now_us) - 1);
                assert_true(there->n_keys_asked > n_asked);
                if (k == 0)
                        assert_true(n_bytes(there, n_there) < n_bytes(here, n_here) / 4);
                for (unsigned i = 0; i < 2; i++) {
                        assert_contiguous(world->workers[i].out, world->workers[i].n);
                        assert_decodable(world->workers[i].out, world->workers[i].n);
                }
                world_free(world);
                free(captured);
        }
}

static void numbers_run_on_when_the_source_is_on_the_other_worker(void **state)
{
        (void)state;
        for (unsigned k = 0; k < 2 * ARRAY_LEN(streams); k++) {
                const struct stream *stream = &streams[k / 2];
                struct captured *captured = captured_load(folder, stream->name);
                struct world *world = world_new(stream->codec);
                struct worker *viewers = &world->workers[k % 2];

                for (unsigned i = 0; i < 2; i++) {
                        watch(world, viewers, i + 1, 0);
                        limit(world, viewers, i, LAYER_ALL);
                        for (size_t j = 0; j < 60; j++)
                                give(world, &world->workers[i], &captured->packets[j]);
                        assert_int_equal(viewers->viewer->slots[0].current->pub->peer->participant,
                                         i + 1);
                }
                assert_contiguous(viewers->out, viewers->n);
                assert_decodable(viewers->out, viewers->n);
                world_free(world);
                free(captured);
        }
}

/* A worker that stands still misses packets of the ring: it asks for a key frame, and no
 * number is taken twice. */
static void what_the_ring_had_no_place_for_costs_a_key_frame(void **state)
{
        static bool seen[65536];

        (void)state;
        for (unsigned seed = 0; seed < 10 * ARRAY_LEN(streams); seed++) {
                const struct stream *stream = &streams[seed % ARRAY_LEN(streams)];
                struct captured *captured = captured_load(folder, stream->name);
                struct world *world = world_new(stream->codec);
                struct worker *here = &world->workers[0], *there = &world->workers[1];
                uint64_t n_asked;

                srand(seed);
                memset(seen, 0, sizeof(seen));
                watch(world, there, 1, 0);
                give(world, here, &captured->packets[0]);
                tick(world);
                n_asked = here->room->counters.pli_out;
                here->full_of = 30;
                for (size_t i = 1; i < captured->n; i++) {
                        if (rand() % 10 == 0)
                                limit(world, there, (uint8_t)(rand() % 3), (uint8_t)(rand() % 3));
                        give(world, here, &captured->packets[i]);
                        tick(world);
                }
                assert_true(here->room->counters.relay_dropped > 0);
                assert_true(here->room->counters.pli_out > n_asked);
                for (size_t i = 0; i < there->n; i++) {
                        uint16_t seq = sent_parsed(&there->out[i]).seq;

                        assert_false(seen[seq]);
                        seen[seq] = true;
                }
                world_free(world);
                free(captured);
        }
}

int main(int argc, char **argv)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(each_worker_leaves_out_what_its_own_viewer_does_not_want),
                cmocka_unit_test(the_same_wish_gets_the_same_on_either_worker),
                cmocka_unit_test(what_is_known_of_the_layers_is_known_on_both),
                cmocka_unit_test(small_picture_elsewhere_takes_a_small_layer),
                cmocka_unit_test(numbers_run_on_when_the_source_is_on_the_other_worker),
                cmocka_unit_test(what_the_ring_had_no_place_for_costs_a_key_frame),
        };

        folder = argc > 1 ? argv[1] : "tests/data/layers";
        return cmocka_run_group_tests(tests, NULL, NULL);
}
