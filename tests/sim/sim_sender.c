/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "sfu/wire/red.h"
#include "sfu/wire/rtp.h"
#include "tests/sim/sim_priv.h"

static const char *const rids[] = { "q", "h", "f" };

static void init_tx(struct sim_peer *peer, struct sim_tx *tx, uint32_t ssrc)
{
        tx->on = true;
        tx->ssrc = ssrc;
        tx->rtx_ssrc = ssrc + SIM_RTX_SSRC;
        tx->seq = (uint16_t)sim_random(peer->sim);
        tx->rtx_seq = (uint16_t)sim_random(peer->sim);
        tx->pid = (uint16_t)(sim_random(peer->sim) & 0x7fff);
        tx->tl0 = (uint8_t)sim_random(peer->sim);
        tx->ts_base = sim_random(peer->sim);
        tx->key_due = true;
}

static void init_pub(struct sim_peer *peer, enum sfu_kind kind, const char *mid)
{
        struct sdp_publication *pub = &peer->sdp.pubs[kind];

        pub->used = true;
        memcpy(pub->mid, mid, strlen(mid) + 1);
        pub->ext.mid = SIM_EXT_MID;
        pub->ext.rid = SIM_EXT_RID;
        pub->ext.repaired_rid = SIM_EXT_REPAIRED_RID;
        pub->ext.audio_level = SIM_EXT_LEVEL;
        pub->ext.transport_cc = SIM_EXT_TRANSPORT_CC;
        pub->nack = pub->transport_cc = true;
        if (kind == SFU_MIC)
                pub->pts[SDP_OPUS] = (struct sdp_pt){ true, SIM_PT_OPUS, 0 };
        else
                pub->pts[SDP_VP8] = (struct sdp_pt){ true, SIM_PT_VP8, SIM_PT_VP8 + 1 };
        peer->wanted[kind] = true;
        peer->layers = 7;
}

static void init_camera(struct sim_peer *peer, const struct sim_offer *offer)
{
        struct sdp_publication *pub = &peer->sdp.pubs[SFU_CAMERA];
        int n = offer->n_layers ? offer->n_layers : 1;

        init_pub(peer, SFU_CAMERA, "c");
        if (offer->h264) {
                pub->pts[SDP_VP8] = (struct sdp_pt){ 0 };
                pub->pts[SDP_H264] = (struct sdp_pt){ true, SIM_PT_H264, SIM_PT_H264 + 1 };
        }
        if (offer->vp9) {
                pub->pts[SDP_VP8] = (struct sdp_pt){ 0 };
                pub->pts[SDP_VP9] = (struct sdp_pt){ true, SIM_PT_VP9, SIM_PT_VP9 + 1 };
        }
        for (int i = 0; i < n; i++) {
                init_tx(peer, &peer->cam[i], 1000 + (uint32_t)i);
                peer->cam[i].height = 180 << i;
                peer->cam[i].width = 320 << i;
                peer->cam[i].packets_per_frame = i == 0 ? 1 : 3 * i;
        }
        if (offer->rids) {
                pub->n_rids = (size_t)n;
                for (int i = 0; i < n; i++)
                        memcpy(pub->rids[i], rids[i], 2);
        } else {
                pub->ssrc = peer->cam[0].ssrc;
                pub->rtx_ssrc = peer->cam[0].rtx_ssrc;
        }
}

void sim_sender_init(struct sim_peer *peer, const struct sim_offer *offer)
{
        if (offer->mic) {
                init_pub(peer, SFU_MIC, "m");
                peer->sdp.pubs[SFU_MIC].pts[SDP_RED] = (struct sdp_pt){ offer->red, SIM_PT_RED, 0 };
                init_tx(peer, &peer->mic_tx, 2000);
                peer->mic = (struct sim_mic){ .on = true, .level = 127 };
        }
        if (offer->cam)
                init_camera(peer, offer);
        if (offer->screen) {
                init_pub(peer, SFU_SCREEN, "s");
                init_tx(peer, &peer->screen, 3000);
                peer->screen.height = 1080;
                peer->screen.width = 1920;
                peer->screen.packets_per_frame = 4;
        }
}

