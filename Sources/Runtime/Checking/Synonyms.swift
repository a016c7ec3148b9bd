/// What people type who come from pandas, SQL, dplyr or TransformerLens, and what does it here.
enum Synonyms {
  static func help(for name: String) -> String? {
    guard let use = all[name.lowercased()] else { return nil }
    // A command alone is what `did you mean` is for.
    return Catalogue.command(named: use) == nil ? "use \(use)" : "did you mean `\(use)`?"
  }

  /// An entry that is not a command is a sentence's end, with backticks of its own.
  static let all: [String: String] = [
    // pandas, dplyr
    "head": "take", "limit": "take", "slice": "take", "first": "take", "tail": "`take -N`",
    "len": "`length(…)`", "nrow": "`length(…)`",
    "count": "`length(…)`, or `group by … count COLUMN`",
    "filter": "where", "query": "where", "sort_values": "sort", "arrange": "sort",
    "order": "sort", "orderby": "sort", "nlargest": "top", "groupby": "group",
    "group_by": "group", "aggregate": "group", "agg": "group", "mutate": "derive",
    "assign": "derive", "with_columns": "derive",
    "union": "append", "rbind": "append", "vstack": "append", "pivot_table": "pivot",
    "info": "summary", "corr": "correlate", "read_csv": "read",
    "read_json": "read", "read_parquet": "read", "to_csv": "save", "to_json": "save",
    "to_parquet": "save", "write": "save", "print": "show", "display": "show",
    "columns": "summary", "from": "read",
    // TransformerLens, nnsight
    "run_with_cache": "activations", "cache": "activations", "get_activations": "activations",
    "max_activations": "examples", "top_activations": "examples", "neuroscope": "examples",
    "run_with_hooks": "`ablate`, `patch`, `scale` or `steer`, then a measure",
    "from_pretrained": "load", "hooked_transformer": "load", "to_tokens": "tokens",
    "to_str_tokens": "tokens", "tokenize": "tokens", "logit_attrs": "dla",
    "logit_attribution": "dla", "logit_lens": "lens", "attention_pattern": "attention",
    "patterns": "attention", "activation_patching": "patch", "patching": "patch",
    "zero_ablate": "ablate", "mean_ablate": "ablate", "ablation": "ablate",
    "sample_text": "generate", "complete": "generate", "softmax": "probs",
  ]
}
