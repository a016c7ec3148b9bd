import TestSupport
import Testing

@testable import Runtime

@Suite struct NoiseTests {
  private func shell() throws -> PipedSession {
    let shell = try PipedSession(tiny: "tiny-gqa.F32.gguf")
    try shell.define(
      """
      let a = prompt "{subject:the sky} is" -> "b"
      let both = [a, (prompt "{subject:the sea and the sun} are" -> "b")]
      """)
    return shell
  }

  private func values(_ shell: PipedSession, _ line: String) throws -> [Double] {
    try shell.table("\(line) | activations embed@subject | select value").numbers("value")
  }

  @Test func noiseIsAsWideAsItIsToBe() throws {
    let shell = try shell()
    let all = try values(shell, "both")
    let mean = all.reduce(0, +) / Double(all.count)
    let spread = (all.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(all.count - 1))
      .squareRoot()
    // Several draws, in units of the deviation.
    var drawn: [Double] = []
    for seed in 0..<20 {
      let noisy = try values(shell, "both | noise embed@subject times 3 seed \(seed)")
      drawn += zip(noisy, all).map { ($0 - $1) / (3 * spread) }
    }
    let count = Double(drawn.count)
    #expect(drawn.count > 5000)
    #expect(abs(drawn.reduce(0, +) / count) < 0.05)
    #expect(abs(drawn.reduce(0) { $0 + $1 * $1 } / count - 1) < 0.06)
    // A normal distribution has 4.55 % beyond two deviations.
    #expect(abs(Double(drawn.count { abs($0) > 2 }) / count - 0.0455) < 0.012)
    #expect(Set(drawn).count > drawn.count * 9 / 10)
  }

  /// However many units a site has: 8,192 and more of one position are not those of the next.
  @Test func nothingDrawnIsDrawnTwice() {
    var first: Set<UInt64> = []
    for (position, unit) in [(0, 0), (0, 1), (0, 8191), (0, 8192), (1, 0), (1, 1), (8191, 0)] {
      for seed in 0..<3 {
        var generator = SplitMix64(seed: seed, streams: 2, position, unit)
        #expect(first.insert(generator.next()).inserted)
      }
    }
  }

  @Test func theSeedDecides() throws {
    let shell = try shell()
    let one = try values(shell, "a | noise embed@subject times 1 over both seed 5")
    #expect(try values(shell, "a | noise embed@subject times 1 over both seed 5") == one)
    #expect(try values(shell, "a | noise embed@subject times 1 over both seed 6") != one)
    // A prompt has its noise by itself and among others.
    let pair = try values(shell, "both | noise embed@subject times 1 over both seed 5")
    #expect(
      Array(pair.prefix(one.count))
        == (try values(shell, "both | take 1 | noise embed@subject times 1 over both seed 5")))
    #expect(
      try values(shell, "a | noise embed@subject times 0 over both") == (try values(shell, "a")))
    // Other positions have none.
    let elsewhere = "activations embed@last | select value"
    #expect(
      try shell.table("a | noise embed@subject times 2 over both | \(elsewhere)").numbers("value")
        == shell.table("a | \(elsewhere)").numbers("value"))
  }

  @Test func restoringAllIsTheCleanRun() throws {
    let shell = try shell()
    let noisy = try shell.table("a | noise embed@subject times 3 over both | effect of prob")
    #expect(try noisy.numbers("effect")[0] != 0)
    let restored = try shell.table(
      "a | noise embed@subject times 3 over both | patch L1.resid_pre from a | effect of prob")
    #expect(try restored.numbers("effect") == [0])
  }

  @Test(arguments: [
    ("noise L1.pattern times 3", "noise is not added at L1.pattern"),
    ("noise L1.ln1.scale times 3", "noise is not added at"),
    ("noise embed@subject", "needs `times NUMBER`"),
    ("noise embed@subject times 1e60", "too much noise"),
    ("noise embed@subjekt times 3", "there is no span 'subjekt'"),
  ])
  func refused(line: String, error: String) throws {
    let result = try shell().session.running("a | \(line) | effect")
    #expect(result.status == .failed)
    #expect(result.messages.contains(error), "\(result.messages)")
  }
}
