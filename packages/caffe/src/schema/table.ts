// Made by scripts/generate-schema.mjs from schema/caffe-schema.json: change those, not this file.

/** Per message, one line a field: number, name, label (o optional, q required, r repeated, p repeated and packed), type, default as JSON. */
export const MESSAGES: Readonly<Record<string, string>> = {
  BlobShape: `
    1 dim p int64
  `,
  BlobProto: `
    7 shape o :BlobShape
    5 data p float[]
    6 diff p float[]
    8 double_data p double[]
    9 double_diff p double[]
    1 num o int32 0
    2 channels o int32 0
    3 height o int32 0
    4 width o int32 0
  `,
  BlobProtoVector: `
    1 blobs r :BlobProto
  `,
  Datum: `
    1 channels o int32
    2 height o int32
    3 width o int32
    4 data o bytes
    5 label o int32
    6 float_data r float[]
    7 encoded o bool false
  `,
  FillerParameter: `
    1 type o string "constant"
    2 value o float 0
    3 min o float 0
    4 max o float 1
    5 mean o float 0
    6 std o float 1
    7 sparse o int32 -1
    8 variance_norm o =FillerParameter.VarianceNorm "FAN_IN"
  `,
  NetParameter: `
    1 name o string
    3 input r string
    8 input_shape r :BlobShape
    4 input_dim r int32
    5 force_backward o bool false
    6 state o :NetState
    7 debug_info o bool false
    100 layer r :LayerParameter
    2 layers r :V1LayerParameter
  `,
  SolverParameter: `
    24 net o string
    25 net_param o :NetParameter
    1 train_net o string
    2 test_net r string
    21 train_net_param o :NetParameter
    22 test_net_param r :NetParameter
    26 train_state o :NetState
    27 test_state r :NetState
    3 test_iter r int32
    4 test_interval o int32 0
    19 test_compute_loss o bool false
    32 test_initialization o bool true
    5 base_lr o float
    6 display o int32
    33 average_loss o int32 1
    7 max_iter o int32
    36 iter_size o int32 1
    8 lr_policy o string
    9 gamma o float
    10 power o float
    11 momentum o float
    12 weight_decay o float
    29 regularization_type o string "L2"
    13 stepsize o int32
    34 stepvalue r int32
    35 clip_gradients o float -1
    14 snapshot o int32 0
    15 snapshot_prefix o string
    16 snapshot_diff o bool false
    37 snapshot_format o =SolverParameter.SnapshotFormat "BINARYPROTO"
    17 solver_mode o =SolverParameter.SolverMode "GPU"
    18 device_id o int32 0
    20 random_seed o int64 -1
    40 type o string "SGD"
    31 delta o float 9.99999993922529e-9
    39 momentum2 o float 0.9990000128746033
    38 rms_decay o float 0.9900000095367432
    23 debug_info o bool false
    28 snapshot_after_train o bool true
    30 solver_type o =SolverParameter.SolverType "SGD"
    41 layer_wise_reduce o bool true
    42 weights r string
  `,
  SolverState: `
    1 iter o int32
    2 learned_net o string
    3 history r :BlobProto
    4 current_step o int32 0
  `,
  NetState: `
    1 phase o =Phase "TEST"
    2 level o int32 0
    3 stage r string
  `,
  NetStateRule: `
    1 phase o =Phase
    2 min_level o int32
    3 max_level o int32
    4 stage r string
    5 not_stage r string
  `,
  ParamSpec: `
    1 name o string
    2 share_mode o =ParamSpec.DimCheckMode
    3 lr_mult o float 1
    4 decay_mult o float 1
  `,
  LayerParameter: `
    1 name o string
    2 type o string
    3 bottom r string
    4 top r string
    10 phase o =Phase
    5 loss_weight r float
    6 param r :ParamSpec
    7 blobs r :BlobProto
    11 propagate_down r bool
    8 include r :NetStateRule
    9 exclude r :NetStateRule
    100 transform_param o :TransformationParameter
    101 loss_param o :LossParameter
    102 accuracy_param o :AccuracyParameter
    103 argmax_param o :ArgMaxParameter
    139 batch_norm_param o :BatchNormParameter
    141 bias_param o :BiasParameter
    148 clip_param o :ClipParameter
    104 concat_param o :ConcatParameter
    105 contrastive_loss_param o :ContrastiveLossParameter
    106 convolution_param o :ConvolutionParameter
    144 crop_param o :CropParameter
    107 data_param o :DataParameter
    108 dropout_param o :DropoutParameter
    109 dummy_data_param o :DummyDataParameter
    110 eltwise_param o :EltwiseParameter
    140 elu_param o :ELUParameter
    137 embed_param o :EmbedParameter
    111 exp_param o :ExpParameter
    135 flatten_param o :FlattenParameter
    112 hdf5_data_param o :HDF5DataParameter
    113 hdf5_output_param o :HDF5OutputParameter
    114 hinge_loss_param o :HingeLossParameter
    115 image_data_param o :ImageDataParameter
    116 infogain_loss_param o :InfogainLossParameter
    117 inner_product_param o :InnerProductParameter
    143 input_param o :InputParameter
    134 log_param o :LogParameter
    118 lrn_param o :LRNParameter
    119 memory_data_param o :MemoryDataParameter
    120 mvn_param o :MVNParameter
    145 parameter_param o :ParameterParameter
    121 pooling_param o :PoolingParameter
    122 power_param o :PowerParameter
    131 prelu_param o :PReLUParameter
    130 python_param o :PythonParameter
    146 recurrent_param o :RecurrentParameter
    136 reduction_param o :ReductionParameter
    123 relu_param o :ReLUParameter
    133 reshape_param o :ReshapeParameter
    142 scale_param o :ScaleParameter
    124 sigmoid_param o :SigmoidParameter
    125 softmax_param o :SoftmaxParameter
    132 spp_param o :SPPParameter
    126 slice_param o :SliceParameter
    147 swish_param o :SwishParameter
    127 tanh_param o :TanHParameter
    128 threshold_param o :ThresholdParameter
    138 tile_param o :TileParameter
    129 window_data_param o :WindowDataParameter
  `,
  TransformationParameter: `
    1 scale o float 1
    2 mirror o bool false
    3 crop_size o uint32 0
    4 mean_file o string
    5 mean_value r float
    6 force_color o bool false
    7 force_gray o bool false
  `,
  LossParameter: `
    1 ignore_label o int32
    3 normalization o =LossParameter.NormalizationMode "VALID"
    2 normalize o bool
  `,
  AccuracyParameter: `
    1 top_k o uint32 1
    2 axis o int32 1
    3 ignore_label o int32
  `,
  ArgMaxParameter: `
    1 out_max_val o bool false
    2 top_k o uint32 1
    3 axis o int32
  `,
  ClipParameter: `
    1 min q float
    2 max q float
  `,
  ConcatParameter: `
    2 axis o int32 1
    1 concat_dim o uint32 1
  `,
  BatchNormParameter: `
    1 use_global_stats o bool
    2 moving_average_fraction o float 0.9990000128746033
    3 eps o float 0.000009999999747378752
  `,
  BiasParameter: `
    1 axis o int32 1
    2 num_axes o int32 1
    3 filler o :FillerParameter
  `,
  ContrastiveLossParameter: `
    1 margin o float 1
    2 legacy_version o bool false
  `,
  ConvolutionParameter: `
    1 num_output o uint32
    2 bias_term o bool true
    3 pad r uint32
    4 kernel_size r uint32
    6 stride r uint32
    18 dilation r uint32
    9 pad_h o uint32 0
    10 pad_w o uint32 0
    11 kernel_h o uint32
    12 kernel_w o uint32
    13 stride_h o uint32
    14 stride_w o uint32
    5 group o uint32 1
    7 weight_filler o :FillerParameter
    8 bias_filler o :FillerParameter
    15 engine o =ConvolutionParameter.Engine "DEFAULT"
    16 axis o int32 1
    17 force_nd_im2col o bool false
  `,
  CropParameter: `
    1 axis o int32 2
    2 offset r uint32
  `,
  DataParameter: `
    1 source o string
    4 batch_size o uint32
    7 rand_skip o uint32 0
    8 backend o =DataParameter.DB "LEVELDB"
    2 scale o float 1
    3 mean_file o string
    5 crop_size o uint32 0
    6 mirror o bool false
    9 force_encoded_color o bool false
    10 prefetch o uint32 4
  `,
  DropoutParameter: `
    1 dropout_ratio o float 0.5
  `,
  DummyDataParameter: `
    1 data_filler r :FillerParameter
    6 shape r :BlobShape
    2 num r uint32
    3 channels r uint32
    4 height r uint32
    5 width r uint32
  `,
  EltwiseParameter: `
    1 operation o =EltwiseParameter.EltwiseOp "SUM"
    2 coeff r float
    3 stable_prod_grad o bool true
  `,
  ELUParameter: `
    1 alpha o float 1
  `,
  EmbedParameter: `
    1 num_output o uint32
    2 input_dim o uint32
    3 bias_term o bool true
    4 weight_filler o :FillerParameter
    5 bias_filler o :FillerParameter
  `,
  ExpParameter: `
    1 base o float -1
    2 scale o float 1
    3 shift o float 0
  `,
  FlattenParameter: `
    1 axis o int32 1
    2 end_axis o int32 -1
  `,
  HDF5DataParameter: `
    1 source o string
    2 batch_size o uint32
    3 shuffle o bool false
  `,
  HDF5OutputParameter: `
    1 file_name o string
  `,
  HingeLossParameter: `
    1 norm o =HingeLossParameter.Norm "L1"
  `,
  ImageDataParameter: `
    1 source o string
    4 batch_size o uint32 1
    7 rand_skip o uint32 0
    8 shuffle o bool false
    9 new_height o uint32 0
    10 new_width o uint32 0
    11 is_color o bool true
    2 scale o float 1
    3 mean_file o string
    5 crop_size o uint32 0
    6 mirror o bool false
    12 root_folder o string ""
  `,
  InfogainLossParameter: `
    1 source o string
    2 axis o int32 1
  `,
  InnerProductParameter: `
    1 num_output o uint32
    2 bias_term o bool true
    3 weight_filler o :FillerParameter
    4 bias_filler o :FillerParameter
    5 axis o int32 1
    6 transpose o bool false
  `,
  InputParameter: `
    1 shape r :BlobShape
  `,
  LogParameter: `
    1 base o float -1
    2 scale o float 1
    3 shift o float 0
  `,
  LRNParameter: `
    1 local_size o uint32 5
    2 alpha o float 1
    3 beta o float 0.75
    4 norm_region o =LRNParameter.NormRegion "ACROSS_CHANNELS"
    5 k o float 1
    6 engine o =LRNParameter.Engine "DEFAULT"
  `,
  MemoryDataParameter: `
    1 batch_size o uint32
    2 channels o uint32
    3 height o uint32
    4 width o uint32
  `,
  MVNParameter: `
    1 normalize_variance o bool true
    2 across_channels o bool false
    3 eps o float 9.999999717180685e-10
  `,
  ParameterParameter: `
    1 shape o :BlobShape
  `,
  PoolingParameter: `
    1 pool o =PoolingParameter.PoolMethod "MAX"
    4 pad o uint32 0
    9 pad_h o uint32 0
    10 pad_w o uint32 0
    2 kernel_size o uint32
    5 kernel_h o uint32
    6 kernel_w o uint32
    3 stride o uint32 1
    7 stride_h o uint32
    8 stride_w o uint32
    11 engine o =PoolingParameter.Engine "DEFAULT"
    12 global_pooling o bool false
    13 round_mode o =PoolingParameter.RoundMode "CEIL"
  `,
  PowerParameter: `
    1 power o float 1
    2 scale o float 1
    3 shift o float 0
  `,
  PythonParameter: `
    1 module o string
    2 layer o string
    3 param_str o string ""
    4 share_in_parallel o bool false
  `,
  RecurrentParameter: `
    1 num_output o uint32 0
    2 weight_filler o :FillerParameter
    3 bias_filler o :FillerParameter
    4 debug_info o bool false
    5 expose_hidden o bool false
  `,
  ReductionParameter: `
    1 operation o =ReductionParameter.ReductionOp "SUM"
    2 axis o int32 0
    3 coeff o float 1
  `,
  ReLUParameter: `
    1 negative_slope o float 0
    2 engine o =ReLUParameter.Engine "DEFAULT"
  `,
  ReshapeParameter: `
    1 shape o :BlobShape
    2 axis o int32 0
    3 num_axes o int32 -1
  `,
  ScaleParameter: `
    1 axis o int32 1
    2 num_axes o int32 1
    3 filler o :FillerParameter
    4 bias_term o bool false
    5 bias_filler o :FillerParameter
  `,
  SigmoidParameter: `
    1 engine o =SigmoidParameter.Engine "DEFAULT"
  `,
  SliceParameter: `
    3 axis o int32 1
    2 slice_point r uint32
    1 slice_dim o uint32 1
  `,
  SoftmaxParameter: `
    1 engine o =SoftmaxParameter.Engine "DEFAULT"
    2 axis o int32 1
  `,
  SwishParameter: `
    1 beta o float 1
  `,
  TanHParameter: `
    1 engine o =TanHParameter.Engine "DEFAULT"
  `,
  TileParameter: `
    1 axis o int32 1
    2 tiles o int32
  `,
  ThresholdParameter: `
    1 threshold o float 0
  `,
  WindowDataParameter: `
    1 source o string
    2 scale o float 1
    3 mean_file o string
    4 batch_size o uint32
    5 crop_size o uint32 0
    6 mirror o bool false
    7 fg_threshold o float 0.5
    8 bg_threshold o float 0.5
    9 fg_fraction o float 0.25
    10 context_pad o uint32 0
    11 crop_mode o string "warp"
    12 cache_images o bool false
    13 root_folder o string ""
  `,
  SPPParameter: `
    1 pyramid_height o uint32
    2 pool o =SPPParameter.PoolMethod "MAX"
    6 engine o =SPPParameter.Engine "DEFAULT"
  `,
  V1LayerParameter: `
    2 bottom r string
    3 top r string
    4 name o string
    32 include r :NetStateRule
    33 exclude r :NetStateRule
    5 type o =V1LayerParameter.LayerType
    6 blobs r :BlobProto
    1001 param r string
    1002 blob_share_mode r =V1LayerParameter.DimCheckMode
    7 blobs_lr r float
    8 weight_decay r float
    35 loss_weight r float
    27 accuracy_param o :AccuracyParameter
    23 argmax_param o :ArgMaxParameter
    9 concat_param o :ConcatParameter
    40 contrastive_loss_param o :ContrastiveLossParameter
    10 convolution_param o :ConvolutionParameter
    11 data_param o :DataParameter
    12 dropout_param o :DropoutParameter
    26 dummy_data_param o :DummyDataParameter
    24 eltwise_param o :EltwiseParameter
    41 exp_param o :ExpParameter
    13 hdf5_data_param o :HDF5DataParameter
    14 hdf5_output_param o :HDF5OutputParameter
    29 hinge_loss_param o :HingeLossParameter
    15 image_data_param o :ImageDataParameter
    16 infogain_loss_param o :InfogainLossParameter
    17 inner_product_param o :InnerProductParameter
    18 lrn_param o :LRNParameter
    22 memory_data_param o :MemoryDataParameter
    34 mvn_param o :MVNParameter
    19 pooling_param o :PoolingParameter
    21 power_param o :PowerParameter
    30 relu_param o :ReLUParameter
    38 sigmoid_param o :SigmoidParameter
    39 softmax_param o :SoftmaxParameter
    31 slice_param o :SliceParameter
    37 tanh_param o :TanHParameter
    25 threshold_param o :ThresholdParameter
    20 window_data_param o :WindowDataParameter
    36 transform_param o :TransformationParameter
    42 loss_param o :LossParameter
    1 layer o :V0LayerParameter
  `,
  V0LayerParameter: `
    1 name o string
    2 type o string
    3 num_output o uint32
    4 biasterm o bool true
    5 weight_filler o :FillerParameter
    6 bias_filler o :FillerParameter
    7 pad o uint32 0
    8 kernelsize o uint32
    9 group o uint32 1
    10 stride o uint32 1
    11 pool o =V0LayerParameter.PoolMethod "MAX"
    12 dropout_ratio o float 0.5
    13 local_size o uint32 5
    14 alpha o float 1
    15 beta o float 0.75
    22 k o float 1
    16 source o string
    17 scale o float 1
    18 meanfile o string
    19 batchsize o uint32
    20 cropsize o uint32 0
    21 mirror o bool false
    50 blobs r :BlobProto
    51 blobs_lr r float
    52 weight_decay r float
    53 rand_skip o uint32 0
    54 det_fg_threshold o float 0.5
    55 det_bg_threshold o float 0.5
    56 det_fg_fraction o float 0.25
    58 det_context_pad o uint32 0
    59 det_crop_mode o string "warp"
    60 new_num o int32 0
    61 new_channels o int32 0
    62 new_height o int32 0
    63 new_width o int32 0
    64 shuffle_images o bool false
    65 concat_dim o uint32 1
    1001 hdf5_output_param o :HDF5OutputParameter
  `,
  PReLUParameter: `
    1 filler o :FillerParameter
    2 channel_shared o bool false
  `,
};

