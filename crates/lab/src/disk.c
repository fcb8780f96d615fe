/* A disk that one program finds slow, full or broken, below one directory: what it asks the C library for
 * takes longer or fails as a file says, in the machine's own order. Preloaded; the file is mapped, so
 * that the disk changes while the program runs. Other files, and other programs, are left alone. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define SECOND 1000000000LL

struct control {
    int64_t stall; /* nanoseconds that each sync takes longer */
    int64_t error; /* what creating, writing, syncing and renaming fail with; 0 for nothing */
    int64_t syncs; /* how many were asked for */
};

static volatile struct control *control;
static const char *directory;

__attribute__((constructor)) static void begin(void) {
    const char *path = getenv("BULLY_LAB_DISK");
    int file = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
    void *mapped = file < 0 ? MAP_FAILED
                            : mmap(0, sizeof *control, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    directory = getenv("BULLY_LAB_DISK_OF");
    if (mapped == MAP_FAILED || !directory)
        abort();
    close(file);
    control = mapped;
}

static int is_below(const char *path) {
    return control && path && strncmp(path, directory, strlen(directory)) == 0;
}

static int is_file_below(int file) {
    char link[64], path[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0)
        return 0;
    path[length] = 0;
    return is_below(path);
}

/* Fails as it is to, if it is. */
static int is_broken(void) {
    if (control->error)
        errno = (int)control->error;
    return control->error != 0;
}

static int64_t now(void) {
    struct timespec time;
    syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &time);
    return time.tv_sec * SECOND + time.tv_nsec;
}

/* Looks again and again: a stall that is taken back ends for those under way, too. */
static void stall(void) {
    struct timespec moment = {0, 1000000};
    int64_t start = now();
    while (now() - start < control->stall)
        nanosleep(&moment, 0);
}

static int sync_file(long call, int file) {
    if (is_file_below(file)) {
        __sync_fetch_and_add(&control->syncs, 1);
        stall();
        if (is_broken())
            return -1;
    }
    return (int)syscall(call, file);
}

int fsync(int file) { return sync_file(SYS_fsync, file); }

int fdatasync(int file) { return sync_file(SYS_fdatasync, file); }

static int open_file(int at, const char *path, int flags, mode_t mode) {
    if (flags & O_CREAT && is_below(path) && is_broken())
        return -1;
    return (int)syscall(SYS_openat, at, path, flags, mode);
}

#define MODE(flags, mode)                                                                          \
    mode_t mode = 0;                                                                               \
    if ((flags) & O_CREAT) {                                                                       \
        va_list more;                                                                              \
        va_start(more, flags);                                                                     \
        mode = va_arg(more, mode_t);                                                               \
        va_end(more);                                                                              \
    }

int open(const char *path, int flags, ...) {
    MODE(flags, mode)
    return open_file(AT_FDCWD, path, flags, mode);
}

int open64(const char *path, int flags, ...) {
    MODE(flags, mode)
    return open_file(AT_FDCWD, path, flags, mode);
}

int openat(int at, const char *path, int flags, ...) {
    MODE(flags, mode)
    return open_file(at, path, flags, mode);
}

int openat64(int at, const char *path, int flags, ...) {
    MODE(flags, mode)
    return open_file(at, path, flags, mode);
}

ssize_t write(int file, const void *bytes, size_t length) {
    if (control && control->error && is_file_below(file) && is_broken())
        return -1;
    return syscall(SYS_write, file, bytes, length);
}

ssize_t writev(int file, const struct iovec *parts, int count) {
    if (control && control->error && is_file_below(file) && is_broken())
        return -1;
    return syscall(SYS_writev, file, parts, count);
}

int rename(const char *from, const char *to) {
    if (is_below(to) && is_broken())
        return -1;
    return (int)syscall(SYS_renameat, AT_FDCWD, from, AT_FDCWD, to);
}

int renameat(int from_at, const char *from, int to_at, const char *to) {
    if (is_below(to) && is_broken())
        return -1;
    return (int)syscall(SYS_renameat, from_at, from, to_at, to);
}

int mkdir(const char *path, mode_t mode) {
    if (is_below(path) && is_broken())
        return -1;
    return (int)syscall(SYS_mkdirat, AT_FDCWD, path, mode);
}
