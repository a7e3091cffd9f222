/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/wire/wire_test.h"

#include "signaling/wire/live_path.h"

#define KEY "AbCdEfGhIjKlMnOpQrSt-_"

static void what_a_stream_has_is_recognised(void **state)
{
        static const struct {
                const char *path, *name, *content_type;
                enum live_folder folder;
                enum live_type type;
        } cases[] = {
                { "/live/" KEY "/index.m3u8", "index.m3u8", "application/vnd.apple.mpegurl",
                  LIVE_ROOT, LIVE_PLAYLIST },
                { "/live/" KEY "/pages.json", "pages.json", "application/json", LIVE_ROOT,
                  LIVE_PAGE_LIST },
                { "/live/" KEY "/720/index.m3u8", "index.m3u8", "application/vnd.apple.mpegurl",
                  LIVE_720, LIVE_PLAYLIST },
                { "/live/" KEY "/360/init.mp4", "init.mp4", "video/mp4", LIVE_360, LIVE_INIT },
                { "/live/" KEY "/720/init-2.mp4", "init-2.mp4", "video/mp4", LIVE_720, LIVE_INIT },
                { "/live/" KEY "/audio/1234567.m4s", "1234567.m4s", "audio/mp4", LIVE_AUDIO,
                  LIVE_SEGMENT },
                { "/live/" KEY "/pages/0123abcd-17.webp", "0123abcd-17.webp", "image/webp",
                  LIVE_PAGES, LIVE_PAGE },
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                struct live_path path;

                if (live_path_parse(&path, cases[i].path) != 0)
                        fail_msg("%s", cases[i].path);
                assert_string_equal(path.key, KEY);
                assert_string_equal(path.name, cases[i].name);
                assert_int_equal(path.folder, cases[i].folder);
                assert_int_equal(path.type, cases[i].type);
                assert_string_equal(live_content_type(&path), cases[i].content_type);
        }
}

static void nothing_else_is(void **state)
{
        static const char *const paths[] = {
                "",
                "/",
                "/live/",
                "/live/" KEY,
                "/live/" KEY "/",
                "/live/short/index.m3u8",
                "/live/" KEY "x/index.m3u8",
                "/live/../../etc/passwd/abcd/index.m3u8",
                "/live/" KEY "/..",
                "/live/" KEY "/../index.m3u8",
                "/live/" KEY "/.m3u8",
                "/live/" KEY "/index",
                "/live/" KEY "/index.m3u8.tmp",
                "/live/" KEY "/a.b.m3u8",
                "/live/" KEY "/1.m4s",
                "/live/" KEY "/init.mp4",
                "/live/" KEY "/720",
                "/live/" KEY "/720/",
                "/live/" KEY "/720/pages.json",
                "/live/" KEY "/72/1.m4s",
                "/live/" KEY "/7200/1.m4s",
                "/live/" KEY "//1.m4s",
                "/live/" KEY "/720/720/1.m4s",
                "/live/" KEY "/720/../1.m4s",
                "/live/" KEY "/720/1.webp",
                "/live/" KEY "/pages/1.m4s",
                "/live/" KEY "/pages/a b.webp",
                "/live/" KEY "/pages/"
                "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.webp",
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
                uint8_t *copy = wire_copy(paths[i], strlen(paths[i]) + 1);
                struct live_path path;

                if (live_path_parse(&path, (const char *)copy) == 0)
                        fail_msg("%s", paths[i]);
                free(copy);
        }
}

static void a_key_is_a_folders_name(void **state)
{
        (void)state;
        assert_true(live_key_is_good(KEY));
        assert_false(live_key_is_good(""));
        assert_false(live_key_is_good("AbCdEfGhIjKlMnOpQrSt/_"));
        assert_false(live_key_is_good(KEY "x"));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(what_a_stream_has_is_recognised),
                cmocka_unit_test(nothing_else_is),
                cmocka_unit_test(a_key_is_a_folders_name),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
