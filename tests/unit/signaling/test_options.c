/* SPDX-License-Identifier: Apache-2.0 */
/* options — strict, with one clear line for each mistake. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "signaling/options.h"

struct values {
        const char *name, *config;
        long port;
        bool json;
        struct option_list peers;
};

#define SPECS(v)                                                                                   \
        {                                                                                          \
                { "name", OPTION_TEXT, &(v)->name, 0, 0, false },                                  \
                        { "config", OPTION_TEXT, &(v)->config, 0, 0, true },                       \
                        { "port", OPTION_NUMBER, &(v)->port, 0, 65535, false },                    \
                        { "json", OPTION_FLAG, &(v)->json, 0, 0, true },                           \
                        { "peer", OPTION_LIST, &(v)->peers, 0, 0, false },                         \
        }

static void words_are_read(void **state)
{
        char *argv[] = { "--name", "A B", "--port=80", "--json" };
        struct values v = { 0 };
        const struct option_spec specs[] = SPECS(&v);
        char error[OPTION_ERROR];

        (void)state;
        assert_int_equal(options_parse(specs, ARRAY_LEN(specs), 4, argv, error), 0);
        assert_string_equal(v.name, "A B");
        assert_int_equal(v.port, 80);
        assert_true(v.json);
}

static int read_file(struct values *v, const char *content, char **ret_text, char *ret_error)
{
        const struct option_spec specs[] = SPECS(v);
        char path[] = "/tmp/dinh-options-XXXXXX";
        int fd = mkstemp(path), r;

        assert_int_equal(write(fd, content, strlen(content)), (ssize_t)strlen(content));
        close(fd);
        r = options_read_file(specs, ARRAY_LEN(specs), path, ret_text, ret_error);
        unlink(path);
        return r;
}

/* The command line is read before the file, for --config, and after it. */
static void a_list_is_of_the_source_read_last(void **state)
{
        char *argv[] = { "--peer", "a", "--peer=b" };
        char *many[2 * (OPTION_LIST_MAX + 1)];
        struct values v = { 0 };
        const struct option_spec specs[] = SPECS(&v);
        char error[OPTION_ERROR], *text = NULL;

        (void)state;
        assert_int_equal(options_parse(specs, ARRAY_LEN(specs), 3, argv, error), 0);
        assert_int_equal(read_file(&v, "peer = c\npeer = d\npeer=e\n", &text, error), 0);
        assert_int_equal(v.peers.n, 3);
        assert_string_equal(v.peers.items[2], "e");
        assert_int_equal(options_parse(specs, ARRAY_LEN(specs), 3, argv, error), 0);
        assert_int_equal(v.peers.n, 2);
        assert_string_equal(v.peers.items[0], "a");
        assert_string_equal(v.peers.items[1], "b");
        free(text);
        for (size_t i = 0; i < ARRAY_LEN(many); i++)
                many[i] = i % 2 ? "x" : "--peer";
        assert_true(options_parse(specs, ARRAY_LEN(specs), ARRAY_LEN(many), many, error) < 0);
        assert_string_equal(error, "--peer: more than 8");
}

static void mistakes_are_named(void **state)
{
        static const struct {
                const char *words[2];
                const char *says;
        } cases[] = {
                { { "--nam", "x" }, "--nam: no such option" },
                { { "name", "x" }, "name: no such option" },
                { { "--name" }, "--name needs a value" },
                { { "--json=1" }, "--json takes no value" },
                { { "--port", "65536" }, "--port: \"65536\" is not a number from 0 to 65535" },
                { { "--port", "1x" }, "--port: \"1x\" is not a number from 0 to 65535" },
                { { "--port", "" }, "--port: \"\" is not a number from 0 to 65535" },
        };
        struct values v = { 0 };
        const struct option_spec specs[] = SPECS(&v);
        char error[OPTION_ERROR];

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                char *argv[] = { (char *)(uintptr_t)cases[i].words[0],
                                 (char *)(uintptr_t)cases[i].words[1] };
                int argc = argv[1] ? 2 : 1;

                assert_true(options_parse(specs, ARRAY_LEN(specs), argc, argv, error) < 0);
                assert_string_equal(error, cases[i].says);
        }
}

static void a_file_has_the_same_names(void **state)
{
        struct values v = { 0 };
        char error[OPTION_ERROR], *text = NULL;

        (void)state;
        assert_int_equal(read_file(&v, "# all\n\n name =  A B \nport=7 # seven\r\n", &text, error),
                         0);
        assert_string_equal(v.name, "A B");
        assert_int_equal(v.port, 7);
        free(text);
}

static void a_secret_in_a_file_is_whole_and_not_told(void **state)
{
        struct values v = { 0 };
        char error[OPTION_ERROR], *text = NULL;

        (void)state;
        assert_int_equal(read_file(&v, "name=nor#th # the key\n#name=x\n", &text, error), 0);
        assert_string_equal(v.name, "nor#th");
        free(text);
        assert_true(read_file(&v, "name north\n", &text, error) < 0);
        assert_non_null(strstr(error, "\"name\""));
        assert_null(strstr(error, "north"));
}

static void a_files_mistake_names_its_line(void **state)
{
        static const char *const contents[] = { "name = x\nport = y\n", "name = x\nport\n",
                                                "name = x\nconfig = z\n",
                                                "name = x\nnothing = z\n" };
        char error[OPTION_ERROR], *text = NULL;
        struct values v = { 0 };

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(contents); i++) {
                assert_true(read_file(&v, contents[i], &text, error) < 0);
                assert_non_null(strstr(error, ":2: "));
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(words_are_read),
                cmocka_unit_test(a_list_is_of_the_source_read_last),
                cmocka_unit_test(mistakes_are_named),
                cmocka_unit_test(a_secret_in_a_file_is_whole_and_not_told),
                cmocka_unit_test(a_file_has_the_same_names),
                cmocka_unit_test(a_files_mistake_names_its_line),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
