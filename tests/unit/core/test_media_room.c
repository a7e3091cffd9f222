/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "sfu/core/media_room.h"
#include "sfu/core/media_tap.h"
#include "sfu/wire/rtcp.h"
#include "sfu/wire/rtp.h"

enum { PT_OPUS = 111, PT_VP8 = 96, SLOT_AUDIO = 500, SLOT_VIDEO = 600, S = 1000000 };

/* The n-th allocation fails; 0: none does. */
static unsigned fail_at, n_allocations;

void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t size);

void *__wrap_calloc(size_t n, size_t size)
{
        return ++n_allocations == fail_at ? NULL : __real_calloc(n, size);
}

void *__wrap_realloc(void *p, size_t size)
{
        return ++n_allocations == fail_at ? NULL : __real_realloc(p, size);
}

struct shell {
        uint8_t buf[2048];
        unsigned n_rtp, n_rtcp, n_events, n_records;
        uint32_t last_ssrc;
        uint16_t last_seq;
        size_t rtp_bytes;
        uint8_t last_rtcp_type;
        struct sfu_event last;
        int worst_bars; /* 4: never fewer */
};

static uint8_t *reserve(void *user, void *tag, size_t max_len)
{
        struct shell *shell = user;

        (void)tag;
        assert_true(max_len <= sizeof(shell->buf));
        return shell->buf;
}

static void commit_rtp(void *user, void *tag, size_t len, uint32_t ext)
{
        struct shell *shell = user;
        struct rtp_pkt rtp;

        (void)tag;
        assert_int_equal(rtp_parse(&rtp, shell->buf, len), 0);
        assert_int_equal((uint16_t)ext, rtp.seq);
        assert_true(ext >= 0x10000);
        shell->last_ssrc = rtp.ssrc;
        shell->last_seq = rtp.seq;
        shell->rtp_bytes += len;
        shell->n_rtp++;
}

static void commit_rtcp(void *user, void *tag, size_t len)
{
        struct shell *shell = user;

        (void)tag;
        assert_int_equal(rtcp_check(shell->buf, len), 0);
        shell->last_rtcp_type = shell->buf[1];
        shell->n_rtcp++;
}

static void on_event(void *user, void *tag, const struct sfu_event *event)
{
        struct shell *shell = user;

        (void)tag;
        shell->n_events++;
        shell->last = *event;
        if (event->type == SFU_EV_QUALITY && event->quality.bars < shell->worst_bars)
                shell->worst_bars = event->quality.bars;
}

static bool on_record(void *user, void *tag, const struct job_record *record)
{
        struct shell *shell = user;

        (void)tag;
        (void)record;
        shell->n_records++;
        return true;
}

static struct media_out out_to(struct shell *shell)
{
        return (struct media_out){
                .user = shell,
                .reserve = reserve,
                .commit_rtp = commit_rtp,
                .commit_rtcp = commit_rtcp,
                .event = on_event,
                .tap = on_record,
        };
}

/* As an encoder by WHIP offers: no MID extension, no a=ssrc; and as it listens. */
static void fill_media(struct sdp_media *media)
{
        *media = (struct sdp_media){ .n_audio_slots = 1, .n_video_slots = 1 };
        media->pubs[SFU_MIC] = (struct sdp_publication){ .used = true, .mid = "0", .nack = true };
        media->pubs[SFU_MIC].pts[SDP_OPUS] = (struct sdp_pt){ true, PT_OPUS, 0 };
        media->pubs[SFU_CAMERA] = (struct sdp_publication){ .used = true,
                                                            .mid = "1",
                                                            .nack = true };
        media->pubs[SFU_CAMERA].pts[SDP_VP8] = (struct sdp_pt){ true, PT_VP8, PT_VP8 + 1 };
        media->audio_slots[0] = (struct sdp_slot){ .mid = "2", .ssrc = SLOT_AUDIO };
        media->audio_slots[0].pts[SDP_OPUS] = (struct sdp_pt){ true, PT_OPUS, 0 };
        media->video_slots[0] = (struct sdp_slot){ .mid = "3",
                                                   .ext = { .transport_cc = 6 },
                                                   .ssrc = SLOT_VIDEO,
                                                   .rtx_ssrc = SLOT_VIDEO + 1 };
        media->video_slots[0].pts[SDP_VP8] = (struct sdp_pt){ true, PT_VP8, PT_VP8 + 1 };
}

