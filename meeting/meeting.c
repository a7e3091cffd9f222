/* SPDX-License-Identifier: Apache-2.0 */
#include "meeting/meeting.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { N_BUCKETS = 2048 };

struct seat_node {
        struct meeting_seat seat;
        struct seat_node *next_in_bucket;
        size_t at;         /* in seats[] */
        uint64_t left_seq; /* when it went offline; 0: online, or never came */
};

struct meeting {
        uint64_t seq;
        bool locked;
        struct meeting_presentation presentation;
        struct meeting_recording recording;
        struct meeting_live live;
        struct meeting_agenda agenda;

        struct seat_node *seats[MEETING_MAX_SEATS];
        struct seat_node *buckets[N_BUCKETS];
        size_t n_seats, n_online;

        struct meeting_chat chat[MEETING_CHAT_KEPT]; /* a ring */
        size_t chat_first, n_chat;
};

int meeting_new(struct meeting **ret_meeting)
{
        struct meeting *meeting = calloc(1, sizeof(*meeting));

        if (!meeting)
                return -ENOMEM;
        *ret_meeting = meeting;
        return 0;
}

struct meeting *meeting_free(struct meeting *meeting)
{
        if (!meeting)
                return NULL;
        for (size_t i = 0; i < meeting->n_seats; i++)
                free(meeting->seats[i]);
        for (size_t i = 0; i < MEETING_CHAT_KEPT; i++)
                free(meeting->chat[i].text);
        agenda_free(meeting->agenda.agenda);
        free(meeting);
        return NULL;
}

/* ---- seats ---- */

/* FNV-1a: ids are ours or an operator's, and a meeting has few of them. */
static size_t bucket_of(const char *id)
{
        uint32_t hash = 2166136261u;

        for (; *id; id++)
                hash = (hash ^ (uint8_t)*id) * 16777619u;
        return hash % N_BUCKETS;
}

static struct seat_node *find_seat(const struct meeting *meeting, const char *id)
{
        struct seat_node *node = meeting->buckets[bucket_of(id)];

        while (node && strcmp(node->seat.id, id) != 0)
                node = node->next_in_bucket;
        return node;
}

static void forget_seat(struct meeting *meeting, struct seat_node *node)
{
        struct seat_node **at = &meeting->buckets[bucket_of(node->seat.id)];
        size_t after = meeting->n_seats - node->at - 1;

        while (*at != node)
                at = &(*at)->next_in_bucket;
        *at = node->next_in_bucket;
        memmove(&meeting->seats[node->at], &meeting->seats[node->at + 1],
                after * sizeof(struct seat_node *));
        meeting->n_seats--;
        for (size_t i = node->at; i < meeting->n_seats; i++)
                meeting->seats[i]->at = i;
        free(node);
}

/* The seat that has been away longest; banned ones stay, or they would be free again. */
static struct seat_node *find_oldest_away(const struct meeting *meeting)
{
        struct seat_node *oldest = NULL;

        for (size_t i = 0; i < meeting->n_seats; i++) {
                struct seat_node *node = meeting->seats[i];

                if (node->seat.online || node->seat.removed)
                        continue;
                if (!oldest || node->left_seq < oldest->left_seq)
                        oldest = node;
        }
        return oldest;
}

bool meeting_is_full(const struct meeting *meeting)
{
        return meeting->n_seats == MEETING_MAX_SEATS && !find_oldest_away(meeting);
}

static int add_seat(struct meeting *meeting, const struct meeting_seat *seat)
{
        size_t bucket = bucket_of(seat->id);
        struct seat_node *node, *away = NULL;

        if (meeting->n_seats == MEETING_MAX_SEATS) {
                away = find_oldest_away(meeting);
                if (!away)
                        return 0; /* a log of another bound: see invariant (2) */
        }
        node = calloc(1, sizeof(*node));
        if (!node)
                return -ENOMEM;
        if (away)
                forget_seat(meeting, away);
        node->seat = *seat;
        node->next_in_bucket = meeting->buckets[bucket];
        node->at = meeting->n_seats;
        meeting->buckets[bucket] = node;
        meeting->seats[meeting->n_seats++] = node;
        meeting->n_online += seat->online;
        return 0;
}

