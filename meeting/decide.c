/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "meeting/meeting.h"

/* What a decision is made of; rules add events to it. */
struct decision {
        const struct meeting *meeting;
        const struct meeting_command *command;
        const struct meeting_seat *by; /* NULL for COMMAND_JOIN of a new seat and the system's */
        int64_t now_ms;
        struct meeting_event *events;
        size_t n;
};

static void copy_text(char *ret, size_t cap, const char *text)
{
        size_t len = strnlen(text, cap - 1);

        memcpy(ret, text, len);
        ret[len] = '\0';
}

static struct meeting_event *add_event(struct decision *d, enum meeting_event_type type,
                                       const char *seat_id)
{
        struct meeting_event *event = &d->events[d->n];

        memset(event, 0, sizeof(*event));
        event->type = type;
        event->seq = meeting_seq(d->meeting) + ++d->n;
        event->at_ms = d->now_ms;
        copy_text(event->seat.id, sizeof(event->seat.id), seat_id);
        return event;
}

static bool may(const struct meeting_seat *seat, enum meeting_permission permission)
{
        return role_permissions(seat->role) & permission;
}

static bool is_presenter(const struct decision *d, const struct meeting_seat *seat)
{
        return strcmp(meeting_presentation(d->meeting)->presenter, seat->id) == 0;
}

/* A host acts on another's seat; the seats of chairs are the chairs' own matter. */
static int find_target(const struct decision *d, bool spare_chairs,
                       const struct meeting_seat **ret_target)
{
        const struct meeting_seat *target = meeting_seat(d->meeting, d->command->target);

        if (!may(d->by, PERM_MODERATE))
                return MEETING_E_FORBIDDEN;
        if (!target || target->removed)
                return MEETING_E_NOT_FOUND;
        if (spare_chairs && target->role == ROLE_CHAIR && d->by->role != ROLE_CHAIR)
                return MEETING_E_FORBIDDEN;
        *ret_target = target;
        return 0;
}

/* ---- coming and going ---- */

static int decide_join_again(struct decision *d, const struct meeting_seat *seat)
{
        struct meeting_event *event;

        if (seat->removed && !d->command->on)
                return MEETING_E_REMOVED;
        if (seat->online && strcmp(seat->name, d->command->name) == 0)
                return 0;
        event = add_event(d, seat->online ? EVENT_CHANGED : EVENT_JOINED, seat->id);
        event->seat = *seat;
        event->seat.online = true;
        event->seat.removed = false;
        event->changed = seat->online ? CHANGED_NAME : 0;
        copy_text(event->seat.name, sizeof(event->seat.name), d->command->name);
        return 0;
}

static int decide_join(struct decision *d)
{
        const struct meeting_seat *seat = meeting_seat(d->meeting, d->command->by);
        enum meeting_role role = d->command->role;
        struct meeting_event *event;

        if (!d->command->name[0])
                return MEETING_E_NAME_EMPTY;
        if (seat)
                return decide_join_again(d, seat);
        if (meeting_locked(d->meeting) && !d->command->on &&
            !(role_permissions(role) & PERM_MODERATE))
                return MEETING_E_LOCKED;
        if (meeting_is_full(d->meeting))
                return MEETING_E_FULL;
        event = add_event(d, EVENT_JOINED, d->command->by);
        copy_text(event->seat.name, sizeof(event->seat.name), d->command->name);
        event->seat.role = role;
        event->seat.online = true;
        return 0;
}

/* Whoever goes takes her presentation along: an absent presenter turns no page. */
static void add_left(struct decision *d, const struct meeting_seat *seat, enum meeting_leave reason)
{
        add_event(d, EVENT_LEFT, seat->id)->reason = reason;
        if (is_presenter(d, seat))
                add_event(d, EVENT_PRESENTING_STOPPED, "");
}

static int decide_leave(struct decision *d)
{
        if (d->by->online)
                add_left(d, d->by, d->command->reason);
        return 0;
}

static int decide_remove(struct decision *d)
{
        const struct meeting_seat *target;
        int r = find_target(d, true, &target);

        if (r != 0)
                return r;
        if (target == d->by)
                return MEETING_E_FORBIDDEN;
        add_left(d, target, LEAVE_REMOVED);
        return 0;
}

