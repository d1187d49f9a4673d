/* Records what a process does to the files under one directory, and makes chosen calls fail.
 *
 * Loaded with LD_PRELOAD (Linux). CRASH_ROOT is the directory, an absolute path without links; CRASH_LOG is the file
 * that the record is appended to. Every call is made and recorded under one lock, so the record is in the order in
 * which the calls took effect. LMDB's lock file is left out: it is memory shared between processes, rebuilt at open.
 *
 * With CRASH_KILL_AFTER=n the process is killed at its nth entry: after the call, but before a write through an O_DSYNC
 * descriptor, which is a write and a sync in one, is synced.
 *
 * Each entry of the record is a `struct entry`, a path relative to the root, and data. Kinds:
 *   W write    S sync of a file or directory    T truncate    C create    D make a directory
 *   R rename (data: the new path)    U unlink    M map for shared writing, which cannot be followed
 *   F sync that was made to fail
 *   A acknowledgement (crash_ack), which is the workload's own
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

struct entry {
    char kind;
    char durable; /* The write is on the disk when the call returns (O_DSYNC, O_SYNC). */
    uint16_t path_length;
    uint32_t data_length;
    uint64_t offset;
} __attribute__((packed));

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* The armed fault: the nth call of this kind on a path with this suffix fails, and so do the `times - 1` after it. */
static struct {
    char kind;
    int nth, times, error, fired; /* error 0: a write that takes only half. */
    char suffix[256];
} fault;

#define REAL(name) ((__typeof__(&name))real(#name))
static void *real(const char *name)
{
    void *function = dlsym(RTLD_NEXT, name);
    if (!function) {
        fprintf(stderr, "crash shim: no %s\n", name);
        abort();
    }
    return function;
}

/* Returns the part of an absolute path below the root, or NULL. */
static const char *below_root(const char *path)
{
    const char *root = getenv("CRASH_ROOT");
    size_t length = root ? strlen(root) : 0;
    if (!length || strncmp(path, root, length) || (path[length] && path[length] != '/'))
        return NULL;
    path += length + (path[length] == '/');
    size_t left = strlen(path);
    return left >= 8 && !strcmp(path + left - 8, "lock.mdb") ? NULL : path;
}

static const char *path_of(int fd, char *buffer)
{
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, buffer, PATH_MAX - 1);
    if (length < 0)
        return NULL;
    buffer[length] = 0;
    return below_root(buffer);
}

static void record(char kind, int durable, const char *path, uint64_t offset, const void *data, size_t length)
{
    static int log = -1;
    static long left = 0;
    if (log < 0) {
        const char *name = getenv("CRASH_LOG"), *kill_after = getenv("CRASH_KILL_AFTER");
        left = kill_after ? atol(kill_after) : -1;
        log = name ? REAL(open)(name, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600) : -1;
        if (log < 0)
            return;
    }
    int dies = left > 0 && --left == 0;
    struct entry entry = {kind, (char)(durable && !dies), (uint16_t)strlen(path), (uint32_t)length, offset};
    struct iovec parts[3] = {{&entry, sizeof entry}, {(void *)path, strlen(path)}, {(void *)data, length}};
    if (REAL(writev)(log, parts, 3) != (ssize_t)(sizeof entry + strlen(path) + length)) {
        fprintf(stderr, "crash shim: the record cannot be written\n");
        abort();
    }
    if (dies)
        kill(getpid(), SIGKILL);
}

/* Returns 1 if this call is to fail. */
static int strikes(char kind, const char *path)
{
    size_t length = strlen(path), suffix = strlen(fault.suffix);
    if (fault.kind != kind || length < suffix || strcmp(path + length - suffix, fault.suffix))
        return 0;
    if (--fault.nth > 0 || fault.fired >= fault.times)
        return 0;
    fault.fired++;
    return 1;
}

void crash_arm(char kind, int nth, int times, int error, const char *suffix)
{
    pthread_mutex_lock(&lock);
    fault.kind = kind, fault.nth = nth, fault.times = times, fault.error = error, fault.fired = 0;
    snprintf(fault.suffix, sizeof fault.suffix, "%s", suffix);
    pthread_mutex_unlock(&lock);
}

/* Ends the fault and returns how often it struck. */
int crash_disarm(void)
{
    pthread_mutex_lock(&lock);
    fault.kind = 0;
    int fired = fault.fired;
    pthread_mutex_unlock(&lock);
    return fired;
}

void crash_ack(const void *data, size_t length)
{
    pthread_mutex_lock(&lock);
    record('A', 0, "", 0, data, length);
    pthread_mutex_unlock(&lock);
}

/* All six ways to write. With `positioned` 0 the file's own position is used, which for O_APPEND is its end. */
static ssize_t write_parts(int fd, const struct iovec *parts, int count, off_t offset, int positioned)
{
    char buffer[PATH_MAX];
    const char *path = path_of(fd, buffer);
    if (!path)
        return positioned ? REAL(pwritev)(fd, parts, count, offset) : REAL(writev)(fd, parts, count);
    size_t total = 0;
    for (int i = 0; i < count; i++)
        total += parts[i].iov_len;
    char *data = malloc(total + 1);
    total = 0;
    for (int i = 0; i < count; total += parts[i++].iov_len)
        memcpy(data + total, parts[i].iov_base, parts[i].iov_len);

    pthread_mutex_lock(&lock);
    int flags = fcntl(fd, F_GETFL);
    if (!positioned)
        offset = lseek(fd, 0, flags & O_APPEND ? SEEK_END : SEEK_CUR);
    ssize_t written = -1;
    int error = 0;
    if (strikes('W', path) && (error = fault.error) == 0)
        total /= 2;
    if (!error) {
        written = positioned ? REAL(pwrite)(fd, data, total, offset) : REAL(write)(fd, data, total);
        error = errno;
    }
    if (written > 0)
        record('W', !!(flags & O_DSYNC), path, (uint64_t)offset, data, (size_t)written);
    pthread_mutex_unlock(&lock);
    free(data);
    errno = error;
    return written;
}

