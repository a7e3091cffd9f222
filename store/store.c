/* SPDX-License-Identifier: Apache-2.0 */
#include "store/store.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mailbox.h"
#include "base/thread.h"
#include "store/db.h"
#include "store/rows.h"

enum {
        /* Writes in one transaction: enough that a storm costs one fsync, few
         * enough that the first of them is not held up for long. */
        MAX_BATCH = 2048,
        /* Bodies that wait for the disk; beyond it -EAGAIN. */
        MAX_QUEUED_BYTES = 256 * 1024 * 1024,
};

enum write_kind { WRITE_EVENT, WRITE_DOC, WRITE_RECORDING, WRITE_LINK, WRITE_BARRIER };

struct write {
        enum write_kind kind;
        bool durable;
        int result;
        store_done done;
        void *user;
        size_t size_bytes;
        struct store_event event; /* its strings are in text */
        struct store_doc doc;
        struct store_recording recording; /* its parts are in text */
        struct store_link link;           /* its bytes are in text */
        size_t failures;                  /* of a barrier: as many as there were */
        char text[];
};

struct store {
        sqlite3 *front; /* the caller's thread: reads, and the command line's writes */
        void (*wake)(void *user);
        void *wake_user;
        struct mailbox *queue;    /* struct write *; NULL: stop */
        struct mailbox *finished; /* struct write *, for store_poll() */
        atomic_size_t n_waiting;  /* in either mailbox or in the transaction */
        atomic_size_t waiting_bytes;
        atomic_size_t failures; /* transactions of which nothing was written */
        pthread_t thread;
        bool running;

        struct store_thread {
                sqlite3 *db;
                sqlite3_stmt *put_event, *put_doc, *put_recording, *put_link, *remove_link;
                bool durable; /* what the connection is set to */
                struct log_limit failures;
                struct write *batch[MAX_BATCH];
        } own;
};

/* ---- the store's thread ---- */

static int run_write(struct store_thread *own, const struct write *write)
{
        switch (write->kind) {
        case WRITE_EVENT:
                row_bind_event(own->put_event, &write->event);
                return db_run(own->put_event);
        case WRITE_DOC:
                row_bind_doc(own->put_doc, &write->doc);
                return db_run(own->put_doc);
        case WRITE_RECORDING:
                row_bind_recording(own->put_recording, &write->recording);
                return db_run(own->put_recording);
        case WRITE_LINK:
                if (!write->link.sealed) {
                        row_bind_text(own->remove_link, 1, write->link.id);
                        return db_run(own->remove_link);
                }
                row_bind_link(own->put_link, &write->link);
                return db_run(own->put_link);
        case WRITE_BARRIER:
                return 0;
        }
        return -EINVAL;
}

/* A refused row (repeated seq, unknown meeting) undoes its own statement only. */
static bool is_refusal(int result)
{
        return result == -EEXIST || result == -ENOENT || result == -EINVAL;
}

/* Returns 0 when the transaction is committed: each write then has its own
 * result. Otherwise nothing of it was written. */
static int commit_batch(struct store_thread *own, struct write **writes, size_t n)
{
        bool durable = false;
        int r;

        for (size_t i = 0; i < n; i++)
                durable |= writes[i]->durable;
        if (durable != own->durable) {
                r = db_set_durable(own->db, durable);
                if (r < 0)
                        return r;
                own->durable = durable;
        }
        r = db_exec(own->db, "BEGIN IMMEDIATE");
        if (r < 0)
                return r;
        for (size_t i = 0; i < n; i++) {
                writes[i]->result = run_write(own, writes[i]);
                if (writes[i]->result < 0 && !is_refusal(writes[i]->result))
                        return writes[i]->result;
        }
        return db_exec(own->db, "COMMIT");
}

static void free_write(struct store *store, struct write *write)
{
        atomic_fetch_sub(&store->waiting_bytes, write->size_bytes);
        atomic_fetch_sub(&store->n_waiting, 1);
        free(write);
}

