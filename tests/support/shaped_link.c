/* A cable between two network namespaces: delay, loss and rate, packet by packet, both ways.
 *
 *     shaped_link NAMESPACE_A NAMESPACE_B INTERFACE      (a TUN interface of that name in each)
 *
 * Standard input: a line "DELAY_US LOSS_PPM RATE_KBIT" (rate 0: without limit) holds from then on, its end ends
 * the cable. Standard output: "ready" once, and "ok" after each line. tests/support/namespaces.py starts it.
 *
 * What tc-netem(8) does, for kernels without sch_netem; and other than netem on a veth pair, which sees
 * super-packets of up to 64 kB (GSO) and loses them whole, this one gets and loses packets of the MTU's size.
 */

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <poll.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

enum { MTU = 1500, PLACES = 1000, BURST = 64 }; /* PLACES: as many packets as netem holds by default */

struct packet { uint64_t due_ns; unsigned size; char bytes[MTU]; };

struct way { /* one direction */
    int from, to;
    uint64_t free_ns; /* when the line has sent what it was given */
    unsigned first, count;
    struct packet packets[PLACES];
};

static struct { uint64_t delay_ns, loss_ppm, rate_kbit; } shape;
static struct way ways[2];
static uint64_t dice = 88172645463325252u; /* xorshift64: the same losses in every run */

static void die(const char *what)
{
    fprintf(stderr, "shaped_link: %s: %s\n", what, strerror(errno));
    exit(1);
}

static uint64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static int lost(void)
{
    dice ^= dice << 13, dice ^= dice >> 7, dice ^= dice << 17;
    return dice % 1000000u < shape.loss_ppm;
}

static int open_end(const char *namespace, const char *interface)
{
    char path[256];
    snprintf(path, sizeof path, "/run/netns/%s", namespace);
    int space = open(path, O_RDONLY | O_CLOEXEC);
    if (space < 0 || setns(space, CLONE_NEWNET) != 0)
        die(path);
    close(space);
    int end = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
    struct ifreq request = {.ifr_flags = IFF_TUN | IFF_NO_PI};
    strncpy(request.ifr_name, interface, IFNAMSIZ - 1);
    if (end < 0 || ioctl(end, TUNSETIFF, &request) != 0)
        die("/dev/net/tun");
    return end;
}

static void take(struct way *way)
{
    char beside[MTU];
    for (int taken = 0; taken < BURST; taken++) {
        int full = way->count == PLACES;
        struct packet *packet = &way->packets[(way->first + way->count) % PLACES];
        ssize_t size = read(way->from, full ? beside : packet->bytes, MTU);
        if (size <= 0) /* nothing there, or the interface is down */
            return;
        uint64_t now = now_ns();
        if (full || lost())
            continue;
        uint64_t start = way->free_ns > now ? way->free_ns : now;
        way->free_ns = start + (shape.rate_kbit ? (uint64_t)size * 8000000u / shape.rate_kbit : 0);
        packet->due_ns = way->free_ns + shape.delay_ns;
        packet->size = (unsigned)size;
        way->count++;
    }
}

static uint64_t give(struct way *way) /* returns when the next one is due */
{
    for (; way->count > 0; way->first = (way->first + 1) % PLACES, way->count--) {
        struct packet *packet = &way->packets[way->first];
        if (packet->due_ns > now_ns())
            return packet->due_ns;
        if (write(way->to, packet->bytes, packet->size) < 0 && errno != EIO)
            die("write"); /* EIO: that end is down, as if nobody were there */
    }
    return UINT64_MAX;
}

static int obey(void) /* returns 0 at the end of the input */
{
    static char line[128];
    if (fgets(line, sizeof line, stdin) == NULL)
        return 0;
    unsigned long long delay_us, loss_ppm, rate_kbit;
    if (sscanf(line, "%llu %llu %llu", &delay_us, &loss_ppm, &rate_kbit) != 3) {
        errno = EINVAL;
        die(line);
    }
    shape.delay_ns = delay_us * 1000, shape.loss_ppm = loss_ppm, shape.rate_kbit = rate_kbit;
    puts("ok");
    return 1;
}

int main(int argc, char **argv)
{
    if (argc != 4) {
        fprintf(stderr, "usage: shaped_link NAMESPACE_A NAMESPACE_B INTERFACE\n");
        return 2;
    }
    prctl(PR_SET_TIMERSLACK, 1UL);
    setvbuf(stdin, NULL, _IONBF, 0);
    setvbuf(stdout, NULL, _IOLBF, 0);
    ways[0].from = ways[1].to = open_end(argv[1], argv[3]);
    ways[1].from = ways[0].to = open_end(argv[2], argv[3]);
    puts("ready");
    struct pollfd ends[3] = {{.fd = 0, .events = POLLIN}, {.fd = ways[0].from, .events = POLLIN},
                             {.fd = ways[1].from, .events = POLLIN}};
    for (;;) {
        uint64_t next = give(&ways[0]), other = give(&ways[1]), now = now_ns();
        next = next < other ? next : other;
        uint64_t rest = next > now ? next - now : 0;
        struct timespec wait = {.tv_sec = (time_t)(rest / 1000000000u), .tv_nsec = (long)(rest % 1000000000u)};
        if (ppoll(ends, 3, next == UINT64_MAX ? NULL : &wait, NULL) < 0 && errno != EINTR)
            die("ppoll");
        if (ends[0].revents && !obey())
            return 0;
        for (int way = 0; way < 2; way++)
            if (ends[1 + way].revents)
                take(&ways[way]);
    }
}
