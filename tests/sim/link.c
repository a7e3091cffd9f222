/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/sim/link.h"

#include <errno.h>
#include <math.h>

enum {
        BACKLOG = 1 << 16, /* packets in the bottleneck's queue */
        ACKS = 1 << 14,
        MSS = 1500,
        FADE_US = 200 * 1000,
};

struct ack {
        int64_t at_us;
        bool lost;
};

struct flow {
        struct link_flow_config config;
        uint64_t delivered;
        double credit; /* CBR: bytes due */
        int64_t last_us;
        /* TCP, Reno in its main lines. */
        double cwnd, threshold;
        uint32_t in_flight;
        int64_t cut_us;
        struct ack acks[ACKS];
        uint32_t first_ack, n_acks;
};

struct link {
        struct link_config config;
        uint64_t random;
        int64_t free_us; /* the bottleneck is busy until then */
        int64_t last_arrival_us;
        struct {
                int64_t at_us;
                uint32_t bytes;
        } backlog[BACKLOG];
        uint32_t first, last;
        uint32_t backlog_bytes;
        double policer_tokens;
        int64_t policer_us;
        bool bursting;
        int64_t next_stall_us;
        uint64_t n_dropped;
        struct flow flows[LINK_MAX_FLOWS];
};

uint32_t link_random(uint64_t *state)
{
        *state ^= *state >> 12;
        *state ^= *state << 25;
        *state ^= *state >> 27;
        return (uint32_t)(*state * UINT64_C(0x2545f4914f6cdd1d) >> 32);
}

static double uniform(struct link *link)
{
        return (link_random(&link->random) + 0.5) / 4294967296.0;
}

int link_new(struct link **ret_link, const struct link_config *config, uint64_t seed)
{
        struct link *link = calloc(1, sizeof(*link));

        if (!link)
                return -ENOMEM;
        link->config = *config;
        link->random = seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
        for (size_t i = 0; i < LINK_MAX_FLOWS; i++) {
                link->flows[i].config = config->flows[i];
                link->flows[i].cwnd = 10;
                link->flows[i].threshold = 1e9;
        }
        *ret_link = link;
        return 0;
}

struct link *link_free(struct link *link)
{
        free(link);
        return NULL;
}

static const struct link_step *step_at(const struct link *link, int64_t now_us)
{
        const struct link_step *steps = link->config.steps;
        size_t i = 0;

        while (i + 1 < LINK_MAX_STEPS && steps[i + 1].rate_bps > 0 && steps[i + 1].at_us <= now_us)
                i++;
        return &steps[i];
}

uint64_t link_rate_bps(const struct link *link, int64_t now_us)
{
        uint64_t rate = step_at(link, now_us)->rate_bps;

        if (link->config.fading_percent) {
                uint64_t state = (uint64_t)(now_us / FADE_US) * UINT64_C(0x9e3779b97f4a7c15) + 7;
                int percent = (int)(link_random(&state) % 201) - 100;

                rate += (uint64_t)((int64_t)rate * percent / 100 * link->config.fading_percent /
                                   100);
        }
        return rate;
}

/* When `bytes` that start at start_us have passed the bottleneck. */
static int64_t transmit(const struct link *link, double bits, int64_t start_us)
{
        int64_t at_us = start_us;

        for (;;) {
                double rate = (double)link_rate_bps(link, at_us) / 1e6; /* bits per µs */
                int64_t piece_us = 10000 - at_us % 10000; /* schedules change on such steps */

                if (rate * (double)piece_us >= bits)
                        return at_us + (int64_t)(bits / rate) + 1;
                bits -= rate * (double)piece_us;
                at_us += piece_us;
        }
}

static void stall(struct link *link, int64_t now_us)
{
        if (link->config.stalls_per_min == 0 || now_us < link->next_stall_us)
                return;
        if (link->next_stall_us > 0) {
                int64_t us = (int64_t)(uniform(link) * (double)link->config.stall_us);

                link->free_us = (link->free_us > now_us ? link->free_us : now_us) + us;
        }
        link->next_stall_us = now_us +
                              (int64_t)(-log(uniform(link)) * 60e6 / link->config.stalls_per_min);
}

static bool police(struct link *link, uint32_t bytes, int64_t now_us)
{
        double rate = (double)link->config.policer_bps / 8e6;

        if (link->config.policer_bps == 0)
                return true;
        link->policer_tokens += rate * (double)(now_us - link->policer_us);
        link->policer_us = now_us;
        if (link->policer_tokens > link->config.policer_burst)
                link->policer_tokens = link->config.policer_burst;
        if (link->policer_tokens < bytes)
                return false;
        link->policer_tokens -= bytes;
        return true;
}

static bool lost_on_the_way(struct link *link)
{
        const struct link_config *config = &link->config;

        if (config->burst_permille) {
                if (link->bursting)
                        link->bursting = uniform(link) > 1.0 / config->burst_len;
                else
                        link->bursting = uniform(link) < config->burst_permille / 10000.0;
                if (link->bursting)
                        return true;
        }
        return config->loss_permille && uniform(link) < config->loss_permille / 1000.0;
}

