/* SPDX-License-Identifier: Apache-2.0 */
/*
 * process — starts a program that gets nothing of ours but the descriptors it is
 *         meant to have. io/ layers only.
 *
 * posix_spawn and not fork: the server is large, and has many threads. The child
 * leads a process group of its own, with no signal blocked or ignored.
 */
#ifndef BASE_PROCESS_H
#define BASE_PROCESS_H

#include <sys/types.h>

#include "base/base.h"

enum { PROCESS_FDS = 8 };

/* What becomes the child's descriptors 0, 1, …; copies, ours. -1: /dev/null. */
struct process_fds {
        int list[PROCESS_FDS];
};

#define PROCESS_NO_FDS ((struct process_fds){ { -1, -1, -1, -1, -1, -1, -1, -1 } })

void process_fds_donep(struct process_fds *fds);

/* Makes a copy of fd the child's descriptor at, which must be free. Returns 0 or -errno. */
must_use int process_fds_put(struct process_fds *fds, size_t at, int fd);

/* argv[0]: looked for in PATH. The environment is ours. Returns 0 or -errno. */
must_use int process_start(pid_t *ret_pid, char *const *argv, const struct process_fds *fds);

#endif
