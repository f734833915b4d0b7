import { AUTHENTICATOR_FLAGS } from '../../src/config/authenticator.ts';
import { environmentName, type Flag } from '../../src/config/flags.ts';
import { OPERATOR_FLAGS } from '../../src/config/operator.ts';
import { cell, code, generatedBy, page, table } from './markdown.ts';

/** The flags of the two programs that run until a signal ends them. */
export function flagsPage(): string {
  return page(
    generatedBy('src/config'),
    '# Flags of the operator and the authenticator',
    'A flag wins over its environment variable, and that wins over the default. Unknown flags and bad values end the program with exit code 2 and one line that says what was wrong. The flags of all other commands: [commands.md](commands.md).',
    '## ace-operator operator',
    flagTable(OPERATOR_FLAGS),
    'With stock `kube-api-auth` downstream use `--hash-algorithm sha3-512`, for it knows no bcrypt; with its versions up to v0.2.4 also `--hash-storage inline`. Beside Rancher, `--credential-namespaces` finds what its provisioning leaves: [credentials.md](../credentials.md).',
    'For one cluster alone, the same and more stands in the `spec` of its ClusterPropagation: [api.md](api.md#clusterpropagation).',
    '## ace-operator authenticator',
    flagTable(AUTHENTICATOR_FLAGS),
  );
}

/** One row a flag: as it is typed, what it is without being given, its variable, what it means. */
export function flagTable(flags: readonly Flag[]): string {
  return table(['flag', 'default', 'environment', 'meaning'], flags.map(row));
}

function row({ flag, short, placeholder, fallback, help, typedOnly, refusesVariable, repeatable }: Flag) {
  const typed = `--${flag}${placeholder === undefined ? '' : ` ${placeholder}`}`;
  const byDefault = placeholder === undefined && fallback === 'false' ? '' : code(fallback);
  const variable = typedOnly || refusesVariable ? '' : code(environmentName(flag));
  const labels = short === undefined ? code(typed) : `${code(`-${short}`)}, ${code(typed)}`;
  return [
    labels,
    byDefault,
    variable,
    cell(repeatable && !help.includes('repeatable') ? `${help}; repeatable` : help),
  ];
}
