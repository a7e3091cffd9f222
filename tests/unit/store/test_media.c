/* SPDX-License-Identifier: Apache-2.0 */
/* media — the jobs' folder, by behaviour; what lies in it may be hostile. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>
#include <ftw.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/media.h"

struct fixture {
        char dir[64];
        struct media *media;
};

static int set_up(void **state)
{
        struct fixture *f = calloc(1, sizeof(*f));
        char media[80], error[256];

        strcpy(f->dir, "/tmp/dinh-media-XXXXXX");
        assert_non_null(mkdtemp(f->dir));
        snprintf(media, sizeof(media), "%s/media", f->dir);
        assert_int_equal(media_open(&f->media, media, error, sizeof(error)), 0);
        *state = f;
        return 0;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
        (void)st, (void)type, (void)ftw;
        return remove(path);
}

static int tear_down(void **state)
{
        struct fixture *f = *state;

        media_close(f->media);
        nftw(f->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
        free(f);
        return 0;
}

static const char *real(const struct fixture *f, const char *path)
{
        static char text[MEDIA_PATH];

        assert_int_equal(media_path(f->media, text, path), 0);
        return text;
}

static void count_name(void *user, const char *name)
{
        (void)name;
        ++*(int *)user;
}

static int count(const struct fixture *f, const char *path)
{
        int n = 0;
        int r = media_list(f->media, path, count_name, &n);

        return r < 0 ? r : n;
}

static void a_file_grows_by_lines_and_is_read_back(void **state)
{
        struct fixture *f = *state;
        struct media_file *file;
        size_t len;
        char *text;

        assert_int_equal(media_make_dir(f->media, "m/rec/r"), 0);
        assert_int_equal(media_make_dir(f->media, "m/rec/r"), 0);
        assert_int_equal(media_file_new(&file, f->media, "m/rec/r/p1.jsonl"), 0);
        assert_int_equal(media_file_append(file, "{}\n", 3), 0);
        assert_int_equal(media_file_append(file, "[]\n", 3), 0);
        media_file_free(file);
        assert_int_equal(media_file_new(&file, f->media, "m/rec/r/p1.jsonl"), -EEXIST);
        assert_int_equal(media_read(f->media, "m/rec/r/p1.jsonl", 6, &text, &len), 0);
        assert_int_equal(len, 6);
        assert_string_equal(text, "{}\n[]\n");
        free(text);
        assert_int_equal(media_read(f->media, "m/rec/r/p1.jsonl", 5, &text, &len), -EFBIG);
        assert_int_equal(media_read(f->media, "m/rec/r/p2.jsonl", 5, &text, &len), -ENOENT);
}

static void a_file_is_put_whole_and_a_copy_stays(void **state)
{
        struct fixture *f = *state;
        size_t len;
        char *text;

        assert_int_equal(media_make_dir(f->media, "m/pages"), 0);
        assert_int_equal(media_write(f->media, "m/pages/a", "one", 3), 0);
        assert_int_equal(media_write(f->media, "m/pages/a", "two", 3), 0);
        assert_int_equal(media_copy_in(f->media, real(f, "m/pages/a"), "m/pages/b"), 0);
        assert_int_equal(media_write(f->media, "m/pages/a", "three", 5), 0);
        assert_int_equal(media_copy_in(f->media, real(f, "m/pages/a"), "m/pages/b"), 0);
        assert_int_equal(media_read(f->media, "m/pages/b", 10, &text, &len), 0);
        assert_string_equal(text, "two");
        free(text);
        assert_int_equal(count(f, "m/pages"), 2);
        assert_int_equal(media_copy_in(f->media, "/nowhere", "m/pages/c"), -ENOENT);
        assert_int_equal(media_write(f->media, "none/a", "x", 1), -ENOENT);
}

static void links_lead_nowhere(void **state)
{
        struct fixture *f = *state;
        struct media_found found;
        struct media_file *file;
        char secret[80];
        size_t len;
        char *text;

        snprintf(secret, sizeof(secret), "%s/secret", f->dir);
        assert_int_equal(mkdir(secret, 0700), 0);
        assert_int_equal(media_make_dir(f->media, "m/rec"), 0);
        assert_int_equal(symlink(secret, real(f, "m/rec/r")), 0);
        assert_int_equal(symlink("/etc/passwd", real(f, "m/rec/p1.mp4")), 0);
        assert_int_equal(mkfifo(real(f, "m/rec/p2.mp4"), 0600), 0);
        assert_true(media_file_new(&file, f->media, "m/rec/r/p1.jsonl") < 0);
        assert_true(media_write(f->media, "m/rec/r/x", "x", 1) < 0);
        assert_true(media_read(f->media, "m/rec/p1.mp4", 1 << 20, &text, &len) < 0);
        assert_true(media_find(f->media, "m/rec/p1.mp4", &found) < 0);
        assert_int_equal(media_find(f->media, "m/rec/p2.mp4", &found), -ENOENT);
        assert_true(media_find(f->media, "../secret", &found) < 0);
        assert_true(media_make_dir(f->media, "m/rec/r/deeper") < 0);
        assert_true(count(f, "m/rec/r") < 0);
        assert_int_equal(media_remove(f->media, "m/rec/r"), 0); /* the link, not what it names */
        assert_int_equal(access(secret, F_OK), 0);
}

