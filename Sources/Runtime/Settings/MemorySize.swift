/// The bytes of a size as a person writes it: `2GB`, `512MiB`, `1000000`: digits, perhaps with a
/// fraction, and a unit. Nil for anything else, and for what is less than a byte or beyond all
/// memories.
public func bytes(ofSize text: String) -> Int? {
  let digits = text.prefix { $0.isNumber || $0 == "." }
  let units: [String: Double] = [
    "": 1, "B": 1, "KB": 1e3, "MB": 1e6, "GB": 1e9, "TB": 1e12, "KIB": 0x1p10, "MIB": 0x1p20,
    "GIB": 0x1p30, "TIB": 0x1p40,
  ]
  guard let value = Double(digits), let unit = units[text.dropFirst(digits.count).uppercased()],
    value * unit >= 1, value * unit < 0x1p62
  else { return nil }
  return Int(value * unit)
}
