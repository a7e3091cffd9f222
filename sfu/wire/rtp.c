/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/wire/rtp.h"

int rtp_parse(struct rtp_pkt *ret_pkt, const uint8_t *data, size_t len)
{
        struct rd r = rd_init(data, len);
        struct rtp_pkt pkt = { 0 };
        uint8_t b0 = rd_u8(&r);
        uint8_t b1 = rd_u8(&r);
        bool has_padding = b0 & 0x20, has_ext = b0 & 0x10;

        pkt.marker = b1 >> 7;
        pkt.pt = b1 & 0x7f;
        pkt.seq = rd_u16(&r);
        pkt.ts = rd_u32(&r);
        pkt.ssrc = rd_u32(&r);
        rd_take(&r, (b0 & 0x0fu) * 4u); /* csrc list: we are no mixer */
        if (has_ext) {
                pkt.ext_profile = rd_u16(&r);
                pkt.ext = rd_take(&r, rd_u16(&r) * 4u);
        }
        if (r.bad)
                return RTP_E_SHORT;
        if (b0 >> 6 != 2)
                return RTP_E_VERSION;

        size_t left = rd_left(&r);
        uint8_t padding = has_padding && left > 0 ? data[len - 1] : 0;

        if (has_padding && (padding == 0 || padding > left))
                return RTP_E_PADDING;
        pkt.padding = padding;
        pkt.payload_offset = len - left;
        pkt.payload = rd_take(&r, left - padding);

        *ret_pkt = pkt;
        return 0;
}

void rtp_put_header(uint8_t *at, const struct rtp_pkt *pkt, bool has_ext)
{
        at[0] = has_ext ? 0x90 : 0x80; /* version 2, X */
        at[1] = (uint8_t)((pkt->marker ? 0x80 : 0) | (pkt->pt & 0x7f));
        at[2] = (uint8_t)(pkt->seq >> 8);
        at[3] = (uint8_t)pkt->seq;
        for (int i = 0; i < 4; i++) {
                at[4 + i] = (uint8_t)(pkt->ts >> (24 - 8 * i));
                at[8 + i] = (uint8_t)(pkt->ssrc >> (24 - 8 * i));
        }
}

void rtp_write_header(struct wr *w, const struct rtp_pkt *pkt, const struct rtp_ext_item *items,
                      size_t n)
{
        uint8_t *at = wr_take(w, RTP_HEADER);

        if (at)
                rtp_put_header(at, pkt, n > 0);
        rtp_ext_write(w, items, n);
}
