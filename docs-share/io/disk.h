/* SPDX-License-Identifier: Apache-2.0 */
/*
 * disk — the thread that waits for the disk: flushes finished uploads, removes files.
 *
 * Layer:  docs-share/io.
 * Owner:  struct docs.
 * Thread: every function here: the signalling thread. None of them waits for
 *         the disk, but for one case: a full queue (many thousand aborted
 *         uploads a second) makes disk_do() remove a file itself.
 */
#ifndef DOCS_SHARE_IO_DISK_H
#define DOCS_SHARE_IO_DISK_H

#include "docs-share/io/files.h"

struct disk;

enum disk_kind {
        DISK_KEEP,    /* part -> blob sha256; result by disk_poll() */
        DISK_DISCARD, /* remove part */
        DISK_REMOVE,  /* remove blob and pages of sha256; its PDF too, if remove_pdf */
};

struct disk_job {
        enum disk_kind kind;
        int fd; /* KEEP, DISCARD: is closed */
        char part[FILES_PATH];
        char sha256[SHA256_HEX];
        bool remove_pdf;
        void *user; /* KEEP */
        int result;
};

/* Of DISK_KEEP jobs at most DISK_MAX_KEEP may be under way. */
enum { DISK_MAX_KEEP = 64 };

/* dir is borrowed. Returns 0 or -errno. */
must_use int disk_new(struct disk **ret_disk, const char *dir, void (*wake)(void *user),
                      void *wake_user);
/* Finishes what is queued. Accepts NULL, returns NULL. */
struct disk *disk_free(struct disk *disk);

void disk_do(struct disk *disk, const struct disk_job *job);
/* Takes one finished DISK_KEEP job; result: 0 or -errno. */
bool disk_poll(struct disk *disk, struct disk_job *ret_job);

#endif
