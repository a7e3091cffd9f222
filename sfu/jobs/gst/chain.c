/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/jobs/gst/chain.h"

#include <errno.h>

struct chain {
        GstElement *bin;
        GstPad *in, *out; /* ours: what feeds the row, what it ends in */
        GstCaps *caps;    /* of what comes out */
        GstSegment segment;
        void (*on_buffer)(void *user, GstBuffer *buffer, int64_t time_us, GstCaps *caps);
        void *user;
};

static GstFlowReturn on_out(GstPad *pad, GstObject *parent, GstBuffer *buffer)
{
        struct chain *chain = gst_pad_get_element_private(pad);
        guint64 time = gst_segment_to_running_time(&chain->segment, GST_FORMAT_TIME,
                                                   GST_BUFFER_PTS(buffer));

        (void)parent;
        chain->on_buffer(chain->user, buffer,
                         GST_CLOCK_TIME_IS_VALID(time) ? (int64_t)((time + 500) / 1000) : -1,
                         chain->caps);
        gst_buffer_unref(buffer);
        return GST_FLOW_OK;
}

static gboolean on_out_event(GstPad *pad, GstObject *parent, GstEvent *event)
{
        struct chain *chain = gst_pad_get_element_private(pad);
        GstCaps *caps;

        (void)parent;
        if (GST_EVENT_TYPE(event) == GST_EVENT_CAPS) {
                gst_event_parse_caps(event, &caps);
                gst_caps_replace(&chain->caps, caps);
        } else if (GST_EVENT_TYPE(event) == GST_EVENT_SEGMENT) {
                gst_event_copy_segment(event, &chain->segment);
        }
        gst_event_unref(event);
        return TRUE;
}

static int link_pad(struct chain *chain, const char *name, GstPad *own)
{
        GstPad *pad = gst_element_get_static_pad(chain->bin, name);
        bool linked = false;

        if (!pad)
                return -ENOENT;
        if (gst_pad_get_direction(own) == GST_PAD_SRC)
                linked = gst_pad_link(own, pad) == GST_PAD_LINK_OK;
        else
                linked = gst_pad_link(pad, own) == GST_PAD_LINK_OK;
        gst_object_unref(pad);
        return linked ? 0 : -ENOENT;
}

static int make_row(struct chain *chain, const char *elements)
{
        GError *error = NULL;
        int r;

        chain->bin = gst_parse_bin_from_description_full(elements, TRUE, NULL,
                                                         GST_PARSE_FLAG_FATAL_ERRORS, &error);
        g_clear_error(&error);
        if (!chain->bin)
                return -ENOENT;
        gst_object_ref_sink(chain->bin);
        chain->in = gst_pad_new("in", GST_PAD_SRC);
        chain->out = gst_pad_new("out", GST_PAD_SINK);
        gst_pad_set_element_private(chain->out, chain);
        gst_pad_set_chain_function(chain->out, on_out);
        gst_pad_set_event_function(chain->out, on_out_event);
        r = link_pad(chain, "sink", chain->in);
        if (r == 0)
                r = link_pad(chain, "src", chain->out);
        if (r < 0)
                return r;
        gst_pad_set_active(chain->out, TRUE);
        gst_pad_set_active(chain->in, TRUE);
        if (gst_element_set_state(chain->bin, GST_STATE_PLAYING) == GST_STATE_CHANGE_FAILURE)
                return -ENOENT;
        return 0;
}

static int begin_stream(struct chain *chain, const struct chain_params *params)
{
        GstCaps *caps = params->fixed_caps ? gst_caps_ref(params->fixed_caps)
                                           : gst_caps_from_string(params->caps);
        GstSegment segment;
        bool taken;

        if (!caps)
                return -ENOENT;
        gst_segment_init(&segment, GST_FORMAT_TIME);
        gst_pad_push_event(chain->in, gst_event_new_stream_start("chain"));
        taken = gst_pad_push_event(chain->in, gst_event_new_caps(caps));
        gst_pad_push_event(chain->in, gst_event_new_segment(&segment));
        gst_caps_unref(caps);
        return taken ? 0 : -ENOENT;
}

int chain_new(struct chain **ret_chain, const struct chain_params *params)
{
        cleanup(chain_freep) struct chain *chain = g_new0(struct chain, 1);
        int r;

        chain->on_buffer = params->on_buffer;
        chain->user = params->user;
        gst_segment_init(&chain->segment, GST_FORMAT_TIME);
        r = make_row(chain, params->elements);
        if (r == 0)
                r = begin_stream(chain, params);
        if (r < 0)
                return r;
        *ret_chain = take_ptr(chain);
        return 0;
}

struct chain *chain_free(struct chain *chain)
{
        if (!chain)
                return NULL;
        if (chain->in)
                gst_pad_set_active(chain->in, FALSE);
        if (chain->bin)
                gst_element_set_state(chain->bin, GST_STATE_NULL);
        if (chain->out)
                gst_pad_set_active(chain->out, FALSE);
        g_clear_object(&chain->in);
        g_clear_object(&chain->out);
        g_clear_object(&chain->bin);
        gst_caps_replace(&chain->caps, NULL);
        g_free(chain);
        return NULL;
}

int chain_push(struct chain *chain, GstBuffer *buffer)
{
        return gst_pad_push(chain->in, buffer) == GST_FLOW_OK ? 0 : -EIO;
}

void chain_event(struct chain *chain, GstEvent *event)
{
        gst_pad_push_event(chain->in, event);
}

void chain_end(struct chain *chain)
{
        gst_pad_push_event(chain->in, gst_event_new_eos());
}
