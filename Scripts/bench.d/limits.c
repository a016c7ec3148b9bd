// What the machine can do at best, on request: a line `fma` is answered with FLOP/s in fused
// multiply-adds of f32, `bandwidth` with bytes/s read from memory. Usage: limits THREADS
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#if defined(__AVX512F__)
#define BYTES 64
#elif defined(__AVX__)
#define BYTES 32
#else
#define BYTES 16
#endif
#define LANES (BYTES / 4)
// Enough chains to hide a multiply-add's latency, few enough for the registers.
#define CHAINS 12
#define ROUNDS 20000000L
#define BUFFER (512L << 20)

typedef float Vector __attribute__((vector_size(BYTES)));

static volatile float sink;

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec + 1e-9 * t.tv_nsec;
}

static void *multiply(void *unused) {
  (void)unused;
  Vector sums[CHAINS], a = {0}, b = {0};
  for (int i = 0; i < LANES; i++) a[i] = 0.999f, b[i] = 0.001f;
  for (int c = 0; c < CHAINS; c++) sums[c] = b * (float)c;
  for (long r = 0; r < ROUNDS; r++) {
#pragma GCC unroll 12
    for (int c = 0; c < CHAINS; c++) sums[c] = sums[c] * a + b;
    // Keeps the compiler from doing several rounds at once, or none.
    __asm__ volatile("" : "+m"(*(volatile float *)&sink));
  }
  for (int c = 0; c < CHAINS; c++) sink = sink + sums[c][0];
  return NULL;
}

static void *sum(void *start) {
  const Vector *x = start;
  Vector sums[4] = {0};
  for (long i = 0; i < BUFFER / BYTES; i += 4)
    for (int c = 0; c < 4; c++) sums[c] += x[i + c];
  for (int c = 0; c < 4; c++) sink = sink + sums[c][0];
  return NULL;
}

static double seconds(void *(*body)(void *), void **arguments, int threads) {
  pthread_t ids[64];
  double start = now();
  for (int t = 1; t < threads; t++) pthread_create(&ids[t], NULL, body, arguments[t]);
  body(arguments[0]);
  for (int t = 1; t < threads; t++) pthread_join(ids[t], NULL);
  return now() - start;
}

int main(int count, char **words) {
  int threads = count > 1 ? atoi(words[1]) : 1;
  if (threads < 1 || threads > 64) return 2;
  void *buffers[64] = {0};
  char line[32];
  while (fgets(line, sizeof line, stdin)) {
    double rate;
    if (strncmp(line, "fma", 3) == 0) {
      double operations = 2.0 * LANES * CHAINS * ROUNDS * threads;
      rate = operations / seconds(multiply, buffers, threads);
    } else {
      for (int t = 0; t < threads && !buffers[t]; t++) {
        buffers[t] = aligned_alloc(4096, BUFFER);
        if (!buffers[t]) return 1;
        memset(buffers[t], 0, BUFFER);
      }
      rate = (double)BUFFER * threads / seconds(sum, buffers, threads);
    }
    printf("%.6g\n", rate);
    fflush(stdout);
  }
  return 0;
}
