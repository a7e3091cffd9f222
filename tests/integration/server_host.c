/* SPDX-License-Identifier: Apache-2.0 */
/*
 * server_host — signaling/io/server with a small handler, for
 * server.test.mjs to speak to over real sockets.
 *
 * server_host HTTP HTTPS METRICS CERT KEY WEB_DIR FILES_DIR MAX_CONNECTIONS TRUSTED [LIVE_DIR]
 * ("-" for none; LIVE_DIR is served as the stream LIVE_KEY_OF_TEST). Prints "ready HTTP HTTPS METRICS" (ports); SIGHUP reloads the
 * certificate, SIGUSR1 stops listening, SIGTERM ends.
 * server_host DIR makes a certificate there.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "signaling/io/server.h"
#include "signaling/io/tls_cert.h"

#define LIVE_KEY_OF_TEST "live-key-of-this-test_"

enum { MAX_WS = 4096 };

struct host {
        uv_loop_t loop;
        struct server *server;
        const char *files_dir;
        struct ws_conn *ws[MAX_WS];
        size_t n_ws;
        unsigned open_requests; /* on_request_head without on_http_close */
        unsigned texts;
        uv_signal_t on_term, on_hup, on_usr1;
};

struct upload {
        uint64_t bytes;
        bool stop;
};

struct late_reply {
        uv_timer_t timer;
        struct http_conn *conn;
};

static void reply_text(struct http_conn *conn, int status, const char *text)
{
        http_reply(conn,
                   &(struct http_response){ .status = status,
                                            .content_type = "text/plain; charset=utf-8",
                                            .body = { (const uint8_t *)text, strlen(text) } });
}

static enum http_body_mode on_request_head(void *user, struct http_conn *conn,
                                           const struct http_request *req)
{
        struct host *host = user;

        host->open_requests++;
        if (!strcmp(req->path, "/refuse")) {
                reply_text(conn, 403, "not yours");
                return HTTP_BODY_REFUSED;
        }
        if (!strcmp(req->path, "/upload") || !strcmp(req->path, "/stop")) {
                struct upload *upload = calloc(1, sizeof(*upload));

                upload->stop = !strcmp(req->path, "/stop");
                http_set_user(conn, upload);
                return HTTP_BODY_STREAM;
        }
        return HTTP_BODY_GATHER;
}

static void on_late_closed(uv_handle_t *handle)
{
        free(handle);
}

static void on_late(uv_timer_t *timer)
{
        struct late_reply *late = timer->data;

        if (late->conn) {
                http_set_user(late->conn, NULL);
                reply_text(late->conn, 200, "late");
        }
        uv_close((uv_handle_t *)timer, on_late_closed);
}

static void reply_later(struct host *host, struct http_conn *conn)
{
        struct late_reply *late = calloc(1, sizeof(*late));

        late->conn = conn;
        uv_timer_init(&host->loop, &late->timer);
        late->timer.data = late;
        uv_timer_start(&late->timer, on_late, 200, 0);
        http_set_user(conn, late);
}

static void reply_counters(struct host *host, struct http_conn *conn)
{
        struct server_counters c;
        char text[512];

        server_counters(host->server, &c);
        snprintf(text, sizeof(text),
                 "{\"requests\":%llu,\"refused\":%llu,\"bad\":%llu,\"wsSlow\":%llu,\"viewers\":%u,"
                 "\"connections\":%u,\"ws\":%u,\"open\":%u,\"texts\":%u,\"registered\":%zu}",
                 (unsigned long long)c.requests, (unsigned long long)c.refused_limits,
                 (unsigned long long)c.bad_requests, (unsigned long long)c.ws_slow_closed,
                 server_live_viewers(host->server, LIVE_KEY_OF_TEST), c.connections,
                 c.ws_connections, host->open_requests, host->texts, host->n_ws);
        reply_text(conn, 200, text);
}

