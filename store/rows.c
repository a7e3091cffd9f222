/* SPDX-License-Identifier: Apache-2.0 */
#include "store/rows.h"

#include <stdio.h>

void row_bind_text(sqlite3_stmt *stmt, int at, const char *text)
{
        (void)sqlite3_bind_text(stmt, at, text, -1, SQLITE_STATIC);
}

static void copy_column(char *ret, size_t cap, sqlite3_stmt *stmt, int column)
{
        const unsigned char *text = sqlite3_column_text(stmt, column);

        snprintf(ret, cap, "%s", text ? (const char *)text : "");
}

const char row_event_sql[] = "INSERT INTO events (meeting, seq, at_ms, type, body)"
                             " VALUES (?, ?, ?, ?, ?)";

void row_bind_event(sqlite3_stmt *stmt, const struct store_event *event)
{
        row_bind_text(stmt, 1, event->meeting);
        (void)sqlite3_bind_int64(stmt, 2, (sqlite3_int64)event->seq);
        (void)sqlite3_bind_int64(stmt, 3, event->at_ms);
        row_bind_text(stmt, 4, event->type);
        row_bind_text(stmt, 5, event->body);
}

const char row_doc_sql[] =
        "INSERT INTO docs (" DOC_COLUMNS ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
        " ON CONFLICT (id) DO UPDATE SET meeting=excluded.meeting, name=excluded.name,"
        " sha256=excluded.sha256, pdf_sha256=excluded.pdf_sha256,"
        " uploaded_by=excluded.uploaded_by, size_bytes=excluded.size_bytes,"
        " created_ms=excluded.created_ms, state=excluded.state, error=excluded.error,"
        " pages=excluded.pages, deleted=excluded.deleted, film=excluded.film,"
        " has_video=excluded.has_video, duration_ms=excluded.duration_ms";

void row_bind_doc(sqlite3_stmt *stmt, const struct store_doc *doc)
{
        row_bind_text(stmt, 1, doc->id);
        row_bind_text(stmt, 2, doc->meeting);
        row_bind_text(stmt, 3, doc->name);
        row_bind_text(stmt, 4, doc->sha256);
        row_bind_text(stmt, 5, doc->pdf_sha256);
        row_bind_text(stmt, 6, doc->uploaded_by);
        (void)sqlite3_bind_int64(stmt, 7, doc->size_bytes);
        (void)sqlite3_bind_int64(stmt, 8, doc->created_ms);
        (void)sqlite3_bind_int(stmt, 9, (int)doc->state);
        row_bind_text(stmt, 10, doc->error);
        (void)sqlite3_bind_int(stmt, 11, doc->pages);
        (void)sqlite3_bind_int(stmt, 12, doc->deleted);
        (void)sqlite3_bind_int(stmt, 13, doc->film);
        (void)sqlite3_bind_int(stmt, 14, doc->has_video);
        (void)sqlite3_bind_int64(stmt, 15, doc->duration_ms);
}

void row_read_doc(struct store_doc *ret_doc, sqlite3_stmt *stmt)
{
        struct store_doc doc = { 0 };

        copy_column(doc.id, sizeof(doc.id), stmt, 0);
        copy_column(doc.meeting, sizeof(doc.meeting), stmt, 1);
        copy_column(doc.name, sizeof(doc.name), stmt, 2);
        copy_column(doc.sha256, sizeof(doc.sha256), stmt, 3);
        copy_column(doc.pdf_sha256, sizeof(doc.pdf_sha256), stmt, 4);
        copy_column(doc.uploaded_by, sizeof(doc.uploaded_by), stmt, 5);
        doc.size_bytes = sqlite3_column_int64(stmt, 6);
        doc.created_ms = sqlite3_column_int64(stmt, 7);
        doc.state = (enum store_doc_state)sqlite3_column_int(stmt, 8);
        copy_column(doc.error, sizeof(doc.error), stmt, 9);
        doc.pages = sqlite3_column_int(stmt, 10);
        doc.deleted = sqlite3_column_int(stmt, 11) != 0;
        doc.film = sqlite3_column_int(stmt, 12) != 0;
        doc.has_video = sqlite3_column_int(stmt, 13) != 0;
        doc.duration_ms = sqlite3_column_int64(stmt, 14);
        *ret_doc = doc;
}

