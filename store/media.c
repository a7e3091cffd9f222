/* SPDX-License-Identifier: Apache-2.0 */
#include "store/media.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/mailbox.h"
#include "base/rand.h"
#include "base/thread.h"

enum {
        NOBODY = 65534, /* whom a server that is root starts its jobs as */
        MAX_DEPTH = 8,
        COPY_BYTES = 64 * 1024,
        NAME_BYTES = 256,
};

#define GONE ".gone"

struct media {
        char dir[MEDIA_PATH];
        int fd;
        struct mailbox *removals; /* bool: stop */
        pthread_t thread;
        bool running;
};

struct media_file {
        int fd;
};

/* ---- paths ---- */

/* Opens below DIR, through no symbolic link. Returns the descriptor or -errno. */
static int open_below(const struct media *media, const char *path, int flags, mode_t mode)
{
        struct open_how how = { .flags = (uint64_t)(flags | O_CLOEXEC),
                                .mode = mode,
                                .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS |
                                           RESOLVE_NO_MAGICLINKS };
        long fd = syscall(SYS_openat2, media->fd, path, &how, sizeof(how));

        return fd < 0 ? -errno : (int)fd;
}

/* The folder that path lies in, and its name there. */
static int open_parent(const struct media *media, const char *path, int *ret_fd,
                       char ret_name[NAME_BYTES])
{
        const char *slash = strrchr(path, '/');
        const char *name = slash ? slash + 1 : path;
        char parent[MEDIA_PATH] = ".";
        int fd;

        if (!name[0] || strlen(name) >= NAME_BYTES || strcmp(name, ".") == 0 ||
            strcmp(name, "..") == 0)
                return -EINVAL;
        if (slash && (size_t)(slash - path) >= sizeof(parent))
                return -ENAMETOOLONG;
        if (slash) {
                memcpy(parent, path, (size_t)(slash - path));
                parent[slash - path] = '\0';
        }
        fd = open_below(media, parent, O_RDONLY | O_DIRECTORY, 0);
        if (fd < 0)
                return fd;
        memcpy(ret_name, name, strlen(name) + 1);
        *ret_fd = fd;
        return 0;
}

int media_path(const struct media *media, char ret_path[MEDIA_PATH], const char *path)
{
        int n = snprintf(ret_path, MEDIA_PATH, "%s/%s", media->dir, path);

        return n < MEDIA_PATH ? 0 : -ENAMETOOLONG;
}

/* ---- removing ---- */

static void remove_tree(int parent, const char *name, unsigned depth)
{
        cleanup(closedirp) DIR *dir = NULL;
        struct dirent *entry;
        int fd;

        if (unlinkat(parent, name, 0) == 0 || depth == MAX_DEPTH)
                return;
        fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0)
                return;
        dir = fdopendir(fd);
        if (!dir) {
                close(fd);
                return;
        }
        while ((entry = readdir(dir)))
                if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
                        remove_tree(fd, entry->d_name, depth + 1);
        (void)unlinkat(parent, name, AT_REMOVEDIR);
}

