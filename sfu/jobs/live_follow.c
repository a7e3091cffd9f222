/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/jobs/live_follow.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/fd.h"

enum { PATH = LIVE_DIR + 32 };

int live_follow_init(struct live_follow *follow, const char *dir)
{
        *follow = (struct live_follow){ 0 };
        if (strlen(dir) >= sizeof(follow->dir))
                return -ENAMETOOLONG;
        strcpy(follow->dir, dir);
        return 0;
}

void live_follow_restart(struct live_follow *follow)
{
        follow->begun = false;
}

static bool earlier(struct timespec a, struct timespec b)
{
        return a.tv_sec != b.tv_sec ? a.tv_sec < b.tv_sec : a.tv_nsec < b.tv_nsec;
}

/* "12.m4s" and nothing else. */
static bool read_number(const char *name, uint64_t *ret_number)
{
        char again[32];
        uint64_t number = strtoull(name, NULL, 10);

        snprintf(again, sizeof(again), "%" PRIu64 ".m4s", number);
        if (strcmp(name, again) != 0)
                return false;
        *ret_number = number;
        return true;
}

/* The newest segment of this writer: those it found there from before do not count. */
static bool find_newest(const struct live_follow *follow, uint64_t *ret_number)
{
        cleanup(closedirp) DIR *dir = opendir(follow->dir);
        const struct dirent *entry;
        bool found = false;

        while (dir && (entry = readdir(dir))) {
                struct stat st;
                uint64_t number;

                if (!read_number(entry->d_name, &number) || (found && number <= *ret_number) ||
                    fstatat(dirfd(dir), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
                    earlier(st.st_mtim, follow->init_time))
                        continue;
                *ret_number = number;
                found = true;
        }
        return found;
}

static bool read_whole(int fd, size_t size, uint8_t *to)
{
        size_t len = 0;

        while (len < size) {
                ssize_t n = read(fd, to + len, size - len);

                if (n == 0 || (n < 0 && errno != EINTR))
                        return false;
                len += n > 0 ? (size_t)n : 0;
        }
        return true;
}

/* Files appear whole, by rename. */
static bool read_file(const struct live_follow *follow, const char *name, struct stat *ret_st,
                      uint8_t **ret_bytes, size_t *ret_len)
{
        char path[PATH];
        cleanup(closep) int fd = -1;
        cleanup(freep) uint8_t *bytes = NULL;

        snprintf(path, sizeof(path), "%s/%s", follow->dir, name);
        fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
        if (fd < 0 || fstat(fd, ret_st) < 0 || !S_ISREG(ret_st->st_mode) || ret_st->st_size == 0 ||
            ret_st->st_size > LIVE_FILE_MAX)
                return false;
        bytes = malloc((size_t)ret_st->st_size);
        if (!bytes || !read_whole(fd, (size_t)ret_st->st_size, bytes))
                return false;
        *ret_bytes = take_ptr(bytes);
        *ret_len = (size_t)ret_st->st_size;
        return true;
}

static enum live_news begin(struct live_follow *follow, uint8_t **ret_bytes, size_t *ret_len)
{
        cleanup(freep) uint8_t *bytes = NULL;
        size_t len;
        struct stat st;

        if (!read_file(follow, "init.mp4", &st, &bytes, &len))
                return LIVE_NONE;
        follow->init = st.st_ino;
        follow->init_time = st.st_mtim;
        if (!find_newest(follow, &follow->next))
                return LIVE_NONE;
        follow->begun = true;
        *ret_bytes = take_ptr(bytes);
        *ret_len = len;
        return LIVE_INIT;
}

static bool is_same_writer(const struct live_follow *follow)
{
        char path[PATH];
        struct stat st;

        snprintf(path, sizeof(path), "%s/init.mp4", follow->dir);
        return lstat(path, &st) == 0 && st.st_ino == follow->init &&
               st.st_mtim.tv_sec == follow->init_time.tv_sec &&
               st.st_mtim.tv_nsec == follow->init_time.tv_nsec;
}

enum live_news live_follow_poll(struct live_follow *follow, uint8_t **ret_bytes, size_t *ret_len)
{
        char name[32];
        uint64_t newest;
        struct stat st;

        if (!follow->begun)
                return begin(follow, ret_bytes, ret_len);
        snprintf(name, sizeof(name), "%" PRIu64 ".m4s", follow->next);
        if (!is_same_writer(follow)) {
                follow->begun = false;
                return LIVE_BROKEN;
        }
        if (read_file(follow, name, &st, ret_bytes, ret_len)) {
                follow->next++;
                return LIVE_SEGMENT;
        }
        if (!find_newest(follow, &newest) || newest <= follow->next)
                return LIVE_NONE;
        follow->begun = false;
        return LIVE_BROKEN;
}
