/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "sfu/wire/rtcp_ccfb.h"
#include "sfu/wire/rtcp_tcc.h"
#include "sfu/wire/red.h"
#include "sfu/wire/rtp.h"
#include "sfu/wire/rtx.h"
#include "sfu/wire/seq.h"
#include "sfu/wire/vp8.h"
#include "sfu/wire/vp9.h"
#include "tests/sim/sim_priv.h"

enum { TICK_US = 20000, TICKS_PER_REPORT = 50, TICKS_PER_CCFB = 4 };

struct signature {
        uint32_t participant;
        int kind, layer;
        bool key;
        int64_t capture_us;
};

static bool read_signature(struct signature *ret, struct span payload)
{
        struct rd r;
        uint64_t high;

        if (payload.len < SIM_SIGNATURE)
                return false;
        r = rd_init(payload.data + payload.len - SIM_SIGNATURE, SIM_SIGNATURE);
        ret->participant = rd_u32(&r);
        ret->kind = rd_u8(&r);
        ret->layer = rd_u8(&r);
        ret->key = rd_u8(&r);
        (void)rd_u8(&r);
        high = rd_u32(&r);
        ret->capture_us = (int64_t)(high << 32 | rd_u32(&r));
        return true;
}

void sim_receiver_start(struct sim_peer *peer)
{
        sim_after(peer->sim, 10000, SIM_RECEIVER_TICK, peer, 0);
}

void sim_receiver_done(struct sim_peer *peer)
{
        for (size_t i = 0; i < SFU_MAX_SLOTS; i++) {
                free(peer->rx[i].seen);
                nack_gen_free(peer->rx[i].nack);
        }
}

static bool mark_seen(struct sim_rx *rx, uint16_t seq)
{
        bool was;

        if (!rx->seen)
                rx->seen = calloc(1, 1 << 13);
        assert(rx->seen);
        was = rx->seen[seq / 8] & (1u << (seq % 8));
        rx->seen[seq / 8] |= (uint8_t)(1u << (seq % 8));
        return was;
}

/* Picture ids of packets next to each other differ by 0 or 1. */
static void check_vp8(struct sim_rx *rx, const struct rtp_pkt *rtp, bool contiguous)
{
        struct vp8_desc desc;
        uint16_t step;

        if (rtp->pt != SIM_PT_VP8 || rtp->payload.len == 0)
                return;
        assert(vp8_parse(&desc, rtp->payload) == 0);
        if (!desc.has_picture_id || !desc.has_tl0picidx)
                return; /* a hostile sender's */
        step = (desc.picture_id - rx->last_pid) & 0x7fff;
        if (rx->has_pid && contiguous &&
            (step > 1 || (uint8_t)(desc.tl0picidx - rx->last_tl0) != step))
                rx->n_pid_jumps++;
        rx->has_pid = true;
        rx->last_pid = desc.picture_id;
        rx->last_tl0 = desc.tl0picidx;
}

static void note_upper(struct sim_rx *rx, const struct rtp_pkt *rtp, int64_t now_us)
{
        struct vp9_desc desc;

        if (rtp->pt != SIM_PT_VP9 || rtp->payload.len == 0)
                return;
        assert(vp9_parse(&desc, rtp->payload) == 0);
        if (desc.sid > 0)
                rx->last_upper_us = now_us;
}

static void check_source(struct sim_rx *rx, const struct signature *sig)
{
        if (sig->participant == rx->source && sig->kind == rx->kind && sig->layer == rx->layer)
                return;
        rx->n_switches++;
        if (!sig->key)
                rx->broken = true;
        rx->source = sig->participant;
        rx->kind = sig->kind;
        rx->layer = sig->layer;
}

static void measure_sync(struct sim_rx *rx, const struct sim *sim, uint32_t ts, uint32_t hz,
                         int64_t capture_us)
{
        uint64_t capture_ntp = rtcp_ntp_from_wall_us(sim->wall_us + capture_us);
        int64_t by_sr_us;

        if (!rx->has_sr)
                return;
        by_sr_us = (int64_t)(int32_t)(ts - rx->sr_ts) * 1000000 / (int64_t)hz;
        by_sr_us += (int64_t)(rx->sr_ntp - capture_ntp) / (1ll << 32) * 1000000 +
                    (int64_t)(rx->sr_ntp - capture_ntp) % (1ll << 32) * 1000000 / (1ll << 32);
        rx->capture_offset_us = by_sr_us;
}

