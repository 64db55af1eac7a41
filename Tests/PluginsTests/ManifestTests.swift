import Foundation
import JSON
import LoaderJSONL
import LoaderStreaming
import OptimizerAdamW
import OptimizerLion
import OptimizerMuon
import OptimizerSGD
import PluginAPI
import RewardEndsWith
import RewardExactMatch
import RewardFormat
import RewardLength
import SchedulerConstant
import SchedulerCosine
import SchedulerLinear
import SchedulerWSD
import TaskArithmetic
import Testing
import TrackerJSONL
import TrackerTensorBoard
import TrainerDPO
import TrainerGRPO
import TrainerPretrain
import TrainerSFT

@Suite struct ManifestTests {
    private static let plugins: [String: any Plugin.Type] = [
        "Trainers/Pretrain": PretrainPlugin.self, "Trainers/SFT": SFTPlugin.self, "Trainers/DPO": DPOPlugin.self,
        "Trainers/GRPO": GRPOPlugin.self, "Optimizers/AdamW": AdamWPlugin.self, "Optimizers/SGD": SGDPlugin.self,
        "Optimizers/Lion": LionPlugin.self, "Optimizers/Muon": MuonPlugin.self,
        "Schedulers/Constant": ConstantPlugin.self, "Schedulers/Linear": LinearPlugin.self,
        "Schedulers/Cosine": CosinePlugin.self, "Schedulers/WSD": WSDPlugin.self,
        "Loaders/Streaming": StreamingPlugin.self, "Loaders/JSONL": JSONLLoaderPlugin.self,
        "Trackers/JSONL": JSONLTrackerPlugin.self, "Trackers/TensorBoard": TensorBoardPlugin.self,
        "Rewards/ExactMatch": ExactMatchPlugin.self, "Rewards/EndsWith": EndsWithPlugin.self,
        "Rewards/Length": LengthPlugin.self, "Rewards/Format": FormatPlugin.self,
        "Tasks/Arithmetic": ArithmeticPlugin.self,
    ]

    @Test(arguments: plugins.keys.sorted()) func `a plugin registers what its manifest says`(folder: String) throws {
        let type = try #require(ManifestTests.plugins[folder])
        let registrar = Registrar()
        try type.init().register(in: registrar)
        let file = Goldens.root.appending(path: "Plugins/\(folder)/plugin.json")
        let manifest = try JSONValue(parsing: String(contentsOf: file, encoding: .utf8))
        let provided = (manifest["provides"]?.array ?? []).map { [$0["kind"]?.string, $0["name"]?.string] }
        #expect(registrar.contributions.map { [$0.kind.rawValue, $0.name] } == provided)
        #expect(manifest["principal"]?.string == "\(type)")
        for contribution in registrar.contributions {
            #expect(manifest["id"]?.string == "core.\(contribution.kind.rawValue).\(contribution.name)")
        }
    }

    @Test(arguments: plugins.keys.sorted())
    func `every setting has help and stands in the readme`(folder: String) throws {
        let type = try #require(ManifestTests.plugins[folder])
        let registrar = Registrar()
        try type.init().register(in: registrar)
        let readme = try String(
            contentsOf: Goldens.root.appending(path: "Plugins/\(folder)/README.md"), encoding: .utf8)
        for schema in registrar.contributions.map(\.schema) {
            for key in schema.template.members.map(\.key) + schema.required {
                #expect(schema.help[key] != nil, "\(key) has no help")
            }
            for key in schema.help.keys { #expect(readme.contains("`\(key)`"), "\(key) is not in the readme") }
        }
    }
}
