/* SPDX-License-Identifier: Apache-2.0 */
/*
 * server — HTTP/1.1 and WebSocket on libwebsockets: listening, TLS, limits,
 *          headers, streaming. It knows no meeting: what a request means is the
 *          handler's business.
 *
 * Layer:  signaling/io.
 * Owner:  main; one per process.
 * Thread: the signalling thread's uv loop. Every function and callback here
 *         runs on it.
 *
 * Invariants:
 *  (1) each request gets exactly one answer, with the security headers (CSP,
 *      nosniff, no-referrer) on every one of them.
 *  (2) a connection's identity (struct http_conn, struct ws_conn) is valid from
 *      its first callback until its on_close returns; on_close always comes.
 *  (3) everything a client can make us hold is bounded: headers, bodies, queued
 *      output, connections in all and per address, time to send headers.
 */
#ifndef SIGNALING_IO_SERVER_H
#define SIGNALING_IO_SERVER_H

#include <uv.h>

#include "base/base.h"

enum {
        SERVER_MAX_BODY = 512 * 1024,                 /* gathered bodies; uploads are streamed */
        SERVER_MAX_WS_MESSAGE = 300 * 1024,           /* an SDP offer fits */
        SERVER_WS_MAX_QUEUED_BYTES = 8 * 1024 * 1024, /* the welcome to a full meeting is 4.5 MB */
        SERVER_WS_MAX_QUEUED = 8192, /* messages; a slower reader is closed (1013) */
};

struct server;
struct http_conn;
struct ws_conn;

enum http_method {
        HTTP_GET,
        HTTP_HEAD,
        HTTP_POST,
        HTTP_PUT,
        HTTP_PATCH,
        HTTP_DELETE,
        HTTP_OPTIONS
};

/* Borrowed by the callback it is given to. Absent strings are "". */
struct http_request {
        enum http_method method;
        const char *path;  /* decoded once, no query, no "..", starts with "/" */
        const char *query; /* raw, without "?" */
        const char *host, *origin, *cookie, *authorization, *content_type;
        const char *if_match, *if_none_match, *range, *if_range, *accept_encoding, *accept_language;
        int64_t content_length; /* -1: none or chunked */
        const char *remote;     /* client address; from X-Forwarded-For behind --trusted-proxy */
        bool tls;               /* or X-Forwarded-Proto: https behind a trusted proxy */
        bool metrics_port;      /* came in on the --metrics listener */
        struct span body;       /* whole body, on_request only */
};

/* Value of one query parameter, percent-decoded, as UTF-8 without NUL.
 * Returns 0, -ENOENT, or -EINVAL (bad encoding, too long). */
must_use int http_query_get(const struct http_request *req, const char *key, char *ret, size_t cap);
/* Value of one cookie. Returns 0 or -ENOENT. */
must_use int http_cookie_get(const struct http_request *req, const char *name, char *ret,
                             size_t cap);

struct http_header {
        const char *name, *value;
};

struct http_response {
        int status;
        const char *content_type;          /* NULL: no body */
        struct span body;                  /* copied */
        const struct http_header *headers; /* more of them, copied */
        size_t n_headers;
};
/* Answers. May be called inside on_request / on_upload_end, or later. An answer
 * before the body's end closes the connection after it; what is left of the
 * body is read and dropped for a while, so that the client gets to see it. */
void http_reply(struct http_conn *conn, const struct http_response *response);

struct http_blob; /* io/http_blob.h */

struct http_file {
        const char *path;
        struct http_blob *blob; /* the file's bytes, instead of path; a reference is taken */
        const char *content_type;
        const char *etag; /* quoted; NULL: none */
        const char *cache_control;
        const char *download_name;    /* UTF-8; NULL: shown inline. RFC 6266/8187 */
        const char *content_encoding; /* "br", "gzip", NULL */
        bool sandbox;                 /* uploaded content: a sandboxing CSP of its own */
        bool any_origin;              /* other sites' pages may use it */
};
/* Streams a regular file with Range, If-Range, If-None-Match and HEAD. */
void http_reply_file(struct http_conn *conn, const struct http_request *req,
                     const struct http_file *file);

/* Streaming body: returned by on_request_head to say what to do with a body. */
enum http_body_mode { HTTP_BODY_GATHER, HTTP_BODY_STREAM, HTTP_BODY_REFUSED };

