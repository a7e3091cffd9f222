/* SPDX-License-Identifier: Apache-2.0 */
/* rand — the kernel's random bytes, and the two kinds of identifier made of them. */
#ifndef BASE_RAND_H
#define BASE_RAND_H

#include "base/base.h"

/* Never fails: aborts if the kernel has no randomness. */
void rand_bytes(void *ret, size_t n);
uint32_t rand_u32(void);

/* n characters of [A-Za-z0-9] (5.95 bits each) and a NUL: ret has n + 1 bytes. */
void rand_word(char *ret, size_t n);

enum { UUID_TEXT = 37 };

/* UUIDv7 (RFC 9562 §5.7): sortable by creation time. wall_us: since 1970. */
void uuid_v7(char ret_text[UUID_TEXT], int64_t wall_us);

#endif
