/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/integration/tap_maker.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/socket.h>

#include <gst/app/gstappsink.h>
#include <gst/gst.h>

#include <cmocka.h>

#include "sfu/wire/job_record.h"
#include "sfu/wire/rtp.h"
#include "sfu/wire/vp8.h"

struct filler {
        made_picture_fill picture;
        made_sound_fill sound;
        void *user;
        int width, height;
};

static GstPadProbeReturn on_raw(GstPad *pad, GstPadProbeInfo *info, gpointer user)
{
        const struct filler *filler = user;
        GstBuffer *buffer = gst_buffer_make_writable(GST_PAD_PROBE_INFO_BUFFER(info));
        int64_t t_us = (int64_t)GST_BUFFER_PTS(buffer) / 1000;
        GstMapInfo map;

        (void)pad;
        assert_true(gst_buffer_map(buffer, &map, GST_MAP_READWRITE));
        if (filler->picture)
                filler->picture(filler->user, t_us, map.data, filler->width, filler->height);
        if (filler->sound)
                filler->sound(filler->user, t_us, (int16_t *)(void *)map.data, map.size / 2);
        gst_buffer_unmap(buffer, &map);
        GST_PAD_PROBE_INFO_DATA(info) = buffer;
        return GST_PAD_PROBE_OK;
}

static bool starts_key(const uint8_t *data, size_t len)
{
        struct vp8_desc desc;
        struct rtp_pkt rtp;

        assert_int_equal(rtp_parse(&rtp, data, len), 0);
        return vp8_parse(&desc, rtp.payload) == 0 && desc.is_keyframe;
}

static void add_packet(struct made_stream *stream, GstBuffer *buffer)
{
        struct made_packet *packet;

        if (stream->n % 256 == 0)
                stream->packets = realloc(stream->packets,
                                          (stream->n + 256) * sizeof(*stream->packets));
        packet = &stream->packets[stream->n++];
        packet->len = gst_buffer_get_size(buffer);
        packet->data = malloc(packet->len);
        gst_buffer_extract(buffer, 0, packet->data, packet->len);
        packet->t_us = (int64_t)GST_BUFFER_PTS(buffer) / 1000;
        packet->key = stream->kind != SFU_MIC && starts_key(packet->data, packet->len);
}

static void run_pipeline(struct made_stream *stream, const char *text, struct filler *filler)
{
        GstElement *pipeline = gst_parse_launch(text, NULL);
        GstElement *raw = gst_bin_get_by_name(GST_BIN(pipeline), "raw");
        GstElement *out = gst_bin_get_by_name(GST_BIN(pipeline), "out");
        GstPad *pad = gst_element_get_static_pad(raw, "src");
        GstSample *sample;

        if (filler->picture || filler->sound)
                gst_pad_add_probe(pad, GST_PAD_PROBE_TYPE_BUFFER, on_raw, filler, NULL);
        gst_element_set_state(pipeline, GST_STATE_PLAYING);
        while ((sample = gst_app_sink_pull_sample(GST_APP_SINK(out)))) {
                add_packet(stream, gst_sample_get_buffer(sample));
                gst_sample_unref(sample);
        }
        gst_element_set_state(pipeline, GST_STATE_NULL);
        assert_true(stream->n > 0);
        gst_object_unref(pad);
        gst_object_unref(raw);
        gst_object_unref(out);
        gst_object_unref(pipeline);
}

struct made_stream made_picture(uint32_t participant, enum sfu_kind kind, const char *pattern,
                                int width, int height, int seconds, made_picture_fill fill,
                                void *user)
{
        struct made_stream stream = { .participant = participant, .kind = kind };
        struct filler filler = { .picture = fill, .user = user, .width = width, .height = height };
        char text[600];

        snprintf(text, sizeof(text),
                 "videotestsrc pattern=%s num-buffers=%d ! video/x-raw,format=I420,width=%d,"
                 "height=%d,framerate=25/1 ! identity name=raw ! vp8enc deadline=1 cpu-used=8 "
                 "keyframe-max-dist=50 target-bitrate=800000 ! rtpvp8pay mtu=1200 ! appsink "
                 "name=out sync=false",
                 pattern, seconds * 25, width, height);
        run_pipeline(&stream, text, &filler);
        return stream;
}

struct made_stream made_sound(uint32_t participant, int seconds, made_sound_fill fill, void *user)
{
        struct made_stream stream = { .participant = participant, .kind = SFU_MIC };
        struct filler filler = { .sound = fill, .user = user };
        char text[400];

        snprintf(text, sizeof(text),
                 "audiotestsrc wave=silence num-buffers=%d samplesperbuffer=960 ! audio/x-raw,"
                 "format=S16LE,rate=48000,channels=1 ! identity name=raw ! opusenc bitrate=48000 ! "
                 "rtpopuspay ! appsink name=out sync=false",
                 seconds * 50);
        run_pipeline(&stream, text, &filler);
        return stream;
}

void made_done(struct made_stream *stream)
{
        for (size_t i = 0; i < stream->n; i++)
                free(stream->packets[i].data);
        free(stream->packets);
}

static void send_record(int fd, const struct job_record *record)
{
        uint8_t message[JOB_RECORD_MAX];
        ssize_t len = (ssize_t)(JOB_RECORD_HEAD + record->bytes.len);

        job_record_write(message, record);
        if (record->bytes.len)
                memcpy(message + JOB_RECORD_HEAD, record->bytes.data, record->bytes.len);
        /* A job that was killed reads no more. */
        if (send(fd, message, (size_t)len, MSG_DONTWAIT | MSG_NOSIGNAL) != len)
                assert_true(errno == EPIPE || errno == ECONNRESET);
}

static struct job_record record_of(const struct made_stream *stream, enum job_record_type type)
{
        return (struct job_record){
                .type = (uint8_t)type,
                .kind = (uint8_t)stream->kind,
                .codec = stream->kind == SFU_MIC ? JOB_OPUS : JOB_VP8,
                .participant = stream->participant,
                .generation = 1,
        };
}

void made_send(int fd, struct made_stream *streams, size_t n, int64_t start_us, int64_t t_us)
{
        for (size_t i = 0; i < n; i++) {
                struct made_stream *stream = &streams[i];

                while (stream->at < stream->n && stream->packets[stream->at].t_us <= t_us) {
                        const struct made_packet *packet = &stream->packets[stream->at];
                        struct job_record record = record_of(stream, JOB_TRACK);

                        if (stream->at == 0)
                                send_record(fd, &record);
                        record.type = JOB_RTP;
                        record.ext = (uint32_t)stream->at++;
                        record.starts_keyframe = packet->key;
                        record.arrival_us = record.media_us = start_us + packet->t_us;
                        record.bytes = (struct span){ packet->data, packet->len };
                        send_record(fd, &record);
                }
        }
}

void made_send_end(int fd, const struct made_stream *stream)
{
        const struct job_record record = record_of(stream, JOB_END);

        send_record(fd, &record);
}
