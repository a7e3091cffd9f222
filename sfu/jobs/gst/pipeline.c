/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/jobs/gst/pipeline.h"

#include <assert.h>

struct pipeline {
        struct child *child;
        struct pipeline_params params;
        GstElement *bin;
        guint watch;
        bool failed;
        char culprit[64];
};

static const char *code_of_resource(int code)
{
        switch (code) {
        case GST_RESOURCE_ERROR_NO_SPACE_LEFT:
                return "disk-full";
        case GST_RESOURCE_ERROR_NOT_AUTHORIZED:
                return "auth";
        case GST_RESOURCE_ERROR_NOT_FOUND:
        case GST_RESOURCE_ERROR_OPEN_READ:
        case GST_RESOURCE_ERROR_OPEN_WRITE:
        case GST_RESOURCE_ERROR_OPEN_READ_WRITE:
                return "connect";
        default:
                return "internal";
        }
}

static const char *code_of_stream(int code)
{
        switch (code) {
        case GST_STREAM_ERROR_CODEC_NOT_FOUND:
                return "codec-unsupported";
        case GST_STREAM_ERROR_TYPE_NOT_FOUND:
        case GST_STREAM_ERROR_WRONG_TYPE:
        case GST_STREAM_ERROR_DECODE:
        case GST_STREAM_ERROR_DEMUX:
        case GST_STREAM_ERROR_FORMAT:
        case GST_STREAM_ERROR_DECRYPT:
        case GST_STREAM_ERROR_DECRYPT_NOKEY:
                return "unplayable";
        default:
                return "internal";
        }
}

const char *pipeline_error_code(const GError *error)
{
        if (error->domain == GST_RESOURCE_ERROR)
                return code_of_resource(error->code);
        if (error->domain == GST_STREAM_ERROR)
                return code_of_stream(error->code);
        if (g_error_matches(error, GST_CORE_ERROR, GST_CORE_ERROR_MISSING_PLUGIN) ||
            g_error_matches(error, GST_PARSE_ERROR, GST_PARSE_ERROR_NO_SUCH_ELEMENT))
                return "missing-package";
        return "internal";
}

static void on_error(struct pipeline *pipeline, GstMessage *message)
{
        const struct pipeline_params *params = &pipeline->params;
        struct child *child = pipeline->child;
        GError *error = NULL;
        const char *code;

        if (pipeline->failed)
                return;
        pipeline->failed = true;
        gst_message_parse_error(message, &error, NULL);
        code = pipeline_error_code(error);
        g_strlcpy(pipeline->culprit, GST_MESSAGE_SRC_NAME(message), sizeof(pipeline->culprit));
        /* The callback may free the pipeline. */
        if (!params->on_error || !params->on_error(params->user, code, error->message))
                child_fail(child, code, "%s", error->message);
        g_error_free(error);
}

static gboolean on_bus(GstBus *bus, GstMessage *message, void *user)
{
        struct pipeline *pipeline = user;
        const struct pipeline_params *params = &pipeline->params;

        (void)bus;
        if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_ERROR)
                on_error(pipeline, message);
        else if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_EOS && params->on_eos)
                params->on_eos(params->user);
        else if (GST_MESSAGE_TYPE(message) != GST_MESSAGE_EOS && params->on_message)
                params->on_message(params->user, message);
        return G_SOURCE_CONTINUE;
}

int pipeline_new(struct pipeline **ret_pipeline, struct child *child,
                 const struct pipeline_params *params)
{
        struct pipeline *pipeline;
        GError *error = NULL;
        GstElement *bin = gst_parse_launch_full(params->description, NULL,
                                                GST_PARSE_FLAG_FATAL_ERRORS, &error);
        GstBus *bus;

        if (!bin) {
                child_fail(child, pipeline_error_code(error), "%s", error->message);
                g_error_free(error);
                return 1;
        }
        if (!GST_IS_PIPELINE(bin)) { /* a single element comes without one */
                GstElement *only = bin;

                bin = gst_pipeline_new(NULL);
                gst_bin_add(GST_BIN(bin), only);
        }
        pipeline = g_new0(struct pipeline, 1);
        pipeline->child = child;
        pipeline->params = *params;
        pipeline->params.description = NULL;
        pipeline->bin = gst_object_ref_sink(bin);
        bus = gst_element_get_bus(bin);
        pipeline->watch = gst_bus_add_watch(bus, on_bus, pipeline);
        gst_object_unref(bus);
        *ret_pipeline = pipeline;
        return 0;
}

struct pipeline *pipeline_free(struct pipeline *pipeline)
{
        if (!pipeline)
                return NULL;
        g_source_remove(pipeline->watch);
        gst_element_set_state(pipeline->bin, GST_STATE_NULL);
        gst_object_unref(pipeline->bin);
        g_free(pipeline);
        return NULL;
}

GstElement *pipeline_bin(const struct pipeline *pipeline)
{
        return pipeline->bin;
}

GstElement *pipeline_get(const struct pipeline *pipeline, const char *name)
{
        GstElement *element = gst_bin_get_by_name(GST_BIN(pipeline->bin), name);

        assert(element);
        gst_object_unref(element); /* the bin keeps it */
        return element;
}

const char *pipeline_culprit(const struct pipeline *pipeline)
{
        return pipeline->culprit;
}

void pipeline_set_state(struct pipeline *pipeline, GstState state)
{
        (void)gst_element_set_state(pipeline->bin, state);
}

void pipeline_plain_segment(GstPadProbeInfo *info)
{
        GstEvent *event = GST_PAD_PROBE_INFO_EVENT(info);
        GstSegment segment;

        if (GST_EVENT_TYPE(event) != GST_EVENT_SEGMENT)
                return;
        gst_segment_init(&segment, GST_FORMAT_TIME);
        GST_PAD_PROBE_INFO_DATA(info) = gst_event_new_segment(&segment);
        gst_event_unref(event);
}
