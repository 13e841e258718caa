/** Every misuse gives its typed error, and leaves the session as it was. */
import {
  DeviceTensor,
  DisposedError,
  DTypeError,
  f32,
  InvalidTargetsError,
  OperandError,
  OptionError,
  ShapeError,
  sigmoidCrossEntropy,
  softmaxCrossEntropy,
  SoftxentError,
  binaryCrossEntropy,
  diceSemimetric,
  type Loss,
  type Session,
  type Tensor,
} from '@softxent/core';
import { BrokenPromise, promise, type Check, type Measured, type Subject } from '../check.js';
import { hold } from '../hold.js';
import { fill, from } from '../tensors.js';

type ErrorClass = abstract new (...args: never[]) => SoftxentError;

interface Misuse {
  readonly name: string;
  readonly error: ErrorClass;
  /** What the message has to name. */
  readonly says: readonly (string | RegExp)[];
  readonly provoke: (session: Session) => Promise<unknown>;
}

const logits = fill('float32', [2, 3], (i) => i - 2);
const targets = fill('float32', [2, 3], (i) => i / 6);
const labels = from('int32', [2], [0, 2]);
const bce = sigmoidCrossEntropy();
const ce = softmaxCrossEntropy();

const loose = (operands: Record<string, unknown>): Record<string, Tensor> =>
  operands as Record<string, Tensor>;

