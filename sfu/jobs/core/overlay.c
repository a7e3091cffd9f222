/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/jobs/core/overlay.h"

#include <assert.h>
#include <errno.h>

/* A plane of values multiplied by their alpha, and the alpha. */
struct layer {
        int width, height;
        uint8_t *alpha, *values;
};

enum { Y, U, V, N_PLANES };

struct overlay {
        struct layer layers[N_PLANES];
};

static int layer_alloc(struct layer *layer, int width, int height)
{
        layer->width = width;
        layer->height = height;
        layer->alpha = malloc((size_t)width * (size_t)height);
        layer->values = malloc((size_t)width * (size_t)height);
        return layer->alpha && layer->values ? 0 : -ENOMEM;
}

struct overlay *overlay_free(struct overlay *overlay)
{
        if (!overlay)
                return NULL;
        for (size_t i = 0; i < N_PLANES; i++) {
                free(overlay->layers[i].alpha);
                free(overlay->layers[i].values);
        }
        free(overlay);
        return NULL;
}

/* A weighted sum of colours, in 1/256, and an offset that grows with alpha. */
static uint8_t weigh(const int *argb, const int *weights, int offset)
{
        int sum = weights[0] * argb[1] + weights[1] * argb[2] + weights[2] * argb[3];
        int value = (sum + offset * 256 * argb[0] / 255 + 128) >> 8;

        return (uint8_t)(value < 0 ? 0 : value > 255 ? 255 : value);
}

static void add_pixel(int *sum, const uint8_t *at)
{
        uint32_t pixel;

        memcpy(&pixel, at, sizeof(pixel));
        for (int i = 0; i < 4; i++)
                sum[i] += (int)(pixel >> (24 - 8 * i) & 0xff);
}

static void fill_luma(struct overlay *overlay, const uint8_t *argb, size_t stride)
{
        static const int weights[] = { 66, 129, 25 };
        struct layer *layer = &overlay->layers[Y];

        for (int y = 0; y < layer->height; y++) {
                for (int x = 0; x < layer->width; x++) {
                        size_t at = (size_t)y * (size_t)layer->width + (size_t)x;
                        int sum[4] = { 0 };

                        add_pixel(sum, argb + (size_t)y * stride + (size_t)x * 4);
                        layer->alpha[at] = (uint8_t)sum[0];
                        layer->values[at] = weigh(sum, weights, 16);
                }
        }
}

/* Each value of colour is the mean of four pixels. */
static void fill_chroma(struct overlay *overlay, const uint8_t *argb, size_t stride)
{
        static const int u_weights[] = { -38, -74, 112 }, v_weights[] = { 112, -94, -18 };
        struct layer *u = &overlay->layers[U], *v = &overlay->layers[V];

        for (int y = 0; y < u->height; y++) {
                for (int x = 0; x < u->width; x++) {
                        size_t at = (size_t)y * (size_t)u->width + (size_t)x;
                        const uint8_t *from = argb + 2 * (size_t)y * stride + (size_t)x * 8;
                        int sum[4] = { 2, 2, 2, 2 };

                        add_pixel(sum, from);
                        add_pixel(sum, from + 4);
                        add_pixel(sum, from + stride);
                        add_pixel(sum, from + stride + 4);
                        for (int i = 0; i < 4; i++)
                                sum[i] /= 4;
                        u->alpha[at] = v->alpha[at] = (uint8_t)sum[0];
                        u->values[at] = weigh(sum, u_weights, 128);
                        v->values[at] = weigh(sum, v_weights, 128);
                }
        }
}

int overlay_new(struct overlay **ret_overlay, const uint8_t *argb, size_t stride, int width,
                int height)
{
        cleanup(overlay_freep) struct overlay *overlay = NULL;
        int r;

        if (width <= 0 || height <= 0 || width > OVERLAY_MAX_SIDE || height > OVERLAY_MAX_SIDE ||
            ((width | height) & 1) || stride < (size_t)width * 4)
                return -EINVAL;
        overlay = calloc(1, sizeof(*overlay));
        if (!overlay)
                return -ENOMEM;
        r = layer_alloc(&overlay->layers[Y], width, height);
        if (r == 0)
                r = layer_alloc(&overlay->layers[U], width / 2, height / 2);
        if (r == 0)
                r = layer_alloc(&overlay->layers[V], width / 2, height / 2);
        if (r < 0)
                return r;
        fill_luma(overlay, argb, stride);
        fill_chroma(overlay, argb, stride);
        *ret_overlay = take_ptr(overlay);
        return 0;
}

static void blend_row(uint8_t *to, const uint8_t *alpha, const uint8_t *values, int n)
{
        for (int i = 0; i < n; i++) {
                int sum = values[i] + (to[i] * (255 - alpha[i]) + 127) / 255;

                to[i] = (uint8_t)(sum > 255 ? 255 : sum);
        }
}

static void blend(const struct layer *layer, uint8_t *plane, int width, int height, int x, int y)
{
        int from_x = x < 0 ? -x : 0, from_y = y < 0 ? -y : 0;
        int to_x = x + layer->width > width ? width - x : layer->width;
        int to_y = y + layer->height > height ? height - y : layer->height;

        for (int row = from_y; row < to_y && from_x < to_x; row++) {
                size_t at = (size_t)row * (size_t)layer->width + (size_t)from_x;

                blend_row(plane + (size_t)(y + row) * (size_t)width + (x + from_x),
                          layer->alpha + at, layer->values + at, to_x - from_x);
        }
}

void overlay_draw(const struct overlay *overlay, uint8_t *i420, int width, int height, int x, int y)
{
        size_t luma = (size_t)width * (size_t)height;

        assert(((width | height | x | y) & 1) == 0);
        blend(&overlay->layers[Y], i420, width, height, x, y);
        blend(&overlay->layers[U], i420 + luma, width / 2, height / 2, x / 2, y / 2);
        blend(&overlay->layers[V], i420 + luma + luma / 4, width / 2, height / 2, x / 2, y / 2);
}
