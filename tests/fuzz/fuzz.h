/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz — what fuzz targets share. A target is one file that defines
 *        LLVMFuzzerTestOneInput(); it is linked with libFuzzer, or with
 *        replay_main.c, which feeds it the corpus as an ordinary test.
 */
#ifndef TESTS_FUZZ_FUZZ_H
#define TESTS_FUZZ_FUZZ_H

#include "base/base.h"

/* Always returns 0. Stops the process when a promise is broken. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A promise of the module under test. */
#define FUZZ_CHECK(condition)                                                                      \
        do {                                                                                       \
                if (!(condition))                                                                  \
                        __builtin_trap();                                                          \
        } while (0)

/* True when part lies within data[0..size). An empty span lies anywhere. */
static inline bool fuzz_within(struct span part, const uint8_t *data, size_t size)
{
        if (part.len == 0)
                return true;
        return part.data >= data && part.len <= size && part.data + part.len <= data + size;
}

#endif
