/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/core/media_priv.h"

enum {
        MAX_NACKED = MEDIA_VIDEO_RING, /* of one message: what can be repeated */
        MAX_FIR = 32,
        RTT_MAX_US = 10 * 1000 * 1000, /* more is a report that makes no sense */

        /* A second's reports of a receiver that is sent nothing, and what may be
         * asked for at once after a gap. */
        RTCP_COST_US = 1000 * 1000 / 64,
        RTCP_BURST_US = 1000 * 1000,
        RTCP_SAVED = 1024,
        NACK_SLACK = 256,
};

static struct media_layer *layer_by_ssrc(struct media_peer *peer, uint32_t ssrc)
{
        for (size_t i = 0; i < peer->n_ssrcs; i++) {
                if (peer->ssrcs[i].ssrc == ssrc && !peer->ssrcs[i].rtx)
                        return peer->ssrcs[i].layer;
        }
        return NULL;
}

/* RFC 3550 §6.4.1: now - LSR - DLSR, in 1/65536 s. */
static void measure_rtt(struct media_peer *peer, const struct rtcp_block *block, int64_t now_us)
{
        uint64_t ntp = rtcp_ntp_from_wall_us(now_us + peer->room->wall_offset_us);
        uint32_t rtt = rtcp_ntp_middle(ntp) - block->lsr - block->dlsr;
        uint64_t rtt_us = (uint64_t)rtt * 1000000 / 65536;

        if (block->lsr == 0 || (int32_t)rtt < 0 || rtt_us > RTT_MAX_US)
                return;
        if (rtt_us == 0)
                rtt_us = 1;
        peer->rtt_us = peer->rtt_us ? (uint32_t)((peer->rtt_us * 7ull + rtt_us) / 8)
                                    : (uint32_t)rtt_us;
        if (peer->path)
                cc_set_rtt(peer->path->cc, peer->rtt_us);
}

static void on_blocks(struct media_peer *peer, const struct rtcp_block *blocks, size_t n,
                      int64_t now_us)
{
        for (size_t i = 0; i < n; i++) {
                struct media_slot *slot = peer_slot_by_ssrc(peer, blocks[i].ssrc);

                if (!slot)
                        continue;
                slot->mid_known = slot->packets > 0;
                slot->fraction_lost = blocks[i].fraction_lost;
                slot->lost = blocks[i].cumulative_lost > 0 ? (uint32_t)blocks[i].cumulative_lost
                                                           : 0;
                slot->jitter = blocks[i].jitter;
                measure_rtt(peer, &blocks[i], now_us);
                if (peer->path && blocks[i].highest_seq && slot_is_reported(slot))
                        path_on_arrival(peer, now_us);
        }
        peer_wake(peer, peer->quality_us);
}

static int on_sr(struct media_peer *peer, const struct rtcp_pkt *pkt, int64_t now_us)
{
        struct rtcp_sr sr;
        struct media_layer *layer;
        int err = rtcp_parse_sr(&sr, pkt);

        if (err)
                return err;
        layer = layer_by_ssrc(peer, sr.ssrc);
        if (layer) {
                rtp_recv_on_sr(&layer->recv, sr.ntp, sr.rtp_ts, now_us);
                clock_on_sr(&peer->clock, sr.ntp, now_us);
                relay_layer_changed(layer);
        }
        on_blocks(peer, sr.blocks, sr.n_blocks, now_us);
        return 0;
}

static int on_rr(struct media_peer *peer, const struct rtcp_pkt *pkt, int64_t now_us)
{
        struct rtcp_rr rr;
        int err = rtcp_parse_rr(&rr, pkt);

        if (err)
                return err;
        on_blocks(peer, rr.blocks, rr.n_blocks, now_us);
        return 0;
}

static int on_bye(struct media_peer *peer, const struct rtcp_pkt *pkt, int64_t now_us)
{
        struct rtcp_bye bye;
        int err = rtcp_parse_bye(&bye, pkt);

        if (err)
                return err;
        for (size_t i = 0; i < bye.n_ssrcs; i++) {
                struct media_layer *layer = layer_by_ssrc(peer, bye.ssrcs[i]);

                if (!layer)
                        continue;
                layer->recv.last_us = now_us - KEY_REST_US; /* it has stopped, and does not rest */
                relay_layer_changed(layer);
        }
        return 0;
}

/* As much again as was sent, and no more: a receiver that asks for everything
 * for ever costs twice what an honest one does. */
static size_t nacks_left(struct media_peer *peer, size_t n)
{
        uint64_t allowed = peer->n_sent + NACK_SLACK;

        if (allowed - peer->n_nacked > 2 * NACK_SLACK)
                peer->n_nacked = allowed - 2 * NACK_SLACK; /* nothing is saved up */
        if (n > allowed - peer->n_nacked) {
                peer->room->counters.feedback_dropped++;
                n = allowed - peer->n_nacked;
        }
        peer->n_nacked += n;
        return n;
}

