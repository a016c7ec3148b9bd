import TestSupport
import Testing

@testable import Model

/// Folders whose files say different things, against AutoTokenizer of transformers 5.24; made by
/// Scripts/reference/tokens/auto.py.
@Suite struct TokenizerAutoTests {
  @Test func foldersAsTransformersReadsThem() throws {
    let record = try JSON.read(path: Fixtures.path("tokenizer-auto.json"))
    let lines = try #require(record["lines"]?.array).compactMap(\.string)
    let cases = try #require(record["cases"]?.array)
    #expect(cases.count >= 100 && lines.count >= 6)
    var wrong: [String] = []
    for (index, item) in cases.enumerated() {
      let kind = try #require(item["kind"]?.string)
      let model = try #require(record["models"]?[kind]?.string)
      let folder = try TemporaryDirectory()
      let parts = try #require(item["tokenizer"]?.string)
      try folder.write("{\(parts),\"model\":\(model)}".utf8, "tokenizer.json")
      for (name, content) in item["files"]?.object ?? [:] {
        try folder.write(try #require(content.string).utf8, name)
      }
      let title = "case \(index) (\(item["class"]?.string ?? ""))"
      do {
        let tokenizer = try Tokenizer(
          tokenizerJSON: folder.path + "/tokenizer.json",
          config: folder.path + "/tokenizer_config.json",
          model: (try #require(item["model_type"]?.string), nil))
        if !tokenizer.addsBOS, tokenizer.bos != item["bos"]?.int {
          wrong.append("\(title): BOS \(String(describing: tokenizer.bos))")
        }
        if tokenizer.eos != item["eos"]?.int {
          wrong.append("\(title): EOS \(String(describing: tokenizer.eos))")
        }
        for (line, ids) in zip(lines, item["ids"]?.array ?? []) {
          let bos = tokenizer.addsBOS ? [tokenizer.bos].compactMap { $0 } : []
          let found = bos + tokenizer.encode(line).map(\.id)
          let wanted = ids.array?.compactMap(\.int) ?? []
          if found != wanted { wrong.append("\(title) \(quoted(line)): \(found), not \(wanted)") }
        }
      } catch { wrong.append("\(title): \(error)") }
    }
    #expect(wrong.isEmpty, "\(wrong.count): \(wrong.prefix(8))")
  }
}
