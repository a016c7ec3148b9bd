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

  /// `98.4 MB`, `1.2 GB`
  static func sizeText(_ bytes: Int) -> String {
    let units = [("GB", 1_000_000_000), ("MB", 1_000_000), ("kB", 1000)]
    for (unit, size) in units where bytes >= size {
      let tenths = (bytes + size / 20) / (size / 10)
      return tenths >= 1000 ? "\(tenths / 10) \(unit)" : "\(tenths / 10).\(tenths % 10) \(unit)"
    }
    return "\(bytes) bytes"
  }
}