static void a_found_file_is_that_very_one(void **state)
{
        struct fixture *f = *state;
        struct media_found found;
        char text[8] = "";
        FILE *file;

        assert_int_equal(media_make_dir(f->media, "m"), 0);
        assert_int_equal(media_write(f->media, "m/a", "old", 3), 0);
        assert_int_equal(media_find(f->media, "m/a", &found), 0);
        assert_int_equal(found.size_bytes, 3);
        assert_int_equal(media_write(f->media, "m/a", "newer", 5), 0);
        file = fopen(found.path, "r");
        assert_non_null(file);
        assert_int_equal(fread(text, 1, sizeof(text), file), 3);
        assert_string_equal(text, "old");
        fclose(file);
        media_found_done(&found);
}

static void what_is_removed_is_gone_at_once_and_its_bytes_soon(void **state)
{
        struct fixture *f = *state;

        assert_int_equal(media_make_dir(f->media, "m/rec/r/pages"), 0);
        assert_int_equal(media_write(f->media, "m/rec/r/pages/a", "x", 1), 0);
        assert_int_equal(media_remove(f->media, "m/rec/r"), 0);
        assert_int_equal(media_remove(f->media, "m/rec/r"), 0);
        assert_int_equal(media_remove(f->media, "none/at/all"), 0);
        assert_int_equal(count(f, "m/rec"), 0);
        while (count(f, ".gone") > 0)
                (void)poll(NULL, 0, 5);
}

static void bounds_and_names(void **state)
{
        struct fixture *f = *state;
        char path[MEDIA_PATH * 2], real_path[MEDIA_PATH];
        int64_t bytes = -1;

        memset(path, 'x', sizeof(path) - 1);
        path[sizeof(path) - 1] = '\0';
        assert_true(media_make_dir(f->media, path) < 0);
        assert_int_equal(media_path(f->media, real_path, path), -ENAMETOOLONG);
        assert_true(media_make_dir(f->media, "m/../../x") < 0);
        assert_int_equal(media_remove(f->media, ""), -EINVAL);
        assert_int_equal(media_free_bytes(f->media, &bytes), 0);
        assert_true(bytes >= 0);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
        const struct CMUnitTest tests[] = {
                T(a_file_grows_by_lines_and_is_read_back),
                T(a_file_is_put_whole_and_a_copy_stays),
                T(links_lead_nowhere),
                T(a_found_file_is_that_very_one),
                T(what_is_removed_is_gone_at_once_and_its_bytes_soon),
                T(bounds_and_names),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
