/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/io/worker.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/rand.h"
#include "sfu/io/feed.h"
#include "sfu/io/peer.h"
#include "sfu/io/worker_internal.h"

enum {
        /* 55 MB of address space; memory only as far as rings of shown layers fill it. */
        POOL_PACKETS = 32768,
        COMMANDS = 4096,
        LATE_RETRY_MS = 5,
        COMMANDS_TURN_US = 1000,
        PUBLISH_INTERVAL_US = 250 * 1000,
        SLOW_US = 20 * 1000,
        /* A hall of delegates behind one address joins in a second or two; a
         * hello is two datagrams. */
        HELLOS_PER_SECOND = 500,
        HELLOS_BURST = 1000,
};

static const char topic[] = "worker";

/* Rooms. */

void worker_touch_room(struct worker *worker, struct room *room)
{
        if (room->dirty)
                return;
        room->dirty = true;
        room->next_dirty = worker->dirty;
        worker->dirty = room;
}

static void on_room_timer(void *owner, int64_t now_us)
{
        struct room *room = owner;

        media_room_on_timeout(room->media, now_us, clock_wall_us());
        worker_touch_room(room->worker, room);
}

static struct room *room_get(struct worker *worker, uint64_t id, int64_t now_us)
{
        struct room *room = u64_map_get(&worker->rooms, id);
        struct media_out out = {
                .reserve = peer_reserve,
                .commit_rtp = peer_commit_rtp,
                .commit_rtcp = peer_commit_rtcp,
                .prefetch = peer_prefetch,
                .event = worker_on_event,
                .relay = worker_on_relay,
                .tap = worker_on_record,
        };
        uint64_t seed;

        if (room)
                return room;
        room = calloc(1, sizeof(*room));
        if (!room)
                return NULL;
        out.user = room;
        room->worker = worker;
        room->id = id;
        room->timer = (struct timer){ .fire = on_room_timer, .owner = room };
        rand_bytes(&seed, sizeof(seed));
        if (u64_map_reserve(&worker->rooms) < 0 || media_room_new(&room->media, &out, seed) < 0 ||
            (worker->config.links &&
             media_room_span(room->media, worker->config.index, worker->config.n_workers) < 0) ||
            timer_heap_add(&worker->timers, &room->timer) < 0) {
                media_room_free(room->media);
                free(room);
                return NULL;
        }
        u64_map_put(&worker->rooms, id, room);
        worker_tap_room(worker, room, now_us);
        return room;
}

static void room_end(struct worker *worker, struct room *room)
{
        worker_forget_work(worker, room);
        worker_untap_room(worker, room);
        media_room_add_counters(room->media, &worker->counters);
        u64_map_remove(&worker->rooms, room->id);
        timer_heap_remove(&worker->timers, &room->timer);
        media_room_free(room->media);
        free(room);
}

static void settle_rooms(struct worker *worker)
{
        struct room *again = NULL;

        while (worker->dirty) {
                struct room *room = worker->dirty;
                bool told = media_room_relay(room->media);

                worker->dirty = room->next_dirty;
                room->dirty = false;
                if (told && room->n_peers == 0) {
                        room_end(worker, room);
                        continue;
                }
                timer_heap_set(&worker->timers, &room->timer, media_room_deadline_us(room->media));
                if (!told) {
                        room->dirty = true;
                        room->next_dirty = again;
                        again = room;
                }
        }
        worker->dirty = again;
        worker_publish_links(worker);
}

/* Who falls silent. */

static void on_sweep(void *owner, int64_t now_us)
{
        struct worker *worker = owner;
        bool anybody = false;
        struct peer *peer;
        size_t at = 0;

        while ((peer = u64_map_next(&worker->peers, &at)))
                anybody |= peer_sweep(peer);
        if (anybody)
                worker_sweep_soon(worker, now_us);
}

/* Commands. */

static void on_open(struct worker *worker, struct worker_peer *params, int64_t now_us)
{
        struct peer *old = params->replaces ? u64_map_get(&worker->peers, params->replaces) : NULL;
        struct room *room = room_get(worker, params->room, now_us);
        int r = -ENOMEM;

        if (old)
                peer_gone(old, SFU_GONE_REPLACED, now_us);
        if (room) {
                r = peer_open(worker, room, params, now_us);
                worker_touch_room(worker, room);
        }
        if (r != 0) {
                struct worker_report report = { .event = { .type = SFU_EV_GONE,
                                                           .room = params->room,
                                                           .peer = params->id,
                                                           .participant = params->participant,
                                                           .gone_reason = SFU_GONE_FAILED } };

                log_line(LOG_ERROR, topic, "room=%" PRIu64 " peer=%" PRIu64 " cannot be opened: %s",
                         params->room, params->id, r < 0 ? strerror(-r) : "the room is full");
                worker_report(worker, &report);
        }
}

