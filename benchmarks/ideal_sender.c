/* The ideal sender: the least a server can do. One thread, plain send(), no HTTP beyond one answer.
 *
 *     ideal_sender --jpeg picture.jpg --fps 30        prints "port 12345" and serves until SIGTERM
 *
 * Sends the same ready bytes, one whole multipart part per frame, to every client at `fps`. The
 * header is written once per frame, with the true time. A client that has not taken its last part
 * yet is left out, as ours is. On SIGTERM it prints its CPU seconds.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

enum { MAX_CLIENTS = 20000, HEAD_ROOM = 256 };

struct part { /* freed when the last client has it */
    int users;
    size_t size;
    char bytes[];
};

struct client {
    int fd, place;
    bool asked;
    struct part *part; /* not all of it is sent yet */
    size_t offset;
};

static struct client *clients[MAX_CLIENTS];
static int client_count, epoll_fd;
static char *jpeg;
static size_t jpeg_bytes;
static uint64_t frame_number;

static const char ANSWER[] = "HTTP/1.0 200 OK\r\nContent-Type: multipart/x-mixed-replace; boundary=frame\r\n"
                             "Connection: close\r\n\r\n--frame\r\n";
static const char TRAILER[] = "\r\n--frame\r\n";

static void release(struct part *part) {
    if (part && --part->users == 0) free(part);
}

static void drop(struct client *c) {
    close(c->fd);
    release(c->part);
    clients[c->place] = clients[--client_count];
    clients[c->place]->place = c->place;
    c->fd = -1;
}

static struct part *new_part(void) {
    struct part *part = malloc(sizeof *part + HEAD_ROOM + jpeg_bytes + sizeof TRAILER);
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    int head = snprintf(part->bytes, HEAD_ROOM,
                        "Content-Type: image/jpeg\r\nContent-Length: %zu\r\nX-Frame-Number: %lu\r\nX-Epoch: 1\r\n"
                        "X-Timestamp: %ld.%06ld\r\nX-Online: 1\r\n\r\n",
                        jpeg_bytes, frame_number++, now.tv_sec, now.tv_nsec / 1000);
    memcpy(part->bytes + head, jpeg, jpeg_bytes);
    memcpy(part->bytes + head + jpeg_bytes, TRAILER, sizeof TRAILER - 1);
    part->size = head + jpeg_bytes + sizeof TRAILER - 1;
    part->users = 1;
    return part;
}

static void watch(struct client *c, uint32_t events) {
    struct epoll_event event = {.events = events, .data.ptr = c};
    epoll_ctl(epoll_fd, EPOLL_CTL_MOD, c->fd, &event);
}

/* Send what the kernel takes; false when the client is gone. */
static bool push(struct client *c) {
    ssize_t count = send(c->fd, c->part->bytes + c->offset, c->part->size - c->offset, MSG_NOSIGNAL);
    if (count < 0 && errno != EAGAIN) return false;
    if (count > 0) c->offset += count;
    if (c->offset == c->part->size) release(c->part), c->part = NULL;
    return true;
}

static void send_frame(void) {
    struct part *part = new_part();
    for (int i = client_count - 1; i >= 0; i--) {
        struct client *c = clients[i];
        if (!c->asked || c->part) continue; /* has not taken the last one: this one is not for it */
        c->part = part;
        c->offset = 0;
        part->users++;
        if (!push(c)) drop(c), free(c);
        else if (c->part) watch(c, EPOLLIN | EPOLLOUT);
    }
    release(part);
}

static void welcome(int listener) {
    int fd, yes = 1;
    while (client_count < MAX_CLIENTS && (fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
        struct client *c = calloc(1, sizeof *c);
        c->fd = fd;
        c->place = client_count;
        clients[client_count++] = c;
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};
        epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event);
    }
}

static void on_client(struct client *c, uint32_t events) {
    char request[4096];
    if (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) {
        ssize_t count = recv(c->fd, request, sizeof request, 0);
        if (count == 0 || (count < 0 && errno != EAGAIN)) {
            drop(c), free(c);
            return;
        }
        if (!c->asked && count > 0) c->asked = send(c->fd, ANSWER, sizeof ANSWER - 1, MSG_NOSIGNAL) > 0;
    }
    if (!(events & EPOLLOUT) || !c->part) return;
    if (!push(c)) drop(c), free(c);
    else if (!c->part) watch(c, EPOLLIN);
}

static void read_jpeg(const char *path) {
    FILE *file = fopen(path, "rb");
    if (!file) perror(path), exit(1);
    fseek(file, 0, SEEK_END);
    jpeg_bytes = ftell(file);
    rewind(file);
    jpeg = malloc(jpeg_bytes);
    if (fread(jpeg, 1, jpeg_bytes, file) != jpeg_bytes) perror(path), exit(1);
    fclose(file);
}

static int listen_anywhere(void) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (bind(fd, (struct sockaddr *)&address, size) || listen(fd, 4096)) perror("listen"), exit(1);
    getsockname(fd, (struct sockaddr *)&address, &size);
    printf("port %d\n", ntohs(address.sin_port));
    fflush(stdout);
    return fd;
}

static void on(int fd) {
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = fd};
    epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event);
}

int main(int argc, char **argv) {
    double fps = 30;
    for (int i = 1; i + 1 < argc; i += 2) {
        if (!strcmp(argv[i], "--jpeg")) read_jpeg(argv[i + 1]);
        else if (!strcmp(argv[i], "--fps")) fps = atof(argv[i + 1]);
    }
    if (!jpeg) return fputs("--jpeg is missing\n", stderr), 2;
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    sigset_t ends;
    sigemptyset(&ends);
    sigaddset(&ends, SIGTERM);
    sigaddset(&ends, SIGINT);
    sigprocmask(SIG_BLOCK, &ends, NULL);
    long period_ns = (long)(1e9 / fps);
    epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    int signals = signalfd(-1, &ends, SFD_CLOEXEC), timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    int listener = listen_anywhere();
    struct itimerspec tick = {{period_ns / 1000000000, period_ns % 1000000000}, {0, 1}};
    timerfd_settime(timer, 0, &tick, NULL);
    on(signals), on(timer), on(listener); /* small numbers: no pointer is that small */
    for (;;) {
        struct epoll_event events[256];
        int count = epoll_wait(epoll_fd, events, 256, -1);
        bool due = false;
        for (int i = 0; i < count; i++) {
            uint64_t which = events[i].data.u64, ticks;
            if (which == (uint64_t)signals) {
                struct rusage u;
                getrusage(RUSAGE_SELF, &u);
                printf("cpu_s %.3f\n", u.ru_utime.tv_sec + u.ru_stime.tv_sec + (u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6);
                return 0;
            }
            if (which == (uint64_t)timer) due = read(timer, &ticks, sizeof ticks) > 0;
            else if (which == (uint64_t)listener) welcome(listener);
            else on_client(events[i].data.ptr, events[i].events);
        }
        if (due) send_frame();
    }
}
