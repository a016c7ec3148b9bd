import TestSupport
import Testing

@testable import Model

@Suite("Every kind of edit at every site against the numpy oracle")
struct EditTableTests {
  /// 588 cells of one site and kind, 163 along directions, 20 of cuts that hold, 80 of several, each forked from the clean
  /// run and computed the reference way. Measured: 2.2e-6 at worst.
  @Test("on tiny models", arguments: ["tiny-gqa", "tiny-mha"])
  func tiny(model: String) throws {
    let table = try EditTable(model)
    let transformer = try TestModels.tiny(model).transformer
    let requests = try table.requests(transformer)
    let results = try transformer.run(requests)
    let naive = try transformer.runNaively(requests)
    #expect(table.gap(results[0], table.clean).relative < 1e-5)
    for (i, cell) in table.cells.enumerated() {
      let gap = table.gap(results[i + 1], cell.logits)
      #expect(gap.relative < 1e-5, "\(cell.edits): \(gap)")
      expectSameBits(results[i + 1], naive[i + 1], "\(cell.edits)")
      #expect(cell.logits != table.clean, "nothing is seen of \(cell.edits)")
    }
    #expect(Set(table.cells.map(\.logits)).count > 500, "the edits are not all the same")
  }

  /// Were a cut to take its turn, what is put into the scores after it would undo it.
  @Test("cuts hold whatever follows", arguments: ["tiny-gqa", "tiny-mha"])
  func cutsHold(model: String) throws {
    let table = try EditTable(model)
    let transformer = try TestModels.tiny(model).transformer
    var requests = try table.requests(transformer)
    let held = table.cells.indices.filter {
      let edits = table.cells[$0].edits
      return edits.count == 2 && edits[0].kind == .cut && edits[1].kind != .cut
        && edits[1].site == "attn_scores" && edits[1].at == edits[0].at
    }
    #expect(held.count == 20)
    for i in held { requests[i + 1].edits.removeFirst() }
    let results = try transformer.run(requests)
    for i in held {
      let gap = table.gap(results[i + 1], table.cells[i].logits)
      #expect(gap.relative > 1e-4, "the same without the cut: \(table.cells[i].edits)")
    }
  }

  /// On logits of up to 20. Measured: 4.0e-5 at worst.
  @Test("on SmolLM2: patches, knock-outs, steering, freezing")
  func smolLM2() throws {
    let table = try EditTable("smollm2")
    let transformer = try TestModels.smolLM2().transformer
    let results = try transformer.run(try table.requests(transformer))
    #expect(table.gap(results[0], table.clean).largest < 5e-4)
    #expect(table.cells.count == 14)
    for (cell, result) in zip(table.cells, results.dropFirst()) {
      let gap = table.gap(result, cell.logits)
      #expect(gap.largest < 5e-4, "\(cell.edits): \(gap)")
    }
  }

  // MARK: - No cell is missing

  /// What the error says of an edit that cannot be; nil for one that can.
  private static func refusal(_ kind: EditTable.Kind, at activation: Activation) -> String? {
    switch (kind, activation) {
    case (.zero, .ln1Scale), (.zero, .ln2Scale), (.zero, .lnFinalScale): "cannot be zero"
    case (.steer, .attnScores), (.steer, .pattern): "one vector cannot be added"
    case (.cut, .attnScores): nil
    case (.cut, _): "sources can be cut at attn_scores, not at"
    case (.project, .ln1Scale), (.project, .ln2Scale), (.project, .lnFinalScale),
      (.project, .attnScores), (.project, .pattern), (.onto, .ln1Scale), (.onto, .ln2Scale),
      (.onto, .lnFinalScale), (.onto, .attnScores), (.onto, .pattern), (.clamp, .ln1Scale),
      (.clamp, .ln2Scale), (.clamp, .lnFinalScale), (.clamp, .attnScores), (.clamp, .pattern):
      "has no directions along which"
    case (.project, _), (.onto, _), (.clamp, _): nil
    case (.zero, _), (.mean, _), (.patch, _), (.freeze, _), (.scale, _), (.steer, _): nil
    }
  }

  /// A site or a kind that is new has no cell, and makes this fail.
  @Test(
    "each site and kind has its cells or its error", arguments: ["tiny-gqa", "tiny-mha"],
    Activation.ofLlama)
  func complete(model: String, activation: Activation) throws {
    let table = try EditTable(model)
    let last = table.tokens.count - 1
    for kind in EditTable.Kind.allCases {
      // To freeze is worth something only after another edit.
      let cells = table.cells.map(\.edits).filter {
        $0.last?.kind == kind && $0.last?.site == activation.rawValue
          && (kind == .freeze ? $0.count > 1 : $0.count == 1)
      }.compactMap(\.last)
      if Self.refusal(kind, at: activation) != nil {
        #expect(cells.isEmpty, "\(kind) at \(activation)")
        continue
      }
      for positions in [[last], [table.at[0]], Array(0...last)] {
        let here = cells.filter { $0.at == positions }
        #expect(here.contains { $0.units == nil }, "\(kind) at \(activation), \(positions)")
        // Neurons are changed together along a direction.
        let isAlong = [.project, .onto, .clamp].contains(kind)
        if activation.units != .none, !isAlong || activation.units != .neurons {
          #expect(here.contains { $0.units != nil }, "\(kind) at \(activation), \(positions)")
        }
      }
    }
  }

  @Test("what cannot be says so", arguments: Activation.ofLlama)
  func refused(activation: Activation) throws {
    let transformer = try TestModels.tiny("tiny-gqa").transformer
    for kind in EditTable.Kind.allCases {
      guard let message = Self.refusal(kind, at: activation) else { continue }
      let place = EditTable.Place(
        kind, activation.rawValue, layer: activation.isInLayer ? 1 : nil, at: [2],
        seed: 1, sources: [1])
      let edit = try place.edit(
        clean: RunResult(), others: [], transformer.configuration)
      let error = #expect(throws: ModelError.self) {
        try transformer.run([RunRequest(tokens: [5, 300, 17], edits: [edit])])
      }
      #expect(error?.kind == .request && error?.message.contains(message) == true, "\(kind)")
    }
  }
}
