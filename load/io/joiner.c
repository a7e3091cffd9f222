/* SPDX-License-Identifier: Apache-2.0 */
#include "load/io/joiner.h"

#include <agent.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <stdio.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/fd.h"

enum { HTTP_THREADS = 8, ICE_TIMEOUT_S = 15, MAX_TOO_FAST = 60 };

struct joiner {
        struct joiner_params params;
        char local[INET6_ADDRSTRLEN]; /* the address that leads to the server */
        GMainContext *context;
        GMainLoop *loop;
        GThread *thread;
        GAsyncQueue *requests; /* struct request * */
        size_t n_workers;
        struct worker {
                struct joiner *joiner;
                struct http_client *client;
                GThread *thread;
        } workers[HTTP_THREADS];
};

/* One join on the ICE thread. */
struct ice {
        struct joiner *joiner;
        struct join *join;
        NiceAgent *agent;
        guint stream;
        GSource *timeout;
        bool over;
};

/* One HTTP request. */
struct request {
        bool is_last;    /* of its worker: it ends then */
        struct ice *ice; /* NULL: a DELETE */
        char *body, *location;
        struct http_answer answer;
        int result;
};

struct join *join_free(struct join *join)
{
        if (!join)
                return NULL;
        closep(&join->fd);
        free(join);
        return NULL;
}

/* ---- on the ICE thread ---- */

static void invoke_later(struct joiner *joiner, GSourceFunc func, void *data)
{
        GSource *source = g_idle_source_new();

        g_source_set_priority(source, G_PRIORITY_DEFAULT);
        g_source_set_callback(source, func, data, NULL);
        g_source_attach(source, joiner->context);
        g_source_unref(source);
}

static void stop_timeout(struct ice *ice)
{
        if (!ice->timeout)
                return;
        g_source_destroy(ice->timeout);
        g_source_unref(ice->timeout);
        ice->timeout = NULL;
}

static void finish(struct ice *ice)
{
        stop_timeout(ice);
        if (ice->agent) {
                if (ice->stream)
                        nice_agent_remove_stream(ice->agent, ice->stream);
                g_object_unref(ice->agent);
        }
        /* The mailbox holds as many as there are joins. */
        if (mailbox_put(ice->joiner->params.done, &ice->join) < 0)
                join_free(ice->join);
        free(ice);
}

static gboolean on_over(gpointer user)
{
        finish(user);
        return G_SOURCE_REMOVE;
}

/* Not at once: the agent is often in the middle of telling us. */
static void end(struct ice *ice, const char *error)
{
        if (ice->over)
                return;
        ice->over = true;
        if (error)
                snprintf(ice->join->error, sizeof(ice->join->error), "%s", error);
        invoke_later(ice->joiner, on_over, ice);
}

static gboolean on_timeout(gpointer user)
{
        end(user, "no answer to connectivity checks (is the media port open?)");
        return G_SOURCE_REMOVE;
}

/* The agent's own descriptor is closed with it; ours stays. */
static int take_socket(struct ice *ice)
{
        NiceCandidate *local, *remote;
        GSocket *socket = nice_agent_get_selected_socket(ice->agent, ice->stream, 1);
        struct sockaddr_storage to;
        socklen_t len;
        cleanup(closep) int fd = -1;

        if (!socket)
                return -ENOTCONN;
        fd = fcntl(g_socket_get_fd(socket), F_DUPFD_CLOEXEC, 0);
        g_object_unref(socket);
        if (fd < 0)
                return -errno;
        if (!nice_agent_get_selected_pair(ice->agent, ice->stream, 1, &local, &remote))
                return -ENOTCONN;
        nice_address_copy_to_sockaddr(&remote->addr, (struct sockaddr *)&to);
        len = to.ss_family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
        if (connect(fd, (struct sockaddr *)&to, len) < 0)
                return -errno;
        ice->join->fd = take_fd(&fd);
        return 0;
}

static void on_state(NiceAgent *agent, guint stream, guint component, guint state, gpointer user)
{
        struct ice *ice = user;

        (void)agent;
        (void)stream;
        (void)component;
        if (ice->over)
                return;
        if (state == NICE_COMPONENT_STATE_FAILED) {
                end(ice, "connectivity checks failed");
        } else if (state == NICE_COMPONENT_STATE_READY) {
                ice->join->ready_us = clock_now_us();
                end(ice, take_socket(ice) < 0 ? "cannot take over the socket" : NULL);
        }
}

