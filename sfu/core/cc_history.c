/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/core/cc_internal.h"

_Static_assert((CC_HISTORY & (CC_HISTORY - 1)) == 0 && CC_HISTORY <= 32768, "indexed by bits");
_Static_assert(sizeof(struct cc_sent) == 12, "a thousand of them for every receiver");

enum { WAITS_US = 300 * 1000, BUSY_PACKETS = 10, SCANT_SPAN_US = 40 * 1000, LOST_SLICES = 3 };

void cc_history_init(struct cc *cc)
{
        cc->frontier_us = cc->ccfb_frontier_us = CC_NONE;
        cc->judged_no = CC_NONE;
        for (size_t i = 0; i < CC_SLICES; i++)
                cc->slices[i].no = CC_NONE;
}

static struct cc_slice *slice_slot(struct cc *cc, int64_t no)
{
        return &cc->slices[(uint64_t)no % CC_SLICES];
}

const struct cc_slice *cc_slice_at(const struct cc *cc, int64_t no)
{
        const struct cc_slice *slice = &cc->slices[(uint64_t)no % CC_SLICES];

        return slice->no == no ? slice : NULL;
}

/* The entry of a number that was sent and is still remembered, or NULL. */
static struct cc_sent *find(struct cc *cc, uint16_t seq)
{
        uint16_t back = (uint16_t)((uint16_t)cc->n_sent - seq); /* 1: the newest */

        if (back == 0 || back > CC_HISTORY || back > cc->n_sent)
                return NULL;
        return &cc->history[seq % CC_HISTORY];
}

/* Returns how long this packet's queue is on the model line. */
static int32_t model_on_sent(struct cc_model *model, size_t bytes, int64_t now_us)
{
        model->queue -= (now_us - model->at_us) * model->rate;
        model->at_us = now_us;
        if (model->queue < 0)
                model->queue = 0;
        model->queue += (int64_t)bytes << CC_MODEL_SHIFT;
        if (model->rate == 0 || model->queue / model->rate > 1000000)
                return 1000000;
        return (int32_t)(model->queue / model->rate);
}

void cc_prefetch(const struct cc *cc, int64_t now_us)
{
        const struct cc_slice *slice = &cc->slices[(uint64_t)(now_us / CC_SLICE_US) % CC_SLICES];

        prefetch_lines(cc, 2);
        prefetch_lines(&slice->no, 1);
        prefetch_lines(&slice->n_sent, 1);
        prefetch_lines(cc->heads, 1);
}

void cc_prefetch_next(const struct cc *cc)
{
        enum { BEFORE = 5, LINES = 3 }; /* from the stream's last one on, and some more */

        prefetch_lines(&cc->history[(cc->n_sent - BEFORE) % CC_HISTORY], LINES);
}

void cc_prefetch_report(const struct cc *cc, unsigned step)
{
        /* The slices that are summed up, and those behind them. */
        enum { CLOSED = 24, OPEN = 3, HISTORY_LINES = 8 };

        if (step == 0) {
                prefetch_lines(cc, offsetof(struct cc, slices) / 64 + 1);
                return;
        }
        for (uint64_t i = 0; i < CLOSED + OPEN; i++)
                prefetch_lines(&cc->slices[((uint64_t)cc->judged_no - CLOSED + i) % CC_SLICES], 1);
        prefetch_lines(&cc->history[(cc->n_sent - HISTORY_LINES * 64 / sizeof(cc->history[0])) %
                                    CC_HISTORY],
                       HISTORY_LINES);
}

uint16_t cc_on_sent(struct cc *cc, size_t bytes, uint8_t stream, uint16_t rtp_seq, int64_t now_us)
{
        uint16_t seq = (uint16_t)cc->n_sent;
        struct cc_sent *sent = &cc->history[seq % CC_HISTORY];
        struct cc_slice *slice = slice_slot(cc, now_us / CC_SLICE_US);
        const struct cc_sent *head = find(cc, cc->heads[stream]);

        sent->prev = 0;
        if (head && head != sent && head->stream == stream)
                sent->prev = (uint16_t)(seq - cc->heads[stream]);
        sent->sent_us = (uint32_t)now_us;
        sent->bytes = (uint16_t)bytes;
        sent->rtp_seq = rtp_seq;
        sent->stream = stream;
        sent->state = CC_UNKNOWN;
        sent->twice = false;
        cc->heads[stream] = seq;
        cc->n_sent++;
        cc->last_sent_us = now_us;
        if (cc->unreported_us == CC_NONE)
                cc->unreported_us = now_us;

        if (slice->no != now_us / CC_SLICE_US)
                *slice = (struct cc_slice){ .no = now_us / CC_SLICE_US,
                                            .min_delay_us = CC_NONE,
                                            .max_delay_us = CC_NONE,
                                            .last_arrival_us = CC_NONE };

        int32_t model_us = model_on_sent(&cc->model, bytes, now_us);

        if (model_us > slice->model_us)
                slice->model_us = model_us;
        slice->sent_bytes += (uint32_t)bytes;
        slice->n_sent++;
        if (cc->probe.active)
                cc_probe_on_sent(cc, seq, bytes, now_us);
        return seq;
}

