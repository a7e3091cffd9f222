/* SPDX-License-Identifier: Apache-2.0 */
#include "load/hls.h"

#include <errno.h>
#include <jansson.h>
#include <netdb.h>
#include <signal.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "load/io/hls_viewer.h"
#include "load/io/http.h"
#include "load/io/usage.h"

enum { EVENTS = 256, TICK_MS = 5, DESCRIPTORS_OF_OURS = 64, SECOND_US = 1000 * 1000 };

struct run {
        const struct hls_params *params;
        struct http_base base;
        struct hls_target target;
        struct hls_tally tally;
        struct hls_viewer **viewers;
        unsigned begun;
        struct usage_meter *meter;
        struct usage before, after;
        double seconds;
        int64_t own_ns;
};

static volatile sig_atomic_t interrupted;

static void on_signal(int number)
{
        (void)number;
        interrupted = 1;
}

/* ---- start ---- */

static int parse_url(struct run *run)
{
        const char *url = run->params->url, *host = strstr(url, "://");
        const char *path = host ? strchr(host + 3, '/') : NULL;
        char base[300];

        if (!path || (size_t)(path - url) >= sizeof(base) || strlen(path) >= HLS_PATH)
                return -EINVAL;
        memcpy(base, url, (size_t)(path - url));
        base[path - url] = '\0';
        run->target.path = path;
        run->target.host = run->base.host;
        run->target.port = run->base.port;
        return http_base_parse(&run->base, base, run->params->insecure);
}

static int find_address(struct run *run)
{
        const struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
        struct addrinfo *found = NULL;
        char host[sizeof(run->base.host)];

        /* Of "[::1]" the resolver wants what is inside. */
        snprintf(host, sizeof(host), "%s", run->base.host + (run->base.host[0] == '['));
        host[strcspn(host, "]")] = '\0';
        if (getaddrinfo(host, run->base.port, &hints, &found) != 0)
                return -EHOSTUNREACH;
        memcpy(&run->target.address, found->ai_addr, found->ai_addrlen);
        run->target.address_len = found->ai_addrlen;
        freeaddrinfo(found);
        return 0;
}

static int make_tls(struct run *run)
{
        SSL_CTX *tls;

        if (!run->base.tls)
                return 0;
        tls = run->target.tls = SSL_CTX_new(TLS_client_method());
        if (!tls)
                return -ENOMEM;
        if (run->params->insecure)
                return 0;
        SSL_CTX_set_verify(tls, SSL_VERIFY_PEER, NULL);
        return SSL_CTX_set_default_verify_paths(tls) == 1 ? 0 : -EIO;
}

static int raise_limit(unsigned viewers)
{
        struct rlimit limit;

        if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
                return -errno;
        if (limit.rlim_max < viewers + DESCRIPTORS_OF_OURS)
                return -EMFILE;
        if (limit.rlim_cur < viewers + DESCRIPTORS_OF_OURS)
                limit.rlim_cur = viewers + DESCRIPTORS_OF_OURS;
        return setrlimit(RLIMIT_NOFILE, &limit) < 0 ? -errno : 0;
}

static int start(struct run *run, char *ret_error, size_t cap)
{
        int r = parse_url(run);

        snprintf(ret_error, cap, "--url: http(s)://host[:port]/live/KEY/index.m3u8");
        if (r < 0)
                return r;
        snprintf(ret_error, cap, "cannot look up %s", run->base.host);
        r = find_address(run);
        if (r < 0)
                return r;
        snprintf(ret_error, cap, "not so many open files are allowed");
        r = raise_limit(run->params->viewers);
        if (r < 0)
                return r;
        snprintf(ret_error, cap, "cannot start");
        run->target.rendition = run->params->rendition;
        run->target.tally = &run->tally;
        run->target.epoll = epoll_create1(EPOLL_CLOEXEC);
        run->target.scratch = malloc(HLS_SCRATCH);
        run->viewers = calloc(run->params->viewers, sizeof(struct hls_viewer *));
        if (run->target.epoll < 0 || !run->target.scratch || !run->viewers)
                return -ENOMEM;
        r = make_tls(run);
        if (r == 0 && run->params->server_pid) {
                snprintf(ret_error, cap, "--server-pid: no such process here");
                r = usage_meter_new(&run->meter, run->params->server_pid);
        }
        return r;
}

static void finish(struct run *run)
{
        for (unsigned i = 0; i < run->begun; i++)
                hls_viewer_free(run->viewers[i]);
        free(run->viewers);
        free(run->target.scratch);
        SSL_CTX_free(run->target.tls);
        if (run->target.epoll > 0)
                closep(&run->target.epoll);
        usage_meter_free(run->meter);
}

/* ---- the run ---- */

static void turn(struct run *run)
{
        struct epoll_event events[EVENTS];
        int n = epoll_wait(run->target.epoll, events, EVENTS, TICK_MS);
        int64_t now_us = clock_now_us();

        for (int i = 0; i < n; i++)
                hls_viewer_turn(events[i].data.ptr, now_us);
        for (unsigned i = 0; i < run->begun; i++) {
                if (hls_viewer_deadline_us(run->viewers[i]) <= now_us)
                        hls_viewer_turn(run->viewers[i], now_us);
        }
}

