import Testing

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

/// A terminal without a screen: a program runs at one end, the test types and reads at the other.
final class PseudoTerminal {
  let path: String
  private let controller: Int32
  private let device: Int32
  private(set) var output: [UInt8] = []
  /// Where the next `wait` begins to look.
  private var seen = 0
  private var isOpen = true

  struct Unanswered: Error, CustomStringConvertible {
    var description: String
  }

  init(rows: UInt16 = 24, columns: UInt16 = 80) throws {
    var controller: Int32 = -1
    var device: Int32 = -1
    var size = winsize(ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0)
    var name = [CChar](repeating: 0, count: 256)
    try #require(openpty(&controller, &device, &name, nil, &size) == 0)
    for descriptor in [controller, device] { _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC) }
    self.controller = controller
    self.device = device
    path = name.withUnsafeBufferPointer { String(cString: $0.baseAddress!) }
  }

  deinit { hangUp() }

  /// Takes the terminal away from whoever runs on it.
  func hangUp() {
    guard isOpen else { return }
    isOpen = false
    close(controller)
    close(device)
  }

  func type(_ text: String) {
    var bytes = Array(text.utf8)[...]
    while !bytes.isEmpty {
      let count = bytes.withUnsafeBytes { write(controller, $0.baseAddress!, $0.count) }
      guard count > 0 else { return }
      bytes = bytes.dropFirst(count)
    }
  }

  func resize(rows: UInt16, columns: UInt16) {
    var size = winsize(ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0)
    _ = ioctl(controller, UInt(TIOCSWINSZ), &size)
  }

  /// Reads until `text` has come, after what earlier calls waited for.
  /// - Returns: everything between the two, escape sequences left out.
  @discardableResult
  func wait(for text: String, seconds: Double = 60) throws -> String {
    let deadline = ContinuousClock.now + .seconds(seconds)
    while true {
      let shown = Self.plain(output[seen...])
      if let range = shown.bytes.firstRange(of: Array(text.utf8)) {
        seen = shown.places[range.upperBound - 1] + 1
        return String(decoding: shown.bytes[..<range.lowerBound], as: UTF8.self)
      }
      if ContinuousClock.now > deadline {
        let shown = String(decoding: shown.bytes, as: UTF8.self)
        throw Unanswered(description: "no \(text.debugDescription) in \(shown.debugDescription)")
      }
      readSome()
    }
  }

  /// Reads until `text` has come, its escape sequences among it, wherever.
  func waitForBytes(_ text: String, seconds: Double = 60) throws {
    let deadline = ContinuousClock.now + .seconds(seconds)
    while output.firstRange(of: Array(text.utf8)) == nil {
      if ContinuousClock.now > deadline {
        let shown = String(decoding: output, as: UTF8.self)
        throw Unanswered(description: "no \(text.debugDescription) in \(shown.debugDescription)")
      }
      readSome()
    }
  }

  /// Whether what is typed is shown.
  var echoes: Bool {
    var modes = termios()
    return tcgetattr(controller, &modes) == 0 && modes.c_lflag & tcflag_t(ECHO) != 0
  }

  /// The group of processes that has the terminal.
  var foreground: pid_t { tcgetpgrp(controller) }

  /// Reads until something holds.
  func wait(seconds: Double = 20, until holds: (PseudoTerminal) -> Bool) throws {
    let deadline = ContinuousClock.now + .seconds(seconds)
    while !holds(self) {
      if ContinuousClock.now > deadline {
        throw Unanswered(description: "it does not come to hold")
      }
      readSome()
    }
  }

  /// As `#expect`, but on the keyboard's thread, which belongs to no test.
  func check(_ holds: Bool, line: Int = #line) throws {
    if !holds {
      let shown = String(decoding: Self.plain(output[...]).bytes, as: UTF8.self)
      throw Unanswered(
        description: "the check in line \(line) does not hold for \(shown.debugDescription)")
    }
  }

  private func readSome() {
    var ready = pollfd(fd: controller, events: Int16(POLLIN), revents: 0)
    guard poll(&ready, 1, 50) > 0 else { return }
    var block = [UInt8](repeating: 0, count: 4096)
    let count = read(controller, &block, block.count)
    if count > 0 { output += block[..<count] }
  }

  /// What is left without escape sequences, carriage returns and bells, and where it stood.
  private static func plain(_ output: ArraySlice<UInt8>) -> (bytes: [UInt8], places: [Int]) {
    enum State { case text, escape, charset, parameters }
    var state = State.text
    var bytes: [UInt8] = []
    var places: [Int] = []
    for (place, byte) in zip(output.indices, output) {
      switch (state, byte) {
      case (.text, 0x1B): state = .escape
      case (.text, UInt8(ascii: "\r")), (.text, 7): break
      case (.text, _):
        bytes.append(byte)
        places.append(place)
      case (.escape, UInt8(ascii: "[")): state = .parameters
      case (.escape, UInt8(ascii: "(")), (.escape, UInt8(ascii: ")")): state = .charset
      case (.parameters, 0x20..<0x40): break
      case (.escape, _), (.charset, _), (.parameters, _): state = .text
      }
    }
    return (bytes, places)
  }

  /// Makes the terminal at `path` the calling process's own, as a login would.
  static func attach(path: String) {
    setsid()
    let device = open(path, O_RDWR)
    _ = ioctl(device, UInt(TIOCSCTTY), 0)
    for stream: Int32 in 0...2 { dup2(device, stream) }
    close(device)
    for number in [SIGINT, SIGTSTP, SIGQUIT] { signal(number, SIG_DFL) }
    var none = sigset_t()
    sigemptyset(&none)
    sigprocmask(SIG_SETMASK, &none, nil)
  }
}
