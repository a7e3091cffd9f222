/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/jobs/core/av1_sequence.h"

#include "sfu/wire/bits.h"
#include "sfu/wire/av1.h"

enum {
        CP_BT_709 = 1, /* AV1 §6.4.2 */
        TC_SRGB = 13,
        MC_IDENTITY = 0,
};

struct sequence { /* named as in the specification */
        unsigned profile, level, tier;
        bool reduced;
        uint32_t width, height;
        unsigned high_bitdepth, twelve_bit, mono, sub_x, sub_y, sample_position;
};

static bool read_timing_info(struct bits *b, unsigned *ret_delay_bits)
{
        bool has_model;

        (void)bits_u(b, 32); /* num_units_in_display_tick */
        (void)bits_u(b, 32); /* time_scale */
        if (bits_u(b, 1))
                (void)bits_ue(b); /* num_ticks_per_picture_minus_1 */
        has_model = bits_u(b, 1);
        if (has_model) {
                *ret_delay_bits = bits_u(b, 5) + 1;
                (void)bits_u(b, 32); /* num_units_in_decoding_tick */
                (void)bits_u(b, 10); /* two lengths */
        }
        return has_model;
}

static void read_operating_points(struct bits *b, struct sequence *seq)
{
        unsigned delay_bits = 0;
        bool has_model = bits_u(b, 1) && read_timing_info(b, &delay_bits);
        bool has_delay = bits_u(b, 1);
        unsigned n = bits_u(b, 5) + 1;

        for (unsigned i = 0; i < n && !b->bad; i++) {
                unsigned level, tier;

                (void)bits_u(b, 12); /* operating_point_idc */
                level = bits_u(b, 5);
                tier = level > 7 ? bits_u(b, 1) : 0;
                if (has_model && bits_u(b, 1)) {
                        (void)bits_u(b, delay_bits);
                        (void)bits_u(b, delay_bits);
                        (void)bits_u(b, 1);
                }
                if (has_delay && bits_u(b, 1))
                        (void)bits_u(b, 4);
                if (i == 0) {
                        seq->level = level;
                        seq->tier = tier;
                }
        }
}

static void read_tools(struct bits *b, bool reduced)
{
        bool has_order_hint;

        if (!reduced && bits_u(b, 1)) /* frame ids */
                (void)bits_u(b, 7);
        (void)bits_u(b, 3); /* superblocks of 128, filter_intra, intra_edge_filter */
        if (!reduced) {
                (void)bits_u(b, 4); /* interintra, masked compound, warped motion, dual filter */
                has_order_hint = bits_u(b, 1);
                if (has_order_hint)
                        (void)bits_u(b, 2);
                /* seq_choose_screen_content_tools, then integer motion vectors */
                if ((bits_u(b, 1) || bits_u(b, 1)) && !bits_u(b, 1))
                        (void)bits_u(b, 1);
                if (has_order_hint)
                        (void)bits_u(b, 3);
        }
        (void)bits_u(b, 3); /* superres, cdef, restoration */
}

static void read_subsampling(struct bits *b, struct sequence *seq)
{
        (void)bits_u(b, 1); /* color_range */
        if (seq->profile == 0) {
                seq->sub_x = seq->sub_y = 1;
        } else if (seq->profile == 2 && !seq->twelve_bit) {
                seq->sub_x = 1;
        } else if (seq->profile == 2) {
                seq->sub_x = bits_u(b, 1);
                seq->sub_y = seq->sub_x && bits_u(b, 1);
        }
        if (seq->sub_x && seq->sub_y)
                seq->sample_position = bits_u(b, 2);
}

static void read_color(struct bits *b, struct sequence *seq)
{
        unsigned primaries = 2, transfer = 2, matrix = 2; /* unspecified */

        seq->high_bitdepth = bits_u(b, 1);
        if (seq->profile == 2 && seq->high_bitdepth)
                seq->twelve_bit = bits_u(b, 1);
        if (seq->profile != 1)
                seq->mono = bits_u(b, 1);
        if (bits_u(b, 1)) {
                primaries = bits_u(b, 8);
                transfer = bits_u(b, 8);
                matrix = bits_u(b, 8);
        }
        if (seq->mono)
                seq->sub_x = seq->sub_y = 1;
        else if (primaries != CP_BT_709 || transfer != TC_SRGB || matrix != MC_IDENTITY)
                read_subsampling(b, seq);
}

static bool read_sequence(struct span content, struct sequence *ret_seq)
{
        struct bits b = { .bytes = content };
        struct sequence seq = { .profile = bits_u(&b, 3) };
        unsigned width_bits, height_bits;

        (void)bits_u(&b, 1); /* still_picture */
        seq.reduced = bits_u(&b, 1);
        if (seq.reduced)
                seq.level = bits_u(&b, 5);
        else
                read_operating_points(&b, &seq);
        width_bits = bits_u(&b, 4) + 1;
        height_bits = bits_u(&b, 4) + 1;
        seq.width = bits_u(&b, width_bits) + 1;
        seq.height = bits_u(&b, height_bits) + 1;
        read_tools(&b, seq.reduced);
        read_color(&b, &seq);
        *ret_seq = seq;
        return !b.bad && seq.profile <= 2;
}

static void fill(struct av1_sequence *ret, struct span obu, const struct sequence *seq)
{
        *ret = (struct av1_sequence){
                .obu = obu,
                .width = seq->width,
                .height = seq->height,
                .config = {
                        0x81, /* marker and version */
                        (uint8_t)(seq->profile << 5 | seq->level),
                        (uint8_t)(seq->tier << 7 | seq->high_bitdepth << 6 | seq->twelve_bit << 5 |
                                  seq->mono << 4 | seq->sub_x << 3 | seq->sub_y << 2 |
                                  seq->sample_position),
                        0,
                },
        };
}

bool av1_find_sequence(struct span unit, struct av1_sequence *ret_sequence)
{
        struct rd r = rd_init(unit.data, unit.len);

        while (rd_left(&r) > 0) {
                const uint8_t *start = r.pos;
                uint8_t header = rd_u8(&r);
                struct sequence seq;
                struct span content;
                uint64_t len;

                if (header & 0x04)
                        (void)rd_u8(&r);
                len = header & 0x02 ? av1_read_leb128(&r) : rd_left(&r);
                if (r.bad || len > rd_left(&r))
                        return false;
                content = rd_take(&r, (size_t)len);
                if ((header >> 3 & 0x0f) != AV1_OBU_SEQUENCE_HEADER)
                        continue;
                if (!read_sequence(content, &seq))
                        return false;
                fill(ret_sequence, (struct span){ start, (size_t)(r.pos - start) }, &seq);
                return true;
        }
        return false;
}
