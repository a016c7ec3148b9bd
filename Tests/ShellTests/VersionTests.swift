import Foundation
import TestSupport
import Testing

/// The commit in `--version` and in saved files.
@Suite struct VersionTests {
  @Test func theProgramTellsItsVersion() async throws {
    let version = try await BuiltProgram.run(["--version"])
    #expect(
      version.output.wholeMatch(of: /summand \d+\.\d+\.\d+(\+[0-9a-f]{12}(\.modified)?)?\n/) != nil)
    let number = version.output.dropFirst("summand ".count).dropLast()
    let saved = try await BuiltProgram.shell(
      """
      cd "$(mktemp -d)" && summand --model '\(BuiltProgram.tinyModel)' \
        -c 'prompt "a" | logits | top 1 | save "a.json"' && cat a.json
      """)
    let text = saved.output.replacing(" ", with: "")
    #expect(text.contains("\"summand\":\"\(number)\""), "\(saved.messages)")
  }

  /// What the plugin writes before a build: in a clone, in a changed one, in one of another project,
  /// and outside of any.
  @Test func theCommitIsThatOfTheClone() async throws {
    let script = packageRoot.appending(path: "Plugins/RecordCommit/record.sh").path
    let outcome = try await BuiltProgram.shell(
      """
      set -e
      folder=$(mktemp -d) && cd "$folder"
      record() { sh '\(script)' "$1" "$folder/out.swift" && grep '^let' out.swift; }
      mkdir clone clone/inner alone
      cd clone && git init -q && echo a >file && git add file
      git -c user.name=n -c user.email=e@example.org commit -qm m && git rev-parse --short=12 HEAD
      cd .. && record clone && record clone/inner && record alone
      echo b >clone/file && record clone
      before=$(ls -l --full-time out.swift) && record clone && [ "$before" = "$(ls -l --full-time out.swift)" ]
      rm -r "$folder"
      """)
    #expect(outcome.status == 0, "\(outcome.messages)")
    let lines = outcome.output.split(separator: "\n")
    let commit = try #require(lines.first)
    #expect(
      lines.dropFirst() == [
        "let commit: String? = \"\(commit)\"", "let commit: String? = nil",
        "let commit: String? = nil", "let commit: String? = \"\(commit).modified\"",
        "let commit: String? = \"\(commit).modified\"",
      ])
  }
}
