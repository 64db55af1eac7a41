import PluginAPI

/// Who fills each slot, decided from manifests alone.
///
/// The rules, in order: what is blocked is left out; of two files with one id, the earlier in the search path counts; one
/// candidate wins its slot; what replaces another one waits as `available` until the user opts in; the one that replaces
/// all others, or that `plugins.use` names, wins; anything else is a conflict.
struct PluginResolution {
    /// What `plugins list` shows, sorted by kind, name and precedence.
    private(set) var rows: [PluginRow] = []
    private(set) var winners: [PluginSlot: PluginProvision] = [:]
    /// Sentences worth saying once: what replaces what.
    private(set) var notices: [String] = []
    /// Everything that keeps the set from being used.
    private(set) var errors: [PluginError]
    /// Every usable provision, `available` ones too, in the catalog's order.
    private(set) var provisions: [PluginProvision] = []
    /// Numbers of the candidates whose code the run needs.
    private(set) var needed: Set<Int> = []
    private(set) var blocked: Set<PluginID> = []

    private let catalog: PluginCatalog
    private let optedIn: Set<String>
    private var faults: [Int: PluginError] = [:]
    private var shadows: [Int: String] = [:]
    private var states: [PluginID: PluginRow.State] = [:]

    init(_ catalog: PluginCatalog) {
        self.catalog = catalog
        errors = catalog.errors
        optedIn = Set(catalog.settings.use)
        checkSettings()
        collect()
        checkReplacements()
        resolveSlots()
        checkRequirements()
        findNeeded()
        rows = makeRows()
    }

    private var candidates: [PluginCandidate] { catalog.candidates }

    /// Whether the user asked for the plugin, so that what is wrong with it ends the run.
    private func isWanted(_ number: Int) -> Bool {
        let candidate = candidates[number]
        return candidate.isNamed || isUsed(number)
    }

    /// Whether the user asked for the plugin's file.
    private func isFatal(_ number: Int) -> Bool { !candidates[number].source.isCompiled && isWanted(number) }

    private func isUsed(_ number: Int) -> Bool {
        let manifest = candidates[number].manifest
        return ([manifest.id] + manifest.provides.map(\.id)).contains { optedIn.contains("\($0)") }
    }

    private func isUsed(_ provision: PluginProvision) -> Bool {
        optedIn.contains("\(provision.id)") || optedIn.contains("\(provision.plugin)")
            || candidates[provision.candidate].isOnCommandLine
    }

    // MARK: Rules 6 and 1: who takes part

    private mutating func checkSettings() {
        let known = candidates.flatMap { [$0.manifest.id] + $0.manifest.provides.map(\.id) }.map(\.description)
        let lists = [("plugins.use", catalog.settings.use), ("plugins.block", catalog.settings.block)]
        for (setting, ids) in lists {
            for id in ids where !known.contains(id) {
                errors.append(.unknownID(id, setting: setting, known: Set(known).sorted()))
            }
        }
    }

    private mutating func collect() {
        let block = Set(catalog.settings.block)
        var first: [PluginID: Int] = [:]
        for (number, candidate) in candidates.enumerated() {
            let manifest = candidate.manifest
            if block.contains("\(manifest.id)") {
                blocked.formUnion([manifest.id] + manifest.provides.map(\.id))
                continue
            }
            if let earlier = first[manifest.id] {
                if !candidates[earlier].source.isCompiled, candidates[earlier].root != candidate.root {
                    shadows[number] = "\(candidates[earlier].source)"
                } else {
                    let error = PluginError.sameID(
                        manifest.id, ["\(candidates[earlier].source)", "\(candidate.source)"])
                    faults[number] = error
                    let isAsked = [earlier, number].contains(where: isFatal) || candidate.source.isCompiled
                    if isAsked { errors.append(error) }
                }
                continue
            }
            first[manifest.id] = number
            if let error = candidate.error {
                faults[number] = error
                // A named file's error stands in the catalog's list already.
                if isWanted(number), !errors.contains(error) { errors.append(error) }
                continue
            }
            for provision in manifest.provides {
                if block.contains("\(provision.id)") {
                    blocked.insert(provision.id)
                    continue
                }
                provisions.append(
                    PluginProvision(
                        provision: provision, candidate: number, plugin: manifest.id, version: manifest.version,
                        source: "\(candidate.source)", isCompiled: candidate.source.isCompiled))
            }
        }
    }

    // MARK: Rule 4: replacements that cannot be followed

    private mutating func checkReplacements() {
        let everything = Set(candidates.flatMap { $0.manifest.provides.map(\.id) })
        let parents = Dictionary(provisions.map { ($0.id, $0.provision.replaces) }, uniquingKeysWith: { a, _ in a })
        var failed: Set<Int> = []
        for provision in provisions {
            guard let replaced = provision.provision.replaces else { continue }
            if !everything.contains(replaced) {
                let known = everything.filter { $0.kind == replaced.kind }.map(\.description).sorted()
                fail(provision, .replacesUnknown(provision.id, replaced, known: known), &failed)
                continue
            }
            var chain = [provision.id]
            var next: PluginID? = replaced
            while let id = next, !chain.contains(id) {
                chain.append(id)
                next = parents[id] ?? nil
            }
            // A chain that runs into a circle further on is reported where the circle is.
            if next == provision.id {
                let start = chain.indices.min { chain[$0] < chain[$1] } ?? 0
                let circle = Array(chain[start...] + chain[..<start])
                fail(provision, .replacesCycle(circle + [circle[0]]), &failed)
            }
        }
        provisions.removeAll { failed.contains($0.candidate) }
    }

