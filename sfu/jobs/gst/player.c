/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/jobs/gst/player.h"

struct player {
        struct child *child;
        struct player_params params;
        struct pipeline *pipeline;
        struct media_in *in;
        guint load_timer;
        bool loaded, wants_play, ended;
        bool seeking, seek_again;
        int64_t seek_ms;     /* the newest wish */
        int64_t position_ms; /* last known */
        GMutex lock;         /* of the names: streams are found in other threads */
        char video[24], audio[24];
};

/* ---- names of codecs ---- */

static const struct {
        const char *media, *word;
} codecs[] = {
        { "video/x-h264", "h264" },     { "video/x-h265", "h265" }, { "video/x-vp8", "vp8" },
        { "video/x-vp9", "vp9" },       { "video/x-av1", "av1" },   { "image/jpeg", "mjpeg" },
        { "video/x-theora", "theora" }, { "video/mpeg", "mpeg" },   { "audio/x-opus", "opus" },
        { "audio/x-vorbis", "vorbis" }, { "audio/x-flac", "flac" }, { "audio/x-ac3", "ac3" },
        { "audio/x-raw", "pcm" },
};

/* The word of a stream's caps; its own name without the first part when it is a rare one. */
static const char *codec_word(const GstStructure *caps)
{
        const char *media = gst_structure_get_name(caps);
        const char *slash = strchr(media, '/');
        int version = 0;

        for (size_t i = 0; i < ARRAY_LEN(codecs); i++)
                if (strcmp(media, codecs[i].media) == 0)
                        return codecs[i].word;
        if (strcmp(media, "audio/mpeg") == 0) {
                (void)gst_structure_get_int(caps, "mpegversion", &version);
                return version == 1 ? "mp3" : "aac";
        }
        return slash ? slash + 1 : media;
}

static void note_codec(struct player *player, const GstStructure *caps)
{
        const char *media = gst_structure_get_name(caps);
        char *name = NULL;

        g_mutex_lock(&player->lock);
        if (strncmp(media, "video/", 6) == 0 || strcmp(media, "image/jpeg") == 0)
                name = player->video;
        else if (strncmp(media, "audio/", 6) == 0)
                name = player->audio;
        if (name && !name[0])
                g_strlcpy(name, codec_word(caps), sizeof(player->video));
        g_mutex_unlock(&player->lock);
}

/* ---- what decodebin finds ---- */

static bool is_container(const GstStructure *caps)
{
        static const char *const words[] = { "quicktime", "matroska", "webm", "ogg", "m4a" };

        for (size_t i = 0; i < ARRAY_LEN(words); i++)
                if (strstr(gst_structure_get_name(caps), words[i]))
                        return true;
        return false;
}

/* Called for the file and for each stream in it, before a decoder is chosen. */
static gboolean on_stream(GstElement *decode, GstPad *pad, GstCaps *caps, gpointer user)
{
        (void)decode;
        (void)pad;
        if (!gst_caps_is_any(caps) && !gst_caps_is_empty(caps) &&
            !is_container(gst_caps_get_structure(caps, 0)))
                note_codec(user, gst_caps_get_structure(caps, 0));
        return TRUE;
}

static void on_pad(GstElement *decode, GstPad *pad, gpointer user)
{
        struct player *player = user;

        (void)decode;
        media_in_take(player->in, pad);
}

/* ---- moving ---- */

static int64_t query_ms(const struct player *player,
                        gboolean (*query)(GstElement *, GstFormat, gint64 *))
{
        gint64 at = 0;

        if (!query(pipeline_bin(player->pipeline), GST_FORMAT_TIME, &at) || at < 0)
                return -1;
        return at / (int64_t)GST_MSECOND;
}

static void set_state(struct player *player)
{
        pipeline_set_state(player->pipeline, player->wants_play && !player->ended
                                                     ? GST_STATE_PLAYING
                                                     : GST_STATE_PAUSED);
}

static void start_seek(struct player *player)
{
        player->seek_again = false;
        player->seeking = gst_element_seek_simple(pipeline_bin(player->pipeline), GST_FORMAT_TIME,
                                                  GST_SEEK_FLAG_FLUSH | GST_SEEK_FLAG_ACCURATE,
                                                  player->seek_ms * (int64_t)GST_MSECOND);
        if (player->seeking) {
                player->ended = false;
                player->position_ms = player->seek_ms;
        }
}

void player_seek(struct player *player, int64_t position_ms)
{
        int64_t duration_ms = player_duration_ms(player);

        if (duration_ms > 0 && position_ms > duration_ms)
                position_ms = duration_ms;
        player->seek_ms = position_ms < 0 ? 0 : position_ms;
        if (!player->loaded || player->seeking)
                player->seek_again = true;
        else
                start_seek(player);
        if (player->loaded)
                set_state(player);
}

void player_play(struct player *player)
{
        player->wants_play = true;
        if (player->ended)
                player_seek(player, 0);
        else if (player->loaded)
                set_state(player);
}

void player_pause(struct player *player)
{
        player->wants_play = false;
        if (player->loaded)
                set_state(player);
}

void player_volume(struct player *player, int percent)
{
        media_in_volume(player->in, percent);
}

