import { argumentValue, flagValue, type ShellPlace, type ShellValue, spellings } from './shell-table.ts';

/** Programs whose words are completed. */
export const PROGRAMS = ['ace-operator', 'kubectl-ace'] as const;

export interface ShellTable {
  readonly places: readonly ShellPlace[];
  readonly naming: Readonly<Record<'token' | 'cluster', string | undefined>>;
}

/**
 * Two functions that bash and zsh both understand. The first prints what may stand at the cursor, a word a line, or
 * `:file`; its arguments are the words after the program's name, the one at the cursor last. The second asks for names.
 */
export function posixCore({ places, naming }: ShellTable): string {
  return `_ace_operator_candidates() {
  local chain='' takes='' word='' kubeconfig='' context=''
  while [ $# -gt 1 ]; do
    word=$1
    shift
    # bash has the equals sign of --flag=value as a word of its own.
    if [ "$word" = '=' ]; then continue; fi
    if [ -n "$takes" ]; then
      case "$takes" in
        --kubeconfig) kubeconfig=$word ;;
        --context) context=$word ;;
      esac
      takes=''
      continue
    fi
    case "$word" in
      --kubeconfig=*) kubeconfig=\${word#*=} ;;
      --context=*) context=\${word#*=} ;;
      -*)
        case "$chain:$word" in
${valueFlags(places)}
        esac
        ;;
      *)
        case "$chain:$word" in
${chains(places)}
        esac
        ;;
    esac
  done
  if [ -n "$takes" ]; then
    case "$chain:$takes" in
${flagValues(places)}
    esac
    return
  fi
  case "$1" in
    -*)
      case "$chain" in
${flagWords(places)}
      esac
      return
      ;;
  esac
  case "$chain" in
${plainWords(places)}
  esac
}

# Words come as they were typed: the shell has not replaced a home directory yet. Nothing else is replaced.
_ace_operator_path() {
  case "$1" in
    \\~/* | \\$HOME/*) printf '%s/%s' "$HOME" "\${1#*/}" ;;
    \\"*\\") _ace_operator_path "$(printf '%s' "$1" | sed 's,^"\\(.*\\)"$,\\1,')" ;;
    *) printf '%s' "$1" ;;
  esac
}

_ace_operator_names() {
  case "$1" in
${namingCases(naming)}
  esac 2>/dev/null | sed -n 's,^[^/]*/\\([-a-z0-9.]*\\)$,\\1,p'
}
`;
}

/** Patterns are quoted: a space is part of a chain. */
const pattern = (chain: string, words: readonly string[]): string =>
  words.map((word) => `'${chain}:${word}'`).join(' | ');

function valueFlags(places: readonly ShellPlace[]): string {
  return places
    .flatMap(({ chain, flags }) => {
      const words = flags.filter((flag) => flagValue(flag)).flatMap(spellings);
      return words.length === 0 ? [] : [`          ${pattern(chain, words)}) takes=$word ;;`];
    })
    .join('\n');
}

function chains(places: readonly ShellPlace[]): string {
  return places
    .filter(({ chain }) => chain !== '')
    .map(({ chain }) => {
      const words = chain.split(' ');
      return `          ${pattern(words.slice(0, -1).join(' '), words.slice(-1))}) chain='${chain}' ;;`;
    })
    .join('\n');
}

function flagValues(places: readonly ShellPlace[]): string {
  return places
    .flatMap(({ chain, flags }) =>
      flags.flatMap((flag) => {
        const command = valueCommand(flagValue(flag));
        return command === undefined ? [] : [`      ${pattern(chain, spellings(flag))}) ${command} ;;`];
      }),
    )
    .join('\n');
}

function flagWords(places: readonly ShellPlace[]): string {
  return places
    .map(({ chain, flags }) => {
      const words = [...flags.map(({ flag }) => `--${flag}`), '--help'];
      return `        '${chain}') ${wordsCommand(words)} ;;`;
    })
    .join('\n');
}

function plainWords(places: readonly ShellPlace[]): string {
  return places
    .flatMap(({ chain, subcommands, argument }) => {
      const command =
        subcommands.length > 0
          ? wordsCommand(subcommands.map(({ name }) => name))
          : valueCommand(argumentValue(argument));
      return command === undefined ? [] : [`    '${chain}') ${command} ;;`];
    })
    .join('\n');
}

function namingCases(naming: ShellTable['naming']): string {
  return (['token', 'cluster'] as const)
    .flatMap((of) => {
      const command = naming[of];
      if (command === undefined) return [];
      const where = `\${2:+--kubeconfig="$(_ace_operator_path "$2")"} \${3:+--context="$3"}`;
      return [`    ${of}) "$_ace_operator_program" ${command} -o name ${where} ;;`];
    })
    .join('\n');
}

function valueCommand(value: ShellValue | undefined): string | undefined {
  if (value?.kind === 'words') return wordsCommand(value.words);
  if (value?.kind === 'file') return "echo ':file'";
  return value?.kind === 'names' ? `_ace_operator_names ${value.of} "$kubeconfig" "$context"` : undefined;
}

function wordsCommand(words: readonly string[]): string {
  return `printf '%s\\n' ${words.join(' ')}`;
}

/** For bash 4 and newer. */
export function bashScript(table: ShellTable): string {
  return `# bash completion of ace-operator

${posixCore(table)}
_ace_operator() {
  local current=\${COMP_WORDS[COMP_CWORD]} candidates _ace_operator_program=\${COMP_WORDS[0]}
  if [ "$current" = '=' ]; then current=''; fi
  candidates=$(_ace_operator_candidates "\${COMP_WORDS[@]:1:COMP_CWORD-1}" "$current")
  if [ "$candidates" = ':file' ]; then
    compopt -o filenames 2>/dev/null
    mapfile -t COMPREPLY < <(compgen -f -- "$current")
    return
  fi
  mapfile -t COMPREPLY < <(compgen -W "$candidates" -- "$current")
}

complete -F _ace_operator ${PROGRAMS.join(' ')}
`;
}

export function zshScript(table: ShellTable): string {
  return `#compdef ${PROGRAMS.join(' ')}
# zsh completion of ace-operator

${posixCore(table)}
_ace_operator() {
  local out _ace_operator_program=$words[1]
  out=$(_ace_operator_candidates "\${(@)words[2,CURRENT-1]}" "\${words[CURRENT]}")
  if [[ $out == ':file' ]]; then
    _files
    return
  fi
  local -a candidates
  candidates=(\${(f)out})
  compadd -a candidates
}

# Read by compinit from a directory of fpath, it is the function's own body; read by source, it has to say so.
if [[ $funcstack[1] == _ace-operator ]]; then
  _ace_operator "$@"
else
  compdef _ace_operator ${PROGRAMS.join(' ')}
fi
`;
}

/** The program that kubectl asks: candidates, and how they are meant on the last line (4: no files beside them). */
export function kubectlScript(table: ShellTable): string {
  return `#!/usr/bin/env bash
# completion of kubectl ace: kubectl runs this, found on PATH as kubectl_complete-ace

${posixCore(table)}
_ace_operator_program=kubectl-ace
if [ $# -eq 0 ]; then set -- ''; fi
candidates=$(_ace_operator_candidates "$@")
if [ "$candidates" = ':file' ]; then
  echo ':0'
else
  printf '%s\\n' "$candidates"
  echo ':4'
fi
`;
}
