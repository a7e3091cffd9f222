/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/jobs/gst/encoder.h"

#include <assert.h>
#include <errno.h>
#include <gst/video/video.h>

#include "sfu/jobs/core/scene.h"
#include "sfu/jobs/gst/chain.h"

enum {
        SMALL_WIDTH = 640,
        SMALL_HEIGHT = 360,
        MAX_WAITING = 1024, /* units: some 7 s of all streams */
        BIG_BYTES = SCENE_WIDTH * SCENE_HEIGHT * 3 / 2,
        SMALL_BYTES = SMALL_WIDTH * SMALL_HEIGHT * 3 / 2,
        /* What the decoder yields first belongs before the sound that was put in. */
        AAC_DELAY = 1024,
};

/* Constant quality within a bound on the rate: a page that stands still costs next to nothing and
 * is sharp. */
#define X264 " speed-preset=veryfast bframes=0 key-int-max=50 aud=false sync-lookahead=0 pass=qual "
#define H264_OUT " ! capsfilter caps=video/x-h264,stream-format=avc,alignment=au,profile="
#define RAW_SOUND "audio/x-raw,format=F32LE,layout=interleaved,rate=48000,channels="

static const struct {
        const char *elements, *caps;
} rows[N_ENCODED] = {
        [ENCODED_720] = { X264 "bitrate=1500 vbv-buf-capacity=1500" H264_OUT "high",
                          "video/x-raw,format=I420,width=1280,height=720,framerate=25/1,"
                          "pixel-aspect-ratio=1/1,interlace-mode=progressive,colorimetry=bt601" },
        [ENCODED_360] = { X264 "bitrate=450 vbv-buf-capacity=1500" H264_OUT "main",
                          "video/x-raw,format=I420,width=640,height=360,framerate=25/1,"
                          "pixel-aspect-ratio=1/1,interlace-mode=progressive,colorimetry=bt601" },
        [ENCODED_SOUND] = { "avenc_aac bitrate=96000", RAW_SOUND "2,channel-mask=(bitmask)0x3" },
        [ENCODED_VOICE] = { "audioconvert ! audio/x-raw,channels=1 ! avenc_aac bitrate=48000",
                            RAW_SOUND "2,channel-mask=(bitmask)0x3" },
};

/* Live, nothing is held back: each thread of x264 would hold a picture, and looking ahead n pictures
 * holds n, which are seconds when a starved machine leaves most of them out; a killed job would
 * lose them. A step of quality pays for that. Afterwards, looking ahead spends bits where they last. */
static const char *const live_encoders[N_ENCODED] = {
        [ENCODED_720] = "x264enc threads=1 rc-lookahead=0 mb-tree=false quantizer=23",
        [ENCODED_360] = "x264enc threads=1 rc-lookahead=0 mb-tree=false quantizer=25",
        [ENCODED_SOUND] = "",
        [ENCODED_VOICE] = "",
};
static const char *const all_encoders[N_ENCODED] = {
        [ENCODED_720] = "x264enc rc-lookahead=10 quantizer=22",
        [ENCODED_360] = "x264enc rc-lookahead=10 quantizer=24",
        [ENCODED_SOUND] = "",
        [ENCODED_VOICE] = "",
};

struct stream {
        struct encoder *encoder;
        struct chain *chain;
        uint8_t config[FMP4_MAX_CONFIG]; /* codec_data, of pictures */
        size_t config_len;
};

/* A unit that waits for those before it: sound takes the encoder longer than pictures, or they take
 * longer when they are looked ahead at. */
struct waiting {
        enum encoded stream;
        int64_t time_us;
        GstBuffer *buffer;
};

struct encoder {
        struct stream streams[N_ENCODED];
        void (*on_unit)(void *user, const struct encoded_unit *unit);
        void *user;
        int64_t key_us; /* when the next key frame is due */
        bool key_now, align_now, live;
        GQueue waiting;                  /* of struct waiting, by time */
        int64_t picture_us, sound_us[2]; /* the newest of each: of ENCODED_SOUND and _VOICE */
        GstVideoConverter *shrink;
        uint8_t *small;
};

