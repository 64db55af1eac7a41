import Core
public import PluginTestKit
import Random
public import Testing

// B batch, T tokens, S keys, H heads, K key/value heads, D head size, C width, N rows, V vocabulary

extension GradientCheckCase: CustomTestStringConvertible {
    public var testDescription: String { name }

    static var all: [GradientCheckCase] { elementwise + products + norms + attentions + scores + recomputations + quantized
        + experts }

    private static func integers(_ graph: Graph, _ values: [Int32], _ shape: [Int]? = nil) -> Tensor {
        graph.runtime.tensor(values, shape ?? [values.count])
    }

    private static var elementwise: [GradientCheckCase] {
        let unary: [(String, @Sendable (Symbol) -> Symbol)] = [
            ("negate", { -$0 }), ("exp", { $0.exp }), ("log", { ($0 * $0 + 0.5).log }), ("log1p", { ($0 * $0).log1p }),
            ("sqrt", { ($0 * $0 + 0.5).squareRoot }), ("tanh", { $0.tanh }), ("erf", { $0.erf }),
            ("abs", { $0.magnitude }), ("sign", { $0.sign * $0 }), ("reciprocal", { ($0 * $0 + 0.5).reciprocal }),
            ("sigmoid", { $0.sigmoid }), ("logSigmoid", { $0.logSigmoid }),
        ]
        let binary: [(String, @Sendable (Symbol, Symbol) -> Symbol)] = [
            ("add", { $0 + $1 }), ("subtract", { $0 - $1 }), ("multiply", { $0 * $1 }),
            ("divide", { $0 / ($1 * $1 + 0.5) }), ("maximum", { maximum($0, $1) }), ("minimum", { minimum($0, $1) }),
            ("select", { select($0 < $1, $0 * $0, $1 * 3) }), ("equal", { select($0 == $1, $0, $1 * $0) }),
            ("shared", { ($0 * $1).exp * ($0 * $1) + $0 }),
        ]
        let broadcasts: [(String, [Int], [Int])] = [
            ("row", [3, 4, 5], [5]), ("value a row", [3, 4, 5], [3, 4, 1]), ("middle", [3, 4, 5], [3, 1, 5]),
            ("single", [3, 4, 5], [1]), ("both", [3, 1, 5], [1, 4, 1]), ("empty", [0, 4], [4]),
        ]
        return unary.map { name, formula in
            GradientCheckCase("map \(name)", [[3, 5]]) { graph, x, _ in
                graph.map(Program(inputs: 1) { s, _ in [formula(s[0])] }, x)
            }
        } + binary.map { name, formula in
            GradientCheckCase("map \(name)", [[3, 5], [3, 5]]) { graph, x, _ in
                graph.map(Program(inputs: 2) { s, _ in [formula(s[0], s[1])] }, x)
            }
        } + broadcasts.map { name, a, b in
            GradientCheckCase("map broadcast \(name)", [a, b]) { graph, x, _ in
                graph.map(Program(inputs: 2) { s, _ in [s[0] * s[1] + s[1].tanh] }, x)
            }
        } + [
            GradientCheckCase("map with scalars and two outputs", [[4, 3], [4, 3]]) { graph, x, _ in
                let program = Program(inputs: 2, scalars: 2) { s, c in [s[0] * c[0] * s[1], s[0].exp * c[1] + s[1]] }
                return graph.map(program, x, scalars: [0.7, -1.3])
            },
            GradientCheckCase("map row softmax", [[4, 6]]) { graph, x, _ in
                let program = Program(inputs: 1) { s, _ in
                    let e = (s[0] - s[0].rowMax).exp
                    return [e / e.rowSum]
                }
                return graph.map(program, x)
            },
            GradientCheckCase("map row outputs", [[4, 6], [4, 1]]) { graph, x, _ in
                let program = Program(inputs: 2) { s, _ in
                    let total = (s[0] * s[0] * s[1]).rowSum
                    return [total.tanh, s[0] * total, s[0].rowMax + s[1]]
                }
                return graph.map(program, x, rowOutputs: [0, 2])
            },
            GradientCheckCase("map column", [[3, 4]]) { graph, x, _ in
                graph.map(Program(inputs: 1) { s, _ in [select(s[0].column < s[0].constant(2), s[0] * s[0], s[0])] }, x)
            },
            GradientCheckCase("map transposed view", [[4, 3]]) { graph, x, _ in
                let turned = graph.map(Program(inputs: 2) { s, _ in [s[0] * s[1]] }, [x[0], x[0]])[0]
                return [turned]
            },
            GradientCheckCase("map one output unused", [[3, 4]]) { graph, x, _ in
                [graph.map(Program(inputs: 1) { s, _ in [s[0].exp, s[0].tanh] }, x)[1]]
            },
            GradientCheckCase("add", [[3, 4], [3, 4]]) { graph, x, _ in [graph.add(x[0], x[1])] },
            GradientCheckCase("add broadcast", [[3, 4], [4]]) { graph, x, _ in [graph.add(x[0], x[1])] },
            GradientCheckCase("add itself", [[3, 4]]) { graph, x, _ in [graph.add(x[0], x[0])] },
            GradientCheckCase("gated", [[3, 4], [3, 4]]) { graph, x, _ in
                [graph.gated(.silu, gate: x[0], up: x[1])]
            },
            GradientCheckCase("gated halves", [[3, 2, 10]]) { graph, x, _ in [graph.gated(.silu, halves: x[0])] },
            GradientCheckCase("gated halves with gelu", [[3, 10]]) { graph, x, _ in [graph.gated(.gelu, halves: x[0])] },
            GradientCheckCase("dropout", [[6, 7]]) { graph, x, _ in
                [graph.dropout(x[0], rate: 0.4, source: Philox(seed: 5, stream: "dropout"), first: 3)]
            },
        ] + Activation.allCases.map { activation in
            GradientCheckCase("activation \(activation)", [[3, 5]]) { graph, x, _ in
                [graph.activation(activation, x[0])]
            }
        }
    }