static int add_media(struct media_room *room, struct media_peer **ret, uint32_t participant,
                     const struct sdp_media *media, int64_t now_us)
{
        const struct media_peer_params params = { .tag = room,
                                                  .participant = participant,
                                                  .media = media };

        return media_room_add_peer(room, ret, &params, now_us);
}

static int add(struct media_room *room, struct media_peer **ret, uint32_t participant)
{
        struct sdp_media media;

        fill_media(&media);
        return add_media(room, ret, participant, &media, S);
}

static int give_vp8(struct media_peer *peer, struct pkt_pool *pool, uint32_t ssrc, uint16_t seq,
                    int64_t now_us)
{
        static const uint8_t key[] = { 0x10, 0x00, 0x00, 0x00, 0x9d, 0x01,
                                       0x2a, 0x40, 0x01, 0xb4, 0x00, 0x00 };
        const struct rtp_pkt header = { .pt = PT_VP8, .seq = seq, .ts = 1, .ssrc = ssrc };
        struct pkt *pkt = pkt_get(pool);
        struct wr w = wr_init(pkt->data, PKT_CAP);
        int r;

        rtp_write_header(&w, &header, NULL, 0);
        memcpy(wr_take(&w, sizeof(key)), key, sizeof(key));
        pkt->len = (uint16_t)wr_len(&w);
        pkt->arrival_us = now_us;
        r = media_peer_on_rtp(peer, pkt, now_us);
        pkt_unref(pkt);
        return r;
}

static void step_all(struct media_room *room, int64_t now_us)
{
        while (media_room_waiting(room) != MEDIA_WAITING_NONE)
                media_room_step(room, now_us);
}

static int send_vp8(struct media_room *room, struct media_peer *peer, struct pkt_pool *pool,
                    uint32_t ssrc, uint16_t seq, int64_t now_us)
{
        int r = give_vp8(peer, pool, ssrc, seq, now_us);

        step_all(room, now_us);
        return r;
}

/* A room with an encoder, participant 1, and a viewer, 2, who watches its camera. */
struct pair {
        struct pkt_pool *pool;
        struct media_room *room;
        struct shell shell; /* the room holds its address */
        struct media_peer *encoder, *viewer;
};

struct pair_params {
        size_t n_packets;
        const struct sdp_media *encoder, *viewer; /* NULL: fill_media()'s */
        int64_t now_us;                           /* 0: S */
};

static void pair_init(struct pair *pair, const struct pair_params *params)
{
        const struct sfu_slot_view view = { .participant = 1, .kind = SFU_CAMERA };
        const struct media_out out = out_to(&pair->shell);
        const int64_t now_us = params->now_us ? params->now_us : S;
        struct sdp_media usual;

        fill_media(&usual);
        assert_int_equal(pkt_pool_new(&pair->pool, params->n_packets), 0);
        assert_int_equal(media_room_new(&pair->room, &out, 1), 0);
        assert_int_equal(add_media(pair->room, &pair->encoder, 1,
                                   params->encoder ? params->encoder : &usual, now_us),
                         0);
        assert_int_equal(add_media(pair->room, &pair->viewer, 2,
                                   params->viewer ? params->viewer : &usual, now_us),
                         0);
        media_peer_on_connected(pair->encoder, now_us);
        media_peer_on_connected(pair->viewer, now_us);
        media_peer_set_view(pair->viewer, &view, 1, now_us);
}

static void pair_done(struct pair *pair)
{
        media_room_free(pair->room);
        pkt_pool_free(pair->pool);
}

static int pair_send(struct pair *pair, uint32_t ssrc, uint16_t seq, int64_t now_us)
{
        return send_vp8(pair->room, pair->encoder, pair->pool, ssrc, seq, now_us);
}

