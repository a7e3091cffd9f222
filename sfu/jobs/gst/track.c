/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/jobs/gst/track.h"

#include <errno.h>

#include "sfu/jobs/gst/chain.h"

enum {
        MAX_PICTURES = 8,        /* decoded and not shown yet */
        MAX_FRUITLESS = 20,      /* more than any decoder holds back */
        CAMERA_OLD_US = 4000000, /* a camera that sends no more; a screen may stand still */
        /* What an Opus encoder looks ahead (RFC 6716 §2.1.4 asks for none; libopus: 6.5 ms). */
        OPUS_DELAY_US = 6500,
};

#define SOUND_OUT                                                                                  \
        "opusdec ! audioconvert ! "                                                                \
        "capsfilter caps=audio/x-raw,format=F32LE,layout=interleaved,rate=48000,channels=2"

static const struct {
        const char *name, *format; /* caps, and those of depay.h */
        const char *decoder;
} codecs[JOB_N_CODECS] = {
        [JOB_OPUS] = { "audio/x-opus", "audio/x-opus,channel-mapping-family=0", SOUND_OUT },
        [JOB_VP8] = { "video/x-vp8", "video/x-vp8", "vp8dec threads=1" },
        [JOB_H264] = { "video/x-h264", "video/x-h264,stream-format=avc3,alignment=au",
                       "h264parse ! avdec_h264 max-threads=1" },
        [JOB_VP9] = { "video/x-vp9", "video/x-vp9,alignment=super-frame", "vp9dec threads=1" },
        [JOB_AV1] = { "video/x-av1", "video/x-av1,stream-format=obu-stream,alignment=tu",
                      "av1parse ! av1dec" },
};

struct due {
        GstBuffer *buffer;
        int64_t time_us;
        GstCaps *caps; /* NULL: as before */
};

struct picture {
        GstBuffer *buffer;
        int64_t time_us;
};

struct track {
        struct track_params params;
        GQueue due; /* of struct due: their time has not come */
        size_t due_bytes;
        GQueue kept; /* it has, and nobody watches */
        size_t kept_bytes;
        GstCaps *undue; /* of what was left out: those of the next one too */
        bool ended;
        int64_t last_us; /* the time of the last put */

        struct chain *decoder;
        GstCaps *caps;       /* what the decoder is for */
        int64_t decoding_us; /* the time of what is in the decoder */
        unsigned fruitless;  /* key frames since the last picture */
        bool refused;        /* what it is sent is not decoded any more */
        bool has_voice;
        size_t voice;

        struct picture pictures[MAX_PICTURES]; /* oldest first */
        size_t n_pictures;
        GstVideoInfo info;
        int64_t since_us;
};

int track_new(struct track **ret_track, const struct track_params *params)
{
        cleanup(track_freep) struct track *track = g_new0(struct track, 1);
        int r = 0;

        track->params = *params;
        g_queue_init(&track->due);
        g_queue_init(&track->kept);
        track->since_us = -1;
        if (params->kind == TRACK_SOUND) {
                r = mix_add(params->mix, &track->voice);
                track->has_voice = r == 0;
        }
        if (r < 0)
                return r;
        *ret_track = take_ptr(track);
        return 0;
}

static void due_free(struct due *due)
{
        gst_buffer_unref(due->buffer);
        gst_caps_replace(&due->caps, NULL);
        g_free(due);
}

struct track *track_free(struct track *track)
{
        if (!track)
                return NULL;
        track->decoder = chain_free(track->decoder);
        if (track->has_voice)
                mix_remove(track->params.mix, track->voice);
        while (!g_queue_is_empty(&track->due))
                due_free(g_queue_pop_head(&track->due));
        while (!g_queue_is_empty(&track->kept))
                due_free(g_queue_pop_head(&track->kept));
        for (size_t i = 0; i < track->n_pictures; i++)
                gst_buffer_unref(track->pictures[i].buffer);
        gst_caps_replace(&track->caps, NULL);
        gst_caps_replace(&track->undue, NULL);
        g_free(track);
        return NULL;
}

uint32_t track_participant(const struct track *track)
{
        return track->params.participant;
}

enum track_kind track_kind(const struct track *track)
{
        return track->params.kind;
}

