/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/wire/wire_test.h"

#include "sfu/wire/dd.h"
#include "tests/dd_make.h"

enum { STRUCTURE = 16, ACTIVE = 8, DTIS = 4, DIFFS = 2, CHAINS = 1 };

static int parse(struct dd_frame *ret_frame, struct dd_structure *structure,
                 const struct dd_bits *b, size_t len)
{
        cleanup(wire_freep) uint8_t *data = wire_copy(b->data, len);

        return dd_parse(ret_frame, structure, (struct span){ data, len });
}

static void a_structure_is_read_and_kept(void **state)
{
        struct dd_structure s = { 0 };
        struct dd_frame frame;
        struct dd_bits b;

        (void)state;
        dd_bits_head(&b, true, true, 60, 1000);
        dd_bits_flags(&b, STRUCTURE);
        dd_bits_l1t3(&b, 60);
        assert_int_equal(parse(&frame, &s, &b, dd_bits_len(&b)), 0);
        assert_true(frame.has_structure && frame.starts_frame && frame.ends_frame);
        assert_int_equal(frame.number, 1000);
        assert_int_equal(frame.n_diffs, 0);
        assert_int_equal(frame.active, 7);
        assert_int_equal(s.n_templates, 5);
        assert_int_equal(s.n_targets, 3);
        assert_int_equal(s.n_chains, 1);
        assert_int_equal(s.max_tid, 2);
        for (unsigned i = 0; i < 3; i++) {
                assert_int_equal(s.target_tid[i], i);
                assert_int_equal(s.target_sid[i], 0);
        }
        assert_true(s.has_resolutions);
        assert_int_equal(s.widths[0], 640);
        assert_int_equal(s.heights[0], 360);

        /* Three bytes suffice from now on; template ids wrap at 64. */
        dd_bits_head(&b, true, false, (60 + 4) % 64, 1003);
        assert_int_equal(parse(&frame, &s, &b, 3), 0);
        assert_false(frame.has_structure || frame.ends_frame);
        assert_int_equal(frame.tid, 2);
        assert_int_equal(frame.n_diffs, 1);
        assert_int_equal(frame.diffs[0], 1);
        assert_int_equal(dd_dti_of(frame.dtis, 1), DD_ABSENT);
        assert_int_equal(dd_dti_of(frame.dtis, 2), DD_DISCARDABLE);
}

static void spatial_layers_have_targets_and_sizes(void **state)
{
        struct dd_structure s = { 0 };
        struct dd_frame frame;
        struct dd_bits b;

        (void)state;
        dd_bits_head(&b, true, true, 2, 5);
        dd_bits_flags(&b, STRUCTURE | ACTIVE);
        dd_bits_l3t1_key(&b, 0);
        dd_bits_put(&b, 3, 3);
        assert_int_equal(parse(&frame, &s, &b, dd_bits_len(&b)), 0);
        assert_int_equal(s.max_sid, 2);
        assert_int_equal(s.n_chains, 3);
        for (unsigned i = 0; i < 3; i++) {
                assert_int_equal(s.target_sid[i], i);
                assert_int_equal(s.heights[i], 90u << i);
        }
        assert_int_equal(frame.sid, 1);
        assert_true(frame.has_active);
        assert_int_equal(frame.active, 3);
        assert_int_equal(dd_dti_of(frame.dtis, 0), DD_ABSENT);
        assert_int_equal(dd_dti_of(frame.dtis, 2), DD_SWITCH);
}

static void a_frame_may_differ_from_its_template(void **state)
{
        struct dd_structure s = { 0 };
        struct dd_frame frame;
        struct dd_bits b;

        (void)state;
        dd_bits_head(&b, true, true, 0, 5);
        dd_bits_flags(&b, STRUCTURE);
        dd_bits_l1t3(&b, 0);
        assert_int_equal(parse(&frame, &s, &b, dd_bits_len(&b)), 0);

        dd_bits_head(&b, true, true, 1, 9);
        dd_bits_flags(&b, DTIS | DIFFS | CHAINS);
        dd_bits_dtis(&b, "RD-");
        dd_bits_put(&b, 1, 2);
        dd_bits_put(&b, 3, 4);
        dd_bits_put(&b, 3, 2);
        dd_bits_put(&b, 4095, 12);
        dd_bits_put(&b, 0, 2);
        dd_bits_put(&b, 77, 8);
        assert_int_equal(parse(&frame, &s, &b, dd_bits_len(&b)), 0);
        assert_int_equal(dd_dti_of(frame.dtis, 0), DD_REQUIRED);
        assert_int_equal(dd_dti_of(frame.dtis, 1), DD_DISCARDABLE);
        assert_int_equal(frame.n_diffs, 2);
        assert_int_equal(frame.diffs[0], 4);
        assert_int_equal(frame.diffs[1], 4096);
}

static void whatever_is_cut_is_refused_and_changes_nothing(void **state)
{
        struct dd_structure s = { 0 }, before;
        struct dd_frame frame = { .number = 77 };
        struct dd_bits b;
        size_t len;

        (void)state;
        dd_bits_head(&b, true, true, 0, 5);
        dd_bits_flags(&b, STRUCTURE | ACTIVE | DTIS | DIFFS | CHAINS);
        dd_bits_l3t1_key(&b, 0);
        dd_bits_put(&b, 7, 3);
        dd_bits_dtis(&b, "SSS");
        dd_bits_put(&b, 0, 2);
        dd_bits_put(&b, 0, 24);
        len = dd_bits_len(&b);
        before = s;
        for (size_t i = 0; i < len; i++)
                assert_int_not_equal(parse(&frame, &s, &b, i), 0);
        assert_int_equal(frame.number, 77);
        assert_memory_equal(&s, &before, sizeof(s));
        assert_int_equal(parse(&frame, &s, &b, len), 0);
}

