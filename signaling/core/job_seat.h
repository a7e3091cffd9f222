/* SPDX-License-Identifier: Apache-2.0 */
/*
 * job_seat — a seat of the meeting whose voice and picture come from a job: a film, a camera
 *            of the hall. It comes and goes as people do, by the meeting's rules; a host lets
 *            it in.
 *
 * Layer: signaling/core.
 */
#ifndef SIGNALING_CORE_JOB_SEAT_H
#define SIGNALING_CORE_JOB_SEAT_H

#include "signaling/core/app.h"

struct job_seat {
        const char *id, *name; /* id: people.h */
        bool screen;           /* its picture is a screen, not a camera */
        uint8_t n_layers;      /* 0: no picture */
};

/* Takes the seat, again when it went, and starts the job as its voice and picture. Of a job
 * that starts again the host's mutes stay. Returns 0, an enum meeting_err, or -errno (-ENOTSUP: such
 * jobs cannot run here). The caller stops the job and calls job_seat_leave(). */
must_use int job_seat_start(struct room *room, const struct job_seat *seat,
                            const struct job_params *params, struct job **ret_job);
void job_seat_leave(struct room *room, const char *id);
/* False when it left, or a host removed it. */
bool job_seat_is_in(const struct room *room, const char *id);

#endif
