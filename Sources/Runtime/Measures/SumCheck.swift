import Model

/// The check that every attribution states.
struct SumCheck {
  /// Of the attributions whose parts and logit are numbers.
  private var count = 0
  private var unchecked = 0
  private var sum = 0.0
  private var logit = 0.0
  private var gap = 0.0
  /// The largest of what they sum to.
  private var size = 0.0

  mutating func add(_ attribution: Attribution) {
    let (found, logit) = (attribution.sum, attribution.logit)
    guard found.isFinite, logit.isFinite else {
      unchecked += 1
      return
    }
    count += 1
    (sum, self.logit) = (found, logit)
    gap = max(gap, abs(found - logit))
    size = max(size, abs(logit))
  }

  mutating func add(_ attributions: [Attribution?]) {
    for case let attribution? in attributions { add(attribution) }
  }

  /// - Parameter name: what was attributed, where it is not the command that says so.
  func report(to call: Invocation, goal: String, of name: String = "dla") {
    let gapText = Self.short(gap)
    if unchecked > 0 {
      call.session.note(
        "\(name): \(unchecked) of \(count + unchecked) attributions are not numbers, and have no sum to "
          + "check")
    }
    if count == 0 { return }
    if count == 1 {
      call.session.note(
        "\(name): the parts sum to \(Self.fixed(sum)), the model's \(goal) is "
          + "\(Self.fixed(logit)), the gap is \(gapText)")
    } else {
      call.session.note(
        "\(name): over \(count) attributions the parts sum to the model's \(goal) within "
          + gapText)
    }
    // A stream can be thousands long, and F32 has seven digits.
    if gap > max(1e-2, 1e-5 * size) {
      call.warn(
        "the parts do not sum to the \(goal): the gap is \(gapText)",
        help: "do not trust this attribution; please report the model and the prompt")
    }
  }

  static func fixed(_ x: Double) -> String {
    DecimalText((x * 1e5).rounded() / 1e5).fixed(decimals: 5)
  }

  /// A gap for people: `5.4e-7`.
  static func short(_ x: Double) -> String {
    x == 0 ? "0" : DecimalText(x).scientific(decimals: 1)
  }
}
