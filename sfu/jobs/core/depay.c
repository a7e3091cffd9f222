/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/jobs/core/depay.h"

#include <assert.h>

#include "sfu/jobs/core/depay_internal.h"

static const struct depay_codec *const codecs[JOB_N_CODECS] = {
        [JOB_OPUS] = &depay_opus, [JOB_VP8] = &depay_vp8, [JOB_H264] = &depay_h264,
        [JOB_VP9] = &depay_vp9,   [JOB_AV1] = &depay_av1,
};

enum { KEPT_BYTES = 128 * 1024 };

int depay_new(struct depay **ret_depay, enum job_codec codec)
{
        struct depay *depay = calloc(1, sizeof(*depay));

        assert(codec < JOB_N_CODECS);
        if (!depay)
                return -ENOMEM;
        depay->codec = codecs[codec];
        *ret_depay = depay;
        return 0;
}

struct depay *depay_free(struct depay *depay)
{
        if (!depay)
                return NULL;
        byte_buf_done(&depay->frame);
        byte_buf_done(&depay->part);
        free(depay);
        return NULL;
}

static void begin_stream(struct depay *depay)
{
        depay->started = false;
        depay->is_open = false;
        depay->sps.len = depay->pps.len = 0;
}

/* Memory for a frame as most are is kept. */
static void empty(struct byte_buf *buf)
{
        if (buf->cap > KEPT_BYTES)
                byte_buf_done(buf);
        buf->len = 0;
}

static void begin_frame(struct depay *depay, const struct depay_packet *packet)
{
        const struct depay_codec *codec = depay->codec;

        empty(&depay->frame);
        empty(&depay->part);
        depay->has_part = false;
        depay->is_keyframe = false;
        depay->n_layers = 0;
        depay->has_sequence = depay->has_picture = false;
        depay->is_open = true;
        depay->ts = packet->ts;
        depay->is_broken = packet->after_loss && codec->may_begin &&
                           !codec->may_begin(packet->payload);
}

/* Returns 1 and the frame, 0 when there is none worth showing, or -ENOMEM. */
static int end_frame(struct depay *depay, struct depay_frame *ret_frame)
{
        int err = 0;

        depay->is_open = false;
        if (depay->is_broken || depay->has_part || depay->frame.len == 0)
                return 0;
        if (depay->codec->end)
                err = depay->codec->end(depay);
        if (err || (!depay->started && !depay->is_keyframe))
                return err < 0 ? err : 0;
        depay->started = true;
        *ret_frame = (struct depay_frame){
                .bytes = byte_buf_span(&depay->frame),
                .ts = depay->ts,
                .is_keyframe = depay->is_keyframe,
                .duration_us = depay->duration_us,
                .format = &depay->format,
        };
        return 1;
}

int depay_put(struct depay *depay, const struct depay_packet *packet, struct depay_frame *ret_frame)
{
        int err = 0;

        if (packet->new_stream)
                begin_stream(depay);
        if (!depay->is_open || packet->ts != depay->ts)
                begin_frame(depay, packet);
        else if (packet->after_loss)
                depay->is_broken = true;
        if (!depay->is_broken)
                err = depay->codec->add(depay, packet->payload);
        if (err)
                depay->is_broken = true;
        if (err < 0)
                return err;
        return packet->marker || depay->codec->is_sound ? end_frame(depay, ret_frame) : 0;
}
