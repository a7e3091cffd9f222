/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The target.
 *
 *   GROW   up by 8 % a second, slower near where it was cut last, never far past
 *          what has been seen to arrive.
 *          over-use → cut()
 *   DRAIN  below the measured capacity, the more the longer the queue, until the
 *          queue is gone → GROW just under the capacity; or until it is clear
 *          that the queue is not ours (the path became longer, a greedy neighbour
 *          fills it) → GROW with another base, more tolerant.
 */
#include "sfu/core/cc_internal.h"

enum {
        GROW_PERMILLE_S = 80,
        EVIDENCE_PERCENT = 110, /* of what arrived: growth stops there */
        EVIDENCE_BPS = 20 * 1000,
        DRAINED_US = 10 * 1000,
        NOT_OURS_US = 1500 * 1000,
        MAX_FRUITLESS = 2,
        MIN_ACKED = 10,
        ENTRY_BPS = 250 * 1000, /* who asks for little keeps so much: others fill the line */
        BLOCKED_US = 120 * 1000,
        FALLEN_US = 50 * 1000,
        SCANT_PERCENT = 45, /* of what came before */
        LATELY_SLICES = 4,  /* some frames */
        ARRIVING_US = 180 * 1000,
        PAUSE_US = 200 * 1000,
        BUSY_US = 250 * 1000, /* longer than what cc_arriving_bps() looks at */
        NEIGHBOURS_QUEUE_US = 40 * 1000,
        LOST_TO_NEIGHBOURS = 10, /* per mille */
        SILENCE_US = 1000 * 1000,
        SILENCE_STEP_US = 500 * 1000,
        SILENCE_FLOOR_BPS = 64 * 1000,
        MAX_CAPACITY_AGE_US = 30 * 1000 * 1000,
};

uint64_t cc_peak_bps(const struct cc *cc)
{
        return cc_max_u64(cc->peak_bps[0], cc->peak_bps[1]);
}

/* A little above what would be sent if the line carried it. */
uint64_t cc_rate_ceiling(const struct cc *cc)
{
        uint64_t ceiling = cc->wanted_bps + cc->wanted_bps / 10 + 30000;

        return cc_min_u64(cc_max_u64(ceiling, CC_MIN_BPS), CC_MAX_BPS);
}

static void set_target(struct cc *cc, uint64_t bps)
{
        cc->target_bps = (uint64_t)cc_clamp((int64_t)cc_min_u64(bps, CC_MAX_BPS), CC_MIN_BPS,
                                            CC_MAX_BPS);
}

/* How long it takes until a change of ours is seen in reports. */
static int64_t reaction_us(const struct cc *cc)
{
        return cc->rtt_us + 200000;
}

static void note_peak(struct cc *cc, uint64_t bps, int64_t now_us)
{
        int64_t no = now_us / 2000000;

        if (no != cc->peak_no) {
                cc->peak_bps[1] = no == cc->peak_no + 1 ? cc->peak_bps[0] : 0;
                cc->peak_bps[0] = 0;
                cc->peak_no = no;
        }
        cc->peak_bps[0] = cc_max_u64(cc->peak_bps[0], bps);
}

/* What stands in the queue, or what the quicker signs say will be found there. */
static int32_t standing_us(const struct cc *cc, int64_t now_us)
{
        int64_t us = cc->delay.queue_us, excess_us = cc_excess_us(cc);
        int64_t late_us = cc_late_us(cc, now_us);

        us = excess_us > us ? excess_us : us;
        us = late_us > us ? late_us : us;
        return (int32_t)cc_clamp(us, 0, INT32_MAX);
}

/* Of the capacity while it drains: a queue of half a second is gone in about one. */
static uint64_t kept_permille(const struct cc *cc, int64_t now_us)
{
        return 1000 - (uint64_t)cc_clamp(standing_us(cc, now_us) / 1000, 80, 500);
}

