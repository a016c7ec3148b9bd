// What Swift's SIMD cannot say so that it compiles to one instruction: fused multiply-add and square
// root on whole vectors. Contraction is off, so nothing here fuses unless it says so.
#pragma once
#pragma clang fp contract(off)

typedef float summand_float8 __attribute__((ext_vector_type(8)));
typedef float summand_float16 __attribute__((ext_vector_type(16)));

/// a · b + c, rounded once.
static inline __attribute__((always_inline)) summand_float8
summand_fma8(summand_float8 a, summand_float8 b, summand_float8 c) {
  return __builtin_elementwise_fma(a, b, c);
}

/// a · b + c, rounded once.
static inline __attribute__((always_inline)) summand_float16
summand_fma16(summand_float16 a, summand_float16 b, summand_float16 c) {
  return __builtin_elementwise_fma(a, b, c);
}
