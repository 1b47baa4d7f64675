/* Load client: many MJPEG streams in one thread, cheap enough not to be what is measured.
 *
 *     load_client --port 8000 --warmup 2 --seconds 8 \
 *         --group name=fast,clients=50,path=/stream/video/shm \
 *         --group name=slow,clients=5,rate=100000,path=/stream/video/shm
 *
 * Keys of a group: name, clients, rate (bytes per second a client reads, 0: all there is),
 * rcvbuf (bytes, 0: the kernel's choice), copy (1: payload is copied to memory, 0: dropped in the
 * kernel by MSG_TRUNC) and, last, path. All connections are opened at once, without blocking; each
 * request is sent the moment its connection stands, while the others are read already.
 *
 * The measured window begins `warmup` seconds after the last client had its first part (at most
 * --connect seconds after the start) and takes `seconds`. The program writes the lines "begin" and
 * "end" at its borders, so that a parent can read the servers' CPU at the same moments, then one
 * line of JSON. Clients that read slowly are read by a timer, in small steps; the others by epoll.
 *
 * A part counts when its last byte has been read inside the window. Its age is CLOCK_REALTIME then
 * minus its X-Timestamp; "age_first" is taken when its first byte was read, so that the time of the
 * transfer is not in it. A part with the number and epoch of the one before is a repeat, one with
 * X-Online: 0 a blank; neither counts as a frame. Numbers left out within an epoch are skipped.
 *
 * After each look at its sockets it rests for --rest microseconds (200). A receiver that sleeps in
 * epoll_wait is woken by the sender, and on one machine the sender's CPU pays for it: a bare loop of
 * send() to 300 clients took 0.51 core when it was a little slower than the client, which then slept
 * before every part, and 0.32 when it was a little faster. Over a network nobody pays. A client that
 * rests is never woken, so servers are compared by what they do; ages are up to 0.25 ms higher.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

enum { HEAD_BYTES = 4096, PEEK_BYTES = 512, BIN_US = 50, BINS = 400000, MAX_GROUPS = 16, STEPS = 16 };
enum { TICK_MS = 5, BURST_TICKS = 4, SCRATCH_BYTES = 1 << 20, READS_PER_TURN = 64 };

struct histogram { /* microseconds, in bins of BIN_US; the last bin is 20 s and more */
    uint32_t *bins;
    uint64_t count;
    double max_us;
};

struct group {
    char name[32], path[512];
    int clients, first;
    long rate, rcvbuf;
    bool copy;
    struct histogram age, age_first, gap;
    uint64_t steps[STEPS]; /* how often a part's number was so much higher than the last one's */
    char quality[16];      /* X-Quality of the newest part of any client */
};

struct client {
    int fd;
    struct group *group;
    bool connected, answered, blank, repeat, measured, closed;
    char head[HEAD_BYTES];
    int head_bytes;
    int64_t remaining, budget;
    uint64_t number, epoch, frames, bytes, parts, skipped, repeats, blanks;
    int64_t captured_us, first_us, arrived_us;
    char quality[16];
};

static struct group groups[MAX_GROUPS];
static struct client *clients;
static int group_count, client_count, answered, closed_by_server, connect_errors, bad_parts, bad_answers;
static bool measuring;
static int epoll_fd;
static char scratch[SCRATCH_BYTES];
static struct sockaddr_in server;

static int64_t now_us(clockid_t clock) {
    struct timespec t;
    clock_gettime(clock, &t);
    return t.tv_sec * 1000000LL + t.tv_nsec / 1000;
}

static void die(const char *what) {
    perror(what);
    exit(1);
}

static void count_in(struct histogram *h, int64_t us) {
    int64_t bin = us < 0 ? 0 : us / BIN_US;
    h->bins[bin < BINS ? bin : BINS - 1]++;
    if (us > h->max_us || !h->count) h->max_us = us;
    h->count++;
}

static double percentile_ms(const struct histogram *h, double percent) {
    uint64_t wanted = (uint64_t)(h->count * percent / 100.0), seen = 0;
    for (int bin = 0; bin < BINS; bin++) {
        seen += h->bins[bin];
        if (seen > wanted) return (bin + 0.5) * BIN_US / 1000.0;
    }
    return h->max_us / 1000.0;
}

static void lose(struct client *c) {
    if (c->closed) return;
    close(c->fd);
    c->closed = true;
    closed_by_server++;
}

/* The value of a header line, or NULL; head ends with an empty line and a zero byte. */
static const char *value_of(const char *head, const char *name) {
    size_t length = strlen(name);
    for (const char *line = head; line && *line; line = strchr(line, '\n'), line = line ? line + 1 : NULL)
        if (!strncasecmp(line, name, length) && line[length] == ':') return line + length + 1 + strspn(line + length + 1, " ");
    return NULL;
}

