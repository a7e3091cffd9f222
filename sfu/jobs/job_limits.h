/* SPDX-License-Identifier: Apache-2.0 */
/*
 * job_limits — what a job may take of the machine; set by itself before it reads anything.
 *
 * Layer:  sfu/jobs, the child's side.
 *
 * All:    no core file, 256 descriptors (tracks and compose, with hundreds of files: 1024), 200
 *         tasks (compose: 400), an address space of 4 GB, files of 64 GB (an hour of everything
 *         is under 4 GB); the first to go when memory runs out.
 * Live kinds (tracks, program, film, camera, rtmp): nice 5, so that the media plane comes
 *         first. probe: nice 10, as conversions of papers; somebody waits for it, and a film whose
 *         check never gets its turn must not be called unplayable. compose, finish: SCHED_IDLE,
 *         nice 19, idle disk.
 * CPU:    probe 20 s, check 60 s; the others live as long as the meeting.
 */
#ifndef SFU_JOBS_JOB_LIMITS_H
#define SFU_JOBS_JOB_LIMITS_H

#include "sfu/jobs/jobs.h"

/* kind: N_JOB_KINDS for `dinh job check`. Returns 0 or -errno. */
must_use int job_limits_set(enum job_kind kind);

#endif
