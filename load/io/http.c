/* SPDX-License-Identifier: Apache-2.0 */
#include "load/io/http.h"

#include <errno.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/time.h>

enum { LINE = 1024, MAX_HEADERS = 100 };

struct http_client {
        struct http_base base;
        SSL_CTX *ctx; /* NULL without TLS */
        BIO *bio;     /* NULL: not connected; begins with a buffer */
};

int http_base_parse(struct http_base *ret_base, const char *url, bool insecure)
{
        struct http_base base = { .insecure = insecure };
        const char *at = url;
        size_t n;

        if (strncmp(at, "https://", 8) == 0) {
                base.tls = true;
                at += 8;
        } else if (strncmp(at, "http://", 7) == 0) {
                at += 7;
        } else {
                return -EINVAL;
        }
        n = *at == '[' ? strcspn(at, "]") + (strchr(at, ']') != NULL) : strcspn(at, ":/");
        if (n == 0 || n >= sizeof(base.host))
                return -EINVAL;
        memcpy(base.host, at, n);
        at += n;
        strcpy(base.port, base.tls ? "443" : "80");
        if (*at == ':') {
                n = strcspn(++at, "/");
                if (n == 0 || n >= sizeof(base.port) || strspn(at, "0123456789") != n)
                        return -EINVAL;
                memcpy(base.port, at, n);
                base.port[n] = '\0';
                at += n;
        }
        if (*at != '\0' && strcmp(at, "/") != 0)
                return -EINVAL;
        *ret_base = base;
        return 0;
}

static int make_ctx(struct http_client *client)
{
        client->ctx = SSL_CTX_new(TLS_client_method());
        if (!client->ctx)
                return -ENOMEM;
        if (client->base.insecure)
                return 0;
        SSL_CTX_set_verify(client->ctx, SSL_VERIFY_PEER, NULL);
        return SSL_CTX_set_default_verify_paths(client->ctx) == 1 ? 0 : -EIO;
}

int http_client_new(struct http_client **ret_client, const struct http_base *base)
{
        struct http_client *client = calloc(1, sizeof(*client));
        int r;

        if (!client)
                return -ENOMEM;
        client->base = *base;
        r = base->tls ? make_ctx(client) : 0;
        if (r < 0) {
                http_client_free(client);
                return r;
        }
        *ret_client = client;
        return 0;
}

static void disconnect(struct http_client *client)
{
        BIO_free_all(client->bio);
        client->bio = NULL;
}

struct http_client *http_client_free(struct http_client *client)
{
        if (!client)
                return NULL;
        disconnect(client);
        SSL_CTX_free(client->ctx);
        free(client);
        return NULL;
}

static int check_name(struct http_client *client, BIO *bio)
{
        SSL *ssl = NULL;

        BIO_get_ssl(bio, &ssl);
        if (!ssl || SSL_set_tlsext_host_name(ssl, client->base.host) != 1)
                return -EIO;
        return client->base.insecure || SSL_set1_host(ssl, client->base.host) == 1 ? 0 : -EIO;
}

static int connect_to(struct http_client *client)
{
        const struct timeval wait = { .tv_sec = HTTP_TIMEOUT_S };
        BIO *bio, *buffer;
        char name[300];
        unsigned long error;
        int fd = -1;

        snprintf(name, sizeof(name), "%s:%s", client->base.host, client->base.port);
        bio = client->ctx ? BIO_new_ssl_connect(client->ctx) : BIO_new_connect(name);
        buffer = BIO_new(BIO_f_buffer());
        if (!bio || !buffer) {
                BIO_free_all(bio);
                BIO_free_all(buffer);
                return -ENOMEM;
        }
        client->bio = BIO_push(buffer, bio);
        if (client->ctx && (BIO_set_conn_hostname(bio, name) != 1 || check_name(client, bio) < 0))
                goto broken;
        if (BIO_do_connect(bio) != 1 || BIO_get_fd(bio, &fd) < 0)
                goto broken;
        (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
        (void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait));
        return 0;
broken:
        error = ERR_peek_error(); /* the first is the cause */
        ERR_clear_error();
        disconnect(client);
        return ERR_SYSTEM_ERROR(error) ? -(int)ERR_GET_REASON(error) : -EIO;
}

