import ArgumentParser

/// What a job file says beside the launch itself.
struct JobOptions: ParsableArguments {
    @Option(name: .customLong("job-name"), help: "With --emit: name of the job (default: forktail).")
    var name: String?

    @Option(help: "With --emit mpijob or trainjob: image of the containers.")
    var image: String?

    @Option(help: "With --emit mpijob or trainjob: CLAIM:PATH, a volume that all containers have at PATH.")
    var volume: String?

    /// The first of the options that was given.
    var firstUsed: String? {
        name != nil ? "--job-name" : image != nil ? "--image" : volume != nil ? "--volume" : nil
    }
}
