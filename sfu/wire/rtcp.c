/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/wire/rtcp.h"

#include <assert.h>
#include <string.h>

enum {
        SDES_CNAME = 1,          /* RFC 3550 §6.5.1 */
        REMB_MAGIC = 0x52454d42, /* "REMB" */
        REMB_MAX_MANTISSA = (1 << 18) - 1,
};

static const uint64_t NTP_UNIX_OFFSET_S = 2208988800; /* 1900 to 1970 */

/* ---- reading */

struct rtcp_iter rtcp_iter_init(const uint8_t *data, size_t len)
{
        return (struct rtcp_iter){
                .r = rd_init(data, len),
                .err = len > 0 ? 0 : RTCP_E_SHORT,
        };
}

static int next_pkt(struct rd *r, struct rtcp_pkt *ret_pkt)
{
        uint8_t b0 = rd_u8(r);
        uint8_t type = rd_u8(r);
        size_t len = rd_u16(r) * 4u;

        if (r->bad)
                return RTCP_E_SHORT;
        if (b0 >> 6 != 2)
                return RTCP_E_VERSION;

        struct span body = rd_take(r, len);

        if (r->bad)
                return RTCP_E_LENGTH;
        if (b0 & 0x20) {
                uint8_t padding = len > 0 ? body.data[len - 1] : 0;

                /* Not always a multiple of 4: libwebrtc counts in a transport-wide
                 * feedback only the 1..3 bytes up to 32 bits. */
                if (padding == 0 || padding > len)
                        return RTCP_E_PADDING;
                body.len -= padding;
        }
        *ret_pkt = (struct rtcp_pkt){ .type = type, .count = b0 & 0x1f, .body = body };
        return 0;
}

bool rtcp_next(struct rtcp_iter *it, struct rtcp_pkt *ret_pkt)
{
        if (it->err || rd_left(&it->r) == 0)
                return false;
        it->err = next_pkt(&it->r, ret_pkt);
        return it->err == 0;
}

int rtcp_check(const uint8_t *data, size_t len)
{
        struct rtcp_iter it = rtcp_iter_init(data, len);
        struct rtcp_pkt pkt;

        while (rtcp_next(&it, &pkt))
                ;
        return it.err;
}

static struct rd body_of(const struct rtcp_pkt *pkt)
{
        return rd_init(pkt->body.data, pkt->body.len);
}

static void parse_block(struct rtcp_block *block, struct rd *r)
{
        block->ssrc = rd_u32(r);

        uint32_t lost = rd_u32(r);

        block->fraction_lost = (uint8_t)(lost >> 24);
        block->cumulative_lost = (int32_t)((lost & 0xffffff) ^ 0x800000) - 0x800000;
        block->highest_seq = rd_u32(r);
        block->jitter = rd_u32(r);
        block->lsr = rd_u32(r);
        block->dlsr = rd_u32(r);
}

static size_t parse_blocks(struct rtcp_block *blocks, struct rd *r, uint8_t count)
{
        for (size_t i = 0; i < count; i++)
                parse_block(&blocks[i], r);
        return count;
}

int rtcp_parse_sr(struct rtcp_sr *ret_sr, const struct rtcp_pkt *pkt)
{
        struct rd r = body_of(pkt);
        struct rtcp_sr sr = { .ssrc = rd_u32(&r) };

        if (pkt->type != RTCP_SR)
                return RTCP_E_TYPE;
        sr.ntp = (uint64_t)rd_u32(&r) << 32;
        sr.ntp |= rd_u32(&r);
        sr.rtp_ts = rd_u32(&r);
        sr.packets = rd_u32(&r);
        sr.octets = rd_u32(&r);
        sr.n_blocks = parse_blocks(sr.blocks, &r, pkt->count);
        if (r.bad)
                return RTCP_E_LENGTH;

        *ret_sr = sr;
        return 0;
}

int rtcp_parse_rr(struct rtcp_rr *ret_rr, const struct rtcp_pkt *pkt)
{
        struct rd r = body_of(pkt);
        struct rtcp_rr rr = { .ssrc = rd_u32(&r) };

        if (pkt->type != RTCP_RR)
                return RTCP_E_TYPE;
        rr.n_blocks = parse_blocks(rr.blocks, &r, pkt->count);
        if (r.bad)
                return RTCP_E_LENGTH;

        *ret_rr = rr;
        return 0;
}

int rtcp_parse_bye(struct rtcp_bye *ret_bye, const struct rtcp_pkt *pkt)
{
        struct rd r = body_of(pkt);
        struct rtcp_bye bye = { .n_ssrcs = pkt->count };

        if (pkt->type != RTCP_BYE)
                return RTCP_E_TYPE;
        for (size_t i = 0; i < bye.n_ssrcs; i++)
                bye.ssrcs[i] = rd_u32(&r);
        if (r.bad)
                return RTCP_E_LENGTH;

        *ret_bye = bye;
        return 0;
}

