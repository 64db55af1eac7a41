/// A line that came out of mpirun.
package struct RankLine: Sendable, Equatable {
    /// Who said it; nil = mpirun itself.
    package let rank: Int?
    package let text: String

    package init(rank: Int?, _ text: String) {
        (self.rank, self.text) = (rank, text)
    }
}
