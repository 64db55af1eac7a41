"""Tiny configurations, one for each architecture, in config.json's own vocabulary.

Older directories say `rope_theta` and `rope_scaling`; newer ones `rope_parameters`. Both are in use, so both are here.
"""

DECODER = {
    "vocab_size": 97, "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4,
    "num_key_value_heads": 2, "max_position_embeddings": 64, "hidden_act": "silu", "attention_dropout": 0.0,
    "bos_token_id": 1, "eos_token_id": 2, "pad_token_id": None, "torch_dtype": "float32",
}
ARCHITECTURES = {
    "llama": DECODER | {
        "model_type": "llama", "architectures": ["LlamaForCausalLM"], "head_dim": 8, "rms_norm_eps": 1e-5,
        "tie_word_embeddings": True, "attention_bias": False, "mlp_bias": False,
        "rope_theta": 10000.0, "rope_scaling": None,
    },
    # The four frequencies of an 8-wide head: the first is kept, the second interpolated, the last two divided by 8.
    "llama3-scaled": DECODER | {
        "model_type": "llama", "architectures": ["LlamaForCausalLM"], "head_dim": 8, "rms_norm_eps": 1e-6,
        "tie_word_embeddings": False, "attention_bias": True, "mlp_bias": True, "rope_theta": 10000.0,
        "rope_scaling": {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 0.25, "high_freq_factor": 4.0,
                         "original_max_position_embeddings": 32},
    },
    "qwen2": DECODER | {
        "model_type": "qwen2", "architectures": ["Qwen2ForCausalLM"], "rms_norm_eps": 1e-6,
        "tie_word_embeddings": True, "rope_theta": 1000000.0, "use_sliding_window": False, "sliding_window": 4,
        "max_window_layers": 2,
    },
    "qwen3": DECODER | {
        "model_type": "qwen3", "architectures": ["Qwen3ForCausalLM"], "head_dim": 16, "rms_norm_eps": 1e-6,
        "tie_word_embeddings": False, "attention_bias": False, "use_sliding_window": False,
        "rope_parameters": {"rope_type": "default", "rope_theta": 1000000.0},
    },
    "smollm3": DECODER | {
        "model_type": "smollm3", "architectures": ["SmolLM3ForCausalLM"], "num_hidden_layers": 3,
        "rms_norm_eps": 1e-6, "tie_word_embeddings": True, "no_rope_layers": [1, 1, 0], "no_rope_layer_interval": 3,
        "attention_bias": False, "mlp_bias": False, "use_sliding_window": False,
        "rope_parameters": {"rope_type": "default", "rope_theta": 2000000.0},
    },
    "mistral": DECODER | {
        "model_type": "mistral", "architectures": ["MistralForCausalLM"], "head_dim": 8, "rms_norm_eps": 1e-5,
        "tie_word_embeddings": False, "rope_theta": 10000.0, "sliding_window": 6,
    },
    "gpt2": {
        "model_type": "gpt2", "architectures": ["GPT2LMHeadModel"], "vocab_size": 97, "n_positions": 64, "n_ctx": 64,
        "n_embd": 32, "n_layer": 2, "n_head": 4, "n_inner": None, "activation_function": "gelu_new",
        "resid_pdrop": 0.0, "embd_pdrop": 0.0, "attn_pdrop": 0.0, "layer_norm_epsilon": 1e-5,
        "tie_word_embeddings": True, "bos_token_id": 1, "eos_token_id": 2, "torch_dtype": "float32",
    },
}

# Mixtures of experts. The hidden features of mixtral's experts follow each other in memory where ours join gate and up;
# those of qwen3-moe (20 of 32) do not. Its middle layer has no experts.
MIXTRAL = DECODER | {
    "model_type": "mixtral", "architectures": ["MixtralForCausalLM"], "rms_norm_eps": 1e-5, "rope_theta": 1000000.0,
    "tie_word_embeddings": False, "sliding_window": None, "num_local_experts": 4, "num_experts_per_tok": 2,
    "output_router_logits": False, "router_aux_loss_coef": 0.02, "router_jitter_noise": 0.0,
}
EXPERTS = {
    "mixtral": MIXTRAL,
    # The balancing loss is a part of the loss.
    "mixtral-balanced": MIXTRAL | {"output_router_logits": True, "router_aux_loss_coef": 0.1},
    "qwen3-moe": DECODER | {
        "model_type": "qwen3_moe", "architectures": ["Qwen3MoeForCausalLM"], "head_dim": 16, "rms_norm_eps": 1e-6,
        "num_hidden_layers": 3, "tie_word_embeddings": False, "attention_bias": False, "use_sliding_window": False,
        "num_experts": 6, "num_experts_per_tok": 3, "moe_intermediate_size": 20, "norm_topk_prob": False,
        "decoder_sparse_step": 1, "mlp_only_layers": [1], "output_router_logits": False, "router_aux_loss_coef": 0.001,
        "rope_parameters": {"rope_type": "default", "rope_theta": 1000000.0},
    },
}
