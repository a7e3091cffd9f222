/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/core/media_priv.h"

#include <string.h>

#include "sfu/wire/av1.h"
#include "sfu/wire/h264.h"
#include "sfu/wire/red.h"
#include "sfu/wire/rtp_ext.h"
#include "sfu/wire/rtx.h"
#include "sfu/wire/vp9.h"

/* What the header extensions of one packet say. */
struct in_ext {
        struct span mid, rid, repaired_rid;
        bool has_level, has_transport_seq;
        uint8_t level;
        uint16_t transport_seq;
};

static void read_ext(struct in_ext *ret_ext, const struct sdp_ext_ids *ids,
                     const struct rtp_pkt *rtp)
{
        struct rtp_ext_iter it = rtp_ext_iter_init(rtp->ext_profile, rtp->ext);
        struct rtp_ext_item item;
        bool voice;

        *ret_ext = (struct in_ext){ 0 };
        while (rtp_ext_next(&it, &item)) {
                if (item.id == ids->transport_cc)
                        ret_ext->has_transport_seq = rtp_ext_transport_seq(item.data,
                                                                           &ret_ext->transport_seq);
                else if (item.id == ids->audio_level)
                        ret_ext->has_level = rtp_ext_audio_level(item.data, &ret_ext->level,
                                                                 &voice);
                else if (item.id == ids->mid)
                        ret_ext->mid = item.data;
                else if (item.id == ids->rid)
                        ret_ext->rid = item.data;
                else if (item.id == ids->repaired_rid)
                        ret_ext->repaired_rid = item.data;
        }
}

static bool same_text(struct span s, const char *text)
{
        return s.len == strlen(text) && memcmp(s.data, text, s.len) == 0;
}

static bool pub_carries(const struct media_pub *pub, uint8_t pt, bool *ret_rtx)
{
        for (int codec = 0; codec < SDP_N_CODECS; codec++) {
                const struct sdp_pt *p = &pub->sdp.pts[codec];

                if (!p->used || (p->pt != pt && (p->rtx_pt != pt || pt == 0)))
                        continue;
                *ret_rtx = p->pt != pt;
                return true;
        }
        return false;
}

/* The publication a packet of an unknown SSRC belongs to: by MID; without one,
 * by payload type if only one publication could carry it (RFC 8843 §9.2). */
static struct media_pub *find_pub(struct media_peer *peer, const struct in_ext *ext, uint8_t pt)
{
        struct media_pub *found = NULL;
        bool rtx;

        for (int kind = 0; kind < SFU_N_KINDS; kind++) {
                struct media_pub *pub = peer->pubs[kind];

                if (!pub || !pub_carries(pub, pt, &rtx))
                        continue;
                if (ext->mid.len > 0) {
                        if (same_text(ext->mid, pub->sdp.mid))
                                return pub;
                        continue;
                }
                if (found)
                        return NULL;
                found = pub;
        }
        return found;
}

/* A stream without RID in a publication with RIDs is bound by nothing: it may be
 * an RTX probe that says only its MID. It will name itself, or stay unknown. */
static struct media_layer *find_layer(struct media_pub *pub, const struct in_ext *ext, uint8_t pt,
                                      bool *ret_rtx)
{
        struct span rid = ext->repaired_rid.len > 0 ? ext->repaired_rid : ext->rid;

        if (!pub_carries(pub, pt, ret_rtx))
                return NULL;
        if (ext->repaired_rid.len > 0)
                *ret_rtx = true;
        if (pub->sdp.n_rids == 0)
                return &pub->layers[0];
        for (size_t i = 0; i < pub->n_layers; i++) {
                if (rid.len > 0 && same_text(rid, pub->sdp.rids[i]))
                        return &pub->layers[i];
        }
        return NULL;
}

static void forget_ssrc(struct media_peer *peer, uint32_t ssrc)
{
        for (size_t i = 0; i < peer->n_ssrcs; i++) {
                if (peer->ssrcs[i].ssrc == ssrc) {
                        peer->ssrcs[i] = peer->ssrcs[--peer->n_ssrcs];
                        return;
                }
        }
}

/* A layer has one SSRC and one for RTX: a new one takes the old one's place, so
 * the table is bounded by what was negotiated. */
static const struct media_ssrc *bind_layer(struct media_layer *layer, bool rtx, uint32_t ssrc,
                                           int64_t now_us)
{
        struct media_peer *peer = layer->pub->peer;
        uint32_t *own = rtx ? &layer->rtx_ssrc : &layer->ssrc;

        if (*own && !rtx && now_us - layer->restart_us < RESTART_INTERVAL_US)
                return NULL;
        if (*own)
                forget_ssrc(peer, *own);
        if (*own && !rtx)
                layer_restart(layer, now_us);
        if (peer->n_ssrcs == MEDIA_MAX_SSRCS)
                return NULL;
        *own = ssrc;
        peer->ssrcs[peer->n_ssrcs] = (struct media_ssrc){ ssrc, rtx, layer };
        return &peer->ssrcs[peer->n_ssrcs++];
}

