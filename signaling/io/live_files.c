/* SPDX-License-Identifier: Apache-2.0 */
#include "signaling/io/live_files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "signaling/io/http_blob.h"

enum {
        WINDOW_S = 10, /* over which requests are counted */
        TARGET_DEFAULT_S = 2,
        TARGET_MAX_S = 60,
};

struct kept {
        char name[LIVE_NAME];
        char etag[LIVE_ETAG];
        struct http_blob *blob; /* NULL: free */
        uint64_t age;           /* when it was read, in reads */
};

struct stream {
        struct stream *next;
        char key[LIVE_KEY + 1];
        int dirs[LIVE_N_FOLDERS]; /* -1: not opened yet */
        struct kept kept[LIVE_N_FOLDERS][LIVE_KEPT];
        uint64_t reads;
        size_t bytes;
        unsigned target_s;
        int64_t second;           /* of the newest bucket */
        unsigned asked[WINDOW_S]; /* media playlists, by second */
};

struct live_files {
        struct stream *streams;
};

int live_files_new(struct live_files **ret_files)
{
        struct live_files *files = calloc(1, sizeof(*files));

        if (!files)
                return -ENOMEM;
        *ret_files = files;
        return 0;
}

static void forget(struct stream *stream, struct kept *kept)
{
        if (kept->blob)
                stream->bytes -= kept->blob->len;
        kept->blob = http_blob_unref(kept->blob);
}

static void stream_free(struct stream *stream)
{
        for (int folder = 0; folder < LIVE_N_FOLDERS; folder++) {
                closep(&stream->dirs[folder]);
                for (int i = 0; i < LIVE_KEPT; i++)
                        forget(stream, &stream->kept[folder][i]);
        }
        free(stream);
}

struct live_files *live_files_free(struct live_files *files)
{
        while (files && files->streams) {
                struct stream *stream = files->streams;

                files->streams = stream->next;
                stream_free(stream);
        }
        free(files);
        return NULL;
}

static struct stream *find_stream(const struct live_files *files, const char *key)
{
        struct stream *stream = files->streams;

        while (stream && strcmp(stream->key, key) != 0)
                stream = stream->next;
        return stream;
}

int live_files_open(struct live_files *files, const char *key, const char *dir)
{
        cleanup(closep) int fd = -1;
        struct stream *stream;

        if (!live_key_is_good(key))
                return -EINVAL;
        if (find_stream(files, key))
                return -EEXIST;
        fd = open(dir, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0)
                return -errno;
        stream = calloc(1, sizeof(*stream));
        if (!stream)
                return -ENOMEM;
        memcpy(stream->key, key, sizeof(stream->key));
        stream->target_s = TARGET_DEFAULT_S;
        for (int i = 0; i < LIVE_N_FOLDERS; i++)
                stream->dirs[i] = -1;
        stream->dirs[LIVE_ROOT] = take_fd(&fd);
        stream->next = files->streams;
        files->streams = stream;
        return 0;
}

void live_files_close(struct live_files *files, const char *key)
{
        for (struct stream **at = &files->streams; *at; at = &(*at)->next) {
                struct stream *stream = *at;

                if (strcmp(stream->key, key) != 0)
                        continue;
                *at = stream->next;
                stream_free(stream);
                return;
        }
}

/* ---- from disk ---- */

