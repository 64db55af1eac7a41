import JSON

/// The keys of an accelerate configuration (those of release 1.15), YAML or JSON.
enum AccelerateFile {
    static var rules: [String: KeyRule] {
        [
            "deepspeed_config": .section(deepSpeed), "fsdp_config": .section(fsdp),
            "parallelism_config": .section(prefixed(parallelism, by: "parallelism_config_")),
            "megatron_lm_config": .section(prefixed(megatron, by: "megatron_lm_")),
        ].merging(machines) { $1 }.merging(precision) { $1 }
    }

    /// Keys with the section's name before them, as accelerate writes them, and without.
    private static func prefixed(_ rules: [String: KeyRule], by prefix: String) -> [String: KeyRule] {
        rules.merging(rules.map { (prefix + $0.key, $0.value) }) { $1 }
    }

    private static var machines: [String: KeyRule] {
        let launch = "forktail launch says where ranks are started"
        let pods = "there are no TPU pods"
        return [
            "compute_environment": .text { name, _ in
                name == "LOCAL_MACHINE"
                    ? (.accepted, launch) : (.refused, "jobs are started by mpirun or Slurm, not in \(name)")
            },
            "distributed_type": .text { name, draft in kind(name, &draft) },
            "num_processes": .count { count, draft in
                draft.rankCount = count
                return (.honoured, "\(count) ranks: mpirun -n \(count)")
            },
            "num_machines": .count { count, draft in
                draft.machineCount = count
                return (.accepted, launch)
            },
            "machine_rank": .idle(launch), "gpu_ids": .idle("ranks compute on CPUs"),
            "main_process_ip": .idle(launch), "main_process_port": .idle(launch), "rdzv_backend": .idle(launch),
            "same_network": .idle(launch), "main_training_function": .idle("the recipe's trainer is started"),
            "use_cpu": .idle("ranks compute on CPUs"), "debug": .idle("collectives always check that they match"),
            "enable_cpu_affinity": .idle(launch),
            "mpirun_config": .section(["mpirun_hostfile": .idle(launch), "mpirun_ccl": .idle("oneCCL is not used")]),
            "dynamo_config": .idle("there is nothing to compile"), "dynamo_backend": .idle("there is nothing to compile"),
            "tpu_name": .idle(pods), "tpu_zone": .idle(pods), "tpu_use_cluster": .idle(pods), "tpu_use_sudo": .idle(pods),
            "command_file": .idle(pods), "commands": .idle(pods), "tpu_vm": .idle(pods), "tpu_env": .idle(pods),
            "downcast_bf16": .idle(pods),
        ]
    }

    private static func kind(_ name: String, _ draft: inout ImportDraft) -> KeyRule.Verdict? {
        switch name {
        case "NO":
            draft.rankCount = draft.rankCount ?? 1
            return (.honoured, "one rank")
        case "MULTI_CPU", "MULTI_GPU", "MULTI_NPU", "MULTI_MLU", "MULTI_SDAA", "MULTI_MUSA", "MULTI_XPU", "MULTI_HPU",
            "MULTI_NEURON":
            return (.honoured, "parallel.data.strategy: data, on CPUs")
        case "DEEPSPEED": return (.honoured, "see deepspeed_config")
        case "FSDP":
            // What FSDP does where nothing else is said.
            draft.impliedStrategy = .zero3
            return (.honoured, "see fsdp_config; whole weights nowhere unless it says otherwise: zero3")
        case "MEGATRON_LM": return (.honoured, "see megatron_lm_config")
        case "TP": return (.honoured, "see parallelism_config")
        case "XLA": return (.refused, "there are no TPUs")
        default: return nil
        }
    }

    private static var precision: [String: KeyRule] {
        let float16 = "float16 with a scaled loss does not exist here; mixed_precision: bf16 needs no scale"
        return [
            "mixed_precision": .value(auto: nil) { value, draft in
                if value.flag == false { return draft.set("model.precision", .string("float32")) }
                return switch value.string {
                case "bf16": draft.set("model.precision", .string("bfloat16"))
                case "fp16": (.refused, float16)
                case "fp8": (.refused, "products of 8 bits do not exist here")
                default: nil
                }
            },
            "fp16": .refusedIfTrue(float16),
            "fp8_config": .idle("used only with mixed_precision: fp8, which is refused"),
        ]
    }

    private static var deepSpeed: [String: KeyRule] {
        let launch = "forktail launch says where ranks are started"
        return [
            "deepspeed_config_file": .text { path, draft in
                draft.file = path
                return (.honoured, "its keys follow")
            },
            "zero_stage": DeepSpeedFile.stage,
            "offload_optimizer_device": DeepSpeedFile.device, "offload_param_device": DeepSpeedFile.device,
            "offload_optimizer_nvme_path": .idle("nothing is moved between devices"),
            "offload_param_nvme_path": .idle("nothing is moved between devices"),
            "gradient_accumulation_steps": .count(auto: "what batch.size, batch.micro and the data ranks leave") {
                count, draft in
                draft.batch.accumulation = count
                return (.honoured, "batch.size is that many batch.micro on each data rank")
            },
            "gradient_clipping": .number(auto: "the recipe's clip_grad_norm") { norm, draft in
                draft.set("clip_grad_norm", norm > 0 ? .double(norm) : .null)
            },
            "zero3_save_16bit_model": .idle("final/ is always a whole model"),
            "zero3_init_flag": .idle("a rank never holds more than its part of the model"),
            "deepspeed_multinode_launcher": .idle(launch), "deepspeed_hostfile": .idle(launch),
            "deepspeed_inclusion_filter": .idle(launch), "deepspeed_exclusion_filter": .idle(launch),
            "deepspeed_moe_layer_cls_names": .idle("the model knows its experts"),
        ]
    }

