#include "memory_watch.h"

#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#if defined(__linux__)
#include <malloc.h>
#endif

// MARK: What is left

enum { max_groups = 32 };

typedef struct {
  int usage, stat;
  size_t limit;
} group_t;

static group_t groups[max_groups];
static int group_count;
static int meminfo = -1, statm = -1;
static size_t address_limit = SIZE_MAX, data_limit = SIZE_MAX;

/// The decimal number after `key` in the file, in units of `unit`; `missing` where it is not there.
static size_t number_after(int file, const char *key, size_t unit, size_t missing) {
  char text[8192];
  ssize_t length = pread(file, text, sizeof text - 1, 0);
  if (length <= 0) return missing;
  text[length] = 0;
  const char *place = text;
  size_t key_length = strlen(key);
  // At the start of a line: `inactive_file` ends in `active_file`.
  while (key_length > 0 && (strncmp(place, key, key_length) != 0)) {
    place = strchr(place, '\n');
    if (place == NULL) return missing;
    place++;
  }
  place += key_length;
  while (*place == ' ' || *place == '\t') place++;
  if (*place < '0' || *place > '9') return missing;
  return (size_t)strtoull(place, NULL, 10) * unit;
}

static size_t less(size_t a, size_t b) { return a > b ? a - b : 0; }
static size_t least(size_t a, size_t b) { return a < b ? a : b; }

/// Bytes that are mapped (RLIMIT_AS counts them) and that are data (RLIMIT_DATA does).
static void read_statm(size_t *mapped, size_t *data) {
  char text[256];
  unsigned long size = 0, data_pages = 0;
  *mapped = *data = 0;
  ssize_t length = statm < 0 ? 0 : pread(statm, text, sizeof text - 1, 0);
  if (length <= 0) return;
  text[length] = 0;
  if (sscanf(text, "%lu %*u %*u %*u %*u %lu", &size, &data_pages) < 1) return;
  long page = sysconf(_SC_PAGESIZE);
  *mapped = (size_t)size * (size_t)page;
  *data = (size_t)data_pages * (size_t)page;
}

/// What the two resource limits leave.
size_t summand_memory_free_of_limits(void) {
  if (address_limit == SIZE_MAX && data_limit == SIZE_MAX) return SIZE_MAX;
  size_t mapped, data;
  read_statm(&mapped, &data);
  size_t addresses = address_limit == SIZE_MAX ? SIZE_MAX : less(address_limit, mapped);
  size_t datas = data_limit == SIZE_MAX ? SIZE_MAX : less(data_limit, data);
  return least(addresses, datas);
}

/// Of the group and those in it: version 1 calls that the total.
static size_t file_pages(int stat, const char *key) {
  char total[32];
  snprintf(total, sizeof total, "total_%s", key);
  size_t pages = number_after(stat, total, 1, SIZE_MAX);
  return pages == SIZE_MAX ? number_after(stat, key, 1, 0) : pages;
}

/// What the machine and the control groups leave. A file's pages are given back when they are needed.
size_t summand_memory_free_of_machine(void) {
  size_t left = meminfo < 0 ? SIZE_MAX : number_after(meminfo, "MemAvailable:", 1024, SIZE_MAX);
  for (int i = 0; i < group_count; i++) {
    size_t used = number_after(groups[i].usage, "", 1, 0);
    size_t files = 0;
    if (groups[i].stat >= 0) {
      files = file_pages(groups[i].stat, "inactive_file") + file_pages(groups[i].stat, "active_file") / 2;
    }
    left = least(left, less(groups[i].limit, less(used, files)));
  }
  return left;
}

void summand_memory_watch_group(int usage, int stat, size_t limit) {
  if (group_count == max_groups) return;
  groups[group_count++] = (group_t){.usage = usage, .stat = stat, .limit = limit};
}

// MARK: The note

static atomic_bool is_short;
static _Atomic(void *) reserve;
static const size_t reserve_bytes = 12 << 20;

bool summand_memory_is_short(void) { return atomic_load_explicit(&is_short, memory_order_relaxed); }
void summand_memory_note_short(void) { atomic_store(&is_short, true); }

static void set_reserve_aside(void) {
  if (address_limit == SIZE_MAX && data_limit == SIZE_MAX) return;
  if (atomic_load(&reserve) != NULL) return;
  void *pages = mmap(NULL, reserve_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANON, -1, 0);
  if (pages != MAP_FAILED) atomic_store(&reserve, pages);
}

void summand_memory_recover(void) {
  atomic_store(&is_short, false);
  set_reserve_aside();
}

#if defined(__GLIBC__) && !__has_feature(address_sanitizer) && !__has_feature(thread_sanitizer)

// MARK: malloc

extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);
extern void *__libc_memalign(size_t, size_t);

