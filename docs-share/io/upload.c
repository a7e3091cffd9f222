/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/fd.h"
#include "docs-share/core/filename.h"
#include "docs-share/io/docs.h"

enum { WRITE_BACK_BYTES = 8 * 1024 * 1024 };

static bool is_disk_full(int r)
{
        return r == -ENOSPC || r == -EDQUOT || r == -EFBIG;
}

static int64_t max_bytes(enum filetype type)
{
        return filetype_is_film(type) ? DOCS_MAX_FILM_BYTES : DOCS_MAX_BYTES;
}

struct count {
        size_t docs, films;
};

static void count_doc(void *user, const struct store_doc *doc)
{
        struct count *count = user;

        count->docs++;
        count->films += doc->film;
}

/* Bounds that do not depend on the content. */
static int check_room(struct docs *docs, const char *meeting, enum filetype type,
                      int64_t size_bytes)
{
        struct count there = { 0 }, coming = { 0 };
        int r;

        if (size_bytes == 0)
                return DOCS_E_EMPTY;
        if (size_bytes > max_bytes(type))
                return DOCS_E_TOO_LARGE;
        if (docs->n_uploads >= DOCS_MAX_UPLOADS ||
            line_waiting(docs->line) + DOCS_MAX_UPLOADS >= LINE_MAX_WAITING)
                return DOCS_E_TOO_MANY;
        r = store_docs(docs->store, meeting, count_doc, &there);
        if (r < 0)
                return r;
        for (struct docs_upload *upload = docs->uploads; upload; upload = upload->next)
                if (strcmp(upload->doc.meeting, meeting) == 0)
                        count_doc(&coming, &upload->doc);
        /* One meeting must not take the others' turn, nor their disk. */
        if (coming.docs >= DOCS_MAX_UPLOADS_PER_MEETING ||
            there.docs + coming.docs >= DOCS_MAX_PER_MEETING)
                return DOCS_E_TOO_MANY;
        if (!filetype_is_film(type))
                return 0;
        return coming.films >= DOCS_MAX_FILM_UPLOADS_PER_MEETING ||
                               there.films + coming.films >= DOCS_MAX_FILMS_PER_MEETING
                       ? DOCS_E_TOO_MANY
                       : 0;
}

