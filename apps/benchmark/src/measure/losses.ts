/** Losses by their JSON: the built-in ones, the kernels that only move memory, and those of the user's that were made known here. */
import {
  builtInLosses,
  definitionOf,
  OptionError,
  parseLoss,
  type Loss,
  type LossDefinition,
} from '@softxent/core';
import { formulas, type Formula, type Options, type Row, type RowLoss } from '@softxent/core/reference';
import { limitLosses } from './limits.js';

/** A loss of the user's: what `defineLoss` returned, and its formula as the conformance suite takes it. */
export interface OwnLoss {
  readonly loss: { readonly definition: LossDefinition };
  readonly formula: (row: Row, options: never) => number | RowLoss;
}

/** Kinds of loss that are built in. */
export const lossKinds: readonly string[] = builtInLosses.map(({ definition }) => definition.kind);

/** By kind. A process knows those that it has loaded: JSON carries no code. */
const known = new Map<string, OwnLoss>();

/**
 * Makes a loss known to this process, and returns its kind.
 *
 * @throws {OptionError} for a kind that is built in, and for a loss that another copy of @softxent/core made
 */
export function makeKnown(own: OwnLoss): string {
  const { kind } = own.loss.definition;
  if (lossKinds.includes(kind)) {
    throw new OptionError({
      subject: 'a loss',
      found: `the kind ${kind}`,
      expected: 'a kind that is not built in',
    });
  }
  known.set(kind, own);
  if (lossOf(JSON.stringify({ kind }))[definitionOf] === undefined) {
    known.delete(kind);
    throw new OptionError({
      subject: kind,
      found: 'a loss that another copy of @softxent/core made',
      expected: 'one by the copy that this command uses',
    });
  }
  return kind;
}

/**
 * The loss that the text describes.
 *
 * @throws {OptionError} for text that is no loss, an unknown kind, or options that it does not take
 */
export function lossOf(text: string): Loss {
  return parseLoss(text, [...limitLosses, ...Array.from(known.values(), ({ loss }) => loss)]);
}

/** The float64 formula of a kind, or why there is none. */
export function formulaOf(kind: string, options: Options): Formula | string {
  if (Object.hasOwn(formulas, kind)) return formulas[kind]!;
  const own = known.get(kind);
  if (own === undefined) return 'the reference has no formula for this loss';
  const { granularity, distributions, ...definition } = own.loss.definition;
  const row = own.formula as unknown as (row: Row, options: Options) => number | RowLoss;
  const half = Array.from({ length: granularity === 'element' ? 1 : 2 }, () => 0.5);
  if (typeof row({ x: half, t: half, notT: half, labels: false }, options) === 'number') {
    return 'its formula gives values without derivatives and scales; softxent-conformance --loss holds it';
  }
  return {
    granularity,
    distributions,
    prediction: (given) => definition.prediction(given),
    axes: (given, rank) => definition.axes(given, rank),
    row: row as Formula['row'],
  };
}
