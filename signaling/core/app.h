/* SPDX-License-Identifier: Apache-2.0 */
/*
 * app — what the files of signaling/core share: the open meetings (rooms),
 *       their people (members), their WebSockets (sessions).
 *
 * Layer:  signaling/core. Sockets, time and storage are behind the interfaces
 *         of server.h, sfu/api.h, docs-share/api.h, store.h and the two clocks.
 * Owner:  main makes one struct app and frees it last but for the server.
 * Thread: the signalling thread.
 * Units:  *_ms since 1970; *_us monotonic.
 *
 * Invariants:
 *  (1) an event is applied when it is decided, kept next, and told to clients
 *      (and its request answered) only after its commit, in order.
 *  (2) one event of a room waits for the store at a time, so that a refused
 *      write leaves no gap behind; then the room is built anew from its log.
 *  (3) a member has at most one session and one peer; a newer one replaces it.
 *  (4) a member's number is hers while the room is open, also before she comes.
 */
#ifndef SIGNALING_CORE_APP_H
#define SIGNALING_CORE_APP_H

#include <glib.h>

#include "base/base.h"
#include "base/rate_limit.h"
#include "docs-share/api.h"
#include "meeting/meeting.h"
#include "sfu/api.h"
#include "sfu/jobs/jobs.h"
#include "signaling/core/jobs_news.h"
#include "signaling/io/server.h"
#include "signaling/wire/client_msg.h"
#include "signaling/wire/event_json.h"
#include "signaling/wire/token.h"
#include "signaling/wire/turn.h"
#include "store/media.h"
#include "store/reader.h"
#include "store/store.h"

enum {
        ROOM_RING = 4096, /* committed events kept for those who come back, */
        ROOM_RING_BYTES = SERVER_WS_MAX_QUEUED_BYTES / 4, /* and of them all; the last always */
        ROOM_MAX_PENDING = 4096,   /* events waiting for the store; then "busy" */
        ROOM_MAX_MEMBERS = 16384,  /* ids with a number */
        ROOM_SYNC_MS = 5000,       /* between two tries to log papers' states */
        ROOM_IDLE_MS = 300 * 1000, /* an empty room stays in memory so long */
        SEAT_KEPT_MS = 60 * 1000,  /* a lost connection keeps the seat so long */
        SPEAKER_MIN_MS = 300,      /* between two `speaker` messages */
        PROGRESS_MIN_MS = 200,     /* between two `document-progress` of one paper */
        APP_TICK_MS = 100,
        /* Offers from one address: a whole meeting may sit behind one router, and comes at
         * once. An offer costs about half a millisecond: a stranger takes 5 % of a core. */
        WHIP_PER_SECOND = 100,
        WHIP_BURST = SFU_MAX_PEERS_PER_ROOM,
};

/* Seats of cookie sessions and of personal tokens: WHIP may not take such ids. */
#define SEAT_SESSION_PREFIX "s-"
#define SEAT_PERSON_PREFIX "n-"

struct process_usage {
        int64_t resident_bytes;
        double cpu_s;
        unsigned open_fds;
};

struct app {
        struct store *store;
        struct sfu *sfu;
        struct docs *docs;
        struct jobs *jobs;
        struct media *media;
        struct reader *reader;
        struct recordings *recordings;
        struct server *server; /* NULL until service_set_server() */
        int64_t (*wall_ms)(void);
        int64_t (*now_us)(void);
        void (*usage)(struct process_usage *ret_usage);
        uint8_t secret[TOKEN_SECRET];
        struct turn_config turn; /* its texts are borrowed */

        GHashTable *rooms;           /* meeting id -> struct room; owned */
        GHashTable *rooms_by_number; /* &room->number -> struct room */
        GHashTable *sessions;        /* &session->serial -> struct session */
        GHashTable *whip_sessions;   /* word -> struct whip_session */
        GQueue whip_ended;           /* struct whip_ended, owned; the oldest first */
        GHashTable *owed;            /* what others will give back in a callback; owned */
        GHashTable *kept_replies;    /* struct waiting_reply, owned: kept_reply.h */
        GHashTable *read_replies;    /* of read_reply.h */
        uint64_t next_serial, next_room;
        struct rate_limit whip_posts;
        bool draining;
        uint64_t n_messages, n_bad_messages, n_too_fast, n_flooders, n_commit_failures;
};

