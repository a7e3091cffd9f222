/* SPDX-License-Identifier: Apache-2.0 */
/* Streams captured from Chromium go through a room to one viewer, who takes more or
 * fewer of their layers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "sfu/core/media_priv.h"
#include "sfu/wire/rtx.h"
#include "sfu/wire/vp9.h"
#include "tests/captured.h"
#include "tests/unit/core/sent.h"

enum {
        PT = 96,
        PT_RTX = 97,
        SLOT = 600,
        SLOT_RTX = 601,
        EXT_DESCRIPTOR = SENT_EXT_DESCRIPTOR,
        VIEWER = 9,
        MAX_OUT = 1024,
        S = 1000000,
        STEP_US = 10 * 1000,
};

static const char *folder;

struct world {
        struct pkt_pool *pool;
        struct media_room *room;
        struct media_peer *publishers[2], *viewer;
        enum sdp_codec codec;
        int64_t now_us;
        uint8_t buf[2048];
        size_t n, n_rtx;
        struct sent out[MAX_OUT], rtx;
};

static uint8_t *reserve(void *user, void *tag, size_t max_len)
{
        struct world *world = user;

        (void)tag;
        assert_true(max_len <= sizeof(world->buf));
        return world->buf;
}

static void commit_rtp(void *user, void *tag, size_t len, uint32_t ext)
{
        struct world *world = user;
        struct rtp_pkt rtp;
        struct sent *sent;

        (void)tag;
        (void)ext;
        assert_int_equal(rtp_parse(&rtp, world->buf, len), 0);
        sent = rtp.ssrc == SLOT ? &world->out[world->n++] : &world->rtx;
        world->n_rtx += rtp.ssrc == SLOT_RTX;
        assert_true(world->n < MAX_OUT && len <= sizeof(sent->data));
        sent->len = len;
        memcpy(sent->data, world->buf, len);
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

static void add(struct world *world, struct media_peer **ret_peer, uint32_t participant)
{
        struct sdp_media media = { .n_video_slots = 1 };
        struct sdp_publication *pub = &media.pubs[SFU_CAMERA];
        struct sdp_slot *slot = &media.video_slots[0];
        const struct media_peer_params params = { .participant = participant, .media = &media };

        *pub = (struct sdp_publication){ .used = participant != VIEWER, .mid = "0" };
        pub->pts[world->codec] = (struct sdp_pt){ true, PT, PT_RTX };
        pub->ext.dependency = EXT_DESCRIPTOR;
        *slot = (struct sdp_slot){ .mid = "1", .ssrc = SLOT, .rtx_ssrc = SLOT_RTX };
        slot->pts[world->codec] = (struct sdp_pt){ true, PT, PT_RTX };
        slot->ext.dependency = EXT_DESCRIPTOR;
        assert_int_equal(media_room_add_peer(world->room, ret_peer, &params, world->now_us), 0);
        media_peer_on_connected(*ret_peer, world->now_us);
}

static struct world *world_new(enum sdp_codec codec)
{
        struct world *world = calloc(1, sizeof(*world));
        const struct media_out out = {
                .user = world,
                .reserve = reserve,
                .commit_rtp = commit_rtp,
                .commit_rtcp = commit_rtcp,
                .event = on_event,
        };

        assert_non_null(world);
        world->now_us = S;
        world->codec = codec;
        assert_int_equal(pkt_pool_new(&world->pool, 1024), 0);
        assert_int_equal(media_room_new(&world->room, &out, 1), 0);
        add(world, &world->publishers[0], 1);
        add(world, &world->publishers[1], 2);
        add(world, &world->viewer, VIEWER);
        return world;
}

static void world_free(struct world *world)
{
        media_room_free(world->room);
        pkt_pool_free(world->pool);
        free(world);
}

static void watch(struct world *world, unsigned publisher)
{
        const struct sfu_slot_view view = { .participant = publisher + 1, .kind = SFU_CAMERA };

        media_peer_set_view(world->viewer, &view, 1, world->now_us);
}

static void limit(struct world *world, uint8_t sid, uint8_t tid)
{
        slot_limit(&world->viewer->slots[0], sid, tid, world->now_us);
}

static void give(struct world *world, unsigned publisher, const struct captured_packet *p)
{
        const struct rtp_pkt header = {
                .marker = p->marker, .pt = PT, .seq = p->seq, .ts = p->ts, .ssrc = 100 + publisher
        };
        const struct rtp_ext_item item = { EXT_DESCRIPTOR, { p->dd, p->dd_len } };
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
        assert_int_equal(media_peer_on_rtp(world->publishers[publisher], pkt, world->now_us), 0);
        pkt_unref(pkt);
        while (media_room_waiting(world->room) != MEDIA_WAITING_NONE)
                media_room_step(world->room, world->now_us);
        world->now_us += STEP_US;
}

static void vp8_without_temporal_layers_has_no_gaps(void **state)
{
        struct captured *captured = captured_load(folder, "vp8_l1t3");
        struct world *world = world_new(SDP_VP8);
        struct vp8_desc vp8, before = { 0 };

        (void)state;
        watch(world, 0);
        for (size_t i = 0; i < captured->n; i++) {
                limit(world, LAYER_ALL, (uint8_t[]){ 2, 1, 0 }[i / 20 % 3]);
                give(world, 0, &captured->packets[i]);
        }
        assert_true(world->n > captured->n / 4 && world->n < captured->n * 3 / 4);
        assert_contiguous(world->out, world->n);
        assert_marked(world->out, world->n);
        for (size_t i = 0; i < world->n; i++, before = vp8) {
                assert_int_equal(vp8_parse(&vp8, sent_parsed(&world->out[i]).payload), 0);
                if (i == 0)
                        continue;
                assert_int_equal((vp8.picture_id - before.picture_id) & 0x7fff, vp8.starts_frame);
                assert_int_equal((uint8_t)(vp8.tl0picidx - before.tl0picidx),
                                 vp8.starts_frame && vp8.tid == 0);
        }
        world_free(world);
        free(captured);
}

static void every_wish_leaves_a_stream_that_can_be_decoded(void **state)
{
        static const struct {
                const char *name;
                enum sdp_codec codec;
        } streams[] = {
                { "vp9_l3t3_key", SDP_VP9 },
                { "vp9_l1t3", SDP_VP9 },
                { "av1_l3t3_key", SDP_AV1 },
                { "av1_l1t3", SDP_AV1 },
        };

        (void)state;
        for (size_t k = 0; k < 10 * ARRAY_LEN(streams); k++) {
                struct captured *captured = captured_load(folder,
                                                          streams[k % ARRAY_LEN(streams)].name);
                struct world *world = world_new(streams[k % ARRAY_LEN(streams)].codec);

                srand((unsigned)k);
                watch(world, 0);
                for (size_t i = 0; i < captured->n; i++) {
                        if (rand() % 10 == 0)
                                limit(world, (uint8_t)(rand() % 3), (uint8_t)(rand() % 3));
                        give(world, 0, &captured->packets[i]);
                }
                assert_true(world->n < captured->n);
                assert_contiguous(world->out, world->n);
                assert_marked(world->out, world->n);
                assert_decodable(world->out, world->n);
                world_free(world);
                free(captured);
        }
}

static void numbers_run_on_when_the_source_changes(void **state)
{
        struct captured *captured = captured_load(folder, "vp9_l3t3_key");
        struct world *world = world_new(SDP_VP9);

        (void)state;
        watch(world, 0);
        limit(world, 1, LAYER_ALL);
        for (size_t i = 0; i < 60; i++)
                give(world, 0, &captured->packets[i]);
        watch(world, 1);
        limit(world, 0, 1);
        for (size_t i = 0; i < 60; i++)
                give(world, 1, &captured->packets[i]);
        assert_int_equal(world->viewer->slots[0].current->pub->peer->participant, 2);
        assert_contiguous(world->out, world->n);
        assert_decodable(world->out, world->n);
        world_free(world);
        free(captured);
}

static void a_repeated_packet_is_the_one_that_was_sent(void **state)
{
        struct captured *captured = captured_load(folder, "vp9_l3t3_key");
        struct world *world = world_new(SDP_VP9);
        struct media_slot *slot = &world->viewer->slots[0];
        size_t from;

        (void)state;
        watch(world, 0);
        for (size_t i = 0; i < 200; i++) {
                if (i % 40 == 10)
                        limit(world, 1, (uint8_t)(i / 40 % 3));
                give(world, 0, &captured->packets[i]);
        }
        from = world->n - 60;
        for (size_t i = from; i < world->n; i++) {
                struct rtp_pkt first = sent_parsed(&world->out[i]), again;
                struct span dd, dd_again, payload;
                uint16_t seq;

                world->now_us += S; /* it may be asked again */
                slot_on_nack(slot, &first.seq, 1, world->now_us);
                assert_int_equal(world->n_rtx, i - from + 1);
                again = sent_parsed(&world->rtx);
                assert_int_equal(again.marker, first.marker);
                assert_int_equal(again.ts, first.ts);
                assert_int_equal(rtx_parse(&seq, &payload, again.payload), 0);
                assert_int_equal(seq, first.seq);
                assert_int_equal(payload.len, first.payload.len);
                assert_memory_equal(payload.data, first.payload.data, payload.len);
                assert_true(rtp_ext_find(first.ext_profile, first.ext, EXT_DESCRIPTOR, &dd));
                assert_true(rtp_ext_find(again.ext_profile, again.ext, EXT_DESCRIPTOR, &dd_again));
                assert_memory_equal(dd.data, dd_again.data, 3);
        }
        world_free(world);
        free(captured);
}