static void part_begins(struct client *c) {
    const char *length = value_of(c->head, "Content-Length"), *stamp = value_of(c->head, "X-Timestamp");
    const char *number = value_of(c->head, "X-Frame-Number"), *epoch = value_of(c->head, "X-Epoch");
    const char *online = value_of(c->head, "X-Online"), *quality = value_of(c->head, "X-Quality");
    if (!length || !stamp) {
        bad_parts++;
        lose(c);
        return;
    }
    uint64_t new_number = number ? strtoull(number, NULL, 10) : c->number + 1;
    uint64_t new_epoch = epoch ? strtoull(epoch, NULL, 10) : 0;
    char *micros;
    int64_t whole = strtoll(stamp, &micros, 10), fraction = 0, unit = 100000;
    for (micros += *micros == '.'; *micros >= '0' && *micros <= '9' && unit; micros++, unit /= 10) fraction += (*micros - '0') * unit;
    c->captured_us = whole * 1000000 + fraction;
    c->blank = online && *online == '0';
    c->repeat = c->parts && new_number == c->number && new_epoch == c->epoch;
    if (measuring && c->parts && !c->repeat && new_epoch == c->epoch && new_number > c->number) {
        uint64_t step = new_number - c->number;
        c->skipped += step - 1;
        c->group->steps[step < STEPS ? step : STEPS - 1]++;
    }
    if (quality) snprintf(c->quality, sizeof c->quality, "%.*s", (int)strcspn(quality, "\r\n"), quality);
    c->number = new_number;
    c->epoch = new_epoch;
    c->remaining = strtoll(length, NULL, 10);
}

static void part_ends(struct client *c) {
    int64_t now = now_us(CLOCK_REALTIME), before = c->arrived_us;
    c->parts++;
    c->head_bytes = 0;
    c->arrived_us = now;
    if (c->parts == 1) answered++;
    if (!measuring) return;
    if (c->blank || c->repeat) {
        c->blanks += c->blank;
        c->repeats += c->repeat;
        return;
    }
    c->frames++;
    count_in(&c->group->age, now - c->captured_us);
    count_in(&c->group->age_first, c->first_us - c->captured_us);
    if (c->measured) count_in(&c->group->gap, now - before);
    c->measured = true;
}

/* Take payload; what was peeked of it together with the headers is `count` bytes long. */
static void payload(struct client *c, int64_t count) {
    c->remaining -= count;
    if (c->remaining == 0) part_ends(c);
}

/* Look for the end of the headers in what has been read; the answer's own headers come first. */
static void parse(struct client *c) {
    while (!c->closed && c->head_bytes > 0) {
        c->head[c->head_bytes] = 0;
        char *start = c->head;
        while (c->answered && (*start == '\r' || *start == '\n')) start++; /* the end of the last part */
        char *end = strstr(start, "\r\n\r\n");
        if (!end) {
            if (c->head_bytes >= HEAD_BYTES - PEEK_BYTES - 1) bad_parts++, lose(c);
            return;
        }
        int used = end + 4 - c->head, rest = c->head_bytes - used;
        end[2] = 0;
        if (!c->answered) {
            if (strncmp(c->head + 8, " 200", 4)) bad_answers++, lose(c);
            c->answered = true;
        } else if (c->first_us = now_us(CLOCK_REALTIME), part_begins(c), c->closed) {
            return;
        }
        memmove(c->head, c->head + used, rest);
        c->head_bytes = rest;
        if (!c->remaining) continue;
        int64_t taken = rest < c->remaining ? rest : c->remaining;
        memmove(c->head, c->head + taken, rest - taken);
        c->remaining -= taken;
        int left = rest - taken;
        if (!c->remaining) part_ends(c), c->head_bytes = left;
        else c->head_bytes = 0;
    }
}

/* One read of at most `limit` bytes: headers into c->head, payload dropped or copied.
 * Returns what was read, 0 when nothing more is there now, -1 when the connection is over. */
static int64_t read_once(struct client *c, int64_t limit) {
    ssize_t count;
    int64_t wanted;
    if (c->remaining) {
        wanted = c->remaining < limit ? c->remaining : limit;
        if (c->group->copy && wanted > SCRATCH_BYTES) wanted = SCRATCH_BYTES;
        count = recv(c->fd, c->group->copy ? scratch : NULL, wanted, c->group->copy ? 0 : MSG_TRUNC);
    } else {
        wanted = PEEK_BYTES < limit ? PEEK_BYTES : limit;
        count = recv(c->fd, c->head + c->head_bytes, wanted, 0);
    }
    if (count < 0 && (errno == EAGAIN || errno == EINTR)) return 0;
    if (count <= 0) {
        lose(c);
        return -1;
    }
    if (measuring) c->bytes += count;
    if (c->remaining) payload(c, count);
    else c->head_bytes += count, parse(c);
    return count < wanted ? 0 : count;
}

