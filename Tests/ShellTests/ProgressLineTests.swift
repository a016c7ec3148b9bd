import Synchronization
import Testing

@testable import summand

/// How far long work has come, as it is drawn.
@Suite struct ProgressLineTests {
  @Test func barRateAndTimeLeft() {
    let text = ProgressLine.text(
      done: 120, total: 270, label: "ablate", elapsed: .seconds(3), width: 80)
    let bar = String(repeating: "━", count: 10) + String(repeating: "╌", count: 14)
    #expect(text == "ablate \(bar) 120/270 · 40/s · 4 s left")
    let slow = ProgressLine.text(
      done: 1, total: 1000, label: "dla", elapsed: .seconds(10), width: 80)
    #expect(slow.hasSuffix("1/1000 · 0.1/s · 2 h 46 min left"))
    let unknown = ProgressLine.text(
      done: 3, total: 0, label: "fetch", elapsed: .seconds(1), width: 80)
    #expect(unknown == "fetch 3 · 3.0/s")
    for width in [1, 10, 40] {
      let narrow = ProgressLine.text(
        done: 120, total: 270, label: "ablate", elapsed: .seconds(3), width: width)
      #expect(narrow.count <= max(1, width - 1))
    }
  }

  /// Short work is not worth a line; a long one is drawn ten times a second, and leaves nothing.
  @Test func appearsLateAndLeavesNothing() {
    let drawn = Mutex<[String]>([])
    let line = ProgressLine(
      isEnabled: true, width: { 80 }, draw: { text in drawn.withLock { $0.append(text) } })
    let start = ContinuousClock.now
    for step in 0..<40 {
      line.update(
        done: step, total: 100, label: "work", now: start + .milliseconds(50 * step))
    }
    let shown = drawn.withLock { $0 }
    #expect((14...16).contains(shown.count))
    #expect(shown[0].contains("10/100"))
    line.finish()
    #expect(drawn.withLock { $0.last } == "\r\u{1B}[K")
    let count = drawn.withLock { $0.count }
    line.finish()
    #expect(drawn.withLock { $0.count } == count)
  }
}
