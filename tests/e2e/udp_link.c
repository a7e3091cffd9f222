/* SPDX-License-Identifier: Apache-2.0 */
/*
 * udp_link — a bad line in user space: relays UDP between clients and a server
 *            through a bottleneck with a queue, delay, jitter and loss, each way.
 *
 *   udp_link TARGET_PORT            prints "port N" and serves on 127.0.0.1:N
 *
 * Lines on its input change a direction at once and are answered with "ok":
 *
 *   down rate=500000 queue=300 delay=40 jitter=0 loss=5
 *   up   rate=0                     (0: no limit)
 *   stats                           answered with one line of JSON, counted anew
 *
 * Units: rate bits per second of IP packets, queue, delay and jitter (the
 * largest) milliseconds, loss percent. With police=1 nothing waits: what the queue
 * has no room for is dropped, as by a token bucket of so many milliseconds. Packets
 * stay in order. It ends with its input.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
        MAX_CLIENTS = 16,
        MAX_FLIGHT = 1 << 14,
        MAX_WAITS = 1 << 16,
        PACKET = 2048,
        IP_UDP_HEADER = 28,
        BATCH = 64,
};

struct line {
        int64_t rate_bps, queue_us, delay_us, jitter_us;
        double loss_percent;
        bool police;
};

struct flight {
        int64_t arrival_us;
        uint16_t client, len;
        uint8_t data[PACKET];
};

/* One direction: a ring of what is under way, by arrival. */
struct way {
        struct line line;
        int64_t free_us, last_arrival_us;
        struct flight *ring;
        unsigned first, n;
        uint64_t offered_bytes, passed_bytes, passed, lost, overflowed;
        uint32_t *waits; /* microseconds in the queue */
        unsigned n_waits;
};

struct client {
        struct sockaddr_in from;
        int fd;
};

static struct way up, down;
static struct client clients[MAX_CLIENTS];
static unsigned n_clients;
static int front;
static struct sockaddr_in target;

static int64_t now_us(void)
{
        struct timespec t;

        clock_gettime(CLOCK_MONOTONIC, &t);
        return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static void enter(struct way *way, unsigned client, const uint8_t *data, size_t len)
{
        const struct line *line = &way->line;
        int64_t now = now_us(), leaves = now, arrival;
        struct flight *flight;

        way->offered_bytes += len + IP_UDP_HEADER;
        if (line->rate_bps > 0) {
                int64_t start = way->free_us > now ? way->free_us : now;

                if (start - now > line->queue_us) {
                        way->overflowed++;
                        return;
                }
                if (way->n_waits < MAX_WAITS)
                        way->waits[way->n_waits++] = (uint32_t)(start - now);
                way->free_us = start +
                               (int64_t)(len + IP_UDP_HEADER) * 8 * 1000000 / line->rate_bps;
                if (!line->police)
                        leaves = way->free_us;
        }
        if (drand48() * 100 < line->loss_percent || way->n == MAX_FLIGHT) {
                way->lost++;
                return;
        }
        arrival = leaves + line->delay_us + (int64_t)(drand48() * (double)line->jitter_us);
        if (arrival < way->last_arrival_us)
                arrival = way->last_arrival_us;
        way->last_arrival_us = arrival;
        flight = &way->ring[(way->first + way->n++) % MAX_FLIGHT];
        flight->arrival_us = arrival;
        flight->client = (uint16_t)client;
        flight->len = (uint16_t)len;
        memcpy(flight->data, data, len);
        way->passed++;
        way->passed_bytes += len + IP_UDP_HEADER;
}

/* Returns when the next one arrives. */
static int64_t deliver(struct way *way)
{
        while (way->n > 0) {
                struct flight *flight = &way->ring[way->first];
                struct client *client = &clients[flight->client];

                if (flight->arrival_us > now_us())
                        return flight->arrival_us;
                if (way == &up)
                        (void)!send(client->fd, flight->data, flight->len, MSG_DONTWAIT);
                else
                        (void)!sendto(front, flight->data, flight->len, MSG_DONTWAIT,
                                      (struct sockaddr *)&client->from, sizeof(client->from));
                way->first = (way->first + 1) % MAX_FLIGHT;
                way->n--;
        }
        return INT64_MAX;
}

static int udp_socket(void)
{
        int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), size = 4 << 20;

        if (fd < 0) {
                perror("socket");
                exit(1);
        }
        (void)setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
        return fd;
}

static int client_of(const struct sockaddr_in *from)
{
        for (unsigned i = 0; i < n_clients; i++)
                if (clients[i].from.sin_port == from->sin_port)
                        return (int)i;
        if (n_clients == MAX_CLIENTS)
                return -1;
        clients[n_clients].from = *from;
        clients[n_clients].fd = udp_socket();
        if (connect(clients[n_clients].fd, (struct sockaddr *)&target, sizeof(target)) < 0)
                return -1;
        return (int)n_clients++;
}

static void read_front(void)
{
        uint8_t data[PACKET];

        for (int i = 0; i < BATCH; i++) {
                struct sockaddr_in from;
                socklen_t from_len = sizeof(from);
                ssize_t n = recvfrom(front, data, sizeof(data), 0, (struct sockaddr *)&from,
                                     &from_len);
                int client;

                if (n < 0)
                        return;
                client = client_of(&from);
                if (client >= 0)
                        enter(&up, (unsigned)client, data, (size_t)n);
        }
}

