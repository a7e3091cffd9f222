/* SPDX-License-Identifier: Apache-2.0 */
/* Records of a job that may be broken, into a room with somebody who watches: what sfu/io/feed.c
 * does with them. Input: a byte that says how much time passes, a record's length in two, and the
 * record, again and again. */
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/fuzz_out.h"

#include "sfu/core/media_room.h"
#include "sfu/wire/job_record.h"
#include "sfu/wire/rtcp.h"
#include "sfu/wire/rtp.h"

enum {
        MS = 1000,
        BEGIN_US = 1000000,
        MAX_RECORDS = 256,
        POOL = 1024,
        SLOT_AUDIO = 500,
        SLOT_VIDEO = 600
};

static uint8_t *reserve(void *user, void *tag, size_t max_len)
{
        (void)tag;
        FUZZ_CHECK(max_len <= PKT_CAP);
        return user;
}

static struct sdp_media media_of_feed(void)
{
        struct sdp_media media = { 0 };
        struct sdp_publication *mic = &media.pubs[SFU_MIC], *screen = &media.pubs[SFU_SCREEN];

        *mic = (struct sdp_publication){ .used = true, .mid = "0" };
        mic->pts[SDP_OPUS] = (struct sdp_pt){ .used = true, .pt = JOB_PT_OPUS };
        mic->ext.audio_level = JOB_EXT_AUDIO_LEVEL;
        *screen = (struct sdp_publication){ .used = true, .mid = "1", .n_rids = 3 };
        screen->pts[SDP_VP8] = (struct sdp_pt){ .used = true, .pt = JOB_PT_VP8 };
        screen->pts[SDP_H264] = (struct sdp_pt){ .used = true, .pt = JOB_PT_H264 };
        for (size_t i = 0; i < 3; i++)
                screen->rids[i][0] = (char)('0' + i);
        return media;
}

static struct sdp_media media_of_viewer(void)
{
        struct sdp_media media = { .n_audio_slots = 1, .n_video_slots = 1 };

        media.audio_slots[0] = (struct sdp_slot){ .mid = "2", .ssrc = SLOT_AUDIO };
        media.audio_slots[0].pts[SDP_OPUS] = (struct sdp_pt){ true, 111, 0 };
        media.video_slots[0] = (struct sdp_slot){ .mid = "3",
                                                  .ext = { .transport_cc = 6 },
                                                  .ssrc = SLOT_VIDEO,
                                                  .rtx_ssrc = SLOT_VIDEO + 1 };
        media.video_slots[0].pts[SDP_VP8] = (struct sdp_pt){ true, 96, 97 };
        media.video_slots[0].pts[SDP_H264] = (struct sdp_pt){ true, 98, 99 };
        return media;
}

static struct media_peer *add(struct media_room *room, uint32_t participant,
                              const struct sdp_media *media)
{
        const struct media_peer_params params = {
                .tag = room, .participant = participant, .film = participant == 1, .media = media
        };
        struct media_peer *peer;

        FUZZ_CHECK(media_room_add_peer(room, &peer, &params, BEGIN_US) == 0);
        media_peer_on_connected(peer, BEGIN_US);
        return peer;
}

static void on_rtp(struct media_peer *feed, struct pkt_pool *pool, const struct job_record *record,
                   int64_t now_us)
{
        struct pkt *pkt = record->bytes.len <= PKT_CAP ? pkt_get(pool) : NULL;

        if (!pkt)
                return;
        memcpy(pkt->data, record->bytes.data, record->bytes.len);
        pkt->len = (uint16_t)record->bytes.len;
        pkt->arrival_us = now_us;
        (void)media_peer_on_feed(feed, (enum sfu_kind)record->kind, record->layer, pkt, now_us);
        pkt_unref(pkt);
}

static void run(struct media_room *room, struct pkt_pool *pool, struct rd *r)
{
        const struct sdp_media of_feed = media_of_feed(), of_viewer = media_of_viewer();
        const struct sfu_slot_view view = { .participant = 1, .kind = SFU_SCREEN };
        struct media_peer *feed = add(room, 1, &of_feed), *viewer = add(room, 2, &of_viewer);
        int64_t now_us = BEGIN_US;

        media_peer_set_view(viewer, &view, 1, now_us);
        for (int i = 0; i < MAX_RECORDS && rd_left(r) > 3; i++) {
                int64_t passes_us = rd_u8(r) * (int64_t)MS;
                size_t len = rd_u16(r);
                struct job_record record;
                struct span bytes;

                now_us += passes_us;
                bytes = rd_take(r, len < rd_left(r) ? len : rd_left(r));
                if (job_record_parse(&record, bytes.data, bytes.len) < 0)
                        continue;
                if (record.type == JOB_RTP)
                        on_rtp(feed, pool, &record, now_us);
                else if (record.type == JOB_RTCP && media_peer_may_report(feed, now_us))
                        (void)media_peer_on_rtcp(feed, record.bytes.data, record.bytes.len, now_us);
                while (media_room_waiting(room) != MEDIA_WAITING_NONE)
                        media_room_step(room, now_us);
                if (media_room_deadline_us(room) <= now_us)
                        media_room_on_timeout(room, now_us, now_us);
        }
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
