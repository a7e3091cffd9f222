/* SPDX-License-Identifier: Apache-2.0 */
/*
 * States: SIZE -> (EXTENSION) -> SIZE_LF -> DATA -> DATA_CR -> DATA_LF -> SIZE …
 * and after a size of 0: LINE_START <-> TRAILER, until an empty line.
 */
#include "signaling/wire/http_chunked.h"

#include <errno.h>

enum { SIZE, EXTENSION, SIZE_LF, DATA, DATA_CR, DATA_LF, LINE_START, TRAILER, TRAILER_LF, END_LF };

enum { MAX_SIZE_DIGITS = 12, MAX_OTHER_BYTES = 4096 };

static int size_digit(struct http_chunked *chunked, uint8_t c)
{
        uint8_t value;

        if (c >= '0' && c <= '9')
                value = (uint8_t)(c - '0');
        else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
                value = (uint8_t)((c | 0x20) - 'a' + 10);
        else
                return -EINVAL;
        if (++chunked->digits > MAX_SIZE_DIGITS)
                return -EINVAL;
        chunked->left = chunked->left << 4 | value;
        return 0;
}

static int step_size(struct http_chunked *chunked, uint8_t c)
{
        if (c != '\r' && c != ';')
                return size_digit(chunked, c);
        if (chunked->digits == 0)
                return -EINVAL;
        chunked->state = c == '\r' ? SIZE_LF : EXTENSION;
        return 0;
}

/* Bytes that are skipped: chunk extensions and trailer fields. */
static int step_other(struct http_chunked *chunked, uint8_t c, uint8_t at_cr)
{
        if (c == '\n' || ++chunked->others > MAX_OTHER_BYTES)
                return -EINVAL;
        if (c == '\r')
                chunked->state = at_cr;
        return 0;
}

static int step_exact(struct http_chunked *chunked, uint8_t c, uint8_t expected, uint8_t next)
{
        if (c != expected)
                return -EINVAL;
        chunked->state = next;
        return 0;
}

static int step(struct http_chunked *chunked, uint8_t c, bool *ret_done)
{
        switch (chunked->state) {
        case SIZE:
                return step_size(chunked, c);
        case EXTENSION:
                return step_other(chunked, c, SIZE_LF);
        case SIZE_LF:
                return step_exact(chunked, c, '\n', chunked->left ? DATA : LINE_START);
        case DATA_CR:
                return step_exact(chunked, c, '\r', DATA_LF);
        case DATA_LF:
                chunked->digits = 0;
                return step_exact(chunked, c, '\n', SIZE);
        case LINE_START:
                chunked->state = TRAILER;
                return step_other(chunked, c, END_LF);
        case TRAILER:
                return step_other(chunked, c, TRAILER_LF);
        case TRAILER_LF:
                return step_exact(chunked, c, '\n', LINE_START);
        default:
                *ret_done = c == '\n';
                return *ret_done ? 0 : -EINVAL;
        }
}

int http_chunked_next(struct http_chunked *chunked, const uint8_t *data, size_t len,
                      size_t *ret_used, struct span *ret_body, bool *ret_done)
{
        struct span body = { 0 };
        bool done = false;
        size_t used = 0;

        while (used < len && body.len == 0 && !done) {
                if (chunked->state == DATA) {
                        body.data = data + used;
                        body.len = len - used < chunked->left ? len - used : (size_t)chunked->left;
                        used += body.len;
                        chunked->left -= body.len;
                        if (chunked->left == 0)
                                chunked->state = DATA_CR;
                } else if (step(chunked, data[used++], &done) < 0) {
                        return -EINVAL;
                }
        }
        *ret_used = used;
        *ret_body = body;
        *ret_done = done;
        return 0;
}
