// What the machine can do at best, on request: a line `fma` is answered with FLOP/s in fused
// multiply-adds of f32, `bandwidth` with bytes/s read from memory, the best of several tries: a limit
// is what nothing disturbed. Usage: limits THREADS
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
// Enough chains to hide a multiply-add's latency, few enough for the registers: see EACH.
#define CHAINS 12
#define ROUNDS 4000000L
#define TRIES 10
#define BUFFER (256L << 20)

typedef float Vector __attribute__((vector_size(BYTES)));

static volatile float sink;

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec + 1e-9 * t.tv_nsec;
}

// Each chain is a variable of its own: gcc keeps an array's elements in memory, not in registers.
#define EACH(DO) DO(0) DO(1) DO(2) DO(3) DO(4) DO(5) DO(6) DO(7) DO(8) DO(9) DO(10) DO(11)
#define BEGIN(n) Vector s##n = b * (float)n;
#define STEP(n) s##n = s##n * a + b;
#define END(n) sink = sink + s##n[0];

static void *multiply(void *unused) {
  (void)unused;
  Vector a = {0}, b = {0};
  for (int i = 0; i < LANES; i++) a[i] = 0.999f, b[i] = 0.001f;
  EACH(BEGIN)
  for (long r = 0; r < ROUNDS; r++) {
    EACH(STEP)
  }
  EACH(END)
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

static double once(void *(*body)(void *), void **arguments, int threads) {
  pthread_t ids[64];
  double start = now();
  for (int t = 1; t < threads; t++) pthread_create(&ids[t], NULL, body, arguments[t]);
  body(arguments[0]);
  for (int t = 1; t < threads; t++) pthread_join(ids[t], NULL);
  return now() - start;
}

static double seconds(void *(*body)(void *), void **arguments, int threads) {
  double best = once(body, arguments, threads);
  for (int t = 1; t < TRIES; t++) {
    double found = once(body, arguments, threads);
    if (found < best) best = found;
  }
  return best;
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
