/* SPDX-License-Identifier: Apache-2.0 */
#include "load/load.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>

#include "base/clock.h"
#include "base/rand.h"
#include "load/io/swarm.h"
#include "load/report.h"

enum {
        JOIN_TIMEOUT_US = 60 * 1000 * 1000, /* after the last one began */
        MEDIA_TIMEOUT_US = 5 * 1000 * 1000, /* for everybody's first packets */
        SETTLE_US = 1000 * 1000,
        DRAIN_US = 250 * 1000, /* without a packet: then none is under way */
        DRAIN_TIMEOUT_US = 5 * 1000 * 1000,
        PUBLISHERS_PER_SECOND = 50,
        WATCHED_SOUND = 3,            /* audio slots that the server has */
        SILENT_US = 6 * 1000 * 1000,  /* in it every client asks for consent, and could hear */
        WITHOUT_US = 2 * 1000 * 1000, /* frames, and Opus above all, come more often */
        MAX_RAMP = 20000,
        RUN_CHARS = 6,
        SSRC_STEP = 16,
        FIRST_SSRC = 0x20000000,
};

struct run {
        const struct load_params *params;
        struct http_base base;
        struct client_identity identity;
        struct mailbox *joined;
        struct joiner *joiner;
        struct swarm *swarm;
        struct usage_meter *meter;
        char name[RUN_CHARS + 1]; /* of this run, in participants' ids */
        unsigned begun;           /* joins, of both kinds */
        int64_t measured_us;      /* when the measured stretch was over */
        struct report report;
        struct tally joining;
};

static volatile sig_atomic_t interrupted;

static void on_signal(int number)
{
        (void)number;
        interrupted = 1;
}

/* ---- who joins ---- */

static void write_watched(const struct run *run, char *ret, size_t cap, unsigned viewer)
{
        size_t at = 0;
        unsigned n = run->params->watched;

        for (unsigned i = 0; i < n && at < cap; i++)
                at += (size_t)snprintf(ret + at, cap - at, "%sload-%s-%u",
                                       i ? "," : "?publishers=", run->name,
                                       (viewer + i) % run->params->publishers);
        if (run->params->height > 0 && at < cap)
                snprintf(ret + at, cap - at, "%sheight=%u", n ? "&" : "?", run->params->height);
}

static struct join *new_join(const struct run *run, bool publishes, unsigned index)
{
        const struct load_params *p = run->params;
        struct join *join = calloc(1, sizeof(*join));
        char watched[900] = "";

        if (!join)
                return NULL;
        join->index = index;
        join->publishes = publishes;
        join->begun_us = clock_now_us();
        join->offer.fingerprint = run->identity.fingerprint;
        join->offer.transport_cc = p->congestion_control;
        if (publishes) {
                join->offer.sound_ssrc = FIRST_SSRC + index * SSRC_STEP;
                join->offer.video_ssrc = join->offer.sound_ssrc + 1;
                join->offer.sends_sound = p->sound;
                join->offer.n_layers = p->video ? p->n_layers : 0;
                join->n_sent = p->sound + p->video;
                snprintf(join->path, sizeof(join->path), "/whip/%s?id=load-%s-%u", p->meeting,
                         run->name, index);
        } else {
                join->offer.n_sound = p->watched > 0 && p->watched < WATCHED_SOUND ? p->watched
                                                                                   : WATCHED_SOUND;
                join->offer.n_video = p->pictures;
                write_watched(run, watched, sizeof(watched), index);
                snprintf(join->path, sizeof(join->path), "/whep/%s%s", p->meeting, watched);
        }
        return join;
}

/* ---- phases ---- */

static bool is_over(int64_t end_us)
{
        return interrupted || clock_now_us() >= end_us;
}

static void pass_time(struct run *run, int64_t us)
{
        int64_t end_us = clock_now_us() + us;

        while (!is_over(end_us))
                swarm_turn(run->swarm, end_us);
}

