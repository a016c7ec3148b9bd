import Foundation
import Testing

/// Every committed seed and find, thrown once more at what it was made for. Seeds are correct files,
/// made by `Scripts/fuzz.d/seeds.py`; finds have the names of what was wrong.
@Suite struct ReplayTests {
  private static let fixtures = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .appending(path: "Fixtures")

  private static func files(of target: FuzzTarget) throws -> [(name: String, bytes: [UInt8])] {
    let folder = fixtures.appending(path: target.rawValue)
    return try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted().map {
      ($0, Array(try Data(contentsOf: folder.appending(path: $0))))
    }
  }

  @Test(.timeLimit(.minutes(2)), arguments: FuzzTarget.allCases)
  func replays(target: FuzzTarget) throws {
    let folder = try ScratchFolder()
    for (name, bytes) in try Self.files(of: target) {
      do {
        try target.run(bytes, in: folder)
      } catch {
        Issue.record("\(target.rawValue)/\(name): \(error)")
      }
    }
  }

  /// The seeds, cut short after every byte.
  @Test(.timeLimit(.minutes(5)), arguments: FuzzTarget.allCases)
  func truncated(target: FuzzTarget) throws {
    let folder = try ScratchFolder()
    let seeds = try Self.files(of: target).filter { $0.name.hasPrefix("seed-") }
    #expect(!seeds.isEmpty)
    for (name, bytes) in seeds {
      for length in bytes.indices {
        do {
          try target.run(Array(bytes[..<length]), in: folder)
        } catch {
          Issue.record("\(length) bytes of \(target.rawValue)/\(name): \(error)")
        }
      }
    }
  }

  @Test func fixturesBelongToTargets() throws {
    let folders = try FileManager.default.contentsOfDirectory(atPath: Self.fixtures.path)
    #expect(Set(folders) == Set(FuzzTarget.allCases.map(\.rawValue)))
  }
}
