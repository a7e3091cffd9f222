/* SPDX-License-Identifier: Apache-2.0 */
/*
 * serve — `dinh serve`: puts store, media plane, papers and the HTTP server on
 *         one uv loop, and takes them down again.
 *
 * States: starting -> serving -> draining (SIGTERM, SIGINT) -> ended. A second
 *         signal ends the draining at once.
 */
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <uv.h>

#include "base/clock.h"
#include "base/log.h"
#include "sfu/jobs/jobs.h"
#include "signaling/addresses.h"
#include "signaling/commands.h"
#include "signaling/core/service.h"
#include "signaling/io/server.h"
#include "signaling/io/tls_cert.h"
#include "signaling/notify.h"
#include "signaling/options.h"
#include "signaling/turn_options.h"
#include "signaling/usage.h"
#include "store/media.h"

enum { MAX_WORKERS = 32, DRAIN_MAX_MS = 3000, ERROR_TEXT = 512, DAY_MS = 24 * 3600 * 1000 };

struct serve_options {
        const char *config, *data, *http, *https, *cert, *key, *metrics, *trusted_proxy;
        struct option_list media_addresses;
        long media_port, workers, keep_recordings_days, recording_free_mb;
        struct turn_options turn;
        char *file_text; /* owns the values from --config */
};

struct serve {
        struct serve_options options;
        struct addresses addresses;
        uv_loop_t loop;
        uv_async_t wake;
        uv_timer_t tick;
        uv_signal_t on_term, on_int, on_hup;
        struct store *store;
        struct sfu *sfu;
        struct docs *docs;
        struct jobs *jobs;
        struct media *media;
        struct reader *reader;
        struct app *app;
        struct server *server;
        struct notify notify;
        int64_t drain_until_us; /* 0: serving */
        char error[ERROR_TEXT];
};

/* ---- options ---- */

#define SERVE_SPECS(o)                                                                             \
        {                                                                                          \
                { "config", OPTION_TEXT, &(o)->config, 0, 0, true },                               \
                        { "data", OPTION_TEXT, &(o)->data, 0, 0, false },                          \
                        { "http", OPTION_TEXT, &(o)->http, 0, 0, false },                          \
                        { "https", OPTION_TEXT, &(o)->https, 0, 0, false },                        \
                        { "cert", OPTION_TEXT, &(o)->cert, 0, 0, false },                          \
                        { "key", OPTION_TEXT, &(o)->key, 0, 0, false },                            \
                        { "media-address", OPTION_LIST, &(o)->media_addresses, 0, 0, false },      \
                        { "media-port", OPTION_NUMBER, &(o)->media_port, 0, UINT16_MAX, false },   \
                        { "workers", OPTION_NUMBER, &(o)->workers, 1, MAX_WORKERS, false },        \
                        { "keep-recordings-days",                                                  \
                          OPTION_NUMBER,                                                           \
                          &(o)->keep_recordings_days,                                              \
                          1,                                                                       \
                          36500,                                                                   \
                          false },                                                                 \
                        { "recording-free-mb",                                                     \
                          OPTION_NUMBER,                                                           \
                          &(o)->recording_free_mb,                                                 \
                          10,                                                                      \
                          1000000,                                                                 \
                          false },                                                                 \
                        { "metrics", OPTION_TEXT, &(o)->metrics, 0, 0, false },                    \
                        { "trusted-proxy", OPTION_TEXT, &(o)->trusted_proxy, 0, 0, false },        \
                        { "turn-uri", OPTION_LIST, &(o)->turn.uris, 0, 0, false },                 \
                        { "turn-secret", OPTION_TEXT, &(o)->turn.secret, 0, 0, false },            \
                        { "turn-secret-file", OPTION_TEXT, &(o)->turn.secret_file, 0, 0, false },  \
        }

