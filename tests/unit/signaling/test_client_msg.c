/* SPDX-License-Identifier: Apache-2.0 */
/* client_msg — every kind of message: whole, with a field missing, wrong, too many. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "signaling/wire/client_msg.h"

#define PAPER "018f0000-0000-7000-8000-000000000001"

/* bad: for each field a value of the right JSON type, out of bounds (or NULL). */
static const struct {
        enum client_msg_type type;
        const char *text;
        const char *optional;
        const char *bad;
} samples[] = {
        { MSG_JOIN, "{\"type\":\"join\",\"id\":1,\"name\":\"Hoa\",\"resume\":{\"last_seq\":3}}",
          "resume", "{\"name\":\"\",\"resume\":7,\"id\":0}" },
        { MSG_LEAVE, "{\"type\":\"leave\",\"id\":1}", "", "{\"id\":2147483648}" },
        { MSG_OFFER, "{\"type\":\"offer\",\"id\":1,\"sdp\":\"v=0\",\"restart\":true}", "restart",
          "{\"sdp\":\"\",\"restart\":1}" },
        { MSG_MEDIA, "{\"type\":\"media\",\"id\":1,\"mic\":true,\"camera\":false,\"screen\":false}",
          "", "{\"mic\":1,\"camera\":null,\"screen\":\"true\"}" },
        { MSG_VIEW, "{\"type\":\"view\",\"id\":1,\"slots\":[]}", "", "{\"slots\":{}}" },
        { MSG_HAND, "{\"type\":\"hand\",\"id\":1,\"raised\":true,\"participant\":\"p1\"}",
          "participant", "{\"participant\":\"a b\"}" },
        { MSG_CHAT, "{\"type\":\"chat\",\"id\":1,\"text\":\"Xin chào\"}", "", "{\"text\":\"\"}" },
        { MSG_MUTE, "{\"type\":\"mute\",\"id\":1,\"participant\":\"p1\",\"kind\":\"mic\"}", "",
          "{\"participant\":\"\",\"kind\":\"Mic\"}" },
        { MSG_MUTE_ALL, "{\"type\":\"mute-all\",\"id\":1}", "", "{\"id\":1.5}" },
        { MSG_REMOVE, "{\"type\":\"remove\",\"id\":1,\"participant\":\"p1\"}", "",
          "{\"participant\":\"p/1\"}" },
        { MSG_LOCK, "{\"type\":\"lock\",\"id\":1,\"locked\":true}", "", "{\"locked\":0}" },
        { MSG_SET_ROLE,
          "{\"type\":\"set-role\",\"id\":1,\"participant\":\"p1\",\"role\":\"delegate\"}", "",
          "{\"role\":\"king\"}" },
        { MSG_PRESENT, "{\"type\":\"present\",\"id\":1,\"document\":\"" PAPER "\",\"page\":1}", "",
          "{\"document\":\"018f0000-0000-4000-8000-000000000001\",\"page\":2001}" },
        { MSG_PRESENT_STOP, "{\"type\":\"present-stop\",\"id\":1}", "", "{\"id\":\"1\"}" },
        { MSG_POINTER, "{\"type\":\"pointer\",\"id\":1,\"x\":0.5,\"y\":1,\"visible\":true}", "",
          "{\"x\":-0.1,\"y\":1.1}" },
        { MSG_AGENDA,
          "{\"type\":\"agenda\",\"id\":1,\"version\":0,\"items\":[{\"title\":\"Khai mạc\"}]}", "",
          "{\"version\":-1}" },
        { MSG_AGENDA_ITEM, "{\"type\":\"agenda-item\",\"id\":1,\"item\":null}", "",
          "{\"item\":\"018f0000-0000-4000-8000-000000000001\"}" },
        { MSG_STATS, "{\"type\":\"stats\",\"id\":1}", "", "{}" },
        { MSG_PING, "{\"type\":\"ping\",\"id\":1}", "", "{}" },
};