static void start_drain(struct cc *cc, uint64_t before_bps, uint64_t busy_bps, uint64_t capacity,
                        int64_t now_us)
{
        if (cc->phase == CC_GROW) {
                cc->n_fruitless = 0;
                cc->first_capacity_bps = capacity;
                cc->before_drain_bps = before_bps;
        }
        cc->phase = CC_DRAIN;
        cc->drain_busy_bps = busy_bps;
        cc->capacity_bps = capacity;
        cc->cut_us = cc->drain_us = now_us;
        cc->drain_queue_us = standing_us(cc, now_us);
        cc->drain_sent_bps = cc->half_s.sent_bps;
        cc->n_overuses++;
        cc_probe_on_cut(cc, now_us);
}

/* While a packet waits, the line is busy: what arrived meanwhile is all that it carries. */
static bool is_busy(const struct cc *cc)
{
        const struct cc_delay *delay = &cc->delay;

        return delay->base_us != CC_NONE && delay->last_delay_us - delay->base_us >= BUSY_US;
}

/* Nothing came for a while: everything paused, the line or a computer. That is no rate. */
static bool has_paused(const struct cc *cc)
{
        unsigned newest = cc->n_reports - 1;

        return cc->n_reports < 2 || cc->reports[newest % CC_REPORTS].at_us -
                                                    cc->reports[(newest - 1) % CC_REPORTS].at_us >
                                            PAUSE_US;
}

/* Much less comes than came before and than leaves, and it had to wait: the line fell. A burst
 * does not look so (the line is busy), nor a line that stood still for a moment (what waited
 * comes at once). Returns for how long it has been busy at least; 0: it did not fall. */
static int64_t fallen_us(const struct cc *cc, int64_t now_us)
{
        const struct cc_delay *delay = &cc->delay;
        struct cc_sums lately;
        int64_t wait_us;

        if (delay->base_us == CC_NONE || cc_delay_competing(delay) || has_paused(cc))
                return 0;
        wait_us = delay->last_delay_us - delay->base_us;
        if (wait_us < FALLEN_US + 8 * delay->deviation_us)
                return 0;
        cc_sum(cc, now_us / CC_SLICE_US, LATELY_SLICES, &lately);
        if (!cc_scant(cc, cc_min_u64(cc->half_s.acked_bps, lately.sent_bps) * SCANT_PERCENT / 100))
                return 0;
        return wait_us;
}

/* What the line carries now, seen from what arrives. */
static uint64_t measure(const struct cc *cc, struct cc_sums *ret_sums, int64_t now_us)
{
        int64_t fell_us = fallen_us(cc, now_us);
        bool blocked = fell_us > 0 || cc_excess_us(cc) > BLOCKED_US ||
                       cc_late_us(cc, now_us) > BLOCKED_US;
        uint64_t arriving_bps = cc_arriving_bps(
                cc, fell_us > 0 && fell_us / 2 < ARRIVING_US ? fell_us / 2 : ARRIVING_US);

        cc_busy(cc, cc->judged_no + 1, ret_sums);
        if (!blocked || arriving_bps == UINT64_MAX ||
            (has_paused(cc) && ret_sums->n_acked >= MIN_ACKED))
                return ret_sums->acked_bps;
        /* At the start there is hardly a slice, and after a sudden fall they still hold
         * much of the time before. */
        if (is_busy(cc) || ret_sums->n_acked < MIN_ACKED || arriving_bps < ret_sums->acked_bps) {
                ret_sums->sent_bps = cc->target_bps;
                return arriving_bps;
        }
        return ret_sums->acked_bps;
}

