/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "sfu/core/layer_filter.h"
#include "sfu/wire/vp8.h"
#include "sfu/wire/vp9.h"
#include "tests/captured.h"
#include "tests/dd_make.h"

static const char *data;

enum { STEP = 3000, KSVC_DELTA = 1 };

/* A stream with descriptors: each frame is one packet. */
struct stream {
        struct dd_structure structure;
        uint16_t number;
        uint32_t ts;
        void (*make)(struct dd_bits *b, unsigned id_offset);
        uint32_t stopped; /* decode targets that are not sent */
};

static struct layer_frame next_frame(struct stream *stream, unsigned template_id, bool key)
{
        struct layer_frame frame = { .starts = true, .ends = true, .has_dd = true };
        struct dd_bits b;
        size_t len = 3;

        dd_bits_head(&b, true, true, template_id, stream->number++);
        if (key) {
                dd_bits_flags(&b, 16);
                stream->make(&b, 0);
                len = dd_bits_len(&b);
        }
        assert_int_equal(dd_parse(&frame.dd, &stream->structure, (struct span){ b.data, len }), 0);
        frame.dd.active &= ~stream->stopped;
        frame.key = key;
        frame.sid = frame.dd.sid;
        frame.tid = frame.dd.tid;
        return frame;
}

static bool give(struct layer_filter *filter, struct stream *stream, unsigned template_id, bool key)
{
        struct layer_frame frame = next_frame(stream, template_id, key);

        return layer_filter_passes(filter, &frame, stream->ts, &stream->structure);
}

/* The pictures T0 T2 T1 T2 of L1T3; which of them passed, as bits. */
static unsigned give_l1t3(struct layer_filter *filter, struct stream *stream, bool key)
{
        unsigned passed = 0;

        for (unsigned i = 0; i < 4; i++, stream->ts += STEP) {
                static const uint8_t templates[] = { 1, 3, 2, 4 };
                bool first = key && i == 0;

                if (give(filter, stream, first ? 0 : templates[i], first))
                        passed |= 1u << i;
        }
        return passed;
}

static void temporal_layers_go_down_at_once_and_up_at_a_switch_point(void **state)
{
        struct stream stream = { .make = dd_bits_l1t3, .number = 65530 };
        struct layer_filter filter;

        (void)state;
        layer_filter_init(&filter);
        assert_int_equal(give_l1t3(&filter, &stream, true), 0xf);
        filter.want_tid = 1;
        assert_int_equal(give_l1t3(&filter, &stream, false), 0x5);
        assert_int_equal(filter.tid, 1);
        filter.want_tid = 0;
        assert_int_equal(give_l1t3(&filter, &stream, false), 0x1);

        /* In the middle of a cycle: the first T2 needs a T0 that passed, but what
         * comes after it needs a T1 that did not. It is no switch point. */
        assert_true(give(&filter, &stream, 1, false));
        filter.want_tid = LAYER_ALL;
        assert_false(give(&filter, &stream, 3, false));
        assert_true(give(&filter, &stream, 2, false)); /* T1 says: switch here */
        assert_int_equal(filter.tid, 2);
        assert_true(give(&filter, &stream, 4, false));
        assert_int_equal(give_l1t3(&filter, &stream, false), 0xf);
}

static void a_switch_point_that_cannot_be_decoded_is_none(void **state)
{
        struct stream stream = { .make = dd_bits_l1t3 };
        struct layer_filter filter;

        (void)state;
        layer_filter_init(&filter);
        filter.want_tid = 0;
        assert_int_equal(give_l1t3(&filter, &stream, true), 0x1);
        filter.want_tid = LAYER_ALL;
        stream.number++; /* a T0 that never came */
        assert_false(give(&filter, &stream, 3, false));
        assert_false(give(&filter, &stream, 2, false));
        assert_int_equal(filter.tid, 0);
}

