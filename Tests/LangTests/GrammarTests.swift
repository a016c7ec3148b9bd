import Foundation
import Lang
import TestSupport
import Testing

/// The grammars for editors say of each byte of real scripts what the lexer says of it.
@Suite(.timeLimit(.minutes(2))) struct GrammarTests {
  private static let editors = packageRoot.appending(path: "Scripts/install.d/editors")

  /// What scripts do not happen to have.
  private static let more = #"""
    # a comment with "quotes"
    let x = 3 + 4.5e-3 * 10% - 2GB / x ** 2 % y   # units
    "a \"text\" \(x + (1 * 2)) \u{1F600} and # no comment" | show all
    '{raw} "text"' | save "x.tsv"
    table | where `dla Paris` > $x and not (layer in 3..5) or token == " Italy"
    p | patch each L*.resid_pre@{0,last} from (q | ablate L5..9H{1,3}) | effect
    p | ablate blocks.9.attn.hook_z, L9KV2.v, L0N17, L23.mlp@-1 | rank
    if x != 3 { source "lib.summand" } else if true { !ls -l | wc
    } else { assert x <= 4, "no" }
    for time in [1, 2] { plan p | rank; time p | rank }
    facts ./facts/x.tsv | take 3
    load ~/models/x.gguf
    load /usr/share/model.gguf as big
    def answer(p, n = 3) { p | logits | top n }
    p | !head -2
    select source, layer, L2_norm
    let report_file = args.out
    a.source + L9H8.z - 5..7
    x = if
    """#

  private static func texts() throws -> [String] {
    let folder = packageRoot.appending(path: "Examples")
    let paths = FileManager.default.enumerator(atPath: folder.path)?.compactMap { $0 as? String }
    let scripts = (paths ?? []).filter { $0.hasSuffix(".summand") }.sorted()
    #expect(scripts.count > 15)
    return try scripts.map {
      try String(contentsOf: folder.appending(path: $0), encoding: .utf8)
    } + [more]
  }

  /// A letter for each byte, as `Grammars/grammars.py` has them; a space where nothing is to be told.
  private static func letters(_ text: String) -> String {
    let source = SourceText(name: "", text: text)
    var letters = [Character](repeating: " ", count: source.bytes.count)
    for token in tokens(of: source) {
      let letter = Self.letter(token.kind)
      for place in token.span.start..<token.span.end { letters[place] = letter }
    }
    return String(letters)
  }

  private static func letter(_ kind: Token.Kind) -> Character {
    switch kind {
    case .whitespace, .end: " "
    case .newline: "\n"
    case .comment: "c"
    case .identifier: "w"
    case .column: "l"
    case .variable: "v"
    case .keyword: "k"
    case .integer, .number: "n"
    case .component: "C"
    case .path, .rawString, .stringStart, .stringEnd, .stringText: "s"
    case .option: "o"
    case .shell: "!"
    case .stringEscape, .interpolationStart, .interpolationEnd: "e"
    case .leftParenthesis, .rightParenthesis, .leftBracket, .rightBracket, .leftBrace, .rightBrace,
      .comma, .semicolon:
      "d"
    case .pipe, .at, .dot, .dotDot, .assign, .arrow, .plus, .minus, .star, .slash, .percent, .power,
      .equal, .notEqual, .less, .lessOrEqual, .greater, .greaterOrEqual:
      "p"
    case .invalid: "?"
    }
  }

  /// On a thread of its own: the few that all tests share must not wait.
  private static func output(of process: Process) async throws -> Data {
    let output = Pipe()
    process.standardOutput = output
    nonisolated(unsafe) let process = process
    return try await withCheckedThrowingContinuation { continuation in
      Thread.detachNewThread {
        continuation.resume(
          with: Result {
            try process.run()
            let data = output.fileHandleForReading.readDataToEndOfFile()
            process.waitUntilExit()
            return data
          })
      }
    }
  }

  private func check(_ kind: String, _ file: String) async throws {
    let texts = try Self.texts()
    let folder = URL(fileURLWithPath: NSTemporaryDirectory())
      .appending(path: "summand-grammar-\(kind)-\(UInt64.random(in: 0 ..< .max))")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let paths = try texts.enumerated().map { number, text in
      let path = folder.appending(path: "\(number).summand")
      try Data(text.utf8).write(to: path)
      return path.path
    }
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    let script = packageRoot.appending(path: "Tests/LangTests/Grammars/grammars.py").path
    process.arguments =
      ["python3", script, kind, Self.editors.appending(path: file).path] + paths
    let data = try await Self.output(of: process)
    try #require(process.terminationStatus == 0)
    let read = try JSONDecoder().decode([String].self, from: data)
    try #require(read.count == texts.count)
    for (text, found) in zip(texts, read) {
      let wanted = Self.letters(text).split(separator: "\n", omittingEmptySubsequences: false)
      let found = found.split(separator: "\n", omittingEmptySubsequences: false)
      for (number, line) in text.split(separator: "\n", omittingEmptySubsequences: false)
        .enumerated()
      where wanted[number].contains(where: { $0 != " " }) {
        let seen = number < found.count ? Array(found[number]) : []
        // White space has no colour, whatever it is said to be.
        let wrong = wanted[number].enumerated().contains { place, letter in
          letter != " " && (place >= seen.count || seen[place] != letter)
        }
        #expect(!wrong, "\(kind):\n\(line)\n\(wanted[number])\n\(String(seen))")
      }
    }
  }

  @Test func textMateReadsScriptsAsTheLexerDoes() async throws {
    try await check("textmate", "summand.tmLanguage.json")
  }

  private static let hasVim: Bool = {
    let folders = (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":")
    return folders.contains {
      FileManager.default.isExecutableFile(atPath: "\($0)/vim")
    }
  }()

  @Test(
    .enabled(
      if: hasVim || ProcessInfo.processInfo.environment["CI"] != nil,
      "there is no vim on this machine: its syntax file was not tried"))
  func vimReadsScriptsAsTheLexerDoes() async throws {
    try await check("vim", "summand.vim")
  }
}
