/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/integration/client.h"

#include <arpa/inet.h>
#include <errno.h>
#include <glib-unix.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <stun/stunagent.h>
#include <stun/usages/ice.h>
#include <unistd.h>

#include "sfu/wire/rtcp.h"
#include "sfu/wire/rtp.h"
#include "tests/integration/client_dtls.h"

enum { MTU = 1500, TICK_MS = 2 };

static void must(bool ok, const char *what)
{
        if (ok)
                return;
        fprintf(stderr, "client: %s failed\n", what);
        abort();
}

/* Datagrams. */

static void send_datagram(struct client *client, const void *data, size_t len)
{
        if (client->moved_fd >= 0)
                (void)!send(client->moved_fd, data, len, 0);
        else
                nice_agent_send(client->agent, client->stream, 1, (guint)len, data);
}

void client_send_raw(struct client *client, const void *data, size_t len)
{
        send_datagram(client, data, len);
}

static void on_rtp(struct client *client, uint8_t *data, int len)
{
        struct client_packet *kept;
        struct rtp_pkt rtp;

        if (!client->inbound || srtp_unprotect(client->inbound, data, &len) != srtp_err_status_ok ||
            rtp_parse(&rtp, data, (size_t)len)) {
                client->n_bad++;
                return;
        }
        if (rtp.payload.len == 0)
                return; /* a probe */
        if (client->n_packets++ >= CLIENT_MAX_PACKETS)
                return;
        kept = &client->packets[client->n_packets - 1];
        *kept = (struct client_packet){ .ssrc = rtp.ssrc,
                                        .ts = rtp.ts,
                                        .seq = rtp.seq,
                                        .pt = rtp.pt,
                                        .marker = rtp.marker,
                                        .len = rtp.payload.len };
        memcpy(kept->payload, rtp.payload.data, rtp.payload.len);
}

static void on_rtcp(struct client *client, uint8_t *data, int len)
{
        struct rtcp_iter it;
        struct rtcp_pkt pkt;

        if (!client->inbound ||
            srtp_unprotect_rtcp(client->inbound, data, &len) != srtp_err_status_ok ||
            rtcp_check(data, (size_t)len)) {
                client->n_bad++;
                return;
        }
        client->n_rtcp++;
        it = rtcp_iter_init(data, (size_t)len);
        while (rtcp_next(&it, &pkt)) {
                client->n_bye += pkt.type == RTCP_BYE;
                client->n_pli += pkt.type == RTCP_PSFB &&
                                 (pkt.count == RTCP_FMT_PLI || pkt.count == RTCP_FMT_FIR);
        }
}

static void on_datagram(struct client *client, uint8_t *data, size_t len)
{
        if (len < 2)
                client->n_bad++;
        else if (data[0] <= 3)
                client->check_answered |= data[0] == 1; /* a success response */
        else if (data[0] < 64)
                client_dtls_on_datagram(client, data, len);
        else if (data[1] >= 192 && data[1] <= 223)
                on_rtcp(client, data, (int)len);
        else
                on_rtp(client, data, (int)len);
}

static void on_nice_recv(NiceAgent *agent, guint stream, guint component, guint len, gchar *data,
                         gpointer user)
{
        struct client *client = user;

        (void)agent;
        (void)stream;
        (void)component;
        if (client->moved_fd < 0)
                on_datagram(client, (uint8_t *)data, len);
}

/* ICE. */

static void on_nice_state(NiceAgent *agent, guint stream, guint component, guint state,
                          gpointer user)
{
        struct client *client = user;

        (void)agent;
        (void)stream;
        (void)component;
        if (state != NICE_COMPONENT_STATE_READY || client->ready)
                return;
        client->ready = true;
        client_dtls_start(client);
}

struct client *client_new(const struct client_params *params)
{
        struct client *client = calloc(1, sizeof(*client));
        NiceAddress address;

