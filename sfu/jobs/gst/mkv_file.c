/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/jobs/gst/mkv_file.h"

#include <gst/gst.h>

enum { UNBUFFERED = 2 /* GST_FILE_SINK_BUFFER_MODE_UNBUFFERED */ };

/* A file that was cut off can be searched by its clusters only. */
#define MAX_CLUSTER_NS ((gint64)2 * GST_SECOND)

struct mkv_file {
        GstElement *bin, *sink;
        GstPad *pad;            /* ours, before the muxer */
        struct mkv_error error; /* the first one; no code: none */
};

/* Called by whoever posts, which is our own thread. */
static GstBusSyncReply on_message(GstBus *bus, GstMessage *message, void *user)
{
        struct mkv_file *file = user;
        GError *error = NULL;

        (void)bus;
        if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_ERROR && !file->error.code) {
                gst_message_parse_error(message, &error, NULL);
                file->error.code = g_error_matches(error, GST_RESOURCE_ERROR,
                                                   GST_RESOURCE_ERROR_NO_SPACE_LEFT)
                                           ? "disk-full"
                                           : "internal";
                file->error.is_of_disk = error->domain == GST_RESOURCE_ERROR;
                g_strlcpy(file->error.text, error->message, sizeof(file->error.text));
                g_error_free(error);
        }
        gst_message_unref(message);
        return GST_BUS_DROP;
}

/* A bus that keeps nothing, and so needs no descriptor to be waited on. */
static void watch(struct mkv_file *file)
{
        GstBus *bus = g_object_new(GST_TYPE_BUS, "enable-async", FALSE, NULL);

        gst_bus_set_sync_handler(bus, on_message, file, NULL);
        gst_element_set_bus(file->bin, bus);
        gst_object_unref(bus);
}

static int fail(struct mkv_file *file, struct mkv_error *ret_error)
{
        if (!file->error.code)
                file->error = (struct mkv_error){ .code = "internal",
                                                  .text = "the muxer refused a frame" };
        *ret_error = file->error;
        return 1;
}

static GstCaps *caps_of_picture(const char *name, const struct depay_format *format)
{
        GstCaps *caps = gst_caps_new_simple(name, "width", G_TYPE_INT, (int)format->width, "height",
                                            G_TYPE_INT, (int)format->height, NULL);

        if (format->config_len > 0) {
                GstBuffer *config = gst_buffer_new_memdup(format->config, format->config_len);

                gst_caps_set_simple(caps, "codec_data", GST_TYPE_BUFFER, config, NULL);
                gst_buffer_unref(config);
        }
        return caps;
}

static GstCaps *caps_of(enum job_codec codec, const struct depay_format *format)
{
        static const char *const names[JOB_N_CODECS] = {
                [JOB_VP8] = "video/x-vp8",
                [JOB_H264] = "video/x-h264",
                [JOB_VP9] = "video/x-vp9",
                [JOB_AV1] = "video/x-av1",
        };
        GstCaps *caps;

        /* A frame of Opus tells itself whether it is stereo. */
        if (codec == JOB_OPUS)
                return gst_caps_new_simple("audio/x-opus", "rate", G_TYPE_INT, 48000, "channels",
                                           G_TYPE_INT, 2, "channel-mapping-family", G_TYPE_INT, 0,
                                           NULL);
        caps = caps_of_picture(names[codec], format);
        if (codec == JOB_H264)
                gst_caps_set_simple(caps, "stream-format", G_TYPE_STRING, "avc3", "alignment",
                                    G_TYPE_STRING, "au", NULL);
        if (codec == JOB_AV1)
                gst_caps_set_simple(caps, "stream-format", G_TYPE_STRING, "obu-stream", "alignment",
                                    G_TYPE_STRING, "tu", NULL);
        return caps;
}

