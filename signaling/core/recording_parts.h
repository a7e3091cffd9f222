/* SPDX-License-Identifier: Apache-2.0 */
/*
 * recording_parts — what a recording is made of: the runs of its jobs. Kept as JSON text in
 *                   its row, and read back from there after a restart.
 *
 * Layer:  signaling/core. Pure but for memory.
 *
 * Each run of a job is a part, numbered 1, 2, 3 …; its files begin with "p{number}". A tracks
 * part has p1-mic-17-1.mkv and so on, a program part p2.mp4; both have p{n}-timeline.jsonl.
 */
#ifndef SIGNALING_CORE_RECORDING_PARTS_H
#define SIGNALING_CORE_RECORDING_PARTS_H

#include <jansson.h>

#include "base/base.h"

enum { RECORDING_MAX_PARTS = 64, RECORDING_FILE_NAME = 64 };

enum part_kind { PART_TRACKS, PART_PROGRAM, N_PART_KINDS };

struct recording_part {
        int number;
        enum part_kind kind;
        bool open;        /* its job runs */
        bool has_file;    /* program: p{number}.mp4 was begun */
        int64_t start_us; /* its `t` is 0 */
        int64_t start_ms;
        int64_t first_us;    /* t of a program's first frame */
        int64_t duration_us; /* from first_us on */
        int64_t bytes;
        char error[32]; /* why it ended by itself, or "" */
};

struct recording_parts {
        struct recording_part list[RECORDING_MAX_PARTS];
        size_t n;
        bool composed;   /* program.mp4 was made of the tracks */
        bool to_compose; /* somebody wished so, and it has not been tried to the end */
};

/* A number that a job or an old row says; 0 when it cannot be true (sums do not overflow). */
#define RECORDING_MAX_NUMBER (INT64_C(1) << 50)
int64_t recording_number(const json_t *object, const char *field);

/* Of a list of objects with a "name": an object of them by their names, which one who records
 * thousands of files cannot make slow. The caller's. */
json_t *recording_files_by_name(const json_t *files);

/* Text to free(), or NULL without memory. */
char *recording_parts_write(const struct recording_parts *parts);
/* Returns 0, or -EINVAL: not what was written, *ret_parts is empty then. */
must_use int recording_parts_read(struct recording_parts *ret_parts, const char *text);

/* NULL: no room for more. */
struct recording_part *recording_parts_add(struct recording_parts *parts, enum part_kind kind,
                                           int64_t start_us, int64_t start_ms);

/* How long it is, in the kind of which there is most. */
int64_t recording_parts_ms(const struct recording_parts *parts);
/* How often it began: the kind that began most often. */
unsigned recording_parts_runs(const struct recording_parts *parts);
bool recording_parts_has_video(const struct recording_parts *parts);
int64_t recording_parts_bytes(const struct recording_parts *parts);

/* A name a recording's files may have: "p1-mic-17-1.mkv", "p2.mp4", "program.mp4",
 * "p1-timeline.jsonl". */
bool recording_is_file(const char *name);
/* Of its pages: "{document}-{n}.webp". */
bool recording_is_page(const char *name);
/* The number in "p{number}…", 0: none. */
int recording_file_part(const char *name);

#endif
