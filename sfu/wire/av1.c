/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/wire/av1.h"

enum {
        MAX_LEB128_BYTES = 8, /* AV1 specification §4.10.5 */
};

uint64_t av1_read_leb128(struct rd *r)
{
        uint64_t value = 0;

        for (unsigned i = 0; i < MAX_LEB128_BYTES; i++) {
                uint8_t b = rd_u8(r);

                value |= (uint64_t)(b & 0x7f) << (7 * i);
                if (!(b & 0x80))
                        return value;
        }
        r->bad = true;
        return 0;
}

/* W says how many elements there are, 0: each has a length; else the last of them
 * has none (AOM §4.4). A temporal delimiter should not be there, but some senders
 * leave it at the front. */
static bool has_sequence_header(struct rd *r, uint8_t n_elements)
{
        for (uint8_t i = 1; i <= 2 && rd_left(r) > 0; i++) {
                bool last = i == n_elements;
                uint64_t len = last ? rd_left(r) : av1_read_leb128(r);
                struct span obu = rd_take(r, len <= rd_left(r) ? (size_t)len : SIZE_MAX);

                if (obu.len == 0)
                        return false;

                uint8_t type = obu.data[0] >> 3 & 0x0f;

                if (type != AV1_OBU_TEMPORAL_DELIMITER || last)
                        return type == AV1_OBU_SEQUENCE_HEADER;
        }
        return false;
}

int av1_parse(struct av1_desc *ret_desc, struct span payload)
{
        struct rd r = rd_init(payload.data, payload.len);
        struct av1_desc desc = { 0 };
        uint8_t b = rd_u8(&r);
        bool new_sequence = b & 0x08; /* N */

        if (r.bad || rd_left(&r) == 0)
                return AV1_E_SHORT;
        desc.continues = b & 0x80;
        desc.unfinished = b & 0x40;
        if (new_sequence && desc.continues)
                return AV1_E_HEADER;
        desc.is_keyframe = new_sequence && has_sequence_header(&r, b >> 4 & 0x03);
        *ret_desc = desc;
        return 0;
}