static int read_addresses(struct serve *serve)
{
        const struct option_list *given = &serve->options.media_addresses;
        char wrong[ADDRESS_TEXT];
        int r = given->n == 0 ? addresses_of_machine(&serve->addresses) : 0;

        if (r < 0)
                return command_fail(EXIT_FAILURE, "addresses: %s", strerror(-r));
        for (size_t i = 0; i < given->n; i++) {
                r = addresses_add(&serve->addresses, given->items[i], wrong);
                if (r == -ENOSPC)
                        return command_fail(EXIT_USAGE, "--media-address: more than %d",
                                            ADDRESSES_MAX);
                if (r < 0)
                        return command_fail(EXIT_USAGE,
                                            "--media-address: \"%s\" is not an IP address that "
                                            "others can reach",
                                            wrong);
        }
        return 0;
}

static int check_options(struct serve *serve)
{
        struct serve_options *o = &serve->options;
        char error[OPTION_ERROR];

        if (!o->cert != !o->key)
                return command_fail(EXIT_USAGE, "--cert and --key go together");
        if (o->cert && !o->https)
                return command_fail(EXIT_USAGE, "--cert and --key need --https");
        if (o->media_port && o->media_port + o->workers - 1 > UINT16_MAX)
                return command_fail(EXIT_USAGE, "--media-port: no room for %ld workers above %ld",
                                    o->workers, o->media_port);
        if (turn_options_read(&o->turn, error) < 0)
                return command_fail(EXIT_USAGE, "%s", error);
        return read_addresses(serve);
}

/* The command line wins over the file: it is read again after it. Returns 0 or
 * the exit code. */
static int read_options(struct serve *serve, int argc, char **argv)
{
        struct serve_options *o = &serve->options;
        const struct option_spec specs[] = SERVE_SPECS(o);
        long cores = sysconf(_SC_NPROCESSORS_ONLN);
        char error[OPTION_ERROR];

        o->data = "data";
        o->http = "127.0.0.1:8080";
        o->media_port = 7000;
        o->keep_recordings_days = 365;
        o->recording_free_mb = 1024;
        o->workers = cores < 1 ? 1 : cores > MAX_WORKERS ? MAX_WORKERS : cores;
        if (options_parse(specs, ARRAY_LEN(specs), argc, argv, error) < 0)
                return command_fail(EXIT_USAGE, "%s", error);
        if (o->config &&
            (options_read_file(specs, ARRAY_LEN(specs), o->config, &o->file_text, error) < 0 ||
             options_parse(specs, ARRAY_LEN(specs), argc, argv, error) < 0))
                return command_fail(EXIT_USAGE, "%s", error);
        return check_options(serve);
}

/* ---- the loop's callbacks ---- */

static int64_t wall_ms(void)
{
        return clock_wall_us() / 1000;
}

static void wake(void *user)
{
        uv_async_send(user);
}

static void on_wake(uv_async_t *async)
{
        struct serve *serve = async->data;

        if (serve->app)
                service_poll(serve->app);
}

static void on_tick(uv_timer_t *timer)
{
        struct serve *serve = timer->data;

        service_tick(serve->app);
        notify_alive(&serve->notify, clock_now_us());
        if (serve->drain_until_us &&
            (service_is_drained(serve->app) || clock_now_us() > serve->drain_until_us))
                uv_stop(&serve->loop);
}

static void on_end(uv_signal_t *handle, int number)
{
        struct serve *serve = handle->data;

        (void)number;
        if (serve->drain_until_us) {
                uv_stop(&serve->loop);
                return;
        }
        log_line(LOG_INFO, "main", "draining");
        notify_say(&serve->notify, "STOPPING=1");
        serve->drain_until_us = clock_now_us() + DRAIN_MAX_MS * INT64_C(1000);
        server_stop_listening(serve->server);
        service_drain(serve->app);
}

static void on_reload(uv_signal_t *handle, int number)
{
        struct serve *serve = handle->data;
        int r = server_reload_certificate(serve->server);

        (void)number;
        if (r < 0)
                log_line(LOG_ERROR, "main", "certificate not reloaded: %s", strerror(-r));
        else
                log_line(LOG_INFO, "main", "certificate reloaded");
}

/* ---- start ---- */

