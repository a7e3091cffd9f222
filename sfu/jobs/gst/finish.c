/* SPDX-License-Identifier: Apache-2.0 */
/*
 * finish — recordings as players want them: a Matroska file with cues and its duration, an MP4
 *          file with its index in front. Nothing is encoded again.
 *
 * Each file is written anew beside itself, down to the disk, and takes its name only then; so
 * whenever this ends there is one whole file of each name. What comes in was often cut off by a
 * crash: all up to the cut is kept. A copy that would lose much more than that is thrown away.
 * Frames are moved on the way as retime.h says.
 *
 * A file: copying -> (error: cut ->) ended -> syncing (a thread) -> told; then the next one.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "base/log.h"
#include "sfu/jobs/gst/kinds.h"
#include "sfu/jobs/gst/pipeline.h"
#include "sfu/jobs/gst/retime_file.h"

enum {
        MAX_NAME = 200,
        PATH = MAX_NAME + 32,
        QUEUE_BYTES = 64 << 20, /* how far one stream of a file may be ahead of another */
        STUCK_BEATS = 30,       /* a busy machine gives an idle job little */
        LOSS_BYTES = 64 << 10,  /* a copy may be smaller by this, or by ... */
        LOSS_PERCENT = 30,      /* ... the heads of many small fragments */
};

struct finish {
        struct child *child;
        json_t *files;
        size_t at;
        const char *name;
        char path[PATH], copy[PATH], spare[PATH];
        struct pipeline *pipeline;
        GThread *syncing;
        int64_t seen_bytes;
        unsigned stuck_beats;
        struct retime retime;
        int64_t last_us; /* of the frame before it: a streaming thread's */
        /* written by streaming threads */
        _Atomic int64_t bytes, end_us;
};

/* ---- what the result says ---- */

static void next_file(struct finish *finish);

static void drop(struct finish *finish)
{
        finish->pipeline = pipeline_free(finish->pipeline);
        (void)unlink(finish->copy);
        (void)unlink(finish->spare);
}

static void tell_bad(struct finish *finish)
{
        drop(finish);
        child_say(finish->child, json_pack("{s:s, s:s, s:s}", "type", "file", "name", finish->name,
                                           "error", "unplayable"));
        next_file(finish);
}

static void tell_disk(struct finish *finish, int r)
{
        bool full = r == -ENOSPC || r == -EDQUOT;

        child_fail(finish->child, full ? "disk-full" : "internal",
                   "cannot keep a finished file: %s", strerror(-r));
}

/* ---- the copy becomes the file ---- */

struct synced {
        struct finish *finish;
        char name[PATH], path[PATH], copy[PATH];
        int64_t bytes;
        int r;
        bool lossy;
};

static int sync_path(const char *path, int flags)
{
        cleanup(closep) int fd = open(path, flags | O_CLOEXEC);

        if (fd < 0 || fsync(fd) < 0)
                return -errno;
        return 0;
}

static int64_t size_of(const char *path)
{
        struct stat st;

        return stat(path, &st) < 0 ? 0 : st.st_size;
}

static int replace(struct synced *synced)
{
        int64_t before = size_of(synced->path);
        int r;

        synced->bytes = size_of(synced->copy);
        synced->lossy = before - synced->bytes > LOSS_BYTES + before * LOSS_PERCENT / 100;
        if (synced->lossy)
                return 0;
        r = sync_path(synced->copy, O_WRONLY);
        if (r < 0)
                return r;
        /* Before the name, so that nothing is ever moved twice. */
        retime_file_remove(synced->name);
        if (rename(synced->copy, synced->path) < 0)
                return -errno;
        return sync_path("/work", O_RDONLY | O_DIRECTORY);
}

static gboolean on_synced(void *user)
{
        struct synced *synced = user;
        struct finish *finish = synced->finish;

        g_thread_join(g_steal_pointer(&finish->syncing));
        if (synced->r < 0) {
                tell_disk(finish, synced->r);
        } else if (synced->lossy) {
                log_line(LOG_INFO, "finish", "%s: of its bytes %lld would be left", finish->name,
                         (long long)synced->bytes);
                tell_bad(finish);
        } else {
                child_say(finish->child,
                          json_pack("{s:s, s:s, s:I, s:I}", "type", "file", "name", finish->name,
                                    "duration_us", (json_int_t)finish->end_us, "bytes",
                                    (json_int_t)synced->bytes));
                next_file(finish);
        }
        return G_SOURCE_REMOVE;
}

/* A large file takes the disk a while: beside the loop, so that the job is not seen as stalled. */
static void *sync_thread(void *user)
{
        struct synced *synced = user;

        synced->r = replace(synced);
        g_idle_add_full(G_PRIORITY_DEFAULT, on_synced, synced, g_free);
        return NULL;
}

