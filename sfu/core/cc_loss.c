/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Losses, and whether our rate is why.
 *
 * With a queue, the queue says so (cc_delay.c), and losses only confirm it. Without
 * one, loss is either the line's nature (radio) or a policer or a very short queue.
 * The two are told apart by trying: send a little less than what was delivered and
 * look again. A policer then loses nothing; radio loses as before, so that much is
 * taken as inherent from then on, until less is seen.
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
        MIN_LOSSY = 4, /* of the slices: a few bursts are no rate */
        LIMIT_US = 60 * 1000 * 1000,
        QUEUE_US = 20 * 1000,
};

uint64_t cc_loss_undo(const struct cc *cc, uint64_t acked_bps)
{
        return acked_bps * 1000 / (1000 - (uint64_t)cc->loss.inherent);
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

static void start_test(struct cc *cc, uint16_t permille, const struct cc_sums *sums, int64_t now_us)
{
        struct cc_loss *loss = &cc->loss;

        loss->testing = true;
        loss->test_us = now_us;
        loss->test_loss = permille;
        loss->cap_bps = cc_loss_undo(cc, sums->acked_bps) * 93 / 100;
        loss->cap_bps = cc_max_u64(loss->cap_bps, CC_MIN_BPS);
        loss->test_kept = 1000;
        if (loss->cap_bps < sums->sent_bps)
                loss->test_kept = (uint16_t)(loss->cap_bps * 1000 / sums->sent_bps);
        restart_window(loss, (now_us + cc->rtt_us / 2 + TEST_AFTER_US) / CC_SLICE_US);
}

/* As much is lost at the lower rate: it is not the rate. */
static void end_test(struct cc *cc, uint16_t permille, int64_t now_us)
{
        struct cc_loss *loss = &cc->loss;
        uint32_t most = loss->test_loss * 2u < TOO_MUCH ? loss->test_loss * 2u : TOO_MUCH;
        bool queue = had_queue(cc);

        loss->testing = false;
        loss->n_put_off = 0;
        restart_window(loss, loss->next_no);
        if (permille * 3 < loss->test_loss) {
                cc_rate_on_limit(cc, loss->cap_bps, now_us);
                loss->limit_bps = loss->cap_bps;
                loss->limit_us = now_us;
                loss->cap_bps = CC_MAX_BPS;
                return;
        }
        if (permille > loss->inherent && !queue)
                loss->inherent = loss->proven = permille < most ? permille : (uint16_t)most;
        loss->cap_bps = CC_MAX_BPS;
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

static void judge(struct cc *cc, uint16_t permille, int64_t n_slices, int64_t now_us)
{
        struct cc_loss *loss = &cc->loss;
        struct cc_sums sums;

        cc_sum(cc, loss->next_no, n_slices < CC_SLICES / 2 ? n_slices : CC_SLICES / 2, &sums);
        if (permille > TOO_MUCH) {
                cc_rate_on_limit(cc, sums.acked_bps, now_us);
                return;
        }
        if (!exceeds(loss, permille)) {
                loss->n_put_off = 0;
                follow(loss, permille);
                return;
        }
        if (had_queue(cc) || loss->n_lossy * MIN_LOSSY < loss->n_slices)
                return; /* it ran over: the delay tells more about that */
        if (now_us - loss->limit_us < LIMIT_US && sums.sent_bps <= loss->limit_bps) {
                /* As much went through without losses: it is not the rate. */
                loss->inherent += (uint16_t)((permille - loss->inherent) / 2);
                if (loss->proven < loss->inherent)
                        loss->proven = loss->inherent;
                return;
        }
        start_test(cc, permille, &sums, now_us);
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
        if (n_slices < HEAVY_SLICES || n < MIN_PACKETS)
                return;

        uint16_t permille = (uint16_t)((uint64_t)n_lost * 1000 / n);

        if (loss->testing) {
                if (n_slices < TEST_MAX_SLICES && n * loss->test_loss < TEST_LOSSES * 1000)
                        return;
                loss->permille = permille;
                end_test(cc, permille, now_us);
                return;
        }
        if (n_slices < WINDOW_SLICES && permille < HEAVY + loss->inherent)
                return;
        loss->permille = permille;
        judge(cc, permille, n_slices, now_us);
        if (!loss->testing)
                restart_window(loss, loss->next_no);
}
