/* SPDX-License-Identifier: Apache-2.0 */
/* A client's message; the same bytes as a row of the log and as a token. */
#include "tests/fuzz/fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "signaling/wire/client_msg.h"
#include "signaling/wire/event_json.h"
#include "signaling/wire/token.h"
#include "signaling/wire/words.h"

static void check_agenda(const struct agenda *agenda)
{
        size_t at;

        FUZZ_CHECK(agenda->n_items <= AGENDA_MAX_ITEMS && agenda_check(agenda, &at) == 0);
        for (size_t i = 0; i < agenda->n_items; i++) {
                const struct agenda_item *item = &agenda->items[i];

                FUZZ_CHECK(text_chars(item->title, strlen(item->title)) <= AGENDA_TITLE_CHARS);
                FUZZ_CHECK(item->n_papers <= AGENDA_MAX_PAPERS);
                FUZZ_CHECK(!item->id[0] || word_is_document_id(item->id));
        }
}

static void check_message(const struct client_msg *msg)
{
        FUZZ_CHECK(msg->type < N_CLIENT_MSGS && msg->id >= 1 && msg->id <= INT32_MAX);
        FUZZ_CHECK(!msg->participant || msg_is_id(msg->participant));
        FUZZ_CHECK(!msg->text || text_is_utf8(msg->text, strlen(msg->text)));
        FUZZ_CHECK(!msg->text || text_chars(msg->text, strlen(msg->text)) <= MEETING_TEXT_CHARS);
        FUZZ_CHECK(msg->x >= 0 && msg->x <= 1 && msg->y >= 0 && msg->y <= 1);
        FUZZ_CHECK(msg->page >= 0 && msg->page <= MEETING_MAX_PAGES);
        FUZZ_CHECK((msg->type == MSG_AGENDA) == (msg->agenda != NULL));
        if (msg->agenda)
                check_agenda(msg->agenda);
        FUZZ_CHECK(msg->n_slots <= MSG_MAX_SLOTS);
        for (size_t i = 0; i < msg->n_slots; i++) {
                const struct msg_slot_view *slot = &msg->slots[i];

                FUZZ_CHECK(slot->index >= 0 && slot->index < MSG_MAX_SLOTS);
                FUZZ_CHECK(slot->height >= 0 && slot->height <= UINT16_MAX);
                FUZZ_CHECK(slot->priority >= 0 && slot->priority <= UINT8_MAX);
                FUZZ_CHECK(slot->kind == KIND_CAMERA || slot->kind == KIND_SCREEN);
        }
}

static void parse_message(const uint8_t *data, size_t size)
{
        struct client_msg_fault fault;
        struct client_msg msg;
        int r = client_msg_parse(&msg, (const char *)data, size, &fault);

        if (r == 0) {
                check_message(&msg);
                client_msg_done(&msg);
                return;
        }
        FUZZ_CHECK(fault.id >= 0 && fault.id <= INT32_MAX);
        FUZZ_CHECK(text_is_utf8(fault.field, strlen(fault.field)));
}

/* What was read is written and read again the same. */
static void parse_event(const char *text)
{
        struct meeting_event event, again;
        char *written;

        if (event_read(&event, text) != 0 || event.type == EVENT_DOCUMENT)
                return; /* a paper's own fields are not read */
        written = event_write(&event, NULL);
        FUZZ_CHECK(written && event_read(&again, written) == 0);
        FUZZ_CHECK(again.type == event.type && again.seq == event.seq);
        FUZZ_CHECK(strcmp(again.seat.id, event.seat.id) == 0);
        FUZZ_CHECK(strcmp(again.text, event.text) == 0);
        FUZZ_CHECK(again.on == event.on && again.mode == event.mode);
        FUZZ_CHECK(strcmp(again.recording, event.recording) == 0);
        FUZZ_CHECK(agenda_equals(again.agenda, event.agenda));
        FUZZ_CHECK(strcmp(again.item, event.item) == 0);
        event_done(&again);
        event_done(&event);
        free(written);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static const uint8_t secret[TOKEN_SECRET] = { 1 };
        struct token token;
        char *text = malloc(size + 1);

        FUZZ_CHECK(text);
        memcpy(text, data, size);
        text[size] = '\0';
        parse_message(data, size);
        parse_event(text);
        FUZZ_CHECK(token_read(&token, text, 0, secret) != 0);
        free(text);
        return 0;
}
