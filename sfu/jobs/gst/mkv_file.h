/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mkv_file — a Matroska file with one track, written as its frames come.
 *
 * GStreamer's muxer and file sink, run by the caller's own thread: hundreds of files need no
 * thread of their own (3 µs a frame). Each frame is with the kernel when mkv_file_write() returns:
 * what a killed job has written can be read.
 *
 * Layer:  sfu/jobs/gst, the child's side.
 * Owner:  a job.
 * Thread: one at a time.
 * Units:  t_us: microseconds since the start of the part; the file's own times are the same, so
 *         that all files of a part lie beside each other.
 *
 * The codec's format of the first frame is the file's. Later key frames of pictures may be of
 * another size: VP8, VP9 and AV1 tell it in themselves, H.264 by parameter sets in the stream
 * ("avc3").
 */
#ifndef SFU_JOBS_GST_MKV_FILE_H
#define SFU_JOBS_GST_MKV_FILE_H

#include "base/base.h"
#include "sfu/jobs/core/depay.h"

struct mkv_error {
        const char *code; /* of lines.h, static */
        char text[200];   /* English */
        bool is_of_disk;  /* so no other file can be written either; else it is this stream's */
};

struct mkv_file;

/* Returns 0, or > 0 and *ret_error. */
must_use int mkv_file_open(struct mkv_file **ret_file, const char *path, enum job_codec codec,
                           const struct depay_format *format, struct mkv_error *ret_error);

/* t_us must rise. Returns as mkv_file_open(); then only mkv_file_close() is left. */
must_use int mkv_file_write(struct mkv_file *file, const struct depay_frame *frame, int64_t t_us,
                            struct mkv_error *ret_error);

uint64_t mkv_file_bytes(const struct mkv_file *file);

/* Writes duration and index where it can, and frees. Returns 0, or > 0 and *ret_error:
 * what was written before can still be read. Accepts NULL. */
int mkv_file_close(struct mkv_file *file, struct mkv_error *ret_error);

#endif
