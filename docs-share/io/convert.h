/* SPDX-License-Identifier: Apache-2.0 */
/*
 * convert — from an original to PDF, page images and text, on a thread of its own. A film
 *           is only checked: can it be played?
 *
 * Layer:  docs-share/io.
 * Owner:  struct docs. One job at a time: the next one after CONVERT_END.
 * Thread: every function here: the signalling thread.
 *
 * A document becomes a PDF (LibreOffice; GraphicsMagick for a picture), pages
 * are rendered from it by poppler, one after the other, so that the first can
 * be shown while the rest are made. LibreOffice gets a fresh profile each time:
 * a warmed one saved 0.1 s of 1.0 s.
 *
 * Page images are WebP. Measured on the 20 slides of tests/data/make_docs at
 * 1600 px: PNG 1447 kB, JPEG (quality 85) 1671 kB, WebP quality 80 641 kB,
 * lossless 695 kB, near-lossless 60 595 kB; on a page of text PNG 562 kB,
 * quality 80 264 kB, near-lossless 225 kB. Near-lossless is the smallest there and
 * has no blur around letters. For a photograph it is ten times larger than
 * lossy; so a page over 300 kB is made both ways, and lossy (quality 82) is
 * taken when it saves a third.
 */
#ifndef DOCS_SHARE_IO_CONVERT_H
#define DOCS_SHARE_IO_CONVERT_H

#include "docs-share/core/film_report.h"
#include "docs-share/core/filetype.h"
#include "docs-share/core/sha256.h"

struct convert;

struct convert_job {
        char sha256[SHA256_HEX]; /* of the original */
        enum filetype type;
        int delay_ms; /* wait before: after a failure of ours */
};

enum convert_kind { CONVERT_PAGES, CONVERT_PAGE, CONVERT_END };

struct convert_news {
        enum convert_kind kind;
        int pages, pages_done;       /* PAGES, PAGE */
        int result;                  /* END: 0, an enum docs_err, or -ECANCELED */
        char pdf_sha256[SHA256_HEX]; /* END with 0; "" of a film */
        struct film_report film;     /* END with 0, of a film */
        int64_t elapsed_ms;          /* END */
};

/* dir and program (dinh) are borrowed. Returns 0 or -errno. */
must_use int convert_new(struct convert **ret_convert, const char *dir, const char *program,
                         void (*wake)(void *user), void *wake_user);
/* Kills a running program. Accepts NULL, returns NULL. */
struct convert *convert_free(struct convert *convert);

void convert_start(struct convert *convert, const struct convert_job *job);
/* The running job ends soon, with -ECANCELED if it was not faster. */
void convert_cancel(struct convert *convert);
bool convert_poll(struct convert *convert, struct convert_news *ret_news);

#endif