/* ---- voice and picture ---- */

static int decide_media(struct decision *d)
{
        const bool *wanted = d->command->sends;
        struct meeting_event *event;
        unsigned changed = 0;

        for (unsigned kind = 0; kind < N_KINDS; kind++) {
                if (wanted[kind] && !may(d->by, PERM_PUBLISH))
                        return MEETING_E_FORBIDDEN;
                if (wanted[kind] != d->by->sends[kind])
                        changed |= CHANGED_MIC << kind;
        }
        if (wanted[KIND_MIC] && d->by->muted)
                changed |= CHANGED_MUTED;
        if (!changed)
                return 0;
        event = add_event(d, EVENT_CHANGED, d->by->id);
        event->changed = changed;
        memcpy(event->seat.sends, wanted, sizeof(event->seat.sends));
        event->seat.muted = d->by->muted && !wanted[KIND_MIC];
        return 0;
}

static int decide_mute(struct decision *d)
{
        enum meeting_kind kind = d->command->kind;
        const struct meeting_seat *target;
        struct meeting_event *event;
        unsigned changed = 0;
        int r = find_target(d, false, &target);

        if (r != 0)
                return r;
        if (target->sends[kind])
                changed |= CHANGED_MIC << kind;
        if (kind == KIND_MIC && !target->muted)
                changed |= CHANGED_MUTED;
        if (!changed)
                return 0;
        event = add_event(d, EVENT_CHANGED, target->id);
        event->changed = changed;
        event->seat.muted = true;
        return 0;
}

static int decide_mute_all(struct decision *d)
{
        if (!may(d->by, PERM_MODERATE))
                return MEETING_E_FORBIDDEN;
        (void)add_event(d, EVENT_ALL_MUTED, d->by->id);
        return 0;
}

/* ---- order ---- */

static int decide_hand(struct decision *d)
{
        const struct meeting_seat *target = d->by;
        struct meeting_event *event;
        bool raised = d->command->on;

        if (d->command->target && strcmp(d->command->target, d->by->id) != 0) {
                int r = find_target(d, false, &target);

                if (r != 0)
                        return r;
                if (raised)
                        return MEETING_E_FORBIDDEN;
        }
        if (raised && !may(target, PERM_HAND))
                return MEETING_E_FORBIDDEN;
        if (raised == (target->hand_ms != 0))
                return 0;
        event = add_event(d, EVENT_CHANGED, target->id);
        event->changed = CHANGED_HAND;
        event->seat.hand_ms = raised ? d->now_ms : 0;
        return 0;
}

static int decide_chat(struct decision *d)
{
        struct meeting_event *event;

        if (!may(d->by, PERM_CHAT))
                return MEETING_E_FORBIDDEN;
        if (!d->command->text[0])
                return MEETING_E_EMPTY;
        event = add_event(d, EVENT_CHAT, d->by->id);
        copy_text(event->seat.name, sizeof(event->seat.name), d->by->name);
        copy_text(event->text, sizeof(event->text), d->command->text);
        return 0;
}

static int decide_lock(struct decision *d)
{
        if (!may(d->by, PERM_MODERATE))
                return MEETING_E_FORBIDDEN;
        if (d->command->on != meeting_locked(d->meeting))
                add_event(d, EVENT_LOCKED, "")->locked = d->command->on;
        return 0;
}

static size_t count_chairs(const struct meeting *meeting)
{
        size_t n = 0;

        for (size_t i = 0; i < meeting_n_seats(meeting); i++) {
                const struct meeting_seat *seat = meeting_seat_at(meeting, i);

                n += seat->role == ROLE_CHAIR && !seat->removed;
        }
        return n;
}

/* Who loses a right loses what she does with it. */
static void add_role_changed(struct decision *d, const struct meeting_seat *target,
                             enum meeting_role role)
{
        unsigned permissions = role_permissions(role);
        struct meeting_event *event = add_event(d, EVENT_CHANGED, target->id);