static void give(struct encoder *encoder, enum encoded stream, int64_t time_us, GstBuffer *buffer)
{
        struct encoded_unit unit = { .stream = stream, .time_us = time_us };
        GstMapInfo map;

        if (!gst_buffer_map(buffer, &map, GST_MAP_READ))
                return;
        unit.key = stream == ENCODED_SOUND || stream == ENCODED_VOICE ||
                   !GST_BUFFER_FLAG_IS_SET(buffer, GST_BUFFER_FLAG_DELTA_UNIT);
        unit.bytes = (struct span){ map.data, map.size };
        encoder->on_unit(encoder->user, &unit);
        gst_buffer_unmap(buffer, &map);
}

static void waiting_free(struct waiting *waiting)
{
        gst_buffer_unref(waiting->buffer);
        g_free(waiting);
}

static void release_until(struct encoder *encoder, int64_t until_us)
{
        struct waiting *first = g_queue_peek_head(&encoder->waiting);

        while (first && first->time_us <= until_us) {
                g_queue_pop_head(&encoder->waiting);
                give(encoder, first->stream, first->time_us, first->buffer);
                waiting_free(first);
                first = g_queue_peek_head(&encoder->waiting);
        }
}

static gint by_time(gconstpointer a, gconstpointer b, gpointer user)
{
        const struct waiting *left = a, *right = b;

        (void)user;
        if (left->time_us != right->time_us)
                return left->time_us < right->time_us ? -1 : 1;
        return (int)left->stream - (int)right->stream;
}

/* What came of all streams. */
static void release(struct encoder *encoder)
{
        int64_t until_us = MIN(encoder->picture_us, encoder->sound_us[0]);

        if (encoder->small)
                until_us = MIN(until_us, encoder->sound_us[1]);
        release_until(encoder, until_us);
}

static void hold(struct encoder *encoder, enum encoded stream, int64_t time_us, GstBuffer *buffer)
{
        struct waiting *waiting;

        if (g_queue_get_length(&encoder->waiting) == MAX_WAITING)
                waiting_free(g_queue_pop_head(&encoder->waiting));
        waiting = g_new(struct waiting, 1);
        *waiting = (struct waiting){ stream, time_us, gst_buffer_ref(buffer) };
        g_queue_insert_sorted(&encoder->waiting, waiting, by_time, NULL);
}

static void keep_config(struct stream *stream, GstCaps *caps)
{
        const GValue *value;
        GstBuffer *config;

        if (stream->config_len || !caps)
                return;
        value = gst_structure_get_value(gst_caps_get_structure(caps, 0), "codec_data");
        config = value ? gst_value_get_buffer(value) : NULL;
        if (config)
                stream->config_len = gst_buffer_extract(config, 0, stream->config,
                                                        sizeof(stream->config));
}

static void on_buffer(void *user, GstBuffer *buffer, int64_t time_us, GstCaps *caps)
{
        struct stream *stream = user;
        struct encoder *encoder = stream->encoder;
        enum encoded which = (enum encoded)(stream - encoder->streams);

        keep_config(stream, caps);
        if (time_us < 0)
                return;
        if (which == ENCODED_SOUND || which == ENCODED_VOICE) {
                time_us -= AAC_DELAY * INT64_C(1000000) / FMP4_SOUND_RATE;
                encoder->sound_us[which == ENCODED_VOICE] = time_us;
        } else if (which == ENCODED_720) {
                encoder->picture_us = time_us;
        }
        hold(encoder, which, time_us, buffer);
}

static int open_stream(struct encoder *encoder, enum encoded which)
{
        struct stream *stream = &encoder->streams[which];
        char *elements = g_strconcat(encoder->live ? live_encoders[which] : all_encoders[which],
                                     rows[which].elements, NULL);
        const struct chain_params params = {
                .elements = elements,
                .caps = rows[which].caps,
                .on_buffer = on_buffer,
                .user = stream,
        };
        int r;

        stream->encoder = encoder;
        stream->config_len = 0;
        r = chain_new(&stream->chain, &params);
        g_free(elements);
        return r;
}

