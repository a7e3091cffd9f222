/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/wire/vp9.h"

static void parse_picture_id(struct vp9_desc *desc, struct rd *r, const uint8_t *start)
{
        desc->has_picture_id = true;
        desc->picture_id_offset = (size_t)(r->pos - start);
        desc->picture_id = rd_u8(r);
        desc->long_picture_id = desc->picture_id & 0x80; /* M */
        if (desc->long_picture_id)
                desc->picture_id = (uint16_t)((desc->picture_id & 0x7f) << 8 | rd_u8(r));
}

static void parse_layers(struct vp9_desc *desc, struct rd *r, const uint8_t *start)
{
        uint8_t b = rd_u8(r);

        desc->has_layers = true;
        desc->tid = b >> 5;
        desc->switching_up = b & 0x10;
        desc->sid = b >> 1 & 0x07;
        desc->inter_layer = b & 0x01;
        if (desc->flexible)
                return;
        desc->has_tl0picidx = true;
        desc->tl0picidx_offset = (size_t)(r->pos - start);
        desc->tl0picidx = rd_u8(r);
}

/* P_DIFF: 7 bits, and N: another one follows. False: too many. */
static bool parse_diffs(struct vp9_desc *desc, struct rd *r)
{
        uint8_t b;

        do {
                if (desc->n_diffs == VP9_MAX_DIFFS)
                        return false;
                b = rd_u8(r);
                desc->diffs[desc->n_diffs++] = b >> 1;
        } while (b & 0x01);
        return true;
}

/* RFC 9628 §4.2.1. The group of pictures is walked, not kept: temporal layers are
 * told by each packet's own tid. */
static void parse_structure(struct vp9_desc *desc, struct rd *r)
{
        uint8_t b = rd_u8(r);
        uint8_t n_pictures = 0;

        desc->has_structure = true;
        desc->n_spatial = (uint8_t)((b >> 5) + 1);                  /* N_S */
        for (uint8_t i = 0; b & 0x10 && i < desc->n_spatial; i++) { /* Y */
                desc->widths[i] = rd_u16(r);
                desc->heights[i] = rd_u16(r);
        }
        if (b & 0x08) /* G */
                n_pictures = rd_u8(r);
        for (uint8_t i = 0; i < n_pictures; i++)
                rd_take(r, rd_u8(r) >> 2 & 0x03); /* R references of a byte each */
}

int vp9_parse(struct vp9_desc *ret_desc, struct span payload)
{
        struct rd r = rd_init(payload.data, payload.len);
        struct vp9_desc desc = { 0 };
        uint8_t b = rd_u8(&r);

        desc.inter_predicted = b & 0x40;
        desc.flexible = b & 0x10;
        desc.starts_frame = b & 0x08;
        desc.ends_frame = b & 0x04;
        desc.not_for_upper = b & 0x01;
        if (b & 0x80)
                parse_picture_id(&desc, &r, payload.data);
        if (b & 0x20)
                parse_layers(&desc, &r, payload.data);
        if (desc.inter_predicted && desc.flexible && !parse_diffs(&desc, &r))
                return VP9_E_DIFFS;
        if (b & 0x02)
                parse_structure(&desc, &r);
        if (r.bad || rd_left(&r) == 0)
                return VP9_E_SHORT;

        desc.len = payload.len - rd_left(&r);
        desc.is_keyframe = desc.starts_frame && !desc.inter_predicted && desc.sid == 0;
        *ret_desc = desc;
        return 0;
}
