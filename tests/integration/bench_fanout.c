/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench_fanout [SUBSCRIBERS [SECONDS [WORKERS [TAPS]]]] — one publisher with microphone and
 * camera (1 Mbit/s in 1,100-byte packets, 25 fps, a key frame of 40 packets every
 * 3 s), everybody else watches, with UDP_GRO. The media threads run on one core,
 * the clients on another, with those who read the taps. How long a tick's packets take until
 * the last of them has come is measured, too. Then a bare program sends the same trains to the same
 * sockets at the same pace: copy, protect, sendmmsg(). Prints figures, asserts
 * nothing but that everybody connects.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <dirent.h>
#include <gio/gio.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "sfu/wire/job_record.h"
#include "tests/integration/world.h"

enum {
        WAIT_MS = 60000,
        TICK_US = 20 * 1000, /* a packet of sound; every second tick a frame */
        FRAME_PACKETS = 4,
        KEY_PACKETS = 40,
        KEY_EVERY = 75,
        PAYLOAD = 1060,
        MAX_TAPS = SFU_MAX_TAPS_PER_ROOM,
};

static struct world world;
static struct client *publisher, **subscribers;
static int n_subscribers = 100, seconds = 5, n_workers = 1, epoll_fd;
static int n_taps, tap_epoll_fd;
static uint64_t n_received, n_records;
static pthread_t tap_thread;

static long resident_kb(void)
{
        char line[200];
        long kb = 0;
        FILE *file = fopen("/proc/self/status", "r");

        while (file && fgets(line, sizeof(line), file))
                sscanf(line, "VmRSS: %ld", &kb);
        if (file)
                fclose(file);
        return kb;
}

/* CPU seconds of the media threads, by their names. */
static double media_cpu_s(void)
{
        DIR *dir = opendir("/proc/self/task");
        struct dirent *entry;
        double sum = 0;

        while (dir && (entry = readdir(dir))) {
                char path[300], name[32] = "";
                unsigned long long run_ns = 0;
                FILE *file;

                snprintf(path, sizeof(path), "/proc/self/task/%s/comm", entry->d_name);
                file = fopen(path, "r");
                if (!file)
                        continue;
                if (!fgets(name, sizeof(name), file))
                        name[0] = '\0';
                fclose(file);
                if (strncmp(name, "media-", 6) != 0)
                        continue;
                snprintf(path, sizeof(path), "/proc/self/task/%s/schedstat", entry->d_name);
                file = fopen(path, "r");
                if (!file)
                        continue;
                if (fscanf(file, "%llu", &run_ns) == 1)
                        sum += (double)run_ns / 1e9;
                fclose(file);
        }
        if (dir)
                closedir(dir);
        return sum;
}

static bool all_connected(struct world *w, void *user)
{
        (void)w;
        (void)user;
        for (int i = 0; i < n_subscribers; i++)
                if (!subscribers[i]->connected)
                        return false;
        return publisher->connected;
}

static bool never(struct world *w, void *user)
{
        (void)w;
        (void)user;
        return false;
}

static unsigned packets_of(unsigned frame)
{
        return frame % KEY_EVERY == 0 ? KEY_PACKETS : FRAME_PACKETS;
}

/* Returns how many packets. */
static unsigned send_tick(unsigned tick)
{
        static uint16_t video_seq, audio_seq;
        unsigned frame = tick / 2, n = packets_of(frame);
        uint8_t payload[1400] = { 0 };
        size_t len = client_opus_payload(payload, audio_seq);

        client_send_rtp(publisher, CLIENT_MIC_SSRC, CLIENT_OPUS_PT, audio_seq, audio_seq * 960u,
                        false, payload, len);
        audio_seq++;
        for (unsigned i = 0; tick % 2 == 0 && i < n; i++) {
                client_vp8_payload(payload, (uint16_t)frame, frame % KEY_EVERY == 0);
                if (i > 0)
                        payload[0] = 0x80; /* not the start of a partition */
                client_send_rtp(publisher, CLIENT_CAMERA_SSRC, CLIENT_VP8_PT, video_seq++,
                                frame * 3600, i == n - 1, payload, PAYLOAD);
        }
        return 1 + (tick % 2 == 0 ? n : 0);
}