static void finish_batch(struct store *store, struct write **writes, size_t n)
{
        struct store_thread *own = &store->own;
        int r = commit_batch(own, writes, n);
        bool news = false;

        if (r < 0) {
                if (!sqlite3_get_autocommit(own->db))
                        (void)sqlite3_exec(own->db, "ROLLBACK", NULL, NULL, NULL);
                log_limited(&own->failures, LOG_ERROR, "store", "%zu writes failed: %s", n,
                            strerror(-r));
                atomic_fetch_add(&store->failures, 1);
        }
        for (size_t i = 0; i < n; i++) {
                if (r < 0)
                        writes[i]->result = r;
                else if (writes[i]->kind == WRITE_BARRIER &&
                         writes[i]->failures != atomic_load(&store->failures))
                        writes[i]->result = -EIO;
                if (!writes[i]->done) {
                        free_write(store, writes[i]);
                        continue;
                }
                /* There is room for every waiting write: see queue_write(). */
                (void)!mailbox_put(store->finished, &writes[i]);
                news = true;
        }
        if (news && store->wake)
                store->wake(store->wake_user);
}

static size_t take_batch(struct store *store, struct write **ret_writes, bool *ret_stop)
{
        struct write *write;
        size_t n = 0;

        while (n < MAX_BATCH && mailbox_take(store->queue, &write)) {
                if (write)
                        ret_writes[n++] = write;
                else
                        *ret_stop = true;
        }
        return n;
}

static void *store_main(void *user)
{
        struct store *store = user;
        struct write **writes = store->own.batch;
        struct pollfd fd = { .fd = mailbox_fd(store->queue), .events = POLLIN };
        bool stop = false;
        size_t n;

        while (!stop) {
                (void)poll(&fd, 1, -1);
                mailbox_clear(store->queue);
                while ((n = take_batch(store, writes, &stop)) > 0)
                        finish_batch(store, writes, n);
        }
        return NULL;
}

/* ---- life ---- */

static int start_thread(struct store *store)
{
        int r = thread_start(&store->thread, store_main, store);

        store->running = r == 0;
        return r;
}

static int prepare_all(struct store *store, const char *dir, char *ret_error, size_t error_cap)
{
        int r;

        r = db_open(&store->front, dir, ret_error, error_cap);
        if (r < 0)
                return r;
        r = db_migrate(store->front, ret_error, error_cap);
        if (r < 0)
                return r;
        r = db_open(&store->own.db, dir, ret_error, error_cap);
        if (r < 0)
                return r;

        snprintf(ret_error, error_cap, "cannot start the store in %s", dir);
        r = db_set_durable(store->front, true);
        if (r == 0)
                r = db_set_durable(store->own.db, false);
        if (r == 0)
                r = db_prepare(store->own.db, &store->own.put_event, row_event_sql);
        if (r == 0)
                r = db_prepare(store->own.db, &store->own.put_doc, row_doc_sql);
        if (r == 0)
                r = db_prepare(store->own.db, &store->own.put_recording, row_recording_sql);
        if (r == 0)
                r = db_prepare(store->own.db, &store->own.put_link, row_link_sql);
        if (r == 0)
                r = db_prepare(store->own.db, &store->own.remove_link, row_link_gone_sql);
        if (r == 0) /* and the message that stops the thread */
                r = mailbox_new(&store->queue, sizeof(struct write *), STORE_MAX_QUEUED + 1);
        if (r == 0)
                r = mailbox_new(&store->finished, sizeof(struct write *), STORE_MAX_QUEUED);
        if (r == 0)
                r = start_thread(store);
        return r;
}

int store_open(struct store **ret_store, const char *dir, void (*wake)(void *user), void *wake_user,
               char *ret_error, size_t error_cap)
{
        cleanup(store_closep) struct store *store = calloc(1, sizeof(*store));
        int r;

        if (!store) {
                snprintf(ret_error, error_cap, "no memory");
                return -ENOMEM;
        }
        store->wake = wake;
        store->wake_user = wake_user;
        r = prepare_all(store, dir, ret_error, error_cap);
        if (r < 0)
                return r;
        *ret_store = take_ptr(store);
        return 0;
}

struct store *store_close(struct store *store)
{
        struct write *write = NULL;

        if (!store)
                return NULL;
        if (store->running) {
                (void)!mailbox_put(store->queue, &write);
                pthread_join(store->thread, NULL);
        }
        while (store->finished && mailbox_take(store->finished, &write))
                free_write(store, write);
        sqlite3_finalize(store->own.put_event);
        sqlite3_finalize(store->own.put_doc);
        sqlite3_finalize(store->own.put_recording);
        sqlite3_finalize(store->own.put_link);
        sqlite3_finalize(store->own.remove_link);
        db_close(store->own.db);
        db_close(store->front);
        mailbox_free(store->queue);
        mailbox_free(store->finished);
        free(store);
        return NULL;
}

