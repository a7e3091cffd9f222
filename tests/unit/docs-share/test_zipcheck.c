/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "docs-share/core/zipcheck.h"

/* A central directory under construction; the files themselves are imagined. */
struct archive {
        uint8_t directory[8192];
        size_t len;
        uint32_t data_bytes, entries;
};

struct entry {
        const char *name;
        uint16_t method, flags;
        uint32_t packed, unpacked;
};

static void put16(uint8_t *at, uint32_t v)
{
        at[0] = (uint8_t)v;
        at[1] = (uint8_t)(v >> 8);
}

static void put32(uint8_t *at, uint32_t v)
{
        put16(at, v & 0xffff);
        put16(at + 2, v >> 16);
}

static void add(struct archive *a, struct entry e)
{
        uint8_t *at = a->directory + a->len;
        size_t name_len = strlen(e.name);

        memcpy(at, "PK\1\2", 4);
        put16(at + 8, e.flags);
        put16(at + 10, e.method);
        put32(at + 20, e.packed);
        put32(at + 24, e.unpacked);
        put16(at + 28, (uint32_t)name_len);
        put32(at + 42, a->data_bytes);
        memcpy(at + 46, e.name, name_len);
        a->len += 46 + name_len;
        a->data_bytes += ZIP_LOCAL_HEADER + e.packed;
        a->entries++;
}

static int check(const struct archive *a, enum filetype type, uint64_t *ret_stored)
{
        struct zip_end end = { .directory_offset = a->data_bytes,
                               .directory_size = a->len,
                               .entries = a->entries };
        uint8_t *copy = memcpy(malloc(a->len + 1), a->directory, a->len);
        uint64_t stored = 0;
        int r = zip_check_directory(ret_stored ? ret_stored : &stored, &end, copy, type);

        free(copy);
        return r;
}

static int check_one(struct entry e)
{
        struct archive a = { 0 };

        add(&a, (struct entry){ "ppt/presentation.xml", 8, 0, 1000, 8000 });
        add(&a, e);
        return check(&a, FILETYPE_PPTX, NULL);
}

static void ordinary_deck_passes(void **state)
{
        (void)state;
        assert_int_equal(check_one((struct entry){ "ppt/media/a.png", 0, 0, 5000, 5000 }), 0);
        /* a large picture that deflates well */
        assert_int_equal(check_one((struct entry){ "ppt/media/a.bmp", 8, 0, 1 << 20, 90 << 20 }),
                         0);
}

static void bombs_are_refused(void **state)
{
        (void)state;
        /* far too large, by itself and in sum */
        assert_int_equal(check_one((struct entry){ "ppt/a.xml", 8, 0, 1 << 20, 1023u << 20 }),
                         DOCS_E_BOMB);
        /* squeezed beyond what documents are */
        assert_int_equal(check_one((struct entry){ "ppt/a.xml", 8, 0, 200000, 200u << 20 }),
                         DOCS_E_CORRUPT); /* deflate cannot */
        assert_int_equal(check_one((struct entry){ "ppt/a.xml", 8, 0, 400000, 200u << 20 }),
                         DOCS_E_BOMB);
}

static void entries_that_share_bytes_are_a_bomb(void **state)
{
        struct archive a = { 0 };

        (void)state;
        add(&a, (struct entry){ "ppt/presentation.xml", 8, 0, 100000, 800000 });
        for (int i = 0; i < 5; i++) {
                a.data_bytes = 0;
                add(&a, (struct entry){ "ppt/x.xml", 8, 0, 100000, 800000 });
        }
        assert_int_equal(check(&a, FILETYPE_PPTX, NULL), DOCS_E_BOMB);
}

static void impossible_entries_are_corrupt(void **state)
{
        (void)state;
        assert_int_equal(check_one((struct entry){ "ppt/a", 0, 0, 10, 11 }), DOCS_E_CORRUPT);
        assert_int_equal(check_one((struct entry){ "ppt/a", 12, 0, 10, 11 }), DOCS_E_CORRUPT);
}

