/* Clocks of one program's own: what it asks the C library for the time of is shifted, sped up or slowed
 * down as a file says, in the machine's own order. Preloaded; the file is mapped, so that clocks change
 * while the program runs. The machine's clocks are left as they are. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define SECOND 1000000000LL
#define WHOLE 10000
#define FILES 4096

/* Written between two steps of `version`, which is odd meanwhile. All else is in nanoseconds. */
struct control {
    int64_t version;
    int64_t wall;   /* the wall clock alone */
    int64_t asleep; /* the wall clock and that which counts suspensions */
    int64_t drift;  /* all, up to `since` */
    int64_t since;  /* of the machine's MONOTONIC */
    int64_t rate;   /* from then on, in ten-thousandths */
};

static volatile const struct control *control;
static volatile clockid_t timers[FILES];

__attribute__((constructor)) static void begin(void) {
    const char *path = getenv("BULLY_LAB_CLOCKS");
    int file = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    void *mapped =
        file < 0 ? MAP_FAILED : mmap(0, sizeof *control, PROT_READ, MAP_SHARED, file, 0);
    if (mapped == MAP_FAILED)
        abort();
    control = mapped;
    close(file);
}

static int64_t machine(clockid_t clock) {
    struct timespec now;
    syscall(SYS_clock_gettime, clock, &now);
    return now.tv_sec * SECOND + now.tv_nsec;
}

static struct control read_control(void) {
    struct control now;
    do {
        now = *(const struct control *)control;
        __sync_synchronize();
    } while (now.version % 2 || now.version != control->version);
    return now;
}

static int is_wall(clockid_t clock) {
    return clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE;
}

static int is_clock(clockid_t clock) {
    return is_wall(clock) || clock == CLOCK_MONOTONIC || clock == CLOCK_MONOTONIC_RAW ||
           clock == CLOCK_MONOTONIC_COARSE || clock == CLOCK_BOOTTIME;
}

static int64_t shift(clockid_t clock, const struct control *now) {
    int64_t since = machine(CLOCK_MONOTONIC) - now->since;
    int64_t shift = now->drift + since / WHOLE * now->rate;
    if (is_wall(clock))
        shift += now->wall;
    if (is_wall(clock) || clock == CLOCK_BOOTTIME)
        shift += now->asleep;
    return shift;
}

int clock_gettime(clockid_t clock, struct timespec *time) {
    if (syscall(SYS_clock_gettime, clock, time) != 0)
        return -1;
    if (control && is_clock(clock)) {
        struct control now = read_control();
        int64_t at = time->tv_sec * SECOND + time->tv_nsec + shift(clock, &now);
        time->tv_sec = at / SECOND;
        time->tv_nsec = at % SECOND;
    }
    return 0;
}

int gettimeofday(struct timeval *restrict time, void *restrict zone) {
    struct timespec now;
    (void)zone;
    clock_gettime(CLOCK_REALTIME, &now);
    time->tv_sec = now.tv_sec;
    time->tv_usec = now.tv_nsec / 1000;
    return 0;
}

time_t time(time_t *to) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (to)
        *to = now.tv_sec;
    return now.tv_sec;
}

int timerfd_create(int clock, int flags) {
    int file = syscall(SYS_timerfd_create, clock, flags);
    if (file >= 0 && file < FILES)
        timers[file] = clock + 1;
    return file;
}

/* A timer is the kernel's: it is set for the moment at which the program's clock will be there, if
 * that goes on as it does. */
int timerfd_settime(int file, int flags, const struct itimerspec *at, struct itimerspec *old) {
    struct itimerspec there = *at;
    int64_t wanted = at->it_value.tv_sec * SECOND + at->it_value.tv_nsec;
    if (control && wanted && file < FILES && timers[file] && flags & TFD_TIMER_ABSTIME) {
        clockid_t clock = timers[file] - 1;
        struct control now = read_control();
        int64_t here = machine(clock);
        int64_t left = wanted - here - shift(clock, &now);
        int64_t moment = here + (left > 0 ? left / (WHOLE + now.rate) * WHOLE : 0);
        there.it_value.tv_sec = moment / SECOND;
        there.it_value.tv_nsec = moment % SECOND;
    }
    return syscall(SYS_timerfd_settime, file, flags, &there, old);
}