/* Packets of the publisher are lost, come late or twice: no number goes out twice, and
 * nothing but what was lost for good leaves a gap. */
static void losses_and_repetitions_keep_every_number_once(void **state)
{
        static bool seen[65536];

        (void)state;
        for (unsigned seed = 0; seed < 40; seed++) {
                struct captured *captured = captured_load(folder, "vp9_l3t3_key");
                struct world *world = world_new(SDP_VP9);
                size_t n_lost = 0, late[8], n_late = 0, n_span;

                srand(seed);
                memset(seen, 0, sizeof(seen));
                watch(world, 0);
                for (size_t i = 0; i < captured->n; i++) {
                        if (rand() % 10 == 0)
                                limit(world, (uint8_t)(rand() % 3), (uint8_t)(rand() % 3));
                        if (i > 0 && rand() % 20 == 0 && n_late < ARRAY_LEN(late))
                                late[n_late++] = i;
                        else if (i > 0 && rand() % 50 == 0)
                                n_lost++;
                        else
                                give(world, 0, &captured->packets[i]);
                        if (rand() % 20 == 0)
                                give(world, 0, &captured->packets[i / 2]); /* once more */
                        while (n_late > 0 && rand() % 8 == 0)
                                give(world, 0, &captured->packets[late[--n_late]]);
                }
                n_span = (uint16_t)(sent_parsed(&world->out[0]).seq);
                for (size_t i = 0; i < world->n; i++) {
                        uint16_t seq = sent_parsed(&world->out[i]).seq;

                        assert_false(seen[seq]);
                        seen[seq] = true;
                        if ((int16_t)(seq - n_span) > 0)
                                n_span = seq;
                }
                n_span = (uint16_t)(n_span - sent_parsed(&world->out[0]).seq) + 1u;
                assert_true(n_span <= world->n + n_lost + n_late + captured->n / 20);
                world_free(world);
                free(captured);
        }
}

