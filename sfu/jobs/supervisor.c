/* SPDX-License-Identifier: Apache-2.0 */
/*
 * supervisor — the jobs of this server.
 *
 * A job: running -> (stopping ->) over -> closed. It is over when its process is gone and its
 * stdout is at its end, so no line of it is lost; then its handles close, and the last one to
 * close tells its owner. Killing only sends the signal: the end comes the same way.
 */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "sfu/jobs/job_sandbox.h"
#include "sfu/jobs/jobs.h"
#include "sfu/jobs/lines.h"

enum {
        JOB_CHECK = N_JOB_KINDS, /* `dinh job check`: what can run here */
        WATCH_MS = 500,
        OUT_BYTES = 2 * JOB_LINE_MAX, /* each way out between two watches; then it has to wait */
        GONE_MS = 1000, /* for the end of stdout, when the process has ended; an idle one ... */
        IDLE_GONE_MS = 10000,     /* ... waits for the CPU even to die */
        START_SILENCE_MS = 15000, /* until its first line: a busy machine */
        FINISH_STOP_MS = 60000,
        ERROR_CODE = 32,
        WHY_TEXT = 256,
        ERR_LINE = 512,
};

struct job {
        struct jobs *jobs; /* NULL: jobs_free() was called */
        struct job *next;
        enum job_kind kind; /* or JOB_CHECK */
        void (*on_line)(void *user, const json_t *line);
        void (*on_end)(void *user, enum job_end reason, const char *error);
        void *user;
        pid_t pid;
        int pidfd;
        uv_poll_t exit;
        uv_pipe_t in, out, err;
        uv_timer_t watch;
        unsigned open_handles;
        struct line_reader *reader;
        size_t queued;               /* bytes of commands not yet read */
        int64_t last_line_us;        /* when it said something */
        int64_t kill_at_us;          /* INT64_MAX: it need not stop */
        int64_t gone_us;             /* when its process ended */
        size_t out_bytes, err_bytes; /* since the last watch */
        bool said_something, gone, out_ended, err_ended, closing;
        bool killed;
        enum job_end why_killed;
        int status;
        double cpu_s;
        char error[ERROR_CODE];
        char err_line[ERR_LINE];
        size_t err_len;
        char last_words[ERR_LINE]; /* its last line on stderr */
        struct log_limit err_limit;
};

struct jobs {
        uv_loop_t *loop;
        char *cache_dir;
        struct job *first;
        size_t n;
        char why_not[N_JOB_KINDS][WHY_TEXT]; /* "": it can run */
        struct jobs_counters counters;
};

static const char *word_of(enum job_kind kind)
{
        return kind == (enum job_kind)JOB_CHECK ? "check" : job_kind_word(kind);
}

static bool has_network(enum job_kind kind)
{
        return kind == JOB_CAMERA || kind == JOB_RTMP;
}

/* At idle priority (job_limits.h), or nobody waits for it. */
static bool is_idle(enum job_kind kind)
{
        return kind == JOB_COMPOSE || kind == JOB_FINISH || kind == JOB_PROBE ||
               kind == (enum job_kind)JOB_CHECK;
}

/* ---- the end of a job ---- */

static enum job_end end_reason(const struct job *job)
{
        if (job->killed)
                return job->why_killed;
        /* bubblewrap reports a signal N of the job as status 128 + N. */
        if (!WIFEXITED(job->status) || WEXITSTATUS(job->status) > 128)
                return JOB_CRASHED;
        return WEXITSTATUS(job->status) == 0 ? JOB_DONE : JOB_FAILED;
}

static void unlink_job(struct jobs *jobs, const struct job *job)
{
        struct job **at = &jobs->first;

        while (*at != job)
                at = &(*at)->next;
        *at = job->next;
        jobs->n--;
}

static void tell_end(struct job *job)
{
        static const char *const names[] = { "done", "failed", "crashed", "stalled" };
        struct jobs *jobs = job->jobs;
        enum job_end reason = end_reason(job);

        unlink_job(jobs, job);
        if (job->kind < N_JOB_KINDS) {
                jobs->counters.running[job->kind]--;
                jobs->counters.failed[job->kind] += reason != JOB_DONE;
                jobs->counters.cpu_s[job->kind] += job->cpu_s;
        }
        if (reason != JOB_DONE)
                log_line(LOG_WARN, "jobs", "%s %d: %s %s", word_of(job->kind), (int)job->pid,
                         names[reason], job->error[0] ? job->error : job->last_words);
        job->on_end(job->user, reason, job->error);
}

