import Lang
import Model

/// A place of a model as the files of dictionaries name it: TransformerLens' hooks, transformers' modules.
enum DictionaryHook: Equatable {
  case site(Activation)
  /// What an MLP reads; nil where the name does not say whether that is before or after the norm, or its
  /// gain.
  case mlpInput(PlacedDictionary.Reads?)

  /// The place and its layer, as far as the text says them; nil for what is not known.
  static func parse(_ text: String, norm: NormKind) -> (hook: DictionaryHook, layer: Int?)? {
    var parts = text.split(separator: ".").map(String.init)
    if parts.first == "model" || parts.first == "transformer" || parts.first == "gpt_neox" {
      parts.removeFirst()
    }
    var layer: Int?
    if ["blocks", "layers", "h"].contains(parts.first ?? "") {
      guard parts.count > 1, let number = Int(parts[1]), number >= 0 else { return nil }
      layer = number
      parts.removeFirst(2)
    }
    let rest = parts.joined(separator: ".")
    if let known = Activation.allCases.first(where: {
      $0.isInLayer && $0.hookName(layer: 0) == "blocks.0." + rest
    }) {
      return (.site(known), layer)
    }
    let hook: DictionaryHook? =
      switch rest {
      case "", "output": layer == nil ? nil : .site(.residPost)
      case "hook_mlp_in": .mlpInput(nil)
      // Of a LayerNorm it is after the gain, or before it where the gain is folded.
      case "ln2.hook_normalized", "mlp.hook_in":
        .mlpInput(norm == .rootMeanSquare && rest != "mlp.hook_in" ? .normWithoutGain : nil)
      case "pre_feedforward_layernorm.output", "post_attention_layernorm.output", "mlp.input":
        .mlpInput(.norm)
      case "mlp", "mlp.output", "post_feedforward_layernorm.output", "mlp_out": .site(.mlpOut)
      case "attn", "self_attn", "attention", "self_attn.output": .site(.attnOut)
      case "self_attn.o_proj.input": .site(.z)
      default: nil
      }
    return hook.map { ($0, layer) }
  }
}

/// Where a dictionary goes: what the line says, what its files say, and whether these agree.
struct DictionaryPlacement {
  let dictionary: FeatureDictionary
  let configuration: Configuration

  private typealias Named = (hook: DictionaryHook, layer: Int?)

  private func named(_ text: String?) -> Named? {
    text.flatMap { DictionaryHook.parse($0, norm: configuration.norm) }
  }

  /// Where its features are.
  ///
  /// - Parameter wanted: what the line says.
  /// - Throws: `Failure` where neither says it, or both do and differ.
  func site(_ wanted: Site?) throws -> Site {
    let facts = dictionary.facts
    let own = named(facts.outputHook ?? (facts.isTranscoder ? nil : facts.hook))
    let activation: Activation? =
      switch own?.hook {
      case .site(let activation)?: activation
      case .mlpInput?, nil: facts.isTranscoder ? .mlpOut : nil
      }
    let layer = own?.layer ?? named(facts.hook)?.layer
    guard let wanted else {
      guard let activation, let layer else {
        throw Failure(
          "the files of this dictionary do not say where it belongs",
          help: "say it: dictionary PATH at L5.resid_post as sae")
      }
      return Site(activation, layer: layer)
    }
    // sparsify's `layers.5.mlp` is what it reads and what it writes.
    if let layer, layer != wanted.layer, !isTheSameStream(wanted, activation, layer) {
      throw isElsewhere(wanted, facts.outputHook ?? facts.hook ?? "")
    }
    if let activation, activation != wanted.activation,
      !isTheSameStream(wanted, activation, layer ?? wanted.layer)
    {
      throw isElsewhere(wanted, facts.outputHook ?? facts.hook ?? "")
    }
    return wanted
  }

  /// What leaves a layer enters the next.
  private func isTheSameStream(_ wanted: Site, _ activation: Activation?, _ layer: Int) -> Bool {
    switch (wanted.activation, activation) {
    case (.residPre, .residPost): wanted.layer == layer + 1
    case (.residPost, .residPre): wanted.layer + 1 == layer
    default: false
    }
  }

  private func isElsewhere(_ wanted: Site, _ hook: String) -> Failure {
    Failure(
      "this dictionary is of `\(excerpt(hook))`, and not of L\(wanted.layer).\(wanted.activation.rawValue)",
      help: "omit `at`, or name that site")
  }

  /// - Throws: `Failure` where the files of a cross-layer transcoder say that it stands for something else than MLPs.
  func checkThatMLPsAreWritten() throws {
    guard let hook = dictionary.facts.outputHook, let written = named(hook)?.hook,
      written != .site(.mlpOut)
    else { return }
    throw Failure(
      "this cross-layer transcoder writes to `\(excerpt(hook))`, and only those of `hook_mlp_out` are supported"
    )
  }

  /// What it reads.
  ///
  /// - Parameter wanted: what the line says.
  func reads(_ wanted: PlacedDictionary.Reads?) throws -> PlacedDictionary.Reads {
    let facts = dictionary.facts
    guard facts.isTranscoder else { return wanted ?? .site }
    if let wanted, wanted != .site { return wanted }
    let own = named(facts.hook)
    switch own?.hook {
    case .site(.residMid)?: return .stream
    case .site(.mlpOut)? where facts.format == "sparsify": return .norm
    case .mlpInput(let reads?)?: return reads
    case .site?, .mlpInput?, nil:
      let what =
        facts.hook.map { "reads `\(excerpt($0))`" } ?? "does not say what it reads"
      throw Failure(
        "this transcoder \(what), which may be before the norm of the MLP, after it, or without its gain",
        help: "say it: reads stream, reads norm or reads norm_without_gain")
    }
  }

  /// - Throws: `Failure` where the files say that it is of another family of models.
  func checkModel(named name: String) throws {
    guard let model = dictionary.facts.model, let family = Self.family(of: model),
      family != configuration.architecture, !configuration.architecture.hasPrefix(family)
    else { return }
    throw Failure(
      "this dictionary is of '\(excerpt(model))', and '\(name)' is a \(configuration.architecture)",
      help: "`use` the model that it was trained on")
  }

  /// The architecture of a model of that name, where its name says so.
  private static func family(of name: String) -> String? {
    let name = name.lowercased().lastPart
    let families = [
      ("gpt2", "gpt2"), ("pythia", "gptneox"), ("gpt-j", "gptj"), ("gemma-2", "gemma2"),
      ("gemma-3", "gemma3"), ("gemma", "gemma"), ("llama", "llama"), ("qwen2", "qwen2"),
      ("qwen3", "qwen3"), ("phi-3", "phi3"), ("smollm", "llama"),
    ]
    return families.first { name.hasPrefix($0.0) }?.1
  }
}
