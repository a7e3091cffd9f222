/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/wire/wire_test.h"

#include "sfu/jobs/core/av1_sequence.h"
#include "sfu/jobs/core/depay.h"

/* The sequence header of a 64x64 picture, as libaom writes it (profile 0, level 0), and frames
 * whose first three bits say what they are: 0x10 is a shown key frame, 0x30 an inter frame. */
#define SEQ 0x00, 0x00, 0x00, 0x02, 0xaf, 0xff, 0xf0, 0x36, 0xbe, 0x40, 0x10
#define SEQ_LEN 11

struct step {
        uint8_t bytes[40];
        size_t len;
        uint32_t ts;
        bool marker, after_loss, new_stream;
        bool has_unit, is_keyframe; /* expected */
        uint8_t unit[48];
        size_t unit_len;
};

struct scenario {
        const char *name;
        struct step steps[5]; /* those of no length are none */
};

/* A whole key unit in one packet and what becomes of it. */
#define KEY_PACKET { 0x28, 1 + SEQ_LEN, 0x08, SEQ, 0x30, 0x10, 7 }, 1 + 1 + 1 + SEQ_LEN + 3
#define KEY_UNIT { 0x0a, SEQ_LEN, SEQ, 0x32, 2, 0x10, 7 }, 2 + SEQ_LEN + 4

static const struct scenario scenarios[] = {
        { "a unit in one packet",
          { { KEY_PACKET, 1, true, false, true, true, true, KEY_UNIT },
            { { 0x10, 0x30, 0x30, 9 },
              4,
              2,
              true,
              false,
              false,
              true,
              false,
              { 0x32, 2, 0x30, 9 },
              4 } } },
        { "each element with its length, sizes of its own, delimiter and padding",
          { { { 0x08, 2, 0x12, 0, 2 + SEQ_LEN, 0x0a, SEQ_LEN, SEQ, 3, 0x30, 0x10, 7, 2, 0x7a, 0 },
              SEQ_LEN + 14,
              1,
              true,
              false,
              true,
              true,
              true,
              KEY_UNIT } } },
        { "a frame in three packets",
          { { { 0x68, 1 + SEQ_LEN, 0x08, SEQ, 0x30 }, 4 + SEQ_LEN, 1, false, false, true },
            { { 0xd0, 0x10 }, 2, 1 },
            { { 0x90, 7 }, 2, 1, true, false, false, true, true, KEY_UNIT } } },
        { "nothing before a key frame",
          { { { 0x10, 0x30, 0x30, 9 }, 4, 1, true, false, true },
            { KEY_PACKET, 2, true, false, false, true, true, KEY_UNIT } } },
        { "a sequence header alone is no key frame",
          { { { 0x28, 1 + SEQ_LEN, 0x08, SEQ, 0x30, 0x30, 7 },
              3 + SEQ_LEN + 3,
              1,
              true,
              false,
              true } } },
        { "loss within a unit costs the unit",
          { { KEY_PACKET, 1, true, false, true, true, true, KEY_UNIT },
            { { 0x50, 0x30, 0x30 }, 3, 2 },
            { { 0x90, 7 }, 2, 2, true, true },
            { { 0x10, 0x30, 0x30, 9 },
              4,
              3,
              true,
              false,
              false,
              true,
              false,
              { 0x32, 2, 0x30, 9 },
              4 } } },
        { "a lost marker costs the unit",
          { { KEY_PACKET, 1, true, false, true, true, true, KEY_UNIT },
            { { 0x10, 0x30, 0x30 }, 3, 2 },
            { { 0x10, 0x30, 0x30, 9 },
              4,
              3,
              true,
              true,
              false,
              true,
              false,
              { 0x32, 2, 0x30, 9 },
              4 } } },
        { "a lost beginning costs the unit",
          { { KEY_PACKET, 1, true, false, true, true, true, KEY_UNIT },
            { { 0x90, 0x30, 0x30 }, 3, 2, true, true },
            { { 0x10, 0x20, 1 }, 3, 3, true, true } } },
        { "another stream begins with its key frame",
          { { KEY_PACKET, 1, true, false, true, true, true, KEY_UNIT },
            { { 0x10, 0x30, 0x30, 9 }, 4, 1, true, false, true },
            { KEY_PACKET, 1, true, false, false, true, true, KEY_UNIT } } },
        { "what cannot be read costs the unit",
          { { KEY_PACKET, 1, true, false, true, true, true, KEY_UNIT },
            { { 0x20, 9, 0x30 }, 3, 2, true },
            { { 0x10, 0xb0, 0x30 }, 3, 3, true },    /* forbidden bit */
            { { 0x10, 0x32, 5, 0x30 }, 4, 4, true }, /* a size past the end */
            { { 0x10 }, 1, 5, true } } },
        { "a part that does not go on, and one that nothing began",
          { { KEY_PACKET, 1, true, false, true, true, true, KEY_UNIT },
            { { 0x50, 0x30, 0x30 }, 3, 2 },
            { { 0x10, 0x30, 0x30 }, 3, 2, true },
            { { 0x90, 0x30, 0x30 }, 3, 3, true } } },
        { "a part without an end",
          { { KEY_PACKET, 1, true, false, true, true, true, KEY_UNIT },
            { { 0x50, 0x30, 0x30 }, 3, 2, true } } },
};

