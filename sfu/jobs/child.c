/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/jobs/child.h"

#include <errno.h>
#include <glib-unix.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "sfu/jobs/job_limits.h"
#include "sfu/jobs/lines.h"

enum {
        FD_MEDIA = 3,
        BEAT_MS = 1000,
        MAX_RECORDS = 64,
        MAX_REST = 100000, /* records: more than a socket holds */
        ERROR_TEXT = 512,
};

struct child {
        const struct job_ops *ops;
        void *job;
        GMainLoop *loop;
        struct line_reader *reader;
        bool started, stopping, ended;
        int status;
        uint8_t record[JOB_RECORD_MAX + 1];
};

/* ---- what is said ---- */

static bool write_all(const char *text, size_t len)
{
        while (len > 0) {
                ssize_t n = write(STDOUT_FILENO, text, len);

                if (n < 0 && errno != EINTR)
                        return false;
                if (n > 0) {
                        text += n;
                        len -= (size_t)n;
                }
        }
        return true;
}

void child_say(struct child *child, json_t *line)
{
        char *text = json_dumps(line, JSON_COMPACT);
        size_t len;

        json_decref(line);
        if (!text)
                return;
        len = strlen(text);
        text[len] = '\n'; /* in place of its end */
        /* Nobody listens: the server is gone. */
        if (!write_all(text, len + 1))
                child_done(child);
        free(text);
}

void child_ready(struct child *child)
{
        child_say(child, json_pack("{s:s}", "type", "ready"));
}