/* A picture of L3T1_KEY; which of its frames passed, as bits. */
static unsigned give_ksvc(struct layer_filter *filter, struct stream *stream, bool key)
{
        unsigned passed = 0;

        stream->ts += STEP;
        for (unsigned sid = 0; sid < 3; sid++) {
                struct layer_frame frame = next_frame(stream, 2 * sid + (key ? 0 : KSVC_DELTA),
                                                      key && sid == 0);

                if (!layer_filter_passes(filter, &frame, stream->ts, &stream->structure))
                        continue;
                passed |= 1u << sid;
                assert_true(layer_filter_top(filter) >= sid);
        }
        return passed;
}

static void spatial_layers_of_key_pictures_change_at_key_pictures(void **state)
{
        struct stream stream = { .make = dd_bits_l3t1_key };
        struct layer_filter filter;

        (void)state;
        layer_filter_init(&filter);
        filter.want_sid = 1;
        assert_int_equal(give_ksvc(&filter, &stream, true), 3);
        assert_int_equal(give_ksvc(&filter, &stream, false), 2); /* S0 is of no use now */
        assert_false(layer_filter_wants_key(&filter, 3));
        filter.want_sid = 2;
        assert_true(layer_filter_wants_key(&filter, 3));
        assert_int_equal(give_ksvc(&filter, &stream, false), 2);
        assert_int_equal(give_ksvc(&filter, &stream, true), 7);
        assert_int_equal(give_ksvc(&filter, &stream, false), 4);
        assert_false(layer_filter_wants_key(&filter, 3));
        filter.want_sid = 0; /* its frames were not sent: down needs a key picture too */
        assert_int_equal(give_ksvc(&filter, &stream, false), 4);
        assert_int_equal(give_ksvc(&filter, &stream, false), 4);
        assert_int_equal(give_ksvc(&filter, &stream, true), 1);
        assert_int_equal(give_ksvc(&filter, &stream, false), 1);
        assert_false(layer_filter_wants_key(&filter, 3));
}

static void what_the_sender_has_stopped_is_not_waited_for(void **state)
{
        struct stream stream = { .make = dd_bits_l3t1_key };
        struct layer_filter filter;

        (void)state;
        layer_filter_init(&filter);
        assert_int_equal(give_ksvc(&filter, &stream, true), 7);
        assert_int_equal(give_ksvc(&filter, &stream, false), 4);
        stream.stopped = 1u << 2; /* its line got narrow: S2 is no more */
        stream.ts += STEP;
        assert_false(give(&filter, &stream, 1, false)); /* S0 and S1 need what did not pass */
        assert_false(give(&filter, &stream, 3, false));
        assert_true(layer_filter_wants_key(&filter, 2));
        stream.ts += STEP;
        assert_true(give(&filter, &stream, 0, true));
        assert_true(give(&filter, &stream, 2, false));
        assert_false(layer_filter_wants_key(&filter, 2));
        stream.ts += STEP;
        assert_false(give(&filter, &stream, 1, false));
        assert_true(give(&filter, &stream, 3, false)); /* S1 goes on alone */
        stream.stopped = 0;
        assert_int_equal(give_ksvc(&filter, &stream, true), 7);
}

static void right_behind_a_key_picture_lower_layers_go_on(void **state)
{
        struct stream stream = { .make = dd_bits_l3t1_key };
        struct layer_filter filter;

        (void)state;
        layer_filter_init(&filter);
        assert_int_equal(give_ksvc(&filter, &stream, true), 7);
        filter.want_sid = 0;
        assert_int_equal(give_ksvc(&filter, &stream, false), 1);
}

static void another_source_begins_with_what_is_wanted(void **state)
{
        struct stream stream = { .make = dd_bits_l3t1_key, .number = 40000 };
        struct stream other = { .make = dd_bits_l3t1_key, .number = 7 };
        struct layer_filter filter;

        (void)state;
        layer_filter_init(&filter);
        filter.want_sid = 1;
        assert_int_equal(give_ksvc(&filter, &stream, true), 3);
        layer_filter_restart(&filter);
        assert_int_equal(give_ksvc(&filter, &other, true), 3);
        assert_int_equal(give_ksvc(&filter, &other, false), 2);
}

