/* SPDX-License-Identifier: Apache-2.0 */
/*
 * paint — what stands still in a program: background, title, names and cards, drawn with Cairo,
 *         letters by Pango (all of Vietnamese, with its accents over one another).
 *
 * Layer:  sfu/jobs/gst, without GStreamer.
 */
#ifndef SFU_JOBS_GST_PAINT_H
#define SFU_JOBS_GST_PAINT_H

#include "sfu/jobs/core/overlay.h"
#include "sfu/jobs/core/scene.h"

struct paint_words {
        const char *title; /* of the meeting */
        const char *name;  /* of whom the view names or has a card of; "" when nobody */
};

/* Everything that lies behind pictures, of the whole 1280x720. Returns 0 or -ENOMEM. */
must_use int paint_back(const struct scene_view *view, const struct paint_words *words,
                        struct overlay **ret_overlay);

/* The speaker's name over a picture, of the size of view->name_at. Returns 0 or -ENOMEM. */
must_use int paint_caption(const struct scene_view *view, const char *name,
                           struct overlay **ret_overlay);

#endif
