/* SPDX-License-Identifier: Apache-2.0 */
/* The live program pushed to an RTMP server: Debian's nginx, which asks this test about keys. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/integration/jobs_world.h"

#define GOOD_KEY "khoa-bi-mat"
#define BAD_KEY "khoa-sai-roi"

enum { SEGMENT_MS = 500, N_SEGMENTS = 40 };

struct scene {
        struct world *world;
        uv_timer_t writer; /* moves the next segment into the live folder */
        int next;
        int auth_fd;
        pthread_t auth;
        uint16_t auth_port, rtmp_port;
        pid_t nginx;
};

static bool own_authority;
static char segments_dir[] = "/tmp/test_rtmp.XXXXXX"; /* made once */

static void run(const char *format, ...) __attribute__((format(printf, 1, 2)));

static void run(const char *format, ...)
{
        char command[1024];
        va_list args;

        va_start(args, format);
        vsnprintf(command, sizeof(command), format, args);
        va_end(args);
        if (system(command) != 0)
                fail_msg("%s", command);
}

/* ---- the other side ---- */

static int listen_on(uint16_t *ret_port)
{
        struct sockaddr_in at = { .sin_family = AF_INET,
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        socklen_t len = sizeof(at);
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

        assert_int_equal(bind(fd, (struct sockaddr *)&at, len), 0);
        assert_int_equal(listen(fd, 8), 0);
        assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &len), 0);
        *ret_port = ntohs(at.sin_port);
        return fd;
}

/* nginx asks at each publish; the body has name=KEY and type=live behind it. Ends when the listener is shut down. */
static void *answer(void *user)
{
        struct scene *scene = user;
        int fd;

        while ((fd = accept(scene->auth_fd, NULL, NULL)) >= 0) {
                static const char yes[] = "HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n";
                static const char no[] = "HTTP/1.0 403 No\r\nContent-Length: 0\r\n\r\n";
                char text[4096] = "";
                size_t len = 0;

                while (len < sizeof(text) - 1 && !strstr(text, "type=live")) {
                        ssize_t n = recv(fd, text + len, sizeof(text) - 1 - len, 0);

                        if (n <= 0)
                                break;
                        len += (size_t)n;
                        text[len] = '\0';
                }
                text[len] = '\0';
                (void)!write(fd, strstr(text, "name=" GOOD_KEY) ? yes : no,
                             strstr(text, "name=" GOOD_KEY) ? sizeof(yes) - 1 : sizeof(no) - 1);
                close(fd);
        }
        return NULL;
}

/* A child of a test that fails ends with it. */
static void be_quiet_and_mortal(void)
{
        int null = open("/dev/null", O_RDWR);

        prctl(PR_SET_PDEATHSIG, SIGKILL);
        dup2(null, STDOUT_FILENO);
        dup2(null, STDERR_FILENO);
}

static void write_conf(const struct scene *scene)
{
        char path[128];
        FILE *file;

        snprintf(path, sizeof(path), "%s/nginx.conf", scene->world->dir);
        file = fopen(path, "w");
        assert_non_null(file);
        fprintf(file,
                "load_module /usr/lib/nginx/modules/ngx_rtmp_module.so;\n"
                "daemon off; master_process off; pid %s/nginx.pid; error_log %s/nginx.log;\n"
                "events {}\n"
                "rtmp { server { listen 127.0.0.1:%u; access_log off; application live {\n"
                "  live on; on_publish http://127.0.0.1:%u/; record all; record_path %s;\n"
                "  record_unique on; } } }\n",
                scene->world->dir, scene->world->dir, scene->rtmp_port, scene->auth_port,
                scene->world->dir);
        fclose(file);
}

static void start_nginx(struct scene *scene)
{
        char conf[128];

        snprintf(conf, sizeof(conf), "%s/nginx.conf", scene->world->dir);
        scene->nginx = fork();
        if (scene->nginx == 0) {
                be_quiet_and_mortal();
                execl("/usr/sbin/nginx", "nginx", "-c", conf, NULL);
                _exit(127);
        }
        assert_true(scene->nginx > 0);
}

static void stop_nginx(struct scene *scene)
{
        if (scene->nginx <= 0)
                return;
        kill(scene->nginx, SIGKILL);
        waitpid(scene->nginx, NULL, 0);
        scene->nginx = 0;
}

/* ---- the program ---- */

static void put_segment(uv_timer_t *timer)
{
        struct scene *scene = timer->data;

        if (scene->next < N_SEGMENTS)
                run("cp %s/%d.m4s %s/live/part && mv %s/live/part %s/live/%d.m4s", segments_dir,
                    scene->next, scene->world->work, scene->world->work, scene->world->work,
                    scene->next);
        scene->next++;
}

