/* SPDX-License-Identifier: Apache-2.0 */
#include "base/log.h"
#include "sfu/io/worker_internal.h"

static const char topic[] = "worker";

void worker_count_garbage(struct worker *worker, enum garbage kind)
{
        struct sfu_counters *c = &worker->counters;
        uint64_t uncounted = 0;
        const struct {
                uint64_t *counter;
                const char *text;
        } kinds[] = {
                [GARBAGE_STUN] = { &c->stun_bad, "malformed or unauthorised STUN" },
                [GARBAGE_DTLS] = { &c->dtls_bad, "unusable DTLS" },
                [GARBAGE_SRTP] = { &c->srtp_bad, "SRTP that does not verify" },
                [GARBAGE_RTP] = { &uncounted, "unusable RTP" },
                [GARBAGE_UNKNOWN] = { &c->rtp_bad, "a datagram of no known protocol" },
                [GARBAGE_RTCP] = { &c->rtcp_bad, "unusable RTCP" },
                [GARBAGE_UNKNOWN_SOURCE] = { &c->unknown_source, "a datagram from a stranger" },
                [GARBAGE_OVERSIZE] = { &c->oversize, "an oversized datagram" },
                [GARBAGE_RATE] = { &c->rate_limited, "too many ClientHellos from one host" },
        };
        static struct log_limit limits[N_GARBAGE];

        ++*kinds[kind].counter;
        log_limited(&limits[kind], LOG_WARN, topic, "port %u got %s", worker->socket.port,
                    kinds[kind].text);
}

/* The copy is read by the signalling thread while we write it; each
 * number by itself is whole, which is all that is promised. */

enum { N_COUNTERS = offsetof(struct sfu_counters, peers) / sizeof(uint64_t) };

static void add_trains(const struct worker *worker, struct sfu_counters *counters)
{
        const struct send_counts *sent = send_batch_counts(worker->batch);

        counters->send_dropped = sent->dropped;
        counters->gso_messages = sent->gso_messages;
        counters->gso_segments = sent->gso_segments;
        counters->plain_messages = sent->plain_messages;
        udp_receiver_count(worker->receiver, &counters->gro_messages, &counters->gro_segments);
}

void worker_publish(struct worker *worker)
{
        const struct tcp_counters tcp = tcp_server_counters(worker->tcp);
        struct sfu_counters now = worker->counters;
        const uint64_t *from = (const uint64_t *)&now;
        uint64_t *to = (uint64_t *)&worker->shared;
        struct room *room;
        size_t at = 0;

        while ((room = u64_map_next(&worker->rooms, &at)))
                media_room_add_counters(room->media, &now);
        add_trains(worker, &now);
        now.send_dropped += tcp.send_dropped;
        now.tcp_accepted = tcp.accepted;
        now.tcp_refused = tcp.refused;
        for (size_t i = 0; i < N_COUNTERS; i++)
                __atomic_store_n(&to[i], from[i], __ATOMIC_RELAXED);
        __atomic_store_n(&worker->shared.peers, (uint32_t)worker->peers.n, __ATOMIC_RELAXED);
        __atomic_store_n(&worker->shared.tcp_open, tcp.open, __ATOMIC_RELAXED);
}

void worker_add_counters(const struct worker *worker, struct sfu_counters *sum)
{
        const uint64_t *from = (const uint64_t *)&worker->shared;
        uint64_t *to = (uint64_t *)sum;

        for (size_t i = 0; i < N_COUNTERS; i++)
                to[i] += __atomic_load_n(&from[i], __ATOMIC_RELAXED);
        sum->peers += __atomic_load_n(&worker->shared.peers, __ATOMIC_RELAXED);
        sum->tcp_open += __atomic_load_n(&worker->shared.tcp_open, __ATOMIC_RELAXED);
}