    private static var fsdp: [String: KeyRule] {
        let blocks = "the model's blocks are the units"
        let whole = "a rank reads its own part of the model's files"
        let strategy = KeyRule.value(auto: nil) { value, draft in sharding(value, &draft) }
        return [
            "fsdp_version": .idle("both versions ask for the same sums"),
            "fsdp_sharding_strategy": strategy, "fsdp_reshard_after_forward": strategy,
            "fsdp_offload_params": .idle("everything lies in the host's memory already"),
            "fsdp_auto_wrap_policy": .idle(blocks), "fsdp_transformer_layer_cls_to_wrap": .idle(blocks),
            "fsdp_min_num_params": .idle(blocks),
            "fsdp_backward_prefetch": .idle("parallel.data.prefetch blocks are gathered ahead, forward and backward"),
            "fsdp_forward_prefetch": .idle("parallel.data.prefetch blocks are gathered ahead, forward and backward"),
            "fsdp_state_dict_type": .idle("checkpoints load under every layout, and final/ is a whole model"),
            "fsdp_use_orig_params": .idle("parameters keep their names"),
            "fsdp_cpu_ram_efficient_loading": .idle(whole), "fsdp_sync_module_states": .idle(whole),
            "fsdp_activation_checkpointing": .flag { isOn, draft in
                isOn ? draft.set("activations.checkpoint", .string("block")) : (.accepted, "off")
            },
            "fsdp_activation_checkpointing_offload": .idle("everything lies in the host's memory already"),
        ]
    }

    /// Names, numbers from 1 in the order of the names, or whether weights are given back after forward.
    private static func sharding(_ value: JSONValue, _ draft: inout ImportDraft) -> KeyRule.Verdict? {
        let names = ["FULL_SHARD", "SHARD_GRAD_OP", "NO_SHARD", "HYBRID_SHARD", "HYBRID_SHARD_ZERO2"]
        let number = value.integer ?? value.string.flatMap { Int($0) }
        let name = number.flatMap { names.indices.contains($0 - 1) ? names[$0 - 1] : nil }
            ?? value.flag.map { $0 ? names[0] : names[1] } ?? value.string
        let strategy: ImportedLayout.DataStrategy
        switch name {
        case "FULL_SHARD", "HYBRID_SHARD": strategy = .zero3
        case "SHARD_GRAD_OP", "HYBRID_SHARD_ZERO2": strategy = .zero2
        case "NO_SHARD": strategy = .data
        default: return nil
        }
        draft.strategy = strategy
        draft.shardsWithinMachines = name?.hasPrefix("HYBRID") == true
        let note = "parallel.data.strategy: \(strategy.rawValue)"
        return (.honoured, draft.shardsWithinMachines ? note + ", within each machine" : note)
    }

    private static var tensorSize: KeyRule {
        .count { count, draft in
            draft.layout.tensorSize = count
            return (.honoured, "parallel.tensor.size: \(count)")
        }
    }

    private static var parallelism: [String: KeyRule] {
        [
            "dp_replicate_size": .count { count, draft in
                draft.replicaCount = count
                return (.honoured, "parallel.data has \(count) whole copies")
            },
            "dp_shard_size": .count { count, draft in
                draft.shardCount = count
                return (.honoured, "parallel.data.shard: \(count)")
            },
            "tp_size": tensorSize,
            "cp_size": .count { count, draft in draft.setContexts(count, .ring) },
            "sp_size": .count { count, draft in draft.setContexts(count, .ulysses) },
            "cp_backend": .idle("ranks of a ring hand keys and values on"),
            "cp_comm_strategy": .text { name, _ in
                ["allgather", "alltoall"].contains(name)
                    ? (.accepted, "keys and values go round (parallel.context.strategy: ring): the same sums") : nil
            },
            "sp_backend": .idle("heads are exchanged for tokens"),
            "sp_seq_length": .idle("sequence.length says it"),
            "sp_seq_length_is_variable": .idle("sequences may have any length up to sequence.length"),
            "sp_attn_implementation": .idle("there is one implementation"),
        ]
    }

    private static var megatron: [String: KeyRule] {
        [
            "tp_degree": tensorSize,
            "pp_degree": .count { count, draft in
                draft.layout.pipelineSize = count
                return (.honoured, "parallel.pipeline.size: \(count)")
            },
            "sequence_parallelism": .flag { isOn, draft in
                draft.layout.cutsSequence = isOn
                return (.honoured, "parallel.tensor.sequence: \(isOn)")
            },
            "num_micro_batches": .count { count, draft in
                draft.batch.accumulation = count
                return (.honoured, "batch.size is that many batch.micro on each data rank")
            },
            "recompute_activations": .flag { isOn, draft in
                draft.set("activations.checkpoint", .string(isOn ? "selective" : "none"))
            },
            "use_distributed_optimizer": .flag { isOn, draft in
                draft.strategy = isOn ? .zero1 : .data
                return (.honoured, "parallel.data.strategy: \(isOn ? "zero1" : "data")")
            },
            "gradient_clipping": .number { norm, draft in
                draft.set("clip_grad_norm", norm > 0 ? .double(norm) : .null)
            },
        ]
    }
}
