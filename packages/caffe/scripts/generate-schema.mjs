// Turns schema/caffe-schema.json into src/schema/table.ts (what the codecs read) and src/schema/messages.ts (the types).
// `pnpm run generate` runs this and then the formatter.
import { readFileSync, writeFileSync } from 'node:fs';

const root = new URL('../', import.meta.url);
const schema = JSON.parse(readFileSync(new URL('schema/caffe-schema.json', root), 'utf8'));
const bare = (name) => name.replace(/^caffe\./, '');
const typeName = (name) => bare(name).replaceAll('.', '');
const banner =
  '// Made by scripts/generate-schema.mjs from schema/caffe-schema.json: change those, not this file.\n';

/** Fields whose values are read straight into typed arrays: they hold the weights. */
const typedArrays = new Set([
  'BlobProto.data',
  'BlobProto.diff',
  'BlobProto.double_data',
  'BlobProto.double_diff',
  'Datum.float_data',
]);

function scalarType(message, field) {
  if (typedArrays.has(`${message}.${field.name}`))
    return field.type === 'double' ? 'Float64Array' : 'Float32Array';
  const one =
    {
      string: 'string',
      bytes: 'Uint8Array',
      bool: 'boolean',
      int64: 'bigint',
      message: field.message && typeName(field.message),
      enum: field.enum && typeName(field.enum),
    }[field.type] ?? 'number';
  return field.label === 'repeated' ? `readonly ${one}[]` : one;
}

let types = `${banner}
import type { MessageBase } from './message.js';
`;
for (const [name, values] of Object.entries(schema.enums)) {
  types += `\nexport type ${typeName(name)} = ${Object.keys(values)
    .map((v) => `'${v}'`)
    .join(' | ')};\n`;
}
for (const [name, fields] of Object.entries(schema.messages)) {
  types += `\nexport interface ${typeName(name)} extends MessageBase<'${bare(name)}'> {\n`;
  for (const field of fields) types += `  ${field.name}: ${scalarType(bare(name), field)};\n`;
  types += '}\n';
}
types += `\n/** Every message type by its name in Caffe's schema. */\nexport interface MessageTypes {\n${Object.keys(
  schema.messages,
)
  .map((n) => `  ${bare(n)}: ${typeName(n)};\n`)
  .join('')}}\n`;

const letter = { optional: 'o', required: 'q', repeated: 'r' };
let table = `${banner}
/** Per message, one line a field: number, name, label (o optional, q required, r repeated, p repeated and packed), type, default as JSON. */
export const MESSAGES: Readonly<Record<string, string>> = {
`;
for (const [name, fields] of Object.entries(schema.messages)) {
  table += `  ${bare(name)}: \`\n`;
  for (const f of fields) {
    const label = f.packed ? 'p' : letter[f.label];
    const type =
      f.type === 'message'
        ? `:${bare(f.message)}`
        : f.type === 'enum'
          ? `=${bare(f.enum)}`
          : typedArrays.has(`${bare(name)}.${f.name}`)
            ? `${f.type}[]`
            : f.type;
    table += `    ${f.number} ${f.name} ${label} ${type}${f.default === undefined ? '' : ` ${JSON.stringify(f.default)}`}\n`;
  }
  table += '  `,\n';
}
table += `};\n\n/** The values of every enum. */\nexport const ENUMS: Readonly<Record<string, Readonly<Record<string, number>>>> = {\n`;
for (const [name, values] of Object.entries(schema.enums)) {
  table += `  '${bare(name)}': { ${Object.entries(values)
    .map(([k, v]) => `${k}: ${v}`)
    .join(', ')} },\n`;
}
table += '};\n';

writeFileSync(new URL('src/schema/messages.ts', root), types);
writeFileSync(new URL('src/schema/table.ts', root), table);
