/* SPDX-License-Identifier: Apache-2.0 */
/*
 * reader — a thread that reads files for the signalling thread, which so waits for no disk and
 *          parses nothing large.
 *
 * Owner:  main makes it, the signalling thread uses and frees it.
 * Thread: the signalling thread; run() of a work is called on the reader's own, one after the
 *         other.
 *
 * Invariants:
 *  (1) a work shares nothing with the signalling thread from reader_ask() on until done() or
 *      drop() is called with it: exactly one of them.
 *  (2) at most READER_MAX works are on their way.
 */
#ifndef STORE_READER_H
#define STORE_READER_H

#include "base/base.h"

enum { READER_MAX = 64 };

/* The first member of what a caller asks for. */
struct reader_work {
        void (*run)(struct reader_work *work);
        void (*done)(struct reader_work *work); /* within reader_poll(); the caller's again */
        void (*drop)(struct reader_work *work); /* within reader_free(), whether it ran or not */
};

struct reader;

/* wake (may be NULL): called from the reader's thread when works wait for reader_poll(). Returns 0 or
 * -errno. */
must_use int reader_new(struct reader **ret_reader, void (*wake)(void *user), void *wake_user);
/* Waits for the work at hand. Accepts NULL, returns NULL. */
struct reader *reader_free(struct reader *reader);
DEFINE_CLEANUP(struct reader *, reader_free)

/* Returns 0, or -EAGAIN: READER_MAX are on their way. */
must_use int reader_ask(struct reader *reader, struct reader_work *work);

/* Calls done() of those that ran. */
void reader_poll(struct reader *reader);

#endif
