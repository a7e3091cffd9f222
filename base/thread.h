/* SPDX-License-Identifier: Apache-2.0 */
/* thread — a thread that leaves signals to the main one. */
#ifndef BASE_THREAD_H
#define BASE_THREAD_H

#include <pthread.h>

#include "base/base.h"

/* run(user) on a thread of its own, to be joined. It takes no signals but those that say that it
 * is broken: they end the process. Returns 0 or -errno. */
must_use int thread_start(pthread_t *ret_thread, void *(*run)(void *user), void *user);

#endif
