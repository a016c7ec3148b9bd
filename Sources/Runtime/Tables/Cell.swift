/// One value of a table, taken out of its column.
enum Cell: Sendable, Hashable {
  case missing
  case integer(Int)
  /// Computed by the model in single precision: prints the digits that reproduce a Float.
  case single(Float)
  case double(Double)
  case text(String)
  case boolean(Bool)

  /// A number that is missing where it is NaN.
  init(measured value: Float) { self = value.isNaN ? .missing : .single(value) }
  init(measured value: Double) { self = value.isNaN ? .missing : .double(value) }

  var isMissing: Bool { self == .missing }

  /// The value as a number; nil for texts, booleans and what is missing.
  var number: Double? {
    switch self {
    case .integer(let value): Double(value)
    case .single(let value): Double(value)
    case .double(let value): value
    case .missing, .text, .boolean: nil
    }
  }

  /// The text itself, or the value as files hold it: floats with the digits
  /// that reproduce them, what is missing as an empty text.
  var description: String {
    switch self {
    case .missing: ""
    case .integer(let value): String(value)
    case .single(let value): value.isNaN ? "" : value.description
    case .double(let value): value.isNaN ? "" : value.description
    case .text(let value): value
    case .boolean(let value): value ? "true" : "false"
    }
  }
}
