/* SPDX-License-Identifier: Apache-2.0 */
/*
 * byte_buf — bytes that grow, up to a limit.
 *
 * Layer:  jobs/core.
 * Owner:  whoever embeds it; zero is an empty one.
 */
#ifndef SFU_JOBS_CORE_BYTE_BUF_H
#define SFU_JOBS_CORE_BYTE_BUF_H

#include <errno.h>

#include "base/base.h"

enum byte_buf_err { BYTE_BUF_E_FULL = 1 };

struct byte_buf {
        uint8_t *data;
        size_t len, cap;
};

/* Returns 0, BYTE_BUF_E_FULL when it would pass max bytes, or -ENOMEM; then nothing is added. */
must_use static inline int byte_buf_add(struct byte_buf *buf, struct span bytes, size_t max)
{
        if (bytes.len > max || buf->len > max - bytes.len)
                return BYTE_BUF_E_FULL;
        if (buf->len + bytes.len > buf->cap) {
                size_t cap = buf->len + bytes.len + buf->len / 2 + 4096;
                uint8_t *data = realloc(buf->data, cap);

                if (!data)
                        return -ENOMEM;
                buf->data = data;
                buf->cap = cap;
        }
        if (bytes.len > 0)
                memcpy(buf->data + buf->len, bytes.data, bytes.len);
        buf->len += bytes.len;
        return 0;
}

static inline struct span byte_buf_span(const struct byte_buf *buf)
{
        return (struct span){ buf->data, buf->len };
}

static inline void byte_buf_done(struct byte_buf *buf)
{
        free(buf->data);
        *buf = (struct byte_buf){ 0 };
}

#endif
