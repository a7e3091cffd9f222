/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/jobs/gst/media_in.h"

#include <errno.h>
#include <gst/app/gstappsink.h>
#include <gst/video/video.h>

#include "base/clock.h"
#include "sfu/jobs/core/picture_plan.h"

/* VP8 is BT.601 to whoever decodes it in a browser. deinterlace passes progressive pictures on. */
static const char picture_chain[] =
        "queue max-size-buffers=4 max-size-bytes=0 max-size-time=0 name=entry"
        " ! deinterlace mode=auto fields=top ! videoconvertscale n-threads=2 ! capsfilter name=size"
        " ! videoflip video-direction=auto"
        " ! appsink name=sink max-buffers=2 qos=true max-lateness=200000000 enable-last-sample=false";
static const char sound_chain[] =
        "queue max-size-buffers=0 max-size-bytes=0 max-size-time=300000000 name=entry"
        " ! audioconvert ! audioresample"
        " ! audio/x-raw,format=S16LE,rate=48000,channels=2,layout=interleaved"
        " ! volume name=volume ! appsink name=sink max-buffers=20 enable-last-sample=false";

struct media_in {
        struct media_in_params params;
        GMutex lock;                 /* of what follows */
        GstElement *picture, *sound; /* chains in the bin, which owns them */
        GstElement *size, *volume;   /* parts of them, ours */
        int width, height;
        double gain;
        unsigned n_pictures, n_sounds;
        /* Of the picture's thread: */
        GstSegment segment;
        GstClockTime last_pts;
};

int media_in_new(struct media_in **ret_in, const struct media_in_params *params)
{
        struct media_in *in = calloc(1, sizeof(*in));

        if (!in)
                return -ENOMEM;
        in->params = *params;
        in->gain = 1;
        in->last_pts = GST_CLOCK_TIME_NONE;
        g_mutex_init(&in->lock);
        *ret_in = in;
        return 0;
}

struct media_in *media_in_free(struct media_in *in)
{
        if (!in)
                return NULL;
        g_clear_object(&in->size);
        g_clear_object(&in->volume);
        g_mutex_clear(&in->lock);
        free(in);
        return NULL;
}

/* ---- what comes out ---- */

/* On the monotonic clock; a buffer without a time belongs to now. */
static int64_t time_of(GstAppSink *sink, GstSample *sample)
{
        GstClockTime pts = GST_BUFFER_PTS(gst_sample_get_buffer(sample));
        GstClockTime running = GST_CLOCK_TIME_NONE;
        GstClockTime base = gst_element_get_base_time(GST_ELEMENT(sink));

        if (GST_CLOCK_TIME_IS_VALID(pts))
                running = gst_segment_to_running_time(gst_sample_get_segment(sample),
                                                      GST_FORMAT_TIME, pts);
        if (!GST_CLOCK_TIME_IS_VALID(running) || base == 0)
                return clock_now_us();
        return (int64_t)((base + running) / GST_USECOND);
}

static void count(struct media_in *in, unsigned *counter)
{
        g_mutex_lock(&in->lock);
        (*counter)++;
        g_mutex_unlock(&in->lock);
}

static void give_picture(struct media_in *in, GstSample *sample, int64_t at_us)
{
        const struct media_in_params *params = &in->params;

        count(in, &in->n_pictures);
        if (params->on_picture)
                params->on_picture(params->user, gst_sample_get_buffer(sample),
                                   gst_sample_get_caps(sample), at_us);
}

static GstFlowReturn on_picture(GstAppSink *sink, gpointer user)
{
        GstSample *sample = gst_app_sink_pull_sample(sink);

        if (!sample)
                return GST_FLOW_EOS;
        give_picture(user, sample, time_of(sink, sample));
        gst_sample_unref(sample);
        return GST_FLOW_OK;
}

/* Paused: what is there to see when it stands still. */
static GstFlowReturn on_still(GstAppSink *sink, gpointer user)
{
        GstSample *sample = gst_app_sink_try_pull_preroll(sink, 0);

        if (sample) {
                give_picture(user, sample, clock_now_us());
                gst_sample_unref(sample);
        }
        return GST_FLOW_OK;
}

