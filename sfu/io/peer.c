/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/io/peer.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "sfu/io/feed.h"
#include "sfu/io/tuning.h"
#include "sfu/wire/rtcp.h"

static const char topic[] = "peer";

/* Addresses. */

static void forget_addr(struct peer *peer, struct addr_entry *entry)
{
        if (!entry->peer)
                return;
        if (peer->selected == entry)
                peer->selected = NULL;
        addr_map_remove(peer->worker->addrs, entry);
        if (entry->path.tcp)
                tcp_conn_drop(entry->path.tcp);
}

void peer_on_path_lost(struct addr_entry *entry)
{
        forget_addr(entry->peer, entry);
}

/* A free entry, or the one that was not checked for the longest time. */
static struct addr_entry *make_room(struct peer *peer)
{
        struct addr_entry *oldest = NULL;

        for (size_t i = 0; i < PEER_MAX_ADDRS; i++) {
                struct addr_entry *entry = &peer->addrs[i];

                if (!entry->peer)
                        return entry;
                if (entry != peer->selected && (!oldest || entry->checked_us < oldest->checked_us))
                        oldest = entry;
        }
        forget_addr(peer, oldest);
        return oldest;
}

static void select_addr(struct peer *peer, struct addr_entry *entry)
{
        if (peer->selected == entry &&
            memcmp(&peer->target.path, &entry->path, sizeof(entry->path)) == 0)
                return;
        peer->selected = entry;
        send_target_set(peer->worker->batch, &peer->target, &entry->path);
}

/* DTLS. */

static void rearm(struct peer *peer, int64_t now_us)
{
        int64_t due_us = peer->crypt ? peer->alive_us : peer->opened_us;

        if (peer->feed)
                return;
        due_us += peer->worker->config.silence_us;
        if (peer->dtls) {
                int64_t dtls_us = dtls_deadline_us(peer->dtls, now_us);

                if (dtls_us < due_us)
                        due_us = dtls_us;
        }
        if (peer->settle_us && peer->settle_us < due_us)
                due_us = peer->settle_us;
        timer_heap_set(&peer->worker->timers, &peer->timer, due_us);
}

static void send_dtls(struct peer *peer, const struct udp_path *path)
{
        struct send_batch *batch = peer->worker->batch;
        struct send_target once, *target = &peer->target;

        if (!peer->selected) {
                if (!path)
                        return;
                send_target_set(batch, &once, path);
                target = &once;
        }
        for (;;) {
                uint8_t *at = send_batch_reserve(batch, DTLS_MTU);
                size_t len = dtls_poll(peer->dtls, at, DTLS_MTU);

                if (len == 0)
                        return;
                send_batch_commit(batch, target, len);
        }
}

static int make_dtls(struct peer *peer)
{
        const struct dtls_params params = {
                .client = peer->transport.we_are_dtls_client,
                .fingerprint = peer->transport.fingerprint,
        };

        return dtls_new(&peer->dtls, peer->worker->config.dtls, &params);
}

static void report_event(struct peer *peer, const struct sfu_event *event)
{
        struct worker_report report = { .event = *event };

        report.event.room = peer->room->id;
        report.event.peer = peer->id;
        report.event.participant = peer->participant;
        worker_report(peer->worker, &report);
}

/* As long as the handshake has taken, and some: a client that misses our last flight waits
 * twice as long each time before it sends its own again. On a grid: those of a crowd are done
 * some at a time, which costs each half as much. */
static int64_t settle_us(const struct peer *peer, int64_t now_us)
{
        enum { GRID_US = 100 * 1000 };
        int64_t taken_us = now_us - peer->opened_us;

        return (now_us + taken_us + peer->worker->config.settle_us + GRID_US - 1) / GRID_US *
               GRID_US;
}