static void make_segments(void)
{
        assert_non_null(mkdtemp(segments_dir));
        run("cd %s && ffmpeg -v error -f lavfi -i testsrc2=size=320x180:rate=25 -f lavfi"
            " -i sine=frequency=440:sample_rate=48000 -t 20 -c:v libx264 -preset ultrafast -bf 0"
            " -g 12 -force_key_frames 'expr:gte(t,n_forced*0.5)' -c:a aac -f hls -hls_time 0.5"
            " -hls_list_size 0 -hls_segment_type fmp4 -hls_segment_filename %%d.m4s index.m3u8",
            segments_dir);
        run("chmod -R a+rX %s", segments_dir);
}

/* In a mount namespace of this test: root only. */
static void trust_own_authority(void)
{
        static const char bundle[] = "/etc/ssl/certs/ca-certificates.crt";
        char own[64];

        run("cd %s && openssl req -x509 -newkey rsa:2048 -nodes -keyout key.pem -out cert.pem"
            " -days 2 -subj /CN=test -addext subjectAltName=IP:127.0.0.1 2>/dev/null"
            " && cat cert.pem %s >bundle.pem && chmod 644 bundle.pem",
            segments_dir, bundle);
        snprintf(own, sizeof(own), "%s/bundle.pem", segments_dir);
        own_authority = geteuid() == 0 && unshare(CLONE_NEWNS) == 0 &&
                        mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
                        mount(own, bundle, NULL, MS_BIND, NULL) == 0;
        printf("figure: own_authority %d\n", own_authority);
}

static int setup(void **state)
{
        struct scene *scene = calloc(1, sizeof(*scene));
        void *world;

        world_setup(&world);
        scene->world = world;
        scene->auth_fd = listen_on(&scene->auth_port);
        close(listen_on(&scene->rtmp_port));
        assert_int_equal(pthread_create(&scene->auth, NULL, answer, scene), 0);
        write_conf(scene);
        run("mkdir -m 755 %s/live && cp %s/init.mp4 %s/live/init-0.mp4", scene->world->work,
            segments_dir, scene->world->work);
        run("chmod 755 %s", scene->world->work);
        uv_timer_init(&scene->world->loop, &scene->writer);
        scene->writer.data = scene;
        uv_timer_start(&scene->writer, put_segment, 0, SEGMENT_MS);
        *state = scene;
        return 0;
}

static int teardown(void **state)
{
        struct scene *scene = *state;
        void *world = scene->world;

        stop_nginx(scene);
        shutdown(scene->auth_fd, SHUT_RDWR);
        pthread_join(scene->auth, NULL);
        close(scene->auth_fd);
        uv_timer_stop(&scene->writer);
        world_teardown(&world);
        free(scene);
        return 0;
}

/* ---- the job ---- */

static void push(struct scene *scene, struct owner *owner, const char *scheme, const char *key)
{
        char url[64];

        snprintf(url, sizeof(url), "%s://127.0.0.1:%u/live", scheme, scene->rtmp_port);
        owner_start(scene->world, owner, (struct job_params){ .kind = JOB_RTMP, .fd = -1 },
                    json_pack("{s:s, s:s, s:s, s:s}", "type", "start", "url", url, "key", key,
                              "dir", "live"));
}

static const char *wait_state(struct scene *scene, struct owner *owner, const char *state)
{
        for (;;) {
                const json_t *line = owner_wait_line(scene->world, owner, "state");
                const char *now = json_string_value(json_object_get(line, "state"));
                const char *code = json_string_value(json_object_get(line, "code"));

                if (strcmp(now, state) == 0) {
                        json_object_set_new(owner->lines, "last", json_string(code ? code : ""));
                        json_object_del(owner->lines, "state");
                        return json_string_value(json_object_get(owner->lines, "last"));
                }
                json_object_del(owner->lines, "state");
        }
}

static void expect_no_key(const struct owner *owner, const char *key)
{
        char *text = json_dumps(owner->all, 0);

        assert_null(strstr(text, key));
        free(text);
}

/* What nginx recorded has pictures and sound of at least so long. */
static void expect_recorded(const struct scene *scene, double seconds)
{
        run("cd %s && f=$(ls -S *.flv | head -1) && ffprobe -v error -show_entries"
            " stream=codec_name -of csv=p=0 $f | sort | tr '\\n' ' ' | grep -qx 'aac h264 ' &&"
            " ffmpeg -v error -i $f -f null - 2>&1 | { ! grep .; } &&"
            " test $(ffprobe -v error -show_entries format=duration -of csv=p=0 $f | cut -d. -f1)"
            " -ge %d",
            scene->world->dir, (int)seconds);
}

static void test_the_program_arrives_and_ends_well(void **state)
{
        struct scene *scene = *state;
        struct owner owner;

        start_nginx(scene);
        push(scene, &owner, "rtmp", GOOD_KEY);
        wait_state(scene, &owner, "connecting");
        wait_state(scene, &owner, "live");
        while (scene->next < 10)
                uv_run(&scene->world->loop, UV_RUN_ONCE);
        job_stop(owner.job);
        owner_wait_end(scene->world, &owner, JOB_DONE);
        expect_recorded(scene, 2);
        expect_no_key(&owner, GOOD_KEY);
        owner_done(&owner);
}

