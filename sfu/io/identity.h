/* SPDX-License-Identifier: Apache-2.0 */
/*
 * identity — the file with the DTLS key and certificate: clients that come back
 *            after a restart meet the same fingerprint.
 *
 * Layer:  io.
 */
#ifndef SFU_IO_IDENTITY_H
#define SFU_IO_IDENTITY_H

#include "base/base.h"
#include "sfu/core/dtls.h"

/* Reads path, or makes a new identity there (0600, by rename, so that a crash
 * leaves the old file or the new one). Returns 0 or -errno; -EINVAL: the file
 * is there but holds no usable key and certificate. */
must_use int identity_load(struct dtls_context **ret_context, const char *path);

#endif
