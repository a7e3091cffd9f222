/* SPDX-License-Identifier: Apache-2.0 */
/* The worker's share of each tap. A tap is for a room by number, whether the room lives
 * here now, or ends and begins again. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "sfu/core/media_tap.h"
#include "sfu/io/tap.h"
#include "sfu/io/worker_internal.h"

static const char topic[] = "tap";

enum { CLOSING_TURNS = 16 }; /* of what waits for the job's last look */

struct worker_tap {
        struct worker_tap *next;
        struct worker *worker;
        uint64_t id, room_id;
        enum sfu_tap_mode mode;
        struct tap *tap;
        struct room *room; /* NULL: it does not live here */
        struct media_tap *media;
        bool waits; /* something is to be written */
        bool blocked;
};

static void watch(const struct worker_tap *tap, int operation, uint32_t events)
{
        struct epoll_event event = { .events = events, .data.fd = tap_fd(tap->tap) };

        (void)epoll_ctl(tap->worker->epoll_fd, operation, tap_fd(tap->tap), &event);
}

static void attach(struct worker_tap *tap, struct room *room, int64_t now_us)
{
        int r = media_room_add_tap(room->media, &tap->media, tap->mode, tap, now_us);

        if (r < 0) {
                log_line(LOG_ERROR, topic, "room=%" PRIu64 " cannot be tapped: %s", room->id,
                         strerror(-r));
                return;
        }
        tap->room = room;
        worker_touch_room(tap->worker, room);
}

static void detach(struct worker_tap *tap, int64_t now_us)
{
        if (!tap->room)
                return;
        media_room_remove_tap(tap->room->media, tap->media, now_us);
        worker_touch_room(tap->worker, tap->room);
        tap->room = NULL;
        tap->media = NULL;
}

/* Takes over what open holds. */
void worker_open_tap(struct worker *worker, struct worker_tap_open *open, int64_t now_us)
{
        struct worker_tap *tap = calloc(1, sizeof(*tap));
        struct room *room = u64_map_get(&worker->rooms, open->room);
        int r = tap ? tap_new(&tap->tap, open->fd) : -ENOMEM;

        if (r < 0) {
                log_line(LOG_ERROR, topic, "room=%" PRIu64 " cannot be tapped: %s", open->room,
                         strerror(-r));
                free(tap);
                return;
        }
        open->fd = -1;
        tap->worker = worker;
        tap->id = open->id;
        tap->room_id = open->room;
        tap->mode = open->mode;
        tap->next = worker->taps;
        worker->taps = tap;
        watch(tap, EPOLL_CTL_ADD, 0); /* errors and its end are told anyway */
        if (room)
                attach(tap, room, now_us);
}

static void end(struct worker_tap **at, int64_t now_us)
{
        struct worker_tap *tap = *at;

        *at = tap->next;
        detach(tap, now_us);
        /* Other workers have the same socket: closing ours would not take it out. */
        watch(tap, EPOLL_CTL_DEL, 0);
        tap_free(tap->tap);
        free(tap);
}

void worker_close_tap(struct worker *worker, uint64_t id, int64_t now_us)
{
        for (struct worker_tap **at = &worker->taps; *at; at = &(*at)->next) {
                if ((*at)->id != id)
                        continue;
                for (int i = 0; i < CLOSING_TURNS && tap_flush((*at)->tap) == TAP_MORE; i++)
                        ;
                end(at, now_us);
                return;
        }
}

void worker_close_taps(struct worker *worker)
{
        while (worker->taps)
                end(&worker->taps, clock_now_us());
}

void worker_tap_room(struct worker *worker, struct room *room, int64_t now_us)
{
        for (struct worker_tap *tap = worker->taps; tap; tap = tap->next) {
                if (tap->room_id == room->id)
                        attach(tap, room, now_us);
        }
}

void worker_untap_room(struct worker *worker, const struct room *room)
{
        for (struct worker_tap *tap = worker->taps; tap; tap = tap->next) {
                if (tap->room != room)
                        continue;
                tap->room = NULL; /* the room frees its side */
                tap->media = NULL;
        }
}

bool worker_on_record(void *user, void *tag, const struct job_record *record)
{
        struct worker_tap *tap = tag;

        (void)user;
        tap->waits = true;
        return tap_put(tap->tap, record);
}

/* Returns false when the job is gone. */
static bool flush(struct worker_tap *tap)
{
        bool was_blocked = tap->blocked;
        enum tap_flush r = tap_flush(tap->tap);

        tap->waits = r == TAP_MORE;
        tap->blocked = r == TAP_BLOCKED;
        if (tap->blocked != was_blocked)
                watch(tap, EPOLL_CTL_MOD, tap->blocked ? EPOLLOUT : 0);
        if (tap->room && tap_take_relief(tap->tap)) {
                media_tap_on_room(tap->media, clock_now_us());
                worker_touch_room(tap->worker, tap->room);
        }
        return r != TAP_BROKEN;
}

bool worker_flush_taps(struct worker *worker)
{
        struct worker_tap **at = &worker->taps;
        bool more = false;

        while (*at) {
                struct worker_tap *tap = *at;

                if (tap->waits && !tap->blocked && !flush(tap)) {
                        /* A job that got no more from here gets no more at all. */
                        (void)shutdown(tap_fd(tap->tap), SHUT_RDWR);
                        end(at, clock_now_us());
                        continue;
                }
                more |= tap->waits && !tap->blocked;
                at = &tap->next;
        }
        return more;
}

void worker_on_tap_event(struct worker *worker, int fd, uint32_t events)
{
        struct worker_tap **at = &worker->taps;

        while (*at && tap_fd((*at)->tap) != fd)
                at = &(*at)->next;
        if (!*at)
                return;
        if (events & (EPOLLERR | EPOLLHUP)) {
                end(at, clock_now_us());
        } else if ((*at)->blocked) {
                (*at)->blocked = false;
                (*at)->waits = true;
                watch(*at, EPOLL_CTL_MOD, 0);
        }
}