static bool give_plain(struct layer_filter *filter, struct layer_frame frame, uint32_t ts)
{
        return layer_filter_passes(filter, &frame, ts, NULL);
}

static struct layer_frame vp8(uint8_t tid, bool joins)
{
        return (struct layer_frame){
                .starts = true, .ends = true, .inter = true, .tid = tid, .joins = joins
        };
}

static void vp8_layers_are_joined_one_by_one_at_frames_with_y(void **state)
{
        struct layer_filter filter;
        struct layer_frame key = { .key = true, .starts = true };
        struct layer_frame rest_of_t2 = { .inter = true, .ends = true, .tid = 2 };

        (void)state;
        layer_filter_init(&filter);
        filter.want_tid = 0;
        assert_true(give_plain(&filter, key, 0));
        assert_false(give_plain(&filter, vp8(2, true), 1 * STEP));
        filter.want_tid = 2;
        assert_false(give_plain(&filter, vp8(2, true), 2 * STEP)); /* T1 comes first */
        assert_false(give_plain(&filter, vp8(1, false), 3 * STEP));
        assert_true(give_plain(&filter, vp8(1, true), 4 * STEP));
        assert_false(give_plain(&filter, vp8(2, false), 5 * STEP));
        assert_true(give_plain(&filter, vp8(0, false), 6 * STEP));
        assert_true(give_plain(&filter, vp8(2, true), 7 * STEP));
        assert_true(give_plain(&filter, vp8(2, false), 8 * STEP));
        filter.want_tid = 1; /* not in the middle of a frame */
        assert_true(give_plain(&filter, rest_of_t2, 8 * STEP));
        assert_false(give_plain(&filter, vp8(2, true), 9 * STEP));
        filter.want_tid = LAYER_ALL;
        assert_true(give_plain(&filter, key, 10 * STEP)); /* a key frame opens them all */
        assert_true(give_plain(&filter, vp8(2, false), 11 * STEP));
}

static void vp9_temporal_layers_open_behind_a_picture_with_u(void **state)
{
        struct layer_filter filter;
        struct layer_frame t0 = { .starts = true, .inter = true };
        struct layer_frame t0_u = { .starts = true, .inter = true, .opens = true };
        struct layer_frame t2 = { .starts = true, .inter = true, .tid = 2, .opens = true };

        (void)state;
        layer_filter_init(&filter);
        filter.want_tid = 0;
        assert_true(give_plain(&filter, (struct layer_frame){ .key = true, .starts = true }, 0));
        filter.want_tid = 2;
        assert_false(give_plain(&filter, t2, 1 * STEP)); /* its U says nothing: it did not pass */
        assert_false(give_plain(&filter, t2, 2 * STEP));
        assert_true(give_plain(&filter, t0, 3 * STEP));
        assert_false(give_plain(&filter, t2, 4 * STEP));
        assert_true(give_plain(&filter, t0_u, 5 * STEP));
        assert_true(give_plain(&filter, t2, 6 * STEP));
}

static struct layer_frame vp9(uint8_t sid, bool inter)
{
        return (struct layer_frame){
                .key = sid == 0 && !inter, .starts = true, .ends = true, .inter = inter, .sid = sid
        };
}

static unsigned give_picture(struct layer_filter *filter, bool inter, uint32_t ts)
{
        unsigned passed = 0;

        for (uint8_t sid = 0; sid < 3; sid++)
                passed |= give_plain(filter, vp9(sid, inter), ts) ? 1u << sid : 0;
        return passed;
}

