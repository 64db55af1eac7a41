import Foundation
import JSON
public import PluginAPI

/// Checks that a plugin's settings can be shown and read: every key has help, help names nothing else, required keys are
/// known, and the template survives being written and read.
/// - Throws: `ContractViolation` with every problem.
public func checkConfig<Config: PluginConfig>(_ type: Config.Type) throws {
    let schema = try ConfigSchema(type)
    var problems: [String] = []
    let keys = schema.template.members.map(\.key)
    for key in keys where schema.help[key] == nil && !schema.help.keys.contains(where: { $0.hasPrefix(key + ".") }) {
        problems.append("\(type): the setting '\(key)' has no help")
    }
    for (key, text) in schema.help.sorted(by: { $0.key < $1.key }) where text.isEmpty {
        problems.append("\(type): the help of '\(key)' is empty")
    }
    for key in schema.required where schema.help[key] == nil {
        problems.append("\(type): the required setting '\(key)' has no help")
    }
    if schema.required.isEmpty {
        let again = try JSONEncoder().encode(ConfigDecoder.decode(type, from: schema.template, at: "template"))
        let encoder = JSONEncoder()
        let first = try encoder.encode(Config.template)
        let same = try JSONSerialization.jsonObject(with: first) as? NSDictionary
            == JSONSerialization.jsonObject(with: again) as? NSDictionary
        if !same { problems.append("\(type): the template reads back as something else") }
    }
    try ContractViolation.check(problems)
}
