/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/wire/wire_test.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "signaling/io/http_blob.h"
#include "signaling/io/live_files.h"

#define KEY "AbCdEfGhIjKlMnOpQrSt-_"

enum { S = 1000000 };

static char folder[64];

static void in_folder(char ret[200], const char *name)
{
        snprintf(ret, 200, "%s/%s", folder, name);
}

static void put(const char *name, const char *text)
{
        char path[200], fresh[210];
        FILE *f;

        in_folder(path, name);
        snprintf(fresh, sizeof(fresh), "%s.new", path);
        f = fopen(fresh, "w");
        assert_non_null(f);
        fputs(text, f);
        fclose(f);
        assert_int_equal(rename(fresh, path), 0);
}

static int setup(void **state)
{
        struct live_files *files;
        char path[200];

        snprintf(folder, sizeof(folder), "/tmp/dinh-live-XXXXXX");
        assert_non_null(mkdtemp(folder));
        in_folder(path, "720");
        assert_int_equal(mkdir(path, 0700), 0);
        put("720/index.m3u8", "#EXTM3U\n#EXT-X-TARGETDURATION:4\n");
        put("720/7.m4s", "seven");
        assert_int_equal(live_files_new(&files), 0);
        assert_int_equal(live_files_open(files, KEY, folder), 0);
        *state = files;
        return 0;
}

static int teardown(void **state)
{
        char command[128];

        live_files_free(*state);
        snprintf(command, sizeof(command), "rm -rf %s", folder);
        return system(command);
}

static int find(struct live_files *files, const char *rest, int64_t now_us, struct http_file *ret)
{
        char text[200];
        struct live_path path;

        snprintf(text, sizeof(text), "/live/" KEY "/%s", rest);
        assert_int_equal(live_path_parse(&path, text), 0);
        return live_files_find(files, &path, now_us, ret);
}

static void is_text(const struct http_file *file, const char *text)
{
        assert_int_equal(file->blob->len, strlen(text));
        assert_memory_equal(file->blob->data, text, strlen(text));
}

static void requests_share_what_was_read_once(void **state)
{
        struct http_file a, b;
        char etag[LIVE_ETAG];

        assert_int_equal(find(*state, "720/7.m4s", 0, &a), 0);
        snprintf(etag, sizeof(etag), "%s", a.etag);
        assert_int_equal(find(*state, "720/7.m4s", 0, &b), 0);
        assert_ptr_equal(a.blob, b.blob);
        is_text(&b, "seven");
        assert_string_equal(b.etag, etag);
        assert_string_equal(b.cache_control, "public, max-age=3600, immutable");
        assert_true(b.any_origin);
}

static void a_playlist_put_in_place_counts_at_once(void **state)
{
        struct http_file file;

        assert_int_equal(find(*state, "720/index.m3u8", 0, &file), 0);
        assert_string_equal(file.cache_control, "public, max-age=1");
        put("720/index.m3u8", "#EXTM3U\nnew");
        assert_int_equal(find(*state, "720/index.m3u8", 0, &file), 0);
        is_text(&file, "#EXTM3U\nnew");
}

static void the_newest_stay_when_they_are_gone_from_disk(void **state)
{
        struct http_file file;
        char name[32], path[200];

        for (int i = 100; i < 130; i++) {
                snprintf(name, sizeof(name), "720/%d.m4s", i);
                put(name, name);
                assert_int_equal(find(*state, name, 0, &file), 0);
                in_folder(path, name);
                assert_int_equal(unlink(path), 0);
        }
        for (int i = 100; i < 130; i++) {
                snprintf(name, sizeof(name), "720/%d.m4s", i);
                assert_int_equal(find(*state, name, 0, &file), i < 130 - LIVE_KEPT ? -ENOENT : 0);
        }
}