GstCaps *track_caps(enum job_codec codec, const uint8_t *config, size_t config_len)
{
        GstCaps *caps = gst_caps_from_string(codecs[codec].format);
        GstBuffer *data;

        if (codec == JOB_H264 && config_len) {
                data = gst_buffer_new_memdup(config, config_len);
                gst_caps_set_simple(caps, "codec_data", GST_TYPE_BUFFER, data, NULL);
                gst_buffer_unref(data);
        }
        return caps;
}

void track_put(struct track *track, GstBuffer *buffer, int64_t time_us, GstCaps *caps)
{
        size_t len = gst_buffer_get_size(buffer);
        struct due *due;

        if (caps)
                gst_caps_replace(&track->undue, caps);
        if (time_us < 0 || g_queue_get_length(&track->due) >= TRACK_MAX_WAITING ||
            track->due_bytes + len > TRACK_MAX_BYTES) {
                gst_buffer_unref(buffer);
                return;
        }
        due = g_new(struct due, 1);
        *due = (struct due){ buffer, time_us, g_steal_pointer(&track->undue) };
        GST_BUFFER_PTS(buffer) = (GstClockTime)time_us * 1000;
        track->due_bytes += len;
        track->last_us = time_us;
        g_queue_push_tail(&track->due, due);
}

void track_end(struct track *track)
{
        track->ended = true;
}

/* ---- decoding ---- */

static void drop_oldest(struct track *track)
{
        gst_buffer_unref(track->pictures[0].buffer);
        track->n_pictures--;
        memmove(track->pictures, track->pictures + 1, track->n_pictures * sizeof(struct picture));
}

static void take_picture(struct track *track, GstBuffer *buffer, int64_t time_us, GstCaps *caps)
{
        GstVideoInfo info;

        if (!gst_video_info_from_caps(&info, caps) || info.width < 2 || info.height < 2)
                return;
        track->refused = track_is_too_large((unsigned)info.width, (unsigned)info.height);
        if (track->refused)
                return;
        track->fruitless = 0;
        /* They are shown by our clock, and whole: a converter takes no other frame rate than ours. */
        info.fps_n = 0;
        info.fps_d = 1;
        info.interlace_mode = GST_VIDEO_INTERLACE_MODE_PROGRESSIVE;
        /* Pictures of another shape are shown at once: the older ones do not fit the new info. */
        while (track->n_pictures && !gst_video_info_is_equal(&track->info, &info))
                drop_oldest(track);
        track->info = info;
        if (track->n_pictures == MAX_PICTURES)
                drop_oldest(track);
        if (track->since_us < 0)
                track->since_us = track->decoding_us;
        track->pictures[track->n_pictures++] = (struct picture){
                .buffer = gst_buffer_ref(buffer),
                .time_us = time_us < 0 ? track->decoding_us : time_us,
        };
}

static void take_sound(struct track *track, GstBuffer *buffer)
{
        GstMapInfo map;

        if (!gst_buffer_map(buffer, &map, GST_MAP_READ))
                return;
        /* What a decoder makes of its packets has the time of the packet: times that it counts by
         * itself would hide how fast the sender's clock is. */
        mix_put(track->params.mix, track->voice, track->decoding_us - OPUS_DELAY_US,
                (const float *)(const void *)map.data, map.size / (2 * sizeof(float)));
        gst_buffer_unmap(buffer, &map);
}

static void on_decoded(void *user, GstBuffer *buffer, int64_t time_us, GstCaps *caps)
{
        struct track *track = user;

        if (!caps)
                return;
        if (track->params.kind == TRACK_SOUND)
                take_sound(track, buffer);
        else
                take_picture(track, buffer, time_us, caps);
}

static const char *decoder_for(GstCaps *caps, bool sound)
{
        const char *name = gst_structure_get_name(gst_caps_get_structure(caps, 0));

        for (size_t i = 0; i < JOB_N_CODECS; i++) {
                if (strcmp(codecs[i].name, name) == 0 && sound == (i == JOB_OPUS))
                        return codecs[i].decoder;
        }
        return NULL;
}

static bool open_decoder(struct track *track)
{
        const struct chain_params params = {
                .elements = decoder_for(track->caps, track->params.kind == TRACK_SOUND),
                .fixed_caps = track->caps,
                .on_buffer = on_decoded,
                .user = track,
        };

        return params.elements && chain_new(&track->decoder, &params) == 0;
}

