/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/jobs/live_follow.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/fd.h"

enum { PATH = LIVE_DIR + 64 };

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

/* "12.m4s" between its prefix and its suffix, and nothing else. */
static bool read_number(const char *name, const char *prefix, const char *suffix,
                        uint64_t *ret_number)
{
        size_t skip = strlen(prefix);
        uint64_t number;
        char again[64];

        if (strncmp(name, prefix, skip) != 0)
                return false;
        number = strtoull(name + skip, NULL, 10);
        snprintf(again, sizeof(again), "%s%" PRIu64 "%s", prefix, number, suffix);
        if (strcmp(name, again) != 0)
                return false;
        *ret_number = number;
        return true;
}

static bool find_newest(const struct live_follow *follow, const char *prefix, const char *suffix,
                        uint64_t *ret_number)
{
        cleanup(closedirp) DIR *dir = opendir(follow->dir);
        const struct dirent *entry;
        bool found = false;

        while (dir && (entry = readdir(dir))) {
                uint64_t number;

                if (!read_number(entry->d_name, prefix, suffix, &number) ||
                    (found && number <= *ret_number))
                        continue;
                *ret_number = number;
                found = true;
        }
        return found;
}

/* Of this writer: those it found there from before do not count. */
static bool find_segment(const struct live_follow *follow, uint64_t *ret_number)
{
        return find_newest(follow, "", ".m4s", ret_number) && *ret_number >= follow->first;
}

static bool find_init(const struct live_follow *follow, uint64_t *ret_number)
{
        return find_newest(follow, "init-", ".mp4", ret_number);
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
static bool read_file(const struct live_follow *follow, const char *name, uint8_t **ret_bytes,
                      size_t *ret_len)
{
        char path[PATH];
        struct stat st;
        cleanup(closep) int fd = -1;
        cleanup(freep) uint8_t *bytes = NULL;

        snprintf(path, sizeof(path), "%s/%s", follow->dir, name);
        fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
        if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size == 0 ||
            st.st_size > LIVE_FILE_MAX)
                return false;
        bytes = malloc((size_t)st.st_size);
        if (!bytes || !read_whole(fd, (size_t)st.st_size, bytes))
                return false;
        *ret_bytes = take_ptr(bytes);
        *ret_len = (size_t)st.st_size;
        return true;
}

static enum live_news begin(struct live_follow *follow, uint8_t **ret_bytes, size_t *ret_len)
{
        cleanup(freep) uint8_t *bytes = NULL;
        char name[64];
        size_t len;

        if (!find_init(follow, &follow->first))
                return LIVE_NONE;
        snprintf(name, sizeof(name), "init-%" PRIu64 ".mp4", follow->first);
        if (!find_segment(follow, &follow->next) || !read_file(follow, name, &bytes, &len))
                return LIVE_NONE;
        follow->begun = true;
        *ret_bytes = take_ptr(bytes);
        *ret_len = len;
        return LIVE_INIT;
}

static bool is_same_writer(const struct live_follow *follow)
{
        uint64_t first;

        return find_init(follow, &first) && first == follow->first;
}

enum live_news live_follow_poll(struct live_follow *follow, uint8_t **ret_bytes, size_t *ret_len)
{
        char name[64];
        uint64_t newest;

        if (!follow->begun)
                return begin(follow, ret_bytes, ret_len);
        snprintf(name, sizeof(name), "%" PRIu64 ".m4s", follow->next);
        if (!is_same_writer(follow)) {
                follow->begun = false;
                return LIVE_BROKEN;
        }
        if (read_file(follow, name, ret_bytes, ret_len)) {
                follow->next++;
                return LIVE_SEGMENT;
        }
        if (!find_segment(follow, &newest) || newest <= follow->next)
                return LIVE_NONE;
        follow->begun = false;
        return LIVE_BROKEN;
}
