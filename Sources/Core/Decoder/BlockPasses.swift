/// What is done around a block of the model: bringing its weights together, and its gradients where they belong.
///
/// Blocks are named as in `ParameterSpec.block`.
public protocol BlockPasses: AnyObject {
    func willForward(_ block: String)
    func didForward(_ block: String)
    /// Before the backward of the block's operations.
    func willBackward(_ block: String)
    /// After it. Not called where no gradient leaves the block by its input: the first layer after frozen embeddings.
    func didBackward(_ block: String)
}
