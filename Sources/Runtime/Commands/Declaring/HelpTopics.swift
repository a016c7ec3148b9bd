import Lang
import Model

extension Activation {
  /// What it is, in a few words.
  var meaning: String {
    switch self {
    case .embed: "the token's embedding, where the stream begins"
    case .posEmbed: "the position's embedding"
    case .residPre: "the residual stream before attention"
    case .residMid: "the residual stream between attention and MLP"
    case .residPost: "the residual stream after the layer"
    case .ln1Scale: "what the norm before attention divides by"
    case .ln2Scale: "what the norm before the MLP divides by"
    case .ln1PostScale: "what the norm after attention divides by"
    case .ln2PostScale: "what the norm after the MLP divides by"
    case .q: "the query, before rotation"
    case .k: "the key, before rotation"
    case .v: "the value"
    case .attnScores: "attention before the softmax, a number per source position"
    case .pattern: "attention after the softmax, a number per source position"
    case .z: "the weighted sum of the values"
    case .result: "z times the head's part of W_O"
    case .attnOut: "what attention adds to the stream"
    case .mlpPre: "the neurons before their nonlinearity"
    case .mlpPost: "the neurons, what the down projection reads"
    case .mlpOut: "what the MLP adds to the stream"
    case .lnFinalScale: "what the final norm divides by"
    }
  }
}

extension HelpText {
  /// The sites that `help sites` lists: those of the model, or all where none is loaded.
  static func sites(of configuration: Configuration?) -> String {
    let sites = configuration?.activations ?? Activation.allCases
    let rows = sites.map { site in
      let owner: String
      switch site.units {
      case .heads: owner = "L5H3.\(site.rawValue)"
      case .keyValueHeads: owner = "L5KV1.\(site.rawValue)"
      case .neurons, .none:
        owner = site.isInLayer ? "L5.\(site.rawValue)" : site.rawValue
      }
      return (owner, site.hookName(layer: 5), site.meaning)
    }
    let widths = (rows.map(\.0.count).max() ?? 0, rows.map(\.1.count).max() ?? 0)
    var text = "A site is one activation of a layer or a head. Write either name.\n\n"
    for row in rows {
      text += "  " + row.0.padded(to: widths.0 + 2) + row.1.padded(to: widths.1 + 2) + row.2 + "\n"
    }
    return text + (configuration == nil ? "\nA loaded model has some of these.\n" : "")
  }
}
