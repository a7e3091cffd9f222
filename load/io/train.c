/* SPDX-License-Identifier: Apache-2.0 */
#include "load/io/train.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <sys/socket.h>

void train_init(struct train *train, int fd, bool gso)
{
        train->fd = fd;
        train->gso = gso;
        train->n = train->seg_len = train->used = 0;
        train->failed = 0;
}

static bool send_gso(struct train *train)
{
        struct iovec iov = { train->data, train->used };
        union {
                struct cmsghdr head;
                uint8_t bytes[CMSG_SPACE(sizeof(uint16_t))];
        } control = { 0 };
        struct msghdr msg = { .msg_iov = &iov,
                              .msg_iovlen = 1,
                              .msg_control = &control,
                              .msg_controllen = sizeof(control) };
        uint16_t size = (uint16_t)train->seg_len;

        control.head.cmsg_level = SOL_UDP;
        control.head.cmsg_type = UDP_SEGMENT;
        control.head.cmsg_len = CMSG_LEN(sizeof(size));
        memcpy(CMSG_DATA(&control.head), &size, sizeof(size));
        if (sendmsg(train->fd, &msg, MSG_DONTWAIT) >= 0)
                return true;
        /* No GSO on this way: from now on one by one. */
        train->gso = errno != EINVAL && errno != EIO && errno != EOPNOTSUPP;
        return false;
}

static void send_singly(struct train *train)
{
        for (size_t at = 0; at < train->used; at += train->seg_len) {
                size_t left = train->used - at;

                if (send(train->fd, train->data + at, left < train->seg_len ? left : train->seg_len,
                         MSG_DONTWAIT) < 0)
                        train->failed += errno != ECONNREFUSED; /* that is the server's end */
        }
}

void train_flush(struct train *train)
{
        if (train->n > 0 && (train->n == 1 || !train->gso || !send_gso(train)))
                send_singly(train);
        train->n = train->seg_len = train->used = 0;
}

uint8_t *train_reserve(struct train *train)
{
        if (train->n == TRAIN_MAX || train->used + TRAIN_SEGMENT > sizeof(train->data))
                train_flush(train);
        return train->data + train->used;
}

void train_commit(struct train *train, size_t len)
{
        if (train->n > 0 && len > train->seg_len) { /* it would not fit in: it begins anew */
                size_t used = train->used;

                train_flush(train);
                memmove(train->data, train->data + used, len);
        }
        if (train->n == 0)
                train->seg_len = len;
        train->used += len;
        train->n++;
        if (len < train->seg_len) /* a shorter one ends the train */
                train_flush(train);
}
