/* SPDX-License-Identifier: Apache-2.0 */
/*
 * floor — what forwarding costs at least: the packets that a server would send,
 *         at the times it would send them, by a program that does nothing else.
 *
 * The sender (one process, one thread) makes each publisher's packets by the
 * same clockwork as `dinh load`, and for each receiver copies them, writes an RTP
 * header, protects them with libsrtp (AES-128-GCM, a key per receiver) and sends
 * them as GSO trains, one flush for what is due together. The receiving process reads
 * with GRO, decrypts and measures as `dinh load` does. No ICE, no RTCP, no
 * retransmission, no decision about anything.
 *
 * floor PUBLISHERS RECEIVERS SOUNDS PICTURES KBPS FPS KEY_SECONDS KEY_RATIO
 *       PACING_PERCENT SECONDS SENDER_CORE RECEIVER_CORE: prints JSON.
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <sched.h>
#include <srtp2/srtp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "load/core/pattern.h"
#include "load/core/source.h"
#include "load/core/tally.h"
#include "load/io/usage.h"
#include "sfu/wire/rtp.h"

enum {
        MAX_PUBLISHERS = 64,
        STREAMS = 2, /* of a publisher: picture, sound */
        SEGMENT = 1200,
        MAX_TRAIN = 50, /* segments: under 64 kB */
        ARENA = 4 * 1024 * 1024,
        MAX_MSGS = 1024,
        HEADER = 20,      /* RTP with one transport-wide number, as a server's has */
        SOUND_MARK = 100, /* added to a publisher's SSRC */
        SRTP_KEY = 28,
        WARM_UP_US = 500 * 1000,
        DRAIN_US = 500 * 1000,
        EVENTS = 32,
        BATCH = 8,
        READ_BYTES = 65536,
        SOCKET_BYTES = 4 * 1024 * 1024,
};

struct plan {
        unsigned publishers, receivers, sounds, pictures;
        struct source_config source;
        unsigned seconds;
        int sender_core, receiver_core;
};

static void must(bool ok, const char *what)
{
        if (ok)
                return;
        perror(what);
        exit(1);
}

static void pin(int core)
{
        cpu_set_t set;

        CPU_ZERO(&set);
        CPU_SET(core, &set);
        must(sched_setaffinity(0, sizeof(set), &set) == 0, "sched_setaffinity");
}

static srtp_t make_session(unsigned receiver, srtp_ssrc_type_t type)
{
        unsigned char key[SRTP_KEY] = { 0 };
        srtp_policy_t policy = { .key = key, .ssrc = { .type = type }, .window_size = 1024 };
        srtp_t session = NULL;

        memcpy(key, &receiver, sizeof(receiver));
        srtp_crypto_policy_set_aes_gcm_128_16_auth(&policy.rtp);
        srtp_crypto_policy_set_aes_gcm_128_16_auth(&policy.rtcp);
        must(srtp_create(&session, &policy) == srtp_err_status_ok, "srtp_create");
        return session;
}

static bool shows(const struct plan *plan, unsigned receiver, unsigned publisher, unsigned n)
{
        return (publisher + plan->publishers - receiver % plan->publishers) % plan->publishers < n;
}

/* ---- receiving ---- */

struct receivers {
        const struct plan *plan;
        int epoll;
        int *fds;
        srtp_t *sessions;
        struct tally tally;
        int64_t begin_us; /* packets that left before do not count */
};

