/* SPDX-License-Identifier: Apache-2.0 */
#include "load/io/hls_viewer.h"

#include <errno.h>
#include <openssl/err.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"

enum {
        TEXT_BYTES = 64 * 1024, /* of a playlist with its head */
        BEHIND = 3,             /* segments before the newest, where a player begins */
        RETRY_US = 1000 * 1000,
        ANSWER_TIMEOUT_US = 15 * 1000 * 1000,
};

enum state { CONNECT, HANDSHAKE, ASK, ANSWER, PAUSE };
enum wanted { MASTER, PLAYLIST, INIT, SEGMENT };

struct hls_viewer {
        const struct hls_target *target;
        enum state state;
        enum wanted wanted;
        int fd;
        SSL *ssl;
        int64_t deadline_us;

        char request[HLS_PATH + 512];
        size_t request_len, request_sent;
        int64_t asked_us;
        char *text; /* of the answer: its head, and a playlist's body */
        size_t text_len;
        bool has_head;
        struct hls_answer answer;
        uint64_t body_got;

        char playlist[HLS_PATH], init[HLS_URI];
        struct hls_media media;
        uint64_t next;       /* number of the segment to ask for; 0 with !begun */
        bool begun, changed; /* the last playlist had something new */
        int64_t reloaded_us;
        unsigned caught_up; /* segments taken: the first BEHIND were there already */
        int64_t played_until_us;
};

int hls_viewer_new(struct hls_viewer **ret_viewer, const struct hls_target *target)
{
        struct hls_viewer *viewer = calloc(1, sizeof(*viewer));

        if (!viewer)
                return -ENOMEM;
        viewer->target = target;
        viewer->fd = -1;
        viewer->text = malloc(TEXT_BYTES);
        if (!viewer->text) {
                free(viewer);
                return -ENOMEM;
        }
        *ret_viewer = viewer;
        return 0;
}

static void disconnect(struct hls_viewer *viewer)
{
        SSL_free(viewer->ssl);
        viewer->ssl = NULL;
        closep(&viewer->fd);
        viewer->fd = -1;
        viewer->state = CONNECT;
}

struct hls_viewer *hls_viewer_free(struct hls_viewer *viewer)
{
        if (!viewer)
                return NULL;
        disconnect(viewer);
        free(viewer->text);
        free(viewer);
        return NULL;
}

int64_t hls_viewer_deadline_us(const struct hls_viewer *viewer)
{
        return viewer->deadline_us;
}

bool hls_viewer_plays(const struct hls_viewer *viewer)
{
        return viewer->caught_up > 0;
}

static void fail(struct hls_viewer *viewer, const char *what, int number)
{
        struct hls_tally *tally = viewer->target->tally;

        if (tally->failures++ == 0)
                snprintf(tally->first_failure, sizeof(tally->first_failure), "%s: %d", what,
                         number);
        disconnect(viewer);
        viewer->deadline_us = clock_now_us() + RETRY_US;
}

/* ---- what to ask for next ---- */

static void ask(struct hls_viewer *viewer, enum wanted wanted, const char *path)
{
        const struct hls_target *t = viewer->target;

        viewer->wanted = wanted;
        viewer->request_len = (size_t)snprintf(
                viewer->request, sizeof(viewer->request),
                "GET %s HTTP/1.1\r\nHost: %s:%s\r\nAccept: */*\r\n"
                "User-Agent: dinh-load\r\nAccept-Encoding: identity\r\n\r\n",
                path, t->host, t->port);
        viewer->request_sent = viewer->text_len = 0;
        viewer->has_head = false;
        viewer->body_got = 0;
        viewer->state = ASK;
        viewer->asked_us = clock_now_us();
        viewer->deadline_us = viewer->asked_us + ANSWER_TIMEOUT_US;
}

/* RFC 8216 §6.3.4: a target duration after the last time, half when nothing was new. */
static int64_t reload_us(const struct hls_viewer *viewer)
{
        return viewer->reloaded_us +
               (viewer->changed ? viewer->media.target_us : viewer->media.target_us / 2);
}

static void ask_segment(struct hls_viewer *viewer)
{
        const struct hls_segment *segment =
                &viewer->media.segments[viewer->next - viewer->media.first];
        bool needs_init = segment->init[0] && strcmp(segment->init, viewer->init) != 0;
        char path[HLS_PATH];

        if (hls_resolve(path, sizeof(path), viewer->playlist,
                        needs_init ? segment->init : segment->uri) < 0)
                fail(viewer, "an address in the playlist", 0);
        else
                ask(viewer, needs_init ? INIT : SEGMENT, path);
}

