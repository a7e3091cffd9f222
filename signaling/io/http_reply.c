/* SPDX-License-Identifier: Apache-2.0 */
/* http_reply — what leaves on a connection: heads, short bodies, files. */
#include "signaling/io/server_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "base/clock.h"
#include "base/fd.h"
#include "signaling/wire/http_fields.h"
#include "signaling/wire/http_range.h"

enum {
        HEAD_CAP = 8192,
        DISPOSITION_CAP = 2048,
        WRITES_PER_TURN = 8,
        TLS_RECORD = 16384, /* RFC 8446 §5.1 */
        BLOB_BYTES_PER_TURN = 256 * 1024,
};

/* Nothing from elsewhere, nothing inline, and nobody may frame the meeting. */
static const char policy_own[] =
        "Content-Security-Policy: default-src 'self'; img-src 'self' blob: data:; "
        "media-src 'self' blob:; worker-src 'none'; frame-ancestors 'none'\r\n";
/* What people uploaded must not run with the rights of our origin. */
static const char policy_sandbox[] =
        "Content-Security-Policy: sandbox; default-src 'none'; frame-ancestors 'none'\r\n";
static const char always[] =
        "X-Content-Type-Options: nosniff\r\n"
        "Referrer-Policy: no-referrer\r\n"
        "Permissions-Policy: camera=(self), microphone=(self), display-capture=(self)\r\n";

static const char our_origin[] = "Cross-Origin-Resource-Policy: same-origin\r\n";
/* A player may be on another site, and a CDN in between. */
static const char any_origin[] = "Cross-Origin-Resource-Policy: cross-origin\r\n"
                                 "Access-Control-Allow-Origin: *\r\n";

struct text {
        char *data;
        size_t len, cap;
        bool bad;
};

