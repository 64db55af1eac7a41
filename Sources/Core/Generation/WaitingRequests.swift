/// A prompt that has been read: its keys and values, and the logits after its last token.
struct ReadPrompt {
    let cached: CachedSequence
    /// [1, V]
    let logits: BufferView
}

/// Requests that have not been started, in an order in which those of one prompt follow each other; and the prompts
/// that have been read for them.
struct WaitingRequests {
    private let requests: [GenerationRequest]
    /// Numbers of requests, next one last.
    private var queue: [Int]
    private var readPrompts: [[Int32]: ReadPrompt] = [:]
    private var remaining: [[Int32]: Int] = [:]

    init(_ requests: [GenerationRequest]) {
        self.requests = requests
        var members: [[Int32]: [Int]] = [:]
        var order: [[Int32]] = []
        for (index, request) in requests.enumerated() {
            if members[request.prompt] == nil { order.append(request.prompt) }
            members[request.prompt, default: []].append(index)
        }
        queue = order.flatMap { members[$0] ?? [] }.reversed()
        remaining = members.mapValues(\.count)
    }

    var isEmpty: Bool { queue.isEmpty }

    /// Takes the next requests, at most `count`.
    mutating func take(_ count: Int) -> [Int] {
        let taken = queue.suffix(count).reversed()
        queue.removeLast(taken.count)
        return Array(taken)
    }

    /// The different prompts of these requests that have not been read.
    func unreadPrompts(of indices: [Int]) -> [[Int32]] {
        var seen: Set<[Int32]> = []
        return indices.map { requests[$0].prompt }.filter { readPrompts[$0] == nil && seen.insert($0).inserted }
    }

    mutating func keep(_ read: ReadPrompt, for prompt: [Int32]) { readPrompts[prompt] = read }

    func prompt(of index: Int) -> ReadPrompt {
        guard let read = readPrompts[requests[index].prompt] else {
            preconditionFailure("generation: the prompt of request \(index) has not been read")
        }
        return read
    }

    /// Forgets a started request; returns its prompt when no other waits for it.
    mutating func leave(_ index: Int) -> ReadPrompt? {
        let prompt = requests[index].prompt
        remaining[prompt, default: 1] -= 1
        return remaining[prompt] == 0 ? readPrompts.removeValue(forKey: prompt) : nil
    }
}