static bool is_key(const struct due *due)
{
        return !GST_BUFFER_FLAG_IS_SET(due->buffer, GST_BUFFER_FLAG_DELTA_UNIT);
}

bool track_is_too_large(unsigned width, unsigned height)
{
        return (uint64_t)width * height > TRACK_MAX_PIXELS;
}

static bool are_too_large(GstCaps *caps)
{
        const GstStructure *structure = gst_caps_get_structure(caps, 0);
        int width = 0, height = 0;

        (void)gst_structure_get_int(structure, "width", &width);
        (void)gst_structure_get_int(structure, "height", &height);
        return track_is_too_large((unsigned)width, (unsigned)height);
}

/* A stranger's stream may cost a decoder a second and a gigabyte with each packet, and nothing
 * comes out. */
static bool is_refused(struct track *track, const struct due *due)
{
        if (due->caps)
                track->refused = are_too_large(due->caps);
        if (track->params.kind != TRACK_SOUND && is_key(due))
                track->refused |= ++track->fruitless > MAX_FRUITLESS;
        if (track->refused)
                track->decoder = chain_free(track->decoder);
        return track->refused;
}

/* A decoder begins with a key frame; of one that failed another takes the place then. */
static void decode(struct track *track, struct due *due)
{
        if (is_refused(track, due))
                return;
        track->decoding_us = due->time_us;
        if (due->caps) {
                track->decoder = chain_free(track->decoder);
                gst_caps_replace(&track->caps, due->caps);
        }
        if (!track->decoder && (!is_key(due) || !track->caps || !open_decoder(track)))
                return;
        if (chain_push(track->decoder, gst_buffer_ref(due->buffer)) < 0)
                track->decoder = chain_free(track->decoder);
}

static struct due *pop(GQueue *queue, size_t *bytes)
{
        struct due *due = g_queue_pop_head(queue);

        if (due)
                *bytes -= gst_buffer_get_size(due->buffer);
        return due;
}

/* Down to n of them. */
static void decode_kept(struct track *track, unsigned n)
{
        while (g_queue_get_length(&track->kept) > n) {
                struct due *due = pop(&track->kept, &track->kept_bytes);

                decode(track, due);
                due_free(due);
        }
}

/* Pictures that nobody watches; what a key frame makes needless goes. */
static void keep(struct track *track, struct due *due)
{
        struct due *old;

        while (is_key(due) && (old = pop(&track->kept, &track->kept_bytes))) {
                if (!due->caps)
                        gst_caps_replace(&due->caps, old->caps);
                due_free(old);
        }
        g_queue_push_tail(&track->kept, due);
        track->kept_bytes += gst_buffer_get_size(due->buffer);
        decode_kept(track, track->kept_bytes > TRACK_MAX_KEPT_BYTES ? 0 : TRACK_MAX_KEPT);
}

/* The last one stays: it is shown until there is another. */
static void drop_shown(struct track *track, int64_t t_us)
{
        while (track->n_pictures > 1 && track->pictures[1].time_us <= t_us)
                drop_oldest(track);
}

bool track_run(struct track *track, int64_t t_us, bool watched)
{
        struct due *due = g_queue_peek_head(&track->due);

        watched = watched || track->params.kind == TRACK_SOUND;
        if (watched)
                decode_kept(track, 0);
        while (due && due->time_us <= t_us + TRACK_LEAD_US) {
                due = pop(&track->due, &track->due_bytes);
                if (watched) {
                        decode(track, due);
                        drop_shown(track, t_us);
                        due_free(due);
                } else {
                        keep(track, due);
                }
                due = g_queue_peek_head(&track->due);
        }
        drop_shown(track, t_us);
        return !track->ended || due || t_us < track->last_us + TRACK_LEAD_US;
}

GstBuffer *track_picture(const struct track *track, int64_t t_us, const GstVideoInfo **ret_info,
                         int64_t *ret_since_us)
{
        if (!track->n_pictures || track->pictures[0].time_us > t_us)
                return NULL;
        if (track->params.kind == TRACK_CAMERA && t_us > track->pictures[0].time_us + CAMERA_OLD_US)
                return NULL;
        *ret_info = &track->info;
        *ret_since_us = track->since_us;
        return track->pictures[0].buffer;
}
