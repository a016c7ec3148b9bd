/// One of transformers' configuration classes: which keys it declares, what their values may be, and
/// what they are where `config.json` does not set them. `families/config_walk.py` records the same from the
/// class itself, and a test compares the two.
typealias ConfigClass = [String: ConfigKey]

struct ConfigKey: Sendable, Equatable {
  enum Kind: String, Sendable {
    case bool, int
    /// transformers does not take a whole number here: 1.0, not 1.
    case float
    case number, string, list
    /// Token ids: a whole number or a list of them.
    case tokens
    case any
  }

  var kind: Kind
  /// Whether null is a value. It is not the same as leaving the key out.
  var isNullable: Bool
  var fallback: JSON

  static func bool(_ fallback: Bool) -> ConfigKey { ConfigKey(.bool, .bool(fallback)) }
  static func int(_ fallback: Int) -> ConfigKey { ConfigKey(.int, .integer(fallback)) }
  static func float(_ fallback: Double) -> ConfigKey { ConfigKey(.float, .double(fallback)) }
  static func number(_ fallback: Double) -> ConfigKey { ConfigKey(.number, .double(fallback)) }
  static func string(_ fallback: String) -> ConfigKey { ConfigKey(.string, .string(fallback)) }

  /// A key that may be null, which is its default too unless there is another.
  static func optional(_ kind: Kind, _ fallback: JSON = .null) -> ConfigKey {
    ConfigKey(kind, fallback, isNullable: true)
  }

  private init(_ kind: Kind, _ fallback: JSON, isNullable: Bool = false) {
    self.kind = kind
    self.isNullable = isNullable
    self.fallback = fallback
  }

  func allows(_ value: JSON) -> Bool {
    switch (kind, value) {
    case (_, .null): isNullable
    case (.tokens, .integer): true
    case (.tokens, .array(let ids)): ids.allSatisfy { $0.int != nil }
    case (.any, _), (.bool, .bool), (.int, .integer), (.float, .double), (.number, .double),
      (.number, .integer), (.string, .string), (.list, .array):
      true
    default: false
    }
  }

  /// What a value must be, for errors.
  var wanted: String {
    let noun =
      switch kind {
      case .bool: "true or false"
      case .int: "a whole number"
      case .float: "a number with a decimal point"
      case .number: "a number"
      case .string: "a string"
      case .list: "a list"
      case .tokens: "a whole number or a list of them"
      case .any: "a value"
      }
    return isNullable ? "\(noun) or null" : noun
  }
}

/// What a class like Llama's has where `config.json` does not say.
struct LlamaDefaults {
  var vocabulary, width, neurons, layers, heads, context: Int
  var epsilon = 1e-6
  var isTied = false
  /// The ids of the padding, the first and the last token.
  var tokens: (pad: JSON, bos: JSON, eos: JSON)
}

extension ConfigClass {
  /// What `PreTrainedConfig` declares, and every family with it: transformers does not look at their
  /// types, and no logit depends on them.
  static let common: ConfigClass = [
    "architectures": .optional(.list), "chunk_size_feed_forward": .optional(.any, 0),
    "dtype": .optional(.any), "id2label": .optional(.any),
    "is_encoder_decoder": .optional(.any, false),
    "label2id": .optional(.any), "output_hidden_states": .optional(.bool, .bool(false)),
    "problem_type": .optional(.string), "return_dict": .optional(.bool, .bool(true)),
    "transformers_version": .optional(.string),
  ]

  /// The common keys and a family's own.
  static func with(_ own: ConfigClass) -> ConfigClass {
    common.merging(own) { _, own in own }
  }

