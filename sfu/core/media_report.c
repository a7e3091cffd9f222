/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/core/media_priv.h"

enum {
        REPORT_BYTES = 1200,
        RTT_GOOD_US = 200 * 1000,
        RTT_FAIR_US = 400 * 1000,
        RTT_POOR_US = 800 * 1000,
};

/* A block for every stream that sent something lately (RFC 3550 §6.4). */
static size_t fill_blocks(struct media_peer *peer, struct rtcp_block *blocks, int64_t now_us)
{
        size_t n = 0;

        peer->in_loss = 0;
        for (int kind = 0; kind < SFU_N_KINDS; kind++) {
                struct media_pub *pub = peer->pubs[kind];

                for (size_t i = 0; pub && i < pub->n_layers; i++) {
                        struct media_layer *layer = &pub->layers[i];

                        if (layer->ssrc == 0 || !layer_flows(layer, now_us))
                                continue;
                        rtp_recv_report(&layer->recv, now_us, &blocks[n]);
                        blocks[n].ssrc = layer->ssrc;
                        if (blocks[n].fraction_lost > peer->in_loss)
                                peer->in_loss = blocks[n].fraction_lost;
                        n++;
                }
        }
        return n;
}

static bool slot_reports(const struct media_slot *slot, bool all)
{
        return slot->started && slot->current && slot->map.n_segs > 0 && (all || slot->report_soon);
}

static void write_slot(struct media_slot *slot, struct wr *w, struct rtcp_sr *sr, int64_t now_us)
{
        const struct slot_seg *seg = &slot->map.segs[0];

        sr->ssrc = slot->sdp.ssrc;
        sr->ntp = rtcp_ntp_from_wall_us(now_us + slot->peer->room->wall_offset_us);
        sr->rtp_ts = layer_ts_at(slot->current, now_us) + seg->ts_offset;
        sr->packets = slot->packets;
        sr->octets = slot->octets;
        rtcp_write_sr(w, sr);
        sr->n_blocks = 0; /* once is enough */
        slot->report_soon = false;
}

/* Sender reports of all active slots, or of those that just switched; the first
 * one carries the reception blocks, else a receiver report does. */
static void write_report(struct media_peer *peer, struct wr *w, bool all, int64_t now_us)
{
        struct rtcp_sr sr = { 0 };
        struct rtcp_rr rr = { .ssrc = peer->local_ssrc };
        uint32_t ssrc = peer->local_ssrc;

        if (all)
                sr.n_blocks = fill_blocks(peer, sr.blocks, now_us);
        for (size_t i = 0; i < peer->n_slots; i++) {
                if (!slot_reports(&peer->slots[i], all))
                        continue;
                write_slot(&peer->slots[i], w, &sr, now_us);
                ssrc = peer->slots[i].sdp.ssrc;
        }
        if (sr.n_blocks > 0) {
                rr.n_blocks = sr.n_blocks;
                for (size_t i = 0; i < sr.n_blocks; i++)
                        rr.blocks[i] = sr.blocks[i];
                rtcp_write_rr(w, &rr);
        }
        if (wr_len(w) > 0)
                rtcp_write_sdes_cname(w, ssrc, SDP_CNAME);
}

/* RFC 3550 §6.2 has the interval vary: here by a quarter, so that those who began
 * together, at somebody's first word, do not report together for ever. */
static int64_t next_report_us(const struct media_peer *peer, int64_t now_us)
{
        return regular_us(now_us + REPORT_INTERVAL_US * 3 / 4 +
                          room_random(peer->room) % (REPORT_INTERVAL_US / 2));
}

int64_t peer_report(struct media_peer *peer, int64_t now_us)
{
        const struct media_out *out = &peer->room->out;
        bool all = now_us >= peer->report_us, soon = false;
        uint8_t *data;
        struct wr w;

        for (size_t i = 0; i < peer->n_slots; i++)
                soon |= slot_reports(&peer->slots[i], false);
        if (!all && !soon)
                return peer->report_us;
        data = out->reserve(out->user, peer->tag, REPORT_BYTES);
        if (!data)
                return peer->report_us > now_us ? peer->report_us : now_us + REPORT_INTERVAL_US;
        w = wr_init(data, REPORT_BYTES);
        write_report(peer, &w, all, now_us);
        if (all)
                peer->report_us = next_report_us(peer, now_us);
        if (wr_len(&w) == 0)
                return INT64_MAX; /* silent: the next packet wakes this peer */
        out->commit_rtcp(out->user, peer->tag, wr_len(&w));
        return peer->report_us;
}

