/** Sessions: compiled losses, device tensors, places for results, concurrent use, disposal. */
import {
  DisposedError,
  isSync,
  openSync,
  sigmoidCrossEntropy,
  softmaxCrossEntropy,
  type AnyTensor,
  type Loss,
  type Session,
  type Tensor,
} from '@softxent/core';
import { promise, Unsupported, worse, type Check, type Measured, type Subject } from '../check.js';
import { families } from '../cases/index.js';
import { lossOf, randomOperands, type Family, type Layout } from '../cases/family.js';
import { compare, gradientsOf, hold, runCase, type CaseResult, type LossCase } from '../hold.js';
import type { Random } from '../random.js';
import { copied, fill, sameBits, type HostOperands } from '../tensors.js';
import { randomMask, randomWeights, targetShapes } from './accuracy.js';
import { sameResults } from './properties.js';

const float32 = { prediction: 'float32', targets: 'float32' } as const;
const layoutOf = (family: Family): Layout => family.layouts.find(({ shape }) => shape.length === 4) as Layout;

/** A case of a family with weights and a mask. */
function caseOf(family: Family, random: Random, reduction: 'none' | 'mean' | 'mean-weight'): LossCase {
  const layout = layoutOf(family);
  const shapes = targetShapes(family, layout);
  return {
    loss: lossOf(family, layout, {}, { reduction }),
    operands: {
      ...randomOperands(family, layout, {}, float32, random),
      weights: randomWeights('float32', shapes.weights, random),
      mask: randomMask(shapes.mask, random),
    },
  };
}

const asResult = (result: unknown): CaseResult => result as CaseResult;

/** A compiled loss gives, run after run, what single calls give: nothing of an earlier run stays. */
async function compiledRuns(subject: Subject): Promise<Measured> {
  let measured: Measured = {};
  for (const family of families) {
    const [a, b] = [caseOf(family, subject.random, 'none'), caseOf(family, subject.random, 'none')];
    const compiled = await subject.session.compile(a.loss, a.operands, { gradients: gradientsOf(a) });
    const runs: CaseResult[] = [];
    for (const given of [a, b, a]) runs.push(asResult(await compiled.run(given.operands)));
    for (const [i, given] of [a, b, a].entries())
      measured = worse(measured, compare(subject, given, runs[i] as CaseResult));
    const small = { ...a, upstream: 0.5 };
    const scaled = asResult(await compiled.run(a.operands, { upstream: 0.5 }));
    measured = worse(measured, compare(subject, small, scaled));
    await compiled.dispose();
    await compiled.dispose();
  }
  return measured;
}

/** Results are given to the caller: a later run does not change them. */
async function resultsAreKept(subject: Subject): Promise<Measured> {
  for (const family of families.slice(0, 3)) {
    const [a, b] = [caseOf(family, subject.random, 'none'), caseOf(family, subject.random, 'none')];
    const compiled = await subject.session.compile(a.loss, a.operands, { gradients: gradientsOf(a) });
    const first = asResult(await compiled.run(a.operands));
    const kept = { ...first, value: copied(first.value as Tensor), gradients: copies(first.gradients) };
    await compiled.run(b.operands);
    sameResults(kept, first, a, 'a later run changed the results of an earlier one');
    await compiled.dispose();
  }
  return {};
}

const copies = (tensors: Readonly<Record<string, Tensor>>): Record<string, Tensor> =>
  Object.fromEntries(Object.entries(tensors).map(([name, tensor]) => [name, copied(tensor)]));

async function uploadAll(session: Session, operands: HostOperands): Promise<Record<string, AnyTensor>> {
  const uploaded: Record<string, AnyTensor> = {};
  for (const [name, tensor] of Object.entries(operands)) uploaded[name] = await session.upload(tensor);
  return uploaded;
}

/** Uploading and downloading keeps every bit. */
async function roundTrips(subject: Subject): Promise<Measured> {
  for (const dtype of ['float32', 'float64', 'float16', 'int32', 'uint8'] as const) {
    const { predictions, targets, weights } = subject.capabilities;
    if (![...predictions, ...targets, ...weights].includes(dtype)) continue;
    for (const shape of [[3, 5], [], [0], [1031]]) {
      const values = [NaN, Infinity, -Infinity, -0, 1.5, 1e-40, 7, 0];
      const isFloat = dtype.startsWith('float');
      const tensor = fill(dtype, shape, (i) => (isFloat ? (values[i % 8] as number) : i % 251));
      const resident = await subject.session.upload(tensor);
      const back = await subject.session.download(resident);
      promise(
        sameBits(tensor, back),
        () => `a ${dtype} tensor of shape [${shape.join(', ')}] changed on its way through the device`,
      );
      promise(back.data !== tensor.data, () => 'download gave the uploaded array itself');
      resident.free();
      resident.free();
    }
  }
  const zeros = await subject.session.download(subject.session.allocate({ dtype: 'float32', shape: [77] }));
  promise(
    zeros.data.every((value) => value === 0),
    () => 'allocate did not give zeros',
  );
  return {};
}

