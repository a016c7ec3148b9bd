import TestSupport
import Testing

@testable import Model

/// The `config.json` of widely used models, with the keys that their authors and their programs left in
/// them: all open, and nothing in them is a key to warn of.
@Suite struct PublishedConfigTests {
  @Test func allOpenWithoutAWarning() throws {
    let published = try JSON.read(path: Fixtures.path("published-configs.json"))
    for (name, config) in try #require(published.object) {
      do {
        let blueprint = try Self.blueprint(config)
        #expect(blueprint.unknownKeys == [], "\(name)")
      } catch let error as ModelError {
        Issue.record("\(name): \(error.message)")
      }
    }
  }

  /// The same keys with values that mean something else.
  @Test(
    arguments: [
      ("SmolLM2-135M-Instruct", "rope_interleaved", true), ("Qwen2.5-0.5B", "use_mrope", true),
      ("gpt-j-6b", "rotary", false), ("gpt-j-6b", "scale_attn_weights", false),
      ("Phi-4-mini-instruct", "full_attn_mod", 2), ("Phi-4-mini-instruct", "lm_head_bias", true),
      ("gemma-2-9b", "sliding_window_size", 512), ("Mistral-7B-v0.1", "attention_bias", true),
    ] as [(String, String, JSON)])
  func otherValuesAreNamed(name: String, key: String, value: JSON) throws {
    let published = try JSON.read(path: Fixtures.path("published-configs.json"))
    var config = try #require(published[name]?.object)
    config[key] = value
    #expect(try Self.blueprint(.object(config)).unknownKeys == [key])
  }

  private static func blueprint(_ config: JSON) throws -> Blueprint {
    let file = try TemporaryFile(Array(config.text.utf8), name: "config.json")
    let config = try ConfigFile(path: file.path)
    let family = try Architectures.named(
      modelType: config.modelType ?? "", path: file.path)
    let blueprint = try family.blueprint(json: config)
    try blueprint.configuration.validate(path: file.path)
    return blueprint
  }
}