/* On an exact-size copy, so that an over-read is seen. */
static int parse(struct client_msg *ret_msg, const char *text, struct client_msg_fault *ret_fault)
{
        size_t len = strlen(text);
        char *copy = malloc(len ? len : 1);
        int r;

        memcpy(copy, text, len);
        r = client_msg_parse(ret_msg, copy, len, ret_fault);
        free(copy);
        return r;
}

static void expect_field(json_t *object, const char *field)
{
        struct client_msg_fault fault;
        struct client_msg msg;
        char *text = json_dumps(object, 0);
        int r = parse(&msg, text, &fault);

        if (r != MSG_E_FIELD || strcmp(fault.field, field) != 0)
                fail_msg("%s: result %d, field \"%s\", not \"%s\"", text, r, fault.field, field);
        free(text);
}

static void every_kind_passes(void **state)
{
        struct client_msg_fault fault;
        struct client_msg msg;

        (void)state;
        assert_int_equal(ARRAY_LEN(samples), N_CLIENT_MSGS);
        for (size_t i = 0; i < ARRAY_LEN(samples); i++) {
                assert_int_equal(parse(&msg, samples[i].text, &fault), 0);
                assert_int_equal(msg.type, samples[i].type);
                assert_int_equal(msg.id, 1);
                client_msg_done(&msg);
        }
}

static void a_missing_field_is_named(void **state)
{
        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(samples); i++) {
                json_t *whole = json_loads(samples[i].text, 0, NULL), *value;
                const char *name;

                json_object_foreach (whole, name, value) {
                        json_t *cut = json_copy(whole);

                        json_object_del(cut, name);
                        if (strcmp(name, "type") != 0 && strcmp(name, samples[i].optional) != 0)
                                expect_field(cut, name);
                        json_decref(cut);
                }
                json_decref(whole);
        }
}

static void a_field_of_the_wrong_type_is_named(void **state)
{
        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(samples); i++) {
                json_t *whole = json_loads(samples[i].text, 0, NULL), *value;
                const char *name;

                json_object_foreach (whole, name, value) {
                        json_t *wrong = json_copy(whole);

                        json_object_set_new(wrong, name, json_pack("[[i]]", 1));
                        if (strcmp(name, "type") != 0 && strcmp(name, "slots") != 0 &&
                            strcmp(name, "items") != 0)
                                expect_field(wrong, name);
                        json_decref(wrong);
                }
                json_decref(whole);
        }
}

static void a_field_out_of_bounds_is_named(void **state)
{
        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(samples); i++) {
                json_t *whole = json_loads(samples[i].text, 0, NULL), *value;
                json_t *bad = json_loads(samples[i].bad, 0, NULL);
                const char *name;

                json_object_foreach (bad, name, value) {
                        json_t *wrong = json_copy(whole);

                        json_object_set(wrong, name, value);
                        expect_field(wrong, name);
                        json_decref(wrong);
                }
                json_decref(bad);
                json_decref(whole);
        }
}

static void a_field_too_many_is_named(void **state)
{
        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(samples); i++) {
                json_t *whole = json_loads(samples[i].text, 0, NULL);

                json_object_set_new(whole, "surprise", json_true());
                expect_field(whole, "surprise");
                json_decref(whole);
        }
}

