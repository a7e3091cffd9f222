/* SPDX-License-Identifier: Apache-2.0 */
#include "signaling/commands.h"

#include <errno.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "signaling/core/app.h"
#include "signaling/core/names.h"
#include "signaling/options.h"
#include "signaling/wire/token.h"

enum {
        TITLE_CHARS = 200,
        DEFAULT_EXPIRES_HOURS = 30 * 24,
        MAX_EXPIRES_HOURS = 10 * 365 * 24,
        PERSON_CHARS = 12,
        ERROR_TEXT = 256,
};
#define HOUR_MS INT64_C(3600000)

int command_fail(int code, const char *format, ...)
{
        va_list args;

        fputs("dinh: ", stderr);
        va_start(args, format);
        vfprintf(stderr, format, args);
        va_end(args);
        fputc('\n', stderr);
        return code;
}

static int64_t wall_ms(void)
{
        return clock_wall_us() / 1000;
}

/* Opens the store and its token secret. Returns 0 or the exit code, having said why. */
static int open_store(struct store **ret_store, const char *dir, uint8_t secret[TOKEN_SECRET])
{
        char error[ERROR_TEXT] = "cannot open";
        int r = store_open(ret_store, dir, NULL, NULL, error, sizeof(error));

        if (r < 0)
                return command_fail(EXIT_FAILURE, "%s", error);
        r = store_secret(*ret_store, "token", secret);
        return r < 0 ? command_fail(EXIT_FAILURE, "%s: %s", dir, strerror(-r)) : 0;
}

/* ---- meeting create ---- */

struct creation {
        const char *data, *title, *url;
        bool json;
        long expires_hours;
};

static char *make_link(const struct creation *creation, const char *meeting, enum meeting_role role,
                       const uint8_t secret[TOKEN_SECRET])
{
        struct token token = { .kind = TOKEN_JOIN,
                               .role = role,
                               .expires_ms = wall_ms() + creation->expires_hours * HOUR_MS };
        char text[TOKEN_MAX], *link;

        memcpy(token.meeting, meeting, UUID_TEXT);
        if (token_write(text, &token, secret) != 0 ||
            asprintf(&link, "%s/m/%s#t=%s", creation->url, meeting, text) < 0)
                return NULL;
        return link;
}

static void print_meeting(const struct creation *creation, const struct store_meeting *meeting,
                          char *links[N_ROLES])
{
        json_t *object = json_object(), *list = json_object();

        if (creation->json) {
                for (unsigned role = 0; role < N_ROLES; role++)
                        json_object_set_new(list, role_word((enum meeting_role)role),
                                            json_string(links[role]));
                json_object_set_new(object, "id", json_string(meeting->id));
                json_object_set_new(object, "title", json_string(meeting->title));
                json_object_set(object, "links", list);
                json_dumpf(object, stdout, JSON_INDENT(1));
                putchar('\n');
        } else {
                printf("%-10s %s\n", "meeting", meeting->id);
                for (unsigned role = 0; role < N_ROLES; role++)
                        printf("%-10s %s\n", role_word((enum meeting_role)role), links[role]);
        }
        json_decref(list);
        json_decref(object);
}

static int create_meeting(const struct creation *creation, const char *title)
{
        cleanup(store_closep) struct store *store = NULL;
        struct store_meeting meeting = { .created_ms = wall_ms() };
        uint8_t secret[TOKEN_SECRET];
        char *links[N_ROLES] = { NULL };
        int r = open_store(&store, creation->data, secret);

        if (r != 0)
                return r;
        uuid_v7(meeting.id, clock_wall_us());
        snprintf(meeting.title, sizeof(meeting.title), "%s", title);
        r = store_meeting_create(store, &meeting);
        if (r < 0)
                return command_fail(EXIT_FAILURE, "%s: %s", creation->data, strerror(-r));
        for (unsigned role = 0; role < N_ROLES; role++)
                links[role] = make_link(creation, meeting.id, (enum meeting_role)role, secret);
        print_meeting(creation, &meeting, links);
        for (unsigned role = 0; role < N_ROLES; role++)
                free(links[role]);
        return EXIT_SUCCESS;
}

