/// A backend between a pass that is done twice and the one that does its work.
protocol PassBackend: Backend {
    /// See `Runtime.exchange`.
    func exchange(_ reads: [BufferView], _ writes: [BufferView], _ body: @escaping (Runtime) -> Void)
}
