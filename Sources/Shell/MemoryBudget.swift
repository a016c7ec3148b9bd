import ArgumentParser
import Runtime

/// How much memory runs and tables may take: `--memory 2GB`.
struct MemoryBudget: ExpressibleByArgument {
  let bytes: Int

  init?(argument: String) {
    guard let bytes = Runtime.bytes(ofSize: argument) else { return nil }
    self.bytes = bytes
  }
}