/* Checks type and format and reads the common head. */
static int parse_fb(struct rtcp_fb *fb, struct rd *r, const struct rtcp_pkt *pkt, uint8_t type,
                    uint8_t fmt)
{
        if (pkt->type != type || pkt->count != fmt)
                return RTCP_E_TYPE;
        fb->sender_ssrc = rd_u32(r);
        fb->media_ssrc = rd_u32(r);
        return r->bad ? RTCP_E_LENGTH : 0;
}

int rtcp_parse_pli(struct rtcp_fb *ret_fb, const struct rtcp_pkt *pkt)
{
        struct rd r = body_of(pkt);
        struct rtcp_fb fb;
        int err = parse_fb(&fb, &r, pkt, RTCP_PSFB, RTCP_FMT_PLI);

        if (err)
                return err;
        *ret_fb = fb;
        return 0;
}

static size_t expand_nack(struct rd r, uint16_t *seqs, size_t cap)
{
        size_t n = 0;

        while (rd_left(&r) > 0) {
                uint16_t pid = rd_u16(&r);
                uint32_t bits = (uint32_t)rd_u16(&r) << 1 | 1; /* the pid itself in front */

                for (unsigned i = 0; bits >> i != 0 && n < cap; i++) {
                        if (bits >> i & 1)
                                seqs[n++] = (uint16_t)(pid + i);
                }
        }
        return n;
}

int rtcp_parse_nack(struct rtcp_fb *ret_fb, uint16_t *ret_seqs, size_t cap, size_t *ret_n,
                    const struct rtcp_pkt *pkt)
{
        struct rd r = body_of(pkt);
        struct rtcp_fb fb;
        int err = parse_fb(&fb, &r, pkt, RTCP_RTPFB, RTCP_FMT_NACK);

        if (err)
                return err;
        if (rd_left(&r) == 0 || rd_left(&r) % 4 != 0)
                return RTCP_E_LENGTH;

        *ret_n = expand_nack(r, ret_seqs, cap);
        *ret_fb = fb;
        return 0;
}

int rtcp_parse_fir(struct rtcp_fb *ret_fb, struct rtcp_fir_item *ret_items, size_t cap,
                   size_t *ret_n, const struct rtcp_pkt *pkt)
{
        struct rd r = body_of(pkt);
        struct rtcp_fb fb;
        int err = parse_fb(&fb, &r, pkt, RTCP_PSFB, RTCP_FMT_FIR);

        if (err)
                return err;

        size_t n = rd_left(&r) / 8;

        if (n == 0 || rd_left(&r) % 8 != 0)
                return RTCP_E_LENGTH;
        if (n > cap)
                return RTCP_E_MANY;
        for (size_t i = 0; i < n; i++) {
                ret_items[i].ssrc = rd_u32(&r);
                ret_items[i].seq = rd_u8(&r);
                rd_take(&r, 3); /* reserved */
        }
        *ret_n = n;
        *ret_fb = fb;
        return 0;
}

bool rtcp_is_remb(const struct rtcp_pkt *pkt)
{
        struct rd r = body_of(pkt);
        struct rtcp_fb fb;

        return parse_fb(&fb, &r, pkt, RTCP_PSFB, RTCP_FMT_ALFB) == 0 && rd_u32(&r) == REMB_MAGIC;
}

int rtcp_parse_remb(struct rtcp_remb *ret_remb, const struct rtcp_pkt *pkt)
{
        struct rd r = body_of(pkt);
        struct rtcp_remb remb = { 0 };

        if (!rtcp_is_remb(pkt))
                return RTCP_E_TYPE;
        remb.sender_ssrc = rd_u32(&r);
        rd_take(&r, 8); /* media ssrc (always 0) and magic */
        remb.n_ssrcs = rd_u8(&r);

        uint8_t b = rd_u8(&r);
        uint8_t exponent = b >> 2;
        uint64_t mantissa = (b & 3u) << 16 | rd_u16(&r);

        remb.bitrate_bps = mantissa << exponent;
        if (remb.bitrate_bps >> exponent != mantissa)
                remb.bitrate_bps = UINT64_MAX;
        for (size_t i = 0; i < remb.n_ssrcs; i++)
                remb.ssrcs[i] = rd_u32(&r);
        if (r.bad)
                return RTCP_E_LENGTH;

        *ret_remb = remb;
        return 0;
}

/* ---- writing */

static void write_head(struct wr *w, uint8_t count, uint8_t type, size_t body_bytes)
{
        wr_u8(w, (uint8_t)(0x80 | count));
        wr_u8(w, type);
        wr_u16(w, (uint16_t)(body_bytes / 4));
}

static void write_fb(struct wr *w, const struct rtcp_fb *fb)
{
        wr_u32(w, fb->sender_ssrc);
        wr_u32(w, fb->media_ssrc);
}

static void write_blocks(struct wr *w, const struct rtcp_block *blocks, size_t n)
{
        for (size_t i = 0; i < n; i++) {
                const struct rtcp_block *block = &blocks[i];

                wr_u32(w, block->ssrc);
                wr_u8(w, block->fraction_lost);
                wr_u24(w, (uint32_t)block->cumulative_lost & 0xffffff);
                wr_u32(w, block->highest_seq);
                wr_u32(w, block->jitter);
                wr_u32(w, block->lsr);
                wr_u32(w, block->dlsr);
        }
}

