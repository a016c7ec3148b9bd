import Lang

/// Which shard this process computes, as the line and the environment say it.
struct ShardNumbers: Equatable {
  var number: Int
  var count: Int
  /// What is strange about them, though they are used.
  var warning: String?

  static let variables = [
    "SUMMAND_SHARD", "SLURM_ARRAY_TASK_ID", "SLURM_ARRAY_TASK_MIN", "SLURM_ARRAY_TASK_MAX",
    "SLURM_ARRAY_TASK_STEP", "SLURM_ARRAY_TASK_COUNT", "JOB_COMPLETION_INDEX",
  ]

  private static let usage =
    "`shard 3 of 8`, or set SUMMAND_SHARD=3/8; a Slurm array gives both numbers, "
    + "JOB_COMPLETION_INDEX the number alone: `shard of 8`"

  init(number: Int, count: Int) {
    self.number = number
    self.count = count
  }

  /// - Parameters:
  ///   - number: what the line says, if it does; so does `count`.
  ///   - environment: without variables that are empty.
  /// - Throws: `Failure` for numbers that are missing, out of range, or contradict each other.
  init(number: Int?, of count: Int?, environment: [String: String]) throws {
    if let count, count < 1 {
      throw Failure("there must be at least one shard, not \(count)", help: "shard 3 of 8")
    }
    let found = try Self.found(in: environment, count: count, hasNumber: number != nil)
    guard let number else {
      guard let (_, numbers) = found else {
        if count == 1 {
          self.init(number: 1, count: 1)
          return
        }
        throw Failure(
          count == nil ? "nothing says which shard this is" : "nothing says which of them this is",
          help: Self.usage)
      }
      self = numbers
      return
    }
    guard let count else {
      throw Failure("`shard \(number)` does not say of how many", help: "shard \(number) of 8")
    }
    self.init(number: number, count: count)
    try check("`shard \(number) of \(count)`")
    if let (name, other) = found, other.count == count, other.number != number {
      throw Failure(
        "the line says shard \(number) of \(count), and \(name) says \(other.number) of "
          + "\(other.count)",
        help: "bare `shard` takes the numbers from the environment")
    }
  }

  private func check(_ source: String) throws {
    guard count >= 1, (1...max(1, count)).contains(number) else {
      throw Failure(
        "\(source): shards are numbered from 1 to \(max(1, count))",
        help: "the first of 8 is `shard 1 of 8`")
    }
  }

  // MARK: The environment

  private static func found(in environment: [String: String], count: Int?, hasNumber: Bool) throws
    -> (name: String, numbers: ShardNumbers)?
  {
    if let text = environment["SUMMAND_SHARD"] {
      let numbers = try own(text)
      if let count, count != numbers.count {
        throw contradiction(count, "SUMMAND_SHARD=\(text)")
      }
      return ("SUMMAND_SHARD", numbers)
    }
    if environment["SLURM_ARRAY_TASK_ID"] != nil {
      do {
        let numbers = try slurm(environment)
        // What is said whole in the line may be about something else than the array.
        if let count, !hasNumber, count != numbers.count {
          throw contradiction(count, "the Slurm array has \(numbers.count) tasks")
        }
        return ("SLURM_ARRAY_TASK_ID", numbers)
      } catch  where hasNumber {
        return nil
      }
    }
    guard let text = environment["JOB_COMPLETION_INDEX"] else { return nil }
    guard let count else {
      if hasNumber { return nil }
      throw Failure(
        "JOB_COMPLETION_INDEX=\(text) does not say of how many shards this is one",
        help: "give the job's number of completions: `shard of 8`")
    }
    guard let index = Int(text), index >= 0 else {
      throw Failure("JOB_COMPLETION_INDEX is '\(excerpt(text))', not a number from 0")
    }
    guard index < count else {
      throw Failure(
        "JOB_COMPLETION_INDEX is \(index), and \(count) shards have the indices 0 to \(count - 1)",
        help: "`shard of N` takes the job's number of completions")
    }
    return ("JOB_COMPLETION_INDEX", ShardNumbers(number: index + 1, count: count))
  }

  private static func contradiction(_ count: Int, _ other: String) -> Failure {
    Failure(
      "the line says \(count) shards, and \(other)",
      help: "bare `shard` takes the numbers from the environment")
  }

  /// `3/8`
  private static func own(_ text: String) throws -> ShardNumbers {
    let parts = text.split(separator: "/", omittingEmptySubsequences: false).map { Int($0) }
    guard parts.count == 2, let number = parts[0], let count = parts[1] else {
      throw Failure(
        "SUMMAND_SHARD is '\(excerpt(text))', not a number and a count",
        help: "the third of 8 is SUMMAND_SHARD=3/8")
    }
    let numbers = ShardNumbers(number: number, count: count)
    try numbers.check("SUMMAND_SHARD=\(excerpt(text))")
    return numbers
  }

  /// Of an array whose tasks are numbered without gaps, from any number and in any step.
  private static func slurm(_ environment: [String: String]) throws -> ShardNumbers {
    func number(_ part: String, default value: Int? = nil) throws -> Int {
      let name = "SLURM_ARRAY_TASK_\(part)"
      if environment[name] == nil, let value { return value }
      guard let number = environment[name].flatMap({ Int($0) }), number >= 0 else {
        throw Failure(
          "\(name) is \(environment[name].map { "'\(excerpt($0))'" } ?? "not set")",
          help: "SUMMAND_SHARD=3/8 gives the numbers of a shard")
      }
      return number
    }
    let (id, count) = (try number("ID"), try number("COUNT"))
    let (low, high) = (try number("MIN"), try number("MAX"))
    let step = max(1, try number("STEP", default: 1))
    guard low <= id, id <= high, (high - low) % step == 0, (high - low) / step == count - 1,
      (id - low) % step == 0
    else {
      throw Failure(
        "the tasks of this Slurm array are numbered with gaps: task \(id) is one of \(count) between "
          + "\(low) and \(high)",
        help:
          "use --array=0-7; to run some of the tasks again, give each its numbers: SUMMAND_SHARD=3/8"
      )
    }
    var numbers = ShardNumbers(number: (id - low) / step + 1, count: count)
    if count == 1 {
      numbers.warning =
        "this Slurm array has a single task, so this is the whole: to run one of several again, set "
        + "SUMMAND_SHARD=3/8"
    }
    return numbers
  }
}
