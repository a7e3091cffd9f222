/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tls_cert — a self-signed certificate (ECDSA P-256) for a server that was given
 *            none, so that a phone on the local network can join at all.
 *
 * Thread: any; blocking file access, at the start only.
 */
#ifndef SIGNALING_IO_TLS_CERT_H
#define SIGNALING_IO_TLS_CERT_H

#include "base/base.h"

/* Makes DIR/tls-cert.pem and DIR/tls-key.pem (mode 0600) unless a matching pair
 * that is good for 30 more days is there: who accepted it once is not asked
 * again after a restart. It names localhost, the host and its addresses.
 * Writes both paths (cap bytes each). Returns 0 or -errno. */
must_use int tls_cert_ensure(const char *dir, char *ret_cert_path, char *ret_key_path, size_t cap);

#endif
