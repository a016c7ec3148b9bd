import Foundation
import Testing

@testable import Model

struct MemoryTests {
  /// Files under a root of their own, as /proc and /sys have them.
  private func withRoot(_ files: [String: String], _ body: (String) throws -> Void) throws {
    let root = NSTemporaryDirectory() + "summand-" + UUID().uuidString
    defer { try? FileManager.default.removeItem(atPath: root) }
    for (path, text) in files {
      let file = URL(fileURLWithPath: root + path)
      try FileManager.default.createDirectory(
        at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
      try Data((text + "\n").utf8).write(to: file)
    }
    try body(root)
  }

  @Test func limitsOfVersion2CountUpToTheRoot() throws {
    try withRoot([
      "/proc/self/cgroup": "0::/a/b/c", "/sys/fs/cgroup/a/b/c/memory.max": "max",
      "/sys/fs/cgroup/a/b/c/memory.high": "3000000", "/sys/fs/cgroup/a/b/memory.max": "max",
      "/sys/fs/cgroup/a/memory.max": "2000000", "/sys/fs/cgroup/a/memory.high": "max",
    ]) { root in
      #expect(
        ControlGroup.limited(root: root) == [
          ControlGroup(
            folder: root + "/sys/fs/cgroup/a/b/c", limit: 3_000_000, usage: "memory.current"),
          ControlGroup(
            folder: root + "/sys/fs/cgroup/a", limit: 2_000_000, usage: "memory.current"),
        ])
    }
  }

  @Test func limitsOfVersion1AreThoseOfTheMemoryController() throws {
    try withRoot([
      "/proc/self/cgroup": "9:name=systemd:/x\n4:cpu,memory:/a/b\n0::/",
      "/sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712",
      "/sys/fs/cgroup/memory/a/memory.limit_in_bytes": "5000000",
      "/sys/fs/cgroup/memory/a/b/memory.limit_in_bytes": "4000000",
    ]) { root in
      #expect(ControlGroup.limited(root: root).map(\.limit) == [4_000_000, 5_000_000])
    }
  }

  /// Inside a container the path may be that of the host.
  @Test func aGroupThatIsNotInSightIsTheRoot() throws {
    try withRoot([
      "/proc/self/cgroup": "0::/docker/1234", "/sys/fs/cgroup/memory.max": "7000000",
    ]) { root in
      #expect(ControlGroup.limited(root: root).map(\.limit) == [7_000_000])
    }
    try withRoot([:]) { #expect(ControlGroup.limited(root: $0) == []) }
  }

  @Test func freeMemoryIsSomeAndTheBudgetHalfOfIt() {
    #expect(Memory.freePages > 1 << 24)
    // Other processes come and go: about half.
    #expect(Memory.freeAddresses > 1 << 30)
    #expect((Memory.freePages / 4...max(Memory.freePages, 1 << 25)).contains(Memory.budget))
    #expect(Memory.budget(besides: .max / 2) >= 1 << 24)
  }
}

/// What runs report of their buffers: `RunRecord.bytes`.
@Suite struct RunMeterTests {
  @Test("two runs at a time count their own buffers")
  func concurrentRuns() throws {
    let requests = [4, 40].map { count in
      RunRequest(tokens: (0..<count).map { 3 + $0 }, logits: .all([count - 1]))
    }
    @Sendable func bytes(_ request: RunRequest) -> Int {
      let transformer = try? TestModels.tiny("tiny-mha").transformer
      return (try? transformer?.run([request]) { _, _ in })?.bytes ?? 0
    }
    let alone = requests.map(bytes)
    #expect(alone[0] > 0 && alone[1] > alone[0])
    // Many turns, so that they meet.
    let together = Slots(repeating: [Int](), count: 2)
    DispatchQueue.concurrentPerform(iterations: 2) { i in
      together[i] = (0..<40).map { _ in bytes(requests[i]) }
    }
    for (one, found) in zip(alone, together.values) {
      #expect(found.allSatisfy { $0 == one }, "\(one), not \(Set(found))")
    }
  }
}