void rtcp_write_sr(struct wr *w, const struct rtcp_sr *sr)
{
        assert(sr->n_blocks <= RTCP_MAX_COUNT);

        write_head(w, (uint8_t)sr->n_blocks, RTCP_SR, 24 + 24 * sr->n_blocks);
        wr_u32(w, sr->ssrc);
        wr_u32(w, (uint32_t)(sr->ntp >> 32));
        wr_u32(w, (uint32_t)sr->ntp);
        wr_u32(w, sr->rtp_ts);
        wr_u32(w, sr->packets);
        wr_u32(w, sr->octets);
        write_blocks(w, sr->blocks, sr->n_blocks);
}

void rtcp_write_rr(struct wr *w, const struct rtcp_rr *rr)
{
        assert(rr->n_blocks <= RTCP_MAX_COUNT);

        write_head(w, (uint8_t)rr->n_blocks, RTCP_RR, 4 + 24 * rr->n_blocks);
        wr_u32(w, rr->ssrc);
        write_blocks(w, rr->blocks, rr->n_blocks);
}

void rtcp_write_sdes_cname(struct wr *w, uint32_t ssrc, const char *cname)
{
        size_t len = strnlen(cname, RTCP_MAX_CNAME);
        size_t item = 2 + len;
        size_t padding = 4 - item % 4; /* 1..4 zeros: at least one ends the chunk */

        write_head(w, 1, RTCP_SDES, 4 + item + padding);
        wr_u32(w, ssrc);
        wr_u8(w, SDES_CNAME);
        wr_u8(w, (uint8_t)len);

        uint8_t *at = wr_take(w, len + padding);

        if (at) {
                memcpy(at, cname, len);
                memset(at + len, 0, padding);
        }
}

void rtcp_write_bye(struct wr *w, const uint32_t *ssrcs, size_t n)
{
        assert(n <= RTCP_MAX_COUNT);

        write_head(w, (uint8_t)n, RTCP_BYE, 4 * n);
        for (size_t i = 0; i < n; i++)
                wr_u32(w, ssrcs[i]);
}

void rtcp_write_pli(struct wr *w, const struct rtcp_fb *fb)
{
        write_head(w, RTCP_FMT_PLI, RTCP_PSFB, 8);
        write_fb(w, fb);
}

void rtcp_write_remb(struct wr *w, const struct rtcp_remb *remb)
{
        uint64_t mantissa = remb->bitrate_bps;
        uint8_t exponent = 0;

        assert(remb->n_ssrcs <= RTCP_MAX_REMB_SSRCS);

        for (; mantissa > REMB_MAX_MANTISSA; mantissa >>= 1)
                exponent++;
        write_head(w, RTCP_FMT_ALFB, RTCP_PSFB, 16 + 4 * remb->n_ssrcs);
        write_fb(w, &(struct rtcp_fb){ .sender_ssrc = remb->sender_ssrc });
        wr_u32(w, REMB_MAGIC);
        wr_u8(w, (uint8_t)remb->n_ssrcs);
        wr_u24(w, (uint32_t)exponent << 18 | (uint32_t)mantissa);
        for (size_t i = 0; i < remb->n_ssrcs; i++)
                wr_u32(w, remb->ssrcs[i]);
}

/* How many of seqs, the first included, one PID/BLP pair can name. */
static size_t pack_pair(const uint16_t *seqs, size_t n, uint16_t *ret_blp)
{
        uint16_t blp = 0;
        size_t i = 1;

        for (; i < n; i++) {
                uint16_t ahead = (uint16_t)(seqs[i] - seqs[0]);

                if (ahead == 0 || ahead > 16)
                        break;
                blp |= (uint16_t)(1u << (ahead - 1));
        }
        *ret_blp = blp;
        return i;
}

void rtcp_write_nack(struct wr *w, const struct rtcp_fb *fb, const uint16_t *seqs, size_t n)
{
        uint16_t blp;
        size_t n_pairs = 0;

        assert(n > 0);

        for (size_t i = 0; i < n; i += pack_pair(seqs + i, n - i, &blp))
                n_pairs++;
        write_head(w, RTCP_FMT_NACK, RTCP_RTPFB, 8 + 4 * n_pairs);
        write_fb(w, fb);
        for (size_t i = 0; i < n;) {
                uint16_t pid = seqs[i];

                i += pack_pair(seqs + i, n - i, &blp);
                wr_u16(w, pid);
                wr_u16(w, blp);
        }
}

uint64_t rtcp_ntp_from_wall_us(int64_t wall_us)
{
        uint64_t seconds = (uint64_t)(wall_us / 1000000) + NTP_UNIX_OFFSET_S;
        uint64_t fraction = ((uint64_t)(wall_us % 1000000) << 32) / 1000000;

        return seconds << 32 | fraction;
}
