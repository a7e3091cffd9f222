/* SPDX-License-Identifier: Apache-2.0 */
/* http_conn — what arrives on a connection: heads, bodies, what to drop. */
#include "signaling/io/server_priv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include <openssl/err.h>

#include "base/clock.h"
#include "signaling/wire/http_fields.h"
#include "signaling/wire/http_uri.h"

enum { HEAD_FIRST_BYTES = 1024, BODY_FIRST_BYTES = 4096 };

int http_query_get(const struct http_request *req, const char *key, char *ret, size_t cap)
{
        return http_query_find(req->query, key, ret, cap);
}

int http_cookie_get(const struct http_request *req, const char *name, char *ret, size_t cap)
{
        return http_cookie_find(req->cookie, name, ret, cap);
}

void http_set_user(struct http_conn *conn, void *user)
{
        conn->user = user;
}

void *http_user(const struct http_conn *conn)
{
        return conn->user;
}

/* Grows *data to hold need bytes, at most max. Returns 0 or -ENOMEM. */
static int reserve(uint8_t **data, size_t *cap, size_t need, size_t first, size_t max)
{
        size_t grown = *cap ? *cap : first;
        uint8_t *more;

        if (need <= *cap)
                return 0;
        while (grown < need)
                grown *= 2;
        if (grown > max)
                grown = max;
        more = realloc(*data, grown);
        if (!more)
                return -ENOMEM;
        *data = more;
        *cap = grown;
        return 0;
}

/* Reading goes off until the answer is out, so that the kernel's buffers hold
 * back a client that sends on. */
static void await_answer(struct http_conn *conn)
{
        conn->state = CONN_ANSWER;
        if (!conn->replied)
                conn->deadline_us = clock_now_us() + HANDLER_TIMEOUT_US;
        lws_rx_flow_control(conn->wsi, 0);
}

static void refuse_head(struct http_conn *conn, int status)
{
        conn->server->counters.bad_requests++;
        log_limited(&conn->server->bad_log, LOG_WARN, "http", "bad request answered with %d",
                    status);
        conn->in.body_done = true;
        http_reply_error(conn, status, true);
        await_answer(conn);
}

static int status_of(int err)
{
        switch (err) {
        case HTTP_E_VERSION:
                return 505;
        case HTTP_E_FIELDS:
                return 431;
        case HTTP_E_CODING:
                return 501;
        default:
                return 400;
        }
}

static int find_method(const char *name, enum http_method *ret_method)
{
        static const char *const names[] = {
                [HTTP_GET] = "GET",        [HTTP_HEAD] = "HEAD",   [HTTP_POST] = "POST",
                [HTTP_PUT] = "PUT",        [HTTP_PATCH] = "PATCH", [HTTP_DELETE] = "DELETE",
                [HTTP_OPTIONS] = "OPTIONS"
        };

        for (size_t i = 0; i < ARRAY_LEN(names); i++) {
                if (!strcmp(name, names[i])) {
                        *ret_method = (enum http_method)i;
                        return 0;
                }
        }
        return -ENOENT;
}

/* Who is it, seen through a trusted proxy? */
static void set_remote(struct http_conn *conn)
{
        const struct server *server = conn->server;
        uint8_t address[16];

        memcpy(address, conn->peer, sizeof(address));
        conn->req.tls = conn->listener == LISTEN_HTTPS;
        if (server->has_trusted && cidr_contains(&server->trusted, conn->peer)) {
                const char *proto = conn->head.field[HTTP_F_X_FORWARDED_PROTO];

                peer_client(address, conn->peer, &server->trusted,
                            conn->head.field[HTTP_F_X_FORWARDED_FOR]);
                conn->req.tls |= !strcasecmp(proto, "https");
        }
        peer_format(conn->remote, address);
}

static void fill_request(struct http_conn *conn, enum http_method method)
{
        const char *const *field = conn->head.field;

        conn->req = (struct http_request){
                .method = method,
                .path = conn->head.path,
                .query = conn->head.query,
                .host = field[HTTP_F_HOST],
                .origin = field[HTTP_F_ORIGIN],
                .cookie = field[HTTP_F_COOKIE],
                .authorization = field[HTTP_F_AUTHORIZATION],
                .content_type = field[HTTP_F_CONTENT_TYPE],
                .if_match = field[HTTP_F_IF_MATCH],
                .if_none_match = field[HTTP_F_IF_NONE_MATCH],
                .range = field[HTTP_F_RANGE],
                .if_range = field[HTTP_F_IF_RANGE],
                .accept_encoding = field[HTTP_F_ACCEPT_ENCODING],
                .accept_language = field[HTTP_F_ACCEPT_LANGUAGE],
                .content_length = conn->head.content_length,
                .remote = conn->remote,
                .metrics_port = conn->listener == LISTEN_METRICS,
        };
        set_remote(conn);
}

