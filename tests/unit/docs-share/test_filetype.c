/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "docs-share/core/filetype.h"

static void extension_decides_in_either_case(void **state)
{
        enum filetype type;

        (void)state;
        assert_int_equal(filetype_from_name(&type, "a.PpTx"), 0);
        assert_int_equal(type, FILETYPE_PPTX);
        assert_int_equal(filetype_from_name(&type, "a.jpeg"), 0);
        assert_int_equal(type, FILETYPE_JPEG);
        assert_int_equal(filetype_from_name(&type, "a.pdf.exe"), DOCS_E_TYPE);
        assert_int_equal(filetype_from_name(&type, "pdf"), DOCS_E_TYPE);
}

/* On an exact-size heap copy, so that an over-read is seen. */
static int check(enum filetype type, const char *bytes, size_t len, bool whole)
{
        uint8_t *copy = memcpy(malloc(len + !len), bytes, len);
        int r = filetype_check_head(type, copy, len, whole);

        free(copy);
        return r;
}

static void first_bytes_must_agree_with_the_name(void **state)
{
        static const struct {
                enum filetype type;
                const char *bytes;
                size_t len;
                bool whole;
                int result;
        } cases[] = {
                { FILETYPE_PDF, "%PDF-1.7\n", 9, false, 0 },
                { FILETYPE_PDF, "\n\n%PDF-1.7", 10, false, 0 },
                { FILETYPE_PDF, "%PD", 3, false, -EAGAIN },
                { FILETYPE_PDF, "%PD", 3, true, DOCS_E_TYPE },
                { FILETYPE_PDF, "", 0, false, -EAGAIN },
                { FILETYPE_PDF, "", 0, true, DOCS_E_TYPE },
                { FILETYPE_DOCX, "PK\3\4zip", 7, false, 0 },
                { FILETYPE_DOCX, "PK", 2, false, -EAGAIN },
                { FILETYPE_DOCX, "MZ\x90", 3, false, DOCS_E_TYPE },
                { FILETYPE_DOCX, "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", 8, false, 0 },
                { FILETYPE_ODT, "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", 8, false, DOCS_E_TYPE },
                { FILETYPE_PNG, "\x89PNG\r\n\x1a\n", 8, false, 0 },
                { FILETYPE_PNG, "\xff\xd8\xff\xe0", 4, false, DOCS_E_TYPE },
                { FILETYPE_JPEG, "\xff\xd8\xff\xe0", 4, false, 0 },
                { FILETYPE_MP4,
                  "\0\0\0\x20"
                  "ftypisom",
                  12, false, 0 },
                { FILETYPE_MP4,
                  "\0\0\0\x20"
                  "fty",
                  7, false, -EAGAIN },
                { FILETYPE_MP4,
                  "\0\0\0\x20"
                  "fty",
                  7, true, DOCS_E_TYPE },
                { FILETYPE_MP4, "\x1a\x45\xdf\xa3\x01\0\0\0", 8, false, DOCS_E_TYPE },
                { FILETYPE_MOV,
                  "\0\0\0\x08"
                  "wide",
                  8, false, 0 },
                { FILETYPE_M4A,
                  "\0\0\0\x1c"
                  "ftypM4A ",
                  12, false, 0 },
                { FILETYPE_MKV, "\x1a\x45\xdf\xa3", 4, false, 0 },
                { FILETYPE_WEBM, "\x1a\x45", 2, false, -EAGAIN },
                { FILETYPE_WEBM, "RIFF", 4, false, DOCS_E_TYPE },
                { FILETYPE_MP3, "ID3\4", 4, false, 0 },
                { FILETYPE_MP3, "ID", 2, false, -EAGAIN },
                { FILETYPE_MP3, "\xff\xfb\x90", 3, false, 0 },
                { FILETYPE_MP3, "\xff\xf3", 2, false, 0 },
                { FILETYPE_MP3, "\xff", 1, false, -EAGAIN },
                { FILETYPE_MP3, "\xff", 1, true, DOCS_E_TYPE },
                { FILETYPE_MP3, "\xff\xeb", 2, false, DOCS_E_TYPE }, /* no such version */
                { FILETYPE_MP3, "\xff\xd8", 2, false, DOCS_E_TYPE },
                { FILETYPE_MP3, "\xff\xf1", 2, false, DOCS_E_TYPE }, /* AAC */
                { FILETYPE_OGG, "OggS", 4, false, 0 },
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(cases); i++)
                assert_int_equal(check(cases[i].type, cases[i].bytes, cases[i].len, cases[i].whole),
                                 cases[i].result);
}

