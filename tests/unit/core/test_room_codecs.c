/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "sfu/io/room_codecs.h"

enum {
        VP8 = SDP_CODEC_BIT(SDP_VP8),
        H264 = SDP_CODEC_BIT(SDP_H264),
        VP9 = SDP_CODEC_BIT(SDP_VP9),
        AV1 = SDP_CODEC_BIT(SDP_AV1),
};

static void what_everybody_decodes_is_known(void **state)
{
        const struct peer_codecs all = { .recv = VP8 | H264 | VP9 | AV1 }, old = { .recv = VP8 };
        struct room_codecs room = { 0 };

        (void)state;
        assert_int_equal(room_codecs_decoded(&room, 0) & SDP_VIDEO_CODECS, SDP_VIDEO_CODECS);
        assert_int_equal(room_codecs_decoded(&room, VP8 | H264), VP8 | H264);
        room_codecs_count(&room, &all, 1);
        room_codecs_count(&room, &old, 1);
        room_codecs_count(&room, &(struct peer_codecs){ 0 }, 1); /* it listens only */
        assert_int_equal(room_codecs_decoded(&room, 0), VP8);
        assert_int_equal(room_codecs_decoded(&room, VP9), 0);
        room_codecs_count(&room, &old, -1);
        assert_int_equal(room_codecs_decoded(&room, 0), VP8 | H264 | VP9 | AV1);
}

static void who_sends_what_the_newcomer_cannot_decode_offers_again(void **state)
{
        static const struct {
                const char *name;
                struct peer_codecs newcomer, peer;
                bool must_change;
        } rows[] = {
                { "VP9 to VP8", { .recv = VP8 }, { .sent = VP9, .send = VP9 | VP8 }, true },
                { "AV1 to VP9", { .recv = VP8 | VP9 }, { .sent = AV1, .send = AV1 | VP8 }, true },
                { "decodes it", { .recv = VP8 | VP9 }, { .sent = VP9, .send = VP9 | VP8 }, false },
                { "sends nothing else", { .recv = VP8 }, { .sent = VP9, .send = VP9 }, false },
                { "listens only", { .recv = 0 }, { .sent = VP9, .send = VP9 | VP8 }, false },
                { "VP8 stays", { .recv = H264 }, { .sent = VP8, .send = VP8 | H264 }, false },
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                const struct peer_codecs viewer = { .recv = VP8 | VP9 | AV1 | H264 };
                struct room_codecs room = { 0 };
                bool changes;

                room_codecs_count(&room, &viewer, 1);
                room_codecs_count(&room, &rows[i].peer, 1);
                room_codecs_count(&room, &rows[i].newcomer, 1);
                changes = room_codecs_disturbed(&room, &rows[i].newcomer) &&
                          room_codecs_must_change(&room, &rows[i].newcomer, &rows[i].peer);
                if (changes != rows[i].must_change)
                        fail_msg("%s", rows[i].name);
        }
}

static void feed_is_in_what_everybody_decodes_and_keeps_it(void **state)
{
        const struct peer_codecs browser = { .recv = VP8 | H264 | VP9 }, box = { .recv = H264 },
                                 old = { .recv = VP8 }, feed = { .sent = VP8, .fed = true },
                                 listener = { 0 };
        struct room_codecs room = { 0 };

        (void)state;
        assert_int_equal(room_codecs_of_feed(&room, 0), SDP_VP8); /* nobody watches yet */
        room_codecs_count(&room, &browser, 1);
        assert_int_equal(room_codecs_of_feed(&room, 0), SDP_VP8);
        assert_false(room_codecs_disturbs_feeds(&room, &box)); /* there is none */
        room_codecs_count(&room, &feed, 1);
        assert_false(room_codecs_disturbs_feeds(&room, &browser));
        assert_false(room_codecs_disturbs_feeds(&room, &listener));

        room_codecs_count(&room, &box, 1);
        assert_true(room_codecs_disturbs_feeds(&room, &box));
        assert_int_equal(room_codecs_of_feed(&room, VP8), SDP_H264);
        assert_int_equal(room_codecs_of_feed(&room, 0), SDP_H264);
        room_codecs_count(&room, &box, -1);
        assert_int_equal(room_codecs_of_feed(&room, H264), SDP_H264); /* it keeps it */

        room_codecs_count(&room, &old, 1);
        assert_int_equal(room_codecs_of_feed(&room, H264), SDP_VP8);
        room_codecs_count(&room, &box, 1); /* there is none for both */
        assert_int_equal(room_codecs_of_feed(&room, VP8), SDP_VP8);
        assert_int_equal(room_codecs_of_feed(&room, H264), SDP_H264);
        assert_int_equal(room_codecs_of_feed(&room, 0), SDP_VP8);
        room_codecs_count(&room, &old, -1); /* and now there is */
        assert_true(room_codecs_disturbs_feeds(&room, &old));
        assert_int_equal(room_codecs_of_feed(&room, VP8), SDP_H264);
        room_codecs_count(&room, &feed, -1);
        assert_false(room_codecs_disturbs_feeds(&room, &old));
}

static void feed_does_not_change_all_the_time(void **state)
{
        struct feed_changes changes = { 0 };
        int64_t now_us = 5, due_us;

        (void)state;
        for (int i = 0; i < FEED_CHANGES_BURST; i++)
                assert_int_equal(feed_changes_take(&changes, now_us), 0);
        for (int i = 1; i < 10; i++) {
                due_us = feed_changes_take(&changes, now_us);
                assert_int_equal(due_us, 5 + i * FEED_CHANGE_EVERY_US);
                assert_int_equal(feed_changes_take(&changes, due_us - 1), due_us);
                assert_int_equal(feed_changes_take(&changes, due_us), 0);
                now_us = due_us;
        }
        now_us += FEED_CHANGES_BURST * FEED_CHANGE_EVERY_US; /* all is forgotten */
        for (int i = 0; i < FEED_CHANGES_BURST; i++)
                assert_int_equal(feed_changes_take(&changes, now_us), 0);
        assert_int_not_equal(feed_changes_take(&changes, now_us), 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(what_everybody_decodes_is_known),
                cmocka_unit_test(who_sends_what_the_newcomer_cannot_decode_offers_again),
                cmocka_unit_test(feed_is_in_what_everybody_decodes_and_keeps_it),
                cmocka_unit_test(feed_does_not_change_all_the_time),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
