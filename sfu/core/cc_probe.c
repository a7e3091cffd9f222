/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Probes: for a few hundredths of a second more is sent than the target allows, with
 * padding or retransmissions. What the line lets through of it is measured, and if it
 * is more than the target, the target follows at once. Whoever sends little because
 * little is asked for (ALR) finds out in no other way.
 *
 * The cluster is everything that leaves between its first and last packet, media
 * included. It is short, so that failing adds about 30 ms of queue.
 */
#include "sfu/core/cc_internal.h"

enum {
        TICK_US = 5 * 1000,
        LENGTH_US = 25 * 1000, /* of a line that is full */
        LENGTH_ALR_US = 40 * 1000,
        LENGTH_LOW_US = 100 * 1000, /* of few packets; else others' bursts count for too much */
        LOW_BPS = 400 * 1000,
        MIN_BYTES = 1500,
        MIN_PACKETS = 4,
        STUCK_US = 300 * 1000, /* the caller has nothing to send: give up */
        LATE_US = 4000 * 1000, /* no report has come */
        INTERVAL_US = 2000 * 1000,
        MAX_INTERVAL_US = 4000 * 1000,
        FULL_INTERVAL_US = 10000 * 1000,
        ROOM_INTERVAL_US = 300 * 1000,
        SLOW_INTERVAL_US = 10 * 1000 * 1000, /* of a line that a probe fills for long */
        SLOW_BPS = 120 * 1000,
        AFTER_CUT_US = 1500 * 1000,
        FALSE_US = 6000 * 1000, /* a cut so soon after: it was not true */
        MAX_DISTRUST = 4,
        FACTOR_PERCENT = 200,
        FACTOR_ALR_PERCENT = 250,
};

/* The rate to probe at; 0: no need. */
static uint64_t wish(const struct cc *cc)
{
        uint64_t ceiling = cc_rate_ceiling(cc);
        uint64_t percent = cc->app_limited ? FACTOR_ALR_PERCENT : FACTOR_PERCENT;
        uint64_t rate = cc->target_bps * percent / 100;

        if (cc->no_probes)
                return 0;
        if (cc->before_silence_bps > cc->target_bps)
                rate = cc_max_u64(rate, cc->before_silence_bps);
        rate = cc_min_u64(rate, ceiling + ceiling / 20);
        rate = cc_min_u64(rate, CC_OVERSHOOT * cc_max_u64(cc_peak_bps(cc), cc->target_bps));
        return rate > cc->target_bps + cc->target_bps / 10 ? rate : 0;
}

static bool is_calm(const struct cc *cc)
{
        return cc->reported && cc->phase == CC_GROW && !cc->loss.testing &&
               cc->silence_us == INT64_MAX &&
               cc->delay.queue_us <= cc_delay_threshold_us(&cc->delay) / 2;
}

void cc_probe_soon(struct cc *cc, int64_t at_us)
{
        cc->probe.ended_us = -CC_LONG_AGO_US;
        if (cc->probe.next_us > at_us)
                cc->probe.next_us = at_us;
}

static void wait_for_next(struct cc *cc, int64_t now_us)
{
        cc->probe.ended_us = now_us;
        cc->probe.next_us = now_us;
}

/* No probe before: sooner when the line behaves as if there was more, later when it does not. */
static int64_t next_us(const struct cc *cc)
{
        const struct cc_probe *probe = &cc->probe;
        int64_t interval_us = INTERVAL_US + (int64_t)probe->n_failed * 500000;

        if (interval_us > MAX_INTERVAL_US)
                interval_us = MAX_INTERVAL_US;
        if (cc_model_full(cc))
                interval_us = FULL_INTERVAL_US;
        if (cc->target_bps < SLOW_BPS && probe->n_failed > 1)
                interval_us = SLOW_INTERVAL_US;
        if (cc_model_has_room(cc))
                interval_us = (int64_t)ROOM_INTERVAL_US
                              << (probe->n_failed < 5 ? probe->n_failed : 5);
        interval_us <<= probe->distrust;
        if (cc->target_bps < SLOW_BPS && interval_us > SLOW_INTERVAL_US)
                interval_us = SLOW_INTERVAL_US; /* there video waits for it */
        return probe->ended_us + interval_us > probe->next_us ? probe->ended_us + interval_us
                                                              : probe->next_us;
}

