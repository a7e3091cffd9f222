/* SPDX-License-Identifier: Apache-2.0 */
/* Two members of a room whose packets are authentic, and anything: each publishes, watches the
 * other and reports on what it gets. Input: a byte that chooses codec and feedback, then again and
 * again what happens (see enum op), the milliseconds that pass, a length in two bytes, and bytes. */
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/fuzz_out.h"

#include "sfu/core/media_room.h"
#include "sfu/wire/rtcp.h"
#include "sfu/wire/rtp.h"

enum {
        MS = 1000,
        BEGIN_US = 1000000,
        MAX_STEPS = 256,
        MAX_DRAINS = 4096,
        POOL = 512,
        OPUS_PT = 111,
        RED_PT = 63,
        VIDEO_PT = 96,
        RTX_PT = 97,
        SSRCS = 100, /* of a member's slots: so many more than the other's */
};

/* Bit 7 of the byte: the other member. */
enum op { OP_RTP, OP_RTCP, OP_VIEW, OP_MUTE, N_OPS };

struct setting {
        enum sdp_codec codec;
        bool simulcast, ccfb;
};

static uint8_t *reserve(void *user, void *tag, size_t max_len)
{
        (void)tag;
        return max_len <= PKT_CAP ? user : NULL;
}

static struct sdp_ext_ids ext_ids(void)
{
        return (struct sdp_ext_ids){ .mid = 1,
                                     .rid = 2,
                                     .repaired_rid = 3,
                                     .audio_level = 4,
                                     .transport_cc = 5,
                                     .dependency = 6 };
}

static void publish(struct sdp_media *media, const struct setting *setting)
{
        struct sdp_publication *mic = &media->pubs[SFU_MIC], *camera = &media->pubs[SFU_CAMERA];

        *mic = (struct sdp_publication){ .used = true, .mid = "0", .nack = true };
        mic->ext = ext_ids();
        mic->pts[SDP_OPUS] = (struct sdp_pt){ true, OPUS_PT, 0 };
        mic->pts[SDP_RED] = (struct sdp_pt){ true, RED_PT, 0 };
        *camera = (struct sdp_publication){
                .used = true, .mid = "1", .nack = true, .transport_cc = true
        };
        camera->ext = ext_ids();
        camera->pts[setting->codec] = (struct sdp_pt){ true, VIDEO_PT, RTX_PT };
        for (size_t i = 0; setting->simulcast && i < SDP_MAX_RIDS; i++)
                camera->rids[camera->n_rids++][0] = (char)('a' + i);
}

static void watch(struct sdp_media *media, const struct setting *setting, uint32_t ssrcs)
{
        struct sdp_slot *sound = &media->audio_slots[0], *picture = &media->video_slots[0];

        media->n_audio_slots = media->n_video_slots = 1;
        *sound = (struct sdp_slot){ .mid = "2", .ssrc = ssrcs, .nack = true };
        *picture = (struct sdp_slot){
                .mid = "3", .ssrc = ssrcs + 1, .rtx_ssrc = ssrcs + 2, .nack = true
        };
        sound->ext = picture->ext = ext_ids();
        sound->ccfb = picture->ccfb = setting->ccfb;
        if (setting->ccfb)
                sound->ext.transport_cc = picture->ext.transport_cc = 0;
        sound->pts[SDP_OPUS] = (struct sdp_pt){ true, OPUS_PT, 0 };
        sound->pts[SDP_RED] = (struct sdp_pt){ true, RED_PT, 0 };
        picture->pts[setting->codec] = (struct sdp_pt){ true, VIDEO_PT, RTX_PT };
}

static struct media_peer *add(struct media_room *room, uint32_t participant,
                              const struct setting *setting)
{
        const struct sfu_slot_view view = { .participant = 3 - participant,
                                            .kind = SFU_CAMERA,
                                            .max_height = 720 };
        struct sdp_media media = { .recv_codecs = SDP_CODEC_BIT(setting->codec) };
        const struct media_peer_params params = { .tag = room,
                                                  .participant = participant,
                                                  .media = &media };
        struct media_peer *peer;

        publish(&media, setting);
        watch(&media, setting, participant * SSRCS);
        FUZZ_CHECK(media_room_add_peer(room, &peer, &params, BEGIN_US) == 0);
        media_peer_on_connected(peer, BEGIN_US);
        media_peer_set_view(peer, &view, 1, BEGIN_US);
        return peer;
}

