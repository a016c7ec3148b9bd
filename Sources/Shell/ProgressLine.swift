import Lang
import Synchronization

/// How far a long piece of work has come: one line on standard error, which appears after half a
/// second, is redrawn at most ten times a second and leaves nothing behind.
final class ProgressLine: Sendable {
  private struct State {
    var label = ""
    var began: ContinuousClock.Instant?
    var drawn: ContinuousClock.Instant?
    var isVisible = false
  }

  private let state = Mutex(State())
  private let isEnabled: Bool
  private let width: @Sendable () -> Int
  private let draw: @Sendable (String) -> Void

  static let delay = Duration.milliseconds(500)
  static let interval = Duration.milliseconds(100)

  init(
    isEnabled: Bool, width: @escaping @Sendable () -> Int,
    draw: @escaping @Sendable (String) -> Void
  ) {
    self.isEnabled = isEnabled
    self.width = width
    self.draw = draw
  }

  /// `done` of `total` steps of `label` are behind us. A total of 0 means that nobody knows it; a
  /// `done` that has reached the total ends the line.
  func update(done: Int, total: Int, label: String, now: ContinuousClock.Instant = .now) {
    guard isEnabled else { return }
    state.withLock { state in
      let label = withPictures(label, keepsLines: false)
      if state.began == nil || state.label != label {
        state.began = now
        state.label = label
      }
      if total > 0, done >= total { return end(&state) }
      let elapsed = state.began.map { now - $0 } ?? .zero
      guard elapsed >= Self.delay else { return }
      if let drawn = state.drawn, now - drawn < Self.interval { return }
      let text = Self.text(
        done: done, total: total, label: label, elapsed: elapsed, width: width())
      draw("\r\(text)\u{1B}[K")
      state.drawn = now
      state.isVisible = true
    }
  }

  /// Takes the line off the screen, so that something else can be written. The next `update`
  /// draws it again.
  func erase() {
    guard isEnabled else { return }
    state.withLock { hide(&$0) }
  }

  /// The work is over, whether it came to its end or not.
  func finish() {
    guard isEnabled else { return }
    state.withLock { end(&$0) }
  }

  private func end(_ state: inout State) {
    hide(&state)
    state = State()
  }

  private func hide(_ state: inout State) {
    guard state.isVisible else { return }
    draw("\r\u{1B}[K")
    state.isVisible = false
    state.drawn = nil
  }

  /// `ablate heads ━━━━━╌╌╌╌╌ 120/270 · 40/s · 4 s left`, shortened from the middle outwards to
  /// what fits in `width` columns.
  static func text(
    done: Int, total: Int, label: String, elapsed: Duration, width: Int
  ) -> String {
    let seconds = elapsed / .seconds(1)
    let rate = seconds > 0 ? Double(done) / seconds : 0
    let room = max(1, width - 1)
    guard total > 0 else {
      return clipped("\(label) \(done) · \(rounded(rate))/s", to: room)
    }
    var facts = "\(done)/\(total)"
    if rate > 0 {
      facts += " · \(rounded(rate))/s · \(timeText(Double(total - done) / rate)) left"
    }
    let barWidth = min(24, room - label.count - facts.count - 2)
    guard barWidth >= 4 else { return clipped("\(label) \(facts)", to: room) }
    let filled = Int(Double(barWidth) * Double(done) / Double(total))
    let bar =
      String(repeating: "━", count: filled) + String(repeating: "╌", count: barWidth - filled)
    return "\(label) \(bar) \(facts)"
  }

  private static func rounded(_ rate: Double) -> String {
    if rate >= 10 { return String(Int(min(rate, 1e15).rounded())) }
    let tenths = Int((rate * 10).rounded())
    return "\(tenths / 10).\(tenths % 10)"
  }

  private static func timeText(_ seconds: Double) -> String {
    let whole = Int(min(max(seconds, 0), 360_000).rounded(.up))
    let (minutes, rest) = whole.quotientAndRemainder(dividingBy: 60)
    if minutes >= 60 { return "\(minutes / 60) h \(minutes % 60) min" }
    return minutes > 0 ? "\(minutes) min \(rest) s" : "\(rest) s"
  }

  private static func clipped(_ text: String, to width: Int) -> String {
    text.count <= width ? text : String(text.prefix(max(0, width - 1))) + "…"
  }
}