/* Makes the file and reserves its space: a full disk is known before the first byte. */
static int open_part(struct docs_upload *upload, int64_t size_bytes)
{
        int r = 0;

        files_upload_path(upload->part, upload->docs->dir, upload->doc.id);
        upload->fd = open(upload->part, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        if (upload->fd < 0)
                r = -errno;
        else if (size_bytes > 0 && fallocate(upload->fd, FALLOC_FL_KEEP_SIZE, 0, size_bytes) < 0)
                r = -errno;
        if (r == -EOPNOTSUPP) /* a file system that cannot reserve */
                r = 0;
        return is_disk_full(r) ? DOCS_E_DISK_FULL : r;
}

static void link_upload(struct docs *docs, struct docs_upload *upload)
{
        upload->next = docs->uploads;
        docs->uploads = upload;
        docs->n_uploads++;
}

void upload_release(struct docs_upload *upload)
{
        struct docs *docs = upload->docs;
        struct docs_upload **at = &docs->uploads;

        while (*at != upload)
                at = &(*at)->next;
        *at = upload->next;
        docs->n_uploads--;
        closep(&upload->fd);
        sha256_free(upload->sha);
        free(upload);
}

int docs_upload_begin(struct docs *docs, struct docs_upload **ret_upload, const char *meeting,
                      const char *participant, const char *name, int64_t size_bytes)
{
        char clean[FILENAME_CAP];
        struct docs_upload *upload;
        enum filetype type;
        int r;

        r = filename_clean(clean, name);
        if (r == 0)
                r = filetype_from_name(&type, clean);
        if (r == 0)
                r = check_room(docs, meeting, type, size_bytes);
        if (r != 0)
                return r;

        upload = calloc(1, sizeof(*upload));
        if (!upload)
                return -ENOMEM;
        upload->docs = docs;
        upload->fd = -1;
        upload->type = type;
        upload->doc.film = filetype_is_film(type);
        upload->doc.created_ms = clock_wall_us() / 1000;
        uuid_v7(upload->doc.id, clock_wall_us());
        snprintf(upload->doc.meeting, sizeof(upload->doc.meeting), "%s", meeting);
        snprintf(upload->doc.uploaded_by, sizeof(upload->doc.uploaded_by), "%s", participant);
        snprintf(upload->doc.name, sizeof(upload->doc.name), "%s", clean);
        link_upload(docs, upload);
        r = sha256_new(&upload->sha);
        if (r == 0)
                r = open_part(upload, size_bytes);
        if (r != 0) {
                (void)docs_upload_abort(upload);
                return r;
        }
        *ret_upload = upload;
        return 0;
}

/* Looks at the first bytes as they come. Returns 0 (good, or not yet known) or
 * DOCS_E_TYPE. */
static int check_head(struct docs_upload *upload, const uint8_t *data, size_t len, bool whole)
{
        size_t room = sizeof(upload->head) - upload->head_len;
        int r;

        if (upload->head_is_good)
                return 0;
        if (len > 0)
                memcpy(upload->head + upload->head_len, data, len < room ? len : room);
        upload->head_len += len < room ? len : room;
        r = filetype_check_head(upload->type, upload->head, upload->head_len, whole);
        upload->head_is_good = r == 0;
        return r == -EAGAIN ? 0 : r;
}

static int write_part(int fd, const uint8_t *data, size_t len)
{
        while (len > 0) {
                ssize_t n = write(fd, data, len);

                if (n < 0 && errno != EINTR)
                        return is_disk_full(-errno) ? DOCS_E_DISK_FULL : -errno;
                if (n > 0) {
                        data += n;
                        len -= (size_t)n;
                }
        }
        return 0;
}

/* Begins to write a film's bytes to the disk while they come, without waiting: otherwise
 * the kernel would hold up this thread once too many of them are in memory only. */
static void write_back(const struct docs_upload *upload, size_t len)
{
        int64_t before = upload->doc.size_bytes / WRITE_BACK_BYTES;
        int64_t after = (upload->doc.size_bytes + (int64_t)len) / WRITE_BACK_BYTES;

        if (after != before)
                (void)sync_file_range(upload->fd, before * WRITE_BACK_BYTES,
                                      (after - before) * WRITE_BACK_BYTES, SYNC_FILE_RANGE_WRITE);
}

int docs_upload_write(struct docs_upload *upload, const uint8_t *data, size_t len)
{
        int r;

        if ((int64_t)len > max_bytes(upload->type) - upload->doc.size_bytes)
                return DOCS_E_TOO_LARGE;
        r = check_head(upload, data, len, false);
        if (r != 0)
                return r;
        r = write_part(upload->fd, data, len);
        if (r != 0)
                return r;
        write_back(upload, len);
        upload->doc.size_bytes += (int64_t)len;
        return sha256_add(upload->sha, data, len);
}

static void discard(struct docs_upload *upload)
{
        struct disk_job job = { .kind = DISK_DISCARD, .fd = take_fd(&upload->fd) };

        snprintf(job.part, sizeof(job.part), "%s", upload->part);
        disk_do(upload->docs->disk, &job);
}

static int finish_checks(struct docs_upload *upload)
{
        if (upload->doc.size_bytes == 0)
                return DOCS_E_EMPTY;
        if (check_head(upload, NULL, 0, true) != 0)
                return DOCS_E_TYPE;
        return sha256_finish(upload->sha, upload->doc.sha256) < 0 ? DOCS_E_INTERNAL : 0;
}

void docs_upload_finish(struct docs_upload *upload,
                        void (*done)(void *user, int result, const struct store_doc *doc),
                        void *user)
{
        struct docs *docs = upload->docs;
        struct disk_job job = { .kind = DISK_KEEP, .user = upload };

        upload->done = done;
        upload->done_user = user;
        upload->result = finish_checks(upload);
        if (upload->result != 0) {
                discard(upload);
                upload->state = UPLOAD_SETTLED;
                if (docs->wake)
                        docs->wake(docs->wake_user);
                return;
        }
        upload->state = UPLOAD_KEEPING;
        job.fd = take_fd(&upload->fd);
        snprintf(job.part, sizeof(job.part), "%s", upload->part);
        snprintf(job.sha256, sizeof(job.sha256), "%s", upload->doc.sha256);
        disk_do(docs->disk, &job);
}

struct docs_upload *docs_upload_abort(struct docs_upload *upload)
{
        if (!upload)
                return NULL;
        upload->docs->counters.upload_failures++;
        if (upload->part[0])
                discard(upload);
        upload_release(upload);
        return NULL;
}
