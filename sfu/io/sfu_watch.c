/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A worker that hangs keeps its delegates connected to silence, and nothing else of the
 * server notices: so the process ends, as by a worker that breaks, and whoever started it starts
 * it again. By abort(): the core dump shows where the thread is.
 */
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "sfu/io/sfu_internal.h"
#include "sfu/io/worker.h"

enum { LOOKS = 10 }; /* in the time that a worker may hang */

static void look_after(struct sfu *sfu, unsigned i)
{
        struct watchdog *dog = &sfu->watch.dogs[i];
        struct watchdog_look look;
        const char *at;

        worker_look(sfu->workers[i], &dog->last, &look, &at);
        if (!watchdog_hangs(dog, &look, sfu->watch.hung_us / LOOKS, sfu->watch.hung_us))
                return;
        log_line(LOG_ERROR, "worker", "media-%u hangs in a turn, at %s (%s): the server ends", i,
                 at, look.blocked ? "blocked" : "it runs");
        abort();
}

void sfu_watch(struct sfu *sfu)
{
        int64_t now_us;

        if (sfu->watch.hung_us == 0)
                return;
        now_us = clock_now_us();
        if (now_us < sfu->watch.next_us)
                return;
        sfu->watch.next_us = now_us + sfu->watch.hung_us / LOOKS;
        for (unsigned i = 0; i < sfu->n_workers; i++)
                look_after(sfu, i);
}