/* Receiving: the agents' descriptors, taken over. */

static int fd_of(struct client *client)
{
        return g_socket_get_fd(nice_agent_get_selected_socket(client->agent, client->stream, 1));
}

static void take_over(struct client *client)
{
        const int on = 1;
        int fd = fd_of(client);
        struct epoll_event event = { .events = EPOLLIN, .data.fd = fd };

        setsockopt(fd, SOL_UDP, UDP_GRO, &on, sizeof(on));
        epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event);
}

/* Counts the RTP packets of one message, a train or not; false when there is none. */
static bool count_one(int fd)
{
        _Alignas(struct cmsghdr) uint8_t control[256];
        uint8_t head[2] = { 0 };
        struct iovec iov = { head, sizeof(head) };
        struct msghdr msg = { .msg_iov = &iov,
                              .msg_iovlen = 1,
                              .msg_control = control,
                              .msg_controllen = sizeof(control) };
        ssize_t len = recvmsg(fd, &msg, MSG_DONTWAIT | MSG_TRUNC);
        int segment = 0;

        if (len < 0)
                return false;
        if (head[0] < 0x80 || (head[1] & 0x60) == 0x40)
                return true; /* STUN; RTCP */
        for (struct cmsghdr *c = CMSG_FIRSTHDR(&msg); c; c = CMSG_NXTHDR(&msg, c)) {
                if (c->cmsg_level == SOL_UDP && c->cmsg_type == UDP_GRO)
                        memcpy(&segment, CMSG_DATA(c), sizeof(segment));
        }
        n_received += segment > 0 ? (uint64_t)(len + segment - 1) / (uint64_t)segment : 1;
        return true;
}

/* Or until so many have come. */
static void receive_until(int64_t end_us, uint64_t n)
{
        int64_t left_us;

        while (n_received < n && (left_us = end_us - clock_now_us()) > 0) {
                struct epoll_event events[64];
                int got = epoll_wait(epoll_fd, events, ARRAY_LEN(events),
                                     (int)(left_us / 1000 + 1));

                for (int i = 0; i < got; i++) {
                        while (count_one(events[i].data.fd))
                                ;
                }
        }
}

/* Taps, and a thread that reads them as they come. */

static void *read_taps(void *user)
{
        uint8_t data[JOB_RECORD_MAX];

        for (bool any = true; any;) {
                struct epoll_event events[MAX_TAPS];
                int n = epoll_wait(tap_epoll_fd, events, MAX_TAPS, -1);

                for (int i = 0; i < n; i++) {
                        ssize_t len;

                        while ((len = recv(events[i].data.fd, data, sizeof(data), MSG_DONTWAIT)) >
                               0)
                                n_records++;
                        any = len < 0; /* else the media plane has ended */
                }
        }
        return user;
}

static void open_taps(void)
{
        tap_epoll_fd = epoll_create1(0);
        for (int i = 0; i < n_taps; i++) {
                struct epoll_event event = { .events = EPOLLIN };
                struct sfu_tap_params params = { .room = 1 };
                uint64_t tap;
                int fds[2];

                assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, fds), 0);
                params.fd = fds[0];
                event.data.fd = fds[1];
                epoll_ctl(tap_epoll_fd, EPOLL_CTL_ADD, fds[1], &event);
                assert_int_equal(sfu_tap_open(world.sfu, &params, &tap), 0);
        }
        if (n_taps > 0)
                pthread_create(&tap_thread, NULL, read_taps, NULL);
}

static int by_value(const void *a, const void *b)
{
        int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

        return (x > y) - (x < y);
}

static void pin(pid_t tid, int cpu)
{
        cpu_set_t set;

        CPU_ZERO(&set);
        CPU_SET((size_t)cpu, &set);
        sched_setaffinity(tid, sizeof(set), &set);
}

