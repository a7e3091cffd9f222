/* SPDX-License-Identifier: Apache-2.0 */
/* Spatial and temporal layers within one stream: what a publisher's packets say of
 * them, and what a slot takes (layer_filter.h). */
#include "sfu/core/media_priv.h"

enum {
        STRUCTURE_BIT = 0x80, /* of a descriptor's fourth byte: it brings a structure */
        MIN_DESCRIPTOR = 3,
        SLOW_US = 200 * 1000,
        MAX_REST_US = 1000 * 1000,
        REST_FADES = 16, /* in so many frames */
};

static bool brings_structure(struct span dd)
{
        return dd.len > MIN_DESCRIPTOR && dd.data[MIN_DESCRIPTOR] & STRUCTURE_BIT;
}

/* A structure replaces only an older one: a key frame's repetition may come when
 * the next one's is here already. */
static bool parse_descriptor(struct media_detail *detail, struct media_in *in, bool fresh)
{
        struct dd_structure own = { 0 };
        bool brings = brings_structure(in->dd);
        bool newest = fresh && (detail->structure.n_templates == 0 ||
                                (int32_t)(in->ext - detail->structure_ext) > 0);
        struct dd_structure *structure = brings && !newest ? &own : &detail->structure;

        if (dd_parse(&in->frame.dd, structure, in->dd) != 0)
                return false;
        if (brings && newest)
                detail->structure_ext = in->ext;
        if (fresh && (in->frame.dd.has_active || (brings && newest)))
                detail->active = in->frame.dd.active;
        else
                in->frame.dd.active = detail->active;
        return true;
}

static void read_descriptor(struct media_detail *detail, struct media_in *in, bool fresh)
{
        struct layer_frame *frame = &in->frame;

        if (in->dd.len < MIN_DESCRIPTOR) {
                in->dd = (struct span){ 0 };
                return;
        }
        frame->has_dd = parse_descriptor(detail, in, fresh);
        if (!frame->has_dd)
                return;
        in->layered = true;
        frame->starts = frame->dd.starts_frame;
        frame->ends = frame->dd.ends_frame;
        frame->sid = frame->dd.sid;
        frame->tid = frame->dd.tid;
        if (!frame->dd.has_structure || !detail->structure.has_resolutions)
                return;
        for (size_t i = 0; i <= detail->structure.max_sid; i++)
                in->heights[i] = detail->structure.heights[i];
}

static bool rests(const struct media_layer *layer, int64_t now_us)
{
        return layer->keyframe_us > 0 && now_us - layer->keyframe_us < KEY_REST_US;
}

static void note_before_key(struct media_layer *layer, int64_t now_us)
{
        struct media_detail *detail = layer->detail;

        if (rests(layer, now_us) && now_us - detail->before_us < KEY_REST_US)
                return; /* it has not yet sent as it does, unless they come all the time */
        detail->before_us = now_us;
        for (unsigned s = 0; s < LAYER_MAX_SPATIAL; s++)
                for (unsigned t = 0; t < LAYER_MAX_TEMPORAL; t++)
                        detail->before_key[s][t] = rtp_rate_bps(&detail->rates[s][t], now_us);
}

/* An encoder that saves up for its key frame sends less, and not of all layers: so long,
 * what it sent before counts. */
static uint32_t usual_bps(const struct media_layer *layer, unsigned s, unsigned t, int64_t now_us)
{
        const struct media_detail *detail = layer->detail;
        uint32_t bps = rtp_rate_bps(&detail->rates[s][t], now_us);

        if (!rests(layer, now_us) || bps > detail->before_key[s][t])
                return bps;
        return detail->before_key[s][t];
}

static void note_frame(struct media_detail *detail, uint32_t ts, int64_t now_us)
{
        int64_t waited_us = now_us - detail->frame_us;

        if (detail->frame_us > 0 && (int32_t)(ts - detail->frame_ts) <= 0)
                return;
        waited_us = waited_us < MAX_REST_US ? waited_us : MAX_REST_US;
        detail->rest_us -= detail->rest_us / REST_FADES;
        detail->rest_us = waited_us > detail->rest_us ? (uint32_t)waited_us : detail->rest_us;
        detail->frame_ts = ts;
        detail->frame_us = now_us;
}

bool layer_is_slow(const struct media_layer *layer)
{
        return layer->detail && layer->detail->rest_us > SLOW_US;
}

void layer_describe(struct media_layer *layer, struct media_in *in, bool fresh, int64_t now_us)
{
        struct media_detail *detail = layer->detail;
        const struct layer_frame *frame = &in->frame;

        if (!detail || in->rtp.payload.len == 0)
                return;
        read_descriptor(detail, in, fresh);
        if (!fresh)
                return;
        note_frame(detail, in->rtp.ts, now_us);
        if (in->starts_keyframe) {
                note_before_key(layer, now_us);
                memcpy(detail->heights, in->heights, sizeof(detail->heights));
                detail->key_ts = in->rtp.ts;
        }
        if (in->rtp.ts != detail->key_ts && frame->sid < LAYER_MAX_SPATIAL &&
            frame->tid < LAYER_MAX_TEMPORAL)
                rtp_rate_add(&detail->rates[frame->sid][frame->tid], in->pkt->len, now_us);
}