const misuses: readonly Misuse[] = [
  {
    name: 'a missing operand',
    error: OperandError,
    says: ['targets', 'expected'],
    provoke: (s) => s.valueAndGrad(bce, { logits }),
  },
  {
    name: 'an unknown operand',
    error: OperandError,
    says: ['weight:', 'weights'],
    provoke: (s) => s.valueAndGrad(bce, { logits, targets, weight: logits }),
  },
  {
    name: 'probabilities for a loss that reads logits',
    error: OperandError,
    says: ['probabilities', 'logits'],
    provoke: (s) => s.valueAndGrad(bce, { probabilities: logits, targets }),
  },
  {
    name: 'an operand that is no tensor',
    error: SoftxentError,
    says: ['logits'],
    provoke: (s) => s.valueAndGrad(bce, loose({ logits: [1, 2, 3], targets })),
  },
  {
    name: 'a plain object for a loss',
    error: OperandError,
    says: ['loss'],
    provoke: (s) =>
      s.valueAndGrad({ kind: 'sigmoidCrossEntropy', options: {} } as unknown as Loss, { logits, targets }),
  },
  {
    name: 'integer logits',
    error: DTypeError,
    says: ['logits', 'int32', 'float32'],
    provoke: (s) => s.valueAndGrad(bce, { logits: from('int32', [2, 3], [1, 2, 3, 4, 5, 6]), targets }),
  },
  {
    name: 'class labels for a loss that has no classes',
    error: DTypeError,
    says: ['targets', 'int32', 'uint8'],
    provoke: (s) => s.valueAndGrad(bce, { logits, targets: from('int32', [2, 3], [0, 1, 0, 1, 0, 1]) }),
  },
  {
    name: 'a mask of floats',
    error: DTypeError,
    says: ['mask', 'float32', 'uint8'],
    provoke: (s) => s.valueAndGrad(bce, { logits, targets, mask: logits }),
  },
  {
    name: 'weights of whole numbers',
    error: DTypeError,
    says: ['weights', 'uint8', 'float32'],
    provoke: (s) => s.valueAndGrad(bce, { logits, targets, weights: fill('uint8', [2, 3], () => 1) }),
  },
  {
    name: 'an unknown dtype',
    error: DTypeError,
    says: ['logits', 'bfloat16'],
    provoke: (s) => s.valueAndGrad(bce, loose({ logits: { ...logits, dtype: 'bfloat16' }, targets })),
  },
  {
    name: 'data of another type than the dtype says',
    error: DTypeError,
    says: ['logits', 'Float64Array', 'Float32Array'],
    provoke: (s) => s.valueAndGrad(bce, loose({ logits: { ...logits, data: new Float64Array(6) }, targets })),
  },
  {
    name: 'data that do not fill the shape',
    error: ShapeError,
    says: ['logits', '5', '6'],
    provoke: (s) => s.valueAndGrad(bce, loose({ logits: { ...logits, data: new Float32Array(5) }, targets })),
  },
  {
    name: 'a negative dimension',
    error: ShapeError,
    says: ['logits', '-2'],
    provoke: (s) => s.valueAndGrad(bce, loose({ logits: { ...logits, shape: [-2, 3] }, targets })),
  },
  {
    name: 'targets of another shape',
    error: ShapeError,
    says: ['targets', '[3, 2]', '[2, 3]'],
    provoke: (s) => s.valueAndGrad(bce, { logits, targets: { ...targets, shape: [3, 2] } }),
  },
  {
    name: 'targets that would have to be broadcast',
    error: ShapeError,
    says: ['targets', '[3]', '[2, 3]'],
    provoke: (s) => s.valueAndGrad(bce, { logits, targets: fill('float32', [3], () => 0) }),
  },
  {
    name: 'labels of another shape',
    error: ShapeError,
    says: ['targets', '[3]', '[2]'],
    provoke: (s) => s.valueAndGrad(ce, { logits, targets: from('int32', [3], [0, 1, 2]) }),
  },
  {
    name: 'weights that do not broadcast',
    error: ShapeError,
    says: ['weights', '[2]', '[2, 3]'],
    provoke: (s) => s.valueAndGrad(bce, { logits, targets, weights: fill('float32', [2], () => 1) }),
  },
  {
    name: 'a mask of more dimensions',
    error: ShapeError,
    says: ['mask', '[1, 2, 3]'],
    provoke: (s) => s.valueAndGrad(bce, { logits, targets, mask: fill('uint8', [1, 2, 3], () => 1) }),
  },
  {
    name: 'weights with a class axis',
    error: ShapeError,
    says: ['weights', '[2, 3]', '[2]'],
    provoke: (s) => s.valueAndGrad(ce, { logits, targets, weights: fill('float32', [2, 3], () => 1) }),
  },
  {
    name: 'a scalar for a loss along an axis',
    error: SoftxentError,
    says: ['logits', 'softmaxCrossEntropy'],
    provoke: (s) =>
      s.valueAndGrad(ce, { logits: fill('float32', [], () => 1), targets: fill('float32', [], () => 1) }),
  },
  {
    name: 'an axis that the shape does not have',
    error: OptionError,
    says: ['axis', '2'],
    provoke: (s) => s.valueAndGrad(softmaxCrossEntropy({ axis: 2 }), { logits, targets }),
  },
  {
    name: 'class weights of another length',
    error: OptionError,
    says: ['classWeights', '2', '3'],
    provoke: (s) => s.valueAndGrad(softmaxCrossEntropy({ classWeights: [1, 2] }), { logits, targets }),
  },
  {
    name: 'region axes that are not adjacent',
    error: OptionError,
    says: ['axes', 'adjacent'],
    provoke: (s) => {
      const shape = [2, 3, 2];
      const x = fill('float32', shape, (i) => i);
      return s.valueAndGrad(diceSemimetric({ axes: [0, 2] }), {
        logits: x,
        targets: fill('float32', shape, () => 0.5),
      });
    },
  },
  {
    name: 'an unknown option',
    error: OptionError,
    says: ['posWeigth', 'posWeight'],
    provoke: async () => sigmoidCrossEntropy({ posWeigth: 2 } as never),
  },
  {
    name: 'an option of the wrong type',
    error: OptionError,
    says: ['labelSmoothing', "'much'"],
    provoke: async () => sigmoidCrossEntropy({ labelSmoothing: 'much' } as never),
  },
  {
    name: 'an option out of its range',
    error: OptionError,
    says: ['epsilon', '0.5'],
    provoke: async () => binaryCrossEntropy({ epsilon: 0.5 }),
  },
  {
    name: 'an unknown reduction',
    error: OptionError,
    says: ['reduction', 'average', 'mean-valid'],
    provoke: async () => sigmoidCrossEntropy({ reduction: 'average' as 'mean' }),
  },
  {
    name: 'a gradient of labels',
    error: SoftxentError,
    says: ['targets'],
    provoke: (s) => s.valueAndGrad(ce, { logits, targets: labels }, { gradients: ['targets'] }),
  },
  {
    name: 'a gradient of something that is no operand',
    error: SoftxentError,
    says: ['bias'],
    provoke: (s) => s.valueAndGrad(bce, { logits, targets }, { gradients: ['bias'] }),
  },
  {
    name: 'a place of another shape for a gradient',
    error: ShapeError,
    says: ['logits', '[3, 2]', '[2, 3]'],
    provoke: (s) =>
      s.valueAndGrad(
        bce,
        { logits, targets },
        { into: { gradients: { logits: fill('float32', [3, 2], () => 0) } } },
      ),
  },
  {
    name: 'a place of another dtype for a gradient',
    error: DTypeError,
    says: ['logits', 'float64', 'float32'],
    provoke: (s) =>
      s.valueAndGrad(
        bce,
        { logits, targets },
        { into: { gradients: { logits: fill('float64', [2, 3], () => 0) } } },
      ),
  },
  {
    name: 'a place for a value that is a number',
    error: OperandError,
    says: ['value'],
    provoke: (s) =>
      s.valueAndGrad(bce, { logits, targets }, { into: { value: fill('float32', [2, 3], () => 0) } }),
  },
  {
    name: 'an upstream that is no number',
    error: OptionError,
    says: ['upstream'],
    provoke: (s) => s.valueAndGrad(bce, { logits, targets }, { upstream: '2' as unknown as number }),
  },
  {
    name: 'operands of other shapes than were compiled',
    error: ShapeError,
    says: ['logits', '[3, 2]', '[2, 3]'],
    provoke: async (s) => {
      const compiled = await s.compile(bce, { logits: f32([2, 3]), targets: f32([2, 3]) });
      return compiled.run({ logits: { ...logits, shape: [3, 2] }, targets });
    },
  },
  {
    name: 'an operand that was not compiled',
    error: OperandError,
    says: ['weights'],
    provoke: async (s) => {
      const compiled = await s.compile(bce, { logits: f32([2, 3]), targets: f32([2, 3]) });
      return compiled.run({ logits, targets, weights: logits });
    },
  },
  {
    name: 'a tensor that was freed',
    error: DisposedError,
    says: ['logits'],
    provoke: async (s) => {
      const resident = await s.upload(logits);
      resident.free();
      return s.valueAndGrad(bce, { logits: resident, targets });
    },
  },
  {
    name: 'a compiled loss that was disposed of',
    error: DisposedError,
    says: ['compiled loss'],
    provoke: async (s) => {
      const compiled = await s.compile(bce, { logits: f32([2, 3]), targets: f32([2, 3]) });
      await compiled.dispose();
      return compiled.run({ logits, targets });
    },
  },
  {
    name: "invalid targets with validate 'throw'",
    error: InvalidTargetsError,
    says: ['targets', '2 invalid', '[1, 0]', '1.5'],
    provoke: (s) =>
      s.valueAndGrad(sigmoidCrossEntropy({ validate: 'throw' }), {
        logits,
        targets: from('float32', [2, 3], [0, 1, 0.5, 1.5, 0, NaN]),
      }),
  },
  {
    name: "a label out of range with validate 'throw'",
    error: InvalidTargetsError,
    says: ['targets', '1 invalid', '[1]', '3'],
    provoke: (s) =>
      s.valueAndGrad(softmaxCrossEntropy({ validate: 'throw' }), {
        logits,
        targets: from('int32', [2], [2, 3]),
      }),
  },
  {
    name: "a row that does not sum to 1 with validate 'throw'",
    error: InvalidTargetsError,
    says: ['targets', '1 invalid', '[1, 0]'],
    provoke: (s) =>
      s.valueAndGrad(softmaxCrossEntropy({ validate: 'throw' }), {
        logits,
        targets: from('float32', [2, 3], [0.25, 0.25, 0.5, 0.5, 0.5, 0.5]),
      }),
  },
];

