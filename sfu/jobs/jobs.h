/* SPDX-License-Identifier: Apache-2.0 */
/*
 * jobs — child processes that record, compose, play and stream: `dinh job KIND`,
 *        the same program in a sandbox.
 *
 * Layer:  sfu/jobs. This header is what the signalling layer sees; what a job says and
 *         hears is in lines.h, its media in sfu/wire/job_record.h.
 * Owner:  main makes one struct jobs on its uv loop; whoever starts a job owns it.
 * Thread: the signalling thread's loop; all functions and callbacks.
 *
 * A job is started in bubblewrap: read-only system, its own folder to write to, no
 * capability, its own process group, rlimits, nice; without a network unless its kind
 * needs one. It reads commands from stdin and writes what it has to tell to stdout,
 * a line of JSON each; stderr goes to the log, limited. It dies with the server.
 *
 * Invariants:
 *  (1) after job_stop()'s or job_kill()'s last callback on_end the job is freed; on_end comes
 *      exactly once for every started job, from the loop, never from inside job_start().
 *  (2) a job that says nothing for JOB_SILENCE_MS is killed: reason JOB_STALLED.
 *  (3) what a job makes us hold or do is bounded: lines of JOB_LINE_MAX bytes, some 256 kB of
 *      lines a second (it waits then), JOB_QUEUE_MAX bytes of commands it has not read (then it
 *      is killed as stalled).
 *  (4) starting again is the owner's business; the supervisor starts nothing by itself.
 */
#ifndef SFU_JOBS_JOBS_H
#define SFU_JOBS_JOBS_H

#include <jansson.h>
#include <uv.h>

#include "base/base.h"

enum {
        JOB_LINE_MAX = 64 * 1024,
        JOB_QUEUE_MAX = 1024 * 1024,
        JOB_SILENCE_MS = 5000,       /* every job tells its progress once a second */
        JOB_IDLE_SILENCE_MS = 60000, /* compose, finish, probe: a busy machine leaves them little */
        JOB_STOP_MS = 5000,          /* from job_stop() to SIGKILL; JOB_FINISH has a minute */
        JOBS_MAX = 64,
};

enum job_kind {
        JOB_TRACKS,  /* fd: a tap of SFU_TAP_ALL. Each publication into a Matroska file */
        JOB_PROGRAM, /* fd: a tap of SFU_TAP_PROGRAM. Composes: MP4 and/or HLS segments, live */
        JOB_COMPOSE, /* the same from a tracks recording, afterwards; idle priority */
        JOB_FINISH,  /* cues and duration for Matroska, faststart for MP4; idle priority */
        JOB_FILM,    /* fd: a feed. Plays `input` */
        JOB_PROBE,   /* is `input` a film that can be played? */
        JOB_CAMERA,  /* fd: a feed. Pulls RTSP; network */
        JOB_RTMP,    /* pushes live segments to a social network; network */
        N_JOB_KINDS,
};

enum job_end {
        JOB_DONE,    /* exit status 0 */
        JOB_FAILED,  /* another status; its last "error" line says why. Also after job_kill() */
        JOB_CRASHED, /* a signal, memory, CPU time */
        JOB_STALLED, /* it was silent, did not read, or did not stop */
        N_JOB_ENDS,
};

struct job;
struct jobs;

struct job_params {
        enum job_kind kind;
        int fd; /* the job's end of a SOCK_SEQPACKET pair, its descriptor 3; -1: none.
                            * Taken over on success */
        const char
                *dir; /* its folder, there /work: read and write; made by the caller. NULL: none */
        const char *input;   /* a file, there /input, read-only; NULL: none */
        const json_t *start; /* its first command, borrowed; see lines.h */
        /* One line of the job, an object with a string "type"; borrowed. */
        void (*on_line)(void *user, const json_t *line);
        /* reason: as above; error: the code of its last "error" line, or "". Frees the job. */
        void (*on_end)(void *user, enum job_end reason, const char *error);
        void *user;
};

struct jobs_config {
        uv_loop_t *loop;
        const char *cache_dir; /* of the GStreamer registry; made when missing */
};

/* Returns 0 or -errno. */
must_use int jobs_new(struct jobs **ret_jobs, const struct jobs_config *config);
/* Kills what runs; no callback comes any more. Accepts NULL, returns NULL. */
struct jobs *jobs_free(struct jobs *jobs);

/* Whether this kind can run here. False: *ret_why (static) is one clear English line, such as
 * a missing package. Known some seconds after the start; until then true. */
bool jobs_can(const struct jobs *jobs, enum job_kind kind, const char **ret_why);

/* Returns 0, -EBUSY (JOBS_MAX run), or -errno. */
must_use int job_start(struct jobs *jobs, const struct job_params *params, struct job **ret_job);

/* Sends one command, a line. */
void job_send(struct job *job, const json_t *command);

/* Asks it to end well (what it wrote is complete), kills it after JOB_STOP_MS. on_end follows. */
void job_stop(struct job *job);
/* At once. on_end follows. */
void job_kill(struct job *job);

/* Makes a file or folder that the server made below a job's folder the job's, to read and write.
 * It is needed when the server is root: jobs run as nobody then, and what the server writes is
 * its own (umask 077). A file that others hold too (hard links) is copied first. dir of
 * job_start() is given by itself, what is in it is not. Returns 0 or -errno. */
must_use int jobs_give(const char *path);

/* Opens a file in a job's folder for reading. A job reads hostile media, so what it leaves may be
 * a link to elsewhere or a pipe: only a plain file that lies below dir without any link counts.
 * name: may hold slashes, from anywhere. Returns 0 or -errno. */
must_use int jobs_open_file(const char *dir, const char *name, int *ret_fd);

/* "tracks", "program" and so on: of `dinh job`, of the log and the metrics. */
const char *job_kind_word(enum job_kind kind);

struct jobs_counters {
        uint64_t started[N_JOB_KINDS], failed[N_JOB_KINDS];
        uint32_t running[N_JOB_KINDS];
        double cpu_s[N_JOB_KINDS]; /* of those that ended */
};
void jobs_counters(const struct jobs *jobs, struct jobs_counters *ret_counters);

/* `dinh job KIND`: the child's main. Returns the exit status. */
int job_main(int argc, char **argv);

#endif