static void on_closed(uv_handle_t *handle)
{
        struct job *job = handle->data;

        if (--job->open_handles > 0)
                return;
        if (job->jobs)
                tell_end(job);
        closep(&job->pidfd);
        line_reader_free(job->reader);
        free(job);
}

static void close_one(uv_handle_t *handle)
{
        if (handle->type != UV_UNKNOWN_HANDLE && !uv_is_closing(handle))
                uv_close(handle, on_closed);
}

static void log_err_line(struct job *job)
{
        if (job->err_len > 0) {
                snprintf(job->last_words, sizeof(job->last_words), "%.*s", (int)job->err_len,
                         job->err_line);
                log_limited(&job->err_limit, LOG_INFO, "job", "%s %d: %s", word_of(job->kind),
                            (int)job->pid, job->last_words);
        }
        job->err_len = 0;
}

static void take_err(struct job *job, const char *text, size_t len)
{
        for (size_t i = 0; i < len; i++) {
                if (text[i] == '\n')
                        log_err_line(job);
                else if (job->err_len < sizeof(job->err_line))
                        job->err_line[job->err_len++] = text[i];
        }
}

/* What it said before it ended may still lie in the pipe. */
static void take_last_words(struct job *job)
{
        char text[4096];
        uv_os_fd_t fd;
        ssize_t n;

        if (job->err_ended || uv_fileno((uv_handle_t *)&job->err, &fd) < 0)
                return;
        n = read(fd, text, sizeof(text)); /* libuv has made it non-blocking */
        if (n > 0)
                take_err(job, text, (size_t)n);
        log_err_line(job);
}

static void close_job(struct job *job)
{
        if (job->closing)
                return;
        job->closing = true;
        take_last_words(job);
        close_one((uv_handle_t *)&job->in);
        close_one((uv_handle_t *)&job->out);
        close_one((uv_handle_t *)&job->err);
        close_one((uv_handle_t *)&job->watch);
        close_one((uv_handle_t *)&job->exit);
}

static void close_when_over(struct job *job)
{
        if (job->gone && job->out_ended)
                close_job(job);
}

/* Once bubblewrap has set it up, its process namespace goes with bubblewrap; before that, what it
 * forked is of its process group still, and would wait for it for ever. */
static void kill_group(const struct job *job)
{
        (void)kill(-job->pid, SIGKILL);
        (void)kill(job->pid, SIGKILL);
}

static void kill_job(struct job *job, enum job_end why)
{
        if (job->killed || job->gone)
                return;
        job->killed = true;
        job->why_killed = why;
        kill_group(job);
}

static double seconds(struct timeval time)
{
        return (double)time.tv_sec + (double)time.tv_usec / 1e6;
}

static void on_exit_fd(uv_poll_t *poll, int status, int events)
{
        struct job *job = poll->data;
        struct rusage usage = { 0 };
        double cpu_s;

        (void)status;
        (void)events;
        if (job->gone || wait4(job->pid, &job->status, WNOHANG, &usage) == 0)
                return;
        job->gone = true;
        job->gone_us = clock_now_us();
        uv_poll_stop(poll);
        cpu_s = seconds(usage.ru_utime) + seconds(usage.ru_stime);
        if (cpu_s > job->cpu_s)
                job->cpu_s = cpu_s;
        close_when_over(job);
}

/* ---- what it says ---- */

/* It goes on to people: a word of lines.h, or none. */
static bool is_code(const char *code)
{
        size_t len = strlen(code);

        return len > 0 && len < ERROR_CODE && strspn(code, "abcdefghijklmnopqrstuvwxyz-") == len;
}

static void note_line(struct job *job, const json_t *line, const char *type)
{
        const char *code = json_string_value(json_object_get(line, "code"));
        double cpu_s = json_number_value(json_object_get(line, "cpu_ms")) / 1000;

        if (strcmp(type, "error") == 0 && code)
                snprintf(job->error, sizeof(job->error), "%s", is_code(code) ? code : "internal");
        /* Of a job that is killed, its last word is all that is known. */
        if (strcmp(type, "progress") == 0 && cpu_s > job->cpu_s)
                job->cpu_s = cpu_s;
}

