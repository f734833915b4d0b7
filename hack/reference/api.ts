import { readdirSync, readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { cell, code, generatedBy, page, table } from './markdown.ts';

const CRDS = new URL('../../crds/', import.meta.url);

/** What of a schema in OpenAPI v3 the definitions use. */
interface Schema {
  readonly description?: string;
  readonly type?: string;
  readonly format?: string;
  readonly enum?: readonly string[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: Schema;
  readonly items?: Schema;
  readonly required?: readonly string[];
}

interface Definition {
  readonly spec: {
    readonly group: string;
    readonly scope: string;
    readonly names: {
      readonly kind: string;
      readonly plural: string;
      readonly shortNames?: readonly string[];
    };
    readonly versions: readonly [
      {
        readonly name: string;
        readonly schema: { readonly openAPIV3Schema: Schema };
        readonly additionalPrinterColumns?: readonly Column[];
      },
    ];
  };
}

interface Column {
  readonly name: string;
  readonly description: string;
  readonly priority?: number;
}

/** Every kind and field of crds/, ours first. */
export function apiPage(): string {
  const files = readdirSync(CRDS).filter((name) => name.endsWith('.yaml'));
  const definitions = files.map((name) => parse(readFileSync(new URL(name, CRDS), 'utf8')) as Definition);
  return page(
    generatedBy('crds/'),
    '# Kinds',
    "ClusterPropagation is the only kind of our own. The kinds of `cattle.io` are Rancher's; where there is no Rancher, `crds/` brings definitions that admit what Rancher's admit, so their fields have no type and the descriptions say which is meant. Why: [crds/README.md](../../crds/README.md). On a cluster `kubectl explain cprop` says the same.",
    table(
      ['kind', 'API', 'scope', 'short name', 'where'],
      definitions.map((definition) => summary(definition)),
    ),
    ...definitions.map(section),
  );
}

const WHERE: Readonly<Record<string, string>> = {
  'ace-operator.io': 'management cluster',
  'cluster.cattle.io': 'each downstream cluster',
  'management.cattle.io': 'management cluster',
};

function summary({ spec: { group, scope, names, versions } }: Definition): readonly string[] {
  return [
    `[${names.kind}](#${names.kind.toLowerCase()})`,
    code(`${names.plural}.${versions[0].name}.${group}`),
    scope.toLowerCase(),
    code(names.shortNames?.join(', ') ?? ''),
    WHERE[group] ?? '',
  ];
}

function section({ spec: { names, versions } }: Definition): string {
  const [{ schema, additionalPrinterColumns: columns = [] }] = versions;
  return [
    `## ${names.kind}`,
    cell(schema.openAPIV3Schema.description ?? ''),
    table(['field', 'type', 'meaning'], fields(schema.openAPIV3Schema, '')),
    'Columns of `kubectl get`:',
    table(
      ['column', 'meaning'],
      columns.map(({ name, description, priority }) => [
        cell(name),
        cell(priority ? `${description} With \`-o wide\`.` : description),
      ]),
    ),
  ].join('\n\n');
}

/** A field and what is below it, by its whole path. */
function fields(schema: Schema, prefix: string): readonly (readonly string[])[] {
  return Object.entries(schema.properties ?? {}).flatMap(([name, field]) => {
    const path = `${prefix}${name}`;
    const isList = field.type === 'array';
    return [
      [code(path), typeOf(field), meaning(field)],
      ...fields(isList ? (field.items ?? {}) : field, `${path}${isList ? '[]' : ''}.`),
    ];
  });
}

function typeOf({ type = '', format, items, additionalProperties }: Schema): string {
  if (type === 'array') return `list of ${items?.type ?? 'anything'}`;
  if (additionalProperties !== undefined) return `map of ${additionalProperties.type ?? 'anything'}`;
  return format === 'date-time' ? 'time' : type;
}

function meaning({ description = '', enum: values, minimum, maximum }: Schema): string {
  const bounds =
    minimum === undefined
      ? ''
      : maximum === undefined
        ? ` At least ${minimum}.`
        : ` From ${minimum} to ${maximum}.`;
  const choice = values === undefined ? '' : ` One of ${values.map((value) => code(value)).join(', ')}.`;
  return `${cell(description.replaceAll(/(https:\/\/\S+)/g, '[its page]($1)'))}${choice}${bounds}`;
}
