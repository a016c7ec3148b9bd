import Testing

@testable import Model

/// Every architecture against `transformers` in float64.
@Suite("Architectures against transformers")
struct FamilyTests {
  private static let files = Family.all.flatMap { family in
    [(family, family.path)] + family.twins.map { (family, $0) }
      + (family.hasGGUF && family.hasFolder && family.ggufLogits == "logits"
        ? [(family, family.gguf)] : [])
  }

  @Test("every architecture has a model among these")
  func everyArchitecture() throws {
    let tested = Set(
      try Family.all.map { try TestModels.tiny($0.path).configuration.architecture })
    for architecture in Architectures.all {
      #expect(!tested.isDisjoint(with: architecture.modelTypes), "\(architecture)")
    }
  }

  /// Measured at most: 5.2e-6 of logits, which are of order 1; 1.8e-6 of any site, relative to its
  /// magnitude where that is above 1.
  @Test("every activation at every site, and the logits", arguments: files)
  func everySite(family: Family, path: String) throws {
    let golden = try ReferenceTensors(family.golden)
    let transformer = try TestModels.tiny(path).transformer
    let tokens = try golden.tokens()
    let c = transformer.configuration
    let result = try transformer.run([.everything(tokens, of: c)])[0]
    for site in Site.all(of: c) {
      let kept = try #require(result.activations[site])
      let gap = Self.gap(kept, try golden[site.hookName], site: site, c)
      #expect(gap.relative < 5e-6, "\(site.hookName): \(gap)")
    }
    let hooks = Set(golden.names.filter { $0.contains("hook_") && !$0.hasSuffix("_normed") })
    #expect(Set(Site.all(of: c).map(\.hookName)) == hooks)
    let gap = Gap(Array(result.logits.joined()), try golden["logits"].values)
    #expect(gap.largest < 1e-5, "logits: \(gap)")
  }

  /// The reference has a divided site as [units, T, width], but neurons as [T, neurons]. Sources that
  /// a query does not see are 0 there, after it absent here, before its window −∞ or 0.
  private static func gap(
    _ kept: CapturedActivation, _ wanted: ReferenceTensor, site: Site, _ c: Configuration
  ) -> Gap {
    var gap = Gap()
    for (i, position) in kept.positions.enumerated() {
      switch site.activation.units {
      case .none, .neurons: gap.add(kept[i], wanted[row: [position]])
      case .heads, .keyValueHeads:
        for unit in 0..<kept.units {
          let row = wanted[row: [unit, position]]
          guard site.activation.isOverSources else {
            gap.add(kept[i, unit], row)
            continue
          }
          let first = c.attention[site.layer].firstSource(of: position)
          gap.add(kept[i, unit].dropFirst(first), row[first...position])
          let unseen: Float = site.activation == .attnScores ? -.infinity : 0
          #expect(kept[i, unit].prefix(first).allSatisfy { $0 == unseen })
        }
      }
    }
    return gap
  }

  @Test("GGUF files, which lack what safetensors files have", arguments: Family.all)
  func logitsFromGGUF(family: Family) throws {
    guard family.hasGGUF else { return }
    let golden = try ReferenceTensors(family.golden)
    let tokens = try golden.tokens()
    let result = try TestModels.tiny(family.gguf).transformer.run([
      RunRequest(tokens: tokens, logits: .all(Array(tokens.indices)))
    ])[0]
    let gap = Gap(Array(result.logits.joined()), try golden[family.ggufLogits].values)
    #expect(gap.largest < 1e-5, "logits: \(gap)")
  }

  @Test("a prompt that fits the original context is rotated by the short factors")
  func shortFactors() throws {
    let golden = try ReferenceTensors("families/phi3-longrope/golden.safetensors")
    let tokens = Array(try golden.tokens().prefix(8))
    for path in ["families/phi3-longrope", "families/phi3-longrope/model.gguf"] {
      let request = RunRequest(tokens: tokens, logits: .all(Array(tokens.indices)))
      let result = try TestModels.tiny(path).transformer.run([request])[0]
      let gap = Gap(Array(result.logits.joined()), try golden["logits.first8"].values)
      #expect(gap.largest < 1e-5, "\(path): \(gap)")
    }
  }

  @Test("the same weights from GGUF and safetensors give the same bits", arguments: Family.all)
  func formats(family: Family) throws {
    guard family.hasGGUF, family.isSameInGGUF else { return }
    let (one, other) = (
      try TestModels.tiny(family.path), try TestModels.tiny(family.gguf)
    )
    #expect(one.configuration == other.configuration)
    let request = RunRequest.everything(
      try ReferenceTensors(family.golden).tokens(), of: one.configuration)
    expectSameBits(
      try one.transformer.run([request])[0], try other.transformer.run([request])[0])
  }