static void pin_media(void)
{
        DIR *dir = opendir("/proc/self/task");
        struct dirent *entry;

        while (dir && (entry = readdir(dir))) {
                char path[300], name[32] = "";
                FILE *file;

                snprintf(path, sizeof(path), "/proc/self/task/%s/comm", entry->d_name);
                file = fopen(path, "r");
                if (!file)
                        continue;
                if (fgets(name, sizeof(name), file) && strncmp(name, "media-", 6) == 0)
                        pin(atoi(entry->d_name), 0);
                fclose(file);
        }
        if (dir)
                closedir(dir);
        pin(0, 1);
}

/* The bare program. */

struct floor {
        int fd;
        unsigned n_ticks;
        int64_t start_us;
        struct sockaddr_in *to;
        srtp_t *srtp;
        uint8_t source[KEY_PACKETS][2048], *arena;
        uint64_t n_sent;
        double cpu_s;
};

enum { FLOOR_DESTS = 64, FLOOR_BYTES = PAYLOAD + 20 };

struct floor_message {
        _Alignas(struct cmsghdr) uint8_t control[CMSG_SPACE(sizeof(uint16_t))];
        struct iovec iov;
};

static size_t floor_packets(struct floor *f, int subscriber, unsigned n, uint32_t ssrc, size_t len,
                            uint8_t *at)
{
        static uint16_t seqs[2][4096];
        size_t total = 0;

        for (unsigned i = 0; i < n; i++) {
                uint16_t seq = seqs[ssrc & 1][subscriber]++;
                uint8_t *data = at + total;
                int size = (int)len;

                memcpy(data, f->source[i], len);
                data[0] = 0x80;
                data[1] = 96;
                data[2] = (uint8_t)(seq >> 8);
                data[3] = (uint8_t)seq;
                data[8] = data[9] = data[10] = 0;
                data[11] = (uint8_t)ssrc;
                srtp_protect(f->srtp[subscriber], data, &size);
                total += (size_t)size;
        }
        f->n_sent += n;
        return total;
}

static void floor_send(struct floor *f, unsigned n, uint32_t ssrc, size_t len)
{
        static struct mmsghdr msgs[FLOOR_DESTS];
        static struct floor_message data[FLOOR_DESTS];

        for (int first = 0; first < n_subscribers;) {
                size_t used = 0;
                unsigned k = 0;

                for (; k < FLOOR_DESTS && first + (int)k < n_subscribers && used < 400 * 1024;
                     k++) {
                        struct floor_message *d = &data[k];
                        size_t bytes = floor_packets(f, first + (int)k, n, ssrc, len,
                                                     f->arena + used);
                        uint16_t segment = (uint16_t)(bytes / n);
                        struct msghdr *msg = &msgs[k].msg_hdr;

                        d->iov = (struct iovec){ f->arena + used, bytes };
                        used += bytes;
                        *msg = (struct msghdr){ .msg_name = &f->to[first + (int)k],
                                                .msg_namelen = sizeof(f->to[0]),
                                                .msg_iov = &d->iov,
                                                .msg_iovlen = 1 };
                        if (n > 1) {
                                struct cmsghdr *c = (struct cmsghdr *)(void *)d->control;

                                c->cmsg_level = SOL_UDP;
                                c->cmsg_type = UDP_SEGMENT;
                                c->cmsg_len = CMSG_LEN(sizeof(segment));
                                memcpy(CMSG_DATA(c), &segment, sizeof(segment));
                                msg->msg_control = d->control;
                                msg->msg_controllen = sizeof(d->control);
                        }
                }
                for (unsigned sent = 0; sent < k;) {
                        int r = sendmmsg(f->fd, msgs + sent, k - sent, MSG_DONTWAIT);

                        sent += r > 0 ? (unsigned)r : 1;
                }
                first += (int)k;
        }
}

