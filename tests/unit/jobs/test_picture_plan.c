/* SPDX-License-Identifier: Apache-2.0 */
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "sfu/jobs/core/picture_plan.h"

static void picture_fits_and_is_never_enlarged(void **state)
{
        static const struct {
                int width, height, par_n, par_d, fit_width, fit_height;
        } cases[] = {
                { 1920, 1080, 1, 1, 1280, 720 }, { 1280, 720, 1, 1, 1280, 720 },
                { 640, 360, 1, 1, 640, 360 },    { 3840, 2160, 1, 1, 1280, 720 },
                { 1080, 1920, 1, 1, 720, 1280 }, /* a phone held upright */
                { 720, 576, 64, 45, 1024, 576 }, /* PAL, wide */
                { 1440, 1080, 4, 3, 1280, 720 }, { 641, 361, 1, 1, 642, 362 },
                { 1, 1, 1, 1, 16, 16 },          { 0, -5, 0, 0, 16, 16 },
                { INT_MAX, 1, 1, 1, 1280, 16 },  { 2560, 1080, 1, 1, 1280, 540 },
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                int width = 0, height = 0;

                picture_fit(cases[i].width, cases[i].height, cases[i].par_n, cases[i].par_d, &width,
                            &height);
                assert_int_equal(width, cases[i].fit_width);
                assert_int_equal(height, cases[i].fit_height);
        }
}

static void layers_halve_and_small_pictures_have_fewer(void **state)
{
        struct picture_plan plan;

        (void)state;
        picture_plan(&plan, 1280, 720, 3);
        assert_int_equal(plan.n, 3);
        assert_int_equal(plan.layers[0].width, 320);
        assert_int_equal(plan.layers[1].height, 360);
        assert_int_equal(plan.layers[2].width, 1280);
        assert_int_equal(plan.layers[2].bps, 1200000);
        assert_in_range(plan.layers[1].bps, 400000, 450000);
        assert_in_range(plan.layers[0].bps, 140000, 160000);
        picture_plan(&plan, 640, 360, 3);
        assert_int_equal(plan.n, 2);
        assert_int_equal(plan.layers[0].width, 320);
        picture_plan(&plan, 320, 180, 3);
        assert_int_equal(plan.n, 1);
        picture_plan(&plan, 1280, 720, 1);
        assert_int_equal(plan.n, 1);
        assert_int_equal(plan.layers[0].width, 1280);
        picture_plan(&plan, 16, 16, 3);
        assert_int_equal(plan.n, 1);
        assert_true(plan.layers[0].bps > 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(picture_fits_and_is_never_enlarged),
                cmocka_unit_test(layers_halve_and_small_pictures_have_fewer),
        };

        return cmocka_run_group_tests_name("picture_plan", tests, NULL, NULL);
}
