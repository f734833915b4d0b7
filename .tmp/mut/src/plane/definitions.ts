import { CUSTOM_RESOURCE_DEFINITIONS, type Resource } from '../api/names.ts';
import type { Plane } from './plane.ts';
import type { Reading } from './reading.ts';

/** A CustomResourceDefinition, as far as it decides whether our objects fit. */
export interface Definition {
  readonly name: string;
  /** The version that we use is served. */
  readonly isServed: boolean;
  readonly isNamespaced: boolean;
  /** Fields of ours that its schema would drop. */
  readonly dropped: readonly string[];
}

/** The definition of a kind; a value of undefined when there is none. */
export function readDefinition(
  plane: Plane,
  resource: Resource,
  fields: readonly string[],
): Promise<Reading<Definition | undefined>> {
  const name = `${resource.plural}.${resource.group}`;
  return plane.get(CUSTOM_RESOURCE_DEFINITIONS, name, (raw) => parseDefinition(name, resource, fields, raw));
}

interface Schema {
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly 'x-kubernetes-preserve-unknown-fields'?: boolean;
}

export function parseDefinition(
  name: string,
  resource: Resource,
  fields: readonly string[],
  raw: unknown,
): Definition {
  const { spec } = raw as {
    spec?: {
      scope?: string;
      versions?: readonly { name?: string; served?: boolean; schema?: { openAPIV3Schema?: Schema } }[];
    };
  };
  const version = spec?.versions?.find((candidate) => candidate.name === resource.version);
  const schema = version?.schema?.openAPIV3Schema;
  return {
    name,
    isServed: version?.served === true,
    isNamespaced: spec?.scope === 'Namespaced',
    dropped: version ? fields.filter((field) => drops(schema, field.split('.'))) : [],
  };
}

/** Whether a structural schema prunes the field of that path. */
function drops(schema: Schema | undefined, path: readonly string[]): boolean {
  const [first = '', ...rest] = path;
  if (path.length === 0 || schema?.['x-kubernetes-preserve-unknown-fields'] === true) return false;
  const property = schema?.properties?.[first];
  return property === undefined || drops(property, rest);
}