static void unknown_templates_and_endless_lists_are_refused(void **state)
{
        struct dd_structure s = { 0 };
        struct dd_frame frame;
        struct dd_bits b;

        (void)state;
        dd_bits_head(&b, true, true, 1, 5);
        assert_int_equal(parse(&frame, &s, &b, 3), DD_E_TEMPLATE); /* no structure yet */

        dd_bits_flags(&b, STRUCTURE);
        dd_bits_l1t3(&b, 10);
        assert_int_equal(parse(&frame, &s, &b, dd_bits_len(&b)), DD_E_TEMPLATE);
        assert_int_equal(s.n_templates, 0);

        dd_bits_head(&b, true, true, 0, 5);
        dd_bits_flags(&b, STRUCTURE);
        dd_bits_put(&b, 0, 11);
        for (size_t i = 0; i < 70; i++)
                dd_bits_put(&b, 0, 2); /* templates without end */
        assert_int_equal(parse(&frame, &s, &b, dd_bits_len(&b)), DD_E_STRUCTURE);

        dd_bits_head(&b, true, true, 0, 5);
        dd_bits_flags(&b, STRUCTURE);
        dd_bits_put(&b, 0, 11);
        for (size_t i = 0; i < 5; i++)
                dd_bits_put(&b, 2, 2); /* a fifth spatial layer */
        dd_bits_put(&b, 3, 2);
        b.n += 100;
        assert_int_equal(parse(&frame, &s, &b, dd_bits_len(&b)), DD_E_STRUCTURE);

        dd_bits_head(&b, true, true, 0, 5);
        dd_bits_flags(&b, STRUCTURE);
        dd_bits_put(&b, 0, 11);
        dd_bits_put(&b, 3, 2);
        dd_bits_put(&b, 2, 2);
        for (size_t i = 0; i < 9; i++)
                dd_bits_put(&b, 16, 5); /* references without end */
        b.n += 32;
        assert_int_equal(parse(&frame, &s, &b, dd_bits_len(&b)), DD_E_STRUCTURE);
}

static void a_rewritten_descriptor_reads_as_before(void **state)
{
        static const unsigned with[] = { 0, ACTIVE };
        struct dd_bits b;
        uint8_t out[DD_MAX_BYTES];

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(with); i++) {
                struct dd_structure s = { 0 }, again_s = { 0 };
                struct dd_frame frame, again;
                struct span src = { b.data, 0 };
                size_t len;

                dd_bits_head(&b, true, false, 0, 5);
                dd_bits_flags(&b, STRUCTURE | DTIS | with[i]);
                dd_bits_l3t1_key(&b, 0);
                if (with[i])
                        dd_bits_put(&b, 7, 3);
                dd_bits_dtis(&b, "SRS");
                src.len = dd_bits_len(&b);
                assert_int_equal(dd_parse(&frame, &s, src), 0);

                len = dd_write(out, sizeof(out), src, &frame, 0xabcd, 0);
                assert_int_equal(len, src.len);
                assert_int_equal(dd_parse(&again, &again_s, (struct span){ out, len }), 0);
                assert_int_equal(again.number, 0xabcd);

                len = dd_write(out, sizeof(out), src, &frame, 0xabcd, 1);
                assert_true(len >= src.len);
                assert_int_equal(dd_parse(&again, &again_s, (struct span){ out, len }), 0);
                assert_int_equal(again.number, 0xabcd);
                assert_true(again.has_active);
                assert_int_equal(again.active, 1);
                assert_int_equal(again.dtis, frame.dtis);
                assert_memory_equal(&s, &again_s, sizeof(s));
                assert_int_equal(dd_write(out, src.len - 1, src, &frame, 1, 1), 0);
        }
}

static void a_mask_fits_into_the_shortest_descriptor(void **state)
{
        struct dd_structure s = { 0 };
        struct dd_frame frame;
        struct dd_bits b;
        uint8_t out[8];
        size_t len;

        (void)state;
        dd_bits_head(&b, true, true, 0, 5);
        dd_bits_flags(&b, STRUCTURE);
        dd_bits_l1t3(&b, 0);
        assert_int_equal(parse(&frame, &s, &b, dd_bits_len(&b)), 0);
        dd_bits_head(&b, true, true, 4, 6);
        assert_int_equal(dd_parse(&frame, &s, (struct span){ b.data, 3 }), 0);
        len = dd_write(out, sizeof(out), (struct span){ b.data, 3 }, &frame, 9, 5);
        assert_int_equal(len, 4);
        assert_int_equal(dd_parse(&frame, &s, (struct span){ out, len }), 0);
        assert_int_equal(frame.number, 9);
        assert_int_equal(frame.tid, 2);
        assert_int_equal(frame.active, 5);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_structure_is_read_and_kept),
                cmocka_unit_test(spatial_layers_have_targets_and_sizes),
                cmocka_unit_test(a_frame_may_differ_from_its_template),
                cmocka_unit_test(whatever_is_cut_is_refused_and_changes_nothing),
                cmocka_unit_test(unknown_templates_and_endless_lists_are_refused),
                cmocka_unit_test(a_rewritten_descriptor_reads_as_before),
                cmocka_unit_test(a_mask_fits_into_the_shortest_descriptor),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
