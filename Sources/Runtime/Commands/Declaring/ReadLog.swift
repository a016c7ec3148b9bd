/// What commands read of their arguments while a test compares it with what they declare.
final class ReadLog: @unchecked Sendable {
  private(set) var reads: [String: Set<String>] = [:]
  private(set) var mistakes: [String] = []

  /// Of the test at work; nil outside of one.
  @TaskLocal static var current: ReadLog?

  func add(_ parameters: Set<String>, mistakes: [String], of command: String) {
    reads[command, default: []].formUnion(parameters)
    self.mistakes += mistakes.map { "`\(command)` \($0)" }
  }
}