static void on_newest(struct sim_peer *peer, struct sim_rx *rx, const struct rtp_pkt *rtp,
                      uint32_t ahead)
{
        struct signature sig;
        bool video = rtp->pt != SIM_PT_OPUS && rtp->pt != SIM_PT_RED;
        struct span payload = rtp->payload;

        if (rtp->pt == SIM_PT_RED) {
                struct red_block blocks[RED_MAX_BLOCKS];
                size_t n;

                assert(red_parse(blocks, &n, payload) == 0);
                payload = blocks[n - 1].data;
                rx->n_red++;
        }

        if (rx->started && (int32_t)(rtp->ts - rx->last_ts) < 0)
                rx->n_ts_back++;
        if (rx->started && peer->sim->now_us - rx->last_us > rx->max_gap_us)
                rx->max_gap_us = peer->sim->now_us - rx->last_us;
        check_vp8(rx, rtp, ahead == 1);
        note_upper(rx, rtp, peer->sim->now_us);
        rx->last_ts = rtp->ts;
        rx->last_us = peer->sim->now_us;
        rx->last_marker = rtp->marker;
        if (!read_signature(&sig, payload))
                return;
        if (ahead == 1 || !rx->started)
                check_source(rx, &sig);
        rx->n_keyframes += video && sig.key;
        rx->last_capture_us = sig.capture_us;
        measure_sync(rx, peer->sim, rtp->ts, video ? 90000 : 48000, sig.capture_us);
}

static void on_media(struct sim_peer *peer, struct sim_rx *rx, const struct rtp_pkt *rtp)
{
        int ahead = seq16_diff(rtp->seq, (uint16_t)rx->highest_ext);
        struct span mid, send_time;

        if (mark_seen(rx, rtp->seq)) {
                rx->n_duplicates++;
                return;
        }
        rx->n_packets++;
        rx->with_mid = rtp_ext_find(rtp->ext_profile, rtp->ext, SIM_EXT_MID, &mid);
        rx->with_send_time = rtp_ext_find(rtp->ext_profile, rtp->ext, SIM_EXT_SEND_TIME,
                                          &send_time);
        if (!rx->started)
                rx->first_ext = rx->highest_ext = rtp->seq, ahead = 1;
        else if (ahead > 0)
                rx->highest_ext += (uint32_t)ahead;
        if (ahead > 0)
                on_newest(peer, rx, rtp, (uint32_t)ahead);
        rx->started = true;
        rx->n_lost = rx->highest_ext - rx->first_ext + 1 > rx->n_packets
                             ? rx->highest_ext - rx->first_ext + 1 - rx->n_packets
                             : 0;
        if (!rx->nack && peer->reacts)
                assert(nack_gen_new(&rx->nack, 64) == 0);
        if (rx->nack)
                nack_gen_on_packet(rx->nack, rtp->seq, peer->sim->now_us);
}

static void note_arrival(struct sim_peer *peer, uint32_t stream, uint16_t seq)
{
        struct sim_arrivals *a;
        uint16_t ahead;

        if (!peer->arrivals)
                peer->arrivals = calloc(2 * SFU_MAX_SLOTS, sizeof(*a));
        assert(peer->arrivals);
        a = &peer->arrivals[stream];
        ahead = (uint16_t)(seq - a->begin);
        if (ahead > INT16_MAX && a->begun)
                return;
        if (ahead >= SIM_MAX_ARRIVALS || !a->begun) {
                *a = (struct sim_arrivals){ .begun = true, .begin = seq };
                ahead = 0;
        }
        while (a->n <= ahead)
                a->at_us[a->n++] = RTCP_CCFB_LOST;
        a->at_us[ahead] = peer->sim->now_us;
}

static void send_ccfb(struct sim_peer *peer)
{
        uint8_t buf[1400];
        struct wr w = wr_init(buf, sizeof(buf));
        struct rtcp_ccfb_writer writer = rtcp_ccfb_begin(&w, 1, peer->sim->now_us);

        for (uint32_t i = 0; i < 2 * SFU_MAX_SLOTS; i++) {
                struct sim_arrivals *a = &peer->arrivals[i];
                uint32_t ssrc = SIM_SLOT_SSRC + i % SFU_MAX_SLOTS;

                if (a->n == 0)
                        continue;
                rtcp_ccfb_add(&writer, ssrc + (i < SFU_MAX_SLOTS ? 0 : SIM_RTX_SSRC), a->begin,
                              a->at_us, a->n);
                a->begin = (uint16_t)(a->begin + a->n);
                a->n = 0;
        }
        rtcp_ccfb_end(&writer);
        assert(!w.bad);
        sim_send_rtcp(peer, buf, wr_len(&w));
}

