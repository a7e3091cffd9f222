/* SPDX-License-Identifier: Apache-2.0 */
/*
 * compose — the program of a meeting, made afterwards from its tracks and timelines (lines.h): the
 *           same scene, mix and encoder as live, as fast as they go.
 *
 * part by part: its timeline -> events; its files, each opened shortly before its first frame ->
 * tracks; frame by frame until the part's end. Then the MP4 gets its index in front and its name.
 *
 * Cameras of who has not spoken by the end of a part are not even opened. When there are too many files at a time
 * sound comes first, then screens.
 *
 * Files that are lost or cut cost what they held; who is missing in the timeline is shown with what
 * there is.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "sfu/jobs/gst/kinds.h"
#include "sfu/jobs/gst/pipeline.h"
#include "sfu/jobs/gst/program.h"
#include "sfu/jobs/gst/mkv_source.h"

#define WORK "/work"
#define NEW_FILE ".compose.new"
#define INDEX_FILE ".compose.index"
#define DONE_FILE ".compose.done"

enum {
        MAX_PARTS = 1000,
        MAX_FILES = 4096, /* of a part */
        MAX_OPEN = 150,   /* each has a thread and a descriptor (job_limits.h) */
        MAX_NAME = 100,
        MAX_TIMELINE = 8 * 1024 * 1024,
        AHEAD_US = 1000000, /* so much of the files is read before its time */
        TURN_US = 50000,    /* then lines have their turn */
};

static const int64_t max_part_us = INT64_C(48) * 3600 * 1000000;

/* A file of the part at hand. */
struct input {
        char name[MAX_NAME];
        uint32_t participant;
        enum track_kind kind;
        int64_t first_us; /* as the timeline says; 0: it does not */
        struct mkv_source *source;
        struct track *track;
        bool begun, over;
};

struct part {
        int number;
        int64_t duration_us;
};

struct compose {
        struct child *child;
        struct program *program;
        char *file;
        struct part *parts;
        size_t n_parts, at;
        int64_t total_us, offset_us; /* of all parts; where the one at hand begins */
        GPtrArray *inputs;           /* of struct input, in the order of what they matter */
        GHashTable *speakers; /* participants who have spoken so far, and will in this part */
        guint turn;
        struct pipeline *pipeline; /* the copy with its index in front */
};

static void input_free(void *pointer)
{
        struct input *input = pointer;

        if (input->track)
                track_end(input->track);
        mkv_source_free(input->source);
        g_free(input);
}

/* ---- a part ---- */

static void add_file(struct compose *compose, const char *name)
{
        static const struct {
                const char *word;
                enum track_kind kind;
        } kinds[] = { { "mic", TRACK_SOUND },
                      { "camera", TRACK_CAMERA },
                      { "screen", TRACK_SCREEN } };
        char word[16];
        unsigned part, participant, n;
        int len = 0;

        if (strlen(name) >= MAX_NAME || compose->inputs->len >= MAX_FILES ||
            sscanf(name, "p%9u-%15[a-z]-%10u-%9u.mkv%n", &part, word, &participant, &n, &len) !=
                    4 ||
            len == 0 || name[len] || (int)part != compose->parts[compose->at].number)
                return;
        for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
                struct input *input;

                if (strcmp(kinds[i].word, word) != 0)
                        continue;
                input = g_new0(struct input, 1);
                g_strlcpy(input->name, name, sizeof(input->name));
                input->participant = participant;
                input->kind = kinds[i].kind;
                g_ptr_array_add(compose->inputs, input);
        }
}

static void find_files(struct compose *compose)
{
        cleanup(closedirp) DIR *dir = opendir(WORK);
        const struct dirent *entry;

        while (dir && (entry = readdir(dir)))
                add_file(compose, entry->d_name);
}

static void on_file_line(struct compose *compose, const json_t *line)
{
        const char *name = json_string_value(json_object_get(line, "name"));

        for (guint i = 0; name && i < compose->inputs->len; i++) {
                struct input *input = g_ptr_array_index(compose->inputs, i);

                if (strcmp(input->name, name) == 0)
                        input->first_us = json_integer_value(json_object_get(line, "t"));
        }
}

static void on_timeline_line(struct compose *compose, char *text)
{
        static const char *const events[] = { "name", "speaker", "page", "gone" };
        json_t *line = json_loads(text, 0, NULL);
        const char *type = json_string_value(json_object_get(line, "type"));
        json_int_t t = json_integer_value(json_object_get(line, "t"));

        if (type && strcmp(type, "file") == 0)
                on_file_line(compose, line);
        if (type && strcmp(type, "speaker") == 0)
                g_hash_table_add(compose->speakers, GUINT_TO_POINTER((guint)json_integer_value(
                                                            json_object_get(line, "participant"))));
        for (size_t i = 0; type && i < ARRAY_LEN(events); i++) {
                if (strcmp(events[i], type) != 0 || t > max_part_us)
                        continue;
                /* What was so before the part is so from its beginning on. */
                json_object_set_new(line, "t", json_integer((t > 0 ? t : 0) + compose->offset_us));
                program_on_line(compose->program, type, line);
                break;
        }
        json_decref(line);
}

