import Foundation

/// One start of all ranks by mpirun, to its end.
struct RankJob {
    let mpirun: MPIRun
    let arguments: [String]
    let environment: [String: String]

    /// How a job ended.
    struct Ending {
        /// mpirun's own, or 128 plus the signal that ended it.
        let status: Int32
        let output: RankOutput
    }

    /// After mpirun's end, how long something else may keep its streams open, milliseconds.
    private static let patience = 2000

    /// - Throws: what keeps mpirun from being started.
    func run(_ output: RankOutput, stopping: StopForwarding) throws -> Ending {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: mpirun.path)
        process.arguments = arguments
        process.environment = environment
        let pipes = [Pipe(), Pipe()]
        process.standardInput = FileHandle.nullDevice
        (process.standardOutput, process.standardError) = (pipes[0], pipes[1])
        try process.run()
        stopping.forward(to: process.processIdentifier)
        defer { stopping.forward(to: nil) }
        let output = read(pipes.map(\.fileHandleForReading), output, while: process)
        process.waitUntilExit()
        let status = process.terminationReason == .exit ? process.terminationStatus : 128 + process.terminationStatus
        return Ending(status: status, output: output)
    }

    /// Reads both streams until they end.
    private func read(_ files: [FileHandle], _ output: RankOutput, while process: Process) -> RankOutput {
        var output = output
        var streams = files.map { _ in TaggedStream(tagEnd: mpirun.tagEnd) }
        var descriptors = files.map { pollfd(fd: $0.fileDescriptor, events: Int16(POLLIN), revents: 0) }
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        var waited = 0
        while descriptors.contains(where: { $0.fd >= 0 }), waited < RankJob.patience {
            if poll(&descriptors, nfds_t(descriptors.count), 100) == 0 && !process.isRunning { waited += 100 }
            for index in descriptors.indices where descriptors[index].fd >= 0 && descriptors[index].revents != 0 {
                let count = Foundation.read(descriptors[index].fd, &buffer, buffer.count)
                if count > 0 {
                    output.take(streams[index].lines(buffer[..<count]), isError: index == 1)
                } else if count == 0 || errno != EINTR {
                    // poll passes over descriptors below 0.
                    descriptors[index].fd = -1
                }
            }
        }
        for index in streams.indices { output.take(streams[index].end(), isError: index == 1) }
        output.end()
        return output
    }
}
