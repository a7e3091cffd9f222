/* SPDX-License-Identifier: Apache-2.0 */
/* Input: packets; each a byte of flags, two of length, and the payload. */
#include "tests/fuzz/fuzz.h"

#include "sfu/jobs/core/av1_depay.h"
#include "sfu/wire/av1.h"

enum { MARKER = 1, AFTER_LOSS = 2, NEW_STREAM = 4, NEXT_TS = 8 };

/* A unit is a row of OBUs, each with its size, none of them a delimiter. */
static void check_unit(const struct av1_unit *unit, bool is_first)
{
        struct rd r = rd_init(unit->bytes.data, unit->bytes.len);
        unsigned n = 0;

        for (; rd_left(&r) > 0; n++) {
                uint8_t header = rd_u8(&r);

                FUZZ_CHECK((header & 0x82) == 0x02);
                FUZZ_CHECK((header >> 3 & 0x0f) != AV1_OBU_TEMPORAL_DELIMITER);
                if (header & 0x04)
                        (void)rd_u8(&r);
                (void)rd_take(&r, (size_t)av1_read_leb128(&r));
                FUZZ_CHECK(!r.bad);
        }
        FUZZ_CHECK(n > 0 && unit->bytes.len <= AV1_MAX_UNIT);
        FUZZ_CHECK(unit->is_keyframe || !is_first);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        cleanup(av1_depay_freep) struct av1_depay *depay = NULL;
        struct rd r = rd_init(data, size);
        struct av1_sequence seq;
        bool is_first = true;
        uint32_t ts = 0;

        if (av1_depay_new(&depay) < 0)
                return 0;
        while (rd_left(&r) > 3) {
                uint8_t flags = rd_u8(&r);
                size_t len = rd_u16(&r);
                struct av1_unit unit;
                struct av1_payload payload = {
                        .ts = ts += flags & NEXT_TS ? 3000 : 0,
                        .marker = flags & MARKER,
                        .after_loss = flags & AFTER_LOSS,
                        .new_stream = flags & NEW_STREAM,
                };

                payload.bytes = rd_take(&r, len < rd_left(&r) ? len : rd_left(&r));
                is_first |= payload.new_stream;
                if (av1_depay_put(depay, &payload, &unit) <= 0)
                        continue;
                check_unit(&unit, is_first);
                is_first = false;
                if (av1_find_sequence(unit.bytes, &seq))
                        FUZZ_CHECK(fuzz_within(seq.obu, unit.bytes.data, unit.bytes.len));
        }
        return 0;
}
