/* SPDX-License-Identifier: Apache-2.0 */
/*
 * job_sandbox — starts this same program as `dinh job WORD` in bubblewrap.
 *
 * Layer:  sfu/jobs, the server's side.
 * Thread: the signalling thread; nothing here waits.
 *
 * What the child has: /usr, read-only; /work, /input and /cache as said below; a /tmp of
 * 64 MB in memory; the descriptors 0, 1, 2 and 3. Its program is run from a descriptor, so
 * it needs no path that it may read and goes on to work when the file is replaced. No
 * capability, no other process to see, a session of its own, and it dies with the thread
 * that started it. With `network` also the host's network and the names and certificates
 * that this needs (/etc/resolv.conf and so on), else an empty one.
 *
 * Users: a server that is root starts the child as nobody and gives it `dir` (chown); other
 * servers' children are their own user. Limits and priority are set by the child itself,
 * before it reads anything: job_limits.h.
 */
#ifndef SFU_JOBS_JOB_SANDBOX_H
#define SFU_JOBS_JOB_SANDBOX_H

#include <sys/types.h>

#include "base/base.h"

struct job_sandbox {
        const char *word;     /* `dinh job WORD` */
        int in, out, err, fd; /* its descriptors 0 to 3, borrowed; fd -1: /dev/null */
        const char *dir;      /* /work; NULL: none */
        bool dir_read_only;
        const char *input;     /* /input, read-only; NULL: none */
        const char *cache_dir; /* /cache */
        bool cache_writable;
        bool network;
};

/* Returns 0 and its process id, the caller's to wait for, or -errno. */
must_use int job_sandbox_start(pid_t *ret_pid, const struct job_sandbox *child);

#endif
