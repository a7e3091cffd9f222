/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hls — what a player of a live stream reads: playlists (RFC 8216), and the heads of the
 *       answers that bring them.
 *
 * Layer:  load/core. Pure. What it is given is a server's, so every value is bounded.
 */
#ifndef LOAD_CORE_HLS_H
#define LOAD_CORE_HLS_H

#include "base/base.h"

enum { HLS_URI = 256, HLS_MAX_SEGMENTS = 128, HLS_MAX_TARGET_S = 3600 };

struct hls_segment {
        char uri[HLS_URI];
        char init[HLS_URI]; /* EXT-X-MAP in force; "": none */
        int64_t duration_us;
        int64_t start_us; /* EXT-X-PROGRAM-DATE-TIME, since 1970; -1: not told */
};

struct hls_media {
        int64_t target_us;
        uint64_t first; /* number of segments[0] */
        size_t n;       /* the newest HLS_MAX_SEGMENTS when there are more */
        bool ended;
        struct hls_segment segments[HLS_MAX_SEGMENTS];
};

/* Returns 0, or -EBADMSG: not a media playlist. */
must_use int hls_media_parse(struct hls_media *ret_media, const char *text, size_t len);

/* Chooses from a master playlist: the first stream whose address has rendition as one of its
 * parts ("720/index.m3u8"), or the first one when rendition is "". Returns 0, -ENOENT, or
 * -EBADMSG: not a master playlist. */
must_use int hls_master_choose(char ret_uri[HLS_URI], const char *text, size_t len,
                               const char *rendition);

/* The address of uri as seen from the playlist at path: both are paths on one server. Returns
 * 0 or -EINVAL (too long, or another server's). */
must_use int hls_resolve(char *ret, size_t cap, const char *path, const char *uri);

struct hls_answer {
        int status;
        size_t head_len; /* where the body begins */
        size_t body_len;
        bool close;
};

/* Returns 0, -EAGAIN (the head is not whole), or -EBADMSG (also without a Content-Length). */
must_use int hls_answer_parse(struct hls_answer *ret_answer, const char *data, size_t len);

#endif
