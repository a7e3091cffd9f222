/* SPDX-License-Identifier: Apache-2.0 */
/* http_range — one byte range of a resource (RFC 9110 §14). Layer: wire, pure. */
#ifndef SIGNALING_WIRE_HTTP_RANGE_H
#define SIGNALING_WIRE_HTTP_RANGE_H

#include "base/base.h"

enum http_range_kind {
        HTTP_RANGE_WHOLE,  /* no range, not understood, or several: answer 200 */
        HTTP_RANGE_PART,   /* answer 206 with first..last */
        HTTP_RANGE_OUTSIDE /* answer 416 */
};

/* Reads a Range field for a resource of size bytes. The outputs are set for
 * HTTP_RANGE_PART only: first <= last < size. */
enum http_range_kind http_range_parse(const char *text, uint64_t size, uint64_t *ret_first,
                                      uint64_t *ret_last);

#endif
