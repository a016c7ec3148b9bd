import Foundation

@testable import Model

/// What reads bytes that somebody else has written, each as a function of such bytes. `Scripts/fuzz`
/// throws damaged ones at it; a test replays those that did harm once.
///
/// An error is as good as a value. A find is a trap, a read out of bounds, memory that the bytes do
/// not justify, a hang, or a `BrokenPromise`.
enum FuzzTarget: String, CaseIterable, Sendable {
  case gguf, safetensors, index, config, families, tokenizer
  case ggufTokenizer = "gguf-tokenizer"
  case blocks, model, chat, tables, arrays, vectors, lenses, dictionaries, language, script, serve

  /// - Parameter folder: nobody else's; files of the bytes are put there.
  /// - Throws: `BrokenPromise`, or an error that no user should see.
  func run(_ bytes: [UInt8], in folder: ScratchFolder) throws {
    do {
      switch self {
      case .gguf: try Self.gguf(bytes, folder)
      case .safetensors: try Self.safetensors(bytes, folder)
      case .index: try Self.index(bytes, folder)
      case .config: try Self.config(bytes, folder)
      case .families: try Self.families(bytes, folder)
      case .tokenizer: try Self.tokenizer(bytes, folder)
      case .ggufTokenizer: try Self.ggufTokenizer(bytes, folder)
      case .blocks: try Self.blocks(bytes)
      case .model: try Self.model(bytes, folder)
      case .chat: try Self.chat(bytes)
      case .tables: try Self.tables(bytes)
      case .arrays: try Self.arrays(bytes)
      case .vectors: try Self.vectors(bytes, folder)
      case .lenses: try Self.lenses(bytes, folder)
      case .dictionaries: try Self.dictionaries(bytes, folder)
      case .language: try Self.language(bytes)
      case .script: try Self.script(bytes)
      case .serve: try Self.serve(bytes)
      }
    } catch let error as ModelError {
      try Self.check(error)
    }
  }

  /// An error is a line or two, and commands no terminal.
  private static func check(_ error: ModelError) throws {
    for text in [error.message, error.help ?? ""] {
      try promise(text.utf8.count < 4000, "an error of \(text.utf8.count) bytes")
      let control = text.unicodeScalars.first { $0.properties.generalCategory == .control }
      try promise(control == nil, "a control character in an error: \(text.debugDescription)")
    }
    try promise(!error.message.isEmpty, "an error that says nothing")
  }
}

/// What a parser said and did not keep.
struct BrokenPromise: Error {
  var message: String
}

func promise(_ isKept: Bool, _ message: @autoclosure () -> String) throws {
  if !isKept { throw BrokenPromise(message: message()) }
}

/// Files that are written again and again, in memory where the system allows.
final class ScratchFolder: Sendable {
  let path: String

  init() throws {
    let memory = "/dev/shm"
    let parent =
      FileManager.default.isWritableFile(atPath: memory)
      ? memory : FileManager.default.temporaryDirectory.path
    path = "\(parent)/summand-fuzz-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  /// - Returns: the file's path.
  @discardableResult
  func write(_ bytes: some Sequence<UInt8>, _ name: String) throws -> String {
    let file = path + "/" + name
    try Data(bytes).write(to: URL(fileURLWithPath: file))
    return file
  }
}
