#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// The SHA-256 that a model's file should have, where that is known.
enum KnownDigest {
  /// A packaged model's is in the list of them; in the Hugging Face cache a file of weights is a link
  /// to one that is called by its own.
  static func of(file path: String) -> String? {
    if let packaged = PackagedModel.all.first(where: { path.hasSuffix("/" + $0.file) }) {
      return packaged.sha256
    }
    let digest = CachedFile(path).digest
    return digest?.utf8.count == 64 ? digest : nil
  }

  /// The files that hold the weights: those that an index names, or the one.
  static func weights(of path: String) throws -> [String] {
    guard path.hasSuffix(".index.json") else { return [path] }
    let folder = path.split(separator: "/", omittingEmptySubsequences: false).dropLast()
      .joined(separator: "/")
    return try ModelFiles.shards(ofIndex: path).map { folder + "/" + $0 }
  }
}