        event->changed = CHANGED_ROLE;
        event->seat.role = role;
        for (unsigned kind = 0; kind < N_KINDS; kind++)
                if (!(permissions & PERM_PUBLISH) && target->sends[kind])
                        event->changed |= CHANGED_MIC << kind;
        if (!(permissions & PERM_HAND) && target->hand_ms)
                event->changed |= CHANGED_HAND;
        if (!(permissions & PERM_PRESENT) && is_presenter(d, target))
                add_event(d, EVENT_PRESENTING_STOPPED, "");
}

static int decide_set_role(struct decision *d)
{
        enum meeting_role role = d->command->role;
        const struct meeting_seat *target;
        int r = find_target(d, true, &target);

        if (r != 0)
                return r;
        if (role == target->role)
                return 0;
        if (role == ROLE_CHAIR && d->by->role != ROLE_CHAIR)
                return MEETING_E_FORBIDDEN;
        if (target->role == ROLE_CHAIR && count_chairs(d->meeting) < 2)
                return MEETING_E_FORBIDDEN; /* somebody must hold the chair */
        add_role_changed(d, target, role);
        return 0;
}

/* ---- papers ---- */

static int decide_present(struct decision *d)
{
        const struct meeting_presentation *now = meeting_presentation(d->meeting);
        const struct meeting_command *command = d->command;
        struct meeting_event *event;

        if (!may(d->by, PERM_PRESENT))
                return MEETING_E_FORBIDDEN;
        if (now->presenter[0] && !is_presenter(d, d->by) && !may(d->by, PERM_MODERATE))
                return MEETING_E_FORBIDDEN;
        if (command->n_pages < 0)
                return MEETING_E_NOT_FOUND;
        if (command->page < 1 || command->page > command->n_pages)
                return MEETING_E_NOT_READY;
        if (is_presenter(d, d->by) && strcmp(now->document, command->document) == 0 &&
            now->page == command->page)
                return 0;
        event = add_event(d, EVENT_PRESENTING, d->by->id);
        copy_text(event->document, sizeof(event->document), command->document);
        event->page = command->page;
        return 0;
}

static int decide_present_stop(struct decision *d)
{
        if (!is_presenter(d, d->by) && !may(d->by, PERM_MODERATE))
                return MEETING_E_FORBIDDEN;
        if (meeting_presentation(d->meeting)->presenter[0])
                add_event(d, EVENT_PRESENTING_STOPPED, "");
        return 0;
}

static int decide_document(struct decision *d)
{
        struct meeting_event *event = add_event(d, EVENT_DOCUMENT, "");

        copy_text(event->document, sizeof(event->document), d->command->document);
        return 0;
}

static int decide_document_removed(struct decision *d)
{
        const char *document = d->command->document;
        struct meeting_event *event = add_event(d, EVENT_DOCUMENT_REMOVED, "");

        copy_text(event->document, sizeof(event->document), document);
        if (strcmp(meeting_presentation(d->meeting)->document, document) == 0)
                add_event(d, EVENT_PRESENTING_STOPPED, "");
        return 0;
}

/* ---- recording, streaming ---- */

/* Whoever asks: a seat by its own role, a script without one by its token's. */
static int check_host(const struct decision *d)
{
        const struct meeting_command *command = d->command;
        const struct meeting_seat *seat = command->by ? meeting_seat(d->meeting, command->by)
                                                      : NULL;

        if (!command->by)
                return 0;
        if (seat && seat->removed)
                return MEETING_E_REMOVED;
        if (!(role_permissions(seat ? seat->role : command->role) & PERM_MODERATE))
                return MEETING_E_FORBIDDEN;
        return 0;
}

static struct meeting_event *add_switched(struct decision *d, enum meeting_event_type type,
                                          int64_t since_ms)
{
        const char *by = d->command->by ? d->command->by : "";
        struct meeting_event *event = add_event(d, type, by);

        event->on = d->command->on;
        event->since_ms = event->on ? d->now_ms : since_ms;
        return event;
}

