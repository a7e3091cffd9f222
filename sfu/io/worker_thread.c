/* SPDX-License-Identifier: Apache-2.0 */
/* A worker's thread, and what others see of it. */
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/thread.h"
#include "sfu/io/worker_internal.h"

static void *run(void *user)
{
        struct worker *worker = user;

        __atomic_store_n(&worker->heart.thread, gettid(), __ATOMIC_RELAXED);
        worker_run(worker);
        return NULL;
}

int worker_start(struct worker *worker)
{
        char name[16];
        int r = thread_start(&worker->thread, run, worker);

        if (r < 0)
                return r;
        worker->started = true;
        snprintf(name, sizeof(name), "media-%u", worker->config.index % 1000);
        (void)pthread_setname_np(worker->thread, name);
        return 0;
}

void worker_stop(struct worker *worker)
{
        const struct worker_command command = { .type = WORKER_STOP };

        if (!worker || !worker->started)
                return;
        /* A full mailbox empties: the worker is running. */
        while (mailbox_put(worker->commands, &command) < 0)
                sched_yield();
        pthread_join(worker->thread, NULL);
        worker->started = false;
}

/* The letter behind the name in /proc/self/task/N/stat: "S" for a wait that a signal could end,
 * so not of a disk ("D"), for a CPU ("R"), or for whoever stopped us ("T", "t"). */
static bool is_blocked(pid_t thread)
{
        cleanup(closep) int fd = -1;
        char path[64], text[256];
        const char *end;
        ssize_t n;

        snprintf(path, sizeof(path), "/proc/self/task/%d/stat", (int)thread);
        fd = open(path, O_RDONLY | O_CLOEXEC);
        n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
        if (n <= 0)
                return false;
        text[n] = '\0';
        end = strrchr(text, ')');
        return end && strncmp(end, ") S", 3) == 0;
}

void worker_look(const struct worker *worker, const struct watchdog_look *last,
                 struct watchdog_look *ret_look, const char **ret_at)
{
        const struct worker_heart *heart = &worker->heart;
        struct watchdog_look look = { .now_us = clock_now_us() };
        clockid_t clock;

        look.beat = __atomic_load_n(&heart->beat, __ATOMIC_RELAXED);
        look.asleep = look.beat % 2 == 0;
        if (pthread_getcpuclockid(worker->thread, &clock) == 0)
                look.cpu_us = clock_read_us(clock);
        if (!look.asleep && look.beat == last->beat)
                look.blocked = is_blocked(__atomic_load_n(&heart->thread, __ATOMIC_RELAXED));
        *ret_at = __atomic_load_n(&heart->at, __ATOMIC_RELAXED);
        *ret_look = look;
}