void sim_sender_start(struct sim_peer *peer)
{
        int jitter = (int)(sim_random(peer->sim) % 20000);

        if (peer->sdp.pubs[SFU_MIC].used)
                sim_after(peer->sim, jitter, SIM_MIC_PACKET, peer, 0);
        if (peer->sdp.pubs[SFU_CAMERA].used)
                sim_after(peer->sim, jitter, SIM_CAMERA_FRAME, peer, 0);
        if (peer->sdp.pubs[SFU_SCREEN].used)
                sim_after(peer->sim, jitter, SIM_SCREEN_FRAME, peer, 0);
        sim_after(peer->sim, 100000 + jitter, SIM_SENDER_REPORT, peer, 0);
}

static struct sim_tx *tx_at(struct sim_peer *peer, int i)
{
        return i < 3 ? &peer->cam[i] : i == 3 ? &peer->screen : &peer->mic_tx;
}

void sim_sender_done(struct sim_peer *peer)
{
        for (int i = 0; i < 5; i++)
                free(tx_at(peer, i)->history);
}

static struct sim_tx *tx_by_ssrc(struct sim_peer *peer, uint32_t ssrc)
{
        for (int i = 0; i < 5; i++) {
                if (tx_at(peer, i)->ssrc == ssrc)
                        return tx_at(peer, i);
        }
        return NULL;
}

static uint32_t ts_of(const struct sim_tx *tx, int64_t at_us, uint32_t hz)
{
        return tx->ts_base + (uint32_t)((uint64_t)at_us * hz / 1000000);
}

static struct span text(const char *s)
{
        return (struct span){ (const uint8_t *)s, strlen(s) };
}

struct outgoing {
        struct sim_tx *tx;
        enum sfu_kind kind;
        int layer; /* -1: no rid */
        struct rtp_pkt header;
        const uint8_t *payload;
        size_t len;
        bool repaired;
        uint8_t level; /* 255: none */
};

static size_t fill_items(struct sim_peer *peer, const struct outgoing *o, uint8_t *scratch,
                         struct rtp_ext_item *items)
{
        size_t n = 0;

        items[n++] = (struct rtp_ext_item){ SIM_EXT_MID, text(peer->sdp.pubs[o->kind].mid) };
        if (o->layer >= 0)
                items[n++] = (struct rtp_ext_item){ o->repaired ? SIM_EXT_REPAIRED_RID
                                                                : SIM_EXT_RID,
                                                    text(rids[o->layer]) };
        scratch[0] = (uint8_t)(peer->transport_seq >> 8);
        scratch[1] = (uint8_t)peer->transport_seq++;
        items[n++] = (struct rtp_ext_item){ SIM_EXT_TRANSPORT_CC, { scratch, 2 } };
        scratch[2] = o->level;
        if (o->level != 255)
                items[n++] = (struct rtp_ext_item){ SIM_EXT_LEVEL, { scratch + 2, 1 } };
        return n;
}

static void remember(struct sim_peer *peer, struct sim_tx *tx, const struct outgoing *o)
{
        if (!peer->reacts || o->repaired)
                return;
        if (!tx->history)
                tx->history = calloc(SIM_HISTORY, sizeof(tx->history[0]));
        assert(tx->history && o->len + 4 < sizeof(tx->history[0].data));
        tx->history[o->header.seq % SIM_HISTORY].header = o->header;
        tx->history[o->header.seq % SIM_HISTORY].len = (uint16_t)o->len;
        if (o->len > 0)
                memcpy(tx->history[o->header.seq % SIM_HISTORY].data, o->payload, o->len);
}

