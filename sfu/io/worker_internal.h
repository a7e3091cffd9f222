/* SPDX-License-Identifier: Apache-2.0 */
/*
 * worker_internal — what the worker_….c files and peer.c share with each
 *                   other, and with nobody else. All of it belongs to the worker's thread.
 *
 * One loop turn: datagrams, feedback if it is time for it (patience.h), commands, what
 * other workers hand over; then they are
 * shown what we have for them, and what came is distributed, sound of all rooms
 * first; then handshakes. Each of these has a few milliseconds: what is left waits
 * for the next turn, which begins without sleeping. Then timers, for every room
 * touched its new deadline, and a flush of all that was written meanwhile; jobs last.
 */
#ifndef SFU_IO_WORKER_INTERNAL_H
#define SFU_IO_WORKER_INTERNAL_H

#include <pthread.h>

#include "base/mailbox.h"
#include "base/rate_limit.h"
#include "sfu/core/media_room.h"
#include "sfu/core/patience.h"
#include "sfu/core/steady.h"
#include "sfu/io/addr_map.h"
#include "sfu/io/link.h"
#include "sfu/io/send_batch.h"
#include "sfu/io/tcp.h"
#include "sfu/io/timer_heap.h"
#include "sfu/io/u64_map.h"
#include "sfu/io/worker.h"

/* Kinds of datagrams that help nobody: each has its counter and its log line. */
enum garbage {
        GARBAGE_STUN,
        GARBAGE_DTLS,
        GARBAGE_SRTP,
        GARBAGE_RTP,     /* decrypted, but not what the room can use; the room counts it */
        GARBAGE_UNKNOWN, /* from a peer, of no protocol of ours */
        GARBAGE_RTCP,
        GARBAGE_UNKNOWN_SOURCE,
        GARBAGE_OVERSIZE,
        GARBAGE_RATE,
        N_GARBAGE,
};

struct room {
        struct worker *worker;
        uint64_t id;
        struct media_room *media;
        size_t n_peers;
        struct timer timer;
        bool dirty; /* in worker->dirty: its deadline may have moved */
        struct room *next_dirty;
        bool busy; /* in worker->busy: packets wait to be distributed */
        struct room *next_busy;
};

/* What the thread says of itself in passing: relaxed atomics only. */
struct worker_heart {
        uint32_t beat;  /* odd in a turn, even while it waits for work */
        pid_t thread;   /* its number for the kernel */
        const char *at; /* of the turn; a literal */
};

enum { WORKER_HANDSHAKES = 1024 }; /* datagrams; a client sends its again */

struct worker {
        struct worker_config config;
        pthread_t thread;
        bool started, stopping;
        struct worker_heart heart;
        int epoll_fd;
        struct udp_socket socket;
        struct patience patience; /* with socket.patient_fd */
        struct tcp_server *tcp;   /* of the same number */
        int64_t tcp_now_us;       /* of the turn that its frames come in */
        struct udp_receiver *receiver;
        struct pkt_pool *pool;
        struct send_batch *batch;
        struct ice *ice;
        struct addr_map *addrs;
        struct rate_limit hellos;
        struct timer_heap timers;
        struct timer sweep; /* set while anybody is heard */
        struct u64_map peers, rooms;
        struct room *dirty;
        struct room *busy, **busy_end; /* a queue; busy_end is valid while n_busy > 0 */
        size_t n_busy;
        struct udp_datagram handshakes[WORKER_HANDSHAKES]; /* DTLS that waits: a ring */
        size_t first_handshake, n_handshakes;

        unsigned next_link; /* the worker whose records are taken next */

        struct worker_tap *taps;
        struct feed *feeds;
        bool more_records; /* than the taps' share of a turn */

        struct mailbox *commands, *reports;
        bool more_commands;         /* than one turn took */
        bool reported;              /* since the last wake */
        struct worker_report *late; /* reports that found the mailbox full: a ring */
        size_t late_first, n_late;

        struct sfu_counters counters; /* of the worker itself and of rooms that ended */
        struct sfu_counters shared;   /* the published copy: relaxed atomics only */
        bool unpublished;
        int64_t publish_us;
};

