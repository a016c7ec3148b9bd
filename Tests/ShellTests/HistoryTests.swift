import Foundation
import Testing

@testable import summand

struct HistoryTests {
  @Test(arguments: [
    "plain", "two\nlines", "back\\slash \\n", "tab\tand\rreturn", "é日🙂", " spaces ", "\\", "\\\\n",
  ])
  func entryIsOneLine(text: String) throws {
    let entry = HistoryEntry(time: 1_700_000_000, text: text)
    #expect(!entry.fileLine.utf8.contains(UInt8(ascii: "\n")))
    #expect(HistoryEntry(fileLine: entry.fileLine.utf8) == entry)
  }

  @Test(arguments: ["", "12", "x y", "12 ", "12 bad \\x", "12 ends \\", "12 nul \0"])
  func damagedLinesAreNoEntries(line: String) {
    #expect(HistoryEntry(fileLine: line.utf8) == nil)
  }

  @Test func fileIsPrivateAndKeepsTheLatestOfEachText() async throws {
    try await withTemporaryFolder { folder in
      let file = HistoryFile(path: folder + "/a/b/history")
      #expect(try file.load().isEmpty)
      for (time, text) in ["one", "two", "one", "three"].enumerated() {
        try file.append(HistoryEntry(time: time, text: text))
      }
      #expect(try file.load().map(\.text) == ["two", "one", "three"])
      #expect(try file.load().map(\.time) == [1, 2, 3])
      let attributes = try FileManager.default.attributesOfItem(atPath: file.path)
      #expect(attributes[.posixPermissions] as? Int == 0o600)
    }
  }

  @Test func damageIsMendedAndPassedOver() async throws {
    try await withTemporaryFolder { folder in
      let path = folder + "/history"
      let bytes = Array("1 one\n2 \u{FFFD}".utf8) + [0xFF, 0x0A] + Array("3 half".utf8)
      try Data(bytes).write(to: URL(fileURLWithPath: path))
      let file = HistoryFile(path: path)
      try file.append(HistoryEntry(time: 4, text: "four"))
      #expect(try file.load().map(\.text) == ["one", "half", "four"])
    }
  }

  @Test func longFileIsCutDown() async throws {
    try await withTemporaryFolder { folder in
      let file = HistoryFile(path: folder + "/history", limit: 8)
      for number in 0..<11 { try file.append(HistoryEntry(time: number, text: "\(number)")) }
      #expect(try file.load().map(\.text) == (3..<11).map { "\($0)" })
      #expect(
        try String(contentsOfFile: file.path, encoding: .utf8)
          == (3..<11).map { "\($0) \($0)\n" }.joined())
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["history"])
    }
  }

  /// Appends go on while others replace the file, and none is lost.
  @Test func writersAtOnceLoseNothing() async throws {
    try await withTemporaryFolder { folder in
      let path = folder + "/history"
      // Repetitions make the file too long again and again.
      let file = HistoryFile(path: path, limit: 210)
      try await withThrowingTaskGroup(of: Void.self) { group in
        for writer in 0..<4 {
          group.addTask {
            for index in 0..<50 {
              try file.append(HistoryEntry(time: index, text: "\(writer) \(index)"))
              for _ in 0..<8 { try file.append(HistoryEntry(time: 0, text: "same")) }
              if index % 4 == 0 { _ = try file.load() }
            }
          }
        }
        try await group.waitForAll()
      }
      let texts = Set(try file.load().map(\.text))
      #expect(texts.count == 201)
    }
  }

  @Test func placeOfTheFile() {
    func path(_ variables: [String: String]) -> String? {
      HistoryFile(environment: Environment(variables))?.path
    }
    #expect(path(["HOME": "/h"]) == "/h/.local/state/summand/history")
    #expect(path(["HOME": "/h", "XDG_STATE_HOME": "/s"]) == "/s/summand/history")
    #expect(path(["HOME": "/h", "XDG_STATE_HOME": "s"]) == "/h/.local/state/summand/history")
    #expect(path(["HOME": "/h", "SUMMAND_HISTORY": "f"]) == "f")
    #expect(path(["HOME": "/h", "SUMMAND_HISTORY": ""]) == nil)
  }

  @Test func unusableFileIsSaidOnce() throws {
    let file = HistoryFile(path: "/dev/full")
    let history = try History(file: file)
    #expect(history.add("one")?.contains("/dev/full") == true)
    #expect(history.add("two") == nil)
    #expect(history.entries.map(\.text) == ["one", "two"])
  }
}
