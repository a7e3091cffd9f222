/* SPDX-License-Identifier: Apache-2.0 */
/*
 * filename — a name that a stranger sent, made fit to be shown and saved.
 *
 * Layer: core, pure.
 */
#ifndef DOCS_SHARE_CORE_FILENAME_H
#define DOCS_SHARE_CORE_FILENAME_H

#include "base/base.h"

enum { FILENAME_CAP = 256 };

/* Keeps what follows the last path separator, without control, bidi and other
 * invisible characters (base/text.h), without leading dots; letters stay as
 * they are, diacritics included. A long name loses the end of its stem, never
 * its extension. Returns 0, or DOCS_E_NAME: not UTF-8, or nothing is left
 * before the extension. */
must_use int filename_clean(char ret_name[FILENAME_CAP], const char *raw);

/* "Báo cáo.pptx", "pdf" -> "Báo cáo.pdf". */
void filename_with_extension(char *ret_name, size_t cap, const char *name, const char *extension);

#endif