static void slots_are_checked_one_by_one(void **state)
{
        static const struct {
                const char *slot, *field;
        } cases[] = {
                { "7", "slots[1]" },
                { "{}", "slots[1].index" },
                { "{\"index\":25,\"participant\":null,\"kind\":\"camera\",\"height\":1,"
                  "\"priority\":0}",
                  "slots[1].index" },
                { "{\"index\":0,\"participant\":\"**\",\"kind\":\"camera\",\"height\":1,"
                  "\"priority\":0}",
                  "slots[1].participant" },
                { "{\"index\":0,\"participant\":\"*\",\"kind\":\"mic\",\"height\":1,"
                  "\"priority\":0}",
                  "slots[1].kind" },
                { "{\"index\":0,\"participant\":\"*\",\"kind\":\"camera\",\"height\":4321,"
                  "\"priority\":0}",
                  "slots[1].height" },
                { "{\"index\":0,\"participant\":\"*\",\"kind\":\"camera\",\"height\":1,"
                  "\"priority\":256}",
                  "slots[1].priority" },
                { "{\"index\":0,\"participant\":\"*\",\"kind\":\"camera\",\"height\":1,"
                  "\"priority\":0,\"x\":1}",
                  "slots[1].x" },
        };
        static const char good[] = "{\"index\":0,\"participant\":\"*\",\"kind\":\"screen\","
                                   "\"height\":4320,\"priority\":255}";

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                char text[512];
                json_t *object;

                snprintf(text, sizeof(text), "{\"type\":\"view\",\"id\":1,\"slots\":[%s,%s]}", good,
                         cases[i].slot);
                object = json_loads(text, 0, NULL);
                expect_field(object, cases[i].field);
                json_decref(object);
        }
}

static void too_many_slots_are_refused(void **state)
{
        json_t *object = json_pack("{s:s, s:i, s:[]}", "type", "view", "id", 1, "slots");
        json_t *slots = json_object_get(object, "slots");

        (void)state;
        for (unsigned i = 0; i <= MSG_MAX_SLOTS; i++)
                json_array_append_new(slots, json_object());
        expect_field(object, "slots");
        json_decref(object);
}

static void lengths_count_characters_not_bytes(void **state)
{
        json_t *object = json_pack("{s:s, s:i}", "type", "chat", "id", 1);
        struct client_msg_fault fault;
        struct client_msg msg;
        char text[4 * MEETING_TEXT_CHARS + 8] = "", *dumped;

        (void)state;
        for (unsigned i = 0; i < MEETING_TEXT_CHARS; i++)
                strcpy(text + 3 * i, "ế");
        json_object_set_new(object, "text", json_string(text));
        dumped = json_dumps(object, 0);
        assert_int_equal(parse(&msg, dumped, &fault), 0);
        client_msg_done(&msg);
        free(dumped);
        strcat(text, "ế");
        json_object_set_new(object, "text", json_string(text));
        expect_field(object, "text");
        json_decref(object);
}

static void what_is_no_message_gets_its_own_error(void **state)
{
        static const struct {
                const char *text;
                int result;
                int64_t id;
        } cases[] = {
                { "", MSG_E_JSON, 0 },
                { "{", MSG_E_JSON, 0 },
                { "nonsense", MSG_E_JSON, 0 },
                { "{\"type\":\"ping\",\"type\":\"ping\",\"id\":1}", MSG_E_JSON, 0 },
                { "{\"type\":\"chat\",\"id\":1,\"text\":\"a\\u0000b\"}", MSG_E_JSON, 0 },
                { "{\"type\":\"chat\",\"id\":1,\"text\":\"\xff\"}", MSG_E_JSON, 0 },
                { "[[[[[[[[[1]]]]]]]]]", MSG_E_JSON, 0 },
                { "[]", MSG_E_MESSAGE, 0 },
                { "{}", MSG_E_MESSAGE, 0 },
                { "{\"type\":7,\"id\":9}", MSG_E_MESSAGE, 9 },
                { "{\"type\":\"dance\",\"id\":9}", MSG_E_UNKNOWN_TYPE, 9 },
                { "{\"type\":\"ping\",\"id\":-1}", MSG_E_FIELD, 0 },
        };
        struct client_msg_fault fault;
        struct client_msg msg;

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                assert_int_equal(parse(&msg, cases[i].text, &fault), cases[i].result);
                assert_int_equal(fault.id, cases[i].id);
        }
}

static void brackets_in_strings_are_not_depth(void **state)
{
        struct client_msg_fault fault;
        struct client_msg msg;

        (void)state;
        assert_int_equal(parse(&msg,
                               "{\"type\":\"chat\",\"id\":1,\"text\":\"[[[[[[[[[[\\\"[[[[[[[[\"}",
                               &fault),
                         0);
        client_msg_done(&msg);
}

