/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "base/text.h"
#include "docs-share/api.h"
#include "docs-share/core/filename.h"

static void names_are_cleaned_and_letters_kept(void **state)
{
        static const struct {
                const char *raw, *clean; /* NULL: DOCS_E_NAME */
        } cases[] = {
                { "Báo cáo tổng kết năm 2026.pdf", "Báo cáo tổng kết năm 2026.pdf" },
                { "C:\\Tài liệu\\Tờ trình.DOCX", "Tờ trình.DOCX" },
                { "../../etc/đề án.pdf", "đề án.pdf" },
                { "..hidden.pdf", "hidden.pdf" },
                { "  hai   khoảng\ttrắng .pdf", "hai khoảng trắng.pdf" },
                { "a\xe2\x80\xaegnp.exe.pdf", "agnp.exe.pdf" }, /* U+202E */
                { "dòng\nmới.pdf", "dòng mới.pdf" },
                { "a\x01\x7f.pdf", "a.pdf" },
                { ".pdf", NULL },
                { "", NULL },
                { "noextension", NULL },
                { "dot.", NULL },
                { "x.p/df", NULL },
                { "x.p df", NULL },
                { "bad\xff.pdf", NULL },
                { "folder/", NULL },
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                char name[FILENAME_CAP];
                int r = filename_clean(name, cases[i].raw);

                assert_int_equal(r, cases[i].clean ? 0 : DOCS_E_NAME);
                if (cases[i].clean)
                        assert_string_equal(name, cases[i].clean);
        }
}

static void long_name_keeps_its_extension_and_whole_letters(void **state)
{
        char raw[1200] = "", name[FILENAME_CAP];

        (void)state;
        for (int i = 0; i < 300; i++)
                strcat(raw, "ễ");
        strcat(raw, ".pptx");
        assert_int_equal(filename_clean(name, raw), 0);
        assert_true(strlen(name) > 240 && strlen(name) < FILENAME_CAP);
        assert_string_equal(name + strlen(name) - 5, ".pptx");
        assert_true(text_is_utf8(name, strlen(name)));
}

static void extension_is_replaced(void **state)
{
        char name[64];

        (void)state;
        filename_with_extension(name, sizeof(name), "Kế hoạch 1.2.pptx", "pdf");
        assert_string_equal(name, "Kế hoạch 1.2.pdf");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(names_are_cleaned_and_letters_kept),
                cmocka_unit_test(long_name_keeps_its_extension_and_whole_letters),
                cmocka_unit_test(extension_is_replaced),
        };

        return cmocka_run_group_tests_name("filename", tests, NULL, NULL);
}
