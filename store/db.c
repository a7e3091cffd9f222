/* SPDX-License-Identifier: Apache-2.0 */
#include "store/db.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fd.h"

/* How long a transaction waits for another process's (`dinh meeting create`
 * beside a running server); each holds the lock for milliseconds. */
enum { BUSY_TIMEOUT_MS = 10000 };

static const char *const migrations[] = {
        /* 1 */
        "CREATE TABLE secrets ("
        "  name TEXT PRIMARY KEY,"
        "  value BLOB NOT NULL"
        ") STRICT, WITHOUT ROWID;"
        "CREATE TABLE meetings ("
        "  id TEXT PRIMARY KEY,"
        "  title TEXT NOT NULL,"
        "  created_ms INTEGER NOT NULL"
        ") STRICT, WITHOUT ROWID;"
        "CREATE TABLE events ("
        "  meeting TEXT NOT NULL REFERENCES meetings (id),"
        "  seq INTEGER NOT NULL CHECK (seq > 0),"
        "  at_ms INTEGER NOT NULL,"
        "  type TEXT NOT NULL,"
        "  body TEXT NOT NULL,"
        "  PRIMARY KEY (meeting, seq)"
        ") STRICT, WITHOUT ROWID;"
        "CREATE TABLE docs ("
        "  id TEXT PRIMARY KEY,"
        "  meeting TEXT NOT NULL REFERENCES meetings (id),"
        "  name TEXT NOT NULL,"
        "  sha256 TEXT NOT NULL,"
        "  pdf_sha256 TEXT NOT NULL,"
        "  uploaded_by TEXT NOT NULL,"
        "  size_bytes INTEGER NOT NULL,"
        "  created_ms INTEGER NOT NULL,"
        "  state INTEGER NOT NULL,"
        "  error TEXT NOT NULL,"
        "  pages INTEGER NOT NULL,"
        "  deleted INTEGER NOT NULL"
        ") STRICT, WITHOUT ROWID;"
        "CREATE INDEX docs_of_meeting ON docs (meeting, created_ms, id) WHERE NOT deleted;"
        "CREATE INDEX docs_of_blob ON docs (sha256) WHERE NOT deleted;"
        "CREATE INDEX docs_of_pdf ON docs (pdf_sha256) WHERE NOT deleted;",
        /* 2: films among the papers */
        "ALTER TABLE docs ADD COLUMN film INTEGER NOT NULL DEFAULT 0;"
        "ALTER TABLE docs ADD COLUMN has_video INTEGER NOT NULL DEFAULT 0;"
        "ALTER TABLE docs ADD COLUMN duration_ms INTEGER NOT NULL DEFAULT 0;",
        /* 3 */
        "CREATE TABLE recordings ("
        "  id TEXT PRIMARY KEY,"
        "  meeting TEXT NOT NULL REFERENCES meetings (id),"
        "  mode TEXT NOT NULL,"
        "  started_by TEXT NOT NULL,"
        "  started_ms INTEGER NOT NULL,"
        "  ended_ms INTEGER NOT NULL,"
        "  state INTEGER NOT NULL,"
        "  parts TEXT NOT NULL,"
        "  bytes INTEGER NOT NULL,"
        "  error TEXT NOT NULL,"
        "  kept_until_ms INTEGER NOT NULL,"
        "  deleted INTEGER NOT NULL"
        ") STRICT, WITHOUT ROWID;"
        "CREATE INDEX recordings_of_meeting ON recordings (meeting, id) WHERE NOT deleted;",
        /* 4 */
        "CREATE TABLE links ("
        "  id TEXT PRIMARY KEY,"
        "  meeting TEXT NOT NULL REFERENCES meetings (id),"
        "  kind TEXT NOT NULL,"
        "  sealed BLOB NOT NULL"
        ") STRICT, WITHOUT ROWID;"
        "CREATE INDEX links_of_meeting ON links (meeting, id);",
};

int db_newest_version(void)
{
        return ARRAY_LEN(migrations);
}

int db_errno(sqlite3 *db)
{
        int code = sqlite3_extended_errcode(db);
        int os = sqlite3_system_errno(db);

        switch (code) {
        case SQLITE_OK:
        case SQLITE_ROW:
        case SQLITE_DONE:
                return 0;
        case SQLITE_CONSTRAINT_PRIMARYKEY:
        case SQLITE_CONSTRAINT_UNIQUE:
                return -EEXIST;
        case SQLITE_CONSTRAINT_FOREIGNKEY:
                return -ENOENT;
        default:
                break;
        }
        switch (code & 0xff) {
        case SQLITE_FULL:
                return -ENOSPC;
        case SQLITE_NOMEM:
                return -ENOMEM;
        case SQLITE_BUSY:
        case SQLITE_LOCKED:
                return -EBUSY;
        case SQLITE_CONSTRAINT:
        case SQLITE_MISMATCH:
        case SQLITE_TOOBIG:
                return -EINVAL;
        case SQLITE_READONLY:
        case SQLITE_PERM:
                return -EACCES;
        case SQLITE_IOERR:
        case SQLITE_CANTOPEN:
                return os == ENOSPC || os == EDQUOT || os == EFBIG ? -ENOSPC : -EIO;
        default:
                return -EIO;
        }
}

