/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Losses, and whether our rate is why.
 *
 * With a queue, the queue says so (cc_delay.c), and losses only confirm it. Without
 * one, loss is either the line's nature (radio) or a policer or a very short queue.
 * Mostly the slices tell (cc_cause.c). If it is the rate, the target goes to what is
 * delivered, and for a minute it is raised by a step at most: what a probe finds, a token
 * bucket has lent. If it is the line's nature, so much is inherent from then on, until
 * less is seen. What the slices leave open is tried: a little less is sent than was
 * delivered; a policer then loses nothing, and radio loses as before.
 */
#include "sfu/core/cc_internal.h"

enum {
        LAG_SLICES = 4,  /* reordered packets get time to be reported after all */
        MIN_EXCESS = 25, /* per mille */
        HEAVY = 150,
        WINDOW_SLICES = 40,
        HEAVY_SLICES = 10,
        MIN_PACKETS = 20,
        TEST_AFTER_US = 200 * 1000, /* until the allocator has followed */
        TEST_MAX_SLICES = 60,
        TEST_GIVEN_UP_US = 8 * 1000 * 1000, /* nothing is sent that could tell */
        TEST_LOSSES = 12,                   /* as many should have been seen to tell */
        MAX_PUT_OFF = 2,
        TOO_MUCH = 500,
        KEPT_PERCENT = 93,  /* of what was delivered */
        STEP_PERCENT = 130, /* of the limit found */
        MIN_LOSSY = 4,      /* of so many slices one: a few bursts are no rate */
        MANY_LOSSY = 4,     /* slices */
        PICTURES = 4,       /* packets a slice */
        LIMIT_US = 60 * 1000 * 1000,
        QUEUE_US = 20 * 1000,
};

uint64_t cc_loss_undo(const struct cc *cc, uint64_t acked_bps)
{
        return acked_bps * 1000 / (1000 - (uint64_t)cc->loss.inherent);
}

/* What the line lets through was found not long ago. */
static bool is_limited(const struct cc_loss *loss, int64_t now_us)
{
        return now_us - loss->limit_us < LIMIT_US;
}

uint64_t cc_loss_ceiling(const struct cc *cc, int64_t now_us)
{
        const struct cc_loss *loss = &cc->loss;

        if (!is_limited(loss, now_us))
                return CC_MAX_BPS;
        return cc_max_u64(loss->limit_bps * STEP_PERCENT / 100, cc->target_bps);
}

bool cc_loss_blocks_growth(const struct cc *cc)
{
        return cc->loss.testing;
}

uint16_t cc_test_permille(const struct cc *cc)
{
        return cc->loss.testing ? cc->loss.test_kept : 1000;
}

/* What goes twice unasked seems to lose nothing. */
static uint32_t n_once(const struct cc_loss *loss)
{
        return loss->n_acked + loss->n_lost;
}

static bool had_queue(const struct cc *cc)
{
        return cc->loss.max_queue_us > QUEUE_US + 4 * cc->delay.deviation_us;
}

static void restart_window(struct cc_loss *loss, int64_t from_no)
{
        loss->from_no = loss->next_no = from_no;
        loss->n_acked = loss->n_lost = loss->n_slices = loss->n_lossy = 0;
        loss->n_acked_twice = loss->n_lost_twice = 0;
        loss->max_queue_us = 0;
}

/* When what left before a change of the rate has been reported, and the allocator has followed. */
static int64_t next_window(const struct cc *cc, int64_t now_us)
{
        return (now_us + cc->rtt_us / 2 + TEST_AFTER_US) / CC_SLICE_US;
}

static uint64_t kept_of(const struct cc_sums *sums)
{
        return sums->acked_bps * KEPT_PERCENT / 100;
}

static void start_test(struct cc *cc, uint16_t permille, const struct cc_sums *sums, int64_t now_us)
{
        struct cc_loss *loss = &cc->loss;

        loss->testing = true;
        loss->test_us = now_us;
        loss->test_loss = permille;
        loss->cap_bps = cc_loss_undo(cc, kept_of(sums));
        loss->cap_bps = cc_max_u64(loss->cap_bps, CC_MIN_BPS);
        loss->test_kept = 1000;
        if (loss->cap_bps < sums->sent_bps)
                loss->test_kept = (uint16_t)(loss->cap_bps * 1000 / sums->sent_bps);
        restart_window(loss, next_window(cc, now_us));
}