static void on_job_line(void *user, const json_t *line)
{
        struct job *job = user;

        job->said_something = true;
        job->last_line_us = clock_now_us();
        note_line(job, line, json_string_value(json_object_get(line, "type")));
        if (job->jobs && job->on_line)
                job->on_line(job->user, line);
}

static void give_buffer(uv_handle_t *handle, size_t suggested, uv_buf_t *ret_buf)
{
        static char buffer[16384]; /* one thread, and used up within the callback */

        (void)handle;
        (void)suggested;
        *ret_buf = uv_buf_init(buffer, sizeof(buffer));
}

static void on_out(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
        struct job *job = stream->data;

        if (n < 0) {
                uv_read_stop(stream);
                job->out_ended = true;
                close_when_over(job);
                return;
        }
        job->out_bytes += (size_t)n;
        if (job->out_bytes >= OUT_BYTES)
                uv_read_stop(stream);
        if (job->killed && job->why_killed == JOB_FAILED)
                return; /* after a line that is none */
        if (line_reader_put(job->reader, buf->base, (size_t)n, on_job_line, job) < 0) {
                log_line(LOG_ERROR, "jobs", "%s %d: a line that cannot be read", word_of(job->kind),
                         (int)job->pid);
                snprintf(job->error, sizeof(job->error), "internal");
                kill_job(job, JOB_FAILED);
        }
}

static void on_err(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
        struct job *job = stream->data;

        job->err_ended = n < 0;
        job->err_bytes += n > 0 ? (size_t)n : 0;
        if (n < 0 || job->err_bytes >= OUT_BYTES)
                uv_read_stop(stream);
        if (n > 0)
                take_err(job, buf->base, (size_t)n);
        if (n < 0)
                log_err_line(job);
}

/* ---- the watch over it ---- */

/* What one job floods us with costs the others nothing: see OUT_BYTES. */
static void read_again(struct job *job)
{
        if (!job->out_ended && job->out_bytes >= OUT_BYTES)
                (void)uv_read_start((uv_stream_t *)&job->out, give_buffer, on_out);
        if (!job->err_ended && job->err_bytes >= OUT_BYTES)
                (void)uv_read_start((uv_stream_t *)&job->err, give_buffer, on_err);
        job->out_bytes = job->err_bytes = 0;
}

/* A job says nothing any more, or does not end. */
static void on_watch(uv_timer_t *timer)
{
        struct job *job = timer->data;
        int64_t now_us = clock_now_us();
        int64_t most_ms = is_idle(job->kind)    ? JOB_IDLE_SILENCE_MS
                          : job->said_something ? JOB_SILENCE_MS
                                                : START_SILENCE_MS;
        int64_t gone_ms = is_idle(job->kind) ? IDLE_GONE_MS : GONE_MS;

        read_again(job);
        if (job->gone && now_us - job->gone_us > gone_ms * 1000) {
                log_line(LOG_INFO, "jobs", "%s %d: ended, but not its stdout", word_of(job->kind),
                         (int)job->pid);
                close_job(job);
        } else if (now_us > job->kill_at_us || now_us - job->last_line_us > most_ms * 1000) {
                kill_job(job, JOB_STALLED);
        }
}

/* ---- what it is told ---- */

struct command {
        uv_write_t request;
        struct job *job;
        size_t len;
        char text[];
};

static void on_written(uv_write_t *request, int status)
{
        struct command *command = request->data;

        (void)status; /* a job that is gone: its end is on the way */
        command->job->queued -= command->len;
        free(command);
}

void job_send(struct job *job, const json_t *line)
{
        size_t len = json_dumpb(line, NULL, 0, JSON_COMPACT);
        struct command *command;
        uv_buf_t buf;

        if (job->killed || job->gone || job->closing)
                return;
        if (len + 1 > JOB_QUEUE_MAX - job->queued) {
                kill_job(job, JOB_STALLED);
                return;
        }
        command = malloc(sizeof(*command) + len + 1);
        if (!command || len == 0) {
                free(command);
                kill_job(job, JOB_FAILED);
                return;
        }
        json_dumpb(line, command->text, len, JSON_COMPACT);
        command->text[len] = '\n';
        command->job = job;
        command->len = len + 1;
        command->request.data = command;
        buf = uv_buf_init(command->text, (unsigned)command->len);
        if (uv_write(&command->request, (uv_stream_t *)&job->in, &buf, 1, on_written) < 0) {
                free(command);
                return;
        }
        job->queued += command->len;
}

