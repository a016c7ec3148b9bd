import Lang
import Testing

@testable import Runtime

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Scripts of several files: what is read once, from where, and with whose arguments.
@Suite final class SourcingTests {
  private let folder: URL

  init() throws {
    folder = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
    try FileManager.default.createDirectory(
      at: folder.appending(path: "parts"), withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(at: folder) }

  private func write(_ name: String, _ text: String) throws {
    try Data(text.utf8).write(to: folder.appending(path: name))
  }

  /// The script `outer.summand` of the folder, and what it printed.
  private func run(
    _ text: String, arguments: [(name: String, value: String)] = []
  ) -> (status: Runtime.ExitStatus, output: String, messages: String) {
    let session = Session(host: TestHost(), arguments: arguments)
    return session.running(text, name: folder.appending(path: "outer.summand").path)
  }

  @Test func onceIsOnce() throws {
    try write("count.summand", "let times = times + 1\n")
    let path = folder.appending(path: "count.summand").path
    let result = run(
      """
      let times = 0
      source once "count.summand"
      source once count.summand
      source once "\(path)"
      times
      source "count.summand"
      source once "count.summand"
      times
      """)
    #expect(result.status == .done, "\(result.messages)")
    #expect(result.output == "1\n2\n")
  }

  /// One file, however it is spelled: it neither runs twice nor reads itself.
  @Test func spelledOtherwise() throws {
    try write("count.summand", "let times = times + 1\n")
    let twice = run(
      "let times = 0; source once count.summand; source once \"./parts/../count.summand\"; times")
    #expect(twice.output == "1\n", "\(twice.messages)")
    try write("itself.summand", "source \"./itself.summand\"\n")
    let endless = run("source \"./itself.summand\"")
    #expect(endless.status == .failed)
    #expect(endless.messages.contains("reads itself"))
  }

  /// What broke off was not read: it is tried again.
  @Test func whatFailedIsReadAgain() throws {
    try write("count.summand", "let times = times + 1\nassert times > 1\n")
    let session = Session(host: TestHost())
    #expect(session.running("let times = 0").status == .done)
    let line = "source once \"\(folder.appending(path: "count.summand").path)\""
    #expect(session.running(line).status == .assertion)
    #expect(session.running(line).status == .done)
    #expect(session.running(line + "\ntimes").output == "2\n")
  }

  /// Each file looks beside itself, and only then where the program was started.
  @Test func besideTheScript() throws {
    try write("parts/one.summand", "source \"two.summand\"\nsource \"\(Self.started)\"\n")
    try write("parts/two.summand", "\"beside\"\n")
    try write("two.summand", "\"above\"\n")
    let result = run("source \"parts/one.summand\"\nsource \"two.summand\"\n")
    #expect(result.status == .done, "\(result.messages)")
    #expect(result.output == "beside\nread\nabove\n")
    try write("parts/one.summand", "source \"outer.summand\"\n")
    #expect(run("source \"parts/one.summand\"").messages.contains("outer.summand"))
  }

  private static let started = "Tests/RuntimeTests/Scripts/Parts/double.summand"

  /// A part declares what it takes, so that it runs by itself; what an outer script said stays.
  @Test func argumentsOfTheOuterScript() throws {
    try write("part.summand", "arguments top=3 model=\"small\" seed=4\n")
    let text = """
      arguments top=10 model="large"
      source once "part.summand"
      "\\(args.top) \\(args.model) \\(args.seed)"
      """
    #expect(run(text).output == "10 large 4\n")
    #expect(run(text, arguments: [("top", "7")]).output == "7 large 4\n")
    // What a part declares can be given to the whole, wherever it lies.
    #expect(run(text, arguments: [("seed", "7")]).output == "10 large 7\n")
    try write("parts/two.summand", "source \"one.summand\"\n")
    try write("parts/one.summand", "source \"two.summand\"\narguments deep=1 as integer\n")
    let refused = run(
      "report \"x.html\" { source \"parts/one.summand\" }", arguments: [("top", "7")])
    #expect(refused.status == .usage)
    #expect(refused.messages.contains("this script has no argument 'top'"))
    #expect(refused.messages.contains("it has: deep"))
    let help = scriptHelp(
      of: SourceText(name: folder.appending(path: "outer.summand").path, text: text))
    #expect(help.contains("[top=NUMBER] [model=TEXT] [seed=NUMBER]"))
    #expect(help.contains("seed   number  default: 4"))
    // A script's own words hold, whatever it said before.
    let again = run("arguments top=1\narguments top=2 seed=3\n\"\\(args.top) \\(args.seed)\"")
    #expect(again.output == "2 3\n")
  }

  @Test func theFirstThatIsThere() throws {
    let result = run(
      """
      coalesce(missing, 4)
      coalesce("a", "b")
      coalesce(missing, missing, 0.5)
      let rows = read "\(Experiment.fixtures)/experiments/bootstrap.tsv"
      let filled = rows | derive value = coalesce(value, 100)
      length((rows | where value == 100)) + length((filled | where value == 100))
      coalesce(1)
      """)
    #expect(result.status == .failed)
    #expect(result.output == "4\na\n0.5\n6\n", "\(result.messages)")
    #expect(result.messages.contains("`coalesce` takes a value"), "\(result.messages)")
  }
}
