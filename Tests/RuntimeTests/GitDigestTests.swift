import Testing

@testable import Runtime

/// Against Python's `hashlib`; the first is git's own name of an empty file. The sizes lie around
/// those at which the padding needs another block.
@Suite struct GitDigestTests {
  private static let expected = [
    (0, "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391"),
    (6, "d34de609bcf0650492216b7929ddbc0868a0035b"),
    (47, "33e2ce93c882838a7135614a1cb24505b3f6519a"),
    (48, "dbc1a64ec19937a777f0182ce7dda1348dca0602"),
    (55, "bf2c21e539cb2a6222d1d83e9588852fe3d94b4b"),
    (56, "0776ec67df3422dab84854388bee8530c4d8589e"),
    (57, "1a434c6d405b7b6322e19a86d8aa29deb4991ed9"),
    (64, "e965d15e332278ccee01cf28e4868f973545c187"),
    (119, "95947b22443ba4e2b95c72f9c36d1e0b6604cff7"),
    (1000, "52aa7abab5423764069a5122f70cfe74d2383c03"),
  ]

  @Test(arguments: expected)
  func digest(size: Int, expected: String) {
    let bytes = (0..<size).map { UInt8($0 * 7 % 256) }
    for piece in [1, 7, 64, 1001] {
      var hash = GitDigest(size: size)
      for start in stride(from: 0, to: size, by: piece) {
        hash.update(bytes[start..<min(size, start + piece)])
      }
      #expect(hash.hexDigest() == expected)
    }
  }
}
