/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tap — one worker's end of a tap's socket: records wait in a ring and go out once a
 *       loop turn, many to a system call.
 *
 * Layer:  io.
 * Owner:  the worker, one for each tap (worker_taps.c).
 * Thread: the worker's. Other workers write to the same socket; it keeps records whole.
 *
 *   ring    0 ........ a quarter ......... three quarters ......... full
 *   takes   everything                     | no picture, until       | TRACK and END
 *                                          | it is a quarter full    | only, then it is broken
 *
 * Invariants:
 *  (1) what waits is bounded (TAP_RING_BYTES, TAP_RING_RECORDS) and allocated at once.
 *  (2) a job that is gone, or stands still until not even a TRACK fits, breaks its tap
 *      and nothing else.
 */
#ifndef SFU_IO_TAP_H
#define SFU_IO_TAP_H

#include "base/base.h"
#include "sfu/wire/job_record.h"

enum {
        TAP_RING_BYTES = 4 * 1024 * 1024, /* 3 s of ten cameras */
        TAP_RING_RECORDS = 16384,
        TAP_SOCKET_BYTES = 4 * 1024 * 1024, /* the kernel's, as far as it allows */
        TAP_TURN_RECORDS = 128,
};

enum tap_flush {
        TAP_DRAINED,
        TAP_MORE,    /* more than one turn's share waits */
        TAP_BLOCKED, /* the socket is full */
        TAP_BROKEN,  /* no more will go: close it */
};

struct tap;

/* Takes fd over and makes it nonblocking. Returns 0 or -errno, and then fd is the caller's. */
must_use int tap_new(struct tap **ret_tap, int fd);
struct tap *tap_free(struct tap *tap); /* closes the socket; accepts NULL */
DEFINE_CLEANUP(struct tap *, tap_free)

int tap_fd(const struct tap *tap);

/* Copies the record. As tap() of struct media_out: false: the job is behind. */
bool tap_put(struct tap *tap, const struct job_record *record);

enum tap_flush tap_flush(struct tap *tap);

/* Once after pictures were refused: now there is room again. */
bool tap_take_relief(struct tap *tap);

#endif
