/* SPDX-License-Identifier: Apache-2.0 */
/* tally — what one stretch of a run counted, over all clients. Sound and pictures apart. */
#ifndef LOAD_CORE_TALLY_H
#define LOAD_CORE_TALLY_H

#include "load/core/histogram.h"
#include "load/core/meter.h"

enum tally_kind { TALLY_SOUND, TALLY_PICTURE, TALLY_KINDS };

struct tally {
        struct meter_counts counts[TALLY_KINDS];
        struct histogram latency[TALLY_KINDS]; /* departure to reading, without repairs */
        struct histogram lateness;             /* how late we were with what we should have sent */

        /* Publishers. */
        uint64_t sent[TALLY_KINDS], sent_bytes;
        uint64_t key_frames, key_requests, nacked, send_failed;

        /* Receivers. */
        uint64_t datagrams, trains; /* read; of them in GRO trains: how many such reads */
        uint64_t probes, rtcp_in, feedback_out, nacks_out;
        uint64_t bad;          /* neither SRTP nor anything else that we know */
        uint64_t socket_drops; /* our own receive buffers were full */
};

#endif
