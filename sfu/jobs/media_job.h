/* SPDX-License-Identifier: Apache-2.0 */
/*
 * media_job — a job with media of a room: the socket pair, its two ends where they belong,
 *             and nothing left behind when one of them fails.
 *
 * Layer:  sfu/jobs, the server's side.
 * Thread: the signalling thread.
 */
#ifndef SFU_JOBS_MEDIA_JOB_H
#define SFU_JOBS_MEDIA_JOB_H

#include "sfu/api.h"
#include "sfu/jobs/jobs.h"

/* Starts a job that hears a room. The fds of both params are not read. Returns 0, or what
 * sfu_tap_open() or job_start() returned. The caller closes the tap, at the latest from on_end. */
must_use int media_job_tap(struct jobs *jobs, const struct job_params *params, struct sfu *sfu,
                           const struct sfu_tap_params *tap, struct job **ret_job,
                           uint64_t *ret_tap);

/* Starts a job that is a participant. As above, with sfu_feed_open(); the caller closes the peer. */
must_use int media_job_feed(struct jobs *jobs, const struct job_params *params, struct sfu *sfu,
                            const struct sfu_feed_params *feed, struct job **ret_job,
                            uint64_t *ret_peer);

#endif