static uint32_t worst_loss(const struct media_peer *peer)
{
        uint32_t loss = peer->in_loss;

        for (size_t i = 0; i < peer->n_slots; i++) {
                const struct media_slot *slot = &peer->slots[i];

                if (slot->current && slot->fraction_lost > loss)
                        loss = slot->fraction_lost;
        }
        return loss * 1000 / 256;
}

static int8_t bars_of(uint32_t rtt_us, uint32_t loss_permille)
{
        if (loss_permille < 20 && rtt_us < RTT_GOOD_US)
                return 4;
        if (loss_permille < 50 && rtt_us < RTT_FAIR_US)
                return 3;
        if (loss_permille < 100 && rtt_us < RTT_POOR_US)
                return 2;
        return loss_permille < 250 ? 1 : 0;
}

/* What is known of the line to this peer; 0: nothing. */
static uint32_t line_bps(const struct media_peer *peer)
{
        bool judged = peer->path && !peer->path->unheeded;
        uint64_t bps = judged ? cc_target_bps(peer->path->cc) : peer->remb_bps;

        return bps > UINT32_MAX ? UINT32_MAX : (uint32_t)bps;
}

void peer_quality(struct media_peer *peer, int64_t now_us)
{
        struct sfu_event event = { .type = SFU_EV_QUALITY };
        uint32_t loss = worst_loss(peer);
        int8_t bars = bars_of(peer->rtt_us, loss);

        if (now_us < peer->quality_us)
                return;
        peer->quality_us = regular_us(now_us + REPORT_INTERVAL_US);
        if (bars == peer->bars && !peer->quality_changed)
                return;
        peer->bars = bars;
        peer->quality_changed = false;
        event.quality.bars = (uint8_t)bars;
        event.quality.rtt_ms = peer->rtt_us / 1000;
        event.quality.loss_permille = (uint16_t)loss;
        event.quality.line_bps = line_bps(peer);
        event.quality.carries = peer->carries_told;
        media_tell(peer, &event);
}

static void add_layer(struct sfu_peer_stats *stats, const struct media_layer *layer, int64_t now_us)
{
        const struct rtp_recv *recv = &layer->recv;

        if (layer->ssrc == 0 || stats->n_streams == ARRAY_LEN(stats->streams))
                return;
        stats->streams[stats->n_streams++] = (struct sfu_stream_stats){
                .audio = layer->pub->kind == SFU_MIC,
                .index = (uint8_t)layer->pub->kind,
                .layer = layer->index,
                .ssrc = layer->ssrc,
                .packets = recv->packets,
                .bytes = recv->bytes,
                .lost = rtp_recv_lost(recv),
                .retransmitted = recv->recovered,
                .jitter_us = (uint32_t)((uint64_t)(recv->jitter_q4 >> 4) * 1000000 /
                                        recv->clock_rate),
                .bitrate_bps = rtp_rate_bps(&recv->rate, now_us),
        };
}

static void add_slot(struct sfu_peer_stats *stats, const struct media_slot *slot, int64_t now_us)
{
        uint32_t rate = slot->audio ? MEDIA_AUDIO_RATE : MEDIA_VIDEO_RATE;

        if (stats->n_streams == ARRAY_LEN(stats->streams))
                return;
        stats->streams[stats->n_streams++] = (struct sfu_stream_stats){
                .outgoing = true,
                .audio = slot->audio,
                .index = slot->index,
                .layer = slot->current ? slot->current->index : 0,
                .ssrc = slot->sdp.ssrc,
                .source = slot->shown,
                .packets = slot->packets,
                .bytes = slot->octets,
                .lost = slot->lost,
                .retransmitted = slot->retransmitted,
                .jitter_us = (uint32_t)((uint64_t)slot->jitter * 1000000 / rate),
                .bitrate_bps = rtp_rate_bps(&slot->rate, now_us),
        };
}

void media_peer_stats(const struct media_peer *peer, int64_t now_us,
                      struct sfu_peer_stats *ret_stats)
{
        ret_stats->participant = peer->participant;
        ret_stats->rtt_us = peer->rtt_us;
        ret_stats->line_bps = line_bps(peer);
        if (peer->path) {
                struct cc_info info;

                cc_info(peer->path->cc, &info);
                ret_stats->line_loss_permille = info.loss_permille;
                ret_stats->line_queue_us = info.queue_us > 0 ? (uint32_t)info.queue_us : 0;
                ret_stats->line_probes = info.probes;
        }
        ret_stats->n_streams = 0;
        for (int kind = 0; kind < SFU_N_KINDS; kind++) {
                const struct media_pub *pub = peer->pubs[kind];

                for (size_t i = 0; pub && i < pub->n_layers; i++)
                        add_layer(ret_stats, &pub->layers[i], now_us);
        }
        for (size_t i = 0; i < peer->n_slots; i++)
                add_slot(ret_stats, &peer->slots[i], now_us);
}