        must(client, "calloc");
        client->params = *params;
        client->moved_fd = -1;
        client->packets = calloc(CLIENT_MAX_PACKETS, sizeof(*client->packets));
        must(client->packets, "calloc");
        client_dtls_init(client);
        client->agent = nice_agent_new(NULL, NICE_COMPATIBILITY_RFC5245);
        must(client->agent, "nice_agent_new");
        g_object_set(client->agent, "upnp", FALSE, "ice-tcp", params->tcp, "ice-udp", !params->tcp,
                     "controlling-mode", TRUE, NULL);
        nice_address_init(&address);
        must(nice_address_set_from_string(&address,
                                          params->address ? params->address : "127.0.0.1"),
             "address");
        nice_agent_add_local_address(client->agent, &address);
        client->stream = nice_agent_add_stream(client->agent, 1);
        must(client->stream, "nice_agent_add_stream");
        g_signal_connect(client->agent, "component-state-changed", G_CALLBACK(on_nice_state),
                         client);
        nice_agent_attach_recv(client->agent, client->stream, 1, NULL, on_nice_recv, client);
        must(nice_agent_get_local_credentials(client->agent, client->stream, &client->ufrag,
                                              &client->pwd),
             "credentials");
        must(nice_agent_gather_candidates(client->agent, client->stream), "gathering");
        return client;
}

struct client *client_free(struct client *client)
{
        if (!client)
                return NULL;
        if (client->moved_source)
                g_source_remove(client->moved_source);
        if (client->moved_fd >= 0)
                close(client->moved_fd);
        nice_agent_remove_stream(client->agent, client->stream);
        g_object_unref(client->agent);
        client_dtls_done(client);
        if (client->inbound)
                srtp_dealloc(client->inbound);
        if (client->outbound)
                srtp_dealloc(client->outbound);
        g_free(client->ufrag);
        g_free(client->pwd);
        free(client->packets);
        free(client);
        return NULL;
}

static gboolean on_tick(gpointer user)
{
        (void)user;
        return G_SOURCE_REMOVE;
}

void client_pump(void)
{
        guint tick = g_timeout_add(TICK_MS, on_tick, NULL);

        g_main_context_iteration(NULL, TRUE);
        while (g_main_context_iteration(NULL, FALSE))
                ;
        if (g_main_context_find_source_by_id(NULL, tick))
                g_source_remove(tick);
}

void client_wake(void *user)
{
        (void)user;
        g_main_context_wakeup(NULL);
}

void client_restart(struct client *client)
{
        must(nice_agent_restart(client->agent), "restart");
        g_free(client->ufrag);
        g_free(client->pwd);
        must(nice_agent_get_local_credentials(client->agent, client->stream, &client->ufrag,
                                              &client->pwd),
             "credentials");
}

/* A move to another address. */

static gboolean on_moved_fd(gint fd, GIOCondition condition, gpointer user)
{
        uint8_t data[MTU];
        ssize_t n;

        (void)condition;
        while ((n = recv(fd, data, sizeof(data), MSG_DONTWAIT)) > 0)
                on_datagram(user, data, (size_t)n);
        return G_SOURCE_CONTINUE;
}

void client_check_again(struct client *client)
{
        static const uint16_t known[] = { STUN_ATTRIBUTE_USERNAME, STUN_ATTRIBUTE_PRIORITY, 0 };
        StunAgent agent;
        StunMessage message;
        uint8_t data[512];
        char name[160];
        size_t len;
        int n = snprintf(name, sizeof(name), "%s:%s", client->remote_ufrag, client->ufrag);

        stun_agent_init(&agent, known, STUN_COMPATIBILITY_RFC5389,
                        STUN_AGENT_USAGE_SHORT_TERM_CREDENTIALS | STUN_AGENT_USAGE_USE_FINGERPRINT);
        len = stun_usage_ice_conncheck_create(
                &agent, &message, data, sizeof(data), (const uint8_t *)name, (size_t)n,
                (const uint8_t *)client->remote_pwd, strlen(client->remote_pwd), true, true, 1, 1,
                NULL, STUN_USAGE_ICE_COMPATIBILITY_RFC5245);
        must(len > 0, "check");
        send_datagram(client, data, len);
}

