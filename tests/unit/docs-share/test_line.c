/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "docs-share/core/line.h"

static void add(struct line *line, const char *id)
{
        struct store_doc doc = { .state = STORE_DOC_CONVERTING };

        snprintf(doc.id, sizeof(doc.id), "%s", id);
        assert_int_equal(line_add(line, &doc), 0);
}

static void one_at_a_time_in_order(void **state)
{
        cleanup(line_freep) struct line *line = NULL;
        struct store_doc doc;

        (void)state;
        assert_int_equal(line_new(&line), 0);
        assert_false(line_next(line, &doc));
        add(line, "a");
        add(line, "b");
        assert_true(line_next(line, &doc));
        assert_string_equal(doc.id, "a");
        assert_int_equal(doc.state, STORE_DOC_CONVERTING);
        assert_string_equal(line_running(line)->id, "a");
        assert_false(line_next(line, &doc));
        assert_int_equal(line_waiting(line), 1);

        line_set_pages(line, 7);
        line_finish(line, 0, "abc", &doc);
        assert_int_equal(doc.state, STORE_DOC_READY);
        assert_int_equal(doc.pages, 7);
        assert_string_equal(doc.pdf_sha256, "abc");
        assert_null(line_running(line));
}

static void meetings_take_turns(void **state)
{
        static const char *const meetings[] = { "A", "A", "A", "B", "A", "B", "C" };
        static const char expected[] = "ABCABAA";
        cleanup(line_freep) struct line *line = NULL;
        struct store_doc doc;

        (void)state;
        assert_int_equal(line_new(&line), 0);
        for (size_t i = 0; i < ARRAY_LEN(meetings); i++) {
                struct store_doc added = { 0 };

                snprintf(added.id, sizeof(added.id), "%zu", i);
                strcpy(added.meeting, meetings[i]);
                assert_int_equal(line_add(line, &added), 0);
        }
        for (size_t i = 0; expected[i]; i++) {
                assert_true(line_next(line, &doc));
                assert_int_equal(doc.meeting[0], expected[i]);
                line_drop(line, &doc);
        }
        assert_false(line_next(line, &doc));
}

static void failure_lets_the_next_begin(void **state)
{
        cleanup(line_freep) struct line *line = NULL;
        struct store_doc doc;

        (void)state;
        assert_int_equal(line_new(&line), 0);
        add(line, "a");
        add(line, "b");
        assert_true(line_next(line, &doc));
        line_set_pages(line, 7);
        line_finish(line, DOCS_E_PASSWORD, NULL, &doc);
        assert_int_equal(doc.state, STORE_DOC_FAILED);
        assert_string_equal(doc.error, "doc-password");
        assert_int_equal(doc.pages, 0);
        assert_true(line_next(line, &doc));
        assert_string_equal(doc.id, "b");
}

static void waiting_one_can_be_removed(void **state)
{
        cleanup(line_freep) struct line *line = NULL;
        struct store_doc doc;

        (void)state;
        assert_int_equal(line_new(&line), 0);
        for (char id[] = "a"; id[0] <= 'z'; id[0]++)
                add(line, id);
        assert_true(line_remove(line, "b"));
        assert_false(line_remove(line, "b"));
        assert_true(line_next(line, &doc));
        assert_false(line_remove(line, "a"));
        line_drop(line, &doc);
        assert_string_equal(doc.id, "a");
        assert_true(line_next(line, &doc));
        assert_string_equal(doc.id, "c");
}

static void line_is_bounded(void **state)
{
        cleanup(line_freep) struct line *line = NULL;
        struct store_doc doc = { .id = "x" };

        (void)state;
        assert_int_equal(line_new(&line), 0);
        for (int i = 0; i < LINE_MAX_WAITING; i++)
                assert_int_equal(line_add(line, &doc), 0);
        assert_int_equal(line_add(line, &doc), -EAGAIN);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(one_at_a_time_in_order),
                cmocka_unit_test(meetings_take_turns),
                cmocka_unit_test(failure_lets_the_next_begin),
                cmocka_unit_test(waiting_one_can_be_removed),
                cmocka_unit_test(line_is_bounded),
        };

        return cmocka_run_group_tests_name("line", tests, NULL, NULL);
}