static GstFlowReturn on_sound(GstAppSink *sink, gpointer user)
{
        struct media_in *in = user;
        GstSample *sample = gst_app_sink_pull_sample(sink);

        if (!sample)
                return GST_FLOW_EOS;
        count(in, &in->n_sounds);
        if (in->params.on_sound)
                in->params.on_sound(in->params.user, gst_sample_get_buffer(sample),
                                    time_of(sink, sample));
        gst_sample_unref(sample);
        return GST_FLOW_OK;
}

static GstFlowReturn on_first_sound(GstAppSink *sink, gpointer user)
{
        struct media_in *in = user;

        (void)sink; /* it comes again, in its time */
        count(in, &in->n_sounds);
        return GST_FLOW_OK;
}

/* ---- what goes in ---- */

static void set_size(struct media_in *in, GstCaps *caps)
{
        GstVideoInfo info;
        int width, height;
        GstCaps *wanted;

        if (!gst_video_info_from_caps(&info, caps))
                return;
        g_mutex_lock(&in->lock);
        in->width = GST_VIDEO_INFO_WIDTH(&info);
        in->height = GST_VIDEO_INFO_HEIGHT(&info);
        g_mutex_unlock(&in->lock);
        picture_fit(info.width, info.height, info.par_n, info.par_d, &width, &height);
        wanted = gst_caps_new_simple("video/x-raw", "format", G_TYPE_STRING, "I420", "width",
                                     G_TYPE_INT, width, "height", G_TYPE_INT, height,
                                     "pixel-aspect-ratio", GST_TYPE_FRACTION, 1, 1, "colorimetry",
                                     G_TYPE_STRING, "bt601", NULL);
        g_object_set(in->size, "caps", wanted, NULL);
        gst_caps_unref(wanted);
}

/* True: it comes too soon after the last one that was taken. */
static bool is_too_many(struct media_in *in, GstBuffer *picture)
{
        GstClockTime pts = GST_BUFFER_PTS(picture), last = in->last_pts;

        if (!GST_CLOCK_TIME_IS_VALID(pts))
                return false;
        /* After a step back (a seek) the next one counts. */
        if (GST_CLOCK_TIME_IS_VALID(last) && pts >= last &&
            pts - last < GST_SECOND / MEDIA_IN_MAX_FPS)
                return true;
        in->last_pts = pts;
        return false;
}

static GstPadProbeReturn on_entry(GstPad *pad, GstPadProbeInfo *info, gpointer user)
{
        struct media_in *in = user;
        GstEvent *event;
        GstCaps *caps;

        (void)pad;
        if (info->type & GST_PAD_PROBE_TYPE_BUFFER)
                return is_too_many(in, GST_PAD_PROBE_INFO_BUFFER(info)) ? GST_PAD_PROBE_DROP
                                                                        : GST_PAD_PROBE_OK;
        event = GST_PAD_PROBE_INFO_EVENT(info);
        if (GST_EVENT_TYPE(event) == GST_EVENT_FLUSH_STOP)
                in->last_pts = GST_CLOCK_TIME_NONE;
        if (GST_EVENT_TYPE(event) == GST_EVENT_CAPS) {
                gst_event_parse_caps(event, &caps);
                set_size(in, caps);
        }
        return GST_PAD_PROBE_OK;
}

static void prepare_sink(struct media_in *in, GstElement *chain, const GstAppSinkCallbacks *calls)
{
        GstElement *sink = gst_bin_get_by_name(GST_BIN(chain), "sink");

        g_object_set(sink, "sync", in->params.sync, NULL);
        if (!in->params.sync) { /* a live source waits for nobody */
                GstElement *queue = gst_bin_get_by_name(GST_BIN(chain), "entry");

                gst_util_set_object_arg(G_OBJECT(queue), "leaky", "downstream");
                gst_object_unref(queue);
        }
        gst_app_sink_set_callbacks(GST_APP_SINK(sink), (GstAppSinkCallbacks *)calls, in, NULL);
        gst_object_unref(sink);
}

