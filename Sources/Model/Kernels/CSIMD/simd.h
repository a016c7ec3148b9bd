// What Swift's SIMD cannot say so that it compiles to one instruction: fused multiply-add, square
// root, and widening loads on whole vectors. Contraction is off: nothing here fuses unless it says
// so. 16 lanes everywhere, whatever the machine's width (two registers under AVX2, one under
// AVX-512), because a reduction's order is a matter of the 16 lanes.
#pragma once
#include <stdint.h>
#include <string.h>
#if defined(__aarch64__)
#include <arm_neon.h>
#endif
#pragma clang fp contract(off)
// Every function here is inlined, so that it does not matter how vectors would be passed.
#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wpsabi"
#pragma clang assume_nonnull begin

#define SUMMAND_INLINE static inline __attribute__((always_inline))

typedef float summand_float16 __attribute__((ext_vector_type(16)));
typedef int32_t summand_int16 __attribute__((ext_vector_type(16)));
typedef uint8_t summand_bytes16 __attribute__((ext_vector_type(16)));
typedef int8_t summand_sbytes16 __attribute__((ext_vector_type(16)));
typedef uint16_t summand_words16 __attribute__((ext_vector_type(16)));
typedef uint32_t summand_uint16 __attribute__((ext_vector_type(16)));
typedef float summand_float8 __attribute__((ext_vector_type(8)));
typedef double summand_double8 __attribute__((ext_vector_type(8)));
typedef int64_t summand_long8 __attribute__((ext_vector_type(8)));
typedef float summand_float4 __attribute__((ext_vector_type(4)));
typedef _Float16 summand_half16 __attribute__((ext_vector_type(16)));

/// How the weights of a panel are stored: the types of files, by the names that GGML gives them. A
/// panel is 32 rows of a matrix [rows, k] side by side: at each k, the weights of 32 output columns.
typedef enum __attribute__((enum_extensibility(closed))) SummandPanelType : uint8_t {
  SummandPanelTypeF32,
  SummandPanelTypeF16,
  SummandPanelTypeBF16,
  SummandPanelTypeQ4_0,
  SummandPanelTypeQ4_1,
  SummandPanelTypeQ5_0,
  SummandPanelTypeQ5_1,
  SummandPanelTypeQ8_0,
  SummandPanelTypeQ2_K,
  SummandPanelTypeQ3_K,
  SummandPanelTypeQ4_K,
  SummandPanelTypeQ5_K,
  SummandPanelTypeQ6_K,
  SummandPanelTypeIQ4_NL,
  SummandPanelTypeIQ4_XS,
  SummandPanelTypeMXFP4,
  SummandPanelTypeF8_E4M3,
  SummandPanelTypeF8_E5M2,
} SummandPanelType;

/// 32 rows of the weights, each `k` long.
typedef struct SummandPanel {
  SummandPanelType type;
  const void *bytes;
  /// Weights in a row, a multiple of the type's block.
  intptr_t k;
} SummandPanel;

/// Vectors of `length` numbers, `stride` apart.
typedef struct SummandColumns {
  const float *base;
  intptr_t stride;
  intptr_t count;
  intptr_t length;
} SummandColumns;

/// One query of one head. Sources are counted from the first of its block, and `rows`, `scores` begin
/// there.
typedef struct SummandQuery {
  const float *q;
  /// The row of each source in the buffers of keys and values: they need not lie together.
  const int32_t *rows;
  /// It weighs the sources from `first` up to `count`.
  intptr_t first;
  intptr_t count;
  /// Its scores, then its pattern. There is room for 16 numbers more than any query of its block has
  /// sources.
  float *scores;
  float *z;
} SummandQuery;

/// Queries that read mostly the same keys and values.
typedef struct SummandQueries {
  const SummandQuery *queries;
  intptr_t count;
  /// The leading sources whose rows are the same for all; a query may have fewer.
  intptr_t shared;
} SummandQueries;