static void stream_without_mid_is_bound_by_payload_type(void **state)
{
        cleanup(pair_done) struct pair pair = { 0 };

        (void)state;
        pair_init(&pair, &(struct pair_params){ .n_packets = 64 });
        assert_int_equal(pair_send(&pair, 12345, 1, S), 0);
        assert_int_equal(pair.shell.n_rtp, 1);
        assert_int_equal(pair.shell.last_ssrc, SLOT_VIDEO);
        assert_int_equal(pair.shell.last.type, SFU_EV_SLOT);
        assert_int_equal(pair.shell.last.slot.source, 1);
        media_room_remove_peer(pair.room, pair.encoder, S);
        assert_int_equal(pair.shell.last.slot.source, 0);
}

static void new_ssrc_of_the_same_stream_starts_over(void **state)
{
        cleanup(pair_done) struct pair pair = { 0 };
        unsigned n_events;

        (void)state;
        pair_init(&pair, &(struct pair_params){ .n_packets = 64 });
        n_events = pair.shell.n_events;
        for (uint32_t ssrc = 1; ssrc <= 1000; ssrc++) /* a peer gone mad: a millisecond each */
                assert_int_equal(
                        pair_send(&pair, ssrc, (uint16_t)(ssrc * 7777), S + (int64_t)ssrc * 1000),
                        0);
        assert_in_range(pair.shell.n_rtp, 4, 6); /* five restarts a second */
        assert_int_equal(pair.shell.n_events, n_events + 1);
        assert_true(pkt_pool_available(pair.pool) >= 60);
}

static int nack_one(struct media_peer *peer, uint16_t seq, int64_t now_us)
{
        uint8_t data[16];
        struct wr w = wr_init(data, sizeof(data));

        wr_u8(&w, 0x81);
        wr_u8(&w, RTCP_RTPFB);
        wr_u16(&w, sizeof(data) / 4 - 1);
        wr_u32(&w, 1);
        wr_u32(&w, SLOT_VIDEO);
        wr_u16(&w, seq);
        wr_u16(&w, 0);
        return media_peer_on_rtcp(peer, data, sizeof(data), now_us);
}

/* A stream's number in the room comes round after 2^17 of its restarts, at five a second
 * in seven hours. */
static void a_stream_that_starts_over_for_ever_leaves_nothing_behind(void **state)
{
        cleanup(pair_done) struct pair pair = { 0 };
        struct sdp_media media;
        int64_t now_us = S;

        (void)state;
        fill_media(&media);
        media.pubs[SFU_MIC].used = false; /* her camera is the room's first stream */
        pair_init(&pair, &(struct pair_params){ .n_packets = 64, .encoder = &media });
        for (uint32_t n = 0; n < 1u << 17; n++, now_us += 200000)
                assert_int_equal(pair_send(&pair, 1 + n % 2, 1, now_us), 0);
        media_room_remove_peer(pair.room, pair.encoder, now_us);
        assert_int_equal(nack_one(pair.viewer, pair.shell.last_seq, now_us), 0);
        assert_int_equal(add_media(pair.room, &pair.encoder, 1, &media, now_us), 0);
}

static void who_follows_the_speaker_is_shown_whoever_is_there(void **state)
{
        cleanup(pkt_pool_freep) struct pkt_pool *pool = NULL;
        cleanup(media_room_freep) struct media_room *room = NULL;
        const struct sfu_slot_view view = { .participant = SFU_ACTIVE_SPEAKER, .kind = SFU_CAMERA };
        struct shell shell = { 0 };
        const struct media_out out = out_to(&shell);
        struct media_peer *encoder, *viewer;
        int64_t now_us = S;

        (void)state;
        assert_int_equal(pkt_pool_new(&pool, 64), 0);
        assert_int_equal(media_room_new(&room, &out, 1), 0);
        assert_int_equal(add(room, &viewer, 9), 0);
        media_peer_set_muted(viewer, SFU_CAMERA, true, S);
        media_peer_on_connected(viewer, S);
        media_peer_set_view(viewer, &view, 1, S);
        for (uint32_t i = 1; i <= 3; i++) {
                assert_int_equal(add(room, &encoder, i), 0);
                media_peer_set_muted(encoder, SFU_CAMERA, i > 1, now_us); /* before she is in */
                media_peer_on_connected(encoder, now_us);
                media_peer_set_muted(encoder, SFU_CAMERA, false, now_us);
                for (uint16_t seq = 1; seq < 4; seq++) {
                        assert_int_equal(send_vp8(room, encoder, pool, 5, seq, now_us), 0);
                        assert_int_equal(shell.last.slot.source, i);
                        media_peer_set_muted(encoder, SFU_CAMERA, true, now_us);
                        assert_int_equal(shell.last.slot.source, 0);
                        media_peer_set_muted(encoder, SFU_CAMERA, i == 3 && seq == 3, now_us);
                        now_us += S;
                }
                media_room_remove_peer(room, encoder, now_us);
        }
}

