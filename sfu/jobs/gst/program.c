/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/jobs/gst/program.h"

#include <errno.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "sfu/jobs/gst/canvas.h"
#include "sfu/jobs/gst/hls_out.h"
#include "sfu/jobs/gst/mp4_out.h"

enum { MAX_NAMES = 16384, MAX_NAME = 200, BLOCKS_PER_FRAME = 2 };

struct event {
        int64_t t_us;
        json_t *line;
};

struct program {
        struct program_params params;
        char *dir;
        int64_t t_us;
        struct mix *mix;
        struct scene scene;
        struct canvas *canvas;
        GHashTable *names; /* participant -> name */
        GQueue events;     /* of struct event, by time */
        struct track *tracks[PROGRAM_MAX_TRACKS];
        size_t n_tracks;

        struct encoder *encoder; /* NULL: nothing is wanted */
        struct mp4_out *mp4;
        char *mp4_name;
        bool mp4_told;
        struct hls_out *hls;
        char *hls_name;
        bool hls_told;
        int failed; /* -errno of the first output that could not go on */
        bool failure_told;
        struct program_figures figures;
};

static void event_free(struct event *event)
{
        json_decref(event->line);
        g_free(event);
}

int program_new(struct program **ret_program, const struct program_params *params)
{
        cleanup(program_freep) struct program *program = g_new0(struct program, 1);
        int r;

        program->params = *params;
        program->dir = g_strdup(params->dir);
        program->names = g_hash_table_new_full(g_direct_hash, g_direct_equal, NULL, g_free);
        g_queue_init(&program->events);
        scene_init(&program->scene);
        r = mix_new(&program->mix, 0);
        if (r == 0)
                r = canvas_new(&program->canvas, params->title);
        if (r < 0)
                return r;
        *ret_program = take_ptr(program);
        return 0;
}

struct program *program_free(struct program *program)
{
        if (!program)
                return NULL;
        for (size_t i = 0; i < program->n_tracks; i++)
                track_free(program->tracks[i]);
        mp4_out_free(program->mp4);
        hls_out_free(program->hls);
        encoder_free(program->encoder);
        canvas_free(program->canvas);
        mix_free(program->mix);
        while (!g_queue_is_empty(&program->events))
                event_free(g_queue_pop_head(&program->events));
        g_hash_table_destroy(program->names);
        g_free(program->mp4_name);
        g_free(program->hls_name);
        g_free(program->dir);
        g_free(program);
        return NULL;
}

int program_track(struct program *program, const struct track_params *params,
                  struct track **ret_track)
{
        struct track_params with_mix = *params;
        int r;

        if (program->n_tracks == PROGRAM_MAX_TRACKS)
                return -ENOSPC;
        with_mix.mix = program->mix;
        r = track_new(ret_track, &with_mix);
        if (r == 0)
                program->tracks[program->n_tracks++] = *ret_track;
        return r;
}

/* ---- outputs ---- */

static void fail(struct program *program, int error)
{
        if (!program->failed)
                program->failed = error;
}

static void tell_failure(struct program *program)
{
        bool full = program->failed == -ENOSPC || program->failed == -EDQUOT;

        if (!program->failed || program->failure_told)
                return;
        program->failure_told = true;
        program->params.on_fail(program->params.user, full ? "disk-full" : "internal",
                                g_strerror(-program->failed));
}

static void tell_begun(struct program *program)
{
        if (program->mp4 && !program->mp4_told && mp4_out_begin_us(program->mp4) >= 0) {
                program->mp4_told = true;
                program->params.on_line(program->params.user,
                                        json_pack("{s:s, s:s, s:I}", "type", "file", "name",
                                                  program->mp4_name, "t",
                                                  (json_int_t)mp4_out_begin_us(program->mp4)));
        }
        if (program->hls && !program->hls_told && hls_out_playable(program->hls)) {
                program->hls_told = true;
                program->params.on_line(program->params.user,
                                        json_pack("{s:s, s:s, s:I}", "type", "live", "dir",
                                                  program->hls_name, "t",
                                                  (json_int_t)hls_out_begin_us(program->hls)));
        }
}

static void on_unit(void *user, const struct encoded_unit *unit)
{
        struct program *program = user;
        int r = 0;

        if (program->failed)
                return;
        program->figures.bytes += unit->bytes.len;
        if (program->mp4)
                r = mp4_out_put(program->mp4, program->encoder, unit);
        if (r == 0 && program->hls)
                r = hls_out_put(program->hls, program->encoder, unit);
        if (r < 0)
                fail(program, r);
}

static bool start_encoder(struct program *program)
{
        const struct encoder_params params = { .live = program->params.live,
                                               .on_unit = on_unit,
                                               .user = program };
        int r = program->encoder ? 0 : encoder_new(&program->encoder, &params);

        if (r < 0)
                fail(program, r);
        return r == 0;
}

/* Below our folder, and nowhere else; NULL: not a name of that kind. */
static char *path_of(const struct program *program, const char *name)
{
        if (!name || !name[0] || name[0] == '/' || strlen(name) > 500 || strstr(name, ".."))
                return NULL;
        return g_build_filename(program->dir, name, NULL);
}