static void *floor_thread(void *user)
{
        struct floor *f = user;
        struct timespec cpu;

        pin(0, 0);
        pthread_setname_np(pthread_self(), "floor");
        for (unsigned tick = 0; tick < f->n_ticks; tick++) {
                int64_t left_us = f->start_us + (int64_t)tick * TICK_US - clock_now_us();

                if (left_us > 0)
                        usleep((useconds_t)left_us);
                floor_send(f, 1, 2, 112);
                if (tick % 2 == 0)
                        floor_send(f, packets_of(tick / 2), 1, FLOOR_BYTES);
        }
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &cpu);
        f->cpu_s = (double)cpu.tv_sec + (double)cpu.tv_nsec / 1e9;
        return NULL;
}

static void floor_open(struct floor *f, int subscriber)
{
        static uint8_t key[28];
        srtp_policy_t policy = { .ssrc = { .type = ssrc_any_outbound }, .key = key };
        socklen_t len = sizeof(f->to[0]);

        srtp_crypto_policy_set_aes_gcm_128_16_auth(&policy.rtp);
        srtp_crypto_policy_set_aes_gcm_128_16_auth(&policy.rtcp);
        assert_int_equal(srtp_create(&f->srtp[subscriber], &policy), srtp_err_status_ok);
        getsockname(fd_of(subscribers[subscriber]), (struct sockaddr *)&f->to[subscriber], &len);
}

static void run_floor(void)
{
        static struct floor f;
        pthread_t thread;
        uint64_t before = n_received;
        int size = 4 << 20;

        f.fd = socket(AF_INET, SOCK_DGRAM, 0);
        setsockopt(f.fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size));
        f.n_ticks = (unsigned)(seconds * 1000000 / TICK_US);
        f.to = calloc((size_t)n_subscribers, sizeof(*f.to));
        f.srtp = calloc((size_t)n_subscribers, sizeof(srtp_t));
        f.arena = malloc(1 << 20);
        for (int i = 0; i < n_subscribers; i++)
                floor_open(&f, i);
        f.start_us = clock_now_us();
        pthread_create(&thread, NULL, floor_thread, &f);
        receive_until(f.start_us + (int64_t)seconds * 1000000 + 300000, UINT64_MAX);
        pthread_join(thread, NULL);
        printf("bare program: %llu packets, %llu received, %.2f s of CPU, %.2f us per packet\n",
               (unsigned long long)f.n_sent, (unsigned long long)(n_received - before), f.cpu_s,
               f.cpu_s * 1e6 / (double)f.n_sent);
        for (int i = 0; i < n_subscribers; i++)
                srtp_dealloc(f.srtp[i]);
        free(f.srtp);
        free(f.to);
        free(f.arena);
        close(f.fd);
}

static void join(void)
{
        const struct sfu_slot_view views[] = {
                { .participant = 1, .kind = SFU_CAMERA, .max_height = 720 },
                { .audio = true, .participant = 1 },
        };
        int64_t start_us = clock_now_us();

        world_open(&world, publisher, 1, 1);
        for (int i = 0; i < n_subscribers; i++) {
                uint64_t peer;

                subscribers[i] = client_new(&(struct client_params){ .n_audio = 3, .n_video = 4 });
                peer = world_open(&world, subscribers[i], 1, (uint32_t)i + 2);
                sfu_peer_view(world.sfu, peer, views, ARRAY_LEN(views));
        }
        if (!world_wait(&world, all_connected, NULL, WAIT_MS))
                fail_msg("not everybody connected");
        printf("%d clients connected in %.2f s\n", n_subscribers + 1,
               (double)(clock_now_us() - start_us) / 1e6);
}

