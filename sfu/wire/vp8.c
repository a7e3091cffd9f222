/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/wire/vp8.h"

/* The optional fields that the X byte announces, in their order on the wire. */
static void parse_extension(struct vp8_desc *desc, struct rd *r, const uint8_t *start)
{
        uint8_t x = rd_u8(r);

        if (x & 0x80) { /* I */
                desc->has_picture_id = true;
                desc->picture_id_offset = (size_t)(r->pos - start);
                desc->picture_id = rd_u8(r);
                desc->long_picture_id = desc->picture_id & 0x80; /* M */
                if (desc->long_picture_id)
                        desc->picture_id = (uint16_t)((desc->picture_id & 0x7f) << 8 | rd_u8(r));
        }
        if (x & 0x40) { /* L */
                desc->has_tl0picidx = true;
                desc->tl0picidx_offset = (size_t)(r->pos - start);
                desc->tl0picidx = rd_u8(r);
        }
        if (x & 0x30) { /* T or K: they share a byte */
                uint8_t b = rd_u8(r);

                desc->has_tid = x & 0x20;
                desc->has_keyidx = x & 0x10;
                desc->tid = desc->has_tid ? b >> 6 : 0;
                desc->layer_sync = desc->has_tid && b & 0x20;
                desc->keyidx = desc->has_keyidx ? b & 0x1f : 0;
        }
}

/* The head of a frame: 3 bytes of frame tag, then for key frames a start code,
 * width and height, each 14 bits little-endian under 2 bits of scale
 * (RFC 6386 §9.1). */
static void parse_frame_head(struct vp8_desc *desc, struct rd *r)
{
        desc->is_keyframe = !(rd_u8(r) & 0x01); /* P, RFC 7741 §4.3 */
        if (!desc->is_keyframe)
                return;
        rd_take(r, 2);

        struct span head = rd_take(r, 7);

        if (!head.data || head.data[0] != 0x9d || head.data[1] != 0x01 || head.data[2] != 0x2a)
                return;
        desc->width = (uint16_t)((head.data[4] << 8 | head.data[3]) & 0x3fff);
        desc->height = (uint16_t)((head.data[6] << 8 | head.data[5]) & 0x3fff);
}

int vp8_parse(struct vp8_desc *ret_desc, struct span payload)
{
        struct rd r = rd_init(payload.data, payload.len);
        struct vp8_desc desc = { 0 };
        uint8_t b = rd_u8(&r);

        desc.non_reference = b & 0x20;
        desc.partition_start = b & 0x10;
        desc.partition = b & 0x07;
        desc.starts_frame = desc.partition_start && desc.partition == 0;
        if (b & 0x80)
                parse_extension(&desc, &r, payload.data);
        if (r.bad || rd_left(&r) == 0)
                return VP8_E_SHORT;

        desc.len = payload.len - rd_left(&r);
        if (desc.starts_frame)
                parse_frame_head(&desc, &r);

        *ret_desc = desc;
        return 0;
}

void vp8_set_picture_id(uint8_t *payload, const struct vp8_desc *desc, uint16_t picture_id)
{
        uint8_t *at = payload + desc->picture_id_offset;

        if (!desc->has_picture_id)
                return;
        if (!desc->long_picture_id) {
                at[0] = picture_id & 0x7f;
                return;
        }
        at[0] = (uint8_t)(0x80 | (picture_id >> 8 & 0x7f));
        at[1] = (uint8_t)picture_id;
}

void vp8_set_tl0picidx(uint8_t *payload, const struct vp8_desc *desc, uint8_t tl0picidx)
{
        if (desc->has_tl0picidx)
                payload[desc->tl0picidx_offset] = tl0picidx;
}
