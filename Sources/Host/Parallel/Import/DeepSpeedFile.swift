import JSON
import PluginAPI

/// The keys of a DeepSpeed JSON configuration (those of release 0.19).
enum DeepSpeedFile {
    static var rules: [String: KeyRule] {
        [
            "zero_optimization": zero, "optimizer": optimizer, "scheduler": scheduler,
            "pipeline": .section(pipeline), "tensor_parallel": .section(tensorParallel),
            "sequence_parallel_size": .count { count, draft in draft.setContexts(count, .ulysses) },
            "data_parallel_size": .count { count, draft in
                draft.replicaCount = count
                return (.honoured, "parallel.data.size: \(count)")
            },
        ].merging(batch) { $1 }.merging(precision) { $1 }.merging(reductions) { $1 }.merging(idle) { $1 }
            .merging(features) { $1 }
    }

    private static var batch: [String: KeyRule] {
        [
            "train_batch_size": .count(auto: "the recipe's batch.size") { count, draft in
                draft.batch.size = count
                return (.honoured, "batch.size: \(count)")
            },
            "train_micro_batch_size_per_gpu": .count(auto: "the recipe's batch.micro") { count, draft in
                draft.batch.micro = count
                return (.honoured, "batch.micro: \(count)")
            },
            "gradient_accumulation_steps": .count(auto: "what batch.size, batch.micro and the data ranks leave") {
                count, draft in
                draft.batch.accumulation = count
                return (.honoured, "batch.size is that many batch.micro on each data rank")
            },
            "managed_gradient_accumulation": .idle("the loop counts micro-batches"),
            "dataloader_drop_last": .idle("a step always has batch.size samples; epochs follow each other without a gap"),
            "gradient_clipping": .number(auto: "the recipe's clip_grad_norm") { norm, draft in
                draft.set("clip_grad_norm", norm > 0 ? .double(norm) : .null)
            },
        ]
    }

    private static var precision: [String: KeyRule] {
        let float16 = "float16 with a scaled loss does not exist here; bf16 needs no scale: {\"bf16\": {\"enabled\": true}}"
        let auto = "the recipe's model.precision"
        let bfloat16: [String: KeyRule] = [
            "enabled": .flag(auto: auto) { isOn, draft in
                isOn ? draft.set("model.precision", .string("bfloat16")) : (.accepted, "off")
            },
            "immediate_grad_update": .idle("gradients are added up in the masters' type as they come"),
            "check_grad_overflow": .idle("a gradient norm that is not finite always ends the run with status 23"),
            "bf16_master_weights_and_grads": .flag { isOn, draft in
                isOn ? draft.set("model.precision", .string("bfloat16-pure")) : (.accepted, "off")
            },
            "bf16_optimizer_states": .flag { isOn, draft in
                isOn ? draft.set("optimizer.states", .string("bfloat16")) : (.accepted, "off")
            },
        ]
        return [
            "bf16": .section(bfloat16), "bfloat16": .section(bfloat16),
            "fp16": .section(
                ["enabled": .flag(auto: auto) { isOn, _ in isOn ? (.refused, float16) : (.accepted, "off") }].merging(
                    [
                        "auto_cast", "loss_scale", "initial_scale_power", "loss_scale_window", "hysteresis",
                        "consecutive_hysteresis", "min_loss_scale", "fp16_master_weights_and_grads", "fused_mode",
                    ].map { ($0, .idle("of float16, as enabled says")) }) { $1 }),
            "amp": .feature("Apex mixed precision does not exist here; bf16 is model.precision: bfloat16"),
            "torch_autocast": .custom { value, path, draft in
                guard value["enabled"]?.flag == true else { return draft.record(value, at: path, (.accepted, "off")) }
                draft.read(value, autocast, at: path)
            },
            "data_types": .section([
                "grad_accum_dtype": .idle("gradients are added up in the masters' type"),
                "param_dtype": .value(auto: nil) { value, draft in dtype(value, "model.precision says what weights are") },
                "buffer_dtype": .idle("position tables are always float32"),
            ]),
            "communication_data_type": .idle("gradients travel in the masters' type, unrounded"),
            "seq_parallel_communication_data_type": .idle("activations travel in the type that they are computed in"),
            "seq_parallel_comm_data_type": .idle("activations travel in the type that they are computed in"),
        ]
    }

    private static func dtype(_ value: JSONValue, _ note: String) -> KeyRule.Verdict? {
        value.string.map { ["fp32", "float32", "bf16", "bfloat16"].contains($0) ? (.accepted, note) : (.refused, note) }
    }

    private static var autocast: [String: KeyRule] {
        [
            "enabled": .idle("as dtype says"),
            "dtype": .text { name, draft in
                ["bf16", "bfloat16", "torch.bfloat16"].contains(name)
                    ? draft.set("model.precision", .string("bfloat16"))
                    : (.refused, "only bfloat16 is computed in beside float32")
            },
            "lower_precision_safe_modules": .idle("products are in bfloat16, sums, norms and losses in float32"),
        ]
    }

    private static var reductions: [String: KeyRule] {
        let sums = "terms are divided by their weights over the whole step before backward, so gradients are plain sums"
        return [
            "prescale_gradients": .idle(sums), "gradient_predivide_factor": .idle(sums),
            "gradient_allreduce_op": .text { name, _ in
                name == "mean"
                    ? (.accepted, sums)
                    : (.refused, "summing losses over ranks makes the learning rate depend on their number")
            },
            "sparse_gradients": .idle("gradients of embeddings are dense: the same sums"),
            "disable_allgather": .idle("how weights are gathered does not change them"),
        ]
    }