void store_poll(struct store *store)
{
        struct write *write;

        mailbox_clear(store->finished);
        while (mailbox_take(store->finished, &write)) {
                store_done done = write->done;
                void *user = write->user;
                int result = write->result;

                free_write(store, write);
                done(user, result);
        }
}

/* ---- queued writes ---- */

/* Takes the write, also when it fails. */
static int queue_write(struct store *store, struct write *write)
{
        size_t n = atomic_fetch_add(&store->n_waiting, 1) + 1;
        size_t bytes = atomic_fetch_add(&store->waiting_bytes, write->size_bytes);
        int r = -EAGAIN;

        if (n <= STORE_MAX_QUEUED && bytes + write->size_bytes <= MAX_QUEUED_BYTES)
                r = mailbox_put(store->queue, &write);
        if (r < 0)
                free_write(store, write);
        return r;
}

static char *copy_text(char **at, const char *text)
{
        size_t size = strlen(text) + 1;
        char *copy = memcpy(*at, text, size);

        *at += size;
        return copy;
}

int store_event_append(struct store *store, const struct store_event *event, bool durable,
                       store_done done, void *user)
{
        size_t size = sizeof(struct write) + strlen(event->meeting) + strlen(event->type) +
                      strlen(event->body) + 3;
        struct write *write;
        char *at;

        if (event->seq == 0 || event->seq > INT64_MAX)
                return -EINVAL;
        write = calloc(1, size);
        if (!write)
                return -ENOMEM;
        *write = (struct write){ .kind = WRITE_EVENT,
                                 .durable = durable,
                                 .done = done,
                                 .user = user,
                                 .size_bytes = size,
                                 .event = *event };
        at = write->text;
        write->event.meeting = copy_text(&at, event->meeting);
        write->event.type = copy_text(&at, event->type);
        write->event.body = copy_text(&at, event->body);
        return queue_write(store, write);
}

int store_doc_put(struct store *store, const struct store_doc *doc, store_done done, void *user)
{
        struct write *write = calloc(1, sizeof(*write));

        if (!write)
                return -ENOMEM;
        *write = (struct write){ .kind = WRITE_DOC,
                                 .durable = true,
                                 .done = done,
                                 .user = user,
                                 .size_bytes = sizeof(*write),
                                 .doc = *doc };
        return queue_write(store, write);
}

int store_recording_put(struct store *store, const struct store_recording *recording,
                        store_done done, void *user)
{
        size_t size = sizeof(struct write) + strlen(recording->parts) + 1;
        struct write *write = calloc(1, size);
        char *at;

        if (!write)
                return -ENOMEM;
        *write = (struct write){ .kind = WRITE_RECORDING,
                                 .durable = true,
                                 .done = done,
                                 .user = user,
                                 .size_bytes = size,
                                 .recording = *recording };
        at = write->text;
        write->recording.parts = copy_text(&at, recording->parts);
        return queue_write(store, write);
}

int store_barrier(struct store *store, store_done done, void *user)
{
        struct write *write = calloc(1, sizeof(*write));

        if (!write)
                return -ENOMEM;
        *write = (struct write){ .kind = WRITE_BARRIER,
                                 .durable = true,
                                 .done = done,
                                 .user = user,
                                 .size_bytes = sizeof(*write),
                                 .failures = atomic_load(&store->failures) };
        return queue_write(store, write);
}

int store_link_put(struct store *store, const struct store_link *link, store_done done, void *user)
{
        size_t size = sizeof(struct write) + link->sealed_len;
        struct write *write = calloc(1, size);

        if (!write)
                return -ENOMEM;
        *write = (struct write){ .kind = WRITE_LINK,
                                 .durable = true,
                                 .done = done,
                                 .user = user,
                                 .size_bytes = size,
                                 .link = *link };
        if (link->sealed)
                write->link.sealed = memcpy(write->text, link->sealed, link->sealed_len);
        return queue_write(store, write);
}

/* ---- synchronous writes, on the caller's connection ---- */

