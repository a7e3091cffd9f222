/* SPDX-License-Identifier: Apache-2.0 */
/* What comes out of the sandbox: pdfinfo's text, and the frames of the renderer. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "docs-share/core/frames.h"
#include "docs-share/core/pdfinfo.h"

static int parse(struct pdf_pages *pages, const char *text)
{
        size_t len = strlen(text);
        char *copy = memcpy(calloc(1, len + !len), text, len);
        int r = pdfinfo_parse(pages, copy, len);

        free(copy);
        return r;
}

static void pages_and_sizes_are_read(void **state)
{
        static struct pdf_pages pages;

        (void)state;
        assert_int_equal(parse(&pages, "Title: Báo cáo\nPages:           3\nEncrypted: no\n"
                                       "Page    1 size:  595.304 x 841.89 pts (A4)\n"
                                       "Page    1 rot:   0\n"
                                       "Page    2 size:  100 x 4000 pts\n"
                                       "Page    3 size:  4000 x 100 pts\nPage    3 rot:   90\n"),
                         0);
        assert_int_equal(pages.n, 3);
        assert_int_equal(pages.width_px[0], 1600);
        assert_int_equal(pages.width_px[1], 160);
        assert_int_equal(pages.width_px[2], 160);
}

static void senseless_page_lists_are_refused(void **state)
{
        static struct pdf_pages pages;

        (void)state;
        assert_int_equal(parse(&pages, ""), DOCS_E_CORRUPT);
        assert_int_equal(parse(&pages, "Pages: 0\n"), DOCS_E_CORRUPT);
        assert_int_equal(parse(&pages, "Pages: -3\n"), DOCS_E_CORRUPT);
        assert_int_equal(parse(&pages, "Pages: 2001\n"), DOCS_E_BOMB);
        assert_int_equal(parse(&pages, "Pages: 2\nPage 9999 size: 1 x 1 pts\n"
                                       "Page -1 size: 1 x 1 pts\nPage 1 size: nan x inf pts"),
                         0);
        assert_int_equal(pages.width_px[0], 1600);
        assert_int_equal(page_width_px(-1, 5), 1600);
        assert_int_equal(page_width_px(1, 1e9), 16);
}

static void password_message_is_known(void **state)
{
        (void)state;
        assert_true(poppler_wants_password("Command Line Error: Incorrect password\n"));
        assert_false(poppler_wants_password("Syntax Error: Couldn't find trailer dictionary\n"));
}

/* ---- frames ---- */

struct taken {
        int n, stop_at;
        size_t bytes;
};

static int on_page(void *user, struct span screen, struct span phone)
{
        struct taken *taken = user;

        taken->n++;
        taken->bytes += screen.len + phone.len;
        return taken->n == taken->stop_at ? -ECANCELED : 0;
}

#define WEBP20 "RIFF\x0c\0\0\0WEBPVP8L...."
static const char two_pages[] = "20 20\n" WEBP20 WEBP20 "20 20\n" WEBP20 WEBP20;
static const size_t two_pages_len = sizeof(two_pages) - 1;

static int feed(struct taken *taken, const char *data, size_t len, size_t piece)
{
        struct frames frames = { 0 };
        int r = 0;

        for (size_t at = 0; at < len && r == 0; at += piece) {
                size_t n = len - at < piece ? len - at : piece;
                uint8_t *copy = memcpy(malloc(n), data + at, n);

                r = frames_feed(&frames, copy, n, on_page, taken);
                free(copy);
        }
        frames_done(&frames);
        return r;
}

static void pages_come_out_whole_whatever_the_pieces(void **state)
{
        (void)state;
        for (size_t piece = 1; piece <= two_pages_len; piece++) {
                struct taken taken = { 0 };

                assert_int_equal(feed(&taken, two_pages, two_pages_len, piece), 0);
                assert_int_equal(taken.n, 2);
                assert_int_equal(taken.bytes, 80);
        }
}

static void callback_can_stop(void **state)
{
        struct taken taken = { .stop_at = 1 };

        (void)state;
        assert_int_equal(feed(&taken, two_pages, two_pages_len, 64), -ECANCELED);
        assert_int_equal(taken.n, 1);
}

static void what_is_no_frame_is_refused(void **state)
{
        static const char *const cases[] = {
                "0 20\n",
                "20\n",
                "20 20 20\n",
                "-5 20\n",
                "99999999 20\n",
                "x",
                "1111111111111111111111111",
                "\n",
                "20 20\nRIFX........WEBP....RIFX........WEBP....",
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                struct taken taken = { 0 };
                char data[64];
                size_t len = strlen(cases[i]);

                snprintf(data, sizeof(data), "%s%s", cases[i], len < 20 ? "\n" : "");
                assert_int_equal(feed(&taken, data, strlen(data), 7), DOCS_E_CORRUPT);
                assert_int_equal(taken.n, 0);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(pages_and_sizes_are_read),
                cmocka_unit_test(senseless_page_lists_are_refused),
                cmocka_unit_test(password_message_is_known),
                cmocka_unit_test(pages_come_out_whole_whatever_the_pieces),
                cmocka_unit_test(callback_can_stop),
                cmocka_unit_test(what_is_no_frame_is_refused),
        };

        return cmocka_run_group_tests_name("pages", tests, NULL, NULL);
}
