import { PROGRAMS, type ShellTable } from './shell-posix.ts';
import { argumentValue, flagValue, type ShellPlace, type ShellValue, spellings } from './shell-table.ts';

/**
 * For Windows PowerShell 5.1 and PowerShell 7. One table by chain of words, and one function that walks the words before the
 * cursor; nothing that was typed is run or replaced.
 */
export function powershellScript({ places, naming }: ShellTable): string {
  return `# PowerShell completion of ace-operator

Register-ArgumentCompleter -Native -CommandName ${PROGRAMS.map(quoted).join(', ')} -ScriptBlock {
  param($wordToComplete, $commandAst, $cursorPosition)
  $places = @{
${places.map(placeText).join('\n')}
  }
  $naming = @{
${namingText(naming)}
  }
  $words = @($commandAst.CommandElements |
    Where-Object { $_.Extent.EndOffset -lt $cursorPosition -or ($wordToComplete -eq '' -and $_.Extent.EndOffset -le $cursorPosition) } |
    ForEach-Object { $_.Extent.Text })
  $program = $words[0]
  $chain = ''
  $takes = $null
  $where = @()
  for ($at = 1; $at -lt $words.Count; $at++) {
    $word = $words[$at]
    $place = $places[$chain]
    if ($null -ne $takes) {
      if ($takes -ceq '--kubeconfig' -or $takes -ceq '--context') { $where += "$takes=$($word.Trim('"', "'"))" }
      $takes = $null
    } elseif ($word -clike '--kubeconfig=*' -or $word -clike '--context=*') {
      $where += $word
    } elseif ($word -clike '-*') {
      if ($place.Values.ContainsKey($word)) { $takes = $word }
    } else {
      $longer = "$chain $word".Trim()
      if ($places.ContainsKey($longer)) { $chain = $longer }
    }
  }
  $place = $places[$chain]
  $value = if ($null -ne $takes) { $place.Values[$takes] } elseif ($wordToComplete -clike '-*') { $place.Flags } else { $place.Words }
  # A file is completed by PowerShell itself when nothing is offered.
  $candidates = if ($value -is [array]) { $value } elseif ($value -clike 'names:*' -and $naming.ContainsKey($value)) {
    & $program @($naming[$value]) -o name @where 2>$null |
      ForEach-Object { ($_ -split '/', 2)[1] } | Where-Object { $_ -cmatch '^[-a-z0-9.]+$' }
  } else { @() }
  $candidates | Where-Object { $_.StartsWith($wordToComplete) } | ForEach-Object {
    [System.Management.Automation.CompletionResult]::new($_, $_, 'ParameterValue', $_)
  }
}
`;
}

/** Keys are told apart by case only in a hashtable that is made so; no two flags differ by it alone, which a test holds. */
function placeText({ chain, subcommands, flags, argument }: ShellPlace): string {
  const values = flags.flatMap((flag) => {
    const value = flagValue(flag);
    if (value === undefined) return [];
    return spellings(flag).map((word) => `${quoted(word)} = ${valueText(value)}`);
  });
  const words =
    subcommands.length > 0 ? list(subcommands.map(({ name }) => name)) : valueText(argumentValue(argument));
  return [
    `    ${quoted(chain)} = @{`,
    `      Words = ${words}`,
    `      Flags = ${list([...flags.map(({ flag }) => `--${flag}`), '--help'])}`,
    `      Values = @{ ${values.join('; ')} }`,
    '    }',
  ].join('\n');
}

function namingText(naming: ShellTable['naming']): string {
  return (['token', 'cluster'] as const)
    .flatMap((of) => {
      const command = naming[of];
      return command === undefined ? [] : [`    ${quoted(`names:${of}`)} = ${list(command.split(' '))}`];
    })
    .join('\n');
}

function valueText(value: ShellValue): string {
  if (value.kind === 'words') return list(value.words);
  return quoted(value.kind === 'names' ? `names:${value.of}` : value.kind);
}

/** Also of one word a list. */
const list = (words: readonly string[]): string => `@(${words.map(quoted).join(', ')})`;

/** Between single quotes PowerShell replaces nothing, and knows one escape; typographic quotes count as quotes there. */
function quoted(text: string): string {
  return `'${text.replaceAll(/['\u2018\u2019\u201a\u201b]/g, '$&$&')}'`;
}