  @Test("configurations of transformers 4 and 5, and within another's, say the same")
  func twins() throws {
    for family in Family.all {
      let configuration = try TestModels.tiny(family.path).configuration
      for twin in family.twins {
        #expect(try TestModels.tiny(twin).configuration == configuration, "\(twin)")
      }
    }
  }

  /// `text_config` as gemma-3-4b has it; the rest are the defaults of transformers'
  /// `Gemma3TextConfig`.
  @Test("a Gemma 3 that reads images states next to nothing of its text model")
  func gemma3Defaults() throws {
    let text = """
      {"model_type": "gemma3", "vision_config": {"model_type": "siglip_vision_model", "hidden_size": 8},
       "text_config": {"model_type": "gemma3_text", "hidden_size": 2560, "intermediate_size": 10240,
         "num_hidden_layers": 34, "rope_scaling": {"factor": 8.0, "rope_type": "linear"},
         "sliding_window": 1024}}
      """
    let file = try TemporaryFile(text.utf8, name: "config.json")
    let c = try Gemma3.blueprint(json: ConfigFile(path: file.path)).configuration
    #expect([c.layers, c.heads, c.keyValueHeads, c.headWidth] == [34, 8, 4, 256])
    #expect(
      [c.width, c.mlp[33].neurons, c.vocabulary, c.context] == [2560, 10240, 262_208, 131_072])
    #expect(c.isTied && c.epsilon == 1e-6 && c.attentionScale == 1 / 16)
    let (local, global) = (c.attention[4], c.attention[5])
    #expect(local.window == 1024 && local.rotary?.base == 10_000)
    #expect(local.rotary?.factors == [] && global.window == nil)
    #expect(
      global.rotary?.base == 1_000_000 && global.rotary?.factors == Array(repeating: 8, count: 128))

    let silent = try TemporaryFile(#"{"model_type": "gemma3"}"#.utf8, name: "config.json")
    expectFileError("lacks the key 'text_config'") {
      _ = try Gemma3.blueprint(json: ConfigFile(path: silent.path))
    }
  }

  // MARK: - Edits

  /// Measured at most: 4.1e-6.
  @Test("edits", arguments: files)
  func edits(family: Family, path: String) throws {
    let golden = try ReferenceTensors(family.golden)
    let transformer = try TestModels.tiny(path).transformer
    let c = transformer.configuration
    let tokens = try golden.tokens()
    let (last, all) = (tokens.count - 1, Array(tokens.indices))
    let source: Int = try golden.metadata("edge_source")
    let patched: Int = try golden.metadata("patched")
    let donor = try transformer.run([
      .everything(try golden.metadata("donor"), of: c)
    ])[0]
    var (names, edits): ([(String, [Int])], [[Edit]]) = ([], [])
    func add(
      _ name: String, _ activation: Activation, _ layer: Int, _ head: Int? = nil,
      at positions: [Int], _ change: Edit.Change
    ) {
      names.append((name, [layer] + (head.map { [$0] } ?? [])))
      edits.append([
        Edit(
          site: Site(activation, layer: layer), units: head.map { [$0] }, positions: positions,
          change: change)
      ])
    }
    for layer in 0..<c.layers {
      for head in 0..<c.heads {
        add("edit.zero_z_last", .z, layer, head, at: [last], .zero)
        add("edit.zero_z_all", .z, layer, head, at: all, .zero)
        if c.attention[layer].sees([source], from: last) {
          add("edit.cut_edge", .attnScores, layer, head, at: [last], .cut(sources: [source]))
        }
      }
      let stream = try #require(donor.activations[Site(.residPre, layer: layer)])
      add("edit.patch_resid_pre", .residPre, layer, at: [patched], .replace([stream[patched]]))
      add("edit.zero_attn_out", .attnOut, layer, at: all, .zero)
      add("edit.zero_mlp_out", .mlpOut, layer, at: all, .zero)
    }
    let results = try transformer.vary(tokens, edits, logits: .all([last])).dropFirst()
    for ((name, indices), result) in zip(names, results) {
      let gap = Gap(result.logits[0], try golden[name][row: indices])
      #expect(gap.largest < 1e-5, "\(name) \(indices): \(gap)")
    }
  }
}
