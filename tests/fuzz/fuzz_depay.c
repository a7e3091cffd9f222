/* SPDX-License-Identifier: Apache-2.0 */
/* Input: the codec; packets, each a byte of flags, two of length, and the payload. */
#include "tests/fuzz/fuzz.h"

#include "sfu/jobs/core/depay.h"
#include "sfu/wire/av1.h"

enum { MARKER = 1, AFTER_LOSS = 2, NEW_STREAM = 4, NEXT_TS = 8 };

/* Each with its size, none of them a delimiter. */
static void check_obus(struct span unit)
{
        struct rd r = rd_init(unit.data, unit.len);

        while (rd_left(&r) > 0) {
                uint8_t header = rd_u8(&r);

                FUZZ_CHECK((header & 0x82) == 0x02);
                FUZZ_CHECK((header >> 3 & 0x0f) != AV1_OBU_TEMPORAL_DELIMITER);
                if (header & 0x04)
                        (void)rd_u8(&r);
                (void)rd_take(&r, (size_t)av1_read_leb128(&r));
                FUZZ_CHECK(!r.bad);
        }
}

/* Each behind its length. */
static void check_nals(struct span unit)
{
        struct rd r = rd_init(unit.data, unit.len);

        while (rd_left(&r) > 0) {
                (void)rd_take(&r, rd_u32(&r));
                FUZZ_CHECK(!r.bad);
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        cleanup(depay_freep) struct depay *depay = NULL;
        struct rd r = rd_init(data, size);
        enum job_codec codec = rd_u8(&r) % JOB_N_CODECS;
        bool is_first = true;
        uint32_t ts = 0;

        if (depay_new(&depay, codec) < 0)
                return 0;
        while (rd_left(&r) > 3) {
                uint8_t flags = rd_u8(&r);
                size_t len = rd_u16(&r);
                struct depay_frame frame;
                struct depay_packet packet = {
                        .ts = ts += flags & NEXT_TS ? 3000 : 0,
                        .marker = flags & MARKER,
                        .after_loss = flags & AFTER_LOSS,
                        .new_stream = flags & NEW_STREAM,
                };

                packet.payload = rd_take(&r, len < rd_left(&r) ? len : rd_left(&r));
                is_first |= packet.new_stream;
                if (depay_put(depay, &packet, &frame) <= 0)
                        continue;
                FUZZ_CHECK(frame.is_keyframe || !is_first);
                FUZZ_CHECK(frame.bytes.len > 0 && frame.bytes.len <= DEPAY_MAX_FRAME);
                FUZZ_CHECK(frame.format->config_len <= DEPAY_MAX_CONFIG);
                FUZZ_CHECK(codec == JOB_OPUS ||
                           (frame.format->width > 0 && frame.format->height > 0));
                if (codec == JOB_AV1)
                        check_obus(frame.bytes);
                if (codec == JOB_H264)
                        check_nals(frame.bytes);
                is_first = false;
        }
        return 0;
}