static void cut(struct cc *cc, int64_t now_us)
{
        struct cc_sums sums;

        uint64_t busy = cc_loss_undo(cc, measure(cc, &sums, now_us)), capacity = busy;
        uint64_t target = cc_min_u64(capacity, cc->target_bps) * kept_permille(cc, now_us) / 1000;

        if (cc->app_limited && busy * 10 > sums.sent_bps * 9) {
                /* All arrives of what little we send: that is no capacity, nor the cause. */
                target = cc_max_u64(target, cc->target_bps * 85 / 100);
                target = cc_max_u64(target, cc_min_u64(cc->target_bps, ENTRY_BPS));
                capacity = cc_max_u64(capacity, cc->target_bps);
        }
        start_drain(cc, cc->target_bps, busy, capacity, now_us);
        set_target(cc, target);
}

/* Over-use that departures after the last cut still show. */
static bool may_cut(const struct cc *cc, int64_t now_us)
{
        struct cc_sums sums;

        if (cc->judged_no * CC_SLICE_US > cc->cut_us + 100000)
                return true;
        /* The first measurement had much of the time before in it: take the better one. */
        return measure(cc, &sums, now_us) < cc->target_bps * 8 / 10;
}

/* The application sends what it may. */
static bool obeys(const struct cc *cc)
{
        return cc->half_s.sent_bps < cc->target_bps * 11 / 10;
}

/* We went down, did send less, and the queue grows on: a neighbour fills what we
 * leave. Going on would leave him all of it. */
static bool is_fruitless(struct cc *cc)
{
        if (cc->phase == CC_DRAIN && cc->delay.queue_us > cc->drain_queue_us * 8 / 10 &&
            cc->half_s.sent_bps < cc->drain_sent_bps * 95 / 100 && obeys(cc))
                cc->n_fruitless++;
        return cc->phase == CC_DRAIN && cc->n_fruitless >= MAX_FRUITLESS;
}

static void end_drain(struct cc *cc, int64_t now_us)
{
        cc->phase = CC_GROW;
        cc->grown_us = now_us;
        set_target(cc, cc_max_u64(cc->target_bps, cc->capacity_bps * 93 / 100));
}

/* Neighbours fill the queue: go on with what we had among them. */
static void give_in(struct cc *cc, int64_t now_us)
{
        cc->capacity_bps = cc_max_u64(cc->capacity_bps, cc->first_capacity_bps);
        cc_delay_rebase(&cc->delay, true, now_us);
        end_drain(cc, now_us);
}

/* The path became longer (another cell, another way through the net): nothing was wrong. */
static void accept_path(struct cc *cc, int64_t now_us)
{
        cc->capacity_bps = cc_max_u64(cc->capacity_bps, cc->before_drain_bps);
        cc_delay_rebase(&cc->delay, false, now_us);
        end_drain(cc, now_us);
}

/* What a sudden fall was measured with had some of the time before in it. */
static void refine(struct cc *cc, int64_t now_us)
{
        uint64_t arriving_bps = cc_arriving_bps(cc, ARRIVING_US);

        if (!is_busy(cc) || arriving_bps == UINT64_MAX || cc_delay_competing(&cc->delay) ||
            has_paused(cc))
                return;
        arriving_bps = cc_loss_undo(cc, arriving_bps);
        if (arriving_bps >= cc->capacity_bps * 8 / 10)
                return;
        cc->capacity_bps = arriving_bps;
        set_target(cc, cc_min_u64(cc->target_bps, arriving_bps * kept_permille(cc, now_us) / 1000));
}

static void drain(struct cc *cc, int64_t now_us)
{
        const struct cc_delay *delay = &cc->delay;
        int32_t threshold_us = cc_delay_threshold_us(delay);

        refine(cc, now_us);
        /* A queue that grows at once is not yet in what left before. */
        if (cc->judged_no * CC_SLICE_US < cc->cut_us)
                return;
        if (delay->queue_us <= DRAINED_US || delay->queue_us <= threshold_us / 2) {
                end_drain(cc, now_us);
                return;
        }
        if (cc_delay_flat(delay) && cc->now.n_lost * 50 <= cc->now.n_sent) {
                accept_path(cc, now_us);
                return;
        }
        if (now_us - cc->drain_us < NOT_OURS_US + (int64_t)cc->rtt_us)
                return;

        bool sent_less = cc->now.sent_bps < cc->drain_busy_bps * 93 / 100 && obeys(cc);
        bool gone_down = delay->queue_us < cc->drain_queue_us - cc->drain_queue_us / 3;

        if (sent_less && !gone_down) {
                give_in(cc, now_us);
                return;
        }
        cc->drain_us = now_us; /* it works, slowly: look again */
        cc->drain_queue_us = delay->queue_us;
}

