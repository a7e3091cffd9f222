/* SPDX-License-Identifier: Apache-2.0 */
/*
 * precheck — refuses what no converter should be given: archives and images
 *            that would unpack to too much, encrypted files, wrong kinds.
 *
 * Layer:  docs-share/io: reads the file; core/zipcheck and core/filetype judge.
 */
#ifndef DOCS_SHARE_IO_PRECHECK_H
#define DOCS_SHARE_IO_PRECHECK_H

#include "docs-share/core/filetype.h"

/* Returns 0, DOCS_E_TYPE, DOCS_E_CORRUPT, DOCS_E_PASSWORD, DOCS_E_BOMB, or -errno. */
must_use int precheck_file(const char *path, enum filetype type);

#endif
