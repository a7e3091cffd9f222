/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hls_playlist — the texts of a live HLS (RFC 8216): the master playlist and a rendition's list of
 *                its newest segments.
 *
 * Layer:  sfu/jobs/core. Pure: a caller's struct, no I/O, no clock.
 * Units:  *_us: microseconds; start_us of a segment on the wall clock since 1970.
 *
 * Invariants:
 *  (1) segments are numbered one after the other from `first` on; the list shows the newest HLS_LISTED, the
 *      newest HLS_KEPT stay as files: who read an old list still finds what it names.
 *  (2) a file's name stands for the same bytes for ever, because caches keep it: `first` grows
 *      from one job of a stream to the next (the seconds since 1970 when it began: a segment
 *      lasts two of them), and names the init file. Players see a discontinuity.
 */
#ifndef SFU_JOBS_CORE_HLS_PLAYLIST_H
#define SFU_JOBS_CORE_HLS_PLAYLIST_H

#include "base/base.h"

enum { HLS_LISTED = 10, HLS_KEPT = 16, HLS_TEXT_MAX = 4096 };

struct hls_segment {
        int64_t start_us;
        uint32_t lasts_us;
};

struct hls_playlist {
        uint32_t target_s;
        uint64_t first; /* number of the first segment of all */
        uint64_t next;  /* the number of the segment that comes */
        struct hls_segment segments[HLS_LISTED];
};

void hls_playlist_init(struct hls_playlist *list, uint32_t target_s, uint64_t first);

enum { HLS_INIT_NAME = 40 };
/* "init-{first}.mp4": the one that the list names. */
void hls_playlist_init_name(const struct hls_playlist *list, char ret[HLS_INIT_NAME]);

/* Adds the segment number list->next. Returns the number of the one whose file goes now, or -1. */
int64_t hls_playlist_add(struct hls_playlist *list, int64_t start_us, int64_t lasts_us);

/* ended: no more will come. Returns the length; ret has room for HLS_TEXT_MAX. */
size_t hls_playlist_write(const struct hls_playlist *list, bool ended, char *ret);

struct hls_rendition {
        const char *folder;     /* "720" */
        uint32_t peak_bps;      /* no segment takes more */
        uint16_t width, height; /* 0: sound alone */
        const char *codecs;     /* RFC 6381: "avc1.64001f,mp4a.40.2" */
};
size_t hls_master_write(const struct hls_rendition *renditions, size_t n, char *ret);

#endif