/* As in Firefox: a stream is known by the MID that came with it once. */
static bool is_known(struct sim_rx *rx, bool rtx, const struct rtp_pkt *rtp)
{
        struct span mid;

        rx->known[rtx] |= rtp_ext_find(rtp->ext_profile, rtp->ext, SIM_EXT_MID, &mid);
        return rx->known[rtx];
}

void sim_receiver_on_rtp(struct sim_peer *peer, const uint8_t *data, size_t len)
{
        size_t n_slots = peer->sdp.n_audio_slots + peer->sdp.n_video_slots;
        struct rtp_pkt rtp;
        struct span number;
        uint16_t transport_seq;
        uint32_t index;
        bool rtx;

        assert(rtp_parse(&rtp, data, len) == 0);
        rtx = rtp.ssrc - SIM_SLOT_SSRC >= SIM_RTX_SSRC;
        index = rtp.ssrc - SIM_SLOT_SSRC - (rtx ? SIM_RTX_SSRC : 0);
        assert(index < n_slots);
        if (!is_known(&peer->rx[index], rtx, &rtp))
                return;
        if (rtp_ext_find(rtp.ext_profile, rtp.ext, SIM_EXT_TRANSPORT_CC, &number) &&
            rtp_ext_transport_seq(number, &transport_seq))
                transport_cc_on_packet(&peer->tcc, transport_seq, true, peer->sim->now_us);
        if (peer->ccfb)
                note_arrival(peer, index + (rtx ? SFU_MAX_SLOTS : 0), rtp.seq);
        if (rtx && rtp.payload.len == 0) { /* a probe */
                assert(rtp.padding > 0);
                peer->n_padding++;
                return;
        }
        if (rtx) {
                assert(rtx_parse(&rtp.seq, &rtp.payload, rtp.payload) == 0);
                rtp.pt--;
                peer->rx[index].n_rtx++;
        }
        on_media(peer, &peer->rx[index], &rtp);
}

static void on_sr(struct sim_peer *peer, const struct rtcp_pkt *pkt)
{
        struct rtcp_sr sr;

        assert(rtcp_parse_sr(&sr, pkt) == 0);
        if (sr.ssrc - SIM_SLOT_SSRC < SFU_MAX_SLOTS) {
                struct sim_rx *rx = &peer->rx[sr.ssrc - SIM_SLOT_SSRC];

                rx->has_sr = true;
                rx->n_sr++;
                rx->sr_us = peer->sim->now_us;
                rx->sr_ntp = sr.ntp;
                rx->sr_ts = sr.rtp_ts;
        }
        peer->n_rr += sr.n_blocks > 0;
}

static void on_nack(struct sim_peer *peer, const struct rtcp_pkt *pkt)
{
        struct rtcp_fb fb;
        uint16_t seqs[256];
        size_t n;

        assert(rtcp_parse_nack(&fb, seqs, ARRAY_LEN(seqs), &n, pkt) == 0);
        sim_sender_on_nack(peer, fb.media_ssrc, seqs, n);
}

static void on_tcc(struct sim_peer *peer, const struct rtcp_pkt *pkt)
{
        struct rtcp_tcc tcc;
        int64_t arrivals[512];
        size_t n;

        assert(rtcp_parse_tcc(&tcc, arrivals, ARRAY_LEN(arrivals), &n, pkt) == 0);
        if (peer->n_tcc > 0 && peer->sim->now_us - peer->last_tcc_us > peer->max_tcc_gap_us)
                peer->max_tcc_gap_us = peer->sim->now_us - peer->last_tcc_us;
        peer->last_tcc_us = peer->sim->now_us;
        peer->n_tcc++;
}

