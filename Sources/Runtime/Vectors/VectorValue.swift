import Lang
import Model

/// A vector of one model's: what stands at a site, or a direction there.
struct VectorValue: Sendable {
  var elements: [Double]
  let model: LanguageModel
  /// Where it belongs; nil for one that sites of several layers had a part in.
  var place: String?
  /// The layer after which it is added to the stream, as control vectors count; nil where that is not
  /// known.
  var layer: Int?
  /// What it was measured on.
  var origins: [Origin] = []
  /// How well it tells the two sides apart, where it is a direction.
  var fit: DirectionFit?

  init(
    _ elements: [Double], of model: LanguageModel, place: String? = nil, layer: Int? = nil,
    origins: [Origin] = []
  ) {
    self.elements = elements
    self.model = model
    self.place = place
    self.layer = layer
    self.origins = origins
  }

  /// What stands for the numbers of a plan: not 0, which has no direction.
  static func planned(_ width: Int) -> [Double] {
    var elements = [Double](repeating: 0, count: width)
    if width > 0 { elements[0] = 1 }
    return elements
  }

  /// The length, √Σ x².
  var norm: Double {
    let largest = elements.reduce(0) { max($0, abs($1)) }
    guard largest > 0, largest.isFinite else { return largest }
    return largest * elements.reduce(0) { $0 + ($1 / largest) * ($1 / largest) }.squareRoot()
  }

  /// - Throws: `Failure` for vectors that cannot be put together.
  func check(with other: VectorValue) throws {
    guard model === other.model else {
      throw Failure(
        "these vectors are of two models, whose directions have nothing to do with each other",
        help: "measure both on one model")
    }
    guard elements.count == other.elements.count else {
      throw Failure(
        "one vector has \(thousands(elements.count)) elements and the other "
          + "\(thousands(other.elements.count))", help: "take both from sites of one width")
    }
  }

  func dot(_ other: VectorValue) -> Double {
    zip(elements, other.elements).reduce(0) { $0 + $1.0 * $1.1 }
  }

  /// Σ of the two, each times a number.
  func combined(_ own: Double, _ other: VectorValue, _ factor: Double) throws -> VectorValue {
    try check(with: other)
    var sum = VectorValue(
      zip(elements, other.elements).map { own * $0 + factor * $1 }, of: model,
      place: place == other.place ? place : nil, layer: layer == other.layer ? layer : nil,
      origins: origins + other.origins)
    try sum.checkIsFinite()
    return sum
  }

  func times(_ factor: Double) throws -> VectorValue {
    var product = self
    product.fit = nil
    product.elements = elements.map { $0 * factor }
    try product.checkIsFinite()
    return product
  }

  /// - Throws: `Failure` if a number is infinite or not one.
  mutating func checkIsFinite() throws {
    guard let number = elements.first(where: { !$0.isFinite }) else { return }
    throw Failure("this vector would have an element that is \(number)")
  }
}

extension VectorValue {
  /// What is shown of it: a row.
  var card: Table {
    var table = TableBuilder()
    let site = table.texts("site")
    let (width, norm) = (table.integers("width"), table.doubles("norm"))
    let columns = fit.map { _ in FitColumns(in: &table) }
    table.addRow()
    table[site] = place
    table[width] = elements.count
    table[norm] = self.norm
    if let fit { columns?.set(fit, in: &table) }
    return table.table()
  }

  /// Its numbers, a row each.
  var listing: TableValue {
    TableValue(
      Table(
        columns: [
          Column("element", .integers(Array(elements.indices))),
          Column("value", .doubles(elements)),
        ], measure: "value"), origins: origins)
  }
}

extension Value {
  /// The vector that it is, or that a list of numbers or a table's column `value` is taken for.
  ///
  /// - Parameter width: what it must have; nil: any.
  func vector(of model: LanguageModel, in session: Session) throws -> VectorValue {
    switch self {
    case .vector(let vector):
      guard vector.model === model else { throw session.isForeign(vector.model, to: model) }
      return vector
    case .list(let values):
      return VectorValue(try values.map { try $0.element }, of: model)
    case .table(let table):
      if let other = table.origins.map(\.model).first(where: { $0 !== model }) {
        throw session.isForeign(other, to: model)
      }
      let column = try table.table.column("value")
      return VectorValue(
        try (0..<column.count).mapChecked { try Value(column[$0]).element }, of: model,
        origins: table.origins)
    case .selector(let selector) where selector.isOfFeatures:
      return try session.decoderRow(of: selector, on: model)
    case .text(let text):
      // A cell of the column `component`.
      guard let selector = try? Selector(parsing: text), selector.isOfFeatures else {
        throw Failure("expected a vector, got text", help: "of features the decoder row: L12F5")
      }
      return try session.decoderRow(of: selector, on: model)
    case let other:
      throw Failure(
        "expected a vector, got \(other.kind)",
        help:
          "PROMPTS | activations SITE | vector, a list of numbers, or what `activations` returns "
          + "for one place")
    }
  }

  private var element: Double {
    get throws {
      guard let number = asDouble, number.isFinite else {
        throw Failure("a vector is made of numbers, and this has \(kind)")
      }
      return number
    }
  }
}

extension Session {
  fileprivate func isForeign(_ other: LanguageModel, to model: LanguageModel) -> Failure {
    Failure(
      "this vector was measured on '\(name(of: other))', and not on '\(name(of: model))'",
      help: "a column of a table, (…).value, is plain numbers, which belong to no model")
  }
}

extension Evaluator {
  /// A vector and another value, put together; nil where they cannot be.
  func vectorArithmetic(_ op: BinaryOperator, _ left: Value, _ right: Value) throws -> Value? {
    switch (left, right) {
    case (.vector(let a), .vector(let b)):
      switch op {
      case .add: return .vector(try a.combined(1, b, 1))
      case .subtract: return .vector(try a.combined(1, b, -1))
      case .multiply:
        throw Failure("two vectors have two products", help: "dot(A, B), or cosine(A, B)")
      default: return nil
      }
    case (.vector(let vector), let other):
      guard let factor = other.asDouble else { return nil }
      switch op {
      case .multiply: return .vector(try vector.times(factor))
      case .divide:
        guard factor != 0 else { throw Failure("a vector cannot be divided by 0") }
        return .vector(try vector.times(1 / factor))
      default: return nil
      }
    case (let other, .vector(let vector)):
      guard op == .multiply, let factor = other.asDouble else { return nil }
      return .vector(try vector.times(factor))
    default: return nil
    }
  }
}