static void say_hello(struct client *c) {
    char request[700];
    int error = 0;
    socklen_t size = sizeof error;
    getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &size);
    int length = snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n", c->group->path);
    if (error || send(c->fd, request, length, MSG_NOSIGNAL) != length) {
        connect_errors++;
        lose(c);
        return;
    }
    c->connected = true;
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};
    epoll_ctl(epoll_fd, c->group->rate ? EPOLL_CTL_DEL : EPOLL_CTL_MOD, c->fd, &event);
}

static void open_client(struct client *c) {
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (c->fd < 0) die("socket");
    int bytes = c->group->rcvbuf;
    if (bytes && setsockopt(c->fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes)) die("SO_RCVBUF");
    if (connect(c->fd, (struct sockaddr *)&server, sizeof server) && errno != EINPROGRESS) {
        connect_errors++;
        lose(c);
        return;
    }
    struct epoll_event event = {.events = EPOLLOUT, .data.ptr = c};
    if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, c->fd, &event)) die("epoll_ctl");
}

/* Every TICK_MS: give each slow client its share, and let it read so much at once. */
static void read_slowly(void) {
    for (struct client *c = clients; c < clients + client_count; c++) {
        if (!c->group || !c->group->rate || !c->connected || c->closed) continue;
        int64_t share = c->group->rate * TICK_MS / 1000;
        c->budget += share;
        if (c->budget > share * BURST_TICKS) c->budget = share * BURST_TICKS;
        while (c->budget > 0) {
            int64_t before = c->budget, count = read_once(c, c->budget);
            if (count <= 0) break;
            c->budget = before - count;
        }
    }
}

static void on_event(struct client *c, uint32_t events) {
    if (c->closed) return;
    if (!c->connected) {
        say_hello(c);
        return;
    }
    for (int reads = 0; events && reads < READS_PER_TURN && read_once(c, INT32_MAX) > 0; reads++) {
    }
}

static useconds_t rest_us = 200;

static void turn_until(int64_t end_us, bool until_all_answered, int timer_fd) {
    struct epoll_event events[256];
    for (;;) {
        int64_t left_us = end_us - now_us(CLOCK_MONOTONIC);
        if (left_us <= 0 || (until_all_answered && answered + closed_by_server >= client_count)) return;
        if (rest_us) usleep(rest_us);
        int count = epoll_wait(epoll_fd, events, 256, (left_us + 999) / 1000);
        for (int i = 0; i < count; i++) {
            if (events[i].data.ptr) {
                on_event(events[i].data.ptr, events[i].events);
                continue;
            }
            uint64_t ticks;
            if (read(timer_fd, &ticks, sizeof ticks) > 0)
                for (uint64_t tick = 0; tick < ticks && tick < BURST_TICKS; tick++) read_slowly();
        }
    }
}

static void parse_group(char *text) {
    if (group_count == MAX_GROUPS) die("too many groups");
    struct group *g = &groups[group_count++];
    *g = (struct group){.name = "all", .clients = 1};
    while (text) {
        char *next = strncmp(text, "path=", 5) ? strchr(text, ',') : NULL, *value = strchr(text, '=');
        if (next) *next++ = 0;
        if (!value) exit((fprintf(stderr, "not key=value: %s\n", text), 2));
        *value++ = 0;
        if (!strcmp(text, "name")) snprintf(g->name, sizeof g->name, "%s", value);
        else if (!strcmp(text, "path")) snprintf(g->path, sizeof g->path, "%s", value);
        else if (!strcmp(text, "clients")) g->clients = atoi(value);
        else if (!strcmp(text, "rate")) g->rate = atol(value);
        else if (!strcmp(text, "rcvbuf")) g->rcvbuf = atol(value);
        else if (!strcmp(text, "copy")) g->copy = atoi(value);
        else exit((fprintf(stderr, "unknown key: %s\n", text), 2));
        text = next;
    }
    g->age.bins = calloc(BINS, sizeof(uint32_t));
    g->age_first.bins = calloc(BINS, sizeof(uint32_t));
    g->gap.bins = calloc(BINS, sizeof(uint32_t));
}

static void print_histogram(const char *name, const struct histogram *h) {
    if (!h->count) printf(",\"%s\":null", name);
    else
        printf(",\"%s\":{\"count\":%lu,\"p1\":%.2f,\"p50\":%.2f,\"p95\":%.2f,\"p99\":%.2f,\"max\":%.2f}", name, h->count,
               percentile_ms(h, 1), percentile_ms(h, 50), percentile_ms(h, 95), percentile_ms(h, 99), h->max_us / 1000);
}

