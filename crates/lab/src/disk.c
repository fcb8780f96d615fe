/* A disk that one program finds slow, full or broken, below one directory: what it asks the C library for
 * takes longer or fails as a file says, in the machine's own order. Preloaded; the file is mapped, so
 * that the disk changes while the program runs. Other files, and other programs, are left alone. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
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

/* What the next library, mostly the C library, has under the same name. */
#define REAL(name)                                                                                 \
    static __typeof__(&name) real;                                                                 \
    if (!real)                                                                                     \
        *(void **)&real = dlsym(RTLD_NEXT, #name)

struct control {
    int64_t stall; /* nanoseconds that each sync takes longer */
    int64_t error; /* what creating, writing, syncing and renaming fail with; 0 for nothing */
    int64_t syncs; /* how many were asked for */
};

static volatile struct control *control;
static const char *directory;

__attribute__((constructor)) static void begin(void) {
    const char *path = getenv("BULLY_LAB_DISK");
    int file = path ? (int)syscall(SYS_openat, AT_FDCWD, path, O_RDWR | O_CLOEXEC) : -1;
    void *mapped = file < 0 ? MAP_FAILED
                            : mmap(0, sizeof *control, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    const char *of = getenv("BULLY_LAB_DISK_OF");
    if (mapped == MAP_FAILED || !of)
        abort();
    close(file);
    directory = strdup(of);
    control = mapped;
}

/* Whether an open file is the directory or below it, by the kernel's own name for it: a pipe has none
 * that looks like a path. */
static int is_below(int file) {
    char link[64], path[PATH_MAX], whole[PATH_MAX];
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0 || !realpath(directory, whole))
        return 0;
    path[length] = 0;
    size_t above = strlen(whole);
    return strncmp(path, whole, above) == 0 && (path[above] == 0 || path[above] == '/');
}

/* Whether an entry with that name belongs to the directory or to one below it. */
static int is_entry_below(int at, const char *path) {
    char above[PATH_MAX];
    size_t length = strlen(path);
    if (length + 2 > sizeof above)
        return 0;
    while (length && path[length - 1] == '/')
        length--;
    while (length && path[length - 1] != '/')
        length--;
    memcpy(above, path, length);
    above[length] = '.';
    above[length + 1] = 0;
    int file = (int)syscall(SYS_openat, at, above, O_PATH | O_DIRECTORY | O_CLOEXEC);
    int is = file >= 0 && is_below(file);
    if (file >= 0)
        close(file);
    return is;
}

/* The disk may be looked at for an answer: the program's errno is left as it was. */
#define ASK(question)                                                                              \
    ({                                                                                             \
        int before = errno;                                                                        \
        int answer = control && control->error && (question);                                      \
        errno = before;                                                                            \
        answer;                                                                                    \
    })

/* The error may have been taken back meanwhile; then this time it is EIO. */
#define FAIL_IF(question)                                                                          \
    if (ASK(question)) {                                                                           \
        int error = (int)control->error;                                                           \
        errno = error ? error : EIO;                                                               \
        return -1;                                                                                 \
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

/* Counted first: who waits for a sync to begin sees it stall. */
static void before_sync(int file) {
    int before = errno;
    if (control && is_below(file)) {
        __atomic_fetch_add(&control->syncs, 1, __ATOMIC_SEQ_CST);
        stall();
    }
    errno = before;
}

#define SYNC(name)                                                                                 \
    int name(int file) {                                                                           \
        REAL(name);                                                                                \
        before_sync(file);                                                                         \
        FAIL_IF(is_below(file))                                                                    \
        return real(file);                                                                         \
    }

SYNC(fsync)
SYNC(fdatasync)
SYNC(syncfs)

/* A full disk has what is there already. */
static int is_creation(int at, const char *path, int flags) {
    if (!(flags & O_CREAT) || !is_entry_below(at, path))
        return 0;
    return control->error != ENOSPC || syscall(SYS_faccessat, at, path, F_OK) != 0;
}

#define MODE(flags, mode)                                                                          \
    mode_t mode = 0;                                                                               \
    if ((flags) & (O_CREAT | O_TMPFILE)) {                                                                    \
        va_list more;                                                                              \
        va_start(more, flags);                                                                     \
        mode = va_arg(more, mode_t);                                                               \
        va_end(more);                                                                              \
    }

#define OPEN(name)                                                                                 \
    int name(const char *path, int flags, ...) {                                                   \
        REAL(name);                                                                                \
        MODE(flags, mode)                                                                          \
        FAIL_IF(is_creation(AT_FDCWD, path, flags))                                                \
        return real(path, flags, mode);                                                            \
    }

#define OPENAT(name)                                                                               \
    int name(int at, const char *path, int flags, ...) {                                           \
        REAL(name);                                                                                \
        MODE(flags, mode)                                                                          \
        FAIL_IF(is_creation(at, path, flags))                                                      \
        return real(at, path, flags, mode);                                                        \
    }

#define CREAT(name)                                                                                \
    int name(const char *path, mode_t mode) {                                                      \
        REAL(name);                                                                                \
        FAIL_IF(is_creation(AT_FDCWD, path, O_CREAT))                                              \
        return real(path, mode);                                                                   \
    }

OPEN(open)
OPEN(open64)
OPENAT(openat)
OPENAT(openat64)
CREAT(creat)
CREAT(creat64)

ssize_t write(int file, const void *bytes, size_t length) {
    REAL(write);
    FAIL_IF(is_below(file))
    return real(file, bytes, length);
}

ssize_t writev(int file, const struct iovec *parts, int count) {
    REAL(writev);
    FAIL_IF(is_below(file))
    return real(file, parts, count);
}

#define WRITE_AT(name, offset)                                                                     \
    ssize_t name(int file, const void *bytes, size_t length, offset place) {                       \
        REAL(name);                                                                                \
        FAIL_IF(is_below(file))                                                                    \
        return real(file, bytes, length, place);                                                   \
    }

#define WRITE_PARTS_AT(name, offset)                                                               \
    ssize_t name(int file, const struct iovec *parts, int count, offset place) {                   \
        REAL(name);                                                                                \
        FAIL_IF(is_below(file))                                                                    \
        return real(file, parts, count, place);                                                    \
    }

WRITE_AT(pwrite, off_t)
WRITE_AT(pwrite64, off64_t)
WRITE_PARTS_AT(pwritev, off_t)
WRITE_PARTS_AT(pwritev64, off64_t)

int rename(const char *from, const char *to) {
    REAL(rename);
    FAIL_IF(is_entry_below(AT_FDCWD, to))
    return real(from, to);
}

int renameat(int from_at, const char *from, int to_at, const char *to) {
    REAL(renameat);
    FAIL_IF(is_entry_below(to_at, to))
    return real(from_at, from, to_at, to);
}

int renameat2(int from_at, const char *from, int to_at, const char *to, unsigned flags) {
    REAL(renameat2);
    FAIL_IF(is_entry_below(to_at, to))
    return real(from_at, from, to_at, to, flags);
}

int mkdir(const char *path, mode_t mode) {
    REAL(mkdir);
    FAIL_IF(is_creation(AT_FDCWD, path, O_CREAT))
    return real(path, mode);
}

int mkdirat(int at, const char *path, mode_t mode) {
    REAL(mkdirat);
    FAIL_IF(is_creation(at, path, O_CREAT))
    return real(at, path, mode);
}
