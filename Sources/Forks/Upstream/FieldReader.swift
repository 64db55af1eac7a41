/// Reads the `Key: value` lines of one section of UPSTREAM.md and keeps every problem.
struct FieldReader {
    /// What was wrong, by line.
    private(set) var problems: [(line: Int, problem: ForkProblem)] = []
    private var fields: [String: (line: Int, value: String)] = [:]
    private let section: String
    /// The line of the section's title.
    private let start: Int

    /// - Parameters:
    ///   - lines: the lines of the fields, each with its number.
    ///   - known: the keys that there are.
    ///   - section: how messages call the section.
    init(_ lines: [(line: Int, text: String)], known: [String], section: String, start: Int) {
        (self.section, self.start) = (section, start)
        for (line, text) in lines {
            guard let match = text.wholeMatch(of: /([A-Z][A-Za-z\-]*): (.*\S)\s*/), known.contains(String(match.1)) else {
                nearMiss(line, text, known)
                continue
            }
            let key = String(match.1)
            if let first = fields[key] {
                problem(line, "\(key) is written twice, in line \(first.line) too", fix: "keep one of the two lines")
            } else {
                fields[key] = (line, String(match.2).trimmed())
            }
        }
    }

    private mutating func problem(_ line: Int, _ message: String, fix: String? = nil) {
        problems.append((line, ForkProblem("UPSTREAM.md:\(line)", message, fix: fix)))
    }

    /// A line that is no field: one with a slip, or something else.
    private mutating func nearMiss(_ line: Int, _ text: String, _ known: [String]) {
        let loose = text.firstMatch(of: /^[\s>*\-]*([A-Za-z][A-Za-z _\-]*?)\s*[:=]\s*(.*)$/)
        let meant = loose.flatMap { Spelling.nearest(String($0.1), in: known) }
        if let loose, let meant {
            let value = String(loose.2).trimmed()
            let corrected = meant + ": " + (value.isEmpty ? "..." : value)
            problem(line, "malformed: found '\(text)', expected '\(corrected)'", fix: "write: \(corrected)")
            // The value is read as if it had been written so, to tell everything at once.
            if !value.isEmpty, fields[meant] == nil { fields[meant] = (line, value) }
        } else {
            problem(
                line, "found '\(text)', expected a field of \(section)",
                fix: "write one of \(known.joined(separator: ", ")); prose stands below the fields, after an empty line")
        }
    }

    /// A field's value by a form that it must have.
    mutating func value<Value>(
        _ key: String, required: Bool = false, form: String, _ read: (String) -> Value?
    ) -> Value? {
        guard let field = fields[key] else {
            if required { missing(key, form) }
            return nil
        }
        if let value = read(field.value) { return value }
        problem(field.line, "malformed: found '\(key): \(field.value)', expected \(form)")
        return nil
    }

    private mutating func missing(_ key: String, _ form: String) {
        // A problem with the same field has been told already.
        guard !problems.contains(where: { $0.problem.message.contains("'\(key):") }) else { return }
        problem(start, "\(section) has no \(key)", fix: "write: \(key): \(form)")
    }

    mutating func text(_ key: String, required: Bool = false) -> String? {
        value(key, required: required, form: "...") { $0 }
    }

    mutating func day(_ key: String, required: Bool = false) -> String? {
        value(key, required: required, form: "a day, YYYY-MM-DD") { Day($0) == nil ? nil : $0 }
    }

    /// One of some words; what is nearly one is corrected.
    mutating func word(_ key: String, required: Bool = false, of words: [String]) -> String? {
        guard let field = fields[key], !words.contains(field.value) else {
            return value(key, required: required, form: words.joined(separator: " | ")) { $0 }
        }
        let meant = Spelling.nearest(field.value, in: words)
        problem(
            field.line, "malformed: found '\(key): \(field.value)', expected one of \(words.joined(separator: ", "))",
            fix: meant.map { "write: \(key): \($0)" })
        return nil
    }

    mutating func status(_ key: String) -> UpstreamStatus? {
        guard let field = fields[key] else { return value(key, required: true, form: "Pending [what it waits for]") { _ in nil } }
        do {
            return try UpstreamStatus(field.value)
        } catch {
            problem(
                field.line, "malformed \(key): \(error.message)", fix: error.corrected.map { "write: \(key): \($0)" })
            return nil
        }
    }
}
