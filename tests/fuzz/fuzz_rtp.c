/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/fuzz/fuzz.h"

#include "sfu/wire/demux.h"
#include "sfu/wire/rtp.h"
#include "sfu/wire/rtx.h"

/* What was read is written back and read again. */
static void check_header(const struct rtp_pkt *pkt)
{
        uint8_t data[RTP_HEADER];
        struct wr w = wr_init(data, sizeof(data));
        struct rtp_pkt again;

        rtp_write_header(&w, pkt, NULL, 0);
        FUZZ_CHECK(!w.bad && rtp_parse(&again, data, sizeof(data)) == 0);
        FUZZ_CHECK(again.marker == pkt->marker && again.pt == pkt->pt && again.seq == pkt->seq);
        FUZZ_CHECK(again.ts == pkt->ts && again.ssrc == pkt->ssrc && again.payload.len == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct rtp_pkt pkt;
        struct span original;
        uint16_t osn;

        demux_classify(data, size);
        if (rtp_parse(&pkt, data, size) != 0)
                return 0;
        FUZZ_CHECK(pkt.payload_offset >= RTP_HEADER);
        FUZZ_CHECK(pkt.payload_offset + pkt.payload.len + pkt.padding == size);
        FUZZ_CHECK(fuzz_within(pkt.payload, data, size));
        FUZZ_CHECK(fuzz_within(pkt.ext, data, size) && pkt.ext.len % 4 == 0);
        check_header(&pkt);
        if (rtx_parse(&osn, &original, pkt.payload) == 0)
                FUZZ_CHECK(original.len + RTX_OSN_BYTES == pkt.payload.len);
        return 0;
}