static void run(void)
{
        struct sfu_counters before, after;
        unsigned n_ticks = (unsigned)(seconds * 1000000 / TICK_US);
        cleanup(freep) int64_t *took_us = calloc(n_ticks, sizeof(*took_us));
        int64_t start_us;
        double cpu_s;
        uint64_t sent;

        epoll_fd = epoll_create1(0);
        for (int i = 0; i < n_subscribers; i++)
                take_over(subscribers[i]);
        receive_until(clock_now_us() + 300000, UINT64_MAX);
        sfu_counters(world.sfu, &before);
        n_received = 0;
        cpu_s = media_cpu_s();
        start_us = clock_now_us();
        for (unsigned tick = 0; tick < n_ticks; tick++) {
                int64_t sent_us, end_us = start_us + (int64_t)(tick + 1) * TICK_US;
                uint64_t n = n_received;

                sent_us = clock_now_us();
                n += (uint64_t)n_subscribers * send_tick(tick);
                receive_until(end_us, n);
                took_us[tick] = clock_now_us() - sent_us;
                receive_until(end_us, UINT64_MAX);
        }
        receive_until(start_us + (int64_t)seconds * 1000000 + 300000, UINT64_MAX);
        qsort(took_us, n_ticks, sizeof(took_us[0]), by_value);
        cpu_s = media_cpu_s() - cpu_s;
        sfu_counters(world.sfu, &after);
        sent = after.rtp_out - before.rtp_out;
        printf("server sent %llu packets and %llu reports, %llu dropped, %llu late, %llu "
               "retransmitted; %llu received\n",
               (unsigned long long)sent, (unsigned long long)(after.rtcp_out - before.rtcp_out),
               (unsigned long long)(after.send_dropped - before.send_dropped),
               (unsigned long long)(after.overtaken - before.overtaken),
               (unsigned long long)(after.rtx_out - before.rtx_out),
               (unsigned long long)n_received);
        printf("trains: %llu of %.1f packets, %llu alone\n",
               (unsigned long long)(after.gso_messages - before.gso_messages),
               (double)(after.gso_segments - before.gso_segments) /
                       (double)(after.gso_messages - before.gso_messages + 1),
               (unsigned long long)(after.plain_messages - before.plain_messages));
        printf("handed to other workers: %llu, %llu not taken\n",
               (unsigned long long)(after.relayed - before.relayed),
               (unsigned long long)(after.relay_dropped - before.relay_dropped));
        printf("figure: %d subscribers on %d workers: %.2f s of CPU, %.0f %% of a core, %.2f us per "
               "packet sent\n",
               n_subscribers, n_workers, cpu_s, cpu_s * 100 / seconds,
               sent ? cpu_s * 1e6 / (double)sent : 0);
        printf("figure: a tick's packets are with all subscribers after %lld us (half of them), %lld "
               "us (19 of 20), %lld us (99 of 100)\n",
               (long long)took_us[n_ticks / 2], (long long)took_us[n_ticks * 19 / 20],
               (long long)took_us[n_ticks * 99 / 100]);
        printf("records to %d taps: %llu, %llu dropped\n", n_taps,
               (unsigned long long)(after.tap_records - before.tap_records),
               (unsigned long long)(after.tap_dropped - before.tap_dropped));
        printf("resident with clients: %ld kB\n", resident_kb());
}

int main(int argc, char **argv)
{
        long before_kb = resident_kb();

        if (argc > 1)
                n_subscribers = atoi(argv[1]);
        if (argc > 2)
                seconds = atoi(argv[2]);
        subscribers = calloc((size_t)n_subscribers, sizeof(struct client *));
        if (argc > 3)
                n_workers = atoi(argv[3]);
        if (argc > 4)
                n_taps = atoi(argv[4]) < MAX_TAPS ? atoi(argv[4]) : MAX_TAPS;
        world_init(&world, (unsigned)n_workers, 0);
        world_wait(&world, never, NULL, 1000);
        printf("idle media plane: %ld kB resident, %ld kB before it started\n", resident_kb(),
               before_kb);
        publisher = client_new(&(struct client_params){ .mic = true, .camera = true });
        join();
        pin_media();
        open_taps();
        run();
        run_floor();
        world_done(&world);
        if (n_taps > 0)
                pthread_join(tap_thread, NULL);
        printf("read from taps: %llu\n", (unsigned long long)n_records);
        for (int i = 0; i < n_subscribers; i++)
                client_free(subscribers[i]);
        client_free(publisher);
        free(subscribers);
        return 0;
}