static int decide_recording(struct decision *d)
{
        const struct meeting_recording *now = meeting_recording(d->meeting);
        const struct meeting_command *command = d->command;
        struct meeting_event *event;
        int r = check_host(d);

        if (r != 0)
                return r;
        if (command->on && now->id[0])
                return MEETING_E_RECORDING_ON;
        if (!command->on && !now->id[0])
                return 0;
        event = add_switched(d, EVENT_RECORDING, now->since_ms);
        event->mode = command->on ? command->mode : now->mode;
        copy_text(event->recording, sizeof(event->recording),
                  command->on ? command->recording : now->id);
        return 0;
}

static int decide_live(struct decision *d)
{
        const struct meeting_live *now = meeting_live(d->meeting);
        int r = check_host(d);

        if (r == 0 && d->command->on != now->on)
                (void)add_switched(d, EVENT_LIVE, now->since_ms);
        return r;
}

/* ---- agenda ---- */

static int decide_agenda(struct decision *d)
{
        const struct meeting_agenda *now = meeting_agenda(d->meeting);
        struct agenda *agenda = d->command->agenda;
        size_t at;
        int r = check_host(d);

        if (r != 0)
                return r;
        if (agenda_check(agenda, &at) != 0)
                return MEETING_E_EMPTY;
        if (agenda_equals(agenda, now->agenda))
                return 0; /* also when it comes again because its answer was lost */
        if (d->command->version != now->version)
                return MEETING_E_AGENDA_CHANGED;
        add_event(d, EVENT_AGENDA, d->command->by)->agenda = agenda;
        if (now->item[0] && !agenda_find(agenda, now->item))
                (void)add_event(d, EVENT_AGENDA_ITEM, d->command->by);
        return 0;
}

static int decide_agenda_item(struct decision *d)
{
        const struct meeting_agenda *now = meeting_agenda(d->meeting);
        const char *item = d->command->item;
        struct meeting_event *event;
        int r = check_host(d);

        if (r != 0)
                return r;
        if (item[0] && !agenda_find(now->agenda, item))
                return MEETING_E_NOT_FOUND;
        if (strcmp(now->item, item) == 0)
                return 0;
        event = add_event(d, EVENT_AGENDA_ITEM, d->command->by);
        copy_text(event->item, sizeof(event->item), item);
        return 0;
}

/* needs_seat: `by` must have a seat that was not removed. */
static const struct {
        bool needs_seat;
        int (*decide)(struct decision *d);
} rules[N_COMMANDS] = {
        [COMMAND_JOIN] = { false, decide_join },
        [COMMAND_LEAVE] = { true, decide_leave },
        [COMMAND_MEDIA] = { true, decide_media },
        [COMMAND_HAND] = { true, decide_hand },
        [COMMAND_CHAT] = { true, decide_chat },
        [COMMAND_MUTE] = { true, decide_mute },
        [COMMAND_MUTE_ALL] = { true, decide_mute_all },
        [COMMAND_REMOVE] = { true, decide_remove },
        [COMMAND_LOCK] = { true, decide_lock },
        [COMMAND_SET_ROLE] = { true, decide_set_role },
        [COMMAND_PRESENT] = { true, decide_present },
        [COMMAND_PRESENT_STOP] = { true, decide_present_stop },
        [COMMAND_DOCUMENT] = { false, decide_document },
        [COMMAND_DOCUMENT_REMOVED] = { false, decide_document_removed },
        [COMMAND_RECORDING] = { false, decide_recording },
        [COMMAND_LIVE] = { false, decide_live },
        [COMMAND_AGENDA] = { false, decide_agenda },
        [COMMAND_AGENDA_ITEM] = { false, decide_agenda_item },
};

int meeting_decide(const struct meeting *meeting, const struct meeting_command *command,
                   int64_t now_ms, struct meeting_event ret_events[MEETING_MAX_DECIDED],
                   size_t *ret_n)
{
        struct decision d = {
                .meeting = meeting, .command = command, .now_ms = now_ms, .events = ret_events
        };
        int r;

        if (rules[command->type].needs_seat) {
                d.by = meeting_seat(meeting, command->by);
                if (!d.by)
                        return MEETING_E_NOT_FOUND;
                if (d.by->removed)
                        return MEETING_E_REMOVED;
        }
        r = rules[command->type].decide(&d);
        if (r == 0)
                *ret_n = d.n;
        return r;
}
