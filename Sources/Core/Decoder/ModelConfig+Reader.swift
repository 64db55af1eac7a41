public import JSON

extension ModelConfig {
    /// Typed access to a config's values.
    ///
    /// A missing or unfit value becomes a problem and a placeholder is returned, so that one pass finds all problems.
    public final class Reader {
        private let values: JSONValue
        private let path: String
        private var nested: [Reader] = []
        private var ownProblems: [String] = []

        init(_ values: JSONValue, path: String) {
            self.values = values
            self.path = path
        }

        var problems: [String] { ownProblems + nested.flatMap(\.problems) }

        /// Whether the key is there and null.
        public func isNull(_ key: String) -> Bool { values[key] == .null }

        /// Notes what is wrong; `ModelConfig.read` throws when it is done.
        public func problem(_ text: String) { ownProblems.append(text) }

        /// Whether the key is there and not null.
        public func has(_ key: String) -> Bool { value(key) != nil }

        /// A whole number of at least `minimum`.
        /// - Parameter default: taken when the key is missing; nil = the key is required.
        public func integer(_ key: String, default: Int? = nil, minimum: Int = 1) -> Int {
            switch value(key) {
            case .number(let text):
                if let number = Double(text), let integer = Int(exactly: number), integer >= minimum { return integer }
                problem("'\(path)\(key)' is \(text), expected a whole number >= \(minimum)")
            case nil:
                if let value = `default` { return value }
                problem("'\(path)\(key)' is missing, expected a whole number >= \(minimum)")
            case let other?: unfit(key, other, "a whole number")
            }
            return max(minimum, 1)
        }

        /// A number.
        /// - Parameter default: taken when the key is missing; nil = the key is required.
        public func number(_ key: String, default: Double? = nil) -> Double {
            switch value(key) {
            case .number(let text):
                if let number = Double(text) { return number }
                problem("'\(path)\(key)' is \(text), expected a number")
            case nil:
                if let value = `default` { return value }
                problem("'\(path)\(key)' is missing, expected a number")
            case let other?: unfit(key, other, "a number")
            }
            return 1
        }

        /// True or false; `default` when the key is missing.
        public func flag(_ key: String, default: Bool) -> Bool {
            switch value(key) {
            case .bool(let flag): return flag
            case nil: return `default`
            case let other?:
                unfit(key, other, "true or false")
                return `default`
            }
        }

        /// A string; `default` when the key is missing.
        public func string(_ key: String, default: String) -> String {
            switch value(key) {
            case .string(let string): return string
            case nil: return `default`
            case let other?:
                unfit(key, other, "a string")
                return `default`
            }
        }

        /// A list; nil when the key is missing or null.
        public func list(_ key: String) -> [JSONValue]? {
            switch value(key) {
            case .array(let values): return values
            case nil: return nil
            case let other?:
                unfit(key, other, "a list")
                return nil
            }
        }

        /// A list of whole numbers; nil when the key is missing or null.
        public func integers(_ key: String) -> [Int]? {
            list(key)?.map { value in
                if let integer = value.integer { return integer }
                unfit(key, value, "a list of whole numbers")
                return 0
            }
        }

        /// A nested object; nil when the key is missing or null.
        public func object(_ key: String) -> Reader? {
            switch value(key) {
            case .object(let members):
                let reader = Reader(.object(members), path: path + key + ".")
                nested.append(reader)
                return reader
            case nil: return nil
            case let other?:
                unfit(key, other, "an object")
                return nil
            }
        }

        /// An activation under the name that transformers gives it.
        public func activation(_ key: String, default: Activation) -> Activation {
            guard has(key) else { return `default` }
            let name = string(key, default: "")
            if let activation = Self.activations[name] { return activation }
            let known = Self.activations.keys.sorted().joined(separator: ", ")
            problem("'\(path)\(key)' is \"\(name)\", supported are \(known)")
            return `default`
        }

        private static let activations: [String: Activation] = [
            "silu": .silu, "swish": .silu, "gelu": .gelu, "relu": .relu, "gelu_new": .geluTanh,
            "gelu_pytorch_tanh": .geluTanh,
        ]

        private func value(_ key: String) -> JSONValue? { values[key].flatMap { $0 == .null ? nil : $0 } }

        private func unfit(_ key: String, _ found: JSONValue, _ expected: String) {
            problem("'\(path)\(key)' is \(found.text), expected \(expected)")
        }
    }
}
