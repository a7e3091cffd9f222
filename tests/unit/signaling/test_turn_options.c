/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "signaling/turn_options.h"

static int read_secret(const char *content, struct turn_options *options, char *ret_error)
{
        char path[] = "/tmp/dinh-turn-XXXXXX";
        int fd = mkstemp(path), r;

        assert_int_equal(write(fd, content, strlen(content)), (ssize_t)strlen(content));
        close(fd);
        options->secret_file = path;
        r = turn_options_read(options, ret_error);
        unlink(path);
        return r;
}

static void uris_come_in_lists(void **state)
{
        struct turn_options options = {
                .uris = { { "turn:a.vn:3478, turns:b.vn", "turn:c.vn?transport=tcp" }, 2 },
                .secret = "north",
        };
        char error[OPTION_ERROR];

        (void)state;
        assert_int_equal(turn_options_read(&options, error), 0);
        assert_int_equal(options.config.n_uris, 3);
        assert_string_equal(options.config.uris[0], "turn:a.vn:3478");
        assert_string_equal(options.config.uris[1], "turns:b.vn");
        assert_string_equal(options.config.uris[2], "turn:c.vn?transport=tcp");
        assert_string_equal(options.config.secret, "north");
        turn_options_done(&options);
}

static void without_turn_nothing_is_needed(void **state)
{
        struct turn_options options = { 0 };
        char error[OPTION_ERROR];

        (void)state;
        assert_int_equal(turn_options_read(&options, error), 0);
        assert_int_equal(options.config.n_uris, 0);
        turn_options_done(&options);
}

static void a_secret_is_a_files_first_line(void **state)
{
        struct turn_options options = { .uris = { { "turn:a.vn" }, 1 } };
        char error[OPTION_ERROR], large[TURN_SECRET_MAX + 2];

        (void)state;
        assert_int_equal(read_secret("nor#th \r\nsouth\n", &options, error), 0);
        assert_string_equal(options.config.secret, "nor#th ");
        turn_options_done(&options);

        memset(large, 'x', sizeof(large) - 1);
        large[sizeof(large) - 1] = '\0';
        options = (struct turn_options){ .uris = { { "turn:a.vn" }, 1 } };
        assert_true(read_secret(large, &options, error) < 0);
        turn_options_done(&options);
        options = (struct turn_options){ .uris = { { "turn:a.vn" }, 1 } };
        large[TURN_SECRET_MAX] = '\0';
        assert_int_equal(read_secret(large, &options, error), 0);
        assert_int_equal(strlen(options.config.secret), TURN_SECRET_MAX);
        turn_options_done(&options);
        options = (struct turn_options){ .uris = { { "turn:a.vn" }, 1 } };
        assert_true(read_secret("\n", &options, error) < 0);
        assert_string_equal(error, "the TURN secret is empty");
        turn_options_done(&options);
}

static void mistakes_are_named_without_the_secret(void **state)
{
        static const struct {
                struct turn_options options;
                const char *says;
        } cases[] = {
                { { .uris = { { "turn:a" }, 1 } },
                  "--turn-uri needs --turn-secret-file or --turn-secret" },
                { { .secret = "north" }, "a TURN secret needs --turn-uri" },
                { { .uris = { { "turn:a" }, 1 }, .secret = "north", .secret_file = "/x" },
                  "--turn-secret and --turn-secret-file: only one of them" },
                { { .uris = { { "turn:a," }, 1 }, .secret = "north" },
                  "--turn-uri: \"\" is not turn:HOST[:PORT][?transport=udp|tcp]" },
                { { .uris = { { "turn:a",
                                "turn:a,turn:a,turn:a,turn:a,turn:a,turn:a,turn:a,turn:a" },
                              2 },
                    .secret = "north" },
                  "--turn-uri: more than 8" },
                { { .uris = { { "turn:a" }, 1 }, .secret_file = "/nonexistent/secret" },
                  "--turn-secret-file: /nonexistent/secret: No such file or directory" },
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                struct turn_options options = cases[i].options;
                char error[OPTION_ERROR];

                assert_true(turn_options_read(&options, error) < 0);
                assert_string_equal(error, cases[i].says);
                assert_null(strstr(error, "north"));
                turn_options_done(&options);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(uris_come_in_lists),
                cmocka_unit_test(without_turn_nothing_is_needed),
                cmocka_unit_test(a_secret_is_a_files_first_line),
                cmocka_unit_test(mistakes_are_named_without_the_secret),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
