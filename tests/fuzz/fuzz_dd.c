/* SPDX-License-Identifier: Apache-2.0 */
/* Input: the descriptors of one stream, a byte of length before each. */
#include "tests/fuzz/fuzz.h"

#include "sfu/wire/dd.h"

static void check_frame(const struct dd_frame *frame, const struct dd_structure *s)
{
        FUZZ_CHECK(s->n_templates > 0 && s->n_templates <= DD_MAX_TEMPLATES);
        FUZZ_CHECK(s->n_targets > 0 && s->n_targets <= DD_MAX_TARGETS);
        FUZZ_CHECK(s->max_sid < DD_MAX_SPATIAL && s->max_tid < DD_MAX_TEMPORAL);
        FUZZ_CHECK(frame->sid <= s->max_sid && frame->tid <= s->max_tid);
        FUZZ_CHECK(frame->n_targets == s->n_targets && frame->n_diffs <= DD_MAX_DIFFS);
        for (unsigned i = 0; i < frame->n_diffs; i++)
                FUZZ_CHECK(frame->diffs[i] >= 1);
}

/* With another number and mask it says the same. */
static void check_rewrite(struct span src, const struct dd_frame *frame,
                          const struct dd_structure *before)
{
        static const uint32_t masks[] = { 0, 1 };

        for (size_t i = 0; i < ARRAY_LEN(masks); i++) {
                uint8_t out[DD_MAX_BYTES];
                struct dd_structure s = *before;
                struct dd_frame again;
                size_t len = dd_write(out, sizeof(out), src, frame, 0xabcd, masks[i]);

                if (len == 0)
                        continue;
                FUZZ_CHECK(dd_parse(&again, &s, (struct span){ out, len }) == 0);
                FUZZ_CHECK(again.number == 0xabcd && again.dtis == frame->dtis);
                FUZZ_CHECK(again.has_structure == frame->has_structure);
                FUZZ_CHECK(again.n_diffs == frame->n_diffs);
                FUZZ_CHECK(again.active == (masks[i] ? masks[i] : frame->active));
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct dd_structure s = { 0 };
        struct rd r = rd_init(data, size);

        while (!r.bad && rd_left(&r) > 0) {
                struct dd_structure before = s;
                struct span one = rd_take(&r, rd_u8(&r));
                struct dd_frame frame;

                if (r.bad || dd_parse(&frame, &s, one) != 0)
                        continue;
                check_frame(&frame, &s);
                check_rewrite(one, &frame, &before);
        }
        return 0;
}
