/// The methods that values have.
enum JinjaMethods {
  static let ofDictionaries: Set<String> = ["get", "items", "keys", "values", "copy"]
  static let ofTexts: Set<String> = [
    "strip", "lstrip", "rstrip", "split", "rsplit", "splitlines", "startswith", "endswith",
    "replace", "lower", "upper", "title", "capitalize", "join", "find", "rfind", "index", "count",
    "isdigit", "isalpha", "isspace", "isupper", "islower", "removeprefix", "removesuffix",
    "partition", "rpartition", "format",
  ]
}

extension JinjaRenderer {
  func call(method name: String, of owner: JinjaValue, _ given: JinjaCall) throws -> JinjaValue {
    switch owner {
    case .text(let text):
      try charge(text.count / 16)
      return try call(name, of: text, given)
    case .dictionary(let dictionary): return try call(name, of: dictionary, given)
    case .list(let list), .tuple(let list):
      if name == "copy" {
        _ = try given.bound(to: [], of: "`copy`")
        return owner
      }
      guard let item = try given.bound(to: ["/"], of: "`\(name)`")[0] else {
        throw JinjaError("`\(name)` needs an argument")
      }
      var count = 0
      for (place, other) in list.items.enumerated() where try isEqual(item, other) {
        if name == "index" { return .integer(place) }
        count += 1
      }
      guard name == "count" else { throw JinjaError("`index` finds no such item") }
      return .integer(count)
    case .loop(let loop): return try call(name, of: loop, given)
    default: throw JinjaError("\(owner.kind) has no method `\(name)`")
    }
  }

  private func call(_ name: String, of loop: JinjaLoop, _ given: JinjaCall) throws -> JinjaValue {
    guard given.named.isEmpty else { throw JinjaError("`\(name)` takes no named arguments") }
    if name == "cycle" {
      guard !given.positional.isEmpty else { throw JinjaError("`cycle` needs an argument") }
      return given.positional[loop.index0 % given.positional.count]
    }
    let value = JinjaValue.tuple(try JinjaList(given.positional))
    if let last = loop.changed, try isEqual(last, value) { return .boolean(false) }
    loop.changed = value
    return .boolean(true)
  }

  private func call(_ name: String, of dictionary: JinjaDictionary, _ given: JinjaCall) throws
    -> JinjaValue
  {
    if name == "get" {
      let values = try given.bound(to: ["/key", "/default"], of: "`get`")
      guard let key = values[0] else { throw JinjaError("`get` needs a key") }
      if case .undefined = key { return values[1] ?? .none }
      return dictionary[try JinjaKey(key)] ?? values[1] ?? .none
    }
    _ = try given.bound(to: [], of: "`\(name)`")
    try charge(dictionary.keys.count)
    switch name {
    case "copy": return .dictionary(dictionary)
    case "keys": return .view(try JinjaList(dictionary.keys), of: name)
    case "values": return .view(try JinjaList(dictionary.values), of: name)
    default: return .view(try pairs(of: dictionary), of: "items")
    }
  }

  func pairs(of dictionary: JinjaDictionary) throws -> JinjaList {
    try JinjaList(try dictionary.pairs.map { .tuple(try JinjaList([$0, $1])) })
  }

  // MARK: Texts

  private func call(_ name: String, of text: JinjaText, _ given: JinjaCall) throws -> JinjaValue {
    let what = "`\(name)`"
    func none() throws { _ = try given.bound(to: [], of: what) }
    func texts(_ count: Int) throws -> [JinjaText] {
      try given.bound(to: Array(repeating: "/", count: count), of: what).map { value in
        guard case .text(let text)? = value else {
          throw JinjaError("\(what) needs a text, not \(value?.kind ?? "nothing")")
        }
        return text
      }
    }
    switch name {
    case "strip", "lstrip", "rstrip":
      return .text(
        try stripped(
          text, try given.bound(to: ["/"], of: what)[0], left: name != "rstrip",
          right: name != "lstrip"))
    case "split", "rsplit": return .list(try split(text, given, fromRight: name == "rsplit"))
    case "splitlines":
      try none()
      return .list(JinjaList(texts: text.lines))
    case "startswith", "endswith": return .boolean(try begins(text, given, name))
    case "replace": return .text(try replaced(text, given))
    case "format": return .text(try formatted(text, given))
    case "join":
      guard let values = try given.bound(to: ["/"], of: what)[0] else {
        throw JinjaError("`join` needs a list of texts")
      }
      return .text(try joined(try items(of: values), with: text, mustBeTexts: true))
    case "find", "rfind", "index", "count":
      let part = try texts(1)[0]
      return .integer(try place(of: part, in: text, name))
    case "removeprefix", "removesuffix":
      let part = try texts(1)[0]
      if name == "removeprefix" {
        return .text(text.starts(with: part) ? Array(text.dropFirst(part.count)) : text)
      }
      return .text(ends(text, part) ? Array(text.dropLast(part.count)) : text)
    case "partition", "rpartition":
      return .tuple(try partitioned(text, at: try texts(1)[0], fromRight: name == "rpartition"))
    default:
      try none()
      return Self.simple(name, text)
    }
  }

