// Preloaded into a program, makes its N-th file operation below a folder go wrong.
//
//   TORTURE_ROOT    the folder
//   TORTURE_AT      N, from 1; a write counts twice, before it and in its middle
//   TORTURE_ERRNO   the operation fails with this errno, if it is one that can; otherwise the process is killed
//   TORTURE_COUNT   a file that gets the number of operations, when the program ends
//
// The programs that it starts are left alone.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char root[4096];
static long at, code, steps;
static char watched[4096];

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

__attribute__((constructor)) static void begin(void) {
  const char *text = getenv("TORTURE_ROOT");
  if (text) strncpy(root, text, sizeof root - 1);
  at = (text = getenv("TORTURE_AT")) ? atol(text) : 0;
  code = (text = getenv("TORTURE_ERRNO")) ? atol(text) : 0;
  unsetenv("LD_PRELOAD");
}

__attribute__((destructor)) static void end(void) {
  const char *path = getenv("TORTURE_COUNT");
  FILE *file = path ? fopen(path, "w") : NULL;
  if (!file) return;
  fprintf(file, "%ld\n", steps);
  fclose(file);
}

static int isBelow(const char *path) { return *root && path && !strncmp(path, root, strlen(root)); }
static int isWatched(int file) { return file >= 0 && file < (int)sizeof watched && watched[file]; }

// Whether this operation is the one. Does not return where the process is to be killed.
static int isDue(int canFail) {
  if (__atomic_add_fetch(&steps, 1, __ATOMIC_SEQ_CST) != at) return 0;
  if (!code) {
    kill(getpid(), SIGKILL);
    for (;;) pause();
  }
  if (canFail) errno = (int)code;
  return canFail;
}

static int opened(int file, const char *path) {
  if (file >= 0 && file < (int)sizeof watched) watched[file] = isBelow(path);
  return file;
}

#define OPEN(name)                                                          \
  int name(const char *path, int flags, ...) {                              \
    va_list rest;                                                           \
    va_start(rest, flags);                                                  \
    int mode = flags & O_CREAT ? va_arg(rest, int) : 0;                     \
    va_end(rest);                                                           \
    if (isBelow(path) && flags & (O_CREAT | O_WRONLY | O_RDWR) && isDue(1)) \
      return -1;                                                            \
    return opened(REAL(name)(path, flags, mode), path);                     \
  }
OPEN(open)
OPEN(open64)

ssize_t write(int file, const void *bytes, size_t count) {
  if (isWatched(file)) {
    if (isDue(1)) return -1;
    if (__atomic_add_fetch(&steps, 1, __ATOMIC_SEQ_CST) == at) {
      ssize_t written = REAL(write)(file, bytes, count / 2);
      if (!code) kill(getpid(), SIGKILL);
      // A part came through. The rest, which is the next operation, does not.
      at++;
      return written;
    }
  }
  return REAL(write)(file, bytes, count);
}

int close(int file) {
  if (isWatched(file)) {
    isDue(0);
    watched[file] = 0;
  }
  return REAL(close)(file);
}

int rename(const char *from, const char *to) { return isBelow(to) && isDue(1) ? -1 : REAL(rename)(from, to); }
int symlink(const char *text, const char *path) { return isBelow(path) && isDue(1) ? -1 : REAL(symlink)(text, path); }
int mkdir(const char *path, mode_t mode) { return isBelow(path) && isDue(1) ? -1 : REAL(mkdir)(path, mode); }
int unlink(const char *path) { return isBelow(path) && isDue(0) ? -1 : REAL(unlink)(path); }
int fsync(int file) { return isWatched(file) && isDue(1) ? -1 : REAL(fsync)(file); }
int fchmod(int file, mode_t mode) { return isWatched(file) && isDue(0) ? -1 : REAL(fchmod)(file, mode); }
int ftruncate(int file, off_t size) { return isWatched(file) && isDue(0) ? -1 : REAL(ftruncate)(file, size); }
