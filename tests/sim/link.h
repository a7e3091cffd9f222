/* SPDX-License-Identifier: Apache-2.0 */
/*
 * link — one direction of a line, in simulated time: a bottleneck with a drop-tail
 *        queue, then a path with delay, jitter and loss. Rate and delay follow a
 *        schedule; other flows may share the bottleneck.
 *
 * Same configuration, same seed, same outcome.
 */
#ifndef TESTS_SIM_LINK_H
#define TESTS_SIM_LINK_H

#include "base/base.h"

enum { LINK_MAX_STEPS = 16, LINK_MAX_FLOWS = 4 };

struct link_step {
        int64_t at_us;
        uint64_t rate_bps;
        int64_t delay_us; /* one way, without the queue */
};

enum link_flow_kind { LINK_NO_FLOW, LINK_CBR, LINK_TCP };

struct link_flow_config {
        enum link_flow_kind kind;
        int64_t from_us, to_us;
        uint64_t rate_bps; /* of CBR */
};

struct link_config {
        struct link_step steps[LINK_MAX_STEPS]; /* ends at the first with rate 0 */
        uint32_t queue_bytes;
        uint64_t policer_bps; /* excess is dropped, nothing waits; 0: none */
        uint32_t policer_burst;
        int64_t jitter_us;  /* mean of an exponential one; packets stay in order */
        int64_t frame_us;   /* deliveries happen in steps of this (a radio's schedule) */
        int stalls_per_min; /* nothing passes for up to stall_us */
        int64_t stall_us;
        int fading_percent; /* rate varies by as much, every 200 ms */
        int loss_permille;
        int burst_permille;   /* Gilbert-Elliott: chance of a burst to begin, of 10,000 packets */
        int burst_len;        /* mean packets in it */
        int reorder_permille; /* overtaken by what comes within reorder_us */
        int64_t reorder_us;
        struct link_flow_config flows[LINK_MAX_FLOWS];
};

struct link;

must_use int link_new(struct link **ret_link, const struct link_config *config, uint64_t seed);
struct link *link_free(struct link *link);
DEFINE_CLEANUP(struct link *, link_free)

/* Lets the other flows run up to now. Call in steps of about a millisecond. */
void link_run(struct link *link, int64_t now_us);

/* Sends a packet; calls never go back in time. Returns false when it is lost; otherwise
 * the moment it arrives. ret_wait_us: time in the queue (also of what is lost later). */
bool link_send(struct link *link, uint32_t bytes, int64_t now_us, int64_t *ret_arrival_us,
               int64_t *ret_wait_us);

uint64_t link_rate_bps(const struct link *link, int64_t now_us);
uint64_t link_flow_bytes(const struct link *link, size_t flow); /* delivered so far */
uint64_t link_dropped(const struct link *link);                 /* by the full queue */

uint32_t link_random(uint64_t *state);

#endif