static const struct media_ssrc *bind_ssrc(struct media_peer *peer, const struct in_ext *ext,
                                          const struct rtp_pkt *rtp, int64_t now_us)
{
        struct media_pub *pub = find_pub(peer, ext, rtp->pt);
        struct media_layer *layer;
        bool rtx;

        layer = pub ? find_layer(pub, ext, rtp->pt, &rtx) : NULL;
        return layer ? bind_layer(layer, rtx, rtp->ssrc, now_us) : NULL;
}

static const struct media_ssrc *find_ssrc(const struct media_peer *peer, uint32_t ssrc)
{
        for (size_t i = 0; i < peer->n_ssrcs; i++) {
                if (peer->ssrcs[i].ssrc == ssrc)
                        return &peer->ssrcs[i];
        }
        return NULL;
}

/* Turns a retransmission into the packet it repeats (RFC 4588 §4), in place.
 * False: a probe without content. */
static bool unwrap_rtx(struct media_in *in, const struct media_layer *layer)
{
        struct pkt *pkt = in->pkt;
        struct span original;
        uint8_t *at = pkt->data + in->rtp.payload_offset;
        uint16_t osn;
        uint8_t pt = 0;

        for (int codec = 0; codec < SDP_N_CODECS; codec++) {
                const struct sdp_pt *p = &layer->pub->sdp.pts[codec];

                if (p->used && p->rtx_pt == in->rtp.pt)
                        pt = p->pt;
        }
        if (pt == 0 || layer->ssrc == 0 || rtx_parse(&osn, &original, in->rtp.payload))
                return false;
        memmove(at, original.data, original.len);
        pkt->len = (uint16_t)(in->rtp.payload_offset + original.len);
        pkt->data[0] &= (uint8_t)~0x20; /* padding is cut off */
        pkt->data[1] = (uint8_t)((pkt->data[1] & 0x80) | pt);
        pkt->data[2] = (uint8_t)(osn >> 8);
        pkt->data[3] = (uint8_t)osn;
        for (int i = 0; i < 4; i++)
                pkt->data[8 + i] = (uint8_t)(layer->ssrc >> (24 - 8 * i));
        return rtp_parse(&in->rtp, pkt->data, pkt->len) == 0;
}

static bool classify_vp8(struct media_in *in)
{
        struct vp8_desc vp8;

        if (vp8_parse(&vp8, in->rtp.payload) != 0)
                return false;
        in->starts_keyframe = in->frame.key = vp8.is_keyframe;
        in->layered = vp8.has_tid;
        in->frame.starts = vp8.starts_frame;
        in->frame.inter = !vp8.is_keyframe;
        in->frame.joins = vp8.layer_sync;
        in->frame.tid = vp8.tid;
        in->heights[0] = vp8.height;
        in->numbers = (struct media_numbers){
                .id_at = (uint8_t)vp8.picture_id_offset,
                .tl0_at = (uint8_t)vp8.tl0picidx_offset,
                .long_id = vp8.long_picture_id,
                .tl0 = vp8.tl0picidx,
                .id = vp8.picture_id,
        };
        return true;
}

static bool classify_vp9(struct media_in *in)
{
        struct vp9_desc vp9;

        if (vp9_parse(&vp9, in->rtp.payload) != 0)
                return false;
        in->starts_keyframe = in->frame.key = vp9.is_keyframe;
        in->layered = vp9.has_layers;
        in->frame.starts = vp9.starts_frame;
        in->frame.ends = vp9.ends_frame;
        in->frame.inter = vp9.inter_predicted;
        in->frame.opens = vp9.switching_up;
        in->frame.sid = vp9.sid;
        in->frame.tid = vp9.tid;
        for (size_t i = 0; i < vp9.n_spatial && i < LAYER_MAX_SPATIAL; i++)
                in->heights[i] = vp9.heights[i];
        in->numbers = (struct media_numbers){
                .id_at = (uint8_t)vp9.picture_id_offset,
                .tl0_at = (uint8_t)vp9.tl0picidx_offset,
                .long_id = vp9.long_picture_id,
                .tl0 = vp9.tl0picidx,
                .id = vp9.picture_id,
        };
        return true;
}