void client_move(struct client *client)
{
        struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(client->server_port) };

        to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        if (client->moved_source)
                g_source_remove(client->moved_source);
        if (client->moved_fd >= 0)
                close(client->moved_fd);
        client->moved_fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        must(client->moved_fd >= 0 &&
                     connect(client->moved_fd, (struct sockaddr *)&to, sizeof(to)) == 0,
             "socket");
        client->moved_source = g_unix_fd_add(client->moved_fd, G_IO_IN, on_moved_fd, client);
        client->check_answered = false;
        client_check_again(client);
}

/* Media. */

size_t client_opus_payload(uint8_t *ret, uint16_t n)
{
        enum { LEN = 80 };

        for (size_t i = 0; i < LEN; i++)
                ret[i] = (uint8_t)(n * 3 + i * 7);
        return LEN;
}

/* RFC 6184 §5.6: a NAL unit of an IDR picture, or of another. */
size_t client_h264_payload(uint8_t *ret, uint16_t n, bool key)
{
        enum { LEN = 900 };

        ret[0] = key ? 0x65 : 0x41;
        for (size_t i = 1; i < LEN; i++)
                ret[i] = (uint8_t)(n + i);
        return LEN;
}

size_t client_vp8_payload(uint8_t *ret, uint16_t n, bool key)
{
        /* RFC 7741 §4.2: X, S; I; 15-bit picture id. §4.3 and RFC 6386 §9.1: the
         * frame tag, start code and 640x360. */
        const uint8_t head[] = { 0x90,
                                 0x80,
                                 (uint8_t)(0x80 | n >> 8),
                                 (uint8_t)n,
                                 key ? 0x10 : 0x11,
                                 0,
                                 0,
                                 0x9d,
                                 0x01,
                                 0x2a,
                                 0x80,
                                 0x02,
                                 0x68,
                                 0x01 };
        size_t at = key ? sizeof(head) : 7;

        memcpy(ret, head, at);
        for (; at < 1000; at++)
                ret[at] = (uint8_t)(n + at);
        return at;
}

void client_send_rtp(struct client *client, uint32_t ssrc, uint8_t pt, uint16_t seq, uint32_t ts,
                     bool marker, const uint8_t *payload, size_t len)
{
        static const uint8_t level = 0x80 | 20; /* RFC 6464: voice, -20 dBov */
        const struct rtp_ext_item item = { 1, { &level, 1 } };
        const struct rtp_pkt rtp = {
                .marker = marker, .pt = pt, .seq = seq, .ts = ts, .ssrc = ssrc
        };
        uint8_t data[MTU + SRTP_MAX_TRAILER_LEN];
        struct wr w = wr_init(data, MTU);
        uint8_t *at;
        int n;

        rtp_write_header(&w, &rtp, &item, ssrc == CLIENT_MIC_SSRC);
        at = wr_take(&w, len);
        must(at && client->outbound, "send");
        memcpy(at, payload, len);
        n = (int)wr_len(&w);
        must(srtp_protect(client->outbound, data, &n) == srtp_err_status_ok, "protect");
        send_datagram(client, data, (size_t)n);
}

void client_send_nack(struct client *client, uint32_t ssrc, uint16_t seq)
{
        const struct rtcp_fb fb = { .sender_ssrc = CLIENT_MIC_SSRC, .media_ssrc = ssrc };
        uint8_t data[MTU + SRTP_MAX_TRAILER_LEN];
        struct wr w = wr_init(data, MTU);
        int n;

        rtcp_write_rr(&w, &(struct rtcp_rr){ .ssrc = CLIENT_MIC_SSRC });
        rtcp_write_nack(&w, &fb, &seq, 1);
        must(!w.bad && client->outbound, "send");
        n = (int)wr_len(&w);
        must(srtp_protect_rtcp(client->outbound, data, &n) == srtp_err_status_ok, "protect");
        send_datagram(client, data, (size_t)n);
}
