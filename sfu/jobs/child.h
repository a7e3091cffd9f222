/* SPDX-License-Identifier: Apache-2.0 */
/*
 * child — what every job runs on: the other side of supervisor.c, in the child process.
 *
 * Layer:  sfu/jobs, the child's side. GLib, no GStreamer (that is sfu/jobs/gst/).
 * Owner:  child_main(), on its stack; a job borrows it.
 * Thread: the child's main thread and its default GMainContext, except child_fail(), which
 *         any thread may call. Bus watches, g_timeout_add() and g_unix_fd_add() work.
 *
 * A job is a struct job_ops in a table (sfu/jobs/gst/kinds.c). The runtime
 *  - sets limits and priority, reads `start` (lines.h) and calls start();
 *  - gives each further line to on_line() and each message of descriptor 3 to on_record();
 *  - sends {"type":"progress"} once a second, filled in by progress(): it keeps the job
 *    alive (JOB_SILENCE_MS in jobs.h);
 *  - calls stop() on {"type":"stop"}, when the server is gone (end of stdin), or on SIGTERM;
 *    then the job ends by child_done(), at once or later.
 * After child_done() or child_fail() nothing of the job is called but free().
 */
#ifndef SFU_JOBS_CHILD_H
#define SFU_JOBS_CHILD_H

#include <jansson.h>

#include "sfu/jobs/jobs.h"
#include "sfu/wire/job_record.h"

struct child;

struct job_ops {
        enum job_kind kind;
        /* GStreamer elements it cannot do without; NULL at the end. NULL: none. */
        const char *const *elements;
        /* start: the whole first line, borrowed. *ret_job is given to the functions below. Returns
         * 0, or anything else after child_fail(); then free() is called if *ret_job was set. */
        int (*start)(struct child *child, const json_t *start, void **ret_job);
        /* May be NULL. */
        void (*on_line)(void *job, const char *type, const json_t *line);
        /* One message of descriptor 3, whole (job_record_parse() is the job's). NULL: it has none.
         * len 0: the server closed its end; nothing comes after it. */
        void (*on_record)(void *job, const uint8_t *data, size_t len);
        /* Adds to the line. False: it does not get on (an encoder that stands still); then nothing
         * is sent, and the server kills a job that goes on like this. NULL: always gets on. */
        bool (*progress)(void *job, json_t *line);
        /* Finish what is written, then child_done(). NULL: child_done() at once. */
        void (*stop)(void *job);
        void (*free)(void *job); /* may be NULL */
};

/* Returns the exit status. ops: of this kind. */
int child_main(const struct job_ops *ops);

/* Sends a line and takes the reference. A line with type "ready" is child_ready(). */
void child_say(struct child *child, json_t *line);
void child_ready(struct child *child);

/* Sends {"type":"error"} and ends the job with a failure, soon, from the loop. The first one
 * counts. code: see lines.h. Any thread. Never with a key or password in the text. */
void child_fail(struct child *child, const char *code, const char *format, ...)
        __attribute__((format(printf, 3, 4)));

/* Ends the job well, soon, from the loop. */
void child_done(struct child *child);

/* For stop(): on_record() with what the server gave before it said so and waits in the socket. */
void child_take_rest(struct child *child);

/* The media's descriptor, to write feeds to (SOCK_SEQPACKET, non-blocking). */
int child_media_fd(const struct child *child);

#endif
