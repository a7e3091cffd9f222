/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/wire/rtcp_tcc.h"

#include <assert.h>
#include <string.h>

/* Packet status symbols, §3.1.1; 3 is reserved. */
enum { LOST, SMALL_DELTA, LARGE_DELTA };

enum {
        MAX_RUN = 8191,   /* 13 bits, §3.1.3 */
        ONE_BIT_LEN = 14, /* statuses in a vector chunk, §3.1.4 */
        TWO_BIT_LEN = 7,
        HEAD_BYTES = 16, /* ssrcs, base, count, reference time, fb count */
};

/* ---- reading */

/* The packet status chunks, one symbol at a time. */
struct statuses {
        struct rd r;
        uint16_t chunk;
        unsigned left; /* symbols of the current chunk not yet taken */
};

static unsigned next_status(struct statuses *s)
{
        if (s->left == 0) {
                s->chunk = rd_u16(&s->r);
                if (!(s->chunk & 0x8000))
                        s->left = s->chunk & MAX_RUN;
                else
                        s->left = s->chunk & 0x4000 ? TWO_BIT_LEN : ONE_BIT_LEN;
                if (s->left == 0) {
                        s->r.bad = true; /* a run of nothing: would never end */
                        return LOST;
                }
        }
        s->left--;
        if (!(s->chunk & 0x8000))
                return s->chunk >> 13 & 3;
        return s->chunk & 0x4000 ? s->chunk >> (2 * s->left) & 3 : s->chunk >> s->left & 1;
}

/* Where the deltas begin: behind as many chunks as n statuses need. */
static int find_deltas(struct rd chunks, size_t n, struct rd *ret_deltas)
{
        struct statuses s = { .r = chunks };

        for (size_t i = 0; i < n; i++) {
                unsigned status = next_status(&s);

                if (s.r.bad)
                        return RTCP_E_LENGTH;
                if (status > LARGE_DELTA)
                        return RTCP_E_VALUE;
        }
        *ret_deltas = s.r;
        return 0;
}

static int64_t sign_extend_24(uint32_t v)
{
        return (int64_t)(v ^ 0x800000) - 0x800000;
}

static int parse_arrivals(int64_t *ret_arrivals_us, size_t n, struct rd chunks, int64_t ref_us)
{
        struct statuses s = { .r = chunks };
        struct rd deltas;
        int64_t at_us = ref_us;
        int err = find_deltas(chunks, n, &deltas);

        if (err)
                return err;
        for (size_t i = 0; i < n; i++) {
                unsigned status = next_status(&s);

                if (status == SMALL_DELTA)
                        at_us += rd_u8(&deltas) * RTCP_TCC_TICK_US;
                else if (status == LARGE_DELTA)
                        at_us += (int16_t)rd_u16(&deltas) * RTCP_TCC_TICK_US;
                ret_arrivals_us[i] = status == LOST ? RTCP_TCC_LOST : at_us;
        }
        return deltas.bad ? RTCP_E_LENGTH : 0;
}

int rtcp_parse_tcc(struct rtcp_tcc *ret_tcc, int64_t *ret_arrivals_us, size_t cap, size_t *ret_n,
                   const struct rtcp_pkt *pkt)
{
        struct rd r = rd_init(pkt->body.data, pkt->body.len);
        struct rtcp_tcc tcc;

        if (pkt->type != RTCP_RTPFB || pkt->count != RTCP_FMT_TCC)
                return RTCP_E_TYPE;
        tcc.fb.sender_ssrc = rd_u32(&r);
        tcc.fb.media_ssrc = rd_u32(&r);
        tcc.base_seq = rd_u16(&r);

        size_t n = rd_u16(&r);
        uint32_t ref = rd_u32(&r);

        tcc.fb_count = (uint8_t)ref;
        if (r.bad)
                return RTCP_E_LENGTH;
        if (n == 0)
                return RTCP_E_VALUE;
        if (n > cap)
                return RTCP_E_MANY;

        int err = parse_arrivals(ret_arrivals_us, n, r, sign_extend_24(ref >> 8) * RTCP_TCC_REF_US);

        if (err)
                return err;
        *ret_n = n;
        *ret_tcc = tcc;
        return 0;
}

/* ---- writing */

/* What is to be said, in the terms of the message. */
struct plan {
        size_t n;    /* packets covered */
        int64_t ref; /* reference time in RTCP_TCC_REF_US */
        size_t delta_bytes;
        uint8_t statuses[RTCP_TCC_MAX_PACKETS];
        int16_t deltas[RTCP_TCC_MAX_PACKETS]; /* in ticks; of received packets */
};

/* Fills the plan up to the first arrival whose delta does not fit in 16 bits.
 * Deltas are differences of rounded times, so rounding never adds up. */
