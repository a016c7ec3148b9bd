import Foundation
import Testing

/// Commands of the system after `!`, and tables that are handed to them.
@Suite(.serialized, .timeLimit(.minutes(2)))
struct ShellCommandTests {
  /// More than a pipe takes at once.
  private static let table = {
    let facts = "read \"\(BuiltProgram.facts)\" | take 12"
    let again = String(repeating: "let t = t | append t\n", count: 9)
    return "let t = \(facts)\n" + again
  }()

  /// Of any size, and whatever the command does with it.
  @Test func commandMayReadAPartOnly() async throws {
    let all = try await BuiltProgram.run(["-c", Self.table + "t | !wc -c"])
    let bytes = try #require(Int(all.output.filter(\.isNumber)), "\(all.messages)")
    #expect(bytes > 150_000)
    for command in ["head -2 | wc -l", "true", "exec <&-; sleep 0.2", "cat | head -2 >&2; true"] {
      let ended = try await BuiltProgram.run(
        ["-c", Self.table + "t | !\(command)\n\"more\""])
      #expect(ended.status == 0, "\(command): \(ended.messages)")
      #expect(ended.output.hasSuffix("more\n"), "\(command): \(ended.output)")
    }
  }

  @Test func everyByteArrives() async throws {
    let straight = try await BuiltProgram.run(["-c", Self.table + "t | show as escaped"])
    let slow = try await BuiltProgram.run(
      ["-c", Self.table + "t | !sleep 0.1; head -c 1; sleep 0.1; cat"])
    #expect(slow.output.count == straight.output.count)
    #expect(slow.status == 0)
  }

  @Test(arguments: [
    ("false", "`false` ended with status 1"), ("exit 200", "ended with status 200\n"),
    ("head -1 >&2; exit 7", "ended with status 7"),
    ("no-such-command", "ended with status 127: command not found"),
    ("./Package.none", "ended with status 127: command not found"),
    ("/etc", "ended with status 126: not executable"), ("kill -9 $$", "was killed by SIGKILL"),
    ("kill -TERM $$", "was killed by SIGTERM"), ("kill -INT $$", "was killed by SIGINT"),
    ("sh -c 'kill -SEGV $$'; exit $?", "ended with status 139: killed by SIGSEGV"),
  ])
  func failureSaysHowItEnded(command: String, message: String) async throws {
    for source in [
      "!\(command)", "1 | !\(command)", "read \"\(BuiltProgram.facts)\" | !\(command)",
    ] {
      let ended = try await BuiltProgram.run(["-c", source + "\n\"more\""])
      #expect(ended.status == 1)
      #expect(!ended.output.contains("more"))
      #expect(ended.messages.contains(message), "\(ended.messages)")
    }
  }

  /// `sh` would take it for an option.
  @Test func commandMayBeginWithADash() async throws {
    let ended = try await BuiltProgram.run(["-c", "!-x"])
    #expect(ended.messages.contains("`-x` ended with status 127"), "\(ended.messages)")
  }

  @Test func parentsSignalsAreNotHandedDown() async throws {
    // A process that ignores SIGCHLD cannot learn how a child ended.
    let ended = try await BuiltProgram.shell("trap '' CHLD; summand -c '!exit 3'")
    #expect(ended.messages.contains("ended with status 3"), "\(ended.messages)")
    let limit = try await BuiltProgram.shell(
      "summand -c '!ulimit -f 1; yes | head -c 9999 > \(NSTemporaryDirectory())/none/x || kill -XFSZ $$'"
    )
    #expect(limit.messages.contains("was killed by SIGXFSZ"), "\(limit.messages)")
  }

  // MARK: Signals

