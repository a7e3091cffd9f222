/* SPDX-License-Identifier: Apache-2.0 */
/*
 * camera — JOB_CAMERA: a hall's camera (RTSP, RFC 2326) as a participant.
 *
 *   CONNECTING --first picture or sound--> PLAYING
 *        ^ \--error, or 15 s--v             | error, end, or 5 s of nothing
 *        |                   LOST <---------/
 *        +---after 1, 2, 4 … 30 s---+
 *
 * It ends by itself only when the camera refuses the password, or sends nothing that can be
 * decoded. RTP comes through the RTSP connection; a camera that cannot do that is asked for UDP
 * the next time. Only one stream of pictures and one of sound are set up. A camera's certificate
 * (rtsps) is hardly ever one that can be verified; it is not.
 */
#include "base/clock.h"
#include "sfu/jobs/core/rtsp_url.h"
#include "sfu/jobs/gst/feed_out.h"
#include "sfu/jobs/gst/kinds.h"
#include "sfu/jobs/gst/media_in.h"
#include "sfu/jobs/gst/pipeline.h"

enum {
        TICK_MS = 200,
        CONNECT_US = 15000000,
        SILENCE_US = 5000000,
        FIRST_WAIT_US = 1000000,
        LONGEST_WAIT_US = 30000000,
        LATENCY_MS = 200,
        TRANSPORT_UDP = 1, /* GstRTSPLowerTrans */
        TRANSPORT_TCP = 4,
};

enum camera_state { CONNECTING, PLAYING, LOST, N_STATES };

struct camera {
        struct child *child;
        struct feed_out *out;
        struct pipeline *pipeline; /* NULL in LOST */
        struct media_in *in;
        char *url, *user, *password;
        guint timer;
        enum camera_state state;
        int64_t since_us; /* in this state; PLAYING: since the last sign of life */
        int64_t wait_us;  /* in LOST */
        unsigned seen;    /* pictures and sounds of this connection */
        bool udp;
        gint n_video, n_audio, n_other; /* streams offered; streaming thread, atomic */
};

static const char *const elements[] = { FEED_OUT_ELEMENTS, MEDIA_IN_ELEMENTS, "rtspsrc",
                                        "decodebin",       "rtph264depay",    "rtph265depay",
                                        "rtpjpegdepay",    "rtpjitterbuffer", "avdec_h264",
                                        "avdec_h265",      "avdec_mjpeg",     NULL };

static void tell_state(struct camera *camera, enum camera_state state, const char *code)
{
        static const char *const words[N_STATES] = { "connecting", "playing", "lost" };

        camera->state = state;
        camera->since_us = clock_now_us();
        child_say(camera->child, json_pack("{s:s, s:s, s:s*}", "type", "state", "state",
                                           words[state], "code", code));
}

/* ---- what it offers ---- */

static bool can_decode(const GstStructure *stream)
{
        static const char *const names[] = { "H264",      "H265", "JPEG", "OPUS", "MPEG4-GENERIC",
                                             "MP4A-LATM", "PCMU", "PCMA", "L16",  "MPEG4-GENERIC" };
        const char *name = gst_structure_get_string(stream, "encoding-name");

        for (size_t i = 0; name && i < ARRAY_LEN(names); i++)
                if (g_ascii_strcasecmp(name, names[i]) == 0)
                        return true;
        return false;
}

/* Whether to set a stream up. */
static gboolean on_offer(GstElement *src, guint number, GstCaps *caps, gpointer user)
{
        struct camera *camera = user;
        const GstStructure *stream = gst_caps_get_structure(caps, 0);
        const char *media = gst_structure_get_string(stream, "media");

        (void)src;
        (void)number;
        if (g_strcmp0(media, "video") == 0 && can_decode(stream))
                return g_atomic_int_add(&camera->n_video, 1) == 0;
        if (g_strcmp0(media, "audio") == 0 && can_decode(stream))
                return g_atomic_int_add(&camera->n_audio, 1) == 0;
        g_atomic_int_inc(&camera->n_other);
        return FALSE;
}

static void on_decoded(GstElement *decode, GstPad *pad, gpointer user)
{
        struct camera *camera = user;

        (void)decode;
        media_in_take(camera->in, pad);
}

static void on_stream(GstElement *src, GstPad *pad, gpointer user)
{
        struct camera *camera = user;
        GstElement *decode = gst_element_factory_make("decodebin", NULL);
        GstPad *sink;

        (void)src;
        if (!decode)
                return;
        g_signal_connect(decode, "pad-added", G_CALLBACK(on_decoded), camera);
        gst_bin_add(GST_BIN(pipeline_bin(camera->pipeline)), decode);
        gst_element_sync_state_with_parent(decode);
        sink = gst_element_get_static_pad(decode, "sink");
        (void)gst_pad_link(pad, sink);
        gst_object_unref(sink);
}

static void on_picture(void *user, GstBuffer *picture, GstCaps *caps, int64_t at_us)
{
        struct camera *camera = user;

        feed_out_picture(camera->out, picture, caps, at_us);
}

static void on_sound(void *user, GstBuffer *sound, int64_t at_us)
{
        struct camera *camera = user;

        feed_out_sound(camera->out, sound, at_us);
}

/* ---- the connection ---- */

static void disconnect(struct camera *camera)
{
        camera->pipeline = pipeline_free(camera->pipeline);
        camera->in = media_in_free(camera->in);
}

static void lose(struct camera *camera, const char *code)
{
        disconnect(camera);
        /* One that had played is tried again soon. */
        camera->wait_us = camera->state == PLAYING ? FIRST_WAIT_US
                                                   : MIN(camera->wait_us * 2, LONGEST_WAIT_US);
        tell_state(camera, LOST, code);
}

