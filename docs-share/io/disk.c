/* SPDX-License-Identifier: Apache-2.0 */
#include "docs-share/io/disk.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/fd.h"
#include "base/mailbox.h"
#include "base/thread.h"

/* Room beside the DISK_KEEP jobs, which must always fit. */
enum { MAX_JOBS = 1024 };

struct disk {
        const char *dir;
        void (*wake)(void *user);
        void *wake_user;
        struct mailbox *jobs;
        struct mailbox *kept;
        atomic_bool stop;
        pthread_t thread;
        bool running;
};

static void remove_all(const char *dir, const struct disk_job *job)
{
        char pdf_sha256[SHA256_HEX];
        int pages;

        if (job->remove_pdf && files_read_done(dir, job->sha256, &pages, pdf_sha256) == 0)
                files_remove_blob(dir, pdf_sha256);
        files_remove_pages(dir, job->sha256);
        files_remove_blob(dir, job->sha256);
}

static void run_job(struct disk *disk, struct disk_job *job)
{
        switch (job->kind) {
        case DISK_KEEP:
                job->result = files_keep_blob(disk->dir, job->part, job->fd, job->sha256);
                closep(&job->fd);
                (void)!mailbox_put(disk->kept, job);
                if (disk->wake)
                        disk->wake(disk->wake_user);
                break;
        case DISK_DISCARD:
                closep(&job->fd);
                (void)unlink(job->part);
                break;
        case DISK_REMOVE:
                remove_all(disk->dir, job);
                break;
        }
}

static void *disk_main(void *user)
{
        struct disk *disk = user;
        struct pollfd fd = { .fd = mailbox_fd(disk->jobs), .events = POLLIN };
        struct disk_job job;
        bool stop;

        do {
                (void)poll(&fd, 1, -1);
                mailbox_clear(disk->jobs);
                stop = atomic_load(&disk->stop);
                while (mailbox_take(disk->jobs, &job))
                        run_job(disk, &job);
        } while (!stop);
        return NULL;
}

int disk_new(struct disk **ret_disk, const char *dir, void (*wake)(void *user), void *wake_user)
{
        struct disk *disk = calloc(1, sizeof(*disk));
        int r;

        if (!disk)
                return -ENOMEM;
        disk->dir = dir;
        disk->wake = wake;
        disk->wake_user = wake_user;
        r = mailbox_new(&disk->jobs, sizeof(struct disk_job), MAX_JOBS);
        if (r == 0)
                r = mailbox_new(&disk->kept, sizeof(struct disk_job), DISK_MAX_KEEP);
        if (r == 0) {
                r = thread_start(&disk->thread, disk_main, disk);
                disk->running = r == 0;
        }
        if (r < 0)
                disk_free(disk);
        else
                *ret_disk = disk;
        return r;
}

struct disk *disk_free(struct disk *disk)
{
        struct disk_job nothing = { .kind = DISK_DISCARD, .fd = -1 };

        if (!disk)
                return NULL;
        if (disk->running) {
                atomic_store(&disk->stop, true);
                (void)!mailbox_put(disk->jobs, &nothing); /* full: it is awake anyway */
                pthread_join(disk->thread, NULL);
        }
        mailbox_free(disk->jobs);
        mailbox_free(disk->kept);
        free(disk);
        return NULL;
}

void disk_do(struct disk *disk, const struct disk_job *job)
{
        struct disk_job own = *job;

        if (mailbox_put(disk->jobs, job) < 0)
                run_job(disk, &own);
}

bool disk_poll(struct disk *disk, struct disk_job *ret_job)
{
        return mailbox_take(disk->kept, ret_job);
}
