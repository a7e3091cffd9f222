/* SPDX-License-Identifier: Apache-2.0 */
/*
 * files — where papers are on the disk, and how they get there for good.
 *
 * Layer:  docs-share/io.
 * Thread: any; nothing here is shared.
 *
 *   DIR/uploads/UUID.part            being taken in; removed at start
 *   DIR/blobs/ab/cdef…               by the SHA-256 of the content: originals and PDFs
 *   DIR/pages/ab/cdef…/3-screen.webp pages of the original abcdef…, 1-based
 *                     /3-phone.webp
 *                     /text.txt      pages parted by form feeds
 *                     /done          "PAGES PDF_SHA256\n": written when the PDF is
 *                                    there (PAGES 0), and again at the very end
 *
 * Invariant: a file under its final name is complete and on the disk.
 */
#ifndef DOCS_SHARE_IO_FILES_H
#define DOCS_SHARE_IO_FILES_H

#include "docs-share/core/sha256.h"

enum { FILES_PATH = 512, FILES_DIR_MAX = 320 };

enum page_size { PAGE_SCREEN, PAGE_PHONE };

/* Makes the folders and removes what uploads a stopped server left. Returns 0
 * or -errno; *ret_error is a clear line. */
must_use int files_prepare(const char *dir, char *ret_error, size_t error_cap);

void files_upload_path(char ret_path[FILES_PATH], const char *dir, const char *id);
void files_blob_path(char ret_path[FILES_PATH], const char *dir, const char *sha256);
void files_page_path(char ret_path[FILES_PATH], const char *dir, const char *sha256, int page,
                     enum page_size size);
void files_text_path(char ret_path[FILES_PATH], const char *dir, const char *sha256);

/* Flushes the open file at part and gives it its blob's name; when that blob is
 * there already, part is removed. On failure part is removed too. */
must_use int files_keep_blob(const char *dir, const char *part, int fd, const char *sha256);

/* Writes a file of the pages folder, which is made when missing. */
must_use int files_write(const char *path, const void *data, size_t len);

/* The "done" mark; pages 0: the PDF is made, not yet all pages. Read: 0, -ENOENT
 * (nothing is made), or -errno. */
must_use int files_write_done(const char *dir, const char *sha256, int pages,
                              const char *pdf_sha256);
must_use int files_read_done(const char *dir, const char *sha256, int *ret_pages,
                             char ret_pdf_sha256[SHA256_HEX]);

void files_remove_blob(const char *dir, const char *sha256);
void files_remove_pages(const char *dir, const char *sha256);

#endif
