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

#include "base/fd.h"

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

int http_base_find(const struct http_base *base, int type, struct addrinfo **ret_found)
{
        const struct addrinfo hints = { .ai_socktype = type };
        char host[sizeof(base->host)];

        /* "[::1]" without its brackets. */
        snprintf(host, sizeof(host), "%s", base->host + (base->host[0] == '['));
        host[strcspn(host, "]")] = '\0';
        return getaddrinfo(host, base->port, &hints, ret_found) == 0 ? 0 : -EHOSTUNREACH;
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

static int check_name(struct http_client *client, SSL *ssl)
{
        if (SSL_set_tlsext_host_name(ssl, client->base.host) != 1)
                return -EIO;
        return client->base.insecure || SSL_set1_host(ssl, client->base.host) == 1 ? 0 : -EIO;
}

/* Bounded from the first packet on (socket(7): SO_SNDTIMEO is connect's, too): a host
 * that is gone would hold us for two minutes, a program that hangs for ever. */
static int open_socket(int *ret_fd, const struct addrinfo *to)
{
        const struct timeval wait = { .tv_sec = HTTP_TIMEOUT_S };
        cleanup(closep) int fd = socket(to->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

        if (fd < 0)
                return -errno;
        (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
        (void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait));
        if (connect(fd, to->ai_addr, to->ai_addrlen) < 0)
                return errno == EINPROGRESS ? -ETIMEDOUT : -errno;
        *ret_fd = take_fd(&fd);
        return 0;
}

/* The first of the host's addresses that takes us. */
static int reach(int *ret_fd, const struct http_base *base)
{
        struct addrinfo *found;
        int r = http_base_find(base, SOCK_STREAM, &found);

        if (r < 0)
                return r;
        r = -EHOSTUNREACH;
        for (const struct addrinfo *to = found; to && r < 0; to = to->ai_next)
                r = open_socket(ret_fd, to);
        freeaddrinfo(found);
        return r;
}

static int begin_tls(struct http_client *client)
{
        BIO *bio = BIO_new_ssl(client->ctx, 1);
        SSL *ssl = NULL;

        if (!bio)
                return -ENOMEM;
        client->bio = BIO_push(bio, client->bio);
        BIO_get_ssl(bio, &ssl);
        if (!ssl || check_name(client, ssl) < 0)
                return -EIO;
        if (BIO_do_handshake(bio) == 1)
                return 0;
        return SSL_get_verify_result(ssl) == X509_V_OK ? -EIO : -EKEYREJECTED;
}

static int connect_to(struct http_client *client)
{
        cleanup(closep) int fd = -1;
        BIO *buffer;
        int r = reach(&fd, &client->base);

        if (r < 0)
                return r;
        client->bio = BIO_new_socket(fd, BIO_CLOSE);
        if (!client->bio)
                return -ENOMEM;
        (void)take_fd(&fd);
        r = client->ctx ? begin_tls(client) : 0;
        buffer = BIO_new(BIO_f_buffer());
        if (!buffer)
                r = -ENOMEM;
        else
                client->bio = BIO_push(buffer, client->bio);
        if (r < 0)
                disconnect(client);
        ERR_clear_error();
        return r;
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
