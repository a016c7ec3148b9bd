import Foundation
import Lang

@testable import Model
@testable import Runtime

extension FuzzTarget {
  /// A script that runs on a tiny model, after lines that give it something to speak of. It starts
  /// no program, opens no model, writes no file and reads none outside of its folder.
  static func script(_ bytes: [UInt8]) throws {
    let source = SourceText(name: "fuzz", bytes: bytes)
    guard isHarmless(source) else { return }
    let host = ScriptHost()
    let session = Session(host: host)
    session.models.add(try tinyModel.get(), as: "tiny")
    let status = session.run(SourceText(name: "before", text: prologue), interactive: true)
    try promise(status == .done, "what comes before failed: \(host.messages)")
    host.messages = ""
    switch session.run(source, interactive: false) {
    case .done, .interrupted, .terminated, .hungUp: break
    case .failed, .usage, .syntax, .unreadable, .assertion:
      try promise(host.messages.contains("error: "), "an error that says nothing")
    case .brokenPipe: throw BrokenPromise(message: "a pipe, where there is none")
    }
    for line in host.messages.split(separator: "\n") {
      try promise(line.utf8.count < 8000, "a message of \(line.utf8.count) bytes")
      let control = line.unicodeScalars.first { $0.properties.generalCategory == .control }
      try promise(control == nil, "a control character in a message: \(line.debugDescription)")
    }
  }

  private static let prologue = """
    let asked = prompt "{subject:the sky} {relation:is} a" -> "b" vs "c"
    let several = [asked, (prompt "{subject:a sea} {relation:is} a" -> "c" vs "b")]
    let parts = asked | dla by head, span
    """

  /// Words that reach outside of the session.
  private static let outside: Set<String> = ["save", "report", "load", "to", "verify"]

  static func isHarmless(_ source: SourceText) -> Bool {
    tokens(of: source).allSatisfy { token in
      switch token.kind {
      case .shell, .path: false
      case .identifier, .keyword: !outside.contains(source.text(in: token.span))
      // No path out of the folder, as it is or in disguise.
      case .stringText, .rawString: !source.text(in: token.span).contains { "/~".contains($0) }
      case .stringEscape: !source.text(in: token.span).hasPrefix("\\u")
      default: true
      }
    }
  }

  static let tinyModel: Result<LanguageModel, any Error> = Result {
    var root = URL(fileURLWithPath: #filePath)
    let model = "Tests/ModelTests/Fixtures/tiny-gqa.F32.gguf"
    while !FileManager.default.fileExists(atPath: root.appending(path: model).path) {
      guard root.path != "/" else { throw BrokenPromise(message: "the tiny model is not there") }
      root.deleteLastPathComponent()
    }
    return try LanguageModel(path: root.appending(path: model).path, pool: WorkerPool(width: 1))
  }
}

/// A host with little memory and one thread. What is printed is counted, and forgotten.
final class ScriptHost: Runtime.Host {
  var messages = ""
  let format = OutputFormat.plain
  let settings = RenderSettings(unicode: true)
  let messageStyle = DiagnosticStyle.plain
  let threads = 1
  let version = "0"
  let environment = [
    "HOME": "/nonexistent", "HF_HUB_OFFLINE": "1", "HF_HOME": "/nonexistent",
    "XDG_CACHE_HOME": "/nonexistent",
  ]
  let history: [(time: Int?, text: String)] = [(1, "one"), (2, "two")]

  func write(_ bytes: [UInt8]) {}
  func write(styled text: String) {}
  func report(_ text: String) { if messages.utf8.count < 1 << 20 { messages += text } }
  func flush() {}
  func stream(_ bytes: [UInt8]) {}
  func progress(done: Int, total: Int, label: String) {}
  func finishProgress() {}
  func memory(besides weights: Int) -> Int { 64 << 20 }
  func environmentVariable(_ name: String) -> String? { environment[name] }
  func changeDirectory(to path: String) {}
  func allowMemory(_ bytes: Int) {}
}

/// Scripts changed word by word: of random bytes hardly any is a line.
struct ScriptMutator {
  private static let words: [String] = {
    let commands = Catalogue.all.map(\.name)
    let parameters = Catalogue.all.flatMap { $0.parameters.flatMap(\.words) }
    let functions = Function.allCases.map { "\($0.rawValue)(" }
    let keywords = [
      "let x =", "def f(x) {", "for i in", "if", "} else {", "assert", "time", "plan",
    ]
    let signs = [
      "|", "(", ")", "[", "]", "{", "}", "+", "-", "*", "/", "%", "==", "!=", "<", "<=", "..",
      "and",
      "or", "not", "in", "->", "=", ",", ".", "@", ";", "\n", "\"", "\\(", "'", " ", "_",
    ]
    let values = [
      "asked", "several", "parts", "x", "f(x)", "i", "missing", "true", "3", "-1", "0", "0.5",
      "50%",
      "1e308", "1e-320", "9223372036854775807", "9007199254740993", "4294967296", "2GB", "30s",
      "\"text\"", "\" a\"", "[1, 2]", "[]", "L0H0", "L*H1", "L0..1.mlp", "L0N3", "L0KV0.k", "heads",
      "mlps", "embed", "L1.resid_pre", "@last", "@subject", "@*", "@-1", "@0..1", "each",
      "component", "layer", "head", "span", "dla", "logit", "dla by head", "effect", "take 1",
      "(parts).dla", "[0]", "class",
    ]
    return commands + commands + parameters + functions + keywords + signs + values + values
  }()

  private var chance: SplitMix64

  init(seed: UInt32) { chance = SplitMix64(seed: Int(seed)) }

  private mutating func any<T>(_ items: [T]) -> T { items[chance.index(below: items.count)] }

  /// The bytes with one to four of their words replaced, dropped, repeated, moved, or joined by
  /// others.
  mutating func mutated(_ bytes: [UInt8]) -> [UInt8] {
    let source = SourceText(name: "fuzz", bytes: bytes)
    var parts = tokens(of: source).map { source.bytes[$0.span.start..<$0.span.end] }.map(Array.init)
    for _ in 0...chance.index(below: 4) {
      guard !parts.isEmpty else {
        parts = [Array(any(Self.words).utf8)]
        continue
      }
      let place = chance.index(below: parts.count)
      let other = chance.index(below: parts.count)
      switch chance.index(below: 6) {
      case 0: parts.remove(at: place)
      case 1: parts.insert(parts[other], at: place)
      case 2: parts.swapAt(place, other)
      case 3:
        // A stretch again, somewhere else.
        let stretch = parts[min(place, other)...max(place, other)].prefix(40)
        parts.insert(contentsOf: stretch, at: chance.index(below: parts.count + 1))
      case 4: parts[place] = Array(any(Self.words).utf8)
      default: parts.insert(Array((any(Self.words) + " ").utf8), at: place)
      }
    }
    return Array(parts.joined())
  }
}
