/* SPDX-License-Identifier: Apache-2.0 */
/* main — the words after `dinh`. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/base.h"
#include "sfu/jobs/jobs.h"
#include "signaling/commands.h"

static const char help[] =
        "Đình: meetings on a server of your own.\n"
        "\n"
        "  dinh serve [--config F] [--data DIR] [--http ADDR:PORT] [--https ADDR:PORT]\n"
        "             [--cert F --key F] [--media-address IP[,IP...]] [--media-port N]\n"
        "             [--workers N] [--metrics ADDR:PORT] [--trusted-proxy CIDR]\n"
        "             [--turn-uri URI[,URI...] --turn-secret-file F]\n"
        "             [--keep-recordings-days N] [--recording-free-mb N]\n"
        "  dinh meeting create [--data DIR] --title T [--json] [--url BASE] [--expires-hours N]\n"
        "  dinh token [--data DIR] --meeting M --role R [--name N] [--expires-hours N]\n"
        "  dinh token [--data DIR] --role operator\n"
        "  dinh load --url BASE --meeting M --token T [--publishers P] [--subscribers S]\n"
        "            [--watch N] [--pictures N] [--height LINES] [--video-kbps N | --simulcast]\n"
        "            [--fps N] [--keyframe-seconds N] [--keyframe-ratio N] [--pacing-percent N]\n"
        "            [--no-audio] [--no-video] [--duration S] [--join-seconds S]\n"
        "            [--settle-seconds S] [--ramp N] [--gro on|off] [--no-feedback] [--insecure]\n"
        "            [--server-pid PID] [--json]\n"
        "  dinh load hls --url PLAYLIST [--viewers N] [--rendition 720|360|audio] [--duration S]\n"
        "            [--join-seconds S] [--settle-seconds S] [--insecure] [--server-pid PID] [--json]\n"
        "  dinh --help | --version\n"
        "\n"
        "Roles: chair, secretary, presenter, delegate, observer; viewer (of the stream only).\n"
        "Defaults: --data data, --http 127.0.0.1:8080, --media-port 7000, a worker per core,\n"
        "media on every address of the machine. Without --cert, --https uses a certificate\n"
        "that it makes itself. --turn-uri names TURN servers (turn:HOST:PORT?transport=tcp) that\n"
        "share a secret with this one: the first line of F, or --turn-secret S.\n"
        "Recordings are deleted --keep-recordings-days (365) after their start; with less than\n"
        "--recording-free-mb (1024) of free disk none begins, at half of it the running ones end.\n"
        "SIGHUP reloads the certificate, SIGTERM ends the server.\n";

int main(int argc, char **argv)
{
        const char *word = argc > 1 ? argv[1] : "";

        if (argc > 1 && strcmp(argv[argc - 1], "--help") == 0) { /* of any command */
                fputs(help, stdout);
                return EXIT_SUCCESS;
        }
        if (strcmp(word, "serve") == 0)
                return command_serve(argc - 2, argv + 2);
        if (strcmp(word, "token") == 0)
                return command_token(argc - 2, argv + 2);
        if (strcmp(word, "load") == 0)
                return command_load(argc - 2, argv + 2);
        if (strcmp(word, "job") == 0) /* not in the help: the server starts these */
                return job_main(argc - 2, argv + 2);
        if (strcmp(word, "meeting") == 0 && argc > 2 && strcmp(argv[2], "create") == 0)
                return command_meeting_create(argc - 3, argv + 3);
        if (strcmp(word, "--version") == 0) {
                puts("dinh " DINH_VERSION);
                return EXIT_SUCCESS;
        }
        return command_fail(EXIT_USAGE, "serve, meeting create, token or --help is needed");
}
