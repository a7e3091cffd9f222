/* SPDX-License-Identifier: Apache-2.0 */
/*
 * live_follow — the segments of a live rendition (lines.h: init-7.mp4, 7.m4s, 8.m4s …) one after the
 *               other, as another job writes them.
 *
 * Layer:  sfu/jobs, the child's side. Reads files, waits for nothing: it is asked again.
 * Owner:  a job that hands the stream on.
 *
 * It begins with the newest segment. It is broken when its next segment is gone though newer ones
 * are there (the reader was too slow), and when there is a newer init file (the writer began anew,
 * its numbers are higher): then the caller begins again as well, with the init file.
 */
#ifndef SFU_JOBS_LIVE_FOLLOW_H
#define SFU_JOBS_LIVE_FOLLOW_H

#include "base/base.h"

enum { LIVE_FILE_MAX = 32 * 1024 * 1024, LIVE_DIR = 512 };

struct live_follow {
        char dir[LIVE_DIR];
        bool begun;
        uint64_t next;  /* the segment that is waited for */
        uint64_t first; /* the writer's first one, and its init file's number */
};

enum live_news {
        LIVE_NONE,    /* ask again in a moment */
        LIVE_INIT,    /* bytes of the init file */
        LIVE_SEGMENT, /* bytes of the next segment */
        LIVE_BROKEN,  /* it begins anew at the next call */
};

/* Returns 0 or -ENAMETOOLONG. */
must_use int live_follow_init(struct live_follow *follow, const char *dir);
/* The next call gives the init file again, then the newest segment. */
void live_follow_restart(struct live_follow *follow);
/* *ret_bytes: the caller's, freed with free(); with LIVE_INIT and LIVE_SEGMENT only. */
enum live_news live_follow_poll(struct live_follow *follow, uint8_t **ret_bytes, size_t *ret_len);

#endif