/* NACK (RFC 4585 §6.2.1) of the 255 packets from first on. */
static int nack_all(struct media_peer *peer, uint16_t first, int64_t now_us)
{
        enum { ITEMS = 15, PER_ITEM = 17 };
        uint8_t data[12 + 4 * ITEMS];
        struct wr w = wr_init(data, sizeof(data));

        wr_u8(&w, 0x81);
        wr_u8(&w, RTCP_RTPFB);
        wr_u16(&w, sizeof(data) / 4 - 1);
        wr_u32(&w, 1);
        wr_u32(&w, SLOT_VIDEO);
        for (unsigned i = 0; i < ITEMS; i++) {
                wr_u16(&w, (uint16_t)(first + i * PER_ITEM));
                wr_u16(&w, 0xffff);
        }
        return media_peer_on_rtcp(peer, data, sizeof(data), now_us);
}

static void nacks_without_end_draw_about_as_much_again(void **state)
{
        cleanup(pair_done) struct pair pair = { 0 };
        uint16_t first;

        (void)state;
        pair_init(&pair, &(struct pair_params){ .n_packets = 512 });
        for (uint16_t seq = 1; seq <= 255; seq++)
                assert_int_equal(pair_send(&pair, 9, seq, S), 0);
        first = (uint16_t)(pair.shell.last_seq - 254);
        pair.shell.rtp_bytes = pair.shell.n_rtp = 0;
        assert_int_equal(nack_all(pair.viewer, first, S), 0);
        assert_int_equal(pair.shell.n_rtp, 255);
        for (int ms = 1; ms <= 1000; ms++)
                assert_int_equal(nack_all(pair.viewer, first, S + ms * INT64_C(1000)), 0);
        assert_in_range(pair.shell.n_rtp, 255, 255 + 256);
}

/* The clock counts from when the machine was started; of each packet that is lost and asked
 * for, more than may be repeated at once. */
static void repeats_are_served_however_long_the_machine_runs(void **state)
{
        enum { PACKETS = 50000 };
        static const int64_t days[] = { 0, 214, 300 };

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(days); i++) {
                cleanup(pair_done) struct pair pair = { 0 };
                int64_t now_us = S + days[i] * 86400 * S;
                struct sdp_media media;

                fill_media(&media);
                media.video_slots[0].ext.transport_cc = 0; /* nothing is known of the line */
                pair_init(&pair, &(struct pair_params){ .n_packets = 1024,
                                                        .encoder = &media,
                                                        .viewer = &media,
                                                        .now_us = now_us });
                for (uint32_t seq = 1; seq <= PACKETS; seq++, now_us += 2000) {
                        assert_int_equal(pair_send(&pair, 9, (uint16_t)seq, now_us), 0);
                        assert_int_equal(nack_one(pair.viewer, pair.shell.last_seq, now_us), 0);
                        assert_int_equal(pair.shell.n_rtp, 2 * seq);
                }
        }
}

static int send_voice(struct media_peer *peer, struct pkt_pool *pool, uint16_t seq, int64_t now_us)
{
        const struct rtp_pkt header = { .pt = PT_OPUS, .seq = seq, .ts = seq * 960u, .ssrc = 1 };
        struct pkt *pkt = pkt_get(pool);
        struct wr w = wr_init(pkt->data, PKT_CAP);
        int r;

        rtp_write_header(&w, &header, NULL, 0);
        wr_u32(&w, 0);
        pkt->len = (uint16_t)wr_len(&w);
        pkt->arrival_us = now_us;
        r = media_peer_on_rtp(peer, pkt, now_us);
        pkt_unref(pkt);
        return r;
}

