/* SPDX-License-Identifier: Apache-2.0 */
#include "load/io/swarm.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/rand.h"

enum {
        EVENTS = 32, /* few: sources are looked at between two batches */
        BATCH = 8,   /* reads of one socket at a time, each a train */
        READ_BYTES = 65536,
        SWEEP_US = 2000,
        TAIL_US = 250 * 1000, /* a picture that rested for longer was not cut short */
};

struct swarm {
        struct swarm_params params;
        int epoll;
        struct guest_shared shared;
        size_t n;
        struct guest **guests;
        size_t n_publishers;
        struct guest **publishers;
        size_t swept; /* guests visited in the present round */
        int64_t round_us, stopped_us;

        struct mmsghdr msgs[BATCH];
        struct iovec iovs[BATCH];
        struct {
                _Alignas(struct cmsghdr) uint8_t bytes[128];
        } controls[BATCH];
        uint8_t *buffers; /* BATCH * READ_BYTES */
};

static int watch(struct swarm *swarm, int fd, void *what)
{
        struct epoll_event event = { .events = EPOLLIN, .data.ptr = what };

        return epoll_ctl(swarm->epoll, EPOLL_CTL_ADD, fd, &event) < 0 ? -errno : 0;
}

int swarm_new(struct swarm **ret_swarm, const struct swarm_params *params)
{
        cleanup(swarm_freep) struct swarm *swarm = calloc(1, sizeof(*swarm));
        static const uint16_t all_attributes[] = { 0 };

        if (!swarm)
                return -ENOMEM;
        swarm->params = *params;
        swarm->epoll = epoll_create1(EPOLL_CLOEXEC);
        if (swarm->epoll < 0)
                return -errno;
        swarm->guests = calloc(params->max_guests, sizeof(struct guest *));
        swarm->publishers = calloc(params->max_guests, sizeof(struct guest *));
        swarm->buffers = malloc((size_t)BATCH * READ_BYTES);
        if (!swarm->guests || !swarm->publishers || !swarm->buffers)
                return -ENOMEM;
        swarm->shared.identity = params->identity;
        swarm->shared.source = params->source;
        swarm->shared.trains = params->trains;
        swarm->shared.nonce = (uint16_t)rand_u32();
        stun_agent_init(&swarm->shared.stun, all_attributes, STUN_COMPATIBILITY_RFC5389,
                        STUN_AGENT_USAGE_SHORT_TERM_CREDENTIALS | STUN_AGENT_USAGE_USE_FINGERPRINT);
        if (watch(swarm, mailbox_fd(params->joined), NULL) < 0)
                return -EIO;
        *ret_swarm = take_ptr(swarm);
        return 0;
}

struct swarm *swarm_free(struct swarm *swarm)
{
        if (!swarm)
                return NULL;
        for (size_t i = 0; i < swarm->n; i++)
                guest_free(swarm->guests[i]);
        closep(&swarm->epoll);
        free(swarm->guests);
        free(swarm->publishers);
        free(swarm->buffers);
        free(swarm);
        return NULL;
}

static struct guest *dead_guest(struct swarm *swarm, struct join *join)
{
        struct guest *guest = calloc(1, sizeof(*guest));

        if (guest)
                *guest = (struct guest){ .shared = &swarm->shared,
                                         .join = join,
                                         .state = GUEST_FAILED };
        return guest;
}

static void take_join(struct swarm *swarm, struct join *join, int64_t now_us)
{
        struct guest *guest = NULL;

        if (swarm->n == swarm->params.max_guests) {
                join_free(join);
                return;
        }
        if (join->error[0] || guest_new(&guest, &swarm->shared, join, now_us) < 0)
                guest = dead_guest(swarm, join);
        if (!guest) {
                join_free(join);
                return;
        }
        if (guest->state != GUEST_FAILED && watch(swarm, join->fd, guest) < 0)
                guest->state = GUEST_FAILED;
        swarm->guests[swarm->n++] = guest;
        if (join->publishes)
                swarm->publishers[swarm->n_publishers++] = guest;
}

static void take_joins(struct swarm *swarm, int64_t now_us)
{
        struct join *join;

        mailbox_clear(swarm->params.joined);
        while (mailbox_take(swarm->params.joined, &join))
                take_join(swarm, join, now_us);
}

/* ---- reading ---- */

/* The size of a train's segments, or of the whole. */
static size_t read_control(struct swarm *swarm, struct guest *guest, struct msghdr *msg, size_t len)
{
        size_t segment = len;

        for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
                uint32_t value;

                memcpy(&value, CMSG_DATA(c), sizeof(value));
                if (c->cmsg_level == SOL_UDP && c->cmsg_type == UDP_GRO) {
                        segment = value;
                } else if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SO_RXQ_OVFL) {
                        swarm->shared.tally.socket_drops += value - guest->drops;
                        guest->drops = value;
                }
        }
        swarm->shared.tally.trains += segment < len;
        return segment > 0 ? segment : len;
}