static int64_t cpu_ms(void)
{
        struct rusage usage;

        if (getrusage(RUSAGE_SELF, &usage) < 0)
                return 0;
        return (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * INT64_C(1000) +
               (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1000;
}

static gboolean on_beat(void *user)
{
        struct child *child = user;
        json_t *line;

        if (!child->started || child->ended)
                return G_SOURCE_CONTINUE;
        line = json_pack("{s:s, s:I}", "type", "progress", "cpu_ms", (json_int_t)cpu_ms());
        if (!child->ops->progress || child->ops->progress(child->job, line))
                child_say(child, line);
        else
                json_decref(line);
        return G_SOURCE_CONTINUE;
}

/* ---- the end ---- */

static void end(struct child *child, int status)
{
        if (child->ended)
                return;
        child->ended = true;
        child->status = status;
        g_main_loop_quit(child->loop);
}

struct failure {
        struct child *child;
        char code[32], text[ERROR_TEXT];
};

static gboolean on_failure(void *user)
{
        struct failure *failure = user;
        struct child *child = failure->child;

        if (!child->ended) {
                log_line(LOG_ERROR, job_kind_word(child->ops->kind), "%s: %s", failure->code,
                         failure->text);
                child_say(child, json_pack("{s:s, s:s, s:s+}", "type", "error", "code",
                                           failure->code, "message", failure->text, ""));
        }
        end(child, EXIT_FAILURE);
        return G_SOURCE_REMOVE;
}

void child_fail(struct child *child, const char *code, const char *format, ...)
{
        struct failure *failure = g_new0(struct failure, 1);
        char *text;
        va_list args;

        va_start(args, format);
        text = g_strdup_vprintf(format, args);
        va_end(args);
        /* Plug-ins' messages need not be UTF-8, which JSON must be. */
        char *valid = g_utf8_make_valid(text, -1);

        failure->child = child;
        g_strlcpy(failure->code, code, sizeof(failure->code));
        g_utf8_strncpy(failure->text, valid, MIN(g_utf8_strlen(valid, -1), ERROR_TEXT / 4 - 1));
        g_free(valid);
        g_free(text);
        g_idle_add_full(G_PRIORITY_HIGH, on_failure, failure, g_free);
}

static gboolean on_done(void *user)
{
        end(user, EXIT_SUCCESS);
        return G_SOURCE_REMOVE;
}

void child_done(struct child *child)
{
        g_idle_add_full(G_PRIORITY_HIGH, on_done, child, NULL);
}

static void stop(struct child *child)
{
        if (child->stopping || child->ended)
                return;
        child->stopping = true;
        if (child->started && child->ops->stop)
                child->ops->stop(child->job);
        else
                child_done(child);
}

/* ---- what is heard ---- */

static void on_line(void *user, const json_t *line)
{
        struct child *child = user;
        const char *type = json_string_value(json_object_get(line, "type"));

        if (child->ended)
                return;
        if (strcmp(type, "stop") == 0) {
                stop(child);
        } else if (!child->started) {
                if (strcmp(type, "start") != 0)
                        child_fail(child, "internal", "the first line is not a start");
                else if (child->ops->start(child, line, &child->job) == 0)
                        child->started = true;
        } else if (child->ops->on_line) {
                child->ops->on_line(child->job, type, line);
        }
}

static gboolean on_stdin(int fd, GIOCondition condition, void *user)
{
        struct child *child = user;
        char data[16384];
        ssize_t n = read(fd, data, sizeof(data));

        (void)condition;
        if (n < 0 && errno == EINTR)
                return G_SOURCE_CONTINUE;
        if (n <= 0) {
                stop(child);
                return G_SOURCE_REMOVE;
        }
        if (line_reader_put(child->reader, data, (size_t)n, on_line, child) < 0) {
                child_fail(child, "internal", "a line that cannot be read");
                return G_SOURCE_REMOVE;
        }
        return G_SOURCE_CONTINUE;
}

/* A few records a turn, so that commands and the beat are not held up. */
static gboolean on_media(int fd, GIOCondition condition, void *user)
{
        struct child *child = user;

        (void)condition;
        for (int i = 0; i < MAX_RECORDS && child->started && !child->ended; i++) {
                ssize_t n = recv(fd, child->record, sizeof(child->record), MSG_DONTWAIT);

                if (n < 0 && (errno == EAGAIN || errno == EINTR))
                        return G_SOURCE_CONTINUE;
                child->ops->on_record(child->job, child->record, n < 0 ? 0 : (size_t)n);
                if (n <= 0)
                        return G_SOURCE_REMOVE;
        }
        return G_SOURCE_CONTINUE;
}

void child_take_rest(struct child *child)
{
        ssize_t n = 1;

        for (int i = 0; i < MAX_REST && n > 0; i++) {
                n = recv(FD_MEDIA, child->record, sizeof(child->record), MSG_DONTWAIT);
                if (n > 0)
                        child->ops->on_record(child->job, child->record, (size_t)n);
        }
}

static gboolean on_term(void *user)
{
        stop(user);
        return G_SOURCE_CONTINUE;
}

int child_media_fd(const struct child *child)
{
        (void)child;
        return FD_MEDIA;
}

/* ---- main ---- */

static void run(struct child *child)
{
        child->loop = g_main_loop_new(NULL, FALSE);
        g_unix_fd_add_full(G_PRIORITY_HIGH, STDIN_FILENO, G_IO_IN | G_IO_HUP | G_IO_ERR, on_stdin,
                           child, NULL);
        if (child->ops->on_record)
                g_unix_fd_add(FD_MEDIA, G_IO_IN | G_IO_HUP | G_IO_ERR, on_media, child);
        g_unix_signal_add(SIGTERM, on_term, child);
        g_timeout_add_full(G_PRIORITY_HIGH, BEAT_MS, on_beat, child, NULL);
        g_main_loop_run(child->loop);
}

int child_main(const struct job_ops *ops)
{
        struct child child = { .ops = ops };
        int r = job_limits_set(ops->kind);

        if (r == 0)
                r = line_reader_new(&child.reader, JOB_QUEUE_MAX);
        if (r < 0) {
                log_line(LOG_ERROR, job_kind_word(ops->kind), "cannot start: %s", strerror(-r));
                return EXIT_FAILURE;
        }
        signal(SIGPIPE, SIG_IGN);
        run(&child);
        if (child.job && ops->free)
                ops->free(child.job);
        line_reader_free(child.reader);
        g_main_loop_unref(child.loop);
        return child.status;
}