static int64_t travel(struct link *link, int64_t left_us)
{
        const struct link_config *config = &link->config;
        int64_t at_us = left_us + step_at(link, left_us)->delay_us;

        if (config->reorder_permille && uniform(link) < config->reorder_permille / 1000.0)
                return at_us + config->reorder_us;
        if (config->jitter_us)
                at_us += (int64_t)(-log(uniform(link)) * (double)config->jitter_us);
        if (config->frame_us)
                at_us = (at_us / config->frame_us + 1) * config->frame_us;
        if (at_us < link->last_arrival_us && config->reorder_permille == 0)
                at_us = link->last_arrival_us;
        link->last_arrival_us = at_us;
        return at_us;
}

bool link_send(struct link *link, uint32_t bytes, int64_t now_us, int64_t *ret_arrival_us,
               int64_t *ret_wait_us)
{
        stall(link, now_us);
        while (link->first != link->last && link->backlog[link->first % BACKLOG].at_us <= now_us)
                link->backlog_bytes -= link->backlog[link->first++ % BACKLOG].bytes;
        *ret_wait_us = link->free_us > now_us ? link->free_us - now_us : 0;
        if (link->backlog_bytes + bytes > link->config.queue_bytes ||
            link->last - link->first >= BACKLOG || !police(link, bytes, now_us)) {
                link->n_dropped++;
                return false;
        }
        link->free_us = transmit(link, bytes * 8.0, now_us + *ret_wait_us);
        link->backlog[link->last % BACKLOG].at_us = link->free_us;
        link->backlog[link->last++ % BACKLOG].bytes = bytes;
        link->backlog_bytes += bytes;
        if (lost_on_the_way(link))
                return false;
        *ret_arrival_us = travel(link, link->free_us);
        return true;
}

static void run_cbr(struct link *link, struct flow *flow, int64_t now_us)
{
        int64_t arrival_us, wait_us;

        flow->credit += (double)flow->config.rate_bps / 8e6 * (double)(now_us - flow->last_us);
        for (; flow->credit >= MSS; flow->credit -= MSS) {
                if (link_send(link, MSS, now_us, &arrival_us, &wait_us))
                        flow->delivered += MSS;
        }
}

static void take_acks(struct flow *flow, int64_t now_us)
{
        while (flow->n_acks > 0 && flow->acks[flow->first_ack % ACKS].at_us <= now_us) {
                const struct ack *ack = &flow->acks[flow->first_ack % ACKS];

                flow->first_ack++;
                flow->n_acks--;
                flow->in_flight--;
                if (!ack->lost) {
                        flow->delivered += MSS;
                        flow->cwnd += flow->cwnd < flow->threshold ? 1 : 1 / flow->cwnd;
                } else if (ack->at_us > flow->cut_us) {
                        flow->cwnd = flow->threshold = flow->cwnd / 2 < 2 ? 2 : flow->cwnd / 2;
                        flow->cut_us = ack->at_us + 100000; /* once for what was under way */
                }
        }
}

static void run_tcp(struct link *link, struct flow *flow, int64_t now_us)
{
        take_acks(flow, now_us);
        while (flow->in_flight < flow->cwnd && flow->n_acks < ACKS) {
                int64_t delay_us = step_at(link, now_us)->delay_us, arrival_us, wait_us;
                bool arrives = link_send(link, MSS, now_us, &arrival_us, &wait_us);
                struct ack *ack = &flow->acks[(flow->first_ack + flow->n_acks) % ACKS];
                int64_t last_us =
                        flow->n_acks ? flow->acks[(flow->first_ack + flow->n_acks - 1) % ACKS].at_us
                                     : 0;

                /* A loss shows when the packets behind it arrive. */
                ack->at_us = (arrives ? arrival_us : now_us + wait_us + delay_us) + delay_us;
                if (ack->at_us < last_us)
                        ack->at_us = last_us;
                ack->lost = !arrives;
                flow->n_acks++;
                flow->in_flight++;
        }
}

void link_run(struct link *link, int64_t now_us)
{
        for (size_t i = 0; i < LINK_MAX_FLOWS; i++) {
                struct flow *flow = &link->flows[i];

                if (flow->config.kind != LINK_NO_FLOW && now_us >= flow->config.from_us &&
                    now_us < flow->config.to_us) {
                        if (flow->config.kind == LINK_CBR)
                                run_cbr(link, flow, now_us);
                        else
                                run_tcp(link, flow, now_us);
                }
                flow->last_us = now_us;
        }
}

uint64_t link_flow_bytes(const struct link *link, size_t flow)
{
        return link->flows[flow].delivered;
}

uint64_t link_dropped(const struct link *link)
{
        return link->n_dropped;
}
