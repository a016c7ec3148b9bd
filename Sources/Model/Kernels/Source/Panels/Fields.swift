import CSIMD

// What the blocks of panels are made of. Each field is 32 columns wide at every k:
// words and bytes as in the file, row after row; weights of four bits at `[k][16]`,
// column i in the low nibble of a byte and column 16 + i in the high one; weights, or the upper
// parts of weights, of two bits at `[k / 4][32]`, and of one bit at `[k / 8][32]`.

/// The f16 at `field` of 16 columns.
@inline(__always)
func halves(_ field: UnsafeRawPointer, _ group: Int) -> SIMD16<Float> {
  summand_load_f16(field + group * 32)
}

/// Whether the f16 at `field` of all 32 columns are neither infinite nor NaN.
@inline(__always)
func areFiniteHalves(_ field: UnsafeRawPointer) -> Bool {
  summand_finite_words(field, 0x7C00) != 0
}

/// Bits `shift` and up, those that `mask` has, of byte `index` of a field of bytes.
@inline(__always)
func bits(_ field: UnsafeRawPointer, _ index: Int, _ group: Int, shift: Int, mask: UInt8)
  -> SIMD16<UInt8>
{
  let offset: Int = index * 32 + group * 16
  return summand_load_bits(field + offset, Int32(truncatingIfNeeded: shift), mask)
}

@inline(__always)
func nibbles(_ field: UnsafeRawPointer, _ k: Int, _ group: Int) -> SIMD16<UInt8> {
  summand_load_bits(field + k * 16, Int32(truncatingIfNeeded: group * 4), 15)
}

/// Nibbles as whole numbers, less `offset`.
@inline(__always)
func wholeNibbles(_ field: UnsafeRawPointer, _ k: Int, _ group: Int, less offset: Int32 = 0)
  -> SIMD16<Float>
{
  summand_load_nibbles(field + k * 16, Int32(truncatingIfNeeded: group * 4), offset)
}

@inline(__always)
func pairs(_ field: UnsafeRawPointer, _ k: Int, _ group: Int) -> SIMD16<UInt8> {
  bits(field, k >> 2, group, shift: (k & 3) * 2, mask: 3)
}

@inline(__always)
func singles(_ field: UnsafeRawPointer, _ k: Int, _ group: Int) -> SIMD16<UInt8> {
  bits(field, k >> 3, group, shift: k & 7, mask: 1)
}

// MARK: - Packing

@inline(__always)
func byte(_ source: UnsafeRawPointer, _ index: Int) -> UInt8 {
  source.load(fromByteOffset: index, as: UInt8.self)
}

/// Two bytes, whatever they stand for.
@inline(__always)
func packHalf(_ source: UnsafeRawPointer, _ column: Int, into field: UnsafeMutableRawPointer) {
  field.storeBytes(
    of: source.loadUnaligned(as: UInt16.self), toByteOffset: column * 2, as: UInt16.self)
}

@inline(__always)
func packBytes(
  _ source: UnsafeRawPointer, count: Int, _ column: Int, into field: UnsafeMutableRawPointer
) {
  for i in 0..<count {
    field.storeBytes(of: byte(source, i), toByteOffset: i * 32 + column, as: UInt8.self)
  }
}

@inline(__always)
func packNibble(_ value: UInt8, k: Int, _ column: Int, into field: UnsafeMutableRawPointer) {
  merge(value, shift: (column >> 4) * 4, field + (k * 16 + (column & 15)))
}

@inline(__always)
func packPair(_ value: UInt8, k: Int, _ column: Int, into field: UnsafeMutableRawPointer) {
  merge(value, shift: (k & 3) * 2, field + ((k >> 2) * 32 + column))
}

@inline(__always)
func packSingle(_ value: UInt8, k: Int, _ column: Int, into field: UnsafeMutableRawPointer) {
  merge(value, shift: k & 7, field + ((k >> 3) * 32 + column))
}

@inline(__always)
private func merge(_ value: UInt8, shift: Int, _ byte: UnsafeMutableRawPointer) {
  let old = byte.load(as: UInt8.self)
  byte.storeBytes(of: old | value &<< UInt8(truncatingIfNeeded: shift), as: UInt8.self)
}

/// The 32 nibbles of GGML's small blocks: 0 to 15 are the low ones of 16 bytes, the rest the high.
@inline(__always)
func packSmallNibbles(
  _ source: UnsafeRawPointer, _ column: Int, into field: UnsafeMutableRawPointer
) {
  for i in 0..<16 {
    packNibble(byte(source, i) & 15, k: i, column, into: field)
    packNibble(byte(source, i) >> 4, k: i + 16, column, into: field)
  }
}

/// Two bytes of each of 32 rows.
@inline(__always)
func packHalves(
  _ rows: UnsafePointer<UnsafeRawPointer>, at offset: Int, into field: UnsafeMutableRawPointer
) {
  for column in 0..<panelWidth { packHalf(rows[column] + offset, column, into: field) }
}

/// Some bytes of each of 32 rows.
@inline(__always)
func packBytes(
  _ rows: UnsafePointer<UnsafeRawPointer>, at offset: Int, count: Int,
  into field: UnsafeMutableRawPointer
) {
  for column in 0..<panelWidth {
    packBytes(rows[column] + offset, count: count, column, into: field)
  }
}

/// The nibbles of small blocks of 32 rows.
@inline(__always)
func packSmallNibbles(
  _ rows: UnsafePointer<UnsafeRawPointer>, at offset: Int, into field: UnsafeMutableRawPointer
) {
  summand_pack_nibbles(rows, offset, field, field + 256)
}

/// The nibbles of large blocks of 32 rows.
@inline(__always)
func packLargeNibbles(
  _ rows: UnsafePointer<UnsafeRawPointer>, at offset: Int, into field: UnsafeMutableRawPointer
) {
  for quarter in 0..<4 {
    for half in 0..<2 {
      let low = field + (quarter * 64 + half * 16) * 16
      summand_pack_nibbles(rows, offset + quarter * 32 + half * 16, low, low + 32 * 16)
    }
  }
}

/// The 256 nibbles of GGML's large blocks: 32 low ones, then the 32 high ones of the same bytes.
@inline(__always)
func packLargeNibbles(
  _ source: UnsafeRawPointer, _ column: Int, into field: UnsafeMutableRawPointer
) {
  for k in 0..<256 {
    let value = byte(source, (k >> 6) * 32 + (k & 31))
    packNibble((k & 32 == 0 ? value : value >> 4) & 15, k: k, column, into: field)
  }
}

/// The 256 pairs of bits of GGML's large blocks: each half has 32 bytes, and in these 32 pairs at
/// each of four places.
@inline(__always)
func packLargePairs(
  _ source: UnsafeRawPointer, _ column: Int, into field: UnsafeMutableRawPointer
) {
  for k in 0..<256 {
    let value = byte(source, (k >> 7) * 32 + (k & 31))
    let shift = UInt8(truncatingIfNeeded: ((k >> 5) & 3) * 2)
    packPair((value &>> shift) & 3, k: k, column, into: field)
  }
}

/// The 256 single bits of GGML's large blocks: 32 bytes, and in these 32 bits at each of eight
/// places.
@inline(__always)
func packLargeSingles(
  _ source: UnsafeRawPointer, _ column: Int, into field: UnsafeMutableRawPointer
) {
  for k in 0..<256 {
    let value = byte(source, k & 31) &>> UInt8(truncatingIfNeeded: k >> 5)
    packSingle(value & 1, k: k, column, into: field)
  }
}
