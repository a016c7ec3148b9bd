import Foundation
import Model
import TestSupport
import Testing

@testable import Runtime

/// Vectors as values, the edits along them, and directions tried on held-out prompts.
@Suite struct VectorTests {
  private let shell: PipedSession

  init() throws {
    shell = try PipedSession(tiny: "tiny-gqa")
    try shell.define("let asked = prompt [41, 7, 90, 23, 58] -> \"b\" vs \"c\"")
    try shell.define("let other = prompt [12, 77, 3, 66]")
    try shell.define("let v = asked | activations L1.resid_post@last | vector")
    try shell.define("let w = other | activations L1.resid_post@* | vector")
  }

  private func number(_ line: String) throws -> Double {
    let result = shell.session.running(line)
    return try #require(
      Double(result.output.trimmingCharacters(in: .whitespacesAndNewlines)),
      "\(line): \(result.output)\(result.messages)")
  }

  private func numbers(_ line: String) throws -> [Double] { try shell.table(line).numbers("value") }

  private func expectFailures(_ lines: KeyValuePairs<String, String>) {
    for (line, message) in lines {
      let result = shell.session.running(line)
      #expect(result.status != .done, "\(line)")
      #expect(result.messages.contains(message), "\(line): \(result.messages)")
    }
  }

  // MARK: - Values

  @Test func meansAndArithmetic() throws {
    let last = try numbers("asked | activations L1.resid_post@last")
    // A table prints as many digits as tell a number of F32.
    try expectClose(try numbers("v.value"), last, within: 1e-6)
    // The mean over positions, in a table or as they are computed.
    let rows = try numbers("other | activations L1.resid_post")
    let width = last.count
    let mean = (0..<width).map { i in
      (0..<4).reduce(0.0) { $0 + rows[$1 * width + i] } / 4
    }
    try expectClose(try numbers("w.value"), mean, within: 1e-6)
    try shell.define("let kept = other | activations L1.resid_post")
    try expectClose(try numbers("(kept | vector).value"), mean, within: 1e-6)
    let sum = zip(last, mean).map { 2 * $0 - $1 / 4 }
    try expectClose(try numbers("(2 * v - w / 4).value"), sum, within: 1e-6)
    try expectClose(try numbers("(-v).value"), last.map { -$0 }, within: 1e-6)
    let (one, other) = (
      last.reduce(0) { $0 + $1 * $1 }.squareRoot(), mean.reduce(0) { $0 + $1 * $1 }.squareRoot()
    )
    let dot = zip(last, mean).reduce(0) { $0 + $1.0 * $1.1 }
    #expect(abs(try number("norm(v)") - one) < 1e-6 * one)
    #expect(abs(try number("dot(v, w)") - dot) < 1e-6 * one * other)
    #expect(abs(try number("cosine(v, w)") - dot / one / other) < 1e-6)
    #expect(abs(try number("v[3]") - last[3]) < 1e-6)
    #expect(try number("length(v)") == Double(width))
    let card = try shell.table("v")
    #expect(try card.texts("site") == ["L1.resid_post"])
    #expect(try card.numbers("width") == [Double(width)])
  }

  @Test func files() throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "vectors-\(UUID())")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let path = { (name: String) in "\"\(folder.appending(path: name).path)\"" }
    try shell.define("v | save \(path("v.npy"))")
    try shell.define("v | save \(path("v.safetensors")) key \"truth\"")
    try shell.define("let later = w | vector at L2.resid_post")
    try shell.define("[v, later] | save \(path("v.gguf"))")
    let elements = try numbers("v.value")
    for line in [
      path("v.npy"), path("v.safetensors"), "\(path("v.safetensors")) key \"truth\"",
    ] {
      try expectClose(try numbers("(vector \(line)).value"), elements, within: 1e-12, line)
    }
    try expectClose(
      try numbers("(vector \(path("v.gguf")) layer 1).value"), elements, within: 1e-6)
    #expect(
      try shell.table("vector \(path("v.gguf")) layer 2").texts("site") == ["L2.resid_post"])
    expectFailures([
      "vector \(path("v.gguf"))": "has directions of the layers 1 to 2",
      "vector \(path("v.gguf")) layer 7": "has no direction of layer 7",
      "vector \(path("v.gguf")) key \"a\"": "has layers, and no keys",
      "vector \(path("v.npy")) layer 1": "`layer` goes with control vectors",
      "vector \(path("v.npy")) key \"a\"": "has one array, and no keys",
      "vector \(path("v.safetensors")) key \"trut\"": "did you mean \"truth\"",
      "vector \"\(Fixtures.path("tiny-gqa.F32.gguf"))\"": "not a control vector",
      "vector \"nowhere.npy\"": "nowhere.npy",
      "vector \(path("v.npy")) at L1H0.z": "has 24 elements, and the vector 32",
      "[v, v] | save \(path("x.gguf"))": "two vectors of layer 1",
      "[1, 2] | vector | save \(path("x.gguf"))": "it is not known after which layer",
      "v | vector at L0.resid_post | save \(path("x.gguf"))": "cannot steer after layer 0",
      "asked | rank | save \(path("x.gguf"))": "is made of vectors, and this is a table",
      "v | save \(path("x.npy")) key \"a\"": "`key` names the tensor of a vector",
    ])
  }

  /// The file of the package `gguf`, and the same bytes from Summand.
  @Test func controlVector() throws {
    let path = packageRoot.appending(path: "Tests/RuntimeTests/Fixtures/vectors/control.gguf").path
    let file = try ControlVectors(path: path)
    #expect(file.hint == "llama")
    for layer in [1, 2] {
      let wanted = (0..<32).map { EditTable.Place.element($0, ofSeed: layer) }
      #expect(file.directions[layer] == wanted)
    }
    let bytes = ControlVectors.bytes(
      hint: "llama", file.directions.map { ($0.key, $0.value) }.sorted { $0.0 < $1.0 })
    #expect(bytes == Array(try Data(contentsOf: URL(filePath: path))))
  }

  @Test func mistakes() throws {
    try shell.define("load \"\(Fixtures.path("tiny-mha.F32.gguf"))\" as second")
    try shell.define("let foreign = prompt [5, 6] | activations L1.resid_post@last | vector")
    try shell.define("use \"tiny-gqa\"")
    expectFailures([
      "v + foreign": "of two models", "dot(v, foreign)": "of two models",
      "asked | steer L1.resid_post by foreign | rank": "was measured on 'second'",
      "v + 1": "`+` needs numbers", "v * w": "two vectors have two products",
      "v / 0": "divided by 0",
      "v + ([1, 2] | vector)": "32 elements and the other 2", "norm(3)": "takes vectors",
      "v * 1e308 * 1e308": "an element that is",
      "asked | activations L*.resid_post | vector": "a vector belongs to one place",
      "asked | activations L1H0.pattern | vector": "as wide as its position",
      "asked | vector": "these are prompts", "vector": "needs activations, numbers or a file",
      "asked | rank | vector": "there is no column `element`",
      "asked | project L1.resid_post off ([0, 0] | vector) | rank": "has no direction",
      "asked | project L1.resid_post off (0 * v) | rank": "has no direction",
      "asked | project L1H0.z off v | rank": "has 24 elements, and the vector 32",
      "asked | project L1.resid_post | rank": "either `off V` or `onto V`",
      "asked | project L1.resid_post off v onto w | rank": "either `off V` or `onto V`",
      "asked | project L1 off v | rank": "is several activations",
      "asked | project L1H0.pattern off v | rank": "as wide as its position",
      "asked | project ln_final.scale off [1] | rank": "is one number",
      "asked | project L1N0 off [1] | rank": "some of the neurons",
      "asked | clamp L1.resid_post along v to 1e39 | rank": "larger than F32",
      "asked | dla toward ([1, 2] | vector)": "the stream has 32 elements",
      "asked | dla toward v into L1.mlp": "is not a stream",
      "asked | dla into L1.resid_post": "`into` goes with `toward`",
      "asked | dla toward v on \"b\"": "do not go together",
      "unembed ([1, 2] | vector)": "the stream has 32 elements",
      "direction asked vs other at L1.resid_post@last": "two prompts of each side",
      "direction asked at L1.resid_post@last": "needs the other side",
      "direction asked by \"label\" at L1.resid_post@last": "was written by itself",
      "direction [asked, asked] vs [other, other] at L1.resid_post@last paired held 0":
        "`paired` goes with `pca`",
      "direction [asked, asked] vs [other, other] at L*.resid_post@last held 0":
        "a direction is found at one site",
      "direction [asked, asked] vs [asked, asked] at L1.resid_post@last held 0":
        "the same mean",
    ])
  }

  // MARK: - Edits

  /// Whatever is written, nothing of the direction is in the stream; else the rest of the run goes on.
  @Test(arguments: ["tiny-gqa", "tiny-mha", "families/gemma2", "families/gpt2", "families/gptj"])
  func nothingIsLeftAlong(model: String) throws {
    let shell = try PipedSession(tiny: model)
    try shell.define("let asked = prompt [41, 7, 90, 23, 58]")
    try shell.define("let v = asked | activations L1.resid_post@last | vector")
    let line = "asked | project writes off v | activations L*.resid_post"
    let (rows, v) = (try shell.table(line), try shell.table("v.value").numbers("value"))
    let values = try rows.numbers("value")
    let norm = v.reduce(0) { $0 + $1 * $1 }.squareRoot()
    var largest = 0.0
    for start in stride(from: 0, to: values.count, by: v.count) {
      let row = values[start..<start + v.count]
      let dot = zip(row, v).reduce(0) { $0 + $1.0 * $1.1 } / norm
      let size = row.reduce(0) { $0 + $1 * $1 }.squareRoot()
      largest = max(largest, abs(dot) / size)
    }
    #expect(values.count / v.count > 5)
    #expect(largest < 1e-5)
    let clean = try shell.table("asked | logits").numbers("logit")
    #expect(try shell.table("asked | project writes off v | logits").numbers("logit") != clean)
  }

  @Test func clampedAndProjected() throws {
    let v = try numbers("v.value")
    let norm = v.reduce(0) { $0 + $1 * $1 }.squareRoot()
    func along(_ line: String) throws -> Double {
      zip(try numbers(line), v).reduce(0) { $0 + $1.0 * $1.1 } / norm
    }
    let clamp = "asked | clamp L1.resid_post@2 along v to -3.5 | activations L1.resid_post@2"
    #expect(abs(try along(clamp) + 3.5) < 1e-5)
    let clean = try numbers("asked | activations L1.resid_post@2")
    let onto = try numbers("asked | project L1.resid_post@2 onto v | activations L1.resid_post@2")
    let part = zip(clean, v).reduce(0) { $0 + $1.0 * $1.1 } / norm / norm
    try expectClose(onto, v.map { $0 * part }, within: 1e-5)
  }

  /// As one batch, and each by itself; as they are planned; in generation.
  @Test func sweptPlannedAndGenerated() throws {
    let swept = try shell.table("asked | project each writes@* off v | effect of logit")
    let components = try swept.texts("component")
    let positions = try swept.numbers("position")
    let edited = try swept.numbers("edited")
    #expect(components.count == (1 + 2 * 3) * 5)
    for row in stride(from: 0, to: components.count, by: 4) {
      let line = "asked | project \(components[row])@\(Int(positions[row])) off v | effect of logit"
      #expect(try shell.table(line).numbers("edited") == [edited[row]], "\(line)")
    }
    let plan = try shell.table("plan asked | project each writes@* off v | effect of logit")
    #expect(try plan.numbers("runs") == [Double(components.count + 1)])
    _ = try shell.table(
      "plan asked | project writes off (v - (other | activations L1.resid_post@last | vector)) | rank"
    )
    let free = try shell.table("asked | generate 4").texts("token")
    try shell.define("let sure = asked | clamp L1.resid_post along v to 40")
    let held = try shell.table("sure | generate 4").texts("token")
    #expect(held != free)
    // What is generated with the edit is what the edited prompt says next.
    #expect(try shell.table("sure | logits | top 1").texts("token")[0] == held[0])
  }

  // MARK: - Directions

  /// Two sides that differ in one token are told apart, and shuffled labels are not.
  @Test func heldOutPrompts() throws {
    func side(_ mark: Int, _ step: Int) -> String {
      let prompts = (0..<16).map { n in
        "(prompt [\((0..<5).map { $0 == 3 ? "\(mark)" : "\((step * n + 31 * $0) % 200 + 3)" }.joined(separator: ", "))])"
      }
      return "[\(prompts.joined(separator: ", "))]"
    }
    try shell.define(
      "let yes = \(side(41, 7)); let no = \(side(300, 7)); let far = \(side(300, 11))")
    for method in ["mean", "pca paired", "logistic", "mass_mean"] {
      let line = "direction yes vs no at L0.resid_post@3 \(method)"
      let card = try shell.table(line)
      #expect(try card.numbers("train") == [24] && card.numbers("test") == [8], "\(line)")
      // Fewer rows than columns: the inverse of their covariance fits noise.
      if method != "mass_mean" {
        #expect(try card.numbers("accuracy") == [1], "\(line)")
        #expect(abs(try card.numbers("low")[0] - 0.675592) < 1e-5)
      }
      let control = try card.numbers("control")[0]
      #expect(control > 0.2 && control < 0.8, "\(line): \(control)")
      // The same again, and another with another seed.
      #expect(try shell.table(line) == card)
    }
    let table = try shell.table("direction each yes vs far at L*.resid_post@{1,3}")
    #expect(try table.texts("position") == ["1", "3", "1", "3", "1", "3"])
    let accuracy = try table.numbers("accuracy")
    // Before the token that tells, nothing does.
    #expect(accuracy[2] < 0.9 && accuracy[3] == 1)
  }

  @Test func columnsOfFiles() throws {
    let rows = (0..<12).map { n in
      "the \(n % 2 == 0 ? "sky" : "sea") \(n)\t\(n % 2 == 0 ? "up" : "down")\t\(n / 4)\t\(n < 8 ? "train" : "test")"
    }
    let path = FileManager.default.temporaryDirectory.appending(path: "sides-\(UUID()).tsv").path
    try (["prompt\tside\tgroup\tpart"] + rows).joined(separator: "\n")
      .write(toFile: path, atomically: true, encoding: .utf8)
    defer { try? FileManager.default.removeItem(atPath: path) }
    try shell.define("let all = read \"\(path)\" | prompts")
    let (card, messages) = try shell.run("direction all by side at L1.resid_post@last split part")
    #expect(try card.numbers("train") == [8] && card.numbers("test") == [4])
    #expect(messages.contains("the positive side is side == \"up\""))
    // Rows of one group are not parted: three groups of four.
    let grouped = try shell.table(
      "all | direction by side value down at L1.resid_post@last split group")
    #expect(try grouped.numbers("test") == [4])
    expectFailures([
      "direction all by group at L1.resid_post@last": "has 3 values",
      "direction all by sid at L1.resid_post@last": "did you mean `side`",
      "direction all by side value left at L1.resid_post@last": "has no \"left\"",
      "direction all by side at L1.resid_post@last split part held 0.5": "says itself",
      "direction (all | take 8) vs (all | take -8) at L1.resid_post@last pca paired split part":
        "holds out one prompt of pair 5",
      "all | take 1 | activations L1.resid_post@last | select value | derive element = 9223372036854775807 | vector":
        "not the rows of whole vectors",
      "vector key \"a\"": "say which vector of a file",
    ])
  }
}
