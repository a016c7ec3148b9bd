import Model

/// The values of a column, all of one type.
enum Values: Sendable, Equatable {
  case integers([Int?])
  /// Measured in single precision; NaN is missing.
  case singles([Float])
  /// NaN is missing.
  case doubles([Double])
  case texts([String?])
  case booleans([Bool?])

  enum Kind: String, Sendable, CaseIterable {
    case integers = "integer"
    case singles = "f32"
    case doubles = "f64"
    case texts = "text"
    case booleans = "boolean"

    var isNumeric: Bool {
      switch self {
      case .integers, .singles, .doubles: true
      case .texts, .booleans: false
      }
    }

    var isFloating: Bool {
      switch self {
      case .singles, .doubles: true
      case .integers, .texts, .booleans: false
      }
    }
  }

  var kind: Kind {
    switch self {
    case .integers: .integers
    case .singles: .singles
    case .doubles: .doubles
    case .texts: .texts
    case .booleans: .booleans
    }
  }

  var count: Int {
    switch self {
    case .integers(let values): values.count
    case .singles(let values): values.count
    case .doubles(let values): values.count
    case .texts(let values): values.count
    case .booleans(let values): values.count
    }
  }

  subscript(row: Int) -> Cell {
    switch self {
    case .integers(let values): values[row].map(Cell.integer) ?? .missing
    case .singles(let values): Cell(measured: values[row])
    case .doubles(let values): Cell(measured: values[row])
    case .texts(let values): values[row].map(Cell.text) ?? .missing
    case .booleans(let values): values[row].map(Cell.boolean) ?? .missing
    }
  }

  func isMissing(_ row: Int) -> Bool {
    switch self {
    case .integers(let values): values[row] == nil
    case .singles(let values): values[row].isNaN
    case .doubles(let values): values[row].isNaN
    case .texts(let values): values[row] == nil
    case .booleans(let values): values[row] == nil
    }
  }

  var missingCount: Int {
    switch self {
    case .integers(let values): values.count { $0 == nil }
    case .singles(let values): values.count { $0.isNaN }
    case .doubles(let values): values.count { $0.isNaN }
    case .texts(let values): values.count { $0 == nil }
    case .booleans(let values): values.count { $0 == nil }
    }
  }

  /// The value as a number; nil where it is missing or is none.
  func number(_ row: Int) -> Double? {
    switch self {
    case .integers(let values): values[row].map(Double.init)
    case .singles(let values): values[row].isNaN ? nil : Double(values[row])
    case .doubles(let values): values[row].isNaN ? nil : values[row]
    case .texts, .booleans: nil
    }
  }

  /// The values at `rows`, in that order; a row may come several times.
  func gathered(_ rows: [Int]) throws -> Values {
    switch self {
    case .integers(let values): .integers(try rows.mapChecked { values[$0] })
    case .singles(let values): .singles(try rows.mapChecked { values[$0] })
    case .doubles(let values): .doubles(try rows.mapChecked { values[$0] })
    case .texts(let values): .texts(try rows.mapChecked { values[$0] })
    case .booleans(let values): .booleans(try rows.mapChecked { values[$0] })
    }
  }

  /// The values at `rows`, missing where a row is nil.
  func gathered(optional rows: [Int?]) throws -> Values {
    switch self {
    case .integers(let values): .integers(try rows.mapChecked { $0.flatMap { values[$0] } })
    case .singles(let values): .singles(try rows.mapChecked { $0.map { values[$0] } ?? .nan })
    case .doubles(let values): .doubles(try rows.mapChecked { $0.map { values[$0] } ?? .nan })
    case .texts(let values): .texts(try rows.mapChecked { $0.flatMap { values[$0] } })
    case .booleans(let values): .booleans(try rows.mapChecked { $0.flatMap { values[$0] } })
    }
  }

  /// Nothing but missing values.
  static func missing(_ kind: Kind, count: Int) -> Values {
    switch kind {
    case .integers: .integers([Int?](repeating: nil, count: count))
    case .singles: .singles([Float](repeating: .nan, count: count))
    case .doubles: .doubles([Double](repeating: .nan, count: count))
    case .texts: .texts([String?](repeating: nil, count: count))
    case .booleans: .booleans([Bool?](repeating: nil, count: count))
    }
  }
}

extension Values {
  /// What is missing equals what is missing, NaN among floats too.
  static func == (one: Values, other: Values) -> Bool {
    switch (one, other) {
    case (.integers(let one), .integers(let other)): one == other
    case (.singles(let one), .singles(let other)): areSame(one, other)
    case (.doubles(let one), .doubles(let other)): areSame(one, other)
    case (.texts(let one), .texts(let other)): one == other
    case (.booleans(let one), .booleans(let other)): one == other
    default: false
    }
  }

  private static func areSame<Value: FloatingPoint>(_ one: [Value], _ other: [Value]) -> Bool {
    one.elementsEqual(other) { $0 == $1 || ($0.isNaN && $1.isNaN) }
  }
}

extension Values {
  /// The narrowest type that holds all of `cells`: integers with floats become doubles, anything
  /// with a text becomes text. Where every cell is missing (or there is none), `fallback`.
  init(_ cells: [Cell], fallback: Kind = .texts) {
    var kind: Kind?
    for cell in cells {
      guard let own = cell.kind, own != kind else { continue }
      kind = kind.map { Kind.common($0, own) } ?? own
    }
    switch kind ?? fallback {
    case .integers:
      self = .integers(cells.map { if case .integer(let value) = $0 { value } else { nil } })
    case .singles:
      self = .singles(cells.map { if case .single(let value) = $0 { value } else { .nan } })
    case .doubles:
      self = .doubles(cells.map { $0.number ?? .nan })
    case .texts:
      self = .texts(cells.map { $0.isMissing ? nil : $0.description })
    case .booleans:
      self = .booleans(cells.map { if case .boolean(let value) = $0 { value } else { nil } })
    }
  }
}

extension Cell {
  /// The type of column that this cell asks for; nil where it is missing.
  var kind: Values.Kind? {
    switch self {
    case .missing: nil
    case .integer: .integers
    case .single(let value): value.isNaN ? nil : .singles
    case .double(let value): value.isNaN ? nil : .doubles
    case .text: .texts
    case .boolean: .booleans
    }
  }
}

extension Values.Kind {
  var bytesPerValue: Int {
    switch self {
    case .integers: MemoryLayout<Int?>.stride
    case .singles: MemoryLayout<Float>.stride
    case .doubles: MemoryLayout<Double>.stride
    case .texts: MemoryLayout<String?>.stride
    case .booleans: MemoryLayout<Bool?>.stride
    }
  }

  static func common(_ one: Values.Kind, _ other: Values.Kind) -> Values.Kind {
    if one == other { return one }
    return one.isNumeric && other.isNumeric ? .doubles : .texts
  }
}