    private static var products: [GradientCheckCase] {
        [
            GradientCheckCase("linear", [[2, 3, 4]], [[5, 4]]) { graph, x, w in [graph.linear(x[0], w[0])] },
            GradientCheckCase("linear with bias", [[2, 3, 4]], [[5, 4], [5]]) { graph, x, w in
                [graph.linear(x[0], w[0], bias: w[1])]
            },
            GradientCheckCase("linear transposed", [[3, 4]], [[4, 5], [5]]) { graph, x, w in
                [graph.linear(x[0], w[0], bias: w[1], isTransposed: true)]
            },
            GradientCheckCase("linear wide", [[37, 65]], [[130, 65], [130]]) { graph, x, w in
                [graph.linear(x[0], w[0], bias: w[1])]
            },
            GradientCheckCase("linear twice with one weight", [[3, 4]], [[4, 4]]) { graph, x, w in
                [graph.linear(graph.linear(x[0], w[0]), w[0])]
            },
            GradientCheckCase("embedding", [], [[7, 3]]) { graph, _, w in
                [graph.embedding(integers(graph, [1, 6, 1, 0, 3, 1], [2, 3]), w[0])]
            },
            GradientCheckCase("rows", [[5, 3]]) { graph, x, _ in
                [graph.rows(x[0], at: integers(graph, [4, 0, 4, 2]))]
            },
            GradientCheckCase("sums", [[6, 3]]) { graph, x, _ in
                [graph.sums(x[0], by: integers(graph, [2, 0, -1, 2, 1, 0]), count: 4)]
            },
            GradientCheckCase("split", [[2, 3, 9]]) { graph, x, _ in graph.split(x[0], into: [4, 2, 3]) },
            GradientCheckCase("split partly used", [[2, 3, 9]]) { graph, x, _ in
                [graph.split(x[0], into: [4, 2, 3])[1]]
            },
        ]
    }

