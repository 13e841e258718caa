/** Which buffers a plan's kernels bind, and where. */
import type { Access, OperandPlan, OutputPlan, Plan } from '@softxent/core/plan';
import { bytesPerElement, CapabilityError, sizeOf, type DType } from '@softxent/core';

type DeviceDType = Exclude<DType, 'float64'>;

/** An operand in a buffer of its own. */
export interface InputBinding {
  readonly name: string;
  readonly binding: number;
  readonly dtype: DeviceDType;
  readonly bytes: number;
  readonly level: 'row' | 'element';
  readonly access: Access;
  readonly size: number;
}

/** A result. Kernels write float32; `dtype` is what the buffer holds in the end. */
export interface OutputBinding {
  readonly name: string;
  readonly binding: number;
  readonly dtype: DeviceDType;
  /** Of the float32 that kernels write. */
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

  constructor(plan: Plan) {
    const constants = new Map<string, ConstantBinding>();
    const inputs: InputBinding[] = [];
    let offset = 0;
    // 0 holds the parameters, 1 the scratch buffer.
    let binding = 2;
    for (const operand of plan.operands) {
      const values = plan.constants[operand.name];
      if (values === undefined) {
        inputs.push(inputOf(operand, binding++));
      } else {
        constants.set(operand.name, { offset, values, level: operand.level, access: operand.access });
        offset += values.length;
      }
    }
    this.inputs = inputs;
    this.constants = constants;
    this.constantsLength = offset;
    this.outputs = plan.outputs.map((output) => outputOf(output, binding++));
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

function inputOf({ name, dtype, level, access, shape }: OperandPlan, binding: number): InputBinding {
  const bytes = bytesPerElement(dtype);
  return { name, binding, dtype: deviceDType(name, dtype), bytes, level, access, size: sizeOf(shape) };
}

function outputOf({ name, dtype, level, shape }: OutputPlan, binding: number): OutputBinding {
  return { name, binding, dtype: deviceDType(name, dtype), bytes: 4, level, size: sizeOf(shape) };
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