  /// Methods without arguments.
  private static func simple(_ name: String, _ text: JinjaText) -> JinjaValue {
    func all(_ holds: (Unicode.Scalar.Properties) -> Bool) -> JinjaValue {
      .boolean(!text.isEmpty && text.allSatisfy { holds($0.properties) })
    }
    func isCase(_ holds: (Unicode.Scalar.Properties) -> Bool) -> JinjaValue {
      let cased = text.filter {
        $0.properties.isLowercase || $0.properties.isUppercase
          || $0.properties.generalCategory == .titlecaseLetter
      }
      return .boolean(!cased.isEmpty && cased.allSatisfy { holds($0.properties) })
    }
    switch name {
    case "lower": return .text(text.lowercased)
    case "upper": return .text(text.uppercased)
    case "title": return .text(text.titled)
    case "capitalize": return .text(text.capitalized)
    case "isdigit": return all { $0.numericType == .decimal || $0.numericType == .digit }
    case "isalpha":
      return all {
        [.uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter]
          .contains($0.generalCategory)
      }
    case "isspace": return .boolean(!text.isEmpty && text.allSatisfy(\.isPythonSpace))
    case "isupper": return isCase(\.isUppercase)
    default: return isCase(\.isLowercase)
    }
  }

  func stripped(_ text: JinjaText, _ characters: JinjaValue?, left: Bool = true, right: Bool = true)
    throws -> JinjaText
  {
    switch characters {
    case nil, .some(.none): return text.stripped(\.isPythonSpace, left: left, right: right)
    case .text(let characters)?:
      let set = Set(characters)
      return text.stripped(set.contains, left: left, right: right)
    case let other?: throw JinjaError("what is stripped off is a text, not \(other.kind)")
    }
  }

  private func ends(_ text: JinjaText, _ part: JinjaText) -> Bool {
    text.count >= part.count && text.suffix(part.count).elementsEqual(part)
  }

  private func begins(_ text: JinjaText, _ given: JinjaCall, _ name: String) throws -> Bool {
    let value = try given.bound(to: ["/"], of: "`\(name)`")[0]
    let parts: [JinjaValue]
    switch value {
    case .tuple(let list)?: parts = list.items
    case let part?: parts = [part]
    case nil: parts = [.none]
    }
    return try parts.contains { part in
      guard case .text(let part) = part else {
        throw JinjaError("`\(name)` needs a text, not \(part.kind)")
      }
      return name == "startswith" ? text.starts(with: part) : ends(text, part)
    }
  }

  private func split(_ text: JinjaText, _ given: JinjaCall, fromRight: Bool) throws -> JinjaList {
    let values = try given.bound(
      to: ["sep", "maxsplit"], of: fromRight ? "`rsplit`" : "`split`")
    let limit = try values[1].map(integer).flatMap { $0 < 0 ? nil : $0 } ?? .max
    try charge(text: text.count)
    switch values[0] {
    case nil, .some(.none):
      guard !fromRight || limit == .max else {
        throw JinjaError("`rsplit` at spaces with a limit is not supported")
      }
      return JinjaList(texts: text.splitAtSpaces(limit: limit))
    case .text(let mark)?:
      guard !mark.isEmpty else { throw JinjaError("a text cannot be split at nothing") }
      // From the right, all is done backwards.
      let source = fromRight ? text.reversed() : text
      let sought = fromRight ? mark.reversed() : mark
      var (parts, start): ([JinjaText], Int) = ([], 0)
      while parts.count < limit, let place = try find(sought, in: source, from: start) {
        parts.append(Array(source[start..<place]))
        start = place + mark.count
      }
      parts.append(Array(source[start...]))
      return JinjaList(texts: fromRight ? parts.reversed().map { $0.reversed() } : parts)
    case let other?: throw JinjaError("a text is split at a text, not at \(other.kind)")
    }
  }