static void read_timeline(struct compose *compose)
{
        char path[64], *text = NULL, *rest, *line;
        struct stat st;
        gsize len;

        snprintf(path, sizeof(path), WORK "/p%d-timeline.jsonl",
                 compose->parts[compose->at].number);
        if (lstat(path, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size > MAX_TIMELINE ||
            !g_file_get_contents(path, &text, &len, NULL)) {
                log_line(LOG_WARN, "compose", "part %d has no timeline",
                         compose->parts[compose->at].number);
                return;
        }
        rest = text;
        while ((line = strsep(&rest, "\n")))
                on_timeline_line(compose, line);
        g_free(text);
}

static gint by_weight(gconstpointer a, gconstpointer b)
{
        static const int weights[] = { [TRACK_SOUND] = 0, [TRACK_SCREEN] = 1, [TRACK_CAMERA] = 2 };
        const struct input *const *left = a, *const *right = b;

        return weights[(*left)->kind] - weights[(*right)->kind];
}

static void begin_part(struct compose *compose)
{
        find_files(compose);
        g_ptr_array_sort(compose->inputs, by_weight);
        read_timeline(compose);
}

/* ---- frames ---- */

static bool is_wanted(const struct compose *compose, const struct input *input)
{
        return input->kind != TRACK_CAMERA ||
               g_hash_table_contains(compose->speakers, GUINT_TO_POINTER(input->participant));
}

static void open_input(struct compose *compose, struct input *input)
{
        const struct track_params params = { .kind = input->kind,
                                             .participant = input->participant };
        char path[MAX_NAME + 16];

        snprintf(path, sizeof(path), WORK "/%s", input->name);
        if (mkv_source_new(&input->source, path) < 0 ||
            program_track(compose->program, &params, &input->track) < 0) {
                log_line(LOG_WARN, "compose", "a file is left out");
                input->over = true;
        }
}

static void close_input(struct input *input)
{
        if (input->track)
                track_end(input->track);
        input->track = NULL; /* the program's */
        input->source = mkv_source_free(input->source);
        input->over = true;
}

static void feed_input(struct compose *compose, struct input *input, int64_t until_us)
{
        int64_t t_us;

        while (mkv_source_next(input->source, &t_us)) {
                GstBuffer *buffer;
                GstCaps *caps;

                if (t_us > until_us)
                        return;
                buffer = mkv_source_take(input->source, &caps);
                track_put(input->track, buffer, t_us + compose->offset_us,
                          input->begun ? NULL : caps);
                input->begun = true;
        }
        close_input(input);
}

static void feed(struct compose *compose)
{
        int64_t until_us = program_time_us(compose->program) - compose->offset_us + AHEAD_US;
        unsigned n_open = 0;

        for (guint i = 0; i < compose->inputs->len; i++) {
                struct input *input = g_ptr_array_index(compose->inputs, i);

                if (!input->source && !input->over && n_open < MAX_OPEN &&
                    is_wanted(compose, input) && input->first_us <= until_us + AHEAD_US)
                        open_input(compose, input);
                if (input->source && !input->over)
                        feed_input(compose, input, until_us);
                n_open += input->source != NULL;
        }
}

/* ---- the end ---- */

static void on_copied(void *user)
{
        struct compose *compose = user;
        char *path = g_build_filename(WORK, compose->file, NULL);

        compose->pipeline = pipeline_free(compose->pipeline);
        unlink(WORK "/" NEW_FILE);
        unlink(WORK "/" INDEX_FILE);
        if (rename(WORK "/" DONE_FILE, path) < 0)
                child_fail(compose->child, "internal", "%s", g_strerror(errno));
        else
                child_done(compose->child);
        g_free(path);
}

static void copy(struct compose *compose)
{
        const struct pipeline_params params = {
                .description =
                        "filesrc location=" WORK "/" NEW_FILE " ! qtdemux name=demux "
                        "mp4mux name=mux faststart=true faststart-file=" WORK "/" INDEX_FILE
                        " ! filesink location=" WORK "/" DONE_FILE " "
                        "demux.video_0 ! queue max-size-time=0 max-size-buffers=0 ! mux.video_0 "
                        "demux.audio_0 ! queue max-size-time=0 max-size-buffers=0 ! mux.audio_0",
                .on_eos = on_copied,
                .user = compose,
        };

        if (pipeline_new(&compose->pipeline, compose->child, &params) == 0)
                pipeline_set_state(compose->pipeline, GST_STATE_PLAYING);
}

static void next_part(struct compose *compose)
{
        g_ptr_array_set_size(compose->inputs, 0);
        compose->offset_us += compose->parts[compose->at].duration_us;
        if (++compose->at < compose->n_parts)
                begin_part(compose);
}

static gboolean on_turn(void *user)
{
        struct compose *compose = user;
        int64_t end_us = clock_now_us() + TURN_US;

        while (clock_now_us() < end_us && compose->at < compose->n_parts) {
                feed(compose);
                program_step(compose->program, false);
                if (program_time_us(compose->program) >=
                    compose->offset_us + compose->parts[compose->at].duration_us)
                        next_part(compose);
        }
        if (compose->at < compose->n_parts)
                return G_SOURCE_CONTINUE;
        compose->turn = 0;
        program_end(compose->program);
        copy(compose);
        return G_SOURCE_REMOVE;
}

/* ---- the job ---- */

static void on_program_line(void *user, json_t *line)
{
        (void)user; /* of a file that is not the one yet */
        json_decref(line);
}

static void on_program_fail(void *user, const char *code, const char *why)
{
        struct compose *compose = user;

        child_fail(compose->child, code, "%s", why);
}

static bool read_parts(struct compose *compose, const json_t *parts)
{
        size_t n = json_array_size(parts);

        if (n == 0 || n > MAX_PARTS)
                return false;
        compose->parts = g_new0(struct part, n);
        for (size_t i = 0; i < n; i++) {
                const json_t *part = json_array_get(parts, i);
                json_int_t number = json_integer_value(json_object_get(part, "part"));
                json_int_t duration = json_integer_value(json_object_get(part, "duration_us"));

                if (number <= 0 || number > 999999999 || duration <= 0 || duration > max_part_us)
                        return false;
                compose->parts[compose->n_parts++] = (struct part){ (int)number, duration };
                compose->total_us += duration;
        }
        return true;
}

static int begin(struct compose *compose, const json_t *first)
{
        const char *title = json_string_value(json_object_get(first, "title"));
        const char *file = json_string_value(json_object_get(first, "file"));
        const struct program_params params = {
                .dir = WORK,
                .title = title ? title : "",
                .on_line = on_program_line,
                .on_fail = on_program_fail,
                .user = compose,
        };
        json_t *record;
        int r;

        if (!file || !file[0] || file[0] == '.' || strlen(file) > MAX_NAME || strchr(file, '/') ||
            !read_parts(compose, json_object_get(first, "parts")))
                return -EINVAL;
        compose->file = g_strdup(file);
        r = program_new(&compose->program, &params);
        if (r < 0)
                return r;
        unlink(WORK "/" NEW_FILE); /* of a run that broke off */
        record = json_pack("{s:s}", "file", NEW_FILE);
        program_on_line(compose->program, "record", record);
        json_decref(record);
        begin_part(compose);
        return 0;
}

static int start(struct child *child, const json_t *first, void **ret_job)
{
        struct compose *compose = g_new0(struct compose, 1);
        int r;

        compose->child = child;
        compose->inputs = g_ptr_array_new_with_free_func(input_free);
        compose->speakers = g_hash_table_new(g_direct_hash, g_direct_equal);
        *ret_job = compose;
        r = begin(compose, first);
        if (r < 0) {
                child_fail(child, "internal", "%s", g_strerror(-r));
                return r;
        }
        compose->turn = g_idle_add(on_turn, compose);
        child_ready(child);
        return 0;
}

static bool progress(void *job, json_t *line)
{
        struct compose *compose = job;

        json_object_set_new(line, "t", json_integer(program_time_us(compose->program)));
        json_object_set_new(line, "of", json_integer(compose->total_us));
        return true;
}

/* Half of it is nothing. */
static void stop(void *job)
{
        struct compose *compose = job;

        child_fail(compose->child, "internal", "stopped before the end");
}

static void free_compose(void *job)
{
        struct compose *compose = job;

        if (compose->turn)
                g_source_remove(compose->turn);
        pipeline_free(compose->pipeline);
        unlink(WORK "/" NEW_FILE);
        unlink(WORK "/" INDEX_FILE);
        unlink(WORK "/" DONE_FILE);
        g_ptr_array_unref(compose->inputs);
        g_hash_table_destroy(compose->speakers);
        program_free(compose->program);
        g_free(compose->parts);
        g_free(compose->file);
        g_free(compose);
}

static const char *const elements[] = { "x264enc",       "avenc_aac",  "opusdec",   "audioconvert",
                                        "vp8dec",        "vp9dec",     "qtdemux",   "mp4mux",
                                        "matroskademux", "avdec_h264", "h264parse", NULL };

const struct job_ops compose_ops = {
        .kind = JOB_COMPOSE,
        .elements = elements,
        .start = start,
        .progress = progress,
        .stop = stop,
        .free = free_compose,
};
