/* SPDX-License-Identifier: Apache-2.0 */
/*
 * seal — secrets of others that have to lie on disk (a stream key, a camera's password):
 *        AES-256-GCM under a key made of the server's own secret.
 *
 * Layer: wire. Pure: the nonce is an argument; OpenSSL.
 *
 * Form: 12 bytes of nonce, the text, 16 bytes of tag. What it is about (its id) is
 * authenticated too, so that one cannot be put in another's place. Who has the whole data
 * folder can open it; who gets the rows alone (a copy, a report) cannot.
 */
#ifndef SIGNALING_WIRE_SEAL_H
#define SIGNALING_WIRE_SEAL_H

#include "base/base.h"

enum { SEAL_NONCE = 12, SEAL_TAG = 16, SEAL_MORE = SEAL_NONCE + SEAL_TAG, SEAL_SECRET = 32 };

/* ret has room for text.len + SEAL_MORE bytes. nonce: random, never twice with one secret.
 * Returns 0 or -ENOMEM. */
must_use int seal_write(uint8_t *ret, struct span text, const char *about,
                        const uint8_t nonce[SEAL_NONCE], const uint8_t secret[SEAL_SECRET]);

/* ret has room for sealed.len - SEAL_MORE bytes. Returns 0, -EBADMSG (not ours, or touched), or
 * -ENOMEM. */
must_use int seal_read(uint8_t *ret, struct span sealed, const char *about,
                       const uint8_t secret[SEAL_SECRET]);

#endif
