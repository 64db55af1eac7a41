import JSON

/// Finds where two manifests part.
enum ManifestDifference {
    /// The first key, in the order of `a`, whose values differ, with both values; nil when they say the same.
    static func first(_ a: JSONValue, _ b: JSONValue, at place: String = "") -> (key: String, a: String, b: String)? {
        switch (a, b) {
        case (.object(let left), .object(let right)):
            let keys = left.map(\.key) + right.map(\.key).filter { a[$0] == nil }
            for key in keys {
                let path = place.isEmpty ? key : "\(place).\(key)"
                guard let one = a[key], let other = b[key] else {
                    return (path, a[key]?.text ?? "missing", b[key]?.text ?? "missing")
                }
                if let found = first(one, other, at: path) { return found }
            }
            return nil
        case (.array(let left), .array(let right)) where left.count == right.count:
            for (index, pair) in zip(left, right).enumerated() {
                if let found = first(pair.0, pair.1, at: "\(place)[\(index)]") { return found }
            }
            return nil
        default:
            return a == b ? nil : (place, a.text, b.text)
        }
    }
}
