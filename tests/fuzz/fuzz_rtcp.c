/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/fuzz/fuzz.h"

#include "sfu/wire/rtcp.h"
#include "sfu/wire/rtcp_ccfb.h"
#include "sfu/wire/rtcp_tcc.h"

#include <string.h>

enum { MAX_SEQS = 1024, MAX_FIRS = 8, OUT_CAP = 8192 };

static uint8_t out[OUT_CAP];

static struct rtcp_pkt reread(const struct wr *w)
{
        struct rtcp_iter it = rtcp_iter_init(out, wr_len(w));
        struct rtcp_pkt pkt;

        FUZZ_CHECK(!w->bad && rtcp_next(&it, &pkt));
        FUZZ_CHECK(rd_left(&it.r) == 0);
        return pkt;
}

/* What is written of a report reads as a report that is written the same. */
static void check_reports(const struct rtcp_pkt *pkt)
{
        static uint8_t first[OUT_CAP];
        struct wr w = wr_init(out, sizeof(out)), w2 = wr_init(first, sizeof(first));
        struct rtcp_sr sr;
        struct rtcp_rr rr;

        if (rtcp_parse_sr(&sr, pkt) == 0) {
                rtcp_write_sr(&w2, &sr);
                rtcp_write_sr(&w, &sr);

                struct rtcp_pkt again = reread(&w);

                FUZZ_CHECK(rtcp_parse_sr(&sr, &again) == 0);
                w = wr_init(out, sizeof(out));
                rtcp_write_sr(&w, &sr);
        } else if (rtcp_parse_rr(&rr, pkt) == 0) {
                rtcp_write_rr(&w2, &rr);
                rtcp_write_rr(&w, &rr);

                struct rtcp_pkt again = reread(&w);

                FUZZ_CHECK(rtcp_parse_rr(&rr, &again) == 0);
                w = wr_init(out, sizeof(out));
                rtcp_write_rr(&w, &rr);
        }
        FUZZ_CHECK(!w.bad && !w2.bad && wr_len(&w) == wr_len(&w2));
        FUZZ_CHECK(memcmp(out, first, wr_len(&w)) == 0);
}

static void mark(uint8_t set[8192], const uint16_t *seqs, size_t n)
{
        memset(set, 0, 8192);
        for (size_t i = 0; i < n; i++)
                set[seqs[i] >> 3] |= (uint8_t)(1u << (seqs[i] & 7));
}

/* Written anew it names the same packets; repeats may go, the order may change. */
static void check_nack(const struct rtcp_pkt *pkt)
{
        static uint8_t set[8192], set2[8192];
        uint16_t seqs[MAX_SEQS];
        struct rtcp_fb fb;
        size_t n, n2;

        if (rtcp_parse_nack(&fb, seqs, MAX_SEQS, &n, pkt) != 0)
                return;
        FUZZ_CHECK(n > 0 && n <= MAX_SEQS);
        mark(set, seqs, n);

        struct wr w = wr_init(out, sizeof(out));

        rtcp_write_nack(&w, &fb, seqs, n);

        struct rtcp_pkt again = reread(&w);

        FUZZ_CHECK(rtcp_parse_nack(&fb, seqs, MAX_SEQS, &n2, &again) == 0 && n2 <= n);
        mark(set2, seqs, n2);
        FUZZ_CHECK(memcmp(set, set2, sizeof(set)) == 0);
}

/* The first k arrivals of a message, written anew, must read the same. */
static void check_tcc(const struct rtcp_pkt *pkt)
{
        static int64_t arrivals_us[MAX_SEQS], arrivals2_us[MAX_SEQS];
        struct rtcp_tcc tcc, tcc2;
        size_t n, n2;

        if (rtcp_parse_tcc(&tcc, arrivals_us, MAX_SEQS, &n, pkt) != 0)
                return;
        for (size_t i = 0; i < n; i++) {
                if (arrivals_us[i] != RTCP_TCC_LOST && arrivals_us[i] < 0)
                        return; /* before the sender's zero: we would not write that */
        }
        struct wr w = wr_init(out, 24 + 2 * n + 2 * (n / 7 + 1)); /* the header's promise */
        size_t covered = rtcp_write_tcc(&w, &tcc, arrivals_us, n);

        if (covered == 0)
                return;

        struct rtcp_pkt again = reread(&w);

        FUZZ_CHECK(rtcp_parse_tcc(&tcc2, arrivals2_us, MAX_SEQS, &n2, &again) == 0);
        FUZZ_CHECK(n2 == covered && tcc2.base_seq == tcc.base_seq);
        /* A reference time past 2^23 comes back with a sign: compare distances. */
        int64_t shift_us = 0;
        bool started = false;

        for (size_t i = 0; i < n2; i++) {
                FUZZ_CHECK((arrivals_us[i] == RTCP_TCC_LOST) == (arrivals2_us[i] == RTCP_TCC_LOST));
                if (arrivals_us[i] == RTCP_TCC_LOST)
                        continue;
                if (!started)
                        shift_us = arrivals_us[i] - arrivals2_us[i];
                started = true;
                FUZZ_CHECK(arrivals_us[i] - arrivals2_us[i] == shift_us);
        }
        FUZZ_CHECK(shift_us % ((int64_t)RTCP_TCC_REF_US << 24) == 0);
}

