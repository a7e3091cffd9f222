/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/jobs/gst/mkv_source.h"

#include <errno.h>
#include <gst/app/gstappsink.h>

enum { AHEAD = 32, LOOKS = 30, LOOK_MS = 100 };

struct mkv_source {
        GstElement *pipeline;
        GstAppSink *out;
        GstSample *next;
        GstCaps *caps; /* of the one taken last: the file may go on with others */
        bool ended;
};

int mkv_source_new(struct mkv_source **ret_source, const char *path)
{
        cleanup(mkv_source_freep) struct mkv_source *source = g_new0(struct mkv_source, 1);
        GstElement *file;

        source->pipeline = gst_parse_launch("filesrc name=file ! matroskademux ! "
                                            "appsink name=out sync=false",
                                            NULL);
        if (!source->pipeline)
                return -ENOENT;
        file = gst_bin_get_by_name(GST_BIN(source->pipeline), "file");
        g_object_set(file, "location", path, NULL);
        gst_object_unref(file);
        source->out = GST_APP_SINK(gst_bin_get_by_name(GST_BIN(source->pipeline), "out"));
        gst_app_sink_set_max_buffers(source->out, AHEAD);
        gst_element_set_state(source->pipeline, GST_STATE_PLAYING);
        *ret_source = take_ptr(source);
        return 0;
}

struct mkv_source *mkv_source_free(struct mkv_source *source)
{
        if (!source)
                return NULL;
        if (source->next)
                gst_sample_unref(source->next);
        gst_caps_replace(&source->caps, NULL);
        if (source->pipeline)
                gst_element_set_state(source->pipeline, GST_STATE_NULL);
        g_clear_object(&source->out);
        g_clear_object(&source->pipeline);
        g_free(source);
        return NULL;
}

/* What cannot be read ends with an error, not with the end of the stream. */
static bool has_failed(const struct mkv_source *source)
{
        GstBus *bus = gst_element_get_bus(source->pipeline);
        GstMessage *message = gst_bus_pop_filtered(bus, GST_MESSAGE_ERROR);
        bool failed = message != NULL;

        g_clear_pointer(&message, gst_message_unref);
        gst_object_unref(bus);
        return failed;
}

static void pull(struct mkv_source *source)
{
        for (int i = 0; i < LOOKS && !source->next && !source->ended; i++) {
                source->next = gst_app_sink_try_pull_sample(source->out, LOOK_MS * GST_MSECOND);
                if (!source->next && (gst_app_sink_is_eos(source->out) || has_failed(source)))
                        source->ended = true;
        }
        source->ended = source->ended || !source->next;
}

bool mkv_source_next(struct mkv_source *source, int64_t *ret_time_us)
{
        while (!source->next) {
                GstBuffer *buffer;

                if (source->ended)
                        return false;
                pull(source);
                buffer = source->next ? gst_sample_get_buffer(source->next) : NULL;
                if (source->next && (!buffer || !GST_BUFFER_PTS_IS_VALID(buffer) ||
                                     !gst_sample_get_caps(source->next)))
                        g_clear_pointer(&source->next, gst_sample_unref);
        }
        *ret_time_us = (int64_t)(GST_BUFFER_PTS(gst_sample_get_buffer(source->next)) / 1000);
        return true;
}

GstBuffer *mkv_source_take(struct mkv_source *source, GstCaps **ret_caps)
{
        GstBuffer *buffer = gst_buffer_copy(gst_sample_get_buffer(source->next));

        gst_caps_replace(&source->caps, gst_sample_get_caps(source->next));
        *ret_caps = source->caps;
        g_clear_pointer(&source->next, gst_sample_unref);
        return buffer;
}
