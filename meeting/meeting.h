/* SPDX-License-Identifier: Apache-2.0 */
/*
 * meeting — the rules of a meeting: commands in, events out.
 *
 * Layer:  core, pure: no I/O, no clock, no log. The same events give the same state.
 * Owner:  one per open meeting, owned by the signalling layer.
 * Thread: the signalling thread.
 * Units:  *_ms: milliseconds since 1970.
 *
 * A command is decided against the present state; what it means is a list of
 * events, which the caller numbers, keeps and applies. State changes in
 * meeting_apply() alone, so a meeting is rebuilt by applying its log.
 *
 * Invariants:
 *  (1) meeting_decide() changes nothing; applying its events never fails but
 *      for memory.
 *  (2) meeting_apply() accepts any event, also of an older or newer program:
 *      what makes no sense (an unknown seat) only moves the number on.
 *  (3) a seat outlives connections; it goes only when its id was made up for
 *      one connection (MEETING_PASSING_PREFIX) and that connection ends.
 *  (4) at most MEETING_MAX_SEATS seats: then the one that has been away longest
 *      makes room. The last MEETING_CHAT_KEPT chat lines.
 *  (5) the current item is one of the agenda's, or there is none.
 */
#ifndef MEETING_MEETING_H
#define MEETING_MEETING_H

#include "base/base.h"
#include "meeting/agenda.h"
#include "meeting/permissions.h"

enum {
        MEETING_MAX_SEATS = 4096,
        MEETING_CHAT_KEPT = 200,
        MEETING_ID = 65,         /* 64 characters and NUL */
        MEETING_NAME_CHARS = 80, /* code points */
        MEETING_NAME = 80 * 4 + 1,
        MEETING_TEXT_CHARS = 2000,
        MEETING_TEXT = 2000 * 4 + 1,
        MEETING_DOCUMENT_ID = 37, /* of recordings too */
        MEETING_MAX_PAGES = 2000,
        MEETING_MAX_DECIDED = 2, /* events one command can mean */
};

/* Seats with such an id are forgotten when they go offline. */
#define MEETING_PASSING_PREFIX "w-"

enum meeting_kind { KIND_MIC, KIND_CAMERA, KIND_SCREEN, N_KINDS };
enum meeting_leave { LEAVE_LEFT, LEAVE_LOST, LEAVE_REMOVED, N_LEAVES };
enum meeting_recording_mode { RECORD_TRACKS, RECORD_PROGRAM, RECORD_BOTH, N_RECORD_MODES };

struct meeting_seat {
        char id[MEETING_ID];
        char name[MEETING_NAME];
        enum meeting_role role;
        bool online;
        bool sends[N_KINDS];
        bool muted;      /* by the host */
        bool removed;    /* for good */
        int64_t hand_ms; /* when raised; 0: not */
};

struct meeting_chat {
        uint64_t seq;
        int64_t at_ms;
        char from[MEETING_ID];
        char name[MEETING_NAME];
        char *text;
};

enum meeting_event_type {
        EVENT_JOINED,
        EVENT_CHANGED,
        EVENT_LEFT,
        EVENT_ALL_MUTED,
        EVENT_CHAT,
        EVENT_LOCKED,
        EVENT_DOCUMENT,
        EVENT_DOCUMENT_REMOVED,
        EVENT_PRESENTING,
        EVENT_PRESENTING_STOPPED,
        EVENT_RECORDING,
        EVENT_LIVE,
        EVENT_AGENDA,
        EVENT_AGENDA_ITEM,
        N_EVENTS,
};

/* Which fields of `seat` an EVENT_CHANGED carries. */
enum meeting_changed {
        CHANGED_NAME = 1 << 0,
        CHANGED_ROLE = 1 << 1,
        CHANGED_ONLINE = 1 << 2,
        CHANGED_MIC = 1 << 3,
        CHANGED_CAMERA = 1 << 4,
        CHANGED_SCREEN = 1 << 5,
        CHANGED_HAND = 1 << 6,
        CHANGED_MUTED = 1 << 7,
};

struct meeting_event {
        enum meeting_event_type type;
        uint64_t seq; /* set by the caller: meeting_seq() + 1 */
        int64_t at_ms;
        struct meeting_seat seat; /* joined: all of it; changed: id and what `changed` says;
                                   * left, all-muted (by), chat (from, name), presenting,
                                   * recording, live (by; "": the server), agenda and
                                   * agenda-item (by): id */
        unsigned changed;
        enum meeting_leave reason;
        bool locked;
        char document[MEETING_DOCUMENT_ID];
        int document_state; /* of EVENT_DOCUMENT, in the numbers of whoever keeps papers */
        int page;
        bool on; /* recording, live */
        int64_t since_ms;
        enum meeting_recording_mode mode;
        char recording[MEETING_DOCUMENT_ID];
        char text[MEETING_TEXT]; /* chat */
        struct agenda *agenda;   /* the command's; of a read event its own: event_done() */
        char item[AGENDA_ID];    /* "": none */
};

