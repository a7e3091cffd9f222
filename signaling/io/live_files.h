/* SPDX-License-Identifier: Apache-2.0 */
/*
 * live_files — the running live streams' files, kept in memory while players want them.
 *
 * Owner:  the server.
 * Thread: the signalling thread.
 *
 * A job writes a stream's folder, and what decodes hostile media may turn hostile: links
 * are not followed, names are wire/live_path.h's, and a file has to be a regular one
 * of bounded size. Of each folder the newest LIVE_KEPT files are in memory, of
 * a stream at most LIVE_KEPT_BYTES; a file is read once and then looked at (fstatat) for
 * each request, so that one put in its place by rename counts at once.
 */
#ifndef SIGNALING_IO_LIVE_FILES_H
#define SIGNALING_IO_LIVE_FILES_H

#include "signaling/io/server.h"
#include "signaling/wire/live_path.h"

enum {
        LIVE_KEPT = 24, /* the 16 segments that stay on disk, init files, the playlist */
        LIVE_FILE_BYTES = 8 * 1024 * 1024,
        LIVE_KEPT_BYTES = 64 * 1024 * 1024,
        LIVE_ETAG = 48,
};

struct live_files;

must_use int live_files_new(struct live_files **ret_files);
struct live_files *live_files_free(struct live_files *files); /* accepts NULL */

/* Returns 0 or -errno (-EINVAL: not a key; -EEXIST). dir has to exist. */
must_use int live_files_open(struct live_files *files, const char *key, const char *dir);
/* Unknown keys are ignored. */
void live_files_close(struct live_files *files, const char *key);

/* What to answer with; ret_file's texts and blob are valid until the next call.
 * Returns 0, -ENOENT, or -errno. */
must_use int live_files_find(struct live_files *files, const struct live_path *path, int64_t now_us,
                             struct http_file *ret_file);

/* How many play it, by how often its media playlists are asked for: a player asks once
 * in a target duration, through whatever proxies and connections. */
unsigned live_files_viewers(const struct live_files *files, const char *key, int64_t now_us);

#endif
