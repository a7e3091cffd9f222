/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/io/feed.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/fd.h"
#include "sfu/io/peer.h"
#include "sfu/io/worker_internal.h"
#include "sfu/wire/job_record.h"

enum { US_PER_PACKET = 1000 * 1000 / FEED_PACKETS_PER_S };

struct feed {
        struct feed *next; /* in worker->feeds */
        struct peer *peer;
        int fd;
        int64_t earned_us; /* until then all packets are paid for */
        uint8_t out[JOB_RECORD_HEAD + PKT_CAP];
};

int feed_new(struct feed **ret_feed, struct peer *peer, int *fd)
{
        struct epoll_event event = { .events = EPOLLIN, .data.fd = *fd };
        struct feed *feed = calloc(1, sizeof(*feed));

        if (!feed)
                return -ENOMEM;
        if (epoll_ctl(peer->worker->epoll_fd, EPOLL_CTL_ADD, *fd, &event) < 0) {
                int r = -errno;

                free(feed);
                return r;
        }
        feed->peer = peer;
        feed->fd = take_fd(fd);
        feed->next = peer->worker->feeds;
        peer->worker->feeds = feed;
        *ret_feed = feed;
        return 0;
}

struct feed *feed_free(struct feed *feed)
{
        struct feed **at;

        if (!feed)
                return NULL;
        for (at = &feed->peer->worker->feeds; *at != feed; at = &(*at)->next)
                ;
        *at = feed->next;
        (void)epoll_ctl(feed->peer->worker->epoll_fd, EPOLL_CTL_DEL, feed->fd, NULL);
        closep(&feed->fd);
        free(feed);
        return NULL;
}

/* It is said once: a job that has read nothing for so long that the socket is full is about to be
 * ended by its supervisor. */
void feed_want_codec(struct feed *feed, enum sdp_codec codec)
{
        const struct job_record record = { .type = JOB_TRACK,
                                           .codec = codec == SDP_H264 ? JOB_H264 : JOB_VP8 };
        uint8_t bytes[JOB_RECORD_HEAD];

        job_record_write(bytes, &record);
        (void)!send(feed->fd, bytes, sizeof(bytes), MSG_DONTWAIT | MSG_NOSIGNAL);
}

uint8_t *feed_reserve(struct feed *feed, size_t max_len)
{
        return max_len <= PKT_CAP ? feed->out + JOB_RECORD_HEAD : NULL;
}

/* One that finds the socket full is lost as on any line: what is wanted is said again. */
void feed_commit_rtcp(struct feed *feed, size_t len)
{
        job_record_write(feed->out, &(struct job_record){ .type = JOB_RTCP });
        (void)!send(feed->fd, feed->out, JOB_RECORD_HEAD + len, MSG_DONTWAIT | MSG_NOSIGNAL);
        feed->peer->worker->counters.rtcp_out++;
}

static bool may_push(struct feed *feed, int64_t now_us)
{
        if (feed->earned_us < now_us)
                feed->earned_us = now_us;
        if (feed->earned_us - now_us > (int64_t)FEED_BURST * US_PER_PACKET)
                return false;
        feed->earned_us += US_PER_PACKET;
        return true;
}

static void on_rtp(struct feed *feed, const struct job_record *record, int64_t now_us)
{
        struct worker *worker = feed->peer->worker;
        struct pkt *pkt = record->bytes.len <= PKT_CAP && worker_has_packets(worker)
                                  ? pkt_get(worker->pool)
                                  : NULL;

        if (!pkt) {
                worker->counters.rtp_bad++;
                return;
        }
        memcpy(pkt->data, record->bytes.data, record->bytes.len);
        pkt->len = (uint16_t)record->bytes.len;
        pkt->arrival_us = now_us;
        worker->counters.rtp_in++;
        worker->counters.rtp_in_bytes += pkt->len;
        if (media_peer_on_feed(feed->peer->media, (enum sfu_kind)record->kind, record->layer, pkt,
                               now_us))
                worker->counters.rtp_bad++;
        pkt_unref(pkt);
}

static void on_rtcp(struct feed *feed, const struct job_record *record, int64_t now_us)
{
        struct worker *worker = feed->peer->worker;

        if (!media_peer_may_report(feed->peer->media, now_us)) {
                worker->counters.feedback_dropped++;
                return;
        }
        worker->counters.rtcp_in++;
        if (media_peer_on_rtcp(feed->peer->media, record->bytes.data, record->bytes.len, now_us))
                worker->counters.rtcp_bad++;
}

static void on_record(struct feed *feed, const uint8_t *data, size_t len, int64_t now_us)
{
        struct worker *worker = feed->peer->worker;
        struct job_record record;

        if (!may_push(feed, now_us))
                worker->counters.rate_limited++;
        else if (job_record_parse(&record, data, len) < 0)
                worker->counters.rtp_bad++;
        else if (record.type == JOB_RTP)
                on_rtp(feed, &record, now_us);
        else if (record.type == JOB_RTCP)
                on_rtcp(feed, &record, now_us);
        else
                worker->counters.rtp_bad++;
}

/* A record too long for data is cut, and too long for the parser still. */
static void receive(struct feed *feed)
{
        uint8_t data[JOB_RECORD_MAX + 1];
        int64_t now_us = clock_now_us();

        worker_touch_room(feed->peer->worker, feed->peer->room);
        for (int i = 0; i < FEED_TURN_RECORDS; i++) {
                ssize_t len = recv(feed->fd, data, sizeof(data), MSG_DONTWAIT);

                if (len < 0 && (errno == EAGAIN || errno == EINTR))
                        return;
                if (len <= 0) {
                        peer_gone(feed->peer, SFU_GONE_CLOSED_BY_PEER, now_us);
                        return;
                }
                on_record(feed, data, (size_t)len, now_us);
        }
}

bool worker_on_feed_event(struct worker *worker, int fd)
{
        struct feed *feed = worker->feeds;

        worker_is_at(worker, "jobs");
        while (feed && feed->fd != fd)
                feed = feed->next;
        if (feed)
                receive(feed);
        return feed != NULL;
}
