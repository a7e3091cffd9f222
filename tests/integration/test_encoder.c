/* SPDX-License-Identifier: Apache-2.0 */
/* encoder and mp4_out — how far what is written is behind what was put in: a killed job loses it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <gst/gst.h>

#include <cmocka.h>

#include "sfu/jobs/core/scene.h"
#include "sfu/jobs/gst/mp4_out.h"

enum {
        FRAMES = 150,
        BLOCK_US = 20000,
        PICTURE_BYTES = SCENE_WIDTH * SCENE_HEIGHT * 3 / 2,
};

struct run {
        int of; /* one in so many pictures is encoded */
        struct encoder *encoder;
        struct mp4_out *mp4;
        uint8_t *i420;
        int64_t newest_us[N_ENCODED];
        int64_t order_us; /* of the newest */
        int64_t max_behind_us;
};

static void on_unit(void *user, const struct encoded_unit *unit)
{
        struct run *run = user;

        run->newest_us[unit->stream] = unit->time_us;
        assert_true(unit->time_us >= run->order_us);
        run->order_us = unit->time_us;
        assert_int_equal(mp4_out_put(run->mp4, run->encoder, unit), 0);
}

static void frame(struct run *run, int n, bool skip)
{
        static const float silence[2 * ENCODER_BLOCK];
        int64_t t_us = (int64_t)n * SCENE_FRAME_US, behind_us;

        for (int64_t at_us = t_us; at_us < t_us + SCENE_FRAME_US; at_us += BLOCK_US)
                assert_int_equal(encoder_sound(run->encoder, at_us, silence), 0);
        if (skip) {
                encoder_skip(run->encoder, t_us);
        } else {
                /* Something that moves. */
                memset(run->i420 + (size_t)n * SCENE_WIDTH, 20 + n, (size_t)60 * SCENE_WIDTH);
                assert_int_equal(encoder_picture(run->encoder, t_us, run->i420), 0);
        }
        assert_true(run->newest_us[ENCODED_SOUND] >= t_us - ENCODER_DELAY_US);
        assert_true(run->newest_us[ENCODED_VOICE] >= t_us - ENCODER_DELAY_US);
        /* The newest picture that is so old. */
        for (int old = n; old >= 0; old--) {
                int64_t old_us = (int64_t)old * SCENE_FRAME_US;

                if (old % run->of != 0 || old_us > t_us - ENCODER_DELAY_US)
                        continue;
                assert_true(run->newest_us[ENCODED_720] >= old_us);
                assert_true(run->newest_us[ENCODED_360] >= old_us);
                break;
        }
        behind_us = t_us - mp4_out_until_us(run->mp4);
        if (behind_us > run->max_behind_us)
                run->max_behind_us = behind_us;
}

static void run_all(int of)
{
        struct run run = { .of = of, .order_us = INT64_MIN };
        const struct encoder_params params = { .live = true, .on_unit = on_unit, .user = &run };
        char path[] = "/tmp/test_encoder.XXXXXX";
        int fd = mkstemp(path);

        assert_true(fd >= 0);
        close(fd);
        unlink(path);
        run.i420 = malloc(PICTURE_BYTES);
        memset(run.i420, 128, PICTURE_BYTES);
        assert_int_equal(encoder_new(&run.encoder, &params), 0);
        assert_int_equal(encoder_small(run.encoder, true), 0);
        assert_int_equal(mp4_out_new(&run.mp4, path), 0);
        for (int n = 0; n < FRAMES; n++)
                frame(&run, n, n % of != 0);
        assert_int_equal(mp4_out_begin_us(run.mp4), 0);
        encoder_end(run.encoder);
        assert_int_equal(mp4_out_flush(run.mp4), 0);
        assert_true(mp4_out_until_us(run.mp4) >=
                    (int64_t)FRAMES * SCENE_FRAME_US - ENCODER_DELAY_US);
        printf("figure: with one of %d pictures what is written is at most %lld ms behind\n", of,
               (long long)run.max_behind_us / 1000);
        assert_true(run.max_behind_us <= MP4_OUT_US + 3 * SCENE_FRAME_US + ENCODER_DELAY_US);
        run.mp4 = mp4_out_free(run.mp4);
        run.encoder = encoder_free(run.encoder);
        free(run.i420);
        unlink(path);
}

static void test_a_live_encoder_holds_no_picture_back(void **state)
{
        (void)state;
        run_all(1);
}

static void test_sound_does_not_wait_for_pictures_that_are_left_out(void **state)
{
        (void)state;
        run_all(3);
        run_all(FRAMES);
}

int main(int argc, char **argv)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_a_live_encoder_holds_no_picture_back),
                cmocka_unit_test(test_sound_does_not_wait_for_pictures_that_are_left_out),
        };

        gst_init(&argc, &argv);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