    private static var norms: [GradientCheckCase] {
        [
            GradientCheckCase("rms norm", [[2, 3, 6]], [[6]]) { graph, x, w in
                [graph.rmsNorm(x[0], w[0], epsilon: 1e-5)]
            },
            GradientCheckCase("rms norm of heads", [[2, 3, 2, 16]], [[16]]) { graph, x, w in
                [graph.rmsNorm(x[0], w[0], epsilon: 1e-6)]
            },
            GradientCheckCase("rms norm wide", [[33, 257]], [[257]]) { graph, x, w in
                [graph.rmsNorm(x[0], w[0], epsilon: 1e-5)]
            },
            GradientCheckCase("rms norm and its input", [[2, 3, 6]], [[6]]) { graph, x, w in
                let (norm, input) = graph.normAndInput(x[0], w[0], epsilon: 1e-5)
                return [graph.add(norm, input), input]
            },
            GradientCheckCase("layer norm and its input", [[2, 3, 6]], [[6], [6]]) { graph, x, w in
                let (norm, input) = graph.normAndInput(x[0], w[0], bias: w[1], epsilon: 1e-5)
                return [graph.add(norm, input)]
            },
            GradientCheckCase("the input of a norm", [[2, 3, 6]], [[6]]) { graph, x, w in
                [graph.normAndInput(x[0], w[0], epsilon: 1e-5).input]
            },
            GradientCheckCase("layer norm", [[2, 3, 6]], [[6], [6]]) { graph, x, w in
                [graph.layerNorm(x[0], w[0], w[1], epsilon: 1e-5)]
            },
            GradientCheckCase("layer norm wide", [[33, 257]], [[257], [257]]) { graph, x, w in
                [graph.layerNorm(x[0], w[0], w[1], epsilon: 1e-5)]
            },
        ]
    }

    private static var attentions: [GradientCheckCase] {
        func attention(
            _ name: String, b: Int = 2, t: Int = 5, s: Int? = nil, h: Int = 2, k: Int = 2, d: Int = 4,
            _ mask: @escaping @Sendable (Graph) -> AttentionMask = { _ in AttentionMask() }
        ) -> GradientCheckCase {
            let keys = [b, s ?? t, k, d]
            return GradientCheckCase("attention \(name)", [[b, t, h, d], keys, keys]) { graph, x, _ in
                [graph.attention(x[0], x[1], x[2], scale: 0.6, mask: mask(graph))]
            }
        }
        func sideBySide(_ name: String, t: Int = 5, h: Int, k: Int, window: Int? = nil) -> GradientCheckCase {
            GradientCheckCase("attention side by side \(name)", [[2, t, h + 2 * k, 4]]) { graph, x, _ in
                let (cosine, sine) = Rope(theta: 100, dimCount: 4).tables(count: t, x[0].dtype, graph.runtime)
                let positions = integers(graph, (0..<2 * t).map { Int32($0 % t) }, [2, t])
                // A tensor that nobody else reads.
                let own = graph.add(x[0], x[0])
                return [
                    graph.attention(
                        sideBySide: own, keyValueHeads: k, scale: 0.6, mask: AttentionMask(window: window),
                        rotation: Rotation(cosine: cosine, sine: sine, positions: positions))
                ]
            }
        }
        func rotary(_ name: String, dims: Int) -> GradientCheckCase {
            GradientCheckCase("rotary \(name)", [[2, 3, 2, 6]]) { graph, x, _ in
                let rope = Rope(theta: 100, dimCount: dims)
                let (cosine, sine) = rope.tables(count: 9, x[0].dtype, graph.runtime)
                let positions = integers(graph, [0, 1, 2, 5, 8, 3], [2, 3])
                return [graph.rotary(x[0], cosine: cosine, sine: sine, positions: positions)]
            }
        }
        return [
            attention("plain"), attention("one token", t: 1), attention("grouped heads", h: 6, k: 2),
            attention("window") { _ in AttentionMask(window: 2) },
            attention("keys before the queries", t: 3, s: 7),
            attention("query starts", t: 3, s: 8) { graph in
                AttentionMask(queryStart: integers(graph, [0, 5]))
            },
            attention("documents", t: 6) { graph in
                AttentionMask(documentStart: integers(graph, [0, 0, 2, 2, 2, 5, 0, 1, 1, 3, 3, 3], [2, 6]))
            },
            attention("documents, window and groups", t: 6, h: 4, k: 1) { graph in
                AttentionMask(window: 2, documentStart: integers(graph, [0, 0, 2, 2, 2, 5, 0, 1, 1, 3, 3, 3], [2, 6]))
            },
            attention("long", b: 1, t: 150, h: 4, k: 2, d: 16),
            attention("long with a window", b: 1, t: 150, h: 2, k: 2, d: 16) { _ in AttentionMask(window: 40) },
            sideBySide("plain", h: 2, k: 2), sideBySide("grouped", h: 4, k: 2), sideBySide("one", t: 1, h: 1, k: 1),
            sideBySide("window", t: 7, h: 3, k: 1, window: 2),
            rotary("whole heads", dims: 6), rotary("a part of heads", dims: 4),
        ]
    }

