/* SPDX-License-Identifier: Apache-2.0 */
/* Opus, VP8 and VP9: a frame's bytes lie in its packets, behind a payload descriptor. */
#include "sfu/wire/bits.h"
#include "sfu/jobs/core/depay_internal.h"
#include "sfu/wire/vp8.h"
#include "sfu/wire/vp9.h"

/* RFC 6716 §3.1: how long each frame is, by the upper five bits, and how many there are. */
static uint32_t opus_duration_us(struct span packet)
{
        static const uint32_t silk[] = { 10000, 20000, 40000, 60000 };
        static const uint32_t celt[] = { 2500, 5000, 10000, 20000 };
        unsigned config = packet.data[0] >> 3, code = packet.data[0] & 0x03;
        uint32_t frame_us = config < 12   ? silk[config & 3]
                            : config < 16 ? silk[config & 1]
                                          : celt[config & 3];
        unsigned n = code == 0 ? 1 : code < 3 ? 2 : packet.len > 1 ? packet.data[1] & 0x3f : 0;

        return n * frame_us <= 120000 ? n * frame_us : 0;
}

static int add_opus(struct depay *depay, struct span payload)
{
        if (payload.len == 0)
                return DEPAY_E_BROKEN;
        depay->is_keyframe = true;
        depay->duration_us = opus_duration_us(payload);
        return depay_add_bytes(depay, payload);
}

const struct depay_codec depay_opus = { .is_sound = true, .add = add_opus };

static int add_vp8(struct depay *depay, struct span payload)
{
        struct vp8_desc desc;

        if (vp8_parse(&desc, payload) || desc.starts_frame != (depay->frame.len == 0))
                return DEPAY_E_BROKEN;
        if (desc.is_keyframe) {
                if (desc.width == 0 || desc.height == 0)
                        return DEPAY_E_BROKEN;
                depay->is_keyframe = true;
                depay->format.width = desc.width;
                depay->format.height = desc.height;
        }
        return depay_add_bytes(depay,
                               (struct span){ payload.data + desc.len, payload.len - desc.len });
}

const struct depay_codec depay_vp8 = { .add = add_vp8 };

/* The size in the head of a key frame (VP9 §7.2: uncompressed_header). False: it is none. */
static bool read_vp9_size(struct span frame, struct depay_format *format)
{
        enum { SYNC_CODE = 0x498342, CS_RGB = 7 };
        struct bits b = { .bytes = frame };
        unsigned marker = bits_u(&b, 2), profile = bits_u(&b, 1);
        uint32_t width, height;

        profile |= bits_u(&b, 1) << 1;
        if (profile == 3)
                (void)bits_u(&b, 1);
        if (marker != 2 || bits_u(&b, 1) || bits_u(&b, 1)) /* shows another; not a key frame */
                return false;
        (void)bits_u(&b, 2); /* show_frame, error_resilient_mode */
        if (bits_u(&b, 24) != SYNC_CODE)
                return false;
        if (profile >= 2)
                (void)bits_u(&b, 1); /* ten_or_twelve_bit */
        if (bits_u(&b, 3) == CS_RGB)
                (void)bits_u(&b, profile & 1 ? 1 : 0);
        else
                (void)bits_u(&b, profile & 1 ? 4 : 1); /* range, and subsampling */
        width = bits_u(&b, 16) + 1;
        height = bits_u(&b, 16) + 1;
        if (b.bad)
                return false;
        format->width = width;
        format->height = height;
        return true;
}

static int add_vp9(struct depay *depay, struct span payload)
{
        struct vp9_desc desc;
        struct span content;

        if (vp9_parse(&desc, payload))
                return DEPAY_E_BROKEN;
        content = (struct span){ payload.data + desc.len, payload.len - desc.len };
        if (depay->frame.len == 0 && (!desc.starts_frame || desc.inter_layer))
                return DEPAY_E_BROKEN;
        if (desc.starts_frame) {
                if (depay->n_layers == DEPAY_MAX_LAYERS || content.len == 0)
                        return DEPAY_E_BROKEN;
                depay->layers[depay->n_layers++] = depay->frame.len;
        }
        if (desc.is_keyframe)
                depay->is_keyframe = read_vp9_size(content, &depay->format);
        if (desc.has_structure && desc.widths[desc.n_spatial - 1] > 0 &&
            desc.heights[desc.n_spatial - 1] > 0) {
                depay->format.width = desc.widths[desc.n_spatial - 1];
                depay->format.height = desc.heights[desc.n_spatial - 1];
        }
        return depay_add_bytes(depay, content);
}

/* Several layers become one superframe: an index of their lengths behind them (VP9 Annex B). */
static int end_vp9(struct depay *depay)
{
        enum { INDEX_MARKER = 0xc0, BYTES_PER_SIZE = 4 };
        uint8_t index[2 + DEPAY_MAX_LAYERS * BYTES_PER_SIZE];
        unsigned n = depay->n_layers;
        size_t len = 0;

        if (n < 2)
                return 0;
        index[len++] = (uint8_t)(INDEX_MARKER | (BYTES_PER_SIZE - 1) << 3 | (n - 1));
        for (unsigned i = 0; i < n; i++) {
                size_t end = i + 1 < n ? depay->layers[i + 1] : depay->frame.len;
                size_t size = end - depay->layers[i];

                for (unsigned k = 0; k < BYTES_PER_SIZE; k++)
                        index[len++] = (uint8_t)(size >> (8 * k));
        }
        index[len++] = index[0];
        return depay_add_bytes(depay, (struct span){ index, len });
}

const struct depay_codec depay_vp9 = { .add = add_vp9, .end = end_vp9 };
