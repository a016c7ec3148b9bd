// `a.b`, `a["b"]` and `a[1:2]`.
extension JinjaRenderer {
  /// Names that a value of Python has, which nothing here does.
  private static let unsupportedOfText: Set<String> = [
    "casefold", "center", "encode", "expandtabs", "format_map", "isalnum", "isascii",
    "isdecimal", "isidentifier", "isnumeric", "isprintable", "istitle", "ljust", "maketrans",
    "rjust", "swapcase", "translate", "zfill",
  ]
  private static let unsupportedOfNumber: Set<String> = [
    "real", "imag", "numerator", "denominator", "bit_length", "bit_count", "conjugate",
    "to_bytes", "from_bytes", "as_integer_ratio", "is_integer", "hex", "fromhex",
  ]
  private static let unsupportedOfMacro: Set<String> = [
    "name", "arguments", "catch_kwargs", "catch_varargs", "caller", "explicit_caller",
  ]
  /// What jinja2's sandbox forbids.
  private static let changing: Set<String> = [
    "append", "clear", "pop", "reverse", "insert", "sort", "extend", "remove", "popitem",
    "setdefault", "update",
  ]

  /// `value.name`: an attribute, or else an item of that name.
  func attribute(_ name: String, of value: JinjaValue) throws -> JinjaValue {
    if case .undefined(let message) = value { throw JinjaError(message) }
    let absent = JinjaValue.undefined("\(value.kind) has no attribute '\(name)'")
    if name.hasPrefix("__") {
      return .undefined("access to the attribute '\(name)' is not safe")
    }
    func refused(_ names: Set<String>) throws {
      guard names.contains(name) else { return }
      throw JinjaError("the method `\(name)` of \(value.kind) is not supported")
    }
    switch value {
    case .dictionary(let dictionary):
      if JinjaMethods.ofDictionaries.contains(name) { return .method(of: value, name) }
      if ["clear", "pop", "popitem", "setdefault", "update"].contains(name) {
        return .undefined("`\(name)` would change a dictionary, which is not safe")
      }
      try refused(["fromkeys"])
      return dictionary[name] ?? absent
    case .text:
      if JinjaMethods.ofTexts.contains(name) { return .method(of: value, name) }
      try refused(Self.unsupportedOfText)
      return absent
    case .markup: throw JinjaError("a text that is marked `safe` can only be printed")
    case .list, .tuple:
      if ["index", "count"].contains(name) { return .method(of: value, name) }
      if case .list = value {
        if name == "copy" { return .method(of: value, name) }
        if Self.changing.contains(name) {
          return .undefined("`\(name)` would change a list, which is not safe")
        }
      }
      return absent
    case .namespace(let namespace): return namespace.values[name] ?? absent
    case .loop(let loop): return try attribute(name, of: loop) ?? absent
    case .integer, .double, .boolean:
      try refused(Self.unsupportedOfNumber)
      return absent
    case .macro:
      try refused(Self.unsupportedOfMacro)
      return absent
    case .range:
      try refused(["start", "stop", "step", "index", "count"])
      return absent
    case .none, .undefined, .view, .iterator, .function, .method: return absent
    }
  }

  private func attribute(_ name: String, of loop: JinjaLoop) throws -> JinjaValue? {
    switch name {
    case "index0": return .integer(loop.index0)
    case "index": return .integer(loop.index0 + 1)
    case "revindex0": return .integer(try loop.length(self) - loop.index0 - 1)
    case "revindex": return .integer(try loop.length(self) - loop.index0)
    case "first": return .boolean(loop.index0 == 0)
    case "last": return .boolean(try loop.following(self) == nil)
    case "length": return .integer(try loop.length(self))
    case "depth": return .integer(1)
    case "depth0": return .integer(0)
    case "previtem":
      return loop.index0 == 0 ? .undefined("there is no previous item") : loop.previous
    case "nextitem": return try loop.following(self) ?? .undefined("there is no next item")
    case "cycle", "changed": return .method(of: .loop(loop), name)
    default: return nil
    }
  }

  /// `value[index]`: an item, or else an attribute of that name.
  func item(_ index: JinjaValue, of value: JinjaValue) throws -> JinjaValue {
    switch value {
    case .undefined(let message): throw JinjaError(message)
    case .dictionary(let dictionary):
      if let key = try? JinjaKey(index), let found = dictionary[key] { return found }
    case .text(let text):
      if let place = try place(index, among: text.count) { return .text([text[place]]) }
    case .list(let list), .tuple(let list):
      if let place = try place(index, among: list.items.count) { return list.items[place] }
    case .range(let range):
      if let place = try place(index, among: range.count) { return .integer(range[place]) }
    default: break
    }
    if case .text(let name) = index { return try attribute(String(name), of: value) }
    return .undefined("\(value.kind) has no such element")
  }

  /// The place that an index means; nil where there is none.
  private func place(_ index: JinjaValue, among count: Int) throws -> Int? {
    guard let index = index.integer else { return nil }
    let place = index < 0 ? index + count : index
    return (0..<count).contains(place) ? place : nil
  }

  /// `value[start:stop:step]`, each `none` where it is not written.
  func slice(_ value: JinjaValue, _ bounds: [JinjaValue]) throws -> JinjaValue {
    switch value {
    case .undefined(let message): throw JinjaError(message)
    case .text(let text):
      let places = try places(bounds, among: text.count)
      try charge(text: places.count)
      return .text(places.items.map { text[$0] })
    case .list(let list):
      let places = try places(bounds, among: list.items.count)
      try charge(places.count)
      return .list(try JinjaList(places.items.map { list.items[$0] }))
    case .tuple(let list):
      let places = try places(bounds, among: list.items.count)
      try charge(places.count)
      return .tuple(try JinjaList(places.items.map { list.items[$0] }))
    default: throw JinjaError("\(value.kind) cannot be sliced")
    }
  }

  private func places(_ bounds: [JinjaValue], among count: Int) throws
    -> (items: [Int], count: Int)
  {
    let step = bounds[2].isNone ? 1 : try integer(bounds[2])
    guard step != 0 else { throw JinjaError("the step of a slice is 0") }
    let (lowest, highest) = step > 0 ? (0, count) : (-1, count - 1)
    func bound(_ value: JinjaValue, _ usual: Int) throws -> Int {
      guard !value.isNone else { return usual }
      let index = try integer(value)
      if index < 0 { return max(lowest, index < -count ? lowest : index + count) }
      return min(highest, index)
    }
    let start = try bound(bounds[0], step > 0 ? 0 : count - 1)
    let stop = try bound(bounds[1], step > 0 ? count : -1)
    var (items, place): ([Int], Int) = ([], start)
    while step > 0 ? place < stop : place > stop {
      items.append(place)
      let (next, overflow) = place.addingReportingOverflow(step)
      if overflow { break }
      place = next
    }
    return (items, items.count)
  }
}
