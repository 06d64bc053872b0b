import { Argument, Command, type Option } from 'commander';
import type { Finish, Io } from '../io.ts';

/** `kelp completion SHELL`: a script that completes the commands and options that this program has. */
export function completionCommand(io: Io, finish: Finish, program: Command): Command {
  return new Command('completion')
    .description('print a script that completes commands and options in a shell')
    .addArgument(new Argument('<shell>', 'the shell that reads it').choices(['bash', 'zsh']))
    .addHelpText(
      'after',
      [
        '',
        'bash: source <(kelp completion bash), in ~/.bashrc',
        'zsh:  kelp completion zsh > DIRECTORY/_kelp, for a DIRECTORY in $fpath',
      ].join('\n'),
    )
    .action((shell: string) => {
      io.out(shell === 'bash' ? bashScript(program) : zshScript(program));
      finish(0);
    });
}

function bashScript(program: Command): string {
  const commands = program.commands.map((command) => command.name());
  const cases = program.commands.map(
    (command) => `    ${command.name()}) words="${optionWords(command)}" ;;`,
  );
  const choices = program.commands.flatMap((command) =>
    choosing(command).map(
      ({ option, values }) =>
        `    ${command.name()}:${option.long}) words="${values.join(' ')}"; cur=" $cur" ;;`,
    ),
  );
  return `# Completion of kelp for bash.
_kelp() {
  local cur=\${COMP_WORDS[COMP_CWORD]} previous=\${COMP_WORDS[COMP_CWORD - 1]} command= word words
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case $word in
    ${commands.join('|')}) command=$word; break ;;
    esac
  done
  case $command in
${cases.join('\n')}
    *) words="${[...commands, optionWords(program)].join(' ')}" ;;
  esac
  case $command:$previous in
${choices.join('\n')}
  esac
  case $cur in
    ' '*) COMPREPLY=($(compgen -W "$words" -- "\${cur# }")) ;;
    -*) COMPREPLY=($(compgen -W "$words" -- "$cur")) ;;
    *) if [ -n "$command" ]; then COMPREPLY=($(compgen -f -- "$cur")); else COMPREPLY=($(compgen -W "$words" -- "$cur")); fi ;;
  esac
}
complete -o filenames -F _kelp kelp
`;
}

function zshScript(program: Command): string {
  const names = program.commands.map(
    (command) => `    ${quoted(`${command.name()}:${command.description()}`)}`,
  );
  const cases = program.commands.map((command) => {
    const specs = visibleOptions(command).map((option) => `      ${quoted(zshOption(option))}`);
    return `    ${command.name()}) _arguments \\\n${[...specs, "      '*:file:_files'"].join(' \\\n')} ;;`;
  });
  return `#compdef kelp
# Completion of kelp for zsh.
_kelp() {
  local -a commands
  commands=(
${names.join('\n')}
  )
  if (( CURRENT == 2 )); then
    _describe command commands
    return
  fi
  case $words[2] in
${cases.join('\n')}
    *) _files ;;
  esac
}
_kelp "$@"
`;
}

function zshOption(option: Option): string {
  const text = option.description.replaceAll(/[[\]:]/gu, (mark) => `\\${mark}`);
  const values = option.argChoices === undefined ? '_files' : `(${option.argChoices.join(' ')})`;
  const argument = option.required || option.optional ? `:value:${values}` : '';
  return `${option.long}[${text}]${argument}`;
}

/** For a shell: what stands in it is not looked at. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", String.raw`'\''`)}'`;
}

function visibleOptions(command: Command): readonly Option[] {
  return command.createHelp().visibleOptions(command);
}

function optionWords(command: Command): string {
  return visibleOptions(command)
    .flatMap(({ long }) => long ?? [])
    .join(' ');
}

/** Options that take one of a few words. */
function choosing(
  command: Command,
): readonly { readonly option: Option; readonly values: readonly string[] }[] {
  return visibleOptions(command).flatMap((option) =>
    option.argChoices === undefined ? [] : [{ option, values: option.argChoices }],
  );
}
