export type { BlobPort, CompiledNet, CompileOptions, ParamPort, Port } from './compile.js';
export { compileNet, weightedTops } from './compile.js';
export { Engine } from './engine.js';
export type { ExportNetOptions } from './export.js';
export { exportNet } from './export.js';
export type { LayerTime, NetProfile } from './profile.js';
export { ProfileError } from './profile.js';
export type { Blob, EngineOptions, ExternalLoss, Feeds, Pass, PassOptions } from './types.js';