int store_secret(struct store *store, const char *name, uint8_t ret_secret[STORE_SECRET_BYTES])
{
        cleanup(db_finalizep) sqlite3_stmt *put = NULL;
        cleanup(db_finalizep) sqlite3_stmt *get = NULL;
        uint8_t fresh[STORE_SECRET_BYTES];
        int r;

        r = db_prepare(store->front, &put, "INSERT OR IGNORE INTO secrets VALUES (?, ?)");
        if (r == 0)
                r = db_prepare(store->front, &get, "SELECT value FROM secrets WHERE name = ?");
        if (r < 0)
                return r;
        row_bind_text(get, 1, name);
        if (sqlite3_step(get) != SQLITE_ROW) {
                (void)sqlite3_reset(get);
                rand_bytes(fresh, sizeof(fresh));
                row_bind_text(put, 1, name);
                (void)sqlite3_bind_blob(put, 2, fresh, sizeof(fresh), SQLITE_STATIC);
                r = db_run(put);
                if (r < 0)
                        return r;
                /* Another process may have been faster: what is stored counts. */
                if (sqlite3_step(get) != SQLITE_ROW)
                        return -EIO;
        }
        if (sqlite3_column_bytes(get, 0) != STORE_SECRET_BYTES)
                return -EIO;
        memcpy(ret_secret, sqlite3_column_blob(get, 0), STORE_SECRET_BYTES);
        return 0;
}

int store_meeting_create(struct store *store, const struct store_meeting *meeting)
{
        cleanup(db_finalizep) sqlite3_stmt *stmt = NULL;
        int r;

        r = db_prepare(store->front, &stmt,
                       "INSERT INTO meetings (id, title, created_ms) VALUES (?, ?, ?)");
        if (r < 0)
                return r;
        row_bind_text(stmt, 1, meeting->id);
        row_bind_text(stmt, 2, meeting->title);
        (void)sqlite3_bind_int64(stmt, 3, meeting->created_ms);
        return db_run(stmt);
}

/* ---- reads ---- */

int store_meeting_get(struct store *store, const char *id, struct store_meeting *ret_meeting)
{
        cleanup(db_finalizep) sqlite3_stmt *stmt = NULL;
        int r;

        r = db_prepare(store->front, &stmt,
                       "SELECT id, title, created_ms FROM meetings WHERE id = ?");
        if (r < 0)
                return r;
        row_bind_text(stmt, 1, id);
        r = sqlite3_step(stmt);
        if (r == SQLITE_ROW) {
                row_read_meeting(ret_meeting, stmt);
                return 0;
        }
        return r == SQLITE_DONE ? -ENOENT : db_errno(store->front);
}

int store_events(struct store *store, const char *meeting, uint64_t after, size_t limit,
                 void (*each)(void *user, const struct store_event *event), void *user)
{
        cleanup(db_finalizep) sqlite3_stmt *stmt = NULL;
        struct store_event event;
        int r;

        r = db_prepare(store->front, &stmt,
                       "SELECT seq, at_ms, type, body FROM events"
                       " WHERE meeting = ? AND seq > ? ORDER BY seq LIMIT ?");
        if (r < 0)
                return r;
        row_bind_text(stmt, 1, meeting);
        (void)sqlite3_bind_int64(stmt, 2, after > INT64_MAX ? INT64_MAX : (sqlite3_int64)after);
        (void)sqlite3_bind_int64(stmt, 3, limit > INT64_MAX ? INT64_MAX : (sqlite3_int64)limit);
        while ((r = sqlite3_step(stmt)) == SQLITE_ROW) {
                event = (struct store_event){
                        .meeting = meeting,
                        .seq = (uint64_t)sqlite3_column_int64(stmt, 0),
                        .at_ms = sqlite3_column_int64(stmt, 1),
                        .type = (const char *)sqlite3_column_text(stmt, 2),
                        .body = (const char *)sqlite3_column_text(stmt, 3),
                };
                if (!event.type || !event.body)
                        return -ENOMEM;
                each(user, &event);
        }
        return r == SQLITE_DONE ? 0 : db_errno(store->front);
}

