/* SPDX-License-Identifier: Apache-2.0 */
/*
 * train — datagrams to one connected socket, as trains of equal size
 *         (UDP_SEGMENT) or one by one where the kernel refuses.
 *
 * Layer:  load/io.
 * Owner:  whoever embeds it. Thread: its owner's.
 *
 * Invariant: every segment but the last is seg_len long, the last not longer.
 */
#ifndef LOAD_IO_TRAIN_H
#define LOAD_IO_TRAIN_H

#include "base/base.h"

enum { TRAIN_SEGMENT = 1400, TRAIN_MAX = 44 }; /* together under 64 kB */

struct train { /* private, but for failed */
        int fd;
        bool gso;
        size_t n, seg_len, used;
        uint64_t failed;
        uint8_t data[TRAIN_MAX * TRAIN_SEGMENT];
};

void train_init(struct train *train, int fd, bool gso);

/* TRAIN_SEGMENT bytes that are the caller's until commit. */
uint8_t *train_reserve(struct train *train);
void train_commit(struct train *train, size_t len);
void train_flush(struct train *train);

#endif
