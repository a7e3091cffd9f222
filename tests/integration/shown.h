/* SPDX-License-Identifier: Apache-2.0 */
/*
 * shown — a film as its viewers get it: pictures and sound, decoded by ffmpeg, to be looked at by
 *         tests.
 */
#ifndef TESTS_INTEGRATION_SHOWN_H
#define TESTS_INTEGRATION_SHOWN_H

#include "base/base.h"

enum { SHOWN_WIDTH = 320, SHOWN_HEIGHT = 180, SHOWN_FPS = 25, SHOWN_RATE = 48000 };

struct shown {
        uint8_t *pictures; /* RGB, SHOWN_WIDTH x SHOWN_HEIGHT, SHOWN_FPS from the beginning on */
        size_t n_pictures;
        float *sound; /* mono, from the beginning on */
        size_t n_sound;
};

/* path: of a file or a playlist. Fails the test when ffmpeg complains. */
void shown_of(struct shown *ret_shown, const char *path);
void shown_done(struct shown *shown);

double shown_seconds(const struct shown *shown);

/* The colour at a place (of 1280x720) and time, 0xRRGGBB. */
uint32_t shown_colour(const struct shown *shown, double t, int x, int y);
bool colour_is(uint32_t colour, uint32_t about);

/* When the colour at the place becomes `about` for the first time after t; -1: never. */
double shown_when(const struct shown *shown, double t, int x, int y, uint32_t about);

/* How loud a tone is within a tenth of a second from t, 1: full scale; and when it begins for the
 * first time after t, -1: never. */
double shown_tone(const struct shown *shown, double t, double hz);
double shown_when_tone(const struct shown *shown, double t, double hz);

#endif