static void pass(struct run *run, unsigned seconds)
{
        int64_t end_us = clock_now_us() + (int64_t)seconds * SECOND_US;

        while (!interrupted && clock_now_us() < end_us)
                turn(run);
}

static int join(struct run *run)
{
        int64_t start_us = clock_now_us(), over_us = run->params->join_seconds * INT64_C(1000000);

        while (run->begun < run->params->viewers && !interrupted) {
                int64_t due_us = start_us + over_us * run->begun / run->params->viewers;

                if (clock_now_us() < due_us) {
                        turn(run);
                        continue;
                }
                if (hls_viewer_new(&run->viewers[run->begun], &run->target) < 0)
                        return -ENOMEM;
                run->begun++;
        }
        return 0;
}

static void measure(struct run *run)
{
        int64_t begin_us, begin_ns, waited_ns;

        memset(&run->tally, 0, sizeof(run->tally));
        if (run->meter)
                usage_meter_read(run->meter, &run->before);
        usage_read_own(&begin_ns, &waited_ns);
        begin_us = clock_now_us();
        pass(run, run->params->duration_seconds);
        run->seconds = (double)(clock_now_us() - begin_us) / SECOND_US;
        usage_read_own(&run->own_ns, &waited_ns);
        run->own_ns -= begin_ns;
        if (run->meter)
                usage_meter_read(run->meter, &run->after);
}

/* ---- the result ---- */

static double ms(uint64_t us)
{
        return (double)us / 1000;
}

static double percent(const struct run *run, int64_t ns)
{
        return (double)ns / 1e7 / run->seconds;
}

static unsigned count_playing(const struct run *run)
{
        unsigned n = 0;

        for (unsigned i = 0; i < run->begun; i++)
                n += hls_viewer_plays(run->viewers[i]);
        return n;
}

static json_t *times(const struct histogram *h)
{
        return json_pack("{s:f, s:f, s:f}", "p50", ms(histogram_at(h, 500)), "p99",
                         ms(histogram_at(h, 990)), "max", ms(h->max_us));
}

static void print_json(const struct run *run)
{
        const struct hls_tally *t = &run->tally;
        json_t *result = json_pack(
                "{s:i, s:i, s:f, s:I, s:I, s:I, s:I, s:I, s:s, s:f, s:o, s:o, s:f}", "viewers",
                (int)run->params->viewers, "playing", (int)count_playing(run), "seconds",
                run->seconds, "segments", (json_int_t)t->segments, "playlists",
                (json_int_t)t->playlists, "failures", (json_int_t)t->failures, "late",
                (json_int_t)t->late, "skipped", (json_int_t)t->skipped, "first_failure",
                t->first_failure, "bytes_per_second", (double)t->bytes / run->seconds, "segment_ms",
                times(&t->took), "behind_ms", times(&t->age), "generator_cpu_percent",
                percent(run, run->own_ns));

        if (run->meter)
                json_object_set_new(result, "server",
                                    json_pack("{s:f, s:I}", "cpu_percent",
                                              percent(run, run->after.cpu_ns - run->before.cpu_ns),
                                              "resident_kb", (json_int_t)run->after.resident_kb));
        json_dumpf(result, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(5));
        putchar('\n');
        json_decref(result);
}

static void print_text(const struct run *run)
{
        const struct hls_tally *t = &run->tally;

        printf("%u of %u viewers play; %.1f s measured\n", count_playing(run), run->params->viewers,
               run->seconds);
        printf("  segments   %llu, %llu late, %llu skipped, %llu failures %s\n",
               (unsigned long long)t->segments, (unsigned long long)t->late,
               (unsigned long long)t->skipped, (unsigned long long)t->failures, t->first_failure);
        printf("  bytes      %.1f MB/s, %.0f kbit/s each\n", (double)t->bytes / run->seconds / 1e6,
               (double)t->bytes * 8 / run->seconds / 1000 / run->params->viewers);
        printf("  a segment  p50 %.1f, p99 %.1f, max %.1f ms\n", ms(histogram_at(&t->took, 500)),
               ms(histogram_at(&t->took, 990)), ms(t->took.max_us));
        if (t->age.n > 0)
                printf("  behind     p50 %.0f, p99 %.0f, max %.0f ms from a segment's end to here\n",
                       ms(histogram_at(&t->age, 500)), ms(histogram_at(&t->age, 990)),
                       ms(t->age.max_us));
        if (run->meter)
                printf("  server     %.2f %% of a core, %lld kB\n",
                       percent(run, run->after.cpu_ns - run->before.cpu_ns),
                       (long long)run->after.resident_kb);
        printf("  generator  %.1f %% of a core\n", percent(run, run->own_ns));
}

int hls_run(const struct hls_params *params, char *ret_error, size_t error_cap)
{
        struct run run = { .params = params };
        int r = start(&run, ret_error, error_cap);

        signal(SIGINT, on_signal);
        if (r == 0)
                r = join(&run);
        if (r == 0) {
                pass(&run, params->settle_seconds);
                measure(&run);
                if (params->json)
                        print_json(&run);
                else
                        print_text(&run);
        }
        finish(&run);
        return r;
}
