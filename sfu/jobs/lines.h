/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lines — what the server and a job tell each other: a line of JSON each.
 *
 * Layer:  sfu/jobs. The texts below are the contract; the functions read and write them.
 * Thread: any; no shared state.
 *
 * Time: `t` is microseconds since the start of the job's part: start.start_us on the
 * server's monotonic clock, start.start_ms on the wall's. Media of a tap at media_us is at
 * t = media_us - start_us. What comes before 0 is left out.
 *
 * Every job
 *   <- {"type":"start", …}                        first line, what its kind needs (below)
 *   <- {"type":"stop"}                            finish what is written, exit 0
 *   -> {"type":"ready"}                           it works now
 *   -> {"type":"progress", "t":…, …}              once a second, and alive
 *   -> {"type":"behind", "dropped":n}             packets it could not take, since the last one
 *   -> {"type":"error", "code":"…", "message":"English"}   then it ends, non-zero
 *      codes: disk-full, unplayable, no-video-codec, connect, refused (a wrong key), auth (of a
 *      camera), timeout, codec-unsupported, missing-package,
 *      internal
 *
 * tracks   start: {"part":1, "start_us", "start_ms"}. Writes /work/p1-{kind}-{participant}-{n}.mkv
 *   -> {"type":"file", "name":"p1-mic-17-1.mkv", "participant":17, "kind":"mic", "codec":"opus", "t":first}
 *   The files' own times are t. Another codec, or the publication come again after its end, is the
 *   next n; another layer, a pause and a new connection are not. All that was heard when it ends is in them.
 *   Beside a file whose first times turned out wrong: .NAME.times (core/retime.h), for finish.
 *   -> progress: {"bytes":…, "tracks":n}     n: files that are open
 *
 * program  start: {"part":1, "start_us", "start_ms", "title":"…", "names":{"17":"Nguyễn Văn A"}}
 *   <- {"type":"name", "participant":17, "name":"…"}
 *   <- {"type":"speaker", "t":…, "participant":17}         0: silence; the last one stays
 *   <- {"type":"page", "t":…, "file":"pages/ID-3.webp"}     below /work; null: nothing is presented
 *   <- {"type":"record", "file":"…/p1.mp4"}               begins an MP4 (fragments of 0.2 s)
 *   <- {"type":"record", "file":null, "until":t}           ends it there
 *   <- {"type":"live", "dir":"live/KEY"}                    begins HLS there; null ends it
 *   -> {"type":"file", "name":"…/p1.mp4", "t":first}
 *   -> {"type":"file-end", "name":"…/p1.mp4", "t":last}    it is complete: after "record" null or another file
 *   -> {"type":"live", "dir":"live/KEY", "t":first}        its playlist can be played
 *   -> progress: {"bytes", "frames", "late_frames", "encode_ms"}
 *   HLS: live/KEY/index.m3u8 (master), 720/ 360/ audio/ with index.m3u8, init-{first}.mp4, {n}.m4s (numbers begin at
 *   start_ms / 1000, so that the job after a crash goes on in the same folder with new names: core/hls_playlist.h); each playlist
 *   has EXT-X-PROGRAM-DATE-TIME; files appear by rename, whole; the newest 10 segments stay (RTMP reads 720/).
 *
 * compose  start: {"parts":[{"part":1, "start_us", "start_ms", "duration_us"}], "title", "file":"program.mp4"}
 *   reads /work/p{n}-*.mkv and /work/p{n}-timeline.jsonl: the lines name, speaker, page, file of above with their
 *   t, and {"type":"gone", "participant", "t"}.   -> progress: {"t", "of":total}
 *
 * finish   start: {"files":["p1-mic-17-1.mkv", "p1.mp4"]}: each is written anew beside itself and renamed.
 *   -> {"type":"file", "name", "duration_us", "bytes"}  for each; an unreadable one: "error":"unplayable", and it goes on
 *
 * film     start: {"name", "volume":100, "layers":3, "video":true}, and if wanted "position_ms", "paused":true.
 *   /input is the film. It plays as soon as it is ready. At its end it stands still; play begins anew.
 *   <- {"type":"play"} {"type":"pause"} {"type":"seek", "position_ms":…} {"type":"volume", "volume":0..100}
 *   -> {"type":"position", "position_ms", "duration_ms", "playing":bool}  on change and twice a second; {"type":"eos"}
 *
 * probe    -> {"type":"media", "duration_ms", "video":"h264"|null, "audio":"aac"|null, "width", "height"}; or error
 *
 * camera   start: {"url":"rtsp://…", "user", "password", "layers":3}
 *   -> {"type":"state", "state":"connecting"|"playing"|"lost", "code":…}; it connects again by itself
 *   (1 s … 30 s); it ends with "auth" when refused, "codec-unsupported", or "connect" for no address of one
 *
 * rtmp     start: {"url", "key", "dir":"720"} below /work, read-only to it: live/KEY and nothing else.
 *   -> {"type":"state", "state":"connecting"|"live"|"lost", "code":…}; it connects again by itself (1 s … 30 s);
 *   "refused" ends it only when the first connect was refused.
 *
 * Keys and passwords are in lines only: never in arguments, logs or other lines.
 */
#ifndef SFU_JOBS_LINES_H
#define SFU_JOBS_LINES_H

#include <jansson.h>

#include "base/base.h"

/* Collects bytes into lines. A line is given to each() as an object that has a string "type";
 * anything else, and a longer one, is -EBADMSG. */
struct line_reader;
must_use int line_reader_new(struct line_reader **ret_reader, size_t max_line); /* 0, -ENOMEM */
struct line_reader *line_reader_free(struct line_reader *reader);
DEFINE_CLEANUP(struct line_reader *, line_reader_free)
must_use int line_reader_put(struct line_reader *reader, const char *data, size_t len,
                             void (*each)(void *user, const json_t *line), void *user);

#endif
