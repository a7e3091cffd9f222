/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rows — the store's structs as rows of its tables: their SQL, written and read.
 *
 * Layer:  store, private to it.
 * Thread: that of the statement's connection.
 *
 * What is bound is borrowed until the statement is reset.
 */
#ifndef STORE_ROWS_H
#define STORE_ROWS_H

#include <sqlite3.h>

#include "store/store.h"

#define DOC_COLUMNS                                                                                \
        "id, meeting, name, sha256, pdf_sha256, uploaded_by, size_bytes, created_ms, state,"       \
        " error, pages, deleted, film, has_video, duration_ms"
#define RECORDING_COLUMNS                                                                          \
        "id, meeting, mode, started_by, started_ms, ended_ms, state, parts, bytes, error,"         \
        " kept_until_ms, deleted"

extern const char row_event_sql[], row_doc_sql[], row_recording_sql[], row_link_sql[]; /* inserts */
extern const char row_link_gone_sql[]; /* its id is the first parameter */

void row_bind_text(sqlite3_stmt *stmt, int at, const char *text);
void row_bind_event(sqlite3_stmt *stmt, const struct store_event *event);
void row_bind_doc(sqlite3_stmt *stmt, const struct store_doc *doc);
void row_bind_recording(sqlite3_stmt *stmt, const struct store_recording *recording);

void row_bind_link(sqlite3_stmt *stmt, const struct store_link *link);

void row_read_meeting(struct store_meeting *ret_meeting, sqlite3_stmt *stmt);
void row_read_doc(struct store_doc *ret_doc, sqlite3_stmt *stmt);
/* Its parts live until the statement's next step. */
void row_read_recording(struct store_recording *ret_recording, sqlite3_stmt *stmt);
/* So do its bytes. */
void row_read_link(struct store_link *ret_link, sqlite3_stmt *stmt);

#endif
