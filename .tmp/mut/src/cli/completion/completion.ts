// completion/: scripts by which shells complete commands and names.

import type { Command } from '../terminal/command.ts';
import { SHELLS } from './shell-table.ts';

export const completion: Command = {
  description:
    'Print a script that completes commands, flags and their values in a shell, and the names of tokens and clusters by asking the management plane.\n\n`kubectl` is for `kubectl ace`: a program that kubectl (1.26 and newer) runs when it finds it on PATH as kubectl_complete-ace.',
  arguments: [{ name: 'SHELL', help: 'bash, zsh, fish, powershell or kubectl', completes: SHELLS }],
  examples: [
    { what: 'In ~/.bashrc', command: 'completion bash > ~/.ace-operator.bash && . ~/.ace-operator.bash' },
    {
      what: 'In a directory of the fpath of zsh',
      command: 'completion zsh > ~/.zfunc/_ace-operator',
    },
    { what: 'For fish', command: 'completion fish > ~/.config/fish/completions/ace-operator.fish' },
    { what: 'In $PROFILE of PowerShell', command: 'completion powershell | Out-String | Invoke-Expression' },
    {
      what: 'For kubectl ace; make it executable',
      command: 'completion kubectl > ~/bin/kubectl_complete-ace',
    },
  ],
  onlyLooks: true,
  run: async (invocation, runtime) =>
    (await import('./run-completion.ts')).runCompletion(invocation, runtime),
};
