/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pdfinfo — reads what poppler's pdfinfo and its relatives say.
 *
 * Layer: core, pure. The text comes out of the sandbox and is not trusted.
 */
#ifndef DOCS_SHARE_CORE_PDFINFO_H
#define DOCS_SHARE_CORE_PDFINFO_H

#include "docs-share/api.h"

/* Widths of the page images. A slide or a sheet of paper is sharp on a full HD
 * screen at 1600; 900 is a phone of 360 CSS pixels at a ratio of 2.5. */
enum { PAGE_SCREEN_PX = 1600, PAGE_PHONE_PX = 900 };

struct pdf_pages {
        int n;
        uint16_t width_px[DOCS_MAX_PAGES]; /* of the screen image; see page_width_px() */
};

/* text: output of `pdfinfo -f 1 -l DOCS_MAX_PAGES + 1`. Returns 0,
 * DOCS_E_CORRUPT, or DOCS_E_BOMB (too many pages). */
must_use int pdfinfo_parse(struct pdf_pages *ret_pages, const char *text, size_t len);

/* PAGE_SCREEN_PX, or less for a page so tall that its image would be over
 * 4 times that high. */
uint16_t page_width_px(double width_pt, double height_pt);

/* message: what a poppler tool wrote to stderr before it failed. */
bool poppler_wants_password(const char *message);

#endif
