import Host
import Testing

/// Remarks as mpirun of Open MPI 4.1 (ORTE) and 5.0 (PRRTE) makes them.
@Suite struct RankFailureTests {
    struct Case: Sendable {
        let remark: String
        let failure: RankFailure
        let status: Host.ExitStatus
        let words: String

        init(_ remark: String, _ failure: RankFailure, _ status: Host.ExitStatus, _ words: String) {
            (self.remark, self.failure, self.status, self.words) = (remark, failure, status, words)
        }
    }

    static let cases: [Case] = [
        Case(
            "mpirun noticed that process rank 1 with PID 0 on node vm exited on signal 9 (Killed).",
            RankFailure(rank: 1, machine: "vm", cause: .signal(9)), .peerLost,
            "rank 1 on vm was ended by signal 9 (Killed)"
        ),
        Case(
            "prterun noticed that process rank 12 with PID 7 on node node-3.cluster exited on\nsignal 11 (Segmentation fault).",
            RankFailure(rank: 12, machine: "node-3.cluster", cause: .signal(11)), .failed,
            "rank 12 on node-3.cluster was ended by signal 11 (Segmentation fault)"
        ),
        Case(
            "mpirun detected that one or more processes exited with non-zero status, thus causing\nthe job to be terminated. "
                + "The first process to do so was:\n\n  Process name: [[17978,1],1]\n  Exit code:    2\n",
            RankFailure(rank: 1, machine: nil, cause: .status(2)), .wrongInput, "rank 1 left with 2 (its input was wrong)"
        ),
        Case(
            "prterun detected that one or more processes exited with non-zero status,\nthus causing the job to be terminated. "
                + "The first process to do so was:\n\n   Process name: [prterun-vm-11729@1,30]\n   Exit code:    22\n",
            RankFailure(rank: 30, machine: nil, cause: .status(22)), .stoppedOnRequest,
            "rank 30 left with 22 (stopped on request)"
        ),
        Case(
            "... Process name: [[17978,1],0]\n  Exit code:    137", RankFailure(rank: 0, machine: nil, cause: .signal(9)),
            .peerLost, "rank 0 was ended by signal 9 (Killed)"
        ),
        Case(
            "... Process name: [[17978,1],0]\n  Exit code:    77", RankFailure(rank: 0, machine: nil, cause: .status(77)),
            .failed, "rank 0 left with 77"
        ),
        Case(
            "MPI_ABORT was invoked on rank 3 in communicator MPI_COMM_WORLD\nwith errorcode 21.",
            RankFailure(rank: 3, machine: nil, cause: .status(21)), .peerLost, "rank 3 left with 21 (a peer was lost)"
        ),
        Case(
            "MPI_ABORT was invoked on rank 3 in communicator MPI_COMM_WORLD\n  Proc: [[1,1],3]\n  Errorcode: 21\n",
            RankFailure(rank: 3, machine: nil, cause: .status(21)), .peerLost, "rank 3 left with 21 (a peer was lost)"
        ),
        Case(
            "mpirun has exited due to process rank 2 with PID 0 on\nnode vm exiting improperly. There are three reasons",
            RankFailure(rank: 2, machine: "vm", cause: .vanished), .failed, "rank 2 on vm left without telling the others"
        ),
        Case(
            "ORTE has lost communication with a remote daemon.\n\n  HNP daemon   : [[16919,0],0] on node a\n  Remote daemon: "
                + "[[16919,0],3] on node b\n\nThis is usually due to",
            RankFailure(rank: nil, machine: "b", cause: .machineLost), .peerLost, "the machine b does not answer any more"
        ),
        Case(
            "PRTE has lost communication with a remote daemon.\n\n  HNP daemon   : [prterun-a-34@0,0] on node a\n  Remote daemon: "
                + "[prterun-a-34@0,1] on node b\n",
            RankFailure(rank: nil, machine: "b", cause: .machineLost), .peerLost, "the machine b does not answer any more"
        ),
    ]

    @Test(arguments: cases.indices)
    func `a remark says who failed, how, and how the launch ends`(index: Int) {
        let expected = Self.cases[index]
        let found = RankFailure(remark: expected.remark)
        #expect(found == expected.failure)
        #expect(found?.status == expected.status)
        #expect(found?.description == expected.words)
    }

    @Test func `a remark on something else is none`() {
        #expect(RankFailure(remark: "There are not enough slots available in the system to satisfy the 3 slots") == nil)
        #expect(RankFailure(remark: "") == nil)
    }
}
