/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pattern — what our test media carry instead of pictures and voices: who sent
 *           it, the how-manieth packet it is, when it left, and a checksum.
 *
 * Layer:  load/core. Pure.
 * Units:  sent_ns: nanoseconds of the sender's monotonic clock.
 */
#ifndef LOAD_CORE_PATTERN_H
#define LOAD_CORE_PATTERN_H

#include "base/base.h"

enum { PATTERN_BYTES = 32 }; /* the least a pattern takes */

enum pattern_err {
        PATTERN_E_FOREIGN = 1, /* not one of ours: somebody else's media */
        PATTERN_E_CORRUPT,
};

struct pattern {
        uint32_t stream; /* unique in a run */
        uint32_t number; /* of the packet in its stream, from 0 */
        int64_t sent_ns;
};

/* Fills all of ret; len >= PATTERN_BYTES. */
void pattern_write(uint8_t *ret, size_t len, const struct pattern *pattern);

/* Returns 0 and fills *ret_pattern, or an enum pattern_err. */
must_use int pattern_parse(struct pattern *ret_pattern, const uint8_t *data, size_t len);

#endif
