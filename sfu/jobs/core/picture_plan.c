/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/jobs/core/picture_plan.h"

#include <math.h>

enum {
        LONG_SIDE = 1280,
        SHORT_SIDE = 720,
        /* A layer with a shorter side than this is not worth its encoder. */
        LEAST_SHORT_SIDE = 120,
        LEAST_SIDE = 16,
        TOP_BPS = 1200000,
};

static int clamp(int value)
{
        return value < 1 ? 1 : value > INT16_MAX ? INT16_MAX : value;
}

static int even(double side)
{
        int n = (int)(side / 2 + 0.5) * 2;

        return n < LEAST_SIDE ? LEAST_SIDE : n;
}

void picture_fit(int width, int height, int par_n, int par_d, int *ret_width, int *ret_height)
{
        double w = (double)clamp(width) * clamp(par_n) / clamp(par_d), h = clamp(height);
        double long_side = w > h ? w : h, short_side = w > h ? h : w;
        double scale = fmin(1, fmin(LONG_SIDE / long_side, SHORT_SIDE / short_side));

        *ret_width = even(w * scale);
        *ret_height = even(h * scale);
}

/* A quarter of the pixels needs a bit over a third of the bits. */
static int bps_for(int width, int height)
{
        double share = (double)width * height / (LONG_SIDE * SHORT_SIDE);

        return (int)(TOP_BPS * pow(share, 0.75));
}

void picture_plan(struct picture_plan *ret_plan, int width, int height, unsigned max_layers)
{
        int short_side = width < height ? width : height;
        struct picture_plan plan = { .n = 1 };

        while (plan.n < max_layers && plan.n < PLAN_LAYERS &&
               short_side >> plan.n >= LEAST_SHORT_SIDE)
                plan.n++;
        for (unsigned i = 0; i < plan.n; i++) {
                struct plan_layer *layer = &plan.layers[plan.n - 1 - i];

                layer->width = even((double)width / (1 << i));
                layer->height = even((double)height / (1 << i));
                layer->bps = bps_for(layer->width, layer->height);
        }
        *ret_plan = plan;
}
