import Lang
import Synchronization

/// The process as a served session sees it: what it prints becomes events.
final class ServingHost: Host {
  /// Of one piece of work: short ones are over before anybody is told of them.
  private struct Progress {
    static let delay = Duration.milliseconds(200)
    static let interval = Duration.milliseconds(100)

    var label: String?
    var began = ContinuousClock.now
    var sent: ContinuousClock.Instant?
    var isOver = false

    /// Whether to tell of this step.
    mutating func isDue(_ done: Int, _ total: Int, _ label: String) -> Bool {
      let now = ContinuousClock.now
      let ends = total > 0 && done >= total
      if self.label != label || isOver && !ends { self = Progress(label: label, began: now) }
      if ends {
        defer { isOver = true }
        return sent != nil && !isOver
      }
      guard now - began >= Self.delay, sent.map({ now - $0 >= Self.interval }) ?? true else {
        return false
      }
      sent = now
      return true
    }
  }

  private let base: any Host
  private let desk: ServeDesk
  private let settle: () -> Void
  private let progress = Mutex(Progress())
  /// How the values of the request at work are drawn.
  var rendering = ServeRendering()

  /// - Parameters:
  ///   - base: the process itself.
  ///   - settle: called before an event, so that what a command after `!` has printed comes first.
  init(_ base: any Host, desk: ServeDesk, settle: @escaping () -> Void) {
    self.base = base
    self.desk = desk
    self.settle = settle
  }

  func write(_ bytes: [UInt8]) { write(styled: String(decoding: bytes, as: UTF8.self)) }

  func write(styled text: String) {
    settle()
    desk.sendText(text)
  }

  func report(_ text: String) {
    settle()
    let text = text.hasSuffix("\n") ? String(text.dropLast()) : text
    desk.emit(
      .message,
      [
        .init("severity", .string("note")), .init("message", .string(text)),
        .init("text", .string(text)),
      ])
  }

  func flush() { settle() }

  /// What `generate` makes comes as a table, once it is whole.
  func stream(_ bytes: [UInt8]) {}

  func progress(done: Int, total: Int, label: String) {
    guard progress.withLock({ $0.isDue(done, total, label) }) else { return }
    desk.emit(
      .progress,
      [
        .init("label", .string(label)), .init("done", .integer(done)),
        .init("total", total > 0 ? .integer(total) : .null),
      ])
  }

  func finishProgress() { progress.withLock { $0 = Progress() } }

  var format: OutputFormat { base.format }
  var settings: RenderSettings {
    RenderSettings(width: rendering.width, maximumRows: rendering.rows)
  }
  var confinement: Confinement? { base.confinement }
  let messageStyle = DiagnosticStyle.plain
  func memory(besides weights: Int) -> Int { base.memory(besides: weights) }
  var threads: Int { base.threads }
  var environment: [String: String] { base.environment }
  func environmentVariable(_ name: String) -> String? { base.environmentVariable(name) }
  func changeDirectory(to path: String) throws { try base.changeDirectory(to: path) }
  func allowMemory(_ bytes: Int) { base.allowMemory(bytes) }
  var version: String { base.version }
  var history: [(time: Int?, text: String)] { base.history }
}
