/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/core/cc.h"

#include <errno.h>
#include <string.h>

#include "sfu/core/cc_internal.h"

enum { DEFAULT_RTT_US = 200 * 1000, MAX_RTT_US = 3 * 1000 * 1000 };

int cc_new(struct cc **ret_cc, uint64_t start_bps, int64_t now_us)
{
        struct cc *cc = calloc(1, sizeof(*cc));

        if (!cc)
                return -ENOMEM;
        cc->target_bps = start_bps ? start_bps : CC_START_BPS;
        cc->target_bps = (uint64_t)cc_clamp((int64_t)cc_min_u64(cc->target_bps, CC_MAX_BPS),
                                            CC_MIN_BPS, CC_MAX_BPS);
        cc->rtt_us = DEFAULT_RTT_US;
        cc->grown_us = now_us;
        cc->last_sent_us = cc->unreported_us = cc->report_at_us = CC_NONE;
        cc->cut_us = now_us - CC_LONG_AGO_US;
        cc->silence_us = cc->lag_us = INT64_MAX;
        cc->loss.cap_bps = CC_MAX_BPS;
        cc->loss.limit_us = now_us - CC_LONG_AGO_US;
        cc->probe.success_us = CC_NONE;
        cc->model.rate = (int64_t)((cc->target_bps << CC_MODEL_SHIFT) / 8000000);
        cc->model.at_us = now_us;
        cc_history_init(cc);
        cc_delay_init(&cc->delay);
        *ret_cc = cc;
        return 0;
}

struct cc *cc_free(struct cc *cc)
{
        free(cc);
        return NULL;
}

/* Slices that are complete now go to the detector, oldest first. */
static void close_slices(struct cc *cc)
{
        int64_t end = cc->frontier_us / CC_SLICE_US;

        if (cc->judged_no == CC_NONE || end - cc->judged_no > CC_SLICES)
                cc->judged_no = end - CC_SLICES;
        for (; cc->judged_no + 1 < end; cc->judged_no++) {
                const struct cc_slice *slice = cc_slice_at(cc, cc->judged_no + 1);

                if (!slice)
                        continue;
                cc_delay_on_slice(cc, slice);
                cc_model_on_slice(cc, slice);
        }
}

static void note_report(struct cc *cc)
{
        cc->delay.restarted = false;
        if (cc->report_at_us == CC_NONE)
                return;
        cc->reports[cc->n_reports % CC_REPORTS].at_us = cc->report_at_us;
        cc->reports[cc->n_reports % CC_REPORTS].bytes = cc->report_bytes;
        cc->n_reports++;
        cc->report_at_us = CC_NONE;
        cc->report_bytes = 0;
}

static void end_report(struct cc *cc, int64_t frontier_us, int64_t now_us)
{
        note_report(cc);
        if (cc->frontier_us == frontier_us)
                return; /* it told nothing new */
        cc->reported = true;
        cc->unreported_us = cc->last_sent_us > cc->frontier_us ? now_us : CC_NONE;
        /* At best the newest packet was reported as it came. */
        if (!cc->rtt_told && now_us - cc->frontier_us < (int64_t)cc->rtt_us)
                cc->rtt_us = (uint32_t)(now_us - cc->frontier_us);
        if (now_us - cc->frontier_us < cc->lag_us)
                cc->lag_us = now_us - cc->frontier_us;
        close_slices(cc);
        cc_loss_on_report(cc, now_us);
        cc_rate_on_report(cc, now_us);
        cc_probe_on_report(cc, now_us);
        cc->model.rate = (int64_t)(((cc_target_bps(cc) * 5 / 4) << CC_MODEL_SHIFT) / 8000000);
}

void cc_on_tcc(struct cc *cc, uint16_t base_seq, const int64_t *arrivals_us, size_t n,
               int64_t now_us)
{
        int64_t frontier_us = cc->frontier_us;

        for (size_t i = 0; i < n && i <= UINT16_MAX; i++)
                cc_report_number(cc, (uint16_t)(base_seq + i), arrivals_us[i], now_us);
        end_report(cc, frontier_us, now_us);
}

void cc_on_ccfb_end(struct cc *cc, int64_t now_us)
{
        cc->ccfb_steps = 0;
        end_report(cc, cc->ccfb_frontier_us, now_us);
        cc->ccfb_frontier_us = cc->frontier_us;
}

void cc_set_rtt(struct cc *cc, uint32_t rtt_us)
{
        cc->rtt_us = rtt_us < MAX_RTT_US ? rtt_us : MAX_RTT_US;
        cc->rtt_told = true;
}

void cc_set_demand(struct cc *cc, uint64_t allocated_bps, uint64_t wanted_bps)
{
        cc->wanted_bps = cc_max_u64(cc_min_u64(wanted_bps, CC_MAX_BPS), allocated_bps);
        cc->wanted_bps = cc_min_u64(cc->wanted_bps, CC_MAX_BPS);
}

void cc_cannot_probe(struct cc *cc)
{
        cc->no_probes = true;
}

void cc_give_up(struct cc *cc)
{
        cc->target_bps = cc->loss.cap_bps = CC_MAX_BPS;
}

uint64_t cc_target_bps(const struct cc *cc)
{
        return cc_min_u64(cc->target_bps, cc->loss.cap_bps);
}

void cc_on_timeout(struct cc *cc, int64_t now_us)
{
        cc_rate_on_silence(cc, now_us);
        cc_loss_on_timeout(cc, now_us);
}

int64_t cc_deadline_us(const struct cc *cc)
{
        int64_t next_us = cc_probe_deadline_us(cc), silence_us = cc_rate_deadline_us(cc);
        int64_t test_us = cc_loss_deadline_us(cc);

        next_us = silence_us < next_us ? silence_us : next_us;
        return test_us < next_us ? test_us : next_us;
}

void cc_info(const struct cc *cc, struct cc_info *ret_info)
{
        *ret_info = (struct cc_info){
                .target_bps = cc_target_bps(cc),
                .delay_bps = cc->target_bps,
                .loss_bps = cc->loss.cap_bps,
                .acked_bps = cc->half_s.acked_bps,
                .queue_us = cc->delay.queue_us,
                .loss_permille = cc->loss.permille,
                .rtt_us = cc->rtt_us,
                .overusing = cc->phase == CC_DRAIN,
                .app_limited = cc->app_limited,
                .probing = cc->probe.waiting,
                .probes = cc->n_probes,
                .overuses = cc->n_overuses,
        };
}
