/* SPDX-License-Identifier: Apache-2.0 */
/*
 * notify — tells whoever started the server how it is: sd_notify(3), which is a datagram
 *          to $NOTIFY_SOCKET. Nobody asked: every function does nothing.
 *
 * Owner:  `dinh serve`.
 * Thread: signalling. notify_alive() comes from its loop, and so says that this goes round.
 */
#ifndef SIGNALING_NOTIFY_H
#define SIGNALING_NOTIFY_H

#include "base/base.h"

struct notify {
        int fd;           /* connected; -1: nobody asked */
        int64_t every_us; /* half of what the supervisor waits for; 0: it does not wait */
        int64_t next_us;
};

/* Takes its variables out of the environment: jobs are not to speak for us. */
void notify_open(struct notify *notify);
void notify_close(struct notify *notify);

/* "READY=1", "STOPPING=1" */
void notify_say(const struct notify *notify, const char *state);

/* Call more often than twice in the supervisor's patience. now_us: monotonic. */
void notify_alive(struct notify *notify, int64_t now_us);

#endif
