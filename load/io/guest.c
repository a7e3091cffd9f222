/* SPDX-License-Identifier: Apache-2.0 */
#include "load/io/guest.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <stdio.h>
#include <stun/usages/ice.h>
#include <sys/socket.h>

enum {
        HANDSHAKE_US = 15 * 1000 * 1000,
        CONSENT_EVERY_US = 5 * 1000 * 1000, /* RFC 7675 §5.1 */
        CONSENT_US = 30 * 1000 * 1000,
        RCVBUF = 1024 * 1024, /* a key frame waits while others are read */
        RTCP_CAP = 1200,
        OWN_SSRC = 0x10000000,
};

static void set_options(const struct guest *guest)
{
        const int fd = guest->join->fd, on = 1, size = RCVBUF;

        if (guest->shared->trains)
                (void)setsockopt(fd, SOL_UDP, UDP_GRO, &on, sizeof(on));
        if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) < 0)
                (void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
        (void)setsockopt(fd, SOL_SOCKET, SO_RXQ_OVFL, &on, sizeof(on));
}

static void fail(struct guest *guest, const char *why)
{
        guest->state = GUEST_FAILED;
        snprintf(guest->join->error, sizeof(guest->join->error), "%s", why);
        guest->dtls = dtls_client_free(guest->dtls);
}

static int begin_media(struct guest *guest, int64_t now_us)
{
        struct guest_shared *shared = guest->shared;
        const struct join *join = guest->join;
        int r = dtls_client_sessions(guest->dtls, &guest->in, &guest->out);

        if (r < 0)
                return r;
        if (join->publishes) {
                const struct publisher_params params = {
                        .fd = join->fd,
                        .out = guest->out,
                        .first_ssrc = join->offer.sound_ssrc,
                        .first_stream = (uint32_t)shared->nonce << 16 |
                                        join->index * PUBLISHER_STREAMS,
                        .transport_cc = join->answer.sends_tcc,
                        .trains = shared->trains,
                        .source = shared->source,
                        .tally = &shared->tally,
                };

                return publisher_new(&guest->publisher, &params, now_us);
        }
        return receiver_new(&guest->receiver, &join->answer, shared->nonce, OWN_SSRC + join->index,
                            &shared->tally);
}

static void on_handshake(struct guest *guest, enum dtls_state state, int64_t now_us)
{
        if (state == DTLS_UNDER_WAY)
                return;
        if (state == DTLS_FAILED) {
                fail(guest, "the DTLS handshake failed");
                return;
        }
        if (begin_media(guest, now_us) < 0) {
                fail(guest, "no memory or no SRTP keys");
                return;
        }
        guest->state = GUEST_UP;
        guest->up_us = guest->heard_us = now_us;
        /* Spread by index, so that a thousand do not ask at once. */
        guest->consent_us = now_us + guest->join->index % 50 * RECEIVER_FEEDBACK_US;
        guest->dtls = dtls_client_free(guest->dtls); /* tens of kilobytes */
}

int guest_new(struct guest **ret_guest, struct guest_shared *shared, struct join *join,
              int64_t now_us)
{
        struct guest *guest = calloc(1, sizeof(*guest));
        int r;

        if (!guest)
                return -ENOMEM;
        guest->shared = shared;
        guest->join = join;
        guest->begun_us = now_us;
        r = dtls_client_new(&guest->dtls, shared->identity, join->fd, join->answer.fingerprint);
        if (r < 0) {
                free(guest);
                return r;
        }
        set_options(guest);
        on_handshake(guest, dtls_client_step(guest->dtls, NULL, 0), now_us);
        *ret_guest = guest;
        return 0;
}

struct guest *guest_free(struct guest *guest)
{
        if (!guest)
                return NULL;
        publisher_free(guest->publisher);
        receiver_free(guest->receiver);
        dtls_client_free(guest->dtls);
        if (guest->in)
                srtp_dealloc(guest->in);
        if (guest->out)
                srtp_dealloc(guest->out);
        join_free(guest->join);
        free(guest);
        return NULL;
}

static void on_rtcp(struct guest *guest, uint8_t *data, int len, int64_t now_us)
{
        struct rtcp_iter it;
        struct rtcp_pkt pkt;

        if (srtp_unprotect_rtcp(guest->in, data, &len) != srtp_err_status_ok ||
            rtcp_check(data, (size_t)len) != 0) {
                guest->shared->tally.bad++;
                return;
        }
        guest->shared->tally.rtcp_in++;
        it = rtcp_iter_init(data, (size_t)len);
        while (rtcp_next(&it, &pkt)) {
                if (guest->publisher)
                        publisher_on_rtcp(guest->publisher, &pkt);
                else
                        receiver_on_rtcp(guest->receiver, &pkt, now_us);
        }
}

