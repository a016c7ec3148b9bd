/// Every command of the language, in the order of `help`. A new one is a file in its group's folder
/// and a line here.
enum Catalogue {
  static let all: [Command] = [
    // models
    .load, .models, .model, .use, .with, .unload, .bos, .dictionary, .verify,
    // inputs
    .prompt, .chat, .facts, .counterparts, .fewShot, .texts, .prompts, .known, .shard, .merge,
    .read, .vector,
    .lint,
    // edits
    .ablate, .patch, .only, .knockout, .freeze, .scale, .steer, .project, .clamp, .noise,
    // measures
    .tokens, .logits, .probs, .rank, .logitDiff, .loss, .perplexity, .metric, .effect, .attribute,
    .faithfulness, .selfRepair,
    .dla,
    .graph,
    .subsets,
    .lens, .attention, .activations, .examples, .gradient, .direction, .lre,
    .unembed, .generate, .compare, .explain,
    // weights
    .describe, .copying, .eigenvalues, .svd, .composition, .ov, .weights,
    // tables
    .where, .sort, .top, .take, .sample, .select, .rename, .derive, .group, .classify, .correlate,
    .join, .append, .pivot, .summary, .text, .circuit,
    // seeing and keeping
    .plot, .save, .show, .store,
    // scripting
    .arguments, .set, .vars, .drop, .cd, .pwd, .session, .transcript, .tutorial, .help, .history,
  ]

  private static let byName = Dictionary(uniqueKeysWithValues: all.map { ($0.name, $0) })

  static func command(named name: String) -> Command? { byName[name] }
}
