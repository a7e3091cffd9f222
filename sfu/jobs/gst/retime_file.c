/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/jobs/gst/retime_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"

enum { PATH = 256 };

static void path_of(char ret_path[PATH], const char *name)
{
        snprintf(ret_path, PATH, "/work/.%s.times", name);
}

void retime_file_write(const struct retime *retime, const char *name)
{
        static struct log_limit failures;
        cleanup(closep) int fd = -1;
        char path[PATH], text[RETIME_TEXT];
        size_t len = retime_write(retime, text);

        path_of(path, name);
        fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
        /* Killed here, what is left cannot be read, and the file stays as it is. */
        if (fd < 0 || pwrite(fd, text, len, 0) != (ssize_t)len || ftruncate(fd, (off_t)len) < 0)
                log_limited(&failures, LOG_WARN, "tracks", "%s: %s", path, strerror(errno));
}

void retime_file_read(struct retime *ret_retime, const char *name)
{
        cleanup(closep) int fd = -1;
        char path[PATH], text[RETIME_TEXT];
        ssize_t n;

        *ret_retime = (struct retime){ 0 };
        path_of(path, name);
        fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
        n = fd < 0 ? -1 : read(fd, text, sizeof(text));
        if (n > 0 && retime_read(ret_retime, text, (size_t)n) < 0)
                log_line(LOG_WARN, "finish", "%s cannot be read", path);
}

void retime_file_remove(const char *name)
{
        char path[PATH];

        path_of(path, name);
        (void)unlink(path);
}
