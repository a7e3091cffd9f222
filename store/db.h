/* SPDX-License-Identifier: Apache-2.0 */
/*
 * db — one SQLite connection as this program wants it, and the schema's history.
 *
 * Layer:  store, private to it.
 * Thread: a connection is used by one thread at a time (opened NOMUTEX).
 *
 * Schema: `PRAGMA user_version` counts the migrations that were applied. A
 * migration that was released is never edited; a change is a new one at the end.
 */
#ifndef STORE_DB_H
#define STORE_DB_H

#include <sqlite3.h>

#include "base/base.h"

static inline void db_finalizep(sqlite3_stmt **stmt)
{
        sqlite3_finalize(*stmt);
}

/* Opens DIR/dinh.sqlite with WAL and foreign keys; the folder is made (0700)
 * when missing. Returns 0 or -errno; *ret_error is a clear line. */
must_use int db_open(sqlite3 **ret_db, const char *dir, char *ret_error, size_t error_cap);

/* Accepts NULL, returns NULL. */
sqlite3 *db_close(sqlite3 *db);
DEFINE_CLEANUP(sqlite3 *, db_close)

/* Applies the migrations that are missing, each in its own transaction. Two
 * processes may do so at once. -ENOTSUP: made by a newer version. */
must_use int db_migrate(sqlite3 *db, char *ret_error, size_t error_cap);

/* The newest schema version this program knows. */
int db_newest_version(void);

/* true: a commit reaches the disk before it returns (survives power loss).
 * Outside of a transaction only. */
must_use int db_set_durable(sqlite3 *db, bool durable);

must_use int db_exec(sqlite3 *db, const char *sql);
must_use int db_prepare(sqlite3 *db, sqlite3_stmt **ret_stmt, const char *sql);

/* Runs a statement that yields no row, and resets it. Returns 0 or -errno. */
must_use int db_run(sqlite3_stmt *stmt);

/* -errno of the connection's last failure: -ENOSPC when the disk, the quota or
 * the file size limit is full, -EEXIST, -ENOENT (foreign key), -EBUSY, -EIO … */
int db_errno(sqlite3 *db);

#endif
