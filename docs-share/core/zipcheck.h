/* SPDX-License-Identifier: Apache-2.0 */
/*
 * zipcheck — is this office file a sane ZIP archive? Reads only the central
 *            directory (PKWARE APPNOTE 4.3.12, 4.3.16); nothing is unpacked.
 *
 * Layer: core, pure.
 *
 * A directory that lies about its sizes passes: the limits of the sandbox are
 * there for that one.
 */
#ifndef DOCS_SHARE_CORE_ZIPCHECK_H
#define DOCS_SHARE_CORE_ZIPCHECK_H

#include "docs-share/core/filetype.h"

enum {
        ZIP_TAIL_BYTES = 22 + 65535, /* end record and the longest comment */
        ZIP_MAX_ENTRIES = 20000,
        ZIP_MAX_DIRECTORY = ZIP_MAX_ENTRIES * 512, /* bytes */
};

struct zip_end {
        uint64_t directory_offset, directory_size;
        uint32_t entries;
};

/* tail: the file's last tail_len bytes (all of it, or ZIP_TAIL_BYTES). Returns
 * 0, DOCS_E_CORRUPT, or DOCS_E_BOMB (too many entries). */
must_use int zip_find_end(struct zip_end *ret_end, const uint8_t *tail, size_t tail_len,
                          uint64_t file_size);

/* directory: the end->directory_size bytes at end->directory_offset. Returns 0,
 * DOCS_E_TYPE (not the kind of document its name says), DOCS_E_CORRUPT,
 * DOCS_E_PASSWORD, or DOCS_E_BOMB. *ret_stored_content: where the local header
 * of an OpenDocument's content.xml is when it is stored, not deflated (0:
 * it is deflated): encrypted ones are; see zip_local_data(). */
must_use int zip_check_directory(uint64_t *ret_stored_content, const struct zip_end *end,
                                 const uint8_t *directory, enum filetype type);

/* Bytes between a local header's start and its data; header has 30 bytes. */
enum { ZIP_LOCAL_HEADER = 30 };
size_t zip_local_data(const uint8_t *header);

#endif
