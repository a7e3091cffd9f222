/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/log.h"

#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"

enum { CAPTURE_CAP = 8192 };

static int saved_stderr;
static FILE *captured;

static void capture_begin(void)
{
        captured = tmpfile();
        assert_non_null(captured);
        saved_stderr = dup(STDERR_FILENO);
        dup2(fileno(captured), STDERR_FILENO);
}

/* Puts stderr back; the lines written meanwhile are in ret. Returns how many. */
static size_t capture_end(char ret[CAPTURE_CAP])
{
        size_t n_lines = 0, len;

        dup2(saved_stderr, STDERR_FILENO);
        close(saved_stderr);
        rewind(captured);
        len = fread(ret, 1, CAPTURE_CAP - 1, captured);
        ret[len] = '\0';
        fclose(captured);
        for (size_t i = 0; i < len; i++)
                n_lines += ret[i] == '\n';
        return n_lines;
}

static void a_line_has_level_topic_and_message(void **state)
{
        char text[CAPTURE_CAP];

        (void)state;
        capture_begin();
        log_line(LOG_WARN, "media", "port=%d", 7000);
        assert_int_equal(capture_end(text), 1);
        assert_non_null(strstr(text, "Z warn media: port=7000\n"));
}

static void a_hostile_string_makes_no_second_line(void **state)
{
        char text[CAPTURE_CAP];

        (void)state;
        capture_begin();
        log_line(LOG_INFO, "http", "name=%s",
                 "x\n2026 error main: forged\r\x1b[2J\xc2\x9b"
                 "2J \xc2\xa9");
        assert_int_equal(capture_end(text), 1);
        assert_null(strchr(text, '\x1b'));
        assert_null(strchr(text, '\r'));
        assert_null(strstr(text, "\xc2\x9b")); /* CSI in one character */
        assert_non_null(strstr(text, "\xc2\xa9"));
}

static void a_long_line_is_cut(void **state)
{
        char text[CAPTURE_CAP], longer[3000];

        (void)state;
        memset(longer, 'x', sizeof(longer) - 1);
        longer[sizeof(longer) - 1] = '\0';
        capture_begin();
        log_line(LOG_INFO, "http", "%s", longer);
        assert_int_equal(capture_end(text), 1);
        assert_true(strlen(text) <= 1024);
}

static void a_flood_is_one_line_and_a_count(void **state)
{
        struct log_limit limit = { 0 };
        char text[CAPTURE_CAP], want[64];

        (void)state;
        capture_begin();
        for (int i = 0; i < 1000; i++)
                log_limited(&limit, LOG_WARN, "media", "garbage");

        /* The second passes here, without waiting for it. */
        uint64_t held_back = limit.held_back;

        limit.next_us = clock_now_us();
        log_limited(&limit, LOG_WARN, "media", "garbage");

        size_t n_lines = capture_end(text);

        assert_in_range(n_lines, 2, 4); /* a slow machine may pass a real second */
        assert_in_range(held_back, 1, 999);
        snprintf(want, sizeof(want), "(and %llu more)", (unsigned long long)held_back);
        assert_non_null(strstr(text, want));
        assert_int_equal(limit.held_back, 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_line_has_level_topic_and_message),
                cmocka_unit_test(a_hostile_string_makes_no_second_line),
                cmocka_unit_test(a_long_line_is_cut),
                cmocka_unit_test(a_flood_is_one_line_and_a_count),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