static void set_online(struct meeting *meeting, struct meeting_seat *seat, bool online)
{
        if (seat->online == online)
                return;
        seat->online = online;
        if (online)
                meeting->n_online++;
        else
                meeting->n_online--;
}

/* ---- events ---- */

static int apply_joined(struct meeting *meeting, const struct meeting_event *event)
{
        struct seat_node *node = find_seat(meeting, event->seat.id);

        if (!node)
                return add_seat(meeting, &event->seat);
        set_online(meeting, &node->seat, event->seat.online);
        node->seat = event->seat;
        return 0;
}

static void apply_changed(struct meeting *meeting, const struct meeting_event *event)
{
        struct seat_node *node = find_seat(meeting, event->seat.id);
        struct meeting_seat *seat;

        if (!node)
                return;
        seat = &node->seat;
        if (event->changed & CHANGED_NAME)
                memcpy(seat->name, event->seat.name, sizeof(seat->name));
        if (event->changed & CHANGED_ROLE)
                seat->role = event->seat.role;
        if (event->changed & CHANGED_ONLINE)
                set_online(meeting, seat, event->seat.online);
        for (unsigned kind = 0; kind < N_KINDS; kind++)
                if (event->changed & (CHANGED_MIC << kind))
                        seat->sends[kind] = event->seat.sends[kind];
        if (event->changed & CHANGED_HAND)
                seat->hand_ms = event->seat.hand_ms;
        if (event->changed & CHANGED_MUTED)
                seat->muted = event->seat.muted;
}

static void apply_left(struct meeting *meeting, const struct meeting_event *event)
{
        struct seat_node *node = find_seat(meeting, event->seat.id);

        if (!node)
                return;
        set_online(meeting, &node->seat, false);
        node->left_seq = event->seq;
        node->seat.removed |= event->reason == LEAVE_REMOVED;
        memset(node->seat.sends, 0, sizeof(node->seat.sends));
        node->seat.hand_ms = 0;
        if (strncmp(node->seat.id, MEETING_PASSING_PREFIX, strlen(MEETING_PASSING_PREFIX)) == 0)
                forget_seat(meeting, node);
}

static void apply_all_muted(struct meeting *meeting, const struct meeting_event *event)
{
        for (size_t i = 0; i < meeting->n_seats; i++) {
                struct meeting_seat *seat = &meeting->seats[i]->seat;

                if (strcmp(seat->id, event->seat.id) == 0)
                        continue;
                seat->sends[KIND_MIC] = false;
                seat->muted = true;
        }
}

static int apply_chat(struct meeting *meeting, const struct meeting_event *event)
{
        size_t at = (meeting->chat_first + meeting->n_chat) % MEETING_CHAT_KEPT;
        struct meeting_chat *line = &meeting->chat[at];
        char *text = strdup(event->text);

        if (!text)
                return -ENOMEM;
        if (meeting->n_chat == MEETING_CHAT_KEPT)
                meeting->chat_first = (meeting->chat_first + 1) % MEETING_CHAT_KEPT;
        else
                meeting->n_chat++;
        free(line->text);
        line->seq = event->seq;
        line->at_ms = event->at_ms;
        memcpy(line->from, event->seat.id, sizeof(line->from));
        memcpy(line->name, event->seat.name, sizeof(line->name));
        line->text = text;
        return 0;
}

static void apply_presenting(struct meeting *meeting, const struct meeting_event *event)
{
        struct meeting_presentation *shown = &meeting->presentation;

        memcpy(shown->presenter, event->seat.id, sizeof(shown->presenter));
        memcpy(shown->document, event->document, sizeof(shown->document));
        shown->page = event->page;
}

static void apply_recording(struct meeting *meeting, const struct meeting_event *event)
{
        struct meeting_recording *recording = &meeting->recording;

        memset(recording, 0, sizeof(*recording));
        if (!event->on)
                return;
        memcpy(recording->id, event->recording, sizeof(recording->id));
        recording->mode = event->mode;
        memcpy(recording->by, event->seat.id, sizeof(recording->by));
        recording->since_ms = event->since_ms;
}

