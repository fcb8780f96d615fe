/* Clocks of one program's own: what it asks the C library for the time of is shifted, sped up or slowed
 * down as a file says, in the machine's own order. Preloaded; the file is mapped, so that clocks change
 * while the program runs. The machine's clocks are left as they are.
 *
 * Moments that a program names, of its timers and of what its threads wait for, are the kernel's
 * business: they are told to it by its own clocks. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define SECOND 1000000000LL
#define WHOLE 10000
#define FILES 4096

/* What the next library, mostly the C library, has under the same name. */
#define REAL(name)                                                                                 \
    static __typeof__(&name) real;                                                                 \
    if (!real)                                                                                     \
        *(void **)&real = dlsym(RTLD_NEXT, #name)

enum clock { WALL, MONOTONIC, RAW, BOOTTIME, CLOCKS, NONE = -1 };

static const clockid_t ids[CLOCKS] = {CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_MONOTONIC_RAW,
                                      CLOCK_BOOTTIME};

/* All but the first two in nanoseconds. */
struct control {
    int64_t version; /* odd while the rest is being changed */
    int64_t rate;    /* what all clocks gain, in ten-thousandths */
    int64_t wall;    /* what the wall clock alone is ahead */
    int64_t asleep;  /* what the two clocks that count suspensions are ahead */
    int64_t held;    /* what the two that do not are behind */
    struct {
        int64_t since;  /* when the rate was set, by the machine's */
        int64_t gained; /* up to then */
    } clocks[CLOCKS];
};

static volatile const struct control *control;
static const char *control_path;

__attribute__((constructor)) static void begin(void) {
    const char *path = getenv("BULLY_LAB_CLOCKS");
    int file = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    void *mapped =
        file < 0 ? MAP_FAILED : mmap(0, sizeof *control, PROT_READ, MAP_SHARED, file, 0);
    if (mapped == MAP_FAILED)
        abort();
    close(file);
    control_path = strdup(path);
    control = mapped;
}

/* Beyond what counts, the end of time. */
static int64_t nanoseconds(const struct timespec *time) {
    if (time->tv_sec >= INT64_MAX / SECOND)
        return INT64_MAX;
    return time->tv_sec * SECOND + time->tv_nsec;
}

static struct timespec timespec(int64_t nanoseconds) {
    struct timespec time = {nanoseconds / SECOND, nanoseconds % SECOND};
    return time;
}

static enum clock clock_of(clockid_t id) {
    switch (id) {
    case CLOCK_REALTIME:
    case CLOCK_REALTIME_COARSE:
    case CLOCK_REALTIME_ALARM:
        return WALL;
    case CLOCK_MONOTONIC:
    case CLOCK_MONOTONIC_COARSE:
        return MONOTONIC;
    case CLOCK_MONOTONIC_RAW:
        return RAW;
    case CLOCK_BOOTTIME:
    case CLOCK_BOOTTIME_ALARM:
        return BOOTTIME;
    default:
        return NONE;
    }
}

static int64_t shift(const struct control *by, enum clock clock, int64_t machine) {
    __int128 since = machine - by->clocks[clock].since;
    int64_t shift = by->clocks[clock].gained + (int64_t)(since * by->rate / WHOLE);
    if (clock == WALL)
        shift += by->wall;
    return shift + (clock == WALL || clock == BOOTTIME ? by->asleep : -by->held);
}

struct reading {
    int64_t rate, machine, shown;
};

/* The machine's clock is read while the control stays as it is: else what is shown could go back. */
static struct reading look(enum clock clock) {
    REAL(clock_gettime);
    for (;;) {
        int64_t version = __atomic_load_n(&control->version, __ATOMIC_ACQUIRE);
        struct control by = *control;
        struct timespec now;
        real(ids[clock], &now);
        __atomic_thread_fence(__ATOMIC_ACQUIRE);
        if (version % 2 == 0 && version == __atomic_load_n(&control->version, __ATOMIC_ACQUIRE)) {
            int64_t machine = nanoseconds(&now);
            struct reading reading = {by.rate, machine, machine + shift(&by, clock, machine)};
            return reading;
        }
        sched_yield();
    }
}

/* When the program's clock will be there by the machine's, if it goes on as it does; at once, if it
 * is there. */
static struct timespec moment(enum clock clock, int64_t shown) {
    struct reading now = look(clock);
    __int128 left = (__int128)shown - now.shown, pace = WHOLE + now.rate;
    __int128 moment = now.machine + (left > 0 ? (left * WHOLE + pace - 1) / pace : 0);
    return timespec(moment < INT64_MAX ? (int64_t)moment : INT64_MAX);
}

int clock_gettime(clockid_t id, struct timespec *time) {
    REAL(clock_gettime);
    if (!control || clock_of(id) == NONE)
        return real(id, time);
    *time = timespec(look(clock_of(id)).shown);
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

/* Rust's standard library waits by this call, up to a moment. */
long syscall(long number, ...) {
    REAL(syscall);
    long word[6];
    va_list words;
    va_start(words, number);
    for (int i = 0; i < 6; i++)
        word[i] = va_arg(words, long);
    va_end(words);
    struct timespec until;
    if (control && number == SYS_futex && (word[1] & FUTEX_CMD_MASK) == FUTEX_WAIT_BITSET &&
        word[3]) {
        enum clock clock = word[1] & FUTEX_CLOCK_REALTIME ? WALL : MONOTONIC;
        until = moment(clock, nanoseconds((const struct timespec *)word[3]));
        word[3] = (long)&until;
    }
    return real(number, word[0], word[1], word[2], word[3], word[4], word[5]);
}

/* The timers that were made here, by their files. */
static struct {
    int is_known;
    enum clock clock;
    int64_t due; /* of one that is to ring once, by the program's clock; 0 if there is none */
} timers[FILES];
static pthread_mutex_t turn = PTHREAD_MUTEX_INITIALIZER;

static int arm(int file, int flags, struct timespec interval, int64_t due, struct itimerspec *old) {
    REAL(timerfd_settime);
    struct itimerspec at = {interval, moment(timers[file].clock, due)};
    return real(file, flags | TFD_TIMER_ABSTIME, &at, old);
}

/* Sets those that have not rung for what their moments are now: what is past rings at once, as after
 * a suspension. */
static void arm_again(void) {
    pthread_mutex_lock(&turn);
    for (int file = 0; file < FILES; file++) {
        struct itimerspec left;
        if (!timers[file].due)
            continue;
        /* It may have been closed. */
        if (timerfd_gettime(file, &left) == 0 && nanoseconds(&left.it_value))
            arm(file, 0, left.it_interval, timers[file].due, 0);
        else
            timers[file].due = 0;
    }
    pthread_mutex_unlock(&turn);
}

/* Waits for the control to be written to; where the machine has no watch left, for a moment. */
static void *keep_armed(void *watch) {
    struct timespec pause = {0, 2000000};
    char events[4096];
    for (;;) {
        arm_again();
        if (read((int)(intptr_t)watch, events, sizeof events) < 0)
            nanosleep(&pause, 0);
    }
    return 0;
}

static void begin_to_keep_armed(void) {
    int watch = inotify_init1(IN_CLOEXEC);
    inotify_add_watch(watch, control_path, IN_MODIFY);
    /* Signals are for the program's own threads. */
    sigset_t all, before;
    pthread_t thread;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    if (pthread_create(&thread, 0, keep_armed, (void *)(intptr_t)watch) == 0)
        pthread_detach(thread);
    pthread_sigmask(SIG_SETMASK, &before, 0);
}

int timerfd_create(int id, int flags) {
    REAL(timerfd_create);
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    int file = real(id, flags);
    if (!control || file < 0 || file >= FILES)
        return file;
    pthread_mutex_lock(&turn);
    timers[file].clock = clock_of(id);
    timers[file].is_known = timers[file].clock != NONE;
    timers[file].due = 0;
    pthread_mutex_unlock(&turn);
    pthread_once(&once, begin_to_keep_armed);
    return file;
}

int timerfd_settime(int file, int flags, const struct itimerspec *at, struct itimerspec *old) {
    REAL(timerfd_settime);
    if (file < 0 || file >= FILES)
        return real(file, flags, at, old);
    pthread_mutex_lock(&turn);
    enum clock clock = timers[file].clock;
    int64_t due = nanoseconds(&at->it_value);
    int is_moment = (flags & TFD_TIMER_ABSTIME) != 0, outcome;
    timers[file].due = 0;
    /* A pause of the wall clock's does not follow it. */
    if (timers[file].is_known && due && (is_moment || clock != WALL)) {
        if (!is_moment && __builtin_add_overflow(due, look(clock).shown, &due))
            due = INT64_MAX;
        if (!nanoseconds(&at->it_interval))
            timers[file].due = due;
        outcome = arm(file, flags, at->it_interval, due, old);
    } else {
        outcome = real(file, flags, at, old);
    }
    pthread_mutex_unlock(&turn);
    return outcome;
}