static void choose(struct hls_viewer *viewer, int64_t now_us)
{
        const struct hls_media *media = &viewer->media;

        if (!viewer->playlist[0]) {
                ask(viewer, MASTER, viewer->target->path);
        } else if (!viewer->begun || now_us >= reload_us(viewer)) {
                ask(viewer, PLAYLIST, viewer->playlist);
        } else if (viewer->next < media->first + media->n) {
                ask_segment(viewer);
        } else {
                viewer->state = PAUSE;
                viewer->deadline_us = reload_us(viewer);
        }
}

/* ---- what came ---- */

static void take_playlist(struct hls_viewer *viewer)
{
        struct hls_media *media = &viewer->media;
        uint64_t end = media->first + media->n;

        if (hls_media_parse(media, viewer->text + viewer->answer.head_len,
                            viewer->answer.body_len) < 0) {
                fail(viewer, "not a media playlist", 0);
                return;
        }
        viewer->changed = !viewer->begun || media->first + media->n != end;
        viewer->reloaded_us = viewer->asked_us;
        viewer->target->tally->playlists++;
        end = media->first + media->n;
        if (viewer->begun && viewer->next >= media->first && viewer->next <= end)
                return;
        if (viewer->begun && viewer->next < media->first)
                viewer->target->tally->skipped += media->first - viewer->next;
        viewer->next = media->n > BEHIND ? end - BEHIND : media->first;
        viewer->begun = true;
}

static void take_segment(struct hls_viewer *viewer, int64_t now_us)
{
        struct hls_tally *tally = viewer->target->tally;
        const struct hls_segment *segment =
                &viewer->media.segments[viewer->next - viewer->media.first];

        tally->segments++;
        histogram_add(&tally->took, now_us - viewer->asked_us);
        if (viewer->caught_up > 0 && now_us > viewer->played_until_us)
                tally->late++;
        if (viewer->played_until_us < now_us)
                viewer->played_until_us = now_us;
        viewer->played_until_us += segment->duration_us;
        if (++viewer->caught_up > BEHIND && segment->start_us >= 0)
                histogram_add(&tally->age,
                              clock_wall_us() - segment->start_us - segment->duration_us);
        viewer->next++;
}

static void take_answer(struct hls_viewer *viewer, int64_t now_us)
{
        const struct hls_segment *segment;
        char uri[HLS_URI];

        if (viewer->answer.status != 200) {
                fail(viewer, viewer->wanted == SEGMENT ? "a segment" : "a playlist or init file",
                     viewer->answer.status);
                return;
        }
        switch (viewer->wanted) {
        case MASTER:
                if (hls_master_choose(uri, viewer->text + viewer->answer.head_len,
                                      viewer->answer.body_len, viewer->target->rendition) < 0 ||
                    hls_resolve(viewer->playlist, sizeof(viewer->playlist), viewer->target->path,
                                uri) < 0)
                        fail(viewer, "no such rendition in the master playlist", 0);
                break;
        case PLAYLIST:
                take_playlist(viewer);
                break;
        case INIT:
                segment = &viewer->media.segments[viewer->next - viewer->media.first];
                memcpy(viewer->init, segment->init, sizeof(viewer->init));
                break;
        case SEGMENT:
                take_segment(viewer, now_us);
                break;
        }
        if (viewer->answer.close)
                disconnect(viewer);
}

/* ---- the connection ---- */

