import Random