static void rates_are_known_by_layer(void **state)
{
        struct captured *captured = captured_load(folder, "vp9_l3t3_key");
        struct world *world = world_new(SDP_VP9);
        const struct media_layer *layer = &world->publishers[0]->pubs[SFU_CAMERA]->layers[0];

        (void)state;
        watch(world, 0);
        for (size_t i = 0; i < captured->n; i++)
                give(world, 0, &captured->packets[i]);
        assert_int_equal(layer_n_spatial(layer, world->now_us), 3);
        assert_int_equal(layer_n_temporal(layer, world->now_us), 3);
        assert_true(layer_bps_of(layer, 0, 0, world->now_us) > 0);
        for (uint8_t i = 0; i < 2; i++) {
                assert_true(layer_bps_of(layer, i, 2, world->now_us) <
                            layer_bps_of(layer, (uint8_t)(i + 1), 2, world->now_us));
                assert_true(layer_bps_of(layer, 2, i, world->now_us) <
                            layer_bps_of(layer, 2, (uint8_t)(i + 1), world->now_us));
        }
        assert_int_equal(layer_sid_for(layer, 100, world->now_us), 0);
        assert_int_equal(layer_sid_for(layer, 136, world->now_us), 1);
        assert_int_equal(layer_sid_for(layer, 540, world->now_us), LAYER_ALL);
        world_free(world);
        free(captured);
}

