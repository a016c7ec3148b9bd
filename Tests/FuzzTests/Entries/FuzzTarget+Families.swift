import Foundation

@testable import Model

/// Configurations of every family, with weights that fit the seeds.
extension FuzzTarget {
  /// A config.json. Its `model_type` chooses the weights: those of the tests' model of that family.
  /// What opens is run.
  static func families(_ bytes: [UInt8], _ folder: ScratchFolder) throws {
    let type = try JSON(bytes, source: "config.json")["model_type"]?.string ?? ""
    let place = folder.path + "/" + (weights[type] ?? "llama3")
    let model = place + "/model.safetensors"
    if !FileManager.default.fileExists(atPath: model) {
      try FileManager.default.createDirectory(atPath: place, withIntermediateDirectories: true)
      try FileManager.default.createSymbolicLink(
        atPath: model,
        withDestinationPath: fixtures + (weights[type] ?? "llama3")
          + "/model.safetensors")
    }
    try Data(bytes).write(to: URL(fileURLWithPath: place + "/config.json"))
    let source = try CheckpointSource(path: place)
    let c = source.blueprint.configuration
    try c.validate(path: place)
    let unknown = source.blueprint.unknownKeys
    try promise(Set(unknown).count == unknown.count, "a key that is named twice: \(unknown)")
    let transformer = try source.transformer(pool: pool)
    let tokens = [41, 7, 90, 23, 58, 12, 77, 3, 66].map { $0 % c.vocabulary }
    let result = try transformer.run([RunRequest(tokens: tokens, logits: .all([0, 8]))])
    let counts = result[0].logits.map(\.count)
    try promise(counts == [c.vocabulary, c.vocabulary], "\(counts) logits of \(c.vocabulary)")
  }

  /// The folders of the tests' models by their families.
  private static let weights = [
    "gpt2": "gpt2", "gpt_neox": "gpt_neox", "gptj": "gptj", "llama": "llama3",
    "mistral": "mistral", "qwen2": "qwen2", "qwen3": "qwen3", "gemma": "gemma",
    "gemma2": "gemma2", "gemma3_text": "gemma3", "gemma3": "gemma3-vision",
    "phi3": "phi3-longrope",
  ]

  /// From this file, whether a test or the fuzzer has it: both lie as deep.
  private static let fixtures =
    URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent()
    .appendingPathComponent("Tests/ModelTests/Fixtures/families").path + "/"

  private static let pool = WorkerPool(width: 1)
}
