import Model
import TestSupport
import Testing

@testable import Runtime

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// A small model, facts that suit it, and what `experiments.py` and `handbuilt.py` of
/// `Scripts/reference/facts` say of them.
struct Experiment {
  /// From the repository's root, as lines of the language write it.
  static let fixtures = "Tests/RuntimeTests/Fixtures"

  let session: Session
  let expected: Expected

  /// A session in which something has run already.
  init(session: Session, expected: Expected) {
    self.session = session
    self.expected = expected
  }

  /// - Parameters:
  ///   - model: its folder, beside `facts` of which `facts` is loaded as the variable `all`.
  ///   - expected: a file of JSON.
  init(model: String, facts: String, expected: String) throws {
    session = Session(host: TestHost(format: .tsv))
    session.models.add(
      try LanguageModel(
        path: packageRoot.appending(path: model).path, pool: WorkerPool(width: 2)), as: "tiny")
    self.expected = try Expected("\(Self.fixtures)/\(expected)")
    try define("let all = facts \"\(Self.fixtures)/\(facts)\"")
  }

  static func tiny() throws -> Experiment {
    try Experiment(
      model: "Tests/ModelTests/Fixtures/tiny-gqa", facts: "experiments/facts",
      expected: "experiments/tiny-gqa.json")
  }

  /// With LayerNorm, learned positions and biases.
  static func gpt2() throws -> Experiment {
    try Experiment(
      model: "\(fixtures)/experiments/gpt2", facts: "experiments/gpt2-facts",
      expected: "experiments/gpt2.json")
  }

  static func handBuilt() throws -> Experiment {
    try Experiment(
      model: "\(fixtures)/handbuilt/model", facts: "handbuilt/facts",
      expected: "handbuilt/expected.json")
  }

  /// Runs a statement, and hands back what it said.
  @discardableResult func define(_ line: String) throws -> String {
    // As at the prompt: a session that was given arguments goes on after the script that takes them.
    let result = session.running(line, interactive: true)
    try #require(result.status == .done, "\(line): \(result.messages)")
    return result.messages
  }

  /// What a line gives, the bits as they are.
  func run(_ line: String) throws -> (table: Table, messages: String) {
    let messages = try define("let result = \(line)")
    guard case .table(let value)? = session.lookUp("result") else {
      throw Failure("`\(line)` gives no table")
    }
    return (value.table, messages)
  }

  func table(_ line: String) throws -> Table { try run(line).table }

  func prompts(_ line: String) throws -> [Prompt] {
    try define("let result = \(line)")
    guard case .prompts(let set)? = session.lookUp("result") else {
      throw Failure("`\(line)` gives no prompts")
    }
    return set.prompts
  }

  /// Columns of numbers, within 1e-5 where they are of order 1: what f32 leaves of float64.
  func expectNumbers(
    _ found: Table, _ names: [String], of key: String, within tolerance: Double = 1e-5,
    sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    for name in names {
      let (found, wanted) = (try found.numbers(name), try expected.numbers(key, name))
      try expectAlike(
        found, wanted, within: tolerance, "\(key), \(name)", sourceLocation: sourceLocation)
    }
  }

  func expectTexts(
    _ found: Table, _ names: [String], of key: String,
    sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    for name in names {
      #expect(
        try found.texts(name) == expected.texts(key, name), "\(key), \(name)",
        sourceLocation: sourceLocation)
    }
  }
}

/// Numbers one by one, as many of them above 1 as they are; missing where they should be.
func expectAlike(
  _ found: [Double], _ wanted: [Double], within tolerance: Double, _ what: String,
  sourceLocation: SourceLocation = #_sourceLocation
) throws {
  try #require(found.count == wanted.count, "\(what)", sourceLocation: sourceLocation)
  #expect(found.map(\.isNaN) == wanted.map(\.isNaN), "\(what)", sourceLocation: sourceLocation)
  let there = zip(found, wanted).filter { !$0.0.isNaN && !$0.1.isNaN }
  try expectClose(
    there.map { $0.0 / max(1, abs($0.1)) }, there.map { $0.1 / max(1, abs($0.1)) },
    within: tolerance, what, sourceLocation: sourceLocation)
}

/// A file of JSON: tables by name, a list a column.
struct Expected {
  private let value: JSONValue

  init(_ path: String) throws {
    let bytes = try readBytes(path: packageRoot.appending(path: path).path)
    value = try JSONParser.parse(bytes[...])
  }

  subscript(path: String...) -> JSONValue? { path.reduce(value) { $0?[$1] } }

  func list(_ path: String...) throws -> [JSONValue] { try list(path) }

  func numbers(_ path: String...) throws -> [Double] { try list(path).map(\.double) }

  func texts(_ path: String...) throws -> [String] { try list(path).map { $0.string ?? $0.text } }

  private func list(_ path: [String]) throws -> [JSONValue] {
    // `classes.plain` is a table within a table.
    let keys = path.flatMap { $0.split(separator: ".").map(String.init) }
    return try #require(
      keys.reduce(value) { $0?[$1] }?.array, "there is no \(keys.joined(separator: "."))")
  }

  /// The facts that are read, in order.
  func facts(_ key: String = "facts") throws -> [ExpectedFact] {
    try list(key).map(ExpectedFact.init)
  }
}

struct ExpectedFact {
  let relation: String
  let subject: String
  let text: String
  let tokens: [Int]
  let spans: [String]
  let answer: Int
  let ofRelation: [Int]
  let ofSubject: [Int]

  init(_ value: JSONValue) throws {
    func list(_ key: String) throws -> [JSONValue] { try #require(value[key]?.array) }
    func ids(_ key: String) throws -> [Int] { try list(key).map { Int($0.double) } }
    relation = try #require(value["relation"]?.string)
    subject = try #require(value["subject"]?.string)
    text = try #require(value["text"]?.string)
    tokens = try ids("tokens")
    spans = try list("spans").compactMap(\.string)
    answer = Int(try #require(value["answer"]).double)
    ofRelation = try ids("R")
    ofSubject = try ids("S")
  }

  /// The spans in the order of the prompt.
  var groups: [String] {
    spans.reduce(into: []) { groups, span in if !groups.contains(span) { groups.append(span) } }
  }
}

extension JSONValue {
  /// Nothing is no number.
  var double: Double {
    switch self {
    case .integer(let value): Double(value)
    case .number(let value): value
    default: .nan
    }
  }
}