/// The vectors of one key/value head in a buffer, `stride` floats apart.
typedef struct SummandHead {
  const float *base;
  intptr_t stride;
  intptr_t width;
} SummandHead;

/// Rows as `packTile` lays them out, `length` floats each.
typedef struct SummandPackedRows {
  const float *x;
  intptr_t count;
  intptr_t length;
} SummandPackedRows;

/// Weights as f32, `[count][32]`, of a product that goes on from others.
typedef struct SummandPart {
  const float *panel;
  /// Where they begin in the rows that they multiply.
  intptr_t first;
  intptr_t count;
  /// Whether the sums go on from what stands there; else they begin at 0.
  _Bool continues;
} SummandPart;

/// What a norm takes off, divides by and multiplies by.
typedef struct SummandNorm {
  float mean;
  float scale;
  const float *weight;
} SummandNorm;

/// Where the slopes of a nonlinearity go: by what it is of, and by what it is multiplied by.
typedef struct SummandGateSlopes {
  float *gate;
  float *_Nullable up;
} SummandGateSlopes;

/// What a row of numbers reaches from and to. `zero` is the sum of all times 0: NaN where one is not
/// finite, and the others have no meaning then.
typedef struct SummandExtremes {
  float smallest;
  float largest;
  float zero;
} SummandExtremes;

/// Equal parts of the numbers from `low` on: x is in bin (x − low) · scale, rounded down.
typedef struct SummandBins {
  float low;
  float scale;
  intptr_t count;
} SummandBins;

/// Vectors of doubles, one after the other.
typedef struct SummandVectors {
  const double *base;
  intptr_t count;
  intptr_t length;
} SummandVectors;

/// Up to eight square matrices side by side, one in each lane of vectors: [size + 2][stride][8], aligned as
/// these are. The column and the row after the last ones are 0; the second row after them is scratch memory.
typedef struct SummandMatrices {
  double *elements;
  intptr_t size;
  /// At least `size` + 1.
  intptr_t stride;
  intptr_t count;
} SummandMatrices;

/// a · b + c, rounded once.
SUMMAND_INLINE summand_float16
summand_fma(summand_float16 a, summand_float16 b, summand_float16 c) {
  return __builtin_elementwise_fma(a, b, c);
}

/// a · b − c, rounded once.
SUMMAND_INLINE summand_float16
summand_fms(summand_float16 a, summand_float16 b, summand_float16 c) {
  return __builtin_elementwise_fma(a, b, -c);
}

SUMMAND_INLINE summand_float16 summand_maximum(summand_float16 a, summand_float16 b) {
  return a > b ? a : b;
}

/// Without the call of libm that sets errno for a negative number.
SUMMAND_INLINE float summand_sqrt(float a) { return __builtin_elementwise_sqrt(a); }

SUMMAND_INLINE summand_float16 summand_load_f32(const void *p) {
  summand_float16 x;
  memcpy(&x, p, sizeof x);
  return x;
}

SUMMAND_INLINE void summand_store_f32(void *p, summand_float16 x) { memcpy(p, &x, sizeof x); }

SUMMAND_INLINE void summand_store_f32x8(void *p, summand_float8 x) { memcpy(p, &x, sizeof x); }

SUMMAND_INLINE void summand_store_f32x4(void *p, summand_float4 x) { memcpy(p, &x, sizeof x); }

/// The halves of two vectors added: 16 → 8 numbers of each.
SUMMAND_INLINE summand_float16 summand_fold_16(summand_float16 a, summand_float16 b) {
  return __builtin_shufflevector(
             a, b, 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23) +
         __builtin_shufflevector(
             a, b, 8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31);
}

/// The same of two vectors that hold 8 numbers of two sums each.
SUMMAND_INLINE summand_float16 summand_fold_8(summand_float16 a, summand_float16 b) {
  return __builtin_shufflevector(
             a, b, 0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 24, 25, 26, 27) +
         __builtin_shufflevector(
             a, b, 4, 5, 6, 7, 12, 13, 14, 15, 20, 21, 22, 23, 28, 29, 30, 31);
}