static bool classify_av1(struct media_in *in)
{
        struct av1_desc av1;

        if (av1_parse(&av1, in->rtp.payload) != 0)
                return false;
        in->starts_keyframe = in->frame.key = av1.is_keyframe;
        return true;
}

static bool classify_h264(struct media_in *in)
{
        in->starts_keyframe = h264_starts_keyframe(in->rtp.payload);
        if (in->starts_keyframe)
                in->heights[0] = h264_height(in->rtp.payload);
        return true;
}

/* Its newest frame has to be Opus: neither RED once more nor what was not agreed on. */
static bool classify_red(struct media_in *in, const struct media_pub *pub)
{
        struct red_block blocks[RED_MAX_BLOCKS];
        enum sdp_codec inside;
        size_t n;

        if (red_parse(blocks, &n, in->rtp.payload) || !pub_codec(pub, blocks[n - 1].pt, &inside) ||
            inside != SDP_OPUS)
                return false;
        in->primary_pt = blocks[n - 1].pt;
        in->primary = blocks[n - 1].data;
        return true;
}

bool media_in_classify(struct media_in *in, const struct media_pub *pub)
{
        in->starts_keyframe = in->layered = false;
        in->frame = (struct layer_frame){ .ends = in->rtp.marker };
        in->numbers = (struct media_numbers){ 0 };
        in->dd = (struct span){ 0 };
        memset(in->heights, 0, sizeof(in->heights));
        if (!pub_codec(pub, in->rtp.pt, &in->codec))
                return false;
        if (in->rtp.payload.len == 0)
                return true;
        if (pub->peer->ext.dependency &&
            !rtp_ext_find(in->rtp.ext_profile, in->rtp.ext, pub->peer->ext.dependency, &in->dd))
                in->dd = (struct span){ 0 };
        if (in->codec == SDP_VP8)
                return classify_vp8(in);
        if (in->codec == SDP_VP9)
                return classify_vp9(in);
        if (in->codec == SDP_AV1)
                return classify_av1(in);
        if (in->codec == SDP_RED)
                return classify_red(in, pub);
        return in->codec != SDP_H264 || classify_h264(in);
}

static struct audio_claim claim_of(const struct media_in *in, const struct in_ext *ext)
{
        return (struct audio_claim){
                .has_level = ext->has_level,
                .level = ext->level,
                .payload_len = in->codec == SDP_RED ? in->primary.len : in->rtp.payload.len,
        };
}

static void note_keyframe(struct media_layer *layer, const struct media_in *in, int64_t now_us)
{
        layer->key_wanted = false;
        layer->keyframe_us = now_us;
        for (size_t i = 0; i < LAYER_MAX_SPATIAL; i++) {
                if (in->heights[i] > 0)
                        layer->height = in->heights[i];
        }
}

/* A layer that was silent flows: whoever watches may take it from this very
 * packet on, which most often begins a key frame. One that stops (BYE) and starts
 * all the time is noticed at the watchers' next regular look. */
void layer_on_start(struct media_layer *layer, int64_t now_us)
{
        struct media_slot *slot;

        if (now_us - layer->start_us < RESTART_INTERVAL_US)
                return;
        layer->start_us = now_us;
        relay_layer_started(layer);
        list_for_each (slot, &layer->pub->watchers, LINK_WATCH) {
                if (!slot->audio)
                        peer_allocate(slot->peer, now_us);
        }
        (void)taps_look_at(layer->pub, now_us);
}

/* A packet that is new: to all who want it, here and on other workers. */
static void take(struct media_layer *layer, struct media_in *in, const struct in_ext *ext,
                 bool recovered, int64_t now_us)
{
        struct media_peer *peer = layer->pub->peer;
        struct audio_claim claim = claim_of(in, ext);
        bool heard = layer->pub->kind == SFU_MIC && in->rtp.payload.len > 0 && !recovered;

        if (heard)
                audio_select_on_packet(peer->room->select, layer->pub->mic_id, &claim, now_us);
        layer_describe(layer, in, true, now_us);
        if (in->starts_keyframe)
                note_keyframe(layer, in, now_us);
        relay_packet(layer, in, heard ? &claim : NULL, recovered, now_us);
        if (!layer_is_shown(layer))
                return;
        if (layer->nack) {
                if (layer->recv.received == 1) /* a run begins: nothing is missing before it */
                        nack_gen_reset(layer->nack);
                nack_gen_on_packet(layer->nack, in->rtp.seq, now_us);
                peer_wake(peer, nack_gen_deadline_us(layer->nack));
        }
        if (layer->cache)
                rtx_cache_put(layer->cache, in->ext, in->pkt);
        if (layer->tap_watch)
                taps_take(layer, in, now_us);
        if (link_empty(&layer->current) && link_empty(&layer->next))
                return; /* it is shown elsewhere, or tapped only */
        in->newest = (uint32_t)layer->recv.seq.newest;
        in->time_us = layer_time_of(layer, in->rtp.ts);
        layer_push(layer, in, now_us);
}