static void on_rtp(struct media_peer *peer, struct pkt_pool *pool, struct span bytes,
                   int64_t now_us)
{
        struct pkt *pkt = bytes.len <= PKT_CAP ? pkt_get(pool) : NULL;

        if (!pkt)
                return;
        if (bytes.len > 0)
                memcpy(pkt->data, bytes.data, bytes.len);
        pkt->len = (uint16_t)bytes.len;
        pkt->arrival_us = now_us;
        (void)media_peer_on_rtp(peer, pkt, now_us);
        pkt_unref(pkt);
}

static void on_rtcp(struct media_peer *peer, struct span bytes, int64_t now_us)
{
        if (media_peer_may_report(peer, now_us))
                (void)media_peer_on_rtcp(peer, bytes.data, bytes.len, now_us);
}

static void on_view(struct media_peer *peer, struct span bytes, int64_t now_us)
{
        struct rd r = rd_init(bytes.data, bytes.len);
        struct sfu_slot_view view = { .audio = rd_u8(&r) & 1, .slot = rd_u8(&r) };

        view.kind = (enum sfu_kind)(SFU_CAMERA + (rd_u8(&r) & 1));
        view.participant = rd_u8(&r) & 0x80 ? SFU_ACTIVE_SPEAKER : rd_u8(&r) % 4u;
        view.max_height = rd_u16(&r);
        view.priority = rd_u8(&r);
        media_peer_set_view(peer, &view, 1, now_us);
}

static void on_op(struct media_peer *peer, struct pkt_pool *pool, enum op op, struct span bytes,
                  int64_t now_us)
{
        switch (op) {
        case OP_RTP:
                on_rtp(peer, pool, bytes, now_us);
                break;
        case OP_RTCP:
                on_rtcp(peer, bytes, now_us);
                break;
        case OP_VIEW:
                on_view(peer, bytes, now_us);
                break;
        case OP_MUTE:
        case N_OPS:
                media_peer_set_muted(peer, bytes.len % SFU_N_KINDS, bytes.len & 0x80, now_us);
                break;
        }
}

/* What the shell does behind each turn. It comes to rest, whatever they sent. */
static void settle(struct media_room *room, int64_t now_us)
{
        for (int i = 0; media_room_waiting(room) != MEDIA_WAITING_NONE; i++) {
                FUZZ_CHECK(i < MAX_DRAINS);
                media_room_step(room, now_us);
        }
        for (int i = 0; media_room_deadline_us(room) <= now_us; i++) {
                FUZZ_CHECK(i < MAX_DRAINS);
                media_room_on_timeout(room, now_us, now_us);
        }
}

static void run(struct media_room *room, struct pkt_pool *pool, struct rd *r)
{
        static const enum sdp_codec codecs[] = { SDP_VP8, SDP_H264, SDP_VP9, SDP_AV1 };
        uint8_t how = rd_u8(r);
        const struct setting setting = { codecs[how & 3], how & 4, how & 8 };
        struct media_peer *peers[] = { add(room, 1, &setting), add(room, 2, &setting) };
        struct sfu_peer_stats stats;
        int64_t now_us = BEGIN_US;

        for (int i = 0; i < MAX_STEPS && rd_left(r) > 3; i++) {
                uint8_t op = rd_u8(r);
                size_t len;

                now_us += rd_u8(r) * (int64_t)MS;
                len = rd_u16(r);
                on_op(peers[op >> 7], pool, (enum op)((op & 0x7f) % N_OPS),
                      rd_take(r, len < rd_left(r) ? len : rd_left(r)), now_us);
                settle(room, now_us);
        }
        for (size_t i = 0; i < ARRAY_LEN(peers); i++)
                media_peer_stats(peers[i], now_us, &stats);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static uint8_t buf[PKT_CAP];
        const struct media_out out = { .user = buf,
                                       .reserve = reserve,
                                       .commit_rtp = commit_rtp,
                                       .commit_rtcp = commit_rtcp,
                                       .event = on_event };
        struct pkt_pool *pool;
        struct media_room *room;
        struct rd r = rd_init(data, size);

        FUZZ_CHECK(pkt_pool_new(&pool, POOL) == 0 && media_room_new(&room, &out, 1) == 0);
        run(room, pool, &r);
        media_room_free(room);
        FUZZ_CHECK(pkt_pool_available(pool) == POOL); /* nothing of it stays */
        pkt_pool_free(pool);
        return 0;
}
