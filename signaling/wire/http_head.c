/* SPDX-License-Identifier: Apache-2.0 */
#include "signaling/wire/http_head.h"

#include <string.h>
#include <strings.h>

static const char *const field_names[HTTP_FIELD_COUNT] = {
        [HTTP_F_HOST] = "host",
        [HTTP_F_ORIGIN] = "origin",
        [HTTP_F_COOKIE] = "cookie",
        [HTTP_F_AUTHORIZATION] = "authorization",
        [HTTP_F_CONTENT_TYPE] = "content-type",
        [HTTP_F_CONTENT_LENGTH] = "content-length",
        [HTTP_F_TRANSFER_ENCODING] = "transfer-encoding",
        [HTTP_F_CONNECTION] = "connection",
        [HTTP_F_UPGRADE] = "upgrade",
        [HTTP_F_EXPECT] = "expect",
        [HTTP_F_IF_MATCH] = "if-match",
        [HTTP_F_IF_NONE_MATCH] = "if-none-match",
        [HTTP_F_RANGE] = "range",
        [HTTP_F_IF_RANGE] = "if-range",
        [HTTP_F_ACCEPT_ENCODING] = "accept-encoding",
        [HTTP_F_ACCEPT_LANGUAGE] = "accept-language",
        [HTTP_F_X_FORWARDED_FOR] = "x-forwarded-for",
        [HTTP_F_X_FORWARDED_PROTO] = "x-forwarded-proto",
        [HTTP_F_SEC_WEBSOCKET_KEY] = "sec-websocket-key",
        [HTTP_F_SEC_WEBSOCKET_VERSION] = "sec-websocket-version",
};

/* A second line of one of these makes two readers disagree. */
static const bool field_once[HTTP_FIELD_COUNT] = {
        [HTTP_F_HOST] = true,           [HTTP_F_ORIGIN] = true,
        [HTTP_F_AUTHORIZATION] = true,  [HTTP_F_CONTENT_TYPE] = true,
        [HTTP_F_CONTENT_LENGTH] = true, [HTTP_F_TRANSFER_ENCODING] = true,
        [HTTP_F_IF_MATCH] = true,       [HTTP_F_RANGE] = true,
        [HTTP_F_IF_RANGE] = true,       [HTTP_F_SEC_WEBSOCKET_KEY] = true,
};

/* What the Connection and Upgrade lines said, over all of them. */
struct connection_options {
        bool close, keep_alive, upgrade, websocket;
};

size_t http_head_length(const uint8_t *data, size_t len, size_t seen)
{
        size_t from = seen > 3 ? seen - 3 : 0;
        const uint8_t *end;

        if (len < from + 4)
                return 0;
        end = memmem(data + from, len - from, "\r\n\r\n", 4);
        return end ? (size_t)(end - data) + 4 : 0;
}

/* RFC 9110 §5.6.2: tchar. */
static bool is_token_char(char c)
{
        if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'))
                return true;
        return c && strchr("!#$%&'*+-.^_`|~", c);
}

static bool is_token(const char *text)
{
        if (!*text)
                return false;
        for (; *text; text++) {
                if (!is_token_char(*text))
                        return false;
        }
        return true;
}

/* Ends the line at *pos with NUL and moves *pos behind it. NULL: not a line. */
static char *take_line(char **pos, char *end)
{
        char *line = *pos, *cr = memchr(line, '\r', (size_t)(end - line));

        if (!cr || cr + 1 >= end || cr[1] != '\n')
                return NULL;
        for (const char *c = line; c < cr; c++) {
                if ((uint8_t)*c < 0x20 ? *c != '\t' : *c == 0x7f)
                        return NULL;
        }
        *cr = '\0';
        *pos = cr + 2;
        return line;
}

static char *skip_blanks(char *text)
{
        while (*text == ' ' || *text == '\t')
                text++;
        return text;
}

static void trim_end(char *text)
{
        size_t n = strlen(text);

        while (n > 0 && (text[n - 1] == ' ' || text[n - 1] == '\t'))
                text[--n] = '\0';
}

/* Origin form, or absolute form, of which only the path counts (RFC 9112 §3.2). */
static int parse_target(struct http_head *head, char *target)
{
        char *query;

        if (!strncasecmp(target, "http://", 7) || !strncasecmp(target, "https://", 8)) {
                target = strchr(strstr(target, "//") + 2, '/');
                if (!target)
                        return HTTP_E_SYNTAX;
        }
        if (*target != '/' || strchr(target, '#'))
                return HTTP_E_SYNTAX;
        query = strchr(target, '?');
        if (query)
                *query++ = '\0';
        head->path = target;
        head->query = query ? query : "";
        return 0;
}