static void init_loop(struct serve *serve)
{
        uv_loop_init(&serve->loop);
        uv_async_init(&serve->loop, &serve->wake, on_wake);
        uv_timer_init(&serve->loop, &serve->tick);
        uv_signal_init(&serve->loop, &serve->on_term);
        uv_signal_init(&serve->loop, &serve->on_int);
        uv_signal_init(&serve->loop, &serve->on_hup);
        serve->wake.data = serve->tick.data = serve;
        serve->on_term.data = serve->on_int.data = serve->on_hup.data = serve;
}

static int start_store(struct serve *serve)
{
        return store_open(&serve->store, serve->options.data, wake, &serve->wake, serve->error,
                          sizeof(serve->error));
}

static int start_media_dir(struct serve *serve)
{
        char dir[PATH_MAX];
        int r = reader_new(&serve->reader, wake, &serve->wake);

        if (r < 0)
                return r;
        snprintf(dir, sizeof(dir), "%s/media", serve->options.data);
        return media_open(&serve->media, dir, serve->error, sizeof(serve->error));
}

static int start_media(struct serve *serve)
{
        char identity[PATH_MAX];
        struct sfu_config config = { .n_workers = (unsigned)serve->options.workers,
                                     .media_port = (uint16_t)serve->options.media_port,
                                     .addresses = serve->addresses.list,
                                     .n_addresses = serve->addresses.n,
                                     .identity_path = identity,
                                     .wake = wake,
                                     .wake_user = &serve->wake };

        snprintf(identity, sizeof(identity), "%s/media-identity.pem", serve->options.data);
        return sfu_new(&serve->sfu, &config, serve->error, sizeof(serve->error));
}

static int start_docs(struct serve *serve)
{
        char dir[PATH_MAX];
        struct docs_config config = {
                .dir = dir, .store = serve->store, .wake = wake, .wake_user = &serve->wake
        };

        snprintf(dir, sizeof(dir), "%s/docs", serve->options.data);
        return docs_new(&serve->docs, &config, serve->error, sizeof(serve->error));
}

static int start_jobs(struct serve *serve)
{
        char dir[PATH_MAX];
        struct jobs_config config = { .loop = &serve->loop, .cache_dir = dir };
        int r;

        snprintf(dir, sizeof(dir), "%s/jobs-cache", serve->options.data);
        r = jobs_new(&serve->jobs, &config);
        if (r < 0)
                snprintf(serve->error, sizeof(serve->error), "jobs-cache: %s", strerror(-r));
        return r;
}

static int start_service(struct serve *serve)
{
        struct service_config config = {
                .store = serve->store,
                .sfu = serve->sfu,
                .docs = serve->docs,
                .jobs = serve->jobs,
                .media = serve->media,
                .reader = serve->reader,
                .keep_recordings_ms = serve->options.keep_recordings_days * DAY_MS,
                .recording_free_bytes = serve->options.recording_free_mb * 1024 * INT64_C(1024),
                .turn = &serve->options.turn.config,
                .wall_ms = wall_ms,
                .now_us = clock_now_us,
                .usage = usage_read
        };

        snprintf(serve->error, sizeof(serve->error), "cannot start the service");
        return service_new(&serve->app, &config);
}

/* Beside the program in a build folder, or as installed. */
static void find_web_dir(char *ret, size_t cap)
{
        char program[PATH_MAX], *slash;
        ssize_t n = readlink("/proc/self/exe", program, sizeof(program) - 1);

        program[n > 0 ? n : 0] = '\0';
        slash = strrchr(program, '/');
        if (slash)
                *slash = '\0';
        snprintf(ret, cap, "%s/web", program);
        if (access(ret, R_OK) != 0)
                snprintf(ret, cap, "%s/../share/dinh/web", program);
}

