/* SPDX-License-Identifier: Apache-2.0 */
/*
 * canvas — the picture of a program, drawn as its scene says. Only what changed is drawn again: a
 *          page that stands still costs nothing.
 *
 * Layer:  sfu/jobs/gst.
 * Owner:  one per program.
 * Thread: the caller's.
 */
#ifndef SFU_JOBS_GST_CANVAS_H
#define SFU_JOBS_GST_CANVAS_H

#include <gst/video/video.h>

#include "sfu/jobs/core/scene.h"

enum { CANVAS_BYTES = SCENE_WIDTH * SCENE_HEIGHT * 3 / 2 };

struct canvas;

must_use int canvas_new(struct canvas **ret_canvas, const char *title); /* 0, -ENOMEM */
struct canvas *canvas_free(struct canvas *canvas); /* accepts NULL, returns NULL */
DEFINE_CLEANUP(struct canvas *, canvas_free)

/* Takes the page of a WebP file; path NULL: none. Returns 0 and its size (0 x 0: none), -EBADMSG
 * (no WebP, or too large), or -errno; then the page before stays. */
must_use int canvas_page(struct canvas *canvas, const char *path, int *ret_width, int *ret_height);

/* name: of whom the view shows. picture, info: the frame to show, borrowed; NULL with none. Returns
 * I420 without padding, owned by the canvas, valid until the next call. */
const uint8_t *canvas_draw(struct canvas *canvas, const struct scene_view *view, const char *name,
                           GstBuffer *picture, const GstVideoInfo *info);

#endif