const char row_recording_sql[] =
        "INSERT INTO recordings (" RECORDING_COLUMNS ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
        " ON CONFLICT (id) DO UPDATE SET meeting=excluded.meeting, mode=excluded.mode,"
        " started_by=excluded.started_by, started_ms=excluded.started_ms,"
        " ended_ms=excluded.ended_ms, state=excluded.state, parts=excluded.parts,"
        " bytes=excluded.bytes, error=excluded.error, kept_until_ms=excluded.kept_until_ms,"
        " deleted=excluded.deleted";

void row_bind_recording(sqlite3_stmt *stmt, const struct store_recording *recording)
{
        row_bind_text(stmt, 1, recording->id);
        row_bind_text(stmt, 2, recording->meeting);
        row_bind_text(stmt, 3, recording->mode);
        row_bind_text(stmt, 4, recording->by);
        (void)sqlite3_bind_int64(stmt, 5, recording->started_ms);
        (void)sqlite3_bind_int64(stmt, 6, recording->ended_ms);
        (void)sqlite3_bind_int(stmt, 7, (int)recording->state);
        row_bind_text(stmt, 8, recording->parts);
        (void)sqlite3_bind_int64(stmt, 9, recording->bytes);
        row_bind_text(stmt, 10, recording->error);
        (void)sqlite3_bind_int64(stmt, 11, recording->kept_until_ms);
        (void)sqlite3_bind_int(stmt, 12, recording->deleted);
}

/* Its parts live until the statement's next step. */
void row_read_recording(struct store_recording *ret_recording, sqlite3_stmt *stmt)
{
        struct store_recording recording = { 0 };
        const unsigned char *parts = sqlite3_column_text(stmt, 7);

        copy_column(recording.id, sizeof(recording.id), stmt, 0);
        copy_column(recording.meeting, sizeof(recording.meeting), stmt, 1);
        copy_column(recording.mode, sizeof(recording.mode), stmt, 2);
        copy_column(recording.by, sizeof(recording.by), stmt, 3);
        recording.started_ms = sqlite3_column_int64(stmt, 4);
        recording.ended_ms = sqlite3_column_int64(stmt, 5);
        recording.state = (enum store_recording_state)sqlite3_column_int(stmt, 6);
        recording.parts = parts ? (const char *)parts : "";
        recording.bytes = sqlite3_column_int64(stmt, 8);
        copy_column(recording.error, sizeof(recording.error), stmt, 9);
        recording.kept_until_ms = sqlite3_column_int64(stmt, 10);
        recording.deleted = sqlite3_column_int(stmt, 11) != 0;
        *ret_recording = recording;
}

const char row_link_sql[] =
        "INSERT INTO links (id, meeting, kind, sealed) VALUES (?, ?, ?, ?)"
        " ON CONFLICT (id) DO UPDATE SET meeting=excluded.meeting, kind=excluded.kind,"
        " sealed=excluded.sealed";
const char row_link_gone_sql[] = "DELETE FROM links WHERE id = ?";

void row_bind_link(sqlite3_stmt *stmt, const struct store_link *link)
{
        row_bind_text(stmt, 1, link->id);
        row_bind_text(stmt, 2, link->meeting);
        row_bind_text(stmt, 3, link->kind);
        (void)sqlite3_bind_blob(stmt, 4, link->sealed, (int)link->sealed_len, SQLITE_STATIC);
}

void row_read_link(struct store_link *ret_link, sqlite3_stmt *stmt)
{
        struct store_link link = { 0 };

        copy_column(link.id, sizeof(link.id), stmt, 0);
        copy_column(link.meeting, sizeof(link.meeting), stmt, 1);
        copy_column(link.kind, sizeof(link.kind), stmt, 2);
        link.sealed = sqlite3_column_blob(stmt, 3);
        link.sealed_len = (size_t)sqlite3_column_bytes(stmt, 3);
        *ret_link = link;
}

void row_read_meeting(struct store_meeting *ret_meeting, sqlite3_stmt *stmt)
{
        struct store_meeting meeting = { 0 };

        copy_column(meeting.id, sizeof(meeting.id), stmt, 0);
        copy_column(meeting.title, sizeof(meeting.title), stmt, 1);
        meeting.created_ms = sqlite3_column_int64(stmt, 2);
        *ret_meeting = meeting;
}