static void read_guest(struct swarm *swarm, struct guest *guest)
{
        int64_t now_us;
        int got;

        for (size_t i = 0; i < BATCH; i++) {
                swarm->iovs[i] = (struct iovec){ swarm->buffers + i * READ_BYTES, READ_BYTES };
                swarm->msgs[i].msg_hdr = (struct msghdr){
                        .msg_iov = &swarm->iovs[i],
                        .msg_iovlen = 1,
                        .msg_control = &swarm->controls[i],
                        .msg_controllen = sizeof(swarm->controls[i]),
                };
        }
        got = recvmmsg(guest->join->fd, swarm->msgs, BATCH, MSG_DONTWAIT, NULL);
        now_us = clock_now_us();
        if (got < 0 && errno == ECONNREFUSED)
                guest_on_refused(guest);
        for (int i = 0; i < got; i++) {
                size_t len = swarm->msgs[i].msg_len;
                size_t segment = read_control(swarm, guest, &swarm->msgs[i].msg_hdr, len);

                for (size_t at = 0; at < len; at += segment)
                        guest_on_datagram(guest, swarm->buffers + (size_t)i * READ_BYTES + at,
                                          len - at < segment ? len - at : segment, now_us);
        }
        guest_after_reading(guest, now_us);
}

/* ---- time ---- */

static int64_t run_sources(struct swarm *swarm)
{
        int64_t at_us = INT64_MAX;

        for (size_t i = 0; i < swarm->n_publishers; i++) {
                struct publisher *publisher = swarm->publishers[i]->publisher;
                int64_t next_us, now_us;

                if (!publisher || swarm->publishers[i]->state != GUEST_UP)
                        continue;
                next_us = publisher_deadline_us(publisher);
                now_us = clock_now_us();
                if (next_us <= now_us) {
                        publisher_run(publisher, now_us);
                        next_us = publisher_deadline_us(publisher);
                }
                if (next_us < at_us)
                        at_us = next_us;
        }
        return at_us;
}

/* Everybody once in each RECEIVER_FEEDBACK_US, some in each turn. */
static void sweep(struct swarm *swarm, int64_t now_us)
{
        int64_t passed_us = now_us - swarm->round_us;
        size_t until;

        if (passed_us >= 2 * RECEIVER_FEEDBACK_US) { /* we were held up: begin anew */
                swarm->round_us = now_us - RECEIVER_FEEDBACK_US;
                passed_us = RECEIVER_FEEDBACK_US;
        }
        until = passed_us >= RECEIVER_FEEDBACK_US
                        ? swarm->n
                        : swarm->n * (size_t)passed_us / RECEIVER_FEEDBACK_US;
        while (swarm->swept < until)
                guest_on_time(swarm->guests[swarm->swept++], now_us);
        if (passed_us >= RECEIVER_FEEDBACK_US) {
                swarm->swept = 0;
                swarm->round_us += RECEIVER_FEEDBACK_US;
        }
}

void swarm_turn(struct swarm *swarm, int64_t until_us)
{
        struct epoll_event events[EVENTS];
        int64_t now_us = clock_now_us(), at_us = run_sources(swarm), wait_us;
        struct timespec wait;
        int n;

        if (swarm->n > 0 && now_us + SWEEP_US < until_us)
                until_us = now_us + SWEEP_US;
        if (until_us < at_us)
                at_us = until_us;
        wait_us = at_us - clock_now_us();
        if (wait_us < 0)
                wait_us = 0;
        wait = (struct timespec){ wait_us / 1000000, wait_us % 1000000 * 1000 };
        n = epoll_pwait2(swarm->epoll, events, EVENTS, &wait, NULL);
        for (int i = 0; i < n; i++) {
                if (events[i].data.ptr)
                        read_guest(swarm, events[i].data.ptr);
                else
                        take_joins(swarm, clock_now_us());
        }
        sweep(swarm, clock_now_us());
}

void swarm_stop(struct swarm *swarm)
{
        swarm->stopped_us = clock_now_us();
        for (size_t i = 0; i < swarm->n_publishers; i++)
                if (swarm->publishers[i]->publisher)
                        publisher_stop(swarm->publishers[i]->publisher);
}

static void count_tail(struct swarm *swarm, struct receiver *receiver, struct receiver_slot *slot)
{
        enum tally_kind kind = slot->sdp.sound ? TALLY_SOUND : TALLY_PICTURE;
        uint32_t last;

        for (size_t i = 0; i < swarm->n_publishers; i++) {
                const struct publisher *publisher = swarm->publishers[i]->publisher;

                if (publisher && publisher_last(publisher, slot->meter.now.stream, &last))
                        meter_finish(&slot->meter, &receiver->tally->counts[kind],
                                     slot->meter.now.stream, last);
        }
}

void swarm_count_tails(struct swarm *swarm)
{
        for (size_t i = 0; i < swarm->n; i++) {
                struct receiver *receiver = swarm->guests[i]->receiver;

                for (size_t k = 0; receiver && k < receiver->n_slots; k++)
                        if (receiver->slots[k].sdp.sound ||
                            swarm->stopped_us - receiver->slots[k].last_us < TAIL_US)
                                count_tail(swarm, receiver, &receiver->slots[k]);
        }
}

struct tally *swarm_tally(struct swarm *swarm)
{
        return &swarm->shared.tally;
}

int64_t swarm_heard_us(const struct swarm *swarm)
{
        return swarm->shared.heard_us;
}

size_t swarm_size(const struct swarm *swarm)
{
        return swarm->n;
}

const struct guest *swarm_at(const struct swarm *swarm, size_t i)
{
        return swarm->guests[i];
}
