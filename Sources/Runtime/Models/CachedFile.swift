#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// A file of a snapshot in the Hugging Face cache: a link to a blob that is named by its digest.
struct CachedFile {
  let path: String

  /// Larger ones are weights, which only `verify` reads to their end.
  private static let mostBytes = 32 << 20

  init(_ path: String) { self.path = path }

  /// The name of the blob; nil where the file is none of a cache.
  var digest: String? {
    guard let target = try? FileManager.default.destinationOfSymbolicLink(atPath: path),
      target.contains("blobs/")
    else { return nil }
    return HubClient.isDigest(target.lastPart, 40) || HubClient.isDigest(target.lastPart, 64)
      ? target.lastPart : nil
  }

  /// Whether it is a small file with other content than its name says.
  func isDamaged() throws -> Bool {
    try digest.map { try Self.isDamaged(blob: path, digest: $0) } ?? false
  }

  static func isDamaged(blob path: String, digest: String) throws -> Bool {
    guard HubClient.isDigest(digest, 40), let size = fileSize(path), size <= mostBytes else {
      return false
    }
    return try Checksum.git(ofFile: path) != digest
  }
}
