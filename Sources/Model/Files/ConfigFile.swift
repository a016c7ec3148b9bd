#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// A `config.json` as Hugging Face's transformers writes it, 4.x and 5.x alike.
struct ConfigFile: Sendable {
  let path: String
  var values: Values
  /// Of the language model, in the file of a model that reads more than text.
  private let textValues: Values?

  /// The keys of `text_config` alone, of which files state those that are not the family's usual.
  var text: ConfigFile {
    get throws {
      var file = self
      file.values = try require(textValues, "text_config")
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
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    do {
      values = try decoder.decode(Values.self, from: Data(bytes))
      textValues = try decoder.decode(Parts.self, from: Data(bytes)).textConfig
    } catch let error as DecodingError {
      throw ModelError(
        .file, "\(quoted(path)) is not a model's config.json: \(Self.describe(error).prefix(400))")
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
