/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mailbox.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>

#include "base/fd.h"

struct mailbox {
        pthread_mutex_t lock;
        int fd;
        size_t message_size, cap, first, n;
        uint8_t *ring;
};

int mailbox_new(struct mailbox **ret_box, size_t message_size, size_t cap)
{
        cleanup(mailbox_freep) struct mailbox *box = calloc(1, sizeof(*box));

        if (!box)
                return -ENOMEM;
        pthread_mutex_init(&box->lock, NULL);
        box->message_size = message_size;
        box->cap = cap;
        box->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        if (box->fd < 0)
                return -errno;
        box->ring = calloc(cap, message_size);
        if (!box->ring)
                return -ENOMEM;
        *ret_box = take_ptr(box);
        return 0;
}

struct mailbox *mailbox_free(struct mailbox *box)
{
        if (!box)
                return NULL;
        pthread_mutex_destroy(&box->lock);
        closep(&box->fd);
        free(box->ring);
        free(box);
        return NULL;
}

int mailbox_put(struct mailbox *box, const void *message)
{
        bool full;

        pthread_mutex_lock(&box->lock);
        full = box->n == box->cap;
        if (!full) {
                size_t at = (box->first + box->n) % box->cap;

                memcpy(box->ring + at * box->message_size, message, box->message_size);
                box->n++;
        }
        pthread_mutex_unlock(&box->lock);
        if (full)
                return -EAGAIN;
        (void)!write(box->fd, &(uint64_t){ 1 }, sizeof(uint64_t));
        return 0;
}

bool mailbox_take(struct mailbox *box, void *ret_message)
{
        bool any;

        pthread_mutex_lock(&box->lock);
        any = box->n > 0;
        if (any) {
                memcpy(ret_message, box->ring + box->first * box->message_size, box->message_size);
                box->first = (box->first + 1) % box->cap;
                box->n--;
        }
        pthread_mutex_unlock(&box->lock);
        return any;
}

int mailbox_fd(const struct mailbox *box)
{
        return box->fd;
}

void mailbox_clear(struct mailbox *box)
{
        uint64_t n;

        (void)!read(box->fd, &n, sizeof(n));
}