/* Among neighbours who fill the queue only losses count, as for them. */
static bool has_lost_to_neighbours(const struct cc *cc)
{
        const struct cc_sums *sums = &cc->half_s;
        uint32_t n = sums->n_acked + sums->n_lost;

        return cc_delay_competing(&cc->delay) && cc->delay.full_us > NEIGHBOURS_QUEUE_US &&
               sums->n_lost > 1 &&
               sums->n_lost * 1000 > n * (cc->loss.inherent + LOST_TO_NEIGHBOURS) &&
               cc->judged_no * CC_SLICE_US > cc->cut_us + 600000;
}

static void yield_to_neighbours(struct cc *cc, int64_t now_us)
{
        uint64_t capacity = cc_loss_undo(cc, cc->half_s.acked_bps);

        set_target(cc, cc_min_u64(capacity, cc->target_bps) * 3 / 4);
        cc->capacity_bps = 0;
        cc->cut_us = now_us;
        cc->n_overuses++;
        cc_probe_on_cut(cc, now_us);
}

static uint64_t growth_per_s(const struct cc *cc, int64_t now_us)
{
        uint64_t per_s = cc->target_bps * GROW_PERMILLE_S / 1000;

        if (cc_delay_competing(&cc->delay)) { /* as TCP: a packet more per round trip */
                int64_t rtt_us = (int64_t)cc->rtt_us + cc->delay.full_us;

                return cc_min_u64(9600 * UINT64_C(1000000000000) / (uint64_t)(rtt_us * rtt_us + 1),
                                  per_s * 2);
        }
        if (cc->capacity_bps > 0 && now_us - cc->cut_us < MAX_CAPACITY_AGE_US &&
            cc->target_bps > cc->capacity_bps * 85 / 100 &&
            cc->target_bps < cc->capacity_bps * 115 / 100) { /* a packet or so per reaction */
                per_s = cc_min_u64(per_s, cc_bps(900, reaction_us(cc)));
                if (cc_model_full(cc))
                        per_s /= 3; /* the bursts say that there is little to find */
        }
        return per_s;
}

static void grow(struct cc *cc, int64_t now_us)
{
        int64_t dt_us = cc_clamp(now_us - cc->grown_us, 0, 250000);
        uint64_t limit = cc_loss_undo(cc, cc_peak_bps(cc)) * EVIDENCE_PERCENT / 100;

        cc->grown_us = now_us;
        limit = cc_min_u64(limit + EVIDENCE_BPS, cc_rate_ceiling(cc));
        limit = cc_min_u64(limit, cc_loss_ceiling(cc, now_us));
        if (cc->app_limited || cc->target_bps >= limit || cc_loss_blocks_growth(cc))
                return;
        if (cc->delay.queue_us > cc_delay_threshold_us(&cc->delay))
                return;
        set_target(cc, cc_min_u64(limit, cc->target_bps + growth_per_s(cc, now_us) *
                                                                  (uint64_t)dt_us / 1000000));
}

/* Far less comes through than leaves. The slices that would show it are still
 * waiting in the queue. */
static bool is_blocked(const struct cc *cc, int64_t now_us)
{
        int64_t limit_us = BLOCKED_US + 8 * cc->delay.deviation_us;

        if (now_us - cc->cut_us < reaction_us(cc) + cc->delay.full_us)
                return false;
        if (cc->phase == CC_DRAIN && cc->frontier_us < cc->cut_us)
                return false; /* what left before: nothing new */
        return cc_late_us(cc, now_us) > limit_us || cc_excess_us(cc) > limit_us ||
               fallen_us(cc, now_us) > 0;
}

