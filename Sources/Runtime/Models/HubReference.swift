/// A model of the hub as a person names it: `org/name`, `org/name@revision`, `org/name:file.gguf`.
struct HubReference: Equatable, Sendable {
  /// `org/name`; a few old ones are `name` alone.
  var repository: String
  /// A branch, a tag or a commit; the repository's `main` where none is given.
  var revision: String?
  /// One of the repository's GGUF files.
  var file: String?

  init(repository: String, revision: String? = nil, file: String? = nil) {
    self.repository = repository
    self.revision = revision
    self.file = file
  }

  /// nil for what can be no such name.
  init?(parsing text: String) {
    let name = text.prefix { $0 != "@" && $0 != ":" }
    var rest = text[name.endIndex...]
    repository = String(name)
    if rest.first == "@" {
      let revision = rest.dropFirst().prefix { $0 != ":" }
      rest = rest[revision.endIndex...]
      self.revision = String(revision)
    }
    if rest.first == ":" { file = String(rest.dropFirst()) }
    guard Self.isRepository(repository), revision.map(Self.isRelativePath) ?? true,
      file.map(Self.isRelativePath) ?? true
    else { return nil }
  }

  /// What the hub allows: letters, digits, `.`, `_` and `-`, and no `--`, which stands for `/` in the
  /// names of the cache's folders.
  private static func isRepository(_ text: String) -> Bool {
    let parts = text.split(separator: "/", omittingEmptySubsequences: false)
    return (1...2).contains(parts.count)
      && parts.allSatisfy { part in
        guard let first = part.utf8.first, let last = part.utf8.last, part.utf8.count <= 96 else {
          return false
        }
        return part.utf8.allSatisfy(isNameByte) && !part.contains("--") && !part.contains("..")
          && [first, last].allSatisfy { $0 != UInt8(ascii: ".") && $0 != UInt8(ascii: "-") }
      }
  }

  private static func isNameByte(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"),
      UInt8(ascii: "."):
      true
    default: false
    }
  }

  /// Whether it stays within the folder that it is put into: it may come from a server.
  static func isRelativePath(_ text: String) -> Bool {
    text.utf8.count <= 1024 && text.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7F }
      && text.split(separator: "/", omittingEmptySubsequences: false).allSatisfy {
        !$0.isEmpty && $0 != "." && $0 != ".."
      }
  }

  /// As it is written.
  var text: String {
    repository + (revision.map { "@" + $0 } ?? "") + (file.map { ":" + $0 } ?? "")
  }

  /// What the prompt calls the model: without its owner.
  var shortName: String {
    if let file { return ModelFiles.withoutEnding(file) }
    return repository.lastPart
  }
}
