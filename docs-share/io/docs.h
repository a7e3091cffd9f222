/* SPDX-License-Identifier: Apache-2.0 */
/*
 * docs — the inside of struct docs, shared by upload.c and docs.c.
 *
 * Layer:  docs-share/io.
 * Thread: the signalling thread.
 *
 * An upload goes  OPEN --finish--> KEEPING (disk thread) --> SETTLED --> STORING
 * (the store's transaction) --> done callback. What docs_poll() finds SETTLED
 * or finished, it carries one step on; nothing waits.
 */
#ifndef DOCS_SHARE_IO_DOCS_H
#define DOCS_SHARE_IO_DOCS_H

#include "docs-share/api.h"
#include "docs-share/core/filetype.h"
#include "docs-share/core/line.h"
#include "docs-share/io/convert.h"
#include "docs-share/io/disk.h"

enum {
        DOCS_MAX_UPLOADS = 32,
        DOCS_MAX_UPLOADS_PER_MEETING = 16,
        DOCS_MAX_FILM_UPLOADS_PER_MEETING = 2
};

enum upload_state { UPLOAD_OPEN, UPLOAD_KEEPING, UPLOAD_SETTLED, UPLOAD_STORING };

struct docs_upload {
        struct docs *docs;
        struct docs_upload *next;
        enum upload_state state;
        struct store_doc doc; /* what is known of it */
        enum filetype type;
        char part[FILES_PATH];
        int fd;
        struct sha256 *sha;
        uint8_t head[FILETYPE_HEAD_BYTES];
        size_t head_len;
        bool head_is_good;
        int result; /* SETTLED: 0 or an enum docs_err */
        void (*done)(void *user, int result, const struct store_doc *doc);
        void *done_user;
};

/* A row on its way into the store. */
enum put_kind { PUT_UPLOADED, PUT_STATE, PUT_DELETED };
struct put {
        struct docs *docs;
        struct put *next;
        enum put_kind kind;
        struct store_doc doc;
        int pages_done;
        struct docs_upload *upload; /* UPLOADED */
        bool finished;
        int result;
};

struct docs {
        char dir[FILES_DIR_MAX + 1];
        char program[FILES_PATH];
        struct store *store;
        void (*wake)(void *user);
        void *wake_user;
        struct disk *disk;
        struct convert *convert;

        struct docs_upload *uploads; /* DOCS_MAX_UPLOADS at most */
        unsigned n_uploads;
        struct put *puts, **puts_end; /* in the order of the store */

        struct line *line;
        int pages_done;        /* of the running conversion */
        bool running_deleted;  /* its document is gone */
        bool retry_needs_rest; /* the store failed: wait before the next conversion */

        struct docs_event *events; /* oldest first, one per document */
        size_t n_events, cap_events;
        struct docs_counters counters;
};

/* Removes it from docs->uploads and frees it; its file is somebody else's. */
void upload_release(struct docs_upload *upload);

#endif
