/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sound with redundancy (RFC 2198) for a receiver whose line loses packets: each
 * packet carries the one or two frames before it as well, taken from the layer's
 * ring. It costs the publisher nothing, and who loses nothing gets none of it. Who
 * takes no RED (Firefox) gets these frames' own packets once more instead: receivers
 * drop what comes twice.
 *
 * A repeat has to be the same packet byte for byte (see write_again()), so it is
 * remembered which frames each packet carried; frames themselves never change.
 */
#include "sfu/core/media_priv.h"
#include "sfu/wire/red.h"

enum {
        LOSSY = 25, /* per mille: one frame before */
        VERY_LOSSY = 80,
        ONE_FRAME_BPS = 300 * 1000, /* what the line carries at least */
        TWO_FRAMES_BPS = 600 * 1000,
        HOLD_US = 10 * 1000 * 1000,
        HOLD_BLIND_US = 60 * 1000 * 1000, /* reports do not show what a repeat made good */
        UPDATE_US = 500 * 1000,
        CALM_US = 4 * 1000 * 1000,
};

static unsigned depth_for(const struct cc_info *line)
{
        if (line->loss_permille >= VERY_LOSSY && line->target_bps >= TWO_FRAMES_BPS)
                return 2;
        return line->loss_permille >= LOSSY && line->target_bps >= ONE_FRAME_BPS;
}

/* What a full queue loses does not come back by sending more. */
static bool calm(struct media_path *path, const struct cc_info *line, int64_t now_us)
{
        if (line->overusing || line->overuses != path->overuses)
                path->calm_us = now_us + CALM_US;
        path->overuses = line->overuses;
        return now_us >= path->calm_us;
}

static bool takes_red(const struct media_slot *slot)
{
        return slot->pts[SDP_RED] != SLOT_NO_PT;
}

void path_update_red(const struct media_peer *peer, int64_t now_us)
{
        struct media_path *path = peer->path;
        bool blind = peer->n_audio > 0 && !takes_red(&peer->slots[0]);
        struct cc_info line;
        unsigned depth;

        if (now_us < path->red_update_us)
                return;
        path->red_update_us = now_us + UPDATE_US;
        cc_info(path->cc, &line);
        depth = calm(path, &line, now_us) ? depth_for(&line) : 0;
        if (depth > 0 && depth >= path->red_depth)
                path->red_us = now_us;
        else if (now_us >= path->calm_us && line.target_bps >= TWO_FRAMES_BPS &&
                 now_us - path->red_us < (blind ? HOLD_BLIND_US : HOLD_US))
                return; /* a line that lost packets a moment ago soon does again */
        path->red_depth = (uint8_t)depth;
}

static unsigned depth_of(const struct media_slot *slot)
{
        const struct media_path *path = slot->peer->path;

        /* What is not numbered is not remembered either. */
        return path && slot_is_reported(slot) ? path->red_depth : 0;
}

unsigned path_red_depth(const struct media_slot *slot)
{
        return takes_red(slot) ? depth_of(slot) : 0;
}

unsigned path_n_repeats(const struct media_slot *slot)
{
        return takes_red(slot) ? 0 : depth_of(slot);
}

static bool frame_before(struct red_block *ret_block, const struct media_layer *layer,
                         const struct media_in *in, uint32_t in_first, uint32_t back)
{
        struct media_in before = { .ext = in->ext - back };
        uint32_t ts_offset;

        if ((int32_t)(before.ext - in_first) < 0 || !layer->cache)
                return false;
        before.pkt = rtx_cache_get(layer->cache, before.ext);
        if (!before.pkt || rtp_parse(&before.rtp, before.pkt->data, before.pkt->len) ||
            !media_in_classify(&before, layer->pub) || before.codec != SDP_OPUS)
                return false;
        ts_offset = in->rtp.ts - before.rtp.ts;
        if (ts_offset == 0 || ts_offset > RED_MAX_TS_OFFSET || before.rtp.payload.len == 0 ||
            before.rtp.payload.len > RED_MAX_BLOCK_LEN)
                return false;
        ret_block->ts_offset = (uint16_t)ts_offset;
        ret_block->data = before.rtp.payload;
        return true;
}

/* Bit i of frames: the one i + 1 before. Returns which of the wished ones there are. */
static uint8_t compose(struct media_taken *ret_taken, const struct media_slot *slot,
                       const struct media_layer *layer, const struct media_in *in,
                       uint32_t in_first, uint8_t wished)
{
        struct red_block blocks[MEDIA_RED_FRAMES + 1];
        struct wr w = wr_init(ret_taken->payload, sizeof(ret_taken->payload));
        uint8_t frames = 0;
        size_t n = 0;

        for (uint32_t back = MEDIA_RED_FRAMES; back > 0; back--) {
                if (!(wished >> (back - 1) & 1) ||
                    !frame_before(&blocks[n], layer, in, in_first, back))
                        continue;
                blocks[n++].pt = slot->pts[SDP_OPUS];
                frames |= (uint8_t)(1u << (back - 1));
        }
        if (n == 0)
                return 0;
        blocks[n++] = (struct red_block){ slot->pts[SDP_OPUS], 0, in->rtp.payload };
        red_write(&w, blocks, n);
        if (w.bad)
                return 0;
        ret_taken->in = *in;
        ret_taken->in.codec = SDP_RED;
        ret_taken->in.rtp.payload = (struct span){ ret_taken->payload, wr_len(&w) };
        return frames;
}

/* Who takes no redundancy, or calls Opus by another number than the blocks do, gets
 * the newest frame alone. */
static const struct media_in *strip(struct media_taken *ret_taken, const struct media_slot *slot,
                                    const struct media_in *in)
{
        if (takes_red(slot) && slot->pts[SDP_OPUS] == in->primary_pt)
                return in;
        ret_taken->in = *in;
        ret_taken->in.codec = SDP_OPUS;
        ret_taken->in.rtp.payload = in->primary;
        return &ret_taken->in;
}

const struct media_in *slot_takes_sound(struct media_taken *ret_taken, struct media_slot *slot,
                                        const struct media_layer *layer, const struct media_in *in,
                                        uint32_t in_first)
{
        struct media_path *path = slot->peer->path;
        unsigned depth;

        if (path)
                path->red_frames = 0;
        if (in->codec == SDP_RED)
                return strip(ret_taken, slot, in);
        depth = path_red_depth(slot);
        if (depth == 0)
                return in;
        path->red_frames = compose(ret_taken, slot, layer, in, in_first,
                                   (uint8_t)((1u << depth) - 1));
        return path->red_frames ? &ret_taken->in : in;
}

const struct media_in *slot_takes_sound_again(struct media_taken *ret_taken,
                                              struct media_slot *slot,
                                              const struct media_layer *layer,
                                              const struct media_in *in, uint32_t in_first,
                                              uint32_t out_ext)
{
        const struct path_sound *sent;

        if (in->codec == SDP_RED)
                return strip(ret_taken, slot, in);
        if (!slot->peer->path || !slot_is_reported(slot))
                return in;
        sent = &slot->peer->path->sound[slot->index][out_ext % MEDIA_AUDIO_RING];
        if (sent->ext != out_ext)
                return NULL;
        if (sent->red_frames == 0)
                return in;
        if (compose(ret_taken, slot, layer, in, in_first, sent->red_frames) != sent->red_frames)
                return NULL;
        return &ret_taken->in;
}
