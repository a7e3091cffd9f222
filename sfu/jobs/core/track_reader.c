/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/jobs/core/track_reader.h"

#include <errno.h>

#include "sfu/jobs/core/reorder.h"
#include "sfu/jobs/core/track_clock.h"
#include "sfu/wire/rtp.h"

/* A second of the fastest pictures that a browser sends, and a half. */
enum { MAX_PACKETS = 1024 };

struct track_reader {
        struct reorder *reorder;
        struct depay *depay; /* NULL: nothing came */
        enum job_codec codec;
        struct track_clock clock;
        bool after_loss, new_stream; /* of the next packet with a payload */
        bool gave_frame;
        int64_t frame_us; /* of the last one */
};

int track_reader_new(struct track_reader **ret_reader, const struct track_reader_config *config)
{
        cleanup(track_reader_freep) struct track_reader *reader = calloc(1, sizeof(*reader));
        const struct reorder_config order = {
                .hold_us = config->hold_us,
                .start_us = config->start_us,
                .max_packets = MAX_PACKETS,
                .pictures = config->pictures,
        };
        int r;

        if (!reader)
                return -ENOMEM;
        r = reorder_new(&reader->reorder, &order);
        if (r < 0)
                return r;
        *ret_reader = take_ptr(reader);
        return 0;
}

struct track_reader *track_reader_free(struct track_reader *reader)
{
        if (!reader)
                return NULL;
        reorder_free(reader->reorder);
        depay_free(reader->depay);
        free(reader);
        return NULL;
}

int track_reader_put(struct track_reader *reader, const struct job_record *record)
{
        return reorder_put(reader->reorder, record);
}

static int use_codec(struct track_reader *reader, enum job_codec codec)
{
        if (reader->depay && reader->codec == codec)
                return 0;
        reader->depay = depay_free(reader->depay);
        reader->codec = codec;
        reader->clock.rate = codec == JOB_OPUS ? 48000 : 90000;
        return depay_new(&reader->depay, codec);
}

/* Returns 1 and a frame when this packet completes one. */
static int read_packet(struct track_reader *reader, const struct reorder_packet *packet,
                       struct track_frame *ret_frame)
{
        const struct job_record *record = &packet->record;
        struct depay_packet in;
        struct rtp_pkt rtp;
        int64_t time_us;
        int r;

        reader->after_loss |= packet->lost > 0;
        reader->new_stream |= packet->new_generation;
        /* Padding has a number, and a time that may be any. */
        if (rtp_parse(&rtp, record->bytes.data, record->bytes.len) || rtp.payload.len == 0)
                return 0;
        r = use_codec(reader, (enum job_codec)record->codec);
        if (r < 0)
                return r;
        time_us = track_clock_on_packet(&reader->clock, &(struct track_clock_packet){
                                                                .generation = record->generation,
                                                                .ts = rtp.ts,
                                                                .arrival_us = record->arrival_us,
                                                                .media_us = record->media_us,
                                                                .reported = record->reported,
                                                        });
        in = (struct depay_packet){
                .payload = rtp.payload,
                .ts = rtp.ts,
                .marker = rtp.marker,
                .after_loss = reader->after_loss,
                .new_stream = reader->new_stream,
        };
        reader->after_loss = reader->new_stream = false;
        ret_frame->codec = reader->codec;
        ret_frame->time_us = time_us;
        ret_frame->reported = reader->clock.reported;
        ret_frame->fresh = reader->clock.fresh;
        ret_frame->off_us = reader->clock.off_us;
        ret_frame->left_us = reader->clock.left_us;
        return depay_put(reader->depay, &in, &ret_frame->frame);
}

/* A strange sender ends two frames with one timestamp. */
static void note_time(struct track_reader *reader, struct track_frame *frame)
{
        if (reader->gave_frame && frame->time_us <= reader->frame_us)
                frame->time_us = reader->frame_us + 1;
        reader->gave_frame = true;
        reader->frame_us = frame->time_us;
}

bool track_reader_take(struct track_reader *reader, int64_t now_us, struct track_frame *ret_frame)
{
        struct reorder_packet packet;

        while (reorder_take(reader->reorder, now_us, &packet)) {
                /* Out of memory: this frame is lost, the next one may not be. */
                if (read_packet(reader, &packet, ret_frame) <= 0)
                        continue;
                note_time(reader, ret_frame);
                return true;
        }
        return false;
}

int64_t track_reader_deadline_us(const struct track_reader *reader)
{
        return reorder_deadline_us(reader->reorder);
}

void track_reader_flush(struct track_reader *reader)
{
        reorder_flush(reader->reorder);
}