static int start_server(struct serve *serve)
{
        const struct serve_options *o = &serve->options;
        char web[PATH_MAX + 32], cert[PATH_MAX], key[PATH_MAX];
        struct server_config config = { .http = o->http,
                                        .https = o->https,
                                        .metrics = o->metrics,
                                        .cert_path = o->cert,
                                        .key_path = o->key,
                                        .trusted_proxy = o->trusted_proxy,
                                        .web_dir = web };
        struct server_handler handler;

        find_web_dir(web, sizeof(web));
        if (o->https && !o->cert) {
                int r = tls_cert_ensure(o->data, cert, key, sizeof(cert));

                if (r < 0) {
                        snprintf(serve->error, sizeof(serve->error),
                                 "cannot make a certificate in %s: %s", o->data, strerror(-r));
                        return r;
                }
                config.cert_path = cert;
                config.key_path = key;
        }
        service_handler(serve->app, &handler);
        return server_new(&serve->server, &serve->loop, &config, &handler, serve->error,
                          sizeof(serve->error));
}

static int start_all(struct serve *serve)
{
        static int (*const steps[])(struct serve *) = {
                start_store, start_media_dir, start_media,  start_docs,
                start_jobs,  start_service,   start_server,
        };
        int r = 0;

        for (size_t i = 0; r == 0 && i < ARRAY_LEN(steps); i++)
                r = steps[i](serve);
        if (r < 0)
                return r;
        service_set_server(serve->app, serve->server);
        uv_timer_start(&serve->tick, on_tick, APP_TICK_MS, APP_TICK_MS);
        uv_signal_start(&serve->on_term, on_end, SIGTERM);
        uv_signal_start(&serve->on_int, on_end, SIGINT);
        uv_signal_start(&serve->on_hup, on_reload, SIGHUP);
        return 0;
}

/* The address as given, with the port that was really bound. */
static void print_listener(const char *name, const char *given, uint16_t port)
{
        const char *colon = given ? strrchr(given, ':') : NULL;

        if (colon)
                printf(" %s=%.*s:%u", name, (int)(colon - given), given, port);
}

static void print_ready(const struct serve *serve)
{
        fputs("ready", stdout);
        print_listener("http", serve->options.http, server_http_port(serve->server));
        print_listener("https", serve->options.https, server_https_port(serve->server));
        print_listener("metrics", serve->options.metrics, server_metrics_port(serve->server));
        for (unsigned i = 0; i < (unsigned)serve->options.workers; i++)
                printf("%s%u", i == 0 ? " media=" : ",", sfu_port(serve->sfu, i));
        putchar('\n');
        fflush(stdout);
}

/* ---- end ---- */

static void close_handle(uv_handle_t *handle, void *user)
{
        (void)user;
        if (!uv_is_closing(handle))
                uv_close(handle, NULL);
}

/* What others call is freed after them; the async handle goes last, when no
 * thread is left that could wake it. */
static void end_all(struct serve *serve)
{
        server_free(serve->server);
        service_free(serve->app);
        serve->app = NULL;
        docs_free(serve->docs);
        jobs_free(serve->jobs);
        sfu_free(serve->sfu);
        reader_free(serve->reader);
        store_close(serve->store);
        media_close(serve->media);
        uv_walk(&serve->loop, close_handle, NULL);
        uv_run(&serve->loop, UV_RUN_DEFAULT);
        uv_loop_close(&serve->loop);
        turn_options_done(&serve->options.turn);
        free(serve->options.file_text);
}

int command_serve(int argc, char **argv)
{
        struct serve serve = { 0 };
        int code = read_options(&serve, argc, argv);

        if (code != 0) {
                turn_options_done(&serve.options.turn);
                free(serve.options.file_text);
                return code;
        }
        signal(SIGPIPE, SIG_IGN);
        umask(077);
        notify_open(&serve.notify);
        init_loop(&serve);
        snprintf(serve.error, sizeof(serve.error), "cannot start");
        if (start_all(&serve) == 0) {
                log_line(LOG_INFO, "main", "SRTP by %s", sfu_srtp_library());
                print_ready(&serve);
                notify_say(&serve.notify, "READY=1");
                uv_run(&serve.loop, UV_RUN_DEFAULT);
        } else {
                code = command_fail(EXIT_FAILURE, "%s", serve.error);
        }
        end_all(&serve);
        notify_close(&serve.notify);
        return code;
}
