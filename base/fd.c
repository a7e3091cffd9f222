/* SPDX-License-Identifier: Apache-2.0 */
#include "base/fd.h"

#include <errno.h>

int fd_write_durable(int fd, const void *data, size_t len)
{
        const uint8_t *at = data;

        while (len > 0) {
                ssize_t n = write(fd, at, len);

                if (n < 0 && errno != EINTR)
                        return -errno;
                if (n > 0) {
                        at += n;
                        len -= (size_t)n;
                }
        }
        return fsync(fd) < 0 ? -errno : 0;
}