#define ONE_PART const struct iovec part = {(void *)data, length}
ssize_t write(int fd, const void *data, size_t length) { ONE_PART; return write_parts(fd, &part, 1, 0, 0); }
ssize_t writev(int fd, const struct iovec *parts, int count) { return write_parts(fd, parts, count, 0, 0); }
ssize_t pwrite(int fd, const void *data, size_t length, off_t at) { ONE_PART; return write_parts(fd, &part, 1, at, 1); }
ssize_t pwrite64(int fd, const void *data, size_t length, off_t at) { ONE_PART; return write_parts(fd, &part, 1, at, 1); }
ssize_t pwritev(int fd, const struct iovec *parts, int count, off_t at) { return write_parts(fd, parts, count, at, 1); }
ssize_t pwritev64(int fd, const struct iovec *parts, int count, off_t at) { return write_parts(fd, parts, count, at, 1); }

/* Makes a call that changes one watched file or directory, under the lock, unless the armed fault strikes. */
#define WATCHED(kind, path, offset, data, length, call)        \
    do {                                                       \
        if (!path)                                             \
            return call;                                       \
        pthread_mutex_lock(&lock);                             \
        int result = -1, error = 0;                            \
        if (strikes(kind, path)) {                             \
            error = fault.error;                               \
            if (kind == 'S')                                   \
                record('F', 0, path, offset, data, length);    \
        } else {                                               \
            result = call;                                     \
            error = errno;                                     \
            if (result == 0)                                   \
                record(kind, 0, path, offset, data, length);   \
        }                                                      \
        pthread_mutex_unlock(&lock);                           \
        errno = error;                                         \
        return result;                                         \
    } while (0)

#define BY_FD(kind, offset, call)              \
    char buffer[PATH_MAX];                     \
    const char *path = path_of(fd, buffer);    \
    WATCHED(kind, path, offset, "", 0, call)

int fsync(int fd) { BY_FD('S', 0, REAL(fsync)(fd)); }
int fdatasync(int fd) { BY_FD('S', 0, REAL(fdatasync)(fd)); }
int ftruncate(int fd, off_t size) { BY_FD('T', (uint64_t)size, REAL(ftruncate)(fd, size)); }
int ftruncate64(int fd, off_t size) { BY_FD('T', (uint64_t)size, REAL(ftruncate)(fd, size)); }

#define BY_NAME(kind, offset, call)            \
    const char *path = below_root(name);       \
    WATCHED(kind, path, offset, "", 0, call)

int truncate(const char *name, off_t size) { BY_NAME('T', (uint64_t)size, REAL(truncate)(name, size)); }
int truncate64(const char *name, off_t size) { BY_NAME('T', (uint64_t)size, REAL(truncate)(name, size)); }
int unlink(const char *name) { BY_NAME('U', 0, REAL(unlink)(name)); }
int mkdir(const char *name, mode_t mode) { BY_NAME('D', 0, REAL(mkdir)(name, mode)); }

int rename(const char *old, const char *new)
{
    const char *path = below_root(old), *target = below_root(new);
    if (path && !target)
        target = "";
    WATCHED('R', path, 0, target, strlen(target), REAL(rename)(old, new));
}

static int open_at(int dir, const char *name, int flags, mode_t mode)
{
    const char *path = below_root(name);
    if (!path || !(flags & (O_CREAT | O_TRUNC)))
        return REAL(openat)(dir, name, flags, mode);
    pthread_mutex_lock(&lock);
    int existed = access(name, F_OK) == 0;
    int fd = REAL(openat)(dir, name, flags, mode);
    int error = errno;
    if (fd >= 0 && !existed)
        record('C', 0, path, 0, "", 0);
    else if (fd >= 0 && flags & O_TRUNC)
        record('T', 0, path, 0, "", 0);
    pthread_mutex_unlock(&lock);
    errno = error;
    return fd;
}

#define MODE                             \
    mode_t mode = 0;                     \
    if (flags & (O_CREAT | O_TMPFILE)) { \
        va_list rest;                    \
        va_start(rest, flags);           \
        mode = va_arg(rest, mode_t);     \
        va_end(rest);                    \
    }
int open(const char *name, int flags, ...) { MODE return open_at(AT_FDCWD, name, flags, mode); }
int open64(const char *name, int flags, ...) { MODE return open_at(AT_FDCWD, name, flags, mode); }
int openat(int dir, const char *name, int flags, ...) { MODE return open_at(dir, name, flags, mode); }
int openat64(int dir, const char *name, int flags, ...) { MODE return open_at(dir, name, flags, mode); }

static void *map(void *address, size_t length, int protection, int flags, int fd, off_t offset)
{
    char buffer[PATH_MAX];
    const char *path = fd >= 0 && flags & MAP_SHARED && protection & PROT_WRITE ? path_of(fd, buffer) : NULL;
    if (path) {
        pthread_mutex_lock(&lock);
        record('M', 0, path, 0, "", 0);
        pthread_mutex_unlock(&lock);
    }
    return REAL(mmap)(address, length, protection, flags, fd, offset);
}
void *mmap(void *a, size_t n, int protection, int flags, int fd, off_t at) { return map(a, n, protection, flags, fd, at); }
void *mmap64(void *a, size_t n, int protection, int flags, int fd, off_t at) { return map(a, n, protection, flags, fd, at); }
