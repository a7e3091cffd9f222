/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/integration/shown.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

enum { PICTURE = SHOWN_WIDTH * SHOWN_HEIGHT * 3 };

static void *read_all(const char *command, size_t *ret_len)
{
        FILE *pipe = popen(command, "r");
        size_t len = 0, cap = 1 << 20, n;
        uint8_t *bytes = malloc(cap);

        assert_non_null(pipe);
        while ((n = fread(bytes + len, 1, cap - len, pipe)) > 0) {
                len += n;
                if (len == cap)
                        bytes = realloc(bytes, cap *= 2);
        }
        assert_int_equal(pclose(pipe), 0);
        *ret_len = len;
        return bytes;
}

void shown_of(struct shown *ret_shown, const char *path)
{
        char command[600];
        size_t len;

        snprintf(
                command, sizeof(command),
                "ffmpeg -v error -i %s -map 0:v:0 -r %d -vf scale=%d:%d:flags=area -pix_fmt rgb24 -f rawvideo -",
                path, SHOWN_FPS, SHOWN_WIDTH, SHOWN_HEIGHT);
        ret_shown->pictures = read_all(command, &len);
        ret_shown->n_pictures = len / PICTURE;
        snprintf(command, sizeof(command),
                 "ffmpeg -v error -i %s -map 0:a:0 -af aresample=async=1:first_pts=0 -ac 1 -ar %d "
                 "-f f32le -",
                 path, SHOWN_RATE);
        ret_shown->sound = read_all(command, &len);
        ret_shown->n_sound = len / sizeof(float);
}

void shown_done(struct shown *shown)
{
        free(shown->pictures);
        free(shown->sound);
}

double shown_seconds(const struct shown *shown)
{
        return (double)shown->n_pictures / SHOWN_FPS;
}

static uint32_t colour_of(const struct shown *shown, size_t picture, int x, int y)
{
        const uint8_t *at = shown->pictures + picture * PICTURE +
                            ((size_t)(y / 4) * SHOWN_WIDTH + (size_t)(x / 4)) * 3;

        return (uint32_t)at[0] << 16 | (uint32_t)at[1] << 8 | at[2];
}

uint32_t shown_colour(const struct shown *shown, double t, int x, int y)
{
        size_t picture = (size_t)(t * SHOWN_FPS);

        assert_true(picture < shown->n_pictures);
        return colour_of(shown, picture, x, y);
}

bool colour_is(uint32_t colour, uint32_t about)
{
        for (int shift = 0; shift <= 16; shift += 8) {
                if (abs((int)(colour >> shift & 0xff) - (int)(about >> shift & 0xff)) > 24)
                        return false;
        }
        return true;
}

double shown_when(const struct shown *shown, double t, int x, int y, uint32_t about)
{
        for (size_t i = (size_t)(t * SHOWN_FPS); i < shown->n_pictures; i++) {
                if (colour_is(colour_of(shown, i, x, y), about))
                        return (double)i / SHOWN_FPS;
        }
        return -1;
}

static double tone(const struct shown *shown, size_t from, size_t n, double hz)
{
        double re = 0, im = 0;

        for (size_t i = 0; i < n && from + i < shown->n_sound; i++) {
                double phase = 2 * M_PI * hz * (double)i / SHOWN_RATE;

                re += shown->sound[from + i] * cos(phase);
                im += shown->sound[from + i] * sin(phase);
        }
        return 2 * sqrt(re * re + im * im) / (double)n;
}

double shown_tone(const struct shown *shown, double t, double hz)
{
        return tone(shown, (size_t)(t * SHOWN_RATE), SHOWN_RATE / 10, hz);
}

double shown_when_tone(const struct shown *shown, double t, double hz)
{
        enum { WINDOW = SHOWN_RATE / 100, STEP = SHOWN_RATE / 1000 };

        for (size_t at = (size_t)(t * SHOWN_RATE); at + WINDOW < shown->n_sound; at += STEP) {
                /* Half of a window full of it. */
                if (tone(shown, at, WINDOW, hz) > 0.09)
                        return (double)(at + WINDOW / 2) / SHOWN_RATE;
        }
        return -1;
}
