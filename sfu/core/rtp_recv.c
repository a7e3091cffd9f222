/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/core/rtp_recv.h"

enum {
        RATE_STEP_US = 500 * 1000,
        RATE_STALE_US = 1500 * 1000,
        NO_JUMP = 0x10000,
        PAUSE_US = 1000 * 1000,
        PAUSE_DOUBT_US = 100 * 1000,
};

void rtp_rate_add(struct rtp_rate *rate, size_t bytes, int64_t now_us)
{
        int64_t elapsed = now_us - rate->since_us;

        if (elapsed >= RATE_STEP_US) {
                bool stale = elapsed >= RATE_STALE_US;
                uint64_t bits = (uint64_t)rate->bytes * 8;

                rate->bps = stale ? 0 : (uint32_t)(bits * 1000000 / (uint64_t)elapsed);
                rate->bytes = 0;
                rate->since_us = now_us;
        }
        rate->bytes += (uint32_t)bytes;
}

uint32_t rtp_rate_bps(const struct rtp_rate *rate, int64_t now_us)
{
        return now_us - rate->since_us < RATE_STALE_US ? rate->bps : 0;
}

void rtp_recv_init(struct rtp_recv *recv, uint32_t clock_rate)
{
        *recv = (struct rtp_recv){ .clock_rate = clock_rate, .bad_seq = NO_JUMP };
}

static bool seen_test_and_set(struct rtp_recv *recv, uint32_t ext)
{
        uint64_t *word = &recv->seen[ext % RTP_RECV_WINDOW / 64];
        uint64_t bit = 1ull << (ext % 64);
        bool was = *word & bit;

        *word |= bit;
        return was;
}

static void seen_clear_between(struct rtp_recv *recv, uint32_t from, uint32_t to)
{
        if (to - from >= RTP_RECV_WINDOW)
                from = to - RTP_RECV_WINDOW;
        for (uint32_t ext = from + 1; ext != to + 1; ext++)
                recv->seen[ext % RTP_RECV_WINDOW / 64] &= ~(1ull << (ext % 64));
}

static void begin_run(struct rtp_recv *recv, uint32_t first_ext)
{
        recv->base_ext = first_ext;
        recv->received = recv->received_prior = recv->expected_prior = 0;
        recv->has_transit = recv->paused = false;
}

void rtp_recv_pause(struct rtp_recv *recv)
{
        recv->paused = true;
}

/* True when seq is to be believed. After a believed jump the run starts anew,
 * one cycle further up. */
static bool accept_jump(struct rtp_recv *recv, uint16_t seq)
{
        int diff = seq16_diff(seq, (uint16_t)recv->seq.newest);

        if (!recv->seq.started || (diff <= RTP_RECV_MAX_DROPOUT && diff >= -RTP_RECV_MAX_DROPOUT)) {
                recv->bad_seq = NO_JUMP;
                return true;
        }
        if (seq != recv->bad_seq) {
                recv->bad_seq = (uint16_t)(seq + 1);
                return false;
        }
        recv->bad_seq = NO_JUMP;
        recv->seq.newest = ((recv->seq.newest >> 16) + 1) * 65536 + seq - 1;
        begin_run(recv, (uint32_t)recv->seq.newest + 1);
        for (size_t i = 0; i < ARRAY_LEN(recv->seen); i++)
                recv->seen[i] = 0;
        return true;
}

/* RFC 3550 A.8. */
static void update_jitter(struct rtp_recv *recv, uint32_t ts, int64_t now_us)
{
        uint32_t arrival = (uint32_t)((uint64_t)now_us * recv->clock_rate / 1000000);
        uint32_t transit = arrival - ts;
        uint32_t d = transit - recv->transit;

        recv->transit = transit;
        if (!recv->has_transit) {
                recv->has_transit = true;
                return;
        }
        if (d > INT32_MAX)
                d = -d; /* unsigned: the peer chooses ts, also the one number without a negative */
        /* A source's own timestamp jump is not jitter. */
        if (d < recv->clock_rate * 2)
                recv->jitter_q4 += d - ((recv->jitter_q4 + 8) >> 4);
}

/* Chromium's microphone stands still in its timestamps while it is off: then the last report is of
 * another time. A line that stalled looks the same, and is put right by later reports too. */
static void doubt_report(struct rtp_recv *recv, uint32_t ts, int64_t now_us)
{
        int64_t passed_us = now_us - recv->last_us;
        int64_t by_ts_us = (int64_t)(int32_t)(ts - recv->last_ts) * 1000000 /
                           (int64_t)recv->clock_rate;

        if (passed_us > PAUSE_US &&
            (passed_us - by_ts_us > PAUSE_DOUBT_US || by_ts_us - passed_us > PAUSE_DOUBT_US)) {
                recv->sr.mapped = false;
                recv->sr.doubted = true;
        }
}

