import Lang
import Model

/// What `set` shows and changes: each setting's name, meaning, values, and where it is kept.
enum Setting: String, Choice {
  case format, rows, digits, thousands, missing, wrap, counts, colour, hints, pager, timer, threads,
    memory

  var summary: String {
    switch self {
    case .format: "how values are printed"
    case .rows: "how many rows of a table are printed"
    case .digits: "significant digits of numbers in tables"
    case .thousands: "whether commas stand between the thousands of numbers in tables"
    case .missing: "what stands for a missing value in tables"
    case .wrap: "whether long texts go on on the next line rather than being cut"
    case .counts: "whether the number of rows stands below each table"
    case .colour: "whether there is colour"
    case .hints: "whether a faint hint follows what is typed"
    case .pager: "whether what is higher than the terminal opens in $PAGER"
    case .timer: "whether each line says how long it took"
    case .threads: "how many threads compute; before a model is loaded"
    case .memory: "memory for runs and tables"
    }
  }

  /// What may be written.
  var values: String {
    switch self {
    case .format: (OutputFormat.allCases.map(\.rawValue) + ["default"]).joined(separator: ", ")
    case .rows: "a number, screen, all"
    case .digits: "1 to 17"
    case .missing: "a text, default"
    case .colour: "on, off, auto"
    case .thousands, .wrap, .counts, .hints, .pager, .timer: "on, off"
    case .threads: "1 to 1024"
    case .memory: "a size: 2GB, 512MB"
    }
  }

  func text(in session: Session) -> String {
    let settings = session.settings
    func word(_ isOn: Bool) -> String { isOn ? "on" : "off" }
    return switch self {
    case .format: session.format.rawValue
    case .rows:
      switch settings.rows {
      case .screen: "screen"
      case .all: "all"
      case .some(let count): String(count)
      }
    case .digits: String(settings.digits)
    case .thousands: word(settings.groupsThousands)
    case .missing: settings.missing ?? "default"
    case .wrap: word(settings.wraps)
    case .counts: word(settings.countsRows)
    case .colour: settings.colour.map(word) ?? "auto"
    case .hints: word(settings.hints)
    case .pager: word(settings.pager)
    case .timer: word(settings.timer)
    case .threads: String(settings.threads ?? session.host.threads)
    case .memory: sizeText(Memory.budget)
    }
  }

  /// - Throws: `Failure` for a text that is not one of its values.
  func change(to text: String, in session: Session) throws {
    switch self {
    case .format:
      if text == "default" {
        session.settings.format = nil
        return
      }
      session.settings.format = try required(OutputFormat(rawValue: text), text)
    case .rows:
      session.settings.rows =
        switch text {
        case "screen": .screen
        case "all": .all
        default: .some(try number(text, 1...Int.max))
        }
    case .digits: session.settings.digits = try number(text, 1...17)
    case .thousands: session.settings.groupsThousands = try isOn(text)
    case .missing: session.settings.missing = text == "default" ? nil : withPictures(text)
    case .wrap: session.settings.wraps = try isOn(text)
    case .counts: session.settings.countsRows = try isOn(text)
    case .colour:
      session.settings.colour = text == "auto" ? nil : try isOn(text)
    case .hints: session.settings.hints = try isOn(text)
    case .pager: session.settings.pager = try isOn(text)
    case .timer: session.settings.timer = try isOn(text)
    case .threads:
      guard session.models.entries.isEmpty else {
        throw Failure(
          "`threads` is fixed once a model is loaded",
          help: "`unload` the models first, or start with --threads \(text)")
      }
      session.settings.threads = try number(text, 1...1024)
    case .memory:
      session.host.allowMemory(try required(bytes(ofSize: text), text))
    }
  }

  private func isOn(_ text: String) throws -> Bool {
    try required(["on": true, "off": false][text], text)
  }

  private func number(_ text: String, _ range: ClosedRange<Int>) throws -> Int {
    try required(Int(text).flatMap { range.contains($0) ? $0 : nil }, text)
  }

  private func required<T>(_ value: T?, _ text: String) throws -> T {
    if let value { return value }
    throw Failure("`\(rawValue)` takes \(values), got '\(excerpt(text))'")
  }
}
