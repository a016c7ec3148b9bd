import Model
import TestSupport
import Testing

@testable import Runtime

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// The default model, loaded once for all the examples.
private let sharedModel = Result {
  try LanguageModel(path: try TestModel.path(), pool: WorkerPool(width: 2))
}

/// What every example in the documentation and in the commands' declarations is run after.
///
/// - Parameter format: how the session prints.
func documentedSession(format: OutputFormat = .plain) throws -> Session {
  let session = Session(host: TestHost(format: format))
  session.models.add(try sharedModel.get(), as: "smollm2")
  let prologue = """
    let colosseum = prompt "Fact: {subject:The Colosseum} {relation:is in the country of}" \
    -> " Italy" vs " Spain", " France"
    let country = facts "Examples/facts/country.tsv" "Fact: {subject} {relation:is in the country of}"
    """
  let result = session.running(prologue, name: "prologue")
  guard result.status == .done else {
    throw Failure("the examples' prologue does not run: \(result.messages)")
  }
  return session
}

/// The text of a file of the repository.
func repositoryText(_ path: String) throws -> String {
  String(decoding: try Data(contentsOf: packageRoot.appending(path: path)), as: UTF8.self)
}

/// The files in a folder of the repository whose names end so, sorted.
func repositoryFiles(_ folder: String, ending: String) throws -> [String] {
  try FileManager.default.contentsOfDirectory(atPath: packageRoot.appending(path: folder).path)
    .filter { $0.hasSuffix(ending) }.sorted().map { "\(folder)/\($0)" }
}

/// A block of a Markdown file that is marked as ```summand.
struct DocumentedBlock: CustomTestStringConvertible {
  var file: String
  /// Of its first line of text, from 1.
  var line: Int
  var text: String
  /// The whole of what it prints, where a block marked ```output follows.
  var expected: String?

  var testDescription: String { "\(file):\(line)" }

  /// Puts what was printed into the block that follows.
  func record(_ printed: String) throws {
    guard let expected else { return }
    // A part ends with a line of its own more than the block that it is cut from.
    let before = "```summand\n\(text.dropLast())```\n\n```output\n"
    let page = try repositoryText(file)
    guard page.contains(before + expected + "```") else {
      throw Failure("\(testDescription): a block with an output is one part, and stands above it")
    }
    try writeRepositoryText(
      page.replacing(before + expected + "```", with: before + printed + "```"), to: file)
  }

  /// Texts that comments promise: `# → text` of what is printed, `# error: text` of an error,
  /// `# warning: text` of a warning.
  func promises(_ mark: String) -> [String] {
    text.split(separator: "\n").compactMap { line in
      guard let start = line.firstRange(of: mark) else { return nil }
      let promise: Substring = line[start.upperBound...]
      return String(promise.drop { $0 == " " })
    }
  }

  /// The block cut after each line that promises an error, which ends a script.
  var parts: [DocumentedBlock] {
    var parts: [DocumentedBlock] = []
    var part = DocumentedBlock(file: file, line: line, text: "")
    for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated()
    {
      part.text += line + "\n"
      guard line.contains("# error:") else { continue }
      parts.append(part)
      part = DocumentedBlock(file: file, line: self.line + index + 1, text: "")
    }
    part.expected = expected
    return parts + [part]
  }

  static func all(in file: String) throws -> [DocumentedBlock] {
    var blocks: [DocumentedBlock] = []
    var current: DocumentedBlock?
    let lines = try repositoryText(file).split(separator: "\n", omittingEmptySubsequences: false)
    for (index, line) in lines.enumerated() {
      if let open = current, line == "```" {
        blocks.append(open)
        current = nil
      } else if current != nil {
        current?.text += line + "\n"
      } else if line == "```output", let last = blocks.indices.last {
        let output = lines[(index + 1)...].prefix { $0 != "```" }
        blocks[last].expected = output.map { $0 + "\n" }.joined()
      } else if line == "```summand" {
        current = DocumentedBlock(file: file, line: index + 2, text: "")
      }
    }
    guard current == nil else { throw Failure("\(file) ends within a block") }
    return blocks
  }
}

/// Blocks that run one after the other in one session.
struct DocumentedChapter: CustomTestStringConvertible {
  var blocks: [DocumentedBlock]

  var testDescription: String { blocks.first?.testDescription ?? "" }

  /// What a page says, in a comment, whose blocks build on each other.
  static let oneSession = "<!-- The blocks of this page run in one session. -->"

  static func all(in file: String) throws -> [DocumentedChapter] {
    let blocks = try DocumentedBlock.all(in: file)
    return try repositoryText(file).contains(oneSession)
      ? [DocumentedChapter(blocks: blocks)] : blocks.map { DocumentedChapter(blocks: [$0]) }
  }
}
