#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// A `config.json` as Hugging Face's transformers writes it, 4.x and 5.x alike.
struct ConfigFile: Sendable {
  let path: String
  let values: Values

  /// The keys that some family reads, under their own names.
  struct Values: Decodable, Sendable {
    var model_type: String?
    var num_hidden_layers: Int?
    var num_attention_heads: Int?
    var num_key_value_heads: Int?
    var head_dim: Int?
    var hidden_size: Int?
    var intermediate_size: Int?
    var vocab_size: Int?
    var max_position_embeddings: Int?
    var rms_norm_eps: Float?
    var rope_theta: Double?
    var rope_parameters: Rope?
    var rope_scaling: Rope?
    var tie_word_embeddings: Bool?
    var hidden_act: String?
    var attention_bias: Bool?
    var mlp_bias: Bool?

    /// The kind of RoPE scaling, nil when there is none.
    var ropeScaling: String? {
      for rope in [rope_parameters, rope_scaling] {
        if let kind = rope?.rope_type ?? rope?.type, kind != "default" { return kind }
      }
      return nil
    }
  }

  struct Rope: Decodable, Sendable {
    var rope_type: String?
    var type: String?
    var rope_theta: Double?
  }

  init(path: String) throws {
    self.path = path
    do {
      values = try JSONDecoder().decode(
        Values.self, from: try Data(contentsOf: URL(filePath: path)))
    } catch let error as DecodingError {
      throw ModelError(.file, "'\(path)' is not a model's config.json: \(Self.describe(error))")
    } catch {
      throw ModelError(
        .file, "there is no readable config.json at '\(path)'",
        help: "a safetensors model needs its config.json and tokenizer.json beside it")
    }
  }

  func require<T>(_ value: T?, _ key: String) throws -> T {
    guard let value else { throw ModelError(.file, "'\(path)' lacks the key '\(key)'") }
    return value
  }

  func unsupported(_ what: String) -> ModelError {
    ModelError(.file, "'\(path)' asks for \(what), which is not supported")
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