static void print_list(const char *name, struct group *g, size_t offset) {
    printf(",\"%s\":[", name);
    for (int i = 0; i < g->clients; i++) printf("%s%lu", i ? "," : "", *(uint64_t *)((char *)&clients[g->first + i] + offset));
    printf("]");
}

static void print_group(struct group *g) {
    printf("{\"name\":\"%s\",\"clients\":%d,\"path\":\"%s\",\"rate\":%ld,\"copy\":%s", g->name, g->clients, g->path, g->rate,
           g->copy ? "true" : "false");
    print_list("frames", g, offsetof(struct client, frames));
    print_list("bytes", g, offsetof(struct client, bytes));
    print_list("skipped", g, offsetof(struct client, skipped));
    print_list("repeats", g, offsetof(struct client, repeats));
    print_list("blanks", g, offsetof(struct client, blanks));
    print_histogram("age_ms", &g->age);
    print_histogram("age_first_ms", &g->age_first);
    print_histogram("gap_ms", &g->gap);
    printf(",\"number_steps\":[");
    for (int i = 0; i < STEPS; i++) printf("%s%lu", i ? "," : "", g->steps[i]);
    printf("],\"quality\":[");
    for (int i = 0; i < g->clients; i++) printf("%s\"%s\"", i ? "," : "", clients[g->first + i].quality);
    printf("]}");
}

static double cpu_s(void) {
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return u.ru_utime.tv_sec + u.ru_stime.tv_sec + (u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

int main(int argc, char **argv) {
    double warmup_s = 2, seconds = 8, connect_s = 20;
    server = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    for (int i = 1; i + 1 < argc; i += 2) {
        char *value = argv[i + 1];
        if (!strcmp(argv[i], "--port")) server.sin_port = htons(atoi(value));
        else if (!strcmp(argv[i], "--host")) inet_pton(AF_INET, value, &server.sin_addr);
        else if (!strcmp(argv[i], "--warmup")) warmup_s = atof(value);
        else if (!strcmp(argv[i], "--seconds")) seconds = atof(value);
        else if (!strcmp(argv[i], "--connect")) connect_s = atof(value);
        else if (!strcmp(argv[i], "--rest")) rest_us = atoi(value);
        else if (!strcmp(argv[i], "--group")) parse_group(value);
        else return fprintf(stderr, "unknown option %s\n", argv[i]), 2;
    }
    prctl(PR_SET_TIMERSLACK, 1UL); /* rests are as short as said */
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    for (int i = 0; i < group_count; i++) groups[i].first = client_count, client_count += groups[i].clients;
    clients = calloc(client_count ? client_count : 1, sizeof *clients);
    epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    int timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    struct itimerspec tick = {{0, TICK_MS * 1000000}, {0, TICK_MS * 1000000}};
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL};
    bool slow = false;
    for (int i = 0; i < group_count; i++) slow |= groups[i].rate > 0;
    if (slow && (timerfd_settime(timer_fd, 0, &tick, NULL) || epoll_ctl(epoll_fd, EPOLL_CTL_ADD, timer_fd, &event))) die("timerfd");
    int64_t start = now_us(CLOCK_MONOTONIC);
    for (int i = 0; i < group_count; i++)
        for (int j = 0; j < groups[i].clients; j++) {
            clients[groups[i].first + j].group = &groups[i];
            open_client(&clients[groups[i].first + j]);
            if (j % 32 == 31) turn_until(now_us(CLOCK_MONOTONIC) + 2000, false, timer_fd);
        }
    turn_until(start + (int64_t)(connect_s * 1e6), true, timer_fd);
    double connected_s = (now_us(CLOCK_MONOTONIC) - start) / 1e6;
    int late = client_count - answered;
    turn_until(now_us(CLOCK_MONOTONIC) + (int64_t)(warmup_s * 1e6), false, timer_fd);
    puts("begin");
    fflush(stdout);
    measuring = true;
    double cpu_before_s = cpu_s();
    int64_t begin = now_us(CLOCK_MONOTONIC);
    turn_until(begin + (int64_t)(seconds * 1e6), false, timer_fd);
    double window_s = (now_us(CLOCK_MONOTONIC) - begin) / 1e6, cpu_used_s = cpu_s() - cpu_before_s;
    puts("end");
    printf("{\"window_s\":%.4f,\"cpu_cores\":%.4f,\"connected_s\":%.2f,\"late\":%d,\"closed_by_server\":%d,\"connect_errors\":%d,"
           "\"bad_answers\":%d,\"bad_parts\":%d,\"groups\":[",
           window_s, cpu_used_s / window_s, connected_s, late, closed_by_server, connect_errors, bad_answers, bad_parts);
    for (int i = 0; i < group_count; i++) {
        if (i) printf(",");
        print_group(&groups[i]);
    }
    printf("]}\n");
    return 0;
}
