import Lang
import Model

/// The runs that a set of prompts stands for, made as they are asked for: a sweep over all edges of many
/// prompts has millions, and each has its edits.
struct CaseStream {
  /// As many as are held at a time. Runs of one prompt share what they can within them.
  @TaskLocal static var atOnce = 1 << 13

  private let session: Session
  private let set: PromptSet
  /// What is made of each.
  private let finish: (Case) -> Case
  private var binder: EditBinder
  private var units: VariantUnits
  private var prompts: ArraySlice<Int>
  private var open: OpenPrompt?

  /// - Parameters:
  ///   - known: the runs that an edit takes its values from, where they are done already.
  ///   - finish: what is made of each.
  init(
    of set: PromptSet, in session: Session, known: (spec: EditSpec, runs: [RunResult])? = nil,
    finish: @escaping (Case) -> Case = { $0 }
  ) {
    (self.session, self.set, self.finish) = (session, set, finish)
    var binder = EditBinder(set, in: session)
    if let known { binder.take(known.runs, for: known.spec) }
    self.binder = binder
    units = VariantUnits(set.shard)
    prompts = ArraySlice(set.prompts.indices)
  }

  /// How many there are from here on.
  func count() throws -> Int {
    var (binder, units) = (binder, units)
    return try prompts.reduce(open?.left.count ?? 0) { sum, index in
      try Interruption.check()
      guard set.isMeasured(index) else { return sum }
      guard let sweep = set.sweep else { return sum + 1 }
      let places = try binder.places(of: sweep, at: index)
      return sum + units.measured(places.count, of: set.prompts[index]).count
    }
  }

  /// The next ones; none after the last.
  mutating func next(upTo count: Int) throws -> [Case] {
    var cases: [Case] = []
    while cases.count < count, try enterPrompt() {
      try Interruption.check()
      guard let open else { break }
      guard let sweepIndex = set.sweepIndex else {
        cases.append(finish(open.whole))
        self.open = nil
        continue
      }
      let some = open.left.prefix(count - cases.count)
      cases += try some.mapChecked { try variant($0, of: open, sweepIndex) }
      self.open?.left = open.left.dropFirst(some.count)
      if self.open?.left.isEmpty ?? true { self.open = nil }
    }
    return cases
  }

  // MARK: - One prompt

  /// The prompt at hand, and what its runs have in common.
  private struct OpenPrompt {
    var index: Int
    /// Of each edit of the set; none of the swept one.
    var held: [[Edit]]
    var acting: ActingEdits
    var whole: Case
    var places: [EditBinder.VariantPlace] = []
    /// The variants that are still to come, each with its unit.
    var left: ArraySlice<(place: Int, unit: Int?)> = []
  }

  /// Whether there is a prompt with something left.
  private mutating func enterPrompt() throws -> Bool {
    while open == nil, let index = prompts.popFirst() {
      try Interruption.check()
      guard set.isMeasured(index) else { continue }
      let held = try set.edits.enumerated().map { i, spec in
        i == set.sweepIndex ? [] : try binder.edits(spec, at: index)
      }
      try session.checkThatAllFire(held, of: set)
      let acting = try ActingEdits(set, onPrompt: index)
      let prompt = set.prompts[index]
      var whole = Case(prompt: prompt, index: index, edits: held.flatMap(\.self))
      whole.unit = prompt.unit
      guard let sweep = set.sweep else {
        whole.acting = acting.of(held).flatMap(\.self)
        open = OpenPrompt(index: index, held: held, acting: acting, whole: whole)
        break
      }
      whole.baseEdits = whole.edits
      whole.laterEdits = held[((set.sweepIndex ?? 0) + 1)...].flatMap(\.self)
      let places = try binder.places(of: sweep, at: index)
      let left = units.measured(places.count, of: prompt)[...]
      guard !left.isEmpty else { continue }
      open = OpenPrompt(
        index: index, held: held, acting: acting, whole: whole, places: places, left: left)
    }
    return open != nil
  }

  private mutating func variant(
    _ which: (place: Int, unit: Int?), of open: OpenPrompt, _ sweepIndex: Int
  ) throws -> Case {
    let variant = try binder.variant(
      set.edits[sweepIndex], open.places[which.place], at: open.index)
    var edits = open.held
    edits[sweepIndex] = variant.edits
    try session.checkThatAllFire(edits, of: set)
    var item = open.whole
    item.variant = variant
    item.edits = edits.count == 1 ? edits[0] : edits.flatMap(\.self)
    item.acting = open.acting.of(edits).flatMap(\.self)
    item.unit = which.unit
    return finish(item)
  }
}
