/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/wire/wire_test.h"

#include <errno.h>

#include "sfu/jobs/core/overlay.h"

enum { WIDTH = 8, HEIGHT = 6, BYTES = WIDTH * HEIGHT * 3 / 2 };

static struct overlay *plain(uint32_t argb, int width, int height)
{
        uint32_t pixels[64];
        struct overlay *overlay;

        for (size_t i = 0; i < ARRAY_LEN(pixels); i++)
                pixels[i] = argb;
        assert_int_equal(
                overlay_new(&overlay, (const uint8_t *)pixels, (size_t)width * 4, width, height),
                0);
        return overlay;
}

static void colours_are_of_limited_range(void **state)
{
        static const struct {
                uint32_t argb;
                uint8_t y, u, v;
        } table[] = {
                { 0xffffffff, 235, 128, 128 }, { 0xff000000, 16, 128, 128 },
                { 0xffff0000, 82, 90, 240 },   { 0xff00ff00, 144, 54, 34 },
                { 0xff0000ff, 41, 240, 110 },
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(table); i++) {
                struct overlay *overlay = plain(table[i].argb, WIDTH, HEIGHT);
                uint8_t *i420 = calloc(1, BYTES);

                overlay_draw(overlay, i420, WIDTH, HEIGHT, 0, 0);
                assert_in_range(i420[0] + 1, table[i].y, table[i].y + 2);
                assert_in_range(i420[WIDTH * HEIGHT] + 1, table[i].u, table[i].u + 2);
                assert_in_range(i420[BYTES - 1] + 1, table[i].v, table[i].v + 2);
                free(i420);
                overlay_free(overlay);
        }
}

static void what_is_transparent_changes_nothing_and_half_mixes(void **state)
{
        struct overlay *nothing = plain(0, WIDTH, HEIGHT);
        struct overlay *half = plain(0x80808080, WIDTH, HEIGHT); /* half of white */
        uint8_t *i420 = calloc(1, BYTES), *before = malloc(BYTES);

        (void)state;
        for (size_t i = 0; i < BYTES; i++)
                before[i] = i420[i] = (uint8_t)(i * 7);
        overlay_draw(nothing, i420, WIDTH, HEIGHT, 0, 0);
        assert_memory_equal(i420, before, BYTES);
        memset(i420, 16, WIDTH * HEIGHT);
        memset(i420 + WIDTH * HEIGHT, 128, WIDTH * HEIGHT / 2);
        overlay_draw(half, i420, WIDTH, HEIGHT, 0, 0);
        assert_in_range(i420[0], 124, 127);
        assert_in_range(i420[WIDTH * HEIGHT], 127, 129);
        free(i420);
        free(before);
        overlay_free(nothing);
        overlay_free(half);
}

static void what_lies_outside_is_cut_off(void **state)
{
        struct overlay *white = plain(0xffffffff, 4, 4);
        static const int places[][2] = { { -2, -2 },   { 6, 4 },    { -4, 0 },
                                         { 100, 100 }, { 0, -100 }, { 2, 2 } };
        static const size_t covered[] = { 4, 4, 0, 0, 0, 16 };

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(places); i++) {
                uint8_t *i420 = calloc(1, BYTES); /* of exact size: ASan sees what is outside */
                size_t n = 0;

                overlay_draw(white, i420, WIDTH, HEIGHT, places[i][0], places[i][1]);
                for (size_t at = 0; at < WIDTH * HEIGHT; at++)
                        n += i420[at] == 235;
                assert_int_equal(n, covered[i]);
                free(i420);
        }
        overlay_free(white);
}

static void odd_and_huge_sizes_are_refused(void **state)
{
        static const uint8_t pixels[64] = { 0 };
        struct overlay *overlay;

        (void)state;
        assert_int_equal(overlay_new(&overlay, pixels, 12, 3, 2), -EINVAL);
        assert_int_equal(overlay_new(&overlay, pixels, 8, 2, 0), -EINVAL);
        assert_int_equal(overlay_new(&overlay, pixels, 4, 2, 2), -EINVAL);
        assert_int_equal(overlay_new(&overlay, pixels, 8, 2, OVERLAY_MAX_SIDE + 2), -EINVAL);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(colours_are_of_limited_range),
                cmocka_unit_test(what_is_transparent_changes_nothing_and_half_mixes),
                cmocka_unit_test(what_lies_outside_is_cut_off),
                cmocka_unit_test(odd_and_huge_sizes_are_refused),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
