/* SPDX-License-Identifier: Apache-2.0 */
/*
 * retime_file — a file's retime.h beside it: "/work/.NAME.times". Hidden files are removed when a
 *               recording has been finished.
 *
 * Layer:  sfu/jobs/gst, the child's side.
 * Thread: any.
 */
#ifndef SFU_JOBS_GST_RETIME_FILE_H
#define SFU_JOBS_GST_RETIME_FILE_H

#include "sfu/jobs/core/retime.h"

/* What cannot be written is told in the log: the file can be played all the same. */
void retime_file_write(const struct retime *retime, const char *name);

/* Without points when there is none, or none that makes sense. */
void retime_file_read(struct retime *ret_retime, const char *name);

void retime_file_remove(const char *name);

#endif
