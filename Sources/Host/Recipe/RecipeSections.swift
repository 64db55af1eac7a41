import JSON
import PluginAPI

/// `model:`
struct ModelSection: PluginConfig {
    var path: String?
    var precision = "float32"
    var freeze: [String] = []

    static let template = ModelSection()
    static let help = [
        "path": "a Hugging Face directory (config.json and *.safetensors) to start from",
        "config": "in place of path: a config.json (file or its keys), weights from the seed",
        "precision": "float32 | bfloat16 (float32 master weights) | bfloat16-pure | float64 (reference, slow)",
        "freeze": "patterns of parameter names that are not trained; * stands for anything",
    ]
}

/// `objective:`
struct ObjectiveSection: PluginConfig {
    var zLoss = 0.0
    var softcap: Double?
    var labelSmoothing = 0.0
    var routerBalance: Double?
    var routerZLoss = 0.0

    enum CodingKeys: String, CodingKey {
        case zLoss = "z_loss"
        case softcap
        case labelSmoothing = "label_smoothing"
        case routerBalance = "router_balance"
        case routerZLoss = "router_z_loss"
    }

    static let template = ObjectiveSection()
    static let help = [
        "z_loss": "coefficient of the mean squared log-sum-exp of the logits",
        "softcap": "logits become cap * tanh(logits / cap); null = not capped",
        "label_smoothing": "share of the target's probability spread over the vocabulary, 0...1",
        "router_balance": "coefficient of the balancing loss of experts; null = as config.json says",
        "router_z_loss": "coefficient of the mean squared log-sum-exp of the routers' logits",
    ]

    var settings: ObjectiveSettings {
        ObjectiveSettings(
            zLoss: zLoss, softcap: softcap, labelSmoothing: labelSmoothing, routerBalance: routerBalance,
            routerZLoss: routerZLoss)
    }
}

/// The part of `optimizer:` that every optimizer has.
struct OptimizerSection: PluginConfig {
    struct Rule: Codable, Sendable {
        var match: String
        var lr: Double?
        var weightDecay: Double?

        enum CodingKeys: String, CodingKey {
            case match, lr
            case weightDecay = "weight_decay"
        }
    }

    var lr = 1e-3
    var weightDecay = 0.0
    var decay = "matrices"
    var states = "float32"
    var groups: [Rule] = []

    enum CodingKeys: String, CodingKey {
        case lr, decay, states, groups
        case weightDecay = "weight_decay"
    }

    static let template = OptimizerSection()
    static let help = [
        "lr": "learning rate, before schedule and warm-up",
        "weight_decay": "decoupled weight decay",
        "decay": "what decays: matrices (two dims or more) | all",
        "states": "what the optimizer's states are kept in: float32 | bfloat16 | 8bit",
        "groups": "rules [{match: PATTERN, lr:, weight_decay:}]; the last that matches a name wins",
    ]
}

/// The part of `scheduler:` that every scheduler has.
struct SchedulerSection: PluginConfig {
    var warmupSteps = 0

    enum CodingKeys: String, CodingKey { case warmupSteps = "warmup_steps" }

    static let template = SchedulerSection()
    static let help = ["warmup_steps": "optimizer steps in which the learning rate rises linearly from 0"]
}

/// `batch:`
struct BatchSection: PluginConfig {
    var size = 8
    var micro: Int?
    var passes = 1

    static let template = BatchSection()
    static let help = [
        "size": "samples of one optimizer step over all data ranks",
        "micro": "samples of one micro-batch of one rank; size when absent",
        "passes": "optimizer steps on one experience (RL)",
    ]
}

/// `sequence:`
struct SequenceSection: PluginConfig {
    var length = 1024
    var pack = false

    static let template = SequenceSection()
    static let help = [
        "length": "longest sequence, tokens",
        "pack": "whether short documents share a sequence; attention never crosses them",
    ]
}

/// `activations:`
struct ActivationSection: PluginConfig {
    var checkpoint = "none"

    static let template = ActivationSection()
    static let help = [
        "checkpoint": "none | selective: recompute in backward what is cheap | block: recompute each block"
    ]
}

/// `checkpoint:`
struct CheckpointSection: PluginConfig {
    var every = 0
    var keep = 3

    static let template = CheckpointSection()
    static let help = [
        "every": "optimizer steps between checkpoints; 0 = only when asked to stop",
        "keep": "newest checkpoints that are kept",
    ]
}

/// `evaluation:`
struct EvaluationSection: PluginConfig {
    var every = 0

    static let template = EvaluationSection()
    static let help = ["every": "optimizer steps between evaluations on data.validation; 0 = never"]
}

/// `plugins:`
struct PluginsSection: PluginConfig {
    var paths: [String] = []
    var workspace = ""
    var use: [String] = []
    var block: [String] = []

    static let template = PluginsSection()
    static let help = [
        "paths": "plugin files or directories to load (see forktail plugins build)",
        "workspace": "a workspace file; its plugins are loaded as forktail plugins sync built them",
        "use": "ids of plugins that may replace others",
        "block": "ids of plugins that must not be used",
    ]
}