static void vp9_spatial_layers_rise_at_key_pictures(void **state)
{
        struct layer_filter filter;

        (void)state;
        layer_filter_init(&filter);
        filter.want_sid = 1;
        assert_int_equal(give_picture(&filter, false, 0), 3);
        filter.want_sid = 2;
        assert_int_equal(give_picture(&filter, true, STEP), 3);
        assert_true(give_plain(&filter, vp9(0, true), 2 * STEP));
        filter.want_sid = 0; /* not within a picture */
        assert_true(give_plain(&filter, vp9(1, true), 2 * STEP));
        assert_int_equal(give_picture(&filter, true, 3 * STEP), 1);
        filter.want_sid = LAYER_ALL;
        assert_true(layer_filter_wants_key(&filter, 3));
        assert_int_equal(give_picture(&filter, true, 4 * STEP), 1);
        assert_int_equal(give_picture(&filter, false, 5 * STEP), 7);
        assert_false(layer_filter_wants_key(&filter, 3));
        filter.want_sid = 0;
        assert_int_equal(give_picture(&filter, true, 6 * STEP), 1);
        assert_int_equal(layer_filter_top(&filter), 0);
}

static void late_packets_share_the_fate_of_their_frame(void **state)
{
        struct layer_filter filter;
        struct layer_frame late = { .inter = true, .ends = true, .tid = 1 };

        (void)state;
        layer_filter_init(&filter);
        assert_true(give_plain(&filter, (struct layer_frame){ .key = true, .starts = true },
                               UINT32_MAX - STEP));
        assert_true(give_plain(&filter, vp8(1, false), 1 * STEP)); /* timestamps wrap */
        filter.want_tid = 0;
        assert_false(give_plain(&filter, vp8(1, false), 3 * STEP));
        assert_true(give_plain(&filter, vp8(0, false), 4 * STEP));
        assert_false(give_plain(&filter, late, 3 * STEP));
        assert_int_equal(filter.picture, 4 * STEP);
}

/* Random wishes over a captured stream with descriptors: whatever passes refers to
 * frames that passed. */
static void walk(const struct captured *captured, unsigned seed)
{
        static bool passed[65536];
        struct dd_structure structure = { 0 };
        struct layer_filter filter;
        size_t n_passed = 0;

        memset(passed, 0, sizeof(passed));
        srand(seed);
        layer_filter_init(&filter);
        for (size_t i = 0; i < captured->n; i++) {
                const struct captured_packet *p = &captured->packets[i];
                struct layer_frame frame = { .has_dd = true };

                assert_int_equal(dd_parse(&frame.dd, &structure, (struct span){ p->dd, p->dd_len }),
                                 0);
                frame.key = frame.dd.has_structure;
                frame.starts = frame.dd.starts_frame;
                frame.ends = frame.dd.ends_frame;
                frame.sid = frame.dd.sid;
                frame.tid = frame.dd.tid;
                if (rand() % 8 == 0) {
                        filter.want_sid = rand() % 4 ? (uint8_t)(rand() % 3) : LAYER_ALL;
                        filter.want_tid = rand() % 4 ? (uint8_t)(rand() % 3) : LAYER_ALL;
                }
                if (!layer_filter_passes(&filter, &frame, p->ts, &structure))
                        continue;
                n_passed++;
                for (unsigned k = 0; k < frame.dd.n_diffs; k++)
                        assert_true(passed[(uint16_t)(frame.dd.number - frame.dd.diffs[k])]);
                passed[frame.dd.number] = true;
                if (frame.ends && !p->marker)
                        assert_true(frame.sid <= layer_filter_top(&filter));
        }
        assert_true(n_passed > captured->n / 20);
}

static void whatever_passes_of_a_real_stream_can_be_decoded(void **state)
{
        static const char *const names[] = { "vp9_l3t3_key", "vp9_l1t3", "av1_l1t3",
                                             "av1_l3t3_key" };

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(names); i++) {
                struct captured *captured = captured_load(data, names[i]);

                for (unsigned seed = 0; seed < 200; seed++)
                        walk(captured, seed);
                free(captured);
        }
}

