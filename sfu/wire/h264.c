/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/wire/h264.h"

#include "sfu/wire/h264_sps.h"

static bool is_key_nal(uint8_t header)
{
        uint8_t type = header & NAL_TYPE;

        return type == NAL_IDR || type == NAL_SPS;
}

/* STAP-A: 16 bits of size before each NAL unit. */
static bool stap_has_key(struct rd *r)
{
        while (!r->bad && rd_left(r) > 0) {
                struct span nal = rd_take(r, rd_u16(r));

                if (nal.len > 0 && is_key_nal(nal.data[0]))
                        return true;
        }
        return false;
}

bool h264_starts_keyframe(struct span payload)
{
        struct rd r = rd_init(payload.data, payload.len);
        uint8_t header = rd_u8(&r);

        switch (header & NAL_TYPE) {
        case NAL_STAP_A:
                return stap_has_key(&r);
        case NAL_FU_A:
                header = rd_u8(&r);
                return header & 0x80 && is_key_nal(header); /* S: the first fragment */
        default:
                return is_key_nal(header);
        }
}

static uint16_t height_of(struct span nal)
{
        struct h264_sps sps;

        if (nal.len == 0 || (nal.data[0] & NAL_TYPE) != NAL_SPS || !h264_sps_parse(nal, &sps))
                return 0;
        return (uint16_t)sps.height; /* 32768 at most */
}

uint16_t h264_height(struct span payload)
{
        struct rd r = rd_init(payload.data, payload.len);
        uint16_t height = 0;

        if ((rd_u8(&r) & NAL_TYPE) != NAL_STAP_A)
                return height_of(payload);
        while (!r.bad && rd_left(&r) > 0 && height == 0)
                height = height_of(rd_take(&r, rd_u16(&r)));
        return height;
}