/* Media before the take-over: there is none, DTLS has not begun. */
static void on_data(NiceAgent *agent, guint stream, guint component, guint len, gchar *data,
                    gpointer user)
{
        (void)agent;
        (void)stream;
        (void)component;
        (void)len;
        (void)data;
        (void)user;
}

static char *make_offer(struct ice *ice)
{
        struct join *join = ice->join;
        char *ufrag = NULL, *pwd = NULL;

        if (!nice_agent_get_local_credentials(ice->agent, ice->stream, &ufrag, &pwd))
                return NULL;
        g_strlcpy(join->ufrag, ufrag, sizeof(join->ufrag));
        g_strlcpy(join->pwd, pwd, sizeof(join->pwd));
        g_free(ufrag);
        g_free(pwd);
        join->offer.ufrag = join->ufrag;
        join->offer.pwd = join->pwd;
        return load_offer_write(&join->offer);
}

static void post(struct ice *ice)
{
        struct request *request = g_new0(struct request, 1);

        request->ice = ice;
        request->body = make_offer(ice);
        g_async_queue_push(ice->joiner->requests, request);
}

static gboolean on_begin(gpointer user)
{
        struct ice *ice = user;
        NiceAddress address;

        ice->agent = nice_agent_new(ice->joiner->context, NICE_COMPATIBILITY_RFC5245);
        g_object_set(ice->agent, "upnp", FALSE, "ice-tcp", FALSE, "controlling-mode", TRUE, NULL);
        nice_address_init(&address);
        nice_address_set_from_string(&address, ice->joiner->local);
        nice_agent_add_local_address(ice->agent, &address);
        ice->stream = nice_agent_add_stream(ice->agent, 1);
        g_signal_connect(ice->agent, "component-state-changed", G_CALLBACK(on_state), ice);
        nice_agent_attach_recv(ice->agent, ice->stream, 1, ice->joiner->context, on_data, ice);
        if (!ice->stream || !nice_agent_gather_candidates(ice->agent, ice->stream))
                end(ice, "no local socket");
        else
                post(ice);
        return G_SOURCE_REMOVE;
}

static void start_checks(struct ice *ice)
{
        const struct load_answer *answer = &ice->join->answer;
        GSList *candidates = NULL;

        for (size_t i = 0; i < answer->n_candidates; i++) {
                NiceCandidate *candidate = nice_agent_parse_remote_candidate_sdp(
                        ice->agent, ice->stream, answer->candidates[i]);

                if (candidate)
                        candidates = g_slist_append(candidates, candidate);
        }
        ice->timeout = g_timeout_source_new_seconds(ICE_TIMEOUT_S);
        g_source_set_callback(ice->timeout, on_timeout, ice, NULL);
        g_source_attach(ice->timeout, ice->joiner->context);
        nice_agent_set_remote_credentials(ice->agent, ice->stream, answer->ufrag, answer->pwd);
        nice_agent_set_remote_candidates(ice->agent, ice->stream, 1, candidates);
        g_slist_free_full(candidates, (GDestroyNotify)nice_candidate_free);
}

static gboolean on_again(gpointer user)
{
        post(user);
        return G_SOURCE_REMOVE;
}

static void ask_again(struct ice *ice, int seconds)
{
        GSource *source = g_timeout_source_new_seconds(seconds > 0 ? (guint)seconds : 1);

        g_source_set_callback(source, on_again, ice, NULL);
        g_source_attach(source, ice->joiner->context);
        g_source_unref(source);
}

static const char *reason_of(int err)
{
        return err == -EKEYREJECTED ? "its certificate is not trusted (--insecure takes any)"
                                    : strerror(-err);
}

static void judge(struct request *request)
{
        struct ice *ice = request->ice;
        struct join *join = ice->join;
        char text[sizeof(join->error)];

        join->answered_us = clock_now_us();
        if (request->result < 0) {
                snprintf(text, sizeof(text), "the server cannot be reached: %s",
                         reason_of(request->result));
                end(ice, text);
        } else if (request->answer.status == 429 && join->n_too_fast < MAX_TOO_FAST) {
                join->n_too_fast++;
                ask_again(ice, request->answer.retry_after_s);
        } else if (request->answer.status != 201) {
                snprintf(text, sizeof(text), "the server answered %d: %.100s",
                         request->answer.status, request->answer.body);
                end(ice, text);
        } else {
                g_strlcpy(join->location, request->answer.location, sizeof(join->location));
                if (load_answer_read(&join->answer, request->answer.body, join->n_sent) < 0)
                        end(ice, "the server's SDP answer lacks something");
                else
                        start_checks(ice);
        }
}

static void request_free(struct request *request)
{
        free(request->body);
        g_free(request->location);
        free(request->answer.body);
        g_free(request);
}

