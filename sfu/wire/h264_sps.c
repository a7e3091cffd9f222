/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/wire/h264_sps.h"

#include "sfu/wire/bits.h"

enum {
        MAX_NAL = 256,
        MAX_MACROBLOCKS = 1024, /* 16384 pixels */
        MAX_DEPTH = 6,          /* more than 8 bits */
};

/* Without emulation prevention (§7.4.1): 00 00 03 stands for 00 00. */
static size_t unescape(uint8_t ret[MAX_NAL], struct span nal)
{
        size_t len = 0;
        unsigned zeros = 0;

        for (size_t i = 0; i < nal.len; i++) {
                if (zeros >= 2 && nal.data[i] == 3) {
                        zeros = 0;
                        continue;
                }
                zeros = nal.data[i] == 0 ? zeros + 1 : 0;
                ret[len++] = nal.data[i];
        }
        return len;
}

static bool is_high_profile(unsigned profile)
{
        static const uint8_t high[] = {
                100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135
        };

        return memchr(high, (int)profile, sizeof(high));
}

/* se(v), of which only the value modulo 256 matters here. */
static int read_se(struct bits *b)
{
        uint32_t k = bits_ue(b);

        return (int)((k & 1 ? k / 2 + 1 : 0 - k / 2) & 0xff);
}

/* §7.3.2.1.1.1 */
static void skip_scaling_list(struct bits *b, unsigned n)
{
        int last = 8, next = 8;

        for (unsigned i = 0; i < n && !b->bad; i++) {
                if (next != 0)
                        next = (last + read_se(b)) & 0xff;
                last = next == 0 ? last : next;
        }
}

static bool read_high(struct bits *b, struct h264_sps *sps)
{
        uint32_t chroma_format = bits_ue(b), luma_depth, chroma_depth;
        unsigned n_lists = chroma_format == 3 ? 12 : 8;

        if (chroma_format == 3)
                (void)bits_u(b, 1); /* separate_colour_plane_flag */
        luma_depth = bits_ue(b);
        chroma_depth = bits_ue(b);
        if (chroma_format > 3 || luma_depth > MAX_DEPTH || chroma_depth > MAX_DEPTH)
                return false;
        sps->chroma_format = (uint8_t)chroma_format;
        sps->luma_depth = (uint8_t)luma_depth;
        sps->chroma_depth = (uint8_t)chroma_depth;
        (void)bits_u(b, 1); /* qpprime_y_zero_transform_bypass_flag */
        if (!bits_u(b, 1))
                return true;
        for (unsigned i = 0; i < n_lists; i++)
                if (bits_u(b, 1))
                        skip_scaling_list(b, i < 6 ? 16 : 64);
        return true;
}

static void skip_order_count(struct bits *b)
{
        uint32_t type = bits_ue(b), n;

        if (type == 0) {
                (void)bits_ue(b);
        } else if (type == 1) {
                (void)bits_u(b, 1);
                (void)bits_ue(b);
                (void)bits_ue(b);
                n = bits_ue(b);
                for (uint32_t i = 0; i < n && !b->bad; i++)
                        (void)bits_ue(b);
        }
}

static bool read_size(struct bits *b, struct h264_sps *sps)
{
        uint32_t width = bits_ue(b), height = bits_ue(b); /* in macroblocks, less one */
        bool frames_only = bits_u(b, 1);
        uint32_t left = 0, right = 0, top = 0, bottom = 0;
        uint32_t unit_x = sps->chroma_format == 1 || sps->chroma_format == 2 ? 2 : 1;
        uint32_t unit_y = (sps->chroma_format == 1 ? 2 : 1) * (frames_only ? 1 : 2);

        if (!frames_only)
                (void)bits_u(b, 1);
        (void)bits_u(b, 1); /* direct_8x8_inference_flag */
        if (bits_u(b, 1)) {
                left = bits_ue(b);
                right = bits_ue(b);
                top = bits_ue(b);
                bottom = bits_ue(b);
        }
        if (b->bad || width >= MAX_MACROBLOCKS || height >= MAX_MACROBLOCKS)
                return false;
        width = (width + 1) * 16;
        height = (height + 1) * 16 * (frames_only ? 1 : 2);
        if ((uint64_t)(left + (uint64_t)right) * unit_x >= width ||
            (uint64_t)(top + (uint64_t)bottom) * unit_y >= height)
                return false;
        sps->width = width - (left + right) * unit_x;
        sps->height = height - (top + bottom) * unit_y;
        return true;
}

bool h264_sps_parse(struct span nal, struct h264_sps *ret_sps)
{
        uint8_t bytes[MAX_NAL];
        struct bits b = { 0 };
        struct h264_sps sps = { .chroma_format = 1 };

        if (nal.len == 0 || nal.len > MAX_NAL)
                return false;
        b.bytes = (struct span){ bytes, unescape(bytes, nal) };
        (void)bits_u(&b, 8);
        sps.profile = (uint8_t)bits_u(&b, 8);
        sps.constraints = (uint8_t)bits_u(&b, 8);
        sps.level = (uint8_t)bits_u(&b, 8);
        sps.is_high = is_high_profile(sps.profile);
        (void)bits_ue(&b); /* seq_parameter_set_id */
        if (sps.is_high && !read_high(&b, &sps))
                return false;
        (void)bits_ue(&b); /* log2_max_frame_num_minus4 */
        skip_order_count(&b);
        (void)bits_ue(&b);   /* max_num_ref_frames */
        (void)bits_u(&b, 1); /* gaps_in_frame_num_value_allowed_flag */
        if (!read_size(&b, &sps))
                return false;
        *ret_sps = sps;
        return true;
}