static void put(struct text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void put(struct text *text, const char *format, ...)
{
        size_t left = text->cap - text->len;
        va_list args;
        int n;

        va_start(args, format);
        n = vsnprintf(text->data + text->len, left, format, args);
        va_end(args);
        if (n < 0 || (size_t)n >= left)
                text->bad = true;
        else
                text->len += (size_t)n;
}

static const char *reason_of(int status)
{
        static const struct {
                int status;
                const char *reason;
        } reasons[] = {
                { 200, "OK" },
                { 201, "Created" },
                { 202, "Accepted" },
                { 204, "No Content" },
                { 206, "Partial Content" },
                { 304, "Not Modified" },
                { 400, "Bad Request" },
                { 401, "Unauthorized" },
                { 403, "Forbidden" },
                { 404, "Not Found" },
                { 405, "Method Not Allowed" },
                { 406, "Not Acceptable" },
                { 409, "Conflict" },
                { 410, "Gone" },
                { 412, "Precondition Failed" },
                { 413, "Content Too Large" },
                { 415, "Unsupported Media Type" },
                { 416, "Range Not Satisfiable" },
                { 422, "Unprocessable Content" },
                { 426, "Upgrade Required" },
                { 428, "Precondition Required" },
                { 429, "Too Many Requests" },
                { 431, "Request Header Fields Too Large" },
                { 500, "Internal Server Error" },
                { 501, "Not Implemented" },
                { 503, "Service Unavailable" },
                { 505, "HTTP Version Not Supported" },
                { 507, "Insufficient Storage" },
        };

        for (size_t i = 0; i < ARRAY_LEN(reasons); i++) {
                if (reasons[i].status == status)
                        return reasons[i].reason;
        }
        return "Other";
}

static void put_date(struct text *text)
{
        char date[64];
        time_t now = time(NULL);
        struct tm utc;

        gmtime_r(&now, &utc);
        strftime(date, sizeof(date), "%a, %d %b %Y %H:%M:%S GMT", &utc);
        put(text, "Date: %s\r\n", date);
}

/* Status line and everything that is the same on every answer. */
static void put_start(struct text *text, const struct http_conn *conn, int status, bool sandbox)
{
        const struct tls_ctx *tls = conn->server->tls;

        put(text, "HTTP/1.1 %d %s\r\n", status, reason_of(status));
        put_date(text);
        put(text, "Connection: %s\r\n", conn->close_after ? "close" : "keep-alive");
        put(text, "%s%s", sandbox ? policy_sandbox : policy_own, always);
        if (conn->listener == LISTEN_HTTPS && !tls_ctx_is_self_signed(tls))
                put(text, "Strict-Transport-Security: max-age=31536000\r\n");
}

static bool is_field_value(const char *value)
{
        for (; *value; value++) {
                if ((uint8_t)*value < 0x20 || *value == 0x7f)
                        return false;
        }
        return true;
}

static void put_headers(struct text *text, const struct http_header *headers, size_t n)
{
        for (size_t i = 0; i < n; i++) {
                if (!is_field_value(headers[i].name) || !is_field_value(headers[i].value))
                        text->bad = true;
                else
                        put(text, "%s: %s\r\n", headers[i].name, headers[i].value);
        }
}

void conn_output_clear(struct conn_output *out)
{
        closep(&out->file_fd);
        http_blob_unref(out->blob);
        free(out->data);
        *out = (struct conn_output){ .file_fd = -1 };
}

/* Hands head and body to the output. A connection without memory for its answer
 * ends: http_conn_on_writable() finds nothing to send. */
static void start_output(struct http_conn *conn, const struct text *head, struct span body)
{
        if (conn->head_only)
                body.len = 0;
        conn->replied = true;
        conn->deadline_us = clock_now_us() + WRITE_TIMEOUT_US;
        conn->out.data = malloc(head->len + body.len);
        if (conn->out.data) {
                memcpy(conn->out.data, head->data, head->len);
                if (body.len > 0)
                        memcpy(conn->out.data + head->len, body.data, body.len);
                conn->out.len = head->len + body.len;
        }
        lws_callback_on_writable(conn->wsi);
}

/* False when the request has its answer already: our bug, survived. */
static bool may_reply(struct http_conn *conn)
{
        if (conn->replied || conn->state == CONN_DRAIN || conn->state == CONN_WS) {
                log_line(LOG_ERROR, "http", "a request was answered twice; the second is dropped");
                return false;
        }
        /* What is still coming of the body would be taken for a request. */
        if (!conn->in.body_done)
                conn->close_after = true;
        return true;
}

void http_reply(struct http_conn *conn, const struct http_response *response)
{
        bool bodiless = response->status == 204 || response->status == 304;
        char buffer[HEAD_CAP];
        struct text head = { buffer, 0, sizeof(buffer), false };

        if (!may_reply(conn))
                return;
        put_start(&head, conn, response->status, false);
        put(&head, "%s", our_origin);
        put_headers(&head, response->headers, response->n_headers);
        if (response->content_type && !bodiless)
                put(&head, "Content-Type: %s\r\n", response->content_type);
        if (!bodiless)
                put(&head, "Content-Length: %zu\r\n",
                    response->content_type ? response->body.len : 0);
        put(&head, "\r\n");
        if (head.bad) {
                log_line(LOG_ERROR, "http", "an answer's header fields are too long or not text");
                http_reply_error(conn, 500, false);
                return;
        }
        start_output(conn, &head,
                     response->content_type && !bodiless ? response->body : (struct span){ 0 });
}

/* The nearest ErrorCode of the protocol's schema. */
static const char *code_of(int status)
{
        switch (status) {
        case 401:
        case 403:
                return "forbidden";
        case 404:
                return "not-found";
        case 413:
        case 431:
                return "too-large";
        case 429:
                return "too-fast";
        case 500:
                return "internal";
        case 503:
                return "busy";
        default:
                return "bad-message";
        }
}

void http_reply_error(struct http_conn *conn, int status, bool close_after)
{
        static const struct http_header uncached = { "Cache-Control", "no-store" };
        static const struct http_header retry = { "Retry-After", "10" };
        struct http_header headers[2] = { uncached, retry };
        char body[128];
        int n = snprintf(body, sizeof(body), "{\"code\":\"%s\",\"message\":\"%s\"}\n",
                         code_of(status), reason_of(status));

        conn->close_after |= close_after;
        http_reply(conn, &(struct http_response){
                                 .status = status,
                                 .content_type = "application/json",
                                 .body = { (const uint8_t *)body, (size_t)n },
                                 .headers = headers,
                                 .n_headers = status == 503 || status == 429 ? 2 : 1,
                         });
}

static int open_file(const char *path, int *ret_fd, uint64_t *ret_size)
{
        cleanup(closep) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
        struct stat st;

        if (fd < 0 || fstat(fd, &st) < 0)
                return -errno;
        if (!S_ISREG(st.st_mode))
                return -ENOENT;
        *ret_fd = take_fd(&fd);
        *ret_size = (uint64_t)st.st_size;
        return 0;
}

static int open_body(struct http_conn *conn, const struct http_file *file, uint64_t *ret_size)
{
        if (!file->blob)
                return open_file(file->path, &conn->out.file_fd, ret_size);
        conn->out.blob = http_blob_ref(file->blob);
        *ret_size = file->blob->len;
        return 0;
}

/* If-Range holds our strong tag or the range does not count (RFC 9110 §13.1.5). */
static enum http_range_kind choose_range(const struct http_request *req,
                                         const struct http_file *file, uint64_t size,
                                         uint64_t *ret_first, uint64_t *ret_last)
{
        if (!*req->range || req->method != HTTP_GET)
                return HTTP_RANGE_WHOLE;
        if (*req->if_range && (!file->etag || strcmp(req->if_range, file->etag) != 0))
                return HTTP_RANGE_WHOLE;
        return http_range_parse(req->range, size, ret_first, ret_last);
}

static void put_file_fields(struct text *head, const struct http_file *file)
{
        char disposition[DISPOSITION_CAP];

        if (file->etag)
                put(head, "ETag: %s\r\n", file->etag);
        if (file->cache_control)
                put(head, "Cache-Control: %s\r\n", file->cache_control);
        if (!file->download_name)
                return;
        if (http_disposition_write(disposition, sizeof(disposition), file->download_name) < 0)
                put(head, "Content-Disposition: attachment\r\n");
        else
                put(head, "Content-Disposition: %s\r\n", disposition);
}

/* The part of the head that tells which bytes come; returns the status. */
static int choose_bytes(struct http_conn *conn, const struct http_request *req,
                        const struct http_file *file, uint64_t size)
{
        uint64_t first = 0, last = 0;

        conn->out.body_at = 0;
        conn->out.body_left = size;
        if (file->etag && *req->if_none_match &&
            http_etag_matches(req->if_none_match, file->etag)) {
                conn->out.body_left = 0;
                return 304;
        }
        switch (choose_range(req, file, size, &first, &last)) {
        case HTTP_RANGE_PART:
                conn->out.body_at = first;
                conn->out.body_left = last - first + 1;
                return 206;
        case HTTP_RANGE_OUTSIDE:
                conn->out.body_left = 0;
                return 416;
        case HTTP_RANGE_WHOLE:
                break;
        }
        return 200;
}

static void put_length(struct text *head, const struct conn_output *out, int status, uint64_t size)
{
        if (status == 206)
                put(head, "Content-Range: bytes %" PRIu64 "-%" PRIu64 "/%" PRIu64 "\r\n",
                    out->body_at, out->body_at + out->body_left - 1, size);
        if (status == 416)
                put(head, "Content-Range: bytes */%" PRIu64 "\r\n", size);
        if (status != 304)
                put(head, "Content-Length: %" PRIu64 "\r\n", out->body_left);
}

void http_reply_file_with(struct http_conn *conn, const struct http_request *req,
                          const struct http_file *file, const char *extra)
{
        char buffer[HEAD_CAP];
        struct text head = { buffer, 0, sizeof(buffer), false };
        uint64_t size = 0;
        int status, r;

        if (!may_reply(conn))
                return;
        r = open_body(conn, file, &size);
        if (r < 0) {
                http_reply_error(conn, r == -ENOENT ? 404 : 500, false);
                return;
        }
        status = choose_bytes(conn, req, file, size);
        put_start(&head, conn, status, file->sandbox);
        put(&head, "%s", file->any_origin ? any_origin : our_origin);
        put_file_fields(&head, file);
        put(&head, "%s", extra);
        if (status == 200 || status == 206) {
                put(&head, "Accept-Ranges: bytes\r\nContent-Type: %s\r\n", file->content_type);
                if (file->content_encoding)
                        put(&head, "Content-Encoding: %s\r\n", file->content_encoding);
        }
        put_length(&head, &conn->out, status, size);
        put(&head, "\r\n");
        if (head.bad) {
                conn_output_clear(&conn->out);
                http_reply_error(conn, 500, false);
                return;
        }
        if (conn->head_only)
                conn->out.body_left = 0;
        start_output(conn, &head, (struct span){ 0 });
}

void http_reply_file(struct http_conn *conn, const struct http_request *req,
                     const struct http_file *file)
{
        http_reply_file_with(conn, req, file, "");
}

int conn_write(struct http_conn *conn, const uint8_t *data, size_t len)
{
        /* lws_write() does not change raw data; its parameter is not const. */
        int n = lws_write(conn->wsi, (unsigned char *)(uintptr_t)data, len, LWS_WRITE_RAW);

        if (n < 0)
                return -1;
        conn->server->counters.bytes_out += len;
        if (lws_partial_buffered(conn->wsi))
                conn_block(conn);
        return 0;
}

void conn_block(struct http_conn *conn)
{
        if (conn->blocked)
                return;
        conn->blocked = true;
        lws_rx_flow_control(conn->wsi, 0);
}

void conn_unblock(struct http_conn *conn)
{
        if (!conn->blocked || lws_partial_buffered(conn->wsi))
                return;
        conn->blocked = false;
        if (conn->state != CONN_ANSWER)
                lws_rx_flow_control(conn->wsi, 1);
}

/* Sends the next bytes, at most SERVER_IO_BYTES. */
static int send_some(struct http_conn *conn)
{
        struct conn_output *out = &conn->out;
        uint8_t *io = conn->server->io;
        size_t n;
        ssize_t got;

        if (out->sent < out->len) {
                n = out->len - out->sent;
                if (n > SERVER_IO_BYTES)
                        n = SERVER_IO_BYTES;
                out->sent += n;
                return conn_write(conn, out->data + out->sent - n, n);
        }
        n = out->body_left < SERVER_IO_BYTES ? (size_t)out->body_left : SERVER_IO_BYTES;
        got = pread(out->file_fd, io, n, (off_t)out->body_at);
        if (got <= 0)
                return -1; /* the file shrank: only closing tells the client */
        out->body_at += (uint64_t)got;
        out->body_left -= (uint64_t)got;
        return conn_write(conn, io, (size_t)got);
}

/* ---- bodies in memory: straight to the socket, because what it does not take now would be
 *      copied by libwebsockets, and it does not take most of a segment ---- */

/* Returns how much was taken, 0 when the socket is full, -1 when it is broken. */
static ssize_t send_plain(const struct http_conn *conn, struct span head, struct span body)
{
        struct iovec parts[] = { { (void *)(uintptr_t)head.data, head.len },
                                 { (void *)(uintptr_t)body.data, body.len } };
        const struct msghdr message = { .msg_iov = parts, .msg_iovlen = ARRAY_LEN(parts) };
        ssize_t n = sendmsg(lws_get_socket_fd(conn->wsi), &message, MSG_DONTWAIT | MSG_NOSIGNAL);

        return n < 0 && (errno == EAGAIN || errno == EINTR) ? 0 : n;
}

/* One record. The head shares its first with the body: a record of its own would be a packet
 * of its own. A record that the socket did not take is made from the same bytes again. */
static ssize_t send_record(const struct http_conn *conn, struct span head, struct span body)
{
        SSL *ssl = lws_get_ssl(conn->wsi);
        uint8_t *io = conn->server->io;
        const uint8_t *from = body.data;
        size_t len = body.len < TLS_RECORD ? body.len : TLS_RECORD, sent = 0;

        if (head.len > 0) {
                size_t room = SERVER_IO_BYTES - head.len;

                len = len < room ? len : room;
                memcpy(io, head.data, head.len);
                if (len > 0)
                        memcpy(io + head.len, body.data, len);
                len += head.len;
                len = len < TLS_RECORD ? len : TLS_RECORD;
                from = io;
        }
        ERR_clear_error();
        if (SSL_write_ex(ssl, from, len, &sent) == 1)
                return (ssize_t)sent;
        return SSL_get_error(ssl, 0) == SSL_ERROR_WANT_WRITE ? 0 : -1;
}

/* Returns 0 when all of it is out, 1 when the rest has to wait, -1 when it broke. */
static int send_blob(struct http_conn *conn)
{
        struct conn_output *out = &conn->out;
        ssize_t n = 0;

        for (size_t turn = 0; turn < BLOB_BYTES_PER_TURN; turn += (size_t)n) {
                struct span head = { out->data + out->sent, out->len - out->sent };
                struct span body = { out->blob->data + out->body_at, (size_t)out->body_left };
                size_t of_head;

                if (head.len + body.len == 0)
                        return 0;
                n = lws_get_ssl(conn->wsi) ? send_record(conn, head, body)
                                           : send_plain(conn, head, body);
                if (n < 0)
                        return -1;
                if (n == 0)
                        break;
                conn->server->counters.bytes_out += (uint64_t)n;
                conn->server->counters.live_bytes_out += (uint64_t)n;
                of_head = (size_t)n < head.len ? (size_t)n : head.len;
                out->sent += of_head;
                out->body_at += (uint64_t)n - of_head;
                out->body_left -= (uint64_t)n - of_head;
        }
        return 1;
}

static bool has_output(const struct conn_output *out)
{
        return out->sent < out->len || out->body_left > 0;
}

/* As send_blob(), from wherever the bytes are. */
static int send_output(struct http_conn *conn)
{
        if (conn->out.blob)
                return send_blob(conn);
        for (int i = 0; i < WRITES_PER_TURN && has_output(&conn->out); i++) {
                if (lws_partial_buffered(conn->wsi))
                        return 1;
                if (send_some(conn) < 0)
                        return -1;
        }
        return has_output(&conn->out) || lws_partial_buffered(conn->wsi);
}

int http_conn_on_writable(struct http_conn *conn)
{
        int r;

        conn_unblock(conn);
        if (!conn->replied)
                return 0;
        if (conn->out.len == 0)
                return -1;
        conn->deadline_us = clock_now_us() + WRITE_TIMEOUT_US;
        r = lws_partial_buffered(conn->wsi) ? 1 : send_output(conn);
        if (r < 0)
                return -1;
        if (r > 0) {
                /* While lws has a remainder, it calls again by itself. */
                if (!lws_partial_buffered(conn->wsi))
                        lws_callback_on_writable(conn->wsi);
                return 0;
        }
        if (conn->close_after) {
                http_conn_drain(conn);
                return 0;
        }
        return http_conn_next(conn);
}