/** The values of every enum. */
export const ENUMS: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  'FillerParameter.VarianceNorm': { FAN_IN: 0, FAN_OUT: 1, AVERAGE: 2 },
  'SolverParameter.SnapshotFormat': { HDF5: 0, BINARYPROTO: 1 },
  'SolverParameter.SolverMode': { CPU: 0, GPU: 1 },
  'SolverParameter.SolverType': { SGD: 0, NESTEROV: 1, ADAGRAD: 2, RMSPROP: 3, ADADELTA: 4, ADAM: 5 },
  'ParamSpec.DimCheckMode': { STRICT: 0, PERMISSIVE: 1 },
  'LossParameter.NormalizationMode': { FULL: 0, VALID: 1, BATCH_SIZE: 2, NONE: 3 },
  'ConvolutionParameter.Engine': { DEFAULT: 0, CAFFE: 1, CUDNN: 2 },
  'DataParameter.DB': { LEVELDB: 0, LMDB: 1 },
  'EltwiseParameter.EltwiseOp': { PROD: 0, SUM: 1, MAX: 2 },
  'HingeLossParameter.Norm': { L1: 1, L2: 2 },
  'LRNParameter.NormRegion': { ACROSS_CHANNELS: 0, WITHIN_CHANNEL: 1 },
  'LRNParameter.Engine': { DEFAULT: 0, CAFFE: 1, CUDNN: 2 },
  'PoolingParameter.PoolMethod': { MAX: 0, AVE: 1, STOCHASTIC: 2 },
  'PoolingParameter.Engine': { DEFAULT: 0, CAFFE: 1, CUDNN: 2 },
  'PoolingParameter.RoundMode': { CEIL: 0, FLOOR: 1 },
  'ReductionParameter.ReductionOp': { SUM: 1, ASUM: 2, SUMSQ: 3, MEAN: 4 },
  'ReLUParameter.Engine': { DEFAULT: 0, CAFFE: 1, CUDNN: 2 },
  'SigmoidParameter.Engine': { DEFAULT: 0, CAFFE: 1, CUDNN: 2 },
  'SoftmaxParameter.Engine': { DEFAULT: 0, CAFFE: 1, CUDNN: 2 },
  'TanHParameter.Engine': { DEFAULT: 0, CAFFE: 1, CUDNN: 2 },
  'SPPParameter.PoolMethod': { MAX: 0, AVE: 1, STOCHASTIC: 2 },
  'SPPParameter.Engine': { DEFAULT: 0, CAFFE: 1, CUDNN: 2 },
  'V1LayerParameter.LayerType': {
    NONE: 0,
    ABSVAL: 35,
    ACCURACY: 1,
    ARGMAX: 30,
    BNLL: 2,
    CONCAT: 3,
    CONTRASTIVE_LOSS: 37,
    CONVOLUTION: 4,
    DATA: 5,
    DECONVOLUTION: 39,
    DROPOUT: 6,
    DUMMY_DATA: 32,
    EUCLIDEAN_LOSS: 7,
    ELTWISE: 25,
    EXP: 38,
    FLATTEN: 8,
    HDF5_DATA: 9,
    HDF5_OUTPUT: 10,
    HINGE_LOSS: 28,
    IM2COL: 11,
    IMAGE_DATA: 12,
    INFOGAIN_LOSS: 13,
    INNER_PRODUCT: 14,
    LRN: 15,
    MEMORY_DATA: 29,
    MULTINOMIAL_LOGISTIC_LOSS: 16,
    MVN: 34,
    POOLING: 17,
    POWER: 26,
    RELU: 18,
    SIGMOID: 19,
    SIGMOID_CROSS_ENTROPY_LOSS: 27,
    SILENCE: 36,
    SOFTMAX: 20,
    SOFTMAX_LOSS: 21,
    SPLIT: 22,
    SLICE: 33,
    TANH: 23,
    WINDOW_DATA: 24,
    THRESHOLD: 31,
  },
  'V1LayerParameter.DimCheckMode': { STRICT: 0, PERMISSIVE: 1 },
  'V0LayerParameter.PoolMethod': { MAX: 0, AVE: 1, STOCHASTIC: 2 },
  Phase: { TRAIN: 0, TEST: 1 },
};