static void apply_live(struct meeting *meeting, const struct meeting_event *event)
{
        struct meeting_live *live = &meeting->live;

        memset(live, 0, sizeof(*live));
        if (!event->on)
                return;
        live->on = true;
        memcpy(live->by, event->seat.id, sizeof(live->by));
        live->since_ms = event->since_ms;
}

static int apply_agenda(struct meeting *meeting, const struct meeting_event *event)
{
        struct meeting_agenda *now = &meeting->agenda;
        struct agenda *agenda;
        int r;

        if (!event->agenda)
                return 0;
        r = agenda_copy(&agenda, event->agenda);
        if (r < 0)
                return r;
        agenda_free(now->agenda);
        now->agenda = agenda;
        now->version = event->seq;
        if (!agenda_find(agenda, now->item))
                now->item[0] = '\0';
        return 0;
}

static void apply_agenda_item(struct meeting *meeting, const struct meeting_event *event)
{
        struct meeting_agenda *now = &meeting->agenda;

        if (event->item[0] && !agenda_find(now->agenda, event->item))
                return;
        memcpy(now->item, event->item, sizeof(now->item));
        now->since_ms = event->at_ms;
}

static int apply_by_type(struct meeting *meeting, const struct meeting_event *event)
{
        switch (event->type) {
        case EVENT_JOINED:
                return apply_joined(meeting, event);
        case EVENT_CHANGED:
                apply_changed(meeting, event);
                return 0;
        case EVENT_LEFT:
                apply_left(meeting, event);
                return 0;
        case EVENT_ALL_MUTED:
                apply_all_muted(meeting, event);
                return 0;
        case EVENT_CHAT:
                return apply_chat(meeting, event);
        case EVENT_LOCKED:
                meeting->locked = event->locked;
                return 0;
        case EVENT_PRESENTING:
                apply_presenting(meeting, event);
                return 0;
        case EVENT_PRESENTING_STOPPED:
                memset(&meeting->presentation, 0, sizeof(meeting->presentation));
                return 0;
        case EVENT_RECORDING:
                apply_recording(meeting, event);
                return 0;
        case EVENT_LIVE:
                apply_live(meeting, event);
                return 0;
        case EVENT_AGENDA:
                return apply_agenda(meeting, event);
        case EVENT_AGENDA_ITEM:
                apply_agenda_item(meeting, event);
                return 0;
        case EVENT_DOCUMENT_REMOVED:
                agenda_forget_paper(meeting->agenda.agenda, event->document);
                return 0;
        case EVENT_DOCUMENT: /* docs-share keeps the papers; the log tells of them */
        case N_EVENTS:
                return 0;
        }
        return 0;
}

int meeting_apply(struct meeting *meeting, const struct meeting_event *event)
{
        int r = apply_by_type(meeting, event);

        if (r == 0)
                meeting->seq = event->seq;
        return r;
}

/* ---- looking ---- */

uint64_t meeting_seq(const struct meeting *meeting)
{
        return meeting->seq;
}

bool meeting_locked(const struct meeting *meeting)
{
        return meeting->locked;
}

const struct meeting_seat *meeting_seat(const struct meeting *meeting, const char *id)
{
        const struct seat_node *node = find_seat(meeting, id);

        return node ? &node->seat : NULL;
}

size_t meeting_n_seats(const struct meeting *meeting)
{
        return meeting->n_seats;
}

const struct meeting_seat *meeting_seat_at(const struct meeting *meeting, size_t i)
{
        return &meeting->seats[i]->seat;
}

size_t meeting_n_online(const struct meeting *meeting)
{
        return meeting->n_online;
}

size_t meeting_n_chat(const struct meeting *meeting)
{
        return meeting->n_chat;
}

const struct meeting_chat *meeting_chat_at(const struct meeting *meeting, size_t i)
{
        return &meeting->chat[(meeting->chat_first + i) % MEETING_CHAT_KEPT];
}

const struct meeting_presentation *meeting_presentation(const struct meeting *meeting)
{
        return &meeting->presentation;
}

const struct meeting_recording *meeting_recording(const struct meeting *meeting)
{
        return &meeting->recording;
}

const struct meeting_live *meeting_live(const struct meeting *meeting)
{
        return &meeting->live;
}

const struct meeting_agenda *meeting_agenda(const struct meeting *meeting)
{
        return &meeting->agenda;
}