static void start(struct cc *cc, uint64_t rate_bps, int64_t now_us)
{
        struct cc_probe *probe = &cc->probe;
        int64_t length_us = cc->app_limited ? LENGTH_ALR_US : LENGTH_US;

        if (rate_bps < LOW_BPS)
                length_us = LENGTH_LOW_US;

        uint64_t goal = rate_bps * (uint64_t)length_us / 8000000;

        probe->active = probe->waiting = true;
        probe->rate_bps = rate_bps;
        probe->goal_bytes = (uint32_t)cc_max_u64(goal, MIN_BYTES);
        probe->first_us = probe->last_us = probe->asked_us = now_us;
        probe->sent_bytes = probe->acked_bytes = 0;
        probe->n_sent = probe->n_acked = 0;
        probe->first_arrival_us = probe->last_arrival_us = CC_NONE;
        probe->queue_us = cc->delay.queue_us;
        cc->n_probes++;
}

static void give_up(struct cc *cc, int64_t now_us)
{
        cc->probe.active = cc->probe.waiting = false;
        wait_for_next(cc, now_us);
}

size_t cc_probe_bytes(struct cc *cc, int64_t now_us)
{
        struct cc_probe *probe = &cc->probe;

        if (!probe->waiting && now_us >= next_us(cc) && is_calm(cc)) {
                uint64_t rate = wish(cc);

                if (rate > 0)
                        start(cc, rate, now_us);
        }
        if (probe->waiting && now_us - probe->last_us > (probe->active ? STUCK_US : LATE_US))
                give_up(cc, now_us);
        if (!probe->active)
                return 0;

        probe->asked_us = now_us;

        uint64_t due = probe->rate_bps * (uint64_t)(now_us - probe->first_us + TICK_US) / 8000000;

        due = cc_min_u64(due, probe->goal_bytes);
        return due > probe->sent_bytes ? (size_t)(due - probe->sent_bytes) : 0;
}

void cc_probe_on_sent(struct cc *cc, uint16_t seq, size_t bytes, int64_t now_us)
{
        struct cc_probe *probe = &cc->probe;

        if (probe->n_sent == 0) {
                probe->first_us = now_us;
                probe->first_seq = seq;
                probe->first_bytes = (uint16_t)bytes;
        }
        probe->last_us = now_us;
        probe->last_bytes = (uint16_t)bytes;
        probe->sent_bytes += (uint32_t)bytes;
        probe->n_sent++;
        /* All at once would measure the sender's clock: it takes two ticks at least. */
        if (probe->sent_bytes >= probe->goal_bytes && probe->n_sent >= MIN_PACKETS &&
            now_us - probe->first_us >= 2 * TICK_US)
                probe->active = false;
}

void cc_probe_on_ack(struct cc *cc, uint16_t seq, const struct cc_sent *sent, int64_t arrival_us,
                     int64_t delay_us)
{
        struct cc_probe *probe = &cc->probe;

        if (probe->n_sent == 0 || (uint16_t)(seq - probe->first_seq) >= probe->n_sent ||
            delay_us == CC_NONE)
                return;
        probe->acked_bytes += sent->bytes;
        if (probe->first_arrival_us == CC_NONE)
                probe->first_arrival_us = arrival_us;
        if (probe->last_arrival_us == CC_NONE || arrival_us > probe->last_arrival_us)
                probe->last_arrival_us = arrival_us;
        probe->delays_us[probe->n_acked % CC_TAIL] = delay_us;
        probe->n_acked++;
}

