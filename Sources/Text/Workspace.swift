/// The memory that one thread reuses while it encodes.
// @unchecked Sendable proof: the tokenizer lends a workspace to one call at a time, under its mutex.
final class Workspace: @unchecked Sendable {
    let patternState = Pattern.State()
    var pieces = PieceEncoder()
}
