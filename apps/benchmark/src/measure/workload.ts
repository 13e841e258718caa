/** What is computed: a loss on tensors of one size and layout. */
import { definitionOf, OptionError, type Granularity, type Loss, type Prediction } from '@softxent/core';
import type { Layout, WorkloadKey } from '../model.js';
import { lossOf } from './losses.js';

/** A workload in plain data, so that another process can make the same one. */
export interface WorkloadSpec {
  /** JSON of the loss: kind and options, without reduction and axes. */
  readonly loss: string;
  readonly layout: Layout;
  /** Wanted number of logits; the shape has the nearest number that the layout allows, not more. */
  readonly elements: number;
  /** For layouts other than `flat`. */
  readonly classes: number;
}

/** A workload with its loss. */
export interface Workload {
  readonly spec: WorkloadSpec;
  readonly key: WorkloadKey;
  readonly kind: string;
  readonly granularity: Granularity;
  /** Name of the operand that holds the prediction. */
  readonly prediction: Prediction;
  /** Options that were asked for, without reduction and axes. */
  readonly options: Readonly<Record<string, unknown>>;
  /** The axis that classes lie along, or channels; null for `flat`. */
  readonly classAxis: number | null;
  /** Rows that are independent of one another (pixels), and numbers in each. */
  readonly rows: number;
  readonly width: number;
  /** The loss for this layout. */
  lossFor(reduction: 'mean' | 'none'): Loss;
}

interface Described {
  readonly kind: string;
  readonly options: Readonly<Record<string, unknown>>;
}

const decidedHere: Readonly<Record<string, string>> = {
  reduction: 'mean (which is what is timed) and none (which is what errors are found on)',
  axis: 'no axis: the layout decides',
  axes: 'no axes: the layout decides',
};

function described(text: string): Described {
  const loss = lossOf(text);
  const { options = {} } = JSON.parse(text) as { options?: Record<string, unknown> };
  for (const [name, expected] of Object.entries(decidedHere)) {
    if (name in options) {
      throw new OptionError({
        subject: `${loss.kind} option ${name}`,
        found: JSON.stringify(options[name]),
        expected,
      });
    }
  }
  return { kind: loss.kind, options };
}

/** `sigmoidCrossEntropy(posWeight 2)`: a loss as reports name it. */
function nameOf({ kind, options }: Described): string {
  const given = Object.entries(options).map(([name, value]) => `${name} ${JSON.stringify(value)}`);
  return given.length === 0 ? kind : `${kind}(${given.join(', ')})`;
}

/** The axes that a loss reduces in a layout, in a tensor of that rank. */
const reducedAxes = {
  class: { nchw: { rank: 4, axes: [1] }, 'channels-last': { rank: 2, axes: [1] } },
  region: { nchw: { rank: 4, axes: [2, 3] }, 'channels-last': { rank: 3, axes: [1] } },
} as const;

/**
 * Layouts that a loss can have: `flat` for losses over single elements; for others those whose axes it can be told to reduce, or reduces by
 * itself.
 */
export function layoutsFor(loss: string): readonly Layout[] {
  const { options, [definitionOf]: definition } = lossOf(loss);
  const { granularity, defaults } = definition;
  if (granularity === 'element') return ['flat'];
  const layouts = ['channels-last', 'nchw'] as const;
  if ((granularity === 'class' ? 'axis' : 'axes') in defaults) return layouts;
  return layouts.filter((layout) => {
    const { rank, axes: wanted } = reducedAxes[granularity][layout];
    const own = definition.axes(options, rank).map((axis) => (axis < 0 ? axis + rank : axis));
    return own.toSorted((a, b) => a - b).join() === wanted.join();
  });
}

function granularityOf(text: string): Granularity {
  return lossOf(text)[definitionOf].granularity;
}

function shapeOf(granularity: Granularity, { layout, elements, classes }: WorkloadSpec): readonly number[] {
  if (layout === 'flat') return [elements];
  const pixels = Math.max(1, Math.floor(elements / classes));
  const height = Math.max(1, Math.floor(Math.sqrt(pixels)));
  const width = Math.floor(pixels / height);
  if (layout === 'nchw') return [1, classes, height, width];
  // A region is an image's: the first axis counts images.
  return granularity === 'region' ? [1, height * width, classes] : [height * width, classes];
}

function axesFor(loss: string, layout: Layout): Readonly<Record<string, unknown>> {
  const { granularity, defaults } = lossOf(loss)[definitionOf];
  if (layout === 'flat' || granularity === 'element') return {};
  const { axes } = reducedAxes[granularity][layout];
  if (granularity === 'region') return 'axes' in defaults ? { axes } : {};
  return 'axis' in defaults ? { axis: axes[0] } : {};
}

/**
 * A workload, from plain data.
 *
 * @throws {OptionError} for an unknown kind of loss, an option that it does not take, or one that the layout decides
 */
export function workloadOf(spec: WorkloadSpec): Workload {
  const loss = described(spec.loss);
  const granularity = granularityOf(spec.loss);
  const layouts = layoutsFor(spec.loss);
  if (!layouts.includes(spec.layout)) {
    throw new OptionError({
      subject: `layout of ${loss.kind}`,
      found: spec.layout,
      expected: layouts.join(' or ') || 'none: the axes that it reduces are those of no layout here',
    });
  }
  const shape = shapeOf(granularity, spec);
  const elements = shape.reduce((product, dimension) => product * dimension, 1);
  const width = spec.layout === 'flat' ? 1 : spec.classes;
  const options = { ...loss.options, ...axesFor(spec.loss, spec.layout) };
  const lossFor = (reduction: 'mean' | 'none'): Loss =>
    lossOf(JSON.stringify({ kind: loss.kind, options: { ...options, reduction } }));
  const mean = lossFor('mean');
  return {
    spec,
    key: {
      loss: nameOf(loss),
      layout: spec.layout,
      shape,
      elements,
      classes: spec.layout === 'flat' ? null : spec.classes,
    },
    kind: loss.kind,
    granularity,
    prediction: mean[definitionOf].prediction(mean.options),
    options: loss.options,
    classAxis: spec.layout === 'flat' ? null : spec.layout === 'nchw' ? 1 : shape.length - 1,
    rows: elements / width,
    width,
    lossFor,
  };
}
