/* SPDX-License-Identifier: Apache-2.0 */
/*
 * frames — cuts the output of the page renderer into page images.
 *
 * Layer:  core. The bytes come out of the sandbox and are not trusted.
 * Format: per page a line "SCREEN_BYTES PHONE_BYTES\n", then the two WebP files.
 *
 * Invariants:
 *  (1) at most one page is held, of at most 2 FRAMES_MAX_IMAGE bytes.
 *  (2) what comes out begins as a WebP file does.
 */
#ifndef DOCS_SHARE_CORE_FRAMES_H
#define DOCS_SHARE_CORE_FRAMES_H

#include "base/base.h"

enum { FRAMES_MAX_IMAGE = 16 * 1024 * 1024, FRAMES_MAX_LINE = 24 };

struct frames {
        char line[FRAMES_MAX_LINE];
        size_t line_len;
        size_t screen_bytes, phone_bytes; /* 0: the line is not complete */
        uint8_t *data;
        size_t len;
};

/* Called for each page; the spans are valid during the call. Non-zero stops. */
typedef int (*frames_page)(void *user, struct span screen, struct span phone);

/* Zero-initialise struct frames; afterwards frames_done(). Returns 0,
 * DOCS_E_CORRUPT for what is no frame, -ENOMEM, or what on_page returned. */
must_use int frames_feed(struct frames *frames, const uint8_t *data, size_t len,
                         frames_page on_page, void *user);
void frames_done(struct frames *frames);

#endif
