/* SPDX-License-Identifier: Apache-2.0 */
/*
 * picture_plan — which simulcast layers a picture of this size is sent in.
 *
 * Layer: sfu/jobs/core, pure.
 *
 * The largest is 1280×720 (or 720×1280) at most and never larger than the source; each next
 * one is half as wide and high. A small source gets fewer, so that none is a thumbnail that
 * nobody can tell from the next. 1200, 450 and 150 kbit/s for 720, 360 and 180 lines.
 */
#ifndef SFU_JOBS_CORE_PICTURE_PLAN_H
#define SFU_JOBS_CORE_PICTURE_PLAN_H

#include "base/base.h"

enum { PLAN_LAYERS = 3 };

struct picture_plan {
        unsigned n; /* 1..PLAN_LAYERS; lowest first */
        struct plan_layer {
                int width, height; /* even */
                int bps;
        } layers[PLAN_LAYERS];
};

/* The size that fits: pixels become square. Each argument is at least 1 and at most INT16_MAX,
 * or it is taken as such. */
void picture_fit(int width, int height, int par_n, int par_d, int *ret_width, int *ret_height);

/* width, height: as picture_fit() gave them. max_layers: 1..PLAN_LAYERS. */
void picture_plan(struct picture_plan *ret_plan, int width, int height, unsigned max_layers);

#endif