static GstElement *make_chain(const char *description)
{
        GError *error = NULL;
        GstElement *chain = gst_parse_bin_from_description(description, TRUE, &error);

        if (error)
                g_error_free(error); /* the table of elements in film.c has them all */
        return chain;
}

static GstElement *make_picture_chain(struct media_in *in)
{
        static const GstAppSinkCallbacks calls = { .new_sample = on_picture,
                                                   .new_preroll = on_still };
        GstElement *chain = make_chain(picture_chain);
        GstElement *entry;
        GstPad *pad;

        if (!chain)
                return NULL;
        in->size = gst_bin_get_by_name(GST_BIN(chain), "size");
        prepare_sink(in, chain, &calls);
        entry = gst_bin_get_by_name(GST_BIN(chain), "entry");
        pad = gst_element_get_static_pad(entry, "sink");
        gst_pad_add_probe(pad,
                          GST_PAD_PROBE_TYPE_BUFFER | GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM |
                                  GST_PAD_PROBE_TYPE_EVENT_FLUSH,
                          on_entry, in, NULL);
        gst_object_unref(pad);
        gst_object_unref(entry);
        return chain;
}

static GstElement *make_sound_chain(struct media_in *in)
{
        static const GstAppSinkCallbacks calls = { .new_sample = on_sound,
                                                   .new_preroll = on_first_sound };
        GstElement *chain = make_chain(sound_chain);

        if (!chain)
                return NULL;
        in->volume = gst_bin_get_by_name(GST_BIN(chain), "volume");
        g_object_set(in->volume, "volume", in->gain, NULL);
        prepare_sink(in, chain, &calls);
        return chain;
}

static void plug(struct media_in *in, GstPad *pad, GstElement *chain)
{
        GstPad *sink = gst_element_get_static_pad(chain, "sink");

        gst_bin_add(GST_BIN(in->params.bin), chain);
        gst_element_sync_state_with_parent(chain);
        (void)gst_pad_link(pad, sink);
        gst_object_unref(sink);
}

void media_in_take(struct media_in *in, GstPad *pad)
{
        GstCaps *caps = gst_pad_get_current_caps(pad);
        const char *name;
        GstElement *chain = NULL;

        if (!caps)
                caps = gst_pad_query_caps(pad, NULL);
        name = gst_caps_is_empty(caps) || gst_caps_is_any(caps)
                       ? ""
                       : gst_structure_get_name(gst_caps_get_structure(caps, 0));
        g_mutex_lock(&in->lock);
        if (strcmp(name, "video/x-raw") == 0 && in->params.wants_video && !in->picture)
                in->picture = chain = make_picture_chain(in);
        else if (strcmp(name, "audio/x-raw") == 0 && !in->sound)
                in->sound = chain = make_sound_chain(in);
        g_mutex_unlock(&in->lock);
        if (chain)
                plug(in, pad, chain);
        gst_caps_unref(caps);
}

/* ---- questions ---- */

void media_in_volume(struct media_in *in, int percent)
{
        g_mutex_lock(&in->lock);
        /* As loudness is felt, not as the wave is high. */
        in->gain = percent / 100.0 * percent / 100.0;
        if (in->volume)
                g_object_set(in->volume, "volume", in->gain, NULL);
        g_mutex_unlock(&in->lock);
}

static unsigned read_counter(struct media_in *in, const unsigned *counter)
{
        unsigned n;

        g_mutex_lock(&in->lock);
        n = *counter;
        g_mutex_unlock(&in->lock);
        return n;
}

unsigned media_in_pictures(struct media_in *in)
{
        return read_counter(in, &in->n_pictures);
}

unsigned media_in_sounds(struct media_in *in)
{
        return read_counter(in, &in->n_sounds);
}

bool media_in_has_picture(struct media_in *in, int *ret_width, int *ret_height)
{
        bool has;

        g_mutex_lock(&in->lock);
        has = in->picture != NULL;
        *ret_width = in->width;
        *ret_height = in->height;
        g_mutex_unlock(&in->lock);
        return has;
}

bool media_in_has_sound(struct media_in *in)
{
        bool has;

        g_mutex_lock(&in->lock);
        has = in->sound != NULL;
        g_mutex_unlock(&in->lock);
        return has;
}