static void transmit(struct sim_peer *peer, const struct outgoing *o, int64_t pace_us)
{
        size_t fill = o->kind == SFU_MIC ? peer->voice_bytes : peer->picture_bytes, head;
        uint8_t buf[1400], scratch[4], *payload;
        struct rtp_ext_item items[4];
        struct wr w = wr_init(buf, sizeof(buf));

        rtp_write_header(&w, &o->header, items, fill_items(peer, o, scratch, items));
        fill = o->len >= SIM_SIGNATURE && fill > o->len ? fill - o->len : 0;
        payload = wr_take(&w, o->len + fill);
        assert(payload);
        head = o->len >= SIM_SIGNATURE ? o->len - SIM_SIGNATURE : o->len;
        if (o->len > 0) {
                memcpy(payload, o->payload, head);
                memset(payload + head, 0, fill); /* the signature stands at the end */
                memcpy(payload + head + fill, o->payload + head, o->len - head);
        }
        remember(peer, o->tx, o);
        o->tx->n_sent++;
        sim_fly(peer, SIM_UP_RTP, buf, wr_len(&w), pace_us);
}

static void sign(struct wr *w, const struct sim_peer *peer, const struct outgoing *o, bool key,
                 int64_t capture_us)
{
        wr_u32(w, peer->participant);
        wr_u8(w, (uint8_t)o->kind);
        wr_u8(w, (uint8_t)(o->layer < 0 ? 0 : o->layer));
        wr_u8(w, key);
        wr_u8(w, 0);
        wr_u32(w, (uint32_t)(capture_us >> 32));
        wr_u32(w, (uint32_t)capture_us);
}

static uint8_t tid_of(const struct sim_tx *tx)
{
        static const uint8_t tids[4] = { 0, 2, 1, 2 };

        return tids[tx->phase];
}

static void write_vp8(struct wr *w, const struct sim_tx *tx, bool first, bool key)
{
        wr_u8(w, first ? 0x90 : 0x80);
        wr_u8(w, 0xe0); /* I, L, T */
        wr_u16(w, (uint16_t)(0x8000 | tx->pid));
        wr_u8(w, tx->tl0);
        wr_u8(w, (uint8_t)(tid_of(tx) << 6 | (tx->phase == 1 || tx->phase == 2) << 5)); /* Y */
        if (!first)
                return;
        wr_u24(w, key ? 0x100000 : 0x110000);
        if (!key)
                return;
        wr_u24(w, 0x9d012a);
        wr_u16(w, (uint16_t)((tx->width & 0xff) << 8 | tx->width >> 8));
        wr_u16(w, (uint16_t)((tx->height & 0xff) << 8 | tx->height >> 8));
}

struct bit_writer {
        uint8_t bytes[32];
        size_t n; /* bits */
};

static void put_bit(struct bit_writer *w, bool bit)
{
        w->bytes[w->n / 8] |= (uint8_t)(bit << (7 - w->n % 8));
        w->n++;
}

/* ue(v) of ITU-T H.264 §9.1. */
static void put_ue(struct bit_writer *w, unsigned value)
{
        int top = 0;

        while ((value + 1) >> (top + 1))
                top++;
        for (int i = 0; i < top; i++)
                put_bit(w, false);
        for (int i = top; i >= 0; i--)
                put_bit(w, (value + 1) >> i & 1);
}

/* A sequence parameter set (§7.3.2.1.1), the lines a multiple of two; nothing of it looks like a
 * start code. */
static void write_sps(struct wr *w, const struct sim_tx *tx)
{
        unsigned rows = (tx->height + 15u) / 16;
        struct bit_writer bits = { { 0 }, 0 };

        put_ue(&bits, 0); /* its id */
        put_ue(&bits, 0); /* log2_max_frame_num_minus4 */
        put_ue(&bits, 2); /* pic_order_cnt_type */
        put_ue(&bits, 1); /* max_num_ref_frames */
        put_bit(&bits, false);
        put_ue(&bits, (tx->width + 15u) / 16 - 1);
        put_ue(&bits, rows - 1);
        put_bit(&bits, true); /* frame_mbs_only_flag */
        put_bit(&bits, true); /* direct_8x8_inference_flag */
        put_bit(&bits, true); /* frame_cropping_flag: */
        for (int i = 0; i < 3; i++)
                put_ue(&bits, 0);
        put_ue(&bits, (rows * 16 - tx->height) / 2);
        put_bit(&bits, false); /* vui_parameters_present_flag */
        put_bit(&bits, true);
        wr_u32(w, 0x6742c01f);
        memcpy(wr_take(w, (bits.n + 7) / 8), bits.bytes, (bits.n + 7) / 8);
}

