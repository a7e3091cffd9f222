/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rtmp — the live program to a social network, without encoding it again.
 *
 * It reads the segments that the program job writes for HLS (live_follow), so the encoder does
 * not know of it: whatever the network does, the meeting's stream goes on.
 *
 * States: waiting (for the first segment) -> connecting -> live -> lost -> waiting 1 s, 2 s … 30 s ->
 *         connecting …
 *   connecting -> refused: the other side ended the very first connection itself; the job ends.
 *   Any fault, also a reader that is too slow and a program that began anew, is "lost"; each
 *   connection has a pipeline of its own.
 *
 * GStreamer's messages may hold the address and the key: none of them is passed on.
 */
#include <gst/app/gstappsrc.h>
#include <stdatomic.h>
#include <stdio.h>

#include "sfu/jobs/core/rtmp_url.h"
#include "sfu/jobs/gst/kinds.h"
#include "sfu/jobs/gst/pipeline.h"
#include "sfu/jobs/live_follow.h"

enum {
        TURN_MS = 250,
        WAIT_FIRST_MS = 1000,
        WAIT_MOST_MS = 30000,
        STEADY_MS = 60000,       /* live for so long: the next wait is short again */
        LIVE_BUFFERS = 8,        /* past the heads: the other side has taken media */
        CONNECT_MS = 15000,      /* from a segment's bytes to LIVE_BUFFERS */
        STILL_MS = 15000,        /* nothing went out though there was something */
        BACKLOG_BYTES = 4 << 20, /* some 20 s: the line is too weak */
        LEAD_MS = 500,           /* how late a segment may come without a gap */
        STOP_MS = 2000,
        KEY = 1024,
};

enum state { WAITING, CONNECTING, LIVE, LOST };

struct rtmp {
        struct child *child;
        struct rtmp_url url;
        char key[KEY];
        struct live_follow follow;
        enum state state;
        bool was_live, stopping;
        struct pipeline *pipeline;
        guint timer;
        int64_t wait_ms, until_ms; /* LOST: next try */
        int64_t since_ms;          /* of this state */
        int64_t fed_ms, moved_ms;  /* last bytes in; last buffers out */
        unsigned seen_buffers;
        uint64_t seen_bytes, done_bytes;
        /* written by streaming threads */
        atomic_uint n_buffers;
        _Atomic uint64_t bytes;
        _Atomic int64_t first_ns; /* the time of the first frame; -1: none yet */
};

static int64_t now_ms(void)
{
        return g_get_monotonic_time() / 1000;
}

static void tell_state(struct rtmp *rtmp, const char *state, const char *code)
{
        child_say(rtmp->child,
                  json_pack("{s:s, s:s, s:s*}", "type", "state", "state", state, "code", code));
}

/* ---- a connection ends ---- */

static void lose(struct rtmp *rtmp, const char *code)
{
        int64_t now = now_ms();

        if (rtmp->state == LIVE && now - rtmp->since_ms > STEADY_MS)
                rtmp->wait_ms = WAIT_FIRST_MS;
        rtmp->pipeline = pipeline_free(rtmp->pipeline);
        rtmp->done_bytes += rtmp->bytes;
        rtmp->bytes = 0;
        live_follow_restart(&rtmp->follow);
        rtmp->state = LOST;
        rtmp->until_ms = now + rtmp->wait_ms;
        rtmp->wait_ms = MIN(rtmp->wait_ms * 2, WAIT_MOST_MS);
        tell_state(rtmp, "lost", code);
}

/* The other side answered, and did not take it. What it says otherwise is "closed". */
static bool is_refusal(const char *code, const char *message)
{
        return strcmp(code, "auth") == 0 || strstr(message, "'publish'") ||
               strstr(message, "'connect'") || strstr(message, "publish denied");
}

static bool on_error(void *user, const char *code, const char *message)
{
        struct rtmp *rtmp = user;
        bool refused = rtmp->state == CONNECTING && is_refusal(code, message);

        if (rtmp->stopping)
                child_done(rtmp->child);
        else if (refused && !rtmp->was_live)
                child_fail(rtmp->child, "refused", "the other side does not take the stream");
        else if (strcmp(code, "missing-package") == 0)
                child_fail(rtmp->child, code, "a GStreamer element is missing");
        else
                lose(rtmp, refused ? "refused" : "connect");
        return true;
}

static void on_eos(void *user)
{
        struct rtmp *rtmp = user;

        if (rtmp->stopping)
                child_done(rtmp->child);
}

/* ---- a connection begins ---- */

static GstPadProbeReturn on_sent(GstPad *pad, GstPadProbeInfo *info, gpointer user)
{
        struct rtmp *rtmp = user;

        (void)pad;
        rtmp->n_buffers++;
        rtmp->bytes += gst_buffer_get_size(GST_PAD_PROBE_INFO_BUFFER(info));
        return GST_PAD_PROBE_OK;
}