static void locked_archives_ask_for_a_password(void **state)
{
        struct archive a = { 0 };
        uint64_t stored = 0;

        (void)state;
        assert_int_equal(check_one((struct entry){ "ppt/a", 8, 1, 10, 20 }), DOCS_E_PASSWORD);
        assert_int_equal(check_one((struct entry){ "encrypted-package", 0, 0, 9, 9 }),
                         DOCS_E_PASSWORD);
        /* OpenDocument: the caller looks at the first byte of what is stored */
        add(&a, (struct entry){ "mimetype", 0, 0, 39, 39 });
        add(&a, (struct entry){ "content.xml", 0, 0, 500, 500 });
        assert_int_equal(check(&a, FILETYPE_ODT, &stored), 0);
        assert_int_equal(stored, ZIP_LOCAL_HEADER + 39);
}

static void other_kind_of_document_is_refused(void **state)
{
        struct archive a = { 0 };

        (void)state;
        add(&a, (struct entry){ "word/document.xml", 8, 0, 100, 800 });
        assert_int_equal(check(&a, FILETYPE_DOCX, NULL), 0);
        assert_int_equal(check(&a, FILETYPE_PPTX, NULL), DOCS_E_TYPE);
        assert_int_equal(check(&a, FILETYPE_ODP, NULL), DOCS_E_TYPE);
}

static void cut_directory_is_corrupt(void **state)
{
        struct archive a = { 0 };

        (void)state;
        add(&a, (struct entry){ "word/document.xml", 8, 0, 100, 800 });
        for (a.len--; a.len > 0; a.len--)
                assert_int_equal(check(&a, FILETYPE_DOCX, NULL), DOCS_E_CORRUPT);
}

static int find_end(uint32_t entries, uint32_t size, uint32_t offset, size_t comment, size_t cut)
{
        uint8_t *tail = calloc(1, 300);
        struct zip_end end;
        size_t len = 100 + 22 + comment - cut;
        int r;

        memcpy(tail + 100, "PK\5\6", 4);
        put16(tail + 110, entries);
        put32(tail + 112, size);
        put32(tail + 116, offset);
        put16(tail + 120, (uint32_t)comment);
        tail = realloc(tail, len);
        r = zip_find_end(&end, tail, len, 1000 + len);
        if (r == 0)
                assert_int_equal(end.directory_offset, offset);
        free(tail);
        return r;
}

static void end_record_is_found_behind_a_comment(void **state)
{
        (void)state;
        assert_int_equal(find_end(3, 200, 900, 0, 0), 0);
        assert_int_equal(find_end(3, 200, 900, 50, 0), 0);
        assert_int_equal(find_end(3, 200, 901, 0, 0), DOCS_E_CORRUPT); /* reaches into the record */
        assert_int_equal(find_end(3, 200, 0xffffffff, 0, 0), DOCS_E_CORRUPT);
        assert_int_equal(find_end(0xffff, 200, 900, 0, 0), DOCS_E_BOMB);
        for (size_t cut = 1; cut < 122; cut++)
                assert_int_equal(find_end(3, 200, 900, 0, cut), DOCS_E_CORRUPT);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(ordinary_deck_passes),
                cmocka_unit_test(bombs_are_refused),
                cmocka_unit_test(entries_that_share_bytes_are_a_bomb),
                cmocka_unit_test(impossible_entries_are_corrupt),
                cmocka_unit_test(locked_archives_ask_for_a_password),
                cmocka_unit_test(other_kind_of_document_is_refused),
                cmocka_unit_test(cut_directory_is_corrupt),
                cmocka_unit_test(end_record_is_found_behind_a_comment),
        };

        return cmocka_run_group_tests_name("zipcheck", tests, NULL, NULL);
}