#define AGENDA(items) "{\"type\":\"agenda\",\"id\":1,\"version\":0,\"items\":[" items "]}"

static void expect_agenda_fault(const char *text, const char *field)
{
        json_t *object = json_loads(text, 0, NULL);

        assert_non_null(object);
        expect_field(object, field);
        json_decref(object);
}

static void what_is_wrong_in_an_agenda_is_named(void **state)
{
        (void)state;
        expect_agenda_fault(AGENDA("1"), "items[0]");
        expect_agenda_fault(AGENDA("{\"title\":\"a\"},{}"), "items[1].title");
        expect_agenda_fault(AGENDA("{\"title\":\" \\u202e \"}"), "items[0].title");
        expect_agenda_fault(AGENDA("{\"title\":\"a\",\"minutes\":601}"), "items[0].minutes");
        expect_agenda_fault(AGENDA("{\"title\":\"a\",\"minutes\":1.5}"), "items[0].minutes");
        expect_agenda_fault(AGENDA("{\"title\":\"a\",\"id\":\"\"}"), "items[0].id");
        expect_agenda_fault(AGENDA("{\"title\":\"a\",\"documents\":[1]}"), "items[0].documents");
        expect_agenda_fault(AGENDA("{\"title\":\"a\",\"documents\":[\"" PAPER "\",\"" PAPER "\"]}"),
                            "items[0].documents");
        expect_agenda_fault(AGENDA("{\"title\":\"a\",\"speaker\":\"b\"}"), "items[0]");
        expect_agenda_fault(AGENDA("{\"title\":\"a\",\"id\":\"" PAPER "\"},"
                                   "{\"title\":\"b\",\"id\":\"" PAPER "\"}"),
                            "items[1].id");
}

static void an_agenda_is_bounded(void **state)
{
        char title[4 * AGENDA_TITLE_CHARS + 8] = "";
        json_t *items = json_array();
        json_t *root = json_pack("{s:s, s:i, s:i, s:o}", "type", "agenda", "id", 1, "version", 0,
                                 "items", items);
        struct client_msg_fault fault;
        struct client_msg msg;
        char *text;

        (void)state;
        for (int i = 0; i < AGENDA_TITLE_CHARS; i++)
                strcat(title, "\xf0\x9f\x8f\xa0");
        for (int i = 0; i < AGENDA_MAX_ITEMS; i++)
                json_array_append_new(items, json_pack("{s:s, s:i}", "title", title, "minutes", i));
        text = json_dumps(root, 0);
        assert_int_equal(parse(&msg, text, &fault), 0);
        assert_int_equal(msg.agenda->n_items, AGENDA_MAX_ITEMS);
        assert_string_equal(msg.agenda->items[99].title, title);
        assert_int_equal(msg.agenda->items[99].minutes, 99);
        client_msg_done(&msg);
        free(text);
        json_array_append_new(items, json_pack("{s:s}", "title", "a"));
        expect_field(root, "items");
        json_array_clear(items);
        strcat(title, "a");
        json_array_append_new(items, json_pack("{s:s}", "title", title));
        expect_field(root, "items[0].title");
        json_decref(root);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(every_kind_passes),
                cmocka_unit_test(a_missing_field_is_named),
                cmocka_unit_test(a_field_of_the_wrong_type_is_named),
                cmocka_unit_test(what_is_wrong_in_an_agenda_is_named),
                cmocka_unit_test(an_agenda_is_bounded),
                cmocka_unit_test(a_field_out_of_bounds_is_named),
                cmocka_unit_test(a_field_too_many_is_named),
                cmocka_unit_test(slots_are_checked_one_by_one),
                cmocka_unit_test(too_many_slots_are_refused),
                cmocka_unit_test(lengths_count_characters_not_bytes),
                cmocka_unit_test(what_is_no_message_gets_its_own_error),
                cmocka_unit_test(brackets_in_strings_are_not_depth),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