/* An encoder that starts over under its SSRC, with whatever number. */
static void losses_behind_a_leap_are_asked_for(void **state)
{
        static const uint16_t starts[] = { 10000, 35000, 50000 };

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(starts); i++) {
                cleanup(pair_done) struct pair pair = { 0 };
                struct sfu_counters counters = { 0 };
                int64_t now_us = S;

                pair_init(&pair, &(struct pair_params){ .n_packets = 64 });
                for (uint16_t n = 0; n < 10; n++)
                        assert_int_equal(pair_send(&pair, 9, 40000 + n, S), 0);
                for (uint16_t n = 0; n < 10; n++) {
                        if (n != 5)
                                assert_int_equal(pair_send(&pair, 9, starts[i] + n, S), 0);
                }
                for (; now_us < S + S / 10; now_us += 1000)
                        media_room_on_timeout(pair.room, now_us, now_us);
                media_room_add_counters(pair.room, &counters);
                assert_int_equal(counters.nack_out, 1);
        }
}

/* A browser goes on sending silence while she is muted. */
static void what_was_sent_while_muted_is_no_loss(void **state)
{
        cleanup(pkt_pool_freep) struct pkt_pool *pool = NULL;
        cleanup(media_room_freep) struct media_room *room = NULL;
        struct shell shell = { .worst_bars = 4 };
        const struct media_out out = out_to(&shell);
        struct sfu_peer_stats stats;
        struct media_peer *peer;
        int64_t now_us = S;

        (void)state;
        assert_int_equal(pkt_pool_new(&pool, 64), 0);
        assert_int_equal(media_room_new(&room, &out, 1), 0);
        assert_int_equal(add(room, &peer, 1), 0);
        media_peer_on_connected(peer, S);
        for (uint16_t seq = 60000; seq != 950; seq++, now_us += 20000) { /* two minutes */
                if (seq % 500 == 0)
                        media_peer_set_muted(peer, SFU_MIC, seq % 1000 == 0, now_us);
                if (seq % 1000 == 900) /* but this is */
                        continue;
                assert_int_equal(send_voice(peer, pool, seq, now_us), 0);
                media_room_on_timeout(room, now_us, now_us);
        }
        assert_true(shell.n_events > 0);
        assert_int_equal(shell.worst_bars, 4);
        media_peer_stats(peer, now_us, &stats);
        assert_int_equal(stats.streams[0].lost, 1);
}

static void fir_asks_for_a_key_frame(void **state)
{
        static const uint8_t fir[] = {
                0x84, 206, 0, 4, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, SLOT_VIDEO >> 8, SLOT_VIDEO & 0xff,
                1,    0,   0, 0
        };
        cleanup(pair_done) struct pair pair = { 0 };
        struct sfu_counters counters = { 0 };

        (void)state;
        pair_init(&pair, &(struct pair_params){ .n_packets = 64 });
        assert_int_equal(pair_send(&pair, 9, 1, S), 0);
        media_room_on_timeout(pair.room, S, S);
        media_room_add_counters(pair.room, &counters);
        assert_int_equal(counters.pli_out, 0);
        assert_int_equal(media_peer_on_rtcp(pair.viewer, fir, sizeof(fir), S), 0);
        media_room_on_timeout(pair.room, S, S);
        media_room_add_counters(pair.room, &counters);
        assert_int_equal(counters.pli_in, 1);
        assert_int_equal(counters.pli_out, 1);
        assert_true(media_peer_on_rtcp(pair.viewer, fir, sizeof(fir) - 1, S) > 0);
}

static void views_out_of_range_are_ignored(void **state)
{
        cleanup(media_room_freep) struct media_room *room = NULL;
        const struct sfu_slot_view views[] = {
                { .slot = 1, .participant = 2, .kind = SFU_CAMERA },
                { .slot = 255, .participant = 2, .kind = SFU_SCREEN },
                { .audio = true, .slot = 1, .participant = 2 },
                { .slot = 0, .participant = 2, .kind = SFU_MIC },
                { .slot = 0, .participant = 2, .kind = SFU_N_KINDS },
                { .slot = 0, .participant = 77, .kind = SFU_CAMERA },
        };
        struct shell shell = { 0 };
        const struct media_out out = out_to(&shell);
        struct media_peer *peer;

        (void)state;
        assert_int_equal(media_room_new(&room, &out, 1), 0);
        assert_int_equal(add(room, &peer, 1), 0);
        media_peer_on_connected(peer, S);
        media_peer_set_view(peer, views, ARRAY_LEN(views), S);
        media_peer_set_muted(peer, SFU_SCREEN, true, S); /* she has none */
        media_peer_set_muted(peer, SFU_N_KINDS, true, S);
        assert_int_equal(shell.n_rtp, 0);
}

