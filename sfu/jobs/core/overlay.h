/* SPDX-License-Identifier: Apache-2.0 */
/*
 * overlay — drawings with transparency laid over pictures: captions, cards, backgrounds.
 *
 * Layer:  sfu/jobs/core. Pure: no I/O, no clock.
 * Owner:  whoever draws.
 * Colours: ITU-R BT.601 with limited range, as VP8 and WebP have them (RFC 6386 §9.2).
 */
#ifndef SFU_JOBS_CORE_OVERLAY_H
#define SFU_JOBS_CORE_OVERLAY_H

#include "base/base.h"

enum { OVERLAY_MAX_SIDE = 4096 };

struct overlay;

/* argb: rows of 32 bits a pixel, 0xAARRGGBB with colours multiplied by alpha, stride bytes a row;
 * copied. Returns 0, -EINVAL (an odd or great size) or -ENOMEM. */
must_use int overlay_new(struct overlay **ret_overlay, const uint8_t *argb, size_t stride,
                         int width, int height);
struct overlay *overlay_free(struct overlay *overlay); /* accepts NULL, returns NULL */
DEFINE_CLEANUP(struct overlay *, overlay_free)

/* Draws onto an I420 picture without padding, of even size; x and y even. What would lie outside
 * is cut off. */
void overlay_draw(const struct overlay *overlay, uint8_t *i420, int width, int height, int x,
                  int y);

#endif
