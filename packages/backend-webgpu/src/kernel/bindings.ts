/** Which buffers a plan's kernels bind, and where. */
import type { Access, OperandPlan, OutputPlan, Plan } from '@softxent/core/plan';
import { bytesPerElement, CapabilityError, sizeOf, type DType } from '@softxent/core';

type DeviceDType = Exclude<DType, 'float64'>;

/** What a buffer is an array of, in WGSL: bytes, and halves without `f16`, come as words. */
export type StoredType = 'f32' | 'f16' | 'i32' | 'u32';

/** How a plan's tensors are bound. */
export interface BindingOptions {
  /** float16 tensors are arrays of `f16`, of which results are written as they are; else pairs in words. */
  readonly isHalfNative: boolean;
}

/** An operand in a buffer of its own. */
export interface InputBinding {
  readonly name: string;
  readonly binding: number;
  readonly dtype: DeviceDType;
  readonly stored: StoredType;
  readonly bytes: number;
  readonly level: 'row' | 'element';
  readonly access: Access;
  readonly size: number;
}

/** A result. `dtype` is what its buffer holds in the end; kernels may write float32 in its stead. */
export interface OutputBinding {
  readonly name: string;
  readonly binding: number;
  readonly dtype: DeviceDType;
  readonly stored: 'f32' | 'f16';
  /** Of an element that kernels write. */
  readonly bytes: number;
  readonly level: 'row' | 'element';
  readonly size: number;
}

/** Numbers that are part of the loss, in the scratch buffer. */
export interface ConstantBinding {
  readonly offset: number;
  readonly values: readonly number[];
  readonly level: 'row' | 'element';
  readonly access: Access;
}

export class Bindings {
  readonly inputs: readonly InputBinding[];
  readonly outputs: readonly OutputBinding[];
  readonly constants: ReadonlyMap<string, ConstantBinding>;
  /** Floats at the start of the scratch buffer that hold the constants. */
  readonly constantsLength: number;

  constructor(plan: Plan, options: BindingOptions = { isHalfNative: false }) {
    const constants = new Map<string, ConstantBinding>();
    const inputs: InputBinding[] = [];
    let offset = 0;
    // 0 holds the parameters, 1 the scratch buffer.
    let binding = 2;
    for (const operand of plan.operands) {
      const values = plan.constants[operand.name];
      if (values === undefined) {
        inputs.push(inputOf(operand, binding++, options));
      } else {
        constants.set(operand.name, { offset, values, level: operand.level, access: operand.access });
        offset += values.length;
      }
    }
    this.inputs = inputs;
    this.constants = constants;
    this.constantsLength = offset;
    this.outputs = plan.outputs.map((output) => outputOf(output, binding++, options));
  }

  input(name: string): InputBinding {
    return this.inputs.find((input) => input.name === name) as InputBinding;
  }

  output(name: string): OutputBinding {
    return this.outputs.find((output) => output.name === name) as OutputBinding;
  }
}

function deviceDType(subject: string, dtype: DType): DeviceDType {
  if (dtype !== 'float64') return dtype;
  throw new CapabilityError('webgpu', 'float64', `${subject} is float64, and WGSL has no such type`);
}

const storedTypes = { float32: 'f32', int32: 'i32', uint8: 'u32', float16: 'u32' } as const;

function inputOf(operand: OperandPlan, binding: number, { isHalfNative }: BindingOptions): InputBinding {
  const { name, level, access, shape } = operand;
  const dtype = deviceDType(name, operand.dtype);
  const stored = dtype === 'float16' && isHalfNative ? 'f16' : storedTypes[dtype];
  return { name, binding, dtype, stored, bytes: bytesPerElement(dtype), level, access, size: sizeOf(shape) };
}

function outputOf(output: OutputPlan, binding: number, { isHalfNative }: BindingOptions): OutputBinding {
  const { name, level, shape } = output;
  const dtype = deviceDType(name, output.dtype);
  const stored = dtype === 'float16' && isHalfNative ? 'f16' : 'f32';
  return { name, binding, dtype, stored, bytes: stored === 'f16' ? 2 : 4, level, size: sizeOf(shape) };
}

/** Fields of the uniform block, in order; 4 bytes each. */
const fixedFields = [
  'zero',
  'scale',
  'rows',
  'units',
  'unitsPerSlot',
  'slots',
  'o0',
  'i0',
  'iCount',
  'e0',
  'e1',
  'chunk',
  'first',
  'stateBase',
  'partialBase',
] as const;

/** Names of the uniform block's fields: the fixed ones, then what each binding's window starts at. */
export function paramFields(bindings: Bindings): readonly string[] {
  return [
    ...fixedFields,
    ...[...bindings.inputs, ...bindings.outputs].map(({ binding }) => `base${binding}`),
  ];
}