/// Eight times 16 lanes, each summed in halves: 16 → 8 → 4 → 2 → 1. Eight folds at once need a
/// quarter of the steps of one after the other, and add the same numbers.
SUMMAND_INLINE summand_float8 summand_fold_eight(
    summand_float16 a, summand_float16 b, summand_float16 c, summand_float16 d, summand_float16 e,
    summand_float16 f, summand_float16 g, summand_float16 h) {
  // Even ones and odd ones apart, so that the last steps leave them in order.
  summand_float16 even = summand_fold_8(summand_fold_16(a, c), summand_fold_16(e, g));
  summand_float16 odd = summand_fold_8(summand_fold_16(b, d), summand_fold_16(f, h));
  summand_float16 pairs =
      __builtin_shufflevector(
          even, odd, 0, 1, 16, 17, 4, 5, 20, 21, 8, 9, 24, 25, 12, 13, 28, 29) +
      __builtin_shufflevector(
          even, odd, 2, 3, 18, 19, 6, 7, 22, 23, 10, 11, 26, 27, 14, 15, 30, 31);
  return __builtin_shufflevector(pairs, pairs, 0, 2, 4, 6, 8, 10, 12, 14) +
         __builtin_shufflevector(pairs, pairs, 1, 3, 5, 7, 9, 11, 13, 15);
}

/// The same of four.
SUMMAND_INLINE summand_float4 summand_fold_four(
    summand_float16 a, summand_float16 b, summand_float16 c, summand_float16 d) {
  summand_float16 fours = summand_fold_8(summand_fold_16(a, b), summand_fold_16(c, d));
  summand_float8 pairs = __builtin_shufflevector(fours, fours, 0, 1, 4, 5, 8, 9, 12, 13) +
                         __builtin_shufflevector(fours, fours, 2, 3, 6, 7, 10, 11, 14, 15);
  return __builtin_shufflevector(pairs, pairs, 0, 2, 4, 6) +
         __builtin_shufflevector(pairs, pairs, 1, 3, 5, 7);
}

/// `count` bytes of zero.
SUMMAND_INLINE void summand_clear(void *p, long count) { memset(p, 0, (size_t)count); }

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

/// Eight bits as the upper half of an f16: 1 of sign, 5 of exponent, 2 of fraction.
SUMMAND_INLINE summand_float16 summand_load_f8_e5m2(const void *p) {
  summand_bytes16 x;
  memcpy(&x, p, sizeof x);
  summand_words16 wide = __builtin_convertvector(x, summand_words16) << 8;
  summand_half16 r;
  memcpy(&r, &wide, sizeof r);
  return __builtin_convertvector(r, summand_float16);
}

/// Eight bits: 1 of sign, 4 of exponent, 3 of fraction. They are those of an f16 whose exponent is
/// 8 too small, denormals included. All ones are NaN, and come out as a finite number: packing
/// refuses them.
SUMMAND_INLINE summand_float16 summand_load_f8_e4m3(const void *p) {
  summand_bytes16 x;
  memcpy(&x, p, sizeof x);
  summand_words16 wide = __builtin_convertvector(x, summand_words16);
  wide = (wide & 0x80) << 8 | (wide & 0x7F) << 7;
  summand_half16 r;
  memcpy(&r, &wide, sizeof r);
  return __builtin_convertvector(r, summand_float16) * 256;
}

SUMMAND_INLINE summand_float16 summand_load_i8(const void *p) {
  summand_sbytes16 x;
  memcpy(&x, p, sizeof x);
  return __builtin_convertvector(
      __builtin_convertvector(x, summand_int16), summand_float16);
}

/// Whether none of 32 words of 16 bits has all the bits of `exponent`: what is infinite or no number.
SUMMAND_INLINE int summand_finite_words(const void *p, uint16_t exponent) {
  summand_words16 x, y;
  memcpy(&x, p, sizeof x);
  memcpy(&y, (const char *)p + sizeof x, sizeof y);
  return !__builtin_reduce_or(((x & exponent) == exponent) | ((y & exponent) == exponent));
}