static gboolean on_answer(gpointer user)
{
        struct request *request = user;

        judge(request);
        request_free(request);
        return G_SOURCE_REMOVE;
}

/* ---- on the workers' threads ---- */

static void work(struct worker *worker, struct request *request)
{
        struct joiner *joiner = worker->joiner;
        struct http_ask ask = { .bearer = joiner->params.token };

        if (request->ice) {
                ask.method = "POST";
                ask.path = request->ice->join->path;
                ask.content_type = "application/sdp";
                ask.body = request->body;
        } else {
                ask.method = "DELETE";
                ask.path = request->location;
        }
        request->result = http_request(worker->client, &ask, &request->answer);
        if (request->ice)
                invoke_later(joiner, on_answer, request);
        else
                request_free(request);
}

static gpointer run_worker(gpointer user)
{
        struct worker *worker = user;
        struct request *request;

        while (!(request = g_async_queue_pop(worker->joiner->requests))->is_last)
                work(worker, request);
        request_free(request);
        return NULL;
}

/* ---- on the owner's thread ---- */

static gpointer run_ice(gpointer user)
{
        struct joiner *joiner = user;

        g_main_context_push_thread_default(joiner->context);
        g_main_loop_run(joiner->loop);
        g_main_context_pop_thread_default(joiner->context);
        return NULL;
}

/* Which of our addresses the routing table takes towards the server. */
static int find_local(struct joiner *joiner)
{
        struct sockaddr_storage name;
        socklen_t len = sizeof(name);
        cleanup(closep) int fd = -1;
        struct addrinfo *found;
        int r = http_base_find(joiner->params.base, SOCK_DGRAM, &found);

        if (r < 0)
                return r;
        fd = socket(found->ai_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        r = fd < 0 || connect(fd, found->ai_addr, found->ai_addrlen) < 0 ||
                            getsockname(fd, (struct sockaddr *)&name, &len) < 0
                    ? -errno
                    : 0;
        freeaddrinfo(found);
        if (r == 0 && getnameinfo((struct sockaddr *)&name, len, joiner->local,
                                  sizeof(joiner->local), NULL, 0, NI_NUMERICHOST) != 0)
                r = -EHOSTUNREACH;
        return r;
}

int joiner_new(struct joiner **ret_joiner, const struct joiner_params *params)
{
        cleanup(joiner_freep) struct joiner *joiner = calloc(1, sizeof(*joiner));
        int r;

        if (!joiner)
                return -ENOMEM;
        joiner->params = *params;
        r = find_local(joiner);
        if (r < 0)
                return r;
        joiner->requests = g_async_queue_new();
        joiner->context = g_main_context_new();
        joiner->loop = g_main_loop_new(joiner->context, FALSE);
        joiner->thread = g_thread_new("ice", run_ice, joiner);
        for (; joiner->n_workers < HTTP_THREADS; joiner->n_workers++) {
                struct worker *worker = &joiner->workers[joiner->n_workers];

                worker->joiner = joiner;
                r = http_client_new(&worker->client, params->base);
                if (r < 0)
                        return r;
                worker->thread = g_thread_new("http", run_worker, worker);
        }
        *ret_joiner = take_ptr(joiner);
        return 0;
}

struct joiner *joiner_free(struct joiner *joiner)
{
        if (!joiner)
                return NULL;
        for (size_t i = 0; i < joiner->n_workers; i++) {
                struct request *last = g_new0(struct request, 1);

                last->is_last = true;
                g_async_queue_push(joiner->requests, last);
        }
        for (size_t i = 0; i < joiner->n_workers; i++) {
                g_thread_join(joiner->workers[i].thread);
                http_client_free(joiner->workers[i].client);
        }
        if (joiner->thread) {
                g_main_loop_quit(joiner->loop);
                g_thread_join(joiner->thread);
        }
        if (joiner->loop)
                g_main_loop_unref(joiner->loop);
        if (joiner->context)
                g_main_context_unref(joiner->context);
        if (joiner->requests)
                g_async_queue_unref(joiner->requests);
        free(joiner);
        return NULL;
}

void joiner_begin(struct joiner *joiner, struct join *join)
{
        struct ice *ice = g_new0(struct ice, 1);

        join->fd = -1;
        ice->joiner = joiner;
        ice->join = join;
        invoke_later(joiner, on_begin, ice);
}

void joiner_leave(struct joiner *joiner, const char *location)
{
        struct request *request = g_new0(struct request, 1);

        request->location = g_strdup(location);
        g_async_queue_push(joiner->requests, request);
}
