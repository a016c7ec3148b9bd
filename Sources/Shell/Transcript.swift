import Lang
import Runtime
import Synchronization

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

/// A file that gets what is typed at the prompt and what is printed, without colours.
final class Transcript: Sendable {
  private struct Target {
    var path: String
    var descriptor: Int32
  }

  private let target = Mutex<Target?>(nil)

  var path: String? { target.withLock { $0?.path } }

  /// Goes on in another file, after what it has; nil: in none.
  func open(_ path: String?) throws {
    var opened: Target?
    if let path {
      #if canImport(Darwin)
        let descriptor = Darwin.open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o666)
      #else
        let descriptor = Glibc.open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o666)
      #endif
      guard descriptor >= 0 else {
        throw Failure("'\(path)' cannot be written: \(systemMessage(errno))")
      }
      opened = Target(path: path, descriptor: descriptor)
    }
    target.withLock { target in
      if let target { close(target.descriptor) }
      target = opened
    }
  }

  /// A disk that is full ends the transcript, not the session.
  ///
  /// - Parameter text: only made where a transcript is written.
  /// - Returns: what to say, where the transcript has ended.
  func add(_ text: @autoclosure () -> String) -> String? {
    target.withLock { target in
      guard let open = target else { return nil }
      let plain = text().replacing(/\u{1B}\[[0-9;]*m/, with: "")
      let code = writeAll(plain.utf8, to: open.descriptor)
      guard code != 0 else { return nil }
      close(open.descriptor)
      target = nil
      return "the transcript ends here: '\(open.path)' cannot be written: \(systemMessage(code))"
    }
  }
}
