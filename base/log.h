/* SPDX-License-Identifier: Apache-2.0 */
/*
 * log — one line per event on stderr: time, level, topic, message.
 *
 * Layer:  base; called by io/ layers and main only (wire/ and core/ return).
 * Thread: any; a line is one write().
 *
 * Never log: tokens, passwords, keys, SDP, chat, names of papers.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include "base/base.h"

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO };

void log_line(enum log_level level, const char *topic, const char *format, ...)
        __attribute__((format(printf, 3, 4)));

/* For conditions a stranger can cause: at most one line per limit per second,
 * the next one tells how many were held back. Atomic inside; zero-initialise, one per kind. */
struct log_limit {
        int64_t next_us;
        uint64_t held_back;
};

void log_limited(struct log_limit *limit, enum log_level level, const char *topic,
                 const char *format, ...) __attribute__((format(printf, 4, 5)));

#endif