static void full_room_refuses(void **state)
{
        cleanup(media_room_freep) struct media_room *room = NULL;
        struct shell shell = { 0 };
        const struct media_out out = out_to(&shell);
        struct media_peer *peer;

        (void)state;
        assert_int_equal(media_room_new(&room, &out, 1), 0);
        for (uint32_t i = 1; i <= SFU_MAX_PEERS_PER_ROOM; i++)
                assert_int_equal(add(room, &peer, i), 0);
        assert_int_equal(add(room, &peer, 9999), SFU_OFFER_ROOM_FULL);
        media_room_remove_peer(room, peer, S);
        assert_int_equal(add(room, &peer, 9999), 0);
}

/* A short meeting in which the n-th allocation fails; 0 or -ENOMEM. */
static int short_meeting(struct pkt_pool *pool)
{
        cleanup(media_room_freep) struct media_room *room = NULL;
        const struct sfu_slot_view view = { .participant = 1, .kind = SFU_CAMERA };
        struct shell shell = { 0 };
        const struct media_out out = out_to(&shell);
        struct media_peer *a, *b;
        struct media_tap *tap, *second = NULL;
        int r = media_room_new(&room, &out, 1);

        if (r < 0)
                return r;
        for (uint32_t i = 0; i < 40; i++) {
                r = add(room, i == 0 ? &a : &b, i + 1);
                if (r == 0 && i == 20)
                        r = media_room_add_tap(room, &tap, SFU_TAP_ALL, NULL, S);
                if (r < 0)
                        return r;
        }
        media_peer_on_connected(a, S);
        media_peer_on_connected(b, S);
        media_peer_set_view(b, &view, 1, S);
        for (uint16_t seq = 1; seq < 20; seq += 2)
                assert_int_equal(send_vp8(room, a, pool, 5, seq, S), 0);
        media_room_on_timeout(room, S + 20000, S);
        assert_int_equal(shell.n_rtp, 10);     /* rings may be missing, pictures not */
        assert_int_equal(shell.n_records, 11); /* and a TRACK */
        r = media_room_add_tap(room, &second, SFU_TAP_PROGRAM, NULL, S);
        media_room_remove_tap(room, tap, S);
        if (r == 0)
                media_room_remove_tap(room, second, S);
        return r;
}

static void every_allocation_may_fail(void **state)
{
        cleanup(pkt_pool_freep) struct pkt_pool *pool = NULL;
        unsigned n = 0, n_refused = 0;

        (void)state;
        assert_int_equal(pkt_pool_new(&pool, 64), 0);
        do {
                int r;

                n_allocations = 0;
                fail_at = ++n;
                r = short_meeting(pool);
                assert_true(r == 0 || r == -ENOMEM);
                n_refused += r == -ENOMEM;
                assert_int_equal(pkt_pool_available(pool), 64);
        } while (n_allocations >= fail_at);
        fail_at = 0;
        assert_true(n_refused > 100);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(stream_without_mid_is_bound_by_payload_type),
                cmocka_unit_test(new_ssrc_of_the_same_stream_starts_over),
                cmocka_unit_test(a_stream_that_starts_over_for_ever_leaves_nothing_behind),
                cmocka_unit_test(who_follows_the_speaker_is_shown_whoever_is_there),
                cmocka_unit_test(nacks_without_end_draw_about_as_much_again),
                cmocka_unit_test(repeats_are_served_however_long_the_machine_runs),
                cmocka_unit_test(losses_behind_a_leap_are_asked_for),
                cmocka_unit_test(what_was_sent_while_muted_is_no_loss),
                cmocka_unit_test(fir_asks_for_a_key_frame),
                cmocka_unit_test(views_out_of_range_are_ignored),
                cmocka_unit_test(full_room_refuses),
                cmocka_unit_test(every_allocation_may_fail),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