uint32_t layer_bps_of(const struct media_layer *layer, uint8_t sid, uint8_t tid, int64_t now_us)
{
        uint32_t bps = 0;

        for (unsigned s = 0; layer->detail && s < LAYER_MAX_SPATIAL && s <= sid; s++)
                for (unsigned t = 0; t < LAYER_MAX_TEMPORAL && t <= tid; t++)
                        bps += usual_bps(layer, s, t, now_us);
        return bps;
}

/* Those that the sender says it sends: known at once when one stops. */
static unsigned n_active(const struct media_layer *layer)
{
        const struct media_detail *detail = layer->detail;
        unsigned n = 1;

        if (!detail || detail->structure.n_templates == 0)
                return LAYER_MAX_SPATIAL;
        for (unsigned t = 0; t < detail->structure.n_targets; t++) {
                if ((detail->active >> t & 1) && detail->structure.target_sid[t] >= n)
                        n = detail->structure.target_sid[t] + 1u;
        }
        return n;
}

uint8_t layer_n_spatial(const struct media_layer *layer, int64_t now_us)
{
        unsigned most = n_active(layer);
        uint8_t n = 1;

        for (unsigned s = 0; layer->detail && s < most; s++)
                for (unsigned t = 0; t < LAYER_MAX_TEMPORAL; t++)
                        n = usual_bps(layer, s, t, now_us) > 0 ? (uint8_t)(s + 1) : n;
        return n;
}

uint8_t layer_n_temporal(const struct media_layer *layer, int64_t now_us)
{
        uint8_t n = 1;

        for (unsigned s = 0; s < LAYER_MAX_SPATIAL; s++)
                for (unsigned t = n; layer->detail && t < LAYER_MAX_TEMPORAL; t++)
                        n = usual_bps(layer, s, t, now_us) > 0 ? (uint8_t)(t + 1) : n;
        return n;
}

uint8_t layer_sid_for(const struct media_layer *layer, uint16_t height, int64_t now_us)
{
        uint8_t n = layer_n_spatial(layer, now_us);

        for (uint8_t sid = 0; sid + 1 < n; sid++) {
                if (layer->detail->heights[sid] >= height && layer->detail->heights[sid] > 0)
                        return sid;
        }
        return LAYER_ALL;
}

void slot_limit(struct media_slot *slot, uint8_t sid, uint8_t tid, int64_t now_us)
{
        struct layer_filter *filter = &slot->filter;
        bool limits = sid != LAYER_ALL || tid != LAYER_ALL, lowered = sid < filter->want_sid;

        if (limits && slot_map_remember(&slot->map) < 0)
                return;
        filter->want_sid = sid;
        filter->want_tid = tid;
        /* Most streams can go down at the next picture: first see. */
        if (lowered || !slot->current || now_us - slot->key_us < KEY_PATIENCE_US)
                return;
        if (!layer_filter_wants_key(filter, layer_n_spatial(slot->current, now_us)))
                return;
        slot->key_us = now_us;
        layer_want_key(slot->current, now_us);
}

/* VP8's picture ids have no gaps where a picture is left out: libwebrtc waits for
 * the missing one. VP9's have: they give the place in the group of pictures. */
static void close_picture_gap(struct media_slot *slot, const struct media_in *in)
{
        if (in->codec != SDP_VP8 || !in->numbers.id_at || slot->skipped_id == in->numbers.id)
                return;
        slot->skipped_id = in->numbers.id;
        slot->map.segs[0].picture_id_offset--;
}

bool slot_takes(struct media_slot *slot, const struct media_in *in)
{
        const struct media_detail *detail = slot->current ? slot->current->detail : NULL;
        bool passes = layer_filter_passes(&slot->filter, &in->frame, in->rtp.ts,
                                          detail ? &detail->structure : NULL);
        uint8_t top = layer_filter_top(&slot->filter);
        struct slot_seg *seg;

        if (passes) {
                if (slot->map.segs[0].top_sid == top)
                        return true;
                seg = slot_map_split(&slot->map, in->ext);
                if (seg)
                        seg->top_sid = top;
                return true;
        }
        if (!slot_map_skip(&slot->map, in->ext))
                return true; /* its number is spent: fill the gap */
        close_picture_gap(slot, in);
        return false;
}

/* The decode targets that the slot's limits leave. */
static uint32_t targets_left(const struct media_slot *slot, const struct dd_frame *dd)
{
        const struct media_detail *detail = slot->current ? slot->current->detail : NULL;
        uint32_t left = 0;

        for (unsigned t = 0; detail && t < dd->n_targets && t < detail->structure.n_targets; t++) {
                if (detail->structure.target_sid[t] <= slot->filter.want_sid &&
                    detail->structure.target_tid[t] <= slot->filter.want_tid)
                        left |= dd->active & 1u << t;
        }
        return left;
}

struct span slot_descriptor(const struct media_slot *slot, const struct media_in *in,
                            const struct slot_seg *seg, uint8_t *buf)
{
        const struct dd_frame *dd = &in->frame.dd;
        bool tells = in->frame.has_dd && (dd->has_structure || dd->has_active);
        uint16_t number = (uint16_t)(in->dd.data[1] << 8 | in->dd.data[2]);
        uint32_t active = tells ? targets_left(slot, dd) : 0;

        return (struct span){ buf, dd_write(buf, DD_MAX_BYTES, in->dd, dd,
                                            (uint16_t)(number + seg->frame_offset),
                                            active == dd->active ? 0 : active) };
}