/* It ended before its first picture: a file that nobody was told of. */
static void remove_empty(const struct program *program)
{
        char *path = path_of(program, program->mp4_name);

        if (path)
                unlink(path);
        g_free(path);
}

static void close_mp4(struct program *program)
{
        int r = program->mp4 && !program->failed ? mp4_out_flush(program->mp4) : 0;

        if (r < 0)
                fail(program, r);
        tell_begun(program);
        if (program->mp4_told && !program->failed)
                program->params.on_line(program->params.user,
                                        json_pack("{s:s, s:s, s:I}", "type", "file-end", "name",
                                                  program->mp4_name, "t",
                                                  (json_int_t)mp4_out_until_us(program->mp4)));
        if (program->mp4 && mp4_out_begin_us(program->mp4) < 0)
                remove_empty(program);
        program->mp4 = mp4_out_free(program->mp4);
        g_clear_pointer(&program->mp4_name, g_free);
        program->mp4_told = false;
}

static void close_hls(struct program *program)
{
        int r = program->hls && !program->failed ? hls_out_end(program->hls) : 0;

        if (r < 0)
                fail(program, r);
        program->hls = hls_out_free(program->hls);
        g_clear_pointer(&program->hls_name, g_free);
        program->hls_told = false;
}

void program_end(struct program *program)
{
        if (program->encoder)
                encoder_end(program->encoder);
        close_hls(program);
        close_mp4(program);
        program->encoder = encoder_free(program->encoder);
        tell_failure(program);
}

static void on_record(struct program *program, const json_t *line)
{
        const char *name = json_string_value(json_object_get(line, "file"));
        int64_t until_us = json_integer_value(json_object_get(line, "until"));
        char *path = path_of(program, name);
        int r;

        if (program->mp4 && !path) {
                mp4_out_end(program->mp4, MAX(program->t_us, until_us));
        } else if (path && start_encoder(program)) {
                close_mp4(program);
                r = mp4_out_new(&program->mp4, path);
                if (r < 0)
                        fail(program, r);
                program->mp4_name = g_strdup(name);
                encoder_key(program->encoder, false);
        }
        g_free(path);
}

static void on_live(struct program *program, const json_t *line)
{
        const char *name = json_string_value(json_object_get(line, "dir"));
        char *path = path_of(program, name);

        close_hls(program);
        if (program->encoder && !path && encoder_small(program->encoder, false) < 0)
                fail(program, -ENOENT);
        if (path && start_encoder(program)) {
                const struct hls_out_params params = {
                        .dir = path,
                        .start_us = program->t_us,
                        .wall_us = program->params.wall_us,
                };
                int r = hls_out_new(&program->hls, &params);

                if (r == 0)
                        r = encoder_small(program->encoder, true);
                if (r < 0)
                        fail(program, r);
                program->hls_name = g_strdup(name);
                encoder_key(program->encoder, true);
        }
        g_free(path);
}

/* ---- events ---- */

static void set_name(struct program *program, json_int_t participant, const char *name)
{
        gpointer key = GUINT_TO_POINTER((guint)participant);

        if (!name || participant <= 0 || participant > UINT32_MAX ||
            (g_hash_table_size(program->names) >= MAX_NAMES &&
             !g_hash_table_contains(program->names, key)))
                return;
        /* Whole characters of it. */
        g_hash_table_insert(program->names, key,
                            g_utf8_substring(name, 0, MIN(g_utf8_strlen(name, -1), MAX_NAME)));
}

static void on_name(struct program *program, const json_t *line)
{
        set_name(program, json_integer_value(json_object_get(line, "participant")),
                 json_string_value(json_object_get(line, "name")));
}

static void on_speaker(struct program *program, const json_t *line)
{
        scene_on_speaker(&program->scene, program->t_us,
                         (uint32_t)json_integer_value(json_object_get(line, "participant")));
}

static void on_gone(struct program *program, const json_t *line)
{
        scene_on_gone(&program->scene,
                      (uint32_t)json_integer_value(json_object_get(line, "participant")));
}

/* A page that cannot be read is told in the log; the one before it is not shown either. */
static void on_page(struct program *program, const json_t *line)
{
        const char *name = json_string_value(json_object_get(line, "file"));
        char *path = path_of(program, name);
        int width, height;
        int r = name && !path ? -EINVAL : canvas_page(program->canvas, path, &width, &height);

        if (r < 0) {
                log_line(LOG_WARN, "program", "a page cannot be shown: %s", g_strerror(-r));
                r = canvas_page(program->canvas, NULL, &width, &height);
        }
        if (r == 0)
                scene_on_page(&program->scene, width, height);
        g_free(path);
}

static const struct {
        const char *type;
        void (*handle)(struct program *program, const json_t *line);
} handlers[] = {
        { "name", on_name }, { "speaker", on_speaker }, { "page", on_page },
        { "gone", on_gone }, { "record", on_record },   { "live", on_live },
};

static void handle(struct program *program, const char *type, const json_t *line)
{
        for (size_t i = 0; i < ARRAY_LEN(handlers); i++) {
                if (strcmp(handlers[i].type, type) == 0)
                        handlers[i].handle(program, line);
        }
}

