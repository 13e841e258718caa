import { OptionError } from '../errors.js';
import type { DType } from '../tensor.js';
import {
  definitionOf,
  reductions,
  type CommonOptions,
  type Granularity,
  type Loss,
  type LossDefinition,
  type Prediction,
  type ProgramContext,
  type Reduction,
} from './loss.js';
import type { Program } from '../program/program.js';

/** What an author gives to {@link defineLoss}. `O` are the loss's own options, with their defaults filled in. */
export interface LossAuthoring<O extends object, P extends Prediction = 'logits'> {
  /** Name of the kind, as it stands in serialised losses. Use a prefix of your own: `acme/huber`. */
  readonly kind: string;
  /** Default `element`. */
  readonly granularity?: Granularity;
  /** Default `logits`. */
  readonly prediction?: P | ((options: O) => Prediction);
  /** Reduced axes (negative ones count from the end). Default: none for `element`, 1 for `class`, 2.. for `region`. */
  readonly axes?: (options: O, rank: number) => readonly number[];
  /** Default: float64, float32, float16 and uint8. */
  readonly targets?: readonly DType[];
  /** Default false. */
  readonly distributions?: boolean;
  /** Own options and their defaults; `undefined` for one that is absent unless given. */
  readonly defaults?: { readonly [K in keyof O]-?: O[K] | undefined };
  /** Throws OptionError for a value out of range. */
  readonly check?: (options: O) => void;
  /** Numbers along the reduced axis, read in the program by `context.constant(name)`. */
  readonly constants?: (options: O) => Readonly<Record<string, readonly number[]>>;
  /** The loss as arithmetic. */
  readonly program: (context: ProgramContext, options: O) => Program;
}

/** Soft targets in every form in which they are stored. */
export const softTargets: readonly DType[] = ['float64', 'float32', 'float16', 'uint8'];

/** Makes losses of one kind from options. */
export interface LossFactory<O extends object, P extends Prediction = 'logits'> {
  <R extends Reduction = 'mean'>(options?: Partial<O> & CommonOptions<R>): Loss<R, P>;
  readonly definition: LossDefinition;
}

/**
 * Defines a kind of loss. The result makes immutable losses that run on every backend; nothing is registered anywhere.
 *
 * @example
 * const squared = defineLoss({
 *   kind: 'acme/brier',
 *   program: ({ prediction, target }) => {
 *     const difference = sub(sigmoid(prediction), target);
 *     return { reductions: [], value: mul(difference, difference) };
 *   },
 * });
 */
export function defineLoss<O extends object = Record<never, never>, P extends Prediction = 'logits'>(
  authoring: LossAuthoring<O, P>,
): LossFactory<O, P> {
  const { kind, granularity = 'element', prediction = 'logits' } = authoring;
  const definition: LossDefinition = Object.freeze({
    kind,
    granularity,
    prediction: (options) => (typeof prediction === 'function' ? prediction(options as O) : prediction),
    axes: (options, rank) => authoring.axes?.(options as O, rank) ?? defaultAxes(granularity, rank),
    targets: authoring.targets ?? softTargets,
    distributions: authoring.distributions ?? false,
    defaults: Object.freeze({ ...authoring.defaults }),
    check: (options) => authoring.check?.(options as O),
    constants: (options) => authoring.constants?.(options as O) ?? {},
    program: (context, options) => authoring.program(context, options as O),
  } satisfies LossDefinition);
  const make = <R extends Reduction = 'mean'>(options: Partial<O> & CommonOptions<R> = {}): Loss<R, P> =>
    makeLoss(definition, options) as Loss<R, P>;
  return Object.assign(make, { definition });
}

function defaultAxes(granularity: Granularity, rank: number): readonly number[] {
  if (granularity === 'element') return [];
  if (granularity === 'class') return [rank < 2 ? 0 : 1];
  return rank < 3 ? [rank - 1] : Array.from({ length: rank - 2 }, (_, i) => i + 2);
}

const commonNames = ['reduction', 'ignoreValue', 'validate'] as const;

function makeLoss(definition: LossDefinition, given: object): Loss {
  const { kind, defaults } = definition;
  if (typeof given !== 'object' || given === null || Array.isArray(given)) {
    throw new OptionError({ subject: kind, found: String(given), expected: 'an options object' });
  }
  const options: Record<string, unknown> = { reduction: 'mean', validate: 'off' };
  for (const [name, value] of Object.entries(defaults)) if (value !== undefined) options[name] = value;
  for (const [name, value] of Object.entries(given)) {
    if (!(name in defaults) && !(commonNames as readonly string[]).includes(name)) {
      throw new OptionError({
        subject: `${kind} option ${name}`,
        found: 'an unknown option',
        expected: `one of ${[...Object.keys(defaults), ...commonNames].join(', ')}`,
      });
    }
    if (value !== undefined) options[name] = frozenCopy(value);
  }
  checkCommon(kind, options);
  definition.check(options);
  const loss = { kind, options: Object.freeze(options) };
  // Not enumerable: printing, comparing and serialising a loss shows its kind and options alone.
  Object.defineProperty(loss, definitionOf, { value: definition });
  return Object.freeze(loss) as unknown as Loss;
}

function frozenCopy(value: unknown): unknown {
  if (ArrayBuffer.isView(value) && !(value instanceof DataView)) {
    return Object.freeze(Array.from(value as unknown as ArrayLike<number>));
  }
  if (Array.isArray(value)) return Object.freeze(value.map(frozenCopy));
  return value;
}

function checkCommon(kind: string, options: Readonly<Record<string, unknown>>): void {
  oneOf(kind, options, 'reduction', reductions);
  oneOf(kind, options, 'validate', ['off', 'count', 'throw']);
  const ignore = options['ignoreValue'];
  if (ignore !== undefined && typeof ignore !== 'number') {
    throw new OptionError({
      subject: `${kind} option ignoreValue`,
      found: show(ignore),
      expected: 'a number',
    });
  }
}

/** How messages show the value of an option. */
export function show(value: unknown): string {
  if (typeof value === 'string') return `'${value}'`;
  if (Array.isArray(value)) return `[${value.map(show).join(', ')}]`;
  return typeof value === 'object' && value !== null ? Object.prototype.toString.call(value) : String(value);
}

/** Throws OptionError unless the option is one of the allowed words. */
export function oneOf(
  kind: string,
  options: Readonly<Record<string, unknown>>,
  name: string,
  allowed: readonly string[],
): void {
  const value = options[name];
  if (value === undefined || (typeof value === 'string' && allowed.includes(value))) return;
  throw new OptionError({
    subject: `${kind} option ${name}`,
    found: show(value),
    expected: `one of ${allowed.join(', ')}`,
  });
}

/** Throws OptionError unless the option is absent or a finite number that `holds` accepts. */
export function numberOption(
  kind: string,
  options: Readonly<Record<string, unknown>>,
  name: string,
  expected: string,
  holds: (value: number) => boolean,
): void {
  const value = options[name];
  if (value === undefined) return;
  if (typeof value !== 'number' || !Number.isFinite(value) || !holds(value)) {
    throw new OptionError({ subject: `${kind} option ${name}`, found: show(value), expected });
  }
}

/** Throws OptionError unless the option is absent or a whole number (an axis). */
export function axisOption(kind: string, options: Readonly<Record<string, unknown>>, name: string): void {
  const value = options[name];
  if (value === undefined || Number.isInteger(value)) return;
  throw new OptionError({
    subject: `${kind} option ${name}`,
    found: show(value),
    expected: 'a whole number',
  });
}
