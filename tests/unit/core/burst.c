/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/core/burst.h"

#include <stdlib.h>
#include <string.h>

#include "sfu/wire/rtp.h"

enum {
        PT_OPUS = 111,
        PT_VP8 = 96,
        SSRC_MIC = 1000, /* of publisher p: SSRC_MIC + p */
        SSRC_CAM = 2000,
        PACKET_US = 3,
        S = 1000000,
        POOL = 4096,
};

struct burst *burst;

static uint8_t *reserve(void *user, void *tag, size_t max_len)
{
        (void)user;
        (void)tag;
        assert_true(max_len <= sizeof(burst->buf));
        return burst->buf;
}

static void commit_rtp(void *user, void *tag, size_t len, uint32_t ext)
{
        struct burst_peer *peer = tag;
        struct rtp_pkt rtp;
        struct burst_sent *sent = &burst->sent[burst->n_sent++ % BURST_MAX_SENT];
        size_t slot;
        uint8_t *byte, bit;

        (void)user;
        assert_int_equal(rtp_parse(&rtp, burst->buf, len), 0);
        assert_int_equal((uint16_t)ext, rtp.seq);
        *sent = (struct burst_sent){ .peer = (uint32_t)(peer - burst->peers),
                                     .ssrc = rtp.ssrc,
                                     .seq = rtp.seq };
        if (rtp.payload.len >= 2)
                sent->number = (uint16_t)(rtp.payload.data[rtp.payload.len - 2] << 8 |
                                          rtp.payload.data[rtp.payload.len - 1]);
        slot = rtp.ssrc == BURST_SLOT_AUDIO ? 0 : rtp.ssrc - BURST_SLOT_VIDEO + 1;
        assert_true(slot < 3);
        if (!peer->seen[slot])
                peer->seen[slot] = calloc(1, 65536 / 8);
        byte = &peer->seen[slot][rtp.seq / 8];
        bit = (uint8_t)(1 << rtp.seq % 8);
        /* A number that goes out twice is a nonce used twice. */
        assert_false(*byte & bit);
        *byte |= bit;
        peer->seen[slot][(uint16_t)(rtp.seq + 32768) / 8] = 0; /* half a cycle on: forgotten */
        burst->now_us += PACKET_US;
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

int burst_set_up(void **state)
{
        const struct media_out out = { .reserve = reserve,
                                       .commit_rtp = commit_rtp,
                                       .commit_rtcp = commit_rtcp,
                                       .event = on_event };

        (void)state;
        burst = calloc(1, sizeof(*burst));
        assert_non_null(burst);
        burst->now_us = S;
        assert_int_equal(pkt_pool_new(&burst->pool, POOL), 0);
        assert_int_equal(media_room_new(&burst->room, &out, 1), 0);
        return 0;
}

int burst_tear_down(void **state)
{
        (void)state;
        for (size_t i = 0; i < BURST_MAX_PEERS; i++)
                for (size_t k = 0; k < 3; k++)
                        free(burst->peers[i].seen[k]);
        media_room_free(burst->room);
        assert_int_equal(pkt_pool_available(burst->pool), POOL);
        pkt_pool_free(burst->pool);
        free(burst);
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

struct burst_peer *burst_join_at(size_t i)
{
        static struct sdp_media media;
        struct burst_peer *peer = &burst->peers[i];
        const struct media_peer_params params = { .tag = peer,
                                                  .participant = (uint32_t)i + 1,
                                                  .media = &media };

        media = (struct sdp_media){ .n_audio_slots = 1, .n_video_slots = 2 };
        media.pubs[SFU_MIC] = (struct sdp_publication){ .used = true, .mid = "0" };
        media.pubs[SFU_MIC].ssrc = SSRC_MIC + (uint32_t)i;
        media.pubs[SFU_MIC].pts[SDP_OPUS] = (struct sdp_pt){ true, PT_OPUS, 0 };
        media.pubs[SFU_CAMERA] = (struct sdp_publication){ .used = true, .mid = "1" };
        media.pubs[SFU_CAMERA].pts[SDP_VP8] = (struct sdp_pt){ true, PT_VP8, PT_VP8 + 1 };
        media.audio_slots[0] = (struct sdp_slot){ .mid = "2", .ssrc = BURST_SLOT_AUDIO };
        media.audio_slots[0].pts[SDP_OPUS] = (struct sdp_pt){ true, PT_OPUS, 0 };
        for (size_t k = 0; k < 3; k++) { /* new numbers, and new keys */
                free(peer->seen[k]);
                peer->seen[k] = NULL;
        }
        fill_video_slot(&media.video_slots[0], BURST_SLOT_VIDEO, "3");
        fill_video_slot(&media.video_slots[1], BURST_SLOT_VIDEO + 1, "4");
        assert_int_equal(media_room_add_peer(burst->room, &peer->media, &params, burst->now_us), 0);
        media_peer_on_connected(peer->media, burst->now_us);
        return peer;
}

struct burst_peer *burst_join(void)
{
        return burst_join_at(burst->n_peers++);
}

void burst_leave(struct burst_peer *peer)
{
        media_room_remove_peer(burst->room, peer->media, burst->now_us);
        peer->media = NULL;
}

void burst_view(struct burst_peer *peer, uint8_t slot, bool audio, uint32_t participant)
{
        const struct sfu_slot_view v = { .slot = slot,
                                         .audio = audio,
                                         .participant = participant,
                                         .kind = audio ? SFU_MIC : SFU_CAMERA };

        media_peer_set_view(peer->media, &v, 1, burst->now_us);
}

static void give(struct burst_peer *from, const struct rtp_pkt *header, const uint8_t *payload,
                 size_t len)
{
        struct pkt *pkt = pkt_get(burst->pool);
        struct wr w;

        assert_non_null(pkt);
        w = wr_init(pkt->data, PKT_CAP);
        rtp_write_header(&w, header, NULL, 0);
        if (len > 0)
                memcpy(wr_take(&w, len), payload, len);
        pkt->len = (uint16_t)wr_len(&w);
        pkt->arrival_us = burst->now_us;
        assert_int_equal(media_peer_on_rtp(from->media, pkt, burst->now_us), 0);
        pkt_unref(pkt);
}

void burst_send_video_as(struct burst_peer *from, uint32_t ssrc, uint16_t seq, bool key)
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

void burst_send_video(struct burst_peer *from, uint16_t seq, bool key)
{
        burst_send_video_as(from, SSRC_CAM + (uint32_t)(from - burst->peers), seq, key);
}

void burst_send_padding(struct burst_peer *from, uint16_t seq)
{
        const struct rtp_pkt header = { .pt = PT_VP8,
                                        .seq = seq,
                                        .ssrc = SSRC_CAM + (uint32_t)(from - burst->peers) };

        give(from, &header, NULL, 0);
}

void burst_send_audio(struct burst_peer *from, uint16_t seq)
{
        const struct rtp_pkt header = { .pt = PT_OPUS,
                                        .seq = seq,
                                        .ts = seq * 960u,
                                        .ssrc = SSRC_MIC + (uint32_t)(from - burst->peers) };
        const uint8_t payload[] = { 1, 2, (uint8_t)(seq >> 8), (uint8_t)seq };

        give(from, &header, payload, sizeof(payload));
}

bool burst_waits(void)
{
        return media_room_waiting(burst->room) != MEDIA_WAITING_NONE;
}

void burst_step(void)
{
        media_room_step(burst->room, burst->now_us);
}

void burst_step_all(void)
{
        while (burst_waits())
                burst_step();
}

size_t burst_numbers_of(const struct burst_peer *peer, uint32_t ssrc, uint16_t *ret, size_t cap)
{
        size_t n = 0;

        for (size_t i = 0; i < burst->n_sent; i++) {
                const struct burst_sent *sent = &burst->sent[i];

                if (&burst->peers[sent->peer] == peer && sent->ssrc == ssrc && n < cap)
                        ret[n++] = sent->number;
        }
        return n;
}

struct burst_peer *burst_publisher_and(size_t n_viewers)
{
        struct burst_peer *publisher = burst_join();

        for (size_t i = 0; i < n_viewers; i++) {
                struct burst_peer *viewer = burst_join();

                burst_view(viewer, 0, false, 1);
                burst_view(viewer, 0, true, 1);
        }
        return publisher;
}