static bool has_nothing_for_us(const struct camera *camera)
{
        return g_atomic_int_get(&camera->n_other) > 0 && g_atomic_int_get(&camera->n_video) == 0 &&
               g_atomic_int_get(&camera->n_audio) == 0;
}

static bool on_error(void *user, const char *code, const char *message)
{
        struct camera *camera = user;

        if (strcmp(code, "auth") == 0)
                child_fail(camera->child, code, "the camera refuses the user or the password");
        else if (has_nothing_for_us(camera))
                child_fail(camera->child, "codec-unsupported", "%s", message);
        else if (camera->state != LOST) {
                if (camera->state == CONNECTING)
                        camera->udp = !camera->udp;
                lose(camera, strcmp(code, "connect") == 0 ? code : "internal");
        }
        return true;
}

static void on_eos(void *user)
{
        struct camera *camera = user;

        if (camera->state != LOST)
                lose(camera, "connect");
}

static void set_up_source(struct camera *camera)
{
        GstElement *src = pipeline_get(camera->pipeline, "src");

        g_object_set(src, "location", camera->url, "latency", LATENCY_MS, "drop-on-latency", TRUE,
                     "protocols", camera->udp ? TRANSPORT_UDP : TRANSPORT_TCP, "tcp-timeout",
                     (guint64)CONNECT_US, "timeout", (guint64)SILENCE_US, "udp-reconnect", FALSE,
                     "tls-validation-flags", 0, NULL);
        if (camera->user[0])
                g_object_set(src, "user-id", camera->user, "user-pw", camera->password, NULL);
        g_signal_connect(src, "select-stream", G_CALLBACK(on_offer), camera);
        g_signal_connect(src, "pad-added", G_CALLBACK(on_stream), camera);
}

static void connect_to(struct camera *camera)
{
        const struct pipeline_params params = { .description = "rtspsrc name=src",
                                                .on_eos = on_eos,
                                                .on_error = on_error,
                                                .user = camera };
        struct media_in_params in = {
                .wants_video = true, .on_picture = on_picture, .on_sound = on_sound, .user = camera
        };
        GstClock *clock;

        if (pipeline_new(&camera->pipeline, camera->child, &params) != 0)
                return;
        in.bin = pipeline_bin(camera->pipeline);
        if (media_in_new(&camera->in, &in) < 0) {
                child_fail(camera->child, "internal", "no memory");
                return;
        }
        clock = gst_system_clock_obtain();
        gst_pipeline_use_clock(GST_PIPELINE(in.bin), clock);
        gst_object_unref(clock);
        camera->n_video = camera->n_audio = camera->n_other = 0;
        camera->seen = 0;
        set_up_source(camera);
        tell_state(camera, CONNECTING, NULL);
        pipeline_set_state(camera->pipeline, GST_STATE_PLAYING);
}

static void look_for_life(struct camera *camera, int64_t now_us)
{
        unsigned seen = media_in_pictures(camera->in) + media_in_sounds(camera->in);

        if (seen == camera->seen)
                return;
        camera->seen = seen;
        camera->since_us = now_us;
        if (camera->state == CONNECTING) {
                camera->wait_us = FIRST_WAIT_US / 2; /* doubled when it is lost */
                tell_state(camera, PLAYING, NULL);
        }
}

static gboolean on_tick(gpointer user)
{
        struct camera *camera = user;
        int64_t now_us = clock_now_us(), gone_us;

        if (camera->in)
                look_for_life(camera, now_us);
        gone_us = now_us - camera->since_us;
        if (camera->state == LOST && gone_us >= camera->wait_us)
                connect_to(camera);
        else if ((camera->state == CONNECTING && gone_us >= CONNECT_US) ||
                 (camera->state == PLAYING && gone_us >= SILENCE_US))
                lose(camera, "timeout");
        return G_SOURCE_CONTINUE;
}

/* ---- the job ---- */

static void camera_record(void *job, const uint8_t *data, size_t len)
{
        struct camera *camera = job;

        if (len == 0)
                child_done(camera->child);
        else
                feed_out_on_record(camera->out, data, len);
}

static void camera_free(void *job)
{
        struct camera *camera = job;

        if (camera->timer)
                g_source_remove(camera->timer);
        disconnect(camera); /* before the feed: it gives pictures to it */
        feed_out_free(camera->out);
        g_free(camera->url);
        g_free(camera->user);
        g_free(camera->password);
        g_free(camera);
}

static char *copy_text(const json_t *start, const char *key)
{
        const char *text = json_string_value(json_object_get(start, key));

        return g_strdup(text ? text : "");
}

static int camera_start(struct child *child, const json_t *start, void **ret_job)
{
        struct camera *camera = g_new0(struct camera, 1);
        json_int_t layers = json_integer_value(json_object_get(start, "layers"));
        const struct feed_out_params out = { .picture = SFU_CAMERA,
                                             .max_layers = (unsigned)CLAMP(layers, 1, 3) };
        int r;

        camera->child = child;
        camera->wait_us = FIRST_WAIT_US / 2;
        camera->url = copy_text(start, "url");
        camera->user = copy_text(start, "user");
        camera->password = copy_text(start, "password");
        *ret_job = camera;
        if (!rtsp_url_is_good(camera->url)) {
                child_fail(child, "connect", "not the address of a camera");
                return 1;
        }
        r = feed_out_new(&camera->out, child, &out);
        if (r != 0)
                return r;
        child_ready(child);
        camera->timer = g_timeout_add(TICK_MS, on_tick, camera);
        connect_to(camera);
        return 0;
}

const struct job_ops camera_ops = {
        .kind = JOB_CAMERA,
        .elements = elements,
        .start = camera_start,
        .on_record = camera_record,
        .free = camera_free,
};
