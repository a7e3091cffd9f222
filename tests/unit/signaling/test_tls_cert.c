/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/wire/wire_test.h"

#include "signaling/io/tls_cert.h"
#include "signaling/io/tls_ctx.h"

enum { PATH = 256, FILE_BYTES = 4096 };

struct place {
        char dir[64], cert[PATH], key[PATH];
};

static size_t slurp(const char *path, char *ret, size_t cap)
{
        FILE *file = fopen(path, "r");
        size_t n;

        assert_non_null(file);
        n = fread(ret, 1, cap, file);
        fclose(file);
        return n;
}

static int set_up(void **state)
{
        struct place *place = calloc(1, sizeof(*place));

        strcpy(place->dir, "/tmp/dinh-cert-XXXXXX");
        *state = place;
        return mkdtemp(place->dir) ? tls_cert_ensure(place->dir, place->cert, place->key, PATH)
                                   : -1;
}

static int tear_down(void **state)
{
        struct place *place = *state;

        unlink(place->cert);
        unlink(place->key);
        rmdir(place->dir);
        free(place);
        return 0;
}

static void pair_works_and_only_its_owner_reads_it(void **state)
{
        const struct place *place = *state;
        struct tls_ctx *tls = NULL;
        struct stat st;

        assert_int_equal(tls_ctx_new(&tls, place->cert, place->key), 0);
        assert_true(tls_ctx_is_self_signed(tls));
        tls_ctx_free(tls);
        assert_int_equal(stat(place->key, &st), 0);
        assert_int_equal(st.st_mode & 0777, 0600);
}

static void pair_is_kept_over_restarts(void **state)
{
        struct place *place = *state;
        char before[FILE_BYTES], after[FILE_BYTES];
        size_t n = slurp(place->cert, before, sizeof(before));

        assert_int_equal(tls_cert_ensure(place->dir, place->cert, place->key, PATH), 0);
        assert_int_equal(slurp(place->cert, after, sizeof(after)), n);
        assert_memory_equal(before, after, n);
}

static void damaged_pair_is_made_anew(void **state)
{
        struct place *place = *state;
        struct tls_ctx *tls = NULL;
        FILE *file = fopen(place->key, "w");

        assert_non_null(file);
        fputs("not a key", file);
        fclose(file);
        assert_true(tls_ctx_new(&tls, place->cert, place->key) < 0);
        assert_int_equal(tls_cert_ensure(place->dir, place->cert, place->key, PATH), 0);
        assert_int_equal(tls_ctx_new(&tls, place->cert, place->key), 0);
        tls_ctx_free(tls);
}

static void folder_that_is_not_there_is_an_error(void **state)
{
        char cert[PATH], key[PATH];

        (void)state;
        assert_true(tls_cert_ensure("/nonexistent", cert, key, PATH) < 0);
        assert_true(tls_cert_ensure("/tmp", cert, key, 4) < 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(pair_works_and_only_its_owner_reads_it, set_up,
                                                tear_down),
                cmocka_unit_test_setup_teardown(pair_is_kept_over_restarts, set_up, tear_down),
                cmocka_unit_test_setup_teardown(damaged_pair_is_made_anew, set_up, tear_down),
                cmocka_unit_test(folder_that_is_not_there_is_an_error),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
