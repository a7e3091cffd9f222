/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/io/identity.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/fd.h"

enum { MAX_BYTES = 64 * 1024 };

static int save(const char *path, const char *pem)
{
        cleanup(freep) char *temporary = NULL;
        cleanup(closep) int fd = -1;
        int r;

        if (asprintf(&temporary, "%s.XXXXXX", path) < 0) {
                temporary = NULL;
                return -ENOMEM;
        }
        fd = mkostemp(temporary, O_CLOEXEC); /* 0600 */
        if (fd < 0)
                return -errno;
        r = fd_write_durable(fd, pem, strlen(pem));
        if (r == 0 && rename(temporary, path) < 0)
                r = -errno;
        if (r < 0)
                (void)unlink(temporary);
        return r;
}

static int make(struct dtls_context **ret_context, const char *path)
{
        cleanup(dtls_context_freep) struct dtls_context *context = NULL;
        cleanup(freep) char *pem = NULL;
        int r = dtls_identity_make(&pem, clock_wall_us());

        if (r < 0)
                return r;
        r = dtls_context_new(&context, pem, strlen(pem));
        if (r < 0)
                return r;
        r = save(path, pem);
        explicit_bzero(pem, strlen(pem));
        if (r < 0)
                return r;
        *ret_context = take_ptr(context);
        return 0;
}

int identity_load(struct dtls_context **ret_context, const char *path)
{
        char pem[MAX_BYTES];
        cleanup(closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
        ssize_t n;
        int r;

        if (fd < 0)
                return errno == ENOENT ? make(ret_context, path) : -errno;
        n = read(fd, pem, sizeof(pem));
        if (n < 0)
                return -errno;
        r = dtls_context_new(ret_context, pem, (size_t)n);
        explicit_bzero(pem, (size_t)n);
        return r;
}
