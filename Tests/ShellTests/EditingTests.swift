import Foundation
import Testing

@testable import summand

/// Keys: completion, recall, movement, and a person's own settings.
@Suite(.serialized, .timeLimit(.minutes(2)))
struct EditingTests {
  @Test func tabCompletesAndLists() async throws {
    try await prompting { terminal in
      try terminal.wait(for: "summand> ")
      // One way to go on; the characters before it are wider than a byte and than a column.
      terminal.type("é日 wo\t7\r")
      try terminal.wait(for: "[é日 work 7]\nsummand> ")
      // Two: first what they share, then a listing, then the line again.
      terminal.type("cou\t")
      try terminal.wait(for: "count")
      terminal.type("\t")
      try terminal.wait(
        for: """
          count    Print the numbers up to N.
          country  A variable: 60 prompts.
          summand> count
          """)
      terminal.type("r\t\r")
      try terminal.wait(for: "[country]\nsummand> ")
      // In the midst of the line.
      terminal.type("x wor z\u{2}\u{2}\t8\r")
      try terminal.wait(for: "[x work 8 z]\nsummand> ")
      // On a continuation line, whose completion knows the lines before it.
      terminal.type("a |\r")
      try terminal.wait(for: "    ...> ")
      terminal.type("countr\t\r")
      try terminal.wait(for: "[a |]\n[country]\nsummand> ")
      // Nothing fits.
      terminal.type("zzz\t")
      try terminal.wait(for: "zzz")
      terminal.type("\r")
      try terminal.wait(for: "[zzz]\nsummand> ")
      terminal.type("\u{4}")
    }
  }

  @Test func listingFollowsTheTerminalsSize() async throws {
    try await prompting { terminal in
      try terminal.wait(for: "summand> ")
      for columns: UInt16 in [80, 30, 120] {
        terminal.resize(rows: 10, columns: columns)
        terminal.type("L1\t")
        let listing = try terminal.wait(for: "\nsummand> ")
        let rows = listing.split(separator: "\n").dropFirst()
        try terminal.check(rows.allSatisfy { $0.count < columns })
        try terminal.check(rows.contains { $0.count > columns - 12 })
        try terminal.check(rows.count <= 8)
        try terminal.check((rows.last?.hasPrefix("… 110 in all: type") == true) == (columns < 120))
        terminal.type("\u{3}")
        try terminal.wait(for: "^C\nsummand> ")
      }
      terminal.type("\u{4}")
    }
  }

  @Test func entriesAreRecalledInThisSessionAndTheNext() async throws {
    try await withTemporaryFolder { folder in
      try await prompting(environment: ["SUMMAND_HISTORY": folder + "/deep/history"]) { terminal in
        try terminal.wait(for: "summand> ")
        terminal.type("first é\r")
        try terminal.wait(for: "[first é]\nsummand> ")
        terminal.type("b (\r")
        try terminal.wait(for: "    ...>   ")
        terminal.type("c)\r")
        try terminal.wait(for: "[b (]\n[  c)]\nsummand> ")
        terminal.type("\u{1B}[A")
        try terminal.wait(for: "  c)")
        terminal.type("!\r")
        try terminal.wait(for: "[b (]\n[  c)!]\nsummand> ")
        terminal.type("\u{4}")
      }

      try await prompting(environment: ["SUMMAND_HISTORY": folder + "/deep/history"]) { terminal in
        try terminal.wait(for: "summand> ")
        terminal.type("\u{1B}[A")
        try terminal.wait(for: "  c)!")
        terminal.type("\r")
        try terminal.wait(for: "[b (]\n[  c)!]\nsummand> ")
        // Searching backwards.
        terminal.type("\u{12}irs")
        try terminal.wait(for: "first é")
        terminal.type("\r")
        try terminal.wait(for: "[first é]\nsummand> ")
        terminal.type("\u{4}")
      }
      let texts = try HistoryFile(path: folder + "/deep/history").load().map(\.text)
      #expect(texts == ["b (\n  c)", "b (\n  c)!", "first é"])
    }
  }

  @Test func arrowsMoveBetweenTheLinesOfAnEntry() async throws {
    try await prompting { terminal in
      try terminal.wait(for: "summand> ")
      terminal.type("earlier\r")
      try terminal.wait(for: "[earlier]\nsummand> ")
      terminal.type("\u{1B}[200~abcdef\rxé\rlonger line\u{1B}[201~")
      try terminal.wait(for: "longer line")
      // Up to the shorter line's end, up to that column, down again.
      terminal.type("\u{1B}[AU\u{1B}[AV\u{1B}[B\u{1B}[BW\r")
      try terminal.wait(for: "[abcVdef]\n[xéU]\n[lonWger line]\nsummand> ")
      // From the first line, Up goes to the entry before.
      terminal.type("\u{1B}OA\u{1B}OA\u{1B}OA\u{1B}OA\r")
      try terminal.wait(for: "[earlier]\nsummand> ")
      terminal.type("\u{4}")
    }
  }

  @Test func ownSettingsAreHeededAndOurKeysStay() async throws {
    try await withTemporaryFolder { folder in
      let settings = folder + "/editrc"
      try Data("bind -v\nsummand:bind -s ^G hello\nother:bind -s ^T wrong\n".utf8)
        .write(to: URL(fileURLWithPath: settings))
      try await prompting(environment: ["EDITRC": settings]) { terminal in
        try terminal.wait(for: "summand> ")
        // In vi mode ESC is a key of its own, so no paste may be marked by sequences of it.
        try terminal.check(
          !String(decoding: terminal.output, as: UTF8.self).contains("\u{1B}[?2004h"))
        terminal.type("\u{7} wo\t9\r")
        try terminal.wait(for: "[hello work 9]\nsummand> ")
        terminal.type("abc\u{1B}0iX\r")
        try terminal.wait(for: "[Xabc]\nsummand> ")
        terminal.type("abc\u{3}")
        try terminal.wait(for: "^C\nsummand> ")
        terminal.type("\u{4}")
      }
    }
  }
}
