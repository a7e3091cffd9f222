/* SPDX-License-Identifier: Apache-2.0 */
/* store — what lies in its tables besides events. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/store/store_world.h"

/* ---- secrets, meetings, documents ---- */

static void secrets_are_made_once_and_kept(void **state)
{
        struct fixture *f = *state;
        uint8_t a[STORE_SECRET_BYTES], b[STORE_SECRET_BYTES], other[STORE_SECRET_BYTES];

        assert_int_equal(store_secret(f->store, "tokens", a), 0);
        assert_int_equal(store_secret(f->store, "cookies", other), 0);
        reopen(f);
        assert_int_equal(store_secret(f->store, "tokens", b), 0);
        assert_memory_equal(a, b, sizeof(a));
        assert_memory_not_equal(a, other, sizeof(a));
}

static void meetings_are_kept(void **state)
{
        struct fixture *f = *state;
        struct store_meeting meeting = { .id = "m2", .title = "Họp chi hội", .created_ms = 8 };
        struct store_meeting got;

        assert_int_equal(store_meeting_create(f->store, &meeting), 0);
        assert_int_equal(store_meeting_create(f->store, &meeting), -EEXIST);
        assert_int_equal(store_meeting_get(f->store, MEETING, &got), 0);
        assert_string_equal(got.title, "Đại hội");
        assert_int_equal(store_meeting_get(f->store, "m3", &got), -ENOENT);
}

static void count_doc(void *user, const struct store_doc *doc)
{
        struct store_doc *docs = user;

        docs[docs[0].pages++ ? 1 : 0].size_bytes = doc->size_bytes;
}

static void documents_are_replaced_by_id(void **state)
{
        struct fixture *f = *state;
        struct store_doc doc = { .id = "d1",
                                 .meeting = MEETING,
                                 .name = "Báo cáo.pptx",
                                 .sha256 = "ab",
                                 .uploaded_by = "p1",
                                 .size_bytes = 1LL << 33,
                                 .created_ms = 5,
                                 .state = STORE_DOC_QUEUED };
        struct store_doc got, listed[2] = { 0 };
        struct done done = { 0 };

        assert_int_equal(store_doc_put(f->store, &doc, on_done, &done), 0);
        doc.state = STORE_DOC_FAILED;
        strcpy(doc.error, "doc-corrupt");
        doc.film = true;
        doc.has_video = true;
        doc.duration_ms = 6 * 3600 * 1000;
        assert_int_equal(store_doc_put(f->store, &doc, on_done, &done), 0);
        wait_done(f, &done, 2);
        assert_int_equal(done.last, 0);
        assert_int_equal(store_doc_get(f->store, "d1", &got), 0);
        assert_memory_equal(&got.size_bytes, &doc.size_bytes, sizeof(doc.size_bytes));
        assert_int_equal(got.state, STORE_DOC_FAILED);
        assert_string_equal(got.error, "doc-corrupt");
        assert_string_equal(got.name, "Báo cáo.pptx");
        assert_true(got.film && got.has_video);
        assert_int_equal(got.duration_ms, doc.duration_ms);

        assert_int_equal(store_docs(f->store, MEETING, count_doc, listed), 0);
        assert_int_equal(store_docs(f->store, NULL, count_doc, listed), 0);
        assert_int_equal(listed[0].pages, 2);

        doc.deleted = true;
        assert_int_equal(store_doc_put(f->store, &doc, on_done, &done), 0);
        wait_done(f, &done, 3);
        assert_int_equal(store_docs(f->store, MEETING, count_doc, listed), 0);
        assert_int_equal(listed[0].pages, 2);
        assert_int_equal(store_doc_get(f->store, "d1", &got), 0);
        assert_true(got.deleted);
        assert_int_equal(store_doc_get(f->store, "d2", &got), -ENOENT);
}

/* ---- recordings ---- */

static void count_recording(void *user, const struct store_recording *recording)
{
        struct store_recording *listed = user;

        assert_string_equal(recording->parts, "[{\"part\":1}]");
        listed->bytes++;
        listed->state = recording->state;
        listed->deleted = recording->deleted;
        listed->kept_until_ms = recording->kept_until_ms;
}

