import Core
import PluginTestKit

// N tokens, k experts of a token, E experts, C width, F hidden features

extension GradientCheckCase {
    static var experts: [GradientCheckCase] {
        [
            GradientCheckCase("dispatch", [[5, 3]]) { graph, x, _ in
                let routes = routes(graph, 5, 2, 4)
                return [graph.dispatch(x[0], routes)]
            },
            GradientCheckCase("products of experts", [[10, 3]], [[6, 3], [6, 3], [6, 3], [6, 3]]) { graph, x, w in
                [graph.linear(x[0], w, experts: routes(graph, 5, 2, 4).experts)]
            },
            GradientCheckCase("products of experts in any order", [[6, 3]], [[5, 3], [5, 3], [5, 3]]) { graph, x, w in
                [graph.linear(x[0], w, experts: graph.runtime.tensor([2, 0, 2, 2, 0, 1] as [Int32], [6]))]
            },
            GradientCheckCase("combine", [[10, 3], [5, 2]]) { graph, x, _ in
                [graph.combine(x[0], weights: x[1], routes(graph, 5, 2, 4))]
            },
            GradientCheckCase("combine of one expert", [[4, 3], [4, 1]]) { graph, x, _ in
                [graph.combine(x[0], weights: x[1], routes(graph, 4, 1, 3))]
            },
            routing("normalised", normalizes: true), routing("as they are", normalizes: false),
            mixture(tokens: 5, each: 2, experts: 4, width: 3, hidden: 6),
        ]
    }

    /// Shapes that cross the kernels' blocks, with experts that no token goes to.
    static var manyExperts: [GradientCheckCase] {
        [(0, 2, 4, 8, 8), (1, 1, 1, 1, 1), (300, 3, 7, 65, 34), (700, 1, 3, 64, 128), (90, 8, 64, 16, 48)].map {
            mixture(tokens: $0.0, each: $0.1, experts: $0.2, width: $0.3, hidden: $0.4)
        }
    }

    private static func mixture(tokens: Int, each: Int, experts: Int, width: Int, hidden: Int) -> GradientCheckCase {
        let weights = [[Int]](repeating: [2 * hidden, width], count: experts)
            + [[Int]](repeating: [width, hidden], count: experts)
        return GradientCheckCase(
            "\(tokens) tokens to \(each) of \(experts) experts", [[tokens, width], [tokens, each]], weights
        ) { graph, x, w in
            let routes = routes(graph, tokens, each, experts)
            let rows = graph.linear(graph.dispatch(x[0], routes), Array(w.prefix(experts)), experts: routes.experts)
            let results = graph.linear(
                graph.gated(.silu, halves: rows), Array(w.suffix(experts)), experts: routes.experts)
            return [graph.combine(results, weights: x[1], routes)]
        }
    }

    /// The weights and sums of a router. A step of the check must not change a choice, so logits are far apart.
    private static func routing(_ name: String, normalizes: Bool) -> GradientCheckCase {
        GradientCheckCase("weights of experts, \(name)", [[6, 5]]) { graph, x, _ in
            let apart = graph.runtime.tensor((0..<30).map { Double(($0 * 7) % 5) * 8 - 16 }, [6, 5], x[0].dtype)
            let logits = graph.map(Program(inputs: 2) { s, _ in [s[0] * 0.5 + s[1] * 0.2] }, [x[0], apart])[0]
            let routing = ExpertRouting(
                graph, logits: logits, .init(count: 5, perToken: 3, width: 1, normalizesWeights: normalizes))
            let sums = RouterSums(graph, routing)
            return [routing.weights, sums.balance(graph), sums.squares]
        }
    }

    /// Experts by a rule that leaves some without tokens.
    private static func routes(_ graph: Graph, _ tokens: Int, _ each: Int, _ experts: Int) -> TokenRoutes {
        let choices = (0..<tokens).flatMap { token in
            (0..<each).map { Int32((token * token + token / 3 + $0) % experts) }
        }
        return TokenRoutes(graph.runtime.tensor(choices, [tokens, each]), expertCount: experts)
    }
}
