/// A value of a template: Python's, as far as templates have them. Lists and dictionaries never change,
/// as jinja2's `ImmutableSandboxedEnvironment` wants it.
enum JinjaValue {
  case none
  /// With what an error says if it is used: printing it, looping over it and testing it is no error.
  case undefined(String)
  case boolean(Bool)
  case integer(Int)
  case double(Double)
  case text(JinjaText)
  /// What the filter `safe` gives. In jinja2 its `+` and its methods change what they touch; so it
  /// can be printed and joined with `~`, and nothing else.
  case markup(JinjaText)
  case list(JinjaList)
  case tuple(JinjaList)
  case dictionary(JinjaDictionary)
  /// `dict.items()` and the like.
  case view(JinjaList, of: String)
  case range(JinjaRange)
  case iterator(JinjaIterator)
  case namespace(JinjaNamespace)
  case loop(JinjaLoop)
  case macro(JinjaMacro)
  case function(JinjaFunction)
  indirect case method(of: JinjaValue, String)

  static func text(_ string: String) -> JinjaValue { .text(JinjaText(string)) }

  /// For messages.
  var kind: String {
    switch self {
    case .none: "none"
    case .undefined: "an undefined value"
    case .boolean: "true or false"
    case .integer, .double: "a number"
    case .text, .markup: "a text"
    case .list: "a list"
    case .tuple: "a tuple"
    case .dictionary: "a dictionary"
    case .view(_, let name): "the \(name) of a dictionary"
    case .range: "a range"
    case .iterator: "an iterator"
    case .namespace: "a namespace"
    case .loop: "`loop`"
    case .macro: "a macro"
    case .function, .method: "a function"
    }
  }

  /// How deep values lie in it. Every walk over a value is a recursion, and so is the end of its life.
  var depth: Int {
    switch self {
    case .list(let list), .tuple(let list), .view(let list, _): list.depth
    case .dictionary(let dictionary): dictionary.depth
    case .iterator(let iterator): iterator.depth
    case .method(let value, _): value.depth + 1
    default: 0
    }
  }

  /// Whether it can be put into a list, a dictionary or a namespace. What holds variables could hold
  /// itself there.
  var isStorable: Bool {
    switch self {
    case .namespace, .loop, .macro: false
    case .method(let value, _): value.isStorable
    default: true
    }
  }

  var isTrue: Bool {
    switch self {
    case .none, .undefined: false
    case .boolean(let value): value
    case .integer(let value): value != 0
    case .double(let value): value != 0
    case .text(let text), .markup(let text): !text.isEmpty
    case .list(let list), .tuple(let list), .view(let list, _): !list.items.isEmpty
    case .dictionary(let dictionary): !dictionary.keys.isEmpty
    case .range(let range): range.count > 0
    case .loop(let loop): loop.knownLength != 0
    case .iterator, .namespace, .macro, .function, .method: true
    }
  }

  /// A whole number; true and false are 1 and 0, as in Python.
  var integer: Int? {
    switch self {
    case .integer(let value): value
    case .boolean(let value): value ? 1 : 0
    default: nil
    }
  }

  var number: Double? {
    if case .double(let value) = self { value } else { integer.map(Double.init) }
  }

  var isNone: Bool { if case .none = self { true } else { false } }
}

struct JinjaList {
  let items: [JinjaValue]
  let depth: Int

  static let deepest = 64

  init(_ items: [JinjaValue]) throws {
    self.items = items
    depth = 1 + (try Self.depth(of: items))
  }

  /// Texts, which lie in nothing.
  init(texts: [JinjaText]) {
    items = texts.map { .text($0) }
    depth = 1
  }

  static func depth(of values: some Sequence<JinjaValue>) throws -> Int {
    var deepest = 0
    for value in values {
      guard value.isStorable else {
        throw JinjaError("\(value.kind) in a list or a dictionary is not supported")
      }
      deepest = max(deepest, value.depth)
    }
    guard deepest < Self.deepest else { throw JinjaError("values are nested too deeply") }
    return deepest
  }
}

/// What a dictionary is looked up by: numbers that are equal are one key, as in Python.
enum JinjaKey: Hashable {
  case none
  case integer(Int)
  case double(Double)
  case text(JinjaText)
  case tuple([JinjaKey])

  init(_ value: JinjaValue) throws {
    switch value {
    case .none: self = .none
    case .boolean, .integer: self = .integer(value.integer ?? 0)
    case .double(let number): self = Int(exactly: number).map(Self.integer) ?? .double(number)
    case .text(let text): self = .text(text)
    case .tuple(let list): self = .tuple(try list.items.map(JinjaKey.init))
    default: throw JinjaError("\(value.kind) cannot be the key of a dictionary")
    }
  }
}

/// In the order in which keys came first.
struct JinjaDictionary {
  private(set) var keys: [JinjaValue] = []
  private(set) var values: [JinjaValue] = []
  private(set) var depth = 1
  private var places: [JinjaKey: Int] = [:]

  init() {}

