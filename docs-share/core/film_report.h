/* SPDX-License-Identifier: Apache-2.0 */
/*
 * film_report — what `dinh job probe` wrote about a film (sfu/jobs/lines.h, probe).
 *
 * Layer: core, pure. Its decoders read a hostile file: so the text is hostile too.
 */
#ifndef DOCS_SHARE_CORE_FILM_REPORT_H
#define DOCS_SHARE_CORE_FILM_REPORT_H

#include "docs-share/api.h"

enum { FILM_REPORT_BYTES = 16 * 1024 }; /* more is no report */

struct film_report {
        int64_t duration_ms; /* 0: the file does not tell */
        bool has_video;
};

/* text: lines of JSON; the first "media" or "error" decides, other types are passed over.
 * Returns 0, DOCS_E_UNPLAYABLE, DOCS_E_CODEC, DOCS_E_LONG, DOCS_E_PICTURE or DOCS_E_INTERNAL. */
must_use int film_report_parse(struct film_report *ret_report, const char *text, size_t len);

#endif
