// Made by scripts/generate-schema.mjs from schema/caffe-schema.json: change those, not this file.

import type { MessageBase } from './message.js';

export type FillerParameterVarianceNorm = 'FAN_IN' | 'FAN_OUT' | 'AVERAGE';

export type SolverParameterSnapshotFormat = 'HDF5' | 'BINARYPROTO';

export type SolverParameterSolverMode = 'CPU' | 'GPU';

export type SolverParameterSolverType = 'SGD' | 'NESTEROV' | 'ADAGRAD' | 'RMSPROP' | 'ADADELTA' | 'ADAM';

export type ParamSpecDimCheckMode = 'STRICT' | 'PERMISSIVE';

export type LossParameterNormalizationMode = 'FULL' | 'VALID' | 'BATCH_SIZE' | 'NONE';

export type ConvolutionParameterEngine = 'DEFAULT' | 'CAFFE' | 'CUDNN';

export type DataParameterDB = 'LEVELDB' | 'LMDB';

export type EltwiseParameterEltwiseOp = 'PROD' | 'SUM' | 'MAX';

export type HingeLossParameterNorm = 'L1' | 'L2';

export type LRNParameterNormRegion = 'ACROSS_CHANNELS' | 'WITHIN_CHANNEL';

export type LRNParameterEngine = 'DEFAULT' | 'CAFFE' | 'CUDNN';

export type PoolingParameterPoolMethod = 'MAX' | 'AVE' | 'STOCHASTIC';

export type PoolingParameterEngine = 'DEFAULT' | 'CAFFE' | 'CUDNN';

export type PoolingParameterRoundMode = 'CEIL' | 'FLOOR';

export type ReductionParameterReductionOp = 'SUM' | 'ASUM' | 'SUMSQ' | 'MEAN';

export type ReLUParameterEngine = 'DEFAULT' | 'CAFFE' | 'CUDNN';

export type SigmoidParameterEngine = 'DEFAULT' | 'CAFFE' | 'CUDNN';

export type SoftmaxParameterEngine = 'DEFAULT' | 'CAFFE' | 'CUDNN';

export type TanHParameterEngine = 'DEFAULT' | 'CAFFE' | 'CUDNN';

export type SPPParameterPoolMethod = 'MAX' | 'AVE' | 'STOCHASTIC';

export type SPPParameterEngine = 'DEFAULT' | 'CAFFE' | 'CUDNN';

export type V1LayerParameterLayerType =
  | 'NONE'
  | 'ABSVAL'
  | 'ACCURACY'
  | 'ARGMAX'
  | 'BNLL'
  | 'CONCAT'
  | 'CONTRASTIVE_LOSS'
  | 'CONVOLUTION'
  | 'DATA'
  | 'DECONVOLUTION'
  | 'DROPOUT'
  | 'DUMMY_DATA'
  | 'EUCLIDEAN_LOSS'
  | 'ELTWISE'
  | 'EXP'
  | 'FLATTEN'
  | 'HDF5_DATA'
  | 'HDF5_OUTPUT'
  | 'HINGE_LOSS'
  | 'IM2COL'
  | 'IMAGE_DATA'
  | 'INFOGAIN_LOSS'
  | 'INNER_PRODUCT'
  | 'LRN'
  | 'MEMORY_DATA'
  | 'MULTINOMIAL_LOGISTIC_LOSS'
  | 'MVN'
  | 'POOLING'
  | 'POWER'
  | 'RELU'
  | 'SIGMOID'
  | 'SIGMOID_CROSS_ENTROPY_LOSS'
  | 'SILENCE'
  | 'SOFTMAX'
  | 'SOFTMAX_LOSS'
  | 'SPLIT'
  | 'SLICE'
  | 'TANH'
  | 'WINDOW_DATA'
  | 'THRESHOLD';

export type V1LayerParameterDimCheckMode = 'STRICT' | 'PERMISSIVE';

export type V0LayerParameterPoolMethod = 'MAX' | 'AVE' | 'STOCHASTIC';

export type Phase = 'TRAIN' | 'TEST';

