/* SPDX-License-Identifier: Apache-2.0 */
/* H.264: NAL units, one in a packet (RFC 6184 §5.6), several (STAP-A, §5.7.1), or one in several
 * packets (FU-A, §5.8). */
#include "sfu/wire/bits.h"
#include "sfu/jobs/core/depay_internal.h"
#include "sfu/wire/h264.h"
#include "sfu/wire/h264_sps.h"

static void keep(struct parameter_set *set, struct span nal)
{
        set->len = nal.len <= sizeof(set->bytes) ? nal.len : 0;
        memcpy(set->bytes, nal.data, set->len);
}

/* A whole NAL unit, behind its length. */
static int add_nal(struct depay *depay, struct span nal)
{
        unsigned type = nal.len > 0 ? nal.data[0] & NAL_TYPE : 0;
        uint8_t len[4];
        struct wr w = wr_init(len, sizeof(len));
        int err;

        if (type == 0 || type > NAL_LAST)
                return DEPAY_E_BROKEN;
        if (type == NAL_DELIMITER || type == NAL_FILLER)
                return 0;
        if (type == NAL_SPS)
                keep(&depay->sps, nal);
        if (type == NAL_PPS)
                keep(&depay->pps, nal);
        depay->is_keyframe |= type == NAL_IDR || type == NAL_SPS;
        depay->has_picture |= type >= NAL_SLICE && type <= NAL_IDR;
        wr_u32(&w, (uint32_t)nal.len);
        err = depay_add_bytes(depay, (struct span){ len, sizeof(len) });
        return err ? err : depay_add_bytes(depay, nal);
}

static int add_aggregate(struct depay *depay, struct rd *r)
{
        while (rd_left(r) > 0) {
                struct span nal = rd_take(r, rd_u16(r));
                int err = r->bad ? DEPAY_E_BROKEN : add_nal(depay, nal);

                if (err)
                        return err;
        }
        return 0;
}

static int add_fragment(struct depay *depay, uint8_t indicator, struct rd *r)
{
        uint8_t fu = rd_u8(r);
        bool starts = fu & 0x80, ends = fu & 0x40;
        uint8_t header = (uint8_t)((indicator & 0xe0) | (fu & NAL_TYPE));
        int err = 0;

        if (r->bad || starts == depay->has_part)
                return DEPAY_E_BROKEN;
        if (starts)
                err = byte_buf_add(&depay->part, (struct span){ &header, 1 }, DEPAY_MAX_FRAME);
        if (!err)
                err = byte_buf_add(&depay->part, rd_take(r, rd_left(r)), DEPAY_MAX_FRAME);
        if (err)
                return err;
        depay->has_part = !ends;
        if (!ends)
                return 0;
        err = add_nal(depay, byte_buf_span(&depay->part));
        depay->part.len = 0;
        return err;
}

static int add_h264(struct depay *depay, struct span payload)
{
        struct rd r = rd_init(payload.data, payload.len);
        uint8_t header = rd_u8(&r);
        unsigned type = header & NAL_TYPE;

        if (depay->has_part && type != NAL_FU_A)
                return DEPAY_E_BROKEN;
        if (type == NAL_FU_A)
                return add_fragment(depay, header, &r);
        if (type == NAL_STAP_A)
                return add_aggregate(depay, &r);
        return add_nal(depay, payload);
}

/* A frame of several slices may have lost the first of them: first_mb_in_slice (§7.3.3) tells. */
static bool may_begin_h264(struct span payload)
{
        struct rd r = rd_init(payload.data, payload.len);
        uint8_t header = rd_u8(&r);
        unsigned type = header & NAL_TYPE;

        if (type == NAL_FU_A) {
                header = rd_u8(&r);
                if (!(header & 0x80))
                        return false;
                type = header & NAL_TYPE;
        }
        if (type != NAL_SLICE && type != NAL_IDR)
                return true;
        return rd_u8(&r) & 0x80; /* ue(v) of 0 is a single 1 */
}

/* avcC (ISO/IEC 14496-15 §5.3.3.1) with one parameter set of each kind. */
static bool fill_format(struct depay *depay)
{
        struct depay_format *format = &depay->format;
        struct wr w = wr_init(format->config, sizeof(format->config));
        const struct parameter_set *sets[] = { &depay->sps, &depay->pps };
        struct h264_sps sps;

        if (depay->pps.len == 0 ||
            !h264_sps_parse((struct span){ depay->sps.bytes, depay->sps.len }, &sps))
                return false;
        format->width = sps.width;
        format->height = sps.height;
        wr_u8(&w, 1);
        wr_u8(&w, sps.profile);
        wr_u8(&w, sps.constraints);
        wr_u8(&w, sps.level);
        wr_u8(&w, 0xff); /* lengths of 4 bytes */
        for (unsigned i = 0; i < ARRAY_LEN(sets); i++) {
                uint8_t *at;

                wr_u8(&w, i == 0 ? 0xe1 : 1); /* one of them */
                wr_u16(&w, (uint16_t)sets[i]->len);
                at = wr_take(&w, sets[i]->len);
                if (at)
                        memcpy(at, sets[i]->bytes, sets[i]->len);
        }
        if (sps.is_high) {
                wr_u8(&w, 0xfc | sps.chroma_format);
                wr_u8(&w, 0xf8 | sps.luma_depth);
                wr_u8(&w, 0xf8 | sps.chroma_depth);
                wr_u8(&w, 0);
        }
        format->config_len = wr_len(&w);
        return !w.bad;
}

static int end_h264(struct depay *depay)
{
        if (!depay->has_picture)
                return DEPAY_E_BROKEN;
        return depay->is_keyframe && !fill_format(depay) ? DEPAY_E_BROKEN : 0;
}

const struct depay_codec depay_h264 = {
        .may_begin = may_begin_h264,
        .add = add_h264,
        .end = end_h264,
};