enum rtp_recv_verdict rtp_recv_on_packet(struct rtp_recv *recv, const struct rtp_recv_packet *pkt,
                                         int64_t now_us, uint32_t *ret_ext)
{
        bool first = !recv->seq.started, newer;
        int64_t newest;
        uint32_t ext;

        if (!accept_jump(recv, pkt->seq))
                return RTP_RECV_JUMP;
        newest = recv->seq.newest;
        ext = (uint32_t)seq16_unwrap(&recv->seq, pkt->seq);
        newer = recv->seq.newest > newest; /* the first one, too */
        if (newer && (first || recv->paused))
                begin_run(recv, ext);
        if (newer)
                seen_clear_between(recv, (uint32_t)newest, ext);
        else if ((uint32_t)newest - ext >= RTP_RECV_WINDOW)
                return RTP_RECV_DUPLICATE;
        if (seen_test_and_set(recv, ext))
                return RTP_RECV_DUPLICATE;

        if ((int32_t)(ext - recv->base_ext) < 0)
                recv->base_ext = ext; /* reordering at the very start */
        recv->received++;
        recv->packets++;
        recv->bytes += pkt->bytes;
        rtp_rate_add(&recv->rate, pkt->bytes, now_us);
        if (pkt->recovered) {
                recv->recovered++;
        } else if (newer) {
                update_jitter(recv, pkt->ts, now_us);
                if (!first)
                        doubt_report(recv, pkt->ts, now_us);
                recv->last_ts = pkt->ts;
                recv->last_us = now_us;
        }
        *ret_ext = ext;
        return RTP_RECV_NEW;
}

void rtp_recv_on_relayed(struct rtp_recv *recv, const struct rtp_recv_packet *pkt, uint32_t ext,
                         int64_t arrival_us)
{
        bool newer = !recv->seq.started || (int32_t)(ext - (uint32_t)recv->seq.newest) > 0;

        recv->packets++;
        recv->bytes += pkt->bytes;
        if (!newer)
                return;
        recv->seq.started = true;
        recv->seq.newest = ext;
        if (pkt->recovered)
                return;
        if (recv->last_us != 0)
                doubt_report(recv, pkt->ts, arrival_us);
        recv->last_ts = pkt->ts;
        recv->last_us = arrival_us;
}

void rtp_recv_on_sr(struct rtp_recv *recv, uint64_t ntp, uint32_t ts, int64_t now_us)
{
        rtp_recv_map(recv, ntp, ts);
        recv->sr.mapped = !recv->sr.doubted;
        recv->sr.doubted = false;
        recv->sr.valid = true;
        recv->sr.arrival_us = now_us;
}

void rtp_recv_map(struct rtp_recv *recv, uint64_t ntp, uint32_t ts)
{
        recv->sr.mapped = true;
        recv->sr.ntp = ntp;
        recv->sr.ts = ts;
}

static uint32_t expected(const struct rtp_recv *recv)
{
        return recv->seq.started ? (uint32_t)recv->seq.newest - recv->base_ext + 1 : 0;
}

uint64_t rtp_recv_lost(const struct rtp_recv *recv)
{
        uint32_t e = expected(recv);

        return e > recv->received ? e - recv->received : 0;
}

void rtp_recv_report(struct rtp_recv *recv, int64_t now_us, struct rtcp_block *ret_block)
{
        uint32_t e = expected(recv);
        int64_t interval = (int64_t)e - recv->expected_prior;
        int64_t lost = interval - (uint32_t)(recv->received - recv->received_prior);
        int64_t cumulative = (int64_t)e - recv->received;

        recv->expected_prior = e;
        recv->received_prior = recv->received;
        *ret_block = (struct rtcp_block){
                .fraction_lost = interval > 0 && lost > 0 ? (uint8_t)(lost * 256 / (interval + 1))
                                                          : 0,
                .cumulative_lost = cumulative > 0x7fffff ? 0x7fffff : (int32_t)cumulative,
                .highest_seq = (uint32_t)recv->seq.newest - 0x10000u,
                .jitter = recv->jitter_q4 >> 4,
        };
        if (recv->sr.valid) {
                ret_block->lsr = rtcp_ntp_middle(recv->sr.ntp);
                ret_block->dlsr = (uint32_t)((uint64_t)(now_us - recv->sr.arrival_us) * 65536 /
                                             1000000);
        }
}

bool rtp_recv_ntp_at(const struct rtp_recv *recv, uint32_t ts, uint64_t *ret_ntp)
{
        int64_t diff = (int32_t)(ts - recv->sr.ts);

        if (!recv->sr.mapped)
                return false;
        /* |diff| < 2^31 and the rate is at least 8000, so this stays in 64 bits. */
        *ret_ntp = recv->sr.ntp + (uint64_t)(diff * (1ll << 32) / (int64_t)recv->clock_rate);
        return true;
}