  private func replaced(_ text: JinjaText, _ given: JinjaCall) throws -> JinjaText {
    let values = try given.bound(to: ["/", "/", "count"], of: "`replace`")
    guard case .text(let old)? = values[0], case .text(let new)? = values[1] else {
      throw JinjaError("`replace` needs two texts")
    }
    return try replaced(old, by: new, in: text, limit: try values[2].map(integer) ?? -1)
  }

  func replaced(_ old: JinjaText, by new: JinjaText, in text: JinjaText, limit: Int) throws
    -> JinjaText
  {
    let limit = limit < 0 ? Int.max : limit
    var (result, start, count): (JinjaText, Int, Int) = ([], 0, 0)
    if old.isEmpty {
      for scalar in text {
        if count < limit { result += new }
        count += 1
        result.append(scalar)
        try charge(new.count + 1)
      }
      if count < limit { result += new }
      try charge(text: result.count)
      return result
    }
    while count < limit, let place = try find(old, in: text, from: start) {
      result += text[start..<place] + new
      try charge(new.count + 1)
      start = place + old.count
      count += 1
    }
    result += text[start...]
    try charge(text: result.count)
    return result
  }

  /// `str.format` with places that have a number, a name or nothing in them.
  private func formatted(_ text: JinjaText, _ given: JinjaCall) throws -> JinjaText {
    var (result, index, next): (JinjaText, Int, Int) = ([], 0, 0)
    while index < text.count {
      let scalar = text[index]
      index += 1
      guard scalar == "{" || scalar == "}" else {
        result.append(scalar)
        continue
      }
      if index < text.count, text[index] == scalar {
        result.append(scalar)
        index += 1
        continue
      }
      guard scalar == "{", let end = text[index...].firstIndex(of: "}") else {
        throw JinjaError("a brace of a format stands alone")
      }
      let field = String(text[index..<end])
      index = end + 1
      let value: JinjaValue?
      if field.isEmpty || field.unicodeScalars.allSatisfy(\.isASCIIDigit) {
        let place = field.isEmpty ? next : Int(field) ?? .max
        next += field.isEmpty ? 1 : 0
        value = given.positional.indices.contains(place) ? given.positional[place] : nil
      } else {
        guard field.unicodeScalars.allSatisfy({ $0 == "_" || $0.properties.isXIDContinue }) else {
          throw JinjaError("the format \(quoted("{\(field)}")) is not supported")
        }
        value = given.named.first { $0.name == field }?.value
      }
      guard let value else { throw JinjaError("a format has no value for \(quoted("{\(field)}"))") }
      result += try self.text(of: value)
      try charge(text: result.count)
    }
    return result
  }

  func joined(_ values: [JinjaValue], with mark: JinjaText, mustBeTexts: Bool = false) throws
    -> JinjaText
  {
    var result: JinjaText = []
    for (index, value) in values.enumerated() {
      if index > 0 { result += mark }
      if mustBeTexts {
        guard case .text = value else {
          throw JinjaError("`join` needs texts, not \(value.kind)")
        }
      }
      let part = try text(of: value)
      try charge(part.count + mark.count)
      result += part
    }
    try charge(text: result.count)
    return result
  }

  private func place(of part: JinjaText, in text: JinjaText, _ name: String) throws -> Int {
    switch name {
    case "rfind":
      let found = try find(part.reversed(), in: text.reversed(), from: 0)
      return found.map { text.count - part.count - $0 } ?? -1
    case "count":
      guard !part.isEmpty else { return text.count + 1 }
      var (count, start) = (0, 0)
      while let place = try find(part, in: text, from: start) {
        count += 1
        start = place + part.count
      }
      return count
    default:
      if let place = try find(part, in: text, from: 0) { return place }
      guard name == "find" else { throw JinjaError("`index` finds no such text") }
      return -1
    }
  }

  private func partitioned(_ text: JinjaText, at mark: JinjaText, fromRight: Bool) throws
    -> JinjaList
  {
    guard !mark.isEmpty else { throw JinjaError("a text cannot be split at nothing") }
    let place = try place(of: mark, in: text, fromRight ? "rfind" : "find")
    guard place >= 0 else { return JinjaList(texts: fromRight ? [[], [], text] : [text, [], []]) }
    return JinjaList(
      texts: [Array(text[..<place]), mark, Array(text[(place + mark.count)...])])
  }
}
