/* SPDX-License-Identifier: Apache-2.0 */
/*
 * film_check — can this film be played here? Asks `dinh job probe`, in the sandbox.
 *
 * Layer:  docs-share/io.
 * Thread: the converter's; a call blocks until the answer is there.
 */
#ifndef DOCS_SHARE_IO_FILM_CHECK_H
#define DOCS_SHARE_IO_FILM_CHECK_H

#include "docs-share/core/film_report.h"

struct film_check {
        const char *program; /* dinh */
        const char *film;    /* a file that everybody may read */
        int stop_fd;         /* readable: give up */
};

/* Returns 0, an enum docs_err, -ECANCELED, or -errno. */
must_use int film_check(struct film_report *ret_report, const struct film_check *check);

#endif