export interface BlobShape extends MessageBase<'BlobShape'> {
  dim: readonly bigint[];
}

export interface BlobProto extends MessageBase<'BlobProto'> {
  shape: BlobShape;
  data: Float32Array;
  diff: Float32Array;
  double_data: Float64Array;
  double_diff: Float64Array;
  num: number;
  channels: number;
  height: number;
  width: number;
}

export interface BlobProtoVector extends MessageBase<'BlobProtoVector'> {
  blobs: readonly BlobProto[];
}

export interface Datum extends MessageBase<'Datum'> {
  channels: number;
  height: number;
  width: number;
  data: Uint8Array;
  label: number;
  float_data: Float32Array;
  encoded: boolean;
}

export interface FillerParameter extends MessageBase<'FillerParameter'> {
  type: string;
  value: number;
  min: number;
  max: number;
  mean: number;
  std: number;
  sparse: number;
  variance_norm: FillerParameterVarianceNorm;
}

export interface NetParameter extends MessageBase<'NetParameter'> {
  name: string;
  input: readonly string[];
  input_shape: readonly BlobShape[];
  input_dim: readonly number[];
  force_backward: boolean;
  state: NetState;
  debug_info: boolean;
  layer: readonly LayerParameter[];
  layers: readonly V1LayerParameter[];
}

export interface SolverParameter extends MessageBase<'SolverParameter'> {
  net: string;
  net_param: NetParameter;
  train_net: string;
  test_net: readonly string[];
  train_net_param: NetParameter;
  test_net_param: readonly NetParameter[];
  train_state: NetState;
  test_state: readonly NetState[];
  test_iter: readonly number[];
  test_interval: number;
  test_compute_loss: boolean;
  test_initialization: boolean;
  base_lr: number;
  display: number;
  average_loss: number;
  max_iter: number;
  iter_size: number;
  lr_policy: string;
  gamma: number;
  power: number;
  momentum: number;
  weight_decay: number;
  regularization_type: string;
  stepsize: number;
  stepvalue: readonly number[];
  clip_gradients: number;
  snapshot: number;
  snapshot_prefix: string;
  snapshot_diff: boolean;
  snapshot_format: SolverParameterSnapshotFormat;
  solver_mode: SolverParameterSolverMode;
  device_id: number;
  random_seed: bigint;
  type: string;
  delta: number;
  momentum2: number;
  rms_decay: number;
  debug_info: boolean;
  snapshot_after_train: boolean;
  solver_type: SolverParameterSolverType;
  layer_wise_reduce: boolean;
  weights: readonly string[];
}

export interface SolverState extends MessageBase<'SolverState'> {
  iter: number;
  learned_net: string;
  history: readonly BlobProto[];
  current_step: number;
}

export interface NetState extends MessageBase<'NetState'> {
  phase: Phase;
  level: number;
  stage: readonly string[];
}

export interface NetStateRule extends MessageBase<'NetStateRule'> {
  phase: Phase;
  min_level: number;
  max_level: number;
  stage: readonly string[];
  not_stage: readonly string[];
}

export interface ParamSpec extends MessageBase<'ParamSpec'> {
  name: string;
  share_mode: ParamSpecDimCheckMode;
  lr_mult: number;
  decay_mult: number;
}

