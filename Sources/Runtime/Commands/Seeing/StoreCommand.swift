#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

extension Command {
  static let store = Command(
    name: "store", group: .seeing,
    summary: "List what a store keeps, or remove some of it.",
    details: """
      `summand --store DIR` keeps the result of every run in DIR, and takes from there what is kept \
      already. A row here is a line whose runs are kept; `rows` counts the runs, `age` is in days, and \
      `current` says whether this binary of Summand uses them.
      """,
    input: .none,
    parameters: [
      .positional("folder", .path, "the folder of the store"),
      .keyword("drop", .choice(StoreDrop.self), "remove instead"),
      .keyword("older", .number, "with `drop`: only what is older than this many days"),
    ],
    examples: []
  ) { call in
    let path = try call.text(required: "folder")
    let kind = try call.choice("drop", StoreDrop.self)
    let days = try call.number("older")
    let now = Int(Date().timeIntervalSince1970)
    let before = try days.map { try time($0, kind, now, call) } ?? .max
    let listing = try placing(at: call.span(of: "folder")) { try StoreListing(path: path) }
    if let kind {
      try placing(at: call.span(of: "folder")) { try call.host.checkMayWrite(path + "/x") }
      let (files, bytes) = try placing(at: call.span) { try listing.drop(kind, before: before) }
      call.session.note("store: dropped \(thousands(files)) files of \(sizeText(bytes))")
      return .nothing
    }
    if let first = listing.damaged.first {
      call.warn(
        "\(thousands(listing.damaged.count)) files of this store are damaged: `\(first.path)`: "
          + first.reason, help: "store \"\(path)\" drop damaged")
    }
    return .table(TableValue(try listing.table(now: now)))
  }

  /// The time that is some days ago.
  private static func time(_ days: Double, _ kind: StoreDrop?, _ now: Int, _ call: Invocation)
    throws -> Int
  {
    let message: String
    switch kind {
    case nil: message = "`older` goes with `drop`"
    case .damaged: message = "what is damaged has no age"
    case .stale, .all:
      if (0...100_000).contains(days) { return now - Int(days * 86_400) }
      message = "`older` is a number of days from 0 on"
    }
    throw Failure(
      message, help: "store \"DIR\" drop all older 7", span: call.span(of: "older"))
  }
}
