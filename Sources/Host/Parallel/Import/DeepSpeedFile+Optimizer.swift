import JSON
import PluginAPI

extension DeepSpeedFile {
    /// `optimizer`
    static var optimizer: KeyRule {
        .custom { value, path, draft in
            let name = value["type"]?.string ?? ""
            let rules: [String: KeyRule]
            switch name.lowercased() {
            case "adam", "adamw", "fusedadam", "deepspeedcpuadam":
                rules = adam
                draft.set("optimizer.name", .string("adamw"))
            case "lion", "fusedlion", "deepspeedcpulion":
                rules = shared.merging(betas) { $1 }
                draft.set("optimizer.name", .string("lion"))
            case "sgd":
                rules = shared.merging(sgd) { $1 }
                draft.set("optimizer.name", .string("sgd"))
            default:
                refuseOptimizer(value, name, path, &draft)
                return
            }
            let own = draft.recipe["optimizer"]?["name"]?.string ?? ""
            draft.read(
                value,
                [
                    "type": .whole((.honoured, "optimizer.name: \(own)")), "params": .section(rules),
                    "legacy_fusion": .idle("there is one implementation"),
                ],
                at: path)
            // Every parameter decays, which is only the default of other tools.
            if let decay = draft.recipe["optimizer"]?["weight_decay"]?.double, decay > 0 {
                draft.set("optimizer.decay", .string("all"))
            }
        }
    }

    private static func refuseOptimizer(
        _ value: JSONValue, _ name: String, _ path: String, _ draft: inout ImportDraft
    ) {
        let compressed = ["onebitadam", "zerooneadam", "onebitlamb"]
        let others = ["adagrad", "lamb", "muadam", "muadamw", "musgd", "muon"]
        let known = ["AdamW", "Adam", "Lion", "SGD"]
        if compressed.contains(name.lowercased()) {
            let note = "\(name) rounds gradients to one bit, which changes results; AdamW is exact"
            draft.record(value, at: path, (.refused, note))
        } else if others.contains(name.lowercased()) {
            draft.record(value, at: path, (.refused, "no optimizer here has the update of \(name)"))
        } else {
            let near = NearestName.of(name, in: known).map { "; did you mean '\($0)'?" } ?? ""
            draft.problems.append(
                InputProblem("\(path).type", "found '\(name)', expected \(known.joined(separator: " | "))\(near)"))
        }
    }

    private static var shared: [String: KeyRule] {
        let same = "there is one implementation"
        return [
            "lr": .number(auto: "the recipe's optimizer.lr") { $1.set("optimizer.lr", .double($0)) },
            "weight_decay": .number(auto: "the recipe's optimizer.weight_decay") {
                $1.set("optimizer.weight_decay", .double($0))
            },
            "fused": .idle(same), "foreach": .idle(same), "capturable": .idle(same), "differentiable": .idle(same),
            "maximize": .refusedIfTrue("losses are minimised"),
        ]
    }

    private static var betas: [String: KeyRule] {
        [
            "betas": .value(auto: "the recipe's optimizer.betas") { value, draft in
                value.array?.count == 2 ? draft.set("optimizer.betas", value) : nil
            }
        ]
    }

    private static var adam: [String: KeyRule] {
        let own: [String: KeyRule] = [
            "eps": .number(auto: "the recipe's optimizer.eps") { $1.set("optimizer.eps", .double($0)) },
            "torch_adam": .idle("there is one implementation"),
            "adam_w_mode": .flag { isOn, _ in
                isOn ? (.honoured, "optimizer.name: adamw") : (.refused, "decay inside of the gradient does not exist here")
            },
            "bias_correction": .flag { isOn, _ in
                isOn ? (.honoured, "adamw always corrects") : (.refused, "adamw always corrects its running means")
            },
            "amsgrad": .refusedIfTrue("adamw keeps no largest mean square"),
            "fp32_optimizer_states": .flag { isOn, draft in
                draft.set("optimizer.states", .string(isOn ? "float32" : "bfloat16"))
            },
        ]
        return shared.merging(betas) { $1 }.merging(own) { $1 }
    }

    private static var sgd: [String: KeyRule] {
        [
            "momentum": .number { $1.set("optimizer.momentum", .double($0)) },
            "dampening": .number { $1.set("optimizer.dampening", .double($0)) },
            "nesterov": .flag { $1.set("optimizer.nesterov", .bool($0)) },
        ]
    }