static gint by_time(gconstpointer a, gconstpointer b, gpointer user)
{
        const struct event *left = a, *right = b;

        (void)user;
        /* Behind those of the same time. */
        return left->t_us < right->t_us ? -1 : 1;
}

void program_on_line(struct program *program, const char *type, const json_t *line)
{
        const json_t *t = json_object_get(line, "t");
        struct event *event;

        if (!t) {
                handle(program, type, line);
                return;
        }
        if (g_queue_get_length(&program->events) >= PROGRAM_MAX_EVENTS)
                return;
        event = g_new(struct event, 1);
        *event = (struct event){ json_integer_value(t), json_deep_copy(line) };
        /* They come nearly in order: the place is near the end. */
        if (g_queue_is_empty(&program->events) ||
            ((struct event *)g_queue_peek_tail(&program->events))->t_us <= event->t_us)
                g_queue_push_tail(&program->events, event);
        else
                g_queue_insert_sorted(&program->events, event, by_time, NULL);
}

static void handle_due(struct program *program)
{
        struct event *first = g_queue_peek_head(&program->events);

        while (first && first->t_us <= program->t_us) {
                g_queue_pop_head(&program->events);
                handle(program, json_string_value(json_object_get(first->line, "type")),
                       first->line);
                event_free(first);
                first = g_queue_peek_head(&program->events);
        }
}

/* ---- a frame ---- */

static void run_tracks(struct program *program)
{
        size_t n = 0;

        for (size_t i = 0; i < program->n_tracks; i++) {
                struct track *track = program->tracks[i];

                bool watched = scene_watches(&program->scene, track_participant(track),
                                             track_kind(track) == TRACK_SCREEN);

                if (track_run(track, program->t_us, watched))
                        program->tracks[n++] = track;
                else
                        track_free(track);
        }
        program->n_tracks = n;
}

/* What can be shown now, and of which track each is. */
struct choice {
        struct scene_picture pictures[PROGRAM_MAX_TRACKS];
        GstBuffer *buffers[PROGRAM_MAX_TRACKS];
        const GstVideoInfo *infos[PROGRAM_MAX_TRACKS];
        size_t n;
};

static void find_pictures(const struct program *program, struct choice *choice)
{
        choice->n = 0;
        for (size_t i = 0; i < program->n_tracks; i++) {
                const struct track *track = program->tracks[i];
                struct scene_picture *picture = &choice->pictures[choice->n];
                const GstVideoInfo *info;
                GstBuffer *buffer = track_picture(track, program->t_us, &info, &picture->since_us);

                if (!buffer)
                        continue;
                picture->participant = track_participant(track);
                picture->screen = track_kind(track) == TRACK_SCREEN;
                picture->width = info->width;
                picture->height = info->height;
                choice->buffers[choice->n] = buffer;
                choice->infos[choice->n++] = info;
        }
}

static const char *name_of(const struct program *program, uint32_t participant)
{
        const char *name = g_hash_table_lookup(program->names, GUINT_TO_POINTER(participant));

        return name ? name : "";
}

static void encode_picture(struct program *program)
{
        struct choice choice;
        struct scene_view view;
        const uint8_t *i420;
        bool moving;
        int r;

        find_pictures(program, &choice);
        scene_at(&program->scene, program->t_us, choice.pictures, choice.n, &view);
        moving = view.picture >= 0;
        i420 = canvas_draw(program->canvas, &view,
                           name_of(program, view.name ? view.name : view.card),
                           moving ? choice.buffers[view.picture] : NULL,
                           moving ? choice.infos[view.picture] : NULL);
        r = encoder_picture(program->encoder, program->t_us, i420);
        if (r < 0)
                fail(program, r);
}

static void run_sound(struct program *program)
{
        float block[2 * MIX_BLOCK];

        for (int i = 0; i < BLOCKS_PER_FRAME; i++) {
                int64_t time_us = mix_position_us(program->mix);
                int r;

                mix_read(program->mix, block);
                r = program->encoder ? encoder_sound(program->encoder, time_us, block) : 0;
                if (r < 0)
                        fail(program, r);
        }
}

int64_t program_time_us(const struct program *program)
{
        return program->t_us;
}

void program_step(struct program *program, bool skip)
{
        int64_t begin_us = clock_now_us();

        handle_due(program);
        run_tracks(program);
        run_sound(program);
        if (program->encoder && skip) {
                program->figures.late_frames++;
                encoder_skip(program->encoder, program->t_us);
        } else if (program->encoder) {
                encode_picture(program);
        }
        program->t_us += SCENE_FRAME_US;
        program->figures.frames++;
        tell_begun(program);
        if (program->mp4 && mp4_out_done(program->mp4))
                close_mp4(program);
        if (program->encoder && !program->hls && !program->mp4)
                program->encoder = encoder_free(program->encoder);
        tell_failure(program);
        program->figures.encode_us += clock_now_us() - begin_us;
}

void program_figures(const struct program *program, struct program_figures *ret_figures)
{
        *ret_figures = program->figures;
}
