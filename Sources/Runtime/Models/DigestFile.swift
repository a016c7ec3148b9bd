import Model

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// The digests of files of weights, in the user's cache: reading a model of many gigabytes for what is
/// saved takes longer than most work with it.
///
/// A line for each, the latest last: what tells the content from any other, and its SHA-256. What
/// cannot be read or written is a digest that is computed again.
struct DigestFile: DigestMemory {
  let path: String

  private static let largestCount = 500

  init(path: String) { self.path = path }

  init(environment: [String: String]) {
    path = HubSettings(environment: environment).caches + "/summand/digests"
  }

  private var lines: [Substring] {
    // A line has at most 200 bytes.
    guard let size = fileSize(path), size < 1 << 20,
      let bytes = FileManager.default.contents(atPath: path)
    else { return [] }
    return String(decoding: bytes, as: UTF8.self).split(separator: "\n")
  }

  func digest(of stamp: FileStamp) -> String? {
    let start = stamp.text + " "
    guard let digest = lines.last(where: { $0.hasPrefix(start) })?.dropFirst(start.count),
      digest.utf8.count == 64, digest.allSatisfy(\.isHexDigit)
    else { return nil }
    return String(digest)
  }

  func remember(_ digest: String, of stamp: FileStamp) {
    let start = stamp.text + " "
    let others = lines.filter { !$0.hasPrefix(start) }.suffix(Self.largestCount - 1)
    let text = (others + ["\(start)\(digest)"]).map { $0 + "\n" }.joined()
    try? makeFolder(path.withoutLastPart)
    try? writeFile(text, to: path)
  }
}
