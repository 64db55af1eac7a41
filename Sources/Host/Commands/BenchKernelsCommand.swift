import ArgumentParser
import Core
import JSON
import PluginAPI

/// `forktail bench kernels`: every kernel of a training step beside what the machine's memory and arithmetic allow.
struct BenchKernelsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "kernels", abstract: "Speed of every kernel, beside the machine's copy bandwidth and best product.",
        discussion: """
            Bytes counted: every input read and every output written once. FLOPs counted: 2 M N K a product, 4 D a pair of \
            query and key seen in attention and 8 D backward. Medians of five.
            """)

    @Option(help: "float32 | bfloat16 (default: both).")
    var precision: String?

    @Option(help: "Rows of the arrays (of width 576 or 1536) that kernels bound by memory work on.")
    var rows = 32768

    @Option(help: "Only kernels whose names hold this.")
    var filter: String?

    @Flag(help: "Measure the libraries of matrix products instead, and write the fastest into the product table.")
    var tune = false

    @OptionGroup var options: BenchOptions

    func run() throws {
        if tune {
            guard precision == nil, filter == nil, options.baseline == nil, options.save == nil else {
                throw InputError("--tune", "takes no --precision, --filter, --baseline or --save: it measures products alone")
            }
            return try ProductTuning().run(threads: Machine.threadCount, asJSON: options.json)
        }
        let baseline = try options.check("kernels")
        var problems: [InputProblem] = []
        let types = precision.map { name in DType(rawValue: name).map { [$0] } ?? [] } ?? [.float32, .bfloat16]
        if types.isEmpty || !types.allSatisfy({ [.float32, .bfloat16].contains($0) }) {
            problems.append(InputProblem("--precision", "found '\(precision ?? "")', expected float32 | bfloat16"))
        }
        if rows < 1 { problems.append(InputProblem("--rows", "found \(rows), expected at least 1")) }
        if !problems.isEmpty { throw InputError(problems) }

        let runtime = try Runtime.make(.float32)
        let provider = try Registry.forCommand(plugins: []).optimizer("adamw")
        let optimizer = try provider.make(provider.schema.template, "optimizer")
        let copy = MachinePeak.copyBytesPerSecond(runtime)
        var report = BenchReport(
            "kernels", threads: runtime.backend.capabilities.threadCount, [.init("rows", .integer(rows))])
        for dtype in types {
            let bench = KernelBench(runtime, dtype, rowCount: rows, filter: filter, copyBytesPerSecond: copy)
            try bench.measureAll(optimizer)
            report.rows += bench.rows
            report.add(
                "peak_flops_per_second_\(dtype.rawValue)", bench.peakFlopsPerSecond, "this machine's best product")
        }
        if report.rows.isEmpty { throw InputError("--filter", "no kernel's name holds '\(filter ?? "")'") }
        report.add("copy_bytes_per_second", copy, "bytes read and written while 256 MiB are copied")
        report.add("data_wait_seconds", 0.0, "arrays lie in memory")
        report.add("memory_peak_bytes", Machine.peakResidentBytes, "resident memory of the process")
        try options.publish(report, comparedWith: baseline)
    }
}
