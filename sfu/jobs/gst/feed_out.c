/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/jobs/gst/feed_out.h"

#include <errno.h>
#include <gst/app/gstappsink.h>
#include <gst/app/gstappsrc.h>
#include <gst/video/video.h>
#include <poll.h>
#include <stdio.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "base/clock.h"
#include "sfu/jobs/core/feed_rtp.h"
#include "sfu/jobs/gst/feed_encoders.h"
#include "sfu/jobs/gst/pipeline.h"
#include "sfu/wire/rtcp.h"

enum {
        TICK_MS = 100,
        STILL_US = 1000000,   /* a picture at least so often */
        STILL_KEY_US = 60000, /* a key frame is made of the last picture when no new one came */
        REPORT_US = 1000000,
        SEND_WAIT_MS = 20,
        SOUND = PLAN_LAYERS, /* its place among the streams */
        N_STREAMS,
        OPUS_BPS = 96000, /* music */
        SOUND_TEXT = 512,
};

/* One SSRC, and the thread that encodes it. */
struct out_stream {
        struct feed_out *out;
        unsigned layer; /* SOUND: sound */
        GMutex lock;
        struct feed_stream rtp;
        struct feed_key key; /* main thread */
        GstElement *encoder; /* main thread; NULL: this layer is not sent now */
};

struct feed_out {
        struct child *child;
        struct feed_out_params params;
        int64_t wall_offset_us; /* wall - monotonic, fixed: both streams' reports agree */
        int64_t reported_us;
        guint timer;
        struct out_stream streams[N_STREAMS];
        struct pipeline *video, *audio;
        enum job_codec codec; /* of the pictures; changed while there are no encoders */
        bool has_codec;       /* none is sent before */

        GMutex lock;           /* of what follows */
        GstElement *video_src; /* ours */
        GstBuffer *last;       /* the picture that is seen now */
        GstCaps *caps;         /* of it */
        bool rebuild_is_due;
        int64_t last_us, last_pts_us; /* when it came in; the newest time given to the encoder */
        uint8_t level;                /* loudest since the last packet */
        bool level_is_new;
        unsigned dropped;
};

/* ---- out ---- */