  init(_ pairs: [(key: JinjaValue, value: JinjaValue)]) throws {
    for (key, value) in pairs { try set(key, value) }
  }

  mutating func set(_ key: JinjaValue, _ value: JinjaValue) throws {
    depth = max(depth, 1 + (try JinjaList.depth(of: [key, value])))
    let place = try JinjaKey(key)
    if let index = places[place] {
      values[index] = value
    } else {
      places[place] = keys.count
      keys.append(key)
      values.append(value)
    }
  }

  subscript(key: JinjaKey) -> JinjaValue? { places[key].map { values[$0] } }

  subscript(name: String) -> JinjaValue? { self[.text(JinjaText(name))] }

  var pairs: Zip2Sequence<[JinjaValue], [JinjaValue]> { zip(keys, values) }
}

struct JinjaRange {
  let start, stop, step: Int
  let count: Int

  /// jinja2's sandbox allows no more.
  static let longest = 100_000

  init(_ start: Int, _ stop: Int, _ step: Int) throws {
    guard step != 0 else { throw JinjaError("the step of a range is 0") }
    (self.start, self.stop, self.step) = (start, stop, step)
    let isEmpty = step > 0 ? start >= stop : start <= stop
    // As wide as the numbers may be, their distance fits where signs do not matter.
    let distance = UInt(bitPattern: step > 0 ? stop &- start : start &- stop)
    let count = isEmpty ? 0 : (distance - 1) / step.magnitude + 1
    guard count <= Self.longest else {
      throw JinjaError("a range of more than \(Self.longest) numbers is refused")
    }
    self.count = Int(count)
  }

  subscript(index: Int) -> Int { start + index * step }

  var items: [JinjaValue] { (0..<count).map { .integer(self[$0]) } }
}

/// Values that are made when they are asked for, once.
final class JinjaIterator {
  let next: (JinjaRenderer) throws -> JinjaValue?
  let depth: Int

  /// - Parameter depth: of the iterators that it asks for values.
  init(depth: Int = 0, next: @escaping (JinjaRenderer) throws -> JinjaValue?) throws {
    guard depth < JinjaList.deepest else { throw JinjaError("values are nested too deeply") }
    self.depth = depth + 1
    self.next = next
  }

  convenience init(_ items: [JinjaValue]) throws {
    var index = 0
    try self.init(depth: (items.map(\.depth).max() ?? 0)) { _ in
      guard index < items.count else { return nil }
      index += 1
      return items[index - 1]
    }
  }
}

final class JinjaNamespace {
  var values: [String: JinjaValue] = [:]
}

/// The variable `loop`.
final class JinjaLoop {
  private let iterator: JinjaIterator
  private(set) var knownLength: Int?
  private(set) var index0 = -1
  private(set) var previous: JinjaValue = .undefined("there is no previous item")
  private var current: JinjaValue?
  /// What was looked at before its turn: the items from `used` on.
  private var ahead: [JinjaValue] = []
  private var used = 0
  private var isAtEnd = false
  var changed: JinjaValue?

  init(_ iterator: JinjaIterator, length: Int?) {
    self.iterator = iterator
    knownLength = length
  }

  func advance(_ renderer: JinjaRenderer) throws -> JinjaValue? {
    guard let item = try following(renderer) else { return nil }
    used += 1
    index0 += 1
    if let current { previous = current }
    current = item
    return item
  }

  /// The item of the next turn; nil in the last one.
  func following(_ renderer: JinjaRenderer) throws -> JinjaValue? {
    if used == ahead.count, !isAtEnd {
      ahead = try iterator.next(renderer).map { [$0] } ?? []
      used = 0
      isAtEnd = ahead.isEmpty
    }
    return used < ahead.count ? ahead[used] : nil
  }

  /// How many turns there are: where nothing says so, all items are made for it.
  func length(_ renderer: JinjaRenderer) throws -> Int {
    if let knownLength { return knownLength }
    while !isAtEnd, let item = try iterator.next(renderer) {
      try renderer.charge(values: 1)
      ahead.append(item)
    }
    isAtEnd = true
    let length = index0 + 1 + ahead.count - used
    knownLength = length
    return length
  }
}

final class JinjaMacro {
  let definition: JinjaMacroDefinition
  /// Where it was defined: whose variables it sees.
  let scope: JinjaScope

  init(definition: JinjaMacroDefinition, scope: JinjaScope) {
    self.definition = definition
    self.scope = scope
  }
}

/// Variables.
final class JinjaScope {
  var values: [String: JinjaValue] = [:]
  let parent: JinjaScope?

  init(parent: JinjaScope?) { self.parent = parent }

  func value(_ name: String) -> JinjaValue? {
    var scope: JinjaScope? = self
    while let here = scope {
      if let value = here.values[name] { return value }
      scope = here.parent
    }
    return nil
  }
}

/// The functions that every template has.
enum JinjaFunction: String {
  case range, dict, namespace
  case raiseException = "raise_exception"
  case strftimeNow = "strftime_now"

  /// Of jinja2, not known here.
  static let unsupported: Set<String> = ["lipsum", "cycler", "joiner"]
}
