/* SPDX-License-Identifier: Apache-2.0 */
/*
 * words — the protocol's fixed words and the shapes of its ids.
 *
 * Layer: wire, pure.
 */
#ifndef SIGNALING_WIRE_WORDS_H
#define SIGNALING_WIRE_WORDS_H

#include "base/base.h"
#include "meeting/meeting.h"

const char *kind_word(enum meeting_kind kind);
/* Returns 0 or -EINVAL. */
must_use int kind_parse(enum meeting_kind *ret_kind, const char *word);

const char *leave_word(enum meeting_leave reason);
must_use int leave_parse(enum meeting_leave *ret_reason, const char *word);

const char *record_mode_word(enum meeting_recording_mode mode);
must_use int record_mode_parse(enum meeting_recording_mode *ret_mode, const char *word);

/* "joined", "changed" …: the type of the message, and of the row in the log. */
const char *event_word(enum meeting_event_type type);
must_use int event_parse(enum meeting_event_type *ret_type, const char *word);

/* The error code for an enum meeting_err. */
const char *meeting_error_word(int err);

/* A UUID of version 7 in lower case. */
bool word_is_document_id(const char *text);

#endif
