/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/integration/clips.h"

#include <gst/app/gstappsink.h>
#include <gst/app/gstappsrc.h>
#include <gst/gst.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "sfu/wire/av1.h"
#include "sfu/wire/rtp.h"

enum { RATE = 48000, OPUS_SAMPLES = 960, MTU = 1100, TONE_HZ = 1000 };

/* ---- encoders ---- */

static const char *const encoders[JOB_N_CODECS] = {
        [JOB_OPUS] = "opusenc frame-size=20 ! rtpopuspay",
        [JOB_VP8] =
                "vp8enc deadline=1 cpu-used=8 keyframe-max-dist=100000 lag-in-frames=0 target-bitrate=%d000"
                " end-usage=cbr ! rtpvp8pay mtu=1100 picture-id-mode=2",
        [JOB_H264] = "x264enc speed-preset=ultrafast tune=zerolatency key-int-max=100000 bitrate=%d"
                     " ! video/x-h264,profile=constrained-baseline"
                     " ! rtph264pay mtu=1100 config-interval=-1 aggregate-mode=zero-latency",
        [JOB_VP9] =
                "vp9enc deadline=1 cpu-used=8 keyframe-max-dist=100000 lag-in-frames=0 target-bitrate=%d000"
                " end-usage=cbr ! rtpvp9pay mtu=1100 picture-id-mode=2",
        [JOB_AV1] = "av1enc cpu-used=8 usage-profile=realtime keyframe-max-dist=100000"
                    " target-bitrate=%d ! av1parse"
                    " ! video/x-av1,stream-format=obu-stream,alignment=tu",
};

static GstElement *build(const struct clip_params *params)
{
        char encoder[400], whole[800], caps[200];
        GError *error = NULL;
        GstElement *bin;

        snprintf(caps, sizeof(caps),
                 params->codec == JOB_OPUS
                         ? "audio/x-raw,format=S16LE,rate=48000,channels=1,layout=interleaved"
                         : "video/x-raw,format=I420,width=%d,height=%d,framerate=%d/1",
                 params->width, params->height, params->fps);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
        snprintf(encoder, sizeof(encoder), encoders[params->codec], params->bitrate_kbps);
#pragma GCC diagnostic pop
        snprintf(whole, sizeof(whole),
                 "appsrc name=in format=time caps=%s ! %s ! appsink name=out"
                 " sync=false",
                 caps, encoder);
        bin = gst_parse_launch(whole, &error);
        if (error)
                fail_msg("%s", error->message);
        return bin;
}

static GstBuffer *picture(const struct clip_params *params, int i)
{
        size_t luma = (size_t)params->width * (size_t)params->height, len = luma * 3 / 2;
        uint8_t *bytes = g_malloc(len);
        uint32_t random = (uint32_t)i * 7919 + 1;

        memset(bytes, i * 10 < params->fps ? 235 : 16, luma);
        memset(bytes + luma, 128, len - luma);
        for (size_t k = 0; params->busy && k < luma; k++) {
                random = random * 1664525 + 1013904223;
                bytes[k] = (uint8_t)(random >> 24);
        }
        return gst_buffer_new_wrapped(bytes, len);
}

static GstBuffer *sound(int i)
{
        int16_t *samples = g_new0(int16_t, OPUS_SAMPLES);

        for (int k = 0; k < OPUS_SAMPLES && i % 50 < 5; k++)
                samples[k] = (int16_t)(12000 *
                                       sin(2 * M_PI * TONE_HZ * (i * OPUS_SAMPLES + k) / RATE));
        return gst_buffer_new_wrapped(samples, OPUS_SAMPLES * sizeof(*samples));
}

/* ---- payloads ---- */

static void add_payload(struct clip_frame *frame, const uint8_t *bytes, size_t len)
{
        frame->payloads = g_renew(struct clip_payload, frame->payloads, frame->n_payloads + 1);
        frame->payloads[frame->n_payloads++] = (struct clip_payload){ g_memdup2(bytes, len), len };
}

static struct clip_frame *add_frame(struct clip *clip)
{
        clip->frames = g_renew(struct clip_frame, clip->frames, clip->n_frames + 1);
        clip->frames[clip->n_frames] = (struct clip_frame){ .is_keyframe = clip->n_frames == 0 };
        return &clip->frames[clip->n_frames++];
}

static void take_rtp(struct clip *clip, const uint8_t *data, size_t len, uint32_t *last_ts)
{
        struct rtp_pkt rtp;

        assert_int_equal(rtp_parse(&rtp, data, len), 0);
        if (clip->n_frames == 0 || rtp.ts != *last_ts)
                add_frame(clip);
        *last_ts = rtp.ts;
        add_payload(&clip->frames[clip->n_frames - 1], rtp.payload.data, rtp.payload.len);
}