static void on_rtp(struct guest *guest, uint8_t *data, int len, int64_t now_us)
{
        if (!guest->receiver || srtp_unprotect(guest->in, data, &len) != srtp_err_status_ok) {
                guest->shared->tally.bad++;
                return;
        }
        receiver_on_rtp(guest->receiver, data, (size_t)len, now_us);
}

/* The address is the server's (the socket is connected) and the number is ours. */
static void on_stun(struct guest *guest, const uint8_t *data, size_t len, int64_t now_us)
{
        if (len >= 20 && data[0] == 1 && data[1] == 1 &&
            memcmp(data + 4, guest->question, sizeof(guest->question)) == 0)
                guest->heard_us = now_us;
}

/* RFC 7983 §7; RFC 5761 §4 for RTCP. */
void guest_on_datagram(struct guest *guest, uint8_t *data, size_t len, int64_t now_us)
{
        guest->shared->tally.datagrams++;
        guest->shared->heard_us = now_us;
        if (len < 2)
                guest->shared->tally.bad++;
        else if (data[0] <= 3)
                on_stun(guest, data, len, now_us);
        else if (data[0] < 64 && guest->dtls)
                on_handshake(guest, dtls_client_step(guest->dtls, data, len), now_us);
        else if (data[0] < 128 || guest->state != GUEST_UP)
                return; /* DTLS after the handshake; media before it */
        else if (data[1] >= 192 && data[1] <= 223)
                on_rtcp(guest, data, (int)len, now_us);
        else
                on_rtp(guest, data, (int)len, now_us);
}

void guest_on_refused(struct guest *guest)
{
        if (guest->state == GUEST_UP) {
                guest->state = GUEST_LOST;
                guest->refused = true;
        } else if (guest->state == GUEST_HANDSHAKE) {
                fail(guest, "the server's media port is closed");
        }
}

static void send_datagram(struct guest *guest, const uint8_t *data, size_t len)
{
        if (send(guest->join->fd, data, len, MSG_DONTWAIT) < 0 && errno == ECONNREFUSED)
                guest_on_refused(guest);
}

static void send_rtcp(struct guest *guest, uint8_t *data, struct wr *w)
{
        int len = (int)wr_len(w);

        if (len == 0 || w->bad || srtp_protect_rtcp(guest->out, data, &len) != srtp_err_status_ok)
                return;
        send_datagram(guest, data, (size_t)len);
}

void guest_after_reading(struct guest *guest, int64_t now_us)
{
        struct receiver *receiver = guest->receiver;
        uint8_t data[RTCP_CAP + SRTP_MAX_TRAILER_LEN + 4];
        struct wr w = wr_init(data, RTCP_CAP);

        if (!receiver || !(receiver->tcc_due || receiver->nack_due))
                return;
        receiver_write_urgent(receiver, &w, now_us);
        send_rtcp(guest, data, &w);
}

static void ask_consent(struct guest *guest, int64_t now_us)
{
        const struct join *join = guest->join;
        StunAgent *agent = &guest->shared->stun;
        uint8_t data[600];
        char name[400];
        StunMessage msg;
        size_t len;

        if (now_us - guest->heard_us > CONSENT_US) {
                guest->state = GUEST_LOST;
                return;
        }
        guest->consent_us = now_us + CONSENT_EVERY_US;
        snprintf(name, sizeof(name), "%s:%s", join->answer.ufrag, join->ufrag);
        len = stun_usage_ice_conncheck_create(
                agent, &msg, data, sizeof(data), (const uint8_t *)name, strlen(name),
                (const uint8_t *)join->answer.pwd, strlen(join->answer.pwd), true, true, 1,
                0x6c6f6164, NULL, STUN_USAGE_ICE_COMPATIBILITY_RFC5245);
        if (len == 0)
                return;
        stun_message_id(&msg, guest->question);
        stun_agent_forget_transaction(agent, guest->question); /* it remembers only 200 */
        send_datagram(guest, data, len);
}

void guest_on_time(struct guest *guest, int64_t now_us)
{
        uint8_t data[RTCP_CAP + SRTP_MAX_TRAILER_LEN + 4];
        struct wr w = wr_init(data, RTCP_CAP);

        if (guest->state == GUEST_HANDSHAKE) {
                if (now_us - guest->begun_us > HANDSHAKE_US)
                        fail(guest, "the DTLS handshake takes too long");
                else
                        on_handshake(guest, dtls_client_step(guest->dtls, NULL, 0), now_us);
        }
        if (guest->state != GUEST_UP)
                return;
        if (guest->receiver)
                receiver_write_regular(guest->receiver, &w, now_us);
        else if (now_us >= guest->consent_us)
                publisher_write_report(guest->publisher, &w);
        send_rtcp(guest, data, &w);
        if (now_us >= guest->consent_us)
                ask_consent(guest, now_us);
}
