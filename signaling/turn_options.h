/* SPDX-License-Identifier: Apache-2.0 */
/*
 * turn_options — the TURN settings of the command line and the configuration
 *                file, judged and put together.
 */
#ifndef SIGNALING_TURN_OPTIONS_H
#define SIGNALING_TURN_OPTIONS_H

#include "signaling/options.h"
#include "signaling/wire/turn.h"

enum { TURN_SECRET_MAX = 256 };

struct turn_options {
        struct option_list uris; /* each may be several, with commas between */
        const char *secret, *secret_file;
        char *uri_text; /* owns the words of config.uris */
        char secret_text[TURN_SECRET_MAX + 1];
        struct turn_config config; /* n_uris 0: no TURN server is told to anybody */
};

/* Fills options->config. Returns 0, or -errno with a line in ret_error that
 * does not hold the secret. Either way turn_options_done() is due. */
must_use int turn_options_read(struct turn_options *options, char ret_error[OPTION_ERROR]);
void turn_options_done(struct turn_options *options);

#endif
