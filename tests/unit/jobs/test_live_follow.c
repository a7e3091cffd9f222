/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/jobs/live_follow.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

struct folder {
        char path[64];
        struct live_follow follow;
};

static int setup(void **state)
{
        struct folder *folder = calloc(1, sizeof(*folder));

        strcpy(folder->path, "/tmp/test_live.XXXXXX");
        assert_non_null(mkdtemp(folder->path));
        assert_int_equal(live_follow_init(&folder->follow, folder->path), 0);
        *state = folder;
        return 0;
}

static int teardown(void **state)
{
        struct folder *folder = *state;
        char command[128];

        snprintf(command, sizeof(command), "rm -r %s", folder->path);
        assert_int_equal(system(command), 0);
        free(folder);
        return 0;
}

/* As the writer does it: whole, by rename. */
static void put(const struct folder *folder, const char *name)
{
        char part[128], path[128];
        FILE *file;

        snprintf(part, sizeof(part), "%s/part", folder->path);
        snprintf(path, sizeof(path), "%s/%s", folder->path, name);
        file = fopen(part, "w");
        assert_non_null(file);
        fputs(name, file);
        fclose(file);
        assert_int_equal(rename(part, path), 0);
}

static void drop(const struct folder *folder, const char *name)
{
        char path[128];

        snprintf(path, sizeof(path), "%s/%s", folder->path, name);
        assert_int_equal(unlink(path), 0);
}

/* content: its file's name. */
static void expect(struct folder *folder, enum live_news news, const char *content)
{
        cleanup(freep) uint8_t *bytes = NULL;
        size_t len = 0;

        assert_int_equal(live_follow_poll(&folder->follow, &bytes, &len), news);
        if (!content)
                return;
        assert_int_equal(len, strlen(content));
        assert_memory_equal(bytes, content, len);
}

static void test_it_begins_with_the_newest_and_goes_on_in_order(void **state)
{
        struct folder *folder = *state;

        expect(folder, LIVE_NONE, NULL);
        put(folder, "init-8.mp4");
        expect(folder, LIVE_NONE, NULL);
        put(folder, "7.m4s");
        expect(folder, LIVE_NONE, NULL); /* of another writer */
        put(folder, "8.m4s");
        put(folder, "9.m4s");
        put(folder, "10.m4s");
        put(folder, "011.m4s");
        put(folder, "12.m4s.part");
        expect(folder, LIVE_INIT, "init-8.mp4");
        expect(folder, LIVE_SEGMENT, "10.m4s");
        expect(folder, LIVE_NONE, NULL);
        put(folder, "11.m4s");
        put(folder, "12.m4s");
        drop(folder, "8.m4s");
        expect(folder, LIVE_SEGMENT, "11.m4s");
        expect(folder, LIVE_SEGMENT, "12.m4s");
        expect(folder, LIVE_NONE, NULL);
}

static void test_who_is_too_slow_begins_again(void **state)
{
        struct folder *folder = *state;

        put(folder, "init-1.mp4");
        put(folder, "1.m4s");
        expect(folder, LIVE_INIT, NULL);
        expect(folder, LIVE_SEGMENT, "1.m4s");
        put(folder, "3.m4s");
        expect(folder, LIVE_BROKEN, NULL);
        expect(folder, LIVE_INIT, "init-1.mp4");
        expect(folder, LIVE_SEGMENT, "3.m4s");
        live_follow_restart(&folder->follow);
        expect(folder, LIVE_INIT, "init-1.mp4");
        expect(folder, LIVE_SEGMENT, "3.m4s");
}

static void test_a_writer_that_began_anew_is_seen(void **state)
{
        struct folder *folder = *state;

        put(folder, "init-7.mp4");
        put(folder, "7.m4s");
        expect(folder, LIVE_INIT, "init-7.mp4");
        expect(folder, LIVE_SEGMENT, "7.m4s");
        put(folder, "8.m4s");
        put(folder, "init-60.mp4");
        expect(folder, LIVE_BROKEN, NULL);
        expect(folder, LIVE_NONE, NULL); /* 8 is of the one before */
        put(folder, "60.m4s");
        expect(folder, LIVE_INIT, "init-60.mp4");
        expect(folder, LIVE_SEGMENT, "60.m4s");
        drop(folder, "init-60.mp4");
        expect(folder, LIVE_BROKEN, NULL);
}

static void test_links_and_pipes_are_not_read(void **state)
{
        struct folder *folder = *state;
        char path[128];

        put(folder, "init-1.mp4");
        put(folder, "1.m4s");
        expect(folder, LIVE_INIT, NULL);
        expect(folder, LIVE_SEGMENT, NULL);
        snprintf(path, sizeof(path), "%s/2.m4s", folder->path);
        assert_int_equal(symlink("/etc/passwd", path), 0);
        expect(folder, LIVE_NONE, NULL);
        assert_int_equal(unlink(path), 0);
        assert_int_equal(mkfifo(path, 0600), 0);
        expect(folder, LIVE_NONE, NULL);
}

static void test_a_folder_that_is_too_long_is_refused(void **state)
{
        struct live_follow follow;
        char dir[LIVE_DIR + 1];

        (void)state;
        memset(dir, 'a', LIVE_DIR);
        dir[LIVE_DIR] = '\0';
        assert_int_equal(live_follow_init(&follow, dir), -ENAMETOOLONG);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(test_it_begins_with_the_newest_and_goes_on_in_order),
                TEST(test_who_is_too_slow_begins_again),
                TEST(test_a_writer_that_began_anew_is_seen),
                TEST(test_links_and_pipes_are_not_read),
                cmocka_unit_test(test_a_folder_that_is_too_long_is_refused),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