static bool all_settled(const struct run *run)
{
        if (swarm_size(run->swarm) < run->begun)
                return false;
        for (size_t i = 0; i < run->begun; i++)
                if (swarm_at(run->swarm, i)->state == GUEST_HANDSHAKE)
                        return false;
        return true;
}

/* Begins n joins in so much time, and waits until each is in or has failed. */
static int join_all(struct run *run, bool publishes, unsigned first, unsigned n, int64_t over_us)
{
        int64_t start_us = clock_now_us(), end_us;
        unsigned i = 0;

        while (i < n && !interrupted) {
                int64_t due_us = start_us + over_us * i / n;

                if (clock_now_us() < due_us) {
                        swarm_turn(run->swarm, due_us);
                        continue;
                }
                struct join *join = new_join(run, publishes, first + i);

                if (!join)
                        return -ENOMEM;
                joiner_begin(run->joiner, join);
                run->begun++;
                i++;
        }
        end_us = clock_now_us() + JOIN_TIMEOUT_US;
        while (!all_settled(run) && !is_over(end_us))
                swarm_turn(run->swarm, clock_now_us() + SETTLE_US);
        return 0;
}

static bool somebody_publishes(const struct run *run)
{
        for (size_t i = 0; i < swarm_size(run->swarm); i++)
                if (swarm_at(run->swarm, i)->publisher)
                        return true;
        return false;
}

static bool everybody_has_media(const struct run *run)
{
        const struct load_params *p = run->params;

        for (size_t i = 0; i < swarm_size(run->swarm); i++) {
                const struct guest *guest = swarm_at(run->swarm, i);

                if (guest->state == GUEST_UP && guest->receiver &&
                    ((p->sound && !guest->receiver->first_us[TALLY_SOUND]) ||
                     (p->video && p->pictures && !guest->receiver->first_us[TALLY_PICTURE])))
                        return false;
        }
        return true;
}

static void await_media(struct run *run)
{
        int64_t end_us = clock_now_us() + MEDIA_TIMEOUT_US;

        while (somebody_publishes(run) && !everybody_has_media(run) && !is_over(end_us))
                swarm_turn(run->swarm, end_us);
        pass_time(run, (int64_t)run->params->settle_seconds * 1000000);
}

static void read_usage(struct run *run, struct usage *ret)
{
        if (run->meter)
                usage_meter_read(run->meter, ret);
}

/* ---- what came of it ---- */

static void add_reason(struct report_joins *joins, const char *reason)
{
        for (size_t i = 0; i < REPORT_REASONS; i++) {
                if (strcmp(joins->reasons[i], reason) == 0)
                        return;
                if (joins->reasons[i][0] == '\0') {
                        snprintf(joins->reasons[i], sizeof(joins->reasons[i]), "%s", reason);
                        return;
                }
        }
}

/* How many streams each subscriber should get at least. */
static unsigned asked_for(const struct load_params *p, enum tally_kind kind)
{
        unsigned pictures = p->watched > 0 && p->watched < p->pictures ? p->watched : p->pictures;

        if (p->publishers == 0)
                return 0;
        if (kind == TALLY_SOUND)
                return p->sound;
        return p->watched > 0 || pictures == 0 ? pictures : 1; /* the speaker's */
}

static void count_without(const struct run *run, struct report_joins *joins,
                          const struct guest *guest)
{
        const struct receiver *receiver = guest->receiver;
        unsigned n[TALLY_KINDS] = { 0 };

        if (guest->state != GUEST_UP || !receiver || run->measured_us == 0)
                return;
        for (size_t i = 0; i < receiver->n_slots; i++)
                if (run->measured_us - receiver->slots[i].last_us <= WITHOUT_US)
                        n[receiver->slots[i].sdp.sound ? TALLY_SOUND : TALLY_PICTURE]++;
        for (unsigned kind = 0; kind < TALLY_KINDS; kind++)
                joins->without[kind] += n[kind] < asked_for(run->params, (enum tally_kind)kind);
}

