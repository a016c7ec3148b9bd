import Foundation
import Testing

@testable import Model

/// What a process computes with is settled when it starts, so every instruction set runs in a
/// process of its own.
@Suite("Kernels: instruction sets")
struct KernelVariantsTests {
  @Test(
    "give the same bits at every site of a whole run",
    arguments: [
      "tiny-gqa", "tiny-gqa.F16.gguf", "tiny-gqa.BF16.gguf", "tiny-gqa.Q8_0.gguf",
      "tiny-gqa.Q4_1.gguf", "tiny-mha", "tiny-q6k.gguf",
    ] + Family.all.map(\.path))
  func wholeRuns(model: String) async throws {
    var digests: [String: String] = [:]
    for name in Kernels.available.map({ $0.name }) {
      let result = try await #require(
        processExitsWith: .success, observing: [\.standardOutputContent]
      ) { [model, name = name as String] in
        setenv("SUMMAND_ISA", name, 1)
        try #require(Kernels.complaint() == nil)
        let digest = try KernelVariantsTests.digest(model)
        // A line apart from whatever the test runner prints.
        print("\ndigest \(Kernels.current.name) \(digest)")
      }
      let text = String(decoding: result.standardOutputContent, as: UTF8.self)
      let line = try #require(text.split(separator: "\n").first { $0.hasPrefix("digest ") })
      let words = line.split(separator: " ").map(String.init)
      #expect(words[1] == name)
      digests[name] = words[2]
    }
    #expect(digests.count == Kernels.available.count)
    #expect(Set(digests.values).count == 1, "\(digests)")
  }

  /// A number that every bit of a run with 23 tokens enters: all sites and logits, in order.
  private static func digest(_ model: String) throws -> String {
    let transformer = try TestModels.tiny(model).transformer
    let tokens = (0..<23).map { 3 + $0 * 37 % (transformer.configuration.vocabulary - 20) }
    let result = try transformer.run([.everything(tokens, of: transformer.configuration)])[0]
    var digest: UInt64 = 0xCBF2_9CE4_8422_2325
    func add(_ rows: [[Float]]) {
      for value in rows.joined() {
        digest = (digest ^ UInt64(value.bitPattern)) &* 0x100_0000_01B3
      }
    }
    for site in result.activations.keys.sorted(by: { $0.hookName < $1.hookName }) {
      add(result.activations[site]?.rows ?? [])
    }
    add(result.logits)
    return String(digest, radix: 16)
  }
}