void job_stop(struct job *job)
{
        int64_t most_ms = job->kind == JOB_FINISH ? FINISH_STOP_MS : JOB_STOP_MS;
        json_t *line;

        if (job->kill_at_us != INT64_MAX)
                return;
        job->kill_at_us = clock_now_us() + most_ms * 1000;
        line = json_pack("{s:s}", "type", "stop");
        job_send(job, line);
        json_decref(line);
}

void job_kill(struct job *job)
{
        kill_job(job, JOB_FAILED);
}

/* ---- start ---- */

static void adopt(struct job *job, void *handle)
{
        ((uv_handle_t *)handle)->data = job;
        job->open_handles++;
}

static int new_job(struct job **ret_job, struct jobs *jobs, const struct job_params *params)
{
        struct job *job = calloc(1, sizeof(*job));
        int r;

        if (!job)
                return -ENOMEM;
        r = line_reader_new(&job->reader, JOB_LINE_MAX);
        if (r < 0) {
                free(job);
                return r;
        }
        job->kind = params->kind;
        job->on_line = params->on_line;
        job->on_end = params->on_end;
        job->user = params->user;
        job->pidfd = -1;
        job->kill_at_us = INT64_MAX;
        job->last_line_us = clock_now_us();
        uv_pipe_init(jobs->loop, &job->in, 0);
        uv_pipe_init(jobs->loop, &job->out, 0);
        uv_pipe_init(jobs->loop, &job->err, 0);
        uv_timer_init(jobs->loop, &job->watch);
        adopt(job, &job->in);
        adopt(job, &job->out);
        adopt(job, &job->err);
        adopt(job, &job->watch);
        *ret_job = job;
        return 0;
}

/* A pipe whose end `ours` (0 reads, 1 writes) goes to the loop; the other one is for the child. */
static int make_pipe(uv_pipe_t *pipe, int ours, int *ret_theirs)
{
        int fds[2];
        int r;

        if (pipe2(fds, O_CLOEXEC) < 0)
                return -errno;
        *ret_theirs = fds[!ours];
        r = uv_pipe_open(pipe, fds[ours]);
        if (r < 0)
                close(fds[ours]);
        return r;
}

static int spawn(struct job *job, const struct jobs *jobs, const struct job_params *params)
{
        cleanup(closep) int in = -1;
        cleanup(closep) int out = -1;
        cleanup(closep) int err = -1;
        bool check = job->kind == (enum job_kind)JOB_CHECK;
        struct job_sandbox sandbox = { .word = word_of(job->kind),
                                       .fd = params->fd,
                                       .dir = params->dir,
                                       .dir_read_only = job->kind == JOB_RTMP,
                                       .input = params->input,
                                       .cache_dir = jobs->cache_dir,
                                       .cache_writable = check,
                                       .network = has_network(job->kind) };
        int r = make_pipe(&job->in, 1, &in);

        if (r == 0)
                r = make_pipe(&job->out, 0, &out);
        if (r == 0)
                r = make_pipe(&job->err, 0, &err);
        if (r < 0)
                return r;
        sandbox.in = in;
        sandbox.out = out;
        sandbox.err = err;
        return job_sandbox_start(&job->pid, &sandbox);
}

static int watch_exit(struct job *job, uv_loop_t *loop)
{
        int r;

        job->pidfd = (int)syscall(SYS_pidfd_open, job->pid, 0);
        if (job->pidfd < 0)
                return -errno;
        r = uv_poll_init(loop, &job->exit, job->pidfd);
        if (r < 0)
                return r;
        adopt(job, &job->exit);
        return uv_poll_start(&job->exit, UV_READABLE, on_exit_fd);
}

static void end_process(struct job *job)
{
        if (job->pid <= 0 || job->gone)
                return;
        kill_group(job);
        (void)waitpid(job->pid, NULL, 0);
        job->gone = true;
}

static int start_process(struct job *job, struct jobs *jobs, const struct job_params *params)
{
        int r = spawn(job, jobs, params);

        if (r < 0)
                return r;
        r = watch_exit(job, jobs->loop);
        if (r == 0)
                r = uv_read_start((uv_stream_t *)&job->out, give_buffer, on_out);
        if (r == 0)
                r = uv_read_start((uv_stream_t *)&job->err, give_buffer, on_err);
        if (r == 0)
                r = uv_timer_start(&job->watch, on_watch, WATCH_MS, WATCH_MS);
        return r;
}

