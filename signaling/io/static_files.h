/* SPDX-License-Identifier: Apache-2.0 */
/*
 * static_files — the built web client: a table of its files, made at the start
 *                and again when index.html changes. Only what is in the table is
 *                ever opened, so no request can name anything else.
 *
 * Owner: the server; signalling thread.
 *
 * "/" and "/m/{meeting}" are index.html, "/r/{recording}" is replay.html and
 * "/w/{meeting}" is watch.html (revalidated each time); files below /assets/ have
 * hashed names and never change; NAME.br and NAME.gz beside a file are its
 * precompressed forms.
 */
#ifndef SIGNALING_IO_STATIC_FILES_H
#define SIGNALING_IO_STATIC_FILES_H

#include "signaling/io/server.h"

struct static_files;

/* Returns 0, -ENOMEM, or -ENOENT when dir has no index.html. */
must_use int static_files_new(struct static_files **ret_files, const char *dir);
struct static_files *static_files_free(struct static_files *files);

/* Looks a decoded request path up. The strings of *ret_file are good until the
 * next call. */
bool static_files_find(struct static_files *files, const char *path, const char *accept_encoding,
                       struct http_file *ret_file);

#endif
