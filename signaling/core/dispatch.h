/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dispatch — from a client's message to its handler, once its state, rights
 *            and speed allow it. The table's types are protocol.schema.json's.
 *
 * Layer: signaling/core.
 */
#ifndef SIGNALING_CORE_DISPATCH_H
#define SIGNALING_CORE_DISPATCH_H

#include "signaling/core/app.h"

void dispatch(struct session *session, const struct client_msg *msg);

/* For the test that compares the table with the schema. */
size_t dispatch_n_types(void);
const char *dispatch_type(size_t i);

#endif
