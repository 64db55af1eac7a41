extension UpstreamFile {
    /// Reads the file's text.
    /// - Throws: `ForkError` with every problem, each with its line and, where it can be told, the corrected line.
    package init(parsing text: String) throws(ForkError) {
        var problems: [(line: Int, problem: ForkProblem)] = []
        let sections = UpstreamFile.sections(of: text)
        let top = sections[0]
        var header: UpstreamHeader?
        let isStub = top.fields.map(\.text) == ["Upstream: none"]
        if top.title.text != "# Upstream" {
            problems.append(
                (1, ForkProblem("UPSTREAM.md:1", "found '\(top.title.text)', expected '# Upstream'", fix: "write: # Upstream")))
        }
        if !isStub {
            var reader = FieldReader(top.fields, known: UpstreamHeader.keys, section: "the header", start: top.title.line)
            header = UpstreamHeader(&reader)
            problems += reader.problems
        }
        var entries: [UpstreamEntry] = []
        var lines: [String: Int] = [:]
        for section in sections.dropFirst() {
            let (line, slug) = (section.title.line, String(section.title.text.dropFirst(3)).trimmed())
            let place = "UPSTREAM.md:\(line)"
            if !UpstreamEntry.isSlug(slug) {
                problems.append(
                    (line, ForkProblem(
                        place, "found '\(section.title.text)', expected '## ' and a slug: lower-case words with hyphens",
                        fix: UpstreamFile.slug(from: slug).map { "write: ## \($0)" })))
            } else if let first = lines[slug] {
                problems.append(
                    (line, ForkProblem(
                        place, "the change '\(slug)' has an entry in line \(first) too", fix: "keep one of the two entries")))
            } else if let last = entries.last, slug < last.slug {
                problems.append(
                    (line, ForkProblem(
                        place, "the entry '\(slug)' stands after '\(last.slug)', entries are sorted by slug",
                        fix: "move '## \(slug)' above '## \(last.slug)'")))
            }
            lines[slug] = line
            if isStub {
                problems.append(
                    (line, ForkProblem(
                        place, "upstream itself has no entries, found '\(slug)'", fix: "forktail fork init URL")))
            }
            var reader = FieldReader(
                section.fields, known: UpstreamEntry.keys, section: "the entry '\(slug)'", start: line)
            if let entry = UpstreamEntry(slug: slug, prose: section.prose, &reader) { entries.append(entry) }
            problems += reader.problems
        }
        // Sorting is not stable, and problems of one line have an order.
        let ordered = problems.enumerated().sorted { ($0.element.line, $0.offset) < ($1.element.line, $1.offset) }
        guard ordered.isEmpty else { throw ForkError(ordered.map(\.element.problem)) }
        self.init(header: header, prose: top.prose, entries: entries)
    }

    /// One title, the lines of its fields, and what is below them.
    private struct Section {
        var title: (line: Int, text: String)
        var fields: [(line: Int, text: String)] = []
        var proseLines: [String] = []
        var isInFields = true

        var prose: String {
            let text = proseLines.reversed().drop { $0.trimmed().isEmpty }.reversed()
            return text.drop { $0.trimmed().isEmpty }.joined(separator: "\n")
        }
    }

    private static func sections(of text: String) -> [Section] {
        // A checkout with line ends of another system says the same.
        let lines = text.split(omittingEmptySubsequences: false) { $0 == "\n" || $0 == "\r\n" }.map(String.init)
        var sections = [Section(title: (1, lines.first.map { $0.trimmed() } ?? ""))]
        var isInFence = false
        for (place, line) in lines.enumerated().dropFirst() {
            if line.hasPrefix("```") { isInFence.toggle() }
            if line.hasPrefix("## "), !isInFence {
                sections.append(Section(title: (place + 1, line)))
                continue
            }
            let last = sections.count - 1
            if line.trimmed().isEmpty { sections[last].isInFields = sections[last].fields.isEmpty }
            if !sections[last].isInFields {
                sections[last].proseLines.append(line)
            } else if !line.trimmed().isEmpty {
                sections[last].fields.append((place + 1, line))
            }
        }
        return sections
    }

    /// A name as a slug, nil when no letter or digit is left.
    static func slug(from name: String) -> String? {
        let words = name.lowercased().split { !($0.isASCII && ($0.isLetter || $0.isNumber)) }
        return words.isEmpty ? nil : words.joined(separator: "-")
    }
}
