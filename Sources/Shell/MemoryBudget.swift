import ArgumentParser

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

/// How much memory runs may take: `--memory 2GB`, else half of what is free.
struct MemoryBudget: ExpressibleByArgument {
  let bytes: Int

  /// `2GB`, `512MiB`, `1000000`: digits, perhaps with a fraction, and a unit.
  init?(argument: String) {
    let digits = argument.prefix { $0.isNumber || $0 == "." }
    let units: [String: Double] = [
      "": 1, "B": 1, "KB": 1e3, "MB": 1e6, "GB": 1e9, "TB": 1e12, "KIB": 0x1p10, "MIB": 0x1p20,
      "GIB": 0x1p30, "TIB": 0x1p40,
    ]
    guard let value = Double(digits),
      let unit = units[argument.dropFirst(digits.count).uppercased()],
      value * unit >= 1, value * unit < 0x1p62
    else { return nil }
    bytes = Int(value * unit)
  }

  private init(bytes: Int) { self.bytes = bytes }

  /// - Parameter weights: bytes that are free now and will be taken, whatever runs do.
  static func halfOfFree(besides weights: Int) -> MemoryBudget {
    MemoryBudget(bytes: max((free - weights) / 2, 1 << 26))
  }

  #if canImport(Darwin)
    /// All of the machine's: what Darwin calls free leaves out what it would give back.
    private static var free: Int {
      var bytes: UInt64 = 0
      var size = MemoryLayout<UInt64>.size
      sysctlbyname("hw.memsize", &bytes, &size, nil, 0)
      return Int(bytes)
    }
  #else
    /// `MemAvailable` of /proc/meminfo, in KiB there; free pages where it is not to be had.
    private static var free: Int {
      guard let file = fopen("/proc/meminfo", "r") else {
        return sysconf(Int32(_SC_AVPHYS_PAGES)) * sysconf(Int32(_SC_PAGESIZE))
      }
      defer { fclose(file) }
      var line = [CChar](repeating: 0, count: 256)
      while fgets(&line, Int32(line.count), file) != nil {
        let bytes = line.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
        let words = String(decoding: bytes, as: UTF8.self).split(whereSeparator: \.isWhitespace)
        if words.count >= 2, words[0] == "MemAvailable:", let kibibytes = Int(words[1]) {
          return kibibytes * 1024
        }
      }
      return 1 << 30
    }
  #endif
}