static bool build(struct mkv_file *file, const char *path, enum job_codec codec)
{
        GstElement *mux = gst_element_factory_make("matroskamux", NULL);
        GstPad *mux_pad;
        bool linked;

        file->bin = gst_object_ref_sink(gst_bin_new(NULL));
        watch(file);
        file->sink = gst_element_factory_make("filesink", NULL);
        if (!mux || !file->sink)
                return false;
        g_object_set(mux, "writing-app", "dinh", "max-cluster-duration", MAX_CLUSTER_NS, NULL);
        g_object_set(file->sink, "location", path, "buffer-mode", UNBUFFERED, "async", FALSE,
                     "sync", FALSE, "enable-last-sample", FALSE, NULL);
        gst_bin_add_many(GST_BIN(file->bin), mux, file->sink, NULL);
        mux_pad = gst_element_request_pad_simple(mux, codec == JOB_OPUS ? "audio_%u" : "video_%u");
        file->pad = gst_object_ref_sink(gst_pad_new("src", GST_PAD_SRC));
        linked = gst_element_link(mux, file->sink) &&
                 GST_PAD_LINK_SUCCESSFUL(gst_pad_link(file->pad, mux_pad));
        gst_object_unref(mux_pad);
        return linked;
}

static void begin(struct mkv_file *file, enum job_codec codec, const struct depay_format *format)
{
        GstCaps *caps = caps_of(codec, format);
        GstSegment segment;

        gst_segment_init(&segment, GST_FORMAT_TIME);
        gst_pad_set_active(file->pad, TRUE);
        gst_pad_push_event(file->pad, gst_event_new_stream_start("track"));
        gst_pad_push_event(file->pad, gst_event_new_caps(caps));
        gst_pad_push_event(file->pad, gst_event_new_segment(&segment));
        gst_caps_unref(caps);
}

static void free_file(struct mkv_file *file)
{
        if (file->bin)
                gst_element_set_state(file->bin, GST_STATE_NULL);
        if (file->pad)
                gst_object_unref(file->pad);
        if (file->bin)
                gst_object_unref(file->bin);
        g_free(file);
}

int mkv_file_open(struct mkv_file **ret_file, const char *path, enum job_codec codec,
                  const struct depay_format *format, struct mkv_error *ret_error)
{
        struct mkv_file *file = g_new0(struct mkv_file, 1);

        if (!build(file, path, codec) ||
            gst_element_set_state(file->bin, GST_STATE_PLAYING) == GST_STATE_CHANGE_FAILURE) {
                fail(file, ret_error);
                free_file(file);
                return 1;
        }
        begin(file, codec, format);
        *ret_file = file;
        return 0;
}

int mkv_file_write(struct mkv_file *file, const struct depay_frame *frame, int64_t t_us,
                   struct mkv_error *ret_error)
{
        GstBuffer *buffer = gst_buffer_new_memdup(frame->bytes.data, frame->bytes.len);

        GST_BUFFER_PTS(buffer) = GST_BUFFER_DTS(buffer) = (guint64)t_us * GST_USECOND;
        if (frame->duration_us > 0)
                GST_BUFFER_DURATION(buffer) = frame->duration_us * GST_USECOND;
        if (!frame->is_keyframe)
                GST_BUFFER_FLAG_SET(buffer, GST_BUFFER_FLAG_DELTA_UNIT);
        return gst_pad_push(file->pad, buffer) == GST_FLOW_OK ? 0 : fail(file, ret_error);
}

uint64_t mkv_file_bytes(const struct mkv_file *file)
{
        /* Asked as an element, a sink tells of time, whatever the format. */
        GstPad *pad = gst_element_get_static_pad(file->sink, "sink");
        gint64 bytes = 0;
        bool known = gst_pad_query_position(pad, GST_FORMAT_BYTES, &bytes);

        gst_object_unref(pad);
        return known && bytes > 0 ? (uint64_t)bytes : 0;
}

int mkv_file_close(struct mkv_file *file, struct mkv_error *ret_error)
{
        int r = 0;

        if (!file)
                return 0;
        if (!file->error.code) {
                gst_pad_push_event(file->pad, gst_event_new_eos());
                if (file->error.code)
                        r = fail(file, ret_error);
        }
        free_file(file);
        return r;
}