void sim_receiver_on_rtcp(struct sim_peer *peer, const uint8_t *data, size_t len)
{
        struct rtcp_iter it = rtcp_iter_init(data, len);
        struct rtcp_pkt pkt;

        while (rtcp_next(&it, &pkt)) {
                struct rtcp_fb fb;

                if (pkt.type == RTCP_SR)
                        on_sr(peer, &pkt);
                else if (pkt.type == RTCP_RR)
                        peer->n_rr++;
                else if (pkt.type == RTCP_RTPFB && pkt.count == RTCP_FMT_NACK)
                        on_nack(peer, &pkt);
                else if (pkt.type == RTCP_RTPFB)
                        on_tcc(peer, &pkt);
                else if (pkt.type == RTCP_PSFB && rtcp_parse_pli(&fb, &pkt) == 0)
                        sim_sender_on_pli(peer, fb.media_ssrc);
        }
        assert(it.err == 0);
}

void sim_send_rtcp(struct sim_peer *peer, const uint8_t *data, size_t len)
{
        sim_fly(peer, SIM_UP_RTCP, data, len, 0);
}

void sim_send_pli(struct sim_peer *peer, size_t slot)
{
        struct rtcp_fb fb = { .sender_ssrc = 1, .media_ssrc = SIM_SLOT_SSRC + (uint32_t)slot };
        uint8_t buf[16];
        struct wr w = wr_init(buf, sizeof(buf));

        rtcp_write_pli(&w, &fb);
        sim_send_rtcp(peer, buf, wr_len(&w));
}

static void send_nacks(struct sim_peer *peer)
{
        for (size_t i = 0; i < SFU_MAX_SLOTS; i++) {
                struct rtcp_fb fb = { .sender_ssrc = 1, .media_ssrc = SIM_SLOT_SSRC + (uint32_t)i };
                uint16_t seqs[32];
                uint8_t buf[256];
                struct wr w = wr_init(buf, sizeof(buf));
                size_t n;

                if (!peer->rx[i].nack || (peer->no_audio_nack && i < peer->sdp.n_audio_slots))
                        continue;
                n = nack_gen_poll(peer->rx[i].nack, peer->sim->now_us, 50000, seqs, 32);
                if (n == 0)
                        continue;
                rtcp_write_nack(&w, &fb, seqs, n);
                sim_send_rtcp(peer, buf, wr_len(&w));
        }
}

static void send_reports(struct sim_peer *peer)
{
        struct rtcp_rr rr = { .ssrc = 1 };
        struct rtcp_remb remb = { .sender_ssrc = 1, .bitrate_bps = peer->remb_bps };
        uint8_t buf[1200];
        struct wr w = wr_init(buf, sizeof(buf));

        for (size_t i = 0; i < SFU_MAX_SLOTS; i++) {
                const struct sim_rx *rx = &peer->rx[i];

                if (!rx->started)
                        continue;
                rr.blocks[rr.n_blocks++] = (struct rtcp_block){
                        .ssrc = SIM_SLOT_SSRC + (uint32_t)i,
                        .highest_seq = rx->highest_ext,
                        .fraction_lost = rx->report_loss,
                        .lsr = rtcp_ntp_middle(rx->sr_ntp),
                        .dlsr = (uint32_t)((peer->sim->now_us - rx->sr_us) * 65536 / 1000000),
                };
        }
        rtcp_write_rr(&w, &rr);
        if (peer->remb_bps)
                rtcp_write_remb(&w, &remb);
        assert(!w.bad);
        sim_send_rtcp(peer, buf, wr_len(&w));
}

static void send_tcc(struct sim_peer *peer)
{
        uint8_t buf[1200];
        struct wr w = wr_init(buf, sizeof(buf));

        if (peer->sim->now_us < transport_cc_deadline_us(&peer->tcc))
                return;
        if (transport_cc_write(&peer->tcc, &w, 1, SIM_SLOT_SSRC))
                sim_send_rtcp(peer, buf, wr_len(&w));
}

void sim_receiver_tick(struct sim_peer *peer)
{
        if (peer->reacts) {
                send_nacks(peer);
                if (!peer->no_feedback)
                        send_tcc(peer);
                if (peer->arrivals && !peer->no_feedback && peer->n_ticks % TICKS_PER_CCFB == 0)
                        send_ccfb(peer);
                if (++peer->n_ticks % TICKS_PER_REPORT == 0)
                        send_reports(peer);
        }
        sim_after(peer->sim, TICK_US, SIM_RECEIVER_TICK, peer, 0);
}
