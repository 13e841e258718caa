export type { DataNetOptions, OpenFeed } from './data-net.js';
export { DataNet, filledParams } from './data-net.js';
export type { IterationEvent, OutputValue, TestedEvent, TrainingEvent } from './events.js';
export type { SnapshotFiles } from './snapshots.js';
export { resumeSolver, Snapshots, withSnapshotPrefix } from './snapshots.js';
export type { TestMeans, TestResult, TrainerOptions, TrainerRequest } from './trainer.js';
export { testNet, Trainer } from './trainer.js';
export { Targets } from './targets.js';
