import Lang

extension Command {
  static let shard = Command(
    name: "shard", group: .inputs,
    summary: "Measure only one part of the prompts, or of a sweep, of several equal parts.",
    details: """
      `shard 3 of 8` measures the 3rd prompt, the 11th, the 19th … After `each` it divides the \
      runs of the sweep instead. Everything else is of all prompts: draws, means, \
      donors, columns. So `merge` of the saved parts is, byte for byte, what one process computes.
      Bare `shard` takes the numbers from SUMMAND_SHARD=3/8, or from a Slurm array. `shard of 8` takes \
      the number from these, or from JOB_COMPLETION_INDEX of a Kubernetes job.
      A table of a shard can go to \(listed(Command.namesThatKeepShards)). Whatever else would look at \
      rows together is for the merged table. `shard 1 of 1` is no division.
      """,
    input: .prompts,
    parameters: [
      .positional("number", .number, required: false, "which, from 1"),
      .keyword("of", .number, "of how many"),
    ],
    examples: ["country | take 8 | shard 2 of 4 | rank"]
  ) { call in
    var set = try call.promptInput()
    if let shard = set.shard {
      throw call.failure("these prompts are already \(shard.text)", help: "omit one `shard`")
    }
    let (number, count) = (try call.integer("number"), try call.integer("of"))
    let environment = call.host.environment.filter { !$0.value.isEmpty }
    let numbers = try placing(at: call.has("number") ? call.span(of: "number") : call.span) {
      try ShardNumbers(number: number, of: count, environment: environment)
    }
    if let warning = numbers.warning { call.warn(warning) }
    guard numbers.count > 1 else { return .prompts(set) }
    let shard = Shard(
      number: numbers.number, count: numbers.count,
      division: set.sweep == nil ? .prompts : .variants)
    set.divide(by: shard)
    let part =
      shard.division == .variants
      ? "of the runs of the sweep"
      : "\(thousands(set.measuredIndices.count)) of \(thousands(set.prompts.count)) prompts"
    call.session.note("\(shard.text): \(part)")
    return .prompts(set)
  }
}
