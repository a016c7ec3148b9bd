// What Python does with every value: its text, its items, whether it equals another.
extension JinjaRenderer {
  // MARK: Texts

  /// `str(value)`
  func text(of value: JinjaValue) throws -> JinjaText {
    switch value {
    case .text(let text), .markup(let text): return text
    case .undefined: return []
    default: return try representation(of: value)
    }
  }

  /// `repr(value)`
  func representation(of value: JinjaValue) throws -> JinjaText {
    try charge(1)
    switch value {
    case .none: return JinjaText("None")
    case .undefined: return JinjaText("Undefined")
    case .boolean(let value): return JinjaText(value ? "True" : "False")
    case .integer(let value): return JinjaText("\(value)")
    case .double(let value): return JinjaText(value.pythonText)
    case .text(let text):
      try charge(text: text.count)
      return text.representation
    case .list(let list): return try joined(list, "[", "]")
    case .tuple(let list): return try joined(list, "(", list.items.count == 1 ? ",)" : ")")
    case .view(let list, let name): return try joined(list, "dict_\(name)([", "])")
    case .dictionary(let dictionary):
      var text = JinjaText("{")
      for (index, (key, value)) in dictionary.pairs.enumerated() {
        if index > 0 { text += JinjaText(", ") }
        text += try representation(of: key) + JinjaText(": ") + representation(of: value)
        try charge(text: text.count)
      }
      return text + JinjaText("}")
    case .range(let range):
      let step = range.step == 1 ? "" : ", \(range.step)"
      return JinjaText("range(\(range.start), \(range.stop)\(step))")
    case .markup, .iterator, .namespace, .loop, .macro, .function, .method:
      throw JinjaError("\(value.kind) cannot be printed")
    }
  }

  private func joined(_ list: JinjaList, _ open: String, _ close: String) throws -> JinjaText {
    var text = JinjaText(open)
    for (index, item) in list.items.enumerated() {
      if index > 0 { text += JinjaText(", ") }
      text += try representation(of: item)
      try charge(text: text.count)
    }
    return text + JinjaText(close)
  }

  // MARK: Items

  /// `iter(value)`
  func iterator(over value: JinjaValue) throws -> JinjaIterator {
    if case .iterator(let iterator) = value { return iterator }
    return try JinjaIterator(try items(of: value))
  }

  /// `list(value)`
  func items(of value: JinjaValue) throws -> [JinjaValue] {
    switch value {
    case .undefined: return []
    case .text(let text):
      try charge(values: text.count)
      return text.map { .text([$0]) }
    case .list(let list), .tuple(let list), .view(let list, _):
      try charge(list.items.count)
      return list.items
    case .dictionary(let dictionary):
      try charge(dictionary.keys.count)
      return dictionary.keys
    case .range(let range):
      try charge(values: range.count)
      return range.items
    case .iterator(let iterator):
      var items: [JinjaValue] = []
      while let item = try iterator.next(self) {
        try charge(1)
        items.append(item)
      }
      return items
    default: throw JinjaError("\(value.kind) has no items to go through")
    }
  }

  /// `len(value)`; nil where it has none.
  func length(of value: JinjaValue) -> Int? {
    switch value {
    case .undefined: 0
    case .text(let text), .markup(let text): text.count
    case .list(let list), .tuple(let list), .view(let list, _): list.items.count
    case .dictionary(let dictionary): dictionary.keys.count
    case .range(let range): range.count
    default: nil
    }
  }

  /// A whole number, where nothing else will do.
  func integer(_ value: JinjaValue) throws -> Int {
    guard let integer = value.integer else {
      throw JinjaError("expected a whole number, got \(value.kind)")
    }
    return integer
  }

  // MARK: Comparisons

  func isEqual(_ left: JinjaValue, _ right: JinjaValue) throws -> Bool {
    try charge(1)
    switch (left, right) {
    case (.none, .none), (.undefined, .undefined): return true
    case (.text(let one), .text(let other)):
      try charge(min(one.count, other.count) / 16)
      return one == other
    case (.list(let one), .list(let other)), (.tuple(let one), .tuple(let other)):
      guard one.items.count == other.items.count else { return false }
      for (one, other) in zip(one.items, other.items) {
        guard try isEqual(one, other) else { return false }
      }
      return true
    case (.dictionary(let one), .dictionary(let other)):
      guard one.keys.count == other.keys.count else { return false }
      for (key, value) in one.pairs {
        guard let found = other[try JinjaKey(key)], try isEqual(value, found) else { return false }
      }
      return true
    case (.namespace(let one), .namespace(let other)): return one === other
    case (.markup, _), (_, .markup), (.view, .view), (.range, .range), (.method, .method),
      (.macro, .macro), (.iterator, .iterator), (.loop, .loop), (.function, .function):
      throw JinjaError("\(left.kind) cannot be compared with \(right.kind)")
    default:
      if let one = left.integer, let other = right.integer { return one == other }
      if let one = left.integer, case .double(let other) = right {
        return Int(exactly: other) == one
      }
      if let other = right.integer, case .double(let one) = left {
        return Int(exactly: one) == other
      }
      if case .double(let one) = left, case .double(let other) = right { return one == other }
      return false
    }
  }

  func isLess(_ left: JinjaValue, _ right: JinjaValue, orEqual: Bool = false) throws -> Bool {
    try charge(1)
    for value in [left, right] {
      if case .undefined(let message) = value { throw JinjaError(message) }
    }
    switch (left, right) {
    case (.text(let one), .text(let other)):
      try charge(min(one.count, other.count) / 16)
      if orEqual, one == other { return true }
      return one.lexicographicallyPrecedes(other)
    case (.list(let one), .list(let other)), (.tuple(let one), .tuple(let other)):
      for (one, other) in zip(one.items, other.items) {
        if try !isEqual(one, other) { return try isLess(one, other) }
      }
      return one.items.count < other.items.count
        || orEqual && one.items.count == other.items.count
    default:
      if let one = left.integer, let other = right.integer {
        return orEqual ? one <= other : one < other
      }
      guard let one = left.number, let other = right.number else {
        throw JinjaError("\(left.kind) cannot be compared with \(right.kind)")
      }
      return orEqual ? one <= other : one < other
    }
  }

  /// `item in container`
  func contains(_ container: JinjaValue, _ item: JinjaValue) throws -> Bool {
    switch container {
    case .text(let text):
      guard case .text(let part) = item else {
        throw JinjaError("`in` a text needs a text, not \(item.kind)")
      }
      return try find(part, in: text, from: 0) != nil
    case .dictionary(let dictionary):
      if case .undefined = item { return false }
      return dictionary[try JinjaKey(item)] != nil
    default:
      let iterator = try iterator(over: container)
      while let found = try iterator.next(self) {
        if try isEqual(found, item) { return true }
      }
      return false
    }
  }

  /// Where a part begins first, from an index on.
  func find(_ part: JinjaText, in text: JinjaText, from start: Int) throws -> Int? {
    guard part.count <= text.count else { return nil }
    var index = start
    while index <= text.count - part.count {
      var length = 0
      while length < part.count, text[index + length] == part[length] { length += 1 }
      if length == part.count { return index }
      try charge(length / 8 + (index & 15 == 0 ? 1 : 0))
      index += 1
    }
    return nil
  }
}