static void add_guest(struct report_joins *joins, const struct guest *guest)
{
        const struct join *join = guest->join;
        const struct receiver *receiver = guest->receiver;

        joins->too_fast += join->n_too_fast;
        if (guest->state == GUEST_FAILED || guest->state == GUEST_HANDSHAKE) {
                joins->failed++;
                add_reason(joins, join->error[0] ? join->error : "it took too long");
                return;
        }
        joins->ok++;
        joins->lost += guest->state == GUEST_LOST;
        histogram_add(&joins->connected, guest->up_us - join->begun_us);
        if (receiver && receiver->first_us[TALLY_SOUND])
                histogram_add(&joins->first_sound,
                              receiver->first_us[TALLY_SOUND] - join->begun_us);
        if (receiver && receiver->first_us[TALLY_PICTURE])
                histogram_add(&joins->first_picture,
                              receiver->first_us[TALLY_PICTURE] - join->begun_us);
}

static void collect_joins(struct run *run)
{
        struct report *report = &run->report;
        double seconds[2] = { report->publishers.seconds, report->watchers.seconds };

        report->publishers = (struct report_joins){ .seconds = seconds[0] };
        report->watchers = (struct report_joins){ .seconds = seconds[1] };
        for (size_t i = 0; i < swarm_size(run->swarm); i++) {
                const struct guest *guest = swarm_at(run->swarm, i);

                add_guest(guest->join->publishes ? &report->publishers : &report->watchers, guest);
                count_without(run, &report->watchers, guest);
                report->feedback |= guest->receiver && guest->receiver->transport_cc;
        }
        for (size_t i = swarm_size(run->swarm); i < run->begun; i++) {
                report->watchers.failed++;
                add_reason(&report->watchers, "it took too long");
        }
}

/* A server that is held up sends later what it has. */
static void drain(struct run *run)
{
        const struct tally *tally = swarm_tally(run->swarm);
        int64_t end_us = clock_now_us() + DRAIN_TIMEOUT_US;
        uint64_t before;

        do {
                before = tally->counts[TALLY_SOUND].unique + tally->counts[TALLY_PICTURE].unique;
                pass_time(run, DRAIN_US);
        } while (before !=
                         tally->counts[TALLY_SOUND].unique + tally->counts[TALLY_PICTURE].unique &&
                 !is_over(end_us));
}

/* ---- whether the server is still there ---- */

struct sessions {
        unsigned in, lost, refused; /* in: ever */
};

static struct sessions count_sessions(const struct run *run)
{
        struct sessions n = { 0 };

        for (size_t i = 0; i < swarm_size(run->swarm); i++) {
                const struct guest *guest = swarm_at(run->swarm, i);

                n.in += guest->up_us > 0;
                n.lost += guest->state == GUEST_LOST;
                n.refused += guest->refused;
        }
        return n;
}

/* Waits until a datagram comes for anybody. Returns whether none did. */
static bool is_silent(struct run *run, int64_t since_us, int64_t for_us)
{
        int64_t end_us = clock_now_us() + for_us;

        while (swarm_heard_us(run->swarm) <= since_us && !is_over(end_us))
                swarm_turn(run->swarm, end_us);
        return swarm_heard_us(run->swarm) <= since_us && !interrupted;
}

/* By HTTP: whatever it says. A program that hangs takes connections, and says nothing. */
static bool answers(const struct run *run)
{
        const struct http_ask ask = { .method = "GET",
                                      .path = "/healthz",
                                      .bearer = run->params->token };
        struct http_answer answer = { 0 };
        struct http_client *client;
        int r = http_client_new(&client, &run->base);

        if (r < 0)
                return true; /* we do not know */
        r = http_request(client, &ask, &answer);
        free(answer.body);
        http_client_free(client);
        return r == 0 || r == -EPROTO;
}