static void layer_on_packet(struct media_layer *layer, struct media_in *in,
                            const struct in_ext *ext, bool recovered, int64_t now_us)
{
        struct rtp_recv_packet received = {
                .seq = in->rtp.seq,
                .ts = in->rtp.ts,
                .bytes = in->pkt->len,
                .recovered = recovered,
        };
        bool flowed = layer_flows(layer, now_us);

        if (!media_in_classify(in, layer->pub)) {
                layer->pub->peer->room->counters.rtp_bad++;
                return;
        }
        if (rtp_recv_on_packet(&layer->recv, &received, now_us, &in->ext) != RTP_RECV_NEW)
                return;
        layer->codec = in->codec;
        if (!flowed)
                layer_on_start(layer, now_us);
        take(layer, in, ext, recovered, now_us);
}

void layer_on_relayed(struct media_layer *layer, struct media_in *in, bool recovered,
                      int64_t now_us)
{
        struct rtp_recv_packet received = {
                .seq = in->rtp.seq,
                .ts = in->rtp.ts,
                .bytes = in->pkt->len,
                .recovered = recovered,
        };
        bool flowed = layer_flows(layer, now_us);
        struct in_ext ext;

        if (!media_in_classify(in, layer->pub))
                return; /* home has counted it */
        read_ext(&ext, &layer->pub->peer->ext, &in->rtp);
        rtp_recv_on_relayed(&layer->recv, &received, in->ext, in->pkt->arrival_us);
        layer->codec = in->codec;
        if (!flowed && layer_flows(layer, now_us))
                layer_on_start(layer, now_us);
        /* Nothing else wakes a proxy: what its ring holds goes back in time. */
        peer_wake(layer->pub->peer, now_us + RTX_CACHE_AGE_US);
        take(layer, in, &ext, recovered, now_us);
}

/* Of a feed the layer is known: nobody else's stream may be under its SSRC. */
static const struct media_ssrc *find_fed(struct media_layer *layer, uint32_t ssrc, int64_t now_us)
{
        const struct media_ssrc *known = find_ssrc(layer->pub->peer, ssrc);

        if (!known)
                known = bind_layer(layer, false, ssrc, now_us);
        return known && known->layer == layer ? known : NULL;
}

/* fed: the layer it belongs to; NULL: that is seen from its SSRC and extensions. */
static int on_rtp(struct media_peer *peer, struct media_layer *fed, struct pkt *pkt, int64_t now_us)
{
        struct media_in in = { .pkt = pkt };
        const struct media_ssrc *known;
        struct in_ext ext;
        int err;

        err = rtp_parse(&in.rtp, pkt->data, pkt->len);
        if (err)
                return err;
        read_ext(&ext, &peer->ext, &in.rtp);
        known = fed ? find_fed(fed, in.rtp.ssrc, now_us) : find_ssrc(peer, in.rtp.ssrc);
        if (!known && !fed)
                known = bind_ssrc(peer, &ext, &in.rtp, now_us);
        if (peer->transport_cc && ext.has_transport_seq) {
                /* Unknown streams count too: bandwidth probes may be such. */
                bool sound = known && known->layer->pub->kind == SFU_MIC;

                transport_cc_on_packet(&peer->tcc, ext.transport_seq,
                                       !sound && !path_is_narrow(peer), now_us);
                peer_wake(peer, transport_cc_deadline_us(&peer->tcc));
        }
        if (!known) {
                peer->room->counters.rtp_bad++;
                return 0;
        }
        if (known->layer->pub->muted || !peer->connected)
                return 0;
        peer_wake(peer, peer->report_us);
        if (known->rtx && !unwrap_rtx(&in, known->layer))
                return 0;
        layer_on_packet(known->layer, &in, &ext, known->rtx, now_us);
        return 0;
}

int media_peer_on_rtp(struct media_peer *peer, struct pkt *pkt, int64_t now_us)
{
        return on_rtp(peer, NULL, pkt, now_us);
}

int media_peer_on_feed(struct media_peer *peer, enum sfu_kind kind, unsigned layer, struct pkt *pkt,
                       int64_t now_us)
{
        struct media_pub *pub = kind < SFU_N_KINDS ? peer->pubs[kind] : NULL;

        if (!pub || layer >= pub->n_layers) {
                peer->room->counters.rtp_bad++;
                return 0;
        }
        return on_rtp(peer, &pub->layers[layer], pkt, now_us);
}
