// What Swift's SIMD cannot say so that it compiles to one instruction: fused multiply-add, square
// root, and widening loads on whole vectors. Contraction is off: nothing here fuses unless it says
// so. 16 lanes everywhere, whatever the machine's width (two registers under AVX2, one under
// AVX-512), because a reduction's order is a matter of the 16 lanes.
#pragma once
#include <stdint.h>
#include <string.h>
#pragma clang fp contract(off)

#define SUMMAND_INLINE static inline __attribute__((always_inline))

typedef float summand_float16 __attribute__((ext_vector_type(16)));
typedef int32_t summand_int16 __attribute__((ext_vector_type(16)));
typedef uint8_t summand_bytes16 __attribute__((ext_vector_type(16)));
typedef int8_t summand_sbytes16 __attribute__((ext_vector_type(16)));
typedef uint16_t summand_words16 __attribute__((ext_vector_type(16)));
typedef uint32_t summand_uint16 __attribute__((ext_vector_type(16)));
typedef _Float16 summand_half16 __attribute__((ext_vector_type(16)));

/// How the weights of a panel are stored. A panel is 32 rows of a matrix [rows, k] side by side:
/// at each k, the weights of 32 output columns.
typedef enum __attribute__((enum_extensibility(closed))) SummandPanelType : uint8_t {
  SummandPanelTypeF32,
  SummandPanelTypeF16,
  SummandPanelTypeBF16,
  SummandPanelTypeQ8_0,
  SummandPanelTypeQ4_1,
  SummandPanelTypeQ6_K,
} SummandPanelType;

/// a · b + c, rounded once.
SUMMAND_INLINE summand_float16
summand_fma(summand_float16 a, summand_float16 b, summand_float16 c) {
  return __builtin_elementwise_fma(a, b, c);
}

SUMMAND_INLINE summand_float16 summand_maximum(summand_float16 a, summand_float16 b) {
  return a > b ? a : b;
}

SUMMAND_INLINE float summand_fma_scalar(float a, float b, float c) {
  return __builtin_fmaf(a, b, c);
}

SUMMAND_INLINE float summand_sqrt(float a) { return __builtin_sqrtf(a); }

SUMMAND_INLINE summand_float16 summand_load_f32(const void *p) {
  summand_float16 x;
  memcpy(&x, p, sizeof x);
  return x;
}

SUMMAND_INLINE void summand_store_f32(void *p, summand_float16 x) { memcpy(p, &x, sizeof x); }

SUMMAND_INLINE summand_float16 summand_load_f16(const void *p) {
  summand_half16 x;
  memcpy(&x, p, sizeof x);
  return __builtin_convertvector(x, summand_float16);
}

SUMMAND_INLINE summand_float16 summand_load_bf16(const void *p) {
  summand_words16 x;
  memcpy(&x, p, sizeof x);
  summand_uint16 wide = __builtin_convertvector(x, summand_uint16) << 16;
  summand_float16 r;
  memcpy(&r, &wide, sizeof r);
  return r;
}

SUMMAND_INLINE summand_float16 summand_load_i8(const void *p) {
  summand_sbytes16 x;
  memcpy(&x, p, sizeof x);
  return __builtin_convertvector(
      __builtin_convertvector(x, summand_int16), summand_float16);
}

/// The low (shift 0) or high (shift 4) nibbles of 16 bytes.
SUMMAND_INLINE summand_float16 summand_load_nibbles(const void *p, int shift) {
  summand_bytes16 x;
  memcpy(&x, p, sizeof x);
  x = shift == 0 ? (x & 15) : (x >> 4);
  return __builtin_convertvector(
      __builtin_convertvector(x, summand_int16), summand_float16);
}

/// Six-bit values less 32: nibbles as above, and two more bits at `bits` of each byte of `high`.
SUMMAND_INLINE summand_float16
summand_load_six_bits(const void *low, int shift, const void *high, int bits) {
  summand_bytes16 x, h;
  memcpy(&x, low, sizeof x);
  memcpy(&h, high, sizeof h);
  x = shift == 0 ? (x & 15) : (x >> 4);
  x |= ((h >> (summand_bytes16)(uint8_t)bits) & 3) << 4;
  return __builtin_convertvector(
      __builtin_convertvector(x, summand_int16) - 32, summand_float16);
}

/// 2^n for lanes that hold whole numbers from −126 to 127.
SUMMAND_INLINE summand_float16 summand_power_of_two(summand_float16 n) {
  summand_int16 bits = (__builtin_convertvector(n, summand_int16) + 127) << 23;
  summand_float16 r;
  memcpy(&r, &bits, sizeof r);
  return r;
}

SUMMAND_INLINE summand_float16 summand_round(summand_float16 x) {
  return __builtin_elementwise_roundeven(x);
}

/// Tells the processor that this thread spins.
SUMMAND_INLINE void summand_pause(void) {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

#if defined(__x86_64__)
/// AVX2 and FMA with all else of x86-64-v3: the floor.
SUMMAND_INLINE int summand_has_v3(void) {
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
         __builtin_cpu_supports("bmi2");
}

/// What of AVX-512 x86-64-v4 has.
SUMMAND_INLINE int summand_has_v4(void) {
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") &&
         __builtin_cpu_supports("avx512vl");
}
#endif