/* A temporal unit as senders of AV1 do it (AOM "RTP Payload Format For AV1" §4): without its
 * delimiter and sizes, an OBU or a piece of one in each packet. */
static void take_unit(struct clip *clip, const uint8_t *data, size_t len)
{
        enum { Z = 0x80, Y = 0x40, W1 = 0x10, N = 0x08 };
        struct clip_frame *frame = add_frame(clip);
        struct rd r = rd_init(data, len);

        while (rd_left(&r) > 0) {
                uint8_t packet[1 + MTU], header = rd_u8(&r);
                size_t n = (size_t)av1_read_leb128(&r);
                struct span content = rd_take(&r, n);
                uint8_t goes_on = 0;

                assert_false(r.bad || header & 0x04 || !(header & 0x02));
                if ((header >> 3 & 15) == AV1_OBU_TEMPORAL_DELIMITER)
                        continue;
                for (size_t at = 0, room; at < content.len || !goes_on; goes_on = Z) {
                        size_t head = goes_on ? 1 : 2;

                        room = sizeof(packet) - head;
                        n = content.len - at < room ? content.len - at : room;
                        packet[0] = goes_on | W1;
                        if (frame->is_keyframe && frame->n_payloads == 0)
                                packet[0] |= N;
                        if (n < content.len - at)
                                packet[0] |= Y;
                        packet[1] = header & 0xfd;
                        memcpy(packet + head, content.data + at, n);
                        add_payload(frame, packet, head + n);
                        at += n;
                }
        }
}

static void take_output(struct clip *clip, GstElement *out)
{
        uint32_t last_ts = 0;
        GstSample *sample;

        while ((sample = gst_app_sink_pull_sample(GST_APP_SINK(out)))) {
                GstMapInfo map;

                gst_buffer_map(gst_sample_get_buffer(sample), &map, GST_MAP_READ);
                if (clip->codec == JOB_AV1)
                        take_unit(clip, map.data, map.size);
                else
                        take_rtp(clip, map.data, map.size, &last_ts);
                gst_buffer_unmap(gst_sample_get_buffer(sample), &map);
                gst_sample_unref(sample);
        }
}

static void free_frame(struct clip_frame *frame)
{
        for (size_t i = 0; i < frame->n_payloads; i++)
                g_free(frame->payloads[i].bytes);
        g_free(frame->payloads);
}

/* An encoder begins otherwise than it goes on: a decoder would hear where the clip begins anew. */
static void drop_first_second(struct clip *clip)
{
        enum { PER_SECOND = RATE / OPUS_SAMPLES };

        for (size_t i = 0; i < PER_SECOND; i++)
                free_frame(&clip->frames[i]);
        clip->n_frames -= PER_SECOND;
        memmove(clip->frames, clip->frames + PER_SECOND, clip->n_frames * sizeof(*clip->frames));
}

struct clip *clip_new(const struct clip_params *params)
{
        struct clip *clip = g_new0(struct clip, 1);
        bool is_sound = params->codec == JOB_OPUS;
        int fps = is_sound ? RATE / OPUS_SAMPLES : params->fps,
            n = fps * (params->seconds + is_sound);
        GstElement *bin = build(params), *in = gst_bin_get_by_name(GST_BIN(bin), "in"),
                   *out = gst_bin_get_by_name(GST_BIN(bin), "out");

        clip->codec = params->codec;
        clip->ts_per_frame = (uint32_t)((is_sound ? RATE : 90000) / fps);
        clip->us_per_frame = 1000000 / fps;
        gst_element_set_state(bin, GST_STATE_PLAYING);
        for (int i = 0; i < n; i++) {
                GstBuffer *buffer = is_sound ? sound(i) : picture(params, i);

                GST_BUFFER_PTS(buffer) = (guint64)i * GST_SECOND / (guint64)fps;
                GST_BUFFER_DURATION(buffer) = GST_SECOND / (guint64)fps;
                assert_int_equal(gst_app_src_push_buffer(GST_APP_SRC(in), buffer), GST_FLOW_OK);
        }
        gst_app_src_end_of_stream(GST_APP_SRC(in));
        take_output(clip, out);
        /* Opus has its look-ahead: a packet more, which is left out. */
        if (clip->n_frames < (size_t)n)
                fail_msg("%d: %zu of %d frames", (int)clip->codec, clip->n_frames, n);
        while (clip->n_frames > (size_t)n)
                free_frame(&clip->frames[--clip->n_frames]);
        if (is_sound)
                drop_first_second(clip);
        gst_element_set_state(bin, GST_STATE_NULL);
        gst_object_unref(in);
        gst_object_unref(out);
        gst_object_unref(bin);
        return clip;
}

