/* SPDX-License-Identifier: Apache-2.0 */
#include "docs-share/io/files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fd.h"

/* Removes the plain files in a folder (not folders in it). */
static void empty_folder(const char *path)
{
        cleanup(closedirp) DIR *dir = opendir(path);
        struct dirent *entry;

        while (dir && (entry = readdir(dir)))
                (void)unlinkat(dirfd(dir), entry->d_name, 0);
}

int files_prepare(const char *dir, char *ret_error, size_t error_cap)
{
        static const char *const folders[] = { "", "/uploads", "/blobs", "/pages" };
        char path[FILES_PATH];

        if (strlen(dir) > FILES_DIR_MAX) {
                snprintf(ret_error, error_cap, "the path of the documents folder is too long");
                return -ENAMETOOLONG;
        }
        for (size_t i = 0; i < ARRAY_LEN(folders); i++) {
                snprintf(path, sizeof(path), "%s%s", dir, folders[i]);
                if ((mkdir(path, 0700) < 0 && errno != EEXIST) || access(path, W_OK | X_OK) < 0) {
                        int r = -errno;

                        snprintf(ret_error, error_cap, "cannot write to %s: %s", path,
                                 strerror(-r));
                        return r;
                }
        }
        files_upload_path(path, dir, "");
        *strrchr(path, '/') = '\0';
        empty_folder(path);
        return 0;
}

void files_upload_path(char ret_path[FILES_PATH], const char *dir, const char *id)
{
        snprintf(ret_path, FILES_PATH, "%.*s/uploads/%.64s.part", FILES_DIR_MAX, dir, id);
}

void files_blob_path(char ret_path[FILES_PATH], const char *dir, const char *sha256)
{
        snprintf(ret_path, FILES_PATH, "%.*s/blobs/%.2s/%.62s", FILES_DIR_MAX, dir, sha256,
                 sha256 + 2);
}

static void pages_path(char ret_path[FILES_PATH], const char *dir, const char *sha256,
                       const char *name)
{
        snprintf(ret_path, FILES_PATH, "%.*s/pages/%.2s/%.62s/%.32s", FILES_DIR_MAX, dir, sha256,
                 sha256 + 2, name);
}

void files_page_path(char ret_path[FILES_PATH], const char *dir, const char *sha256, int page,
                     enum page_size size)
{
        char name[32];

        snprintf(name, sizeof(name), "%d-%s.webp", page, size == PAGE_SCREEN ? "screen" : "phone");
        pages_path(ret_path, dir, sha256, name);
}

void files_text_path(char ret_path[FILES_PATH], const char *dir, const char *sha256)
{
        pages_path(ret_path, dir, sha256, "text.txt");
}

static int sync_folder(const char *path)
{
        cleanup(closep) int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        if (fd < 0 || fsync(fd) < 0)
                return -errno;
        return 0;
}

/* Makes the folders above a file, at most two that are missing. */
static int make_parents(const char *path)
{
        char parent[FILES_PATH];
        char *slash;

        snprintf(parent, sizeof(parent), "%s", path);
        *strrchr(parent, '/') = '\0';
        if (mkdir(parent, 0700) == 0 || errno == EEXIST)
                return 0;
        if (errno != ENOENT)
                return -errno;
        slash = strrchr(parent, '/');
        *slash = '\0';
        if (mkdir(parent, 0700) < 0 && errno != EEXIST)
                return -errno;
        *slash = '/';
        return mkdir(parent, 0700) < 0 && errno != EEXIST ? -errno : 0;
}

/* From a flushed file under a passing name to its final one. */
static int settle(const char *from, const char *to)
{
        char parent[FILES_PATH];
        int r = make_parents(to);

        if (r == 0 && rename(from, to) < 0)
                r = -errno;
        if (r < 0) {
                (void)unlink(from);
                return r;
        }
        snprintf(parent, sizeof(parent), "%s", to);
        *strrchr(parent, '/') = '\0';
        r = sync_folder(parent);
        if (r == 0) {
                *strrchr(parent, '/') = '\0';
                r = sync_folder(parent);
        }
        return r;
}

int files_keep_blob(const char *dir, const char *part, int fd, const char *sha256)
{
        char path[FILES_PATH];

        files_blob_path(path, dir, sha256);
        if (access(path, F_OK) == 0) {
                (void)unlink(part);
                return 0;
        }
        /* For everybody: who plays a film has another user. The folder above is shut. */
        if (fsync(fd) < 0 || fchmod(fd, 0444) < 0) {
                int r = -errno;

                (void)unlink(part);
                return r;
        }
        return settle(part, path);
}

int files_write(const char *path, const void *data, size_t len)
{
        char passing[FILES_PATH + 8];
        cleanup(closep) int fd = -1;
        int r = make_parents(path);

        if (r < 0)
                return r;
        snprintf(passing, sizeof(passing), "%s.new", path);
        fd = open(passing, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        if (fd < 0)
                return -errno;
        r = fd_write_durable(fd, data, len);
        if (r < 0) {
                (void)unlink(passing);
                return r;
        }
        return settle(passing, path);
}

int files_write_done(const char *dir, const char *sha256, int pages, const char *pdf_sha256)
{
        char path[FILES_PATH], text[128];

        pages_path(path, dir, sha256, "done");
        snprintf(text, sizeof(text), "%d %s\n", pages, pdf_sha256);
        return files_write(path, text, strlen(text));
}

int files_read_done(const char *dir, const char *sha256, int *ret_pages,
                    char ret_pdf_sha256[SHA256_HEX])
{
        char path[FILES_PATH], text[128];
        cleanup(closep) int fd = -1;
        ssize_t n;

        pages_path(path, dir, sha256, "done");
        fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd < 0)
                return -errno;
        n = read(fd, text, sizeof(text) - 1);
        if (n < 0)
                return -errno;
        text[n] = '\0';
        return sscanf(text, "%9d %64s", ret_pages, ret_pdf_sha256) == 2 ? 0 : -ENOENT;
}

void files_remove_blob(const char *dir, const char *sha256)
{
        char path[FILES_PATH];

        files_blob_path(path, dir, sha256);
        (void)unlink(path);
}

void files_remove_pages(const char *dir, const char *sha256)
{
        char path[FILES_PATH];

        pages_path(path, dir, sha256, "");
        empty_folder(path);
        (void)rmdir(path);
}