static bool connect_media(struct peer *peer, int64_t now_us)
{
        struct media_crypt_keys keys;
        int r = dtls_export_keys(peer->dtls, &keys);

        if (r == 0)
                r = media_crypt_new(&peer->crypt, &keys);
        explicit_bzero(&keys, sizeof(keys));
        if (r < 0) {
                log_line(LOG_WARN, topic, "room=%" PRIu64 " peer=%" PRIu64 ": no SRTP keys: %s",
                         peer->room->id, peer->id, strerror(-r));
                return false;
        }
        peer->alive_us = now_us;
        peer->settle_us = settle_us(peer, now_us);
        report_event(peer, &(struct sfu_event){ .type = SFU_EV_CONNECTED });
        media_peer_on_connected(peer->media, now_us);
        worker_touch_room(peer->worker, peer->room);
        return true;
}

/* After anything that may have moved the DTLS session. path: where its answer
 * goes as long as nothing is nominated; may be NULL. */
static void after_dtls(struct peer *peer, const struct udp_path *path, int64_t now_us)
{
        send_dtls(peer, path);
        switch (dtls_state(peer->dtls)) {
        case DTLS_HANDSHAKING:
                break;
        case DTLS_CONNECTED:
                if (!peer->crypt && !connect_media(peer, now_us)) {
                        peer_gone(peer, SFU_GONE_DTLS, now_us);
                        return;
                }
                break;
        case DTLS_CLOSED:
                peer_gone(peer, SFU_GONE_CLOSED_BY_PEER, now_us);
                return;
        case DTLS_FAILED:
                log_line(LOG_INFO, topic, "room=%" PRIu64 " peer=%" PRIu64 " DTLS failed: %s",
                         peer->room->id, peer->id, dtls_failure(peer->dtls));
                peer_gone(peer, SFU_GONE_DTLS, now_us);
                return;
        }
        rearm(peer, now_us);
}

void peer_on_dtls(struct peer *peer, struct addr_entry *from, const struct pkt *pkt)
{
        struct worker *worker = peer->worker;
        struct udp_path path = from->path;

        if (dtls_is_client_hello(pkt->data, pkt->len) &&
            !rate_limit_take(&worker->hellos, path.remote.sin6_addr.s6_addr, pkt->arrival_us)) {
                worker_count_garbage(worker, GARBAGE_RATE);
                return;
        }
        if (!peer->dtls) {
                /* As the client we begin, and hear nothing that matters before. */
                if (peer->transport.we_are_dtls_client || make_dtls(peer) < 0) {
                        worker_count_garbage(worker, GARBAGE_DTLS);
                        return;
                }
        }
        if (!dtls_on_datagram(peer->dtls, pkt->data, pkt->len)) {
                worker_count_garbage(worker, GARBAGE_DTLS);
                return;
        }
        if (peer->settle_us) /* it speaks, so it has not heard that we are done */
                peer->settle_us = settle_us(peer, pkt->arrival_us);
        after_dtls(peer, &path, pkt->arrival_us);
}

static void drop_cred(struct peer *peer, size_t at)
{
        struct ice_cred *cred = peer->creds[at];

        ice_remove(peer->worker->ice, cred);
        explicit_bzero(cred, sizeof(*cred));
        free(cred);
        for (; at + 1 < PEER_MAX_CREDS; at++)
                peer->creds[at] = peer->creds[at + 1];
        peer->creds[PEER_MAX_CREDS - 1] = NULL;
}

static int add_cred(struct peer *peer, const char *ufrag, const char *pwd, const char *remote_ufrag)
{
        struct ice_cred *cred = calloc(1, sizeof(*cred));
        size_t at = 0;

        if (!cred)
                return -ENOMEM;
        if (peer->creds[PEER_MAX_CREDS - 1])
                drop_cred(peer, 1);
        while (peer->creds[at])
                at++;
        memcpy(cred->ufrag, ufrag, sizeof(cred->ufrag));
        memcpy(cred->pwd, pwd, sizeof(cred->pwd));
        memcpy(cred->remote_ufrag, remote_ufrag, sizeof(cred->remote_ufrag));
        cred->tag = peer;
        ice_add(peer->worker->ice, cred);
        peer->creds[at] = cred;
        return 0;
}

void peer_restart(struct peer *peer, const struct worker_restart *restart)
{
        if (add_cred(peer, restart->ufrag, restart->pwd, restart->remote_ufrag) < 0)
                return;
        steady_reset(&peer->heard_media);
        steady_reset(&peer->heard_feedback);
}

