/* File systems that this machine does not have. Load it by LD_PRELOAD.
 *
 * Below $NO_LOCKS_UNDER every lock of a file fails, as on some network and FUSE file systems.
 * Below $READ_ONLY_UNDER nothing can be written or made, as on a medium that is mounted read-only. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static int begins(const char *path, const char *variable) {
    const char *folder = getenv(variable);
    return folder != NULL && *folder && strncmp(path, folder, strlen(folder)) == 0;
}

static int without_locks(int descriptor) {
    char link[64], path[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0) return 0;
    path[length] = 0;
    return begins(path, "NO_LOCKS_UNDER");
}

static int is_lock(int command) {
    switch (command) {
    case F_GETLK: case F_SETLK: case F_SETLKW: case F_OFD_GETLK: case F_OFD_SETLK: case F_OFD_SETLKW: return 1;
    }
    return 0;
}

#define NEXT(name, type) ((type)dlsym(RTLD_NEXT, name))
#define FAIL(code) do { errno = code; return -1; } while (0)

#define LOCKING(name)                                                                                       \
    int name(int descriptor, int command, ...) {                                                            \
        va_list list; va_start(list, command); void *argument = va_arg(list, void *); va_end(list);         \
        if (is_lock(command) && without_locks(descriptor)) FAIL(ENOLCK);                                    \
        return NEXT(#name, int (*)(int, int, ...))(descriptor, command, argument);                          \
    }
LOCKING(fcntl)
LOCKING(fcntl64)

int flock(int descriptor, int operation) {
    if (without_locks(descriptor)) FAIL(ENOLCK);
    return NEXT("flock", int (*)(int, int))(descriptor, operation);
}

#define OPENING(name)                                                                                       \
    int name(const char *path, int flags, ...) {                                                            \
        va_list list; va_start(list, flags); int mode = va_arg(list, int); va_end(list);                    \
        if ((flags & (O_WRONLY | O_RDWR | O_CREAT)) && begins(path, "READ_ONLY_UNDER")) FAIL(EROFS);        \
        return NEXT(#name, int (*)(const char *, int, ...))(path, flags, mode);                             \
    }
OPENING(open)
OPENING(open64)

int mkdir(const char *path, mode_t mode) {
    struct stat found;
    if (begins(path, "READ_ONLY_UNDER")) FAIL(stat(path, &found) == 0 ? EEXIST : EROFS);
    return NEXT("mkdir", int (*)(const char *, mode_t))(path, mode);
}

int unlink(const char *path) {
    if (begins(path, "READ_ONLY_UNDER")) FAIL(EROFS);
    return NEXT("unlink", int (*)(const char *))(path);
}

int rename(const char *from, const char *to) {
    if (begins(from, "READ_ONLY_UNDER")) FAIL(EROFS);
    return NEXT("rename", int (*)(const char *, const char *))(from, to);
}