static void send_record(struct out_stream *stream, uint8_t type, const uint8_t *bytes, size_t len)
{
        struct feed_out *out = stream->out;
        uint8_t head[JOB_RECORD_HEAD];
        struct iovec parts[] = { { head, sizeof(head) }, { (void *)bytes, len } };
        struct msghdr message = { .msg_iov = parts, .msg_iovlen = ARRAY_LEN(parts) };
        bool is_sound = stream->layer == SOUND;
        const struct job_record record = {
                .type = type,
                .kind = (uint8_t)(is_sound ? SFU_MIC : out->params.picture),
                .codec = (uint8_t)(is_sound ? JOB_OPUS : out->codec),
                .layer = (uint8_t)(is_sound || type == JOB_RTCP ? 0 : stream->layer),
        };
        struct pollfd fd = { .fd = child_media_fd(out->child), .events = POLLOUT };

        job_record_write(head, &record);
        for (int i = 0; i < 2; i++) {
                if (sendmsg(fd.fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0 || errno != EAGAIN)
                        return;
                (void)poll(&fd, 1, SEND_WAIT_MS);
        }
        g_mutex_lock(&out->lock);
        out->dropped++;
        g_mutex_unlock(&out->lock);
}

static void put_packet(void *user, const uint8_t *packet, size_t len)
{
        send_record(user, JOB_RTP, packet, len);
}

static uint8_t take_level(struct feed_out *out)
{
        uint8_t level;

        g_mutex_lock(&out->lock);
        level = out->level;
        out->level_is_new = false;
        g_mutex_unlock(&out->lock);
        return level;
}

/* Encoders may move both times and their segment: x264enc does, by 1000 hours. */
static int64_t time_of(GstSample *sample)
{
        GstClockTime pts = GST_BUFFER_PTS(gst_sample_get_buffer(sample));

        return (int64_t)(gst_segment_to_running_time(gst_sample_get_segment(sample),
                                                     GST_FORMAT_TIME, pts) /
                         GST_USECOND);
}

static GstFlowReturn on_encoded(GstAppSink *sink, gpointer user)
{
        struct out_stream *stream = user;
        GstSample *sample = gst_app_sink_pull_sample(sink);
        GstBuffer *buffer = sample ? gst_sample_get_buffer(sample) : NULL;
        GstMapInfo map;

        if (buffer && gst_buffer_map(buffer, &map, GST_MAP_READ)) {
                struct span bytes = { map.data, map.size };
                int64_t at_us = time_of(sample);

                g_mutex_lock(&stream->lock);
                if (stream->layer == SOUND)
                        feed_opus(&stream->rtp, bytes, at_us, take_level(stream->out), put_packet,
                                  stream);
                else if (stream->out->codec == JOB_H264)
                        feed_h264(&stream->rtp, bytes, at_us, put_packet, stream);
                else
                        feed_vp8(&stream->rtp, bytes, at_us, put_packet, stream);
                g_mutex_unlock(&stream->lock);
                gst_buffer_unmap(buffer, &map);
        }
        if (sample)
                gst_sample_unref(sample);
        return sample ? GST_FLOW_OK : GST_FLOW_EOS;
}

static void connect_sink(struct pipeline *pipeline, const char *name, struct out_stream *stream)
{
        static const GstAppSinkCallbacks calls = { .new_sample = on_encoded };

        gst_app_sink_set_callbacks(GST_APP_SINK(pipeline_get(pipeline, name)),
                                   (GstAppSinkCallbacks *)&calls, stream, NULL);
}

/* ---- reports ---- */

static void report(struct feed_out *out, int64_t now_us)
{
        uint8_t bytes[N_STREAMS * FEED_REPORT_MAX];
        size_t len = 0;

        out->reported_us = now_us;
        for (unsigned i = 0; i < N_STREAMS; i++) {
                struct out_stream *stream = &out->streams[i];

                g_mutex_lock(&stream->lock);
                if (stream->rtp.packets > 0)
                        len += feed_report(&stream->rtp, now_us, now_us + out->wall_offset_us,
                                           bytes + len);
                g_mutex_unlock(&stream->lock);
        }
        if (len > 0)
                send_record(&out->streams[SOUND], JOB_RTCP, bytes, len);
}

static void tell_behind(struct feed_out *out)
{
        unsigned dropped;

        g_mutex_lock(&out->lock);
        dropped = out->dropped;
        out->dropped = 0;
        g_mutex_unlock(&out->lock);
        if (dropped > 0)
                child_say(out->child,
                          json_pack("{s:s, s:i}", "type", "behind", "dropped", (int)dropped));
}

/* ---- pictures ---- */

/* Gives the encoders a picture under a time that is later than any before it. */
static void encode(struct feed_out *out, GstBuffer *picture, int64_t at_us)
{
        GstElement *src = NULL;
        GstBuffer *copy;

        g_mutex_lock(&out->lock);
        if (at_us <= out->last_pts_us)
                at_us = out->last_pts_us + 1;
        out->last_pts_us = at_us;
        out->last_us = clock_now_us();
        if (out->video_src && !out->rebuild_is_due) {
                src = gst_object_ref(out->video_src);
                if (gst_app_src_get_current_level_buffers(GST_APP_SRC(src)) >=
                    FEED_ENCODERS_WAITING)
                        out->dropped++;
        }
        g_mutex_unlock(&out->lock);
        if (!src)
                return;
        copy = gst_buffer_copy(picture);
        GST_BUFFER_PTS(copy) = (GstClockTime)at_us * GST_USECOND;
        GST_BUFFER_DTS(copy) = GST_CLOCK_TIME_NONE;
        GST_BUFFER_DURATION(copy) = GST_CLOCK_TIME_NONE;
        (void)gst_app_src_push_buffer(GST_APP_SRC(src), copy);
        gst_object_unref(src);
}

static void drop_encoders(struct feed_out *out)
{
        g_mutex_lock(&out->lock);
        g_clear_object(&out->video_src);
        g_mutex_unlock(&out->lock);
        for (unsigned i = 0; i < PLAN_LAYERS; i++)
                out->streams[i].encoder = NULL;
        out->video = pipeline_free(out->video);
}

static void start_encoders(struct feed_out *out, GstCaps *caps)
{
        const GstStructure *structure = gst_caps_get_structure(caps, 0);
        char description[FEED_ENCODERS_TEXT], name[16];
        const struct pipeline_params params = { .description = description };
        struct picture_plan plan;
        GstElement *src;
        int width = 0, height = 0;

        (void)gst_structure_get_int(structure, "width", &width);
        (void)gst_structure_get_int(structure, "height", &height);
        picture_plan(&plan, width, height, out->params.max_layers);
        feed_encoders_describe(description, &plan, out->codec);
        if (pipeline_new(&out->video, out->child, &params) != 0)
                return;
        for (unsigned i = 0; i < plan.n; i++) {
                snprintf(name, sizeof(name), "enc%u", i);
                out->streams[i].encoder = pipeline_get(out->video, name);
                snprintf(name, sizeof(name), "sink%u", i);
                connect_sink(out->video, name, &out->streams[i]);
        }
        src = pipeline_get(out->video, "src");
        g_object_set(src, "caps", caps, NULL);
        pipeline_set_state(out->video, GST_STATE_PLAYING);
        g_mutex_lock(&out->lock);
        out->video_src = gst_object_ref(src);
        g_mutex_unlock(&out->lock);
}

static void encode_last(struct feed_out *out)
{
        GstBuffer *picture;

        g_mutex_lock(&out->lock);
        picture = out->last ? gst_buffer_ref(out->last) : NULL;
        g_mutex_unlock(&out->lock);
        if (!picture)
                return;
        encode(out, picture, clock_now_us());
        gst_buffer_unref(picture);
}

/* Encoders for pictures as they are now. */
static void restart_encoders(struct feed_out *out)
{
        GstCaps *caps;

        drop_encoders(out);
        g_mutex_lock(&out->lock);
        caps = out->caps ? gst_caps_ref(out->caps) : NULL;
        out->rebuild_is_due = false;
        g_mutex_unlock(&out->lock);
        if (!caps || !out->has_codec)
                return;
        start_encoders(out, caps);
        gst_caps_unref(caps);
        encode_last(out);
}

/* Pictures of another size: in the main thread. */
static gboolean rebuild(gpointer user)
{
        restart_encoders(user);
        return G_SOURCE_REMOVE;
}

void feed_out_picture(struct feed_out *out, GstBuffer *picture, GstCaps *caps, int64_t at_us)
{
        if (out->params.max_layers == 0)
                return;
        g_mutex_lock(&out->lock);
        gst_buffer_replace(&out->last, picture);
        if (!out->caps || !gst_caps_is_equal(out->caps, caps)) {
                gst_caps_replace(&out->caps, caps);
                if (!out->rebuild_is_due)
                        g_idle_add_full(G_PRIORITY_DEFAULT, rebuild, out, NULL);
                out->rebuild_is_due = true;
        }
        g_mutex_unlock(&out->lock);
        encode(out, picture, at_us);
}

/* ---- sound ---- */

void feed_out_sound(struct feed_out *out, GstBuffer *sound, int64_t at_us)
{
        GstBuffer *copy = gst_buffer_copy(sound);
        GstMapInfo map;

        if (gst_buffer_map(sound, &map, GST_MAP_READ)) {
                /* GStreamer's memory is aligned for any sample. */
                uint8_t level = feed_level((const int16_t *)(const void *)map.data,
                                           map.size / sizeof(int16_t));

                gst_buffer_unmap(sound, &map);
                g_mutex_lock(&out->lock);
                if (!out->level_is_new || level < out->level)
                        out->level = level;
                out->level_is_new = true;
                g_mutex_unlock(&out->lock);
        }
        GST_BUFFER_PTS(copy) = (GstClockTime)at_us * GST_USECOND;
        (void)gst_app_src_push_buffer(GST_APP_SRC(pipeline_get(out->audio, "src")), copy);
}

static int start_sound(struct feed_out *out)
{
        char description[SOUND_TEXT];
        const struct pipeline_params params = { .description = description };
        int r;

        snprintf(
                description, sizeof(description),
                "appsrc name=src is-live=true format=time block=false max-bytes=0"
                " max-time=2000000000 leaky-type=downstream"
                " caps=audio/x-raw,format=S16LE,rate=48000,channels=2,layout=interleaved"
                " ! opusenc bitrate=%d audio-type=generic frame-size=20"
                " ! appsink name=sink sync=false async=false max-buffers=50 enable-last-sample=false",
                OPUS_BPS);
        r = pipeline_new(&out->audio, out->child, &params);
        if (r != 0)
                return r;
        connect_sink(out->audio, "sink", &out->streams[SOUND]);
        pipeline_set_state(out->audio, GST_STATE_PLAYING);
        return 0;
}

/* New ones for layers first..last-1, or sound: no number of before goes on. */
static bool begin_streams(struct feed_out *out, unsigned first, unsigned last)
{
        uint64_t seeds[N_STREAMS];
        uint32_t ssrc;

        if (getrandom(seeds, sizeof(seeds), 0) != sizeof(seeds) ||
            getrandom(&ssrc, sizeof(ssrc), 0) != sizeof(ssrc))
                return false;
        for (unsigned i = first; i < last; i++) {
                struct out_stream *stream = &out->streams[i];

                g_mutex_lock(&stream->lock);
                feed_stream_init(&stream->rtp, ssrc + i, i == SOUND ? 48000 : 90000, seeds[i]);
                g_mutex_unlock(&stream->lock);
        }
        return true;
}

/* ---- what is asked for ---- */

/* The film goes on; its layers begin anew, each with a key frame, in the other codec. Before the
 * first time nothing was sent. */
static void set_codec(struct feed_out *out, enum job_codec codec)
{
        if (codec != JOB_VP8 && codec != JOB_H264)
                return;
        if (out->has_codec && out->codec == codec)
                return;
        drop_encoders(out);
        out->codec = codec;
        out->has_codec = true;
        if (!begin_streams(out, 0, PLAN_LAYERS)) {
                child_fail(out->child, "internal", "no random numbers");
                return;
        }
        restart_encoders(out);
        out->reported_us = 0; /* soon, so that sound and picture agree */
}

static void want_key(struct feed_out *out, uint32_t ssrc)
{
        for (unsigned i = 0; i < PLAN_LAYERS; i++)
                if (out->streams[i].rtp.ssrc == ssrc)
                        feed_key_want(&out->streams[i].key);
}

/* Key frames that are due are made of the next picture; of the last one when none comes. */
static bool give_keys(struct feed_out *out, int64_t now_us)
{
        bool any = false;

        for (unsigned i = 0; i < PLAN_LAYERS; i++) {
                struct out_stream *stream = &out->streams[i];
                GstPad *pad;

                if (!stream->encoder || !feed_key_due(&stream->key, now_us))
                        continue;
                any = true;
                pad = gst_element_get_static_pad(stream->encoder, "src");
                (void)gst_pad_send_event(pad, gst_video_event_new_upstream_force_key_unit(
                                                      GST_CLOCK_TIME_NONE, FALSE, 0));
                gst_object_unref(pad);
        }
        return any;
}

static void keep_going(struct feed_out *out)
{
        int64_t now_us = clock_now_us(), since_us;
        bool any_key = give_keys(out, now_us);

        g_mutex_lock(&out->lock);
        since_us = now_us - out->last_us;
        g_mutex_unlock(&out->lock);
        if (since_us > STILL_US || (any_key && since_us > STILL_KEY_US))
                encode_last(out);
}

void feed_out_on_record(struct feed_out *out, const uint8_t *data, size_t len)
{
        struct job_record record;
        struct rtcp_iter it;
        struct rtcp_pkt pkt;
        struct rtcp_fb fb;

        if (job_record_parse(&record, data, len) < 0)
                return;
        if (record.type == JOB_TRACK)
                set_codec(out, (enum job_codec)record.codec);
        if (record.type != JOB_RTCP)
                return;
        it = rtcp_iter_init(record.bytes.data, record.bytes.len);
        while (rtcp_next(&it, &pkt))
                if (pkt.type == RTCP_PSFB && pkt.count == RTCP_FMT_PLI &&
                    rtcp_parse_pli(&fb, &pkt) == 0)
                        want_key(out, fb.media_ssrc);
        keep_going(out);
}

static gboolean on_tick(gpointer user)
{
        struct feed_out *out = user;
        int64_t now_us = clock_now_us();

        keep_going(out);
        if (now_us - out->reported_us >= REPORT_US) {
                report(out, now_us);
                tell_behind(out);
        }
        return G_SOURCE_CONTINUE;
}

/* ---- life ---- */

int feed_out_new(struct feed_out **ret_out, struct child *child,
                 const struct feed_out_params *params)
{
        struct feed_out *out = g_new0(struct feed_out, 1);
        int r = 1;

        out->child = child;
        out->params = *params;
        out->wall_offset_us = clock_wall_us() - clock_now_us();
        g_mutex_init(&out->lock);
        for (unsigned i = 0; i < N_STREAMS; i++) {
                out->streams[i].out = out;
                out->streams[i].layer = i;
                g_mutex_init(&out->streams[i].lock);
        }
        if (begin_streams(out, 0, N_STREAMS))
                r = start_sound(out);
        else
                child_fail(child, "internal", "no random numbers");
        if (r != 0) {
                feed_out_free(out);
                return r;
        }
        out->timer = g_timeout_add(TICK_MS, on_tick, out);
        *ret_out = out;
        return 0;
}

struct feed_out *feed_out_free(struct feed_out *out)
{
        if (!out)
                return NULL;
        if (out->timer)
                g_source_remove(out->timer);
        while (g_idle_remove_by_data(out))
                ;
        drop_encoders(out);
        pipeline_free(out->audio);
        gst_buffer_replace(&out->last, NULL);
        gst_caps_replace(&out->caps, NULL);
        g_mutex_clear(&out->lock);
        for (unsigned i = 0; i < N_STREAMS; i++)
                g_mutex_clear(&out->streams[i].lock);
        g_free(out);
        return NULL;
}