export interface LayerParameter extends MessageBase<'LayerParameter'> {
  name: string;
  type: string;
  bottom: readonly string[];
  top: readonly string[];
  phase: Phase;
  loss_weight: readonly number[];
  param: readonly ParamSpec[];
  blobs: readonly BlobProto[];
  propagate_down: readonly boolean[];
  include: readonly NetStateRule[];
  exclude: readonly NetStateRule[];
  transform_param: TransformationParameter;
  loss_param: LossParameter;
  accuracy_param: AccuracyParameter;
  argmax_param: ArgMaxParameter;
  batch_norm_param: BatchNormParameter;
  bias_param: BiasParameter;
  clip_param: ClipParameter;
  concat_param: ConcatParameter;
  contrastive_loss_param: ContrastiveLossParameter;
  convolution_param: ConvolutionParameter;
  crop_param: CropParameter;
  data_param: DataParameter;
  dropout_param: DropoutParameter;
  dummy_data_param: DummyDataParameter;
  eltwise_param: EltwiseParameter;
  elu_param: ELUParameter;
  embed_param: EmbedParameter;
  exp_param: ExpParameter;
  flatten_param: FlattenParameter;
  hdf5_data_param: HDF5DataParameter;
  hdf5_output_param: HDF5OutputParameter;
  hinge_loss_param: HingeLossParameter;
  image_data_param: ImageDataParameter;
  infogain_loss_param: InfogainLossParameter;
  inner_product_param: InnerProductParameter;
  input_param: InputParameter;
  log_param: LogParameter;
  lrn_param: LRNParameter;
  memory_data_param: MemoryDataParameter;
  mvn_param: MVNParameter;
  parameter_param: ParameterParameter;
  pooling_param: PoolingParameter;
  power_param: PowerParameter;
  prelu_param: PReLUParameter;
  python_param: PythonParameter;
  recurrent_param: RecurrentParameter;
  reduction_param: ReductionParameter;
  relu_param: ReLUParameter;
  reshape_param: ReshapeParameter;
  scale_param: ScaleParameter;
  sigmoid_param: SigmoidParameter;
  softmax_param: SoftmaxParameter;
  spp_param: SPPParameter;
  slice_param: SliceParameter;
  swish_param: SwishParameter;
  tanh_param: TanHParameter;
  threshold_param: ThresholdParameter;
  tile_param: TileParameter;
  window_data_param: WindowDataParameter;
}

export interface TransformationParameter extends MessageBase<'TransformationParameter'> {
  scale: number;
  mirror: boolean;
  crop_size: number;
  mean_file: string;
  mean_value: readonly number[];
  force_color: boolean;
  force_gray: boolean;
}

export interface LossParameter extends MessageBase<'LossParameter'> {
  ignore_label: number;
  normalization: LossParameterNormalizationMode;
  normalize: boolean;
}

export interface AccuracyParameter extends MessageBase<'AccuracyParameter'> {
  top_k: number;
  axis: number;
  ignore_label: number;
}

export interface ArgMaxParameter extends MessageBase<'ArgMaxParameter'> {
  out_max_val: boolean;
  top_k: number;
  axis: number;
}

export interface ClipParameter extends MessageBase<'ClipParameter'> {
  min: number;
  max: number;
}

export interface ConcatParameter extends MessageBase<'ConcatParameter'> {
  axis: number;
  concat_dim: number;
}

export interface BatchNormParameter extends MessageBase<'BatchNormParameter'> {
  use_global_stats: boolean;
  moving_average_fraction: number;
  eps: number;
}

export interface BiasParameter extends MessageBase<'BiasParameter'> {
  axis: number;
  num_axes: number;
  filler: FillerParameter;
}

export interface ContrastiveLossParameter extends MessageBase<'ContrastiveLossParameter'> {
  margin: number;
  legacy_version: boolean;
}

export interface ConvolutionParameter extends MessageBase<'ConvolutionParameter'> {
  num_output: number;
  bias_term: boolean;
  pad: readonly number[];
  kernel_size: readonly number[];
  stride: readonly number[];
  dilation: readonly number[];
  pad_h: number;
  pad_w: number;
  kernel_h: number;
  kernel_w: number;
  stride_h: number;
  stride_w: number;
  group: number;
  weight_filler: FillerParameter;
  bias_filler: FillerParameter;
  engine: ConvolutionParameterEngine;
  axis: number;
  force_nd_im2col: boolean;
}

export interface CropParameter extends MessageBase<'CropParameter'> {
  axis: number;
  offset: readonly number[];
}

export interface DataParameter extends MessageBase<'DataParameter'> {
  source: string;
  batch_size: number;
  rand_skip: number;
  backend: DataParameterDB;
  scale: number;
  mean_file: string;
  crop_size: number;
  mirror: boolean;
  force_encoded_color: boolean;
  prefetch: number;
}