int command_meeting_create(int argc, char **argv)
{
        struct creation creation = { .data = "data",
                                     .url = "http://127.0.0.1:8080",
                                     .expires_hours = DEFAULT_EXPIRES_HOURS };
        const struct option_spec specs[] = {
                { "data", OPTION_TEXT, &creation.data, 0, 0, false },
                { "title", OPTION_TEXT, &creation.title, 0, 0, false },
                { "url", OPTION_TEXT, &creation.url, 0, 0, false },
                { "json", OPTION_FLAG, &creation.json, 0, 0, false },
                { "expires-hours", OPTION_NUMBER, &creation.expires_hours, 0, MAX_EXPIRES_HOURS,
                  false },
        };
        char error[OPTION_ERROR], title[sizeof((struct store_meeting){ 0 }.title)];
        size_t len;

        if (options_parse(specs, ARRAY_LEN(specs), argc, argv, error) < 0)
                return command_fail(EXIT_USAGE, "%s", error);
        if (!creation.title)
                return command_fail(EXIT_USAGE, "--title is needed");
        if (text_clean(title, sizeof(title), &len, creation.title, strlen(creation.title), 0) < 0 ||
            len == 0 || text_chars(title, len) > TITLE_CHARS)
                return command_fail(EXIT_USAGE, "--title: 1 to %d characters of UTF-8",
                                    TITLE_CHARS);
        return create_meeting(&creation, title);
}

/* ---- token ---- */

struct grant {
        const char *data, *meeting, *role, *name;
        long expires_hours;
};

/* Returns 0 or the exit code. */
static int fill_token(struct token *ret_token, const struct grant *grant)
{
        struct token token = { .kind = TOKEN_JOIN, .role = ROLE_OBSERVER };

        token.expires_ms = wall_ms() + grant->expires_hours * HOUR_MS;
        if (!grant->role)
                return command_fail(EXIT_USAGE, "--role is needed");
        if (strcmp(grant->role, "operator") == 0)
                token.kind = TOKEN_OPERATOR;
        else if (strcmp(grant->role, "viewer") == 0)
                token.kind = TOKEN_VIEWER;
        else if (role_parse(&token.role, grant->role) != 0)
                return command_fail(EXIT_USAGE,
                                    "--role: chair, secretary, presenter, delegate, observer, "
                                    "viewer or operator");
        if (token.kind != TOKEN_OPERATOR && !grant->meeting)
                return command_fail(EXIT_USAGE, "--meeting is needed");
        if (grant->name) {
                size_t at = strlen(SEAT_PERSON_PREFIX);

                name_clean(token.name, grant->name);
                if (!token.name[0])
                        return command_fail(EXIT_USAGE, "--name: nothing to read in it");
                memcpy(token.seat, SEAT_PERSON_PREFIX, at);
                rand_word(token.seat + at, PERSON_CHARS);
        }
        *ret_token = token;
        return 0;
}

static int print_token(const struct grant *grant, struct token *token)
{
        cleanup(store_closep) struct store *store = NULL;
        struct store_meeting meeting = { 0 };
        uint8_t secret[TOKEN_SECRET];
        char text[TOKEN_MAX];
        int r = open_store(&store, grant->data, secret);

        if (r != 0)
                return r;
        if (token->kind != TOKEN_OPERATOR) {
                r = store_meeting_get(store, grant->meeting, &meeting);
                if (r < 0)
                        return command_fail(EXIT_FAILURE, "--meeting: no such meeting in %s",
                                            grant->data);
                memcpy(token->meeting, meeting.id, sizeof(token->meeting));
        }
        if (token_write(text, token, secret) != 0)
                return command_fail(EXIT_FAILURE, "cannot make a token");
        puts(text);
        return EXIT_SUCCESS;
}

int command_token(int argc, char **argv)
{
        struct grant grant = { .data = "data", .expires_hours = DEFAULT_EXPIRES_HOURS };
        const struct option_spec specs[] = {
                { "data", OPTION_TEXT, &grant.data, 0, 0, false },
                { "meeting", OPTION_TEXT, &grant.meeting, 0, 0, false },
                { "role", OPTION_TEXT, &grant.role, 0, 0, false },
                { "name", OPTION_TEXT, &grant.name, 0, 0, false },
                { "expires-hours", OPTION_NUMBER, &grant.expires_hours, 0, MAX_EXPIRES_HOURS,
                  false },
        };
        char error[OPTION_ERROR];
        struct token token;
        int r;

        if (options_parse(specs, ARRAY_LEN(specs), argc, argv, error) < 0)
                return command_fail(EXIT_USAGE, "%s", error);
        r = fill_token(&token, &grant);
        return r != 0 ? r : print_token(&grant, &token);
}