static void pdf_header_is_not_awaited_for_ever(void **state)
{
        char junk[FILETYPE_HEAD_BYTES];

        (void)state;
        memset(junk, 'x', sizeof(junk));
        assert_int_equal(check(FILETYPE_PDF, junk, sizeof(junk) - 1, false), -EAGAIN);
        assert_int_equal(check(FILETYPE_PDF, junk, sizeof(junk), false), DOCS_E_TYPE);
}

static void image_size_is_read_from_its_header(void **state)
{
        static const uint8_t png[] = { 0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n', 0, 0, 0, 13,
                                       'I',  'H', 'D', 'R', 0,    0,    1,    0,    0, 0, 2, 0 };
        static const uint8_t jpeg[] = { 0xff, 0xd8, 0xff, 0xe0, 0,    4,    1, 2, 0xff, 0xff,
                                        0xc0, 0,    17,   8,    0x01, 0x00, 2, 0, 3 };
        static const uint8_t lost[] = { 0xff, 0xd8, 0xff, 0xe0, 0, 1 };

        (void)state;
        assert_int_equal(filetype_image_pixels(FILETYPE_PNG, png, sizeof(png)), 256 * 512);
        assert_int_equal(filetype_image_pixels(FILETYPE_PNG, png, sizeof(png) - 1), 0);
        assert_int_equal(filetype_image_pixels(FILETYPE_JPEG, jpeg, sizeof(jpeg)), 256 * 512);
        assert_int_equal(filetype_image_pixels(FILETYPE_JPEG, jpeg, 17), 0);
        assert_int_equal(filetype_image_pixels(FILETYPE_JPEG, lost, sizeof(lost)), 0);
}

static void encrypted_office_file_is_known(void **state)
{
        uint8_t head[CFB_HEAD_BYTES] = { 0xd0, 0xcf, 0x11, 0xe0, 0xa1, 0xb1, 0x1a, 0xe1 };
        static const uint8_t plain[] = "W\0o\0r\0d\0D\0o\0c\0u\0m\0e\0n\0t\0";
        static const uint8_t locked[] = "..E\0n\0c\0r\0y\0p\0t\0e\0d\0P\0a\0c\0k\0a\0g\0e\0";

        (void)state;
        assert_true(cfb_is(head, sizeof(head)));
        assert_false(cfb_is(head, 7));
        head[48] = 3;
        assert_int_equal(cfb_directory_offset(head), 2048);
        assert_true(cfb_is_encrypted(locked, sizeof(locked)));
        assert_false(cfb_is_encrypted(plain, sizeof(plain)));
}

static void every_fault_has_its_code(void **state)
{
        (void)state;
        for (int err = 1; err < DOCS_N_ERRS; err++)
                assert_int_equal(strncmp(docs_error_code((enum docs_err)err), "doc-", 4), 0);
        assert_string_equal(docs_error_code(DOCS_E_BOMB), "doc-bomb");
        assert_string_equal(docs_error_code((enum docs_err)999), "doc-internal");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(extension_decides_in_either_case),
                cmocka_unit_test(first_bytes_must_agree_with_the_name),
                cmocka_unit_test(pdf_header_is_not_awaited_for_ever),
                cmocka_unit_test(image_size_is_read_from_its_header),
                cmocka_unit_test(encrypted_office_file_is_known),
                cmocka_unit_test(every_fault_has_its_code),
        };

        return cmocka_run_group_tests_name("filetype", tests, NULL, NULL);
}