/** Operands and results on the device give what host tensors give. */
async function deviceTensors(subject: Subject): Promise<Measured> {
  const { session } = subject;
  let measured: Measured = {};
  for (const family of families) {
    const given = caseOf(family, subject.random, 'none');
    const residents = await uploadAll(session, given.operands);
    const gradients = gradientsOf(given);
    for (let again = 0; again < 2; again++) {
      const result = await session.valueAndGrad(given.loss, residents, { gradients, results: 'device' });
      const host: Record<string, Tensor> = {};
      for (const name of gradients) host[name] = await session.download(result.gradients[name] as never);
      const value = await session.download(result.value as never);
      measured = worse(
        measured,
        compare(subject, given, { value, gradients: host, divisor: result.divisor }),
      );
    }
    const mixed = { ...given.operands, targets: residents['targets'] as AnyTensor };
    const half = asResult(await session.valueAndGrad(given.loss, mixed, { gradients }));
    measured = worse(measured, compare(subject, given, half));
  }
  return measured;
}

/** Results land where the caller wants them, on the host or on the device, over whatever was there. */
async function places(subject: Subject): Promise<Measured> {
  const { session } = subject;
  let measured: Measured = {};
  for (const family of families) {
    const given = caseOf(family, subject.random, 'none');
    const plain = await runCase(session, given);
    const gradients = gradientsOf(given);
    const dirty = (tensor: Tensor): Tensor => fill(tensor.dtype, tensor.shape, () => NaN);
    const into = {
      value: dirty(plain.value as Tensor),
      gradients: Object.fromEntries(gradients.map((name) => [name, dirty(plain.gradients[name] as Tensor)])),
    };
    const result = asResult(await session.valueAndGrad(given.loss, given.operands, { gradients, into }));
    promise(result.value === into.value, () => 'the value is not in the place that was given for it');
    measured = worse(measured, compare(subject, given, { ...result, ...into }));
    const name = gradients[0] as string;
    const device = await session.upload(dirty(plain.gradients[name] as Tensor));
    await session.valueAndGrad(given.loss, given.operands, {
      gradients: [name],
      into: { gradients: { [name]: device } },
    });
    const onDevice = { ...plain, gradients: { ...plain.gradients, [name]: await session.download(device) } };
    measured = worse(measured, compare(subject, given, onDevice));
    device.free();
  }
  return measured;
}

/** Calls that overlap give what they give alone. */
async function overlappingCalls(subject: Subject): Promise<Measured> {
  const cases = families.flatMap((family) => [
    caseOf(family, subject.random, 'none'),
    caseOf(family, subject.random, 'mean-weight'),
    caseOf(family, subject.random, 'none'),
  ]);
  const results = await Promise.all(cases.map((given) => runCase(subject.session, given)));
  let measured: Measured = {};
  for (const [i, given] of cases.entries())
    measured = worse(measured, compare(subject, given, results[i] as CaseResult));
  // A refused call among them disturbs none of the others.
  const [first, refused, last] = await Promise.allSettled([
    runCase(subject.session, cases[0] as LossCase),
    subject.session.valueAndGrad(sigmoidCrossEntropy(), { logits: fill('float32', [2], () => 0) }),
    runCase(subject.session, cases[1] as LossCase),
  ]);
  promise(refused.status === 'rejected', () => 'a call without targets was not refused');
  for (const [settled, given] of [
    [first, cases[0]],
    [last, cases[1]],
  ] as const) {
    promise(settled.status === 'fulfilled', () => 'a call failed because another one was refused');
    measured = worse(measured, compare(subject, given as LossCase, settled.value));
  }
  return measured;
}

/** Two sessions know nothing of one another. */
async function independentSessions(subject: Subject): Promise<Measured> {
  const given = caseOf(families[0] as Family, subject.random, 'none');
  return subject.withSession(async (one) => {
    const other = await subject.withSession(async (session) => {
      const results = await Promise.all([runCase(one, given), runCase(session, given)]);
      return results.map((result) => compare(subject, given, result)).reduce(worse, {});
    });
    return worse(other, compare(subject, given, await runCase(one, given)));
  });
}

async function isDisposed(what: string, use: () => unknown): Promise<void> {
  let outcome: unknown;
  try {
    outcome = await use();
  } catch (error) {
    promise(error instanceof DisposedError, () => `${what}: expected DisposedError, got ${String(error)}`);
    return;
  }
  promise(false, () => `${what} went on working: ${String(outcome)}`);
}