export interface DropoutParameter extends MessageBase<'DropoutParameter'> {
  dropout_ratio: number;
}

export interface DummyDataParameter extends MessageBase<'DummyDataParameter'> {
  data_filler: readonly FillerParameter[];
  shape: readonly BlobShape[];
  num: readonly number[];
  channels: readonly number[];
  height: readonly number[];
  width: readonly number[];
}

export interface EltwiseParameter extends MessageBase<'EltwiseParameter'> {
  operation: EltwiseParameterEltwiseOp;
  coeff: readonly number[];
  stable_prod_grad: boolean;
}

export interface ELUParameter extends MessageBase<'ELUParameter'> {
  alpha: number;
}

export interface EmbedParameter extends MessageBase<'EmbedParameter'> {
  num_output: number;
  input_dim: number;
  bias_term: boolean;
  weight_filler: FillerParameter;
  bias_filler: FillerParameter;
}

export interface ExpParameter extends MessageBase<'ExpParameter'> {
  base: number;
  scale: number;
  shift: number;
}

export interface FlattenParameter extends MessageBase<'FlattenParameter'> {
  axis: number;
  end_axis: number;
}

export interface HDF5DataParameter extends MessageBase<'HDF5DataParameter'> {
  source: string;
  batch_size: number;
  shuffle: boolean;
}

export interface HDF5OutputParameter extends MessageBase<'HDF5OutputParameter'> {
  file_name: string;
}

export interface HingeLossParameter extends MessageBase<'HingeLossParameter'> {
  norm: HingeLossParameterNorm;
}

export interface ImageDataParameter extends MessageBase<'ImageDataParameter'> {
  source: string;
  batch_size: number;
  rand_skip: number;
  shuffle: boolean;
  new_height: number;
  new_width: number;
  is_color: boolean;
  scale: number;
  mean_file: string;
  crop_size: number;
  mirror: boolean;
  root_folder: string;
}

export interface InfogainLossParameter extends MessageBase<'InfogainLossParameter'> {
  source: string;
  axis: number;
}

export interface InnerProductParameter extends MessageBase<'InnerProductParameter'> {
  num_output: number;
  bias_term: boolean;
  weight_filler: FillerParameter;
  bias_filler: FillerParameter;
  axis: number;
  transpose: boolean;
}

export interface InputParameter extends MessageBase<'InputParameter'> {
  shape: readonly BlobShape[];
}

export interface LogParameter extends MessageBase<'LogParameter'> {
  base: number;
  scale: number;
  shift: number;
}

export interface LRNParameter extends MessageBase<'LRNParameter'> {
  local_size: number;
  alpha: number;
  beta: number;
  norm_region: LRNParameterNormRegion;
  k: number;
  engine: LRNParameterEngine;
}

export interface MemoryDataParameter extends MessageBase<'MemoryDataParameter'> {
  batch_size: number;
  channels: number;
  height: number;
  width: number;
}

export interface MVNParameter extends MessageBase<'MVNParameter'> {
  normalize_variance: boolean;
  across_channels: boolean;
  eps: number;
}

export interface ParameterParameter extends MessageBase<'ParameterParameter'> {
  shape: BlobShape;
}

export interface PoolingParameter extends MessageBase<'PoolingParameter'> {
  pool: PoolingParameterPoolMethod;
  pad: number;
  pad_h: number;
  pad_w: number;
  kernel_size: number;
  kernel_h: number;
  kernel_w: number;
  stride: number;
  stride_h: number;
  stride_w: number;
  engine: PoolingParameterEngine;
  global_pooling: boolean;
  round_mode: PoolingParameterRoundMode;
}

export interface PowerParameter extends MessageBase<'PowerParameter'> {
  power: number;
  scale: number;
  shift: number;
}

export interface PythonParameter extends MessageBase<'PythonParameter'> {
  module: string;
  layer: string;
  param_str: string;
  share_in_parallel: boolean;
}

export interface RecurrentParameter extends MessageBase<'RecurrentParameter'> {
  num_output: number;
  weight_filler: FillerParameter;
  bias_filler: FillerParameter;
  debug_info: boolean;
  expose_hidden: boolean;
}

