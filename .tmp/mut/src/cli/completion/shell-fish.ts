import { PROGRAMS, type ShellTable } from './shell-posix.ts';
import { argumentValue, flagValue, type ShellPlace, type ShellValue, spellings } from './shell-table.ts';

/** For fish 3 and newer. */
export function fishScript({ places, naming }: ShellTable): string {
  const chains = places.filter(({ chain }) => chain !== '').map(({ chain }) => quoted(chain));
  const valued = places.flatMap(({ chain, flags }) =>
    flags
      .filter((flag) => flagValue(flag))
      .flatMap((flag) => spellings(flag).map((word) => `${chain}:${word}`)),
  );
  return `# fish completion of ace-operator

set -g __ace_operator_chains ${chains.join(' ')}
set -g __ace_operator_valued ${valued.map(quoted).join(' ')}

# The words typed so far that are commands.
function __ace_operator_chain
    set -l words (commandline -opc)
    set -l chain ''
    set -l takes no
    for word in $words[2..-1]
        if test $takes = yes
            set takes no
            continue
        end
        if string match -q -- '-*' $word
            if contains -- "$chain:$word" $__ace_operator_valued
                set takes yes
            end
            continue
        end
        set -l longer (string trim -- "$chain $word")
        if contains -- $longer $__ace_operator_chains
            set chain $longer
        end
    end
    echo $chain
end

function __ace_operator_at
    set -l chain (__ace_operator_chain)
    test "$chain" = "$argv[1]"
end

function __ace_operator_names
    set -l words (commandline -opc)
    switch $argv[1]
${namingCases(naming)}
    end 2>/dev/null | string replace -r '^[^/]*/' ''
end

${PROGRAMS.map((program) => `complete -c ${program} -f`).join('\n')}
${PROGRAMS.flatMap((program) => places.flatMap((place) => placeLines(program, place))).join('\n')}
`;
}

function namingCases(naming: ShellTable['naming']): string {
  return (['token', 'cluster'] as const)
    .flatMap((of) => {
      const command = naming[of];
      return command === undefined ? [] : [`        case ${of}`, `            $words[1] ${command} -o name`];
    })
    .join('\n');
}

function placeLines(program: string, { chain, subcommands, flags, argument }: ShellPlace): readonly string[] {
  const head = `complete -c ${program} -n ${quoted(`__ace_operator_at ${quoted(chain)}`)}`;
  const value = subcommands.length === 0 ? valueText(argumentValue(argument)) : undefined;
  return [
    ...subcommands.map(({ name, summary }) => `${head} -a ${name} -d ${quoted(summary)}`),
    ...(value === undefined ? [] : [`${head} -a ${value}`]),
    ...flags.map((flag) => `${head} ${flagText(flag)} -d ${quoted(flag.help)}`),
    `${head} -s h -l help -d 'show help'`,
  ];
}

function flagText(flag: Parameters<typeof flagValue>[0]): string {
  const names = `${flag.short === undefined ? '' : `-s ${flag.short} `}-l ${flag.flag}`;
  const value = flagValue(flag);
  if (value === undefined) return names;
  if (value.kind === 'file') return `${names} -r -F`;
  const text = valueText(value);
  return text === undefined ? `${names} -x` : `${names} -x -a ${text}`;
}

function valueText(value: ShellValue): string | undefined {
  if (value.kind === 'words') return quoted(value.words.join(' '));
  return value.kind === 'names' ? quoted(`(__ace_operator_names ${value.of})`) : undefined;
}

/** fish knows two escapes between single quotes. */
function quoted(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}