static GstClockTime shift(const struct rtmp *rtmp, GstClockTime time)
{
        int64_t moved = (int64_t)time - rtmp->first_ns + (int64_t)(LEAD_MS * GST_MSECOND);

        return GST_CLOCK_TIME_IS_VALID(time) ? (GstClockTime)MAX(moved, 0) : time;
}

/* The stream may be hours old: its first frame is due LEAD_MS from now, and all others from it on. */
static GstPadProbeReturn on_flow(GstPad *pad, GstPadProbeInfo *info, gpointer user)
{
        struct rtmp *rtmp = user;
        GstBuffer *buffer;
        int64_t none = -1;

        (void)pad;
        if (info->type & GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM) {
                pipeline_plain_segment(info);
                return GST_PAD_PROBE_OK;
        }
        buffer = gst_buffer_make_writable(GST_PAD_PROBE_INFO_BUFFER(info));
        GST_PAD_PROBE_INFO_DATA(info) = buffer;
        if (!GST_BUFFER_PTS_IS_VALID(buffer))
                return GST_PAD_PROBE_DROP;
        atomic_compare_exchange_strong(&rtmp->first_ns, &none, (int64_t)GST_BUFFER_PTS(buffer));
        GST_BUFFER_PTS(buffer) = shift(rtmp, GST_BUFFER_PTS(buffer));
        GST_BUFFER_DTS(buffer) = shift(rtmp, GST_BUFFER_DTS(buffer));
        return GST_PAD_PROBE_OK;
}

/* A streaming thread; picture and sound. */
static void on_pad(GstElement *demux, GstPad *pad, gpointer user)
{
        GstElement *bin = GST_ELEMENT(gst_element_get_parent(demux));
        GstCaps *caps = gst_pad_get_current_caps(pad);
        bool picture = caps &&
                       g_str_has_prefix(gst_structure_get_name(gst_caps_get_structure(caps, 0)),
                                        "video/x-h264");
        GstElement *queue = gst_bin_get_by_name(GST_BIN(bin), picture ? "picture" : "sound");
        GstPad *in = gst_element_get_static_pad(queue, "sink");

        gst_pad_add_probe(pad, GST_PAD_PROBE_TYPE_BUFFER | GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM,
                          on_flow, user, NULL);
        if (!gst_pad_is_linked(in))
                gst_pad_link(pad, in);
        gst_object_unref(in);
        gst_object_unref(queue);
        if (caps)
                gst_caps_unref(caps);
        gst_object_unref(bin);
}

/* A fragment brings two seconds of pictures, then two seconds of sound: the queues hold that. */
#define QUEUE "queue max-size-time=0 max-size-buffers=0 max-size-bytes=8388608 name="

static int connect_to(struct rtmp *rtmp)
{
        const struct pipeline_params params = {
                .description = "appsrc name=src format=bytes max-bytes=0 ! qtdemux name=demux"
                               " flvmux name=mux streamable=true ! rtmp2sink name=sink " QUEUE
                               "picture ! h264parse ! mux.video " QUEUE
                               "sound ! aacparse ! mux.audio",
                .on_eos = on_eos,
                .on_error = on_error,
                .user = rtmp,
        };
        GstElement *sink;
        GstPad *pad;

        if (pipeline_new(&rtmp->pipeline, rtmp->child, &params) != 0)
                return 1;
        sink = pipeline_get(rtmp->pipeline, "sink");
        g_object_set(sink, "host", rtmp->url.host, "port", (int)rtmp->url.port, "application",
                     rtmp->url.app, "stream", rtmp->key, NULL);
        gst_util_set_object_arg(G_OBJECT(sink), "scheme", rtmp->url.tls ? "rtmps" : "rtmp");
        pad = gst_element_get_static_pad(sink, "sink");
        gst_pad_add_probe(pad, GST_PAD_PROBE_TYPE_BUFFER, on_sent, rtmp, NULL);
        gst_object_unref(pad);
        g_signal_connect(pipeline_get(rtmp->pipeline, "demux"), "pad-added", G_CALLBACK(on_pad),
                         rtmp);
        rtmp->n_buffers = rtmp->seen_buffers = 0;
        rtmp->first_ns = -1;
        rtmp->state = CONNECTING;
        rtmp->since_ms = rtmp->fed_ms = rtmp->moved_ms = now_ms();
        pipeline_set_state(rtmp->pipeline, GST_STATE_PLAYING);
        tell_state(rtmp, "connecting", NULL);
        return 0;
}

/* ---- its turns ---- */

static GstAppSrc *source(const struct rtmp *rtmp)
{
        return GST_APP_SRC(pipeline_get(rtmp->pipeline, "src"));
}

