import Core

/// Every layout of a number of ranks, in the short form of the command line.
enum LayoutEnumeration {
    /// What can be chosen along an axis of more than one rank.
    private static let choices: [(axis: MeshAxis, options: [String])] = [
        (.data, ["", ":zero1", ":zero2", ":zero3"]),
        (.tensor, ["", ":sequence"]),
        (.pipeline, [":gpipe", ":1f1b", ":interleaved", ":zb-h1", ":zb-v"]),
        (.context, [":ring", ":ulysses"]),
        (.expert, [""]),
    ]

    /// - Parameters:
    ///   - ranks: the product of the sizes.
    ///   - hasExperts: whether ranks can divide experts.
    static func layouts(of ranks: Int, hasExperts: Bool) -> [String] {
        var partial: [(text: [String], left: Int)] = [([], ranks)]
        for (axis, options) in choices where axis != .expert || hasExperts {
            partial = partial.flatMap { text, left -> [(text: [String], left: Int)] in
                let longer = (2...max(left, 2)).filter { left % $0 == 0 }.flatMap { size in
                    options.map { (text: text + ["\(axis.rawValue)=\(size)\($0)"], left: left / size) }
                }
                return [(text: text, left: left)] + longer
            }
        }
        return partial.filter { $0.left == 1 && !$0.text.isEmpty }.map { $0.text.joined(separator: ",") }
    }
}
