/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/wire/rtcp_ccfb.h"

#include <assert.h>

/* A metric block's entry, RFC 8888 §3.1: R, ECN, arrival time offset. */
enum {
        RECEIVED = 0x8000,
        OFFSET_MASK = 0x1fff,
        OFFSET_TOO_OLD = 0x1ffe, /* 8190/1024 s or more before the report */
        OFFSET_UNKNOWN = 0x1fff,
        BLOCK_HEAD = 8,
        MAX_OFFSET_US = 7990 * 1000,
};

static int64_t timestamp_us(uint32_t timestamp)
{
        return (int64_t)timestamp * 1000000 / 65536;
}

/* ---- reading */

static bool take_block(struct rd *r, struct rtcp_ccfb_block *block)
{
        block->ssrc = rd_u32(r);
        block->begin_seq = rd_u16(r);
        block->n = rd_u16(r);
        block->metrics = rd_take(r, (block->n + 1) / 2 * 4); /* padded to 32 bits */
        return !r->bad;
}

int rtcp_parse_ccfb(struct rtcp_ccfb *ret_ccfb, const struct rtcp_pkt *pkt)
{
        struct rd r = rd_init(pkt->body.data, pkt->body.len);
        struct rtcp_ccfb_block block;
        struct rtcp_ccfb ccfb;

        if (pkt->type != RTCP_RTPFB || pkt->count != RTCP_FMT_CCFB)
                return RTCP_E_TYPE;
        ccfb.sender_ssrc = rd_u32(&r);
        if (r.bad || rd_left(&r) < 4)
                return RTCP_E_LENGTH;

        struct span blocks = rd_take(&r, rd_left(&r) - 4);

        ccfb.timestamp = rd_u32(&r);
        ccfb.blocks = rd_init(blocks.data, blocks.len);
        r = ccfb.blocks;
        while (rd_left(&r) > 0) {
                if (!take_block(&r, &block))
                        return RTCP_E_LENGTH;
                if (block.n > RTCP_CCFB_MAX_REPORTS)
                        return RTCP_E_VALUE;
        }
        *ret_ccfb = ccfb;
        return 0;
}

bool rtcp_ccfb_next(struct rtcp_ccfb *ccfb, struct rtcp_ccfb_block *ret_block)
{
        return rd_left(&ccfb->blocks) >= BLOCK_HEAD && take_block(&ccfb->blocks, ret_block);
}

int64_t rtcp_ccfb_arrival_us(const struct rtcp_ccfb *ccfb, const struct rtcp_ccfb_block *block,
                             size_t i)
{
        const uint8_t *at = block->metrics.data + 2 * i;
        unsigned entry = (unsigned)(at[0] << 8 | at[1]), offset = entry & OFFSET_MASK;

        assert(i < block->n);
        if (!(entry & RECEIVED))
                return RTCP_CCFB_LOST;
        if (offset == OFFSET_UNKNOWN)
                offset = 0;
        return timestamp_us(ccfb->timestamp) - (int64_t)offset * 1000000 / 1024;
}

/* ---- writing */

struct rtcp_ccfb_writer rtcp_ccfb_begin(struct wr *w, uint32_t sender_ssrc, int64_t report_us)
{
        struct rtcp_ccfb_writer writer = { .w = w, .start = wr_len(w), .report_us = report_us };

        wr_u8(w, 0x80 | RTCP_FMT_CCFB);
        wr_u8(w, RTCP_RTPFB);
        writer.length = wr_take(w, 2);
        wr_u32(w, sender_ssrc);
        return writer;
}

static uint16_t entry_of(const struct rtcp_ccfb_writer *writer, int64_t arrival_us)
{
        if (arrival_us == RTCP_CCFB_LOST)
                return 0;
        if (arrival_us > writer->report_us)
                return RECEIVED | OFFSET_UNKNOWN;
        if (writer->report_us - arrival_us > MAX_OFFSET_US)
                return RECEIVED | OFFSET_TOO_OLD;
        return (uint16_t)(RECEIVED | (writer->report_us - arrival_us) * 1024 / 1000000);
}

void rtcp_ccfb_add(struct rtcp_ccfb_writer *writer, uint32_t ssrc, uint16_t begin_seq,
                   const int64_t *arrivals_us, size_t n)
{
        assert(n <= RTCP_CCFB_MAX_REPORTS);
        wr_u32(writer->w, ssrc);
        wr_u16(writer->w, begin_seq);
        wr_u16(writer->w, (uint16_t)n);
        for (size_t i = 0; i < n; i++)
                wr_u16(writer->w, entry_of(writer, arrivals_us[i]));
        if (n % 2 != 0)
                wr_u16(writer->w, 0);
}

void rtcp_ccfb_end(struct rtcp_ccfb_writer *writer)
{
        uint64_t ticks = (uint64_t)writer->report_us * 65536 / 1000000;

        wr_u32(writer->w, (uint32_t)ticks);
        if (writer->w->bad)
                return;

        struct wr l = wr_init(writer->length, 2);

        wr_u16(&l, (uint16_t)((wr_len(writer->w) - writer->start) / 4 - 1));
}