static void make_plan(struct plan *plan, const int64_t *arrivals_us, size_t n)
{
        bool started = false;
        int64_t at_ticks = 0;

        plan->n = plan->delta_bytes = 0;
        for (size_t i = 0; i < n && i < RTCP_TCC_MAX_PACKETS; i++) {
                int64_t ticks = arrivals_us[i] / RTCP_TCC_TICK_US;

                plan->statuses[i] = LOST;
                if (arrivals_us[i] != RTCP_TCC_LOST) {
                        if (!started) {
                                plan->ref = arrivals_us[i] / RTCP_TCC_REF_US;
                                at_ticks = plan->ref * (RTCP_TCC_REF_US / RTCP_TCC_TICK_US);
                                started = true;
                        }
                        int64_t delta = ticks - at_ticks;

                        if (delta < INT16_MIN || delta > INT16_MAX)
                                return;
                        bool is_small = delta >= 0 && delta <= UINT8_MAX;

                        plan->statuses[i] = is_small ? SMALL_DELTA : LARGE_DELTA;
                        plan->deltas[i] = (int16_t)delta;
                        plan->delta_bytes += is_small ? 1 : 2;
                        at_ticks = ticks;
                }
                if (started)
                        plan->n = i + 1;
        }
}

static size_t run_length(const uint8_t *statuses, size_t n)
{
        size_t run = 1;

        while (run < n && run < MAX_RUN && statuses[run] == statuses[0])
                run++;
        return run;
}

static uint16_t vector_chunk(const uint8_t *statuses, size_t n, bool two_bits)
{
        unsigned cap = two_bits ? TWO_BIT_LEN : ONE_BIT_LEN, bits = two_bits ? 2 : 1;
        uint32_t chunk = two_bits ? 0xc000 : 0x8000;

        for (unsigned i = 0; i < n; i++)
                chunk |= (uint32_t)statuses[i] << (cap - 1 - i) * bits;
        return (uint16_t)chunk;
}

/* The chunk that says most about the next statuses. Returns how many. */
static size_t next_chunk(const uint8_t *statuses, size_t n, uint16_t *ret_chunk)
{
        size_t run = run_length(statuses, n);
        size_t one_bit = 0;

        while (one_bit < n && one_bit < ONE_BIT_LEN && statuses[one_bit] <= SMALL_DELTA)
                one_bit++;

        size_t two_bit = n < TWO_BIT_LEN ? n : TWO_BIT_LEN;
        bool one_bit_fits = one_bit == n || one_bit == ONE_BIT_LEN;

        if (run >= two_bit && !(one_bit_fits && one_bit > run)) {
                *ret_chunk = (uint16_t)(statuses[0] << 13 | run);
                return run;
        }
        if (one_bit_fits) {
                *ret_chunk = vector_chunk(statuses, one_bit, false);
                return one_bit;
        }
        *ret_chunk = vector_chunk(statuses, two_bit, true);
        return two_bit;
}

static size_t write_chunks(struct wr *w, const struct plan *plan)
{
        size_t n_chunks = 0;
        uint16_t chunk;

        for (size_t i = 0; i < plan->n; n_chunks++) {
                i += next_chunk(plan->statuses + i, plan->n - i, &chunk);
                wr_u16(w, chunk);
        }
        return n_chunks;
}

static void write_deltas(struct wr *w, const struct plan *plan)
{
        for (size_t i = 0; i < plan->n; i++) {
                if (plan->statuses[i] == SMALL_DELTA)
                        wr_u8(w, (uint8_t)plan->deltas[i]);
                else if (plan->statuses[i] == LARGE_DELTA)
                        wr_u16(w, (uint16_t)plan->deltas[i]);
        }
}

size_t rtcp_write_tcc(struct wr *w, const struct rtcp_tcc *tcc, const int64_t *arrivals_us,
                      size_t n)
{
        struct plan plan;

        make_plan(&plan, arrivals_us, n);
        if (plan.n == 0)
                return 0;

        wr_u8(w, 0x80 | RTCP_FMT_TCC);
        wr_u8(w, RTCP_RTPFB);

        uint8_t *length = wr_take(w, 2);

        wr_u32(w, tcc->fb.sender_ssrc);
        wr_u32(w, tcc->fb.media_ssrc);
        wr_u16(w, tcc->base_seq);
        wr_u16(w, (uint16_t)plan.n);
        wr_u24(w, (uint32_t)plan.ref & 0xffffff);
        wr_u8(w, tcc->fb_count);

        size_t bytes = HEAD_BYTES + 2 * write_chunks(w, &plan) + plan.delta_bytes;

        write_deltas(w, &plan);
        /* The draft's figure: zeros up to 32 bits, without the P bit. */
        for (; bytes % 4 != 0; bytes++)
                wr_u8(w, 0);
        if (w->bad)
                return plan.n;

        struct wr l = wr_init(length, 2);

        wr_u16(&l, (uint16_t)(bytes / 4));
        return plan.n;
}
