import Foundation
import TestSupport
import Testing

@testable import Lang

/// `summand fmt`: one layout, the same meaning, and nothing left to do the second time.
struct ScriptFormatterTests {
  private func formatted(_ text: String) -> String? {
    fmt(SourceText(name: "test", text: text))
  }

  @Test(arguments: [
    ("a|top 3", "a | top 3\n"),
    ("let x=1;let y   =  2", "let x = 1; let y = 2\n"),
    ("x  |  top   3\t", "x | top 3\n"),
    ("f( a ,b )", "f(a, b)\n"),
    ("a\n\n\n\nb\n\n", "a\n\nb\n"),
    ("for i in 1..3 {\ni\n      if i==2 {i}\n}", "for i in 1..3 {\n  i\n  if i == 2 { i }\n}\n"),
    ("def f(a){a}\r\nf(1)", "def f(a) { a }\nf(1)\n"),
    ("a\n|top 3\n     | take 1", "a\n  | top 3\n  | take 1\n"),
    ("let l = [\n1,\n[2,\n3],\n]", "let l = [\n  1,\n  [2,\n    3],\n]\n"),
    // What a space decides stays.
    ("a | sort -dla", "a | sort -dla\n"), ("a - b", "a - b\n"), ("a-b", "a-b\n"),
    ("arguments top=5  x = 3", "arguments top=5 x = 3\n"),
    ("x | rank at @{ 5,last}", "x | rank at @{ 5,last}\n"),
    // What is in texts and after `!` is nobody's business.
    ("\"a  |b \\(  x  )\"", "\"a  |b \\(  x  )\"\n"),
    ("a | !cut  -f 3|sort ", "a | !cut  -f 3|sort \n"),
    ("", ""), ("\n\n", ""),
  ])
  func layout(text: String, expected: String) {
    #expect(formatted(text) == expected)
    #expect(formatted(expected) == expected)
  }

  /// In their columns where there is room, else two spaces on; alone, as the line after them.
  @Test func commentsStay() {
    let text = """
      #!/usr/bin/env summand
      # first
      a|top 3       # one   
      long_name_of_something|top 3 # two
      for i in 1..2 {
      # in it
      i
          # last
      }
      a
      # between
      | top 2
      """
    #expect(
      formatted(text) == """
        #!/usr/bin/env summand
        # first
        a | top 3     # one
        long_name_of_something | top 3  # two
        for i in 1..2 {
          # in it
          i
          # last
        }
        a
          # between
          | top 2

        """)
  }

  @Test func whatDoesNotParseIsRefused() {
    #expect(formatted("let = 3") == nil)
    #expect(formatted("a | (") == nil)
  }

  /// Every script of the repository, and every block of its pages.
  @Test func meaningStays() throws {
    var texts: [(name: String, text: String)] = []
    for folder in ["Examples", "docs", "Tests/RuntimeTests/Scripts", "README.md"] {
      for file in try files(in: folder) {
        guard ["summand", "md"].contains(file.pathExtension) else { continue }
        let text = try String(contentsOf: file, encoding: .utf8)
        if file.pathExtension == "summand" { texts.append((file.path, text)) }
        if file.pathExtension == "md" {
          for block in text.components(separatedBy: "```summand\n").dropFirst() {
            texts.append((file.path, block.components(separatedBy: "\n```")[0]))
          }
        }
      }
    }
    #expect(texts.count > 100)
    var formattedCount = 0
    for (name, text) in texts {
      let source = SourceText(name: name, text: text)
      let before = parse(source)
      // Some blocks and tests are there for their errors.
      if before.hasErrors { continue }
      let once = try #require(fmt(source))
      let after = parse(SourceText(name: name, text: once))
      #expect(dump(after.script) == dump(before.script), "\(name):\n\(text)")
      #expect(fmt(SourceText(name: name, text: once)) == once, "\(name):\n\(once)")
      #expect(comments(once) == comments(text), "\(name)")
      formattedCount += 1
    }
    #expect(formattedCount > 100)
  }

  @Test func examplesAreFormatted() throws {
    for file in try files(in: "Examples") where file.pathExtension == "summand" {
      let text = try String(contentsOf: file, encoding: .utf8)
      #expect(formatted(text) == text, "\(file.path)")
    }
  }

  @Test(arguments: [UInt64(11), 12, 13])
  func randomTrees(_ seed: UInt64) throws {
    for number in 0..<300 {
      var generator = RandomTree(seed: seed << 32 + UInt64(number))
      let script = generator.script()
      let text = Printer.print(script)
      let once = try #require(formatted(text), "\(text)")
      #expect(dump(parse(SourceText(name: "test", text: once)).script) == dump(script), "\(text)")
      #expect(formatted(once) == once, "\(text)")
    }
  }

  private func comments(_ text: String) -> [String] {
    let source = SourceText(name: "", text: text)
    return tokens(of: source).filter { $0.kind == .comment }.map {
      source.text(in: $0.span).trimmingCharacters(in: .whitespaces)
    }
  }

  private func files(in path: String) throws -> [URL] {
    let url = packageRoot.appending(path: path)
    guard let names = FileManager.default.enumerator(atPath: url.path) else { return [url] }
    let found = names.compactMap { ($0 as? String).map { url.appending(path: $0) } }
    return found.isEmpty ? [url] : found
  }
}

private func fmt(_ source: SourceText) -> String? { formatted(source) }
