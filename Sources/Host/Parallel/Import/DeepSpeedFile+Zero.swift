import JSON
import PluginAPI

extension DeepSpeedFile {
    /// `zero_optimization`
    static var zero: KeyRule {
        .custom { value, path, draft in
            // True is the old way to write stage 1.
            if let isOn = value.bool {
                draft.strategy = isOn ? .zero1 : .data
                draft.record(value, at: path, (.honoured, "parallel.data.strategy: \(isOn ? "zero1" : "data")"))
            } else if case .object = value {
                // DeepSpeed takes the keys of stage 3 without their prefix too.
                let short = zeroKeys.filter { $0.key.hasPrefix("stage3_") }.map { (String($0.key.dropFirst(7)), $0.value) }
                draft.read(value, zeroKeys.merging(short) { own, _ in own }, at: path)
            } else {
                draft.problems.append(.init(path, "found \(value.text), expected keys"))
            }
        }
    }

    /// A ZeRO stage as a strategy of the data axis.
    static var stage: KeyRule {
        .count(least: 0) { stage, draft in
            let strategies = ImportedLayout.DataStrategy.allCases
            guard strategies.indices.contains(stage) else { return (.refused, "there are stages 0 to 3") }
            draft.strategy = strategies[stage]
            return (.honoured, "parallel.data.strategy: \(strategies[stage].rawValue)")
        }
    }

    private static var zeroKeys: [String: KeyRule] {
        let buckets = "gradients and weights travel block by block"
        let memory = "a block's weights are given back as soon as it is done"
        let unrounded = "what is exchanged is exchanged unrounded: nearer to one process than the file asks for"
        let save = "final/ is always a whole model"
        let pinned = "no memory is pinned"
        return [
            "stage": stage,
            "contiguous_gradients": .idle("gradients of a block always lie in one buffer"),
            "reduce_scatter": .idle("the sums are the same"),
            "reduce_bucket_size": .idle(buckets), "use_multi_rank_bucket_allreduce": .idle(buckets),
            "allgather_partitions": .idle(buckets), "allgather_bucket_size": .idle(buckets),
            "overlap_comm": .idle("blocks travel while others are computed"),
            "load_from_fp32_weights": .idle("masters are read as they are stored"),
            "elastic_checkpoint": .idle("every checkpoint loads under every layout"),
            "offload_param": .section(offload), "offload_optimizer": .section(offload),
            "sub_group_size": .idle("the update runs over each block"),
            "stage3_prefetch_bucket_size": .count(auto: "parallel.data.prefetch: 1", least: 0) { count, draft in
                draft.layout.prefetch = min(1, count)
                return (.honoured, "parallel.data.prefetch: \(min(1, count)) block ahead")
            },
            "stage3_param_persistence_threshold": .idle("small parameters travel with their block"),
            "stage3_model_persistence_threshold": .idle("small parameters travel with their block"),
            "stage3_max_live_parameters": .idle(memory), "stage3_max_reuse_distance": .idle(memory),
            "stage3_gather_16bit_weights_on_model_save": .idle(save),
            "stage3_gather_fp16_weights_on_model_save": .idle(save),
            "stage3_module_granularity_threshold": .idle(buckets),
            "stage3_use_all_reduce_for_fetch_params": .idle(buckets), "stage3_allgather_sequential": .idle(buckets),
            "zero_hpz_partition_size": shard("states are cut over these ranks too, which takes more memory"),
            "zero_quantized_weights": .idle(unrounded), "zero_quantized_nontrainable_weights": .idle(unrounded),
            "zero_quantized_gradients": .idle(unrounded), "zeropp_loco_param": .idle(unrounded),
            "mics_shard_size": shard("and sums between the groups"),
            "mics_hierarchical_params_gather": .idle(buckets),
            "round_robin_gradients": .idle("copies to host memory do not exist here"),
            "ignore_unused_parameters": .idle("a parameter without a gradient has one of zeros"),
            "legacy_stage1": .idle("there is one implementation"),
            "memory_efficient_linear": .idle("there is one implementation"),
            "override_module_apply": .idle("initial weights are the same bits in every layout"),
            "pipeline_loading_checkpoint": .idle("each rank reads its own part"),
            "log_trace_cache_warnings": .idle("nothing is traced"),
            "enable_sanity_checks": .idle("ranks compare their parts before the first step"),
            "save_muon_momentum_buffer_in_memory": .idle("states are where the optimizer keeps them"),
            "leaf_module": .idle("blocks are the units"),
            "zenflow": .custom { value, path, draft in
                draft.record(
                    value, at: path,
                    value == .null ? (.accepted, "off") : (.refused, "updates that lag behind change results"))
            },
            "cpu_offload": .flag { isOn, _ in (.accepted, isOn ? host : "off") },
            "cpu_offload_param": .flag { isOn, _ in (.accepted, isOn ? host : "off") },
            "cpu_offload_params": .flag { isOn, _ in (.accepted, isOn ? host : "off") },
            "cpu_offload_use_pin_memory": .idle(pinned),
        ]
    }

    private static let host = "everything lies in the host's memory already"

    /// Where tensors are offloaded to.
    static var device: KeyRule {
        .text(auto: "none") { name, _ in
            switch name {
            case "none": (.accepted, "off")
            case "cpu": (.accepted, host)
            case "nvme": (.refused, "tensors cannot lie on a disk; zero3 over more ranks takes less memory")
            default: nil
            }
        }
    }

    private static var offload: [String: KeyRule] {
        let transfers = "nothing is moved between devices"
        var rules = Dictionary(
            uniqueKeysWithValues: [
                "nvme_path", "buffer_count", "buffer_size", "max_in_cpu", "pin_memory", "pipeline", "pipeline_read",
                "pipeline_write", "fast_init", "ratio", "super_offload", "cpuadam_cores_perc",
            ].map { ($0, KeyRule.idle(transfers)) })
        rules["device"] = device
        return rules
    }

    /// Ranks that share one copy; a number below 2 asks for nothing.
    private static func shard(_ note: String) -> KeyRule {
        .number { number, draft in
            guard number > 1, let count = Int(exactly: number) else { return (.accepted, "off") }
            draft.layout.shard = count
            return (.honoured, "parallel.data.shard: \(count), \(note)")
        }
    }
}