void peer_on_check(struct peer *peer, const struct udp_path *path, const struct ice_check *check,
                   int64_t now_us)
{
        struct addr_entry *entry = addr_map_find(peer->worker->addrs, path);

        peer->alive_us = now_us;
        if (entry && entry->peer != peer) {
                if (path->tcp)
                        return; /* a connection is one client's, for good */
                /* Another client got the address (NAT), and proved it. */
                forget_addr(entry->peer, entry);
                entry = NULL;
        }
        if (!entry) {
                entry = make_room(peer);
                entry->path = *path;
                addr_map_add(peer->worker->addrs, entry, peer);
                if (path->tcp)
                        tcp_conn_keep(path->tcp);
        }
        entry->path.local = path->local;
        entry->checked_us = now_us;
        if (!check->use_candidate)
                return;
        while (peer->creds[0] != check->cred)
                drop_cred(peer, 0);
        select_addr(peer, entry);
        if (!peer->transport.we_are_dtls_client || peer->dtls)
                return;
        if (make_dtls(peer) < 0)
                return; /* the next check tries again */
        dtls_start(peer->dtls);
        after_dtls(peer, NULL, now_us);
}

/* Media in. */

static void heard(struct peer *peer, struct steady *by, int64_t now_us)
{
        peer->alive_us = now_us;
        by->heard++;
        worker_sweep_soon(peer->worker, now_us);
}

bool peer_sweep(struct peer *peer)
{
        bool silent = steady_sweep(&peer->heard_media);

        /* A receiver speaks of what it gets: no media, no feedback. */
        if (peer->target.batch == peer->swept_batch)
                steady_reset(&peer->heard_feedback);
        silent |= steady_sweep(&peer->heard_feedback);
        peer->swept_batch = peer->target.batch;
        if (silent)
                report_event(peer, &(struct sfu_event){ .type = SFU_EV_SILENT });
        return peer->heard_media.history || peer->heard_feedback.history;
}

void peer_on_rtp(struct peer *peer, struct pkt *pkt)
{
        struct worker *worker = peer->worker;
        size_t len = pkt->len;

        if (!peer->crypt || media_crypt_unprotect_rtp(peer->crypt, pkt->data, &len)) {
                worker_count_garbage(worker, GARBAGE_SRTP);
                return;
        }
        pkt->len = (uint16_t)len;
        heard(peer, &peer->heard_media, pkt->arrival_us);
        worker->counters.rtp_in++;
        worker->counters.rtp_in_bytes += len;
        worker_touch_room(worker, peer->room);
        if (media_peer_on_rtp(peer->media, pkt, pkt->arrival_us))
                worker_count_garbage(worker, GARBAGE_RTP);
}

void peer_on_rtcp(struct peer *peer, struct pkt *pkt)
{
        struct worker *worker = peer->worker;
        size_t len = pkt->len;

        if (!media_peer_may_report(peer->media, pkt->arrival_us)) {
                worker->counters.feedback_dropped++;
                return;
        }
        if (!peer->crypt || media_crypt_unprotect_rtcp(peer->crypt, pkt->data, &len)) {
                worker_count_garbage(worker, GARBAGE_SRTP);
                return;
        }
        heard(peer, &peer->heard_feedback, pkt->arrival_us);
        worker->counters.rtcp_in++;
        worker_touch_room(worker, peer->room);
        if (media_peer_on_rtcp(peer->media, pkt->data, len, pkt->arrival_us))
                worker_count_garbage(worker, GARBAGE_RTCP);
}

void peer_prefetch_report(const struct peer *peer, unsigned step)
{
        if (step == 0) {
                prefetch_lines(peer, 1);
                prefetch_lines(&peer->room, 2);
                return;
        }
        media_peer_prefetch_report(peer->media, step - 1);
        if (!peer->crypt)
                return;
        if (step == 1)
                prefetch_lines(peer->crypt, 2);
        else
                media_crypt_prefetch_rtcp(peer->crypt, step - 2);
}

