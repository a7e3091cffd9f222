/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>

#include "sfu/jobs/core/retime.h"
#include "sfu/jobs/core/track_clock.h"

#define MS INT64_C(1000)
#define S INT64_C(1000000)

enum { FRAME_US = 20000, FRAMES = 1500, MAX_WRONG_US = 9000 };

/* A sender whose packets come `late` after they were captured, and who reports from `report_at` on.
 * What was written, and when it belongs, frame by frame. */
struct scene {
        int64_t late_us, report_at_us;
        int64_t written_us[FRAMES], true_us[FRAMES];
        struct retime retime;
        unsigned changes;
};

static void play(struct scene *scene, uint32_t generation, int from, int to)
{
        struct track_clock clock = { .rate = 48000 };

        for (int i = from; i < to; i++) {
                int64_t captured_us = S + (int64_t)i * FRAME_US;
                int64_t arrival_us = captured_us + scene->late_us;
                bool reported = captured_us >= scene->report_at_us;
                const struct track_clock_packet packet = {
                        .generation = generation,
                        .ts = 5000 + (uint32_t)i * 960,
                        .arrival_us = arrival_us,
                        .media_us = reported ? captured_us : arrival_us,
                        .reported = reported,
                };
                struct retime_frame frame = { .t_us = track_clock_on_packet(&clock, &packet) };

                frame.reported = clock.reported;
                frame.fresh = clock.fresh;
                frame.off_us = clock.off_us;
                frame.left_us = clock.left_us;
                scene->changes += retime_on_frame(&scene->retime, &frame);
                scene->written_us[i] = frame.t_us;
                scene->true_us[i] = captured_us;
        }
}

static int64_t wrong_us(const struct scene *scene, int i)
{
        int64_t wrong = retime_apply(&scene->retime, scene->written_us[i]) - scene->true_us[i];

        return wrong < 0 ? -wrong : wrong;
}

static void what_came_before_the_first_report_is_moved(void **state)
{
        static const int64_t lates_us[] = { 5 * MS,   30 * MS,  54 * MS,  120 * MS,
                                            400 * MS, -30 * MS, -300 * MS };

        (void)state;
        for (size_t k = 0; k < ARRAY_LEN(lates_us); k++) {
                struct scene scene = { .late_us = lates_us[k], .report_at_us = 6 * S };

                play(&scene, 1, 0, FRAMES);
                assert_true(scene.changes > 0);
                for (int i = 0; i < FRAMES; i++) {
                        int64_t most_us = lates_us[k] > 60 * MS ? 3 * MAX_WRONG_US : MAX_WRONG_US;

                        assert_true(wrong_us(&scene, i) <= most_us);
                        if (i)
                                assert_true(retime_apply(&scene.retime, scene.written_us[i]) >=
                                            retime_apply(&scene.retime, scene.written_us[i - 1]));
                }
        }
}

static void what_was_reported_from_the_beginning_stays(void **state)
{
        struct scene scene = { .late_us = 80 * MS };

        (void)state;
        play(&scene, 1, 0, FRAMES);
        assert_int_equal(scene.changes, 0);
        assert_int_equal(scene.retime.n, 0);
}

/* Of another stream nothing is known by this one's report. */
static void a_stream_that_was_never_reported_stays(void **state)
{
        struct scene scene = { .late_us = 50 * MS, .report_at_us = INT64_MAX };
        struct retime_frame other = { .reported = true, .fresh = true };

        (void)state;
        play(&scene, 1, 0, 500);
        other.t_us = scene.written_us[499] + 1;
        assert_false(retime_on_frame(&scene.retime, &other));
        assert_int_equal(scene.retime.n, 0);
}

static void each_new_connection_is_moved_until_there_are_too_many(void **state)
{
        struct retime retime = { 0 };
        int64_t t_us = 0;

        (void)state;
        for (int i = 0; i < 100; i++) {
                const struct retime_frame frames[] = {
                        { .t_us = t_us + 10 * S, .fresh = true },
                        { .t_us = t_us + 11 * S },
                        { .t_us = t_us + 12 * S,
                          .reported = true,
                          .off_us = 20 * MS,
                          .left_us = 19 * MS },
                        { .t_us = t_us + 13 * S, .reported = true },
                };
                size_t before = retime.n;

                for (size_t k = 0; k < ARRAY_LEN(frames); k++)
                        (void)retime_on_frame(&retime, &frames[k]);
                if (retime.n > before) {
                        assert_true(retime_apply(&retime, t_us + 9 * S) == t_us + 9 * S);
                        assert_true(retime_apply(&retime, t_us + 11 * S) ==
                                    t_us + 11 * S - 20 * MS);
                }
                assert_true(retime_apply(&retime, t_us + 14 * S) == t_us + 14 * S);
                t_us += 20 * S;
        }
        assert_true(retime.n > 50 && retime.n <= RETIME_POINTS);
}

static void what_is_written_is_read(void **state)
{
        struct scene scene = { .late_us = 90 * MS, .report_at_us = 4 * S };
        struct retime again = { 0 };
        char text[RETIME_TEXT];
        size_t len;

        (void)state;
        play(&scene, 1, 0, FRAMES);
        len = retime_write(&scene.retime, text);
        assert_int_equal(retime_read(&again, text, len), 0);
        assert_int_equal(again.n, scene.retime.n);
        for (int i = 0; i < FRAMES; i++)
                assert_true(retime_apply(&again, scene.written_us[i]) ==
                            retime_apply(&scene.retime, scene.written_us[i]));
}

static void file_of_days_is_moved_between_its_points(void **state)
{
        static const char text[] = "0 -2500000\n999999999999 2500000\n";
        struct retime retime;

        (void)state;
        assert_int_equal(retime_read(&retime, text, strlen(text)), 0);
        assert_true(retime_apply(&retime, 999999999998) == 999999999998 - 2499999);
}

static void what_makes_no_sense_is_refused(void **state)
{
        static const char *const texts[] = {
                "1 2",         "1\n",     "a 1\n",        "5 1\n5 2\n", "7 1\n6 1\n",
                "1 2500001\n", "1 - 2\n", "1 -2500001\n", "-1 5\n",     "1000000000000 1\n",
        };
        struct retime retime = { .n = 7 };

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
                assert_int_equal(retime_read(&retime, texts[i], strlen(texts[i])), -EBADMSG);
                assert_int_equal(retime.n, 7);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(what_came_before_the_first_report_is_moved),
                cmocka_unit_test(what_was_reported_from_the_beginning_stays),
                cmocka_unit_test(a_stream_that_was_never_reported_stays),
                cmocka_unit_test(each_new_connection_is_moved_until_there_are_too_many),
                cmocka_unit_test(what_is_written_is_read),
                cmocka_unit_test(file_of_days_is_moved_between_its_points),
                cmocka_unit_test(what_makes_no_sense_is_refused),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
