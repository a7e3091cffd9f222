/* SPDX-License-Identifier: Apache-2.0 */
/*
 * program — a meeting composed live: what a tap sends is put in order, waits LATENCY_US for what
 *           comes late, and is shown by the clock on the wall.
 *
 * What cannot be kept up with costs pictures, never sound (pace.h).
 */
#include <errno.h>

#include "base/clock.h"
#include "sfu/api.h"
#include "sfu/jobs/core/pace.h"
#include "sfu/jobs/core/reorder.h"
#include "sfu/jobs/core/scene.h"
#include "sfu/jobs/core/track_reader.h"
#include "sfu/jobs/gst/kinds.h"
#include "sfu/jobs/gst/program.h"

enum {
        LATENCY_US = 400000,
        HOLD_US = 250000, /* of it for packets that were lost and are sent again */
        START_US = 100000,
        TICK_MS = 10,
        FRAMES_A_TICK = 3, /* then records and lines have their turn */
        MAX_INPUTS = PROGRAM_MAX_TRACKS,
        IDLE_US = 30000000, /* who says nothing for so long begins anew */
        END_US = 2000000, /* of time for the rest when it is to stop: jobs.h grants five seconds */
};

/* A track of the tap. */
struct input {
        uint8_t kind;                     /* of enum sfu_kind */
        uint32_t participant, generation; /* the newest */
        struct track_reader *reader;
        struct track *track;
        bool begun;
        enum job_codec codec; /* of what has begun */
        int64_t newest_us;    /* when the newest packet was read */
};

struct live {
        struct child *child;
        struct program *program;
        int64_t start_us;
        struct input *inputs[MAX_INPUTS];
        size_t n_inputs;
        struct pace pace;
        uint64_t gaps, told;
};

static struct input *input_free(struct input *input)
{
        if (!input)
                return NULL;
        if (input->track)
                track_end(input->track);
        track_reader_free(input->reader);
        g_free(input);
        return NULL;
}
DEFINE_CLEANUP(struct input *, input_free)

static struct input *input_find(struct live *live, const struct job_record *record)
{
        for (size_t i = 0; i < live->n_inputs; i++) {
                struct input *input = live->inputs[i];

                if (input->participant == record->participant && input->kind == record->kind)
                        return input;
        }
        return NULL;
}

static int input_new(struct live *live, const struct job_record *record, struct input **ret_input)
{
        cleanup(input_freep) struct input *input = g_new0(struct input, 1);
        const struct track_reader_config config = {
                .pictures = record->kind != SFU_MIC,
                .hold_us = HOLD_US,
                .start_us = START_US,
        };
        const struct track_params params = {
                .kind = record->kind == SFU_MIC      ? TRACK_SOUND
                        : record->kind == SFU_SCREEN ? TRACK_SCREEN
                                                     : TRACK_CAMERA,
                .participant = record->participant,
        };
        int r;

        input->kind = record->kind;
        input->participant = record->participant;
        input->generation = record->generation;
        r = track_reader_new(&input->reader, &config);
        if (r == 0)
                r = program_track(live->program, &params, &input->track);
        if (r < 0)
                return r;
        *ret_input = take_ptr(input);
        return 0;
}

/* ---- packets ---- */

static void put_frame(const struct live *live, struct input *input, const struct track_frame *frame)
{
        const struct depay_frame *raw = &frame->frame;
        int64_t t_us = frame->time_us - live->start_us;
        GstBuffer *buffer;
        GstCaps *caps = NULL;

        /* The size of the newest key frame. */
        if (track_is_too_large(raw->format->width, raw->format->height))
                return;
        buffer = gst_buffer_new_memdup(raw->bytes.data, raw->bytes.len);
        if (!raw->is_keyframe)
                GST_BUFFER_FLAG_SET(buffer, GST_BUFFER_FLAG_DELTA_UNIT);
        if (!input->begun || input->codec != frame->codec)
                caps = track_caps(frame->codec, raw->format->config, raw->format->config_len);
        input->begun = true;
        input->codec = frame->codec;
        /* The key frame that others build on may be of a moment before. */
        if (t_us < 0 && input->kind != SFU_MIC)
                t_us = 0;
        track_put(input->track, buffer, t_us, caps);
        gst_caps_replace(&caps, NULL);
}

static void drain(const struct live *live, struct input *input, int64_t now_us)
{
        struct track_frame frame;

        while (track_reader_take(input->reader, now_us, &frame))
                put_frame(live, input, &frame);
}

static void remove_input(struct live *live, struct input *input)
{
        track_reader_flush(input->reader);
        drain(live, input, clock_now_us());
        for (size_t i = 0; i < live->n_inputs; i++) {
                if (live->inputs[i] == input)
                        live->inputs[i] = live->inputs[--live->n_inputs];
        }
        input_free(input);
}

static void on_rtp(struct live *live, struct input *input, const struct job_record *record)
{
        int r;

        if (!input) {
                if (live->n_inputs == MAX_INPUTS || input_new(live, record, &input) < 0) {
                        live->gaps++;
                        return;
                }
                live->inputs[live->n_inputs++] = input;
        }
        input->newest_us = clock_now_us();
        r = track_reader_put(input->reader, record);
        if (r < 0 || r == REORDER_E_FULL) /* what came twice or too late is no loss of ours */
                live->gaps++;
        drain(live, input, input->newest_us);
}

/* Of somebody who came again on another worker, the end of before may come last (job_record.h). */
static bool is_outdated(struct input *input, const struct job_record *record)
{
        if (job_generation_is_newer(input->generation, record->generation))
                return true;
        input->generation = record->generation;
        return false;
}

