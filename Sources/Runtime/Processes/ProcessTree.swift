#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// The processes that `process` has started and that still run, and those that these have started.
func processesStarted(by process: pid_t) -> [pid_t] {
  var found: [pid_t] = []
  var next = [process]
  while let parent = next.popLast() {
    // A process that comes twice has been started meanwhile under a number that became free.
    let children = children(of: parent).filter { !found.contains($0) && $0 != process }
    found += children
    next += children
  }
  return found
}

#if canImport(Darwin)
  private func children(of process: pid_t) -> [pid_t] {
    var children = [pid_t](repeating: 0, count: 1024)
    let bytes = Int32(children.count * MemoryLayout<pid_t>.stride)
    let count = proc_listchildpids(process, &children, bytes)
    return Array(children.prefix(Int(max(count, 0))))
  }
#else
  /// Each of its threads may have started some.
  private func children(of process: pid_t) -> [pid_t] {
    let threads = "/proc/\(process)/task"
    let ids = (try? FileManager.default.contentsOfDirectory(atPath: threads)) ?? []
    return ids.flatMap { id -> [pid_t] in
      guard let bytes = FileManager.default.contents(atPath: "\(threads)/\(id)/children") else {
        return []
      }
      return String(decoding: bytes, as: UTF8.self).split(separator: " ").compactMap { pid_t($0) }
    }
  }
#endif