int encoder_new(struct encoder **ret_encoder, const struct encoder_params *params)
{
        cleanup(encoder_freep) struct encoder *encoder = g_new0(struct encoder, 1);
        int r;

        encoder->live = params->live;
        encoder->on_unit = params->on_unit;
        encoder->user = params->user;
        g_queue_init(&encoder->waiting);
        r = open_stream(encoder, ENCODED_720);
        if (r == 0)
                r = open_stream(encoder, ENCODED_SOUND);
        if (r < 0)
                return r;
        encoder->key_now = encoder->align_now = true;
        encoder->picture_us = encoder->sound_us[0] = encoder->sound_us[1] = INT64_MIN;
        *ret_encoder = take_ptr(encoder);
        return 0;
}

static void close_small(struct encoder *encoder)
{
        encoder->streams[ENCODED_360].chain = chain_free(encoder->streams[ENCODED_360].chain);
        encoder->streams[ENCODED_VOICE].chain = chain_free(encoder->streams[ENCODED_VOICE].chain);
        g_clear_pointer(&encoder->shrink, gst_video_converter_free);
        g_clear_pointer(&encoder->small, g_free);
}

struct encoder *encoder_free(struct encoder *encoder)
{
        if (!encoder)
                return NULL;
        close_small(encoder);
        for (size_t i = 0; i < N_ENCODED; i++)
                encoder->streams[i].chain = chain_free(encoder->streams[i].chain);
        while (!g_queue_is_empty(&encoder->waiting))
                waiting_free(g_queue_pop_head(&encoder->waiting));
        g_free(encoder);
        return NULL;
}

static void shrink_infos(GstVideoInfo *ret_big, GstVideoInfo *ret_small)
{
        gst_video_info_set_format(ret_big, GST_VIDEO_FORMAT_I420, SCENE_WIDTH, SCENE_HEIGHT);
        gst_video_info_set_format(ret_small, GST_VIDEO_FORMAT_I420, SMALL_WIDTH, SMALL_HEIGHT);
        ret_small->colorimetry = ret_big->colorimetry;
}

int encoder_small(struct encoder *encoder, bool on)
{
        GstVideoInfo big, small;
        int r;

        if (on == (encoder->small != NULL))
                return 0;
        if (!on) {
                close_small(encoder);
                return 0;
        }
        r = open_stream(encoder, ENCODED_360);
        if (r == 0)
                r = open_stream(encoder, ENCODED_VOICE);
        if (r < 0) {
                close_small(encoder);
                return r;
        }
        shrink_infos(&big, &small);
        encoder->shrink = gst_video_converter_new(&big, &small, NULL);
        encoder->small = g_malloc0(SMALL_BYTES);
        return 0;
}

void encoder_key(struct encoder *encoder, bool align)
{
        encoder->key_now = true;
        encoder->align_now = encoder->align_now || align;
}

static GstBuffer *wrap(const void *data, size_t len, int64_t time_us, int64_t lasts_us)
{
        GstBuffer *buffer = gst_buffer_new_memdup(data, len);

        GST_BUFFER_PTS(buffer) = (GstClockTime)time_us * 1000;
        GST_BUFFER_DURATION(buffer) = (GstClockTime)lasts_us * 1000;
        return buffer;
}

int encoder_sound(struct encoder *encoder, int64_t time_us, const float *frames)
{
        static const enum encoded both[] = { ENCODED_SOUND, ENCODED_VOICE };

        for (size_t i = 0; i < ARRAY_LEN(both); i++) {
                struct chain *chain = encoder->streams[both[i]].chain;

                if (chain && chain_push(chain, wrap(frames, sizeof(float) * 2 * ENCODER_BLOCK,
                                                    time_us, 20000)) < 0)
                        return -EIO;
        }
        return 0;
}

/* Whether the picture at time_us is to be a key frame. */
static bool key_due(struct encoder *encoder, int64_t time_us)
{
        bool due = encoder->key_now || time_us >= encoder->key_us;

        if (encoder->align_now)
                encoder->key_us = time_us;
        while (encoder->key_us <= time_us)
                encoder->key_us += ENCODER_GOP_US;
        encoder->key_now = encoder->align_now = false;
        return due;
}

