/// Whether `a` comes before (negative), with (0) or after (positive) `b` as people order names: runs
/// of digits by their number, so that L2H10 follows L2H9; letters of ASCII without regard to case
/// unless nothing else decides.
func naturalOrder(_ a: String, _ b: String) -> Int {
  var a = a
  var b = b
  return a.withUTF8 { a in b.withUTF8 { b in naturalOrder(a, b) } }
}

private func naturalOrder(
  _ a: UnsafeBufferPointer<UInt8>, _ b: UnsafeBufferPointer<UInt8>
) -> Int {
  var i = 0
  var j = 0
  /// Decides between texts that are otherwise alike: leading zeros, then case.
  var tie = 0
  while i < a.count, j < b.count {
    if isDigit(a[i]), isDigit(b[j]) {
      let one = digits(a, from: i)
      let other = digits(b, from: j)
      let order = compare(a, one.significant..<one.end, b, other.significant..<other.end)
      if order != 0 { return order }
      if tie == 0 { tie = (one.end - i) - (other.end - j) }
      i = one.end
      j = other.end
      continue
    }
    let one = lowercased(a[i])
    let other = lowercased(b[j])
    if one != other { return Int(one) - Int(other) }
    if tie == 0 { tie = Int(a[i]) - Int(b[j]) }
    i += 1
    j += 1
  }
  let rest = (a.count - i) - (b.count - j)
  return rest != 0 ? rest : tie
}

/// Numbers without leading zeros: the longer is the larger, else digit by digit.
private func compare(
  _ a: UnsafeBufferPointer<UInt8>, _ one: Range<Int>,
  _ b: UnsafeBufferPointer<UInt8>, _ other: Range<Int>
) -> Int {
  if one.count != other.count { return one.count - other.count }
  for offset in 0..<one.count {
    let order = Int(a[one.lowerBound + offset]) - Int(b[other.lowerBound + offset])
    if order != 0 { return order }
  }
  return 0
}

private func digits(
  _ text: UnsafeBufferPointer<UInt8>, from start: Int
) -> (significant: Int, end: Int) {
  var significant = start
  while significant < text.count, text[significant] == UInt8(ascii: "0") { significant += 1 }
  var end = significant
  while end < text.count, isDigit(text[end]) { end += 1 }
  return (significant, end)
}

private func isDigit(_ byte: UInt8) -> Bool { byte >= 0x30 && byte <= 0x39 }

private func lowercased(_ byte: UInt8) -> UInt8 {
  byte >= 0x41 && byte <= 0x5A ? byte + 0x20 : byte
}
