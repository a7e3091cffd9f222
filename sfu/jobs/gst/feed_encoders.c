/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/jobs/gst/feed_encoders.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>

struct text {
        char *at;
        size_t left;
};

__attribute__((format(printf, 2, 3))) static void add(struct text *text, const char *format, ...)
{
        va_list args;
        int n;

        va_start(args, format);
        n = vsnprintf(text->at, text->left, format, args);
        va_end(args);
        assert(n >= 0 && (size_t)n < text->left); /* FEED_ENCODERS_TEXT holds three layers */
        text->at += n;
        text->left -= (size_t)n;
}

static void add_vp8(struct text *text, unsigned i, int bps)
{
        add(text,
            " ! vp8enc name=enc%u deadline=1 cpu-used=-6 threads=1 lag-in-frames=0 end-usage=cbr"
            " target-bitrate=%d min-quantizer=4 max-quantizer=56 keyframe-max-dist=600"
            " static-threshold=100 undershoot=95 timebase=1/90000",
            i, bps);
}

/* A second of the rate in the decoder's buffer: a key frame costs as much as many pictures. */
static void add_h264(struct text *text, unsigned i, int bps)
{
        add(text,
            " ! x264enc name=enc%u speed-preset=superfast tune=zerolatency threads=1"
            " sliced-threads=false bframes=0 aud=false key-int-max=600 option-string=scenecut=0 bitrate=%d"
            " vbv-buf-capacity=1000 ! video/x-h264,stream-format=byte-stream,alignment=au,"
            "profile=constrained-baseline,level=(string)3.1",
            i, bps / 1000);
}

static void add_layer(struct text *text, const struct picture_plan *plan, unsigned i,
                      enum job_codec codec)
{
        if (codec == JOB_H264)
                add_h264(text, i, plan->layers[i].bps);
        else
                add_vp8(text, i, plan->layers[i].bps);
        add(text,
            " ! appsink name=sink%u sync=false async=false max-buffers=4 enable-last-sample=false",
            i);
}

/* Each smaller layer is made of the one above it. */
void feed_encoders_describe(char ret[FEED_ENCODERS_TEXT], const struct picture_plan *plan,
                            enum job_codec codec)
{
        static const char queue[] =
                "queue leaky=downstream max-size-buffers=2 max-size-bytes=0 max-size-time=0";
        struct text text = { ret, FEED_ENCODERS_TEXT };

        add(&text,
            "appsrc name=src is-live=true format=time block=false max-buffers=%d max-bytes=0"
            " leaky-type=downstream ! tee name=t t. ! %s",
            FEED_ENCODERS_WAITING, queue);
        add_layer(&text, plan, plan->n - 1, codec);
        if (plan->n > 1)
                add(&text, " t. ! %s", queue);
        for (unsigned i = plan->n - 1; i-- > 0;) {
                add(&text, " ! videoscale ! video/x-raw,width=%d,height=%d,pixel-aspect-ratio=1/1",
                    plan->layers[i].width, plan->layers[i].height);
                if (i > 0)
                        add(&text, " ! tee name=t%u t%u.", i, i);
                add_layer(&text, plan, i, codec);
                if (i > 0)
                        add(&text, " t%u.", i);
        }
}