static int parse_request_line(struct http_head *head, char *line)
{
        char *target = strchr(line, ' '), *version;

        if (!target)
                return HTTP_E_SYNTAX;
        *target++ = '\0';
        version = strchr(target, ' ');
        if (!version || !is_token(line))
                return HTTP_E_SYNTAX;
        *version++ = '\0';
        if (strncmp(version, "HTTP/", 5) != 0)
                return HTTP_E_SYNTAX;
        if (strcmp(version, "HTTP/1.1") != 0 && strcmp(version, "HTTP/1.0") != 0)
                return HTTP_E_VERSION;
        head->method = line;
        head->keep_alive = version[7] == '1';
        return parse_target(head, target);
}

static int parse_length(int64_t *ret, const char *text)
{
        int64_t value = 0;

        if (!*text)
                return HTTP_E_SYNTAX;
        for (; *text; text++) {
                if (*text < '0' || *text > '9' || value > INT64_MAX / 10 - 10)
                        return HTTP_E_SYNTAX;
                value = value * 10 + (*text - '0');
        }
        *ret = value;
        return 0;
}

static bool list_has(const char *list, const char *word)
{
        size_t n = strlen(word);

        while (*list) {
                size_t len = strcspn(list, ",");
                const char *item = list;
                size_t item_len = len;

                while (item_len > 0 && (*item == ' ' || *item == '\t')) {
                        item++;
                        item_len--;
                }
                while (item_len > 0 && (item[item_len - 1] == ' ' || item[item_len - 1] == '\t'))
                        item_len--;
                if (item_len == n && !strncasecmp(item, word, n))
                        return true;
                list += len + (list[len] == ',');
        }
        return false;
}

static void note_connection(struct connection_options *options, enum http_field id,
                            const char *value)
{
        if (id == HTTP_F_CONNECTION) {
                options->close |= list_has(value, "close");
                options->keep_alive |= list_has(value, "keep-alive");
                options->upgrade |= list_has(value, "upgrade");
        }
        if (id == HTTP_F_UPGRADE)
                options->websocket |= list_has(value, "websocket");
}

static int parse_field(struct http_head *head, struct connection_options *options, char *line)
{
        char *colon = strchr(line, ':'), *value;

        if (!colon)
                return HTTP_E_SYNTAX;
        *colon = '\0';
        if (!is_token(line))
                return HTTP_E_SYNTAX;
        value = skip_blanks(colon + 1);
        trim_end(value);
        for (int id = 0; id < HTTP_FIELD_COUNT; id++) {
                if (strcasecmp(line, field_names[id]) != 0)
                        continue;
                if (field_once[id] && head->field[id])
                        return HTTP_E_SYNTAX;
                head->field[id] = value;
                note_connection(options, (enum http_field)id, value);
                return 0;
        }
        return 0;
}

static int check_body(struct http_head *head)
{
        const char *coding = head->field[HTTP_F_TRANSFER_ENCODING];

        head->content_length = -1;
        if (coding) {
                if (head->field[HTTP_F_CONTENT_LENGTH])
                        return HTTP_E_SYNTAX;
                if (strcasecmp(coding, "chunked") != 0)
                        return HTTP_E_CODING;
                head->chunked = true;
        }
        if (head->field[HTTP_F_CONTENT_LENGTH])
                return parse_length(&head->content_length, head->field[HTTP_F_CONTENT_LENGTH]);
        return 0;
}

static int finish(struct http_head *head, const struct connection_options *options)
{
        bool is_1_1 = head->keep_alive;
        int err = check_body(head);

        if (err)
                return err;
        if (is_1_1 && !head->field[HTTP_F_HOST])
                return HTTP_E_SYNTAX; /* RFC 9112 §3.2 */
        if (!is_1_1 && head->chunked)
                return HTTP_E_SYNTAX; /* §6.1: a 1.0 message cannot be chunked */
        for (int id = 0; id < HTTP_FIELD_COUNT; id++) {
                if (!head->field[id])
                        head->field[id] = "";
        }
        head->keep_alive = !options->close && (is_1_1 || options->keep_alive);
        head->upgrade_websocket = is_1_1 && options->upgrade && options->websocket;
        head->expect_continue = is_1_1 && !strcasecmp(head->field[HTTP_F_EXPECT], "100-continue");
        return 0;
}

int http_head_parse(struct http_head *ret_head, char *data, size_t len)
{
        struct connection_options options = { 0 };
        struct http_head head = { 0 };
        char *pos = data, *end = data + len, *line = take_line(&pos, end);
        int err = line ? parse_request_line(&head, line) : HTTP_E_SYNTAX;

        for (int n = 0; !err; n++) {
                line = take_line(&pos, end);
                if (!line)
                        return HTTP_E_SYNTAX;
                if (!*line)
                        break;
                if (n == HTTP_FIELDS_MAX)
                        return HTTP_E_FIELDS;
                err = parse_field(&head, &options, line);
        }
        if (!err)
                err = finish(&head, &options);
        if (err)
                return err;
        *ret_head = head;
        return 0;
}