  /// Neither SIGTERM nor SIGHUP reaches more than one process by itself. The command is in a group of
  /// its own here, and a part of it in one more.
  @Test(arguments: [(SIGTERM, 143), (SIGHUP, 129)] as [(Int32, Int32)])
  func nothingOutlivesTheEnd(signal: Int32, status: Int32) async throws {
    try await withTemporaryFolder { folder in
      let command = "setsid sleep 20 & echo $! > \(folder)/apart; sleep 20 & echo $! > \(folder)/in"
      let ended = try await BuiltProgram.run(
        BuiltProgram.path, ["-c", "!\(command); echo began >&2; wait; wait\n\"more\""],
        interruptAfter: "began", signal: signal)
      #expect(ended.status == status)
      #expect(ended.messages == "began\nterminated\n")
      for name in ["apart", "in"] { try await expectEnd(ofProcessIn: "\(folder)/\(name)") }
    }
  }

  /// On a terminal the command is in the group of this process.
  @Test func nothingOutlivesTheEndOnATerminal() async throws {
    try await withTemporaryFolder { folder in
      let command = "sh -c 'sleep 20 & echo $! > in; wait' & echo $PPID > id; wait"
      try await onTerminal(
        ["--no-history", "-c", "!\(command)"], in: folder, endsWith: 143
      ) { terminal in
        let id = try number(in: folder + "/id")
        _ = try number(in: folder + "/in")
        kill(id, SIGTERM)
      }
      try await expectEnd(ofProcessIn: folder + "/in")
    }
  }

  /// The command answers the first, which is handed on to it, with the second, and goes on.
  @Test func aSecondSIGTERMEndsAtOnce() async throws {
    let ended = try await BuiltProgram.run([
      "-c",
      "!trap 'kill -TERM $PPID' TERM; kill -TERM $PPID; "
        + "for turn in $(seq 600); do sleep 0.1; done",
    ])
    #expect(ended.status == 143)
    #expect(ended.time < .seconds(50))
  }

  private func number(in file: String) throws -> pid_t {
    while true {
      let text = (try? String(contentsOfFile: file, encoding: .utf8)) ?? ""
      if text.hasSuffix("\n") { return try #require(pid_t(text.dropLast())) }
      usleep(10_000)
    }
  }

  /// One that nobody waits for is left over as a zombie where process 1 is no init.
  private func expectEnd(ofProcessIn file: String) async throws {
    let id = try number(in: file)
    var state = "R"
    for _ in 0..<100 where !(state.isEmpty || state.hasPrefix("Z")) {
      state = try await BuiltProgram.shell("ps -o stat= -p \(id)").output
      usleep(20_000)
    }
    #expect(state.isEmpty || state.hasPrefix("Z"), "\(id) runs on: \(state)")
    if !state.isEmpty { kill(id, SIGKILL) }
  }

  // MARK: Ctrl-C

  /// To all programs of the group, as a terminal sends it; or to this one alone. The command reads what
  /// there is first, and says itself that it did: a `sh` that hears of a signal while it starts a
  /// program waits for that program, which is never told.
  @Test(
    arguments: ["", "1 | ", "t | "],
    [Interrupter.group, Interrupter.command])
  func controlCIsForTheCommand(input: String, by interrupter: Interrupter) async throws {
    let command = "perl -e '1 while <STDIN>; print STDERR qq(began\\n); kill INT, @ARGV; sleep 60'"
    let target = interrupter == .command ? " $PPID" : ""
    let ended = try await BuiltProgram.run(
      BuiltProgram.path, ["-c", Self.table + "\(input)!\(command)\(target)\n\"more\""],
      interruptAfter: interrupter == .group ? "began" : nil)
    #expect(ended.status == 130)
    #expect(ended.messages == "began\ninterrupted\n")
    #expect(ended.output == "")
    #expect(ended.time < .seconds(50))
  }

  enum Interrupter { case group, command }

  /// Neither does a full pipe hold it up, nor is a command that takes its time killed.
  @Test func controlCIsTheCommandsOwnMatter() async throws {
    let ended = try await BuiltProgram.run(
      BuiltProgram.path,
      [
        "-c",
        Self.table + "t | !trap 'sleep 0.3; echo cleaned >&2; exit 0' INT; echo began >&2; "
          + "while :; do sleep 0.05; done",
      ], interruptAfter: "began")
    #expect(ended.status == 130)
    #expect(ended.messages == "began\ncleaned\ninterrupted\n", "\(ended.messages)")
  }
}