static void open_receivers(struct receivers *r, int ports)
{
        r->epoll = epoll_create1(0);
        r->fds = calloc(r->plan->receivers, sizeof(*r->fds));
        r->sessions = calloc(r->plan->receivers, sizeof(*r->sessions));
        must(r->epoll >= 0 && r->fds && r->sessions, "receivers");
        for (unsigned i = 0; i < r->plan->receivers; i++) {
                struct sockaddr_in name = { .sin_family = AF_INET,
                                            .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
                struct epoll_event event = { .events = EPOLLIN, .data.u32 = i };
                socklen_t len = sizeof(name);
                int on = 1, size = SOCKET_BYTES / 4;

                r->fds[i] = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
                must(r->fds[i] >= 0 && bind(r->fds[i], (struct sockaddr *)&name, len) == 0 &&
                             getsockname(r->fds[i], (struct sockaddr *)&name, &len) == 0 &&
                             setsockopt(r->fds[i], SOL_UDP, UDP_GRO, &on, sizeof(on)) == 0 &&
                             epoll_ctl(r->epoll, EPOLL_CTL_ADD, r->fds[i], &event) == 0,
                     "a receiving socket");
                (void)setsockopt(r->fds[i], SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
                r->sessions[i] = make_session(i, ssrc_any_inbound);
                must(write(ports, &name.sin_port, sizeof(name.sin_port)) == sizeof(name.sin_port),
                     "write");
        }
}

static void take(struct receivers *r, unsigned receiver, uint8_t *data, size_t size, int64_t now_us)
{
        struct pattern pattern;
        enum tally_kind kind;
        int len = (int)size;

        if (srtp_unprotect(r->sessions[receiver], data, &len) != srtp_err_status_ok ||
            pattern_parse(&pattern, data + HEADER, (size_t)len - HEADER) != 0) {
                r->tally.bad++;
                return;
        }
        kind = pattern.stream % STREAMS ? TALLY_SOUND : TALLY_PICTURE;
        if (pattern.sent_ns / 1000 < r->begin_us)
                return;
        r->tally.counts[kind].unique++;
        histogram_add(&r->tally.latency[kind], now_us - pattern.sent_ns / 1000);
}

static void read_one(struct receivers *r, unsigned receiver)
{
        static uint8_t buffers[BATCH][READ_BYTES];
        struct mmsghdr msgs[BATCH];
        struct iovec iovs[BATCH];
        uint8_t controls[BATCH][64];
        int got;
        int64_t now_us;

        for (int i = 0; i < BATCH; i++) {
                iovs[i] = (struct iovec){ buffers[i], READ_BYTES };
                msgs[i].msg_hdr = (struct msghdr){ .msg_iov = &iovs[i],
                                                   .msg_iovlen = 1,
                                                   .msg_control = controls[i],
                                                   .msg_controllen = sizeof(controls[i]) };
        }
        got = recvmmsg(r->fds[receiver], msgs, BATCH, MSG_DONTWAIT, NULL);
        now_us = clock_now_us();
        for (int i = 0; i < got; i++) {
                struct cmsghdr *c = CMSG_FIRSTHDR(&msgs[i].msg_hdr);
                size_t len = msgs[i].msg_len;
                int segment = (int)len;

                if (c && c->cmsg_level == SOL_UDP && c->cmsg_type == UDP_GRO)
                        memcpy(&segment, CMSG_DATA(c), sizeof(segment));
                for (size_t at = 0; at < len; at += (size_t)segment)
                        take(r, receiver, buffers[i] + at,
                             len - at < (size_t)segment ? len - at : (size_t)segment, now_us);
        }
}

/* Until the sender closes its end of the pipe and the rest has drained. */
static void receive(const struct plan *plan, int ports, int from_sender, int to_parent)
{
        struct receivers *r = calloc(1, sizeof(*r));
        struct epoll_event events[EVENTS], stop = { .events = EPOLLIN, .data.u32 = UINT32_MAX };
        int64_t end_us = INT64_MAX;

        must(r, "calloc");
        r->plan = plan;
        pin(plan->receiver_core);
        open_receivers(r, ports);
        must(epoll_ctl(r->epoll, EPOLL_CTL_ADD, from_sender, &stop) == 0, "epoll_ctl");
        must(read(from_sender, &r->begin_us, sizeof(r->begin_us)) == sizeof(r->begin_us), "read");
        while (clock_now_us() < end_us) {
                int n = epoll_wait(r->epoll, events, EVENTS, 10);

                for (int i = 0; i < n; i++) {
                        if (events[i].data.u32 != UINT32_MAX) {
                                read_one(r, events[i].data.u32);
                        } else {
                                epoll_ctl(r->epoll, EPOLL_CTL_DEL, from_sender, NULL);
                                end_us = clock_now_us() + DRAIN_US;
                        }
                }
        }
        for (const uint8_t *at = (const uint8_t *)&r->tally, *end = at + sizeof(r->tally);
             at < end;) {
                ssize_t n = write(to_parent, at, (size_t)(end - at));

                must(n > 0, "write");
                at += n;
        }
        exit(0);
}

/* ---- sending ---- */

struct packet {
        uint32_t ssrc, ts;
        uint16_t len;
        uint8_t payload[SOURCE_VIDEO_BYTES];
};

struct sender {
        const struct plan *plan;
        int fd;
        struct sockaddr_in *to;
        srtp_t *sessions;
        uint16_t (*seqs)[MAX_PUBLISHERS * STREAMS];
        struct source sources[MAX_PUBLISHERS];
        uint32_t numbers[MAX_PUBLISHERS * STREAMS];
        size_t n_packets; /* due together, of one publisher */
        struct packet packets[256];

        size_t used, n_msgs;
        uint8_t *arena;
        struct mmsghdr msgs[MAX_MSGS];
        struct iovec iovs[MAX_MSGS];
        struct {
                _Alignas(struct cmsghdr) uint8_t bytes[CMSG_SPACE(sizeof(uint16_t))];
        } controls[MAX_MSGS];
        uint64_t sent[TALLY_KINDS], failed;
};

static void flush(struct sender *s)
{
        for (size_t at = 0; at < s->n_msgs;) {
                int n = sendmmsg(s->fd, s->msgs + at, (unsigned)(s->n_msgs - at), 0);

                s->failed += n <= 0;
                at += n > 0 ? (size_t)n : 1;
        }
        s->n_msgs = s->used = 0;
}

/* The bytes since `start` leave as segments of seg_len. */
static void add_train(struct sender *s, unsigned receiver, size_t start, size_t seg_len)
{
        size_t i = s->n_msgs++;
        uint16_t size = (uint16_t)seg_len;
        struct cmsghdr *c;

        s->iovs[i] = (struct iovec){ s->arena + start, s->used - start };
        s->msgs[i].msg_hdr = (struct msghdr){ .msg_name = &s->to[receiver],
                                              .msg_namelen = sizeof(s->to[receiver]),
                                              .msg_iov = &s->iovs[i],
                                              .msg_iovlen = 1 };
        if (s->used - start <= seg_len)
                return;
        s->msgs[i].msg_hdr.msg_control = &s->controls[i];
        s->msgs[i].msg_hdr.msg_controllen = sizeof(s->controls[i]);
        c = CMSG_FIRSTHDR(&s->msgs[i].msg_hdr);
        c->cmsg_level = SOL_UDP;
        c->cmsg_type = UDP_SEGMENT;
        c->cmsg_len = CMSG_LEN(sizeof(size));
        memcpy(CMSG_DATA(c), &size, sizeof(size));
}

static size_t protect(struct sender *s, unsigned receiver, const struct packet *packet,
                      size_t stream)
{
        static const uint8_t number[2] = { 1, 2 };
        const struct rtp_ext_item item = { 3, { number, sizeof(number) } };
        const struct rtp_pkt rtp = {
                .pt = 96, .seq = s->seqs[receiver][stream]++, .ts = packet->ts, .ssrc = packet->ssrc
        };
        uint8_t *data = s->arena + s->used;
        struct wr w = wr_init(data, SEGMENT);
        int len = HEADER + packet->len;

        rtp_write_header(&w, &rtp, &item, 1);
        must(wr_len(&w) == HEADER, "header");
        memcpy(data + HEADER, packet->payload, packet->len);
        must(srtp_protect(s->sessions[receiver], data, &len) == srtp_err_status_ok, "protect");
        s->used += (size_t)len;
        return (size_t)len;
}

/* Packets of one stream to one receiver. */
static void send_run(struct sender *s, unsigned receiver, size_t from, size_t n, size_t stream)
{
        size_t start, seg_len = 0;

        if (s->n_msgs + 2 > MAX_MSGS || s->used + n * SEGMENT > ARENA)
                flush(s);
        start = s->used;
        for (size_t i = from; i < from + n; i++) {
                size_t len;

                if (i > from && (s->used - start) / (seg_len ? seg_len : 1) >= MAX_TRAIN) {
                        add_train(s, receiver, start, seg_len);
                        start = s->used;
                }
                len = protect(s, receiver, &s->packets[i], stream);
                if (s->used - start == len)
                        seg_len = len;
        }
        add_train(s, receiver, start, seg_len);
        s->sent[stream % STREAMS ? TALLY_SOUND : TALLY_PICTURE] += n;
}

static void fan_out(struct sender *s, unsigned publisher, size_t from, size_t n, bool sound)
{
        unsigned shown = sound ? s->plan->sounds : s->plan->pictures;

        for (unsigned i = 0; i < s->plan->receivers && n > 0; i++)
                if (shows(s->plan, i, publisher, shown))
                        send_run(s, i, from, n, publisher * STREAMS + sound);
}

static void make_packet(struct sender *s, unsigned publisher, const struct source_packet *due)
{
        bool sound = due->layer == SOURCE_SOUND;
        uint32_t stream = publisher * STREAMS + sound;
        struct packet *packet = &s->packets[s->n_packets++];
        const struct pattern pattern = { stream, s->numbers[stream]++, clock_now_us() * 1000 };

        packet->ssrc = 1 + publisher + (sound ? SOUND_MARK : 0);
        packet->ts = due->frame * (sound ? 960 : 3600);
        packet->len = due->bytes;
        pattern_write(packet->payload, packet->len, &pattern);
}

static void run_publisher(struct sender *s, unsigned publisher, int64_t now_us)
{
        struct source_packet due;
        size_t n_sound = 0;

        s->n_packets = 0;
        while (s->n_packets < ARRAY_LEN(s->packets) &&
               source_next(&s->sources[publisher], &due, now_us)) {
                make_packet(s, publisher, &due);
                n_sound += due.layer == SOURCE_SOUND; /* those come first */
        }
        fan_out(s, publisher, 0, n_sound, true);
        fan_out(s, publisher, n_sound, s->n_packets - n_sound, false);
}

static void run_until(struct sender *s, int64_t end_us)
{
        for (;;) {
                int64_t at_us = INT64_MAX, now_us = clock_now_us();
                struct timespec ts;

                if (now_us >= end_us)
                        return;
                for (unsigned p = 0; p < s->plan->publishers; p++)
                        if (source_deadline_us(&s->sources[p]) <= now_us)
                                run_publisher(s, p, now_us);
                flush(s);
                for (unsigned p = 0; p < s->plan->publishers; p++)
                        if (source_deadline_us(&s->sources[p]) < at_us)
                                at_us = source_deadline_us(&s->sources[p]);
                ts = (struct timespec){ at_us / 1000000, at_us % 1000000 * 1000 };
                clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL);
        }
}

static struct sender *open_sender(const struct plan *plan, int ports)
{
        struct sender *s = calloc(1, sizeof(*s));
        int size = SOCKET_BYTES;

        must(s, "calloc");
        s->plan = plan;
        s->fd = socket(AF_INET, SOCK_DGRAM, 0);
        s->to = calloc(plan->receivers, sizeof(*s->to));
        s->sessions = calloc(plan->receivers, sizeof(*s->sessions));
        s->seqs = calloc(plan->receivers, sizeof(*s->seqs));
        s->arena = malloc(ARENA + SEGMENT);
        must(s->fd >= 0 && s->to && s->sessions && s->seqs && s->arena, "sender");
        (void)setsockopt(s->fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size));
        for (unsigned i = 0; i < plan->receivers; i++) {
                s->to[i] = (struct sockaddr_in){ .sin_family = AF_INET,
                                                 .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
                must(read(ports, &s->to[i].sin_port, 2) == 2, "read");
                s->sessions[i] = make_session(i, ssrc_any_outbound);
        }
        return s;
}

static void print_latency(const char *name, const struct histogram *h)
{
        printf(" \"%s\": {\"p50\": %.3f, \"p99\": %.3f, \"max\": %.3f},\n", name,
               (double)histogram_at(h, 500) / 1e3, (double)histogram_at(h, 990) / 1e3,
               (double)h->max_us / 1e3);
}

static void print_result(const struct plan *plan, const uint64_t sent[TALLY_KINDS],
                         const struct tally *tally, const struct usage *begin,
                         const struct usage *end)
{
        uint64_t all = sent[0] + sent[1];
        uint64_t got = tally->counts[0].unique + tally->counts[1].unique;
        double cpu_us = (double)(end->cpu_ns - begin->cpu_ns) / 1e3;

        printf("{\n \"packets\": %llu,\n \"lost\": %lld,\n \"bad\": %llu,\n",
               (unsigned long long)all, (long long)(all - got), (unsigned long long)tally->bad);
        print_latency("sound_ms", &tally->latency[TALLY_SOUND]);
        print_latency("picture_ms", &tally->latency[TALLY_PICTURE]);
        if (end->has_instructions)
                printf(" \"instructions_per_packet\": %.0f,\n",
                       (double)(end->instructions - begin->instructions) / (double)all);
        else
                printf(" \"instructions_per_packet\": null,\n");
        printf(" \"cpu_percent\": %.2f,\n \"waited_percent\": %.2f,\n \"us_per_packet\": %.4f\n}\n",
               cpu_us / 1e4 / plan->seconds,
               (double)(end->waited_ns - begin->waited_ns) / 1e7 / plan->seconds,
               cpu_us / (double)all);
}

static void read_tally(int fd, struct tally *ret)
{
        size_t at = 0;

        while (at < sizeof(*ret)) {
                ssize_t n = read(fd, (uint8_t *)ret + at, sizeof(*ret) - at);

                must(n > 0, "read");
                at += (size_t)n;
        }
}

static void bench(const struct plan *plan)
{
        int ports[2], stop[2], result[2];
        struct sender *s;
        struct usage_meter *meter;
        struct usage begin, end;
        static struct tally tally;
        int64_t start_us;

        must(pipe(ports) == 0 && pipe(stop) == 0 && pipe(result) == 0, "pipe");
        if (fork() == 0) {
                close(stop[1]);
                receive(plan, ports[1], stop[0], result[1]);
        }
        pin(plan->sender_core);
        s = open_sender(plan, ports[0]);
        must(usage_meter_new(&meter, getpid()) == 0, "usage");
        start_us = clock_now_us() + 1000;
        for (unsigned p = 0; p < plan->publishers; p++)
                source_init(&s->sources[p], &plan->source,
                            start_us + (int64_t)p * 40000 / plan->publishers);
        run_until(s, start_us + WARM_UP_US);
        start_us = clock_now_us();
        memset(s->sent, 0, sizeof(s->sent));
        must(write(stop[1], &start_us, sizeof(start_us)) == sizeof(start_us), "write");
        usage_meter_read(meter, &begin);
        run_until(s, start_us + (int64_t)plan->seconds * 1000000);
        usage_meter_read(meter, &end);
        close(stop[1]);
        read_tally(result[0], &tally);
        wait(NULL);
        print_result(plan, s->sent, &tally, &begin, &end);
        usage_meter_free(meter);
}

int main(int argc, char **argv)
{
        unsigned n[13] = { 0 };
        struct plan plan;

        if (argc != 13) {
                fputs("usage: see the head of floor.c\n", stderr);
                return 2;
        }
        for (int i = 1; i < 13; i++)
                n[i] = (unsigned)strtoul(argv[i], NULL, 10);
        if (n[1] < 1 || n[1] > MAX_PUBLISHERS || n[2] < 1 || n[6] < 1 || n[7] < 1 || n[10] < 1)
                return 2;
        plan = (struct plan){ .publishers = n[1],
                              .receivers = n[2],
                              .sounds = n[3],
                              .pictures = n[4],
                              .source = { .n_layers = 1,
                                          .video_bps = { n[5] * 1000 },
                                          .fps = n[6],
                                          .key_every_us = (int64_t)n[7] * 1000000,
                                          .key_ratio = n[8],
                                          .pacing = n[9] / 100.0,
                                          .sound = true },
                              .seconds = n[10],
                              .sender_core = (int)n[11],
                              .receiver_core = (int)n[12] };
        must(srtp_init() == srtp_err_status_ok, "srtp_init");
        bench(&plan);
        return 0;
}
