/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Input: one byte (1: pictures), then packets of a track: flags, how much the extended number,
 * the arrival and media_us move (a signed byte each, the times in units of 5 ms), the length of
 * the RTP packet (two bytes), and the packet.
 */
#include "tests/fuzz/fuzz.h"

#include <errno.h>

#include "sfu/jobs/core/reorder.h"
#include "sfu/jobs/core/track_clock.h"
#include "sfu/jobs/core/track_reader.h"

enum { HEAD = 6, UNIT_US = 5000, HOLD_US = 500000, START_US = 100000 };
enum {
        KEYFRAME = 1,
        NEW_GENERATION = 2,
        OLD_GENERATION = 4,
        FLUSH = 8,
        OTHER_CODEC = 16,
        TICK = 32
};

struct state {
        struct track_reader *reader;
        struct job_record record;
        int64_t now_us, last_us;
        uint32_t n_frames;
};

static void take_all(struct state *state, int64_t now_us)
{
        struct track_frame frame;

        while (track_reader_take(state->reader, now_us, &frame)) {
                FUZZ_CHECK(state->n_frames++ == 0 || frame.time_us > state->last_us);
                FUZZ_CHECK(frame.frame.bytes.len > 0 && frame.frame.bytes.len <= DEPAY_MAX_FRAME);
                FUZZ_CHECK(frame.codec < JOB_N_CODECS);
                state->last_us = frame.time_us;
        }
        FUZZ_CHECK(track_reader_deadline_us(state->reader) > now_us);
}

static void put(struct state *state, uint8_t flags)
{
        struct job_record record = state->record;
        int err;

        record.starts_keyframe = flags & KEYFRAME;
        if (flags & OLD_GENERATION)
                record.generation--;
        if (flags & OTHER_CODEC)
                record.codec = (uint8_t)((record.codec + record.generation) % JOB_N_CODECS);
        err = track_reader_put(state->reader, &record);
        FUZZ_CHECK(err == 0 || err == REORDER_E_LATE || err == REORDER_E_TWICE);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct rd r = rd_init(data, size);
        uint8_t kind = rd_u8(&r);
        const struct track_reader_config config = { .pictures = kind & 1,
                                                    .hold_us = HOLD_US,
                                                    .start_us = START_US };
        struct state state = { .record = { .type = JOB_RTP,
                                           .kind = kind & 1,
                                           .codec = (kind >> 1) % JOB_N_CODECS,
                                           .ext = 65530,
                                           .arrival_us = 1000000,
                                           .media_us = 970000 } };

        if (track_reader_new(&state.reader, &config) < 0)
                return 0;
        while (rd_left(&r) > HEAD) {
                uint8_t flags = rd_u8(&r);
                size_t len;

                state.record.ext += (uint32_t)(int8_t)rd_u8(&r);
                state.record.arrival_us += (int8_t)rd_u8(&r) * UNIT_US;
                state.record.media_us += (int8_t)rd_u8(&r) * UNIT_US;
                len = rd_u16(&r);
                state.record.generation += flags & NEW_GENERATION ? 1 : 0;
                state.record.bytes = rd_take(&r, len < rd_left(&r) ? len : rd_left(&r));
                if (state.record.arrival_us > state.now_us)
                        state.now_us = state.record.arrival_us;
                put(&state, flags);
                if (flags & FLUSH)
                        track_reader_flush(state.reader);
                take_all(&state, state.now_us + (flags & TICK ? HOLD_US : 0));
        }
        track_reader_flush(state.reader);
        take_all(&state, state.now_us);
        FUZZ_CHECK(track_reader_deadline_us(state.reader) == INT64_MAX);
        track_reader_free(state.reader);
        return 0;
}