/* True when the file was one of the web client's and is answered. */
static bool serve_static(struct http_conn *conn)
{
        struct http_file file;

        if (!conn->server->files || conn->req.metrics_port || conn->req.method > HTTP_HEAD ||
            !static_files_find(conn->server->files, conn->req.path, conn->req.accept_encoding,
                               &file))
                return false;
        http_reply_file_with(conn, &conn->req, &file, "Vary: Accept-Encoding\r\n");
        return true;
}

static void refuse_live(struct http_conn *conn, int status)
{
        static const struct http_header headers[] = {
                { "Access-Control-Allow-Origin", "*" },
                { "Access-Control-Allow-Methods", "GET, HEAD" },
                { "Access-Control-Allow-Headers", "Range" },
                { "Access-Control-Max-Age", "86400" },
                { "Allow", "GET, HEAD, OPTIONS" },
                { "Cache-Control", "max-age=1" },
        };

        http_reply(conn, &(struct http_response){ .status = status,
                                                  .content_type = "text/plain; charset=utf-8",
                                                  .headers = headers,
                                                  .n_headers = ARRAY_LEN(headers) });
}

static void reply_live(struct http_conn *conn, const struct http_file *file)
{
        if (!conn->is_viewer)
                conn->is_viewer = peer_entry_to_viewer(conn->peer_entry,
                                                       SERVER_VIEWERS_PER_ADDRESS);
        http_reply_file(conn, &conn->req, file);
}

/* True when the path is below /live/; it is answered. */
static bool serve_live(struct http_conn *conn)
{
        const struct http_request *req = &conn->req;
        struct live_path path;
        struct http_file file;

        if (req->metrics_port || strncmp(req->path, "/live/", 6) != 0)
                return false;
        conn->server->counters.live_requests++;
        if (req->method == HTTP_OPTIONS)
                refuse_live(conn, 204);
        else if (req->method > HTTP_HEAD)
                refuse_live(conn, 405);
        else if (live_path_parse(&path, req->path) < 0 ||
                 live_files_find(conn->server->live, &path, clock_now_us(), &file) < 0)
                refuse_live(conn, 404);
        else
                reply_live(conn, &file);
        return true;
}

static void on_body_complete(struct http_conn *conn)
{
        const struct server_handler *handler = &conn->server->handler;

        conn->in.body_done = true;
        await_answer(conn);
        if (conn->replied)
                return;
        conn->req.body = (struct span){ conn->in.body, conn->in.body_len };
        if (conn->mode == HTTP_BODY_STREAM)
                handler->on_upload_end(handler->user, conn);
        else
                handler->on_request(handler->user, conn, &conn->req);
}

static int send_continue(struct http_conn *conn)
{
        static const char text[] = "HTTP/1.1 100 Continue\r\n\r\n";

        return conn_write(conn, (const uint8_t *)text, sizeof(text) - 1);
}

/* A body may pause, and has to go on at BODY_MIN_BYTES_PER_S over all: a byte now
 * and then must not hold a connection, and one of the few uploads, for days. */
static void await_body(struct http_conn *conn)
{
        int64_t now_us = clock_now_us();
        int64_t earned_us = conn->in.body_seen * SECONDS_US / BODY_MIN_BYTES_PER_S;
        int64_t end_us = conn->in.body_since_us + BODY_TIMEOUT_US + earned_us;

        conn->deadline_us = now_us + BODY_TIMEOUT_US < end_us ? now_us + BODY_TIMEOUT_US : end_us;
}

static int start_body(struct http_conn *conn)
{
        conn->state = CONN_BODY;
        conn->in.body_since_us = clock_now_us();
        await_body(conn);
        if (conn->mode == HTTP_BODY_GATHER && conn->in.body_left > SERVER_MAX_BODY)
                http_reply_error(conn, 413, true);
        if (conn->head.expect_continue && !conn->replied)
                return send_continue(conn);
        return 0;
}