/* Certain, on a busy machine too: either the system says for each session that nobody
 * has the media port, or one of the two ways (that, or HTTP) says no and then nothing
 * at all comes for SILENT_US. Silence alone may be a meeting that somebody ended. */
static bool is_dead(struct run *run)
{
        struct sessions n = count_sessions(run);
        int64_t since_us;

        if (n.in == 0 || (n.lost == 0 && !is_silent(run, run->measured_us, DRAIN_US)))
                return false;
        pass_time(run, DRAIN_US); /* what it said before is read now */
        since_us = clock_now_us();
        n = count_sessions(run);
        if (n.refused == n.in)
                return true;
        if (interrupted || (n.refused == 0 && answers(run)))
                return false;
        return is_silent(run, since_us, SILENT_US);
}

static void measure(struct run *run, bool last)
{
        struct report *report = &run->report;
        struct tally *tally = swarm_tally(run->swarm);
        int64_t start_us, own_ns, own_waited_ns;

        run->joining = *tally;
        *tally = (struct tally){ 0 };
        read_usage(run, &report->server.begin);
        start_us = clock_now_us();
        usage_read_own(&own_ns, &own_waited_ns);
        pass_time(run, (int64_t)run->params->duration_seconds * 1000000);
        usage_read_own(&report->own_ns, &report->own_waited_ns);
        report->own_ns -= own_ns;
        report->own_waited_ns -= own_waited_ns;
        run->measured_us = clock_now_us();
        report->seconds = (double)(run->measured_us - start_us) / 1e6;
        read_usage(run, &report->server.end);
        if (last) {
                swarm_stop(run->swarm);
                drain(run);
                swarm_count_tails(run->swarm);
        }
        report->dead = is_dead(run);
        report->server.known = run->meter && !report->dead; /* the dead use nothing */
        collect_joins(run);
}

static int add_watchers(struct run *run, unsigned n)
{
        const struct load_params *p = run->params;
        int64_t start_us = clock_now_us();
        int r;

        *swarm_tally(run->swarm) = (struct tally){ 0 };
        r = join_all(run, false, run->report.subscribers, n, (int64_t)p->join_seconds * 1000000);
        run->report.subscribers += n;
        run->report.watchers.seconds = (double)(clock_now_us() - start_us) / 1e6;
        if (r == 0)
                await_media(run);
        return r;
}

static int climb(struct run *run)
{
        unsigned held = 0, step = run->params->subscribers;

        do {
                int r = add_watchers(run, step);

                if (r < 0)
                        return r;
                measure(run, false);
                if (!run->params->json)
                        report_print_step(&run->report);
                if (report_limit(&run->report) == REPORT_NO_LIMIT)
                        held = run->report.subscribers;
                step = run->params->ramp;
        } while (report_limit(&run->report) == REPORT_NO_LIMIT && !interrupted &&
                 run->report.subscribers + step <= MAX_RAMP);
        if (!run->params->json)
                printf("\nGiữ tốt tới %u đại biểu. / Held well: %u delegates. At the next step:\n\n",
                       held, held);
        return 0;
}

/* Without anybody to watch there is nothing to measure. */
static bool nobody_publishes(struct run *run)
{
        collect_joins(run);
        return run->params->publishers > 0 && run->report.publishers.ok == 0;
}

static void leave_all(struct run *run)
{
        if (run->report.dead)
                return; /* nobody would hear it, and each waits for an answer */
        for (size_t i = 0; i < swarm_size(run->swarm); i++) {
                const char *location = swarm_at(run->swarm, i)->join->location;

                if (location[0])
                        joiner_leave(run->joiner, location);
        }
}