static int connect_to(struct hls_viewer *viewer)
{
        const struct hls_target *t = viewer->target;
        struct epoll_event event = { .events = EPOLLIN | EPOLLOUT | EPOLLET, .data.ptr = viewer };

        viewer->fd = socket(t->address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        if (viewer->fd < 0)
                return -errno;
        if (connect(viewer->fd, (const struct sockaddr *)&t->address, t->address_len) < 0 &&
            errno != EINPROGRESS)
                return -errno;
        if (epoll_ctl(t->epoll, EPOLL_CTL_ADD, viewer->fd, &event) < 0)
                return -errno;
        if (t->tls) {
                viewer->ssl = SSL_new(t->tls);
                if (!viewer->ssl || SSL_set_fd(viewer->ssl, viewer->fd) != 1 ||
                    SSL_set_tlsext_host_name(viewer->ssl, t->host) != 1 ||
                    SSL_set1_host(viewer->ssl, t->host) != 1)
                        return -ENOMEM;
                SSL_set_connect_state(viewer->ssl);
        }
        return 0;
}

/* What SSL or the kernel said: -EAGAIN, or -EIO. */
static ssize_t tls_result(const struct hls_viewer *viewer, int n)
{
        int error = SSL_get_error(viewer->ssl, n);

        ERR_clear_error();
        return error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE ? -EAGAIN : -EIO;
}

static ssize_t receive(struct hls_viewer *viewer, void *into, size_t cap)
{
        ssize_t n;

        if (viewer->ssl) {
                n = SSL_read(viewer->ssl, into, (int)cap);
                return n > 0 ? n : tls_result(viewer, (int)n);
        }
        n = recv(viewer->fd, into, cap, 0);
        return n > 0 ? n : n == 0 ? -EIO : -errno;
}

static ssize_t transmit(struct hls_viewer *viewer, const void *from, size_t len)
{
        ssize_t n;

        if (viewer->ssl) {
                n = SSL_write(viewer->ssl, from, (int)len);
                return n > 0 ? n : tls_result(viewer, (int)n);
        }
        n = send(viewer->fd, from, len, MSG_NOSIGNAL);
        return n >= 0 ? n : -errno;
}

/* The head and, of a playlist, the body are kept; segments are only counted. Returns 1 when the
 * answer is whole, 0 to go on, or -errno. */
static int read_some(struct hls_viewer *viewer)
{
        bool keep = !viewer->has_head || viewer->wanted <= PLAYLIST;
        void *into = keep ? viewer->text + viewer->text_len : (char *)viewer->target->scratch;
        ssize_t n = receive(viewer, into, keep ? TEXT_BYTES - viewer->text_len : HLS_SCRATCH);
        int r;

        if (n < 0)
                return (int)n;
        viewer->target->tally->bytes += (uint64_t)n;
        viewer->body_got += (uint64_t)n;
        if (keep)
                viewer->text_len += (size_t)n;
        if (!viewer->has_head) {
                r = hls_answer_parse(&viewer->answer, viewer->text, viewer->text_len);
                if (r == -EAGAIN && viewer->text_len < TEXT_BYTES)
                        return 0;
                if (r < 0 || (viewer->wanted <= PLAYLIST &&
                              viewer->answer.body_len >= TEXT_BYTES - viewer->answer.head_len))
                        return -EBADMSG;
                viewer->has_head = true;
                viewer->body_got = viewer->text_len - viewer->answer.head_len;
        }
        if (viewer->body_got > viewer->answer.body_len)
                return -EBADMSG;
        return viewer->body_got == viewer->answer.body_len;
}

/* One step. Returns 0 to go on, -EAGAIN to wait for the descriptor or the time, or -errno. */
static int step(struct hls_viewer *viewer, int64_t now_us)
{
        ssize_t n;
        int r;

        switch (viewer->state) {
        case CONNECT:
                if (now_us < viewer->deadline_us)
                        return -EAGAIN;
                viewer->deadline_us = now_us + ANSWER_TIMEOUT_US;
                viewer->state = HANDSHAKE;
                return connect_to(viewer);
        case HANDSHAKE:
                r = viewer->ssl ? SSL_do_handshake(viewer->ssl) : 1;
                if (r != 1)
                        return (int)tls_result(viewer, r);
                choose(viewer, now_us);
                return 0;
        case ASK:
                n = transmit(viewer, viewer->request + viewer->request_sent,
                             viewer->request_len - viewer->request_sent);
                if (n < 0)
                        return (int)n;
                viewer->request_sent += (size_t)n;
                if (viewer->request_sent == viewer->request_len)
                        viewer->state = ANSWER;
                return 0;
        case ANSWER:
                r = read_some(viewer);
                if (r < 1)
                        return r;
                viewer->state = PAUSE;
                viewer->deadline_us = 0;
                take_answer(viewer, now_us);
                return 0;
        case PAUSE:
                if (now_us < viewer->deadline_us)
                        return -EAGAIN;
                choose(viewer, now_us);
                return viewer->state == PAUSE ? -EAGAIN : 0;
        }
        return -EAGAIN;
}

void hls_viewer_turn(struct hls_viewer *viewer, int64_t now_us)
{
        int r;

        do
                r = step(viewer, now_us);
        while (r == 0);
        if (r == -EAGAIN && (now_us < viewer->deadline_us || viewer->state == PAUSE))
                return;
        fail(viewer, r == -EAGAIN ? "no answer" : "the connection", -r);
}
