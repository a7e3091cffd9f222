/* SPDX-License-Identifier: Apache-2.0 */
/* What a worker tells the signalling thread. */
#include <errno.h>
#include <stdlib.h>

#include "base/log.h"
#include "sfu/io/peer.h"
#include "sfu/io/worker_internal.h"

enum { REPORTS = 4096, LATE_REPORTS = 65536 };

static const char topic[] = "worker";

int worker_reports_new(struct worker *worker)
{
        worker->late = calloc(LATE_REPORTS, sizeof(*worker->late));
        if (!worker->late)
                return -ENOMEM;
        return mailbox_new(&worker->reports, sizeof(struct worker_report), REPORTS);
}

void worker_reports_free(struct worker *worker)
{
        mailbox_free(worker->reports);
        free(worker->late);
}

static void report_late(struct worker *worker, const struct worker_report *report)
{
        static struct log_limit limit;

        if (worker->n_late == LATE_REPORTS) {
                log_limited(&limit, LOG_ERROR, topic, "signalling takes no events: one is lost");
                free(report->stats);
                return;
        }
        worker->late[(worker->late_first + worker->n_late) % LATE_REPORTS] = *report;
        worker->n_late++;
}

void worker_report(struct worker *worker, const struct worker_report *report)
{
        if (worker->n_late > 0 || mailbox_put(worker->reports, report) < 0)
                report_late(worker, report);
        worker->reported = true;
}

void worker_retry_late(struct worker *worker)
{
        while (worker->n_late > 0 &&
               mailbox_put(worker->reports, &worker->late[worker->late_first]) == 0) {
                worker->late_first = (worker->late_first + 1) % LATE_REPORTS;
                worker->n_late--;
                worker->reported = true;
        }
}

void worker_on_event(void *user, void *tag, const struct sfu_event *event)
{
        struct worker_report report = { .event = *event };
        struct peer *peer = tag;
        const struct room *room = user;

        report.event.room = room->id;
        if (peer && event->type == SFU_EV_WANTED)
                steady_reset(&peer->heard_media); /* it may pause, and is not lost */
        if (peer) {
                report.event.peer = peer->id;
                report.event.participant = peer->participant;
        }
        worker_report(room->worker, &report);
}
