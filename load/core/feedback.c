/* SPDX-License-Identifier: Apache-2.0 */
#include "load/core/feedback.h"

#include <errno.h>

#include "sfu/wire/rtcp_tcc.h"

int feedback_init(struct feedback *feedback, uint32_t own_ssrc, const struct load_slot *slots,
                  size_t n_slots)
{
        struct feedback_stream *streams = calloc(n_slots ? n_slots : 1, sizeof(*streams));

        if (!streams)
                return -ENOMEM;
        for (size_t i = 0; i < n_slots; i++)
                streams[i].ssrc = slots[i].ssrc;
        *feedback = (struct feedback){ .own_ssrc = own_ssrc,
                                       .n_streams = n_slots,
                                       .streams = streams };
        return 0;
}

void feedback_done(struct feedback *feedback)
{
        free(feedback->streams);
        feedback->streams = NULL;
        feedback->n_streams = 0;
}

static bool forget_missing(struct feedback_stream *s, uint16_t seq)
{
        for (size_t i = 0; i < s->n_missing; i++) {
                if (s->missing[i].seq != seq)
                        continue;
                s->missing[i] = s->missing[--s->n_missing];
                return true;
        }
        return false;
}

bool feedback_on_rtp(struct feedback *feedback, size_t stream, uint16_t seq, int64_t now_us)
{
        struct feedback_stream *s = &feedback->streams[stream];
        int16_t step = (int16_t)(seq - (uint16_t)s->highest);

        s->received++;
        if (!s->started) {
                s->started = true;
                s->first = s->highest = seq;
                return false;
        }
        if (step <= 0) {
                forget_missing(s, seq);
                return false;
        }
        for (int16_t i = 1; i < step && s->n_missing < FEEDBACK_MISSING; i++)
                s->missing[s->n_missing++] = (struct feedback_missing){
                        .seq = (uint16_t)(s->highest + (uint32_t)i), .due_us = now_us
                };
        s->highest += (uint32_t)step;
        return step > 1;
}

void feedback_on_repair(struct feedback *feedback, size_t stream, uint16_t seq)
{
        forget_missing(&feedback->streams[stream], seq);
}

void feedback_on_sr(struct feedback *feedback, const struct rtcp_sr *sr, int64_t now_us)
{
        for (size_t i = 0; i < feedback->n_streams; i++) {
                if (feedback->streams[i].ssrc != sr->ssrc)
                        continue;
                feedback->streams[i].lsr = rtcp_ntp_middle(sr->ntp);
                feedback->streams[i].lsr_us = now_us;
        }
}

bool feedback_on_transport_seq(struct feedback *feedback, uint32_t ssrc, uint16_t seq,
                               int64_t now_us)
{
        int16_t at;

        at = (int16_t)(seq - feedback->base_seq);
        if (!feedback->started || at >= FEEDBACK_ARRIVALS) { /* first, or after a long gap */
                feedback->started = true;
                feedback->base_seq = seq;
                feedback->n_arrivals = 0;
                at = 0;
        }
        feedback->media_ssrc = ssrc;
        if (at < 0)
                return false; /* told already */
        while (feedback->n_arrivals <= (size_t)at)
                feedback->arrivals_us[feedback->n_arrivals++] = RTCP_TCC_LOST;
        feedback->arrivals_us[at] = now_us;
        return feedback->n_arrivals >= FEEDBACK_ARRIVALS * 3 / 4;
}

void feedback_write_tcc(struct feedback *feedback, struct wr *w)
{
        size_t at = 0;

        while (at < feedback->n_arrivals) {
                const struct rtcp_tcc tcc = {
                        .fb = { feedback->own_ssrc, feedback->media_ssrc },
                        .base_seq = (uint16_t)(feedback->base_seq + at),
                        .fb_count = feedback->count,
                };
                size_t n = rtcp_write_tcc(w, &tcc, feedback->arrivals_us + at,
                                          feedback->n_arrivals - at);

                if (n == 0 || w->bad)
                        break;
                feedback->count++;
                at += n;
        }
        feedback->base_seq = (uint16_t)(feedback->base_seq + feedback->n_arrivals);
        feedback->n_arrivals = 0;
}

static struct rtcp_block block_of(struct feedback_stream *s, int64_t now_us)
{
        uint32_t expected = s->highest - s->first + 1;
        uint32_t since = expected - s->reported_expected;
        int32_t lost = (int32_t)(since - (s->received - s->reported_received));
        struct rtcp_block block = {
                .ssrc = s->ssrc,
                .cumulative_lost = (int32_t)(expected - s->received),
                .highest_seq = s->highest,
                .lsr = s->lsr,
        };

        if (lost > 0 && since > 0)
                block.fraction_lost = (uint8_t)(((uint32_t)lost << 8) / since);
        if (s->lsr)
                block.dlsr = (uint32_t)((now_us - s->lsr_us) * 65536 / 1000000);
        s->reported_expected = expected;
        s->reported_received = s->received;
        return block;
}

void feedback_write_report(struct feedback *feedback, struct wr *w, int64_t now_us)
{
        struct rtcp_rr rr = { .ssrc = feedback->own_ssrc };

        for (size_t i = 0; i < feedback->n_streams && rr.n_blocks < RTCP_MAX_COUNT; i++) {
                if (feedback->streams[i].started)
                        rr.blocks[rr.n_blocks++] = block_of(&feedback->streams[i], now_us);
        }
        rtcp_write_rr(w, &rr);
}

static size_t take_due(struct feedback_stream *s, uint16_t *ret_seqs, int64_t now_us)
{
        size_t n = 0;

        for (size_t i = 0; i < s->n_missing;) {
                struct feedback_missing *missing = &s->missing[i];

                if (missing->due_us > now_us) {
                        i++;
                } else if (missing->asked == FEEDBACK_ASKS) {
                        *missing = s->missing[--s->n_missing];
                } else {
                        ret_seqs[n++] = missing->seq;
                        missing->asked++;
                        missing->due_us = now_us + FEEDBACK_ASK_US;
                        i++;
                }
        }
        return n;
}

size_t feedback_write_nacks(struct feedback *feedback, struct wr *w, int64_t now_us)
{
        uint16_t seqs[FEEDBACK_MISSING];
        size_t sum = 0;

        for (size_t i = 0; i < feedback->n_streams; i++) {
                struct feedback_stream *s = &feedback->streams[i];
                const struct rtcp_fb fb = { feedback->own_ssrc, s->ssrc };
                size_t n = s->n_missing ? take_due(s, seqs, now_us) : 0;

                if (n > 0)
                        rtcp_write_nack(w, &fb, seqs, n);
                sum += n;
        }
        return sum;
}