static int on_nack(struct media_peer *peer, const struct rtcp_pkt *pkt, int64_t now_us)
{
        struct rtcp_fb fb;
        uint16_t seqs[MAX_NACKED];
        struct media_slot *slot;
        size_t n;
        int err = rtcp_parse_nack(&fb, seqs, MAX_NACKED, &n, pkt);

        if (err)
                return err;
        slot = peer_slot_by_ssrc(peer, fb.media_ssrc);
        if (slot)
                slot_on_nack(slot, seqs, nacks_left(peer, n), now_us);
        return 0;
}

static void on_key_request(struct media_peer *peer, uint32_t ssrc, int64_t now_us)
{
        struct media_slot *slot = peer_slot_by_ssrc(peer, ssrc);

        peer->room->counters.pli_in++;
        if (slot && slot->current)
                layer_want_key(slot->current, now_us);
}

static int on_fir(struct media_peer *peer, const struct rtcp_pkt *pkt, int64_t now_us)
{
        struct rtcp_fir_item items[MAX_FIR];
        struct rtcp_fb fb;
        size_t n;
        int err = rtcp_parse_fir(&fb, items, MAX_FIR, &n, pkt);

        if (err)
                return err;
        for (size_t i = 0; i < n; i++)
                on_key_request(peer, items[i].ssrc, now_us);
        return 0;
}

static int on_remb(struct media_peer *peer, const struct rtcp_pkt *pkt, int64_t now_us)
{
        struct rtcp_remb remb;
        bool limited = peer->line.limited;
        int err = rtcp_parse_remb(&remb, pkt);

        if (err)
                return err;
        peer->remb_bps = remb.bitrate_bps;
        line_budget_on_remb(&peer->line, remb.bitrate_bps, peer_sent_bps(peer, now_us), now_us);
        if (peer->line.limited && (!limited || peer->line.congested_us == now_us)) {
                peer->allocate_us = now_us; /* down at once */
                peer_wake(peer, now_us);
        }
        return 0;
}

static int on_psfb(struct media_peer *peer, const struct rtcp_pkt *pkt, int64_t now_us)
{
        struct rtcp_fb fb;
        int err;

        if (pkt->count == RTCP_FMT_FIR)
                return on_fir(peer, pkt, now_us);
        if (pkt->count == RTCP_FMT_ALFB)
                return rtcp_is_remb(pkt) ? on_remb(peer, pkt, now_us) : 0;
        if (pkt->count != RTCP_FMT_PLI)
                return 0;
        err = rtcp_parse_pli(&fb, pkt);
        if (err)
                return err;
        on_key_request(peer, fb.media_ssrc, now_us);
        return 0;
}

static int on_one(struct media_peer *peer, const struct rtcp_pkt *pkt, int64_t now_us)
{
        if (pkt->type == RTCP_SR)
                return on_sr(peer, pkt, now_us);
        if (pkt->type == RTCP_RR)
                return on_rr(peer, pkt, now_us);
        if (pkt->type == RTCP_BYE)
                return on_bye(peer, pkt, now_us);
        if (pkt->type == RTCP_PSFB)
                return on_psfb(peer, pkt, now_us);
        if (pkt->type == RTCP_RTPFB && pkt->count == RTCP_FMT_NACK)
                return on_nack(peer, pkt, now_us);
        if (pkt->type == RTCP_RTPFB && pkt->count == RTCP_FMT_TCC)
                return path_on_tcc(peer, pkt, now_us);
        if (pkt->type == RTCP_RTPFB && pkt->count == RTCP_FMT_CCFB)
                return path_on_ccfb(peer, pkt, now_us);
        return 0;
}

bool media_peer_may_report(const struct media_peer *peer, int64_t now_us)
{
        return peer->n_rtcp < peer->n_sent ||
               peer->rtcp_free_us - now_us <= RTCP_BURST_US - RTCP_COST_US;
}

static void charge(struct media_peer *peer, int64_t now_us)
{
        if (budget_take(&peer->rtcp_free_us, RTCP_COST_US, RTCP_BURST_US, now_us))
                return;
        if (peer->n_sent > peer->n_rtcp + RTCP_SAVED)
                peer->n_rtcp = peer->n_sent - RTCP_SAVED;
        peer->n_rtcp++;
}

void media_peer_prefetch_report(const struct media_peer *peer, unsigned step)
{
        if (step == 0)
                prefetch_lines(peer, 3);
        else if (peer->path && step == 1)
                prefetch_lines(peer->path, 2);
        else if (peer->path)
                cc_prefetch_report(peer->path->cc, step - 2);
}

int media_peer_on_rtcp(struct media_peer *peer, const uint8_t *data, size_t len, int64_t now_us)
{
        struct rtcp_iter it = rtcp_iter_init(data, len);
        struct rtcp_pkt pkt;
        int err = rtcp_check(data, len);

        charge(peer, now_us);
        if (err)
                return err;
        while (rtcp_next(&it, &pkt)) {
                err = on_one(peer, &pkt, now_us);
                if (err)
                        return err;
        }
        return 0;
}