static void write_h264(struct wr *w, const struct sim_tx *tx, bool first, bool key)
{
        if (first && key)
                write_sps(w, tx);
        else
                wr_u16(w, 0x4100);
}

/* The i-th packet of a picture: a quarter of them are the lower spatial layer's. */
static void write_vp9(struct wr *w, const struct sim_tx *tx, int i, int n, bool key)
{
        int n_lower = n / 4;
        uint8_t sid = i >= n_lower;
        bool starts = i == 0 || i == n_lower, ends = i == n_lower - 1 || i == n - 1;
        bool structure = key && i == 0;

        wr_u8(w, (uint8_t)(0xa0 | !key << 6 | starts << 3 | ends << 2 | structure << 1)); /* I, L */
        wr_u16(w, (uint16_t)(0x8000 | tx->pid));
        wr_u8(w, (uint8_t)(tid_of(tx) << 5 | (tx->phase == 1 || tx->phase == 2) << 4 | sid << 1 |
                           sid));
        wr_u8(w, tx->tl0);
        if (!structure)
                return;
        wr_u8(w, 1 << 5 | 0x10); /* two, with their sizes */
        for (int half = 2; half > 0; half--) {
                wr_u16(w, (uint16_t)(tx->width / half));
                wr_u16(w, (uint16_t)(tx->height / half));
        }
}

static uint8_t picture_pt(const struct sdp_publication *pub)
{
        return pub->pts[SDP_H264].used  ? SIM_PT_H264
               : pub->pts[SDP_VP9].used ? SIM_PT_VP9
                                        : SIM_PT_VP8;
}

static void send_frame(struct sim_peer *peer, enum sfu_kind kind, int layer, struct sim_tx *tx)
{
        const struct sdp_publication *pub = &peer->sdp.pubs[kind];
        int64_t capture_us = peer->sim->now_us - peer->video_delay_us;
        int n_key = tx->key_packets ? tx->key_packets : tx->packets_per_frame * 3;
        int n = tx->key_due ? n_key : tx->packets_per_frame;
        uint8_t pt = picture_pt(pub);
        bool key = tx->key_due;

        tx->key_due = false;
        tx->pid = (uint16_t)((tx->pid + 1) & 0x7fff);
        if (tx->temporal)
                tx->phase = key ? 0 : (tx->phase + 1) % 4;
        tx->tl0 = (uint8_t)(tx->tl0 + (tid_of(tx) == 0));
        tx->n_frames++;
        for (int i = 0; i < n; i++) {
                uint8_t payload[128];
                struct wr w = wr_init(payload, sizeof(payload));
                struct outgoing o = {
                        .tx = tx,
                        .kind = kind,
                        .layer = pub->n_rids ? layer : -1,
                        .header = { .marker = i == n - 1,
                                    .pt = pt,
                                    .seq = tx->seq++,
                                    .ts = ts_of(tx, capture_us, 90000),
                                    .ssrc = tx->ssrc },
                        .level = 255,
                };

                if (pt == SIM_PT_H264)
                        write_h264(&w, tx, i == 0, key);
                else if (pt == SIM_PT_VP9)
                        write_vp9(&w, tx, i, n, key);
                else
                        write_vp8(&w, tx, i == 0, key);
                sign(&w, peer, &o, key && i == 0, capture_us);
                o.payload = payload;
                o.len = wr_len(&w);
                transmit(peer, &o, i * 300);
        }
}