/* ---- what happens ---- */

static void fail(struct player *player, const char *code, const char *why)
{
        child_fail(player->child, code, "%s", why);
}

/* Every sink has a first frame: of the file's start, or of where a seek went. */
static void on_preroll(struct player *player)
{
        int width, height;

        if (!player->loaded) {
                if (!media_in_has_picture(player->in, &width, &height) &&
                    !media_in_has_sound(player->in)) {
                        fail(player, "unplayable", "nothing in it to see or hear");
                        return;
                }
                player->loaded = true;
                g_clear_handle_id(&player->load_timer, g_source_remove);
                player->params.on_loaded(player->params.user);
                set_state(player);
        } else if (player->seeking) {
                player->seeking = false;
                if (!player->seek_again && player->params.on_moved)
                        player->params.on_moved(player->params.user);
        }
        if (player->seek_again)
                start_seek(player);
}

static void on_message(void *user, GstMessage *message)
{
        struct player *player = user;

        if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_ASYNC_DONE)
                on_preroll(player);
}

static void on_eos(void *user)
{
        struct player *player = user;

        if (!player->loaded) {
                fail(player, "unplayable", "it ends before it begins");
                return;
        }
        if (player->ended || player->seeking)
                return; /* what it came from is gone by a seek */
        player->ended = true;
        set_state(player);
        if (player->params.on_moved)
                player->params.on_moved(player->params.user);
}

static bool on_error(void *user, const char *code, const char *message)
{
        struct player *player = user;
        bool is_known = strcmp(code, "codec-unsupported") == 0 ||
                        strcmp(code, "missing-package") == 0;

        fail(player, is_known ? code : "unplayable", message);
        return true;
}

static gboolean on_load_timeout(gpointer user)
{
        struct player *player = user;

        player->load_timer = 0;
        fail(player, "unplayable", "it does not begin");
        return G_SOURCE_REMOVE;
}

/* ---- life ---- */

static int start(struct player *player)
{
        const struct media_in_params in = {
                .bin = pipeline_bin(player->pipeline),
                .wants_video = player->params.wants_video,
                .sync = true,
                .on_picture = player->params.on_picture,
                .on_sound = player->params.on_sound,
                .user = player->params.user,
        };
        GstElement *decode = pipeline_get(player->pipeline, "decode");
        GstClock *clock = gst_system_clock_obtain();

        if (media_in_new(&player->in, &in) < 0) {
                gst_object_unref(clock);
                fail(player, "internal", "no memory");
                return 1;
        }
        gst_pipeline_use_clock(GST_PIPELINE(in.bin), clock);
        gst_object_unref(clock);
        g_object_set(pipeline_get(player->pipeline, "file"), "location", player->params.path, NULL);
        g_signal_connect(decode, "autoplug-continue", G_CALLBACK(on_stream), player);
        g_signal_connect(decode, "pad-added", G_CALLBACK(on_pad), player);
        player->load_timer = g_timeout_add(player->params.load_ms, on_load_timeout, player);
        pipeline_set_state(player->pipeline, GST_STATE_PAUSED);
        return 0;
}

int player_new(struct player **ret_player, struct child *child, const struct player_params *params)
{
        struct player *player = g_new0(struct player, 1);
        const struct pipeline_params pipeline = {
                .description = "filesrc name=file ! decodebin name=decode",
                .on_eos = on_eos,
                .on_error = on_error,
                .on_message = on_message,
                .user = player
        };
        int r;

        player->child = child;
        player->params = *params;
        g_mutex_init(&player->lock);
        r = pipeline_new(&player->pipeline, child, &pipeline);
        if (r == 0)
                r = start(player);
        if (r != 0) {
                player_free(player);
                return r;
        }
        *ret_player = player;
        return 0;
}

struct player *player_free(struct player *player)
{
        if (!player)
                return NULL;
        if (player->load_timer)
                g_source_remove(player->load_timer);
        pipeline_free(player->pipeline);
        media_in_free(player->in);
        g_mutex_clear(&player->lock);
        g_free(player);
        return NULL;
}

/* ---- questions ---- */

void player_end(struct player *player)
{
        on_eos(player);
}

bool player_is_playing(const struct player *player)
{
        return player->wants_play && !player->ended;
}

bool player_has_ended(const struct player *player)
{
        return player->ended;
}

int64_t player_position_ms(const struct player *player)
{
        int64_t at = player->seeking || player->seek_again || player->ended
                             ? -1
                             : query_ms(player, gst_element_query_position);

        if (player->ended && player_duration_ms(player) > 0)
                return player_duration_ms(player);
        if (player->seek_again)
                return player->seek_ms;
        return at < 0 ? player->position_ms : at;
}

int64_t player_duration_ms(const struct player *player)
{
        int64_t duration_ms = query_ms(player, gst_element_query_duration);

        return duration_ms < 0 ? 0 : duration_ms;
}

const char *player_video(const struct player *player, int *ret_width, int *ret_height)
{
        return media_in_has_picture(player->in, ret_width, ret_height) ? player->video : NULL;
}

const char *player_audio(const struct player *player)
{
        return media_in_has_sound(player->in) ? player->audio : NULL;
}
