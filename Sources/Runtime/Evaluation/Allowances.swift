import Lang
import Model

// What is made is held against the memory there is before it is made.
extension Memory {
  /// - Parameter what: what takes the bytes, for the message: `the joined table of 5,000 rows`.
  /// - Throws: `Failure` if `bytes` are more than values may take.
  static func reserve(
    _ bytes: Int, for what: @autoclosure () -> String, help: String? = nil
  ) throws {
    // Too small to be worth the question.
    guard bytes > 1 << 22 else { return }
    let budget = budget
    guard bytes > budget else { return }
    throw tooLarge(what(), bytes, budget, help: help)
  }

  static func tooLarge(_ what: String, _ bytes: Int, _ budget: Int, help: String?) -> Failure {
    Failure(
      "\(what) needs \(sizeText(bytes)) of memory, more than the budget of \(sizeText(budget))",
      help: (help.map { $0 + ", or " } ?? "") + "allow more: --memory \(megabytes(bytes))MB")
  }

  /// Rounded up, with some to spare for what comes after it.
  private static func megabytes(_ bytes: Int) -> Int { bytes / 1_000_000 / 4 * 5 + 1 }
}

extension Invocation {
  /// The rows that a measure makes, before it runs.
  ///
  /// - Parameters:
  ///   - rows: how many; their product, where there are several numbers.
  ///   - bytes: what each takes.
  func reserve(rows: Int..., bytes: Int, help: String? = nil) throws {
    let (total, isTooMany) = (rows + [bytes]).reduce((1, false)) { product, factor in
      let (value, overflow) = product.0.multipliedReportingOverflow(by: factor)
      return (overflow ? .max : value, product.1 || overflow)
    }
    let count = isTooMany ? .max : total / max(bytes, 1)
    try placing(at: span) {
      try session.reserve(
        isTooMany ? .max : total,
        for: "the table of `\(command.name)`, \(Runtime.rows(count)),",
        help: help ?? "take fewer prompts")
    }
  }
}

extension Session {
  /// The same for what belongs to a run: activations and results are taken from the same budget.
  func reserve(_ bytes: Int, for what: @autoclosure () -> String, help: String? = nil) throws {
    guard bytes > 1 << 20, bytes > memory else { return }
    throw Memory.tooLarge(what(), bytes, memory, help: help)
  }
}