static void on_record(void *job, const uint8_t *data, size_t len)
{
        struct live *live = job;
        struct job_record record;
        struct input *input;

        if (len == 0 || job_record_parse(&record, data, len) < 0)
                return; /* the tap is closed: the outputs go on until a stop */
        input = input_find(live, &record);
        if (input && is_outdated(input, &record))
                return;
        if (record.type == JOB_RTP)
                on_rtp(live, input, &record);
        else if (record.type == JOB_END && input)
                remove_input(live, input);
        else if (record.type == JOB_GAP)
                live->gaps += record.count;
}

/* ---- the clock ---- */

/* In a long meeting more people speak than there is room for. A screen that stands still sends
 * nothing either; it is there until its end. */
static void drop_idle(struct live *live, int64_t now_us)
{
        for (size_t i = live->n_inputs; i-- > 0;) {
                struct input *input = live->inputs[i];

                if (input->kind != SFU_SCREEN && now_us > input->newest_us + IDLE_US)
                        remove_input(live, input);
        }
}

/* How old what is composed next is. */
static int64_t behind_us(const struct live *live)
{
        return clock_now_us() - live->start_us - program_time_us(live->program);
}

static gboolean on_tick(void *user)
{
        struct live *live = user;
        int64_t now_us = clock_now_us();

        drop_idle(live, now_us);
        for (size_t i = 0; i < live->n_inputs; i++)
                drain(live, live->inputs[i], now_us);
        for (int i = 0; i < FRAMES_A_TICK; i++) {
                enum pace_step step = pace_next(&live->pace, behind_us(live) - LATENCY_US);

                if (step == PACE_WAIT)
                        break;
                program_step(live->program, step == PACE_SOUND_ONLY);
        }
        return G_SOURCE_CONTINUE;
}

/* ---- the job ---- */

static void on_program_line(void *user, json_t *line)
{
        struct live *live = user;

        child_say(live->child, line);
}

static void on_program_fail(void *user, const char *code, const char *why)
{
        struct live *live = user;

        child_fail(live->child, code, "%s", why);
}

static void on_line(void *job, const char *type, const json_t *line)
{
        struct live *live = job;

        program_on_line(live->program, type, line);
}

static int start(struct child *child, const json_t *first, void **ret_job)
{
        struct live *live = g_new0(struct live, 1);
        const char *title = json_string_value(json_object_get(first, "title"));
        const char *key;
        json_t *names = json_object_get(first, "names"), *name;
        const struct program_params params = {
                .dir = "/work",
                .title = title ? title : "",
                .wall_us = json_integer_value(json_object_get(first, "start_ms")) * 1000,
                .live = true,
                .on_line = on_program_line,
                .on_fail = on_program_fail,
                .user = live,
        };
        int r = program_new(&live->program, &params);

        live->child = child;
        live->start_us = json_integer_value(json_object_get(first, "start_us"));
        *ret_job = live;
        if (r < 0) {
                child_fail(child, "internal", "%s", g_strerror(-r));
                return r;
        }
        json_object_foreach (names, key, name) {
                json_t *line = json_pack("{s:I, s:O}", "participant",
                                         (json_int_t)strtoul(key, NULL, 10), "name", name);

                program_on_line(live->program, "name", line);
                json_decref(line);
        }
        /* Behind records and lines: time does not pass while some are waiting to be read. */
        g_timeout_add_full(G_PRIORITY_DEFAULT_IDLE, TICK_MS, on_tick, live, NULL);
        child_ready(child);
        return 0;
}

static bool progress(void *job, json_t *line)
{
        struct live *live = job;
        struct program_figures figures;
        uint64_t dropped;

        program_figures(live->program, &figures);
        json_object_set_new(line, "t", json_integer(program_time_us(live->program)));
        json_object_set_new(line, "bytes", json_integer((json_int_t)figures.bytes));
        json_object_set_new(line, "frames", json_integer((json_int_t)figures.frames));
        json_object_set_new(line, "late_frames", json_integer((json_int_t)figures.late_frames));
        json_object_set_new(line, "encode_ms", json_integer(figures.encode_us / 1000));
        dropped = live->gaps + figures.late_frames;
        if (dropped > live->told)
                child_say(live->child, json_pack("{s:s, s:I}", "type", "behind", "dropped",
                                                 (json_int_t)(dropped - live->told)));
        live->told = dropped;
        return true;
}

static void stop(void *job)
{
        struct live *live = job;
        int64_t began_us = clock_now_us();

        child_take_rest(live->child);
        for (size_t i = 0; i < live->n_inputs; i++) {
                track_reader_flush(live->inputs[i]->reader);
                drain(live, live->inputs[i], began_us);
        }
        /* What was said until now is a part of it. */
        while (behind_us(live) > 0 && clock_now_us() - began_us < END_US)
                program_step(live->program, behind_us(live) > END_US);
        program_end(live->program);
        child_done(live->child);
}

static void free_live(void *job)
{
        struct live *live = job;

        if (!live)
                return;
        g_source_remove_by_user_data(live);
        while (live->n_inputs)
                input_free(live->inputs[--live->n_inputs]);
        program_free(live->program);
        g_free(live);
}

static const char *const elements[] = { "x264enc",      "avenc_aac", "opusdec",
                                        "audioconvert", "vp8dec",    "vp9dec",
                                        "avdec_h264",   "h264parse", NULL };

const struct job_ops program_ops = {
        .kind = JOB_PROGRAM,
        .elements = elements,
        .start = start,
        .on_line = on_line,
        .on_record = on_record,
        .progress = progress,
        .stop = stop,
        .free = free_live,
};