    private mutating func fail(_ provision: PluginProvision, _ error: PluginError, _ failed: inout Set<Int>) {
        faults[provision.candidate] = error
        failed.insert(provision.candidate)
        if isWanted(provision.candidate), !errors.contains(error) { errors.append(error) }
    }

    // MARK: Rules 1 to 4: who wins

    private mutating func resolveSlots() {
        for (slot, rivals) in Dictionary(grouping: provisions, by: \.slot).sorted(by: { $0.key < $1.key }) {
            resolve(slot, rivals)
        }
    }

    private mutating func resolve(_ slot: PluginSlot, _ rivals: [PluginProvision]) {
        let used = rivals.filter(isUsed)
        let established = rivals.filter { $0.provision.replaces == nil || $0.isCompiled }
        let contenders = !used.isEmpty ? used : established.isEmpty ? rivals : established
        guard let winner = contenders.count == 1 ? contenders.first : contenders.first(where: { replacesAll($0, contenders) })
        else {
            let error = PluginError.conflict(slot, contenders)
            // Two that nobody asked for only make their name unusable: a run that needs it is told.
            if contenders.contains(where: { isFatal($0.candidate) }) || contenders.allSatisfy(\.isCompiled) { errors.append(error) }
            for rival in rivals { states[rival.id] = contenders.contains { $0.id == rival.id } ? .error(error) : .available }
            return
        }
        winners[slot] = winner
        states[winner.id] = .active(replaces: rivals.count > 1 ? winner.provision.replaces : nil)
        for rival in rivals where rival.id != winner.id {
            let isOpen = established.contains { $0.id == rival.id } || isUsed(rival)
            states[rival.id] = isOpen ? .replaced(by: winner.id) : .available
        }
        for rival in established where rival.id != winner.id {
            notices.append(
                "\(slot.kind.rawValue) \(slot.name): \(winner.id) \(winner.version) (\(winner.source)) "
                    + "replaces \(rival.id) \(rival.version)")
        }
    }

    /// Whether `one` replaces every other contender, directly or through others.
    private func replacesAll(_ one: PluginProvision, _ contenders: [PluginProvision]) -> Bool {
        let ancestors = Set(replacementChain(of: one.id))
        return contenders.allSatisfy { $0.id == one.id && $0.candidate == one.candidate || ancestors.contains($0.id) }
    }

    /// What `id` replaces, what that replaces, and so on.
    func replacementChain(of id: PluginID) -> [PluginID] {
        let parents = Dictionary(
            candidates.flatMap(\.manifest.provides).map { ($0.id, $0.replaces) }, uniquingKeysWith: { a, _ in a })
        var chain: [PluginID] = []
        var next = parents[id] ?? nil
        while let parent = next, !chain.contains(parent) {
            chain.append(parent)
            next = parents[parent] ?? nil
        }
        return chain
    }

    // MARK: What the winners need

    private mutating func checkRequirements() {
        for number in Set(winners.values.map(\.candidate)).sorted() {
            let manifest = candidates[number].manifest
            for requirement in manifest.requires {
                let slot = PluginSlot(requirement.kind, requirement.name)
                guard winners[slot] == nil else { continue }
                if let stopped = blocked.first(where: { $0.kind == slot.kind && $0.name == slot.name }) {
                    errors.append(.blockedButRequired(stopped, by: manifest.id))
                } else if !provisions.contains(where: { $0.slot == slot }) {
                    let known = winners.keys.filter { $0.kind == slot.kind }.map(\.name)
                    errors.append(.requirementMissing(slot, of: manifest.id, known: known))
                }
            }
        }
    }

    /// Available plugins stay unloaded: what nobody asked for does not run. What is replaced stays within reach.
    private mutating func findNeeded() {
        let mentioned = Set(catalog.settings.mentioned)
        for provision in provisions {
            switch states[provision.id] {
            case .active, .replaced: needed.insert(provision.candidate)
            default: if mentioned.contains("\(provision.id)") { needed.insert(provision.candidate) }
            }
        }
    }

    // MARK: Rows

    /// The state of a provision of candidate `number`.
    func state(of id: PluginID, candidate number: Int) -> PluginRow.State {
        if let fault = faults[number] { return .error(fault) }
        if let path = shadows[number] { return .shadowed(by: path) }
        if blocked.contains(id) { return .blocked }
        return states[id] ?? .available
    }

    private func makeRows() -> [PluginRow] {
        let rows = candidates.enumerated().flatMap { number, candidate in
            candidate.manifest.provides.map { provision in
                PluginRow(
                    kind: provision.id.kind, name: provision.id.name, id: provision.id,
                    version: candidate.manifest.version, source: "\(candidate.source)",
                    state: state(of: provision.id, candidate: number))
            }
        }
        func rank(_ row: PluginRow) -> Int {
            switch row.state {
            case .active: 0
            case .replaced: 1
            default: 2
            }
        }
        let sorted = rows.enumerated().sorted { a, b in
            let (left, right) = (a.element, b.element)
            let (kindA, kindB) = (order(left.kind), order(right.kind))
            if kindA != kindB { return kindA < kindB }
            if left.name != right.name { return (left.name ?? "") < (right.name ?? "") }
            if rank(left) != rank(right) { return rank(left) < rank(right) }
            return a.offset < b.offset
        }
        return sorted.map(\.element) + catalog.broken
    }

    /// The place of a kind in the list of kinds.
    private func order(_ kind: PluginKind?) -> Int {
        kind.flatMap { PluginKind.allCases.firstIndex(of: $0) } ?? PluginKind.allCases.count
    }
}