static int start(struct jobs *jobs, const struct job_params *params, struct job **ret_job)
{
        struct job *job = NULL;
        int r;

        if (jobs->n >= JOBS_MAX)
                return -EBUSY;
        r = new_job(&job, jobs, params);
        if (r < 0)
                return r;
        r = start_process(job, jobs, params);
        if (r < 0) {
                end_process(job);
                close_job(job); /* frees it, without a word: it has no jobs */
                return r;
        }
        job->jobs = jobs;
        job->next = jobs->first;
        jobs->first = job;
        jobs->n++;
        if (params->start)
                job_send(job, params->start);
        *ret_job = job;
        return 0;
}

int job_start(struct jobs *jobs, const struct job_params *params, struct job **ret_job)
{
        int r;

        assert(params->kind < N_JOB_KINDS && params->on_end);
        r = start(jobs, params, ret_job);
        if (r < 0)
                return r;
        if (params->fd >= 0)
                close(params->fd);
        jobs->counters.started[params->kind]++;
        jobs->counters.running[params->kind]++;
        return 0;
}

/* ---- what can run here ---- */

static void on_check_line(void *user, const json_t *line)
{
        struct jobs *jobs = user;

        for (size_t i = 0; i < N_JOB_KINDS; i++) {
                const char *why = json_string_value(
                        json_object_get(line, job_kind_word((enum job_kind)i)));

                if (why)
                        snprintf(jobs->why_not[i], WHY_TEXT, "%s", why);
        }
}

static void on_check_end(void *user, enum job_end reason, const char *error)
{
        struct jobs *jobs = user;

        (void)error;
        for (size_t i = 0; i < N_JOB_KINDS; i++) {
                /* Stalled: the machine was too busy to tell; who starts a job will see. */
                if (reason != JOB_DONE && reason != JOB_STALLED)
                        snprintf(jobs->why_not[i], WHY_TEXT,
                                 "the sandbox of jobs does not work here: see the log");
                if (jobs->why_not[i][0])
                        log_line(LOG_WARN, "jobs", "no %s: %s", job_kind_word((enum job_kind)i),
                                 jobs->why_not[i]);
        }
}

/* A server without jobs is still a server. */
static void start_check(struct jobs *jobs)
{
        const struct job_params params = { .kind = (enum job_kind)JOB_CHECK,
                                           .fd = -1,
                                           .on_line = on_check_line,
                                           .on_end = on_check_end,
                                           .user = jobs };
        struct job *job;
        int r = start(jobs, &params, &job);

        if (r < 0) {
                log_line(LOG_ERROR, "jobs", "cannot start one: %s", strerror(-r));
                on_check_end(jobs, JOB_FAILED, "");
        }
}

bool jobs_can(const struct jobs *jobs, enum job_kind kind, const char **ret_why)
{
        assert(kind < N_JOB_KINDS);
        if (!jobs->why_not[kind][0])
                return true;
        *ret_why = jobs->why_not[kind];
        return false;
}

/* ---- all of them ---- */

int jobs_new(struct jobs **ret_jobs, const struct jobs_config *config)
{
        struct jobs *jobs;

        if (mkdir(config->cache_dir, 0700) < 0 && errno != EEXIST)
                return -errno;
        jobs = calloc(1, sizeof(*jobs));
        if (!jobs)
                return -ENOMEM;
        jobs->loop = config->loop;
        jobs->cache_dir = strdup(config->cache_dir);
        if (!jobs->cache_dir) {
                free(jobs);
                return -ENOMEM;
        }
        start_check(jobs);
        *ret_jobs = jobs;
        return 0;
}

struct jobs *jobs_free(struct jobs *jobs)
{
        struct job *job;

        if (!jobs)
                return NULL;
        while ((job = jobs->first)) {
                jobs->first = job->next;
                job->jobs = NULL;
                end_process(job);
                close_job(job);
        }
        free(jobs->cache_dir);
        free(jobs);
        return NULL;
}

void jobs_counters(const struct jobs *jobs, struct jobs_counters *ret_counters)
{
        *ret_counters = jobs->counters;
}
