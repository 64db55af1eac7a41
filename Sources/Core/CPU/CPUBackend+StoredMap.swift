import CKernels
import Random

extension CPUBackend {
    func supports(_ map: StoredMap) -> Bool {
        (map.inputs + map.outputs).allSatisfy { $0.view?.dtype.isSingle ?? true }
    }

    func storedMap(_ map: StoredMap) {
        let count = map.elementCount
        if count == 0 { return }
        let key = CompiledProgram.Key(program: map.program, inputs: map.inputs.map { _ in .full })
        let code = compiled[key] ?? CompiledProgram(key)
        compiled[key] = code
        let uniforms = code.uniforms(scalars: map.scalars, columns: count) { _ in
            preconditionFailure("stored map: every input has a number for each element")
        }
        // Whole blocks, few enough that decoded arrays and registers stay in the caches of a core.
        let tileSize = code.fullCount > 10 ? 512 : 1024

        var views: [ck_map_view] = []
        var inputs: [ck_stored] = []
        for (index, input) in map.inputs.enumerated() {
            guard let register = code.register(ofInput: index) else { continue }
            let stored = CPUBackend.describe(input)
            let isFloats = stored.scales != nil || stored.type == DType.float32.code
            views.append(
                CPUBackend.view(stored, register, direct: isFloats && !code.isOutput(input: index) ? 1 : 0))
            inputs.append(stored)
        }
        let outputs = map.outputs.map(CPUBackend.describe)
        let results = zip(outputs, map.program.outputs).map { CPUBackend.view($0, code.values[$1], direct: 1) }

        var call = ck_map()
        call.instruction_count = Int32(code.instructions.count)
        call.input_count = Int32(inputs.count)
        call.output_count = Int32(outputs.count)
        call.full_count = code.fullCount
        call.full_size = Int64(tileSize)
        let perWorker = (Int(code.fullCount) + inputs.count + outputs.count) * tileSize
        let tileCount = (count + tileSize - 1) / tileSize
        code.instructions.withUnsafeBufferPointer { instructions in
            views.withUnsafeBufferPointer { views in
                results.withUnsafeBufferPointer { results in
                    uniforms.withUnsafeBufferPointer { uniforms in
                        call.instructions = instructions.baseAddress
                        call.inputs = views.baseAddress
                        call.outputs = results.baseAddress
                        call.uniforms = uniforms.baseAddress
                        scratch(perWorker * pool.threadCount, of: Float.self) { scratch in
                            withUnsafePointer(to: call) { call in
                                pool.parallelRanges(tileCount, grain: 16) { range, worker in
                                    for tile in range {
                                        let first = tile * tileSize
                                        ck_stored_tile(
                                            call, inputs, outputs, Int64(first), Int64(min(tileSize, count - first)),
                                            scratch + worker * perWorker)
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }
    }

    private static func describe(_ array: StoredArray) -> ck_stored {
        var stored = ck_stored()
        switch array {
        case .numbers(let view):
            stored.base = view.address.assumingMemoryBound(to: CChar.self)
            stored.type = view.dtype.code
        case .blocks(let blocks):
            stored.base = blocks.codes.address.assumingMemoryBound(to: CChar.self)
            stored.type = DType.uint8.code
            stored.scales = blocks.scales.floats
            stored.is_signed = blocks.isSigned ? 1 : 0
        case .rounded(let view, let source, let first):
            stored.base = view.address.assumingMemoryBound(to: CChar.self)
            stored.type = view.dtype.code
            stored.is_random = 1
            stored.seed = source.seed
            stored.stream = source.stream
            stored.first = first
        }
        return stored
    }

    /// A view whose memory is named tile by tile: codes and numbers to be rounded pass through float32 arrays.
    private static func view(_ stored: ck_stored, _ value: ck_value, direct: Int32) -> ck_map_view {
        var view = ck_map_view()
        view.type = stored.scales != nil || stored.is_random != 0 ? DType.float32.code : stored.type
        view.value = value
        view.direct = direct
        view.column_stride = 1
        return view
    }

    func round(_ source: BufferView, to target: BufferView, _ random: Philox, first: UInt64) {
        precondition(
            source.shape == target.shape && target.dtype == .bfloat16 && target.isContiguous,
            "round: \(source.shape) to \(target.dtype) \(target.shape), expected a dense bfloat16 view of one shape")
        let from = denseFloats(source)
        pool.parallelRanges(target.elementCount, grain: 1 << 14) { range, _ in
            ck_round_bfloat16(
                target.address(plus: range.lowerBound).assumingMemoryBound(to: UInt16.self),
                from.floats + range.lowerBound, random.seed, random.stream, first &+ UInt64(range.lowerBound),
                Int64(range.count))
        }
        withExtendedLifetime(from) {}
    }
}