/* Of the window, or of its last second and a half. */
static struct cc_sums sum_of_window(const struct cc *cc)
{
        const struct cc_loss *loss = &cc->loss;
        int64_t n_slices = loss->next_no - loss->from_no;
        struct cc_sums sums;

        cc_sum(cc, loss->next_no, n_slices < CC_SLICES / 2 ? n_slices : CC_SLICES / 2, &sums);
        return sums;
}

/* It is the rate: the line lets so much through. */
static void set_limit(struct cc *cc, uint64_t bps, int64_t now_us)
{
        struct cc_loss *loss = &cc->loss;

        loss->testing = false;
        loss->n_put_off = 0;
        loss->cap_bps = CC_MAX_BPS;
        loss->limit_bps = bps;
        loss->limit_us = now_us;
        loss->inherent = loss->proven = 0;
        loss->fit = (struct cc_fit){ 0 };
        restart_window(loss, next_window(cc, now_us));
        cc_rate_on_limit(cc, bps, now_us);
}

/* It is not the rate: the line loses so much of everything. */
static void accept_as_inherent(struct cc *cc, uint16_t permille)
{
        struct cc_loss *loss = &cc->loss;

        if (permille > loss->inherent && !had_queue(cc))
                loss->inherent = loss->proven = permille;
        loss->n_put_off = 0;
        loss->fit = (struct cc_fit){ 0 };
}

static void end_test(struct cc *cc, uint16_t permille, int64_t now_us)
{
        struct cc_loss *loss = &cc->loss;
        uint32_t most = loss->test_loss * 2u < TOO_MUCH ? loss->test_loss * 2u : TOO_MUCH;
        struct cc_sums sums = sum_of_window(cc);
        enum cc_cause cause = cc_cause_of(&loss->fit);

        if (permille * 3 < loss->test_loss && cause != CC_ITS_NATURE) {
                set_limit(cc, loss->cap_bps, now_us);
                return;
        }
        if (cause == CC_OUR_RATE) {
                set_limit(cc, kept_of(&sums), now_us);
                return;
        }
        loss->testing = false;
        loss->cap_bps = CC_MAX_BPS;
        accept_as_inherent(cc, permille < most ? permille : (uint16_t)most);
        restart_window(loss, loss->next_no);
        cc_probe_soon(cc, now_us);
}

int64_t cc_loss_deadline_us(const struct cc *cc)
{
        return cc->loss.testing ? cc->loss.test_us + TEST_GIVEN_UP_US : INT64_MAX;
}

static void give_up_test(struct cc *cc, int64_t now_us)
{
        cc->loss.testing = false;
        cc->loss.cap_bps = CC_MAX_BPS;
        restart_window(&cc->loss, now_us / CC_SLICE_US);
}

void cc_loss_on_timeout(struct cc *cc, int64_t now_us)
{
        if (now_us >= cc_loss_deadline_us(cc))
                give_up_test(cc, now_us);
}

bool cc_put_off_test(struct cc *cc, int64_t now_us)
{
        struct cc_loss *loss = &cc->loss;

        if (!loss->testing || loss->test_loss >= HEAVY || loss->n_put_off == MAX_PUT_OFF)
                return false;
        loss->n_put_off++;
        give_up_test(cc, now_us);
        return true;
}

/* What chance makes of losses that are there anyway is no excess: four standard deviations
 * of n packets' losses. Nor is what a test could not see again. */
static bool exceeds(const struct cc_loss *loss, uint16_t permille)
{
        uint64_t excess = permille > loss->inherent ? permille - loss->inherent : 0;
        uint64_t n = n_once(loss);

        return n >= MIN_PACKETS && excess > MIN_EXCESS + loss->inherent / 4u &&
               excess * excess * n > 16 * 1000 * (uint64_t)loss->inherent;
}

/* Up, too, or the lowest of many windows would be taken for all. */
static void follow(struct cc_loss *loss, uint16_t permille)
{
        int inherent = loss->inherent + (permille - loss->inherent) / 4;

        if (permille < loss->inherent && inherent == loss->inherent)
                inherent--;
        loss->inherent = (uint16_t)(inherent < loss->proven ? inherent : loss->proven);
}

