/* SPDX-License-Identifier: Apache-2.0 */
/* report — the figures of a run as a table and as JSON, and what they mean in one sentence. */
#ifndef LOAD_REPORT_H
#define LOAD_REPORT_H

#include "load/core/tally.h"
#include "load/io/usage.h"
#include "load/load.h"

enum { REPORT_REASONS = 4, REPORT_REASON = 160 };

struct report_joins {
        unsigned ok, failed, lost, too_fast;
        unsigned without[TALLY_KINDS]; /* in, and got less than they asked for at its end */
        double seconds;
        struct histogram connected, first_sound, first_picture; /* since the join began */
        char reasons[REPORT_REASONS][REPORT_REASON];            /* the first different ones */
};

struct report_usage {
        bool known;
        struct usage before_joins, begin, end; /* without subscribers; of the measured stretch */
};

struct report {
        const struct load_params *params;
        unsigned subscribers; /* asked for by then: more with each step of a ramp */
        struct report_joins publishers, watchers;
        const struct tally *joining; /* while subscribers joined */
        const struct tally *steady;  /* the measured stretch */
        double seconds;              /* of it */
        struct report_usage server;
        int64_t own_ns, own_waited_ns; /* of our one media thread */
        bool feedback;                 /* transport-wide feedback was negotiated */
        bool dead;                     /* at the end the server answered nobody any more */
};

enum report_limit {
        REPORT_NO_LIMIT,
        REPORT_DEAD, /* whatever else was the matter: without a server all figures are bad */
        REPORT_JOINS,
        REPORT_SERVER,
        REPORT_NARROW, /* the server took the lines for narrow: the load was not reached */
        REPORT_GENERATOR,
        REPORT_CROWDED, /* other programs had the cores */
};

/* What was the limit. */
enum report_limit report_limit(const struct report *report);

uint64_t report_received(const struct report *report); /* packets forwarded to us */
double report_loss(const struct report *report);       /* 0..1, after repair */

void report_print(const struct report *report);
void report_print_json(const struct report *report);

/* One line, for a ramp. */
void report_print_step(const struct report *report);

#endif
