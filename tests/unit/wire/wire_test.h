/* SPDX-License-Identifier: Apache-2.0 */
/* wire_test — what the tests of sfu/wire share: cmocka, and copies of exact size. */
#ifndef TESTS_UNIT_WIRE_WIRE_TEST_H
#define TESTS_UNIT_WIRE_WIRE_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/base.h"

static inline void wire_freep(uint8_t **data)
{
        free(*data);
}

/* A heap copy of exactly len bytes: ASan sees any read past it. */
static inline uint8_t *wire_copy(const void *data, size_t len)
{
        uint8_t *copy = malloc(len + !len);

        assert_non_null(copy);
        if (len > 0)
                memcpy(copy, data, len);
        return copy;
}

#endif
