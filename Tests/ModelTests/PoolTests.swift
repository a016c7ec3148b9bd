import Synchronization
import TestSupport
import Testing

@testable import Model

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

@Suite("The worker pool")
struct PoolTests {
  /// Counts what happened to each item, from any thread.
  private final class Tally: Sendable {
    private let counts: [Slot]
    final class Slot: Sendable { let count = Atomic<Int>(0) }

    init(_ count: Int) { counts = (0..<count).map { _ in Slot() } }

    func hit(_ item: Int) { counts[item].count.wrappingAdd(1, ordering: .relaxed) }

    var all: [Int] { counts.map { $0.count.load(ordering: .relaxed) } }
  }

  @Test(
    "calls the body once for each item", arguments: [1, 2, 3],
    [-1, 0, 1, 2, 3, 7, 64, 1000, 100_000])
  func once(width: Int, count: Int) {
    let tally = Tally(max(0, count))
    let pool = TestModels.pool(width: width)
    pool.run(count) { item, worker in
      tally.hit(item)
      #expect((0..<width).contains(worker))
    }
    #expect(tally.all.allSatisfy { $0 == 1 })
  }

  @Test func widthIsAtLeastOne() {
    #expect(WorkerPool(width: 0).width == 1)
    #expect(WorkerPool(width: -3).width == 1)
  }

  /// What a worker writes must be seen by the caller, with no more than plain memory between them;
  /// the next job must not be mixed up with the last.
  @Test("hands over what the workers wrote, job after job", arguments: [2, 3])
  func manySmallJobs(width: Int) {
    let pool = TestModels.pool(width: width)
    let values = UnsafeMutablePointer<Int>.allocate(capacity: 16)
    defer { values.deallocate() }
    var generator = SeededGenerator(width)
    for job in 0..<20_000 {
      let count = Int.random(in: 0...16, using: &generator)
      values.update(repeating: -1, count: 16)
      pool.run(count) { item, _ in values[item] = job + item }
      for item in 0..<16 where values[item] != (item < count ? job + item : -1) {
        Issue.record("job \(job), item \(item) of \(count): \(values[item])")
        return
      }
    }
  }

  @Test("finds its workers asleep after a pause")
  func pauses() {
    let pool = TestModels.pool(width: 3)
    for _ in 0..<30 {
      usleep(3000)
      let tally = Tally(50)
      pool.run(50) { item, _ in tally.hit(item) }
      #expect(tally.all.allSatisfy { $0 == 1 })
    }
  }

  @Test("keeps a worker's index to one thread at a time")
  func workersAreDistinct() {
    let pool = TestModels.pool(width: 3)
    let busy = Tally(3)
    let clashes = Atomic<Int>(0)
    let inside = (0..<3).map { _ in Tally.Slot() }
    pool.run(3000) { _, worker in
      if inside[worker].count.exchange(1, ordering: .acquiring) == 1 {
        clashes.wrappingAdd(1, ordering: .relaxed)
      }
      busy.hit(worker)
      inside[worker].count.store(0, ordering: .releasing)
    }
    #expect(clashes.load(ordering: .relaxed) == 0)
    #expect(busy.all.reduce(0, +) == 3000)
  }

  @Test("serves callers from many threads at once, none of whom waits for another's work")
  func concurrentCallers() async {
    let pool = TestModels.pool(width: 3)
    await withTaskGroup(of: Bool.self) { group in
      for caller in 0..<8 {
        group.addTask {
          for job in 0..<300 {
            let count = (job * 7 + caller) % 40
            let tally = Tally(count)
            pool.run(count) { item, _ in tally.hit(item) }
            if !tally.all.allSatisfy({ $0 == 1 }) { return false }
          }
          return true
        }
      }
      for await isRight in group { #expect(isRight) }
    }
  }

  @Test("runs a loop inside a loop")
  func nested() {
    let pool = TestModels.pool(width: 3)
    let tally = Tally(20 * 30)
    pool.run(20) { outer, _ in
      pool.run(30) { inner, _ in tally.hit(outer * 30 + inner) }
    }
    #expect(tally.all.allSatisfy { $0 == 1 })
  }

  @Test("lets go of the body when it returns")
  func releases() {
    final class Token {}
    let pool = TestModels.pool(width: 3)
    weak var weakToken: Token?
    do {
      let token = Token()
      weakToken = token
      pool.run(100) { _, _ in withExtendedLifetime(token) {} }
    }
    #expect(weakToken == nil)
  }
}
