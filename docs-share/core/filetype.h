/* SPDX-License-Identifier: Apache-2.0 */
/*
 * filetype — what a paper or a film is, by its name and by its first bytes; both must agree.
 *
 * Layer: core, pure.
 */
#ifndef DOCS_SHARE_CORE_FILETYPE_H
#define DOCS_SHARE_CORE_FILETYPE_H

#include "docs-share/api.h"

enum filetype {
        FILETYPE_PDF,
        FILETYPE_PPTX,
        FILETYPE_ODP,
        FILETYPE_DOCX,
        FILETYPE_ODT,
        FILETYPE_XLSX,
        FILETYPE_JPEG,
        FILETYPE_PNG,
        FILETYPE_MP4,
        FILETYPE_MOV,
        FILETYPE_M4A,
        FILETYPE_MKV,
        FILETYPE_WEBM,
        FILETYPE_MP3,
        FILETYPE_OGG,
        FILETYPE_N,
};

/* A PDF's header may come late (ISO 32000-1, implementation note 13). */
enum { FILETYPE_HEAD_BYTES = 1024 };

/* By the extension, in either case. Returns 0 or DOCS_E_TYPE. */
must_use int filetype_from_name(enum filetype *ret_type, const char *name);

/* head: the first len bytes of the file; whole: there are no more of them.
 * Returns 0, DOCS_E_TYPE, or -EAGAIN (more bytes are needed). An office file
 * that is encrypted passes here; cfb_is_encrypted() tells it. */
must_use int filetype_check_head(enum filetype type, const uint8_t *head, size_t len, bool whole);

bool filetype_is_office(enum filetype type);
bool filetype_is_image(enum filetype type);
bool filetype_is_film(enum filetype type);          /* or only sound */
const char *filetype_extension(enum filetype type); /* "pptx" */
const char *filetype_content_type(enum filetype type);

/* Pixels that an image announces, 0 when its header makes no sense. head: the
 * first bytes, as many as there are up to some 100 kB (a JPEG's Exif comes first). */
uint64_t filetype_image_pixels(enum filetype type, const uint8_t *head, size_t len);

/* Encrypted Office files are a Compound File ([MS-CFB] 2.2) that holds a stream
 * "EncryptedPackage" ([MS-OFFCRYPTO] 2.3.2). */
enum { CFB_HEAD_BYTES = 512, CFB_DIRECTORY_BYTES = 4096 };
bool cfb_is(const uint8_t *head, size_t len);
/* Where its directory starts in the file; head has CFB_HEAD_BYTES. */
uint64_t cfb_directory_offset(const uint8_t *head);
bool cfb_is_encrypted(const uint8_t *directory, size_t len);

#endif
