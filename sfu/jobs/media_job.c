/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/jobs/media_job.h"

#include <errno.h>
#include <sys/socket.h>

#include "base/fd.h"

/* Half a second of a large room; the default holds 93 packets. */
enum { SOCKET_BYTES = 4 * 1024 * 1024 };

/* Neither end waits for the other. */
static int make_pair(int ret_fds[2])
{
        const int bytes = SOCKET_BYTES;

        if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ret_fds) < 0)
                return -errno;
        for (int i = 0; i < 2; i++) {
                /* FORCE is root's; the others get what the system allows. */
                if (setsockopt(ret_fds[i], SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof(bytes)) < 0)
                        (void)setsockopt(ret_fds[i], SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes));
        }
        return 0;
}

/* Takes fd. */
static int start_with(struct jobs *jobs, const struct job_params *params, int fd,
                      struct job **ret_job)
{
        struct job_params with_fd = *params;
        int r;

        with_fd.fd = fd;
        r = job_start(jobs, &with_fd, ret_job);
        if (r < 0)
                closep(&fd);
        return r;
}

int media_job_tap(struct jobs *jobs, const struct job_params *params, struct sfu *sfu,
                  const struct sfu_tap_params *tap, struct job **ret_job, uint64_t *ret_tap)
{
        struct sfu_tap_params with_fd = *tap;
        int fds[2], r = make_pair(fds);
        uint64_t number;

        if (r < 0)
                return r;
        with_fd.fd = fds[0];
        r = sfu_tap_open(sfu, &with_fd, &number);
        if (r < 0) {
                closep(&fds[0]);
                closep(&fds[1]);
                return r;
        }
        r = start_with(jobs, params, fds[1], ret_job);
        if (r < 0)
                sfu_tap_close(sfu, number);
        else
                *ret_tap = number;
        return r;
}

int media_job_feed(struct jobs *jobs, const struct job_params *params, struct sfu *sfu,
                   const struct sfu_feed_params *feed, struct job **ret_job, uint64_t *ret_peer)
{
        struct sfu_feed_params with_fd = *feed;
        int fds[2], r = make_pair(fds);
        uint64_t number;

        if (r < 0)
                return r;
        with_fd.fd = fds[0];
        r = sfu_feed_open(sfu, &with_fd, &number);
        if (r != 0) {
                closep(&fds[0]);
                closep(&fds[1]);
                return r;
        }
        r = start_with(jobs, params, fds[1], ret_job);
        if (r < 0)
                sfu_peer_close(sfu, number);
        else
                *ret_peer = number;
        return r;
}
