/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http — a small HTTP/1.1 client that waits for its answers: one connection,
 *        kept open between requests; http:// and https://.
 *
 * Layer:  load/io.
 * Owner:  the thread that uses it. Thread: any one at a time.
 */
#ifndef LOAD_IO_HTTP_H
#define LOAD_IO_HTTP_H

#include <netdb.h>

#include "base/base.h"

enum { HTTP_TIMEOUT_S = 15, HTTP_MAX_BODY = 512 * 1024 };

struct http_base { /* of "http://host:port" */
        bool tls, insecure;
        char host[256], port[8];
};

/* Returns 0 or -EINVAL. insecure: take any certificate. */
must_use int http_base_parse(struct http_base *ret_base, const char *url, bool insecure);

/* Its addresses for sockets of this type. Returns 0, and freeaddrinfo() is due, or
 * -EHOSTUNREACH. */
must_use int http_base_find(const struct http_base *base, int type, struct addrinfo **ret_found);

struct http_client;

must_use int http_client_new(struct http_client **ret_client, const struct http_base *base);
struct http_client *http_client_free(struct http_client *client); /* accepts NULL */

struct http_ask {
        const char *method, *path, *bearer;
        const char *content_type, *body; /* NULL: none */
};

struct http_answer {
        int status;
        char location[256];
        int retry_after_s; /* -1: not said */
        char *body;        /* free(); NUL-terminated */
};

/* Returns 0 and fills *ret_answer, or -errno (-EIO: the connection broke twice,
 * or was silent for HTTP_TIMEOUT_S; -ETIMEDOUT: so was the host while we connected;
 * -EKEYREJECTED: nobody we trust vouches for its certificate; -EPROTO: not HTTP as we
 * understand it). */
must_use int http_request(struct http_client *client, const struct http_ask *ask,
                          struct http_answer *ret_answer);

#endif