/* worker.c: the loop, until WORKER_STOP. */
void worker_run(struct worker *worker);

static inline void worker_is_at(struct worker *worker, const char *what)
{
        __atomic_store_n(&worker->heart.at, what, __ATOMIC_RELAXED);
}

/* Around the wait; at first it rests. */
static inline void worker_heart_beats(struct worker *worker)
{
        worker_is_at(worker, "its beginning");
        __atomic_store_n(&worker->heart.beat, worker->heart.beat + 1, __ATOMIC_RELAXED);
}

static inline void worker_heart_rests(struct worker *worker)
{
        __atomic_store_n(&worker->heart.beat, worker->heart.beat + 1, __ATOMIC_RELAXED);
}

/* worker_work.c: what came goes out, and handshakes behind it. */
void worker_distribute(struct worker *worker);
void worker_forget_work(struct worker *worker, struct room *room); /* it ends */
void worker_defer_handshake(struct worker *worker, const struct udp_datagram *datagram);
void worker_run_handshakes(struct worker *worker);
void worker_drop_handshakes(struct worker *worker);

/* worker_datagrams.c. Of the port: what is urgent has come, or may have; and the rest,
 * ready: epoll says so. */
void worker_run_datagrams(struct worker *worker);
void worker_run_patient(struct worker *worker, bool ready);

/* Rooms keep packets for retransmission; false: what is left is for receiving. */
bool worker_has_packets(struct worker *worker);

/* Logs what took long. Returns the time. */
int64_t worker_warn_if_slow(const struct worker *worker, const char *what, int64_t since_us);

void worker_count_garbage(struct worker *worker, enum garbage kind);

/* Copies the counters to where worker_add_counters() reads them. */
void worker_publish(struct worker *worker);

/* A datagram, or a frame of a TCP connection. */
void worker_on_datagram(struct worker *worker, const struct udp_datagram *datagram);

static inline void worker_sweep_soon(struct worker *worker, int64_t now_us)
{
        if (worker->sweep.due_us == INT64_MAX)
                timer_heap_set(&worker->timers, &worker->sweep, now_us + STEADY_SWEEP_US);
}

/* Both sockets of the media port. Returns 0 or -errno. */
must_use int worker_open_ports(struct worker *worker);
void worker_run_tcp(struct worker *worker);

/* worker_report.c. Reports are never lost while the ring of late ones has room. */
must_use int worker_reports_new(struct worker *worker); /* 0 or -errno */
void worker_reports_free(struct worker *worker);
void worker_report(struct worker *worker, const struct worker_report *report);
void worker_retry_late(struct worker *worker);
void worker_on_event(void *room, void *peer, const struct sfu_event *event); /* struct media_out */

/* worker_link.c: nothing where there is one worker. worker_may_sleep() is asked
 * right before the wait, and worker_awake() ends it. */
bool worker_on_relay(void *room, unsigned to, struct media_relay *record);
void worker_run_links(struct worker *worker);
void worker_publish_links(struct worker *worker);
bool worker_may_sleep(struct worker *worker);
void worker_awake(struct worker *worker);

/* worker_taps.c */
void worker_open_tap(struct worker *worker, struct worker_tap_open *open, int64_t now_us);
void worker_close_tap(struct worker *worker, uint64_t id, int64_t now_us);
void worker_close_taps(struct worker *worker);
void worker_tap_room(struct worker *worker, struct room *room, int64_t now_us); /* it begins */
void worker_untap_room(struct worker *worker, const struct room *room);         /* it ends */
bool worker_on_record(void *room, void *tap,
                      const struct job_record *record);                   /* struct media_out */
bool worker_flush_taps(struct worker *worker);                            /* true: more waits */
void worker_on_tap_event(struct worker *worker, int fd, uint32_t events); /* if it is a tap's */

/* At the end of this turn the room's deadline is asked for again, and the other
 * workers are told what changed; a room without peers ends then. */
void worker_touch_room(struct worker *worker, struct room *room);

#endif