static void reply_about(struct http_conn *conn, const struct http_request *req)
{
        char text[1024], q[64] = "", cookie[64] = "";

        if (http_query_get(req, "q", q, sizeof(q)) < 0)
                snprintf(q, sizeof(q), "-");
        if (http_cookie_get(req, "c", cookie, sizeof(cookie)) < 0)
                snprintf(cookie, sizeof(cookie), "-");
        snprintf(text, sizeof(text), "%d|%s|%s|%s|%s|%d|%d|%zu|%s", req->method, req->path, q,
                 cookie, req->remote, req->tls, req->metrics_port, req->body.len, req->origin);
        reply_text(conn, 200, text);
}

static void reply_a_file(struct host *host, struct http_conn *conn, const struct http_request *req)
{
        char path[512];
        struct http_file file = { .path = path,
                                  .content_type = "application/octet-stream",
                                  .etag = "\"v1\"",
                                  .cache_control = "private",
                                  .download_name = "Báo cáo \"quý\" 1.bin",
                                  .sandbox = true };

        snprintf(path, sizeof(path), "%s/%s", host->files_dir, req->path + strlen("/files/"));
        http_reply_file(conn, req, &file);
}

static void on_request(void *user, struct http_conn *conn, const struct http_request *req)
{
        struct host *host = user;

        if (!strncmp(req->path, "/files/", 7))
                reply_a_file(host, conn, req);
        else if (!strcmp(req->path, "/late"))
                reply_later(host, conn);
        else if (!strcmp(req->path, "/counters"))
                reply_counters(host, conn);
        else if (!strncmp(req->path, "/about", 6))
                reply_about(conn, req);
        else if (!strcmp(req->path, "/echo"))
                http_reply(conn, &(struct http_response){ .status = 200,
                                                          .content_type = "text/plain",
                                                          .body = req->body });
        else if (req->method == HTTP_DELETE || req->method == HTTP_OPTIONS)
                http_reply(conn, &(struct http_response){ .status = 204 });
        else
                reply_text(conn, 404, "nothing here");
}

static bool on_upload_data(void *user, struct http_conn *conn, const uint8_t *data, size_t len)
{
        struct upload *upload = http_user(conn);

        (void)user;
        (void)data;
        upload->bytes += len;
        if (upload->stop && upload->bytes > 65536) {
                reply_text(conn, 507, "disk full");
                return false;
        }
        return true;
}

static void on_upload_end(void *user, struct http_conn *conn)
{
        const struct upload *upload = http_user(conn);
        char text[32];

        (void)user;
        snprintf(text, sizeof(text), "%llu", (unsigned long long)upload->bytes);
        reply_text(conn, 201, text);
}

static void on_http_close(void *user, struct http_conn *conn)
{
        struct host *host = user;

        host->open_requests--;
        /* A late reply still waiting is freed by its timer; an upload here. */
        if (http_user(conn)) {
                struct late_reply *late = http_user(conn);

                if (uv_is_active((uv_handle_t *)&late->timer) && late->timer.data == late)
                        late->conn = NULL;
                else
                        free(late);
        }
}

static int on_ws_open(void *user, struct ws_conn *conn, const struct http_request *req)
{
        struct host *host = user;

        if (strstr(req->query, "refuse") || host->n_ws == MAX_WS)
                return 401;
        host->ws[host->n_ws++] = conn;
        return 0;
}

static void send_all(struct host *host, size_t bytes)
{
        char *body = malloc(bytes);
        struct ws_text *text;

        memset(body, 'x', bytes);
        text = ws_text_new(body, bytes);
        host->texts++;
        for (size_t i = 0; i < host->n_ws; i++)
                ws_send(host->ws[i], text);
        ws_text_unref(text);
        free(body);
}