static void read_client(unsigned client)
{
        uint8_t data[PACKET];

        for (int i = 0; i < BATCH; i++) {
                ssize_t n = recv(clients[client].fd, data, sizeof(data), 0);

                if (n < 0)
                        return;
                enter(&down, client, data, (size_t)n);
        }
}

static int by_size(const void *a, const void *b)
{
        uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

        return x < y ? -1 : x > y;
}

static void print_way(const char *name, struct way *way)
{
        unsigned n = way->n_waits;

        qsort(way->waits, n, sizeof(*way->waits), by_size);
        printf("\"%s\":{\"offered_bytes\":%lu,\"passed\":%lu,\"bytes\":%lu,\"lost\":%lu,\"overflowed\":%lu,"
               "\"wait_p50_us\":%u,\"wait_p95_us\":%u}",
               name, way->offered_bytes, way->passed, way->passed_bytes, way->lost, way->overflowed,
               n ? way->waits[n / 2] : 0, n ? way->waits[n * 95 / 100] : 0);
        way->offered_bytes = way->passed = way->passed_bytes = way->lost = way->overflowed = 0;
        way->n_waits = 0;
}

static void change(struct line *line, char *words)
{
        for (char *word = strtok(words, " \n"); word; word = strtok(NULL, " \n")) {
                char *value = strchr(word, '=');
                double number = value ? atof(value + 1) : 0;

                if (!strncmp(word, "rate=", 5))
                        line->rate_bps = (int64_t)number;
                else if (!strncmp(word, "queue=", 6))
                        line->queue_us = (int64_t)(number * 1000);
                else if (!strncmp(word, "delay=", 6))
                        line->delay_us = (int64_t)(number * 1000);
                else if (!strncmp(word, "jitter=", 7))
                        line->jitter_us = (int64_t)(number * 1000);
                else if (!strncmp(word, "loss=", 5))
                        line->loss_percent = number;
                else if (!strncmp(word, "police=", 7))
                        line->police = number > 0;
        }
}

static void read_order(void)
{
        char order[256];

        if (!fgets(order, sizeof(order), stdin))
                exit(0);
        if (!strncmp(order, "stats", 5)) {
                printf("{");
                print_way("up", &up);
                printf(",");
                print_way("down", &down);
                printf("}\n");
        } else if (!strncmp(order, "up ", 3)) {
                change(&up.line, order + 3);
                puts("ok");
        } else if (!strncmp(order, "down ", 5)) {
                change(&down.line, order + 5);
                puts("ok");
        } else {
                puts("what?");
        }
        fflush(stdout);
}

static void init_way(struct way *way)
{
        way->line.queue_us = 300 * 1000;
        way->ring = calloc(MAX_FLIGHT, sizeof(*way->ring));
        way->waits = calloc(MAX_WAITS, sizeof(*way->waits));
        if (!way->ring || !way->waits)
                exit(1);
}

static void serve(void)
{
        for (;;) {
                struct pollfd fds[2 + MAX_CLIENTS] = { { .fd = STDIN_FILENO, .events = POLLIN },
                                                       { .fd = front, .events = POLLIN } };
                int64_t next = deliver(&up), other = deliver(&down), left;
                struct timespec wait;

                if (other < next)
                        next = other;
                left = next == INT64_MAX ? 1000000 : next - now_us();
                if (left < 0)
                        left = 0;
                if (left > 1000000)
                        left = 1000000;
                wait = (struct timespec){ .tv_nsec = left % 1000000 * 1000,
                                          .tv_sec = left / 1000000 };
                for (unsigned i = 0; i < n_clients; i++)
                        fds[2 + i] = (struct pollfd){ .fd = clients[i].fd, .events = POLLIN };
                if (ppoll(fds, 2 + n_clients, &wait, NULL) <= 0)
                        continue;
                if (fds[0].revents)
                        read_order();
                if (fds[1].revents)
                        read_front();
                for (unsigned i = 0, n = n_clients; i < n; i++)
                        if (fds[2 + i].revents)
                                read_client(i);
        }
}

int main(int argc, char **argv)
{
        struct sockaddr_in name = { .sin_family = AF_INET };
        socklen_t len = sizeof(name);

        if (argc != 3 || inet_pton(AF_INET, argv[2], &name.sin_addr) != 1) {
                fprintf(stderr, "usage: udp_link TARGET_PORT ADDRESS\n");
                return 2;
        }
        target = name;
        target.sin_port = htons((uint16_t)atoi(argv[1]));
        front = udp_socket();
        if (bind(front, (struct sockaddr *)&name, len) < 0 ||
            getsockname(front, (struct sockaddr *)&name, &len) < 0) {
                perror("bind");
                return 1;
        }
        (void)prctl(PR_SET_TIMERSLACK, 50000ul);
        init_way(&up);
        init_way(&down);
        setvbuf(stdin, NULL, _IONBF, 0);
        printf("port %u\n", ntohs(name.sin_port));
        fflush(stdout);
        serve();
}