static bool is_watching;

/// How many bytes a thread hands out between two looks at what is left.
static const size_t between_looks = 8 << 20;
static const size_t large = 1 << 20;
/// Kept for what work takes until its next check.
static const size_t margin = 24 << 20;

static __thread size_t handed_out;

/// Address space is gone at once, unlike memory, which is taken as it is filled.
///
/// - growth: bytes that an array of this size asks for when it is full: twice as many.
static __attribute__((noinline)) void look_at_limits(size_t size, size_t growth) {
  size_t left = summand_memory_free_of_limits();
  if (left != SIZE_MAX && left < size + growth + margin / 4) summand_memory_note_short();
}

static __attribute__((noinline)) void look_at_machine(size_t size) {
  handed_out = 0;
  if (summand_memory_free_of_machine() < size + margin) summand_memory_note_short();
}

/// Takes the note where `size` more bytes leave too little.
static inline void count(size_t size, size_t growth) {
  if (!is_watching) return;
  handed_out += size;
  if (size >= large || handed_out >= between_looks) look_at_limits(size, growth);
  if (handed_out >= between_looks) look_at_machine(size);
}

/// An allocation has failed. What was set aside is given up for it, once.
static bool give_reserve(void) {
  summand_memory_note_short();
  void *pages = atomic_exchange(&reserve, NULL);
  return pages != NULL && munmap(pages, reserve_bytes) == 0;
}

/// Nothing is left to end the work with: Swift's own way is a signal, which says nothing to a person.
static _Noreturn void leave(size_t size) {
  char text[200];
  int length = snprintf(
    text, sizeof text,
    "error: out of memory: %zu bytes more could not be allocated\n"
    "  help: allow more memory (ulimit -v, ulimit -d), or ask for less\n", size);
  if (length > 0) (void)!write(STDERR_FILENO, text, (size_t)length);
  _exit(1);
}

#define OR_END(size, call)                                                 \
  do {                                                                     \
    void *result = (call);                                                 \
    if (result != NULL || (size) == 0 || !is_watching) return result;      \
    if (give_reserve() && (result = (call)) != NULL) return result;        \
    leave(size);                                                           \
  } while (0)

void *malloc(size_t size) {
  count(size, 2 * size);
  OR_END(size, __libc_malloc(size));
}

void *calloc(size_t count_of, size_t size) {
  size_t bytes;
  if (__builtin_mul_overflow(count_of, size, &bytes)) return NULL;
  count(bytes, 0);
  OR_END(bytes, __libc_calloc(count_of, size));
}

void *realloc(void *pointer, size_t size) {
  count(size, 2 * size);
  OR_END(size, __libc_realloc(pointer, size));
}

int posix_memalign(void **pointer, size_t alignment, size_t size) {
  count(size, 0);
  *pointer = __libc_memalign(alignment, size);
  if (*pointer != NULL || size == 0 || !is_watching) return *pointer == NULL ? 12 : 0;
  if (give_reserve()) *pointer = __libc_memalign(alignment, size);
  if (*pointer != NULL) return 0;
  leave(size);
}

void *aligned_alloc(size_t alignment, size_t size) {
  count(size, 0);
  OR_END(size, __libc_memalign(alignment, size));
}

/// What a thread found left, less what it has handed out since, and when that was, in nanoseconds.
static __thread size_t left_last;
static __thread int64_t looked_last;

void *summand_memory_try(size_t size, size_t alignment) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
  int64_t time = (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
  // A model has hundreds of matrices, opened within milliseconds; a look takes five microseconds.
  if (size > left_last / 16 || time - looked_last > 20000000) {
    left_last = least(summand_memory_free_of_machine(), summand_memory_free_of_limits());
    looked_last = time;
    if (left_last < size) return NULL;
  }
  left_last -= size;
  return __libc_memalign(alignment, size);
}

static void start_watching(void) {
  // A thread's own arena is 64 MiB of addresses, whether it needs them or not.
  if (address_limit != SIZE_MAX) mallopt(M_ARENA_MAX, 1);
  is_watching = true;
}

#else

void *summand_memory_try(size_t size, size_t alignment) {
  void *pointer = NULL;
  return posix_memalign(&pointer, alignment, size) == 0 ? pointer : NULL;
}

static void start_watching(void) {}

#endif

void summand_memory_watch(void) {
  struct rlimit limit;
  if (getrlimit(RLIMIT_AS, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY) {
    address_limit = (size_t)limit.rlim_cur;
  }
  if (getrlimit(RLIMIT_DATA, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY) {
    data_limit = (size_t)limit.rlim_cur;
  }
  meminfo = open("/proc/meminfo", O_RDONLY | O_CLOEXEC);
  statm = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
  set_reserve_aside();
  start_watching();
}