/* A text for many receivers: serialised once, freed with its last reference. */
struct ws_text;
must_use struct ws_text *ws_text_new(const char *text, size_t len); /* copies; NULL: no memory */
struct ws_text *ws_text_ref(struct ws_text *text);
struct ws_text *ws_text_unref(struct ws_text *text); /* accepts NULL, returns NULL */
size_t ws_text_len(const struct ws_text *text);      /* as it travels */

/* Queues without copying. A full queue closes the connection (1013). */
void ws_send(struct ws_conn *conn, struct ws_text *text);
/* Sends what is queued, then closes with this code (RFC 6455 §7.4). */
void ws_close(struct ws_conn *conn, uint16_t code, const char *reason);
void ws_set_user(struct ws_conn *conn, void *user);
void *ws_user(const struct ws_conn *conn);

void http_set_user(struct http_conn *conn, void *user);
void *http_user(const struct http_conn *conn);

struct server_handler {
        void *user;
        /* Headers are in; decide about the body. REFUSED: the handler has
         * already called http_reply() and the rest of the body is discarded. */
        enum http_body_mode (*on_request_head)(void *user, struct http_conn *conn,
                                               const struct http_request *req);
        /* GATHER: whole request (body may be empty). */
        void (*on_request)(void *user, struct http_conn *conn, const struct http_request *req);
        /* STREAM: return false after having called http_reply() to stop it. */
        bool (*on_upload_data)(void *user, struct http_conn *conn, const uint8_t *data, size_t len);
        void (*on_upload_end)(void *user, struct http_conn *conn);
        /* Always the last: the connection or its request is over (complete or not).
         * A kept connection's next request starts with on_request_head again, the
         * same conn, and no user. */
        void (*on_http_close)(void *user, struct http_conn *conn);

        /* Return 0 to accept, or an HTTP status to refuse with; a refused one gets no
         * on_ws_close. Only /ws comes here. */
        int (*on_ws_open)(void *user, struct ws_conn *conn, const struct http_request *req);
        void (*on_ws_text)(void *user, struct ws_conn *conn, const char *text, size_t len);
        void (*on_ws_close)(void *user, struct ws_conn *conn);
};

struct server_config {
        const char *http; /* "ADDR:PORT", "[ADDR6]:PORT", or NULL */
        const char *https;
        const char *metrics;
        const char *cert_path,
                *key_path;         /* PEM; main makes a self-signed pair when none is given */
        const char *trusted_proxy; /* CIDR or NULL */
        const char *web_dir;       /* built web client: "/", "/m/{meeting}", hashed assets */
        unsigned max_connections;  /* 0: from RLIMIT_NOFILE */
        unsigned max_per_address;  /* 0: default 256; loopback and the trusted proxy are exempt */
};

/* Raises RLIMIT_NOFILE, listens. Returns 0 or -errno with a clear *ret_error
 * ("127.0.0.1:8080 is in use"). */
must_use int server_new(struct server **ret_server, uv_loop_t *loop,
                        const struct server_config *config, const struct server_handler *handler,
                        char *ret_error, size_t error_cap);
struct server *server_free(struct server *server);

/* Ports really bound (0 if not listening), for configs with port 0. */
uint16_t server_http_port(const struct server *server);
uint16_t server_https_port(const struct server *server);
uint16_t server_metrics_port(const struct server *server);

/* SIGHUP: new connections use the files' present content. Keeps the old
 * certificate and returns -EINVAL if they cannot be used together. */
must_use int server_reload_certificate(struct server *server);

/* Serves a live stream's folder at /live/KEY/ (wire/live_path.h) to whoever knows the key:
 * from memory, without cookies, for any origin. Returns 0 or -errno (-EEXIST). */
must_use int server_live_open(struct server *server, const char *key, const char *dir);
void server_live_close(struct server *server, const char *key); /* unknown ones are ignored */
/* How many play it now, about. */
unsigned server_live_viewers(const struct server *server, const char *key);

/* Stops listening; open connections go on until server_free(). */
void server_stop_listening(struct server *server);

struct server_counters {
        uint64_t requests, refused_limits, bad_requests, ws_opened, ws_slow_closed;
        uint64_t bytes_in, bytes_out, live_requests, live_bytes_out;
        uint32_t connections, ws_connections;
};
void server_counters(const struct server *server, struct server_counters *ret_counters);

#endif