/* What the line carried during the cluster; 0: it shows nothing. */
static uint64_t measure(const struct cc *cc)
{
        const struct cc_probe *probe = &cc->probe;
        int64_t sent_us = probe->last_us - probe->first_us;
        int64_t recv_us = probe->last_arrival_us - probe->first_arrival_us;

        if (probe->n_acked < MIN_PACKETS || probe->n_acked * 10 < probe->n_sent * 6 ||
            sent_us < TICK_US || probe->first_arrival_us == CC_NONE || cc->delay.base_us == CC_NONE)
                return 0;

        /* A first packet that was held up makes the arrivals look dense: the queue that
         * is there afterwards tells how long they really took. */
        int64_t tail_us = probe->delays_us[0];

        for (size_t i = 1; i < CC_TAIL; i++)
                tail_us = probe->delays_us[i] < tail_us ? probe->delays_us[i] : tail_us;

        int64_t grown_us = tail_us - cc->delay.base_us - probe->queue_us;

        if (recv_us < sent_us + grown_us)
                recv_us = sent_us + grown_us;

        uint64_t sent_bps = cc_bps(probe->sent_bytes - probe->last_bytes, sent_us);
        uint64_t recv_bps = cc_bps((uint64_t)(probe->sent_bytes - probe->first_bytes), recv_us);

        if (recv_us <= 0)
                return 0;
        recv_bps = recv_bps * (probe->acked_bytes) / probe->sent_bytes;
        recv_bps = cc_loss_undo(cc, recv_bps);
        if (recv_bps * 10 >= sent_bps * 9)
                return cc_min_u64(sent_bps, recv_bps) * 97 / 100;
        return recv_bps * 95 / 100; /* that is all there is */
}

void cc_probe_on_report(struct cc *cc, int64_t now_us)
{
        struct cc_probe *probe = &cc->probe;

        if (probe->success_us != CC_NONE && now_us - probe->success_us > 2 * FALSE_US) {
                probe->success_us = CC_NONE;
                if (probe->distrust > 0)
                        probe->distrust--;
        }
        if (!probe->waiting || probe->active || cc->frontier_us < probe->last_us)
                return;
        probe->waiting = false;

        uint64_t found = measure(cc);

        if (found <= cc->target_bps + cc->target_bps / 20) {
                probe->n_failed += probe->n_failed < 10;
                probe->n_low = found > 0 && found < cc->target_bps * 9 / 10 ? probe->n_low + 1 : 0;
                if (probe->n_low >= 2)
                        cc_rate_on_probe(cc, found, now_us);
                wait_for_next(cc, now_us);
                return;
        }
        probe->n_failed = probe->n_low = 0;
        probe->success_us = now_us;
        cc_rate_on_probe(cc, found, now_us);
        /* It found all it asked for: there may be more. */
        if (found * 100 >= probe->rate_bps * 90 && probe->distrust == 0)
                cc_probe_soon(cc, now_us + CC_SLICE_US);
        else
                wait_for_next(cc, now_us);
}

void cc_probe_on_cut(struct cc *cc, int64_t now_us)
{
        struct cc_probe *probe = &cc->probe;

        if (probe->success_us != CC_NONE && now_us - probe->success_us < FALSE_US) {
                probe->distrust += probe->distrust < MAX_DISTRUST;
                probe->success_us = CC_NONE;
        }
        probe->active = probe->waiting = false;
        if (probe->next_us < now_us + (AFTER_CUT_US << probe->distrust))
                probe->next_us = now_us + (AFTER_CUT_US << probe->distrust);
}

int64_t cc_probe_deadline_us(const struct cc *cc)
{
        const struct cc_probe *probe = &cc->probe;

        if (probe->active)
                return probe->asked_us + TICK_US;
        if (probe->waiting)
                return probe->last_us + LATE_US;
        if (!is_calm(cc) || wish(cc) == 0)
                return INT64_MAX;
        return next_us(cc);
}