static void run_step(const struct scenario *scenario, size_t i, struct depay *depay)
{
        const struct step *step = &scenario->steps[i];
        cleanup(wire_freep) uint8_t *bytes = wire_copy(step->bytes, step->len);
        const struct depay_packet packet = {
                .payload = { bytes, step->len },
                .ts = step->ts,
                .marker = step->marker,
                .after_loss = step->after_loss,
                .new_stream = step->new_stream,
        };
        struct depay_frame unit = { 0 };
        int r = depay_put(depay, &packet, &unit);

        if (r != step->has_unit)
                fail_msg("%s, packet %zu: %d", scenario->name, i, r);
        if (!r)
                return;
        if (unit.ts != step->ts || unit.is_keyframe != step->is_keyframe ||
            unit.format->width != 64 || unit.format->height != 64)
                fail_msg("%s, packet %zu: key %d", scenario->name, i, unit.is_keyframe);
        if (unit.bytes.len != step->unit_len ||
            memcmp(unit.bytes.data, step->unit, unit.bytes.len) != 0)
                fail_msg("%s, packet %zu: %zu bytes differ", scenario->name, i, unit.bytes.len);
}

static void payloads_become_units(void **state)
{
        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(scenarios); i++) {
                cleanup(depay_freep) struct depay *depay = NULL;

                assert_int_equal(depay_new(&depay, JOB_AV1), 0);
                for (size_t k = 0; k < ARRAY_LEN(scenarios[i].steps); k++)
                        if (scenarios[i].steps[k].len > 0)
                                run_step(&scenarios[i], k, depay);
        }
}

static void a_unit_without_end_is_bounded(void **state)
{
        static const uint8_t part[1200] = { 0xd0 };
        cleanup(depay_freep) struct depay *depay = NULL;
        struct depay_packet packet = { .payload = { (const uint8_t[]){ 0x50, 0x30, 0x10 }, 3 },
                                       .new_stream = true };
        struct depay_frame unit;

        (void)state;
        assert_int_equal(depay_new(&depay, JOB_AV1), 0);
        assert_int_equal(depay_put(depay, &packet, &unit), 0);
        packet = (struct depay_packet){ .payload = { part, sizeof(part) } };
        for (int i = 0; i < DEPAY_MAX_FRAME / 1000; i++)
                assert_int_equal(depay_put(depay, &packet, &unit), 0);
        packet = (struct depay_packet){ .payload = { (const uint8_t[]){ 0x90, 1 }, 2 },
                                        .marker = true };
        assert_int_equal(depay_put(depay, &packet, &unit), 0);
}

static void a_sequence_header_tells_size_and_format(void **state)
{
        static const uint8_t unit[] = { 0x12, 0, 0x0a, SEQ_LEN, SEQ, 0x32, 1, 0x10 };
        struct av1_sequence seq;

        (void)state;
        assert_true(av1_find_sequence((struct span){ unit, sizeof(unit) }, &seq));
        assert_int_equal(seq.width, 64);
        assert_int_equal(seq.height, 64);
        assert_ptr_equal(seq.obu.data, unit + 2);
        assert_int_equal(seq.obu.len, 2 + SEQ_LEN);
        assert_memory_equal(seq.config, ((uint8_t[]){ 0x81, 0x00, 0x0c, 0 }), 4);
        for (size_t cut = 0; cut < 4 + SEQ_LEN; cut++) {
                cleanup(wire_freep) uint8_t *copy = wire_copy(unit, cut);

                assert_false(av1_find_sequence((struct span){ copy, cut }, &seq));
        }
        assert_false(av1_find_sequence((struct span){ unit + 4 + SEQ_LEN, 3 }, &seq));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(payloads_become_units),
                cmocka_unit_test(a_unit_without_end_is_bounded),
                cmocka_unit_test(a_sequence_header_tells_size_and_format),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
