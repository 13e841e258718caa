export * from './errors.js';
export type * from './schema/messages.js';
export type { AnyMessage, MessageBase, MessageInit, SourcePosition, UnknownField } from './schema/message.js';
export {
  addUnknownField,
  clear,
  clone,
  create,
  has,
  isMessage,
  mutable,
  sourceOf,
  unknownFields,
} from './schema/message.js';
export type {
  EnumDescriptor,
  FieldDescriptor,
  FieldType,
  MessageDescriptor,
  MessageName,
} from './schema/descriptors.js';
export { descriptorOf, messageNames } from './schema/descriptors.js';
export type { DecodeOptions } from './binary/decode.js';
export { decodeMessage, MAX_MESSAGE_BYTES } from './binary/decode.js';
export type { EncodedMessage } from './binary/encode.js';
export { encodeChunks, encodeMessage } from './binary/encode.js';
export type {
  BlobCount,
  LayerContext,
  LayerShapes,
  LayerSpec,
  LayerTable,
  ParamDeclaration,
  Shape,
} from './net/layer-spec.js';
export { layerContext } from './net/layer-spec.js';
export { blobShape, countOf, dimsOf, sameShape, shapeText } from './net/shape.js';
export type { Json } from './schema/json.js';
export { toJson } from './schema/json.js';
export type { ParseTextOptions } from './text/parse.js';
export { parseText } from './text/parse.js';
export type { PrintTextOptions } from './text/print.js';
export { printText } from './text/print.js';
export type { UpgradeOptions } from './upgrade/upgrade.js';
export { netGeneration, netUpgrades, upgradeNet, upgradeSolver } from './upgrade/upgrade.js';
export type { BuildNetOptions } from './net/build.js';
export { AUTOMATIC_TOP, buildNet } from './net/build.js';
export type { LearnableParam, Net, NetBlob, NetLayer, NetParam } from './net/net.js';
export { readNetFile, readSolverFile } from './net/read.js';
export type { SolverNet, SolverNetOptions } from './net/solver-nets.js';
export { solverNets } from './net/solver-nets.js';
export { insertSplits } from './net/splits.js';
export type { NetStateOptions } from './net/state.js';
export { filterNet, meetsRule, netState, solverNetState } from './net/state.js';
export { readBytes, replaceFile, writeBytes, writeText } from './files.js';
export type { StoredBlob } from './weights/blob.js';
export { blobProto, blobValues, storedBlob } from './weights/blob.js';
export { writeHdf5Layers } from './hdf5/weights.js';
export type { CopyReport } from './weights/copy.js';
export { copyWeights } from './weights/copy.js';
export type { NetValues, WeightFile, WeightLayer } from './weights/weight-file.js';
export {
  isHdf5File,
  netWithWeights,
  readBlobFile,
  readMessage,
  readWeights,
  weightsOf,
  writeMessage,
  writeWeights,
} from './weights/weight-file.js';
export type { SolverStateInit, StoredSolverState } from './weights/solver-state.js';
export { readSolverState, solverHistory, writeSolverState } from './weights/solver-state.js';
export type { LayerHost } from './layers/index.js';
export { isSource, layerTypes } from './layers/index.js';
export type {
  Blob,
  BlobPort,
  CompiledNet,
  CompileOptions,
  EngineOptions,
  ExternalLoss,
  Feeds,
  ParamPort,
  Pass,
  PassOptions,
  Port,
} from './engine/index.js';
export type { ExportNetOptions, LayerTime, NetProfile } from './engine/index.js';
export { compileNet, Engine, exportNet, ProfileError, weightedTops } from './engine/index.js';
export type {
  Iteration,
  RateOptions,
  Rule,
  SolverProgress,
  UpdateArrays,
  UpdateNumbers,
} from './solver/index.js';
export {
  CaffeDivergedError,
  CaffeSolverError,
  learningRate,
  ratePolicies,
  ruleOf,
  rules,
  Solver,
  stepAt,
} from './solver/index.js';
export * from './data/index.js';
export * from './fillers/index.js';
export * from './training/index.js';
