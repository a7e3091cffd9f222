/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hls_viewer — one player of a live stream: one kept connection, playlists as often as a
 *              player asks for them, segments one after the other. It decodes nothing.
 *
 * Layer:  load/io.
 * Owner:  the run (load/hls.c). Thread: its own.
 *
 * States: CONNECT -> HANDSHAKE (TLS) -> ASK <-> ANSWER; PAUSE until there is something
 *         to do again. A broken connection is a failure and is made anew.
 */
#ifndef LOAD_IO_HLS_VIEWER_H
#define LOAD_IO_HLS_VIEWER_H

#include <openssl/ssl.h>
#include <sys/socket.h>

#include "base/base.h"
#include "load/core/histogram.h"
#include "load/core/hls.h"

enum { HLS_PATH = 512, HLS_SCRATCH = 256 * 1024 };

/* Of all viewers. */
struct hls_tally {
        uint64_t playlists, segments, bytes;
        uint64_t failures;     /* answers that are not 200, broken connections */
        uint64_t late;         /* segments that came when all before were played */
        uint64_t skipped;      /* left the playlist before they were asked for */
        struct histogram took; /* a segment, from asking to its last byte */
        struct histogram age;  /* of the newest segment's end when it is here: behind live */
        char first_failure[160];
};

struct hls_target {
        struct sockaddr_storage address;
        socklen_t address_len;
        SSL_CTX *tls; /* NULL: plain */
        const char *host, *port;
        const char *path;      /* of the master playlist */
        const char *rendition; /* "": the first */
        int epoll;
        uint8_t *scratch; /* HLS_SCRATCH bytes, between calls nobody's */
        struct hls_tally *tally;
};

struct hls_viewer;

/* Returns 0 or -errno. It begins with the first hls_viewer_turn(). */
must_use int hls_viewer_new(struct hls_viewer **ret_viewer, const struct hls_target *target);
struct hls_viewer *hls_viewer_free(struct hls_viewer *viewer); /* accepts NULL */

/* Its descriptor is ready, or its time has come: goes on as far as it can. */
void hls_viewer_turn(struct hls_viewer *viewer, int64_t now_us);
/* When it wants to be called without its descriptor; INT64_MAX: not. */
int64_t hls_viewer_deadline_us(const struct hls_viewer *viewer);

bool hls_viewer_plays(const struct hls_viewer *viewer); /* has its first segment */

#endif
