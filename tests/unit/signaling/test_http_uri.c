/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "tests/unit/wire/wire_test.h"

#include "signaling/wire/http_uri.h"

static const struct {
        const char *raw, *decoded; /* NULL: refused */
} paths[] = {
        { "/", "/" },
        { "/a/b", "/a/b" },
        { "/h%E1%BB%8Dp", "/họp" },
        { "/a+b", "/a+b" },
        { "/a%2Fb", "/a/b" },
        { "/...", "/..." },
        { "/.well-known", "/.well-known" },
        { "/%2525", "/%25" },
        { "a", NULL },
        { "", NULL },
        { "/..", NULL },
        { "/a/../b", NULL },
        { "/a/.", NULL },
        { "/%2e%2E/b", NULL },
        { "/a%2f..%2fb", NULL },
        { "/a\\b", NULL },
        { "/%5c", NULL },
        { "/%00", NULL },
        { "/%0a", NULL },
        { "/%7f", NULL },
        { "/%", NULL },
        { "/%4", NULL },
        { "/%g0", NULL },
        { "/%ff", NULL },
        { "/%c0%ae", NULL },
};

static void paths_are_decoded_once_and_never_climb(void **state)
{
        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
                cleanup(wire_freep)
                        uint8_t *copy = wire_copy(paths[i].raw, strlen(paths[i].raw) + 1);
                char *path = (char *)copy;

                assert_int_equal(http_path_decode(path), paths[i].decoded ? 0 : -EINVAL);
                if (paths[i].decoded)
                        assert_string_equal(path, paths[i].decoded);
        }
}

static const struct {
        const char *query, *key;
        int result;
        const char *value;
} queries[] = {
        { "a=1&b=2", "b", 0, "2" },
        { "a=1&a=2", "a", 0, "1" },
        { "ab=1&a=2", "a", 0, "2" },
        { "a", "a", 0, "" },
        { "a=", "a", 0, "" },
        { "a=b=c", "a", 0, "b=c" },
        { "a=x%26b%3Dy+z", "a", 0, "x&b=y z" },
        { "a=%E1%BB%8D", "a", 0, "ọ" },
        { "&&a=1", "a", 0, "1" },
        { "", "a", -ENOENT, NULL },
        { "b=1", "a", -ENOENT, NULL },
        { "a=%", "a", -EINVAL, NULL },
        { "a=%f", "a", -EINVAL, NULL },
        { "a=%00", "a", -EINVAL, NULL },
        { "a=%ff", "a", -EINVAL, NULL },
        { "a=123456789", "a", -EINVAL, NULL },
};

static void query_values_are_found(void **state)
{
        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(queries); i++) {
                char value[9];

                assert_int_equal(
                        http_query_find(queries[i].query, queries[i].key, value, sizeof(value)),
                        queries[i].result);
                if (queries[i].value)
                        assert_string_equal(value, queries[i].value);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(paths_are_decoded_once_and_never_climb),
                cmocka_unit_test(query_values_are_found),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
