import Foundation
import TestSupport
import Testing

@testable import Model

/// Models that people have, on prompts that they write: `Fixtures/real`, computed by transformers in
/// float64 from the values of the file's weights. One whose file is not beside the default model's is
/// left out.
@Suite("Real models against transformers in float64")
struct RealModelTests {
  static let models = ["smollm2", "gemma3-270m"].filter {
    $0 == "smollm2" || RealReference.isHere($0)
  }

  /// Measured: 1.1e-4 on SmolLM2; 8e-5 on Gemma 3, but 2e-4 where the prompt is long.
  @Test("logits of 64 ids at many positions, and the twenty largest", arguments: models)
  func logits(name: String) throws {
    let reference = try RealReference(name)
    let transformer = try TestModels.open(reference.modelPath()).transformer
    for prompt in reference.record.prompts {
      let result = try transformer.run([
        RunRequest(tokens: prompt.tokens, logits: .all(prompt.positions))
      ])[0]
      let last = try #require(result.logits.last)
      var gap = Gap(prompt.top.map { last[$0] }, prompt.topLogits)
      let wanted = try reference.tensors[prompt.name]
      for (row, logits) in result.logits.enumerated() {
        gap.add(reference.record.spread.map { logits[$0] }, wanted[row: [row]])
      }
      #expect(gap.largest < prompt.tolerance, "\(prompt.name): \(gap)")
      let rest = last.indices.filter { !prompt.top.contains($0) }.map { last[$0] }
      let smallest = Double(try #require(prompt.topLogits.last))
      #expect(rest.allSatisfy { Double($0) < smallest + prompt.tolerance }, "\(prompt.name)")
    }
  }

  @Test("the same tokens as the package tokenizers", arguments: models)
  func tokens(name: String) throws {
    let reference = try RealReference(name)
    let model = try TestModels.open(reference.modelPath())
    for prompt in reference.record.prompts {
      let found = model.encode(prompt.text, addsBOS: model.tokenizer.addsBOS)
      #expect(found == prompt.tokens, "\(prompt.name)")
    }
  }
}

/// `real/<name>.json` and `real/<name>.safetensors`.
private struct RealReference {
  struct Record: Decodable {
    struct Prompt: Decodable {
      var name: String
      var text: String
      var tokens: [Int]
      /// The rows of its tensor.
      var positions: [Int]
      /// The twenty largest at the last position.
      var top: [Int]
      var topLogits: [Float]
      /// How far transformers itself is from the truth when it runs in f32.
      var offInF32: Double

      /// Logits are up to 33 here. Another order of summation is as good, and may be less lucky.
      var tolerance: Double { max(2e-4, 2 * offInF32) }
    }
    var file: String
    /// The ids whose logits are recorded at every position.
    var spread: [Int]
    var prompts: [Prompt]
  }

  let record: Record
  let tensors: ReferenceTensors

  init(_ name: String) throws {
    record = try Fixtures.json("real/\(name).json")
    tensors = try ReferenceTensors("real/\(name).safetensors")
  }

  static func isHere(_ name: String) -> Bool {
    guard let path = try? RealReference(name).modelPath() else { return false }
    return FileManager.default.fileExists(atPath: path)
  }

  /// The default model's where it is that one, else the file beside it.
  func modelPath() throws -> String {
    let path = try TestModel.path()
    if record.file == TestModel.fileName { return path }
    return URL(filePath: path).deletingLastPathComponent().appending(path: record.file).path
  }
}
