import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { descriptorOf, messageNames } from './descriptors.js';
import type { MessageName } from './descriptors.js';
import { clear, clone, create, emptyMessage, has, mutable, sourceOf, setSource } from './message.js';

interface SchemaField {
  name: string;
  number: number;
  label: string;
  type: string;
  message?: string;
  enum?: string;
  packed?: boolean;
  default?: string | number | boolean;
}
const schema = JSON.parse(
  readFileSync(new URL('../../schema/caffe-schema.json', import.meta.url), 'utf8'),
) as {
  messages: Record<string, SchemaField[]>;
  enums: Record<string, Record<string, number>>;
};
const bare = (name: string) => name.replace(/^caffe\./, '');

describe('the schema', () => {
  test('has every message of Caffe', () => {
    expect(messageNames.toSorted()).toEqual(Object.keys(schema.messages).map(bare).toSorted());
  });

  test.each(
    Object.entries(schema.messages).map(([name, fields]) => ({ name: bare(name) as MessageName, fields })),
  )('$name has the numbers, types, labels and defaults of Caffe', ({ name, fields }) => {
    const found = descriptorOf(name).fields.map((field) => ({
      name: field.name,
      number: field.number,
      label: field.required ? 'required' : field.repeated ? 'repeated' : 'optional',
      type: field.type,
      of: field.message ?? field.enum?.name,
      values: field.enum && Object.fromEntries(field.enum.numberOf),
      packed: field.packed,
    }));
    const expected = fields.map((field) => ({
      name: field.name,
      number: field.number,
      label: field.label,
      type: field.type,
      of: field.message === undefined ? field.enum && bare(field.enum) : bare(field.message),
      values: field.enum === undefined ? undefined : schema.enums[field.enum],
      packed: field.packed ?? false,
    }));
    expect(found).toEqual(expected.toSorted((a, b) => a.number - b.number));
    const message = emptyMessage(name) as unknown as Record<string, unknown>;
    const withDefault = fields.filter((field) => field.default !== undefined);
    const readings = withDefault.map(({ name: key }) => {
      const value = message[key];
      return typeof value === 'bigint' ? Number(value) : value;
    });
    expect(readings).toEqual(withDefault.map((field) => field.default));
  });
});

describe('messages', () => {
  test('a field that is not set reads as its default and is known not to be set', () => {
    const layer = create('LayerParameter');
    expect(layer.convolution_param.axis).toBe(1);
    expect(layer.bottom).toEqual([]);
    expect(layer.loss_param.normalization).toBe('VALID');
    expect(has(layer, 'convolution_param')).toBe(false);
    expect(has(layer, 'bottom')).toBe(false);
  });

  test('a field set to its default is set', () => {
    const layer = create('LayerParameter', { convolution_param: { axis: 1 } });
    expect(has(layer, 'convolution_param')).toBe(true);
    expect(has(layer.convolution_param, 'axis')).toBe(true);
    clear(layer.convolution_param, 'axis');
    expect(has(layer.convolution_param, 'axis')).toBe(false);
  });

  test('an absent message cannot be written by accident; `mutable` makes it first', () => {
    const layer = create('LayerParameter');
    expect(() => {
      layer.relu_param.negative_slope = 1;
    }).toThrow(TypeError);
    mutable(layer, 'relu_param').negative_slope = 1;
    expect(layer.relu_param.negative_slope).toBe(1);
    expect(create('LayerParameter').relu_param.negative_slope).toBe(0);
  });

  test('a field that the message does not have is refused', () => {
    expect(() => create('LayerParameter', { nmae: 'x' } as object)).toThrow('no field nmae');
  });

  test('a clone is deep and keeps its source', () => {
    const layer = create('LayerParameter', { name: 'a', param: [{ name: 'w' }] });
    setSource(layer, { file: 'f', line: 1, column: 1 });
    const copy = clone(layer);
    const [param] = copy.param;
    if (param) param.name = 'other';
    expect(layer.param[0]?.name).toBe('w');
    expect(sourceOf(copy)).toEqual({ file: 'f', line: 1, column: 1 });
  });
});
