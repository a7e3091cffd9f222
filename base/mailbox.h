/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mailbox — a bounded queue between threads: many may put, one takes.
 *
 * Owner:  whoever made it; freed when both sides are done.
 * Thread: any may put; one takes. The one lock of the program's threads.
 *
 * Invariants:
 *  (1) messages of one fixed size are copied in and out; pointers in them
 *      change owner with the copy.
 *  (2) a full mailbox says -EAGAIN at once; nothing ever blocks.
 *  (3) the descriptor is readable when something was put after the last
 *      mailbox_clear().
 */
#ifndef BASE_MAILBOX_H
#define BASE_MAILBOX_H

#include "base/base.h"

struct mailbox;

/* cap messages of message_size bytes. Returns 0 or -errno. */
must_use int mailbox_new(struct mailbox **ret_box, size_t message_size, size_t cap);
struct mailbox *mailbox_free(struct mailbox *box);
DEFINE_CLEANUP(struct mailbox *, mailbox_free)

/* Returns 0, or -EAGAIN when full: the sender decides what that means. */
must_use int mailbox_put(struct mailbox *box, const void *message);

/* Takes the oldest message. False when there is none. */
bool mailbox_take(struct mailbox *box, void *ret_message);

/* An eventfd for the taker's epoll or uv loop; clear it, then take until empty. */
int mailbox_fd(const struct mailbox *box);
void mailbox_clear(struct mailbox *box);

#endif