static void note_arrival(struct cc_slice *slice, int64_t arrival_us, int64_t delay_us)
{
        if (delay_us == CC_NONE)
                return;
        if (slice->min_delay_us == CC_NONE || delay_us < slice->min_delay_us)
                slice->min_delay_us = delay_us;
        if (slice->max_delay_us == CC_NONE || delay_us > slice->max_delay_us)
                slice->max_delay_us = delay_us;
        if (slice->last_arrival_us == CC_NONE || arrival_us > slice->last_arrival_us)
                slice->last_arrival_us = arrival_us;
}

/* The slice of its departure, or NULL; the history is younger than the 71 minutes of the low bits. */
static struct cc_slice *slice_of(struct cc *cc, const struct cc_sent *sent, int64_t now_us,
                                 int64_t *ret_sent_us)
{
        int64_t sent_us = now_us - (int64_t)(uint32_t)((uint32_t)now_us - sent->sent_us);
        struct cc_slice *slice = slice_slot(cc, sent_us / CC_SLICE_US);

        *ret_sent_us = sent_us;
        return slice->no == sent_us / CC_SLICE_US ? slice : NULL;
}

/* It takes the packet's outcome along, to those that count only when there is nothing else. */
static void note_twice(struct cc_slice *slice, struct cc_sent *sent)
{
        if (sent->twice)
                return;
        sent->twice = true;
        if (!slice)
                return;
        slice->n_acked_twice += sent->state == CC_ACKED;
        slice->n_lost_twice += sent->state == CC_WAS_LOST || sent->state == CC_RESENT;
}

static void note_lost(struct cc_slice *slice, const struct cc_sent *sent)
{
        if (!slice)
                return;
        slice->n_lost++;
        slice->lost_bytes += sent->bytes;
        slice->n_lost_twice += sent->twice;
}

void cc_on_resent(struct cc *cc, uint16_t number, bool missed, int64_t now_us)
{
        struct cc_sent *sent = find(cc, number);
        struct cc_slice *slice;
        int64_t sent_us;

        if (!sent)
                return;
        slice = slice_slot(cc, now_us / CC_SLICE_US);
        if (slice->no == now_us / CC_SLICE_US)
                slice->resent_bytes += sent->bytes;
        slice = slice_of(cc, sent, now_us, &sent_us);
        if (!missed)
                note_twice(slice, sent);
        else if (sent->state == CC_UNKNOWN)
                note_lost(slice, sent);
        if (sent->state == CC_WAS_LOST || (missed && sent->state == CC_UNKNOWN))
                sent->state = CC_RESENT;
}

void cc_report_number(struct cc *cc, uint16_t seq, int64_t arrival_us, int64_t now_us)
{
        struct cc_sent *sent = find(cc, seq);
        struct cc_slice *slice;
        int64_t sent_us;

        if (!sent || sent->state == CC_ACKED || sent->state == CC_RESENT ||
            (arrival_us == CC_LOST && sent->state == CC_WAS_LOST))
                return;
        slice = slice_of(cc, sent, now_us, &sent_us);
        if (sent_us > cc->frontier_us)
                cc->frontier_us = sent_us;
        if (arrival_us == CC_LOST) {
                sent->state = CC_WAS_LOST;
                note_lost(slice, sent);
                return;
        }

        int64_t delay_us = cc_delay_on_packet(cc, arrival_us, sent_us);

        if (slice) {
                bool late = sent->state == CC_WAS_LOST;

                slice->n_lost -= late;
                slice->lost_bytes -= late ? sent->bytes : 0;
                slice->n_lost_twice -= late && sent->twice;
                slice->n_acked++;
                slice->n_acked_twice += sent->twice;
                slice->acked_bytes += sent->bytes;
                note_arrival(slice, arrival_us, delay_us);
        }
        sent->state = CC_ACKED;
        if (delay_us != CC_NONE && (cc->report_at_us == CC_NONE || arrival_us > cc->report_at_us))
                cc->report_at_us = arrival_us;
        cc->report_bytes += sent->bytes;
        if (cc->probe.active || cc->probe.waiting)
                cc_probe_on_ack(cc, seq, sent, arrival_us, delay_us);
}

