/* SPDX-License-Identifier: Apache-2.0 */
/* recording_parts, deaths — what is pure of recordings. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "signaling/core/deaths.h"
#include "signaling/core/recording_parts.h"

#define PAPER "018f0000-0000-7000-8000-000000000001"

static void parts_are_read_back_as_written(void **state)
{
        struct recording_parts parts = { .composed = true, .to_compose = true }, again;
        struct recording_part *part;
        char *text;

        (void)state;
        part = recording_parts_add(&parts, PART_TRACKS, 5, 6);
        part->duration_us = 7000;
        part = recording_parts_add(&parts, PART_PROGRAM, 8, 9);
        part->has_file = true;
        strcpy(part->error, "job-crashed");
        text = recording_parts_write(&parts);
        assert_int_equal(recording_parts_read(&again, text), 0);
        parts.list[0].open = parts.list[1].open = false;
        assert_memory_equal(&parts, &again, sizeof(parts));
        free(text);
        assert_int_equal(recording_parts_ms(&again), 7);
        assert_int_equal(recording_parts_runs(&again), 1);
        for (size_t i = 2; i < RECORDING_MAX_PARTS; i++)
                assert_non_null(recording_parts_add(&parts, PART_TRACKS, 0, 0));
        assert_null(recording_parts_add(&parts, PART_TRACKS, 0, 0));
        assert_true(recording_parts_read(&again, "") < 0);
        assert_true(recording_parts_read(&again, "{\"parts\":[{\"part\":-1}]}") < 0);
        assert_int_equal(again.n, 0);
}

static void names_of_files_are_strict(void **state)
{
        static const char *const good[] = { "p1-mic-17-1.mkv", "p12.mp4", "program.mp4",
                                            "p1-timeline.jsonl" };
        static const char *const bad[] = { "",          "p1",           "p0.mp4",      "files.json",
                                           ".p1.mp4",   "p1.mp4.part",  "p1/../x.mp4", "P1.mp4",
                                           "p1-a..mkv", "program.mp4.", "p99999.mp4",  "x.mp4" };

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(good); i++)
                assert_true(recording_is_file(good[i]));
        for (size_t i = 0; i < ARRAY_LEN(bad); i++)
                assert_false(recording_is_file(bad[i]));
        assert_true(recording_is_page(PAPER "-3.webp"));
        assert_false(recording_is_page(PAPER "-3.webp/"));
        assert_false(recording_is_page(PAPER "-.webp"));
        assert_false(recording_is_page("../" PAPER "-3.webp"));
}

static void deaths_are_counted_by_the_minute(void **state)
{
        struct deaths deaths = { 0 };
        int64_t again_ms, now_ms = 1000;

        (void)state;
        assert_true(deaths_add(&deaths, now_ms, &again_ms));
        assert_int_equal(again_ms, now_ms);
        assert_true(deaths_add(&deaths, now_ms, &again_ms));
        assert_int_equal(again_ms, now_ms + DEATHS_STEP_MS);
        for (unsigned i = 0; i < 3 * DEATHS_MAX; i++)
                assert_true(deaths_add(&deaths, now_ms += DEATHS_MS / 3, &again_ms));
        assert_true(deaths_add(&deaths, now_ms, &again_ms));
        assert_false(deaths_add(&deaths, now_ms, &again_ms));
        assert_string_equal(death_code(JOB_FAILED, "disk-full"), "disk-full");
        assert_string_equal(death_code(JOB_FAILED, "<script>"), "internal");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(parts_are_read_back_as_written),
                cmocka_unit_test(names_of_files_are_strict),
                cmocka_unit_test(deaths_are_counted_by_the_minute),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