static void key_frame_comes(struct world *world, struct media_layer *layer)
{
        static const uint8_t payload[1];
        struct media_in in = { .starts_keyframe = true };

        in.rtp.payload = (struct span){ payload, sizeof(payload) };
        in.rtp.ts = layer->detail->key_ts + 1;
        layer_describe(layer, &in, true, world->now_us);
        layer->keyframe_us = world->now_us;
}

/* An encoder that saves up for it is behind a key frame as it was before. */
static void what_was_sent_before_a_key_frame_counts_for_a_while(void **state)
{
        struct captured *captured = captured_load(folder, "vp9_l3t3_key");
        struct world *world = world_new(SDP_VP9);
        struct media_layer *layer = &world->publishers[0]->pubs[SFU_CAMERA]->layers[0];
        uint32_t bps;

        (void)state;
        watch(world, 0);
        for (size_t i = 0; i < captured->n; i++)
                give(world, 0, &captured->packets[i]);
        layer->keyframe_us = world->now_us - KEY_REST_US;
        bps = layer_bps_of(layer, 2, 2, world->now_us);
        key_frame_comes(world, layer);
        for (int s = 0; s < 2; s++) {
                world->now_us += S;
                key_frame_comes(world, layer);
                assert_int_equal(layer_bps_of(layer, 2, 2, world->now_us), bps);
                assert_int_equal(layer_n_spatial(layer, world->now_us), 3);
                assert_int_equal(layer_n_temporal(layer, world->now_us), 3);
        }
        world->now_us += S;
        key_frame_comes(world, layer); /* they come all the time: it is slow for good */
        assert_int_equal(layer_bps_of(layer, 2, 2, world->now_us), 0);
        assert_int_equal(layer_n_spatial(layer, world->now_us), 1);
        world_free(world);
        free(captured);
}

/* The lower ones did not pass, so without a key frame nothing would. */
static void a_stopped_spatial_layer_is_replaced_at_once(void **state)
{
        struct captured *captured = captured_load(folder, "vp9_l3t3_key");
        struct world *world = world_new(SDP_VP9);
        struct media_layer *layer = &world->publishers[0]->pubs[SFU_CAMERA]->layers[0];

        (void)state;
        watch(world, 0);
        for (size_t i = 0; i < 100; i++)
                give(world, 0, &captured->packets[i]);
        assert_int_equal(layer_n_spatial(layer, world->now_us), 3);
        limit(world, LAYER_ALL, LAYER_ALL);
        assert_false(layer->key_wanted);
        layer->detail->active = 0x3f; /* of nine targets those of S0 and S1 */
        assert_int_equal(layer_n_spatial(layer, world->now_us), 2);
        limit(world, LAYER_ALL, LAYER_ALL);
        assert_true(layer->key_wanted);
        world_free(world);
        free(captured);
}

int main(int argc, char **argv)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(vp8_without_temporal_layers_has_no_gaps),
                cmocka_unit_test(every_wish_leaves_a_stream_that_can_be_decoded),
                cmocka_unit_test(numbers_run_on_when_the_source_changes),
                cmocka_unit_test(a_repeated_packet_is_the_one_that_was_sent),
                cmocka_unit_test(losses_and_repetitions_keep_every_number_once),
                cmocka_unit_test(rates_are_known_by_layer),
                cmocka_unit_test(what_was_sent_before_a_key_frame_counts_for_a_while),
                cmocka_unit_test(a_stopped_spatial_layer_is_replaced_at_once),
        };

        folder = argc > 1 ? argv[1] : "tests/data/layers";
        return cmocka_run_group_tests(tests, NULL, NULL);
}