static void on_stats(struct worker *worker, const struct worker_command *command,
                     const struct peer *peer, int64_t now_us)
{
        struct worker_report report = { .done = command->stats.done, .user = command->stats.user };

        if (peer)
                report.stats = malloc(sizeof(*report.stats));
        if (report.stats)
                peer_stats(peer, now_us, report.stats);
        worker_report(worker, &report);
}

static void on_peer_command(struct worker *worker, const struct worker_command *command,
                            struct peer *peer, int64_t now_us)
{
        worker_touch_room(worker, peer->room);
        switch (command->type) {
        case WORKER_CLOSE:
                peer_close(peer, now_us);
                break;
        case WORKER_DISMISS:
                peer_gone(peer, command->reason, now_us);
                break;
        case WORKER_RESTART:
                peer_restart(peer, command->restart);
                break;
        case WORKER_VIEW:
                media_peer_set_view(peer->media, command->view.views, command->view.n, now_us);
                break;
        case WORKER_MUTE:
                steady_reset(&peer->heard_media);
                media_peer_set_muted(peer->media, command->mute.kind, command->mute.muted, now_us);
                break;
        case WORKER_CODEC:
                if (peer->feed)
                        feed_want_codec(peer->feed, command->codec);
                break;
        case WORKER_OPEN:
        case WORKER_STATS:
        case WORKER_TAP:
        case WORKER_UNTAP:
        case WORKER_STOP:
                break;
        }
}

static void free_payload(const struct worker_command *command)
{
        if (command->type == WORKER_OPEN) {
                closep(&command->open->feed_fd);
                explicit_bzero(command->open->pwd, sizeof(command->open->pwd));
                free(command->open);
        } else if (command->type == WORKER_RESTART) {
                explicit_bzero(command->restart->pwd, sizeof(command->restart->pwd));
                free(command->restart);
        } else if (command->type == WORKER_VIEW) {
                free(command->view.views);
        } else if (command->type == WORKER_TAP) {
                closep(&command->tap->fd);
                free(command->tap);
        }
}

static void on_command(struct worker *worker, const struct worker_command *command, int64_t now_us)
{
        struct peer *peer = u64_map_get(&worker->peers, command->peer);

        if (command->type == WORKER_STOP)
                worker->stopping = true;
        else if (command->type == WORKER_OPEN)
                on_open(worker, command->open, now_us);
        else if (command->type == WORKER_STATS)
                on_stats(worker, command, peer, now_us);
        else if (command->type == WORKER_TAP)
                worker_open_tap(worker, command->tap, now_us);
        else if (command->type == WORKER_UNTAP)
                worker_close_tap(worker, command->peer, now_us);
        else if (peer)
                on_peer_command(worker, command, peer, now_us);
        free_payload(command);
}

/* The loop. */

int64_t worker_warn_if_slow(const struct worker *worker, const char *what, int64_t since_us)
{
        static struct log_limit limit;
        int64_t now_us = clock_now_us();

        if (now_us - since_us > SLOW_US)
                log_limited(&limit, LOG_WARN, topic, "port %u: %s took %" PRId64 " ms",
                            worker->socket.port, what, (now_us - since_us) / 1000);
        return now_us;
}

static void run_commands(struct worker *worker)
{
        struct worker_command command;
        int64_t now_us = clock_now_us(), end_us = now_us + COMMANDS_TURN_US;

        worker_is_at(worker, "commands");
        mailbox_clear(worker->commands);
        worker->more_commands = true; /* what is left comes in the next turn */
        while (!worker->stopping && now_us < end_us) {
                if (!mailbox_take(worker->commands, &command)) {
                        worker->more_commands = false;
                        return;
                }
                on_command(worker, &command, now_us);
                now_us = worker_warn_if_slow(worker, "a command", now_us);
        }
}