int db_exec(sqlite3 *db, const char *sql)
{
        return sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK ? 0 : db_errno(db);
}

int db_prepare(sqlite3 *db, sqlite3_stmt **ret_stmt, const char *sql)
{
        return sqlite3_prepare_v2(db, sql, -1, ret_stmt, NULL) == SQLITE_OK ? 0 : db_errno(db);
}

int db_run(sqlite3_stmt *stmt)
{
        int r = sqlite3_step(stmt) == SQLITE_DONE ? 0 : db_errno(sqlite3_db_handle(stmt));

        (void)sqlite3_reset(stmt); /* repeats the code of the step */
        return r;
}

int db_set_durable(sqlite3 *db, bool durable)
{
        return db_exec(db, durable ? "PRAGMA synchronous=FULL" : "PRAGMA synchronous=NORMAL");
}

sqlite3 *db_close(sqlite3 *db)
{
        (void)sqlite3_close(db); /* accepts NULL */
        return NULL;
}

/* Makes folder and file, readable by this user only: the file holds secrets.
 * SQLite gives its -wal and -shm files the same rights. */
static int make_file(const char *dir, const char *path, char *ret_error, size_t error_cap)
{
        cleanup(closep) int fd = -1;

        if (mkdir(dir, 0700) < 0 && errno != EEXIST) {
                int r = -errno;

                snprintf(ret_error, error_cap, "cannot make the data folder %s: %s", dir,
                         strerror(-r));
                return r;
        }
        /* Never opened once it is there: closing any descriptor of it would drop the
         * locks SQLite holds for this process (POSIX), and another process would take
         * itself for the last user and delete our journal. */
        fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        if (fd < 0 && (errno != EEXIST || access(path, R_OK | W_OK) < 0)) {
                int r = -errno;

                snprintf(ret_error, error_cap, "cannot write to the data folder %s: %s", dir,
                         strerror(-r));
                return r;
        }
        return 0;
}

int db_open(sqlite3 **ret_db, const char *dir, char *ret_error, size_t error_cap)
{
        cleanup(db_closep) sqlite3 *db = NULL;
        char path[4096];
        int r;

        if ((size_t)snprintf(path, sizeof(path), "%s/dinh.sqlite", dir) >= sizeof(path)) {
                snprintf(ret_error, error_cap, "the data folder's path is too long");
                return -ENAMETOOLONG;
        }
        r = make_file(dir, path, ret_error, error_cap);
        if (r < 0)
                return r;
        r = sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
        if (r == SQLITE_OK) {
                (void)sqlite3_busy_timeout(db, BUSY_TIMEOUT_MS);
                /* A journal over 64 MB is cut at the next checkpoint. */
                r = sqlite3_exec(db,
                                 "PRAGMA journal_mode=WAL; PRAGMA foreign_keys=ON;"
                                 "PRAGMA journal_size_limit=67108864;",
                                 NULL, NULL, NULL);
        }
        if (r != SQLITE_OK) {
                r = db ? db_errno(db) : -ENOMEM;
                snprintf(ret_error, error_cap, "cannot open %s: %s", path,
                         db ? sqlite3_errmsg(db) : "no memory");
                return r;
        }
        *ret_db = take_ptr(db);
        return 0;
}

static int user_version(sqlite3 *db, int *ret_version)
{
        cleanup(db_finalizep) sqlite3_stmt *stmt = NULL;
        int r = db_prepare(db, &stmt, "PRAGMA user_version");

        if (r < 0)
                return r;
        if (sqlite3_step(stmt) != SQLITE_ROW)
                return db_errno(db);
        *ret_version = sqlite3_column_int(stmt, 0);
        return 0;
}

/* Inside a transaction: the next migration, unless another process was faster. */
static int migrate_step(sqlite3 *db, int version)
{
        char sql[48];
        int now = 0, r;

        r = user_version(db, &now);
        if (r < 0 || now != version)
                return r;
        r = db_exec(db, migrations[version]);
        if (r < 0)
                return r;
        snprintf(sql, sizeof(sql), "PRAGMA user_version=%d", version + 1);
        return db_exec(db, sql);
}

static int migrate_all(sqlite3 *db, int *ret_version)
{
        int r;

        while ((r = user_version(db, ret_version)) == 0 && *ret_version >= 0 &&
               *ret_version < db_newest_version()) {
                r = db_exec(db, "BEGIN IMMEDIATE");
                if (r < 0)
                        return r;
                r = migrate_step(db, *ret_version);
                if (r == 0)
                        r = db_exec(db, "COMMIT");
                if (r < 0) {
                        if (!sqlite3_get_autocommit(db))
                                (void)sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
                        return r;
                }
        }
        return r;
}

int db_migrate(sqlite3 *db, char *ret_error, size_t error_cap)
{
        const char *path = sqlite3_db_filename(db, "main");
        int version = 0;
        int r = migrate_all(db, &version);

        if (r < 0) {
                snprintf(ret_error, error_cap, "cannot prepare %s: %s", path, strerror(-r));
                return r;
        }
        if (version != db_newest_version()) {
                snprintf(ret_error, error_cap,
                         "%s was written by a newer version of this program "
                         "(format %d, this one knows %d)",
                         path, version, db_newest_version());
                return -ENOTSUP;
        }
        return 0;
}
