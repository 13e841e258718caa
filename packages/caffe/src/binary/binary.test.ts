import { readFileSync } from 'node:fs';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { CaffeFormatError } from '../errors.js';
import type { FieldDescriptor, MessageName } from '../schema/descriptors.js';
import { descriptorOf, messageNames } from '../schema/descriptors.js';
import { toJson } from '../schema/json.js';
import type { AnyMessage } from '../schema/message.js';
import { create, emptyMessage, unknownFields } from '../schema/message.js';
import { parseText } from '../text/parse.js';
import { printText } from '../text/print.js';
import { decodeMessage, MAX_MESSAGE_BYTES } from './decode.js';
import { encodeChunks, encodeMessage } from './encode.js';
import { decodeUtf8, encodeUtf8 } from './utf8.js';

const fixture = (name: string) =>
  new Uint8Array(readFileSync(new URL(`../../fixtures/${name}`, import.meta.url)));
const weights = (name: string) =>
  decodeMessage('NetParameter', fixture(`weights/${name}.caffemodel`), { file: name });
const bytes = (...values: number[]) => Uint8Array.from(values);

/** How many layers a file holds, or that it is refused; any other error goes through. */
function outcomeOf(file: Uint8Array): number | 'refused' {
  try {
    return decodeMessage('NetParameter', file).layer.length;
  } catch (error) {
    if (error instanceof CaffeFormatError) return 'refused';
    throw error;
  }
}

/** Any value of a field that all three forms hold. */
function valueOf(field: FieldDescriptor, depth: number): fc.Arbitrary<unknown> {
  switch (field.type) {
    case 'bool':
      return fc.boolean();
    case 'int32':
      return fc.integer();
    case 'uint32':
      return fc.nat({ max: 0xffffffff });
    case 'int64':
      return fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
    case 'float':
      return fc.float();
    case 'double':
      return fc.double();
    case 'string':
      return fc.string({ unit: 'grapheme' });
    case 'bytes':
      return fc.uint8Array();
    case 'enum':
      return fc.constantFrom(...(field.enum?.numberOf.keys() ?? []));
    default:
      return anyMessage(field.message as MessageName, depth + 1);
  }
}

function anyMessage(name: MessageName, depth = 0): fc.Arbitrary<AnyMessage> {
  const fields: Record<string, fc.Arbitrary<unknown>> = {};
  for (const field of descriptorOf(name).fields) {
    if (field.message && depth >= 2) continue;
    const value = valueOf(field, depth);
    fields[field.name] = field.repeated ? fc.array(value, { minLength: 1, maxLength: 3 }) : value;
  }
  const requiredKeys = descriptorOf(name)
    .fields.filter((field) => field.required)
    .map((field) => field.name);
  return fc.record(fields, { requiredKeys }).map((init) => create(name, init));
}