static int dispatch(struct http_conn *conn)
{
        const struct server_handler *handler = &conn->server->handler;

        conn->in_handler = true;
        conn->mode = handler->on_request_head(handler->user, conn, &conn->req);
        if (conn->mode == HTTP_BODY_REFUSED && !conn->replied)
                http_reply_error(conn, 500, true);
        if (!conn->in.body_done)
                return start_body(conn);
        if (conn->replied)
                await_answer(conn);
        else
                on_body_complete(conn);
        return 0;
}

/* A head is in: everything that does not need the handler, then the handler. */
static int on_head(struct http_conn *conn)
{
        enum http_method method;
        int err = http_head_parse(&conn->head, (char *)conn->in.head, conn->in.head_len);

        conn->server->counters.requests++;
        if (err) {
                refuse_head(conn, status_of(err));
                return 0;
        }
        if (find_method(conn->head.method, &method) < 0) {
                refuse_head(conn, 501);
                return 0;
        }
        if (http_path_decode(conn->head.path) < 0) {
                refuse_head(conn, 400);
                return 0;
        }
        fill_request(conn, method);
        conn->head_only = method == HTTP_HEAD;
        conn->close_after = !conn->head.keep_alive;
        conn->in.is_chunked = conn->head.chunked;
        conn->in.body_left = conn->head.content_length > 0 ? conn->head.content_length : 0;
        conn->in.body_done = !conn->in.is_chunked && conn->in.body_left == 0;
        if (conn->refuse_status)
                http_reply_error(conn, conn->refuse_status, true);
        else if (!strcmp(conn->req.path, "/ws") && !conn->req.metrics_port)
                ws_conn_accept(conn);
        else if (!serve_live(conn) && !serve_static(conn))
                return dispatch(conn);
        if (conn->state == CONN_HEAD) {
                if (!conn->in.body_done)
                        return start_body(conn);
                await_answer(conn);
        }
        return 0;
}

static int take_head(struct http_conn *conn, const uint8_t *data, size_t len, size_t *ret_used)
{
        struct conn_input *in = &conn->in;
        size_t old = in->head_len, n = len, whole;

        if (n > HTTP_HEAD_MAX - old)
                n = HTTP_HEAD_MAX - old;
        if (reserve(&in->head, &in->head_cap, old + n, HEAD_FIRST_BYTES, HTTP_HEAD_MAX) < 0)
                return -1;
        memcpy(in->head + old, data, n);
        in->head_len += n;
        whole = http_head_length(in->head, in->head_len, old);
        *ret_used = n;
        if (whole) {
                *ret_used = whole - old;
                in->head_len = whole;
                return on_head(conn);
        }
        if (in->head_len == HTTP_HEAD_MAX) {
                conn->server->counters.requests++;
                refuse_head(conn, 431);
        } else if (old == 0) {
                conn->deadline_us = clock_now_us() + HEAD_TIMEOUT_US;
        }
        return 0;
}

/* RFC 9112 §2.2: empty lines before a request line are to be ignored. */
static int on_head_bytes(struct http_conn *conn, const uint8_t *data, size_t len, size_t *ret_used)
{
        size_t skipped = 0;

        while (conn->in.head_len == 0 && skipped < len &&
               (data[skipped] == '\r' || data[skipped] == '\n'))
                skipped++;
        *ret_used = 0;
        if (skipped < len && take_head(conn, data + skipped, len - skipped, ret_used) < 0)
                return -1;
        *ret_used += skipped;
        return 0;
}

static void on_body_data(struct http_conn *conn, const uint8_t *data, size_t len)
{
        const struct server_handler *handler = &conn->server->handler;
        struct conn_input *in = &conn->in;

        if (conn->replied || len == 0)
                return; /* refused: the rest is dropped */
        if (conn->mode == HTTP_BODY_STREAM) {
                if (!handler->on_upload_data(handler->user, conn, data, len) && !conn->replied)
                        http_reply_error(conn, 500, true);
                return;
        }
        if (len > SERVER_MAX_BODY - in->body_len) {
                http_reply_error(conn, 413, true);
                return;
        }
        if (reserve(&in->body, &in->body_cap, in->body_len + len, BODY_FIRST_BYTES,
                    SERVER_MAX_BODY) < 0) {
                http_reply_error(conn, 503, true);
                return;
        }
        memcpy(in->body + in->body_len, data, len);
        in->body_len += len;
}

