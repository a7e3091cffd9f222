/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/core/transport_cc.h"

#include <string.h>

#include "sfu/wire/rtcp_tcc.h"
#include "sfu/wire/seq.h"

static void start_at(struct transport_cc *tcc, uint16_t seq)
{
        tcc->started = true;
        tcc->base = seq;
        tcc->n = tcc->n_arrived = 0;
        tcc->fast = false;
}

/* The window is full or a jump would not fit: what waits is given up, as the
 * sender will see no report of it and count it lost. */
static void give_up_before(struct transport_cc *tcc, uint16_t seq)
{
        memset(tcc->after_us, 0, sizeof(tcc->after_us));
        start_at(tcc, seq);
}

void transport_cc_on_packet(struct transport_cc *tcc, uint16_t seq, bool fast, int64_t now_us)
{
        int ahead;

        if (!tcc->started)
                start_at(tcc, seq);
        ahead = seq16_diff(seq, tcc->base);
        if (ahead < 0 && ahead > -TRANSPORT_CC_WINDOW)
                return; /* reported already */
        if (ahead < 0 || ahead >= TRANSPORT_CC_WINDOW) {
                give_up_before(tcc, seq);
                ahead = 0;
        }
        tcc->fast |= fast;
        if (tcc->n_arrived == 0)
                tcc->since_us = now_us;
        if (tcc->after_us[ahead] == 0)
                tcc->n_arrived++;
        tcc->after_us[ahead] = 1 + (uint32_t)(now_us - tcc->since_us);
        if (ahead >= tcc->n)
                tcc->n = (uint16_t)(ahead + 1);
}

int64_t transport_cc_deadline_us(const struct transport_cc *tcc)
{
        if (tcc->n_arrived == 0)
                return INT64_MAX;
        if (tcc->n >= TRANSPORT_CC_WINDOW / 2)
                return tcc->since_us;
        if (!tcc->fast)
                return tcc->since_us + TRANSPORT_CC_SLOW_US;
        return tcc->since_us + (tcc->n < TRANSPORT_CC_BUSY_PACKETS ? TRANSPORT_CC_INTERVAL_US
                                                                   : TRANSPORT_CC_BUSY_US);
}

bool transport_cc_write(struct transport_cc *tcc, struct wr *w, uint32_t sender_ssrc,
                        uint32_t media_ssrc)
{
        int64_t arrivals_us[TRANSPORT_CC_WINDOW];
        struct rtcp_tcc msg = {
                .fb = { .sender_ssrc = sender_ssrc, .media_ssrc = media_ssrc },
                .base_seq = tcc->base,
                .fb_count = tcc->fb_count,
        };

        if (tcc->n_arrived == 0)
                return false;
        for (size_t i = 0; i < tcc->n; i++)
                arrivals_us[i] = tcc->after_us[i] ? tcc->since_us + tcc->after_us[i] - 1
                                                  : RTCP_TCC_LOST;
        (void)rtcp_write_tcc(w, &msg, arrivals_us, tcc->n);
        tcc->fb_count++;
        memset(tcc->after_us, 0, tcc->n * sizeof(tcc->after_us[0]));
        start_at(tcc, (uint16_t)(tcc->base + tcc->n));
        return true;
}