static void recordings_come_back_as_they_were_put(void **state)
{
        struct fixture *f = *state;
        struct store_recording recording = { .id = "r1",
                                             .meeting = MEETING,
                                             .mode = "both",
                                             .by = "s-a",
                                             .started_ms = 5,
                                             .parts = "[]",
                                             .kept_until_ms = 99 };
        struct store_recording listed = { 0 };
        struct done done = { 0 };

        assert_int_equal(store_recording_put(f->store, &recording, on_done, &done), 0);
        recording.parts = "[{\"part\":1}]";
        recording.state = STORE_RECORDING_READY;
        assert_int_equal(store_recording_put(f->store, &recording, on_done, &done), 0);
        wait_done(f, &done, 2);
        assert_int_equal(done.last, 0);
        assert_int_equal(store_recording_get(f->store, "r1", count_recording, &listed), 0);
        assert_int_equal(listed.state, STORE_RECORDING_READY);
        assert_int_equal(listed.kept_until_ms, 99);
        assert_int_equal(store_recording_get(f->store, "r2", count_recording, &listed), -ENOENT);
        assert_int_equal(store_recordings(f->store, MEETING, count_recording, &listed), 0);
        assert_int_equal(store_recordings(f->store, NULL, count_recording, &listed), 0);
        assert_int_equal(store_recordings(f->store, "other", count_recording, &listed), 0);
        assert_int_equal(listed.bytes, 3);

        recording.deleted = true;
        assert_int_equal(store_recording_put(f->store, &recording, on_done, &done), 0);
        wait_done(f, &done, 3);
        assert_int_equal(store_recordings(f->store, MEETING, count_recording, &listed), 0);
        assert_int_equal(listed.bytes, 3);
        assert_int_equal(store_recording_get(f->store, "r1", count_recording, &listed), 0);
        assert_true(listed.deleted);
}

static void a_recording_of_no_meeting_is_refused(void **state)
{
        struct fixture *f = *state;
        struct store_recording recording = { .id = "r1", .meeting = "none", .parts = "[]" };
        struct done done = { 0 };

        assert_int_equal(store_recording_put(f->store, &recording, on_done, &done), 0);
        wait_done(f, &done, 1);
        assert_int_equal(done.last, -ENOENT);
}

/* ---- links ---- */

static void append_link(void *user, const struct store_link *link)
{
        char *text = user;

        sprintf(text + strlen(text), "%s/%s/%.*s ", link->id, link->kind, (int)link->sealed_len,
                (const char *)link->sealed);
}

static void links_are_put_replaced_and_removed(void **state)
{
        struct fixture *f = *state;
        struct store_link link = { .id = "b", .meeting = MEETING, .kind = "rtmp" };
        struct done done = { 0 };
        char text[128] = "";

        link.sealed = (const uint8_t *)"one";
        link.sealed_len = 3;
        assert_int_equal(store_link_put(f->store, &link, on_done, &done), 0);
        strcpy(link.id, "a");
        assert_int_equal(store_link_put(f->store, &link, on_done, &done), 0);
        link.sealed = (const uint8_t *)"two";
        assert_int_equal(store_link_put(f->store, &link, on_done, &done), 0);
        wait_done(f, &done, 3);
        assert_int_equal(store_links(f->store, MEETING, append_link, text), 0);
        assert_string_equal(text, "a/rtmp/two b/rtmp/one ");
        link = (struct store_link){ .id = "a" };
        assert_int_equal(store_link_put(f->store, &link, on_done, &done), 0);
        wait_done(f, &done, 4);
        assert_int_equal(done.last, 0);
        text[0] = '\0';
        assert_int_equal(store_links(f->store, MEETING, append_link, text), 0);
        assert_int_equal(store_links(f->store, "other", append_link, text), 0);
        assert_string_equal(text, "b/rtmp/one ");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, store_set_up, store_tear_down)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(secrets_are_made_once_and_kept),
                TEST(meetings_are_kept),
                TEST(documents_are_replaced_by_id),
                TEST(recordings_come_back_as_they_were_put),
                TEST(a_recording_of_no_meeting_is_refused),
                TEST(links_are_put_replaced_and_removed),
        };

        return cmocka_run_group_tests_name("store_rows", tests, NULL, NULL);
}