static int open_folder(struct stream *stream, enum live_folder folder)
{
        int *fd = &stream->dirs[folder];

        if (*fd < 0)
                *fd = openat(stream->dirs[LIVE_ROOT], live_folder_name(folder),
                             O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        return *fd < 0 ? -errno : 0;
}

static void write_etag(char ret[LIVE_ETAG], const struct stat *st)
{
        snprintf(ret, LIVE_ETAG, "\"%llx-%llx\"", (unsigned long long)st->st_size,
                 (unsigned long long)st->st_mtim.tv_sec * 1000000000ull +
                         (unsigned long long)st->st_mtim.tv_nsec);
}

static int read_whole(int dir, const char *name, struct http_blob **ret_blob, char etag[LIVE_ETAG])
{
        cleanup(closep) int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
        cleanup(http_blob_unrefp) struct http_blob *blob = NULL;
        struct stat st;
        ssize_t got;

        if (fd < 0 || fstat(fd, &st) < 0)
                return errno == ELOOP ? -ENOENT : -errno;
        if (!S_ISREG(st.st_mode) || st.st_size > LIVE_FILE_BYTES)
                return -ENOENT;
        blob = http_blob_new((size_t)st.st_size);
        if (!blob)
                return -ENOMEM;
        for (size_t at = 0; at < blob->len; at += (size_t)got) {
                got = pread(fd, blob->data + at, blob->len - at, (off_t)at);
                if (got <= 0)
                        return got < 0 ? -errno : -ENOENT; /* it shrank */
        }
        write_etag(etag, &st);
        *ret_blob = take_ptr(blob);
        return 0;
}

/* ---- in memory ---- */

static struct kept *find_kept(struct stream *stream, const struct live_path *path)
{
        struct kept *list = stream->kept[path->folder];

        for (int i = 0; i < LIVE_KEPT; i++) {
                if (list[i].blob && strcmp(list[i].name, path->name) == 0)
                        return &list[i];
        }
        return NULL;
}

static struct kept *oldest_of(struct kept *list, size_t n)
{
        struct kept *oldest = NULL;

        for (size_t i = 0; i < n; i++) {
                if (list[i].blob && (!oldest || list[i].age < oldest->age))
                        oldest = &list[i];
        }
        return oldest;
}

static struct kept *make_place(struct stream *stream, enum live_folder folder, size_t len)
{
        struct kept *list = stream->kept[folder];

        while (stream->bytes > 0 && stream->bytes + len > LIVE_KEPT_BYTES)
                forget(stream, oldest_of(&stream->kept[0][0], LIVE_N_FOLDERS * LIVE_KEPT));
        for (int i = 0; i < LIVE_KEPT; i++) {
                if (!list[i].blob)
                        return &list[i];
        }
        list = oldest_of(list, LIVE_KEPT);
        forget(stream, list);
        return list;
}

/* "#EXT-X-TARGETDURATION:2": how often each player comes for it. */
static void note_target(struct stream *stream, const struct http_blob *blob)
{
        static const char tag[] = "#EXT-X-TARGETDURATION:";
        const char *at = memmem(blob->data, blob->len, tag, strlen(tag));
        const char *end = (const char *)blob->data + blob->len;
        unsigned seconds = 0;

        if (!at)
                return;
        for (at += strlen(tag); at < end && *at >= '0' && *at <= '9' && seconds < TARGET_MAX_S;
             at++)
                seconds = seconds * 10 + (unsigned)(*at - '0');
        stream->target_s = seconds == 0 || seconds > TARGET_MAX_S ? TARGET_DEFAULT_S : seconds;
}

/* Reads it when it is not in memory as it is on disk now. What is kept of a segment that the
 * encoder has just removed is still good for a player who is late. */
static int fetch(struct stream *stream, const struct live_path *path, struct kept **ret_kept)
{
        struct kept *kept = find_kept(stream, path);
        struct http_blob *blob = NULL;
        char etag[LIVE_ETAG];
        struct stat st;
        int r = open_folder(stream, path->folder);

        if (r < 0)
                return r;
        if (kept) {
                if (fstatat(stream->dirs[path->folder], path->name, &st, AT_SYMLINK_NOFOLLOW) < 0) {
                        *ret_kept = kept;
                        return 0;
                }
                write_etag(etag, &st);
                if (strcmp(etag, kept->etag) == 0) {
                        *ret_kept = kept;
                        return 0;
                }
                forget(stream, kept);
        }
        r = read_whole(stream->dirs[path->folder], path->name, &blob, etag);
        if (r < 0)
                return r;
        kept = make_place(stream, path->folder, blob->len);
        memcpy(kept->name, path->name, sizeof(kept->name));
        memcpy(kept->etag, etag, sizeof(kept->etag));
        kept->blob = blob;
        kept->age = ++stream->reads;
        stream->bytes += blob->len;
        if (path->type == LIVE_PLAYLIST && path->folder != LIVE_ROOT)
                note_target(stream, blob);
        *ret_kept = kept;
        return 0;
}

/* ---- viewers ---- */

static void count_request(struct stream *stream, int64_t now_us)
{
        int64_t second = now_us / 1000000;

        if (second - stream->second >= WINDOW_S)
                memset(stream->asked, 0, sizeof(stream->asked));
        else
                for (int64_t s = stream->second + 1; s <= second; s++)
                        stream->asked[s % WINDOW_S] = 0;
        stream->second = second;
        stream->asked[second % WINDOW_S]++;
}

unsigned live_files_viewers(const struct live_files *files, const char *key, int64_t now_us)
{
        const struct stream *stream = find_stream(files, key);
        int64_t second = now_us / 1000000;
        unsigned asked = 0;

        if (!stream)
                return 0;
        for (int64_t s = second - WINDOW_S + 1; s <= stream->second; s++)
                asked += s >= 0 ? stream->asked[s % WINDOW_S] : 0;
        return (asked * stream->target_s + WINDOW_S - 1) / WINDOW_S;
}

/* ---- serving ---- */

int live_files_find(struct live_files *files, const struct live_path *path, int64_t now_us,
                    struct http_file *ret_file)
{
        struct stream *stream = find_stream(files, path->key);
        bool changes = path->type == LIVE_PLAYLIST || path->type == LIVE_PAGE_LIST;
        struct kept *kept;
        int r;

        if (!stream)
                return -ENOENT;
        if (path->type == LIVE_PLAYLIST && path->folder != LIVE_ROOT)
                count_request(stream, now_us);
        r = fetch(stream, path, &kept);
        if (r < 0)
                return r;
        *ret_file = (struct http_file){
                .blob = kept->blob,
                .content_type = live_content_type(path),
                .etag = kept->etag,
                .cache_control = changes ? "public, max-age=1" : "public, max-age=3600, immutable",
                .any_origin = true,
        };
        return 0;
}
