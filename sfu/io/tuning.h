/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tuning — constants of the media plane that tests change to save time. The
 *          program itself calls sfu_new(), which takes the defaults.
 *
 * Layer:  io.
 */
#ifndef SFU_IO_TUNING_H
#define SFU_IO_TUNING_H

#include "sfu/api.h"

/* RFC 7675 §5.1 has consent expire after 30 s. */
#define SFU_SILENCE_US ((int64_t)30 * 1000 * 1000)

/* A room this large is spread: newcomers go to the least loaded worker when the
 * room's own have so many peers more. Smaller ones stay on one worker: there a
 * packet is handed to nobody. */
#define SFU_SPREAD_PEERS 16

/* A client that misses our last DTLS flight sends its own again (RFC 6347
 * §4.2.4), at first after a second or less, and then each time after twice as long:
 * who did not do so for this long, and the handshake's own time, has all of it. */
#define SFU_SETTLE_US ((int64_t)10 * 1000 * 1000)

/* A worker that uses so much CPU time in one turn, or is blocked in it for so long, will not go
 * on: a turn has some 10 ms of work. */
#define SFU_HUNG_US ((int64_t)10 * 1000 * 1000)

struct sfu_tuning {
        int64_t silence_us;    /* without an authenticated packet, or to become connected */
        uint32_t spread_peers; /* >= 1 */
        int64_t settle_us;     /* 0: SFU_SETTLE_US */
        int64_t hung_us;       /* 0: nobody looks after the workers */
        /* Called by each worker in each of its turns: it may stand still there, or
         * die. NULL: none. */
        void (*on_turn)(void *user, unsigned worker);
        void *on_turn_user;
};

/* As sfu_new(). */
must_use int sfu_new_tuned(struct sfu **ret_sfu, const struct sfu_config *config,
                           const struct sfu_tuning *tuning, char *ret_error, size_t error_cap);

#endif