static void finish_turn(struct worker *worker)
{
        int64_t now_us = clock_now_us();

        if (timer_heap_next_us(&worker->timers) <= now_us)
                worker->unpublished = true;
        worker_publish_links(worker);
        worker_is_at(worker, "distribution");
        worker_distribute(worker);
        now_us = worker_warn_if_slow(worker, "distribution", now_us);
        worker_is_at(worker, "handshakes");
        worker_run_handshakes(worker);
        now_us = worker_warn_if_slow(worker, "a handshake", now_us);
        worker_is_at(worker, "timers");
        timer_heap_run(&worker->timers, now_us);
        now_us = worker_warn_if_slow(worker, "a round of timers", now_us);
        worker_is_at(worker, "sending");
        settle_rooms(worker);
        send_batch_flush(worker->batch);
        tcp_server_flush(worker->tcp);
        worker->more_records = worker_flush_taps(worker);
        now_us = worker_warn_if_slow(worker, "a flush", now_us);
        worker_retry_late(worker);
        if (now_us >= worker->publish_us) {
                worker_publish(worker);
                worker->publish_us = now_us + PUBLISH_INTERVAL_US;
                worker->unpublished = false;
        }
        if (worker->reported) {
                worker->reported = false;
                if (worker->config.wake)
                        worker->config.wake(worker->config.wake_user);
        }
}

/* Milliseconds to sleep at most, -1 for ever. */
static int sleep_ms(const struct worker *worker)
{
        int64_t due_us = timer_heap_next_us(&worker->timers), left_us;

        if (worker->n_busy > 0 || worker->n_handshakes > 0 || worker->more_commands ||
            worker->more_records)
                return 0;
        if (worker->n_late > 0 || worker->dirty)
                return LATE_RETRY_MS;
        if (worker->unpublished && worker->publish_us < due_us)
                due_us = worker->publish_us;
        if (worker->patience.due_us < due_us)
                due_us = worker->patience.due_us;
        if (due_us == INT64_MAX)
                return -1;
        left_us = due_us - clock_now_us();
        if (left_us <= 0)
                return 0;
        return left_us > 60 * 1000000 ? 60 * 1000 : (int)((left_us + 999) / 1000);
}

static void say_goodbye(struct worker *worker)
{
        int64_t now_us = clock_now_us();
        struct room *room;

        for (;;) {
                size_t at = 0;
                struct peer *peer = u64_map_next(&worker->peers, &at);

                if (!peer)
                        break;
                peer_close(peer, now_us);
        }
        settle_rooms(worker);
        worker->dirty = NULL; /* whoever was not told ends as well */
        for (size_t at = 0; (room = u64_map_next(&worker->rooms, &at)); at = 0)
                room_end(worker, room);
        send_batch_flush(worker->batch);
        tcp_server_flush(worker->tcp);
        (void)worker_flush_taps(worker);
        worker_close_taps(worker);
        worker_publish(worker);
}

void worker_run(struct worker *worker)
{
        worker_heart_beats(worker);
        while (!worker->stopping) {
                struct epoll_event events[4];
                bool reports = false;
                int ms = sleep_ms(worker), n;

                if (ms != 0 && !worker_may_sleep(worker))
                        ms = 0;
                worker_heart_rests(worker);
                n = epoll_wait(worker->epoll_fd, events, ARRAY_LEN(events), ms);
                worker_heart_beats(worker);
                worker_awake(worker);
                if (worker->config.on_turn)
                        worker->config.on_turn(worker->config.on_turn_user, worker->config.index);
                for (int i = 0; i < n; i++) {
                        /* Whatever happened, the counters moved. */
                        worker->unpublished = true;
                        if (events[i].data.fd == worker->socket.fd)
                                worker_run_datagrams(worker);
                        else if (events[i].data.fd == worker->socket.patient_fd)
                                reports = true;
                        else if (events[i].data.fd == tcp_server_fd(worker->tcp))
                                worker_run_tcp(worker);
                        else if (events[i].data.fd == mailbox_fd(worker->commands))
                                worker->more_commands = true;
                        else if (worker->config.links &&
                                 events[i].data.fd ==
                                         link_fd(worker->config.links, worker->config.index))
                                link_clear(worker->config.links, worker->config.index);
                        else if (!worker_on_feed_event(worker, events[i].data.fd))
                                worker_on_tap_event(worker, events[i].data.fd, events[i].events);
                }
                worker_run_patient(worker, reports);
                if (worker->more_commands)
                        run_commands(worker);
                worker_run_links(worker);
                finish_turn(worker);
        }
        say_goodbye(worker);
}

