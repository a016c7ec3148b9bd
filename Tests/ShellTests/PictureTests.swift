import Foundation
import TestSupport
import Testing

/// Pictures of every kind in headless Chromium, held against accepted ones, and the files that
/// `rsvg-convert` makes of drawings.
@Suite struct PictureTests {
  private struct Seen: Decodable {
    struct Reading: Decodable {
      struct Step: Decodable {
        /// The heads that are shown.
        var heads: [String]
        /// The weights that are seen under each of them.
        var read: [[[String]]]
        var colours: [String]
      }
      var first: Step
      var pointed: Step
      var both: Step
      var other: Step
      var complaints: [String]
      var requests: [String]
    }
    var pictures: [String]
    var differ: [String: String]
    var reading: Reading
  }

  @Test(
    .enabled(
      if: ReportPageTests.canRun,
      "there is no Chromium on this machine: pictures were not compared"),
    .timeLimit(.minutes(3)))
  func picturesAreTheAcceptedOnes() async throws {
    let browser = try #require(ReportPageTests.browser, "Chromium is not installed")
    try await withTemporaryFolder { folder in
      let fixtures = packageRoot.appending(path: "Tests/ShellTests/Fixtures").path
      let run = try await BuiltProgram.run([
        fixtures + "/pictures.summand", "data=\(fixtures)/pictures", "folder=\(folder)",
      ])
      try #require(run.status == 0, "\(run.messages)")
      let looking = try await BuiltProgram.run(
        "/usr/bin/env",
        ["python3", fixtures + "/pictures.py", browser, folder, fixtures + "/pictures"])
      try #require(looking.status == 0, "\(looking.messages)")
      let seen = try JSONDecoder().decode(Seen.self, from: Data(looking.output.utf8))
      #expect(
        seen.differ == [:], "look at the pictures, and accept them with `Scripts/pictures`")
      #expect(seen.pictures.count == 26)
      check(seen.reading)
    }
  }

  /// The view of what heads read, which has no script: boxes choose heads, a pointer chooses a token.
  private func check(_ reading: Seen.Reading) {
    #expect(reading.complaints == [] && reading.requests == [])
    #expect(reading.first.heads == ["L1H0"])
    // First what the last token reads, then what the second one does.
    #expect(reading.first.read.map(\.count) == [1])
    #expect(reading.first.read[0][0].count == 6)
    #expect(reading.pointed.read.map { $0.map { $0.filter { !$0.isEmpty }.count } } == [[2]])
    #expect(reading.both.heads == ["L1H0", "L4H1"])
    #expect(reading.other.heads == ["L4H1"])
    #expect(Set(reading.first.colours).count > 4)
  }

  private static let renderer: String? = {
    let folders = (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":")
    return folders.map { "\($0)/rsvg-convert" }.first {
      FileManager.default.isExecutableFile(atPath: $0)
    }
  }()

  private static let drawing = #"read "facts.csv" | plot bar name, value title "Bars" to"#

  private func plotted(to file: String, in folder: String, environment: [String: String] = [:])
    async throws -> BuiltProgram.Outcome
  {
    try Data("name,value\na,1.5\nb,-2\n".utf8).write(
      to: URL(fileURLWithPath: folder + "/facts.csv"))
    let path = environment["PATH"].map { "PATH='\($0)' " } ?? ""
    return try await BuiltProgram.shell(
      "cd '\(folder)' && \(path)'\(BuiltProgram.path)' -c '\(Self.drawing) \"\(file)\"' </dev/null")
  }

  @Test(
    .enabled(
      if: renderer != nil || ProcessInfo.processInfo.environment["CI"] != nil,
      "there is no rsvg-convert on this machine: PNG and PDF were not made"))
  func filesForPapers() async throws {
    try await withTemporaryFolder { folder in
      for (file, beginning) in [("x.png", "\u{89}PNG"), ("x.PDF", "%PDF-1")] {
        var made: [Data] = []
        for _ in 0..<2 {
          let run = try await plotted(to: file, in: folder)
          #expect(run.status == 0, "\(run.messages)")
          made.append(try Data(contentsOf: URL(fileURLWithPath: "\(folder)/\(file)")))
          // A date in it would differ by now.
          if made.count == 1 { try await Task.sleep(for: .seconds(1.1)) }
        }
        let first = String(String.UnicodeScalarView(made[0].prefix(6).map { Unicode.Scalar($0) }))
        #expect(first.hasPrefix(beginning))
        // No date of today in it.
        #expect(made[0] == made[1])
        if file == "x.png" {
          // Two pixels for each of the drawing.
          let width = made[0][16..<20].reduce(0) { $0 << 8 | Int($1) }
          #expect(width == 960)
        }
      }
    }
  }

  @Test func withoutARendererItSaysHowToGetOne() async throws {
    try await withTemporaryFolder { folder in
      for (file, error) in [
        ("x.png", "`rsvg-convert` makes .png files, and it cannot be started"),
        ("x.jpg", "plots are written as .svg, .png or .pdf, not .jpg"),
        ("x", "and 'x' has no ending"),
        ("none/x.png", "there is no folder 'none'"),
      ] {
        let run = try await plotted(to: file, in: folder, environment: ["PATH": folder])
        #expect(run.status == 1)
        #expect(run.messages.contains(error), "\(run.messages)")
        if file == "x.png" {
          #expect(run.messages.contains("install it: apt-get install librsvg2-bin"))
        }
        #expect(!FileManager.default.fileExists(atPath: "\(folder)/\(file)"))
      }
    }
  }

  /// A renderer that complains, and one that does not answer, leave no file.
  @Test func aRendererThatFailsLeavesNoFile() async throws {
    try await withTemporaryFolder { folder in
      let program = folder + "/rsvg-convert"
      for (text, error) in [
        ("#!/bin/sh\necho 'no fonts' >&2; exit 3\n", "made no .png file: no fonts"),
        ("#!/bin/sh\nexit 0\n", "made no .png file: it ended with status 0"),
      ] {
        // Written by another process: a program that this one has open cannot be started.
        let written = try await BuiltProgram.shell(
          "printf '%s' \"$TEXT\" > '\(program)' && chmod +x '\(program)'",
          environment: ["TEXT": text])
        try #require(written.status == 0)
        let run = try await plotted(to: "x.png", in: folder, environment: ["PATH": folder])
        #expect(run.status == 1)
        #expect(run.messages.contains(error), "\(run.messages)")
        #expect(!FileManager.default.fileExists(atPath: folder + "/x.png"))
      }
    }
  }
}