static void links_and_folders_are_not_followed(void **state)
{
        struct http_file file;
        char path[200];

        in_folder(path, "720/1.m4s");
        assert_int_equal(symlink("/etc/passwd", path), 0);
        assert_int_equal(find(*state, "720/1.m4s", 0, &file), -ENOENT);
        in_folder(path, "360");
        assert_int_equal(symlink(folder, path), 0);
        assert_true(find(*state, "360/7.m4s", 0, &file) < 0);
        in_folder(path, "720/2.m4s");
        assert_int_equal(mkdir(path, 0700), 0);
        assert_int_equal(find(*state, "720/2.m4s", 0, &file), -ENOENT);
        in_folder(path, "720/3.m4s");
        assert_int_equal(mkfifo(path, 0600), 0);
        assert_int_equal(find(*state, "720/3.m4s", 0, &file), -ENOENT);
}

static void one_that_is_too_large_is_not_read(void **state)
{
        struct http_file file;
        char path[200];

        put("720/8.m4s", "");
        in_folder(path, "720/8.m4s");
        assert_int_equal(truncate(path, LIVE_FILE_BYTES + 1), 0);
        assert_int_equal(find(*state, "720/8.m4s", 0, &file), -ENOENT);
        assert_int_equal(truncate(path, LIVE_FILE_BYTES), 0);
        assert_int_equal(find(*state, "720/8.m4s", 0, &file), 0);
        assert_int_equal(file.blob->len, LIVE_FILE_BYTES);
}

static void a_closed_stream_is_gone(void **state)
{
        struct http_file file;
        struct http_blob *blob;

        assert_int_equal(find(*state, "720/7.m4s", 0, &file), 0);
        blob = http_blob_ref(file.blob); /* an answer under way */
        live_files_close(*state, KEY);
        assert_int_equal(find(*state, "720/7.m4s", 0, &file), -ENOENT);
        assert_memory_equal(blob->data, "seven", 5);
        http_blob_unref(blob);
        live_files_close(*state, KEY);
        assert_int_equal(live_files_open(*state, KEY, folder), 0);
        assert_int_equal(live_files_open(*state, KEY, folder), -EEXIST);
        assert_int_equal(live_files_open(*state, "short", folder), -EINVAL);
        assert_int_equal(live_files_open(*state, "AbCdEfGhIjKlMnOpQrSt--", "/nowhere"), -ENOENT);
}

/* Each comes once in a target duration, which is 4 s here. */
static void viewers_are_counted_by_their_polling(void **state)
{
        struct http_file file;
        int64_t now_us = 1000 * (int64_t)S;

        assert_int_equal(live_files_viewers(*state, KEY, now_us), 0);
        for (int ms = 0; ms < 20000; ms += 40) /* a hundred of them */
                assert_int_equal(find(*state, "720/index.m3u8", now_us + ms * INT64_C(1000), &file),
                                 0);
        assert_int_equal(live_files_viewers(*state, KEY, now_us + 19999 * INT64_C(1000)), 100);
        assert_true(live_files_viewers(*state, KEY, now_us + 25 * (int64_t)S) < 60);
        assert_int_equal(live_files_viewers(*state, KEY, now_us + 31 * (int64_t)S), 0);
        assert_int_equal(find(*state, "720/index.m3u8", now_us + 60 * (int64_t)S, &file), 0);
        assert_int_equal(live_files_viewers(*state, KEY, now_us + 60 * (int64_t)S), 1);
        assert_int_equal(live_files_viewers(*state, "AbCdEfGhIjKlMnOpQrSt--", now_us), 0);
}

int main(void)
{
#define EACH(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
        const struct CMUnitTest tests[] = {
                EACH(requests_share_what_was_read_once),
                EACH(a_playlist_put_in_place_counts_at_once),
                EACH(the_newest_stay_when_they_are_gone_from_disk),
                EACH(links_and_folders_are_not_followed),
                EACH(one_that_is_too_large_is_not_read),
                EACH(a_closed_stream_is_gone),
                EACH(viewers_are_counted_by_their_polling),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
