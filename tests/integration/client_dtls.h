/* SPDX-License-Identifier: Apache-2.0 */
/* client_dtls — the DTLS-SRTP half of the test client; private to client*.c. */
#ifndef TESTS_INTEGRATION_CLIENT_DTLS_H
#define TESTS_INTEGRATION_CLIENT_DTLS_H

#include "tests/integration/client.h"

void client_dtls_init(struct client *client);
void client_dtls_done(struct client *client);
void client_dtls_start(struct client *client); /* ICE is ready */
void client_dtls_on_datagram(struct client *client, const uint8_t *data, size_t len);

/* "AB:CD:…" of our certificate. */
void client_dtls_fingerprint(const struct client *client, char ret[96]);

#endif