/** A session that was disposed of refuses everything, and the backend opens again. */
async function disposal(subject: Subject): Promise<Measured> {
  const given = caseOf(families[0] as Family, subject.random, 'mean');
  const [logits] = Object.values(given.operands) as [Tensor];
  let session: Session | undefined;
  const left = await subject.withSession(async (opened) => {
    session = opened;
    const compiled = await opened.compile(given.loss, given.operands);
    const resident = await opened.upload(logits);
    return { compiled, resident };
  });
  const used = session as Session;
  await used.dispose();
  await used[Symbol.asyncDispose]();
  await isDisposed('valueAndGrad after disposal', () => runCase(used, given));
  await isDisposed('value after disposal', () => used.value(given.loss, given.operands));
  await isDisposed('compile after disposal', () => used.compile(given.loss, given.operands));
  await isDisposed('upload after disposal', () => used.upload(logits));
  await isDisposed('download after disposal', () => used.download(left.resident));
  await isDisposed('allocate after disposal', () => used.allocate({ dtype: 'float32', shape: [1] }));
  await isDisposed('a compiled loss after disposal', () => left.compiled.run(given.operands));
  left.resident.free();
  return subject.withSession(async (again) => compare(subject, given, await runCase(again, given)));
}

/** Disposal waits for the calls under way. */
async function disposalWaits(subject: Subject): Promise<Measured> {
  const cases = families.map((family) => caseOf(family, subject.random, 'none'));
  let running: Promise<CaseResult>[] = [];
  await subject.withSession(async (session) => {
    running = cases.map((given) => runCase(session, given));
  });
  const results = await Promise.all(running);
  return results.map((result, i) => compare(subject, cases[i] as LossCase, result)).reduce(worse, {});
}

/** More losses and shapes than a session keeps compiled. */
async function manyKernels(subject: Subject): Promise<Measured> {
  const { random } = subject;
  let measured: Measured = {};
  const of = (size: number): LossCase => ({
    loss: softmaxCrossEntropy({ temperature: 1 + size / 16 }) as Loss,
    operands: {
      logits: fill('float32', [size, 3], () => random.normal()),
      targets: fill('float32', [size, 3], () => random.uniform()),
    },
  });
  const cases = Array.from({ length: 70 }, (_, i) => of(i + 1));
  for (const given of [...cases, ...cases.slice(0, 3)])
    measured = worse(measured, await hold(subject, given));
  return measured;
}

/** A synchronous session gives the bits that an asynchronous one gives. */
async function synchronous(subject: Subject): Promise<Measured> {
  const { backend } = subject;
  if (!isSync(backend)) throw new Unsupported('synchronous sessions: the backend computes with promises');
  const session = openSync(backend);
  try {
    for (const family of families) {
      const given = caseOf(family, subject.random, 'mean-weight');
      const gradients = gradientsOf(given);
      const result = asResult(session.valueAndGrad(given.loss, given.operands, { gradients }));
      sameResults(
        await runCase(subject.session, given),
        result,
        given,
        'a synchronous session gives other bits',
      );
      const value = session.value(given.loss, given.operands);
      compare(subject, given, { ...result, value });
    }
  } finally {
    session.dispose();
  }
  await isDisposed('a synchronous session after disposal', () =>
    session.value(sigmoidCrossEntropy(), caseOf(families[0] as Family, subject.random, 'mean').operands),
  );
  return {};
}

/** `value` alone is what `valueAndGrad` gives with gradients. */
async function valueAlone(subject: Subject): Promise<Measured> {
  let measured: Measured = {};
  for (const family of families) {
    for (const reduction of ['none', 'mean', 'mean-weight'] as const) {
      const given = { ...caseOf(family, subject.random, reduction), gradients: [] };
      const value: number | Tensor = await subject.session.value(given.loss, given.operands);
      const whole = await runCase(subject.session, given);
      measured = worse(measured, compare(subject, given, { ...whole, value }));
    }
  }
  return measured;
}

/** All checks of sessions. */
export function sessionChecks(): Check[] {
  const check = (name: string, capability: string, run: Check['run']): Check => ({
    name,
    capability,
    quick: true,
    run,
  });
  return [
    check('the value alone is the value with gradients', 'sessions', valueAlone),
    check('a compiled loss keeps nothing of an earlier run', 'compiled losses', compiledRuns),
    check('results are not changed by later runs', 'compiled losses', resultsAreKept),
    check('more losses than a session keeps compiled', 'compiled losses', manyKernels),
    check('tensors survive the way to the device and back', 'device tensors', roundTrips),
    check('operands and results may live on the device', 'device tensors', deviceTensors),
    check('results land in the places that are given', 'device tensors', places),
    check('calls that overlap do not disturb each other', 'concurrent use', overlappingCalls),
    check('sessions are independent', 'concurrent use', independentSessions),
    check('a disposed session refuses everything', 'disposal', disposal),
    check('disposal waits for the calls under way', 'disposal', disposalWaits),
    check('synchronous sessions give the same bits', 'synchronous sessions', synchronous),
  ];
}