struct clip *clip_free(struct clip *clip)
{
        for (size_t i = 0; clip && i < clip->n_frames; i++)
                free_frame(&clip->frames[i]);
        if (clip)
                g_free(clip->frames);
        g_free(clip);
        return NULL;
}

/* ---- reading ---- */

static const char *const decoders[JOB_N_CODECS] = {
        [JOB_OPUS] = "opusdec plc=false ! audio/x-raw,format=S16LE,rate=48000,channels=2",
        [JOB_VP8] = "vp8dec ! video/x-raw",
        [JOB_H264] = "h264parse ! avdec_h264 ! video/x-raw",
        [JOB_VP9] = "vp9dec ! video/x-raw",
        [JOB_AV1] = "av1parse ! av1dec ! video/x-raw",
};

static void add_mark(struct reading *reading, int64_t at_us)
{
        reading->marks_us = g_renew(int64_t, reading->marks_us, reading->n_marks + 1);
        reading->marks_us[reading->n_marks++] = at_us;
}

/* A beep begins where the sound is loud after a twentieth of a second without. */
static void look_for_beeps(struct reading *reading, const GstMapInfo *map, int64_t pts_us,
                           int64_t *quiet_from_us)
{
        enum { LOUD = 3000, QUIET_US = 50000 };
        const int16_t *samples = (const int16_t *)(const void *)map->data;

        for (size_t i = 0; i < map->size / 4; i++) {
                int64_t at_us = pts_us + (int64_t)i * 1000000 / RATE;

                if (abs(samples[2 * i]) < LOUD)
                        continue;
                if (at_us - *quiet_from_us > QUIET_US)
                        add_mark(reading, at_us);
                *quiet_from_us = at_us;
        }
}

static void look_for_flash(struct reading *reading, const GstMapInfo *map, int64_t pts_us,
                           bool *was_white)
{
        bool white = map->data[map->size / 3] > 128; /* in the middle of the luma */

        if (white && !*was_white)
                add_mark(reading, pts_us);
        *was_white = white;
}

static void note_picture(struct reading *reading, GstSample *sample)
{
        const GstStructure *s = gst_caps_get_structure(gst_sample_get_caps(sample), 0);

        gst_structure_get_int(s, "width", &reading->width);
        gst_structure_get_int(s, "height", &reading->height);
}

static void read_all(struct reading *reading, GstElement *out, enum job_codec codec)
{
        int64_t quiet_from_us = INT64_MIN / 2;
        bool was_white = false;
        GstSample *sample;

        while ((sample = gst_app_sink_pull_sample(GST_APP_SINK(out)))) {
                GstBuffer *buffer = gst_sample_get_buffer(sample);
                int64_t pts_us = (int64_t)(GST_BUFFER_PTS(buffer) / 1000);
                GstMapInfo map;

                if (reading->n_frames == 0)
                        reading->first_us = pts_us;
                else if (pts_us - reading->last_us > reading->longest_gap_us)
                        reading->longest_gap_us = pts_us - reading->last_us;
                reading->last_us = pts_us;
                reading->n_frames++;
                gst_buffer_map(buffer, &map, GST_MAP_READ);
                if (codec == JOB_OPUS) {
                        look_for_beeps(reading, &map, pts_us, &quiet_from_us);
                } else {
                        look_for_flash(reading, &map, pts_us, &was_white);
                        note_picture(reading, sample);
                }
                gst_buffer_unmap(buffer, &map);
                gst_sample_unref(sample);
        }
}

void reading_of(struct reading *ret_reading, const char *path, enum job_codec codec)
{
        char whole[500];
        GError *error = NULL;
        GstElement *bin, *out;
        GstMessage *message;
        GstBus *bus;

        snprintf(whole, sizeof(whole),
                 "filesrc location=%s ! matroskademux ! %s ! appsink name=out sync=false", path,
                 decoders[codec]);
        bin = gst_parse_launch(whole, &error);
        if (error)
                fail_msg("%s", error->message);
        out = gst_bin_get_by_name(GST_BIN(bin), "out");
        bus = gst_element_get_bus(bin);
        *ret_reading = (struct reading){ 0 };
        gst_element_set_state(bin, GST_STATE_PLAYING);
        read_all(ret_reading, out, codec);
        message = gst_bus_pop_filtered(bus, GST_MESSAGE_ERROR);
        if (message) {
                gst_message_parse_error(message, &error, NULL);
                fail_msg("%s: %s", path, error->message);
        }
        gst_element_set_state(bin, GST_STATE_NULL);
        gst_object_unref(bus);
        gst_object_unref(out);
        gst_object_unref(bin);
}

void reading_done(struct reading *reading)
{
        g_free(reading->marks_us);
}