static void keep_copy(struct finish *finish)
{
        struct synced *synced = g_new0(struct synced, 1);

        synced->finish = finish;
        g_strlcpy(synced->name, finish->name, sizeof(synced->name));
        g_strlcpy(synced->path, finish->path, sizeof(synced->path));
        g_strlcpy(synced->copy, finish->copy, sizeof(synced->copy));
        finish->pipeline = pipeline_free(finish->pipeline); /* closes it */
        finish->syncing = g_thread_new("sync", sync_thread, synced);
}

/* ---- copying ---- */

static void on_eos(void *user)
{
        struct finish *finish = user;

        if (finish->bytes == 0)
                tell_bad(finish);
        else
                keep_copy(finish);
}

static void end_stream(const GValue *item, gpointer user)
{
        GstElement *element = g_value_get_object(item);
        GstPad *pad;

        (void)user;
        if (!g_str_has_prefix(GST_OBJECT_NAME(element), "queue"))
                return;
        pad = gst_element_get_static_pad(element, "sink");
        gst_pad_send_event(pad, gst_event_new_eos());
        gst_object_unref(pad);
}

/* The file was cut off, or is none. What came before the fault is kept. */
static bool on_error(void *user, const char *code, const char *message)
{
        struct finish *finish = user;
        GstIterator *elements;

        log_line(LOG_INFO, "finish", "%s: %s: %s", finish->name, code, message);
        /* Not the recording's fault: it stays as it is, and the job fails. */
        if (strcmp(pipeline_culprit(finish->pipeline), "sink") == 0 ||
            strcmp(pipeline_culprit(finish->pipeline), "mux") == 0)
                return false;
        if (finish->bytes == 0) {
                tell_bad(finish);
                return true;
        }
        elements = gst_bin_iterate_elements(GST_BIN(pipeline_bin(finish->pipeline)));
        (void)gst_iterator_foreach(elements, end_stream, NULL);
        gst_iterator_free(elements);
        return true;
}

static void note_buffer(struct finish *finish, const GstBuffer *buffer)
{
        int64_t end_us = 0;

        if (GST_BUFFER_PTS_IS_VALID(buffer))
                end_us = (int64_t)GST_TIME_AS_USECONDS(GST_BUFFER_PTS(buffer));
        if (GST_BUFFER_DURATION_IS_VALID(buffer))
                end_us += (int64_t)GST_TIME_AS_USECONDS(GST_BUFFER_DURATION(buffer));
        finish->bytes += (int64_t)gst_buffer_get_size((GstBuffer *)buffer);
        if (end_us > finish->end_us)
                finish->end_us = end_us;
}

/* A file with a retime has one stream. */
static void move_buffer(struct finish *finish, GstPadProbeInfo *info)
{
        GstBuffer *buffer = GST_PAD_PROBE_INFO_BUFFER(info);
        int64_t t_us;

        if (!finish->retime.n || !GST_BUFFER_PTS_IS_VALID(buffer))
                return;
        buffer = gst_buffer_make_writable(buffer);
        t_us = retime_apply(&finish->retime, (int64_t)GST_TIME_AS_USECONDS(GST_BUFFER_PTS(buffer)));
        t_us = MAX(t_us, finish->last_us + 1);
        finish->last_us = t_us;
        GST_BUFFER_PTS(buffer) = (GstClockTime)t_us * GST_USECOND;
        GST_BUFFER_DTS(buffer) = GST_CLOCK_TIME_NONE;
        GST_PAD_PROBE_INFO_DATA(info) = buffer;
}

static GstPadProbeReturn on_flow(GstPad *pad, GstPadProbeInfo *info, gpointer user)
{
        (void)pad;
        if (info->type & GST_PAD_PROBE_TYPE_BUFFER) {
                move_buffer(user, info);
                note_buffer(user, GST_PAD_PROBE_INFO_BUFFER(info));
        } else {
                pipeline_plain_segment(info);
        }
        return GST_PAD_PROBE_OK;
}

/* A streaming thread: all pads come before the first frame. */
static void on_pad(GstElement *demux, GstPad *pad, gpointer user)
{
        struct finish *finish = user;
        GstElement *bin = GST_ELEMENT(gst_element_get_parent(demux));
        GstElement *mux = gst_bin_get_by_name(GST_BIN(bin), "mux");
        GstElement *queue = gst_element_factory_make("queue", NULL);
        GstPad *in = gst_element_get_static_pad(queue, "sink");

        g_object_set(queue, "max-size-buffers", 0, "max-size-time", (guint64)0, "max-size-bytes",
                     (guint)QUEUE_BYTES, NULL);
        gst_pad_add_probe(pad, GST_PAD_PROBE_TYPE_BUFFER | GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM,
                          on_flow, finish, NULL);
        gst_bin_add(GST_BIN(bin), queue);
        gst_element_sync_state_with_parent(queue);
        gst_pad_link(pad, in);
        if (!gst_element_link(queue, mux)) /* subtitles of a stranger's file */
                GST_ELEMENT_ERROR(demux, STREAM, FORMAT, ("a stream that is not ours"), (NULL));
        gst_object_unref(in);
        gst_object_unref(mux);
        gst_object_unref(bin);
}