static void test_a_wrong_key_ends_it_as_refused(void **state)
{
        struct scene *scene = *state;
        struct owner owner;

        start_nginx(scene);
        push(scene, &owner, "rtmp", BAD_KEY);
        owner_wait_end(scene->world, &owner, JOB_FAILED);
        assert_string_equal(owner.error, "refused");
        expect_no_key(&owner, BAD_KEY);
        owner_done(&owner);
}

static void test_it_waits_for_a_server_and_comes_back_to_one(void **state)
{
        struct scene *scene = *state;
        struct owner owner;

        push(scene, &owner, "rtmp", GOOD_KEY);
        assert_string_equal(wait_state(scene, &owner, "lost"), "connect");
        start_nginx(scene);
        wait_state(scene, &owner, "live");
        stop_nginx(scene);
        wait_state(scene, &owner, "lost");
        start_nginx(scene);
        wait_state(scene, &owner, "live");
        job_stop(owner.job);
        owner_wait_end(scene->world, &owner, JOB_DONE);
        owner_done(&owner);
}

static void test_a_server_that_takes_nothing_is_given_up(void **state)
{
        struct scene *scene = *state;
        struct owner owner;
        int fd;

        /* accepts, and never says a word */
        fd = listen_on(&scene->rtmp_port);
        push(scene, &owner, "rtmp", GOOD_KEY);
        wait_state(scene, &owner, "connecting");
        wait_state(scene, &owner, "lost");
        job_stop(owner.job);
        owner_wait_end(scene->world, &owner, JOB_DONE);
        close(fd);
        owner_done(&owner);
}

/* TLS in front of nginx, with a certificate that only the authority of trust_own_authority() knows. */
static pid_t start_tls(const struct scene *scene, uint16_t port)
{
        char script[512];
        pid_t pid;

        snprintf(script, sizeof(script),
                 "const fs = require('fs'), d = '%s/';"
                 "require('tls').createServer({ key: fs.readFileSync(d + 'key.pem'),"
                 " cert: fs.readFileSync(d + 'cert.pem') }, (s) => {"
                 " const c = require('net').connect(%u, '127.0.0.1'); s.pipe(c); c.pipe(s);"
                 " s.on('error', () => c.destroy()); c.on('error', () => s.destroy()); })"
                 ".on('tlsClientError', () => {}).listen(%u, '127.0.0.1')",
                 segments_dir, scene->rtmp_port, port);
        pid = fork();
        if (pid == 0) {
                be_quiet_and_mortal();
                execlp("node", "node", "-e", script, NULL);
                _exit(127);
        }
        return pid;
}

static void test_tls_is_used_and_certificates_are_checked(void **state)
{
        struct scene *scene = *state;
        struct owner owner;
        uint16_t port, plain = scene->rtmp_port;
        pid_t pid;

        start_nginx(scene);
        close(listen_on(&port));
        pid = start_tls(scene, port);
        scene->rtmp_port = port;
        push(scene, &owner, "rtmps", GOOD_KEY);
        if (own_authority)
                wait_state(scene, &owner, "live");
        else
                assert_string_equal(wait_state(scene, &owner, "lost"), "connect");
        job_stop(owner.job);
        owner_wait_end(scene->world, &owner, JOB_DONE);
        owner_done(&owner);
        scene->rtmp_port = plain;
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
}

static void test_addresses_that_are_none_are_refused(void **state)
{
        struct scene *scene = *state;
        struct owner owner;

        push(scene, &owner, "http", GOOD_KEY);
        owner_wait_end(scene->world, &owner, JOB_FAILED);
        assert_string_equal(owner.error, "connect");
        owner_done(&owner);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(int argc, char **argv)
{
        const struct CMUnitTest tests[] = {
                TEST(test_the_program_arrives_and_ends_well),
                TEST(test_a_wrong_key_ends_it_as_refused),
                TEST(test_it_waits_for_a_server_and_comes_back_to_one),
                TEST(test_a_server_that_takes_nothing_is_given_up),
                TEST(test_tls_is_used_and_certificates_are_checked),
                TEST(test_addresses_that_are_none_are_refused),
        };
        int failed;

        if (argc > 1 && strcmp(argv[1], "job") == 0)
                return job_main(argc - 2, argv + 2);
        signal(SIGPIPE, SIG_IGN);
        make_segments();
        trust_own_authority();
        if (argc > 1)
                cmocka_set_test_filter(argv[1]);
        failed = cmocka_run_group_tests(tests, NULL, NULL);
        run("rm -r %s", segments_dir);
        return failed;
}