enum meeting_command_type {
        COMMAND_JOIN,         /* by: the seat; name, role (of the token); on: a host lets it in,
                               * though the meeting is locked and though it was removed */
        COMMAND_LEAVE,        /* by; reason LEFT or LOST */
        COMMAND_MEDIA,        /* by; sends */
        COMMAND_HAND,         /* by, target; on */
        COMMAND_CHAT,         /* by; text (cleaned) */
        COMMAND_MUTE,         /* by, target; kind */
        COMMAND_MUTE_ALL,     /* by */
        COMMAND_REMOVE,       /* by, target */
        COMMAND_LOCK,         /* by; on */
        COMMAND_SET_ROLE,     /* by, target; role */
        COMMAND_PRESENT,      /* by; document, page, n_pages (-1: no such document; 0: not ready) */
        COMMAND_PRESENT_STOP, /* by */
        COMMAND_DOCUMENT,     /* document is new or changed its state */
        COMMAND_DOCUMENT_REMOVED, /* document */
        /* by: a seat, or who has none (role: of the token); NULL: the server itself */
        COMMAND_RECORDING, /* by, role; on, mode, recording */
        COMMAND_LIVE,      /* by, role; on */
        COMMAND_AGENDA, /* by, role; agenda (each item with an id), version: what it is made of */
        COMMAND_AGENDA_ITEM, /* by, role; item ("": none) */
        N_COMMANDS,
};

/* Strings are borrowed; those a command does not need may be NULL. */
struct meeting_command {
        enum meeting_command_type type;
        const char *by, *target;
        const char *name, *text, *document, *recording, *item;
        struct agenda *agenda;
        uint64_t version;
        enum meeting_role role;
        enum meeting_kind kind;
        enum meeting_leave reason;
        enum meeting_recording_mode mode;
        bool on;
        bool sends[N_KINDS];
        int page, n_pages;
};

enum meeting_err {
        MEETING_E_FORBIDDEN = 1,
        MEETING_E_LOCKED,
        MEETING_E_REMOVED,
        MEETING_E_FULL,
        MEETING_E_NOT_FOUND,
        MEETING_E_NAME_EMPTY,
        MEETING_E_NOT_READY, /* the document has no such page yet */
        MEETING_E_EMPTY,     /* nothing left of the text */
        MEETING_E_RECORDING_ON,
        MEETING_E_AGENDA_CHANGED, /* somebody else was first */
        MEETING_N_ERRS,
};

struct meeting;

/* Returns 0 or -ENOMEM. */
must_use int meeting_new(struct meeting **ret_meeting);
/* Accepts NULL, returns NULL. */
struct meeting *meeting_free(struct meeting *meeting);
DEFINE_CLEANUP(struct meeting *, meeting_free)

/* What the command means now: 0 and n events (0: nothing would change), or an
 * enum meeting_err. Outputs change only on success. */
must_use int meeting_decide(const struct meeting *meeting, const struct meeting_command *command,
                            int64_t now_ms, struct meeting_event ret_events[MEETING_MAX_DECIDED],
                            size_t *ret_n);

/* Returns 0 or -ENOMEM (then nothing changed). */
must_use int meeting_apply(struct meeting *meeting, const struct meeting_event *event);

/* Number of the last applied event; 0: none. */
uint64_t meeting_seq(const struct meeting *meeting);
bool meeting_locked(const struct meeting *meeting);

/* Every seat is taken by somebody who is online, or is banned. */
bool meeting_is_full(const struct meeting *meeting);

/* NULL when there is no such seat. Valid until the next meeting_apply(). */
const struct meeting_seat *meeting_seat(const struct meeting *meeting, const char *id);
size_t meeting_n_seats(const struct meeting *meeting);
/* In the order they came; i < meeting_n_seats(). */
const struct meeting_seat *meeting_seat_at(const struct meeting *meeting, size_t i);
size_t meeting_n_online(const struct meeting *meeting);

size_t meeting_n_chat(const struct meeting *meeting);
/* Oldest first. */
const struct meeting_chat *meeting_chat_at(const struct meeting *meeting, size_t i);

struct meeting_presentation {
        char presenter[MEETING_ID]; /* "": nobody presents */
        char document[MEETING_DOCUMENT_ID];
        int page;
};
const struct meeting_presentation *meeting_presentation(const struct meeting *meeting);

struct meeting_recording {
        char id[MEETING_DOCUMENT_ID]; /* "": not recorded */
        enum meeting_recording_mode mode;
        char by[MEETING_ID];
        int64_t since_ms;
};
const struct meeting_recording *meeting_recording(const struct meeting *meeting);

struct meeting_live {
        bool on; /* streamed to viewers */
        char by[MEETING_ID];
        int64_t since_ms;
};
const struct meeting_live *meeting_live(const struct meeting *meeting);

struct meeting_agenda {
        struct agenda *agenda; /* NULL: there was none yet */
        uint64_t version;      /* number of the event that made it; 0: none yet */
        char item[AGENDA_ID];  /* that is dealt with now; "": none */
        int64_t since_ms;      /* when that began, or ended */
};
const struct meeting_agenda *meeting_agenda(const struct meeting *meeting);

#endif
