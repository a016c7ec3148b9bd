import TestSupport
import Testing

@testable import Runtime

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// README's first screen is true: its numbers are the measured ones, its picture is the program's.
/// `Scripts/docs` writes both.
@Suite struct ReadmeTests {
  private static let peer = "TransformerLens"
  private static let picture = "docs/patching.svg"

  @Test func numbersAreThoseOfThePerformancePage() throws {
    let wanted = [
      (
        "from start to the first table of head attributions", "process start to first DLA table",
        peer
      ),
      ("memory of that run, at its peak", "peak resident memory of that run", peer),
      (
        "zero-ablating each of 270 heads (TransformerLens: a layer a batch)",
        "zero-ablate each of 270 heads at the last position",
        "\(peer), a layer a batch"
      ),
    ]
    let page = try rows(of: "docs/performance.md")
    let lines = try wanted.map { title, work, against in
      let found = try #require(page.first { $0.work == work && $0.cells[2] == against }, "\(work)")
      return "| \(title) | **\(found.ours)** | \(found.cells[3]) | \(found.cells[4]) |"
    }
    let processor = try #require(page.first { $0.work == "processor" }).ours
    let text =
      (["| SmolLM2-135M | Summand | \(Self.peer) | ratio |", "| --- | --: | --: | --: |"] + lines)
      .joined(separator: "\n")
      + "\n\nMeasured on: \(processor). [All measurements](docs/performance.md)."
    try MadePart.check("numbers", in: "README.md", is: text)
  }

  private var peer: String { Self.peer }

  /// The rows of a page's tables; `work` and `ours` of a row that leaves them out are those above it.
  private func rows(of page: String) throws -> [(work: String, ours: String, cells: [String])] {
    var (work, ours) = ("", "")
    return try repositoryText(page).split(separator: "\n").filter { $0.hasPrefix("| ") }.map {
      let cells = $0.dropFirst().split(separator: "|", omittingEmptySubsequences: false)
        .map { String($0).trimmingSpaces() }
      if !cells[0].isEmpty { (work, ours) = (cells[0], cells[1]) }
      return (work, ours, cells)
    }
  }

  @Test func thePictureIsDrawnByTheLinesShown() throws {
    let lines = try repositoryText("README.md").split(separator: "\n")
    let drawing = try #require(lines.firstIndex { $0.contains("to \"\(Self.picture)\"") })
    let path = FileManager.default.temporaryDirectory
      .appending(path: "summand-picture-\(ProcessInfo.processInfo.processIdentifier).svg")
    defer { try? FileManager.default.removeItem(at: path) }
    let script = lines[drawing - 1...drawing].joined(separator: "\n")
      .replacing(Self.picture, with: path.path)
    let result = try documentedSession().running(script, name: "README.md")
    #expect(result.status == .done, "\(result.messages)")
    let drawn = String(decoding: try Data(contentsOf: path), as: UTF8.self)
    if MadePart.isRecorded {
      try writeRepositoryText(drawn, to: Self.picture)
    } else {
      #expect(try drawn == repositoryText(Self.picture), "Scripts/docs draws it again")
    }
  }
}
