import Synchronization

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

/// What was typed: in this session, and, where there is a file, in the ones before it.
final class History: Sendable {
  private struct State {
    var entries: [HistoryEntry]
    var file: HistoryFile?
  }

  private let state: Mutex<State>

  /// - Parameter file: nil to keep nothing beyond this session.
  /// - Throws: `HistoryFile.Failure` where there is a file that cannot be read.
  init(file: HistoryFile?) throws(HistoryFile.Failure) {
    state = Mutex(State(entries: try file?.load() ?? [], file: file))
  }

  /// Without a file.
  init() {
    state = Mutex(State(entries: [], file: nil))
  }

  /// Oldest first.
  var entries: [HistoryEntry] { state.withLock(\.entries) }

  /// The latest entry of one line that begins with `text` and goes on.
  func latest(beginning text: String) -> String? {
    state.withLock { state in
      state.entries.last {
        $0.text.utf8.count > text.utf8.count && $0.text.hasPrefix(text) && !$0.text.contains("\n")
      }?.text
    }
  }

  /// Adds what has just been typed. A repetition of the last entry is not a new one.
  /// - Returns: why the file could not take it, said once: after that the file is left alone.
  func add(_ text: String) -> String? {
    state.withLock { state in
      if state.entries.last?.text == text { return nil }
      let entry = HistoryEntry(time: Int(time(nil)), text: text)
      state.entries.append(entry)
      do throws(HistoryFile.Failure) {
        try state.file?.append(entry)
        return nil
      } catch {
        state.file = nil
        return error.message
      }
    }
  }
}
