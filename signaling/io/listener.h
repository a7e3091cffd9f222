/* SPDX-License-Identifier: Apache-2.0 */
/*
 * listener — one listening TCP socket on a uv loop.
 *
 * Owner: the server; signalling thread.
 */
#ifndef SIGNALING_IO_LISTENER_H
#define SIGNALING_IO_LISTENER_H

#include <uv.h>

#include "base/base.h"

struct listener;

/* A connection was accepted: fd (non-blocking) belongs to the callee now. */
typedef void listener_on_accept(void *user, int kind, int fd, const uint8_t address[16]);

/* Listens on "ADDR:PORT" or "[ADDR6]:PORT" ("[::]" takes IPv4 too; port 0: any).
 * Returns 0, or -errno with one clear line in ret_error. */
must_use int listener_new(struct listener **ret_listener, uv_loop_t *loop, const char *address,
                          int kind, listener_on_accept *on_accept, void *user, char *ret_error,
                          size_t error_cap);
/* Accepts NULL, returns NULL. Memory goes when the loop has run once more. */
struct listener *listener_free(struct listener *listener);
uint16_t listener_port(const struct listener *listener);

#endif