export interface ReductionParameter extends MessageBase<'ReductionParameter'> {
  operation: ReductionParameterReductionOp;
  axis: number;
  coeff: number;
}

export interface ReLUParameter extends MessageBase<'ReLUParameter'> {
  negative_slope: number;
  engine: ReLUParameterEngine;
}

export interface ReshapeParameter extends MessageBase<'ReshapeParameter'> {
  shape: BlobShape;
  axis: number;
  num_axes: number;
}

export interface ScaleParameter extends MessageBase<'ScaleParameter'> {
  axis: number;
  num_axes: number;
  filler: FillerParameter;
  bias_term: boolean;
  bias_filler: FillerParameter;
}

export interface SigmoidParameter extends MessageBase<'SigmoidParameter'> {
  engine: SigmoidParameterEngine;
}

export interface SliceParameter extends MessageBase<'SliceParameter'> {
  axis: number;
  slice_point: readonly number[];
  slice_dim: number;
}

export interface SoftmaxParameter extends MessageBase<'SoftmaxParameter'> {
  engine: SoftmaxParameterEngine;
  axis: number;
}

export interface SwishParameter extends MessageBase<'SwishParameter'> {
  beta: number;
}

export interface TanHParameter extends MessageBase<'TanHParameter'> {
  engine: TanHParameterEngine;
}

export interface TileParameter extends MessageBase<'TileParameter'> {
  axis: number;
  tiles: number;
}

export interface ThresholdParameter extends MessageBase<'ThresholdParameter'> {
  threshold: number;
}

export interface WindowDataParameter extends MessageBase<'WindowDataParameter'> {
  source: string;
  scale: number;
  mean_file: string;
  batch_size: number;
  crop_size: number;
  mirror: boolean;
  fg_threshold: number;
  bg_threshold: number;
  fg_fraction: number;
  context_pad: number;
  crop_mode: string;
  cache_images: boolean;
  root_folder: string;
}

export interface SPPParameter extends MessageBase<'SPPParameter'> {
  pyramid_height: number;
  pool: SPPParameterPoolMethod;
  engine: SPPParameterEngine;
}

export interface V1LayerParameter extends MessageBase<'V1LayerParameter'> {
  bottom: readonly string[];
  top: readonly string[];
  name: string;
  include: readonly NetStateRule[];
  exclude: readonly NetStateRule[];
  type: V1LayerParameterLayerType;
  blobs: readonly BlobProto[];
  param: readonly string[];
  blob_share_mode: readonly V1LayerParameterDimCheckMode[];
  blobs_lr: readonly number[];
  weight_decay: readonly number[];
  loss_weight: readonly number[];
  accuracy_param: AccuracyParameter;
  argmax_param: ArgMaxParameter;
  concat_param: ConcatParameter;
  contrastive_loss_param: ContrastiveLossParameter;
  convolution_param: ConvolutionParameter;
  data_param: DataParameter;
  dropout_param: DropoutParameter;
  dummy_data_param: DummyDataParameter;
  eltwise_param: EltwiseParameter;
  exp_param: ExpParameter;
  hdf5_data_param: HDF5DataParameter;
  hdf5_output_param: HDF5OutputParameter;
  hinge_loss_param: HingeLossParameter;
  image_data_param: ImageDataParameter;
  infogain_loss_param: InfogainLossParameter;
  inner_product_param: InnerProductParameter;
  lrn_param: LRNParameter;
  memory_data_param: MemoryDataParameter;
  mvn_param: MVNParameter;
  pooling_param: PoolingParameter;
  power_param: PowerParameter;
  relu_param: ReLUParameter;
  sigmoid_param: SigmoidParameter;
  softmax_param: SoftmaxParameter;
  slice_param: SliceParameter;
  tanh_param: TanHParameter;
  threshold_param: ThresholdParameter;
  window_data_param: WindowDataParameter;
  transform_param: TransformationParameter;
  loss_param: LossParameter;
  layer: V0LayerParameter;
}