/* What a block says, written anew, reads the same. */
static void check_ccfb_block(const struct rtcp_ccfb *ccfb, const struct rtcp_ccfb_block *block)
{
        static int64_t arrivals_us[RTCP_CCFB_MAX_REPORTS];
        int64_t report_us = (int64_t)ccfb->timestamp * 1000000 / 65536 + 16000000;

        FUZZ_CHECK(block->n <= RTCP_CCFB_MAX_REPORTS);
        for (size_t i = 0; i < block->n; i++) {
                int64_t us = rtcp_ccfb_arrival_us(ccfb, block, i);

                FUZZ_CHECK(us == RTCP_CCFB_LOST || us <= report_us - 16000000);
                arrivals_us[i] = us == RTCP_CCFB_LOST ? us : us + 16000000;
        }
        if (block->n > 2000)
                return; /* more than our buffer */

        struct wr w = wr_init(out, sizeof(out));
        struct rtcp_ccfb_writer writer = rtcp_ccfb_begin(&w, ccfb->sender_ssrc, report_us);
        struct rtcp_ccfb_block block2;
        struct rtcp_ccfb ccfb2;

        rtcp_ccfb_add(&writer, block->ssrc, block->begin_seq, arrivals_us, block->n);
        rtcp_ccfb_end(&writer);

        struct rtcp_pkt again = reread(&w);

        FUZZ_CHECK(rtcp_parse_ccfb(&ccfb2, &again) == 0 && rtcp_ccfb_next(&ccfb2, &block2));
        FUZZ_CHECK(block2.ssrc == block->ssrc && block2.begin_seq == block->begin_seq);
        FUZZ_CHECK(block2.n == block->n && !rtcp_ccfb_next(&ccfb2, &block2));
        for (size_t i = 0; i < block->n; i++) {
                int64_t us = rtcp_ccfb_arrival_us(ccfb, block, i);
                int64_t us2 = rtcp_ccfb_arrival_us(&ccfb2, &block2, i);

                FUZZ_CHECK((us == RTCP_CCFB_LOST) == (us2 == RTCP_CCFB_LOST));
        }
}

static void check_ccfb(const struct rtcp_pkt *pkt)
{
        struct rtcp_ccfb_block block;
        struct rtcp_ccfb ccfb;

        if (rtcp_parse_ccfb(&ccfb, pkt) != 0)
                return;
        while (rtcp_ccfb_next(&ccfb, &block))
                check_ccfb_block(&ccfb, &block);
        FUZZ_CHECK(rd_left(&ccfb.blocks) == 0 && !ccfb.blocks.bad);
}

static void check_others(const struct rtcp_pkt *pkt)
{
        struct rtcp_fir_item firs[MAX_FIRS];
        struct rtcp_remb remb, remb2;
        struct rtcp_bye bye;
        struct rtcp_fb fb;
        size_t n;

        if (rtcp_parse_bye(&bye, pkt) == 0)
                FUZZ_CHECK(bye.n_ssrcs <= RTCP_MAX_COUNT);
        if (rtcp_parse_fir(&fb, firs, MAX_FIRS, &n, pkt) == 0)
                FUZZ_CHECK(n > 0 && n <= MAX_FIRS);
        (void)!rtcp_parse_pli(&fb, pkt);
        if (rtcp_parse_remb(&remb, pkt) != 0)
                return;

        struct wr w = wr_init(out, sizeof(out));

        rtcp_write_remb(&w, &remb);

        struct rtcp_pkt again = reread(&w);

        FUZZ_CHECK(rtcp_parse_remb(&remb2, &again) == 0 && remb2.n_ssrcs == remb.n_ssrcs);
        FUZZ_CHECK(remb2.bitrate_bps <= remb.bitrate_bps);
        FUZZ_CHECK(remb.bitrate_bps - remb2.bitrate_bps <= remb.bitrate_bps / 131072);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct rtcp_iter it = rtcp_iter_init(data, size);
        struct rtcp_pkt pkt;

        while (rtcp_next(&it, &pkt)) {
                FUZZ_CHECK(fuzz_within(pkt.body, data, size) && pkt.count <= RTCP_MAX_COUNT);
                check_reports(&pkt);
                check_nack(&pkt);
                check_tcc(&pkt);
                check_ccfb(&pkt);
                check_others(&pkt);
        }
        FUZZ_CHECK(it.err == rtcp_check(data, size));
        return 0;
}