struct slot_now {
        uint32_t source;
        enum meeting_kind kind;
};

struct wanted_now {
        bool known, wanted;
        uint8_t n_layers, layers; /* bit i: layer i is of use */
};

struct member {
        char id[MEETING_ID];
        uint32_t number;
        struct session *session; /* NULL: none now */
        uint64_t peer;           /* 0: none */
        unsigned awaited;        /* WHEP viewers that named her: she keeps her number */
        bool may_publish;        /* what the peer was opened with */
        int64_t lost_ms;         /* when the seat goes offline; 0: not waiting */
        struct slot_now slots[SFU_MAX_SLOTS]; /* of the peer: audio first, then video */
        uint32_t slots_dirty;                 /* not yet told */
        struct wanted_now wanted[N_KINDS];    /* of the peer */
        struct sfu_event quality;             /* of the peer's line, */
        bool quality_known;                   /* once it is */
        struct whip_session *whip;            /* NULL: she has a page of ours */
        bool viewed[SFU_MAX_VIDEO_SLOTS];
        struct sfu_slot_view views[SFU_MAX_VIDEO_SLOTS]; /* what she asked for last */
};

enum reply_kind { REPLY_NONE, REPLY_OK, REPLY_WELCOME };

/* Who waits for an event's commit. */
struct reply {
        enum reply_kind kind;
        uint64_t session; /* serial: the session may be gone by then */
        int64_t id;
        bool has_resume;
        uint64_t last_seq;
};

struct room_document {
        struct msg_document shown;
        int64_t progress_ms; /* when progress was last told */
};

struct room {
        struct app *app;
        uint64_t number;
        struct store_meeting info;
        struct meeting *state;

        GHashTable *members;           /* id -> struct member, owned */
        GHashTable *members_by_number; /* number -> struct member */
        uint32_t next_number;
        GPtrArray *sessions;          /* those that get the broadcasts */
        GArray *documents;            /* struct room_document */
        GHashTable *logged_documents; /* id -> enum store_doc_state in the log */
        bool sync_documents;          /* the log may lack a paper's state */
        int64_t synced_ms;

        GQueue pending; /* struct pending */
        bool in_flight;
        uint64_t committed_seq;
        struct ws_text *ring[ROOM_RING]; /* event n is at n % ROOM_RING */
        uint64_t ring_first;             /* oldest one kept */
        size_t ring_bytes;
        int64_t agenda_rested_us; /* when changes by HTTP may come in a burst again */

        struct jobs_news jobs;
        struct program *program;     /* NULL: nobody uses it */
        struct recording *recording; /* NULL: none runs */
        int64_t recorded_empty_ms;   /* since when nobody is there to be recorded; 0: not so */
        char chapter[MEETING_DOCUMENT_ID]; /* the paper that stage.c told of last */
        json_t *item;                      /* of the agenda, likewise; NULL: none yet */
        struct live *live;                 /* NULL: not streamed */
        struct targets *targets;           /* NULL: none */
        struct cameras *cameras;
        struct film *film;

        uint32_t speaker; /* member's number, 0: silence */
        bool speaker_dirty;
        int64_t speaker_ms;
        int64_t idle_ms; /* since when nobody is here; 0: somebody is */
};

enum session_state { SESSION_NEW, SESSION_JOINING, SESSION_JOINED, SESSION_LEFT, N_SESSION_STATES };

struct identity {
        char meeting[UUID_TEXT];
        enum meeting_role role; /* of the token; the seat's own may differ */
        char seat[MEETING_ID];  /* "": a bearer's without one */
        char name[MEETING_NAME];
};

struct session {
        struct app *app;
        struct ws_conn *conn;
        uint64_t serial;
        struct identity who;
        enum session_state state;
        struct room *room;     /* from joining on */
        struct member *member; /* from joined on */
        uint64_t last_seq;     /* events up to here were sent */
        uint64_t jobs_version; /* of the `jobs` she was sent */
        int64_t turn_us;       /* when new TURN credentials are due */
        double allowance;      /* token bucket */
        int64_t refilled_us, opened_us;
        unsigned strikes; /* refused for speed, in a row */
};

#endif
