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
}
