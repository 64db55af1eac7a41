import CKernels
import Foundation

/// The processor that this process runs on, as product tables name it.
public enum Processor {
    /// For example "AuthenticAMD family 26 model 2 avx512 bf16": maker and model, then the instruction sets on which
    /// the choice of a kernel depends.
    public static let name: String = {
        let info = FileManager.default.contents(atPath: "/proc/cpuinfo").map { String(decoding: $0, as: UTF8.self) }
        let sets = (ck_has_avx512() != 0 ? ["avx512"] : []) + (ck_has_bfloat16() != 0 ? ["bf16"] : [])
        return name(cpuInfo: info ?? "", instructionSets: sets)
    }()

    /// The name from the text of /proc/cpuinfo, of x86-64 or arm64.
    package static func name(cpuInfo: String, instructionSets: [String]) -> String {
        var fields: [String: String] = [:]
        for line in cpuInfo.split(separator: "\n") {
            let parts = line.split(separator: ":", maxSplits: 1).map { $0.trimmingCharacters(in: .whitespaces) }
            if parts.count == 2 && fields[parts[0]] == nil { fields[parts[0]] = parts[1] }
        }
        func words(_ keys: [(label: String, key: String)]) -> [String] {
            keys.compactMap { item in fields[item.key].map { item.label + $0 } }
        }
        let x86 = words([("", "vendor_id"), ("family ", "cpu family"), ("model ", "model")])
        let arm = words([("implementer ", "CPU implementer"), ("part ", "CPU part")])
        let model = x86.count == 3 ? x86 : arm.count == 2 ? arm : ["unknown"]
        return (model + instructionSets).joined(separator: " ")
    }
}