static int send_request(struct http_client *client, const struct http_ask *ask)
{
        size_t len = ask->body ? strlen(ask->body) : 0;

        if (BIO_printf(client->bio, "%s %s HTTP/1.1\r\nHost: %s:%s\r\nContent-Length: %zu\r\n",
                       ask->method, ask->path, client->base.host, client->base.port, len) <= 0 ||
            BIO_printf(client->bio, "Authorization: Bearer %s\r\n", ask->bearer) <= 0)
                return -EIO;
        if (ask->content_type &&
            BIO_printf(client->bio, "Content-Type: %s\r\n", ask->content_type) <= 0)
                return -EIO;
        if (BIO_puts(client->bio, "\r\n") <= 0 ||
            (len > 0 && BIO_write(client->bio, ask->body, (int)len) != (int)len) ||
            BIO_flush(client->bio) != 1)
                return -EIO;
        return 0;
}

static int read_head(struct http_client *client, struct http_answer *answer, size_t *ret_len,
                     bool *ret_close)
{
        char line[LINE];
        unsigned long len = 0;

        answer->retry_after_s = -1;
        if (BIO_gets(client->bio, line, sizeof(line)) <= 0)
                return -EIO;
        if (sscanf(line, "HTTP/1.1 %d", &answer->status) != 1)
                return -EPROTO;
        for (int i = 0; i < MAX_HEADERS; i++) {
                if (BIO_gets(client->bio, line, sizeof(line)) <= 0)
                        return -EIO;
                line[strcspn(line, "\r\n")] = '\0';
                if (line[0] == '\0') {
                        *ret_len = len;
                        return len <= HTTP_MAX_BODY ? 0 : -EPROTO;
                }
                if (strncasecmp(line, "content-length:", 15) == 0)
                        len = strtoul(line + 15, NULL, 10);
                else if (strncasecmp(line, "location:", 9) == 0)
                        sscanf(line + 9, " %255s", answer->location);
                else if (strncasecmp(line, "retry-after:", 12) == 0)
                        answer->retry_after_s = atoi(line + 12);
                else if (strncasecmp(line, "connection:", 11) == 0)
                        *ret_close = strcasestr(line, "close");
        }
        return -EPROTO;
}

static int read_body(struct http_client *client, char **ret_body, size_t len)
{
        cleanup(freep) char *body = calloc(1, len + 1);
        size_t at = 0;

        if (!body)
                return -ENOMEM;
        while (at < len) {
                int n = BIO_read(client->bio, body + at, (int)(len - at));

                if (n <= 0)
                        return -EIO;
                at += (size_t)n;
        }
        *ret_body = take_ptr(body);
        return 0;
}

static int exchange(struct http_client *client, const struct http_ask *ask,
                    struct http_answer *ret_answer)
{
        struct http_answer answer = { 0 };
        bool close = false;
        size_t len = 0;
        int r;

        r = client->bio ? 0 : connect_to(client);
        if (r == 0)
                r = send_request(client, ask);
        if (r == 0)
                r = read_head(client, &answer, &len, &close);
        if (r == 0)
                r = read_body(client, &answer.body, len);
        ERR_clear_error();
        if ((r < 0 || close) && client->bio)
                disconnect(client);
        if (r == 0)
                *ret_answer = answer;
        return r;
}

int http_request(struct http_client *client, const struct http_ask *ask,
                 struct http_answer *ret_answer)
{
        bool reused = client->bio != NULL;
        int r = exchange(client, ask, ret_answer);

        /* A kept connection may have been closed meanwhile. */
        return r == -EIO && reused ? exchange(client, ask, ret_answer) : r;
}
