/* SPDX-License-Identifier: Apache-2.0 */
#include "signaling/turn_options.h"

#include <errno.h>
#include <stdio.h>

static int add_uri(struct turn_options *options, char *uri, char ret_error[OPTION_ERROR])
{
        struct turn_config *config = &options->config;

        uri += strspn(uri, " ");
        uri[strcspn(uri, " ")] = '\0';
        if (!turn_uri_is_good(uri)) {
                snprintf(ret_error, OPTION_ERROR,
                         "--turn-uri: \"%.100s\" is not turn:HOST[:PORT][?transport=udp|tcp]", uri);
                return -EINVAL;
        }
        if (config->n_uris == TURN_MAX_URIS) {
                snprintf(ret_error, OPTION_ERROR, "--turn-uri: more than %d", TURN_MAX_URIS);
                return -EINVAL;
        }
        config->uris[config->n_uris++] = uri;
        return 0;
}

static int read_uris(struct turn_options *options, char ret_error[OPTION_ERROR])
{
        size_t size = 1;
        char *rest, *uri;
        int r = 0;

        for (size_t i = 0; i < options->uris.n; i++)
                size += strlen(options->uris.items[i]) + 1;
        options->uri_text = rest = calloc(1, size);
        if (!rest) {
                snprintf(ret_error, OPTION_ERROR, "no memory");
                return -ENOMEM;
        }
        for (size_t i = 0; i < options->uris.n; i++) {
                strcat(rest, i > 0 ? "," : "");
                strcat(rest, options->uris.items[i]);
        }
        while (r == 0 && (uri = strsep(&rest, ",")))
                r = add_uri(options, uri, ret_error);
        return r;
}

/* The file's first line. */
static int read_secret_file(struct turn_options *options, char ret_error[OPTION_ERROR])
{
        FILE *file = fopen(options->secret_file, "re");
        bool is_read = file && fgets(options->secret_text, sizeof(options->secret_text), file);
        int error = file ? ferror(file) ? EIO : 0 : errno;
        bool more = is_read && !strchr(options->secret_text, '\n') && fgetc(file) != EOF;

        if (file)
                fclose(file);
        if (error) {
                snprintf(ret_error, OPTION_ERROR, "--turn-secret-file: %.200s: %s",
                         options->secret_file, strerror(error));
                return -error;
        }
        if (more) {
                snprintf(ret_error, OPTION_ERROR, "--turn-secret-file: longer than %d bytes",
                         TURN_SECRET_MAX);
                return -EFBIG;
        }
        options->secret_text[strcspn(options->secret_text, "\r\n")] = '\0';
        options->config.secret = options->secret_text;
        return 0;
}

int turn_options_read(struct turn_options *options, char ret_error[OPTION_ERROR])
{
        struct turn_config *config = &options->config;
        const char *wrong = NULL;
        int r = 0;

        if (options->secret && options->secret_file)
                wrong = "--turn-secret and --turn-secret-file: only one of them";
        else if (options->uris.n > 0 && !options->secret && !options->secret_file)
                wrong = "--turn-uri needs --turn-secret-file or --turn-secret";
        else if (options->uris.n == 0 && (options->secret || options->secret_file))
                wrong = "a TURN secret needs --turn-uri";
        if (wrong) {
                snprintf(ret_error, OPTION_ERROR, "%s", wrong);
                return -EINVAL;
        }
        if (options->uris.n == 0)
                return 0;
        config->secret = options->secret;
        if (options->secret_file)
                r = read_secret_file(options, ret_error);
        if (r == 0 && !config->secret[0]) {
                snprintf(ret_error, OPTION_ERROR, "the TURN secret is empty");
                r = -EINVAL;
        }
        return r == 0 ? read_uris(options, ret_error) : r;
}

void turn_options_done(struct turn_options *options)
{
        free(options->uri_text);
        options->uri_text = NULL;
        explicit_bzero(options->secret_text, sizeof(options->secret_text));
}