static void end_silence(struct cc *cc, int64_t now_us)
{
        cc->silence_us = INT64_MAX;
        if (cc->before_silence_bps == 0)
                return;
        /* The reports were lost, or everything was: a probe tells. */
        cc->before_silence_bps = 0;
        cc_probe_soon(cc, now_us);
}

void cc_rate_on_report(struct cc *cc, int64_t now_us)
{
        int64_t end = cc->judged_no + 1;

        end_silence(cc, now_us);
        cc_sum(cc, end, 10, &cc->half_s);
        cc_sum(cc, end, 20, &cc->now);
        /* What came through a queue was all that could come: nothing is added to that. */
        note_peak(cc,
                  cc->delay.full_us > cc_delay_threshold_us(&cc->delay)
                          ? cc->half_s.acked_bps * 100 / EVIDENCE_PERCENT
                          : cc->half_s.acked_bps,
                  now_us);
        cc->app_limited = cc->now.sent_bps < cc->target_bps * 7 / 10;
        if (has_lost_to_neighbours(cc)) {
                yield_to_neighbours(cc, now_us);
        } else if ((cc_delay_overused(&cc->delay) || is_blocked(cc, now_us)) &&
                   may_cut(cc, now_us)) {
                if (is_fruitless(cc))
                        give_in(cc, now_us);
                else
                        cut(cc, now_us);
                cc->delay.n_over = 0;
                cc->delay.high_since_us = CC_NONE;
        } else if (cc->phase == CC_DRAIN) {
                drain(cc, now_us);
        } else {
                grow(cc, now_us);
        }
}

void cc_rate_on_limit(struct cc *cc, uint64_t bps, int64_t now_us)
{
        set_target(cc, cc_min_u64(bps, cc->target_bps));
        cc->capacity_bps = bps;
        cc->cut_us = cc->grown_us = now_us;
        cc->n_overuses++;
        cc_probe_on_cut(cc, now_us);
}

void cc_rate_on_probe(struct cc *cc, uint64_t found_bps, int64_t now_us)
{
        if (cc->phase == CC_DRAIN)
                return;
        if (found_bps <= cc->target_bps) { /* the target is of other times */
                set_target(cc,
                           cc_max_u64(found_bps, cc_min_u64(cc->half_s.acked_bps, cc->target_bps)));
                return;
        }
        found_bps = cc_min_u64(found_bps, cc_loss_ceiling(cc, now_us));
        set_target(cc, cc_min_u64(found_bps, cc_max_u64(cc_rate_ceiling(cc), cc->target_bps)));
        cc->capacity_bps = 0;
        cc->grown_us = now_us;
}

/* Nothing has been reported though we send: the line, or the way back, is cut. */
void cc_rate_on_silence(struct cc *cc, int64_t now_us)
{
        if (now_us < cc_rate_deadline_us(cc))
                return;
        if (cc->before_silence_bps == 0)
                cc->before_silence_bps = cc->target_bps;
        if (cc->target_bps > SILENCE_FLOOR_BPS)
                set_target(cc, cc_max_u64(cc->target_bps * 7 / 10, SILENCE_FLOOR_BPS));
        cc->silence_us = now_us + SILENCE_STEP_US;
}

int64_t cc_rate_deadline_us(const struct cc *cc)
{
        if (cc->unreported_us == CC_NONE || cc->target_bps <= SILENCE_FLOOR_BPS)
                return INT64_MAX; /* nothing is under way, or nothing is left to cut */
        if (cc->silence_us != INT64_MAX)
                return cc->silence_us;
        /* Before the first report there may be a handshake to wait for. */
        return cc->unreported_us + 2 * (int64_t)cc->rtt_us +
               (cc->reported ? SILENCE_US : 2 * SILENCE_US);
}