describe('the binary format', () => {
  test.each(messageNames.map((name) => ({ name })))('$name survives binary and text', ({ name }) => {
    fc.assert(
      fc.property(anyMessage(name), (message) => {
        const json = toJson(message);
        expect(toJson(decodeMessage(name, encodeMessage(message)))).toEqual(json);
        expect(toJson(parseText(name, printText(message)))).toEqual(json);
      }),
      { numRuns: 8, seed: 1 },
    );
  });

  test.each(['plain', 'with-diff', 'double-data', 'legacy-4d', 'nan-weights'])(
    '%s is written back byte for byte',
    (name) => {
      const file = fixture(`weights/${name}.caffemodel`);
      const net = weights(name);
      expect(encodeMessage(net)).toEqual(file);
      expect(encodeMessage(decodeMessage('NetParameter', encodeMessage(net)))).toEqual(file);
    },
  );

  test.each(['det1', 'det2'])('%s, which others trained, is written back byte for byte', (name) => {
    const file = fixture(`published/${name}.caffemodel`);
    expect(Buffer.compare(encodeMessage(decodeMessage('NetParameter', file)), file)).toBe(0);
  });

  test('weights become Float32Array, packed or not, in one piece or in two', () => {
    const blob = weights('plain').layer[0]?.blobs[0];
    expect(blob?.data).toBeInstanceOf(Float32Array);
    expect(blob?.data).toHaveLength(54);
    for (const name of ['unpacked-floats', 'split-packed-floats']) {
      expect(toJson(weights(name).layer[0]?.blobs[0] ?? emptyMessage('BlobProto'))).toEqual(
        toJson(blob ?? emptyMessage('BlobProto')),
      );
    }
  });

  test('fields that the schema does not know are kept', () => {
    const net = weights('unknown-fields');
    const known = [net, ...net.layer, ...net.layer.flatMap((layer) => layer.blobs)];
    const raw = (messages: AnyMessage[]) => messages.map((message) => unknownFields(message));
    expect(raw(known).flat().length).toBeGreaterThan(2);
    const again = decodeMessage('NetParameter', encodeMessage(net));
    expect(raw([again, ...again.layer, ...again.layer.flatMap((layer) => layer.blobs)])).toEqual(raw(known));
    expect(encodeMessage(net)).toHaveLength(fixture('weights/unknown-fields.caffemodel').length);
  });

  test('an enum value that the schema does not know is kept as an unknown field', () => {
    // NetState { phase: 7 }
    const state = decodeMessage('NetState', bytes(8, 7));
    expect(state.phase).toBe('TEST');
    expect(encodeMessage(state)).toEqual(bytes(8, 7));
  });

  test('a field of another wire type than the schema gives is an unknown field', () => {
    // NetParameter { name: varint 5 }
    const net = decodeMessage('NetParameter', bytes(8, 5));
    expect(unknownFields(net)).toHaveLength(1);
    expect(encodeMessage(net)).toEqual(bytes(8, 5));
  });

  test('a number of more than ten bytes is refused, also where nobody knows the field', () => {
    const long = (tag: number) => bytes(tag, ...Array.from({ length: 10 }, () => 0x80), 1);
    expect(() => decodeMessage('NetState', long(8))).toThrow(CaffeFormatError);
    expect(() => decodeMessage('NetState', long(8 * 15))).toThrow('a number of more than 10 bytes');
  });

  test('a singular message that comes twice is merged', () => {
    const twice = new Uint8Array([
      ...encodeMessage(create('NetParameter', { state: { level: 3 } })),
      ...encodeMessage(create('NetParameter', { state: { phase: 'TRAIN' } })),
    ]);
    expect(toJson(decodeMessage('NetParameter', twice))).toEqual({ state: { phase: 'TRAIN', level: 3 } });
  });

  test('negative numbers take ten bytes, as protobuf writes them', () => {
    expect(encodeMessage(create('NetState', { level: -1 }))).toHaveLength(11);
    expect(decodeMessage('NetState', encodeMessage(create('NetState', { level: -1 }))).level).toBe(-1);
  });

  test.each(['truncated', 'truncated-in-a-tag', 'one-byte-changed-length', 'text-as-binary'])(
    '%s is refused with the file, the offset and the reason',
    (name) => {
      expect(() => weights(name)).toThrow(CaffeFormatError);
      expect(() => weights(name)).toThrow(new RegExp(`^${name}: not a NetParameter .* byte [0-9]+`));
    },
  );

  test('every truncation of a caffemodel is refused or gives a shorter net, and never anything else', () => {
    const file = fixture('weights/plain.caffemodel');
    const outcomes = Array.from(file, (_, length) => outcomeOf(file.subarray(0, length)));
    expect(outcomes.filter((outcome) => outcome !== 'refused' && outcome >= 3)).toEqual([]);
    expect(outcomes.filter((outcome) => outcome === 'refused').length).toBeGreaterThan(file.length / 2);
  });

  test('any bytes are decoded or refused, nothing else', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (file) => {
        expect(['refused', 'number']).toContain(typeof outcomeOf(file) === 'number' ? 'number' : 'refused');
      }),
      { numRuns: 500, seed: 2 },
    );
  });

  test('bytes that end the message early are accepted with a warning, as Caffe accepts them', () => {
    const warnings: string[] = [];
    const net = decodeMessage('NetParameter', fixture('weights/random-bytes.caffemodel'), {
      onWarning: (warning) => warnings.push(warning),
    });
    expect(toJson(net)).toEqual({});
    expect(warnings.join()).toContain('298 bytes after it are ignored');
  });

  test('a message of more than 2 GiB is refused before it is written', () => {
    // The same gibibyte of zeros twice: never touched, so never in memory.
    const data = new Float32Array(2 ** 28);
    const net = create('NetParameter', { layer: [{ name: 'huge', blobs: [{ data }, { data }] }] });
    expect(() => encodeChunks(net, 'huge.caffemodel')).toThrow(
      /huge\.caffemodel: 2147483\d{3} bytes; .*2 GiB.*HDF5/,
    );
    expect(encodeChunks(create('BlobProto', { data })).byteLength).toBeLessThan(MAX_MESSAGE_BYTES);
  });

  test('missing required fields are named', () => {
    const net = encodeMessage(create('NetParameter', { layer: [{}, { clip_param: { min: 0 } }] }));
    expect(() => decodeMessage('NetParameter', net)).toThrow('layer[1].clip_param.max');
  });
});

describe('strings', () => {
  test('any bytes survive being a string', () => {
    fc.assert(
      fc.property(fc.uint8Array(), (value) => {
        expect(encodeUtf8(decodeUtf8(value))).toEqual(value);
      }),
    );
  });
});
