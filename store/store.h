/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store — what must survive: meetings, their events, documents, secrets.
 *
 * Owner:  main makes it, the signalling thread uses and frees it.
 * Thread: writes are queued to the store's own thread, which commits many of
 *         them in one transaction (group commit); their callbacks run on the
 *         thread that calls store_poll(). Reads are synchronous, on a second
 *         connection, and see everything that was committed.
 * Units:  at_ms: milliseconds since 1970.
 *
 * Invariants:
 *  (1) a write's callback with 0 comes only after the transaction is committed
 *      (WAL, synchronous=NORMAL: survives kill -9 of the process; `durable`
 *      writes are synchronous=FULL and survive power loss too).
 *  (2) writes are committed in the order they were queued.
 *  (3) at most STORE_MAX_QUEUED writes wait; then -EAGAIN.
 */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include "base/base.h"
#include "base/rand.h"

enum { STORE_MAX_QUEUED = 65536, STORE_SECRET_BYTES = 32 };

struct store;

/* Opens (creates, migrates) DIR/dinh.sqlite; the folder is made (0700) when
 * missing. wake (may be NULL): called from the store's thread when callbacks
 * wait for store_poll(). Returns 0 or -errno; *ret_error is a clear line.
 * A database of a newer version than this program is refused. */
must_use int store_open(struct store **ret_store, const char *dir, void (*wake)(void *user),
                        void *wake_user, char *ret_error, size_t error_cap);

/* Commits what is queued, then closes; callbacks that store_poll() has not run
 * are dropped. Accepts NULL, returns NULL. */
struct store *store_close(struct store *store);
DEFINE_CLEANUP(struct store *, store_close)

/* Runs the callbacks of finished writes. */
void store_poll(struct store *store);

/* result: 0; -EEXIST, -ENOENT (no such meeting): this write alone was refused;
 * -ENOSPC (disk full), -EBUSY, -EIO: nothing of its transaction was written,
 * later writes are tried again. */
typedef void (*store_done)(void *user, int result);

/* ---- secrets: made on first use, kept for ever ---- */
must_use int store_secret(struct store *store, const char *name,
                          uint8_t ret_secret[STORE_SECRET_BYTES]);

/* ---- meetings ---- */
struct store_meeting {
        char id[UUID_TEXT];
        char title[512];
        int64_t created_ms;
};
/* Synchronous: used by the command line. Returns 0 or -errno. */
must_use int store_meeting_create(struct store *store, const struct store_meeting *meeting);
/* Returns 0, -ENOENT, or -errno. */
must_use int store_meeting_get(struct store *store, const char *id,
                               struct store_meeting *ret_meeting);

/* ---- the log of a meeting: its only durable state ---- */
struct store_event {
        const char *meeting;
        uint64_t seq; /* 1, 2, 3 … per meeting; a repeated one is refused (-EEXIST) */
        int64_t at_ms;
        const char *type;
        const char *body; /* JSON text */
};
/* Copies the event. done (may be NULL) runs after the commit. */
must_use int store_event_append(struct store *store, const struct store_event *event, bool durable,
                                store_done done, void *user);
/* Calls each for seq > after, in order, at most limit. Strings live during the call. */
must_use int store_events(struct store *store, const char *meeting, uint64_t after, size_t limit,
                          void (*each)(void *user, const struct store_event *event), void *user);

/* ---- documents ---- */
enum store_doc_state { STORE_DOC_QUEUED, STORE_DOC_CONVERTING, STORE_DOC_READY, STORE_DOC_FAILED };

struct store_doc {
        char id[UUID_TEXT];
        char meeting[UUID_TEXT];
        char name[256];       /* as uploaded, cleaned, with its extension; UTF-8 */
        char sha256[65];      /* of the original, hex: names its blob */
        char pdf_sha256[65];  /* of the PDF; "" until ready */
        char uploaded_by[65]; /* participant id */
        int64_t size_bytes, created_ms;
        enum store_doc_state state;
        char error[32]; /* a code when failed, else "" */
        int pages;      /* 0 until known */
        bool film;      /* it is played, and has no pages; below: 0 until it was checked */
        bool has_video;
        int64_t duration_ms;
        bool deleted;
};
/* Inserts or replaces the whole row by id. */
must_use int store_doc_put(struct store *store, const struct store_doc *doc, store_done done,
                           void *user);
must_use int store_doc_get(struct store *store, const char *id, struct store_doc *ret_doc);
/* meeting NULL: all meetings. Deleted ones are left out. Oldest first. */
must_use int store_docs(struct store *store, const char *meeting,
                        void (*each)(void *user, const struct store_doc *doc), void *user);
/* Whether a document that is not deleted has this blob, as original or as PDF. */
must_use int store_blob_used(struct store *store, const char *sha256, bool *ret_used);

/* ---- recordings: their files lie in media.h's folders ---- */
enum store_recording_state {
        STORE_RECORDING_ON,
        STORE_RECORDING_FINISHING, /* ended; its files are being put in order */
        STORE_RECORDING_READY,
        STORE_RECORDING_FAILED,
        STORE_N_RECORDING_STATES,
};

struct store_recording {
        char id[UUID_TEXT]; /* version 7: their order is that of time */
        char meeting[UUID_TEXT];
        char mode[8];                 /* a word of the protocol */
        char by[65];                  /* participant id, or "api" */
        int64_t started_ms, ended_ms; /* 0: it is on */
        enum store_recording_state state;
        const char *parts; /* JSON text, the caller's own form */
        int64_t bytes;
        char error[32]; /* a code, or "" */
        int64_t kept_until_ms;
        bool deleted;
};
/* Inserts or replaces the whole row by id; copies it. */
must_use int store_recording_put(struct store *store, const struct store_recording *recording,
                                 store_done done, void *user);
typedef void (*store_recording_fn)(void *user, const struct store_recording *recording);
/* Calls each once; deleted ones too. Returns 0, -ENOENT or -errno. */
must_use int store_recording_get(struct store *store, const char *id, store_recording_fn each,
                                 void *user);
/* meeting NULL: all meetings. Deleted ones are left out. Newest first. */
must_use int store_recordings(struct store *store, const char *meeting, store_recording_fn each,
                              void *user);

/* Writes nothing: done runs when all that was queued before is committed, with -EIO when
 * a transaction has failed meanwhile. */
must_use int store_barrier(struct store *store, store_done done, void *user);

/* ---- links: where a meeting is pushed to, and cameras that are pulled; with their secrets ---- */
enum { STORE_LINK_ID = 65, STORE_LINK_KIND = 8 };

struct store_link {
        char id[STORE_LINK_ID];
        char meeting[UUID_TEXT];
        char kind[STORE_LINK_KIND];
        const uint8_t *sealed; /* the caller's own form; NULL: there is no such link any more */
        size_t sealed_len;
};
/* Inserts, replaces or removes the row by id; copies it. done may be NULL. */
must_use int store_link_put(struct store *store, const struct store_link *link, store_done done,
                            void *user);
/* Of one meeting, in order of id. */
must_use int store_links(struct store *store, const char *meeting,
                         void (*each)(void *user, const struct store_link *link), void *user);

#endif