/// Whether none of 32 singles is infinite or no number.
SUMMAND_INLINE int summand_finite_singles(const void *p) {
  summand_uint16 x, y;
  memcpy(&x, p, sizeof x);
  memcpy(&y, (const char *)p + sizeof x, sizeof y);
  uint32_t exponent = 0x7F800000;
  return !__builtin_reduce_or(((x & exponent) == exponent) | ((y & exponent) == exponent));
}

/// Whether 32 bytes, in the bits of `mask`, are all below `limit`.
SUMMAND_INLINE int summand_bytes_below(const void *p, uint8_t mask, uint8_t limit) {
  summand_bytes16 x, y;
  memcpy(&x, p, sizeof x);
  memcpy(&y, (const char *)p + sizeof x, sizeof y);
  return !__builtin_reduce_or(((x & mask) >= limit) | ((y & mask) >= limit));
}

/// Bits `shift` and up of 16 bytes, those that `mask` has.
SUMMAND_INLINE summand_bytes16 summand_load_bits(const void *p, int shift, uint8_t mask) {
  summand_bytes16 x;
  memcpy(&x, p, sizeof x);
  return (x >> (summand_bytes16)(uint8_t)shift) & mask;
}

/// `low` with the bits of `high` above it, from bit `shift` on.
SUMMAND_INLINE summand_bytes16
summand_join(summand_bytes16 low, summand_bytes16 high, int shift) {
  return low | (high << (summand_bytes16)(uint8_t)shift);
}

/// The bytes as whole numbers, less `offset`.
SUMMAND_INLINE summand_float16 summand_whole(summand_bytes16 x, int offset) {
  return __builtin_convertvector(
      __builtin_convertvector(x, summand_int16) - offset, summand_float16);
}

/// The nibbles at bit `shift` of 16 bytes as whole numbers, less `offset`. AVX-512 looks the floats
/// up: fewer steps than masking and converting, and the tile has none to spare.
SUMMAND_INLINE summand_float16 summand_load_nibbles(const void *p, int shift, int offset) {
  summand_bytes16 x;
  memcpy(&x, p, sizeof x);
#if defined(__AVX512F__)
  summand_uint16 indices = __builtin_convertvector(x, summand_uint16) >> (uint32_t)shift;
  summand_int16 numbers = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
  return __builtin_ia32_permvarsf512(
      __builtin_convertvector(numbers - offset, summand_float16), (summand_int16)indices);
#else
  x = (x >> (summand_bytes16)(uint8_t)shift) & 15;
  return __builtin_convertvector(
      __builtin_convertvector(x, summand_int16) - offset, summand_float16);
#endif
}

/// The signed bytes of `table` that `indices`, each below 16, point to.
SUMMAND_INLINE summand_float16
summand_look_up(const int8_t *table, summand_bytes16 indices) {
  summand_sbytes16 x;
  memcpy(&x, table, sizeof x);
#if defined(__SSSE3__)
  x = (summand_sbytes16)__builtin_ia32_pshufb128(
      (__attribute__((__vector_size__(16))) char)x,
      (__attribute__((__vector_size__(16))) char)indices);
#elif defined(__aarch64__)
  x = (summand_sbytes16)vqtbl1q_s8((int8x16_t)x, (uint8x16_t)indices);
#else
  for (int i = 0; i < 16; i++) x[i] = table[indices[i]];
#endif
  return __builtin_convertvector(
      __builtin_convertvector(x, summand_int16), summand_float16);
}

/// The values of IQ4_NL's nibbles (`kvalues_iq4nl` in GGML).
SUMMAND_INLINE const int8_t *summand_iq4_nl_values(void) {
  static const int8_t values[16] = {
      -127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113};
  return values;
}

