/* SPDX-License-Identifier: Apache-2.0 */
/* http_chunked — a chunked body, piece by piece (RFC 9112 §7.1). Layer: wire, pure. */
#ifndef SIGNALING_WIRE_HTTP_CHUNKED_H
#define SIGNALING_WIRE_HTTP_CHUNKED_H

#include "base/base.h"

/* Zero-initialise per body. */
struct http_chunked {
        uint8_t state;
        uint8_t digits;  /* of the size being read */
        uint16_t others; /* bytes of extensions and trailers, bounded */
        uint64_t left;   /* of the present chunk */
};

/* Takes the next piece of body data of data: *ret_used bytes were read, and
 * *ret_body is the body data among them (a view; may be empty). *ret_done is
 * set when the body has ended; what follows is the next request. Call again
 * while bytes are left and it is not done. Returns 0, or -EINVAL for a body
 * that breaks the rules. */
must_use int http_chunked_next(struct http_chunked *chunked, const uint8_t *data, size_t len,
                               size_t *ret_used, struct span *ret_body, bool *ret_done);

#endif