static int run_phases(struct run *run)
{
        const struct load_params *p = run->params;
        struct report *report = &run->report;
        int64_t start_us = clock_now_us();
        int r = join_all(run, true, 0, p->publishers,
                         (int64_t)p->publishers * 1000000 / PUBLISHERS_PER_SECOND);

        report->publishers.seconds = (double)(clock_now_us() - start_us) / 1e6;
        if (r == 0 && nobody_publishes(run))
                r = -ENOTCONN;
        if (r == 0)
                pass_time(run, p->publishers > 0 ? SETTLE_US : 0);
        read_usage(run, &report->server.before_joins);
        if (r == 0 && p->ramp > 0) {
                r = climb(run);
        } else if (r == 0) {
                r = add_watchers(run, p->subscribers);
                measure(run, true);
        }
        if (r == 0 && p->json)
                report_print_json(report);
        else if (r == 0)
                report_print(report);
        leave_all(run);
        return r;
}

/* ---- setting up ---- */

static struct source_config source_of(const struct load_params *p)
{
        struct source_config config = {
                .n_layers = p->video ? p->n_layers : 0,
                .fps = p->fps,
                .key_every_us = (int64_t)p->keyframe_seconds * 1000000,
                .key_ratio = p->keyframe_ratio,
                .pacing = p->pacing,
                .sound = p->sound,
        };

        for (unsigned i = 0; i < config.n_layers; i++)
                config.video_bps[i] = p->video_kbps[i] * 1000;
        return config;
}

static int set_up(struct run *run)
{
        const struct load_params *p = run->params;
        size_t max = p->publishers + (p->ramp ? MAX_RAMP : p->subscribers);
        struct rlimit files;
        int r = http_base_parse(&run->base, p->url, p->insecure);

        if (r < 0)
                return r;
        if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
                files.rlim_cur = files.rlim_max; /* two for each client that is joining */
                (void)setrlimit(RLIMIT_NOFILE, &files);
        }
        if (srtp_init() != srtp_err_status_ok)
                return -EIO;
        rand_word(run->name, RUN_CHARS);
        r = client_identity_init(&run->identity);
        if (r == 0)
                r = mailbox_new(&run->joined, sizeof(struct join *), max ? max : 1);
        if (r == 0)
                r = joiner_new(&run->joiner, &(struct joiner_params){ .base = &run->base,
                                                                      .token = p->token,
                                                                      .done = run->joined });
        if (r == 0)
                r = swarm_new(&run->swarm, &(struct swarm_params){ .identity = &run->identity,
                                                                   .source = source_of(p),
                                                                   .trains = p->trains,
                                                                   .joined = run->joined,
                                                                   .max_guests = max ? max : 1 });
        if (r == 0 && p->server_pid > 0)
                r = usage_meter_new(&run->meter, (pid_t)p->server_pid);
        return r;
}

static void tear_down(struct run *run)
{
        struct join *join;

        run->joiner = joiner_free(run->joiner); /* first: it puts into the mailbox */
        run->swarm = swarm_free(run->swarm);
        while (run->joined && mailbox_take(run->joined, &join))
                join_free(join);
        run->joined = mailbox_free(run->joined);
        run->meter = usage_meter_free(run->meter);
        client_identity_done(&run->identity);
}

int load_run(const struct load_params *params, char *ret_error, size_t error_cap)
{
        struct run *run = calloc(1, sizeof(*run));
        struct sigaction action = { .sa_handler = on_signal }, ignore = { .sa_handler = SIG_IGN };
        int r;

        if (!run)
                return -ENOMEM;
        sigaction(SIGINT, &action, NULL);
        sigaction(SIGTERM, &action, NULL);
        sigaction(SIGPIPE, &ignore, NULL); /* connections that the server closed */
        run->params = params;
        run->report.params = params;
        run->report.joining = &run->joining;
        r = set_up(run);
        if (r == 0) {
                run->report.steady = swarm_tally(run->swarm);
                r = run_phases(run);
        }
        if (r < 0)
                snprintf(ret_error, error_cap, "%s",
                         r == -EINVAL     ? "--url: http://host:port or https://host:port"
                         : r == -ESRCH    ? "--server-pid: no such process on this machine"
                         : r == -ENOTCONN ? run->report.publishers.reasons[0]
                                          : strerror(-r));
        tear_down(run);
        free(run);
        return r;
}
