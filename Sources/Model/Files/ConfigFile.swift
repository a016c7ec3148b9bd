#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// A `config.json` as Hugging Face's transformers writes it, 4.x and 5.x alike.
struct ConfigFile: Sendable {
  let path: String
  var values: Values
  private let content: Data

  /// The language model's part of the file of a model that reads more than text: `text_config`, which
  /// states what is not the family's usual.
  var text: ConfigFile {
    get throws {
      var file = self
      let parts = try Self.decode(Parts.self, from: content, path: path)
      file.values = try require(parts.textConfig, "text_config")
      return file
    }
  }

  init(path: String) throws {
    self.path = path
    guard ReadableFile.exists(path) else {
      throw ModelError(
        .file, "there is no config.json at \(quoted(path))",
        help: "a safetensors model needs its config.json and tokenizer.json beside it")
    }
    // The decoder alone would take either of two equal keys, and follow any depth.
    let bytes = try JSON.bytes(path: path, limit: 1 << 22)
    _ = try JSON(bytes, source: path)
    content = Data(bytes)
    values = try Self.decode(Values.self, from: content, path: path)
  }

  private static func decode<Part: Decodable>(
    _ part: Part.Type, from content: Data, path: String
  ) throws -> Part {
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    do {
      return try decoder.decode(part, from: content)
    } catch let error as DecodingError {
      throw ModelError(
        .file, "\(quoted(path)) is not a model's config.json: \(describe(error).prefix(400))")
    }
  }

  /// A count of layers for which something may be allocated.
  func layers(_ count: Int?, _ key: String) throws -> Int {
    let count = try require(count, key)
    guard (1...Configuration.mostLayers).contains(count) else {
      throw unsupported("\(count) layers")
    }
    return count
  }

  /// The width of one of `heads` heads that share `width` elements.
  func headWidth(_ width: Int, heads: Int) throws -> Int {
    guard heads > 0 else { throw unsupported("\(heads) attention heads") }
    return width / heads
  }

  func require<T>(_ value: T?, _ key: String) throws -> T {
    guard let value else { throw ModelError(.file, "\(quoted(path)) lacks the key '\(key)'") }
    return value
  }

  func unsupported(_ what: String) -> ModelError {
    ModelError(.file, "\(quoted(path)) asks for \(what), which is not supported")
  }

  private static func describe(_ error: DecodingError) -> String {
    switch error {
    case .typeMismatch(_, let context), .valueNotFound(_, let context),
      .keyNotFound(_, let context), .dataCorrupted(let context):
      let key = context.codingPath.map(\.stringValue).joined(separator: ".")
      return key.isEmpty ? context.debugDescription : "\(key): \(context.debugDescription)"
    @unknown default: return "\(error)"
    }
  }
}