static int start_copy(struct finish *finish, bool mp4)
{
        const struct pipeline_params params = {
                .description = mp4 ? "filesrc name=src ! qtdemux name=demux"
                                     " mp4mux name=mux faststart=true ! filesink name=sink"
                                   : "filesrc name=src ! matroskademux name=demux"
                                     " matroskamux name=mux ! filesink name=sink",
                .on_eos = on_eos,
                .on_error = on_error,
                .user = finish,
        };
        struct pipeline *pipeline;

        if (pipeline_new(&finish->pipeline, finish->child, &params) != 0)
                return 1;
        pipeline = finish->pipeline;
        g_object_set(pipeline_get(pipeline, "src"), "location", finish->path, NULL);
        g_object_set(pipeline_get(pipeline, "sink"), "location", finish->copy, NULL);
        if (mp4)
                g_object_set(pipeline_get(pipeline, "mux"), "faststart-file", finish->spare, NULL);
        g_signal_connect(pipeline_get(pipeline, "demux"), "pad-added", G_CALLBACK(on_pad), finish);
        pipeline_set_state(pipeline, GST_STATE_PLAYING);
        return 0;
}

/* A full disk may refuse the name already, which GStreamer does not tell from other reasons. */
static int make_copy(const struct finish *finish)
{
        cleanup(closep) int fd = -1;

        (void)unlink(finish->copy); /* of a run that died */
        fd = open(finish->copy, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        return fd < 0 ? -errno : 0;
}

static void begin_file(struct finish *finish, const char *name)
{
        finish->name = name;
        finish->bytes = finish->end_us = 0;
        finish->stuck_beats = 0;
        finish->last_us = -1;
        retime_file_read(&finish->retime, name);
        snprintf(finish->path, sizeof(finish->path), "/work/%s", name);
        snprintf(finish->copy, sizeof(finish->copy), "/work/.%s.copy", name);
        snprintf(finish->spare, sizeof(finish->spare), "/work/.%s.spare", name);
}

static bool is_name(const char *name)
{
        return name && name[0] && name[0] != '.' && strlen(name) <= MAX_NAME && !strchr(name, '/');
}

static void next_file(struct finish *finish)
{
        const char *name = json_string_value(json_array_get(finish->files, finish->at));
        int r;

        if (finish->at++ >= json_array_size(finish->files)) {
                child_done(finish->child);
        } else if (!is_name(name)) {
                child_fail(finish->child, "internal", "a file's name cannot be one");
        } else {
                begin_file(finish, name);
                r = make_copy(finish);
                if (r < 0)
                        tell_disk(finish, r);
                else
                        (void)start_copy(finish, g_str_has_suffix(name, ".mp4"));
        }
}

/* ---- the job ---- */

static int start(struct child *child, const json_t *first, void **ret_job)
{
        struct finish *finish = g_new0(struct finish, 1);

        finish->child = child;
        finish->files = json_deep_copy(json_object_get(first, "files"));
        *ret_job = finish;
        child_ready(child);
        next_file(finish);
        return 0;
}

static bool progress(void *job, json_t *line)
{
        struct finish *finish = job;
        int64_t bytes = finish->bytes;
        bool moves = finish->syncing || bytes != finish->seen_bytes;

        finish->stuck_beats = moves ? 0 : finish->stuck_beats + 1;
        finish->seen_bytes = bytes;
        json_object_set_new(line, "files", json_integer((json_int_t)finish->at));
        json_object_set_new(line, "of", json_integer((json_int_t)json_array_size(finish->files)));
        return finish->stuck_beats < STUCK_BEATS;
}

static void free_finish(void *job)
{
        struct finish *finish = job;

        if (finish->syncing)
                g_thread_join(finish->syncing); /* what it keeps is whole */
        drop(finish);
        json_decref(finish->files);
        g_free(finish);
}

static const char *const elements[] = { "filesrc",     "matroskademux", "qtdemux",  "queue",
                                        "matroskamux", "mp4mux",        "filesink", NULL };

const struct job_ops finish_ops = {
        .kind = JOB_FINISH,
        .elements = elements,
        .start = start,
        .progress = progress,
        .free = free_finish,
};