/* Life. */

static int watch(struct worker *worker, int fd)
{
        struct epoll_event event = { .events = EPOLLIN, .data.fd = fd };

        return epoll_ctl(worker->epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0 ? -errno : 0;
}

static int open_files(struct worker *worker)
{
        int r;

        worker->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
        if (worker->epoll_fd < 0)
                return -errno;
        r = worker_open_ports(worker);
        if (r == 0)
                r = mailbox_new(&worker->commands, sizeof(struct worker_command), COMMANDS);
        if (r == 0)
                r = watch(worker, worker->socket.fd);
        if (r == 0 && worker->socket.patient_fd >= 0)
                r = watch(worker, worker->socket.patient_fd);
        if (r == 0)
                r = watch(worker, tcp_server_fd(worker->tcp));
        if (r == 0)
                r = watch(worker, mailbox_fd(worker->commands));
        if (r == 0 && worker->config.links)
                r = watch(worker, link_fd(worker->config.links, worker->config.index));
        return r;
}

static int make_sweep(struct worker *worker)
{
        int r;

        worker->sweep.fire = on_sweep;
        r = timer_heap_add(&worker->timers, &worker->sweep);
        if (r == 0)
                worker->sweep.owner = worker;
        return r;
}

static int make_parts(struct worker *worker)
{
        int r = pkt_pool_new(&worker->pool, POOL_PACKETS);

        if (r == 0)
                r = udp_receiver_new(&worker->receiver);
        if (r == 0)
                r = send_batch_new(&worker->batch, &worker->socket);
        if (r == 0)
                r = ice_new(&worker->ice);
        if (r == 0)
                r = addr_map_new(&worker->addrs, rand_u32());
        if (r == 0)
                r = make_sweep(worker);
        if (r == 0)
                r = worker_reports_new(worker);
        return r;
}

int worker_new(struct worker **ret_worker, const struct worker_config *config)
{
        cleanup(worker_freep) struct worker *worker = calloc(1, sizeof(*worker));
        int r;

        if (!worker)
                return -ENOMEM;
        worker->config = *config;
        worker->epoll_fd = worker->socket.fd = worker->socket.patient_fd = -1;
        patience_init(&worker->patience);
        rate_limit_init(&worker->hellos, HELLOS_PER_SECOND, HELLOS_BURST, rand_u32());
        r = open_files(worker);
        if (r == 0)
                r = make_parts(worker);
        if (r < 0)
                return r;
        *ret_worker = take_ptr(worker);
        return 0;
}

static void drain(struct worker *worker)
{
        struct worker_command command;
        struct worker_report report;

        while (worker->commands && mailbox_take(worker->commands, &command)) {
                if (command.type == WORKER_STATS)
                        command.stats.done(command.stats.user, NULL);
                free_payload(&command);
        }
        while (worker->reports && worker_take(worker, &report)) {
                if (report.done)
                        report.done(report.user, NULL);
                free(report.stats);
                worker_retry_late(worker);
        }
}

struct worker *worker_free(struct worker *worker)
{
        if (!worker)
                return NULL;
        worker_stop(worker);
        drain(worker);
        worker_drop_handshakes(worker);
        u64_map_done(&worker->peers);
        u64_map_done(&worker->rooms);
        tcp_server_free(worker->tcp);
        if (worker->sweep.owner)
                timer_heap_remove(&worker->timers, &worker->sweep);
        timer_heap_done(&worker->timers);
        addr_map_free(worker->addrs);
        ice_free(worker->ice);
        send_batch_free(worker->batch);
        udp_receiver_free(worker->receiver);
        pkt_pool_free(worker->pool);
        mailbox_free(worker->commands);
        worker_reports_free(worker);
        udp_close(&worker->socket);
        closep(&worker->epoll_fd);
        free(worker);
        return NULL;
}

uint16_t worker_port(const struct worker *worker)
{
        return worker->socket.port;
}

int worker_post(struct worker *worker, const struct worker_command *command)
{
        return mailbox_put(worker->commands, command);
}

bool worker_take(struct worker *worker, struct worker_report *ret_report)
{
        return mailbox_take(worker->reports, ret_report);
}
