/* SPDX-License-Identifier: Apache-2.0 */
/* bytes — bytes as text and back: hex, base64url without padding (RFC 4648 §5). */
#ifndef BASE_BYTES_H
#define BASE_BYTES_H

#include "base/base.h"

/* Writes 2 n lower-case digits and a NUL to ret (2 n + 1 bytes). */
void hex_encode(char *ret, const uint8_t *data, size_t n);

/* Reads exactly 2 n digits of either case. Returns 0 or -EINVAL. */
must_use int hex_decode(uint8_t *ret, size_t n, const char *text, size_t text_len);

static inline size_t base64url_size(size_t n) /* with NUL */
{
        return (n * 4 + 2) / 3 + 1;
}

/* Writes base64url_size(n) bytes. */
void base64url_encode(char *ret, const uint8_t *data, size_t n);

/* Strict: no padding, no other characters, no stray bits. Returns 0 and the
 * length through *ret_len, or -EINVAL (also when it would pass cap). */
must_use int base64url_decode(uint8_t *ret, size_t cap, size_t *ret_len, const char *text,
                              size_t text_len);

#endif