/* The stream's number that carried rtp_seq, or the nearest newer one; untouched when
 * all are older. Walks back from the newest; all blocks of one message together walk
 * at most once round the history. */
static void find_stream(struct cc *cc, uint8_t stream, uint16_t rtp_seq, uint16_t *ret_seq)
{
        uint16_t seq = cc->heads[stream];
        const struct cc_sent *sent = find(cc, seq);

        while (sent && sent->stream == stream && cc->ccfb_steps < CC_HISTORY) {
                if ((int16_t)(uint16_t)(sent->rtp_seq - rtp_seq) < 0)
                        break;
                *ret_seq = seq;
                if (sent->prev == 0)
                        break;
                seq = (uint16_t)(seq - sent->prev);
                sent = find(cc, seq);
                cc->ccfb_steps++;
        }
}

void cc_on_ccfb(struct cc *cc, uint8_t stream, uint16_t base_seq, const int64_t *arrivals_us,
                size_t n, int64_t now_us)
{
        uint16_t newest = (uint16_t)(base_seq + n - 1), seq = cc->heads[stream];

        if (n == 0 || n > CC_HISTORY)
                return;
        /* From the block's end back to its start, along the chain. */
        find_stream(cc, stream, newest, &seq);
        while (cc->ccfb_steps < 2 * CC_HISTORY) {
                const struct cc_sent *sent = find(cc, seq);

                if (!sent || sent->stream != stream)
                        return;

                int i = (int16_t)(uint16_t)(sent->rtp_seq - base_seq);
                uint16_t prev = sent->prev;

                if (i < 0)
                        return;
                if ((size_t)i < n)
                        cc_report_number(cc, seq, arrivals_us[i], now_us);
                if (prev == 0)
                        return;
                seq = (uint16_t)(seq - prev);
                cc->ccfb_steps++;
        }
}

void cc_sum(const struct cc *cc, int64_t end, int64_t n, struct cc_sums *ret_sums)
{
        struct cc_sums sums = { 0 };
        uint64_t sent_bytes = 0, acked_bytes = 0, resent_bytes = 0;
        int64_t before_us = CC_NONE, last_us = CC_NONE, span_us = n * CC_SLICE_US;

        for (int64_t no = end - n - 4; no < end; no++) {
                const struct cc_slice *slice = cc_slice_at(cc, no);

                if (!slice)
                        continue;
                if (no < end - n) {
                        before_us = slice->last_arrival_us;
                        continue;
                }
                sent_bytes += slice->sent_bytes;
                acked_bytes += slice->acked_bytes;
                resent_bytes += slice->resent_bytes;
                sums.n_sent += slice->n_sent;
                sums.n_acked += slice->n_acked;
                sums.n_lost += slice->n_lost;
                if (slice->last_arrival_us != CC_NONE)
                        last_us = slice->last_arrival_us;
        }
        sums.sent_bps = cc_bps(sent_bytes + resent_bytes, span_us);
        /* What arrived is measured on the slower of the two clocks: it can neither pass
         * what was sent nor what the line let through. */
        if (before_us != CC_NONE && last_us != CC_NONE && last_us - before_us > span_us)
                span_us = last_us - before_us;

        uint32_t n_known = sums.n_acked + sums.n_lost;

        /* A lost report says nothing about its packets: as the others. */
        if (n_known > 0 && n_known < sums.n_sent)
                acked_bytes = acked_bytes * cc_min_u64(sums.n_sent, 2 * n_known) / n_known;
        if (sent_bytes > 0)
                acked_bytes += resent_bytes * acked_bytes / sent_bytes;
        sums.acked_bps = cc_bps(acked_bytes, span_us);
        *ret_sums = sums;
}

int64_t cc_late_us(const struct cc *cc, int64_t now_us)
{
        /* From the slice after the newest reported one: its first packets should be here. */
        for (int64_t no = cc->frontier_us / CC_SLICE_US + 1; no < now_us / CC_SLICE_US; no++) {
                const struct cc_slice *slice = cc_slice_at(cc, no);

                if (slice)
                        return now_us - (no + 1) * CC_SLICE_US - cc->lag_us - slice->model_us -
                               (cc->delay.base_us - cc->delay.floor_us);
        }
        return 0;
}