static int push_picture(struct encoder *encoder, enum encoded which, const uint8_t *i420,
                        size_t len, int64_t time_us, bool key)
{
        struct chain *chain = encoder->streams[which].chain;

        if (key)
                chain_event(chain, gst_video_event_new_downstream_force_key_unit(
                                           (GstClockTime)time_us * 1000, GST_CLOCK_TIME_NONE,
                                           GST_CLOCK_TIME_NONE, TRUE, 0));
        return chain_push(chain, wrap(i420, len, time_us, SCENE_FRAME_US));
}

static bool map_i420(GstVideoFrame *ret_frame, GstVideoInfo *info, const void *data, size_t len,
                     GstMapFlags flags)
{
        GstBuffer *buffer = gst_buffer_new_wrapped_full(0, (gpointer)(uintptr_t)data, len, 0, len,
                                                        NULL, NULL);
        bool mapped = gst_video_frame_map(ret_frame, info, buffer, flags);

        gst_buffer_unref(buffer); /* the mapped frame holds one */
        return mapped;
}

static void shrink(struct encoder *encoder, const uint8_t *i420)
{
        GstVideoFrame from, to;
        GstVideoInfo big, small;

        shrink_infos(&big, &small);
        if (!map_i420(&from, &big, i420, BIG_BYTES, GST_MAP_READ))
                return;
        if (map_i420(&to, &small, encoder->small, SMALL_BYTES, GST_MAP_WRITE)) {
                gst_video_converter_frame(encoder->shrink, &from, &to);
                gst_video_frame_unmap(&to);
        }
        gst_video_frame_unmap(&from);
}

int encoder_picture(struct encoder *encoder, int64_t time_us, const uint8_t *i420)
{
        bool key = key_due(encoder, time_us);
        int r = 0;

        if (encoder->small) {
                shrink(encoder, i420);
                r = push_picture(encoder, ENCODED_360, encoder->small, SMALL_BYTES, time_us, key);
        }
        if (r == 0)
                r = push_picture(encoder, ENCODED_720, i420, BIG_BYTES, time_us, key);
        release(encoder);
        return r;
}

void encoder_skip(struct encoder *encoder, int64_t time_us)
{
        assert(encoder->live);
        encoder->picture_us = time_us;
        release(encoder);
}

void encoder_end(struct encoder *encoder)
{
        static const enum encoded order[] = { ENCODED_SOUND, ENCODED_VOICE, ENCODED_360,
                                              ENCODED_720 };

        for (size_t i = 0; i < ARRAY_LEN(order); i++) {
                if (encoder->streams[order[i]].chain)
                        chain_end(encoder->streams[order[i]].chain);
        }
        release_until(encoder, INT64_MAX);
}

/* AudioSpecificConfig (ISO/IEC 14496-3 §1.6.2): AAC-LC, 48 kHz, stereo or mono, no SBR. Known before
 * the first unit has come out, so that a file need not wait for it. */
static const uint8_t sound_config[] = { 0x11, 0x90, 0x56, 0xe5, 0x00 };
static const uint8_t voice_config[] = { 0x11, 0x88, 0x56, 0xe5, 0x00 };

int encoder_describe(const struct encoder *encoder, enum encoded picture, enum encoded sound,
                     struct fmp4_config *ret_config)
{
        struct fmp4_config config = { 0 };

        if (picture != N_ENCODED) {
                const struct stream *stream = &encoder->streams[picture];

                config.width = picture == ENCODED_720 ? SCENE_WIDTH : SMALL_WIDTH;
                config.height = picture == ENCODED_720 ? SCENE_HEIGHT : SMALL_HEIGHT;
                config.avcc = (struct span){ stream->config, stream->config_len };
                if (!stream->config_len)
                        return -EAGAIN;
        }
        if (sound != N_ENCODED) {
                config.channels = sound == ENCODED_SOUND ? 2 : 1;
                config.asc = sound == ENCODED_SOUND
                                     ? (struct span){ sound_config, sizeof(sound_config) }
                                     : (struct span){ voice_config, sizeof(voice_config) };
        }
        *ret_config = config;
        return 0;
}
