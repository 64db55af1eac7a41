import Core
import PluginTestKit
import Random

extension GradientCheckCase {
    static var quantized: [GradientCheckCase] {
        QuantizedMatrix.Format.allCases.flatMap { format in
            [
                GradientCheckCase("\(format) linear", [[2, 3, 70]]) { graph, x, _ in
                    [graph.quantizedLinear(x[0], weights(graph.runtime, [5, 70], format))]
                },
                GradientCheckCase("\(format) linear with bias, many rows", [[40, 65]], [[300]]) { graph, x, w in
                    [graph.quantizedLinear(x[0], weights(graph.runtime, [300, 65], format), bias: w[0])]
                },
            ]
        }
    }

    private static func weights(
        _ runtime: Runtime, _ shape: [Int], _ format: QuantizedMatrix.Format
    ) -> QuantizedMatrix {
        let source = Philox(seed: 2, stream: "frozen")
        let values = (0..<shape[0] * shape[1]).map { Float(source.normal(at: UInt64($0))) }
        return runtime.quantized(runtime.tensor(values, shape).view, format)
    }
}
