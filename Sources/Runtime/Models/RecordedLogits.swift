/// Logits of a model's file that Summand did not compute.
struct RecordedLogits: Sendable {
  var file: String
  var bytes: Int
  var tokens: [Int]
  /// At the last position, the largest of the vocabulary.
  var largest: [(token: Int, logit: Double)]

  /// `references.tsv`, which `Scripts/reference/tiny/recorded.py` writes. It is compiled into the program.
  static let all = list(String(decoding: PackageResources.references_tsv, as: UTF8.self))

  /// Those of a file, by its name and size: what is wrong with the file must not hide them.
  static func of(file path: String, bytes: Int) -> [RecordedLogits] {
    all.filter { path.hasSuffix("/" + $0.file) && $0.bytes == bytes }
  }

  static func list(_ text: String) -> [RecordedLogits] {
    text.split(whereSeparator: \.isNewline).filter { $0.first != "#" }.compactMap { line in
      let fields = line.split(separator: "\t", omittingEmptySubsequences: false)
      guard fields.count == 4, let bytes = Int(fields[1]) else { return nil }
      return RecordedLogits(
        file: String(fields[0]), bytes: bytes,
        tokens: fields[2].split(separator: " ").compactMap { Int($0) },
        largest: fields[3].split(separator: " ").compactMap { pair in
          let parts = pair.split(separator: "=")
          guard parts.count == 2, let token = Int(parts[0]), let logit = Double(parts[1]) else {
            return nil
          }
          return (token, logit)
        })
    }
  }
}
