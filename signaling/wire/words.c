/* SPDX-License-Identifier: Apache-2.0 */
#include "signaling/wire/words.h"

#include <errno.h>
#include <string.h>

static const char *const kinds[N_KINDS] = { "mic", "camera", "screen" };
static const char *const leaves[N_LEAVES] = { "left", "lost", "removed" };
static const char *const record_modes[N_RECORD_MODES] = { "tracks", "program", "both" };
static const char *const events[N_EVENTS] = {
        [EVENT_JOINED] = "joined",
        [EVENT_CHANGED] = "changed",
        [EVENT_LEFT] = "left",
        [EVENT_ALL_MUTED] = "all-muted",
        [EVENT_CHAT] = "chat",
        [EVENT_LOCKED] = "locked",
        [EVENT_DOCUMENT] = "document",
        [EVENT_DOCUMENT_REMOVED] = "document-removed",
        [EVENT_PRESENTING] = "presenting",
        [EVENT_PRESENTING_STOPPED] = "presenting-stopped",
        [EVENT_RECORDING] = "recording",
        [EVENT_LIVE] = "live",
        [EVENT_AGENDA] = "agenda",
        [EVENT_AGENDA_ITEM] = "agenda-item",
};
static const char *const errors[MEETING_N_ERRS] = {
        [MEETING_E_FORBIDDEN] = "forbidden",       [MEETING_E_LOCKED] = "locked",
        [MEETING_E_REMOVED] = "removed",           [MEETING_E_FULL] = "full",
        [MEETING_E_NOT_FOUND] = "not-found",       [MEETING_E_NAME_EMPTY] = "name-empty",
        [MEETING_E_NOT_READY] = "doc-not-ready",   [MEETING_E_EMPTY] = "bad-field",
        [MEETING_E_RECORDING_ON] = "recording-on", [MEETING_E_AGENDA_CHANGED] = "agenda-changed",
};

/* Returns the index or -EINVAL. */
static int find_word(const char *const *words, int n, const char *word)
{
        for (int i = 0; i < n; i++)
                if (strcmp(words[i], word) == 0)
                        return i;
        return -EINVAL;
}

const char *kind_word(enum meeting_kind kind)
{
        return kinds[kind];
}

int kind_parse(enum meeting_kind *ret_kind, const char *word)
{
        int at = find_word(kinds, N_KINDS, word);

        if (at < 0)
                return at;
        *ret_kind = (enum meeting_kind)at;
        return 0;
}

const char *leave_word(enum meeting_leave reason)
{
        return leaves[reason];
}

int leave_parse(enum meeting_leave *ret_reason, const char *word)
{
        int at = find_word(leaves, N_LEAVES, word);

        if (at < 0)
                return at;
        *ret_reason = (enum meeting_leave)at;
        return 0;
}

const char *record_mode_word(enum meeting_recording_mode mode)
{
        return record_modes[mode];
}

int record_mode_parse(enum meeting_recording_mode *ret_mode, const char *word)
{
        int at = find_word(record_modes, N_RECORD_MODES, word);

        if (at < 0)
                return at;
        *ret_mode = (enum meeting_recording_mode)at;
        return 0;
}

const char *event_word(enum meeting_event_type type)
{
        return events[type];
}

int event_parse(enum meeting_event_type *ret_type, const char *word)
{
        int at = find_word(events, N_EVENTS, word);

        if (at < 0)
                return at;
        *ret_type = (enum meeting_event_type)at;
        return 0;
}

const char *meeting_error_word(int err)
{
        return err > 0 && err < MEETING_N_ERRS ? errors[err] : "internal";
}

bool word_is_document_id(const char *text)
{
        static const char shape[] = "xxxxxxxx-xxxx-7xxx-vxxx-xxxxxxxxxxxx";
        size_t i;

        for (i = 0; shape[i] && text[i]; i++) {
                if (shape[i] == 'x'   ? !strchr("0123456789abcdef", text[i])
                    : shape[i] == 'v' ? !strchr("89ab", text[i])
                                      : shape[i] != text[i])
                        return false;
        }
        return !shape[i] && !text[i];
}
