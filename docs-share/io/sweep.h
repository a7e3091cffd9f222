/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sweep — removes what a crash left behind: blobs that no document refers to,
 *         because the program ended between a file and its row.
 *
 * Layer:  docs-share/io.
 * Thread: the signalling thread, at start, before uploads and conversions.
 *
 * A store without a single document, beside blobs, is rather a lost database
 * than a crash: then nothing is removed.
 */
#ifndef DOCS_SHARE_IO_SWEEP_H
#define DOCS_SHARE_IO_SWEEP_H

#include "store/store.h"

/* dir: the folder of files.h. Returns 0 and how many blobs went, or -errno. */
must_use int sweep_blobs(const char *dir, struct store *store, size_t *ret_n);

#endif
