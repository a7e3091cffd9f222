/* SPDX-License-Identifier: Apache-2.0 */
#include "base/process.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>

#include "base/fd.h"

enum { SAFE_FD = 32 }; /* copies are made from here on: dup2() in the child shall not hit one */

void process_fds_donep(struct process_fds *fds)
{
        for (size_t i = 0; i < PROCESS_FDS; i++)
                closep(&fds->list[i]);
}

int process_fds_put(struct process_fds *fds, size_t at, int fd)
{
        assert(at < PROCESS_FDS && fds->list[at] < 0);
        fds->list[at] = fcntl(fd, F_DUPFD_CLOEXEC, SAFE_FD);
        return fds->list[at] < 0 ? -errno : 0;
}

static int add_fd(posix_spawn_file_actions_t *actions, int from, int to)
{
        if (from >= 0)
                return posix_spawn_file_actions_adddup2(actions, from, to);
        return posix_spawn_file_actions_addopen(actions, to, "/dev/null", O_RDONLY, 0);
}

int process_start(pid_t *ret_pid, char *const *argv, const struct process_fds *fds)
{
        extern char **environ;
        posix_spawn_file_actions_t actions;
        posix_spawnattr_t attr;
        sigset_t none, all;
        int r = 0;

        sigemptyset(&none);
        sigfillset(&all);
        posix_spawnattr_init(&attr);
        posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF |
                                                POSIX_SPAWN_SETPGROUP);
        posix_spawnattr_setsigmask(&attr, &none);
        posix_spawnattr_setsigdefault(&attr, &all);
        posix_spawn_file_actions_init(&actions);
        for (int i = 0; r == 0 && i < PROCESS_FDS; i++)
                r = add_fd(&actions, fds->list[i], i);
        if (r == 0)
                r = posix_spawn_file_actions_addclosefrom_np(&actions, PROCESS_FDS);
        if (r == 0)
                r = posix_spawnp(ret_pid, argv[0], &actions, &attr, argv, environ);
        posix_spawn_file_actions_destroy(&actions);
        posix_spawnattr_destroy(&attr);
        return -r;
}
