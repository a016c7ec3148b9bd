/// Which of the files of a folder, or of a repository, make a model.
struct ModelFiles {
  /// Relative to the folder.
  let names: Set<String>

  enum Choice: Equatable {
    /// `model.safetensors`, or the index of several, which says which they are.
    case safetensors(String)
    /// A GGUF file, or the parts of one, the first first.
    case gguf([String])
    /// Several GGUF files: one must be chosen.
    case several([String])
    /// The file that was asked for is not there.
    case missing(String)
    /// Weights that only PyTorch or another library reads.
    case foreign(String)
    case none
  }

  init(_ names: some Sequence<String>) { self.names = Set(names) }

  static let single = "model.safetensors"
  static let index = "model.safetensors.index.json"

  /// The files that come with safetensors, needed or not.
  static let needed = ["config.json", "tokenizer.json"]
  static let useful = [
    "tokenizer_config.json", "generation_config.json", "special_tokens_map.json",
    "added_tokens.json",
  ]

  func choice(file: String?) -> Choice {
    if let file {
      guard names.contains(file), file.hasSuffix(".gguf") else { return .missing(file) }
      return .gguf(Self.parts(of: file))
    }
    for name in [Self.single, Self.index] where names.contains(name) { return .safetensors(name) }
    let found = ggufs
    if found.count > 1 { return .several(found) }
    if let only = found.first { return .gguf(Self.parts(of: only)) }
    let endings = [".bin", ".pt", ".pth", ".msgpack", ".h5", ".onnx", ".safetensors"]
    let foreign = names.sorted().first { name in
      endings.contains { name.hasSuffix($0) } && !name.hasSuffix("training_args.bin")
    }
    return foreign.map(Choice.foreign) ?? .none
  }

  /// The GGUF files of language models, split ones by their first part.
  var ggufs: [String] {
    names.filter { name in
      let last = name.split(separator: "/").last ?? ""
      guard last.hasSuffix(".gguf"), !last.hasPrefix("mmproj") else { return false }
      return Self.part(name).map { $0.number == 1 } ?? true
    }.sorted()
  }

  /// `NAME-00001-of-00003.gguf`: the number, of how many, and what comes before.
  private static func part(_ name: String) -> (base: String, number: Int, count: Int)? {
    guard name.hasSuffix(".gguf") else { return nil }
    let words = name.dropLast(5).split(separator: "-", omittingEmptySubsequences: false)
    guard words.count > 3, words[words.count - 2] == "of",
      [words[words.count - 3], words[words.count - 1]].allSatisfy({ $0.utf8.count == 5 }),
      let number = Int(words[words.count - 3]), let count = Int(words[words.count - 1]),
      number > 0, number <= count
    else { return nil }
    return (words.dropLast(3).joined(separator: "-"), number, count)
  }

  /// The files of a split checkpoint whose first is `name`.
  static func parts(of name: String) -> [String] {
    guard let (base, number, count) = part(name), number == 1 else { return [name] }
    func digits(_ number: Int) -> String {
      String(repeating: "0", count: max(0, 5 - String(number).count)) + String(number)
    }
    return (1...count).map { "\(base)-\(digits($0))-of-\(digits(count)).gguf" }
  }

  static func withoutEnding(_ file: String) -> String {
    let last = file.lastPart
    if let part = part(last) { return part.base }
    for ending in [".gguf", ".safetensors"] where last.hasSuffix(ending) {
      return String(last.dropLast(ending.count))
    }
    return last
  }

  /// The files that an index of safetensors names, sorted.
  ///
  /// - Throws: `Failure` if it is not such an index.
  static func shards(ofIndex path: String) throws -> [String] {
    let bytes = try readBytes(path: path)
    guard let json = try? JSONParser.parse(bytes[...]), let map = json["weight_map"]?.members,
      !map.isEmpty
    else {
      throw Failure(
        "`\(path)` is not a valid index of safetensors files",
        help: "it is damaged: fetch it again",
        status: .unreadable)
    }
    let names = Set(map.compactMap(\.value.string))
    guard let bad = names.first(where: { !HubReference.isRelativePath($0) }) else {
      return names.sorted()
    }
    throw Failure(
      "`\(path)` names a file outside of its folder: \(jsonString(bad))", status: .unreadable)
  }
}