const describeOutcome = (outcome: unknown): string =>
  outcome instanceof Error ? `${outcome.name}: ${outcome.message}` : typeof outcome;

async function provoked(subject: Subject, misuse: Misuse): Promise<Measured> {
  const outcome = await misuse.provoke(subject.session).then(
    () => undefined,
    (error: unknown) => error,
  );
  if (outcome === undefined) throw new BrokenPromise(`${misuse.name} raised no error`);
  promise(
    outcome instanceof misuse.error,
    () => `${misuse.name}: expected ${misuse.error.name}, got ${describeOutcome(outcome)}`,
  );
  const { code, message } = outcome;
  promise(typeof code === 'string' && code.length > 0, () => `${misuse.name}: the error has no code`);
  for (const part of misuse.says) {
    const isSaid = typeof part === 'string' ? message.includes(part) : part.test(message);
    promise(isSaid, () => `${misuse.name}: the message does not say ${String(part)}: ${message}`);
  }
  return hold(subject, { loss: bce, operands: { logits, targets } });
}

/** Checks of a tensor that belongs to another session: it needs a second one. */
async function foreignTensor(subject: Subject): Promise<Measured> {
  return subject.withSession(async (other) => {
    const foreign = await other.upload(logits);
    promise(foreign instanceof DeviceTensor, () => 'upload did not give a DeviceTensor');
    return provoked(subject, {
      name: 'a tensor of another session',
      error: OperandError,
      says: ['logits', 'another session'],
      provoke: (session) => session.valueAndGrad(bce, { logits: foreign, targets }),
    });
  });
}

/** All checks of misuse. */
export function errorChecks(): Check[] {
  const check = (name: string, run: Check['run']): Check => ({
    name: `${name} gives its typed error, and the session goes on`,
    capability: 'errors',
    quick: true,
    run,
  });
  return [
    ...misuses.map((misuse) => check(misuse.name, (subject) => provoked(subject, misuse))),
    check('a tensor of another session', foreignTensor),
  ];
}