static void empty_gone(const struct media *media)
{
        int fd = openat(media->fd, GONE, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        cleanup(closedirp) DIR *dir = fd < 0 ? NULL : fdopendir(fd);
        struct dirent *entry;

        if (!dir) {
                if (fd >= 0)
                        close(fd);
                return;
        }
        while ((entry = readdir(dir)))
                if (entry->d_name[0] != '.')
                        remove_tree(fd, entry->d_name, 0);
}

static void *remover_main(void *user)
{
        struct media *media = user;
        struct pollfd fd = { .fd = mailbox_fd(media->removals), .events = POLLIN };
        bool stop = false, word;

        while (!stop) {
                empty_gone(media);
                (void)poll(&fd, 1, -1);
                mailbox_clear(media->removals);
                while (mailbox_take(media->removals, &word))
                        stop |= word;
        }
        return NULL;
}

int media_remove(struct media *media, const char *path)
{
        cleanup(closep) int parent = -1;
        char name[NAME_BYTES], gone[UUID_TEXT + 8], id[UUID_TEXT];
        bool stop = false;
        int r = open_parent(media, path, &parent, name);

        if (r < 0)
                return r == -ENOENT ? 0 : r;
        uuid_v7(id, 0);
        snprintf(gone, sizeof(gone), GONE "/%s", id);
        if (renameat(parent, name, media->fd, gone) < 0)
                return errno == ENOENT ? 0 : -errno;
        (void)!mailbox_put(media->removals, &stop); /* full: it is about to look anyway */
        return 0;
}

/* ---- life ---- */

static int start_thread(struct media *media)
{
        int r = thread_start(&media->thread, remover_main, media);

        media->running = r == 0;
        return r;
}

static int prepare(struct media *media)
{
        int r;

        if (mkdir(media->dir, 0700) < 0 && errno != EEXIST)
                return -errno;
        media->fd = open(media->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (media->fd < 0)
                return -errno;
        if (mkdirat(media->fd, GONE, 0700) < 0 && errno != EEXIST)
                return -errno;
        r = mailbox_new(&media->removals, sizeof(bool), 16);
        return r == 0 ? start_thread(media) : r;
}

int media_open(struct media **ret_media, const char *dir, char *ret_error, size_t error_cap)
{
        cleanup(media_closep) struct media *media = calloc(1, sizeof(*media));
        int r;

        if (!media) {
                snprintf(ret_error, error_cap, "no memory");
                return -ENOMEM;
        }
        media->fd = -1;
        if ((size_t)snprintf(media->dir, sizeof(media->dir), "%s", dir) >= sizeof(media->dir)) {
                snprintf(ret_error, error_cap, "the media folder's path is too long");
                return -ENAMETOOLONG;
        }
        r = prepare(media);
        if (r < 0) {
                snprintf(ret_error, error_cap, "cannot make the folder %s: %s", dir, strerror(-r));
                return r;
        }
        *ret_media = take_ptr(media);
        return 0;
}

struct media *media_close(struct media *media)
{
        bool stop = true;

        if (!media)
                return NULL;
        if (media->running) {
                while (mailbox_put(media->removals, &stop) < 0)
                        (void)poll(NULL, 0, 1); /* it takes them one folder later */
                pthread_join(media->thread, NULL);
        }
        mailbox_free(media->removals);
        closep(&media->fd);
        free(media);
        return NULL;
}

int media_free_bytes(const struct media *media, int64_t *ret_bytes)
{
        struct statvfs fs;

        if (fstatvfs(media->fd, &fs) < 0)
                return -errno;
        *ret_bytes = (int64_t)fs.f_bavail * (int64_t)fs.f_frsize;
        return 0;
}

/* ---- writing ---- */

static int make_one(struct media *media, const char *path)
{
        cleanup(closep) int parent = -1;
        char name[NAME_BYTES];
        int r = open_parent(media, path, &parent, name);

        if (r < 0)
                return r;
        if (mkdirat(parent, name, 0700) < 0)
                return errno == EEXIST ? 0 : -errno;
        if (geteuid() == 0 && fchownat(parent, name, NOBODY, NOBODY, AT_SYMLINK_NOFOLLOW) < 0)
                return -errno;
        return 0;
}

int media_make_dir(struct media *media, const char *path)
{
        char part[MEDIA_PATH];
        int r = 0;

        for (size_t at = 0; r == 0 && path[at]; at += path[at] == '/') {
                at += strcspn(path + at, "/");
                if (at >= sizeof(part))
                        return -ENAMETOOLONG;
                memcpy(part, path, at);
                part[at] = '\0';
                r = make_one(media, part);
        }
        return r;
}

/* The folder is private, so that its files may be read by whoever a job runs as. */
static int create(struct media *media, const char *path, int flags, int *ret_fd)
{
        cleanup(closep) int fd = open_below(media, path, O_WRONLY | O_CREAT | O_EXCL | flags, 0600);

        if (fd < 0)
                return fd;
        if (fchmod(fd, 0644) < 0)
                return -errno;
        *ret_fd = take_fd(&fd);
        return 0;
}

static int write_all(int fd, const char *data, size_t len)
{
        while (len > 0) {
                ssize_t n = write(fd, data, len);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return -errno;
                data += n;
                len -= (size_t)n;
        }
        return 0;
}

static int copy_all(int to, int from)
{
        char buffer[COPY_BYTES];
        ssize_t n;
        int r = 0;

        while (r == 0 && (n = read(from, buffer, sizeof(buffer))) > 0)
                r = write_all(to, buffer, (size_t)n);
        return r < 0 ? r : n < 0 ? -errno : 0;
}

/* Writes it beside its place, and puts it there whole. from -1: data. */
static int put_file(struct media *media, const char *path, int from, const void *data, size_t len)
{
        cleanup(closep) int parent = -1;
        cleanup(closep) int fd = -1;
        char name[NAME_BYTES], part[MEDIA_PATH], id[UUID_TEXT];
        const char *base;
        size_t at;
        int r = open_parent(media, path, &parent, name);

        if (r < 0)
                return r;
        uuid_v7(id, 0);
        at = strlen(path) - strlen(name);
        if (at + 1 + strlen(id) + sizeof(".part") > sizeof(part))
                return -ENAMETOOLONG;
        memcpy(part, path, at);
        snprintf(part + at, sizeof(part) - at, ".%s.part", id);
        base = part + at;
        r = create(media, part, 0, &fd);
        if (r < 0)
                return r;
        r = from >= 0 ? copy_all(fd, from) : write_all(fd, data, len);
        if (r == 0 && renameat(parent, base, parent, name) < 0)
                r = -errno;
        if (r < 0)
                (void)unlinkat(parent, base, 0);
        return r;
}

int media_write(struct media *media, const char *path, const void *data, size_t len)
{
        return put_file(media, path, -1, data, len);
}

int media_copy_in(struct media *media, const char *from, const char *path)
{
        cleanup(closep) int there = open_below(media, path, O_PATH, 0);
        cleanup(closep) int fd = -1;

        if (there >= 0)
                return 0;
        fd = open(from, O_RDONLY | O_CLOEXEC);
        return fd < 0 ? -errno : put_file(media, path, fd, NULL, 0);
}

int media_file_new(struct media_file **ret_file, struct media *media, const char *path)
{
        struct media_file *file = calloc(1, sizeof(*file));
        int r = file ? create(media, path, O_APPEND, &file->fd) : -ENOMEM;

        if (r < 0) {
                free(file);
                return r;
        }
        *ret_file = file;
        return 0;
}

struct media_file *media_file_free(struct media_file *file)
{
        if (file)
                close(file->fd);
        free(file);
        return NULL;
}

int media_file_append(struct media_file *file, const char *text, size_t len)
{
        return write_all(file->fd, text, len);
}

/* ---- reading ---- */

int media_find(const struct media *media, const char *path, struct media_found *ret_found)
{
        /* Not to wait for the other end, should it be a pipe. */
        cleanup(closep) int fd = open_below(media, path, O_RDONLY | O_NONBLOCK, 0);
        struct stat st;

        if (fd < 0)
                return fd;
        if (fstat(fd, &st) < 0)
                return -errno;
        if (!S_ISREG(st.st_mode))
                return -ENOENT;
        snprintf(ret_found->path, sizeof(ret_found->path), "/proc/self/fd/%d", fd);
        ret_found->size_bytes = st.st_size;
        ret_found->changed_us = (int64_t)st.st_mtim.tv_sec * 1000000 + st.st_mtim.tv_nsec / 1000;
        ret_found->fd = take_fd(&fd);
        return 0;
}

void media_found_done(struct media_found *found)
{
        closep(&found->fd);
        found->fd = -1;
}

static int read_all(int fd, char *text, size_t cap, size_t *ret_len)
{
        size_t len = 0;
        ssize_t n;

        while ((n = read(fd, text + len, cap - len)) > 0)
                len += (size_t)n;
        if (n < 0)
                return -errno;
        *ret_len = len;
        return 0;
}

int media_read(const struct media *media, const char *path, size_t max, char **ret_text,
               size_t *ret_len)
{
        struct media_found found;
        char *text = NULL;
        size_t cap;
        int r = media_find(media, path, &found);

        if (r < 0)
                return r;
        if ((uint64_t)found.size_bytes > max)
                r = -EFBIG;
        cap = r < 0 ? 0 : (size_t)found.size_bytes;
        if (r == 0)
                text = malloc(cap + 1);
        if (r == 0)
                r = text ? read_all(found.fd, text, cap, ret_len) : -ENOMEM;
        media_found_done(&found);
        if (r < 0) {
                free(text);
                return r;
        }
        text[*ret_len] = '\0';
        *ret_text = text;
        return 0;
}

int media_list(const struct media *media, const char *path,
               void (*each)(void *user, const char *name), void *user)
{
        int fd = open_below(media, path, O_RDONLY | O_DIRECTORY, 0);
        cleanup(closedirp) DIR *dir = fd < 0 ? NULL : fdopendir(fd);
        struct dirent *entry;

        if (fd < 0)
                return fd;
        if (!dir) {
                close(fd);
                return -ENOMEM;
        }
        while ((entry = readdir(dir)))
                if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
                        each(user, entry->d_name);
        return 0;
}