export interface V0LayerParameter extends MessageBase<'V0LayerParameter'> {
  name: string;
  type: string;
  num_output: number;
  biasterm: boolean;
  weight_filler: FillerParameter;
  bias_filler: FillerParameter;
  pad: number;
  kernelsize: number;
  group: number;
  stride: number;
  pool: V0LayerParameterPoolMethod;
  dropout_ratio: number;
  local_size: number;
  alpha: number;
  beta: number;
  k: number;
  source: string;
  scale: number;
  meanfile: string;
  batchsize: number;
  cropsize: number;
  mirror: boolean;
  blobs: readonly BlobProto[];
  blobs_lr: readonly number[];
  weight_decay: readonly number[];
  rand_skip: number;
  det_fg_threshold: number;
  det_bg_threshold: number;
  det_fg_fraction: number;
  det_context_pad: number;
  det_crop_mode: string;
  new_num: number;
  new_channels: number;
  new_height: number;
  new_width: number;
  shuffle_images: boolean;
  concat_dim: number;
  hdf5_output_param: HDF5OutputParameter;
}

export interface PReLUParameter extends MessageBase<'PReLUParameter'> {
  filler: FillerParameter;
  channel_shared: boolean;
}

/** Every message type by its name in Caffe's schema. */
export interface MessageTypes {
  BlobShape: BlobShape;
  BlobProto: BlobProto;
  BlobProtoVector: BlobProtoVector;
  Datum: Datum;
  FillerParameter: FillerParameter;
  NetParameter: NetParameter;
  SolverParameter: SolverParameter;
  SolverState: SolverState;
  NetState: NetState;
  NetStateRule: NetStateRule;
  ParamSpec: ParamSpec;
  LayerParameter: LayerParameter;
  TransformationParameter: TransformationParameter;
  LossParameter: LossParameter;
  AccuracyParameter: AccuracyParameter;
  ArgMaxParameter: ArgMaxParameter;
  ClipParameter: ClipParameter;
  ConcatParameter: ConcatParameter;
  BatchNormParameter: BatchNormParameter;
  BiasParameter: BiasParameter;
  ContrastiveLossParameter: ContrastiveLossParameter;
  ConvolutionParameter: ConvolutionParameter;
  CropParameter: CropParameter;
  DataParameter: DataParameter;
  DropoutParameter: DropoutParameter;
  DummyDataParameter: DummyDataParameter;
  EltwiseParameter: EltwiseParameter;
  ELUParameter: ELUParameter;
  EmbedParameter: EmbedParameter;
  ExpParameter: ExpParameter;
  FlattenParameter: FlattenParameter;
  HDF5DataParameter: HDF5DataParameter;
  HDF5OutputParameter: HDF5OutputParameter;
  HingeLossParameter: HingeLossParameter;
  ImageDataParameter: ImageDataParameter;
  InfogainLossParameter: InfogainLossParameter;
  InnerProductParameter: InnerProductParameter;
  InputParameter: InputParameter;
  LogParameter: LogParameter;
  LRNParameter: LRNParameter;
  MemoryDataParameter: MemoryDataParameter;
  MVNParameter: MVNParameter;
  ParameterParameter: ParameterParameter;
  PoolingParameter: PoolingParameter;
  PowerParameter: PowerParameter;
  PythonParameter: PythonParameter;
  RecurrentParameter: RecurrentParameter;
  ReductionParameter: ReductionParameter;
  ReLUParameter: ReLUParameter;
  ReshapeParameter: ReshapeParameter;
  ScaleParameter: ScaleParameter;
  SigmoidParameter: SigmoidParameter;
  SliceParameter: SliceParameter;
  SoftmaxParameter: SoftmaxParameter;
  SwishParameter: SwishParameter;
  TanHParameter: TanHParameter;
  TileParameter: TileParameter;
  ThresholdParameter: ThresholdParameter;
  WindowDataParameter: WindowDataParameter;
  SPPParameter: SPPParameter;
  V1LayerParameter: V1LayerParameter;
  V0LayerParameter: V0LayerParameter;
  PReLUParameter: PReLUParameter;
}