  /// The keys of Llama and of what is built like it.
  ///
  /// - Parameter own: what the family adds, or has instead.
  static func likeLlama(_ defaults: LlamaDefaults, _ own: ConfigClass) -> ConfigClass {
    let tokens = defaults.tokens
    let shared: ConfigClass = [
      "vocab_size": .int(defaults.vocabulary), "hidden_size": .int(defaults.width),
      "intermediate_size": .int(defaults.neurons), "num_hidden_layers": .int(defaults.layers),
      "num_attention_heads": .int(defaults.heads),
      "max_position_embeddings": .int(defaults.context),
      "rms_norm_eps": .float(defaults.epsilon), "tie_word_embeddings": .bool(defaults.isTied),
      "initializer_range": .float(0.02), "use_cache": .bool(true),
      "attention_dropout": .number(0), "rope_parameters": .optional(.any),
      "pad_token_id": .optional(.int, tokens.pad), "bos_token_id": .optional(.int, tokens.bos),
      "eos_token_id": .optional(.tokens, tokens.eos),
    ]
    return with(shared.merging(own) { _, own in own })
  }

  /// Keys that no class declares and on which no logit depends: how text is generated, how the model
  /// was made, and what other programs and older versions of transformers wrote.
  static let harmless: Set<String> = [
    "_name_or_path", "name_or_path", "_commit_hash", "_attn_implementation",
    "_attn_implementation_autoset", "attn_implementation", "_flash_attn_2_enabled",
    "experts_implementation", "model_type", "auto_map", "torch_dtype", "num_labels",
    "output_attentions", "output_scores", "use_return_dict", "return_dict_in_generate",
    "finetuning_task", "task_specific_params", "tokenizer_class", "prefix", "torchscript",
    "is_decoder", "tie_encoder_decoder", "cross_attention_hidden_size", "add_cross_attention",
    "pruned_heads", "gradient_checkpointing", "use_bfloat16", "tf_legacy_loss",
    "_diffusers_version",
    "bos_token_id", "eos_token_id", "pad_token_id", "sep_token_id", "unk_token_id",
    "decoder_start_token_id", "forced_bos_token_id", "forced_eos_token_id", "cache_implementation",
    "assistant_confidence_threshold", "assistant_lookbehind", "bad_words_ids",
    "begin_suppress_tokens", "diversity_penalty", "do_sample", "early_stopping",
    "encoder_no_repeat_ngram_size", "encoder_repetition_penalty", "epsilon_cutoff", "eta_cutoff",
    "exponential_decay_length_penalty", "length_penalty", "max_length", "min_length",
    "no_repeat_ngram_size", "num_assistant_tokens", "num_assistant_tokens_schedule",
    "num_beam_groups", "num_beams", "num_return_sequences", "remove_invalid_values",
    "repetition_penalty", "suppress_tokens", "target_lookbehind", "temperature", "top_k", "top_p",
    "typical_p", "use_cache", "initializer_range", "quantization_config", "unsloth_fixed",
    "unsloth_version", "pretraining_tp", "model_name", "architectures", "n_ctx",
    "_sliding_window_pattern", "attention_dropout", "hidden_dropout", "resid_pdrop", "embd_pdrop",
    "attn_pdrop", "classifier_dropout", "mlp_dropout", "embedding_dropout",
    "attention_probs_dropout_prob", "hidden_dropout_prob", "neftune_noise_alpha", "num_steps",
    "summary_activation", "summary_first_dropout", "summary_proj_to_labels", "summary_type",
    "summary_use_proj", "predict_special_tokens", "n_special", "output_past", "_num_labels",
    "is_llama_config", "transformers.js_config", "custom_pipelines", "seq_length",
    "max_sequence_length", "model_max_length", "tokenizer_model_max_length",
    "tokenizer_padding_side", "use_flash_attn", "use_flash_attention", "use_flash_attention_2",
    "reorder_and_upcast_attn", "max_new_tokens", "min_new_tokens", "min_p", "penalty_alpha",
    "guidance_scale", "stop_strings", "force_words_ids", "renormalize_logits",
  ]

  /// Keys that no class declares and that published files set to what their family does anyway; another
  /// value is one to warn of.
  static let harmlessValues: [String: JSON] = [
    "attention_bias": .bool(false), "mlp_bias": .bool(false), "lm_head_bias": .bool(false),
    "rope_interleaved": .bool(false), "use_mrope": .bool(false), "rotary": .bool(true),
    "scale_attn_weights": .bool(true), "full_attn_mod": 1, "interpolate_factor": 1,
  ]
}