/* Two ways to tell the same: Chromium's VP9 has both. */
static void descriptor_and_payload_agree_on_layers(void **state)
{
        static const char *const names[] = { "vp9_l3t3_key", "vp9_l1t3" };

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(names); i++) {
                struct captured *captured = captured_load(data, names[i]);
                struct dd_structure structure = { 0 };

                for (size_t k = 0; k < captured->n; k++) {
                        const struct captured_packet *p = &captured->packets[k];
                        struct vp9_desc vp9;
                        struct dd_frame dd;

                        assert_int_equal(
                                dd_parse(&dd, &structure, (struct span){ p->dd, p->dd_len }), 0);
                        assert_int_equal(
                                vp9_parse(&vp9, (struct span){ p->payload, p->payload_len }), 0);
                        assert_int_equal(dd.sid, vp9.sid);
                        assert_int_equal(dd.tid, vp9.tid);
                        assert_int_equal(dd.starts_frame, vp9.starts_frame);
                        assert_int_equal(dd.ends_frame, vp9.ends_frame);
                        assert_int_equal(dd.has_structure, vp9.is_keyframe);
                }
                free(captured);
        }
}

/* A frame of VP8 needs the last one of its layer and of those below, or with Y the
 * last one of layer 0 only: none of them may be missing. */
static void what_passes_of_real_vp8_misses_nothing(void **state)
{
        struct captured *captured = captured_load(data, "vp8_l1t3");

        (void)state;
        for (unsigned seed = 0; seed < 200; seed++) {
                bool intact[4] = { false };
                struct layer_filter filter;

                srand(seed);
                layer_filter_init(&filter);
                for (size_t i = 0; i < captured->n; i++) {
                        const struct captured_packet *p = &captured->packets[i];
                        struct vp8_desc vp8;
                        struct layer_frame frame;
                        bool passes;

                        assert_int_equal(
                                vp8_parse(&vp8, (struct span){ p->payload, p->payload_len }), 0);
                        frame = (struct layer_frame){ .key = vp8.is_keyframe,
                                                      .starts = vp8.starts_frame,
                                                      .tid = vp8.tid,
                                                      .joins = vp8.layer_sync };
                        if (rand() % 8 == 0)
                                filter.want_tid = (uint8_t)(rand() % 4);
                        passes = layer_filter_passes(&filter, &frame, p->ts, NULL);
                        if (vp8.is_keyframe)
                                memset(intact, 1, sizeof(intact));
                        else if (vp8.layer_sync && passes)
                                intact[vp8.tid] = intact[0];
                        assert_true(!passes || intact[vp8.tid]);
                        for (unsigned t = vp8.tid; !passes && t < 4; t++)
                                intact[t] = false;
                }
        }
        free(captured);
}

int main(int argc, char **argv)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(temporal_layers_go_down_at_once_and_up_at_a_switch_point),
                cmocka_unit_test(a_switch_point_that_cannot_be_decoded_is_none),
                cmocka_unit_test(spatial_layers_of_key_pictures_change_at_key_pictures),
                cmocka_unit_test(what_the_sender_has_stopped_is_not_waited_for),
                cmocka_unit_test(right_behind_a_key_picture_lower_layers_go_on),
                cmocka_unit_test(another_source_begins_with_what_is_wanted),
                cmocka_unit_test(vp8_layers_are_joined_one_by_one_at_frames_with_y),
                cmocka_unit_test(vp9_temporal_layers_open_behind_a_picture_with_u),
                cmocka_unit_test(vp9_spatial_layers_rise_at_key_pictures),
                cmocka_unit_test(late_packets_share_the_fate_of_their_frame),
                cmocka_unit_test(whatever_passes_of_a_real_stream_can_be_decoded),
                cmocka_unit_test(descriptor_and_payload_agree_on_layers),
                cmocka_unit_test(what_passes_of_real_vp8_misses_nothing),
        };

        data = argc > 1 ? argv[1] : "tests/data/layers";

        return cmocka_run_group_tests(tests, NULL, NULL);
}