    private static var pipeline: [String: KeyRule] {
        [
            "stages": .count(auto: "one stage; --mesh and parallel.pipeline.size say more") { count, draft in
                draft.layout.pipelineSize = count
                return (.honoured, "parallel.pipeline.size: \(count)")
            },
            "partition": .idle("stages are as even as can be; parallel.pipeline.layers says otherwise"),
            "seed_layers": .idle("initial weights are the same bits in every layout"),
            "activation_checkpoint_interval": .count(least: 0) { count, draft in
                count > 0 ? draft.set("activations.checkpoint", .string("block")) : (.accepted, "off")
            },
            "pipe_partitioned": .idle("what travels between stages does not change results"),
            "grad_partitioned": .idle("what travels between stages does not change results"),
            "use_reentrant": .idle("recomputation always replays the same random numbers"),
        ]
    }

    private static var tensorParallel: [String: KeyRule] {
        let plan = "the model itself says how its matrices are cut"
        let size = KeyRule.count(least: 0) { count, draft in
            draft.layout.tensorSize = max(1, count)
            return (.honoured, "parallel.tensor.size: \(max(1, count))")
        }
        let nested: [String: KeyRule] = [
            "tp_size": size, "tp_grain_size": .idle("vocabularies are padded, other dims must be divisible"),
            "mpu": .idle("ranks are found by the launcher"), "tp_group": .idle("ranks are found by the launcher"),
        ]
        return [
            "autotp_size": size, "tp": .section(nested), "tensor_parallel": .section(nested),
            "dtype": .idle("model.precision says it"), "tp_overlap_comm": .idle("how sums travel does not change them"),
            "injection_policy_tuple": .idle(plan), "partition_config": .idle(plan), "preset_model": .idle(plan),
            "keep_module_on_host": .idle("all memory is the host's"), "replace_with_kernel_inject": .idle(plan),
            "kernel_inject": .idle(plan),
        ]
    }

    private static var idle: [String: KeyRule] {
        let metrics = "metrics.jsonl has every step; trackers: [tensorboard] writes event files"
        let profile = "forktail train --profile records a step, and metrics.jsonl has its times"
        let disk = "there is no offloading to disks"
        let recomputation = "recomputation is activations.checkpoint: none | selective | block, and changes no bit"
        return [
            "steps_per_print": .idle(metrics), "tensorboard": .idle(metrics), "wandb": .idle(metrics),
            "comet": .idle(metrics), "csv_monitor": .idle(metrics), "dump_state": .idle("recipe.yaml holds every setting"),
            "wall_clock_breakdown": .idle(profile), "memory_breakdown": .idle("forktail memory tells it beforehand"),
            "flops_profiler": .idle(profile), "comms_logger": .idle("forktail bench collectives measures them"),
            "timers": .idle(profile), "log_level": .idle("diagnostics go to standard error"),
            "zero_allow_untested_optimizer": .idle("every optimizer works with every strategy"),
            "zero_force_ds_cpu_optimizer": .idle("there is one implementation of each optimizer"),
            "vocabulary_size": .idle("config.json says it"), "aio": .idle(disk), "nebula": .idle(disk),
            "datastates_ckpt": .idle("checkpoints are written while the next step runs"),
            "compile": .idle("there is nothing to compile"),
            "use_data_before_expert_parallelism": .idle("expert ranks are neighbours; the order changes no result"),
            "activation_checkpointing": .section(
                Dictionary(
                    uniqueKeysWithValues: [
                        "partition_activations", "cpu_checkpointing", "contiguous_memory_optimization",
                        "number_checkpoints", "synchronize_checkpoint_boundary", "profile",
                    ].map { ($0, .idle(recomputation)) })),
            "checkpoint": .section([
                "tag_validation": .idle("a checkpoint is known by its step, and ranks agree on it"),
                "load_universal": .idle("every checkpoint loads under every layout"),
                "use_node_local_storage": .refusedIfTrue("checkpoints must lie where every host sees them"),
                "parallel_write": .section(["pipeline_stage": .idle("each rank writes its own part")]),
                "writer": .idle("checkpoints are written while the next step runs"),
                "checkpoint_serialization": .idle("checkpoints are safetensors files"),
            ]),
        ]
    }

    /// What changes results in ways that do not exist here.
    private static var features: [String: KeyRule] {
        [
            "elasticity": .feature("batch.size would depend on the number of ranks"),
            "autotuning": .feature("settings are not changed by themselves; forktail parallel plan lists layouts"),
            "curriculum_learning": .feature("sequence lengths do not change during a run"),
            "data_efficiency": .feature("sampling by difficulty and dropping of tokens do not exist here"),
            "progressive_layer_drop": .feature("layers are not dropped"),
            "sparse_attention": .feature("attention is exact", isOn: true),
            "eigenvalue": .feature("quantised training does not exist here"),
            "quantize_training": .feature("quantised training does not exist here"),
            "compression_training": .feature("pruning and quantised training do not exist here", isOn: true),
            "weight_quantization": .feature("weights are not quantised", isOn: true),
            "hybrid_engine": .feature("trainers generate with their own weights; there is no engine to switch"),
            "expert_parallel": .feature("write parallel.expert for models with experts", isOn: true),
            "graph_harvesting": .idle("there are no device graphs"),
        ]
    }
}
