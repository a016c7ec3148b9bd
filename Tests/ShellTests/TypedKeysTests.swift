import Foundation
import Testing

/// What is typed while a line runs: not seen, and not lost.
@Suite(.serialized, .timeLimit(.minutes(2)))
struct TypedKeysTests {
  private static let prompt = "summand> "
  /// Prints 42, and then takes longer than any test.
  private static let endless = "40 + 2; for i in 1..1000000 { for j in 1..1000000 { let x = j } }"

  @Test func keysTypedMeanwhileAreKept() async throws {
    try await onTerminal(["--no-init"]) { terminal in
      try terminal.wait(for: Self.prompt)
      terminal.type("40 + 2; for i in 1..200000 { let x = i }; \"over\"\r")
      try terminal.wait(for: "\n42\n")
      try terminal.check(!terminal.echoes)
      terminal.type("60 + 6\r70 + ")
      let meanwhile = try terminal.wait(for: "over\n" + Self.prompt)
      try terminal.check(!meanwhile.contains("60"))
      // The line that was typed runs, and what was typed of the next one stands in it.
      try terminal.wait(for: "66\n" + Self.prompt)
      terminal.type("7\r")
      try terminal.wait(for: "77\n" + Self.prompt)
      terminal.type("\u{4}")
    }
  }

  @Test func commandsHaveTheTerminalAsItWas() async throws {
    try await onTerminal(["--no-init"]) { terminal in
      try terminal.wait(for: Self.prompt)
      terminal.type("!stty -a </dev/tty; read line </dev/tty; echo \"got $line\"\r")
      let modes = try terminal.wait(for: "echonl")
      try terminal.check(modes.contains(" echo ") && !modes.contains("-echo "))
      terminal.type("abc\r")
      // Seen as it was typed, and given to the command.
      try terminal.wait(for: "abc\ngot abc\n" + Self.prompt)
      terminal.type(Self.endless + "\r")
      try terminal.wait(for: "\n42\n")
      try terminal.check(!terminal.echoes)
      terminal.type("\u{3}")
      try terminal.wait(for: "interrupted\n" + Self.prompt)
      terminal.type("\u{4}")
    }
  }

  /// Stopped, killed, or crashed, the program leaves a terminal that shows what is typed.
  @Test func theTerminalIsGivenBack() async throws {
    // Swift's own report of a crash would take its time.
    let shell = [
      "PS1": "sh$ ", "ENV": "", "PROGRAM": BuiltProgram.path, "SWIFT_BACKTRACE": "enable=no",
    ]
    try await onTerminal(["--no-init"], environment: shell) { terminal in
      try terminal.wait(for: Self.prompt)
      // A shell that knows jobs, and with it a program that runs as one.
      terminal.type("!sh -i </dev/tty\r")
      try terminal.wait(for: "sh$ ")
      for signal in [SIGSEGV, SIGTERM, SIGABRT] {
        terminal.type("\"$PROGRAM\" --no-init\r")
        try terminal.wait(for: Self.prompt)
        terminal.type(Self.endless + "\r")
        try terminal.wait(for: "\n42\n")
        try terminal.check(!terminal.echoes)
        terminal.type("\u{1A}")
        try terminal.wait(for: "sh$ ")
        try terminal.check(terminal.echoes)
        terminal.type("fg\r")
        try terminal.wait { !$0.echoes }
        kill(-terminal.foreground, signal)
        if signal == SIGTERM {
          // It is asked to end, and does at once.
          try terminal.wait(for: "terminated")
        }
        try terminal.wait(for: "sh$ ")
        try terminal.check(terminal.echoes)
      }
      terminal.type("exit\r")
      try terminal.wait(for: Self.prompt)
      terminal.type("\u{4}")
    }
  }
}
