import Lang
import Model

/// What a person is told while a model is fetched.
struct FetchProgress {
  let host: any Host
  /// The model's name, before the bar.
  let label: String

  /// A plain line on standard error.
  func note(_ text: String) {
    host.finishProgress()
    host.report(host.messageStyle.paint(withPictures(text), .location) + "\n")
  }

  /// Looks whether Ctrl-C was pressed.
  func tick() throws { try Interruption.check() }

  /// Looks whether Ctrl-C was pressed, and shows how far the work has come.
  func update(bytes: Int, of total: Int, doing verb: String = "fetching") throws {
    try tick()
    // At the total the line would end; the end is `finish`.
    let steps = max(total / 1_000_000, 1)
    host.progress(
      done: min(bytes / 1_000_000, steps - 1), total: steps, label: "\(verb) \(label), MB")
  }

  func finish() { host.finishProgress() }
}
