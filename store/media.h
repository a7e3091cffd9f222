/* SPDX-License-Identifier: Apache-2.0 */
/*
 * media — the folder in which jobs record and stream (sfu/jobs/jobs.h).
 *
 * Owner:  main makes it, the signalling thread uses and frees it.
 * Thread: the signalling thread; nothing here waits for more than the page cache. What is
 *         removed is only renamed here; a thread of media's own empties it.
 *
 *   DIR/MEETING/pages/…     page images that were shown, for the program job
 *   DIR/MEETING/rec/ID/…    a recording
 *   DIR/MEETING/live/KEY/…  a stream
 *   DIR/.gone/…             being removed
 *
 * Invariants:
 *  (1) a job may write below DIR/MEETING and may have turned hostile: every path is resolved
 *      below DIR and through no symbolic link, and only regular files are read.
 *  (2) folders are for this program and its jobs alone (0700).
 *
 * Paths are relative to DIR: "MEETING/rec/ID/p1.mp4". All functions return 0 or -errno.
 */
#ifndef STORE_MEDIA_H
#define STORE_MEDIA_H

#include "base/base.h"

enum { MEDIA_PATH = 512 };

struct media;

/* The folder is made when missing; *ret_error is a clear line. */
must_use int media_open(struct media **ret_media, const char *dir, char *ret_error,
                        size_t error_cap);
/* Accepts NULL, returns NULL. */
struct media *media_close(struct media *media);
DEFINE_CLEANUP(struct media *, media_close)

/* Where path is, for a job's `dir`. -ENAMETOOLONG. */
must_use int media_path(const struct media *media, char ret_path[MEDIA_PATH], const char *path);

/* What may still be written. */
must_use int media_free_bytes(const struct media *media, int64_t *ret_bytes);

/* Makes the folder and those above it; a job may write into it. */
must_use int media_make_dir(struct media *media, const char *path);

/* A whole small file, there at once or not at all. Its folder has to exist. */
must_use int media_write(struct media *media, const char *path, const void *data, size_t len);
/* A copy of a file from elsewhere (an absolute path); one that is there already stays. */
must_use int media_copy_in(struct media *media, const char *from, const char *path);
/* *ret_text: NUL-terminated, to free(). -EFBIG: over max bytes. */
must_use int media_read(const struct media *media, const char *path, size_t max, char **ret_text,
                        size_t *ret_len);

/* A file that grows by whole lines, each of them in it when append returns. */
struct media_file;
must_use int media_file_new(struct media_file **ret_file, struct media *media, const char *path);
struct media_file *media_file_free(struct media_file *file); /* accepts NULL, returns NULL */
must_use int media_file_append(struct media_file *file, const char *text, size_t len);

/* A regular file, held until media_found_done(): path opens that very one. */
struct media_found {
        int fd;
        char path[32];
        int64_t size_bytes, changed_us;
};
must_use int media_find(const struct media *media, const char *path, struct media_found *ret_found);
void media_found_done(struct media_found *found);

/* Each name in a folder but . and ..; -ENOENT. */
must_use int media_list(const struct media *media, const char *path,
                        void (*each)(void *user, const char *name), void *user);

/* A file or a folder with all that is in it is gone at once, and its bytes soon. One that
 * is not there is no error. */
must_use int media_remove(struct media *media, const char *path);

#endif