/* Media out. */

uint8_t *peer_reserve(void *user, void *tag, size_t max_len)
{
        struct peer *peer = tag;

        (void)user;
        if (!peer->crypt || !peer->selected || max_len > PKT_CAP)
                return peer->feed ? feed_reserve(peer->feed, max_len) : NULL;
        return send_batch_reserve(peer->worker->batch, max_len + MEDIA_CRYPT_TRAILER);
}

/* The reservation again: nothing was reserved since. */
static uint8_t *reserved(struct worker *worker, size_t len)
{
        return send_batch_reserve(worker->batch, len + MEDIA_CRYPT_TRAILER);
}

static void refused_by_crypt(const struct peer *peer)
{
        static struct log_limit limit;

        log_limited(&limit, LOG_ERROR, topic,
                    "room=%" PRIu64 " peer=%" PRIu64 ": a packet could not be encrypted",
                    peer->room->id, peer->id);
}

void peer_commit_rtp(void *user, void *tag, size_t len, uint32_t ext)
{
        struct peer *peer = tag;
        struct worker *worker = peer->worker;

        (void)user;
        if (media_crypt_protect_rtp(peer->crypt, reserved(worker, len), &len, ext) < 0) {
                refused_by_crypt(peer);
                return;
        }
        send_batch_commit(worker->batch, &peer->target, len);
        worker->counters.rtp_out++;
        worker->counters.rtp_out_bytes += len;
}

void peer_prefetch(void *tag, unsigned stage)
{
        const struct peer *peer = tag;

        if (!peer->crypt)
                return;
        if (stage == 0)
                prefetch_lines(peer->crypt, 1);
        else
                media_crypt_prefetch(peer->crypt, stage - 1);
}

void peer_commit_rtcp(void *user, void *tag, size_t len)
{
        struct peer *peer = tag;
        struct worker *worker = peer->worker;

        (void)user;
        if (peer->feed) {
                feed_commit_rtcp(peer->feed, len);
                return;
        }
        if (media_crypt_protect_rtcp(peer->crypt, reserved(worker, len), &len) < 0) {
                refused_by_crypt(peer);
                return;
        }
        send_batch_commit(worker->batch, &peer->target, len);
        worker->counters.rtcp_out++;
}

/* Life. */

static void on_timer(void *owner, int64_t now_us)
{
        struct peer *peer = owner;
        int64_t since_us = peer->crypt ? peer->alive_us : peer->opened_us;

        if (now_us - since_us >= peer->worker->config.silence_us) {
                peer_gone(peer, SFU_GONE_TIMEOUT, now_us);
                return;
        }
        if (peer->settle_us && now_us >= peer->settle_us) {
                peer->settle_us = 0;
                dtls_settle(peer->dtls);
        }
        if (peer->dtls && dtls_deadline_us(peer->dtls, now_us) <= now_us) {
                dtls_on_timeout(peer->dtls);
                after_dtls(peer, NULL, now_us);
                return;
        }
        rearm(peer, now_us);
}

static void note_ssrcs(struct peer *peer, const struct sdp_media *media)
{
        for (size_t i = 0; i < media->n_audio_slots; i++)
                peer->ssrcs[peer->n_ssrcs++] = media->audio_slots[i].ssrc;
        for (size_t i = 0; i < media->n_video_slots; i++)
                peer->ssrcs[peer->n_ssrcs++] = media->video_slots[i].ssrc;
}

static void fill(struct peer *peer, const struct worker_peer *params)
{
        peer->id = params->id;
        peer->participant = params->participant;
        peer->transport = params->transport;
        peer->timer = (struct timer){ .fire = on_timer, .owner = peer };
        note_ssrcs(peer, &params->media);
}

/* ICE credentials, or the job's socket. */
static int open_transport(struct peer *peer, struct worker_peer *params)
{
        int r;

        if (params->feed_fd < 0)
                return add_cred(peer, params->ufrag, params->pwd, params->transport.ufrag);
        r = feed_new(&peer->feed, peer, &params->feed_fd);
        if (r == 0 && params->feed_codec != SDP_OPUS)
                feed_want_codec(peer->feed, params->feed_codec);
        return r;
}

