/* SPDX-License-Identifier: Apache-2.0 */
/*
 * docs-share — papers: taken in, kept by content, converted to pages, given out. A film
 *              is a paper without pages: instead of being converted it is checked that it
 *              can be played (state CONVERTING meanwhile).
 *
 * Owner:  main makes it, the signalling thread uses and frees it.
 * Thread: the signalling thread calls every function here; conversion, hashing
 *         of finished uploads, fsync and deleting run on docs-share's own
 *         thread, external tools in sandboxed child processes. News waits until
 *         docs_poll(); wake is called from that other thread.
 *
 * Invariants:
 *  (1) a blob's name is the SHA-256 of its content; a blob never changes.
 *  (2) a document that was announced (DOCS_EV_CHANGED) is durable.
 *  (3) a bad file fails itself only; after a restart unfinished conversions
 *      start again where the queue stood.
 *  (4) who may see what is the caller's business: this module checks content,
 *      names and bounds, the signalling layer checks tokens and rights.
 */
#ifndef DOCS_SHARE_API_H
#define DOCS_SHARE_API_H

#include "base/base.h"
#include "store/store.h"

enum {
        DOCS_MAX_BYTES = 200 * 1024 * 1024, /* a paper */
        DOCS_MAX_PER_MEETING = 500,
        DOCS_MAX_FILMS_PER_MEETING = 30,
        DOCS_MAX_PAGES = 2000,
        DOCS_MAX_FILM_MS = 6 * 3600 * 1000,
        DOCS_MAX_FILM_SIDE = 4096, /* pixels, either way */
};
#define DOCS_MAX_FILM_BYTES (2ll * 1024 * 1024 * 1024)

struct docs;

struct docs_config {
        const char *dir; /* DATA/docs: blobs, pages, uploads in progress */
        /* The dinh program, whose `job probe` looks at films; NULL: this very program. */
        const char *program;
        struct store *store;
        void (*wake)(void *user); /* any thread */
        void *wake_user;
};
must_use int docs_new(struct docs **ret_docs, const struct docs_config *config, char *ret_error,
                      size_t error_cap);
/* Stops children; work resumes at the next start. Uploads that are still open
 * end with it. Afterwards the store is closed without another store_poll().
 * Accepts NULL, returns NULL. */
struct docs *docs_free(struct docs *docs);
DEFINE_CLEANUP(struct docs *, docs_free)

/* Faults a person can cause; docs_error_code() names them for clients. */
enum docs_err {
        DOCS_E_TYPE = 1, /* by content and name: none of core/filetype.h */
        DOCS_E_TOO_LARGE,
        DOCS_E_EMPTY,
        DOCS_E_NAME, /* no usable file name */
        DOCS_E_DISK_FULL,
        DOCS_E_TOO_MANY,   /* documents in this meeting, or uploads at once */
        DOCS_E_CORRUPT,    /* conversion: cannot be read */
        DOCS_E_PASSWORD,   /* conversion: protected by a password */
        DOCS_E_BOMB,       /* conversion: too much memory, time, output or pages */
        DOCS_E_UNPLAYABLE, /* a film: damaged, or nothing in it to see or hear */
        DOCS_E_CODEC,      /* a film: no decoder for it here */
        DOCS_E_LONG,       /* a film: over DOCS_MAX_FILM_MS */
        DOCS_E_PICTURE,    /* a film: over DOCS_MAX_FILM_SIDE */
        DOCS_E_INTERNAL,
        DOCS_N_ERRS,
};
const char *
docs_error_code(enum docs_err err); /* "doc-too-large" and so on, in protocol.schema.json */

/* ---- upload: begin, write…, finish or abort ---- */
struct docs_upload;
/* size_bytes: announced by the sender, -1 if unknown. name: raw, is cleaned
 * here. Returns 0, an enum docs_err, or -errno. */
must_use int docs_upload_begin(struct docs *docs, struct docs_upload **ret_upload,
                               const char *meeting, const char *participant, const char *name,
                               int64_t size_bytes);
/* Returns 0, an enum docs_err (the upload must then be aborted), or -errno. */
must_use int docs_upload_write(struct docs_upload *upload, const uint8_t *data, size_t len);
/* Takes the upload. done runs from docs_poll(): result 0 and the document (now
 * durable and queued for conversion), or an enum docs_err with doc NULL. */
void docs_upload_finish(struct docs_upload *upload,
                        void (*done)(void *user, int result, const struct store_doc *doc),
                        void *user);
/* Removes what was written. Accepts NULL, returns NULL. */
struct docs_upload *docs_upload_abort(struct docs_upload *upload);

/* ---- news ---- */
struct docs_event {
        struct store_doc doc; /* as it is now: state, pages, error, deleted */
        int pages_done;       /* while converting: page images ready so far */
};
/* Runs upload callbacks, then takes one event; false when there is none. */
bool docs_poll(struct docs *docs, struct docs_event *ret_event);

/* ---- reading ---- */
/* TEXT: all pages, UTF-8, parted by form feeds (U+000C). Pages come one by one
 * while the document is converting; PDF and text when it is ready. */
enum docs_variant { DOCS_ORIGINAL, DOCS_PDF, DOCS_PAGE_SCREEN, DOCS_PAGE_PHONE, DOCS_TEXT };

struct docs_file {
        char path[512];           /* a regular file that never changes */
        const char *content_type; /* static */
        char name[300];           /* for Content-Disposition */
        char etag[80];            /* quoted, strong */
        int64_t size_bytes;
        bool attachment; /* original and PDF: to be saved, not shown */
};
/* page: 1-based, for page variants. Returns 0, -ENOENT (no such document,
 * deleted, page not made yet), or -errno. */
must_use int docs_file(struct docs *docs, const char *doc_id, enum docs_variant variant, int page,
                       struct docs_file *ret_file);

/* Marks it deleted (durable, then announced). Blobs nobody refers to are
 * removed. Returns 0, -ENOENT or -errno. */
must_use int docs_delete(struct docs *docs, const char *doc_id);

struct docs_counters {
        uint64_t uploads, upload_failures, conversions, conversion_failures;
        uint32_t queued;
        int64_t last_conversion_ms;
};
void docs_counters(const struct docs *docs, struct docs_counters *ret_counters);

#endif
