import Lang
import Model

/// What a plot's file can be. SVG is written here; the others are made of it by a program that the
/// machine has.
enum PictureFormat: String, CaseIterable {
  case svg, png, pdf

  /// - Throws: `Failure` for an ending of another kind.
  init(path: String) throws {
    let ending = path.split(separator: "/").last.flatMap { name in
      name.lastIndex(of: ".").map { name[$0...] }
    }
    let format = ending.flatMap { PictureFormat(rawValue: String($0.dropFirst()).lowercased()) }
    if let format {
      self = format
      return
    }
    let endings = "plots are written as .svg, .png or .pdf"
    throw Failure(
      ending.map { "\(endings), not \(excerpt(String($0), limit: 80))" }
        ?? "\(endings), and '\(excerpt(path, limit: 80))' has no ending", help: "end it in .svg")
  }

  func picture(of drawing: SVGDrawing) throws -> [UInt8] {
    let document = Array(drawing.document.utf8)
    // At 96 pixels an inch a PNG has two pixels for each of the drawing: sharp in print.
    switch self {
    case .svg: return document
    case .png:
      return try rendered(document, ["--format=png", "--zoom=2"], beginning: [0x89] + "PNG".utf8)
    case .pdf: return try rendered(document, ["--format=pdf"], beginning: Array("%PDF".utf8))
    }
  }

  private static let renderer = "rsvg-convert"

  private func rendered(
    _ document: [UInt8], _ arguments: [String], beginning: [UInt8]
  ) throws -> [UInt8] {
    let outcome: Subprocess.Outcome
    do {
      // The date in a PDF is not today's: the same plot is the same file.
      outcome = try Subprocess(
        program: Self.renderer, arguments: arguments, environment: ["SOURCE_DATE_EPOCH": "0"],
        input: document
      ).run { try Interruption.check() }
    } catch let error as Child.NotStarted {
      throw Failure(
        "`\(Self.renderer)` makes .\(rawValue) files, and it cannot be started: \(error.reason)",
        help: "install it: apt-get install librsvg2-bin, or brew install librsvg; "
          + "or write .svg, which needs no program")
    }
    try Interruption.check()
    guard outcome.status == 0, outcome.output.starts(with: beginning) else {
      let reason = outcome.messages.split(whereSeparator: \.isNewline).first.map(String.init)
      throw Failure(
        "`\(Self.renderer)` made no .\(rawValue) file: "
          + (reason ?? "it ended with status \(outcome.status)"), help: "write .svg instead")
    }
    return outcome.output
  }
}
