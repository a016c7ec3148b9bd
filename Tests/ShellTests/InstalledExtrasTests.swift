import Foundation
import TestSupport
import Testing

/// What `Scripts/install` adds to the program: completions that shells take, and a manual page.
@Suite(.serialized, .timeLimit(.minutes(2)))
struct InstalledExtrasTests {
  private static let script = packageRoot.appending(path: "Scripts/install.d/extras").path

  @Test func completionsAndManual() async throws {
    try await withTemporaryFolder { folder in
      let made = try await BuiltProgram.run(Self.script, [BuiltProgram.path, folder])
      #expect(made.status == 0, "\(made.messages)")
      #expect(made.output + made.messages == "")

      let bash = folder + "/bash-completion/completions/summand"
      let words = try await BuiltProgram.shell(
        """
        bash -c 'source "\(bash)"; COMP_WORDS=(summand --me); COMP_CWORD=1
        COMP_LINE="summand --me"; COMP_POINT=12
        _summand summand --me summand; echo "${COMPREPLY[@]}"'
        """)
      #expect(words.output == "--memory --messages\n", "\(words.messages)")
      for (shell, file) in [
        ("zsh", "/zsh/site-functions/_summand"),
        ("fish", "/fish/vendor_completions.d/summand.fish"),
      ] {
        let text = try String(contentsOfFile: folder + file, encoding: .utf8)
        #expect(text.contains("keep-going") && text.contains("check"))
        // Where the shell is installed, it reads the file.
        let read = try await BuiltProgram.shell(
          "command -v \(shell) >/dev/null || exit 0; \(shell) -n '\(folder + file)'")
        #expect(read.status == 0, "\(shell): \(read.messages)")
      }

      // Where Vim looks for it, and a whole grammar for others.
      let vim = folder + "/vim/vimfiles"
      for file in ["/syntax/summand.vim", "/ftdetect/summand.vim"] {
        #expect(FileManager.default.fileExists(atPath: vim + file))
      }
      let grammar = try Data(
        contentsOf: URL(fileURLWithPath: folder + "/summand/summand.tmLanguage.json"))
      #expect(try JSONSerialization.jsonObject(with: grammar) is [String: Any])

      let manual = try String(contentsOfFile: folder + "/man/man1/summand.1", encoding: .utf8)
      let help = try await BuiltProgram.run(["--help"])
      for option in help.output.matches(of: /--[a-z-]+/).map({ String($0.output) }) {
        #expect(manual.contains(option.replacing("-", with: "\\-")), "\(option)")
      }
      #expect(manual.contains("summand fmt [\\-\\-check] FILE ..."))
      let warnings = try await BuiltProgram.shell(
        "command -v groff >/dev/null || exit 0; groff -man -ww -z '\(folder)/man/man1/summand.1'")
      #expect(warnings.messages == "")
    }
  }
}