/* Takes the bytes. */
static void feed(struct rtmp *rtmp, uint8_t *bytes, size_t len)
{
        GstBuffer *buffer = gst_buffer_new_wrapped_full(0, bytes, len, 0, len, bytes, free);

        (void)gst_app_src_push_buffer(source(rtmp), buffer);
        rtmp->fed_ms = now_ms();
}

/* Everything there is to read now. */
static void follow(struct rtmp *rtmp)
{
        uint8_t *bytes;
        size_t len;

        for (;;) {
                switch (live_follow_poll(&rtmp->follow, &bytes, &len)) {
                case LIVE_NONE:
                        return;
                case LIVE_BROKEN:
                        lose(rtmp, NULL);
                        return;
                case LIVE_INIT:
                        if (connect_to(rtmp) != 0) {
                                free(bytes);
                                return;
                        }
                        feed(rtmp, bytes, len);
                        break;
                case LIVE_SEGMENT:
                        feed(rtmp, bytes, len);
                        break;
                }
        }
}

static void watch(struct rtmp *rtmp, int64_t now)
{
        unsigned n_buffers = rtmp->n_buffers;
        int64_t most_ms = rtmp->state == CONNECTING ? CONNECT_MS : STILL_MS;

        if (n_buffers != rtmp->seen_buffers)
                rtmp->moved_ms = now;
        rtmp->seen_buffers = n_buffers;
        if (rtmp->state == CONNECTING && n_buffers >= LIVE_BUFFERS) {
                rtmp->state = LIVE;
                rtmp->was_live = true;
                rtmp->since_ms = now;
                tell_state(rtmp, "live", NULL);
        }
        if (rtmp->fed_ms - rtmp->moved_ms > most_ms)
                lose(rtmp, "timeout");
        else if (gst_app_src_get_current_level_bytes(source(rtmp)) > BACKLOG_BYTES)
                lose(rtmp, "timeout");
}

static gboolean on_turn(void *user)
{
        struct rtmp *rtmp = user;
        int64_t now = now_ms();

        if (rtmp->stopping || (rtmp->state == LOST && now < rtmp->until_ms))
                return G_SOURCE_CONTINUE;
        follow(rtmp);
        if (rtmp->state == CONNECTING || rtmp->state == LIVE)
                watch(rtmp, now);
        return G_SOURCE_CONTINUE;
}

/* ---- the job ---- */

static bool read_start(struct rtmp *rtmp, const json_t *first)
{
        const char *url = json_string_value(json_object_get(first, "url"));
        const char *key = json_string_value(json_object_get(first, "key"));
        const char *dir = json_string_value(json_object_get(first, "dir"));
        char path[LIVE_DIR];

        if (!url || !key || !dir || !key[0] || strlen(key) >= sizeof(rtmp->key))
                return false;
        strcpy(rtmp->key, key);
        snprintf(path, sizeof(path), "/work/%s", dir);
        return rtmp_url_parse(&rtmp->url, url) == 0 && live_follow_init(&rtmp->follow, path) == 0;
}

static int start(struct child *child, const json_t *first, void **ret_job)
{
        struct rtmp *rtmp = g_new0(struct rtmp, 1);

        rtmp->child = child;
        rtmp->wait_ms = WAIT_FIRST_MS;
        *ret_job = rtmp;
        if (!read_start(rtmp, first)) {
                child_fail(child, "connect", "the address is none");
                return 1;
        }
        rtmp->timer = g_timeout_add(TURN_MS, on_turn, rtmp);
        child_ready(child);
        return 0;
}

static bool progress(void *job, json_t *line)
{
        struct rtmp *rtmp = job;

        json_object_set_new(line, "bytes",
                            json_integer((json_int_t)(rtmp->done_bytes + rtmp->bytes)));
        return true;
}

static gboolean on_stop_late(void *user)
{
        child_done(user);
        return G_SOURCE_REMOVE;
}

/* Says goodbye, so that the other side ends the broadcast at once. */
static void stop(void *job)
{
        struct rtmp *rtmp = job;

        rtmp->stopping = true;
        if (rtmp->state != LIVE) {
                child_done(rtmp->child);
                return;
        }
        (void)gst_app_src_end_of_stream(source(rtmp));
        g_timeout_add(STOP_MS, on_stop_late, rtmp->child);
}

static void free_rtmp(void *job)
{
        struct rtmp *rtmp = job;

        if (rtmp->timer)
                g_source_remove(rtmp->timer);
        pipeline_free(rtmp->pipeline);
        explicit_bzero(rtmp->key, sizeof(rtmp->key));
        g_free(rtmp);
}

static const char *const elements[] = { "appsrc",   "qtdemux", "queue",     "h264parse",
                                        "aacparse", "flvmux",  "rtmp2sink", NULL };

const struct job_ops rtmp_ops = {
        .kind = JOB_RTMP,
        .elements = elements,
        .start = start,
        .progress = progress,
        .stop = stop,
        .free = free_rtmp,
};