static void judge(struct cc *cc, uint16_t permille, int64_t now_us)
{
        struct cc_loss *loss = &cc->loss;
        struct cc_sums sums = sum_of_window(cc);
        bool limited = is_limited(loss, now_us), beyond = sums.sent_bps > loss->limit_bps;
        enum cc_cause cause = cc_cause_of(&loss->fit);

        if (permille <= TOO_MUCH && !exceeds(loss, permille)) {
                if (limited && beyond)
                        loss->limit_bps = sums.sent_bps;
                loss->n_put_off = 0;
                loss->fit = (struct cc_fit){ 0 };
                follow(loss, permille);
        } else if (had_queue(cc) || loss->n_lossy * MIN_LOSSY < loss->n_slices) {
                /* It ran over: the delay tells more about that. */
                if (permille > TOO_MUCH)
                        cc_rate_on_limit(cc, sums.acked_bps, now_us);
        } else if (cause == CC_OUR_RATE) {
                set_limit(cc, kept_of(&sums), now_us);
        } else if (permille > TOO_MUCH) {
                cc_rate_on_limit(cc, kept_of(&sums), now_us);
        } else if (cause == CC_ITS_NATURE) {
                accept_as_inherent(cc, permille);
        } else if (limited && !beyond) {
                /* As much got through a moment ago: it is not the rate. */
                loss->inherent += (uint16_t)((permille - loss->inherent) / 2);
                if (loss->proven < loss->inherent)
                        loss->proven = loss->inherent;
        } else if (cc_fit_is_enough(&loss->fit)) {
                start_test(cc, permille, &sums, now_us);
        }
}

/* A burst or two (all key frames of who joins come at once) are no reason to say things twice;
 * of a voice alone more can't be seen. */
static void publish(struct cc_loss *loss, uint16_t permille)
{
        bool pictures = n_once(loss) >= PICTURES * loss->n_slices;

        if (!pictures || loss->n_lossy >= MANY_LOSSY || permille < loss->permille)
                loss->permille = permille;
}

/* So much is lost that it is judged before the window is full: when there is enough to judge by. */
static bool is_heavy(const struct cc_loss *loss, uint16_t permille)
{
        return permille > TOO_MUCH ||
               (permille >= HEAVY + loss->inherent && cc_fit_is_enough(&loss->fit));
}

void cc_loss_on_report(struct cc *cc, int64_t now_us)
{
        struct cc_loss *loss = &cc->loss;
        int64_t end = cc->judged_no - LAG_SLICES;

        if (cc->delay.full_us > loss->max_queue_us)
                loss->max_queue_us = cc->delay.full_us;
        if (end - loss->next_no > CC_SLICES)
                restart_window(loss, end - CC_SLICES); /* nothing was sent for long */
        for (; loss->next_no < end; loss->next_no++) {
                const struct cc_slice *slice = cc_slice_at(cc, loss->next_no);

                if (slice) {
                        cc_fit_slice(&loss->fit, slice);
                        loss->n_acked += slice->n_acked - slice->n_acked_twice;
                        loss->n_lost += slice->n_lost - slice->n_lost_twice;
                        loss->n_acked_twice += slice->n_acked_twice;
                        loss->n_lost_twice += slice->n_lost_twice;
                        loss->n_slices += slice->n_acked + slice->n_lost > 0;
                        loss->n_lossy += slice->n_lost > 0;
                }
        }

        int64_t n_slices = loss->next_no - loss->from_no;
        uint32_t n_lost = loss->n_lost, n = n_once(loss);

        /* Nothing but a voice is better than nothing, but for a test. */
        if (n < MIN_PACKETS && !loss->testing) {
                n_lost += loss->n_lost_twice;
                n += loss->n_acked_twice + loss->n_lost_twice;
        }
        if (loss->n_slices < HEAVY_SLICES || n < MIN_PACKETS)
                return;

        uint16_t permille = (uint16_t)((uint64_t)n_lost * 1000 / n);

        if (loss->testing) {
                if (n_slices < TEST_MAX_SLICES && n * loss->test_loss < TEST_LOSSES * 1000)
                        return;
                publish(loss, permille);
                end_test(cc, permille, now_us);
                return;
        }
        if (n_slices < WINDOW_SLICES && !is_heavy(loss, permille))
                return;
        publish(loss, permille);
        judge(cc, permille, now_us);
        if (!loss->testing)
                restart_window(loss, loss->next_no);
}