/// The values of MXFP4's nibbles, doubled: 1 bit of sign, 2 of exponent, 1 of fraction.
SUMMAND_INLINE const int8_t *summand_mxfp4_values(void) {
  static const int8_t values[16] = {0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12};
  return values;
}

/// Half of 2^(e − 127) for 16 bytes e: the scales of MXFP4, whose values are doubled.
SUMMAND_INLINE summand_float16 summand_load_e8m0_half(const void *p) {
  summand_bytes16 x;
  memcpy(&x, p, sizeof x);
  summand_uint16 e = __builtin_convertvector(x, summand_uint16);
  // Below 2 the half is denormal.
  summand_uint16 bits = e < 2 ? (summand_uint16)0x00200000 << e : (e - 1) << 23;
  summand_float16 r;
  memcpy(&r, &bits, sizeof r);
  return r;
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

/// The first eight of 16 numbers in double precision.
SUMMAND_INLINE summand_double8 summand_low_f64(summand_float16 x) {
  return __builtin_convertvector(
      __builtin_shufflevector(x, x, 0, 1, 2, 3, 4, 5, 6, 7), summand_double8);
}

/// The last eight.
SUMMAND_INLINE summand_double8 summand_high_f64(summand_float16 x) {
  return __builtin_convertvector(
      __builtin_shufflevector(x, x, 8, 9, 10, 11, 12, 13, 14, 15), summand_double8);
}

SUMMAND_INLINE summand_double8 summand_maximum_f64(summand_double8 a, summand_double8 b) {
  return a > b ? a : b;
}

SUMMAND_INLINE summand_double8 summand_minimum_f64(summand_double8 a, summand_double8 b) {
  return a < b ? a : b;
}

/// (1 + t) (ln 2 − ln (1 + t)) + t · log_t for t = e^log_t from 0 to 1: ln (1 + t) is 2 artanh s with
/// s = t / (2 + t), by its series, to the 33rd power. Here since Swift's compiler takes so long a chain
/// apart into single numbers.
SUMMAND_INLINE summand_double8 summand_shannon_f64(summand_double8 t, summand_double8 log_t) {
  summand_double8 s = t / (2.0 + t), square = s * s, sum = 2.0 / 33;
  for (int power = 31; power > 0; power -= 2) sum = sum * square + 2.0 / power;
  return (1.0 + t) * (0.6931471805599453 - s * sum) + t * log_t;
}

SUMMAND_INLINE summand_double8 summand_round_f64(summand_double8 x) {
  return __builtin_elementwise_roundeven(x);
}

/// 2^n for whole n from −1022 to 1023. AVX2 does not convert doubles to integers of 64 bits: after
/// 1.5 · 2^52 is added, the lowest bits of a double are those of n.
SUMMAND_INLINE summand_double8 summand_power_of_two_f64(summand_double8 n) {
  summand_double8 shifted = n + 0x1.8p52;
  summand_long8 bits;
  memcpy(&bits, &shifted, sizeof bits);
  bits = (bits + 1023) << 52;
  summand_double8 r;
  memcpy(&r, &bits, sizeof r);
  return r;
}

SUMMAND_INLINE summand_double8 summand_load_f64(const double *p) {
  summand_double8 x;
  memcpy(&x, p, sizeof x);
  return x;
}

SUMMAND_INLINE summand_double8 summand_magnitude_f64(summand_double8 x) {
  return __builtin_elementwise_abs(x);
}

SUMMAND_INLINE summand_double8 summand_root_f64(summand_double8 x) {
  return __builtin_elementwise_sqrt(x);
}

/// −1 where it holds, else 0. So of all that follow.
SUMMAND_INLINE summand_long8 summand_below_f64(summand_double8 a, summand_double8 b) {
  return a < b;
}

SUMMAND_INLINE summand_long8 summand_at_most_f64(summand_double8 a, summand_double8 b) {
  return a <= b;
}

SUMMAND_INLINE summand_long8 summand_is_zero_f64(summand_double8 x) { return x == 0.0; }

SUMMAND_INLINE summand_long8 summand_below_i64(summand_long8 a, summand_long8 b) { return a < b; }

SUMMAND_INLINE summand_long8 summand_equal_i64(summand_long8 a, summand_long8 b) { return a == b; }

/// a where the mask is −1, b where it is 0.
SUMMAND_INLINE summand_double8
summand_choose_f64(summand_long8 mask, summand_double8 a, summand_double8 b) {
  return mask ? a : b;
}

/// Whether any of eight masks is set.
SUMMAND_INLINE int summand_any_i64(summand_long8 mask) { return __builtin_reduce_or(mask) != 0; }

/// −1 where a is above b, else 0.
SUMMAND_INLINE summand_int16 summand_above(summand_float16 a, summand_float16 b) { return a > b; }

/// Whether any of 16 masks, each −1 or 0, is set.
SUMMAND_INLINE int summand_any(summand_int16 mask) { return __builtin_reduce_or(mask) != 0; }

/// out[j][i] = x[i][j] for i, j in 0..<4, rows `stride` and `out_stride` apart.
SUMMAND_INLINE void
summand_transpose_square(const float *x, long stride, float *out, long out_stride) {
  summand_float4 a, b, c, d;
  memcpy(&a, x, sizeof a);
  memcpy(&b, x + stride, sizeof b);
  memcpy(&c, x + 2 * stride, sizeof c);
  memcpy(&d, x + 3 * stride, sizeof d);
  summand_float4 ab_low = __builtin_shufflevector(a, b, 0, 4, 1, 5);
  summand_float4 ab_high = __builtin_shufflevector(a, b, 2, 6, 3, 7);
  summand_float4 cd_low = __builtin_shufflevector(c, d, 0, 4, 1, 5);
  summand_float4 cd_high = __builtin_shufflevector(c, d, 2, 6, 3, 7);
  a = __builtin_shufflevector(ab_low, cd_low, 0, 1, 4, 5);
  b = __builtin_shufflevector(ab_low, cd_low, 2, 3, 6, 7);
  c = __builtin_shufflevector(ab_high, cd_high, 0, 1, 4, 5);
  d = __builtin_shufflevector(ab_high, cd_high, 2, 3, 6, 7);
  memcpy(out, &a, sizeof a);
  memcpy(out + out_stride, &b, sizeof b);
  memcpy(out + 2 * out_stride, &c, sizeof c);
  memcpy(out + 3 * out_stride, &d, sizeof d);
}

/// 16 × 16 numbers, rows `stride` apart, turned: two stages within the quarters of the vectors, two of whole
/// quarters.
SUMMAND_INLINE void
summand_transpose_block(const float *x, long stride, float *out, long out_stride) {
  summand_float16 r[16], t[16];
  for (int i = 0; i < 16; i++) memcpy(&r[i], x + i * stride, sizeof r[i]);
  for (int i = 0; i < 16; i += 2) {
    t[i] = __builtin_shufflevector(
        r[i], r[i + 1], 0, 16, 1, 17, 4, 20, 5, 21, 8, 24, 9, 25, 12, 28, 13, 29);
    t[i + 1] = __builtin_shufflevector(
        r[i], r[i + 1], 2, 18, 3, 19, 6, 22, 7, 23, 10, 26, 11, 27, 14, 30, 15, 31);
  }
  for (int i = 0; i < 16; i += 4) {
    for (int j = 0; j < 2; j++) {
      r[i + 2 * j] = __builtin_shufflevector(
          t[i + j], t[i + j + 2], 0, 1, 16, 17, 4, 5, 20, 21, 8, 9, 24, 25, 12, 13, 28, 29);
      r[i + 2 * j + 1] = __builtin_shufflevector(
          t[i + j], t[i + j + 2], 2, 3, 18, 19, 6, 7, 22, 23, 10, 11, 26, 27, 14, 15, 30, 31);
    }
  }
  // Quarter q of r[4 g + c] is column 4 q + c of rows 4 g to 4 g + 3.
  for (int i = 0; i < 16; i += 8) {
    for (int c = 0; c < 4; c++) {
      t[i + c] = __builtin_shufflevector(
          r[i + c], r[i + 4 + c], 0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 24, 25, 26, 27);
      t[i + 4 + c] = __builtin_shufflevector(
          r[i + c], r[i + 4 + c], 4, 5, 6, 7, 12, 13, 14, 15, 20, 21, 22, 23, 28, 29, 30, 31);
    }
  }
  for (int c = 0; c < 4; c++) {
    for (int odd = 0; odd < 2; odd++) {
      summand_float16 low = __builtin_shufflevector(
          t[4 * odd + c], t[8 + 4 * odd + c], 0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 24, 25, 26,
          27);
      summand_float16 high = __builtin_shufflevector(
          t[4 * odd + c], t[8 + 4 * odd + c], 4, 5, 6, 7, 12, 13, 14, 15, 20, 21, 22, 23, 28, 29,
          30, 31);
      memcpy(out + (4 * odd + c) * out_stride, &low, sizeof low);
      memcpy(out + (8 + 4 * odd + c) * out_stride, &high, sizeof high);
    }
  }
}

/// 16 bytes of each of 16 rows, from `offset` on, turned: byte i of row j becomes byte j of out[i]. Four
/// times interleaving a vector with the one half of them further on moves each byte's number by eight bits.
SUMMAND_INLINE void
summand_turn_bytes(const void *_Nonnull const *_Nonnull rows, long offset, summand_bytes16 *out) {
  summand_bytes16 turned[16];
  for (int i = 0; i < 16; i++) memcpy(&out[i], (const char *)rows[i] + offset, sizeof out[i]);
  for (int round = 0; round < 4; round++) {
    for (int i = 0; i < 8; i++) {
      turned[2 * i] = __builtin_shufflevector(
          out[i], out[i + 8], 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
      turned[2 * i + 1] = __builtin_shufflevector(
          out[i], out[i + 8], 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
    }
    for (int i = 0; i < 16; i++) out[i] = turned[i];
  }
}

/// 16 bytes of each of 32 rows, from `offset` on, as `[16][32]`.
SUMMAND_INLINE void
summand_pack_bytes(const void *_Nonnull const *_Nonnull rows, long offset, void *out) {
  summand_bytes16 a[16], b[16];
  summand_turn_bytes(rows, offset, a);
  summand_turn_bytes(rows + 16, offset, b);
  for (int i = 0; i < 16; i++) {
    memcpy((char *)out + 32 * i, &a[i], sizeof a[i]);
    memcpy((char *)out + 32 * i + 16, &b[i], sizeof b[i]);
  }
}

/// The nibbles of 16 bytes of each of 32 rows, from `offset` on, as `[16][16]`: the first 16 rows' in the
/// low half of a byte, the others' in the high half. `low` takes the low nibbles of the rows, `high` the
/// high ones.
SUMMAND_INLINE void
summand_pack_nibbles(const void *_Nonnull const *_Nonnull rows, long offset, void *low, void *high) {
  summand_bytes16 a[16], b[16];
  summand_turn_bytes(rows, offset, a);
  summand_turn_bytes(rows + 16, offset, b);
  for (int i = 0; i < 16; i++) {
    summand_bytes16 lows = (a[i] & 0x0F) | (b[i] << 4), highs = (a[i] >> 4) | (b[i] & 0xF0);
    memcpy((char *)low + 16 * i, &lows, sizeof lows);
    memcpy((char *)high + 16 * i, &highs, sizeof highs);
  }
}

/// The same number, hidden from the compiler: a loop up to it is not unrolled.
SUMMAND_INLINE long summand_opaque(long n) {
  __asm__("" : "+r"(n));
  return n;
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

#pragma clang diagnostic pop
#pragma clang assume_nonnull end
