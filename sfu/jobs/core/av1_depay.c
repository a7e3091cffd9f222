/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/jobs/core/av1_depay.h"

#include "sfu/jobs/core/byte_buf.h"
#include "sfu/wire/av1.h"

enum { /* AV1 §5.3.2 */
       OBU_FORBIDDEN = 0x80,
       OBU_HAS_EXTENSION = 0x04,
       OBU_HAS_SIZE = 0x02,
};

enum put_err { PUT_E_BROKEN = 1 }; /* of this file: the unit cannot become whole */

struct av1_depay {
        struct byte_buf unit; /* whole OBUs */
        struct byte_buf part; /* the beginning of one that goes on in the next packet */
        uint32_t ts;
        bool is_open;   /* packets of ts came, its marker did not */
        bool is_broken; /* the rest of ts is skipped */
        bool has_part;
        bool has_sequence, has_frame, has_keyframe; /* in unit */
        bool started;                               /* a key frame came out */
};

int av1_depay_new(struct av1_depay **ret_depay)
{
        struct av1_depay *depay = calloc(1, sizeof(*depay));

        if (!depay)
                return -ENOMEM;
        *ret_depay = depay;
        return 0;
}

struct av1_depay *av1_depay_free(struct av1_depay *depay)
{
        if (!depay)
                return NULL;
        byte_buf_done(&depay->unit);
        byte_buf_done(&depay->part);
        free(depay);
        return NULL;
}

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
                return PUT_E_BROKEN;
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

static void note_obu(struct av1_depay *depay, unsigned type, struct span content)
{
        if (type == AV1_OBU_SEQUENCE_HEADER) {
                depay->has_sequence = true;
        } else if ((type == AV1_OBU_FRAME || type == AV1_OBU_FRAME_HEADER) && !depay->has_frame) {
                depay->has_frame = true;
                depay->has_keyframe = is_key_frame_header(content);
        }
}

/* A whole element: one OBU. */
static int add_obu(struct av1_depay *depay, struct span element)
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
        err = byte_buf_add(&depay->unit, (struct span){ obu.header, obu.header_len }, AV1_MAX_UNIT);
        if (!err)
                err = byte_buf_add(&depay->unit,
                                   (struct span){ size, write_leb128(size, obu.content.len) },
                                   AV1_MAX_UNIT);
        if (!err)
                err = byte_buf_add(&depay->unit, obu.content, AV1_MAX_UNIT);
        return err;
}

/* goes_on: from the packet before; unfinished: in the next one. */
static int add_element(struct av1_depay *depay, struct span element, bool goes_on, bool unfinished)
{
        int err = 0;

        if (goes_on != depay->has_part)
                return PUT_E_BROKEN;
        if (!goes_on && !unfinished)
                return add_obu(depay, element);
        err = byte_buf_add(&depay->part, element, AV1_MAX_UNIT);
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
static int add_payload(struct av1_depay *depay, struct span payload)
{
        struct rd r = rd_init(payload.data, payload.len);
        uint8_t head = rd_u8(&r);
        unsigned n_elements = head >> 4 & 0x03;
        bool goes_on = head & 0x80;

        if (rd_left(&r) == 0)
                return PUT_E_BROKEN;
        for (unsigned i = 1; rd_left(&r) > 0; i++) {
                uint64_t len = i == n_elements ? rd_left(&r) : av1_read_leb128(&r);
                struct span element = rd_take(&r, len <= rd_left(&r) ? (size_t)len : SIZE_MAX);
                int err;

                if (r.bad || element.len == 0)
                        return PUT_E_BROKEN;
                err = add_element(depay, element, goes_on, head & 0x40 && rd_left(&r) == 0);
                if (err)
                        return err;
                goes_on = false;
        }
        return 0;
}

/* After a loss nothing says that this is the first packet of its unit; but some cannot be. */
static bool may_be_first(struct span payload)
{
        struct rd r = rd_init(payload.data, payload.len);
        uint8_t head = rd_u8(&r);

        if (head & 0x80)
                return false;
        if ((head >> 4 & 0x03) != 1)
                (void)av1_read_leb128(&r);
        return obu_type(rd_u8(&r)) != AV1_OBU_TILE_GROUP && !r.bad;
}

static void begin_unit(struct av1_depay *depay, uint32_t ts)
{
        depay->unit.len = 0;
        depay->part.len = 0;
        depay->has_part = false;
        depay->has_sequence = depay->has_frame = depay->has_keyframe = false;
        depay->is_broken = false;
        depay->is_open = true;
        depay->ts = ts;
}

static bool end_unit(struct av1_depay *depay, struct av1_unit *ret_unit)
{
        bool is_keyframe = depay->has_sequence && depay->has_keyframe;

        depay->is_open = false;
        if (depay->is_broken || depay->has_part || !depay->has_frame)
                return false;
        if (!depay->started && !is_keyframe)
                return false;
        depay->started = true;
        *ret_unit = (struct av1_unit){
                .bytes = byte_buf_span(&depay->unit),
                .ts = depay->ts,
                .is_keyframe = is_keyframe,
        };
        return true;
}

int av1_depay_put(struct av1_depay *depay, const struct av1_payload *payload,
                  struct av1_unit *ret_unit)
{
        int err;

        if (payload->new_stream) {
                depay->started = false;
                depay->is_open = false;
        }
        if (!depay->is_open || payload->ts != depay->ts) {
                begin_unit(depay, payload->ts);
                depay->is_broken = payload->after_loss && !may_be_first(payload->bytes);
        } else if (payload->after_loss) {
                depay->is_broken = true;
        }
        if (!depay->is_broken) {
                err = add_payload(depay, payload->bytes);
                depay->is_broken = err != 0;
                if (err < 0)
                        return err;
        }
        return payload->marker && end_unit(depay, ret_unit) ? 1 : 0;
}