int store_doc_get(struct store *store, const char *id, struct store_doc *ret_doc)
{
        cleanup(db_finalizep) sqlite3_stmt *stmt = NULL;
        int r;

        r = db_prepare(store->front, &stmt, "SELECT " DOC_COLUMNS " FROM docs WHERE id = ?");
        if (r < 0)
                return r;
        row_bind_text(stmt, 1, id);
        r = sqlite3_step(stmt);
        if (r == SQLITE_ROW) {
                row_read_doc(ret_doc, stmt);
                return 0;
        }
        return r == SQLITE_DONE ? -ENOENT : db_errno(store->front);
}

int store_docs(struct store *store, const char *meeting,
               void (*each)(void *user, const struct store_doc *doc), void *user)
{
        cleanup(db_finalizep) sqlite3_stmt *stmt = NULL;
        struct store_doc doc;
        int r;

        r = db_prepare(store->front, &stmt,
                       meeting ? "SELECT " DOC_COLUMNS " FROM docs WHERE NOT deleted"
                                 " AND meeting = ? ORDER BY created_ms, id"
                               : "SELECT " DOC_COLUMNS " FROM docs WHERE NOT deleted"
                                 " ORDER BY created_ms, id");
        if (r < 0)
                return r;
        if (meeting)
                row_bind_text(stmt, 1, meeting);
        while ((r = sqlite3_step(stmt)) == SQLITE_ROW) {
                row_read_doc(&doc, stmt);
                each(user, &doc);
        }
        return r == SQLITE_DONE ? 0 : db_errno(store->front);
}

int store_blob_used(struct store *store, const char *sha256, bool *ret_used)
{
        cleanup(db_finalizep) sqlite3_stmt *stmt = NULL;
        int r;

        r = db_prepare(store->front, &stmt,
                       "SELECT EXISTS (SELECT 1 FROM docs WHERE sha256 = ?1 AND NOT deleted)"
                       " OR EXISTS (SELECT 1 FROM docs WHERE pdf_sha256 = ?1 AND NOT deleted)");
        if (r < 0)
                return r;
        row_bind_text(stmt, 1, sha256);
        if (sqlite3_step(stmt) != SQLITE_ROW)
                return db_errno(store->front);
        *ret_used = sqlite3_column_int(stmt, 0) != 0;
        return 0;
}

int store_recording_get(struct store *store, const char *id, store_recording_fn each, void *user)
{
        cleanup(db_finalizep) sqlite3_stmt *stmt = NULL;
        struct store_recording recording;
        int r;

        r = db_prepare(store->front, &stmt,
                       "SELECT " RECORDING_COLUMNS " FROM recordings WHERE id = ?");
        if (r < 0)
                return r;
        row_bind_text(stmt, 1, id);
        r = sqlite3_step(stmt);
        if (r != SQLITE_ROW)
                return r == SQLITE_DONE ? -ENOENT : db_errno(store->front);
        row_read_recording(&recording, stmt);
        each(user, &recording);
        return 0;
}

int store_recordings(struct store *store, const char *meeting, store_recording_fn each, void *user)
{
        cleanup(db_finalizep) sqlite3_stmt *stmt = NULL;
        struct store_recording recording;
        int r;

        r = db_prepare(store->front, &stmt,
                       meeting ? "SELECT " RECORDING_COLUMNS " FROM recordings WHERE NOT deleted"
                                 " AND meeting = ? ORDER BY id DESC"
                               : "SELECT " RECORDING_COLUMNS " FROM recordings WHERE NOT deleted"
                                 " ORDER BY id DESC");
        if (r < 0)
                return r;
        if (meeting)
                row_bind_text(stmt, 1, meeting);
        while ((r = sqlite3_step(stmt)) == SQLITE_ROW) {
                row_read_recording(&recording, stmt);
                each(user, &recording);
        }
        return r == SQLITE_DONE ? 0 : db_errno(store->front);
}

int store_links(struct store *store, const char *meeting,
                void (*each)(void *user, const struct store_link *link), void *user)
{
        cleanup(db_finalizep) sqlite3_stmt *stmt = NULL;
        struct store_link link;
        int r;

        r = db_prepare(store->front, &stmt,
                       "SELECT id, meeting, kind, sealed FROM links WHERE meeting = ? ORDER BY id");
        if (r < 0)
                return r;
        row_bind_text(stmt, 1, meeting);
        while ((r = sqlite3_step(stmt)) == SQLITE_ROW) {
                row_read_link(&link, stmt);
                each(user, &link);
        }
        return r == SQLITE_DONE ? 0 : db_errno(store->front);
}
