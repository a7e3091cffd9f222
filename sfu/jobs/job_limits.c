/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/jobs/job_limits.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fd.h"

enum {
        NICE_LIVE = 5,
        NICE_PROBE = 10,
        NICE_IDLE = 19,
        CPU_PROBE_S = 20,
        CPU_CHECK_S = 60,
        /* <linux/ioprio.h>, which is not everywhere */
        IOPRIO_WHO_PROCESS = 1,
        IOPRIO_IDLE = 3 << 13,
};

static bool is_idle_kind(enum job_kind kind)
{
        return kind == JOB_COMPOSE || kind == JOB_FINISH;
}

static int limit(int what, rlim_t most)
{
        struct rlimit now;

        if (getrlimit((__rlimit_resource_t)what, &now) < 0)
                return -errno;
        if (most > now.rlim_max)
                most = now.rlim_max;
        if (setrlimit((__rlimit_resource_t)what, &(struct rlimit){ most, most }) < 0)
                return -errno;
        return 0;
}

static void put_text(const char *path, const char *text)
{
        cleanup(closep) int fd = open(path, O_WRONLY | O_CLOEXEC);

        if (fd >= 0)
                (void)!write(fd, text, strlen(text));
}

/* Where sessions are scheduled as groups, the group's own nice value is what counts against the
 * server; a kernel without them has no such file. */
static void set_group_nice(int nice_value)
{
        char text[16];

        snprintf(text, sizeof(text), "%d", nice_value);
        put_text("/proc/self/autogroup", text);
}

/* A container may forbid some of this; the job runs all the same. */
static void set_priority(enum job_kind kind)
{
        bool idle = is_idle_kind(kind);
        int nice_value = idle ? NICE_IDLE : kind == JOB_PROBE ? NICE_PROBE : NICE_LIVE;

        /* Memory that runs out shall end a job before it ends the server. */
        put_text("/proc/self/oom_score_adj", "500");
        (void)setpriority(PRIO_PROCESS, 0, nice_value);
        set_group_nice(nice_value);
        if (!idle)
                return;
        (void)sched_setscheduler(0, SCHED_IDLE, &(struct sched_param){ 0 });
        (void)syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, 0, IOPRIO_IDLE);
}

int job_limits_set(enum job_kind kind)
{
        const struct {
                int what;
                rlim_t most;
        } limits[] = {
                { RLIMIT_CORE, 0 },
                /* hundreds of files at a time; of those it reads, each takes three and a thread */
                { RLIMIT_NOFILE, kind == JOB_TRACKS || kind == JOB_COMPOSE ? 1024 : 256 },
                { RLIMIT_NPROC, kind == JOB_COMPOSE ? 400 : 200 },
                { RLIMIT_FSIZE, (rlim_t)64 << 30 },
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
                /* a sanitizer's shadow is terabytes of address space */
                { RLIMIT_AS, (rlim_t)4 << 30 },
#endif
                { RLIMIT_CPU, kind == JOB_PROBE     ? CPU_PROBE_S
                              : kind == N_JOB_KINDS ? CPU_CHECK_S
                                                    : RLIM_INFINITY },
        };

        set_priority(kind);
        for (size_t i = 0; i < ARRAY_LEN(limits); i++) {
                int r = limit(limits[i].what, limits[i].most);

                if (r < 0)
                        return r;
        }
        return 0;
}