    /// `scheduler`
    ///
    /// DeepSpeed's learning rate rises two steps later: its step k from 0 has (k - 1) / warmup_num_steps of it, here
    /// (k + 1) / warmup_steps. Its linear fall is one step later, its cosine the same.
    static var scheduler: KeyRule {
        .custom { value, path, draft in
            let name = value["type"]?.string ?? ""
            let rules: [String: KeyRule]
            let own: String
            switch name {
            case "WarmupLR": (own, rules) = ("constant", warmup.merging(rates) { $1 })
            case "WarmupDecayLR": (own, rules) = ("linear", warmup.merging(rates) { $1 }.merging(length) { $1 })
            case "WarmupCosineLR": (own, rules) = ("cosine", warmup.merging(cosine) { $1 }.merging(length) { $1 })
            case "OneCycle", "LRRangeTest":
                draft.record(value, at: path, (.refused, "no scheduler here has the shape of \(name)"))
                return
            default:
                let known = ["WarmupLR", "WarmupDecayLR", "WarmupCosineLR"]
                let near = NearestName.of(name, in: known).map { "; did you mean '\($0)'?" } ?? ""
                draft.problems.append(
                    InputProblem("\(path).type", "found '\(name)', expected \(known.joined(separator: " | "))\(near)"))
                return
            }
            var verdict = draft.set("scheduler.name", .string(own))
            if own == "linear" { verdict.note += "; it falls one step earlier than DeepSpeed's" }
            draft.read(value, ["type": .whole(verdict), "params": .section(rules)], at: path)
            let parameters = value["params"]
            // What DeepSpeed takes where nothing is said.
            let steps = parameters?["warmup_num_steps"]
            let place = "\(path).params"
            if steps == nil {
                draft.set("scheduler.warmup_steps", .integer(1000))
                draft.assume("\(place).warmup_num_steps", "absent: scheduler.warmup_steps: 1000, DeepSpeed's own")
            }
            if parameters?["warmup_type"] == nil, steps != .string("auto"), (steps?.double ?? 1000) > 1 {
                draft.record(.null, at: "\(place).warmup_type", (.refused, "absent: it is log then, and " + logarithmic))
            }
            if name == "WarmupDecayLR", parameters?["warmup_max_lr"] == nil {
                draft.peakRate = .double(0.001)
                draft.assume("\(place).warmup_max_lr", "absent: optimizer.lr: 0.001, DeepSpeed's own")
            }
            if name == "WarmupCosineLR", parameters?["cos_min_ratio"] == nil {
                draft.set("scheduler.min_ratio", .double(0.0001))
                draft.assume("\(place).cos_min_ratio", "absent: scheduler.min_ratio: 0.0001, DeepSpeed's own")
            }
        }
    }

    private static let logarithmic = "warm-up here is linear; write \"warmup_type\": \"linear\" if that is wanted"

    private static var warmup: [String: KeyRule] {
        [
            "warmup_num_steps": .count(auto: "the recipe's scheduler.warmup_steps", least: 0) { count, draft in
                draft.set("scheduler.warmup_steps", .integer(count))
                return (.honoured, "scheduler.warmup_steps: \(count); it begins two steps earlier than DeepSpeed's")
            },
            "warmup_type": .text { name, _ in
                switch name {
                case "linear": (.honoured, "warm-up is linear")
                case "log": (.refused, logarithmic)
                default: nil
                }
            },
            "last_batch_iteration": .number { number, _ in
                number == -1 ? (.accepted, "from the start") : (.refused, "a schedule begins with its run; --resume goes on")
            },
        ]
    }

    private static var rates: [String: KeyRule] {
        [
            "warmup_min_lr": .number(auto: "0") { rate, _ in
                rate == 0 ? (.honoured, "warm-up begins near 0") : (.refused, "warm-up here begins near 0, not at \(rate)")
            },
            "warmup_max_lr": .number(auto: "the recipe's optimizer.lr") { rate, draft in
                draft.peakRate = .double(rate)
                return (.honoured, "optimizer.lr: \(rate), whatever the optimizer's own says")
            },
        ]
    }

    private static var length: [String: KeyRule] {
        [
            "total_num_steps": .count(auto: "the recipe's steps") { $1.set("steps", .integer($0)) }
        ]
    }

    private static var cosine: [String: KeyRule] {
        [
            "warmup_min_ratio": .number { ratio, _ in
                ratio == 0
                    ? (.honoured, "warm-up begins near 0")
                    : (.refused, "warm-up here begins near 0, not at \(ratio) of the rate")
            },
            "cos_min_ratio": .number { $1.set("scheduler.min_ratio", .double($0)) },
        ]
    }
}