    private static var scores: [GradientCheckCase] {
        func score(
            _ name: String, n: Int = 5, c: Int = 4, v: Int = 7, temperature: Double = 1, softcap: Double? = nil,
            outputs: @escaping @Sendable (HeadScores) -> [Tensor] = {
                [$0.logProb, $0.logSumExp, $0.meanLogProb, $0.entropy]
            }
        ) -> GradientCheckCase {
            GradientCheckCase("score \(name)", [[n, c]], [[v, c]]) { graph, x, w in
                let targets = (0..<n).map { $0 % 5 == 3 ? Int32(-1) : Int32(($0 * 3) % v) }
                let scores = graph.score(
                    x[0], head: w[0], targets: integers(graph, targets), temperature: temperature, softcap: softcap)
                return outputs(scores)
            }
        }
        return [
            score("all outputs"), score("log-probability") { [$0.logProb] },
            score("log of sums") { [$0.logSumExp] }, score("mean log-probability") { [$0.meanLogProb] },
            score("entropy") { [$0.entropy] }, score("temperature", temperature: 0.7),
            score("soft cap", softcap: 2), score("soft cap and temperature", temperature: 1.5, softcap: 3),
            score("several chunks", n: 300, c: 8, v: 33),
            GradientCheckCase("score after a layer", [[3, 4]], [[6, 4], [5, 6]]) { graph, x, w in
                let hidden = graph.linear(x[0], w[0])
                return [graph.score(hidden, head: w[1], targets: integers(graph, [4, 0, 2])).logProb]
            },
        ]
    }

    private static var recomputations: [GradientCheckCase] {
        [
            GradientCheckCase("recomputed", [[3, 4], [3, 4]], [[4, 4], [4]]) { graph, x, w in
                graph.recomputed(x) { graph, x in
                    let y = graph.rmsNorm(graph.activation(.silu, graph.linear(x[0], w[0])), w[1], epsilon: 1e-5)
                    return [graph.add(y, x[1]), graph.gated(.gelu, gate: y, up: x[1])]
                }
            },
            GradientCheckCase("recomputed with dropout", [[6, 4]], [[4, 4]]) { graph, x, w in
                graph.recomputed(x) { graph, x in
                    [graph.dropout(graph.linear(x[0], w[0]), rate: 0.3, source: Philox(seed: 1, stream: "d"))]
                }
            },
            GradientCheckCase("recomputed of a constant", [], [[4, 4]]) { graph, _, w in
                let x = graph.runtime.full([3, 4], w[0].value.dtype, 0.3)
                return graph.recomputed([x]) { graph, x in [graph.activation(.silu, graph.linear(x[0], w[0]))] }
            },
            GradientCheckCase("recomputed after a layer", [[3, 4]], [[4, 4]]) { graph, x, w in
                graph.recomputed([graph.linear(x[0], w[0])]) { graph, x in [graph.activation(.silu, x[0])] }
            },
            GradientCheckCase("recomputed twice", [[3, 4]], [[4, 4]]) { graph, x, w in
                graph.recomputed(x) { graph, x in
                    graph.recomputed([graph.linear(x[0], w[0])]) { graph, x in
                        [graph.activation(.relu, graph.linear(x[0], w[0]))]
                    }
                }
            },
        ]
    }
}