int64_t cc_excess_us(const struct cc *cc)
{
        const struct cc_slice *slice = cc_slice_at(cc, cc->frontier_us / CC_SLICE_US);

        const struct cc_delay *delay = &cc->delay;

        if (!slice || delay->last_delay_us == CC_NONE)
                return 0;
        return delay->last_delay_us - slice->model_us -
               (delay->base_us != CC_NONE ? delay->base_us : delay->first_us);
}

/* Of what was sent in the newest reported packet's slice, `end`, and the few before it, per
 * mille. */
static uint32_t lost_lately(const struct cc *cc, int64_t end)
{
        uint32_t n_acked = 0, n_lost = 0;

        for (int64_t no = end - LOST_SLICES; no <= end; no++) {
                const struct cc_slice *slice = cc_slice_at(cc, no);

                if (!slice)
                        continue;
                n_acked += slice->n_acked;
                n_lost += slice->n_lost;
        }
        return n_lost > 0 ? n_lost * 1000 / (n_acked + n_lost) : 0;
}

int64_t cc_backlog_us(const struct cc *cc, int64_t now_us)
{
        const struct cc_delay *delay = &cc->delay;
        int64_t first = cc->frontier_us / CC_SLICE_US, no = first, last = now_us / CC_SLICE_US;
        int64_t base_us = delay->floor_us, queue_us;
        uint64_t capacity = cc->phase == CC_DRAIN ? cc->capacity_bps : cc_target_bps(cc);
        uint64_t before = 0, after = 0; /* the cut: what is sent since overflows no more */

        if (base_us == CC_NONE)
                base_us = delay->first_us;
        if (cc->frontier_us == CC_NONE || delay->last_delay_us == CC_NONE || capacity == 0)
                return 0;
        /* A report may be hours old: no slice is. */
        if (no + CC_SLICES <= last)
                no = last - CC_SLICES + 1;
        for (; no <= last; no++) {
                const struct cc_slice *slice = cc_slice_at(cc, no);

                if (slice && slice->n_sent > 0)
                        *(no < cc->cut_us / CC_SLICE_US ? &before : &after) +=
                                (uint64_t)slice->sent_bytes *
                                (uint64_t)(slice->n_sent - slice->n_acked - slice->n_lost) /
                                slice->n_sent;
        }
        after += before * (1000 - lost_lately(cc, first)) / 1000;
        queue_us = delay->last_delay_us - base_us + (int64_t)(after * 8000000 / capacity) -
                   (now_us - cc->frontier_us);
        return queue_us > 0 ? queue_us : 0;
}

void cc_busy(const struct cc *cc, int64_t end, struct cc_sums *ret_sums)
{
        for (int64_t n = 2; n <= 20; n++) {
                int64_t from_us = CC_NONE, to_us = CC_NONE;
                const struct cc_slice *slice;

                for (int64_t no = end - n - 4; no < end; no++) {
                        slice = cc_slice_at(cc, no);
                        if (!slice || slice->last_arrival_us == CC_NONE)
                                continue;
                        to_us = slice->last_arrival_us;
                        if (no < end - n)
                                from_us = to_us;
                }
                if (from_us == CC_NONE || to_us - from_us < WAITS_US)
                        continue;
                cc_sum(cc, end, n, ret_sums);
                if (ret_sums->n_acked >= BUSY_PACKETS)
                        return;
        }
        cc_sum(cc, end, 20, ret_sums);
}

/* From the report *back before the newest on, over at least span_us, which *back is moved
 * past; UINT64_MAX: so many are not known. */
static uint64_t span_bps(const struct cc *cc, unsigned *back, int64_t span_us)
{
        unsigned newest = cc->n_reports - 1, n = cc->n_reports;
        int64_t until_us = cc->reports[(newest - *back) % CC_REPORTS].at_us;
        uint64_t bytes = 0;

        while (*back + 1 < CC_REPORTS && *back + 1 < n) {
                bytes += cc->reports[(newest - *back) % CC_REPORTS].bytes;
                ++*back;

                int64_t us = until_us - cc->reports[(newest - *back) % CC_REPORTS].at_us;

                if (us >= span_us)
                        return cc_bps(bytes, us);
        }
        return UINT64_MAX;
}

uint64_t cc_arriving_bps(const struct cc *cc, int64_t span_us)
{
        unsigned back = 0;

        return span_bps(cc, &back, span_us);
}

bool cc_scant(const struct cc *cc, uint64_t bps)
{
        unsigned back = 0;

        return span_bps(cc, &back, SCANT_SPAN_US) < bps && span_bps(cc, &back, SCANT_SPAN_US) < bps;
}