void sim_send_padding(struct sim_peer *peer, int layer)
{
        struct sim_tx *tx = &peer->cam[layer];
        struct outgoing o = {
                .tx = tx,
                .kind = SFU_CAMERA,
                .layer = peer->sdp.pubs[SFU_CAMERA].n_rids ? layer : -1,
                .header = { .pt = SIM_PT_VP8, .seq = tx->seq++, .ssrc = tx->ssrc },
                .level = 255,
        };

        o.header.ts = ts_of(tx, peer->sim->now_us, 90000);
        transmit(peer, &o, 0);
}

static uint8_t next_level(struct sim_peer *peer)
{
        struct sim_mic *mic = &peer->mic;
        int level = mic->level;

        mic->n++;
        if (mic->swing > 0)
                level += (int)(sim_random(peer->sim) % (uint32_t)(2 * mic->swing)) - mic->swing;
        if (mic->dips > 0 && mic->n % (uint32_t)mic->dips < 8)
                level = 100;
        return (uint8_t)(level < 0 ? 0 : level > 127 ? 127 : level);
}

static void send_audio(struct sim_peer *peer)
{
        int64_t capture_us = peer->sim->now_us - peer->audio_delay_us;
        uint8_t payload[128], red[256];
        struct wr w = wr_init(payload, sizeof(payload));
        struct outgoing o = {
                .tx = &peer->mic_tx,
                .kind = SFU_MIC,
                .layer = -1,
                .header = { .pt = SIM_PT_OPUS,
                            .seq = peer->mic_tx.seq++,
                            .ts = ts_of(&peer->mic_tx, capture_us, 48000),
                            .ssrc = peer->mic_tx.ssrc },
                .level = peer->mic.no_level_ext ? 255 : next_level(peer),
        };

        sign(&w, peer, &o, true, capture_us);
        wr_u32(&w, peer->mic_tx.n_sent);
        sign(&w, peer, &o, true, capture_us);
        o.payload = payload;
        o.len = wr_len(&w);
        if (peer->sdp.pubs[SFU_MIC].pts[SDP_RED].used) {
                const struct red_block blocks[] = {
                        { SIM_PT_OPUS, 960, { peer->last_voice, peer->last_voice_len } },
                        { SIM_PT_OPUS, 0, { payload, o.len } },
                };

                w = wr_init(red, sizeof(red));
                red_write(&w, blocks, ARRAY_LEN(blocks));
                assert(o.len <= sizeof(peer->last_voice));
                memcpy(peer->last_voice, payload, o.len);
                peer->last_voice_len = o.len;
                o.header.pt = SIM_PT_RED;
                o.payload = red;
                o.len = wr_len(&w);
        }
        transmit(peer, &o, 0);
}

static void send_report(struct sim_peer *peer)
{
        int64_t now_us = peer->sim->now_us;
        uint8_t buf[256];
        struct wr w = wr_init(buf, sizeof(buf));

        for (int i = 0; i < 5; i++) {
                struct sim_tx *tx = tx_at(peer, i);
                struct rtcp_sr sr = {
                        .ssrc = tx->ssrc,
                        .ntp = rtcp_ntp_from_wall_us(peer->sim->wall_us + now_us +
                                                     peer->ntp_skew_us),
                        .rtp_ts = ts_of(tx, now_us, i < 4 ? 90000 : 48000),
                };

                if (tx->ssrc && tx->n_sent > 0)
                        rtcp_write_sr(&w, &sr);
        }
        assert(!w.bad);
        if (wr_len(&w) > 0)
                sim_fly(peer, SIM_UP_RTCP, buf, wr_len(&w), 0);
}

void sim_sender_tick(struct sim_peer *peer, enum sim_flight_kind kind, int which)
{
        if (kind == SIM_MIC_PACKET) {
                if (peer->mic.on)
                        send_audio(peer);
                sim_after(peer->sim, 20000, kind, peer, which);
        } else if (kind == SIM_SENDER_REPORT) {
                if (!peer->no_reports)
                        send_report(peer);
                sim_after(peer->sim, 1000000, kind, peer, which);
        } else if (kind == SIM_SCREEN_FRAME) {
                if (peer->wanted[SFU_SCREEN])
                        send_frame(peer, SFU_SCREEN, 0, &peer->screen);
                sim_after(peer->sim, 200000, kind, peer, which);
        } else {
                for (int i = 0; i < 3; i++) {
                        if (peer->cam[i].on && peer->wanted[SFU_CAMERA] && (peer->layers >> i & 1))
                                send_frame(peer, SFU_CAMERA, i, &peer->cam[i]);
                }
                sim_after(peer->sim, 1000000 / peer->fps, kind, peer, which);
        }
}