static void close_transport(struct peer *peer)
{
        feed_free(peer->feed);
        while (peer->creds[0])
                drop_cred(peer, 0);
}

int peer_open(struct worker *worker, struct room *room, struct worker_peer *params, int64_t now_us)
{
        struct peer *peer;
        int r = u64_map_reserve(&worker->peers);

        if (r < 0)
                return r;
        peer = calloc(1, sizeof(*peer));
        if (!peer)
                return -ENOMEM;
        peer->worker = worker;
        peer->room = room;
        peer->opened_us = peer->alive_us = now_us;
        fill(peer, params);
        r = timer_heap_add(&worker->timers, &peer->timer);
        if (r < 0) {
                free(peer);
                return r;
        }
        r = open_transport(peer, params);
        if (r == 0)
                r = media_room_add_peer(
                        room->media, &peer->media,
                        &(struct media_peer_params){ .tag = peer,
                                                     .participant = peer->participant,
                                                     .film = params->film,
                                                     .media = &params->media },
                        now_us);
        if (r != 0) {
                close_transport(peer);
                timer_heap_remove(&worker->timers, &peer->timer);
                free(peer);
                return r;
        }
        room->n_peers++;
        u64_map_put(&worker->peers, peer->id, peer);
        worker_touch_room(worker, room);
        rearm(peer, now_us);
        if (peer->feed) {
                report_event(peer, &(struct sfu_event){ .type = SFU_EV_CONNECTED });
                media_peer_on_connected(peer->media, now_us);
        }
        return 0;
}

static void send_bye(struct peer *peer)
{
        enum { BYE_CAP = 8 + 4 + 4 * SFU_MAX_SLOTS };
        uint8_t *at = peer->n_ssrcs > 0 ? peer_reserve(NULL, peer, BYE_CAP) : NULL;
        struct wr w;

        if (!at)
                return;
        w = wr_init(at, BYE_CAP);
        /* A compound begins with a report (RFC 3550 §6.1). */
        rtcp_write_rr(&w, &(struct rtcp_rr){ .ssrc = peer->ssrcs[0] });
        rtcp_write_bye(&w, peer->ssrcs, peer->n_ssrcs);
        if (!w.bad)
                peer_commit_rtcp(NULL, peer, wr_len(&w));
}

static void peer_free(struct peer *peer, int64_t now_us)
{
        struct worker *worker = peer->worker;
        struct room *room = peer->room;

        media_room_remove_peer(room->media, peer->media, now_us);
        room->n_peers--;
        worker_touch_room(worker, room);
        for (size_t i = 0; i < PEER_MAX_ADDRS; i++)
                forget_addr(peer, &peer->addrs[i]);
        close_transport(peer);
        timer_heap_remove(&worker->timers, &peer->timer);
        u64_map_remove(&worker->peers, peer->id);
        dtls_free(peer->dtls);
        media_crypt_free(peer->crypt);
        free(peer);
}

void peer_close(struct peer *peer, int64_t now_us)
{
        send_bye(peer);
        if (peer->dtls) {
                dtls_close(peer->dtls);
                send_dtls(peer, NULL);
        }
        peer_free(peer, now_us);
}

void peer_gone(struct peer *peer, enum sfu_gone reason, int64_t now_us)
{
        report_event(peer, &(struct sfu_event){ .type = SFU_EV_GONE, .gone_reason = reason });
        peer_close(peer, now_us);
}

void peer_stats(const struct peer *peer, int64_t now_us, struct sfu_peer_stats *ret_stats)
{
        memset(ret_stats, 0, sizeof(*ret_stats));
        media_peer_stats(peer->media, now_us, ret_stats);
        ret_stats->room = peer->room->id;
        ret_stats->peer = peer->id;
        if (peer->crypt)
                snprintf(ret_stats->srtp_profile, sizeof(ret_stats->srtp_profile), "%s",
                         media_crypt_profile_name(media_crypt_profile(peer->crypt)));
}
