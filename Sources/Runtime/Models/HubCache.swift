#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// The Hugging Face cache on this machine, in the layout that `huggingface_hub` gives it:
/// `models--org--name/{refs/main, blobs/, snapshots/<commit>/file → blob}`.
struct HubCache {
  let root: String

  func folder(of repository: String) -> String {
    root + "/models--" + repository.split(separator: "/").joined(separator: "--")
  }

  func snapshot(_ commit: String, of repository: String) -> String {
    folder(of: repository) + "/snapshots/" + commit
  }

  /// Which commit a branch or tag was when it was last fetched; nil where it never was.
  func commit(of revision: String, in repository: String) -> String? {
    if Self.isCommit(revision) { return revision }
    let path = folder(of: repository) + "/refs/" + revision
    guard let size = fileSize(path), size <= 256, let bytes = try? readBytes(path: path) else {
      return nil
    }
    let text = String(decoding: bytes.filter { $0 > UInt8(ascii: " ") }, as: UTF8.self)
    return Self.isCommit(text) ? text : nil
  }

  static func isCommit(_ text: String) -> Bool {
    text.utf8.count == 40 && text.utf8.allSatisfy { Character(Unicode.Scalar($0)).isHexDigit }
  }

  /// A small file of a model that is here and was damaged since it came.
  func damagedFile(of reference: HubReference) throws -> String? {
    for repository in ShortNames.repositories(of: reference.repository) {
      guard let commit = commit(of: reference.revision ?? "main", in: repository) else { continue }
      let folder = snapshot(commit, of: repository)
      guard case .safetensors = ModelFolder(folder).files.choice(file: reference.file) else {
        return nil
      }
      let read = [ModelFiles.index] + ModelFiles.needed + ModelFiles.useful
      return try read.map { folder + "/" + $0 }.first { try CachedFile($0).isDamaged() }
    }
    return nil
  }

  /// The path of a model that is here with all its files, and those whole; nil where some must be
  /// fetched.
  func path(of reference: HubReference) throws -> String? {
    if try damagedFile(of: reference) != nil { return nil }
    for repository in ShortNames.repositories(of: reference.repository) {
      guard let commit = commit(of: reference.revision ?? "main", in: repository) else { continue }
      let folder = snapshot(commit, of: repository)
      let content = ModelFolder(folder)
      let found = try content.model(file: reference.file) { file in
        var named = reference
        named.file = file
        return named.text
      }
      guard let found else { continue }
      if found.missing.isEmpty { return found.path }
      // What the repository itself does not have is not missing here.
      let absent = self.folder(of: repository) + "/.no_exist/" + commit + "/"
      if found.missing.allSatisfy({ fileSize(absent + $0) != nil }) { return found.path }
    }
    return nil
  }

  /// A model that the cache has, or a part of one.
  struct Entry {
    var reference: HubReference
    var folder: String
    /// A download that was begun and not finished has no branch's name yet.
    var isOfNoBranch: Bool
  }

  /// Every snapshot of every model repository, by name.
  func entries() -> [Entry] {
    Self.files(root).sorted().flatMap { name -> [Entry] in
      guard let repository = Self.repository(folder: name) else { return [] }
      let refs = self.refs(in: root + "/" + name + "/refs")
      return Self.files(root + "/" + name + "/snapshots").sorted().map { commit in
        let named = refs.filter { $0.commit == commit }.map(\.name)
        let revision = named.contains("main") ? nil : named.first ?? commit
        return Entry(
          reference: HubReference(repository: repository, revision: revision),
          folder: root + "/" + name + "/snapshots/" + commit, isOfNoBranch: refs.isEmpty)
      }
    }
  }

  /// `org/name` of `models--org--name`; nil for folders of something else.
  static func repository(folder: String) -> String? {
    let prefix = "models--"
    guard folder.hasPrefix(prefix) else { return nil }
    // A name has no `--` of its own.
    var text = ""
    for byte in folder.dropFirst(prefix.count) {
      text.append(byte)
      if text.hasSuffix("--") { text = text.dropLast(2) + "/" }
    }
    return text
  }

  /// Branches and tags, those of pull requests in folders of their own.
  private func refs(in folder: String) -> [(name: String, commit: String)] {
    ModelFolder.files(in: folder, depth: 4).sorted().compactMap { name in
      guard let bytes = try? readBytes(path: folder + "/" + name) else { return nil }
      let commit = String(decoding: bytes.filter { $0 > UInt8(ascii: " ") }, as: UTF8.self)
      // What a killed process left is not a branch.
      return Self.isCommit(commit) && name.lastPart.first != "." ? (name, commit) : nil
    }
  }

  private static func files(_ folder: String) -> [String] {
    (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
  }
}