static int on_body(struct http_conn *conn, const uint8_t *data, size_t len, size_t *ret_used)
{
        struct conn_input *in = &conn->in;
        struct span body = { data, len };
        bool done = false;

        if (in->is_chunked) {
                if (http_chunked_next(&in->chunked, data, len, ret_used, &body, &done) < 0) {
                        if (conn->replied)
                                return -1;
                        http_reply_error(conn, 400, true);
                        await_answer(conn);
                        return 0;
                }
        } else {
                if (body.len > (uint64_t)in->body_left)
                        body.len = (size_t)in->body_left;
                in->body_left -= (int64_t)body.len;
                *ret_used = body.len;
                done = in->body_left == 0;
        }
        in->body_seen += (int64_t)body.len;
        if (!conn->replied)
                await_body(conn);
        on_body_data(conn, body.data, body.len);
        if (done)
                on_body_complete(conn);
        return 0;
}

/* The next request came before this one's answer: keep a head's worth. More is
 * not needed by anyone honest; then the connection ends with the answer. */
static int hold(struct http_conn *conn, const uint8_t *data, size_t len)
{
        struct conn_input *in = &conn->in;
        uint8_t *held;

        if (conn->close_after || len > HTTP_HEAD_MAX - in->held_len) {
                conn->close_after = true;
                return 0;
        }
        held = realloc(in->held, in->held_len + len);
        if (!held)
                return -1;
        memcpy(held + in->held_len, data, len);
        in->held = held;
        in->held_len += len;
        return 0;
}

int http_conn_on_data(struct http_conn *conn, const uint8_t *data, size_t len)
{
        while (len > 0) {
                size_t used = len;
                int r = 0;

                switch (conn->state) {
                case CONN_HEAD:
                        r = on_head_bytes(conn, data, len, &used);
                        break;
                case CONN_BODY:
                        r = on_body(conn, data, len, &used);
                        break;
                case CONN_ANSWER:
                        r = hold(conn, data, len);
                        break;
                case CONN_DRAIN:
                        conn->drained += (int64_t)len;
                        r = conn->drained > DRAIN_MAX_BYTES ? -1 : 0;
                        break;
                case CONN_WS:
                        r = ws_conn_on_data(conn, data, len);
                        break;
                }
                if (r < 0)
                        return -1;
                data += used;
                len -= used;
        }
        return 0;
}

void http_conn_end_request(struct http_conn *conn)
{
        struct conn_input *in = &conn->in;

        if (conn->in_handler) {
                conn->in_handler = false;
                conn->server->handler.on_http_close(conn->server->handler.user, conn);
        }
        free(in->head);
        free(in->body);
        *in = (struct conn_input){ .held = in->held, .held_len = in->held_len };
        conn_output_clear(&conn->out);
        conn->user = NULL;
        conn->replied = conn->head_only = false;
}

void http_conn_drain(struct http_conn *conn)
{
        bool body_left = !conn->in.body_done && conn->state == CONN_BODY;
        SSL *ssl = lws_get_ssl(conn->wsi);

        http_conn_end_request(conn);
        free(conn->in.held);
        conn->in.held = NULL;
        conn->in.held_len = 0;
        conn->state = CONN_DRAIN;
        conn->deadline_us = clock_now_us() + (body_left ? DRAIN_BODY_TIMEOUT_US : DRAIN_TIMEOUT_US);
        if (ssl && SSL_shutdown(ssl) < 0)
                ERR_clear_error();
        shutdown(lws_get_socket_fd(conn->wsi), SHUT_WR);
        lws_rx_flow_control(conn->wsi, 1);
}

int http_conn_next(struct http_conn *conn)
{
        uint8_t *held = take_ptr(conn->in.held);
        size_t len = conn->in.held_len;
        int r;

        conn->in.held_len = 0;
        http_conn_end_request(conn);
        conn->state = CONN_HEAD;
        conn->deadline_us = clock_now_us() + IDLE_TIMEOUT_US;
        lws_rx_flow_control(conn->wsi, 1);
        r = http_conn_on_data(conn, held, len);
        free(held);
        return r;
}