static void on_ws_text(void *user, struct ws_conn *conn, const char *text, size_t len)
{
        struct host *host = user;
        struct ws_text *echo;
        char bytes[16] = "";

        if (len > 4 && len - 4 < sizeof(bytes) && !memcmp(text, "all ", 4)) {
                memcpy(bytes, text + 4, len - 4);
                send_all(host, (size_t)atoi(bytes));
                return;
        }
        if (len == 5 && !memcmp(text, "close", 5)) {
                ws_close(conn, 4001, "tạm biệt");
                return;
        }
        echo = ws_text_new(text, len);
        ws_send(conn, echo);
        ws_text_unref(echo);
}

static void on_ws_close(void *user, struct ws_conn *conn)
{
        struct host *host = user;

        for (size_t i = 0; i < host->n_ws; i++) {
                if (host->ws[i] == conn) {
                        host->ws[i] = host->ws[--host->n_ws];
                        return;
                }
        }
}

static void on_signal(uv_signal_t *handle, int signum)
{
        struct host *host = handle->data;

        if (signum == SIGTERM)
                uv_stop(&host->loop);
        else if (signum == SIGUSR1)
                server_stop_listening(host->server);
        else
                printf("reload %d\n", server_reload_certificate(host->server));
        fflush(stdout);
}

static void watch(struct host *host, uv_signal_t *handle, int signum)
{
        uv_signal_init(&host->loop, handle);
        handle->data = host;
        uv_signal_start(handle, on_signal, signum);
}

static const char *given(const char *arg)
{
        return strcmp(arg, "-") ? arg : NULL;
}

static int serve(struct host *host, char **argv, const char *live_dir)
{
        struct server_config config = { .http = given(argv[1]),
                                        .https = given(argv[2]),
                                        .metrics = given(argv[3]),
                                        .cert_path = given(argv[4]),
                                        .key_path = given(argv[5]),
                                        .web_dir = given(argv[6]),
                                        .max_connections = (unsigned)atoi(argv[8]),
                                        .trusted_proxy = given(argv[9]) };
        struct server_handler handler = { host,           on_request_head, on_request,
                                          on_upload_data, on_upload_end,   on_http_close,
                                          on_ws_open,     on_ws_text,      on_ws_close };
        char error[256];

        host->files_dir = argv[7];
        if (server_new(&host->server, &host->loop, &config, &handler, error, sizeof(error)) < 0) {
                fprintf(stderr, "server_host: %s\n", error);
                return 1;
        }
        if (live_dir && server_live_open(host->server, LIVE_KEY_OF_TEST, live_dir) < 0) {
                fprintf(stderr, "server_host: %s is no folder\n", live_dir);
                return 1;
        }
        watch(host, &host->on_term, SIGTERM);
        watch(host, &host->on_hup, SIGHUP);
        watch(host, &host->on_usr1, SIGUSR1);
        printf("ready %u %u %u\n", server_http_port(host->server), server_https_port(host->server),
               server_metrics_port(host->server));
        fflush(stdout);
        uv_run(&host->loop, UV_RUN_DEFAULT);
        host->server = server_free(host->server);
        printf("ended open=%u ws=%zu\n", host->open_requests, host->n_ws);
        fflush(stdout);
        return 0;
}

int main(int argc, char **argv)
{
        struct host *host = calloc(1, sizeof(*host));
        int status;

        if (argc == 2 && host) {
                char cert[512], key[512];

                free(host);
                return tls_cert_ensure(argv[1], cert, key, sizeof(cert)) < 0;
        }
        if (argc < 10 || argc > 11 || !host) {
                fprintf(stderr, "server_host: nine arguments or ten\n");
                return 2;
        }
        uv_loop_init(&host->loop);
        status = serve(host, argv, argc > 10 ? argv[10] : NULL);
        if (status == 0) {
                uv_close((uv_handle_t *)&host->on_term, NULL);
                uv_close((uv_handle_t *)&host->on_hup, NULL);
                uv_close((uv_handle_t *)&host->on_usr1, NULL);
        }
        uv_run(&host->loop, UV_RUN_DEFAULT);
        uv_loop_close(&host->loop);
        free(host);
        return status;
}