void sim_sender_on_event(struct sim_peer *peer, const struct sfu_event *event)
{
        if (event->type != SFU_EV_WANTED || peer->ignores_wanted)
                return;
        if (event->wanted.wanted && !peer->wanted[event->wanted.kind]) {
                for (int i = 0; i < 4; i++)
                        tx_at(peer, i)->key_due = true;
        }
        for (int i = 0; event->wanted.kind == SFU_CAMERA && i < 3; i++)
                peer->cam[i].key_due |= (event->wanted.layers & ~peer->layers) >> i & 1;
        if (event->wanted.kind == SFU_CAMERA)
                peer->layers = event->wanted.layers;
        peer->wanted[event->wanted.kind] = event->wanted.wanted;
}

void sim_sender_on_pli(struct sim_peer *peer, uint32_t ssrc)
{
        struct sim_tx *tx = tx_by_ssrc(peer, ssrc);

        if (!tx) {
                assert(peer->hostile); /* nobody is asked for what she never sent */
                return;
        }
        if (tx->n_pli < ARRAY_LEN(tx->pli_times))
                tx->pli_times[tx->n_pli] = peer->sim->now_us;
        tx->n_pli++;
        tx->key_due = !peer->deaf;
}

static void retransmit(struct sim_peer *peer, struct sim_tx *tx, uint16_t seq)
{
        struct sim_sent *sent = &tx->history[seq % SIM_HISTORY];
        enum sfu_kind kind = tx == &peer->mic_tx   ? SFU_MIC
                             : tx == &peer->screen ? SFU_SCREEN
                                                   : SFU_CAMERA;
        uint8_t payload[256];
        struct wr w = wr_init(payload, sizeof(payload));
        struct outgoing o = {
                .tx = tx,
                .kind = kind,
                .layer = peer->sdp.pubs[kind].n_rids ? (int)(tx - peer->cam) : -1,
                .header = sent->header,
                .payload = payload,
                .repaired = true,
                .level = 255,
        };
        uint8_t *at;

        if (sent->header.seq != seq || sent->len == 0)
                return;
        if (kind != SFU_MIC) {
                wr_u16(&w, seq);
                o.header.pt++;
                o.header.seq = tx->rtx_seq++;
                o.header.ssrc = tx->rtx_ssrc;
        }
        at = wr_take(&w, sent->len);
        assert(at);
        memcpy(at, sent->data, sent->len);
        o.len = wr_len(&w);
        transmit(peer, &o, 0);
}

void sim_sender_on_nack(struct sim_peer *peer, uint32_t ssrc, const uint16_t *seqs, size_t n)
{
        struct sim_tx *tx = tx_by_ssrc(peer, ssrc);

        if (!tx) {
                assert(peer->hostile);
                return;
        }
        tx->n_nacked += (uint32_t)n;
        for (size_t i = 0; i < n && tx->history; i++)
                retransmit(peer, tx, seqs[i]);
}

/* Probe as libwebrtc sends it: RTX before any media, without a RID. */
void sim_send_rtx_probe(struct sim_peer *peer)
{
        static const uint8_t osn[2] = { 0, 1 };
        struct outgoing o = {
                .tx = &peer->cam[0],
                .kind = SFU_CAMERA,
                .layer = -1,
                .header = { .pt = SIM_PT_VP8 + 1, .seq = 7, .ssrc = 777 },
                .payload = osn,
                .len = 2,
                .repaired = true,
                .level = 255,
        };

        transmit(peer, &o, 0);
}
