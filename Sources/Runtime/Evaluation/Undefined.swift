import Lang

/// Why an operation on numbers has no number as its result. The result is missing then.
enum Undefined: CaseIterable {
  case division, squareRoot, logarithm, power
  /// Infinity less infinity, and the like.
  case indeterminate

  var text: String {
    switch self {
    case .division: "division by zero"
    case .squareRoot: "square root of a negative number"
    case .logarithm: "logarithm of a negative number"
    case .power: "power of a negative number with a fraction as its exponent"
    case .indeterminate: "a result that is not a number, such as infinity - infinity,"
    }
  }
}

/// In how many rows of a column each of these came up.
struct UndefinedRows {
  /// The row that is being evaluated.
  var row = 0
  private var counts: [Undefined: (rows: Int, last: Int)] = [:]

  mutating func note(_ why: Undefined) {
    let known = counts[why]
    guard known?.last != row else { return }
    counts[why] = ((known?.rows ?? 0) + 1, row)
  }

  /// One warning for each kind.
  func warnings(of rowCount: Int) -> [String] {
    Undefined.allCases.compactMap { why in
      counts[why].map {
        "\(why.text) in \(thousands($0.rows)) of \(rows(rowCount)): they are missing"
      }
    }
  }
}

extension Session {
  /// The value of what has none. In a column it is missing and counted for one warning; elsewhere a
  /// division by zero is an error, and all else missing with a warning.
  func undefined(_ why: Undefined, at span: SourceSpan) throws -> Value {
    if statement.undefinedRows != nil {
      statement.undefinedRows?.note(why)
      return .missing
    }
    if why == .division { throw Failure("division by zero", span: span) }
    warn("\(why.text) is missing", at: span)
    return .missing
  }
}
