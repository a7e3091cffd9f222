/* SPDX-License-Identifier: Apache-2.0 */
/* AV1: OBUs, several in a packet or one in several (AOM "RTP Payload Format For AV1" §4). */
#include "sfu/jobs/core/av1_sequence.h"
#include "sfu/jobs/core/depay_internal.h"
#include "sfu/wire/av1.h"

enum { /* AV1 §5.3.2 */
       OBU_FORBIDDEN = 0x80,
       OBU_HAS_EXTENSION = 0x04,
       OBU_HAS_SIZE = 0x02,
};

static unsigned obu_type(uint8_t header)
{
        return header >> 3 & 0x0f;
}

static size_t write_leb128(uint8_t ret[5], size_t value)
{
        size_t n = 0;

        do {
                ret[n] = (uint8_t)((value & 0x7f) | (value > 0x7f ? 0x80 : 0));
                value >>= 7;
                n++;
        } while (value > 0);
        return n;
}

struct obu {
        uint8_t header[2]; /* with the size flag */
        size_t header_len;
        struct span content;
};

/* Reads one OBU from r: up to its size when it has one, else all there is. */
static int read_obu(struct rd *r, struct obu *ret_obu)
{
        struct obu obu = { .header = { rd_u8(r) }, .header_len = 1 };
        uint64_t len;

        if (obu.header[0] & OBU_HAS_EXTENSION)
                obu.header[obu.header_len++] = rd_u8(r);
        len = obu.header[0] & OBU_HAS_SIZE ? av1_read_leb128(r) : rd_left(r);
        if (r->bad || len > rd_left(r) || obu.header[0] & OBU_FORBIDDEN)
                return DEPAY_E_BROKEN;
        obu.content = rd_take(r, (size_t)len);
        obu.header[0] |= OBU_HAS_SIZE;
        *ret_obu = obu;
        return 0;
}

/* show_existing_frame and frame_type are its first three bits (AV1 §5.9.2). */
static bool is_key_frame_header(struct span content)
{
        return content.len > 0 && content.data[0] >> 5 == 0;
}

static void note_obu(struct depay *depay, unsigned type, struct span content)
{
        if (type == AV1_OBU_SEQUENCE_HEADER) {
                depay->has_sequence = true;
        } else if ((type == AV1_OBU_FRAME || type == AV1_OBU_FRAME_HEADER) && !depay->has_picture) {
                depay->has_picture = true;
                depay->is_keyframe = is_key_frame_header(content);
        }
}

/* A whole element: one OBU. */
static int add_obu(struct depay *depay, struct span element)
{
        struct rd r = rd_init(element.data, element.len);
        uint8_t size[5];
        struct obu obu;
        unsigned type;
        int err;

        err = read_obu(&r, &obu);
        if (err)
                return err;
        type = obu_type(obu.header[0]);
        if (type == AV1_OBU_TEMPORAL_DELIMITER || type == AV1_OBU_TILE_LIST ||
            type == AV1_OBU_PADDING)
                return 0;
        note_obu(depay, type, obu.content);
        err = depay_add_bytes(depay, (struct span){ obu.header, obu.header_len });
        if (!err)
                err = depay_add_bytes(depay,
                                      (struct span){ size, write_leb128(size, obu.content.len) });
        if (!err)
                err = depay_add_bytes(depay, obu.content);
        return err;
}

/* goes_on: from the packet before; unfinished: in the next one. */
static int add_element(struct depay *depay, struct span element, bool goes_on, bool unfinished)
{
        int err = 0;

        if (goes_on != depay->has_part)
                return DEPAY_E_BROKEN;
        if (!goes_on && !unfinished)
                return add_obu(depay, element);
        err = byte_buf_add(&depay->part, element, DEPAY_MAX_FRAME);
        if (err)
                return err;
        depay->has_part = unfinished;
        if (unfinished)
                return 0;
        err = add_obu(depay, byte_buf_span(&depay->part));
        depay->part.len = 0;
        return err;
}

/* The elements of a payload (AOM §4.4): W of them, the last without a length; W = 0: each has one. */
static int add_av1(struct depay *depay, struct span payload)
{
        struct rd r = rd_init(payload.data, payload.len);
        uint8_t head = rd_u8(&r);
        unsigned n_elements = head >> 4 & 0x03;
        bool goes_on = head & 0x80;

        if (rd_left(&r) == 0)
                return DEPAY_E_BROKEN;
        for (unsigned i = 1; rd_left(&r) > 0; i++) {
                uint64_t len = i == n_elements ? rd_left(&r) : av1_read_leb128(&r);
                struct span element = rd_take(&r, len <= rd_left(&r) ? (size_t)len : SIZE_MAX);
                int err;

                if (r.bad || element.len == 0)
                        return DEPAY_E_BROKEN;
                err = add_element(depay, element, goes_on, head & 0x40 && rd_left(&r) == 0);
                if (err)
                        return err;
                goes_on = false;
        }
        return 0;
}

/* After a loss nothing says that this is the first packet of its unit; but some cannot be. */
static bool may_begin_av1(struct span payload)
{
        struct rd r = rd_init(payload.data, payload.len);
        uint8_t head = rd_u8(&r);

        if (head & 0x80)
                return false;
        if ((head >> 4 & 0x03) != 1)
                (void)av1_read_leb128(&r);
        return obu_type(rd_u8(&r)) != AV1_OBU_TILE_GROUP && !r.bad;
}

static int end_av1(struct depay *depay)
{
        struct av1_sequence sequence;

        depay->is_keyframe &= depay->has_sequence;
        if (!depay->has_picture)
                return DEPAY_E_BROKEN;
        if (!depay->is_keyframe)
                return 0;
        if (!av1_find_sequence(byte_buf_span(&depay->frame), &sequence) ||
            sizeof(sequence.config) + sequence.obu.len > DEPAY_MAX_CONFIG)
                return DEPAY_E_BROKEN;
        depay->format.width = sequence.width;
        depay->format.height = sequence.height;
        depay->format.config_len = sizeof(sequence.config) + sequence.obu.len;
        memcpy(depay->format.config, sequence.config, sizeof(sequence.config));
        memcpy(depay->format.config + sizeof(sequence.config), sequence.obu.data, sequence.obu.len);
        return 0;
}

const struct depay_codec depay_av1 = {
        .may_begin = may_begin_av1,
        .add = add_av1,
        .end = end_av1,
};
