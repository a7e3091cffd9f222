/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/io/tap.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/fd.h"

enum {
        PICTURES_TO = TAP_RING_BYTES / 4 * 3,
        RELIEVED_AT = TAP_RING_BYTES / 4,
        RELIEVED_RECORDS = TAP_RING_RECORDS / 4,
        CONTROL_RECORDS = 1024, /* kept for TRACK and END */
        CONTROL_BYTES = CONTROL_RECORDS * JOB_RECORD_HEAD,
        BATCH = 64,
        SOUND = 0, /* enum sfu_kind SFU_MIC */
};

/* A record lies in one piece, also where it passes the end of the ring. */
struct tap {
        int fd;
        bool behind; /* pictures are refused */
        bool broken;
        size_t head, tail; /* offsets of the first record and of the next one */
        size_t bytes;
        size_t first, n; /* in lens */
        uint16_t lens[TAP_RING_RECORDS];
        uint8_t ring[TAP_RING_BYTES + JOB_RECORD_MAX];
};

static void enlarge(int fd)
{
        int bytes = TAP_SOCKET_BYTES;

        /* Beyond the limit of the machine where we may, else up to it. */
        if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof(bytes)) < 0)
                (void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes));
}

int tap_new(struct tap **ret_tap, int fd)
{
        struct tap *tap = malloc(sizeof(*tap)); /* its pages are touched as they are filled */
        int flags = fcntl(fd, F_GETFL);

        if (!tap)
                return -ENOMEM;
        if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0) {
                int r = -errno;

                free(tap);
                return r;
        }
        enlarge(fd);
        tap->fd = fd;
        tap->behind = tap->broken = false;
        tap->head = tap->tail = tap->bytes = tap->first = tap->n = 0;
        *ret_tap = tap;
        return 0;
}

struct tap *tap_free(struct tap *tap)
{
        if (!tap)
                return NULL;
        closep(&tap->fd);
        free(tap);
        return NULL;
}

int tap_fd(const struct tap *tap)
{
        return tap->fd;
}

/* Whether len bytes in n records fit, so that so many bytes and records stay free. */
static bool fits(const struct tap *tap, size_t len, size_t n, size_t kept_bytes, size_t kept_n)
{
        return tap->bytes + len + kept_bytes <= TAP_RING_BYTES &&
               tap->n + n + kept_n <= TAP_RING_RECORDS;
}

static bool admits(struct tap *tap, const struct job_record *record, size_t len)
{
        bool gap = record->type == JOB_GAP, picture = record->kind != SOUND, ok;
        size_t need = len + (gap ? JOB_RECORD_MAX : 0); /* and the packet behind it */

        if (record->type == JOB_TRACK || record->type == JOB_END) {
                tap->broken |= !fits(tap, len, 1, 0, 0);
                return !tap->broken;
        }
        ok = !tap->broken && fits(tap, need, gap ? 2 : 1, CONTROL_BYTES, CONTROL_RECORDS) &&
             (!picture || (!tap->behind && tap->bytes + need <= PICTURES_TO));
        tap->behind |= picture && !ok;
        return ok;
}

/* The next record's place, or the same without it when it is the end of the ring. */
static size_t after(size_t at, size_t len)
{
        return at + len >= TAP_RING_BYTES ? 0 : at + len;
}

bool tap_put(struct tap *tap, const struct job_record *record)
{
        size_t len = JOB_RECORD_HEAD + record->bytes.len;
        uint8_t *at = tap->ring + tap->tail;

        if (record->bytes.len > JOB_RECORD_MAX_BYTES || !admits(tap, record, len))
                return false;
        job_record_write(at, record);
        if (record->bytes.len > 0)
                memcpy(at + JOB_RECORD_HEAD, record->bytes.data, record->bytes.len);
        tap->lens[(tap->first + tap->n++) % TAP_RING_RECORDS] = (uint16_t)len;
        tap->bytes += len;
        tap->tail = after(tap->tail, len);
        return true;
}

static void drop_first(struct tap *tap, size_t n)
{
        for (; n > 0; n--) {
                size_t len = tap->lens[tap->first];

                tap->head = after(tap->head, len);
                tap->bytes -= len;
                tap->first = (tap->first + 1) % TAP_RING_RECORDS;
                tap->n--;
        }
        if (tap->n == 0)
                tap->head = tap->tail = 0; /* the memory that is used most */
}

/* Returns how many went, 0: the socket is full, or -errno. */
static int send_some(struct tap *tap)
{
        struct mmsghdr messages[BATCH] = { 0 };
        struct iovec parts[BATCH];
        size_t n = tap->n < BATCH ? tap->n : BATCH, at = tap->head;
        int sent;

        for (size_t i = 0; i < n; i++) {
                size_t len = tap->lens[(tap->first + i) % TAP_RING_RECORDS];

                parts[i] = (struct iovec){ tap->ring + at, len };
                messages[i].msg_hdr.msg_iov = &parts[i];
                messages[i].msg_hdr.msg_iovlen = 1;
                at = after(at, len);
        }
        sent = sendmmsg(tap->fd, messages, (unsigned)n, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (sent < 0)
                return errno == EAGAIN || errno == ENOBUFS || errno == EINTR ? 0 : -errno;
        drop_first(tap, (size_t)sent);
        return sent;
}

enum tap_flush tap_flush(struct tap *tap)
{
        size_t left = TAP_TURN_RECORDS;

        while (tap->n > 0 && left > 0 && !tap->broken) {
                int sent = send_some(tap);

                if (sent == 0)
                        return TAP_BLOCKED;
                tap->broken = sent < 0;
                left -= sent < 0 || (size_t)sent > left ? left : (size_t)sent;
        }
        if (tap->broken)
                return TAP_BROKEN;
        return tap->n > 0 ? TAP_MORE : TAP_DRAINED;
}

bool tap_take_relief(struct tap *tap)
{
        if (!tap->behind || tap->bytes > RELIEVED_AT || tap->n > RELIEVED_RECORDS)
                return false;
        tap->behind = false;
        return true;
}
